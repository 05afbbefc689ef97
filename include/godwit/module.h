/*
 * godwit/module.h - what a module is: one constant descriptor.
 *
 *     GW_MODULE(karma) = {.abi = GW_ABI, .name = "karma", ... };
 *
 * What can be data is data: the core registers every table of the descriptor when the module takes
 * effect and takes it back when it goes. State belongs to the core and outlives the code. A reload
 * goes: open a private copy, check, migrate (if the state's version moved), load, switch, retire; a
 * failure before the switch leaves the old generation as it was. No pointer into the module's image
 * (string literal, function, table) may be in the state.
 */
#ifndef GODWIT_MODULE_H
#define GODWIT_MODULE_H

#include <godwit/abi.h>
#include <godwit/bus.h>
#include <godwit/call.h>
#include <godwit/error.h>
#include <godwit/option.h>
#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Why `load` or `unload` is called. */
enum gw_load { GW_LOAD_FIRST, GW_LOAD_RELOAD };
/** Why `unload` is called. */
enum gw_unload {
	GW_UNLOAD_RELOAD, /* a newer generation has the state: free nothing of it */
	GW_UNLOAD_LAST,   /* the module goes, also because a start or rehash failed after its first
	                     `load`: free all that the state points to */
};

/** A row of `.interfaces`: what the module offers others. `ops` is the table that the interface's
 * header declares. */
struct gw_interface_row {
	const char *name;
	uint16_t major, minor;
	const void *ops;
};

/**
 * A handle to an interface of another module, kept at one address by the core and re-pointed at
 * every reload. Never keep `ops` or `impl` themselves. Without a provider `ops` is NULL (optional
 * requirements only).
 */
