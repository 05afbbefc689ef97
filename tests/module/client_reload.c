/*
 * The module's code is replaced while clients are in every state they can be in: none of them can
 * tell.
 */
#include "core/registry.h"
#include "tests/module/talk.h"
#include "tests/unit/cmocka.h"
#include <godwit/client.h>
#include <godwit/loop.h>
#include <stdlib.h>

#define NAME ":sim1.example.net "

static void change(struct simserver *s, const char *what)
{
	int status;

	simserver_admin(s, &status, "module %s", what);
	assert_int_equal(status, 0);
}

static void reload(struct simserver *s, const char *module)
{
	char what[64];

	snprintf(what, sizeof(what), "reload %s", module);
	change(s, what);
}

static void no_stale_pointers(struct simserver *s)
{
	assert_null(strstr(simserver_log(s), "stale"));
	assert_null(strstr(simserver_log(s), " error "));
}

static void conversations_go_on(void **state)
{
	static const char *const modules[] = {"client", "network",  "message", "channel",
	                                      "client", "services", "query"};
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", "");
	char want[80];

	(void)state;
	client_send(a, "JOIN #x");
	client_send(b, "JOIN #x");
	client_expect(b, "* 366 *");
	client_expect(a, ":bob!* JOIN #x");
	for (int i = 0; i < 70; i++) {
		client_send(a, "PRIVMSG #x :line %d.", i);
		if (i % 10 == 5)
			reload(s, modules[i / 10]);
	}
	for (int i = 0; i < 70; i++) {
		snprintf(want, sizeof(want), ":ann!ann@* PRIVMSG #x :line %d.", i);
		client_expect_next(b, want);
	}
	client_expect_exactly(a, "");
	client_expect_exactly(b, "");
	no_stale_pointers(s);
	simnet_end(&net);
}

static void a_negotiation_goes_on(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *c = simnet_client(s, "127.0.0.1", false);

	(void)state;
	client_send(c, "CAP REQ :echo-message batch\r\nNICK ann");
	client_expect(c, "* ACK :echo-message batch");
	reload(s, "client");
	client_send(c, "CAP LIST");
	client_expect_exactly(c, NAME "CAP ann LIST :batch echo-message");
	client_send(c, "USER ann 0 * :Ann");
	reload(s, "client");
	client_expect_none(c, "* 001 *");
	client_send(c, "CAP END");
	client_expect(c, "* 001 ann *");
	no_stale_pointers(s);
	simnet_end(&net);
}

/* The claim is read slowly: a client waits for it, with its label open, while the code is replaced.
 */
static void an_answer_that_is_awaited_comes(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *a = talk_enter(s, "ann", ""),
			 *b = talk_enter(s, "bob", "batch labeled-response");
	struct simclient *c;

	(void)state;
	client_send(a, "REGISTER * * correct-horse");
	client_expect(a, "* REGISTER SUCCESS *");
	client_send(a, "QUIT");
	client_expect_end(a);
	reload(s, "services");
	simnet_faults(net)->work_min_ns = simnet_faults(net)->work_max_ns = 3 * GW_SECOND;
	c = simnet_client(s, "127.0.0.1", false);
	client_send(c, "NICK ann\r\nUSER ann 0 * :Ann\r\nPING behind");
	client_send(b, "@label=n NICK ann\r\n@label=p PING behind");
	client_expect_none(b, "*");
	client_expect_none(c, "*");
	reload(s, "client");
	client_expect_next(b, "@label=n " NAME "433 bob ann :Nickname is already in use");
	client_expect_next(b, "@label=p " NAME "PONG sim1.example.net :behind");
	client_expect_next(c, NAME "433 * ann :Nickname is already in use");
	client_expect_next(c, NAME "PONG sim1.example.net :behind");
	no_stale_pointers(s);
	simnet_end(&net);
}

static void the_throttled_stay_so_and_go_on(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s =
		simnet_server(net, TALK_OPEN "client: {flood-rate: 10, flood-burst: 20}\n");
	struct simclient *c = talk_enter(s, "ann", "");
	const char *const *lines;
	size_t n;

	(void)state;
	simnet_run(net, 10 * GW_SECOND);
	for (int i = 0; i < 100; i++)
		client_send(c, "PING %d", i);
	simnet_run(net, GW_SECOND);
	for (int i = 0; i < 4; i++) {
		reload(s, "client");
		simnet_run(net, GW_SECOND);
	}
	n = client_lines(c, &lines);
	assert_null(strstr(lines[n - 1], ":99"));
	client_expect(c, "* PONG * :99");
	no_stale_pointers(s);
	simnet_end(&net);
}

static void time_outs_go_on(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_CLOSED "client: {login-timeout: 30s}\n");
	struct simclient *c = simnet_client(s, "127.0.0.1", false);

	(void)state;
	simnet_run(net, 20 * GW_SECOND);
	reload(s, "client");
	assert_false(client_ended(c));
	simnet_run(net, 12 * GW_SECOND);
	client_expect(c, "ERROR :Closing Link: 127.0.0.1 (You did not log in in time)");
	simnet_end(&net);
}

