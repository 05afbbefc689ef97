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

#define BLOCK (OUTQ_GRADES - 1) /* the grade of a log's blocks */
#define LEND_MAX 2048           /* longer texts are not worth sharing a log for */

enum segment_kind { SEGMENT_CHUNK, SEGMENT_RANGE, SEGMENT_REFERENCE };

struct outq_segment {
	struct outq_segment *next;
	char *bytes;        /* `data` of a chunk, a place in a log, those of `buf` */
	struct gw_buf *buf; /* of a reference */
	uint32_t start, end;
	uint32_t room;
	uint8_t grade, kind;
	char data[];
};

static struct outq_segment *chunk_new(struct outq_store *store, unsigned grade)
{
	size_t bytes = ((size_t)2048 << grade) + 64 - 16; /* malloc adds its word */
	struct outq_segment *s = store->free[grade];

	if (s != NULL) {
		store->free[grade] = s->next;
		if (--store->n_free[grade] < store->low[grade])
			store->low[grade] = store->n_free[grade];
	} else {
		s = mem_resize(NULL, bytes);
		s->kind = SEGMENT_CHUNK;
		s->grade = (uint8_t)grade;
		s->room = (uint32_t)(bytes - sizeof(*s));
		s->bytes = s->data;
	}
	s->next = NULL;
	s->start = s->end = 0;
	return s;
}

static void chunk_free(struct outq_store *store, struct outq_segment *s)
{
	s->next = store->free[s->grade];
	store->free[s->grade] = s;
	store->n_free[s->grade]++;
}

static struct outq_segment *view_new(enum segment_kind kind, char *bytes, size_t n)
{
	struct outq_segment *s = mem_alloc(sizeof(*s));

	s->kind = kind;
	s->bytes = bytes;
	s->end = (uint32_t)n;
	return s;
}

static void segment_free(struct outq_store *store, struct outq_segment *s)
{
	if (s->kind == SEGMENT_CHUNK) {
		chunk_free(store, s);
		return;
	}
	if (s->kind == SEGMENT_REFERENCE)
		buf_unref(&s->buf);
	free(s);
}

static void add(struct outq *q, struct outq_segment *s)
{
	if (q->last == NULL)
		q->first = s;
	else
		q->last->next = s;
	q->last = s;
}

/* The range at the end is followed by something else. */
static void tail_ends(struct outq *q)
{
	if (q->tail_len == 0)
		return;
	add(q, view_new(SEGMENT_RANGE, (char *)(uintptr_t)q->tail, q->tail_len));
	q->tail_len = 0;
	q->lent = true;
}

/* A chunk twice as large as the one before, up to the largest. */
static struct outq_segment *grow(struct outq *q, struct outq_store *store)
{
	unsigned grade = 0;
	struct outq_segment *s;

	if (q->last != NULL && q->last->kind == SEGMENT_CHUNK)
		grade = q->last->grade < OUTQ_GRADES - 1 ? q->last->grade + 1u : OUTQ_GRADES - 1;
	s = chunk_new(store, grade);
	add(q, s);
	return s;
}

