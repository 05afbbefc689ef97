/*
 * tests/module/balance.c - load reports, plans and drains, with real moves of simulated clients.
 */
#include "core/admin.h"
#include "core/module.h"
#include "tests/sim/sim_mover.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MODULES                                                                                    \
	"[store_fake, services, network, link, burst, redirect, balance, even, client, account, "  \
	"channel, message, query, monitor, guest]"
#define WITHOUT_REDIRECT                                                                           \
	"[store_fake, services, network, link, burst, balance, even, client, account, channel, "   \
	"message, query, guest]"
#define QUICK                                                                                      \
	"client: {exempt: [\"127.0.0.0/8\"]}\n"                                                    \
	"even: {patience: 1s, least: 6}\nbalance: {plan-every: 1s}\n"
#define MOVERS 40

/* --- a network with people --- */

struct stage {
	struct simtree *t;
	struct simmover *movers[MOVERS];
	unsigned n;
};

static void stage_open(struct stage *s, unsigned servers, const char *yaml, const char *modules)
{
	memset(s, 0, sizeof(*s));
	s->t = simtree_new(11, yaml, modules);
	while (s->t->n < servers)
		simtree_join(s->t, 0);
	assert_true(simtree_level(s->t, 120 * GW_SECOND));
	simnet_run(s->t->net, 12 * GW_SECOND);
}

static void people_come(struct stage *s, unsigned node, unsigned n)
{
	char nick[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(nick, sizeof(nick), "m%u", s->n);
		s->movers[s->n] = simmover_new(s->t, node, nick, "godwit/redirect", false);
		assert_non_null(s->movers[s->n]);
		s->n++;
	}
}

static void stage_close(struct stage *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (simmover_lost(s->movers[i]))
			fail_msg("%s: %s\n%s", simmover_nick(s->movers[i]),
			         simmover_why_lost(s->movers[i]), simmover_talk(s->movers[i]));
		simmover_free(&s->movers[i]);
	}
	simtree_end(&s->t);
}

static void behave(struct stage *s, enum simmover_manner manner)
{
	for (unsigned i = 0; i < s->n; i++)
		simmover_behave(s->movers[i], manner, GW_SECOND);
}

static void run(struct stage *s, int64_t seconds)
{
	simnet_run(s->t->net, seconds * GW_SECOND);
}

static unsigned people_at(const struct stage *s, unsigned node)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += simmover_node(s->movers[i]) == node;
	return n;
}

static struct simserver *server(struct stage *s, unsigned node)
{
	return s->t->nodes[node].server;
}

static const char *ask(struct stage *s, unsigned node, const char *command)
{
	return simserver_ask(server(s, node), "%s", command);
}

static void refused(struct stage *s, unsigned node, const char *command, int status,
                    const char *why)
{
	int got;
	const char *answer = simserver_admin(server(s, node), &got, "%s", command);

	if (got != status || strstr(answer, why) == NULL)
		fail_msg("%s: %d, %s", command, got, answer);
}

static void has(const char *text, const char *what)
{
	if (strstr(text, what) == NULL)
		fail_msg("no \"%s\" in:\n%s", what, text);
}

static bool stopped(struct stage *s, unsigned node)
{
	return simserver_server(server(s, node))->phase == SERVER_STOPPED;
}

/* --- a command whose end is not waited for --- */

struct later {
	struct gw_server *server;
	struct module *asker;
	char text[8192], progress[300];
	unsigned n_progress;
	bool ended;
	int status;
};

static void later_answer(void *state, uint64_t tag, const struct gw_admin_answer *answer)
{
	struct later *l = state;
	size_t used = strlen(l->text);

	(void)tag;
	if (answer->part == GW_ADMIN_PROGRESS) {
		snprintf(l->progress, sizeof(l->progress), "%s", answer->text);
		l->n_progress++;
		return;
	}
	for (size_t i = 0; i < answer->n_cells; i++)
		used += (size_t)snprintf(l->text + used, sizeof(l->text) - used, "%s%s",
		                         i > 0 ? "|" : "", answer->cells[i]);
	snprintf(l->text + used, sizeof(l->text) - used, "%s\n",
	         answer->text != NULL ? answer->text : "");
	l->ended |= answer->part == GW_ADMIN_END;
	l->status = answer->status;
}

