/*
 * Clients that are being moved: their lines, their output, what is put off meanwhile, and how a
 * newcomer gets their session. The module tapper does each step when it is told to.
 */
#include "tests/module/talk.h"
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <godwit/loop.h>
#include <stdlib.h>

#define NAME ":sim1.example.net "
#define FREE "client: {exempt: [\"127.0.0.0/8\"]}\n"

static struct simserver *serve(struct simnet *net, const char *yaml)
{
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	char text[4096];

	assert_non_null(build);
	snprintf(text, sizeof(text),
	         "modules: [store, services, network, client, account, channel, message, query, "
	         "monitor, oper, guest, tapper]\n"
	         "module-directory: [%s/modules, %s/tests/modules]\n%s",
	         build, build, yaml);
	free(build);
	return simnet_server(net, text);
}

static const char *ask(struct simserver *s, const char *command)
{
	return simserver_ask(s, "%s", command);
}

static void refused(struct simserver *s, const char *line, int want)
{
	int status;

	simserver_admin(s, &status, "%s", line);
	assert_int_equal(status, want);
}

/* What the tap has been told since it was asked last, and nothing else. */
static void told(struct simserver *s, const char *want)
{
	assert_string_equal(ask(s, "tapper told"), want);
}

static void ends_well(struct simnet **net, struct simserver *s)
{
	assert_null(strstr(simserver_log(s), "stale"));
	assert_null(strstr(simserver_log(s), "left behind"));
	assert_null(strstr(simserver_log(s), " error "));
	simnet_end(net);
}

static void join(struct simclient *c, const char *channel)
{
	client_send(c, "JOIN %s", channel);
	client_expect(c, "* 366 *");
}

/* --- lines --- */

static void lines_go_to_the_tap_and_come_back_in_order(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", "message-tags"), *b = talk_enter(s, "bob", "");

	(void)state;
	ask(s, "tapper tap ann");
	client_send(a, "privmsg bob :one\r\n@+x=y PRIVMSG bob :two\r\n\r\nNOTHING");
	client_expect_none(b, "*");
	told(s, "ann [privmsg bob :one]PRIVMSG\nann [@+x=y PRIVMSG bob :two]PRIVMSG\n"
	        "ann []NULL\nann [NOTHING]NOTHING\n");
	client_expect_none(a, "*");
	ask(s, "tapper untap ann kept");
	client_send(a, "PRIVMSG bob :three");
	client_expect_next(b, ":ann!* PRIVMSG bob :one");
	client_expect_next(b, ":ann!* PRIVMSG bob :two");
	client_expect_next(b, ":ann!* PRIVMSG bob :three");
	client_expect_next(a, NAME "421 ann NOTHING :Unknown command");
	told(s, "");
	ends_well(&net, s);
}

static void only_one_taps(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", "");

	(void)state;
	ask(s, "tapper tap ann");
	refused(s, "tapper tap ann", -16);
	ask(s, "tapper untap ann");
	ask(s, "tapper untap ann");
	ask(s, "tapper resume ann");
	ask(s, "tapper tap ann");
	client_send(a, "PING x");
	simnet_quiet(net);
	told(s, "ann [PING x]PING\n");
	ends_well(&net, s);
}

static void a_tap_may_stop_and_go_on(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", "");

	(void)state;
	ask(s, "tapper set stop");
	ask(s, "tapper tap ann");
	client_send(a, "PING 1\r\nPING 2\r\nPING 3");
	simnet_quiet(net);
	told(s, "ann [PING 1]PING\n");
	ask(s, "tapper resume ann");
	simnet_quiet(net);
	told(s, "ann [PING 2]PING\n");
	ask(s, "tapper untap ann kept");
	client_expect_next(a, "* PONG * :1");
	client_expect_next(a, "* PONG * :2");
	client_expect_next(a, "* PONG * :3");
	ends_well(&net, s);
}

/* Of lines that wait behind some that the tap keeps none is executed when the connection ends. */
static void what_waits_behind_the_tap_ends_with_the_connection(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, "client: {flood-rate: 1, flood-burst: 4}\n");
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", "");

	(void)state;
	simnet_run(net, 30 * GW_SECOND);
	ask(s, "tapper tap ann");
	for (int i = 0; i < 20; i++)
		client_send(a, "PRIVMSG bob :%d", i);
	simnet_quiet(net);
	ask(s, "tapper untap ann kept");
	client_expect(b, "* PRIVMSG bob :4");
	ask(s, "tapper set stop");
	ask(s, "tapper tap ann");
	simnet_run(net, GW_SECOND);
	free(client_take(b));
	simpipe_cut(client_pipe(a));
	client_expect_none(b, "*");
	ends_well(&net, s);
}

/* The tap is begun in the midst of what the client has sent. */
static void who_taps_itself_hears_what_follows(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = simnet_client(s, "127.0.0.1", false);

	(void)state;
	client_send(a, "PING 0\r\nTAPME\r\nPING 1\r\nTAPME\r\nNICK ann");
	client_expect_next(a, "* PONG * :0");
	simnet_quiet(net);
	told(s, "tapme 0\n* [PING 1]PING\n* [TAPME]TAPME\n* [NICK ann]NICK\n");
	client_expect_none(a, "*");
	ask(s, "tapper untap - kept");
	client_expect_next(a, "* PONG * :1");
	simnet_quiet(net);
	told(s, "tapme 0\n* [NICK ann]NICK\n");
	ends_well(&net, s);
}

static void what_waited_for_the_flood_limit_comes_first(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, "client: {flood-rate: 1, flood-burst: 4}\n");
	struct simclient *a = talk_enter(s, "ann", "");
	const char *text;
	char want[40];

	(void)state;
	simnet_run(net, 30 * GW_SECOND);
	for (int i = 0; i < 20; i++)
		client_send(a, "PING %d", i);
	client_expect(a, "* PONG * :4");
	client_expect_none(a, "* PONG * :9");
	ask(s, "tapper tap ann");
	for (int i = 20; i < 50; i++)
		client_send(a, "PING %d", i);
	simnet_quiet(net);
	text = ask(s, "tapper told");
	assert_non_null(strstr(text, "[PING 19]PING\nann [PING 20]PING\n"));
	assert_non_null(strstr(text, "[PING 49]"));
	ask(s, "tapper untap ann kept");
	simnet_quiet(net);
	client_expect_none(a, "* PONG * :15");
	client_expect(a, "* PONG * :8");
	for (int i = 9; i < 50; i++) {
		snprintf(want, sizeof(want), "* PONG * :%d", i);
		client_expect_next(a, want);
	}
	ends_well(&net, s);
}

