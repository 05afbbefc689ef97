/*
 * modules/control/wire.c - lines of the control protocol: doc/control-protocol.md.
 */
#include "control.h"

#include <errno.h>
#include <string.h>

static const char escaped[] = "\\\t\n\r";
static const char letters[] = "\\tnr";

/* Undoes the escapes of one cell in place; false if one is unknown. */
static bool unescape(char *cell)
{
	char *out = cell;

	for (const char *in = cell; *in != '\0'; in++) {
		const char *letter;

		if (*in != '\\') {
			*out++ = *in;
			continue;
		}
		in++;
		letter = *in != '\0' ? strchr(letters, *in) : NULL;
		if (letter == NULL)
			return false;
		*out++ = escaped[letter - letters];
	}
	*out = '\0';
	return true;
}

int wire_parse(char *line, const char *words_out[CONTROL_WORDS_MAX], const char **why_out)
{
	int n = 0;

	if (line[0] != 'C' || line[1] != '\t') {
		*why_out = "a request begins with C and a TAB";
		return -EINVAL;
	}
	for (char *cell = line + 2; cell != NULL;) {
		char *tab = strchr(cell, '\t');

		if (tab != NULL)
			*tab++ = '\0';
		if (n == CONTROL_WORDS_MAX) {
			*why_out = "a request has at most 64 words";
			return -EINVAL;
		}
		if (!unescape(cell)) {
			*why_out = "unknown escape: only \\\\, \\t, \\n and \\r exist";
			return -EINVAL;
		}
		words_out[n++] = cell;
		cell = tab;
	}
	return n;
}

static size_t escaped_len(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += strchr(escaped, *text) != NULL ? 2 : 1;
	return n;
}

static char *escape(char *out, const char *text)
{
	for (; *text != '\0'; text++) {
		const char *special = strchr(escaped, *text);

		if (special != NULL) {
			*out++ = '\\';
			*out++ = letters[special - escaped];
		} else {
			*out++ = *text;
		}
	}
	return out;
}

void wire_write(struct gw_self *self, struct gw_sink *sink, char kind, const char *const *cells,
                size_t n)
{
	size_t len = 2; /* the kind and the line end */
	struct gw_buf *line;
	char *out;

	for (size_t i = 0; i < n; i++)
		len += 1 + escaped_len(cells[i]);
	line = gw_buf_new(self, len);
	out = line->data;
	*out++ = kind;
	for (size_t i = 0; i < n; i++) {
		*out++ = '\t';
		out = escape(out, cells[i]);
	}
	*out = '\n';
	gw_sink_write_buf(self, sink, line);
	gw_buf_unref(self, &line);
}
