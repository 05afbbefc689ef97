/*
 * core/plan.c - checks a plan; plan_apply.c carries it out.
 */
#include "core/plan.h"
#include "core/config.h"
#include "core/listener.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/option.h"
#include "core/registry.h"
#include "core/rights.h"
#include "core/server.h"
#include "core/server_name.h"
#include "core/settings.h"
#include "core/tls_cred.h"
#include "core/tls_pair.h"

#include <assert.h>
#include <errno.h>
#include <godwit/conn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct slot *add_slot(struct plan *plan, struct module *module, enum slot_fate fate)
{
	struct slot *slot;

	plan->slots = mem_resize(plan->slots, (plan->n_slots + 1) * sizeof(*plan->slots));
	slot = &plan->slots[plan->n_slots++];
	*slot = (struct slot){.module = module, .fate = fate};
	return slot;
}

int plan_new(struct gw_server *server, struct config *config, bool check_only, struct plan **out,
             struct gw_error *err)
{
	struct plan *plan = mem_alloc(sizeof(*plan));
	int status = 0;

	plan->server = server;
	plan->config = config;
	plan->configures = config != NULL || server->phase == SERVER_NEW;
	plan->check_only = check_only;
	for (struct module *m = server->modules; m != NULL; m = m->next)
		add_slot(plan, m, SLOT_STAYS);
	if (config != NULL)
		status = settings_read(config, &plan->settings, err);
	if (status != 0)
		plan_free(&plan);
	*out = plan;
	return status;
}

void plan_free(struct plan **handle)
{
	struct plan *plan = *handle;

	if (plan == NULL)
		return;
	*handle = NULL;
	if (plan->listen != NULL)
		listeners_abort(plan->server, &plan->listen);
	if (plan->cred != NULL)
		tls_cred_abort(&plan->cred);
	for (size_t i = plan->n_slots; i-- > 0;) {
		struct slot *slot = &plan->slots[i];

		options_free(&slot->options);
		if (slot->fate == SLOT_COMES && !slot->linked)
			module_free(&slot->module);
		image_unref(&slot->image);
	}
	free(plan->slots);
	config_free(&plan->config);
	settings_free(&plan->settings);
	free(plan);
}

static const struct settings *settings_of(const struct plan *plan)
{
	return plan->settings != NULL ? plan->settings : plan->server->settings;
}

static const struct config *config_of(const struct plan *plan)
{
	return plan->config != NULL ? plan->config : plan->server->config;
}

/** Where the file names the module; NULL for one that was asked for by hand. */
static const char *place_of(const struct plan *plan, const char *name)
{
	const struct settings *s = settings_of(plan);

	for (size_t i = 0; i < s->n_modules; i++)
		if (strcmp(s->modules[i], name) == 0)
			return s->module_places[i];
	return NULL;
}

int plan_add(struct plan *plan, const char *name, struct gw_error *err)
{
	const char *place = place_of(plan, name);
	struct gw_error why = {0};
	struct slot *slot;
	struct image *image;
	int status =
		module_open(plan->server, settings_of(plan), name, plan->check_only, &image, &why);

	if (status != 0)
		return gw_fail(err, status, "%s%s%s", place != NULL ? place : "",
		               place != NULL ? ": " : "", why.text);
	slot = add_slot(plan, module_new(plan->server, name), SLOT_COMES);
	slot->image = image;
	return 0;
}

void plan_drop(struct plan *plan, struct module *module)
{
	for (size_t i = 0; i < plan->n_slots; i++)
		if (plan->slots[i].module == module)
			plan->slots[i].fate = SLOT_GOES;
}

static const struct gw_module *descriptor_of(const struct slot *slot)
{
	return slot->image != NULL ? image_descriptor(slot->image) : slot->module->descriptor;
}

/** Whether somebody at `from` or behind it provides what the module at `at` needs. */
static bool waits(const struct plan *plan, size_t at, size_t from, bool optional_too)
{
	const char *text = descriptor_of(&plan->slots[at])->requires;
	struct need need;

	text = text != NULL ? text : "";
	while (need_next(&text, &need) > 0) {
		if (need.optional && !optional_too)
			continue;
		for (size_t i = from; i < plan->n_slots; i++)
			if (i != at &&
			    interface_of(descriptor_of(&plan->slots[i]), need.name) != NULL)
				return true;
	}
	return false;
}

/** The first, in the order of the file, that waits for nobody. */
static size_t find_ready(const struct plan *plan, size_t from, bool optional_too)
{
	size_t at = from;

	while (at < plan->n_slots && waits(plan, at, from, optional_too))
		at++;
	return at;
}

/** What somebody requires is loaded before; optional requirements too, where that closes no circle.
 * That there is such an order is known from the lineup. */
