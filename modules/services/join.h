/*
 * services/join.h - what both sides of a join compute alike.
 */
#ifndef SERVICES_JOIN_H
#define SERVICES_JOIN_H

#include "services.h"
#include "wire.h"

#define CHAIN_BYTES 32

/** The chain goes on over the cells of the next message: SHA-256(chain, cells). */
void chain_add(uint8_t chain[CHAIN_BYTES], struct gw_blob cells);
/** Into the empty `out`. */
void wire_vec_copy(struct gw_self *self, struct wire_vec vec, struct vector *out);

static inline void put_u32(uint8_t out[4], uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* --- join_give.c --- */

gw_committed_fn join_give_pinned;
gw_store_rows_fn join_give_rows;

/* --- join_take.c --- */

gw_store_rows_fn join_take_meta;
gw_store_done_fn join_take_discarded, join_take_first, join_take_stored, join_take_ended,
	join_take_made;

/* --- verify.c --- */

struct peer;

/** How far the reading has got, and what it has found. */
struct verify {
	uint64_t cells;
	uint8_t digest[DIGEST_BYTES];
	uint8_t from[CELL_KEY_MAX + 1]; /* the key that the next slice begins with */
	size_t from_n;
};

/** Reads all cells; join_take_verified() then. */
void verify_begin(struct services_state *state, struct peer *peer, struct verify *verify);
gw_store_rows_fn verify_rows;
/** In join_take.c: NULL, nothing is being verified. */
struct verify *join_take_verifying(struct peer *peer);
/** In join_take.c: all was read (0), or why not. */
void join_take_verified(struct services_state *state, struct peer *peer, int status,
                        const struct verify *found);

#endif
