/*
 * services/merge.h - what the files of the merge function share: merge.c (cells and what follows
 * from them) and merge_round.c (rounds of other servers, vectors, collection). All of it runs on
 * the write lane, in the store's transaction.
 */
#ifndef SERVICES_MERGE_H
#define SERVICES_MERGE_H

#include "services.h"

enum life { LIFE_NONE, LIFE_LIVING, LIFE_DEAD };

/** The merging of one operation: figures add up here and are written once at its end; what is known
 * of the entity at hand, and of the keys that follow, saves looking it up for each cell. */
struct walk {
	struct gw_store_tx *tx;
	uint64_t cells; /* live ones: the change, modulo 2^64 */
	uint64_t entities[256];
	bool counted; /* cells or digest have changed */
	bool appends; /* no cell is stored at `last` or behind it */
	uint8_t digest[DIGEST_BYTES];
	size_t last_n; /* 0: nothing was merged yet */
	uint8_t last[CELL_KEY_MAX];
	int life; /* of the entity that `last` belongs to; enum life */
};

/** Merges one cell; figures_write() follows when the operation's last one is merged. */
int merge_cell(struct walk *walk, const struct cell *cell);
int figures_write(struct walk *walk);

/* --- merge_round.c --- */

typedef int verb_fn(struct gw_store_tx *tx, const struct gw_store_op *op);
verb_fn verb_round, verb_vector, verb_collect, verb_trim;

/* --- salvage.c --- */

#define SALVAGE_FRONT 17 /* of a value: whether the entity is new, the stamp that the cell had */
verb_fn verb_salvage;

#endif
