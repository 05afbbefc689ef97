/*
 * services/form.h - the readable form of the services database: what `services export` writes and
 * `services import` reads. YAML; services.md says what it looks like.
 *
 *     form.c        which fields have names, and what their parts mean: tables; values to parts
 *     form_text.c   scalars: text, times, base64
 *     form_write.c  an entity to lines of text (form_writing.h)
 *     form_tree.c   libyaml's events to a tree for each entity, in slices
 *     form_read.c   such a tree to a record: cells as they will be written, references
 *                   (form_reading.h)
 *
 * Whatever these do not know, or could not give back byte by byte, goes as base64.
 */
#ifndef SERVICES_FORM_H
#define SERVICES_FORM_H

#include "cell.h"
#include <godwit/error.h>
#include <godwit/self.h>

#define FORM_VERSION 1
#define FORM_PARTS 7
#define FORM_TIME_MAX UINT64_C(253402300799999) /* the end of the year 9999 */

/** What a part of a value is. */
enum form_kind {
	FORM_TEXT,
	FORM_NUMBER,
	FORM_TIME,    /* milliseconds since 1970 */
	FORM_FLAG,    /* 0 or 1 */
	FORM_BYTES,   /* written as base64 */
	FORM_HEX,     /* a fingerprint */
	FORM_BANNED,  /* "a": account, "c": address */
	FORM_ACCOUNT, /* an id, written as the account's name */
	FORM_CALLED   /* how that account was called: written when it is not what it is called */
};

/** Whether a part is written and stored. */
enum form_need {
	FORM_ALWAYS,  /* written always */
	FORM_QUIET,   /* written unless it is 0, "" or no; stored always */
	FORM_OPTIONAL /* written and stored if it is there */
};

struct form_part {
	const char *key; /* NULL: behind the last one */
	uint8_t kind, need;
};

/** What a cell's sub is. */
enum form_sub {
	FORM_ALONE,      /* empty: one such cell */
	FORM_BY_TEXT,    /* a set: the sub is text */
	FORM_BY_HEX,     /* a fingerprint */
	FORM_BY_ACCOUNT, /* an account's id */
	FORM_BY_MASK     /* a letter, and the SHA-256 of the folded first part */
};

/** A field that has a name in the form. */
struct form_field {
	const char *classes; /* that have it */
	uint8_t sub;         /* enum form_sub */
	uint16_t field;
	bool secret;
	const char *key;     /* NULL: the parts are keys of the entity itself */
	const char *sub_key; /* of sets */
	const char *lead;    /* what the first part must be; NULL: anything */
	struct form_part parts[FORM_PARTS];
};

/** A class that has a section of its own. */
struct form_class {
	uint8_t class;
	uint8_t ns; /* of its names; 0: it has none */
	const char *section, *noun;
};

/** In the order in which they are written and imported: what is referred to comes first. */
extern const struct form_class form_classes[];
extern const size_t form_n_classes;
extern const struct form_field form_fields[];
extern const size_t form_n_fields;

/** The class's own; `others` (class 0) for those that have none. */
const struct form_class *form_class_of(uint8_t class);
/** Whether entities of the class have it. */
bool form_field_is(const struct form_field *field, uint8_t class);
/** The row for a cell of this value; NULL: it has no name. */
const struct form_field *form_field_of(uint8_t class, uint16_t field, struct gw_blob value);
size_t form_n_parts(const struct form_field *field);

/** A value taken apart: `has` is a bit for each part. */
struct form_value {
	unsigned has;
	struct gw_blob part[FORM_PARTS];
};
/** False: it would not come back as the same bytes. */
bool form_value_open(const struct form_field *field, struct gw_blob value, struct form_value *out);
/** The sub of an entry of a list: 33 bytes. */
bool form_mask_sub(struct gw_blob letter, struct gw_blob mask, uint8_t out[33]);
/** What a confirmed address is claimed by, behind the namespace: 32 bytes. */
bool form_mail_digest(struct gw_blob address, uint8_t out[32]);
/** Folded as names are; `out` has room for `n` bytes. */
void form_fold(const void *name, size_t n, uint8_t *out);

/* --- form_text.c --- */

/** Text that grows. */
struct form_text {
	struct gw_self *self;
	char *p;
	size_t n, room;
};
void form_text_free(struct form_text *t); /* wiped */
void form_put(struct form_text *t, const void *p, size_t n);
void form_puts(struct form_text *t, const char *s);
void form_put_number(struct form_text *t, uint64_t value);
void form_put_time(struct form_text *t, uint64_t ms);
void form_put_hex(struct form_text *t, struct gw_blob bytes);
void form_put_base64(struct form_text *t, struct gw_blob bytes);
/** As a YAML scalar: plain, quoted, or !!binary if it is no UTF-8. */
void form_put_text(struct form_text *t, struct gw_blob text);

