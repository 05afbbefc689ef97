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
 * A peer's life: HELLO (ours is sent, theirs awaited) -> CHECK (the store is asked about what
 * theirs says) -> OPEN (rounds pass both ways) -> REFUSED (nothing is looked at any more until the
 * link is closed). A peer is named by its link's id; an answer of the store that comes when it is
 * gone is dropped.
 */
#ifndef SERVICES_PEER_H
#define SERVICES_PEER_H

#include "services.h"
#include "wire.h"

enum peer_stage { PEER_HELLO, PEER_CHECK, PEER_OPEN, PEER_REFUSED };

struct give; /* join_give.c */
struct take; /* join_take.c */
struct round;
struct held;

struct peer {
	UT_hash_handle hh;
	struct peer *next_gone; /* closed: freed at the end of the turn */
	uint64_t link;
	struct gw_id server; /* its S entity; none when this server joins by it */
	char name[GW_NAME_MAX + 1];
	uint8_t stage;       /* enum peer_stage */
	bool joiner;         /* this server is new and joins by this peer */
	bool serving;        /* the peer is new and joins by this server */
	bool heard;          /* something behind its hello came: ours was good */
	bool settled;        /* exactly now */
	bool took_final;     /* a final mark of its was merged */
	bool gave_final;     /* `goal` is set */
	bool caught_up;      /* told as settled for the first time */
	uint8_t reserved[7]; /* 0 */
	struct gw_call send, news;
	int64_t room;         /* bytes the link takes, less what was sent since */
	int64_t unsettled_ns; /* since when, if it was settled before; else 0 */

	/* hello.c */
	uint64_t origin; /* of its database's life */
	struct gw_id life;
	struct vector
		durable;   /* what it holds, as its hello, acknowledgements and final marks say */
	struct held *held; /* messages that came while the stage was CHECK */
	size_t held_bytes;
	bool resumes; /* our hello said that we hold a broken round of its */

	/* round_send.c */
	bool sending;         /* `sent` is set: rounds may go */
	bool owes_mark;       /* a round was begun */
	bool reading;         /* a slice is being read */
	uint8_t reserved2[4]; /* 0 */
	struct vector sent;   /* the position up to which it has all */
	struct vector marked; /* of the last mark: marks say what changed */
	struct vector goal;   /* of the first final mark: when it has that, both have caught up */
	struct vector asked;  /* of the slice that is read: origins, and the clock behind which */
	size_t slice_bytes;   /* of the next slice */
	uint64_t bytes_sent, bytes_consumed; /* of cells and marks: the credit */
	uint64_t cells_sent;                 /* since it last had all */
	uint8_t *slice; /* messages that wait for room, each behind its length (4 bytes) */
	size_t slice_n, slice_at;

	/* round_take.c */
	struct round *round;  /* what is put aside, NULL: nothing */
	struct vector theirs; /* as its marks say */
	struct vector told;   /* what our acknowledgements have said */
	uint64_t bytes_taken, bytes_told;
	size_t merging; /* bytes of rounds that are being merged */

	/* join_give.c, join_take.c */
	struct give *give;
	struct take *take;
};

/* --- peer.c --- */

/** NULL: closed meanwhile. */
struct peer *peer_find(struct services_state *state, uint64_t link);
/** A message into the scratch of the state, which holds any: for one peer_send(). */
void peer_message(struct services_state *state, struct wire_out *out, enum sv_kind kind);
/** Puts a message into the link's queue. */
void peer_send(struct services_state *state, struct peer *peer, const struct wire_out *message);
/** The same with a whole message that lies elsewhere. */
void peer_send_bytes(struct services_state *state, struct peer *peer, const void *p, size_t n);
void peer_news(struct services_state *state, struct peer *peer, enum gw_peer_news news,
               const struct gw_join_progress *progress, const char *why);
