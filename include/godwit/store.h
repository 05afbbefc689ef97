/*
 * godwit/store.h - durable key-value transactions: the interface "store" 1.1.
 *
 * Two kinds of engine fit behind it: a local one (one copy per server, replication above it) and
 * one that servers share. A batch of operations is all or nothing; batches that queue up while the
 * disk syncs are committed together, and each completion comes after that commit is durable.
 * Everything completes by a call on the loop; nothing here blocks.
 *
 * Results are 0 or a negative errno: -ESTALE a check failed (nothing of the batch was done),
 * -ENOENT, -EAGAIN too much waits, -ENOSPC disk or map full, -EHOSTDOWN engine not in reach,
 * -EILSEQ damaged data, -EIO. Loop thread only, but for the tx_ functions.
 */
#ifndef GODWIT_STORE_H
#define GODWIT_STORE_H

#include <godwit/call.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Borrowed bytes. */
struct gw_blob {
	const void *p;
	size_t n;
};

/** What an engine can do, as bits. */
enum gw_store_caps {
	GW_STORE_LOCAL = 1,  /* one copy per server: replication runs on top */
	GW_STORE_SHARED = 2, /* servers share the engine: replication among them is off */
	GW_STORE_MERGES = 4  /* knows GW_STORE_MERGE and the tx_ functions */
};

/** When a commit is reported. */
enum gw_store_durable { GW_STORE_MEM, GW_STORE_DISK };

/** What an operation does. */
enum gw_store_kind {
	GW_STORE_CHECK, /* -ESTALE unless the version of key is `version` (0: absent) */
	GW_STORE_EMPTY, /* -ESTALE if any key of the table begins with key */
	GW_STORE_PUT,
	GW_STORE_DEL,
	GW_STORE_MERGE /* the merge function decides, in the transaction */
};

/** Tables are named by a small number, the owner's choice, below GW_STORE_TABLES. Those from
 * GW_STORE_VERSIONED on keep the version that each row was put with (not 0); in the others, which
 * save its eight bytes, it is 1 for every row that there is. */
#define GW_STORE_TABLES 16
#define GW_STORE_VERSIONED 8
#define GW_STORE_KEY_MAX 500
#define GW_STORE_IDENTITY 64

/** One operation of a batch. */
struct gw_store_op {
	uint8_t kind, table;
	uint8_t reserved[2]; /* 0: no hole in which an address could be left */
	int32_t file; /* GW_STORE_MERGE: a descriptor for the merge function, which reads from it
	                 what is too much to be copied; 0: none. The store makes its own of it. */
	struct gw_blob key, val;
	uint64_t version;
};

/** A row as it is stored, borrowed for the call. */
struct gw_store_row {
	uint8_t table;
	struct gw_blob key, val;
	uint64_t version;
};

/** Keys in [from, to); an empty `to` is the end of the table. With `index` the table points to rows
 * of the table `of`, whose keys are its own without their first `skip` bytes: those rows are given,
 * in the order of the index. */
struct gw_store_range {
	uint8_t table, reverse;
	uint8_t index, of, skip;
	struct gw_blob from, to;
};

struct gw_store_ops;

/** The writer's transaction, inside a merge function only. The provider's own part follows. */
struct gw_store_tx {
	const struct gw_store_ops *ops;
};

/** Decides one GW_STORE_MERGE operation, with the functions gw_tx_... below. Runs on the write
 * lane: no state, nothing but `tx` and `op`, no call of other headers. `tag` is the one given to
 * merge_by(). Not 0: the whole batch is undone and reported with that status; that is cheap as long
 * as the batch has written nothing yet, so refuse first and write then. */
typedef int gw_store_merge_fn(struct gw_store_tx *tx, uint64_t tag, const struct gw_store_op *op);
/** `commit` rises with every commit. */
typedef void gw_store_done_fn(void *state, uint64_t tag, int status, uint64_t commit);
/** A read's whole answer, borrowed for the call. Status 0: the ranges hold no more; GW_STORE_MORE:
 * max_bytes was reached. */
typedef void gw_store_rows_fn(void *state, uint64_t tag, int status,
                              const struct gw_store_row *rows, size_t n);
#define GW_STORE_MORE 1

