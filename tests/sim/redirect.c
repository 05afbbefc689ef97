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
	uint64_t seed, random;
	enum kind kind;
	struct simtree *tree;
	struct simserver *agent; /* some come by it; NULL: there is none */
	struct people people;
	struct trap trap;
	unsigned moves, done, cuts, crashes, reloads, traps, manners;
};

static uint64_t draw(struct world *w, uint64_t n)
{
	w->random = w->random * 6364136223846793005 + 1442695040888963407;
	return (w->random >> 33) % n;
}

static const char *name_of(const struct person *one)
{
	return simmover_nick(one->m);
}

static unsigned some_node(struct world *w)
{
	return (unsigned)draw(w, w->tree->n);
}

/* Somebody who is there; NULL: nobody was found. */
static struct person *somebody(struct world *w, bool able)
{
	for (unsigned i = 0; i < 20; i++) {
		struct person *one = &w->people.all[draw(w, w->people.n)];

		if (person_here(one) && (one->able || !able))
			return one;
	}
	return NULL;
}

static bool moves_now(const struct person *one)
{
	return simmover_state(one->m)->state != MOVER_HOME;
}

/* --- what people do --- */

static void talk(struct world *w)
{
	struct person *one = somebody(w, false), *other = somebody(w, false);

	if (one == NULL)
		return;
	for (unsigned n = 1 + (unsigned)draw(w, 4); n > 0; n--) {
		if (draw(w, 3) == 0)
			person_tells(&w->people, one, other);
		else
			person_says(&w->people, one, (unsigned)draw(w, ROOMS + 1));
	}
	if (draw(w, 3) == 0)
		person_asks(one);
}

static void toggle_cap(struct world *w, struct person *one)
{
	static const char *const caps[] = {"server-time", "away-notify", "multi-prefix",
	                                   "extended-join", "message-tags"};

	simmover_say(one->m, "CAP REQ :%s%s", draw(w, 2) == 0 ? "-" : "",
	             caps[draw(w, sizeof(caps) / sizeof(caps[0]))]);
	one->caps_asked++;
}

static void fidget_with(struct world *w, struct person *one)
{
	struct person *other = somebody(w, false);

	switch (draw(w, 12)) {
	case 0:
	case 1:
	case 2:
		person_joins(one, (unsigned)draw(w, ROOMS));
		break;
	case 3:
	case 4:
		person_parts(one, (unsigned)draw(w, ROOMS));
		break;
	case 5:
		person_renames(one);
		break;
	case 6:
		simmover_say(one->m, draw(w, 2) == 0 ? "AWAY" : "AWAY :not here");
		one->away_said++;
		break;
	case 7:
		if (other != NULL)
			simmover_say(one->m, "MONITOR %c t%ux0", draw(w, 2) == 0 ? '+' : '-',
			             other->number);
		break;
	case 8:
		simmover_say(one->m, "TOPIC #all :topic %u", one->number);
		break;
	case 9:
		person_lists(one);
		break;
	case 10:
		toggle_cap(w, one);
		break;
	default:
		simmover_say(one->m, "AUTHENTICATE %s", draw(w, 2) == 0 ? "PLAIN" : "*");
	}
}

static void fidget(struct world *w)
{
	struct person *one = somebody(w, false);

	if (one != NULL)
		fidget_with(w, one);
}

static void come(struct world *w)
{
	static const char *const caps[] = {
		"",
		"echo-message",
		"batch labeled-response echo-message message-tags",
		"server-time away-notify batch extended-join cap-notify",
	};
	const char *wanted = caps[draw(w, sizeof(caps) / sizeof(caps[0]))];
	unsigned node = some_node(w);

	if (w->agent != NULL && draw(w, 2) == 0)
		people_enter_by(&w->people, w->agent, wanted);
	else if (!w->tree->nodes[node].down && simtree_is_open(w->tree, node))
		people_enter(&w->people, node, draw(w, 4) != 0, draw(w, 3) == 0, wanted);
}

/* --- moves --- */

static void move(struct world *w, struct person *one, unsigned to)
{
	unsigned from = simmover_node(one->m);
	char nick[32];
	int status;

	if (w->tree->nodes[from].down || from == to)
		return;
	snprintf(nick, sizeof(nick), "t%ux%u", one->number, one->seen_nick);
	simserver_admin(w->tree->nodes[from].server, &status, "moves begin %s %s", nick,
	                w->tree->nodes[to].name);
	people_tell(&w->people, "%s is to move from s%u to s%u%s", nick, from, to,
	            status == 0 ? "" : ": no");
	w->moves += status == 0;
}

