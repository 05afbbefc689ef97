/*
 * services/cell.h - the bytes of the services database: pure functions, no state, no input or
 * output.
 *
 * Integers are big endian, so the order of keys is the order of ids and stamps. The tables:
 *
 *     cell   class 1, id 16, field 2, sub 0..64       flags 1, clock 8, origin 8, value
 *     log    origin 8, clock 8, cell key              -       one row per current cell
 *     vec    origin 8                                 applied clock 8, collected clock 8
 *     own    clock 8                                  -       clocks that this origin issued
 *     name   namespace 1, length 1, folded name,      display form
 *            claim clock 8, claim origin 8, entity 17         of living entities: the first row is
 * the owner ref    account id 16, cell key                  -       which cells name an account
 *     meta   string                                   bytes
 *
 *     tomb   as log                                   -       tombstones that may go one day
 *
 * log, name, ref and tomb follow from the cells; merge.c keeps them so.
 */
#ifndef SERVICES_CELL_H
#define SERVICES_CELL_H

#include <godwit/parts.h>
#include <godwit/services.h>

enum table {
	TABLE_CELL,
	TABLE_LOG,
	TABLE_VEC,
	TABLE_OWN,
	TABLE_NAME,
	TABLE_REF,
	TABLE_META,
	TABLE_TOMB
};

#define ENTITY_BYTES 17
#define CELL_KEY_LEAST (ENTITY_BYTES + 2)
#define CELL_KEY_MAX (CELL_KEY_LEAST + GW_NAME_MAX)
#define CELL_HEADER 17
#define ACK_VALUE_MAX 65536
#define NAME_PREFIX_MAX (2 + GW_NAME_MAX)
#define NAME_KEY_MAX (NAME_PREFIX_MAX + 16 + ENTITY_BYTES)
#define LOG_KEY_MAX (16 + CELL_KEY_MAX)
#define REF_KEY_MAX (16 + CELL_KEY_MAX)
#define DIGEST_BYTES 32
#define CLAIM_VALUE_MAX (10 + 10 + 2 + GW_NAME_MAX)

/** Flags of a cell's header; no other bit is ever set. */
enum { CELL_TOMBSTONE = 1, CELL_FINAL = 2 };

/** A cell as it is stored, taken apart; borrows from its bytes. */
struct cell {
	uint8_t class, flags;
	struct gw_id id;
	uint16_t field;
	struct gw_stamp stamp;
	struct gw_blob sub, value;
	struct gw_blob key, row; /* the bytes */
};

/** What follows from a cell, as keys of other tables; a length of 0: nothing. */
struct derived {
	uint8_t log[LOG_KEY_MAX], name[NAME_KEY_MAX], ref[REF_KEY_MAX];
	size_t log_n, name_n, ref_n;
	uint8_t display[GW_NAME_MAX]; /* value of the name row */
	size_t display_n;
	bool live;        /* it counts in the digest */
	bool collectable; /* its log key stands in the table tomb, too */
	uint8_t digest[DIGEST_BYTES];
};

void put_u64(uint8_t out[8], uint64_t value);
uint64_t get_u64(const void *bytes);

void entity_key(uint8_t out[ENTITY_BYTES], uint8_t class, struct gw_id id);
size_t cell_key(uint8_t out[CELL_KEY_MAX], uint8_t class, struct gw_id id, uint16_t field,
                struct gw_blob sub);
void cell_header(uint8_t out[CELL_HEADER], uint8_t flags, struct gw_stamp stamp);
/** Namespace, length, folded name: with what all claims of the name begin. */
size_t name_prefix(uint8_t out[NAME_PREFIX_MAX], uint8_t ns, const void *folded, size_t n);
/** The name that a cell of this field and sub claims, as name_prefix(); 0 if it is no claim. */
size_t claim_prefix(uint8_t out[NAME_PREFIX_MAX], uint16_t field, struct gw_blob sub);
/** A claim's value: its own stamp, then the display form. */
size_t claim_value(uint8_t out[CLAIM_VALUE_MAX], struct gw_stamp claim, struct gw_blob display);
/** The stamp in a claim's value; clock 0 if it has none. */
struct gw_stamp claim_stamp(struct gw_blob value);

/** Takes a row of the table cell apart. -EILSEQ unless its form is right: whatever comes from
 * outside goes through here. */
int cell_parse(struct gw_blob key, struct gw_blob row, struct cell *out);
/** Takes a key alone apart (the rest of `out` is zero). */
int cell_parse_key(struct gw_blob key, struct cell *out);

/** Cells in a row of bytes: each key length 1, row length 4, key, row. */
#define CELLS_HEADER 5
/** Bytes that it takes there. */
static inline size_t cells_bytes(struct gw_blob key, struct gw_blob row)
{
	return CELLS_HEADER + key.n + row.n;
}
/** Puts one behind `n` bytes; there is room. Returns the new length. */
size_t cells_put(uint8_t *out, size_t n, struct gw_blob key, struct gw_blob row);
/** Whether the first one is there as a whole. */
bool cells_whole(struct gw_blob cells);
/** Takes the first one, which is checked as by cell_parse(), off the row. -EILSEQ. */
int cells_next(struct gw_blob *cells, struct cell *out);

bool cell_is_death(const struct cell *cell);
/** The order of versions: rank, clock, origin. */
int cell_compare(const struct cell *a, const struct cell *b);

/** `living`: whether the cell's entity lives (only then its claims count). */
void cell_derive(const struct cell *cell, bool living, struct derived *out);

/** SHA-256 of length of the key, key, row: a live cell's part of the digest. */
void cell_digest(const struct cell *cell, uint8_t out[DIGEST_BYTES]);
/** The digest of a set of cells is a sum modulo 2^256: it knows no order. */
void digest_add(uint8_t sum[DIGEST_BYTES], const uint8_t digest[DIGEST_BYTES]);
void digest_subtract(uint8_t sum[DIGEST_BYTES], const uint8_t digest[DIGEST_BYTES]);

static inline bool cell_is_live(const struct cell *cell)
{
	return (cell->flags & CELL_TOMBSTONE) == 0;
}

#endif
