/*
 * Keys of servers: as text, as words, and in files.
 */
#include "modules/link/keyfile.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct key_pair some_pair(uint8_t secret)
{
	struct key_pair pair;
	uint8_t sk[KEY_BYTES];

	memset(sk, secret, sizeof(sk));
	key_pair_of(sk, &pair);
	return pair;
}

/* --- texts --- */

static void a_text_is_read_back(void **state)
{
	struct key_pair pair = some_pair(1);
	char text[KEY_TEXT_SIZE];
	uint8_t pk[KEY_BYTES];

	(void)state;
	key_text(pair.pk, text);
	assert_int_equal(strlen(text), KEY_TEXT_SIZE - 1);
	assert_int_equal(key_parse(text, pk, NULL), 0);
	assert_memory_equal(pk, pair.pk, KEY_BYTES);
}

static void no_character_of_a_text_may_change(void **state)
{
	static const char others[] = "AZaz09-_+/= \n.\x80\xff";
	struct key_pair pair = some_pair(4); /* its texts have all that is special */
	struct gw_error why;
	char text[KEY_TEXT_SIZE], copy[KEY_TEXT_SIZE + 1];
	uint8_t pk[KEY_BYTES];

	(void)state;
	key_text(pair.pk, text);
	for (size_t i = 0; i < KEY_TEXT_SIZE - 1; i++)
		for (size_t j = 0; j < sizeof(others) - 1; j++) {
			if (text[i] == others[j])
				continue;
			strcpy(copy, text);
			copy[i] = others[j];
			why.text[0] = '\0';
			assert_int_equal(key_parse(copy, pk, &why), -EINVAL);
			assert_string_not_equal(why.text, "");
		}
}

/* Who copied half of it is told so. */
static void a_wrong_checksum_is_called_that(void **state)
{
	struct key_pair pair = some_pair(1);
	char text[KEY_TEXT_SIZE], file[KEYFILE_TEXT_MAX];
	struct gw_error why;
	uint8_t pk[KEY_BYTES];
	size_t n;

	(void)state;
	key_text(pair.pk, text);
	text[20] = text[20] == 'A' ? 'B' : 'A';
	assert_int_equal(key_parse(text, pk, &why), -EINVAL);
	assert_non_null(strstr(why.text, "checksum"));
	n = keyfile_format(&pair, file);
	file[60] = file[60] == 'A' ? 'B' : 'A';
	assert_int_equal(keyfile_parse(file, n, &pair, &why), -EINVAL);
	assert_non_null(strstr(why.text, "checksum"));
}

static void a_text_has_one_length(void **state)
{
	struct key_pair pair = some_pair(1);
	char text[KEY_TEXT_SIZE], copy[KEY_TEXT_SIZE + 1];
	uint8_t pk[KEY_BYTES];

	(void)state;
	key_text(pair.pk, text);
	for (size_t n = 0; n < KEY_TEXT_SIZE - 1; n++) {
		memcpy(copy, text, n);
		copy[n] = '\0';
		assert_int_equal(key_parse(copy, pk, NULL), -EINVAL);
	}
	snprintf(copy, sizeof(copy), "%sA", text);
	assert_int_equal(key_parse(copy, pk, NULL), -EINVAL);
}

/* Points of small order, in all their spellings: from what is known of the curve. */
static void keys_that_are_none_are_refused(void **state)
{
	static const char *const hex[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	uint8_t pk[KEY_BYTES];
	char text[KEY_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(hex) / sizeof(hex[0]); i++) {
		assert_int_equal(sodium_hex2bin(pk, sizeof(pk), hex[i], 64, NULL, NULL, NULL), 0);
		assert_false(key_usable(pk));
		key_text(pk, text);
		assert_int_equal(key_parse(text, pk, NULL), -EINVAL);
	}
}

static void the_top_bit_is_no_second_name(void **state)
{
	struct key_pair pair = some_pair(1);

	(void)state;
	assert_true(key_usable(pair.pk));
	pair.pk[KEY_BYTES - 1] |= 0x80;
	assert_false(key_usable(pair.pk));
}

static void words_are_pronounceable(void **state)
{
	static const uint8_t localhost[] = {127, 0, 0, 1}, all[] = {0xff, 0xff, 0, 0};
	char words[KEY_WORDS_SIZE];
	struct key_pair pair = some_pair(1);

	(void)state;
	words_of(localhost, sizeof(localhost), words);
	assert_string_equal(words, "lusab-babad");
	words_of(all, sizeof(all), words);
	assert_string_equal(words, "zuzuz-babab");
	words_of(all, 0, words);
	assert_string_equal(words, "");
	key_words(pair.pk, words);
	assert_int_equal(strlen(words), KEY_WORDS_SIZE - 1);
}

/* --- the text of a file --- */

static void a_file_is_read_back(void **state)
{
	struct key_pair pair = some_pair(1), read;
	char text[KEYFILE_TEXT_MAX];
	size_t n = keyfile_format(&pair, text);

	(void)state;
	assert_int_equal(keyfile_parse(text, n, &read, NULL), 0);
	assert_memory_equal(&read, &pair, sizeof(pair));
}

static void no_byte_of_a_file_may_change(void **state)
{
	static const struct key_pair nothing;
	static const char others[] = {'A', '/', '\n', ' ', '=', '-', 0, (char)0x80, (char)0xff};
	struct key_pair pair = some_pair(4), read; /* its text has a slash */
	char text[KEYFILE_TEXT_MAX], copy[KEYFILE_TEXT_MAX];
	size_t n = keyfile_format(&pair, text);
	struct gw_error why;

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < sizeof(others); j++) {
			if (text[i] == others[j])
				continue;
			memcpy(copy, text, n);
			copy[i] = others[j];
			why.text[0] = '\0';
			assert_int_equal(keyfile_parse(copy, n, &read, &why), -EINVAL);
			assert_string_not_equal(why.text, "");
			assert_memory_equal(&read, &nothing, sizeof(nothing));
		}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(keyfile_parse(text, i, &read, NULL), -EINVAL);
}