static void other_limits_hold_after_a_rehash(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *a = talk_enter(s, "ann", "");
	int status;

	(void)state;
	simserver_config(s, TALK_OPEN "client: {flood-rate: 1, flood-burst: 2}\n");
	simserver_admin(s, &status, "rehash");
	assert_int_equal(status, 0);
	for (int i = 0; i < 10; i++)
		client_send(a, "PING %d", i);
	simnet_run(net, 2 * GW_SECOND);
	client_expect(a, "* PONG * :2");
	client_expect_none(a, "* PONG * :8");
	simserver_config(s, TALK_OPEN TALK_FREE);
	simserver_admin(s, &status, "rehash");
	assert_int_equal(status, 0);
	client_expect(a, "* PONG * :9");
	simnet_end(&net);
}

static void memory_is_all_given_back(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *a =
		talk_enter(s, "ann", "batch labeled-response message-tags server-time");
	int status;

	(void)state;
	client_send(a, "@label=x JOIN #x\r\n@+a=b PRIVMSG #x :hello");
	talk_enter(s, "bob", "");
	simnet_client(s, "127.0.0.1", false);
	simnet_quiet(net);
	simserver_admin(s, &status, "module unload client --cascade");
	assert_int_equal(status, 0);
	client_expect(a, "*ERROR :Closing Link: 127.0.0.1 (This server no longer takes clients)");
	client_expect_end(a);
	assert_null(strstr(simserver_log(s), "left behind"));
	assert_null(strstr(simserver_log(s), " warn "));
	no_stale_pointers(s);
	simnet_end(&net);
}

/* The channel's record is read slowly: the module that waits for it is unloaded before it comes. */
static void nobody_is_held_for_a_module_that_is_unloaded(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *a = talk_enter(s, "ann", "batch labeled-response");
	int status;

	(void)state;
	client_send(a, "REGISTER * * correct-horse\r\nJOIN #x\r\nCHANNEL REGISTER #x");
	client_expect(a, "* NOTICE ann :The channel is registered to your account");
	client_send(a, "PART #x");
	simserver_restart(s, NULL);
	a = talk_enter(s, "bob", "batch labeled-response");
	simnet_faults(net)->work_min_ns = simnet_faults(net)->work_max_ns = 3 * GW_SECOND;
	client_send(a, "@label=j JOIN #x\r\nPING behind");
	client_expect_none(a, "*");
	simserver_admin(s, &status, "module unload channel --cascade");
	assert_int_equal(status, 0);
	client_expect(a, "@label=j " NAME "ACK");
	client_expect(a, NAME "PONG sim1.example.net :behind");
	simnet_end(&net);
}

/* A long list waits for its reader; who would go on with it is unloaded. */
static void a_long_list_ends_with_its_module(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s =
		simnet_server(net, TALK_OPEN "client: {exempt: [\"127.0.0.0/8\"], sendq: 32k}\n"
	                                     "channel: {max-channels: 1000}\n");
	struct simclient *a = talk_enter(s, "ann", "");
	int status;

	(void)state;
	for (int i = 0; i < 600; i++) {
		client_send(a, "JOIN #c%d", i);
		if (i % 50 == 0)
			simnet_quiet(net);
	}
	client_send(a, "LIST C<9223372036854775807,T>-1");
	client_expect(a, "* 323 *");
	simnet_faults(net)->window = 1024;
	simpipe_block(client_pipe(a), true);
	client_send(a, "LIST\r\nPING behind");
	simnet_quiet(net);
	simserver_admin(s, &status, "module unload channel --cascade");
	assert_int_equal(status, 0);
	simnet_quiet(net);
	simpipe_block(client_pipe(a), false);
	client_expect(a, NAME "PONG sim1.example.net :behind");
	no_stale_pointers(s);
	simnet_end(&net);
}

/* Of all that it has heard, the last lines. */
static void expect_last(struct simclient *c, const char *const *globs, size_t n)
{
	const char *const *lines;
	size_t have = client_lines(c, &lines);

	for (size_t i = 0; i < n; i++)
		if (have < n || !sim_glob(globs[i], lines[have - n + i]))
			fail_msg("line %zu of %zu is \"%s\"", i, n, lines[have - n + i]);
}

/* More people than are told of a change in one turn; each hears of every change, in order. */
static void a_crowd_is_told_in_parts(void **state)
{
	enum { CROWD = 350 };
	static const char *const told[] = {
		NAME "PONG * :in",
		NAME "CAP * DEL :extended-monitor",
		NAME "005 * -MONITOR :are supported by this server",
		NAME "CAP * NEW :extended-monitor",
		NAME "005 * MONITOR=100 :are supported by this server",
	};
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(
		net, "modules: [store, services, network, client, account, channel, message, "
		     "query, monitor, guest]\n" TALK_FREE);
	struct simclient *crowd[CROWD], *late;
	char nick[16];

	(void)state;
	for (int i = 0; i < CROWD; i++) {
		snprintf(nick, sizeof(nick), "p%d", i);
		crowd[i] = talk_enter(s, nick, "cap-notify");
	}
	change(s, "unload monitor");
	client_close(crowd[CROWD - 1]);
	client_send(crowd[200], "QUIT");
	change(s, "reload client");
	expect_last(crowd[CROWD - 2], told, 1); /* nothing yet */
	change(s, "load monitor");
	late = talk_enter(s, "late", "cap-notify");
	simnet_quiet(net);
	for (int i = 0; i < CROWD - 1; i++)
		if (i != 200)
			expect_last(crowd[i], told, sizeof(told) / sizeof(told[0]));
	expect_last(late, told, 1);
	no_stale_pointers(s);
	simnet_end(&net);
}

