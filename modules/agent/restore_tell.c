/*
 * modules/agent/restore_tell.c - what the client is told after a gap: what is otherwise than it
 * believes, in the lines by which it would have learnt it, and in the form that its capabilities
 * ask for. First who has gone, so that no nick stands for two at any time.
 */
#include "restore.h"

#include <godwit/loop.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

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

void restore_told(struct session *s, const char *format, ...)
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

struct restore_source restore_source(const char *nick, const char *userhost)
{
	struct restore_source out;

	snprintf(out.text, sizeof(out.text), "%s!%s", nick, userhost != NULL ? userhost : "*@*");
	return out;
}

struct restore_source restore_me(struct session *s)
{
	const struct track *fresh = &s->restore->fresh;

	return restore_source(fresh->nick,
	                      fresh->userhost != NULL ? fresh->userhost : s->track.userhost);
}

/* --- ourselves --- */

void restore_tell_gap(struct session *s, const char *target)
{
	int64_t seconds = (gw_mono_ns(s->agent->self) - s->lost_ns) / GW_SECOND + 1;
	bool long_ago = seconds >= 300;

	restore_told(s,
	             ":%s NOTICE %s :-- %lld %s without the network; what was said meanwhile is "
	             "not here --",
	             session_source(s), target, (long long)(long_ago ? seconds / 60 : seconds),
	             long_ago ? "min" : "s");
}

/** From the inside out. */
static void tell_batches(struct session *s)
{
	for (size_t i = s->track.n_batches; i > 0; i--)
		restore_told(s, ":%s BATCH -%s", session_source(s), s->track.batches[i - 1]);
}

static void tell_nick(struct session *s)
{
	const struct track *old = &s->track, *fresh = &s->restore->fresh;

	if (strcmp(old->nick, fresh->nick) != 0)
		restore_told(s, ":%s NICK %s", restore_source(old->nick, old->userhost).text,
		             fresh->nick);
}

static void tell_account(struct session *s)
{
	const struct track *old = &s->track, *fresh = &s->restore->fresh;

	if (fresh->account != NULL &&
	    (old->account == NULL || !track_same(fresh, old->account, fresh->account)))
		restore_told(s, ":%s 900 %s %s %s :You are now logged in as %s", session_source(s),
		             fresh->nick, restore_me(s).text, fresh->account, fresh->account);
}

/** Capabilities that are offered no more. Only who knows of CAP DEL can be told. */
static void tell_caps(struct session *s)
{
	struct restore_words words = {.n = 0};

	for (size_t i = 0; i < s->track.n_caps; i++)
		if (!track_has_cap(&s->restore->fresh, s->track.caps[i]))
			restore_word(&words, s->track.caps[i], ' ');
	if (words.n > 0 && (s->track.cap_302 || track_has_cap(&s->track, "cap-notify")))
		restore_told(s, ":%s CAP %s DEL :%s", session_source(s), s->restore->fresh.nick,
		             words.text);
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
		restore_told(s, ":%s CHGHOST %.*s %s",
		             restore_source(fresh->nick, old->userhost).text,
		             (int)(host - fresh->userhost), fresh->userhost, host + 1);
	else
		restore_told(s, ":%s 396 %s %s :is now your displayed host", session_source(s),
		             fresh->nick, host + 1);
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
		restore_told(s, ":%s MODE %s :%s", fresh->nick, fresh->nick, letters);
}

static void tell_away(struct session *s)
{
	const struct track *fresh = &s->restore->fresh;

	if (s->track.away != NULL && fresh->away == NULL)
		restore_told(s, ":%s 305 %s :You are no longer marked as being away",
		             session_source(s), fresh->nick);
}

static void tell_monitor(struct session *s)
{
	for (const struct track_watched *old = s->track.monitored; old != NULL;
	     old = old->hh.next) {
		const struct track_watched *now = track_watched(&s->restore->fresh, old->nick);

		if (now != NULL && now->known && (!old->known || old->online != now->online))
			restore_told(s, ":%s %s %s :%s", session_source(s),
			             now->online ? "730" : "731", s->restore->fresh.nick,
			             old->nick);
	}
}

void restore_tell(struct session *s)
{
	tell_batches(s);
	restore_tell_gap(s, s->track.nick);
	restore_tell_gone(s);
	tell_nick(s);
	tell_account(s);
	tell_caps(s);
	tell_isupport(s);
	tell_host(s);
	tell_modes(s);
	tell_away(s);
	for (const struct track_channel *c = s->track.channels; c != NULL; c = c->hh.next)
		restore_tell_old(s, c);
	for (const struct track_channel *c = s->restore->fresh.channels; c != NULL; c = c->hh.next)
		if (track_channel(&s->track, c->name) == NULL)
			restore_tell_new(s, c);
	tell_monitor(s);
}
