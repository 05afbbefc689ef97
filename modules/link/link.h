/*
 * link.h - the parts of the module link, and what they need of each other.
 *
 * From bytes to a link: attempt.c has the connection until the handshake (handshake.c, seal.c,
 * pure) has proved the other side; links.c has it from then on.
 *
 *     key.c       public keys as text, fingerprints, words; pure
 *     keyfile.c   keys/link.key: written, read, refused
 *     seal.c      sealed boxes; pure
 *     handshake.c the four frames and what each side expects; pure, no clock, no connection
 *     attempt.c   connections that are no links yet: deadlines, one line of log for each end
 *     limits.c    how many attempts there may be
 *     handshakes.c  what these share: own keys, decoy, options, counters (struct handshakes)
 *     reauth.c    a new key for a link that is up
 *     verbs.c     godwit init, keygen, fingerprint
 *     servers.c   the servers of the services database: names, keys, addresses
 *     links.c     a link's life: born, ping, goodbye, two between the same servers
 *     frames.c    frames out of bytes, and back
 *     flow.c      acknowledgements; bounds; room for bulk
 *     route.c     where records and frames go on
 *     uplinks.c   whom to dial and when; spares; joining
 *     turn.c      a neighbour leaves: another takes its place
 *     leave.c     this server leaves: its neighbours are linked with each other first
 *     admin_link.c, admin_server.c, map.c     the operators' commands
 *     link.c      descriptor, load and unload, options
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include "handshakes.h"

#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/conn.h>
#include <godwit/hash.h>
#include <godwit/link.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/metrics.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/services.h>
#include <godwit/verb.h>

#define KEYS_PER_SERVER 8
#define ADDRESSES_PER_SERVER 8
#define ADDRESS_MAX 299 /* bytes of "HOST:PORT" */

/** What a neighbour of a server that leaves, or that one, is to the turn that is under way. */
enum turn_role {
	TURN_NONE,
	TURN_LEAVER, /* M: leave.c */
	TURN_KEEPER, /* A: B comes behind the link with it */
	TURN_MOVED   /* B */
};
enum turn_stage {
	STAGE_ASKED,  /* M: has asked A */
	STAGE_SENT,   /* M: has asked B. A, B: have agreed, and wait for their link */
	STAGE_AGREED, /* M: waits for their link */
	STAGE_PARTED, /* M: B sends nothing more. B: sends by A, and hears by M */
	STAGE_TURNED  /* A: has B behind the new link. M: too; waits for the end of the old one */
};

/** One at a time, whatever the role. */
struct turn {
	uint64_t id;
	struct gw_relink spec;
	struct gw_id peer; /* A, B: who is at the other end of the new link */
	uint64_t old_link; /* between M and B; at A: between M and A */
	uint64_t new_link; /* between A and B, 0: not yet; at M: between M and A */
	uint64_t dial;     /* the attempt under way, 0: none */
	uint32_t address;  /* which one of the other's it is */
	uint8_t role;      /* enum turn_role */
	uint8_t stage;     /* enum turn_stage */
	bool accepted;     /* READY was said */
	bool ready;        /* and heard */
	int64_t until_ns;
};

#define PAIRS_MAX 64

/** This server leaves. */
struct leave {
	struct gw_call said;
	bool on, over;
	uint8_t reserved[2]; /* 0 */
	uint32_t n_tried;
	struct {
		uint64_t keeper, moved; /* links; moved 0: whoever it is */
	} tried[PAIRS_MAX];             /* in vain */
	int64_t again_ns;               /* somebody is busy until then */
	int64_t since_ns;               /* when this pair was asked first */
};

struct link;
struct revoked;
struct uplink;
struct request;

/** What the options say, in the units of use. */
struct link_settings {
	int64_t ping_ns, silence_ns, stall_ns;
	int64_t retry_least_ns, retry_most_ns;
	uint32_t soft, hard;
};

/**
 * The state, version 1. Of it handshakes.c, attempt.c, limits.c, reauth.c and verbs.c use `self`,
 * `network` and `hs`, and nothing else.
 */
struct link_state {
	struct gw_self *self;
	struct gw_iface *services, *network;
	struct gw_iface *client, *replica; /* may be without a provider */
	struct gw_topic *up, *down, *room, *servers;
	struct handshakes hs;
	struct link_settings settings;

	/* servers.c */
	struct known *known_ids, *known_names;
	struct revoked *revoked;  /* by fingerprint */
	struct gw_timer *reading; /* a walk that could not begin */
	uint64_t walk;            /* number of the last walk */
	struct gw_id network_id;  /* the network's own entity; none: not found */
	bool walking, walk_again, known_read, own_committing, own_warned;
	bool stopping;       /* nothing comes up any more */
	uint8_t reserved[2]; /* 0 */