static void what_was_given_back_goes_to_the_next_tap(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, "client: {flood-rate: 1, flood-burst: 4}\n");
	struct simclient *a = talk_enter(s, "ann", "");
	const char *text;

	(void)state;
	simnet_run(net, 30 * GW_SECOND);
	ask(s, "tapper tap ann");
	for (int i = 0; i < 20; i++)
		client_send(a, "PING %d", i);
	simnet_quiet(net);
	ask(s, "tapper told");
	ask(s, "tapper untap ann kept");
	client_expect(a, "* PONG * :4");
	client_send(a, "PING 20");
	simnet_quiet(net);
	ask(s, "tapper tap ann");
	simnet_quiet(net);
	text = ask(s, "tapper told");
	assert_non_null(strstr(text, "[PING 18]PING\nann [PING 19]PING\nann [PING 20]PING\n"));
	ask(s, "tapper untap ann kept");
	for (int i = 10; i <= 20; i++)
		simnet_quiet(net);
	client_expect(a, "* PONG * :19");
	client_expect_next(a, "* PONG * :20");
	ends_well(&net, s);
}

static void many_lines_are_executed_in_order_until_one_quits(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", "");
	char want[40];

	(void)state;
	ask(s, "tapper tap ann");
	for (int i = 0; i < 150; i++)
		client_send(a, "PING %d", i);
	client_send(a, "QUIT\r\nPING 150\r\nPING 151");
	simnet_quiet(net);
	ask(s, "tapper told");
	ask(s, "tapper untap ann kept");
	for (int i = 0; i < 150; i++) {
		snprintf(want, sizeof(want), "* PONG * :%d", i);
		client_expect_next(a, want);
	}
	client_expect_next(a, "ERROR * (Quit)");
	client_expect_end(a);
	ends_well(&net, s);
}

static void a_client_in_any_state_is_tapped(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, "account: {verify: email, mail-command: [/bin/true]}\n");
	struct simclient *n = simnet_client(s, "127.0.0.1", false);

	(void)state;
	client_send(n, "NICK ann\r\nTAPME");
	simnet_quiet(net);
	client_send(n, "USER ann 0 * :Ann");
	simnet_quiet(net);
	told(s, "tapme 0\nann [USER ann 0 * :Ann]USER\n");
	client_expect_none(n, "* 001 *");
	ask(s, "tapper untap - kept");
	client_expect(n, "* 001 ann *");
	ends_well(&net, s);
}

/* Somebody's claim on the nick is looked up slowly: until then the command is under way. */
static struct simclient *slow_nick(struct simnet *net, struct simserver *s, struct simclient **b)
{
	struct simclient *a = talk_enter(s, "ann", "");

	client_send(a, "REGISTER * * correct-horse");
	client_expect(a, "* REGISTER SUCCESS *");
	client_send(a, "QUIT");
	client_expect_end(a);
	*b = talk_enter(s, "bob", "batch labeled-response");
	ask(s, "module reload services");
	ask(s, "tapper told");
	simnet_faults(net)->work_min_ns = simnet_faults(net)->work_max_ns = 3 * GW_SECOND;
	client_send(*b, "@label=n NICK ann\r\n@label=p PING behind");
	client_expect_none(*b, "*");
	return a;
}

static void what_is_held_goes_to_the_tap_and_the_answer_to_the_client(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *b;

	(void)state;
	slow_nick(net, s, &b);
	ask(s, "tapper tap bob");
	ask(s, "tapper settled bob 1000");
	simnet_run(net, GW_MS);
	assert_string_equal(ask(s, "tapper calm bob 1000"), "no\n");
	told(s, "bob [@label=p PING behind]PING\n");
	client_expect_next(b, "@label=n " NAME "433 bob ann :Nickname is already in use");
	simnet_quiet(net);
	told(s, "settled\n");
	assert_string_equal(ask(s, "tapper calm bob 1000"), "yes\n");
	ask(s, "tapper untap bob kept");
	client_expect_next(b, "@label=p " NAME "PONG * :behind");
	ends_well(&net, s);
}

static void bad_lines_are_told_as_such(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", "");
	const char *all;
	char text[8192];

	(void)state;
	ask(s, "tapper tap ann");
	client_send(a, "PRIVMSG bob :\xff");
	memset(text, 'y', 700);
	text[700] = '\0';
	client_send(a, "%s", text);
	memset(text, 'z', 6000);
	text[6000] = '\0';
	client_send(a, "%s", text);
	simnet_quiet(net);
	all = ask(s, "tapper told");
	assert_non_null(strstr(all, "ann [PRIVMSG bob :?]NULL\nann [yyyyy"));
	assert_non_null(strstr(all, "]NULL\nann LONG [zzzzz"));
	ask(s, "tapper untap ann kept");
	client_expect_next(a, NAME "FAIL PRIVMSG INVALID_UTF8 *");
	client_expect_next(a, "* NOTICE ann *");
	client_expect_next(a, "* 417 ann *");
	client_expect_next(a, "* 417 ann *");
	ask(s, "tapper tap ann");
	ask(s, "tapper untap ann 100000");
	client_expect_next(a, "* 417 ann *");
	ends_well(&net, s);
}

/* --- time --- */

static void nobody_who_is_tapped_times_out(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, "client: {ping-interval: 100s, ping-timeout: 50s, "
	                                 "login-timeout: 30s}\n");
	struct simclient *a = talk_enter(s, "ann", "");
	struct simclient *n = simnet_client(s, "127.0.0.1", false);

	(void)state;
	client_send(n, "TAPME");
	simnet_quiet(net);
	ask(s, "tapper tap ann");
	simnet_run(net, 1000 * GW_SECOND);
	client_expect_none(a, "*");
	client_expect_none(n, "*");
	ask(s, "tapper untap ann");
	ask(s, "tapper untap -");
	simnet_run(net, 20 * GW_SECOND);
	client_expect_none(n, "*");
	simnet_run(net, 15 * GW_SECOND);
	client_expect_next(n, "ERROR * (You did not log in in time)");
	simnet_run(net, 70 * GW_SECOND);
	client_expect_next(a, "PING *");
	simnet_run(net, 51 * GW_SECOND);
	client_expect_next(a, "ERROR * (Ping timeout: 150 seconds)");
	ends_well(&net, s);
}

