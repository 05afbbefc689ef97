/*
 * tests/sim/harness_part.h - what the harness's files share.
 */
#ifndef TESTS_HARNESS_PART_H
#define TESTS_HARNESS_PART_H

#include "core/module.h"
#include "tests/sim/harness.h"
#include <stdio.h>
#include <string.h>

/* For what only a fault of the harness, or of the test's set-up, can break. */
#define NEED(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Grows; always ends with a NUL once something was added. */
struct text {
	char *data;
	size_t n, room;
};

struct simserver {
	struct simnet *net;
	struct simserver *next;
	struct loop *host;
	struct gw_server *server;
	struct module *asker;
	int number;
	char folder[40], address[24];
	char *yaml;
	struct text log, answer;
	bool answered;
	int status;
	struct simclient *clients;
};

void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t n);

/** The network's servers, in order. */
struct simserver **sim_servers(struct simnet *net);
/** From now on libsodium's random bytes are this network's: those of the host whose turn it is. */
void sim_lend_randomness(struct simnet *net);
uint64_t simnet_seed(const struct simnet *net);

void client_free(struct simclient *c);

#endif
