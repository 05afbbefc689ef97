/*
 * services/services.h - the parts of the module services.
 *
 *     cell.c     bytes of a cell: key, header, form; what follows from one (log, name, ref, digest)
 *     merge.c    on the write lane: the only code that writes the tables
 *     start.c    reads the meta table, makes a network of one at the first start
 *     commit.c   builds a transaction's batch, completes it, tells who listens
 *     find.c     owner of a name: cache, filter, store
 *     filter.c   a Bloom filter over all claimed names
 *     read.c     entities, one or all of a class
 *     shown.c    names that two claim: who is shown how, and who is meant by it
 *     expire.c   deletes what expired an hour ago, tidies what points to a dropped account
 *     own.c      numbers of third parties' fields
 *     admin.c    services status, figures for status
 *     backup.c   the command backup
 *     form.h     the readable form of the database
 *     export.c, import.h   services export, services import
 *     members.c  servers and lives of their databases
 *     peer.h     says which files exchange the database with other servers
 *     admin_replica.c  services expire, services adopt, the peers in services status
 */
#ifndef SERVICES_SERVICES_H
#define SERVICES_SERVICES_H

#include "cell.h"
#include "vector.h"
#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/hash.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/metrics.h>
#include <godwit/module.h>
#include <godwit/replica.h>
#include <godwit/services.h>

/** Rows of the module's `.calls`; new ones at the end. */
enum services_call {
	CALL_MERGE,
	CALL_STARTED,
	CALL_MADE,
	CALL_COMMITTED,
	CALL_FOUND,
	CALL_FILTER_ROWS,
	CALL_ENTITY_ROWS,
	CALL_WALK_ROWS,
	CALL_EXPIRE,
	CALL_EXPIRE_ENTITY,
	CALL_EXPIRE_DONE,
	CALL_REFS,
	CALL_FIGURES,
	CALL_STATUS_COMMAND,
	CALL_STATUS_ROWS,
	CALL_STATUS_TOPIC,
	CALL_BACKUP_COMMAND,
	CALL_BACKUP_STORED,
	CALL_BACKUP_RUN,
	CALL_BACKUP_DONE,
	CALL_TIDIED,
	CALL_SHOWN,
	CALL_CLAIMANTS,
	CALL_PEERS_GONE,
	CALL_HELLO_OWN,
	CALL_SLICE,
	CALL_ROUND_WRITE,
	CALL_ROUND_WRITTEN,
	CALL_ROUND_DONE,
	CALL_ROUND_RETRY,
	CALL_TELL,
	CALL_TELL_READ,
	CALL_TELL_PIECE,
	CALL_TELL_REFS,
	CALL_COPIES,
	CALL_ACK,
	CALL_ACK_WRITTEN,
	CALL_COLLECT,
	CALL_TOMBS,
	CALL_COLLECTED,
	CALL_TRIMMED,
	CALL_MEMBERS,
	CALL_MEMBER,
	CALL_EXPIRE_COMMAND,
	CALL_EXPIRED,
	CALL_ADOPT_COMMAND,
	CALL_ADOPTED,
	CALL_LOST,
	CALL_GIVE_PINNED,
	CALL_GIVE_ROWS,
	CALL_TAKE_META,
	CALL_TAKE_DISCARDED,
	CALL_TAKE_FIRST,
	CALL_TAKE_STORED,
	CALL_TAKE_ENDED,
	CALL_TAKE_MADE,
	CALL_VERIFY_ROWS,
	CALL_INDEX_ROWS,
	CALL_INDEX_SORT_RUN,
	CALL_INDEX_SORTED,
	CALL_INDEX_MERGE_RUN,
	CALL_INDEX_MERGED,
	CALL_INDEX_STORED,
	CALL_ASIDE,
	CALL_SALVAGE,
	CALL_SALVAGE_META,
	CALL_SALVAGE_NETWORK,
	CALL_SALVAGE_OLD,
	CALL_SALVAGE_ROWS,
	CALL_SALVAGE_GIVEN,
	CALL_EXPORT_COMMAND,
	CALL_EXPORT_NAMES,
	CALL_EXPORT_EACH,
	CALL_EXPORT_RUN,
	CALL_EXPORT_WRITTEN,
	CALL_IMPORT_COMMAND,
	CALL_IMPORT_RUN,
	CALL_IMPORT_READ,
	CALL_IMPORT_TURN,
	CALL_IMPORT_OWNER,
	CALL_IMPORT_CLAIMANT,
	CALL_IMPORT_ACCOUNT,
	CALL_IMPORT_EACH,
	CALL_IMPORT_DONE,
	CALL_METRICS,
	CALL_IMPORT_CLEAR
};

#define SCHEMA 1

