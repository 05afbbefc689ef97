/*
 * nicks.c - ACCOUNT NICK: further names of one's account. They are its own like its first one, and
 * keep others from using them.
 */
#include "account.h"
#include <stdio.h>
#include <strings.h>

enum { NICK_LIST, NICK_ADD, NICK_DEL };

static const char syntax[] = "ACCOUNT NICK LIST, ADD <nick>, or DEL <nick> <password>";

static struct task *nick_task_new(struct account *st, struct gw_client *c, uint8_t step,
                                  const char *nick)
{
	struct task *task = own_task(st, TASK_NICK, c);

	task->step = step;
	snprintf(task->name, sizeof(task->name), "%s", nick);
	SERVICES(st, fold, task->name, task->folded);
	return task;
}

static void run_add(struct account *st, struct gw_client *c, const char *nick)
{
	struct gw_write write = {.class = GW_CLASS_ACCOUNT,
	                         .id = c->account_id,
	                         .field = GW_F_NAME,
	                         .exclusive = true,
	                         .value = blob_of(nick, strlen(nick))};
	uint8_t sub[GW_NAME_MAX];
	struct task *task;

	if (name_refused(st, c, "ACCOUNT", nick) || claim_refused(st, c, "ACCOUNT", nick))
		return;
	if (!attempt_take(st, c)) {
		say_fail(st, c, "ACCOUNT", "TEMPORARILY_UNAVAILABLE", "",
		         "Too many attempts from your address.");
		return;
	}
	task = nick_task_new(st, c, NICK_ADD, nick);
	write.sub = name_sub(sub, GW_NAME_NICK, task->folded);
	task_commit(st, task, &write, 1);
}

void run_nick(struct account *st, struct gw_client *c, int argc, char *const *argv)
{
	struct task *task;

	if (strcasecmp(argv[0], "LIST") == 0) {
		task = nick_task_new(st, c, NICK_LIST, "");
		task_read(st, task, GW_CLASS_ACCOUNT, task->account);
	} else if (strcasecmp(argv[0], "ADD") == 0 && argc == 2) {
		run_add(st, c, argv[1]);
	} else if (strcasecmp(argv[0], "DEL") == 0 && argc == 3 && strlen(argv[1]) <= GW_NICK_MAX) {
		ask_password(st, c, nick_task_new(st, c, NICK_DEL, argv[1]), argv[2]);
	} else {
		say_fail(st, c, "ACCOUNT", "INVALID_PARAMS", "", "%s", syntax);
	}
}

/* Checking a password fills in how the account is shown; the nick is still there, folded. */
static void checked(struct account *st, struct task *task, int status)
{
	if (proved(st, task, status))
		task_read(st, task, GW_CLASS_ACCOUNT, task->account);
}

static void list(struct account *st, struct gw_client *c, const struct gw_entity *entity)
{
	char name[GW_NAME_MAX + 1];
	unsigned n = 0;

	for (size_t i = 0; i < entity->n; i++) {
		const struct gw_cell *cell = &entity->cells[i];

		if (!is_nick(cell) || !gw_part_text(cell->value, 2, name, sizeof(name)))
			continue;
		say_note(st, c, "NICK", "%s%s", name,
		         cell->beaten ? " (waits: another account claimed it earlier)" : "");
		n++;
	}
	say_note(st, c, "NICK_END", "Your account has %u nick%s.", n, n == 1 ? "" : "s");
}

static void del(struct account *st, struct task *task, struct gw_client *c,
                const struct gw_entity *entity)
{
	struct gw_write write = {
		.class = GW_CLASS_ACCOUNT, .id = task->account, .field = GW_F_NAME, .remove = true};
	uint8_t sub[GW_NAME_MAX];
	struct view view;

	view_of(entity, &view);
	write.sub = name_sub(sub, GW_NAME_NICK, task->folded);
	if (gw_entity_cell(entity, GW_F_NAME, write.sub.p, write.sub.n) == NULL) {
		say_fail(st, c, "ACCOUNT", "INVALID_PARAMS", "",
		         "That is none of your account's nicks.");
	} else if (view.nicks < 2) {
		say_fail(st, c, "ACCOUNT", "INVALID_PARAMS", "",
		         "It is your account's only nick. ACCOUNT DROP gives the account up.");
	} else {
		task_commit(st, task, &write, 1);
		return;
	}
	task_end(st, task);
}

static void read(struct account *st, struct task *task, int status, const struct gw_entity *entity)
{
	struct gw_client *c = task_client(st, task);

	if (status != 0 || c == NULL) {
		report(st, task, status, "", "");
	} else if (task->step == NICK_DEL) {
		del(st, task, c, entity);
	} else {
		list(st, c, entity);
		task_end(st, task);
	}
}

static void committed(struct account *st, struct task *task, int status, struct gw_id made)
{
	struct gw_client *c = task_client(st, task);

	(void)made;
	if (c != NULL && (status == -EEXIST || status == -E2BIG)) {
		say_fail(st, c, "ACCOUNT", status == -EEXIST ? "ACCOUNT_EXISTS" : "LIMIT_REACHED",
		         "", "%s",
		         status == -EEXIST ? "Another account owns that nick."
		                           : "Your account has as many nicks as it may.");
		task_end(st, task);
		return;
	}
	report(st, task, status, "NICK_CHANGED",
	       task->step == NICK_ADD ? "That nick is your account's from now on."
	                              : "That nick is no longer your account's.");
}

const struct task_ops nick_task = {.checked = checked, .read = read, .committed = committed};
