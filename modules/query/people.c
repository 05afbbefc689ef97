/*
 * modules/query/people.c - the short questions: USERHOST (302), ISON (303), and AWAY (305, 306).
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

#define USERHOSTS_MAX 5

void query_userhost(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	char line[USERHOSTS_MAX * (GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 6)] = "";
	size_t used = 0;

	for (int i = 0; i < m->argc && i < USERHOSTS_MAX; i++) {
		const struct gw_user *user = NETWORK(q, user, m->argv[i]);

		if (user != NULL)
			used += (size_t)snprintf(
				line + used, sizeof(line) - used, "%s%s%s=%c%s@%s",
				used > 0 ? " " : "", user->nick, query_is_oper(user) ? "*" : "",
				user->away != NULL ? '-' : '+', user->ident, user->host);
	}
	CLIENT(q, numeric, client, 302, ":%s", line);
}

/* Nicks may come as several parameters or in one. */
void query_ison(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	char line[400] = "";
	size_t used = 0;

	for (int i = 0; i < m->argc; i++) {
		char *rest = m->argv[i], *nick;

		while ((nick = strsep(&rest, " ")) != NULL) {
			const struct gw_user *user = NETWORK(q, user, nick);

			if (user != NULL && used + strlen(user->nick) + 2 < sizeof(line))
				used += (size_t)sprintf(line + used, "%s%s", used > 0 ? " " : "",
				                        user->nick);
		}
	}
	CLIENT(q, numeric, client, 303, ":%s", line);
}

void query_away(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	const struct gw_user *user = client->session->user;
	struct gw_user_set set = {.fields = GW_SET_AWAY};

	if (m->argc > 0 && m->argv[0][0] != '\0')
		set.away = gw_cut(m->argv[0], GW_AWAY_MAX);
	if (set.away != NULL ? user->away == NULL || strcmp(user->away, set.away) != 0
	                     : user->away != NULL)
		NETWORK(q, set, client->session, &set, client->command);
	if (set.away != NULL)
		CLIENT(q, numeric, client, 306, ":You have been marked as being away");
	else
		CLIENT(q, numeric, client, 305, ":You are no longer marked as being away");
}
