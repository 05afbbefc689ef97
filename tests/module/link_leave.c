/*
 * tests/module/link_leave.c - a server in the middle of the tree leaves: its neighbours are linked
 * with each other, while people talk, and nobody sees anything. run-all: timeout=300
 */
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULES                                                                                    \
	"[store_fake, services, network, link, burst, client, account, channel, message, query, "  \
	"guest, probe, drover]"
#define YAML                                                                                       \
	"debug: {scan-state: yes}\n"                                                               \
	"client: {exempt: [\"127.0.0.0/8\"]}\n"
#define LONG (120 * GW_SECOND)
#define TALKERS_MAX 6

/* --- a tree with people who talk --- */

struct talker {
	struct simclient *client;
	unsigned node, said;
	char nick[8];
};

struct stage {
	struct simtree *t;
	struct talker talkers[TALKERS_MAX];
	unsigned n;
};

static struct simserver *server(struct stage *s, unsigned node)
{
	return s->t->nodes[node].server;
}

static const char *ask(struct stage *s, unsigned node, const char *command)
{
	return simserver_ask(server(s, node), "%s", command);
}

static bool logged(struct stage *s, unsigned node, const char *what)
{
	return strstr(simserver_log(server(s, node)), what) != NULL;
}

static unsigned links(struct stage *s, unsigned node)
{
	return sim_count(ask(s, node, "link list"), "|up|");
}

/* `up[i]` is by which server i joins. Each has but the links that it joined by. */
static void stage_open(struct stage *s, uint64_t seed, unsigned n, const unsigned *up)
{
	memset(s, 0, sizeof(*s));
	s->t = simtree_new(seed, YAML, MODULES);
	for (unsigned i = 1; i < n; i++) {
		simtree_join(s->t, up[i]);
		for (unsigned j = 0; j < i; j++)
			if (j != up[i])
				simtree_cut(s->t, j, i);
	}
	if (!simtree_level(s->t, LONG))
		fail_msg("%s", s->t->why);
	simtree_heal(s->t);
}

static void talker_come(struct stage *s, unsigned node)
{
	struct talker *t = &s->talkers[s->n];

	t->node = node;
	snprintf(t->nick, sizeof(t->nick), "p%u", s->n++);
	t->client = simtree_enter(s->t, node, t->nick, "batch message-tags");
	client_send(t->client, "JOIN #x");
	client_expect(t->client, "* 366 *");
}

static void stage_talkers(struct stage *s, const unsigned *nodes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		talker_come(s, nodes[i]);
	if (!simtree_level(s->t, LONG))
		fail_msg("%s", s->t->why);
	for (unsigned i = 0; i < n; i++)
		free(client_take(s->talkers[i].client));
}

/* Each says its next number; in steps in which a frame may be on its way everywhere. */
static void talk(struct stage *s, int64_t ns, int64_t each_ns)
{
	int64_t until = simnet_now(s->t->net) + ns;

	while (simnet_now(s->t->net) < until) {
		for (unsigned i = 0; i < s->n; i++)
			client_send(s->talkers[i].client, "PRIVMSG #x :%s %u", s->talkers[i].nick,
			            s->talkers[i].said++);
		simnet_run(s->t->net, each_ns);
	}
}

/* What one hears of all others comes once and in order; unless there was a split also all of it,
 * and nothing else is seen. */
static void heard(struct stage *s, unsigned i, bool split)
{
	char *text = client_take(s->talkers[i].client), *save = NULL;
	unsigned next[TALKERS_MAX] = {0}, who, number;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *said = strstr(line, " PRIVMSG #x :p");

		if (said == NULL && !split && strncmp(line, "PING ", 5) != 0)
			fail_msg("%s sees: %s", s->talkers[i].nick, line);
		if (said == NULL)
			continue;
		assert_int_equal(sscanf(said, " PRIVMSG #x :p%u %u", &who, &number), 2);
		if (number < next[who] || (number > next[who] && !split))
			fail_msg("%s hears %u of p%u in place of %u", s->talkers[i].nick, number,
			         who, next[who]);
		next[who] = number + 1;
	}
	for (who = 0; who < s->n && !split; who++)
		if (who != i && next[who] != s->talkers[who].said)
			fail_msg("%s has heard %u of p%u, who said %u", s->talkers[i].nick,
			         next[who], who, s->talkers[who].said);
	free(text);
}