static const struct gw_call_row later_calls[] = {{"answer", (gw_fn *)later_answer}, {NULL, NULL}};
static const struct gw_module later_module = {
	.abi = GW_ABI, .name = "later", .version = "", .calls = later_calls};

static void later_begin(struct later *l, struct stage *s, unsigned node, const char *command)
{
	const struct gw_admin_asker who = {.who = "another test"};
	char copy[200], *save = NULL;
	const char *words[16];
	int n = 0;

	memset(l, 0, sizeof(*l));
	l->server = simserver_server(server(s, node));
	l->asker = module_new(l->server, "later");
	module_bind(l->asker, &later_module, l);
	snprintf(copy, sizeof(copy), "%s", command);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	assert_int_equal(
		admin_api.run(&l->asker->self, n, words, &who, gw_call(&l->asker->self, 0, 0)), 0);
}

static void later_end(struct later *l)
{
	admin_forget(l->server, l->asker);
	module_free(&l->asker);
}

/* --- reports --- */

static void reports_are_known_everywhere(void **state)
{
	struct stage s;
	const char *map;

	(void)state;
	stage_open(&s, 2, "client: {max-clients: 50}\n", MODULES);
	people_come(&s, 1, 3);
	run(&s, 12);
	map = ask(&s, 0, "map");
	has(map, "`- s1.example.net|s1.example.net|s0.example.net|1|3|3|100|");
	has(ask(&s, 0, "balance"), "s1.example.net|takes|3|100|0.03|47|");
	has(ask(&s, 0, "balance"), "policy: even: begins at 15 %, ends at 5 %, at rest");
	has(ask(&s, 0, "balance"), "came 0, done 0, refused 0");
	has(ask(&s, 0, "status"), "balance.draining|no");
	stage_close(&s);
}

static void a_full_server_is_known_to_be_at_once(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, 2, "client: {max-clients: 2}\nbalance: {load-every: 1h}\n", MODULES);
	people_come(&s, 1, 1);
	run(&s, 2);
	has(ask(&s, 0, "balance"), "s1.example.net|takes|1|100|0.01|1|");
	people_come(&s, 1, 1);
	run(&s, 2);
	has(ask(&s, 0, "balance"), "s1.example.net|full|2|100|0.02|0|");
	simmover_free(&s.movers[--s.n]);
	run(&s, 2);
	has(ask(&s, 0, "balance"), "s1.example.net|takes|1|100|0.01|1|");
	stage_close(&s);
}

/* --- one client --- */

static void an_operator_moves_one_client(void **state)
{
	struct stage s;
	struct simclient *pat;

	(void)state;
	stage_open(&s, 3, "client: {exempt: [\"127.0.0.0/8\"]}\n", MODULES);
	people_come(&s, 0, 2);
	pat = simtree_enter(s.t, 0, "pat", "");
	has(ask(&s, 0, "session redirect m0 s1.example.net"),
	    "m0 is at home on s1.example.net, after ");
	run(&s, 1);
	assert_int_equal(simmover_node(s.movers[0]), 1);
	has(ask(&s, 1, "session redirect m0 s2"), "m0 is at home on s2.example.net, after ");
	has(ask(&s, 0, "session redirect m1"), "m1 is at home on s1.example.net, after ");
	run(&s, 1);
	refused(&s, 0, "session redirect m1 s1", -ENOENT, "m1 is at home on s1.example.net");
	refused(&s, 0, "session redirect nobody", -ENOENT, "there is no nobody");
	refused(&s, 2, "session redirect m0 s9.example.net", -ENOENT,
	        "there is no server s9.example.net");
	refused(&s, 2, "session redirect m0 s2.example.net", -EHOSTUNREACH, "is this server");
	refused(&s, 0, "session redirect pat", -EOPNOTSUPP, "the software of pat cannot be moved");
	simmover_behave(s.movers[1], SIMMOVER_REFUSES, 0);
	refused(&s, 1, "session redirect m1 s0", -ECONNREFUSED, "m1 stays on this server");
	has(simserver_log(server(&s, 0)), "redirect nick=m0 to=s1.example.net end=done ms=");
	has(ask(&s, 0, "balance"), "done 2,");
	client_close(pat);
	stage_close(&s);
}

