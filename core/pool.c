/*
 * core/pool.c - threads that work off the loop, by lanes.
 *
 * A lane is one list in order of submission: what is finished in front, what runs, what waits.
 * Threads take the first that waits; the loop takes finished ones off the front, so completions
 * come in the order of submission.
 */
#include "core/pool.h"
#include "core/mem.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define LANES 3
#define MAX_THREADS 64
#define COMPUTE_NICE 10

struct lane {
	struct loop_work *first, **end;
	struct loop_work *waiting; /* the first that no thread has taken */
	unsigned n_waiting, n_threads;
	pthread_cond_t work;
	struct pool *pool;
	pthread_t threads[MAX_THREADS];
};

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t finished;
	struct lane lanes[LANES];
	bool stopping;
	void (*wake)(void *);
	void *ctx;
};

struct pool *pool_new(void (*wake)(void *), void *ctx)
{
	struct pool *pool = mem_alloc(sizeof(*pool));
	int i;

	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->finished, NULL);
	pool->wake = wake;
	pool->ctx = ctx;
	for (i = 0; i < LANES; i++) {
		pool->lanes[i].end = &pool->lanes[i].first;
		pool->lanes[i].pool = pool;
		pthread_cond_init(&pool->lanes[i].work, NULL);
	}
	return pool;
}

static struct loop_work *lane_take(struct lane *lane)
{
	struct loop_work *work;

	while (lane->waiting == NULL && !lane->pool->stopping)
		pthread_cond_wait(&lane->work, &lane->pool->mutex);
	work = lane->waiting;
	if (work != NULL) {
		lane->waiting = work->next;
		lane->n_waiting--;
	}
	return work;
}

static void *lane_thread(void *arg)
{
	struct lane *lane = arg;
	struct pool *pool = lane->pool;
	struct loop_work *work;

	if (lane == &pool->lanes[GW_LANE_COMPUTE])
		setpriority(PRIO_PROCESS, (id_t)gettid(), COMPUTE_NICE);
	pthread_mutex_lock(&pool->mutex);
	while ((work = lane_take(lane)) != NULL) {
		pthread_mutex_unlock(&pool->mutex);
		work->run(work);
		pthread_mutex_lock(&pool->mutex);
		work->finished = true;
		if (work == lane->first) {
			pthread_cond_signal(&pool->finished);
			pool->wake(pool->ctx);
		}
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

static unsigned lane_size(enum gw_lane lane)
{
	long processors;

	if (lane == GW_LANE_WRITE)
		return 1;
	if (lane == GW_LANE_READ)
		return 2;
	processors = sysconf(_SC_NPROCESSORS_ONLN);
	if (processors <= 2)
		return 1;
	return processors > MAX_THREADS ? MAX_THREADS : (unsigned)processors - 1;
}

/* Signals are the loop's business. */
static int lane_start(struct lane *lane, unsigned size)
{
	sigset_t all, old;
	int failed = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (failed == 0 && lane->n_threads < size) {
		failed = pthread_create(&lane->threads[lane->n_threads], NULL, lane_thread, lane);
		if (failed == 0)
			lane->n_threads++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return lane->n_threads > 0 ? 0 : -failed;
}

int pool_submit(struct pool *pool, struct loop_work *work)
{
	struct lane *lane = &pool->lanes[work->lane];

	if (lane->n_threads == 0 && lane_start(lane, lane_size(work->lane)) != 0)
		return -EAGAIN;
	work->next = NULL;
	work->finished = false;
	pthread_mutex_lock(&pool->mutex);
	if (work->lane == GW_LANE_COMPUTE && lane->n_waiting >= POOL_COMPUTE_QUEUE) {
		pthread_mutex_unlock(&pool->mutex);
		return -EAGAIN;
	}
	*lane->end = work;
	lane->end = &work->next;
	if (lane->waiting == NULL)
		lane->waiting = work;
	lane->n_waiting++;
	pthread_cond_signal(&lane->work);
	pthread_mutex_unlock(&pool->mutex);
	return 0;
}

/* Takes the finished ones off the front. */
static struct loop_work *lane_collect(struct lane *lane)
{
	struct loop_work *done = NULL, **end = &done, *work;

	while ((work = lane->first) != NULL && work->finished) {
		lane->first = work->next;
		if (lane->first == NULL)
			lane->end = &lane->first;
		work->next = NULL;
		*end = work;
		end = &work->next;
	}
	return done;
}

void pool_complete(struct pool *pool)
{
	struct loop_work *work, *next;
	int i;

	for (i = 0; i < LANES; i++) {
		pthread_mutex_lock(&pool->mutex);
		work = lane_collect(&pool->lanes[i]);
		pthread_mutex_unlock(&pool->mutex);
		for (; work != NULL; work = next) {
			next = work->next;
			work->done(work);
		}
	}
}

static bool all_idle(struct pool *pool)
{
	int i;

	for (i = 0; i < LANES; i++)
		if (pool->lanes[i].first != NULL)
			return false;
	return true;
}

static bool any_finished(struct pool *pool)
{
	int i;

	for (i = 0; i < LANES; i++)
		if (pool->lanes[i].first != NULL && pool->lanes[i].first->finished)
			return true;
	return false;
}

void pool_finish(struct pool *pool)
{
	for (;;) {
		pthread_mutex_lock(&pool->mutex);
		while (!all_idle(pool) && !any_finished(pool))
			pthread_cond_wait(&pool->finished, &pool->mutex);
		if (all_idle(pool)) {
			pthread_mutex_unlock(&pool->mutex);
			return;
		}
		pthread_mutex_unlock(&pool->mutex);
		pool_complete(pool);
	}
}

void pool_free(struct pool **pool)
{
	struct pool *p = *pool;
	unsigned n;
	int i;

	*pool = NULL;
	pthread_mutex_lock(&p->mutex);
	p->stopping = true;
	for (i = 0; i < LANES; i++)
		pthread_cond_broadcast(&p->lanes[i].work);
	pthread_mutex_unlock(&p->mutex);
	for (i = 0; i < LANES; i++) {
		for (n = 0; n < p->lanes[i].n_threads; n++)
			pthread_join(p->lanes[i].threads[n], NULL);
		pthread_cond_destroy(&p->lanes[i].work);
	}
	pthread_cond_destroy(&p->finished);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}
