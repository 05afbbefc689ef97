/*
 * core/loop_passed.h - sockets that are bound before their listener asks for them.
 *
 * A service manager has bound them (socket activation: LISTEN_FDS), or the server itself while it
 * was root. Part of the real loop: its listen() looks here first.
 */
#ifndef CORE_LOOP_PASSED_H
#define CORE_LOOP_PASSED_H

#include "core/loop_address.h"

struct passed; /* a list of them */

/** Takes what the environment hands over, if it is meant for this process, and clears the
 * variables. Gives how many. */
unsigned passed_inherit(struct passed **list);
/** One that we have bound ourselves. */
void passed_put(struct passed **list, int fd);
/** The socket of that address, which is the caller's now; or -ENOENT. */
int passed_take(struct passed **list, const union any_address *address);
bool passed_has(const struct passed *list, const union any_address *address);
/** Closes what is left, telling of each. `tell` may be NULL. */
void passed_close(struct passed **list,
                  void (*tell)(void *ctx, const char *address, const char *name), void *ctx);

#endif
