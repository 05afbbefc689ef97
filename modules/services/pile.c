/*
 * services/pile.c - sorting by runs in a file.
 */
#include "pile.h"
#include "scratch.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct sort_job {
	int file, status; /* its own descriptor: the pile may be gone before the job */
	uint64_t at;
	size_t n;
	uint8_t bytes[];
};

struct merge_job {
	int file, status;
	uint64_t size;
	const uint8_t *map;
	size_t n_runs, n_out;
	struct pile_run runs[]; /* then room for PILE_OUT bytes */
};

static int row_order(const uint8_t *a, const uint8_t *b)
{
	int order = memcmp(a + PILE_FRONT, b + PILE_FRONT, a[0] < b[0] ? a[0] : b[0]);

	return order != 0 ? order : (int)a[0] - (int)b[0];
}

/* --- putting --- */

bool pile_is_full(const struct pile *pile, size_t n)
{
	return pile->n + PILE_FRONT + n > PILE_BUFFER;
}

void pile_put(struct gw_self *self, struct pile *pile, struct gw_blob key, struct gw_blob val)
{
	uint8_t *at;

	if (pile->bytes == NULL)
		pile->bytes = gw_alloc(self, PILE_BUFFER);
	at = pile->bytes + pile->n;
	at[0] = (uint8_t)key.n;
	at[1] = (uint8_t)val.n;
	memcpy(at + PILE_FRONT, key.p, key.n);
	if (val.n > 0)
		memcpy(at + PILE_FRONT + key.n, val.p, val.n);
	pile->n += PILE_FRONT + key.n + val.n;
}

/* --- sorting --- */

static void run_add(struct gw_self *self, struct pile *pile, size_t n)
{
	if (pile->n_runs == pile->room) {
		pile->room = pile->room == 0 ? 64 : 2 * pile->room;
		pile->runs = gw_resize(self, pile->runs, pile->room * sizeof(*pile->runs));
	}
	pile->runs[pile->n_runs++] = (struct pile_run){pile->size, pile->size + n};
	pile->size += n;
}

int pile_spill(struct gw_self *self, struct pile *pile, const char *folder, uint32_t run_row,
               struct gw_call done)
{
	struct sort_job *job;
	int status, file;

	if (pile->file == 0) {
		status = scratch_open(folder);
		if (status < 0)
			return status;
		pile->file = status;
	}
	file = fcntl(pile->file, F_DUPFD_CLOEXEC, 3);
	if (file < 0)
		return -errno;
	job = gw_job_new(self, sizeof(*job) + pile->n);
	job->file = file;
	job->at = pile->size;
	job->n = pile->n;
	memcpy(job->bytes, pile->bytes, pile->n);
	status = gw_job_start(self, GW_LANE_READ, run_row, job, done);
	if (status != 0) {
		close(file);
		return status;
	}
	run_add(self, pile, pile->n);
	pile->n = 0;
	return 0;
}

/* Pointers to the rows, NULL if these are in order already. */
static const uint8_t **rows_of(const struct sort_job *job, size_t *n_out)
{
	const uint8_t *at, *last = NULL, *end = job->bytes + job->n, **rows;
	bool sorted = true;
	size_t n = 0;

	for (at = job->bytes; at < end; at += pile_row_bytes(at)) {
		sorted = sorted && (last == NULL || row_order(last, at) <= 0);
		last = at;
		n++;
	}
	rows = sorted ? NULL : malloc(n * sizeof(*rows));
	*n_out = n;
	n = 0;
	for (at = job->bytes; rows != NULL && at < end; at += pile_row_bytes(at))
		rows[n++] = at;
	return rows;
}

static int pointer_order(const void *a, const void *b)
{
	return row_order(*(const uint8_t *const *)a, *(const uint8_t *const *)b);
}

static int write_all(int file, const uint8_t *p, size_t n, uint64_t at)
{
	ssize_t wrote;

	while (n > 0) {
		wrote = pwrite(file, p, n, (off_t)at);
		if (wrote <= 0)
			return wrote == 0 ? -EIO : -errno;
		p += wrote;
		n -= (size_t)wrote;
		at += (uint64_t)wrote;
	}
	return 0;
}

