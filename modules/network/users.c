/*
 * users.c - users and their sessions come, change and go.
 *
 * All cells of a user are written by its home alone, so they hardly ever compete; the stamps matter
 * when a link bursts. A field that was never set since the introduction has the introduction's
 * stamp, and costs nothing.
 */
#include "network.h"
#include <errno.h>
#include <utlist.h>

#define FIELD_CLAIM 6 /* number of GW_SET_CLAIM */

/** What a record says of the fields of a user. */
struct fields {
	uint32_t which; /* enum gw_user_field */
	const char *away, *ident, *host, *realname, *account, *role;
	struct gw_id account_id;
	uint64_t modes;
	struct gw_stamp claim;
	struct gw_stamp stamps[N_FIELDS];
};

/* Ids are random: it only has to be one that nobody outside can aim at. Multiplying by an odd
 * number that is drawn at start spreads them, and its upper half decides. */
static unsigned id_hash(const struct network *net, uint64_t session)
{
	return (unsigned)((session * net->id_factor) >> 32);
}

struct person *person_find(struct network *net, uint64_t session)
{
	struct person *p;

	HASH_FIND_BYHASHVALUE(by_id, net->people, &session, sizeof(session), id_hash(net, session),
	                      p);
	return p;
}

void person_texts(const struct person *p, struct texts *out)
{
	const struct gw_user *u = &p->user;

	*out = (struct texts){.nick = u->nick,
	                      .wanted = p->wanted,
	                      .ident = u->ident,
	                      .host = u->host,
	                      .realname = u->realname,
	                      .account = u->account,
	                      .away = u->away,
	                      .role = u->role};
}

/* Copies the text to *at, unless it is NULL. */
static const char *pack_text(char **at, const char *text)
{
	const char *copy = *at;

	if (text == NULL)
		return NULL;
	*at = stpcpy(*at, text) + 1;
	return copy;
}

static size_t pack_size(const char *text)
{
	return text == NULL ? 0 : strlen(text) + 1;
}

void person_pack(struct network *net, struct person *p, const struct texts *t)
{
	struct gw_user *u = &p->user;
	char *old = p->texts, *at;
	bool one = strcmp(t->nick, t->wanted) == 0;

	at = p->texts =
		(char *)gw_alloc(net->self, pack_size(t->nick) + (one ? 0 : pack_size(t->wanted)) +
	                                            pack_size(t->ident) + pack_size(t->host) +
	                                            pack_size(t->realname) + pack_size(t->account) +
	                                            pack_size(t->away) + pack_size(t->role));
	u->nick = pack_text(&at, t->nick);
	p->wanted = one ? u->nick : pack_text(&at, t->wanted);
	u->ident = pack_text(&at, t->ident);
	u->host = pack_text(&at, t->host);
	u->realname = pack_text(&at, t->realname);
	u->account = pack_text(&at, t->account);
	u->away = pack_text(&at, t->away);
	u->role = pack_text(&at, t->role);
	if (old != NULL)
		gw_free(net->self, old);
}

struct gw_stamp field_stamp(const struct person *p, unsigned field)
{
	return p->touched == NULL || stamp_none(p->touched[field]) ? p->came : p->touched[field];
}

static void field_touch(struct network *net, struct person *p, unsigned field,
                        struct gw_stamp stamp)
{
	if (p->touched == NULL)
		p->touched = (struct gw_stamp *)gw_alloc(net->self, N_FIELDS * sizeof(*p->touched));
	p->touched[field] = stamp;
}

/* Adds `p` to the totals, or takes it out again. */
static void person_count(struct network *net, const struct person *p, int by)
{
	if (p->user.modes & gw_letter('i'))
		net->n_invisible += (uint32_t)by;
	if (p->user.role != NULL)
		net->n_opers += (uint32_t)by;
}

static bool differs(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a != b;
	return strcmp(a, b) != 0;
}

/* Whether a user would see the difference. */
static bool field_differs(const struct gw_user *u, const struct fields *f, uint32_t bit)
{
	switch (bit) {
	case GW_SET_AWAY:
		return differs(u->away, f->away);
	case GW_SET_HOST:
		return differs(u->ident, f->ident) || differs(u->host, f->host);
	case GW_SET_REALNAME:
		return differs(u->realname, f->realname);
	case GW_SET_ACCOUNT:
		return differs(u->account, f->account) || !gw_id_is(u->account_id, f->account_id);
	case GW_SET_MODES:
		return u->modes != f->modes;
	case GW_SET_ROLE:
		return differs(u->role, f->role);
	default:
		return false; /* a claim */
	}
}

/* Which fields of `f` win over the user's; takes their stamps. `*shown_out`: those that differ,
 * too. */
