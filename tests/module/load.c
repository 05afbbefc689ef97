/*
 * tests/module/load.c - loading and unloading: order, requirements, what is refused, the bus,
 * options at start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/admin.h"
#include "core/change.h"
#include "tests/module/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TOY(h, fn, ...) GW_VIA(host_toy(h), toy_ops, fn, ##__VA_ARGS__)

static const char *const friends[] = {"ann",     "bob", "cat", "twin", "rival",
                                      "failing", "hen", "egg", "loose"};

static int setup(void **state)
{
	struct host *h = host_new(state);

	host_put(h, "v1", "toy");
	for (size_t i = 0; i < sizeof(friends) / sizeof(friends[0]); i++)
		host_put(h, "friends", friends[i]);
	return 0;
}

static void start(struct host *h, const char *config)
{
	host_config(h, config);
	if (host_start(h) != 0)
		fail_msg("%s", h->err.text);
}

/** The loaded modules, in their order. */
static const char *order(struct host *h)
{
	static char names[200];

	names[0] = '\0';
	for (const struct module *m = h->server->modules; m != NULL; m = m->next) {
		strcat(names, names[0] != '\0' ? " " : "");
		strcat(names, m->self.name);
	}
	return names;
}

static void test_what_is_required_is_loaded_before(void **state)
{
	struct host *h = *state;

	start(h, "modules: [ann, loose, bob, toy]\n");
	assert_string_equal(order(h), "toy ann loose bob");
}

static void test_an_optional_requirement_may_be_missing_and_come_later(void **state)
{
	struct host *h = *state;
	struct gw_error err = {0};

	start(h, "modules: [loose]\n");
	assert_null(host_toy(h)->ops);
	assert_int_equal(change_load(h->server, "toy", &err), 0);
	assert_int_equal(TOY(h, build), 1);
	assert_int_equal(TOY(h, rows_seen), 11); /* the row of loose waited for its point */
	assert_int_equal(change_unload(h->server, "toy", false, &err), 0);
	assert_null(host_toy(h)->ops);
}

struct refusal {
	const char *config, *sentence;
};

static void test_a_start_is_refused_with_a_sentence_that_names_both_sides(void **state)
{
	static const struct refusal refusals[] = {
		{"modules: [ann]\n", "godwit.yaml:5:1: ann requires the interface toy 1.0, which "
	                             "no loaded module provides"},
		{"modules: [hen, egg]\n",
	         "godwit.yaml:5:1: modules require each other in a circle: egg requires hen, hen "
	         "requires egg: leave one of them out"},
		{"modules: [toy, rival]\n",
	         "godwit.yaml:5:1: the interface toy is brought by both toy and rival"},
		{"modules: [toy, ann, twin]\n", "godwit.yaml:5:1: 'a' at the extension point "
	                                        "toy.row is brought by both ann and twin"},
		{"modules: [toy, failing]\n", "failing does not like it here"},
		{"modules:\n  - toy\n  - nowhere\n",
	         "godwit.yaml:7:5: the module nowhere is not there"},
		{"modules: [toy]\nlisten: [{address: 127.0.0.1:1, tls: no, protocol: clinet}]\n",
	         "godwit.yaml:6:10: no module that 'modules' lists speaks the protocol 'clinet'"},
		{"modules: [toy]\nlog: {levels: {ty: debug}}\n",
	         "godwit.yaml:6:16: 'ty' is not a module that 'modules' lists"},
		{"modules: [toy]\ntoy: {nummer: 3}\n",
	         "godwit.yaml:6:7: module toy has no option 'nummer'"},
		{"modules: [toy]\ntoy: {word: forbidden}\n",
	         "godwit.yaml:6:1: toy will not say 'forbidden'"},
		{"modules: [toy]\nann: {}\n", "godwit.yaml:6:1: 'ann' is neither an option of the "
	                                      "server nor a module that 'modules' lists"},
	};
	struct host *h = *state;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		host_config(h, refusals[i].config);
		assert_int_not_equal(host_start(h), 0);
		if (strncmp(h->err.text, refusals[i].sentence, strlen(refusals[i].sentence)) != 0)
			fail_msg("\"%s\" is not \"%s\"", h->err.text, refusals[i].sentence);
	}
	start(h, "modules: [toy, ann]\n");
}

static void test_a_check_touches_nothing(void **state)
{
	struct host *h = *state;
	char *path = host_path(h, "state");
	struct stat info;

	host_config(h, "modules: [toy, ann]\ntoy: {number: 5}\n");
	assert_int_equal(host_check(h), 0);
	host_config(h, "modules: [toy, ann]\ntoy: {number: 500}\n");
	assert_int_not_equal(host_check(h), 0);
	assert_string_equal(h->err.text,
	                    "godwit.yaml:6:15: 'number' must be between 1 and 100, not 500");
	assert_int_equal(stat(path, &info), -1);
	free(path);
}

