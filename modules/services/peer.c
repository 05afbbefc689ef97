/*
 * services/peer.c - peers: opened with a link, fed with messages, closed with it.
 *
 * What a peer sends is judged by the function of its kind's row. A breach ends it: nothing of the
 * round at hand is merged, and the link is closed.
 */
#include "members.h"
#include "round.h"
#include <errno.h>
#include <godwit/mem.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HELD_MAX ((size_t)8 << 20)
#define BACK_OFF_LEAST 10
#define BACK_OFF_MOST 3600
#define SETTLED_AGAIN (2 * GW_SECOND) /* shorter interruptions are not told */

/** A message that waits for the end of the check. */
struct held {
	struct held *next;
	size_t n;
	uint8_t bytes[];
};

/** How often a server was refused without having settled in between. */
struct refusals {
	UT_hash_handle hh;
	struct gw_id server;
	uint64_t n;
};

struct peer *peer_find(struct services_state *state, uint64_t link)
{
	struct gw_self *self = state->self;
	struct peer *peer;

	HASH_FIND(hh, state->peers, &link, sizeof(link), peer);
	return peer;
}

/* --- out --- */

void peer_message(struct services_state *state, struct wire_out *out, enum sv_kind kind)
{
	if (state->scratch == NULL)
		state->scratch = gw_alloc(state->self, GW_REPLICA_MESSAGE_MAX);
	wire_start(out, state->scratch, GW_REPLICA_MESSAGE_MAX, kind);
}

void peer_send_bytes(struct services_state *state, struct peer *peer, const void *p, size_t n)
{
	gw_peer_send_fn *fn = (gw_peer_send_fn *)gw_call_fn(peer->send);

	(void)state;
	peer->room -= (int64_t)n;
	if (fn != NULL)
		fn(peer->send.module->state, peer->link, p, n);
}

void peer_send(struct services_state *state, struct peer *peer, const struct wire_out *message)
{
	if (message->overflow)
		gw_log(state->self, GW_ERROR,
		       "a message is too long and was not sent kind=%u to=%s", message->p[0],
		       peer->name);
	else
		peer_send_bytes(state, peer, message->p, message->n);
}

void peer_news(struct services_state *state, struct peer *peer, enum gw_peer_news news,
               const struct gw_join_progress *progress, const char *why)
{
	gw_peer_news_fn *fn = (gw_peer_news_fn *)gw_call_fn(peer->news);

	(void)state;
	if (fn != NULL)
		fn(peer->news.module->state, peer->link, news, progress, why);
}

/* --- refusing --- */

const char *peer_code(enum sv_code code)
{
	static const char *const names[] = {"",       "REMOVED",  "EXPIRED", "BEHIND",
	                                    "TOOFAR", "ROLLBACK", "CLOCK",   "FORM",
	                                    "LIMIT",  "VERSION",  "DIVERGED"};

	return code < sizeof(names) / sizeof(names[0]) ? names[code] : "";
}

static struct refusals *refusals_find(struct services_state *state, struct gw_id server)
{
	struct gw_self *self = state->self;
	struct refusals *r;

	HASH_FIND(hh, state->refusals, &server, sizeof(server), r);
	return r;
}

/* Seconds that it is better to wait: they double with each refusal. */
static unsigned back_off(struct services_state *state, const struct peer *peer)
{
	struct gw_self *self = state->self;
	struct refusals *r = refusals_find(state, peer->server);
	unsigned wait = BACK_OFF_LEAST;

	if (r == NULL) {
		r = gw_alloc(self, sizeof(*r));
		r->server = peer->server;
		HASH_ADD(hh, state->refusals, server, sizeof(r->server), r);
	}
	for (uint64_t i = 0; i < r->n && wait < BACK_OFF_MOST; i++)
		wait *= 2;
	r->n++;
	return wait < BACK_OFF_MOST ? wait : BACK_OFF_MOST;
}

static void refusals_forget(struct services_state *state, const struct peer *peer)
{
	struct gw_self *self = state->self;
	struct refusals *r = refusals_find(state, peer->server);

	if (r == NULL)
		return;
	HASH_DELETE(hh, state->refusals, r);
	gw_free(self, r);
}

/* What is to be done no more, by whichever side refused. */
static void peer_end(struct services_state *state, struct peer *peer)
{
	peer->stage = PEER_REFUSED;
	peer->sending = peer->settled = false;
	round_take_close(state, peer, false);
	copies_look(state, NULL);
}

