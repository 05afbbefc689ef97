/*
 * store/read.c - ordered reads: each a job on the read lane with one short read transaction.
 *
 * A job's memory must be there before it runs, so a read begins with a small buffer; when that does
 * not hold the answer it is run again, whole, with a greater one. A few run at a time, the rest
 * waits here.
 */
#include "store.h"
#include <errno.h>
#include <godwit/hash.h>
#include <godwit/module.h>
#include <string.h>

#define READS_AT_ONCE 8
#define BUFFER_FIRST ((size_t)8 << 10)
#define BUFFER_GROWTH 8
#define RANGES_MAX 4200

/** A range in the job's memory: keys by offset from its beginning. */
struct flat_range {
	uint8_t table, reverse;
	uint8_t index, of, skip;
	uint8_t reserved; /* 0 */
	uint16_t from_n, to_n;
	uint32_t from, to;
};

/** What a read is of. */
enum source { THE_DATABASE, SET_ASIDE, THE_IMAGE };

struct read {
	uint64_t id;
	struct gw_call rows;
	size_t max_bytes, buffer;
	bool started;
	uint8_t from; /* enum source */
	UT_hash_handle hh;
	size_t n_ranges, bytes; /* of what follows: ranges, then their keys */
	struct flat_range ranges[];
};

/** A row in the buffer; key and value follow, the whole is a multiple of 8 bytes. */
struct flat_row {
	uint64_t version;
	uint32_t val_n;
	uint16_t key_n;
	uint8_t table;
};

struct read_job {
	struct env *env;
	struct snapshot *snapshot; /* NULL: a transaction of its own */
	size_t max_bytes, buffer, used;
	size_t needed; /* not 0: of a buffer that holds the row that did not fit */
	size_t n_rows, n_ranges;
	int status;
	/* then the ranges with their keys, then the buffer */
	struct flat_range ranges[];
};

