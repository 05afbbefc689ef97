/*
 * tests/unit/framing.c - how bytes become lines, at the edges. tests/fuzz/core_framing.c has the
 * rest.
 */
#include "core/framing.h"
#include "tests/unit/cmocka.h"

/* Cuts `text` with a bound of 5; lines and what is left, between bars. */
static const char *cut(struct framing *f, const char *text)
{
	static char out[256];
	char data[128];
	struct gw_line line;
	size_t n = strlen(text), done = 0, used, end = 0;

	memcpy(data, text, n);
	while (framing_next(f, data + done, n - done, 5, &used, &line)) {
		done += used;
		end += (size_t)sprintf(out + end, "%s%s|", line.too_long ? "!" : "", line.text);
	}
	done += used;
	sprintf(out + end, "(%.*s)", (int)(n - done), data + done);
	return out;
}

static void a_line_ends_with_lf_or_cr_lf(void **state)
{
	struct framing f = {0};

	(void)state;
	assert_string_equal(cut(&f, "a\nb\r\n\n\r\nc\rd\ne"), "a|b|||c\rd|(e)");
	assert_string_equal(cut(&f, "a\r\r\n"), "a\r|()");
}

static void the_line_end_is_told_and_still_there(void **state)
{
	static const struct {
		const char *text;
		uint8_t end;
	} rows[] = {{"a\n", 1}, {"a\r\n", 2}, {"a\r\r\n", 2},
	            {"\n", 1},  {"\r\n", 2},  {"123456\n", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct framing f = {0};
		struct gw_line line;
		size_t n = strlen(rows[i].text), used;
		char data[16];

		memcpy(data, rows[i].text, n);
		assert_true(framing_next(&f, data, n, 5, &used, &line));
		assert_int_equal(line.end, rows[i].end);
		if (line.end == 0)
			continue;
		line.text[line.len] = line.end == 2 ? '\r' : '\n';
		assert_memory_equal(line.text, rows[i].text, n);
	}
}

static void the_bound_does_not_count_the_line_end(void **state)
{
	struct framing f = {0};

	(void)state;
	assert_string_equal(cut(&f, "12345\n12345\r\n"), "12345|12345|()");
	assert_string_equal(cut(&f, "123456\n12345\rx\n"), "!12345|!12345|()");
	assert_string_equal(cut(&f, "12345"), "(12345)");
	assert_string_equal(cut(&f, "12345\r"), "(12345\r)");
	assert_false(f.dropping);
}

static void a_long_line_is_dropped_to_its_end(void **state)
{
	struct framing f = {0};

	(void)state;
	assert_string_equal(cut(&f, "1234567"), "!12345|()");
	assert_true(f.dropping);
	assert_string_equal(cut(&f, "8901234567"), "()");
	assert_string_equal(cut(&f, "89\nab\n"), "ab|()");
	assert_false(f.dropping);
}

static void what_is_kept_comes_back_and_is_freed(void **state)
{
	struct framing f = {0};
	char big[1000];

	(void)state;
	memset(big, 'x', sizeof(big));
	framing_keep(&f, "abc", 3);
	framing_keep(&f, big, sizeof(big));
	assert_int_equal(framing_kept(&f), 1003);
	framing_done(&f, 2);
	framing_keep(&f, big, sizeof(big));
	framing_keep(&f, big, sizeof(big));
	assert_int_equal(framing_kept(&f), 3001);
	assert_memory_equal(f.kept + f.start, "cxx", 3);
	framing_done(&f, 3001);
	assert_null(f.kept);
	framing_keep(&f, "", 0);
	assert_null(f.kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_ends_with_lf_or_cr_lf),
		cmocka_unit_test(the_line_end_is_told_and_still_there),
		cmocka_unit_test(the_bound_does_not_count_the_line_end),
		cmocka_unit_test(a_long_line_is_dropped_to_its_end),
		cmocka_unit_test(what_is_kept_comes_back_and_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
