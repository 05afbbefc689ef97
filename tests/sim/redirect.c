/*
 * tests/sim/redirect.c - random networks in which clients are moved from server to server while
 * everybody talks and everything goes wrong: connections break, hang and half-open, servers die,
 * links are cut and stalled, clients refuse, vanish, come late or twice, modules are replaced.
 *
 * Some of it happens at a random moment, the rest at a chosen step of somebody's move. When the
 * trouble is over nobody has lost their connection without a reason, everybody has heard everything
 * once and in order (tests/sim/people.h), and nothing is left of any move.
 *
 *     redirect [SEEDS [FIRST]]     100 seeds from 1 unless told otherwise; a failing seed is
 * printed GODWIT_MODULES_FIRST=DIR     takes modules from there first (a wrong one must be
 * noticed), and ends at the first seed that fails GODWIT_SHOW=1                tells the story of a
 * seed that fails, with what passed and logs
 *
 * run-all: timeout=600
 */
#include "core/mem.h"
#include "tests/sim/people.h"
#include "tests/sim/seeds.h"
#include <stdlib.h>
#include <string.h>

#define CHANNELS 60 /* for long lists */

enum kind { QUIET, RUDE, BROKEN, TROUBLED, KINDS };

struct trap {
	struct simmover *m; /* NULL: not set */
	enum simmover_step step;
	unsigned after; /* so many events of the network behind it */
	bool sprung;
};

struct world {
	uint64_t seed;
	enum kind kind;
	struct simtree *tree;
	struct people people;
	struct trap trap;
	unsigned done, cuts, crashes, reloads, traps, manners;
};

static const char *name_of(const struct person *one)
{
	return simmover_nick(one->m);
}

static bool moves_now(const struct person *one)
{
	return simmover_state(one->m)->state != MOVER_HOME;
}

/* --- moves --- */

static void call_off(struct world *w)
{
	struct person *one = people_any(&w->people, true);

	if (one == NULL || w->tree->nodes[simmover_node(one->m)].down)
		return;
	people_tell(&w->people, "the move of %s is called off", name_of(one));
	simserver_admin(w->tree->nodes[simmover_node(one->m)].server, NULL, "moves cancel t%ux%u",
	                one->number, one->seen_nick);
}

static void manners(struct world *w)
{
	static const int64_t patience[] = {10, 100, 1000, 3000, 6000, 20000, 40000};
	struct person *one = people_any(&w->people, true);
	enum simmover_manner manner =
		(enum simmover_manner)people_draw(&w->people, SIMMOVER_MANNERS);
	int64_t ms = patience[people_draw(&w->people, sizeof(patience) / sizeof(patience[0]))];

	if (one == NULL)
		return;
	people_tell(&w->people, "%s has manners %d, patience %d ms", name_of(one), (int)manner,
	            (int)ms);
	simmover_behave(one->m, manner, ms * GW_MS);
	w->manners++;
}

static void replay(struct world *w)
{
	struct person *one = people_any(&w->people, true);

	if (one != NULL)
		simmover_replay(one->m, people_node(&w->people));
}

/* --- what happens to one client --- */

static void excuse(struct person *one, const char *why)
{
	if (one->excuse == NULL)
		one->excuse = why;
}

/* Of the two connections of a client either may break: then it may be lost, by the step it is at.
 */
static void break_connection(struct world *w, struct person *one)
{
	bool fresh = people_draw(&w->people, 2) == 0;
	struct simpipe *pipe = simmover_pipe(one->m, fresh);

	if (pipe == NULL)
		return;
	people_tell(&w->people, "%s: its %s connection breaks", name_of(one),
	            fresh ? "new" : "old");
	if (!fresh || simmover_state(one->m)->state == MOVER_HOLDING)
		excuse(one, "its connection broke");
	simpipe_cut(pipe);
}

static void half_open(struct world *w, struct person *one)
{
	bool fresh = people_draw(&w->people, 2) == 0;
	struct simpipe *pipe = simmover_pipe(one->m, fresh);

	if (pipe == NULL)
		return;
	people_tell(&w->people, "%s: nothing passes over its %s connection", name_of(one),
	            fresh ? "new" : "old");
	excuse(one, "nothing passed over its connection");
	simpipe_half_open(pipe);
}

