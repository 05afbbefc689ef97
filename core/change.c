/*
 * core/change.c - the queue of changes, and load, unload and reload by name.
 *
 * What is asked for while a change is carried out (by a module's `load`, or by one that hears of
 * the change) is refused: a module that asks for its own reload in its `load` would have no end.
 * What is asked for behind it, when the answer has come, waits for the next turn.
 *
 * One module changes in a turn, where the change is not all or nothing: the loop stands still for
 * as long as one takes, not for all of them.
 */
#include "core/change.h"
#include "core/admin.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/notify.h"
#include "core/plan.h"
#include "core/registry.h"
#include "core/rehash.h"
#include "core/reload.h"
#include "core/server.h"
#include "core/settings.h"
#include "core/text.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct change {
	struct change *next;
	enum change_kind kind;
	char *name;
	bool cascade;
	struct gw_admin_request *req;

	/* Of a reload of all modules: those that have had their turn; what the first failure was.
	 */
	unsigned reloaded;
	int status;
	struct gw_error why;
};

enum { GOES_ON = 1 }; /* not finished: the rest comes in the next turn */

struct changes {
	struct loop_defer defer;
	struct gw_server *server;
	struct change *first;
	struct change_counts counts[CHANGE_KINDS];
	const struct change *now; /* is carried out; NULL: none */
};

static int need_module(struct gw_server *server, const char *name, struct module **out,
                       struct gw_error *err)
{
	*out = module_find(server, name);
	if (*out != NULL)
		return 0;
	return gw_fail(err, -ENOENT, "the module %.60s is not loaded", name);
}

int change_load(struct gw_server *server, const char *name, struct gw_error *err)
{
	struct plan *plan;
	int status;

	if (!text_is_name(name, 32) || settings_is_key(name))
		return gw_fail(err, -EINVAL, "'%.60s' is no name for a module", name);
	if (module_find(server, name) != NULL)
		return gw_fail(err, -EEXIST,
		               "the module %s is loaded already; 'module reload' replaces its code",
		               name);
	status = plan_new(server, NULL, false, &plan, err);
	if (status == 0)
		status = plan_add(plan, name, err);
	if (status == 0)
		status = plan_check(plan, err);
	if (status == 0)
		status = plan_apply(plan, err);
	plan_free(&plan);
	return status;
}

static int refuse_unload(struct gw_server *server, const struct module *module,
                         struct gw_error *err)
{
	char who[180] = "";
	struct need need;

	for (struct module *m = server->modules; m != NULL; m = m->next) {
		size_t used = strlen(who);

		if (m != module && depends_on(m->descriptor, module->descriptor, &need))
			snprintf(who + used, sizeof(who) - used, "%s%s", used > 0 ? ", " : "",
			         m->self.name);
	}
	if (who[0] == '\0')
		return 0;
	return gw_fail(err, -EBUSY, "%s is required by %s; --cascade unloads them too",
	               module->self.name, who);
}

/** Whether the module at `at` stays, and requires what one that goes provides. */
static bool loses(const struct plan *plan, size_t at)
{
	const struct gw_module *d = plan->slots[at].module->descriptor;
	struct need need;

	if (plan->slots[at].fate == SLOT_GOES)
		return false;
	for (size_t i = 0; i < plan->n_slots; i++)
		if (plan->slots[i].fate == SLOT_GOES &&
		    depends_on(d, plan->slots[i].module->descriptor, &need))
			return true;
	return false;
}

/** All that depend on those that go, go too. */
static void cascade(struct plan *plan)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < plan->n_slots; i++) {
			if (!loses(plan, i))
				continue;
			plan->slots[i].fate = SLOT_GOES;
			again = true;
		}
	}
}

