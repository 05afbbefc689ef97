/*
 * tests/module/start.c - how a server begins: verbs, its name, and listeners that are held back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/module/host.h"

#include <errno.h>
#include <godwit/verb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ONE "127.0.0.1:1001"
#define TWO "127.0.0.1:1002"
#define DOORS                                                                                      \
	"listen:\n"                                                                                \
	"  - {address: \"" ONE "\", protocol: door, tls: no}\n"                                    \
	"  - {address: \"" TWO "\", protocol: gate}\n"
#define HELD "modules: [porter]\nporter: {hold: yes, socket: porter.sock}\n" DOORS

static int setup(void **state)
{
	struct host *h = host_new(state);

	host_put(h, "porter", "porter");
	return 0;
}

static void start(struct host *h)
{
	if (host_start(h) != 0)
		fail_msg("%s", h->err.text);
}

/** A configuration without the usual keys. */
static void nameless(struct host *h, const char *text)
{
	char all[500];

	snprintf(all, sizeof(all), "state-directory: state\nmodule-directory: modules\n%s", text);
	host_file(h, "godwit.yaml", all);
}

static int verb(struct host *h, const char *one, const char *two, const char *three)
{
	const char *words[] = {one, two, three};

	return host_verb(h, two == NULL ? 1 : three == NULL ? 2 : 3, words);
}

static const char *told(struct host *h)
{
	assert_int_equal(host_ask(h, "porter tell"), 0);
	return h->answer;
}

static bool is_there(struct host *h, const char *name)
{
	char *path = host_path(h, name);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

/* --- verbs --- */

static void test_a_verb_ends_with_its_code_and_sentence(void **state)
{
	struct host *h = *state;

	host_config(h, "modules: [porter]\n");
	assert_int_equal(verb(h, "code", "0", NULL), 0);
	assert_string_equal(h->err.text, "");
	assert_int_equal(verb(h, "code", "7", "it did not work"), 7);
	assert_string_equal(h->err.text, "it did not work");
	assert_int_equal(verb(h, "code", "7", NULL), 7);
	assert_string_equal(h->err.text, "godwit code has failed");
}

static void test_a_verb_has_options_time_and_chance_but_no_state(void **state)
{
	struct host *h = *state;
	struct stat st;
	char *path = host_path(h, "state");

	host_config(h, HELD);
	assert_int_equal(verb(h, "facts", NULL, NULL), 3);
	assert_string_equal(h->err.text,
	                    "server=test.example.net verb= hold=1 state=0 random=1 clock=1");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_false(is_there(h, "state/lock"));
	free(path);
}

static void test_an_unknown_verb_names_those_there_are(void **state)
{
	struct host *h = *state;

	host_config(h, "modules: [porter]\n");
	assert_int_equal(verb(h, "dance", NULL, NULL), 2);
	assert_string_equal(h->err.text,
	                    "there is no verb 'dance', there are: code, facts, begin, give, "
	                    "help");
}

static void test_too_few_and_too_many_arguments_show_the_usage(void **state)
{
	struct host *h = *state;

	host_config(h, "modules: [porter]\n");
	assert_int_equal(verb(h, "code", NULL, NULL), 2);
	assert_string_equal(h->err.text, "Usage: godwit code NUMBER [SENTENCE]");
	assert_int_equal(verb(h, "facts", "much", NULL), 2);
	assert_string_equal(h->err.text, "Usage: godwit facts");
}

static void test_a_verb_needs_a_sound_configuration(void **state)
{
	struct host *h = *state;

	host_config(h, "modules: [porter]\nporter: {hold: perhaps}\n");
	assert_int_equal(verb(h, "begin", NULL, NULL), 2);
	assert_non_null(strstr(h->err.text, "godwit.yaml:6:16: "));
}

static void test_modules_learn_what_the_server_is_started_for(void **state)
{
	struct host *h = *state;

	host_config(h, "modules: [porter]\n");
	assert_int_equal(verb(h, "begin", NULL, NULL), GW_VERB_START);
	assert_string_equal(told(h), "server=test.example.net verb=begin ready=1\n\n");
	host_stop(h);
	start(h);
	assert_string_equal(told(h), "server=test.example.net verb= ready=1\n\n");
}

/* --- options that a verb sets --- */

static int give(struct host *h, const char *words)
{
	const char *argv[16] = {"give"};
	char copy[200], *save = NULL;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return host_verb(h, argc, argv);
}

static const char *in_force(struct host *h)
{
	assert_int_equal(host_ask(h, "porter options"), 0);
	return h->answer;
}

static void test_what_a_verb_gives_goes_before_the_configuration(void **state)
{
	struct host *h = *state;

	host_config(h, "modules: [porter]\nporter: {words: [from, the, file]}\n");
	assert_int_equal(give(h, "words a + words b c + hold yes"), GW_VERB_START);
	assert_string_equal(in_force(h), "hold=1 socket= b c\n\n");
	host_stop(h);
	start(h); /* the next run knows nothing of it */
	assert_string_equal(in_force(h), "hold=0 socket= from the file\n\n");
}

static void test_what_a_verb_gives_stays_for_the_run(void **state)
{
	struct host *h = *state;

	host_config(h, "modules: [porter]\n");
	assert_int_equal(give(h, "words b c"), GW_VERB_START);
	assert_int_equal(host_ask(h, "porter give words d"), -EPERM);
	host_config(h, "modules: [porter]\nporter: {words: [from, the, file], hold: yes}\n");
	assert_int_equal(host_ask(h, "rehash"), 0);
	assert_string_equal(h->answer, "what|name|before|after\noption|porter.hold|no|yes\n\n");
	assert_string_equal(in_force(h), "hold=1 socket= b c\n\n");
	assert_int_equal(host_ask(h, "module reload porter"), 0);
	assert_string_equal(in_force(h), "hold=1 socket= b c\n\n");
	assert_int_equal(host_ask(h, "module unload porter"), 0);
	assert_int_equal(host_ask(h, "module load porter"), 0);
	assert_string_equal(in_force(h), "hold=1 socket= b c\n\n");
}

static void test_what_a_verb_gives_is_checked_by_the_table(void **state)
{
	static const struct {
		const char *words, *sentence;
	} mistakes[] = {
		{"hold perhaps", "'hold' must be yes or no, not 'perhaps'"},
		{"words a b c d", "'words' must have a number of items between 0 and 3, not 4"},
		{"hold yes no", "'hold' takes one value, not 2"},
		{"hold", "'hold' takes one value, not 0"},
		{"nonsense x", "the module porter has no option 'nonsense'"},
	};
	struct host *h = *state;

	host_config(h, "modules: [porter]\n");
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		assert_int_equal(give(h, mistakes[i].words), 2);
		assert_string_equal(h->err.text, mistakes[i].sentence);
	}
	assert_int_equal(give(h, "words"), GW_VERB_START); /* an empty list is one */
	assert_string_equal(in_force(h), "hold=0 socket=\n\n");
}