void peer_refuse(struct services_state *state, struct peer *peer, enum sv_code code,
                 const char *format, ...)
{
	char text[SV_TEXT_MAX + 1], why[SV_TEXT_MAX + 100];
	struct wire_out out;
	va_list args;

	if (peer->stage == PEER_REFUSED)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	peer_message(state, &out, SV_REFUSE);
	wire_write_refuse(&out, code, text);
	peer_send(state, peer, &out);
	snprintf(why, sizeof(why), "refused here, %s: %s; try again in %u s", peer_code(code), text,
	         back_off(state, peer));
	gw_log(state->self, GW_WARN,
	       "the services of a server are refused server=%s code=%s why=\"%s\"", peer->name,
	       peer_code(code), text);
	peer_end(state, peer);
	peer_news(state, peer, GW_PEER_REFUSED, NULL, why);
}

void peers_refuse(struct services_state *state, enum sv_code code, const char *why)
{
	struct peer *peer, *next;

	HASH_ITER (hh, state->peers, peer, next) {
		peer_refuse(state, peer, code, "%s", why);
	}
}

/* What the refusal of another says about this server's own database. */
static void refused_by(struct services_state *state, struct peer *peer, enum sv_code code)
{
	static const char *const lost[] = {
		[SV_REMOVED] = "this server was removed from the network",
		[SV_EXPIRED] = "this life of the database was expired",
		[SV_BEHIND] = "the database lacks deletions that others do not hold any more",
		[SV_DIVERGED] = NULL,
	};

	if (code > SV_DIVERGED || lost[code] == NULL)
		return;
	if (peer->joiner) {
		if (code != SV_BEHIND)
			peer_news(state, peer, GW_PEER_RETIRED, NULL,
			          code == SV_REMOVED
			                  ? "this server was removed from the network"
			                  : "another machine joins as this server, with its key");
		return;
	}
	if (code == SV_BEHIND && !vector_covers(&peer->durable, &state->floor))
		return; /* each is behind the other: an operator has to choose */
	membership_lose(state, lost[code]);
}

int refuse_input(struct services_state *state, struct peer *peer, struct gw_blob message,
                 struct gw_error *why)
{
	char text[SV_TEXT_MAX + 100];
	struct wire_refuse refuse;

	if (wire_read_refuse(message, &refuse) != 0)
		return gw_fail(why, -EBADMSG, "a malformed refusal");
	snprintf(text, sizeof(text), "refused there, %s: %s; try again in %u s",
	         peer_code(refuse.code), refuse.text, back_off(state, peer));
	gw_log(state->self, GW_WARN, "a server refuses our services server=%s code=%s why=\"%s\"",
	       peer->name, peer_code(refuse.code), refuse.text);
	peer_end(state, peer);
	refused_by(state, peer, refuse.code);
	peer_news(state, peer, GW_PEER_REFUSED, NULL, text);
	return 0;
}

/* --- settled --- */

static bool is_settled(struct services_state *state, const struct peer *peer)
{
	return peer->stage == PEER_OPEN && peer->heard && !peer->serving && !peer->joiner &&
	       peer->took_final && peer->round == NULL && peer->merging == 0 && peer->sending &&
	       !peer->owes_mark && peer->slice == NULL &&
	       vector_covers(&peer->sent, &state->vector) &&
	       vector_covers(&peer->durable, &state->vector);
}

/* Each has what the other had when they met; while people write, there may never be a moment at
 * which nothing at all is under way. */
static bool has_caught_up(const struct peer *peer)
{
	return peer->stage == PEER_OPEN && peer->heard && !peer->serving && !peer->joiner &&
	       peer->took_final && peer->gave_final && vector_covers(&peer->durable, &peer->goal);
}

void peer_look(struct services_state *state, struct peer *peer)
{
	bool settled = is_settled(state, peer);
	int64_t now = gw_mono_ns(state->self);

	if (!peer->caught_up && has_caught_up(peer)) {
		peer->caught_up = true;
		refusals_forget(state, peer);
		peer_news(state, peer, GW_PEER_SETTLED, NULL, NULL);
	}
	if (settled == peer->settled)
		return;
	peer->settled = settled;
	if (!settled) {
		peer->unsettled_ns = now;
		return;
	}
	peer->cells_sent = 0;
	if (peer->unsettled_ns != 0 && now - peer->unsettled_ns >= SETTLED_AGAIN)
		peer_news(state, peer, GW_PEER_SETTLED, NULL, NULL);
}

