/*
 * tests/module/link_net.c - links between servers in the simulator: up, silent, doubled, closed;
 * frames and their bounds; who is dialled; reloads with links up. What follows a link (burst) is
 * not loaded: the module probe says what passes.
 */
#include "tests/sim/harness.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <godwit/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULES "modules: [store, services, network, link, probe]\n"
#define TALKERS                                                                                    \
	"modules: [store, services, network, client, channel, message, guest, link, probe]\n"      \
	"client: {exempt: [\"127.0.0.0/8\"]}\n"
#define SIDES 3
#define ROUNDS 50

struct pair {
	struct simnet *net;
	struct simserver *s[SIDES];
	char key[SIDES][64];
	unsigned n;
};

static char *modules_line(const char *yaml)
{
	char *build = getenv("GODWIT_BUILD"), *out;

	if (asprintf(&out, "%smodule-directory: [%s/modules, %s/tests/modules]\n", yaml,
	             build != NULL ? build : ".", build != NULL ? build : ".") < 0)
		abort();
	return out;
}

static const char *ask(struct simserver *s, const char *command)
{
	return simserver_ask(s, "%s", command);
}

static const char *ask_refused(struct simserver *s, const char *command)
{
	int status;
	const char *answer = simserver_admin(s, &status, "%s", command);

	assert_true(status < 0);
	return answer;
}

static void key_of(struct simserver *s, char out[64])
{
	const char *key = strstr(ask(s, "server joinline"), "gwpk1-");

	assert_non_null(key);
	snprintf(out, 55, "%s", key);
}

static void add(struct pair *p, unsigned to, unsigned whom, bool with_address)
{
	char command[200];

	snprintf(command, sizeof(command), "server add sim%u.example.net %s%s", whom + 1,
	         p->key[whom], "");
	if (with_address)
		snprintf(command + strlen(command), sizeof(command) - strlen(command), " %s",
		         simserver_address(p->s[whom]));
	ask(p->s[to], command);
}

static bool linked(struct simserver *s, const char *name)
{
	char want[100];

	snprintf(want, sizeof(want), "\n%s|up|", name);
	return sim_count(ask(s, "link list"), want) == 1;
}

static bool logged(struct simserver *s, const char *what)
{
	return strstr(simserver_log(s), what) != NULL;
}

static void run(struct pair *p, int seconds)
{
	simnet_run(p->net, seconds * GW_SECOND);
}

/* Servers that know each other; the first dials the second. */
static void pair_open_by(uint64_t seed, struct pair *p, unsigned n, const char *yaml,
                         const char *more)
{
	char *all, *text;

	memset(p, 0, sizeof(*p));
	p->net = simnet_new(seed);
	if (asprintf(&text, "%s%s", yaml, more) < 0)
		abort();
	all = modules_line(text);
	for (p->n = 0; p->n < n; p->n++)
		p->s[p->n] = simnet_server(p->net, all);
	free(all);
	free(text);
	simnet_quiet(p->net);
	for (unsigned i = 0; i < n; i++)
		key_of(p->s[i], p->key[i]);
}

static void pair_open(struct pair *p, unsigned n, const char *yaml, const char *more)
{
	pair_open_by(11, p, n, yaml, more);
}

static void pair_link(struct pair *p)
{
	pair_open(p, 2, MODULES, "");
	add(p, 1, 0, false);
	add(p, 0, 1, true);
	run(p, 3);
	assert_true(linked(p->s[0], "sim2.example.net"));
	assert_true(linked(p->s[1], "sim1.example.net"));
}

static void test_a_link_comes_up_and_is_told(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	assert_true(logged(p.s[0], "probe: up id=1 name=sim2.example.net source=1"));
	assert_true(logged(p.s[1], "probe: up id=1 name=sim1.example.net source=0"));
	run(&p, 120);
	assert_int_equal(sim_count(simserver_log(p.s[0]), "probe: up"), 1);
	assert_false(logged(p.s[0], "probe: down"));
	assert_non_null(
		strstr(ask(p.s[0], "server list"), "sim2.example.net|linked|10.0.0.2:7000|"));
	simnet_end(&p.net);
}

