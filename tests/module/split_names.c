/*
 * Names and what is stored, on two servers: registered on both sides of a split, changed on the
 * other one, answered with or without a second copy.
 */
#include "tests/module/talk.h"
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>
#include <string.h>

#define ONE ":s0.example.net "
#define TWO ":s1.example.net "
#define MODULES                                                                                    \
	"[store_fake, services, network, link, burst, client, account, channel, message, query, "  \
	"monitor, oper, guest]"

static struct simtree *two(const char *yaml)
{
	struct simtree *t = simtree_new(1, yaml, MODULES);

	simtree_join(t, 0);
	assert_true(simtree_level(t, 60 * GW_SECOND));
	return t;
}

static void healed(struct simtree *t)
{
	simtree_heal(t);
	if (!simtree_level(t, 120 * GW_SECOND))
		fail_msg("%s", t->why);
	simnet_run(t->net, 10 * GW_SECOND);
}

static void apart(struct simtree *t)
{
	simtree_cut(t, 0, 1);
	simnet_run(t->net, 2 * GW_SECOND);
}

static void admin(struct simtree *t, unsigned node, const char *line)
{
	int status;
	const char *answer = simserver_admin(t->nodes[node].server, &status, "%s", line);

	if (status != 0)
		fail_msg("%s: %s", line, answer);
}

static struct simclient *registered(struct simtree *t, unsigned node, const char *nick)
{
	struct simclient *c = simtree_enter(t, node, nick, "standard-replies");

	client_send(c, "REGISTER * * secret-%u", node);
	client_expect(c, "* REGISTER SUCCESS *");
	client_expect(c, "* 900 *");
	return c;
}

static struct simclient *logged_in(struct simtree *t, unsigned node, const char *nick,
                                   const char *pass)
{
	struct simclient *c = simnet_client(t->nodes[node].server, "127.0.0.1", false);

	client_send(c, "PASS %s\r\nNICK %s\r\nUSER u 0 * :u", pass, nick);
	client_expect(c, "* 001 *");
	return c;
}

static void word_behind(const char *line, const char *before, char out[64])
{
	const char *at = strstr(line, before);

	assert_non_null(at);
	at += strlen(before);
	snprintf(out, 64, "%.*s", (int)strcspn(at, " .;"), at);
}

/* --- conflicts --- */

static void of_two_accounts_of_one_name_the_earlier_keeps_it(void **state)
{
	struct simtree *t = two("");
	struct simclient *first, *second, *c;
	char shown[64];

	(void)state;
	apart(t);
	first = registered(t, 0, "ann");
	client_expect(first, "* 396 *");
	simnet_run(t->net, 2 * GW_SECOND);
	second = registered(t, 1, "ann");
	client_expect(second, "* 396 *");
	healed(t);
	client_expect_none(first, "* NICK *");
	client_expect_none(first, "* 900 *");
	word_behind(client_expect(second, ":ann!* NICK *"), " NICK :", shown);
	client_expect(second, TWO "NOTICE ann~????? :The nick ann *");
	word_behind(client_expect(second, TWO "900 * ann~????? :*"), " as ", shown);
	client_expect(second, TWO "NOTE ACCOUNT NAME_WAITS :*");
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(sim_count(simserver_log(t->nodes[i].server), "two accounts claim"),
		                 1);
	c = logged_in(t, 0, "other", "ann:secret-0");
	client_send(c, "ACCOUNT INFO");
	client_expect(c, "*:Account ann, registered *");
	for (unsigned i = 0; i < 2; i++) {
		char pass[80];

		snprintf(pass, sizeof(pass), "%s:secret-1", shown);
		c = logged_in(t, i, i == 0 ? "other2" : "other3", pass);
		client_send(c, "ACCOUNT INFO");
		client_expect(c, "*:Account ann~?????, registered *");
	}
	simtree_end(&t);
}

static void guests_make_room_for_an_account_of_the_other_side(void **state)
{
	struct simtree *t = two("");
	struct simclient *guest, *ann;

	(void)state;
	apart(t);
	guest = simtree_enter(t, 0, "ann", "");
	simnet_run(t->net, 2 * GW_SECOND);
	ann = registered(t, 1, "ann");
	client_expect(ann, "* 396 *");
	healed(t);
	client_expect(guest, ":ann!* NICK :ann~?????");
	client_expect(guest, ONE "NOTICE ann~????? :The nick ann *");
	client_expect_none(ann, "* NICK *");
	simtree_end(&t);
}

