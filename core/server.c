/*
 * core/server.c - the life of one server: read the configuration, start, stop in good order, end.
 */
#include "core/server.h"
#include "core/admin.h"
#include "core/bus.h"
#include "core/change.h"
#include "core/config.h"
#include "core/conn.h"
#include "core/core_admin.h"
#include "core/listener.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/loop_api.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/notify.h"
#include "core/option_show.h"
#include "core/plan.h"
#include "core/registry.h"
#include "core/rights.h"
#include "core/server_name.h"
#include "core/settings.h"
#include "core/state_dir.h"
#include "core/tls_cred.h"

#include <ltdl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define STOP_BOUND (GW_SECOND)
#define STOP_LOOK (5 * GW_MS)

enum { exit_failed = 1, exit_config = 2 };

/** The end in good order: waits until all queues are written, or a second. */
struct stopping {
	struct loop_defer defer;
	struct loop_timer timer;
	struct gw_server *server;
	int64_t until_ns;
};

const char *server_version(void)
{
	return PACKAGE_VERSION;
}

struct gw_self *server_self(struct gw_server *server)
{
	return &server->core->self;
}

static void make_core(struct gw_server *server)
{
	server->api = (struct gw_core){
		.mem = &mem_api,
		.log = &log_api,
		.loop = &loop_api,
		.bus = &bus_api,
		.module = &module_api,
		.option = &option_api,
		.conn = &conn_api,
		.admin = &admin_api,
	};
	server->core = module_new(server, core_descriptor.name);
	module_bind(server->core, &core_descriptor, server);
	registry_apply(server);
}

int server_new(struct loop *loop, const char *config_path, struct gw_server **out,
               struct gw_error *err)
{
	struct gw_server *server = mem_alloc(sizeof(*server));
	int status;

	server->loop = loop;
	server->lock_fd = -1;
	server->exit_status = exit_config;
	server->config_path = mem_strdup(config_path);
	server->name = mem_strdup("");
	server->log = log_new();
	loop->ops->random(loop, server->hash_key, sizeof(server->hash_key));
	make_core(server);
	server->changes = changes_new(server);
	server->calls = loop_calls_new(server);
	server->conns = conns_new(server);
	status = sodium_init() < 0 ? gw_fail(err, -1, "libsodium cannot start") : 0;
	if (lt_dlinit() != 0 && status == 0)
		status = gw_fail(err, -1, "libltdl cannot start: %s", lt_dlerror());
	if (status == 0)
		status = config_read(config_path, &server->config, err);
	if (status == 0)
		status = settings_read(server->config, &server->settings, err);
	if (status != 0) {
		server_free(&server);
	} else {
		server->scan_state = server->settings->scan_state;
		log_apply(server->log, server->settings);
	}
	*out = server;
	return status;
}

int server_check(struct gw_server *server, struct gw_error *err)
{
	struct plan *plan = NULL;
	int status = server_name_settle(server, true, err);

	if (status == 0)
		status = plan_first(server, true, &plan, err);
	plan_free(&plan);
	return status;
}

int server_options(struct gw_server *server, FILE *out, struct gw_error *err)
{
	struct plan *plan = NULL;
	int status = server_name_settle(server, false, err);

	if (status == 0)
		status = plan_first(server, true, &plan, err);
	for (const struct settings_section *s = settings_sections; s->table != NULL && status == 0;
	     s++)
		option_show(out, s->name, s->table);
	for (size_t i = 0; status == 0 && i < plan->n_slots; i++)
		option_show(out, plan->slots[i].module->self.name,
		            image_descriptor(plan->slots[i].image)->options);
	plan_free(&plan);
	return status;
}

static void add_address(void *ctx, const struct gw_listener *listener)
{
	char *text = ctx;
	const char *address = listener->address, *tls = listener->tls ? "(tls)" : "";
	size_t used = strlen(text);
	const char *colon = strrchr(address, ':');
	int len = strncmp(address, "unix:", 5) == 0 || colon == NULL ? (int)strlen(address)
	                                                             : (int)(colon - address);

	if (listener->port != 0)
		snprintf(text + used, 400 - used, " %.*s:%u%s", len, address, listener->port, tls);
	else
		snprintf(text + used, 400 - used, " %.*s%s", len, address, tls);
}

static void tell_unwanted(void *ctx, const char *address, const char *name)
{
	server_log(ctx, GW_WARN,
	           "a socket was passed that no listener wants, and is closed address=\"%s\" "
	           "name=\"%s\"",
	           address, name);
}

static void announce(struct gw_server *server)
{
	char addresses[400] = "";
	unsigned modules = 0;

	for (const struct module *m = server->modules; m != NULL; m = m->next)
		modules++;
	if (server->loop->ops->drop_reserved != NULL)
		server->loop->ops->drop_reserved(server->loop, tell_unwanted, server);
	bus_notify(topic_get(server, GW_TOPIC_READY), NULL);
	listeners_each(server, add_address, addresses);
	server_log(server, GW_INFO, "ready server=%s modules=%u listens=\"%s\"", server->name,
	           modules, addresses[0] != '\0' ? addresses + 1 : "");
	log_api.say(server_self(server), "ready %s%s%s", server->name,
	            addresses[0] != '\0' ? ":" : "", addresses);
	notify_ready(server);
}

