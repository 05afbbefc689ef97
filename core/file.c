/*
 * core/file.c - small files of the state directory: written aside, synced, renamed.
 */
#include "core/file.h"
#include "core/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void sync_folder(const char *path)
{
	char *copy = mem_strdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

int file_write(const char *path, mode_t mode, const void *data, size_t n, struct gw_error *err)
{
	char *temp = mem_printf("%s.new", path);
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	int status = 0;

	if (fd < 0 || fchmod(fd, mode) != 0 || write(fd, data, n) != (ssize_t)n || fsync(fd) != 0 ||
	    rename(temp, path) != 0)
		status = gw_fail(err, -errno, "cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (status == 0)
		sync_folder(path);
	else
		unlink(temp);
	free(temp);
	return status;
}
