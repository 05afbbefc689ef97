/*
 * tests/unit/services_merge.c - the merge: the same cells in any order, in any grouping, more than
 * once, give the same tables, and those that a plain computation gives (latest version by rank,
 * clock, origin; a dead entity has nothing but its death).
 */
#include "modules/services/cell.h"
#include "tests/unit/services_rig.h"
#include <stdlib.h>

#define ROUNDS 200
#define CELLS 120
#define ORDERS 6

/* As the module's enum verb has it: the merge of a cell as it comes from elsewhere. */
#define MERGE_A_CELL 3
#define MERGE_CELLS 7

struct version {
	uint8_t key[83], row[128];
	size_t key_n, row_n;
};

static void put64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

/* A version of one of a few cells of a few entities, with one of a few stamps. A stamp decides on
 * the value, as it does in truth. */
static void draw_version(struct mini *mini, struct version *v)
{
	static const uint8_t classes[] = {'A', 'A', 'C', 'P'};
	static const uint8_t fields[] = {GW_F_CORE,   GW_F_CORE,    GW_F_CRED,
	                                 GW_F_NAME,   GW_F_NAME,    GW_F_CERTFP,
	                                 GW_F_ACCESS, GW_F_FOUNDER, 200};
	uint64_t clock = 1000 + mini_random(mini) % 40, origin = 1 + mini_random(mini) % 3;
	uint64_t fate = (clock * 7 + origin * 3) % 10;
	struct gw_parts value;
	uint8_t account[16] = {0};

	memset(v, 0, sizeof(*v));
	v->key[0] = classes[mini_random(mini) % 4];
	put64(v->key + 1, 1 + mini_random(mini) % 3);
	put64(v->key + 9, 77);
	v->key[18] = fields[mini_random(mini) % sizeof(fields)];
	v->key_n = 19;
	if (v->key[18] == GW_F_NAME) {
		v->key[v->key_n++] = mini_random(mini) % 4 == 0 ? 'm' : 'n';
		v->key[v->key_n++] = (uint8_t)('a' + mini_random(mini) % 3);
	} else if (v->key[18] == GW_F_CERTFP || v->key[18] == 200) {
		v->key[v->key_n++] = (uint8_t)('x' + mini_random(mini) % 2);
	} else if (v->key[18] == GW_F_ACCESS) {
		put64(v->key + v->key_n, 1 + mini_random(mini) % 2);
		put64(v->key + v->key_n + 8, 77);
		v->key_n += 16;
	}
	put64(v->row + 1, clock);
	put64(v->row + 9, origin);
	v->row_n = 17;
	if (fate < 3)
		v->row[0] = 1;
	if (v->key[18] == GW_F_CORE && fate == 0)
		v->row[0] = 3;
	if (v->row[0] != 0)
		return;
	if (v->key[18] == 200 && fate == 5)
		v->row[0] = 2; /* written once for all, like a revoked key */
	value = (struct gw_parts){.bytes = v->row + 17, .max = 100};
	if (v->key[18] == GW_F_FOUNDER || (v->key[0] == 'P' && v->key[18] == GW_F_CORE)) {
		if (v->key[18] == GW_F_CORE)
			gw_parts_text(&value, "");
		put64(account, 1 + clock % 2);
		gw_parts_add(&value, account, 16);
	} else if (fate != 9) { /* 9: a value without parts, which claims nothing */
		gw_parts_u64(&value, 500 + clock % 5);
		gw_parts_u64(&value, origin);
		gw_parts_text(&value, "Shown");
	}
	v->row_n += value.n;
}

static int rank_order(const struct version *a, const struct version *b)
{
	if ((a->row[0] & 2) != (b->row[0] & 2))
		return (a->row[0] & 2) - (b->row[0] & 2);
	return memcmp(a->row + 1, b->row + 1, 16);
}

static bool one_cell(const struct version *a, const struct version *b)
{
	return a->key_n == b->key_n && memcmp(a->key, b->key, a->key_n) == 0;
}

static bool dead(const struct version *all, size_t n, const uint8_t *entity)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(all[i].key, entity, 17) == 0 && all[i].key[18] == GW_F_CORE &&
		    all[i].row[0] == 3)
			return true;
	return false;
}

