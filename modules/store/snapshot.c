/*
 * store/snapshot.c - one moment's image of the database, held over several reads.
 *
 * It is a read transaction that stays open: what it sees does not change, and pages that it needs
 * are not used anew meanwhile, so the file grows while it is held. Reads of it are made one at a
 * time, as LMDB wants it; the last user, which may be a thread of the pool, ends it.
 */
#include "store.h"
#include <errno.h>
#include <stdlib.h>

struct snapshot {
	atomic_uint users;
	struct env *env;
	MDB_txn *txn;
};

int snapshot_open(void *store)
{
	struct store_state *state = store;
	struct snapshot *snapshot;
	int code;

	if (state->snapshot != NULL)
		return -EBUSY;
	snapshot = calloc(1, sizeof(*snapshot));
	if (snapshot == NULL)
		return -ENOMEM;
	code = mdb_txn_begin(state->env->lmdb, NULL, MDB_RDONLY, &snapshot->txn);
	if (code != 0) {
		free(snapshot);
		return env_status(code);
	}
	atomic_init(&snapshot->users, 1);
	snapshot->env = env_ref(state->env);
	state->snapshot = snapshot;
	return 0;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	atomic_fetch_add(&snapshot->users, 1);
	return snapshot;
}

void snapshot_unref(struct snapshot **snapshot)
{
	struct snapshot *i = *snapshot;

	*snapshot = NULL;
	if (i == NULL || atomic_fetch_sub(&i->users, 1) != 1)
		return;
	mdb_txn_abort(i->txn);
	env_unref(&i->env);
	free(i);
}

struct env *snapshot_env(const struct snapshot *snapshot)
{
	return snapshot->env;
}

MDB_txn *snapshot_txn(const struct snapshot *snapshot)
{
	return snapshot->txn;
}

void snapshot_close(void *store)
{
	snapshot_unref(&((struct store_state *)store)->snapshot);
}
