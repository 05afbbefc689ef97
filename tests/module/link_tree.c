/*
 * tests/module/link_tree.c - networks of several servers, seen by the module link: who reaches whom
 * with frames, spares, circles, removals that every member carries out.
 */
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <godwit/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULES                                                                                    \
	"[store_fake, services, network, link, burst, balance, client, account, channel, "         \
	"message, "                                                                                \
	"guest, oper, probe]"
#define FURTHER_KEY "gwpk1-B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9_AsrhtHHxfF_Ft"
#define LEVEL_NS (120 * GW_SECOND)

static unsigned links(struct simtree *t, unsigned node)
{
	return sim_count(simserver_ask(t->nodes[node].server, "link list"), "|up|");
}

static unsigned all_links(struct simtree *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->n; i++)
		n += links(t, i);
	return n;
}

static bool logged(struct simtree *t, unsigned node, const char *what)
{
	return strstr(simserver_log(t->nodes[node].server), what) != NULL;
}

static struct simtree *tree(unsigned n)
{
	struct simtree *t = simtree_new(3, "", MODULES);

	while (t->n < n)
		simtree_join(t, t->n - 1);
	if (!simtree_level(t, LEVEL_NS))
		fail_msg("%s", t->why);
	return t;
}

/* Of three: the one with two links, then the others. */
static void chain(struct simtree *t, unsigned out[3])
{
	unsigned ends = 1;

	for (unsigned i = 0; i < 3; i++)
		out[links(t, i) == 2 ? 0 : ends++] = i;
	assert_int_equal(ends, 3);
}

static void level(struct simtree *t)
{
	if (!simtree_level(t, LEVEL_NS))
		fail_msg("%s", t->why);
}

static unsigned seen(struct simtree *t, unsigned node)
{
	return sim_count(simserver_log(t->nodes[node].server), "probe: seen");
}

static void test_frames_reach_whom_they_are_for(void **state)
{
	struct simtree *t = tree(3);
	unsigned at[3];

	(void)state;
	chain(t, at);
	simtree_enter(t, at[2], "ann", "");
	simnet_run(t->net, GW_SECOND);
	simserver_ask(t->nodes[at[1]].server, "probe route 40 1 0");
	simnet_run(t->net, GW_SECOND);
	assert_int_equal(seen(t, at[0]), 1);
	assert_int_equal(seen(t, at[1]), 0);
	assert_int_equal(seen(t, at[2]), 1);
	simserver_ask(t->nodes[at[1]].server, "probe route 40 2 0 %s", t->nodes[at[2]].name);
	simserver_ask(t->nodes[at[1]].server, "probe route 40 3 0 ann");
	simnet_run(t->net, GW_SECOND);
	assert_int_equal(seen(t, at[0]), 1);
	assert_int_equal(seen(t, at[2]), 3);
	simserver_ask(t->nodes[at[1]].server, "probe route 40 2 0 %s", t->nodes[at[0]].name);
	simnet_run(t->net, GW_SECOND);
	assert_int_equal(seen(t, at[0]), 2);
	assert_int_equal(seen(t, at[2]), 3);
	simtree_end(&t);
}

static void test_frames_for_a_channel_go_where_its_members_are(void **state)
{
	struct simtree *t = tree(3);
	struct simclient *c;
	unsigned at[3];
	int status;

	(void)state;
	chain(t, at);
	c = simtree_enter(t, at[2], "ann", "");
	client_send(c, "JOIN #birds");
	client_expect(c, "* 366 *");
	simnet_run(t->net, GW_SECOND);
	simserver_ask(t->nodes[at[1]].server, "probe route 40 4 0 #birds");
	simnet_run(t->net, GW_SECOND);
	assert_int_equal(seen(t, at[0]), 0);
	assert_int_equal(seen(t, at[2]), 1);
	simserver_admin(t->nodes[at[1]].server, &status, "probe route 40 4 0 #fish");
	assert_true(status < 0);
	simtree_end(&t);
}

static void test_who_does_not_know_a_kind_passes_it_on_or_drops_it(void **state)
{
	struct simtree *t = tree(3);
	unsigned at[3];

	(void)state;
	chain(t, at);
	simserver_ask(t->nodes[at[0]].server, "module unload probe");
	simserver_ask(t->nodes[at[1]].server, "probe route 40 1 0");
	simnet_run(t->net, GW_SECOND);
	assert_int_equal(seen(t, at[2]), 1);
	simserver_ask(t->nodes[at[1]].server, "probe route 40 1 1");
	simserver_ask(t->nodes[at[1]].server, "probe route 40 2 1 %s", t->nodes[at[2]].name);
	simnet_run(t->net, GW_SECOND);
	assert_int_equal(seen(t, at[2]), 1);
	simserver_ask(t->nodes[at[0]].server, "module load probe");
	simserver_ask(t->nodes[at[1]].server, "probe route 40 1 1");
	simnet_run(t->net, GW_SECOND);
	assert_int_equal(seen(t, at[2]), 2);
	simtree_end(&t);
}