/* The checksum is right, and the public key is another's. */
static void a_file_of_two_pairs_is_refused(void **state)
{
	struct key_pair mixed = some_pair(1), other = some_pair(2), read;
	char text[KEYFILE_TEXT_MAX];
	struct gw_error why;
	size_t n;

	(void)state;
	memcpy(mixed.pk, other.pk, KEY_BYTES);
	n = keyfile_format(&mixed, text);
	assert_int_equal(keyfile_parse(text, n, &read, &why), -EINVAL);
	assert_non_null(strstr(why.text, "not the secret key's"));
}

/* --- the file --- */

static int folder_new(void **state)
{
	char *path = strdup("/tmp/godwit-keys-XXXXXX");

	*state = path;
	return mkdtemp(path) == NULL ? -1 : 0;
}

static int folder_remove(void **state)
{
	char command[64];
	int status;

	snprintf(command, sizeof(command), "rm -rf %s", (const char *)*state);
	status = system(command);
	free(*state);
	return status;
}

static char *path_of(const char *folder, const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/keys/%s", folder, file);
	return path;
}

static void write_some(const char *folder, uint8_t secret)
{
	struct key_pair pair = some_pair(secret);

	assert_int_equal(keyfile_write(folder, KEYFILE_CURRENT, &pair, NULL), 0);
}

/* It is refused with `status`, and the sentence names the file and says `what`. */
static void expect_refused(const char *folder, int status, const char *what)
{
	struct gw_error why = {0};
	struct key_pair pair;

	assert_int_equal(keyfile_read(folder, KEYFILE_CURRENT, &pair, &why), status);
	assert_non_null(strstr(why.text, "/keys"));
	assert_non_null(strstr(why.text, what));
}

static void a_written_file_is_its_owners_alone(void **state)
{
	struct key_pair pair = some_pair(1), read;
	struct stat st;

	assert_int_equal(keyfile_read(*state, KEYFILE_CURRENT, &read, NULL), -ENOENT);
	assert_int_equal(keyfile_write(*state, KEYFILE_CURRENT, &pair, NULL), 0);
	assert_int_equal(keyfile_read(*state, KEYFILE_CURRENT, &read, NULL), 0);
	assert_memory_equal(&read, &pair, sizeof(pair));
	assert_int_equal(stat(path_of(*state, KEYFILE_CURRENT), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(path_of(*state, ""), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(access(path_of(*state, KEYFILE_CURRENT ".new"), F_OK), -1);
}

static void a_key_is_never_written_over(void **state)
{
	struct key_pair other = some_pair(2), read;

	write_some(*state, 1);
	assert_int_equal(keyfile_write(*state, KEYFILE_CURRENT, &other, NULL), -EEXIST);
	assert_int_equal(keyfile_read(*state, KEYFILE_CURRENT, &read, NULL), 0);
	assert_memory_not_equal(&read, &other, sizeof(other));
}

static void the_next_key_takes_the_place_of_the_first(void **state)
{
	struct key_pair next = some_pair(2), read;

	write_some(*state, 1);
	assert_int_equal(keyfile_promote(*state, NULL), -ENOENT);
	assert_int_equal(keyfile_write(*state, KEYFILE_NEXT, &next, NULL), 0);
	assert_int_equal(keyfile_promote(*state, NULL), 0);
	assert_int_equal(keyfile_read(*state, KEYFILE_CURRENT, &read, NULL), 0);
	assert_memory_equal(&read, &next, sizeof(next));
	assert_int_equal(keyfile_read(*state, KEYFILE_NEXT, &read, NULL), -ENOENT);
}

static void a_start_that_was_cut_off_leaves_nothing_in_the_way(void **state)
{
	struct key_pair pair = some_pair(1);
	int fd;

	assert_int_equal(mkdir(path_of(*state, ""), 0700), 0);
	fd = open(path_of(*state, KEYFILE_CURRENT ".new"), O_CREAT | O_WRONLY, 0644);
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	assert_int_equal(keyfile_write(*state, KEYFILE_CURRENT, &pair, NULL), 0);
	assert_int_equal(keyfile_read(*state, KEYFILE_CURRENT, &pair, NULL), 0);
}

static void a_file_that_others_can_read_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666};

	write_some(*state, 1);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path_of(*state, KEYFILE_CURRENT), modes[i]), 0);
		expect_refused(*state, -EPERM, "chmod 600");
	}
}

