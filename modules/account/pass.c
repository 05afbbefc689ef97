/*
 * pass.c - PASS account:password: for clients without SASL, and for people who type it.
 */
#include "account.h"

static void say_how(struct account *st, struct gw_client *c, const char *why)
{
	CLIENT(st, numeric, c, 464, ":%s", why);
	CLIENT(st, notice, c, "%s To log in: PASS <account>:<password>", why);
}

void cmd_pass(void *state, struct gw_client *c, const struct gw_message *m)
{
	struct account *st = state;
	const char *colon = strchr(m->argv[0], ':');
	size_t n = colon != NULL ? (size_t)(colon - m->argv[0]) : 0;
	struct party *party;
	struct task *task;

	if (c->state == GW_REGISTRATION)
		registration_leave(st, c);
	if (n == 0 || n > GW_NAME_MAX || colon[1] == '\0' || m->argc > 1) {
		say_how(st, c, "That is no account and password.");
		return;
	}
	if (!attempt_take(st, c)) {
		say_how(st, c, "Too many attempts from your address.");
		return;
	}
	party = party_find(st, c->id);
	if (party != NULL)
		sasl_drop(st, party);
	task = task_new(st, TASK_PASS, c);
	memcpy(task->name, m->argv[0], n);
	task->secret = gw_strdup(st->self, colon + 1);
	check_start(st, task);
}

static void checked(struct account *st, struct task *task, int status)
{
	struct gw_login login = check_login(task);
	struct gw_client *c = task_client(st, task);

	if (c != NULL && status == 0) {
		login_succeeds(st, c, &login, false);
	} else if (c != NULL) {
		say_how(st, c,
		        status == -EAGAIN ? "Too many people log in at the moment."
		                          : "That account and password do not match.");
		login_failed(st, c);
	}
	task_end(st, task);
}

const struct task_ops pass_task = {.checked = checked};
