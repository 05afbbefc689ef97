/*
 * core/core_admin.c - the commands that the core brings itself: modules, rehash, status, log
 * levels, help, stop.
 */
#include "core/core_admin.h"
#include "core/admin.h"
#include "core/bus.h"
#include "core/change.h"
#include "core/conn.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/metrics.h"
#include "core/module.h"
#include "core/module_info.h"
#include "core/option.h"
#include "core/registry.h"
#include "core/server.h"
#include "core/settings.h"
#include "core/times.h"
#include "core/tls_pair.h"

#include <errno.h>
#include <godwit/conn.h>
#include <godwit/verb.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(struct gw_admin_request *req, int status, const char *what, const char *name)
{
	char sentence[160];

	snprintf(sentence, sizeof(sentence), what, name);
	admin_done(&req, status, sentence);
}

static void module_row(struct gw_admin_request *req, const struct module *m)
{
	char generation[16], state[16], memory[24];
	const char *cells[] = {m->self.name, m->descriptor->version, generation, state,
	                       memory,       image_file(m->image)};

	snprintf(generation, sizeof(generation), "%u", (unsigned)m->self.generation);
	snprintf(state, sizeof(state), "%u", (unsigned)m->descriptor->state_version);
	snprintf(memory, sizeof(memory), "%zu", m->memory);
	admin_row(req, cells, sizeof(cells) / sizeof(cells[0]));
}

static void module_list(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	static const char *const columns[] = {"name",  "version", "generation",
	                                      "state", "memory",  "file"};
	const struct gw_server *server = state;

	(void)argc;
	(void)argv;
	admin_head(req, columns, sizeof(columns) / sizeof(columns[0]));
	for (const struct module *m = server->modules; m != NULL; m = m->next)
		module_row(req, m);
	admin_done(&req, 0, "");
}

static void pair(struct gw_admin_request *req, const char *key, const char *value)
{
	const char *cells[] = {key, value};

	admin_row(req, cells, 2);
}

static void pair_number(struct gw_admin_request *req, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	pair(req, key, text);
}

static void module_info(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	const struct module *m = module_find(state, argv[0]);

	(void)argc;
	if (m == NULL) {
		fail(req, -ENOENT, "the module %.60s is not loaded", argv[0]);
		return;
	}
	module_info_show(m, req);
	admin_done(&req, 0, "");
}

/** The module of that name, the core too. */
static struct module *named(struct gw_server *server, const char *name)
{
	return strcmp(name, "core") == 0 ? server->core : module_find(server, name);
}

static void reset_times(struct gw_server *server, struct module *only)
{
	if (only != NULL) {
		times_reset(only);
		return;
	}
	times_reset(server->core);
	for (struct module *m = server->modules; m != NULL; m = m->next)
		times_reset(m);
}

static void module_times(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	bool reset = argc > 0 && strcmp(argv[argc - 1], "--reset") == 0;
	const char *name = argc > reset ? argv[0] : NULL;
	struct module *only = name != NULL ? named(state, name) : NULL;

	if (argc > 1 && !reset) {
		fail(req, -ENOSYS, "usage: module times [NAME] [--reset]%s", "");
		return;
	}
	if (name != NULL && only == NULL) {
		fail(req, -ENOENT, "the module %.60s is not loaded", name);
		return;
	}
	times_show(state, only, req);
	if (reset)
		reset_times(state, only);
	admin_done(&req, 0, "");
}

static void module_load_command(void *state, struct gw_admin_request *req, int argc,
                                const char *const *argv)
{
	(void)argc;
	change_queue(state, CHANGE_LOAD, argv[0], false, req);
}

static void module_reload_command(void *state, struct gw_admin_request *req, int argc,
                                  const char *const *argv)
{
	(void)argc;
	change_queue(state, CHANGE_RELOAD, argv[0], false, req);
}

static void module_unload_command(void *state, struct gw_admin_request *req, int argc,
                                  const char *const *argv)
{
	bool cascade = argc == 2 && strcmp(argv[1], "--cascade") == 0;

	if (argc == 2 && !cascade)
		fail(req, -EINVAL,
		     "'%.60s' is unknown here; --cascade unloads those that depend on the module "
		     "too",
		     argv[1]);
	else
		change_queue(state, CHANGE_UNLOAD, argv[0], cascade, req);
}

static void rehash_command(void *state, struct gw_admin_request *req, int argc,
                           const char *const *argv)
{
	(void)argc;
	(void)argv;
	change_queue(state, CHANGE_REHASH, NULL, false, req);
}

struct status_run {
	struct gw_status status; /* first: what subscribers get */
	struct gw_admin_request *req;
};

static void status_add(struct gw_status *status, const char *key, const char *value)
{
	pair(((struct status_run *)status->core)->req, key, value);
}

static void uptime_text(char out[48], int64_t ns)
{
	long long s = (long long)(ns / 1000000000);

	snprintf(out, 48, "%lldd %02lld:%02lld:%02lld", s / 86400, s / 3600 % 24, s / 60 % 60,
	         s % 60);
}

