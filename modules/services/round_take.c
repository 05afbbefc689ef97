/*
 * services/round_take.c - rounds from a peer: cells are judged and put aside; the final mark merges
 * them and raises the vector in one transaction.
 *
 * A link that breaks in the middle of a round has merged nothing of it; what is put aside up to the
 * last mark is kept for a while, for the same life of the same server's database.
 */
#include "members.h"
#include "round.h"
#include <errno.h>
#include <godwit/mem.h>
#include <inttypes.h>
#include <string.h>
#include <utlist.h>

#define UNKNOWN_MAX 64
#define KEEP_NS (600 * GW_SECOND)
#define RETRY_NS (50 * GW_MS)
#define TELL_BYTES ((uint64_t)512 << 10) /* taken, and not said so yet */
#define MERGING_MAX ((size_t)8 << 20)    /* bytes that are being merged: then the credit waits */

/** A round whose final mark came: in the store's hands, or about to be. */
struct merging {
	struct merging *prev, *next;
	uint64_t id, link;
	struct round *round; /* NULL: the mark came without cells */
	size_t bytes;
	bool given;          /* the store has it */
	uint8_t reserved[7]; /* 0 */
	struct vector vector;
	uint64_t cells;
	uint8_t digest[DIGEST_BYTES];
};

/** A broken round. One at most. */
struct kept {
	struct gw_id server;
	uint64_t origin;
	struct round *round;
	int64_t since_ns;
};

/* --- cells --- */

static struct round *round_of(struct services_state *state, struct peer *peer)
{
	if (peer->round == NULL)
		peer->round = round_new(state);
	return peer->round;
}

/** The transaction at hand in a run of cells. */
struct tally {
	struct gw_stamp stamp;
	size_t cells, bytes;
};

/* Cells of one transaction follow each other. */
static bool transaction_fits(struct tally *tally, const struct cell *cell)
{
	if (gw_stamp_cmp(tally->stamp, cell->stamp) != 0)
		*tally = (struct tally){.stamp = cell->stamp};
	tally->cells++;
	if (cell->field != GW_F_ACK)
		tally->bytes += cell->key.n + cell->row.n;
	return tally->cells <= GW_TX_CELLS && tally->bytes <= GW_TX_BYTES;
}

static int judge_cell(struct services_state *state, struct peer *peer, const struct cell *cell,
                      struct gw_error *why)
{
	if (cell->stamp.origin == 0)
		return gw_fail(why, -EBADMSG, "a cell without an origin");
	if (clock_is_ahead(state, peer, cell->stamp.clock))
		return 0;
	return own_is_forged(state, peer, cell->stamp, why);
}

static void note_cell(struct services_state *state, struct round *round, const struct cell *cell)
{
	uint8_t name[NAME_PREFIX_MAX];
	size_t n = claim_prefix(name, cell->field, cell->sub);

	vector_raise(state->self, &round->highest, cell->stamp.origin, cell->stamp.clock);
	round->cells++;
	round->news |= cell->field != GW_F_ACK;
	if (n > 0 && cell_is_live(cell))
		find_claimed(state, (struct gw_blob){name, n});
}

/* Too much is better had by a join. */
static void check_size(struct services_state *state, struct peer *peer)
{
	if (peer->round->failed) {
		peer_refuse(state, peer, SV_LIMIT, "a round cannot be put aside on the disk");
	} else if (peer->round->highest.n > VECTOR_MAX) {
		peer_refuse(state, peer, SV_LIMIT, "more than %u origins", VECTOR_MAX);
	} else if (peer->round->cells > ROUND_CELLS_MAX ||
	           round_bytes(peer->round) > ROUND_BYTES_MAX) {
		peer_refuse(state, peer, SV_TOOFAR,
		            "a round of more than %u cells: a join is shorter", ROUND_CELLS_MAX);
		if (!peer->joiner)
			membership_lose(state, "too much was missed: a join is shorter");
	}
}

static void taken(struct services_state *state, struct peer *peer, size_t n)
{
	size_t held = peer->merging + (peer->round != NULL ? peer->round->memory : 0);

	peer->bytes_taken += n;
	if (peer->bytes_taken - peer->bytes_told > TELL_BYTES && held <= MERGING_MAX)
		ack_send(state, peer);
}

