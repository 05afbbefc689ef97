/*
 * services/round.h - a round that comes in: cells put aside until their final mark, in memory, and
 * above ROUND_MEMORY in a file that has no name.
 */
#ifndef SERVICES_ROUND_H
#define SERVICES_ROUND_H

#include "peer.h"

#define ROUND_MEMORY ((size_t)8 << 20)
#define ROUND_BYTES_MAX ((uint64_t)512 << 20)
#define ROUND_CELLS_MAX 2000000

struct chunk {
	struct chunk *prev, *next;
	size_t n, room;
	uint8_t bytes[];
};

struct round {
	struct round *prev, *next; /* of all that there are */
	uint64_t id;
	struct chunk *chunks;
	size_t memory;    /* bytes in the chunks */
	uint64_t written; /* bytes in the file, in front of those in the chunks */
	int file;         /* 0: none */
	bool writing;     /* the first chunk is on its way into the file */
	bool failed;      /* it could not be written */
	bool news;        /* there is more than acknowledgements in it */
	uint8_t reserved; /* 0 */
	uint64_t cells;

	/* as of the last mark: a broken round goes on from there */
	struct vector position;
	uint64_t marked_bytes, marked_cells;
	struct vector highest; /* of each origin's cells behind that */
};

/* --- round_file.c --- */

struct round *round_new(struct services_state *state);
void round_free(struct services_state *state, struct round **round);
/** Whole cells, one behind the other. */
void round_add(struct services_state *state, struct round *round, struct gw_blob cells);
/** Forgets what came behind the last mark. False: that cannot be done. */
bool round_cut(struct services_state *state, struct round *round);
/** Bytes put aside; of NULL none. */
uint64_t round_bytes(const struct round *round);
/** Operations that merge it into `ops` (room for round_n_ops()); `scratch` holds 8 bytes as long as
 * they are used. */
size_t round_n_ops(const struct round *round);
size_t round_ops(const struct round *round, struct gw_store_op *ops, uint8_t scratch[8]);
/** Bytes from `at` on, at least one whole cell, if they lie in memory; else none. */
struct gw_blob round_at(const struct round *round, uint64_t at);
/** Whether the second can be put behind the first; either may be NULL. */
bool round_joins(const struct round *first, const struct round *second);
/** Does so; takes the second. */
struct round *round_join(struct services_state *state, struct round *first, struct round *second);
/** Less of it is in memory: its peer may send more. */
void round_relieved(struct services_state *state, const struct round *round);
gw_job_run_fn round_write_run;
gw_job_done_fn round_write_done;

/* --- tell.c --- */

/** The round is committed: caches forget, subscribers hear of each entity. Takes the round. */
void tell_round(struct services_state *state, struct round *round);
gw_timer_fn tell_on, tell_refs;
gw_job_run_fn tell_read_run;
gw_job_done_fn tell_read_done;
void tell_drop_all(struct services_state *state);

#endif
