/*
 * members.c - who is in which channel: JOIN, PART, KICK, and what is said of memberships that are
 * not here (yet).
 *
 * A membership is named by the stamp of its JOIN. What comes for one that is unknown, or for a life
 * of the channel that it does not belong to, is put aside as a stray: the JOIN may still come, that
 * life may become the current one.
 */
#include "network.h"
#include <errno.h>
#include <utlist.h>

static const struct gw_stamp over = {
	0, 0}; /* the life of a stray that says: this membership has ended */

struct seat *seat_find(const struct gw_channel *channel, const struct gw_user *user)
{
	struct gw_member *member;

	if (channel->n_members < user->n_channels) {
		for (uint32_t i = 0; i < channel->n_members; i++) {
			if (channel->members[i]->user == user)
				return seat_of(channel->members[i]);
		}
		return NULL;
	}
	DL_FOREACH (user->channels, member) {
		if (member->channel == channel)
			return seat_of(member);
	}
	return NULL;
}

struct seat *seat_named(const struct person *p, struct gw_stamp stamp)
{
	struct gw_member *member;

	DL_FOREACH (p->user.channels, member) {
		if (gw_stamp_cmp(member->stamp, stamp) == 0)
			return seat_of(member);
	}
	return NULL;
}

struct gw_stamp seat_stamp(const struct seat *seat, unsigned prefix)
{
	if (seat->touched == NULL || stamp_none(seat->touched[prefix]))
		return seat->pub.stamp;
	return seat->touched[prefix];
}

void seat_touch(struct network *net, struct seat *seat, unsigned prefix, bool on,
                struct gw_stamp stamp)
{
	if (!stamp_wins(stamp, seat_stamp(seat, prefix)))
		return;
	net->edits += gw_stamp_cmp(stamp, seat_stamp(seat, prefix)) != 0;
	if (gw_stamp_cmp(stamp, seat->pub.stamp) != 0) {
		if (seat->touched == NULL)
			seat->touched = (struct gw_stamp *)gw_alloc(
				net->self, N_PREFIXES * sizeof(*seat->touched));
		seat->touched[prefix] = stamp;
	}
	seat->bits = (uint8_t)(on ? seat->bits | 1u << prefix : seat->bits & ~(1u << prefix));
}

void seat_show(struct applying *a, struct seat *seat)
{
	uint8_t status = seat_status(a->net, seat, chan_of(seat->pub.channel)->current);
	uint8_t differ = status ^ seat->pub.status;

	seat->pub.status = status;
	for (unsigned i = 0; i < N_PREFIXES; i++) {
		if (differ & 1u << i)
			change_add(a, &(struct gw_mode_change){.letter = prefix_letter(a->net, i),
			                                       .add = (status & 1u << i) != 0,
			                                       .param = seat->pub.user->nick,
			                                       .member = &seat->pub});
	}
}

struct stray *stray_find(struct network *net, struct gw_stamp member, struct gw_stamp life)
{
	struct gw_self *self = net->self;
	struct stray_key key = {member, life};
	struct stray *stray;

	HASH_FIND(hh, net->strays, &key, sizeof(key), stray);
	return stray;
}

void stray_touch(struct network *net, struct stray *stray, unsigned prefix, bool on,
                 struct gw_stamp stamp)
{
	if (!stamp_wins(stamp, stray->stamps[prefix]))
		return;
	net->edits += gw_stamp_cmp(stamp, stray->stamps[prefix]) != 0;
	stray->stamps[prefix] = stamp;
	stray->bits = (uint8_t)(on ? stray->bits | 1u << prefix : stray->bits & ~(1u << prefix));
}

static void stray_free(struct network *net, struct stray *stray)
{
	struct gw_self *self = net->self;

	HASH_DELETE(hh, net->strays, stray);
	gw_free(self, stray);
}

struct stray *stray_get(struct network *net, uint64_t session, struct gw_stamp member,
                        struct gw_stamp life)
{
	struct gw_self *self = net->self;
	struct stray *stray = stray_find(net, member, life);

	if (stray != NULL)
		return stray;
	if (HASH_COUNT(net->strays) >= STRAYS_MAX)
		stray_free(net, net->strays);
	stray = (struct stray *)gw_alloc(self, sizeof(*stray));
	stray->key = (struct stray_key){member, life};
	stray->session = session;
	stray->at_ms = gw_mono_ns(self) / GW_MS;
	net->edits++;
	HASH_ADD(hh, net->strays, key, sizeof(stray->key), stray);
	return stray;
}

void strays_free(struct network *net)
{
	while (net->strays != NULL)
		stray_free(net, net->strays);
}

void strays_tidy(struct network *net, int64_t keep_ms)
{
	int64_t limit = gw_mono_ns(net->self) / GW_MS - keep_ms;
	struct stray *stray, *next;

	for (stray = net->strays; stray != NULL; stray = next) {
		const struct person *p = person_find(net, stray->session);

		next = (struct stray *)stray->hh.next;
		if (stray->at_ms <= limit &&
		    (p == NULL || seat_named(p, stray->key.member) == NULL))
			stray_free(net, stray);
	}
}