int change_unload(struct gw_server *server, const char *name, bool all, struct gw_error *err)
{
	struct module *module;
	struct plan *plan;
	int status = need_module(server, name, &module, err);

	if (status == 0 && !all)
		status = refuse_unload(server, module, err);
	if (status != 0)
		return status;
	status = plan_new(server, NULL, false, &plan, err);
	if (status == 0) {
		plan_drop(plan, module);
		cascade(plan);
		status = plan_check(plan, err);
	}
	if (status == 0)
		status = plan_apply(plan, err);
	plan_free(&plan);
	return status;
}

int change_reload(struct gw_server *server, const char *name, struct gw_error *err)
{
	struct module *module;
	int status = need_module(server, name, &module, err);

	return status == 0 ? module_reload(module, err) : status;
}

/* What the queue does for each kind: the outcome goes to who asked, or to the log. */

static void tell_loaded(const struct change *c, struct gw_server *server, const char *what)
{
	const struct module *m = module_find(server, c->name);

	if (c->req != NULL && m != NULL)
		admin_text(c->req, "%s: %s, version %s, generation %u", c->name, what,
		           m->descriptor->version, (unsigned)m->self.generation);
}

static int run_load(struct gw_server *server, struct change *c, struct gw_error *err)
{
	int status = change_load(server, c->name, err);

	if (status == 0)
		tell_loaded(c, server, "loaded");
	return status;
}

static int run_unload(struct gw_server *server, struct change *c, struct gw_error *err)
{
	int status = change_unload(server, c->name, c->cascade, err);

	if (status == 0 && c->req != NULL)
		admin_text(c->req, "%s: unloaded", c->name);
	return status;
}

static void reload_one(struct module *m, struct change *c)
{
	struct gw_error why = {0};
	int status = module_reload(m, &why);

	if (status == 0 && c->req != NULL)
		admin_text(c->req, "%s: reloaded, version %s, generation %u", m->self.name,
		           m->descriptor->version, (unsigned)m->self.generation);
	else if (status != 0 && c->status == 0)
		c->status = gw_fail(&c->why, status, "%s", why.text);
	else if (status != 0 && c->req != NULL)
		admin_text(c->req, "%s: not reloaded: %s", m->self.name, why.text);
}

/** The next of all; their order is that of loading, and nothing else changes it meanwhile. */
static int reload_next(struct gw_server *server, struct change *c, struct gw_error *err)
{
	struct module *m = server->modules;

	for (unsigned i = 0; i < c->reloaded && m != NULL; i++)
		m = m->next;
	if (m != NULL)
		reload_one(m, c);
	c->reloaded++;
	if (m != NULL && m->next != NULL)
		return GOES_ON;
	return c->status == 0 ? 0 : gw_fail(err, c->status, "%s", c->why.text);
}

static int run_reload(struct gw_server *server, struct change *c, struct gw_error *err)
{
	int status;

	if (strcmp(c->name, "all") == 0)
		return reload_next(server, c, err);
	status = change_reload(server, c->name, err);
	if (status == 0)
		tell_loaded(c, server, "reloaded");
	return status;
}

/** Where the differences of a rehash are told. */
struct telling {
	struct gw_server *server;
	struct gw_admin_request *req; /* or NULL */
	bool headed;
};

static void report(void *ctx, const char *what, const char *name, const char *before,
                   const char *after)
{
	static const char *const columns[] = {"what", "name", "before", "after"};
	const char *cells[] = {what, name, before, after};
	struct telling *t = ctx;

	server_log(t->server, GW_INFO, "rehash what=%s name=\"%s\" before=\"%s\" after=\"%s\"",
	           what, name, before, after);
	if (t->req == NULL)
		return;
	if (!t->headed)
		admin_head(t->req, columns, 4);
	t->headed = true;
	admin_row(t->req, cells, 4);
}

static int run_rehash(struct gw_server *server, struct change *c, struct gw_error *err)
{
	struct telling telling = {.server = server, .req = c->req};
	int status;

	notify_reloading(server);
	status = rehash(server, report, &telling, err);
	notify_reloaded(server);

	if (status == 0 && !telling.headed && c->req != NULL)
		admin_text(c->req, "nothing in %s has changed", server->config_path);
	return status;
}