/** Says SV_REFUSE, logs, and has the link closed. The peer does nothing any more. */
void peer_refuse(struct services_state *state, struct peer *peer, enum sv_code code,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
const char *peer_code(enum sv_code code);
/** Something that "settled" depends on has changed. */
void peer_look(struct services_state *state, struct peer *peer);
/** Handles what came while the stage was CHECK, which is over. */
void peer_release(struct services_state *state, struct peer *peer);
/** Something was committed: all peers get it. */
void peers_pump(struct services_state *state);
void peers_drop_all(struct services_state *state);
/** Refuses all. */
void peers_refuse(struct services_state *state, enum sv_code code, const char *why);

/** A message came. 0, or -EBADMSG with a sentence: a breach, for which the link is closed. Who has
 * called peer_refuse() returns 0. */
typedef int peer_message_fn(struct services_state *state, struct peer *peer, struct gw_blob message,
                            struct gw_error *why);

/* replica.h */
int replica_open(void *services, const struct gw_peer_spec *spec);
void replica_close(void *services, uint64_t link);
int replica_input(void *services, uint64_t link, const void *message, size_t n,
                  struct gw_error *why);
void replica_room(void *services, uint64_t link, size_t bytes);
int replica_peer(void *services, uint64_t link, struct gw_peer_state *out);
gw_timer_fn peers_free_gone;

/* --- hello.c --- */

void hello_send(struct services_state *state, struct peer *peer);
peer_message_fn hello_input, refuse_input;
gw_store_rows_fn hello_own_rows;
/** A breach if the clock is more than a minute ahead of this server's: true, and refused. */
bool clock_is_ahead(struct services_state *state, struct peer *peer, uint64_t clock);
/** A stamp of this server's own that it never gave out: -EBADMSG, and an alarm. */
int own_is_forged(struct services_state *state, struct peer *peer, struct gw_stamp stamp,
                  struct gw_error *why);

/* --- round_send.c --- */

/** From now on rounds go to the peer, beginning at `from`. `owed`: it holds a broken round of ours.
 */
void round_send_open(struct services_state *state, struct peer *peer, const struct vector *from,
                     bool owed);
/** Something was committed, acknowledged, or there is room: sends what may be sent. */
void round_send_pump(struct services_state *state, struct peer *peer);

gw_store_rows_fn round_send_rows;

/* --- round_take.c --- */

peer_message_fn cells_input, mark_input;
gw_store_done_fn round_done;
gw_timer_fn round_retry;
/** The peer ends. `keep`: a round that may go on later is kept. */
void round_take_close(struct services_state *state, struct peer *peer, bool keep);
/** The position of a kept round of this server's, NULL: none. */
const struct vector *round_kept(struct services_state *state, struct gw_id server,
                                uint64_t *origin_out);
/** The peer's hello is good: the kept round goes on, or is dropped. */
void round_resume(struct services_state *state, struct peer *peer);
void round_forget_kept(struct services_state *state);
void rounds_drop_all(struct services_state *state);
/** A round that is being merged, or put aside. */
bool rounds_open(struct services_state *state);

/* --- acks.c --- */

peer_message_fn ack_input;
/** Tells the peer what is durable here by now, and how much was consumed. */
void ack_send(struct services_state *state, struct peer *peer);
/** The peer holds more: who waited for a second copy is told. */
void copies_look(struct services_state *state, struct peer *peer);
int second_copy(void *services, struct gw_stamp stamp, int64_t within_ns, struct gw_call done);
bool everywhere(void *services, struct gw_stamp stamp, char *away, size_t max);
gw_timer_fn copies_tick, ack_tick;
gw_committed_fn ack_written;
void copies_drop_all(struct services_state *state);

/* --- collect.c --- */

gw_timer_fn collect_tick;
gw_store_rows_fn collect_tombs;
gw_store_done_fn collect_done, collect_trimmed;

/* --- join_give.c: the side that has the database --- */

/** A hello of a new server came, and was good: its SV_JOIN follows. */
void join_give_open(struct services_state *state, struct peer *peer);
/** SV_JOIN, SV_JACK, SV_JDONE. */
peer_message_fn join_give_join, join_give_ack, join_give_done;
/** There is room on the link (also called when there was some). */
void join_give_room(struct services_state *state, struct peer *peer);
void join_give_close(struct services_state *state, struct peer *peer);
/** Lives of joins that nobody has gone on with for a day end: they would hold up collection. */
void join_give_tidy(struct services_state *state);
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
/** What comes is passed over: the database is being verified, or is a member's, or it is over. */
bool join_take_holds(const struct peer *peer);
/** replica.h: become_member. */
int join_take_member(void *services, uint64_t link);
/** replica.h: set_aside. */
int set_aside(void *services, struct gw_call done);
gw_store_done_fn set_aside_done;

/* --- salvage.c: what only a database knew that was set aside --- */

/** This server is a member: looks for it, when the time has come. */
void salvage_start(struct services_state *state);
gw_timer_fn salvage_tick;
gw_store_rows_fn salvage_meta, salvage_network, salvage_old, salvage_rows;
gw_committed_fn salvage_given;
void salvage_drop(struct services_state *state);

#endif