static void all_heard(struct stage *s, bool split)
{
	simnet_run(s->t->net, 5 * GW_SECOND);
	for (unsigned i = 0; i < s->n; i++)
		heard(s, i, split);
	for (unsigned i = 0; i < s->n; i++)
		s->talkers[i].said = 0;
}

static void nobody_noticed(struct stage *s)
{
	all_heard(s, false);
}

static void level(struct stage *s)
{
	if (!simtree_level(s->t, LONG))
		fail_msg("%s", s->t->why);
}

static void refused_nothing(struct stage *s)
{
	for (unsigned i = 0; i < s->t->n; i++)
		if (s->t->nodes[i].down == false && logged(s, i, "record refused"))
			fail_msg("%s", simserver_log(server(s, i)));
}

/* The map as all have it: who is behind whom. */
static void linked(struct stage *s, unsigned a, unsigned b, bool are)
{
	char row[80];

	for (unsigned i = 0; i < s->t->n; i++) {
		const char *map;

		if (s->t->nodes[i].down)
			continue;
		map = ask(s, i, "map");
		snprintf(row, sizeof(row), "|s%u.example.net|s%u.example.net|", a, b);
		if (strstr(map, row) != NULL && are)
			continue;
		if (strstr(map, row) != NULL)
			fail_msg("%u: %s", i, map);
		snprintf(row, sizeof(row), "|s%u.example.net|s%u.example.net|", b, a);
		if ((strstr(map, row) != NULL) != are)
			fail_msg("%u: %s", i, map);
	}
}

/* --- it works --- */

static void delays(struct stage *s, int64_t ns)
{
	for (unsigned i = 0; i < s->t->n; i++)
		for (unsigned j = 0; j < i; j++)
			simnet_delay(s->t->net, simserver_host(server(s, i)),
			             simserver_host(server(s, j)),
			             ns * (1 + (int64_t)(simnet_random(s->t->net) % 4)));
}

static void leave(struct stage *s, unsigned node, int64_t ns)
{
	ask(s, node, "probe leave");
	talk(s, ns, 7 * GW_MS);
	if (!logged(s, node, "said over tag=7 links=1"))
		fail_msg("%s", simserver_log(server(s, node)));
}

static void the_middle_of_a_chain(void **state)
{
	static const unsigned up[] = {0, 0, 1}, people[] = {0, 2, 0, 2};

	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct stage s;

		stage_open(&s, seed, 3, up);
		stage_talkers(&s, people, 4);
		linked(&s, 0, 2, false);
		delays(&s, (int64_t)(seed % 4) * 10 * GW_MS);
		talk(&s, GW_SECOND, 7 * GW_MS);
		leave(&s, 1, 5 * GW_SECOND);
		linked(&s, 0, 2, true);
		assert_int_equal(links(&s, 1), 1);
		talk(&s, GW_SECOND, 7 * GW_MS);
		simserver_stop(server(&s, 1));
		s.t->nodes[1].down = true;
		talk(&s, 3 * GW_SECOND, 7 * GW_MS);
		nobody_noticed(&s);
		level(&s);
		simtree_start(s.t, 1);
		talk(&s, 30 * GW_SECOND, 70 * GW_MS);
		nobody_noticed(&s);
		level(&s);
		refused_nothing(&s);
		simtree_end(&s.t);
	}
}

/* Four neighbours, two of them with somebody behind; one after the other goes to the first. */
static void the_middle_of_a_star(void **state)
{
	static const unsigned up[] = {0, 0, 0, 0, 0, 1, 2}, people[] = {1, 2, 3, 4, 5, 6};

	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct stage s;

		stage_open(&s, seed, 7, up);
		stage_talkers(&s, people, 6);
		delays(&s, 10 * GW_MS);
		leave(&s, 0, 10 * GW_SECOND);
		assert_int_equal(links(&s, 0), 1);
		linked(&s, 0, 1, true);
		for (unsigned i = 2; i < 5; i++)
			linked(&s, 1, i, true);
		linked(&s, 5, 1, true);
		linked(&s, 6, 2, true);
		nobody_noticed(&s);
		simserver_stop(server(&s, 0));
		s.t->nodes[0].down = true;
		talk(&s, 3 * GW_SECOND, 20 * GW_MS);
		nobody_noticed(&s);
		level(&s);
		refused_nothing(&s);
		simtree_end(&s.t);
	}
}

