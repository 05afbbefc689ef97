/*
 * tests/unit/services_net.h - several servers' databases, each with a store in a small core
 * (mini.h), and links between them that the test makes, cuts, and lets pass a message at a time.
 *
 * All begin as members of one network. Time is the same for all, but their clocks may be wrong.
 */
#ifndef TESTS_UNIT_SERVICES_NET_H
#define TESTS_UNIT_SERVICES_NET_H

#include "tests/unit/services_rig.h"
#include <godwit/replica.h>

#define NODES_MAX 8
#define PIPES_MAX 32

struct message {
	struct message *prev, *next;
	size_t n;
	uint8_t bytes[];
};

/** A link's end. */
struct pipe_end {
	int node;
	bool open;             /* the module has a peer for it */
	struct message *queue; /* that it has sent */
	size_t queued;
	bool accepted, refused, joined, verified, serving, retired;
	unsigned settled; /* how often it was told */
	char why[400];
};

struct pipe_link {
	uint64_t link;
	bool up;
	struct pipe_end end[2];
	uint64_t messages, bytes; /* that have passed */
};

struct node {
	struct net *net;
	struct rig rig;
	struct gw_iface *replica;
	struct gw_self *self;
	char *folder, name[32];
	bool up, fake;
	bool joins; /* its links are a new server's */
	uint64_t seed;
	int64_t skew;
	struct gw_id server, life;
	uint64_t origin;
	const char *collect_after; /* the option; NULL: as it is */
	enum gw_membership membership;
	unsigned changes; /* entities that were told to have changed */
};

struct net {
	int n;
	uint64_t random, last_link;
	int64_t now;
	struct node nodes[NODES_MAX];
	struct pipe_link pipes[PIPES_MAX];
	size_t window; /* bytes that a link's queue takes */
	/* may change or swallow (n = 0) what passes; NULL: nobody looks */
	void (*tap)(struct net *net, struct pipe_link *pipe, int from, uint8_t *bytes, size_t *n);
	void *ctx;
};

void net_open(struct net *net, int n, bool fake, uint64_t seed);
void net_close(struct net *net);
uint64_t net_draw(struct net *net, uint64_t n);

struct pipe_link *net_link(struct net *net, int a, int b);
/** NULL: they are not linked. */
struct pipe_link *net_linked(struct net *net, int a, int b);
void net_cut(struct net *net, struct pipe_link *pipe);
bool net_connected(struct net *net, int a, int b);

/** Power cut; links break. */
void net_crash(struct net *net, int i);
void net_restart(struct net *net, int i);
/** A new server with an empty database, which the first has added: its links are those of a join
 * until net_is_member(). */
int net_add_empty(struct net *net, const char *name);
/** The new server has become a member: from now on its links are a member's. */
void net_is_member(struct net *net, int i);

/** Delivers one message of that end, if there is one. */
bool net_deliver(struct net *net, struct pipe_link *pipe, int end);
/** Puts a message into the queue of that end, as if its server had sent it. */
void net_inject(struct net *net, struct pipe_link *pipe, int end, const void *bytes, size_t n);
/** Lets a random thing happen. */
void net_step(struct net *net);
/** Lets time pass for all: messages go at once. */
void net_run(struct net *net, int64_t ns);
/** Until all links are settled; fails after a while. */
void net_settle(struct net *net);
bool net_is_settled(struct net *net);
/** Fails unless all tables that must be are equal on `a` and `b`. `raw`: tombstones, too. */
void net_same(struct net *net, int a, int b, bool raw);
/** The applied clock of an origin at a node. */
uint64_t net_applied(struct net *net, int i, uint64_t origin);

#endif
