/*
 * godwit/conn.h - listeners, connections, and what is written to them.
 *
 * The configuration's `listen` list names for each address a protocol; the module that contributes
 * the row of that name at the point "core.protocol" gets the connections. A module may dial, too.
 * Input comes as lines, bounded, a view each (or as bytes, for protocols that have no lines);
 * output goes to the connection's sink and leaves joined, one write (or one run of TLS records) per
 * connection and loop turn. A close is a request, carried out at the end of the turn: nothing dies
 * under its caller.
 */
#ifndef GODWIT_CONN_H
#define GODWIT_CONN_H

#include <godwit/call.h>
#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct gw_conn; /* a connection: the core's, until `closed` has been called */
struct gw_sink; /* where a session's output goes: a connection's queue, or a module */

/** A counted buffer: written once, then shared by many queues. Loop thread only. */
struct gw_buf {
	uint32_t refs;
	uint32_t len;
	char data[];
};

/** One line of input, without CR LF, NUL-terminated behind `len`. A borrowed view: it ends with the
 * call. */
struct gw_line {
	char *text; /* may be changed in place */
	size_t len;
	bool too_long; /* longer than `line_max`: text holds the first part, the rest was dropped */
	uint8_t end;   /* bytes of its line end, which are still behind the text (the NUL is in
	                  place of the first): 2, CR LF; 1, LF; 0: too long */
};

/** What is to become of the input behind this line. */
enum gw_line_verdict {
	GW_LINE_NEXT, /* go on with the next line */
	GW_LINE_STOP  /* keep what follows unread until gw_conn_resume() */
};

/** What becomes of output that is still queued. */
enum gw_close_how {
	GW_CLOSE_FLUSH, /* what is queued is still written, for a short time */
	GW_CLOSE_NOW
};

/** A line has come in. `data` is the owner's, as it gave it. */
typedef enum gw_line_verdict gw_conn_line_fn(void *state, void *data, struct gw_line *line);
/** In place of lines, where the owner takes bytes: all that came in and was not used yet. The
 * callee says how many bytes it has used, and is called again while it uses some and there are more
 * (each call counts as a line of the turn's budget); what it leaves comes again with more behind
 * it. Who leaves `recvq_max` bytes is closed: "Input too long". */
typedef enum gw_line_verdict gw_conn_bytes_fn(void *state, void *data, const uint8_t *p, size_t n,
                                              size_t *used_out);
/** The last call about a connection, at the end of a turn. `reason`: "Connection closed", "SendQ
 * exceeded", what gw_conn_close() said... */
typedef void gw_conn_closed_fn(void *state, void *data, const char *reason);
/** The send queue fell below the mark that gw_conn_wait_drain() named. Once per request. */
typedef void gw_conn_drained_fn(void *state, void *data);
/** TLS is up (plain connections: called at once, in the turn of the accept). */
typedef void gw_conn_ready_fn(void *state, void *data);

/** What a protocol does with its connections; calls are rows of the module's `.calls`. `data` is
 * the owner's, never in an image. */
struct gw_conn_owner {
	struct gw_self *module;
	void *data;
	uint32_t ready, line, drained, closed; /* rows */
	uint32_t line_max;                     /* bytes, without the line end */
	uint32_t recvq_max; /* unread input kept in memory; past it the socket is not read */
	uint32_t sendq_max; /* bytes queued; past it the connection is closed, "SendQ exceeded" */
	uint32_t lines_per_turn; /* at most so many lines a turn, the rest in the next; 0: 32 */
	bool bytes;              /* `line` names a gw_conn_bytes_fn; line_max means nothing */
	uint8_t reserved[7];     /* 0: no hole in which an address could be left */
};

/** Which TLS a protocol has. */
enum gw_tls {
	GW_TLS_CLIENTS, /* the server's certificate; or none, as the listener is configured */
	GW_TLS_LINK,    /* between servers: always, TLS 1.3 with a throw-away raw public key (RFC
	                   7250) that nobody checks, ALPN "godwit-link/1"; who they are is settled
	                   inside, bound to `binding`. It ends without a word: no alert, no
	                   close_notify */
	GW_TLS_SERVER /* dialled only: TLS 1.2 or 1.3 as a client of a server with a certificate. No
	                 authority is asked whether it is good: `pin` says which one it must be, or
	                 the owner looks at gw_conn_info.certificate in `ready`, before it writes
	                 anything secret. SNI where the address has a name; no ALPN, no certificate
	                 of our own, no early data */
};

