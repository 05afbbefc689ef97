/*
 * modules/agent/track_names.c - NAMES: who is in a channel, with their prefixes. Who is there but
 * in none of the 353 is no longer there at 366.
 */
#include "track_part.h"

/** The prefixes that were shown: all of them, or the highest, below which those stay that are known
 * of. */
static void set_status(struct track *t, struct track_member *m, const char *signs, size_t n)
{
	bool all = n > 1 || t->namesx || track_has_cap(t, "multi-prefix"), below = false;
	char status[sizeof(m->status)] = "";
	size_t used = 0;

	for (const char *sign = t->prefix_signs; *sign != '\0' && used + 1 < sizeof(status);
	     sign++) {
		bool shown = memchr(signs, *sign, n) != NULL;

		if (shown || (below && !all && strchr(m->status, *sign) != NULL))
			status[used++] = *sign;
		below |= shown;
	}
	memcpy(m->status, status, sizeof(status));
}

/** "@+nick!user@host" */
static void named(struct track *t, struct track_channel *c, const char *word)
{
	size_t n = strspn(word, t->prefix_signs);
	const char *host = strchr(word, '!');
	char nick[TRACK_NICK_MAX];
	struct track_member *m;

	if (strcspn(word + n, "!") >= sizeof(nick))
		return;
	ircline_nick(word + n, nick, sizeof(nick));
	m = track_come(t, c, nick);
	if (m == NULL)
		return;
	m->named = true;
	set_status(t, m, word, n);
	if (host != NULL)
		track_set(t, &m->userhost, host + 1, TRACK_NAME_MAX);
}

/** "me = #channel :@ann bob"; some servers leave out the sign. */
void track_on_names(struct track *t, const struct ircline *l)
{
	struct track_channel *c = track_channel(t, l->params[l->n - 2]);
	const char *names = l->params[l->n - 1];
	char word[TRACK_NICK_MAX + TRACK_NAME_MAX];

	if (c == NULL)
		return;
	if (!c->names_open && c->crowded)
		c->crowded = c->named = false;
	c->names_open = true;
	while (track_word(&names, ' ', word, sizeof(word)))
		named(t, c, word);
}

static void end(struct track *t, struct track_channel *c)
{
	struct track_member *m, *next;

	if (c->topic == NULL)
		track_set(t, &c->topic, "", TRACK_TEXT_MAX);
	if (!c->names_open)
		return;
	c->names_open = false;
	c->named = true;
	HASH_ITER (hh, c->members, m, next) {
		if (!m->named && !track_is_me(t, m->nick))
			track_go(t, c, m);
		else
			m->named = false;
	}
}

/** "me #channel :End of /NAMES list"; "*" stands for all that were listed. */
void track_on_names_end(struct track *t, const struct ircline *l)
{
	struct track_channel *c, *next;

	if (strcmp(l->params[1], "*") != 0) {
		c = track_channel(t, l->params[1]);
		if (c != NULL)
			end(t, c);
		return;
	}
	HASH_ITER (hh, t->channels, c, next)
		if (c->names_open)
			end(t, c);
}
