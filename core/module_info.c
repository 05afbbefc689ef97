/*
 * core/module_info.c - see module_info.h. What a module brings is read from its descriptor, what it
 * uses is counted where that is kept.
 */
#include "core/module_info.h"
#include "core/admin.h"
#include "core/conn.h"
#include "core/loop_api.h"
#include "core/module.h"
#include "core/option.h"
#include "core/registry.h"
#include "core/server.h"
#include "core/sink.h"
#include "core/times.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 3, 4))) static void pair(struct gw_admin_request *req,
                                                       const char *key, const char *format, ...)
{
	char value[400];
	const char *cells[] = {key, value};
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	admin_row(req, cells, 2);
}

static const char *provider_of(const struct module *m, const char *interface)
{
	for (const struct module *p = m->server->modules; p != NULL; p = p->next)
		if (interface_of(p->descriptor, interface) != NULL)
			return p->self.name;
	return "nobody";
}

static void show_needs(const struct module *m, struct gw_admin_request *req)
{
	const char *at = m->descriptor->requires != NULL ? m->descriptor->requires : "";
	struct need need;

	while (need_next(&at, &need) > 0)
		pair(req, "requires", "%s %u.%u%s (%s)", need.name, need.major, need.minor,
		     need.optional ? "?" : "", provider_of(m, need.name));
	for (const struct module *o = m->server->modules; o != NULL; o = o->next)
		if (o != m && depends_on(o->descriptor, m->descriptor, &need))
			pair(req, "required-by", "%s (%s %u.%u)", o->self.name, need.name,
			     need.major, need.minor);
}

static void show_interfaces(const struct gw_module *d, struct gw_admin_request *req)
{
	for (const struct gw_interface_row *i = d->interfaces; i != NULL && i->name != NULL; i++)
		pair(req, "provides", "%s %u.%u", i->name, i->major, i->minor);
}

static void show_option(void *ctx, const char *name, const char *before, const char *after)
{
	(void)before;
	pair(ctx, "option", "%s: %s", name, after);
}

static void show_bus(const struct gw_module *d, struct gw_admin_request *req)
{
	for (const struct gw_topic_row *t = d->topics; t != NULL && t->name != NULL; t++)
		pair(req, "topic", "%s", t->name);
	for (const struct gw_subscription *s = d->subscriptions; s != NULL && s->topic != NULL; s++)
		pair(req, "subscription", "%s", s->topic);
	for (const struct gw_point *p = d->points; p != NULL && p->name != NULL; p++)
		pair(req, "extension-point", "%s", p->name);
}

static void show_rows(const struct gw_module *d, struct gw_admin_request *req)
{
	for (const struct gw_rows *r = d->rows; r != NULL && r->point != NULL; r++)
		for (size_t i = 0; i < r->count; i++)
			pair(req, r->point, "%s",
			     *(const char *const *)((const char *)r->rows + i * r->size));
}

static void show_use(const struct module *m, struct gw_admin_request *req)
{
	const struct gw_self *self = &m->self;

	pair(req, "memory", "%zu", m->memory);
	pair(req, "blocks", "%zu", m->blocks);
	pair(req, "connections", "%zu", conns_of(m->server->conns, self));
	pair(req, "sinks", "%zu", sinks_of(m->server->conns, self));
	pair(req, "timers", "%zu", loop_calls_timers(m->server, self));
	pair(req, "jobs", "%u", loop_calls_jobs(m->server, &((struct module *)(uintptr_t)m)->self));
}

static void show_times(const struct module *m, struct gw_admin_request *req)
{
	struct time_sum sum = times_sum(m);

	pair(req, "calls", "%" PRIu64, sum.calls);
	pair(req, "time-ms", "%.3f", sum.total_ns / 1e6);
	pair(req, "longest-ms", "%.3f %s", (double)sum.longest_ns / 1e6, sum.longest);
}

void module_info_show(const struct module *m, struct gw_admin_request *req)
{
	static const char *const columns[] = {"key", "value"};
	const struct gw_module *d = m->descriptor;

	admin_head(req, columns, 2);
	pair(req, "name", "%s", d->name);
	pair(req, "version", "%s", d->version);
	pair(req, "summary", "%s", d->summary != NULL ? d->summary : "");
	pair(req, "generation", "%u", (unsigned)m->self.generation);
	pair(req, "file", "%s", image_file(m->image));
	pair(req, "abi", "%u.%u", (unsigned)(d->abi >> 16), (unsigned)(d->abi & 0xffff));
	show_interfaces(d, req);
	show_needs(m, req);
	pair(req, "state-version", "%u", (unsigned)d->state_version);
	pair(req, "state-size", "%zu", d->state_size);
	show_use(m, req);
	show_times(m, req);
	options_diff(NULL, m->options, show_option, req);
	show_bus(d, req);
	show_rows(d, req);
}
