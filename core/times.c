/*
 * core/times.c - measures calls into modules; times_show.c tells the figures (times.h).
 */
#include "core/times.h"
#include "core/call.h"
#include "core/loop.h"
#include "core/mem.h"

#include <stdlib.h>

/* What is rare is measured whole: the first calls of a row. Then one of so many; primes, so that
 * it does not keep step with what repeats. */
static const struct {
	uint64_t calls; /* from so many on */
	uint32_t apart;
} steps[] = {{0, 1}, {64, 127}, {20000, 1021}};

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

static uint32_t period_of(uint64_t calls)
{
	size_t i = sizeof(steps) / sizeof(steps[0]) - 1;

	while (calls < steps[i].calls)
		i--;
	return steps[i].apart;
}

static int64_t now_ns(struct gw_server *server)
{
	return server->loop->ops->now_ns(server->loop);
}

void times_begin(struct frame *frame, struct row_time *row)
{
	if (row->left == 0) {
		row->calls += row->period;
		row->left = row->period = period_of(row->calls);
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
