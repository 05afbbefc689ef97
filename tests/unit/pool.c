/*
 * tests/unit/pool.c - work off the loop: lanes, order, bounds; and jobs of modules on top of it.
 */
#include "core/pool.h"
#include "core/image.h"
#include "core/loop_api.h"
#include "core/module.h"
#include "tests/unit/bare.h"
#include "tests/unit/cmocka.h"
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct note {
	struct loop_work work;
	int number;
	struct notes *notes;
};

struct notes {
	struct note all[200];
	int order[200], n;
	atomic_int running, most, woken;
	pthread_mutex_t gate;
};

static void wake(void *ctx)
{
	atomic_fetch_add(&((struct notes *)ctx)->woken, 1);
}

static void run(struct loop_work *work)
{
	struct notes *notes = container_of(work, struct note, work)->notes;
	int now = atomic_fetch_add(&notes->running, 1) + 1;

	if (now > atomic_load(&notes->most))
		atomic_store(&notes->most, now);
	pthread_mutex_lock(&notes->gate);
	pthread_mutex_unlock(&notes->gate);
	atomic_fetch_sub(&notes->running, 1);
}

static void done(struct loop_work *work)
{
	struct note *note = container_of(work, struct note, work);

	note->notes->order[note->notes->n++] = note->number;
}

static struct notes *notes_new(unsigned lane)
{
	struct notes *notes = calloc(1, sizeof(*notes));
	int i;

	pthread_mutex_init(&notes->gate, NULL);
	for (i = 0; i < 200; i++)
		notes->all[i] = (struct note){{.run = run, .done = done, .lane = lane}, i, notes};
	return notes;
}

static void completions_come_in_the_order_of_submission(void **state)
{
	static const unsigned lanes[] = {GW_LANE_WRITE, GW_LANE_READ, GW_LANE_COMPUTE,
	                                 LOOP_LANE_LOOKUP};
	struct notes *notes;
	struct pool *pool;
	int i, lane;

	(void)state;
	for (lane = 0; lane < 4; lane++) {
		notes = notes_new(lanes[lane]);
		pool = pool_new(wake, notes);
		for (i = 0; i < 90; i++)
			assert_int_equal(pool_submit(pool, &notes->all[i].work), 0);
		pool_finish(pool);
		assert_int_equal(notes->n, 90);
		for (i = 0; i < 90; i++)
			assert_int_equal(notes->order[i], i);
		assert_true(atomic_load(&notes->woken) > 0);
		if (lanes[lane] == GW_LANE_WRITE)
			assert_int_equal(atomic_load(&notes->most), 1);
		pool_free(&pool);
		free(notes);
	}
}