static void a_client_asks_for_a_move(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, 2, "client: {exempt: [\"127.0.0.0/8\"]}\n", MODULES);
	people_come(&s, 0, 3);
	simmover_say(s.movers[0], "REDIRECT MOVE s7.example.net");
	assert_non_null(simmover_wait(
		s.movers[0], "*FAIL REDIRECT * :There is no server s7.example.net in sight"));
	simmover_say(s.movers[0], "REDIRECT MOVE s1.example.net");
	run(&s, 3);
	assert_int_equal(simmover_node(s.movers[0]), 1);
	simmover_say(s.movers[0], "REDIRECT MOVE");
	assert_non_null(simmover_wait(s.movers[0],
	                              "*FAIL REDIRECT * :You have come here only * seconds ago"));
	run(&s, 60);
	simmover_say(s.movers[0], "REDIRECT MOVE");
	assert_non_null(simmover_wait(
		s.movers[0], "*FAIL REDIRECT * :This server is as good for you as any other"));
	ask(&s, 0, "module unload even");
	simmover_say(s.movers[1], "REDIRECT MOVE s1.example.net");
	assert_non_null(
		simmover_wait(s.movers[1], "*FAIL REDIRECT * :Nobody is moved on demand here"));
	has(ask(&s, 0, "balance"), "policy: none: nothing is balanced");
	stage_close(&s);
}

/* --- plans --- */

static void a_crowd_is_spread_and_then_left_in_peace(void **state)
{
	struct stage s;
	unsigned before;

	(void)state;
	stage_open(&s, 2, QUICK, MODULES);
	ask(&s, 0, "module unload even");
	people_come(&s, 0, MOVERS);
	ask(&s, 0, "module load even");
	run(&s, 5);
	assert_in_range(people_at(&s, 1), 1, MOVERS / 2);
	run(&s, 40);
	before = people_at(&s, 1);
	run(&s, 120);
	assert_int_equal(people_at(&s, 1), before);
	stage_close(&s);
}

static void swap_policy(struct stage *s, const char *old, const char *new)
{
	char command[60];

	for (unsigned i = 0; i < s->t->n; i++) {
		snprintf(command, sizeof(command), "module unload %s", old);
		ask(s, i, command);
	}
	for (unsigned i = 0; i < s->t->n; i++) {
		snprintf(command, sizeof(command), "module load %s", new);
		ask(s, i, command);
	}
}

static void who_has_just_come_is_left_in_peace(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, 2, QUICK, MODULES);
	swap_policy(&s, "even", "fill");
	people_come(&s, 1, 15);
	run(&s, 10);
	assert_int_equal(people_at(&s, 0), 15);
	swap_policy(&s, "fill", "even");
	run(&s, 500);
	assert_int_equal(people_at(&s, 0), 15);
	ask(&s, 0, "session redirect m0");
	run(&s, 1);
	assert_int_equal(people_at(&s, 1), 1);
	run(&s, 150);
	assert_in_range(people_at(&s, 1), 5, 10);
	stage_close(&s);
}

