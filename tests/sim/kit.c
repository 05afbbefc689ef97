/*
 * tests/sim/kit.c - the kit for authors of modules, as they have it: its failures, and what its
 * servers go through. tests/rules/new-module has an author's first tests run.
 */
#include "tests/unit/cmocka.h"
#include <godwit/loop.h>
#include <godwit/testkit.h>
#include <stdlib.h>

#define TOY                                                                                        \
	"modules: [toy]\n"                                                                         \
	"listen: [{address: \"127.0.0.1:6667\", tls: no}]\n"

/* Who leaves a failure by longjmp() leaves behind what the calls in between had in hand. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

struct failure {
	jmp_buf back;
	char *report;
	int line;
};

static void failed(void *ctx, const char *report, const char *file, int line)
{
	struct failure *f = ctx;

	(void)file;
	f->report = strdup(report);
	f->line = line;
	longjmp(f->back, 1);
}

/* A folder of tests/modules in the build. */
static const char *built(const char *path)
{
	static char whole[4096];

	snprintf(whole, sizeof(whole), "%s/tests/modules/%s", getenv("GODWIT_BUILD"), path);
	return whole;
}

static struct gwt_net *toys(const char *variant)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/.libs", variant);
	return gwt_net_new(1, built(path));
}

static void has(const char *text, const char *what)
{
	if (text == NULL || strstr(text, what) == NULL)
		fail_msg("no \"%s\" in:\n%s", what, text != NULL ? text : "");
}

/* Ends what has failed. */
static void fails_with(struct gwt_net **net, struct failure *f, const char *what)
{
	has(f->report, what);
	free(f->report);
	gwt_net_end(net);
	assert_null(*net);
}

static void what_does_not_come_is_reported(void **state)
{
	struct gwt_net *volatile net = gwt_net_new(7, NULL);
	struct gwt_net *ended;
	struct failure f = {0};

	(void)state;
	gwt_on_failure(net, failed, &f);
	if (setjmp(f.back) == 0) {
		struct gwt_server *s = gwt_server_new(net, NULL, NULL);
		struct gwt_client *ann = gwt_enter(s, "ann", "");

		gwt_send(ann, "PING 1");
		gwt_expect_next(ann, "* PONG * :1");
		gwt_send(ann, "PING 2");
		gwt_expect(ann, "nothing like this");
		fail_msg("it came");
	}
	assert_true(f.line > 0);
	has(f.report, "--- log of the server 10.0.0.1:7000");
	has(f.report, "-> PING 2");
	has(f.report, "--- did not come: nothing like this");
	ended = net;
	fails_with(&ended, &f, "--- seed 7");
}

static void a_server_that_does_not_start_is_reported(void **state)
{
	struct gwt_net *volatile net = toys("v1");
	struct gwt_net *ended;
	struct failure f = {0};

	(void)state;
	gwt_on_failure(net, failed, &f);
	if (setjmp(f.back) == 0) {
		gwt_server_new(net, NULL, TOY "toy: {number: 1000}\n");
		fail_msg("it started");
	}
	ended = net;
	fails_with(&ended, &f, "'number' must be between 1 and 100, not 1000");
}

static void a_refused_start_has_its_sentence(void **state)
{
	struct gwt_net *net = toys("v1");

	(void)state;
	has(gwt_server_refused(net, NULL, TOY "toy: {word: forbidden}\n"),
	    "toy will not say 'forbidden'");
	gwt_net_end(&net);
}

static void what_a_module_leaves_behind_is_a_failure(void **state)
{
	struct gwt_net *volatile net = toys("leaking");
	struct gwt_net *volatile handle = net;
	struct gwt_net *ended;
	struct failure f = {0};

	(void)state;
	gwt_on_failure(net, failed, &f);
	if (setjmp(f.back) == 0) {
		gwt_server_new(net, NULL, TOY);
		gwt_net_end((struct gwt_net **)&handle);
		fail_msg("nobody noticed");
	}
	ended = net;
	fails_with(&ended, &f, "a module left memory behind when it was unloaded: s0.example.net");
}

static void pointers_into_old_code_are_a_failure(void **state)
{
	struct gwt_net *volatile net = toys("stale");
	struct gwt_net *volatile handle = net;
	struct gwt_net *ended;
	struct failure f = {0};

	(void)state;
	gwt_on_failure(net, failed, &f);
	if (setjmp(f.back) == 0) {
		struct gwt_server *s = gwt_server_new(net, NULL, TOY);

		gwt_reload_as(s, "toy", built("v1/.libs/toy.so"));
		gwt_net_end((struct gwt_net **)&handle);
		fail_msg("nobody noticed");
	}
	ended = net;
	fails_with(&ended, &f, "a module has pointers into its old code: s0.example.net");
}

