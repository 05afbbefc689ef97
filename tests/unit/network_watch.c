/*
 * tests/unit/network_watch.c - see network_watch.h
 */
#include "tests/unit/network_watch.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static struct shown_user *shown_user(struct watch *s, uint64_t session)
{
	for (size_t i = 0; i < s->n_users; i++) {
		if (s->users[i].session == session)
			return &s->users[i];
	}
	return NULL;
}

static struct shown_channel *shown_channel(struct watch *s, const char *name)
{
	for (size_t i = 0; i < s->n_channels; i++) {
		if (strcasecmp(s->channels[i].name, name) == 0)
			return &s->channels[i];
	}
	return NULL;
}

static void shown_ban(struct watch *s, struct shown_channel *c, const char *mask, bool add)
{
	for (size_t i = 0; i < c->n_bans; i++) {
		if (strcasecmp(c->bans[i], mask) != 0)
			continue;
		if (add)
			s->fault = "a ban was shown that was there";
		else
			memmove(c->bans[i], c->bans[--c->n_bans], sizeof(c->bans[0]));
		return;
	}
	if (!add)
		s->fault = "the end of a ban was shown that was not there";
	else
		snprintf(c->bans[c->n_bans++], sizeof(c->bans[0]), "%s", mask);
}

static struct shown_member *shown_member(struct shown_channel *c, uint64_t session)
{
	for (size_t i = 0; c != NULL && i < c->n_members; i++) {
		if (c->members[i].session == session)
			return &c->members[i];
	}
	return NULL;
}

static uint8_t bit_of(char letter)
{
	return letter == 'o' ? GW_OP : GW_VOICE;
}

static void shown_mode(struct watch *s, struct shown_channel *c,
                       const struct gw_mode_change *change)
{
	struct shown_member *m;

	if (change->member != NULL) {
		m = shown_member(c, change->member->session->id);
		if (m == NULL || ((m->status & bit_of(change->letter)) != 0) == change->add)
			s->fault = "a prefix was shown that was so already";
		else
			m->status ^= bit_of(change->letter);
		return;
	}
	if (change->letter == 'b') {
		shown_ban(s, c, change->param, change->add);
		return;
	}
	if (change->letter != 'k' && change->letter != 'l' &&
	    ((c->modes & gw_letter(change->letter)) != 0) == change->add)
		s->fault = "a mode was shown that was so already";
	c->modes = change->add ? c->modes | gw_letter(change->letter)
	                       : c->modes & ~gw_letter(change->letter);
	if (change->letter == 'k')
		snprintf(c->key, sizeof(c->key), "%s", change->add ? change->param : "");
}

/* The first member of a channel sees it as it is then. */
static void shown_begin(struct watch *s, const struct gw_channel *channel)
{
	struct shown_channel *c = &s->channels[s->n_channels++];
	const struct gw_list_entry *entry;

	*c = (struct shown_channel){.modes = channel->modes};
	snprintf(c->name, sizeof(c->name), "%s", channel->name);
	snprintf(c->key, sizeof(c->key), "%s", channel->key == NULL ? "" : channel->key);
	snprintf(c->topic, sizeof(c->topic), "%s", channel->topic == NULL ? "" : channel->topic);
	DL_FOREACH (channel->lists, entry) {
		if (!entry->gone)
			snprintf(c->bans[c->n_bans++], sizeof(c->bans[0]), "%s", entry->mask);
	}
}

static void shown_join(struct watch *s, const struct gw_event *e)
{
	struct shown_channel *c = shown_channel(s, e->channel->name);

	if (c == NULL) {
		shown_begin(s, e->channel);
		c = shown_channel(s, e->channel->name);
	}
	if (shown_member(c, e->source->id) != NULL || e->channel->n_members != c->n_members + 1)
		s->fault = "a JOIN of a member";
	c->members[c->n_members++] = (struct shown_member){e->source->id, e->status};
}

