/*
 * tests/sim/tree.c - networks of several servers in the simulator.
 */
#include "tests/sim/tree.h"
#include "core/conn.h"
#include "core/listener.h"
#include "core/mem.h"
#include "tests/sim/harness_part.h"
#include <stdlib.h>

#define JOIN_NS (120 * GW_SECOND)
#define ADD_NS (400 * GW_SECOND)
#define STEP_NS (200 * GW_MS)

static char *build_folder(void)
{
	return realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
}

/* Where clients are moved from server to server they must be told how to come there. */
static char *doors(const struct simtree *t, unsigned i)
{
	if (strstr(t->modules, "redirect") == NULL)
		return mem_strdup("  - {address: \"127.0.0.1:6667\", tls: no}\n");
	return mem_printf("  - {address: \"127.0.0.1:6667\", tls: no, "
	                  "advertise: \"10.0.0.%u:6667\"}\n"
	                  "  - {address: \"10.0.0.%u:6697\"}\n",
	                  i + 1, i + 1);
}

static char *configuration(const struct simtree *t, unsigned i)
{
	char *build = build_folder(), *listen = doors(t, i);
	bool own = strstr(t->yaml, "module-directory") != NULL;
	bool client = strstr(t->yaml, "client: {") != NULL;
	char *yaml =
		mem_printf("server: %s\n"
	                   "modules: %s\n"
	                   "%s"
	                   "listen:\n"
	                   "%s"
	                   "  - {address: \"%s\", protocol: link}\n"
	                   "%s"
	                   "account: {iterations: 4096}\n"
	                   "burst: {open-after: 4s}\n"
	                   "%s",
	                   t->nodes[i].name, t->modules, own ? "" : "module-directory: @BUILD@\n",
	                   listen, t->nodes[i].address,
	                   client ? "" : "client: {exempt: [\"127.0.0.0/8\"]}\n", t->yaml);
	char *at = strstr(yaml, "@BUILD@"), *whole;

	free(listen);

	if (at == NULL) {
		free(build);
		return yaml;
	}
	*at = '\0';
	whole = mem_printf("%s[%s/modules, %s/tests/modules]%s", yaml, build, build, at + 7);
	free(yaml);
	free(build);
	return whole;
}

/* `yaml`: its whole configuration; NULL: the tree's. */
static unsigned node_new(struct simtree *t, const char *yaml)
{
	unsigned i = t->n++;
	struct simtree_node *node = &t->nodes[i];

	NEED(i < SIMTREE_MAX);
	snprintf(node->name, sizeof(node->name), "s%u.example.net", i);
	snprintf(node->address, sizeof(node->address), "10.0.0.%u:7000", i + 1);
	node->yaml = yaml != NULL ? mem_strdup(yaml) : configuration(t, i);
	return i;
}

static void look_for_door(void *ctx, const struct gw_listener *listener)
{
	if (listener->port != 0 && strcmp(listener->protocol, "client") == 0)
		*(bool *)ctx = true;
}

bool simtree_is_open(struct simtree *t, unsigned i)
{
	struct gw_server *server = simserver_server(t->nodes[i].server);
	bool found = false;

	if (server != NULL)
		listeners_each(server, look_for_door, &found);
	return found;
}

static void wait_open(struct simtree *t, unsigned i)
{
	int64_t until = simnet_now(t->net) + JOIN_NS;

	while (!simtree_is_open(t, i) && simnet_now(t->net) < until)
		simnet_run(t->net, STEP_NS);
	if (!simtree_is_open(t, i))
		BROKEN("%s does not open:\n%s", t->nodes[i].name,
		       simserver_log(t->nodes[i].server));
}

struct simtree *simtree_new_empty(uint64_t seed)
{
	struct simtree *t = mem_alloc(sizeof(*t));

	t->net = simnet_new(seed);
	return t;
}

void simtree_first(struct simtree *t, const char *yaml)
{
	unsigned i = node_new(t, yaml);

	t->nodes[i].server = simnet_server(t->net, t->nodes[i].yaml);
	wait_open(t, i);
}

struct simtree *simtree_new(uint64_t seed, const char *yaml, const char *modules)
{
	struct simtree *t = simtree_new_empty(seed);

	t->yaml = mem_strdup(yaml);
	t->modules = mem_strdup(modules != NULL ? modules : SIMTREE_MODULES);
	simtree_first(t, NULL);
	return t;
}

void simtree_end(struct simtree **tree)
{
	struct simtree *t = *tree;

	*tree = NULL;
	simnet_end(&t->net);
	for (unsigned i = 0; i < t->n; i++)
		free(t->nodes[i].yaml);
	free(t->modules);
	free(t->yaml);
	free(t);
}

/* --- joining --- */

/* "godwit join HOST:PORT KEY" of a server: its key. */
static void key_of(struct simtree *t, unsigned i, char out[64])
{
	const char *line = simserver_admin(t->nodes[i].server, NULL, "server joinline");
	const char *at = strstr(line, "gwpk1-");

	if (at == NULL)
		fprintf(stderr, "no key in \"%s\"\n", line);
	NEED(at != NULL);
	snprintf(out, 64, "%.*s", (int)strcspn(at, " \n|"), at);
}

