/*
 * services/salvage.c - what only the database knew that was set aside when this server joined
 * again.
 *
 * Joining again deletes nothing, but what had reached nobody else is in the set-aside folder alone.
 * As soon as every member has acknowledged this server's new life, and so all that they have is
 * here, the log of the old database is read behind the network's vector. Given out anew, under new
 * stamps: entities that nobody has seen; newer versions of cells whose entity lives; deaths. All
 * else could bring back what was deleted: it stays in the folder, and is counted in the log.
 */
#include "members.h"
#include "merge.h"
#include "peer.h"
#include <errno.h>
#include <string.h>

#define LOOK (5 * GW_SECOND)
#define READ_BYTES ((size_t)256 << 10)
#define TX_CELLS 100
#define TX_BYTES ((size_t)48 << 10)
#define FRONT                                                                                      \
	SALVAGE_FRONT /* in front of a row: whether its entity is new; the stamp that it had */

/** Of the database that was set aside; freed when all is read. */
struct salvage {
	struct vector origins; /* and how far the old database knew them */
	struct gw_id network, old_network;
	size_t origin;                 /* at hand */
	uint8_t from[LOG_KEY_MAX + 1]; /* where the next slice of its log begins */
	size_t from_n;
	char identity[GW_STORE_IDENTITY];
	uint64_t found, given; /* cells */
	uint8_t *rows;         /* read, and not given out yet: as cells_put() has them */
	size_t rows_n, rows_at;
};

void salvage_drop(struct services_state *state)
{
	struct salvage *s = state->salvage;

	if (s == NULL)
		return;
	vector_free(state->self, &s->origins);
	gw_free(state->self, s->rows);
	gw_free(state->self, s);
	state->salvage = NULL;
	GW_VIA(state->store, gw_store_ops, close_old);
}

static int read_old(struct services_state *state, const struct gw_store_range *ranges, size_t n,
                    uint32_t row)
{
	return GW_VIA(state->store, gw_store_ops, read_old, ranges, n, READ_BYTES,
	              gw_call(state->self, row, 0));
}

/* Once per life: the folder that was looked at is noted. */
static void finish(struct services_state *state, const char *what)
{
	struct salvage *s = state->salvage;
	struct gw_store_op op = {.kind = GW_STORE_MERGE,
	                         .table = TABLE_META,
	                         .key = {"salvaged", 8},
	                         .val = {s->identity, strlen(s->identity)},
	                         .version = VERB_META};

	if (s->found > 0)
		gw_log(state->self, GW_WARN,
		       "%s found=%llu given-out-anew=%llu; what was not is in services.aside-* "
		       "only",
		       what, (unsigned long long)s->found, (unsigned long long)s->given);
	GW_VIA(state->store, gw_store_ops, commit, &op, 1, GW_STORE_DISK, (struct gw_call){0});
	salvage_drop(state);
}

/* --- when? --- */

void salvage_start(struct services_state *state)
{
	gw_timer_set(state->salvage_timer, state->self, LOOK);
}

void salvage_tick(void *state_, uint64_t tag)
{
	struct services_state *state = state_;
	struct gw_stamp life = {state->life.clock, state->life.origin};
	char away[64];
	struct gw_store_range meta = {.table = TABLE_META};

	(void)tag;
	if (state->membership != GW_MEMBER_FULL || state->salvage != NULL)
		return;
	if (!everywhere(state, life, away, sizeof(away)))
		salvage_start(state);
	else if (store_read(state, &meta, 1, READ_BYTES, CALL_SALVAGE_META, 0) != 0)
		salvage_start(state);
}

static bool was_looked_at(const struct gw_store_row *rows, size_t n, const char *identity)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].key.n == 8 && memcmp(rows[i].key.p, "salvaged", 8) == 0)
			return rows[i].val.n == strlen(identity) &&
			       memcmp(rows[i].val.p, identity, rows[i].val.n) == 0;
	return false;
}

/* Both databases' network and the old one's vector. */
void salvage_meta(void *state_, uint64_t tag, int status, const struct gw_store_row *rows, size_t n)
{
	const struct gw_store_range network = {
		.table = TABLE_CELL, .from = {"N", 1}, .to = {"O", 1}};
	struct services_state *state = state_;
	char identity[GW_STORE_IDENTITY];

	(void)tag;
	if (status < 0 || state->membership != GW_MEMBER_FULL || state->salvage != NULL ||
	    GW_VIA(state->store, gw_store_ops, open_old, identity) != 0)
		return;
	if (was_looked_at(rows, n, identity)) {
		GW_VIA(state->store, gw_store_ops, close_old);
		return;
	}
	state->salvage = gw_alloc(state->self, sizeof(*state->salvage));
	memcpy(state->salvage->identity, identity, sizeof(identity));
	if (store_read(state, &network, 1, 1, CALL_SALVAGE_NETWORK, 0) != 0)
		salvage_drop(state);
}

