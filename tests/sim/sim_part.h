/*
 * tests/sim/sim_part.h - what the simulator's files share: events, hosts, ends of connections.
 */
#ifndef TESTS_SIM_PART_H
#define TESTS_SIM_PART_H

#include "tests/sim/sim.h"

#define SIM_SIGNALS 8
#define SIM_LANES LOOP_LANES
#define SIM_COMPUTE_QUEUE 100

struct simhost;
struct simserver;

struct packet;

/* All that is between two hosts. */
struct simlink {
	struct simlink *next;
	struct simhost *a, *b;
	bool cut, stalled;
	int64_t delay_ns;           /* besides the latency of all */
	struct packet *held, **end; /* came while it was stalled */
};

struct simevent {
	int64_t at_ns;
	uint64_t number;
	struct simhost *host; /* whose turn it makes; NULL: nobody's */
	void (*fn)(void *ctx);
	void *ctx;
	bool cancelled;
	bool owns; /* `ctx` is freed with it */
};

struct simnet {
	int64_t now_ns;
	uint64_t seed;
	uint64_t random[2];
	uint64_t events;
	struct simevent **heap;
	size_t n, room;
	struct simfaults faults;
	struct simhost *hosts;
	struct simhost *running;
	uint64_t last_host;
	struct simpipe *pipes; /* all that are not freed */
	struct simlink *links;
	struct simserver *servers; /* of the harness */
	const char *folders;       /* where those have theirs */
};

struct simhost {
	struct loop base;
	struct simnet *net;
	struct simhost *next;
	uint64_t random[2];
	int64_t skew_ns;
	struct simevent *turn; /* one that is due */
	struct simdoor *doors;
	struct simpipe *attention; /* ends whose readiness may have changed */
	struct loop_signal *signals[SIM_SIGNALS];
	int signos[SIM_SIGNALS];
	struct loop_work *work[SIM_LANES];
	unsigned n_work[SIM_LANES];
	int64_t work_at_ns[SIM_LANES];
	uint16_t last_port;
	unsigned number; /* its address is 10.0.0.number */
	uint8_t certificate[32];
	bool in_turn, stopped;
};

struct simdoor {
	struct simdoor *next;
	struct simhost *host;
	struct loop_listener *listener;
	char *address;
	uint16_t port;
	bool paused;
	struct simpipe *waiting; /* to be accepted, oldest first */
};

struct simbytes {
	char *data;
	size_t start, n, room;
};

/* Either a socket of a host, or a scripted end with `got`. */
struct simpipe {
	struct simnet *net;
	struct simpipe *next_all, *next_waiting, *next_attention;
	struct simpipe *peer; /* NULL: that end is freed */
	struct simhost *host;
	struct loop_sock *sock;
	simpipe_got_fn *got;
	void *ctx;
	struct simbytes in;     /* arrived, not read */
	struct simbytes unsent; /* of a scripted end */
	size_t under_way;       /* sent by us, not arrived */
	int64_t last_at_ns;     /* when our last delivery arrives */
	int refs;               /* deliveries that name it, and its user */
	unsigned want;
	char from[INET6_ADDRSTRLEN];
	uint16_t port;
	uint8_t binding[32], certificate[32];
	bool has_certificate;
	bool end_came, reset; /* from the other side */
	bool told;            /* a scripted end knows of it */
	bool shut, shut_sent; /* ours */
	bool blocked, half_open, closed, attending;
	bool dialling, refused; /* of a host's own: not up yet; nobody listens */
};

/* sim_link.c */
/** NULL: nothing is wrong between them. */
struct simlink *simlink_find(struct simnet *net, const struct simhost *a, const struct simhost *b);
void simlinks_free(struct simnet *net);

/* sim_net.c */
struct simevent *sim_at(struct simnet *net, struct simhost *host, int64_t at_ns, void (*fn)(void *),
                        void *ctx);
uint64_t sim_next_random(uint64_t state[2]);
int64_t sim_between(struct simnet *net, int64_t min, int64_t max);
bool sim_chance(struct simnet *net, unsigned percent);

/* loop_sim.c */
/** Sees to it that the host has a turn. */
void simhost_wake(struct simhost *host);

/* sim_pipe.c */
void simpipe_attend(struct simpipe *pipe);
/** Calls what is ready; true while more is. */
bool simpipe_serve(struct simpipe *pipe);
void simpipe_unref(struct simpipe *pipe);
struct simpipe *simpipe_pair(struct simnet *net);
ssize_t simpipe_read(struct simpipe *pipe, void *p, size_t n);
ssize_t simpipe_write(struct simpipe *pipe, const struct iovec *iov, int n);
void simpipe_shut_now(struct simpipe *pipe);
void simpipe_end(struct simpipe *pipe);
/** Latency from one end to the other, now. */
int64_t simpipe_latency(struct simpipe *from);
/** What was held arrives, in its order. */
void packets_release(struct simnet *net, struct packet *first);
void packets_drop(struct packet *first);

#endif