void peers_pump(struct services_state *state)
{
	struct peer *peer, *next;

	HASH_ITER (hh, state->peers, peer, next) {
		round_send_pump(state, peer);
		if (peer_find(state, peer->link) == peer)
			peer_look(state, peer);
	}
}

/* --- in --- */

/** From which stage on it may come. */
static const struct {
	peer_message_fn *fn;
	uint8_t stage;
} kinds[] = {
	[SV_HELLO] = {hello_input, PEER_HELLO},     [SV_CELLS] = {cells_input, PEER_OPEN},
	[SV_MARK] = {mark_input, PEER_OPEN},        [SV_ACK] = {ack_input, PEER_OPEN},
	[SV_JOIN] = {join_give_join, PEER_OPEN},    [SV_JBEGIN] = {join_take_begin, PEER_OPEN},
	[SV_JSLICE] = {join_take_slice, PEER_OPEN}, [SV_JACK] = {join_give_ack, PEER_OPEN},
	[SV_JDONE] = {join_give_done, PEER_OPEN},   [SV_REFUSE] = {refuse_input, PEER_HELLO},
};

/* The first word behind the hello: it has accepted ours. */
static void heard(struct services_state *state, struct peer *peer)
{
	if (peer->heard)
		return;
	peer->heard = true;
	if (!peer->serving && !peer->joiner)
		peer_news(state, peer, GW_PEER_ACCEPTED, NULL, NULL);
}

static int handle(struct services_state *state, struct peer *peer, struct gw_blob message,
                  struct gw_error *why)
{
	uint8_t kind = *(const uint8_t *)message.p;

	if (kind >= SV_OPTIONAL)
		return 0;
	if (kind >= sizeof(kinds) / sizeof(kinds[0]) || kinds[kind].fn == NULL)
		return gw_fail(why, -EBADMSG, "a message of the unknown kind %u", kind);
	if (join_take_holds(peer) && kind != SV_REFUSE)
		return 0; /* it comes again when this server is a member */
	if (peer->stage < kinds[kind].stage)
		return gw_fail(why, -EBADMSG, "a message of kind %u before the hello", kind);
	if (kind != SV_HELLO && kind != SV_REFUSE)
		heard(state, peer);
	return peer->stage == PEER_REFUSED ? 0 : kinds[kind].fn(state, peer, message, why);
}

static int hold(struct services_state *state, struct peer *peer, const void *p, size_t n,
                struct gw_error *why)
{
	struct held *held, **at = &peer->held;

	peer->held_bytes += n;
	if (peer->held_bytes > HELD_MAX)
		return gw_fail(why, -EBADMSG, "more than its credit");
	held = gw_alloc(state->self, sizeof(*held) + n);
	held->n = n;
	memcpy(held->bytes, p, n);
	while (*at != NULL)
		at = &(*at)->next;
	*at = held;
	return 0;
}

static int input(struct services_state *state, struct peer *peer, struct gw_blob message,
                 struct gw_error *why)
{
	struct wire_out out;
	int status = handle(state, peer, message, why);

	if (status == 0 || peer->stage == PEER_REFUSED)
		return 0;
	peer_message(state, &out, SV_REFUSE);
	wire_write_refuse(&out, SV_FORM, why->text);
	peer_send(state, peer, &out);
	gw_log(state->self, GW_ERROR, "a server sent what it must not server=%s why=\"%s\"",
	       peer->name, why->text);
	back_off(state, peer);
	peer_end(state, peer);
	return -EBADMSG;
}

int replica_input(void *services, uint64_t link, const void *message, size_t n,
                  struct gw_error *why)
{
	struct services_state *state = services;
	struct peer *peer = peer_find(state, link);

	if (peer == NULL || peer->stage == PEER_REFUSED)
		return 0;
	if (n == 0 || n > GW_REPLICA_MESSAGE_MAX)
		return gw_fail(why, -EBADMSG, "a message of %zu bytes", n);
	if (peer->stage == PEER_CHECK)
		return hold(state, peer, message, n, why);
	return input(state, peer, (struct gw_blob){message, n}, why);
}

