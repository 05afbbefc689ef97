/*
 * core/sink.c - sinks of modules' own: a write is a call.
 *
 * The call names a row, so that it is answered by the generation of the code that is then in force.
 * One whose module has ended stays, silent, until the server's end: others may still know it.
 */
#include "core/sink.h"
#include "core/call.h"
#include "core/conn.h"
#include "core/mem.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct own_sink {
	struct gw_sink sink;
	struct gw_call write; /* module NULL: it has ended */
	struct conns *conns;
	struct own_sink *prev, *next;
};

static struct own_sink *own_of(struct gw_sink *sink)
{
	return container_of(sink, struct own_sink, sink);
}

struct gw_sink *sink_new(struct gw_self *self, struct gw_call write)
{
	struct own_sink *own = mem_alloc(sizeof(*own));

	own->sink.queue.nowhere = true;
	own->write = write;
	own->conns = self_server(self)->conns;
	DL_APPEND(own->conns->sinks, own);
	return &own->sink;
}

static void own_free(struct own_sink *own)
{
	DL_DELETE(own->conns->sinks, own);
	free(own);
}

void sink_free(struct gw_sink **sink)
{
	struct gw_sink *s = *sink;

	*sink = NULL;
	if (s != NULL)
		own_free(own_of(s));
}

/* The row may free the sink. */
void sink_write_buf(struct gw_sink *sink, struct gw_buf *buf)
{
	struct gw_call call = own_of(sink)->write;
	struct frame frame;
	gw_sink_fn *fn;

	if (buf->len == 0)
		return;
	fn = (gw_sink_fn *)call_enter(&frame, call);
	if (fn != NULL)
		fn(call.module->state, call.tag, buf);
	call_leave(&frame);
}

void sink_write(struct gw_sink *sink, const void *p, size_t n)
{
	struct gw_buf *buf = buf_new(n);

	memcpy(buf->data, p, n);
	sink_write_buf(sink, buf);
	buf_unref(&buf);
}

void sinks_forget(struct conns *conns, const struct gw_self *module)
{
	struct own_sink *own;

	DL_FOREACH (conns->sinks, own)
		if (own->write.module == module)
			own->write.module = NULL;
}

size_t sinks_of(const struct conns *conns, const struct gw_self *module)
{
	const struct own_sink *own;
	size_t n = 0;

	DL_FOREACH (conns->sinks, own)
		n += own->write.module == module;
	return n;
}

void sinks_free(struct conns *conns)
{
	struct own_sink *own, *next;

	DL_FOREACH_SAFE (conns->sinks, own, next)
		own_free(own);
}