static void order(struct plan *plan)
{
	size_t next = 0;

	while (next < plan->n_slots && plan->slots[next].fate != SLOT_COMES)
		next++;
	for (; next < plan->n_slots; next++) {
		size_t at = find_ready(plan, next, true);
		struct slot moved;

		if (at == plan->n_slots)
			at = find_ready(plan, next, false);
		assert(at < plan->n_slots);
		moved = plan->slots[at];
		memmove(&plan->slots[next + 1], &plan->slots[next], (at - next) * sizeof(moved));
		plan->slots[next] = moved;
	}
}

/** Who has the interface: of those that stay or come, or of those that go. */
static const struct slot *provider_of(const struct plan *plan, const char *name, bool goes)
{
	for (size_t i = 0; i < plan->n_slots; i++)
		if ((plan->slots[i].fate == SLOT_GOES) == goes &&
		    interface_of(descriptor_of(&plan->slots[i]), name) != NULL)
			return &plan->slots[i];
	return NULL;
}

/** What a module misses may be what one has that is to go: then the sentence names that, too. */
static void explain_gone(const struct plan *plan, struct gw_error *why)
{
	for (size_t i = 0; i < plan->n_slots; i++) {
		const struct gw_module *d = descriptor_of(&plan->slots[i]);
		const char *at = d->requires != NULL ? d->requires : "";
		const struct slot *gone;
		struct need need;

		while (plan->slots[i].fate != SLOT_GOES && need_next(&at, &need) > 0) {
			if (need.optional || provider_of(plan, need.name, false) != NULL)
				continue;
			gone = provider_of(plan, need.name, true);
			if (gone != NULL)
				gw_fail(why, 0,
				        "%s requires the interface %s %u.%u, which %s provides, "
				        "and that is to go: keep %s, or let %s go with it",
				        d->name, need.name, need.major, need.minor,
				        gone->module->self.name, gone->module->self.name, d->name);
		}
	}
}

static int check_lineup(const struct plan *plan, struct gw_error *err)
{
	const struct gw_module **list = mem_alloc((plan->n_slots + 1) * sizeof(*list));
	struct lineup lineup = {.descriptors = list};
	struct gw_error why = {0};
	const struct node *modules = node_get(config_root(config_of(plan)), "modules");
	int status;

	list[lineup.n++] = plan->server->core->descriptor;
	for (size_t i = 0; i < plan->n_slots; i++)
		if (plan->slots[i].fate != SLOT_GOES)
			list[lineup.n++] = descriptor_of(&plan->slots[i]);
	status = registry_check(&lineup, &why);
	free(list);
	if (status == -ENOENT)
		explain_gone(plan, &why);
	if (status != 0 && plan->configures && modules != NULL)
		node_fail_key(err, modules, "%s", why.text);
	else if (status != 0)
		gw_fail(err, status, "%s", why.text);
	return status;
}

static bool is_planned(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_slots; i++)
		if (plan->slots[i].fate != SLOT_GOES &&
		    strcmp(plan->slots[i].module->self.name, name) == 0)
			return true;
	return false;
}

static int check_keys(const struct plan *plan, struct gw_error *err)
{
	const struct node *root = config_root(config_of(plan));

	for (const struct node *child = root->children; child != NULL; child = child->next)
		if (!settings_is_key(child->key) && !is_planned(plan, child->key))
			return node_fail_key(err, child,
			                     "'%.60s' is neither an option of the server nor a "
			                     "module that 'modules' lists",
			                     child->key);
	return 0;
}

static const struct gw_protocol *protocol_in(const struct gw_module *d, const char *name)
{
	for (const struct gw_rows *r = d->rows; r != NULL && r->point != NULL; r++) {
		const struct gw_protocol *rows = r->rows;

		for (size_t i = 0; strcmp(r->point, GW_POINT_PROTOCOL) == 0 && i < r->count; i++)
			if (strcmp(rows[i].name, name) == 0)
				return &rows[i];
	}
	return NULL;
}

/** NULL when nobody will speak it. */
static const struct gw_protocol *find_protocol(const struct plan *plan, const char *name)
{
	const struct gw_protocol *found = NULL;

	for (size_t m = 0; m < plan->n_slots && found == NULL; m++)
		if (plan->slots[m].fate != SLOT_GOES)
			found = protocol_in(descriptor_of(&plan->slots[m]), name);
	return found;
}

static int check_listen(const struct plan *plan, const struct listen_setting *l,
                        struct gw_error *err)
{
	const struct gw_protocol *protocol = find_protocol(plan, l->protocol);

