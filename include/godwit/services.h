/*
 * godwit/services.h - the services database: the interface "services" 1.1.
 *
 * What outlives connections: accounts, registered channels, bans, operators, servers. It is a map
 * of small cells: one field of one entity, or one element of a set. An entity has an id that is
 * never used again; nothing is identified by a name. Names (accounts, nicks, channels, mail,
 * certificates) are claims, cells of their entity; a name's owner is the living entity with the
 * earliest claim. Of two versions of a cell the greater (rank, clock, origin) wins. Deleting an
 * entity is final.
 *
 * Reads are answered at once from memory when they can be, else by a call in a later turn. Commits
 * complete when they are durable.
 */
#ifndef GODWIT_SERVICES_H
#define GODWIT_SERVICES_H

#include <godwit/call.h>
#include <godwit/error.h>
#include <godwit/store.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/** A clock (milliseconds << 16 | counter) and who drew it: the order of everything in here. */
struct gw_stamp {
	uint64_t clock, origin;
};

/** Negative, 0 or positive: `a` is earlier, the same, later. */
static inline int gw_stamp_cmp(struct gw_stamp a, struct gw_stamp b)
{
	if (a.clock != b.clock)
		return a.clock < b.clock ? -1 : 1;
	return a.origin < b.origin ? -1 : a.origin > b.origin;
}

/** An entity's id: the stamp of the transaction that made it. All zero: none. */
struct gw_id {
	uint64_t clock, origin;
};

/** Whether both are the same entity. */
static inline bool gw_id_is(struct gw_id a, struct gw_id b)
{
	return a.clock == b.clock && a.origin == b.origin;
}

/** Whether it names nothing. */
static inline bool gw_id_none(struct gw_id id)
{
	return id.clock == 0;
}

/** An id as it stands in a sub, and as one part in a value. */
static inline void gw_id_bytes(struct gw_id id, uint8_t out[16])
{
	for (int i = 0; i < 8; i++) {
		out[i] = (uint8_t)(id.clock >> (56 - 8 * i));
		out[8 + i] = (uint8_t)(id.origin >> (56 - 8 * i));
	}
}

/** None, unless there are 16 bytes. */
static inline struct gw_id gw_id_from(struct gw_blob bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	struct gw_id id = {0, 0};

	for (int i = 0; bytes.n == 16 && i < 8; i++) {
		id.clock = (id.clock << 8) | p[i];
		id.origin = (id.origin << 8) | p[8 + i];
	}
	return id;
}

/** The digits of "name~digits", by which the loser of a name is shown: `n` of them (at most 12) and
 * a NUL, five bits each from the top of `bits`. */
static inline void gw_lesser_digits(uint64_t bits, unsigned n, char *out)
{
	for (unsigned i = 0; i < n; i++) {
		out[i] = "abcdefghijklmnopqrstuvwxyz234567"[bits >> 59];
		bits <<= 5;
	}
	out[n] = '\0';
}

/** What an entity is. */
enum gw_class {
	GW_CLASS_ACCOUNT = 'A',
	GW_CLASS_CHANNEL = 'C',
	GW_CLASS_SERVER = 'S',
	GW_CLASS_ORIGIN = 'O',
	GW_CLASS_BAN = 'B',
	GW_CLASS_GRANT = 'P',
	GW_CLASS_NETWORK = 'N',
	GW_CLASS_PENDING = 'R' /* a registration that awaits its code; expires */
};

/** Fields; 0x8000 and above are for third parties, to whom own_field() gives a number for a name.
 * Values are strings of length-prefixed parts, see parts.h. The comment names (sub) and value. */
