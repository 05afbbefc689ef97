/*
 * core/conn.h - a connection, and all connections of a server.
 *
 * From the accept to the end: listener.c makes it, a transport brings and takes its bytes, framing.c cuts
 * lines, the owner (a module, by rows) gets them, outq.c holds what is to be written until the end of the turn. What a
 * module sees is in include/godwit/conn.h; conn_api.c fills that table.
 */
#ifndef CORE_CONN_H
#define CORE_CONN_H

#include "core/framing.h"
#include "core/loop.h"
#include "core/outq.h"
#include <godwit/conn.h>

struct gw_server;
struct listener;
struct transport;
struct tls;

struct gw_sink {
	struct outq queue;
};

enum conn_state {
	CONN_NEW,       /* made; nobody's yet */
	CONN_HANDSHAKE, /* owned, TLS is not up */
	CONN_OPEN,
	CONN_LINGER,    /* `closed` was called; the rest is flushed, then what the peer sends is thrown away */
};

struct gw_conn {
	struct loop_sock sock;
	struct gw_sink sink;
	struct conns *conns;
	struct gw_conn *prev, *next; /* in conns->all */
	struct gw_conn *next_dirty, *next_again, *next_closing;
	struct gw_conn *wait_prev, *wait_next; /* in the list of deadlines of its state */
	int64_t deadline_ns;
	const struct transport *transport;
	struct tls *tls; /* of transport_tls.c */
	struct framing input;
	struct gw_conn_owner owner;
	struct listener *listener;
	char *close_reason;
	uint64_t bytes_in, bytes_out;
	uint32_t drain_below; /* 0: nobody waits */
	uint8_t state, want;
	bool dirty : 1, again : 1;
	bool blocked : 1;  /* the socket takes no more: writing waits for it */
	bool stopped : 1;  /* GW_LINE_STOP */
	bool ended : 1;    /* nothing more will come in */
	bool closing : 1, close_now : 1;
	bool shut : 1;     /* our side was ended */
	bool drain_due : 1;
	struct gw_conn_info info;
	char address[]; /* what info.address points to */
};

struct conns; /* one per server: server->conns */

struct conns *conns_new(struct gw_server *server);
/** Closes what is left at once, calling nobody. */
void conns_free(struct conns **conns);
size_t conns_count(const struct conns *conns);
/** Closes every connection, flushing for the usual short time; `closed` is called at the end of the turn. */
void conns_close_all(struct conns *conns, const char *reason);
/** True when all are gone, lingering ones too: what the end of a server waits for (with a bound). */
bool conns_idle(const struct conns *conns);
/** Ends the connections that `module` owns, at once and calling nobody: it is unloaded for good. */
void conns_forget(struct conns *conns, struct gw_self *module);

/** Takes everyone who waits at `listener`'s door, up to a bound per turn. Returns 0 or what accept() said. */
int conn_accept(struct conns *conns, struct listener *listener);

void conn_own(struct gw_conn *conn, const struct gw_conn_owner *owner);
void conn_resume(struct gw_conn *conn);
void conn_wait_drain(struct gw_conn *conn, size_t below);
void conn_close(struct gw_conn *conn, enum gw_close_how how, const char *reason);
void conn_write(struct gw_conn *conn, const void *p, size_t n);
void conn_write_buf(struct gw_conn *conn, struct gw_buf *buf);

/** The table behind include/godwit/conn.h. */
extern const struct gw_conn_api conn_api;

#endif
