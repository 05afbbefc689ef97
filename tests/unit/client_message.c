/*
 * A line of IRC taken apart: words, tags, label, and what is refused.
 */
#include "modules/client/message.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>
#include <string.h>

/* The text lives in a block of its own length, so that a sanitizer sees every byte too far. */
struct fixture {
	struct gw_line line;
	struct parsed parsed;
};

static enum message_status parse_bytes(struct fixture *f, const char *bytes, size_t n)
{
	f->line.text = malloc(n + 1);
	assert_non_null(f->line.text);
	memcpy(f->line.text, bytes, n);
	f->line.text[n] = '\0';
	f->line.len = n;
	f->line.too_long = false;
	return message_parse(&f->line, &f->parsed);
}

static enum message_status parse(struct fixture *f, const char *text)
{
	return parse_bytes(f, text, strlen(text));
}

static void done(struct fixture *f)
{
	free(f->line.text);
}

static void words_are_split_and_the_last_one_keeps_its_spaces(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(parse(&f, "privmsg  #a,#b   :hello  world "), MESSAGE_OK);
	assert_string_equal(f.parsed.message.command, "PRIVMSG");
	assert_int_equal(f.parsed.message.argc, 2);
	assert_string_equal(f.parsed.message.argv[0], "#a,#b");
	assert_string_equal(f.parsed.message.argv[1], "hello  world ");
	assert_null(f.parsed.message.argv[2]);
	done(&f);
}

static void a_source_is_skipped(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(parse(&f, ":me!a@b PING x"), MESSAGE_OK);
	assert_string_equal(f.parsed.message.command, "PING");
	assert_string_equal(f.parsed.message.argv[0], "x");
	done(&f);
}

static void an_empty_trailing_word_counts(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(parse(&f, "TOPIC #a :"), MESSAGE_OK);
	assert_int_equal(f.parsed.message.argc, 2);
	assert_string_equal(f.parsed.message.argv[1], "");
	done(&f);
}

static void spaces_at_the_end_are_no_word(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(parse(&f, "NICK alice  "), MESSAGE_OK);
	assert_int_equal(f.parsed.message.argc, 1);
	done(&f);
}

static void nothing_is_empty(void **state)
{
	static const char *const lines[] = {"",       " ",    "   ",   ":only!a@b",
	                                    ":only ", "@a=b", "@a=b ", "@"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct fixture f;

		assert_int_equal(parse(&f, lines[i]), MESSAGE_EMPTY);
		done(&f);
	}
}

static void too_many_words_end_up_in_the_last(void **state)
{
	struct fixture f;
	char text[200] = "X";

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(text, " a");
	assert_int_equal(parse(&f, text), MESSAGE_OK);
	assert_int_equal(f.parsed.message.argc, GW_ARGS_MAX);
	assert_string_equal(f.parsed.message.argv[GW_ARGS_MAX - 1], "a a a a a a a a a");
	done(&f);
}

static void client_tags_are_kept_escaped_and_others_dropped(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(parse(&f, "@+a=x\\:\\s\\\\;time=now;label=L1;+example.com/"
	                           "b;account=root;+c= TAGMSG #a"),
	                 MESSAGE_OK);
	assert_string_equal(f.parsed.message.client_tags, "+a=x\\:\\s\\\\;+example.com/b;+c=");
	assert_string_equal(f.parsed.message.label, "L1");
	assert_string_equal(f.parsed.message.command, "TAGMSG");
	done(&f);
}

static void a_tag_with_a_bad_key_is_dropped(void **state)
{
	static const char *const tags[] = {"+",    "+a_b",      "+/a", "+a/", "+a/b/c",
	                                   "+a.b", "+\xc3\xa9", "++a", "a",   ";"};

	(void)state;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		struct fixture f;
		char text[64];

		snprintf(text, sizeof(text), "@%s;+ok PING x", tags[i]);
		assert_int_equal(parse(&f, text), MESSAGE_OK);
		assert_string_equal(f.parsed.message.client_tags, "+ok");
		done(&f);
	}
}

static void a_label_has_a_bound_and_a_value(void **state)
{
	struct fixture f;
	char text[200];

	(void)state;
	snprintf(text, sizeof(text), "@label=%064d PING x", 7);
	assert_int_equal(parse(&f, text), MESSAGE_OK);
	assert_int_equal(strlen(f.parsed.message.label), 64);
	done(&f);
	snprintf(text, sizeof(text), "@label=%065d PING x", 7);
	assert_int_equal(parse(&f, text), MESSAGE_OK);
	assert_null(f.parsed.message.label);
	done(&f);
	assert_int_equal(parse(&f, "@label;label= PING x"), MESSAGE_OK);
	assert_null(f.parsed.message.label);
	done(&f);
}

static void a_line_has_510_bytes_at_most(void **state)
{
	struct fixture f;
	char text[600];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "PING ", 5);
	assert_int_equal(parse_bytes(&f, text, CLIENT_LINE_MAX), MESSAGE_OK);
	done(&f);
	assert_int_equal(parse_bytes(&f, text, CLIENT_LINE_MAX + 1), MESSAGE_LONG);
	assert_string_equal(f.parsed.message.command, "PING");
	done(&f);
}

