/*
 * external.c - SASL EXTERNAL: the certificate that TLS has checked names the account that lists its
 * fingerprint.
 */
#include "account.h"
#include <strings.h>

void sasl_external(void *state, struct gw_client *c, const uint8_t *response, size_t n)
{
	struct account *st = state;
	const char *authzid = (const char *)response;
	struct task *task;

	if (strlen(authzid) != n || n > GW_NAME_MAX || !c->info->has_certificate) {
		sasl_finish(st, c, -EBADMSG, NULL, NULL);
		return;
	}
	if (!attempt_take(st, c)) {
		sasl_finish(st, c, -EAGAIN, NULL, "too many attempts, try again in a minute");
		return;
	}
	task = task_new(st, TASK_EXTERNAL, c);
	memcpy(task->name, authzid, n + 1);
	task_find(st, task, GW_NAME_CERTFP, c->info->certificate, sizeof(c->info->certificate));
}

static void refuse(struct account *st, struct task *task, const char *why)
{
	struct gw_client *c = task_client(st, task);

	if (c != NULL)
		sasl_finish(st, c, -EACCES, NULL, why);
	task_end(st, task);
}

static void found(struct account *st, struct task *task, int status, const struct gw_owner *owner)
{
	if (status == 0 && owner->class == GW_CLASS_ACCOUNT)
		task_read(st, task, GW_CLASS_ACCOUNT, owner->id);
	else
		refuse(st, task, "no account lists your certificate");
}

/* Any name of its own, or the one that it is shown by. */
static bool owns(const struct gw_entity *entity, const char *name)
{
	if (entity->shown != NULL && strcasecmp(entity->shown, name) == 0)
		return true;
	for (size_t i = 0; i < entity->n; i++) {
		const struct gw_cell *cell = &entity->cells[i];
		const char *sub = cell->sub.p;

		if (cell->field == GW_F_NAME && !cell->beaten && cell->sub.n == strlen(name) + 1 &&
		    sub[0] == GW_NAME_NICK && strncasecmp(sub + 1, name, cell->sub.n - 1) == 0)
			return true;
	}
	return false;
}

static void read(struct account *st, struct task *task, int status, const struct gw_entity *entity)
{
	struct gw_client *c = task_client(st, task);
	struct gw_login login = {0};
	struct view view;

	if (status != 0 || (task->name[0] != '\0' && !owns(entity, task->name))) {
		refuse(st, task, "that is not the account of your certificate");
		return;
	}
	view_of(entity, &view);
	login.account = entity->id;
	login.name = view.name;
	login.host = view.host[0] != '\0' ? view.host : NULL;
	login.waits = view.waits[0] != '\0' ? view.waits : NULL;
	if (c != NULL)
		sasl_finish(st, c, 0, &login, NULL);
	task_end(st, task);
}

const struct task_ops external_task = {.found = found, .read = read};
