/*
 * services/merge_round.c - on the write lane: a round of another server, its vector, and what is
 * deleted for good.
 *
 * A round's cells and its vector are one batch: either both are there afterwards or neither. What
 * the vector covers already is known or was collected, and is not looked at again; so a replay
 * changes nothing.
 */
#include "merge.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES ((size_t)512 << 10) /* read at once; the largest cell is an eighth of it */

static struct gw_blob blob(const void *p, size_t n)
{
	return (struct gw_blob){p, n};
}

/* --- vectors --- */

/** An entry of the table vec. */
struct entry {
	uint64_t applied, collected;
};

static int entry_get(struct gw_store_tx *tx, struct gw_blob origin, struct entry *out)
{
	struct gw_store_row row;
	int status = gw_tx_get(tx, TABLE_VEC, origin, &row);

	*out = (struct entry){0, 0};
	if (status == 0 && row.val.n == 16)
		*out = (struct entry){get_u64(row.val.p), get_u64((const uint8_t *)row.val.p + 8)};
	return status == -ENOENT ? 0 : status;
}

static int entry_put(struct gw_store_tx *tx, struct gw_blob origin, const struct entry *entry)
{
	uint8_t value[16];

	put_u64(value, entry->applied);
	put_u64(value + 8, entry->collected);
	return gw_tx_put(tx, TABLE_VEC, origin, blob(value, sizeof(value)), 0);
}

static int clock_raise(struct gw_store_tx *tx, uint64_t clock)
{
	struct gw_store_row row;
	uint8_t value[8];
	int status = gw_tx_get(tx, TABLE_META, blob("clock", 5), &row);

	if (status != 0 && status != -ENOENT)
		return status;
	if (status == 0 && row.val.n == 8 && get_u64(row.val.p) >= clock)
		return 0;
	put_u64(value, clock);
	return gw_tx_put(tx, TABLE_META, blob("clock", 5), blob(value, 8), 0);
}

/* --- cells of a round --- */

/** The vector's entry of the origin at hand. */
struct admission {
	uint64_t origin, applied;
	bool known;
};

/* 1: the vector does not cover the cell. */
static int admits(struct gw_store_tx *tx, struct admission *at, struct gw_stamp stamp)
{
	uint8_t origin[8];
	struct entry entry;
	int status;

	if (!at->known || at->origin != stamp.origin) {
		put_u64(origin, stamp.origin);
		status = entry_get(tx, blob(origin, 8), &entry);
		if (status != 0)
			return status;
		*at = (struct admission){stamp.origin, entry.applied, true};
	}
	return stamp.clock > at->applied;
}

/* Merges whole cells off `run`, until it is empty or the rest is only a part of one. */
static int merge_run(struct walk *walk, struct admission *at, struct gw_blob *run)
{
	struct gw_blob rest;
	struct cell cell;
	int status = 0;

	while (run->n > 0 && status >= 0) {
		rest = *run;
		if (!cells_whole(rest))
			return 0;
		status = cells_next(&rest, &cell);
		if (status == 0)
			status = admits(walk->tx, at, cell.stamp);
		if (status == 1)
			status = merge_cell(walk, &cell);
		if (status == 0)
			*run = rest;
	}
	return status;
}

/* The file is read in pieces; a cell that one cuts off begins the next. */
static int merge_file(struct walk *walk, struct admission *at, int file, uint64_t bytes)
{
	uint8_t *piece = malloc(FILE_BYTES);
	struct gw_blob run = {piece, 0};
	uint64_t from = 0;
	ssize_t n;
	int status = piece == NULL ? -ENOMEM : 0;

	while (status == 0 && (from < bytes || run.n > 0)) {
		memmove(piece, run.p, run.n);
		n = (ssize_t)(FILE_BYTES - run.n);
		if ((uint64_t)n > bytes - from)
			n = (ssize_t)(bytes - from);
		n = pread(file, piece + run.n, (size_t)n, (off_t)from);
		if (n <= 0) {
			status = n < 0 ? -errno : -EILSEQ;
			break;
		}
		from += (uint64_t)n;
		run = blob(piece, run.n + (size_t)n);
		status = merge_run(walk, at, &run);
	}
	free(piece);
	return status;
}

int verb_round(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	struct walk walk = {.tx = tx};
	struct admission at = {.known = false};
	struct gw_blob run = op->val;
	int status;

	if (op->file > 0)
		status = op->val.n == 8 ? merge_file(&walk, &at, op->file, get_u64(op->val.p))
		                        : -EINVAL;
	else
		status = merge_run(&walk, &at, &run);
	if (status == 0 && op->file <= 0 && run.n > 0)
		status = -EILSEQ;
	return status == 0 ? figures_write(&walk) : status;
}

