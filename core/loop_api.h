/*
 * core/loop_api.h - what modules asked to be called later: timers, deferred calls, jobs; and the
 * server's clock.
 *
 * Everything is held as a struct gw_call, so it survives a reload of the module's code; what a
 * module leaves behind at its unload is taken back by loop_calls_forget(). A job pins the image
 * whose `run` it executes: image_ref() and image_unref() of the module part, on the loop's thread.
 */
#ifndef CORE_LOOP_API_H
#define CORE_LOOP_API_H

#include <godwit/loop.h>
#include <stdint.h>

struct gw_server;
struct loop_calls;

struct loop_calls *loop_calls_new(struct gw_server *server);
/** After the loop's work_finish(): no job may be left. */
void loop_calls_free(struct loop_calls **calls);

/** `self` is unloaded for good: its timers and deferred calls end, its jobs' completions will call
 * nothing. */
void loop_calls_forget(struct gw_server *server, struct gw_self *self);
/** Jobs of `self` under way, of all generations. */
unsigned loop_calls_jobs(struct gw_server *server, struct gw_self *self);

/** Jobs of one lane. */
struct lane_counts {
	uint64_t started, refused; /* refused: the lane's queue was full */
	uint64_t ended;
};
/** By enum gw_lane. */
const struct lane_counts *loop_calls_lanes(const struct gw_server *server);

/** The timers that it has. */
size_t loop_calls_timers(const struct gw_server *server, const struct gw_self *self);

/** The hybrid clock: as gw_clock_next() and gw_clock_raise(), for the core. */
uint64_t server_clock_next(struct gw_server *server);
void server_clock_raise(struct gw_server *server, uint64_t clock);

/** The table behind include/godwit/loop.h. */
extern const struct gw_loop_api loop_api;

#endif
