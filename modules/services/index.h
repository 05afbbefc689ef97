/*
 * services/index.h - the tables that follow from the cells, built at once for a database whose
 * cells have come by a join: log, name, ref, tomb, and the figures.
 *
 * Written row by row as the cells come they would be touched all over, for each transaction anew.
 * So a join stores the cells alone; then all are read once, what follows from them is sorted
 * (pile.h), and each table is written from its first row to its last.
 */
#ifndef SERVICES_INDEX_H
#define SERVICES_INDEX_H

#include "merge.h"
#include "services.h"

struct index;

/** Begins; the outcome comes as index_done(). */
struct index *index_new(struct services_state *state, uint64_t link);
/** Given up, or over. */
void index_free(struct services_state *state, struct index **index);

gw_store_rows_fn index_rows;
gw_job_done_fn index_sorted, index_merged;
gw_store_done_fn index_stored;

/** In join_take.c: the index of the join by that link; NULL: given up. */
struct index *index_of(struct services_state *state, uint64_t link);
/** In join_take.c: all tables are written, with the figures as `ops` (a batch that is still to be
 * committed); or why not. */
void index_done(struct services_state *state, uint64_t link, int status,
                const struct gw_store_op *ops, size_t n);

#endif
