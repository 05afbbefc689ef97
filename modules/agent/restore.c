/*
 * modules/agent/restore.c - the new session becomes what the old one was.
 */
#include "agent.h"

void restore_begin(struct session *s)
{
	session_restore_failed(s, true, "The connection to the network was lost");
}

void restore_line(struct session *s, const char *line)
{
	(void)s, (void)line;
}

void restore_client_line(struct session *s, const char *line)
{
	lost_refuse(s, line);
}

void restore_free(struct session *s)
{
	(void)s;
}
