/*
 * burst/live.c - the live network over a link.
 *
 * The body of a frame begins with its type. BEGIN says that this side's database has accepted the
 * other; the dialling side's carries the joint, the stamp by which the network tells two ways to
 * one server apart. When both have begun, the link is live: first all servers, then the rest of the
 * state as records, as the link takes them, with events in between; END. What comes is given to the
 * network, which merges it, whatever it knew before.
 *
 * A server that joins asks (ASK), gets the same records, and takes part in nothing.
 */
#include "burst.h"
#include <errno.h>
#include <stdio.h>

enum { LIVE_BEGIN = 1, LIVE_RECORDS = 2, LIVE_END = 3, LIVE_ASK = 4 };

#define PART_MAX GW_FRAME_MAX
#define BEGIN_BYTES 17   /* type, clock, run */
#define REFUSED_MAX 1000 /* records of one burst that the network would not take */

/** A frame being filled. */
struct part {
	struct burst_state *st;
	struct peer *peer;
	size_t n;
	uint8_t bytes[PART_MAX];
};

static void put_be(uint8_t *out, uint64_t value, unsigned n)
{
	while (n-- > 0) {
		out[n] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t get_be(const uint8_t *p, unsigned n)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < n; i++)
		value = (value << 8) | p[i];
	return value;
}

static void put_out(struct burst_state *st, struct peer *peer, const void *body, size_t n)
{
	GW_VIA(st->link, gw_link_ops, send, peer->link, GW_FRAME_BURST, body, n);
}

static void part_flush(struct part *part)
{
	if (part->n > 1)
		put_out(part->st, part->peer, part->bytes, part->n);
	part->bytes[0] = LIVE_RECORDS;
	part->n = 1;
}

static void part_record(void *ctx, const void *record, size_t len)
{
	struct part *part = ctx;

	if (part->n + 4 + len > PART_MAX)
		part_flush(part);
	put_be(part->bytes + part->n, len, 4);
	memcpy(part->bytes + part->n + 4, record, len);
	part->n += 4 + len;
	part->peer->records_out++;
}

/* What fits now; false when all is said. */
static bool export(struct burst_state *st, struct peer *peer)
{
	struct part part;
	bool more;

	part.st = st;
	part.peer = peer;
	part.n = 0;
	part_flush(&part);
	more = GW_VIA(st->network, gw_network_ops, burst_export, &peer->cursor, part_record, &part);
	part_flush(&part);
	return more;
}

static void said_all(struct burst_state *st, struct peer *peer)
{
	uint8_t end = LIVE_END;

	put_out(st, peer, &end, 1);
	peer->bursting = false;
	peer->ended = true;
}

void live_pump(struct burst_state *st, struct peer *peer)
{
	while (peer->bursting && GW_VIA(st->link, gw_link_ops, room, peer->link) > 0)
		if (!export(st, peer))
			said_all(st, peer);
}

/* The servers go out in the same turn in which events begin to pass: nothing of theirs may come
 * before. */
static void burst_begin(struct burst_state *st, struct peer *peer)
{
	peer->cursor = (struct gw_burst_cursor){.via = peer->link};
	peer->records_out = 0;
	peer->bursting = true;
	if (!export(st, peer))
		said_all(st, peer);
	peers_pump_soon(st);
}

/* --- members --- */

static void both_have_begun(struct burst_state *st, struct peer *peer)
{
	const struct gw_link *link = GW_VIA(st->link, gw_link_ops, find, peer->link);
	struct gw_via_spec spec = {.via = peer->link, .joint = peer->joint};
	int status;

	if (link == NULL)
		return;
	spec.server = link->server;
	spec.name = link->name;
	status = GW_VIA(st->network, gw_network_ops, via_add, &spec);
	if (status != 0) {
		peer_goodbye(st, peer, GW_BYE_CIRCLE, "the server is in sight over another link");
		return;
	}
	peer->bound = true;
	GW_VIA(st->link, gw_link_ops, set_live, peer->link, true);
	burst_begin(st, peer);
}

/* Both sides know all there is, by way of a server that leaves; the link takes its place when it is
 * time. Then the network knows the link. */
static void live_nothing(struct burst_state *st, struct peer *peer)
{
	peer->begun = peer->began = peer->ended = peer->end = peer->bound = true;
	GW_VIA(st->link, gw_link_ops, set_live, peer->link, true);
}

void live_begin(struct burst_state *st, struct peer *peer)
{
	const struct gw_link *link = GW_VIA(st->link, gw_link_ops, find, peer->link);
	const struct gw_node *here = GW_VIA(st->network, gw_network_ops, here);
	uint8_t begin[BEGIN_BYTES] = {LIVE_BEGIN};

	if (peer->begun || link == NULL)
		return;
	if (link->spare) {
		live_nothing(st, peer);
		return;
	}
	if (link->source)
		peer->joint = (struct gw_stamp){gw_clock_next(st->self), here->run};
	put_be(begin + 1, link->source ? peer->joint.clock : 0, 8);
	put_be(begin + 9, link->source ? peer->joint.origin : 0, 8);
	put_out(st, peer, begin, sizeof(begin));
	peer->begun = true;
	if (peer->began)
		both_have_begun(st, peer);
}

