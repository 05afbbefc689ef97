/*
 * tests/module/reload.c - the code of a module is replaced: what stays, what is refused, what is
 * left behind.
 *
 * run-all: timeout=300
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/change.h"
#include "core/mem.h"
#include "tests/module/host.h"

#include <errno.h>
#include <godwit/conn.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#define TOY(h, fn, ...) GW_VIA(host_toy(h), toy_ops, fn, ##__VA_ARGS__)

#if defined(__SANITIZE_ADDRESS__)
enum { rounds = 200 };
#else
enum { rounds = 2000 };
#endif

static int setup(void **state)
{
	struct host *h = host_new(state);

	host_put(h, "v1", "toy");
	host_put(h, "friends", "ann");
	host_config(h, "modules: [ann, toy]\n");
	assert_int_equal(host_start(h), 0);
	return 0;
}

/** Lines of /proc/self/maps that name this folder's copies. */
static unsigned maps(const struct host *h)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, h->dir) != NULL;
	fclose(f);
	return n;
}

static int reload(struct host *h, const char *variant, const char *module)
{
	struct gw_error err = {0};
	int status;

	host_put(h, variant, module);
	status = change_reload(h->server, module, &err);
	h->err = err;
	return status;
}

static void test_new_code_runs_on_the_old_state(void **state)
{
	struct host *h = *state;

	assert_int_equal(TOY(h, build), 1);
	assert_int_equal(TOY(h, count), 1);
	assert_int_equal(reload(h, "v2", "toy"), 0);
	assert_int_equal(TOY(h, build), 2);
	assert_int_equal(TOY(h, count), 2);
	assert_int_equal(module_find(h->server, "toy")->self.generation, 2);
}

static void test_timers_and_jobs_go_on_in_the_new_code(void **state)
{
	struct host *h = *state;
	struct simfaults *faults = simnet_faults(h->net);

	simnet_run(h->net, 3500 * GW_MS);
	assert_int_equal(TOY(h, ticks), 3);
	faults->work_min_ns = faults->work_max_ns = GW_SECOND;
	TOY(h, work);
	assert_int_equal(reload(h, "v2", "toy"), 0);
	simnet_run(h->net, 3 * GW_SECOND);
	assert_int_equal(TOY(h, ticks), 6);
	assert_int_equal(TOY(h, worked), 1002);
}

static void test_a_sink_is_answered_by_the_new_code(void **state)
{
	struct host *h = *state;
	struct gw_self *asker = &h->asker->self;
	struct gw_sink *sink = TOY(h, sink);
	struct gw_error err = {0};

	gw_sink_write(asker, sink, "hello", 5);
	assert_int_equal(reload(h, "v2", "toy"), 0);
	gw_sink_write(asker, sink, "hello", 5);
	assert_int_not_equal(reload(h, "half", "toy"), 0);
	gw_sink_write(asker, sink, "hello", 5);
	assert_int_equal(TOY(h, written), 122);
	assert_ptr_equal(TOY(h, sink), sink);
	assert_int_equal(change_unload(h->server, "toy", true, &err), 0);
	gw_sink_write(asker, sink, "hello", 5); /* nobody is there */
}

static void test_an_image_stays_while_a_job_runs_its_code(void **state)
{
	struct host *h = *state;
	struct simfaults *faults = simnet_faults(h->net);
	unsigned before = maps(h);

	faults->work_min_ns = faults->work_max_ns = GW_SECOND;
	TOY(h, work);
	assert_int_equal(reload(h, "v2", "toy"), 0);
	assert_true(maps(h) > before);
	simnet_run(h->net, 3 * GW_SECOND);
	assert_int_equal(maps(h), before);
}

static void test_rows_are_told_anew_before_anything_runs(void **state)
{
	struct host *h = *state;

	assert_int_equal(TOY(h, rows_seen), 11); /* its own 1 and ann's 10 */
	assert_int_equal(reload(h, "v2", "toy"), 0);
	assert_int_equal(TOY(h, rows_seen), 12);
	assert_int_equal(reload(h, "friends", "ann"), 0);
	assert_int_equal(TOY(h, rows_seen), 12);
}

static void test_another_layout_of_the_state_is_migrated(void **state)
{
	struct host *h = *state;

	TOY(h, count);
	assert_int_equal(reload(h, "grown", "toy"), 0);
	assert_int_equal(TOY(h, build), 3);
	assert_int_equal(TOY(h, count), 102);
	simnet_run(h->net, 1500 * GW_MS);
	assert_int_equal(TOY(h, ticks), 1);
}

/* Whatever is refused leaves everything as it was. */

struct refusal {
	const char *variant, *sentence;
};

static void refused(struct host *h, const struct refusal *r)
{
	unsigned mapped = maps(h);
	size_t memory = module_find(h->server, "toy")->memory;
	uint64_t count = TOY(h, count);

	assert_int_not_equal(reload(h, r->variant, "toy"), 0);
	if (strstr(h->err.text, r->sentence) == NULL)
		fail_msg("%s: \"%s\" lacks \"%s\"", r->variant, h->err.text, r->sentence);
	assert_int_equal(TOY(h, build), 1);
	assert_int_equal(TOY(h, count), count + 1);
	assert_int_equal(maps(h), mapped);
	assert_int_equal(module_find(h->server, "toy")->memory, memory);
	assert_int_equal(module_find(h->server, "toy")->self.generation, 1);
	simnet_run(h->net, GW_SECOND);
}

