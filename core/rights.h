/*
 * core/rights.h - a server that is started as root becomes another user, for good.
 *
 * As root it makes the state directory, binds the ports of the configuration and reads the
 * certificate's key; before any module is loaded and any thread started it is `user`.
 */
#ifndef CORE_RIGHTS_H
#define CORE_RIGHTS_H

#include <godwit/error.h>
#include <stdbool.h>

struct gw_server;
struct settings;

/** Whether user and group exist. `*key_out` is the option that is wrong. */
int rights_check(const struct settings *settings, const char **key_out, struct gw_error *err);

/** Becomes that user, if this is root; a server (`serves`) binds and reads first. A second call
 * does nothing. */
int rights_drop(struct gw_server *server, bool serves, struct gw_error *err);

/** rights_hint.c: goes behind the sentence of something that failed with `status`; mostly "". */
const char *rights_hint(const struct gw_server *server, int status);

#endif
