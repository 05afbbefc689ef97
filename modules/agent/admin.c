/*
 * modules/agent/admin.c - the agent's commands for godwitctl.
 */
#include "agent.h"
#include <godwit/admin.h>

void admin_moved(struct session *s, int status, const char *sentence)
{
	if (s->asked_move != NULL)
		gw_admin_done(s->agent->self, &s->asked_move, status, sentence);
}
