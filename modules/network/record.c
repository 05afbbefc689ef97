/*
 * record.c - writing and reading the bytes of a record; knows no state.
 *
 * Everything that comes over a link is read here first: lengths are checked against what is there
 * and against the reader's bound, and no string that has come through holds a NUL or a line end.
 */
#include "record.h"
#include <endian.h>
#include <godwit/mem.h>
#include <string.h>

void writer_init(struct writer *w, struct gw_self *self, void *p, size_t room)
{
	*w = (struct writer){.self = self, .p = (uint8_t *)p, .room = room};
}

void writer_fini(struct writer *w)
{
	if (w->on_heap)
		gw_free(w->self, w->p);
	w->p = NULL;
}

static bool writer_grow(struct writer *w, size_t n)
{
	size_t room = w->room;
	uint8_t *p;

	while (room - w->n < n && room < RECORD_MAX)
		room *= 2;
	if (w->self == NULL || room > RECORD_MAX || room - w->n < n) {
		w->full = true;
		return false;
	}
	p = (uint8_t *)gw_resize(w->self, w->on_heap ? w->p : NULL, room);
	if (!w->on_heap)
		memcpy(p, w->p, w->n);
	w->p = p;
	w->room = room;
	w->on_heap = true;
	return true;
}

/* Room for `n` more bytes. */
static inline bool writer_room(struct writer *w, size_t n)
{
	return !w->full && (n <= w->room - w->n || writer_grow(w, n));
}

void put_u8(struct writer *w, uint8_t value)
{
	if (writer_room(w, 1))
		w->p[w->n++] = value;
}

void put_bytes(struct writer *w, const void *p, size_t n)
{
	if (n == 0 || !writer_room(w, n))
		return;
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void put_u32(struct writer *w, uint32_t value)
{
	uint32_t big = htobe32(value);

	put_bytes(w, &big, sizeof(big));
}

void put_u64(struct writer *w, uint64_t value)
{
	uint64_t big = htobe64(value);

	put_bytes(w, &big, sizeof(big));
}

void put_varint(struct writer *w, uint64_t value)
{
	while (value >= 0x80) {
		put_u8(w, (uint8_t)(value | 0x80));
		value >>= 7;
	}
	put_u8(w, (uint8_t)value);
}

void put_stamp(struct writer *w, struct gw_stamp stamp)
{
	put_u64(w, stamp.clock);
	put_u64(w, stamp.origin);
}

static bool has_line_end(const char *text, size_t n)
{
	return memchr(text, '\n', n) != NULL || memchr(text, '\r', n) != NULL;
}

void put_string(struct writer *w, const char *text, size_t max)
{
	size_t n = strnlen(text, max + 1);

	if (n > max || has_line_end(text, n)) {
		w->full = true;
		return;
	}
	put_varint(w, n);
	put_bytes(w, text, n + 1);
}

void put_optional(struct writer *w, const char *text, size_t max)
{
	put_u8(w, text != NULL);
	if (text != NULL)
		put_string(w, text, max);
}

void put_header(struct writer *w, const struct header *h)
{
	put_u8(w, h->flags);
	put_u32(w, h->kind);
	put_u64(w, h->run);
	put_varint(w, h->seq);
	put_u64(w, h->clock);
	if (h->flags & HEADER_SOURCE)
		put_u64(w, h->source);
	if (h->flags & HEADER_COMMAND)
		put_varint(w, h->command);
	if (h->flags & HEADER_CHANNEL)
		put_string(w, h->channel, GW_CHANNEL_MAX);
	if (h->flags & HEADER_LIFE)
		put_stamp(w, h->life);
	if (h->flags & HEADER_TARGET)
		put_u64(w, h->target);
}

/* The next `n` bytes, or NULL. */
const uint8_t *get_bytes(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > (size_t)(r->end - r->p)) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return p;
}

uint8_t get_u8(struct reader *r)
{
	const uint8_t *p = get_bytes(r, 1);

	return p == NULL ? 0 : *p;
}

uint64_t get_u64(struct reader *r)
{
	const uint8_t *p = get_bytes(r, 8);
	uint64_t big = 0;

	if (p != NULL)
		memcpy(&big, p, sizeof(big));
	return be64toh(big);
}

static uint32_t get_u32(struct reader *r)
{
	const uint8_t *p = get_bytes(r, 4);
	uint32_t big = 0;

	if (p != NULL)
		memcpy(&big, p, sizeof(big));
	return be32toh(big);
}

uint64_t get_varint(struct reader *r)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 63; shift += 7) {
		uint8_t byte = get_u8(r);

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	r->bad = true;
	return 0;
}

struct gw_stamp get_stamp(struct reader *r)
{
	struct gw_stamp stamp;

	stamp.clock = get_u64(r);
	stamp.origin = get_u64(r);
	return stamp;
}

const char *get_string(struct reader *r, size_t max)
{
	uint64_t n = get_varint(r);
	const char *text;

	if (r->bad || n > max) {
		r->bad = true;
		return "";
	}
	text = (const char *)get_bytes(r, n + 1);
	if (text == NULL)
		return "";
	if (memchr(text, '\0', n + 1) != text + n || has_line_end(text, n)) {
		r->bad = true;
		return "";
	}
	return text;
}

const char *get_optional(struct reader *r, size_t max)
{
	uint8_t present = get_u8(r);

	if (present > 1)
		r->bad = true;
	return present == 1 ? get_string(r, max) : NULL;
}

bool get_header(struct reader *r, struct header *h)
{
	*h = (struct header){.flags = get_u8(r)};
	h->kind = get_u32(r);
	h->run = get_u64(r);
	h->seq = get_varint(r);
	h->clock = get_u64(r);
	if (h->flags & HEADER_SOURCE)
		h->source = get_u64(r);
	if (h->flags & HEADER_COMMAND)
		h->command = get_varint(r);
	if (h->flags & HEADER_CHANNEL)
		h->channel = get_string(r, GW_CHANNEL_MAX);
	if (h->flags & HEADER_LIFE)
		h->life = get_stamp(r);
	if (h->flags & HEADER_TARGET)
		h->target = get_u64(r);
	return !r->bad;
}

bool reader_done(const struct reader *r)
{
	return !r->bad && r->p == r->end;
}
