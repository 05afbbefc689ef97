/*
 * tests/module/agent_restore.c - a server is lost, and the agent comes back at another one, or at
 * the same: what the client is told, to the line.
 */
#include "tests/module/agent_stage.h"

#define LOST ":agent.localhost NOTICE ann :The connection to the network was lost (*"

static void run(struct agent_stage *s, int64_t seconds)
{
	simnet_run(s->t->net, seconds * GW_SECOND);
}

/* Of two people: one in a channel with somebody who stays. */
static void at_another_server_only_what_changed_is_told(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob;

	(void)state;
	agent_open(&s, 2, "");
	bob = simtree_enter(s.t, 1, "bob", "");
	client_send(bob, "JOIN #tea");
	client_expect(bob, "* 366 *");
	ann = agent_enter(&s, "ann", "");
	client_send(ann, "JOIN #tea");
	client_expect(ann, "* 366 *");
	run(&s, 2);
	free(client_take(ann));
	simtree_crash(s.t, 0);
	client_expect_next(ann, LOST);
	client_expect_next(ann, ":agent.localhost NOTICE ann :-- 1 s without the network; "
	                        "what was said meanwhile is not here --");
	client_expect_next(ann, ":agent.localhost 396 ann * :is now your displayed host");
	client_expect_next(ann, ":agent.localhost NOTICE #tea :-- 1 s without the network; "
	                        "what was said meanwhile is not here --");
	client_send(bob, "PRIVMSG #tea :still there?");
	client_expect_next(ann, ":bob!* PRIVMSG #tea :still there?");
	client_send(ann, "PRIVMSG #tea :again");
	client_expect(bob, ":ann!* PRIVMSG #tea :again");
	agent_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_another_server_only_what_changed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
