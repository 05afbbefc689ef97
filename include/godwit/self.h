/*
 * godwit/self.h - a module's handle, and the tables by which it reaches the core.
 *
 * The core makes one struct gw_self per module; it stays at its address while the module is loaded,
 * whichever generation of the code runs. Modules link nothing of the server: every function in
 * these headers is an inline call through `self->core`.
 */
#ifndef GODWIT_SELF_H
#define GODWIT_SELF_H

#include <godwit/call.h>
#include <stddef.h>
#include <stdint.h>

struct gw_mem_api;
struct gw_log_api;
struct gw_loop_api;
struct gw_bus_api;
struct gw_module_api;
struct gw_option_api;
struct gw_conn_api;
struct gw_admin_api;

/** All that the core offers, by subject; each table is described in the header of its name. */
struct gw_core {
	const struct gw_mem_api *mem;
	const struct gw_log_api *log;
	const struct gw_loop_api *loop;
	const struct gw_bus_api *bus;
	const struct gw_module_api *module;
	const struct gw_option_api *option;
	const struct gw_conn_api *conn;
	const struct gw_admin_api *admin;
};

/** Read only for modules. */
struct gw_self {
	const struct gw_core *core;
	const char *name;                /* of the module */
	void *state;                     /* of the generation that is in force */
	const struct gw_call_row *calls; /* of the generation that is in force */
	uint32_t n_calls;
	uint32_t generation; /* 1 for the first image loaded */
};

/** `row` of `self`'s table with a tag, to be handed to whoever calls it later. */
static inline struct gw_call gw_call(struct gw_self *self, uint32_t row, uint64_t tag)
{
	return (struct gw_call){.module = self, .tag = tag, .row = row};
}

/** The function behind a call in the generation now in force, or NULL. Cast it before use. */
static inline gw_fn *gw_call_fn(struct gw_call call)
{
	if (call.module == NULL || call.row >= call.module->n_calls)
		return NULL;
	return call.module->calls[call.row].fn;
}

#endif
