/*
 * core/transport.h - between a connection and its socket: plain, or TLS.
 *
 * A transport never sleeps and never closes: it answers with -EAGAIN, and the connection waits for
 * its socket.
 */
#ifndef CORE_TRANSPORT_H
#define CORE_TRANSPORT_H

#include "core/conn.h"
#include <godwit/error.h>

struct transport {
	/** Goes on with the handshake: 0 when it is over and conn->info is complete, -EAGAIN, or an
	 * error with a sentence. */
	int (*start)(struct gw_conn *conn, struct gw_error *why);
	/** Up to `n` bytes; 0 = end, -EAGAIN, -errno. As many as asked for may mean that there are
	 * more inside. */
	ssize_t (*read)(struct gw_conn *conn, void *p, size_t n);
	/** Writes from the queue: 0 when it is empty, -EAGAIN, -errno. */
	int (*flush)(struct gw_conn *conn);
	/** Says goodbye, once the queue is empty: 0 or -EAGAIN. */
	int (*finish)(struct gw_conn *conn);
	void (*free)(struct gw_conn *conn);
	/** See gw_conn_ticket(). NULL: it has none. */
	size_t (*ticket)(struct gw_conn *conn, uint8_t *out, size_t max);
};

/** Each in the role that the connection has. transport_link is TLS between servers. */
extern const struct transport transport_plain, transport_tls, transport_link;

#endif
