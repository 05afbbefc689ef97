/*
 * commands.c - MEMO of people, and `memo` of operators.
 *
 * Each takes some turns of the loop: the account is found by its name, its cells are read, and
 * perhaps a change is committed. In between lies a struct work, named by its number in every call:
 * whoever asked may be gone when the answer comes, and the module may be another build by then.
 */
#include "memo.h"
#include <errno.h>
#include <godwit/hash.h>
#include <godwit/log.h>
#include <strings.h>

/** Rows of the table in kind_of(), at the end. */
enum { SEND, LIST, DELETE, ADMIN_LIST, ADMIN_DROP };

struct work {
	UT_hash_handle hh;
	uint64_t id;
	uint64_t client;              /* who asked; 0: an operator, by */
	struct gw_admin_request *req; /* this */
	uint64_t kind;
	struct gw_id account;          /* whose memos */
	struct memo memo;              /* SEND */
	char name[GW_NAME_MAX + 1];    /* of the account, as it was typed */
	char letters[LETTERS + 1 + 2]; /* of the memo to be deleted, "*": all */
};

/** What is done with the account that was read, and behind the change. */
struct kind {
	void (*read)(struct memo_state *st, struct work *w, const struct gw_entity *account);
	void (*committed)(struct memo_state *st, struct work *w);
};
static const struct kind *kind_of(const struct work *w);

/* --- its beginning and end --- */

/* A client that waits for an answer is held: its further lines wait, and the label of the one at
 * hand stays open. */
static struct work *work_new(struct memo_state *st, uint64_t kind, struct gw_client *c,
                             struct gw_admin_request *req)
{
	struct gw_self *self = st->self;
	struct work *w = gw_alloc(self, sizeof(*w));

	w->id = ++st->last_work;
	w->kind = kind;
	w->req = req;
	if (c != NULL) {
		w->client = c->id;
		CLIENT(st, hold, c, self);
	}
	HASH_ADD(hh, st->works, id, sizeof(w->id), w);
	return w;
}

static struct work *work_find(struct memo_state *st, uint64_t id)
{
	struct gw_self *self = st->self;
	struct work *w;

	HASH_FIND(hh, st->works, &id, sizeof(id), w);
	return w;
}

/* NULL: it has gone, or an operator asked. */
static struct gw_client *asker(struct memo_state *st, const struct work *w)
{
	return w->client != 0 ? CLIENT(st, by_id, w->client) : NULL;
}

static void work_end(struct memo_state *st, struct work *w)
{
	struct gw_client *c = asker(st, w);
	struct gw_self *self = st->self;

	if (w->req != NULL)
		gw_admin_done(self, &w->req, 0, "");
	HASH_DELETE(hh, st->works, w);
	gw_free(self, w);
	if (c != NULL)
		CLIENT(st, release, c, self);
}

static void work_fail(struct memo_state *st, struct work *w, int status, const char *code,
                      const char *sentence)
{
	struct gw_client *c = asker(st, w);

	if (w->req != NULL)
		gw_admin_done(st->self, &w->req, status, sentence);
	if (c != NULL)
		CLIENT(st, standard, c, "FAIL", "MEMO", code, w->name, "%s", sentence);
	work_end(st, w);
}

/* What the database says when it does not do as it is told. */
static void work_fail_as(struct memo_state *st, struct work *w, int status)
{
	if (status == -ENOENT)
		work_fail(st, w, status, "UNKNOWN_ACCOUNT", "There is no such account");
	else
		work_fail(st, w, status, "TEMPORARILY_UNAVAILABLE",
		          "Memos cannot be reached at the moment, try again later");
}

/* The holds of clients end by themselves when the module is unloaded. */
void works_free(struct memo_state *st)
{
	struct gw_self *self = st->self;
	struct work *w, *next;

	HASH_ITER (hh, st->works, w, next) {
		if (w->req != NULL)
			gw_admin_done(self, &w->req, -ECANCELED, "the module was unloaded");
		HASH_DELETE(hh, st->works, w);
		gw_free(self, w);
	}
}

/* --- its steps --- */

static void read_account(struct memo_state *st, struct work *w, struct gw_id account)
{
	int status;

	w->account = account;
	status = SERVICES(st, read, GW_CLASS_ACCOUNT, account, gw_call(st->self, CALL_READ, w->id));
	if (status != 0)
		work_fail_as(st, w, status);
}

void memo_found(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct memo_state *st = state;
	struct work *w = work_find(st, tag);

	if (w == NULL)
		return;
	if (status == 0 && owner->class != GW_CLASS_ACCOUNT)
		status = -ENOENT;
	if (status != 0)
		work_fail_as(st, w, status);
	else
		read_account(st, w, owner->id);
}