/* What must be there: the greatest version of each cell, and of dead entities the core only. */
static size_t reference(const struct version *all, size_t n, struct version *out)
{
	size_t kept = 0, j;

	for (size_t i = 0; i < n; i++) {
		if (all[i].key[18] != GW_F_CORE && dead(all, n, all[i].key))
			continue;
		for (j = 0; j < kept && !one_cell(&out[j], &all[i]); j++)
			continue;
		if (j == kept)
			out[kept++] = all[i];
		else if (rank_order(&out[j], &all[i]) < 0)
			out[j] = all[i];
	}
	return kept;
}

static void check_reference(struct rig *rig, const struct version *all, size_t n)
{
	struct version *expected = calloc(n, sizeof(*expected));
	struct dump cells = rig_dump(rig, T_CELL);
	size_t kept = reference(all, n, expected), found = 0;

	for (size_t i = 0; i < cells.n; i++) {
		const struct dump_row *r = &cells.rows[i];

		if (memchr("ACP", r->key[0], 3) == NULL)
			continue; /* of the network itself */
		found++;
		for (size_t j = 0; j <= kept; j++) {
			assert_true(j < kept);
			if (expected[j].key_n == r->key_n &&
			    memcmp(expected[j].key, r->key, r->key_n) == 0) {
				assert_int_equal(r->val_n, expected[j].row_n);
				assert_memory_equal(r->val, expected[j].row, r->val_n);
				break;
			}
		}
	}
	assert_int_equal(found, kept);
	dump_free(&cells);
	free(expected);
}

static void merge_in_order(struct rig *rig, const struct version *all, const size_t *order,
                           size_t n)
{
	struct gw_store_op ops[8];
	size_t n_ops = 0;

	for (size_t i = 0; i < n; i++) {
		const struct version *v = &all[order[i]];

		ops[n_ops++] = (struct gw_store_op){.kind = GW_STORE_MERGE,
		                                    .table = T_CELL,
		                                    .key = {v->key, v->key_n},
		                                    .val = {v->row, v->row_n},
		                                    .version = MERGE_A_CELL};
		if (i + 1 < n && n_ops < sizeof(ops) / sizeof(ops[0]) &&
		    mini_random(rig->mini) % 3 != 0)
			continue;
		assert_int_equal(GW_VIA(rig->store, gw_store_ops, commit, ops, n_ops, GW_STORE_DISK,
		                        (struct gw_call){0}),
		                 0);
		n_ops = 0;
	}
	mini_run(rig->mini, 10 * GW_SECOND);
}

static int key_order(const void *a, const void *b)
{
	const struct version *x = a, *y = b;
	int order = memcmp(x->key, y->key, x->key_n < y->key_n ? x->key_n : y->key_n);

	return order != 0 ? order : (int)x->key_n - (int)y->key_n;
}

/* Many at once, as a new server gets them: in a row of bytes, sorted by key or not. */
static void merge_in_rows(struct rig *rig, const struct version *all, const size_t *order, size_t n,
                          size_t row, bool sorted)
{
	static struct version picked[2 * CELLS];
	static uint8_t bytes[2 * CELLS * sizeof(struct version)];
	struct gw_store_op op = {
		.kind = GW_STORE_MERGE, .table = T_CELL, .key = {"+", 1}, .version = MERGE_CELLS};

	for (size_t i = 0; i < n; i++)
		picked[i] = all[order[i]];
	for (size_t at = 0, end; at < n; at = end) {
		end = at + row < n ? at + row : n;
		if (sorted)
			qsort(picked + at, end - at, sizeof(*picked), key_order);
		op.val = (struct gw_blob){bytes, 0};
		for (size_t i = at; i < end; i++)
			op.val.n = cells_put(bytes, op.val.n,
			                     (struct gw_blob){picked[i].key, picked[i].key_n},
			                     (struct gw_blob){picked[i].row, picked[i].row_n});
		assert_int_equal(GW_VIA(rig->store, gw_store_ops, commit, &op, 1, GW_STORE_DISK,
		                        (struct gw_call){0}),
		                 0);
	}
	mini_run(rig->mini, 10 * GW_SECOND);
}

