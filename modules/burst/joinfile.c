/*
 * burst/joinfile.c - the file `join` in the state directory: that this server is joining, and by
 * whom.
 *
 * Lines of a word and a value. It is written before the first byte goes out and removed when the
 * server is a member and knows its way back, so any start in between goes on with the join.
 */
#include "burst.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 4096
#define LINE_MAX 512

/** Rows of the file. A flag is `yes`, or not there. */
static const struct {
	const char *word;
	size_t offset, room; /* room 0: a flag */
} rows[] = {
	{"name", offsetof(struct join_order, name), sizeof(((struct join_order *)0)->name)},
	{"address", offsetof(struct join_order, address),
         sizeof(((struct join_order *)0)->address)},
	{"key", offsetof(struct join_order, key), sizeof(((struct join_order *)0)->key)},
	{"member", offsetof(struct join_order, member), sizeof(((struct join_order *)0)->member)},
	{"again", offsetof(struct join_order, again), 0},
	{"begun", offsetof(struct join_order, begun), 0},
	{"then-exit", offsetof(struct join_order, then_exit), 0},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static bool path_of(const char *folder, const char *file, char out[PATH_ROOM])
{
	return snprintf(out, PATH_ROOM, "%s/%s", folder, file) < PATH_ROOM;
}

static void folder_sync(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

static void put_rows(FILE *file, const struct join_order *order)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		const char *at = (const char *)order + rows[i].offset;

		if (rows[i].room > 0 && *at != '\0')
			fprintf(file, "%s %s\n", rows[i].word, at);
		else if (rows[i].room == 0 && *(const bool *)at)
			fprintf(file, "%s yes\n", rows[i].word);
	}
}

int joinfile_write(const char *state_directory, const struct join_order *order,
                   struct gw_error *err)
{
	char path[PATH_ROOM], made[PATH_ROOM];
	FILE *file = NULL;
	int fd, status = 0;

	if (!path_of(state_directory, "join", path) || !path_of(state_directory, "join.new", made))
		return gw_fail(err, -ENAMETOOLONG, "the state directory's name is too long");
	unlink(made);
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		file = fdopen(fd, "w");
	if (file == NULL)
		return gw_fail(err, -errno, "cannot write %s: %s", made, strerror(errno));
	put_rows(file, order);
	if (fflush(file) != 0 || ferror(file) || fsync(fd) != 0)
		status = -errno;
	fclose(file);
	if (status == 0 && rename(made, path) != 0)
		status = -errno;
	if (status != 0)
		return gw_fail(err, status, "cannot write %s: %s", path, strerror(-status));
	folder_sync(state_directory);
	return 0;
}

/* False: a line that is none of ours, or too long a value. */
static bool take_row(struct join_order *out, const char *word, const char *value)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		char *at = (char *)out + rows[i].offset;

		if (strcmp(rows[i].word, word) != 0)
			continue;
		if (rows[i].room > 0)
			return snprintf(at, rows[i].room, "%s", value) < (int)rows[i].room;
		*(bool *)at = strcmp(value, "yes") == 0;
		return true;
	}
	return false;
}

static bool take_line(struct join_order *out, char *line)
{
	char *space = strchr(line, ' '), *end = strchr(line, '\n');

	if (space == NULL || end == NULL || end < space)
		return false;
	*space = *end = '\0';
	return take_row(out, line, space + 1);
}

int joinfile_read(const char *state_directory, struct join_order *out, struct gw_error *err)
{
	char path[PATH_ROOM], line[LINE_MAX];
	bool right = true;
	FILE *file;

	memset(out, 0, sizeof(*out));
	if (!path_of(state_directory, "join", path))
		return gw_fail(err, -ENAMETOOLONG, "the state directory's name is too long");
	file = fopen(path, "re");
	if (file == NULL)
		return errno == ENOENT
		               ? -ENOENT
		               : gw_fail(err, -errno, "cannot read %s: %s", path, strerror(errno));
	while (right && fgets(line, sizeof(line), file) != NULL)
		right = take_line(out, line);
	fclose(file);
	if (!right || out->address[0] == '\0' || out->key[0] == '\0')
		return gw_fail(err, -EINVAL, "%s is damaged: remove it, and begin the join anew",
		               path);
	return 0;
}

int joinfile_remove(const char *state_directory)
{
	char path[PATH_ROOM];

	if (!path_of(state_directory, "join", path))
		return -ENAMETOOLONG;
	if (unlink(path) != 0 && errno != ENOENT)
		return -errno;
	folder_sync(state_directory);
	return 0;
}
