/*
 * Fuzz target: bytes cut into lines. However they come, whole or in pieces, the lines are the same,
 * and within their bound.
 */
#include "core/framing.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

#define LINE_MAX_BYTES 20
#define ALL_MAX 65536

struct lines {
	char text[2 * ALL_MAX];
	size_t n;
};

static void take(struct lines *lines, const struct gw_line *line)
{
	FUZZ_CHECK(line->len <= LINE_MAX_BYTES && line->text[line->len] == '\0');
	FUZZ_CHECK(memchr(line->text, '\n', line->len) == NULL);
	lines->text[lines->n++] = line->too_long ? '!' : '.';
	memcpy(lines->text + lines->n, line->text, line->len);
	lines->n += line->len;
}

/* As conn_input.c does it: what was kept, then what came. */
static void feed(struct framing *f, const uint8_t *data, size_t size, struct lines *lines)
{
	size_t kept = framing_kept(f), n = kept + size, done = 0, used;
	char *p = malloc(n + 1);
	struct gw_line line;
	bool more;

	if (kept > 0)
		memcpy(p, f->kept + f->start, kept);
	memcpy(p + kept, data, size);
	framing_done(f, kept);
	do {
		more = framing_next(f, p + done, n - done, LINE_MAX_BYTES, &used, &line);
		done += used;
		FUZZ_CHECK(done <= n);
		if (more)
			take(lines, &line);
	} while (more);
	FUZZ_CHECK(n - done <= LINE_MAX_BYTES + 1);
	framing_keep(f, p + done, n - done);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lines whole, pieces;
	struct framing f = {0}, g = {0};
	size_t at, piece;

	if (size < 2 || size > ALL_MAX)
		return 0;
	whole.n = pieces.n = 0;
	feed(&f, data, size, &whole);
	for (at = 0; at < size; at += piece) {
		piece = 1 + (data[0] * at + data[1]) % 17;
		if (piece > size - at)
			piece = size - at;
		feed(&g, data + at, piece, &pieces);
	}
	FUZZ_CHECK(f.dropping == g.dropping);
	FUZZ_CHECK(whole.n == pieces.n && memcmp(whole.text, pieces.text, whole.n) == 0);
	framing_fini(&f);
	framing_fini(&g);
	return 0;
}
