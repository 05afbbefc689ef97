/*
 * core/admin.h - a command line of an operator on its way: from the front end to the command and
 * back.
 *
 * The request is the core's. It outlives reloads of the front end's and the command's module; when
 * the front end is unloaded, what is still answered is dropped; when the command's module is, the
 * request ends with an error.
 */
#ifndef CORE_ADMIN_H
#define CORE_ADMIN_H

#include <godwit/admin.h>

struct gw_server;
struct module;

void admin_forget(struct gw_server *server, struct module *module);
/** Drops all requests, calling nobody. */
void admin_free(struct gw_server *server);

void admin_head(struct gw_admin_request *req, const char *const *columns, size_t n);
void admin_row(struct gw_admin_request *req, const char *const *cells, size_t n);
__attribute__((format(printf, 2, 3))) void admin_text(struct gw_admin_request *req,
                                                      const char *format, ...);
void admin_done(struct gw_admin_request **req, int status, const char *error);

#define ADMIN_NAME_MAX 128

/** What is needed for it; "" nothing. */
void admin_privilege(const struct gw_admin_command *command, char out[ADMIN_NAME_MAX]);

/** Whether who asks may use the command. */
bool admin_allows(const struct gw_admin_request *req, const struct gw_admin_command *command);

#endif
