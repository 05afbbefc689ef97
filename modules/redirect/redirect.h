/*
 * redirect.h - moving live clients: the parts of the module redirect.
 *
 * One attempt has a record at the source (struct source) and one at the recipient (struct
 * recipient); both are found by the attempt's id and by the session. What comes from the other
 * server (frames.c) and from the client (the command, the taps) is handed to the function of its
 * name, which looks at the state, does the step and goes to the next state, or ends the attempt.
 *
 *     source.c     the home that hands a session over: from the decision to MOVE, or back
 *     freeze.c     its last part: nothing goes to the client any more, nothing is executed
 *     recipient.c  the server that takes it: from NOTIFY to the cut
 *     heir.c       its last part: the session is at home here, and waits for SWAP
 *     hold.c       what is held while nobody may deliver; the filter of the cut
 *     kept.c       lines of a client that are executed later
 *     snapshot.c   what decides what a client is shown: made at the source, taken at the recipient
 *     frames.c     messages between the two, out of bytes and back
 *     proof.c      ids, tokens and the proof; pure
 *     door.c       at which of its listeners the recipient expects the client
 *     offenders.c  addresses whose handovers were wrong
 *     command.c    REDIRECT, as clients type it
 *     redirect.c   descriptor, load and unload, options, the interface
 */
#ifndef REDIRECT_REDIRECT_H
#define REDIRECT_REDIRECT_H

#include "hold.h"
#include "kept.h"
#include "proof.h"

#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/client.h>
#include <godwit/conn.h>
#include <godwit/hash.h>
#include <godwit/link.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/metrics.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/parts.h>
#include <godwit/redirect.h>

#define REASON_MAX 200
#define SNAPSHOT_MAX 60000 /* bytes */
#define VECTOR_MAX 2048    /* servers */
#define LINES_MAX 1048576  /* bytes of unexecuted input, however it is cut into frames */
#define SETTLED_BELOW 16384

/** Rows of `.calls`; new ones at the end. */
enum redirect_call {
	CALL_NONE,
	CALL_COMMAND,
	CALL_FRAME,
	CALL_EVENT,
	CALL_STATUS,
	CALL_REHASHED,
	CALL_SOURCE_TIMER,
	CALL_SOURCE_SETTLED,
	CALL_SOURCE_LINE,
	CALL_SOURCE_CLOSED,
	CALL_SOURCE_HELD,
	CALL_SOURCE_DUE,
	CALL_RECIPIENT_TIMER,
	CALL_RECIPIENT_LINE,
	CALL_RECIPIENT_CLOSED,
	CALL_RECIPIENT_HELD,
	CALL_RECIPIENT_DUE,
	CALL_OFFENDERS,
	CALL_LIST,
	CALL_OVER,
	CALL_UNSHOWN,
	CALL_METRICS
};

struct settings {
	int64_t offer_ns, sync_ns, pending_ns, joined_ns;
	uint32_t at_once, expected, hold, input;
};

struct snapshot {
	uint8_t *bytes;
	size_t n;
};

/** States of a session that is handed over; HOME is to have no record. */
enum source_state {
	SOURCE_NOTIFIED,  /* the recipient was asked */
	SOURCE_REQUESTED, /* the client was asked */
	SOURCE_BARRIER,   /* it is at the recipient: input is kept, output flows */
	SOURCE_SYNCING,   /* frozen: output is held, too */
	SOURCE_CUTTING    /* the recipient was given all; no timer */
};

struct source {
	uint64_t session;
	uint64_t client, to; /* the recipient's run */
	uint8_t id[ID_BYTES], token[TOKEN_BYTES];
	enum source_state state;
	bool by_client;    /* it has asked for the move itself */
	bool gone;         /* CUTTING: its connection is closed */
	bool discarded;    /* CUTTING: what was held grew too long: there is no way back */
	uint8_t reserved1; /* 0 */
	uint32_t updates, updates_seen; /* UPDATE sent, and confirmed */
	uint32_t reserved2;             /* 0 */
	uint64_t joined, joined_seen;   /* sequence of the last JOIN since NOTIFY; confirmed */
	struct snapshot told;           /* what the recipient has */
	struct gw_timer *timer;
	struct gw_call ended;
	struct kept kept;
	struct hold hold;
	struct gw_sink *sink; /* into `hold` */
	struct vector vector; /* at the freeze; before, servers that have left meanwhile */
	int64_t begun_ns, frozen_ns;
	char *due; /* why the attempt is to end, from a turn of its own; NULL: it goes on */
	enum gw_move_end due_end;
	uint32_t reserved3; /* 0 */
	UT_hash_handle by_session, by_id;
};

