/*
 * tests/module/mistakes.c - a configuration with a mistake: `godwit -t` and a rehash say the same
 * sentence of it, and the rehash changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/listener.h"
#include "core/option.h"
#include "tests/module/host.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
	struct host *h = host_new(state);

	host_put(h, "v1", "toy");
	host_put(h, "friends", "ann");
	host_put(h, "friends", "bob");
	host_file(h, "broken.yaml", "toy: {word: ''}\n");
	host_file(h, "more.yaml", "network-name: Wide\n");
	host_config(h, "modules: [toy, ann]\n"
	               "listen: [{address: 127.0.0.1:1000, tls: no}]\n"
	               "toy: {word: hi, number: 7}\n");
	assert_int_equal(host_start(h), 0);
	return 0;
}

/** What `godwit -t` says of the configuration as it is now. */
static void check(const struct host *h, struct gw_error *said)
{
	struct host other;
	char own[sizeof(other.dir)];

	host_open(&other);
	memcpy(own, other.dir, sizeof(own));
	memcpy(other.dir, h->dir, sizeof(own));
	assert_int_not_equal(host_check(&other), 0);
	*said = other.err;
	memcpy(other.dir, own, sizeof(own));
	host_close(&other);
}

/** The rehash's sentence, without the folder's name as that of a check is. */
static void rehash_refused(struct host *h, char said[sizeof(h->answer)])
{
	const char *from = h->answer, *at;

	assert_int_not_equal(host_ask(h, "rehash"), 0);
	said[0] = '\0';
	for (; (at = strstr(from, h->dir)) != NULL; from = at + strlen(h->dir) + 1)
		strncat(said, from, (size_t)(at - from));
	strcat(said, from);
	said[strcspn(said, "\n")] = '\0';
}

static void list_one(void *ctx, const struct gw_listener *listener)
{
	strcat(ctx, listener->address);
}

static void assert_as_started(struct host *h)
{
	const struct module *toy = module_find(h->server, "toy");
	char listeners[200] = "";

	listeners_each(h->server, list_one, listeners);
	assert_string_equal(listeners, "127.0.0.1:1000");
	assert_string_equal(options_string(toy->options, "word"), "hi");
	assert_non_null(module_find(h->server, "ann"));
	assert_null(module_find(h->server, "bob"));
}

