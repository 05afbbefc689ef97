/*
 * testkit/kit.h - what the files behind <godwit/testkit.h> share: the public names are a face of
 * the simulation in tests/sim, which Godwit's own tests use.
 */
#ifndef TESTKIT_KIT_H
#define TESTKIT_KIT_H

#include "tests/sim/harness_part.h"
#include "tests/sim/sim_mover.h"
#include "tests/sim/tree.h"
#include <godwit/testkit.h>

struct gwt_server {
	struct gwt_net *net;
	unsigned node;
	bool down; /* crashed */
};

struct gwt_net {
	struct gwt_net *next; /* of all that have not ended */
	struct simtree *tree;
	struct gwt_server servers[GWT_SERVERS_MAX];
	struct gwt_client *clients;
	struct text folders; /* ", FOLDER" for each */
	struct gw_error refusal;
	gwt_failed_fn *on_failure;
	void *ctx;
	bool failed;
};

/* Either of the two. */
struct gwt_client {
	struct gwt_client *next;
	struct gwt_server *server; /* it was connected to */
	struct simclient *plain;
	struct simmover *mover;
};

/* fail.c */
void kit_net_add(struct gwt_net *net);
void kit_net_remove(struct gwt_net *net);
__attribute__((noreturn)) void kit_fail(struct gwt_net *net, const char *talk, const char *what,
                                        const char *wanted, const char *file, int line);
/** Of the test's own use of the kit, where no place in the test is known. */
__attribute__((noreturn)) void kit_refuse(struct gwt_net *net, const char *what,
                                          const char *wanted);

/* server.c */
struct simserver *kit_simserver(const struct gwt_server *server);

/* client.c */
void kit_clients_free(struct gwt_net *net);

#endif
