/*
 * modules/query/who.c - WHO (352, 315) and WHOX (354): a channel, a nick or a mask.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_MAX 3

/* A WHO being answered. */
struct who {
	struct query_state *q;
	struct gw_client *client;
	const struct gw_user *asker;
	const char *fields; /* WHOX: the letters asked for; NULL: plain WHO */
	char token[TOKEN_MAX + 1];
	bool opers_only;
	bool all_prefixes;
	uint32_t shown;
};

/* H or G, * of operators, B of bots, and the prefixes in the channel. */
static void flags_of(const struct who *w, const struct gw_user *user,
                     const struct gw_member *member, char out[16])
{
	static const char letters[] = "qaohv";
	size_t n = 0, before;

	out[n++] = user->away != NULL ? 'G' : 'H';
	if (query_is_oper(user))
		out[n++] = '*';
	if (user->modes & gw_letter('B'))
		out[n++] = 'B';
	before = n;
	for (const char *l = letters; member != NULL && *l != '\0'; l++) {
		const struct gw_chanmode *mode = NETWORK(w->q, chanmode, *l);

		if (mode != NULL && (member->status & mode->bit) &&
		    (n == before || w->all_prefixes))
			out[n++] = mode->prefix;
	}
	out[n] = '\0';
}

/* Appends " text", as far as it fits. */
static void append(char *line, size_t max, const char *text)
{
	size_t n = strlen(line);

	snprintf(line + n, max - n, "%s%s", n > 0 ? " " : "", text);
}

/* The fields come in a fixed order, whatever the order of the request. */
static void send_whox(const struct who *w, const struct gw_user *user, const char *channel,
                      const char *flags)
{
	const struct gw_client *local = CLIENT(w->q, of_session, user->session);
	char idle[24], line[512] = "";
	const struct {
		char letter;
		const char *text;
	} fields[] = {
		{'t', w->token},
		{'c', channel},
		{'u', user->ident},
		{'i', "255.255.255.255"},
		{'h', user->host},
		{'s', user->session->home->name},
		{'n', user->nick},
		{'f', flags},
		{'d', "0"},
		{'l', idle},
		{'a', user->account != NULL ? user->account : "0"},
		{'o', "n/a"},
	};

	snprintf(idle, sizeof(idle), "%lld",
	         local != NULL && !local->shadow
	                 ? (long long)((gw_mono_ns(w->q->self) - local->last_active_ns) / GW_SECOND)
	                 : 0LL);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strchr(w->fields, fields[i].letter) != NULL)
			append(line, sizeof(line), fields[i].text);
	if (strchr(w->fields, 'r') != NULL)
		CLIENT(w->q, numeric, w->client, 354, "%s%s:%s", line, line[0] != '\0' ? " " : "",
		       user->realname);
	else
		CLIENT(w->q, numeric, w->client, 354, "%s", line);
}

static void send_one(struct who *w, const struct gw_user *user, const struct gw_member *member)
{
	const char *channel = member != NULL ? member->channel->name : "*";
	char flags[16];

	if (w->opers_only && !query_is_oper(user))
		return;
	w->shown++;
	flags_of(w, user, member, flags);
	if (w->fields != NULL)
		send_whox(w, user, channel, flags);
	else
		CLIENT(w->q, numeric, w->client, 352, "%s %s %s %s %s %s :0 %s", channel,
		       user->ident, user->host, user->session->home->name, user->nick, flags,
		       user->realname);
}

static void who_channel(struct who *w, const char *name)
{
	struct gw_channel *channel = NETWORK(w->q, channel, name);
	bool inside;

	if (channel == NULL || !query_may_see_channel(w->q, w->asker, channel))
		return;
	inside = NETWORK(w->q, member, channel, w->asker) != NULL || query_is_oper(w->asker);
	for (uint32_t i = 0; i < channel->n_members; i++)
		if (inside || !(channel->members[i]->user->modes & gw_letter('i')))
			send_one(w, channel->members[i]->user, channel->members[i]);
}

static bool mask_matches(const struct who *w, const char *mask, const struct gw_user *user)
{
	return NETWORK(w->q, match, mask, user->nick) || NETWORK(w->q, match, mask, user->ident) ||
	       NETWORK(w->q, match, mask, user->host) ||
	       NETWORK(w->q, match, mask, user->session->home->name) ||
	       NETWORK(w->q, match, mask, user->realname) ||
	       (user->account != NULL && NETWORK(w->q, match, mask, user->account));
}

static void who_mask(struct who *w, const char *mask)
{
	uint32_t max = (uint32_t)gw_option_int(w->q->self, gw_options(w->q->self), "who-max");

	for (const struct gw_user *user = NETWORK(w->q, next_user, NULL);
	     user != NULL && (w->shown < max || query_is_oper(w->asker));
	     user = NETWORK(w->q, next_user, user))
		if (query_may_see(w->q, w->asker, user) && mask_matches(w, mask, user))
			send_one(w, user, NULL);
}

/* "o", "%tcuhnf,token", or both. */
static void take_options(struct who *w, char *word)
{
	char *percent = strchr(word, '%');
	char *comma = percent != NULL ? strchr(percent, ',') : NULL;

	if (comma != NULL) {
		*comma++ = '\0';
		snprintf(w->token, sizeof(w->token), "%.*s", TOKEN_MAX, comma);
	}
	if (percent != NULL) {
		*percent = '\0';
		w->fields = percent + 1;
	}
	w->opers_only = strchr(word, 'o') != NULL;
}

void query_who(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	struct who w = {.q = q,
	                .client = client,
	                .asker = client->session->user,
	                .token = "0",
	                .all_prefixes = client->caps & CLIENT(q, cap, "multi-prefix")};
	const char *mask = m->argc > 0 ? m->argv[0] : "*";
	const struct gw_user *named;

	if (m->argc > 1)
		take_options(&w, m->argv[1]);
	named = NETWORK(q, user, mask);
	if (mask[0] == '#')
		who_channel(&w, mask);
	else if (named != NULL)
		send_one(&w, named, NULL);
	else
		who_mask(&w, strcmp(mask, "0") == 0 ? "*" : mask);
	CLIENT(q, numeric, client, 315, "%s :End of /WHO list", mask);
}
