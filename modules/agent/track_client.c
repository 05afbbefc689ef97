/*
 * modules/agent/track_client.c - what the client says that matters for coming back. Most of it
 * counts only when the server has answered: see track_pending.c.
 */
#include "track_part.h"
#include <stdlib.h>
#include <strings.h>

static void away(struct track *t, const struct ircline *l)
{
	track_pending_away(t, l->params[0][0] != '\0' ? l->params[0] : NULL);
}

static void cap(struct track *t, const struct ircline *l)
{
	t->cap_said = true;
	if (strcasecmp(l->params[0], "LS") == 0 && strtol(l->params[1], NULL, 10) >= 302)
		t->cap_302 = true;
}

/** The next one of `*at`, which may be empty, in `out`; likewise if it is too long. */
static void next_key(const char **at, char out[TRACK_NAME_MAX])
{
	size_t len = strcspn(*at, ",");

	out[0] = '\0';
	if (len < TRACK_NAME_MAX) {
		memcpy(out, *at, len);
		out[len] = '\0';
	}
	*at += len + ((*at)[len] == ',');
}

/** "#a,#b,#c k1,k2". A server does not answer to one for a channel that we are in. */
static void join(struct track *t, const struct ircline *l)
{
	const char *channels = l->params[0], *keys = l->params[1];
	char channel[TRACK_NAME_MAX], key[TRACK_NAME_MAX];
	struct track_channel *c, *next;

	while (track_word(&channels, ',', channel, sizeof(channel))) {
		next_key(&keys, key);
		if (strcmp(channel, "0") == 0)
			HASH_ITER (hh, t->channels, c, next)
				c->leaving = true;
		c = track_channel(t, channel);
		if (track_is_channel(t, channel) && (c == NULL || c->leaving))
			track_pending_join(t, channel, key[0] != '\0' ? key : NULL);
	}
}

static void part(struct track *t, const struct ircline *l)
{
	const char *list = l->params[0];
	char channel[TRACK_NAME_MAX];

	while (track_word(&list, ',', channel, sizeof(channel))) {
		struct track_channel *c = track_channel(t, channel);

		if (c != NULL)
			c->leaving = true;
		if (track_is_channel(t, channel))
			track_pending_part(t, channel);
	}
}

static void protoctl(struct track *t, const struct ircline *l)
{
	for (size_t i = 0; i < l->n; i++) {
		t->namesx |= strcasecmp(l->params[i], "NAMESX") == 0;
		t->uhnames |= strcasecmp(l->params[i], "UHNAMES") == 0;
	}
}

/** Its parameters are in the line as in `l`, which must have all four. */
static void user(struct track *t, const char *line)
{
	size_t len;
	const char *rest = ircline_verb(line, &len);

	rest += len;
	track_set(t, &t->user, rest + strspn(rest, " "), TRACK_TEXT_MAX);
}

static const struct track_row rows[] = {
	{"AWAY", away, 0}, {"CAP", cap, 1},
	{"JOIN", join, 1}, {"MONITOR", track_monitor_says, 1},
	{"PART", part, 1}, {"PROTOCTL", protoctl, 1},
	{"USER", NULL, 4},
};

void track_client_line(struct track *t, const char *line)
{
	struct ircline l;
	const struct track_row *row = track_find(rows, sizeof(rows) / sizeof(rows[0]), &l, line);

	if (row == NULL)
		return;
	if (row->run != NULL)
		row->run(t, &l);
	else if (!t->registered)
		user(t, line);
}
