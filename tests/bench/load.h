/*
 * The load generator of the bench, in one process and one thread: peers are its client connections
 * (peer.c), traffic is who sends what to whom and whether it arrives (traffic.c), a mode drives
 * both and measures (closed.c, open.c, register.c, idle.c), load.c has options and report.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "measure.h"
#include "sampler.h"
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load;

struct options {
	const char *mode;
	int port;
	int other; /* where every second peer connects; 0: to `port`, too */
	long pid;  /* the server, whose CPU and memory are read; 0: none */
	bool tls, caps;
	unsigned channels, members, senders, window; /* closed: lines in flight per sender */
	unsigned text_len;
	uint64_t deliveries; /* closed: the window ends after so many */
	double warm_s, max_s,
		settle_s; /* before the window, its longest, idle: till memory is read */
	double rate;      /* open: lines a second */
	unsigned count, concurrency;
};

/* peer.c */

enum peer_state { PEER_CLOSED, PEER_OPENING, PEER_READY, PEER_LEAVING };

struct peer {
	int fd;
	uint32_t index; /* in load->peers; its nick follows from it */
	enum peer_state state;
	uint32_t group;
	bool connected, handshaken, dirty, writable_wanted, cap_acked;
	char nick[12];
	gnutls_session_t tls;
	char *in; /* a line whose end has not come yet */
	size_t in_len;
	char *out;
	size_t out_len, out_size;
	uint64_t opened_ns;
};

/** What a mode is told of its peers; a NULL row is not told. */
struct peer_events {
	void (*ready)(struct load *load, struct peer *peer); /* 001, and its own JOIN if it joins */
	void (*closed)(struct load *load, struct peer *peer); /* else a close is a fatal error */
};

/**
 * Begins to connect; `source` varies the loopback address it comes from. What it says to register
 * is queued, so nothing else is needed until `ready`.
 */
void peer_open(struct load *load, struct peer *peer, uint32_t source);
void peer_send(struct load *load, struct peer *peer, const char *bytes, size_t len);
/** Says QUIT, then reads until the server closes. */
void peer_leave(struct load *load, struct peer *peer);
void peer_close(struct load *load, struct peer *peer);
/** Opens peers [from, to), at most options.concurrency at a time, and waits until all are ready. */
void peers_open(struct load *load, uint32_t from, uint32_t to);
/** Writes what the turn has queued. */
void peers_flush(struct load *load);
/** The socket of a peer has something to tell. */
void peer_event(struct load *load, struct peer *peer, uint32_t events);
/** TCP segments with data that have arrived at all peers. */
uint64_t peers_segments(const struct load *load);

/* traffic.c */

struct slot {
	uint64_t at_ns; /* when it was sent, or should have been */
	uint32_t left;  /* receivers that have not got it yet */
};

struct sender {
	struct peer *peer;
	char target[16];
	uint32_t next; /* sequence of its next line */
	uint32_t base; /* the oldest line that is still under way, or next */
	struct slot *slots;
};

/** What one receiver has seen of one sender: bit i of `seen` is sequence next - 1 - i. */
struct stream {
	uint32_t next;
	uint64_t seen;
};

struct counts {
	uint64_t deliveries, tagged, lost, doubled, reordered, corrupt;
};

struct traffic {
	struct sender *senders; /* group by group */
	uint32_t sender_count, per_group, group_size, slot_count;
	struct stream *streams; /* [peer][sender of its group] */
	struct counts counts;
	struct histogram latency;
	char *pad; /* what every text ends with */
	size_t pad_len;
	uint64_t last_ns; /* when something arrived last */
	/* A sender whose oldest line has arrived everywhere. May be NULL. */
	void (*advanced)(struct load *load, struct sender *sender);
};

/** Connects everybody; groups of `group_size` peers, the first `per_group` of each send. */
void traffic_open(struct load *load, uint32_t groups, uint32_t group_size, uint32_t per_group,
                  uint32_t slot_count, bool direct);
void traffic_send(struct load *load, struct sender *sender, uint64_t at_ns);
static inline uint32_t sender_in_flight(const struct sender *sender)
{
	return sender->next - sender->base;
}
/** A line that may be a delivery; false when it is something else. */
bool traffic_line(struct load *load, struct peer *peer, const char *line, const char *end);
/** Waits for what is under way, then counts as lost what has not come within `quiet_s`. */
void traffic_drain(struct load *load, double quiet_s);

/* load.c */

struct window { /* what was measured, from load_begin to load_end */
	struct snapshot begin, end;
	double p50_ns, p99_ns, p999_ns;
};

struct load {
	struct options options;
	int epoll_fd;
	struct peer *peers;
	uint32_t peer_count, opening, ready;
	struct peer **dirty;
	size_t dirty_count;
	struct peer_events events;
	struct traffic traffic;
	bool joins; /* peers join the channel of their group before they are ready */
	gnutls_certificate_credentials_t tls_credentials;
	uint64_t now_ns;
	struct window window;
	struct sampler sampler;
	bool sampling; /* else user-mode time is by the kernel's tick */
	bool reported; /* a figure has been printed before */
};

void load_alloc_peers(struct load *load, uint32_t count);
/** One turn: waits for at most `timeout_ns`, handles what has come, writes what is queued. */
void load_turn(struct load *load, int64_t timeout_ns);
/** Turns until `ns` have passed. */
void load_wait(struct load *load, uint64_t ns);
/** The window that is measured begins, or ends. */
void load_begin(struct load *load);
void load_end(struct load *load);
/** Prints one figure of the report. */
void load_report(struct load *load, const char *name, double value);
/** Prints what every window has: time, CPU, and with traffic its deliveries. */
void load_report_window(struct load *load);
void load_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The modes: each runs to its end and reports. */
void mode_fanout(struct load *load);
void mode_pairs(struct load *load);
void mode_open(struct load *load);
void mode_register(struct load *load);
void mode_idle(struct load *load);

#endif
