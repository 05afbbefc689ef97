/*
 * tests/module/agent_lost.c - what is typed while there is no server, or while the session is being
 * brought back: refused, in doubt, or said exactly once, whatever else happens meanwhile.
 */
#include "tests/module/agent_gap.h"

/* --- without a server --- */

static void what_is_typed_is_refused(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	agent_open(&s, 1, "");
	ann = agent_enter(&s, "ann", "labeled-response batch");
	cut(&s);
	client_expect_next(ann, LOST);
	client_send(ann, "PING :one two\r\nPONG x\r\n\r\nPRIVMSG #tea :hello");
	client_expect_next(ann, ":agent.localhost PONG agent.localhost :one two");
	client_expect_next(ann, ":agent.localhost NOTICE ann :Not sent: PRIVMSG #tea :hello");
	client_send(ann, "@label=a1;+x=y JOIN #tea");
	client_expect_next(ann, "@label=a1 :agent.localhost NOTICE ann :Not sent: JOIN #tea");
	client_send(ann, "PASS ann:secret\r\nOPER ann secret\r\nAUTHENTICATE c2VjcmV0");
	client_send(ann, "PRIVMSG NickServ :IDENTIFY secret\r\nNS identify secret");
	client_send(ann, "CAP LS 302");
	client_expect_next(ann, "*NOTICE ann :Not sent: PASS ...");
	client_expect_next(ann, "*NOTICE ann :Not sent: OPER ...");
	client_expect_next(ann, "*NOTICE ann :Not sent: AUTHENTICATE ...");
	client_expect_next(ann, "*NOTICE ann :Not sent: PRIVMSG NickServ ...");
	client_expect_next(ann, "*NOTICE ann :Not sent: NS ...");
	client_expect_next(ann, "*NOTICE ann :Not sent: CAP LS 302");
	client_send(ann, "PRIVMSG #tea :%0400d", 1);
	client_expect_next(ann, "*NOTICE ann :Not sent: PRIVMSG #tea :0*0 ...");
	agent_reload(&s);
	client_send(ann, "PING still");
	client_expect_next(ann, "*PONG * :still");
	client_send(ann, "QUIT :bye");
	client_expect_next(ann, "ERROR :Closing link: (Quit)");
	client_expect_end(ann);
	run(&s, 60);
	agent_close(&s);
}

/* --- in doubt --- */

static struct simclient *ann_in_tea(struct agent_stage *s)
{
	struct simclient *ann;

	agent_open(s, 1, "");
	ann = agent_enter(s, "ann", "");
	join(ann, "#tea");
	return ann;
}

static void what_may_not_have_arrived_is_told(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	ann = ann_in_tea(&s);
	client_send(ann, "PRIVMSG #tea :one\r\nPRIVMSG #tea :two\r\nWHO #tea");
	run(&s, 6);
	read_all(ann);
	client_send(ann, "PRIVMSG #tea :three\r\nPRIVMSG NickServ :IDENTIFY x\r\nWHO #tea");
	client_expect(ann, "* 315 *");
	cut(&s);
	client_expect_next(ann, LOST);
	client_expect_next(ann, "*NOTICE ann :May not have arrived: PRIVMSG #tea :three");
	client_expect_next(ann, "*NOTICE ann :May not have arrived: PRIVMSG NickServ ...");
	heal(&s);
	client_expect_next(ann, BACK);
	client_expect_next(ann, ":agent.localhost 396 *");
	client_expect_next(ann, GAP("#tea"));
	run(&s, 31);
	client_send(ann, "PRIVMSG #tea :four\r\nPING x");
	client_expect_next(ann, "*PONG * :x");
	cut(&s);
	client_expect_next(ann, LOST);
	heal(&s);
	client_expect_next(ann, BACK);
	agent_close(&s);
}

/* As is what was said before it. */
static void an_away_that_was_answered_is_not_in_doubt(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	ann = ann_in_tea(&s);
	client_send(ann, "PRIVMSG #tea :one\r\nAWAY :lunch\r\nAWAY\r\nPRIVMSG #tea :two");
	client_expect(ann, "* 305 *");
	cut(&s);
	client_expect_next(ann, LOST);
	client_expect_next(ann, "*NOTICE ann :May not have arrived: PRIVMSG #tea :two");
	heal(&s);
	client_expect_next(ann, BACK);
	agent_close(&s);
}

/* The last ones are kept, and the number of all. */
static void of_many_lines_in_doubt_the_last_are_told(void **state)
{
	struct agent_stage s;
	struct simclient *ann;
	char want[80];

	(void)state;
	agent_open(&s, 1, "");
	ann = agent_enter(&s, "ann", "");
	simnet_stall(s.t->net, simserver_host(s.agent), simserver_host(s.t->nodes[0].server));
	for (int i = 0; i < 40; i++)
		client_send(ann, "PRIVMSG #tea :%d", i);
	run(&s, 5);
	cut(&s);
	client_expect_next(ann, LOST);
	client_expect_next(ann, "*NOTICE ann :8 earlier lines may not have arrived");
	for (int i = 8; i < 40; i++) {
		snprintf(want, sizeof(want), "*May not have arrived: PRIVMSG #tea :%d", i);
		client_expect_next(ann, want);
	}
	heal(&s);
	client_expect_next(ann, BACK);
	agent_close(&s);
}

