/*
 * tests/sim/hot.c - random networks in which the code of all modules is replaced all the time,
 * while people talk, come, register and are moved, and links are cut and healed: one module, many
 * in one turn, all, with a rehash in between, some unloaded and loaded; and every second `load`
 * breaks off half-way.
 *
 * In the end everybody has heard everything once and in order (tests/sim/people.h), whoever was
 * told so is registered everywhere, all servers agree, and modules have as much memory as before,
 * however often they are reloaded then.
 *
 *     hot [SEEDS [FIRST]]         6 seeds from 1 unless told otherwise; a failing seed is printed
 *     GODWIT_MODULES_FIRST=DIR    takes modules from there first (a wrong one must be noticed), and
 *                                 ends at the first seed that fails
 *     GODWIT_SHOW=1               tells the story of a seed that fails, with what passed and logs
 *
 * run-all: timeout=600
 */
#include "core/change.h"
#include "core/mem.h"
#include "core/module.h"
#include "tests/sim/people.h"
#include "tests/sim/seeds.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MODULES                                                                                    \
	"[store_fake, services, network, link, burst, client, account, channel, message, query, "  \
	"monitor, guest, oper, redirect, moves, balance, even, control, metrics]"
#define REGISTRANTS 20
#define MODULES_MAX 24
#define AGAIN 5 /* in the end */

/* Every second `load` fails: the one by a word before anything is done, the next behind all. */
static struct {
	bool on;
	unsigned loads, failed;
} half_way;

int __wrap_module_load(struct module *module, const struct gw_module *descriptor, void *state,
                       enum gw_load why, struct gw_error *err);
int __real_module_load(struct module *module, const struct gw_module *descriptor, void *state,
                       enum gw_load why, struct gw_error *err);

int __wrap_module_load(struct module *module, const struct gw_module *descriptor, void *state,
                       enum gw_load why, struct gw_error *err)
{
	unsigned turn = half_way.on ? half_way.loads++ % 4 : 0;
	int status = turn == 1 ? 0 : __real_module_load(module, descriptor, state, why, err);

	if (status != 0 || turn % 2 == 0)
		return status;
	if (turn == 3 && why == GW_LOAD_FIRST)
		module_unload(module, descriptor, state, GW_UNLOAD_LAST);
	half_way.failed++;
	return gw_fail(err, -EIO, "the module %s breaks off half-way", module->self.name);
}

struct registrant {
	struct simclient *client;
	char name[16];
};

struct world {
	uint64_t seed;
	struct people people;
	struct registrant registrants[REGISTRANTS];
	unsigned n_registrants, cuts, wishes, reloads, rehashes, loads;
};

static uint64_t draw(struct world *w, uint64_t n)
{
	return people_draw(&w->people, n);
}

static struct gw_server *server_of(struct world *w, unsigned node)
{
	return simserver_server(w->people.tree->nodes[node].server);
}

/* --- what is done to servers --- */

/* What is wished for in one event is done in one turn. */
static void wish(struct world *w, unsigned node, enum change_kind kind, const char *name)
{
	people_tell(&w->people, "s%u: %d %s", node, (int)kind, name != NULL ? name : "");
	change_queue(server_of(w, node), kind, name, false, NULL);
	w->wishes++;
}

static const char *some_module(struct world *w, unsigned node)
{
	const struct module *m = server_of(w, node)->modules;
	unsigned n = 0;

	for (const struct module *at = m; at != NULL; at = at->next)
		n++;
	for (n = (unsigned)draw(w, n); n > 0; n--)
		m = m->next;
	return m->self.name;
}

static void replace_one(struct world *w)
{
	unsigned node = people_node(&w->people);

	wish(w, node, CHANGE_RELOAD, some_module(w, node));
}