static struct gw_id network_of(const struct gw_store_row *row)
{
	struct cell cell;

	return cell_parse_key(row->key, &cell) == 0 ? cell.id : (struct gw_id){0, 0};
}

void salvage_network(void *state_, uint64_t tag, int status, const struct gw_store_row *rows,
                     size_t n)
{
	const struct gw_store_range ranges[] = {
		{.table = TABLE_VEC}, {.table = TABLE_CELL, .from = {"N", 1}, .to = {"O", 1}}};
	struct services_state *state = state_;
	struct salvage *s = state->salvage;

	(void)tag;
	if (s == NULL)
		return;
	if (status >= 0 && n > 0)
		s->network = network_of(&rows[0]);
	if (gw_id_none(s->network) || read_old(state, ranges, 2, CALL_SALVAGE_OLD) != 0)
		salvage_drop(state);
}

/* --- reading --- */

static void read_on(struct services_state *state)
{
	struct salvage *s = state->salvage;
	uint8_t end[8];
	struct gw_store_range range = {
		.table = TABLE_LOG, .index = 1, .of = TABLE_CELL, .skip = 16, .to = {end, 8}};
	const struct vector_entry *e;

	if (s->origin == s->origins.n) {
		finish(state, "the database that was set aside was looked through");
		return;
	}
	e = &s->origins.e[s->origin];
	if (s->from_n == 0) {
		put_u64(s->from, e->origin);
		put_u64(s->from + 8, vector_get(&state->vector, e->origin) + 1);
		s->from_n = 16;
	}
	range.from = (struct gw_blob){s->from, s->from_n};
	put_u64(end, e->origin + 1);
	if (e->origin == UINT64_MAX)
		range.to.n = 0;
	if (read_old(state, &range, 1, CALL_SALVAGE_ROWS) != 0)
		salvage_drop(state);
}

void salvage_old(void *state_, uint64_t tag, int status, const struct gw_store_row *rows, size_t n)
{
	struct services_state *state = state_;
	struct salvage *s = state->salvage;
	uint64_t origin, clock;

	(void)tag;
	if (s == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].table == TABLE_CELL) {
			s->old_network = network_of(&rows[i]);
			continue;
		}
		origin = get_u64(rows[i].key.p);
		clock = get_u64(rows[i].val.p);
		if (clock > vector_get(&state->vector, origin))
			vector_raise(state->self, &s->origins, origin, clock);
	}
	if (status < 0)
		salvage_drop(state);
	else if (!gw_id_is(s->network, s->old_network))
		finish(state, "the database that was set aside is another network's");
	else
		read_on(state);
}

/* --- giving out --- */

/* Whether nobody can have seen the entity: its first transaction is beyond what the network has. */
static bool is_new(struct services_state *state, const struct cell *cell)
{
	return cell->id.clock > vector_get(&state->vector, cell->id.origin);
}

/** A transaction in the making. */
struct batch {
	struct gw_stamp stamp;
	struct gw_store_op ops[TX_CELLS];
	size_t n, n_bytes;
	uint8_t bytes[TX_BYTES + ACK_VALUE_MAX + FRONT + CELL_KEY_MAX + CELL_HEADER];
};

static void batch_add(struct services_state *state, struct batch *b, const struct cell *cell)
{
	uint8_t *at = b->bytes + b->n_bytes;
	size_t n = FRONT + cell->row.n;

	at[0] = is_new(state, cell);
	put_u64(at + 1, cell->stamp.clock);
	put_u64(at + 9, cell->stamp.origin);
	cell_header(at + FRONT, cell->flags, b->stamp);
	memcpy(at + FRONT + CELL_HEADER, cell->value.p, cell->value.n);
	b->ops[b->n++] = (struct gw_store_op){.kind = GW_STORE_MERGE,
	                                      .table = TABLE_CELL,
	                                      .key = cell->key,
	                                      .val = {at, n},
	                                      .version = VERB_SALVAGE};
	b->n_bytes += n;
}

/* Servers and their lives are never given out anew: this one's old life is over. */
static bool is_wanted(const struct cell *cell)
{
	return cell->class != GW_CLASS_SERVER && cell->class != GW_CLASS_ORIGIN;
}

static void note_claim(struct services_state *state, const struct cell *cell)
{
	uint8_t name[NAME_PREFIX_MAX];
	size_t n = claim_prefix(name, cell->field, cell->sub);

	if (n > 0)
		find_claimed(state, (struct gw_blob){name, n});
}