#define SLICE_BYTES ((size_t)64 << 10)      /* of a walk: one turn's work */
#define ENTITY_BYTES_MAX ((size_t)16 << 20) /* a longer entity is not read */

struct pending;
struct named;
struct request;
struct peer;
struct refusals;
struct round;
struct merging;
struct kept;
struct telling;
struct dead_account;
struct export;
struct import;
struct copy;
struct member;
struct server;

/** The figures of the meta table, as of the last commit that was told. */
struct figures {
	uint64_t cells;
	uint8_t digest[DIGEST_BYTES];
	uint64_t entities[256]; /* living ones, by class */
};

/** Counts bits of the names that may be claimed; what it denies is not. */
struct filter {
	uint64_t *words;
	uint64_t n_bits;     /* a power of two */
	uint64_t held, room; /* names added; how many it is made for */
};

struct services_state {
	struct gw_self *self;
	struct gw_iface *store;
	struct gw_topic *changed;

	/* start.c; `origin` is 0 until the meta table has been read */
	uint64_t origin;
	struct gw_id server; /* this server's own S entity */
	struct gw_id life;   /* the O entity of `origin` */
	enum gw_membership membership;
	enum gw_membership found; /* what it becomes when the rest is read */
	struct gw_topic *membership_changed, *first;
	struct vector vector; /* what is applied and durable, as far as it was told */
	struct vector floor;  /* of each origin the highest clock that was collected */
	uint64_t last_issued; /* the highest clock that may have been given to anybody */
	uint64_t trimmed;     /* clocks of this origin up to here are not kept any more */

	/* members.c */
	struct member *members; /* by life */
	struct server *servers; /* by id */

	/* peer.c */
	struct peer *peers; /* by link */
	struct peer *gone;
	struct refusals *refusals; /* by server */
	uint8_t *scratch;          /* for the message at hand */

	/* round_take.c, round_file.c, tell.c */
	struct round *rounds;
	struct merging *merging;
	struct kept *kept;
	struct telling *telling;
	struct dead_account *dead;
	uint64_t last_round, n_dead;
	struct gw_timer *round_retry, *tell_timer, *dead_timer;

	/* join_take.c: how often what came was wrong */
	uint64_t joins_wrong;
	/* salvage.c; NULL: nothing is being read */
	struct salvage *salvage;
	struct gw_timer *salvage_timer;
	/* set_aside.c */
	struct gw_call aside;
	bool setting_aside;
	uint8_t reserved4[7]; /* 0 */

	/* acks.c, collect.c */
	struct copy *copies;
	uint64_t n_copies;
	struct gw_timer *copies_timer, *ack_timer, *collect_timer;
	int64_t warned_ns;
	bool to_acknowledge; /* something but acknowledgements was applied since the last one */
	bool collecting;
	uint8_t reserved2[6]; /* 0 */

	/* commit.c */
	struct pending *pending; /* by id: batches that the store has */
	uint64_t last_pending;
	int64_t complained_ns; /* of the clock, last */

	/* find.c */
	struct named *names;     /* the cache, least recently used first */
	uint64_t claims_changed; /* rises when a commit has changed claims: an answer read before it
	                            is not kept */
	struct filter filter, growing;
	bool filter_ready, filter_walking;
	bool filter_again;    /* what it walks over has changed: from the start */
	uint8_t reserved3[5]; /* 0 */

	/* read.c, find.c: what the store is asked for */
	struct request *requests;
	uint64_t last_request;

	/* expire.c */
	struct gw_timer *expiry;

	/* admin.c */
	struct figures figures;
	bool figures_read, figures_stale; /* a read is under way; another is due after it */
	struct gw_admin_request *backup;
	char *backup_path;

	/* export.c, import.h; NULL: none is under way */
	struct export *export;
	struct import *import;
	struct import *cleared; /* those that are over and are being given back */

	/* own.c */
	struct own_field *own_fields; /* by number */
};

/** Between the call and its answer there may be a reload, so what is called is always named by its
 * row. */
static inline int store_read(struct services_state *state, const struct gw_store_range *ranges,
                             size_t n, size_t max_bytes, uint32_t row, uint64_t tag)
{
	return GW_VIA(state->store, gw_store_ops, read, ranges, n, max_bytes,
	              gw_call(state->self, row, tag));
}

/* --- merge.c --- */

/** What a GW_STORE_MERGE operation asks for: its `version`. Those that may refuse come first in a
 * batch. */
