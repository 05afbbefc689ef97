/*
 * tests/module/times.c - how long functions of modules take: counted, measured, shown, begun anew;
 * and what `module info` tells.
 *
 * The clock of these tests goes on by a millisecond whenever it is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/change.h"
#include "tests/module/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct world {
	struct host h;
	struct loop_ops ops;
	const struct loop_ops *usual;
	int64_t clock;
};

/* Found from the loop: its operations are those of the world. */
static int64_t ticking(struct loop *loop)
{
	struct world *w = container_of((struct loop_ops *)(uintptr_t)loop->ops, struct world, ops);

	return w->clock += GW_MS;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	host_open(&w->h);
	w->usual = w->h.loop->ops;
	w->ops = *w->usual;
	w->ops.now_ns = ticking;
	w->h.loop->ops = &w->ops;
	host_put(&w->h, "v1", "toy");
	host_put(&w->h, "friends", "ann");
	host_config(&w->h, "modules: [ann, toy]\ntoy: {number: 5, key: open-sesame}\n");
	assert_int_equal(host_start(&w->h), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	host_close(&w->h);
	free(w);
	return 0;
}

static void expect(struct host *h, const char *command, const char *line)
{
	assert_int_equal(host_ask(h, command), 0);
	if (strstr(h->answer, line) == NULL)
		fail_msg("%s: \"%s\" lacks \"%s\"", command, h->answer, line);
}

static void test_the_first_calls_are_all_measured(void **state)
{
	struct world *w = *state;

	simnet_run(w->h.net, 3500 * GW_MS);
	expect(&w->h, "module times toy",
	       "module|function|calls|total-ms|mean-ms|longest-ms|measured\n");
	expect(&w->h, "module times toy", "\ntoy|tick|3|3.000|1.000000|1.000|3\n");
}

static void test_then_one_of_some_and_the_rest_is_estimated(void **state)
{
	struct world *w = *state;

	simnet_run(w->h.net, 1000 * GW_SECOND + GW_MS);
	/* 64, and one of 127 of the other 936 */
	expect(&w->h, "module times toy", "\ntoy|tick|1000|1000.000|1.000000|1.000|71\n");
	simnet_run(w->h.net, 29000 * GW_SECOND);
	/* one of 127 up to 20003, one of 1021 of the 9997 behind it */
	expect(&w->h, "module times toy", "\ntoy|tick|30000|30000.000|1.000000|1.000|230\n");
}

static void test_a_time_is_ones_own(void **state)
{
	struct world *w = *state;

	/* Five from its begin to its end, of which one is the core's and one the asker's. */
	assert_int_equal(host_ask(&w->h, "toy again"), 0);
	expect(&w->h, "module times toy", "\ntoy|again|1|3.000|3.000000|3.000|1\n");
}

static void test_a_reload_goes_on_counting_and_a_reset_begins_anew(void **state)
{
	struct world *w = *state;
	struct gw_error err = {0};

	simnet_run(w->h.net, 3500 * GW_MS);
	host_put(&w->h, "v2", "toy");
	assert_int_equal(change_reload(w->h.server, "toy", &err), 0);
	simnet_run(w->h.net, 2 * GW_SECOND);
	expect(&w->h, "module times", "\ntoy|tick|5|5.000|");
	expect(&w->h, "module times toy --reset", "\ntoy|tick|5|5.000|");
	assert_null(strstr(w->h.answer, "core|"));
	simnet_run(w->h.net, GW_SECOND);
	expect(&w->h, "module times toy", "\ntoy|tick|1|1.000|");
	expect(&w->h, "module times", "\ncore|module times|");
	expect(&w->h, "module times --reset", "\ntoy|tick|1|1.000|");
	assert_int_equal(host_ask(&w->h, "module times toy"), 0);
	assert_null(strstr(w->h.answer, "tick"));
}

static void test_what_is_asked_wrongly_is_told(void **state)
{
	struct world *w = *state;

	assert_int_equal(host_ask(&w->h, "module times nobody"), -ENOENT);
	assert_string_equal(w->h.answer, "the module nobody is not loaded\n");
	assert_int_equal(host_ask(&w->h, "module times toy ann"), -ENOSYS);
	assert_int_equal(host_ask(&w->h, "module times nobody --reset"), -ENOENT);
}

static void test_in_virtual_time_nothing_takes_any(void **state)
{
	struct world *w = *state;

	w->h.loop->ops = w->usual;
	simnet_run(w->h.net, 100 * GW_SECOND + GW_MS);
	expect(&w->h, "module times toy", "\ntoy|tick|100|0.000|0.000000|0.000|");
}

static void test_info_tells_all_but_secrets(void **state)
{
	static const char *const lines[] = {
		"name|toy\nversion|1.0\nsummary|a module to be loaded and reloaded\ngeneration|1\n",
		"\nabi|",
		"\nprovides|toy 1.0\n",
		"\nrequired-by|ann (toy 1.0)\n",
		"\nstate-version|1\n",
		"\nconnections|0\nsinks|1\ntimers|1\njobs|0\n",
		"\ncalls|5\ntime-ms|5.000\nlongest-ms|1.000 ",
		"\noption|word: hello\noption|number: 5\n",
		"\noption|key: (hidden)\n",
		"\ntopic|toy.said\ntopic|toy.may\n",
		"\nextension-point|toy.row\n",
		"\ncore.admin|toy wait\n",
		"\ncore.protocol|client\n",
	};
	struct world *w = *state;

	simnet_run(w->h.net, 3500 * GW_MS);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect(&w->h, "module info toy", lines[i]);
	assert_null(strstr(w->h.answer, "sesame"));
	expect(&w->h, "module info ann", "\nrequires|toy 1.0 (toy)\n");
	expect(&w->h, "module info ann", "\nsubscription|toy.said\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_first_calls_are_all_measured, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(test_then_one_of_some_and_the_rest_is_estimated,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_time_is_ones_own, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_reload_goes_on_counting_and_a_reset_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_asked_wrongly_is_told, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(test_in_virtual_time_nothing_takes_any, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(test_info_tells_all_but_secrets, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