void seats_put_aside(struct network *net, const struct person *p)
{
	const struct gw_member *member;

	DL_FOREACH (p->user.channels, member) {
		const struct seat *seat = seat_of(member);
		struct stray *stray;

		if (seat->touched == NULL)
			continue;
		stray = stray_get(net, p->session.id, member->stamp, seat->life->created);
		for (unsigned i = 0; i < N_PREFIXES; i++) {
			if (!stamp_none(seat->touched[i]))
				stray_touch(net, stray, i, (seat->bits & 1u << i) != 0,
				            seat->touched[i]);
		}
	}
}

/* What was put aside for the seat under the life that it belongs to. */
static void seat_claim_stray(struct network *net, struct seat *seat)
{
	struct stray *stray = stray_find(net, seat->pub.stamp, seat->life->created);

	if (stray == NULL)
		return;
	for (unsigned i = 0; i < N_PREFIXES; i++) {
		if (!stamp_none(stray->stamps[i]))
			seat_touch(net, seat, i, (stray->bits & 1u << i) != 0, stray->stamps[i]);
	}
	stray_free(net, stray);
}

void stray_settle(struct applying *a, struct stray *stray)
{
	struct person *p = person_find(a->net, stray->session);
	struct seat *seat = p == NULL ? NULL : seat_named(p, stray->key.member);
	struct chan *chan;

	if (seat == NULL)
		return;
	chan = chan_of(seat->pub.channel);
	seat_claim_stray(a->net, seat);
	seat_show(a, seat);
	changes_flush(a, chan, NULL);
}

static void member_put(struct gw_channel *channel, uint32_t index, struct gw_member *member)
{
	channel->members[index] = member;
	member->index = index;
}

/* Members shown here come first: an event goes to them alone. */
static void member_add(struct gw_channel *channel, struct gw_member *member)
{
	uint32_t at = channel->n_members++;

	if (member->session->shown) {
		if (at != channel->n_local)
			member_put(channel, at, channel->members[channel->n_local]);
		at = channel->n_local++;
	}
	member_put(channel, at, member);
}

static void member_drop(struct gw_channel *channel, const struct gw_member *member)
{
	uint32_t hole = member->index;

	if (member->session->shown) {
		member_put(channel, hole, channel->members[--channel->n_local]);
		hole = channel->n_local;
	}
	channel->n_members--;
	if (hole != channel->n_members)
		member_put(channel, hole, channel->members[channel->n_members]);
}

void seats_show_here(struct person *p, bool shown)
{
	struct gw_member *member;

	DL_FOREACH (p->user.channels, member)
		member_drop(member->channel, member);
	p->session.shown = shown;
	DL_FOREACH (p->user.channels, member)
		member_add(member->channel, member);
}

/* Enters the channel's array and the user's list. */
static void seat_link(struct network *net, struct seat *seat, struct chan *chan)
{
	struct gw_channel *pub = &chan->pub;

	if (pub->n_members == chan->room) {
		chan->room = chan->room == 0 ? 2 : chan->room + chan->room / 2 + 1;
		pub->members = (struct gw_member **)gw_resize(net->self, pub->members,
		                                              chan->room * sizeof(*pub->members));
	}
	member_add(pub, &seat->pub);
	chan_way_count(net, chan, person_of(seat->pub.session), 1);
	DL_APPEND(seat->pub.user->channels, &seat->pub);
	seat->pub.user->n_channels++;
}

/* One membership less under `life`. */
static void life_left(struct network *net, struct life *life)
{
	life->members--;
	life->since_ms = gw_mono_ns(net->self) / GW_MS;
}

void seat_remove(struct network *net, struct seat *seat)
{
	struct gw_channel *pub = seat->pub.channel;

	member_drop(pub, &seat->pub);
	chan_way_count(net, chan_of(pub), person_of(seat->pub.session), -1);
	DL_DELETE(seat->pub.user->channels, &seat->pub);
	seat->pub.user->n_channels--;
	life_left(net, seat->life);
	if (seat->touched != NULL)
		gw_free(net->self, seat->touched);
	gw_free(net->self, seat);
}

/** The body of a JOIN record. */
struct joining {
	uint8_t bits;
	struct gw_stamp
		stamps[N_PREFIXES]; /* zero: that of the membership; others in bursts only */
};

static bool joining_read(struct applying *a, struct joining *in)
{
	*in = (struct joining){.bits = get_u8(&a->body)};
	if ((a->header.flags & HEADER_BURST) && get_u8(&a->body) != 0) {
		for (unsigned i = 0; i < N_PREFIXES; i++) {
			in->stamps[i] = get_stamp(&a->body);
			if (!timely(a, in->stamps[i].clock))
				return false;
		}
	}
	return reader_done(&a->body) && in->bits < 1u << N_PREFIXES;
}

