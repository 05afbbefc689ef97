/*
 * testkit/server.c - servers of the kit: their configuration, their life, and what an operator asks
 * of them.
 */
#include "core/mem.h"
#include "testkit/kit.h"
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#define USUAL                                                                                      \
	"store, services, network, link, burst, client, account, channel, message, query, "        \
	"monitor, guest, oper, redirect, balance"

struct simserver *kit_simserver(const struct gwt_server *server)
{
	return server->net->tree->nodes[server->node].server;
}

/* --- configuration --- */

/* The value of `modules:` in `yaml`, up to the next key at the top; to be freed. */
static char *listed(const char *yaml)
{
	const char *at = strncmp(yaml, "modules:", 8) == 0 ? yaml : strstr(yaml, "\nmodules:") + 1;
	const char *end = at + strcspn(at, "\n");

	while (*end != '\0' && (end[1] == ' ' || end[1] == '-'))
		end += 1 + strcspn(end + 1, "\n");
	return mem_strndup(at + 8, (size_t)(end - at) - 8);
}

static bool has_module(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; (at = strstr(at, name)) != NULL; at += n)
		if ((at == list || strchr(" ,[\n", at[-1]) != NULL) &&
		    (at[n] == '\0' || strchr(" ,]\n", at[n]) != NULL))
			return true;
	return false;
}

static void add_listeners(struct text *t, const char *list, unsigned i)
{
	char *lines;

	text_add(t, "listen:\n");
	lines = mem_printf("  - {address: \"127.0.0.1:6667\", tls: no, advertise: "
	                   "\"10.0.0.%u:6667\"}\n  - {address: \"10.0.0.%u:6697\"}\n",
	                   i + 1, i + 1);
	text_add(t, has_module(list, "client") ? lines : "");
	free(lines);
	lines = mem_printf("  - {address: \"10.0.0.%u:7000\", protocol: link}\n", i + 1);
	text_add(t, has_module(list, "link") ? lines : "");
	free(lines);
}

/* Blocks of modules that make tests quick. */
static void add_blocks(struct text *t, const char *list, const char *yaml)
{
	static const char *const blocks[][2] = {
		{"account", "account: {iterations: 4096}\n"},
		{"burst", "burst: {open-after: 4s}\n"},
		{"client", "client: {exempt: [\"127.0.0.0/8\"]}\n"},
	};

	for (size_t b = 0; b < sizeof(blocks) / sizeof(blocks[0]); b++)
		if (has_module(list, blocks[b][0]) && !sim_has_key(yaml, blocks[b][0]))
			text_add(t, blocks[b][1]);
}

/* Of the server number `i`; to be freed. */
static char *configuration(struct gwt_net *net, unsigned i, const char *modules, const char *said)
{
	const char *yaml = said != NULL ? said : "", *own = getenv("GODWIT_MODULES");
	bool all = sim_has_key(yaml, "modules"), more = modules != NULL && modules[0] != '\0';
	char *list = all ? listed(yaml)
	                 : mem_printf(USUAL "%s%s", more ? ", " : "", more ? modules : "");
	struct text t = {0};
	char *head;

	head = mem_printf("server: s%u.example.net\n"
	                  "module-directory: [modules%s, \"%s\"]\n",
	                  i, net->folders.data, own != NULL ? own : MODULEDIR);
	text_add(&t, head);
	free(head);
	if (!all) {
		text_add(&t, "modules: [");
		text_add(&t, list);
		text_add(&t, "]\n");
	}
	if (!sim_has_key(yaml, "listen"))
		add_listeners(&t, list, i);
	add_blocks(&t, list, yaml);
	text_add(&t, yaml);
	free(list);
	return t.data;
}

/* --- its life --- */

static struct gwt_server *take(struct gwt_net *net, unsigned node)
{
	net->servers[node] = (struct gwt_server){.net = net, .node = node};
	return &net->servers[node];
}

