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

void say_unasked(struct account *st, struct gw_client *c, const char *code, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (knows(st, c, "standard-replies"))
		CLIENT(st, unasked, c, NULL, "NOTE ACCOUNT %s :%s", code, text);
	else
		CLIENT(st, unasked, c, NULL, "NOTICE %s :%s", c->nick, text);
}

void say_stored(struct account *st, struct gw_client *c, const struct task *task, bool name)
{
	char away[256];

	if (task->alone)
		say_note(st, c, "STORED_HERE_ONLY",
		         "It is stored on this server only until another one is reached.");
	servers_away(st, away, sizeof(away));
	if (name && away[0] != '\0')
		say_note(st, c, "PROVISIONAL",
		         "The name is provisional until these servers have returned, as somebody "
		         "may "
		         "have registered it there before: %s",
		         away);
}

const char *commit_trouble(int status)
{
	switch (status) {
	case -ENOSPC:
		return "The server's disk is full: nothing was stored. Tell an operator, or try "
		       "again later.";
	case -EROFS:
		return "This server cannot store anything now: it has lost touch with the "
		       "network's "
		       "database and has to join the network again. Operators know.";
	case -EAGAIN:
		return "The server is busy: nothing was stored. Try again in a moment.";
	default:
		return "The server could not store it: nothing was changed. Try again later.";
	}
}