static size_t round_up(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* --- the lane's side --- */

static uint8_t *buffer_of(struct read_job *job, size_t ranges_bytes)
{
	return (uint8_t *)job->ranges + ranges_bytes;
}

static size_t ranges_bytes(const struct read_job *job)
{
	const struct flat_range *last = &job->ranges[job->n_ranges - 1];

	return round_up(last->to + last->to_n);
}

/* 0: added; GW_STORE_MORE: the bound or the buffer's end is reached. */
static int row_add(struct read_job *job, const struct gw_store_row *row)
{
	struct flat_row flat = {.version = row->version,
	                        .val_n = (uint32_t)row->val.n,
	                        .key_n = (uint16_t)row->key.n,
	                        .table = row->table};
	size_t n = round_up(sizeof(flat) + row->key.n + row->val.n);
	uint8_t *at = buffer_of(job, ranges_bytes(job)) + job->used;

	if (job->n_rows > 0 && job->used + n > job->max_bytes)
		return GW_STORE_MORE;
	if (job->used + n > job->buffer) {
		job->needed = job->used + n;
		return GW_STORE_MORE;
	}
	memcpy(at, &flat, sizeof(flat));
	memcpy(at + sizeof(flat), row->key.p, row->key.n);
	if (row->val.n > 0)
		memcpy(at + sizeof(flat) + row->key.n, row->val.p, row->val.n);
	job->used += n;
	job->n_rows++;
	return 0;
}

static int key_compare(MDB_val key, const uint8_t *other, size_t n)
{
	size_t least = key.mv_size < n ? key.mv_size : n;
	int order = least > 0 ? memcmp(key.mv_data, other, least) : 0;

	return order != 0 ? order : (key.mv_size > n) - (key.mv_size < n);
}

/* The first row of the range in its direction; an LMDB code. */
static int range_seek(MDB_cursor *cursor, const struct read_job *job,
                      const struct flat_range *range, MDB_val *key, MDB_val *data)
{
	const uint8_t *bytes = (const uint8_t *)job->ranges;
	int code;

	if (!range->reverse) {
		*key = (MDB_val){range->from_n, (void *)(uintptr_t)(bytes + range->from)};
		return mdb_cursor_get(cursor, key, data,
		                      range->from_n > 0 ? MDB_SET_RANGE : MDB_FIRST);
	}
	if (range->to_n == 0)
		return mdb_cursor_get(cursor, key, data, MDB_LAST);
	*key = (MDB_val){range->to_n, (void *)(uintptr_t)(bytes + range->to)};
	code = mdb_cursor_get(cursor, key, data, MDB_SET_RANGE);
	return mdb_cursor_get(cursor, key, data, code == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
}

static bool range_holds(const struct read_job *job, const struct flat_range *range, MDB_val key)
{
	const uint8_t *bytes = (const uint8_t *)job->ranges;

	if (range->reverse)
		return key_compare(key, bytes + range->from, range->from_n) >= 0;
	return range->to_n == 0 || key_compare(key, bytes + range->to, range->to_n) < 0;
}

/* The row that a row of an index points to; of another table it is the row itself. An LMDB code. */
static int row_of(struct read_job *job, MDB_txn *txn, const struct flat_range *range, MDB_val key,
                  MDB_val data, struct gw_store_row *out)
{
	int code;

	if (!range->index) {
		row_open(range->table, key, data, out);
		return 0;
	}
	if (key.mv_size <= range->skip)
		return MDB_CORRUPTED;
	key.mv_data = (uint8_t *)key.mv_data + range->skip;
	key.mv_size -= range->skip;
	code = mdb_get(txn, job->env->tables[range->of], &key, &data);
	if (code == 0)
		row_open(range->of, key, data, out);
	return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
}

static int range_read(struct read_job *job, MDB_txn *txn, const struct flat_range *range)
{
	MDB_cursor_op step = range->reverse ? MDB_PREV : MDB_NEXT;
	struct gw_store_row row;
	MDB_cursor *cursor;
	MDB_val key, data;
	int status = 0, code = mdb_cursor_open(txn, job->env->tables[range->table], &cursor);

	if (code != 0)
		return env_status(code);
	code = range_seek(cursor, job, range, &key, &data);
	while (code == 0 && status == 0 && range_holds(job, range, key)) {
		code = row_of(job, txn, range, key, data, &row);
		if (code != 0)
			break;
		status = row_add(job, &row);
		if (status == 0)
			code = mdb_cursor_get(cursor, &key, &data, step);
	}
	mdb_cursor_close(cursor);
	if (status == 0 && code != MDB_NOTFOUND)
		status = env_status(code);
	return status;
}

void read_run(void *job_)
{
	struct read_job *job = job_;
	MDB_txn *txn = job->snapshot != NULL ? snapshot_txn(job->snapshot) : NULL;

	if (txn == NULL)
		job->status = env_status(mdb_txn_begin(job->env->lmdb, NULL, MDB_RDONLY, &txn));
	for (size_t i = 0; i < job->n_ranges && job->status == 0; i++)
		job->status = range_read(job, txn, &job->ranges[i]);
	if (txn != NULL && job->snapshot == NULL)
		mdb_txn_abort(txn);
	snapshot_unref(&job->snapshot);
	env_unref(&job->env);
}

/* --- the loop's side --- */

static size_t copy_key(struct read *read, size_t at, struct gw_blob key)
{
	if (key.n > 0)
		memcpy((uint8_t *)read->ranges + at, key.p, key.n);
	return at + key.n;
}

static struct read *read_new(struct store_state *state, const struct gw_store_range *ranges,
                             size_t n)
{
	size_t bytes = n * sizeof(struct flat_range), at = bytes;
	struct read *read;

	for (size_t i = 0; i < n; i++)
		bytes += ranges[i].from.n + ranges[i].to.n;
	bytes = round_up(bytes);
	read = gw_alloc(state->self, sizeof(*read) + bytes);
	read->n_ranges = n;
	read->bytes = bytes;
	for (size_t i = 0; i < n; i++) {
		read->ranges[i] = (struct flat_range){.table = ranges[i].table,
		                                      .reverse = ranges[i].reverse,
		                                      .index = ranges[i].index,
		                                      .of = ranges[i].of,
		                                      .skip = ranges[i].skip,
		                                      .from_n = (uint16_t)ranges[i].from.n,
		                                      .to_n = (uint16_t)ranges[i].to.n,
		                                      .from = (uint32_t)at,
		                                      .to = (uint32_t)(at + ranges[i].from.n)};
		at = copy_key(read, at, ranges[i].from);
		at = copy_key(read, at, ranges[i].to);
	}
	return read;
}

static int read_start(struct store_state *state, struct read *read)
{
	struct gw_self *self = state->self;
	struct read_job *job = gw_job_new(self, sizeof(*job) + read->bytes + read->buffer);
	struct snapshot *snapshot = state->snapshot != NULL && read->from == THE_IMAGE
	                                    ? snapshot_ref(state->snapshot)
	                                    : NULL; /* gone: so is who asked */
	struct env *env = snapshot != NULL          ? snapshot_env(snapshot)
	                  : read->from == SET_ASIDE ? state->old
	                                            : state->env;
	int status;

	job->env = env_ref(env);
	job->snapshot = snapshot;
	job->max_bytes = read->max_bytes;
	job->buffer = read->buffer;
	job->n_ranges = read->n_ranges;
	memcpy(job->ranges, read->ranges, read->bytes);
	status = gw_job_start(self, GW_LANE_READ, CALL_READ_RUN, job,
	                      gw_call(self, CALL_READ_DONE, read->id));
	if (status != 0) {
		env_unref(&(struct env *){env}); /* the job's: it is gone */
		snapshot_unref(&snapshot);
		return status;
	}
	read->started = true;
	state->reading++;
	return 0;
}

void read_pump(struct store_state *state)
{
	struct read *read, *next;

	HASH_ITER (hh, state->reads, read, next) {
		if (state->reading >= READS_AT_ONCE)
			return;
		if (!read->started && read_start(state, read) != 0) {
			gw_timer_set(state->retry, state->self, 10 * GW_MS);
			return;
		}
	}
}

static int add(struct store_state *state, enum source from, const struct gw_store_range *ranges,
               size_t n, size_t max_bytes, struct gw_call rows)
{
	struct gw_self *self = state->self;
	bool whole = false;
	struct read *read;

	if (n == 0 || n > RANGES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].table >= GW_STORE_TABLES || ranges[i].of >= GW_STORE_TABLES ||
		    ranges[i].from.n > GW_STORE_KEY_MAX || ranges[i].to.n > GW_STORE_KEY_MAX)
			return -EINVAL;
		whole |= ranges[i].index != 0 || (ranges[i].from.n > 0 && ranges[i].to.n == 0);
	}
	if (HASH_COUNT(state->reads) >= STORE_READS_MAX)
		return -EAGAIN;
	read = read_new(state, ranges, n);
	read->id = ++state->last_read;
	read->rows = rows;
	read->from = (uint8_t)from;
	read->max_bytes = max_bytes;
	/* Who reads by an index expects as much as it asks for, and each row is a search; so does
	 * who goes on with a table to its end. */
	read->buffer = max_bytes < BUFFER_FIRST || whole ? round_up(max_bytes) : BUFFER_FIRST;
	HASH_ADD(hh, state->reads, id, sizeof(read->id), read);
	read_pump(state);
	return 0;
}

