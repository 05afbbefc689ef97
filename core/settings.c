/*
 * core/settings.c - the core's own keys of the configuration, read by tables as those of modules
 * are.
 */
#include "core/settings.h"
#include "core/config.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/option.h"
#include "core/path.h"
#include "core/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { name_max = 32 };

static const struct gw_option top_table[] = {
	{"server", GW_OPT_STRING, NULL, 1, 63, false, "The server's name on its network."},
	{"network-name", GW_OPT_STRING, "Godwit", 1, 32, false, "The name of the network."},
	{"description", GW_OPT_STRING, "A Godwit server", 1, 120, false,
         "What users see beside the server's name."},
	{"user", GW_OPT_STRING, NULL, 1, 32, false,
         "Who the server becomes when it was started as root."},
	{"group", GW_OPT_STRING, NULL, 1, 32, false,
         "The group then, if not the one that the user has."},
	{"state-directory", GW_OPT_PATH, LOCALSTATEDIR "/lib/godwit", 1, 1024, false,
         "Where the server keeps its data; one server per folder."},
	{"module-directory", GW_OPT_LIST, NULL, 0, 16, false,
         "Where modules are looked for, before the places where the server's own are."},
	{"modules", GW_OPT_LIST, NULL, 0, 200, false,
         "The modules to load; their order does not matter."},
	{"include", GW_OPT_LIST, NULL, 0, 64, false,
         "Further files or patterns, relative to this file."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_option listen_table[] = {
	{"address", GW_OPT_ADDRESS, NULL, 0, 0, true,
         "A numeric address with a port, or unix:/path."},
	{"protocol", GW_OPT_STRING, "client", 1, name_max, false,
         "Which module's protocol is spoken there."},
	{"tls", GW_OPT_BOOL, "yes", 0, 0, false, "Whether connections are encrypted."},
	{"advertise", GW_OPT_STRING, NULL, 1, 255, false,
         "Where others reach it, HOST:PORT, if not at its address or at the server's name."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_option log_table[] = {
	{"target", GW_OPT_STRING, "stderr", 0, 0, false, "Where log lines go: stderr or syslog."},
	{"level", GW_OPT_STRING, "info", 0, 0, false,
         "The least that is logged: debug, info, warn or error."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_option tls_table[] = {
	{"certificate", GW_OPT_PATH, NULL, 1, 1024, true, "The certificate with its chain, PEM."},
	{"key", GW_OPT_PATH, NULL, 1, 1024, true,
         "Its private key, PEM; readable by the server alone."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_option debug_table[] = {
	{"scan-state", GW_OPT_BOOL, "no", 0, 0, false,
         "Look through the modules' memory at each reload for pointers into the old code."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

const struct settings_section settings_sections[] = {
	{NULL, top_table},  {"listen", listen_table}, {"log", log_table},
	{"tls", tls_table}, {"debug", debug_table},   {NULL, NULL},
};

bool settings_is_key(const char *key)
{
	for (const struct gw_option *o = top_table; o->name != NULL; o++)
		if (strcmp(o->name, key) == 0)
			return true;
	for (const struct settings_section *s = settings_sections + 1; s->table != NULL; s++)
		if (strcmp(s->name, key) == 0)
			return true;
	return false;
}

static char *place_of(const struct node *node)
{
	return mem_printf("%s:%u:%u", node->file, node->line, node->column);
}

/** Reads one block of the core; a missing one gives the defaults. */
static int read_block(const struct gw_option *table, const char *owner, const struct node *root,
                      const struct node *node, const char *const *others, struct gw_options **out,
                      struct gw_error *err)
{
	char *place = place_of(node != NULL ? node : root);
	struct option_block block = {
		.table = table, .owner = owner, .place = place, .others = others};
	int status;

	block.open = table == top_table;
	status = options_read(&block, node, out, err);
	free(place);
	return status;
}

bool settings_is_server_name(const char *s)
{
	return s[0] != '\0' &&
	       s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")] ==
	               '\0' &&
	       strchr(s, '.') != NULL && s[0] != '.' && s[0] != '-' && strstr(s, "..") == NULL &&
	       s[strlen(s) - 1] != '.';
}

/** Calls `each` for the items of a list, or for the one scalar that may stand for it. */
static int each_item(const struct node *node,
                     int (*each)(struct settings *, const struct node *, struct gw_error *),
                     struct settings *s, struct gw_error *err)
{
	int status = 0;

	if (node == NULL)
		return 0;
	if (node->kind == NODE_SCALAR)
		return each(s, node, err);
	for (const struct node *item = node->children; item != NULL && status == 0;
	     item = item->next)
		status = each(s, item, err);
	return status;
}

static int add_directory(struct settings *s, const struct node *item, struct gw_error *err)
{
	char *path = path_from(item->file, item->text);

	if (path == NULL)
		return node_fail(err, item,
		                 "'module-directory' begins with ~/, and there is no home folder");
	s->module_directories =
		mem_resize(s->module_directories, (s->n_module_directories + 1) * sizeof(char *));
	s->module_directories[s->n_module_directories++] = path;
	return 0;
}

static int add_module(struct settings *s, const struct node *item, struct gw_error *err)
{
	if (!text_is_name(item->text, name_max))
		return node_fail(err, item,
		                 "'%.60s' cannot be a module: its name is a-z, 0-9 and _, up to %d "
		                 "characters",
		                 item->text, name_max);
	if (settings_is_key(item->text))
		return node_fail(err, item,
		                 "a module cannot be called '%s', which is a key of the core",
		                 item->text);
	for (size_t i = 0; i < s->n_modules; i++)
		if (strcmp(s->modules[i], item->text) == 0)
			return node_fail(err, item,
			                 "the module '%s' is listed twice; the first is at %s",
			                 item->text, s->module_places[i]);
	s->modules = mem_resize(s->modules, (s->n_modules + 1) * sizeof(char *));
	s->module_places = mem_resize(s->module_places, (s->n_modules + 1) * sizeof(char *));
	s->module_places[s->n_modules] = place_of(item);
	s->modules[s->n_modules++] = mem_strdup(item->text);
	return 0;
}

static int read_top(struct settings *s, const struct node *root, struct gw_error *err)
{
	const struct node *server = node_get(root, "server");
	struct gw_options *o;
	int status = read_block(top_table, "the configuration", root, root, NULL, &o, err);

	if (status != 0)
		return status;
	s->server = mem_strdup(options_string(o, "server"));
	s->network = mem_strdup(options_string(o, "network-name"));
	s->description = mem_strdup(options_string(o, "description"));
	s->user = mem_strdup(options_string(o, "user"));
	s->group = mem_strdup(options_string(o, "group"));
	s->state_directory = mem_strdup(options_string(o, "state-directory"));
	options_free(&o);
	if (s->server[0] != '\0' && !settings_is_server_name(s->server))
		return node_fail(err, server,
		                 "'server' must be a name such as irc1.example.net, not '%.63s'",
		                 s->server);
	if (strchr(s->network, ' ') != NULL)
		return node_fail(err, node_get(root, "network-name"),
		                 "'network-name' must be one word, not '%s'", s->network);
	status = each_item(node_get(root, "module-directory"), add_directory, s, err);
	if (status != 0)
		return status;
	return each_item(node_get(root, "modules"), add_module, s, err);
}

/** Port 0: the system chooses, each time another one. */
static bool any_port(const char *address)
{
	size_t len = strlen(address);

	return len > 2 && strcmp(address + len - 2, ":0") == 0;
}

static int check_advertise(const struct listen_setting *entry, const struct node *item,
                           struct gw_error *err)
{
	const struct node *node = node_get(item, "advertise");

	if (node == NULL)
		return 0;
	if (strncmp(entry->address, "unix:", 5) == 0)
		return node_fail(err, node, "a Unix socket has nothing to 'advertise'");
	if (!text_is_place(node->text))
		return node_fail(err, node,
		                 "'advertise' must be HOST:PORT, such as irc.example.net:6697, "
		                 "192.0.2.1:6697 or \"[2001:db8::1]:6697\", not '%.60s'",
		                 node->text);
	return 0;
}

static int add_listen(struct settings *s, const struct node *item, struct gw_error *err)
{
	struct listen_setting *entry;
	struct gw_options *o;
	int status;

	if (item->kind != NODE_MAP)
		return node_fail(
			err, item,
			"'listen' is a list of blocks such as {address: 127.0.0.1:6667, tls: no}");
	status = read_block(listen_table, "listen", item, item, NULL, &o, err);
	if (status != 0)
		return status;
	s->listen = mem_resize(s->listen, (s->n_listen + 1) * sizeof(*s->listen));
	entry = &s->listen[s->n_listen++];
	*entry = (struct listen_setting){0};
	entry->address = mem_strdup(options_string(o, "address"));
	entry->protocol = mem_strdup(options_string(o, "protocol"));
	entry->tls = options_integer(o, "tls") != 0;
	if (options_string(o, "advertise")[0] != '\0')
		entry->advertise = mem_strdup(options_string(o, "advertise"));
	entry->place = place_of(item);
	options_free(&o);
	status = check_advertise(entry, item, err);
	if (status != 0)
		return status;
	for (size_t i = 0; i + 1 < s->n_listen; i++)
		if (strcmp(s->listen[i].address, entry->address) == 0 && !any_port(entry->address))
			return node_fail(err, item,
			                 "the address %s is listed twice; the first is at %s",
			                 entry->address, s->listen[i].place);
	return 0;
}

static int read_listen(struct settings *s, const struct node *root, struct gw_error *err)
{
	const struct node *listen = node_get(root, "listen");

	if (listen != NULL && listen->kind == NODE_SCALAR && listen->text[0] == '\0')
		return 0;
	if (listen != NULL && listen->kind == NODE_MAP)
		return add_listen(s, listen, err);
	return each_item(listen, add_listen, s, err);
}

static int read_level(const struct node *node, const char *word, enum gw_log_level *out,
                      struct gw_error *err)
{
	if (log_level_parse(word, out))
		return 0;
	return node_fail(err, node, "'%.60s' must be debug, info, warn or error, not '%.40s'",
	                 node->key, word);
}

static int add_level(struct settings *s, const struct node *item, struct gw_error *err)
{
	struct level_setting *entry;

	if (item->kind != NODE_SCALAR)
		return node_fail(err, item, "'%.60s' must be debug, info, warn or error",
		                 item->key);
	s->levels = mem_resize(s->levels, (s->n_levels + 1) * sizeof(*s->levels));
	entry = &s->levels[s->n_levels++];
	entry->module = mem_strdup(item->key);
	entry->place = mem_printf("%s:%u:%u", item->file, item->key_line, item->key_column);
	return read_level(item, item->text, &entry->level, err);
}

static int read_log(struct settings *s, const struct node *root, struct gw_error *err)
{
	static const char *const others[] = {"levels", NULL};
	const struct node *log = node_get(root, "log");
	const struct node *levels;
	struct gw_options *o;
	const char *target;
	int status = read_block(log_table, "log", root, log, others, &o, err);

	if (status != 0)
		return status;
	target = options_string(o, "target");
	if (strcmp(target, "syslog") == 0)
		s->log_target = LOG_TO_SYSLOG;
	else if (strcmp(target, "stderr") != 0)
		status = node_fail(err, node_get(log, "target"),
		                   "'target' must be stderr or syslog, not '%.40s'", target);
	if (status == 0 && !log_level_parse(options_string(o, "level"), &s->log_level))
		status = read_level(node_get(log, "level"), options_string(o, "level"),
		                    &s->log_level, err);
	options_free(&o);
	levels = log != NULL && log->kind == NODE_MAP ? node_get(log, "levels") : NULL;
	if (status != 0 || levels == NULL)
		return status;
	if (levels->kind != NODE_MAP)
		return node_fail(err, levels, "'levels' is a block of lines 'module: level'");
	return each_item(levels, add_level, s, err);
}

static int read_tls(struct settings *s, const struct node *root, struct gw_error *err)
{
	const struct node *tls = node_get(root, "tls");
	struct gw_options *o;
	int status;

	if (tls == NULL)
		return 0;
	status = read_block(tls_table, "tls", root, tls, NULL, &o, err);
	if (status != 0)
		return status;
	s->tls_certificate = mem_strdup(options_string(o, "certificate"));
	s->tls_key = mem_strdup(options_string(o, "key"));
	s->tls_place = place_of(tls);
	options_free(&o);
	return 0;
}

static int read_debug(struct settings *s, const struct node *root, struct gw_error *err)
{
	struct gw_options *o;
	int status = read_block(debug_table, "debug", root, node_get(root, "debug"), NULL, &o, err);

	if (status != 0)
		return status;
	s->scan_state = options_integer(o, "scan-state") != 0;
	options_free(&o);
	return 0;
}

int settings_read(const struct config *config, struct settings **out, struct gw_error *err)
{
	static int (*const parts[])(struct settings *, const struct node *, struct gw_error *) = {
		read_top, read_listen, read_log, read_tls, read_debug,
	};
	const struct node *root = config_root(config);
	struct settings *s = mem_alloc(sizeof(*s));
	int status = 0;

	s->log_level = GW_INFO;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && status == 0; i++)
		status = parts[i](s, root, err);
	if (status != 0)
		settings_free(&s);
	*out = s;
	return status;
}

static void free_list(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

void settings_free(struct settings **settings)
{
	struct settings *s = *settings;

	if (s == NULL)
		return;
	free_list(s->module_directories, s->n_module_directories);
	free_list(s->modules, s->n_modules);
	free_list(s->module_places, s->n_modules);
	for (size_t i = 0; i < s->n_listen; i++) {
		free(s->listen[i].address);
		free(s->listen[i].protocol);
		free(s->listen[i].advertise);
		free(s->listen[i].place);
	}
	free(s->listen);
	for (size_t i = 0; i < s->n_levels; i++) {
		free(s->levels[i].module);
		free(s->levels[i].place);
	}
	free(s->levels);
	free(s->server);
	free(s->network);
	free(s->description);
	free(s->user);
	free(s->group);
	free(s->state_directory);
	free(s->tls_certificate);
	free(s->tls_key);
	free(s->tls_place);
	free(s);
	*settings = NULL;
}
