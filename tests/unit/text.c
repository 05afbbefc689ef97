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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_well_formed_utf8_is_measured),
		cmocka_unit_test(test_control_characters_are_not_printable),
		cmocka_unit_test(test_names_of_modules),
		cmocka_unit_test(test_what_could_break_a_line_is_escaped),
		cmocka_unit_test(test_a_cut_leaves_no_half_of_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
