/*
 * core/module.h - a loaded module, and the steps by which one comes, is replaced and goes.
 *
 * change.c decides what happens and in which order (load, unload, reload, rehash); the steps are here.
 * What a module's descriptor registers (interfaces, topics, points, rows, subscriptions) takes effect in
 * registry.c, made from the list of modules and their descriptors.
 */
#ifndef CORE_MODULE_H
#define CORE_MODULE_H

#include "core/image.h"
#include <godwit/error.h>
#include <godwit/module.h>
#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_server;
struct tracked;

struct module {
	struct gw_self self; /* what the module sees; stays at its address over all generations */
	struct gw_server *server;
	struct module *prev, *next;
	uint32_t order; /* of loading; kept over reloads: the order at the bus */

	struct image *image; /* NULL: the core itself */
	const struct gw_module *descriptor;
	struct gw_options *options;

	/* While `load` or `check` of another generation runs: what it sees in place of the above. */
	const struct gw_module *coming;
	struct gw_options *coming_options;
	char complaint[200]; /* what it did wrong meanwhile; empty: nothing */

	bool leaving; /* nothing of it is registered any more */
	size_t memory, blocks; /* bytes and number of its allocations */
	struct tracked *tracked; /* test mode only: each allocation */
};

static inline struct module *module_of(const struct gw_self *self)
{
	return (struct module *)((char *)(uintptr_t)self - offsetof(struct module, self));
}

#endif