void outq_append(struct outq *q, struct outq_store *store, const void *p, size_t n)
{
	struct outq_segment *s;
	size_t part;

	tail_ends(q);
	s = q->last;
	q->bytes += (uint32_t)n;
	store->bytes += n;
	while (n > 0) {
		if (s == NULL || s->kind != SEGMENT_CHUNK || s->end == s->room)
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

/* Writes the text into the log, or finds that it was the last that was written there. */
static const char *log_text(struct outq_store *store, const void *p, size_t n)
{
	struct outq_log *log = &store->logs[((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 61];
	struct outq_segment *block = log->block;

	if (log->source == p && log->len == n && memcmp(log->text, p, n) == 0)
		return log->text;
	if (block == NULL || block->room - block->end < n) {
		if (block != NULL) {
			block->next = store->full;
			store->full = block;
		}
		block = log->block = chunk_new(store, BLOCK);
	}
	log->source = p;
	log->text = block->data + block->end;
	log->len = (uint32_t)n;
	memcpy(block->data + block->end, p, n);
	block->end += (uint32_t)n;
	return log->text;
}

void outq_lend(struct outq *q, struct outq_store *store, const void *p, size_t n)
{
	const char *text;

	if (n > LEND_MAX) {
		outq_append(q, store, p, n);
		return;
	}
	text = log_text(store, p, n);
	if (q->tail_len == 0 || q->tail + q->tail_len != text) {
		tail_ends(q);
		q->tail = text;
	}
	q->tail_len += (uint32_t)n;
	q->bytes += (uint32_t)n;
	store->bytes += n;
}

void outq_append_buf(struct outq *q, struct outq_store *store, struct gw_buf *buf, bool lend)
{
	struct outq_segment *s;

	if (buf->len < OUTQ_REFERENCE) {
		(lend ? outq_lend : outq_append)(q, store, buf->data, buf->len);
		return;
	}
	tail_ends(q);
	s = view_new(SEGMENT_REFERENCE, buf->data, buf->len);
	s->buf = buf_ref(buf);
	add(q, s);
	q->bytes += buf->len;
	store->bytes += buf->len;
}

void outq_own(struct outq *q, struct outq_store *store)
{
	struct outq_segment *s, *next = q->first;

	tail_ends(q);
	if (!q->lent)
		return;
	next = q->first;
	store->bytes -= q->bytes;
	*q = (struct outq){0};
	while ((s = next) != NULL) {
		next = s->next;
		s->next = NULL;
		if (s->kind == SEGMENT_RANGE) {
			outq_append(q, store, s->bytes + s->start, s->end - s->start);
			free(s);
		} else {
			add(q, s);
			q->bytes += s->end - s->start;
			store->bytes += s->end - s->start;
		}
	}
}

int outq_peek(const struct outq *q, struct iovec *iov, int max)
{
	const struct outq_segment *s;
	int n = 0;

	for (s = q->first; s != NULL && n < max; s = s->next) {
		iov[n].iov_base = s->bytes + s->start;
		iov[n].iov_len = s->end - s->start;
		n++;
	}
	if (q->tail_len > 0 && n < max) {
		iov[n].iov_base = (char *)(uintptr_t)q->tail;
		iov[n].iov_len = q->tail_len;
		n++;
	}
	return n;
}

void outq_drop(struct outq *q, struct outq_store *store, size_t n)
{
	struct outq_segment *s;

	q->bytes -= (uint32_t)n;
	store->bytes -= n;
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
	q->lent = false;
	if (n > 0) {
		q->tail += n;
		q->tail_len -= (uint32_t)n;
	}
}

void outq_clear(struct outq *q, struct outq_store *store)
{
	outq_drop(q, store, q->bytes);
}

void outq_store_turn(struct outq_store *store)
{
	struct outq_segment *s;
	unsigned i;

	for (i = 0; i < OUTQ_LOGS; i++) {
		if (store->logs[i].block != NULL)
			chunk_free(store, store->logs[i].block);
		store->logs[i] = (struct outq_log){0};
	}
	while ((s = store->full) != NULL) {
		store->full = s->next;
		chunk_free(store, s);
	}
}

static void free_chunks(struct outq_store *store, unsigned grade, uint32_t n)
{
	struct outq_segment *s;

	store->n_free[grade] -= n;
	while (n-- > 0) {
		s = store->free[grade];
		store->free[grade] = s->next;
		free(s);
	}
}

void outq_store_trim(struct outq_store *store)
{
	unsigned grade;

	for (grade = 0; grade < OUTQ_GRADES; grade++) {
		free_chunks(store, grade, store->low[grade]);
		store->low[grade] = store->n_free[grade];
	}
}

void outq_store_fini(struct outq_store *store)
{
	unsigned grade;

	outq_store_turn(store);
	for (grade = 0; grade < OUTQ_GRADES; grade++)
		free_chunks(store, grade, store->n_free[grade]);
}

struct gw_buf *buf_new(size_t n)
{
	struct gw_buf *buf = mem_resize(NULL, sizeof(*buf) + n);

	buf->refs = 1;
	buf->len = (uint32_t)n;
	return buf;
}

struct gw_buf *buf_ref(struct gw_buf *buf)
{
	buf->refs++;
	return buf;
}

void buf_unref(struct gw_buf **buf)
{
	struct gw_buf *b = *buf;

	*buf = NULL;
	if (b != NULL && --b->refs == 0)
		free(b);
}
