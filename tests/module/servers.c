/*
 * tests/module/servers.c - what clients see of a network of several servers: splits and joins, the
 * tree, people and orders on other servers.
 */
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>
#include <string.h>

static struct simtree *two(void)
{
	struct simtree *t = simtree_new(5, "description: A server of the test\n",
	                                "[store_fake, services, network, link, burst, client, "
	                                "account, channel, message, query, monitor, oper, guest]");

	assert_int_equal(simtree_join(t, 0), 1);
	assert_true(simtree_level(t, 60 * GW_SECOND));
	return t;
}

static void split(struct simtree *t)
{
	simtree_cut(t, 0, 1);
	simnet_run(t->net, 40 * GW_SECOND);
}

static void mend(struct simtree *t)
{
	simtree_heal(t);
	assert_true(simtree_level(t, 200 * GW_SECOND));
}

/* Ann has batches, Pat has none of all that; Bob and Cid are on the other server. */
static void who_leaves_and_comes_with_a_server_does_so_in_a_batch(void **state)
{
	struct simtree *t = two();
	struct simclient *ann = simtree_enter(t, 0, "ann", "batch extended-join"),
			 *pat = simtree_enter(t, 0, "pat", ""),
			 *bob = simtree_enter(t, 1, "bob", ""),
			 *cid = simtree_enter(t, 1, "cid", "");
	char name[32], line[100];
	const char *begin;

	(void)state;
	client_send(ann, "JOIN #c");
	client_expect(ann, "* 366 *");
	client_send(bob, "JOIN #c\r\nJOIN #d\r\nAWAY :out");
	client_expect(bob, "* 306 *");
	client_send(cid, "JOIN #c");
	client_expect(cid, "* 366 *");
	client_send(pat, "JOIN #c");
	client_expect(pat, "* 366 *");
	client_expect(ann, ":pat!*");
	split(t);
	begin = client_expect(ann,
	                      ":s0.example.net BATCH +* netsplit s0.example.net s1.example.net");
	assert_int_equal(sscanf(begin, ":s0.example.net BATCH +%31s", name), 1);
	snprintf(line, sizeof(line), "@batch=%s :bob!* QUIT :s0.example.net s1.example.net", name);
	client_expect_next(ann, line);
	snprintf(line, sizeof(line), "@batch=%s :cid!* QUIT :s0.example.net s1.example.net", name);
	client_expect_next(ann, line);
	snprintf(line, sizeof(line), ":s0.example.net BATCH -%s", name);
	client_expect_next(ann, line);
	client_expect(pat, ":bob!* QUIT :s0.example.net s1.example.net");
	client_expect_next(pat, ":cid!* QUIT :s0.example.net s1.example.net");
	client_expect(bob, ":ann!* QUIT :s1.example.net s0.example.net");
	mend(t);
	begin = client_expect(ann,
	                      ":s0.example.net BATCH +* netjoin s0.example.net s1.example.net");
	assert_int_equal(sscanf(begin, ":s0.example.net BATCH +%31s", name), 1);
	snprintf(line, sizeof(line), "@batch=%s :bob!* JOIN #c * :*", name);
	client_expect_next(ann, line);
	snprintf(line, sizeof(line), "@batch=%s :cid!* JOIN #c * :*", name);
	client_expect_next(ann, line);
	snprintf(line, sizeof(line), ":s0.example.net BATCH -%s", name);
	client_expect_next(ann, line);
	client_expect(pat, ":bob!* JOIN #c");
	client_expect_next(pat, ":cid!* JOIN #c");
	client_expect(bob, ":ann!* JOIN #c");
	client_expect(bob, "* MODE #c +o ann");
	simtree_end(&t);
}

static void nicks_that_are_watched_go_and_come_with_their_server(void **state)
{
	struct simtree *t = two();
	struct simclient *ann = simtree_enter(t, 0, "ann", "");

	(void)state;
	simtree_enter(t, 1, "bob", "");
	client_send(ann, "MONITOR + bob");
	client_expect(ann, "* 730 ann :bob!*");
	split(t);
	client_expect(ann, "* 731 ann :bob");
	client_expect_none(ann, "*QUIT*");
	mend(t);
	client_expect(ann, "* 730 ann :bob!*");
	simtree_end(&t);
}

static void a_channel_of_both_sides_becomes_the_older_one(void **state)
{
	struct simtree *t = two();
	struct simclient *ann = simtree_enter(t, 0, "ann", ""),
			 *bob = simtree_enter(t, 1, "bob", "");

	(void)state;
	split(t);
	client_send(ann, "JOIN #c\r\nTOPIC #c :first\r\nMODE #c +k sesame");
	client_expect(ann, "* MODE #c +k *");
	simnet_run(t->net, 2 * GW_SECOND);
	client_send(bob, "JOIN #c\r\nTOPIC #c :second\r\nMODE #c +m");
	client_expect(bob, "* MODE #c +m*");
	mend(t);
	client_expect(bob, "* MODE #c -*m*");
	client_expect(bob, "* TOPIC #c :first");
	client_send(bob, "NAMES #c\r\nTOPIC #c");
	client_expect(bob, "* 353 * #c :*@ann*");
	client_expect(bob, "* 332 * :first");
	client_expect(ann, "*bob!* JOIN #c");
	client_expect_none(ann, "*TOPIC*");
	simtree_end(&t);
}