/* False: none were left. */
static bool give_out(struct services_state *state)
{
	struct salvage *s = state->salvage;
	struct batch *b = gw_alloc(state->self, sizeof(*b));
	struct gw_blob left = {s->rows + s->rows_at, s->rows_n - s->rows_at};
	struct cell cell;
	int status = 0;

	b->stamp = (struct gw_stamp){gw_clock_next(state->self), state->origin};
	while (left.n > 0 && b->n < TX_CELLS && b->n_bytes < TX_BYTES &&
	       cells_next(&left, &cell) == 0) {
		if (!is_wanted(&cell))
			continue;
		batch_add(state, b, &cell);
		note_claim(state, &cell);
	}
	s->rows_at = s->rows_n - left.n;
	if (b->n > 0) {
		s->given += b->n;
		status = commit_stamped(state, NULL, 0, b->stamp, b->ops, b->n,
		                        gw_call(state->self, CALL_SALVAGE_GIVEN, 0));
		if (status != 0)
			salvage_drop(state);
	}
	status = b->n > 0;
	gw_free(state->self, b);
	return status != 0;
}

static void slice_over(struct services_state *state)
{
	struct salvage *s = state->salvage;

	gw_free(state->self, s->rows);
	s->rows = NULL;
	if (s->from_n == 0)
		s->origin++;
	read_on(state);
}

void salvage_rows(void *state_, uint64_t tag, int status, const struct gw_store_row *rows, size_t n)
{
	struct services_state *state = state_;
	struct salvage *s = state->salvage;
	size_t bytes = 0;
	struct cell cell;

	(void)tag;
	if (s == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		bytes += cells_bytes(rows[i].key, rows[i].val);
	s->rows = gw_alloc(state->self, bytes + 1);
	s->rows_n = s->rows_at = 0;
	for (size_t i = 0; i < n; i++)
		s->rows_n = cells_put(s->rows, s->rows_n, rows[i].key, rows[i].val);
	s->found += n;
	s->from_n = 0;
	if (status == GW_STORE_MORE && cell_parse(rows[n - 1].key, rows[n - 1].val, &cell) == 0) {
		put_u64(s->from, cell.stamp.origin);
		put_u64(s->from + 8, cell.stamp.clock);
		memcpy(s->from + 16, cell.key.p, cell.key.n);
		s->from_n = 16 + cell.key.n + 1;
		s->from[s->from_n - 1] = 0;
	}
	if (status < 0)
		salvage_drop(state);
	else if (!give_out(state) && state->salvage != NULL)
		slice_over(state);
}

/* Who keeps something of these entities looks again. */
static void announce(struct services_state *state, const uint8_t *rows, size_t n)
{
	struct gw_blob left = {rows, n};
	struct gw_services_change change = {.class = 0};
	struct cell cell;

	while (left.n > 0 && cells_next(&left, &cell) == 0) {
		if (!is_wanted(&cell) ||
		    (change.class == cell.class && gw_id_is(change.id, cell.id)))
			continue;
		change = (struct gw_services_change){
			.class = cell.class, .id = cell.id, .dead = cell_is_death(&cell)};
		gw_notify(state->self, state->changed, &change);
	}
}

void salvage_given(void *state_, uint64_t tag, int status, struct gw_id made)
{
	struct services_state *state = state_;
	struct salvage *s = state->salvage;

	(void)tag;
	(void)made;
	if (s == NULL)
		return;
	if (status != 0) {
		gw_log(state->self, GW_ERROR, "what was salvaged cannot be stored: %s",
		       strerror(-status));
		salvage_drop(state);
		return;
	}
	find_forget_all(state);
	announce(state, s->rows, s->rows_at);
	if (!give_out(state) && state->salvage != NULL)
		slice_over(state);
}

/* --- on the write lane --- */

int verb_salvage(struct gw_store_tx *tx, const struct gw_store_op *op)
{
	const uint8_t *val = op->val.p;
	const struct gw_stamp was = {get_u64(val + 1), get_u64(val + 9)};
	struct walk walk = {.tx = tx};
	struct gw_store_row row;
	struct cell cell, old;
	int status = cell_parse(op->key, (struct gw_blob){val + FRONT, op->val.n - FRONT}, &cell);

	if (status != 0)
		return status;
	if (!val[0]) {
		status = gw_tx_get(tx, TABLE_CELL, op->key, &row);
		if (status == -ENOENT)
			return 0;
		if (status == 0)
			status = cell_parse(row.key, row.val, &old);
		if (status != 0)
			return status;
		if (!cell_is_death(&cell) && gw_stamp_cmp(old.stamp, was) >= 0)
			return 0;
	}
	status = merge_cell(&walk, &cell);
	return status == 0 ? figures_write(&walk) : status;
}
