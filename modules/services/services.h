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
 *     admin.c    services status, figures for status
 *     backup.c   the command backup
 */
#ifndef SERVICES_SERVICES_H
#define SERVICES_SERVICES_H

#include "cell.h"
#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/hash.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/module.h>
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
	CALL_CLAIMANTS
};

#define SLICE_BYTES ((size_t)64 << 10)      /* of a walk: one turn's work */
#define ENTITY_BYTES_MAX ((size_t)16 << 20) /* a longer entity is not read */

struct pending;
struct named;
struct request;

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
	VERB_CELLS, /* key: anything, val: cells in a row (cells_put()), each merged as by VERB_CELL;
	               fast when they come in the order of keys, and fastest behind the last one */
	VERB_ROUND, /* the same, but for cells that the vector covers; those of a file: val is the
	               number of bytes in it */
	VERB_VECTOR, /* key: anything, val: VECTOR_FRONT, entries: the vector rises to them. If it is
	                equal then, and the front says so, -EBADE unless count and digest fit */
	VERB_COLLECT, /* key: of the table tomb; val none: the tombstone goes for good */
	VERB_TRIM     /* key: clock, val: how many at most: clocks of the table own below it go */
};
#define VECTOR_FRONT (1 + 8 + DIGEST_BYTES) /* whether to compare; live count and digest */
gw_store_merge_fn merge;

/* --- start.c --- */

void start(struct services_state *state);
gw_store_rows_fn start_rows;
gw_committed_fn start_made;

/* --- commit.c --- */

int commit(void *services, const struct gw_write *writes, size_t n, struct gw_call done);
/** commit() with further operations of the start's behind; the stamp is the caller's. */
int commit_stamped(struct services_state *state, const struct gw_write *writes, size_t n,
                   struct gw_stamp stamp, const struct gw_store_op *meta, size_t n_meta,
                   struct gw_call done);
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
gw_store_rows_fn read_rows;
gw_store_rows_fn walk_rows;

/** A question to the store, until it is answered. */
struct request {
	uint64_t id;
	struct gw_call done;
	uint64_t claims_changed; /* find: as it was when this was asked */
	uint8_t name_n, name[NAME_PREFIX_MAX];
	uint8_t class;
	struct gw_id entity;
	size_t max_bytes;
	uint8_t *claims; /* read: names whose rows are read with the entity: length, prefix; find_shown:
	                    the digits; NULL: none */
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

/* --- admin.c --- */

/** Reads the figures anew, once at a time. */
void figures_refresh(struct services_state *state);
gw_store_rows_fn figures_rows;
gw_admin_fn admin_status;
gw_store_rows_fn admin_status_rows;
gw_heard_fn admin_status_topic;
gw_admin_fn admin_backup;
gw_store_done_fn admin_backup_stored;
gw_job_run_fn admin_backup_run;
gw_job_done_fn admin_backup_done;

#endif
