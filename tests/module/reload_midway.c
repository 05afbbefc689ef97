/*
 * tests/module/reload_midway.c - modules are replaced while what they do is half done: a commit
 * with passwords being hashed, a burst with the databases being merged, each step of a move. At
 * every moment of it, on either side; then all is as if nothing had happened.
 */
#include "core/change.h"
#include "core/mem.h"
#include "tests/sim/people.h"
#include "tests/unit/cmocka.h"
#include <godwit/loop.h>
#include <stdlib.h>

#define NAME ":sim1.example.net "
#define STORED                                                                                     \
	"modules: [store, services, network, client, account, channel, message, guest]\n"          \
	"client: {exempt: [\"127.0.0.0/8\"]}\naccount: {iterations: 4096}\n"
#define LONG (200 * GW_SECOND)

/* --- commits and hashes --- */

struct login {
	struct simclient *client;
	char name[8];
};

static void begin_login(struct simserver *s, struct login *l, unsigned i)
{
	snprintf(l->name, sizeof(l->name), "acc%u", i);
	l->client = simnet_client(s, "127.0.0.1", false);
	client_send(l->client, "CAP REQ sasl\r\nNICK %s\r\nUSER a 0 * :a", l->name);
	client_expect(l->client, "* ACK *sasl*");
}

/* A job takes 20 ms: look-up, hash, commit and what follows are some of them. At `ms` the module is
 * replaced, and again at each 7 ms behind it. */
static void at_a_moment(const char *module, unsigned ms)
{
	struct simnet *net = simnet_new(ms);
	struct simserver *s = simnet_server(net, STORED);
	struct login l[4];
	struct simclient *again;

	for (unsigned i = 0; i < 4; i++)
		begin_login(s, &l[i], i);
	simnet_faults(net)->work_min_ns = 5 * GW_MS;
	simnet_faults(net)->work_max_ns = 20 * GW_MS;
	for (unsigned i = 0; i < 3; i++)
		client_send(l[i].client, "REGISTER * * correct-horse");
	client_send(l[3].client, "AUTHENTICATE SCRAM-SHA-256");
	for (unsigned k = 0; k < 4; k++) {
		simnet_run(net, (k == 0 ? ms : 7) * GW_MS);
		simserver_ask(s, "module reload %s", module);
	}
	client_expect(l[3].client, NAME "AUTHENTICATE +");
	for (unsigned i = 0; i < 3; i++)
		client_expect(l[i].client, "* REGISTER SUCCESS *");
	/* Durable: what was told is there behind a power cut. */
	simserver_cut(s);
	simserver_restart(s, NULL);
	for (unsigned i = 0; i < 3; i++) {
		again = simnet_client(s, "127.0.0.1", false);
		client_send(again, "PASS %s:correct-horse\r\nNICK %s\r\nUSER a 0 * :a", l[i].name,
		            l[i].name);
		simnet_run(net, ms % 10 * GW_MS);
		simserver_ask(s, "module reload %s", module);
		client_expect(again, "* 900 *");
		client_expect(again, "* 001 *");
	}
	assert_int_equal(simserver_server(s)->stale, 0);
	simnet_end(&net);
}

static void commits_and_hashes_are_not_lost(void **state)
{
	static const char *const modules[] = {"store", "account", "services", "client", "all"};

	(void)state;
	for (unsigned ms = 0; ms < 60; ms += 3)
		at_a_moment(modules[ms / 3 % 5], ms);
}

/* --- a burst --- */

static void change_both(struct simtree *t, struct simclient *c[2], unsigned round)
{
	for (unsigned i = 0; i < 2; i++) {
		client_send(c[i], "JOIN #r%u", round);
		client_send(c[i], "TOPIC #r%u :of %u", round, i);
		simserver_ask(t->nodes[i].server, "account add acc%u_%u secret-word", round, i);
	}
	simnet_quiet(t->net);
}

/* The link comes up when it is let; from then on events are counted. */
static void heal_and_reload(struct simtree *t, const char *module, unsigned node, unsigned after)
{
	struct gw_server *server = simserver_server(t->nodes[node].server);
	unsigned logged = sim_count(simserver_log(t->nodes[node].server), "link up");
	int64_t until = simnet_now(t->net) + LONG;

	simtree_heal(t);
	while (sim_count(simserver_log(t->nodes[node].server), "link up") == logged &&
	       simnet_step(t->net, until))
		;
	while (after-- > 0 && simnet_step(t->net, until))
		;
	change_queue(server, CHANGE_RELOAD, module, false, NULL);
	change_queue(server, CHANGE_RELOAD, module, false, NULL);
}

