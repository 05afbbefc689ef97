/*
 * services/peer.h - the database of another server, at the other end of a link.
 *
 *     peer.c         opening, closing, the dispatch of messages, refusals
 *     hello.c        both say who they are and what they hold; who may go on
 *     round_send.c   slices of the log, read from the store, as cells and marks
 *     round_take.c   cells that came are put aside, and merged with their final mark
 *     round_file.c   what is put aside, in memory or in a file
 *     acks.c         what others hold: durable acknowledgements, second copies, ack cells
 *     collect.c      tombstones that everybody knows are deleted
 *     join_give.c    a new server gets the database from here
 *     join_take.c    this server gets it from there
 *     verify.c       the joiner reads its whole database and compares
 *     salvage.c      what a set-aside database alone has
 *     wire.c         bytes of the messages; vector.c vectors
 *
 * A peer's life: HELLO (ours is sent, theirs awaited) -> CHECK (the store is asked about what theirs
 * says) -> OPEN (rounds pass both ways) -> REFUSED (nothing is looked at any more until the link is
 * closed). A peer is named by its link's id; an answer of the store that comes when it is gone is
 * dropped.
 */
#ifndef SERVICES_PEER_H
#define SERVICES_PEER_H

#include "services.h"
#include "wire.h"

enum peer_stage { PEER_HELLO, PEER_CHECK, PEER_OPEN, PEER_REFUSED };

struct give; /* join_give.c */
struct take; /* join_take.c */
struct round;

struct peer {
	UT_hash_handle hh;
	uint64_t link;
	struct gw_id server; /* its S entity; none when this server joins by it */
	char name[GW_NAME_MAX + 1];
	uint8_t stage;  /* enum peer_stage */
	bool joiner;    /* this server is new and joins by this peer */
	bool serving;   /* the peer is new and joins by this server */
	bool accepted;  /* told */
	bool settled;   /* told, and still so */
	bool took_final; /* a final mark of its was merged */
	uint8_t reserved[2]; /* 0 */
	struct gw_call send, news;
	size_t room; /* bytes the link takes, less what was sent since */

	/* hello.c */
	uint64_t origin; /* of its database's life */
	struct gw_id life;
	struct vector durable; /* what it holds, as its hello and its acknowledgements say */

	/* round_send.c */
	struct vector sent;  /* U: the position up to which it was sent all */
	struct vector marked; /* of the last mark: marks say what changed */
	bool sending;        /* `sent` is set: rounds may go */
	bool owes_mark;      /* a round was begun */
	bool reading;        /* a slice is being read */
	bool again;          /* something was committed meanwhile */
	bool shut;           /* the credit or the room was too little */
	uint8_t reserved2[3]; /* 0 */
	uint64_t bytes_sent, bytes_consumed; /* of cells and marks: the credit */
	struct gw_blob slice; /* encoded messages that wait for room: length (4 bytes), message */
	size_t slice_at;

	/* round_take.c */
	struct round *round;  /* what is put aside, NULL: nothing */
	struct vector theirs; /* as its marks say */
	uint64_t bytes_taken, bytes_told;

	/* join_give.c, join_take.c */
	struct give *give;
	struct take *take;
};

/* --- peer.c --- */

/** NULL: closed meanwhile. */
struct peer *peer_find(struct services_state *state, uint64_t link);
/** Puts a message into the link's queue. */
void peer_send(struct services_state *state, struct peer *peer, const struct wire_out *message);
/** A message into the scratch of the state, which holds any: for one peer_send(). */
void peer_message(struct services_state *state, struct wire_out *out, enum sv_kind kind);
void peer_news(struct services_state *state, struct peer *peer, enum gw_peer_news news,
               const struct gw_join_progress *progress, const char *why);
/** Says SV_REFUSE, logs, and has the link closed. `peer` stays until then, and does nothing. */
void peer_refuse(struct services_state *state, struct peer *peer, enum sv_code code,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/** A message came. 0, or negative: a breach of form, with a sentence; peer_input() refuses then. */
typedef int peer_message_fn(struct services_state *state, struct peer *peer,
                            struct gw_blob message, struct gw_error *why);

/* --- hello.c --- */

void hello_send(struct services_state *state, struct peer *peer);
peer_message_fn hello_input, refuse_input;

/* --- round_send.c --- */

/** From now on rounds go to the peer, beginning at `from`. `owed`: it holds a broken round of ours. */
void round_send_open(struct services_state *state, struct peer *peer, const struct vector *from,
                     bool owed);
/** Something was committed, acknowledged, or there is room: sends what may be sent. */
void round_send_pump(struct services_state *state, struct peer *peer);

/* --- round_take.c --- */

peer_message_fn cells_input, mark_input;

/* --- acks.c --- */

peer_message_fn ack_input;
/** Tells the peer what is durable here by now, and how much was consumed. */
void ack_send(struct services_state *state, struct peer *peer);

/* --- join_give.c: the side that has the database --- */

/** A hello of a new server came, and was good: its SV_JOIN follows. */
void join_give_open(struct services_state *state, struct peer *peer);
/** SV_JOIN, SV_JACK, SV_JDONE. */
peer_message_fn join_give_join, join_give_ack, join_give_done;
/** There is room on the link (also called when there was some). */
void join_give_room(struct services_state *state, struct peer *peer);
void join_give_close(struct services_state *state, struct peer *peer);
/** What must not be collected while this peer is served: NULL nothing. */
const struct vector *join_give_floor(const struct peer *peer);

/* --- join_take.c: the new server's side --- */

/** A member's hello came, and was good: says SV_JOIN. */
void join_take_open(struct services_state *state, struct peer *peer);
/** SV_JBEGIN, SV_JSLICE. */
peer_message_fn join_take_begin, join_take_slice;
/** A final mark of this peer was merged, durably: its vector, count and digest. */
void join_take_marked(struct services_state *state, struct peer *peer, const struct vector *vec,
                      uint64_t cells, const uint8_t digest[DIGEST_BYTES]);
/** The final mark's digest does not fit at the same vector: nothing of the round was merged. */
void join_take_diverged(struct services_state *state, struct peer *peer);
void join_take_close(struct services_state *state, struct peer *peer);
/** replica.h: become_member. */
int join_take_member(void *services, uint64_t link);
/** replica.h: set_aside. */
int set_aside(void *services, struct gw_call done);

/* --- for both, in the state --- */

/** start.c: what the database is from now on; told to who listens. */
void membership_set(struct services_state *state, enum gw_membership membership);
/** start.c: reads the meta table and the vector anew (after a join's last transaction, or a wipe). */
void start(struct services_state *state);

#endif