void round_relieved(struct services_state *state, const struct round *round)
{
	struct peer *peer, *next;

	HASH_ITER (hh, state->peers, peer, next) {
		if (peer->round == round)
			taken(state, peer, 0);
	}
}

int cells_input(struct services_state *state, struct peer *peer, struct gw_blob message,
                struct gw_error *why)
{
	struct tally tally = {.cells = 0};
	struct gw_blob cells, all;
	struct cell cell;
	int status;

	if (peer->serving)
		return gw_fail(why, -EBADMSG, "cells from a server that joins");
	if (wire_read_cells(message, &all) != 0)
		return gw_fail(why, -EBADMSG, "a message without cells");
	for (cells = all; cells.n > 0;) {
		if (cells_next(&cells, &cell) != 0)
			return gw_fail(why, -EBADMSG, "a malformed cell");
		if (!transaction_fits(&tally, &cell))
			return gw_fail(why, -EBADMSG, "a transaction over its limits");
		status = judge_cell(state, peer, &cell, why);
		if (status != 0 || peer->stage == PEER_REFUSED)
			return status;
		note_cell(state, round_of(state, peer), &cell);
	}
	round_add(state, peer->round, all);
	check_size(state, peer);
	if (peer->stage != PEER_REFUSED) {
		taken(state, peer, message.n);
		peer_look(state, peer);
	}
	return 0;
}

/* --- marks --- */

static int judge_mark(struct services_state *state, struct peer *peer, const struct wire_mark *mark,
                      struct gw_error *why)
{
	struct vector_entry e;

	for (size_t i = 0; i < mark->changed.n; i++) {
		e = wire_vec_at(mark->changed, i);
		if (e.clock < vector_get(&peer->theirs, e.origin))
			return gw_fail(why, -EBADMSG, "a mark that goes back");
		if (clock_is_ahead(state, peer, e.clock))
			return 0;
		if (own_is_forged(state, peer, (struct gw_stamp){e.clock, e.origin}, why) != 0)
			return -EBADMSG;
	}
	return 0;
}

static void check_origins(struct services_state *state, struct peer *peer)
{
	size_t unknown = 0;

	for (size_t i = 0; i < peer->theirs.n; i++)
		unknown += vector_get(&state->vector, peer->theirs.e[i].origin) == 0;
	if (peer->theirs.n > VECTOR_MAX || (unknown > UNKNOWN_MAX && !peer->joiner))
		peer_refuse(state, peer, SV_LIMIT, "%zu origins, %zu of them never heard of",
		            peer->theirs.n, unknown);
}

static void mark_position(struct services_state *state, struct peer *peer)
{
	struct round *round = round_of(state, peer);

	vector_copy(state->self, &round->position, &peer->theirs);
	round->marked_bytes = round_bytes(round);
	round->marked_cells = round->cells;
	round->highest.n = 0;
}

static void merge_give(struct services_state *state, struct merging *m)
{
	struct gw_self *self = state->self;
	size_t n = m->round == NULL ? 0 : round_n_ops(m->round);
	struct gw_store_op *ops = gw_alloc(self, (n + 1) * sizeof(*ops));
	uint8_t scratch[8], *value = gw_alloc(self, VECTOR_FRONT + 16 * m->vector.n);
	struct wire_out out = {.p = value, .max = VECTOR_FRONT + 16 * m->vector.n};
	int status;

	n = m->round == NULL ? 0 : round_ops(m->round, ops, scratch);
	wire_u8(&out, 1);
	wire_u64(&out, m->cells);
	wire_bytes(&out, m->digest, DIGEST_BYTES);
	wire_entries(&out, &m->vector);
	ops[n++] = (struct gw_store_op){.kind = GW_STORE_MERGE,
	                                .table = TABLE_VEC,
	                                .key = {"mark", 4},
	                                .val = {value, out.n},
	                                .version = VERB_VECTOR};
	status = GW_VIA(state->store, gw_store_ops, commit, ops, n, GW_STORE_DISK,
	                gw_call(self, CALL_ROUND_DONE, m->id));
	m->given = status == 0;
	if (status != 0)
		gw_timer_set(state->round_retry, self, RETRY_NS);
	gw_free(self, ops);
	gw_free(self, value);
}

