/*
 * tests/unit/config.c - the configuration: each mistake is told with its file, line and column, and
 * a sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/mem.h"
#include "core/option.h"
#include "core/settings.h"

#include <ftw.h>
#include <godwit/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct mistake {
	const char *text, *sentence;
};

static const struct gw_option table[] = {
	{"flag", GW_OPT_BOOL, "yes", 0, 0, false, "A flag."},
	{"count", GW_OPT_INT, "3", -5, 1000, false, "A number."},
	{"wait", GW_OPT_DURATION, "1m", GW_SECOND, 7200 * GW_SECOND, false, "A time."},
	{"room", GW_OPT_SIZE, "64k", 1024, 1 << 30, false, "A size."},
	{"word", GW_OPT_STRING, "", 0, 8, false, "A word."},
	{"file", GW_OPT_PATH, NULL, 0, 0, false, "A path."},
	{"at", GW_OPT_ADDRESS, "127.0.0.1:80", 0, 0, false, "An address."},
	{"list", GW_OPT_LIST, "[x, 'y z']", 0, 3, false, "A list."},
	{"key", GW_OPT_SECRET, NULL, 2, 8, false, "A secret."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static int read_options(const char *text, struct gw_options **out, struct gw_error *err)
{
	const struct option_block block = {.table = table, .owner = "module m", .place = "d/f:1:1"};
	struct config *config;
	int status = config_parse("d/f", text, &config, err);

	*out = NULL;
	if (status != 0)
		return status;
	status = options_read(&block, config_root(config), out, err);
	config_free(&config);
	return status;
}

static int read_settings(const char *text, struct settings **out, struct gw_error *err)
{
	struct config *config;
	int status = config_parse("f", text, &config, err);

	*out = NULL;
	if (status != 0)
		return status;
	status = settings_read(config, out, err);
	config_free(&config);
	return status;
}

static void test_yaml_that_is_none_is_told_with_its_place(void **state)
{
	static const struct mistake mistakes[] = {
		{"a: b: c\n", "f:1:5: mapping values are not allowed in this context"},
		{"a: [1, 2\nb: 3\n", "f:2:2: did not find expected ',' or ']' (while parsing a "
	                             "flow sequence that began in line 1)"},
		{"a: 'open\n", "f:2:1: found unexpected end of stream (while scanning a quoted "
	                       "scalar that began in line 1)"},
		{"a:\n\t- b\n", "f:2:1: found character that cannot start any token (while "
	                        "scanning for the next token that began in line 2)"},
		{"a: 1\nb: 2\na: 3\n",
	         "f:3:1: 'a' stands here for the second time; the first is in line 1"},
		{"a: {x: 1, y: 2, x: 3}\n",
	         "f:1:17: 'x' stands here for the second time; the first is in line 1"},
		{"a: &here 1\n", "f:1:4: anchors (&here) are not supported"},
		{"a: &here [1]\nb: *here\n", "f:1:4: anchors (&here) are not supported"},
		{"b: *here\n", "f:1:4: aliases (*here) are not supported"},
		{"a: !!int 3\n", "f:1:4: tags (tag:yaml.org,2002:int) are not supported"},
		{"a: !own {b: c}\n", "f:1:4: tags (!own) are not supported"},
		{"- a\n- b\n", "f:1:1: a file must consist of lines 'key: value'"},
		{"just words\n", "f:1:1: a file must consist of lines 'key: value'"},
		{"a: 1\n---\nb: 2\n",
	         "f:2:1: a second document begins here: one file is one document"},
		{"a: [[[[[[[[[1]]]]]]]]]\n", "f:1:12: nested deeper than 8 levels"},
		{"? [a, b]\n: c\n", "f:1:3: a key must be a word"},
		{"'': c\n", "f:1:1: a key must be a word"},
		{"a: \"x\\0y\"\n",
	         "f:1:4: a value must be one line of text without control characters"},
		{"a: |\n  one\n  two\n",
	         "f:1:4: a value must be one line of text without control characters"},
		{"a: b\nc: \xff\xfe\n", "f:2:4: invalid leading UTF-8 octet"},
		{"a: b\nc: x\001y\n", "f:2:5: control characters are not allowed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct gw_error err = {0};
		struct config *config;

		assert_int_not_equal(config_parse("f", mistakes[i].text, &config, &err), 0);
		assert_null(config);
		assert_string_equal(err.text, mistakes[i].sentence);
	}
}

static void test_too_many_values_are_refused(void **state)
{
	struct gw_error err = {0};
	struct config *config;
	char *text = mem_alloc(100000);

	(void)state;
	strcpy(text, "a: [");
	for (size_t used = 4; used < 90000; used += 2)
		memcpy(text + used, "1,", 3);
	assert_int_not_equal(config_parse("f", text, &config, &err), 0);
	assert_non_null(strstr(err.text, "more than 10000 values"));
	free(text);
}

static void test_an_empty_file_is_an_empty_map(void **state)
{
	static const char *const texts[] = {"", "# nothing\n", "---\n", "{}\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *config;

		assert_int_equal(config_parse("f", texts[i], &config, NULL), 0);
		assert_int_equal(config_root(config)->n_children, 0);
		config_free(&config);
	}
}

static void test_values_are_read_by_the_type_of_their_option(void **state)
{
	struct gw_options *o;
	const char *const *items;

	(void)state;
	assert_int_equal(read_options("flag: off\ncount: -5\nwait: 90m\nroom: 2m\nword: "
	                              "gr\xc3\xbc\xc3\x9f\nfile: x/y\n"
	                              "at: '[::1]:6697'\nlist: one\n",
	                              &o, NULL),
	                 0);
	assert_int_equal(options_integer(o, "flag"), 0);
	assert_int_equal(options_integer(o, "count"), -5);
	assert_int_equal(options_integer(o, "wait"), 5400 * GW_SECOND);
	assert_int_equal(options_integer(o, "room"), 2 << 20);
	assert_string_equal(options_string(o, "word"), "gr\xc3\xbc\xc3\x9f");
	assert_string_equal(options_string(o, "file"), "d/x/y");
	assert_string_equal(options_string(o, "at"), "[::1]:6697");
	assert_int_equal(options_list(o, "list", &items), 1);
	assert_string_equal(items[0], "one");
	options_free(&o);
}

static void test_what_is_not_said_has_its_default(void **state)
{
	struct gw_options *o;
	const char *const *items;

	(void)state;
	assert_int_equal(read_options("", &o, NULL), 0);
	assert_int_equal(options_integer(o, "flag"), 1);
	assert_int_equal(options_integer(o, "count"), 3);
	assert_int_equal(options_integer(o, "wait"), 60 * GW_SECOND);
	assert_int_equal(options_integer(o, "room"), 65536);
	assert_string_equal(options_string(o, "file"), "");
	assert_int_equal(options_list(o, "list", &items), 2);
	assert_string_equal(items[1], "y z");
	options_free(&o);
}

static void test_wrong_values_are_told_with_their_place(void **state)
{
	static const struct mistake mistakes[] = {
		{"flag: maybe\n", "d/f:1:7: 'flag' must be yes or no, not 'maybe'"},
		{"flag: 1\n", "d/f:1:7: 'flag' must be yes or no, not '1'"},
		{"flag:\n", "d/f:1:6: 'flag' must be yes or no, not ''"},
		{"flag: [yes]\n", "d/f:1:7: 'flag' must be yes or no, not a list"},
		{"count: {a: b}\n", "d/f:1:8: 'count' must be a whole number, not a block"},
		{"count: 1e3\n", "d/f:1:8: 'count' must be a whole number, not '1e3'"},
		{"count: 0x10\n", "d/f:1:8: 'count' must be a whole number, not '0x10'"},
		{"count: 1001\n", "d/f:1:8: 'count' must be between -5 and 1000, not 1001"},
		{"count: 99999999999999999999\n",
	         "d/f:1:8: 'count' must be a whole number, not '99999999999999999999'"},
		{"wait: 10\n", "d/f:1:7: 'wait' must be a time with its unit, such as 500ms, 10s, "
	                       "5m, 2h or 30d, not '10'"},
		{"wait: -5s\n", "d/f:1:7: 'wait' must be a time with its unit, such as 500ms, 10s, "
	                        "5m, 2h or 30d, not '-5s'"},
		{"wait: 500ms\n", "d/f:1:7: 'wait' must be between 1s and 2h, not 500ms"},
		{"wait: 0\n", "d/f:1:7: 'wait' must be between 1s and 2h, not 0"},
		{"wait: 9000000d\n", "d/f:1:7: 'wait' is too large"},
		{"room: 1k5\n",
	         "d/f:1:7: 'room' must be a size such as 4096, 64k, 2m or 1g, not '1k5'"},
		{"room: 5g\n", "d/f:1:7: 'room' must be between 1k and 1g, not 5g"},
		{"word: much too long\n",
	         "d/f:1:7: 'word' must have a length between 0 and 8, not 13"},
		{"at: example.net:80\n", "d/f:1:5: 'at' must be an address such as 127.0.0.1:6667, "
	                                 "\"[::1]:6697\" or unix:/path, not 'example.net:80'"},
		{"at: 127.0.0.1:70000\n",
	         "d/f:1:5: 'at' must be an address such as 127.0.0.1:6667, \"[::1]:6697\" or "
	         "unix:/path, not '127.0.0.1:70000'"},
		{"at: '::1:80'\n", "d/f:1:5: 'at' must be an address such as 127.0.0.1:6667, "
	                           "\"[::1]:6697\" or unix:/path, not '::1:80'"},
		{"list: {a: b}\n", "d/f:1:7: 'list' must be a list"},
		{"list: [a, [b]]\n", "d/f:1:11: 'list' must be a list of words"},
		{"list: [a, b, c, d]\n",
	         "d/f:1:7: 'list' must have a number of items between 0 and 3, not 4"},
		{"flag: yes\nflog: no\n", "d/f:2:1: module m has no option 'flog'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct gw_error err = {0};
		struct gw_options *o;

		assert_int_not_equal(read_options(mistakes[i].text, &o, &err), 0);
		assert_null(o);
		assert_string_equal(err.text, mistakes[i].sentence);
	}
}

static void note(void *ctx, const char *name, const char *before, const char *after)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%s:%s>%s ", name, before, after);
}

static void test_differences_are_told_in_the_words_of_the_file(void **state)
{
	struct gw_options *a, *b;
	char text[200] = "";

	(void)state;
	assert_int_equal(read_options("wait: 60s\nlist: [x]\n", &a, NULL), 0);
	assert_int_equal(read_options("wait: 2h\nlist: [x, z]\n", &b, NULL), 0);
	options_diff(a, b, note, text);
	assert_string_equal(text, "wait:60s>2h list:x>x, z ");
	options_free(&a);
	options_free(&b);
}

static void test_a_secret_is_told_by_nobody(void **state)
{
	struct gw_options *none, *a, *b;
	struct gw_error err = {0};
	char text[200] = "";

	(void)state;
	assert_int_not_equal(read_options("key: x\n", &a, &err), 0);
	assert_int_equal(read_options("flag: yes\n", &none, NULL), 0);
	assert_int_equal(read_options("key: first\n", &a, NULL), 0);
	assert_int_equal(read_options("key: second\n", &b, NULL), 0);
	assert_string_equal(options_string(a, "key"), "first");
	options_diff(none, a, note, text);
	options_diff(a, b, note, text);
	options_diff(b, none, note, text);
	options_diff(a, a, note, text);
	assert_string_equal(text, "key:>(hidden) key:(hidden)>(hidden) key:(hidden)> ");
	options_free(&none);
	options_free(&a);
	options_free(&b);
}

static void test_the_cores_own_keys(void **state)
{
	struct settings *s;

	(void)state;
	assert_int_equal(
		read_settings("server: irc1.example.net\nmodules: [store, client]\n"
	                      "listen:\n  - address: '[::]:6697'\n  - {address: 127.0.0.1:6667, "
	                      "tls: no, protocol: agent, advertise: 'a.b:1'}\n"
	                      "log: {level: warn, target: syslog, levels: {client: debug}}\n"
	                      "tls: {certificate: a.crt, key: a.key}\nclient: {any: thing}\n",
	                      &s, NULL),
		0);
	assert_string_equal(s->server, "irc1.example.net");
	assert_string_equal(s->network, "Godwit");
	assert_int_equal(s->n_modules, 2);
	assert_string_equal(s->module_places[1], "f:2:18");
	assert_int_equal(s->n_listen, 2);
	assert_true(s->listen[0].tls);
	assert_string_equal(s->listen[0].protocol, "client");
	assert_null(s->listen[0].advertise);
	assert_string_equal(s->listen[1].advertise, "a.b:1");
	assert_false(s->listen[1].tls);
	assert_string_equal(s->listen[1].place, "f:5:5");
	assert_int_equal(s->log_level, GW_WARN);
	assert_int_equal(s->log_target, LOG_TO_SYSLOG);
	assert_int_equal(s->levels[0].level, GW_DEBUG);
	settings_free(&s);
}

static void test_mistakes_in_the_cores_own_keys(void **state)
{
	static const struct mistake mistakes[] = {
		{"server: irc\n",
	         "f:1:9: 'server' must be a name such as irc1.example.net, not 'irc'"},
		{"server: a.b\nnetwork-name: two words\n",
	         "f:2:15: 'network-name' must be one word, not 'two words'"},
		{"server: a.b\nmodules: [Store]\n", "f:2:11: 'Store' cannot be a module: its name "
	                                            "is a-z, 0-9 and _, up to 32 characters"},
		{"server: a.b\nmodules: [x, y, x]\n",
	         "f:2:17: the module 'x' is listed twice; the first is at f:2:11"},
		{"server: a.b\nmodules: [log]\n",
	         "f:2:11: a module cannot be called 'log', which is a key of the core"},
		{"server: a.b\nlisten: 127.0.0.1:6667\n",
	         "f:2:9: 'listen' is a list of blocks such as {address: 127.0.0.1:6667, tls: no}"},
		{"server: a.b\nlisten: [{tls: no}]\n", "f:2:10: listen needs the option 'address'"},
		{"server: a.b\nlisten: [{address: localhost}]\n",
	         "f:2:20: 'address' must be an address such as 127.0.0.1:6667, \"[::1]:6697\" or "
	         "unix:/path, not 'localhost'"},
		{"server: a.b\nlisten: [{address: 1.2.3.4:5, port: 3}]\n",
	         "f:2:31: listen has no option 'port'"},
		{"server: a.b\nlisten: [{address: 1.2.3.4:5, advertise: irc.example.net}]\n",
	         "f:2:42: 'advertise' must be HOST:PORT, such as irc.example.net:6697, "
	         "192.0.2.1:6697 or \"[2001:db8::1]:6697\", not 'irc.example.net'"},
		{"server: a.b\nlisten: [{address: unix:/s, advertise: a.b:1}]\n",
	         "f:2:40: a Unix socket has nothing to 'advertise'"},
		{"server: a.b\nlisten:\n- {address: 1.2.3.4:5}\n- {address: 1.2.3.4:5}\n",
	         "f:4:3: the address 1.2.3.4:5 is listed twice; the first is at f:3:3"},
		{"server: a.b\nlog: {level: loud}\n",
	         "f:2:14: 'level' must be debug, info, warn or error, not 'loud'"},
		{"server: a.b\nlog: {target: file}\n",
	         "f:2:15: 'target' must be stderr or syslog, not 'file'"},
		{"server: a.b\nlog: {levels: {m: x}}\n",
	         "f:2:19: 'm' must be debug, info, warn or error, not 'x'"},
		{"server: a.b\nlog: {lovel: info}\n", "f:2:7: log has no option 'lovel'"},
		{"server: a.b\ntls: {key: x}\n", "f:2:6: tls needs the option 'certificate'"},
		{"server: a.b\ndebug: {scan-state: 2}\n",
	         "f:2:21: 'scan-state' must be yes or no, not '2'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct gw_error err = {0};
		struct settings *s;

		if (read_settings(mistakes[i].text, &s, &err) == 0)
			fail_msg("taken: %s", mistakes[i].text);
		assert_null(s);
		assert_string_equal(err.text, mistakes[i].sentence);
	}
}

/* Includes need files. */

