/*
 * The state table over a connection: each change that is permitted, and what is said in a state
 * where it is not.
 */
#include "tests/module/mailbox.h"
#include "tests/module/talk.h"
#include "tests/unit/cmocka.h"
#include <godwit/loop.h>
#include <stdlib.h>
#include <unistd.h>

#define PASSWORD "correct-horse-battery"

static struct simclient *connecting(struct simserver *s, const char *nick)
{
	struct simclient *c = simnet_client(s, "127.0.0.1", false);

	client_send(c, "NICK %s\r\nUSER %s 0 * :%s", nick, nick, nick);
	client_expect(c, "* NOTICE * :*REGISTER*");
	free(client_take(c));
	return c;
}

static struct simclient *connected(struct simserver *s, const char *nick)
{
	struct simclient *c = connecting(s, nick);

	client_send(c, "REGISTER * * " PASSWORD);
	client_expect(c, "* REGISTER SUCCESS *");
	client_expect(c, "* 001 *");
	client_send(c, "PING in");
	client_expect(c, "* PONG * :in");
	return c;
}

/* A code that goes out by mail is what keeps a client in Registration. */
static struct simserver *mailing(struct simnet *net, char mailbox[32], const char *more)
{
	struct simserver *s;
	char *yaml;

	mailbox_new(mailbox);
	assert_true(asprintf(&yaml,
	                     TALK_CLOSED
	                     "account: {verify: email, mail-command: [/bin/sh, -c, \"cat >%s\"]}\n"
	                     "client: {exempt: [\"127.0.0.0/8\"]%s}\n",
	                     mailbox, more) > 0);
	s = simnet_server(net, yaml);
	free(yaml);
	return s;
}

static struct simclient *registering(struct simserver *s, const char *nick)
{
	struct simclient *c = connecting(s, nick);

	client_send(c, "REGISTER * %s@example.org " PASSWORD, nick);
	client_expect(c, "* REGISTER VERIFICATION_REQUIRED *");
	free(client_take(c));
	return c;
}

static void read_code(struct simnet *net, const char *mailbox, const char *nick, char out[64])
{
	char text[MAILBOX_MAX], mark[64];
	const char *at;

	snprintf(mark, sizeof(mark), "VERIFY %s ", nick);
	mailbox_read(net, mailbox, text);
	at = strstr(text, mark);
	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(mark), "%63s", out), 1);
}

static void registration_that_is_completed_enters_by_itself(void **state)
{
	struct simnet *net = simnet_new(1);
	char mailbox[32], code[64];
	struct simserver *s = mailing(net, mailbox, "");
	struct simclient *c = registering(s, "alice");

	(void)state;
	read_code(net, mailbox, "alice", code);
	client_send(c, "VERIFY alice wrong");
	client_expect(c, "* FAIL VERIFY INVALID_CODE *");
	client_send(c, "VERIFY alice %s", code);
	client_expect(c, "* VERIFY SUCCESS alice *");
	client_expect(c, "* 001 alice *");
	simnet_end(&net);
	unlink(mailbox);
}

static void registration_takes_no_other_commands(void **state)
{
	struct simnet *net = simnet_new(1);
	char mailbox[32];
	struct simserver *s = mailing(net, mailbox, "");
	struct simclient *c = registering(s, "alice");

	(void)state;
	client_send(c, "JOIN #a");
	client_expect_exactly(c, ":sim1.example.net 451 alice :You have not registered");
	client_send(c, "NICK alice2\r\nUSER x 0 * :New\r\nPING on");
	client_expect_exactly(c, ":sim1.example.net PONG sim1.example.net :on");
	simnet_end(&net);
	unlink(mailbox);
}

static void registration_that_is_cancelled_is_connecting_again(void **state)
{
	static const char *const ways[] = {"REGISTER CANCEL", "PASS bob:" PASSWORD "x",
	                                   "AUTHENTICATE PLAIN"};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct simnet *net = simnet_new(1);
		char mailbox[32];
		struct simserver *s =
			mailing(net, mailbox, ", login-timeout: 20s, registration-timeout: 15m");
		struct simclient *c = registering(s, "alice");

		simnet_run(net, 60 * GW_SECOND);
		assert_false(client_ended(c));
		client_send(c, "%s", ways[i]);
		simnet_run(net, 19 * GW_SECOND);
		assert_false(client_ended(c));
		simnet_run(net, 2 * GW_SECOND);
		client_expect(c, "ERROR :Closing Link: 127.0.0.1 (You did not log in in time)");
		client_expect_end(c);
		simnet_end(&net);
		unlink(mailbox);
	}
}