static void of_two_registrations_of_a_channel_the_earlier_has_it(void **state)
{
	struct simtree *t = two("");
	struct simclient *ann = registered(t, 0, "ann"), *bob = registered(t, 1, "bob");
	char shown[64];

	(void)state;
	apart(t);
	client_send(ann, "JOIN #c\r\nCHANNEL REGISTER #c\r\nTOPIC #c :of ann");
	client_expect(ann, ONE "NOTE CHANNEL REGISTERED *");
	client_expect(ann, ONE "NOTE CHANNEL PROVISIONAL #c :*: s1.example.net");
	client_expect(ann, "* TOPIC *");
	simnet_run(t->net, 2 * GW_SECOND);
	client_send(bob, "JOIN #c\r\nCHANNEL REGISTER #c\r\nMODE #c +m\r\nTOPIC #c :of bob");
	client_expect(bob, TWO "NOTE CHANNEL REGISTERED *");
	client_expect(bob, "* TOPIC *");
	healed(t);
	word_behind(client_expect(bob, TWO "NOTICE bob :Somebody registered #c *"), " modes as ",
	            shown);
	client_send(bob, "NAMES #c\r\nTOPIC #c");
	client_expect(bob, "* 353 bob = #c :*");
	client_expect(bob, "* 332 bob #c :of ann");
	client_send(ann, "MODE #c\r\nNAMES #c");
	client_expect(ann, "* 324 ann #c +nt*");
	client_expect(ann, "* 353 ann = #c :*~ann*");
	for (unsigned i = 0; i < 2; i++) {
		struct simclient *c = i == 0 ? ann : bob;

		client_send(c, "CHANNEL INFO #c\r\nCHANNEL INFO %s", shown);
		client_expect(c, "* NOTE CHANNEL INFO #c :founder ann,*");
		client_expect(c, "* NOTE CHANNEL INFO #c~????? :founder bob,*");
	}
	client_send(bob, "CHANNEL DROP %s", shown);
	client_expect(bob, "* NOTE CHANNEL DROPPED *");
	simtree_end(&t);
}

/* --- what was done on the other server --- */

static void what_was_done_there_is_carried_out_here(void **state)
{
	struct simtree *t = two("");
	struct simclient *ann = registered(t, 0, "ann"), *eve = registered(t, 0, "eve"), *c;

	(void)state;
	simnet_run(t->net, 2 * GW_SECOND);
	admin(t, 1, "oper add ann");
	simnet_run(t->net, 2 * GW_SECOND);
	client_send(ann, "OPER ann x");
	client_expect(ann, "* 381 *");
	admin(t, 1, "oper remove ann");
	client_expect(ann, "* MODE ann :-o");
	admin(t, 1, "account password ann secret-9");
	simnet_run(t->net, 2 * GW_SECOND);
	c = logged_in(t, 0, "annie", "ann:secret-9");
	client_send(c, "JOIN #c\r\nCHANNEL REGISTER #c");
	client_expect(c, "* NOTICE annie :The channel is registered*");
	admin(t, 1, "account drop ann");
	client_expect(ann, "* 901 *");
	client_expect(c, "* 901 *");
	admin(t, 1, "ban add eve never for a test");
	client_expect(eve, "ERROR *for a test*");
	client_expect_end(eve);
	simtree_end(&t);
}

static void a_channel_dropped_there_is_registered_no_more_here(void **state)
{
	struct simtree *t = two("");
	struct simclient *ann = registered(t, 0, "ann"), *far;

	(void)state;
	client_send(ann, "JOIN #c\r\nCHANNEL REGISTER #c\r\nCHANNEL ACCESS #c ADD ann o");
	client_expect(ann, "* NOTE CHANNEL ACCESS_CHANGED *");
	simnet_run(t->net, 2 * GW_SECOND);
	far = logged_in(t, 1, "far", "ann:secret-0");
	client_send(far, "CHANNEL INFO #c");
	client_expect(far, "* NOTICE far :founder ann, *");
	client_send(far, "CHANNEL DROP #c");
	client_expect(far, "*no longer registered*");
	simnet_run(t->net, 2 * GW_SECOND);
	client_send(ann, "CHANNEL INFO #c");
	client_expect(ann, "* FAIL CHANNEL NOT_REGISTERED *");
	assert_true(simtree_level(t, 30 * GW_SECOND));
	simtree_end(&t);
}

/* --- second copies, and names while split --- */