/* Who has left ends, as it would. */
static unsigned end_those_who_left(struct stage *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->t->n; i++) {
		if (s->t->nodes[i].down || !logged(s, i, "said over tag=7 links=1"))
			continue;
		simserver_stop(server(s, i));
		s->t->nodes[i].down = true;
		n++;
	}
	return n;
}

/* Two neighbours leave at the same time, or three. */
static void leaves_that_cross(void **state)
{
	static const unsigned up[] = {0, 0, 1, 2, 3}, people[] = {0, 4, 0, 4};

	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		unsigned last = seed > 3 ? 3 : 2, n = 0;
		struct stage s;

		stage_open(&s, seed, 5, up);
		stage_talkers(&s, people, 4);
		delays(&s, 5 * GW_MS);
		for (unsigned i = 1; i <= last; i++) {
			ask(&s, i, "probe leave");
			talk(&s, (int64_t)(seed % 3) * 20 * GW_MS, 7 * GW_MS);
		}
		for (unsigned i = 0; i < 100 && n < last; i++) {
			talk(&s, 100 * GW_MS, 13 * GW_MS);
			n += end_those_who_left(&s);
		}
		assert_int_equal(n, last);
		nobody_noticed(&s);
		level(&s);
		linked(&s, 0, seed > 3 ? 4 : 3, true);
		simtree_end(&s.t);
	}
}

/* --- whatever happens meanwhile --- */

struct trouble {
	void (*begin)(struct stage *s);
	void (*end)(struct stage *s);
	int64_t lasts_ns;
	bool noticed;  /* perhaps */
	unsigned dies; /* 1 and the number of a server: nobody is there. 0: none */
};

/* Of a chain 0, 1, 2 the middle leaves; trouble begins at each of many moments. */
static void in_trouble(const struct trouble *trouble, int64_t at_ns, uint64_t seed)
{
	static const unsigned up[] = {0, 0, 1};
	static const unsigned people[][4] = {
		{0, 2, 1, 2}, {2, 1, 2, 1}, {0, 2, 0, 2}, {0, 1, 0, 1}};
	struct stage s;

	stage_open(&s, seed, 3, up);
	stage_talkers(&s, people[trouble->dies], 4);
	delays(&s, 4 * GW_MS);
	talk(&s, 100 * GW_MS, 7 * GW_MS);
	ask(&s, 1, "probe leave");
	talk(&s, at_ns, 7 * GW_MS);
	trouble->begin(&s);
	talk(&s, trouble->lasts_ns, 7 * GW_MS);
	if (trouble->end != NULL)
		trouble->end(&s);
	talk(&s, 3 * GW_SECOND, 50 * GW_MS);
	if (trouble->noticed)
		ask(&s, 1, "probe stay");
	level(&s);
	all_heard(&s, trouble->noticed);
	talk(&s, GW_SECOND, 50 * GW_MS);
	nobody_noticed(&s);
	if (!trouble->noticed)
		assert_true(logged(&s, 1, "said over tag=7 links=1"));
	refused_nothing(&s);
	simtree_end(&s.t);
}

/* A turn takes some 200 ms here. */
static void at_any_time(const struct trouble *trouble)
{
	for (unsigned i = 0; i < 9; i++)
		in_trouble(trouble, (i * 26 + i * 7 % 26) * GW_MS, i + 1);
}

static void heal(struct stage *s)
{
	simtree_heal(s->t);
}

static void stall(struct stage *s, unsigned a, unsigned b)
{
	simnet_stall(s->t->net, simserver_host(server(s, a)), simserver_host(server(s, b)));
}

static void stall_the_new(struct stage *s)
{
	stall(s, 0, 2);
}

static void stall_the_kept(struct stage *s)
{
	stall(s, 0, 1);
	stall(s, 1, 2);
}

static void stall_the_old(struct stage *s)
{
	stall(s, 1, 2);
}

static void what_takes_its_time_is_waited_for(void **state)
{
	(void)state;
	at_any_time(&(struct trouble){stall_the_new, heal, 3 * GW_SECOND, false, 0});
	at_any_time(&(struct trouble){stall_the_kept, heal, 2 * GW_SECOND, false, 0});
	at_any_time(&(struct trouble){stall_the_old, heal, 2 * GW_SECOND, false, 0});
}

static void reload(struct stage *s, const char *module)
{
	char line[40];

	snprintf(line, sizeof(line), "module reload %s", module);
	for (unsigned i = 0; i < 3; i++)
		ask(s, i, line);
}

