/*
 * core/loop.h - all that the core asks of the system while it runs: time, randomness, sockets,
 * timers, signals, work off the loop.
 *
 * Two implementations: loop_ev.c (libev and a thread pool) and tests/sim/loop_sim.c (virtual time
 * and sockets, seeded). The objects are embedded in their users and know nothing but their
 * callback, which finds its owner with container_of(). A turn is: all events that are due, then the
 * deferred calls, then the calls "at the end" (where connections are closed and written to).
 */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include <godwit/loop.h>
#include <godwit/metrics.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

struct loop;

struct loop_timer {
	struct loop *loop;
	void (*fired)(struct loop_timer *);
	uint64_t room[6]; /* the implementation's */
};

/** Something to be done at the end of the turn. Queued at most once. */
struct loop_defer {
	struct loop_defer *next;
	void (*fn)(struct loop_defer *);
	bool queued;
};

enum loop_want { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop_sock;
/** Level-triggered: called in every turn while it is true and wanted. */
struct loop_sock_events {
	void (*readable)(struct loop_sock *);
	void (*writable)(struct loop_sock *);
};
struct loop_sock {
	struct loop *loop;
	const struct loop_sock_events *events;
	uint64_t room[6];
};

struct loop_listener {
	struct loop *loop;
	void (*pending)(struct loop_listener *); /* somebody waits to be accepted */
	uint64_t room[7];
};

struct loop_signal {
	struct loop *loop;
	void (*caught)(struct loop_signal *);
	uint64_t room[6];
};

/** Who was accepted. */
struct loop_peer {
	char address[INET6_ADDRSTRLEN]; /* numeric, "unix" for a Unix socket */
	uint16_t port;
	bool loopback;
	bool has_uid;
	uid_t uid;
	pid_t pid;
};

#define LOOP_FOUND_MAX 8
#define LOOP_ADDRESS_MAX 120 /* a Unix socket's path is the longest */

/** What a name stands for: numeric addresses with the port, in the order to be tried. */
struct loop_found {
	char address[LOOP_FOUND_MAX][LOOP_ADDRESS_MAX];
	unsigned n;
	const char *why; /* there are none; constant text, or NULL */
};

/** What stands in for TLS where the loop itself gives its facts (the simulator). */
struct loop_secured {
	bool has_certificate;
	uint8_t certificate[32];
	uint8_t binding[32];
};

/** The core's own lane, for names being looked up: a name service that does not answer holds up
 * nobody's reading. */
#define LOOP_LANE_LOOKUP (GW_LANE_COMPUTE + 1)
#define LOOP_LANES (LOOP_LANE_LOOKUP + 1)

/** A piece of work: embedded in its user, untouched by the loop thread between `run` and `done`. */
struct loop_work {
	struct loop_work *next;
	void (*run)(struct loop_work *);  /* on another thread */
	void (*done)(struct loop_work *); /* on the loop, in a later turn; in order within a lane */
	unsigned lane;                    /* enum gw_lane, or LOOP_LANE_LOOKUP */
	bool finished;                    /* the implementation's */
};

struct loop_ops {
	void (*free)(struct loop *);
	void (*run)(struct loop *);  /* until stop() */
	void (*stop)(struct loop *); /* at the end of this turn */

	int64_t (*mono_ns)(struct loop *);
	int64_t (*wall_ns)(struct loop *);
	int64_t (*now_ns)(struct loop *); /* as mono_ns, but read anew: how long something takes */
	void (*random)(struct loop *, void *out, size_t n);

	/* The room of a timer must be zero before its first start. Negative stops; stopping twice
	 * is fine. */
	void (*timer_set)(struct loop_timer *, int64_t after_ns);
	void (*wake)(struct loop *); /* something was deferred: do not sleep over it */
	int (*signal_start)(struct loop_signal *, int signo);
	void (*signal_stop)(struct loop_signal *);

