/*
 * services/collect.c - what goes for good: tombstones that nobody can lack any more, clocks that
 * nobody asks for.
 *
 * Safe is what every linked peer has acknowledged, while no round is coming in: whoever links later
 * must cover what was collected here, or is refused. Kind is what every member's ack cell covers,
 * so that no member is ever refused for it. The option collect-after goes by age in place of
 * kindness.
 */
#include "members.h"
#include "peer.h"
#include <errno.h>
#include <godwit/mem.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TICK (60 * GW_SECOND)
#define AT_ONCE 1000
#define SLICE (AT_ONCE * (size_t)64)
#define TRIM_AT_ONCE 20000
#define WARN_AFTER_MS ((uint64_t)7 * 24 * 3600 * 1000)
#define WARN_EVERY (24 * 3600 * GW_SECOND)

/* --- how far --- */

/* `bound` falls to what `vec` covers. */
static void lower(struct vector *bound, const struct vector *vec)
{
	for (size_t i = 0; i < bound->n; i++) {
		uint64_t clock = vector_get(vec, bound->e[i].origin);

		if (clock < bound->e[i].clock)
			bound->e[i].clock = clock;
	}
}

/* False: not now. */
static bool lower_to_peers(struct services_state *state, struct vector *bound)
{
	const struct vector *floor;
	struct peer *peer, *next;

	HASH_ITER (hh, state->peers, peer, next) {
		floor = peer->serving ? join_give_floor(peer) : &peer->durable;
		if (peer->joiner || (peer->stage != PEER_OPEN && peer->stage != PEER_REFUSED))
			return false;
		if (floor != NULL)
			lower(bound, floor);
	}
	return true;
}

/* Members count by what they have acknowledged; one that has not yet, for nothing. */
static void lower_to_members(struct services_state *state, struct vector *bound)
{
	const struct member *member = NULL;

	while ((member = member_next(state, member)) != NULL)
		if (member_lives(state, member) && !gw_id_is(member->life, state->life))
			lower(bound, &member->ack);
}

static void lower_to_age(struct services_state *state, struct vector *bound, int64_t age_ns)
{
	uint64_t clock = (uint64_t)((gw_wall_ns(state->self) - age_ns) / GW_MS) << 16;

	for (size_t i = 0; i < bound->n; i++)
		if (bound->e[i].clock > clock)
			bound->e[i].clock = clock;
}

/* The clocks up to which tombstones may go; false: none. */
static bool bound_make(struct services_state *state, struct vector *bound)
{
	int64_t age_ns = gw_option_int(state->self, gw_options(state->self), "collect-after");
	struct vector kind = {0}, old = {0};

	vector_copy(state->self, bound, &state->vector);
	if (!lower_to_peers(state, bound))
		return false;
	vector_copy(state->self, &kind, bound);
	lower_to_members(state, &kind);
	if (age_ns > 0) {
		vector_copy(state->self, &old, bound);
		lower_to_age(state, &old, age_ns);
		vector_raise_all(state->self, &kind, &old);
	}
	vector_copy(state->self, bound, &kind);
	vector_free(state->self, &kind);
	vector_free(state->self, &old);
	return true;
}

/* --- tombstones --- */

static void search(struct services_state *state, const struct vector *bound)
{
	struct gw_self *self = state->self;
	struct gw_store_range *ranges = gw_alloc(self, (bound->n + 1) * sizeof(*ranges));
	uint8_t *keys = gw_alloc(self, bound->n * 24 + 1), *key = keys;
	size_t n = 0;

	for (size_t i = 0; i < bound->n; i++) {
		if (bound->e[i].clock == 0)
			continue;
		put_u64(key, bound->e[i].origin);
		put_u64(key + 8, bound->e[i].origin);
		put_u64(key + 16, bound->e[i].clock + 1);
		ranges[n++] = (struct gw_store_range){
			.table = TABLE_TOMB, .from = {key, 8}, .to = {key + 8, 16}};
		key += 24;
	}
	state->collecting = n > 0 && store_read(state, ranges, n, SLICE, CALL_TOMBS, 0) == 0;
	gw_free(self, ranges);
	gw_free(self, keys);
}

static void collect(struct services_state *state)
{
	struct vector bound = {0};

	if (state->collecting || state->membership != GW_MEMBER_FULL || rounds_open(state))
		return;
	if (bound_make(state, &bound))
		search(state, &bound);
	vector_free(state->self, &bound);
}

