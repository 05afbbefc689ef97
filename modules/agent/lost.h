/*
 * modules/agent/lost.h - how a line of the client's is shown to it again. Private to the agent.
 */
#ifndef AGENT_LOST_H
#define AGENT_LOST_H

#include <stdbool.h>
#include <stddef.h>

struct session;

enum { LOST_SHOWN_MAX = 240 };

/** The beginning of a line without its tags; of one that may hold a password no more than the
 * verb, and to whom. */
void lost_shown(const char *line, char out[LOST_SHOWN_MAX]);
/** A NOTICE about a line; with its label, which may be NULL. */
void lost_tell(struct session *s, const char *label, size_t len, const char *what,
               const char *shown);
/** PING, PONG and QUIT are dealt with here: true. */
bool lost_answer(struct session *s, const char *line);

#endif