static void newcomers_are_sent_on(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, 2, QUICK, MODULES);
	ask(&s, 1, "module unload even");
	ask(&s, 1, "module load fill");
	people_come(&s, 1, 1);
	run(&s, 3);
	assert_int_equal(people_at(&s, 1), 1);
	stage_close(&s);
	stage_open(&s, 2,
	           "client: {exempt: [\"127.0.0.0/8\"]}\n"
	           "balance: {plan-every: 1h, newcomers: redirect}\n",
	           MODULES);
	ask(&s, 1, "module unload even");
	ask(&s, 1, "module load fill");
	people_come(&s, 1, 3);
	run(&s, 3);
	assert_int_equal(people_at(&s, 0), 3);
	client_close(simtree_enter(s.t, 1, "pat", ""));
	stage_close(&s);
}

static void policies_are_swapped_in_mid_move(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, 2, QUICK, MODULES);
	ask(&s, 0, "module unload even");
	people_come(&s, 0, MOVERS);
	behave(&s, SIMMOVER_SLOW);
	ask(&s, 0, "module load even");
	while (strstr(ask(&s, 0, "session moves"), "example") == NULL)
		run(&s, 1);
	ask(&s, 0, "module unload even");
	has(ask(&s, 0, "balance"), "policy: none");
	ask(&s, 0, "module load fill");
	has(ask(&s, 0, "balance"), "policy: fill: each server up to 80 %, in the order of names");
	ask(&s, 1, "module unload even");
	ask(&s, 1, "module load fill");
	run(&s, 5);
	assert_int_equal(people_at(&s, 0) + people_at(&s, 1), MOVERS);
	assert_null(strstr(ask(&s, 0, "session moves"), "example"));
	stage_close(&s);
}

/* --- drains --- */

static void a_drain_moves_everybody_who_can_be(void **state)
{
	struct stage s;
	struct simclient *pat, *zoe;
	struct later l;

	(void)state;
	stage_open(&s, 3, "client: {exempt: [\"127.0.0.0/8\"]}\n", MODULES);
	people_come(&s, 0, 20);
	pat = simtree_enter(s.t, 0, "pat", "");
	later_begin(&l, &s, 0, "drain");
	run(&s, 5);
	assert_true(l.ended);
	assert_int_equal(l.status, 0);
	has(l.text, "outcome|clients\nmoved|20\nrefused|0\nfailed|0\nnot-able|1\nnot-moved|0\n"
	            "gone|0\n");
	later_end(&l);
	assert_int_equal(people_at(&s, 0), 0);
	assert_in_range(people_at(&s, 1), 9, 11);
	client_expect_none(pat, "*");
	has(ask(&s, 1, "balance"), "s0.example.net|draining|1|");
	has(ask(&s, 1, "map"), "|yes\n");
	refused(&s, 1, "session redirect m0 s0", -EHOSTUNREACH,
	        "s0.example.net sends its own clients away");
	zoe = simnet_client(server(&s, 0), "127.0.0.1", false);
	client_send(zoe, "NICK zoe\r\nUSER zoe 0 * :Zoe");
	client_expect(zoe, ":s0.example.net 010 zoe 10.0.0.* 666? :Please use this server");
	client_expect_end(zoe);
	has(ask(&s, 0, "drain --cancel"), "this server takes clients again");
	refused(&s, 0, "drain --cancel", -ENOENT, "this server is not being drained");
	run(&s, 1);
	has(ask(&s, 1, "balance"), "s0.example.net|takes|1|");
	client_close(pat);
	stage_close(&s);
}

static void nobody_is_sent_where_there_is_no_room(void **state)
{
	struct stage s;
	struct later l;

	(void)state;
	stage_open(&s, 3, "client: {exempt: [\"127.0.0.0/8\"], max-clients: 6}\n", MODULES);
	people_come(&s, 0, 6);
	people_come(&s, 1, 4);
	people_come(&s, 2, 3);
	later_begin(&l, &s, 0, "drain");
	run(&s, 20);
	assert_true(l.ended);
	assert_int_equal(l.status, -EHOSTUNREACH);
	has(l.text, "moved|5\nrefused|0\nfailed|0\nnot-able|0\nnot-moved|1\n");
	has(l.text, "no other server takes clients any more; this one keeps those that are left");
	later_end(&l);
	assert_int_equal(people_at(&s, 1), 6);
	assert_int_equal(people_at(&s, 2), 6);
	run(&s, 2);
	assert_null(strstr(ask(&s, 1, "balance"), "draining"));
	stage_close(&s);
}