static void test_frames_arrive_in_order_and_whole(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	ask(p.s[0], "probe send sim2.example.net 40 0 1");
	ask(p.s[0], "probe send sim2.example.net 40 131072 3");
	ask(p.s[0], "probe send sim2.example.net 40 7 1000");
	run(&p, 2);
	assert_true(logged(p.s[1], "seen from=sim1.example.net n=0 frames=1 bytes=0"));
	assert_true(logged(p.s[1], "n=131072 frames=4 bytes=393216"));
	assert_true(logged(p.s[1], "n=7 frames=1004 bytes=400216"));
	assert_non_null(
		strstr(ask_refused(p.s[0], "probe send sim2.example.net 40 131073 1"), "too long"));
	assert_true(linked(p.s[0], "sim2.example.net"));
	simnet_end(&p.net);
}

static void test_short_reads_and_writes_change_nothing(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	simnet_faults(p.net)->short_reads = simnet_faults(p.net)->short_writes = 60;
	ask(p.s[0], "probe send sim2.example.net 40 1000 200");
	ask(p.s[1], "probe send sim1.example.net 40 70000 5");
	run(&p, 10);
	assert_true(logged(p.s[1], "frames=200 bytes=200000"));
	assert_true(logged(p.s[0], "frames=5 bytes=350000"));
	simnet_end(&p.net);
}

static void test_unknown_kinds_are_left_alone(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	ask(p.s[0], "probe send sim2.example.net 99 100 10");
	ask(p.s[0], "probe send sim2.example.net 40 1 1");
	run(&p, 1);
	assert_true(logged(p.s[1], "frames=1 bytes=1"));
	assert_true(linked(p.s[1], "sim1.example.net"));
	simnet_end(&p.net);
}

static void test_a_breach_closes_the_link_and_says_whose(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	ask(p.s[0], "probe send sim2.example.net 41 1 1");
	run(&p, 1);
	assert_true(logged(p.s[1],
	                   "breach of the protocol peer=sim1.example.net why=\"a frame that "
	                   "the probe does not like\""));
	assert_true(logged(p.s[1], "probe: down id=1 name=sim1.example.net"));
	assert_true(logged(p.s[0], "reason=\"sim2.example.net said: a frame that the probe"));
	run(&p, 10);
	assert_true(linked(p.s[0], "sim2.example.net"));
	simnet_end(&p.net);
}

static void test_silence_closes_a_link(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	simnet_stall(p.net, simserver_host(p.s[0]), simserver_host(p.s[1]));
	run(&p, 12);
	assert_false(logged(p.s[0], "probe: down"));
	run(&p, 8);
	assert_true(logged(p.s[0],
	                   "probe: down id=1 name=sim2.example.net reason=\"nothing was heard"));
	assert_true(logged(p.s[1],
	                   "probe: down id=1 name=sim1.example.net reason=\"nothing was heard"));
	simnet_heal(p.net, NULL, NULL);
	run(&p, 90);
	assert_true(linked(p.s[0], "sim2.example.net"));
	assert_true(linked(p.s[1], "sim1.example.net"));
	simnet_end(&p.net);
}

/* However seldom it is pinged for its own sake. */
static void test_what_is_said_seldom_is_acknowledged_in_time(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 2, MODULES, "link: {ping-every: 5m, silence: 30s, stall: 10s}\n");
	add(&p, 1, 0, false);
	add(&p, 0, 1, true);
	run(&p, 3);
	ask(p.s[0], "probe send sim2.example.net 40 100 1");
	run(&p, 120);
	assert_false(logged(p.s[0], "probe: down"));
	assert_true(linked(p.s[0], "sim2.example.net"));
	simnet_end(&p.net);
}

static void test_a_cut_is_dialled_again_later_and_later(void **state)
{
	struct pair p;
	unsigned tries;

	(void)state;
	pair_link(&p);
	simnet_cut(p.net, simserver_host(p.s[0]), simserver_host(p.s[1]));
	run(&p, 1);
	assert_true(logged(p.s[0], "probe: down id=1"));
	run(&p, 600);
	tries = sim_count(simserver_log(p.s[0]), "link: dialling") - 1;
	assert_in_range(tries, 6, 14); /* 5, 10, 20, 40, 60 s..., a deadline of 15 s each */
	simnet_heal(p.net, NULL, NULL);
	run(&p, 90);
	assert_true(linked(p.s[0], "sim2.example.net"));
	simnet_end(&p.net);
}

