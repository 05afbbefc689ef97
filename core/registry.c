/*
 * core/registry.c - makes what is in force from the list of modules (registry.h).
 */
#include "core/registry.h"
#include "core/call.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/server.h"

#include <godwit/loop.h>
#include <stdlib.h>
#include <string.h>

struct iface *iface_get(struct gw_server *server, const char *name)
{
	struct iface **at = &server->ifaces;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (*at == NULL) {
		*at = mem_alloc(sizeof(**at) + strlen(name) + 1);
		memcpy((*at)->name, name, strlen(name) + 1);
	}
	return *at;
}

struct gw_topic *topic_get(struct gw_server *server, const char *name)
{
	struct gw_topic **at = &server->topics;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (*at == NULL) {
		*at = mem_alloc(sizeof(**at) + strlen(name) + 1);
		memcpy((*at)->name, name, strlen(name) + 1);
		(*at)->server = server;
	}
	return *at;
}

static struct point *point_get(struct gw_server *server, const char *name)
{
	struct point **at = &server->points;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (*at == NULL) {
		*at = mem_alloc(sizeof(**at) + strlen(name) + 1);
		memcpy((*at)->name, name, strlen(name) + 1);
	}
	return *at;
}

static void apply_ifaces(struct gw_server *server, struct module *module)
{
	const struct gw_interface_row *row = module->descriptor->interfaces;

	for (; row != NULL && row->name != NULL; row++) {
		struct iface *iface = iface_get(server, row->name);

		iface->provider = module;
		iface->major = row->major;
		iface->minor = row->minor;
		iface->handle.ops = row->ops;
		iface->handle.impl = module->self.state;
	}
}

/** Behind all of the same or an earlier priority: modules come in the order of loading. */
static void subscribe(struct gw_topic *topic, struct module *module,
                      const struct gw_subscription *row)
{
	size_t at = topic->n_subscribers;
	struct subscriber *list;

	list = mem_resize(topic->subscribers, (topic->n_subscribers + 1) * sizeof(*list));
	while (at > 0 && list[at - 1].priority > row->priority)
		at--;
	memmove(list + at + 1, list + at, (topic->n_subscribers - at) * sizeof(*list));
	list[at] =
		(struct subscriber){.module = module, .priority = row->priority, .row = row->call};
	topic->subscribers = list;
	topic->n_subscribers++;
}

static void apply_subscriptions(struct gw_server *server, struct module *module)
{
	const struct gw_subscription *row = module->descriptor->subscriptions;

	for (; row != NULL && row->topic != NULL; row++)
		subscribe(topic_get(server, row->topic), module, row);
}

static void add_rows(struct gw_server *server, struct module *module)
{
	for (const struct gw_rows *r = module->descriptor->rows; r != NULL && r->point != NULL;
	     r++) {
		struct point *point = point_get(server, r->point);

		point->rows =
			mem_resize(point->rows, (point->n_rows + r->count) * sizeof(*point->rows));
		for (size_t i = 0; i < r->count; i++) {
			struct gw_row *row = &point->rows[point->n_rows++];

			row->module = &module->self;
			row->row = (const char *)r->rows + i * r->size;
		}
	}
}

/** A point whose owner has just come hears of the rows that waited for it. */
static void own_points(struct gw_server *server, struct module *module)
{
	for (const struct gw_point *p = module->descriptor->points; p != NULL && p->name != NULL;
	     p++) {
		struct point *point = point_get(server, p->name);

		point->dirty = point->dirty || point->owner != module;
		point->owner = module;
		point->changed = p->changed;
	}
}

/** What a point was before, to see whether it has changed. */
struct before {
	struct gw_row *rows;
	size_t n;
	struct module *owner;
};

static bool owns(const struct module *module, const char *point)
{
	for (const struct gw_point *p = module->descriptor->points; p != NULL && p->name != NULL;
	     p++)
		if (strcmp(p->name, point) == 0)
			return true;
	return false;
}

static void forget_owner(struct gw_server *server, struct point *point)
{
	struct module *m = server->core;

	if (point->owner == m)
		return;
	for (m = server->modules; m != NULL; m = m->next)
		if (m == point->owner && owns(m, point->name))
			return;
	point->owner = NULL;
}