static void block(struct world *w, struct person *one)
{
	bool fresh = people_draw(&w->people, 2) == 0;
	struct simpipe *pipe = simmover_pipe(one->m, fresh);

	if (pipe == NULL)
		return;
	people_tell(&w->people, "%s does not read its %s connection for a while", name_of(one),
	            fresh ? "new" : "old");
	simpipe_block(pipe, true);
	simnet_run(w->tree->net, (int64_t)people_draw(&w->people, 8000) * GW_MS);
	if (simmover_pipe(one->m, false) == pipe || simmover_pipe(one->m, true) == pipe)
		simpipe_block(pipe, false);
}

/* More than may be held for one who moves, and much to be executed where it arrives. */
static void flood(struct world *w, struct person *one)
{
	struct person *other = people_any(&w->people, false);

	if (other == NULL)
		return;
	people_tell(&w->people, "t%u talks a lot", other->number);
	for (unsigned n = 30 + (unsigned)people_draw(&w->people, 100); n > 0; n--)
		person_says(&w->people, other, 0);
	for (unsigned n = 30; n > 0; n--)
		person_asks(one);
}

static void leave(struct world *w, struct person *one)
{
	if (w->people.n > PEOPLE_MAX - 4)
		return;
	people_tell(&w->people, "%s goes without a word", name_of(one));
	excuse(one, "it left");
	simmover_leave(one->m);
}

static void killed(struct world *w, struct person *one)
{
	unsigned node = people_node(&w->people);

	if (w->tree->nodes[node].down || w->people.n > PEOPLE_MAX - 4)
		return;
	people_tell(&w->people, "%s is killed on s%u", name_of(one), node);
	excuse(one, "it was killed");
	simserver_admin(w->tree->nodes[node].server, NULL, "session kick t%ux%u away with it",
	                one->number, one->seen_nick);
}

static void fidgets(struct world *w, struct person *one)
{
	for (unsigned n = 1 + (unsigned)people_draw(&w->people, 4); n > 0; n--)
		person_fidgets(&w->people, one);
}

/* One comes to a room, or leaves it, in which the others talk at this very moment. */
static void bustle(struct world *w, struct person *one)
{
	unsigned room = (unsigned)people_draw(&w->people, ROOMS);

	people_tell(&w->people, "%s and others are busy in #r%u", name_of(one), room);
	for (unsigned n = 2 + (unsigned)people_draw(&w->people, 12); n > 0; n--) {
		struct person *other = people_any(&w->people, false);

		if (other != NULL && other != one)
			person_says(&w->people, other, room + 1);
		if (people_draw(&w->people, 8) == 0 && one->wants[room])
			person_parts(one, room);
		else if (people_draw(&w->people, 4) == 0 && !one->wants[room])
			person_joins(one, room);
		if (people_draw(&w->people, 3) == 0)
			simnet_run(w->tree->net, (int64_t)people_draw(&w->people, 10) * GW_MS);
	}
}

/* --- what happens to servers --- */

static void reload_at(struct world *w, unsigned node)
{
	static const char *const names[] = {"redirect", "redirect", "client",  "network", "link",
	                                    "burst",    "all",      "monitor", "channel", "moves"};
	const char *module = names[people_draw(&w->people, sizeof(names) / sizeof(names[0]))];

	if (w->tree->nodes[node].down)
		return;
	if (w->people.agent != NULL && people_draw(&w->people, 3) == 0) {
		people_tell(&w->people, "the agent's code is replaced");
		simserver_admin(w->people.agent, NULL, "module reload agent");
		return;
	}
	people_tell(&w->people, "s%u replaces %s", node, module);
	simserver_admin(w->tree->nodes[node].server, NULL, "module reload %s", module);
	w->reloads++;
}

static void reload(struct world *w, struct person *one)
{
	(void)one;
	reload_at(w, people_node(&w->people));
}