static void labels_and_echoes_answer_too(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	agent_open(&s, 1, "");
	ann = agent_enter(&s, "ann", "labeled-response batch");
	client_send(ann, "JOIN #tea\r\nPRIVMSG #tea :one\r\n@label=z TOPIC #tea :two");
	client_expect(ann, "@label=z*TOPIC*");
	simnet_stall(s.t->net, simserver_host(s.agent), simserver_host(s.t->nodes[0].server));
	client_send(ann, "PRIVMSG #tea :three\r\n@label=y PRIVMSG #tea :four\r\n@label=w WHO x");
	simnet_run(s.t->net, 10 * GW_MS);
	cut(&s);
	client_expect_next(ann, LOST);
	client_expect_next(ann, "*NOTICE ann :May not have arrived: PRIVMSG #tea :three");
	client_expect_next(ann, "@label=y *NOTICE ann :May not have arrived: PRIVMSG #tea :four");
	client_expect_next(ann, "@label=w *NOTICE ann :May not have arrived: WHO x");
	client_expect_none(ann, "*arrived*");
	heal(&s);
	client_expect_next(ann, BACK);
	run(&s, 31);
	client_send(ann, "CAP REQ :echo-message");
	client_expect(ann, "*CAP*ACK*");
	client_send(ann, "PRIVMSG #tea,ann :four\r\nPRIVMSG #tea :five");
	client_expect(ann, "*PRIVMSG #tea :five");
	cut(&s);
	client_expect(ann, LOST);
	client_expect_none(ann, "*arrived*");
	heal(&s);
	client_expect_next(ann, BACK);
	agent_close(&s);
}

/* Its own questions are not seen, and not asked of somebody who says nothing. */
static void who_says_nothing_costs_nothing(void **state)
{
	struct agent_stage s;
	struct simclient *ann;
	size_t n;
	const char *const *lines;

	(void)state;
	ann = ann_in_tea(&s);
	client_send(ann, "PRIVMSG #tea :one");
	run(&s, 60);
	n = client_lines(ann, &lines);
	for (size_t i = 0; i < n; i++)
		assert_null(strstr(lines[i], "godwit-agent"));
	agent_close(&s);
}

/* A move is under way, and both servers die. */
static void what_a_move_held_is_in_doubt(void **state)
{
	(void)state;
	for (unsigned steps = 4; steps < 40; steps += 7) {
		struct agent_stage s;
		struct simclient *ann;

		agent_open(&s, 2, "");
		ann = agent_enter(&s, "ann", "");
		run(&s, 1);
		agent_move_begin(&s, "ann", 0, 1);
		agent_steps(&s, steps);
		client_send(ann, "PRIVMSG ann :one");
		agent_steps(&s, 5);
		simtree_crash(s.t, 0);
		simtree_crash(s.t, 1);
		client_expect(ann, LOST);
		client_expect_next(ann, "*May not have arrived: PRIVMSG ann :one");
		agent_close(&s);
	}
}

/* --- while the session is brought back --- */

/* The first one. */
static void wait_for_return(struct agent_stage *s)
{
	while (strstr(simserver_log(s->agent), "connected session=1 nick=ann") == NULL)
		assert_true(simnet_step(s->t->net, INT64_MAX));
}

static void what_is_typed_meanwhile_is_said_once(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob;

	(void)state;
	agent_open(&s, 1, "");
	bob = simtree_enter(s.t, 0, "bob", "");
	ann = agent_enter(&s, "ann", "");
	run(&s, 5);
	simnet_delay(s.t->net, simserver_host(s.agent), simserver_host(s.t->nodes[0].server),
	             GW_SECOND / 2);
	cut(&s);
	client_expect_next(ann, LOST);
	heal(&s);
	wait_for_return(&s);
	for (int i = 0; i < 66; i++)
		client_send(ann, "PRIVMSG bob :%d", i);
	client_send(ann, "PING x");
	client_expect_next(ann, "*Not sent: PRIVMSG bob :64");
	client_expect_next(ann, "*Not sent: PRIVMSG bob :65");
	client_expect_next(ann, ":agent.localhost PONG agent.localhost :x");
	client_expect_next(ann, BACK);
	for (int i = 0; i < 64; i++) {
		char want[64];

		snprintf(want, sizeof(want), ":ann!* PRIVMSG bob :%d", i);
		client_expect(bob, want);
	}
	client_expect_none(bob, "*PRIVMSG*");
	agent_close(&s);
}