/* A client that does not read is settled when the queue has emptied. */
static void settled_waits_for_the_queue(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", "");
	char text[401];

	(void)state;
	memset(text, 'x', 400);
	text[400] = '\0';
	simpipe_block(client_pipe(a), true);
	for (int i = 0; i < 400; i++)
		client_send(b, "PRIVMSG ann :%s", text);
	simnet_quiet(net);
	ask(s, "tapper tap ann");
	ask(s, "tapper settled ann 4096");
	simnet_quiet(net);
	told(s, "");
	assert_string_equal(ask(s, "tapper calm ann 4096"), "no\n");
	simpipe_block(client_pipe(a), false);
	simnet_quiet(net);
	told(s, "settled\n");
	/* one that is taken back, and one that is in vain */
	simpipe_block(client_pipe(a), true);
	for (int i = 0; i < 400; i++)
		client_send(b, "PRIVMSG ann :%s", text);
	simnet_quiet(net);
	ask(s, "tapper settled ann 4096");
	ask(s, "tapper settled ann 0");
	simpipe_block(client_pipe(a), false);
	simnet_quiet(net);
	told(s, "");
	simpipe_block(client_pipe(a), true);
	for (int i = 0; i < 400; i++)
		client_send(b, "PRIVMSG ann :%s", text);
	simnet_quiet(net);
	ask(s, "tapper settled ann 4096");
	client_close(a);
	simnet_quiet(net);
	assert_non_null(strstr(ask(s, "tapper told"), "settled (gone)\n"));
	ends_well(&net, s);
}

/* --- output --- */

static void output_goes_elsewhere_and_comes_back(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", "echo-message"), *b = talk_enter(s, "bob", "");

	(void)state;
	join(a, "#x");
	join(b, "#x");
	client_expect(a, ":bob!* JOIN #x");
	ask(s, "tapper tap ann");
	ask(s, "tapper divert ann");
	client_send(b, "PRIVMSG #x :hello\r\nPRIVMSG ann :hi\r\nINVITE ann #y");
	simnet_quiet(net);
	client_expect_none(a, "*");
	client_send(b, "TOPIC #x :news");
	simnet_quiet(net);
	ask(s, "tapper undivert ann");
	client_expect_next(a, ":bob!* PRIVMSG #x :hello");
	client_expect_next(a, ":bob!* PRIVMSG ann :hi");
	ask(s, "tapper untap ann");
	client_send(a, "PRIVMSG #x :echo");
	client_expect(a, ":ann!* PRIVMSG #x :echo");
	client_send(b, "PRIVMSG #x :now");
	client_expect_next(a, ":bob!* PRIVMSG #x :now");
	ends_well(&net, s);
}

/* Its nick is root. */
static void become_oper(struct simserver *s, struct simclient *c)
{
	client_send(c, "REGISTER * * correct-horse");
	client_expect(c, "* REGISTER SUCCESS *");
	ask(s, "oper add root");
	client_send(c, "OPER root");
	client_expect(c, "* 381 *");
}

static void a_kill_waits_until_the_output_is_back(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *o = talk_enter(s, "root", "");

	(void)state;
	become_oper(s, o);
	ask(s, "tapper told");
	ask(s, "tapper tap ann");
	ask(s, "tapper divert ann");
	client_send(o, "KILL ann :enough\r\nKILL ann :again\r\nPRIVMSG ann :still there?");
	client_expect_none(o, "* 401 *");
	client_expect_none(a, "*");
	told(s, "");
	ask(s, "tapper undivert ann");
	client_expect_next(a, ":root!* PRIVMSG ann :still there?");
	client_expect_next(a, ":root!* KILL ann :enough");
	client_expect_next(a, "ERROR * (Killed (root (enough)))");
	client_expect_end(a);
	told(s, "ann closed: Killed (root (enough))\nann gone\n");
	ends_well(&net, s);
}

static void a_ban_waits_too(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", "");

	(void)state;
	ask(s, "tapper tap ann");
	ask(s, "tapper divert ann");
	ask(s, "ban add 127.0.0.0/8 never bad place");
	simnet_quiet(net);
	client_expect_none(a, "*");
	ask(s, "tapper undivert ann");
	client_expect(a, "ERROR * (Banned: bad place)");
	client_expect_end(a);
	ends_well(&net, s);
}

static void the_end_of_the_server_does_not_wait(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", "");

	(void)state;
	ask(s, "tapper tap ann");
	ask(s, "tapper divert ann");
	simserver_stop(s);
	client_expect_next(a, "ERROR * (Server is stopping: *");
	client_expect_end(a);
	simnet_end(&net);
}

static void a_claim_on_the_nick_waits(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", "");

	(void)state;
	ask(s, "tapper tap ann");
	ask(s, "tapper divert ann");
	ask(s, "account add ann correct-horse");
	simnet_quiet(net);
	client_send(b, "WHOIS ann");
	client_expect(b, "* 311 bob ann *");
	ask(s, "tapper undivert ann");
	client_expect(a, ":ann!* NICK :ann~*");
	client_expect(a, "* NOTICE ann~* :The nick ann belongs to an account *");
	ends_well(&net, s);
}

static void a_logout_waits(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", "");

	(void)state;
	client_send(a, "REGISTER * * correct-horse");
	client_expect(a, "* REGISTER SUCCESS *");
	client_expect(a, "* 396 *");
	ask(s, "tapper tap ann");
	ask(s, "tapper divert ann");
	ask(s, "account drop ann");
	simnet_quiet(net);
	client_send(b, "WHOIS ann");
	client_expect(b, "* 330 bob ann ann :is logged in as");
	client_expect_none(a, "*");
	ask(s, "tapper undivert ann");
	client_expect(a, "* 901 *");
	client_send(b, "WHOIS ann");
	client_expect(b, "* 311 *");
	client_expect_none(b, "* 330 *");
	ends_well(&net, s);
}

