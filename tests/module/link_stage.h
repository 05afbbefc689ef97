/*
 * tests/module/link_stage.h - raw ends of connections to servers of the simulation, for whoever
 * does not play by the rules: they dial a server's port for links, or wait where a server dials,
 * and may stand between two.
 */
#ifndef TESTS_MODULE_LINK_STAGE_H
#define TESTS_MODULE_LINK_STAGE_H

#include "tests/sim/harness.h"
#include "tests/unit/link_rig.h"

#define RAW_MAX 16384

/** One end of a connection: all that came in, and when it ended. */
struct raw {
	struct raw *next;
	struct simnet *net;
	struct simpipe *pipe;  /* of one that dialled */
	struct loop_sock sock; /* of one that was dialled */
	struct raw *other;     /* what comes in here goes out there */
	uint8_t in[RAW_MAX];
	size_t n;
	bool ended, reset;
	int64_t began_ns, ended_ns;
	uint8_t binding[32];
};

/** A host that waits where a server will dial. */
struct stage {
	struct simnet *net;
	struct loop *host;
	struct loop_listener door;
	char address[24];
	struct raw *raws; /* accepted, the newest first */
	unsigned n_raws;
	struct simserver *relay; /* each is connected through to this server; NULL: none is */
};

/** Listens on 10.0.0.NUMBER:7000. */
struct stage *stage_new(struct simnet *net, unsigned number);
void stage_free(struct stage **stage);
/** Waits, ten minutes at most, until so many have dialled; the newest. */
struct raw *stage_wait(struct stage *stage, unsigned n);

/** Dials the server's port for links. */
struct raw *raw_dial(struct simnet *net, struct simserver *s, const char *from);
void raw_free(struct raw **raw);
void raw_send(struct raw *raw, const void *p, size_t n);
/** No more will be sent. */
void raw_shut(struct raw *raw);
/** Lets time pass until so many bytes have come (true), or the end (false). */
bool raw_wait(struct raw *raw, size_t n);
/** Until it ends; how long it lived. */
int64_t raw_lived(struct raw *raw);

/** Plays a source: HELLO out, CHALLENGE in. False: the end came instead. */
bool raw_hello(struct raw *raw, struct end *source);
/** Then: opens it, answers, and takes DONE. The code is what the source makes of it; CODE_EOF: the
 * other side ended it. `name` NULL: it joins. */
enum code raw_prove(struct raw *raw, struct end *source, const char *name,
                    const uint8_t pin[KEY_BYTES], uint8_t run);

/** Adds to a server's database. */
void stage_add(struct simserver *s, const struct end *whom, const char *address);
/** A server's public key. */
void stage_key(struct simserver *s, uint8_t out[KEY_BYTES]);
/** How often the server's log has it. */
unsigned stage_logged(struct simserver *s, const char *what);

#endif