static void test_the_map_shows_the_tree(void **state)
{
	struct simtree *t = tree(3);
	unsigned at[3];
	char want[200];

	(void)state;
	chain(t, at);
	simnet_run(t->net, 15 * GW_SECOND);
	snprintf(want, sizeof(want), "\n   `- %s|%s|%s|2|0|0|100|", t->nodes[at[2]].name,
	         t->nodes[at[2]].name, t->nodes[at[0]].name);
	assert_non_null(strstr(simserver_ask(t->nodes[at[1]].server, "map"), want));
	snprintf(want, sizeof(want), "\n|- ");
	assert_non_null(strstr(simserver_ask(t->nodes[at[0]].server, "map"), want));
	assert_int_equal(sim_count(simserver_ask(t->nodes[at[0]].server, "link list"), "|yes|yes|"),
	                 2);
	simtree_end(&t);
}

static void test_a_split_heals_by_a_spare(void **state)
{
	struct simtree *t = tree(3);
	unsigned at[3];
	int status;

	(void)state;
	chain(t, at);
	simserver_admin(t->nodes[at[1]].server, &status, "link connect %s", t->nodes[at[2]].name);
	assert_true(status < 0); /* in sight */
	simtree_cut(t, at[0], at[1]);
	simnet_run(t->net, 5 * GW_SECOND);
	level(t);
	assert_int_equal(links(t, at[2]), 2);
	assert_int_equal(all_links(t), 4);
	simtree_heal(t);
	simnet_run(t->net, 100 * GW_SECOND);
	assert_int_equal(all_links(t), 4);
	simtree_end(&t);
}

static void test_links_are_a_tree_whatever_is_cut_and_healed(void **state)
{
	struct simtree *t = tree(5);

	(void)state;
	assert_int_equal(all_links(t), 2 * 4);
	for (unsigned round = 0; round < 6; round++) {
		for (unsigned i = 0; i < t->n; i++)
			for (unsigned j = 0; j < i; j++)
				if ((i + j * round) % 3 == round % 3)
					simtree_cut(t, i, j);
		simnet_run(t->net, 20 * GW_SECOND);
		simtree_heal(t);
		level(t);
		simnet_run(t->net, 100 * GW_SECOND);
		level(t);
		assert_int_equal(all_links(t), 2 * 4);
	}
	simtree_end(&t);
}

static void test_two_halves_that_are_joined_twice_at_once(void **state)
{
	struct simtree *t = tree(4);

	(void)state;
	for (unsigned round = 0; round < 8; round++) {
		for (unsigned i = 0; i < 2; i++)
			for (unsigned j = 2; j < 4; j++)
				simtree_cut(t, i, j);
		simnet_run(t->net, 30 * GW_SECOND);
		for (unsigned i = 0; i < 4; i++)
			for (unsigned j = 0; j < i; j++)
				simnet_delay(t->net, simserver_host(t->nodes[i].server),
				             simserver_host(t->nodes[j].server), 400 * GW_MS);
		simtree_heal(t);
		level(t);
		simnet_run(t->net, 150 * GW_SECOND);
		level(t);
		assert_int_equal(all_links(t), 2 * 3);
	}
	simtree_end(&t);
}

static void test_a_server_that_stops_is_gone_and_the_others_find_each_other(void **state)
{
	struct simtree *t = tree(3);
	struct simclient *c;
	unsigned at[3];

	(void)state;
	chain(t, at);
	c = simtree_enter(t, at[1], "ann", "");
	client_send(c, "JOIN #birds");
	client_expect(c, "* 366 *");
	client_send(simtree_enter(t, at[0], "bob", ""), "JOIN #birds");
	client_expect(c, ":bob!* JOIN *");
	simserver_stop(t->nodes[at[0]].server);
	t->nodes[at[0]].down = true;
	client_expect(c, ":bob!* QUIT *");
	simnet_run(t->net, 10 * GW_SECOND);
	assert_true(logged(t, at[1], "said: The test ends it"));
	assert_int_equal(links(t, at[1]), 1);
	assert_int_equal(links(t, at[2]), 1);
	assert_int_equal(sim_count(simserver_log(t->nodes[at[0]].server), "link: link up"),
	                 sim_count(simserver_log(t->nodes[at[0]].server), "link: link down"));
	simserver_restart(t->nodes[at[0]].server, NULL);
	t->nodes[at[0]].down = false;
	level(t);
	simtree_end(&t);
}