enum recipient_state {
	RECIPIENT_PENDING, /* holding; the client may come */
	RECIPIENT_JOINED,  /* it has come */
	RECIPIENT_HEIR     /* the session is at home here; no timer */
};

struct recipient {
	uint64_t session;
	uint64_t from; /* the source's run */
	uint8_t id[ID_BYTES], token[TOKEN_BYTES];
	enum recipient_state state;
	uint32_t epoch;
	bool secure;          /* it must come over TLS */
	bool swapped;         /* the client has said SWAP already */
	uint8_t reserved1[6]; /* 0 */
	uint64_t newcomer;    /* its client, from JOINED on */
	struct gw_client *shadow;
	struct gw_timer *timer;
	struct kept cut;  /* what the source did not execute */
	struct kept kept; /* what the new connection has brought since */
	struct hold hold;
	struct gw_sink *sink; /* into `hold` */
	struct snapshot snapshot;
	int64_t begun_ns;
	char *due; /* as above */
	UT_hash_handle by_session, by_id;
};

struct offender;

/** A move that has ended, of which others are still to hear. */
struct over {
	struct gw_call ended;
	uint64_t session, to;
	int64_t took_ns, gap_ns;
	struct over *next;
	enum gw_move_end end;
	char reason[REASON_MAX];
	uint8_t reserved[4]; /* 0 */
};

/*
 * The state, version 1. To change its layout, or that of what it points to: raise `.state_version`,
 * add a `migrate` that fills the new block from the old one, and keep a test that loads the old
 * version first.
 */
struct redirect_state {
	struct gw_self *self;
	struct gw_iface *client, *network, *link;
	struct gw_topic *may_move, *may_come, *ended;
	struct settings settings;
	struct source *sources;       /* by session */
	struct source *source_ids;    /* the same, by id */
	struct recipient *recipients; /* by session */
	struct recipient *recipient_ids;
	struct over *over;          /* utlist LL */
	struct offender *offenders; /* by address */
	struct gw_timer *forget;    /* runs while there are offenders */
	uint64_t counts[GW_MOVE_GONE + 1];
	uint64_t taken, refused_handovers;
	struct gw_histogram took, gap; /* of those done, at the source */
};

#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)
#define CLIENT(st, ...) GW_VIA((st)->client, gw_client_ops, __VA_ARGS__)
#define LINK(st, ...) GW_VIA((st)->link, gw_link_ops, __VA_ARGS__)

/* source.c */
int source_begin(struct redirect_state *st, struct gw_client *client, uint64_t to, bool by_client,
                 struct gw_call ended, struct gw_error *why);
