/*
 * tests/module/agent.c - lines pass through the agent as if it were not there, and the client does
 * not see it move.
 */
#include "tests/module/agent_stage.h"

static void run(struct agent_stage *s, int64_t seconds)
{
	simnet_run(s->t->net, seconds * GW_SECOND);
}

static void logged(struct agent_stage *s, const char *text)
{
	if (strstr(simserver_log(s->agent), text) == NULL)
		fail_msg("not logged: %s\n%s", text, simserver_log(s->agent));
}

static void its_own_capability_is_not_seen(void **state)
{
	struct agent_stage s;
	struct simclient *c;

	(void)state;
	agent_open(&s, 1, "");
	c = agent_enter(&s, "ann", "");
	client_expect_none(c, "*CAP*");
	client_send(c, "CAP LIST");
	client_expect_next(c, ":s0.example.net CAP ann LIST :");
	client_send(c, "CAP REQ :batch chghost");
	client_expect_next(c, "*ACK*");
	client_send(c, "CAP LIST");
	client_expect_next(c, ":s0.example.net CAP ann LIST :batch chghost");
	client_send(c, "CAP REQ :godwit/redirect");
	client_expect(c, "*CAP ann ACK :godwit/redirect*");
	client_send(c, "CAP LIST");
	client_expect(c, "*CAP ann LIST :batch chghost godwit/redirect*");
	agent_close(&s);
}

/* --- being moved --- */

static void a_client_sees_nothing_of_a_move(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob;

	(void)state;
	agent_open(&s, 3, "");
	ann = agent_enter(&s, "ann", "");
	bob = simtree_enter(s.t, 2, "bob", "");
	client_send(ann, "JOIN #tea");
	client_expect(ann, "* 366 *");
	client_send(bob, "JOIN #tea");
	client_expect(bob, "* 366 *");
	client_expect(ann, ":bob!* JOIN #tea");
	free(client_take(ann));
	free(client_take(bob));
	for (unsigned i = 0; i < 6; i++) {
		client_send(ann, "PRIVMSG #tea :a%u", 3 * i);
		client_send(bob, "PRIVMSG #tea :b%u", 3 * i);
		agent_move_begin(&s, "ann", i % 3, (i + 1) % 3);
		client_send(ann, "PRIVMSG #tea :a%u", 3 * i + 1);
		client_send(bob, "PRIVMSG #tea :b%u", 3 * i + 1);
		run(&s, 1);
		if (i % 2 == 0)
			agent_reload(&s);
		client_send(ann, "PRIVMSG #tea :a%u", 3 * i + 2);
		client_send(bob, "PRIVMSG #tea :b%u", 3 * i + 2);
		assert_non_null(strstr(agent_ask(&s, i % 3, "moves home ann"),
		                       (const char *[]){"s1.", "s2.", "s0."}[i % 3]));
	}
	run(&s, 2);
	for (unsigned i = 0; i < 18; i++) {
		char glob[64];

		snprintf(glob, sizeof(glob), ":bob!* PRIVMSG #tea :b%u", i);
		client_expect_next(ann, glob);
		snprintf(glob, sizeof(glob), ":ann!* PRIVMSG #tea :a%u", i);
		client_expect_next(bob, glob);
	}
	client_expect_exactly(ann, "");
	client_expect_exactly(bob, "");
	agent_close(&s);
}

/* --- the ends --- */

static void a_quit_reaches_the_server_from_within_a_move(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob;

	(void)state;
	agent_open(&s, 2, "");
	for (unsigned steps = 0; steps < 60; steps += 3) {
		ann = agent_enter(&s, "ann", "");
		bob = simtree_enter(s.t, 1, "bob", "");
		client_send(ann, "JOIN #tea");
		client_expect(ann, "* 366 *");
		client_send(bob, "JOIN #tea");
		client_expect(bob, "* 366 *");
		agent_move_begin(&s, "ann", 0, 1);
		agent_steps(&s, steps);
		client_send(ann, "PRIVMSG #tea :last\r\nQUIT :bye");
		client_close(ann);
		client_expect(bob, ":ann!* PRIVMSG #tea :last");
		client_expect(bob, ":ann!* QUIT :*bye*");
		client_close(bob);
		run(&s, 20);
	}
	assert_null(strstr(simserver_log(s.agent), "server lost"));
	agent_close(&s);
}

static void addresses_are_tried_in_turn(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	agent_open(&s, 2, "");
	simserver_stop(s.t->nodes[0].server);
	ann = agent_enter(&s, "ann", "");
	logged(&s, "cannot connect session=1 to=10.0.0.1:6697");
	logged(&s, "connected session=1 nick= to=10.0.0.2:6697");
	client_send(ann, "QUIT");
	client_expect(ann, "ERROR *");
	simserver_stop(s.t->nodes[1].server);
	ann = agent_client(&s);
	client_send(ann, "NICK ann");
	client_expect(ann, "ERROR :Closing link: (*refused*)");
	client_expect_end(ann);
	simserver_restart(s.t->nodes[0].server, NULL);
	simserver_restart(s.t->nodes[1].server, NULL);
	agent_close(&s);
}

/* A client that is turned away tries again by itself; then it is led elsewhere. */
static void a_server_that_is_emptied_is_passed_over(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	agent_open_with(&s, 2,
	                "[store_fake, services, network, link, burst, redirect, balance, even, "
	                "client, account, channel, message, query, guest]",
	                "");
	run(&s, 12);
	agent_ask(&s, 0, "drain");
	ann = agent_client(&s);
	client_send(ann, "NICK ann\r\nUSER ann 0 * :Ann");
	client_expect(ann, "ERROR *sends its clients to others*");
	client_expect_end(ann);
	agent_enter(&s, "ann", "");
	logged(&s, "connected session=2 nick= to=10.0.0.2:6697");
	agent_close(&s);
}

