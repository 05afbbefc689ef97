/*
 * modules/agent/login_file.c - the agent's own account and password, in a file that nobody else
 * can read: two lines.
 */
#include "login.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** A line of 1 to LOGIN_WORD_MAX bytes. */
static bool next_word(FILE *file, char out[LOGIN_WORD_MAX + 1])
{
	char line[LOGIN_WORD_MAX + 3];
	size_t len;
	bool fits;

	if (fgets(line, sizeof(line), file) == NULL)
		return false;
	len = strcspn(line, "\r\n");
	fits = len > 0 && len <= LOGIN_WORD_MAX;
	if (fits) {
		memcpy(out, line, len);
		out[len] = '\0';
	}
	sodium_memzero(line, sizeof(line));
	return fits;
}

static int judge(int fd, const char *path, struct gw_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return gw_fail(err, -errno, "cannot read %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return gw_fail(err, -EINVAL, "%s is not a regular file", path);
	if (st.st_uid != geteuid())
		return gw_fail(err, -EPERM, "%s belongs to another user", path);
	if ((st.st_mode & 077) != 0)
		return gw_fail(err, -EPERM, "others can read %s: chmod 600 %s", path, path);
	return 0;
}

static int read_words(FILE *file, const char *path, struct login_file *out, struct gw_error *err)
{
	char buffer[2 * LOGIN_WORD_MAX + 8];
	struct login_file words;
	bool whole;

	/* stdio's own buffer would keep the password. */
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	whole = next_word(file, words.account) && next_word(file, words.password) &&
	        strpbrk(words.account, ": ") == NULL;
	fclose(file);
	if (whole && out != NULL)
		*out = words;
	sodium_memzero(buffer, sizeof(buffer));
	sodium_memzero(&words, sizeof(words));
	if (!whole)
		return gw_fail(err, -EINVAL,
		               "%s has to have two lines: the account, and its password", path);
	return 0;
}

int login_file_read(const char *path, struct login_file *out, struct gw_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	FILE *file = NULL;
	int status;

	if (fd < 0)
		return gw_fail(err, -errno, "cannot read %s: %s", path, strerror(errno));
	status = judge(fd, path, err);
	if (status == 0)
		file = fdopen(fd, "r");
	if (file == NULL) {
		close(fd);
		return status != 0 ? status : gw_fail(err, -ENOMEM, "cannot read %s", path);
	}
	return read_words(file, path, out, err);
}
