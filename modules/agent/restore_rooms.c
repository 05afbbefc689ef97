/*
 * modules/agent/restore_rooms.c - after 001: the lines by which a session gets its modes, its away
 * text, its MONITOR list and its channels back, and by which it learns who is in them.
 */
#include "restore.h"

#include <godwit/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define JOINS_A_LINE 10
#define TOKEN "917" /* of WHOX: it is ours */

/* --- what is known of channels and people --- */

struct restore_room *restore_room(struct session *s, const char *name)
{
	struct gw_self *self = s->agent->self;
	char *folded = track_folded(&s->restore->fresh, name);
	struct restore_room *room;

	HASH_FIND_STR(s->restore->rooms, folded, room);
	gw_free(self, folded);
	return room;
}

static void room_add(struct session *s, const char *name)
{
	struct gw_self *self = s->agent->self;
	struct restore_room *room;

	if (restore_room(s, name) != NULL)
		return;
	room = gw_alloc(self, sizeof(*room));
	room->folded = track_folded(&s->restore->fresh, name);
	HASH_ADD_KEYPTR(hh, s->restore->rooms, room->folded, strlen(room->folded), room);
}

struct restore_person *restore_person(struct session *s, const char *nick)
{
	struct gw_self *self = s->agent->self;
	char *folded = track_folded(&s->restore->fresh, nick);
	struct restore_person *person;

	HASH_FIND_STR(s->restore->people, folded, person);
	gw_free(self, folded);
	return person;
}

static void set(struct session *s, char **place, const char *value)
{
	char *old = *place;

	*place = value == NULL ? NULL : gw_strdup(s->agent->self, value);
	gw_free(s->agent->self, old);
}

static void person_set(struct session *s, const char *nick, const char *user, const char *host,
                       const char *account, const char *realname)
{
	struct gw_self *self = s->agent->self;
	struct restore_person *person = restore_person(s, nick);
	char userhost[TRACK_NAME_MAX];

	if (strlen(nick) >= TRACK_NICK_MAX || strlen(realname) > TRACK_TEXT_MAX ||
	    (account != NULL && strlen(account) >= TRACK_WORD_MAX) ||
	    HASH_COUNT(s->restore->people) >= TRACK_PEOPLE_MAX)
		return;
	if (person == NULL) {
		person = gw_alloc(self, sizeof(*person));
		person->folded = track_folded(&s->restore->fresh, nick);
		HASH_ADD_KEYPTR(hh, s->restore->people, person->folded, strlen(person->folded),
		                person);
	}
	snprintf(userhost, sizeof(userhost), "%s@%s", user, host);
	set(s, &person->userhost, userhost);
	set(s, &person->realname, realname);
	set(s, &person->account, account);
}

void restore_rooms_free(struct session *s)
{
	struct gw_self *self = s->agent->self;
	struct restore *r = s->restore;
	struct restore_room *room, *next_room;
	struct restore_person *person, *next;

	HASH_ITER (hh, r->rooms, room, next_room) {
		HASH_DEL(r->rooms, room);
		gw_free(self, room->folded);
		gw_free(self, room->refused);
		gw_free(self, room->setter);
		gw_free(self, room);
	}
	HASH_ITER (hh, r->people, person, next) {
		HASH_DEL(r->people, person);
		gw_free(self, person->folded);
		gw_free(self, person->userhost);
		gw_free(self, person->realname);
		gw_free(self, person->account);
		gw_free(self, person);
	}
}

/* The client's nick may be another one now, and somebody else may have the one that it had. */
struct track_member *restore_still(struct session *s, const struct track_channel *room,
                                   const struct track_member *old)
{
	const struct track *fresh = &s->restore->fresh;
	struct track_member *now;

	if (track_is_me(&s->track, old->nick))
		return track_member(fresh, room, fresh->nick);
	now = track_member(fresh, room, old->nick);
	return now == NULL || track_is_me(fresh, now->nick) ? NULL : now;
}

struct track_member *restore_before(struct session *s, const struct track_channel *room,
                                    const struct track_member *now)
{
	struct track_member *old;

	if (track_is_me(&s->restore->fresh, now->nick))
		return track_member(&s->track, room, s->track.nick);
	old = track_member(&s->track, room, now->nick);
	return old == NULL || track_is_me(&s->track, old->nick) ? NULL : old;
}

/* --- modes, away, MONITOR --- */

