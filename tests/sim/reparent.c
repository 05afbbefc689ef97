/*
 * tests/sim/reparent.c - random trees in which servers leave from the middle, their neighbours
 * being linked with each other first, while everybody talks, is moved, and modules are replaced; in
 * some of the stories links break and servers die at any moment of it.
 *
 * Where nothing breaks a leave must succeed, whoever else leaves at the same time, and nobody may
 * be shown anything of it (tests/sim/people.h knows what everybody must and may see). In all
 * stories the servers agree in the end on the state and on the tree.
 *
 *     reparent [SEEDS [FIRST]]     24 seeds from 1 unless told otherwise; a failing seed is printed
 *     GODWIT_MODULES_FIRST=DIR     takes modules from there first (a wrong one must be noticed),
 * and ends at the first seed that fails GODWIT_SHOW=1                tells the story of a seed that
 * fails, with what passed and logs
 *
 * run-all: timeout=600
 */
#include "core/mem.h"
#include "tests/sim/people.h"
#include "tests/sim/seeds.h"
#include <stdlib.h>
#include <string.h>

#define MODULES                                                                                    \
	"[store_fake, services, network, link, burst, client, account, channel, message, query, "  \
	"monitor, guest, oper, redirect, moves, probe]"
#define LEAVE_NS (60 * GW_SECOND)

/* Nothing else happens; people are moved and modules replaced; links and servers fail as well. */
enum kind { QUIET, BUSY, TROUBLED, KINDS };

/** A server, and what becomes of its leave. */
struct leaver {
	bool on;
	int64_t until_ns; /* then it must be over */
	size_t logged;    /* what its log held when it began */
};

struct world {
	uint64_t seed, random;
	enum kind kind;
	struct simtree *tree;
	struct people people;
	struct leaver leavers[SIMTREE_MAX];
	unsigned last, beside[SIMTREE_MAX], n_beside; /* who began to leave last; its neighbours */
	unsigned trap; /* events of the network until something happens; 0: it is not set */
	unsigned leaves, left, stops, cuts, crashes, reloads, moves;
};

static uint64_t draw(struct world *w, uint64_t n)
{
	w->random = w->random * 6364136223846793005 + 1442695040888963407;
	return (w->random >> 33) % n;
}

static unsigned some_node(struct world *w)
{
	return (unsigned)draw(w, w->tree->n);
}

/* Rather the one that leaves. */
static unsigned some_victim(struct world *w)
{
	return draw(w, 3) == 0 ? w->last : some_node(w);
}

static bool is_up(struct world *w, unsigned node)
{
	return !w->tree->nodes[node].down && simtree_is_open(w->tree, node);
}

static struct simserver *server(struct world *w, unsigned node)
{
	return w->tree->nodes[node].server;
}

static struct person *somebody(struct world *w)
{
	for (unsigned i = 0; i < 20; i++) {
		struct person *one = &w->people.all[draw(w, w->people.n)];

		if (person_here(one))
			return one;
	}
	return NULL;
}

/* --- what people do --- */

static void talk(struct world *w)
{
	for (unsigned k = 1 + (unsigned)draw(w, 4); k > 0; k--) {
		struct person *one = somebody(w), *other = somebody(w);

		if (one == NULL)
			return;
		for (unsigned n = 1 + (unsigned)draw(w, 3); n > 0; n--) {
			if (draw(w, 3) == 0)
				person_tells(&w->people, one, other);
			else
				person_says(&w->people, one, (unsigned)draw(w, ROOMS + 1));
		}
	}
}

static void fidget(struct world *w)
{
	struct person *one = somebody(w);

	if (one == NULL)
		return;
	switch (draw(w, 5)) {
	case 0:
	case 1:
		person_joins(one, (unsigned)draw(w, ROOMS));
		break;
	case 2:
		person_parts(one, (unsigned)draw(w, ROOMS));
		break;
	case 3:
		person_renames(one);
		break;
	default:
		simmover_say(one->m, "TOPIC #all :topic %u", one->number);
	}
}

