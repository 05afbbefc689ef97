/*
 * store/env.c - the LMDB environment: one folder, one sparse map that is set once and never grows.
 *
 * Every commit is synced (no NOSYNC, no WRITEMAP), read transactions are not tied to threads. No
 * compare function of ours is installed and nothing in here points into the module's image; liblmdb
 * itself stays mapped over a reload, since the new generation, which needs it too, is opened before
 * the old one is closed.
 */
#include "store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_LEAST ((size_t)1 << 20)
/* Enough for a few deletions at once, each in six tables, while readers hold older pages. */
#define PAGES_KEPT ((size_t)256)
/* LMDB's list of free pages, by transaction. */
#define FREE_TABLE 0

int env_status(int code)
{
	switch (code) {
	case 0:
		return 0;
	case MDB_NOTFOUND:
		return -ENOENT;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return -ENOSPC;
	case MDB_TXN_FULL:
		return -E2BIG;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
		return -EILSEQ;
	case MDB_BAD_VALSIZE:
		return -EINVAL;
	default:
		return code > 0 ? -code : -EIO;
	}
}

/* Makes the folder, and its name durable. */
static int folder_open(const char *path, struct gw_error *err)
{
	int fd, parent;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return gw_fail(err, -errno, "cannot make the folder %s: %s", path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return gw_fail(err, -errno, "cannot open the folder %s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		return gw_fail(err, -EBUSY, "the database in %s is in use", path);
	}
	parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0) {
		fsync(parent);
		close(parent);
	}
	return fd;
}

/* One attempt with one map size. */
static int map_open(struct env *env, size_t map_size)
{
	int code = mdb_env_create(&env->lmdb);

	if (code != 0)
		return code;
	code = mdb_env_set_maxdbs(env->lmdb, GW_STORE_TABLES);
	if (code == 0)
		code = mdb_env_set_mapsize(env->lmdb, map_size);
	if (code == 0)
		code = mdb_env_open(env->lmdb, env->path, MDB_NOTLS, 0600);
	if (code == 0)
		return 0;
	mdb_env_close(env->lmdb);
	env->lmdb = NULL;
	return code;
}

static int tables_open(struct env *env)
{
	MDB_txn *txn;
	char name[8];
	int code = mdb_txn_begin(env->lmdb, NULL, 0, &txn);

	if (code != 0)
		return code;
	for (unsigned i = 0; i < GW_STORE_TABLES && code == 0; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		code = mdb_dbi_open(txn, name, MDB_CREATE, &env->tables[i]);
	}
	if (code != 0) {
		mdb_txn_abort(txn);
		return code;
	}
	return mdb_txn_commit(txn);
}

static int env_fill(struct env *env, size_t map_size, struct gw_error *err)
{
	int code, dead;

	env->folder = folder_open(env->path, err);
	if (env->folder < 0)
		return env->folder;
	code = map_open(env, map_size);
	while (code == ENOMEM && map_size / 2 >= MAP_LEAST) {
		map_size /= 2; /* an address space limit (ulimit -v) */
		code = map_open(env, map_size);
	}
	env->map_size = map_size;
	if (code == 0)
		code = mdb_reader_check(env->lmdb, &dead);
	if (code == 0)
		code = tables_open(env);
	if (code != 0)
		return gw_fail(err, env_status(code), "cannot open the database in %s: %s",
		               env->path, mdb_strerror(code));
	fsync(env->folder);
	return 0;
}

int env_open(const char *path, size_t map_size, struct env **out, struct gw_error *err)
{
	size_t n = strlen(path) + 1;
	struct env *env = calloc(1, sizeof(*env) + n);
	int status;

	if (env == NULL)
		return gw_fail(err, -ENOMEM, "out of memory");
	memcpy(env->path, path, n);
	atomic_init(&env->users, 1);
	env->folder = -1;
	status = env_fill(env, map_size, err);
	if (status != 0) {
		env_unref(&env);
		return status;
	}
	*out = env;
	return 0;
}

struct env *env_ref(struct env *env)
{
	atomic_fetch_add(&env->users, 1);
	return env;
}

void env_unref(struct env **env)
{
	struct env *e = *env;

	*env = NULL;
	if (e == NULL || atomic_fetch_sub(&e->users, 1) != 1)
		return;
	if (e->lmdb != NULL)
		mdb_env_close(e->lmdb);
	if (e->folder >= 0)
		close(e->folder);
	env_unref(&e->successor);
	free(e);
}

void env_usage(const struct env *env, uint64_t *bytes_out, uint64_t *limit_out)
{
	MDB_envinfo info;
	MDB_stat stat;

	mdb_env_info(env->lmdb, &info);
	mdb_env_stat(env->lmdb, &stat);
	*bytes_out = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
	*limit_out = info.me_mapsize;
}

/* Pages that earlier transactions have set free. */
static size_t pages_free(const struct env *env)
{
	MDB_val key, data;
	MDB_cursor *cursor;
	MDB_txn *txn;
	size_t n = 0, one;

	if (mdb_txn_begin(env->lmdb, NULL, MDB_RDONLY, &txn) != 0)
		return 0;
	if (mdb_cursor_open(txn, FREE_TABLE, &cursor) == 0) {
		while (n < PAGES_KEPT && mdb_cursor_get(cursor, &key, &data, MDB_NEXT) == 0) {
			/* A list with its length in front. */
			memcpy(&one, data.mv_data, sizeof(one));
			n += one;
		}
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return n;
}

bool env_is_tight(const struct env *env)
{
	MDB_envinfo info;
	MDB_stat stat;
	size_t pages, left, kept = PAGES_KEPT;

	mdb_env_info(env->lmdb, &info);
	mdb_env_stat(env->lmdb, &stat);
	pages = info.me_mapsize / stat.ms_psize;
	left = pages > info.me_last_pgno ? pages - info.me_last_pgno - 1 : 0;
	if (kept > pages / 4)
		kept = pages / 4;
	return left < kept && left + pages_free(env) < kept;
}

/* Device numbers may change when a machine starts, so they count only where the file system knows
 * no time of creation. */
void env_identity(const struct env *env, char out[GW_STORE_IDENTITY])
{
	struct statx st = {0};

	if (statx(env->folder, "data.mdb", 0, STATX_INO | STATX_BTIME, &st) != 0)
		snprintf(out, GW_STORE_IDENTITY, "unknown");
	else if (st.stx_mask & STATX_BTIME)
		snprintf(out, GW_STORE_IDENTITY, "inode %llu born %lld.%09u",
		         (unsigned long long)st.stx_ino, (long long)st.stx_btime.tv_sec,
		         st.stx_btime.tv_nsec);
	else
		snprintf(out, GW_STORE_IDENTITY, "inode %llu device %u:%u",
		         (unsigned long long)st.stx_ino, st.stx_dev_major, st.stx_dev_minor);
}