static unsigned threads_alive(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(tasks);
	while ((entry = readdir(tasks)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(tasks);
	return n;
}

/* Looked at again and again: there is nothing to wait on for the end of a kernel's thread. */
static void wait_for_threads(unsigned n)
{
	int i;

	for (i = 0; i < 100 && threads_alive() != n; i++)
		usleep(100000);
	assert_int_equal(threads_alive(), n);
}

/* A name service that does not answer is none of the store's business. */
static void names_that_are_looked_up_hold_up_nothing_else(void **state)
{
	struct notes *names = notes_new(LOOP_LANE_LOOKUP), *reads = notes_new(GW_LANE_READ);
	struct pool *pool = pool_new(wake, names);

	(void)state;
	pthread_mutex_lock(&names->gate);
	for (int i = 0; i < 20; i++)
		assert_int_equal(pool_submit(pool, &names->all[i].work), 0);
	assert_int_equal(pool_submit(pool, &reads->all[0].work), 0);
	for (int i = 0; i < 5000 && reads->n == 0; i++) {
		usleep(1000);
		pool_complete(pool);
	}
	assert_int_equal(reads->n, 1);
	assert_int_equal(names->n, 0);
	pthread_mutex_unlock(&names->gate);
	pool_finish(pool);
	assert_int_equal(names->n, 20);
	pool_free(&pool);
	free(names);
	free(reads);
}

static void threads_go_when_there_is_no_work_and_come_back(void **state)
{
	struct notes *notes = notes_new(GW_LANE_READ);
	struct pool *pool = pool_new(wake, notes);
	unsigned alone = threads_alive();
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		assert_int_equal(pool_submit(pool, &notes->all[i].work), 0);
	pool_finish(pool);
	assert_true(threads_alive() > alone);
	wait_for_threads(alone);
	for (i = 40; i < 90; i++)
		assert_int_equal(pool_submit(pool, &notes->all[i].work), 0);
	pool_finish(pool);
	assert_int_equal(notes->n, 90);
	pool_free(&pool);
	wait_for_threads(alone);
	free(notes);
}

static void the_compute_lane_is_bounded(void **state)
{
	struct notes *notes = notes_new(GW_LANE_COMPUTE);
	struct pool *pool = pool_new(wake, notes);
	int i, status = 0;

	(void)state;
	pthread_mutex_lock(&notes->gate);
	for (i = 0; i < 200 && status == 0; i++)
		status = pool_submit(pool, &notes->all[i].work);
	assert_int_equal(status, -EAGAIN);
	assert_true(i > POOL_COMPUTE_QUEUE);
	pthread_mutex_unlock(&notes->gate);
	pool_finish(pool);
	assert_int_equal(notes->n, i - 1);
	pool_free(&pool);
	free(notes);
}

static void a_pool_that_ends_runs_what_it_took(void **state)
{
	struct notes *notes = notes_new(GW_LANE_WRITE);
	struct pool *pool = pool_new(wake, notes);
	int i;

	(void)state;
	for (i = 0; i < 50; i++)
		pool_submit(pool, &notes->all[i].work);
	pool_free(&pool);
	assert_null(pool);
	assert_int_equal(notes->n, 0); /* but calls nobody */
	free(notes);
}

/* --- jobs of a module --- */

enum row { ROW_RUN, ROW_DONE, ROW_TICK };

struct state {
	struct bare *bare;
	int results[8], n, ticks;
};

static void job_run(void *job)
{
	int *number = job;

	*number = *number * *number;
}

static void job_done(void *state, uint64_t tag, void *job)
{
	struct state *s = state;

	assert_int_equal(tag, 7);
	s->results[s->n++] = *(int *)job;
	if (s->n == 3)
		gw_stop(bare_self(s->bare), "done");
}

static void other_done(void *state, uint64_t tag, void *job)
{
	(void)tag;
	((struct state *)state)->results[7] += *(int *)job;
	gw_stop(bare_self(((struct state *)state)->bare), "done");
}

static void tick(void *state, uint64_t tag)
{
	struct state *s = state;

	assert_int_equal(tag, 5);
	if (++s->ticks == 3)
		gw_stop(bare_self(s->bare), "done");
	else
		gw_defer(bare_self(s->bare), gw_call(bare_self(s->bare), ROW_TICK, 5));
}

static const struct gw_call_row calls[] = {
	[ROW_RUN] = {"run", (gw_fn *)job_run},
	[ROW_DONE] = {"done", (gw_fn *)job_done},
	[ROW_TICK] = {"tick", (gw_fn *)tick},
	{NULL, NULL},
};

/* The same with another `done`: the next generation. */
static const struct gw_call_row next_calls[] = {
	[ROW_RUN] = {"run", NULL},
	[ROW_DONE] = {"done", (gw_fn *)other_done},
	[ROW_TICK] = {"tick", NULL},
	{NULL, NULL},
};

static int setup(void **state)
{
	struct state *s = calloc(1, sizeof(*s));

	s->bare = bare_new(loop_ev_new(), calls, s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct state *s = *state;

	bare_free(&s->bare);
	free(s);
	return 0;
}

static int start(struct state *s, int number)
{
	struct gw_self *self = bare_self(s->bare);
	int *job = gw_job_new(self, sizeof(int));

	*job = number;
	return gw_job_start(self, GW_LANE_WRITE, ROW_RUN, job, gw_call(self, ROW_DONE, 7));
}

static void go(struct state *s)
{
	struct loop *loop = bare_server(s->bare)->loop;

	loop->ops->run(loop);
}

static void a_job_comes_back_with_its_result(void **state)
{
	struct state *s = *state;

	assert_int_equal(start(s, 2) | start(s, 3) | start(s, 4), 0);
	go(s);
	assert_int_equal(s->results[0], 4);
	assert_int_equal(s->results[1], 9);
	assert_int_equal(s->results[2], 16);
	assert_int_equal(loop_calls_jobs(bare_server(s->bare), bare_self(s->bare)), 0);
}

static void a_job_pins_its_image_and_ends_in_the_next_generation(void **state)
{
	struct state *s = *state;
	int pinned = 0;

	module_of(bare_self(s->bare))->image = (struct image *)&pinned;
	assert_int_equal(start(s, 5), 0);
	assert_int_equal(pinned, 1);
	bare_self(s->bare)->calls = next_calls;
	go(s);
	assert_int_equal(s->results[7], 25);
	assert_int_equal(pinned, 0);
	/* A row without a function is no job. */
	assert_int_equal(start(s, 5), -EINVAL);
	assert_int_equal(pinned, 0);
}

static void an_unloaded_module_hears_nothing_more(void **state)
{
	struct state *s = *state;
	struct gw_self *self = bare_self(s->bare);
	struct gw_timer *timer = gw_timer_new(self, gw_call(self, ROW_TICK, 5));

	gw_timer_set(timer, self, 0);
	gw_defer(self, gw_call(self, ROW_TICK, 5));
	assert_int_equal(start(s, 5), 0);
	assert_int_equal(loop_calls_jobs(bare_server(s->bare), self), 1);
	loop_calls_forget(bare_server(s->bare), self);
	assert_int_equal(loop_calls_jobs(bare_server(s->bare), self), 0);
	bare_server(s->bare)->loop->ops->work_finish(bare_server(s->bare)->loop);
	assert_int_equal(s->n + s->ticks, 0);
}

static void deferred_calls_take_turns(void **state)
{
	struct state *s = *state;
	struct gw_self *self = bare_self(s->bare);

	gw_defer(self, gw_call(self, ROW_TICK, 5));
	go(s);
	assert_int_equal(s->ticks, 3);
}

static void a_timer_fires_once_and_not_early(void **state)
{
	struct state *s = *state;
	struct gw_self *self = bare_self(s->bare);
	struct gw_timer *timer = gw_timer_new(self, gw_call(self, ROW_TICK, 5));
	struct gw_timer *never = gw_timer_new(self, gw_call(self, ROW_TICK, 5));
	int64_t before = gw_mono_ns(self);

	s->ticks = 2;
	gw_timer_set(never, self, GW_MS);
	gw_timer_set(never, self, -1);
	gw_timer_set(timer, self, 60 * GW_SECOND);
	gw_timer_set(timer, self, 20 * GW_MS);
	go(s);
	assert_int_equal(s->ticks, 3);
	assert_true(gw_mono_ns(self) - before >= 20 * GW_MS);
	gw_timer_free(&timer, self);
	assert_null(timer);
}

static void the_clock_only_rises(void **state)
{
	struct state *s = *state;
	struct gw_self *self = bare_self(s->bare);
	uint64_t a = gw_clock_next(self), b = gw_clock_next(self);

	assert_true(b > a);
	assert_in_range(a >> 16, gw_wall_ns(self) / GW_MS - 1000, gw_wall_ns(self) / GW_MS + 1000);
	gw_clock_raise(self, b + 1000);
	assert_true(gw_clock_next(self) == b + 1001);
	gw_clock_raise(self, 5);
	assert_true(gw_clock_next(self) == b + 1002);
}

#define with_state(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completions_come_in_the_order_of_submission),
		cmocka_unit_test(names_that_are_looked_up_hold_up_nothing_else),
		cmocka_unit_test(threads_go_when_there_is_no_work_and_come_back),
		cmocka_unit_test(the_compute_lane_is_bounded),
		cmocka_unit_test(a_pool_that_ends_runs_what_it_took),
		with_state(a_job_comes_back_with_its_result),
		with_state(a_job_pins_its_image_and_ends_in_the_next_generation),
		with_state(an_unloaded_module_hears_nothing_more),
		with_state(deferred_calls_take_turns),
		with_state(a_timer_fires_once_and_not_early),
		with_state(the_clock_only_rises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