static void what_is_typed_meanwhile_is_refused_if_it_fails(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	agent_open(&s, 1, "");
	ann = agent_enter(&s, "ann", "");
	run(&s, 5);
	simnet_delay(s.t->net, simserver_host(s.agent), simserver_host(s.t->nodes[0].server),
	             GW_SECOND / 2);
	cut(&s);
	client_expect_next(ann, LOST);
	heal(&s);
	wait_for_return(&s);
	client_send(ann, "PRIVMSG ann :one\r\nPRIVMSG ann :two");
	simnet_run(s.t->net, 10 * GW_MS);
	client_expect_exactly(ann, "");
	cut(&s);
	client_expect_next(ann, "*Not sent: PRIVMSG ann :one");
	client_expect_next(ann, "*Not sent: PRIVMSG ann :two");
	heal(&s);
	client_expect_next(ann, BACK);
	agent_close(&s);
}

static void who_quits_meanwhile_is_gone(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	agent_open(&s, 1, "");
	ann = agent_enter(&s, "ann", "");
	for (unsigned steps = 0; steps < 40; steps += 5) {
		run(&s, 5);
		cut(&s);
		client_expect(ann, LOST);
		heal(&s);
		agent_steps(&s, steps);
		client_send(ann, "QUIT :bye");
		client_expect(ann, "ERROR :Closing link: (Quit)");
		client_expect_end(ann);
		run(&s, 40);
		ann = agent_enter(&s, "ann", "");
	}
	agent_close(&s);
}

/** It came, or was refused, or is in doubt: one of the first two at most, and never twice. */
static void told_once(struct simclient *ann, struct simclient *bob, unsigned number)
{
	char *seen = client_take(ann), *heard = client_take(bob), part[3][80];
	unsigned said, refused, doubtful;

	snprintf(part[0], 40, "PRIVMSG #tea :at %u.", number);
	snprintf(part[1], sizeof(part[1]), "Not sent: %.40s", part[0]);
	snprintf(part[2], sizeof(part[2]), "arrived: %.40s", part[0]);
	said = sim_count(heard, part[0]);
	refused = sim_count(seen, part[1]);
	doubtful = sim_count(seen, part[2]);
	if (said + refused > 1 || doubtful + refused > 1 || said + refused + doubtful == 0)
		fail_msg("%u: %u said, %u refused, %u in doubt", number, said, refused, doubtful);
	free(seen);
	free(heard);
}

/** After `steps` of the way back the connection is cut again, or the code is exchanged. */
static void disturbed(bool reload)
{
	struct agent_stage s;
	struct simclient *ann, *bob;
	char text[32];

	open_closed(&s, "");
	bob = enter_bob(&s, "");
	join(bob, "#tea");
	ann = log_in(&s, "");
	join(ann, "#tea");
	for (unsigned steps = 1; steps < 90; steps += 4) {
		run(&s, 5);
		cut(&s);
		client_expect(ann, LOST);
		run(&s, 1);
		read_all(bob);
		heal(&s);
		while (strstr(strrchr(simserver_log(s.agent), '\n') - 60, "refused") != NULL)
			simnet_step(s.t->net, INT64_MAX);
		agent_steps(&s, steps);
		client_send(ann, "PRIVMSG #tea :at %u.", steps);
		agent_steps(&s, 2);
		if (reload) {
			agent_reload(&s);
		} else {
			cut(&s);
			heal(&s);
		}
		client_send(bob, "PING x\r\nPING y");
		run(&s, 40);
		told_once(ann, bob, steps);
		snprintf(text, sizeof(text), "after %u", steps);
		client_send(ann, "PRIVMSG #tea :%s", text);
		client_send(bob, "PRIVMSG #tea :%s", text);
		client_expect_next(ann, ":bob!* PRIVMSG #tea :after *");
		client_expect_next(bob, ":ann!* PRIVMSG #tea :after *");
	}
	agent_close(&s);
}

static void it_is_lost_again_on_the_way(void **state)
{
	(void)state;
	disturbed(false);
}

static void the_code_is_exchanged_on_the_way(void **state)
{
	(void)state;
	disturbed(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_typed_is_refused),
		cmocka_unit_test(what_may_not_have_arrived_is_told),
		cmocka_unit_test(an_away_that_was_answered_is_not_in_doubt),
		cmocka_unit_test(of_many_lines_in_doubt_the_last_are_told),
		cmocka_unit_test(labels_and_echoes_answer_too),
		cmocka_unit_test(who_says_nothing_costs_nothing),
		cmocka_unit_test(what_a_move_held_is_in_doubt),
		cmocka_unit_test(what_is_typed_meanwhile_is_said_once),
		cmocka_unit_test(what_is_typed_meanwhile_is_refused_if_it_fails),
		cmocka_unit_test(who_quits_meanwhile_is_gone),
		cmocka_unit_test(it_is_lost_again_on_the_way),
		cmocka_unit_test(the_code_is_exchanged_on_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
