/*
 * modules/query/whowas.c - WHOWAS (314, 312, 369, 406): the last bearers of a nick, kept in a ring.
 */
#include "private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void query_past_add(struct query_state *q, const struct gw_user *user, const char *nick)
{
	struct past *past;

	if (q->past_max == 0)
		return;
	past = &q->past[q->past_next++ % q->past_max];
	gw_free(q->self, past->realname);
	snprintf(past->nick, sizeof(past->nick), "%s", nick);
	snprintf(past->ident, sizeof(past->ident), "%s", user->ident);
	snprintf(past->host, sizeof(past->host), "%s", user->host);
	snprintf(past->account, sizeof(past->account), "%s",
	         user->account != NULL ? user->account : "");
	snprintf(past->server, sizeof(past->server), "%s", user->session->home->name);
	past->realname = gw_strdup(q->self, user->realname);
	past->left_ms = gw_wall_ns(q->self) / GW_MS;
}

/* The ring begins anew; what it held is forgotten. */
void query_past_resize(struct query_state *q, uint32_t max)
{
	if (max == q->past_max)
		return;
	for (uint32_t i = 0; i < q->past_max; i++)
		gw_free(q->self, q->past[i].realname);
	gw_free(q->self, q->past);
	q->past = max > 0 ? gw_alloc(q->self, max * sizeof(*q->past)) : NULL;
	q->past_max = max;
	q->past_next = 0;
}

static void send_past(struct query_state *q, struct gw_client *client, const struct past *past)
{
	time_t left = (time_t)(past->left_ms / 1000);
	struct tm tm;
	char when[32];

	gmtime_r(&left, &tm);
	strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm);
	CLIENT(q, numeric, client, 314, "%s %s %s * :%s", past->nick, past->ident, past->host,
	       past->realname);
	if (past->account[0] != '\0')
		CLIENT(q, numeric, client, 330, "%s %s :was logged in as", past->nick,
		       past->account);
	CLIENT(q, numeric, client, 312, "%s %s :%s", past->nick, past->server, when);
}

void query_whowas(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	const char *nick = m->argv[0];
	long want = m->argc > 1 ? strtol(m->argv[1], NULL, 10) : 0, shown = 0;
	uint32_t n = q->past_next < q->past_max ? q->past_next : q->past_max;

	for (uint32_t i = 1; i <= n && (want <= 0 || shown < want); i++) {
		const struct past *past = &q->past[(q->past_next - i) % q->past_max];

		if (!NETWORK(q, same, past->nick, nick))
			continue;
		send_past(q, client, past);
		shown++;
	}
	if (shown == 0)
		CLIENT(q, numeric, client, 406, "%s :There was no such nickname", nick);
	CLIENT(q, numeric, client, 369, "%s :End of WHOWAS", nick);
}
