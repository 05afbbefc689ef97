/*
 * store/commit.c - the loop's side of writing: batches queue up while a job commits, the next job
 * takes them all.
 *
 * Group commit comes by itself that way. A batch is copied into one row of bytes when it is given,
 * and into the memory of the job that commits it; its completion stays here, so the job touches
 * nothing of the state.
 */
#include "store.h"
#include <errno.h>
#include <fcntl.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

struct batch {
	struct batch *prev, *next;
	struct gw_call done;
	uint32_t n_ops;
	uint32_t files; /* of the operations, open as long as it is queued */
	size_t bytes;
	int64_t since_ns;
	uint8_t ops[];
};

static size_t round_up(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static bool op_fits(const struct gw_store_op *op)
{
	return op->table < GW_STORE_TABLES && op->kind <= GW_STORE_MERGE &&
	       op->key.n <= GW_STORE_KEY_MAX && op->val.n <= STORE_VALUE_MAX &&
	       (op->key.n > 0 || op->kind == GW_STORE_EMPTY);
}

static uint8_t *op_flatten(uint8_t *at, const struct gw_store_op *op)
{
	struct flat_op flat = {.kind = op->kind,
	                       .table = op->table,
	                       .key_n = (uint16_t)op->key.n,
	                       .val_n = (uint32_t)op->val.n,
	                       .file = op->file,
	                       .version = op->version};

	memcpy(at, &flat, sizeof(flat));
	if (op->key.n > 0)
		memcpy(at + sizeof(flat), op->key.p, op->key.n);
	if (op->val.n > 0)
		memcpy(at + sizeof(flat) + op->key.n, op->val.p, op->val.n);
	return at + flat_bytes(&flat);
}

void flat_close(const uint8_t *at, size_t n)
{
	struct flat_op flat;

	for (size_t i = 0; i < n; i++) {
		memcpy(&flat, at, sizeof(flat));
		if (flat.file > 0)
			close(flat.file);
		at += flat_bytes(&flat);
	}
}

/* The batch's own descriptors in place of the caller's, which may be closed when it likes. */
static int files_take(struct batch *batch)
{
	uint8_t *at = batch->ops;
	struct flat_op flat;
	int status = 0;

	for (uint32_t i = 0; i < batch->n_ops; i++) {
		memcpy(&flat, at, sizeof(flat));
		if (flat.file > 0) {
			flat.file = status == 0 ? fcntl(flat.file, F_DUPFD_CLOEXEC, 3) : 0;
			if (flat.file < 0)
				status = -errno;
			memcpy(at, &flat, sizeof(flat));
		}
		at += flat_bytes(&flat);
	}
	if (status != 0)
		flat_close(batch->ops, batch->n_ops);
	return status;
}

int commit_merge_by(void *store, struct gw_call merge)
{
	((struct store_state *)store)->merge = merge;
	return 0;
}

int commit_add(void *store, const struct gw_store_op *ops, size_t n, enum gw_store_durable durable,
               struct gw_call done)
{
	struct store_state *state = store;
	struct batch *batch;
	uint32_t files = 0;
	size_t bytes = 0;
	uint8_t *at;
	int status;

	(void)durable; /* every commit is synced */
	for (size_t i = 0; i < n; i++) {
		if (!op_fits(&ops[i]))
			return -EINVAL;
		bytes += round_up(sizeof(struct flat_op) + ops[i].key.n + ops[i].val.n);
		files += ops[i].file > 0;
	}
	if (n == 0 || n > UINT32_MAX)
		return -EINVAL;
	if (state->pending + bytes > STORE_PENDING_MAX) {
		state->counts.refused++;
		return -EAGAIN;
	}
	batch = gw_alloc(state->self, sizeof(*batch) + bytes);
	*batch = (struct batch){.done = done,
	                        .n_ops = (uint32_t)n,
	                        .files = files,
	                        .bytes = bytes,
	                        .since_ns = gw_mono_ns(state->self)};
	at = batch->ops;
	for (size_t i = 0; i < n; i++)
		at = op_flatten(at, &ops[i]);
	status = files > 0 ? files_take(batch) : 0;
	if (status != 0) {
		gw_free(state->self, batch);
		return status;
	}
	DL_APPEND(state->queue, batch);
	state->pending += bytes;
	commit_pump(state);
	return 0;
}

/* The job for the first batches of the queue, as many as one transaction takes. */
static struct write_job *job_new(struct store_state *state)
{
	struct write_job *job;
	struct batch *batch;
	size_t bytes = 0, at;
	uint32_t n = 0;

	DL_FOREACH (state->queue, batch) {
		if (n > 0 && bytes + batch->bytes > STORE_GROUP_MAX)
			break;
		bytes += batch->bytes;
		n++;
	}
	at = round_up(sizeof(*job) + n * sizeof(struct slot));
	job = gw_job_new(state->self, at + bytes);
	job->n = n;
	for (uint32_t i = 0; i < n; i++) {
		batch = state->queue;
		DL_DELETE(state->queue, batch);
		DL_APPEND(state->in_flight, batch);
		job->slots[i] =
			(struct slot){.n_ops = batch->n_ops, .files = batch->files, .offset = at};
		memcpy((uint8_t *)job + at, batch->ops, batch->bytes);
		at += batch->bytes;
	}
	return job;
}

void commit_pump(struct store_state *state)
{
	struct gw_self *self = state->self;
	struct write_job *job;

	if (state->writing || state->wiping || state->queue == NULL)
		return;
	job = job_new(state);
	job->env = env_ref(state->env);
	job->merge = (gw_store_merge_fn *)gw_call_fn(state->merge);
	job->merge_tag = state->merge.tag;
	if (job->merge != NULL)
		gw_job_uses(self, job, state->merge.module);
	state->writing = true;
	if (gw_job_start(self, GW_LANE_WRITE, CALL_WRITE_RUN, job,
	                 gw_call(self, CALL_WRITE_DONE, 0)) == 0)
		return;
	env_unref(&(struct env *){state->env}); /* the job's: it is gone */
	state->writing = false;
	DL_CONCAT(state->in_flight, state->queue);
	state->queue = state->in_flight;
	state->in_flight = NULL;
	gw_timer_set(state->retry, self, 10 * GW_MS);
}

void commit_retry(void *state, uint64_t tag)
{
	(void)tag;
	commit_pump(state);
	read_pump(state);
}

static void count(struct store_state *state, const struct batch *batch, int status)
{
	state->counts.batches++;
	state->counts.failed += status != 0;
	state->counts.bytes += batch->bytes;
	gw_histogram_add(&state->counts.took, gw_mono_ns(state->self) - batch->since_ns);
}

void commit_written(void *state_, uint64_t tag, void *job_)
{
	struct store_state *state = state_;
	struct gw_self *self = state->self;
	struct write_job *job = job_;
	struct gw_visit visit;
	gw_store_done_fn *fn;
	struct batch *batch;

	(void)tag;
	state->commits++;
	for (uint32_t i = 0; i < job->n; i++) {
		batch = state->in_flight;
		DL_DELETE(state->in_flight, batch);
		state->pending -= batch->bytes;
		count(state, batch, job->slots[i].status);
		fn = (gw_store_done_fn *)gw_visit(self, &visit, batch->done);
		if (fn != NULL)
			fn(batch->done.module->state, batch->done.tag, job->slots[i].status,
			   state->commits);
		gw_visit_end(self, &visit);
		gw_free(self, batch);
	}
	state->writing = false;
	if (state->wiping)
		care_wipe_start(state);
	commit_pump(state);
}

/* `files`: they are still this side's to close; a job closes its own. */
static void list_free(struct gw_self *self, struct batch **list, bool files)
{
	struct batch *batch, *next;

	DL_FOREACH_SAFE (*list, batch, next) {
		DL_DELETE(*list, batch);
		if (files && batch->files > 0)
			flat_close(batch->ops, batch->n_ops);
		gw_free(self, batch);
	}
}

void commit_drop_all(struct store_state *state)
{
	list_free(state->self, &state->queue, true);
	list_free(state->self, &state->in_flight, false);
}