static void a_server_alone_is_not_drained(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, 1, "", MODULES);
	people_come(&s, 0, 1);
	refused(&s, 0, "drain", -EHOSTUNREACH, "no other server takes clients");
	refused(&s, 0, "drain --then-exit", -EHOSTUNREACH, "no other server takes clients");
	has(ask(&s, 0, "status"), "balance.draining|no");
	refused(&s, 0, "drain --then", -EINVAL, "is none of");
	refused(&s, 0, "drain --within", -EINVAL, "--within is followed by a time");
	refused(&s, 0, "drain --within 0", -EINVAL, "--within is followed by a time");
	refused(&s, 0, "drain --cancel --then-exit", -EINVAL, "--cancel stands alone");
	stage_close(&s);
	stage_open(&s, 2, "", WITHOUT_REDIRECT);
	client_close(simtree_enter(s.t, 0, "pat", ""));
	simtree_enter(s.t, 0, "ann", "");
	refused(&s, 0, "drain", -EHOSTUNREACH, "the module redirect is not loaded");
	refused(&s, 0, "session redirect ann", -EHOSTUNREACH, "no other server takes clients");
	stage_close(&s);
}

static void a_drain_that_all_refuse_says_so(void **state)
{
	struct stage s;
	struct later l;

	(void)state;
	stage_open(&s, 3, "client: {exempt: [\"127.0.0.0/8\"]}\n", MODULES);
	people_come(&s, 0, 5);
	behave(&s, SIMMOVER_REFUSES);
	later_begin(&l, &s, 0, "drain");
	run(&s, 10);
	assert_true(l.ended);
	has(l.text, "moved|0\nrefused|5\nfailed|0\nnot-able|0\n");
	later_end(&l);
	assert_int_equal(people_at(&s, 0), 5);
	stage_close(&s);
}

static void a_drain_is_watched_twice_and_cancelled(void **state)
{
	struct stage s;
	struct later a, b;

	(void)state;
	stage_open(&s, 2, "client: {exempt: [\"127.0.0.0/8\"]}\n", MODULES);
	people_come(&s, 0, 5);
	simmover_behave(s.movers[0], SIMMOVER_AWAY, 0);
	simmover_behave(s.movers[1], SIMMOVER_AWAY, 0);
	later_begin(&a, &s, 0, "drain --then-exit --within 5m");
	run(&s, 2);
	later_begin(&b, &s, 0, "drain");
	run(&s, 2);
	has(b.text, "a drain is under way, by another test");
	assert_false(a.ended || b.ended);
	assert_string_equal(a.progress, b.progress);
	has(a.progress, "moved 3, refused 0, could not be moved 0, left 2");
	assert_in_range(a.n_progress, 8, 20);
	has(ask(&s, 0, "drain --cancel"), "this server takes clients again");
	assert_true(a.ended && b.ended);
	assert_int_equal(a.status, -ECANCELED);
	has(b.text, "moved|3\n");
	later_end(&a);
	later_end(&b);
	run(&s, 60);
	assert_null(strstr(ask(&s, 0, "session moves"), "example"));
	assert_int_equal(people_at(&s, 0), 2);
	assert_false(stopped(&s, 0));
	stage_close(&s);
}

/* The same configuration with another policy. */
static void rehash_to_fill(struct stage *s, unsigned node)
{
	char *yaml = strdup(s->t->nodes[node].yaml), *even = strstr(yaml, " even,");

	assert_non_null(even);
	memcpy(even, " fill,", 6);
	simserver_config(server(s, node), yaml);
	ask(s, node, "rehash");
	free(yaml);
}