static void test_what_others_need_is_not_unloaded(void **state)
{
	struct host *h = *state;
	struct gw_error err = {0};

	start(h, "modules: [toy, ann, bob, loose]\n");
	assert_int_equal(change_unload(h->server, "toy", false, &err), -EBUSY);
	assert_string_equal(err.text, "toy is required by ann, bob; --cascade unloads them too");
	assert_string_equal(order(h), "toy ann bob loose");
	assert_int_equal(change_unload(h->server, "toy", true, &err), 0);
	assert_string_equal(order(h), "loose");
	assert_int_equal(h->server->leaked, 0);
}

static void test_those_that_go_together_can_use_what_they_require_to_the_last(void **state)
{
	struct host *h = *state;
	struct gw_error err = {0};
	const char *parting;

	start(h, "modules: [toy, ann, bob]\n");
	assert_int_equal(change_unload(h->server, "toy", true, &err), 0);
	parting = strstr(h->log, "a friend parts");
	assert_non_null(parting);
	assert_non_null(strstr(parting + 1, "a friend parts"));
	assert_null(host_toy(h)->ops);
}

static void test_a_failed_load_by_hand_changes_nothing(void **state)
{
	struct host *h = *state;
	struct gw_error err = {0};

	start(h, "modules: [toy, ann]\n");
	assert_int_equal(change_load(h->server, "failing", &err), -EIO);
	assert_int_equal(change_load(h->server, "twin", &err), -EEXIST);
	assert_int_equal(change_load(h->server, "ann", &err), -EEXIST);
	assert_int_equal(change_load(h->server, "../toy", &err), -EINVAL);
	assert_string_equal(order(h), "toy ann");
	assert_int_equal(TOY(h, rows_seen), 11);
	assert_int_equal(change_load(h->server, "bob", &err), 0);
	assert_int_equal(TOY(h, rows_seen), 21);
}

static void test_a_notification_reaches_all_in_order_and_reloads_keep_it(void **state)
{
	struct host *h = *state;
	struct toy_said said = {""};
	struct gw_error err = {0};

	start(h, "modules: [toy, cat, ann, bob, loose]\n");
	TOY(h, say, &said);
	assert_string_equal(said.heard, "balc"); /* bob -5, ann and loose 0 as loaded, cat 5 */
	assert_int_equal(change_reload(h->server, "ann", &err), 0);
	assert_int_equal(change_reload(h->server, "toy", &err), 0);
	said.heard[0] = '\0';
	TOY(h, say, &said);
	assert_string_equal(said.heard, "balc");
	assert_int_equal(change_unload(h->server, "ann", false, &err), 0);
	said.heard[0] = '\0';
	TOY(h, say, &said);
	assert_string_equal(said.heard, "blc");
}

static void test_the_first_refusal_ends_a_question(void **state)
{
	struct host *h = *state;
	struct toy_said said = {""};
	struct gw_error why = {0};

	start(h, "modules: [toy, ann, bob]\n");
	assert_int_equal(TOY(h, may, &said, &why), 0);
	assert_string_equal(said.heard, "ba");
	assert_int_equal(change_load(h->server, "cat", &why), 0);
	said.heard[0] = '\0';
	assert_int_equal(TOY(h, may, &said, &why), -EPERM);
	assert_string_equal(said.heard, "bac");
	assert_string_equal(why.text, "cat says no");
	assert_int_equal(why.code, 404);
}

static void test_a_second_server_on_the_same_state_is_refused(void **state)
{
	struct host *h = *state, other;
	char *path = host_path(h, "state"), *line;

	start(h, "modules: []\n");
	host_open(&other);
	line = malloc(strlen(path) + 100);
	sprintf(line, "server: test.example.net\nstate-directory: %s\n", path);
	host_file(&other, "godwit.yaml", line);
	assert_int_equal(host_start(&other), -EADDRINUSE);
	assert_non_null(strstr(other.err.text, "another server runs in "));
	host_close(&other);
	free(line);
	free(path);
}

