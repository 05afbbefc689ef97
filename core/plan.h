/*
 * core/plan.h - a change of what is loaded and configured: the start, a rehash, `module load`,
 * `module unload`.
 *
 * All of them go the same way. A plan says which modules stay, come and go and what the
 * configuration will be; it is checked as a whole; only then is it carried out, and a failure on
 * the way is undone. `godwit -t` makes a plan, checks it, and drops it.
 */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include "core/image.h"
#include <godwit/error.h>
#include <stdbool.h>
#include <stddef.h>

struct config;
struct gw_options;
struct gw_server;
struct listen_change;
struct module;
struct settings;
struct tls_cred;

enum slot_fate { SLOT_STAYS, SLOT_COMES, SLOT_GOES };

struct slot {
	struct module *module;
	enum slot_fate fate;
	bool linked;                /* SLOT_COMES: it is in the server's list by now */
	struct image *image;        /* SLOT_COMES, until it is loaded */
	struct gw_options *options; /* new ones; NULL: those in force stay */
};

struct plan {
	struct gw_server *server;
	struct config *config;     /* NULL: the one in force stays */
	struct settings *settings; /* of `config` */
	bool configures;           /* a new configuration, or the first one */
	bool check_only;           /* opens files where they are, and touches nothing */
	struct slot *slots;        /* those that stay or go in their order, then those that come */
	size_t n_slots;
	struct listen_change *listen;
	struct tls_cred *cred;
};

/** Every module stays; takes `config`, if there is one, and reads the core's settings from it. */
int plan_new(struct gw_server *server, struct config *config, bool check_only, struct plan **out,
             struct gw_error *err);
/** What was carried out is in force; what was not is dropped. */
void plan_free(struct plan **plan);

/** The plan of the start, checked: all modules of the configuration come. */
int plan_first(struct gw_server *server, bool check_only, struct plan **out, struct gw_error *err);

/** The module comes; opens its file. */
int plan_add(struct plan *plan, const char *name, struct gw_error *err);
void plan_drop(struct plan *plan, struct module *module);

/** Orders those that come, and checks everything that can be checked without changing anything. */
int plan_check(struct plan *plan, struct gw_error *err);
/** Carries it out. On failure everything is as before. */
int plan_apply(struct plan *plan, struct gw_error *err);

#endif