static struct merging *merging_first(struct services_state *state, uint64_t link)
{
	struct merging *m;

	DL_SEARCH_SCALAR(state->merging, m, link, link);
	return m;
}

/* A later round of a link rests on the earlier ones: it is given when they are in. */
static void merge_next(struct services_state *state)
{
	struct merging *m;

	DL_FOREACH (state->merging, m) {
		if (!m->given && merging_first(state, m->link) == m)
			merge_give(state, m);
	}
}

void round_retry(void *state, uint64_t tag)
{
	(void)tag;
	merge_next(state);
}

/* The last one of the link that the store does not have yet, which can take more; or a new one. */
static struct merging *merging_open(struct services_state *state, const struct peer *peer)
{
	struct merging *m = NULL, *each;

	DL_FOREACH (state->merging, each) {
		if (each->link == peer->link)
			m = each;
	}
	if (m != NULL && !m->given && merging_first(state, m->link) != m &&
	    round_joins(m->round, peer->round))
		return m;
	m = gw_alloc(state->self, sizeof(*m));
	m->id = ++state->last_round;
	m->link = peer->link;
	DL_APPEND(state->merging, m);
	return m;
}

static void merge_begin(struct services_state *state, struct peer *peer,
                        const struct wire_mark *mark)
{
	struct merging *m = merging_open(state, peer);
	size_t bytes = peer->round == NULL ? 0 : peer->round->memory;

	peer->merging += bytes + (m->bytes == 0);
	m->bytes += bytes + (m->bytes == 0);
	m->round = round_join(state, m->round, peer->round);
	peer->round = NULL;
	m->cells = mark->cells;
	memcpy(m->digest, mark->digest.p, DIGEST_BYTES);
	vector_copy(state->self, &m->vector, &peer->theirs);
	merge_next(state);
}

/* What it has committed needs not be sent back, and our own of it is safe there. Whoever writes
 * here from now on has seen the round, so the clock must be past it. */
static void learn_final(struct services_state *state, struct peer *peer)
{
	gw_clock_raise(state->self, vector_greatest(&peer->theirs));
	vector_raise_all(state->self, &peer->durable, &peer->theirs);
	if (peer->sending)
		vector_raise_all(state->self, &peer->sent, &peer->theirs);
	copies_look(state, peer);
}

int mark_input(struct services_state *state, struct peer *peer, struct gw_blob message,
               struct gw_error *why)
{
	struct wire_mark mark;
	int status;

	if (peer->serving)
		return gw_fail(why, -EBADMSG, "a mark from a server that joins");
	if (wire_read_mark(message, &mark) != 0)
		return gw_fail(why, -EBADMSG, "a malformed mark");
	status = judge_mark(state, peer, &mark, why);
	if (status != 0 || peer->stage == PEER_REFUSED)
		return status;
	for (size_t i = 0; i < mark.changed.n; i++)
		vector_raise(state->self, &peer->theirs, wire_vec_at(mark.changed, i).origin,
		             wire_vec_at(mark.changed, i).clock);
	if (peer->round != NULL && !vector_covers(&peer->theirs, &peer->round->highest))
		return gw_fail(why, -EBADMSG, "cells that their mark does not cover");
	check_origins(state, peer);
	if (peer->stage == PEER_REFUSED)
		return 0;
	if (mark.final) {
		merge_begin(state, peer, &mark);
		learn_final(state, peer);
	} else {
		mark_position(state, peer);
	}
	taken(state, peer, message.n);
	peer_look(state, peer);
	return 0;
}

/* --- merged --- */

static struct merging *merging_take(struct services_state *state, uint64_t id)
{
	struct merging *m;

	DL_SEARCH_SCALAR(state->merging, m, id, id);
	if (m != NULL)
		DL_DELETE(state->merging, m);
	return m;
}

static void merging_free(struct services_state *state, struct merging *m)
{
	if (m->round != NULL)
		round_free(state, &m->round);
	vector_free(state->self, &m->vector);
	gw_free(state->self, m);
}

/* What rests on a round that has failed. */
static void merging_drop(struct services_state *state, uint64_t link)
{
	struct merging *m, *next;

	DL_FOREACH_SAFE (state->merging, m, next) {
		if (m->link != link)
			continue;
		DL_DELETE(state->merging, m);
		merging_free(state, m);
	}
}

