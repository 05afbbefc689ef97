/*
 * keyfile.c - this server's secret keys, in files that are nobody else's.
 *
 * Files are read and written whole with plain calls, so that no library's buffer keeps a copy of a
 * secret; what was on the stack is wiped.
 */
#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGIN "-----BEGIN GODWIT LINK SECRET KEY-----\n"
#define END "-----END GODWIT LINK SECRET KEY-----\n"
#define MAGIC "GWK1"
#define MAGIC_LEN 4
#define CHECK_LEN 4
#define CHECKED (MAGIC_LEN + 2 * KEY_BYTES)
#define BODY (CHECKED + CHECK_LEN)
#define BASE64 (BODY / 3 * 4)
#define LINE 64
#define TEXT_LEN (sizeof(BEGIN) - 1 + BASE64 + (BASE64 + LINE - 1) / LINE + sizeof(END) - 1)

_Static_assert(BODY % 3 == 0, "base64 without padding");
_Static_assert(TEXT_LEN < KEYFILE_TEXT_MAX, "a key file's text");

/* --- the text --- */

void key_pair_of(const uint8_t secret[KEY_BYTES], struct key_pair *pair_out)
{
	memcpy(pair_out->sk, secret, KEY_BYTES);
	crypto_scalarmult_base(pair_out->pk, secret);
}

static void check_of(const uint8_t body[BODY], uint8_t out[CHECK_LEN])
{
	uint8_t whole[32];

	crypto_generichash(whole, sizeof(whole), body, CHECKED, NULL, 0);
	memcpy(out, whole, CHECK_LEN);
}

size_t keyfile_format(const struct key_pair *pair, char out[KEYFILE_TEXT_MAX])
{
	uint8_t body[BODY];
	char base64[BASE64 + 1];
	int n;

	memcpy(body, MAGIC, MAGIC_LEN);
	memcpy(body + MAGIC_LEN, pair->sk, KEY_BYTES);
	memcpy(body + MAGIC_LEN + KEY_BYTES, pair->pk, KEY_BYTES);
	check_of(body, body + CHECKED);
	sodium_bin2base64(base64, sizeof(base64), body, BODY, sodium_base64_VARIANT_ORIGINAL);
	n = snprintf(out, KEYFILE_TEXT_MAX, BEGIN "%.*s\n%s\n" END, LINE, base64, base64 + LINE);
	sodium_memzero(body, sizeof(body));
	sodium_memzero(base64, sizeof(base64));
	return (size_t)n;
}