static void servers_can_be_asked_for(void **state)
{
	struct simtree *t = two();
	struct simclient *ann = simtree_enter(t, 0, "ann", ""),
			 *bob = simtree_enter(t, 1, "bob", "");

	(void)state;
	client_send(ann, "WHOIS bob");
	client_expect(ann, "* 312 ann bob s1.example.net :A server of the test");
	client_expect(ann, "* 318 *");
	client_send(ann, "WHOIS s1.example.net bob");
	client_expect_next(ann, "* 311 ann bob *");
	client_expect(ann, "* 318 *");
	client_send(ann, "WHO bob");
	client_expect(ann, "* 352 ann * s1.example.net bob *");
	client_expect(ann, "* 315 *");
	client_send(ann, "LINKS");
	client_expect_next(ann, "* 364 ann s0.example.net s0.example.net :0 A server of the test");
	client_expect_next(ann, "* 364 ann s1.example.net s0.example.net :1 A server of the test");
	client_expect_next(ann, "* 365 ann * :End of /LINKS list");
	client_send(ann, "MAP");
	client_expect_next(ann, "* 006 ann :s0.example.net -*| Users:     1 ( 50.0%)");
	client_expect_next(ann, "* 006 ann :`- s1.example.net -*| Users:     1 ( 50.0%)");
	client_expect_next(ann, "* 007 ann :End of /MAP");
	client_send(ann, "LUSERS");
	client_expect_next(ann, "* 251 ann :There are 2 users and 0 invisible on 2 servers");
	client_expect(ann, "* 255 ann :I have 1 clients and 1 servers");
	client_expect(ann, "* 265 ann 1 * :Current local users 1,*");
	client_expect(ann, "* 266 ann 2 * :Current global users 2,*");
	client_send(ann, "USERHOST bob");
	client_expect_next(ann, "* 302 ann :bob=+*");
	client_send(ann, "VERSION s1.*");
	client_expect_next(ann, "* 351 ann godwit s1.example.net :A server of the test");
	client_send(ann, "TIME s1.example.net");
	client_expect_next(ann, "* 391 ann s1.example.net :*");
	client_send(ann, "ADMIN bob");
	client_expect_next(ann, "* 423 ann s1.example.net :*");
	client_send(ann, "MOTD s1.example.net");
	client_expect_next(ann, "* 422 ann :*s1.example.net*");
	for (const char *const *c = (const char *const[]){"VERSION", "TIME", "ADMIN", "INFO",
	                                                  "MOTD", "STATS u", NULL};
	     *c != NULL; c++) {
		client_send(ann, "%s nowhere.example", *c);
		client_expect_next(ann, "* 402 ann nowhere.example :No such server");
	}
	client_send(ann, "WHOIS nowhere.example bob");
	client_expect_next(ann, "* 402 ann nowhere.example :No such server");
	client_send(ann, "WHOIS ghost ghost");
	client_expect_next(ann, "* 401 ann ghost *");
	client_expect_next(ann, "* 318 *");
	client_send(ann, "STATS u");
	client_expect_next(ann, "* 242 ann :Server Up 0 days, 0:*");
	client_expect_next(ann, "* 219 ann u :End of /STATS report");
	client_send(bob, "QUIT :bye");
	client_expect_end(bob);
	simnet_run(t->net, GW_SECOND);
	client_send(ann, "WHOWAS bob");
	client_expect(ann, "* 312 ann bob s1.example.net :*");
	simtree_end(&t);
}

static void orders_and_changes_reach_people_on_other_servers(void **state)
{
	struct simtree *t = two();
	struct simclient *ann = simtree_enter(t, 0, "ann", "invite-notify echo-message"),
			 *bob = simtree_enter(t, 1, "bob", ""),
			 *cid = simtree_enter(t, 1, "cid", "account-tag message-tags");
	int status;

	(void)state;
	client_send(ann, "JOIN #c\r\nMODE #c +i\r\nINVITE bob #c");
	client_expect(bob, ":ann!* INVITE bob #c");
	client_send(bob, "JOIN #c");
	client_expect(bob, "* 366 *");
	client_expect(ann, ":bob!* JOIN #c");
	client_send(ann, "MODE #c +v bob\r\nTOPIC #c :words\r\nPRIVMSG #c :hello");
	client_expect(bob, ":ann!* MODE #c +v bob");
	client_expect_next(bob, ":ann!* TOPIC #c :words");
	client_expect_next(bob, ":ann!* PRIVMSG #c :hello");
	client_send(cid, "JOIN #c");
	client_expect(cid, "* 473 *");
	client_send(bob, "AWAY :out\r\nNICK rob");
	client_expect(ann, ":bob!* NICK :rob");
	client_send(ann, "PRIVMSG rob :there?");
	client_expect(ann, "* 301 ann rob :out");
	client_expect(bob, ":ann!* PRIVMSG rob :there?");
	client_send(ann, "KICK #c rob :enough");
	client_expect(bob, ":ann!* KICK #c rob :enough");
	client_send(bob, "PRIVMSG ann :why");
	client_expect(ann, ":rob!* PRIVMSG ann :why");
	client_send(cid, "JOIN #d\r\nMODE cid +w");
	client_expect(cid, "*MODE cid *+w*");
	client_send(bob, "JOIN #d");
	client_expect(cid, "*:rob!* JOIN #d");
	simserver_admin(t->nodes[0].server, &status, "session kick rob enough");
	assert_int_equal(status, 0);
	client_expect(bob, "ERROR :*enough*");
	client_expect_end(bob);
	client_expect(cid, "*:rob!* QUIT :*enough*");
	assert_true(simtree_level(t, 60 * GW_SECOND));
	simtree_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_leaves_and_comes_with_a_server_does_so_in_a_batch),
		cmocka_unit_test(nicks_that_are_watched_go_and_come_with_their_server),
		cmocka_unit_test(a_channel_of_both_sides_becomes_the_older_one),
		cmocka_unit_test(servers_can_be_asked_for),
		cmocka_unit_test(orders_and_changes_reach_people_on_other_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