static void move_somebody(struct world *w)
{
	struct person *one = somebody(w, true);

	if (one != NULL)
		move(w, one, some_node(w));
}

static void move_many(struct world *w)
{
	unsigned to = some_node(w);

	for (unsigned i = 0; i < w->people.n; i++)
		if (w->people.all[i].able && person_here(&w->people.all[i]))
			move(w, &w->people.all[i], to);
}

static void call_off(struct world *w)
{
	struct person *one = somebody(w, true);

	if (one == NULL || w->tree->nodes[simmover_node(one->m)].down)
		return;
	people_tell(&w->people, "the move of %s is called off", name_of(one));
	simserver_admin(w->tree->nodes[simmover_node(one->m)].server, NULL, "moves cancel t%ux%u",
	                one->number, one->seen_nick);
}

static void manners(struct world *w)
{
	static const int64_t patience[] = {10, 100, 1000, 3000, 6000, 20000, 40000};
	struct person *one = somebody(w, true);
	enum simmover_manner manner = (enum simmover_manner)draw(w, SIMMOVER_MANNERS);
	int64_t ms = patience[draw(w, sizeof(patience) / sizeof(patience[0]))];

	if (one == NULL)
		return;
	people_tell(&w->people, "%s has manners %d, patience %d ms", name_of(one), (int)manner,
	            (int)ms);
	simmover_behave(one->m, manner, ms * GW_MS);
	w->manners++;
}

static void replay(struct world *w)
{
	struct person *one = somebody(w, true);

	if (one != NULL)
		simmover_replay(one->m, some_node(w));
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
	bool fresh = draw(w, 2) == 0;
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
	bool fresh = draw(w, 2) == 0;
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
	bool fresh = draw(w, 2) == 0;
	struct simpipe *pipe = simmover_pipe(one->m, fresh);

	if (pipe == NULL)
		return;
	people_tell(&w->people, "%s does not read its %s connection for a while", name_of(one),
	            fresh ? "new" : "old");
	simpipe_block(pipe, true);
	simnet_run(w->tree->net, (int64_t)draw(w, 8000) * GW_MS);
	if (simmover_pipe(one->m, false) == pipe || simmover_pipe(one->m, true) == pipe)
		simpipe_block(pipe, false);
}

/* More than may be held for one who moves, and much to be executed where it arrives. */
static void flood(struct world *w, struct person *one)
{
	struct person *other = somebody(w, false);

	if (other == NULL)
		return;
	people_tell(&w->people, "t%u talks a lot", other->number);
	for (unsigned n = 30 + (unsigned)draw(w, 100); n > 0; n--)
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
	unsigned node = some_node(w);

	if (w->tree->nodes[node].down || w->people.n > PEOPLE_MAX - 4)
		return;
	people_tell(&w->people, "%s is killed on s%u", name_of(one), node);
	excuse(one, "it was killed");
	simserver_admin(w->tree->nodes[node].server, NULL, "kill t%ux%u away with it", one->number,
	                one->seen_nick);
}

static void fidgets(struct world *w, struct person *one)
{
	for (unsigned n = 1 + (unsigned)draw(w, 4); n > 0; n--)
		fidget_with(w, one);
}

/* One comes to a room, or leaves it, in which the others talk at this very moment. */
static void bustle(struct world *w, struct person *one)
{
	unsigned room = (unsigned)draw(w, ROOMS);

	people_tell(&w->people, "%s and others are busy in #r%u", name_of(one), room);
	for (unsigned n = 2 + (unsigned)draw(w, 12); n > 0; n--) {
		struct person *other = somebody(w, false);

		if (other != NULL && other != one)
			person_says(&w->people, other, room + 1);
		if (draw(w, 8) == 0 && one->wants[room])
			person_parts(one, room);
		else if (draw(w, 4) == 0 && !one->wants[room])
			person_joins(one, room);
		if (draw(w, 3) == 0)
			simnet_run(w->tree->net, (int64_t)draw(w, 10) * GW_MS);
	}
}

/* --- what happens to servers --- */

static void reload_at(struct world *w, unsigned node)
{
	static const char *const names[] = {"redirect", "redirect", "client",  "network", "link",
	                                    "burst",    "all",      "monitor", "channel", "moves"};
	const char *module = names[draw(w, sizeof(names) / sizeof(names[0]))];

	if (w->tree->nodes[node].down)
		return;
	if (w->agent != NULL && draw(w, 3) == 0) {
		people_tell(&w->people, "the agent's code is replaced");
		simserver_admin(w->agent, NULL, "module reload agent");
		return;
	}
	people_tell(&w->people, "s%u replaces %s", node, module);
	simserver_admin(w->tree->nodes[node].server, NULL, "module reload %s", module);
	w->reloads++;
}

