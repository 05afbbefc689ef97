/*
 * The agent's addresses and fingerprints as text, and the file in which it remembers them.
 */
#include "modules/agent/upstreams_text.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ROW "two.example:6697 tls one.example:6697 network " HEX " 1767225600\n"

/* --- addresses --- */

static void an_address_has_one_form(void **state)
{
	static const struct {
		const char *text, *exact;
	} good[] = {
		{"irc.example.net", "irc.example.net:6697"},
		{"IRC.Example.NET.", "irc.example.net:6697"},
		{"irc.example.net:7000", "irc.example.net:7000"},
		{"localhost:1", "localhost:1"},
		{"192.0.2.1", "192.0.2.1:6697"},
		{"192.0.2.1:65535", "192.0.2.1:65535"},
		{"[2001:DB8::0001]", "[2001:db8::1]:6697"},
		{"[::1]:6667", "[::1]:6667"},
		{"[0::1]:6667", "[::1]:6667"},
		{"4you_2.example", "4you_2.example:6697"},
		{"unix:/run/irc/Sock", "unix:/run/irc/Sock"},
	};
	char exact[UPSTREAM_ADDRESS_MAX + 1], again[UPSTREAM_ADDRESS_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(upstream_address_read(good[i].text, 6697, exact, NULL), 0);
		assert_string_equal(exact, good[i].exact);
		assert_int_equal(upstream_address_read(exact, 1, again, NULL), 0);
		assert_string_equal(again, good[i].exact);
	}
}

static void what_is_no_address_is_refused_with_a_sentence(void **state)
{
	static const char *const bad[] = {
		"",
		":6697",
		".",
		"a..b",
		"-a",
		".a",
		"host:",
		"host:0",
		"host:65536",
		"host:06",
		"host:7x",
		"host:-1",
		"host: 7",
		"ho st",
		"::1",
		"2001:db8::1:6697",
		"[::1",
		"[]:7",
		"[host]:7",
		"[1.2.3.4]",
		"[::1]7",
		"[::1]x:7",
		"1.2.3.4.5",
		"1.2.3",
		"300.1.1.1",
		"\xc3\xa4",
		"http://h",
		"host/path",
		"h\n",
		"unix:",
		"unix:run",
		"unix:/a b",
		"unix:/a\n",
		"a:1:2",
		"host:99999999999",
		"[::1]:1:2",
		"a@b",
		"*",
		"::",
		"host:6697 ",
		" host",
		"unix",
	};
	char exact[UPSTREAM_ADDRESS_MAX + 1], longest[400];
	struct gw_error why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why.text[0] = '\0';
		if (upstream_address_read(bad[i], 6697, exact, &why) != -EINVAL)
			fail_msg("'%s' was taken: %s", bad[i], exact);
		assert_string_not_equal(why.text, "");
	}
	for (size_t n = 240; n < sizeof(longest); n++) {
		memset(longest, 'a', n);
		longest[n] = '\0';
		assert_int_equal(upstream_address_read(longest, 65535, exact, &why),
		                 n <= 253 ? 0 : -EINVAL);
	}
	memcpy(longest, "unix:/", 6);
	assert_int_equal(upstream_address_read(longest, 1, exact, &why), -EINVAL);
}

static void one_without_brackets_is_told_of_them(void **state)
{
	char exact[UPSTREAM_ADDRESS_MAX + 1];
	struct gw_error why;

	(void)state;
	upstream_address_read("2001:db8::1", 6697, exact, &why);
	assert_non_null(strstr(why.text, "brackets"));
	upstream_address_read("::1", 6697, exact, &why);
	assert_non_null(strstr(why.text, "brackets"));
}

/* --- fingerprints --- */

