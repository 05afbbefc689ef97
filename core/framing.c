/*
 * core/framing.c - lines out of bytes: between the transport, which brings them, and the owner's
 * `line`.
 */
#include "core/framing.h"
#include "core/mem.h"
#include <stdlib.h>
#include <string.h>

#define SMALL 4096 /* room that is not worth giving back */

/* The end of a line whose first part was reported before. */
static bool skip_rest(struct framing *f, const char *data, size_t n, size_t *used_out)
{
	const char *end = memchr(data, '\n', n);

	*used_out = end == NULL ? n : (size_t)(end - data) + 1;
	f->dropped += (uint32_t)*used_out;
	f->dropping = end == NULL;
	return !f->dropping;
}

static bool whole_line(char *data, size_t n, size_t line_max, struct gw_line *line_out)
{
	line_out->text = data;
	line_out->len = n > 0 && data[n - 1] == '\r' ? n - 1 : n;
	line_out->too_long = line_out->len > line_max;
	line_out->end = (uint8_t)(line_out->too_long ? 0 : n - line_out->len + 1);
	if (line_out->too_long)
		line_out->len = line_max;
	data[line_out->len] = '\0';
	return true;
}

bool framing_next(struct framing *f, char *data, size_t n, size_t line_max, size_t *used_out,
                  struct gw_line *line_out)
{
	size_t skipped = 0;
	char *end;

	*used_out = 0;
	if (f->dropping && !skip_rest(f, data, n, &skipped)) {
		*used_out = skipped;
		return false;
	}
	data += skipped;
	n -= skipped;
	end = memchr(data, '\n', n);
	if (end != NULL) {
		*used_out = skipped + (size_t)(end - data) + 1;
		return whole_line(data, (size_t)(end - data), line_max, line_out);
	}
	if (n > line_max + 1 || (n == line_max + 1 && data[line_max] != '\r')) {
		*used_out = skipped + n;
		f->dropping = true;
		f->dropped = (uint32_t)n;
		return whole_line(data, n, line_max, line_out);
	}
	*used_out = skipped;
	return false;
}

/* What is kept moves only when as much has gone in front of it, or when the room is doubled: no
 * byte is moved again and again. */
static void make_room(struct framing *f, size_t n)
{
	size_t have = framing_kept(f);
	bool worth_it = f->start >= have && have + n <= f->room;

	if (f->start > 0) {
		memmove(f->kept, f->kept + f->start, have);
		f->start = 0;
		f->end = (uint32_t)have;
	}
	if (worth_it)
		return;
	f->room = (uint32_t)(have == 0 ? n : (have + n) * 2);
	f->kept = mem_resize(f->kept, f->room);
}

void framing_keep(struct framing *f, const char *data, size_t n)
{
	if (n == 0)
		return;
	if (f->end + n > f->room)
		make_room(f, n);
	memcpy(f->kept + f->end, data, n);
	f->end += (uint32_t)n;
}

/* A little rest does not hold on to the room that a flood once needed. */
static void give_back(struct framing *f)
{
	size_t have = framing_kept(f);

	if (f->room <= SMALL || have > f->room / 4)
		return;
	memmove(f->kept, f->kept + f->start, have);
	f->start = 0;
	f->end = f->room = (uint32_t)have;
	f->kept = mem_resize(f->kept, have);
}

void framing_done(struct framing *f, size_t n)
{
	f->start += (uint32_t)n;
	if (f->start == f->end) {
		free(f->kept);
		f->kept = NULL;
		f->start = f->end = f->room = 0;
	} else if (n > 0) {
		give_back(f);
	}
}

void framing_fini(struct framing *f)
{
	framing_done(f, framing_kept(f));
}