static void bursts_and_rounds_go_on(void **state)
{
	static const char *const modules[] = {"link",    "burst",      "services",
	                                      "network", "store_fake", "all"};
	struct simtree *t = simtree_new(3, "", NULL);
	struct simclient *c[2];
	unsigned round = 0, links;
	char *want;

	(void)state;
	simtree_join(t, 0);
	assert_true(simtree_level(t, LONG));
	links = sim_count(simserver_log(t->nodes[1].server), "link up");
	c[0] = simtree_enter(t, 0, "ann", "");
	c[1] = simtree_enter(t, 1, "bob", "");
	for (unsigned after = 0; after < 40; after += 2, round++) {
		simtree_cut(t, 0, 1);
		simnet_run(t->net, 2 * GW_SECOND);
		change_both(t, c, round);
		heal_and_reload(t, modules[round % 6], round / 6 % 2, after);
		if (!simtree_level(t, LONG))
			fail_msg("%s, %u events: %s", modules[round % 6], after, t->why);
		client_send(c[1], "PRIVMSG #r%u :hello %u", round, round);
		want = mem_printf(":bob!* PRIVMSG #r%u :hello %u", round, round);
		client_expect(c[0], want);
		free(want);
	}
	/* No link broke but by the cuts. */
	assert_int_equal(sim_count(simserver_log(t->nodes[1].server), "link up"), links + round);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(simserver_server(t->nodes[i].server)->stale, 0);
	simtree_end(&t);
}

/* --- a move --- */

struct move {
	struct people people;
	const char *module;
	unsigned node;
	enum simmover_step step;
	bool sprung, done;
};

static void stepped(void *ctx, struct simmover *m, enum simmover_step step)
{
	struct move *move = ctx;

	(void)m;
	move->done |= step == SIMMOVER_SWAP;
	if (step != move->step || move->sprung)
		return;
	move->sprung = true;
	change_queue(simserver_server(move->people.tree->nodes[move->node].server), CHANGE_RELOAD,
	             move->module, false, NULL);
}

static void talk(struct move *move)
{
	person_says(&move->people, &move->people.all[1], 0);
	person_says(&move->people, &move->people.all[0], 0);
	person_tells(&move->people, &move->people.all[1], &move->people.all[0]);
	person_asks(&move->people.all[0]);
}

static void once(struct move *move)
{
	struct person *one = &move->people.all[0];

	move->sprung = move->done = false;
	people_move(&move->people, one, 1 - simmover_node(one->m));
	for (unsigned i = 0; i < 100 && !move->done; i++) {
		talk(move);
		simnet_run(move->people.tree->net, 2 * GW_MS);
	}
	simnet_run(move->people.tree->net, 100 * GW_MS);
	person_reads(&move->people, one);
	person_reads(&move->people, &move->people.all[1]);
	if (!move->done || !move->sprung)
		fail_msg("%s on s%u at step %d: %s", move->module, move->node, (int)move->step,
		         move->done ? "that step was not seen" : "not moved");
}

static void each_step_of_a_move_goes_on(void **state)
{
	static const enum simmover_step steps[] = {SIMMOVER_REQUEST,  SIMMOVER_DIALS,
	                                           SIMMOVER_HANDOVER, SIMMOVER_SYNC,
	                                           SIMMOVER_SYNCED,   SIMMOVER_SWAP};
	static const char *const modules[] = {"redirect", "client",  "network", "link",
	                                      "channel",  "message", "moves",   "all"};
	struct move *move = mem_alloc(sizeof(*move));

	(void)state;
	move->people.tree = simtree_new(1, "client: {exempt: [\"127.0.0.0/8\", \"10.0.0.0/8\"]}\n",
	                                SIMTREE_REDIRECT_MODULES);
	simtree_join(move->people.tree, 0);
	assert_true(simtree_level(move->people.tree, LONG));
	people_enter(&move->people, 0, true, true, "batch labeled-response echo-message");
	people_enter(&move->people, 1, false, false, "");
	for (unsigned i = 0; i < 2; i++)
		simmover_watch(move->people.all[i].m, stepped, move);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		for (size_t k = 0; k < sizeof(modules) / sizeof(modules[0]); k++)
			for (move->node = 0; move->node < 2; move->node++) {
				move->step = steps[i];
				move->module = modules[k];
				once(move);
			}
	people_talk(&move->people);
	simnet_quiet(move->people.tree->net);
	people_settled(&move->people);
	people_check_left(&move->people);
	people_check_logs(&move->people);
	if (move->people.fault[0] != '\0')
		fail_msg("%s", move->people.fault);
	people_free(&move->people);
	simtree_end(&move->people.tree);
	free(move);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commits_and_hashes_are_not_lost),
		cmocka_unit_test(bursts_and_rounds_go_on),
		cmocka_unit_test(each_step_of_a_move_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
