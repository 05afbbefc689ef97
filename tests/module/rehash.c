/*
 * tests/module/rehash.c - a changed configuration is applied whole, or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/listener.h"
#include "core/option.h"
#include "tests/module/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TOY(h, fn, ...) GW_VIA(host_toy(h), toy_ops, fn, ##__VA_ARGS__)

static const char first[] = "modules: [toy, ann]\n"
			    "listen: [{address: 127.0.0.1:1000, tls: no}]\n"
			    "toy: {word: hi, number: 7}\n";

static int setup(void **state)
{
	struct host *h = host_new(state);

	host_put(h, "v1", "toy");
	host_put(h, "friends", "ann");
	host_put(h, "friends", "bob");
	host_put(h, "friends", "failing");
	host_config(h, first);
	assert_int_equal(host_start(h), 0);
	return 0;
}

static void list_one(void *ctx, const struct gw_listener *listener)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%s %s;", listener->address, listener->protocol);
}

static void list_advertised(void *ctx, const struct gw_listener *listener)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%s%s;",
	        listener->advertise != NULL ? listener->advertise : "-",
	        listener->loopback ? " loopback" : "");
}

/** How others reach each listener. */
static const char *advertised(struct host *h)
{
	static char text[1000];

	text[0] = '\0';
	listeners_each(h->server, list_advertised, text);
	return text;
}

/** All that a rehash could change, as one text. */
static const char *look(struct host *h)
{
	static char text[1000];
	struct module *toy = module_find(h->server, "toy");

	text[0] = '\0';
	for (const struct module *m = h->server->modules; m != NULL; m = m->next)
		sprintf(text + strlen(text), "%s:%u ", m->self.name, (unsigned)m->self.generation);
	if (toy != NULL)
		sprintf(text + strlen(text), "word=%s number=%d rows=%d ",
		        options_string(toy->options, "word"),
		        (int)options_integer(toy->options, "number"), (int)TOY(h, rows_seen));
	listeners_each(h->server, list_one, text);
	return text;
}

#define AS_STARTED "toy:1 ann:1 word=hi number=7 rows=11 127.0.0.1:1000 client;"

static void test_what_is_the_same_changes_nothing(void **state)
{
	struct host *h = *state;

	assert_string_equal(look(h), AS_STARTED);
	assert_int_equal(host_ask(h, "rehash"), 0);
	assert_non_null(strstr(h->answer, "nothing in "));
	assert_string_equal(look(h), AS_STARTED);
}

static void test_each_difference_is_applied_and_told(void **state)
{
	struct host *h = *state;

	host_config(h, "network-name: Wide\nmodules: [toy, bob]\n"
	               "listen: [{address: 127.0.0.1:1001, tls: no, protocol: other}]\n"
	               "log: {levels: {toy: debug}}\n"
	               "toy: {word: ho, number: 7, pause: 2s}\n");
	assert_int_equal(host_ask(h, "rehash"), 0);
	assert_string_equal(h->answer, "what|name|before|after\n"
	                               "server|network-name|Godwit|Wide\n"
	                               "option|toy.word|hi|ho\n"
	                               "option|toy.pause|1s|2s\n"
	                               "module|ann|loaded|\n"
	                               "module|bob||loaded\n"
	                               "listener|127.0.0.1:1001||other\n"
	                               "listener|127.0.0.1:1000|client|\n"
	                               "server|log.levels.toy||debug\n"
	                               "\n");
	assert_string_equal(look(h), "toy:1 bob:1 word=ho number=7 rows=11 127.0.0.1:1001 other;");
}

static void test_folders_of_modules_are_told(void **state)
{
	struct host *h = *state;
	const char *tail;

	host_file(h, "godwit.yaml",
	          "server: test.example.net\nstate-directory: state\n"
	          "module-directory: [modules, more]\ndebug: {scan-state: yes}\n"
	          "modules: [toy, ann]\nlisten: [{address: 127.0.0.1:1000, tls: no}]\n"
	          "toy: {word: hi, number: 7}\n");
	assert_int_equal(host_ask(h, "rehash"), 0);
	assert_non_null(strstr(h->answer, "server|module-directory|"));
	tail = h->answer + strlen(h->answer) - strlen("/more\n\n");
	assert_string_equal(tail, "/more\n\n");
}

static void test_a_listener_says_how_it_is_reached(void **state)
{
	struct host *h = *state;

	assert_string_equal(advertised(h), "127.0.0.1:1000 loopback;");
	host_config(h, "modules: [toy, ann]\nlisten:\n"
	               "- {address: '0.0.0.0:1001', tls: no}\n"
	               "- {address: '[::]:1002', tls: no}\n"
	               "- {address: '192.0.2.1:0', tls: no}\n"
	               "- {address: '[2001:db8::1]:1004', tls: no}\n"
	               "- {address: '[::1]:1005', tls: no}\n"
	               "- {address: 'unix:/tmp/godwit-rehash', tls: no}\n"
	               "- {address: '127.0.0.1:1007', tls: no, advertise: 'irc.example.net:6667'}\n"
	               "- {address: '127.0.0.1:1008', tls: no, advertise: 'localhost:6667'}\n");
	assert_int_equal(host_ask(h, "rehash"), 0);
	assert_string_equal(advertised(h), "test.example.net:1001;test.example.net:1002;"
	                                   "192.0.2.1:40000;[2001:db8::1]:1004;"
	                                   "[::1]:1005 loopback;- loopback;"
	                                   "irc.example.net:6667;localhost:6667 loopback;");
}