static void status_command(void *state, struct gw_admin_request *req, int argc,
                           const char *const *argv)
{
	static const char *const columns[] = {"key", "value"};
	struct gw_server *server = state;
	struct status_run run = {.status = {.core = &run, .add = status_add}, .req = req};
	uint64_t modules = 0;
	char text[48];

	(void)argc;
	(void)argv;
	for (const struct module *m = server->modules; m != NULL; m = m->next)
		modules++;
	admin_head(req, columns, 2);
	pair(req, "server", server->name);
	pair(req, "network", server->settings->network);
	pair(req, "version", server_version());
	uptime_text(text, server->loop->ops->mono_ns(server->loop) - server->started_ns);
	pair(req, "uptime", text);
	pair_number(req, "modules", modules);
	pair_number(req, "connections", conns_count(server->conns));
	pair_number(req, "memory", mallinfo2().uordblks);
	bus_notify(topic_get(server, GW_TOPIC_STATUS), &run.status);
	admin_done(&req, 0, "");
}

static void log_level_row(struct gw_server *server, struct gw_admin_request *req, const char *name)
{
	const char *cells[] = {name, log_level_word(log_level(server->log, name))};

	admin_row(req, cells, 2);
}

/** Of one module, or of all (NULL). */
static void log_levels(struct gw_server *server, struct gw_admin_request *req, const char *only)
{
	static const char *const columns[] = {"module", "level"};

	admin_head(req, columns, 2);
	if (only == NULL || strcmp(only, "core") == 0)
		log_level_row(server, req, "core");
	for (const struct module *m = server->modules; m != NULL; m = m->next)
		if (only == NULL || strcmp(only, m->self.name) == 0)
			log_level_row(server, req, m->self.name);
	admin_done(&req, 0, "");
}

static void log_level_command(void *state, struct gw_admin_request *req, int argc,
                              const char *const *argv)
{
	struct gw_server *server = state;
	enum gw_log_level level;

	if (argc > 0 && named(server, argv[0]) == NULL) {
		fail(req, -ENOENT, "the module %.60s is not loaded", argv[0]);
	} else if (argc < 2) {
		log_levels(server, req, argc > 0 ? argv[0] : NULL);
	} else if (!log_level_parse(argv[1], &level)) {
		fail(req, -EINVAL, "a level is one of debug, info, warn, error%s", "");
	} else {
		log_set_level(server->log, argv[0], level);
		admin_done(&req, 0, "");
	}
}

static void stop_command(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	bool now = argc > 0 && strcmp(argv[0], "--now") == 0;
	const char *reason = argc > now ? argv[now] : "stopped by an operator";
	struct gw_error first = {0};

	if (argc > 1 + now || (argc > now && strncmp(reason, "--", 2) == 0)) {
		fail(req, -ENOSYS, "usage: server stop [--now] [REASON]%s", "");
		return;
	}
	if (now)
		server_stop(state, reason);
	else if (server_ask_stop(state, reason, &first) != 0)
		admin_text(req, "%s", first.text);
	admin_done(&req, 0, "");
}

/** Whether a command's name begins with the words of the question. */
static bool is_asked(const struct gw_admin_command *command, int argc, const char *const *argv)
{
	const char *at = command->name;

	for (int i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]);

		if (strncmp(at, argv[i], len) != 0 || (at[len] != ' ' && at[len] != '\0'))
			return false;
		at += len + (at[len] == ' ');
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct gw_row *ra = a, *rb = b;

	return strcmp(*(const char *const *)ra->row, *(const char *const *)rb->row);
}

static void help_command(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	static const char *const columns[] = {"command", "arguments", "privilege", "help"};
	const struct gw_row *rows;
	size_t n = module_api.rows(server_self(state), GW_POINT_ADMIN, &rows), shown = 0;
	struct gw_row *sorted = mem_alloc(n * sizeof(*sorted));

	memcpy(sorted, rows, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < n; i++) {
		const struct gw_admin_command *command = sorted[i].row;
		char privilege[ADMIN_NAME_MAX];
		const char *cells[] = {command->name, command->args != NULL ? command->args : "",
		                       privilege, command->help != NULL ? command->help : ""};

		if (!is_asked(command, argc, argv) || !admin_allows(req, command))
			continue;
		admin_privilege(command, privilege);
		if (shown++ == 0)
			admin_head(req, columns, 4);
		admin_row(req, cells, 4);
	}
	free(sorted);
	if (shown == 0)
		fail(req, -ENOSYS, "there is no command '%.60s'", argc > 0 ? argv[0] : "");
	else
		admin_done(&req, 0, "");
}

enum {
	CALL_NOTHING,
	CALL_MODULE_LIST,
	CALL_MODULE_INFO,
	CALL_MODULE_LOAD,
	CALL_MODULE_UNLOAD,
	CALL_MODULE_RELOAD,
	CALL_REHASH,
	CALL_STATUS,
	CALL_LOG_LEVEL,
	CALL_STOP,
	CALL_HELP,
	CALL_TLS_SHOW,
	CALL_TLS_RELOAD,
	CALL_MODULE_TIMES,
	CALL_METRICS,
};

