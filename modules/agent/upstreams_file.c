/*
 * modules/agent/upstreams_file.c - the file `upstreams` of the state directory.
 *
 * It says whom the agent trusts with passwords, so one that somebody else may have written is not
 * believed.
 */
#include "upstreams_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "upstreams"

static int folder_open(const char *folder, struct gw_error *why)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd
	               : gw_fail(why, -errno, "%.160s cannot be opened: %s.", folder,
	                         strerror(errno));
}

static int refuse(const char *folder, int status, const char *what, struct gw_error *why)
{
	return gw_fail(why, status, "%.160s/" FILE_NAME " %s.", folder, what);
}

/* What is wrong with the file as the system sees it; NULL: nothing. */
static const char *stranger(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (st->st_uid != geteuid())
		return "does not belong to the user that the agent runs as";
	if ((st->st_mode & 022) != 0)
		return "can be written by others than its owner";
	return st->st_size > UPSTREAMS_FILE_MAX ? "is longer than the agent writes it" : NULL;
}

static ssize_t read_whole(int fd, const char *folder, char out[UPSTREAMS_FILE_MAX],
                          struct gw_error *why)
{
	const char *wrong;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return refuse(folder, -errno, strerror(errno), why);
	wrong = stranger(&st);
	if (wrong != NULL)
		return refuse(folder, -EPERM, wrong, why);
	n = read(fd, out, UPSTREAMS_FILE_MAX);
	return n >= 0 ? n : refuse(folder, -errno, strerror(errno), why);
}

ssize_t upstreams_file_read(const char *folder, char out[UPSTREAMS_FILE_MAX], struct gw_error *why)
{
	int dir = folder_open(folder, why), fd, status;
	ssize_t n;

	if (dir < 0)
		return dir;
	fd = openat(dir, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	status = -errno;
	close(dir);
	if (fd < 0 && status == -ENOENT)
		return status;
	if (fd < 0)
		return refuse(folder, status,
		              status == -ELOOP ? "is a symbolic link" : strerror(-status), why);
	n = read_whole(fd, folder, out, why);
	close(fd);
	return n;
}

static int write_new(int dir, const char *text, size_t n)
{
	int fd, status = 0;

	unlinkat(dir, FILE_NAME ".new", 0); /* of an agent that was cut off */
	fd = openat(dir, FILE_NAME ".new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	            0600);
	if (fd >= 0)
		errno = ENOSPC; /* a write that falls short says nothing */
	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fsync(fd) != 0)
		status = -errno;
	if (fd >= 0 && close(fd) != 0 && status == 0)
		status = -errno;
	return status;
}

int upstreams_file_write(const char *folder, const char *text, size_t n, struct gw_error *why)
{
	int dir = folder_open(folder, why), status;

	if (dir < 0)
		return dir;
	status = write_new(dir, text, n);
	if (status == 0 &&
	    (renameat(dir, FILE_NAME ".new", dir, FILE_NAME) != 0 || fsync(dir) != 0))
		status = -errno;
	close(dir);
	return status == 0 ? 0 : refuse(folder, status, strerror(-status), why);
}

int upstreams_file_aside(const char *folder)
{
	int dir = folder_open(folder, NULL), status = 0;

	if (dir < 0)
		return dir;
	unlinkat(dir, FILE_NAME ".broken", 0);
	if (linkat(dir, FILE_NAME, dir, FILE_NAME ".broken", 0) != 0 && /* no regular file... */
	    renameat(dir, FILE_NAME, dir, FILE_NAME ".broken") != 0)
		status = -errno;
	close(dir);
	return status;
}
