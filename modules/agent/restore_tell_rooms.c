/*
 * modules/agent/restore_tell_rooms.c - what the client is told of channels and of the people in
 * them: who has gone, who has come, prefixes and topics.
 */
#include "restore.h"

#include <stdio.h>

#define GONE "Left while the connection was lost"
#define MODES_A_LINE 4

static struct restore_source somebody(struct session *s, const struct track_member *m)
{
	const struct restore_person *person =
		m->userhost == NULL ? restore_person(s, m->nick) : NULL;

	return restore_source(m->nick, person != NULL ? person->userhost : m->userhost);
}

/* --- who has gone --- */

static bool comparable(const struct track_channel *old, const struct track_channel *now)
{
	return old != NULL && now != NULL && old->named && now->named && !old->crowded &&
	       !now->crowded;
}

/** Another connection under the same nick, as far as can be seen. */
static bool another_host(const struct track_member *old, const struct track_member *now)
{
	return old->userhost != NULL && now->userhost != NULL &&
	       strcmp(old->userhost, now->userhost) != 0;
}

/** Who is in no channel of ours any more, and not seen by MONITOR either, has quit. */
static bool has_quit(struct session *s, const char *nick)
{
	const struct track *fresh = &s->restore->fresh;
	const struct track_watched *watched = track_watched(fresh, nick);

	if (watched != NULL && watched->online)
		return false;
	for (const struct track_channel *c = fresh->channels; c != NULL; c = c->hh.next)
		if (c->crowded || !c->named || track_member(fresh, c, nick) != NULL)
			return false;
	return true;
}

/** The first channel in which the client knows this nick, and which we are in again, tells. */
static bool is_told_here(struct session *s, const struct track_channel *here, const char *nick)
{
	for (const struct track_channel *c = s->track.channels; c != here; c = c->hh.next)
		if (comparable(c, track_channel(&s->restore->fresh, c->name)) &&
		    track_member(&s->track, c, nick) != NULL)
			return false;
	return true;
}

static void tell_gone(struct session *s, const struct track_channel *old,
                      const struct track_member *m)
{
	struct restore_source source = restore_source(m->nick, m->userhost);

	if (!has_quit(s, m->nick))
		restore_told(s, ":%s PART %s :" GONE, source.text, old->name);
	else if (is_told_here(s, old, m->nick))
		restore_told(s, ":%s QUIT :" GONE, source.text);
}

void restore_tell_gone(struct session *s)
{
	for (const struct track_channel *old = s->track.channels; old != NULL; old = old->hh.next) {
		const struct track_channel *now = track_channel(&s->restore->fresh, old->name);

		if (!comparable(old, now))
			continue;
		for (const struct track_member *m = old->members; m != NULL; m = m->hh.next)
			if (!track_is_me(&s->track, m->nick) && restore_still(s, now, m) == NULL)
				tell_gone(s, old, m);
	}
}

/* --- channels --- */

/** MODE changes of prefixes that are being collected. */
struct changes {
	const char *channel;
	char letters[4 * MODES_A_LINE], nicks[MODES_A_LINE * (TRACK_NICK_MAX + 1) + 1];
	size_t n;
	char sign;
};

static void changes_tell(struct session *s, struct changes *c)
{
	if (c->n > 0)
		restore_told(s, ":%s MODE %s %s%s", session_source(s), c->channel, c->letters,
		             c->nicks);
	*c = (struct changes){.channel = c->channel};
}

static void changes_add(struct session *s, struct changes *c, char sign, char letter,
                        const char *nick)
{
	size_t used;

	if (c->n == MODES_A_LINE || strlen(c->nicks) + strlen(nick) > 300)
		changes_tell(s, c);
	used = strlen(c->letters);
	if (c->sign != sign)
		c->letters[used++] = c->sign = sign;
	c->letters[used++] = letter;
	c->letters[used] = '\0';
	used = strlen(c->nicks);
	snprintf(c->nicks + used, sizeof(c->nicks) - used, " %s", nick);
	c->n++;
}

/** Without multi-prefix the client has not seen what is below the highest one. */
static void compare_status(struct session *s, struct changes *c, const char *nick,
                           const char *before, const char *now)
{
	const struct track *fresh = &s->restore->fresh;
	bool all = track_has_cap(&s->track, "multi-prefix") || s->track.namesx;

	if (!all && before[0] == now[0])
		return;
	for (size_t i = 0; fresh->prefix_signs[i] != '\0'; i++) {
		char sign = fresh->prefix_signs[i], letter = fresh->prefix_modes[i];
		bool had = strchr(before, sign) != NULL, has = strchr(now, sign) != NULL;

		if (had != has)
			changes_add(s, c, has ? '+' : '-', letter, nick);
	}
}

static void tell_come(struct session *s, const struct track_channel *c,
                      const struct track_member *m)
{
	const struct restore_person *person = restore_person(s, m->nick);

	if (track_has_cap(&s->track, "extended-join"))
		restore_told(s, ":%s JOIN %s %s :%s", somebody(s, m).text, c->name,
		             person != NULL && person->account != NULL ? person->account : "*",
		             person != NULL ? person->realname : m->nick);
	else
		restore_told(s, ":%s JOIN %s", somebody(s, m).text, c->name);
}

