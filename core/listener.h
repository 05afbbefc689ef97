/*
 * core/listener.h - the addresses that the server listens on.
 *
 * Those of the configuration change in two steps, so that a rehash is all or nothing: prepare opens what is new and keeps
 * what stays, commit closes what is gone. Modules may open Unix sockets of their own (the control socket), which end
 * with the module. A listener that runs out of descriptors pauses for a moment rather than spin.
 */
#ifndef CORE_LISTENER_H
#define CORE_LISTENER_H

#include "core/loop.h"
#include <godwit/conn.h>
#include <godwit/error.h>
#include <godwit/self.h>

struct gw_server;
struct listeners;      /* one per server, in struct conns */
struct listen_change;

/** One entry of the configuration's `listen` list. Texts are copied. */
struct listen_spec {
	const char *address;  /* "127.0.0.1:6667", "[::]:6697", "unix:/path" */
	const char *protocol; /* name of a row of the point "core.protocol", looked up at each accept */
	bool tls;
	const char *place; /* "file:line:column" of the entry, for errors; NULL: nowhere */
};

/** Opens what is new. On failure `err` has the place and a sentence, and nothing has changed. */
int listeners_prepare(struct gw_server *server, const struct listen_spec *specs, size_t n,
                      struct gw_error *err, struct listen_change **out);
/** Consumes `*change`. Cannot fail. New listeners accept from now on; connections of closed ones stay. */
void listeners_commit(struct gw_server *server, struct listen_change **change);
void listeners_abort(struct gw_server *server, struct listen_change **change);

/** Stops taking new connections, for the end of the server; established ones stay. */
void listeners_close(struct gw_server *server);

/** Calls `fn` for each open listener of the configuration, in its order; `port` is the real one where 0 was asked for. */
void listeners_each(struct gw_server *server,
                    void (*fn)(void *ctx, const char *address, uint16_t port, const char *protocol, bool tls),
                    void *ctx);

/** A module's own; see gw_listen_unix(). Taken back by listeners_forget(). */
int listener_open_unix(struct gw_server *server, struct gw_self *self, const char *path,
                       unsigned mode, uint32_t accept_row);
void listeners_forget(struct gw_server *server, struct gw_self *self);

#endif