static void test_both_dial_at_once_and_one_link_stays(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct pair p;

		pair_open_by(round + 1, &p, 2, MODULES, "");
		simnet_faults(p.net)->latency_min_ns = 150 * GW_MS * (round % 5);
		simnet_faults(p.net)->latency_max_ns = 150 * GW_MS * (round % 5 + 1);
		add(&p, 0, 1, true);
		add(&p, 1, 0, true);
		run(&p, 60);
		assert_true(linked(p.s[0], "sim2.example.net"));
		assert_true(linked(p.s[1], "sim1.example.net"));
		assert_int_equal(sim_count(ask(p.s[0], "link list"), "\nsim2"), 1);
		assert_int_equal(sim_count(ask(p.s[1], "link list"), "\nsim1"), 1);
		simnet_end(&p.net);
	}
}

static void test_a_server_that_comes_back_is_linked_though_the_old_link_seems_up(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	simserver_cut(p.s[0]);
	simserver_restart(p.s[0], NULL);
	run(&p, 10);
	assert_true(linked(p.s[0], "sim2.example.net"));
	assert_true(linked(p.s[1], "sim1.example.net"));
	assert_int_equal(sim_count(simserver_log(p.s[1]), "probe: up"), 2);
	assert_int_equal(sim_count(simserver_log(p.s[1]), "probe: down"), 1);
	simnet_end(&p.net);
}

static void test_an_operator_disconnects_and_connects(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	assert_non_null(strstr(ask(p.s[1], "link disconnect sim1.example.net"), "until"));
	run(&p, 100);
	assert_false(linked(p.s[1], "sim1.example.net"));
	assert_true(logged(p.s[0], "an operator has disconnected sim1.example.net"));
	assert_non_null(strstr(ask_refused(p.s[1], "link connect sim1.example.net"), "no address"));
	ask(p.s[1], "server address add sim1.example.net 10.0.0.1:7000");
	assert_non_null(strstr(ask(p.s[1], "link connect sim1.example.net"), "linked"));
	assert_true(linked(p.s[1], "sim1.example.net"));
	assert_non_null(strstr(ask_refused(p.s[1], "link connect sim1.example.net"), "already"));
	assert_non_null(strstr(ask_refused(p.s[1], "link connect nobody"), "no such server"));
	assert_non_null(
		strstr(ask_refused(p.s[1], "link connect sim2.example.net"), "this server"));
	simnet_end(&p.net);
}

static void test_connect_says_what_went_wrong(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 2, MODULES, "");
	add(&p, 0, 1, true);
	run(&p, 1);
	ask_refused(p.s[0], "link connect sim2.example.net");
	assert_false(linked(p.s[0], "sim2.example.net"));
	simnet_end(&p.net);
}

static void test_server_add_refuses_what_is_wrong(void **state)
{
	struct pair p;
	char bad[64], command[200];

	(void)state;
	pair_open(&p, 2, MODULES, "");
	ask_refused(p.s[0], "server add sim2.example.net gwpk1-x");
	snprintf(command, sizeof(command), "server add -x %s", p.key[1]);
	ask_refused(p.s[0], command);
	snprintf(command, sizeof(command), "server add sim1.example.net %s", p.key[1]);
	assert_non_null(strstr(ask_refused(p.s[0], command), "already"));
	snprintf(command, sizeof(command), "server add sim9.example.net %s", p.key[0]);
	assert_non_null(strstr(ask_refused(p.s[0], command), "listed already, for sim1"));
	snprintf(bad, sizeof(bad), "%s", p.key[1]);
	bad[20] = bad[20] == 'A' ? 'B' : 'A';
	snprintf(command, sizeof(command), "server add sim2.example.net %s", bad);
	ask_refused(p.s[0], command);
	snprintf(command, sizeof(command), "server add sim2.example.net %s 0.0.0.0:7000", p.key[1]);
	ask_refused(p.s[0], command);
	snprintf(command, sizeof(command), "server add sim2.example.net %s nowhere", p.key[1]);
	ask_refused(p.s[0], command);
	add(&p, 0, 1, true);
	assert_int_equal(sim_count(ask(p.s[0], "server list"), "\n"), 3);
	simnet_end(&p.net);
}

