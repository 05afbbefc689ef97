/*
 * store/care.c - copies of the whole database while it runs, and setting it aside.
 *
 * A copy is made on the read lane and disturbs nobody (LMDB's own compacting copy). A wipe waits
 * for the commit that runs, then renames the folder and starts an empty one; reads under way end on
 * the old one.
 */
#include "store.h"
#include <errno.h>
#include <fcntl.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE_MAX 1000
#define PATH_LONGEST 4000

struct care_job {
	struct env *env;
	size_t map_size;
	int status;
	bool discard;
	char path[];
};

static struct care_job *job_new(struct store_state *state, const char *path)
{
	size_t n = strlen(path) + 1;
	struct care_job *job = gw_job_new(state->self, sizeof(*job) + n);

	job->env = env_ref(state->env);
	memcpy(job->path, path, n);
	return job;
}

static void answer(struct store_state *state, struct gw_call call, int status)
{
	struct gw_visit visit;
	gw_store_done_fn *fn = (gw_store_done_fn *)gw_visit(state->self, &visit, call);

	if (fn != NULL)
		fn(call.module->state, call.tag, status, state->commits);
	gw_visit_end(state->self, &visit);
}

/* --- backup --- */

int care_backup(void *store, const char *path, struct gw_call done)
{
	struct store_state *state = store;
	int status;

	if (state->copying)
		return -EBUSY;
	if (strlen(path) > PATH_LONGEST)
		return -ENAMETOOLONG;
	status = gw_job_start(state->self, GW_LANE_READ, CALL_COPY_RUN, job_new(state, path),
	                      gw_call(state->self, CALL_COPY_DONE, 0));
	if (status != 0) {
		env_unref(&(struct env *){state->env}); /* the job's: it is gone */
		return status;
	}
	state->copying = true;
	state->copied = done;
	return 0;
}

static int copy_into(struct env *env, int folder)
{
	int status, fd = openat(folder, "data.mdb", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	status = env_status(mdb_env_copyfd2(env->lmdb, fd, MDB_CP_COMPACT));
	if (status == 0 && fsync(fd) != 0)
		status = -errno;
	close(fd);
	if (status != 0)
		unlinkat(folder, "data.mdb", 0);
	return status;
}

void care_copy_run(void *job_)
{
	struct care_job *job = job_;
	int folder = -1;

	if (mkdir(job->path, 0700) == 0)
		folder = open(job->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) {
		job->status = -errno;
	} else {
		job->status = copy_into(job->env, folder);
		if (job->status == 0 && fsync(folder) != 0)
			job->status = -errno;
		close(folder);
		if (job->status != 0)
			rmdir(job->path);
	}
	env_unref(&job->env);
}

void care_copied(void *state_, uint64_t tag, void *job)
{
	struct store_state *state = state_;

	(void)tag;
	state->copying = false;
	answer(state, state->copied, ((struct care_job *)job)->status);
}

/* --- wipe --- */

static int begin_anew(struct store_state *state, bool discard, struct gw_call done)
{
	if (state->wiping)
		return -EBUSY;
	state->wiping = true;
	state->discarding = discard;
	state->wiped = done;
	if (!state->writing)
		care_wipe_start(state);
	return 0;
}

int care_wipe(void *store, struct gw_call done)
{
	return begin_anew(store, false, done);
}

int care_discard(void *store, struct gw_call done)
{
	return begin_anew(store, true, done);
}

void care_wipe_start(struct store_state *state)
{
	struct care_job *job = job_new(state, state->env->path);

	job->map_size = state->env->map_size;
	job->discard = state->discarding;
	if (gw_job_start(state->self, GW_LANE_WRITE, CALL_WIPE_RUN, job,
	                 gw_call(state->self, CALL_WIPE_DONE, 0)) == 0)
		return;
	env_unref(&(struct env *){state->env}); /* the job's: it is gone */
	state->wiping = false;
	answer(state, state->wiped, -EAGAIN);
}

/* To the first free name PATH.aside-N. */
static int set_aside(const char *path)
{
	char aside[PATH_LONGEST + 32];
	struct stat st;

	for (int i = 1; i < ASIDE_MAX; i++) {
		snprintf(aside, sizeof(aside), "%s.aside-%d", path, i);
		if (lstat(aside, &st) == 0)
			continue;
		return rename(path, aside) == 0 ? 0 : -errno;
	}
	return -EEXIST;
}

/* The last one that was set aside. */
static bool last_aside(const char *path, char out[PATH_LONGEST + 32])
{
	char next[PATH_LONGEST + 32];
	struct stat st;
	int n = 0;

	while (n + 1 < ASIDE_MAX) {
		snprintf(next, sizeof(next), "%s.aside-%d", path, n + 1);
		if (lstat(next, &st) != 0)
			break;
		n++;
	}
	snprintf(out, PATH_LONGEST + 32, "%s.aside-%d", path, n);
	return n > 0;
}

int care_open_old(void *store, char identity_out[GW_STORE_IDENTITY])
{
	struct store_state *state = store;
	char path[PATH_LONGEST + 32];
	struct gw_error err;
	int status = 0;

	if (!last_aside(state->env->path, path))
		return -ENOENT;
	if (state->old == NULL)
		status = env_open(path, state->env->map_size, &state->old, &err);
	if (status == 0)
		env_identity(state->old, identity_out);
	return status;
}

void care_close_old(void *store)
{
	env_unref(&((struct store_state *)store)->old);
}

static void folder_remove(const char *path)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return;
	unlinkat(folder, "data.mdb", 0);
	unlinkat(folder, "lock.mdb", 0);
	close(folder);
	rmdir(path);
}

/* Renamed first, so that no start ever finds half a database. */
static int discard(const char *path)
{
	char gone[PATH_LONGEST + 32];

	snprintf(gone, sizeof(gone), "%s.discarded", path);
	folder_remove(gone);
	if (rename(path, gone) != 0)
		return -errno;
	folder_remove(gone);
	return 0;
}

void care_wipe_run(void *job_)
{
	struct care_job *job = job_;
	struct gw_error err;

	job->status = job->discard ? discard(job->path) : set_aside(job->path);
	if (job->status == 0)
		job->status = env_open(job->path, job->map_size, &job->env->successor, &err);
	env_unref(&job->env);
}

void care_wiped(void *state_, uint64_t tag, void *job_)
{
	struct store_state *state = state_;
	struct care_job *job = job_;
	struct env *old = state->env;

	(void)tag;
	if (old->successor != NULL) {
		state->env = old->successor;
		old->successor = NULL;
		env_unref(&old);
	}
	state->wiping = false;
	answer(state, state->wiped, job->status);
	commit_pump(state);
}