static unsigned join_begin(struct simtree *t, unsigned uplink, const char *yaml)
{
	unsigned i = node_new(t, yaml);
	struct simtree_node *node = &t->nodes[i];
	struct gw_error err = {0};
	char key[64];

	node->uplink = uplink;
	key_of(t, uplink, key);
	node->server = simnet_verb_server(t->net, node->yaml, &err, "join",
	                                  t->nodes[uplink].address, key, NULL);
	if (node->server == NULL)
		BROKEN("%s cannot join: %s", node->name, err.text);
	return i;
}

unsigned simtree_join_begin(struct simtree *t, unsigned uplink)
{
	return join_begin(t, uplink, NULL);
}

/* A server whose clock was put back stores nothing for a while. */
void simtree_join_add(struct simtree *t, unsigned i)
{
	struct simtree_node *node = &t->nodes[i];
	int64_t until = simnet_now(t->net) + ADD_NS;
	char key[64];
	int status;

	key_of(t, i, key);
	do {
		simserver_admin(t->nodes[node->uplink].server, &status, "server add %s %s %s",
		                node->name, key, node->address);
		if (status != 0)
			simnet_run(t->net, GW_SECOND);
	} while (status != 0 && simnet_now(t->net) < until);
	if (status != 0)
		BROKEN("%s is not added, status %d", node->name, status);
}

unsigned simtree_join_with(struct simtree *t, unsigned uplink, const char *yaml)
{
	unsigned i = join_begin(t, uplink, yaml);

	simtree_join_add(t, i);
	wait_open(t, i);
	return i;
}

unsigned simtree_join(struct simtree *t, unsigned uplink)
{
	return simtree_join_with(t, uplink, NULL);
}

/* --- faults --- */

void simtree_cut(struct simtree *t, unsigned a, unsigned b)
{
	simnet_cut(t->net, simserver_host(t->nodes[a].server), simserver_host(t->nodes[b].server));
}

void simtree_heal(struct simtree *t)
{
	simnet_heal(t->net, NULL, NULL);
}

void simtree_crash(struct simtree *t, unsigned i)
{
	simserver_cut(t->nodes[i].server);
	t->nodes[i].down = true;
}

void simtree_start(struct simtree *t, unsigned i)
{
	simserver_restart(t->nodes[i].server, NULL);
	t->nodes[i].down = false;
}

/* --- levelness --- */

const char *simtree_figure(struct simtree *t, unsigned i, const char *key, char out[200])
{
	const char *at = simserver_admin(t->nodes[i].server, NULL, "status");
	size_t n = strlen(key);

	out[0] = '\0';
	for (; at != NULL && *at != '\0'; at = strchr(at, '\n') + 1) {
		if (strncmp(at, key, n) == 0 && at[n] == '|')
			snprintf(out, 200, "%.*s", (int)strcspn(at + n + 1, "\n"), at + n + 1);
		if (strchr(at, '\n') == NULL)
			break;
	}
	return out;
}

static bool same(struct simtree *t, unsigned first, const char *key)
{
	char a[200], b[200];

	simtree_figure(t, first, key, a);
	for (unsigned i = first + 1; i < t->n; i++) {
		if (t->nodes[i].down)
			continue;
		simtree_figure(t, i, key, b);
		if (strcmp(a, b) != 0) {
			snprintf(t->why, sizeof(t->why), "%s: %s has %.100s, %s %.100s", key,
			         t->nodes[first].name, a, t->nodes[i].name, b);
			return false;
		}
	}
	return true;
}

static bool links_are_level(struct simtree *t, unsigned n_up)
{
	char all[200], level[200];
	unsigned ends = 0;

	for (unsigned i = 0; i < t->n; i++) {
		if (t->nodes[i].down)
			continue;
		simtree_figure(t, i, "links", all);
		simtree_figure(t, i, "links-level", level);
		if (strcmp(all, level) != 0) {
			snprintf(t->why, sizeof(t->why), "%s: %.20s links, %.20s level",
			         t->nodes[i].name, all, level);
			return false;
		}
		ends += (unsigned)strtoul(all, NULL, 10);
	}
	if (ends != 2 * (n_up - 1)) {
		snprintf(t->why, sizeof(t->why), "%u ends of links among %u servers", ends, n_up);
		return false;
	}
	return true;
}

static bool level(struct simtree *t)
{
	unsigned first = t->n, n_up = 0;

	for (unsigned i = t->n; i-- > 0;)
		if (!t->nodes[i].down) {
			first = i;
			n_up++;
		}
	return links_are_level(t, n_up) && same(t, first, "services-digest") &&
	       same(t, first, "live-digest") && same(t, first, "users") &&
	       same(t, first, "channels");
}

bool simtree_level(struct simtree *t, int64_t within_ns)
{
	int64_t until = simnet_now(t->net) + within_ns;

	do {
		simnet_run(t->net, STEP_NS);
		if (level(t))
			return true;
	} while (simnet_now(t->net) < until);
	return false;
}

struct simclient *simtree_enter(struct simtree *t, unsigned i, const char *nick, const char *caps)
{
	struct simclient *c = simnet_client_at(t->nodes[i].server, "127.0.0.1:6667", "127.0.0.1");

	if (caps[0] != '\0')
		client_send(c, "CAP REQ :%s", caps);
	client_send(c, "NICK %s\r\nUSER %s 0 * :The real %s", nick, nick, nick);
	if (caps[0] != '\0')
		client_send(c, "CAP END");
	client_send(c, "PING in");
	client_expect(c, "*PONG s* :in");
	return c;
}
