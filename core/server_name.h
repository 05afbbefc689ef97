/*
 * core/server_name.h - what a server is called: by its configuration, by the command line, or by
 * the file server.name in its state directory.
 */
#ifndef CORE_SERVER_NAME_H
#define CORE_SERVER_NAME_H

#include <godwit/error.h>
#include <stdbool.h>

struct config;
struct gw_server;
struct settings;

/** Sets server->name ("" when nobody knows it). Two places that do not agree are an error with
 * both, unless the command line has said it; so is no name where one is `required`. */
int server_name_settle(struct gw_server *server, bool required, struct gw_error *err);
/** Whether a running server could start again with another configuration, as far as its name goes.
 */
int server_name_check(const struct gw_server *server, const struct config *config,
                      const struct settings *settings, struct gw_error *err);
/** From the command line or a verb: it goes before all others. */
int server_name_give(struct gw_server *server, const char *name, struct gw_error *err);
/** A name that was given is kept in the state directory. */
int server_name_keep(struct gw_server *server, struct gw_error *err);

#endif
