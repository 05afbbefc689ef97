/*
 * tests/unit/services_join.c - a new server gets the database from a member: whole, whatever
 * changes, breaks or is cut off meanwhile, and a member or not, but nothing in between.
 */
#include "tests/unit/services_net.h"
#include <stdlib.h>
#include <utlist.h>

enum { TARGET, OTHER };
#define ACCOUNTS 120
#define LONG_VALUE 9000 /* so that they are several slices */
#define SEEDS 30

/* As services/wire.h has them. */
enum { SV_MARK = 3, SV_JSLICE = 7 };

static void add_account(struct node *node, int i)
{
	static char value[LONG_VALUE];
	char nick[20];
	struct gw_id made;
	struct gw_write write = {
		.class = GW_CLASS_ACCOUNT, .field = GW_F_VHOST, .value = {value, LONG_VALUE}};

	if (i % 2 == 0)
		write.field = 0x8001; /* a third party's */
	snprintf(nick, sizeof(nick), "Nick%d", i);
	assert_int_equal(rig_register(&node->rig, nick, &made), 0);
	write.id = made;
	assert_int_equal(rig_commit_wait(&node->rig, &write, 1, NULL), 0);
	if (i % 3 == 0) {
		write.remove = true;
		write.value.n = 0;
		assert_int_equal(rig_commit_wait(&node->rig, &write, 1, NULL), 0);
	}
	if (i % 7 == 0)
		assert_int_equal(rig_drop(&node->rig, GW_CLASS_ACCOUNT, made), 0);
}

static void open_with_accounts(struct net *net, int servers, uint64_t seed)
{
	net_open(net, servers, true, seed);
	for (int i = 0; i < ACCOUNTS; i++)
		add_account(&net->nodes[TARGET], i);
}

/* What the module burst does: verified, it becomes a member and leaves. Returns whether it has. */
static bool go_on(struct net *net, struct pipe_link *pipe, int joiner)
{
	struct pipe_end *end = &pipe->end[1];

	if (end->verified && !end->joined) {
		assert_int_equal(GW_VIA(net->nodes[joiner].replica, gw_replica_ops, become_member,
		                        pipe->link),
		                 0);
		end->verified = false;
	}
	return end->joined;
}

/* One link, until it is a member or the link is refused. */
static bool join_once(struct net *net, int target, int joiner)
{
	struct pipe_link *pipe = net_link(net, target, joiner);
	bool joined = false;

	for (int i = 0; i < 2000 && pipe->up && !joined; i++) {
		net_run(net, 5 * GW_MS);
		joined = go_on(net, pipe, joiner);
	}
	if (pipe->up)
		net_cut(net, pipe);
	return joined;
}

static void come_back(struct net *net, int target, int joiner)
{
	net_is_member(net, joiner);
	net_link(net, target, joiner);
	net_settle(net);
	net_same(net, target, joiner, true);
}

static void a_new_server_gets_all(void **state)
{
	struct net net;
	struct gw_id made;
	int joiner;

	(void)state;
	open_with_accounts(&net, 1, 0);
	joiner = net_add_empty(&net, "new.example");
	assert_true(join_once(&net, TARGET, joiner));
	come_back(&net, TARGET, joiner);
	assert_int_equal(rig_register(&net.nodes[joiner].rig, "newcomer", &made), 0);
	net_settle(&net);
	net_same(&net, TARGET, joiner, true);
	net_close(&net);
}

static void what_changes_meanwhile_is_there(void **state)
{
	struct net net;
	struct pipe_link *pipe;
	int joiner;

	(void)state;
	open_with_accounts(&net, 1, 3);
	joiner = net_add_empty(&net, "new.example");
	pipe = net_link(&net, TARGET, joiner);
	for (int i = 0; i < 400 && !go_on(&net, pipe, joiner); i++) {
		add_account(&net.nodes[TARGET], ACCOUNTS + i);
		net_run(&net, GW_MS);
	}
	assert_true(pipe->end[1].joined);
	net_cut(&net, pipe);
	come_back(&net, TARGET, joiner);
	net_close(&net);
}

static void count_messages(struct net *net, struct pipe_link *pipe, int from, uint8_t *bytes,
                           size_t *n)
{
	(void)pipe, (void)bytes, (void)n;
	if (from == 0)
		++*(unsigned *)net->ctx;
}