/* Who is on it loses their server; so may those for whom it has taken over, or is about to. */
static void crash(struct world *w, struct person *one)
{
	unsigned node = people_node(&w->people);

	(void)one;
	if (w->tree->nodes[node].down)
		return;
	people_tell(&w->people, "s%u dies", node);
	for (unsigned i = 0; i < w->people.n; i++) {
		struct person *p = &w->people.all[i];

		if (person_here(p) && !simmover_by_agent(p->m) &&
		    (simmover_node(p->m) == node || simmover_state(p->m)->state == MOVER_HOLDING))
			excuse(p, "a server died that held it");
	}
	simtree_crash(w->tree, node);
	w->crashes++;
	w->people.split = true;
	simnet_run(w->tree->net, (int64_t)people_draw(&w->people, 3000) * GW_MS);
	simtree_start(w->tree, node);
}

/* Of a link near one's home, if it can be. */
static void split(struct world *w, struct person *one)
{
	unsigned a =
		people_draw(&w->people, 2) == 0 ? people_node(&w->people) : simmover_node(one->m);
	unsigned b = a == 0 ? 1 : w->tree->nodes[a].uplink;
	int64_t ms = (int64_t)people_draw(&w->people, 400);

	if (a == b || w->tree->nodes[a].down || w->tree->nodes[b].down)
		return;
	w->people.split = true;
	w->cuts++;
	switch (people_draw(&w->people, 3)) {
	case 0:
		people_tell(&w->people, "s%u and s%u are delayed by %d ms", a, b, (int)ms);
		simnet_delay(w->tree->net, simserver_host(w->tree->nodes[a].server),
		             simserver_host(w->tree->nodes[b].server), ms * GW_MS);
		break;
	case 1:
		people_tell(&w->people, "s%u and s%u are stalled", a, b);
		simnet_stall(w->tree->net, simserver_host(w->tree->nodes[a].server),
		             simserver_host(w->tree->nodes[b].server));
		break;
	default:
		people_tell(&w->people, "s%u and s%u are cut", a, b);
		simtree_cut(w->tree, a, b);
	}
}

static void heal(struct world *w)
{
	people_tell(&w->people, "links are healed");
	simtree_heal(w->tree);
}

/* --- traps: something happens at a step of a move --- */

static void stepped(void *ctx, struct simmover *m, enum simmover_step step)
{
	struct world *w = ctx;

	w->done += step == SIMMOVER_SWAP;
	if (w->trap.m == m && w->trap.step == step)
		w->trap.sprung = true;
}

static struct person *person_of(struct world *w, const struct simmover *m)
{
	for (unsigned i = 0; i < w->people.n; i++)
		if (w->people.all[i].m == m)
			return &w->people.all[i];
	return NULL;
}

typedef void trouble_fn(struct world *w, struct person *one);

static trouble_fn *some_trouble(struct world *w)
{
	static trouble_fn *const quiet[] = {fidgets, bustle, bustle};
	static trouble_fn *const rude[] = {fidgets, bustle, reload, reload, flood};
	static trouble_fn *const broken[] = {
		bustle, reload, break_connection, break_connection, half_open, block, flood,
		leave,  killed};
	static trouble_fn *const troubled[] = {split,  split,  split,  crash, break_connection,
	                                       reload, bustle, killed, block, flood};

	if (w->kind == QUIET)
		return quiet[people_draw(&w->people, sizeof(quiet) / sizeof(quiet[0]))];
	if (w->kind == RUDE)
		return rude[people_draw(&w->people, sizeof(rude) / sizeof(rude[0]))];
	if (w->kind == BROKEN)
		return broken[people_draw(&w->people, sizeof(broken) / sizeof(broken[0]))];
	return troubled[people_draw(&w->people, sizeof(troubled) / sizeof(troubled[0]))];
}

