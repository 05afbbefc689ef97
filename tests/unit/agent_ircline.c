/*
 * A line of IRC taken apart, whatever it is.
 */
#include "modules/agent/ircline.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>

/* "tags|source|verb|param|param", or "no" */
static void text_of(const char *line, char *out, size_t max)
{
	struct ircline l;
	size_t n;

	if (!ircline_read(&l, line)) {
		snprintf(out, max, "no");
		return;
	}
	n = (size_t)snprintf(out, max, "%s|%s|%s", l.tags, l.source, l.verb);
	for (size_t i = 0; i < l.n; i++)
		n += (size_t)snprintf(out + n, max - n, "|%s", l.params[i]);
	for (size_t i = l.n; i < IRCLINE_PARAMS_MAX; i++)
		assert_string_equal(l.params[i], "");
}

static const struct {
	const char *line, *expected;
} lines[] = {
	{"PING", "||PING"},
	{"PING x", "||PING|x"},
	{"PING :", "||PING|"},
	{"PING ::", "||PING|:"},
	{"privmsg #a :b c ", "||privmsg|#a|b c "},
	{"PRIVMSG #a b:c :d", "||PRIVMSG|#a|b:c|d"},
	{"  PING   x   y  ", "||PING|x|y"},
	{":ann!a@h JOIN #a", "|ann!a@h|JOIN|#a"},
	{":ann   JOIN   :#a", "|ann|JOIN|#a"},
	{"@a=b;c :s 001 me :hi all", "a=b;c|s|001|me|hi all"},
	{"@a=b  PING x", "a=b||PING|x"},
	{"@ PING x", "||PING|x"},
	{": PING x", "||PING|x"},
	{"\tPING x", "||\tPING|x"},
	{"", "no"},
	{"   ", "no"},
	{"@a=b", "no"},
	{"@a=b ", "no"},
	{":s", "no"},
	{":s   ", "no"},
	{"@a :s", "no"},
	{":s @a PING", "|s|@a|PING"},
	{"@a @b PING", "a||@b|PING"},
	{":a :b PING", "|a|:b|PING"},
};

static void parts(void **state)
{
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		text_of(lines[i].line, text, sizeof(text));
		if (strcmp(text, lines[i].expected) != 0)
			fail_msg("\"%s\": %s, not %s", lines[i].line, text, lines[i].expected);
	}
}

/* Finding the verb is the same as taking the line apart and looking. */
static void the_verb_alone(void **state)
{
	struct ircline l;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *line = lines[i].line;
		bool read = ircline_read(&l, line);
		size_t len;
		const char *verb = ircline_verb(line, &len);

		assert_int_equal(len > 0, read);
		assert_true(verb + len <= line + strlen(line));
		if (read) {
			assert_int_equal(len, strlen(l.verb));
			assert_memory_equal(verb, l.verb, len);
			assert_true(ircline_is(line, l.verb));
		}
	}
	assert_true(ircline_is("@a :b ping x", "PING"));
	assert_false(ircline_is("PINGS x", "PING"));
	assert_false(ircline_is("PIN x", "PING"));
	assert_false(ircline_is(":PING x", "PING"));
	assert_false(ircline_is("", "PING"));
}

static void many_parameters(void **state)
{
	char line[200] = "X";
	struct ircline l;

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(line, " a");
	assert_true(ircline_read(&l, line));
	assert_int_equal(l.n, IRCLINE_PARAMS_MAX);
	assert_string_equal(l.params[IRCLINE_PARAMS_MAX - 2], "a");
	assert_string_equal(l.params[IRCLINE_PARAMS_MAX - 1], "a a a a a a a a a");
}

static void the_longest_line(void **state)
{
	char *line = malloc(IRCLINE_MAX + 2);
	struct ircline l;

	(void)state;
	memset(line, 'x', IRCLINE_MAX + 1);
	line[IRCLINE_MAX + 1] = '\0';
	assert_false(ircline_read(&l, line));
	line[IRCLINE_MAX] = '\0';
	assert_true(ircline_read(&l, line));
	assert_int_equal(strlen(l.verb), IRCLINE_MAX);
	free(line);
}

static void expect_tag(const char *tags, const char *key, const char *expected)
{
	struct ircline l;
	char line[200];
	const char *value;
	size_t len = 99;

	snprintf(line, sizeof(line), "@%s PING", tags);
	assert_true(ircline_read(&l, line));
	value = ircline_tag(&l, key, &len);
	if (expected == NULL) {
		assert_null(value);
		return;
	}
	assert_non_null(value);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(value, expected, len);
}

static void tags(void **state)
{
	(void)state;
	expect_tag("a=b", "a", "b");
	expect_tag("a=b;batch=x;c", "batch", "x");
	expect_tag("a=b;c", "c", "");
	expect_tag("c=", "c", "");
	expect_tag("a=b\\:;c", "a", "b\\:");
	expect_tag("a=b=c", "a", "b=c");
	expect_tag("aa=b", "a", NULL);
	expect_tag("a=b", "aa", NULL);
	expect_tag("+a=b", "a", NULL);
	expect_tag("", "a", NULL);
	expect_tag(";;a=1;;", "a", "1");
	expect_tag("a=1;a=2", "a", "2"); /* the last one counts */
	expect_tag("a=1;a", "a", "");
}

static void nicks(void **state)
{
	char nick[8];

	(void)state;
	ircline_nick("ann!a@h", nick, sizeof(nick));
	assert_string_equal(nick, "ann");
	ircline_nick("ann@h", nick, sizeof(nick));
	assert_string_equal(nick, "ann");
	ircline_nick("ann", nick, sizeof(nick));
	assert_string_equal(nick, "ann");
	ircline_nick("", nick, sizeof(nick));
	assert_string_equal(nick, "");
	ircline_nick("!a@h", nick, sizeof(nick));
	assert_string_equal(nick, "");
	ircline_nick("irc.example.net", nick, sizeof(nick));
	assert_string_equal(nick, "irc.exa");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts),
		cmocka_unit_test(the_verb_alone),
		cmocka_unit_test(many_parameters),
		cmocka_unit_test(the_longest_line),
		cmocka_unit_test(tags),
		cmocka_unit_test(nicks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