static void reload_all(struct stage *s)
{
	reload(s, "link");
	reload(s, "network");
	reload(s, "burst");
}

static void code_is_replaced_meanwhile(void **state)
{
	(void)state;
	at_any_time(&(struct trouble){reload_all, reload_all, 8 * GW_MS, false, 0});
}

static void cut_the_new(struct stage *s)
{
	simtree_cut(s->t, 0, 2);
}

static void cut_the_kept(struct stage *s)
{
	simtree_cut(s->t, 0, 1);
}

static void cut_the_old(struct stage *s)
{
	simtree_cut(s->t, 1, 2);
}

static void a_link_breaks_meanwhile(void **state)
{
	(void)state;
	at_any_time(&(struct trouble){cut_the_new, heal, 2 * GW_SECOND, true, 0});
	at_any_time(&(struct trouble){cut_the_kept, heal, 2 * GW_SECOND, true, 0});
	at_any_time(&(struct trouble){cut_the_old, heal, 2 * GW_SECOND, true, 0});
}

static void who_hangs_is_given_up(void **state)
{
	(void)state;
	at_any_time(&(struct trouble){stall_the_new, heal, 40 * GW_SECOND, true, 0});
}

static void crash_the_kept(struct stage *s)
{
	simtree_crash(s->t, 0);
}

static void crash_the_leaver(struct stage *s)
{
	simtree_crash(s->t, 1);
}

static void crash_the_moved(struct stage *s)
{
	simtree_crash(s->t, 2);
}

static void start_again(struct stage *s)
{
	for (unsigned i = 0; i < 3; i++)
		if (s->t->nodes[i].down)
			simtree_start(s->t, i);
}

static void a_server_dies_meanwhile(void **state)
{
	(void)state;
	at_any_time(&(struct trouble){crash_the_kept, start_again, 2 * GW_SECOND, true, 1});
	at_any_time(&(struct trouble){crash_the_leaver, start_again, 2 * GW_SECOND, true, 2});
	at_any_time(&(struct trouble){crash_the_moved, start_again, 2 * GW_SECOND, true, 3});
}

/* --- a session that moves meanwhile --- */

static const char *drive(struct stage *s, unsigned node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static const char *drive(struct stage *s, unsigned node, const char *format, ...)
{
	char line[100];
	va_list args;
	int n = snprintf(line, sizeof(line), "drover ");

	va_start(args, format);
	vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
	va_end(args);
	return ask(s, node, line);
}

static unsigned written(struct stage *s, unsigned node)
{
	const char *answer = drive(s, node, "state ann"), *at = strstr(answer, " written ");

	if (at == NULL)
		fail_msg("%s", answer);
	return (unsigned)strtoul(at + 9, NULL, 10);
}

/* All that is said comes to the home and to the shadow. */
static void both_hear(struct stage *s, struct simclient *ann, unsigned shadow, unsigned said)
{
	char *text;

	simnet_run(s->t->net, 5 * GW_SECOND);
	text = client_take(ann);
	assert_int_equal(sim_count(text, " PRIVMSG #x :p"), said);
	assert_int_equal(written(s, shadow), said);
	free(text);
}

static unsigned said_by_all(const struct stage *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->talkers[i].said;
	return n;
}

/* Home, shadow and the third are the three neighbours of 1, which leaves. With `at_ns` 0 the shadow
 * is there before; else it comes that long after it begins to leave. */
static void move_over(unsigned home, unsigned shadow, int64_t at_ns, uint64_t seed)
{
	static const unsigned up[] = {0, 0, 1, 1};
	const unsigned third = 5 - home - shadow, people[] = {third, third};
	struct simclient *ann;
	struct stage s;

	stage_open(&s, seed, 4, up);
	ann = simtree_enter(s.t, home, "ann", "");
	client_send(ann, "JOIN #x");
	client_expect(ann, "* 366 *");
	stage_talkers(&s, people, 2);
	delays(&s, 4 * GW_MS);
	if (at_ns == 0)
		drive(&s, home, "shadow ann s%u.example.net", shadow);
	simnet_quiet(s.t->net);
	free(client_take(ann));
	if (at_ns == 0)
		drive(&s, shadow, "import ann channel.invited 1 #y,");
	ask(&s, 1, "probe leave");
	talk(&s, at_ns, 7 * GW_MS);
	if (at_ns > 0)
		drive(&s, home, "shadow ann s%u.example.net", shadow);
	talk(&s, 5 * GW_SECOND, 7 * GW_MS);
	assert_true(logged(&s, 1, "said over tag=7 links=1"));
	if (at_ns == 0)
		both_hear(&s, ann, shadow, said_by_all(&s));
	nobody_noticed(&s);
	free(client_take(ann));
	drive(&s, shadow, "import ann channel.invited 1 #y,");
	written(&s, shadow);
	talk(&s, GW_SECOND, 7 * GW_MS);
	both_hear(&s, ann, shadow, said_by_all(&s));
	nobody_noticed(&s);
	if (seed % 2 == 1) {
		drive(&s, home, "end ann");
		shadow = third;
		drive(&s, home, "shadow ann s%u.example.net", shadow);
		simnet_quiet(s.t->net);
	}
	drive(&s, home, "moving ann on");
	drive(&s, shadow, "move ann");
	simnet_quiet(s.t->net);
	for (unsigned i = 0; i < 4; i++) {
		char want[40];

		snprintf(want, sizeof(want), "s%u.example.net epoch 1 shadow - ", shadow);
		assert_non_null(strstr(drive(&s, i, "state ann"), want));
	}
	simserver_stop(server(&s, 1));
	s.t->nodes[1].down = true;
	talk(&s, GW_SECOND, 70 * GW_MS);
	nobody_noticed(&s);
	level(&s);
	refused_nothing(&s);
	simtree_end(&s.t);
}

static void a_session_that_moves_across_it(void **state)
{
	static const unsigned ends[] = {0, 2, 3};
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		unsigned home = ends[i / 3], shadow = ends[i % 3];

		if (home == shadow)
			continue;
		for (int64_t at = 0; at < 3; at++, seed++)
			move_over(home, shadow, at * (int64_t)(20 + seed * 17 % 100) * GW_MS, seed);
	}
}

