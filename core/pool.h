/*
 * core/pool.h - the threads behind a real loop: work in lanes, completions handed back to the
 * loop's thread.
 *
 * WRITE has one thread (so jobs run in order), READ two, COMPUTE one less than there are
 * processors, niced, with a bounded queue. Threads start with the first work of their lane. All
 * functions but `wake` are called on the loop's thread.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include "core/loop.h"

#define POOL_COMPUTE_QUEUE 100

struct pool;

/** `wake` is called from the pool's threads whenever a completion waits. */
struct pool *pool_new(void (*wake)(void *), void *ctx);
/** Waits for the work that runs; what is still queued is run too, nothing is called any more. */
void pool_free(struct pool **pool);
/** Returns 0, or -EAGAIN when the lane's queue is full. */
int pool_submit(struct pool *pool, struct loop_work *work);
/** Calls `done` of all that has been finished. */
void pool_complete(struct pool *pool);
/** Blocks until all work is finished and completed, also what completions submit. */
void pool_finish(struct pool *pool);

#endif