int server_start(struct gw_server *server, struct gw_error *err)
{
	struct plan *plan = NULL;
	int status = server_name_settle(server, true, err);

	if (status != 0)
		return status;
	server->exit_status = exit_failed;
	server->started_ns = server->loop->ops->mono_ns(server->loop);
	status = rights_drop(server, true, err);
	if (status == 0)
		status = state_dir_open(server, err);
	if (status == 0)
		status = server_name_keep(server, err);
	if (status != 0)
		return status;
	listeners_wait(server);
	status = plan_first(server, false, &plan, err);
	if (status != 0)
		server->exit_status = exit_config;
	else
		status = plan_apply(plan, err);
	plan_free(&plan);
	if (status == 0 && !listeners_held(server))
		status = listeners_open(server, err);
	if (status != 0)
		return status;
	server->exit_status = 0;
	server->phase = SERVER_RUNNING;
	if (!listeners_held(server))
		announce(server);
	return 0;
}

void server_open(struct gw_server *server)
{
	struct gw_error err = {0};

	if (server->phase != SERVER_RUNNING)
		return;
	if (listeners_open(server, &err) == 0) {
		announce(server);
		return;
	}
	server_log(server, GW_ERROR, "the listeners cannot be opened reason=\"%s\"", err.text);
	server->exit_status = exit_failed;
	server_stop(server, "the server cannot listen");
}

static void stopped(struct gw_server *server)
{
	server->phase = SERVER_STOPPED;
	server->stopping->server->loop->ops->timer_set(&server->stopping->timer, -1);
	if (server->on_stopped != NULL)
		server->on_stopped(server, server->on_stopped_ctx);
}

static void stop_look(struct loop_timer *timer)
{
	struct stopping *s = container_of(timer, struct stopping, timer);
	struct loop *loop = s->server->loop;

	if (conns_idle(s->server->conns) || loop->ops->mono_ns(loop) >= s->until_ns)
		stopped(s->server);
	else
		loop->ops->timer_set(timer, STOP_LOOK);
}

static void stop_begin(struct loop_defer *defer)
{
	struct stopping *s = container_of(defer, struct stopping, defer);
	struct gw_server *server = s->server;

	server_log(server, GW_INFO, "stopping reason=\"%s\"", server->stop_reason);
	listeners_close(server);
	bus_notify(topic_get(server, GW_TOPIC_STOPPING), server->stop_reason);
	conns_close_all(server->conns, server->stop_reason);
	s->until_ns = server->loop->ops->mono_ns(server->loop) + STOP_BOUND;
	server->loop->ops->timer_set(&s->timer, 0);
}

void server_stop(struct gw_server *server, const char *reason)
{
	struct stopping *s;

	if (server->phase != SERVER_RUNNING)
		return;
	server->phase = SERVER_STOPPING;
	snprintf(server->stop_reason, sizeof(server->stop_reason), "%s", reason);
	s = server->stopping = mem_alloc(sizeof(*s));
	s->server = server;
	s->defer.fn = stop_begin;
	s->timer.loop = server->loop;
	s->timer.fired = stop_look;
	loop_defer(server->loop, &s->defer);
	notify_stopping(server);
}

int server_ask_stop(struct gw_server *server, const char *reason, struct gw_error *why)
{
	int status = 0;

	if (server->phase == SERVER_RUNNING)
		status = bus_ask(topic_get(server, GW_TOPIC_MAY_STOP), (char *)(uintptr_t)reason,
		                 why);
	if (status != 0 && why->text[0] == '\0')
		gw_fail(why, status, "a module has something to do first");
	if (status == 0) {
		server_stop(server, reason);
		return 0;
	}
	server_log(server, GW_INFO, "stops later reason=\"%s\" first=\"%s\"", reason, why->text);
	notify_stops_later(server, why->text);
	return status;
}

static void stopping_free(struct gw_server *server)
{
	struct stopping *s = server->stopping;

	if (s == NULL)
		return;
	loop_defer_cancel(server->loop, &s->defer);
	server->loop->ops->timer_set(&s->timer, -1);
	free(s);
	server->stopping = NULL;
}

/** Each still has what it requires when it goes. */
static void unload_modules(struct gw_server *server)
{
	struct module *m;

	for (m = server->modules; m != NULL; m = m->next)
		m->leaving = true;
	registry_apply(server);
	registry_tell(server);
	while ((m = module_next_out(server)) != NULL) {
		module_unload(m, m->descriptor, m->self.state, GW_UNLOAD_LAST);
		server->loop->ops->work_finish(server->loop);
		DL_DELETE(server->modules, m);
		registry_apply(server);
		module_forget(m);
		module_free(&m);
	}
}

void server_free(struct gw_server **handle)
{
	struct gw_server *server = *handle;
	struct tls_cred *none = NULL;

	if (server == NULL)
		return;
	*handle = NULL;
	notify_end(server);
	stopping_free(server);
	server->loop->ops->work_finish(server->loop);
	unload_modules(server);
	admin_free(server);
	changes_free(&server->changes);
	tls_cred_commit(server, &none);
	conns_free(&server->conns);
	loop_calls_free(&server->calls);
	registry_free(server);
	module_free(&server->core);
	module_free_gone(server);
	if (server->settings != NULL)
		state_dir_close(server);
	settings_free(&server->settings);
	config_free(&server->config);
	log_free(&server->log);
	lt_dlexit();
	free(server->config_path);
	free(server->name);
	free(server->verb);
	node_free(server->given);
	free(server);
}
