/*
 * The module burst in networks of several servers: when doors open, and that it may come and go.
 */
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <string.h>

#define LONG (120 * GW_SECOND)

static struct simtree *chain_of_three(void)
{
	struct simtree *t = simtree_new(7, "", NULL);

	simtree_join(t, 0);
	simtree_join(t, 1);
	assert_true(simtree_level(t, LONG));
	return t;
}

static void command(struct simtree *t, unsigned node, const char *line)
{
	int status;

	simserver_admin(t->nodes[node].server, &status, "%s", line);
	assert_int_equal(status, 0);
}

/* Lets so much time pass, and says whether the server's doors are open then. */
static bool open_after(struct simtree *t, unsigned node, int64_t ns)
{
	simnet_run(t->net, ns);
	return simtree_is_open(t, node);
}

static void it_comes_and_goes_with_links_up(void **state)
{
	struct simtree *t = chain_of_three();
	struct simclient *a = simtree_enter(t, 0, "ann", ""), *c = simtree_enter(t, 1, "cat", "");

	(void)state;
	client_send(a, "JOIN #x");
	client_expect(a, "* 366 *");
	client_send(c, "JOIN #x");
	client_expect(a, ":cat!*JOIN #x");
	command(t, 1, "module unload burst");
	client_expect(a, ":cat!* QUIT :s0.example.net s1.example.net");
	simnet_run(t->net, 20 * GW_SECOND);
	command(t, 1, "module load burst");
	assert_true(simtree_level(t, LONG)); /* the link is dialled again */
	client_expect(a, ":cat!*JOIN #x");
	client_send(c, "PRIVMSG #x :here");
	client_expect(a, ":cat!*PRIVMSG #x :here");
	simtree_end(&t);
}

static void links_that_were_there_before_it_get_their_peer(void **state)
{
	struct simtree *t = chain_of_three();

	(void)state;
	command(t, 0, "module unload burst");
	command(t, 1, "module unload burst");
	simnet_run(t->net, LONG);
	command(t, 0, "module load burst");
	command(t, 1, "module load burst");
	assert_true(simtree_level(t, LONG));
	simtree_end(&t);
}

static void a_network_that_was_switched_off_comes_up_again(void **state)
{
	struct simtree *t = chain_of_three();

	(void)state;
	for (unsigned i = 0; i < t->n; i++)
		simtree_crash(t, i);
	simnet_run(t->net, GW_SECOND);
	for (unsigned i = 0; i < t->n; i++)
		simtree_start(t, i);
	for (unsigned i = 0; i < t->n; i++)
		assert_false(open_after(t, i, 0));
	assert_false(open_after(t, 0, 3 * GW_SECOND));
	assert_true(open_after(t, 0, 2 * GW_SECOND));
	assert_non_null(strstr(simserver_log(t->nodes[0].server), "no server was in reach"));
	assert_true(simtree_level(t, LONG));
	simtree_end(&t);
}

static void who_finds_a_neighbour_opens_when_it_is_level(void **state)
{
	struct simtree *t = chain_of_three();
	struct simclient *a;

	(void)state;
	simtree_crash(t, 2);
	a = simtree_enter(t, 0, "ann", "");
	client_send(a, "REGISTER * * correct-horse");
	client_expect(a, "*REGISTER SUCCESS*");
	simtree_start(t, 2);
	assert_false(open_after(t, 2, 0));
	while (!open_after(t, 2, 10 * GW_MS))
		;
	/* Nobody reaches it before it knows what was done meanwhile. */
	command(t, 2, "account info ann");
	assert_non_null(strstr(simserver_log(t->nodes[2].server), "a neighbour is level"));
	simtree_end(&t);
}

static void alone_on_its_network_it_opens_at_once(void **state)
{
	struct simtree *t = simtree_new(7, "", NULL);

	(void)state;
	simtree_crash(t, 0);
	simtree_start(t, 0);
	assert_true(open_after(t, 0, 500 * GW_MS));
	simtree_end(&t);
}

static void whoever_is_told_to_join_waits_until_it_may(void **state)
{
	struct simtree *t = simtree_new(7, "", NULL);
	unsigned i = simtree_join_begin(t, 0);

	(void)state;
	assert_false(open_after(t, i, 600 * GW_SECOND));
	simtree_crash(t, i);
	simtree_start(t, i); /* a plain start goes on with it */
	assert_false(open_after(t, i, 60 * GW_SECOND));
	simtree_join_add(t, i);
	assert_true(open_after(t, i, 15 * GW_SECOND));
	assert_true(simtree_level(t, LONG));
	simtree_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_and_goes_with_links_up),
		cmocka_unit_test(links_that_were_there_before_it_get_their_peer),
		cmocka_unit_test(a_network_that_was_switched_off_comes_up_again),
		cmocka_unit_test(who_finds_a_neighbour_opens_when_it_is_level),
		cmocka_unit_test(alone_on_its_network_it_opens_at_once),
		cmocka_unit_test(whoever_is_told_to_join_waits_until_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