/* --- the end of the connection --- */

static void a_connection_that_is_lost_asks_the_tap(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", "");

	(void)state;
	join(a, "#x");
	join(b, "#x");
	ask(s, "tapper tap ann");
	simpipe_shut(client_pipe(a));
	client_expect(b, ":ann!* QUIT :Connection closed");
	told(s, "ann closed: Connection closed\nann gone\n");
	ends_well(&net, s);
}

/* ann's session is left without a client. */
static void left_alone(struct simnet *net, struct simserver *s, struct simclient *a)
{
	ask(s, "tapper set keep");
	ask(s, "tapper tap ann");
	ask(s, "tapper carry ann");
	simpipe_shut(client_pipe(a));
	simnet_quiet(net);
	told(s, "ann closed: Connection closed\nann gone\n");
}

static void a_session_may_stay_without_a_client(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", "");

	(void)state;
	join(a, "#x");
	join(b, "#x");
	left_alone(net, s, a);
	client_send(b, "PRIVMSG ann :are you there?\r\nPRIVMSG #x :anybody?\r\nWHOIS ann");
	client_expect(b, "* 311 bob ann *");
	client_expect_none(b, "* QUIT *");
	ends_well(&net, s);
}

/* --- adopting --- */

static struct simclient *newcomer(struct simnet *net, struct simserver *s, bool tls)
{
	struct simclient *n = simnet_client(s, "127.0.0.1", tls);

	client_send(n, "TAPME");
	simnet_quiet(net);
	told(s, "tapme 0\n");
	return n;
}

static void a_newcomer_gets_the_session_and_nobody_notices(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", "echo-message"), *b = talk_enter(s, "bob", "");
	struct simclient *n;

	(void)state;
	join(a, "#x");
	join(b, "#x");
	client_send(b, "PRIVMSG #x :first");
	client_send(a, "PRIVMSG #x :mine");
	client_expect(b, ":ann!* PRIVMSG #x :mine");
	simnet_run(net, 100 * GW_SECOND);
	left_alone(net, s, a);
	n = newcomer(net, s, false);
	ask(s, "tapper adopt ann");
	ask(s, "tapper write what was held");
	client_send(b, "PRIVMSG #x :second");
	client_send(n, "PRIVMSG #x :later");
	client_expect_next(n, "what was held");
	client_expect_next(n, ":bob!* PRIVMSG #x :second");
	client_send(b, "WHOIS ann");
	client_expect(b, "* 317 bob ann 10? *");
	told(s, "ann [PRIVMSG #x :later]PRIVMSG\n");
	ask(s, "tapper untap - kept");
	client_expect_next(n, ":ann!* PRIVMSG #x :later");
	client_expect(b, ":ann!* PRIVMSG #x :later");
	client_expect_none(b, "* JOIN *");
	client_expect_none(b, "* QUIT *");
	client_expect_none(b, "* NICK *");
	client_expect_exactly(n, "");
	client_send(n, "NICK ann2\r\nUSER a 0 * :a");
	client_expect_next(n, ":ann!* NICK :ann2");
	client_expect_next(n, "* 462 ann2 *");
	client_send(n, "QUIT");
	client_expect(b, ":ann2!* QUIT :Quit");
	ends_well(&net, s);
}

static void who_may_not_adopt(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", "");
	struct simclient *n;

	(void)state;
	ask(s, "tapper carry bob");
	refused(s, "tapper adopt ann", -2);
	n = newcomer(net, s, false);
	refused(s, "tapper adopt bob", -1); /* it has a client */
	left_alone(net, s, a);
	ask(s, "tapper offer secure");
	refused(s, "tapper adopt ann", -1); /* not over TLS */
	ask(s, "tapper untap -");
	client_send(n, "REGISTER nina * correct-horse");
	simnet_quiet(net);
	client_send(b, "TAPME");
	simnet_quiet(net);
	told(s, "tapme 0\n");
	ask(s, "tapper offer secure");
	refused(s, "tapper adopt ann", -1); /* Connected */
	ask(s, "tapper untap -");
	n = newcomer(net, s, true);
	ask(s, "tapper offer secure");
	ask(s, "tapper adopt ann");
	refused(s, "tapper adopt ann", -1);
	ask(s, "tapper untap -");
	client_send(n, "PING x");
	client_expect_next(n, NAME "PONG * :x");
	ends_well(&net, s);
}

static void what_is_offered_otherwise_is_told_behind_what_was_held(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = simnet_client(s, "127.0.0.1", false), *n;

	(void)state;
	client_send(a,
	            "CAP LS 302\r\nNICK ann\r\nUSER ann 0 * :Ann\r\nCAP REQ :server-time\r\nCAP END"
	            "\r\nPING in");
	client_expect(a, "*PONG * :in");
	left_alone(net, s, a);
	ask(s, "tapper offer nothing");
	ask(s, "tapper offer batch");
	ask(s, "tapper offer x-gone");
	ask(s, "tapper offer x-too");
	ask(s, "tapper offer tokens");
	n = newcomer(net, s, false);
	ask(s, "tapper adopt ann");
	ask(s, "tapper write what was held");
	client_expect_exactly(n, "what was held");
	ask(s, "tapper untap -");
	client_expect_next(n, "@time=* " NAME "CAP ann DEL :x-gone x-too");
	client_expect_next(n, "@time=* " NAME "CAP ann NEW :*sasl=*");
	client_expect_next(n, "@time=* " NAME "005 ann *");
	client_send(n, "CAP LIST");
	client_expect(n, "@time=* CAP ann LIST :server-time cap-notify");
	ends_well(&net, s);
}

/* What was asked of it in the old connection's name: it is executed, or it is answered as ever. */
static void who_is_adopted_must_be_there(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, "client: {ping-interval: 100s, ping-timeout: 50s}\n");
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", ""), *n;

	(void)state;
	join(a, "#x");
	join(b, "#x");
	left_alone(net, s, a);
	n = newcomer(net, s, false);
	ask(s, "tapper adopt ann");
	for (int i = 0; i < 4; i++) {
		client_send(b, "PONG x");
		simnet_run(net, 45 * GW_SECOND);
	}
	client_expect_next(n, "PING *");
	client_expect_next(n, "ERROR * (Ping timeout: 150 seconds)");
	client_expect(b, ":ann!* QUIT :Ping timeout: 150 seconds");
	told(s, "ann closed: Ping timeout: 150 seconds\nann gone\n");
	ends_well(&net, s);
}

