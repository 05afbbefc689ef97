/*
 * admin.c - account list, info, add, drop, password: for operators, from godwitctl and from IRC.
 */
#include "account.h"
#include <sodium.h>
#include <stdio.h>

static struct task *admin_task(struct account *st, enum task_kind kind,
                               struct gw_admin_request *req, const char *name)
{
	struct task *task = task_new(st, kind, NULL);

	task->admin = req;
	snprintf(task->name, sizeof(task->name), "%s", name);
	return task;
}

static void end(struct account *st, struct task *task, int status, const char *error)
{
	gw_admin_done(st->self, &task->admin, status, status != 0 ? error : "");
	task_end(st, task);
}

/* By name, for info, drop and password. */
static void start(struct account *st, struct task *task)
{
	int n = SERVICES(st, fold, task->name, task->folded);

	if (n <= 0)
		end(st, task, -EINVAL, "That is no account's name.");
	else
		task_find(st, task, GW_NAME_NICK, task->folded, (size_t)n);
}

static void found(struct account *st, struct task *task, int status, const struct gw_owner *owner)
{
	if (status != 0 || owner->class != GW_CLASS_ACCOUNT)
		end(st, task, -ENOENT, "There is no such account.");
	else
		task_read(st, task, GW_CLASS_ACCOUNT, owner->id);
}

static void committed(struct account *st, struct task *task, int status, struct gw_id made)
{
	(void)made;
	if (task->alone)
		gw_admin_text(st->self, task->admin,
		              "It is stored on this server only until another one is reached.");
	end(st, task, status,
	    status == -EEXIST ? "That name is registered already." : commit_trouble(status));
}

/* --- list: a walk, whose tag is the task --- */

static void list_row(struct account *st, struct gw_admin_request *req, const struct view *view)
{
	char date[32], certificates[16];
	const char *cells[] = {view->name, date, view->mail, view->confirmed ? "yes" : "no",
	                       certificates};

	when(view->registered_ms, date);
	snprintf(certificates, sizeof(certificates), "%u", view->certificates);
	gw_admin_row(st->self, req, cells, sizeof(cells) / sizeof(cells[0]));
}

static void list_head(struct account *st, struct gw_admin_request *req)
{
	static const char *const columns[] = {"account", "registered", "mail", "confirmed",
	                                      "certificates"};

	gw_admin_head(st->self, req, columns, sizeof(columns) / sizeof(columns[0]));
}

void admin_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct account *st = state;
	struct task *task = admin_task(st, TASK_ADMIN_INFO, req, argc > 0 ? argv[0] : "*");
	int status;

	list_head(st, req);
	status = SERVICES(st, walk, GW_CLASS_ACCOUNT, gw_call(st->self, CALL_LISTED, task->id));
	if (status != 0)
		end(st, task, status, "The accounts cannot be read at the moment.");
}

void call_listed(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct account *st = state;
	struct task *task = task_by_id(st, tag);
	struct view view;

	if (task == NULL)
		return;
	if (entity == NULL) {
		end(st, task, status, "The accounts could not all be read.");
		return;
	}
	view_of(entity, &view);
	if (NETWORK(st, match, task->name, view.name))
		list_row(st, task->admin, &view);
}

/* --- info --- */

void admin_info(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct account *st = state;

	(void)argc;
	start(st, admin_task(st, TASK_ADMIN_INFO, req, argv[0]));
}

static void pair(struct account *st, struct task *task, const char *key, const char *value)
{
	gw_admin_row(st->self, task->admin, (const char *const[]){key, value}, 2);
}

/* Each nick that it has claimed, and each certificate that logs it in. */
static void info_cells(struct account *st, struct task *task, const struct gw_entity *entity)
{
	for (size_t i = 0; i < entity->n; i++) {
		const struct gw_cell *cell = &entity->cells[i];
		char text[2 * DIGEST + 32];

		if (is_nick(cell) && gw_part_text(cell->value, 2, text, GW_NAME_MAX + 1)) {
			if (cell->beaten)
				strcat(text, " (another account's)");
			pair(st, task, "nick", text);
		} else if (cell->field == GW_F_CERTFP && cell->sub.n == DIGEST) {
			sodium_bin2hex(text, sizeof(text), cell->sub.p, DIGEST);
			pair(st, task, "certificate", text);
		}
	}
}

