/*
 * modules/agent/gate.c - the agent's own password, and lines that wait for the first server.
 */
#include "agent.h"
#include <godwit/mem.h>

struct gate {
	char **lines;
	size_t n;
};

bool gate_wanted(struct session *s)
{
	(void)s;
	return false;
}

void gate_line(struct session *s, const char *line)
{
	if (s->gate == NULL)
		s->gate = gw_alloc(s->agent->self, sizeof(*s->gate));
	s->gate->lines =
		gw_resize(s->agent->self, s->gate->lines, (s->gate->n + 1) * sizeof(char *));
	s->gate->lines[s->gate->n++] = gw_strdup(s->agent->self, line);
}

void gate_open(struct session *s)
{
	for (size_t i = 0; s->gate != NULL && i < s->gate->n; i++)
		pass_client_line(s, s->gate->lines[i], strlen(s->gate->lines[i]));
	gate_free(s);
}

void gate_free(struct session *s)
{
	if (s->gate == NULL)
		return;
	for (size_t i = 0; i < s->gate->n; i++)
		gw_free(s->agent->self, s->gate->lines[i]);
	gw_free(s->agent->self, s->gate->lines);
	gw_free(s->agent->self, s->gate);
	s->gate = NULL;
}