/* Time passes; what a trap is set for happens at its moment. */
static void pass(struct world *w, int64_t ns)
{
	int64_t until = simnet_now(w->tree->net) + ns;

	while (simnet_step(w->tree->net, until)) {
		struct person *one;

		if (!w->trap.sprung || w->trap.after-- > 0)
			continue;
		one = person_of(w, w->trap.m);
		people_tell(&w->people, "trap: %s is at step %d", simmover_nick(w->trap.m),
		            (int)w->trap.step);
		w->trap = (struct trap){0};
		w->traps++;
		if (one != NULL && person_here(one))
			some_trouble(w)(w, one);
	}
}

static void set_trap(struct world *w)
{
	static const enum simmover_step steps[] = {
		SIMMOVER_REQUEST, SIMMOVER_DIALS,  SIMMOVER_HANDOVER, SIMMOVER_HANDOVER,
		SIMMOVER_SYNC,    SIMMOVER_SYNCED, SIMMOVER_SYNCED,   SIMMOVER_SYNCED,
		SIMMOVER_SWAP,    SIMMOVER_CANCEL, SIMMOVER_REFUSE};
	struct person *one = people_any(&w->people, true);

	if (one == NULL)
		return;
	w->trap = (struct trap){
		.m = one->m,
		.step = steps[people_draw(&w->people, sizeof(steps) / sizeof(steps[0]))],
		.after = people_draw(&w->people, 2) == 0 ? 0
	                                                 : (unsigned)people_draw(&w->people, 40)};
	people_move(&w->people, one, people_node(&w->people));
}

static void trouble_somebody(struct world *w)
{
	struct person *one = people_any(&w->people, true);

	if (one != NULL && (moves_now(one) || people_draw(&w->people, 4) == 0))
		some_trouble(w)(w, one);
}

/* --- the story --- */

static void act(struct world *w)
{
	static const struct {
		void (*theirs)(struct people *);
		void (*ours)(struct world *);
	} acts[] = {{people_chat, NULL},
	            {people_chat, NULL},
	            {people_chat, NULL},
	            {people_chat, NULL},
	            {people_chat, NULL},
	            {people_chat, NULL},
	            {people_fidget, NULL},
	            {people_fidget, NULL},
	            {people_move_any, NULL},
	            {people_move_any, NULL},
	            {people_move_any, NULL},
	            {people_move_many, NULL},
	            {NULL, set_trap},
	            {NULL, set_trap},
	            {NULL, set_trap},
	            {NULL, set_trap},
	            {NULL, call_off},
	            {people_slow, NULL},
	            {people_come, NULL},
	            {NULL, trouble_somebody},
	            {NULL, manners},
	            {NULL, replay},
	            {NULL, heal}};
	size_t n = sizeof(acts) / sizeof(acts[0]);

	/* The last ones are for those who do not behave, and for networks that do not. */
	n = people_draw(&w->people, n - (w->kind == QUIET ? 3 : w->kind == TROUBLED ? 0 : 1));
	if (acts[n].theirs != NULL)
		acts[n].theirs(&w->people);
	else
		acts[n].ours(w);
}

static void step(struct world *w)
{
	int64_t ms = w->kind == TROUBLED ? 500 : w->kind == QUIET ? 30 : 120;

	act(w);
	for (unsigned i = 0; i < w->people.n; i++) {
		if (w->people.all[i].m != NULL)
			simmover_watch(w->people.all[i].m, stepped, w);
		person_reads(&w->people, &w->people.all[i]);
	}
	pass(w,
	     (int64_t)people_draw(&w->people, people_draw(&w->people, 10) == 0 ? 10 * (uint64_t)ms
	                                                                       : (uint64_t)ms) *
	             GW_MS);
}

