/*
 * tests/module/agent_gate.c - the agent's own password: who must say it, how, and what becomes of
 * what a client says before it is in.
 */
#include "tests/module/agent_stage.h"

#define UNIX_ADDRESS "unix:/run/agent.sock"
#define HASH                                                                                       \
	"$argon2id$v=19$m=8,t=1,p=1$8grHh8o/4XfBXswrncDUWA$"                                       \
	"CAs1IUHmd010Cw2r9xhScrqME1eAgpny59VeLHkViQE"

/* --- an agent over TCP and over a Unix socket --- */

static const char *config_of(const char *password)
{
	static char yaml[1000];

	snprintf(yaml, sizeof(yaml),
	         "server: agent.localhost\nmodules: [agent]\nlisten:\n"
	         "  - {address: \"" AGENT_ADDRESS "\", protocol: agent, tls: no}\n"
	         "  - {address: \"" UNIX_ADDRESS "\", protocol: agent, tls: no}\n"
	         "agent: {upstream: [\"10.0.0.1:6697\"]%s}\n",
	         password);
	return yaml;
}

static void open_with(struct agent_stage *s, const char *password)
{
	agent_open_network(s, 1);
	s->agent = simnet_server(s->t->net, config_of(password));
}

static void run(struct agent_stage *s, int64_t seconds)
{
	simnet_run(s->t->net, seconds * GW_SECOND);
}

/* Nobody can read a password in the log. */
static void close_stage(struct agent_stage *s)
{
	assert_null(strstr(simserver_log(s->agent), "secret"));
	agent_close(s);
}

static struct simclient *says(struct agent_stage *s, const char *lines)
{
	struct simclient *c = agent_client(s);

	client_send(c, "%s", lines);
	return c;
}

static void comes_in(struct agent_stage *s, const char *lines)
{
	struct simclient *c = says(s, lines);

	client_expect(c, ":s0.example.net 001 ann *");
	client_send(c, "QUIT");
	client_expect(c, "ERROR *");
	client_expect_end(c);
	run(s, 1);
}

#define WRONG ":agent.localhost 464 * :The password for this agent is wrong"
#define MISSING                                                                                    \
	":agent.localhost 464 * :This agent wants a password: set it as the server's password"

static void is_refused(struct agent_stage *s, const char *lines, const char *answer)
{
	struct simclient *c = says(s, lines);

	client_expect_next(c, answer);
	client_expect_next(c, "ERROR :Closing link: (*)");
	client_expect_end(c);
}

static void logged(struct agent_stage *s, const char *text)
{
	if (strstr(simserver_log(s->agent), text) == NULL)
		fail_msg("not logged: %s\n%s", text, simserver_log(s->agent));
}

/* --- the password --- */

static void every_order_that_clients_have_leads_in(void **state)
{
	static const char *const orders[] = {
		"PASS secret\r\nNICK ann\r\nUSER ann 0 * :Ann",
		"PASS :secret\r\nCAP LS 302\r\nNICK ann\r\nUSER ann 0 * :Ann\r\nCAP END",
		"CAP LS 302\r\nPASS secret\r\nNICK ann\r\nUSER ann 0 * :Ann\r\nCAP END",
		"CAP LS 302\r\nJOIN :\r\nPASS secret\r\nNICK ann\r\nUSER ann 0 * :Ann\r\nCAP END",
		"NICK ann\r\nPASS secret\r\nUSER ann 0 * :Ann",
		"USER ann 0 * :Ann\r\npass secret\r\nNICK ann",
		"NICK x\r\nNICK ann\r\nPASS :secret\r\nUSER ann 0 * :Ann",
		":x PASS secret\r\nUSER ann 0 * :Ann\r\nNICK ann",
	};
	struct agent_stage s;

	(void)state;
	open_with(&s, ", password: secret");
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		comes_in(&s, orders[i]);
	close_stage(&s);
}

/* The server hears the same as without the agent, in the same order, and no word of PASS. */
static void what_was_said_before_passes_in_its_order(void **state)
{
	struct agent_stage s;
	struct simclient *c;

	(void)state;
	open_with(&s, ", password: secret");
	c = says(&s, "CAP LS 302\r\nBLAH 1\r\nNICK ann\r\nBLAH 2");
	client_expect_none(c, "*");
	client_send(c, "PASS secret\r\nBLAH 3\r\nCAP END\r\nUSER ann 0 * :Ann");
	client_expect(c, ":s0.example.net CAP * LS *");
	client_expect_next(c, ":s0.example.net 421 * BLAH *");
	client_expect_next(c, ":s0.example.net 421 * BLAH *");
	client_expect_next(c, ":s0.example.net 421 * BLAH *");
	client_expect_next(c, ":s0.example.net 001 ann *");
	client_expect_none(c, "* 464 *");
	close_stage(&s);
}