static void replace_several(struct world *w)
{
	unsigned node = people_node(&w->people);

	for (unsigned n = 2 + (unsigned)draw(w, 5); n > 0; n--) {
		wish(w, node, CHANGE_RELOAD, some_module(w, node));
		if (draw(w, 8) == 0)
			wish(w, node, CHANGE_REHASH, NULL);
	}
}

static void replace_all(struct world *w)
{
	wish(w, people_node(&w->people), CHANGE_RELOAD, "all");
}

/* Another configuration, or the old one again. */
static void rehash(struct world *w)
{
	unsigned node = people_node(&w->people);
	const struct simtree_node *at = &w->people.tree->nodes[node];
	char *yaml = mem_printf("%squery: {whowas: %u}\nlog: {levels: {channel: %s}}\n", at->yaml,
	                        10 + (unsigned)draw(w, 50), draw(w, 2) == 0 ? "debug" : "info");

	simserver_config(at->server, draw(w, 2) == 0 ? yaml : at->yaml);
	free(yaml);
	wish(w, node, CHANGE_REHASH, NULL);
}

static const char *const optional[] = {"even", "balance", "control", "metrics"};
#define N_OPTIONAL (sizeof(optional) / sizeof(optional[0]))

/* At once, or some time later. */
static void come_or_go(struct world *w)
{
	unsigned node = people_node(&w->people);
	const char *name = optional[draw(w, N_OPTIONAL)];
	bool there = module_find(server_of(w, node), name) != NULL;

	if (there)
		wish(w, node, CHANGE_UNLOAD, name);
	if (!there || draw(w, 2) == 0)
		wish(w, node, CHANGE_LOAD, name);
}

static void cut(struct world *w)
{
	struct simtree *t = w->people.tree;
	unsigned a = 1 + (unsigned)draw(w, t->n - 1), b = t->nodes[a].uplink;

	people_tell(&w->people, "s%u and s%u are cut", a, b);
	w->people.split = true;
	w->cuts++;
	simtree_cut(t, a, b);
}

static void heal(struct world *w)
{
	people_tell(&w->people, "links are healed");
	simtree_heal(w->people.tree);
}

/* --- those who register --- */

static void registers(struct world *w)
{
	struct registrant *r = &w->registrants[w->n_registrants];
	unsigned node = people_node(&w->people);

	if (w->n_registrants == REGISTRANTS || !simtree_is_open(w->people.tree, node))
		return;
	r->client =
		simnet_client_at(w->people.tree->nodes[node].server, "127.0.0.1:6667", "127.0.0.3");
	snprintf(r->name, sizeof(r->name), "acc%u", w->n_registrants++);
	client_send(r->client, "NICK %s\r\nUSER a 0 * :a\r\nREGISTER * * correct-horse", r->name);
}

static void check_registrants(struct world *w)
{
	for (unsigned i = 0; i < w->n_registrants; i++) {
		const struct registrant *r = &w->registrants[i];
		char *heard = client_take(r->client);

		if (sim_count(heard, "REGISTER SUCCESS") != 1)
			people_fault(&w->people, "%s was told: %.300s", r->name, heard);
		free(heard);
		for (unsigned k = 0; k < w->people.tree->n; k++)
			if (strstr(simserver_ask(w->people.tree->nodes[k].server, "account info %s",
			                         r->name),
			           r->name) == NULL)
				people_fault(&w->people, "s%u does not know %s", k, r->name);
	}
}

/* --- memory --- */

struct sizes {
	size_t memory[SIMTREE_MAX][MODULES_MAX], blocks[SIMTREE_MAX][MODULES_MAX];
	unsigned mapped;
};

/* How many lines the process has for copies of modules. */
static unsigned mapped(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	unsigned n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, "/modules.live/") != NULL;
	if (f != NULL)
		fclose(f);
	return n;
}

