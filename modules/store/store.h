/*
 * store/store.h - the parts of the module store: environment, commits, reads, care of the files.
 *
 *     env.c     the LMDB environment, shared by the state and the jobs that use it
 *     commit.c  on the loop: batches queue up, one job at a time takes them all, completions in
 * order write.c   on the write lane: one transaction for the job's batches, the merge function
 * inside it read.c    slices, each from its own short read transaction on the read lane
 * snapshot.c
 * one read transaction that is held over several slices care.c    backup, wipe
 *
 * Jobs get all they need in their own memory and may still run when the module is gone, so the
 * environment is counted: the last user closes it. Memory of a job that is under way at a reload
 * was laid out by the old generation: whoever changes struct write_job, read_job or care_job raises
 * the state's version.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <godwit/error.h>
#include <godwit/loop.h>
#include <godwit/metrics.h>
#include <godwit/self.h>
#include <godwit/store.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STORE_VALUE_MAX ((size_t)1 << 20)
#define STORE_PENDING_MAX ((uint64_t)64 << 20)
#define STORE_GROUP_MAX                                                                            \
	((size_t)256 << 10) /* bytes of one transaction: some 15 ms of merging, which later        \
	                       batches wait for */
#define STORE_READS_MAX 100000

/** Rows of the module's `.calls`. */
enum store_call {
	CALL_WRITE_RUN,
	CALL_WRITE_DONE,
	CALL_READ_RUN,
	CALL_READ_DONE,
	CALL_COPY_RUN,
	CALL_COPY_DONE,
	CALL_WIPE_RUN,
	CALL_WIPE_DONE,
	CALL_RETRY,
	CALL_METRICS
};

/* --- env.c --- */

/** Allocated with calloc(): its last user may be a thread of the pool. */
struct env {
	atomic_uint users;
	MDB_env *lmdb;
	MDB_dbi tables[GW_STORE_TABLES];
	int folder;            /* open and locked as long as the environment is */
	size_t map_size;       /* the one in force */
	struct env *successor; /* made by a wipe, until the loop takes it */
	char path[];
};

/** Opens or makes the environment in the folder `path`. With too little address space the map is
 * smaller than `map_size`. */
int env_open(const char *path, size_t map_size, struct env **out, struct gw_error *err);
/** Any thread. */
struct env *env_ref(struct env *env);
/** Any thread; nulls `*env`. */
void env_unref(struct env **env);
/** LMDB's and the system's codes as ours. */
int env_status(int code);
void env_usage(const struct env *env, uint64_t *bytes_out, uint64_t *limit_out);
/** Whether so little of the map is left that it is kept for deletions. Call it outside of a
 * transaction. */
bool env_is_tight(const struct env *env);
void env_identity(const struct env *env, char out[GW_STORE_IDENTITY]);

/* --- state --- */

struct batch;
struct snapshot;
struct read;

/** What metrics.c tells. */
struct store_counts {
	uint64_t batches, failed, refused; /* refused: too much waited */
	uint64_t bytes;                    /* of operations, in all batches */
	uint64_t answered;                 /* reads; begun ones are numbered: last_read */
	struct gw_histogram took;          /* from a batch's coming to its completion */
};

struct store_state {
	struct gw_self *self;
	struct env *env;
	struct env *old;           /* set aside, being read; NULL: none */
	struct snapshot *snapshot; /* held; NULL: none */

	struct gw_call merge;
	struct batch *queue, *in_flight;
	uint64_t pending; /* bytes in both */
	uint64_t commits;
	bool writing; /* a job is on the write lane */
	struct gw_timer *retry;

	struct read *reads; /* by id */
	uint64_t last_read;
	unsigned reading; /* jobs on the read lane */

	bool copying, wiping, discarding;
	struct gw_call copied, wiped;

	struct store_counts counts;
};

/* --- commit.c --- */

/** One operation in a row of bytes: key, then value, follow; the whole is a multiple of 8 bytes. */
struct flat_op {
	uint8_t kind, table;
	uint16_t key_n;
	uint32_t val_n;
	int32_t file;      /* the batch's own; 0: none */
	uint32_t reserved; /* 0 */
	uint64_t version;
};

