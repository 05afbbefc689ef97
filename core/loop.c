/*
 * core/loop.c - what all loops have in common: the end of a turn.
 *
 * First the calls that were deferred during the turn, then those "at the end", by which connections
 * are closed and written to. What is queued meanwhile waits for the next turn, so no two calls can
 * keep a turn from ending.
 */
#include "core/loop.h"

static void queue_init(struct loop_queue *q)
{
	q->first = NULL;
	q->end = &q->first;
}

void loop_init(struct loop *loop, const struct loop_ops *ops)
{
	loop->ops = ops;
	queue_init(&loop->deferred);
	queue_init(&loop->last);
}

static void queue_add(struct loop *loop, struct loop_queue *q, struct loop_defer *d)
{
	if (d->queued)
		return;
	d->queued = true;
	d->next = NULL;
	*q->end = d;
	q->end = &d->next;
	loop->ops->wake(loop);
}

void loop_defer(struct loop *loop, struct loop_defer *d)
{
	queue_add(loop, &loop->deferred, d);
}

void loop_at_end(struct loop *loop, struct loop_defer *d)
{
	queue_add(loop, &loop->last, d);
}

static bool queue_remove(struct loop_queue *q, struct loop_defer *d)
{
	struct loop_defer **at;

	for (at = &q->first; *at != NULL; at = &(*at)->next) {
		if (*at != d)
			continue;
		*at = d->next;
		if (q->end == &d->next)
			q->end = at;
		return true;
	}
	return false;
}

void loop_defer_cancel(struct loop *loop, struct loop_defer *d)
{
	if (!d->queued)
		return;
	if (queue_remove(&loop->deferred, d) || queue_remove(&loop->last, d))
		d->queued = false;
}

/* Runs what is in the queue now. An item may be cancelled by one before it, so none is taken out
 * early. */
static void queue_run(struct loop_queue *q)
{
	struct loop_defer mark = {.queued = true};
	struct loop_defer *d;

	if (q->first == NULL)
		return;
	*q->end = &mark;
	q->end = &mark.next;
	while ((d = q->first) != &mark) {
		q->first = d->next;
		d->queued = false;
		d->fn(d);
	}
	q->first = mark.next;
	if (q->first == NULL)
		q->end = &q->first;
}

bool loop_turn_end(struct loop *loop)
{
	queue_run(&loop->deferred);
	queue_run(&loop->last);
	gw_histogram_add(&loop->turns, loop->ops->now_ns(loop) - loop->ops->mono_ns(loop));
	return loop->deferred.first != NULL || loop->last.first != NULL;
}