static void an_answer_says_when_only_this_server_has_it(void **state)
{
	struct simtree *t = two("");
	struct simclient *ann = registered(t, 0, "ann");
	int64_t begun;

	(void)state;
	client_expect_none(ann, "*STORED_HERE_ONLY*");
	client_expect_none(ann, "*PROVISIONAL*");
	apart(t);
	client_send(ann, "ACCOUNT PASSWORD secret-0 secret-5");
	client_expect(ann, ONE "NOTE ACCOUNT PASSWORD_CHANGED *");
	client_expect(ann, ONE "NOTE ACCOUNT STORED_HERE_ONLY *");
	client_send(ann, "ACCOUNT NICK ADD ally");
	client_expect(ann, ONE "NOTE ACCOUNT PROVISIONAL :*: s1.example.net");
	healed(t);
	simnet_stall(t->net, simserver_host(t->nodes[0].server),
	             simserver_host(t->nodes[1].server));
	begun = simnet_now(t->net);
	client_send(ann, "ACCOUNT PASSWORD secret-5 secret-6");
	client_expect(ann, ONE "NOTE ACCOUNT PASSWORD_CHANGED *");
	assert_true(simnet_now(t->net) - begun >= 2 * GW_SECOND);
	client_expect(ann, ONE "NOTE ACCOUNT STORED_HERE_ONLY *");
	simtree_end(&t);
}

static void ask_for_majority(struct simtree *t, unsigned node)
{
	static const char usual[] = "account: {", option[] = "register-while-split: majority, ";
	const char *at = strstr(t->nodes[node].yaml, usual);
	char *yaml;

	assert_non_null(at);
	at += strlen(usual);
	assert_true(asprintf(&yaml, "%.*s%s%s", (int)(at - t->nodes[node].yaml),
	                     t->nodes[node].yaml, option, at) > 0);
	simserver_config(t->nodes[node].server, yaml);
	free(yaml);
	admin(t, node, "rehash");
}

static void a_name_is_settled_when_all_have_confirmed_it(void **state)
{
	struct simtree *t = two("");
	struct simclient *ann;

	(void)state;
	apart(t);
	ann = registered(t, 0, "ann");
	client_send(ann, "ACCOUNT INFO");
	client_expect(ann, ONE "NOTE ACCOUNT INFO :Not yet confirmed by: s1.example.net");
	healed(t);
	simnet_run(t->net, 90 * GW_SECOND);
	client_send(ann, "PING x\r\nACCOUNT INFO");
	client_expect(ann, "*PONG * :x");
	client_expect(ann, ONE "NOTE ACCOUNT INFO :Certificates*");
	client_expect_none(ann, "*Not yet confirmed*");
	simtree_end(&t);
}

static void a_minority_registers_nothing_where_a_majority_is_asked_for(void **state)
{
	struct simtree *t = simtree_new(1, "", MODULES);
	struct simclient *ann, *bob;

	(void)state;
	simtree_join(t, 0);
	simtree_join(t, 0);
	assert_true(simtree_level(t, 60 * GW_SECOND));
	for (unsigned i = 0; i < 3; i++)
		ask_for_majority(t, i);
	simtree_cut(t, 0, 1);
	simtree_cut(t, 1, 2);
	simnet_run(t->net, 30 * GW_SECOND);
	bob = simtree_enter(t, 1, "bob", "standard-replies");
	client_send(bob, "REGISTER * * secret-1");
	client_expect(bob, TWO "FAIL REGISTER TEMPORARILY_UNAVAILABLE bob :Too little of the "
	                       "network *: s0.example.net, s2.example.net");
	client_send(bob, "JOIN #c");
	client_expect(bob, "* 366 *");
	ann = registered(t, 0, "ann");
	client_send(ann, "JOIN #d\r\nCHANNEL REGISTER #d");
	client_expect(ann, ONE "NOTE CHANNEL REGISTERED *");
	simtree_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_accounts_of_one_name_the_earlier_keeps_it),
		cmocka_unit_test(guests_make_room_for_an_account_of_the_other_side),
		cmocka_unit_test(of_two_registrations_of_a_channel_the_earlier_has_it),
		cmocka_unit_test(what_was_done_there_is_carried_out_here),
		cmocka_unit_test(a_channel_dropped_there_is_registered_no_more_here),
		cmocka_unit_test(an_answer_says_when_only_this_server_has_it),
		cmocka_unit_test(a_name_is_settled_when_all_have_confirmed_it),
		cmocka_unit_test(a_minority_registers_nothing_where_a_majority_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
