/*
 * core/verb.c - finds a verb among the modules of the configuration, and runs it before any of them
 * is loaded.
 */
#include "core/verb.h"
#include "core/call.h"
#include "core/image.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/plan.h"
#include "core/rights.h"
#include "core/server.h"
#include "core/server_name.h"
#include "core/state_dir.h"

#include <errno.h>
#include <godwit/conn.h>
#include <godwit/module.h>
#include <godwit/verb.h>
#include <stdlib.h>
#include <string.h>

enum { exit_failed = 1, exit_usage = 2 };

/** A row of "core.verb" with whose it is. */
struct found {
	struct slot *slot;
	const struct gw_verb_row *verb;
};

typedef bool verb_fn(void *ctx, struct found found);

/* Until `fn` says that it is enough. */
static void each_of(struct slot *slot, verb_fn *fn, void *ctx)
{
	const struct gw_rows *r = image_descriptor(slot->image)->rows;

	for (; r != NULL && r->point != NULL; r++) {
		const struct gw_verb_row *verbs = r->rows;

		for (size_t i = 0; strcmp(r->point, GW_POINT_VERB) == 0 && i < r->count; i++)
			if (!fn(ctx, (struct found){slot, &verbs[i]}))
				return;
	}
}

static void each_verb(struct plan *plan, verb_fn *fn, void *ctx)
{
	for (size_t i = 0; i < plan->n_slots; i++)
		each_of(&plan->slots[i], fn, ctx);
}

/* --- the list --- */

static bool print_one(void *ctx, struct found found)
{
	const struct gw_verb_row *v = found.verb;

	fprintf(ctx, "  %s%s%s\n              %s\n", v->name, v->args[0] != '\0' ? " " : "",
	        v->args, v->help);
	return true;
}

int verb_list(struct gw_server *server, FILE *out, struct gw_error *err)
{
	struct plan *plan = NULL;
	int status = server_name_settle(server, false, err);

	if (status == 0)
		status = plan_first(server, true, &plan, err);
	if (status == 0)
		each_verb(plan, print_one, out);
	plan_free(&plan);
	return status;
}

/* --- one of them --- */

struct search {
	const char *name;
	struct found found;
	char known[160]; /* names of all */
};

static bool look_at(void *ctx, struct found found)
{
	struct search *s = ctx;
	size_t used = strlen(s->known);

	snprintf(s->known + used, sizeof(s->known) - used, "%s, ", found.verb->name);
	if (strcmp(found.verb->name, s->name) == 0)
		s->found = found;
	return s->found.verb == NULL;
}

static int check_arity(const struct gw_verb_row *v, int argc, struct gw_error *err)
{
	if (argc >= v->min_args && argc <= v->max_args)
		return 0;
	gw_fail(err, -EINVAL, "Usage: godwit %s%s%s", v->name, v->args[0] != '\0' ? " " : "",
	        v->args);
	return exit_usage;
}

static int call(struct gw_server *server, struct found found, int argc, const char *const *argv,
                struct gw_error *err)
{
	struct module *module = found.slot->module;
	struct frame frame;
	gw_verb_fn *fn;
	int code;

	module_bind(module, image_descriptor(found.slot->image), NULL);
	module->coming_options = found.slot->options;
	server->in_verb = true;
	fn = (gw_verb_fn *)call_enter(&frame, gw_call(&module->self, found.verb->call, 0));
	code = fn == NULL ? exit_failed : fn(&module->self, argc, argv, err);
	call_leave(&frame);
	server->in_verb = false;
	module->coming_options = NULL;
	fflush(stdout);
	if (code != 0 && code != GW_VERB_START && err->text[0] == '\0')
		gw_fail(err, -EINVAL, "godwit %s has failed", found.verb->name);
	return code;
}

static int run_found(struct gw_server *server, struct search *s, int argc, const char *const *argv,
                     struct gw_error *err)
{
	int code;

	if (s->found.verb == NULL) {
		gw_fail(err, -EINVAL, "there is no verb '%.40s', there are: %shelp", s->name,
		        s->known);
		return exit_usage;
	}
	code = check_arity(s->found.verb, argc, err);
	if (code == 0 && rights_drop(server, s->found.verb->starts, err) != 0)
		code = exit_failed;
	if (code == 0 &&
	    (s->found.verb->starts ? state_dir_lock : state_dir_make)(server, err) != 0)
		code = exit_failed;
	if (code != 0)
		return code;
	code = call(server, s->found, argc, argv, err);
	if (code == GW_VERB_START)
		server->verb = mem_strdup(s->found.verb->name);
	return code;
}

int verb_run(struct gw_server *server, int argc, const char *const *argv, struct gw_error *err)
{
	struct search search = {.name = argv[0]};
	struct plan *plan = NULL;
	int code = exit_usage;

	if (server_name_settle(server, false, err) == 0 &&
	    plan_first(server, true, &plan, err) == 0) {
		each_verb(plan, look_at, &search);
		code = run_found(server, &search, argc - 1, argv + 1, err);
	}
	plan_free(&plan);
	return code;
}

int verb_rename(struct gw_self *self, const char *name, struct gw_error *err)
{
	struct gw_server *server = self_server(self);

	if (!server->in_verb)
		return gw_fail(err, -EPERM, "a server that runs keeps its name");
	return server_name_give(server, name, err);
}
