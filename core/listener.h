/*
 * core/listener.h - the addresses that the server listens on.
 *
 * Those of the configuration change in two steps, so that a rehash is all or nothing: prepare opens
 * what is new and keeps what stays, commit closes what is gone. Modules may open some of their
 * own for this machine (the control socket), which end with the module. A listener that runs out of
 * descriptors pauses for a moment rather than spin. At the start nothing is opened before all
 * modules are loaded and none of them holds the listeners; then all are opened, or none.
 */
#ifndef CORE_LISTENER_H
#define CORE_LISTENER_H

#include "core/loop.h"
#include <godwit/conn.h>
#include <godwit/error.h>
#include <godwit/self.h>

struct conns;
struct gw_server;
struct listeners; /* one per server, in struct conns */
struct listen_change;

/** Counted: its connections name it in their gw_conn_info. */
struct listener {
	struct loop_listener door;
	struct listener *prev, *next;
	struct conns *conns;
	unsigned refs;
	char *address;   /* as configured */
	char *place;     /* "file:line:column", "module NAME", or NULL */
	char *protocol;  /* NULL: `module` answers with `accept_row` */
	char *advertise; /* as configured, or NULL */
	struct gw_self *module;
	uint32_t accept_row;
	unsigned mode; /* of a Unix socket */
	bool tls;
	bool open;
	bool starved;                  /* of descriptors; it was logged */
	bool wanted;                   /* while a change is prepared: it stays */
	struct listener *successor_of; /* of a prepared one: whose door it will take */
	struct loop_timer pause;       /* out of descriptors: runs until it is tried again */
};

/** One entry of the configuration's `listen` list. Texts are copied. */
struct listen_spec {
	const char *address; /* "127.0.0.1:6667", "[::]:6697", "unix:/path" */
	const char *
		protocol; /* name of a row of the point "core.protocol", looked up at each accept */
	bool tls;
	const char *advertise; /* "HOST:PORT", NULL: not said */
	const char *place;     /* "file:line:column" of the entry, for errors; NULL: nowhere */
};

/** From now on listeners only wait to be opened: the start. */
void listeners_wait(struct gw_server *server);
/** See gw_listen_hold(). Calls server_open() once nobody holds them any more. */
void listeners_hold(struct gw_server *server, struct gw_self *self, bool on);
bool listeners_held(const struct gw_server *server);
/** Opens all that wait, those of modules too, or none: then `err` has the place and a sentence. */
int listeners_open(struct gw_server *server, struct gw_error *err);

/** Opens what is new, unless listeners wait. On failure `err` has the place and a sentence, and
 * nothing has changed. */
int listeners_prepare(struct gw_server *server, const struct listen_spec *specs, size_t n,
                      struct gw_error *err, struct listen_change **out);
/** Consumes `*change`. Cannot fail. New listeners accept from now on; connections of closed ones
 * stay. */
void listeners_commit(struct gw_server *server, struct listen_change **change);
void listeners_abort(struct gw_server *server, struct listen_change **change);

/** Stops taking new connections, for the end of the server; established ones stay. */
void listeners_close(struct gw_server *server);

/** See gw_listeners(). */
void listeners_each(struct gw_server *server, gw_listener_fn *fn, void *ctx);

/** A module's own; see gw_listen_unix(), gw_listen_loopback(). Taken back by listeners_forget(). */
int listener_open_own(struct gw_server *server, struct gw_self *self, const char *address,
                      unsigned mode, uint32_t accept_row);
/** For conns_new() and conns_free(). */
struct listeners *listeners_new(struct gw_server *server);
void listeners_free(struct listeners **listeners);
void listener_unref(struct listener **listener);
/** Whom a new connection belongs to, a gw_accept_fn, and which TLS it has. Module NULL: nobody
 * provides the protocol now. */
struct gw_call listener_accept_call(const struct listener *listener, enum gw_tls *tls_out);
void listeners_forget(struct gw_server *server, struct gw_self *self);

#endif