enum verb {
	VERB_LIVING, /* key: entity. -ENOENT unless it lives */
	VERB_FREE,   /* key: name prefix, val: entity. -EEXIST if another living entity claims the
	                name */
	VERB_ROOM,  /* key: cell of a set, val: bytes of the sub that name the set, limit. -E2BIG if
	               it is full */
	VERB_CELL,  /* key, val: a cell as it is stored */
	VERB_CLAIM, /* the same, made here: the claim in the value keeps its stamp if the entity has
	               it already */
	VERB_ISSUE, /* key: origin, val: clock: a transaction of this server is in the batch */
	VERB_META,  /* key: string, val: bytes; none: the row goes */
	VERB_CELLS, /* key: anything, val: cells in a row (cells_put()), each merged as by
	               VERB_CELL; fast when they come in the order of keys, and fastest behind the
	               last one */
	VERB_ROUND, /* the same, but for cells that the vector covers; those of a file: val is the
	               number of bytes in it */
	VERB_VECTOR,  /* key: anything, val: VECTOR_FRONT, entries: the vector rises to them. If it
	                 is  equal then, and the front says so, -EBADE unless count and digest fit */
	VERB_COLLECT, /* key: of the table tomb; val none: the tombstone goes for good */
	VERB_TRIM,    /* key: clock, val: how many at most: clocks of the table own below it go */
	VERB_IMAGE,  /* key: anything, val: cells in a row, stored as they are, without what follows
	                from them (index.c) */
	VERB_ROWS,   /* key: anything, val: rows of the operation's table (pile.h) */
	VERB_SALVAGE /* key, val: SALVAGE_FRONT, a cell of a database that was set aside */
};
#define VECTOR_FRONT (1 + 8 + DIGEST_BYTES) /* whether to compare; live count and digest */
gw_store_merge_fn merge;

/* --- start.c --- */

/** Reads the meta table and the vector; also anew, after a join or a wipe. */
void start(struct services_state *state);
gw_store_rows_fn start_rows;
/** Tag: 0 a network of one was made, 1 a new life was begun. */
gw_committed_fn start_made;
gw_store_done_fn start_lost;
/** Servers and lives are read: the database can be used. */
void start_members(struct services_state *state);
/** What the database is from now on; told to who listens. */
void membership_set(struct services_state *state, enum gw_membership membership);
/** It must join again, and takes no writes, also after a restart. Peers are refused. */
void membership_lose(struct services_state *state, const char *why);
/** A new origin and life for this server; `dead` (n of them) are the lives that end. */
int life_begin(struct services_state *state, const struct gw_id *dead, size_t n,
               struct gw_call done);

/* --- commit.c --- */

int commit(void *services, const struct gw_write *writes, size_t n, struct gw_call done);
/** commit() with further operations of the start's behind; the stamp is the caller's. */
int commit_stamped(struct services_state *state, const struct gw_write *writes, size_t n,
                   struct gw_stamp stamp, const struct gw_store_op *meta, size_t n_meta,
                   struct gw_call done);
/** commit() with claims whose order is that of `writes`; `made_out`: what it makes. */
int commit_in_order(struct services_state *state, const struct gw_write *writes, size_t n,
                    struct gw_call done, struct gw_id *made_out);
gw_store_done_fn commit_done;
void pending_drop_all(struct services_state *state);

/* --- find.c --- */

int find(void *services, enum gw_namespace ns, const void *folded, size_t n,
         struct gw_owner *owner_out, struct gw_call done);
int fold(void *services, const char *name, char folded_out[GW_NAME_MAX + 1]);
gw_store_rows_fn find_rows;
/** What the cache says of a name: 0 or -ENOENT, the owner, and shown_digits(); -EAGAIN: nothing. */
int find_cached(struct services_state *state, const uint8_t *name, size_t n,
                struct gw_owner *owner_out, unsigned *digits_out);
/** The first key behind all that begin with `prefix` (which does not consist of 0xff only). */
struct gw_blob find_behind(const uint8_t *prefix, size_t n, uint8_t out[NAME_PREFIX_MAX]);
/** Owner and claim in a row of a name, whose prefix has `name_n` bytes. -EILSEQ. */
int find_owner(size_t name_n, const struct gw_store_row *row, struct gw_owner *out);
/** The name is about to be claimed: no longer denied. */
void find_claimed(struct services_state *state, struct gw_blob name);
/** The owner may have changed. */
void find_forget(struct services_state *state, struct gw_blob name);
/** Much has changed: of no name is anything known. */
void find_forget_all(struct services_state *state);
/** The entity died: its names have other owners. */
void find_forget_entity(struct services_state *state, uint8_t class, struct gw_id id);
/** Begins to build the filter, by a walk over all names. */
void find_build_filter(struct services_state *state);
gw_store_rows_fn find_filter_rows;
void find_drop_all(struct services_state *state);

/* --- filter.c --- */

void filter_init(struct gw_self *self, struct filter *filter, uint64_t room);
void filter_fini(struct gw_self *self, struct filter *filter);
void filter_add(struct gw_self *self, struct filter *filter, struct gw_blob name);
bool filter_may_hold(struct gw_self *self, const struct filter *filter, struct gw_blob name);

