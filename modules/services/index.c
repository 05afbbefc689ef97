/*
 * services/index.c - builds the tables that follow from the cells: SCAN (cells are read in slices;
 * what follows from each goes into its table's pile), then WRITE (table by table, the piles' rows
 * in order).
 */
#include "index.h"
#include "pile.h"
#include <errno.h>
#include <string.h>

#define SCAN_BYTES ((size_t)1 << 20)
#define SORTS_AT_ONCE 2
#define OPS_AT_ONCE 4 /* merges that make one transaction */
#define COMMITS_AT_ONCE 2
#define CLASSES 256

/** In this order they are written. */
static const uint8_t tables[] = {TABLE_LOG, TABLE_NAME, TABLE_REF, TABLE_TOMB};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

struct index {
	uint64_t link;
	struct pile piles[N_TABLES];
	uint8_t from[CELL_KEY_MAX + 1]; /* where the next slice begins */
	size_t from_n;
	bool scanned, reading, merging;
	uint8_t reserved[5];          /* 0 */
	uint32_t sorting, committing; /* jobs; transactions */
	size_t table;                 /* being written */

	/* of the scan */
	uint8_t entity[ENTITY_BYTES];
	bool living;
	uint64_t cells, entities[CLASSES];
	uint8_t digest[DIGEST_BYTES];

	/* of the transaction that is being filled */
	uint8_t *out;
	uint8_t any[8]; /* their key: VERB_ROWS has its own, but none may be empty */
	size_t n_ops;
	struct gw_store_op ops[OPS_AT_ONCE];
};

static void go_on(struct services_state *state, struct index *index);

struct index *index_new(struct services_state *state, uint64_t link)
{
	struct index *index = gw_alloc(state->self, sizeof(*index));

	index->link = link;
	index->any[0] = '+';
	index->out = gw_alloc(state->self, OPS_AT_ONCE * PILE_OUT);
	go_on(state, index);
	return index;
}

void index_free(struct services_state *state, struct index **index_)
{
	struct index *index = *index_;

	*index_ = NULL;
	if (index == NULL)
		return;
	for (size_t i = 0; i < N_TABLES; i++)
		pile_free(state->self, &index->piles[i]);
	gw_free(state->self, index->out);
	gw_free(state->self, index);
}

static void fail(struct services_state *state, struct index *index, int status)
{
	index_done(state, index->link, status, NULL, 0);
}

/* --- the scan --- */

static int spill(struct services_state *state, struct index *index, struct pile *pile)
{
	int status = pile_spill(state->self, pile, gw_server_string(state->self, "state-directory"),
	                        CALL_INDEX_SORT_RUN,
	                        gw_call(state->self, CALL_INDEX_SORTED, index->link));

	if (status == 0)
		index->sorting++;
	return status;
}

static int put(struct services_state *state, struct index *index, size_t table, const uint8_t *key,
               size_t key_n, const uint8_t *val, size_t val_n)
{
	struct pile *pile = &index->piles[table];
	int status = 0;

	if (key_n == 0)
		return 0;
	if (pile_is_full(pile, key_n + val_n))
		status = spill(state, index, pile);
	if (status == 0)
		pile_put(state->self, pile, (struct gw_blob){key, key_n},
		         (struct gw_blob){val, val_n});
	return status;
}

static void count(struct index *index, const struct cell *cell, const struct derived *d)
{
	if (!d->live)
		return;
	index->cells++;
	digest_add(index->digest, d->digest);
	index->entities[cell->class] += cell->field == GW_F_CORE;
}

/* Cells come in the order of their keys: an entity's core before its others. */
static int take_row(struct services_state *state, struct index *index,
                    const struct gw_store_row *row)
{
	struct derived d;
	struct cell cell;
	int status;

	if (cell_parse(row->key, row->val, &cell) != 0)
		return -EILSEQ;
	if (memcmp(index->entity, cell.key.p, ENTITY_BYTES) != 0)
		index->living = false;
	memcpy(index->entity, cell.key.p, ENTITY_BYTES);
	if (cell.field == GW_F_CORE)
		index->living = cell_is_live(&cell);
	cell_derive(&cell, index->living, &d);
	count(index, &cell, &d);
	status = put(state, index, 0, d.log, d.log_n, NULL, 0);
	if (status == 0)
		status = put(state, index, 1, d.name, d.name_n, d.display, d.display_n);
	if (status == 0)
		status = put(state, index, 2, d.ref, d.ref_n, NULL, 0);
	if (status == 0 && d.collectable)
		status = put(state, index, 3, d.log, d.log_n, NULL, 0);
	return status;
}

void index_rows(void *state_, uint64_t link, int status, const struct gw_store_row *rows, size_t n)
{
	struct services_state *state = state_;
	struct index *index = index_of(state, link);
	int right = status < 0 ? status : 0;

	if (index == NULL)
		return;
	index->reading = false;
	for (size_t i = 0; i < n && right == 0; i++)
		right = take_row(state, index, &rows[i]);
	if (right == 0 && status == GW_STORE_MORE) {
		index->from_n = rows[n - 1].key.n + 1;
		memset(index->from, 0, sizeof(index->from));
		memcpy(index->from, rows[n - 1].key.p, rows[n - 1].key.n);
	} else {
		index->scanned = true;
	}
	for (size_t i = 0; i < N_TABLES && right == 0 && index->scanned; i++)
		if (index->piles[i].n > 0)
			right = spill(state, index, &index->piles[i]);
	if (right != 0)
		fail(state, index, right);
	else
		go_on(state, index);
}

