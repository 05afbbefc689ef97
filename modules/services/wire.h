/*
 * services/wire.h - the bytes of the messages between databases: pure, no state, no input or
 * output.
 *
 * A message is one byte of kind and what follows from it; integers are big endian. Readers skip
 * what stands behind what they know, and whole messages of kinds from SV_OPTIONAL on that they do
 * not know, so a newer minor version may add to both. services.md has the layout of each.
 */
#ifndef SERVICES_WIRE_H
#define SERVICES_WIRE_H

#include "cell.h"
#include "vector.h"
#include <godwit/replica.h>

#define SV_MAJOR 1
#define SV_MINOR 0

enum sv_kind {
	SV_HELLO = 1,
	SV_CELLS,
	SV_MARK,
	SV_ACK,
	SV_JOIN,
	SV_JBEGIN,
	SV_JSLICE,
	SV_JACK,
	SV_JDONE,
	SV_REFUSE,
	SV_OPTIONAL = 128
};

enum sv_code {
	SV_REMOVED = 1,
	SV_EXPIRED,
	SV_BEHIND,
	SV_TOOFAR,
	SV_ROLLBACK,
	SV_CLOCK,
	SV_FORM,
	SV_LIMIT,
	SV_VERSION,
	SV_DIVERGED
};

#define SV_CELLS_BYTES 65536 /* of the cells in one message; one cell may be larger (an ack) */
#define SV_TEXT_MAX 300

/** A vector as it lies in a message: origins rise, no clock is 0. Borrowed. */
struct wire_vec {
	const uint8_t *p;
	size_t n; /* entries */
};
struct vector_entry wire_vec_at(struct wire_vec vec, size_t i);
/** Entries as they lie in a message, or in the value of an ack cell. -EBADMSG unless they rise. */
int wire_vec_open(struct gw_blob bytes, struct wire_vec *out);
/** 0 if it is not in it. */
uint64_t wire_vec_get(struct wire_vec vec, uint64_t origin);

struct wire_hello {
	uint8_t major, minor;
	bool joiner;
	struct gw_id server, life; /* of a member */
	uint64_t origin;
	uint64_t wall_ms;
	struct wire_vec vector;
	bool resumes; /* a round that was broken off is held */
	uint64_t resume_origin;
	struct wire_vec resume;
};

struct wire_mark {
	bool final;
	struct wire_vec changed;
	uint64_t cells;
	struct gw_blob digest; /* DIGEST_BYTES, if final */
};

struct wire_ack {
	struct wire_vec durable; /* entries changed */
	uint64_t consumed;       /* bytes of cells and marks since the hello */
};

struct wire_join {
	bool resumes;
	uint64_t target, origin; /* of the target's life; drawn for the joiner's */
	struct wire_vec t1;
	struct gw_blob last; /* a cell's key; empty: none */
};

struct wire_jbegin {
	bool resumed;
	struct gw_id server, life; /* the joiner's */
	uint64_t origin;
	uint64_t cells, bytes; /* about */
	struct wire_vec t1;
};

struct wire_jslice {
	bool end;
	uint64_t number, count;
	struct gw_blob last;   /* a cell's key */
	struct gw_blob chain;  /* SHA-256, 32 bytes */
	struct wire_vec floor; /* entries of the collected frontier that changed */
	struct gw_blob cells;  /* for cells_next() */
};

struct wire_jack {
	uint64_t number;
	struct gw_blob last;
};

struct wire_refuse {
	uint8_t code;
	char text[SV_TEXT_MAX + 1]; /* printable */
};

/* --- reading: whole messages, -EBADMSG unless the form is right; all borrows from it --- */

int wire_read_hello(struct gw_blob message, struct wire_hello *out);
/** The cells of SV_CELLS; the form of each is checked by cells_next(). */
int wire_read_cells(struct gw_blob message, struct gw_blob *cells_out);
int wire_read_mark(struct gw_blob message, struct wire_mark *out);
int wire_read_ack(struct gw_blob message, struct wire_ack *out);
int wire_read_join(struct gw_blob message, struct wire_join *out);
int wire_read_jbegin(struct gw_blob message, struct wire_jbegin *out);
int wire_read_jslice(struct gw_blob message, struct wire_jslice *out);
int wire_read_jack(struct gw_blob message, struct wire_jack *out);
int wire_read_refuse(struct gw_blob message, struct wire_refuse *out);

/* --- writing, into memory of the caller's --- */

struct wire_out {
	uint8_t *p;
	size_t n, max;
	bool overflow; /* something did not fit: the message must not be sent */
};

void wire_start(struct wire_out *out, uint8_t *p, size_t max, enum sv_kind kind);
void wire_u8(struct wire_out *out, uint8_t value);
void wire_u16(struct wire_out *out, uint16_t value);
void wire_u32(struct wire_out *out, uint32_t value);
void wire_u64(struct wire_out *out, uint64_t value);
void wire_bytes(struct wire_out *out, const void *p, size_t n);
void wire_id(struct wire_out *out, struct gw_id id);
/** The entries alone, as in the value of an ack cell. */
void wire_entries(struct wire_out *out, const struct vector *vec);
/** Their number (2 bytes) and the entries. */
void wire_vector(struct wire_out *out, const struct vector *vec);
/** Bytes behind one byte of length: a key. */
void wire_key(struct wire_out *out, struct gw_blob key);
void wire_cell(struct wire_out *out, struct gw_blob key, struct gw_blob row);

/** Whole messages, from the same structures; vectors are given apart (`resume` NULL: none). */
void wire_write_hello(struct wire_out *out, const struct wire_hello *hello,
                      const struct vector *vec, const struct vector *resume);
void wire_write_mark(struct wire_out *out, const struct wire_mark *mark,
                     const struct vector *changed);
void wire_write_ack(struct wire_out *out, uint64_t consumed, const struct vector *durable);
void wire_write_join(struct wire_out *out, const struct wire_join *join, const struct vector *t1);
void wire_write_jbegin(struct wire_out *out, const struct wire_jbegin *begin,
                       const struct vector *t1);
/** Up to the cells, which follow with wire_cell(). */
void wire_write_jslice(struct wire_out *out, const struct wire_jslice *slice,
                       const struct vector *floor);
void wire_write_jack(struct wire_out *out, uint64_t number, struct gw_blob last);
void wire_write_refuse(struct wire_out *out, enum sv_code code, const char *text);

#endif
