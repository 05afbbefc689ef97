/*
 * answer.c - outcomes: lines for programs, and a plain notice beside them for people whose client
 * knows none of it.
 */
#include "account.h"
#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 400

static bool knows(struct account *st, struct gw_client *c, const char *cap)
{
	return (c->caps & CLIENT(st, cap, cap)) != 0;
}

void say_fail(struct account *st, struct gw_client *c, const char *command, const char *code,
              const char *context, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	CLIENT(st, line, c, NULL, "FAIL %s %s %s%s:%s", command, code, context,
	       context[0] != '\0' ? " " : "", text);
	if (!knows(st, c, "standard-replies") && !knows(st, c, "draft/account-registration"))
		CLIENT(st, notice, c, "%s", text);
}

void say_outcome(struct account *st, struct gw_client *c, const char *command, const char *what,
                 const char *name, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	CLIENT(st, line, c, NULL, "%s %s %s :%s", command, what, name, text);
	if (!knows(st, c, "draft/account-registration"))
		CLIENT(st, notice, c, "%s", text);
}

void say_note(struct account *st, struct gw_client *c, const char *code, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (knows(st, c, "standard-replies"))
		CLIENT(st, line, c, NULL, "NOTE ACCOUNT %s :%s", code, text);
	else
		CLIENT(st, notice, c, "%s", text);
}

const char *commit_trouble(int status)
{
	switch (status) {
	case -ENOSPC:
		return "The server's disk is full: nothing was stored. Tell an operator, or try "
		       "again later.";
	case -EAGAIN:
		return "The server is busy: nothing was stored. Try again in a moment.";
	default:
		return "The server could not store it: nothing was changed. Try again later.";
	}
}
