/*
 * core/times.c - measures calls into modules; times_show.c tells the figures (times.h).
 */
#include "core/times.h"
#include "core/call.h"
#include "core/loop.h"
#include "core/mem.h"

#include <stdlib.h>

enum {
	always = 64, /* calls of a row that are all measured: what is rare is measured whole */
	apart = 127  /* then one of so many; odd, so that it does not keep step with what repeats */
};

void times_fit(struct module *module)
{
	uint32_t n = module->self.n_calls, had = module->n_times;

	if (n <= had)
		return;
	module->times = mem_resize(module->times, n * sizeof(*module->times));
	for (uint32_t i = had; i < n; i++)
		module->times[i] = (struct row_time){.left = 1, .period = 1};
	module->n_times = n;
}

void times_free(struct module *module)
{
	free(module->times);
	module->times = NULL;
	module->n_times = 0;
}

void times_reset(struct module *module)
{
	for (uint32_t i = 0; i < module->n_times; i++)
		module->times[i] = (struct row_time){.left = 1, .period = 1};
}

uint64_t times_calls(const struct row_time *row)
{
	return row->calls + row->period - row->left;
}

static int64_t now_ns(struct gw_server *server)
{
	return server->loop->ops->now_ns(server->loop);
}

void times_begin(struct frame *frame, struct row_time *row)
{
	if (row->left == 0) {
		row->calls += row->period;
		row->left = row->period = row->calls < always ? 1 : apart;
	}
	frame->row = row;
	frame->above = frame->server->measured;
	frame->inner_ns = 0;
	frame->server->measured = frame;
	frame->began_ns = now_ns(frame->server);
}

void times_end(struct frame *frame)
{
	int64_t took = now_ns(frame->server) - frame->began_ns, own = took - frame->inner_ns;
	struct row_time *row = frame->row;

	row->measured++;
	row->own_ns += own;
	if (own > row->longest_ns)
		row->longest_ns = own;
	if (frame->above != NULL)
		frame->above->inner_ns += took;
	frame->server->measured = frame->above;
}
