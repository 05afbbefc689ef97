/*
 * tests/sim/hostile.c - one member of a network goes bad (tests/modules/hostile). The others lose
 * nothing by it: they stay up, their users talk on, they hold the same live network and the same
 * databases, and whoever looks into the log finds the bad one's name.
 *
 *     hostile [SEEDS [FIRST]]     10 seeds from 1 unless told otherwise
 *
 * run-all: timeout=300
 */
#include "core/mem.h"
#include "tests/sim/tree.h"
#include <stdlib.h>
#include <string.h>

#define ROUNDS 12

struct totals {
	unsigned long long frames;
	unsigned refused;
};

static void join_hostile(struct simtree *t)
{
	simtree_join(t, 0);
	simtree_join(t, 0);
	simserver_admin(t->nodes[2].server, NULL, "module load hostile");
}

/* Servers 0 and 1, who are honest, have the same. */
static bool honest_are_level(struct simtree *t, const char *key)
{
	char a[200], b[200];

	for (unsigned i = 0; i < 150; i++) {
		simtree_figure(t, 0, key, a);
		simtree_figure(t, 1, key, b);
		if (strcmp(a, b) == 0 && a[0] != '\0')
			return true;
		simnet_run(t->net, 200 * GW_MS);
	}
	fprintf(stderr, "# %s: %.70s and %.70s\n", key, a, b);
	return false;
}

/* Each hears all that the other says, in order. */
static bool talk(struct simclient *from, struct simclient *to, unsigned *number)
{
	char glob[40];

	snprintf(glob, sizeof(glob), "*PRIVMSG #all :m%u.", ++*number);
	client_send(from, "PRIVMSG #all :m%u.", *number);
	client_expect(to, glob);
	return !client_ended(from) && !client_ended(to);
}

static bool run(uint64_t seed, struct totals *totals)
{
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	char *yaml = mem_printf("module-directory: [%s/modules, %s/tests/modules]\n", build, build);
	struct simtree *t = simtree_new(seed, yaml, NULL);
	struct simclient *a, *b, *c;
	unsigned number = 0;
	bool good = true;

	free(yaml);
	free(build);
	join_hostile(t);
	good = simtree_level(t, 30 * GW_SECOND);
	a = simtree_enter(t, 0, "ann", "batch");
	b = simtree_enter(t, 1, "bob", "message-tags");
	c = simtree_enter(t, 2, "cat", "");
	client_send(a, "JOIN #all");
	client_expect(a, "* 366 *");
	client_send(b, "JOIN #all");
	client_expect(a, "*bob*JOIN*");
	simserver_admin(t->nodes[2].server, NULL, "hostile begin");
	for (unsigned i = 0; i < ROUNDS && good; i++) {
		client_send(c,
		            "JOIN #all\r\nPRIVMSG #all :c\r\nTOPIC #all :c%u\r\nPART #all\r\n"
		            "NICK cat%u\r\nAWAY :%u\r\nJOIN #c%u\r\nMODE #c%u +bl x!*@* 5",
		            i, i, i, i % 3, i % 3);
		good = talk(a, b, &number) && talk(b, a, &number);
		simnet_run(t->net, 5 * GW_SECOND);
	}
	simserver_admin(t->nodes[2].server, NULL, "link disconnect %s", t->nodes[0].name);
	good = good && honest_are_level(t, "live-digest") && honest_are_level(t, "services-digest");
	totals->frames +=
		strtoull(simserver_admin(t->nodes[2].server, NULL, "hostile count"), NULL, 10);
	totals->refused += sim_count(simserver_log(t->nodes[0].server), "peer=s2.example.net");
	if (sim_count(simserver_log(t->nodes[0].server), "peer=s2.example.net") < 5) {
		fprintf(stderr, "# the log of s0 hardly names the bad one\n");
		good = false;
	}
	if (!good && getenv("GODWIT_SHOW") != NULL)
		fprintf(stderr, "%s\n", simserver_log(t->nodes[0].server));
	simtree_end(&t);
	if (!good)
		fprintf(stderr, "# seed %llu\n", (unsigned long long)seed);
	return good;
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 10;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct totals totals = {0};
	unsigned failed = 0;

	for (uint64_t seed = first; seed < first + n; seed++)
		failed += !run(seed, &totals);
	printf("1..1\n%s 1 - %llu seeds: %llu bad frames, %u lines about them\n",
	       failed == 0 ? "ok" : "not ok", (unsigned long long)n, totals.frames, totals.refused);
	return failed == 0 ? 0 : 1;
}
