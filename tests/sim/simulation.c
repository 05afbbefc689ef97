/*
 * tests/sim/simulation.c - the simulator keeps its word: the same seed is the same run, and its
 * faults are what they say.
 */
#include "core/conn.h"
#include "core/pool.h"
#include "tests/sim/harness.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* --- hosts without a server --- */

struct noter {
	struct loop_timer timers[20];
	struct loop_work works[6];
	struct loop_signal signal;
	struct loop *loop;
	char said[4096];
	size_t n;
};

static void say(struct noter *w, const char *what, long number)
{
	w->n += (size_t)snprintf(w->said + w->n, sizeof(w->said) - w->n, "%s%ld@%lld ", what,
	                         number, (long long)(w->loop->ops->mono_ns(w->loop) / GW_MS));
}

static struct noter *the_noter; /* of the test that runs */

static void fired(struct loop_timer *timer)
{
	say(the_noter, "t", timer - the_noter->timers);
}

static void ran(struct loop_work *work)
{
	say(the_noter, "r", work - the_noter->works);
}

static void done(struct loop_work *work)
{
	say(the_noter, "d", work - the_noter->works);
}

static void caught(struct loop_signal *s)
{
	(void)s;
	say(the_noter, "s", 0);
}

static void a_run(struct noter *w, uint64_t seed)
{
	struct simnet *net = simnet_new(seed);
	uint8_t word;
	int i;

	memset(w, 0, sizeof(*w));
	the_noter = w;
	w->loop = simhost_new(net);
	simnet_faults(net)->work_max_ns = 50 * GW_MS;
	for (i = 0; i < 20; i++) {
		w->timers[i] = (struct loop_timer){.loop = w->loop, .fired = fired};
		w->loop->ops->random(w->loop, &word, 1);
		w->loop->ops->timer_set(&w->timers[i], word * GW_MS);
	}
	w->loop->ops->timer_set(&w->timers[3], -1);
	for (i = 0; i < 6; i++) {
		w->works[i] = (struct loop_work){
			.run = ran, .done = done, .lane = i < 3 ? GW_LANE_WRITE : GW_LANE_READ};
		assert_int_equal(w->loop->ops->work(w->loop, &w->works[i]), 0);
	}
	w->signal = (struct loop_signal){.loop = w->loop, .caught = caught};
	w->loop->ops->signal_start(&w->signal, SIGHUP);
	simhost_signal(w->loop, SIGHUP);
	simnet_run(net, GW_SECOND);
	w->loop->ops->free(w->loop);
	simnet_free(&net);
}

static void the_same_seed_is_the_same_run(void **state)
{
	struct noter *one = calloc(1, sizeof(*one)), *two = calloc(1, sizeof(*two));

	(void)state;
	a_run(one, 7);
	a_run(two, 7);
	assert_string_equal(one->said, two->said);
	assert_null(strstr(one->said, "t3@"));
	assert_non_null(strstr(one->said, "t4@"));
	assert_non_null(strstr(one->said, "s0@1000 "));
	a_run(two, 8);
	assert_string_not_equal(one->said, two->said);
	free(one);
	free(two);
}

static void work_is_done_in_order(void **state)
{
	struct noter *w = calloc(1, sizeof(*w));
	uint64_t seed;

	(void)state;
	for (seed = 1; seed < 50; seed++) {
		a_run(w, seed);
		assert_true(strstr(w->said, "d0@") < strstr(w->said, "d1@"));
		assert_true(strstr(w->said, "d1@") < strstr(w->said, "d2@"));
		assert_true(strstr(w->said, "d3@") < strstr(w->said, "d4@"));
	}
	free(w);
}

/* --- servers --- */

static void a_server_starts_stops_and_starts_again(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, "description: A server\n");
	int status;

	(void)state;
	assert_non_null(strstr(simserver_admin(s, &status, "module list"), "name|"));
	assert_int_equal(status, 0);
	simserver_admin(s, &status, "no such thing");
	assert_true(status < 0);
	simserver_restart(s, NULL);
	assert_non_null(strstr(simserver_log(s), "stopping"));
	simserver_config(s, "description: Another\n");
	simserver_admin(s, &status, "rehash");
	assert_int_equal(status, 0);
	simnet_end(&net);
}

