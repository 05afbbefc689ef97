/*
 * core/outq.h - what waits to be written to one connection.
 *
 * Most of it is written at the end of the turn in which it was queued. So a short text is not
 * copied per queue but once per turn, into a log that all queues of a server share, and the queue
 * notes the range; a line to a whole channel is the same range in every queue, and lines that
 * follow each other there are one range. What cannot be written at the end of the turn is copied
 * into chunks of the queue's own. Long buffers are referred to. Pure bookkeeping: no socket.
 */
#ifndef CORE_OUTQ_H
#define CORE_OUTQ_H

#include <godwit/conn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define OUTQ_GRADES 4       /* chunks of 2, 4, 8, 16 KiB: each of a queue twice the one before */
#define OUTQ_LOGS 8         /* texts of different forms, each with its log, so that ranges join */
#define OUTQ_REFERENCE 1024 /* from this length on a buffer is shared, not copied */

struct outq_segment;

/** One of the logs of a turn. */
struct outq_log {
	const void *source; /* of the last text */
	struct outq_segment *block;
	const char *text; /* the last one */
	uint32_t len;
};

/** What all queues of a server share: the logs of this turn, and chunks that are not in use. */
struct outq_store {
	struct outq_log logs[OUTQ_LOGS];
	uint64_t bytes;            /* in all queues */
	struct outq_segment *full; /* blocks of the logs */
	struct outq_segment *free[OUTQ_GRADES];
	uint32_t n_free[OUTQ_GRADES];
	uint32_t low[OUTQ_GRADES]; /* the least that lay unused since the last trim */
};

struct outq {
	struct outq_segment *first, *last;
	const char *tail; /* a range of a log, behind the segments */
	uint32_t tail_len;
	uint32_t bytes; /* in all */
	bool lent;      /* ranges may be among the segments */
	bool nowhere;   /* no queue: what is written to the sink goes to a module, see sink.h */
};

/** Copies into chunks of the queue's own. */
void outq_append(struct outq *q, struct outq_store *store, const void *p, size_t n);
/** Notes a range of this turn's log. */
void outq_lend(struct outq *q, struct outq_store *store, const void *p, size_t n);
/** A reference if it is long, else as above; `lend` says which. */
void outq_append_buf(struct outq *q, struct outq_store *store, struct gw_buf *buf, bool lend);
/** What was lent becomes the queue's own. */
void outq_own(struct outq *q, struct outq_store *store);
/** The logs begin anew: no queue has a range of them any more. */
void outq_store_turn(struct outq_store *store);
/** The first segments, at most `max`; returns how many. */
int outq_peek(const struct outq *q, struct iovec *iov, int max);
/** The first `n` bytes were written. */
void outq_drop(struct outq *q, struct outq_store *store, size_t n);
void outq_clear(struct outq *q, struct outq_store *store);

/** Frees the chunks that nobody needed since the last call. */
void outq_store_trim(struct outq_store *store);
void outq_store_fini(struct outq_store *store);

struct gw_buf *buf_new(size_t n);
struct gw_buf *buf_ref(struct gw_buf *buf);
void buf_unref(struct gw_buf **buf);

#endif