static void come(struct world *w)
{
	static const char *const caps[] = {"", "echo-message", "batch message-tags",
	                                   "batch labeled-response echo-message message-tags"};
	unsigned node = some_node(w);

	if (is_up(w, node))
		people_enter(&w->people, node, draw(w, 4) != 0, false,
		             caps[draw(w, sizeof(caps) / sizeof(caps[0]))]);
}

static void move(struct world *w, struct person *one, unsigned to)
{
	unsigned from = simmover_node(one->m);
	int status;

	if (!one->able || w->tree->nodes[from].down || from == to)
		return;
	simserver_admin(server(w, from), &status, "moves begin t%ux%u %s", one->number,
	                one->seen_nick, w->tree->nodes[to].name);
	people_tell(&w->people, "t%u is to move from s%u to s%u%s", one->number, from, to,
	            status == 0 ? "" : ": no");
	w->moves += status == 0;
}

static void move_some(struct world *w)
{
	for (unsigned k = 1 + (unsigned)draw(w, 6); k > 0; k--) {
		struct person *one = somebody(w);

		if (one != NULL)
			move(w, one, some_node(w));
	}
}

/* --- servers leave --- */

/* Those that a server is linked with: a bit each. */
static unsigned links_of(struct world *w, unsigned node)
{
	const char *at = simserver_admin(server(w, node), NULL, "link list");
	unsigned links = 0, other;

	for (; at != NULL; at = strchr(at, '\n') == NULL ? NULL : strchr(at, '\n') + 1)
		if (sscanf(at, "s%u.example.net|up|", &other) == 1)
			links |= 1u << other;
	return links;
}

static bool has_people(struct world *w, unsigned node)
{
	for (unsigned i = 0; i < w->people.n; i++)
		if (person_here(&w->people.all[i]) &&
		    (simmover_node(w->people.all[i].m) == node ||
		     simmover_state(w->people.all[i].m)->state != MOVER_HOME))
			return true;
	return false;
}

/* False: it links nobody, or is about to leave. */
static bool leave_begins(struct world *w, unsigned node)
{
	struct leaver *l = &w->leavers[node];
	int status;

	if (l->on || !is_up(w, node))
		return false;
	l->logged = strlen(simserver_log(server(w, node)));
	simserver_admin(server(w, node), &status, "probe leave");
	if (status != 0)
		return false;
	people_tell(&w->people, "s%u leaves", node);
	w->last = node;
	w->n_beside = 0;
	for (unsigned i = 0; i < w->tree->n; i++)
		if (links_of(w, node) >> i & 1)
			w->beside[w->n_beside++] = i;
	l->on = true;
	l->until_ns = simnet_now(w->tree->net) + LEAVE_NS;
	w->leaves++;
	return true;
}

/* A server that leaves and has nobody at home ends, and comes back; another one stays. */
static void leave_ended(struct world *w, unsigned node)
{
	w->leavers[node].on = false;
	if (has_people(w, node) || draw(w, 3) == 0) {
		people_tell(&w->people, "s%u stays", node);
		simserver_admin(server(w, node), NULL, "probe stay");
		return;
	}
	people_tell(&w->people, "s%u ends", node);
	w->stops++;
	simserver_stop(server(w, node));
	w->tree->nodes[node].down = true;
	simnet_run(w->tree->net, (int64_t)draw(w, 3000) * GW_MS);
	simtree_start(w->tree, node);
}

static void leave_look(struct world *w, unsigned node)
{
	struct leaver *l = &w->leavers[node];
	const char *said;
	unsigned links;

	if (!l->on)
		return;
	said = strstr(simserver_log(server(w, node)) + l->logged, "said over tag=7 links=");
	if (said != NULL && sscanf(said, "said over tag=7 links=%u", &links) == 1) {
		w->left += links == 1;
		people_tell(&w->people, "s%u has left, it has %u links", node, links);
		if (links != 1 && w->kind != TROUBLED)
			people_fault(&w->people, "s%u has %u links when it has left", node, links);
		leave_ended(w, node);
	} else if (simnet_now(w->tree->net) > l->until_ns) {
		if (w->kind != TROUBLED)
			people_fault(&w->people, "s%u has not left within its time", node);
		leave_ended(w, node);
	}
}

