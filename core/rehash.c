/*
 * core/rehash.c - a rehash is a plan with a new configuration; the differences are noted before and
 * told after it.
 */
#include "core/rehash.h"
#include "core/config.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/option.h"
#include "core/plan.h"
#include "core/server.h"
#include "core/settings.h"
#include "core/tls_cred.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct difference {
	struct difference *next;
	char *what, *name, *before, *after;
};

struct differences {
	struct difference *first, **end;
	const char *module; /* whose options are compared */
};

static void note(struct differences *d, const char *what, const char *name, const char *before,
                 const char *after)
{
	struct difference *one = mem_alloc(sizeof(*one));

	one->what = mem_strdup(what);
	one->name = mem_strdup(name);
	one->before = mem_strdup(before);
	one->after = mem_strdup(after);
	*d->end = one;
	d->end = &one->next;
}

static void differences_end(struct differences *d, rehash_report_fn *report, void *ctx)
{
	struct difference *one;

	while ((one = d->first) != NULL) {
		d->first = one->next;
		if (report != NULL)
			report(ctx, one->what, one->name, one->before, one->after);
		free(one->what);
		free(one->name);
		free(one->before);
		free(one->after);
		free(one);
	}
}

static bool lists(const struct settings *s, const char *module)
{
	for (size_t i = 0; i < s->n_modules; i++)
		if (strcmp(s->modules[i], module) == 0)
			return true;
	return false;
}

/** What the file lists is loaded; what it listed and no longer lists goes; what was loaded by hand
 * stays. */
static int plan_modules(struct plan *plan, struct gw_error *err)
{
	struct gw_server *server = plan->server;
	const struct settings *then = plan->settings;
	int status = 0;

	for (struct module *m = server->modules; m != NULL; m = m->next)
		if (lists(server->settings, m->self.name) && !lists(then, m->self.name))
			plan_drop(plan, m);
	for (size_t i = 0; i < then->n_modules && status == 0; i++)
		if (module_find(server, then->modules[i]) == NULL)
			status = plan_add(plan, then->modules[i], err);
	return status;
}

static void note_option(void *ctx, const char *name, const char *before, const char *after)
{
	struct differences *d = ctx;
	char *full = mem_printf("%s.%s", d->module, name);

	note(d, "option", full, before, after);
	free(full);
}

static void note_modules(struct differences *d, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_slots; i++) {
		const struct slot *slot = &plan->slots[i];
		const char *name = slot->module->self.name;

		d->module = name;
		if (slot->fate == SLOT_COMES)
			note(d, "module", name, "", "loaded");
		else if (slot->fate == SLOT_GOES)
			note(d, "module", name, "loaded", "");
		else if (slot->options != NULL)
			options_diff(slot->module->options, slot->options, note_option, d);
	}
}

#define LISTENER_TEXT 320

static const char *listener_text(char out[LISTENER_TEXT], const struct listen_setting *l)
{
	snprintf(out, LISTENER_TEXT, "%.32s%s%s%.255s", l->protocol, l->tls ? ", TLS" : "",
	         l->advertise != NULL ? ", as " : "", l->advertise != NULL ? l->advertise : "");
	return out;
}

static const struct listen_setting *find_listen(const struct settings *s, const char *address)
{
	for (size_t i = 0; i < s->n_listen; i++)
		if (strcmp(s->listen[i].address, address) == 0)
			return &s->listen[i];
	return NULL;
}

static void note_listeners(struct differences *d, const struct settings *now,
                           const struct settings *then)
{
	char before[LISTENER_TEXT], after[LISTENER_TEXT];

	for (size_t i = 0; i < then->n_listen; i++) {
		const struct listen_setting *new = &then->listen[i],
					    *old = find_listen(now, new->address);

		listener_text(after, new);
		if (old == NULL)
			note(d, "listener", new->address, "", after);
		else if (strcmp(listener_text(before, old), after) != 0)
			note(d, "listener", new->address, before, after);
	}
	for (size_t i = 0; i < now->n_listen; i++)
		if (find_listen(then, now->listen[i].address) == NULL)
			note(d, "listener", now->listen[i].address,
			     listener_text(before, &now->listen[i]), "");
}