static void test_removal_closes_the_link_and_the_key_never_comes_back(void **state)
{
	struct pair p;
	char command[200];

	(void)state;
	pair_link(&p);
	ask(p.s[1], "server remove sim1.example.net");
	run(&p, 1);
	assert_true(logged(p.s[1], "probe: down id=1"));
	assert_true(logged(p.s[0], "is no server of this network any more"));
	snprintf(command, sizeof(command), "server add sim1.example.net %s", p.key[0]);
	assert_non_null(strstr(ask_refused(p.s[1], command), "revoked"));
	run(&p, 60);
	assert_int_equal(sim_count(simserver_log(p.s[1]), "probe: up"), 1);
	ask_refused(p.s[1], "server remove sim2.example.net");
	simserver_restart(p.s[1], NULL);
	run(&p, 1);
	assert_non_null(strstr(ask_refused(p.s[1], command), "revoked"));
	simnet_end(&p.net);
}

static void test_a_revoked_key_closes_the_link(void **state)
{
	struct pair p;
	char command[200];

	(void)state;
	pair_link(&p);
	snprintf(command, sizeof(command), "server key revoke sim1.example.net %s", p.key[1]);
	assert_non_null(strstr(ask_refused(p.s[1], command), "no key of sim1"));
	snprintf(command, sizeof(command), "server key revoke sim1.example.net %s", p.key[0]);
	assert_non_null(strstr(ask(p.s[1], command), "no key any more"));
	run(&p, 1);
	assert_true(logged(p.s[1], "probe: down id=1"));
	assert_non_null(
		strstr(ask(p.s[1], "server list"), "sim1.example.net|out-of-sight|-|100|none|-"));
	run(&p, 60);
	assert_int_equal(sim_count(simserver_log(p.s[1]), "probe: up"), 1);
	simnet_end(&p.net);
}

static void test_addresses_are_listed_and_taken_in_turn(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 2, MODULES, "");
	add(&p, 1, 0, false);
	add(&p, 0, 1, false);
	ask(p.s[0], "server address add sim2.example.net 10.0.0.9:7000");
	ask(p.s[0], "server address add sim2.example.net 10.0.0.2:7000");
	ask_refused(p.s[0], "server address add sim2.example.net 10.0.0.2:7000");
	run(&p, 3); /* what one address says does not keep from the other */
	assert_true(linked(p.s[0], "sim2.example.net"));
	assert_true(logged(p.s[0], "address=\"10.0.0.9:7000\""));
	ask(p.s[0], "link disconnect sim2.example.net");
	run(&p, 1);
	ask(p.s[0], "link connect sim2.example.net"); /* at the one that was right */
	assert_int_equal(sim_count(simserver_log(p.s[0]), "address=\"10.0.0.9:7000\""), 1);
	ask(p.s[0], "server address remove sim2.example.net 10.0.0.9:7000");
	ask_refused(p.s[0], "server address remove sim2.example.net 10.0.0.9:7000");
	ask(p.s[0], "server weight sim2.example.net 250");
	ask_refused(p.s[0], "server weight sim2.example.net -1");
	assert_non_null(
		strstr(ask(p.s[0], "server list"), "sim2.example.net|linked|10.0.0.2:7000|250|"));
	simnet_end(&p.net);
}

static void test_uplinks_say_who_is_dialled(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 3, MODULES, "link: {uplinks: [sim3.example.net]}\n");
	for (unsigned i = 1; i < 3; i++) {
		add(&p, i, 0, false);
		add(&p, 0, i, true);
	}
	run(&p, 60);
	assert_true(linked(p.s[0], "sim3.example.net"));
	assert_false(linked(p.s[0], "sim2.example.net"));
	assert_false(logged(p.s[0], "dialling peer=sim2"));
	simnet_end(&p.net);
}

static void test_bulk_waits_for_room(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	simnet_faults(p.net)->window = 16384;
	ask(p.s[0], "probe bulk sim2.example.net 400");
	assert_false(logged(p.s[0], "bulk sent"));
	run(&p, 30);
	assert_true(logged(p.s[0], "bulk sent"));
	assert_true(logged(p.s[1], "frames=400 bytes=6553600"));
	assert_false(logged(p.s[0], "link slow"));
	assert_true(linked(p.s[0], "sim2.example.net"));
	simnet_end(&p.net);
}

static void test_a_link_over_its_hard_bound_is_closed_and_comes_again(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	simnet_stall(p.net, simserver_host(p.s[0]), simserver_host(p.s[1]));
	ask_refused(p.s[0], "probe send sim2.example.net 40 131072 200");
	run(&p, 1);
	assert_true(logged(p.s[0], "probe: down id=1 name=sim2.example.net reason=\"more than "
	                           "16777216 bytes"));
	simnet_heal(p.net, NULL, NULL);
	run(&p, 60);
	assert_true(linked(p.s[0], "sim2.example.net"));
	simnet_end(&p.net);
}