/* Whose host has changed is another connection; servers show it in the same way. */
static void tell_other_host(struct session *s, const struct track_channel *c,
                            const struct track_member *old, const struct track_member *m)
{
	const char *host = strchr(m->userhost, '@');

	if (track_has_cap(&s->track, "chghost") && host != NULL) {
		restore_told(s, ":%s CHGHOST %.*s %s",
		             restore_source(old->nick, old->userhost).text,
		             (int)(host - m->userhost), m->userhost, host + 1);
		return;
	}
	restore_told(s, ":%s PART %s :Changing host", restore_source(old->nick, old->userhost).text,
	             c->name);
	tell_come(s, c, m);
}

static void compare_member(struct session *s, struct changes *changes,
                           const struct track_channel *c, const struct track_member *old,
                           const struct track_member *m)
{
	bool mine = track_is_me(&s->restore->fresh, m->nick), again = old == NULL;

	if (!mine && old == NULL) {
		tell_come(s, c, m);
	} else if (!mine && another_host(old, m)) {
		again = !track_has_cap(&s->track, "chghost");
		tell_other_host(s, c, old, m);
	}
	compare_status(s, changes, m->nick, again ? "" : old->status, m->status);
}

/** In crowded channels only of ourselves. */
static void compare_members(struct session *s, const struct track_channel *old,
                            const struct track_channel *now)
{
	struct changes changes = {.channel = now->name};
	bool all = comparable(old, now);

	for (const struct track_member *m = now->members; m != NULL; m = m->hh.next)
		if (all || track_is_me(&s->restore->fresh, m->nick))
			compare_member(s, &changes, now, restore_before(s, old, m), m);
	changes_tell(s, &changes);
}

static void tell_topic(struct session *s, const struct track_channel *c)
{
	const struct restore_room *room = restore_room(s, c->name);
	const char *nick = s->restore->fresh.nick, *source = session_source(s);

	if (c->topic == NULL || c->topic[0] == '\0') {
		restore_told(s, ":%s 331 %s %s :No topic is set", source, nick, c->name);
		return;
	}
	restore_told(s, ":%s 332 %s %s :%s", source, nick, c->name, c->topic);
	if (room != NULL && room->setter != NULL)
		restore_told(s, ":%s 333 %s %s %s", source, nick, c->name, room->setter);
}

static void tell_lost(struct session *s, const struct track_channel *old)
{
	const struct restore_room *room = restore_room(s, old->name);
	const char *why = room != NULL && room->refused != NULL ? room->refused
	                                                        : "The server did not say why";

	if (old->leaving) {
		restore_told(s, ":%s PART %s", restore_me(s).text, old->name);
		return;
	}
	restore_told(s, ":%s PART %s :%.300s", restore_me(s).text, old->name, why);
	session_notice(s, "You are no longer in %s: %.300s", old->name, why);
}

void restore_tell_old(struct session *s, const struct track_channel *old)
{
	const struct track_channel *now = track_channel(&s->restore->fresh, old->name);

	if (now == NULL) {
		tell_lost(s, old);
		return;
	}
	compare_members(s, old, now);
	if (now->topic != NULL && (old->topic == NULL || strcmp(old->topic, now->topic) != 0))
		tell_topic(s, now);
	restore_tell_gap(s, now->name);
}

/** Names, in the form of the client's capabilities. */
static void tell_names(struct session *s, const struct track_channel *c)
{
	const struct track *old = &s->track;
	bool all = track_has_cap(old, "multi-prefix") || old->namesx;
	bool hosts = track_has_cap(old, "userhost-in-names") || old->uhnames;
	const char *nick = s->restore->fresh.nick, *source = session_source(s);
	struct restore_words words = {.n = 0};
	char word[TRACK_NICK_MAX + TRACK_NAME_MAX + 16];

	for (const struct track_member *m = c->members; m != NULL; m = m->hh.next) {
		snprintf(word, sizeof(word), "%.*s%s", all ? 8 : 1, m->status,
		         hosts ? somebody(s, m).text : m->nick);
		if (words.n < RESTORE_LINE - 120 && restore_word(&words, word, ' '))
			continue;
		restore_told(s, ":%s 353 %s = %s :%s", source, nick, c->name, words.text);
		words.n = 0;
		restore_word(&words, word, ' ');
	}
	restore_told(s, ":%s 353 %s = %s :%s", source, nick, c->name, words.text);
	restore_told(s, ":%s 366 %s %s :End of /NAMES list", source, nick, c->name);
}

/** The server has put us into one that we were not in: a forward. */
void restore_tell_new(struct session *s, const struct track_channel *c)
{
	const struct track_member *m = track_member(&s->restore->fresh, c, s->restore->fresh.nick);

	if (m == NULL)
		return;
	if (track_has_cap(&s->track, "extended-join"))
		restore_told(s, ":%s JOIN %s %s :%s", restore_me(s).text, c->name,
		             s->restore->fresh.account != NULL ? s->restore->fresh.account : "*",
		             m->nick);
	else
		restore_told(s, ":%s JOIN %s", restore_me(s).text, c->name);
	if (c->topic != NULL && c->topic[0] != '\0')
		tell_topic(s, c);
	tell_names(s, c);
}
