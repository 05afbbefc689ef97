/*
 * core/sink.h - where output goes: a connection's queue, or a row of a module.
 *
 * Who writes does not know which it is. Those of connections are part of struct gw_conn; those of
 * modules are in a list of the server's, so that the end of a module leaves none behind that calls
 * it.
 */
#ifndef CORE_SINK_H
#define CORE_SINK_H

#include "core/outq.h"
#include <godwit/conn.h>

struct conns;
struct own_sink;

struct gw_sink {
	struct outq queue; /* `nowhere`: a module's, see struct own_sink */
};

struct gw_sink *sink_new(struct gw_self *self, struct gw_call write);
void sink_free(struct gw_sink **sink);
/** What is written to one that sink_new() made: calls the row, now. */
void sink_write(struct gw_sink *sink, const void *p, size_t n);
void sink_write_buf(struct gw_sink *sink, struct gw_buf *buf);

/** The module has ended: what others still write to its sinks is dropped. */
void sinks_forget(struct conns *conns, const struct gw_self *module);
/** Those of one module. */
size_t sinks_of(const struct conns *conns, const struct gw_self *module);
/** At the server's end. */
void sinks_free(struct conns *conns);

#endif