/* The other side is heard, but takes nothing. */
static void test_no_progress_closes_a_link(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, 2, MODULES, "link: {silence: 1h}\n");
	add(&p, 1, 0, false);
	add(&p, 0, 1, true);
	run(&p, 3);
	simnet_stall(p.net, simserver_host(p.s[0]), simserver_host(p.s[1]));
	run(&p, 28);
	assert_false(logged(p.s[0], "probe: down"));
	run(&p, 12);
	assert_true(logged(p.s[0],
	                   "probe: down id=1 name=sim2.example.net reason=\"nothing was taken"));
	simnet_end(&p.net);
}

static void test_reloads_drop_no_link(void **state)
{
	static const char *const reloads[] = {"module reload link", "module reload probe",
	                                      "module reload network", "module reload services"};
	struct pair p;

	(void)state;
	pair_link(&p);
	for (unsigned i = 0; i < sizeof(reloads) / sizeof(reloads[0]); i++) {
		ask(p.s[0], reloads[i]);
		ask(p.s[1], reloads[i]);
		ask(p.s[0], "probe send sim2.example.net 40 10 1");
		run(&p, 20);
	}
	assert_true(logged(p.s[1], "frames=4 bytes=40"));
	assert_int_equal(sim_count(simserver_log(p.s[0]), "probe: up"), 1);
	assert_false(logged(p.s[0], "probe: down"));
	ask(p.s[0], "probe bulk sim2.example.net 100");
	ask(p.s[0], "module reload link");
	run(&p, 10);
	assert_true(logged(p.s[0], "bulk sent"));
	simnet_end(&p.net);
}

static void test_unloading_ends_the_links(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	ask(p.s[0], "module unload link --cascade");
	run(&p, 1);
	assert_true(logged(p.s[1], "probe: down id=1"));
	simnet_end(&p.net);
}

static void test_a_stop_says_goodbye(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	simserver_stop(p.s[0]);
	run(&p, 1);
	assert_true(logged(p.s[1], "reason=\"sim1.example.net said: The test ends it\""));
	simserver_restart(p.s[0], NULL);
	run(&p, 10);
	assert_true(linked(p.s[0], "sim2.example.net"));
	simnet_end(&p.net);
}

static void test_a_join_dials_until_it_is_let_in(void **state)
{
	struct pair p;
	char command[200];

	(void)state;
	pair_open(&p, 2, MODULES, "");
	snprintf(command, sizeof(command), "probe join 10.0.0.2:7000 %s", p.key[1]);
	ask_refused(p.s[0], "probe join nowhere gwpk1-x");
	ask_refused(p.s[0], "probe join 10.0.0.2:7000 gwpk1-x");
	ask(p.s[0], command);
	run(&p, 60);
	assert_in_range(sim_count(simserver_log(p.s[0]), "joining: not let in yet"), 8, 13);
	add(&p, 1, 0, false);
	run(&p, 8);
	assert_true(logged(p.s[0], "probe: up id=1 name=sim2.example.net source=1"));
	assert_true(linked(p.s[1], "sim1.example.net"));
	simnet_end(&p.net);
}

static void test_a_cancelled_join_dials_no_more(void **state)
{
	struct pair p;
	char command[200];
	unsigned before;

	(void)state;
	pair_open(&p, 2, MODULES, "");
	snprintf(command, sizeof(command), "probe join 10.0.0.2:7000 %s", p.key[1]);
	ask(p.s[0], command);
	run(&p, 12);
	ask(p.s[0], "probe cancel");
	before = sim_count(simserver_log(p.s[0]), "joining:");
	run(&p, 60);
	assert_int_equal(sim_count(simserver_log(p.s[0]), "joining:"), before);
	simnet_end(&p.net);
}

static void test_the_map_and_the_lists_can_be_asked_for(void **state)
{
	struct pair p;

	(void)state;
	pair_link(&p);
	run(&p, 20);
	assert_non_null(
		strstr(ask(p.s[0], "map"), "sim1.example.net|sim1.example.net||0|0|-|-|-|-|-\n"));
	assert_non_null(strstr(ask(p.s[0], "link list"), "|out|10.0.0.2:7000|"));
	assert_non_null(strstr(ask(p.s[1], "link list"), "|in|10.0.0.1:"));
	assert_int_equal(
		sim_count(ask(p.s[0], "server joinline"), "godwit join 10.0.0.1:7000 gwpk1-"), 1);
	simnet_end(&p.net);
}

