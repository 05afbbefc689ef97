/*
 * core/conn.h - a connection, and all connections of a server.
 *
 * From the accept to the end: listener.c makes it, a transport brings and takes its bytes,
 * framing.c cuts lines, the owner (a module, by rows) gets them, outq.c holds what is to be written
 * until the end of the turn. What a module sees is in include/godwit/conn.h; conn_api.c fills that
 * table.
 */
#ifndef CORE_CONN_H
#define CORE_CONN_H

#include "core/framing.h"
#include "core/loop.h"
#include "core/sink.h"
#include <godwit/conn.h>
#include <godwit/error.h>

struct gw_server;
struct listener;
struct transport;
struct tls;

enum conn_state {
	CONN_DIAL,      /* ours to make; there may be no socket yet */
	CONN_HANDSHAKE, /* owned, TLS is not up */
	CONN_OPEN,
	CONN_LINGER, /* `closed` was called; the rest is flushed, then input is thrown away */
};

struct gw_conn {
	/* What a write touches lies together: a line to a channel visits every member. */
	struct gw_sink sink;
	struct conns *conns;
	struct gw_conn *next_dirty;
	uint32_t sendq_max; /* the owner's */
	uint8_t state;
	bool dirty : 1;
	bool blocked : 1; /* the socket takes no more: writing waits for it */
	bool closing : 1, close_now : 1;

	bool again : 1;
	bool stopped : 1; /* GW_LINE_STOP */
	bool ended : 1;   /* nothing more will come in */
	bool shut : 1;    /* our side was ended */
	bool drain_due : 1;
	bool owned : 1;  /* `closed` will be called */
	bool ending : 1; /* in conns->closing */
	bool delivering : 1;
	bool reowned : 1; /* within a delivery */
	bool link : 1;    /* GW_TLS_LINK */
	bool gone : 1;    /* freed but for its memory, which a list still names */
	uint8_t want;

	/* And what a flush touches besides: the socket's descriptor is at its end. */
	struct loop_sock sock;
	const struct transport *transport;
	uint64_t bytes_out;
	uint32_t drain_below; /* 0: nobody waits */

	uint32_t in_hand; /* while delivering: bytes behind the line */
	uint64_t bytes_in;
	struct tls *tls;                           /* of transport_tls.c, tls_dial.c, tls_link.c */
	struct gw_conn *next_again, *next_closing; /* as next_dirty: lists of struct conns */
	struct gw_conn *prev, *next;               /* in conns->all */
	struct gw_conn *wait_prev, *wait_next;     /* in the list of deadlines of its state */
	int64_t deadline_ns;
	struct framing input;
	struct gw_conn_owner owner;
	struct listener *listener; /* NULL: we made it */
	struct dial *dial;         /* of conn_dial.c; we made it */
	char *close_reason;
	struct gw_conn_info info;
	char address[INET6_ADDRSTRLEN]; /* what info.address points to */
};

/** Connections that wait for the same time, so the first to come is the first to end. */
struct conn_wait {
	struct gw_conn *first, *last;
	struct loop_timer timer;
	int64_t after_ns;
};

/** The longest queue that a full socket has left behind of late: in this minute, and the one before
 * it that somebody looked at. */
struct conn_peak {
	uint32_t bytes, before;
	int64_t since_ns;
};

/** What is counted of all connections together. */
struct conn_counts {
	uint64_t accepted, refused; /* refused: by the protocol's module, or for want of one */
	uint64_t bytes_in, bytes_out;
	uint64_t handshakes_failed, handshakes_late;
	uint64_t overflowed; /* closed, as more than their bound was queued */
	size_t blocked;      /* now: their sockets are full */
	struct conn_peak peak;
};

/** One per server: server->conns. */
struct conns {
	struct gw_server *server;
	struct loop *loop;
	struct conn_counts counts;
	struct gw_conn *all;
	size_t count;
	struct own_sink *sinks; /* of modules' own */
	struct loop_defer turn_end, next_turn;
	struct gw_conn *dirty, *again, *closing;
	struct conn_wait handshakes, lingers;
	struct conn_wait
		links; /* handshakes between servers, whose owners have a shorter deadline */
	struct outq_store store;
	struct loop_timer trim; /* runs while chunks lie unused */
	bool trimming;
	struct gw_conn *spare; /* for the next accept */
	char *scratch;         /* where input is read to and looked at */
	size_t scratch_size;
	struct listeners *listeners;
	struct tls_shared *tls; /* of tls_cred.c */
};

