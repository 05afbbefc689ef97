/*
 * tests/module/agent_restore.c - a server is lost, and the agent comes back at another one, or at
 * the same: what the client is told, to the line.
 */
#include "tests/module/agent_gap.h"

static void at_another_server_only_the_gap_is_seen(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob;

	(void)state;
	open_closed(&s, "");
	bob = enter_bob(&s, "");
	join(bob, "#tea");
	ann = log_in(&s, "server-time");
	join(ann, "#tea");
	client_send(ann, "AWAY :lunch\r\nMONITOR + bob,nobody\r\nMODE ann +w");
	client_expect(ann, "* MODE ann *");
	run(&s, 2);
	read_all(ann);
	read_all(bob);
	simtree_crash(s.t, 0);
	client_expect_next(ann, LOST);
	client_expect_next(ann, "@time=2026-01-01T00:* " BACK);
	client_expect_next(ann, "@time=2026-01-01T00:* " GAP("#tea"));
	client_send(bob, "PRIVMSG #tea :still there?");
	client_expect_next(ann, "@time=* :bob!* PRIVMSG #tea :still there?");
	client_send(ann, "PRIVMSG #tea :again\r\nMODE ann");
	client_expect(bob, ":ann!ann@ann.users.godwit PRIVMSG #tea :again");
	client_expect_next(ann, "* 221 ann +w");
	client_send(bob, "WHOIS ann");
	client_expect(bob, "* 301 bob ann :lunch");
	client_send(bob, "QUIT");
	client_expect_next(ann, "@time=* :bob!* QUIT *");
	client_expect_next(ann, "@time=* :s1.example.net 731 ann :bob");
	agent_close(&s);
}

/* bob and cid were there and left, dan has come, eve is another eve; of eve and fay the rights have
 * changed, and the topic. */
static void who_came_and_who_left(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob, *cid, *dan, *eve, *fay;

	(void)state;
	agent_open(&s, 1, "");
	fay = simtree_enter(s.t, 0, "fay", "");
	join(fay, "#tea");
	join(fay, "#milk");
	client_send(fay, "TOPIC #tea :leaves");
	client_expect(fay, "*TOPIC*");
	bob = simtree_enter(s.t, 0, "bob", "");
	cid = simtree_enter(s.t, 0, "cid", "");
	eve = simtree_enter(s.t, 0, "eve", "");
	ann = agent_enter(&s, "ann", "userhost-in-names");
	join(bob, "#tea");
	join(bob, "#milk");
	join(cid, "#tea");
	join(cid, "#milk");
	join(eve, "#tea");
	client_send(fay, "MODE #tea +v ann");
	join(ann, "#tea,#milk");
	client_expect(ann, "* 366 *#milk*");
	read_all(ann);
	cut(&s);
	client_expect_next(ann, LOST);
	client_send(bob, "QUIT");
	client_send(cid, "PART #tea");
	client_send(eve, "QUIT");
	simnet_quiet(s.t->net);
	eve = simtree_enter(s.t, 0, "eve", "");
	join(eve, "#tea");
	dan = simtree_enter(s.t, 0, "dan", "");
	join(dan, "#milk");
	client_send(fay, "MODE #tea +vo dan eve\r\nTOPIC #tea :no leaves\r\nMODE #milk +v dan");
	client_send(fay, "MODE #milk -o fay");
	simnet_quiet(s.t->net);
	heal(&s);
	client_expect_next(ann, BACK);
	client_expect_next(ann, ":bob!bob@*.guests.godwit QUIT :Left while *");
	client_expect_next(ann, ":cid!cid@*.guests.godwit PART #tea :Left while *");
	client_expect_next(ann, ":agent.localhost 396 ann *.guests.godwit :*");
	client_expect_next(ann, ":eve!eve@*.guests.godwit PART #tea :Changing host");
	client_expect_next(ann, ":eve!eve@*.guests.godwit JOIN #tea");
	client_expect_next(ann, ":agent.localhost MODE #tea +o eve");
	client_expect_next(ann, ":agent.localhost 332 ann #tea :no leaves");
	client_expect_next(ann, ":agent.localhost 333 ann #tea fay* *");
	client_expect_next(ann, GAP("#tea"));
	client_expect_next(ann, ":dan!dan@*.guests.godwit JOIN #milk");
	client_expect_next(ann, ":agent.localhost MODE #milk -o+v fay dan");
	client_expect_next(ann, GAP("#milk"));
	client_expect_exactly(ann, "");
	agent_close(&s);
}