static void tags_have_4094_bytes_at_most(void **state)
{
	struct fixture f;
	char *text = malloc(6000);

	(void)state;
	memset(text, 'a', 6000);
	memcpy(text, "@+a=", 4);
	memcpy(text + 1 + CLIENT_TAGS_MAX, " PING x", 7);
	assert_int_equal(parse_bytes(&f, text, 1 + CLIENT_TAGS_MAX + 7), MESSAGE_OK);
	assert_int_equal(strlen(f.parsed.message.client_tags), CLIENT_TAGS_MAX);
	done(&f);
	text[1 + CLIENT_TAGS_MAX] = 'a';
	memcpy(text + 2 + CLIENT_TAGS_MAX, " PING x", 7);
	assert_int_equal(parse_bytes(&f, text, 2 + CLIENT_TAGS_MAX + 7), MESSAGE_LONG);
	done(&f);
	free(text);
}

static void a_long_line_still_tells_its_label(void **state)
{
	struct fixture f;
	char text[700];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "@label=x PRIVMSG ", 17);
	assert_int_equal(parse_bytes(&f, text, sizeof(text)), MESSAGE_LONG);
	assert_string_equal(f.parsed.message.label, "x");
	assert_string_equal(f.parsed.message.command, "PRIVMSG");
	done(&f);
}

static void a_nul_is_told(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(parse_bytes(&f, "PRIVMSG #a :x\0y", 15), MESSAGE_NUL);
	assert_string_equal(f.parsed.message.command, "PRIVMSG");
	done(&f);
	assert_int_equal(parse_bytes(&f, "@+a=\0 PING x", 12), MESSAGE_NUL);
	assert_string_equal(f.parsed.message.command, "PING");
	done(&f);
}

static void bad_utf8_is_told_with_command_and_label(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(parse(&f, "@label=q PRIVMSG #a :\xe9t\xe9"), MESSAGE_UTF8);
	assert_string_equal(f.parsed.message.command, "PRIVMSG");
	assert_string_equal(f.parsed.message.label, "q");
	done(&f);
	assert_int_equal(parse(&f, "\xff\xfe x"), MESSAGE_UTF8);
	assert_string_equal(f.parsed.message.command, "*");
	done(&f);
	assert_int_equal(parse(&f, "@+a=\xff PING x"), MESSAGE_UTF8);
	done(&f);
}

static void utf8_is_judged_strictly(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{"plain", true},
		{"\xc3\xa9", true},
		{"\xe2\x82\xac", true},
		{"\xf0\x9f\x98\x80", true},
		{"\xf4\x8f\xbf\xbf", true},
		{"\xc0\xaf", false},         /* overlong */
		{"\xe0\x9f\xbf", false},     /* overlong */
		{"\xf0\x8f\xbf\xbf", false}, /* overlong */
		{"\xed\xa0\x80", false},     /* a surrogate */
		{"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
		{"\xf5\x80\x80\x80", false},
		{"\x80", false},
		{"\xc3", false},
		{"\xe2\x82", false},
		{"\xc3\x28", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid);
}

static void a_cut_never_splits_a_character(void **state)
{
	(void)state;
	assert_int_equal(utf8_trim("ab", 2), 2);
	assert_int_equal(utf8_trim("a\xc3\xa9", 3), 3);
	assert_int_equal(utf8_trim("a\xc3\xa9", 2), 1);
	assert_int_equal(utf8_trim("a\xe2\x82\xac", 3), 1);
	assert_int_equal(utf8_trim("a\xe2\x82\xac", 2), 1);
	assert_int_equal(utf8_trim("\xf0\x9f\x98\x80", 4), 4);
	assert_int_equal(utf8_trim("\xf0\x9f\x98\x80", 3), 0);
	assert_int_equal(utf8_trim("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_split_and_the_last_one_keeps_its_spaces),
		cmocka_unit_test(a_source_is_skipped),
		cmocka_unit_test(an_empty_trailing_word_counts),
		cmocka_unit_test(spaces_at_the_end_are_no_word),
		cmocka_unit_test(nothing_is_empty),
		cmocka_unit_test(too_many_words_end_up_in_the_last),
		cmocka_unit_test(client_tags_are_kept_escaped_and_others_dropped),
		cmocka_unit_test(a_tag_with_a_bad_key_is_dropped),
		cmocka_unit_test(a_label_has_a_bound_and_a_value),
		cmocka_unit_test(a_line_has_510_bytes_at_most),
		cmocka_unit_test(tags_have_4094_bytes_at_most),
		cmocka_unit_test(a_long_line_still_tells_its_label),
		cmocka_unit_test(a_nul_is_told),
		cmocka_unit_test(bad_utf8_is_told_with_command_and_label),
		cmocka_unit_test(utf8_is_judged_strictly),
		cmocka_unit_test(a_cut_never_splits_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