/** A connection to be made. Copied. */
struct gw_dial {
	const char
		*address; /* "192.0.2.1:7000", "[::1]:7000", "irc.example.net:7000", "unix:/path" */
	enum gw_tls tls;  /* GW_TLS_LINK, GW_TLS_SERVER, or GW_TLS_CLIENTS: none at all */
	struct gw_conn_owner owner;
	/* of GW_TLS_SERVER: */
	const uint8_t *pin;    /* SHA-256 of the certificate that it must have (32 bytes), else the
	                          handshake fails: "certificate is HEX, not the one expected". NULL:
	                          any will do */
	const uint8_t *ticket; /* what gw_conn_ticket() gave, of a connection to the same server;
	                          NULL: none */
	size_t ticket_len;
};

/** What is known about the other side. Texts live as long as the connection. */
struct gw_conn_info {
	const char *address;  /* numeric, without port; "unix" for a Unix socket */
	const char *listener; /* as configured */
	uint16_t port;        /* of the peer; 0 for a Unix socket */
	bool loopback;        /* 127.0.0.0/8, ::1, a Unix socket */
	bool tls;
	const char *tls_version; /* "TLS1.3-..." with the cipher, NULL if plain */
	bool has_certificate;
	uint8_t certificate[32]; /* SHA-256 of the peer's certificate. A server's
	                            (GW_TLS_SERVER) is always there; where a session was resumed
	                            it is the one of the first handshake */
	bool has_binding;
	uint8_t binding[32]; /* tls-exporter (RFC 9266), with TLS 1.3, or 1.2 and the extended
	                        master secret; the simulator's plain transport has one too */
	int64_t accepted_ns; /* monotonic */
	bool has_uid;        /* of a Unix socket: `uid` and `pid` are the peer's, as it connected */
	uid_t uid;
	pid_t pid;
};

/** A row of the point "core.protocol". `accept` is a row of the contributor's `.calls`:
 * gw_accept_fn. */
struct gw_protocol {
	const char *name;
	uint32_t accept;
	enum gw_tls tls;
};
#define GW_POINT_PROTOCOL "core.protocol"

/** Takes the connection over with gw_conn_own(), or refuses: negative errno, and it is closed after
 * `farewell` was written (one line with its line end, filled by the callee; may stay empty). */
typedef int gw_accept_fn(void *state, struct gw_conn *conn, char farewell[512]);

/** One listener of the configuration. Borrowed for the call. */
struct gw_listener {
	const char *address;   /* as configured */
	const char *advertise; /* "HOST:PORT" at which others reach it: as configured; or, where the
	                          address is one host's, that and the port; or the server's name and
	                          the port. NULL: a Unix socket */
	uint16_t port;         /* that is really open; 0: a Unix socket */
	const char *protocol;
	bool tls;
	bool loopback; /* reached from this machine alone: bound to its loopback, and not
	                  advertised elsewhere */
};
/** Called for each listener in turn, within gw_listeners(). */
typedef void gw_listener_fn(void *ctx, const struct gw_listener *listener);

/** What is written to a module's own sink. The buffer is borrowed: gw_buf_ref() keeps it. Called
 * within the call that writes: it must not write to that sink itself. */
typedef void gw_sink_fn(void *state, uint64_t tag, struct gw_buf *buf);

