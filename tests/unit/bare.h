/*
 * tests/unit/bare.h - the least that a connection needs of a server: no configuration, no module to
 * load.
 *
 * One protocol, "test", whose module is the table `calls` that the test gives. Link it in place of
 * core/server.c.
 */
#ifndef TESTS_BARE_H
#define TESTS_BARE_H

#include "core/server.h"
#include <godwit/call.h>
#include <godwit/conn.h>

struct loop;
struct bare;

/** `calls` row 0 is the gw_accept_fn; `state` is what they all get. */
struct bare *bare_new(struct loop *loop, const struct gw_call_row *calls, void *state);
/** Frees the loop too. */
void bare_free(struct bare **bare);
struct gw_server *bare_server(struct bare *bare);
struct gw_self *bare_self(struct bare *bare);
/** Opens one listener, replacing all others. */
int bare_listen(struct bare *bare, const char *address, bool tls, struct gw_error *err);
/** Of the protocol "test", GW_TLS_CLIENTS before. */
void bare_tls(struct bare *bare, enum gw_tls tls);
/** The port of the first listener. */
uint16_t bare_port(struct bare *bare);

#endif