/* The body, if the text has a key file's length and letters. */
static bool unwrap(const char *text, size_t n, uint8_t body[BODY])
{
	const char *base64 = text + sizeof(BEGIN) - 1;
	size_t got = 0;

	return n == TEXT_LEN &&
	       sodium_base642bin(body, BODY, base64, BASE64 + 2, "\n", &got, NULL,
	                         sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       got == BODY;
}

/* One key has one file: the library's decoder lets some letters pass for others. */
static bool same_text(const char *text, size_t n, const struct key_pair *pair)
{
	char again[KEYFILE_TEXT_MAX];
	bool same = keyfile_format(pair, again) == n && sodium_memcmp(again, text, n) == 0;

	sodium_memzero(again, sizeof(again));
	return same;
}

static int body_read(const uint8_t body[BODY], struct key_pair *pair_out, struct gw_error *why)
{
	uint8_t check[CHECK_LEN];

	check_of(body, check);
	if (memcmp(body, MAGIC, MAGIC_LEN) != 0)
		return gw_fail(why, -EINVAL, "is no key file of this version");
	if (sodium_memcmp(check, body + CHECKED, CHECK_LEN) != 0)
		return gw_fail(why, -EINVAL, "is damaged: its checksum is wrong");
	key_pair_of(body + MAGIC_LEN, pair_out);
	if (memcmp(pair_out->pk, body + MAGIC_LEN + KEY_BYTES, KEY_BYTES) != 0)
		return gw_fail(why, -EINVAL, "has a public key that is not the secret key's");
	return 0;
}

int keyfile_parse(const char *text, size_t n, struct key_pair *pair_out, struct gw_error *why)
{
	uint8_t body[BODY];
	int status;

	if (!unwrap(text, n, body))
		status = gw_fail(why, -EINVAL, "is no key file, or was cut off or changed");
	else
		status = body_read(body, pair_out, why);
	if (status == 0 && !same_text(text, n, pair_out))
		status = gw_fail(why, -EINVAL, "was changed");
	if (status != 0)
		sodium_memzero(pair_out, sizeof(*pair_out));
	sodium_memzero(body, sizeof(body));
	return status;
}

/* --- the file --- */

/* The folder's descriptor, or negative errno with a sentence. */
static int folder_open(const char *state_directory, bool make, struct gw_error *why)
{
	char path[4096];
	struct stat st;
	int fd;

	if (snprintf(path, sizeof(path), "%s/keys", state_directory) >= (int)sizeof(path))
		return gw_fail(why, -ENAMETOOLONG, "The state directory's name is too long.");
	if (make && mkdir(path, 0700) != 0 && errno != EEXIST)
		return gw_fail(why, -errno, "%s cannot be made: %s.", path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return gw_fail(why, -errno, "%s cannot be opened: %s.", path, strerror(errno));
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0)
		return fd;
	close(fd);
	return gw_fail(why, -EPERM,
	               "%s must belong to the user that the server runs as, and be writable by "
	               "nobody else (chmod 700).",
	               path);
}

/* What is wrong with the file as the system sees it; NULL: nothing. */
static const char *stranger(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (st->st_uid != geteuid())
		return "does not belong to the user that the server runs as";
	if ((st->st_mode & 077) != 0)
		return "can be read by others than its owner: chmod 600 it, unless one of them may "
		       "have read it";
	return NULL;
}

static int refuse(const char *state_directory, const char *file, int status, const char *what,
                  struct gw_error *why)
{
	return gw_fail(why, status, "%s/keys/%s %s.", state_directory, file, what);
}

static int file_read(int fd, const char *state_directory, const char *file,
                     struct key_pair *pair_out, struct gw_error *why)
{
	char text[KEYFILE_TEXT_MAX];
	struct gw_error reason = {0};
	const char *wrong;
	struct stat st;
	ssize_t n;
	int status;

	if (fstat(fd, &st) != 0)
		return refuse(state_directory, file, -errno, strerror(errno), why);
	wrong = stranger(&st);
	if (wrong != NULL)
		return refuse(state_directory, file, -EPERM, wrong, why);
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return refuse(state_directory, file, -errno, strerror(errno), why);
	status = keyfile_parse(text, (size_t)n, pair_out, &reason);
	sodium_memzero(text, sizeof(text));
	if (status != 0)
		return refuse(state_directory, file, status, reason.text, why);
	return 0;
}

int keyfile_read(const char *state_directory, const char *file, struct key_pair *pair_out,
                 struct gw_error *why)
{
	int folder = folder_open(state_directory, false, why), fd, status;

	if (folder < 0)
		return folder;
	fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		status = file_read(fd, state_directory, file, pair_out, why);
		close(fd);
	} else if (errno == ELOOP) {
		status = refuse(state_directory, file, -EPERM, "is a symbolic link", why);
	} else {
		status = refuse(state_directory, file, -errno, strerror(errno), why);
	}
	close(folder);
	return status;
}

static int file_write(int folder, const char *temp, const struct key_pair *pair)
{
	char text[KEYFILE_TEXT_MAX];
	size_t n = keyfile_format(pair, text);
	int fd = openat(folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int status = 0;

	if (fd >= 0)
		errno = ENOSPC; /* a write that falls short says nothing */
	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fsync(fd) != 0)
		status = -errno;
	if (fd >= 0 && close(fd) != 0 && status == 0)
		status = -errno;
	sodium_memzero(text, sizeof(text));
	return status;
}

int keyfile_write(const char *state_directory, const char *file, const struct key_pair *pair,
                  struct gw_error *why)
{
	int folder = folder_open(state_directory, true, why), status = 0;
	char temp[64];

	if (folder < 0)
		return folder;
	snprintf(temp, sizeof(temp), "%s.new", file);
	unlinkat(folder, temp, 0); /* of a start that was cut off */
	if (faccessat(folder, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		status = -EEXIST;
	else
		status = file_write(folder, temp, pair);
	if (status == 0 && (renameat(folder, temp, folder, file) != 0 || fsync(folder) != 0))
		status = -errno;
	close(folder);
	if (status != 0)
		return refuse(state_directory, file, status, strerror(-status), why);
	return 0;
}

int keyfile_promote(const char *state_directory, struct gw_error *why)
{
	int folder = folder_open(state_directory, false, why), status = 0;

	if (folder < 0)
		return folder;
	if (renameat(folder, KEYFILE_NEXT, folder, KEYFILE_CURRENT) != 0 || fsync(folder) != 0)
		status = -errno;
	close(folder);
	if (status != 0)
		return refuse(state_directory, KEYFILE_NEXT, status, strerror(-status), why);
	return 0;
}
