/*
 * tests/module/misbehave.c - a module that does not go with what is loaded is refused, at a start,
 * by hand, at a rehash and at a reload: with a sentence that names both sides and what to do, and
 * nothing is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/change.h"
#include "core/rehash.h"
#include "tests/module/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TOY(h, fn, ...) GW_VIA(host_toy(h), toy_ops, fn, ##__VA_ARGS__)

static int setup(void **state)
{
	struct host *h = host_new(state);

	host_put(h, "v1", "toy");
	host_put(h, "friends", "ann");
	host_put(h, "friends", "bob");
	return 0;
}

static void start(struct host *h, const char *config)
{
	host_config(h, config);
	if (host_start(h) != 0)
		fail_msg("%s", h->err.text);
}

struct refusal {
	const char *variant;
	int status;
	const char *sentence;
};

static const struct refusal refusals[] = {
	{"topic", -EEXIST,
         "the topic toy.said is brought by both toy and rude: only one of the two can be loaded, "
         "or "
         "one has to rename it"},
	{"point", -EEXIST,
         "the extension point toy.row is brought by both toy and rude: only one of the two can be "
         "loaded, or one has to rename it"},
	{"command", -EEXIST,
         "'toy wait' at the extension point core.admin is brought by both toy and rude: only one "
         "of "
         "the two can be loaded, or one has to rename it"},
	{"again", -EEXIST,
         "'rude' at the extension point core.admin is brought twice by rude: one is too many"},
	{"protocol", -EEXIST,
         "'other' at the extension point core.protocol is brought by both toy and rude: only one "
         "of "
         "the two can be loaded, or one has to rename it"},
	{"wide", -EINVAL,
         "rude has rows of 8 bytes for the extension point toy.row, but those of toy have 16: "
         "build "
         "rude with the header that toy was built with"},
	{"minor", -EINVAL,
         "rude requires the interface toy 1.7, but toy provides toy 1.0: a newer toy is needed"},
	{"past", -EINVAL,
         "rude requires the interface toy 0.9, but toy provides toy 1.0: a newer rude is needed"},
	{"lonely", -ENOENT,
         "rude requires the interface elsewhere 1.0, which no loaded module provides: load one "
         "that "
         "does"},
	{"half_rude", -EIO, "the module rude does not load: the disk is not to be had"},
};

/** All is as it was: who is loaded, what they have, what is in force. */
static void assert_untouched(struct host *h, size_t memory)
{
	assert_null(module_find(h->server, "rude"));
	assert_int_equal(module_find(h->server, "toy")->memory, memory);
	assert_int_equal(TOY(h, rows_seen), 11);
	assert_int_equal(h->server->leaked, 0);
	assert_int_equal(h->server->stale, 0);
	simnet_run(h->net, GW_SECOND);
}

static void test_by_hand(void **state)
{
	struct host *h = *state;
	size_t memory;

	start(h, "modules: [toy, ann]\n");
	memory = module_find(h->server, "toy")->memory;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct gw_error err = {0};

		host_put(h, refusals[i].variant, "rude");
		assert_int_equal(change_load(h->server, "rude", &err), refusals[i].status);
		assert_string_equal(err.text, refusals[i].sentence);
		assert_untouched(h, memory);
	}
}

static void test_at_a_start(void **state)
{
	struct host *h = *state;

	host_config(h, "modules: [toy, ann, rude]\n");
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		host_put(h, refusals[i].variant, "rude");
		assert_int_not_equal(host_start(h), 0);
		if (strstr(h->err.text, refusals[i].sentence) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", h->err.text, refusals[i].sentence);
	}
}

static void no_report(void *ctx, const char *what, const char *name, const char *before,
                      const char *after)
{
	(void)ctx;
	(void)what;
	(void)name;
	(void)before;
	(void)after;
}

static void test_at_a_rehash(void **state)
{
	struct host *h = *state;
	size_t memory;

	start(h, "modules: [toy, ann]\n");
	memory = module_find(h->server, "toy")->memory;
	host_config(h, "modules: [toy, ann, rude]\n");
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct gw_error err = {0};

		host_put(h, refusals[i].variant, "rude");
		assert_int_not_equal(rehash(h->server, no_report, NULL, &err), 0);
		if (strstr(err.text, refusals[i].sentence) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", err.text, refusals[i].sentence);
		assert_untouched(h, memory);
	}
}

static void test_a_rehash_that_takes_away_what_others_require(void **state)
{
	struct host *h = *state;
	struct gw_error err = {0};

	start(h, "modules: [toy, ann]\n");
	host_config(h, "modules: [ann]\n");
	assert_int_not_equal(rehash(h->server, no_report, NULL, &err), 0);
	assert_non_null(strstr(err.text,
	                       "ann requires the interface toy 1.0, which toy provides, and that "
	                       "is to go: keep toy, or let ann go with it"));
	assert_int_equal(TOY(h, rows_seen), 11);
}

static void test_a_reload_that_takes_away_what_others_require(void **state)
{
	struct host *h = *state;
	struct gw_error err = {0};

	start(h, "modules: [toy, ann, bob]\n");
	host_put(h, "withdrawn", "toy");
	assert_int_equal(change_reload(h->server, "toy", &err), -EBUSY);
	assert_string_equal(err.text, "the new toy no longer provides the interface toy, which ann "
	                              "requires: unload ann first");
	assert_int_equal(TOY(h, rows_seen), 21);
	assert_int_equal(change_unload(h->server, "ann", false, &err), 0);
	assert_int_equal(change_unload(h->server, "bob", false, &err), 0);
	assert_int_equal(change_reload(h->server, "toy", &err), 0);
	assert_null(host_toy(h)->ops);
}

static void test_a_reload_that_requires_itself_in_a_circle(void **state)
{
	struct host *h = *state;
	struct gw_error err = {0};

	start(h, "modules: [toy, ann]\n");
	host_put(h, "own", "toy");
	assert_int_equal(change_reload(h->server, "toy", &err), -ELOOP);
	assert_string_equal(err.text, "modules require each other in a circle: toy requires toy: "
	                              "leave one of them out");
	assert_int_equal(TOY(h, build), 1);
}

static void test_failing_half_way_again_and_again_leaves_nothing(void **state)
{
	struct host *h = *state;
	size_t memory;

	start(h, "modules: [toy, ann]\n");
	memory = module_find(h->server, "toy")->memory;
	for (int i = 0; i < 100; i++) {
		struct gw_error err = {0};

		host_put(h, i % 2 == 0 ? "half_rude" : "lonely", "rude");
		assert_int_not_equal(change_load(h->server, "rude", &err), 0);
	}
	assert_untouched(h, memory);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_hand, setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_at_a_start, setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_at_a_rehash, setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_a_rehash_that_takes_away_what_others_require,
	                                        setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_a_reload_that_takes_away_what_others_require,
	                                        setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_a_reload_that_requires_itself_in_a_circle,
	                                        setup, host_teardown),
		cmocka_unit_test_setup_teardown(
			test_failing_half_way_again_and_again_leaves_nothing, setup, host_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
