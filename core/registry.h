/*
 * core/registry.h - what is in force: interfaces, topics with their subscribers, extension points
 * with their rows.
 *
 * Nothing here is added or removed piece by piece. All of it is made from the list of modules and
 * their constant descriptors: first a lineup (the modules as they would be after a change) is
 * checked, then the list is changed, then registry_apply() makes the tables anew. Handles and
 * topics stay at their addresses.
 */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include <godwit/bus.h>
#include <godwit/error.h>
#include <godwit/module.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_server;
struct module;

struct iface {
	struct gw_iface handle; /* what modules hold; first */
	struct iface *next;
	const struct module *provider;
	uint16_t major, minor;
	char name[];
};

struct subscriber {
	struct module *module;
	int priority;
	uint32_t row;
};

struct gw_topic {
	struct gw_topic *next;
	struct gw_server *server;
	struct subscriber *subscribers;
	size_t n_subscribers;
	char name[];
};

struct point {
	struct point *next;
	struct module *owner; /* NULL: rows wait for one */
	uint32_t changed;
	struct gw_row *rows,
		*old_rows; /* the old ones stay until all owners have heard of the change */
	size_t n_rows;
	bool dirty;
	char name[];
};

/** The modules as they are, or would be: in the order of loading, the core first. */
struct lineup {
	const struct gw_module *const *descriptors;
	size_t n;
};

/** One of `.requires`. */
struct need {
	char name[64];
	uint16_t major, minor;
	bool optional;
};

/** Reads the requirement at `*at` and moves on: 1, or 0 at the end, or -EINVAL. */
int need_next(const char **at, struct need *out);
bool need_met(const struct need *need, const struct gw_interface_row *offer);
const struct gw_interface_row *interface_of(const struct gw_module *descriptor, const char *name);
/** Whether `d` cannot do without an interface that `provider` has; `*need` is the first such. */
bool depends_on(const struct gw_module *d, const struct gw_module *provider, struct need *need);

/** What is wrong within one descriptor: names, tables, rows of `.calls`. */
int registry_check_module(const struct gw_module *descriptor, struct gw_error *err);
/** What the modules do not agree on: requirements, and names that two bring. The sentence names
 * both. */
int registry_check(const struct lineup *lineup, struct gw_error *err);

/** Makes the tables from the server's modules; of those that are leaving only interfaces and
 * points. */
void registry_apply(struct gw_server *server);
/** Tells the owners of points whose rows are others since the last time. */
void registry_tell(struct gw_server *server);
void registry_free(struct gw_server *server);

struct iface *iface_get(struct gw_server *server, const char *name);
struct gw_topic *topic_get(struct gw_server *server, const char *name);

#endif
