/*
 * core/loop_api.c - the table behind include/godwit/loop.h, and the server's hybrid clock.
 *
 * Between the loop, which knows plain functions, and modules, which give a struct gw_call: who is
 * called is looked up when the time has come, in the generation of the code that is then in force.
 */
#include "core/loop_api.h"
#include "core/call.h"
#include "core/image.h"
#include "core/loop.h"
#include "core/mem.h"
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <utlist.h>

struct gw_timer {
	struct loop_timer timer;
	struct gw_call call;
	struct loop_calls *calls;
	struct gw_timer *prev, *next;
};

struct deferred {
	struct gw_call call;
	struct deferred *next;
};

/* `data` is what the module knows as its job. */
struct job {
	struct loop_work work;
	struct gw_self *self; /* NULL: unloaded since */
	struct loop_calls *calls;
	struct job *prev, *next;
	gw_job_run_fn *run;
	struct image *image; /* whose code `run` is */
	struct image *other; /* whose code it runs besides, or NULL */
	bool started;
	struct gw_call done;
	size_t size;
	_Alignas(max_align_t) char data[];
};

struct loop_calls {
	struct gw_server *server;
	struct gw_timer *timers;
	struct deferred *deferred, *deferred_last;
	struct loop_defer defer;
	struct job *jobs; /* made or under way */
	struct lane_counts lanes[LOOP_LANES];
	uint64_t clock;
};

static struct loop *loop_of(struct gw_self *self)
{
	return self_server(self)->loop;
}

static void call_timer_fn(struct gw_call call)
{
	struct frame frame;
	gw_timer_fn *fn = (gw_timer_fn *)call_enter(&frame, call);

	if (fn != NULL)
		fn(call.module->state, call.tag);
	call_leave(&frame);
}

/* --- time --- */

static int64_t api_mono_ns(struct gw_self *self)
{
	return loop_of(self)->ops->mono_ns(loop_of(self));
}

static int64_t api_wall_ns(struct gw_self *self)
{
	return loop_of(self)->ops->wall_ns(loop_of(self));
}

static void api_random(struct gw_self *self, void *out, size_t n)
{
	loop_of(self)->ops->random(loop_of(self), out, n);
}

uint64_t server_clock_next(struct gw_server *server)
{
	struct loop_calls *calls = server->calls;
	uint64_t now = (uint64_t)(server->loop->ops->wall_ns(server->loop) / GW_MS) << 16;

	calls->clock = now > calls->clock ? now : calls->clock + 1;
	return calls->clock;
}

void server_clock_raise(struct gw_server *server, uint64_t clock)
{
	if (clock > server->calls->clock)
		server->calls->clock = clock;
}

static uint64_t api_clock(struct gw_self *self)
{
	return server_clock_next(self_server(self));
}

static void api_clock_raise(struct gw_self *self, uint64_t clock)
{
	server_clock_raise(self_server(self), clock);
}

/* --- timers and deferred calls --- */

static void timer_fired(struct loop_timer *timer)
{
	call_timer_fn(container_of(timer, struct gw_timer, timer)->call);
}

static struct gw_timer *api_timer_new(struct gw_self *self, struct gw_call call)
{
	struct gw_timer *t = mem_alloc(sizeof(*t));

	t->timer.loop = loop_of(self);
	t->timer.fired = timer_fired;
	t->call = call;
	t->calls = self_server(self)->calls;
	DL_PREPEND(t->calls->timers, t);
	return t;
}

static void api_timer_set(struct gw_timer *t, int64_t after_ns)
{
	t->timer.loop->ops->timer_set(&t->timer, after_ns);
}

static void api_timer_free(struct gw_timer **timer)
{
	struct gw_timer *t = *timer;

	*timer = NULL;
	if (t == NULL)
		return;
	api_timer_set(t, -1);
	DL_DELETE(t->calls->timers, t);
	free(t);
}

/* What is deferred meanwhile waits for the next turn. */
static void run_deferred(struct loop_defer *defer)
{
	struct loop_calls *calls = container_of(defer, struct loop_calls, defer);
	struct deferred *last = calls->deferred_last, *d;
	bool more = calls->deferred != NULL;

	while (more) {
		d = calls->deferred;
		more = d != last;
		calls->deferred = d->next;
		call_timer_fn(d->call);
		free(d);
	}
}

static void api_defer(struct gw_self *self, struct gw_call call)
{
	struct loop_calls *calls = self_server(self)->calls;
	struct deferred *d = mem_alloc(sizeof(*d));

	d->call = call;
	if (calls->deferred == NULL)
		calls->deferred = d;
	else
		calls->deferred_last->next = d;
	calls->deferred_last = d;
	loop_defer(calls->server->loop, &calls->defer);
}

/* --- jobs --- */

static struct job *job_of(void *data)
{
	return container_of((char *)data, struct job, data);
}

static void *api_job_new(struct gw_self *self, size_t n)
{
	struct job *job = mem_alloc(sizeof(*job) + n);

	job->self = self;
	job->size = n;
	job->calls = self_server(self)->calls;
	DL_APPEND(job->calls->jobs, job);
	return job->data;
}

