/*
 * modules/agent/track_members.c - the tables of channels and of who is in them. A member and its
 * names are one piece of memory, for there may be a hundred thousand of them.
 */
#include "track_part.h"

/* Members */

static void member_free(struct track *t, struct track_channel *c, struct track_member *m)
{
	struct gw_self *self = t->self;

	HASH_DEL(c->members, m);
	gw_free(self, m->userhost);
	gw_free(self, m);
	t->n_members--;
}

void track_go(struct track *t, struct track_channel *c, struct track_member *m)
{
	member_free(t, c, m);
}

/** Everybody, or everybody but us. */
static void forget(struct track *t, struct track_channel *c, bool us_too)
{
	struct track_member *m, *next;

	HASH_ITER (hh, c->members, m, next)
		if (us_too || !track_is_me(t, m->nick))
			member_free(t, c, m);
	c->named = false;
}

static struct track_member *member_add(struct track *t, struct track_channel *c, const char *folded,
                                       const char *nick)
{
	struct gw_self *self = t->self;
	size_t len = strlen(nick) + 1;
	bool as_it_is = strcmp(folded, nick) == 0;
	struct track_member *m = gw_alloc(self, sizeof(*m) + (as_it_is ? len : 2 * len));

	m->nick = (char *)(m + 1);
	m->folded = as_it_is ? m->nick : m->nick + len;
	memcpy(m->nick, nick, len);
	memcpy(m->folded, folded, len);
	HASH_ADD_KEYPTR(hh, c->members, m->folded, len - 1, m);
	t->n_members++;
	return m;
}

struct track_member *track_come(struct track *t, struct track_channel *c, const char *nick)
{
	struct gw_self *self = t->self;
	struct track_member *m;
	char folded[TRACK_NICK_MAX];

	if (!track_fold_into(t, nick, folded, sizeof(folded)))
		return NULL;
	HASH_FIND_STR(c->members, folded, m);
	if (m != NULL)
		return m;
	if (!track_is_me(t, nick)) {
		if (!c->crowded && (HASH_COUNT(c->members) >= TRACK_MEMBERS_MAX ||
		                    t->n_members >= TRACK_PEOPLE_MAX)) {
			forget(t, c, false);
			c->crowded = true;
		}
		if (c->crowded)
			return NULL;
	}
	return member_add(t, c, folded, nick);
}

void track_gone(struct track *t, const char *nick)
{
	struct gw_self *self = t->self;
	struct track_channel *c, *next;
	struct track_member *m;
	char folded[TRACK_NICK_MAX];
	unsigned hash;

	if (!track_fold_into(t, nick, folded, sizeof(folded)))
		return;
	HASH_VALUE(folded, strlen(folded), hash);
	HASH_ITER (hh, t->channels, c, next) {
		HASH_FIND_BYHASHVALUE(hh, c->members, folded, strlen(folded), hash, m);
		if (m != NULL)
			member_free(t, c, m);
	}
}

void track_rehost(struct track *t, const char *nick, const char *userhost)
{
	struct gw_self *self = t->self;
	struct track_channel *c, *next;
	struct track_member *m;
	char folded[TRACK_NICK_MAX];
	unsigned hash;

	if (!track_fold_into(t, nick, folded, sizeof(folded)))
		return;
	HASH_VALUE(folded, strlen(folded), hash);
	HASH_ITER (hh, t->channels, c, next) {
		HASH_FIND_BYHASHVALUE(hh, c->members, folded, strlen(folded), hash, m);
		if (m != NULL)
			track_set(t, &m->userhost, userhost, TRACK_NAME_MAX);
	}
}

/** `m` under another name; whoever had it is no longer there. */
static void member_rename(struct track *t, struct track_channel *c, struct track_member *m,
                          const char *folded, const char *nick)
{
	struct track_member was = *m, *now;

	m->userhost = NULL;
	member_free(t, c, m);
	now = track_member(t, c, nick);
	if (now != NULL)
		member_free(t, c, now);
	now = member_add(t, c, folded, nick);
	now->userhost = was.userhost;
	memcpy(now->status, was.status, sizeof(now->status));
	now->named = was.named;
}

void track_renick(struct track *t, const char *from, const char *to)
{
	struct gw_self *self = t->self;
	struct track_channel *c, *next;
	struct track_member *m;
	char folded[TRACK_NICK_MAX], target[TRACK_NICK_MAX];
	unsigned hash;

	if (!track_fold_into(t, from, folded, sizeof(folded)) ||
	    !track_fold_into(t, to, target, sizeof(target)))
		return;
	HASH_VALUE(folded, strlen(folded), hash);
	HASH_ITER (hh, t->channels, c, next) {
		HASH_FIND_BYHASHVALUE(hh, c->members, folded, strlen(folded), hash, m);
		if (m != NULL)
			member_rename(t, c, m, target, to);
	}
}

/* Channels */

void track_leave(struct track *t, struct track_channel *c)
{
	struct gw_self *self = t->self;

	forget(t, c, true);
	HASH_DEL(t->channels, c);
	gw_free(self, c->folded);
	gw_free(self, c->name);
	gw_free(self, c->key);
	gw_free(self, c->topic);
	gw_free(self, c);
}

static bool can_be_channel(const struct track *t, const char *name)
{
	return track_is_channel(t, name) && track_is_word(name) && strlen(name) < TRACK_NAME_MAX;
}

static void channel_key(struct track *t, struct track_channel *c, const char *name)
{
	struct gw_self *self = t->self;

	gw_free(self, c->folded);
	track_set(t, &c->name, name, TRACK_NAME_MAX);
	c->folded = track_folded(t, name);
	HASH_ADD_KEYPTR(hh, t->channels, c->folded, strlen(c->folded), c);
}

struct track_channel *track_join(struct track *t, const char *name)
{
	struct gw_self *self = t->self;
	struct track_channel *c = track_channel(t, name);

	if (c != NULL)
		track_leave(t, c);
	if (!can_be_channel(t, name) || HASH_COUNT(t->channels) >= TRACK_CHANNELS_MAX)
		return NULL;
	c = gw_alloc(self, sizeof(*c));
	channel_key(t, c, name);
	return c;
}

void track_rename(struct track *t, struct track_channel *c, const char *name)
{
	struct gw_self *self = t->self;
	struct track_channel *other = track_channel(t, name);

	if (!can_be_channel(t, name))
		return;
	if (other != NULL && other != c)
		track_leave(t, other);
	HASH_DEL(t->channels, c);
	channel_key(t, c, name);
}

/** Those of `was` that are still different ones. */
void track_refold(struct track *t, enum track_fold fold)
{
	struct gw_self *self = t->self;
	struct track_channel *was = t->channels, *c, *next;

	if (t->fold == fold || t->refolds == TRACK_REFOLDS_MAX)
		return;
	t->refolds++;
	HASH_ITER (hh, was, c, next)
		forget(t, c, true);
	t->fold = (uint8_t)fold;
	t->channels = NULL;
	HASH_ITER (hh, was, c, next) {
		struct track_channel *other = track_channel(t, c->name);

		HASH_DEL(was, c);
		if (other != NULL)
			track_leave(t, other);
		channel_key(t, c, c->name);
		track_come(t, c, t->nick);
	}
	track_monitor_refold(t);
}