enum gw_field {
	GW_F_CORE =
		1, /* () flags, time of registration; its final tombstone is the entity's death */
	GW_F_CRED = 2,    /* () the verifier of the password */
	GW_F_MAIL = 3,    /* () address, confirmed? */
	GW_F_NAME = 4,    /* (namespace byte, folded name) claim: clock, origin, display form */
	GW_F_CERTFP = 5,  /* (digest) claim: clock, origin, label */
	GW_F_VHOST = 6,   /* () visible host */
	GW_F_LANG = 7,    /* () language tag */
	GW_F_FOUNDER = 8, /* () account id */
	GW_F_MODES = 9,   /* () modes kept by a registered channel */
	GW_F_TOPIC = 10,  /* () text, setter, time */
	GW_F_ACCESS = 11, /* (account id) prefix letters */
	GW_F_LIST = 12,   /* (mode letter, mask) setter, time: b, e, I of a registered channel */
	GW_F_OPTION = 13, /* (name) text */
	GW_F_EXPIRY = 14, /* () time, ms since 1970 */
	GW_F_ADDR = 15,
	GW_F_WEIGHT = 16,
	GW_F_KEY = 17,
	GW_F_KEYREV = 18,
	GW_F_ACK = 19
};

/** Namespaces of claims. */
enum gw_namespace {
	GW_NAME_NICK =
		'n', /* accounts and nicks are one namespace: an account's name is its first nick */
	GW_NAME_CHANNEL = 'c',
	GW_NAME_MAIL = 'm',
	GW_NAME_CERTFP = 'f',
	GW_NAME_SERVER = 's'
};

#define GW_NAME_MAX                                                                                \
	64 /* bytes of a field's sub, or of a display form; a folded name has one less: its        \
	      namespace stands in front */
#define GW_VALUE_MAX 16384
#define GW_TX_CELLS 256
#define GW_TX_BYTES 65536
#define GW_NICKS_MAX 32 /* claims of nicks by one account */
#define GW_ACCESS_MAX 4096

/** One cell as it is read: borrowed for the call. */
struct gw_cell {
	uint16_t field;
	bool beaten;    /* a claim: another living entity claimed the name earlier, and owns it */
	bool contested; /* a claim: it is not the only one on the name */
	struct gw_blob sub, value;
	struct gw_stamp stamp;
};

/** All live cells of an entity, ordered by field and sub. */
struct gw_entity {
	uint8_t class;
	struct gw_id id;
	const struct gw_cell *cells;
	size_t n;
	/** Accounts and channels: how it is shown, and addressed (see `find_shown`): the first name
	 * of its class that it claims and owns. One that owns none is shown as NAME~DIGITS of the
	 * first that it claims. NULL: it claims none. */
	const char *shown;
};

/** The first cell of `field` (with `sub`, unless that is NULL), or NULL. */
static inline const struct gw_cell *gw_entity_cell(const struct gw_entity *e, uint16_t field,
                                                   const void *sub, size_t sub_len)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct gw_cell *c = &e->cells[i];

		if (c->field == field &&
		    (sub == NULL || (c->sub.n == sub_len && memcmp(c->sub.p, sub, sub_len) == 0)))
			return c;
	}
	return NULL;
}

/** Who owns a name: status 0 and the owner, or -ENOENT. */
struct gw_owner {
	uint8_t class;
	struct gw_id id;
	struct gw_stamp claim; /* the earlier claim wins conflicts */
	char display[GW_NAME_MAX + 1];
};
/** Status 0: `owner` is filled, borrowed for the call. Else there is none to tell. */
typedef void gw_owner_fn(void *state, uint64_t tag, int status, const struct gw_owner *owner);
/** An entity that does not live is -ENOENT. */
typedef void gw_entity_fn(void *state, uint64_t tag, int status, const struct gw_entity *entity);
/** `made`: the id of the entity that the transaction made, else its stamp. Status: 0; -EEXIST a
 * claim was taken; -ENOENT an entity does not live; -E2BIG its list is full (GW_NICKS_MAX,
 * GW_ACCESS_MAX); -ENOSPC, -EIO the store refused. Unless 0, nothing was written. */
typedef void gw_committed_fn(void *state, uint64_t tag, int status, struct gw_id made);
/** Entities one after the other; after the last one once more with entity NULL (status 0, or why
 * the walk broke off). */
typedef void gw_walk_fn(void *state, uint64_t tag, int status, const struct gw_entity *entity);

/** A write. With `make`, `id` is ignored: the transaction makes one new entity and all such writes
 * go to it. */