/* --- the vector of a final mark --- */

/* Whether the whole vector is what `entries` say. 1: it is. */
static int vector_is(struct gw_store_tx *tx, const uint8_t *entries, size_t n)
{
	struct gw_blob after = {NULL, 0};
	struct gw_store_row row;
	uint8_t origin[8];
	size_t i = 0;
	int status;

	while ((status = gw_tx_next(tx, TABLE_VEC, after, blob(NULL, 0), &row)) == 0) {
		if (row.key.n != 8 || row.val.n != 16)
			return -EILSEQ;
		memcpy(origin, row.key.p, 8);
		after = blob(origin, 8);
		if (get_u64(row.val.p) == 0)
			continue;
		if (i == n || memcmp(entries + 16 * i, row.key.p, 8) != 0 ||
		    memcmp(entries + 16 * i + 8, row.val.p, 8) != 0)
			return 0;
		i++;
	}
	return status == -ENOENT ? i == n : status;
}

static int live_is(struct gw_store_tx *tx, const uint8_t live[8 + DIGEST_BYTES])
{
	struct gw_store_row row;
	int status = gw_tx_get(tx, TABLE_META, blob("live", 4), &row);

	if (status != 0)
		return status == -ENOENT && get_u64(live) == 0 ? 0 : -EBADE;
	return row.val.n == 8 + DIGEST_BYTES && memcmp(row.val.p, live, row.val.n) == 0 ? 0
	                                                                                : -EBADE;
}

int verb_vector(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	const uint8_t *front = op->val.p, *entries = front + VECTOR_FRONT;
	size_t n = (op->val.n - VECTOR_FRONT) / 16;
	struct entry entry;
	uint64_t clock, greatest = 0;
	int status = 0;

	for (size_t i = 0; i < n && status == 0; i++) {
		clock = get_u64(entries + 16 * i + 8);
		if (clock > greatest)
			greatest = clock;
		status = entry_get(tx, blob(entries + 16 * i, 8), &entry);
		if (status != 0 || entry.applied >= clock)
			continue;
		entry.applied = clock;
		status = entry_put(tx, blob(entries + 16 * i, 8), &entry);
	}
	if (status == 0)
		status = clock_raise(tx, greatest);
	if (status == 0 && front[0] != 0)
		status = vector_is(tx, entries, n);
	return status == 1 ? live_is(tx, front + 1) : status;
}

/* --- what goes for good --- */

int verb_collect(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	const uint8_t *p = op->key.p;
	struct gw_blob origin = blob(p, 8), key = blob(p + 16, op->key.n - 16);
	struct gw_stamp stamp = {get_u64(p + 8), get_u64(p)};
	struct gw_store_row row;
	struct entry entry;
	struct cell cell;
	int status = gw_tx_get(tx, TABLE_CELL, key, &row);

	if (status == -ENOENT)
		return 0;
	if (status == 0)
		status = cell_parse(row.key, row.val, &cell);
	if (status != 0)
		return status;
	if (gw_stamp_cmp(cell.stamp, stamp) != 0 || cell_is_live(&cell))
		return 0; /* another version has come in its place */
	status = entry_get(tx, origin, &entry);
	if (status == 0 && entry.collected < stamp.clock) {
		entry.collected = stamp.clock;
		status = entry_put(tx, origin, &entry);
	}
	if (status == 0)
		status = gw_tx_del(tx, TABLE_LOG, op->key);
	if (status == 0)
		status = gw_tx_del(tx, TABLE_TOMB, op->key);
	return status == 0 ? gw_tx_del(tx, TABLE_CELL, key) : status;
}

/* Clocks below the key go, the oldest first; what was trimmed last is kept in the meta table. */
int verb_trim(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	uint64_t n = get_u64(op->val.p);
	uint8_t last[8] = {0};
	struct gw_store_row row;
	int status = 0;

	for (; n > 0; n--) {
		status = gw_tx_next(tx, TABLE_OWN, blob(NULL, 0), blob(NULL, 0), &row);
		if (status != 0 || row.key.n != 8 || memcmp(row.key.p, op->key.p, 8) >= 0)
			break;
		memcpy(last, row.key.p, 8);
		status = gw_tx_del(tx, TABLE_OWN, blob(last, 8));
		if (status != 0)
			return status;
	}
	if (status != 0 && status != -ENOENT)
		return status;
	return get_u64(last) == 0 ? 0
	                          : gw_tx_put(tx, TABLE_META, blob("trimmed", 7), blob(last, 8), 0);
}
