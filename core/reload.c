/*
 * core/reload.c - open, check, migrate, load, switch, retire: the steps of a reload, in one turn of
 * the loop.
 *
 * Each step before the switch can fail and is undone by reload_drop(). From the switch on nothing
 * can fail. The owners of extension points hear of the new rows before any other code runs, so
 * nobody follows a pointer into the old image once that is closed.
 */
#include "core/reload.h"
#include "core/call.h"
#include "core/mem.h"
#include "core/option.h"
#include "core/registry.h"
#include "core/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reload {
	struct module *module;
	struct image *image;
	const struct gw_module *now, *then;
	struct gw_options *options;
	void *state; /* the block of the new layout; the old one where the layout stays */
};

/** A row's position is its identity: what waits for row 3 must find the same function there. */
static int check_calls(const struct reload *r, struct gw_error *err)
{
	const struct gw_call_row *now = r->now->calls, *then = r->then->calls;

	for (size_t i = 0; now != NULL && now[i].name != NULL; i++) {
		if (then == NULL || then[i].name == NULL)
			return gw_fail(err, -EINVAL,
			               "the new %s lacks row %zu of its calls, '%s': rows are only "
			               "added, at the end",
			               r->now->name, i, now[i].name);
		if (strcmp(now[i].name, then[i].name) != 0)
			return gw_fail(err, -EINVAL,
			               "the new %s has '%s' in row %zu of its calls, where the "
			               "running one has '%s'",
			               r->now->name, then[i].name, i, now[i].name);
	}
	return 0;
}

static int check_state(const struct reload *r, struct gw_error *err)
{
	const struct gw_module *now = r->now, *then = r->then;

	if (now->state_version == then->state_version && now->state_size == then->state_size)
		return 0;
	if (now->state_version == then->state_version)
		return gw_fail(err, -EINVAL,
		               "the new %s has a state of %zu bytes and the running one %zu, but "
		               "both call it version %u",
		               now->name, then->state_size, now->state_size,
		               (unsigned)now->state_version);
	if (then->migrate == NULL)
		return gw_fail(err, -EINVAL,
		               "the new %s has state version %u and cannot migrate version %u of "
		               "the running one",
		               now->name, (unsigned)then->state_version,
		               (unsigned)now->state_version);
	return 0;
}

/** Whether a module that stays requires what the new code no longer provides. */
static int check_withdrawn(const struct reload *r, const struct module *m, struct gw_error *err)
{
	const char *at = m->descriptor->requires != NULL ? m->descriptor->requires : "";
	struct need need;

	while (need_next(&at, &need) > 0)
		if (!need.optional && interface_of(r->now, need.name) != NULL &&
		    interface_of(r->then, need.name) == NULL)
			return gw_fail(err, -EBUSY,
			               "the new %s no longer provides the interface %s, which %s "
			               "requires: unload %s first",
			               r->now->name, need.name, m->self.name, m->self.name);
	return 0;
}

/** The lineup with the new descriptor in place of the old one: requirements both ways, and doubled
 * names. */
static int check_others(const struct reload *r, struct gw_error *err)
{
	struct gw_server *server = r->module->server;
	const struct gw_module **list;
	struct lineup lineup;
	size_t n = 1;
	int status = 0;

	for (struct module *m = server->modules; m != NULL && status == 0; m = m->next, n++)
		if (m != r->module)
			status = check_withdrawn(r, m, err);
	if (status != 0)
		return status;
	list = mem_alloc(n * sizeof(*list));
	n = 0;
	list[n++] = server->core->descriptor;
	for (struct module *m = server->modules; m != NULL; m = m->next)
		list[n++] = m == r->module ? r->then : m->descriptor;
	lineup = (struct lineup){.descriptors = list, .n = n};
	status = registry_check(&lineup, err);
	free(list);
	return status;
}

static int reload_check(struct reload *r, struct gw_error *err)
{
	int status = check_calls(r, err);

	if (status == 0)
		status = check_state(r, err);
	if (status == 0)
		status = check_others(r, err);
	if (status == 0)
		status = module_configure(r->module, r->then, r->module->server->config,
		                          &r->options, err);
	return status;
}

static int reload_migrate(struct reload *r, struct gw_error *err)
{
	struct module *module = r->module;
	struct frame frame;
	int status;

	r->state = module->self.state;
	if (r->now->state_version == r->then->state_version)
		return 0;
	r->state = module_state_new(module, r->then);
	module->coming_options = r->options;
	frame_enter(&frame, module);
	status = r->then->migrate(&module->self, module->self.state, r->now->state_version,
	                          r->state, err);
	call_leave(&frame);
	module->coming_options = NULL;
	if (status != 0 && err != NULL && err->text[0] == '\0')
		gw_fail(err, status,
		        "the new %s refuses the state of the running one, version %u: %s",
		        r->now->name, (unsigned)r->now->state_version, strerror(-status));
	return status;
}

static int reload_load(struct reload *r, struct gw_error *err)
{
	int status;

	r->module->coming_options = r->options;
	status = module_load(r->module, r->then, r->state, GW_LOAD_RELOAD, err);
	r->module->coming_options = NULL;
	return status;
}

/** Nothing of the new generation stays. */
static void reload_drop(struct reload *r)
{
	if (r->state != NULL && r->state != r->module->self.state)
		module_state_free(r->module, r->state);
	options_free(&r->options);
	image_unref(&r->image);
}

/** Afterwards `r` holds what was replaced. */
static void reload_switch(struct reload *r)
{
	struct module *module = r->module;
	struct image *image = module->image;
	struct gw_options *options = module->options;
	void *state = module->self.state;

	module->image = r->image;
	module->options = r->options;
	module_bind(module, r->then, r->state);
	r->image = image;
	r->options = options;
	r->state = state;
	registry_apply(module->server);
	registry_tell(module->server);
}

static void scan(const struct reload *r)
{
	struct gw_server *server = r->module->server;
	size_t found = 0;

	for (struct module *m = server->modules; m != NULL; m = m->next)
		found += mem_scan(m, r->image);
	server->stale += (uint32_t)found;
	if (found > 0)
		gw_log(&r->module->self, GW_ERROR,
		       "the old code is closed while pointers into it are left count=%zu", found);
}

static void reload_retire(struct reload *r)
{
	module_unload(r->module, r->now, r->state, GW_UNLOAD_RELOAD);
	if (r->state != r->module->self.state)
		module_state_free(r->module, r->state);
	options_free(&r->options);
	if (r->module->server->scan_state)
		scan(r);
	image_unref(&r->image);
}

int module_reload(struct module *module, struct gw_error *err)
{
	struct reload r = {.module = module, .now = module->descriptor};
	int status = module_open(module->server, module->server->settings, module->self.name, false,
	                         &r.image, err);

	if (status != 0)
		return status;
	r.then = image_descriptor(r.image);
	status = reload_check(&r, err);
	if (status == 0)
		status = reload_migrate(&r, err);
	if (status == 0)
		status = reload_load(&r, err);
	if (status != 0) {
		reload_drop(&r);
		return status;
	}
	reload_switch(&r);
	reload_retire(&r);
	gw_log(&module->self, GW_INFO, "reloaded version=%s generation=%u",
	       module->descriptor->version, (unsigned)module->self.generation);
	return 0;
}
