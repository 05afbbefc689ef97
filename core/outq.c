/*
 * core/outq.c - the queue between a sink's writers and the flush at the end of the turn.
 *
 * A chunk's allocation is an odd number of cache lines long: with a power of two all heads would
 * fall into the same few cache sets, and a broadcast touches every queue's head.
 */
#include "core/outq.h"
#include "core/mem.h"
#include <stdlib.h>
#include <string.h>

#define REFERENCE OUTQ_CLASSES /* the class of a segment that is a reference */

struct outq_segment {
	struct outq_segment *next;
	struct gw_buf *buf; /* of a reference */
	uint32_t start, end;
	uint32_t room;
	uint32_t class;
	char data[];
};

static struct outq_segment *chunk_new(struct outq_store *store, unsigned class)
{
	size_t size = ((size_t)2048 << class) + 64 - 16; /* malloc adds its word */
	struct outq_segment *s = store->free[class];

	if (s != NULL) {
		store->free[class] = s->next;
		if (--store->n_free[class] < store->low[class])
			store->low[class] = store->n_free[class];
	} else {
		s = mem_resize(NULL, size);
		s->buf = NULL;
		s->class = class;
		s->room = (uint32_t)(size - sizeof(*s));
	}
	s->next = NULL;
	s->start = s->end = 0;
	return s;
}

static void segment_free(struct outq_store *store, struct outq_segment *s)
{
	if (s->class == REFERENCE) {
		buf_unref(&s->buf);
		free(s);
		return;
	}
	s->next = store->free[s->class];
	store->free[s->class] = s;
	store->n_free[s->class]++;
}

static void add(struct outq *q, struct outq_segment *s)
{
	if (q->last == NULL)
		q->first = s;
	else
		q->last->next = s;
	q->last = s;
}

/* A chunk twice as large as the one before, up to the largest. */
static struct outq_segment *grow(struct outq *q, struct outq_store *store)
{
	unsigned class = 0;
	struct outq_segment *s;

	if (q->last != NULL && q->last->class < OUTQ_CLASSES - 1)
		class = q->last->class + 1;
	else if (q->last != NULL && q->last->class == OUTQ_CLASSES - 1)
		class = OUTQ_CLASSES - 1;
	s = chunk_new(store, class);
	add(q, s);
	return s;
}

void outq_append(struct outq *q, struct outq_store *store, const void *p, size_t n)
{
	struct outq_segment *s = q->last;
	size_t part;

	q->bytes += n;
	while (n > 0) {
		if (s == NULL || s->class == REFERENCE || s->end == s->room)
			s = grow(q, store);
		part = s->room - s->end;
		if (part > n)
			part = n;
		memcpy(s->data + s->end, p, part);
		s->end += (uint32_t)part;
		p = (const char *)p + part;
		n -= part;
	}
}

void outq_append_buf(struct outq *q, struct outq_store *store, struct gw_buf *buf)
{
	struct outq_segment *s;

	if (buf->len < OUTQ_REFERENCE) {
		outq_append(q, store, buf->data, buf->len);
		return;
	}
	s = mem_alloc(sizeof(*s));
	s->buf = buf;
	s->class = REFERENCE;
	s->end = buf->len;
	buf->refs++;
	add(q, s);
	q->bytes += buf->len;
}

int outq_peek(const struct outq *q, struct iovec *iov, int max)
{
	const struct outq_segment *s;
	int n = 0;

	for (s = q->first; s != NULL && n < max; s = s->next) {
		iov[n].iov_base = (char *)(uintptr_t)(s->buf != NULL ? s->buf->data : s->data) + s->start;
		iov[n].iov_len = s->end - s->start;
		n++;
	}
	return n;
}

void outq_drop(struct outq *q, struct outq_store *store, size_t n)
{
	struct outq_segment *s;

	q->bytes -= n;
	while ((s = q->first) != NULL) {
		if (n < s->end - s->start) {
			s->start += (uint32_t)n;
			return;
		}
		n -= s->end - s->start;
		q->first = s->next;
		segment_free(store, s);
	}
	q->last = NULL;
}

void outq_clear(struct outq *q, struct outq_store *store)
{
	outq_drop(q, store, q->bytes);
}

static void free_chunks(struct outq_store *store, unsigned class, uint32_t n)
{
	struct outq_segment *s;

	store->n_free[class] -= n;
	while (n-- > 0) {
		s = store->free[class];
		store->free[class] = s->next;
		free(s);
	}
}

void outq_store_trim(struct outq_store *store)
{
	unsigned class;

	for (class = 0; class < OUTQ_CLASSES; class++) {
		free_chunks(store, class, store->low[class]);
		store->low[class] = store->n_free[class];
	}
}

void outq_store_fini(struct outq_store *store)
{
	unsigned class;

	for (class = 0; class < OUTQ_CLASSES; class++)
		free_chunks(store, class, store->n_free[class]);
}

struct gw_buf *buf_new(size_t n)
{
	struct gw_buf *buf = mem_resize(NULL, sizeof(*buf) + n);

	buf->refs = 1;
	buf->len = (uint32_t)n;
	return buf;
}

void buf_unref(struct gw_buf **buf)
{
	struct gw_buf *b = *buf;

	*buf = NULL;
	if (b != NULL && --b->refs == 0)
		free(b);
}
