/*
 * modules/agent/restore_tell.c - what the client is told after a gap: what is otherwise than it
 * believes, in the lines by which it would have learnt it, and in the form that its capabilities
 * ask for. First who has gone, so that no nick stands for two at any time.
 */
#include "restore.h"

#include <godwit/loop.h>
#include <godwit/mem.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define GONE "Left while the connection was lost"
#define MODES_A_LINE 4

static void time_tag(struct session *s, char out[40])
{
	int64_t ms = gw_wall_ns(s->agent->self) / GW_MS;
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	out[0] = '\0';
	if (!track_has_cap(&s->track, "server-time") || gmtime_r(&seconds, &tm) == NULL)
		return;
	n = strftime(out, 40, "@time=%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 40 - n, ".%03dZ ", (int)(ms % 1000));
}

__attribute__((format(printf, 2, 3))) static void say(struct session *s, const char *format, ...)
{
	char line[2048];
	va_list args;

	time_tag(s, line);
	va_start(args, format);
	vsnprintf(line + strlen(line), sizeof(line) - strlen(line), format, args);
	va_end(args);
	session_tell(s, line);
}

/* --- sources --- */

struct source {
	char text[TRACK_NICK_MAX + TRACK_NAME_MAX + 8];
};

static struct source source_of(const char *nick, const char *userhost)
{
	struct source out;

	snprintf(out.text, sizeof(out.text), "%s!%s", nick, userhost != NULL ? userhost : "*@*");
	return out;
}

static struct source me(struct session *s)
{
	const struct track *fresh = &s->restore->fresh;

	return source_of(fresh->nick,
	                 fresh->userhost != NULL ? fresh->userhost : s->track.userhost);
}

static struct source somebody(struct session *s, const struct track_member *m)
{
	const struct restore_person *person =
		m->userhost == NULL ? restore_person(s, m->nick) : NULL;

	return source_of(m->nick, person != NULL ? person->userhost : m->userhost);
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
	struct source source = source_of(m->nick, m->userhost);

	if (!has_quit(s, m->nick))
		say(s, ":%s PART %s :" GONE, source.text, old->name);
	else if (is_told_here(s, old, m->nick))
		say(s, ":%s QUIT :" GONE, source.text);
}

static void tell_all_gone(struct session *s)
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

/* --- ourselves --- */

static void tell_gap(struct session *s, const char *target)
{
	int64_t seconds = (gw_mono_ns(s->agent->self) - s->lost_ns) / GW_SECOND + 1;
	bool long_ago = seconds >= 300;

	say(s,
	    ":%s NOTICE %s :-- %lld %s without the network; what was said meanwhile is not here --",
	    session_source(s), target, (long long)(long_ago ? seconds / 60 : seconds),
	    long_ago ? "min" : "s");
}

/** From the inside out. */
static void tell_batches(struct session *s)
{
	for (size_t i = s->track.n_batches; i > 0; i--)
		say(s, ":%s BATCH -%s", session_source(s), s->track.batches[i - 1]);
}

static void tell_nick(struct session *s)
{
	const struct track *old = &s->track, *fresh = &s->restore->fresh;

	if (strcmp(old->nick, fresh->nick) != 0)
		say(s, ":%s NICK %s", source_of(old->nick, old->userhost).text, fresh->nick);
}

static void tell_account(struct session *s)
{
	const struct track *old = &s->track, *fresh = &s->restore->fresh;

	if (fresh->account != NULL &&
	    (old->account == NULL || !track_same(fresh, old->account, fresh->account)))
		say(s, ":%s 900 %s %s %s :You are now logged in as %s", session_source(s),
		    fresh->nick, me(s).text, fresh->account, fresh->account);
}

/** Capabilities that are offered no more. Only who knows of CAP DEL can be told. */
static void tell_caps(struct session *s)
{
	struct restore_words words = {.n = 0};

	for (size_t i = 0; i < s->track.n_caps; i++)
		if (!track_has_cap(&s->restore->fresh, s->track.caps[i]))
			restore_word(&words, s->track.caps[i], ' ');
	if (words.n > 0 && (s->track.cap_302 || track_has_cap(&s->track, "cap-notify")))
		say(s, ":%s CAP %s DEL :%s", session_source(s), s->restore->fresh.nick, words.text);
}

/** Where names or prefixes are otherwise here: as the server has said it. */
static void tell_isupport(struct session *s)
{
	const struct track *old = &s->track, *fresh = &s->restore->fresh;

	if (old->fold == fresh->fold && strcmp(old->prefix_modes, fresh->prefix_modes) == 0 &&
	    strcmp(old->prefix_signs, fresh->prefix_signs) == 0 &&
	    strcmp(old->chantypes, fresh->chantypes) == 0)
		return;
	for (size_t i = 0; i < s->restore->isupport.n; i++)
		session_tell(s, s->restore->isupport.at[i]);
}

static void tell_host(struct session *s)
{
	const struct track *old = &s->track, *fresh = &s->restore->fresh;
	const char *host = fresh->userhost != NULL ? strchr(fresh->userhost, '@') : NULL;

	if (old->userhost == NULL || host == NULL || strcmp(old->userhost, fresh->userhost) == 0)
		return;
	if (track_has_cap(old, "chghost"))
		say(s, ":%s CHGHOST %.*s %s", source_of(fresh->nick, old->userhost).text,
		    (int)(host - fresh->userhost), fresh->userhost, host + 1);
	else
		say(s, ":%s 396 %s %s :is now your displayed host", session_source(s), fresh->nick,
		    host + 1);
}

static void tell_modes(struct session *s)
{
	const struct track *old = &s->track, *fresh = &s->restore->fresh;
	char letters[2 * sizeof(old->modes) + 4];
	size_t n = 0, sign;

	letters[n++] = '+';
	for (const char *m = fresh->modes; *m != '\0'; m++)
		if (strchr(old->modes, *m) == NULL)
			letters[n++] = *m;
	n -= n == 1;
	sign = n;
	letters[n++] = '-';
	for (const char *m = old->modes; *m != '\0'; m++)
		if (strchr(fresh->modes, *m) == NULL)
			letters[n++] = *m;
	n -= n == sign + 1;
	letters[n] = '\0';
	if (n > 0)
		say(s, ":%s MODE %s :%s", fresh->nick, fresh->nick, letters);
}

static void tell_away(struct session *s)
{
	const struct track *fresh = &s->restore->fresh;

	if (s->track.away != NULL && fresh->away == NULL)
		say(s, ":%s 305 %s :You are no longer marked as being away", session_source(s),
		    fresh->nick);
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
		say(s, ":%s MODE %s %s%s", session_source(s), c->channel, c->letters, c->nicks);
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
		say(s, ":%s JOIN %s %s :%s", somebody(s, m).text, c->name,
		    person != NULL && person->account != NULL ? person->account : "*",
		    person != NULL ? person->realname : m->nick);
	else
		say(s, ":%s JOIN %s", somebody(s, m).text, c->name);
}

/* Whose host has changed is another connection; servers show it in the same way. */
static void tell_other_host(struct session *s, const struct track_channel *c,
                            const struct track_member *old, const struct track_member *m)
{
	const char *host = strchr(m->userhost, '@');

	if (track_has_cap(&s->track, "chghost") && host != NULL) {
		say(s, ":%s CHGHOST %.*s %s", source_of(old->nick, old->userhost).text,
		    (int)(host - m->userhost), m->userhost, host + 1);
		return;
	}
	say(s, ":%s PART %s :Changing host", source_of(old->nick, old->userhost).text, c->name);
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
		say(s, ":%s 331 %s %s :No topic is set", source, nick, c->name);
		return;
	}
	say(s, ":%s 332 %s %s :%s", source, nick, c->name, c->topic);
	if (room != NULL && room->setter != NULL)
		say(s, ":%s 333 %s %s %s", source, nick, c->name, room->setter);
}