struct source *source_of(struct redirect_state *st, uint64_t session);
/** NULL: no such attempt, or not with that server. */
struct source *source_by_id(struct redirect_state *st, const uint8_t id[ID_BYTES], uint64_t to);
/** A line of the server's own to the client's old connection, whatever holds its output. */
void source_say(struct redirect_state *st, const struct source *s, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** Back to HOME: the session goes on here as if nothing had happened. `tell`: the recipient does
 * not know yet. Frees it. */
void source_resume(struct redirect_state *st, struct source *s, enum gw_move_end end,
                   const char *reason, bool tell);
/** The same, from a turn of its own: inside of a notification nothing can be undone. */
void source_resume_later(struct redirect_state *st, struct source *s, enum gw_move_end end,
                         const char *reason);
/** The record ends; others hear how. */
void source_end(struct redirect_state *st, struct source *s, enum gw_move_end end,
                const char *reason);
void source_event(struct redirect_state *st, const struct gw_event *event);
void source_timer(struct redirect_state *st, struct source *s, int64_t after_ns);
gw_timer_fn source_late, source_due, source_settled, source_over;
gw_tap_line_fn source_line;
gw_tap_closed_fn source_closed;

/* freeze.c */
/** The client is at the recipient: keeps its input, and freezes as soon as nothing is open. */
void freeze_begin(struct redirect_state *st, struct source *s);
/** Something that it waits for has come. */
void freeze_try(struct redirect_state *st, struct source *s);
/** Both directions of the old connection are empty. */
void freeze_cut(struct redirect_state *st, struct source *s);
/** Servers are going out of sight: the vector must cover them, if it is not there yet. */
void freeze_split(struct redirect_state *st, struct source *s);
/** Undoes what was done since freeze_begin(). */
void freeze_thaw(struct redirect_state *st, struct source *s);
gw_sink_fn source_held;

/* recipient.c */
struct recipient *recipient_of(struct redirect_state *st, uint64_t session);
struct recipient *recipient_by_id(struct redirect_state *st, const uint8_t id[ID_BYTES]);
/** The attempt is over before the cut. `tell`: the source does not know yet. Frees it. */
void recipient_drop(struct redirect_state *st, struct recipient *r, const char *reason, bool tell);
void recipient_drop_later(struct redirect_state *st, struct recipient *r, const char *reason);
void recipient_free(struct redirect_state *st, struct recipient *r);
void recipient_event(struct redirect_state *st, const struct gw_event *event);
/** A newcomer proves that it is the client of an attempt; else it is closed. */
void recipient_handover(struct redirect_state *st, struct gw_client *newcomer, const char *id,
                        const char *proof);
gw_timer_fn recipient_late, recipient_due;
gw_tap_line_fn recipient_line;
gw_tap_closed_fn recipient_closed;
gw_sink_fn recipient_held;
gw_heard_fn recipient_unshown;

/* heir.c */
struct cut;
/** All of the session is here: it is at home here from now on. */
void heir_take(struct redirect_state *st, struct recipient *r, const struct cut *cut);
/** The client has left its old connection. */
void heir_swap(struct redirect_state *st, struct recipient *r);

/* snapshot.c */
/** The bytes are gw_free()d by the caller. Negative: it cannot be moved, with the reason. */
int snapshot_make(struct redirect_state *st, const struct gw_client *client, struct snapshot *out,
                  struct gw_error *why);
bool snapshot_same(const struct snapshot *a, const struct snapshot *b);
/** Makes the shadow, or changes it. Negative: something that the session uses is not here. */
int snapshot_take(struct redirect_state *st, struct recipient *r, const void *bytes, size_t n,
                  struct gw_error *why);
/** The part of it that the client module is given back at the end. */
void snapshot_carry(const struct snapshot *snapshot, struct gw_client_carry *out);
/** Whether the network's modes of the session mean something here. */
int snapshot_modes(struct redirect_state *st, const struct gw_session *session,
                   struct gw_error *why);

/* frames.c */
enum message {
	MESSAGE_NOTIFY = 1,
	MESSAGE_ACCEPT = 2,
	MESSAGE_UPDATE = 3,
	MESSAGE_ACK = 4,
	MESSAGE_COMPLETE = 5,
	MESSAGE_LINES = 6,
	MESSAGE_CUT = 7,
	MESSAGE_CANCEL = 8
};
struct notify {
	uint64_t session;
	uint32_t epoch;
	bool secure, loopback;
	const uint8_t *token;
	struct gw_blob snapshot;
};
struct door {
	char host[256], port[6], fingerprint[65];
};
struct cut {
	uint32_t epoch;
	struct gw_blob vector, snapshot; /* no snapshot: the last one holds */
	uint64_t command;
	int64_t idle_ms, owed_ms;
};
gw_frame_fn frames_input;
int send_notify(struct redirect_state *st, const struct source *s, const struct gw_client *client);
int send_accept(struct redirect_state *st, const struct recipient *r, const struct door *door);
int send_update(struct redirect_state *st, const struct source *s);
int send_ack(struct redirect_state *st, const struct recipient *r, uint64_t joined,
             uint32_t update);
int send_complete(struct redirect_state *st, const struct recipient *r);
int send_cut(struct redirect_state *st, const struct source *s, const struct cut *cut);
int send_cancel(struct redirect_state *st, const uint8_t id[ID_BYTES], uint64_t to,
                const char *reason);
/* What comes in; `from` is the other server's run. */
void source_accepted(struct redirect_state *st, struct source *s, const struct door *door);
void source_acked(struct redirect_state *st, struct source *s, uint64_t joined, uint32_t update);
void source_completed(struct redirect_state *st, struct source *s);
void recipient_notified(struct redirect_state *st, const uint8_t id[ID_BYTES],
                        const struct gw_node *from, const struct notify *notify);
void recipient_updated(struct redirect_state *st, struct recipient *r, uint32_t number,
                       struct gw_blob snapshot);

/* door.c */
/** -ENOENT: no listener here suits. */
int door_find(struct redirect_state *st, bool secure, bool loopback, struct door *out);

/* offenders.c */
bool offenders_blocked(struct redirect_state *st, const char *address);
void offenders_note(struct redirect_state *st, const char *address);
void offenders_free(struct redirect_state *st);
gw_timer_fn offenders_forget;

/* command.c */
gw_command_fn redirect_command;
/** Whether a parsed line is "REDIRECT WORD id". */
bool redirect_says(const struct gw_message *m, const char *word, const uint8_t id[ID_BYTES]);
gw_admin_fn redirect_list;

/* metrics.c */
gw_heard_fn redirect_metrics;

/* redirect.c */
/** By enum gw_move_end, as status and metrics call them. */
const char *redirect_end_name(size_t end);
/** Its software can be moved, and it is in a state for it. */
bool redirect_able(struct redirect_state *st, const struct gw_client *client);

#endif