static void shown_leave(struct watch *s, const char *channel, uint64_t session)
{
	struct shown_channel *c = shown_channel(s, channel);
	struct shown_member *m = shown_member(c, session);

	if (m == NULL) {
		s->fault = "the departure of one who was no member";
		return;
	}
	*m = c->members[--c->n_members];
	if (c->n_members == 0)
		*c = s->channels[--s->n_channels];
}

static void shown_quit(struct watch *s, const struct gw_event *e)
{
	struct shown_user *u = shown_user(s, e->source->id);
	const struct gw_member *member;

	DL_FOREACH (e->source->user->channels, member)
		shown_leave(s, member->channel->name, e->source->id);
	if (u == NULL)
		s->fault = "a QUIT of one who had not come";
	else
		*u = s->users[--s->n_users];
}

static bool shown_nick_free(struct watch *s, const char *nick, uint64_t session)
{
	for (size_t i = 0; i < s->n_users; i++) {
		if (strcasecmp(s->users[i].nick, nick) == 0 && s->users[i].session != session)
			return false;
	}
	return true;
}

static void shown_nick(struct watch *s, const struct gw_event *e)
{
	struct shown_user *u = shown_user(s, e->source->id);

	if (u == NULL || strcmp(u->nick, e->old) != 0)
		s->fault = "a NICK that does not begin where the last one ended";
	if (!shown_nick_free(s, e->source->user->nick, e->source->id))
		s->fault = "two users were shown under one nick";
	if (u != NULL)
		snprintf(u->nick, sizeof(u->nick), "%s", e->source->user->nick);
}

static void shown_come(struct watch *s, const struct gw_event *e)
{
	struct shown_user *u = &s->users[s->n_users++];

	*u = (struct shown_user){.session = e->source->id, .modes = e->source->user->modes};
	snprintf(u->nick, sizeof(u->nick), "%s", e->source->user->nick);
	snprintf(u->host, sizeof(u->host), "%s", e->source->user->host);
	snprintf(u->away, sizeof(u->away), "%s",
	         e->source->user->away == NULL ? "" : e->source->user->away);
	if (!shown_nick_free(s, u->nick, u->session))
		s->fault = "a user came with a nick in use";
}

static void shown_set(struct watch *s, const struct gw_event *e)
{
	struct shown_user *u = shown_user(s, e->source->id);
	const struct gw_user *user = e->source->user;

	if (e->fields & GW_SET_AWAY)
		snprintf(u->away, sizeof(u->away), "%s", user->away == NULL ? "" : user->away);
	if (e->fields & GW_SET_HOST)
		snprintf(u->host, sizeof(u->host), "%s", user->host);
	if (e->fields & GW_SET_MODES)
		u->modes = (u->modes | e->modes_added) & ~e->modes_removed;
	if (e->fields & GW_SET_CLAIM)
		s->fault = "a claim was shown";
}

void watch_event(struct watch *s, const struct gw_event *e)
{
	if (e->kind == GW_EV_USER)
		shown_come(s, e);
	else if (e->kind == GW_EV_QUIT)
		shown_quit(s, e);
	else if (e->kind == GW_EV_NICK)
		shown_nick(s, e);
	else if (e->kind == GW_EV_SET)
		shown_set(s, e);
	else if (e->kind == GW_EV_JOIN)
		shown_join(s, e);
	else if (e->kind == GW_EV_PART)
		shown_leave(s, e->channel->name, e->source->id);
	else if (e->kind == GW_EV_KICK)
		shown_leave(s, e->channel->name, e->member->session->id);
	else if (e->kind == GW_EV_TOPIC && shown_channel(s, e->channel->name) != NULL)
		snprintf(shown_channel(s, e->channel->name)->topic, GW_TOPIC_MAX + 1, "%s",
		         e->text);
	for (size_t i = 0; e->kind == GW_EV_MODE && i < e->n_modes; i++) {
		if (shown_channel(s, e->channel->name) != NULL)
			shown_mode(s, shown_channel(s, e->channel->name), &e->modes[i]);
	}
}