static void test_what_cannot_work_is_refused_and_changes_nothing(void **state)
{
	static const struct refusal refusals[] = {
		{"newer", ": upgrade the server, or build the module with this server's"},
		{"alien", ": upgrade the server, or build the module with this server's"},
		{"ancient", ": build the module with this server's headers: "},
		{"withdrawn",
	         "the new toy no longer provides the interface toy, which ann requires: unload ann "
	         "first"},
		{"undefined", "undefined symbol: nobody_has_this"},
		{"half", "toy breaks off half-way"},
		{"renamed",
	         "the new toy has 'tock' in row 0 of its calls, where the running one has 'tick'"},
		{"resized", "but both call it version 1"},
		{"refusing", "toy does not know state version 1"},
		{"doubled", "toy declares the option 'word' twice"},
		{"clash",
	         "'module list' at the extension point core.admin is brought by both core and toy"},
		{"greedy",
	         "toy asks for the interface elsewhere, which its .requires does not name"},
		{"major", "ann requires the interface toy 1.0, but toy provides toy 2.0"},
		{"wanting",
	         "toy requires the interface elsewhere 1.0, which no loaded module provides"},
	};
	struct host *h = *state;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		refused(h, &refusals[i]);
	assert_int_equal(reload(h, "v2", "toy"), 0);
	assert_int_equal(TOY(h, build), 2);
}

static void test_a_missing_or_broken_file_is_told(void **state)
{
	struct host *h = *state;
	struct gw_error err = {0};

	host_remove(h, "toy");
	assert_int_equal(change_reload(h->server, "toy", &err), -ENOENT);
	assert_non_null(strstr(err.text, "the module toy is not there: no toy.so in "));
	host_file(h, "modules/toy.so", "this is no shared object");
	assert_int_equal(change_reload(h->server, "toy", &err), -ENOEXEC);
	assert_non_null(strstr(err.text, "cannot open the module: "));
	assert_int_equal(TOY(h, build), 1);
}

static void test_a_module_reloads_itself_from_its_own_handler(void **state)
{
	struct host *h = *state;

	host_put(h, "v2", "toy");
	assert_int_equal(host_ask(h, "toy again"), 0);
	simnet_run(h->net, GW_MS);
	assert_int_equal(TOY(h, build), 2);
	assert_int_equal(TOY(h, count), 1001); /* the answer came, once, to the new code */
}

static void test_thousands_of_reloads_leave_nothing_behind(void **state)
{
	static const char *const good[] = {"v1", "v2"};
	static const char *const bad[] = {"half", "undefined", "refusing", "newer"};
	struct host *h = *state;
	struct module *toy = module_find(h->server, "toy");
	unsigned mapped = maps(h);
	size_t memory = toy->memory, heap = 0;

	for (unsigned i = 0; i < rounds; i++) {
		if (i == rounds / 2)
			heap = mallinfo2().uordblks;
		assert_int_equal(reload(h, good[i % 2], "toy"), 0);
		assert_int_not_equal(reload(h, bad[i % 4], "toy"), 0);
		assert_int_equal(TOY(h, build), (int)(i % 2) + 1);
		assert_int_equal(TOY(h, count), i + 1);
	}
	assert_int_equal(maps(h), mapped);
	assert_int_equal(toy->memory, memory);
	assert_int_equal(toy->self.generation, rounds + 1);
	assert_int_equal(h->server->stale, 0);
	assert_in_range(mallinfo2().uordblks, 0, heap + 4096);
}

static void test_a_pointer_into_the_old_code_is_found(void **state)
{
	struct host *h = *state;

	assert_int_equal(reload(h, "stale", "toy"), 0);
	assert_int_equal(h->server->stale, 0);
	assert_int_equal(reload(h, "v1", "toy"), 0);
	assert_int_equal(h->server->stale, 1);
	assert_non_null(strstr(h->log, "error toy: stale pointer into the old code block=state"));
}

static void test_memory_left_at_unloading_is_told(void **state)
{
	struct host *h = *state;
	struct gw_error err = {0};

	assert_int_equal(reload(h, "leaking", "toy"), 0);
	assert_int_equal(change_unload(h->server, "toy", true, &err), 0);
	assert_int_equal(h->server->leaked, 1);
	assert_non_null(strstr(h->log, "warn toy: left behind size=100"));
	assert_null(h->server->modules);
	assert_int_equal(maps(h), 0);
}

static void test_two_servers_of_one_process_have_their_own_generations(void **state)
{
	struct host *h = *state, *other;

	setup((void **)&other);
	assert_int_equal(reload(h, "v2", "toy"), 0);
	assert_int_equal(TOY(h, build), 2);
	assert_int_equal(TOY(other, build), 1);
	assert_int_equal(TOY(other, count), 1);
	assert_int_equal(TOY(h, count), 1);
	host_teardown((void **)&other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_code_runs_on_the_old_state, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_timers_and_jobs_go_on_in_the_new_code, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_a_sink_is_answered_by_the_new_code, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_an_image_stays_while_a_job_runs_its_code,
	                                        setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_rows_are_told_anew_before_anything_runs, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_another_layout_of_the_state_is_migrated, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(
			test_what_cannot_work_is_refused_and_changes_nothing, setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_a_missing_or_broken_file_is_told, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_a_module_reloads_itself_from_its_own_handler,
	                                        setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_thousands_of_reloads_leave_nothing_behind,
	                                        setup, host_teardown),
		cmocka_unit_test_setup_teardown(test_a_pointer_into_the_old_code_is_found, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(test_memory_left_at_unloading_is_told, setup,
	                                        host_teardown),
		cmocka_unit_test_setup_teardown(
			test_two_servers_of_one_process_have_their_own_generations, setup,
			host_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