static void a_fault_in_the_file_is_told(void **state)
{
	struct simnet *net = simnet_new(1);
	struct gw_error err = {0};

	(void)state;
	assert_null(simnet_try_server(net, "descriptoin: A server\n", &err));
	assert_memory_equal(err.text, "godwit.yaml:1:1: ", 17);
	simnet_end(&net);
}

#define CHAT "modules: [store, services, network, client, account, channel, message, guest]\n"

static void servers_have_addresses_of_their_own(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *one = simnet_server(net, CHAT), *two = simnet_server(net, CHAT);
	struct simclient *a = simnet_client(one, "127.0.0.1", false),
			 *b = simnet_client(two, "127.0.0.1", true);

	(void)state;
	client_send(a, "NICK ann\r\nUSER ann 0 * :Ann");
	client_send(b, "NICK bob\r\nUSER bob 0 * :Bob");
	client_expect(a, ":sim1.example.net 001 ann *");
	client_expect(b, ":sim2.example.net 001 bob *");
	simpipe_cut(client_pipe(a));
	client_expect_end(a);
	client_expect_none(b, "*ERROR*");
	simserver_stop(two);
	client_expect(b, "ERROR *");
	client_expect_end(b);
	simnet_end(&net);
}

/* Two guests talk over a bad network; what both heard, with the live state's digest. */
static char *a_conversation(uint64_t seed)
{
	struct simnet *net = simnet_new(seed);
	struct simserver *s = simnet_server(net, CHAT);
	struct simclient *a, *b;
	char *heard, *by_b, *all = NULL;

	simnet_faults(net)->short_reads = simnet_faults(net)->short_writes = 30;
	simnet_faults(net)->latency_max_ns = 20 * GW_MS;
	a = simnet_client(s, "127.0.0.1", false);
	b = simnet_client(s, "127.0.0.1", true);
	client_send(
		a, "CAP REQ :server-time message-tags\r\nNICK ann\r\nUSER ann 0 * :Ann\r\nCAP END");
	client_send(b, "NICK bob\r\nUSER bob 0 * :Bob");
	client_expect(a, "* 001 ann *");
	client_expect(b, "* 001 bob *");
	client_send(a, "JOIN #c");
	client_expect(a, "* 366 *");
	client_send(b, "JOIN #c");
	client_expect(b, "* 366 *");
	client_send(a, "PRIVMSG #c :hello");
	client_send(b, "PRIVMSG #c :hello yourself");
	heard = client_take(a);
	by_b = client_take(b);
	assert_non_null(strstr(by_b, "PRIVMSG #c :hello"));
	assert_true(asprintf(&all, "%s\n%s\n%s", heard, by_b,
	                     strstr(simserver_admin(s, NULL, "status"), "live-digest")) > 0);
	free(heard);
	free(by_b);
	simnet_end(&net);
	return all;
}

static void the_same_seed_is_the_same_conversation(void **state)
{
	char *one = a_conversation(3), *two = a_conversation(3), *other = a_conversation(4);

	(void)state;
	assert_string_equal(one, two);
	assert_string_not_equal(one, other);
	free(one);
	free(two);
	free(other);
}

static void globs_match(void **state)
{
	(void)state;
	assert_true(sim_glob("* 001 *", ":a 001 b :c"));
	assert_true(sim_glob("a*b*c", "axxbxbxxc"));
	assert_true(sim_glob("a[b]?", "a[b]c"));
	assert_false(sim_glob("a*b", "axxbx"));
	assert_false(sim_glob("", "x"));
	assert_true(sim_glob("*", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_match),
		cmocka_unit_test(the_same_seed_is_the_same_run),
		cmocka_unit_test(work_is_done_in_order),
		cmocka_unit_test(a_server_starts_stops_and_starts_again),
		cmocka_unit_test(a_fault_in_the_file_is_told),
		cmocka_unit_test(servers_have_addresses_of_their_own),
		cmocka_unit_test(the_same_seed_is_the_same_conversation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
