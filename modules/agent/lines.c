/*
 * modules/agent/lines.c - a list of lines. They may hold secrets, and are wiped.
 */
#include "lines.h"

#include <godwit/mem.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

#define LINE_ROOM 1024

void lines_add(struct gw_self *self, struct lines *lines, const char *line)
{
	if (lines->n == lines->size) {
		lines->size = lines->size == 0 ? 8 : 2 * lines->size;
		lines->at = gw_resize(self, lines->at, lines->size * sizeof(char *));
	}
	lines->at[lines->n++] = gw_strdup(self, line);
	lines->bytes += strlen(line);
}

void lines_addf(struct gw_self *self, struct lines *lines, const char *format, ...)
{
	char line[LINE_ROOM];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	lines_add(self, lines, line);
}

bool lines_have(const struct lines *lines, const char *line)
{
	for (size_t i = 0; i < lines->n; i++)
		if (strcmp(lines->at[i], line) == 0)
			return true;
	return false;
}

void lines_drop(struct gw_self *self, struct lines *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(lines->at[i]);

		lines->bytes -= len;
		sodium_memzero(lines->at[i], len);
		gw_free(self, lines->at[i]);
	}
	lines->n -= n;
	if (n > 0)
		memmove(lines->at, lines->at + n, lines->n * sizeof(char *));
}

void lines_clear(struct gw_self *self, struct lines *lines)
{
	lines_drop(self, lines, lines->n);
	gw_free(self, lines->at);
	*lines = (struct lines){0};
}