static void who_is_banned_here_is_closed_when_adopted(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *n;

	(void)state;
	client_send(a, "REGISTER * * correct-horse");
	client_expect(a, "* REGISTER SUCCESS *");
	client_expect(a, "* 900 *");
	left_alone(net, s, a);
	ask(s, "ban add ann never no");
	simnet_quiet(net);
	n = newcomer(net, s, false);
	ask(s, "tapper adopt ann");
	client_expect_none(n, "*");
	ask(s, "tapper untap -");
	client_expect_next(n, "ERROR * (Banned: no)");
	client_expect_end(n);
	ends_well(&net, s);
}

/* What happens to an account while its session has no client here is found out. Its grant went with
 * it, at once. */
static void whose_account_is_gone_is_logged_out_when_adopted(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "root", ""), *n;

	(void)state;
	become_oper(s, a);
	client_send(a, "NICK ann");
	client_expect(a, "* NICK :ann");
	ask(s, "tapper told");
	left_alone(net, s, a);
	ask(s, "account drop root");
	simnet_quiet(net);
	n = newcomer(net, s, false);
	ask(s, "tapper adopt ann");
	ask(s, "tapper untap -");
	client_expect(n, "* 901 *");
	client_send(n, "CTL status");
	client_expect(n, "* 481 *");
	ends_well(&net, s);
}

/* --- modules --- */

static void reloads_change_nothing(void **state)
{
	static const char *const modules[] = {"client", "tapper"};
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", ""), *n;
	char line[80];

	(void)state;
	for (int i = 0; i < 2; i++) {
		snprintf(line, sizeof(line), "module reload %s", modules[i]);
		ask(s, "tapper set stop");
		ask(s, "tapper tap ann");
		client_send(a, "PING 1\r\nPING 2");
		simnet_quiet(net);
		ask(s, line);
		ask(s, "tapper divert ann");
		ask(s, line);
		client_send(b, "PRIVMSG ann :held");
		simnet_quiet(net);
		ask(s, line);
		ask(s, "tapper set go");
		ask(s, "tapper resume ann");
		simnet_quiet(net);
		told(s, "ann [PING 1]PING\nann [PING 2]PING\n");
		ask(s, "tapper settled ann 1000");
		ask(s, line);
		ask(s, "tapper undivert ann");
		ask(s, "tapper untap ann kept");
		client_expect_next(a, ":bob!* PRIVMSG ann :held");
		client_expect_next(a, "* PONG * :1");
		client_expect_next(a, "* PONG * :2");
		told(s, "settled\n");
	}
	left_alone(net, s, a);
	ask(s, line);
	n = newcomer(net, s, false);
	ask(s, "module reload client");
	ask(s, "tapper adopt ann");
	ask(s, "module reload client");
	ask(s, line);
	ask(s, "tapper untap -");
	client_send(b, "PRIVMSG ann :hello");
	client_expect_next(n, ":bob!* PRIVMSG ann :hello");
	ends_well(&net, s);
}

static void the_end_of_the_tapping_module_closes_its_clients(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", ""),
			 *c = talk_enter(s, "cat", "");

	(void)state;
	ask(s, "tapper tap ann");
	ask(s, "tapper tap bob");
	ask(s, "tapper divert bob");
	ask(s, "tapper settled bob 1000");
	client_send(c, "PRIVMSG bob :held");
	simnet_quiet(net);
	ask(s, "module unload tapper");
	client_expect_next(a, "ERROR * (You were being moved *");
	client_expect_next(b, "ERROR * (You were being moved *");
	client_expect_end(a);
	client_expect_end(b);
	client_send(c, "WHOIS bob");
	client_expect(c, "* 401 *");
	ends_well(&net, s);
}

static void the_end_of_the_module_leaves_nothing(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *n;

	(void)state;
	n = newcomer(net, s, false);
	client_send(n, "PING 1");
	ask(s, "tapper set stop");
	ask(s, "tapper tap ann");
	ask(s, "tapper divert ann");
	client_send(a, "PING 1\r\nPING 2");
	ask(s, "ban add 127.0.0.0/8 never bad place");
	simnet_quiet(net);
	ask(s, "module unload client --cascade");
	client_expect_end(a);
	client_expect_end(n);
	ends_well(&net, s);
}

/* Also of one that is tapped no more. */
static void the_end_of_who_diverts_closes_its_clients(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, FREE);
	struct simclient *a = talk_enter(s, "ann", "");

	(void)state;
	ask(s, "tapper tap ann");
	ask(s, "tapper divert ann");
	ask(s, "tapper untap ann");
	ask(s, "module unload tapper");
	client_expect_next(a, "ERROR * (You were being moved *");
	client_expect_end(a);
	ends_well(&net, s);
}

/* What is owed to the flood limit, and the number of the command, move along. */
static void debts_move_along(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, "client: {flood-rate: 1, flood-burst: 10}\n");
	struct simclient *a = talk_enter(s, "ann", ""), *n;

	(void)state;
	simnet_run(net, 60 * GW_SECOND);
	for (int i = 0; i < 9; i++)
		client_send(a, "PING %d", i);
	client_expect(a, "* PONG * :8");
	assert_non_null(strstr(ask(s, "tapper carry ann"), "command=12 idle=60 owed=8 "));
	left_alone(net, s, a);
	n = newcomer(net, s, false);
	ask(s, "tapper adopt ann");
	ask(s, "tapper untap -");
	for (int i = 0; i < 20; i++)
		client_send(n, "PING %d", i);
	simnet_quiet(net);
	client_expect(n, "* PONG * :3");
	client_expect_none(n, "* PONG * :9");
	ends_well(&net, s);
}

static void room_is_what_is_left(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = serve(net, "client: {max-clients: 3}\n");

	(void)state;
	assert_string_equal(ask(s, "tapper room"), "3\n");
	talk_enter(s, "ann", "");
	simnet_client(s, "127.0.0.1", false);
	simnet_quiet(net);
	assert_string_equal(ask(s, "tapper room"), "1\n");
	talk_enter(s, "bob", "");
	assert_string_equal(ask(s, "tapper room"), "0\n");
	ends_well(&net, s);
}

