/*
 * core/module.h - a loaded module, and the single steps by which one comes and goes.
 *
 * plan.c puts the steps together to load, unload and rehash, reload.c to replace the code. What a
 * module's descriptor registers takes effect in registry.c, which looks at the server's list of
 * modules.
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

struct config;
struct gw_server;
struct settings;
struct row_time;
struct tracked;

struct module {
	struct gw_self self; /* what the module sees; stays at its address over all generations */
	struct gw_server *server;
	struct module *prev,
		*next; /* in server->modules, by the order of loading, which reloads keep */

	struct image *image; /* NULL: the core itself */
	const struct gw_module *descriptor;
	struct gw_options *options;

	/* While another generation is checked and loaded: what it sees in place of the above. */
	const struct gw_module *coming;
	struct gw_options *coming_options;
	char complaint[200]; /* what it did wrong meanwhile; empty: nothing */

	bool leaving;           /* its interfaces and points are in force, all else is not */
	size_t memory, blocks;  /* bytes and number of its allocations */
	struct row_time *times; /* of each row of its calls (times.h) */
	uint32_t n_times;
	double told_ns; /* metrics.c: the sum of all times, as it was last told */
	uint64_t told_calls;
	struct tracked *tracked; /* test mode only: each allocation */
};

static inline struct module *module_of(const struct gw_self *self)
{
	return (struct module *)((char *)(uintptr_t)self - offsetof(struct module, self));
}

/** A module without code; not in the server's list. */
struct module *module_new(struct gw_server *server, const char *name);
/** Not in the list any more; its memory is given back, its image let go. Nulls `*module`. The
 * handle itself, which others may still hold in a struct gw_call, stays until module_free_gone().
 */
void module_free(struct module **module);
/** At the server's end. */
void module_free_gone(struct gw_server *server);

struct module *module_find(struct gw_server *server, const char *name);
/** Of those that leave, the one that nobody else of them requires: the next to be unloaded. */
struct module *module_next_out(struct gw_server *server);

/** The file of a module that comes with this program, or was installed beside those that do. NULL:
 * there is none. The caller frees it. */
char *module_installed(const char *name);

/** Opens the module's file (a private copy, unless `in_place`) and checks all that its descriptor
 * says by itself. */
int module_open(struct gw_server *server, const struct settings *settings, const char *name,
                bool in_place, struct image **out, struct gw_error *err);

/** Reads the module's block by the descriptor's table, and asks its check(). */
int module_configure(struct module *module, const struct gw_module *descriptor,
                     const struct config *config, struct gw_options **out, struct gw_error *err);

/** The first generation: takes image and options, makes a state. */
void module_equip(struct module *module, struct image **image, struct gw_options **options);
/** Calls `load` of `descriptor` on `state`; also refuses what it complained of. */
int module_load(struct module *module, const struct gw_module *descriptor, void *state,
                enum gw_load why, struct gw_error *err);
void module_unload(struct module *module, const struct gw_module *descriptor, void *state,
                   enum gw_unload why);

/** Takes back all that the core still holds for it: timers, connections, sinks, listeners,
 * requests. */
void module_forget(struct module *module);

void module_bind(struct module *module, const struct gw_module *descriptor, void *state);
void *module_state_new(struct module *module, const struct gw_module *descriptor);
void module_state_free(struct module *module, void *state);

#endif
