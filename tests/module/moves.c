/*
 * Sessions that move between servers which are linked in the simulator, with the other modules:
 * what clients see, what modules keep, splits and reloads in between. run-all: timeout=300
 */
#include "tests/sim/sim_mover.h"
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MODULES                                                                                    \
	"[store_fake, services, network, link, burst, client, account, channel, message, query, "  \
	"monitor, guest, drover]"
#define LONG (120 * GW_SECOND)

/* Only neighbours reach each other. */
static struct simtree *chain(uint64_t seed, unsigned n)
{
	struct simtree *t = simtree_new(seed, "debug: {scan-state: yes}\n", MODULES);

	for (unsigned i = 1; i < n; i++) {
		simtree_join(t, i - 1);
		for (unsigned j = 0; j + 1 < i; j++)
			simtree_cut(t, j, i);
	}
	assert_true(simtree_level(t, LONG));
	return t;
}

static void heal(struct simtree *t, unsigned i)
{
	simnet_heal(t->net, simserver_host(t->nodes[i].server),
	            simserver_host(t->nodes[i + 1].server));
}

static const char *drive(struct simtree *t, unsigned i, const char *line)
{
	int status;
	const char *answer = simserver_admin(t->nodes[i].server, &status, "drover %s", line);

	if (status != 0)
		fail_msg("%s: %s", line, answer);
	return answer;
}

static void refused(struct simtree *t, unsigned i, const char *line, int want)
{
	int status;

	simserver_admin(t->nodes[i].server, &status, "drover %s", line);
	assert_int_equal(status, want);
}

static void is(struct simtree *t, unsigned i, const char *nick, const char *glob)
{
	char line[64];
	const char *answer;

	snprintf(line, sizeof(line), "state %s", nick);
	answer = drive(t, i, line);
	if (!sim_glob(glob, answer))
		fail_msg("server %u: %s", i, answer);
}

static void a_session_moves_and_nobody_sees_it(void **state)
{
	struct simtree *t = chain(1, 4);
	struct simclient *ann = simtree_enter(t, 0, "ann", ""),
			 *bob = simtree_enter(t, 1, "bob", "");

	(void)state;
	client_send(ann, "JOIN #x\r\nMONITOR + zoe,yan\r\nAWAY :soon back");
	client_expect(ann, "* 306 *");
	client_send(bob, "JOIN #x\r\nINVITE ann #b\r\nJOIN #b\r\nINVITE ann #b");
	client_expect(bob, "* 341 * ann *#b");
	client_expect(ann, "*INVITE ann *#b");
	drive(t, 0, "shadow ann s3.example.net");
	simnet_quiet(t->net);
	is(t, 0, "ann", "s0* epoch 0 shadow s3* local shown written*");
	is(t, 1, "ann", "s0* epoch 0 shadow s3.example.net written 0 unshown 0*");
	is(t, 3, "ann", "s0* epoch 0 shadow s3.example.net shown written 0 unshown 0*");
	assert_non_null(strstr(drive(t, 0, "export ann"), "monitor.watches 1 zoe,yan,"));
	assert_non_null(strstr(drive(t, 0, "export ann"), "channel.invited 1 #b,"));
	drive(t, 3, "import ann monitor.watches 1 xan,");
	drive(t, 3, "import ann monitor.watches 1 zoe,yan,");
	drive(t, 3, "import ann channel.invited 1 #b,");
	refused(t, 3, "import ann nobody.keeps 1 x", -ENOENT);
	refused(t, 3, "import ann monitor.watches 2 zoe,", -ENOENT);
	assert_non_null(strstr(drive(t, 3, "export ann"), "monitor.watches 1 zoe,yan,"));
	client_send(bob, "PRIVMSG #x :to all\r\nPRIVMSG ann :to you");
	client_expect(ann, "*PRIVMSG ann *to you");
	simnet_quiet(t->net);
	is(t, 3, "ann", "* shown written 2 *");
	drive(t, 0, "moving ann on");
	drive(t, 3, "move ann");
	simnet_quiet(t->net);
	is(t, 0, "ann", "s3* epoch 1 shadow - written 0 unshown 1*");
	is(t, 2, "ann", "s3* epoch 1 shadow - written 0 unshown 0*");
	is(t, 3, "ann", "s3* epoch 1 shadow - local shown written*");
	assert_string_equal(drive(t, 0, "export ann"), "");
	client_send(bob, "PRIVMSG #x :once more");
	simnet_quiet(t->net);
	is(t, 3, "ann", "* shown written 1 *");
	client_expect_none(bob, "*ann*QUIT*");
	client_expect_none(bob, "*ann*JOIN*");
	drive(t, 3, "quit ann");
	client_expect(bob, ":ann!*QUIT *driven away");
	assert_true(simtree_level(t, LONG));
	simtree_end(&t);
}