bool form_get_number(struct gw_blob text, uint64_t most, uint64_t *out);
/** RFC 3339, with milliseconds or without. */
bool form_get_time(struct gw_blob text, uint64_t *ms_out);
/** The bytes are never more than the text. */
bool form_get_hex(struct gw_blob text, uint8_t *out, size_t *n_out);
bool form_get_base64(struct gw_blob text, uint8_t *out, size_t *n_out);

/* --- form_write.c --- */

/** How an account is referred to. */
struct form_label {
	const char *name; /* NULL: it has none */
	size_t name_n;
	uint32_t place;  /* 1: it owns the name; n: it is the n-th that claims it */
	uint32_t number; /* without a name: which of those */
};

/** Who writes says how others are called. */
struct form_names {
	void *ctx;
	/** False: there is no such account. */
	bool (*label)(void *ctx, struct gw_id account, struct form_label *out);
	/** Which of those that claim the name this entity is: 1 for its owner. */
	uint32_t (*place)(void *ctx, uint8_t class, struct gw_id id, struct gw_blob name_prefix);
};

/** Writes one entity as an item of its section's list. */
void form_write(struct form_text *out, const struct form_names *names, bool secrets,
                const struct gw_entity *entity);

/* --- form_tree.c --- */

enum form_node_kind { FORM_SCALAR, FORM_LIST, FORM_MAP };

struct form_node {
	uint8_t kind;     /* enum form_node_kind */
	bool binary;      /* !!binary; `text` holds the bytes */
	bool quoted;      /* else a plain scalar */
	uint8_t reserved; /* 0 */
	uint32_t line, column, n_children;
	struct gw_blob key, text;
	struct form_node *children, *last, *next, *parent;
};

struct form_tree;

enum form_step {
	FORM_TURN, /* the budget is spent: call again */
	FORM_ITEM, /* `item` of `section` is whole, until the next call */
	FORM_END,
	FORM_WRONG /* `why` */
};

/** `text` is borrowed until form_tree_free(). */
struct form_tree *form_tree_new(struct gw_self *self, const char *text, size_t n);
void form_tree_free(struct form_tree **tree);
/** Reads on, at most about `budget` bytes. */
enum form_step form_tree_next(struct form_tree *tree, size_t budget, struct gw_error *why);
/** An item of a section's list, or the scalar behind a key. */
const struct form_node *form_tree_item(const struct form_tree *tree);
/** The key that it stands under. */
const struct form_node *form_tree_section(const struct form_tree *tree);
size_t form_tree_at(const struct form_tree *tree); /* bytes read */

/** "LINE:COLUMN: sentence" of a node. Returns -EINVAL. */
int form_fail(struct gw_error *why, const struct form_node *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** The value of a key, or NULL. */
const struct form_node *form_child(const struct form_node *map, const char *key);

/* --- form_read.c --- */

/** A cell as it will be written; sub, then value, stand in the record's bytes. */
struct form_cell {
	uint16_t field;
	uint8_t sub_n;
	bool claim;          /* the value is the display form */
	bool gap;            /* an id belongs into the sub */
	uint8_t reserved[3]; /* 0 */
	uint32_t place;      /* of a claim: among all who claim the name; 1 is the owner */
	uint32_t at, value_n;
};

enum form_ref_kind { FORM_REF_NAME, FORM_REF_CLAIMANT, FORM_REF_NAMELESS };

/** Sixteen bytes of a cell that are to become an account's id. */
struct form_ref {
	uint32_t at;      /* in the record's bytes */
	uint32_t number;  /* the place, or which of those without a name */
	uint32_t name_at; /* in the record's bytes: folded */
	uint32_t line, column;
	uint8_t kind, name_n;
	bool filled;                /* the id is there */
	uint8_t reserved[5];        /* 0 */
	struct form_record *target; /* else: of the file */
};

/** An entity of the file. */
struct form_record {
	uint8_t class;
	bool exists;      /* in the database: it is not written */
	bool begun;       /* its first transaction was started */
	uint8_t reserved; /* 0 */
	uint32_t line, column;
	uint32_t n_cells, n_refs, n_bytes;
	uint32_t claimed; /* how many of its claims are in line, or were written */
	struct gw_id id;  /* when it has one */
	struct form_cell *cells;
	struct form_ref *refs;
	uint8_t *bytes;
};

static inline struct gw_blob form_cell_sub(const struct form_record *r, const struct form_cell *c)
{
	return (struct gw_blob){r->bytes + c->at, c->sub_n};
}

static inline struct gw_blob form_cell_value(const struct form_record *r, const struct form_cell *c)
{
	return (struct gw_blob){r->bytes + c->at + c->sub_n, c->value_n};
}

/** Reads an item; `now_ms` stands for times that are left out. NULL: `why`. */
struct form_record *form_read(struct gw_self *self, const struct form_class *class,
                              const struct form_node *item, uint64_t now_ms, struct gw_error *why);
void form_record_free(struct gw_self *self, struct form_record **record);

#endif
