/*
 * services/scratch.c - files without a name: rounds that are put aside (round_file.c), rows that
 * are being sorted (pile.c).
 */
#include "scratch.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int scratch_open(const char *folder)
{
	char path[4096];
	int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (file >= 0)
		return file;
	/* A file system that does not know files without a name. */
	snprintf(path, sizeof(path), "%s/services.tmp", folder);
	file = open(path, O_CREAT | O_TRUNC | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
	if (file >= 0)
		unlink(path);
	return file < 0 ? -errno : file;
}
