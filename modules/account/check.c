/*
 * check.c - does this password open this account? The way is the same for a name that nobody has: a
 * look-up, a read and the same work on a verifier that nothing matches.
 */
#include "account.h"

/* An id that no entity has: the clock of 1970. */
static const struct gw_id nobody = {1, 1};

struct gw_login check_login(const struct task *task)
{
	return (struct gw_login){.account = task->account,
	                         .name = task->name,
	                         .host = task->host[0] != '\0' ? task->host : NULL,
	                         .waits = task->waits[0] != '\0' ? task->waits : NULL};
}

void check_start(struct account *st, struct task *task)
{
	int n;

	task->checking = true;
	if (!gw_id_none(task->account)) {
		task_read(st, task, GW_CLASS_ACCOUNT, task->account);
		return;
	}
	n = SERVICES(st, fold, task->name, task->folded);
	if (n <= 0 || strlen(task->secret) >= CRED_PASSWORD_MAX)
		task_checked(st, task, -EACCES);
	else
		task_find(st, task, GW_NAME_NICK, task->folded, (size_t)n);
}

void check_found(struct account *st, struct task *task, int status, const struct gw_owner *owner)
{
	bool known = status == 0 && owner->class == GW_CLASS_ACCOUNT;

	if (status != 0 && status != -ENOENT)
		task_checked(st, task, -EAGAIN);
	else
		task_read(st, task, GW_CLASS_ACCOUNT, known ? owner->id : nobody);
}

void check_read(struct account *st, struct task *task, int status, const struct gw_entity *entity)
{
	struct view view = {.cred = {.kind = CRED_NONE}};

	if (status == 0) {
		view_of(entity, &view);
		task->account = entity->id;
		memcpy(task->name, view.name, sizeof(task->name));
		memcpy(task->host, view.host, sizeof(task->host));
		memcpy(task->waits, view.waits, sizeof(task->waits));
	}
	if (view.cred.kind == CRED_NONE)
		decoy_cred(st, task->folded, &view.cred);
	task->cred = view.cred;
	hash_start(st, task, true);
}

void check_hashed(struct account *st, struct task *task, int status)
{
	task_checked(st, task, status);
}