static void need_room(struct gwt_net *net, bool first)
{
	if (first && net->tree->n > 0)
		kit_refuse(net, "only the first server comes by itself", "use gwt_server_join()");
	if (net->tree->n == GWT_SERVERS_MAX)
		kit_refuse(net, "no more servers", "GWT_SERVERS_MAX");
}

struct gwt_server *gwt_server_new(struct gwt_net *net, const char *modules, const char *yaml)
{
	char *text;

	need_room(net, true);
	text = configuration(net, 0, modules, yaml);
	simtree_first(net->tree, text);
	free(text);
	return take(net, 0);
}

struct gwt_server *gwt_server_join(struct gwt_server *uplink, const char *modules, const char *yaml)
{
	struct gwt_net *net = uplink->net;
	unsigned node;
	char *text;

	need_room(net, false);
	text = configuration(net, net->tree->n, modules, yaml);
	node = simtree_join_with(net->tree, uplink->node, text);
	free(text);
	return take(net, node);
}

const char *gwt_server_refused(struct gwt_net *net, const char *modules, const char *yaml)
{
	char *text = configuration(net, net->tree->n, modules, yaml);

	net->refusal = (struct gw_error){0};
	if (simnet_try_server(net->tree->net, text, &net->refusal) != NULL)
		kit_refuse(net, "it should not have started", text);
	free(text);
	return net->refusal.text;
}

const char *gwt_server_name(const struct gwt_server *server)
{
	return server->net->tree->nodes[server->node].name;
}

const char *gwt_log(const struct gwt_server *server)
{
	return simserver_log(kit_simserver(server));
}

static void need_up(struct gwt_server *server)
{
	if (server->down)
		kit_refuse(server->net, "it has crashed", gwt_server_name(server));
}

void gwt_restart(struct gwt_server *server)
{
	need_up(server);
	simserver_restart(kit_simserver(server), NULL);
}

void gwt_crash(struct gwt_server *server)
{
	need_up(server);
	simtree_crash(server->net->tree, server->node);
	server->down = true;
}

void gwt_start(struct gwt_server *server)
{
	if (!server->down)
		kit_refuse(server->net, "it is up", gwt_server_name(server));
	simtree_start(server->net->tree, server->node);
	server->down = false;
}

/* --- an operator's --- */

const char *gwt_admin(struct gwt_server *server, int *status, const char *format, ...)
{
	char command[1024], *report;
	const char *answer;
	va_list args;
	int code;

	need_up(server);
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	answer = simserver_admin(kit_simserver(server), &code, "%s", command);
	if (status != NULL) {
		*status = code;
		return answer;
	}
	if (code == 0)
		return answer;
	report = mem_printf("%s: %s", command, answer);
	kit_refuse(server->net, "refused", report);
}

void gwt_rehash(struct gwt_server *server, const char *modules, const char *yaml)
{
	char *text;

	need_up(server);
	text = configuration(server->net, server->node, modules, yaml);
	simserver_config(kit_simserver(server), text);
	free(text);
	gwt_admin(server, NULL, "rehash");
}

void gwt_reload(struct gwt_server *server, const char *module)
{
	gwt_admin(server, NULL, "module reload %s", module);
}

static bool copy(const char *from, const char *to)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	char bytes[16384];
	size_t n = 0;
	bool good = in != NULL && out != NULL;

	while (good && (n = fread(bytes, 1, sizeof(bytes), in)) > 0)
		good = fwrite(bytes, 1, n, out) == n;
	good = good && !ferror(in);
	if (in != NULL)
		fclose(in);
	return (out == NULL || fclose(out) == 0) && good;
}

/* The server's own folder of modules comes before all others. */
void gwt_reload_as(struct gwt_server *server, const char *module, const char *file)
{
	char *folder, *to;

	need_up(server);
	folder = simserver_path(kit_simserver(server), "modules");
	to = mem_printf("%s/%s.so", folder, module);
	mkdir(folder, 0700);
	if (!copy(file, to))
		kit_refuse(server->net, "cannot be copied", file);
	free(to);
	free(folder);
	gwt_reload(server, module);
}