/* Between the search and now a round may have begun, or a peer have come: then another time. */
static bool still_safe(struct services_state *state, const struct gw_store_row *rows, size_t n)
{
	struct vector bound = {0};
	bool safe = !rounds_open(state) && bound_make(state, &bound);

	for (size_t i = 0; i < n && safe; i++)
		safe = rows[i].key.n > 16 && vector_get(&bound, get_u64(rows[i].key.p)) >=
		                                     get_u64((const uint8_t *)rows[i].key.p + 8);
	vector_free(state->self, &bound);
	return safe;
}

void collect_tombs(void *state_, uint64_t tag, int status, const struct gw_store_row *rows,
                   size_t n)
{
	struct services_state *state = state_;
	struct gw_store_op *ops;

	(void)tag;
	state->collecting = false;
	if (n > AT_ONCE)
		n = AT_ONCE;
	if (status < 0 || n == 0 || !still_safe(state, rows, n))
		return;
	round_forget_kept(state); /* it may hold what is older than a tombstone that goes */
	ops = gw_alloc(state->self, n * sizeof(*ops));
	for (size_t i = 0; i < n; i++) {
		ops[i] = (struct gw_store_op){.kind = GW_STORE_MERGE,
		                              .table = TABLE_TOMB,
		                              .key = rows[i].key,
		                              .version = VERB_COLLECT};
		vector_raise(state->self, &state->floor, get_u64(rows[i].key.p),
		             get_u64((const uint8_t *)rows[i].key.p + 8));
	}
	state->collecting = GW_VIA(state->store, gw_store_ops, commit, ops, n, GW_STORE_DISK,
	                           gw_call(state->self, CALL_COLLECTED, 0)) == 0;
	gw_free(state->self, ops);
}

void collect_done(void *state_, uint64_t tag, int status, uint64_t number)
{
	struct services_state *state = state_;

	(void)tag;
	(void)number;
	state->collecting = false;
	if (status == 0)
		collect(state); /* there may be more */
}

/* --- clocks of this server --- */

/* Below what all others have acknowledged nobody will ask for them. */
static void trim(struct services_state *state)
{
	uint64_t clock = vector_get(&state->vector, state->origin), acked;
	const struct member *member = NULL;
	uint8_t key[8], most[8];
	struct gw_store_op op = {.kind = GW_STORE_MERGE,
	                         .table = TABLE_OWN,
	                         .key = {key, 8},
	                         .val = {most, 8},
	                         .version = VERB_TRIM};

	while ((member = member_next(state, member)) != NULL) {
		acked = vector_get(&member->ack, state->origin);
		if (member_lives(state, member) && !gw_id_is(member->life, state->life) &&
		    acked < clock)
			clock = acked;
	}
	if (clock == 0)
		return;
	put_u64(key, clock);
	put_u64(most, TRIM_AT_ONCE);
	if (GW_VIA(state->store, gw_store_ops, commit, &op, 1, GW_STORE_DISK,
	           gw_call(state->self, CALL_TRIMMED, 0)) == 0 &&
	    clock - 1 > state->trimmed)
		state->trimmed = clock - 1;
}

void collect_trimmed(void *state, uint64_t tag, int status, uint64_t number)
{
	(void)tag;
	(void)number;
	if (status != 0)
		gw_log(((struct services_state *)state)->self, GW_WARN,
		       "clocks of this server cannot be trimmed status=%d", status);
}

/* --- who holds it up --- */

static void warn(struct services_state *state)
{
	uint64_t now_ms = (uint64_t)gw_wall_ns(state->self) / GW_MS;
	struct member *member = NULL;
	const struct server *server;

	if (state->warned_ns != 0 && gw_mono_ns(state->self) - state->warned_ns < WARN_EVERY)
		return;
	while ((member = member_next(state, member)) != NULL) {
		if (!member_lives(state, member) || member->owes_since_ms == 0 ||
		    now_ms - member->owes_since_ms < WARN_AFTER_MS)
			continue;
		state->warned_ns = gw_mono_ns(state->self);
		server = server_find(state, member->server);
		gw_log(state->self, GW_WARN,
		       "a server has not confirmed changes for more than a week, so that deletions "
		       "cannot be forgotten: services expire, or server remove, would end that "
		       "server=%s days=%" PRIu64,
		       server == NULL ? "?" : server->name,
		       (now_ms - member->owes_since_ms) / (24 * 3600 * 1000));
	}
}

void collect_tick(void *state_, uint64_t tag)
{
	struct services_state *state = state_;

	(void)tag;
	gw_timer_set(state->collect_timer, state->self, TICK);
	if (state->membership != GW_MEMBER_FULL)
		return;
	collect(state);
	trim(state);
	warn(state);
}
