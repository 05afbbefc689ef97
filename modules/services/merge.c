/*
 * services/merge.c - the merge function: the only code that writes the tables, inside the store's
 * transaction.
 *
 * A cell is replaced by a greater version (rank, clock, origin) and by nothing else; the death of
 * an entity drops all its cells at once and keeps later ones out. So the outcome is the same in
 * whatever order cells come, and how often. What follows from the cells (log, name, ref, counts,
 * digest) is moved in the same transaction.
 */
#include "merge.h"
#include "pile.h"
#include <errno.h>
#include <string.h>

static struct gw_blob blob(const void *p, size_t n)
{
	return (struct gw_blob){p, n};
}

static int key_compare(struct gw_blob a, struct gw_blob b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* --- figures --- */

static void count_cells(struct walk *walk, const struct derived *before,
                        const struct derived *after)
{
	bool less = before != NULL && before->live, more = after != NULL && after->live;

	if (less)
		digest_subtract(walk->digest, before->digest);
	if (more)
		digest_add(walk->digest, after->digest);
	walk->cells += (uint64_t)more - less;
	walk->counted |= less || more;
}

static int figures_entities(struct walk *walk, uint8_t class)
{
	const uint8_t key[2] = {'n', class};
	struct gw_store_row row;
	uint8_t value[8];
	uint64_t n = walk->entities[class];
	int status = gw_tx_get(walk->tx, TABLE_META, blob(key, 2), &row);

	if (status != 0 && status != -ENOENT)
		return status;
	if (status == 0 && row.val.n == 8)
		n += get_u64(row.val.p);
	if (n == 0)
		return gw_tx_del(walk->tx, TABLE_META, blob(key, 2));
	put_u64(value, n);
	return gw_tx_put(walk->tx, TABLE_META, blob(key, 2), blob(value, 8), 0);
}

static int figures_cells(struct walk *walk)
{
	uint8_t live[8 + DIGEST_BYTES] = {0};
	struct gw_store_row row;
	int status = gw_tx_get(walk->tx, TABLE_META, blob("live", 4), &row);

	if (status != 0 && status != -ENOENT)
		return status;
	if (status == 0 && row.val.n == sizeof(live))
		memcpy(live, row.val.p, sizeof(live));
	digest_add(live + 8, walk->digest);
	put_u64(live, get_u64(live) + walk->cells);
	return gw_tx_put(walk->tx, TABLE_META, blob("live", 4), blob(live, sizeof(live)), 0);
}

int figures_write(struct walk *walk)
{
	int status = walk->counted ? figures_cells(walk) : 0;

	for (unsigned c = 0; c < 256 && status == 0; c++)
		if (walk->entities[c] != 0)
			status = figures_entities(walk, (uint8_t)c);
	return status;
}

/* --- what follows from a cell --- */

static int unlink_derived(struct gw_store_tx *tx, const struct derived *d)
{
	int status = gw_tx_del(tx, TABLE_LOG, blob(d->log, d->log_n));

	if (status == 0 && d->collectable)
		status = gw_tx_del(tx, TABLE_TOMB, blob(d->log, d->log_n));
	if (status == 0 && d->name_n > 0)
		status = gw_tx_del(tx, TABLE_NAME, blob(d->name, d->name_n));
	if (status == 0 && d->ref_n > 0)
		status = gw_tx_del(tx, TABLE_REF, blob(d->ref, d->ref_n));
	return status;
}

static int link_derived(struct gw_store_tx *tx, const struct derived *d)
{
	int status = gw_tx_put(tx, TABLE_LOG, blob(d->log, d->log_n), blob(NULL, 0), 0);

	if (status == 0 && d->collectable)
		status = gw_tx_put(tx, TABLE_TOMB, blob(d->log, d->log_n), blob(NULL, 0), 0);
	if (status == 0 && d->name_n > 0)
		status = gw_tx_put(tx, TABLE_NAME, blob(d->name, d->name_n),
		                   blob(d->display, d->display_n), 0);
	if (status == 0 && d->ref_n > 0)
		status = gw_tx_put(tx, TABLE_REF, blob(d->ref, d->ref_n), blob(NULL, 0), 0);
	return status;
}

/* `before` (NULL: none) gives way to `cell`. */
static int cell_put(struct walk *walk, const struct derived *before, const struct cell *cell,
                    bool living)
{
	struct derived after;
	int status = 0;

	cell_derive(cell, living, &after);
	if (before != NULL)
		status = unlink_derived(walk->tx, before);
	if (status == 0)
		status = gw_tx_put(walk->tx, TABLE_CELL, cell->key, cell->row, 0);
	if (status == 0)
		status = link_derived(walk->tx, &after);
	count_cells(walk, before, &after);
	return status;
}

static int cell_drop(struct walk *walk, const struct derived *before, struct gw_blob key)
{
	int status = unlink_derived(walk->tx, before);

	if (status == 0)
		status = gw_tx_del(walk->tx, TABLE_CELL, key);
	count_cells(walk, before, NULL);
	return status;
}

/* --- cells and entities --- */

static int cell_get(struct gw_store_tx *tx, struct gw_blob key, struct cell *out)
{
	struct gw_store_row row;
	int status = gw_tx_get(tx, TABLE_CELL, key, &row);

	return status == 0 ? cell_parse(row.key, row.val, out) : status;
}

/* Of the entity that the key belongs to: a negative status or an enum life. */
static int entity_life(struct gw_store_tx *tx, struct gw_blob key)
{
	uint8_t core_key[CELL_KEY_LEAST];
	struct cell core;
	int status;

	memcpy(core_key, key.p, ENTITY_BYTES);
	core_key[ENTITY_BYTES] = GW_F_CORE >> 8;
	core_key[ENTITY_BYTES + 1] = GW_F_CORE & 0xff;
	status = cell_get(tx, blob(core_key, sizeof(core_key)), &core);
	if (status == -ENOENT)
		return LIFE_NONE;
	if (status != 0)
		return status;
	if (cell_is_death(&core))
		return LIFE_DEAD;
	return cell_is_live(&core) ? LIFE_LIVING : LIFE_NONE;
}

/* Calls `fn` for every cell of the core's entity but the core itself; `fn` may delete the cell. */
static int each_other_cell(struct walk *walk, const struct cell *core, bool living,
                           int (*fn)(struct walk *, const struct derived *, struct gw_blob key))
{
	uint8_t key[CELL_KEY_MAX];
	struct gw_blob prefix = blob(core->key.p, ENTITY_BYTES), after = blob(key, 0);
	struct gw_store_row row;
	struct derived derived;
	struct cell cell;
	int status;

	while ((status = gw_tx_next(walk->tx, TABLE_CELL, after, prefix, &row)) == 0) {
		status = cell_parse(row.key, row.val, &cell);
		if (status != 0)
			return status;
		memcpy(key, row.key.p, row.key.n);
		after.n = row.key.n;
		if (cell.field == GW_F_CORE)
			continue;
		cell_derive(&cell, living, &derived);
		status = fn(walk, &derived, after);
		if (status != 0)
			return status;
	}
	return status == -ENOENT ? 0 : status;
}

static int name_put(struct walk *walk, const struct derived *d, struct gw_blob key)
{
	(void)key;
	if (d->name_n == 0)
		return 0;
	return gw_tx_put(walk->tx, TABLE_NAME, blob(d->name, d->name_n),
	                 blob(d->display, d->display_n), 0);
}

static int name_del(struct walk *walk, const struct derived *d, struct gw_blob key)
{
	(void)key;
	return d->name_n == 0 ? 0 : gw_tx_del(walk->tx, TABLE_NAME, blob(d->name, d->name_n));
}

/* The entity comes to life, stops living, or dies: its other cells and their names follow. */
static int entity_change(struct walk *walk, const struct cell *core, bool lived, bool lives)
{
	int status = 0;

	if (walk->appends)
		status = 0; /* it has no other cells */
	else if (cell_is_death(core))
		status = each_other_cell(walk, core, lived, cell_drop);
	else if (lived != lives)
		status = each_other_cell(walk, core, true, lives ? name_put : name_del);
	if (lived != lives)
		walk->entities[core->class] += (uint64_t)lives - lived;
	return status;
}

static int merge_core(struct walk *walk, const struct cell *cell, const struct cell *old)
{
	bool lived = old != NULL && cell_is_live(old), lives = cell_is_live(cell);
	struct derived before;
	int status;

	if (old != NULL)
		cell_derive(old, lived, &before);
	status = entity_change(walk, cell, lived, lives);
	if (status == 0)
		status = cell_put(walk, old != NULL ? &before : NULL, cell, lives);
	walk->life = lives ? LIFE_LIVING : cell_is_death(cell) ? LIFE_DEAD : LIFE_NONE;
	return status;
}

static int merge_other(struct walk *walk, const struct cell *cell, const struct cell *old)
{
	bool living = walk->life == LIFE_LIVING;
	struct derived before;

	if (walk->life == LIFE_DEAD)
		return 0;
	if (old != NULL)
		cell_derive(old, living, &before);
	return cell_put(walk, old != NULL ? &before : NULL, cell, living);
}

/* Goes on to the cell: what is known of its entity, and whether it can be stored already. */
static int walk_to(struct walk *walk, const struct cell *cell)
{
	struct gw_blob last = blob(walk->last, walk->last_n);
	bool first = last.n == 0;
	struct gw_store_row row;
	int status = 0;

	if (first)
		walk->appends = gw_tx_next(walk->tx, TABLE_CELL, cell->key, blob(NULL, 0), &row) ==
		                        -ENOENT &&
		                gw_tx_get(walk->tx, TABLE_CELL, cell->key, &row) == -ENOENT;
	else if (key_compare(last, cell->key) >= 0)
		walk->appends = false;
	if (first || memcmp(last.p, cell->key.p, ENTITY_BYTES) != 0)
		status = walk->appends && !first ? LIFE_NONE : entity_life(walk->tx, cell->key);
	else
		status = walk->life;
	if (status < 0)
		return status;
	walk->life = status;
	memcpy(walk->last, cell->key.p, cell->key.n);
	walk->last_n = cell->key.n;
	return 0;
}

int merge_cell(struct walk *walk, const struct cell *cell)
{
	struct cell old;
	int status = walk_to(walk, cell);

	if (status != 0)
		return status;
	status = walk->appends ? -ENOENT : cell_get(walk->tx, cell->key, &old);
	if (status != 0 && status != -ENOENT)
		return status;
	if (status == 0 && cell_compare(&old, cell) >= 0)
		return 0;
	return (cell->field == GW_F_CORE ? merge_core : merge_other)(walk, cell,
	                                                             status == 0 ? &old : NULL);
}

/* --- verbs --- */

static int verb_living(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	int life = entity_life(tx, op->key);

	if (life < 0)
		return life;
	return life == LIFE_LIVING ? 0 : -ENOENT;
}

static int verb_free(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	uint8_t key[NAME_KEY_MAX] = {0};
	struct gw_blob after = blob(key, 0);
	struct gw_store_row row;
	int status;

	while ((status = gw_tx_next(tx, TABLE_NAME, after, op->key, &row)) == 0) {
		if (row.key.n < ENTITY_BYTES || row.key.n > sizeof(key))
			return -EILSEQ;
		if (memcmp((const uint8_t *)row.key.p + row.key.n - ENTITY_BYTES, op->val.p,
		           ENTITY_BYTES) != 0)
			return -EEXIST;
		memcpy(key, row.key.p, row.key.n);
		after.n = row.key.n;
	}
	return status == -ENOENT ? 0 : status;
}

static int verb_room(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	const uint8_t *val = op->val.p;
	struct gw_blob prefix = blob(op->key.p, CELL_KEY_LEAST + (size_t)val[0]), after;
	uint64_t n = 0, limit = get_u64(val + 1);
	uint8_t key[CELL_KEY_MAX];
	struct gw_store_row row;
	struct cell cell;
	int status = cell_get(tx, op->key, &cell);

	if (status == 0 && cell_is_live(&cell))
		return 0; /* it is in the set already */
	after = blob(key, 0);
	while ((status = gw_tx_next(tx, TABLE_CELL, after, prefix, &row)) == 0) {
		status = cell_parse(row.key, row.val, &cell);
		if (status != 0)
			return status;
		n += cell_is_live(&cell);
		if (n >= limit)
			return -E2BIG;
		memcpy(key, row.key.p, row.key.n);
		after.n = row.key.n;
	}
	if (status != -ENOENT)
		return status;
	return n < limit ? 0 : -E2BIG;
}

static int verb_cell(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	struct walk walk = {.tx = tx};
	struct cell cell;
	int status = cell_parse(op->key, op->val, &cell);

	if (status == 0)
		status = merge_cell(&walk, &cell);
	return status == 0 ? figures_write(&walk) : status;
}

static int verb_cells(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	struct walk walk = {.tx = tx};
	struct gw_blob run = op->val;
	struct cell cell;
	int status = 0;

	while (run.n > 0 && status == 0) {
		status = cells_next(&run, &cell);
		if (status == 0)
			status = merge_cell(&walk, &cell);
	}
	return status == 0 ? figures_write(&walk) : status;
}

/* A claim is as old as its first version: who only changes how a name is written does not lose its
 * place. */
static int verb_claim(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	uint8_t row[CELL_HEADER + CLAIM_VALUE_MAX];
	struct gw_store_op with = *op;
	struct gw_blob display = {NULL, 0};
	struct gw_stamp claim;
	struct cell old, cell;
	int status = cell_parse(op->key, op->val, &cell);

	if (status != 0)
		return status;
	status = cell_get(tx, op->key, &old);
	if (status == 0 && cell_is_live(&old)) {
		claim = claim_stamp(old.value);
		gw_part(cell.value, 2, &display);
		if (claim.clock != 0 && display.n <= GW_NAME_MAX) {
			cell_header(row, cell.flags, cell.stamp);
			with.val = blob(
				row, CELL_HEADER + claim_value(row + CELL_HEADER, claim, display));
		}
	}
	return verb_cell(tx, &with);
}

/* The cells alone: of a database that is not read by anybody before index.c has been through it. */
static int verb_image(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	struct gw_blob cells = op->val;
	struct cell cell;
	int status = 0;

	while (cells.n > 0 && status == 0) {
		status = cells_next(&cells, &cell);
		if (status == 0)
			status = gw_tx_put(tx, TABLE_CELL, cell.key, cell.row, 0);
	}
	return status;
}

static int verb_rows(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	const uint8_t *at = op->val.p, *end = at + op->val.n;
	int status = 0;

	while (status == 0 && (size_t)(end - at) >= PILE_FRONT &&
	       (size_t)(end - at) >= pile_row_bytes(at)) {
		status = gw_tx_put(tx, op->table, blob(at + PILE_FRONT, at[0]),
		                   blob(at + PILE_FRONT + at[0], at[1]), 0);
		at += pile_row_bytes(at);
	}
	return status;
}

static int verb_issue(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	uint8_t entry[16] = {0}, last[8] = {0};
	struct gw_store_row row;
	uint64_t clock = get_u64(op->val.p);
	int status = gw_tx_get(tx, TABLE_VEC, op->key, &row);

	if (status == 0 && row.val.n == sizeof(entry))
		memcpy(entry, row.val.p, sizeof(entry));
	else if (status != 0 && status != -ENOENT)
		return status;
	if (clock > get_u64(entry))
		put_u64(entry, clock);
	status = gw_tx_get(tx, TABLE_META, blob("clock", 5), &row);
	if (status == 0 && row.val.n == sizeof(last))
		memcpy(last, row.val.p, sizeof(last));
	else if (status != 0 && status != -ENOENT)
		return status;
	if (clock > get_u64(last))
		put_u64(last, clock);
	status = gw_tx_put(tx, TABLE_VEC, op->key, blob(entry, sizeof(entry)), 0);
	if (status == 0)
		status = gw_tx_put(tx, TABLE_META, blob("clock", 5), blob(last, sizeof(last)), 0);
	return status == 0 ? gw_tx_put(tx, TABLE_OWN, op->val, blob(NULL, 0), 0) : status;
}

static int verb_meta(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	if (op->val.n == 0)
		return gw_tx_del(tx, TABLE_META, op->key);
	return gw_tx_put(tx, TABLE_META, op->key, op->val, 0);
}

/* How short key and value may be: what is shorter was not made by commit.c. */
static const struct {
	verb_fn *fn;
	size_t key_least, val_least;
} verbs[] = {
	[VERB_LIVING] = {verb_living, ENTITY_BYTES, 0},
	[VERB_FREE] = {verb_free, 3, ENTITY_BYTES},
	[VERB_ROOM] = {verb_room, CELL_KEY_LEAST, 9},
	[VERB_CELL] = {verb_cell, CELL_KEY_LEAST, CELL_HEADER},
	[VERB_CLAIM] = {verb_claim, CELL_KEY_LEAST, CELL_HEADER},
	[VERB_ISSUE] = {verb_issue, 8, 8},
	[VERB_META] = {verb_meta, 1, 0},
	[VERB_CELLS] = {verb_cells, 1, 0},
	[VERB_ROUND] = {verb_round, 1, 0},
	[VERB_VECTOR] = {verb_vector, 1, VECTOR_FRONT},
	[VERB_COLLECT] = {verb_collect, 16 + CELL_KEY_LEAST, 0},
	[VERB_TRIM] = {verb_trim, 8, 8},
	[VERB_IMAGE] = {verb_image, 1, 0},
	[VERB_ROWS] = {verb_rows, 1, 0},
	[VERB_SALVAGE] = {verb_salvage, CELL_KEY_LEAST, SALVAGE_FRONT + CELL_HEADER},
};

int merge(struct gw_store_tx *tx, uint64_t tag, const struct gw_store_op *op)
{
	(void)tag;
	if (op->version >= sizeof(verbs) / sizeof(verbs[0]) ||
	    op->key.n < verbs[op->version].key_least || op->val.n < verbs[op->version].val_least)
		return -EINVAL;
	return verbs[op->version].fn(tx, op);
}