static void another_build_takes_over(void **state)
{
	struct gwt_net *net = toys("v1");
	struct gwt_server *s = gwt_server_new(net, NULL, TOY);
	int status;

	(void)state;
	gwt_reload_as(s, "toy", built("v2/.libs/toy.so"));
	gwt_reload_as(s, "toy", built("grown/.libs/toy.so"));
	has(gwt_admin(s, &status, "module list"), "toy|1.0|3|2|");
	assert_int_equal(status, 0);
	has(gwt_admin(s, &status, "module reload toy nonsense"), "");
	assert_int_not_equal(status, 0);
	gwt_rehash(s, NULL, TOY "toy: {number: 20}\n");
	gwt_net_end(&net);
}

/* Three servers, with faults between them, and a client that is moved. */
static void a_network_lives(void **state)
{
	const struct gwt_faults faults = {
		.latency_min_ns = GW_MS, .latency_max_ns = 40 * GW_MS, .short_reads = 20};
	struct gwt_net *net = gwt_net_new(gwt_seed(3), NULL);
	struct gwt_server *one = gwt_server_new(net, NULL, NULL);
	struct gwt_server *two = gwt_server_join(one, NULL, NULL);
	struct gwt_server *three = gwt_server_join(two, NULL, NULL);
	struct gwt_client *ann, *bob, *eve;
	const char *const *lines;

	(void)state;
	gwt_net_faults(net, &faults);
	gwt_level(net, 120 * GW_SECOND);
	ann = gwt_enter_movable(three, "ann", "server-time");
	bob = gwt_enter(one, "bob", "");
	gwt_send(ann, "JOIN #x");
	gwt_expect(ann, "* 366 *");
	gwt_run(net, GW_SECOND);
	gwt_send(bob, "JOIN #x");
	gwt_expect(bob, "* 366 *");
	gwt_move(ann, two);
	assert_ptr_equal(gwt_client_server(ann), two);
	gwt_login(ann, "annie");
	gwt_level(net, 120 * GW_SECOND);
	gwt_login(bob, "annie");
	gwt_send(bob, "WHOIS ann");
	gwt_expect(bob, "* 330 bob ann annie *");
	gwt_send(ann, "PRIVMSG #x :still here");
	gwt_expect(bob, ":ann!* PRIVMSG #x :still here");
	gwt_expect_none(ann, "* QUIT *");
	gwt_cut(one, two);
	gwt_expect(bob, ":ann!* QUIT *");
	gwt_heal(net);
	gwt_level(net, 120 * GW_SECOND);
	gwt_expect(bob, ":ann!* JOIN #x");
	gwt_crash(three);
	gwt_run(net, 2 * GW_SECOND);
	gwt_start(three);
	gwt_level(net, 120 * GW_SECOND);
	eve = gwt_connect_from(three, "192.0.2.7", true);
	gwt_send_raw(eve, "NICK e", 6);
	gwt_send_raw(eve, "ve\r\nUSER e 0 * :Eve\r\n", 21);
	gwt_expect(eve, "* 001 eve *");
	assert_true(gwt_lines(eve, &lines) > 0);
	gwt_restart(three);
	gwt_expect_end(eve);
	gwt_close(&eve);
	assert_null(eve);
	gwt_net_end(&net);
}

/* Two hours, in which the server asks for signs of life. */
static void somebody_who_entered_stays(void **state)
{
	struct gwt_net *net = gwt_net_new(1, NULL);
	struct gwt_client *ann = gwt_enter(gwt_server_new(net, NULL, NULL), "ann", "");

	(void)state;
	gwt_run(net, 7200 * GW_SECOND);
	gwt_send(ann, "PING here");
	gwt_expect_next(ann, "* PONG * :here");
	gwt_net_end(&net);
}

static uint64_t run_once(uint64_t seed)
{
	struct gwt_net *net = gwt_net_new(seed, NULL);
	struct gwt_server *s = gwt_server_new(net, NULL, NULL);
	uint64_t sum = gwt_random(net);

	gwt_enter(s, "ann", "");
	for (const char *c = gwt_log(s); *c != '\0'; c++)
		sum = sum * 31 + (unsigned char)*c;
	sum += (uint64_t)gwt_now(net);
	gwt_net_end(&net);
	return sum;
}

static void the_same_seed_is_the_same_run(void **state)
{
	(void)state;
	assert_true(run_once(5) == run_once(5));
	assert_true(run_once(5) != run_once(6));
	assert_int_equal(setenv("GODWIT_SEED", "12", 1), 0);
	assert_int_equal(gwt_seed(3), 12);
	assert_int_equal(unsetenv("GODWIT_SEED"), 0);
	assert_int_equal(gwt_seed(3), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_come_is_reported),
		cmocka_unit_test(a_server_that_does_not_start_is_reported),
		cmocka_unit_test(a_refused_start_has_its_sentence),
		cmocka_unit_test(what_a_module_leaves_behind_is_a_failure),
		cmocka_unit_test(pointers_into_old_code_are_a_failure),
		cmocka_unit_test(another_build_takes_over),
		cmocka_unit_test(a_network_lives),
		cmocka_unit_test(somebody_who_entered_stays),
		cmocka_unit_test(the_same_seed_is_the_same_run),
	};
	char modules[4096];

	snprintf(modules, sizeof(modules), "%s/modules", getenv("GODWIT_BUILD"));
	setenv("GODWIT_MODULES", modules, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
