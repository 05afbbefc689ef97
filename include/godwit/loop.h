/*
 * godwit/loop.h - time, randomness, timers, deferred calls and work off the loop.
 *
 * One thread runs the loop, in turns; all module code but the `run` of a job runs on it. Nothing
 * else asks the system for the time or for random bytes: under the simulator both are the
 * simulator's.
 */
#ifndef GODWIT_LOOP_H
#define GODWIT_LOOP_H

#include <godwit/self.h>
#include <stddef.h>
#include <stdint.h>

#define GW_MS ((int64_t)1000000)
#define GW_SECOND ((int64_t)1000 * GW_MS)

struct gw_timer; /* opaque, the core's; freed with its module at the latest */

/** Where a job runs: WRITE one thread in order (durable commits), READ what may wait for the disk,
 * COMPUTE password hashes (niced, bounded). */
enum gw_lane { GW_LANE_WRITE, GW_LANE_READ, GW_LANE_COMPUTE };

/** What a timer or a deferred call must name. */
typedef void gw_timer_fn(void *state, uint64_t tag);
/** The part of a job that runs off the loop: no state, no call of these headers, only `job`. */
typedef void gw_job_run_fn(void *job);
/** The end of a job, on the loop. The core wipes and frees `job` afterwards. */
typedef void gw_job_done_fn(void *state, uint64_t tag, void *job);

/** What comes after the end. */
enum gw_stop_how {
	GW_STOP_DONE,   /* exit status 0 */
	GW_STOP_FAILED, /* exit status 1: the person who started the server is to look at it */
	GW_STOP_AGAIN   /* it starts anew at once, in the same process, without a verb */
};

/** The table behind the functions below; call those. */
struct gw_loop_api {
	int64_t (*mono_ns)(struct gw_self *);
	int64_t (*wall_ns)(struct gw_self *);
	void (*random)(struct gw_self *, void *out, size_t n);
	uint64_t (*clock)(struct gw_self *);
	void (*clock_raise)(struct gw_self *, uint64_t clock);
	struct gw_timer *(*timer_new)(struct gw_self *, struct gw_call);
	void (*timer_set)(struct gw_timer *, int64_t after_ns);
	void (*timer_free)(struct gw_timer **);
	void (*defer)(struct gw_self *, struct gw_call);
	void *(*job_new)(struct gw_self *, size_t n);
	int (*job_start)(struct gw_self *, enum gw_lane, uint32_t run_row, void *job,
	                 struct gw_call done);
	void (*stop)(struct gw_self *, const char *reason);
	void (*job_uses)(struct gw_self *, void *job, struct gw_self *other);
	void (*stop_as)(struct gw_self *, enum gw_stop_how, const char *reason);
};

/** Monotonic time of this turn, in nanoseconds. */
static inline int64_t gw_mono_ns(struct gw_self *self)
{
	return self->core->loop->mono_ns(self);
}

/** Wall clock of this turn, nanoseconds since 1970 UTC. */
static inline int64_t gw_wall_ns(struct gw_self *self)
{
	return self->core->loop->wall_ns(self);
}

/** Unpredictable bytes. */
static inline void gw_random(struct gw_self *self, void *out, size_t n)
{
	self->core->loop->random(self, out, n);
}

/** Eight of them as a number. */
static inline uint64_t gw_random_u64(struct gw_self *self)
{
	uint64_t value;

	gw_random(self, &value, sizeof(value));
	return value;
}

/** The server's hybrid clock: milliseconds since 1970 << 16 | counter; every call gives a greater
 * one. */
static inline uint64_t gw_clock_next(struct gw_self *self)
{
	return self->core->loop->clock(self);
}

/** Never again gives a clock at or below `clock` (one stored, or received and found plausible). */
static inline void gw_clock_raise(struct gw_self *self, uint64_t clock)
{
	self->core->loop->clock_raise(self, clock);
}

/** A stopped timer that names a gw_timer_fn. */
static inline struct gw_timer *gw_timer_new(struct gw_self *self, struct gw_call call)
{
	return self->core->loop->timer_new(self, call);
}

/** Fires once, `after_ns` from now, in place of any earlier setting; negative stops it. */
static inline void gw_timer_set(struct gw_timer *timer, struct gw_self *self, int64_t after_ns)
{
	self->core->loop->timer_set(timer, after_ns);
}

/** Stops it, gives it back, and nulls `*timer`; NULL is fine. */
static inline void gw_timer_free(struct gw_timer **timer, struct gw_self *self)
{
	self->core->loop->timer_free(timer);
}

/** Calls a gw_timer_fn once, at the end of this turn (from inside such a call: of the next). */
static inline void gw_defer(struct gw_self *self, struct gw_call call)
{
	self->core->loop->defer(self, call);
}

/** Zeroed memory for a job; the core's from gw_job_start() on. */
static inline void *gw_job_new(struct gw_self *self, size_t n)
{
	return self->core->loop->job_new(self, n);
}

/**
 * Hands `job` to a lane: `run_row` names a gw_job_run_fn, `done` a gw_job_done_fn, called exactly
 * once in a later turn (unless the module was unloaded, not merely reloaded). Returns 0, or -EAGAIN
 * when the lane's queue is full: then `job` is freed and nothing is called.
 */
static inline int gw_job_start(struct gw_self *self, enum gw_lane lane, uint32_t run_row, void *job,
                               struct gw_call done)
{
	return self->core->loop->job_start(self, lane, run_row, job, done);
}

/** Before gw_job_start(), at most once: `job` also runs code of the module `other`, whose
 * generation now in force stays loaded for it. */
static inline void gw_job_uses(struct gw_self *self, void *job, struct gw_self *other)
{
	self->core->loop->job_uses(self, job, other);
}

/** Ends the server in good order at the end of the turn; `reason` is logged and told to clients. */
static inline void gw_stop(struct gw_self *self, const char *reason)
{
	self->core->loop->stop(self, reason);
}

/** The same, and what comes then. */
static inline void gw_stop_as(struct gw_self *self, enum gw_stop_how how, const char *reason)
{
	self->core->loop->stop_as(self, how, reason);
}

#endif