	if (protocol == NULL)
		return gw_fail(err, -EINVAL,
		               "%s: no module that 'modules' lists speaks the protocol '%s'",
		               l->place, l->protocol);
	if (protocol->tls == GW_TLS_LINK && !l->tls)
		return gw_fail(err, -EINVAL,
		               "%s: the protocol '%s' is always encrypted: no 'tls: no'", l->place,
		               l->protocol);
	return 0;
}

/** What settings say of modules must be true of those that will be loaded. */
static int check_settings(const struct plan *plan, struct gw_error *err)
{
	const struct settings *s = settings_of(plan);

	for (size_t i = 0; i < s->n_listen; i++) {
		int status = check_listen(plan, &s->listen[i], err);

		if (status != 0)
			return status;
	}
	for (size_t i = 0; i < s->n_levels; i++)
		if (strcmp(s->levels[i].module, "core") != 0 &&
		    !is_planned(plan, s->levels[i].module))
			return gw_fail(err, -EINVAL,
			               "%s: '%s' is not a module that 'modules' lists",
			               s->levels[i].place, s->levels[i].module);
	return 0;
}

/** What belongs to the life of the process and not to a rehash. */
static int check_fixed(const struct plan *plan, struct gw_error *err)
{
	const struct settings *now = plan->server->settings, *then = settings_of(plan);
	const struct node *root = config_root(config_of(plan));
	const char *key = NULL;

	if (strcmp(now->server, then->server) != 0 && then->server[0] != '\0' &&
	    strcmp(plan->server->name, then->server) != 0)
		key = "server";
	else if (strcmp(now->state_directory, then->state_directory) != 0)
		key = "state-directory";
	else if (now->scan_state != then->scan_state)
		key = "debug";
	else if (strcmp(now->user, then->user) != 0)
		key = "user";
	else if (strcmp(now->group, then->group) != 0)
		key = "group";
	if (key == NULL)
		return server_name_check(plan->server, config_of(plan), then, err);
	return node_fail_key(err, node_get(root, key) != NULL ? node_get(root, key) : root,
	                     "'%s' cannot change while the server runs", key);
}

static int check_rights(const struct plan *plan, struct gw_error *err)
{
	struct gw_error why = {0};
	const char *key;

	if (rights_check(settings_of(plan), &key, &why) == 0)
		return 0;
	return node_fail_key(err, node_get(config_root(config_of(plan)), key), "%s", why.text);
}

static int check_options(struct plan *plan, struct gw_error *err)
{
	int status = 0;

	for (size_t i = 0; i < plan->n_slots && status == 0; i++) {
		struct slot *slot = &plan->slots[i];

		if (slot->fate == SLOT_COMES || (slot->fate == SLOT_STAYS && plan->configures))
			status = module_configure(slot->module, descriptor_of(slot),
			                          config_of(plan), &slot->options, err);
	}
	return status;
}

/** Links need no certificate. */
static bool wants_tls(const struct plan *plan)
{
	const struct settings *s = settings_of(plan);
	bool wanted = s->tls_certificate != NULL;

	for (size_t i = 0; i < s->n_listen; i++)
		wanted = wanted || (s->listen[i].tls &&
		                    find_protocol(plan, s->listen[i].protocol)->tls != GW_TLS_LINK);
	return wanted;
}

/** A mere check does not make the server's own pair. */
static int check_tls(struct plan *plan, struct gw_error *err)
{
	const struct settings *s = settings_of(plan);

	if (plan->server->phase == SERVER_NEW && tls_fingerprint(plan->server, (uint8_t[32]){0}))
		return 0; /* read while the server was root */
	if (!wants_tls(plan) || (s->tls_certificate == NULL && plan->check_only))
		return 0;
	return tls_pair_prepare(plan->server, s, &plan->cred, err);
}

int plan_check(struct plan *plan, struct gw_error *err)
{
	int status = check_lineup(plan, err);

	if (status == 0)
		order(plan);
	if (status == 0 && plan->configures)
		status = check_keys(plan, err);
	if (status == 0 && plan->config != NULL)
		status = check_fixed(plan, err);
	if (status == 0 && plan->configures)
		status = check_settings(plan, err);
	if (status == 0 && plan->configures)
		status = check_rights(plan, err);
	if (status == 0)
		status = check_options(plan, err);
	if (status == 0 && plan->configures)
		status = check_tls(plan, err);
	return status;
}

int plan_first(struct gw_server *server, bool check_only, struct plan **out, struct gw_error *err)
{
	const struct settings *s = server->settings;
	int status = plan_new(server, NULL, check_only, out, err);

	for (size_t i = 0; i < s->n_modules && status == 0; i++)
		status = plan_add(*out, s->modules[i], err);
	if (status == 0)
		status = plan_check(*out, err);
	return status;
}