/* What only an operator gets, or the server gives by itself. */
static const char not_ours[] = "oOaArZzS";

static void own_modes(struct session *s)
{
	const struct track *old = &s->track, *fresh = &s->restore->fresh;
	char add[64] = "", take[64] = "";
	size_t n_add = 0, n_take = 0;

	for (const char *m = old->modes; *m != '\0'; m++)
		if (strchr(fresh->modes, *m) == NULL && strchr(not_ours, *m) == NULL)
			add[n_add++] = *m;
	for (const char *m = fresh->modes; *m != '\0'; m++)
		if (strchr(old->modes, *m) == NULL && strchr(not_ours, *m) == NULL)
			take[n_take++] = *m;
	if (n_add + n_take > 0)
		lines_addf(s->agent->self, &s->restore->out, "MODE %s %s%s%s%s", fresh->nick,
		           n_add > 0 ? "+" : "", add, n_take > 0 ? "-" : "", take);
}

static void own_monitor(struct session *s)
{
	struct gw_self *self = s->agent->self;
	struct restore_words words = {.n = 0};

	for (const struct track_watched *w = s->track.monitored; w != NULL; w = w->hh.next) {
		if (!restore_word(&words, w->nick, ',')) {
			lines_addf(self, &s->restore->out, "MONITOR + %s", words.text);
			words.n = 0;
			restore_word(&words, w->nick, ',');
		}
	}
	if (words.n > 0)
		lines_addf(self, &s->restore->out, "MONITOR + %s", words.text);
}

void restore_own(struct session *s)
{
	struct gw_self *self = s->agent->self;

	own_modes(s);
	if (s->track.away != NULL)
		lines_addf(self, &s->restore->out, "AWAY :%s",
		           s->track.away[0] != '\0' ? s->track.away : "Away");
	own_monitor(s);
}

/* --- channels --- */

/** A JOIN that is being made: channels with keys come first. */
struct joins {
	struct restore_words names, keys;
	uint32_t n;
};

static void joins_send(struct session *s, struct joins *joins)
{
	if (joins->n > 0)
		lines_addf(s->agent->self, &s->restore->out, "JOIN %s%s%s", joins->names.text,
		           joins->keys.n > 0 ? " " : "", joins->keys.n > 0 ? joins->keys.text : "");
	*joins = (struct joins){.n = 0};
}

static void joins_add(struct session *s, struct joins *joins, const struct track_channel *c)
{
	uint32_t most = s->restore->joins_a_line;
	size_t len = strlen(c->name) + (c->key != NULL ? strlen(c->key) : 0) + 2;

	if (most == 0 || most > JOINS_A_LINE)
		most = JOINS_A_LINE;
	if (joins->n == most || joins->names.n + joins->keys.n + len > RESTORE_LINE - 20)
		joins_send(s, joins);
	restore_word(&joins->names, c->name, ',');
	if (c->key != NULL)
		restore_word(&joins->keys, c->key, ',');
	joins->n++;
	room_add(s, c->name);
}

void restore_rooms(struct session *s)
{
	struct joins joins = {.n = 0};

	for (int keyed = 1; keyed >= 0; keyed--)
		for (const struct track_channel *c = s->track.channels; c != NULL; c = c->hh.next)
			if ((c->key != NULL) == keyed && !c->leaving)
				joins_add(s, &joins, c);
	joins_send(s, &joins);
}

/** Some servers do not say who is there unless they are asked. */
void restore_names(struct session *s)
{
	for (const struct track_channel *c = s->restore->fresh.channels; c != NULL;
	     c = c->hh.next) {
		const struct track_channel *old = track_channel(&s->track, c->name);

		if (!c->named && old != NULL && old->named)
			lines_addf(s->agent->self, &s->restore->out, "NAMES %s", c->name);
	}
}

/** Somebody has come of whom the client must be told more than NAMES says. */
static bool has_strangers(struct session *s, const struct track_channel *c)
{
	const struct track_channel *old = track_channel(&s->track, c->name);
	bool extended = track_has_cap(&s->track, "extended-join");

	if (old == NULL || !old->named || !c->named || old->crowded || c->crowded)
		return false;
	for (const struct track_member *m = c->members; m != NULL; m = m->hh.next)
		if (restore_before(s, old, m) == NULL && (extended || m->userhost == NULL))
			return true;
	return false;
}