/* More people than are told of a change in one turn. */
static struct simserver *crowded(struct simnet *net, const char *yaml, struct simclient **crowd,
                                 int n)
{
	struct simserver *s = simnet_server(net, yaml);
	char nick[16];

	for (int i = 0; i < n; i++) {
		snprintf(nick, sizeof(nick), "p%d", i);
		crowd[i] = simnet_client(s, "127.0.0.1", false);
		client_send(crowd[i],
		            "CAP LS 302\r\nNICK %s\r\nUSER a 0 * :a\r\nCAP END\r\nPING in", nick);
		client_expect(crowd[i], "*PONG sim* :in");
	}
	return s;
}

/* What a server is told of a client that moves there: what it has heard of, not what it will. */
static void one_who_moves_knows_what_it_was_told(void **state)
{
	enum { CROWD = 150 };
	struct simnet *net = simnet_new(1);
	struct simclient *crowd[CROWD];
	struct simserver *s =
		crowded(net, TALK_MODULES ", monitor, guest]\n" TALK_FREE, crowd, CROWD);
	const struct gw_iface *client = &iface_get(simserver_server(s), "client")->handle;
	const struct gw_client_ops *ops = client->ops;
	const struct gw_client *c = ops->next(client->impl, NULL);
	struct gw_client_carry first, last;

	(void)state;
	change(s, "unload monitor");
	change(s, "reload client");
	ops = client->ops;
	ops->carry(client->impl, c, &first);
	for (int i = 1; i < CROWD; i++)
		c = ops->next(client->impl, c);
	ops->carry(client->impl, c, &last);
	assert_null(strstr(first.offered, "extended-monitor"));
	assert_non_null(strstr(last.offered, "extended-monitor"));
	assert_true(first.tokens != 0);
	assert_true(last.tokens == 0);
	simnet_quiet(net);
	ops->carry(client->impl, c, &last);
	assert_null(strstr(last.offered, "extended-monitor"));
	assert_true(first.tokens == last.tokens);
	simnet_end(&net);
}

/* All who are left to be told go in one turn, and in the same something else changes. */
static void those_who_are_left_to_be_told_may_go(void **state)
{
	enum { CROWD = 150, FIRST = 100 };
	struct simnet *net = simnet_new(1);
	struct simclient *crowd[CROWD];
	struct simserver *s =
		crowded(net, TALK_MODULES ", monitor, guest, oper]\n" TALK_FREE, crowd, CROWD);

	(void)state;
	change(s, "unload monitor");
	for (int i = FIRST; i < CROWD; i++)
		simserver_ask(s, "session kick p%d", i);
	change(s, "load monitor");
	simnet_quiet(net);
	change(s, "unload client --cascade");
	assert_null(strstr(simserver_log(s), "left behind"));
	no_stale_pointers(s);
	simnet_end(&net);
}

/* The last hear of a capability with a value that is already another than the first have heard. */
static void a_value_is_told_to_all(void **state)
{
#define VALUED "modules: [store, services, network, client, guest"
	enum { CROWD = 350 };
	struct simnet *net = simnet_new(1);
	struct simclient *crowd[CROWD];
	struct simserver *s = crowded(net, VALUED "]\n" TALK_FREE, crowd, CROWD);
	int status;

	(void)state;
	change(s, "load account");
	change(s, "reload client");
	simserver_config(s, VALUED ", account]\n" TALK_FREE "account: {email-required: yes}\n");
	simserver_admin(s, &status, "rehash");
	assert_int_equal(status, 0);
	for (int i = 0; i < CROWD; i++)
		client_expect(crowd[i],
		              NAME "CAP * NEW :*draft/account-registration=*email-required*");
	simnet_end(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations_go_on),
		cmocka_unit_test(a_negotiation_goes_on),
		cmocka_unit_test(an_answer_that_is_awaited_comes),
		cmocka_unit_test(the_throttled_stay_so_and_go_on),
		cmocka_unit_test(time_outs_go_on),
		cmocka_unit_test(other_limits_hold_after_a_rehash),
		cmocka_unit_test(memory_is_all_given_back),
		cmocka_unit_test(nobody_is_held_for_a_module_that_is_unloaded),
		cmocka_unit_test(a_long_list_ends_with_its_module),
		cmocka_unit_test(a_crowd_is_told_in_parts),
		cmocka_unit_test(one_who_moves_knows_what_it_was_told),
		cmocka_unit_test(those_who_are_left_to_be_told_may_go),
		cmocka_unit_test(a_value_is_told_to_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