/* --- trouble --- */

static void reload(struct world *w)
{
	static const char *const names[] = {"link", "link",   "network",  "burst",
	                                    "all",  "client", "redirect", "services"};
	const char *module = names[draw(w, sizeof(names) / sizeof(names[0]))];
	unsigned node = some_node(w);

	if (w->tree->nodes[node].down)
		return;
	people_tell(&w->people, "s%u replaces %s", node, module);
	simserver_admin(server(w, node), NULL, "module reload %s", module);
	w->reloads++;
}

static void cut(struct world *w)
{
	unsigned a = some_victim(w), b = some_node(w);

	if (w->n_beside > 1 && draw(w, 2) == 0) { /* the link that is to be is the weakest */
		a = w->beside[draw(w, w->n_beside)];
		b = w->beside[draw(w, w->n_beside)];
	}
	if (a == b || w->tree->nodes[a].down || w->tree->nodes[b].down)
		return;
	w->people.split = true;
	w->cuts++;
	if (draw(w, 4) == 0) {
		people_tell(&w->people, "s%u and s%u are stalled", a, b);
		simnet_stall(w->tree->net, simserver_host(server(w, a)),
		             simserver_host(server(w, b)));
	} else {
		people_tell(&w->people, "s%u and s%u are cut", a, b);
		simtree_cut(w->tree, a, b);
	}
}

static void crash(struct world *w)
{
	unsigned node = some_victim(w);

	if (w->tree->nodes[node].down)
		return;
	people_tell(&w->people, "s%u dies", node);
	for (unsigned i = 0; i < w->people.n; i++) {
		struct person *p = &w->people.all[i];

		if (person_here(p) && p->excuse == NULL &&
		    (simmover_node(p->m) == node || simmover_state(p->m)->state == MOVER_HOLDING))
			p->excuse = "a server died that held it";
	}
	w->leavers[node].on = false;
	w->people.split = true;
	w->crashes++;
	simtree_crash(w->tree, node);
	simnet_run(w->tree->net, (int64_t)draw(w, 3000) * GW_MS);
	simtree_start(w->tree, node);
}

static void heal(struct world *w)
{
	people_tell(&w->people, "links are healed");
	simtree_heal(w->tree);
}

static void spring(struct world *w)
{
	static void (*const quiet[])(struct world *) = {talk, fidget};
	static void (*const busy[])(struct world *) = {talk, fidget, move_some, reload, reload};
	static void (*const troubled[])(struct world *) = {cut, cut, cut, crash, reload};

	if (w->kind == QUIET)
		quiet[draw(w, sizeof(quiet) / sizeof(quiet[0]))](w);
	else if (w->kind == BUSY)
		busy[draw(w, sizeof(busy) / sizeof(busy[0]))](w);
	else
		troubled[draw(w, sizeof(troubled) / sizeof(troubled[0]))](w);
	if (draw(w, 3) == 0)
		w->trap = 1 + (unsigned)draw(w, 100);
}

/* How long it takes from one server to another differs by pair, so that ways race. */
static void delays(struct world *w)
{
	uint64_t most = draw(w, 3) == 0 ? 1 : 1 + draw(w, 150);

	for (unsigned a = 0; a < w->tree->n; a++)
		for (unsigned b = 0; b < a; b++)
			if (!w->tree->nodes[a].down && !w->tree->nodes[b].down)
				simnet_delay(w->tree->net, simserver_host(server(w, a)),
				             simserver_host(server(w, b)),
				             (int64_t)draw(w, most) * GW_MS);
}

/* --- the story --- */

static void pass(struct world *w, int64_t ns)
{
	int64_t until = simnet_now(w->tree->net) + ns;

	while (simnet_step(w->tree->net, until))
		if (w->trap > 0 && --w->trap == 0)
			spring(w);
	simnet_run(w->tree->net,
	           until > simnet_now(w->tree->net) ? until - simnet_now(w->tree->net) : 0);
}

