/*
 * task.c - commands on their way: look-ups, hashing and commits end here and go on by the table of
 * kinds.
 */
#include "account.h"
#include <sodium.h>

static const struct task_ops *const kinds[] = {
	[TASK_REGISTER] = &register_task,
	[TASK_VERIFY] = &verify_task,
	[TASK_PLAIN] = &plain_task,
	[TASK_PASS] = &pass_task,
	[TASK_SCRAM] = &scram_task,
	[TASK_EXTERNAL] = &external_task,
	[TASK_PASSWORD] = &password_task,
	[TASK_EMAIL] = &email_task,
	[TASK_CERTFP] = &certfp_task,
	[TASK_DROP] = &drop_task,
	[TASK_INFO] = &info_task,
	[TASK_ADMIN_INFO] = &admin_info_task,
	[TASK_ADMIN_ADD] = &admin_add_task,
	[TASK_ADMIN_DROP] = &admin_drop_task,
	[TASK_ADMIN_PASSWORD] = &admin_password_task,
	[TASK_WITHDRAW] = &withdraw_task,
	[TASK_NICK] = &nick_task,
};

struct task *task_by_id(struct account *st, uint64_t id)
{
	struct gw_self *self = st->self;
	struct task *task;

	HASH_FIND(hh, st->tasks, &id, sizeof(id), task);
	return task;
}

struct task *task_new(struct account *st, enum task_kind kind, struct gw_client *c)
{
	struct gw_self *self = st->self;
	struct task *task = gw_alloc(self, sizeof(*task));

	task->id = ++st->next_task;
	task->kind = kind;
	HASH_ADD(hh, st->tasks, id, sizeof(task->id), task);
	if (c != NULL) {
		task->client = c->id;
		party_of(st, c->id)->task = task->id;
		CLIENT(st, hold, c, st->self);
	}
	return task;
}

struct gw_client *task_client(struct account *st, struct task *task)
{
	if (task->client == 0 || task->gone)
		return NULL;
	return CLIENT(st, by_id, task->client);
}

static void wipe(struct gw_self *self, char *secret)
{
	if (secret == NULL)
		return;
	sodium_memzero(secret, strlen(secret));
	gw_free(self, secret);
}

static void task_free(struct account *st, struct task *task)
{
	struct gw_self *self = st->self;

	hash_forget(st, task);
	HASH_DELETE(hh, st->tasks, task);
	wipe(self, task->secret);
	wipe(self, task->secret2);
	sodium_memzero(task, sizeof(*task));
	gw_free(self, task);
}

void task_end(struct account *st, struct task *task)
{
	struct gw_client *c = task_client(st, task);
	struct party *party = task->client != 0 ? party_find(st, task->client) : NULL;

	if (party != NULL && party->task == task->id) {
		party->task = 0;
		party_tidy(st, party);
	}
	task_free(st, task);
	if (c != NULL)
		CLIENT(st, release, c, st->self);
}

void task_forget_client(struct account *st, uint64_t client)
{
	struct party *party = party_find(st, client);
	struct task *task = party != NULL ? task_by_id(st, party->task) : NULL;

	if (task != NULL)
		task->gone = true;
}

/* The module goes; the clients that it holds are let go by their own module. */
void tasks_free(struct account *st)
{
	struct task *task, *next;

	for (task = st->tasks; task != NULL; task = next) {
		struct gw_client *c = task_client(st, task);

		next = task->hh.next;
		if (task->admin != NULL)
			gw_admin_done(st->self, &task->admin, -ECANCELED,
			              "The module account was unloaded.");
		if (c != NULL && c->state == GW_REGISTRATION)
			CLIENT(st, change, c, GW_REGISTRATION_CANCELLED);
		task_free(st, task);
	}
}

static void found(struct account *st, struct task *task, int status, const struct gw_owner *owner)
{
	if (task->checking)
		check_found(st, task, status, owner);
	else
		kinds[task->kind]->found(st, task, status, owner);
}

/* Accounts are named as they are shown. */
void task_find(struct account *st, struct task *task, int namespace, const void *key, size_t n)
{
	struct gw_call done = gw_call(st->self, CALL_FOUND, task->id);
	enum gw_namespace ns = (enum gw_namespace) namespace;
	struct gw_owner owner;
	int status;

	if (ns == GW_NAME_NICK)
		status = SERVICES(st, find_shown, ns, key, n, &owner, done);
	else
		status = SERVICES(st, find, ns, key, n, &owner, done);
	if (status != -EINPROGRESS)
		found(st, task, status, status == 0 ? &owner : NULL);
}

void call_found(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct account *st = state;
	struct task *task = task_by_id(st, tag);

	if (task != NULL)
		found(st, task, status, owner);
}

static void read_done(struct account *st, struct task *task, int status,
                      const struct gw_entity *entity)
{
	if (task->checking)
		check_read(st, task, status, entity);
	else
		kinds[task->kind]->read(st, task, status, entity);
}

void task_read(struct account *st, struct task *task, uint8_t class, struct gw_id id)
{
	int status = SERVICES(st, read, class, id, gw_call(st->self, CALL_READ, task->id));

	if (status != 0)
		read_done(st, task, status, NULL);
}

void call_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct account *st = state;
	struct task *task = task_by_id(st, tag);

	if (task != NULL)
		read_done(st, task, status, entity);
}

void task_commit(struct account *st, struct task *task, const struct gw_write *writes, size_t n)
{
	int status = SERVICES(st, commit, writes, n, gw_call(st->self, CALL_COMMITTED, task->id));

	if (status != 0)
		kinds[task->kind]->committed(st, task, status, (struct gw_id){0, 0});
}

/* Asks a neighbour for its copy; false: the answer is there, or none is wanted. */
static bool wait_for_copy(struct account *st, struct task *task)
{
	const struct gw_stamp stamp = {task->made.clock, task->made.origin};
	int64_t within = option(st, "second-copy");

	if (within == 0 || st->replica->ops == NULL || task->kind == TASK_WITHDRAW)
		return false;
	if (REPLICA(st, second_copy, stamp, within, gw_call(st->self, CALL_COPIED, task->id)) == 0)
		return true;
	task->alone = servers_others(st);
	return false;
}

void call_committed(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct account *st = state;
	struct task *task = task_by_id(st, tag);

	if (task == NULL)
		return;
	task->made = made;
	if (status != 0 || !wait_for_copy(st, task))
		kinds[task->kind]->committed(st, task, status, made);
}

/* It is stored here in any case. */
void call_copied(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct account *st = state;
	struct task *task = task_by_id(st, tag);

	(void)made;
	if (task == NULL)
		return;
	task->alone = status != 0 && servers_others(st);
	kinds[task->kind]->committed(st, task, 0, task->made);
}

/* The queue's verdict about a password; inside a check the check goes first. */
static void hashed(struct account *st, struct task *task, int status)
{
	if (task->checking)
		check_hashed(st, task, status);
	else
		kinds[task->kind]->hashed(st, task, status);
}

void call_hashed(void *state, uint64_t tag, void *data)
{
	struct account *st = state;
	struct task *task = task_by_id(st, tag);
	struct cred_job *job = data;

	hash_next(st);
	if (task == NULL)
		return;
	if (!task->hash_check)
		task->cred = job->cred;
	hashed(st, task, job->done ? 0 : task->hash_check ? -EACCES : -EIO);
}

void task_hashed(struct account *st, struct task *task, int status)
{
	hashed(st, task, status);
}

void task_checked(struct account *st, struct task *task, int status)
{
	task->checking = false;
	kinds[task->kind]->checked(st, task, status);
}
