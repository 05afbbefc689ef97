/*
 * services/join_take.c - this server is new, and gets the whole database from the peer.
 *
 * The state of a join is in the meta table, so a crash at any point leaves one that goes on or
 * begins anew: "burst" with the last key that is durable, "delta" when all slices are. ASKING ->
 * BURST -> DELTA (a round of the peer's, taken as any other) -> VERIFY (verify.c) -> VERIFIED ->
 * one transaction that makes this server a member. What does not fit is discarded, and got once
 * more.
 */
#include "index.h"
#include "join.h"
#include "peer.h"
#include <errno.h>
#include <godwit/mem.h>
#include <string.h>
#include <utlist.h>

#define COMMIT_BYTES ((size_t)2 << 20)
#define BATCH_BYTES (COMMIT_BYTES + GW_REPLICA_MESSAGE_MAX)
#define BATCH_OPS 512 /* messages of one transaction */
#define META_BYTES ((size_t)256 << 10)
#define FUTURE_MS 60000

enum take_stage {
	TAKE_READING,
	TAKE_ASKING,
	TAKE_BURST,
	TAKE_INDEX,
	TAKE_DELTA,
	TAKE_VERIFY,
	TAKE_VERIFIED
};

/** A transaction that the store has: what is acknowledged when it is durable. */
struct stored {
	struct stored *next;
	uint64_t number;
	bool end;
	uint8_t reserved[7]; /* 0 */
	size_t last_n;
	uint8_t last[CELL_KEY_MAX];
};

struct take {
	uint8_t stage;
	bool resumes, resumed;   /* asked for; granted */
	bool indexed;            /* by an earlier link */
	bool end;                /* the last message came */
	bool gone;               /* it is over with this peer */
	uint8_t reserved[2];     /* 0 */
	uint64_t target, origin; /* the other database's life; ours when we are a member */
	struct gw_id server, life;
	struct vector t1, floor;
	uint64_t number, count; /* of this link */
	uint8_t chain[CHAIN_BYTES];
	uint8_t last[CELL_KEY_MAX];
	size_t last_n;

	uint8_t *batch; /* cells of messages that wait for a transaction */
	size_t batch_n, n_ops;
	struct gw_blob ops[BATCH_OPS];
	struct stored *stored;
	struct index *index;

	uint64_t before; /* cells that an earlier link brought */
	uint64_t bytes, cells_about, bytes_about;
	int64_t news_ns;

	uint64_t cells; /* what the final mark said */
	uint8_t digest[DIGEST_BYTES];
	struct verify verify;
};

static struct take *take_of(struct services_state *state, uint64_t link, struct peer **peer_out)
{
	struct peer *peer = peer_find(state, link);

	*peer_out = peer;
	return peer == NULL || peer->stage == PEER_REFUSED || peer->take == NULL || peer->take->gone
	               ? NULL
	               : peer->take;
}

/* Ends it, with a sentence for whoever watches; the link is closed, and dialled anew. */
static void give_up(struct services_state *state, struct peer *peer, const char *why)
{
	peer->take->gone = true;
	peer_news(state, peer, GW_PEER_REFUSED, NULL, why);
}

void join_take_close(struct services_state *state, struct peer *peer)
{
	struct gw_self *self = state->self;
	struct take *take = peer->take;
	struct stored *stored, *next;

	if (take == NULL)
		return;
	LL_FOREACH_SAFE (take->stored, stored, next)
		gw_free(self, stored);
	index_free(state, &take->index);
	vector_free(self, &take->t1);
	vector_free(self, &take->floor);
	gw_free(self, take->batch);
	gw_free(self, take);
	peer->take = NULL;
}

bool join_take_holds(const struct peer *peer)
{
	return peer->take != NULL && (peer->take->gone || peer->take->stage > TAKE_DELTA);
}

/* --- what is to be stored --- */

static struct gw_store_op meta_op(const char *key, const void *value, size_t n)
{
	return (struct gw_store_op){.kind = GW_STORE_MERGE,
	                            .table = TABLE_META,
	                            .key = {key, strlen(key)},
	                            .val = {value, n},
	                            .version = VERB_META};
}

