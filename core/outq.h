/*
 * core/outq.h - what waits to be written to one connection.
 *
 * A list of segments: chunks that short writes are copied into, one after the other, and references to counted
 * buffers. Chunks come from a store that all queues of a server share and go back when written, so an
 * empty queue costs its three words. Pure bookkeeping: no socket here.
 */
#ifndef CORE_OUTQ_H
#define CORE_OUTQ_H

#include <godwit/conn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define OUTQ_CLASSES 4      /* chunks of 2, 4, 8, 16 KiB: each of a queue twice the one before */
#define OUTQ_REFERENCE 1024 /* from this length on a buffer is shared, not copied */

struct outq_segment;

/** Chunks that are not in use. */
struct outq_store {
	struct outq_segment *free[OUTQ_CLASSES];
	uint32_t n_free[OUTQ_CLASSES];
	uint32_t low[OUTQ_CLASSES]; /* the least that lay unused since the last trim */
};

struct outq {
	struct outq_segment *first, *last;
	size_t bytes;
};

void outq_append(struct outq *q, struct outq_store *store, const void *p, size_t n);
/** Copies or takes a reference, by length. */
void outq_append_buf(struct outq *q, struct outq_store *store, struct gw_buf *buf);
/** The first segments, at most `max`; returns how many. */
int outq_peek(const struct outq *q, struct iovec *iov, int max);
/** The first `n` bytes were written. */
void outq_drop(struct outq *q, struct outq_store *store, size_t n);
void outq_clear(struct outq *q, struct outq_store *store);

/** Frees the chunks that nobody needed since the last call. */
void outq_store_trim(struct outq_store *store);
void outq_store_fini(struct outq_store *store);

struct gw_buf *buf_new(size_t n);
void buf_unref(struct gw_buf **buf);

#endif
