/*
 * A server that joins, in the simulator: deaths of either side and reloads of the code at any
 * moment, and a member that has to join again. run-all: timeout=300
 */
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>
#include <string.h>

#define LONG (120 * GW_SECOND)
#define SEEDS 25
#define ACCOUNTS 12

static void command(struct simtree *t, unsigned node, const char *line)
{
	int status;

	simserver_admin(t->nodes[node].server, &status, "%s", line);
	assert_int_equal(status, 0);
}

static struct simtree *tree_with_accounts(uint64_t seed)
{
	struct simtree *t = simtree_new(seed, "", NULL);
	struct simclient *c;
	char nick[16];

	for (int i = 0; i < ACCOUNTS; i++) {
		snprintf(nick, sizeof(nick), "nick%d", i);
		c = simtree_enter(t, 0, nick, "");
		client_send(c, "REGISTER * * correct-horse");
		client_expect(c, "*REGISTER SUCCESS*");
		client_close(c);
	}
	return t;
}

static uint64_t draw(struct simtree *t, uint64_t n)
{
	return simnet_random(t->net) % n;
}

static bool is_member(struct simtree *t, unsigned i)
{
	return strstr(simserver_log(t->nodes[i].server), "is a member of the network") != NULL;
}

/* Runs on; whoever is open must be a member. */
static void run(struct simtree *t, unsigned joiner, int64_t ns)
{
	for (int64_t step = GW_MS; ns > 0; ns -= step) {
		simnet_run(t->net, step);
		assert_true(!simtree_is_open(t, joiner) || is_member(t, joiner));
	}
}

static void wait_level(struct simtree *t, unsigned joiner)
{
	for (int i = 0; i < 1200 && !simtree_is_open(t, joiner); i++)
		run(t, joiner, 100 * GW_MS);
	if (!simtree_is_open(t, joiner))
		fprintf(stderr, "%s", simserver_log(t->nodes[joiner].server));
	assert_true(simtree_is_open(t, joiner));
	if (!simtree_level(t, LONG))
		fail_msg("%s", t->why);
}

static void dies_and_comes_back(struct simtree *t, unsigned node)
{
	simtree_crash(t, node);
	simtree_start(t, node);
}

static void sudden_deaths(uint64_t seed)
{
	struct simtree *t = tree_with_accounts(seed);
	unsigned joiner = simtree_join_begin(t, 0);

	simtree_join_add(t, joiner);
	for (uint64_t n = 1 + draw(t, 4); n > 0; n--) {
		run(t, joiner, (int64_t)draw(t, 60) * GW_MS);
		dies_and_comes_back(t, draw(t, 3) == 0 ? 0 : joiner);
	}
	wait_level(t, joiner);
	simtree_end(&t);
}

static void deaths_at_any_moment(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		sudden_deaths(seed);
}

static void reloads_at_any_moment(void **state)
{
	static const char *const reloads[] = {"module reload services", "module reload burst",
	                                      "module reload link", "module reload store_fake"};
	struct simtree *t;
	unsigned joiner;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		t = tree_with_accounts(seed);
		joiner = simtree_join_begin(t, 0);
		simtree_join_add(t, joiner);
		for (int i = 0; i < 8; i++) {
			run(t, joiner, (int64_t)draw(t, 15) * GW_MS);
			command(t, draw(t, 2) == 0 ? 0 : joiner, reloads[draw(t, 4)]);
		}
		wait_level(t, joiner);
		simtree_end(&t);
	}
}

static void who_is_expired_ends_and_joins_at_the_next_start(void **state)
{
	struct simtree *t = tree_with_accounts(5);
	unsigned i = simtree_join(t, 0);
	struct simclient *c;

	(void)state;
	assert_true(simtree_level(t, LONG));
	c = simtree_enter(t, i, "witness", "");
	command(t, 0, "services expire s1.example.net");
	client_expect(c, "ERROR *database anew*");
	simnet_run(t->net, 5 * GW_SECOND);
	assert_false(simtree_is_open(t, i));
	simtree_start(t, i);
	wait_level(t, i);
	simtree_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deaths_at_any_moment),
		cmocka_unit_test(reloads_at_any_moment),
		cmocka_unit_test(who_is_expired_ends_and_joins_at_the_next_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