	/* links.c, flow.c, route.c */
	struct link *links; /* by id, the oldest first */
	uint64_t last_link;
	struct gw_timer *tick;                /* once a second while there is a link */
	struct frame_call *frames;            /* rows of "link.kind", by kind */
	uint64_t ups, downs[GW_BYE_DONE + 1]; /* by enum gw_goodbye; 0: none, or another */
	uint64_t bytes_sent, bytes_received;  /* of frames, by links that have ended */
	uint64_t records_refused;

	/* uplinks.c */
	struct uplink *uplinks; /* by name */
	struct gw_timer *dialling;
	uint64_t last_dial;
	struct uplink *join; /* of a server that is new here; not in `uplinks` */

	/* turn.c, leave.c */
	struct turn turn;
	struct leave leave;
	struct gw_timer *turning;

	/* admin_server.c */
	struct request *requests;
	struct gw_timer *everywhere;
	uint64_t last_request;
};

/* --- servers.c: what the services database says of servers --- */

struct known_key {
	uint8_t pk[KEY_BYTES];
	struct gw_stamp since; /* of its cell: the oldest live key comes first */
	bool revoked;
	uint8_t reserved[7]; /* 0 */
};

/** A server of the services database, as long as it lives there. */
struct known {
	struct gw_id id;
	char name[GW_SERVER_MAX + 1], folded[GW_SERVER_MAX + 1];
	struct gw_stamp claim;                  /* of the name: the earliest has it */
	struct known_key keys[KEYS_PER_SERVER]; /* the oldest first */
	size_t n_keys;
	char *addresses[ADDRESSES_PER_SERVER];
	uint32_t numbers[ADDRESSES_PER_SERVER]; /* of the addresses: the subs of their cells */
	size_t n_addresses;
	uint32_t weight;
	uint32_t reserved; /* 0 */
	uint64_t seen;     /* number of the walk that found it last */
	UT_hash_handle by_id, by_name;
};

/** NULL: not there, or this name's claim belongs to another. */
struct known *known_by_name(struct link_state *st, const char *name);
struct known *known_by_id(struct link_state *st, struct gw_id id);
/** Live (listed, not revoked anywhere) and this server's. */
bool known_has_key(const struct known *known, const uint8_t pk[KEY_BYTES]);
/** The oldest live key, NULL if there is none. */
const struct known_key *known_oldest_key(const struct known *known);
const struct known_key *known_newest_key(const struct known *known);
/** Of KEYS_PER_SERVER keys the one that makes room for another; NULL: all are live. */
const struct known_key *known_oldest_revoked(const struct known *known);
/** Whether `address` (numeric) is one at which the database lists a server. */
bool known_lists_address(struct link_state *st, const char *address);
/** True once the table has been read from the database. */
bool known_ready(const struct link_state *st);
/** This server's own entry, NULL while it has none. */
struct known *known_own(struct link_state *st);
/** Whether any server's `keyrev` names the key. */
bool known_revoked(struct link_state *st, const uint8_t pk[KEY_BYTES]);
/** The living server that lists the key, whether or not it is revoked; NULL: none. */
struct known *known_of_key(struct link_state *st, const uint8_t pk[KEY_BYTES]);
/** Reads the table from the database, again if need be. */
void servers_read(struct link_state *st);
void servers_free(struct link_state *st);
gw_walk_fn servers_walk;
gw_entity_fn servers_entity;
gw_timer_fn servers_retry;
gw_heard_fn servers_changed, servers_membership;
gw_committed_fn servers_own_committed;

/* --- attempt.c --- */

struct attempt; /* a connection that is no link yet */

/** How an attempt of this server's ended: for uplinks.c. `code` is "ok" or E_..., `sentence` says
 * the same for people ("" for ok). */
typedef void attempt_ended_fn(struct link_state *st, uint64_t dial, const char *code,
                              const char *sentence);

/** Dials; `to` NULL: a join, by `pin` alone. `dial` comes back in uplinks_ended(). */
void attempt_dial(struct link_state *st, uint64_t dial, const char *address, const struct known *to,
                  const uint8_t pin[KEY_BYTES]);
void attempts_cancel(struct link_state *st, uint64_t dial);
/** The row of "core.protocol". */
gw_accept_fn attempt_accept;
/** A server was removed, or a key revoked: attempts that rest on it end. */
void attempts_recheck(struct link_state *st);
void attempts_free(struct link_state *st);

/** Rows of `.calls` that attempts name. */
gw_conn_ready_fn attempt_ready;
gw_conn_bytes_fn attempt_bytes;
gw_conn_drained_fn attempt_drained;
gw_conn_closed_fn attempt_closed;
gw_timer_fn attempt_deadline;

/* --- links.c --- */

/** Who is at the other end, as the handshake has proved it. */
struct proved {
	char name[GW_SERVER_MAX + 1];
	uint8_t key[KEY_BYTES];     /* of the other side: the link rests on it */
	uint8_t own_key[KEY_BYTES]; /* of this side */
	uint8_t binding[32];
	bool source;  /* this server has dialled */
	bool joining; /* this server joins by this link: `name` is what the other side said */
	uint8_t reserved[6]; /* 0 */
	uint64_t dial;       /* of attempt_dial() */
};

