/*
 * services/round_file.c - where the cells of an unfinished round lie.
 *
 * In memory, in chunks; when these are more than ROUND_MEMORY, the oldest go one by one into a file
 * without a name in the state directory, each by a job. A chunk is freed when it is in the file, so
 * at any moment the file's first `written` bytes and the chunks are the whole.
 */
#include "round.h"
#include "scratch.h"
#include <errno.h>
#include <fcntl.h>
#include <godwit/mem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define CHUNK ((size_t)512 << 10)

struct write_job {
	int file; /* its own */
	int status;
	uint64_t at;
	size_t n;
	uint8_t bytes[];
};

struct round *round_new(struct services_state *state)
{
	struct gw_self *self = state->self;
	struct round *round = gw_alloc(self, sizeof(*round));

	round->id = ++state->last_round;
	DL_APPEND(state->rounds, round);
	return round;
}

static struct round *round_find(struct services_state *state, uint64_t id)
{
	struct round *round;

	DL_SEARCH_SCALAR(state->rounds, round, id, id);
	return round;
}

void round_free(struct services_state *state, struct round **round_)
{
	struct gw_self *self = state->self;
	struct round *round = *round_;
	struct chunk *chunk, *next;

	*round_ = NULL;
	DL_DELETE(state->rounds, round);
	DL_FOREACH_SAFE (round->chunks, chunk, next) {
		gw_free(self, chunk);
	}
	if (round->file > 0)
		close(round->file);
	vector_free(self, &round->position);
	vector_free(self, &round->highest);
	gw_free(self, round);
}

uint64_t round_bytes(const struct round *round)
{
	return round == NULL ? 0 : round->written + round->memory;
}

/* --- into the file --- */

void round_write_run(void *job_)
{
	struct write_job *job = job_;
	size_t done = 0;
	ssize_t n = 0;

	while (done < job->n && n >= 0) {
		n = pwrite(job->file, job->bytes + done, job->n - done, (off_t)(job->at + done));
		done += n > 0 ? (size_t)n : 0;
	}
	job->status = n < 0 ? -errno : 0;
	close(job->file);
}

/* Starts the next job, if there is too much in memory. */
static void spill(struct services_state *state, struct round *round)
{
	struct gw_self *self = state->self;
	struct chunk *chunk = round->chunks;
	struct write_job *job;
	int file;

	if (round->writing || round->failed || round->memory <= ROUND_MEMORY)
		return;
	if (round->file == 0)
		round->file = scratch_open(gw_server_string(state->self, "state-directory"));
	if (round->file <= 0) {
		round->file = 0;
		round->failed = true;
		return;
	}
	job = gw_job_new(self, sizeof(*job) + chunk->n);
	job->file = file = fcntl(round->file, F_DUPFD_CLOEXEC, 3);
	job->at = round->written;
	job->n = chunk->n;
	memcpy(job->bytes, chunk->bytes, chunk->n);
	round->writing = gw_job_start(self, GW_LANE_READ, CALL_ROUND_WRITE, job,
	                              gw_call(self, CALL_ROUND_WRITTEN, round->id)) == 0;
	if (!round->writing && file >= 0)
		close(file); /* the lane is full: with the next cells */
}

void round_write_done(void *state_, uint64_t id, void *job_)
{
	struct services_state *state = state_;
	struct round *round = round_find(state, id);
	struct write_job *job = job_;
	struct chunk *chunk;

	if (round == NULL)
		return;
	chunk = round->chunks;
	round->writing = false;
	if (job->status != 0) {
		gw_log(state->self, GW_ERROR, "a round of cells cannot be put aside: %s",
		       strerror(-job->status));
		round->failed = true;
		return;
	}
	round->written += chunk->n;
	round->memory -= chunk->n;
	DL_DELETE(round->chunks, chunk);
	gw_free(state->self, chunk);
	spill(state, round);
	round_relieved(state, round);
}

/* --- cells --- */

static struct chunk *chunk_new(struct services_state *state, struct round *round, size_t n)
{
	size_t room = round->chunks == NULL || n > CHUNK ? n : CHUNK;
	struct chunk *chunk = gw_alloc(state->self, sizeof(*chunk) + room);

	chunk->room = room;
	DL_APPEND(round->chunks, chunk);
	return chunk;
}

void round_add(struct services_state *state, struct round *round, struct gw_blob cells)
{
	struct chunk *last = round->chunks == NULL ? NULL : round->chunks->prev;

	/* the first may be on its way into the file */
	if (last == NULL || last->room - last->n < cells.n ||
	    (round->writing && last == round->chunks))
		last = chunk_new(state, round, cells.n);
	memcpy(last->bytes + last->n, cells.p, cells.n);
	last->n += cells.n;
	round->memory += cells.n;
	spill(state, round);
}

bool round_cut(struct services_state *state, struct round *round)
{
	uint64_t bytes = round_bytes(round);
	struct chunk *last;
	size_t over;

	if (round->writing || round->failed || round->marked_bytes < round->written)
		return false;
	while (bytes > round->marked_bytes) {
		last = round->chunks->prev;
		over = bytes - round->marked_bytes < last->n ? (size_t)(bytes - round->marked_bytes)
		                                             : last->n;
		last->n -= over;
		round->memory -= over;
		bytes -= over;
		if (last->n > 0)
			break;
		DL_DELETE(round->chunks, last);
		gw_free(state->self, last);
	}
	round->cells = round->marked_cells;
	round->highest.n = 0;
	return true;
}

bool round_joins(const struct round *first, const struct round *second)
{
	return first == NULL || second == NULL || (second->file == 0 && !first->writing);
}

struct round *round_join(struct services_state *state, struct round *first, struct round *second)
{
	if (first == NULL || second == NULL)
		return first == NULL ? second : first;
	DL_CONCAT(first->chunks, second->chunks);
	first->memory += second->memory;
	first->cells += second->cells;
	first->news |= second->news;
	second->chunks = NULL;
	round_free(state, &second);
	return first;
}

/* --- to be merged, and read again --- */

size_t round_n_ops(const struct round *round)
{
	const struct chunk *chunk;
	size_t n = 1;

	DL_FOREACH (round->chunks, chunk)
		n++;
	return n;
}

size_t round_ops(const struct round *round, struct gw_store_op *ops, uint8_t scratch[8])
{
	struct gw_store_op op = {.kind = GW_STORE_MERGE,
	                         .table = TABLE_CELL,
	                         .key = {"round", 5},
	                         .version = VERB_ROUND};
	const struct chunk *chunk;
	size_t n = 0;

	if (round->written > 0) {
		put_u64(scratch, round->written);
		ops[n] = op;
		ops[n].file = round->file;
		ops[n++].val = (struct gw_blob){scratch, 8};
	}
	DL_FOREACH (round->chunks, chunk) {
		ops[n] = op;
		ops[n++].val = (struct gw_blob){chunk->bytes, chunk->n};
	}
	return n;
}

struct gw_blob round_at(const struct round *round, uint64_t at)
{
	uint64_t from = round->written;
	const struct chunk *chunk;

	DL_FOREACH (round->chunks, chunk) {
		if (at >= from && at < from + chunk->n)
			return (struct gw_blob){chunk->bytes + (at - from),
			                        chunk->n - (size_t)(at - from)};
		from += chunk->n;
	}
	return (struct gw_blob){NULL, 0};
}
