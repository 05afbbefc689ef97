/*
 * services/acks.c - who holds what: the neighbours by their acknowledgements on the link, all
 * members by the `ack` cells that they write.
 *
 * A neighbour's acknowledgement is durable: a reply that must survive the loss of one server waits
 * for it. The cells, at most one a minute and server, and none for acknowledgements alone, say for
 * the whole network what may be collected, and whose names are settled for good.
 */
#include "members.h"
#include "peer.h"
#include <errno.h>
#include <godwit/mem.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define COPIES_MAX 10000
#define ACK_EVERY (60 * GW_SECOND)

/** Who waits for a second copy. */
struct copy {
	struct copy *prev, *next;
	struct gw_stamp stamp;
	int64_t until_ns;
	int status;        /* 1: waits */
	uint32_t reserved; /* 0 */
	struct gw_call done;
};

/* --- on the link --- */

void ack_send(struct services_state *state, struct peer *peer)
{
	struct vector changed = {0};
	struct wire_out out;

	vector_changed(state->self, &peer->told, &state->vector, &changed);
	peer_message(state, &out, SV_ACK);
	wire_write_ack(&out, peer->bytes_taken, &changed);
	vector_copy(state->self, &peer->told, &state->vector);
	peer->bytes_told = peer->bytes_taken;
	vector_free(state->self, &changed);
	peer_send(state, peer, &out);
}

int ack_input(struct services_state *state, struct peer *peer, struct gw_blob message,
              struct gw_error *why)
{
	struct wire_ack ack;
	struct vector_entry e;

	if (wire_read_ack(message, &ack) != 0)
		return gw_fail(why, -EBADMSG, "a malformed acknowledgement");
	if (ack.consumed < peer->bytes_consumed || ack.consumed > peer->bytes_sent)
		return gw_fail(why, -EBADMSG, "an acknowledgement of what was not sent");
	peer->bytes_consumed = ack.consumed;
	for (size_t i = 0; i < ack.durable.n; i++) {
		e = wire_vec_at(ack.durable, i);
		if (own_is_forged(state, peer, (struct gw_stamp){e.clock, e.origin}, why) != 0)
			return -EBADMSG;
		vector_raise(state->self, &peer->durable, e.origin, e.clock);
	}
	copies_look(state, peer);
	round_send_pump(state, peer);
	peer_look(state, peer);
	return 0;
}

/* --- second copies --- */

/* From now, when the first is over. */
static int64_t copies_due(const struct services_state *state)
{
	int64_t first = -1, now = gw_mono_ns(state->self);
	const struct copy *copy;

	DL_FOREACH (state->copies, copy) {
		if (copy->status <= 0)
			return 0;
		if (first < 0 || copy->until_ns < first)
			first = copy->until_ns;
	}
	if (first < 0)
		return -1;
	return first > now ? first - now : 0;
}

/* Told in a turn of their own: whoever is called may do anything. */
void copies_tick(void *state_, uint64_t tag)
{
	struct services_state *state = state_;
	int64_t now = gw_mono_ns(state->self);
	struct copy *copy, *after, *ready = NULL;
	gw_committed_fn *fn;

	(void)tag;
	DL_FOREACH_SAFE (state->copies, copy, after) {
		if (copy->status > 0 && copy->until_ns <= now)
			copy->status = -ETIMEDOUT;
		if (copy->status > 0)
			continue;
		DL_DELETE(state->copies, copy);
		DL_APPEND(ready, copy);
	}
	gw_timer_set(state->copies_timer, state->self, copies_due(state));
	while ((copy = ready) != NULL) {
		DL_DELETE(ready, copy);
		state->n_copies--;
		fn = (gw_committed_fn *)gw_call_fn(copy->done);
		if (fn != NULL)
			fn(copy->done.module->state, copy->done.tag, copy->status,
			   (struct gw_id){copy->stamp.clock, copy->stamp.origin});
		gw_free(state->self, copy);
	}
}

static bool holds(const struct peer *peer, struct gw_stamp stamp)
{
	return vector_get(&peer->durable, stamp.origin) >= stamp.clock;
}

/* A neighbour that can be waited for. */
static bool any_neighbour(struct services_state *state)
{
	struct peer *peer, *next;

	HASH_ITER (hh, state->peers, peer, next) {
		if (peer->stage == PEER_OPEN && peer->took_final && !peer->serving)
			return true;
	}
	return false;
}