static const char *level_of(const struct settings *s, const char *module)
{
	for (size_t i = 0; i < s->n_levels; i++)
		if (strcmp(s->levels[i].module, module) == 0)
			return log_level_word(s->levels[i].level);
	return "";
}

static void note_text(struct differences *d, const char *name, const char *before,
                      const char *after)
{
	if (strcmp(before, after) != 0)
		note(d, "server", name, before, after);
}

/** The folders of `module-directory`, from the first to be looked into to the last. */
static char *directories_text(const struct settings *s)
{
	char *text = mem_strdup("");

	for (size_t i = 0; i < s->n_module_directories; i++) {
		char *longer =
			mem_printf("%s%s%s", text, i > 0 ? " " : "", s->module_directories[i]);

		free(text);
		text = longer;
	}
	return text;
}

static void note_directories(struct differences *d, const struct settings *now,
                             const struct settings *then)
{
	char *before = directories_text(now), *after = directories_text(then);

	note_text(d, "module-directory", before, after);
	free(before);
	free(after);
}

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static void note_level(struct differences *d, const char *module, const char *before,
                       const char *after)
{
	char *name = mem_printf("log.levels.%s", module);

	note_text(d, name, before, after);
	free(name);
}

static void note_log(struct differences *d, const struct settings *now, const struct settings *then)
{
	note_text(d, "log.target", now->log_target == LOG_TO_SYSLOG ? "syslog" : "stderr",
	          then->log_target == LOG_TO_SYSLOG ? "syslog" : "stderr");
	note_text(d, "log.level", log_level_word(now->log_level), log_level_word(then->log_level));
	for (size_t i = 0; i < then->n_levels; i++)
		note_level(d, then->levels[i].module, level_of(now, then->levels[i].module),
		           log_level_word(then->levels[i].level));
	for (size_t i = 0; i < now->n_levels; i++)
		if (level_of(then, now->levels[i].module)[0] == '\0')
			note_level(d, now->levels[i].module, log_level_word(now->levels[i].level),
			           "");
}

static void fingerprint_text(char out[65], const uint8_t print[32], bool there)
{
	out[0] = '\0';
	for (size_t i = 0; i < 32 && there; i++)
		snprintf(out + 2 * i, 3, "%02x", print[i]);
}

static void note_certificate(struct differences *d, const struct plan *plan)
{
	char before[65], after[65];
	uint8_t old[32] = {0}, new[32] = {0};

	if (plan->cred == NULL)
		return;
	fingerprint_text(before, old, tls_fingerprint(plan->server, old));
	tls_cred_fingerprint(plan->cred, new);
	fingerprint_text(after, new, true);
	if (strcmp(before, after) != 0)
		note(d, "certificate", "sha256", before, after);
}

static void note_all(struct differences *d, const struct plan *plan)
{
	const struct settings *now = plan->server->settings, *then = plan->settings;

	note_text(d, "network-name", now->network, then->network);
	note_text(d, "description", now->description, then->description);
	note_directories(d, now, then);
	note_modules(d, plan);
	note_listeners(d, now, then);
	note_log(d, now, then);
	note_text(d, "tls.certificate", or_empty(now->tls_certificate),
	          or_empty(then->tls_certificate));
	note_text(d, "tls.key", or_empty(now->tls_key), or_empty(then->tls_key));
	note_certificate(d, plan);
}

int rehash(struct gw_server *server, rehash_report_fn *report, void *ctx, struct gw_error *err)
{
	struct differences d = {.end = &d.first};
	struct config *config;
	struct plan *plan;
	int status = config_read(server->config_path, &config, err);

	if (status != 0)
		return status;
	status = plan_new(server, config, false, &plan, err);
	if (status == 0)
		status = plan_modules(plan, err);
	if (status == 0)
		status = plan_check(plan, err);
	if (status == 0) {
		note_all(&d, plan);
		status = plan_apply(plan, err);
	}
	differences_end(&d, status == 0 ? report : NULL, ctx);
	plan_free(&plan);
	return status;
}
