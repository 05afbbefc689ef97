/*
 * core/framing.h - cuts a stream of bytes into lines. Pure: no socket, no memory but its own rest.
 *
 * A line ends with LF, an optional CR before it. What is longer than `line_max` is reported once,
 * with its first part, and the rest is dropped up to the line's end. Input is looked at where it
 * lies; only what is left over is kept.
 */
#ifndef CORE_FRAMING_H
#define CORE_FRAMING_H

#include <godwit/conn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct framing {
	char *kept; /* what came in and was not yet delivered; NULL when nothing */
	uint32_t start, end, room;
	bool dropping;    /* inside a line that was reported as too long */
	uint32_t dropped; /* bytes of it so far */
};

/**
 * Looks for the next line in `data`, which may be changed. True: `*line_out` is a view of it.
 * `*used_out` bytes are done with in either case; without a line the rest is an unfinished one, of
 * at most line_max + 1 bytes.
 */
bool framing_next(struct framing *f, char *data, size_t n, size_t line_max, size_t *used_out,
                  struct gw_line *line_out);

/** Keeps `n` more bytes. */
void framing_keep(struct framing *f, const char *data, size_t n);
/** The first `n` kept bytes are done with; frees the memory with the last. */
void framing_done(struct framing *f, size_t n);
void framing_fini(struct framing *f);

static inline size_t framing_kept(const struct framing *f)
{
	return f->end - f->start;
}

#endif
