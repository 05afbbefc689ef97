/*
 * tests/unit/store.c - the interface "store" on LMDB: ranges, checks, versions, groups, what fails
 * and whom it takes along.
 */
#include "tests/unit/services_rig.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CALL_MERGE, CALL_DONE, CALL_ROWS };

#define T 3 /* a plain table */
#define TV (GW_STORE_VERSIONED + 1)
#define DONE_MAX 4096

struct told {
	uint64_t tag, commit;
	int status;
};

struct fixture {
	char *folder;
	struct mini *mini;
	struct gw_iface *store;
	struct gw_self *self;
	struct told told[DONE_MAX];
	size_t n_told;
	char rows[8192]; /* "key=value " for each */
	size_t n_rows;
	uint64_t version;
	int status;
	bool answered;
};

static void done(void *state, uint64_t tag, int status, uint64_t commit)
{
	struct fixture *f = state;

	assert_true(f->n_told < DONE_MAX);
	f->told[f->n_told++] = (struct told){tag, commit, status};
}

static void rows(void *state, uint64_t tag, int status, const struct gw_store_row *r, size_t n)
{
	struct fixture *f = state;
	size_t at = 0;

	(void)tag;
	assert_false(f->answered);
	f->answered = true;
	f->status = status;
	f->n_rows = n;
	f->rows[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		f->version = r[i].version;
		if (r[i].val.n < 64 && at < sizeof(f->rows) - 600)
			at += (size_t)snprintf(f->rows + at, sizeof(f->rows) - at, "%.*s=%.*s ",
			                       (int)r[i].key.n, (const char *)r[i].key.p,
			                       (int)r[i].val.n, (const char *)r[i].val.p);
	}
}

/* Puts key and value, and then fails if the value says so. */
static int put_and_perhaps_fail(struct gw_store_tx *tx, uint64_t tag, const struct gw_store_op *op)
{
	assert_int_equal(tag, 42);
	if (op->val.n == 7 && memcmp(op->val.p, "refused", 7) == 0)
		return -EPERM;
	if (gw_tx_put(tx, op->table, op->key, op->val, 0) != 0)
		return -ENOSPC;
	return op->val.n == 4 && memcmp(op->val.p, "fail", 4) == 0 ? -EDOM : 0;
}

static const struct gw_call_row calls[] = {
	[CALL_MERGE] = {"merge", (gw_fn *)put_and_perhaps_fail},
	[CALL_DONE] = {"done", (gw_fn *)done},
	[CALL_ROWS] = {"rows", (gw_fn *)rows},
};