static void test_what_is_advertised_is_listed(void **state)
{
	struct gw_error err = {0};
	struct pair p;
	char *bad;

	(void)state;
	pair_open(&p, 1, MODULES, "link: {advertise: [\"sim.example.org:7000\"]}\n");
	assert_non_null(strstr(ask(p.s[0], "server list"), "|here|sim.example.org:7000|"));
	bad = modules_line(MODULES "link: {advertise: [\"[::]:7000\"]}\n");
	assert_null(simnet_try_server(p.net, bad, &err));
	assert_non_null(strstr(err.text, "no address at which"));
	free(bad);
	simnet_end(&p.net);
}

/* Two that speak: a channel's topic goes to all servers. */
static void talkers_open(struct pair *p, struct simclient *c[2], const char *options)
{
	static const char *const nicks[] = {"ann", "bob"};

	pair_open(p, 2, TALKERS, options);
	add(p, 1, 0, false);
	add(p, 0, 1, true);
	run(p, 3);
	ask(p->s[0], "probe via sim2.example.net");
	for (unsigned i = 0; i < 2; i++) {
		c[i] = simnet_client(p->s[0], "127.0.0.1", false);
		client_send(c[i], "NICK %s\r\nUSER %s 0 * :x", nicks[i], nicks[i]);
		client_send(c[i], "JOIN #%s", nicks[i]);
		client_expect(c[i], "*JOIN #*");
	}
	simnet_quiet(p->net);
}

static void topics(struct simclient *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		client_send(c, "TOPIC #ann :%u %0300d", i, 0);
	client_send(c, "PING done");
}

static void test_a_slow_link_slows_those_who_write_to_it_and_nobody_else(void **state)
{
	struct simclient *c[2];
	struct pair p;

	(void)state;
	talkers_open(&p, c, "link: {silence: 1h, stall: 1h, soft-bound: 256k}\n");
	simnet_stall(p.net, simserver_host(p.s[0]), simserver_host(p.s[1]));
	topics(c[0], 960);
	client_expect_none(c[0], "*PONG*done");
	assert_true(logged(p.s[0], "link slow"));
	client_send(c[1], "PING idle");
	client_expect(c[1], "*PONG*idle");
	run(&p, 60);
	assert_true(linked(p.s[0], "sim2.example.net"));
	simnet_heal(p.net, NULL, NULL);
	client_expect(c[0], "*PONG*done");
	client_send(c[0], "PING again");
	client_expect(c[0], "*PONG*again");
	assert_in_range(sim_count(simserver_log(p.s[1]),
	                          "link: record refused peer=sim1.example.net "
	                          "why=\"not in the name of"),
	                10, 20); /* in two minutes */
	assert_true(linked(p.s[1], "sim1.example.net"));
	simnet_end(&p.net);
}

static void test_who_waits_for_a_link_that_breaks_is_let_go(void **state)
{
	struct simclient *c[2];
	struct pair p;

	(void)state;
	talkers_open(&p, c, "link: {soft-bound: 256k}\n");
	simnet_stall(p.net, simserver_host(p.s[0]), simserver_host(p.s[1]));
	topics(c[0], 960);
	client_expect_none(c[0], "*PONG*done");
	run(&p, 20);
	assert_true(logged(p.s[0], "probe: down id=1"));
	client_expect(c[0], "*PONG*done");
	simnet_end(&p.net);
}

static void test_a_client_that_goes_while_it_waits(void **state)
{
	struct simclient *c[2];
	struct pair p;

	(void)state;
	talkers_open(&p, c, "link: {silence: 1h, stall: 1h, soft-bound: 256k}\n");
	simnet_stall(p.net, simserver_host(p.s[0]), simserver_host(p.s[1]));
	topics(c[0], 960);
	run(&p, 1);
	client_close(c[0]);
	run(&p, 1);
	ask(p.s[0], "module reload link");
	simnet_heal(p.net, NULL, NULL);
	run(&p, 10);
	client_send(c[1], "TOPIC #bob :still here\r\nPING on");
	client_expect(c[1], "*PONG*on");
	simnet_end(&p.net);
}