struct conns *conns_new(struct gw_server *server);
/** Closes what is left at once, calling nobody. */
void conns_free(struct conns **conns);
size_t conns_count(const struct conns *conns);
/** The longest queue of the last one or two minutes, as far as it was asked for; see struct
 * conn_peak. */
uint32_t conns_peak(struct conns *conns);
/** Those of one module. */
size_t conns_of(const struct conns *conns, const struct gw_self *module);
/** Closes every connection, flushing for the usual short time; `closed` is called at the end of the
 * turn. */
void conns_close_all(struct conns *conns, const char *reason);
/** True when nothing of ours is left to be written: what the end of a server waits for (with a
 * bound). */
bool conns_idle(const struct conns *conns);
/** Ends the connections that `module` owns, at once and calling nobody: it is unloaded for good. */
void conns_forget(struct conns *conns, struct gw_self *module);

/** Takes one who waits at the door: 0, or what accept() said. Whatever becomes of it is 0. */
int conn_accept(struct conns *conns, struct listener *listener);

/** See gw_conn_dial(). */
struct gw_conn *conn_dial(struct gw_self *self, const struct gw_dial *wanted);

void conn_own(struct gw_conn *conn, const struct gw_conn_owner *owner);
void conn_resume(struct gw_conn *conn);
size_t conn_unread(const struct gw_conn *conn);
void conn_wait_drain(struct gw_conn *conn, size_t below);
void conn_close(struct gw_conn *conn, enum gw_close_how how, const char *reason);
void conn_write(struct gw_conn *conn, const void *p, size_t n);
void conn_write_buf(struct gw_conn *conn, struct gw_buf *buf);

/* What the parts of a connection need of each other. */

/** conns.c: has the connection looked at in the next turn. */
void conn_again(struct gw_conn *conn);
/** conn_close.c: the connection is over for a reason of the system's or the peer's. */
__attribute__((format(printf, 3, 4))) void conn_fail(struct gw_conn *conn, enum gw_close_how how,
                                                     const char *format, ...);
/** conn.c: tells the loop what the connection waits for now. */
void conn_watch(struct gw_conn *conn);
/** conn.c: one without a socket, in no list; and into the list of all. */
struct gw_conn *conn_blank(struct conns *conns);
void conn_enlist(struct gw_conn *conn);
/** conn.c: there may be none. */
void conn_sock_close(struct gw_conn *conn);
void conn_set_state(struct gw_conn *conn, enum conn_state state);
void conn_handshake(struct gw_conn *conn);
void conns_handshakes_late(struct loop_timer *timer);
/** conn_accept.c: by `info.tls` and `link`. */
const struct transport *conn_transport(const struct gw_conn *conn);
/** conn_dial.c: the socket that we made is up, or has failed. */
void conn_dial_event(struct gw_conn *conn);
void conn_dial_end(struct gw_conn *conn);
/** conn_dial.c: for the transports: a dialled server, whose certificate is known now, has the one
 * that it must have; true of whoever is no such server. */
int conn_dial_check(const struct gw_conn *conn, struct gw_error *why);
/** conn_dial.c: NULL: any certificate will do. */
const uint8_t *conn_dial_pin(const struct gw_conn *conn);
/** conn_dial.c: the ticket to be shown, which is the caller's (free()) now; NULL: none. */
uint8_t *conn_dial_ticket_take(struct gw_conn *conn, size_t *n_out);
/** conn_close.c: tells the owner, then ends the connection or lets it linger. */
void conn_end(struct gw_conn *conn);
void conn_free(struct gw_conn *conn);
void conn_linger_read(struct gw_conn *conn);
void conn_linger_write(struct gw_conn *conn);
void conns_lingered_enough(struct loop_timer *timer);
/** conn_input.c: the socket is readable. */
void conn_read(struct gw_conn *conn);
/** conn_input.c: delivers what was kept; true when no whole line is left. */
bool conn_deliver_kept(struct gw_conn *conn);
/** conn_output.c: has it flushed at the end of the turn. */
void conn_dirty(struct gw_conn *conn);
/** conn_output.c: its socket takes no more, or again. */
void conn_block(struct gw_conn *conn, bool on);
/** conn_output.c: its queue may be the longest of late. */
void conn_note_peak(const struct gw_conn *conn);
/** conn_output.c: writes what can be written. */
void conn_flush(struct gw_conn *conn);
/** conn_output.c: for the transports: writes to the socket; on -EAGAIN the connection is blocked
 * until it is writable. */
ssize_t conn_send(struct gw_conn *conn, const struct iovec *iov, int n);

/** The table behind include/godwit/conn.h. */
extern const struct gw_conn_api conn_api;

#endif
