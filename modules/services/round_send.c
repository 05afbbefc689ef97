/*
 * services/round_send.c - rounds to a peer: what was committed here and is behind its position, a
 * slice of the log at a time.
 *
 * A slice, the vector and the digest are read in one transaction, so a final mark says what the
 * database was at one moment. Nothing is queued: what is overwritten before its slice comes is
 * never sent. When a slice does not reach the end, the position moves to the last transaction that
 * is in it as a whole; its mark lets the other side go on from there with the same life of this
 * database.
 */
#include "peer.h"
#include <errno.h>
#include <godwit/mem.h>
#include <string.h>

#define SLICE_FIRST ((size_t)32 << 10) /* a live change, most often */
#define SLICE_MORE ((size_t)1 << 20)
#define SLICE_MOST ((size_t)64 << 20) /* of one transaction */
#define CREDIT ((uint64_t)4 << 20)
#define VECTOR_ROW ((size_t)64) /* bytes of a row of the vector, in a read */

/** A slice as it was read. */
struct slice {
	struct vector seen;  /* the vector of that moment */
	struct gw_blob live; /* count and digest; none: an empty database */
	const struct gw_store_row *cells;
	size_t n;
	bool whole; /* nothing is left behind it */
};

/* --- reading --- */

/* Origins of which something is behind the position. */
static size_t ask_for(struct services_state *state, struct peer *peer)
{
	size_t n = 0;

	peer->asked.n = 0;
	for (size_t i = 0; i < state->vector.n; i++) {
		const struct vector_entry *e = &state->vector.e[i];
		uint64_t from = vector_get(&peer->sent, e->origin);

		if (from >= e->clock)
			continue;
		vector_raise(state->self, &peer->asked, e->origin, from + 1);
		n++;
	}
	return n;
}

static void slice_read(struct services_state *state, struct peer *peer)
{
	struct gw_self *self = state->self;
	size_t n = ask_for(state, peer);
	struct gw_store_range *ranges = gw_alloc(self, (n + 2) * sizeof(*ranges));
	uint8_t *keys = gw_alloc(self, n * 32 + 1), *key = keys;

	ranges[0] = (struct gw_store_range){.table = TABLE_VEC};
	ranges[1] = (struct gw_store_range){
		.table = TABLE_META, .from = {"live", 4}, .to = {"livf", 4}};
	for (size_t i = 0; i < n; i++, key += 32) {
		put_u64(key, peer->asked.e[i].origin);
		put_u64(key + 8, peer->asked.e[i].clock);
		put_u64(key + 16, peer->asked.e[i].origin);
		memset(key + 24, 0xff, 8);
		ranges[i + 2] = (struct gw_store_range){.table = TABLE_LOG,
		                                        .index = 1,
		                                        .of = TABLE_CELL,
		                                        .skip = 16,
		                                        .from = {key, 16},
		                                        .to = {key + 16, 16}};
	}
	peer->reading = store_read(state, ranges, n + 2,
	                           peer->slice_bytes + (state->vector.n + 4) * VECTOR_ROW,
	                           CALL_SLICE, peer->link) == 0;
	gw_free(self, ranges);
	gw_free(self, keys);
}

static bool slice_open(struct services_state *state, const struct gw_store_row *rows, size_t n,
                       struct slice *out)
{
	size_t i = 0;

	*out = (struct slice){.n = 0};
	for (; i < n && rows[i].table == TABLE_VEC; i++)
		if (rows[i].key.n == 8 && rows[i].val.n == 16)
			vector_raise(state->self, &out->seen, get_u64(rows[i].key.p),
			             get_u64(rows[i].val.p));
	for (; i < n && rows[i].table == TABLE_META; i++)
		if (rows[i].val.n == 8 + DIGEST_BYTES)
			out->live = rows[i].val;
	out->cells = rows + i;
	out->n = n - i;
	for (; i < n; i++)
		if (rows[i].val.n < CELL_HEADER)
			return false;
	return true;
}

static struct gw_stamp stamp_of(const struct gw_store_row *row)
{
	const uint8_t *p = row->val.p;