static void modules_come_and_go_in_mid_drain(void **state)
{
	struct stage s;
	struct later l;

	(void)state;
	stage_open(&s, 3, "client: {exempt: [\"127.0.0.0/8\"]}\nbalance: {drain-at-once: 3}\n",
	           MODULES);
	people_come(&s, 0, 20);
	behave(&s, SIMMOVER_SLOW);
	later_begin(&l, &s, 0, "drain");
	run(&s, 1);
	ask(&s, 0, "module reload balance");
	ask(&s, 1, "module reload balance");
	run(&s, 2);
	has(l.progress, "moved 6");
	ask(&s, 0, "module reload even");
	ask(&s, 0, "module reload redirect");
	ask(&s, 0, "module unload even");
	run(&s, 2);
	ask(&s, 0, "module load even");
	rehash_to_fill(&s, 0);
	has(ask(&s, 0, "balance"), "policy: fill");
	run(&s, 20);
	assert_true(l.ended);
	has(l.text, "moved|20\n");
	later_end(&l);
	stage_close(&s);
}

static void without_redirect_a_drain_ends_and_nobody_is_lost(void **state)
{
	struct stage s;
	struct later l;

	(void)state;
	stage_open(&s, 2, "client: {exempt: [\"127.0.0.0/8\"]}\nbalance: {drain-at-once: 3}\n",
	           MODULES);
	people_come(&s, 0, 20);
	behave(&s, SIMMOVER_SLOW);
	later_begin(&l, &s, 0, "drain");
	run(&s, 3);
	ask(&s, 0, "module unload redirect");
	run(&s, 10);
	assert_true(l.ended);
	assert_int_equal(l.status, -EHOSTUNREACH);
	has(l.text, "the module redirect was unloaded");
	later_end(&l);
	assert_true(people_at(&s, 0) > 5);
	has(ask(&s, 0, "status"), "balance.draining|no");
	ask(&s, 0, "module load redirect");
	run(&s, 12);
	later_begin(&l, &s, 0, "drain");
	run(&s, 30);
	/* The capability went with the module; nobody has asked for it again. */
	has(l.text, "failed|0\nnot-able|");
	later_end(&l);
	stage_close(&s);
}

/* --- and then it stops --- */

static void a_drained_server_stops_when_all_have_gone(void **state)
{
	struct stage s;
	struct later l;

	(void)state;
	stage_open(&s, 2, "client: {exempt: [\"127.0.0.0/8\"]}\n", MODULES);
	people_come(&s, 0, 10);
	later_begin(&l, &s, 0, "drain --then-exit");
	run(&s, 5);
	assert_true(l.ended);
	assert_int_equal(l.status, 0);
	assert_true(stopped(&s, 0));
	later_end(&l);
	assert_int_equal(people_at(&s, 1), 10);
	stage_close(&s);
}

static void an_empty_server_stops_when_it_is_told_to(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, 2, "client: {exempt: [\"127.0.0.0/8\"]}\n", MODULES);
	people_come(&s, 0, 3);
	has(ask(&s, 0, "drain"), "moved|3\n");
	run(&s, 5);
	assert_false(stopped(&s, 0));
	has(ask(&s, 0, "drain --then-exit"), "moved|0\n");
	run(&s, 2);
	assert_true(stopped(&s, 0));
	stage_close(&s);
	stage_open(&s, 1, "", MODULES);
	has(ask(&s, 0, "drain --then-exit"), "moved|0\n");
	run(&s, 2);
	assert_true(stopped(&s, 0));
	stage_close(&s);
}

/* The one with two links. */
static unsigned the_middle(struct stage *s)
{
	for (unsigned i = 0; i < s->t->n; i++) {
		const char *links = ask(s, i, "link list"), *first = strstr(links, "|up|");

		if (first != NULL && strstr(first + 1, "|up|") != NULL)
			return i;
	}
	fail_msg("three servers without a middle");
	return 0;
}