/* --- read.c --- */

int read_entity(void *services, uint8_t class, struct gw_id id, struct gw_call done);
int walk(void *services, uint8_t class, struct gw_call each);
/** A walk over the store's image, which the export holds. */
int walk_image(struct services_state *state, uint8_t class, struct gw_call each);
/** Goes on with one that export_holds() has stopped. */
void walk_resume(struct services_state *state, uint64_t id);
gw_store_rows_fn read_rows;
gw_store_rows_fn walk_rows;

/** A question to the store, until it is answered. */
struct request {
	uint64_t id;
	struct gw_call done;
	uint64_t claims_changed; /* find: as it was when this was asked */
	uint8_t name_n, name[NAME_PREFIX_MAX];
	uint8_t class;
	bool image; /* walk: of the store's image */
	struct gw_id entity;
	size_t max_bytes;
	uint8_t *claims; /* read: names whose rows are read with the entity: length, prefix;
	                    find_shown: the digits; NULL: none */
	size_t n_claims;
	uint8_t from_n, from[NAME_KEY_MAX + 1]; /* walks: where the next slice begins */
	UT_hash_handle hh;
};
struct request *request_new(struct services_state *state, struct gw_call done);
struct request *request_find(struct services_state *state, uint64_t id);
void request_free(struct services_state *state, struct request *request);
void request_drop_all(struct services_state *state);

/* --- shown.c --- */

/** How many digits tell the claimants of a name apart; `rows` are all rows of one name. */
unsigned shown_digits(const struct gw_store_row *rows, size_t n);
/** What was read for a request: its cells, and behind them the rows of the names that it asked for.
 */
struct shown_rows {
	const struct request *request;
	const struct gw_store_row *rows;
	size_t n;
};
/** Fills the cells' `beaten` and the entity's `shown` (into `room`) from the name rows that were
 * read with it, or from the cache. -EAGAIN: a name is in neither. */
int shown_resolve(struct services_state *state, const struct shown_rows *in, struct gw_cell *cells,
                  struct gw_entity *entity, char room[GW_NAME_MAX + 1]);
/** Has the names that the entity claims read with it from now on. */
void shown_ask(struct services_state *state, struct request *request,
               const struct gw_entity *entity);
int find_shown(void *services, enum gw_namespace ns, const void *folded, size_t n,
               struct gw_owner *owner_out, struct gw_call done);
int claimants(void *services, enum gw_namespace ns, const void *folded, size_t n,
              struct gw_call each);
void lesser(void *services, const char *name, const void *id, size_t id_len, size_t max,
            char out[GW_NAME_MAX + 1]);
gw_store_rows_fn shown_rows, claimants_rows;

/* --- expire.c --- */

void expire_start(struct services_state *state);
gw_timer_fn expire_tick;
gw_walk_fn expire_entity;
gw_committed_fn expire_done;
/** An account died: cells of others that name it are deleted. */
void expire_refs(struct services_state *state, struct gw_id account);
gw_store_rows_fn expire_refs_rows;
gw_committed_fn expire_tidied;

/* --- own.c --- */

int own_field(void *services, const char *name, uint16_t *field_out, struct gw_error *err);
void own_drop_all(struct services_state *state);

/* --- admin_replica.c --- */

gw_admin_fn admin_expire, admin_adopt;
gw_committed_fn admin_expired, admin_adopted;
/** Rows of `services status`. */
void admin_say_peers(struct services_state *state, struct gw_admin_request *req);
/** Links whose peer is settled, of how many: "2/3". */
void admin_settled(struct services_state *state, char out[32]);

/* --- admin.c --- */

/** Reads the figures anew, once at a time. */
void figures_refresh(struct services_state *state);
gw_store_rows_fn figures_rows;
gw_admin_fn admin_status;
gw_store_rows_fn admin_status_rows;
gw_heard_fn admin_status_topic;
/* --- metrics.c --- */
gw_heard_fn services_metrics;
gw_admin_fn admin_backup;
gw_store_done_fn admin_backup_stored;
gw_job_run_fn admin_backup_run;
gw_job_done_fn admin_backup_done;

/* --- export.c --- */

/** A file within the state directory, of a command: its path, or NULL and a sentence. */
char *export_path(struct services_state *state, const char *name, const char **why_out);
/** Whether too much waits to be written: then the walk is resumed later. */
bool export_holds(struct services_state *state, uint64_t walk);
void export_drop(struct services_state *state);
gw_admin_fn export_command;
gw_store_rows_fn export_names;
gw_walk_fn export_each;
gw_job_run_fn export_run;
gw_job_done_fn export_written;

#endif