	return (struct gw_stamp){get_u64(p + 1), get_u64(p + 9)};
}

/* Index behind the rows that have the stamp of row `i`. */
static size_t stamp_end(const struct slice *slice, size_t i)
{
	struct gw_stamp stamp = stamp_of(&slice->cells[i]);

	while (i < slice->n && gw_stamp_cmp(stamp_of(&slice->cells[i]), stamp) == 0)
		i++;
	return i;
}

/* A transaction that the slice may have cut is left for the next. */
static void slice_cut(struct slice *slice)
{
	size_t n = slice->n;
	struct gw_stamp last;

	if (n == 0)
		return;
	last = stamp_of(&slice->cells[n - 1]);
	while (n > 0 && gw_stamp_cmp(stamp_of(&slice->cells[n - 1]), last) == 0)
		n--;
	slice->n = n;
}

/* --- into messages --- */

/** Messages being put one behind the other, each behind its length. */
struct writer {
	struct wire_out out; /* of the message at hand */
	uint8_t *bytes;
	size_t n, max;
	size_t cells_n; /* bytes of cells in it; 0: none is begun */
};

static void message_begin(struct writer *w, enum sv_kind kind)
{
	wire_start(&w->out, w->bytes + w->n + 4, w->max - w->n - 4, kind);
}

static void message_end(struct writer *w)
{
	uint32_t n = (uint32_t)w->out.n;

	memcpy(w->bytes + w->n, &n, 4);
	w->n += 4 + n;
	w->cells_n = 0;
}

static void write_cell(struct writer *w, const struct gw_store_row *row)
{
	size_t n = cells_bytes(row->key, row->val);

	if (w->cells_n > 0 && w->cells_n + n > SV_CELLS_BYTES)
		message_end(w);
	if (w->cells_n == 0)
		message_begin(w, SV_CELLS);
	wire_cell(&w->out, row->key, row->val);
	w->cells_n += n;
}

/* All cells of one stamp go in one message, if they fit. */
static void write_cells(struct writer *w, const struct slice *slice)
{
	size_t bytes, end;

	for (size_t i = 0; i < slice->n; i = end) {
		end = stamp_end(slice, i);
		bytes = 0;
		for (size_t j = i; j < end; j++)
			bytes += cells_bytes(slice->cells[j].key, slice->cells[j].val);
		if (w->cells_n > 0 && w->cells_n + bytes > SV_CELLS_BYTES)
			message_end(w);
		for (size_t j = i; j < end; j++)
			write_cell(w, &slice->cells[j]);
	}
	if (w->cells_n > 0)
		message_end(w);
}

/* What a mark says: all that is sent, but no more than this server has. */
static void write_mark(struct services_state *state, struct peer *peer, struct writer *w,
                       const struct slice *slice, bool final)
{
	static const uint8_t empty[8 + DIGEST_BYTES];
	struct gw_blob live =
		slice->live.n > 0 ? slice->live : (struct gw_blob){empty, sizeof(empty)};
	struct wire_mark mark = {.final = final,
	                         .cells = get_u64(live.p),
	                         .digest = {(const uint8_t *)live.p + 8, DIGEST_BYTES}};
	struct vector says = {0}, changed = {0};
	uint64_t clock;

	for (size_t i = 0; i < slice->seen.n; i++) {
		clock = vector_get(&peer->sent, slice->seen.e[i].origin);
		if (final || clock > slice->seen.e[i].clock)
			clock = slice->seen.e[i].clock;
		vector_raise(state->self, &says, slice->seen.e[i].origin, clock);
	}
	vector_changed(state->self, &peer->marked, &says, &changed);
	vector_raise_all(state->self, &peer->marked, &says);
	if (final && !peer->gave_final) {
		peer->gave_final = true;
		vector_copy(state->self, &peer->goal, &says);
	}
	message_begin(w, SV_MARK);
	wire_write_mark(&w->out, &mark, &changed);
	message_end(w);
	vector_free(state->self, &says);
	vector_free(state->self, &changed);
}

/* --- the position --- */

/* Origins that were read to their end are sent up to the vector of that moment; the one in which
 * the slice ended, up to its last transaction. */