void restore_people(struct session *s)
{
	for (const struct track_channel *c = s->restore->fresh.channels; c != NULL; c = c->hh.next)
		if (has_strangers(s, c))
			lines_addf(s->agent->self, &s->restore->out,
			           s->restore->whox ? "WHO %s %%tuhnar," TOKEN : "WHO %s", c->name);
}

/** The client gets lines in the form that it has asked for. */
void restore_caps(struct session *s)
{
	struct restore_words words = {.n = 0};

	for (size_t i = 0; i < s->restore->extra.n; i++) {
		char word[TRACK_WORD_MAX + 1];

		if (!track_has_cap(&s->restore->fresh, s->restore->extra.at[i]))
			continue;
		snprintf(word, sizeof(word), "-%s", s->restore->extra.at[i]);
		restore_word(&words, word, ' ');
	}
	if (words.n > 0)
		lines_addf(s->agent->self, &s->restore->out, "CAP REQ :%s", words.text);
	if (s->track.namesx || s->track.uhnames) /* the same as two of them, so it comes last */
		lines_addf(s->agent->self, &s->restore->out, "PROTOCTL%s%s",
		           s->track.namesx ? " NAMESX" : "", s->track.uhnames ? " UHNAMES" : "");
}

/* --- what the server says --- */

/** Numerics from 400 on whose second word is a channel that was asked for: not this one. */
static void refused(struct session *s, const struct ircline *l)
{
	struct restore_room *room;

	if (l->n < 3 || !track_is_channel(&s->restore->fresh, l->params[1]))
		return;
	room = restore_room(s, l->params[1]);
	if (room != NULL && strlen(restore_last(l)) <= TRACK_TEXT_MAX)
		set(s, &room->refused, restore_last(l));
}

static void kicked(struct session *s, const struct ircline *l)
{
	struct restore_room *room = restore_room(s, l->params[0]);
	char text[TRACK_TEXT_MAX], nick[TRACK_NICK_MAX];

	if (room == NULL || !track_is_me(&s->restore->fresh, l->params[1]))
		return;
	ircline_nick(l->source, nick, sizeof(nick));
	snprintf(text, sizeof(text), "Kicked by %s (%.300s)", nick, l->params[2]);
	set(s, &room->refused, text);
}

/** "me #channel nick!user@host time" */
static void topic_by(struct session *s, const struct ircline *l)
{
	struct restore_room *room = restore_room(s, l->params[1]);
	char setter[TRACK_NAME_MAX];

	if (room == NULL || l->n < 4)
		return;
	snprintf(setter, sizeof(setter), "%.200s %.30s", l->params[2], l->params[3]);
	set(s, &room->setter, setter);
}

/** "me #channel user host server nick flags :hops Real name" */
static void who(struct session *s, const struct ircline *l)
{
	const char *name = strchr(l->params[7], ' ');

	if (l->n == 8)
		person_set(s, l->params[5], l->params[2], l->params[3], NULL,
		           name != NULL ? name + 1 : "");
}

/** "me token user host nick account :Real name" */
static void whox(struct session *s, const struct ircline *l)
{
	if (l->n == 7 && strcmp(l->params[1], TOKEN) == 0)
		person_set(s, l->params[4], l->params[2], l->params[3],
		           strcmp(l->params[5], "0") == 0 ? "*" : l->params[5], l->params[6]);
}

static void isupport(struct session *s, const struct ircline *l)
{
	struct restore *r = s->restore;

	for (size_t i = 1; i < l->n; i++) {
		const char *joins;

		if (strcmp(l->params[i], "WHOX") == 0)
			r->whox = true;
		if (strncmp(l->params[i], "TARGMAX=", 8) != 0)
			continue;
		joins = strstr(l->params[i], "JOIN:");
		r->joins_a_line = joins != NULL ? (uint32_t)strtoul(joins + 5, NULL, 10) : 0;
	}
}

static const struct {
	const char *verb;
	void (*fn)(struct session *s, const struct ircline *l);
} verbs[] = {
	{"005", isupport}, {"333", topic_by}, {"352", who}, {"354", whox}, {"KICK", kicked},
};

void restore_rooms_line(struct session *s, const struct ircline *l)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcasecmp(verbs[i].verb, l->verb) == 0)
			verbs[i].fn(s, l);
	if (strlen(l->verb) == 3 && (l->verb[0] == '4' || l->verb[0] == '5'))
		refused(s, l);
}