static void measure(struct world *w, struct sizes *out)
{
	*out = (struct sizes){.mapped = mapped()};
	for (unsigned k = 0; k < w->people.tree->n; k++) {
		unsigned i = 0;

		for (struct module *m = server_of(w, k)->modules; m != NULL; m = m->next, i++) {
			out->memory[k][i] = m->memory;
			out->blocks[k][i] = m->blocks;
		}
	}
}

/* What malloc() gives beyond what was asked for is now more, now less: up to 16 bytes a block. */
static bool same_size(size_t a, size_t b, size_t blocks)
{
	return (a > b ? a - b : b - a) <= 16 * blocks;
}

static void compare(struct world *w, const struct sizes *before, const struct sizes *after)
{
	if (after->mapped != before->mapped)
		people_fault(&w->people, "%u parts of images became %u", before->mapped,
		             after->mapped);
	for (unsigned k = 0; k < w->people.tree->n; k++) {
		unsigned i = 0;

		for (struct module *m = server_of(w, k)->modules; m != NULL; m = m->next, i++)
			if (after->blocks[k][i] != before->blocks[k][i] ||
			    !same_size(after->memory[k][i], before->memory[k][i],
			               after->blocks[k][i]))
				people_fault(
					&w->people, "s%u: %s had %zu bytes in %zu, has %zu in %zu",
					k, m->self.name, before->memory[k][i], before->blocks[k][i],
					after->memory[k][i], after->blocks[k][i]);
	}
}

static void reload_everything(struct world *w)
{
	for (unsigned k = 0; k < w->people.tree->n; k++)
		wish(w, k, CHANGE_RELOAD, "all");
	simnet_run(w->people.tree->net, GW_MS);
}

static void check_memory(struct world *w)
{
	struct sizes before, after;

	reload_everything(w);
	measure(w, &before);
	half_way.on = true;
	for (unsigned i = 0; i < AGAIN; i++)
		reload_everything(w);
	half_way.on = false;
	measure(w, &after);
	compare(w, &before, &after);
	for (unsigned k = 0; k < w->people.tree->n; k++) {
		struct gw_server *server = server_of(w, k);

		if (server->stale != 0 || server->leaked != 0)
			people_fault(&w->people, "s%u: %u stale pointers, %u blocks left behind", k,
			             (unsigned)server->stale, (unsigned)server->leaked);
	}
}

/* --- the story --- */

static void begin(struct world *w)
{
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	const char *first = getenv("GODWIT_MODULES_FIRST");
	char *yaml = mem_printf(
		"module-directory: [%s%s%s/modules, %s/tests/modules]\n"
		"client: {exempt: [\"127.0.0.0/8\", \"10.0.0.0/8\"], ping-interval: 60s, "
		"ping-timeout: 30s}\n"
		"redirect: {hold: 256k}\n",
		first != NULL ? first : "", first != NULL ? ", " : "", build, build);
	unsigned n = 3 + (unsigned)draw(w, 2);

	half_way.on = false;
	w->people.expected = "breaks off half-way";
	w->people.tree = simtree_new(w->seed, yaml, MODULES);
	free(yaml);
	while (w->people.tree->n < n)
		simtree_join(w->people.tree, (unsigned)draw(w, w->people.tree->n));
	if (!simtree_level(w->people.tree, 60 * GW_SECOND))
		people_fault(&w->people, "not level at first: %s", w->people.tree->why);
	people_begin_agent(&w->people, build);
	free(build);
	for (unsigned i = 0; i < 2 * n; i++)
		people_come(&w->people);
	for (unsigned i = 0; i < w->people.n; i++)
		for (unsigned room = 0; room < ROOMS; room++)
			if (draw(w, 2) == 0)
				person_joins(&w->people.all[i], room);
	simnet_quiet(w->people.tree->net);
	people_slow(&w->people);
	half_way.on = true;
}

static void people_act(struct world *w)
{
	static void (*const acts[])(struct people *) = {
		people_chat,     people_chat,     people_chat,      people_fidget, people_fidget,
		people_move_any, people_move_any, people_move_many, people_slow,   people_come};

	acts[draw(w, sizeof(acts) / sizeof(acts[0]))](&w->people);
}

