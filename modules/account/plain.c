/*
 * plain.c - SASL PLAIN: the password is checked against the stored verifier, off the loop.
 */
#include "plain.h"
#include "account.h"
#include <strings.h>

static const char too_busy[] = "too many attempts, try again in a minute";

void sasl_plain(void *state, struct gw_client *c, const uint8_t *response, size_t n)
{
	struct account *st = state;
	struct plain plain;
	struct task *task;

	if (plain_parse(response, n, GW_NAME_MAX, &plain) != 0 ||
	    (plain.authzid[0] != '\0' && strcasecmp(plain.authzid, plain.authcid) != 0)) {
		sasl_finish(st, c, -EBADMSG, NULL, NULL);
		return;
	}
	if (!attempt_take(st, c)) {
		sasl_finish(st, c, -EAGAIN, NULL, too_busy);
		return;
	}
	task = task_new(st, TASK_PLAIN, c);
	memcpy(task->name, plain.authcid, strlen(plain.authcid) + 1);
	task->secret = gw_strdup(st->self, plain.password);
	check_start(st, task);
}

static void checked(struct account *st, struct task *task, int status)
{
	struct gw_login login = check_login(task);
	struct gw_client *c = task_client(st, task);

	if (c != NULL)
		sasl_finish(st, c, status, &login, status == -EAGAIN ? too_busy : NULL);
	task_end(st, task);
}

const struct task_ops plain_task = {.checked = checked};
