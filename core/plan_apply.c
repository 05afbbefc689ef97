/*
 * core/plan_apply.c - carries a checked plan out, or leaves everything as it was.
 *
 * The order: open the new listeners (they accept nobody yet; at the start they are only noted),
 * take the registrations of those that go out of force, load those that come one by one. Up to here
 * all can be undone. Then the new configuration is put in force and those that go are unloaded.
 */
#include "core/bus.h"
#include "core/config.h"
#include "core/conn.h"
#include "core/listener.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/option.h"
#include "core/plan.h"
#include "core/registry.h"
#include "core/server.h"
#include "core/settings.h"
#include "core/tls_cred.h"

#include <stdlib.h>
#include <utlist.h>

static int open_listeners(struct plan *plan, struct gw_error *err)
{
	const struct settings *s = plan->settings != NULL ? plan->settings : plan->server->settings;
	struct listen_spec *specs = mem_alloc((s->n_listen + 1) * sizeof(*specs));
	int status;

	for (size_t i = 0; i < s->n_listen; i++)
		specs[i] = (struct listen_spec){.address = s->listen[i].address,
		                                .protocol = s->listen[i].protocol,
		                                .tls = s->listen[i].tls,
		                                .advertise = s->listen[i].advertise,
		                                .place = s->listen[i].place};
	status = listeners_prepare(plan->server, specs, s->n_listen, err, &plan->listen);
	free(specs);
	return status;
}

/** Takes the modules that go out of force, or puts them back. */
static void set_leaving(struct plan *plan, bool leaving)
{
	bool any = false;

	for (size_t i = 0; i < plan->n_slots; i++) {
		if (plan->slots[i].fate != SLOT_GOES)
			continue;
		plan->slots[i].module->leaving = leaving;
		any = true;
	}
	if (!any)
		return;
	registry_apply(plan->server);
	registry_tell(plan->server);
}

static int load_one(struct plan *plan, struct slot *slot, struct gw_error *err)
{
	struct gw_server *server = plan->server;
	struct module *m = slot->module;
	int status;

	module_equip(m, &slot->image, &slot->options);
	m->leaving = true;
	DL_APPEND(server->modules, m);
	slot->linked = true;
	status = module_load(m, m->descriptor, m->self.state, GW_LOAD_FIRST, err);
	if (status != 0)
		return status;
	m->leaving = false;
	registry_apply(server);
	registry_tell(server);
	gw_log(&m->self, GW_INFO, "loaded version=%s generation=%u", m->descriptor->version,
	       (unsigned)m->self.generation);
	return 0;
}

/** Ends a module whose registrations are out of force. */
static void finish(struct plan *plan, struct slot *slot)
{
	module_forget(slot->module);
	bus_notify(topic_get(plan->server, GW_TOPIC_UNLOADED), &slot->module->self);
	DL_DELETE(plan->server->modules, slot->module);
	slot->linked = false;
	registry_apply(plan->server);
	module_free(&slot->module);
}

/** The module at `failed` could not be loaded: it has cleaned up itself, those before it are asked
 * to. */
static void undo_loads(struct plan *plan, size_t failed)
{
	finish(plan, &plan->slots[failed]);
	for (size_t i = failed; i-- > 0;) {
		struct slot *slot = &plan->slots[i];
		struct module *m = slot->module;

		if (slot->fate != SLOT_COMES)
			continue;
		m->leaving = true;
		registry_apply(plan->server);
		registry_tell(plan->server);
		module_unload(m, m->descriptor, m->self.state, GW_UNLOAD_LAST);
		finish(plan, slot);
	}
}

static int load_all(struct plan *plan, struct gw_error *err)
{
	for (size_t i = 0; i < plan->n_slots; i++) {
		int status;

		if (plan->slots[i].fate != SLOT_COMES)
			continue;
		status = load_one(plan, &plan->slots[i], err);
		if (status == 0)
			continue;
		undo_loads(plan, i);
		return status;
	}
	return 0;
}

static struct slot *slot_of(struct plan *plan, const struct module *module)
{
	size_t i = 0;

	while (plan->slots[i].module != module)
		i++;
	return &plan->slots[i];
}

static void unload_all(struct plan *plan)
{
	struct module *m;

	while ((m = module_next_out(plan->server)) != NULL) {
		module_unload(m, m->descriptor, m->self.state, GW_UNLOAD_LAST);
		gw_log(&m->self, GW_INFO, "unloaded");
		finish(plan, slot_of(plan, m));
	}
}

static void swap_options(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_slots; i++) {
		struct slot *slot = &plan->slots[i];
		struct gw_options *old;

		if (slot->fate != SLOT_STAYS || slot->options == NULL)
			continue;
		old = slot->module->options;
		slot->module->options = slot->options;
		slot->options = old; /* freed with the plan: it is readable during core.rehashed */
	}
}

static void commit_config(struct plan *plan)
{
	struct gw_server *server = plan->server;
	struct config *config = server->config;
	struct settings *settings = server->settings;

	if (plan->config != NULL) {
		server->config = plan->config;
		server->settings = plan->settings;
		plan->config = config;
		plan->settings = settings;
	}
	swap_options(plan);
	log_apply(server->log, server->settings);
	listeners_commit(server, &plan->listen);
	if (plan->cred != NULL)
		tls_cred_commit(server, &plan->cred);
}

int plan_apply(struct plan *plan, struct gw_error *err)
{
	struct gw_server *server = plan->server;
	int status = plan->configures ? open_listeners(plan, err) : 0;

	if (status != 0)
		return status;
	set_leaving(plan, true);
	status = load_all(plan, err);
	if (status != 0) {
		set_leaving(plan, false);
		return status;
	}
	if (plan->configures)
		commit_config(plan);
	unload_all(plan);
	if (plan->configures && server->phase == SERVER_RUNNING)
		bus_notify(topic_get(server, GW_TOPIC_REHASHED), NULL);
	return 0;
}