static void test_what_is_advertised_changes_while_the_door_stays(void **state)
{
	static const char config[] =
		"modules: [toy, ann]\n"
		"listen: [{address: 127.0.0.1:1000, tls: no, advertise: '%s'}]\n"
		"toy: {word: hi, number: 7}\n";
	struct host *h = *state;
	char text[200];

	snprintf(text, sizeof(text), config, "irc.example.net:6667");
	host_config(h, text);
	assert_int_equal(host_ask(h, "rehash"), 0);
	assert_string_equal(h->answer,
	                    "what|name|before|after\n"
	                    "listener|127.0.0.1:1000|client|client, as irc.example.net:6667\n"
	                    "\n");
	assert_string_equal(advertised(h), "irc.example.net:6667;");
	snprintf(text, sizeof(text), config, "irc.example.net");
	host_config(h, text);
	assert_int_equal(host_ask(h, "rehash"), -EINVAL);
	assert_non_null(strstr(h->answer, "godwit.yaml:6:56: 'advertise' must be HOST:PORT"));
	assert_string_equal(advertised(h), "irc.example.net:6667;");
}

static void test_a_mistake_anywhere_changes_nothing(void **state)
{
	static const struct {
		const char *config, *sentence;
	} mistakes[] = {
		{"modules: [toy, bob\n", "godwit.yaml:6:1: did not find expected ',' or ']'"},
		{"modules: [toy, bob]\nlisten: [{address: 127.0.0.1:1001}]\ntoy: {word: ''}\n",
	         "godwit.yaml:7:13: 'word' must have a length between 1 and 20, not 0"},
		{"modules: [toy, bob]\ntoy: {word: forbidden}\n",
	         "godwit.yaml:6:1: toy will not say 'forbidden'"},
		{"modules: [bob]\n", "godwit.yaml:5:1: bob requires the interface toy 1.0, which "
	                             "toy provides, and that is to go"},
		{"modules: [toy, bob, failing]\nlisten: [{address: 127.0.0.1:1001, tls: no}]\n",
	         "failing does not like it here"},
		{"modules: [failing, toy]\n", "failing does not like it here"},
		{"modules: [ann]\n", "ann requires the interface toy 1.0"},
		{"modules: [toy]\ntls: {certificate: no.crt, key: no.key}\n", "godwit.yaml:6:6: "},
	};
	struct host *h = *state;

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		host_config(h, mistakes[i].config);
		assert_int_not_equal(host_ask(h, "rehash"), 0);
		if (strstr(h->answer, mistakes[i].sentence) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", h->answer, mistakes[i].sentence);
		assert_string_equal(look(h), AS_STARTED);
	}
	assert_int_equal(h->server->leaked, 0);
}

static void test_what_belongs_to_the_process_does_not_change(void **state)
{
	struct host *h = *state;

	host_file(h, "godwit.yaml",
	          "server: other.example.net\nstate-directory: state\nmodule-directory: modules\n"
	          "debug: {scan-state: yes}\nmodules: [toy, ann]\n");
	assert_int_not_equal(host_ask(h, "rehash"), 0);
	assert_non_null(
		strstr(h->answer, "godwit.yaml:1:1: 'server' cannot change while the server runs"));
}

static void test_a_module_loaded_by_hand_stays(void **state)
{
	struct host *h = *state;

	assert_int_equal(host_ask(h, "module load bob"), 0);
	assert_int_equal(host_ask(h, "rehash"), 0);
	assert_non_null(module_find(h->server, "bob"));
	assert_int_equal(host_ask(h, "module unload ann"), 0);
	assert_int_equal(host_ask(h, "rehash"), 0);
	assert_non_null(module_find(h->server, "ann"));
}

static void test_a_reload_takes_the_options_of_the_new_table(void **state)
{
	struct host *h = *state;

	host_put(h, "v2", "toy");
	assert_int_equal(host_ask(h, "module reload toy"), 0);
	assert_string_equal(look(h), "toy:2 ann:1 word=hi number=7 rows=12 127.0.0.1:1000 client;");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_the_same_changes_nothing, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_each_difference_is_applied_and_told, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_folders_of_modules_are_told, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_a_listener_says_how_it_is_reached, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_advertised_changes_while_the_door_stays, setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_a_mistake_anywhere_changes_nothing, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_what_belongs_to_the_process_does_not_change,
	                                        setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_a_module_loaded_by_hand_stays, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_a_reload_takes_the_options_of_the_new_table,
	                                        setup, host_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
