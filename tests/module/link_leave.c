/*
 * tests/module/link_leave.c - a server in the middle of the tree leaves: its neighbours are linked
 * with each other, while people talk, and nobody sees anything. run-all: timeout=300
 */
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULES                                                                                    \
	"[store_fake, services, network, link, burst, client, account, channel, message, query, "  \
	"guest, probe]"
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
	int status;
	const char *answer = simserver_admin(server(s, node), &status, "%s", command);

	if (status != 0)
		fail_msg("%u: %s: %s", node, command, answer);
	return answer;
}

static bool logged(struct stage *s, unsigned node, const char *what)
{
	return strstr(simserver_log(server(s, node)), what) != NULL;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

static unsigned links(struct stage *s, unsigned node)
{
	return count(ask(s, node, "link list"), "|up|");
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

/* Everybody has heard everybody else, all of it, once and in order, and nothing but that. */
static void all_heard(struct stage *s, unsigned i)
{
	char *text = client_take(s->talkers[i].client), *save = NULL;
	unsigned next[TALKERS_MAX] = {0}, who, number;

	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *said = strstr(line, " PRIVMSG #x :p");

		if (said == NULL && strncmp(line, "PING ", 5) != 0)
			fail_msg("%s sees: %s", s->talkers[i].nick, line);
		if (said == NULL)
			continue;
		assert_int_equal(sscanf(said, " PRIVMSG #x :p%u %u", &who, &number), 2);
		if (number != next[who])
			fail_msg("%s hears %u of p%u in place of %u", s->talkers[i].nick, number,
			         who, next[who]);
		next[who]++;
	}
	for (who = 0; who < s->n; who++)
		if (who != i && next[who] != s->talkers[who].said)
			fail_msg("%s has heard %u of p%u, who said %u", s->talkers[i].nick,
			         next[who], who, s->talkers[who].said);
	free(text);
}

static void nobody_noticed(struct stage *s)
{
	simnet_run(s->t->net, 5 * GW_SECOND);
	for (unsigned i = 0; i < s->n; i++)
		all_heard(s, i);
	for (unsigned i = 0; i < s->n; i++)
		s->talkers[i].said = 0;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_middle_of_a_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