static void a_time_out_ends_registration(void **state)
{
	struct simnet *net = simnet_new(1);
	char mailbox[32];
	struct simserver *s = mailing(net, mailbox, ", registration-timeout: 30s");
	struct simclient *c = registering(s, "alice");

	(void)state;
	simnet_run(net, 31 * GW_SECOND);
	client_expect(c, "ERROR :Closing Link: 127.0.0.1 (Registration timed out)");
	client_expect_end(c);
	simnet_end(&net);
	unlink(mailbox);
}

static void connecting_becomes_connected_by_logging_in(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE);
	struct simclient *a, *b;

	(void)state;
	a = connected(s, "alice");
	client_close(a);
	b = simnet_client(s, "127.0.0.1", false);
	client_send(b, "PASS alice:" PASSWORD "\r\nNICK alice\r\nUSER alice 0 * :Alice");
	client_expect(b, "* 001 alice *");
	simnet_end(&net);
}

static void a_login_may_come_after_nick_and_user(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE);
	struct simclient *b;

	(void)state;
	client_close(connected(s, "alice"));
	b = connecting(s, "alice");
	client_send(b, "PASS alice:" PASSWORD);
	client_expect(b, "* 001 alice *");
	simnet_end(&net);
}

static void connecting_goes_through_registration_to_connected(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE);

	(void)state;
	connected(s, "alice");
	simnet_end(&net);
}

static void commands_before_authentication_get_451_and_nothing_worse(void **state)
{
	static const char *const lines[] = {"JOIN #a", "PRIVMSG alice :x", "WHO *", "MODE alice +i",
	                                    "LIST",    "AWAY :x"};
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE);
	struct simclient *c = connecting(s, "alice");

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		client_send(c, "%s", lines[i]);
		client_expect_exactly(c, ":sim1.example.net 451 alice :You have not registered");
	}
	client_send(c, "PING still");
	client_expect(c, "* PONG * :still");
	simnet_end(&net);
}

static void what_belongs_before_connected_is_462_in_it(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE);
	struct simclient *c = connected(s, "alice");

	(void)state;
	client_send(c, "USER alice 0 * :Alice");
	client_expect_exactly(c, ":sim1.example.net 462 alice :You may not reregister");
	client_send(c, "PASS alice:" PASSWORD);
	client_expect_exactly(c, ":sim1.example.net 462 alice :You may not reregister");
	client_send(c, "PING on");
	client_expect(c, "* PONG * :on");
	simnet_end(&net);
}

static void register_in_connected_changes_no_state(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *c = talk_enter(s, "alice", "");

	(void)state;
	client_send(c, "REGISTER * * " PASSWORD);
	client_expect(c, "* REGISTER SUCCESS alice *");
	client_send(c, "JOIN #still");
	client_expect(c, ":alice!*@* JOIN #still");
	client_expect_none(c, "* 001 *");
	simnet_end(&net);
}

static void a_time_out_ends_connecting(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED "client: {login-timeout: 5s}\n");
	struct simclient *mute = simnet_client(s, "127.0.0.1", false),
			 *slow = simnet_client(s, "127.0.0.1", false);

	(void)state;
	client_send(slow, "NICK alice\r\nUSER alice 0 * :Alice");
	client_expect(mute, "ERROR :Closing Link: 127.0.0.1 (You did not log in in time)");
	client_expect_end(mute);
	client_expect(slow, "ERROR :Closing Link: 127.0.0.1 (You did not log in in time)");
	client_expect_end(slow);
	simnet_end(&net);
}

static void nothing_is_completed_before_cap_end(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *c = simnet_client(s, "127.0.0.1", false);

	(void)state;
	client_send(c, "CAP LS 302\r\nNICK alice\r\nUSER alice 0 * :Alice");
	client_expect(c, "* CAP * LS *");
	client_expect_none(c, "* 001 *");
	client_send(c, "CAP END");
	client_expect(c, "* 001 alice *");
	simnet_end(&net);
}

