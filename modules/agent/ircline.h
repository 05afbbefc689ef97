/*
 * modules/agent/ircline.h - a line of IRC taken apart, whoever has said it. Private to the agent.
 */
#ifndef AGENT_IRCLINE_H
#define AGENT_IRCLINE_H

#include <stdbool.h>
#include <stddef.h>

enum { IRCLINE_PARAMS_MAX = 32, IRCLINE_MAX = 16384 };

/** Words that nobody has said are "". `bytes` is what they point into. */
struct ircline {
	const char *tags;                       /* without the "@", as they came */
	const char *source;                     /* without the ":" */
	const char *verb;                       /* "PRIVMSG", "353" */
	const char *params[IRCLINE_PARAMS_MAX]; /* the last one may have spaces; those beyond `n`
	                                           are "" */
	size_t n;
	char bytes[IRCLINE_MAX + 1];
};

/** False: there is no verb in it, or it is longer than a line may be. */
bool ircline_read(struct ircline *out, const char *line);
/** Where the verb is, and how long it is, without taking the line apart; behind it is a space or
 * the end. Of no length where there is none. */
const char *ircline_verb(const char *line, size_t *len_out);
/** Whether the line is of this verb (in either case); without taking it apart. */
bool ircline_is(const char *line, const char *verb);
/** The value of a tag, as it stands (escaped), with its length: it does not end with a NUL. NULL if
 * the tag is not there; of no length if it has no value. Of several of the same key the last one
 * counts. */
const char *ircline_tag(const struct ircline *line, const char *key, size_t *len_out);
/** The nick of a source, in `nick_out` (cut to `max` bytes with the NUL). */
void ircline_nick(const char *source, char *nick_out, size_t max);

#endif
