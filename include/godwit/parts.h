/*
 * godwit/parts.h - compound values of the services database: strings, each behind its length.
 *
 * A value is a run of parts; a part is two bytes of length (big endian) and that many bytes.
 * Writers add parts at the end and readers ignore what they do not know, so a newer version's value
 * keeps its meaning. The form is canonical: equal parts, equal bytes.
 */
#ifndef GODWIT_PARTS_H
#define GODWIT_PARTS_H

#include <godwit/store.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** A value being written, in memory of the caller's. */
struct gw_parts {
	uint8_t *bytes;
	size_t n, max;
	bool overflow; /* something did not fit: the value must not be used */
};

/** Adds a part of `n` bytes (copied; at most 65535). */
static inline void gw_parts_add(struct gw_parts *p, const void *part, size_t n)
{
	if (n > UINT16_MAX || p->max - p->n < 2 || p->max - p->n - 2 < n) {
		p->overflow = true;
		return;
	}
	p->bytes[p->n++] = (uint8_t)(n >> 8);
	p->bytes[p->n++] = (uint8_t)n;
	if (n > 0)
		memcpy(p->bytes + p->n, part, n);
	p->n += n;
}

/** Adds a string, without its NUL. */
static inline void gw_parts_text(struct gw_parts *p, const char *text)
{
	gw_parts_add(p, text, strlen(text));
}

/** A number, as eight bytes big endian. */
static inline void gw_parts_u64(struct gw_parts *p, uint64_t value)
{
	uint8_t be[8];

	for (int i = 0; i < 8; i++)
		be[i] = (uint8_t)(value >> (56 - 8 * i));
	gw_parts_add(p, be, sizeof(be));
}

/** What was written so far, borrowed from the writer's memory. */
static inline struct gw_blob gw_parts_value(const struct gw_parts *p)
{
	return (struct gw_blob){p->bytes, p->n};
}

/** Part number `index` of a value; false if there is none (or the value is cut off there). The
 * bytes are borrowed from it. */
static inline bool gw_part(struct gw_blob value, unsigned index, struct gw_blob *part_out)
{
	const uint8_t *at = (const uint8_t *)value.p;
	size_t left = value.n;

	for (unsigned i = 0; left >= 2; i++) {
		size_t n = ((size_t)at[0] << 8) | at[1];

		if (left - 2 < n)
			return false;
		if (i == index) {
			*part_out = (struct gw_blob){at + 2, n};
			return true;
		}
		at += 2 + n;
		left -= 2 + n;
	}
	return false;
}

/** Part `index` as a string. False, and "", if there is none, it holds a NUL or does not fit. */
static inline bool gw_part_text(struct gw_blob value, unsigned index, char *out, size_t max)
{
	struct gw_blob part;
	bool whole;

	out[0] = '\0';
	if (!gw_part(value, index, &part))
		return false;
	whole = part.n < max && (part.n == 0 || memchr(part.p, '\0', part.n) == NULL);
	if (!whole)
		return false;
	if (part.n > 0)
		memcpy(out, part.p, part.n);
	out[part.n] = '\0';
	return true;
}

/** Part `index` as a number; `fallback` if it is not one. */
static inline uint64_t gw_part_u64(struct gw_blob value, unsigned index, uint64_t fallback)
{
	struct gw_blob part;
	uint64_t out = 0;

	if (!gw_part(value, index, &part) || part.n != 8)
		return fallback;
	for (int i = 0; i < 8; i++)
		out = (out << 8) | ((const uint8_t *)part.p)[i];
	return out;
}

#endif