static void what_is_behind_the_colon_is_for_the_server(void **state)
{
	static const char *const ways[] = {"PASS secret:ann:long enough a word",
	                                   "PASS :secret:ann:long enough a word"};
	struct agent_stage s;
	struct simclient *c;

	(void)state;
	open_with(&s, ", password: secret");
	comes_in(&s, "PASS secret:\r\nNICK ann\r\nUSER ann 0 * :Ann");
	agent_ask(&s, 0, "account add ann longenough");
	comes_in(&s, "PASS secret:ann:longenough\r\nNICK ann\r\nUSER ann 0 * :Ann");
	c = says(&s, "CAP LS 302\r\nNICK ann\r\nPASS secret:ann:longenough\r\nUSER ann 0 * :Ann\r\n"
	             "CAP END");
	client_expect(c, ":s0.example.net 900 *ann*");
	client_expect(c, ":s0.example.net 001 ann *");
	client_close(c);
	run(&s, 1);
	for (size_t i = 0; i < 2; i++) { /* one word, or it ends at the first space */
		c = says(&s, ways[i]);
		client_expect(c, ":s0.example.net 464 *");
		client_close(c);
	}
	close_stage(&s);
}

static void a_password_may_have_colons_and_spaces(void **state)
{
	struct agent_stage s;
	char longest[1200];

	(void)state;
	open_with(&s, ", password: \"a: secret:b\"");
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "PASS :a: secret:b:", 18);
	longest[sizeof(longest) - 1] = '\0';
	is_refused(&s, longest, WRONG);
	comes_in(&s, "PASS :a: secret:b\r\nNICK ann\r\nUSER ann 0 * :Ann");
	is_refused(&s, "PASS :a: secret", WRONG);
	is_refused(&s, "PASS :a: secret:bb", WRONG);
	is_refused(&s, "PASS a", WRONG);
	close_stage(&s);
}

static void a_wrong_one_and_none_are_refused(void **state)
{
	struct agent_stage s;

	(void)state;
	open_with(&s, ", password: secret");
	is_refused(&s, "PASS secre", WRONG);
	is_refused(&s, "CAP LS\r\nPASS secretx\r\nNICK ann\r\nUSER ann 0 * :Ann", WRONG);
	is_refused(&s, "PASS", WRONG);
	is_refused(&s, "PASS :", WRONG);
	logged(&s, "wrong password session=4 failures=4");
	run(&s, 61);
	is_refused(&s, "CAP LS\r\nNICK ann\r\nUSER ann 0 * :Ann", MISSING);
	is_refused(&s, "USER ann 0 * :Ann\r\nNICK ann\r\nPASS secret", MISSING);
	logged(&s, "no password session=6");
	comes_in(&s, "PASS secret\r\nNICK ann\r\nUSER ann 0 * :Ann");
	assert_non_null(strstr(simserver_log(s.agent), "failures=4"));
	assert_null(strstr(simserver_log(s.agent), "failures=5"));
	close_stage(&s);
}

static void who_says_nothing_is_closed(void **state)
{
	struct agent_stage s;
	struct simclient *c, *d;

	(void)state;
	open_with(&s, ", password: secret");
	c = says(&s, "CAP LS 302");
	run(&s, 29);
	assert_false(client_ended(c));
	d = says(&s, "CAP LS 302\r\nQUIT :no");
	client_expect_next(d, "ERROR :Closing link: (Quit)");
	client_expect_end(d);
	client_expect(c, "ERROR :Closing link: (No password was given in time)");
	client_expect_end(c);
	c = says(&s, "PASS secret");
	run(&s, 40);
	client_send(c, "NICK ann\r\nUSER ann 0 * :Ann");
	client_expect(c, "* 001 ann *");
	close_stage(&s);
}