void index_sorted(void *state_, uint64_t link, void *job)
{
	struct services_state *state = state_;
	struct index *index = index_of(state, link);

	if (index == NULL)
		return;
	index->sorting--;
	if (pile_sort_status(job) != 0)
		fail(state, index, pile_sort_status(job));
	else
		go_on(state, index);
}

/* --- writing --- */

/* False: that was its end. */
static bool flush(struct services_state *state, struct index *index)
{
	int status = GW_VIA(state->store, gw_store_ops, commit, index->ops, index->n_ops,
	                    GW_STORE_DISK, gw_call(state->self, CALL_INDEX_STORED, index->link));
	index->n_ops = 0;
	if (status != 0) {
		fail(state, index, status);
		return false;
	}
	index->committing++;
	return true;
}

void index_merged(void *state_, uint64_t link, void *job)
{
	struct services_state *state = state_;
	struct index *index = index_of(state, link);
	struct gw_blob rows;
	uint8_t *at;

	if (index == NULL)
		return;
	index->merging = false;
	if (pile_merge_status(job) != 0) {
		fail(state, index, pile_merge_status(job));
		return;
	}
	rows = pile_merged(&index->piles[index->table], job);
	at = index->out + index->n_ops * PILE_OUT;
	memcpy(at, rows.p, rows.n);
	index->ops[index->n_ops++] = (struct gw_store_op){.kind = GW_STORE_MERGE,
	                                                  .table = tables[index->table],
	                                                  .key = {index->any, 1},
	                                                  .val = {at, rows.n},
	                                                  .version = VERB_ROWS};
	go_on(state, index);
}

void index_stored(void *state_, uint64_t link, int status, uint64_t number)
{
	struct services_state *state = state_;
	struct index *index = index_of(state, link);

	(void)number;
	if (index == NULL)
		return;
	index->committing--;
	if (status != 0)
		fail(state, index, status);
	else
		go_on(state, index);
}

/* Replaces what the meta table says of the cells. */
static void figures_done(struct services_state *state, struct index *index)
{
	struct gw_store_op ops[1 + CLASSES];
	uint8_t keys[CLASSES][2], counts[CLASSES][8], live[8 + DIGEST_BYTES];
	size_t n = 0;

	put_u64(live, index->cells);
	memcpy(live + 8, index->digest, DIGEST_BYTES);
	ops[n++] = (struct gw_store_op){.kind = GW_STORE_PUT,
	                                .table = TABLE_META,
	                                .key = {"live", 4},
	                                .val = {live, sizeof(live)}};
	for (size_t c = 0; c < CLASSES; c++) {
		if (index->entities[c] == 0)
			continue;
		keys[c][0] = 'n';
		keys[c][1] = (uint8_t)c;
		put_u64(counts[c], index->entities[c]);
		ops[n++] = (struct gw_store_op){.kind = GW_STORE_PUT,
		                                .table = TABLE_META,
		                                .key = {keys[c], 2},
		                                .val = {counts[c], 8}};
	}
	index_done(state, index->link, 0, ops, n);
}

/* The next rows of the table at hand, or of the next that has some; false: there are none. */
static bool merge_next(struct services_state *state, struct index *index)
{
	int status = -ENOENT;

	for (; status == -ENOENT && index->table < N_TABLES; index->table += status == -ENOENT)
		status = pile_merge(state->self, &index->piles[index->table], CALL_INDEX_MERGE_RUN,
		                    gw_call(state->self, CALL_INDEX_MERGED, index->link));
	index->merging = status == 0;
	if (status != 0 && status != -ENOENT)
		fail(state, index, status);
	return status != -ENOENT;
}

static void write_on(struct services_state *state, struct index *index)
{
	if (index->merging || index->committing >= COMMITS_AT_ONCE)
		return;
	if (index->n_ops == OPS_AT_ONCE) {
		if (flush(state, index))
			write_on(state, index);
	} else if (!merge_next(state, index)) {
		if (index->n_ops > 0)
			flush(state, index);
		else if (index->committing == 0)
			figures_done(state, index);
	}
}

static void go_on(struct services_state *state, struct index *index)
{
	struct gw_store_range range = {.table = TABLE_CELL, .from = {index->from, index->from_n}};
	int status;

	if (index->scanned) {
		if (index->sorting == 0)
			write_on(state, index);
		return;
	}
	if (index->reading || index->sorting >= SORTS_AT_ONCE)
		return;
	status = store_read(state, &range, 1, SCAN_BYTES, CALL_INDEX_ROWS, index->link);
	index->reading = status == 0;
	if (status != 0)
		fail(state, index, status);
}