static char folder[] = "/tmp/godwit-config-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	return mkdtemp(folder) != NULL && chdir(folder) == 0 && mkdir("conf.d", 0700) == 0 ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)kind;
	(void)walk;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return chdir("/") == 0 ? nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) : -1;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void test_included_files_are_merged_at_the_top(void **state)
{
	struct config *config;

	(void)state;
	put("main.yaml", "a: 1\ninclude: [conf.d/*.yaml, more.yaml]\n");
	put("conf.d/b.yaml", "b: 2\n");
	put("conf.d/c.yaml", "c: {d: 3}\n");
	put("conf.d/ignored.txt", "]\n");
	put("more.yaml", "e: 4\n");
	assert_int_equal(config_read("./main.yaml", &config, NULL), 0);
	assert_int_equal(config_root(config)->n_children, 5);
	assert_string_equal(node_get(config_root(config), "c")->file, "./conf.d/c.yaml");
	config_free(&config);
}

static void test_mistakes_with_includes(void **state)
{
	static const struct {
		const char *main, *other, *sentence;
	} mistakes[] = {
		{"a: 1\ninclude: x.yaml\n", "b: 2\na: 3\n",
	         "x.yaml:2:1: 'a' stands also at m.yaml:1:1"},
		{"include: [x.yaml, x.yaml]\n", "b: 2\n",
	         "x.yaml:1:1: 'b' stands also at x.yaml:1:1"},
		{"include: x.yaml\n", "include: m.yaml\n",
	         "x.yaml:1:1: 'include' may only stand in the main file, m.yaml"},
		{"include: x.yaml\n", "a: [\n",
	         "x.yaml:2:1: did not find expected node content (while parsing a flow node that "
	         "began in line 2)"},
		{"a: 1\ninclude: [none.yaml]\n", "",
	         "m.yaml:2:11: cannot read none.yaml: No such file or directory"},
		{"include: [[x.yaml]]\n", "",
	         "m.yaml:1:11: 'include' takes file names or patterns such as conf.d/*.yaml"},
		{"include: conf.d\n", "", "m.yaml:1:10: conf.d is not a file"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct gw_error err = {0};
		struct config *config;

		put("m.yaml", mistakes[i].main);
		put("x.yaml", mistakes[i].other);
		assert_int_not_equal(config_read("m.yaml", &config, &err), 0);
		assert_string_equal(err.text, mistakes[i].sentence);
	}
}

static void test_files_that_cannot_be_read(void **state)
{
	struct gw_error err = {0};
	struct config *config;

	(void)state;
	assert_int_not_equal(config_read("nowhere.yaml", &config, &err), 0);
	assert_string_equal(
		err.text, "nowhere.yaml:1:1: cannot read nowhere.yaml: No such file or directory");
	assert_int_not_equal(config_read("conf.d", &config, &err), 0);
	assert_string_equal(err.text, "conf.d:1:1: conf.d is not a file");
	put("long.yaml", "a: 1\n");
	assert_int_equal(truncate("long.yaml", (1 << 20) + 1), 0);
	assert_int_not_equal(config_read("long.yaml", &config, &err), 0);
	assert_string_equal(err.text, "long.yaml:1:1: long.yaml is longer than 1048576 bytes");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_yaml_that_is_none_is_told_with_its_place),
		cmocka_unit_test(test_too_many_values_are_refused),
		cmocka_unit_test(test_an_empty_file_is_an_empty_map),
		cmocka_unit_test(test_values_are_read_by_the_type_of_their_option),
		cmocka_unit_test(test_what_is_not_said_has_its_default),
		cmocka_unit_test(test_wrong_values_are_told_with_their_place),
		cmocka_unit_test(test_differences_are_told_in_the_words_of_the_file),
		cmocka_unit_test(test_a_secret_is_told_by_nobody),
		cmocka_unit_test(test_the_cores_own_keys),
		cmocka_unit_test(test_mistakes_in_the_cores_own_keys),
		cmocka_unit_test_setup_teardown(test_included_files_are_merged_at_the_top,
	                                        make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_mistakes_with_includes, make_folder,
	                                        remove_folder),
		cmocka_unit_test_setup_teardown(test_files_that_cannot_be_read, make_folder,
	                                        remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
