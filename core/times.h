/*
 * core/times.h - how long the functions of modules take, by their row in `.calls`.
 *
 * Every call is counted. Measured are a row's first calls, then one of some dozens, then one of a
 * thousand, with all that it calls in turn, so that the clock costs next to nothing; the rest is
 * estimated from them.
 * A time is a function's own: what others do meanwhile, in calls that go through a frame, is
 * theirs. Clocks are read anew for it (loop_ops.now_ns); under the simulator time stands still
 * within a turn, so every figure but the number of calls is 0.
 */
#ifndef CORE_TIMES_H
#define CORE_TIMES_H

#include <stdbool.h>
#include <stdint.h>

struct frame;
struct gw_admin_request;
struct gw_server;
struct module;

/** Of one row, over all generations of the code. */
struct row_time {
	uint32_t left, period;      /* the call that brings `left` to 0 is measured */
	uint64_t calls;             /* up to the last that did; see times_calls() */
	uint64_t measured;          /* those, and what others that were measured have called */
	int64_t own_ns, longest_ns; /* of the measured ones */
};

/** The module's table has as many rows as its calls now have. What was counted stays. */
void times_fit(struct module *module);
void times_free(struct module *module);
void times_reset(struct module *module);

/** A call that is measured, and its end. */
void times_begin(struct frame *frame, struct row_time *row);
void times_end(struct frame *frame);

uint64_t times_calls(const struct row_time *row);

/** All functions of a module together. */
struct time_sum {
	uint64_t calls;
	double total_ns;
	int64_t longest_ns;
	const char *longest; /* which function took that, or "" */
};
struct time_sum times_sum(const struct module *module);

/** A row for each function that was called, of one module or of all (NULL), the greatest total
 * first. */
void times_show(struct gw_server *server, const struct module *only, struct gw_admin_request *req);

#endif