static void begin(struct world *w)
{
	const char *first = getenv("GODWIT_MODULES_FIRST");
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	bool tiny = w->people.tiny = people_draw(&w->people, 3) == 0;
	char *yaml = mem_printf(
		"module-directory: [%s%s%s/modules, %s/tests/modules]\n"
		"client: {exempt: [\"127.0.0.0/8\", \"10.0.0.0/8\"], ping-interval: 60s, "
		"ping-timeout: 30s}\n"
		"redirect: {hold: %s}\n",
		first != NULL ? first : "", first != NULL ? ", " : "", build, build,
		tiny ? "8k" : "256k");
	unsigned n = 3 + (unsigned)people_draw(&w->people, 3),
		 shape = (unsigned)people_draw(&w->people, 3);

	w->tree = w->people.tree = simtree_new(w->seed, yaml, SIMTREE_REDIRECT_MODULES);
	free(yaml);
	while (w->tree->n < n)
		simtree_join(w->tree, shape == 0   ? 0
		                      : shape == 1 ? w->tree->n - 1
		                                   : (unsigned)people_draw(&w->people, w->tree->n));
	if (!simtree_level(w->tree, 60 * GW_SECOND))
		people_fault(&w->people, "not level at first: %s", w->tree->why);
	people_begin_agent(&w->people, build);
	free(build);
	for (unsigned i = 0; i < 2 * n; i++)
		people_come(&w->people);
	if (w->people.n > 0 && people_draw(&w->people, 4) == 0)
		for (unsigned i = 0; i < CHANNELS; i++)
			simmover_say(w->people.all[0].m, "JOIN #list%u\r\nPART #list%u", i, i);
	for (unsigned i = 0; i < w->people.n; i++)
		for (unsigned room = 0; room < ROOMS; room++)
			if (people_draw(&w->people, 2) == 0)
				person_joins(&w->people.all[i], room);
	simnet_quiet(w->tree->net);
	if (people_draw(&w->people, 3) != 0)
		people_slow(&w->people);
}

static void finish(struct world *w)
{
	*simnet_faults(w->tree->net) =
		(struct simfaults){.latency_max_ns = 5 * GW_MS, .window = 1 << 20};
	for (unsigned a = 0; a < w->tree->n; a++)
		for (unsigned b = 0; b < a; b++)
			simnet_delay(w->tree->net, simserver_host(w->tree->nodes[a].server),
			             simserver_host(w->tree->nodes[b].server), 0);
	heal(w);
	w->trap = (struct trap){0};
	pass(w, (w->kind == QUIET ? 10 : 200) * GW_SECOND);
	if (!simtree_level(w->tree, 400 * GW_SECOND))
		people_fault(&w->people, "not level: %s", w->tree->why);
	for (unsigned i = 0; i < w->people.n; i++)
		person_reads(&w->people, &w->people.all[i]);
	people_talk(&w->people);
	people_talk(&w->people);
	simnet_quiet(w->tree->net);
	simnet_quiet(w->tree->net);
	people_settled(&w->people);
	people_check_left(&w->people);
	people_check_logs(&w->people);
}

static bool run(uint64_t seed, void *all)
{
	struct world *total = all;
	struct world w = {.seed = seed,
	                  .people.random = seed * 0x9e3779b97f4a7c15 + 1,
	                  .kind = (enum kind)(seed % KINDS)};
	unsigned steps;

	begin(&w);
	steps = 50 + (unsigned)people_draw(&w.people, 50);
	for (unsigned i = 0; i < steps && w.people.fault[0] == '\0'; i++)
		step(&w);
	if (w.people.fault[0] == '\0')
		finish(&w);
	total->people.moves += w.people.moves;
	total->done += w.done;
	total->cuts += w.cuts;
	total->crashes += w.crashes;
	total->reloads += w.reloads;
	total->traps += w.traps;
	total->manners += w.manners;
	total->people.messages += w.people.messages;
	return people_end(&w.people, seed);
}

int main(int argc, char **argv)
{
	struct world *total = mem_alloc(sizeof(*total));
	uint64_t n;
	unsigned failed = seeds_run(argc, argv, 100, run, total, &n);

	printf("1..1\n%s 1 - %llu seeds: %u messages, %u moves begun, %u done, %u traps, %u cuts, "
	       "%u crashes, %u replacements, %u bad manners\n",
	       failed == 0 ? "ok" : "not ok", (unsigned long long)n, total->people.messages,
	       total->people.moves, total->done, total->traps, total->cuts, total->crashes,
	       total->reloads, total->manners);
	free(total);
	return failed == 0 ? 0 : 1;
}