/** Bytes of a flat operation with its key and value. */
static inline size_t flat_bytes(const struct flat_op *op)
{
	return (sizeof(*op) + op->key_n + op->val_n + 7) & ~(size_t)7;
}

/** Closes the files of `n` operations in a row. Any thread. */
void flat_close(const uint8_t *ops, size_t n);

/** One batch in a job. */
struct slot {
	uint32_t n_ops;
	uint32_t files;    /* how many operations have one */
	uint32_t reserved; /* 0 */
	int32_t status;
	size_t offset; /* of its operations, from the job's beginning */
};

struct write_job {
	struct env *env;
	gw_store_merge_fn *merge;
	uint64_t merge_tag;
	uint32_t n;
	struct slot slots[];
};

int commit_merge_by(void *store, struct gw_call merge);
int commit_add(void *store, const struct gw_store_op *ops, size_t n, enum gw_store_durable,
               struct gw_call done);
/** Starts a job when there is work and none runs. */
void commit_pump(struct store_state *state);
void commit_written(void *state, uint64_t tag, void *job);
void commit_retry(void *state, uint64_t tag);
void commit_drop_all(struct store_state *state);

/* --- write.c --- */

void write_run(void *job);
int tx_get(struct gw_store_tx *tx, uint8_t table, struct gw_blob key, struct gw_store_row *row_out);
int tx_put(struct gw_store_tx *tx, uint8_t table, struct gw_blob key, struct gw_blob val,
           uint64_t version);
int tx_del(struct gw_store_tx *tx, uint8_t table, struct gw_blob key);
int tx_next(struct gw_store_tx *tx, uint8_t table, struct gw_blob after, struct gw_blob prefix,
            struct gw_store_row *row_out);

/* --- metrics.c --- */

void store_metrics(void *state, uint64_t tag, const void *payload);

/** The interface's table. */
extern const struct gw_store_ops store_ops;

/** A row as it lies in LMDB: in versioned tables the version stands in front of the value. */
static inline void row_open(uint8_t table, MDB_val key, MDB_val data, struct gw_store_row *out)
{
	const uint8_t *p = data.mv_data;

	*out = (struct gw_store_row){
		.table = table, .key = {key.mv_data, key.mv_size}, .version = 1};
	out->val = (struct gw_blob){p, data.mv_size};
	if (table < GW_STORE_VERSIONED || data.mv_size < 8)
		return;
	out->version = 0;
	for (int i = 0; i < 8; i++)
		out->version = (out->version << 8) | p[i];
	out->val = (struct gw_blob){p + 8, data.mv_size - 8};
}

/* --- read.c --- */

int read_add(void *store, const struct gw_store_range *ranges, size_t n, size_t max_bytes,
             struct gw_call rows);
int read_old_add(void *store, const struct gw_store_range *ranges, size_t n, size_t max_bytes,
                 struct gw_call rows);
int read_image_add(void *store, const struct gw_store_range *ranges, size_t n, size_t max_bytes,
                   struct gw_call rows);
void read_run(void *job);
void read_finished(void *state, uint64_t tag, void *job);
void read_drop_all(struct store_state *state);
/** Starts what waits, as far as the lane's share goes. */
void read_pump(struct store_state *state);

/* --- snapshot.c --- */

int snapshot_open(void *store);
void snapshot_close(void *store);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
/** Any thread; nulls `*snapshot`. */
void snapshot_unref(struct snapshot **snapshot);
struct env *snapshot_env(const struct snapshot *snapshot);
MDB_txn *snapshot_txn(const struct snapshot *snapshot);

/* --- care.c --- */

int care_backup(void *store, const char *path, struct gw_call done);
void care_copy_run(void *job);
void care_copied(void *state, uint64_t tag, void *job);
int care_wipe(void *store, struct gw_call done);
int care_discard(void *store, struct gw_call done);
int care_open_old(void *store, char identity_out[GW_STORE_IDENTITY]);
void care_close_old(void *store);
/** Starts a wipe that was asked for. */
void care_wipe_start(struct store_state *state);
void care_wipe_run(void *job);
void care_wiped(void *state, uint64_t tag, void *job);

#endif
