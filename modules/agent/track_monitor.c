/*
 * modules/agent/track_monitor.c - the list of MONITOR. What the client wants is believed at once;
 * the server takes out again what it had no room for.
 */
#include "track_part.h"

static void watched_free(struct track *t, struct track_watched *w)
{
	struct gw_self *self = t->self;

	HASH_DEL(t->monitored, w);
	gw_free(self, w->folded);
	gw_free(self, w->nick);
	gw_free(self, w);
}

static void watched_key(struct track *t, struct track_watched *w)
{
	struct gw_self *self = t->self;

	w->folded = track_folded(t, w->nick);
	HASH_ADD_KEYPTR(hh, t->monitored, w->folded, strlen(w->folded), w);
}

static void add(struct track *t, const char *nick)
{
	struct gw_self *self = t->self;
	struct track_watched *w;

	if (nick[0] == '\0' || track_watched(t, nick) != NULL ||
	    HASH_COUNT(t->monitored) >= TRACK_MONITOR_MAX)
		return;
	w = gw_alloc(self, sizeof(*w));
	w->nick = gw_strdup(self, nick);
	watched_key(t, w);
}

static void drop(struct track *t, const char *nick)
{
	struct track_watched *w = track_watched(t, nick);

	if (w != NULL)
		watched_free(t, w);
}

static void each(struct track *t, const char *nicks, void (*run)(struct track *t, const char *nick))
{
	char word[TRACK_NAME_MAX], nick[TRACK_NICK_MAX];

	while (track_word(&nicks, ',', word, sizeof(word))) {
		ircline_nick(word, nick, sizeof(nick));
		if (strcspn(word, "!@") < sizeof(nick))
			run(t, nick);
	}
}

static void online(struct track *t, const char *nick)
{
	struct track_watched *w = track_watched(t, nick);

	if (w != NULL)
		w->known = w->online = true;
}

static void offline(struct track *t, const char *nick)
{
	struct track_watched *w = track_watched(t, nick);

	if (w == NULL)
		return;
	w->known = true;
	w->online = false;
}

void track_monitor_clear(struct track *t)
{
	while (t->monitored != NULL)
		watched_free(t, t->monitored);
}

void track_monitor_refold(struct track *t)
{
	struct gw_self *self = t->self;
	struct track_watched *was = t->monitored, *w, *next;

	t->monitored = NULL;
	HASH_ITER (hh, was, w, next) {
		struct track_watched *other = track_watched(t, w->nick);

		HASH_DEL(was, w);
		if (other != NULL)
			watched_free(t, other);
		gw_free(self, w->folded);
		watched_key(t, w);
	}
}

void track_monitor_says(struct track *t, const struct ircline *l)
{
	switch (l->params[0][0]) {
	case '+':
		each(t, l->params[1], add);
		break;
	case '-':
		each(t, l->params[1], drop);
		break;
	case 'C':
	case 'c':
		track_monitor_clear(t);
		break;
	}
}

void track_on_online(struct track *t, const struct ircline *l)
{
	each(t, l->params[l->n - 1], online);
}

void track_on_offline(struct track *t, const struct ircline *l)
{
	each(t, l->params[l->n - 1], offline);
}

void track_on_list_full(struct track *t, const struct ircline *l)
{
	each(t, l->params[2], drop);
}
