/*
 * core/state_dir.c - the server's folder: lock, modules.live.
 */
#include "core/state_dir.h"
#include "core/mem.h"
#include "core/server.h"
#include "core/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* `owner` NULL: ourselves. */
static int make_dir(const char *path, const struct state_owner *owner, struct gw_error *err)
{
	if (mkdir(path, 0700) == 0 && (owner == NULL || lchown(path, owner->uid, owner->gid) == 0))
		return 0;
	if (errno == EEXIST)
		return 0;
	return gw_fail(err, -errno, "cannot make the folder %s: %s", path, strerror(errno));
}

/** The folder itself and what of its parents is missing. */
static int make_path(const char *path, const struct state_owner *owner, struct gw_error *err)
{
	char *part = mem_strdup(path);
	int status = 0;

	for (char *slash = strchr(part + 1, '/'); slash != NULL && status == 0;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		status = make_dir(part, owner, err);
		*slash = '/';
	}
	if (status == 0)
		status = make_dir(part, owner, err);
	free(part);
	return status;
}

/** flock() belongs to the open file, so it also tells two servers of one process apart. */
static int take_lock(struct gw_server *server, const char *folder, struct gw_error *err)
{
	char *path = mem_printf("%s/lock", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), status = 0;

	if (fd < 0)
		status = gw_fail(err, -errno, "cannot open %s: %s%s", path, strerror(errno),
		                 errno == EACCES && server->dropped
		                         ? "; the folder must belong to the user that 'user' names"
		                         : "");
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		status = gw_fail(
			err, -EADDRINUSE,
			"another server runs in %s: each needs a state-directory of its own",
			folder);
	free(path);
	if (status != 0 && fd >= 0)
		close(fd);
	if (status == 0)
		server->lock_fd = fd;
	return status;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)kind;
	(void)walk;
	remove(path);
	return 0;
}

static char *live_dir(struct gw_server *server)
{
	return mem_printf("%s/modules.live", server->settings->state_directory);
}

static int prepare_copies(struct gw_server *server, struct gw_error *err)
{
	char *live = live_dir(server);
	char *own = mem_printf("%s/%ld", live, (long)getpid());
	int status;

	nftw(live, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	status = make_dir(live, NULL, err);
	if (status == 0)
		status = make_dir(own, NULL, err);
	free(live);
	free(own);
	return status;
}

int state_dir_make(struct gw_server *server, struct gw_error *err)
{
	return make_path(server->settings->state_directory, NULL, err);
}

int state_dir_make_for(struct gw_server *server, const struct state_owner *owner,
                       struct gw_error *err)
{
	return make_path(server->settings->state_directory, owner, err);
}

int state_dir_lock(struct gw_server *server, struct gw_error *err)
{
	int status = state_dir_make(server, err);

	if (status == 0 && server->lock_fd < 0)
		status = take_lock(server, server->settings->state_directory, err);
	return status;
}

int state_dir_open(struct gw_server *server, struct gw_error *err)
{
	int status = state_dir_lock(server, err);

	if (status == 0)
		status = prepare_copies(server, err);
	return status;
}

void state_dir_close(struct gw_server *server)
{
	char *live;

	if (server->lock_fd < 0)
		return;
	live = live_dir(server);
	nftw(live, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(live);
	close(server->lock_fd);
	server->lock_fd = -1;
}

char *state_dir_copy(struct gw_server *server)
{
	return mem_printf("%s/modules.live/%ld/%06u", server->settings->state_directory,
	                  (long)getpid(), ++server->last_copy);
}