static uint32_t fields_win(struct network *net, struct person *p, const struct fields *f,
                           uint32_t *shown_out)
{
	uint32_t won = 0;

	*shown_out = 0;
	for (unsigned i = 0; i < N_FIELDS; i++) {
		uint32_t bit = (uint32_t)1 << i;

		if (!(f->which & bit) || gw_stamp_cmp(f->stamps[i], field_stamp(p, i)) <= 0)
			continue;
		field_touch(net, p, i, f->stamps[i]);
		won |= bit;
		if (field_differs(&p->user, f, bit))
			*shown_out |= bit;
	}
	return won;
}

/* Texts move only when an event will say so: others keep pointers to them from one to the next. */
static void fields_write(struct network *net, struct person *p, const struct fields *f,
                         uint32_t won, uint32_t shown)
{
	struct texts t;

	person_texts(p, &t);
	if (won & GW_SET_AWAY)
		t.away = f->away;
	if (won & GW_SET_HOST) {
		t.ident = f->ident;
		t.host = f->host;
	}
	if (won & GW_SET_REALNAME)
		t.realname = f->realname;
	if (won & GW_SET_ACCOUNT) {
		t.account = f->account;
		p->user.account_id = f->account_id;
	}
	if (won & GW_SET_ROLE)
		t.role = f->role;
	if (won & GW_SET_MODES)
		p->user.modes = f->modes;
	if ((won & GW_SET_CLAIM) && gw_stamp_cmp(f->stamps[FIELD_CLAIM], p->user.nick_stamp) > 0)
		p->claim = f->claim;
	if (shown != 0)
		person_pack(net, p, &t);
}

static void fields_publish(struct applying *a, struct person *p, uint32_t shown, const char *old,
                           uint64_t old_modes)
{
	struct gw_event event = a->event;

	event.kind = GW_EV_SET;
	event.split = NULL;
	event.source = &p->session;
	event.fields = shown;
	event.old = old;
	event.modes_added = p->user.modes & ~old_modes;
	event.modes_removed = old_modes & ~p->user.modes;
	publish(a->net, &event);
}

/* Takes over what wins, and publishes what of it can be seen. A claim may decide a nick anew. */
static void fields_apply(struct applying *a, struct person *p, const struct fields *f)
{
	struct network *net = a->net;
	uint64_t modes = p->user.modes;
	char old[GW_IDENT_MAX + GW_HOST_MAX + 2];
	uint32_t shown, won;

	person_count(net, p, -1);
	won = fields_win(net, p, f, &shown);
	snprintf(old, sizeof(old), "%s@%s", p->user.ident, p->user.host);
	if (won != 0)
		fields_write(net, p, f, won, shown);
	person_count(net, p, 1);
	if (shown != 0)
		fields_publish(a, p, shown, old, modes);
	if (won & GW_SET_CLAIM)
		nick_vacated(a);
}

static bool fields_valid(const struct fields *f)
{
	if ((f->which & GW_SET_HOST) && (!valid_word(f->ident) || !valid_word(f->host)))
		return false;
	if ((f->which & GW_SET_ACCOUNT) && f->account != NULL && !valid_word(f->account))
		return false;
	return true;
}

static void nick_put(struct applying *a, struct person *p, const char *nick, struct gw_stamp stamp,
                     struct gw_stamp claim)
{
	char old[GW_NICK_MAX + 1];
	struct texts t;

	strcpy(old, p->user.nick);
	nick_leave(a->net, p);
	/* A wish for the nick that is shown already is no event: the texts must not move. */
	if (strcmp(nick, old) == 0) {
		p->wanted = p->user.nick;
	} else {
		person_texts(p, &t);
		t.wanted = nick;
		person_pack(a->net, p, &t);
	}
	p->user.nick_stamp = stamp;
	p->claim = claim;
	nick_seat(a, p);
	if (strcmp(old, p->user.nick) != 0)
		person_renamed(a, p, old);
	nick_vacated(a);
}

/* Another nick of the cell's; the claim falls with the old one. */
static void nick_write(struct applying *a, struct person *p, const char *nick,
                       struct gw_stamp stamp)
{
	bool falls = gw_stamp_cmp(field_stamp(p, FIELD_CLAIM), stamp) < 0;

	if (gw_stamp_cmp(stamp, p->user.nick_stamp) > 0)
		nick_put(a, p, nick, stamp, falls ? (struct gw_stamp){0} : p->claim);
}

void person_renamed(struct applying *a, struct person *p, const char *old)
{
	struct gw_event event = a->event;

	event.kind = GW_EV_NICK;
	event.split = NULL;
	event.source = &p->session;
	event.old = old;
	publish(a->net, &event);
	if (p->session.local && !p->session.moving && p->level > 0)
		submit_rename(a->net, p);
}

