/*
 * core/pool.c - threads that work off the loop, by lanes.
 *
 * A lane is one list in order of submission: what is finished in front, what runs, what waits.
 * Threads take the first that waits; the loop takes finished ones off the front, so completions
 * come in the order of submission.
 *
 * Threads come when there is work and go when there has been none for a while: a process of one
 * thread pays less for each system call, as nothing of its descriptor table needs to be counted.
 */
#include "core/pool.h"
#include "core/mem.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LANES LOOP_LANES
#define MAX_THREADS 64
#define COMPUTE_NICE 10
#define IDLE_SECONDS 2
#define LOOKUP_THREADS 4

enum thread_state { THREAD_NONE, THREAD_LIVE, THREAD_ENDED /* and not yet joined */ };

struct thread {
	pthread_t id;
	enum thread_state state;
	struct lane *lane;
};

struct lane {
	struct loop_work *first, **end;
	struct loop_work *waiting; /* the first that no thread has taken */
	unsigned n_waiting;
	unsigned size; /* threads at the most */
	unsigned n_live, n_idle;
	pthread_cond_t work;
	struct pool *pool;
	struct thread threads[MAX_THREADS];
};

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t finished;
	struct lane lanes[LANES];
	bool stopping;
	void (*wake)(void *);
	void *ctx;
};

static unsigned lane_size(unsigned lane)
{
	long processors;

	if (lane == GW_LANE_WRITE)
		return 1;
	if (lane == GW_LANE_READ)
		return 2;
	if (lane == LOOP_LANE_LOOKUP)
		return LOOKUP_THREADS;
	processors = sysconf(_SC_NPROCESSORS_ONLN);
	if (processors <= 2)
		return 1;
	return processors > MAX_THREADS ? MAX_THREADS : (unsigned)processors - 1;
}

static void lane_init(struct lane *lane, struct pool *pool, unsigned which)
{
	pthread_condattr_t monotonic;

	lane->end = &lane->first;
	lane->pool = pool;
	lane->size = lane_size(which);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&lane->work, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

struct pool *pool_new(void (*wake)(void *), void *ctx)
{
	struct pool *pool = mem_alloc(sizeof(*pool));
	int i;

	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->finished, NULL);
	pool->wake = wake;
	pool->ctx = ctx;
	for (i = 0; i < LANES; i++)
		lane_init(&pool->lanes[i], pool, (unsigned)i);
	return pool;
}

/* Waits for work; false when there has been none for long enough, or the pool ends. */
static bool lane_wait(struct lane *lane)
{
	struct timespec until;
	int status = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECONDS;
	lane->n_idle++;
	while (lane->waiting == NULL && !lane->pool->stopping && status != ETIMEDOUT)
		status = pthread_cond_timedwait(&lane->work, &lane->pool->mutex, &until);
	lane->n_idle--;
	return lane->waiting != NULL;
}

static struct loop_work *lane_take(struct lane *lane)
{
	struct loop_work *work = lane->waiting;

	if (work == NULL && lane_wait(lane))
		work = lane->waiting;
	if (work != NULL) {
		lane->waiting = work->next;
		lane->n_waiting--;
	}
	return work;
}

static void *thread_main(void *arg)
{
	struct thread *thread = arg;
	struct lane *lane = thread->lane;
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
	thread->state = THREAD_ENDED;
	lane->n_live--;
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

/* Whoever has ended holds no lock any more: joining takes no time. Signals are the loop's business.
 */
static int thread_start(struct lane *lane)
{
	struct thread *thread = lane->threads;
	sigset_t all, old;
	int failed;

	while (thread->state == THREAD_LIVE)
		thread++;
	if (thread->state == THREAD_ENDED)
		pthread_join(thread->id, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	thread->lane = lane;
	failed = pthread_create(&thread->id, NULL, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	thread->state = failed == 0 ? THREAD_LIVE : THREAD_NONE;
	lane->n_live += failed == 0;
	return -failed;
}

/* Sees to it that somebody will do one more; -EAGAIN: nobody can. */
static int lane_staff(struct lane *lane)
{
	if (lane->n_idle > lane->n_waiting || lane->n_live == lane->size)
		return 0;
	return thread_start(lane) != 0 && lane->n_live == 0 ? -EAGAIN : 0;
}

int pool_submit(struct pool *pool, struct loop_work *work)
{
	struct lane *lane = &pool->lanes[work->lane];
	int status = 0;

	work->next = NULL;
	work->finished = false;
	pthread_mutex_lock(&pool->mutex);
	if (work->lane == GW_LANE_COMPUTE && lane->n_waiting >= POOL_COMPUTE_QUEUE)
		status = -EAGAIN;
	else
		status = lane_staff(lane);
	if (status == 0) {
		*lane->end = work;
		lane->end = &work->next;
		if (lane->waiting == NULL)
			lane->waiting = work;
		lane->n_waiting++;
		pthread_cond_signal(&lane->work);
	}
	pthread_mutex_unlock(&pool->mutex);
	return status;
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
		for (n = 0; n < MAX_THREADS; n++)
			if (p->lanes[i].threads[n].state != THREAD_NONE)
				pthread_join(p->lanes[i].threads[n].id, NULL);
		pthread_cond_destroy(&p->lanes[i].work);
	}
	pthread_cond_destroy(&p->finished);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}
