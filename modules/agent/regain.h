/*
 * modules/agent/regain.h - a nick that somebody else had when the session came back is asked for
 * again later. Private to the agent.
 */
#ifndef AGENT_REGAIN_H
#define AGENT_REGAIN_H

#include <stdbool.h>

struct session;

/** The session is back; if not with the nick `wanted`, that is asked for some times. */
void regain_begin(struct session *s, const char *wanted);
/** The nick to come back with: the present one, or the one that is being asked for. */
const char *regain_wanted(const struct session *s);
/** True: the line answers the agent's own NICK, and is not for the client. */
bool regain_server_line(struct session *s, const char *line);
void regain_free(struct session *s);

#endif