/* What can be seen, as text: of the state, or of what was shown. */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct lines {
	char *lines[4096];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void line(struct lines *l, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	l->lines[l->n++] = strdup(text);
}

static void channel_lines(struct lines *l, const struct gw_channel *c)
{
	const struct gw_list_entry *entry;

	line(l, "%s modes %llx key %s topic %s", c->name, (unsigned long long)c->modes,
	     c->key == NULL ? "" : c->key, c->topic == NULL ? "" : c->topic);
	DL_FOREACH (c->lists, entry) {
		if (!entry->gone)
			line(l, "%s ban %s", c->name, entry->mask);
	}
	for (uint32_t i = 0; i < c->n_members; i++)
		line(l, "%s member %llx %u", c->name,
		     (unsigned long long)c->members[i]->session->id, c->members[i]->status);
}

static void state_lines(struct lines *l, struct rig *rig)
{
	for (const struct gw_user *u = NULL; (u = RIG(rig, next_user, u)) != NULL;)
		line(l, "user %llx %s@%s away %s modes %llx", (unsigned long long)u->session->id,
		     u->nick, u->host, u->away == NULL ? "" : u->away,
		     (unsigned long long)u->modes);
	for (const struct gw_channel *c = NULL; (c = RIG(rig, next_channel, c)) != NULL;) {
		if (c->n_members > 0)
			channel_lines(l, c);
	}
	qsort(l->lines, l->n, sizeof(l->lines[0]), by_text);
}

static void shown_lines(struct lines *l, const struct watch *s)
{
	for (size_t i = 0; i < s->n_users; i++)
		line(l, "user %llx %s@%s away %s modes %llx",
		     (unsigned long long)s->users[i].session, s->users[i].nick, s->users[i].host,
		     s->users[i].away, (unsigned long long)s->users[i].modes);
	for (size_t i = 0; i < s->n_channels; i++) {
		const struct shown_channel *c = &s->channels[i];

		line(l, "%s modes %llx key %s topic %s", c->name, (unsigned long long)c->modes,
		     c->key, c->topic);
		for (size_t j = 0; j < c->n_bans; j++)
			line(l, "%s ban %s", c->name, c->bans[j]);
		for (size_t j = 0; j < c->n_members; j++)
			line(l, "%s member %llx %u", c->name,
			     (unsigned long long)c->members[j].session, c->members[j].status);
	}
	qsort(l->lines, l->n, sizeof(l->lines[0]), by_text);
}

static bool lines_same(const struct lines *a, const struct lines *b, bool verbose)
{
	bool equal = a->n == b->n;

	for (size_t i = 0; equal && i < a->n; i++)
		equal = strcasecmp(a->lines[i], b->lines[i]) == 0;
	for (size_t i = 0; verbose && !equal && (i < a->n || i < b->n); i++)
		printf("%-70s | %s\n", i < a->n ? a->lines[i] : "", i < b->n ? b->lines[i] : "");
	return equal;
}

static void lines_free(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->lines[i]);
}

const char *watch_compare(struct rig *a, struct rig *b, const struct watch *of_b, bool verbose)
{
	uint8_t digest_a[32], digest_b[32];
	struct lines of_a = {.n = 0}, state_b = {.n = 0}, shown = {.n = 0};
	const char *fault = of_b->fault;

	RIG(a, digest, digest_a);
	RIG(b, digest, digest_b);
	state_lines(&of_a, a);
	state_lines(&state_b, b);
	shown_lines(&shown, of_b);
	if (fault == NULL && !lines_same(&of_a, &state_b, verbose))
		fault = "the visible states differ";
	if (fault == NULL && !lines_same(&state_b, &shown, verbose))
		fault = "what was shown is not what is";
	if (fault == NULL && memcmp(digest_a, digest_b, sizeof(digest_a)) != 0)
		fault = "the digests differ";
	lines_free(&of_a);
	lines_free(&state_b);
	lines_free(&shown);
	return fault;
}