struct gw_iface {
	const void *ops;
	void *impl; /* the provider's state: the first argument of every function of `ops` */
};
#define GW_VIA(handle, type, fn, ...)                                                              \
	(((const struct type *)(handle)->ops)->fn((handle)->impl, ##__VA_ARGS__))

/**
 * An extension point is a named table to which any module may add rows ("client.command"). Its
 * owner lists it in
 * `.points`; contributors in `.rows`. Each row struct begins with `const char *name`, unique at
 * that point: a second module that brings the same name is refused, naming both. `changed`
 * (gw_timer_fn, tag 0) is called after each change, before anything else runs: fetch the rows anew
 * with gw_rows() and drop what was kept of them.
 */
struct gw_point {
	const char *name;
	size_t row_size;
	uint32_t changed; /* row of `.calls` */
};

/** A row of `.rows`: `count` rows of `size` bytes for the point. Without an owner of the point they
 * wait. */
struct gw_rows {
	const char *point;
	const void *rows;
	size_t count, size;
};
#define GW_ROWS(point_name, table)                                                                 \
	{                                                                                          \
		.point = (point_name), .rows = (table),                                            \
		.count = sizeof(table) / sizeof((table)[0]), .size = sizeof((table)[0])            \
	}

/** One row as its owner sees it. Functions named in it get `module->state` first. */
struct gw_row {
	struct gw_self *module;
	const void *row; /* in the contributor's image: valid until `changed` */
};

/** The descriptor: constant, and valid as long as this generation of the code. */
struct gw_module {
	uint32_t abi;
	const char *name; /* as the file and the folder: a-z, 0-9, _ */
	const char *version;
	const char *summary;
	const char *requires; /* "network 1.0, services 1.0, policy 1.0?" (? optional); NULL:
	                         nothing */
	const struct gw_interface_row
		*interfaces; /* ends with a NULL name, as all these tables; NULL: none */
	const struct gw_option *options;
	const struct gw_call_row *calls;
	const struct gw_topic_row *topics;
	const struct gw_subscription *subscriptions;
	const struct gw_point *points;
	const struct gw_rows *rows;
	size_t state_size;
	uint32_t state_version;
	/**
	 * Makes the state ready (zeroed at GW_LOAD_FIRST). Registrations of the descriptor take
	 * effect after it has succeeded. On failure it has undone what it did; with GW_LOAD_RELOAD
	 * it must not have changed what the old generation needs.
	 *
	 * No change of modules can be asked for (gw_admin_run()) in here, in the functions below
	 * or where a change is told: -EBUSY. From anywhere else it comes at the end of the turn.
	 */
	int (*load)(struct gw_self *, void *state, enum gw_load why, struct gw_error *err);
	void (*unload)(struct gw_self *, void *state, enum gw_unload why);
	/** Fills the zeroed `state` from an older layout. What `old` points to may be shared, not
	 * changed: the old one goes on if a later step fails. Refuses with a sentence. What it has
	 * allocated is freed by a `load` that fails (whose `state` is not `self->state` then), and
	 * what only the old layout needed by one that succeeds, as its last deed. */
	int (*migrate)(struct gw_self *, const void *old, uint32_t old_version, void *state,
	               struct gw_error *err);
	/** May refuse values that the table alone cannot judge; changes nothing. Optional. */
	int (*check)(struct gw_self *, const struct gw_options *candidate, struct gw_error *err);
};

#define GW_MODULE(n)                                                                               \
	extern const struct gw_module n##_LTX_gw_module;                                           \
	__attribute__((visibility("default"))) const struct gw_module n##_LTX_gw_module

/** A call into another module, on the caller's stack; the core's from gw_visit() to gw_visit_end().
 */
struct gw_visit {
	uint64_t room[8];
};

/** The table behind the functions below; call those. */
struct gw_module_api {
	struct gw_iface *(*interface)(struct gw_self *, const char *name);
	size_t (*rows)(struct gw_self *, const char *point, const struct gw_row **rows_out);
	gw_fn *(*visit)(struct gw_visit *, struct gw_call);
	void (*visit_end)(struct gw_visit *);
};

/** The handle of an interface that `.requires` names; fetch it in `load`, keep it in the state. */
static inline struct gw_iface *gw_interface(struct gw_self *self, const char *name)
{
	return self->core->module->interface(self, name);
}

/** All rows of a point, in the order of loading; the array is the core's, valid until `changed`. */
static inline size_t gw_rows(struct gw_self *self, const char *point,
                             const struct gw_row **rows_out)
{
	return self->core->module->rows(self, point, rows_out);
}

/** As gw_call_fn(), for the owner of an extension point who calls a function of a row: the core
 * sees whose code runs, and counts its time as that module's (`module times`). Always followed by
 * gw_visit_end(), also where there is no function to call (NULL). */
static inline gw_fn *gw_visit(struct gw_self *self, struct gw_visit *visit, struct gw_call call)
{
	return self->core->module->visit(visit, call);
}

/** The function has returned. */
static inline void gw_visit_end(struct gw_self *self, struct gw_visit *visit)
{
	self->core->module->visit_end(visit);
}

/** Topics of the core. "core.rehashed": new options are in force (payload NULL). "core.stopping":
 * the server ends in good order, flush what must be (payload: const char *reason). "core.status":
 * struct gw_status, add your figures (admin.h). "core.ready": listeners are open. "core.unloaded":
 * a module has ended for good (payload: its const struct gw_self *, to compare with; it is freed
 * behind this), let go of what you keep for it. */
#define GW_TOPIC_REHASHED "core.rehashed"
#define GW_TOPIC_STOPPING "core.stopping"
/** Question, const char *: the reason. Somebody has asked politely (SIGTERM, `server stop`) that
 * the server ends. Who refuses, with what is to be done first as the reason, calls gw_stop() when
 * that is done. A second SIGTERM, SIGINT and `server stop --now` ask nobody. */
#define GW_TOPIC_MAY_STOP "core.may-stop"
#define GW_TOPIC_STATUS "core.status"
#define GW_TOPIC_READY "core.ready"
#define GW_TOPIC_UNLOADED "core.unloaded"

#endif
