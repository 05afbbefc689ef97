/*
 * modules/agent/track_mode.c - MODE: prefixes of the people in a channel, the channel's key, our
 * own modes. Which letters have a parameter is what 005 has said.
 */
#include "track_part.h"
#include <ctype.h>

static void give(struct track *t, struct track_member *m, char sign, bool plus)
{
	char status[sizeof(m->status)] = "";
	size_t used = 0;

	for (const char *s = t->prefix_signs; *s != '\0' && used + 1 < sizeof(status); s++)
		if (*s == sign ? plus : strchr(m->status, *s) != NULL)
			status[used++] = *s;
	memcpy(m->status, status, sizeof(status));
}

static void change(struct track *t, struct track_channel *c, char letter, bool plus,
                   const char *value)
{
	const char *prefix = strchr(t->prefix_modes, letter);

	if (prefix != NULL) {
		struct track_member *m = track_member(t, c, value);

		if (m != NULL)
			give(t, m, t->prefix_signs[prefix - t->prefix_modes], plus);
	} else if (letter == 'k' && !plus) {
		track_set(t, &c->key, NULL, 0);
	} else if (letter == 'k' && track_is_word(value) && strcmp(value, "*") != 0 &&
	           strlen(value) < TRACK_NAME_MAX) {
		track_set(t, &c->key, value, TRACK_NAME_MAX);
	}
}

static bool has_value(const struct track *t, char letter, bool plus)
{
	return strchr(t->prefix_modes, letter) != NULL || strchr(t->modes_list, letter) != NULL ||
	       strchr(t->modes_always, letter) != NULL ||
	       (plus && strchr(t->modes_set, letter) != NULL);
}

/** Letters at `at`, behind them their values. */
static void channel_modes(struct track *t, struct track_channel *c, const struct ircline *l,
                          size_t at)
{
	bool plus = true;
	size_t next = at + 1;

	for (const char *letter = l->params[at]; *letter != '\0'; letter++) {
		if (*letter == '+' || *letter == '-') {
			plus = *letter == '+';
			continue;
		}
		if (has_value(t, *letter, plus))
			change(t, c, *letter, plus, next < l->n ? l->params[next++] : "");
	}
}

static void own_modes(struct track *t, const char *letters)
{
	bool plus = true;

	for (; *letters != '\0'; letters++) {
		char *found = strchr(t->modes, *letters);
		size_t n = strlen(t->modes);

		if (*letters == '+' || *letters == '-')
			plus = *letters == '+';
		else if (!plus && found != NULL)
			memmove(found, found + 1, strlen(found));
		else if (plus && found == NULL && isalnum((unsigned char)*letters) &&
		         n + 1 < sizeof(t->modes))
			t->modes[n] = *letters;
	}
}

void track_on_mode(struct track *t, const struct ircline *l)
{
	struct track_channel *c = track_channel(t, l->params[0]);

	if (c != NULL)
		channel_modes(t, c, l, 1);
	else if (track_is_me(t, l->params[0]))
		own_modes(t, l->params[1]);
}

void track_on_own_modes(struct track *t, const struct ircline *l)
{
	memset(t->modes, 0, sizeof(t->modes));
	own_modes(t, l->params[1]);
}

void track_on_channel_modes(struct track *t, const struct ircline *l)
{
	struct track_channel *c = track_channel(t, l->params[1]);

	if (c != NULL)
		channel_modes(t, c, l, 2);
}