static int sort(const struct sort_job *job)
{
	size_t n, at = 0;
	const uint8_t **rows = rows_of(job, &n);
	uint8_t *sorted;
	int status = -ENOMEM;

	if (rows == NULL)
		return write_all(job->file, job->bytes, job->n, job->at);
	qsort(rows, n, sizeof(*rows), pointer_order);
	sorted = malloc(job->n);
	for (size_t i = 0; sorted != NULL && i < n; i++) {
		memcpy(sorted + at, rows[i], pile_row_bytes(rows[i]));
		at += pile_row_bytes(rows[i]);
	}
	if (sorted != NULL)
		status = write_all(job->file, sorted, job->n, job->at);
	free(sorted);
	free(rows);
	return status;
}

void pile_sort_run(void *job_)
{
	struct sort_job *job = job_;

	job->status = sort(job);
	close(job->file);
}

int pile_sort_status(const void *job)
{
	return ((const struct sort_job *)job)->status;
}

/* --- merging --- */

int pile_merge(struct gw_self *self, struct pile *pile, uint32_t run_row, struct gw_call done)
{
	struct merge_job *job;
	int status, file;

	if (pile->n_runs == 0)
		return -ENOENT;
	file = fcntl(pile->file, F_DUPFD_CLOEXEC, 3);
	if (file < 0)
		return -errno;
	job = gw_job_new(self, sizeof(*job) + pile->n_runs * sizeof(job->runs[0]) + PILE_OUT);
	job->file = file;
	job->size = pile->size;
	job->n_runs = pile->n_runs;
	memcpy(job->runs, pile->runs, pile->n_runs * sizeof(job->runs[0]));
	status = gw_job_start(self, GW_LANE_READ, run_row, job, done);
	if (status != 0)
		close(file);
	return status;
}

/* The heap's order: the run with the least next row first. */
static void sink(struct merge_job *job, size_t at)
{
	struct pile_run *runs = job->runs, run = runs[at];
	size_t child;

	for (; (child = 2 * at + 1) < job->n_runs; at = child) {
		if (child + 1 < job->n_runs &&
		    row_order(job->map + runs[child + 1].at, job->map + runs[child].at) < 0)
			child++;
		if (row_order(job->map + run.at, job->map + runs[child].at) <= 0)
			break;
		runs[at] = runs[child];
	}
	runs[at] = run;
}

/* `out` is behind the runs that there were at the beginning. */
static void merge_rows(struct merge_job *job, uint8_t *out)
{
	const uint8_t *row;
	size_t n;

	for (size_t i = job->n_runs / 2; i-- > 0;)
		sink(job, i);
	while (job->n_runs > 0) {
		row = job->map + job->runs[0].at;
		n = pile_row_bytes(row);
		if (job->n_out + n > PILE_OUT)
			break;
		memcpy(out + job->n_out, row, n);
		job->n_out += n;
		job->runs[0].at += n;
		if (job->runs[0].at == job->runs[0].end)
			job->runs[0] = job->runs[--job->n_runs];
		sink(job, 0);
	}
}

void pile_merge_run(void *job_)
{
	struct merge_job *job = job_;
	void *map = mmap(NULL, job->size, PROT_READ, MAP_SHARED, job->file, 0);

	if (map == MAP_FAILED) {
		job->status = -errno;
	} else {
		job->map = map;
		merge_rows(job, (uint8_t *)(job->runs + job->n_runs));
		munmap(map, job->size);
	}
	close(job->file);
}

int pile_merge_status(const void *job)
{
	return ((const struct merge_job *)job)->status;
}

struct gw_blob pile_merged(struct pile *pile, const void *job_)
{
	const struct merge_job *job = job_;
	const uint8_t *out = (const uint8_t *)(job->runs + pile->n_runs);

	pile->n_runs = job->n_runs;
	memcpy(pile->runs, job->runs, job->n_runs * sizeof(job->runs[0]));
	return (struct gw_blob){out, job->n_out};
}

void pile_free(struct gw_self *self, struct pile *pile)
{
	if (pile->file > 0)
		close(pile->file);
	gw_free(self, pile->bytes);
	gw_free(self, pile->runs);
	*pile = (struct pile){0};
}