static void reload(struct world *w, struct person *one)
{
	(void)one;
	reload_at(w, some_node(w));
}

/* Who is on it loses their server; so may those for whom it has taken over, or is about to. */
static void crash(struct world *w, struct person *one)
{
	unsigned node = some_node(w);

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
	simnet_run(w->tree->net, (int64_t)draw(w, 3000) * GW_MS);
	simtree_start(w->tree, node);
}

/* Of a link near one's home, if it can be. */
static void split(struct world *w, struct person *one)
{
	unsigned a = draw(w, 2) == 0 ? some_node(w) : simmover_node(one->m);
	unsigned b = a == 0 ? 1 : w->tree->nodes[a].uplink;
	int64_t ms = (int64_t)draw(w, 400);

	if (a == b || w->tree->nodes[a].down || w->tree->nodes[b].down)
		return;
	w->people.split = true;
	w->cuts++;
	switch (draw(w, 3)) {
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

static void slow(struct world *w)
{
	*simnet_faults(w->tree->net) = (struct simfaults){
		.latency_min_ns = 50000,
		.latency_max_ns = (int64_t)(1 + draw(w, 60)) * GW_MS,
		.short_writes = (unsigned)draw(w, 50),
		.short_reads = (unsigned)draw(w, 50),
		.window = 8192 + draw(w, 200000),
		.work_max_ns = (int64_t)draw(w, 30) * GW_MS,
	};
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
		return quiet[draw(w, sizeof(quiet) / sizeof(quiet[0]))];
	if (w->kind == RUDE)
		return rude[draw(w, sizeof(rude) / sizeof(rude[0]))];
	if (w->kind == BROKEN)
		return broken[draw(w, sizeof(broken) / sizeof(broken[0]))];
	return troubled[draw(w, sizeof(troubled) / sizeof(troubled[0]))];
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
	struct person *one = somebody(w, true);

	if (one == NULL)
		return;
	w->trap = (struct trap){.m = one->m,
	                        .step = steps[draw(w, sizeof(steps) / sizeof(steps[0]))],
	                        .after = draw(w, 2) == 0 ? 0 : (unsigned)draw(w, 40)};
	move(w, one, some_node(w));
}

static void trouble_somebody(struct world *w)
{
	struct person *one = somebody(w, true);

	if (one != NULL && (moves_now(one) || draw(w, 4) == 0))
		some_trouble(w)(w, one);
}

/* --- the story --- */

static void step(struct world *w)
{
	static void (*const all[])(struct world *) = {
		talk,          talk,      talk,     talk,          talk,
		talk,          fidget,    fidget,   move_somebody, move_somebody,
		move_somebody, move_many, set_trap, set_trap,      set_trap,
		set_trap,      call_off,  slow,     come,          trouble_somebody,
		manners,       replay,    heal};
	size_t n = sizeof(all) / sizeof(all[0]);
	int64_t ms = w->kind == TROUBLED ? 500 : w->kind == QUIET ? 30 : 120;

	/* The last ones are for those who do not behave, and for networks that do not. */
	n -= w->kind == QUIET ? 3 : w->kind == TROUBLED ? 0 : 1;
	all[draw(w, n)](w);
	for (unsigned i = 0; i < w->people.n; i++) {
		if (w->people.all[i].m != NULL)
			simmover_watch(w->people.all[i].m, stepped, w);
		person_reads(&w->people, &w->people.all[i]);
	}
	pass(w, (int64_t)draw(w, draw(w, 10) == 0 ? 10 * (uint64_t)ms : (uint64_t)ms) * GW_MS);
}

/* Before the network, for some of those who come. Whom it brings back from a server that has died
 * has missed something, and must still agree with all others about who is where. */
static void begin_agent(struct world *w, const char *build)
{
	char *yaml;

	if (draw(w, 2) == 0)
		return;
	yaml = mem_printf("server: agent.localhost\nmodules: [agent]\n"
	                  "module-directory: [%s/modules]\nlisten:\n"
	                  "  - {address: \"" SIMMOVER_AGENT "\", protocol: agent, tls: no}\n"
	                  "agent: {upstream: [\"10.0.0.1:6697\", \"10.0.0.2:6697\"]}\n",
	                  build);
	w->agent = simnet_server(w->tree->net, yaml);
	free(yaml);
}

static void begin(struct world *w)
{
	const char *first = getenv("GODWIT_MODULES_FIRST");
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	bool tiny = w->people.tiny = draw(w, 3) == 0;
	char *yaml = mem_printf(
		"module-directory: [%s%s%s/modules, %s/tests/modules]\n"
		"client: {exempt: [\"127.0.0.0/8\", \"10.0.0.0/8\"], ping-interval: 60s, "
		"ping-timeout: 30s}\n"
		"redirect: {hold: %s}\n",
		first != NULL ? first : "", first != NULL ? ", " : "", build, build,
		tiny ? "8k" : "256k");
	unsigned n = 3 + (unsigned)draw(w, 3), shape = (unsigned)draw(w, 3);

	w->tree = w->people.tree = simtree_new(w->seed, yaml, SIMTREE_REDIRECT_MODULES);
	free(yaml);
	while (w->tree->n < n)
		simtree_join(w->tree, shape == 0   ? 0
		                      : shape == 1 ? w->tree->n - 1
		                                   : (unsigned)draw(w, w->tree->n));
	if (!simtree_level(w->tree, 60 * GW_SECOND))
		people_fault(&w->people, "not level at first: %s", w->tree->why);
	begin_agent(w, build);
	free(build);
	for (unsigned i = 0; i < 2 * n; i++)
		come(w);
	if (w->people.n > 0 && draw(w, 4) == 0)
		for (unsigned i = 0; i < CHANNELS; i++)
			simmover_say(w->people.all[0].m, "JOIN #list%u\r\nPART #list%u", i, i);
	for (unsigned i = 0; i < w->people.n; i++)
		for (unsigned room = 0; room < ROOMS; room++)
			if (draw(w, 2) == 0)
				person_joins(&w->people.all[i], room);
	simnet_quiet(w->tree->net);
	if (draw(w, 3) != 0)
		slow(w);
}

/* The servers' own view: nothing of any move is left. */
static void check_left(struct world *w)
{
	for (unsigned i = 0; i < w->tree->n; i++) {
		const char *left = simserver_admin(w->tree->nodes[i].server, NULL, "moves left");

		if (strncmp(left, "from=0 to=0 shadows=0 moving=0 lost=0 unended=0", 47) != 0)
			people_fault(&w->people, "%s has something left: %s",
			             w->tree->nodes[i].name, left);
	}
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
	check_left(w);
	people_check_logs(&w->people);
}

static bool run(uint64_t seed, void *all)
{
	struct world *total = all;
	struct world w = {.seed = seed,
	                  .random = seed * 0x9e3779b97f4a7c15 + 1,
	                  .kind = (enum kind)(seed % KINDS)};
	unsigned steps;

	begin(&w);
	steps = 50 + (unsigned)draw(&w, 50);
	for (unsigned i = 0; i < steps && w.people.fault[0] == '\0'; i++)
		step(&w);
	if (w.people.fault[0] == '\0')
		finish(&w);
	if (w.people.fault[0] != '\0' && getenv("GODWIT_SHOW") != NULL) {
		people_show(&w.people, seed);
		if (w.agent != NULL)
			fprintf(stderr, "--- the agent\n%s\n", simserver_log(w.agent));
	}
	people_free(&w.people);
	simtree_end(&w.tree);
	total->moves += w.moves;
	total->done += w.done;
	total->cuts += w.cuts;
	total->crashes += w.crashes;
	total->reloads += w.reloads;
	total->traps += w.traps;
	total->manners += w.manners;
	total->people.messages += w.people.messages;
	if (w.people.fault[0] == '\0')
		return true;
	fprintf(stderr, "# seed %llu: %s\n", (unsigned long long)seed, w.people.fault);
	return false;
}

int main(int argc, char **argv)
{
	struct world *total = mem_alloc(sizeof(*total));
	uint64_t n;
	unsigned failed = seeds_run(argc, argv, 100, run, total, &n);

	printf("1..1\n%s 1 - %llu seeds: %u messages, %u moves begun, %u done, %u traps, %u cuts, "
	       "%u crashes, %u replacements, %u bad manners\n",
	       failed == 0 ? "ok" : "not ok", (unsigned long long)n, total->people.messages,
	       total->moves, total->done, total->traps, total->cuts, total->crashes, total->reloads,
	       total->manners);
	free(total);
	return failed == 0 ? 0 : 1;
}
