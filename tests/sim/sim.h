/*
 * tests/sim/sim.h - a network in one process: virtual time, virtual sockets, seeded randomness,
 * faults on demand.
 *
 * Every host is a struct loop, so a server cannot tell it from the real one. One heap of events,
 * ordered by (time, number), is all there is: the same seed gives the same run, to the byte. A
 * host's turn begins when something happens to it: first its events of that instant, then its
 * sockets, then the end of the turn.
 */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include "core/loop.h"

struct simnet;
struct simpipe; /* one end of a connection */

/** What the network does to what passes through; may be changed at any time. */
struct simfaults {
	int64_t latency_min_ns, latency_max_ns; /* of each delivery, which never overtake */
	unsigned short_writes, short_reads;     /* so many of 100 take or give only a part */
	size_t window;                          /* bytes under way or unread, per direction */
	int64_t work_min_ns, work_max_ns;       /* until off-loaded work is done */
};

struct simnet *simnet_new(uint64_t seed);
/** After all its servers. */
void simnet_free(struct simnet **net);
struct simfaults *simnet_faults(struct simnet *net);
int64_t simnet_now(const struct simnet *net);
uint64_t simnet_random(struct simnet *net);

/** Runs what happens within the next `ns` of virtual time. */
void simnet_run(struct simnet *net, int64_t ns);
/** Runs the next event; false when there is none before `until_ns`. */
bool simnet_step(struct simnet *net, int64_t until_ns);

/** A host; freed by its op `free`. Its wall clock begins at 2026-01-01 and may be put wrong. */
struct loop *simhost_new(struct simnet *net);
void simhost_skew(struct loop *host, int64_t ns);
/** Others see it as 10.0.0.NUMBER; it may listen on any address, which must be its alone if others
 * shall reach it. The name simNUMBER.example.net stands for that address. */
void simhost_number(struct loop *host, unsigned number);
/** The fingerprint of the certificate that its TLS listeners show to the hosts that dial them; 32
 * times its number at first. */
void simhost_certificate(struct loop *host, const uint8_t fingerprint[32]);
void simhost_signal(struct loop *host, int signo);
bool simhost_stopped(const struct loop *host);

/**
 * Between two hosts, all that they dialled: a cut resets it, and nobody answers to a new one until
 * it is healed. What is stalled hangs, and nobody is told; healed, what was under way arrives (the
 * ends may have given up meanwhile). A delay is added to the latency of every delivery.
 */
void simnet_cut(struct simnet *net, struct loop *a, struct loop *b);
void simnet_stall(struct simnet *net, struct loop *a, struct loop *b);
void simnet_delay(struct simnet *net, struct loop *a, struct loop *b, int64_t ns);
/** Takes cuts and stalls back; NULL, NULL: all. Delays stay. */
void simnet_heal(struct simnet *net, struct loop *a, struct loop *b);

/** A scripted end: what comes in is handed to `got` (n = 0: the other side ended; n < 0: reset),
 * unless blocked. */
typedef void simpipe_got_fn(void *ctx, const char *data, ssize_t n);
/**
 * Connects to the listener with that address at `host`, from `from` (an address without port). NULL
 * when nobody listens. `certificate`: NULL, or the fingerprint of the one that is shown.
 */
struct simpipe *simpipe_connect(struct simnet *net, struct loop *host, const char *address,
                                const char *from, const uint8_t certificate[32],
                                simpipe_got_fn *got, void *ctx);
/** Everything is taken; it goes out as the window allows. */
void simpipe_send(struct simpipe *pipe, const void *data, size_t n);
/** No more will be sent; receiving goes on. */
void simpipe_shut(struct simpipe *pipe);
/** Stops, or goes on, taking what comes in: the other side's queue fills. */
void simpipe_block(struct simpipe *pipe, bool blocked);
/** Both sides are reset. */
void simpipe_cut(struct simpipe *pipe);
/** From now on nothing passes and nobody is told. */
void simpipe_half_open(struct simpipe *pipe);
/** Ends it, as a process that exits: with a reset when there is unread input. */
void simpipe_close(struct simpipe **pipe);
void simpipe_binding(const struct simpipe *pipe, uint8_t out[32]);
size_t simpipe_unsent(const struct simpipe *pipe);

#endif