static void the_order_of_nick_and_user_does_not_matter(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *c = simnet_client(s, "127.0.0.1", false);

	(void)state;
	client_send(c, "USER alice 0 * :Alice");
	client_expect_exactly(c, "");
	client_send(c, "NICK alice");
	client_expect(c, "* 001 alice *");
	simnet_end(&net);
}

static void a_nick_in_use_is_433_and_another_one_enters(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *c;

	(void)state;
	talk_enter(s, "alice", "");
	c = simnet_client(s, "127.0.0.1", false);
	client_send(c, "NICK Alice\r\nUSER bob 0 * :Bob");
	client_expect_exactly(c, ":sim1.example.net 433 * Alice :Nickname is already in use");
	client_send(c, "NICK bob");
	client_expect(c, "* 001 bob *");
	simnet_end(&net);
}

static void a_claimed_nick_is_433_for_others(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *a = talk_enter(s, "alice", ""), *b, *c;

	(void)state;
	client_send(a, "REGISTER * * " PASSWORD);
	client_expect(a, "* REGISTER SUCCESS alice *");
	client_send(a, "QUIT");
	client_expect_end(a);
	b = simnet_client(s, "127.0.0.1", false);
	client_send(b, "NICK aLiCe\r\nUSER bob 0 * :Bob");
	client_expect_exactly(b, ":sim1.example.net 433 * aLiCe :Nickname is already in use");
	c = talk_enter(s, "carol", "");
	client_send(c, "NICK ALICE\r\nPING after");
	client_expect_exactly(c, ":sim1.example.net 433 carol ALICE :Nickname is already in use\n"
	                         ":sim1.example.net PONG sim1.example.net :after");
	simnet_end(&net);
}

static void a_login_takes_its_nick_back_from_a_ghost(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE);
	struct simclient *a, *b, *w;

	(void)state;
	a = connected(s, "alice");
	w = connected(s, "watch");
	client_send(a, "JOIN #x");
	client_expect(a, "* 366 *");
	client_send(w, "JOIN #x");
	client_expect(w, "* 366 *");
	free(client_take(a));
	simnet_quiet(net);
	b = simnet_client(s, "127.0.0.1", false);
	client_send(b, "PASS alice:" PASSWORD "\r\nNICK alice\r\nUSER alice 0 * :Alice");
	client_expect(b, "* 001 alice *");
	client_expect_exactly(a, "ERROR :Closing Link: 127.0.0.1 (Ghost: you have logged in anew)");
	client_expect_end(a);
	client_expect_exactly(
		w, ":alice!alice@alice.users.godwit QUIT :Ghost: you have logged in anew");
	simnet_end(&net);
}

static void quit_before_connected_is_answered(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED TALK_FREE);
	struct simclient *c = simnet_client(s, "127.0.0.1", false);

	(void)state;
	client_send(c, "QUIT :never mind");
	client_expect_exactly(c, "ERROR :Closing Link: 127.0.0.1 (Quit: never mind)");
	client_expect_end(c);
	simnet_end(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_of_nick_and_user_does_not_matter),
		cmocka_unit_test(nothing_is_completed_before_cap_end),
		cmocka_unit_test(quit_before_connected_is_answered),
		cmocka_unit_test(connecting_becomes_connected_by_logging_in),
		cmocka_unit_test(a_login_may_come_after_nick_and_user),
		cmocka_unit_test(connecting_goes_through_registration_to_connected),
		cmocka_unit_test(commands_before_authentication_get_451_and_nothing_worse),
		cmocka_unit_test(what_belongs_before_connected_is_462_in_it),
		cmocka_unit_test(register_in_connected_changes_no_state),
		cmocka_unit_test(a_time_out_ends_connecting),
		cmocka_unit_test(registration_that_is_completed_enters_by_itself),
		cmocka_unit_test(registration_takes_no_other_commands),
		cmocka_unit_test(registration_that_is_cancelled_is_connecting_again),
		cmocka_unit_test(a_time_out_ends_registration),
		cmocka_unit_test(a_nick_in_use_is_433_and_another_one_enters),
		cmocka_unit_test(a_claimed_nick_is_433_for_others),
		cmocka_unit_test(a_login_takes_its_nick_back_from_a_ghost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
