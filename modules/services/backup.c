/*
 * services/backup.c - `backup DIR`: all that a state directory needs to be put back, while the
 * server runs.
 *
 * First the database, by the store's own consistent copy; then the rest of the state directory
 * (keys, certificate), in the pool. What a start makes anew (lock, live copies of modules) and what
 * was set aside is left out.
 */
#include "services.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <godwit/mem.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 4
#define CHUNK ((size_t)1 << 20)

static const char *const left_out[] = {"lock", "modules.live", "services", "services.aside-*",
                                       "services.discarded"};

struct backup_job {
	int status;
	size_t to; /* where the second path begins */
	char paths[];
};

/* --- in the pool --- */

/** A folder that is copied into another; `target` is where all goes, which may lie inside of what
 * is copied. */
struct copy {
	int from, to;
	unsigned depth;
	const struct stat *target;
};

static bool is_left_out(const char *name)
{
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (fnmatch(left_out[i], name, 0) == 0)
			return true;
	return false;
}

static int copy_file(int from_dir, int to_dir, const char *name)
{
	int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), to, status = 0;
	ssize_t n = 0;

	if (from < 0)
		return -errno;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		status = -errno;
	while (status == 0 && (n = sendfile(to, from, NULL, CHUNK)) > 0)
		continue;
	if (status == 0 && (n < 0 || fsync(to) != 0))
		status = -errno;
	close(from);
	if (to >= 0)
		close(to);
	return status;
}

static int copy_folder(const struct copy *copy);

static int copy_subfolder(const struct copy *outer, const char *name)
{
	struct copy copy = {
		.from = -1, .to = -1, .depth = outer->depth + 1, .target = outer->target};
	int status;

	if (copy.depth > DEPTH_MAX)
		return -ELOOP;
	if (mkdirat(outer->to, name, 0700) != 0)
		return -errno;
	copy.from = openat(outer->from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (copy.from >= 0)
		copy.to = openat(outer->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	status = copy.to < 0 ? -errno : copy_folder(&copy);
	if (copy.from >= 0)
		close(copy.from);
	if (copy.to >= 0)
		close(copy.to);
	return status;
}

static int copy_entry(const struct copy *copy, const char *name)
{
	struct stat st;

	if ((copy->depth == 0 && is_left_out(name)) || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return 0;
	if (fstatat(copy->from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return copy_file(copy->from, copy->to, name);
	if (!S_ISDIR(st.st_mode) ||
	    (st.st_dev == copy->target->st_dev && st.st_ino == copy->target->st_ino))
		return 0;
	return copy_subfolder(copy, name);
}

static int copy_folder(const struct copy *copy)
{
	int status = 0, again = dup(copy->from);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;

	if (dir == NULL) {
		status = -errno;
		if (again >= 0)
			close(again);
		return status;
	}
	while (status == 0 && (entry = readdir(dir)) != NULL)
		status = copy_entry(copy, entry->d_name);
	closedir(dir);
	if (status == 0 && fsync(copy->to) != 0)
		status = -errno;
	return status;
}

void admin_backup_run(void *job_)
{
	struct backup_job *job = job_;
	struct stat target;
	struct copy copy = {.to = -1, .target = &target};

	copy.from = open(job->paths, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copy.from >= 0)
		copy.to = open(job->paths + job->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	job->status = copy.to < 0 || fstat(copy.to, &target) != 0 ? -errno : copy_folder(&copy);
	if (copy.from >= 0)
		close(copy.from);
	if (copy.to >= 0)
		close(copy.to);
}

/* --- on the loop --- */

static void finish(struct services_state *state, int status, const char *what)
{
	struct gw_admin_request *req = state->backup;
	char text[512];

	state->backup = NULL;
	if (status == 0) {
		snprintf(text, sizeof(text),
		         "copied to %s; to put it back: stop the server, move its state directory "
		         "away, copy this folder to its place",
		         state->backup_path);
		gw_admin_text(state->self, req, text);
		gw_log(state->self, GW_INFO, "backup path=%s by=\"%s\"", state->backup_path,
		       gw_admin_who(state->self, req));
		text[0] = '\0';
	} else {
		snprintf(text, sizeof(text), "%s: %s", what, strerror(-status));
	}
	gw_free(state->self, state->backup_path);
	state->backup_path = NULL;
	gw_admin_done(state->self, &req, status, text);
}

static const char *refusal(struct services_state *state, const char *path)
{
	if (state->backup != NULL)
		return "another backup is being made";
	if (path[0] != '/' || strlen(path) > 1000)
		return "give the new folder's whole path, from / on";
	return NULL;
}

void admin_backup(void *state_, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct services_state *state = state_;
	const char *why = refusal(state, argv[0]);
	char database[1100];
	int status;

	(void)argc;
	if (why != NULL) {
		gw_admin_done(state->self, &req, -EINVAL, why);
		return;
	}
	state->backup = req;
	state->backup_path = gw_strdup(state->self, argv[0]);
	if (mkdir(argv[0], 0700) != 0) {
		finish(state, -errno, "cannot make the folder");
		return;
	}
	snprintf(database, sizeof(database), "%s/services", argv[0]);
	status = GW_VIA(state->store, gw_store_ops, backup, database,
	                gw_call(state->self, CALL_BACKUP_STORED, 0));
	if (status != 0)
		finish(state, status, "the database cannot be copied");
}

void admin_backup_stored(void *state_, uint64_t tag, int status, uint64_t number)
{
	struct services_state *state = state_;
	const char *from = gw_server_string(state->self, "state-directory"),
		   *to = state->backup_path;
	size_t from_n = strlen(from) + 1, to_n = strlen(to) + 1;
	struct backup_job *job;

	(void)tag;
	(void)number;
	if (status == 0) {
		job = gw_job_new(state->self, sizeof(*job) + from_n + to_n);
		job->to = from_n;
		memcpy(job->paths, from, from_n);
		memcpy(job->paths + from_n, to, to_n);
		status = gw_job_start(state->self, GW_LANE_READ, CALL_BACKUP_RUN, job,
		                      gw_call(state->self, CALL_BACKUP_DONE, 0));
	}
	if (status != 0)
		finish(state, status, "the database cannot be copied");
}

void admin_backup_done(void *state, uint64_t tag, void *job)
{
	(void)tag;
	finish(state, ((struct backup_job *)job)->status,
	       "the keys and certificates cannot be copied");
}
