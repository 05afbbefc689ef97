/*
 * modules/query/whois.c - WHOIS: all that one may know about somebody (311 to 319, 301, 330, 335,
 * 378, 379, 671).
 *
 * The address that somebody connects from is shown to themselves and to operators of this server
 * only.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define TARGETS_MAX 4

struct whois {
	struct query_state *q;
	struct gw_client *client;
	const struct gw_user *asker, *user;
};

/* The member's highest prefix, or all of them, then the channel. */
static void channel_word(const struct whois *w, const struct gw_member *member, char *out,
                         size_t max)
{
	static const char letters[] = "qaohv";
	bool all = w->client->caps & CLIENT(w->q, cap, "multi-prefix");
	size_t n = 0;

	for (const char *l = letters; *l != '\0'; l++) {
		const struct gw_chanmode *mode = NETWORK(w->q, chanmode, *l);

		if (mode != NULL && (member->status & mode->bit) && (n == 0 || all))
			out[n++] = mode->prefix;
	}
	snprintf(out + n, max - n, "%s", member->channel->name);
}

static void send_channels(const struct whois *w)
{
	char word[GW_CHANNEL_MAX + 8], head[GW_NICK_MAX + 3];
	const struct gw_member *member;

	snprintf(head, sizeof(head), "%s :", w->user->nick);
	for (member = w->user->channels; member != NULL; member = member->next) {
		bool hidden = (w->user->modes & gw_letter('i')) && w->user != w->asker &&
		              !query_is_oper(w->asker) &&
		              NETWORK(w->q, member, member->channel, w->asker) == NULL;

		if (hidden || !query_may_see_channel(w->q, w->asker, member->channel))
			continue;
		channel_word(w, member, word, sizeof(word));
		CLIENT(w->q, words, w->client, 319, head, word, ' ');
	}
	CLIENT(w->q, words, w->client, 319, head, NULL, ' ');
}

static void send_idle(const struct whois *w)
{
	const struct gw_client *local = CLIENT(w->q, of_session, w->user->session);

	if (local != NULL && !local->shadow)
		CLIENT(w->q, numeric, w->client, 317, "%s %lld %lld :seconds idle, signon time",
		       w->user->nick,
		       (long long)((gw_mono_ns(w->q->self) - local->last_active_ns) / GW_SECOND),
		       (long long)(w->user->signon_ms / 1000));
}

/* What only the person and operators see. */
static void send_private(const struct whois *w)
{
	const struct gw_client *local = CLIENT(w->q, of_session, w->user->session);
	char modes[54] = "+";
	size_t n = 1;

	if (w->user != w->asker && !query_is_oper(w->asker))
		return;
	if (local != NULL && !local->shadow)
		CLIENT(w->q, numeric, w->client, 378, "%s :is connecting from %s", w->user->nick,
		       local->info->address);
	for (char l = 'A'; l <= 'z'; l++)
		if (gw_letter(l) & w->user->modes)
			modes[n++] = l;
	modes[n] = '\0';
	CLIENT(w->q, numeric, w->client, 379, "%s :is using modes %s", w->user->nick, modes);
}

static void send_about(const struct whois *w)
{
	const struct gw_user *u = w->user;
	const struct gw_node *home = u->session->home;

	CLIENT(w->q, numeric, w->client, 311, "%s %s %s * :%s", u->nick, u->ident, u->host,
	       u->realname);
	send_channels(w);
	CLIENT(w->q, numeric, w->client, 312, "%s %s :%s", u->nick, home->name, home->description);
	if (u->away != NULL)
		CLIENT(w->q, numeric, w->client, 301, "%s :%s", u->nick, u->away);
	if (query_is_oper(u))
		CLIENT(w->q, numeric, w->client, 313, "%s :is an IRC operator", u->nick);
	if (u->account != NULL)
		CLIENT(w->q, numeric, w->client, 330, "%s %s :is logged in as", u->nick,
		       u->account);
	if (u->modes & gw_letter('B'))
		CLIENT(w->q, numeric, w->client, 335, "%s :is a bot", u->nick);
	if (u->secure)
		CLIENT(w->q, numeric, w->client, 671, "%s :is using a secure connection", u->nick);
	send_private(w);
	send_idle(w);
}

void query_whois(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	char *rest = m->argc > 1 ? m->argv[1] : m->argc > 0 ? m->argv[0] : (char *)"", *nick;
	int n = 0;

	if (*rest == '\0') {
		CLIENT(q, numeric, client, 431, ":No nickname given");
		return;
	}
	/* "WHOIS nick nick" asks the nick's server, and of nobody it is the nick that is missing.
	 */
	if (m->argc > 1 && !NETWORK(q, same, m->argv[0], m->argv[1]) &&
	    query_server(q, client, m->argv[0]) == NULL)
		return;
	while ((nick = strsep(&rest, ",")) != NULL && n++ < TARGETS_MAX) {
		struct whois w = {.q = q,
		                  .client = client,
		                  .asker = client->session->user,
		                  .user = NETWORK(q, user, nick)};

		if (w.user != NULL)
			send_about(&w);
		else
			CLIENT(q, numeric, client, 401, "%s :No such nick", nick);
		CLIENT(q, numeric, client, 318, "%s :End of /WHOIS list", nick);
	}
}