static void tell_lost(struct session *s, const struct track_channel *old)
{
	const struct restore_room *room = restore_room(s, old->name);
	const char *why = room != NULL && room->refused != NULL ? room->refused
	                                                        : "The server did not say why";

	if (old->leaving) {
		say(s, ":%s PART %s", me(s).text, old->name);
		return;
	}
	say(s, ":%s PART %s :%.300s", me(s).text, old->name, why);
	session_notice(s, "You are no longer in %s: %.300s", old->name, why);
}

static void tell_old_room(struct session *s, const struct track_channel *old)
{
	const struct track_channel *now = track_channel(&s->restore->fresh, old->name);

	if (now == NULL) {
		tell_lost(s, old);
		return;
	}
	compare_members(s, old, now);
	if (now->topic != NULL && (old->topic == NULL || strcmp(old->topic, now->topic) != 0))
		tell_topic(s, now);
	tell_gap(s, now->name);
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
		say(s, ":%s 353 %s = %s :%s", source, nick, c->name, words.text);
		words.n = 0;
		restore_word(&words, word, ' ');
	}
	say(s, ":%s 353 %s = %s :%s", source, nick, c->name, words.text);
	say(s, ":%s 366 %s %s :End of /NAMES list", source, nick, c->name);
}

/** The server has put us into one that we were not in: a forward. */
static void tell_new_room(struct session *s, const struct track_channel *c)
{
	const struct track_member *m = track_member(&s->restore->fresh, c, s->restore->fresh.nick);

	if (m == NULL)
		return;
	if (track_has_cap(&s->track, "extended-join"))
		say(s, ":%s JOIN %s %s :%s", me(s).text, c->name,
		    s->restore->fresh.account != NULL ? s->restore->fresh.account : "*", m->nick);
	else
		say(s, ":%s JOIN %s", me(s).text, c->name);
	if (c->topic != NULL && c->topic[0] != '\0')
		tell_topic(s, c);
	tell_names(s, c);
}

static void tell_monitor(struct session *s)
{
	for (const struct track_watched *old = s->track.monitored; old != NULL;
	     old = old->hh.next) {
		const struct track_watched *now = track_watched(&s->restore->fresh, old->nick);

		if (now != NULL && now->known && (!old->known || old->online != now->online))
			say(s, ":%s %s %s :%s", session_source(s), now->online ? "730" : "731",
			    s->restore->fresh.nick, old->nick);
	}
}

void restore_tell(struct session *s)
{
	tell_batches(s);
	tell_gap(s, s->track.nick);
	tell_all_gone(s);
	tell_nick(s);
	tell_account(s);
	tell_caps(s);
	tell_isupport(s);
	tell_host(s);
	tell_modes(s);
	tell_away(s);
	for (const struct track_channel *c = s->track.channels; c != NULL; c = c->hh.next)
		tell_old_room(s, c);
	for (const struct track_channel *c = s->restore->fresh.channels; c != NULL; c = c->hh.next)
		if (track_channel(&s->track, c->name) == NULL)
			tell_new_room(s, c);
	tell_monitor(s);
}
