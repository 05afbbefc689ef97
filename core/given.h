/*
 * core/given.h - options that a verb has set for this run (gw_option_give()): they go before what
 * the configuration says.
 *
 * They are nodes like those of a file, so the same tables read them.
 */
#ifndef CORE_GIVEN_H
#define CORE_GIVEN_H

#include <godwit/error.h>
#include <stddef.h>

struct gw_self;
struct gw_server;
struct node;

/** Behind gw_option_give(). */
int given_set(struct gw_self *self, const char *name, size_t n, const char *const *items,
              struct gw_error *err);

/** What a module has been given, as a map; NULL: nothing. */
const struct node *given_to(const struct gw_server *server, const char *module);

#endif
