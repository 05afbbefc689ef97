/*
 * modules/agent/lost.c - what a client is told that speaks while there is no server.
 */
#include "agent.h"

void lost_client_line(struct session *s, const char *line)
{
	lost_refuse(s, line);
}

void lost_refuse(struct session *s, const char *line)
{
	session_notice(s, "Not sent: %s", line);
}