/* --- the name --- */

static void test_a_server_needs_a_name_from_somewhere(void **state)
{
	struct host *h = *state;

	nameless(h, "modules: [porter]\n");
	assert_int_equal(host_start(h), -EINVAL);
	assert_string_equal(h->err.text, "godwit.yaml:1:1: the configuration needs the option "
	                                 "'server', or give --name NAME once");
	assert_int_equal(host_check(h), -EINVAL);
	assert_int_equal(verb(h, "facts", NULL, NULL), 3);
	assert_memory_equal(h->err.text, "server= verb=", 13);
}

static void test_a_name_that_was_given_is_kept(void **state)
{
	struct host *h = *state;
	char *path = host_path(h, "state/server.name");
	struct stat st;

	nameless(h, "modules: [porter]\n");
	assert_int_equal(verb(h, "begin", "irc.example.net", NULL), GW_VERB_START);
	assert_string_equal(told(h), "server=irc.example.net verb=begin ready=1\n\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	host_stop(h);
	start(h);
	assert_string_equal(told(h), "server=irc.example.net verb= ready=1\n\n");
	assert_int_equal(host_ask(h, "rehash"), 0);
	assert_int_equal(host_ask(h, "porter rename other.example.net"), -EPERM);
	host_stop(h);
	h->name = "third.example.net";
	start(h);
	host_stop(h);
	h->name = NULL;
	start(h);
	assert_string_equal(told(h), "server=third.example.net verb= ready=1\n\n");
	free(path);
}

static void test_what_is_no_name_is_refused(void **state)
{
	struct host *h = *state;

	nameless(h, "modules: [porter]\n");
	assert_int_equal(verb(h, "begin", "irc", NULL), 1);
	assert_string_equal(h->err.text, "a server's name is such as irc1.example.net, not 'irc'");
	h->name = "a..b";
	assert_int_equal(host_start(h), -EINVAL);
	assert_false(is_there(h, "state/server.name"));
	h->name = NULL;
	assert_int_equal(verb(h, "code", "0", NULL), 0); /* makes the folder */
	host_file(h, "state/server.name", "no name\n");
	assert_int_equal(host_start(h), -EINVAL);
	assert_string_equal(h->err.text, "state/server.name does not hold a server's name");
}

static void test_two_names_are_told_with_both_places(void **state)
{
	struct host *h = *state;

	nameless(h, "modules: [porter]\n");
	h->name = "irc.example.net";
	start(h);
	host_stop(h);
	h->name = NULL;
	host_config(h, "modules: [porter]\n");
	assert_int_equal(host_start(h), -EINVAL);
	assert_string_equal(h->err.text,
	                    "godwit.yaml:1:9: the server is 'test.example.net' here and "
	                    "'irc.example.net' in state/server.name");
	h->name = "irc.example.net";
	start(h);
	assert_string_equal(told(h), "server=irc.example.net verb= ready=1\n\n");
}

static void test_a_rehash_may_leave_the_name_out_where_it_is_kept(void **state)
{
	struct host *h = *state;

	host_config(h, "modules: [porter]\n");
	start(h);
	nameless(h, "debug: {scan-state: yes}\nmodules: [porter]\n");
	assert_true(host_ask(h, "rehash") < 0);
	assert_non_null(strstr(h->answer, "the configuration needs the option 'server'"));
	host_file(h, "state/server.name", "test.example.net\n");
	assert_int_equal(host_ask(h, "rehash"), 0);
	assert_string_equal(told(h), "server=test.example.net verb= ready=1\n\n");
	host_config(h, "modules: [porter]\n");
	assert_int_equal(host_ask(h, "rehash"), 0);
	nameless(h, "debug: {scan-state: yes}\nmodules: [porter]\nserver: irc.example.net\n");
	assert_true(host_ask(h, "rehash") < 0);
	assert_non_null(strstr(h->answer, "'server' cannot change while the server runs"));
}

/* --- listeners that are held --- */

static void got_nothing(void *ctx, const char *data, ssize_t n)
{
	(void)ctx, (void)data, (void)n;
}

static bool answers(struct host *h, const char *address)
{
	struct simpipe *pipe =
		simpipe_connect(h->net, h->loop, address, "127.0.0.1", NULL, got_nothing, NULL);

	if (pipe == NULL)
		return false;
	simpipe_close(&pipe);
	simnet_run(h->net, GW_MS);
	return true;
}

static bool socket_answers(struct host *h)
{
	char *path = host_path(h, "porter.sock"), address[200];

	snprintf(address, sizeof(address), "unix:%s", path);
	free(path);
	return answers(h, address);
}

static void release(struct host *h)
{
	assert_int_equal(host_ask(h, "porter release"), 0);
	simnet_run(h->net, GW_MS);
}

static void expect_shut(struct host *h)
{
	assert_false(answers(h, ONE));
	assert_false(answers(h, TWO));
	assert_false(socket_answers(h));
	assert_string_equal(told(h), "server=test.example.net verb= ready=0\n\n");
}

static void test_nothing_is_bound_while_a_module_holds_the_listeners(void **state)
{
	struct host *h = *state;

	host_config(h, HELD);
	start(h);
	expect_shut(h);
	assert_null(strstr(h->log, "ready server="));
	release(h);
	assert_true(answers(h, ONE));
	assert_true(answers(h, TWO));
	assert_true(socket_answers(h));
	assert_string_equal(told(h), "server=test.example.net verb= ready=1\n\n");
	assert_non_null(strstr(h->log, "ready server=test.example.net modules=1 "
	                               "listens=\"127.0.0.1:1001 127.0.0.1:1002(tls)\""));
	assert_int_equal(host_ask(h, "porter release"), 0);       /* once is enough */
	assert_int_equal(host_ask(h, "module reload porter"), 0); /* too late to hold */
	assert_true(answers(h, ONE));
	assert_string_equal(told(h), "server=test.example.net verb= ready=1\n\n");
}

static void test_a_reload_keeps_holding_and_an_unload_ends_it(void **state)
{
	struct host *h = *state;

	host_config(h, HELD);
	start(h);
	assert_int_equal(host_ask(h, "module reload porter"), 0);
	expect_shut(h);
	host_config(h, "modules: []\n");
	assert_int_equal(host_ask(h, "rehash"), 0);
	simnet_run(h->net, GW_MS);
	assert_non_null(strstr(h->log, "ready server="));
}

static void test_a_rehash_while_they_are_held_opens_nothing(void **state)
{
	struct host *h = *state;

	host_config(h, HELD "  - {address: \"127.0.0.1:1003\", protocol: door, tls: no}\n");
	start(h);
	host_config(h, "modules: [porter]\nporter: {hold: yes, socket: porter.sock}\nlisten:\n"
	               "  - {address: \"" ONE "\", protocol: door, tls: no}\n"
	               "  - {address: \"127.0.0.1:1004\", protocol: door, tls: no}\n");
	assert_int_equal(host_ask(h, "rehash"), 0);
	expect_shut(h);
	assert_false(answers(h, "127.0.0.1:1004"));
	release(h);
	assert_true(answers(h, ONE));
	assert_true(answers(h, "127.0.0.1:1004"));
	assert_false(answers(h, TWO));
	assert_false(answers(h, "127.0.0.1:1003"));
}

static void test_an_address_that_cannot_be_had_ends_the_server(void **state)
{
	struct host *h = *state;
	struct loop_listener other = {0};

	host_config(h, HELD);
	start(h);
	assert_int_equal(h->loop->ops->listen(h->loop, TWO, 0, &other), 0);
	release(h);
	simnet_run(h->net, 5 * GW_SECOND);
	assert_non_null(strstr(h->log, "godwit.yaml:9:5: cannot listen on 127.0.0.1:1002: Address "
	                               "already in use"));
	assert_int_equal(h->server->phase, SERVER_STOPPED);
	assert_int_equal(h->server->exit_status, 1);
	assert_false(answers(h, ONE));
	assert_null(strstr(h->log, "ready server="));
	h->loop->ops->listener_close(&other);
}

static void test_a_start_that_cannot_listen_fails_with_the_place(void **state)
{
	struct host *h = *state;
	struct loop_listener other = {0};

	host_config(h, "modules: [porter]\n" DOORS);
	assert_int_equal(h->loop->ops->listen(h->loop, TWO, 0, &other), 0);
	assert_int_equal(host_start(h), -EADDRINUSE);
	assert_string_equal(h->err.text,
	                    "godwit.yaml:8:5: cannot listen on 127.0.0.1:1002: Address "
	                    "already in use");
	assert_false(answers(h, ONE));
	h->loop->ops->listener_close(&other);
}

static void test_links_are_encrypted_without_a_certificate(void **state)
{
	struct host *h = *state;

	host_config(h, "modules: [porter]\n"
	               "listen: [{address: \"" TWO "\", protocol: gate, tls: no}]\n");
	assert_int_equal(host_check(h), -EINVAL);
	assert_string_equal(
		h->err.text,
		"godwit.yaml:6:10: the protocol 'gate' is always encrypted: no 'tls: no'");
	host_config(h, "modules: [porter]\n" DOORS);
	start(h);
	assert_false(is_there(h, "state/tls.crt"));
}

#define with_host(name) cmocka_unit_test_setup_teardown(name, setup, host_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_host(test_a_verb_ends_with_its_code_and_sentence),
		with_host(test_a_verb_has_options_time_and_chance_but_no_state),
		with_host(test_an_unknown_verb_names_those_there_are),
		with_host(test_too_few_and_too_many_arguments_show_the_usage),
		with_host(test_a_verb_needs_a_sound_configuration),
		with_host(test_modules_learn_what_the_server_is_started_for),
		with_host(test_what_a_verb_gives_goes_before_the_configuration),
		with_host(test_what_a_verb_gives_stays_for_the_run),
		with_host(test_what_a_verb_gives_is_checked_by_the_table),
		with_host(test_a_server_needs_a_name_from_somewhere),
		with_host(test_a_name_that_was_given_is_kept),
		with_host(test_what_is_no_name_is_refused),
		with_host(test_two_names_are_told_with_both_places),
		with_host(test_a_rehash_may_leave_the_name_out_where_it_is_kept),
		with_host(test_nothing_is_bound_while_a_module_holds_the_listeners),
		with_host(test_a_reload_keeps_holding_and_an_unload_ends_it),
		with_host(test_a_rehash_while_they_are_held_opens_nothing),
		with_host(test_an_address_that_cannot_be_had_ends_the_server),
		with_host(test_a_start_that_cannot_listen_fails_with_the_place),
		with_host(test_links_are_encrypted_without_a_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
