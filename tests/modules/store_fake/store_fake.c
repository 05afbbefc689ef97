/*
 * tests/modules/store_fake/store_fake.c - the interface "store" on memory and a log, for the
 * simulator: whoever ends a server without more ado has cut its power.
 *
 * What was not "synced" is forgotten: a group of batches is taken, after a while merged and
 * appended to a file in one go (the sync), and after another while acknowledged. So at any moment
 * there are writes that are neither durable nor acknowledged, and writes that are durable but not
 * yet acknowledged. The tables live in memory and are read back from the file at the start. Delays
 * come from the loop's random source. The merge function is the same that runs on the real store.
 *
 * Option `room`: bytes that the tables may take; beyond it batches are refused with -ENOSPC. Option
 * `early`: batches are acknowledged before they are durable, for tests that must notice it.
 */
#include <errno.h>
#include <fcntl.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <godwit/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#define DELAY_MAX_NS (8 * GW_MS)
#define GROUP_MAX 32

enum { CALL_SYNC, CALL_READ };

struct row {
	uint64_t version;
	size_t key_n, val_n;
	uint8_t bytes[];
};

struct table {
	struct row **rows; /* in order of keys */
	size_t n, room;
};

/** What a batch has changed: the row that was there, to be put back. */
struct undo {
	struct undo *next;
	uint8_t table;
	struct row *old; /* NULL: none */
	size_t key_n;
	uint8_t key[GW_STORE_KEY_MAX];
};

struct batch {
	struct batch *prev, *next;
	struct gw_call done;
	int status;
	bool empties; /* all tables, in place of its operations */
	size_t n;
	struct gw_store_op *ops;
	uint8_t *log; /* its record, once it is merged; NULL: nothing was changed */
	size_t log_n;
};

struct read {
	struct read *prev, *next;
	struct gw_call rows;
	size_t n, max_bytes;
	struct gw_store_range *ranges;
};

struct fake {
	struct gw_self *self;
	struct gw_call merge;
	struct table tables[GW_STORE_TABLES];
	size_t bytes, room;
	bool early;
	struct batch *queue, *taken, *synced;
	struct read *reads;
	struct gw_timer *timer; /* of the disk */
	struct gw_timer *reader;
	uint64_t commits;
	char path[1024];
};

struct tx {
	struct gw_store_tx pub; /* first */
	struct fake *fake;
	struct undo *undo;
};

static const struct gw_store_ops fake_ops;

/* --- tables --- */

static int compare(const void *a, size_t a_n, const void *b, size_t b_n)
{
	size_t n = a_n < b_n ? a_n : b_n;
	int order = n > 0 ? memcmp(a, b, n) : 0;

	return order != 0 ? order : (a_n > b_n) - (a_n < b_n);
}

