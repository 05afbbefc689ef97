/*
 * burst/peers.c - one peer per link: it carries the database's messages, and turns what the
 * database says of the other side into what happens to the link.
 */
#include "burst.h"
#include <errno.h>
#include <godwit/admin.h>
#include <stdio.h>

struct peer *peer_find(struct burst_state *st, uint64_t link)
{
	struct gw_self *self = st->self;
	struct peer *peer;

	HASH_FIND(hh, st->peers, &link, sizeof(link), peer);
	return peer;
}

bool peer_is_level(const struct peer *peer)
{
	return peer->settled && peer->ended && peer->end;
}

static void peer_free(struct burst_state *st, struct peer *peer)
{
	struct gw_self *self = st->self;

	HASH_DELETE(hh, st->peers, peer);
	gw_free(self, peer);
}

void peers_free(struct burst_state *st)
{
	struct peer *peer, *next;

	HASH_ITER (hh, st->peers, peer, next)
		peer_free(st, peer);
}

void peer_goodbye(struct burst_state *st, struct peer *peer, enum gw_goodbye how, const char *why)
{
	if (peer->closing)
		return;
	peer->closing = true;
	GW_VIA(st->link, gw_link_ops, close, peer->link, how, why);
}

static struct peer *peer_new(struct burst_state *st, const struct gw_link *link)
{
	struct gw_self *self = st->self;
	struct peer *peer = gw_alloc(self, sizeof(*peer));

	peer->link = link->id;
	peer->since_ns = gw_mono_ns(self);
	snprintf(peer->name, sizeof(peer->name), "%s", link->name);
	HASH_ADD(hh, st->peers, link, sizeof(peer->link), peer);
	return peer;
}

int peer_open(struct burst_state *st, const struct gw_link *link, bool joiner)
{
	struct peer *peer = peer_find(st, link->id);
	struct gw_peer_spec spec = {.link = link->id,
	                            .server = link->server,
	                            .name = link->name,
	                            .joiner = joiner,
	                            .send = gw_call(st->self, CALL_PEER_SEND, 0),
	                            .news = gw_call(st->self, CALL_PEER_NEWS, 0)};
	int status;

	if (peer == NULL)
		peer = peer_new(st, link);
	peer->joiner = joiner;
	status = GW_VIA(st->replica, gw_replica_ops, open, &spec);
	peer->open = status == 0;
	if (status != 0 && status != -EAGAIN)
		peer_goodbye(st, peer, GW_BYE_REFUSED,
		             "the services database cannot be replicated");
	peers_pump_soon(st);
	return status;
}

/* --- links come and go --- */

void peers_link_up(void *state, uint64_t tag, const void *payload)
{
	struct burst_state *st = state;
	const struct gw_link *link = payload;

	(void)tag;
	if (joining(st))
		join_link_up(st, link);
	else
		peer_open(st, link, false);
}

/* The other side may have said hello to nobody, and would not say it again: both begin anew. */
void peers_look(void *state, uint64_t tag)
{
	struct burst_state *st = state;
	const struct gw_link *link;

	(void)tag;
	for (link = GW_VIA(st->link, gw_link_ops, next, NULL); link != NULL;
	     link = GW_VIA(st->link, gw_link_ops, next, link))
		if (peer_find(st, link->id) == NULL)
			GW_VIA(st->link, gw_link_ops, close, link->id, GW_BYE_QUIT,
			       "the module burst was loaded");
}

void peers_membership(struct burst_state *st)
{
	struct peer *peer, *next;

	HASH_ITER (hh, st->peers, peer, next) {
		const struct gw_link *link = GW_VIA(st->link, gw_link_ops, find, peer->link);

		if (!peer->open && !peer->closing && link != NULL && !joining(st))
			peer_open(st, link, false);
	}
}

void peers_link_down(void *state, uint64_t tag, const void *payload)
{
	struct burst_state *st = state;
	const struct gw_link_end *end = payload;
	struct peer *peer = peer_find(st, end->link->id);
	bool was_ours;

	(void)tag;
	if (peer == NULL)
		return;
	was_ours = peer->joiner || joining(st);
	if (peer->bound)
		GW_VIA(st->network, gw_network_ops, via_drop, peer->link);
	if (peer->open)
		GW_VIA(st->replica, gw_replica_ops, close, peer->link);
	peer_free(st, peer);
	if (was_ours)
		join_link_down(st, end->link, end->reason);
	open_look(st);
}

/* The network has taken the servers behind the link out already. */
void peers_circle(void *state, uint64_t tag, const void *payload)
{
	struct burst_state *st = state;
	struct peer *peer = peer_find(st, *(const uint64_t *)payload);

	(void)tag;
	if (peer == NULL)
		return;
	peer->bound = false;
	peer_goodbye(st, peer, GW_BYE_CIRCLE, "the link would close a circle");
}