static void begin(struct fixture *f, const char *map_size)
{
	f->mini = mini_new(f->folder, 0);
	if (map_size != NULL)
		mini_option(f->mini, "map-size", map_size);
	f->self = mini_test_self(f->mini, calls, 3, f);
	assert_int_equal(mini_load(f->mini, &store_LTX_gw_module), 0);
	f->store = mini_iface(f->mini, "store");
	GW_VIA(f->store, gw_store_ops, merge_by, gw_call(f->self, CALL_MERGE, 42));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->folder = mini_folder();
	begin(f, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mini_free(&f->mini);
	mini_folder_remove(&f->folder);
	free(f);
	return 0;
}

static struct gw_store_op op(enum gw_store_kind kind, uint8_t table, const char *key,
                             const char *val, uint64_t version)
{
	return (struct gw_store_op){.kind = (uint8_t)kind,
	                            .table = table,
	                            .key = rig_text(key),
	                            .val = rig_text(val),
	                            .version = version};
}

static int start(struct fixture *f, const struct gw_store_op *ops, size_t n, uint64_t tag)
{
	return GW_VIA(f->store, gw_store_ops, commit, ops, n, GW_STORE_DISK,
	              gw_call(f->self, CALL_DONE, tag));
}

/* Commits and waits. */
static int run(struct fixture *f, const struct gw_store_op *ops, size_t n)
{
	int status = start(f, ops, n, 0);
	size_t before = f->n_told;

	if (status != 0)
		return status;
	mini_run(f->mini, GW_MS);
	assert_int_equal(f->n_told, before + 1);
	return f->told[before].status;
}

static int put(struct fixture *f, uint8_t table, const char *key, const char *val)
{
	struct gw_store_op o = op(GW_STORE_PUT, table, key, val, 1);

	return run(f, &o, 1);
}

static const char *read_ranges(struct fixture *f, const struct gw_store_range *ranges, size_t n,
                               size_t max_bytes)
{
	f->answered = false;
	assert_int_equal(GW_VIA(f->store, gw_store_ops, read, ranges, n, max_bytes,
	                        gw_call(f->self, CALL_ROWS, 0)),
	                 0);
	assert_false(f->answered);
	mini_run(f->mini, GW_MS);
	assert_true(f->answered);
	return f->rows;
}

static const char *read_range(struct fixture *f, uint8_t table, const char *from, const char *to,
                              bool reverse)
{
	struct gw_store_range range = {
		.table = table, .reverse = reverse, .from = rig_text(from), .to = rig_text(to)};

	return read_ranges(f, &range, 1, 1 << 16);
}

static void ranges_are_read_in_order(void **state)
{
	struct fixture *f = *state;
	struct gw_store_range two[] = {{.table = T, .from = rig_text("b"), .to = rig_text("bb")},
	                               {.table = TV, .from = rig_text("x")}};

	for (const char *key = "a\0b\0ba\0bb\0c\0"; *key != '\0'; key += strlen(key) + 1)
		assert_int_equal(put(f, T, key, "1"), 0);
	assert_int_equal(put(f, TV, "x", "2"), 0);
	assert_int_equal(put(f, T, "ba", ""), 0);
	assert_string_equal(read_range(f, T, "", "", false), "a=1 b=1 ba= bb=1 c=1 ");
	assert_int_equal(f->status, 0);
	assert_string_equal(read_range(f, T, "b", "c", false), "b=1 ba= bb=1 ");
	assert_string_equal(read_range(f, T, "b", "c", true), "bb=1 ba= b=1 ");
	assert_string_equal(read_range(f, T, "", "", true), "c=1 bb=1 ba= b=1 a=1 ");
	assert_string_equal(read_range(f, T, "", "0", true), "");
	assert_string_equal(read_range(f, T, "d", "", true), "");
	assert_string_equal(read_range(f, T, "d", "", false), "");
	assert_string_equal(read_range(f, T, "", "zz", true), "c=1 bb=1 ba= b=1 a=1 ");
	assert_string_equal(read_range(f, 15, "", "", true), "");
	assert_string_equal(read_ranges(f, two, 2, 1000), "b=1 ba= x=2 ");
}

static void a_bound_ends_a_read_but_one_row_always_comes(void **state)
{
	struct fixture *f = *state;
	struct gw_store_range all = {.table = T};
	struct gw_store_op big = {.kind = GW_STORE_PUT, .table = T, .key = rig_text("big")};
	uint8_t *value = calloc(1, 300000);
	char key[16];

	for (int i = 0; i < 2000; i++) {
		struct gw_store_op o = op(GW_STORE_PUT, T, key, "a value of some length", 1);

		snprintf(key, sizeof(key), "k%04d", i);
		o.key = rig_text(key);
		assert_int_equal(start(f, &o, 1, 0), 0);
	}
	mini_run(f->mini, GW_MS);
	assert_int_equal(f->told[1999].commit,
	                 2); /* the first alone, all that waited meanwhile together */
	read_ranges(f, &all, 1, 1);
	assert_int_equal(f->n_rows, 1);
	assert_int_equal(f->status, GW_STORE_MORE);
	read_ranges(f, &all, 1, 20000);
	assert_in_range(f->n_rows, 300, 500);
	assert_int_equal(f->status, GW_STORE_MORE);
	read_ranges(f, &all, 1, 1 << 20);
	assert_int_equal(f->n_rows, 2000);
	assert_int_equal(f->status, 0);
	big.val = (struct gw_blob){value, 300000};
	assert_int_equal(run(f, &big, 1), 0);
	read_ranges(f, &all, 1, 100);
	assert_int_equal(f->n_rows, 1);
	assert_int_equal(f->status, GW_STORE_MORE);
	free(value);
}

static void checks_compare_versions(void **state)
{
	struct fixture *f = *state;
	struct gw_store_op o[2] = {op(GW_STORE_CHECK, TV, "k", "", 0),
	                           op(GW_STORE_PUT, TV, "k", "one", 7)};

	assert_int_equal(run(f, o, 2), 0);
	assert_int_equal(run(f, o, 2), -ESTALE);
	o[0].version = 7;
	o[1] = op(GW_STORE_PUT, TV, "k", "two", 9);
	assert_int_equal(run(f, o, 2), 0);
	assert_string_equal(read_range(f, TV, "", "", false), "k=two ");
	assert_int_equal(f->version, 9);
	o[0] = op(GW_STORE_EMPTY, TV, "k", "", 0);
	o[1] = op(GW_STORE_PUT, TV, "k2", "three", 1);
	assert_int_equal(run(f, o, 2), -ESTALE);
	o[0].key = rig_text("kk");
	assert_int_equal(run(f, o, 2), 0);
	o[0] = op(GW_STORE_CHECK, T, "plain", "", 1);
	assert_int_equal(run(f, o, 1), -ESTALE);
	assert_int_equal(put(f, T, "plain", "x"), 0);
	assert_int_equal(run(f, o, 1), 0); /* a plain table only knows: there, or not there */
	o[0] = op(GW_STORE_DEL, T, "plain", "", 0);
	assert_int_equal(run(f, o, 1), 0);
	assert_int_equal(run(f, o, 1), 0);
	assert_string_equal(read_range(f, T, "", "", false), "");
}

static void a_batch_that_fails_undoes_nobody_else(void **state)
{
	struct fixture *f = *state;
	struct gw_store_op good = op(GW_STORE_PUT, T, "before", "1", 0),
			   good2 = op(GW_STORE_MERGE, T, "behind", "2", 0);
	struct gw_store_op stale[2] = {op(GW_STORE_CHECK, T, "nothing", "", 5),
	                               op(GW_STORE_PUT, T, "stale", "x", 0)};
	struct gw_store_op clean = op(GW_STORE_MERGE, T, "clean", "refused", 0);
	struct gw_store_op half[2] = {op(GW_STORE_PUT, T, "half", "x", 0),
	                              op(GW_STORE_MERGE, T, "other", "fail", 0)};

	for (int with_half = 0; with_half < 2; with_half++) {
		f->n_told = 0;
		assert_int_equal(start(f, &good, 1, 0),
		                 0); /* this one has the write lane, the rest makes a group */
		assert_int_equal(start(f, &good, 1, 1), 0);
		assert_int_equal(start(f, stale, 2, 2), 0);
		assert_int_equal(start(f, &clean, 1, 3), 0);
		assert_int_equal(start(f, with_half ? half : &good, with_half ? 2 : 1, 4), 0);
		assert_int_equal(start(f, &good2, 1, 5), 0);
		mini_run(f->mini, GW_MS);
		assert_int_equal(f->n_told, 6);
		for (uint64_t i = 0; i < 6; i++) {
			assert_int_equal(f->told[i].tag, i); /* in the order of commits */
			assert_true(i < 1 || f->told[i].commit == f->told[1].commit);
		}
		assert_int_equal(f->told[1].status, 0);
		assert_int_equal(f->told[2].status, -ESTALE);
		assert_int_equal(f->told[3].status, -EPERM);
		assert_int_equal(f->told[4].status, with_half ? -EDOM : 0);
		assert_int_equal(f->told[5].status, 0);
		assert_string_equal(read_range(f, T, "", "", false), "before=1 behind=2 ");
	}
}

static void what_is_out_of_bounds_is_refused_at_once(void **state)
{
	struct fixture *f = *state;
	char key[GW_STORE_KEY_MAX + 2];
	struct gw_store_op o = {.kind = GW_STORE_PUT, .table = T};
	struct gw_store_range range = {.table = GW_STORE_TABLES};

	memset(key, 'k', sizeof(key));
	assert_int_equal(start(f, &o, 1, 0), -EINVAL);
	o.key = (struct gw_blob){key, GW_STORE_KEY_MAX + 1};
	assert_int_equal(start(f, &o, 1, 0), -EINVAL);
	o.key.n = GW_STORE_KEY_MAX;
	assert_int_equal(run(f, &o, 1), 0);
	o.table = GW_STORE_TABLES;
	assert_int_equal(start(f, &o, 1, 0), -EINVAL);
	assert_int_equal(start(f, &o, 0, 0), -EINVAL);
	assert_int_equal(GW_VIA(f->store, gw_store_ops, read, &range, 1, 100,
	                        gw_call(f->self, CALL_ROWS, 0)),
	                 -EINVAL);
}

static void callers_are_told_to_hold_back(void **state)
{
	struct fixture *f = *state;
	struct gw_store_op o = {.kind = GW_STORE_PUT, .table = T, .key = rig_text("k")};
	uint8_t *value = calloc(1, 1 << 20);
	int n = 0;

	o.val = (struct gw_blob){value, 1 << 20};
	while (start(f, &o, 1, 0) == 0)
		n++;
	assert_int_equal(start(f, &o, 1, 0), -EAGAIN);
	assert_in_range(n, 60, 64);
	assert_true(GW_VIA(f->store, gw_store_ops, pending) > 60 << 20);
	mini_run(f->mini, GW_MS);
	assert_int_equal(f->n_told, n);
	assert_int_equal(GW_VIA(f->store, gw_store_ops, pending), 0);
	free(value);
}

static void a_full_map_undoes_the_batch_and_keeps_the_rest(void **state)
{
	struct fixture *f = *state;
	struct gw_store_op two[2];
	char key[16], *value = calloc(1, 40001);
	uint64_t bytes, limit;
	int status = 0, n = 0;

	mini_free(&f->mini);
	begin(f, "1m");
	memset(value, 'v', 40000);
	for (; status == 0 && n < 100; n++) {
		snprintf(key, sizeof(key), "k%02d", n);
		two[0] = op(GW_STORE_PUT, T, key, "first half", 0);
		two[1] = op(GW_STORE_PUT, TV, key, value, 3);
		status = run(f, two, 2);
	}
	assert_int_equal(status, -ENOSPC);
	read_range(f, T, "", "", false);
	assert_int_equal(f->n_rows, n - 1);
	two[0] = op(GW_STORE_DEL, TV, "k00", "", 0);
	two[1] = op(GW_STORE_DEL, TV, "k01", "", 0);
	assert_int_equal(run(f, two, 2), 0); /* deleting makes room again */
	two[0] = op(GW_STORE_PUT, T, "small", "one", 0);
	assert_int_equal(run(f, two, 1), 0);
	GW_VIA(f->store, gw_store_ops, usage, &bytes, &limit);
	assert_int_equal(limit, 1 << 20);
	assert_in_range(bytes, 1 << 19, 1 << 20);
	free(value);
}

static void a_wipe_sets_the_data_aside(void **state)
{
	struct fixture *f = *state;
	char path[600], before[GW_STORE_IDENTITY], after[GW_STORE_IDENTITY];

	GW_VIA(f->store, gw_store_ops, identity, before);
	assert_int_equal(put(f, T, "old", "1"), 0);
	assert_int_equal(GW_VIA(f->store, gw_store_ops, wipe, gw_call(f->self, CALL_DONE, 9)), 0);
	assert_int_equal(GW_VIA(f->store, gw_store_ops, wipe, gw_call(f->self, CALL_DONE, 9)),
	                 -EBUSY);
	assert_int_equal(start(f,
	                       &(struct gw_store_op){
				       .kind = GW_STORE_PUT, .table = T, .key = rig_text("new")},
	                       1, 1),
	                 0);
	f->n_told = 0;
	mini_run(f->mini, GW_MS);
	assert_int_equal(f->n_told, 2);
	assert_int_equal(f->told[0].tag, 9);
	assert_int_equal(f->told[0].status, 0);
	assert_string_equal(read_range(f, T, "", "", false), "new= ");
	GW_VIA(f->store, gw_store_ops, identity, after);
	assert_string_not_equal(before, after);
	snprintf(path, sizeof(path), "%s/services.aside-1/data.mdb", f->folder);
	assert_int_equal(access(path, F_OK), 0);
}

static void what_is_discarded_is_gone(void **state)
{
	struct fixture *f = *state;
	char path[600];

	assert_int_equal(put(f, T, "old", "1"), 0);
	f->n_told = 0;
	for (uint64_t i = 0; i < 2; i++) {
		assert_int_equal(
			GW_VIA(f->store, gw_store_ops, discard, gw_call(f->self, CALL_DONE, i)), 0);
		mini_run(f->mini, GW_MS);
		assert_int_equal(f->n_told, i + 1);
		assert_int_equal(f->told[i].status, 0);
	}
	assert_string_equal(read_range(f, T, "", "", false), "");
	snprintf(path, sizeof(path), "%s/services.discarded", f->folder);
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/services.aside-1", f->folder);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(put(f, T, "new", "1"), 0);
}

static void a_backup_is_a_database(void **state)
{
	struct fixture *f = *state;
	char path[600], data[700], copy[600];
	struct stat st;

	assert_int_equal(put(f, TV, "kept", "1"), 0);
	snprintf(path, sizeof(path), "%s/copy", f->folder);
	snprintf(copy, sizeof(copy), "%s/copy/services", f->folder);
	snprintf(data, sizeof(data), "%s/data.mdb", copy);
	assert_int_equal(mkdir(path, 0700), 0);
	f->n_told = 0;
	assert_int_equal(
		GW_VIA(f->store, gw_store_ops, backup, copy, gw_call(f->self, CALL_DONE, 5)), 0);
	mini_run(f->mini, GW_MS);
	assert_int_equal(f->told[0].status, 0);
	assert_int_equal(
		GW_VIA(f->store, gw_store_ops, backup, copy, gw_call(f->self, CALL_DONE, 5)), 0);
	mini_run(f->mini, GW_MS);
	assert_int_equal(f->told[1].status, -EEXIST);
	assert_int_equal(stat(data, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	mini_free(&f->mini);
	free(f->folder);
	f->folder = strdup(path);
	begin(f, NULL);
	assert_string_equal(read_range(f, TV, "", "", false), "kept=1 ");
	mini_free(&f->mini);
	*strrchr(f->folder, '/') = '\0';
	begin(f, NULL);
}

static void an_unload_with_jobs_under_way_is_clean(void **state)
{
	struct fixture *f = *state;
	struct gw_store_range all = {.table = T};
	struct gw_store_op o = op(GW_STORE_PUT, T, "k", "v", 0);

	for (int i = 0; i < 50; i++) {
		assert_int_equal(start(f, &o, 1, 0), 0);
		assert_int_equal(
			GW_VIA(f->store, gw_store_ops, read, &all, 1, 100, (struct gw_call){0}), 0);
	}
	mini_step(f->mini);
	mini_unload(f->mini, "store");
	mini_run(f->mini, GW_MS);
	assert_int_equal(f->n_told, 0);
	mini_free(&f->mini);
	begin(f, NULL); /* the last job has closed the database */
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
	struct fixture *f = *state;
	struct mini *other = mini_new("/proc/nowhere", 0);

	(void)f;
	assert_true(mini_load(other, &store_LTX_gw_module) < 0);
	mini_free(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranges_are_read_in_order),
		TEST(a_bound_ends_a_read_but_one_row_always_comes),
		TEST(checks_compare_versions),
		TEST(a_batch_that_fails_undoes_nobody_else),
		TEST(what_is_out_of_bounds_is_refused_at_once),
		TEST(callers_are_told_to_hold_back),
		TEST(a_full_map_undoes_the_batch_and_keeps_the_rest),
		TEST(a_wipe_sets_the_data_aside),
		TEST(what_is_discarded_is_gone),
		TEST(a_backup_is_a_database),
		TEST(an_unload_with_jobs_under_way_is_clean),
		TEST(a_folder_that_cannot_be_made_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