/* --- what cannot be --- */

static void neighbours_that_do_not_reach_each_other(void **state)
{
	static const unsigned up[] = {0, 0, 1}, people[] = {0, 2};
	struct stage s;

	(void)state;
	stage_open(&s, 1, 3, up);
	stage_talkers(&s, people, 2);
	simtree_cut(s.t, 0, 2);
	ask(&s, 1, "probe leave");
	talk(&s, 40 * GW_SECOND, 100 * GW_MS);
	assert_true(logged(&s, 1, "said over tag=7 links=2"));
	assert_true(logged(&s, 1, "neither reaches the other"));
	nobody_noticed(&s);
	ask(&s, 1, "probe stay");
	simtree_heal(s.t);
	leave(&s, 1, 5 * GW_SECOND);
	nobody_noticed(&s);
	simtree_end(&s.t);
}

/* One that cannot be dialled dials; nobody leaves for whom there is nothing to be done. */
static void the_kept_one_dials_if_need_be(void **state)
{
	static const unsigned up[] = {0, 0, 1}, people[] = {0, 2};
	struct stage s;
	int status;

	(void)state;
	stage_open(&s, 1, 3, up);
	stage_talkers(&s, people, 2);
	ask(&s, 1, "server address add s0.example.net 10.0.0.99:7000");
	ask(&s, 1, "server address remove s0.example.net 10.0.0.1:7000");
	simnet_run(s.t->net, GW_SECOND);
	leave(&s, 1, 5 * GW_SECOND);
	assert_non_null(strstr(ask(&s, 0, "link list"), "s2.example.net|up|out|"));
	nobody_noticed(&s);
	simserver_admin(server(&s, 2), &status, "probe leave");
	assert_int_equal(status, -EALREADY);
	simtree_end(&s.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_middle_of_a_chain),
		cmocka_unit_test(the_middle_of_a_star),
		cmocka_unit_test(leaves_that_cross),
		cmocka_unit_test(what_takes_its_time_is_waited_for),
		cmocka_unit_test(code_is_replaced_meanwhile),
		cmocka_unit_test(a_link_breaks_meanwhile),
		cmocka_unit_test(who_hangs_is_given_up),
		cmocka_unit_test(a_server_dies_meanwhile),
		cmocka_unit_test(a_session_that_moves_across_it),
		cmocka_unit_test(neighbours_that_do_not_reach_each_other),
		cmocka_unit_test(the_kept_one_dials_if_need_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