/* The seat's prefixes: as the JOIN says, and as what had come before it says. */
static void seat_prefixes(struct network *net, struct seat *seat, const struct joining *in)
{
	for (unsigned i = 0; i < N_PREFIXES; i++) {
		struct gw_stamp stamp = stamp_none(in->stamps[i]) ? seat->pub.stamp : in->stamps[i];

		seat_touch(net, seat, i, (in->bits & 1u << i) != 0, stamp);
	}
	seat_claim_stray(net, seat);
}

/* The session is a member already: a burst says it again, or the end of the former membership is
 * still to come. */
static int seat_again(struct applying *a, struct chan *chan, struct seat *seat, struct life *life,
                      const struct joining *in)
{
	struct network *net = a->net;

	if (gw_stamp_cmp(a->stamp, seat->pub.stamp) != 0) {
		life->members++;
		life_left(net, seat->life);
		seat->life = life;
		seat->pub.stamp = a->stamp;
		seat->bits = 0;
		if (seat->touched != NULL)
			gw_free(net->self, seat->touched);
		seat->touched = NULL;
	}
	seat_prefixes(net, seat, in);
	seat->doubted = false;
	life->fresh = false;
	chan_settle(a, chan);
	seat_show(a, seat);
	changes_flush(a, chan, NULL);
	chan_release(net, chan);
	return 0;
}

/* A burst from where the session is not at home any more: what others did to a membership that is
 * here, too. */
static int join_astray(struct applying *a, const struct joining *in)
{
	struct seat *seat = seat_named(a->source, a->stamp);
	struct chan *chan;

	if (seat == NULL) {
		a->stays = true;
		return 0;
	}
	chan = chan_of(seat->pub.channel);
	seat_prefixes(a->net, seat, in);
	seat_show(a, seat);
	changes_flush(a, chan, NULL);
	return 0;
}

int apply_join(struct applying *a)
{
	struct network *net = a->net;
	struct gw_stamp created = stamp_none(a->header.life) ? a->stamp : a->header.life;
	struct joining in;
	struct chan *chan;
	struct life *life;
	struct seat *seat;

	if (!joining_read(a, &in))
		return -EBADMSG;
	if (a->astray)
		return join_astray(a, &in);
	chan = chan_find(net, a->header.channel);
	seat = chan == NULL ? NULL : seat_find(&chan->pub, &a->source->user);
	if (seat != NULL && !seat->doubted && gw_stamp_cmp(a->stamp, seat->pub.stamp) < 0)
		return 0;
	if (stray_find(net, a->stamp, over) != NULL)
		return 0;
	life = life_get(net, a->header.channel, created, &chan);
	if (seat != NULL)
		return seat_again(a, chan, seat, life, &in);
	seat = (struct seat *)gw_alloc(net->self, sizeof(*seat));
	seat->life = life;
	seat->pub = (struct gw_member){.session = &a->source->session,
	                               .user = &a->source->user,
	                               .channel = &chan->pub,
	                               .stamp = a->stamp};
	seat_prefixes(net, seat, &in);
	life->members++;
	life->fresh = false;
	chan_settle(a, chan);
	seat_link(net, seat, chan);
	seat->pub.status = seat_status(net, seat, chan->current);
	a->event.channel = &chan->pub;
	a->event.member = &seat->pub;
	a->event.status = seat->pub.status;
	publish_as(a, GW_EV_JOIN);
	return 0;
}

void seat_leave(struct applying *a, struct seat *seat, uint32_t kind)
{
	struct chan *chan = chan_of(seat->pub.channel);

	a->event.channel = &chan->pub;
	a->event.member = &seat->pub;
	publish_as(a, kind);
	a->event.member = NULL;
	seat_remove(a->net, seat);
	chan_settle(a, chan);
	chan_release(a->net, chan);
}

int apply_part(struct applying *a)
{
	struct seat *seat =
		a->event.channel == NULL ? NULL : seat_find(a->event.channel, &a->source->user);

	a->event.text = get_string(&a->body, GW_REASON_MAX);
	if (!reader_done(&a->body))
		return -EBADMSG;
	if (seat != NULL)
		seat_leave(a, seat, GW_EV_PART);
	return 0;
}

int apply_kick(struct applying *a)
{
	struct gw_stamp member = get_stamp(&a->body);
	struct seat *seat = a->target == NULL ? NULL : seat_named(a->target, member);

	a->event.text = get_string(&a->body, GW_REASON_MAX);
	if (!reader_done(&a->body) || stamp_none(member) || !timely(a, member.clock))
		return -EBADMSG;
	if (a->net->linked)
		stray_get(a->net, a->header.target, member, over);
	if (seat != NULL)
		seat_leave(a, seat, GW_EV_KICK);
	return 0;
}