static void a_fingerprint_has_64_digits_with_colons_or_without(void **state)
{
	static const char *const bad[] = {"", "00", HEX "0", HEX "00", HEX " ", (" " HEX), "-"};
	uint8_t pin[UPSTREAM_PIN];
	char text[UPSTREAM_HEX + 1], colons[3 * UPSTREAM_PIN + 1], other[UPSTREAM_HEX + 1];

	(void)state;
	assert_true(upstream_pin_read(HEX, pin));
	upstream_pin_text(pin, text);
	assert_string_equal(text, HEX);
	for (int i = 0; i < UPSTREAM_PIN; i++)
		snprintf(colons + 3 * i, 4, "%.2s:", &HEX[2 * i]);
	colons[3 * UPSTREAM_PIN - 1] = '\0';
	memset(pin, 0, sizeof(pin));
	assert_true(upstream_pin_read(colons, pin));
	upstream_pin_text(pin, text);
	assert_string_equal(text, HEX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(upstream_pin_read(bad[i], pin));
	for (size_t i = 0; i < UPSTREAM_HEX; i++) {
		strcpy(other, HEX);
		other[i] = 'g';
		assert_false(upstream_pin_read(other, pin));
	}
}

/* --- the text of the file --- */

struct taken {
	struct upstream_row rows[8];
	size_t n;
};

static bool take(void *ctx, const struct upstream_row *row)
{
	struct taken *t = ctx;

	if (t->n == sizeof(t->rows) / sizeof(t->rows[0]))
		return false;
	t->rows[t->n++] = *row;
	return true;
}

static struct upstream_row some_row(const char *address, const char *by, bool has_pin,
                                    enum upstream_pin_from from, int64_t seconds)
{
	struct upstream_row row = {
		.tls = true, .has_pin = has_pin, .from = from, .used_ns = seconds * 1000000000};

	strcpy(row.address, address);
	strcpy(row.by, by);
	memset(row.pin, has_pin ? (int)from + 7 : 0, sizeof(row.pin));
	return row;
}

static void what_is_written_is_read_again(void **state)
{
	struct upstream_row rows[] = {
		some_row("one.example:6697", "", true, UPSTREAM_PIN_FIRST, 1767225600),
		some_row("[2001:db8::1]:6697", "one.example:6697", true, UPSTREAM_PIN_NETWORK, 1),
		some_row("unix:/run/irc", "", true, UPSTREAM_PIN_GIVEN, 0),
		some_row("two.example:1", "unix:/run/irc", false, UPSTREAM_PIN_FIRST, 9223372036),
	};
	char text[UPSTREAMS_FILE_MAX], longest[UPSTREAM_ADDRESS_MAX];
	size_t n = upstreams_text_head(text), line = 0;
	struct taken t = {.n = 0};

	(void)state;
	rows[3].tls = false;
	memset(longest, 'a', 253);
	strcpy(longest + 253, ":65535");
	strcpy(rows[1].by, longest);
	for (size_t i = 0; i < 4; i++) {
		size_t more = upstreams_text_row(&rows[i], text + n);

		assert_true(more <= UPSTREAM_ROW_MAX);
		n += more;
	}
	assert_int_equal(upstreams_text_read(text, n, take, &t, &line), 0);
	assert_int_equal(t.n, 4);
	for (size_t i = 0; i < 4; i++)
		assert_memory_equal(&t.rows[i], &rows[i], sizeof(rows[i]));
}

static void each_wrong_line_is_counted_and_the_others_are_used(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"two.example:6697",
		"two.example tls one.example:6697 network " HEX " 1",
		"TWO.example:6697 tls one.example:6697 network " HEX " 1",
		"two.example:6697 tsl one.example:6697 network " HEX " 1",
		"two.example:6697  tls one.example:6697 network " HEX " 1",
		"two.example:6697 tls one.example network " HEX " 1",
		"two.example:6697 tls  network " HEX " 1",
		"two.example:6697 tls one.example:6697 nobody " HEX " 1",
		"two.example:6697 tls one.example:6697 - " HEX " 1",
		"two.example:6697 tls one.example:6697 network - 1",
		"two.example:6697 tls one.example:6697 network 0" HEX " 1",
		"two.example:6697 tls one.example:6697 network 00:" HEX " 1",
		"two.example:6697 tls one.example:6697 network " HEX " -1",
		"two.example:6697 tls one.example:6697 network " HEX " 01",
		"two.example:6697 tls one.example:6697 network " HEX " 9223372037",
		"two.example:6697 tls one.example:6697 network " HEX " 99999999999999999999999",
		"two.example:6697 tls one.example:6697 network " HEX " ",
		"two.example:6697 tls one.example:6697 network " HEX,
		"two.example:6697 tls one.example:6697 network " HEX " 1 ",
		"two.example:6697 tls one.example:6697 network " HEX " 1 more",
		"two.example:6697 tls one.example:6697 network " HEX " 1\r",
		"# a comment of somebody's",
	};
	char text[UPSTREAMS_FILE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t line = 0, n = upstreams_text_head(text);
		struct taken t = {.n = 0};

		n += (size_t)snprintf(text + n, sizeof(text) - n, ROW "%s\n" ROW, bad[i]);
		if (upstreams_text_read(text, n, take, &t, &line) != 1)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(line, 3);
		assert_int_equal(t.n, 2);
		assert_string_equal(t.rows[1].address, "two.example:6697");
	}
}