/* Links are cut in every third story. */
static void server_act(struct world *w)
{
	static void (*const acts[])(struct world *) = {
		replace_one, replace_one, replace_one, replace_several, replace_several,
		replace_all, rehash,      come_or_go,  come_or_go,      registers,
		cut,         heal,        heal};
	size_t n = sizeof(acts) / sizeof(acts[0]);

	acts[draw(w, w->seed % 3 == 0 ? n : n - 3)](w);
}

static void pass(struct world *w, int64_t ns)
{
	simnet_run(w->people.tree->net, ns);
	for (unsigned i = 0; i < w->people.n; i++)
		person_reads(&w->people, &w->people.all[i]);
}

static void step(struct world *w)
{
	people_act(w);
	if (draw(w, 2) == 0)
		pass(w, (int64_t)draw(w, 20) * GW_MS);
	server_act(w);
	pass(w, GW_MS + (int64_t)draw(w, draw(w, 10) == 0 ? 2000 : 120) * GW_MS);
}

static void load_the_optional(struct world *w)
{
	for (unsigned k = 0; k < w->people.tree->n; k++)
		for (unsigned i = 0; i < N_OPTIONAL; i++)
			if (module_find(server_of(w, k), optional[i]) == NULL)
				wish(w, k, CHANGE_LOAD, optional[i]);
}

static void finish(struct world *w)
{
	half_way.on = false;
	*simnet_faults(w->people.tree->net) =
		(struct simfaults){.latency_max_ns = 5 * GW_MS, .window = 1 << 20};
	heal(w);
	load_the_optional(w);
	pass(w, 200 * GW_SECOND);
	if (!simtree_level(w->people.tree, 400 * GW_SECOND))
		people_fault(&w->people, "not level: %s", w->people.tree->why);
	check_memory(w);
	people_talk(&w->people);
	people_talk(&w->people);
	pass(w, 2 * GW_SECOND);
	if (!simtree_level(w->people.tree, GW_SECOND))
		people_fault(&w->people, "not level in the end: %s", w->people.tree->why);
	people_settled(&w->people);
	people_check_left(&w->people);
	check_registrants(w);
	people_check_logs(&w->people);
}

static void count(struct world *w)
{
	for (unsigned k = 0; k < w->people.tree->n; k++) {
		const char *log = simserver_log(w->people.tree->nodes[k].server);

		w->reloads += sim_count(log, ": reloaded version=");
	}
}

static bool run(uint64_t seed, void *all)
{
	struct world *total = all, w = {.seed = seed};

	w.people.random = seed * 0x9e3779b97f4a7c15 + 1;
	begin(&w);
	for (unsigned i = 60 + (unsigned)draw(&w, 60); i > 0 && w.people.fault[0] == '\0'; i--)
		step(&w);
	if (w.people.fault[0] == '\0')
		finish(&w);
	half_way.on = false;
	count(&w);
	total->people.messages += w.people.messages;
	total->people.moves += w.people.moves;
	total->n_registrants += w.n_registrants;
	total->cuts += w.cuts;
	total->reloads += w.reloads;
	return people_end(&w.people, seed);
}

int main(int argc, char **argv)
{
	struct world *total = mem_alloc(sizeof(*total));
	uint64_t n;
	unsigned failed = seeds_run(argc, argv, 6, run, total, &n);

	printf("1..1\n%s 1 - %llu seeds: %u reloads, %u loads that broke off, %u messages, "
	       "%u moves begun, %u cuts, %u accounts\n",
	       failed == 0 ? "ok" : "not ok", (unsigned long long)n, total->reloads,
	       half_way.failed, total->people.messages, total->people.moves, total->cuts,
	       total->n_registrants);
	free(total);
	return failed == 0 ? 0 : 1;
}