static void refused_by_both(struct host *h, const char *sentence)
{
	char told[sizeof(h->answer)];
	struct gw_error said;

	check(h, &said);
	rehash_refused(h, told);
	assert_string_equal(told, said.text);
	if (strncmp(said.text, sentence, strlen(sentence)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", said.text, sentence);
	assert_as_started(h);
}

struct mistake {
	const char *config, *sentence;
};

static void all_refused(struct host *h, const struct mistake *mistakes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		host_config(h, mistakes[i].config);
		refused_by_both(h, mistakes[i].sentence);
	}
	assert_int_equal(h->server->leaked, 0);
}

#define ALL_REFUSED(state, list) all_refused(*(state), list, sizeof(list) / sizeof((list)[0]))

static void test_yaml_and_files(void **state)
{
	static const struct mistake list[] = {
		{"modules: [toy, bob\n", "godwit.yaml:6:1: "},
		{"modules: [toy]\nmodules: [bob]\n", "godwit.yaml:6:1: 'modules' "},
		{"modules: [toy, bob]\ninclude: none.yaml\n", "godwit.yaml:6:10: cannot read "},
		{"modules: [toy, bob]\ninclude: broken.yaml\n", "broken.yaml:1:13: 'word' "},
		{"network-name: Narrow\nmodules: [toy, bob]\ninclude: more.yaml\n",
	         "more.yaml:1:1: 'network-name' stands also at "},
	};

	ALL_REFUSED(state, list);
}

static void test_options(void **state)
{
	static const struct mistake list[] = {
		{"modules: [toy, bob]\nnonsense: 1\n", "godwit.yaml:6:1: 'nonsense' is neither "},
		{"modules: [toy, bob]\nann: {}\n", "godwit.yaml:6:1: 'ann' is neither "},
		{"modules: [toy, bob]\ntoy: {nonsense: 1}\n",
	         "godwit.yaml:6:7: module toy has no option 'nonsense'"},
		{"modules: [toy, bob]\ntoy: {word: ''}\n", "godwit.yaml:6:13: 'word' must "},
		{"modules: [toy, bob]\ntoy: {number: many}\n", "godwit.yaml:6:15: 'number' must "},
		{"modules: [toy, bob]\ntoy: {pause: 3}\n", "godwit.yaml:6:14: 'pause' must "},
		{"modules: [toy, bob]\ntoy: [1]\n", "godwit.yaml:6:6: module toy must be a block "},
		{"modules: [toy, bob]\ntoy: {word: forbidden}\n",
	         "godwit.yaml:6:1: toy will not say 'forbidden'"},
		{"modules: [toy, bob]\nnetwork-name: 'a b'\n", "godwit.yaml:6:15: 'network-name' "},
	};

	ALL_REFUSED(state, list);
}

static void test_modules(void **state)
{
	static const struct mistake list[] = {
		{"modules: [toy, bob, missing]\n", "godwit.yaml:5:21: the module missing is not "},
		{"modules: [toy, bob, bob]\n",
	         "godwit.yaml:5:21: the module 'bob' is listed twice"},
		{"modules: [toy, bob, B]\n", "godwit.yaml:5:21: 'B' cannot be a module"},
		{"modules: [toy, bob, listen]\n", "godwit.yaml:5:21: a module cannot be called "},
	};

	ALL_REFUSED(state, list);
}

static void test_listeners(void **state)
{
	static const struct mistake list[] = {
		{"modules: [toy, bob]\nlisten: [{address: nowhere, tls: no}]\n",
	         "godwit.yaml:6:20: 'address' must be an address"},
		{"modules: [toy, bob]\nlisten: [{tls: no}]\n", "godwit.yaml:6:10: "},
		{"modules: [toy, bob]\nlisten: [{address: 127.0.0.1:1001, port: 7}]\n",
	         "godwit.yaml:6:36: "},
		{"modules: [toy, bob]\nlisten:\n- {address: 127.0.0.1:1001, tls: no}\n"
	         "- {address: 127.0.0.1:1001, tls: no}\n",
	         "godwit.yaml:8:3: "},
		{"modules: [toy, bob]\nlisten: [{address: 127.0.0.1:1001, protocol: none}]\n",
	         "godwit.yaml:6:10: no module that 'modules' lists speaks the protocol 'none'"},
		{"modules: [toy, bob]\ntls: {certificate: no.crt}\n", "godwit.yaml:6:6: "},
		{"modules: [toy, bob]\ntls: {certificate: no.crt, key: no.key}\n",
	         "godwit.yaml:6:6: "},
	};

	ALL_REFUSED(state, list);
}

static void test_logs(void **state)
{
	static const struct mistake list[] = {
		{"modules: [toy, bob]\nlog: {level: loud}\n", "godwit.yaml:6:14: 'level' must be "},
		{"modules: [toy, bob]\nlog: {target: paper}\n", "godwit.yaml:6:15: 'target' must "},
		{"modules: [toy, bob]\nlog: {levels: {toy: loud}}\n",
	         "godwit.yaml:6:21: 'toy' must "},
		{"modules: [toy, bob]\nlog: {levels: {ann: debug}}\n",
	         "godwit.yaml:6:16: 'ann' is not a module that 'modules' lists"},
	};

	ALL_REFUSED(state, list);
}

/** A file with which the server would not start again. */
static void test_the_name(void **state)
{
	static const char rest[] = "state-directory: state\nmodule-directory: modules\n"
				   "debug: {scan-state: yes}\nmodules: [toy, bob]\n";
	struct host *h = *state;
	char text[300];

	host_file(h, "godwit.yaml", rest);
	refused_by_both(h, "godwit.yaml:1:1: the configuration needs the option 'server'");
	snprintf(text, sizeof(text), "server: nodots\n%s", rest);
	host_file(h, "godwit.yaml", text);
	refused_by_both(h, "godwit.yaml:1:9: 'server' must be a name such as ");
	host_file(h, "state/server.name", "other.example.net\n");
	snprintf(text, sizeof(text), "server: test.example.net\n%s", rest);
	host_file(h, "godwit.yaml", text);
	refused_by_both(h, "godwit.yaml:1:9: the server is 'test.example.net' here and ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, host_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_yaml_and_files), TEST(test_options), TEST(test_modules),
		TEST(test_listeners),      TEST(test_logs),    TEST(test_the_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