static void a_cut_is_seen_wherever_it_is(void **state)
{
	char text[UPSTREAMS_FILE_MAX];
	size_t head = upstreams_text_head(text), n, line;

	(void)state;
	n = head + (size_t)snprintf(text + head, sizeof(text) - head, ROW ROW);
	for (size_t cut = 1; cut < n; cut++) {
		struct taken t = {.n = 0};
		bool whole = cut == head || cut == head + strlen(ROW);

		line = 0;
		assert_int_equal(upstreams_text_read(text, cut, take, &t, &line), !whole);
		assert_int_equal(line, whole ? 0 : 1 + (cut > head) + (cut > head + strlen(ROW)));
	}
}

static void a_zero_byte_and_an_endless_line_are_wrong(void **state)
{
	char *text = calloc(1, UPSTREAMS_FILE_MAX);
	struct taken t = {.n = 0};
	size_t line = 0;

	(void)state;
	strcpy(text, ROW);
	text[3] = '\0';
	assert_int_equal(upstreams_text_read(text, strlen(ROW), take, &t, &line), 1);
	memset(text, 'a', UPSTREAMS_FILE_MAX);
	assert_int_equal(upstreams_text_read(text, UPSTREAMS_FILE_MAX, take, &t, &line), 1);
	assert_int_equal(t.n, 0);
	free(text);
}

static void what_the_reader_does_not_take_counts_as_wrong(void **state)
{
	char text[UPSTREAMS_FILE_MAX] = "";
	struct taken t = {.n = 0};
	size_t line = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		strcat(text, ROW);
	assert_int_equal(upstreams_text_read(text, strlen(text), take, &t, &line), 2);
	assert_int_equal(line, 9);
}

/* --- the file itself --- */

struct desk {
	char folder[64], text[UPSTREAMS_FILE_MAX];
	struct gw_error why;
};

static int setup(void **state)
{
	struct desk *d = calloc(1, sizeof(*d));

	strcpy(d->folder, "/tmp/godwit-upstreams-XXXXXX");
	assert_non_null(mkdtemp(d->folder));
	*state = d;
	return 0;
}

static const char *path_of(struct desk *d, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", d->folder, name);
	return path;
}

static int teardown(void **state)
{
	static const char *const names[] = {"upstreams", "upstreams.new", "upstreams.broken", "x"};
	struct desk *d = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (unlink(path_of(d, names[i])) != 0)
			rmdir(path_of(d, names[i]));
	assert_int_equal(rmdir(d->folder), 0);
	free(d);
	return 0;
}

static ssize_t read_it(struct desk *d)
{
	memset(&d->why, 0, sizeof(d->why));
	return upstreams_file_read(d->folder, d->text, &d->why);
}

static void put(struct desk *d, const char *text, mode_t mode)
{
	assert_int_equal(upstreams_file_write(d->folder, text, strlen(text), NULL), 0);
	assert_int_equal(chmod(path_of(d, "upstreams"), mode), 0);
}

static void a_missing_file_is_no_mistake(void **state)
{
	assert_int_equal(read_it(*state), -ENOENT);
	assert_string_equal(((struct desk *)*state)->why.text, "");
}