/** The interface "store" 1.1. `store`: the handle's `impl`, which GW_VIA gives. */
struct gw_store_ops {
	unsigned (*caps)(void *store);
	/** Once, before the first GW_STORE_MERGE. The call follows reloads of its module; the code
	 * it names stays loaded while a merge runs. */
	int (*merge_by)(void *store, struct gw_call merge);
	/** All or nothing; operations are copied; completions come in commit order. -EAGAIN: too
	 * much waits (see pending). */
	int (*commit)(void *store, const struct gw_store_op *ops, size_t n, enum gw_store_durable,
	              struct gw_call done);
	/** Rows of several ranges in order, up to max_bytes (at least one row), from one consistent
	 * image. A longer scan goes on from the last key with a new read: no image is held between
	 * calls. */
	int (*read)(void *store, const struct gw_store_range *ranges, size_t n, size_t max_bytes,
	            struct gw_call rows);
	/** Bytes not yet committed: callers hold back. */
	uint64_t (*pending)(void *store);
	/** Bytes that the data takes, and the most that it may. */
	void (*usage)(void *store, uint64_t *bytes_out, uint64_t *limit_out);
	/** What tells this copy of the data from one that was put back or copied, as text. */
	void (*identity)(void *store, char out[GW_STORE_IDENTITY]);
	/** Sets the data aside and starts empty. */
	int (*wipe)(void *store, struct gw_call done);
	/** Starts empty; what there was is gone. */
	int (*discard)(void *store, struct gw_call done);
	/** Opens the database that was set aside last, to be read with read_old() until
	 * close_old(), and gives its identity. -ENOENT: there is none. */
	int (*open_old)(void *store, char identity_out[GW_STORE_IDENTITY]);
	int (*read_old)(void *store, const struct gw_store_range *ranges, size_t n,
	                size_t max_bytes, struct gw_call rows);
	void (*close_old)(void *store);
	/** A consistent copy into the new folder `path`, usable as a state directory's database. */
	int (*backup)(void *store, const char *path, struct gw_call done);

	/* Only inside a merge function, on the write lane: use gw_tx_get() and so on. */
	int (*tx_get)(struct gw_store_tx *, uint8_t table, struct gw_blob key,
	              struct gw_store_row *row_out);
	int (*tx_put)(struct gw_store_tx *, uint8_t table, struct gw_blob key, struct gw_blob val,
	              uint64_t version);
	int (*tx_del)(struct gw_store_tx *, uint8_t table, struct gw_blob key);
	int (*tx_next)(struct gw_store_tx *, uint8_t table, struct gw_blob after,
	               struct gw_blob prefix, struct gw_store_row *row_out);

	/* --- not inside a merge function --- */

	/** Holds an image of this moment, to be read with read_image() until close_image(). The
	 * data takes more room while it is held: seconds, not hours. -EBUSY: one is held. NULL: the
	 * engine has no images. */
	int (*open_image)(void *store);
	/** As read(), of the image; one at a time. -ENOENT: there is none. */
	int (*read_image)(void *store, const struct gw_store_range *ranges, size_t n,
	                  size_t max_bytes, struct gw_call rows);
	/** Not while a read of it is under way. */
	void (*close_image)(void *store);
};

/** Rows are borrowed until the next of these calls. -ENOENT. */
static inline int gw_tx_get(struct gw_store_tx *tx, uint8_t table, struct gw_blob key,
                            struct gw_store_row *row_out)
{
	return tx->ops->tx_get(tx, table, key, row_out);
}

/** Sets a row, copied. 0, or what the engine says (-ENOSPC...). */
static inline int gw_tx_put(struct gw_store_tx *tx, uint8_t table, struct gw_blob key,
                            struct gw_blob val, uint64_t version)
{
	return tx->ops->tx_put(tx, table, key, val, version);
}

/** What is not there is deleted already: 0. */
static inline int gw_tx_del(struct gw_store_tx *tx, uint8_t table, struct gw_blob key)
{
	return tx->ops->tx_del(tx, table, key);
}

/** The first row with a key greater than `after` that begins with `prefix`; -ENOENT. */
static inline int gw_tx_next(struct gw_store_tx *tx, uint8_t table, struct gw_blob after,
                             struct gw_blob prefix, struct gw_store_row *row_out)
{
	return tx->ops->tx_next(tx, table, after, prefix, row_out);
}

#endif
