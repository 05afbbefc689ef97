/*
 * modules/client/basic.c - PING, PONG, QUIT and SETNAME.
 */
#include "client.h"

void client_ping(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct client_state *st = state;

	reply_line(st, client_of(client), NULL, "PONG %s :%s", st->server, m->argv[0]);
}

/* Any line is a sign of life; this one has no other purpose. */
void client_pong(void *state, struct gw_client *client, const struct gw_message *m)
{
	(void)state;
	(void)client;
	(void)m;
}

void client_quit(void *state, struct gw_client *client, const struct gw_message *m)
{
	char reason[GW_REASON_MAX + 1];

	if (m->argc > 0 && m->argv[0][0] != '\0')
		snprintf(reason, sizeof(reason), "Quit: %s", m->argv[0]);
	else
		snprintf(reason, sizeof(reason), "Quit");
	client_of(client)->end = END_QUIT;
	client_close(state, client_of(client), reason);
}

void client_setname(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct client_state *st = state;
	struct client *c = client_of(client);
	struct gw_user_set set = {.fields = GW_SET_REALNAME, .realname = m->argv[0]};

	if (strlen(m->argv[0]) > GW_REALNAME_MAX)
		reply_standard(st, c, "FAIL", "SETNAME", "INVALID_REALNAME", "",
		               "A real name has at most %d bytes", GW_REALNAME_MAX);
	else if (NETWORK(st, set, c->pub.session, &set, c->pub.command) != 0)
		reply_standard(st, c, "FAIL", "SETNAME", "INVALID_REALNAME", "",
		               "Realname is not valid");
}