static int take_begin(struct burst_state *st, struct peer *peer, const uint8_t *p, size_t n,
                      struct gw_error *why)
{
	const struct gw_link *link = GW_VIA(st->link, gw_link_ops, find, peer->link);
	struct gw_stamp joint;
	uint64_t latest = (uint64_t)(gw_wall_ns(st->self) / GW_MS + 60000) << 16;

	if (link != NULL && link->spare) { /* it was started anew, say, and has just come */
		peer_goodbye(st, peer, GW_BYE_CIRCLE, "it is in sight by way of another");
		return 0;
	}
	if (n < BEGIN_BYTES || peer->began)
		return gw_fail(why, -EBADMSG, "a malformed beginning of a burst");
	joint = (struct gw_stamp){get_be(p + 1, 8), get_be(p + 9, 8)};
	if (link != NULL && !link->source) {
		if (joint.clock == 0 || joint.clock > latest)
			return gw_fail(why, -EBADMSG, "a burst with an impossible time");
		peer->joint = joint;
	}
	peer->began = true;
	if (peer->joiner) /* it answers our question */
		return 0;
	if (peer->begun)
		both_have_begun(st, peer);
	return 0;
}

/* Each record by itself: one that the network refuses takes nothing from the others. */
static int take_records(struct burst_state *st, struct peer *peer, const uint8_t *p, size_t n,
                        struct gw_error *why)
{
	size_t at = 1, len;
	int status;

	if (!peer->began || peer->end)
		return gw_fail(why, -EBADMSG, "records outside of a burst");
	while (at < n && !peer->closing) {
		if (n - at < 4)
			return gw_fail(why, -EBADMSG, "a record of a burst is cut off");
		len = (size_t)get_be(p + at, 4);
		at += 4;
		if (len > n - at)
			return gw_fail(why, -EBADMSG, "a record of a burst is cut off");
		peer->records_in++;
		if (!peer->joiner) {
			status =
				GW_VIA(st->network, gw_network_ops, apply, p + at, len, peer->link);
			if (status == -EPERM && peer->records_in == 1)
				return gw_fail(why, -EPERM,
				               "it introduces another server than it is");
			if (status == -ERANGE)
				return gw_fail(why, -ERANGE,
				               "a burst from the future: the clocks are apart");
			if (status == -EBADMSG || status == -EPERM)
				peer->refused++;
		}
		at += len;
	}
	if (peer->refused > REFUSED_MAX)
		return gw_fail(why, -EBADMSG, "too many records of its burst are malformed");
	return 0;
}

static int take_end(struct burst_state *st, struct peer *peer, struct gw_error *why)
{
	if (!peer->began || peer->end)
		return gw_fail(why, -EBADMSG, "the end of a burst that was not begun");
	peer->end = true;
	gw_log(st->self, peer->refused > 0 ? GW_WARN : GW_INFO,
	       "burst peer=%s records=%llu refused=%llu ms=%lld", peer->name,
	       (unsigned long long)peer->records_in, (unsigned long long)peer->refused,
	       (long long)((gw_mono_ns(st->self) - peer->since_ns) / GW_MS));
	if (peer->joiner)
		join_live_end(st, peer->link);
	else
		open_look(st);
	return 0;
}

/* --- joining --- */

void live_ask(struct burst_state *st, uint64_t link)
{
	struct peer *peer = peer_find(st, link);
	uint8_t ask = LIVE_ASK;

	if (peer != NULL)
		put_out(st, peer, &ask, 1);
}

/* A new server is told what there is; nothing is taken from it. */
static int take_ask(struct burst_state *st, struct peer *peer, struct gw_error *why)
{
	uint8_t begin[BEGIN_BYTES] = {LIVE_BEGIN};

	if (peer->begun || peer->accepted)
		return gw_fail(why, -EBADMSG, "a member asks for what only a new server gets");
	peer->begun = true;
	put_out(st, peer, begin, sizeof(begin));
	burst_begin(st, peer);
	return 0;
}

int live_frame(void *state, const struct gw_link *link, const struct gw_frame *frame,
               struct gw_error *why)
{
	struct burst_state *st = state;
	struct peer *peer = peer_find(st, link->id);
	const uint8_t *p = frame->body;

	if (peer == NULL || frame->n == 0)
		return gw_fail(why, -EBADMSG, "an empty frame of a burst");
	switch (p[0]) {
	case LIVE_BEGIN:
		return take_begin(st, peer, p, frame->n, why);
	case LIVE_RECORDS:
		return take_records(st, peer, p, frame->n, why);
	case LIVE_END:
		return take_end(st, peer, why);
	case LIVE_ASK:
		return take_ask(st, peer, why);
	default:
		return 0; /* a newer version's */
	}
}
