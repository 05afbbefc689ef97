/*
 * core/change.h - changes of modules and configuration that were asked for, carried out at the end
 * of the turn.
 *
 * Never under a frame of module code: so a module may ask for its own reload from its own handler,
 * and the control socket's module for its own through its own socket.
 */
#ifndef CORE_CHANGE_H
#define CORE_CHANGE_H

#include <godwit/error.h>
#include <stdbool.h>
#include <stdint.h>

struct gw_admin_request;
struct gw_server;
struct changes;

enum change_kind { CHANGE_LOAD, CHANGE_UNLOAD, CHANGE_RELOAD, CHANGE_REHASH };

struct change_counts {
	uint64_t done, failed;
};
/** What has become of those that were queued: by enum change_kind, CHANGE_KINDS of them, and what
 * each is called. */
#define CHANGE_KINDS (CHANGE_REHASH + 1)
const struct change_counts *changes_counts(const struct gw_server *server);
const char *change_name(enum change_kind kind);

struct changes *changes_new(struct gw_server *server);
void changes_free(struct changes **changes);

/** `name` is a module ("all" for a reload of each), NULL for a rehash; `req` may be NULL: then the
 * log tells the outcome. */
void change_queue(struct gw_server *server, enum change_kind kind, const char *name, bool cascade,
                  struct gw_admin_request *req);

/** The steps themselves, for the start and for tests: outside of module code only. */
int change_load(struct gw_server *server, const char *name, struct gw_error *err);
int change_unload(struct gw_server *server, const char *name, bool cascade, struct gw_error *err);
int change_reload(struct gw_server *server, const char *name, struct gw_error *err);

#endif
