/*
 * store/write.c - the write lane: all batches of a job in one LMDB transaction, one sync.
 *
 * A batch that refuses before it has written anything is simply left out. One that fails half-way
 * takes the transaction with it; then each batch gets a transaction of its own, so that it undoes
 * nobody else's.
 *
 * LMDB needs new pages to delete, too, so a map that is full to the brim could never be emptied.
 * Its last pages are therefore kept for batches that make the database smaller.
 */
#include "store.h"
#include <errno.h>
#include <string.h>

#define SPLIT 1 /* try the batches one by one */

struct tx {
	struct gw_store_tx pub; /* first: what a merge function sees */
	struct env *env;
	MDB_txn *txn;
	/* One per table that was used: where it stands is near the next row, as merges go along the
	 * keys, so most steps need no search from the root. LMDB ends them with the transaction. */
	MDB_cursor *cursors[GW_STORE_TABLES];
	bool wrote;
	bool tight;    /* little is left: batches that make the database larger are refused */
	int64_t grown; /* bytes, by the batch that runs; counted when it is tight */
};

static struct tx *tx_of(struct gw_store_tx *pub)
{
	return (struct tx *)pub;
}

static MDB_val val_of(struct gw_blob blob)
{
	return (MDB_val){.mv_size = blob.n, .mv_data = (void *)(uintptr_t)blob.p};
}

/* An LMDB code. */
static int cursor_at(struct tx *tx, uint8_t table, MDB_cursor **out)
{
	int code = 0;

	if (tx->cursors[table] == NULL)
		code = mdb_cursor_open(tx->txn, tx->env->tables[table], &tx->cursors[table]);
	*out = tx->cursors[table];
	return code;
}

static int get(struct tx *tx, uint8_t table, struct gw_blob key, struct gw_store_row *out)
{
	MDB_val k = val_of(key), data;
	MDB_cursor *cursor;
	int code = cursor_at(tx, table, &cursor);

	if (code == 0)
		code = mdb_cursor_get(cursor, &k, &data, MDB_SET);
	if (code == 0)
		row_open(table, k, data, out);
	return env_status(code);
}

/* What a row takes, without its page's share. */
static int64_t row_bytes(struct tx *tx, uint8_t table, struct gw_blob key)
{
	MDB_val k = val_of(key), data;

	if (mdb_get(tx->txn, tx->env->tables[table], &k, &data) != 0)
		return 0;
	return (int64_t)(key.n + data.mv_size);
}

static int put(struct tx *tx, uint8_t table, struct gw_blob key, struct gw_blob val,
               uint64_t version)
{
	size_t front = table < GW_STORE_VERSIONED ? 0 : 8;
	MDB_val k = val_of(key), data = {.mv_size = front + val.n};
	MDB_cursor *cursor;
	uint8_t *room;
	int code = cursor_at(tx, table, &cursor);

	if (code != 0)
		return env_status(code);
	tx->wrote = true;
	if (tx->tight)
		tx->grown += (int64_t)(key.n + data.mv_size) - row_bytes(tx, table, key);
	code = mdb_cursor_put(cursor, &k, &data, MDB_RESERVE);
	if (code != 0)
		return env_status(code);
	room = data.mv_data;
	for (size_t i = 0; i < front; i++)
		room[i] = (uint8_t)(version >> (56 - 8 * i));
	if (val.n > 0)
		memcpy(room + front, val.p, val.n);
	return 0;
}

static int del(struct tx *tx, uint8_t table, struct gw_blob key)
{
	MDB_val k = val_of(key), data;
	MDB_cursor *cursor;
	int code = cursor_at(tx, table, &cursor);

	if (code != 0)
		return env_status(code);
	tx->wrote = true;
	if (tx->tight)
		tx->grown -= row_bytes(tx, table, key);
	code = mdb_cursor_get(cursor, &k, &data, MDB_SET);
	if (code == 0)
		code = mdb_cursor_del(cursor, 0);
	return code == MDB_NOTFOUND ? 0 : env_status(code);
}

static bool begins_with(MDB_val key, struct gw_blob prefix)
{
	return key.mv_size >= prefix.n &&
	       (prefix.n == 0 || memcmp(key.mv_data, prefix.p, prefix.n) == 0);
}

static bool same(MDB_val key, struct gw_blob other)
{
	return key.mv_size == other.n && memcmp(key.mv_data, other.p, other.n) == 0;
}