/* As people are shown it: of two accounts that claim a name the later one is "name~digits". */
static void find_account(struct memo_state *st, struct work *w, const char *name)
{
	char folded[GW_NAME_MAX + 1];
	struct gw_owner owner;
	int n = SERVICES(st, fold, name, folded), status = -ENOENT;

	snprintf(w->name, sizeof(w->name), "%s", name);
	if (n > 0)
		status = SERVICES(st, find_shown, GW_NAME_NICK, folded, (size_t)n, &owner,
		                  gw_call(st->self, CALL_FOUND, w->id));
	if (status != -EINPROGRESS)
		memo_found(st, w->id, status, &owner);
}

void memo_read(void *state, uint64_t tag, int status, const struct gw_entity *account)
{
	struct memo_state *st = state;
	struct work *w = work_find(st, tag);

	if (w == NULL)
		return;
	if (status != 0)
		work_fail_as(st, w, status);
	else
		kind_of(w)->read(st, w, account);
}

void memo_committed(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct memo_state *st = state;
	struct work *w = work_find(st, tag);

	(void)made;
	if (w == NULL)
		return;
	if (status != 0) {
		work_fail_as(st, w, status);
		return;
	}
	kind_of(w)->committed(st, w);
	work_end(st, w);
}

/* --- SEND --- */

/* Two that send at once may both find the last place free. One memo more does no harm. */
static void send_read(struct memo_state *st, struct work *w, const struct gw_entity *account)
{
	int64_t n = 0;
	struct memo memo;
	int status;

	for (size_t at = 0; memo_next(st, account, &at, &memo);)
		n++;
	if (n >= memo_option(st, "most")) {
		work_fail(st, w, -ENOSPC, "MAILBOX_FULL",
		          "No more memos fit there until some have been deleted");
		return;
	}
	w->memo.id.clock = gw_clock_next(st->self);
	SERVICES(st, origin, &w->memo.id.origin);
	status = memo_write(st, w->account, &w->memo, gw_call(st->self, CALL_COMMITTED, w->id));
	if (status != 0)
		work_fail_as(st, w, status);
}

/* Only now: it is on the disk, and a crash of this server does not lose it. */
static void send_committed(struct memo_state *st, struct work *w)
{
	struct gw_client *c = asker(st, w);

	st->stored++;
	if (c != NULL)
		CLIENT(st, standard, c, "NOTE", "MEMO", "STORED", w->name,
		       "Your memo is kept for %s", w->name);
}

static void command_send(struct memo_state *st, struct gw_client *c, const struct gw_message *m)
{
	int64_t most = memo_option(st, "length");
	const char *text = m->argc > 2 ? m->argv[2] : "";
	struct work *w;

	if (text[0] == '\0') {
		CLIENT(st, standard, c, "FAIL", "MEMO", "NEED_MORE_PARAMS", "SEND",
		       "To whom, and what? MEMO SEND <account> :<text>");
		return;
	}
	if (strlen(text) > (size_t)most) {
		CLIENT(st, standard, c, "FAIL", "MEMO", "TOO_LONG", "SEND",
		       "A memo has at most %d bytes", (int)most);
		return;
	}
	w = work_new(st, SEND, c, NULL);
	snprintf(w->memo.sender, sizeof(w->memo.sender), "%s", c->account);
	snprintf(w->memo.text, sizeof(w->memo.text), "%s", text);
	find_account(st, w, m->argv[1]);
}

/* --- LIST --- */

static void list_read(struct memo_state *st, struct work *w, const struct gw_entity *account)
{
	struct gw_client *c = asker(st, w);
	struct memo memo;
	unsigned n = 0;

	for (size_t at = 0; c != NULL && memo_next(st, account, &at, &memo); n++)
		memo_line(st, c, &memo);
	if (c != NULL)
		CLIENT(st, standard, c, "NOTE", "MEMO", "END", "LIST", "You have %u of %d memos", n,
		       (int)memo_option(st, "most"));
	work_end(st, w);
}

static void command_list(struct memo_state *st, struct gw_client *c, const struct gw_message *m)
{
	(void)m;
	read_account(st, work_new(st, LIST, c, NULL), c->account_id);
}

/* --- DEL, and an operator's drop --- */

/* Those that are meant by `w->letters`. */
static size_t chosen(struct memo_state *st, const struct work *w, const struct gw_entity *account,
                     struct gw_id ids[MEMOS_MAX])
{
	char letters[LETTERS + 1];
	struct memo memo;
	size_t n = 0;

