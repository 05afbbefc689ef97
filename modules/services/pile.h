/*
 * services/pile.h - rows by the million, brought into the order of their keys with little memory.
 *
 * Rows are put into a buffer; a full one is sorted and appended to a file without a name, as a run;
 * at the end all runs are merged. So a table is written from its first row to its last, which fills
 * its pages and touches each once. Sorting and merging are jobs.
 */
#ifndef SERVICES_PILE_H
#define SERVICES_PILE_H

#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/store.h>
#include <stdbool.h>
#include <stdint.h>

#define PILE_BUFFER ((size_t)2 << 20)
#define PILE_OUT ((size_t)960 << 10) /* bytes that one merge job gives */

/** A row in the pile: key length 1, value length 1, key, value. */
#define PILE_FRONT 2
static inline size_t pile_row_bytes(const uint8_t *row)
{
	return PILE_FRONT + (size_t)row[0] + row[1];
}

struct pile_run {
	uint64_t at, end; /* in the file */
};

struct pile {
	uint8_t *bytes; /* the buffer */
	size_t n;
	int file;      /* 0: none yet */
	int reserved;  /* 0 */
	uint64_t size; /* of the file, with what is being written */
	struct pile_run *runs;
	size_t n_runs, room;
};

/** Whether the buffer must be spilled before `n` more bytes are put. */
bool pile_is_full(const struct pile *pile, size_t n);
void pile_put(struct gw_self *self, struct pile *pile, struct gw_blob key, struct gw_blob val);
/** Starts the job (row `run_row`, a pile_sort_run) that sorts the buffer and appends it as a run;
 * its end is told to `done`. The buffer is empty afterwards. Negative: it could not be. */
int pile_spill(struct gw_self *self, struct pile *pile, const char *folder, uint32_t run_row,
               struct gw_call done);
gw_job_run_fn pile_sort_run;
/** In `done`: 0, or why it could not be written. */
int pile_sort_status(const void *job);

/** All runs are written: the next rows are merged by a job (row `run_row`, a pile_merge_run).
 * -ENOENT: no rows are left. */
int pile_merge(struct gw_self *self, struct pile *pile, uint32_t run_row, struct gw_call done);
gw_job_run_fn pile_merge_run;
/** In `done`: 0, or why they could not be read. */
int pile_merge_status(const void *job);
/** In `done`: the rows, borrowed from the job; the pile has gone on. */
struct gw_blob pile_merged(struct pile *pile, const void *job);
void pile_free(struct gw_self *self, struct pile *pile);

#endif