static int store_commit(struct services_state *state, const struct gw_store_op *ops, size_t n,
                        uint32_t row, uint64_t link)
{
	return GW_VIA(state->store, gw_store_ops, commit, ops, n, GW_STORE_DISK,
	              gw_call(state->self, row, link));
}

static void store_failed(struct services_state *state, struct peer *peer, int status)
{
	gw_log(state->self, GW_ERROR, "the database cannot be stored: %s", strerror(-status));
	give_up(state, peer,
	        status == -ENOSPC
	                ? "there is no room on this server's disk for the database; make room: "
	                  "the join then goes on where it stands"
	                : "the database cannot be stored");
}

/* --- beginning --- */

/** What the meta table says of an earlier join. */
struct found {
	bool any, delta;
	uint64_t target, origin, count;
	struct gw_blob t1, last;
};

static void found_take(struct found *found, const struct gw_store_row *row)
{
	static const struct {
		const char *key;
		size_t offset;
	} numbers[] = {
		{"join-target", offsetof(struct found, target)},
		{"join-origin", offsetof(struct found, origin)},
		{"join-count", offsetof(struct found, count)},
	};

	found->any = true;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (row->val.n == 8 && row->key.n == strlen(numbers[i].key) &&
		    memcmp(row->key.p, numbers[i].key, row->key.n) == 0)
			*(uint64_t *)(void *)((char *)found + numbers[i].offset) =
				get_u64(row->val.p);
	if (row->key.n == 7 && memcmp(row->key.p, "join-t1", 7) == 0)
		found->t1 = row->val;
	else if (row->key.n == 9 && memcmp(row->key.p, "join-last", 9) == 0)
		found->last = row->val;
	else if (row->key.n == 5 && memcmp(row->key.p, "state", 5) == 0)
		found->delta = row->val.n == 5 && memcmp(row->val.p, "delta", 5) == 0;
}

void join_take_open(struct services_state *state, struct peer *peer)
{
	struct gw_store_range range = {.table = TABLE_META};

	peer->take = gw_alloc(state->self, sizeof(*peer->take));
	if (store_read(state, &range, 1, META_BYTES, CALL_TAKE_META, peer->link) != 0)
		give_up(state, peer, "the database cannot be read");
}

static void ask(struct services_state *state, struct peer *peer)
{
	struct take *take = peer->take;
	struct wire_join join = {.resumes = take->resumes,
	                         .target = take->target,
	                         .origin = take->origin,
	                         .last = {take->last, take->last_n}};
	struct wire_out out;

	take->stage = TAKE_ASKING;
	peer_message(state, &out, SV_JOIN);
	wire_write_join(&out, &join, &take->t1);
	peer_send(state, peer, &out);
}

static void discard(struct services_state *state, struct peer *peer)
{
	if (GW_VIA(state->store, gw_store_ops, discard,
	           gw_call(state->self, CALL_TAKE_DISCARDED, peer->link)) != 0)
		give_up(state, peer, "the database cannot be emptied");
}

/* Goes on where an earlier link ended, if it was to the same life of the same database. */
static bool resume(struct services_state *state, struct peer *peer, const struct found *found)
{
	struct take *take = peer->take;
	struct wire_vec t1;

	if (found->target == 0 || found->target != peer->origin || found->origin == 0 ||
	    wire_vec_open(found->t1, &t1) != 0 || t1.n == 0 || found->last.n > CELL_KEY_MAX)
		return false;
	take->resumes = true;
	take->indexed = found->delta;
	take->target = found->target;
	take->origin = found->origin;
	take->before = found->count;
	wire_vec_copy(state->self, t1, &take->t1);
	take->last_n = found->last.n;
	if (found->last.n > 0)
		memcpy(take->last, found->last.p, found->last.n);
	return true;
}