/* Who says QUIT, or is killed, is not brought back; nor who never was in. */
static void an_end_is_passed_on(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	agent_open(&s, 1, "");
	ann = agent_enter(&s, "ann", "");
	client_send(ann, "QUIT :bye");
	client_expect(ann, "ERROR *");
	client_expect_end(ann);
	ann = agent_client(&s);
	client_send(ann, "NICK ann");
	run(&s, 1);
	simserver_restart(s.t->nodes[0].server, NULL);
	client_expect(ann, "ERROR *");
	client_expect_end(ann);
	assert_null(strstr(simserver_log(s.agent), "server lost"));
	agent_close(&s);
}

static void a_silent_server_is_given_up(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	agent_open(&s, 2, "");
	ann = agent_enter(&s, "ann", "");
	simnet_stall(s.t->net, simserver_host(s.agent), simserver_host(s.t->nodes[0].server));
	run(&s, 200);
	assert_null(strstr(simserver_log(s.agent), "server lost"));
	run(&s, 15);
	logged(&s, "server lost session=1");
	client_expect(ann, "*NOTICE ann :*was lost*");
	simnet_heal(s.t->net, NULL, NULL);
	agent_close(&s);
}

/* Else a client that hangs would come and go for ever. */
static void a_client_that_does_not_answer_is_not_brought_back(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	agent_open(&s, 1, "");
	ann = agent_enter(&s, "ann", "");
	for (unsigned i = 0; i < 60 && !client_ended(ann); i++)
		run(&s, 10);
	client_expect(ann, "PING *");
	client_expect(ann, "ERROR *Ping timeout*");
	client_expect_end(ann);
	assert_null(strstr(simserver_log(s.agent), "server lost"));
	agent_close(&s);
}

/* The old connection ends for the agent alone, when it has been silent for too long; the new one is
 * not given up with it. */
static void a_server_that_hangs_in_a_move_is_left(void **state)
{
	(void)state;
	for (unsigned steps = 2; steps < 40; steps += 3) {
		struct agent_stage s;
		struct simclient *ann;

		agent_open(&s, 2, "");
		ann = agent_enter(&s, "ann", "");
		run(&s, 1);
		agent_move_begin(&s, "ann", 0, 1);
		agent_steps(&s, steps);
		simnet_stall(s.t->net, simserver_host(s.agent),
		             simserver_host(s.t->nodes[0].server));
		for (unsigned i = 0; i < 5; i++) {
			client_send(ann, "PING still");
			run(&s, 60);
		}
		simnet_heal(s.t->net, NULL, NULL);
		client_send(ann, "PRIVMSG ann :steps%u", steps);
		client_expect(ann, ":ann!* PRIVMSG ann :steps*");
		assert_null(strstr(simserver_log(s.agent), "to=-"));
		agent_close(&s);
	}
}

/* It is not the server's silence if the agent does not read it. */
static void a_client_that_does_not_read_is_left(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob;
	char text[401];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	agent_open(&s, 1, "");
	ann = agent_enter(&s, "ann", "");
	bob = simtree_enter(s.t, 0, "bob", "");
	simpipe_block(client_pipe(ann), true);
	for (unsigned i = 0; i < 1500; i++)
		client_send(bob, "PRIVMSG ann :%s", text);
	run(&s, 700);
	assert_null(strstr(simserver_log(s.agent), "server lost"));
	logged(&s, "client has gone session=1 nick=ann reason=\"The client does not read\"");
	agent_close(&s);
}

static void the_agent_stops(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob;

	(void)state;
	agent_open(&s, 1, "");
	ann = agent_enter(&s, "ann", "");
	bob = simtree_enter(s.t, 0, "bob", "");
	client_send(ann, "JOIN #tea");
	client_expect(ann, "* 366 *");
	client_send(bob, "JOIN #tea");
	client_expect(bob, "* 366 *");
	simserver_stop(s.agent);
	client_expect(ann, "ERROR :Closing link: (The agent is shutting down)");
	client_expect_end(ann);
	client_expect(bob, ":ann!* QUIT :*The agent is shutting down*");
	agent_close(&s);
}

static void no_more_clients_than_configured(void **state)
{
	struct agent_stage s;
	struct simclient *one, *two, *three;

	(void)state;
	agent_open(&s, 1, ", clients: 2");
	one = agent_enter(&s, "one", "");
	two = agent_enter(&s, "two", "");
	three = agent_client(&s);
	client_expect(three, "ERROR :Too many clients *");
	client_expect_end(three);
	client_close(two);
	run(&s, 1);
	agent_enter(&s, "four", "");
	client_send(one, "PING still");
	client_expect(one, "*PONG * :still");
	agent_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_own_capability_is_not_seen),
		cmocka_unit_test(a_client_sees_nothing_of_a_move),
		cmocka_unit_test(a_quit_reaches_the_server_from_within_a_move),
		cmocka_unit_test(addresses_are_tried_in_turn),
		cmocka_unit_test(a_server_that_is_emptied_is_passed_over),
		cmocka_unit_test(an_end_is_passed_on),
		cmocka_unit_test(a_silent_server_is_given_up),
		cmocka_unit_test(a_client_that_does_not_answer_is_not_brought_back),
		cmocka_unit_test(a_server_that_hangs_in_a_move_is_left),
		cmocka_unit_test(a_client_that_does_not_read_is_left),
		cmocka_unit_test(the_agent_stops),
		cmocka_unit_test(no_more_clients_than_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