int read_add(void *store, const struct gw_store_range *ranges, size_t n, size_t max_bytes,
             struct gw_call rows)
{
	return add(store, THE_DATABASE, ranges, n, max_bytes, rows);
}

/* It stays open as long as there are reads: whoever closes it has had its answers. */
int read_old_add(void *store, const struct gw_store_range *ranges, size_t n, size_t max_bytes,
                 struct gw_call rows)
{
	struct store_state *state = store;

	return state->old == NULL ? -ENOENT : add(state, SET_ASIDE, ranges, n, max_bytes, rows);
}

/* The same holds for the image. */
int read_image_add(void *store, const struct gw_store_range *ranges, size_t n, size_t max_bytes,
                   struct gw_call rows)
{
	struct store_state *state = store;

	return state->snapshot == NULL ? -ENOENT
	                               : add(state, THE_IMAGE, ranges, n, max_bytes, rows);
}

static void rows_open(struct read_job *job, struct gw_store_row *rows)
{
	const uint8_t *at = buffer_of(job, ranges_bytes(job));
	struct flat_row flat;

	for (size_t i = 0; i < job->n_rows; i++) {
		memcpy(&flat, at, sizeof(flat));
		rows[i] = (struct gw_store_row){.table = flat.table,
		                                .key = {at + sizeof(flat), flat.key_n},
		                                .val = {at + sizeof(flat) + flat.key_n, flat.val_n},
		                                .version = flat.version};
		at += round_up(sizeof(flat) + flat.key_n + flat.val_n);
	}
}

static void answer(struct store_state *state, struct read *read, struct read_job *job)
{
	struct gw_self *self = state->self;
	size_t n = job->status < 0 ? 0 : job->n_rows;
	struct gw_store_row *rows;
	struct gw_visit visit;
	gw_store_rows_fn *fn;

	if (gw_call_fn(read->rows) == NULL)
		return;
	rows = gw_alloc(self, (n + 1) * sizeof(*rows));
	if (n > 0)
		rows_open(job, rows);
	fn = (gw_store_rows_fn *)gw_visit(self, &visit, read->rows);
	fn(read->rows.module->state, read->rows.tag, job->status, rows, n);
	gw_visit_end(self, &visit);
	gw_free(self, rows);
}

/* Greater by a factor, but not beyond what the caller wants, and enough for the row that did not
 * fit. */
static size_t buffer_grown(const struct read *read, const struct read_job *job)
{
	size_t n = read->buffer * BUFFER_GROWTH;

	if (n > read->max_bytes)
		n = round_up(read->max_bytes);
	return n > job->needed ? n : job->needed;
}

void read_finished(void *state_, uint64_t id, void *job_)
{
	struct store_state *state = state_;
	struct gw_self *self = state->self;
	struct read_job *job = job_;
	struct read *read;

	state->reading--;
	HASH_FIND(hh, state->reads, &id, sizeof(id), read);
	if (job->status == GW_STORE_MORE && job->needed > 0) {
		read->buffer = buffer_grown(read, job);
		read->started = false;
	} else {
		HASH_DELETE(hh, state->reads, read);
		state->counts.answered++;
		answer(state, read, job);
		gw_free(self, read);
	}
	read_pump(state);
}

void read_drop_all(struct store_state *state)
{
	struct gw_self *self = state->self;
	struct read *read, *next;

	HASH_ITER (hh, state->reads, read, next) {
		HASH_DELETE(hh, state->reads, read);
		gw_free(self, read);
	}
}