void join_take_meta(void *state_, uint64_t link, int status, const struct gw_store_row *rows,
                    size_t n)
{
	struct services_state *state = state_;
	struct found found = {0};
	struct peer *peer;
	struct take *take = take_of(state, link, &peer);

	if (take == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		found_take(&found, &rows[i]);
	if (status != 0)
		give_up(state, peer, "the database cannot be read");
	else if (!found.any || resume(state, peer, &found))
		ask(state, peer);
	else
		discard(state, peer);
}

void join_take_discarded(void *state_, uint64_t link, int status, uint64_t number)
{
	struct services_state *state = state_;
	struct peer *peer;
	struct take *take = take_of(state, link, &peer);

	(void)number;
	vector_free(state->self, &state->vector);
	vector_free(state->self, &state->floor);
	membership_set(state, GW_MEMBER_EMPTY);
	figures_refresh(state);
	if (status != 0)
		gw_log(state->self, GW_ERROR, "the database cannot be emptied: %s",
		       strerror(-status));
	if (take == NULL)
		return;
	if (status != 0)
		give_up(state, peer, "the database cannot be emptied");
	else if (take->stage == TAKE_READING)
		ask(state, peer);
	else
		give_up(state, peer, "the join begins anew");
}

/* --- the slices --- */

static int first_commit(struct services_state *state, struct peer *peer)
{
	struct take *take = peer->take;
	uint8_t target[8], origin[8], *t1 = gw_alloc(state->self, 16 * take->t1.n + 1);
	struct wire_out entries = {.p = t1, .max = 16 * take->t1.n};
	int status;

	put_u64(target, take->target);
	put_u64(origin, take->origin);
	wire_entries(&entries, &take->t1);
	const struct gw_store_op ops[] = {
		meta_op("state", "burst", 5),
		meta_op("join-target", target, 8),
		meta_op("join-origin", origin, 8),
		meta_op("join-t1", entries.p, entries.n),
	};
	status =
		store_commit(state, ops, sizeof(ops) / sizeof(ops[0]), CALL_TAKE_FIRST, peer->link);
	gw_free(state->self, t1);
	return status;
}

int join_take_begin(struct services_state *state, struct peer *peer, struct gw_blob message,
                    struct gw_error *why)
{
	struct take *take = peer->take;
	struct wire_jbegin begin;
	int status;

	if (take == NULL || take->stage != TAKE_ASKING || wire_read_jbegin(message, &begin) != 0 ||
	    (begin.resumed && !take->resumes))
		return gw_fail(why, -EBADMSG, "a join begins that was not asked for");
	if (take->resumes && !begin.resumed) {
		take->stage = TAKE_BURST;
		take->gone = false;
		discard(state, peer);
		return 0;
	}
	take->stage = TAKE_BURST;
	take->resumed = begin.resumed;
	take->server = begin.server;
	take->life = begin.life;
	take->origin = begin.origin;
	take->target = peer->origin;
	take->cells_about = begin.cells;
	take->bytes_about = begin.bytes;
	take->batch = gw_alloc(state->self, BATCH_BYTES);
	vector_free(state->self, &take->t1);
	wire_vec_copy(state->self, begin.t1, &take->t1);
	membership_set(state, GW_MEMBER_JOINING);
	gw_log(state->self, GW_INFO, "%s peer=%s cells=%llu",
	       begin.resumed ? "the join goes on" : "the join begins", peer->name,
	       (unsigned long long)begin.cells);
	status = begin.resumed ? 0 : first_commit(state, peer);
	if (status != 0)
		store_failed(state, peer, status);
	return 0;
}

void join_take_first(void *state_, uint64_t link, int status, uint64_t number)
{
	struct services_state *state = state_;
	struct peer *peer;

	(void)number;
	if (take_of(state, link, &peer) != NULL && status != 0)
		store_failed(state, peer, status);
}

static void tell(struct services_state *state, struct peer *peer)
{
	struct take *take = peer->take;
	int64_t now = gw_mono_ns(state->self);
	struct gw_join_progress progress = {.cells = take->before + take->count,
	                                    .bytes = take->bytes,
	                                    .cells_about = take->cells_about,
	                                    .bytes_about = take->bytes_about,
	                                    .resumed = take->resumed};

	if (take->stage == TAKE_BURST && now - take->news_ns < GW_SECOND)
		return;
	take->news_ns = now;
	peer_news(state, peer, GW_PEER_PROGRESS, &progress, NULL);
}

static struct stored *stored_new(struct services_state *state, struct take *take)
{
	struct stored *stored = gw_alloc(state->self, sizeof(*stored));

	stored->number = take->number;
	stored->end = take->end;
	stored->last_n = take->last_n;
	memcpy(stored->last, take->last, take->last_n);
	LL_APPEND(take->stored, stored);
	return stored;
}

static void batch_commit(struct services_state *state, struct peer *peer)
{
	struct gw_self *self = state->self;
	struct take *take = peer->take;
	struct gw_store_op *ops = gw_alloc(self, (take->n_ops + 2) * sizeof(*ops));
	uint8_t count[8];
	size_t n = 0;
	struct stored *stored = stored_new(state, take);
	int status;

	for (; n < take->n_ops; n++)
		ops[n] = (struct gw_store_op){.kind = GW_STORE_MERGE,
		                              .key = {"+", 1},
		                              .val = take->ops[n],
		                              .version = VERB_IMAGE};
	put_u64(count, take->before + take->count);
	ops[n++] = meta_op("join-last", stored->last, stored->last_n);
	ops[n++] = meta_op("join-count", count, 8);
	status = store_commit(state, ops, n, CALL_TAKE_STORED, peer->link);
	gw_free(self, ops);
	take->batch_n = take->n_ops = 0;
	if (status != 0)
		store_failed(state, peer, status);
}

static int key_order(const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n)
{
	int order = memcmp(a, b, a_n < b_n ? a_n : b_n);

	return order != 0 ? order : (a_n > b_n) - (a_n < b_n);
}

/* Every cell in order, of right form, not from the future. */
static int cells_check(struct services_state *state, struct peer *peer,
                       const struct wire_jslice *slice, struct gw_error *why)
{
	struct take *take = peer->take;
	uint64_t n = 0, now_ms = (uint64_t)gw_wall_ns(state->self) / 1000000;
	struct gw_blob cells = slice->cells;
	struct cell cell;

	while (cells.n > 0) {
		if (cells_next(&cells, &cell) != 0)
			return gw_fail(why, -EBADMSG, "a malformed cell");
		if (take->last_n > 0 &&
		    key_order(take->last, take->last_n, cell.key.p, cell.key.n) >= 0)
			return gw_fail(why, -EBADMSG, "cells out of order");
		if ((cell.stamp.clock >> 16) > now_ms + FUTURE_MS)
			return gw_fail(why, -EBADMSG, "a cell from the future: look at the clocks");
		memcpy(take->last, cell.key.p, cell.key.n);
		take->last_n = cell.key.n;
		n++;
	}
	take->count += n;
	if (take->count != slice->count || slice->last.n != take->last_n ||
	    (take->last_n > 0 && memcmp(slice->last.p, take->last, take->last_n) != 0))
		return gw_fail(why, -EBADMSG, "cells are missing from a slice");
	return 0;
}

int join_take_slice(struct services_state *state, struct peer *peer, struct gw_blob message,
                    struct gw_error *why)
{
	struct take *take = peer->take;
	struct wire_jslice slice;
	int status;

	if (take != NULL && take->gone)
		return 0;
	if (take == NULL || take->stage != TAKE_BURST || take->end ||
	    wire_read_jslice(message, &slice) != 0 || slice.number != take->number + 1)
		return gw_fail(why, -EBADMSG, "a slice that was not asked for");
	if (take->batch == NULL)
		return 0; /* it is of a join that begins anew */
	take->number = slice.number;
	status = cells_check(state, peer, &slice, why);
	if (status != 0)
		return status;
	chain_add(take->chain, slice.cells);
	if (slice.chain.n != CHAIN_BYTES || memcmp(slice.chain.p, take->chain, CHAIN_BYTES) != 0)
		return gw_fail(why, -EBADMSG, "slices do not make a chain");
	wire_vec_copy(state->self, slice.floor, &take->floor);
	take->end = slice.end;
	take->bytes += slice.cells.n;
	if (slice.cells.n > 0) {
		memcpy(take->batch + take->batch_n, slice.cells.p, slice.cells.n);
		take->ops[take->n_ops++] =
			(struct gw_blob){take->batch + take->batch_n, slice.cells.n};
		take->batch_n += slice.cells.n;
	}
	if (take->end || take->batch_n >= COMMIT_BYTES || take->n_ops == BATCH_OPS)
		batch_commit(state, peer);
	tell(state, peer);
	return 0;
}

static void acknowledge(struct services_state *state, struct peer *peer, uint64_t number,
                        struct gw_blob last)
{
	struct wire_out out;

	peer_message(state, &out, SV_JACK);
	wire_write_jack(&out, number, last);
	peer_send(state, peer, &out);
}

static void all_slices(struct services_state *state, struct peer *peer);

void join_take_stored(void *state_, uint64_t link, int status, uint64_t number)
{
	struct services_state *state = state_;
	struct peer *peer;
	struct take *take = take_of(state, link, &peer);
	struct stored *stored;

	(void)number;
	if (take == NULL)
		return;
	if (status != 0) {
		store_failed(state, peer, status);
		return;
	}
	stored = take->stored;
	LL_DELETE(take->stored, stored);
	if (stored->end)
		all_slices(state, peer);
	else
		acknowledge(state, peer, stored->number,
		            (struct gw_blob){stored->last, stored->last_n});
	gw_free(state->self, stored);
}

/* --- what follows from the cells --- */

/* The vector is T1 now, and what the target has collected is not here either. */
static size_t end_ops(struct take *take, struct gw_store_op *ops, uint8_t *bytes)
{
	uint8_t *row;

	for (size_t i = 0; i < take->t1.n; i++) {
		row = bytes + 24 * i;
		put_u64(row, take->t1.e[i].origin);
		put_u64(row + 8, take->t1.e[i].clock);
		put_u64(row + 16, vector_get(&take->floor, take->t1.e[i].origin));
		ops[i] = (struct gw_store_op){.kind = GW_STORE_PUT,
		                              .table = TABLE_VEC,
		                              .key = {row, 8},
		                              .val = {row + 8, 16}};
	}
	ops[take->t1.n] = meta_op("state", "delta", 5);
	return take->t1.n + 1;
}

/* The last acknowledgement: the target goes on with what has changed meanwhile. */
static void delta(struct services_state *state, struct peer *peer)
{
	struct take *take = peer->take;

	take->stage = TAKE_DELTA;
	vector_raise_all(state->self, &state->vector, &take->t1);
	vector_raise_all(state->self, &state->floor, &take->floor);
	gw_clock_raise(state->self, vector_greatest(&state->vector));
	acknowledge(state, peer, take->number, (struct gw_blob){take->last, take->last_n});
}

static void all_slices(struct services_state *state, struct peer *peer)
{
	struct take *take = peer->take;

	gw_log(state->self, GW_INFO, "all slices are here cells=%llu bytes=%llu",
	       (unsigned long long)(take->before + take->count), (unsigned long long)take->bytes);
	if (take->indexed) {
		delta(state, peer);
		return;
	}
	take->stage = TAKE_INDEX;
	take->index = index_new(state, peer->link);
}

struct index *index_of(struct services_state *state, uint64_t link)
{
	struct peer *peer;
	struct take *take = take_of(state, link, &peer);

	return take == NULL || take->stage != TAKE_INDEX ? NULL : take->index;
}

void index_done(struct services_state *state, uint64_t link, int status,
                const struct gw_store_op *figures, size_t n)
{
	struct gw_self *self = state->self;
	struct peer *peer;
	struct take *take = take_of(state, link, &peer);
	struct gw_store_op *ops;
	uint8_t *rows;

	if (take == NULL)
		return;
	if (status == 0) {
		ops = gw_alloc(self, (n + take->t1.n + 1) * sizeof(*ops));
		rows = gw_alloc(self, 24 * take->t1.n + 1);
		memcpy(ops, figures, n * sizeof(*ops));
		n += end_ops(take, ops + n, rows);
		status = store_commit(state, ops, n, CALL_TAKE_ENDED, link);
		gw_free(self, ops);
		gw_free(self, rows);
	}
	if (status != 0)
		store_failed(state, peer, status);
}

void join_take_ended(void *state_, uint64_t link, int status, uint64_t number)
{
	struct services_state *state = state_;
	struct peer *peer;
	struct take *take = take_of(state, link, &peer);

	(void)number;
	if (take == NULL)
		return;
	index_free(state, &take->index);
	if (status != 0)
		store_failed(state, peer, status);
	else
		delta(state, peer);
}

/* --- is it right? --- */

/* Once more from the start; twice is no accident. */
static void wrong(struct services_state *state, struct peer *peer, const char *what)
{
	peer->take->gone = true;
	gw_log(state->self, GW_ERROR, "the database that came is wrong: %s peer=%s", what,
	       peer->name);
	if (++state->joins_wrong > 1) {
		gw_stop(state->self, "the database that came from the network was wrong twice: "
		                     "nothing of it is kept");
		return;
	}
	peer->take->gone = false;
	peer->take->stage = TAKE_BURST; /* so that discarded() gives up */
	discard(state, peer);
}

void join_take_diverged(struct services_state *state, struct peer *peer)
{
	if (peer->take != NULL)
		wrong(state, peer, "its digest is another after the last round");
}

void join_take_marked(struct services_state *state, struct peer *peer, const struct vector *vec,
                      uint64_t cells, const uint8_t digest[DIGEST_BYTES])
{
	struct take *take = peer->take;

	(void)vec;
	if (take == NULL || take->gone || take->stage != TAKE_DELTA)
		return;
	take->stage = TAKE_VERIFY;
	take->cells = cells;
	memcpy(take->digest, digest, DIGEST_BYTES);
	tell(state, peer);
	gw_log(state->self, GW_INFO, "the database is being verified");
	verify_begin(state, peer, &take->verify);
}

struct verify *join_take_verifying(struct peer *peer)
{
	struct take *take = peer->take;

	return take == NULL || take->gone || take->stage != TAKE_VERIFY ? NULL : &take->verify;
}

void join_take_verified(struct services_state *state, struct peer *peer, int status,
                        const struct verify *found)
{
	struct take *take = peer->take;

	if (status == -EILSEQ) {
		wrong(state, peer, "a cell is damaged");
		return;
	}
	if (status != 0) {
		give_up(state, peer, "the database cannot be read");
		return;
	}
	if (found->cells != take->cells || memcmp(found->digest, take->digest, DIGEST_BYTES) != 0) {
		wrong(state, peer, "count or digest of what is stored");
		return;
	}
	take->stage = TAKE_VERIFIED;
	gw_log(state->self, GW_INFO, "the database is right cells=%llu",
	       (unsigned long long)found->cells);
	peer_news(state, peer, GW_PEER_VERIFIED, NULL, NULL);
}

/* --- a member --- */

int join_take_member(void *services, uint64_t link)
{
	struct services_state *state = services;
	char identity[GW_STORE_IDENTITY];
	uint8_t schema[8], origin[8], server[16], life[16], clock[8];
	struct peer *peer;
	struct take *take = take_of(state, link, &peer);

	if (take == NULL || take->stage != TAKE_VERIFIED)
		return -EINVAL;
	put_u64(schema, SCHEMA);
	put_u64(origin, take->origin);
	put_u64(clock, vector_greatest(&state->vector));
	gw_id_bytes(take->server, server);
	gw_id_bytes(take->life, life);
	GW_VIA(state->store, gw_store_ops, identity, identity);
	const struct gw_store_op ops[] = {
		meta_op("schema", schema, 8),
		meta_op("state", "member", 6),
		meta_op("origin", origin, 8),
		meta_op("server", server, 16),
		meta_op("life", life, 16),
		meta_op("clock", clock, 8),
		meta_op("identity", identity, strlen(identity)),
		meta_op("join-target", NULL, 0),
		meta_op("join-origin", NULL, 0),
		meta_op("join-t1", NULL, 0),
		meta_op("join-last", NULL, 0),
		meta_op("join-count", NULL, 0),
	};
	return store_commit(state, ops, sizeof(ops) / sizeof(ops[0]), CALL_TAKE_MADE, link);
}

void join_take_made(void *state_, uint64_t link, int status, uint64_t number)
{
	struct services_state *state = state_;
	struct peer *peer;
	struct take *take = take_of(state, link, &peer);
	struct wire_out out;

	(void)number;
	if (status != 0) {
		if (take != NULL)
			store_failed(state, peer, status);
		return;
	}
	gw_log(state->self, GW_INFO, "this server is a member of the network");
	if (take != NULL) {
		take->gone = true;
		peer_message(state, &out, SV_JDONE);
		peer_send(state, peer, &out);
		peer_news(state, peer, GW_PEER_JOINED, NULL, NULL);
	}
	start(state);
}