/* --- what passes --- */

void peers_pump_soon(struct burst_state *st)
{
	if (st->pumping)
		return;
	st->pumping = true;
	gw_defer(st->self, gw_call(st->self, CALL_PUMP, 0));
}

/* The live network first: people wait for it. */
static void pump(struct burst_state *st, struct peer *peer)
{
	size_t room;

	if (peer->closing)
		return;
	live_pump(st, peer);
	room = GW_VIA(st->link, gw_link_ops, room, peer->link);
	if (peer->open)
		GW_VIA(st->replica, gw_replica_ops, room, peer->link, room);
}

void peers_pump(void *state, uint64_t tag)
{
	struct burst_state *st = state;
	struct peer *peer, *next;

	(void)tag;
	st->pumping = false;
	HASH_ITER (hh, st->peers, peer, next)
		pump(st, peer);
}

void peers_link_room(void *state, uint64_t tag, const void *payload)
{
	struct burst_state *st = state;
	struct peer *peer = peer_find(st, ((const struct gw_link *)payload)->id);

	(void)tag;
	if (peer != NULL)
		pump(st, peer);
}

int peers_services_frame(void *state, const struct gw_link *link, const struct gw_frame *frame,
                         struct gw_error *why)
{
	struct burst_state *st = state;
	struct peer *peer = peer_find(st, link->id);

	if (peer == NULL || peer->closing)
		return 0;
	if (!peer->open)
		return gw_fail(why, -EAGAIN, "the services database is not read yet");
	return GW_VIA(st->replica, gw_replica_ops, input, link->id, frame->body, frame->n, why);
}

void peers_send(void *state, uint64_t link, const void *message, size_t n)
{
	struct burst_state *st = state;

	GW_VIA(st->link, gw_link_ops, send, link, GW_FRAME_SERVICES, message, n);
	peers_pump_soon(st);
}

/* --- what the database says --- */

static void settled(struct burst_state *st, struct peer *peer)
{
	if (!peer->settled)
		gw_log(st->self, GW_INFO, "settled peer=%s ms=%lld", peer->name,
		       (long long)((gw_mono_ns(st->self) - peer->since_ns) / GW_MS));
	peer->settled = true;
	open_look(st);
}

/* Of a new server that gets its data from here. */
static void target_news(struct burst_state *st, struct peer *peer, enum gw_peer_news news,
                        const struct gw_join_progress *progress)
{
	if (news == GW_PEER_PROGRESS && progress != NULL)
		gw_log(st->self, GW_INFO, "joining peer=%s cells=%llu of=%llu bytes=%llu",
		       peer->name, (unsigned long long)progress->cells,
		       (unsigned long long)progress->cells_about,
		       (unsigned long long)progress->bytes);
	else
		gw_log(st->self, GW_INFO, "%s peer=%s",
		       news == GW_PEER_JOINED ? "joined" : "a new server gets the database",
		       peer->name);
}

void peers_news(void *state, uint64_t link, enum gw_peer_news news,
                const struct gw_join_progress *progress, const char *why)
{
	struct burst_state *st = state;
	struct peer *peer = peer_find(st, link);

	if (peer == NULL)
		return;
	if (news == GW_PEER_REFUSED) {
		gw_log(st->self, GW_WARN, "refused peer=%s reason=\"%s\"", peer->name,
		       why == NULL ? "" : why);
		peer_goodbye(st, peer, GW_BYE_REFUSED, why == NULL ? "refused" : why);
		if (peer->joiner || joining(st))
			join_news(st, link, news, progress, why);
		return;
	}
	if (peer->joiner) {
		join_news(st, link, news, progress, why);
		return;
	}
	switch (news) {
	case GW_PEER_ACCEPTED:
		peer->accepted = true;
		live_begin(st, peer);
		break;
	case GW_PEER_SETTLED:
		settled(st, peer);
		break;
	default:
		target_news(st, peer, news, progress);
	}
}

void peers_status(void *state, uint64_t tag, const void *payload)
{
	struct burst_state *st = state;
	struct gw_status *status = (struct gw_status *)(uintptr_t)payload;
	unsigned level = 0, all = 0;
	struct peer *peer, *next;
	char text[24];

	(void)tag;
	HASH_ITER (hh, st->peers, peer, next) {
		all++;
		level += peer_is_level(peer);
	}
	snprintf(text, sizeof(text), "%u", all);
	status->add(status, "links", text);
	snprintf(text, sizeof(text), "%u", level);
	status->add(status, "links-level", text);
}
