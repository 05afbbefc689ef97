/*
 * tests/sim/sim_mover.h - simulated clients that can be moved from server to server.
 *
 * The client's side of a move is modules/agent/mover.h; here it is given connections, a clock, and
 * bad manners on demand.
 *
 *     struct simmover *m = simmover_new(tree, 0, "ann", "godwit/redirect", false);
 *
 *     simmover_say(m, "PRIVMSG bob :%u", 1);
 *     simmover_lines(m, &lines);          all that its user was shown, whatever the connection
 *     simmover_free(&m);
 *
 * A server's client listeners are known to others as 10.0.0.N:6667 (without TLS) and 10.0.0.N:6697,
 * N being its number in the tree and one.
 */
#ifndef TESTS_SIM_MOVER_H
#define TESTS_SIM_MOVER_H

#include "modules/agent/mover.h"
#include "tests/sim/tree.h"

struct simmover;

/** What can be seen of a move from the client's seat, in the order of a good one. */
enum simmover_step {
	SIMMOVER_REQUEST,  /* has come, and is about to be read */
	SIMMOVER_DIALS,    /* the connection is being made */
	SIMMOVER_HANDOVER, /* said */
	SIMMOVER_SYNC,     /* has come, and is about to be read */
	SIMMOVER_SYNCED,   /* said */
	SIMMOVER_SWAP,     /* said: the old connection has ended */
	SIMMOVER_CANCEL,   /* has come, and is about to be read */
	SIMMOVER_REFUSE,   /* said */
	SIMMOVER_STEPS
};

/** Called within the network's event: what the test does about it comes behind that. */
typedef void simmover_step_fn(void *ctx, struct simmover *m, enum simmover_step step);

enum simmover_manner {
	SIMMOVER_GOOD,
	SIMMOVER_AWAY,    /* accepts and never dials */
	SIMMOVER_LATE,    /* dials after `patience`, whatever happens meanwhile */
	SIMMOVER_TWICE,   /* over TLS: says HANDOVER a second time, on a further connection */
	SIMMOVER_THIEF,   /* somebody else comes first, with the id and without the proof */
	SIMMOVER_FOREIGN, /* somebody else comes with an id of his own making */
	SIMMOVER_MUTE,    /* never says SYNCED */
	SIMMOVER_SLOW,    /* says SYNCED after `patience` */
	SIMMOVER_FICKLE,  /* refuses `patience` after it has said HANDOVER */
	SIMMOVER_REFUSES,
	SIMMOVER_IGNORES, /* no word and no connection */
	SIMMOVER_MANNERS
};

/** Connected when it returns; NULL: it was not let in. */
struct simmover *simmover_new(struct simtree *tree, unsigned node, const char *nick,
                              const char *caps, bool tls);
/** The same by an agent (modules/agent), which moves in its place: it listens on
 * SIMMOVER_AGENT. */
#define SIMMOVER_AGENT "127.0.0.1:6660"
struct simmover *simmover_new_by(struct simtree *tree, struct simserver *agent, const char *nick,
                                 const char *caps);
bool simmover_by_agent(const struct simmover *m);
void simmover_free(struct simmover **m);
void simmover_watch(struct simmover *m, simmover_step_fn *fn, void *ctx);
void simmover_behave(struct simmover *m, enum simmover_manner manner, int64_t patience_ns);

void simmover_say(struct simmover *m, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** What its user has seen so far. */
size_t simmover_lines(const struct simmover *m, const char *const **lines_out);
/** Waits up to ten seconds for a line that matches, behind what was waited for before; NULL: none
 * came. */
const char *simmover_wait(struct simmover *m, const char *glob);
/** So many of its lines have been waited for or passed over. */
size_t simmover_taken(const struct simmover *m);
/** All that passed over its connections, with times. */
const char *simmover_talk(const struct simmover *m);
/** Adds a line of the test's to it. */
void simmover_note(struct simmover *m, const char *text);

const char *simmover_nick(const struct simmover *m);
const struct mover *simmover_state(const struct simmover *m);
/** The server that its connection in use was made to; of one by an agent, where the network has it
 * at home. */
unsigned simmover_node(const struct simmover *m);
/** No connection is left; why. */
bool simmover_lost(const struct simmover *m);
const char *simmover_why_lost(const struct simmover *m);
/** An end of its connection in use, or of the new one; NULL: there is none. To be blocked, cut,
 * made half-open. */
struct simpipe *simmover_pipe(const struct simmover *m, bool fresh);
/** Says the last HANDOVER that it has said once more, over a connection to that server. */
void simmover_replay(struct simmover *m, unsigned node);
/** How long it waits for a sign of life before it takes its connection for dead. */
void simmover_silence(struct simmover *m, int64_t ns);
/** Goes away without a word. */
void simmover_leave(struct simmover *m);

#endif