/** The body of a USER record. */
struct introduction {
	uint64_t home, epoch;
	int64_t signon_ms;
	uint8_t flags; /* 1: secure, 2: with the stamps of a burst */
	const char *nick;
	struct gw_stamp nick_stamp;
	struct fields fields;
};

static bool introduction_read(struct applying *a, struct introduction *in)
{
	struct reader *r = &a->body;
	struct fields *f = &in->fields;

	*in = (struct introduction){.home = get_u64(r), .nick_stamp = a->stamp};
	in->epoch = get_varint(r);
	in->signon_ms = (int64_t)get_u64(r);
	in->flags = get_u8(r);
	in->nick = get_string(r, GW_NICK_MAX);
	*f = (struct fields){.which = ((uint32_t)1 << N_FIELDS) - 1, .modes = get_u64(r)};
	f->ident = get_string(r, GW_IDENT_MAX);
	f->host = get_string(r, GW_HOST_MAX);
	f->realname = get_string(r, GW_REALNAME_MAX);
	f->account = get_optional(r, GW_NAME_MAX);
	f->away = get_optional(r, GW_AWAY_MAX);
	f->role = get_optional(r, GW_NAME_MAX);
	f->account_id.clock = get_u64(r);
	f->account_id.origin = get_u64(r);
	f->claim = get_stamp(r);
	for (unsigned i = 0; i < N_FIELDS; i++)
		f->stamps[i] = a->stamp;
	if (in->flags & 2) {
		in->nick_stamp = get_stamp(r);
		for (unsigned i = 0; i < N_FIELDS; i++)
			f->stamps[i] = get_stamp(r);
	}
	return reader_done(r) && in->flags < 4 && in->epoch <= UINT32_MAX &&
	       valid_given_nick(in->nick) && fields_valid(f);
}

static bool introduction_timely(struct applying *a, const struct introduction *in)
{
	uint64_t latest = in->nick_stamp.clock;

	for (unsigned i = 0; i < N_FIELDS; i++) {
		if (in->fields.stamps[i].clock > latest)
			latest = in->fields.stamps[i].clock;
	}
	return timely(a, latest);
}

static struct person *person_new(struct applying *a, const struct introduction *in,
                                 struct server *home)
{
	struct network *net = a->net;
	struct gw_self *self = net->self;
	struct person *p = (struct person *)gw_alloc(self, sizeof(*p));
	const struct fields *f = &in->fields;
	struct texts t = {in->nick,    in->nick,   f->ident, f->host,
	                  f->realname, f->account, f->away,  f->role};

	p->session = (struct gw_session){.id = a->header.source,
	                                 .epoch = (uint32_t)in->epoch,
	                                 .local = home == net->here,
	                                 .shown = home == net->here,
	                                 .user = &p->user,
	                                 .home = &home->pub,
	                                 .sink = a->sink,
	                                 .caps = a->caps};
	p->user = (struct gw_user){.session = &p->session,
	                           .account_id = f->account_id,
	                           .modes = f->modes,
	                           .signon_ms = in->signon_ms,
	                           .secure = (in->flags & 1) != 0,
	                           .nick_stamp = in->nick_stamp};
	p->came = a->stamp;
	p->claim = f->claim;
	p->ordinal = ++net->ordinal;
	person_pack(net, p, &t);
	for (unsigned i = 0; i < N_FIELDS; i++) {
		if (gw_stamp_cmp(f->stamps[i], a->stamp) != 0)
			field_touch(net, p, i, f->stamps[i]);
	}
	HASH_ADD_BYHASHVALUE(by_id, net->people, session.id, sizeof(p->session.id),
	                     id_hash(net, p->session.id), p);
	return p;
}

void person_count_ways(struct network *net, const struct person *p, int by)
{
	const struct gw_member *member;

	DL_FOREACH (p->user.channels, member)
		chan_way_count(net, chan_of(member->channel), p, by);
}

/* What its home says in place of what another part of the network knew: stamps do not count. */
static void person_replace(struct applying *a, struct person *p, const struct introduction *in)
{
	if (p->touched != NULL)
		gw_free(a->net->self, p->touched);
	p->touched = NULL;
	p->came = (struct gw_stamp){0};
	nick_put(a, p, in->nick, in->nick_stamp, in->fields.claim);
	fields_apply(a, p, &in->fields);
	p->came = a->stamp;
}

/* A record of a burst that says nothing new of a user, nor does what follows of it. */
static int introduction_skip(struct applying *a)
{
	a->stays = true;
	return 0;
}