static void a_folder_that_others_can_write_is_refused(void **state)
{
	write_some(*state, 1);
	assert_int_equal(chmod(path_of(*state, ""), 0770), 0);
	expect_refused(*state, -EPERM, "chmod 700");
}

static void what_is_no_file_is_refused(void **state)
{
	char target[256];

	write_some(*state, 1);
	snprintf(target, sizeof(target), "%s/elsewhere", (const char *)*state);
	assert_int_equal(rename(path_of(*state, KEYFILE_CURRENT), target), 0);
	assert_int_equal(symlink(target, path_of(*state, KEYFILE_CURRENT)), 0);
	expect_refused(*state, -EPERM, "symbolic link");
	unlink(path_of(*state, KEYFILE_CURRENT));
	assert_int_equal(mkfifo(path_of(*state, KEYFILE_CURRENT), 0600), 0);
	expect_refused(*state, -EPERM, "no regular file");
	unlink(path_of(*state, KEYFILE_CURRENT));
	assert_int_equal(mkdir(path_of(*state, KEYFILE_CURRENT), 0700), 0);
	expect_refused(*state, -EPERM, "no regular file");
}

static void another_users_file_is_refused(void **state)
{
	if (geteuid() != 0)
		skip();
	write_some(*state, 1);
	assert_int_equal(chown(path_of(*state, KEYFILE_CURRENT), 65534, 0), 0);
	expect_refused(*state, -EPERM, "does not belong");
	assert_int_equal(chown(path_of(*state, KEYFILE_CURRENT), 0, 0), 0);
	assert_int_equal(chown(path_of(*state, ""), 65534, 0), 0);
	expect_refused(*state, -EPERM, "must belong");
}

static void a_cut_off_or_longer_file_is_refused(void **state)
{
	struct stat st;
	int fd;

	write_some(*state, 1);
	assert_int_equal(stat(path_of(*state, KEYFILE_CURRENT), &st), 0);
	for (off_t n = st.st_size - 1; n >= 0; n -= 16) {
		assert_int_equal(truncate(path_of(*state, KEYFILE_CURRENT), n), 0);
		expect_refused(*state, -EINVAL, "cut off");
	}
	unlink(path_of(*state, KEYFILE_CURRENT));
	write_some(*state, 1);
	fd = open(path_of(*state, KEYFILE_CURRENT), O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "x", 1), 1);
	expect_refused(*state, -EINVAL, "cut off");
	assert_int_equal(ftruncate(fd, 100000), 0);
	close(fd);
	expect_refused(*state, -EINVAL, "cut off");
}

#define with_folder(test) cmocka_unit_test_setup_teardown(test, folder_new, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_is_read_back),
		cmocka_unit_test(no_character_of_a_text_may_change),
		cmocka_unit_test(a_wrong_checksum_is_called_that),
		cmocka_unit_test(a_text_has_one_length),
		cmocka_unit_test(keys_that_are_none_are_refused),
		cmocka_unit_test(the_top_bit_is_no_second_name),
		cmocka_unit_test(words_are_pronounceable),
		cmocka_unit_test(a_file_is_read_back),
		cmocka_unit_test(no_byte_of_a_file_may_change),
		cmocka_unit_test(a_file_of_two_pairs_is_refused),
		with_folder(a_written_file_is_its_owners_alone),
		with_folder(a_key_is_never_written_over),
		with_folder(the_next_key_takes_the_place_of_the_first),
		with_folder(a_start_that_was_cut_off_leaves_nothing_in_the_way),
		with_folder(a_file_that_others_can_read_is_refused),
		with_folder(a_folder_that_others_can_write_is_refused),
		with_folder(what_is_no_file_is_refused),
		with_folder(another_users_file_is_refused),
		with_folder(a_cut_off_or_longer_file_is_refused),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
