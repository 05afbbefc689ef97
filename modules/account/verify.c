/*
 * verify.c - VERIFY: the code turns a registration that awaits it into an account, from whatever
 * connection it comes.
 */
#include "account.h"
#include <sodium.h>
#include <strings.h>

static void fail(struct account *st, struct task *task, const char *code, const char *text)
{
	struct gw_client *c = task_client(st, task);

	if (c != NULL)
		say_fail(st, c, "VERIFY", code, task->name, "%s", text);
	task_end(st, task);
}

void cmd_verify(void *state, struct gw_client *c, const struct gw_message *m)
{
	struct account *st = state;
	const char *name = strcmp(m->argv[0], "*") == 0 ? c->nick : m->argv[0];
	struct task *task;
	int n;

	if (c->account != NULL) {
		say_fail(st, c, "VERIFY", "ALREADY_AUTHENTICATED", c->account,
		         "You are logged in as %s already.", c->account);
		return;
	}
	if (!NETWORK(st, valid_nick, name) || strlen(m->argv[1]) != CODE_LENGTH) {
		say_fail(st, c, "VERIFY", "INVALID_CODE", "*",
		         "That code is wrong or has expired.");
		return;
	}
	if (claim_refused(st, c, "VERIFY", name))
		return;
	if (!attempt_take(st, c)) {
		say_fail(st, c, "VERIFY", "TEMPORARILY_UNAVAILABLE", name,
		         "Too many attempts from your address. Try again in a minute.");
		return;
	}
	task = task_new(st, TASK_VERIFY, c);
	memcpy(task->name, name, strlen(name) + 1);
	memcpy(task->code, m->argv[1], CODE_LENGTH + 1);
	n = SERVICES(st, fold, name, task->folded);
	if (n <= 0)
		fail(st, task, "INVALID_CODE", "That code is wrong or has expired.");
	else
		task_find(st, task, NAME_PENDING, task->folded, (size_t)n);
}

static void found(struct account *st, struct task *task, int status, const struct gw_owner *owner)
{
	if (status == 0)
		task_read(st, task, GW_CLASS_PENDING, owner->id);
	else if (status == -ENOENT)
		fail(st, task, "INVALID_CODE", "That code is wrong or has expired.");
	else
		fail(st, task, "TEMPORARILY_UNAVAILABLE", commit_trouble(status));
}

static void wrong_code(struct account *st, struct task *task)
{
	bool last = try_count(st, task->pending);

	if (last)
		pending_kill(st, task->pending);
	fail(st, task, "INVALID_CODE",
	     last ? "That code is wrong. It was the last try: REGISTER again."
	          : "That code is wrong or has expired.");
}

/* The registration dies and the account is born under one stamp. */
static void commit(struct account *st, struct task *task, const struct pending *pending)
{
	struct gw_write writes[8];
	struct birth birth;
	size_t n;

	memcpy(task->name, pending->name, sizeof(task->name));
	memcpy(task->mail, pending->mail, sizeof(task->mail));
	task->cred = pending->cred;
	n = birth_of(st, task, true, &birth);
	writes[0] = death(GW_CLASS_PENDING, task->pending);
	memcpy(writes + 1, birth.writes, n * sizeof(writes[0]));
	task_commit(st, task, writes, n + 1);
}

static void read(struct account *st, struct task *task, int status, const struct gw_entity *entity)
{
	struct pending pending;
	uint8_t digest[DIGEST];

	if (status != 0 || !pending_of(entity, &pending) ||
	    pending.expires_ms < gw_wall_ns(st->self) / GW_MS) {
		fail(st, task, "INVALID_CODE", "That code is wrong or has expired.");
		return;
	}
	task->pending = entity->id;
	code_digest(task->code, digest);
	if (sodium_memcmp(digest, pending.code, DIGEST) != 0)
		wrong_code(st, task);
	else
		commit(st, task, &pending);
}

static void committed(struct account *st, struct task *task, int status, struct gw_id made)
{
	struct gw_client *c = task_client(st, task);

	if (status == -EEXIST) {
		pending_kill(st, task->pending);
		fail(st, task, "INVALID_CODE",
		     "Meanwhile the name or the address was taken by another account.");
		return;
	}
	if (status != 0) {
		fail(st, task, "TEMPORARILY_UNAVAILABLE", registration_trouble(st, task, status));
		return;
	}
	gw_log(st->self, GW_INFO, "registered account=%s", task->name);
	if (c != NULL)
		registration_done(st, task, c, "VERIFY", made);
	task_end(st, task);
}

const struct task_ops verify_task = {.found = found, .read = read, .committed = committed};