/* What a burst says of a session that is known already. */
static int person_merge(struct applying *a, const struct introduction *in, struct server *home)
{
	struct person *p = a->source;

	if (p->session.home == &home->pub) {
		if (in->epoch > p->session.epoch)
			p->session.epoch = (uint32_t)in->epoch;
		nick_write(a, p, in->nick, in->nick_stamp);
		fields_apply(a, p, &in->fields);
		return 0;
	}
	if (!person_moves(p, in->epoch, home->pub.run))
		return introduction_skip(a);
	person_move(a, p, home, (uint32_t)in->epoch);
	person_replace(a, p, in);
	person_doubt(a->net, p, true);
	return 0;
}

int apply_user(struct applying *a)
{
	struct network *net = a->net;
	struct introduction in;
	struct server *home;
	struct person *p;

	if (!introduction_read(a, &in) || a->header.source == 0)
		return -EBADMSG;
	if (!introduction_timely(a, &in))
		return -ERANGE;
	home = server_find(net, in.home);
	if ((a->header.flags & HEADER_BURST) && way_shades(net, a->way, in.home) &&
	    (home == NULL || home->pub.via != a->via))
		return introduction_skip(a);
	if (home == NULL || home->pub.via != a->via ||
	    (!(a->header.flags & HEADER_BURST) && (in.home != a->header.run || (in.flags & 2))))
		return -EPERM;
	if (a->source != NULL)
		return person_merge(a, &in, home);
	p = person_new(a, &in, home);
	home->pub.n_users++;
	person_count(net, p, 1);
	if (HASH_CNT(by_id, net->people) > net->peak)
		net->peak = HASH_CNT(by_id, net->people);
	a->source = p;
	a->event.source = &p->session;
	if (a->event.split != NULL)
		a->event.split = server_split(a, home);
	nick_seat(a, p);
	publish_as(a, GW_EV_USER);
	return 0;
}

int apply_nick(struct applying *a)
{
	const char *nick = get_string(&a->body, GW_NICK_MAX);

	if (!reader_done(&a->body) || !valid_given_nick(nick))
		return -EBADMSG;
	nick_write(a, a->source, nick, a->stamp);
	return 0;
}

int apply_set(struct applying *a)
{
	struct reader *r = &a->body;
	struct fields f = {.which = get_u8(r)};

	if (f.which & GW_SET_AWAY)
		f.away = get_optional(r, GW_AWAY_MAX);
	if (f.which & GW_SET_HOST) {
		f.ident = get_string(r, GW_IDENT_MAX);
		f.host = get_string(r, GW_HOST_MAX);
	}
	if (f.which & GW_SET_REALNAME)
		f.realname = get_string(r, GW_REALNAME_MAX);
	if (f.which & GW_SET_ACCOUNT) {
		f.account = get_optional(r, GW_NAME_MAX);
		f.account_id.clock = get_u64(r);
		f.account_id.origin = get_u64(r);
	}
	if (f.which & GW_SET_MODES)
		f.modes = get_u64(r);
	if (f.which & GW_SET_ROLE)
		f.role = get_optional(r, GW_NAME_MAX);
	if (f.which & GW_SET_CLAIM)
		f.claim = get_stamp(r);
	if (!reader_done(r) || f.which == 0 || f.which >= 1u << N_FIELDS || !fields_valid(&f))
		return -EBADMSG;
	for (unsigned i = 0; i < N_FIELDS; i++)
		f.stamps[i] = a->stamp;
	fields_apply(a, a->source, &f);
	return 0;
}

void person_leave(struct applying *a, struct person *p)
{
	struct gw_member *member, *next;
	struct chan **left;
	size_t n = 0;

	left = (struct chan **)gw_alloc(a->net->self, (p->user.n_channels + 1) * sizeof(*left));
	DL_FOREACH_SAFE2(p->user.channels, member, next, next)
	{
		left[n++] = chan_of(member->channel);
		seat_remove(a->net, seat_of(member));
	}
	person_count(a->net, p, -1);
	p->session.home->n_users--;
	person_free(a->net, p);
	for (size_t i = 0; i < n; i++) {
		chan_settle(a, left[i]);
		chan_release(a->net, left[i]);
	}
	gw_free(a->net->self, left);
}

int apply_quit(struct applying *a)
{
	struct person *p = a->source;

	a->event.text = get_string(&a->body, GW_REASON_MAX);
	if (!reader_done(&a->body))
		return -EBADMSG;
	p->session.sink = NULL;
	publish_as(a, GW_EV_QUIT);
	shadow_clear(a->net, p);
	a->source = NULL;
	a->event.source = NULL;
	person_leave(a, p);
	nick_vacated(a);
	return 0;
}

void person_free(struct network *net, struct person *p)
{
	struct gw_self *self = net->self;

	nick_leave(net, p);
	person_unlist(net, p);
	HASH_DELETE(by_id, net->people, p);
	session_data_free(net, &p->session);
	if (p->touched != NULL)
		gw_free(self, p->touched);
	gw_free(self, p->texts);
	gw_free(self, p);
}