/* --- two servers --- */

#define ONE t->nodes[0].server
#define TWO t->nodes[1].server
#define S0 "s0.example.net"
#define S1 "s1.example.net"

static struct simtree *two(void)
{
	struct simtree *t = simtree_new(1, "",
	                                "[store_fake, services, network, link, burst, client, "
	                                "account, channel, message, query, monitor, oper, guest, "
	                                "tapper]");

	simtree_join(t, 0);
	assert_true(simtree_level(t, 60 * GW_SECOND));
	return t;
}

static void tree_ends_well(struct simtree **tree)
{
	struct simtree *t = *tree;

	for (unsigned i = 0; i < t->n; i++) {
		assert_null(strstr(simserver_log(t->nodes[i].server), "stale"));
		assert_null(strstr(simserver_log(t->nodes[i].server), " error "));
	}
	simtree_end(tree);
}

/* A shadow of ann, who is on the first server, on the second. */
static void shadow(struct simtree *t, const char *caps)
{
	char line[200];

	ask(ONE, "tapper send ann " S1);
	simnet_quiet(t->net);
	snprintf(line, sizeof(line), "tapper shadow ann %s", caps);
	ask(TWO, line);
	ask(TWO, "tapper held");
}

/* What the shadow was told is what the client was told. */
static void same_as_shown(struct simtree *t, struct simclient *a)
{
	char *shown = client_take(a);
	const char *held = ask(TWO, "tapper held");
	size_t n = strlen(shown), at = 0;
	char *lines = malloc(strlen(held) + 1);

	for (const char *p = held; *p != '\0'; p++)
		if (*p != '\r')
			lines[at++] = *p;
	while (at > 0 && lines[at - 1] == '\n')
		at--;
	lines[at] = '\0';
	while (n > 0 && shown[n - 1] == '\n')
		shown[--n] = '\0';
	assert_true(at > 0);
	assert_string_equal(lines, shown);
	free(lines);
	free(shown);
}

static void a_shadow_is_told_what_the_client_is_told(void **state)
{
	static const char caps[] = "account-notify away-notify batch chghost echo-message "
				   "extended-join message-tags multi-prefix server-time setname";
	struct simtree *t = two();
	struct simclient *a = simtree_enter(t, 0, "ann", caps), *b = simtree_enter(t, 1, "bob", ""),
			 *o = simtree_enter(t, 0, "cat", "");

	(void)state;
	join(a, "#x");
	join(b, "#x");
	client_expect(a, "*:bob!* JOIN #x *");
	client_send(a, "CAP LIST");
	client_expect(a, "* CAP ann LIST *");
	simnet_quiet(t->net);
	shadow(t, caps);
	client_send(b, "PRIVMSG #x :hello\r\nPRIVMSG ann :hi\r\nAWAY :gone\r\nSETNAME :Robert");
	simnet_quiet(t->net);
	client_send(a, "PRIVMSG #x :mine\r\nNICK anna\r\nAWAY :a\r\nMODE anna +i");
	client_expect(a, "* 306 *");
	client_send(o, "JOIN #x\r\nPRIVMSG anna :from cat\r\nNICK kate");
	simnet_quiet(t->net);
	client_send(b, "NICK bert\r\nPART #x :bye");
	simnet_quiet(t->net);
	ask(TWO, "tapper held");
	client_expect(a, "*:bert!* PART #x :bye");
	client_send(o, "PRIVMSG #x :one\r\nTOPIC #x :news\r\nPRIVMSG anna :two");
	simnet_quiet(t->net);
	client_send(b, "JOIN #x\r\nNOTICE anna :notice\r\nINVITE anna #y");
	simnet_quiet(t->net);
	same_as_shown(t, a);
	tree_ends_well(&t);
}

static void a_shadow_hears_its_own_deeds(void **state)
{
	struct simtree *t = two();
	struct simclient *a = simtree_enter(t, 0, "ann", "echo-message");

	(void)state;
	join(a, "#x");
	simnet_quiet(t->net);
	shadow(t, "echo-message");
	client_send(a, "PRIVMSG #x :mine\r\nNICK anna\r\nSETNAME :Anna\r\nPART #x");
	client_expect(a, "* PART *");
	simnet_quiet(t->net);
	{
		const char *held = ask(TWO, "tapper held");

		assert_non_null(strstr(held, "PRIVMSG #x :mine"));
		assert_non_null(strstr(held, "NICK :anna"));
		assert_non_null(strstr(held, "PART #x"));
	}
	tree_ends_well(&t);
}

static void a_shadow_hears_what_its_modes_ask_for(void **state)
{
	struct simtree *t = two();
	struct simclient *a = simtree_enter(t, 0, "ann", ""), *o = simtree_enter(t, 1, "root", "");

	(void)state;
	become_oper(TWO, o);
	client_send(a, "MODE ann +w");
	client_expect(a, "* MODE ann :+w");
	assert_true(simtree_level(t, 60 * GW_SECOND));
	shadow(t, "");
	client_send(o, "WALLOPS :hear");
	simnet_quiet(t->net);
	same_as_shown(t, a);
	tree_ends_well(&t);
}

static void a_shadow_wants_what_is_offered(void **state)
{
	struct simtree *t = two();

	(void)state;
	simtree_enter(t, 0, "ann", "");
	simnet_quiet(t->net);
	ask(ONE, "tapper send ann " S1);
	simnet_quiet(t->net);
	refused(TWO, "tapper shadow ann batch x-strange", -22);
	ask(TWO, "tapper shadow ann batch");
	refused(TWO, "tapper shadow ann batch", -22);
	refused(TWO, "tapper caps x-strange", -22);
	ask(TWO, "tapper caps batch echo-message");
	tree_ends_well(&t);
}