/* Passwords pass through jobs. */
static void job_free(struct job *job)
{
	DL_DELETE(job->calls->jobs, job);
	if (job->image != NULL)
		image_unref(&job->image);
	if (job->other != NULL)
		image_unref(&job->other);
	sodium_memzero(job->data, job->size);
	free(job);
}

static void job_run(struct loop_work *work)
{
	struct job *job = container_of(work, struct job, work);

	job->run(job->data);
}

static void job_done(struct loop_work *work)
{
	struct job *job = container_of(work, struct job, work);
	struct frame frame;
	gw_job_done_fn *fn;

	job->calls->lanes[work->lane].ended++;
	if (job->self != NULL) {
		fn = (gw_job_done_fn *)call_enter(&frame, job->done);
		if (fn != NULL)
			fn(job->done.module->state, job->done.tag, job->data);
		call_leave(&frame);
	}
	job_free(job);
}

static void api_job_uses(struct gw_self *self, void *data, struct gw_self *other)
{
	struct image *image = self_image(other);

	(void)self;
	if (image != NULL)
		job_of(data)->other = image_ref(image);
}

static int api_job_start(struct gw_self *self, enum gw_lane lane, uint32_t run_row, void *data,
                         struct gw_call done)
{
	struct job *job = job_of(data);
	int status;

	job->work.run = job_run;
	job->work.done = job_done;
	job->work.lane = lane;
	job->run = (gw_job_run_fn *)gw_call_fn(gw_call(self, run_row, 0));
	job->done = done;
	job->image = self_image(self);
	if (job->image != NULL)
		image_ref(job->image);
	status = job->run == NULL ? -EINVAL : loop_of(self)->ops->work(loop_of(self), &job->work);
	job->calls->lanes[lane].started += status == 0;
	job->calls->lanes[lane].refused += status == -EAGAIN;
	if (status != 0)
		job_free(job);
	else
		job->started = true;
	return status;
}

static void api_stop(struct gw_self *self, const char *reason)
{
	server_stop(self_server(self), reason);
}

static void api_stop_as(struct gw_self *self, enum gw_stop_how how, const char *reason)
{
	struct gw_server *server = self_server(self);

	if (how == GW_STOP_FAILED)
		server->exit_status = 1;
	server->again = how == GW_STOP_AGAIN;
	server_stop(server, reason);
}

/* --- per server --- */

struct loop_calls *loop_calls_new(struct gw_server *server)
{
	struct loop_calls *calls = mem_alloc(sizeof(*calls));

	calls->server = server;
	calls->defer.fn = run_deferred;
	return calls;
}

static bool is_of(const struct gw_call *call, const struct gw_self *self)
{
	return self == NULL || call->module == self;
}

static void forget_deferred(struct loop_calls *calls, const struct gw_self *self)
{
	struct deferred *d;

	LL_FOREACH (calls->deferred, d)
		if (is_of(&d->call, self))
			d->call.module = NULL;
}

static void forget(struct loop_calls *calls, struct gw_self *self)
{
	struct gw_timer *t, *next_t;
	struct job *job, *next;

	DL_FOREACH_SAFE (calls->timers, t, next_t)
		if (is_of(&t->call, self))
			api_timer_free(&t);
	forget_deferred(calls, self);
	DL_FOREACH_SAFE (calls->jobs, job, next) {
		if (self != NULL && job->self != self)
			continue;
		job->self = NULL;
		if (!job->started)
			job_free(job);
	}
}

void loop_calls_forget(struct gw_server *server, struct gw_self *self)
{
	forget(server->calls, self);
}

unsigned loop_calls_jobs(struct gw_server *server, struct gw_self *self)
{
	struct job *job;
	unsigned n = 0;

	DL_FOREACH (server->calls->jobs, job)
		n += job->self == self && job->started;
	return n;
}

const struct lane_counts *loop_calls_lanes(const struct gw_server *server)
{
	return server->calls->lanes;
}

size_t loop_calls_timers(const struct gw_server *server, const struct gw_self *self)
{
	const struct gw_timer *t;
	size_t n = 0;

	DL_FOREACH (server->calls->timers, t)
		n += t->call.module == self;
	return n;
}

void loop_calls_free(struct loop_calls **calls)
{
	struct loop_calls *c = *calls;
	struct deferred *d;

	*calls = NULL;
	loop_defer_cancel(c->server->loop, &c->defer);
	forget(c, NULL);
	while ((d = c->deferred) != NULL) {
		c->deferred = d->next;
		free(d);
	}
	free(c);
}

const struct gw_loop_api loop_api = {
	.mono_ns = api_mono_ns,
	.wall_ns = api_wall_ns,
	.random = api_random,
	.clock = api_clock,
	.clock_raise = api_clock_raise,
	.timer_new = api_timer_new,
	.timer_set = api_timer_set,
	.timer_free = api_timer_free,
	.defer = api_defer,
	.job_new = api_job_new,
	.job_start = api_job_start,
	.job_uses = api_job_uses,
	.stop = api_stop,
	.stop_as = api_stop_as,
};