/* Much is said, so that something is on every way at every moment. */
static void bustle(struct world *w)
{
	for (unsigned n = 10 + (unsigned)draw(w, 20); n > 0; n--) {
		talk(w);
		pass(w, (int64_t)draw(w, 20) * GW_MS);
	}
}

/* Often something happens to somebody while it is under way, and often two leave at a time. */
static void leave(struct world *w)
{
	unsigned wanted = draw(w, 3) == 0 ? 2 : 1;
	bool moves = w->kind == BUSY && draw(w, 2) == 0;

	if (moves && draw(w, 2) == 0)
		move_some(w);
	for (unsigned i = 0; i < 8 && wanted > 0; i++)
		wanted -= leave_begins(w, some_node(w));
	if (draw(w, 3) != 0)
		w->trap = 1 + (unsigned)draw(w, draw(w, 2) == 0 ? 100 : 500);
	if (moves) {
		pass(w, (int64_t)draw(w, 300) * GW_MS);
		move_some(w);
	}
	if (draw(w, 2) == 0)
		bustle(w);
}

static void step(struct world *w)
{
	static void (*const all[])(struct world *) = {
		talk, talk,   talk,      talk, talk, talk, fidget, leave, leave,
		come, delays, move_some, heal, cut,  heal, reload, crash};
	size_t n = w->kind == QUIET ? 11 : w->kind == BUSY ? 12 : sizeof(all) / sizeof(all[0]);

	all[draw(w, n)](w);
	pass(w, (int64_t)draw(w, draw(w, 8) == 0 ? 3000 : 150) * GW_MS);
	for (unsigned i = 0; i < w->people.n; i++)
		person_reads(&w->people, &w->people.all[i]);
	for (unsigned i = 0; i < w->tree->n; i++)
		leave_look(w, i);
}

static void begin(struct world *w)
{
	const char *first = getenv("GODWIT_MODULES_FIRST");
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	char *yaml =
		mem_printf("module-directory: [%s%s%s/modules, %s/tests/modules]\n"
	                   "client: {exempt: [\"127.0.0.0/8\", \"10.0.0.0/8\"], "
	                   "ping-interval: 60s, ping-timeout: 30s}\n",
	                   first != NULL ? first : "", first != NULL ? ", " : "", build, build);
	unsigned n = 3 + (unsigned)draw(w, 5), shape = (unsigned)draw(w, 3);

	free(build);
	w->tree = w->people.tree = simtree_new(w->seed, yaml, MODULES);
	free(yaml);
	while (w->tree->n < n)
		simtree_join(w->tree, shape == 0   ? 0
		                      : shape == 1 ? w->tree->n - 1
		                                   : (unsigned)draw(w, w->tree->n));
	if (!simtree_level(w->tree, 60 * GW_SECOND))
		people_fault(&w->people, "not level at first: %s", w->tree->why);
	for (unsigned i = 0; i < n + 2; i++)
		come(w);
	for (unsigned i = 0; i < w->people.n; i++)
		for (unsigned room = 0; room < ROOMS; room++)
			if (draw(w, 2) == 0)
				person_joins(&w->people.all[i], room);
	simnet_quiet(w->tree->net);
	delays(w);
}

/* --- what must hold --- */

static uint64_t edge(unsigned a, unsigned b)
{
	return UINT64_C(1) << (a < b ? 7 * a + b : 7 * b + a);
}

/* The tree as a server has it: a bit for each two that are linked. */
static uint64_t map_of(struct world *w, unsigned node, unsigned *edges_out)
{
	const char *at = simserver_admin(server(w, node), NULL, "map");
	uint64_t map = 0;
	unsigned a, b;

	*edges_out = 0;
	for (; (at = strstr(at, "|s")) != NULL; at++)
		if (sscanf(at, "|s%u.example.net|s%u.example.net|", &a, &b) == 2) {
			map |= edge(a, b);
			++*edges_out;
		}
	return map;
}