static void nothing_is_done_in_the_name_of_a_shadow(void **state)
{
	struct simtree *t = two();
	struct simclient *a = simtree_enter(t, 0, "ann", ""), *b = simtree_enter(t, 1, "bob", "");

	(void)state;
	simnet_quiet(t->net);
	shadow(t, "");
	client_send(b, "WHOIS ann");
	client_expect(b, "* 311 bob ann *");
	client_expect_none(b, "* 317 *");
	ask(TWO, "ban add 127.0.0.2 never no");
	assert_string_equal(ask(TWO, "tapper room"), "99999\n");
	client_send(b, "LUSERS");
	client_expect(b, "* 255 bob :I have 1 clients *");
	ask(TWO, "tapper unshadow");
	ask(ONE, "tapper end ann");
	client_send(b, "PRIVMSG ann :hello");
	client_expect(a, ":bob!* PRIVMSG ann :hello");
	simnet_quiet(t->net);
	assert_string_equal(ask(TWO, "tapper held"), "");
	tree_ends_well(&t);
}

static void a_split_ends_its_batch_while_it_is_told(void **state)
{
	struct simtree *t = two();
	struct simclient *a, *c;
	const char *held;

	(void)state;
	simtree_join(t, 1);
	assert_true(simtree_level(t, 60 * GW_SECOND));
	a = simtree_enter(t, 0, "ann", "batch");
	c = simtree_enter(t, 2, "cat", "");
	join(a, "#x");
	join(c, "#x");
	client_expect(a, ":cat!* JOIN #x");
	simnet_quiet(t->net);
	shadow(t, "batch");
	simtree_crash(t, 2);
	client_expect(a, "* BATCH -*");
	simnet_quiet(t->net);
	held = ask(TWO, "tapper held");
	assert_non_null(strstr(held, " BATCH +"));
	assert_non_null(strstr(held, " BATCH -"));
	assert_null(strstr(held, "(no event)"));
	assert_null(strstr(held, "(again)"));
	tree_ends_well(&t);
}

/* The whole way by hand; `first`: the shadow is freed before the newcomer adopts. */
static void whole_way(bool first, bool kill)
{
	struct simtree *t = two();
	struct simclient *a = simtree_enter(t, 0, "ann", "echo-message"),
			 *b = simtree_enter(t, 1, "root", ""), *n;

	become_oper(TWO, b);
	join(a, "#x");
	join(b, "#x");
	client_expect(a, ":root!* JOIN #x");
	ask(ONE, "tapper told");
	shadow(t, "echo-message");
	ask(ONE, "tapper tap ann");
	ask(ONE, "tapper divert ann");
	client_send(b, "PRIVMSG #x :held");
	simnet_quiet(t->net);
	if (kill)
		client_send(b, "KILL ann :enough");
	client_send(a, "PING left");
	simnet_quiet(t->net);
	client_expect_none(a, "*");
	n = simnet_client_at(TWO, "127.0.0.1:6667", "127.0.0.1");
	client_send(n, "TAPME");
	simnet_quiet(t->net);
	ask(TWO, "tapper offer nothing");
	ask(TWO, "tapper move ann");
	if (first)
		ask(TWO, "tapper unshadow");
	ask(TWO, "tapper adopt ann");
	if (!first)
		ask(TWO, "tapper unshadow");
	client_expect_exactly(a, "");
	client_expect_end(a);
	assert_string_equal(ask(ONE, "tapper told"), "ann [PING left]PING\nann gone\n");
	client_send(b, "PRIVMSG #x :direct");
	client_expect(n, ":root!* PRIVMSG #x :direct");
	ask(TWO, "tapper untap - kept");
	if (kill) {
		client_expect(n, ":root!* KILL ann :enough");
		client_expect(n, "ERROR * (Killed (root (enough)))");
		client_expect(b, ":ann!* QUIT :Killed *");
	} else {
		client_send(n, "PRIVMSG #x :here\r\nWHOIS ann ann");
		client_expect(b, ":ann!* PRIVMSG #x :here");
		client_expect(n, "* 312 ann ann " S1 " *");
		client_expect_none(b, "* QUIT *");
		client_expect_none(b, "* JOIN *");
	}
	assert_true(simtree_level(t, 60 * GW_SECOND));
	tree_ends_well(&t);
}

static void a_session_goes_from_server_to_server(void **state)
{
	(void)state;
	whole_way(true, false);
	whole_way(false, false);
}

static void an_order_to_close_it_goes_along(void **state)
{
	(void)state;
	whole_way(true, true);
	whole_way(false, true);
}

static void who_is_not_tapped_is_told_where_the_session_is(void **state)
{
	struct simtree *t = two();
	struct simclient *a = simtree_enter(t, 0, "ann", ""), *b = simtree_enter(t, 1, "bob", "");

	(void)state;
	join(a, "#x");
	join(b, "#x");
	shadow(t, "");
	ask(TWO, "tapper move ann");
	client_expect_next(a, ":bob!* JOIN #x");
	client_expect_next(a, "ERROR * (You are connected to " S1 ", too, *");
	client_expect_end(a);
	client_expect_none(b, "* QUIT *");
	tree_ends_well(&t);
}

static void a_shadow_ends_with_its_session(void **state)
{
	struct simtree *t = two();
	struct simclient *a = simtree_enter(t, 0, "ann", "");

	(void)state;
	shadow(t, "");
	client_send(a, "QUIT");
	client_expect_end(a);
	simnet_quiet(t->net);
	ask(TWO, "module reload client");
	ask(TWO, "module reload tapper");
	ask(TWO, "tapper unshadow");
	simtree_enter(t, 0, "bob", "");
	ask(ONE, "tapper send bob " S1);
	simnet_quiet(t->net);
	ask(TWO, "tapper shadow bob");
	ask(ONE, "tapper end bob");
	simnet_quiet(t->net);
	ask(TWO, "module reload client");
	ask(TWO, "tapper unshadow");
	tree_ends_well(&t);
}

static void a_ghost_elsewhere_is_asked_to_go(void **state)
{
	struct simtree *t = two();
	struct simclient *a = simtree_enter(t, 0, "ann", ""), *b;

	(void)state;
	client_send(a, "REGISTER * * correct-horse");
	client_expect(a, "* REGISTER SUCCESS *");
	assert_true(simtree_level(t, 60 * GW_SECOND));
	shadow(t, "");
	b = simnet_client_at(TWO, "127.0.0.1:6667", "127.0.0.1");
	client_send(b, "PASS ann:correct-horse\r\nNICK ann\r\nUSER ann 0 * :Ann");
	client_expect(a, "ERROR * (Killed *Ghost*");
	client_expect_end(a);
	tree_ends_well(&t);
}

