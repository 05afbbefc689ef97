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
 *     reauth.c    a new key for a link that is up
 *     verbs.c     godwit init, keygen, fingerprint
 *     servers.c   the servers of the services database: names, keys, addresses
 *     links.c     a link's life: born, ping, goodbye, two between the same servers
 *     frames.c    frames out of bytes, and back
 *     flow.c      acknowledgements; bounds; room for bulk
 *     route.c     where records and frames go on
 *     uplinks.c   whom to dial and when; spares; joining
 *     load.c      this server's load report
 *     admin_link.c, admin_server.c, map.c     the operators' commands
 *     link.c      descriptor, load and unload, options
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/conn.h>
#include <godwit/hash.h>
#include <godwit/link.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/services.h>

#define KEY_BYTES 32
#define KEYS_PER_SERVER 8

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
	char name[GW_SERVER_MAX + 1];
	struct known_key keys[KEYS_PER_SERVER]; /* the oldest first */
	size_t n_keys;
	char **addresses;
	size_t n_addresses;
	uint32_t weight;
	UT_hash_handle by_id, by_name;
};

struct link_state;

/** NULL: not there, or this name's claim belongs to another. */
struct known *known_by_name(struct link_state *st, const char *name);
struct known *known_by_id(struct link_state *st, struct gw_id id);
/** Live (listed, not revoked anywhere) and this server's. */
bool known_has_key(const struct known *known, const uint8_t pk[KEY_BYTES]);
/** The oldest live key, NULL if there is none. */
const struct known_key *known_oldest_key(const struct known *known);
const struct known_key *known_newest_key(const struct known *known);
/** Whether `address` (numeric) is one at which the database lists a server. */
bool known_lists_address(struct link_state *st, const char *address);
/** True once the table has been read from the database. */
bool known_ready(const struct link_state *st);

/* --- attempt.c --- */

struct attempt; /* a connection that is no link yet */

/** How an attempt of this server's ended: for uplinks.c. `code` is "ok" or E_... */
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

/** The handshake is over: the connection is the link's (which takes it over with gw_conn_own() before
 * it returns; what came behind the last frame of the handshake is its input). */
void link_born(struct link_state *st, struct gw_conn *conn, const struct proved *who);

/* --- uplinks.c --- */

/** The attempt that had this number has ended, or become a link ("ok"). */
attempt_ended_fn uplinks_ended;

/* --- reauth.c: the four frames of the handshake inside of control frames --- */

struct link;
/** A body of a control frame of re-authentication came. Not 0: a breach. */
int reauth_input(struct link_state *st, struct link *link, const uint8_t *p, size_t n,
                 struct gw_error *why);
/** The database or the key file has changed, or a minute has passed: links whose key is about to go
 * are proved anew. */
void reauth_look(struct link_state *st);

#endif