struct gw_write {
	uint8_t class;
	bool make;      /* one of them must be GW_F_CORE: without it nothing lives */
	bool remove;    /* a tombstone; of GW_F_CORE: the entity's death, final */
	bool exclusive; /* GW_F_NAME, GW_F_CERTFP: refuse the transaction when another living entity
	                   claims the name */
	struct gw_id id;
	uint16_t field;
	struct gw_blob sub, value; /* copied; of a claim: value is the bare display form (or label),
	                              at most GW_NAME_MAX bytes; its stamp is added, that of the
	                              claim itself when only the display form changes */
};

/** Topic "services.changed": an entity as it is now, after a commit (from here or another server).
 */
struct gw_services_change {
	uint8_t class;
	struct gw_id id;
	bool dead;
	bool names_kept;    /* none of its claims was made, changed or dropped; false: it may be */
	bool names_dropped; /* one of its claims was dropped */
};
#define GW_TOPIC_SERVICES_CHANGED "services.changed"

/** The interface "services" 1.1. Loop thread only. */
struct gw_services_ops {
	/** The owner of a folded name. 0: `owner_out` is filled; -ENOENT: nobody; -EINPROGRESS:
	 * `done` (gw_owner_fn) will be called; -EINVAL: too long; -EAGAIN: too much waits. */
	int (*find)(void *services, enum gw_namespace, const void *folded, size_t n,
	            struct gw_owner *owner_out, struct gw_call done);
	/** All cells of an entity: always by `done` (gw_entity_fn), in a later turn. */
	int (*read)(void *services, uint8_t class, struct gw_id id, struct gw_call done);
	/** Writes, all or nothing, under one stamp; `done` (gw_committed_fn) when durable. Else
	 * nothing is called: -E2BIG, -EINVAL over a limit; -EAGAIN too much waits, or the database
	 * is not yet read; -ETIME the system's clock
	 * stands more than a minute behind the database; -EROFS this server is no member any more
	 * (GW_MEMBER_LOST).
	 */
	int (*commit)(void *services, const struct gw_write *writes, size_t n, struct gw_call done);
	/** Every living entity of a class, in order of id, a slice per turn. -EAGAIN: too much
	 * waits. */
	int (*walk)(void *services, uint8_t class, struct gw_call each);
	/** This life of the database, for stamps; 0 before it is read. */
	void (*origin)(void *services, uint64_t *origin_out);
	/** Folds a name: ASCII lower case for now; claims are keyed by it. Returns its length, or
	 * -EINVAL if it does not fit. */
	int (*fold)(void *services, const char *name, char folded_out[GW_NAME_MAX + 1]);
	/** Whom a folded name means as people are shown it: who owns it, as `find` says; or, for
	 * NAME~DIGITS, who claims NAME and does not own it. `display` is the form that is shown. */
	int (*find_shown)(void *services, enum gw_namespace, const void *folded, size_t n,
	                  struct gw_owner *owner_out, struct gw_call done);
	/** Who claims a folded name: calls `each` (gw_owner_fn) for the owner, then for the others,
	 * as they are shown, in the order of their claims; at last with NULL, and 0 or why they
	 * could not all be told. In later turns. -EINVAL, -EAGAIN. */
	int (*claimants)(void *services, enum gw_namespace, const void *folded, size_t n,
	                 struct gw_call each);
	/** NAME~DIGITS of somebody with no right to NAME: five base32 digits of the SHA-256 of the
	 * bytes of an id; the name is cut so that all of it has at most `max` bytes. */
	void (*lesser)(void *services, const char *name, const void *id, size_t id_len, size_t max,
	               char out[GW_NAME_MAX + 1]);
	/** Whether all of its origin's transactions up to this stamp are known here: an entity of
	 * that id that is not found has not merely not arrived yet, it is gone. */
	bool (*known)(void *services, struct gw_stamp stamp);
	/** The number of a field of a module's own, 0x8000 to 0xfffe: from the SHA-256 of `name`
	 * ("memo.text": the module's, a dot, what it is; 1 to GW_NAME_MAX bytes), so the same on
	 * every server. Asked for in `load`, kept in the state. -EEXIST, with a sentence: another
	 * name that was asked for since this server started has that number; one in thirty thousand
	 * pairs does. Cells of such fields are kept, sent to other servers, and dropped with their
	 * entity also where no module knows them. */
	int (*own_field)(void *services, const char *name, uint16_t *field_out,
	                 struct gw_error *err);
};

#endif