static void what_waits_is_bounded(void **state)
{
	struct agent_stage s;
	struct simclient *c;
	char word[3000];

	(void)state;
	open_with(&s, ", password: secret");
	c = agent_client(&s);
	for (int i = 0; i < 64; i++)
		client_send(c, "BLAH");
	client_expect_none(c, "*");
	client_send(c, "PASS secret");
	client_expect(c, "ERROR :Closing link: (Too much *)");
	client_expect_end(c);
	memset(word, 'a', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	c = agent_client(&s);
	for (int i = 0; i < 11; i++)
		client_send(c, "%s", word);
	client_expect(c, "ERROR :Closing link: (Too much *)");
	client_expect_end(c);
	close_stage(&s);
}

/* --- a Unix socket --- */

static void a_unix_socket_wants_none(void **state)
{
	struct agent_stage s;
	struct simclient *c;

	(void)state;
	open_with(&s, ", password: secret");
	agent_ask(&s, 0, "account add ann longenough");
	c = simnet_client_at(s.agent, UNIX_ADDRESS, "unix");
	client_send(c, "PASS ann:longenough\r\nNICK ann\r\nUSER ann 0 * :Ann");
	client_expect(c, ":s0.example.net 900 *ann*");
	client_expect(c, ":s0.example.net 001 ann *");
	close_stage(&s);
}

/* --- those who guess --- */

static void five_wrong_ones_shut_the_gate_for_a_minute(void **state)
{
	struct agent_stage s;
	struct simclient *c;

	(void)state;
	open_with(&s, ", password: secret");
	for (int i = 0; i < 5; i++)
		is_refused(&s, "PASS wrong", WRONG);
	logged(&s, "failures=5 no-more-for=60s");
	is_refused(&s, "PASS secret\r\nNICK ann\r\nUSER ann 0 * :Ann",
	           ":agent.localhost 464 * :Too many wrong passwords: no more tries for * seconds");
	c = simnet_client_at(s.agent, UNIX_ADDRESS, "unix");
	client_send(c, "NICK bob\r\nUSER bob 0 * :Bob");
	client_expect(c, "* 001 bob *");
	run(&s, 50);
	is_refused(&s, "PASS secret", "* 464 * :Too many wrong passwords: *");
	run(&s, 11);
	comes_in(&s, "PASS secret\r\nNICK ann\r\nUSER ann 0 * :Ann");
	is_refused(&s, "PASS wrong", WRONG);
	comes_in(&s, "PASS secret\r\nNICK ann\r\nUSER ann 0 * :Ann");
	close_stage(&s);
}

static void four_in_a_minute_shut_nothing(void **state)
{
	struct agent_stage s;

	(void)state;
	open_with(&s, ", password: secret");
	for (int i = 0; i < 12; i++) {
		is_refused(&s, "PASS wrong", WRONG);
		run(&s, 16);
	}
	comes_in(&s, "PASS secret\r\nNICK ann\r\nUSER ann 0 * :Ann");
	close_stage(&s);
}

/* --- a hash --- */

static void a_hash_stands_for_the_password(void **state)
{
	struct agent_stage s;
	struct simclient *c[3];

	(void)state;
	open_with(&s, ", password: \"" HASH "\"");
	comes_in(&s, "CAP LS\r\nPASS secret\r\nNICK ann\r\nUSER ann 0 * :Ann\r\nCAP END");
	agent_ask(&s, 0, "account add ann longenough");
	c[0] = says(&s, "PASS secret:ann:longenough\r\nNICK ann\r\nUSER ann 0 * :Ann");
	client_expect(c[0], ":s0.example.net 900 *ann*");
	client_close(c[0]);
	run(&s, 1);
	is_refused(&s, "PASS secret2\r\nNICK ann\r\nUSER ann 0 * :Ann", WRONG);
	is_refused(&s, "PASS " HASH, WRONG);
	/* many at once wait for each other */
	simnet_faults(s.t->net)->work_min_ns = simnet_faults(s.t->net)->work_max_ns = GW_SECOND;
	for (int i = 0; i < 3; i++)
		c[i] = says(&s, "PASS secret");
	for (int i = 0; i < 3; i++)
		client_send(c[i], "NICK n%d\r\nUSER n 0 * :N", i);
	for (int i = 0; i < 3; i++)
		client_expect(c[i], "* 001 n? *");
	close_stage(&s);
}

static void who_leaves_before_the_answer_has_tried_too(void **state)
{
	struct agent_stage s;
	struct simclient *c;

	(void)state;
	open_with(&s, ", password: \"" HASH "\"");
	simnet_faults(s.t->net)->work_min_ns = simnet_faults(s.t->net)->work_max_ns = GW_SECOND;
	for (int i = 0; i < 6; i++) {
		c = says(&s, "PASS wrong");
		simnet_run(s.t->net, 100 * GW_MS);
		client_close(c);
		run(&s, 2);
	}
	logged(&s, "failures=5 no-more-for=60s");
	assert_null(strstr(simserver_log(s.agent), "failures=6"));
	is_refused(&s, "PASS secret", "* 464 * :Too many wrong passwords: *");
	close_stage(&s);
}

static void what_only_looks_like_a_hash_is_refused_at_the_start(void **state)
{
	struct agent_stage s;
	struct gw_error err = {0};

	(void)state;
	agent_open_network(&s, 1);
	assert_null(
		simnet_try_server(s.t->net, config_of(", password: \"$argon2id$v=19$m=8\""), &err));
	assert_non_null(strstr(err.text, "password: it begins like a hash"));
	simtree_end(&s.t);
}

/* --- changes --- */

static void the_agents_code_is_exchanged_while_somebody_waits(void **state)
{
	struct agent_stage s;
	struct simclient *a, *b;

	(void)state;
	open_with(&s, ", password: \"" HASH "\"");
	simnet_faults(s.t->net)->work_min_ns = simnet_faults(s.t->net)->work_max_ns = GW_SECOND;
	a = says(&s, "NICK ann");
	b = says(&s, "NICK bob\r\nPASS secret");
	simnet_run(s.t->net, 100 * GW_MS);
	agent_reload(&s);
	client_send(a, "PASS secret\r\nUSER ann 0 * :Ann");
	client_send(b, "USER bob 0 * :Bob");
	client_expect(b, "* 001 bob *");
	client_expect(a, "* 001 ann *");
	a = says(&s, "CAP LS");
	agent_reload(&s);
	run(&s, 25);
	client_expect(a, "ERROR :Closing link: (No password was given in time)");
	client_expect_end(a);
	close_stage(&s);
}

static void a_rehash_changes_the_password(void **state)
{
	struct agent_stage s;
	struct simclient *waits, *in;
	int status;

	(void)state;
	open_with(&s, ", password: secret");
	in = says(&s, "PASS secret\r\nNICK bob\r\nUSER bob 0 * :Bob");
	client_expect(in, "* 001 bob *");
	waits = says(&s, "NICK cat\r\nCAP END");
	simserver_config(s.agent, config_of(", password: other"));
	simserver_admin(s.agent, &status, "rehash");
	assert_int_equal(status, 0);
	is_refused(&s, "PASS secret", WRONG);
	comes_in(&s, "PASS other\r\nNICK ann\r\nUSER ann 0 * :Ann");
	simserver_config(s.agent, config_of(""));
	assert_non_null(strstr(simserver_admin(s.agent, &status, "rehash"),
	                       "option|agent.password|(hidden)|\n"));
	comes_in(&s, "NICK ann\r\nUSER ann 0 * :Ann");
	client_send(waits, "PASS cat:word\r\nUSER cat 0 * :Cat");
	client_expect(waits, ":s0.example.net 464 *");
	client_send(in, "PING still");
	client_expect(in, "*PONG * :still");
	close_stage(&s);
}

/* A server that is slow to answer: the client is not told to wait. */
static void what_is_said_while_a_server_is_dialled_waits_too(void **state)
{
	struct agent_stage s;
	struct simclient *c;

	(void)state;
	open_with(&s, "");
	simnet_delay(s.t->net, simserver_host(s.agent), simserver_host(s.t->nodes[0].server),
	             GW_SECOND);
	c = says(&s, "NICK ann\r\nUSER ann 0 * :Ann\r\nPING one\r\nPING two");
	client_expect(c, "* 001 ann *");
	client_expect(c, "*PONG * :one");
	client_expect_next(c, "*PONG * :two");
	close_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_that_clients_have_leads_in),
		cmocka_unit_test(what_was_said_before_passes_in_its_order),
		cmocka_unit_test(what_is_behind_the_colon_is_for_the_server),
		cmocka_unit_test(a_password_may_have_colons_and_spaces),
		cmocka_unit_test(a_wrong_one_and_none_are_refused),
		cmocka_unit_test(who_says_nothing_is_closed),
		cmocka_unit_test(what_waits_is_bounded),
		cmocka_unit_test(a_unix_socket_wants_none),
		cmocka_unit_test(five_wrong_ones_shut_the_gate_for_a_minute),
		cmocka_unit_test(four_in_a_minute_shut_nothing),
		cmocka_unit_test(a_hash_stands_for_the_password),
		cmocka_unit_test(who_leaves_before_the_answer_has_tried_too),
		cmocka_unit_test(what_only_looks_like_a_hash_is_refused_at_the_start),
		cmocka_unit_test(the_agents_code_is_exchanged_while_somebody_waits),
		cmocka_unit_test(a_rehash_changes_the_password),
		cmocka_unit_test(what_is_said_while_a_server_is_dialled_waits_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