void copies_look(struct services_state *state, struct peer *peer)
{
	bool alone = peer == NULL && !any_neighbour(state), ready = false;
	struct copy *copy;

	if (peer != NULL && (peer->serving || peer->joiner))
		return;
	DL_FOREACH (state->copies, copy) {
		if (copy->status > 0 && (alone || (peer != NULL && holds(peer, copy->stamp)))) {
			copy->status = alone ? -ENOTCONN : 0;
			ready = true;
		}
	}
	if (ready)
		gw_timer_set(state->copies_timer, state->self, 0);
}

int second_copy(void *services, struct gw_stamp stamp, int64_t within_ns, struct gw_call done)
{
	struct services_state *state = services;
	struct copy *copy;
	struct peer *peer, *next;

	if (state->n_copies >= COPIES_MAX)
		return -EAGAIN;
	copy = gw_alloc(state->self, sizeof(*copy));
	*copy = (struct copy){.stamp = stamp,
	                      .until_ns = gw_mono_ns(state->self) + within_ns,
	                      .status = any_neighbour(state) ? 1 : -ENOTCONN,
	                      .done = done};
	DL_APPEND(state->copies, copy);
	state->n_copies++;
	HASH_ITER (hh, state->peers, peer, next) {
		if (copy->status > 0 && peer->stage == PEER_OPEN && !peer->serving &&
		    holds(peer, stamp))
			copy->status = 0;
	}
	gw_timer_set(state->copies_timer, state->self, copy->status > 0 ? copies_due(state) : 0);
	return 0;
}

void copies_drop_all(struct services_state *state)
{
	struct copy *copy;

	while ((copy = state->copies) != NULL) {
		DL_DELETE(state->copies, copy);
		gw_free(state->self, copy);
	}
	state->n_copies = 0;
}

/* --- in the database --- */

/* At most once a minute, and only if there is something but acknowledgements to acknowledge. */
void ack_tick(void *state_, uint64_t tag)
{
	struct services_state *state = state_;
	struct gw_write write = {.class = GW_CLASS_ORIGIN, .id = state->life, .field = GW_F_ACK};
	struct wire_out value;

	(void)tag;
	gw_timer_set(state->ack_timer, state->self, ACK_EVERY);
	if (!state->to_acknowledge || state->membership != GW_MEMBER_FULL)
		return;
	value = (struct wire_out){.p = gw_alloc(state->self, ACK_VALUE_MAX), .max = ACK_VALUE_MAX};
	wire_entries(&value, &state->vector);
	write.value = (struct gw_blob){value.p, value.n};
	if (!value.overflow &&
	    commit(state, &write, 1, gw_call(state->self, CALL_ACK_WRITTEN, 0)) == 0)
		state->to_acknowledge = false;
	gw_free(state->self, value.p);
}

void ack_written(void *state_, uint64_t tag, int status, struct gw_id made)
{
	struct services_state *state = state_;

	(void)tag;
	(void)made;
	if (status == 0)
		return;
	state->to_acknowledge = true;
	if (status != -ENOENT) /* the life is dead: it will be noticed */
		gw_log(state->self, GW_WARN, "cannot acknowledge what is in the database status=%d",
		       status);
}

static bool has_acknowledged(struct services_state *state, const struct member *member,
                             struct gw_stamp stamp)
{
	return gw_id_is(member->life, state->life) || stamp.origin == member->origin ||
	       vector_get(&member->ack, stamp.origin) >= stamp.clock;
}

static void name_away(struct services_state *state, const struct member *member, char *away,
                      size_t max)
{
	const struct server *server = server_find(state, member->server);
	size_t n = strlen(away);

	if (n < max)
		snprintf(away + n, max - n, "%s%s", n > 0 ? ", " : "",
		         server == NULL || server->name[0] == '\0' ? "?" : server->name);
}

bool everywhere(void *services, struct gw_stamp stamp, char *away, size_t max)
{
	struct services_state *state = services;
	const struct member *member = NULL;
	bool all = true;

	if (max > 0)
		away[0] = '\0';
	while ((member = member_next(state, member)) != NULL) {
		if (!member_lives(state, member) || has_acknowledged(state, member, stamp))
			continue;
		all = false;
		name_away(state, member, away, max);
	}
	return all;
}
