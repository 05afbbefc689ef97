/*
 * hashing.c - the queue before the compute lane: so many jobs at once, so many that wait, the rest
 * is refused.
 *
 * A client has at most one task, so those who are exempt from the bound are bounded by their
 * number.
 */
#include "account.h"
#include <utlist.h>

static bool exempt(struct account *st, struct task *task)
{
	struct gw_client *c = task_client(st, task);

	return c == NULL || c->exempt;
}

static struct cred_job *job_of(struct account *st, struct task *task)
{
	struct cred_job *job = gw_job_new(st->self, sizeof(*job));
	const char *secret =
		task->hash_check || task->secret2 == NULL ? task->secret : task->secret2;

	job->check = task->hash_check;
	job->cred = task->cred;
	job->n = strlen(secret);
	memcpy(job->password, secret, job->n);
	return job;
}

/* As many as may run; a full lane ends the matter for that task. */
static void feed(struct account *st)
{
	while (st->waiting != NULL && st->hashing < (unsigned)option(st, "hashing")) {
		struct task *task = st->waiting;
		int status;

		hash_forget(st, task);
		status = gw_job_start(st->self, GW_LANE_COMPUTE, CALL_HASH_RUN, job_of(st, task),
		                      gw_call(st->self, CALL_HASHED, task->id));
		if (status == 0)
			st->hashing++;
		else
			task_hashed(st, task, -EAGAIN);
	}
}

static void new_cred(struct account *st, struct cred *cred)
{
	memset(cred, 0, sizeof(*cred));
	cred->kind = option(st, "scram") ? CRED_SCRAM : CRED_ARGON2ID;
	cred->iterations = (uint32_t)option(st, "iterations");
	cred->operations = (uint64_t)option(st, "argon2-operations");
	cred->memory = (uint64_t)option(st, "argon2-memory");
	gw_random(st->self, cred->salt, sizeof(cred->salt));
}

void hash_start(struct account *st, struct task *task, bool check)
{
	task->hash_check = check;
	if (!check)
		new_cred(st, &task->cred);
	if (st->n_waiting >= (unsigned)option(st, "hash-queue") && !exempt(st, task)) {
		task_hashed(st, task, -EAGAIN);
		return;
	}
	DL_APPEND(st->waiting, task);
	st->n_waiting++;
	task->queued = true;
	feed(st);
}

void hash_forget(struct account *st, struct task *task)
{
	if (!task->queued)
		return;
	DL_DELETE(st->waiting, task);
	st->n_waiting--;
	task->queued = false;
}

void hash_next(struct account *st)
{
	st->hashing--;
	feed(st);
}
