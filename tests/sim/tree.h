/*
 * tests/sim/tree.h - networks of several servers in the simulator: joined as operators join them,
 * cut and healed, and compared.
 *
 *     struct simtree *t = simtree_new(seed, SIMTREE_MODULES "...");
 *
 *     simtree_join(t, 0);                 a second server, by the first
 *     simtree_join(t, 1);                 a third, by the second
 *     simtree_cut(t, 0, 1);
 *     ...
 *     simtree_heal(t);
 *     assert_true(simtree_level(t, 120 * GW_SECOND));
 *     simtree_end(&t);
 *
 * Server i is s<i>.example.net, its links listen on 10.0.0.<i+1>:7000, its clients on
 * 127.0.0.1:6667; with the module redirect also on 10.0.0.<i+1>:6697, over TLS.
 */
#ifndef TESTS_TREE_H
#define TESTS_TREE_H

#include "tests/sim/harness.h"

#define SIMTREE_MAX 9
#define SIMTREE_MODULES                                                                            \
	"[store_fake, services, network, link, burst, client, account, channel, message, query, "  \
	"monitor, guest]"
#define SIMTREE_REDIRECT_MODULES                                                                   \
	"[store_fake, services, network, link, burst, client, account, channel, message, query, "  \
	"monitor, guest, oper, redirect, moves]"

struct simtree_node {
	struct simserver *server;
	char name[32], address[32];
	char *yaml;
	unsigned uplink; /* by which it joined */
	bool down;       /* crashed */
};

struct simtree {
	struct simnet *net;
	struct simtree_node nodes[SIMTREE_MAX];
	unsigned n;
	char *yaml, *modules; /* what all have */
	char why[400];        /* what was not level, last */
};

/** One server. `yaml` is added to every server's configuration; `modules` NULL: SIMTREE_MODULES. */
struct simtree *simtree_new(uint64_t seed, const char *yaml, const char *modules);
void simtree_end(struct simtree **tree);
/** A new server joins by `uplink`; returns its number when it is a member and its clients' listener
 * is open. Every step is an operator's. */
unsigned simtree_join(struct simtree *tree, unsigned uplink);
/** The same in steps, where each server has a configuration of its own, all of it in `yaml` (NULL:
 * as above): server, listen and modules are to be as said at the top. */
struct simtree *simtree_new_empty(uint64_t seed);
void simtree_first(struct simtree *tree, const char *yaml);
unsigned simtree_join_with(struct simtree *tree, unsigned uplink, const char *yaml);
/** The first half: the new server is started and knows whom to dial; nobody has added it yet. */
unsigned simtree_join_begin(struct simtree *tree, unsigned uplink);
/** The second: `server add` on the uplink. */
void simtree_join_add(struct simtree *tree, unsigned node);
bool simtree_is_open(struct simtree *tree, unsigned node);

/** Nothing passes between the two, and connections are reset. */
void simtree_cut(struct simtree *tree, unsigned a, unsigned b);
/** All that was cut, delayed or stalled. */
void simtree_heal(struct simtree *tree);
/** A power cut; and up again. */
void simtree_crash(struct simtree *tree, unsigned node);
void simtree_start(struct simtree *tree, unsigned node);

/** Waits until all servers that are up are one network, level, with equal digests of the services
 * database and of the live network; false, and `why`, if not within so much time. */
bool simtree_level(struct simtree *tree, int64_t within_ns);
/** A figure of `status`, as text; "" without it. Valid until the next command. */
const char *simtree_figure(struct simtree *tree, unsigned node, const char *key, char out[200]);
/** A client that is Connected. */
struct simclient *simtree_enter(struct simtree *tree, unsigned node, const char *nick,
                                const char *caps);

#endif