static void check_map(struct world *w)
{
	uint64_t first = 0, links = 0;
	unsigned edges;

	for (unsigned i = 0; i < w->tree->n; i++) {
		uint64_t map = map_of(w, i, &edges);

		first = i == 0 ? map : first;
		for (unsigned k = 0; k < w->tree->n; k++)
			if (links_of(w, i) >> k & 1)
				links |= edge(i, k);
		if (map != first || edges != w->tree->n - 1)
			people_fault(&w->people, "s%u has map %llx, s0 %llx", i,
			             (unsigned long long)map, (unsigned long long)first);
	}
	if (links != first)
		people_fault(&w->people, "the map is %llx, the links are %llx",
		             (unsigned long long)first, (unsigned long long)links);
}

static void check_moves(struct world *w)
{
	for (unsigned i = 0; i < w->tree->n; i++) {
		const char *left = simserver_admin(server(w, i), NULL, "moves left");

		if (strncmp(left, "from=0 to=0 shadows=0 moving=0 lost=0 unended=0", 47) != 0)
			people_fault(&w->people, "s%u has something left: %s", i, left);
	}
}

static void finish(struct world *w)
{
	w->trap = 0;
	heal(w);
	for (unsigned k = 0; k < 60 && w->people.fault[0] == '\0'; k++) {
		pass(w, GW_SECOND);
		for (unsigned i = 0; i < w->tree->n; i++)
			leave_look(w, i);
	}
	for (unsigned i = 0; i < w->tree->n; i++)
		if (w->leavers[i].on)
			leave_ended(w, i);
	for (unsigned a = 0; a < w->tree->n; a++)
		for (unsigned b = 0; b < a; b++)
			simnet_delay(w->tree->net, simserver_host(server(w, a)),
			             simserver_host(server(w, b)), 0);
	pass(w, (w->kind == TROUBLED ? 200 : 10) * GW_SECOND);
	if (!simtree_level(w->tree, 400 * GW_SECOND))
		people_fault(&w->people, "not level: %s", w->tree->why);
	for (unsigned i = 0; i < w->people.n; i++)
		person_reads(&w->people, &w->people.all[i]);
	people_talk(&w->people);
	simnet_quiet(w->tree->net);
	simnet_quiet(w->tree->net);
	people_settled(&w->people);
	check_map(w);
	check_moves(w);
	people_check_logs(&w->people);
}

static bool run(uint64_t seed, void *all)
{
	struct world *total = all;
	struct world *w = mem_alloc(sizeof(*w));
	unsigned steps;
	bool good;

	w->seed = seed;
	w->random = seed * 0x9e3779b97f4a7c15 + 1;
	w->kind = (enum kind)(seed % KINDS);
	begin(w);
	steps = 60 + (unsigned)draw(w, 60);
	for (unsigned i = 0; i < steps && w->people.fault[0] == '\0'; i++)
		step(w);
	if (w->people.fault[0] == '\0')
		finish(w);
	total->leaves += w->leaves;
	total->left += w->left;
	total->stops += w->stops;
	total->moves += w->moves;
	total->cuts += w->cuts;
	total->crashes += w->crashes;
	total->reloads += w->reloads;
	total->people.messages += w->people.messages;
	good = people_end(&w->people, seed);
	free(w);
	return good;
}

int main(int argc, char **argv)
{
	struct world *total = mem_alloc(sizeof(*total));
	uint64_t n;
	unsigned failed = seeds_run(argc, argv, 24, run, total, &n);

	printf("1..1\n%s 1 - %llu seeds: %u messages, %u leaves, %u to the end, %u stops, %u "
	       "moves, "
	       "%u cuts, %u crashes, %u replacements\n",
	       failed == 0 ? "ok" : "not ok", (unsigned long long)n, total->people.messages,
	       total->leaves, total->left, total->stops, total->moves, total->cuts, total->crashes,
	       total->reloads);
	free(total);
	return failed == 0 ? 0 : 1;
}