/** The handshake is over: the connection is the link's (which takes it over with gw_conn_own()
 * before it returns; what came behind the last frame of the handshake is its input). */
void link_born(struct link_state *st, struct gw_conn *conn, const struct proved *who);

/* --- uplinks.c --- */

/** The attempt that had this number has ended, or become a link ("ok"). */
attempt_ended_fn uplinks_ended;

/* --- links.c, for reauth.c --- */

/** All links; `after` NULL starts, NULL ends. */
struct link *links_next(struct link_state *st, struct link *after);
const struct proved *link_who(const struct link *link);
struct reauth;
/** reauth.c's place in the link, NULL at first; links.c calls reauth_free() when the link ends. */
struct reauth **link_reauth(struct link *link);
/** Sends a control frame with a body of re-authentication. */
void link_control_reauth(struct link_state *st, struct link *link, const uint8_t *p, size_t n);
/** From now on the link rests on these keys. */
void link_rest_on(struct link_state *st, struct link *link, const uint8_t own_key[KEY_BYTES],
                  const uint8_t peer_key[KEY_BYTES]);

/* --- reauth.c: the four frames of the handshake inside of control frames --- */

/** A body of a control frame of re-authentication came. Not 0: a breach. */
int reauth_input(struct link_state *st, struct link *link, const uint8_t *p, size_t n,
                 struct gw_error *why);
/** The database or the key file has changed: links that rest on another key of this server than its
 * newest are proved anew. */
void reauth_look(struct link_state *st);
void reauth_free(struct link_state *st, struct link *link);
gw_timer_fn reauth_tick; /* row of `.calls` */

/* --- handshakes.c --- */

/** Reads keys/link.key, makes it if there is none; reads the options. A refused file is the
 * sentence. */
int handshakes_load(struct link_state *st, enum gw_load why, struct gw_error *err);
/** For GW_UNLOAD_LAST; ends all attempts. */
void handshakes_unload(struct link_state *st);
void handshakes_rehash(struct link_state *st);
/** Adds link-attempts.CODE. */
void handshakes_status(struct link_state *st, struct gw_status *status);
/** Row of `.calls`, once a minute while there is something to forget or to count. */
gw_timer_fn handshakes_tick;
/** The public key of link.key: what this server lists for itself. Never NULL once loaded. */
const uint8_t *own_key(const struct link_state *st);
/** The table of servers has changed: attempts, re-authentication, link.key.next becomes link.key.
 * Calls attempts_recheck() and reauth_look(). */
void handshakes_servers_changed(struct link_state *st);

/* --- verbs.c --- */

gw_verb_fn verb_init, verb_keygen, verb_fingerprint;
/** Started by `godwit init`: once this server is listed with its key, says so and stops. Called
 * when the table of servers has changed. */
void verbs_init_look(struct link_state *st);

/* --- link.c --- */

/** A line of log, and a notice to all operators of the network (where there is one). */
void link_tell_operators(struct link_state *st, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Rows of `.calls`; new ones at the end. */
enum link_call {
	CALL_NONE,
	CALL_ATTEMPT_ACCEPT,
	CALL_ATTEMPT_READY,
	CALL_ATTEMPT_BYTES,
	CALL_ATTEMPT_DRAINED,
	CALL_ATTEMPT_CLOSED,
	CALL_ATTEMPT_DEADLINE,
	CALL_HANDSHAKES_TICK,
	CALL_VERB_INIT,
	CALL_VERB_KEYGEN,
	CALL_VERB_FINGERPRINT,
	CALL_SERVERS_WALK,
	CALL_SERVER_READ,
	CALL_SERVERS_RETRY,
	CALL_SERVICES_CHANGED,
	CALL_MEMBERSHIP,
	CALL_OWN_COMMITTED,
	CALL_LINK_BYTES,
	CALL_LINK_DRAINED,
	CALL_LINK_CLOSED,
	CALL_LINK_TICK,
	CALL_RECORD,
	CALL_CLIENT_GONE,
	CALL_FRAME_ROWS,
	CALL_UPLINKS_TICK,
	CALL_REHASHED,
	CALL_READY,
	CALL_STOPPING,
	CALL_STATUS,
	CALL_COMMITTED,
	CALL_EVERYWHERE_TICK,
	CALL_SERVER_ADD,
	CALL_SERVER_LIST,
	CALL_SERVER_JOINLINE,
	CALL_SERVER_REMOVE,
	CALL_KEY_ADD,
	CALL_KEY_REVOKE,
	CALL_ADDRESS_ADD,
	CALL_ADDRESS_REMOVE,
	CALL_SERVER_WEIGHT,
	CALL_LINK_LIST,
	CALL_LINK_CONNECT,
	CALL_LINK_DISCONNECT,
	CALL_MAP,
	CALL_REAUTH_TICK,
	CALL_UNLOADED,
	CALL_TURN_TICK,
	CALL_METRICS
};

#endif