	/**
	 * Addresses: "127.0.0.1:6667", "[::1]:6697", "unix:/path". A stale Unix socket is replaced,
	 * a live one is -EADDRINUSE. `mode` is the permission of a Unix socket.
	 */
	int (*listen)(struct loop *, const char *address, unsigned mode, struct loop_listener *);
	/** Binds it now, for a later listen(), of which the process may have no right then. 0 where
	 * there is nothing to be gained, and for a Unix socket. NULL in the simulator, like the
	 * next one. */
	int (*reserve)(struct loop *, const char *address);
	/** Closes the bound sockets that no listen() has taken; `tell` may be NULL. */
	void (*drop_reserved)(struct loop *,
	                      void (*tell)(void *ctx, const char *address, const char *name),
	                      void *ctx);
	void (*listener_pause)(struct loop_listener *, bool paused);
	void (*listener_close)(struct loop_listener *); /* removes a Unix socket's file */
	uint16_t (*listener_port)(
		struct loop_listener *); /* the one given, where 0 was asked for */

	/** Fills `sock` (all but `events`, which the caller has set) and `peer`; -EAGAIN when
	 * nobody waits. Reading is wanted. */
	int (*accept)(struct loop_listener *, struct loop_sock *sock, struct loop_peer *peer_out);
	/** Under way when it returns 0, with `peer` filled: becomes readable or writable when it is
	 * up or has failed, which sock_error() tells. Both are wanted. */
	int (*connect)(struct loop *, const char *address, struct loop_sock *,
	               struct loop_peer *peer_out);
	int (*sock_error)(struct loop_sock *); /* 0, -EAGAIN while it is under way, -errno */
	/** "name:port" to addresses. Blocks: for the `run` of work. */
	void (*lookup)(struct loop *, const char *address, struct loop_found *out);
	void (*sock_want)(struct loop_sock *, unsigned want);     /* of LOOP_READ, LOOP_WRITE */
	ssize_t (*sock_read)(struct loop_sock *, void *, size_t); /* 0 = end, -EAGAIN, -errno */
	ssize_t (*sock_write)(struct loop_sock *, const struct iovec *, int n);
	void (*sock_shut)(struct loop_sock *); /* no more will be written */
	void (*sock_close)(struct loop_sock *);
	/** NULL: TLS is GnuTLS's business. Else the connection is plain and these are its facts. */
	void (*sock_secured)(struct loop_sock *, struct loop_secured *out);

	/** One datagram to the service manager's socket, "/path" or "@name"; may be lost. NULL in
	 * the simulator. */
	void (*tell_manager)(struct loop *, const char *socket, const char *text);

	/** Returns 0, or -EAGAIN when the lane's queue is full. */
	int (*work)(struct loop *, struct loop_work *);
	/** Blocks until no work is left, calling `done` of each; for the end of a server. */
	void (*work_finish)(struct loop *);
};

struct loop_queue {
	struct loop_defer *first, **end;
};

/** Every implementation begins with this. */
struct loop {
	const struct loop_ops *ops;
	struct loop_queue deferred, last;
	struct gw_histogram turns; /* how long each took, from its beginning to its end */
};

/** The real one; the pool's threads start with the first work. NULL when the system has no epoll.
 */
struct loop *loop_ev_new(void);
/** Takes the sockets that a service manager hands to this process; gives how many. */
unsigned loop_ev_inherit(struct loop *loop);

/** For the implementations: readies the part that is common. */
void loop_init(struct loop *loop, const struct loop_ops *ops);
/** For the implementations: does what was deferred; true when there is more, for the next turn. */
bool loop_turn_end(struct loop *loop);

/** Calls `d->fn` at the end of this turn (from inside such a call: of the next). */
void loop_defer(struct loop *loop, struct loop_defer *d);
/** The same, after all that was deferred: here connections are written to. */
void loop_at_end(struct loop *loop, struct loop_defer *d);
void loop_defer_cancel(struct loop *loop, struct loop_defer *d);

#endif