static void merge_somehow(struct rig *rig, const struct version *all, const size_t *order, size_t n,
                          int how)
{
	if (how < 2)
		merge_in_order(rig, all, order, n);
	else
		merge_in_rows(rig, all, order, n, how < 4 ? 30 : 2 * CELLS, how % 2 == 0);
}

static void read_digest(struct rig *rig, uint8_t out[40])
{
	struct dump meta = rig_dump(rig, T_META);

	memcpy(out, dump_find(&meta, "live")->val, 40);
	dump_free(&meta);
}

static void any_order_gives_the_same_tables(void **state)
{
	static struct version all[CELLS];
	uint8_t digest[40], digest_now[40];
	struct dump first[4], now;
	size_t order[2 * CELLS];
	struct rig rig;
	char *folder;

	(void)state;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		struct mini *dice = mini_new("/nonexistent", round);

		for (size_t i = 0; i < CELLS; i++)
			draw_version(dice, &all[i]);
		for (int o = 0; o < ORDERS; o++) {
			for (size_t i = 0; i < 2 * CELLS;
			     i++) /* each at least once, half of them more often */
				order[i] = i < CELLS ? i : mini_random(dice) % CELLS;
			for (size_t i = 2 * CELLS; i > 1; i--) {
				size_t j = mini_random(dice) % i, was = order[i - 1];

				order[i - 1] = order[j];
				order[j] = was;
			}
			folder = mini_folder();
			rig_open(&rig, folder, true, round);
			merge_somehow(&rig, all, order, 2 * CELLS, o);
			check_reference(&rig, all, CELLS);
			rig_check(&rig);
			for (int t = 0; t < 4; t++) {
				now = rig_dump(&rig, (uint8_t[]){T_CELL, T_LOG, T_NAME, T_REF}[t]);
				if (o == 0) {
					first[t] = now;
				} else {
					assert_true(dump_same(&first[t], &now));
					dump_free(&now);
				}
			}
			read_digest(&rig, o == 0 ? digest : digest_now);
			assert_true(o == 0 || memcmp(digest, digest_now, sizeof(digest)) == 0);
			rig_close(&rig);
			mini_folder_remove(&folder);
		}
		for (int t = 0; t < 4; t++)
			dump_free(&first[t]);
		mini_free(&dice);
	}
}

static void damaged_cells_are_refused_whole(void **state)
{
	static const struct {
		const char *what;
		size_t at; /* byte of key + row that is changed */
		uint8_t to;
		size_t row_n;
	} damages[] = {
		{"class 0", 0, 0, 30},
		{"flags", 100, 4, 30},
		{"tombstone with a value", 100, 1, 30},
		{"no header", 100, 0, 16},
		{"final core", 100, 2, 30},
	};
	char *folder = mini_folder();
	struct dump before, after;
	struct rig rig;

	(void)state;
	rig_open(&rig, folder, true, 1);
	before = rig_dump(&rig, T_CELL);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		uint8_t bytes[200] = {'A', 0, 0, 0, 0, 0, 0, 0, 9,        0,
		                      0,   0, 0, 0, 0, 0, 9, 0, GW_F_CORE};
		struct gw_store_op op = {.kind = GW_STORE_MERGE,
		                         .table = T_CELL,
		                         .key = {bytes, 19},
		                         .val = {bytes + 100, damages[i].row_n},
		                         .version = MERGE_A_CELL};

		bytes[108] = 9;
		bytes[damages[i].at] = damages[i].to;
		assert_int_equal(GW_VIA(rig.store, gw_store_ops, commit, &op, 1, GW_STORE_DISK,
		                        (struct gw_call){0}),
		                 0);
		mini_run(rig.mini, GW_SECOND);
		after = rig_dump(&rig, T_CELL);
		if (!dump_same(&before, &after))
			fail_msg("%s was taken", damages[i].what);
		dump_free(&after);
	}
	dump_free(&before);
	rig_check(&rig);
	rig_close(&rig);
	mini_folder_remove(&folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_gives_the_same_tables),
		cmocka_unit_test(damaged_cells_are_refused_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