/** The table behind the functions below; call those. */
struct gw_conn_api {
	void (*own)(struct gw_conn *, const struct gw_conn_owner *);
	const struct gw_conn_info *(*info)(struct gw_conn *);
	struct gw_sink *(*sink)(struct gw_conn *);
	void (*resume)(struct gw_conn *);
	void (*wait_drain)(struct gw_conn *, size_t below);
	void (*close)(struct gw_conn *, enum gw_close_how, const char *reason);
	struct gw_buf *(*buf_new)(struct gw_self *, size_t n);
	void (*buf_unref)(struct gw_self *, struct gw_buf **);
	void (*write)(struct gw_sink *, const void *p, size_t n);
	void (*write_buf)(struct gw_sink *, struct gw_buf *);
	size_t (*queued)(struct gw_sink *);
	int (*listen_unix)(struct gw_self *, const char *path, unsigned mode, uint32_t accept_row);
	uint64_t (*bytes)(struct gw_conn *, bool sent);
	bool (*tls_fingerprint)(struct gw_self *, uint8_t out[32]);
	size_t (*unread)(struct gw_conn *);
	void (*listeners)(struct gw_self *, gw_listener_fn *, void *ctx);
	struct gw_conn *(*dial)(struct gw_self *, const struct gw_dial *);
	void (*hold)(struct gw_self *, bool on);
	struct gw_sink *(*sink_new)(struct gw_self *, struct gw_call write);
	void (*sink_free)(struct gw_self *, struct gw_sink **);
	struct gw_buf *(*buf_ref)(struct gw_buf *);
	size_t (*ticket)(struct gw_conn *, uint8_t *out, size_t max);
	int (*listen_loopback)(struct gw_self *, uint16_t port, uint32_t accept_row);
};

/** Must be called in `accept`; later calls change the limits. */
static inline void gw_conn_own(struct gw_self *self, struct gw_conn *conn,
                               const struct gw_conn_owner *owner)
{
	self->core->conn->own(conn, owner);
}

/** Connects, in later turns; names are looked up off the loop. `ready` when TLS is up; else
 * `closed` says why not ("Connection refused", "TLS handshake failed: ..."). What is written before
 * `ready` waits. There is no time-out but the owner's own. */
static inline struct gw_conn *gw_conn_dial(struct gw_self *self, const struct gw_dial *dial)
{
	return self->core->conn->dial(self, dial);
}

/** The latest ticket of a connection dialled with GW_TLS_SERVER, for struct gw_dial: the next
 * connection to that server then needs no certificate to be sent. Gives its bytes, a few thousand;
 * nothing was copied if they are more than `max`. 0: none came; they do with TLS
 * 1.3 alone, some time after `ready`. Can be asked for up to, and in, `closed`.
 *
 * It is a secret: whoever has it can pass for that server. It stands for the server that had the
 * certificate's key, so a server without what is behind the ticket cannot resume, and does a whole
 * handshake. One that is old, broken, of another version, or of another certificate than `pin`,
 * is passed over; after a dial with a ticket that failed in the handshake, dial without it. */
static inline size_t gw_conn_ticket(struct gw_self *self, struct gw_conn *conn, uint8_t *out,
                                    size_t max)
{
	return self->core->conn->ticket(conn, out, max);
}

/** While a module holds them, no listener is open: not bound, so that the system itself refuses;
 * the sockets of gw_listen_unix() included. May be asked for in `load` at the server's start; the
 * listeners open, and "core.ready" is told, when no module holds them any more (the end of a module
 * ends its hold). An address that cannot be had then ends the server, with the reason. */
static inline void gw_listen_hold(struct gw_self *self, bool on)
{
	self->core->conn->hold(self, on);
}

/** TLS facts are there from `ready` on. */
static inline const struct gw_conn_info *gw_conn_info(struct gw_self *self, struct gw_conn *conn)
{
	return self->core->conn->info(conn);
}

/** The connection's sink; it ends with the connection. */
static inline struct gw_sink *gw_conn_sink(struct gw_self *self, struct gw_conn *conn)
{
	return self->core->conn->sink(conn);
}

/** Goes on with the input after GW_LINE_STOP, in the next turn at the earliest. */
static inline void gw_conn_resume(struct gw_self *self, struct gw_conn *conn)
{
	self->core->conn->resume(conn);
}

/** Calls `drained` once, in a later turn, when fewer than `below` bytes are queued. */
static inline void gw_conn_wait_drain(struct gw_self *self, struct gw_conn *conn, size_t below)
{
	self->core->conn->wait_drain(conn, below);
}

