/*
 * tests/unit/agent_tracked.h - what a tracker knows, as text; and what must hold of it whatever it
 * was told.
 */
#ifndef TESTS_AGENT_TRACKED_H
#define TESTS_AGENT_TRACKED_H

#include "modules/agent/track.h"
#include <stdio.h>
#include <stdlib.h>

/** NULL, or what does not hold. */
static inline const char *tracked_wrong(const struct track *t)
{
	const struct track_channel *c;
	const struct track_member *m;
	const struct track_watched *w;
	const struct track_pending *p;
	size_t members = 0, pending = 0;

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return #condition;                                                         \
	} while (0)
	MUST(t->n_caps <= TRACK_CAPS_MAX && t->n_batches <= TRACK_BATCHES_MAX);
	MUST(t->fold <= TRACK_ASCII);
	MUST(t->registered == (t->nick[0] != '\0') && strlen(t->nick) < TRACK_NICK_MAX);
	MUST(strlen(t->modes) < sizeof(t->modes));
	MUST(strlen(t->prefix_modes) == strlen(t->prefix_signs));
	MUST(t->user == NULL || strlen(t->user) <= TRACK_TEXT_MAX);
	MUST(t->away == NULL || strlen(t->away) <= TRACK_TEXT_MAX);
	for (size_t i = 0; i < t->n_caps; i++)
		MUST(t->caps[i][0] != '\0' && strlen(t->caps[i]) < TRACK_WORD_MAX);
	for (size_t i = 0; i < t->n_batches; i++)
		MUST(t->batches[i][0] != '\0' && strlen(t->batches[i]) < TRACK_WORD_MAX);
	for (c = t->channels; c != NULL; c = c->hh.next) {
		MUST(track_channel(t, c->name) == c && track_same(t, c->name, c->folded));
		MUST(strlen(c->name) < TRACK_NAME_MAX);
		MUST(c->topic == NULL || strlen(c->topic) <= TRACK_TEXT_MAX);
		MUST(c->key == NULL || strlen(c->key) < TRACK_NAME_MAX);
		MUST(HASH_COUNT(c->members) <= TRACK_MEMBERS_MAX + 1);
		MUST(!c->crowded || HASH_COUNT(c->members) <= 1);
		MUST(track_member(t, c, t->nick) != NULL);
		for (m = c->members; m != NULL; m = m->hh.next) {
			MUST(track_member(t, c, m->nick) == m);
			MUST(track_same(t, m->nick, m->folded));
			MUST(m->nick[0] != '\0' && strlen(m->nick) < TRACK_NICK_MAX);
			MUST(strlen(m->status) < sizeof(m->status));
			MUST(m->userhost == NULL || strlen(m->userhost) <= TRACK_NAME_MAX);
			MUST(!m->named || c->names_open);
			members++;
		}
	}
	for (w = t->monitored; w != NULL; w = w->hh.next)
		MUST(track_watched(t, w->nick) == w && (w->known || !w->online));
	for (p = t->pending; p != NULL; p = p->next)
		pending++;
	MUST(HASH_COUNT(t->channels) <= TRACK_CHANNELS_MAX);
	MUST(HASH_COUNT(t->monitored) <= TRACK_MONITOR_MAX);
	MUST(members == t->n_members && pending == t->n_pending);
	MUST(pending <= TRACK_PENDING_MAX);
#undef MUST
	return NULL;
}

static inline void tracked_channel(FILE *out, const struct track_channel *c)
{
	fprintf(out, "%s%s%s", c->name, c->key != NULL ? " key=" : "",
	        c->key != NULL ? c->key : "");
	if (c->topic != NULL)
		fprintf(out, " topic=\"%s\"", c->topic);
	fprintf(out, "%s%s%s:", c->crowded ? " crowded" : "", c->names_open ? " open" : "",
	        c->named ? "" : " not-named");
	for (const struct track_member *m = c->members; m != NULL; m = m->hh.next)
		fprintf(out, " %s%s%s%s", m->status, m->nick, m->userhost != NULL ? "!" : "",
		        m->userhost != NULL ? m->userhost : "");
	fputc('\n', out);
}

static inline void tracked_word(FILE *out, const char *name, const char *value)
{
	if (value != NULL && (value[0] != '\0' || strcmp(name, "away") == 0))
		fprintf(out, "%s=%s\n", name, value);
}

/** A line for each thing that is known; to be freed. */
static inline char *tracked_text(const struct track *t)
{
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	tracked_word(out, "nick", t->nick);
	tracked_word(out, "user", t->user);
	tracked_word(out, "userhost", t->userhost);
	tracked_word(out, "account", t->account);
	tracked_word(out, "away", t->away);
	tracked_word(out, "modes", t->modes);
	for (size_t i = 0; i < t->n_caps; i++)
		fprintf(out, "cap=%s\n", t->caps[i]);
	for (const struct track_channel *c = t->channels; c != NULL; c = c->hh.next)
		tracked_channel(out, c);
	for (const struct track_watched *w = t->monitored; w != NULL; w = w->hh.next)
		fprintf(out, "monitor=%s%s\n", w->nick, !w->known ? "?" : w->online ? "+" : "-");
	for (size_t i = 0; i < t->n_batches; i++)
		fprintf(out, "batch=%s%s\n", t->batches[i], t->batch_past[i] ? " past" : "");
	if (t->n_pending > 0)
		fprintf(out, "pending=%u\n", t->n_pending);
	fclose(out);
	return text;
}

#endif