/* So many messages pass, then the link breaks. */
static void broken_link(struct net *net, int joiner, unsigned messages)
{
	unsigned passed = 0;
	struct pipe_link *pipe;

	net->ctx = &passed;
	net->tap = count_messages;
	pipe = net_link(net, TARGET, joiner);
	for (int i = 0; i < 20000 && passed < messages && pipe->up; i++) {
		net_deliver(net, pipe, 0);
		net_deliver(net, pipe, 1);
		if (i % 8 == 0)
			mini_run(net->nodes[joiner].rig.mini, GW_MS);
		mini_run(net->nodes[TARGET].rig.mini, GW_MS);
	}
	if (pipe->up)
		net_cut(net, pipe);
	net->tap = NULL;
}

static void a_broken_join_goes_on(void **state)
{
	struct net net;
	int joiner;

	(void)state;
	for (unsigned messages = 1; messages < 24; messages += 2) {
		open_with_accounts(&net, 1, 0);
		joiner = net_add_empty(&net, "new.example");
		broken_link(&net, joiner, messages);
		assert_int_not_equal(net.nodes[joiner].membership, GW_MEMBER_FULL);
		add_account(&net.nodes[TARGET], ACCOUNTS);
		assert_true(join_once(&net, TARGET, joiner) || join_once(&net, TARGET, joiner));
		come_back(&net, TARGET, joiner);
		net_close(&net);
	}
}

/* One of both dies at any moment, or the link; in the end all is right. */
static void sudden_deaths(uint64_t seed)
{
	struct net net;
	struct pipe_link *pipe;
	int joiner, victim;
	bool joined = false;

	open_with_accounts(&net, 1, seed);
	joiner = net_add_empty(&net, "new.example");
	for (int tries = 0; tries < 6 && !joined; tries++) {
		pipe = net_link(&net, TARGET, joiner);
		for (uint64_t i = net_draw(&net, 4000); i > 0 && pipe->up && !joined; i--) {
			net_step(&net);
			joined = go_on(&net, pipe, joiner);
		}
		victim = net_draw(&net, 3) == 0 ? TARGET : joiner;
		net_crash(&net, victim);
		net_restart(&net, victim);
		net_run(&net, GW_SECOND);
		joined = net.nodes[joiner].membership == GW_MEMBER_FULL;
	}
	while (!joined)
		joined = join_once(&net, TARGET, joiner);
	come_back(&net, TARGET, joiner);
	net_close(&net);
}

static void deaths_at_any_moment_leave_it_joined_or_not(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		sudden_deaths(seed);
}

/* --- what is wrong on the way --- */

static void damage_a_slice(struct net *net, struct pipe_link *pipe, int from, uint8_t *bytes,
                           size_t *n)
{
	unsigned *left = net->ctx;

	if (from == 0 && !pipe->end[1].joined && bytes[0] == SV_JSLICE && --*left == 0)
		bytes[*n - 20] ^= 1;
}

static void a_damaged_slice_is_not_taken(void **state)
{
	unsigned left = 3;
	struct net net;
	int joiner;

	(void)state;
	open_with_accounts(&net, 1, 0);
	joiner = net_add_empty(&net, "new.example");
	net.ctx = &left;
	net.tap = damage_a_slice;
	assert_false(join_once(&net, TARGET, joiner));
	net.tap = NULL;
	assert_true(join_once(&net, TARGET, joiner));
	come_back(&net, TARGET, joiner);
	net_close(&net);
}

static void damage_the_digest(struct net *net, struct pipe_link *pipe, int from, uint8_t *bytes,
                              size_t *n)
{
	unsigned *left = net->ctx;

	if (from == 0 && !pipe->end[1].joined && bytes[0] == SV_MARK && bytes[1] == 1 &&
	    *left > 0) {
		bytes[*n - 1] ^= 1;
		--*left;
	}
}

static void what_is_wrong_is_got_once_more(void **state)
{
	unsigned left = 1;
	struct net net;
	int joiner;

	(void)state;
	open_with_accounts(&net, 1, 0);
	joiner = net_add_empty(&net, "new.example");
	net.ctx = &left;
	net.tap = damage_the_digest;
	assert_false(join_once(&net, TARGET, joiner));
	net_run(&net, GW_SECOND);
	assert_int_equal(net.nodes[joiner].membership, GW_MEMBER_EMPTY);
	assert_true(join_once(&net, TARGET, joiner));
	come_back(&net, TARGET, joiner);
	net_close(&net);
}