static void a_file_is_its_owners_alone_and_replaced_whole(void **state)
{
	struct desk *d = *state;
	struct stat st;
	int fd = open(path_of(d, "upstreams.new"), O_WRONLY | O_CREAT, 0666);

	assert_true(fd >= 0); /* left by an agent that was cut off */
	close(fd);
	put(d, ROW, 0600);
	assert_int_equal(upstreams_file_write(d->folder, ROW ROW, 2 * strlen(ROW), NULL), 0);
	assert_int_equal(stat(path_of(d, "upstreams"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(read_it(d), 2 * strlen(ROW));
	assert_memory_equal(d->text, ROW ROW, 2 * strlen(ROW));
	assert_int_equal(access(path_of(d, "upstreams.new"), F_OK), -1);
}

static void what_others_may_have_written_is_not_believed(void **state)
{
	static const mode_t bad[] = {0620, 0602, 0666};
	struct desk *d = *state;

	put(d, ROW, 0644); /* no secret */
	assert_int_equal(read_it(d), strlen(ROW));
	for (size_t i = 0; i < 3; i++) {
		put(d, ROW, bad[i]);
		assert_int_equal(read_it(d), -EPERM);
		assert_non_null(strstr(d->why.text, "written by others"));
	}
}

static void what_is_no_file_is_not_read(void **state)
{
	struct desk *d = *state;

	assert_int_equal(mkdir(path_of(d, "upstreams"), 0700), 0);
	assert_int_equal(read_it(d), -EPERM);
	rmdir(path_of(d, "upstreams"));
	assert_int_equal(mkfifo(path_of(d, "upstreams"), 0600), 0);
	assert_int_equal(read_it(d), -EPERM);
	unlink(path_of(d, "upstreams"));
	assert_int_equal(symlink("/etc/passwd", path_of(d, "upstreams")), 0);
	assert_int_equal(read_it(d), -ELOOP);
	assert_string_not_equal(d->why.text, "");
}

static void one_that_is_too_long_is_not_read(void **state)
{
	struct desk *d = *state;

	put(d, ROW, 0600);
	assert_int_equal(truncate(path_of(d, "upstreams"), UPSTREAMS_FILE_MAX), 0);
	assert_int_equal(read_it(d), UPSTREAMS_FILE_MAX);
	assert_int_equal(truncate(path_of(d, "upstreams"), UPSTREAMS_FILE_MAX + 1), 0);
	assert_int_equal(read_it(d), -EPERM);
}

static void a_broken_one_is_kept_under_another_name(void **state)
{
	struct desk *d = *state;
	struct stat st;

	put(d, "first", 0600);
	assert_int_equal(upstreams_file_aside(d->folder), 0);
	put(d, "second", 0600);
	assert_int_equal(upstreams_file_aside(d->folder), 0);
	put(d, "good", 0600);
	assert_int_equal(stat(path_of(d, "upstreams.broken"), &st), 0);
	assert_int_equal(st.st_size, 6);
	unlink(path_of(d, "upstreams"));
	assert_int_equal(mkdir(path_of(d, "upstreams"), 0700), 0);
	assert_int_equal(upstreams_file_aside(d->folder), 0);
	assert_int_equal(stat(path_of(d, "upstreams.broken"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
}

static void a_write_that_fails_leaves_what_was(void **state)
{
	struct desk *d = *state;

	put(d, ROW, 0600);
	assert_int_equal(mkdir(path_of(d, "upstreams.new"), 0700), 0);
	assert_int_not_equal(upstreams_file_write(d->folder, "x", 1, &d->why), 0);
	assert_string_not_equal(d->why.text, "");
	assert_int_equal(read_it(d), strlen(ROW));
	assert_int_not_equal(upstreams_file_write("/nowhere/at/all", "x", 1, &d->why), 0);
	assert_true(upstreams_file_read("/nowhere/at/all", d->text, &d->why) < 0);
	assert_int_not_equal(upstreams_file_aside("/nowhere/at/all"), 0);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_one_form),
		cmocka_unit_test(what_is_no_address_is_refused_with_a_sentence),
		cmocka_unit_test(one_without_brackets_is_told_of_them),
		cmocka_unit_test(a_fingerprint_has_64_digits_with_colons_or_without),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(each_wrong_line_is_counted_and_the_others_are_used),
		cmocka_unit_test(a_cut_is_seen_wherever_it_is),
		cmocka_unit_test(a_zero_byte_and_an_endless_line_are_wrong),
		cmocka_unit_test(what_the_reader_does_not_take_counts_as_wrong),
		IN_FOLDER(a_missing_file_is_no_mistake),
		IN_FOLDER(a_file_is_its_owners_alone_and_replaced_whole),
		IN_FOLDER(what_others_may_have_written_is_not_believed),
		IN_FOLDER(what_is_no_file_is_not_read),
		IN_FOLDER(one_that_is_too_long_is_not_read),
		IN_FOLDER(a_broken_one_is_kept_under_another_name),
		IN_FOLDER(a_write_that_fails_leaves_what_was),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