/* WHOX says what a JOIN of that form has. */
static void a_join_has_the_form_that_the_client_asked_for(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob;

	(void)state;
	open_closed(&s, "");
	ann = log_in(&s, "extended-join batch");
	bob = enter_bob(&s, "");
	join(ann, "#tea");
	read_all(ann);
	cut(&s);
	client_expect_next(ann, LOST);
	join(bob, "#tea");
	run(&s, 3);
	heal(&s);
	client_expect_next(ann, BACK);
	client_expect_next(ann, ":bob!bob@bob.users.godwit JOIN #tea bob :The real bob");
	client_expect_next(ann, ":agent.localhost MODE #tea -o+o ann bob");
	client_expect_next(ann, GAP("#tea"));
	client_expect_exactly(ann, "");
	client_send(ann, "CAP LIST");
	client_expect_next(ann, "*CAP ann LIST :batch sasl extended-join");
	agent_close(&s);
}

static void channels_that_are_closed_now(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob;

	(void)state;
	open_closed(&s, "");
	bob = enter_bob(&s, "");
	join(bob, "#key");
	join(bob, "#ban");
	join(bob, "#new");
	join(bob, "#inv");
	client_send(bob, "MODE #key +k one\r\nMODE #new +k one");
	ann = log_in(&s, "");
	client_send(ann, "JOIN #ban,#inv");
	client_send(ann, "JOIN #key,#new one,one\r\nPING joined");
	client_expect(ann, "*PONG * :joined");
	cut(&s);
	client_expect_next(ann, LOST);
	client_send(bob, "MODE #ban +b ann!*@*\r\nMODE #new +k two\r\nMODE #inv +i");
	run(&s, 3);
	read_all(bob);
	heal(&s);
	client_expect_next(ann, BACK);
	client_expect_next(ann, ":ann!ann@ann.users.godwit PART #ban :Cannot join channel (+b)");
	client_expect_next(ann, ":agent.localhost NOTICE ann :You are no longer in #ban: *");
	client_expect_next(ann, ":ann!ann@ann.users.godwit PART #inv :Cannot join channel (+i)");
	client_expect_next(ann, ":agent.localhost NOTICE ann :You are no longer in #inv: *");
	client_expect_next(ann, GAP("#key"));
	client_expect_next(ann, ":ann!ann@ann.users.godwit PART #new :Cannot join channel (+k)");
	client_expect_next(ann, ":agent.localhost NOTICE ann :You are no longer in #new: *");
	client_expect_exactly(ann, "");
	client_expect_next(bob, ":ann!ann@ann.users.godwit JOIN #key");
	client_expect_none(bob, "*JOIN*");
	agent_close(&s);
}

static void whom_one_watches_has_come_or_gone(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob, *cid;

	(void)state;
	agent_open(&s, 1, "");
	bob = simtree_enter(s.t, 0, "bob", "");
	ann = agent_enter(&s, "ann", "");
	client_send(ann, "MONITOR + bob,cid,nobody");
	client_expect(ann, "* 731 ann :cid,nobody");
	run(&s, 4);
	cut(&s);
	client_expect_next(ann, LOST);
	client_send(bob, "QUIT");
	cid = simtree_enter(s.t, 0, "cid", "");
	run(&s, 2);
	heal(&s);
	client_expect_next(ann, BACK);
	client_expect_next(ann, ":agent.localhost 731 ann :bob");
	client_expect_next(ann, ":agent.localhost 730 ann :cid");
	client_send(cid, "QUIT");
	client_expect_next(ann, ":s0.example.net 731 ann :cid");
	agent_close(&s);
}

/* --- nicks --- */

static void a_nick_that_is_taken_comes_back_later(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *bob, *thief;

	(void)state;
	agent_open(&s, 1, "");
	bob = simtree_enter(s.t, 0, "bob", "");
	ann = agent_enter(&s, "ann", "");
	join(bob, "#tea");
	join(ann, "#tea");
	cut(&s);
	client_expect_next(ann, LOST);
	simnet_quiet(s.t->net);
	thief = simtree_enter(s.t, 0, "ann", "");
	join(thief, "#tea");
	heal(&s);
	client_expect_next(ann, BACK);
	client_expect_next(ann, ":ann!ann@* NICK ann_");
	client_expect_next(ann, ":agent.localhost 396 ann_ *");
	client_expect_next(ann, ":ann!*@* JOIN #tea");
	client_expect_next(ann, GAP("#tea"));
	run(&s, 20);
	client_expect_exactly(ann, "");
	client_send(thief, "QUIT");
	client_expect_next(ann, ":ann!ann@* QUIT *");
	run(&s, 30);
	client_expect_next(ann, ":ann_!ann@* NICK :ann");
	run(&s, 60);
	client_send(ann, "NICK bob");
	client_expect_next(ann, "* 433 ann bob *");
	client_expect_exactly(ann, "");
	agent_close(&s);
}