static const struct gw_call_row calls[] = {
	[CALL_NOTHING] = {"nothing", NULL},
	[CALL_MODULE_LIST] = {"module list", (gw_fn *)module_list},
	[CALL_MODULE_INFO] = {"module info", (gw_fn *)module_info},
	[CALL_MODULE_LOAD] = {"module load", (gw_fn *)module_load_command},
	[CALL_MODULE_UNLOAD] = {"module unload", (gw_fn *)module_unload_command},
	[CALL_MODULE_RELOAD] = {"module reload", (gw_fn *)module_reload_command},
	[CALL_REHASH] = {"rehash", (gw_fn *)rehash_command},
	[CALL_STATUS] = {"status", (gw_fn *)status_command},
	[CALL_LOG_LEVEL] = {"log level", (gw_fn *)log_level_command},
	[CALL_STOP] = {"server stop", (gw_fn *)stop_command},
	[CALL_HELP] = {"help", (gw_fn *)help_command},
	[CALL_TLS_SHOW] = {"tls show", (gw_fn *)tls_show_command},
	[CALL_TLS_RELOAD] = {"tls reload", (gw_fn *)tls_reload_command},
	[CALL_MODULE_TIMES] = {"module times", (gw_fn *)module_times},
	[CALL_METRICS] = {"metrics", (gw_fn *)server_metrics},
	{NULL, NULL},
};

static const struct gw_admin_command commands[] = {
	{.name = "module list",
         .help = "Lists the loaded modules.",
         .call = CALL_MODULE_LIST,
         .reads = true},
	{.name = "module info",
         .args = "NAME",
         .help = "Tells all about one module.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_MODULE_INFO,
         .reads = true},
	{.name = "module load",
         .args = "NAME",
         .help = "Loads a module, until the server stops.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_MODULE_LOAD},
	{.name = "module unload",
         .args = "NAME [--cascade]",
         .help = "Unloads a module, and with --cascade those that depend on it.",
         .min_args = 1,
         .max_args = 2,
         .call = CALL_MODULE_UNLOAD},
	{.name = "module reload",
         .args = "NAME|all",
         .help = "Replaces a module's code by what its file holds now.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_MODULE_RELOAD},
	{.name = "module times",
         .args = "[NAME] [--reset]",
         .help = "Tells how long the functions of modules take; --reset: and counts anew.",
         .max_args = 2,
         .call = CALL_MODULE_TIMES,
         .reads = true},
	{.name = "rehash",
         .help = "Reads the configuration anew and applies what has changed.",
         .call = CALL_REHASH},
	{.name = "status",
         .help = "Tells how the server is.",
         .privilege = "",
         .call = CALL_STATUS,
         .reads = true},
	{.name = "log level",
         .args = "[MODULE [LEVEL]]",
         .help = "Shows the log levels, or sets one until the next rehash.",
         .max_args = 2,
         .call = CALL_LOG_LEVEL},
	{.name = "server stop",
         .args = "[--now] [REASON]",
         .help = "Stops the server in good order, once modules have done what comes first; --now: "
                 "at once.",
         .max_args = 2,
         .call = CALL_STOP},
	{.name = "tls show",
         .help = "Shows the certificate in force.",
         .call = CALL_TLS_SHOW,
         .reads = true},
	{.name = "tls reload",
         .help = "Reads certificate and key anew, and shows them.",
         .call = CALL_TLS_RELOAD},
	{.name = "help",
         .args = "[COMMAND]",
         .help = "Lists the commands, or those that begin with these words.",
         .privilege = "",
         .max_args = 3,
         .call = CALL_HELP,
         .reads = true},
};

static const struct gw_topic_row topics[] = {
	{GW_TOPIC_REHASHED, GW_NOTIFICATION},
	{GW_TOPIC_STOPPING, GW_NOTIFICATION},
	{GW_TOPIC_STATUS, GW_NOTIFICATION},
	{GW_TOPIC_READY, GW_NOTIFICATION},
	{GW_TOPIC_UNLOADED, GW_NOTIFICATION},
	{GW_TOPIC_MAY_STOP, GW_QUESTION},
	{NULL, GW_NOTIFICATION},
};

static const struct gw_subscription subscriptions[] = {
	{GW_TOPIC_METRICS, -100, CALL_METRICS},
	{NULL, 0, 0},
};

static const struct gw_point points[] = {
	{GW_POINT_ADMIN, sizeof(struct gw_admin_command), CALL_NOTHING},
	{GW_POINT_PROTOCOL, sizeof(struct gw_protocol), CALL_NOTHING},
	{GW_POINT_VERB, sizeof(struct gw_verb_row), CALL_NOTHING},
	{NULL, 0, 0},
};

static const struct gw_rows rows[] = {GW_ROWS(GW_POINT_ADMIN, commands), {NULL, NULL, 0, 0}};

const struct gw_module core_descriptor = {
	.abi = GW_ABI,
	.name = "core",
	.version = "",
	.calls = calls,
	.topics = topics,
	.subscriptions = subscriptions,
	.points = points,
	.rows = rows,
};