	for (size_t at = 0; n < MEMOS_MAX && memo_next(st, account, &at, &memo);) {
		memo_letters(memo.id, letters);
		if (strcmp(w->letters, "*") == 0 || strcasecmp(w->letters, letters) == 0)
			ids[n++] = memo.id;
	}
	return n;
}

static void delete_read(struct memo_state *st, struct work *w, const struct gw_entity *account)
{
	struct gw_id ids[MEMOS_MAX];
	size_t n = chosen(st, w, account, ids);
	int status;

	if (n == 0) {
		work_fail(st, w, -ENOENT, "NO_SUCH_MEMO", "There is no such memo");
		return;
	}
	status = memo_remove(st, w->account, ids, n, gw_call(st->self, CALL_COMMITTED, w->id));
	if (status != 0)
		work_fail_as(st, w, status);
}

static void delete_committed(struct memo_state *st, struct work *w)
{
	struct gw_client *c = asker(st, w);

	if (c != NULL)
		CLIENT(st, standard, c, "NOTE", "MEMO", "DELETED", w->letters, "Deleted");
	if (w->req != NULL)
		gw_log(st->self, GW_INFO, "memos dropped account=%s memo=%s by=%s", w->name,
		       w->letters, gw_admin_who(st->self, w->req));
}

static void command_delete(struct memo_state *st, struct gw_client *c, const struct gw_message *m)
{
	struct work *w;

	if (m->argc < 2) {
		CLIENT(st, standard, c, "FAIL", "MEMO", "NEED_MORE_PARAMS", "DEL",
		       "Which one? MEMO DEL <memo>, or MEMO DEL *");
		return;
	}
	w = work_new(st, DELETE, c, NULL);
	snprintf(w->letters, sizeof(w->letters), "%s", m->argv[1]);
	read_account(st, w, c->account_id);
}

/* --- people's --- */

static const struct {
	const char *name;
	void (*fn)(struct memo_state *st, struct gw_client *c, const struct gw_message *m);
} commands[] = {{"SEND", command_send}, {"LIST", command_list}, {"DEL", command_delete}};

void memo_command(void *state, struct gw_client *c, const struct gw_message *m)
{
	struct memo_state *st = state;

	if (c->account == NULL) {
		CLIENT(st, standard, c, "FAIL", "MEMO", "ACCOUNT_REQUIRED", "",
		       "Memos are for those who are logged in");
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcasecmp(m->argv[0], commands[i].name) == 0) {
			commands[i].fn(st, c, m);
			return;
		}
	CLIENT(st, standard, c, "FAIL", "MEMO", "UNKNOWN_COMMAND", "",
	       "There are MEMO SEND, MEMO LIST and MEMO DEL");
}

/* --- operators' --- */

void memo_admin_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct memo_state *st = state;

	(void)argc;
	find_account(st, work_new(st, ADMIN_LIST, NULL, req), argv[0]);
}

/* Not the text: it is none of their business. */
static void admin_list_read(struct memo_state *st, struct work *w, const struct gw_entity *account)
{
	static const char *const columns[] = {"memo", "from", "bytes", "told"};
	char letters[LETTERS + 1], from[GW_NAME_MAX + 40], bytes[24];
	struct memo memo;

	gw_admin_head(st->self, w->req, columns, 4);
	for (size_t at = 0; memo_next(st, account, &at, &memo);) {
		bool told = memo_is_told(st, w->account, memo.id);
		const char *cells[] = {letters, from, bytes, told ? "yes" : "no"};

		memo_letters(memo.id, letters);
		memo_from(&memo, from, sizeof(from));
		snprintf(bytes, sizeof(bytes), "%zu", strlen(memo.text));
		gw_admin_row(st->self, w->req, cells, 4);
	}
	work_end(st, w);
}

void memo_admin_drop(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct memo_state *st = state;
	struct work *w = work_new(st, ADMIN_DROP, NULL, req);

	snprintf(w->letters, sizeof(w->letters), "%s", argc > 1 ? argv[1] : "*");
	find_account(st, w, argv[0]);
}

static const struct kind *kind_of(const struct work *w)
{
	static const struct kind kinds[] = {
		[SEND] = {send_read, send_committed},
		[LIST] = {list_read, NULL},
		[DELETE] = {delete_read, delete_committed},
		[ADMIN_LIST] = {admin_list_read, NULL},
		[ADMIN_DROP] = {delete_read, delete_committed},
	};

	return &kinds[w->kind];
}
