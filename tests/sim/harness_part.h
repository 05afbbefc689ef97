/*
 * tests/sim/harness_part.h - what the harness's files share.
 */
#ifndef TESTS_HARNESS_PART_H
#define TESTS_HARNESS_PART_H

#include "core/mem.h"
#include "core/module.h"
#include "tests/sim/harness.h"
#include <stdio.h>
#include <string.h>

/* For what only a fault of the harness, or of the test's set-up, can break. */
#define NEED(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			sim_broken(#x, __FILE__, __LINE__);                                        \
		}                                                                                  \
	} while (0)

/* The same with a sentence of one's own. */
#define BROKEN(...) sim_broken(mem_printf(__VA_ARGS__), __FILE__, __LINE__)

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
	char *folder, address[24];
	char *yaml;
	struct text log, answer;
	bool answered;
	int status;
	struct simclient *clients;
};

/* How a test fails is the business of those who link the simulation: tests/sim/fail_cmocka.c for
 * our own tests, testkit/fail.c for those of module authors. */
/** What a test expected has not happened; `report` says all that is known. */
__attribute__((noreturn)) void sim_fail(struct simnet *net, const char *report, const char *file,
                                        int line);
/** The harness, or the test's set-up, is at fault. */
__attribute__((noreturn)) void sim_broken(const char *what, const char *file, int line);
/** Logs of all servers, a conversation ("" for none), what was wrong, the seed; to be freed. */
char *sim_report(struct simnet *net, const char *talk, const char *what, const char *wanted);

void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t n);

/** The network's servers, in order. */
struct simserver **sim_servers(struct simnet *net);
/** From now on libsodium's random bytes are this network's: those of the host whose turn it is. */
void sim_lend_randomness(struct simnet *net);
uint64_t simnet_seed(const struct simnet *net);
/** Whether the configuration says anything of `key`, at its top. */
bool sim_has_key(const char *yaml, const char *key);
/** Where the folders of servers are made from now on; borrowed. At first $TMPDIR, or
 * "/tmp". */
void simnet_set_folders(struct simnet *net, const char *parent);
const char *simnet_folders(const struct simnet *net);
/** Those folders, from a test that will not come to its end. */
void sim_remove_folders(struct simnet *net);

void client_free(struct simclient *c);

#endif