/* Who is held while it goes, or while what holds it goes, is nobody's afterwards. */
static void test_who_waits_is_let_go_whatever_module_goes(void **state)
{
	struct simclient *c[2], *late;
	struct pair p;

	(void)state;
	talkers_open(&p, c, "link: {silence: 1h, stall: 1h, soft-bound: 256k}\n");
	simnet_stall(p.net, simserver_host(p.s[0]), simserver_host(p.s[1]));
	topics(c[0], 960);
	client_expect_none(c[0], "*PONG*done");
	ask(p.s[0], "module unload client --cascade");
	ask(p.s[0], "module load client");
	ask(p.s[0], "module load channel");
	ask(p.s[0], "module load message");
	ask(p.s[0], "module load guest");
	late = simnet_client(p.s[0], "127.0.0.1", false);
	client_send(late, "NICK late\r\nUSER late 0 * :x");
	client_expect(late, "*001*");
	simnet_heal(p.net, NULL, NULL);
	run(&p, 10);
	client_send(late, "JOIN #ann");
	client_expect(late, "*JOIN #ann*");
	simnet_stall(p.net, simserver_host(p.s[0]), simserver_host(p.s[1]));
	topics(late, 960);
	client_expect_none(late, "*PONG*done");
	ask(p.s[0], "module unload link --cascade");
	client_expect(late, "*PONG*done");
	simnet_end(&p.net);
}

static void test_too_many_refused_records_end_the_link(void **state)
{
	struct simclient *c[2];
	struct pair p;

	(void)state;
	talkers_open(&p, c, "");
	topics(c[0], 1010);
	client_expect(c[0], "*PONG*done");
	run(&p, 1);
	assert_true(logged(p.s[1], "breach of the protocol peer=sim1.example.net why=\"more than "
	                           "1000 records"));
	simnet_end(&p.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_link_comes_up_and_is_told),
		cmocka_unit_test(test_frames_arrive_in_order_and_whole),
		cmocka_unit_test(test_short_reads_and_writes_change_nothing),
		cmocka_unit_test(test_unknown_kinds_are_left_alone),
		cmocka_unit_test(test_a_breach_closes_the_link_and_says_whose),
		cmocka_unit_test(test_silence_closes_a_link),
		cmocka_unit_test(test_what_is_said_seldom_is_acknowledged_in_time),
		cmocka_unit_test(test_a_cut_is_dialled_again_later_and_later),
		cmocka_unit_test(test_both_dial_at_once_and_one_link_stays),
		cmocka_unit_test(
			test_a_server_that_comes_back_is_linked_though_the_old_link_seems_up),
		cmocka_unit_test(test_an_operator_disconnects_and_connects),
		cmocka_unit_test(test_connect_says_what_went_wrong),
		cmocka_unit_test(test_server_add_refuses_what_is_wrong),
		cmocka_unit_test(test_removal_closes_the_link_and_the_key_never_comes_back),
		cmocka_unit_test(test_a_revoked_key_closes_the_link),
		cmocka_unit_test(test_addresses_are_listed_and_taken_in_turn),
		cmocka_unit_test(test_uplinks_say_who_is_dialled),
		cmocka_unit_test(test_bulk_waits_for_room),
		cmocka_unit_test(test_a_link_over_its_hard_bound_is_closed_and_comes_again),
		cmocka_unit_test(test_no_progress_closes_a_link),
		cmocka_unit_test(test_reloads_drop_no_link),
		cmocka_unit_test(test_unloading_ends_the_links),
		cmocka_unit_test(test_a_stop_says_goodbye),
		cmocka_unit_test(test_a_join_dials_until_it_is_let_in),
		cmocka_unit_test(test_a_cancelled_join_dials_no_more),
		cmocka_unit_test(test_the_map_and_the_lists_can_be_asked_for),
		cmocka_unit_test(test_what_is_advertised_is_listed),
		cmocka_unit_test(test_a_slow_link_slows_those_who_write_to_it_and_nobody_else),
		cmocka_unit_test(test_who_waits_for_a_link_that_breaks_is_let_go),
		cmocka_unit_test(test_a_client_that_goes_while_it_waits),
		cmocka_unit_test(test_who_waits_is_let_go_whatever_module_goes),
		cmocka_unit_test(test_too_many_refused_records_end_the_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