static bool same_rows(const struct point *point, const struct gw_row *rows, size_t n)
{
	return point->n_rows == n && (n == 0 || memcmp(point->rows, rows, n * sizeof(*rows)) == 0);
}

/** Puts the new array in place; the old one lives until registry_tell() is through. */
static void settle_rows(struct point *point, struct gw_row *rows, size_t n)
{
	if (same_rows(point, rows, n)) {
		free(point->rows);
		point->rows = rows;
		return;
	}
	if (point->old_rows == NULL)
		point->old_rows = rows;
	else
		free(rows);
	point->dirty = true;
}

static void apply_points(struct gw_server *server)
{
	size_t n = 0;
	struct before *before, *b;

	for (struct point *p = server->points; p != NULL; p = p->next)
		n++;
	b = before = mem_alloc(n * sizeof(*before));
	for (struct point *p = server->points; p != NULL; p = p->next, b++) {
		b->rows = p->rows;
		b->n = p->n_rows;
		p->rows = NULL;
		p->n_rows = 0;
		forget_owner(server, p);
	}
	for (struct module *m = server->modules; m != NULL; m = m->next)
		if (m->leaving)
			own_points(server, m);
	add_rows(server, server->core);
	own_points(server, server->core);
	for (struct module *m = server->modules; m != NULL; m = m->next) {
		if (m->leaving)
			continue;
		add_rows(server, m);
		own_points(server, m);
	}
	b = before;
	for (struct point *p = server->points; p != NULL && n > 0; p = p->next, b++, n--)
		settle_rows(p, b->rows, b->n);
	free(before);
}

void registry_apply(struct gw_server *server)
{
	for (struct iface *i = server->ifaces; i != NULL; i = i->next) {
		i->provider = NULL;
		i->handle.ops = NULL;
		i->handle.impl = NULL;
	}
	for (struct gw_topic *t = server->topics; t != NULL; t = t->next)
		t->n_subscribers = 0;
	/* Those that leave are still used by others that leave with them, unless somebody replaces
	 * them. */
	for (struct module *m = server->modules; m != NULL; m = m->next)
		if (m->leaving)
			apply_ifaces(server, m);
	apply_subscriptions(server, server->core);
	for (struct module *m = server->modules; m != NULL; m = m->next) {
		if (m->leaving)
			continue;
		apply_ifaces(server, m);
		apply_subscriptions(server, m);
	}
	apply_points(server);
}

static void tell(struct point *point)
{
	struct gw_call call;
	struct frame frame;
	gw_timer_fn *fn;

	point->dirty = false;
	if (point->owner == NULL)
		return;
	call = gw_call(&point->owner->self, point->changed, 0);
	fn = (gw_timer_fn *)call_enter(&frame, call);
	if (fn != NULL)
		fn(call.module->state, call.tag);
	call_leave(&frame);
}

void registry_tell(struct gw_server *server)
{
	for (struct point *p = server->points; p != NULL; p = p->next)
		if (p->dirty)
			tell(p);
	for (struct point *p = server->points; p != NULL; p = p->next) {
		free(p->old_rows);
		p->old_rows = NULL;
	}
}

const struct gw_row *point_find(struct gw_server *server, const char *name, const char *row)
{
	for (struct point *p = server->points; p != NULL; p = p->next) {
		if (strcmp(p->name, name) != 0)
			continue;
		for (size_t i = 0; i < p->n_rows; i++)
			if (strcmp(*(const char *const *)p->rows[i].row, row) == 0)
				return &p->rows[i];
	}
	return NULL;
}

void registry_free(struct gw_server *server)
{
	struct gw_topic *topic;
	struct iface *iface;
	struct point *point;

	while ((topic = server->topics) != NULL) {
		server->topics = topic->next;
		free(topic->subscribers);
		free(topic);
	}
	while ((iface = server->ifaces) != NULL) {
		server->ifaces = iface->next;
		free(iface);
	}
	while ((point = server->points) != NULL) {
		server->points = point->next;
		free(point->rows);
		free(point->old_rows);
		free(point);
	}
}