void peer_release(struct services_state *state, struct peer *peer)
{
	struct gw_error why = {0};
	struct held *held;

	while ((held = peer->held) != NULL) {
		peer->held = held->next;
		if (peer->stage != PEER_REFUSED &&
		    input(state, peer, (struct gw_blob){held->bytes, held->n}, &why) != 0)
			peer_news(state, peer, GW_PEER_REFUSED, NULL, why.text);
		gw_free(state->self, held);
	}
	peer->held_bytes = 0;
}

/* --- beginning and end --- */

int replica_open(void *services, const struct gw_peer_spec *spec)
{
	struct services_state *state = services;
	struct gw_self *self = state->self;
	struct peer *peer;

	if (peer_find(state, spec->link) != NULL)
		return -EEXIST;
	if (spec->joiner
	            ? state->membership != GW_MEMBER_EMPTY && state->membership != GW_MEMBER_JOINING
	            : state->membership != GW_MEMBER_FULL)
		return -EAGAIN;
	peer = gw_alloc(self, sizeof(*peer));
	peer->link = spec->link;
	peer->server = spec->server;
	peer->joiner = spec->joiner;
	peer->send = spec->send;
	peer->news = spec->news;
	snprintf(peer->name, sizeof(peer->name), "%s", spec->name == NULL ? "" : spec->name);
	HASH_ADD(hh, state->peers, link, sizeof(peer->link), peer);
	hello_send(state, peer);
	return 0;
}

/* Whoever is in the middle of something with it may go on to the end of the turn. */
void replica_close(void *services, uint64_t link)
{
	struct services_state *state = services;
	struct gw_self *self = state->self;
	struct peer *peer = peer_find(state, link);

	if (peer == NULL)
		return;
	HASH_DELETE(hh, state->peers, peer);
	round_take_close(state, peer, peer->stage == PEER_OPEN);
	peer_end(state, peer);
	if (state->gone == NULL)
		gw_defer(self, gw_call(self, CALL_PEERS_GONE, 0));
	peer->next_gone = state->gone;
	state->gone = peer;
}

static void peer_free(struct services_state *state, struct peer *peer)
{
	struct gw_self *self = state->self;
	struct held *held;

	while ((held = peer->held) != NULL) {
		peer->held = held->next;
		gw_free(self, held);
	}
	join_give_close(state, peer);
	join_take_close(state, peer);
	vector_free(self, &peer->durable);
	vector_free(self, &peer->sent);
	vector_free(self, &peer->marked);
	vector_free(self, &peer->goal);
	vector_free(self, &peer->asked);
	vector_free(self, &peer->theirs);
	vector_free(self, &peer->told);
	if (peer->slice != NULL)
		gw_free(self, peer->slice);
	gw_free(self, peer);
}

void peers_free_gone(void *state_, uint64_t tag)
{
	struct services_state *state = state_;
	struct peer *peer;

	(void)tag;
	while ((peer = state->gone) != NULL) {
		state->gone = peer->next_gone;
		peer_free(state, peer);
	}
}

void peers_drop_all(struct services_state *state)
{
	struct gw_self *self = state->self;
	struct refusals *r, *r_next;
	struct peer *peer, *next;

	HASH_ITER (hh, state->peers, peer, next) {
		HASH_DELETE(hh, state->peers, peer);
		peer_end(state, peer);
		peer_free(state, peer);
	}
	peers_free_gone(state, 0);
	HASH_ITER (hh, state->refusals, r, r_next) {
		HASH_DELETE(hh, state->refusals, r);
		gw_free(self, r);
	}
	if (state->scratch != NULL)
		gw_free(self, state->scratch);
	state->scratch = NULL;
}

void replica_room(void *services, uint64_t link, size_t bytes)
{
	struct services_state *state = services;
	struct peer *peer = peer_find(state, link);

	if (peer == NULL)
		return;
	peer->room = (int64_t)bytes;
	join_give_room(state, peer);
	round_send_pump(state, peer);
	if (peer_find(state, link) == peer)
		peer_look(state, peer);
}

int replica_peer(void *services, uint64_t link, struct gw_peer_state *out)
{
	struct services_state *state = services;
	const struct peer *peer = peer_find(state, link);

	if (peer == NULL)
		return -ENOENT;
	*out = (struct gw_peer_state){
		.accepted = peer->stage == PEER_OPEN && peer->heard && !peer->serving,
		.settled = is_settled(state, peer),
		.owed = vector_covers(&peer->durable, &state->vector) ? 0 : peer->cells_sent,
		.buffered = round_bytes(peer->round)};
	return 0;
}