/** Ends the connection at the end of this turn; `reason` is copied and comes back in `closed`. The
 * first call counts. No line is delivered any more. */
static inline void gw_conn_close(struct gw_self *self, struct gw_conn *conn, enum gw_close_how how,
                                 const char *reason)
{
	self->core->conn->close(conn, how, reason);
}

/** Bytes that came in or went out so far (plain text, not TLS records). */
static inline uint64_t gw_conn_bytes(struct gw_self *self, struct gw_conn *conn, bool sent)
{
	return self->core->conn->bytes(conn, sent);
}

/** Bytes of input that came in and wait for the owner, after GW_LINE_STOP; recvq_max bounds them.
 */
static inline size_t gw_conn_unread(struct gw_self *self, struct gw_conn *conn)
{
	return self->core->conn->unread(conn);
}

/** Calls `fn` for each open listener of the configuration, in its order, before it returns. */
static inline void gw_listeners(struct gw_self *self, gw_listener_fn *fn, void *ctx)
{
	self->core->conn->listeners(self, fn, ctx);
}

/** A buffer of `n` bytes with one reference, the caller's; fill `data`, then share it. */
static inline struct gw_buf *gw_buf_new(struct gw_self *self, size_t n)
{
	return self->core->conn->buf_new(self, n);
}

/** Gives one reference back, and nulls `*buf`; the last one frees it. */
static inline void gw_buf_unref(struct gw_self *self, struct gw_buf **buf)
{
	self->core->conn->buf_unref(self, buf);
}

/** Queues a copy. */
static inline void gw_sink_write(struct gw_self *self, struct gw_sink *sink, const void *p,
                                 size_t n)
{
	self->core->conn->write(sink, p, n);
}

/** Queues the buffer: a copy if it is short, else a reference (the caller keeps its own). */
static inline void gw_sink_write_buf(struct gw_self *self, struct gw_sink *sink, struct gw_buf *buf)
{
	self->core->conn->write_buf(sink, buf);
}

/** Bytes that wait to be written. */
static inline size_t gw_sink_queued(struct gw_self *self, struct gw_sink *sink)
{
	return self->core->conn->queued(sink);
}

/** One reference more; gw_buf_unref() gives it back. */
static inline struct gw_buf *gw_buf_ref(struct gw_self *self, struct gw_buf *buf)
{
	return self->core->conn->buf_ref(buf);
}

/** A sink without a connection: every write goes to the row of `write` (gw_sink_fn), in the order
 * of the writes. gw_sink_queued() of it is 0. Ends with gw_sink_free(), or with the module;
 * survives its reload. */
static inline struct gw_sink *gw_sink_new(struct gw_self *self, struct gw_call write)
{
	return self->core->conn->sink_new(self, write);
}

/** Ends a sink of gw_sink_new(), and nulls `*sink`; a connection's own ends with the connection. */
static inline void gw_sink_free(struct gw_self *self, struct gw_sink **sink)
{
	self->core->conn->sink_free(self, sink);
}

/** A Unix stream socket for a module's own protocol (the control socket); closed and unlinked with
 * the module's unload, kept over reloads. `accept_row` names a gw_accept_fn. A path already held by
 * a live server is -EADDRINUSE; a stale one is replaced. While listeners are held: 0, and it opens
 * with them. */
static inline int gw_listen_unix(struct gw_self *self, const char *path, unsigned mode,
                                 uint32_t accept_row)
{
	return self->core->conn->listen_unix(self, path, mode, accept_row);
}

/** The same at 127.0.0.1, without TLS: what others than this machine shall reach is configured
 * (`listen`). -EADDRINUSE, -EACCES. While listeners are held: 0, and if it then cannot be had the
 * server ends, with the reason. */
static inline int gw_listen_loopback(struct gw_self *self, uint16_t port, uint32_t accept_row)
{
	return self->core->conn->listen_loopback(self, port, accept_row);
}

/** SHA-256 of the server's own TLS certificate; false when it has none. */
static inline bool gw_tls_fingerprint(struct gw_self *self, uint8_t out[32])
{
	return self->core->conn->tls_fingerprint(self, out);
}

#endif