/* Nothing of the round is in the database. */
static void merge_failed(struct services_state *state, struct peer *peer, int status)
{
	if (status == -EBADE) {
		gw_log(state->self, GW_ERROR,
		       "the services databases differ though both have the same transactions: one "
		       "of the two must join again with=%s",
		       peer == NULL ? "?" : peer->name);
		if (peer != NULL && peer->joiner)
			join_take_diverged(state, peer);
		else if (peer != NULL)
			peer_refuse(state, peer, SV_DIVERGED,
			            "same transactions, another digest: one of the two must join "
			            "again");
		return;
	}
	gw_log(state->self, GW_ERROR, "the services database cannot take a round: %s",
	       strerror(-status));
	peers_refuse(state, SV_LIMIT, "the database cannot be written");
}

static void merge_done(struct services_state *state, struct peer *peer, struct merging *m)
{
	struct round *round = m->round;

	vector_raise_all(state->self, &state->vector, &m->vector);
	m->round = NULL;
	if (round != NULL) {
		if (round->news)
			members_news(state);
		tell_round(state, round);
		figures_refresh(state);
	}
	if (peer == NULL || peer_find(state, peer->link) != peer)
		return;
	peer->took_final = true;
	ack_send(state, peer);
	if (peer->joiner)
		join_take_marked(state, peer, &m->vector, m->cells, m->digest);
}

void round_done(void *state_, uint64_t id, int status, uint64_t number)
{
	struct services_state *state = state_;
	struct merging *m = merging_take(state, id);
	struct peer *peer;

	(void)number;
	if (m == NULL)
		return;
	peer = peer_find(state, m->link);
	if (peer != NULL)
		peer->merging -= m->bytes;
	if (status == 0) {
		merge_done(state, peer, m);
	} else {
		merging_drop(state, m->link);
		merge_failed(state, peer, status);
	}
	merging_free(state, m);
	merge_next(state);
	peers_pump(state);
}

/* --- broken rounds --- */

void round_forget_kept(struct services_state *state)
{
	if (state->kept == NULL)
		return;
	round_free(state, &state->kept->round);
	gw_free(state->self, state->kept);
	state->kept = NULL;
}

void round_take_close(struct services_state *state, struct peer *peer, bool keep)
{
	struct round *round = peer->round;

	peer->round = NULL;
	if (round == NULL)
		return;
	if (!keep || peer->joiner || round->position.n == 0 || !round_cut(state, round)) {
		round_free(state, &round);
		return;
	}
	round_forget_kept(state);
	state->kept = gw_alloc(state->self, sizeof(*state->kept));
	*state->kept = (struct kept){.server = peer->server,
	                             .origin = peer->origin,
	                             .round = round,
	                             .since_ns = gw_mono_ns(state->self)};
}

const struct vector *round_kept(struct services_state *state, struct gw_id server,
                                uint64_t *origin_out)
{
	struct kept *kept = state->kept;

	if (kept != NULL && gw_mono_ns(state->self) - kept->since_ns > KEEP_NS)
		round_forget_kept(state);
	kept = state->kept;
	if (kept == NULL || !gw_id_is(kept->server, server))
		return NULL;
	*origin_out = kept->origin;
	return &kept->round->position;
}

void round_resume(struct services_state *state, struct peer *peer)
{
	struct kept *kept = state->kept;

	if (!peer->resumes || kept == NULL || !gw_id_is(kept->server, peer->server))
		return;
	if (kept->origin == peer->origin) {
		peer->round = kept->round;
		gw_free(state->self, kept);
		state->kept = NULL;
	} else {
		round_forget_kept(state);
	}
}

bool rounds_open(struct services_state *state)
{
	struct peer *peer, *next;

	if (state->merging != NULL)
		return true;
	HASH_ITER (hh, state->peers, peer, next) {
		if (peer->round != NULL)
			return true;
	}
	return false;
}

void rounds_drop_all(struct services_state *state)
{
	struct merging *m, *next;

	DL_FOREACH_SAFE (state->merging, m, next) {
		DL_DELETE(state->merging, m);
		merging_free(state, m);
	}
	round_forget_kept(state);
}
