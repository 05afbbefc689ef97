/*
 * modules/agent/track_channel.c - what lines say about channels and the people in them. A channel
 * is known from our own JOIN until we leave it; of others nothing is noted.
 */
#include "track_part.h"

/* Coming */

static void join(struct track *t, const char *channel, const char *nick, const char *userhost)
{
	bool me = track_is_me(t, nick);
	struct track_channel *c = me ? track_join(t, channel) : track_channel(t, channel);
	struct track_member *m;

	if (c == NULL)
		return;
	if (me)
		track_pending_joined(t, c);
	m = track_come(t, c, nick);
	if (m == NULL)
		return;
	m->named = c->names_open;
	memset(m->status, 0, sizeof(m->status));
	track_set(t, &m->userhost, userhost, TRACK_NAME_MAX);
}

/** ":ann!a@host JOIN #channel [account :Real name]" */
void track_on_join(struct track *t, const struct ircline *l)
{
	const char *list = l->params[0], *userhost = track_source_host(l), *account = l->params[1];
	char nick[TRACK_NICK_MAX], channel[TRACK_NAME_MAX];

	if (!track_source(l, nick))
		return;
	while (track_word(&list, ',', channel, sizeof(channel)))
		join(t, channel, nick, userhost);
	if (!track_is_me(t, nick))
		return;
	if (userhost != NULL)
		track_set(t, &t->userhost, userhost, TRACK_NAME_MAX);
	if (l->n >= 3 && strlen(account) < TRACK_WORD_MAX)
		track_set(t, &t->account, strcmp(account, "*") == 0 ? NULL : account,
		          TRACK_WORD_MAX);
}

/* Going */

static void part(struct track *t, const char *channel, const char *nick)
{
	struct track_channel *c = track_channel(t, channel);
	struct track_member *m;

	if (c == NULL)
		return;
	if (track_is_me(t, nick)) {
		track_leave(t, c);
		return;
	}
	m = track_member(t, c, nick);
	if (m != NULL)
		track_go(t, c, m);
}

void track_on_part(struct track *t, const struct ircline *l)
{
	const char *list = l->params[0];
	char nick[TRACK_NICK_MAX], channel[TRACK_NAME_MAX];

	if (!track_source(l, nick))
		return;
	while (track_word(&list, ',', channel, sizeof(channel))) {
		part(t, channel, nick);
		if (track_is_me(t, nick))
			track_pending_parted(t, channel);
	}
}

void track_on_kick(struct track *t, const struct ircline *l)
{
	const char *list = l->params[1];
	char nick[TRACK_NICK_MAX];

	while (track_word(&list, ',', nick, sizeof(nick)))
		part(t, l->params[0], nick);
}

/** Of ourselves it is the end of the connection, which others see to. */
void track_on_quit(struct track *t, const struct ircline *l)
{
	char nick[TRACK_NICK_MAX];

	if (track_source(l, nick) && !track_is_me(t, nick))
		track_gone(t, nick);
}

/* Changing */

void track_on_nick(struct track *t, const struct ircline *l)
{
	const char *to = l->params[0], *userhost = track_source_host(l);
	char nick[TRACK_NICK_MAX];

	if (!track_source(l, nick) || !track_is_nick(to))
		return;
	if (!track_is_me(t, nick)) {
		if (!track_is_me(t, to))
			track_renick(t, nick, to);
		return;
	}
	track_renick(t, nick, to);
	memcpy(t->nick, to, strlen(to) + 1);
	if (userhost != NULL)
		track_set(t, &t->userhost, userhost, TRACK_NAME_MAX);
}

void track_on_rename(struct track *t, const struct ircline *l)
{
	struct track_channel *c = track_channel(t, l->params[0]);

	if (c != NULL)
		track_rename(t, c, l->params[1]);
}

static bool make_userhost(char out[TRACK_NAME_MAX], const char *user, const char *host)
{
	size_t n = strlen(user), m = strlen(host);

	if (n + 1 + m >= TRACK_NAME_MAX)
		return false;
	memcpy(out, user, n);
	out[n] = '@';
	memcpy(out + n + 1, host, m + 1);
	return true;
}

void track_on_chghost(struct track *t, const struct ircline *l)
{
	char nick[TRACK_NICK_MAX], userhost[TRACK_NAME_MAX];

	if (!track_source(l, nick) || !make_userhost(userhost, l->params[0], l->params[1]))
		return;
	track_rehost(t, nick, userhost);
	if (track_is_me(t, nick))
		track_set(t, &t->userhost, userhost, TRACK_NAME_MAX);
}

/** "me #channel user host server nick ..." */
void track_on_who(struct track *t, const struct ircline *l)
{
	struct track_channel *c = track_channel(t, l->params[1]);
	struct track_member *m = c != NULL ? track_member(t, c, l->params[5]) : NULL;
	char userhost[TRACK_NAME_MAX];

	if (m != NULL && make_userhost(userhost, l->params[2], l->params[3]))
		track_set(t, &m->userhost, userhost, TRACK_NAME_MAX);
}

/* Topics */

static void topic(struct track *t, const char *channel, const char *text)
{
	struct track_channel *c = track_channel(t, channel);

	if (c != NULL)
		track_set(t, &c->topic, text, TRACK_TEXT_MAX);
}

void track_on_topic(struct track *t, const struct ircline *l)
{
	topic(t, l->params[0], l->params[1]);
}

void track_on_topic_is(struct track *t, const struct ircline *l)
{
	topic(t, l->params[1], l->params[2]);
}

void track_on_topic_none(struct track *t, const struct ircline *l)
{
	topic(t, l->params[1], "");
}