static void what_is_wrong_twice_ends_it(void **state)
{
	unsigned left = 2;
	struct net net;
	int joiner;

	(void)state;
	open_with_accounts(&net, 1, 0);
	joiner = net_add_empty(&net, "new.example");
	net.ctx = &left;
	net.tap = damage_the_digest;
	assert_false(join_once(&net, TARGET, joiner));
	assert_false(join_once(&net, TARGET, joiner));
	assert_string_not_equal(mini_stopped(net.nodes[joiner].rig.mini), "");
	assert_int_not_equal(net.nodes[joiner].membership, GW_MEMBER_FULL);
	net_close(&net);
}

/* --- who joins --- */

static void of_two_machines_with_one_key_the_later_joins(void **state)
{
	struct net net;
	struct pipe_link *first;
	int joiner, twin;

	(void)state;
	open_with_accounts(&net, 1, 0);
	joiner = net_add_empty(&net, "new.example");
	twin = net_add_empty(&net, "twin.example");
	net.nodes[twin].server = net.nodes[joiner].server;
	first = net_link(&net, TARGET, joiner);
	for (int i = 0; i < 100 && !first->end[0].serving; i++)
		net_run(&net, GW_MS);
	assert_true(first->end[0].serving);
	net_deliver(&net, first, 0);
	assert_true(join_once(&net, TARGET, twin));
	assert_true(first->end[1].retired || first->end[1].joined);
	come_back(&net, TARGET, twin);
	net_close(&net);
}

static void another_target_begins_anew(void **state)
{
	struct net net;
	int joiner;

	(void)state;
	open_with_accounts(&net, 2, 0);
	joiner = net_add_empty(&net, "new.example");
	net_link(&net, TARGET, OTHER);
	net_settle(&net);
	broken_link(&net, joiner, 12);
	assert_int_equal(net.nodes[joiner].membership, GW_MEMBER_JOINING);
	assert_true(join_once(&net, OTHER, joiner));
	come_back(&net, OTHER, joiner);
	net_same(&net, TARGET, joiner, true);
	net_close(&net);
}

static bool lives(struct net *net, int node, struct gw_id life)
{
	return rig_read(&net->nodes[node].rig, GW_CLASS_ORIGIN, life) == 0;
}

static void a_join_that_is_given_up_is_tidied_after_a_day(void **state)
{
	struct net net;
	struct gw_id life = {0, 0};
	int joiner;

	(void)state;
	open_with_accounts(&net, 1, 0);
	joiner = net_add_empty(&net, "new.example");
	broken_link(&net, joiner, 12);
	assert_int_equal(rig_walk(&net.nodes[TARGET].rig, GW_CLASS_ORIGIN), 0);
	for (size_t i = 0; i < net.nodes[TARGET].rig.n_walked; i++)
		if (!gw_id_is(net.nodes[TARGET].rig.walked[i], net.nodes[TARGET].life))
			life = net.nodes[TARGET].rig.walked[i];
	assert_false(gw_id_none(life));
	net_run(&net, (int64_t)20 * 3600 * GW_SECOND);
	assert_true(lives(&net, TARGET, life));
	net_run(&net, (int64_t)5 * 3600 * GW_SECOND);
	assert_false(lives(&net, TARGET, life));
	assert_true(join_once(&net, TARGET, joiner) || join_once(&net, TARGET, joiner));
	come_back(&net, TARGET, joiner);
	net_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_server_gets_all),
		cmocka_unit_test(what_changes_meanwhile_is_there),
		cmocka_unit_test(a_broken_join_goes_on),
		cmocka_unit_test(deaths_at_any_moment_leave_it_joined_or_not),
		cmocka_unit_test(a_damaged_slice_is_not_taken),
		cmocka_unit_test(what_is_wrong_is_got_once_more),
		cmocka_unit_test(what_is_wrong_twice_ends_it),
		cmocka_unit_test(of_two_machines_with_one_key_the_later_joins),
		cmocka_unit_test(another_target_begins_anew),
		cmocka_unit_test(a_join_that_is_given_up_is_tidied_after_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
