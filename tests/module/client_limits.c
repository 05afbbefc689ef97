/*
 * Time and bounds: pings, floods, queues, connections per address; and what others notice of them,
 * which is nothing.
 */
#include "tests/module/talk.h"
#include "tests/unit/cmocka.h"
#include <godwit/loop.h>
#include <stdlib.h>

#define NAME ":sim1.example.net "

static struct simclient *enter_from(struct simserver *s, const char *nick, const char *from)
{
	struct simclient *c = simnet_client(s, from, false);

	client_send(c, "NICK %s\r\nUSER %s 0 * :%s\r\nPING in", nick, nick, nick);
	client_expect(c, "* PONG * :in");
	return c;
}

static void silence_is_asked_then_ended(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s =
		simnet_server(net, TALK_OPEN "client: {ping-interval: 100s, ping-timeout: 50s}\n");
	struct simclient *a = enter_from(s, "ann", "127.0.0.1"),
			 *b = enter_from(s, "bob", "127.0.0.1");

	(void)state;
	client_send(b, "JOIN #x");
	client_expect(b, "* 366 *");
	client_send(a, "JOIN #x");
	client_expect(a, "* 366 *");
	simnet_run(net, 60 * GW_SECOND);
	client_send(b, "PONG alive");
	simnet_run(net, 45 * GW_SECOND);
	client_expect(a, "PING :sim1.example.net");
	client_expect_none(b, "PING *");
	simnet_run(net, 48 * GW_SECOND);
	client_expect(a, "ERROR :Closing Link: 127.0.0.1 (Ping timeout: 150 seconds)");
	client_expect_end(a);
	client_expect(b, ":ann!* QUIT :Ping timeout: 150 seconds");
	simnet_end(&net);
}

static void a_sign_of_life_is_enough(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s =
		simnet_server(net, TALK_OPEN "client: {ping-interval: 100s, ping-timeout: 50s}\n");
	struct simclient *a = enter_from(s, "ann", "127.0.0.1");

	(void)state;
	for (int i = 0; i < 5; i++) {
		simnet_run(net, 100 * GW_SECOND);
		client_expect(a, "PING :sim1.example.net");
		client_send(a, "PONG :sim1.example.net");
	}
	assert_false(client_ended(a));
	simnet_end(&net);
}

/* 200 lines at a burst of 20 and a rate of 10 are 18 seconds; meanwhile another is answered as
 * ever. */
static void a_flood_is_executed_at_the_allowed_rate_and_nothing_is_lost(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s =
		simnet_server(net, TALK_OPEN "client: {flood-rate: 10, flood-burst: 20}\n");
	struct simclient *a = enter_from(s, "ann", "127.0.0.1"),
			 *b = enter_from(s, "bob", "127.0.0.1");
	const char *const *lines;
	char want[64];
	int next = 0;

	(void)state;
	simnet_run(net, 10 * GW_SECOND);
	free(client_take(b));
	for (int i = 0; i < 200; i++)
		client_send(a, "PRIVMSG bob :number %d.", i);
	simnet_run(net, 10 * GW_SECOND);
	client_send(b, "PING now");
	simnet_run(net, 10 * GW_MS);
	client_expect(b, "* PONG * :now");
	for (size_t i = 0, n = client_lines(b, &lines); i < n; i++)
		next += strstr(lines[i], " PRIVMSG bob :number ") != NULL;
	assert_in_range(next, 118, 124);
	simnet_run(net, 9 * GW_SECOND);
	next = 0;
	for (size_t i = 0, n = client_lines(b, &lines); i < n; i++) {
		snprintf(want, sizeof(want), " PRIVMSG bob :number %d.", next);
		next += strstr(lines[i], want) != NULL;
	}
	assert_int_equal(next, 200);
	simnet_end(&net);
}

static void excess_flood_ends_who_will_not_stop(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(
		net, TALK_OPEN
		"client: {flood-rate: 1, flood-burst: 5, excess-flood: 4k, recvq: 16k}\n");
	struct simclient *a = enter_from(s, "ann", "127.0.0.1");

	(void)state;
	simnet_run(net, 10 * GW_SECOND);
	for (int i = 0; i < 400; i++)
		client_send(a, "PING %040d", i);
	client_expect(a, "ERROR :Closing Link: 127.0.0.1 (Excess Flood)");
	client_expect_end(a);
	simnet_end(&net);
}

static void the_exempt_are_not_slowed_down(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(
		net,
		TALK_OPEN "client: {flood-rate: 1, flood-burst: 5, exempt: [\"10.1.0.0/16\"]}\n");
	struct simclient *a = enter_from(s, "ann", "10.1.2.3");

	(void)state;
	for (int i = 0; i < 1000; i++)
		client_send(a, "PING %d", i);
	simnet_run(net, GW_SECOND);
	client_expect(a, "* PONG * :999");
	simnet_end(&net);
}

static void an_address_has_so_many_connections(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(
		net, TALK_OPEN
		"client: {max-per-address: 2, connect-interval: 0s, exempt: [\"10.9.0.0/16\"]}\n");
	struct simclient *a = enter_from(s, "ann", "10.0.0.1"), *refused;

	(void)state;
	enter_from(s, "bob", "10.0.0.1");
	refused = simnet_client(s, "10.0.0.1", false);
	client_expect(refused,
	              "ERROR :Closing Link: 10.0.0.1 (Too many connections from your address)");
	client_expect_end(refused);
	enter_from(s, "cat", "10.0.0.2");
	for (int i = 0; i < 5; i++)
		simnet_client(s, "10.9.0.1", false);
	client_send(a, "QUIT");
	client_expect_end(a);
	enter_from(s, "dan", "10.0.0.1");
	simnet_end(&net);
}