/* Who is logged in to it, anywhere. */
static void info_sessions(struct account *st, struct task *task, struct gw_id account)
{
	char text[GW_NICK_MAX + GW_SERVER_MAX + 8];

	for (const struct gw_user *user = NETWORK(st, next_user, NULL); user != NULL;
	     user = NETWORK(st, next_user, user)) {
		if (!gw_id_is(user->account_id, account))
			continue;
		snprintf(text, sizeof(text), "%s on %s", user->nick, user->session->home->name);
		pair(st, task, "session", text);
	}
}

static void info_read(struct account *st, struct task *task, int status,
                      const struct gw_entity *entity)
{
	static const char *const head[] = {"key", "value"};
	struct view view;
	char date[32];

	if (status != 0) {
		end(st, task, status, "There is no such account.");
		return;
	}
	view_of(entity, &view);
	when(view.registered_ms, date);
	gw_admin_head(st->self, task->admin, head, 2);
	pair(st, task, "account", view.name);
	pair(st, task, "registered", date);
	pair(st, task, "mail", view.mail);
	pair(st, task, "confirmed", view.confirmed ? "yes" : "no");
	pair(st, task, "password", view.cred.kind == CRED_NONE ? "no" : "yes");
	pair(st, task, "host", view.host);
	info_cells(st, task, entity);
	info_sessions(st, task, entity->id);
	end(st, task, 0, "");
}

const struct task_ops admin_info_task = {.found = found, .read = info_read};

/* --- add --- */

static bool password_fails(struct account *st, struct gw_admin_request *req, const char *password)
{
	bool weak;
	const char *fault = password_fault(st, password, &weak);

	if (fault != NULL)
		gw_admin_done(st->self, &req, -EINVAL, fault);
	return fault != NULL;
}

void admin_add(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct account *st = state;
	struct task *task;

	(void)argc;
	if (password_fails(st, req, argv[1]))
		return;
	task = admin_task(st, TASK_ADMIN_ADD, req, argv[0]);
	task->secret = gw_strdup(st->self, argv[1]);
	if (!NETWORK(st, valid_nick, argv[0]) || SERVICES(st, fold, task->name, task->folded) <= 0)
		end(st, task, -EINVAL, "An account's name must be a valid nick.");
	else
		hash_start(st, task, false);
}

static void add_hashed(struct account *st, struct task *task, int status)
{
	struct birth birth;

	if (status != 0) {
		end(st, task, status, commit_trouble(-EAGAIN));
	} else {
		size_t n = birth_of(st, task, false, &birth);

		task_commit(st, task, birth.writes, n);
	}
}

const struct task_ops admin_add_task = {.hashed = add_hashed, .committed = committed};

/* --- drop --- */

void admin_drop(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct account *st = state;

	(void)argc;
	start(st, admin_task(st, TASK_ADMIN_DROP, req, argv[0]));
}

static void drop_read(struct account *st, struct task *task, int status,
                      const struct gw_entity *entity)
{
	struct gw_write write;

	if (status != 0) {
		end(st, task, status, "There is no such account.");
		return;
	}
	write = death(GW_CLASS_ACCOUNT, entity->id);
	task_commit(st, task, &write, 1);
}

const struct task_ops admin_drop_task = {.found = found, .read = drop_read, .committed = committed};

/* --- password --- */

void admin_password(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct account *st = state;
	struct task *task;

	(void)argc;
	if (password_fails(st, req, argv[1]))
		return;
	task = admin_task(st, TASK_ADMIN_PASSWORD, req, argv[0]);
	task->secret = gw_strdup(st->self, argv[1]);
	start(st, task);
}

static void password_read(struct account *st, struct task *task, int status,
                          const struct gw_entity *entity)
{
	if (status != 0) {
		end(st, task, status, "There is no such account.");
		return;
	}
	task->account = entity->id;
	hash_start(st, task, false);
}

static void password_hashed(struct account *st, struct task *task, int status)
{
	if (status != 0)
		end(st, task, status, commit_trouble(-EAGAIN));
	else
		password_store(st, task);
}

const struct task_ops admin_password_task = {
	.found = found, .read = password_read, .hashed = password_hashed, .committed = committed};