/* The first row whose key is not below. */
static size_t seek(const struct table *t, const void *key, size_t n)
{
	size_t from = 0, to = t->n, mid;

	while (from < to) {
		mid = (from + to) / 2;
		if (compare(t->rows[mid]->bytes, t->rows[mid]->key_n, key, n) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool holds(const struct table *t, size_t at, const void *key, size_t n)
{
	return at < t->n && compare(t->rows[at]->bytes, t->rows[at]->key_n, key, n) == 0;
}

static struct row *row_new(struct gw_self *self, struct gw_blob key, struct gw_blob val,
                           uint64_t version)
{
	struct row *row = gw_alloc(self, sizeof(*row) + key.n + val.n);

	row->version = version;
	row->key_n = key.n;
	row->val_n = val.n;
	memcpy(row->bytes, key.p, key.n);
	if (val.n > 0)
		memcpy(row->bytes + key.n, val.p, val.n);
	return row;
}

/* Puts `row` (NULL: nothing) in the place of `key` and returns what was there. */
static struct row *swap(struct fake *fake, uint8_t table, const void *key, size_t n,
                        struct row *row)
{
	struct table *t = &fake->tables[table];
	size_t at = seek(t, key, n);
	struct row *old = NULL;

	if (holds(t, at, key, n)) {
		old = t->rows[at];
		fake->bytes -= old->key_n + old->val_n;
		memmove(t->rows + at, t->rows + at + 1, (--t->n - at) * sizeof(*t->rows));
	}
	if (row == NULL)
		return old;
	if (t->n == t->room) {
		t->room = t->room * 2 + 64;
		t->rows = gw_resize(fake->self, t->rows, t->room * sizeof(*t->rows));
	}
	memmove(t->rows + at + 1, t->rows + at, (t->n++ - at) * sizeof(*t->rows));
	t->rows[at] = row;
	fake->bytes += row->key_n + row->val_n;
	return old;
}

static void row_open(uint8_t table, const struct row *row, struct gw_store_row *out)
{
	*out = (struct gw_store_row){.table = table,
	                             .key = {row->bytes, row->key_n},
	                             .val = {row->bytes + row->key_n, row->val_n},
	                             .version = table < GW_STORE_VERSIONED ? 1 : row->version};
}

/* --- transactions --- */

static struct tx *tx_of(struct gw_store_tx *pub)
{
	return (struct tx *)pub;
}

static void change(struct tx *tx, uint8_t table, struct gw_blob key, struct row *row)
{
	struct undo *undo = gw_alloc(tx->fake->self, sizeof(*undo));

	undo->table = table;
	undo->key_n = key.n;
	memcpy(undo->key, key.p, key.n);
	undo->old = swap(tx->fake, table, undo->key, key.n, row);
	LL_PREPEND(tx->undo, undo);
}

static int tx_get(struct gw_store_tx *pub, uint8_t table, struct gw_blob key,
                  struct gw_store_row *out)
{
	const struct table *t = &tx_of(pub)->fake->tables[table];
	size_t at = seek(t, key.p, key.n);

	if (!holds(t, at, key.p, key.n))
		return -ENOENT;
	row_open(table, t->rows[at], out);
	return 0;
}

static int tx_put(struct gw_store_tx *pub, uint8_t table, struct gw_blob key, struct gw_blob val,
                  uint64_t version)
{
	struct fake *fake = tx_of(pub)->fake;

	if (fake->room > 0 && fake->bytes + key.n + val.n > fake->room)
		return -ENOSPC;
	change(tx_of(pub), table, key, row_new(fake->self, key, val, version));
	return 0;
}

static int tx_del(struct gw_store_tx *pub, uint8_t table, struct gw_blob key)
{
	change(tx_of(pub), table, key, NULL);
	return 0;
}

static int tx_next(struct gw_store_tx *pub, uint8_t table, struct gw_blob after,
                   struct gw_blob prefix, struct gw_store_row *out)
{
	const struct table *t = &tx_of(pub)->fake->tables[table];
	size_t at;

	if (after.n > 0 && compare(after.p, after.n, prefix.p, prefix.n) >= 0) {
		at = seek(t, after.p, after.n);
		at += holds(t, at, after.p, after.n);
	} else {
		at = seek(t, prefix.p, prefix.n);
	}
	if (at >= t->n || t->rows[at]->key_n < prefix.n ||
	    (prefix.n > 0 && memcmp(t->rows[at]->bytes, prefix.p, prefix.n) != 0))
		return -ENOENT;
	row_open(table, t->rows[at], out);
	return 0;
}

static int run_check(struct tx *tx, const struct gw_store_op *op)
{
	struct gw_store_row row = {.version = 0};

	tx_get(&tx->pub, op->table, op->key, &row);
	return row.version == op->version ? 0 : -ESTALE;
}

static void run_empty(struct tx *tx)
{
	struct table *t;

	for (uint8_t i = 0; i < GW_STORE_TABLES; i++) {
		t = &tx->fake->tables[i];
		while (t->n > 0)
			change(tx, i,
			       (struct gw_blob){t->rows[t->n - 1]->bytes, t->rows[t->n - 1]->key_n},
			       NULL);
	}
}

static int run_op(struct tx *tx, const struct gw_store_op *op)
{
	gw_store_merge_fn *merge = (gw_store_merge_fn *)gw_call_fn(tx->fake->merge);
	struct gw_store_row row;

	switch (op->kind) {
	case GW_STORE_CHECK:
		return run_check(tx, op);
	case GW_STORE_EMPTY:
		return tx_next(&tx->pub, op->table, (struct gw_blob){NULL, 0}, op->key, &row) == 0
		               ? -ESTALE
		               : 0;
	case GW_STORE_PUT:
		return tx_put(&tx->pub, op->table, op->key, op->val, op->version);
	case GW_STORE_DEL:
		return tx_del(&tx->pub, op->table, op->key);
	default:
		return merge == NULL ? -EINVAL : merge(&tx->pub, tx->fake->merge.tag, op);
	}
}

/* --- the log --- */

struct record {
	uint32_t bytes; /* of what follows */
};

struct entry {
	uint64_t version;
	uint32_t val_n;
	uint16_t key_n;
	uint8_t table, deleted;
};

/* What the batch has changed, as it is now. */
static void record(struct fake *fake, struct batch *batch, const struct undo *changes)
{
	const struct undo *u;
	uint8_t *bytes = NULL;
	size_t n = sizeof(struct record);

	LL_FOREACH (changes, u) {
		const struct table *t = &fake->tables[u->table];
		size_t at = seek(t, u->key, u->key_n);
		struct entry e = {.key_n = (uint16_t)u->key_n, .table = u->table, .deleted = 1};
		const uint8_t *val = NULL;

		if (holds(t, at, u->key, u->key_n)) {
			e.deleted = 0;
			e.version = t->rows[at]->version;
			e.val_n = (uint32_t)t->rows[at]->val_n;
			val = t->rows[at]->bytes + u->key_n;
		}
		bytes = gw_resize(fake->self, bytes, n + sizeof(e) + e.key_n + e.val_n);
		memcpy(bytes + n, &e, sizeof(e));
		memcpy(bytes + n + sizeof(e), u->key, e.key_n);
		if (e.val_n > 0)
			memcpy(bytes + n + sizeof(e) + e.key_n, val, e.val_n);
		n += sizeof(e) + e.key_n + e.val_n;
	}
	if (bytes == NULL)
		return;
	*(struct record *)(void *)bytes = (struct record){(uint32_t)(n - sizeof(struct record))};
	batch->log = bytes;
	batch->log_n = n;
}

/* In one write. The file held open would outlive a power cut. */
static void append(struct fake *fake, const struct batch *batch)
{
	int log;

	if (batch->log == NULL)
		return;
	log = open(fake->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (log < 0 || write(log, batch->log, batch->log_n) != (ssize_t)batch->log_n)
		abort();
	close(log);
}

static void replay_record(struct fake *fake, const uint8_t *at, const uint8_t *end)
{
	struct entry e;
	struct row *old, *row;

	while (at < end) {
		memcpy(&e, at, sizeof(e));
		at += sizeof(e);
		row = e.deleted ? NULL
		                : row_new(fake->self, (struct gw_blob){at, e.key_n},
		                          (struct gw_blob){at + e.key_n, e.val_n}, e.version);
		old = swap(fake, e.table, at, e.key_n, row);
		gw_free(fake->self, old);
		at += e.key_n + e.val_n;
	}
}

static void replay(struct fake *fake, int log)
{
	off_t size = lseek(log, 0, SEEK_END);
	uint8_t *bytes = gw_alloc(fake->self, (size_t)size + 1), *at = bytes;
	struct record record;

	if (pread(log, bytes, (size_t)size, 0) != size)
		abort();
	while (at < bytes + size) {
		memcpy(&record, at, sizeof(record));
		at += sizeof(record);
		replay_record(fake, at, at + record.bytes);
		at += record.bytes;
	}
	gw_free(fake->self, bytes);
}

/* --- the disk --- */

static int64_t delay(struct fake *fake)
{
	return (int64_t)(gw_random_u64(fake->self) % (uint64_t)DELAY_MAX_NS);
}

static void batch_run(struct fake *fake, struct batch *batch)
{
	struct tx tx = {.pub.ops = &fake_ops, .fake = fake};
	struct undo *u, *next;

	batch->status = 0;
	if (batch->empties)
		run_empty(&tx);
	for (size_t i = 0; i < batch->n && batch->status == 0; i++)
		batch->status = run_op(&tx, &batch->ops[i]);
	if (batch->status == 0)
		record(fake, batch, tx.undo);
	LL_FOREACH_SAFE (tx.undo, u, next) {
		if (batch->status != 0)
			gw_free(fake->self, swap(fake, u->table, u->key, u->key_n, u->old));
		else
			gw_free(fake->self, u->old);
		gw_free(fake->self, u);
	}
}

static void batch_free(struct fake *fake, struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		if (batch->ops[i].file > 0)
			close(batch->ops[i].file);
	gw_free(fake->self, batch->ops);
	gw_free(fake->self, batch->log);
	gw_free(fake->self, batch);
}

/* Takes what waits; it is merged and durable after a while. */
static void take(struct fake *fake)
{
	struct batch *batch;

	for (int i = 0; i < GROUP_MAX && (batch = fake->queue) != NULL; i++) {
		DL_DELETE(fake->queue, batch);
		DL_APPEND(fake->taken, batch);
	}
	gw_timer_set(fake->timer, fake->self, delay(fake));
}

static void report(struct fake *fake, const struct batch *batch)
{
	gw_store_done_fn *fn = (gw_store_done_fn *)gw_call_fn(batch->done);

	if (fn != NULL)
		fn(batch->done.module->state, batch->done.tag, batch->status, fake->commits);
}

/* The second half of a group's way. */
static void finish(struct fake *fake)
{
	struct batch *batch;

	while ((batch = fake->synced) != NULL) {
		DL_DELETE(fake->synced, batch);
		if (fake->early)
			append(fake, batch);
		else
			report(fake, batch);
		batch_free(fake, batch);
	}
	if (fake->queue != NULL)
		take(fake);
}

static void sync_now(void *state, uint64_t tag)
{
	struct fake *fake = state;
	struct batch *batch;

	(void)tag;
	if (fake->synced != NULL) {
		finish(fake);
		return;
	}
	DL_FOREACH (fake->taken, batch) {
		batch_run(fake, batch);
		if (!fake->early)
			append(fake, batch);
	}
	fake->commits++;
	fake->synced = fake->taken;
	fake->taken = NULL;
	gw_timer_set(fake->timer, fake->self, delay(fake));
	if (fake->early)
		DL_FOREACH (fake->synced, batch)
			report(fake, batch);
}

/* --- the interface --- */

static unsigned fake_caps(void *store)
{
	(void)store;
	return GW_STORE_LOCAL | GW_STORE_MERGES;
}

static int fake_merge_by(void *store, struct gw_call merge)
{
	((struct fake *)store)->merge = merge;
	return 0;
}

static void *copy(uint8_t **at, struct gw_blob blob)
{
	void *to = *at;

	if (blob.n > 0)
		memcpy(to, blob.p, blob.n);
	*at += blob.n;
	return to;
}

static void enqueue(struct fake *fake, struct batch *batch)
{
	bool idle = fake->queue == NULL && fake->taken == NULL && fake->synced == NULL;

	DL_APPEND(fake->queue, batch);
	if (idle)
		take(fake);
}

static int fake_commit(void *store, const struct gw_store_op *ops, size_t n,
                       enum gw_store_durable durable, struct gw_call done)
{
	struct fake *fake = store;
	struct batch *batch = gw_alloc(fake->self, sizeof(*batch));
	size_t bytes = n * sizeof(*ops);
	uint8_t *at;

	(void)durable;
	for (size_t i = 0; i < n; i++)
		bytes += ops[i].key.n + ops[i].val.n;
	batch->ops = gw_alloc(fake->self, bytes);
	batch->n = n;
	batch->done = done;
	at = (uint8_t *)(batch->ops + n);
	for (size_t i = 0; i < n; i++) {
		batch->ops[i] = ops[i];
		batch->ops[i].key.p = copy(&at, ops[i].key);
		batch->ops[i].val.p = copy(&at, ops[i].val);
		if (ops[i].file > 0)
			batch->ops[i].file = fcntl(ops[i].file, F_DUPFD_CLOEXEC, 3);
	}
	enqueue(fake, batch);
	return 0;
}

static int fake_read(void *store, const struct gw_store_range *ranges, size_t n, size_t max_bytes,
                     struct gw_call rows)
{
	struct fake *fake = store;
	struct read *read = gw_alloc(fake->self, sizeof(*read));
	size_t bytes = n * sizeof(*ranges);
	uint8_t *at;

	for (size_t i = 0; i < n; i++)
		bytes += ranges[i].from.n + ranges[i].to.n;
	read->ranges = gw_alloc(fake->self, bytes);
	read->n = n;
	read->max_bytes = max_bytes;
	read->rows = rows;
	at = (uint8_t *)(read->ranges + n);
	for (size_t i = 0; i < n; i++) {
		read->ranges[i] = ranges[i];
		read->ranges[i].from.p = copy(&at, ranges[i].from);
		read->ranges[i].to.p = copy(&at, ranges[i].to);
	}
	if (fake->reads == NULL)
		gw_timer_set(fake->reader, fake->self, delay(fake) / 4);
	DL_APPEND(fake->reads, read);
	return 0;
}

struct answer {
	struct gw_store_row *rows;
	size_t n, bytes;
};

static bool add(struct fake *fake, struct answer *a, uint8_t table, const struct row *row,
                size_t max_bytes)
{
	size_t bytes = row->key_n + row->val_n + 16;

	if (a->n > 0 && a->bytes + bytes > max_bytes)
		return false;
	a->bytes += bytes;
	a->rows = gw_resize(fake->self, a->rows, (a->n + 1) * sizeof(*a->rows));
	row_open(table, row, &a->rows[a->n++]);
	return true;
}

/* What a row of an index points to. */
static const struct row *row_of(struct fake *fake, const struct gw_store_range *range,
                                const struct row *row)
{
	const struct table *t = &fake->tables[range->of];
	const uint8_t *key = row->bytes + range->skip;
	size_t n = row->key_n - range->skip, at = seek(t, key, n);

	if (!holds(t, at, key, n))
		abort();
	return t->rows[at];
}

/* False when the bound was reached. */
static bool read_range(struct fake *fake, const struct gw_store_range *range, size_t max_bytes,
                       struct answer *a)
{
	const struct table *t = &fake->tables[range->table];
	size_t from = seek(t, range->from.p, range->from.n);
	size_t to = range->to.n > 0 ? seek(t, range->to.p, range->to.n) : t->n;

	for (size_t i = from; i < to; i++) {
		const struct row *row = t->rows[range->reverse ? to - 1 - (i - from) : i];

		if (range->index)
			row = row_of(fake, range, row);
		if (!add(fake, a, range->index ? range->of : range->table, row, max_bytes))
			return false;
	}
	return true;
}

static void read_now(void *state, uint64_t tag)
{
	struct fake *fake = state;
	struct read *read = fake->reads;
	gw_store_rows_fn *fn = (gw_store_rows_fn *)gw_call_fn(read->rows);
	struct answer a = {0};
	bool all = true;

	(void)tag;
	DL_DELETE(fake->reads, read);
	if (fake->reads != NULL)
		gw_timer_set(fake->reader, fake->self, delay(fake) / 4);
	for (size_t i = 0; i < read->n && all; i++)
		all = read_range(fake, &read->ranges[i], read->max_bytes, &a);
	if (fn != NULL)
		fn(read->rows.module->state, read->rows.tag, all ? 0 : GW_STORE_MORE, a.rows, a.n);
	gw_free(fake->self, a.rows);
	gw_free(fake->self, read->ranges);
	gw_free(fake->self, read);
}

static uint64_t fake_pending(void *store)
{
	struct fake *fake = store;
	struct batch *batch;
	uint64_t n = 0;

	DL_FOREACH (fake->queue, batch)
		n += batch->n;
	return n;
}

static void fake_usage(void *store, uint64_t *bytes_out, uint64_t *limit_out)
{
	*bytes_out = ((struct fake *)store)->bytes;
	*limit_out = ((struct fake *)store)->room;
}

static void fake_identity(void *store, char out[GW_STORE_IDENTITY])
{
	struct stat st;

	stat(((struct fake *)store)->path, &st);
	snprintf(out, GW_STORE_IDENTITY, "fake %llu", (unsigned long long)st.st_ino);
}

/* What is set aside is gone, too. */
static int fake_wipe(void *store, struct gw_call done)
{
	struct fake *fake = store;
	struct batch *batch = gw_alloc(fake->self, sizeof(*batch));

	batch->empties = true;
	batch->done = done;
	enqueue(fake, batch);
	return 0;
}

/* What is set aside here is gone. */
static int fake_open_old(void *store, char identity_out[GW_STORE_IDENTITY])
{
	(void)store;
	identity_out[0] = '\0';
	return -ENOENT;
}

static int fake_no_backup(void *store, const char *path, struct gw_call done)
{
	(void)store;
	(void)path;
	(void)done;
	return -ENOTSUP;
}

static const struct gw_store_ops fake_ops = {
	.caps = fake_caps,
	.merge_by = fake_merge_by,
	.commit = fake_commit,
	.read = fake_read,
	.pending = fake_pending,
	.usage = fake_usage,
	.identity = fake_identity,
	.wipe = fake_wipe,
	.discard = fake_wipe,
	.open_old = fake_open_old,
	.backup = fake_no_backup,
	.tx_get = tx_get,
	.tx_put = tx_put,
	.tx_del = tx_del,
	.tx_next = tx_next,
};

/* --- the module --- */

static int fake_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct fake *fake = state;
	int log;

	if (why != GW_LOAD_FIRST)
		return 0;
	fake->self = self;
	fake->room = (size_t)gw_option_int(self, gw_options(self), "room");
	fake->early = gw_option_int(self, gw_options(self), "early") != 0;
	snprintf(fake->path, sizeof(fake->path), "%s/store_fake.log",
	         gw_server_string(self, "state-directory"));
	log = open(fake->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (log < 0)
		return gw_fail(err, -errno, "cannot open %s", fake->path);
	replay(fake, log);
	close(log);
	fake->timer = gw_timer_new(self, gw_call(self, CALL_SYNC, 0));
	fake->reader = gw_timer_new(self, gw_call(self, CALL_READ, 0));
	return 0;
}

static void drop(struct fake *fake, struct batch **list)
{
	struct batch *batch;

	while ((batch = *list) != NULL) {
		DL_DELETE(*list, batch);
		batch_free(fake, batch);
	}
}

static void fake_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct fake *fake = state;
	struct read *read;

	if (why != GW_UNLOAD_LAST)
		return;
	drop(fake, &fake->queue);
	drop(fake, &fake->taken);
	drop(fake, &fake->synced);
	while ((read = fake->reads) != NULL) {
		DL_DELETE(fake->reads, read);
		gw_free(self, read->ranges);
		gw_free(self, read);
	}
	for (size_t i = 0; i < GW_STORE_TABLES; i++) {
		for (size_t j = 0; j < fake->tables[i].n; j++)
			gw_free(self, fake->tables[i].rows[j]);
		gw_free(self, fake->tables[i].rows);
	}
	gw_timer_free(&fake->timer, self);
	gw_timer_free(&fake->reader, self);
}

static const struct gw_option fake_options[] = {
	{"room", GW_OPT_SIZE, "0", 0, (int64_t)1 << 40, false,
         "Bytes that the tables may take; 0: any."},
	{"early", GW_OPT_BOOL, "no", 0, 0, false, "Acknowledges before it is durable."},
	{.name = NULL},
};

static const struct gw_interface_row fake_interfaces[] = {
	{.name = "store", .major = 1, .minor = 1, .ops = &fake_ops},
	{.name = NULL},
};

static const struct gw_call_row fake_calls[] = {
	[CALL_SYNC] = {"sync", (gw_fn *)sync_now},
	[CALL_READ] = {"read", (gw_fn *)read_now},
	{NULL, NULL},
};

GW_MODULE(store_fake) = {
	.abi = GW_ABI,
	.name = "store_fake",
	.version = "1.0",
	.summary = "a store that forgets what was not synced",
	.interfaces = fake_interfaces,
	.options = fake_options,
	.calls = fake_calls,
	.state_size = sizeof(struct fake),
	.state_version = 1,
	.load = fake_load,
	.unload = fake_unload,
};