static void test_a_removed_server_is_cut_off_by_every_member(void **state)
{
	struct simtree *t = tree(3);
	unsigned at[3];

	(void)state;
	chain(t, at);
	simserver_ask(t->nodes[at[1]].server, "server remove %s", t->nodes[at[0]].name);
	simnet_run(t->net, 5 * GW_SECOND);
	assert_int_equal(links(t, at[0]), 0);
	assert_true(logged(t, at[2], "is no server of this network any more") ||
	            logged(t, at[2], "REMOVED"));
	simnet_run(t->net, 60 * GW_SECOND);
	assert_int_equal(links(t, at[0]), 0);
	assert_int_equal(links(t, at[1]), 1);
	assert_int_equal(links(t, at[2]), 1);
	simtree_end(&t);
}

/* Who removed it may be gone, too, and with it all that its entry said. */
static void test_keys_of_removed_servers_never_come_back(void **state)
{
	struct simtree *t = tree(3);
	char key[64];
	unsigned at[3];
	int status;

	(void)state;
	chain(t, at);
	snprintf(key, 55, "%s",
	         strstr(simserver_ask(t->nodes[at[0]].server, "server joinline"), "gwpk1-"));
	simserver_ask(t->nodes[at[1]].server, "server remove %s", t->nodes[at[0]].name);
	simnet_run(t->net, 5 * GW_SECOND);
	simserver_ask(t->nodes[at[2]].server, "server remove %s", t->nodes[at[1]].name);
	simnet_run(t->net, 5 * GW_SECOND);
	simserver_admin(t->nodes[at[2]].server, &status, "server add again.example.net %s", key);
	assert_int_equal(status, -EKEYREVOKED);
	simserver_stop(t->nodes[at[2]].server);
	simserver_restart(t->nodes[at[2]].server, NULL);
	simnet_run(t->net, 10 * GW_SECOND);
	simserver_admin(t->nodes[at[2]].server, &status, "server add again.example.net %s", key);
	assert_int_equal(status, -EKEYREVOKED);
	simtree_end(&t);
}

static void test_a_revoked_key_is_refused_by_every_member(void **state)
{
	struct simtree *t = tree(3);
	char key[64], *line;
	unsigned at[3];

	(void)state;
	chain(t, at);
	line = strstr(simserver_ask(t->nodes[at[0]].server, "server joinline"), "gwpk1-");
	snprintf(key, 55, "%s", line);
	simserver_ask(t->nodes[at[1]].server, "server key revoke %s %s", t->nodes[at[0]].name, key);
	simnet_run(t->net, 5 * GW_SECOND);
	assert_int_equal(links(t, at[0]), 0);
	assert_non_null(strstr(simserver_ask(t->nodes[at[2]].server, "server list"), "|none|-"));
	simnet_run(t->net, 60 * GW_SECOND);
	assert_int_equal(links(t, at[0]), 0);
	assert_int_equal(links(t, at[1]), 1);
	simtree_end(&t);
}

/* Acknowledgements pass once a minute; who asked is not kept waiting for them. */
static void test_what_every_server_has_is_told(void **state)
{
	struct simtree *t = tree(2);
	const char *answer;

	(void)state;
	answer = simserver_ask(t->nodes[0].server, "server key add %s %s", t->nodes[1].name,
	                       FURTHER_KEY);
	assert_non_null(strstr(answer, "Not confirmed yet by"));
	simnet_run(t->net, 200 * GW_SECOND);
	assert_true(logged(t, 0, "every server has it now"));
	assert_non_null(strstr(simserver_ask(t->nodes[1].server, "server list"), FURTHER_KEY));
	assert_int_equal(all_links(t), 2);
	simtree_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_reach_whom_they_are_for),
		cmocka_unit_test(test_frames_for_a_channel_go_where_its_members_are),
		cmocka_unit_test(test_who_does_not_know_a_kind_passes_it_on_or_drops_it),
		cmocka_unit_test(test_the_map_shows_the_tree),
		cmocka_unit_test(test_a_split_heals_by_a_spare),
		cmocka_unit_test(test_links_are_a_tree_whatever_is_cut_and_healed),
		cmocka_unit_test(test_two_halves_that_are_joined_twice_at_once),
		cmocka_unit_test(test_a_server_that_stops_is_gone_and_the_others_find_each_other),
		cmocka_unit_test(test_a_removed_server_is_cut_off_by_every_member),
		cmocka_unit_test(test_keys_of_removed_servers_never_come_back),
		cmocka_unit_test(test_a_revoked_key_is_refused_by_every_member),
		cmocka_unit_test(test_what_every_server_has_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