static void an_address_may_connect_so_fast(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s =
		simnet_server(net, TALK_OPEN "client: {connect-burst: 2, connect-interval: 10s}\n");
	struct simclient *c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		c = simnet_client(s, "10.0.0.1", false);
		client_send(c, "QUIT");
		client_expect(c, "ERROR :Closing Link: 10.0.0.1 (Quit)");
	}
	c = simnet_client(s, "10.0.0.1", false);
	client_expect(c, "ERROR :Closing Link: 10.0.0.1 (You connect too fast. Wait a moment and "
	                 "try again)");
	client_expect_end(c);
	enter_from(s, "ann", "10.0.0.2");
	simnet_run(net, 10 * GW_SECOND);
	enter_from(s, "bob", "10.0.0.1");
	simnet_end(&net);
}

static void a_full_server_says_so(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN "client: {max-clients: 1}\n");
	struct simclient *c;

	(void)state;
	enter_from(s, "ann", "127.0.0.1");
	c = simnet_client(s, "127.0.0.1", false);
	client_expect(c, "ERROR :Closing Link: 127.0.0.1 (This server is full)");
	client_expect_end(c);
	simnet_end(&net);
}

static void who_does_not_read_is_dropped_with_a_reason(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s =
		simnet_server(net, TALK_OPEN "client: {exempt: [\"127.0.0.0/8\"], sendq: 32k}\n");
	struct simclient *a = enter_from(s, "ann", "127.0.0.1"),
			 *b = enter_from(s, "bob", "127.0.0.1");
	struct simclient *c = enter_from(s, "cat", "127.0.0.1");
	char text[401];

	(void)state;
	memset(text, 'x', 400);
	text[400] = '\0';
	simnet_faults(net)->window = 16384;
	client_send(a, "JOIN #x");
	client_send(b, "JOIN #x");
	client_send(c, "JOIN #x");
	client_expect(c, "* 366 *");
	simpipe_block(client_pipe(b), true);
	for (int i = 0; i < 300; i++)
		client_send(a, "PRIVMSG #x :%s%d", text, i);
	client_expect(c, ":bob!* QUIT :SendQ exceeded");
	client_expect(c, "*x299");
	simnet_end(&net);
}

static void a_long_list_waits_for_its_reader(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s =
		simnet_server(net, TALK_OPEN "client: {exempt: [\"127.0.0.0/8\"], sendq: 32k}\n");
	struct simclient *a = enter_from(s, "ann", "127.0.0.1"),
			 *b = enter_from(s, "bob", "127.0.0.1");

	(void)state;
	for (int i = 0; i < 50; i++)
		client_send(a, "JOIN #channel-with-a-long-name-to-fill-a-list-%d", i);
	client_send(a, "PING in");
	client_expect(a, "* PONG * :in");
	for (int i = 0; i < 40; i++)
		client_send(b, "LIST");
	client_send(b, "PING after");
	client_expect(b, "* PONG * :after");
	simnet_end(&net);
}

static void a_stopping_server_says_why(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN);
	struct simclient *a = enter_from(s, "ann", "127.0.0.1"),
			 *b = enter_from(s, "bob", "127.0.0.1");

	(void)state;
	client_send(a, "JOIN #x");
	client_send(b, "JOIN #x");
	client_expect(b, "* 366 *");
	free(client_take(a));
	free(client_take(b));
	simserver_stop(s);
	client_expect_exactly(
		a, "ERROR :Closing Link: 127.0.0.1 (Server is stopping: The test ends it)");
	client_expect_exactly(
		b, "ERROR :Closing Link: 127.0.0.1 (Server is stopping: The test ends it)");
	simnet_end(&net);
}

static void bad_options_are_refused(void **state)
{
	struct simnet *net = simnet_new(1);
	struct gw_error err = {0};

	(void)state;
	assert_null(
		simnet_try_server(net, TALK_OPEN "client: {exempt: [\"127.0.0.0/33\"]}\n", &err));
	assert_non_null(
		strstr(err.text, "\"127.0.0.0/33\" in `exempt` is no address and no network"));
	assert_null(simnet_try_server(net, TALK_OPEN "client: {excess-flood: 1m}\n", &err));
	assert_non_null(strstr(err.text, "`excess-flood` is more than `recvq`"));
	simnet_end(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_asked_then_ended),
		cmocka_unit_test(a_sign_of_life_is_enough),
		cmocka_unit_test(a_flood_is_executed_at_the_allowed_rate_and_nothing_is_lost),
		cmocka_unit_test(excess_flood_ends_who_will_not_stop),
		cmocka_unit_test(the_exempt_are_not_slowed_down),
		cmocka_unit_test(an_address_has_so_many_connections),
		cmocka_unit_test(an_address_may_connect_so_fast),
		cmocka_unit_test(a_full_server_says_so),
		cmocka_unit_test(who_does_not_read_is_dropped_with_a_reason),
		cmocka_unit_test(a_long_list_waits_for_its_reader),
		cmocka_unit_test(a_stopping_server_says_why),
		cmocka_unit_test(bad_options_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