/* An operator's rights are taken back while its session is on its way. */
static void rights_end_wherever_the_session_is(bool moves)
{
	struct simtree *t = two();
	struct simclient *a = simtree_enter(t, 0, "root", ""), *n;

	become_oper(ONE, a);
	client_send(a, "NICK ann");
	client_expect(a, "* NICK :ann");
	assert_true(simtree_level(t, 60 * GW_SECOND));
	ask(ONE, "tapper told");
	shadow(t, "");
	ask(ONE, "tapper tap ann");
	ask(ONE, "tapper divert ann");
	ask(ONE, "tapper moving ann on");
	ask(ONE, "oper remove root");
	assert_true(simtree_level(t, 60 * GW_SECOND));
	n = simnet_client_at(TWO, "127.0.0.1:6667", "127.0.0.1");
	client_send(n, "TAPME");
	simnet_quiet(t->net);
	if (moves) {
		ask(TWO, "tapper move ann");
		ask(TWO, "tapper adopt ann");
		ask(TWO, "tapper untap -");
	} else {
		ask(ONE, "tapper moving ann off");
		ask(ONE, "tapper undivert ann");
		ask(ONE, "tapper untap ann");
	}
	simnet_run(t->net, 30 * GW_SECOND);
	client_expect(moves ? n : a, "* MODE ann :-o");
	ask(TWO, "tapper unshadow");
	tree_ends_well(&t);
}

static void rights_that_were_taken_back_meanwhile_end(void **state)
{
	(void)state;
	rights_end_wherever_the_session_is(true);
	rights_end_wherever_the_session_is(false);
}

/* The account is dropped while the session is frozen: whoever has it in the end logs it out. */
static void whose_account_is_dropped_on_the_way_is_logged_out(void **state)
{
	struct simtree *t = two();
	struct simclient *a = simtree_enter(t, 0, "ann", ""), *n;

	(void)state;
	client_send(a, "REGISTER * * correct-horse");
	client_expect(a, "* 900 *");
	assert_true(simtree_level(t, 60 * GW_SECOND));
	shadow(t, "");
	ask(ONE, "tapper tap ann");
	ask(ONE, "tapper divert ann");
	ask(ONE, "tapper moving ann on");
	ask(ONE, "account drop ann");
	assert_true(simtree_level(t, 60 * GW_SECOND));
	n = simnet_client_at(TWO, "127.0.0.1:6667", "127.0.0.1");
	client_send(n, "TAPME");
	simnet_quiet(t->net);
	ask(TWO, "tapper move ann");
	ask(TWO, "tapper adopt ann");
	ask(TWO, "tapper untap -");
	client_expect(n, "* 901 *");
	tree_ends_well(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_go_to_the_tap_and_come_back_in_order),
		cmocka_unit_test(only_one_taps),
		cmocka_unit_test(a_tap_may_stop_and_go_on),
		cmocka_unit_test(who_taps_itself_hears_what_follows),
		cmocka_unit_test(what_waited_for_the_flood_limit_comes_first),
		cmocka_unit_test(what_was_given_back_goes_to_the_next_tap),
		cmocka_unit_test(what_waits_behind_the_tap_ends_with_the_connection),
		cmocka_unit_test(many_lines_are_executed_in_order_until_one_quits),
		cmocka_unit_test(a_client_in_any_state_is_tapped),
		cmocka_unit_test(what_is_held_goes_to_the_tap_and_the_answer_to_the_client),
		cmocka_unit_test(bad_lines_are_told_as_such),
		cmocka_unit_test(nobody_who_is_tapped_times_out),
		cmocka_unit_test(settled_waits_for_the_queue),
		cmocka_unit_test(output_goes_elsewhere_and_comes_back),
		cmocka_unit_test(a_kill_waits_until_the_output_is_back),
		cmocka_unit_test(a_ban_waits_too),
		cmocka_unit_test(the_end_of_the_server_does_not_wait),
		cmocka_unit_test(a_claim_on_the_nick_waits),
		cmocka_unit_test(a_logout_waits),
		cmocka_unit_test(a_connection_that_is_lost_asks_the_tap),
		cmocka_unit_test(a_session_may_stay_without_a_client),
		cmocka_unit_test(a_newcomer_gets_the_session_and_nobody_notices),
		cmocka_unit_test(who_may_not_adopt),
		cmocka_unit_test(what_is_offered_otherwise_is_told_behind_what_was_held),
		cmocka_unit_test(who_is_adopted_must_be_there),
		cmocka_unit_test(who_is_banned_here_is_closed_when_adopted),
		cmocka_unit_test(whose_account_is_gone_is_logged_out_when_adopted),
		cmocka_unit_test(reloads_change_nothing),
		cmocka_unit_test(the_end_of_the_tapping_module_closes_its_clients),
		cmocka_unit_test(the_end_of_the_module_leaves_nothing),
		cmocka_unit_test(the_end_of_who_diverts_closes_its_clients),
		cmocka_unit_test(debts_move_along),
		cmocka_unit_test(room_is_what_is_left),
		cmocka_unit_test(a_shadow_is_told_what_the_client_is_told),
		cmocka_unit_test(a_shadow_hears_its_own_deeds),
		cmocka_unit_test(a_shadow_hears_what_its_modes_ask_for),
		cmocka_unit_test(a_shadow_wants_what_is_offered),
		cmocka_unit_test(nothing_is_done_in_the_name_of_a_shadow),
		cmocka_unit_test(a_split_ends_its_batch_while_it_is_told),
		cmocka_unit_test(a_session_goes_from_server_to_server),
		cmocka_unit_test(an_order_to_close_it_goes_along),
		cmocka_unit_test(who_is_not_tapped_is_told_where_the_session_is),
		cmocka_unit_test(a_shadow_ends_with_its_session),
		cmocka_unit_test(a_ghost_elsewhere_is_asked_to_go),
		cmocka_unit_test(rights_that_were_taken_back_meanwhile_end),
		cmocka_unit_test(whose_account_is_dropped_on_the_way_is_logged_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