static void test_commands_answer_or_say_what_is_wrong(void **state)
{
	struct host *h = *state;

	start(h, "modules: [toy, ann]\n");
	assert_int_equal(host_ask(h, "module list"), 0);
	assert_non_null(
		strstr(h->answer, "name|version|generation|state|memory|file\ntoy|1.0|1|1|"));
	assert_int_equal(host_ask(h, "module"), -ENOSYS);
	assert_string_equal(
		h->answer,
		"'module' is followed by one of: list, info, load, unload, reload, times\n");
	assert_int_equal(host_ask(h, "dance"), -ENOSYS);
	assert_string_equal(h->answer,
	                    "there is no command 'dance'; 'help' lists those there are\n");
	assert_int_equal(host_ask(h, "module reload"), -ENOSYS);
	assert_string_equal(h->answer, "usage: module reload NAME|all\n");
	assert_int_equal(host_ask(h, "module reload all"), 0);
	assert_string_equal(h->answer, "toy: reloaded, version 1.0, generation 2\nann: reloaded, "
	                               "version 1.0, generation 2\n\n");
	assert_int_equal(host_ask(h, "module unload toy"), -EBUSY);
	assert_int_equal(host_ask(h, "module unload toy --cascade"), 0);
	assert_int_equal(host_ask(h, "toy again"), -ENOSYS);
	assert_int_equal(host_ask(h, "module load toy"), 0);
	assert_int_equal(host_ask(h, "help toy"), 0);
	assert_string_equal(h->answer,
	                    "command|arguments|privilege|help\ntoy again||module|Reloads itself.\n"
	                    "toy answer|||Answers toy wait.\ntoy wait|||Waits for toy answer.\n\n");
	assert_int_equal(host_ask(h, "log level toy debug"), 0);
	assert_int_equal(host_ask(h, "log level"), 0);
	assert_string_equal(h->answer, "module|level\ncore|info\ntoy|debug\n\n");
	assert_int_equal(host_ask(h, "status"), 0);
	assert_non_null(strstr(h->answer, "server|test.example.net\n"));
	assert_int_equal(host_ask(h, "module info toy"), 0);
	assert_non_null(strstr(h->answer, "provides|toy 1.0\n"));
	assert_non_null(strstr(h->answer, "toy.row|own\n"));
}

/** An asker of its own, so that two requests can be under way. */
static void ask_beside(struct host *h, const char *first, const char *second)
{
	const char *words[] = {first, second};
	const struct gw_admin_asker who = {.who = "another"};
	const struct gw_call nobody = {0};

	assert_int_equal(admin_api.run(&h->asker->self, 2, words, &who, nobody), 0);
}

static void test_a_request_outlives_the_reload_of_its_module(void **state)
{
	struct host *h = *state;
	struct gw_error err = {0};

	start(h, "modules: [toy]\n");
	host_begin(h, "toy wait");
	host_put(h, "v2", "toy");
	assert_int_equal(change_reload(h->server, "toy", &err), 0);
	assert_false(h->ended);
	ask_beside(h, "toy", "answer");
	assert_true(h->ended);
	assert_string_equal(h->answer, "wait\ntwo\n\n");
}

static void test_a_request_ends_when_its_module_is_unloaded(void **state)
{
	struct host *h = *state;
	struct gw_error err = {0};

	start(h, "modules: [toy]\n");
	host_begin(h, "toy wait");
	assert_int_equal(change_unload(h->server, "toy", false, &err), 0);
	assert_true(h->ended);
	assert_int_equal(h->status, -ECANCELED);
	assert_string_equal(h->answer,
	                    "wait\nthe module toy was unloaded before it had answered\n");
}

static void test_an_operator_without_the_privilege_is_refused(void **state)
{
	static const char *const some[] = {"log", NULL};
	static const char *const words[] = {"module", "list"};
	const struct gw_admin_asker who = {.who = "account ann", .privileges = some};
	struct host *h = *state;

	start(h, "modules: [toy]\n");
	h->answer[0] = '\0';
	h->ended = false;
	assert_int_equal(
		admin_api.run(&h->asker->self, 2, words, &who, gw_call(&h->asker->self, 0, 0)), 0);
	assert_int_equal(h->status, -EPERM);
	assert_string_equal(h->answer, "'module list' needs the privilege 'module.list'\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_required_is_loaded_before, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(
			test_an_optional_requirement_may_be_missing_and_come_later, setup,
			host_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_start_is_refused_with_a_sentence_that_names_both_sides, setup,
			host_teardown),
		cmocka_unit_test_setup_teardown(test_a_check_touches_nothing, setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_what_others_need_is_not_unloaded, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(
			test_those_that_go_together_can_use_what_they_require_to_the_last, setup,
			host_teardown),
		cmocka_unit_test_setup_teardown(test_a_failed_load_by_hand_changes_nothing, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_notification_reaches_all_in_order_and_reloads_keep_it, setup,
			host_teardown),
		cmocka_unit_test_setup_teardown(test_the_first_refusal_ends_a_question, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_a_second_server_on_the_same_state_is_refused,
	                                        setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_commands_answer_or_say_what_is_wrong, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_a_request_outlives_the_reload_of_its_module,
	                                        setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_a_request_ends_when_its_module_is_unloaded,
	                                        setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_an_operator_without_the_privilege_is_refused,
	                                        setup, host_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