static const struct {
	const char *what;
	int (*run)(struct gw_server *, struct change *, struct gw_error *);
} kinds[] = {
	[CHANGE_LOAD] = {"load", run_load},
	[CHANGE_UNLOAD] = {"unload", run_unload},
	[CHANGE_RELOAD] = {"reload", run_reload},
	[CHANGE_REHASH] = {"rehash", run_rehash},
};

const struct change_counts *changes_counts(const struct gw_server *server)
{
	return server->changes->counts;
}

const char *change_name(enum change_kind kind)
{
	return kinds[kind].what;
}

/** "reload of toy", "rehash". */
static const char *describe(const struct change *c, char out[80])
{
	snprintf(out, 80, "%s%s%.60s", kinds[c->kind].what, c->name != NULL ? " of " : "",
	         c->name != NULL ? c->name : "");
	return out;
}

static void change_free(struct change *c)
{
	free(c->name);
	free(c);
}

/** The outcome, to who asked and, when it failed, to the log. */
static void finish(struct gw_server *server, struct change *c, int status, const char *sentence)
{
	server->changes->counts[c->kind].done += status == 0;
	server->changes->counts[c->kind].failed += status != 0;
	if (status != 0)
		server_log(server, GW_ERROR, "%s failed%s%s reason=\"%s\"", kinds[c->kind].what,
		           c->name != NULL ? " module=" : "", c->name != NULL ? c->name : "",
		           sentence);
	if (c->req != NULL)
		admin_done(&c->req, status, sentence);
	change_free(c);
}

static void carry_out(struct gw_server *server, struct change *c)
{
	struct gw_error err = {0};
	int status;

	server->changes->now = c;
	status = server->phase == SERVER_RUNNING
	                 ? kinds[c->kind].run(server, c, &err)
	                 : gw_fail(&err, -ESHUTDOWN, "the server is stopping");
	server->changes->now = NULL;
	if (status == GOES_ON)
		return;
	LL_DELETE(server->changes->first, c);
	finish(server, c, status, err.text);
}

static void refuse_within(struct gw_server *server, struct change *c)
{
	char asked[80], now[80];
	struct gw_error err = {0};
	int status = gw_fail(&err, -EBUSY,
	                     "the %s was asked for in the middle of the %s: ask for it when that "
	                     "is over",
	                     describe(c, asked), describe(server->changes->now, now));

	finish(server, c, status, err.text);
}

static void run_changes(struct loop_defer *defer)
{
	struct changes *changes = container_of(defer, struct changes, defer);

	assert(changes->server->depth == 0);
	carry_out(changes->server, changes->first);
	if (changes->first != NULL)
		loop_defer(changes->server->loop, &changes->defer);
}

void change_queue(struct gw_server *server, enum change_kind kind, const char *name, bool all,
                  struct gw_admin_request *req)
{
	struct change *c = mem_alloc(sizeof(*c));

	c->kind = kind;
	c->name = name != NULL ? mem_strdup(name) : NULL;
	c->cascade = all;
	c->req = req;
	if (server->changes->now != NULL) {
		refuse_within(server, c);
		return;
	}
	LL_APPEND(server->changes->first, c);
	loop_defer(server->loop, &server->changes->defer);
}

struct changes *changes_new(struct gw_server *server)
{
	struct changes *changes = mem_alloc(sizeof(*changes));

	changes->server = server;
	changes->defer.fn = run_changes;
	return changes;
}

void changes_free(struct changes **handle)
{
	struct changes *changes = *handle;
	struct change *c;

	if (changes == NULL)
		return;
	while ((c = changes->first) != NULL) {
		LL_DELETE(changes->first, c);
		change_free(c);
	}
	loop_defer_cancel(changes->server->loop, &changes->defer);
	free(changes);
	*handle = NULL;
}