/* Its neighbours are linked with each other before it ends, whether or not it had clients. */
static void the_middle_stops_and_nobody_sees_it(void **state)
{
	static const char *const how[] = {"drain --then-exit", "server stop"};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct stage s;
		struct later l;
		struct simclient *ann, *bob;
		unsigned middle;

		stage_open(&s, 3, "client: {exempt: [\"127.0.0.0/8\"]}\n", MODULES);
		middle = the_middle(&s);
		people_come(&s, middle, i / 2 * 4);
		ann = simtree_enter(s.t, (middle + 1) % 3, "ann", "");
		bob = simtree_enter(s.t, (middle + 2) % 3, "bob", "");
		client_send(ann, "JOIN #x");
		client_expect(ann, "* 366 *");
		client_send(bob, "JOIN #x");
		client_expect(bob, "* 366 *");
		client_expect(ann, "*bob*JOIN*");
		later_begin(&l, &s, middle, how[i % 2]);
		run(&s, 10);
		assert_true(stopped(&s, middle));
		if (i % 2 == 0)
			assert_true(l.ended && l.status == 0);
		later_end(&l);
		client_send(ann, "PRIVMSG #x :still there?");
		client_expect_next(bob, ":ann!* PRIVMSG #x *still there?");
		client_expect_none(ann, "*");
		has(simserver_log(server(&s, middle)), "nobody is cut off when this server ends");
		stage_close(&s);
	}
}

/* Nobody who could be linked with each other: it ends all the same, in its time. */
static void what_cannot_be_linked_does_not_hold_a_stop(void **state)
{
	struct stage s;
	struct later l;
	unsigned middle;

	(void)state;
	stage_open(&s, 3, "", MODULES);
	middle = the_middle(&s);
	simnet_stall(s.t->net, simserver_host(server(&s, (middle + 1) % 3)),
	             simserver_host(server(&s, (middle + 2) % 3)));
	later_begin(&l, &s, middle, "drain --then-exit");
	run(&s, 2);
	assert_false(stopped(&s, middle));
	has(l.progress, "link with each other");
	has(ask(&s, middle, "drain --cancel"), "this server takes clients again");
	run(&s, 60);
	later_end(&l);
	assert_false(stopped(&s, middle));
	assert_true(simtree_level(s.t, 60 * GW_SECOND));
	later_begin(&l, &s, middle, "drain --then-exit --within 20s");
	run(&s, 21);
	assert_true(stopped(&s, middle));
	has(simserver_log(server(&s, middle)), "could not be linked with each other");
	later_end(&l);
	stage_close(&s);
}

static void who_cannot_be_moved_is_told(void **state)
{
	struct stage s;
	struct simclient *pat;
	struct later l;

	(void)state;
	stage_open(&s, 2, "client: {exempt: [\"127.0.0.0/8\"]}\n", MODULES);
	people_come(&s, 0, 3);
	simmover_behave(s.movers[2], SIMMOVER_REFUSES, 0);
	pat = simtree_enter(s.t, 0, "pat", "");
	later_begin(&l, &s, 0, "drain --then-exit --within 30s");
	client_expect(pat, "* NOTICE pat :This server goes down in 30 seconds, and your client "
	                   "cannot be moved. Please connect to s1.example.net (10.0.0.2:6667) "
	                   "instead.");
	run(&s, 10);
	assert_non_null(
		simmover_wait(s.movers[2], "* NOTICE m2 :This server goes down in 2* seconds*"));
	has(l.progress, "moved 2, refused 1, could not be moved 0, left 2, none of them can be "
	                "moved, stops in ");
	client_expect_none(pat, "*NOTICE*");
	run(&s, 8);
	assert_false(stopped(&s, 0));
	client_expect(pat, "* NOTICE pat :This server goes down in 10 seconds*");
	run(&s, 12);
	assert_true(stopped(&s, 0));
	assert_int_equal(l.status, 0);
	later_end(&l);
	client_expect(pat, "ERROR *Drained*");
	simmover_free(&s.movers[--s.n]);
	stage_close(&s);
}