static void position_raise(struct services_state *state, struct peer *peer,
                           const struct slice *slice)
{
	struct gw_stamp last = {0, 0};
	uint64_t origin;

	if (!slice->whole)
		last = stamp_of(&slice->cells[slice->n - 1]);
	for (size_t i = 0; i < peer->asked.n; i++) {
		origin = peer->asked.e[i].origin;
		if (!slice->whole && origin == last.origin) {
			vector_raise(state->self, &peer->sent, origin, last.clock);
			break;
		}
		vector_raise(state->self, &peer->sent, origin, vector_get(&slice->seen, origin));
	}
}

static void slice_write(struct services_state *state, struct peer *peer, const struct slice *slice)
{
	struct writer w = {.n = 0};
	bool final;

	position_raise(state, peer, slice);
	final = slice->whole && vector_covers(&peer->sent, &slice->seen);
	for (size_t i = 0; i < slice->n; i++)
		w.max += cells_bytes(slice->cells[i].key, slice->cells[i].val) + 5;
	w.max += 4 + 64 + 16 * slice->seen.n;
	w.bytes = gw_alloc(state->self, w.max);
	write_cells(&w, slice);
	write_mark(state, peer, &w, slice, final);
	peer->slice = w.bytes;
	peer->slice_n = w.n;
	peer->slice_at = 0;
	peer->cells_sent += slice->n;
	peer->owes_mark = !final;
	peer->slice_bytes = final ? SLICE_FIRST : SLICE_MORE;
}

/* --- sending --- */

/* Sends what is ready as far as there is room: true when nothing is left. */
static bool slice_flush(struct services_state *state, struct peer *peer)
{
	const uint8_t *p;
	uint32_t n;

	while (peer->slice != NULL && peer->slice_at < peer->slice_n) {
		if (peer->room <= 0)
			return false;
		p = peer->slice + peer->slice_at;
		memcpy(&n, p, 4);
		peer->slice_at += 4 + n;
		peer->bytes_sent += n;
		peer_send_bytes(state, peer, p + 4, n);
		if (peer->stage != PEER_OPEN)
			return false;
	}
	if (peer->slice != NULL)
		gw_free(state->self, peer->slice);
	peer->slice = NULL;
	return true;
}

void round_send_pump(struct services_state *state, struct peer *peer)
{
	if (!peer->sending || peer->reading || peer->stage != PEER_OPEN ||
	    !slice_flush(state, peer))
		return;
	if (!peer->owes_mark && vector_covers(&peer->sent, &state->vector))
		return;
	if (peer->room <= 0 || peer->bytes_sent - peer->bytes_consumed + peer->slice_bytes > CREDIT)
		return;
	slice_read(state, peer);
}

void round_send_rows(void *state_, uint64_t link, int status, const struct gw_store_row *rows,
                     size_t n)
{
	struct services_state *state = state_;
	struct peer *peer = peer_find(state, link);
	struct slice slice;

	if (peer == NULL || peer->stage != PEER_OPEN)
		return;
	peer->reading = false;
	if (status < 0 || !slice_open(state, rows, n, &slice)) {
		peer_refuse(state, peer, SV_LIMIT, "the database cannot be read");
		return;
	}
	slice.whole = status == 0;
	if (!slice.whole)
		slice_cut(&slice);
	if (!slice.whole && slice.n == 0) {
		peer->slice_bytes =
			peer->slice_bytes < SLICE_MORE ? SLICE_MORE : peer->slice_bytes * 2;
		if (peer->slice_bytes > SLICE_MOST)
			peer_refuse(state, peer, SV_LIMIT, "a transaction is too large to be sent");
	} else {
		slice_write(state, peer, &slice);
	}
	vector_free(state->self, &slice.seen);
	round_send_pump(state, peer);
	peer_look(state, peer);
}

void round_send_open(struct services_state *state, struct peer *peer, const struct vector *from,
                     bool owed)
{
	vector_copy(state->self, &peer->sent, from);
	peer->sending = true;
	peer->owes_mark = owed;
	peer->slice_bytes = SLICE_FIRST;
	round_send_pump(state, peer);
}
