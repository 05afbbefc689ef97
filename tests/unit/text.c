/*
 * tests/unit/text.c - UTF-8, names and escapes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/text.h"

#include <string.h>

static void test_well_formed_utf8_is_measured(void **state)
{
	static const struct {
		const char *bytes;
		size_t n, len;
	} cases[] = {
		{"", 0, 0},
		{"a", 1, 1},
		{"\0", 1, 1},
		{"\xc3\xa9", 2, 2},
		{"\xe2\x82\xac", 3, 3},
		{"\xf0\x9f\x90\xa6", 4, 4},
		{"\xf4\x8f\xbf\xbf", 4, 4},
		{"\xc3", 1, 0},             /* cut off */
		{"\xf0\x9f\x90", 3, 0},     /* cut off */
		{"\x80", 1, 0},             /* a continuation */
		{"\xc0\x80", 2, 0},         /* overlong */
		{"\xe0\x80\x80", 3, 0},     /* overlong */
		{"\xed\xa0\x80", 3, 0},     /* a surrogate */
		{"\xf4\x90\x80\x80", 4, 0}, /* past the last */
		{"\xff", 1, 0},
		{"\xc3\x28", 2, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(text_utf8(cases[i].bytes, cases[i].n), cases[i].len);
}

static void test_control_characters_are_not_printable(void **state)
{
	static const char *const bad[] = {"a\nb", "\t", "\x7f", "\xc2\x85", "\x1b[1m", "\xff"};

	(void)state;
	assert_true(text_printable("gr\xc3\xbc\xc3\x9f dich", 10));
	assert_true(text_printable("\xc2\xa0", 2));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_printable(bad[i], strlen(bad[i])));
}

static void test_names_of_modules(void **state)
{
	static const char *const bad[] = {"",   "Store", "../x", "a-b",
	                                  "1a", "_a",    "a b",  "abcdefghi"};

	(void)state;
	assert_true(text_is_name("store", 8));
	assert_true(text_is_name("a_1", 8));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_is_name(bad[i], 8));
}

static void test_what_could_break_a_line_is_escaped(void **state)
{
	char out[64];

	(void)state;
	assert_int_equal(text_escape(out, sizeof(out),
	                             "a\nb\rc\td\x01"
	                             "e\xff\xc3\xa9",
	                             12),
	                 21);
	assert_string_equal(out, "a\\nb\\rc\\td\\x01e\\xff\xc3\xa9");
}

static void test_a_cut_leaves_no_half_of_a_character(void **state)
{
	char out[6];

	(void)state;
	assert_int_equal(text_escape(out, sizeof(out), "abcd\xc3\xa9", 6), 4);
	assert_string_equal(out, "abcd");
	assert_int_equal(text_escape(out, sizeof(out), "abc\n", 4), 5);
	assert_int_equal(text_escape(out, sizeof(out), "abcd\n", 5), 4);
}

static void test_places_where_others_connect(void **state)
{
	static const char *const good[] = {
		"irc.example.net:6697", "192.0.2.1:1",        "[2001:db8::1]:65535",
		"localhost:6667",       "a-b.1.example:6667", "[::1]:6667",
	};
	static const char *const bad[] = {
		"",           "6697",       ":6697",   "host",       "host:",    "host:0",
		"host:65536", "host:70x",   "host:-1", "host: 7000", "a b:7000", "::1:7000",
		"[::1]",      "[::1:7000",  "[]:7000", "[host]:700", "1.2.3:80", "0.0.0.0:80",
		"[::]:80",    "unix:/path", ".a:80",   "a..b:80",    "h\n:80",   "[1.2.3.4]:80",
		"[:80",       "host:07000",
	};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(text_is_place(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_is_place(bad[i]));
	memset(longest, 'a', sizeof(longest));
	strcpy(longest + sizeof(longest) - 6, ":6697");
	assert_false(text_is_place(longest));
}

static void test_the_name_of_a_place_is_found(void **state)
{
	static const char *const names[][2] = {{"irc.example.net:6697", "irc.example.net"},
	                                       {"irc.example.net.:6697", "irc.example.net"},
	                                       {"localhost:1", "localhost"}};
	static const char *const none[] = {"127.0.0.1:1", "[::1]:1",    "[fe80::1%eth0]:1",
	                                   "127.1:1",     "unix:/path", "",
	                                   ".:1",         "name"};
	char name[TEXT_HOST_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(text_host_name(names[i][0], name));
		assert_string_equal(name, names[i][1]);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(text_host_name(none[i], name));
}

static void test_whom_an_address_leads_to(void **state)
{
	static const struct {
		const char *text;
		enum text_reach reach;
	} known[] = {
		{"127.0.0.1:1", TEXT_LOOPBACK},
		{"127.9.9.9:1", TEXT_LOOPBACK},
		{"[::1]:1", TEXT_LOOPBACK},
		{"[::ffff:127.0.0.1]:1", TEXT_LOOPBACK},
		{"unix:/path", TEXT_LOOPBACK},
		{"localhost:1", TEXT_LOOPBACK},
		{"0.0.0.0:1", TEXT_ANY_HOST},
		{"[::]:1", TEXT_ANY_HOST},
		{"[0:0::0]:1", TEXT_ANY_HOST},
		{"192.0.2.1:1", TEXT_ONE_HOST},
		{"[2001:db8::1]:1", TEXT_ONE_HOST},
		{"irc.example.net:1", TEXT_ONE_HOST},
		{"127.0.0.1.nip.io:1", TEXT_ONE_HOST},
		{"", TEXT_ONE_HOST},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(text_reach(known[i].text), known[i].reach);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_well_formed_utf8_is_measured),
		cmocka_unit_test(test_control_characters_are_not_printable),
		cmocka_unit_test(test_names_of_modules),
		cmocka_unit_test(test_what_could_break_a_line_is_escaped),
		cmocka_unit_test(test_a_cut_leaves_no_half_of_a_character),
		cmocka_unit_test(test_places_where_others_connect),
		cmocka_unit_test(test_the_name_of_a_place_is_found),
		cmocka_unit_test(test_whom_an_address_leads_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