static void who_was_told_is_told_that_it_stays(void **state)
{
	struct stage s;
	struct simclient *pat;
	struct later l;

	(void)state;
	stage_open(&s, 2, "", MODULES);
	pat = simtree_enter(s.t, 0, "pat", "");
	later_begin(&l, &s, 0, "drain --then-exit");
	client_expect(pat, "* NOTICE pat :This server goes down in 60 seconds*");
	ask(&s, 0, "drain --cancel");
	later_end(&l);
	client_expect(pat, "* NOTICE pat :This server does not go down now.");
	run(&s, 100);
	assert_false(stopped(&s, 0));
	stage_close(&s);
}

static void a_polite_stop_drains_first(void **state)
{
	struct stage s;
	struct simclient *pat;

	(void)state;
	stage_open(&s, 2, "client: {exempt: [\"127.0.0.0/8\"]}\n", MODULES);
	people_come(&s, 0, 10);
	behave(&s, SIMMOVER_SLOW);
	pat = simtree_enter(s.t, 0, "pat", "");
	ask(&s, 0, "server stop Maintenance");
	assert_false(stopped(&s, 0));
	has(simserver_log(server(&s, 0)),
	    "first=\"11 clients are moved to other servers first (60 s at most)\"");
	client_expect(pat, "* NOTICE pat :This server goes down in at most 60 seconds*");
	run(&s, 5);
	assert_true(stopped(&s, 0));
	client_expect(pat, "ERROR *Maintenance*");
	assert_int_equal(people_at(&s, 1), 10);
	stage_close(&s);
}

static void a_stop_waits_for_nobody_without_need(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s, 1, "", MODULES);
	people_come(&s, 0, 1);
	ask(&s, 0, "server stop");
	run(&s, 3);
	assert_true(stopped(&s, 0));
	simmover_free(&s.movers[--s.n]);
	stage_close(&s);
	stage_open(&s, 2, "", MODULES);
	simtree_enter(s.t, 0, "pat", "");
	ask(&s, 0, "server stop");
	run(&s, 3);
	assert_true(stopped(&s, 0));
	stage_close(&s);
	stage_open(&s, 2, "balance: {drain-on-stop: no}\n", MODULES);
	people_come(&s, 0, 1);
	ask(&s, 0, "server stop");
	run(&s, 3);
	assert_true(stopped(&s, 0));
	simmover_free(&s.movers[--s.n]);
	stage_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_are_known_everywhere),
		cmocka_unit_test(a_full_server_is_known_to_be_at_once),
		cmocka_unit_test(an_operator_moves_one_client),
		cmocka_unit_test(a_client_asks_for_a_move),
		cmocka_unit_test(a_crowd_is_spread_and_then_left_in_peace),
		cmocka_unit_test(who_has_just_come_is_left_in_peace),
		cmocka_unit_test(newcomers_are_sent_on),
		cmocka_unit_test(policies_are_swapped_in_mid_move),
		cmocka_unit_test(a_drain_moves_everybody_who_can_be),
		cmocka_unit_test(nobody_is_sent_where_there_is_no_room),
		cmocka_unit_test(a_server_alone_is_not_drained),
		cmocka_unit_test(a_drain_that_all_refuse_says_so),
		cmocka_unit_test(a_drain_is_watched_twice_and_cancelled),
		cmocka_unit_test(modules_come_and_go_in_mid_drain),
		cmocka_unit_test(without_redirect_a_drain_ends_and_nobody_is_lost),
		cmocka_unit_test(a_drained_server_stops_when_all_have_gone),
		cmocka_unit_test(an_empty_server_stops_when_it_is_told_to),
		cmocka_unit_test(the_middle_stops_and_nobody_sees_it),
		cmocka_unit_test(what_cannot_be_linked_does_not_hold_a_stop),
		cmocka_unit_test(who_cannot_be_moved_is_told),
		cmocka_unit_test(who_was_told_is_told_that_it_stays),
		cmocka_unit_test(a_polite_stop_drains_first),
		cmocka_unit_test(a_stop_waits_for_nobody_without_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