static int compare(struct gw_blob a, struct gw_blob b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int next(struct tx *tx, uint8_t table, struct gw_blob after, struct gw_blob prefix,
                struct gw_store_row *out)
{
	struct gw_blob from = compare(after, prefix) > 0 ? after : prefix;
	MDB_val key = val_of(from), data;
	MDB_cursor *cursor;
	int code = cursor_at(tx, table, &cursor);

	if (code != 0)
		return env_status(code);
	code = mdb_cursor_get(cursor, &key, &data, from.n > 0 ? MDB_SET_RANGE : MDB_FIRST);
	if (code == 0 && after.n > 0 && same(key, after))
		code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
	if (code == 0 && !begins_with(key, prefix))
		code = MDB_NOTFOUND;
	if (code == 0)
		row_open(table, key, data, out);
	return env_status(code);
}

static bool key_fits(uint8_t table, struct gw_blob key)
{
	return table < GW_STORE_TABLES && key.n > 0 && key.n <= GW_STORE_KEY_MAX;
}

int tx_get(struct gw_store_tx *tx, uint8_t table, struct gw_blob key, struct gw_store_row *row_out)
{
	return key_fits(table, key) ? get(tx_of(tx), table, key, row_out) : -EINVAL;
}

int tx_put(struct gw_store_tx *tx, uint8_t table, struct gw_blob key, struct gw_blob val,
           uint64_t version)
{
	return key_fits(table, key) && val.n <= STORE_VALUE_MAX
	               ? put(tx_of(tx), table, key, val, version)
	               : -EINVAL;
}

int tx_del(struct gw_store_tx *tx, uint8_t table, struct gw_blob key)
{
	return key_fits(table, key) ? del(tx_of(tx), table, key) : -EINVAL;
}

int tx_next(struct gw_store_tx *tx, uint8_t table, struct gw_blob after, struct gw_blob prefix,
            struct gw_store_row *row_out)
{
	if (table >= GW_STORE_TABLES || after.n > GW_STORE_KEY_MAX || prefix.n > GW_STORE_KEY_MAX)
		return -EINVAL;
	return next(tx_of(tx), table, after, prefix, row_out);
}

/* --- operations --- */

static int op_check(struct tx *tx, const struct gw_store_op *op)
{
	struct gw_store_row row = {.version = 0};
	int status = get(tx, op->table, op->key, &row);

	if (status != 0 && status != -ENOENT)
		return status;
	return row.version == op->version ? 0 : -ESTALE;
}

static int op_empty(struct tx *tx, const struct gw_store_op *op)
{
	struct gw_store_row row;
	int status = next(tx, op->table, (struct gw_blob){NULL, 0}, op->key, &row);

	if (status == -ENOENT)
		return 0;
	return status == 0 ? -ESTALE : status;
}

static int op_run(struct tx *tx, const struct write_job *job, const struct gw_store_op *op)
{
	switch (op->kind) {
	case GW_STORE_CHECK:
		return op_check(tx, op);
	case GW_STORE_EMPTY:
		return op_empty(tx, op);
	case GW_STORE_PUT:
		return put(tx, op->table, op->key, op->val, op->version);
	case GW_STORE_DEL:
		return del(tx, op->table, op->key);
	default:
		return job->merge == NULL ? -EINVAL : job->merge(&tx->pub, job->merge_tag, op);
	}
}

static const uint8_t *op_unflatten(const uint8_t *at, struct gw_store_op *op)
{
	struct flat_op flat;

	memcpy(&flat, at, sizeof(flat));
	at += sizeof(flat);
	*op = (struct gw_store_op){.kind = flat.kind,
	                           .table = flat.table,
	                           .key = {at, flat.key_n},
	                           .val = {at + flat.key_n, flat.val_n},
	                           .file = flat.file,
	                           .version = flat.version};
	return at - sizeof(flat) + flat_bytes(&flat);
}

static int batch_run(struct tx *tx, struct write_job *job, struct slot *slot)
{
	const uint8_t *at = (const uint8_t *)job + slot->offset;
	struct gw_store_op op;
	int status = 0;

	tx->wrote = false;
	tx->grown = 0;
	for (uint32_t i = 0; i < slot->n_ops && status == 0; i++) {
		at = op_unflatten(at, &op);
		status = op_run(tx, job, &op);
	}
	return status == 0 && tx->grown > 0 ? -ENOSPC : status;
}

/* --- transactions --- */

/* All batches from `first` to before `end` in one transaction. SPLIT: nothing was done, as one of
 * several failed half-way or the whole did not fit; else each slot has its status. */
static int group_run(struct write_job *job, uint32_t first, uint32_t end)
{
	struct tx tx = {.pub.ops = &store_ops, .env = job->env, .tight = env_is_tight(job->env)};
	bool wrote = false;
	int status = env_status(mdb_txn_begin(job->env->lmdb, NULL, 0, &tx.txn));

	for (uint32_t i = first; i < end && status == 0; i++) {
		job->slots[i].status = batch_run(&tx, job, &job->slots[i]);
		if (job->slots[i].status != 0 && tx.wrote)
			status = job->slots[i].status;
		wrote |= tx.wrote;
	}
	if (tx.txn != NULL && status == 0 && wrote)
		status = env_status(mdb_txn_commit(tx.txn));
	else if (tx.txn != NULL)
		mdb_txn_abort(tx.txn);
	if (status != 0 && end - first > 1)
		return SPLIT;
	if (status != 0)
		job->slots[first].status = status;
	return 0;
}

void write_run(void *job_)
{
	struct write_job *job = job_;

	if (group_run(job, 0, job->n) == SPLIT)
		for (uint32_t i = 0; i < job->n; i++)
			group_run(job, i, i + 1);
	for (uint32_t i = 0; i < job->n; i++)
		if (job->slots[i].files > 0)
			flat_close((const uint8_t *)job + job->slots[i].offset,
			           job->slots[i].n_ops);
	env_unref(&job->env);
}