/* Each link breaks while there is a shadow, and code is reloaded. */
static void a_split_ends_what_had_been_begun(void **state)
{
	struct simtree *t = chain(2, 4);
	struct simclient *ann = simtree_enter(t, 0, "ann", "");

	(void)state;
	client_send(ann, "JOIN #x");
	client_expect(ann, "* 366 *");
	for (unsigned link = 0; link < 3; link++) {
		int status;

		assert_true(simtree_level(t, LONG));
		drive(t, 0, "shadow ann s3.example.net");
		simnet_quiet(t->net);
		is(t, 3, "ann", "s0* shadow s3* shown*");
		drive(t, 3, "import ann monitor.watches 1 zoe,");
		simserver_admin(t->nodes[3].server, &status, "module reload network");
		assert_int_equal(status, 0);
		is(t, 3, "ann", "s0* shadow s3* shown*");
		simtree_cut(t, link, link + 1);
		simnet_run(t->net, 2 * GW_SECOND);
		for (unsigned i = 0; i < 4; i++)
			is(t, i, "ann", i <= link ? "s0* shadow - *" : "gone*");
		heal(t, link);
		assert_true(simtree_level(t, LONG));
		for (unsigned i = 0; i < 4; i++)
			is(t, i, "ann", "s0* epoch 0 shadow - *");
	}
	simtree_end(&t);
}

/* The former home is cut off just when the other takes the session: both parts have it then, and
 * one when they are joined. */
static void two_parts_that_have_a_session_agree(void **state)
{
	(void)state;
	for (unsigned cut = 0; cut < 3; cut++) {
		struct simtree *t = chain(3 + cut, 4);
		struct simclient *ann = simtree_enter(t, 0, "ann", ""),
				 *bob = simtree_enter(t, 3, "bob", "");

		client_send(ann, "JOIN #x");
		client_expect(ann, "* 366 *");
		client_send(bob, "JOIN #x");
		client_expect(bob, "* 366 *");
		drive(t, 0, "shadow ann s3.example.net");
		simnet_quiet(t->net);
		simtree_cut(t, cut, cut + 1);
		drive(t, 3, "move ann");
		drive(t, 0, "moving ann on");
		simnet_run(t->net, 2 * GW_SECOND);
		is(t, 0, "ann", "s0* epoch 2 shadow - local shown moving *");
		is(t, 3, "ann", "s3* epoch 1 shadow - local shown *");
		drive(t, 0, "moving ann off");
		client_send(ann, "JOIN #y");
		client_expect(ann, "* 366 *");
		heal(t, cut);
		assert_true(simtree_level(t, LONG));
		is(t, 3, "ann", "s0* epoch 2 shadow - written *");
		client_send(bob, "PRIVMSG #x :still there?");
		client_expect(ann, "*PRIVMSG #x *still there?");
		simtree_end(&t);
	}
}

/* It comes and is used up between the announcement and the client's arrival. */
static void an_invitation_is_used_up_on_the_way(void **state)
{
	struct simtree *t =
		simtree_new(1, "client: {exempt: [\"127.0.0.0/8\"]}\n", SIMTREE_REDIRECT_MODULES);
	struct simclient *bob;
	struct simmover *ann;

	(void)state;
	simtree_join(t, 0);
	assert_true(simtree_level(t, LONG));
	bob = simtree_enter(t, 1, "bob", "");
	ann = simmover_new(t, 0, "ann", "godwit/redirect", false);
	simmover_behave(ann, SIMMOVER_LATE, 5 * GW_SECOND);
	client_send(bob, "JOIN #x\r\nMODE #x +i");
	client_expect(bob, "* MODE #x +i");
	simserver_admin(t->nodes[0].server, NULL, "moves begin ann s1.example.net");
	simnet_run(t->net, GW_SECOND);
	client_send(bob, "INVITE ann #x");
	assert_non_null(simmover_wait(ann, "* INVITE ann *#x"));
	simmover_say(ann, "JOIN #x");
	client_expect(bob, ":ann!* JOIN #x");
	simnet_run(t->net, 20 * GW_SECOND);
	assert_int_equal(simmover_node(ann), 1);
	client_send(bob, "KICK #x ann");
	assert_non_null(simmover_wait(ann, "* KICK #x ann *"));
	simmover_say(ann, "JOIN #x");
	assert_non_null(simmover_wait(ann, "* 473 ann #x *"));
	simmover_free(&ann);
	simtree_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_moves_and_nobody_sees_it),
		cmocka_unit_test(a_split_ends_what_had_been_begun),
		cmocka_unit_test(two_parts_that_have_a_session_agree),
		cmocka_unit_test(an_invitation_is_used_up_on_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