/* s1 does not know yet that s0 is no more, and takes ann for a session there. */
static void ones_own_ghost_makes_room(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	open_closed(&s, "");
	ann = log_in(&s, "");
	join(ann, "#tea");
	run(&s, 1);
	read_all(ann);
	simnet_stall(s.t->net, simserver_host(s.t->nodes[0].server),
	             simserver_host(s.t->nodes[1].server));
	simnet_cut(s.t->net, simserver_host(s.agent), simserver_host(s.t->nodes[0].server));
	client_expect_next(ann, LOST);
	client_expect_next(ann, BACK);
	client_expect_next(ann, ":ann!ann@ann.users.godwit NICK ann_");
	client_expect_next(ann, ":ann!ann@ann.users.godwit JOIN #tea");
	client_expect_next(ann, ":agent.localhost MODE #tea -o+o ann_ ann");
	client_expect_next(ann, GAP("#tea"));
	simnet_heal(s.t->net, NULL, NULL);
	client_expect(ann, ":ann!ann@ann.users.godwit QUIT *");
	run(&s, 20);
	client_expect_next(ann, ":ann_!ann@ann.users.godwit NICK :ann");
	client_expect_exactly(ann, "");
	agent_close(&s);
}

/* Each takes the nick from the other when it comes back; they do not do it as fast as they can. */
static void two_who_want_the_same_nick(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *again;
	const char *const *lines;
	size_t n, lost = 0;

	(void)state;
	open_closed(&s, "");
	ann = log_in(&s, "");
	again = log_in(&s, "");
	run(&s, 100);
	n = client_lines(ann, &lines);
	for (size_t i = 0; i < n; i++)
		lost += strstr(lines[i], "was lost (") != NULL;
	assert_in_range(lost, 2, 8);
	client_expect(again, "*was lost*Ghost*");
	agent_close(&s);
}

/* --- many --- */

/* The limits are those of a small server: ten lines at once, two a second, 600 bytes may wait. */
static void no_flood_limit_is_met(void **state)
{
	struct agent_stage s = {.agent = NULL};
	struct simclient *ann;

	(void)state;
	s.t = simtree_new(11,
	                  "client: {exempt: [\"127.0.0.0/8\"], flood-rate: 2, flood-burst: 10, "
	                  "excess-flood: 600}\n",
	                  SIMTREE_REDIRECT_MODULES);
	agent_write_config(&s, 1, "");
	s.agent = simnet_server(s.t->net, s.yaml);
	ann = agent_enter(&s, "ann", "");
	for (int i = 0; i < 45; i++) {
		client_send(ann, "JOIN #a-channel-with-a-longer-name-%d", i);
		run(&s, 2);
	}
	read_all(ann);
	cut(&s);
	client_expect_next(ann, LOST);
	heal(&s);
	run(&s, 60);
	client_expect_next(ann, BACK);
	for (int i = 0; i < 45; i++) {
		char want[100];

		snprintf(want, sizeof(want), "* #a-channel-with-a-longer-name-%d *", i);
		client_expect(ann, want);
	}
	client_expect_none(ann, "*PART*");
	assert_null(strstr(simserver_log(s.t->nodes[0].server), "xcess"));
	agent_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_another_server_only_the_gap_is_seen),
		cmocka_unit_test(who_came_and_who_left),
		cmocka_unit_test(a_join_has_the_form_that_the_client_asked_for),
		cmocka_unit_test(channels_that_are_closed_now),
		cmocka_unit_test(whom_one_watches_has_come_or_gone),
		cmocka_unit_test(a_nick_that_is_taken_comes_back_later),
		cmocka_unit_test(ones_own_ghost_makes_room),
		cmocka_unit_test(two_who_want_the_same_nick),
		cmocka_unit_test(no_flood_limit_is_met),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
