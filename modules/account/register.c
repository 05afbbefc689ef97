/*
 * register.c - REGISTER: checks, look-ups, the verifier, the commit; the answer leaves when it is
 * durable.
 *
 * Before 001 the client is in the state Registration from here until the outcome, or until its code
 * has come (verify.c). With a code the registration is stored (pending.c); whoever knows its
 * password may have another code sent.
 */
#include "account.h"
#include <strings.h>

enum { AT_NAME, AT_PENDING, AT_OWNER, AT_MAIL, AT_MAKING };

static void go(struct account *st, struct gw_client *c, enum gw_client_change change)
{
	if (c->state != GW_CONNECTED)
		CLIENT(st, change, c, change);
}

void registration_leave(struct account *st, struct gw_client *c)
{
	struct party *party = party_find(st, c->id);

	if (c->state == GW_REGISTRATION)
		go(st, c, GW_REGISTRATION_CANCELLED);
	if (party == NULL)
		return;
	party->pending = (struct gw_id){0, 0};
	if (party->timeout != NULL)
		gw_timer_set(party->timeout, st->self, -1);
	party_tidy(st, party);
}

void call_timed_out(void *state, uint64_t tag)
{
	struct account *st = state;
	struct gw_client *c = CLIENT(st, by_id, tag);

	if (c == NULL || c->state != GW_REGISTRATION)
		return;
	registration_leave(st, c);
	CLIENT(st, notice, c,
	       "The registration is no longer waited for here. Its code still works: VERIFY "
	       "<account> <code>");
}

/* REGISTER CANCEL: what awaits its code is withdrawn too. */
static void cancel(struct account *st, struct gw_client *c)
{
	struct party *party = party_find(st, c->id);

	if (party == NULL || gw_id_none(party->pending)) {
		say_fail(st, c, "REGISTER", "INVALID_CODE", "*",
		         "There is no registration to cancel.");
		return;
	}
	pending_kill(st, party->pending);
	registration_leave(st, c);
	say_outcome(st, c, "REGISTER", "CANCELLED", "*", "The registration is cancelled.");
}

/* --- what can be said at once --- */

static bool reserved(const char *name)
{
	size_t n = strlen(name);

	return n >= 4 && strcasecmp(name + n - 4, "serv") == 0;
}

bool name_refused(struct account *st, struct gw_client *c, const char *command, const char *name)
{
	const struct gw_user *user;

	if (!NETWORK(st, valid_nick, name) || reserved(name)) {
		say_fail(st, c, command, "BAD_ACCOUNT_NAME", "*",
		         "That cannot be an account's name: it must be a valid nick.");
		return true;
	}
	user = NETWORK(st, user, name);
	if (user != NULL && user->session != c->session) {
		say_fail(st, c, command, "ACCOUNT_EXISTS", name,
		         "Somebody else uses %s as a nick at the moment.", name);
		return true;
	}
	return false;
}

bool claim_refused(struct account *st, struct gw_client *c, const char *command, const char *name)
{
	struct gw_claim_query query = {.away = ""};
	struct gw_error why = {0};

	if (gw_ask(st->self, st->may_claim, &query, &why) == 0)
		return false;
	say_fail(st, c, command, "TEMPORARILY_UNAVAILABLE", name, "%s", why.text);
	return true;
}

static bool name_fails(struct account *st, struct gw_client *c, const char *name)
{
	if (strcmp(name, "*") != 0)
		return name_refused(st, c, "REGISTER", name);
	say_fail(st, c, "REGISTER", "NEED_NICK", "*", "Choose a nick first: NICK <nick>");
	return true;
}

static bool mail_fails(struct account *st, struct gw_client *c, const char *name, const char *mail)
{
	if (strcmp(mail, "*") == 0) {
		if (!mail_on(st) && !option(st, "email-required"))
			return false;
		say_fail(st, c, "REGISTER", "INVALID_EMAIL", name,
		         "A mail address is needed: REGISTER * you@example.org <password>");
		return true;
	}
	if (mailaddr_valid(mail))
		return false;
	say_fail(st, c, "REGISTER", "INVALID_EMAIL", name, "No mail can be sent to that address.");
	return true;
}

static bool password_fails(struct account *st, struct gw_client *c, const char *name,
                           const struct gw_message *m)
{
	const char *fault;
	bool weak;

	if (m->argc > 3) {
		say_fail(st, c, "REGISTER", "UNACCEPTABLE_PASSWORD", name,
		         "A password with spaces needs a colon before it: REGISTER * * :my "
		         "password");
		return true;
	}
	fault = password_fault(st, m->argv[2], &weak);
	if (fault == NULL)
		return false;
	say_fail(st, c, "REGISTER", weak ? "WEAK_PASSWORD" : "UNACCEPTABLE_PASSWORD", name,
	         "%s It has %d to %d bytes.", fault, (int)option(st, "password-min"),
	         (int)option(st, "password-max"));
	return true;
}

static bool refused(struct account *st, struct gw_client *c, const char *name)
{
	if (!option(st, "registration")) {
		say_fail(st, c, "REGISTER", "TEMPORARILY_UNAVAILABLE", name,
		         "This network takes no registrations at the moment.");
		return true;
	}
	if (claim_refused(st, c, "REGISTER", name))
		return true;
	if (mail_on(st) && !letter_room(st)) {
		say_fail(st, c, "REGISTER", "TEMPORARILY_UNAVAILABLE", name,
		         "Too much mail waits to be sent. Try again later.");
		return true;
	}
	if (!attempt_take(st, c)) {
		say_fail(st, c, "REGISTER", "TEMPORARILY_UNAVAILABLE", name,
		         "Too many attempts from your address. Try again in a minute.");
		return true;
	}
	return false;
}

/* --- on the way --- */

static void fail(struct account *st, struct task *task, const char *code, const char *text)
{
	struct gw_client *c = task_client(st, task);

	if (c != NULL) {
		if (c->state == GW_REGISTRATION)
			go(st, c, GW_REGISTRATION_CANCELLED);
		say_fail(st, c, "REGISTER", code, task->name, "%s", text);
	}
	task_end(st, task);
}

static void start(struct account *st, struct gw_client *c, const char *name,
                  const struct gw_message *m)
{
	struct party *party = party_find(st, c->id);
	struct task *task;
	int n;

	if (party != NULL)
		sasl_drop(st, party);
	task = task_new(st, TASK_REGISTER, c);
	party = party_of(st, c->id);
	task->pending = party->pending; /* its own, which it starts anew */
	registration_leave(st, c);
	go(st, c, GW_REGISTRATION_STARTED);
	memcpy(task->name, name, strlen(name) + 1);
	if (strcmp(m->argv[1], "*") != 0)
		memcpy(task->mail, m->argv[1], strlen(m->argv[1]) + 1);
	task->secret = gw_strdup(st->self, m->argv[2]);
	n = SERVICES(st, fold, name, task->folded);
	if (n <= 0)
		fail(st, task, "BAD_ACCOUNT_NAME", "That name is too long for an account.");
	else
		task_find(st, task, GW_NAME_NICK, task->folded, (size_t)n);
}

void cmd_register(void *state, struct gw_client *c, const struct gw_message *m)
{
	struct account *st = state;
	const char *name = m->argv[0];

	if (m->argc == 1 && strcasecmp(name, "CANCEL") == 0) {
		cancel(st, c);
		return;
	}
	if (m->argc < 3 || m->argv[2][0] == '\0') {
		CLIENT(st, numeric, c, 461,
		       "REGISTER :Not enough parameters: REGISTER <account|*> <email|*> "
		       "<password>");
		return;
	}
	if (strcmp(name, "*") == 0)
		name = c->nick;
	if (c->account != NULL)
		say_fail(st, c, "REGISTER", "ALREADY_AUTHENTICATED", c->account,
		         "You are logged in as %s already.", c->account);
	else if (!name_fails(st, c, name) && !mail_fails(st, c, name, m->argv[1]) &&
	         !password_fails(st, c, name, m) && !refused(st, c, name))
		start(st, c, name, m);
}

/* Own, or proved to be own: the password's verifier comes next. */
static void make(struct account *st, struct task *task)
{
	task->step = AT_MAKING;
	hash_start(st, task, false);
}

static void look_for_mail(struct account *st, struct task *task)
{
	uint8_t digest[DIGEST];

	task->step = AT_MAIL;
	mail_digest(task->mail, digest);
	task_find(st, task, GW_NAME_MAIL, digest, sizeof(digest));
}

static void found(struct account *st, struct task *task, int status, const struct gw_owner *owner)
{
	if (status != 0 && status != -ENOENT) {
		fail(st, task, "TEMPORARILY_UNAVAILABLE", commit_trouble(status));
		return;
	}
	switch (task->step) {
	case AT_NAME:
		if (status == 0) {
			fail(st, task, "ACCOUNT_EXISTS",
			     "That name is registered already. If it is yours: PASS "
			     "<account>:<password>");
		} else if (!mail_on(st)) {
			task->pending = (struct gw_id){0, 0};
			make(st, task);
		} else {
			task->step = AT_PENDING;
			task_find(st, task, NAME_PENDING, task->folded, strlen(task->folded));
		}
		return;
	case AT_PENDING:
		if (status == 0)
			task_read(st, task, GW_CLASS_PENDING, owner->id);
		else
			look_for_mail(st, task);
		return;
	default:
		if (status == 0)
			fail(st, task, "UNACCEPTABLE_EMAIL",
			     "That address belongs to another account.");
		else
			make(st, task);
	}
}

/* Somebody awaits a code for this name: this connection, or another one whose password we ask for.
 */
static void pending_read(struct account *st, struct task *task, int status,
                         const struct gw_entity *entity)
{
	struct pending pending;
	bool own;

	if (status != 0 || !pending_of(entity, &pending)) {
		look_for_mail(st, task);
		return;
	}
	own = gw_id_is(task->pending, entity->id);
	task->pending = entity->id;
	if (pending.expires_ms < gw_wall_ns(st->self) / GW_MS) {
		look_for_mail(st, task);
		return;
	}
	task->sends = pending.sends;
	if (pending.sends >= (uint64_t)option(st, "code-sends")) {
		fail(st, task, "TEMPORARILY_UNAVAILABLE",
		     "Too many codes were sent for that name. Use the last one, or wait until it "
		     "has expired.");
		return;
	}
	if (own) {
		look_for_mail(st, task);
		return;
	}
	task->step = AT_OWNER;
	task->cred = pending.cred;
	hash_start(st, task, true);
}

static void hashed(struct account *st, struct task *task, int status)
{
	struct birth birth;

	if (task_client(st, task) == NULL) {
		task_end(st, task);
	} else if (status == -EACCES) {
		fail(st, task, "ACCOUNT_EXISTS",
		     "Somebody is registering that name. It is free again if no code comes.");
	} else if (status != 0) {
		fail(st, task, "TEMPORARILY_UNAVAILABLE", commit_trouble(-EAGAIN));
	} else if (task->step == AT_OWNER) {
		look_for_mail(st, task);
	} else if (mail_on(st)) {
		pending_commit(st, task);
	} else {
		size_t n = birth_of(st, task, false, &birth);

		task_commit(st, task, birth.writes, n);
	}
}

/* --- outcomes --- */

const char *registration_trouble(struct account *st, const struct task *task, int status)
{
	gw_log(st->self, GW_WARN, "a registration could not be stored account=%s status=%d",
	       task->name, status);
	return commit_trouble(status);
}

void registration_done(struct account *st, struct task *task, struct gw_client *c,
                       const char *command, struct gw_id made)
{
	struct gw_login login = {.account = made, .name = task->name};

	say_outcome(st, c, command, "SUCCESS", task->name, "The account %s is registered.",
	            task->name);
	say_stored(st, c, task, true);
	if (c->state == GW_REGISTRATION)
		go(st, c, GW_REGISTRATION_COMPLETED);
	registration_leave(st, c);
	login_succeeds(st, c, &login, false);
	names_registered(st, made, task->name);
}

/* Registered, but not yet logged in: a second copy is waited for. */
int call_may_lose(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	const struct gw_lose_query *query = payload;
	struct account *st = state;
	struct party *party = party_find(st, query->client->id);
	struct task *task = party != NULL ? task_by_id(st, party->task) : NULL;

	(void)tag;
	if (task == NULL || gw_id_none(task->made) || !gw_id_is(task->made, query->owner))
		return 0;
	return gw_fail(why, -EBUSY, "it is about to log in");
}

static void awaits_code(struct account *st, struct task *task, struct gw_client *c,
                        struct gw_id pending)
{
	struct party *party = party_of(st, c->id);

	party->pending = pending;
	if (party->timeout == NULL)
		party->timeout = gw_timer_new(st->self, gw_call(st->self, CALL_TIMED_OUT, c->id));
	gw_timer_set(party->timeout, st->self, option(st, "registration-timeout"));
	say_outcome(st, c, "REGISTER", "VERIFICATION_REQUIRED", task->name,
	            "A code has been sent to %s. Then type: VERIFY %s <code>", task->mail,
	            task->name);
}

static void committed(struct account *st, struct task *task, int status, struct gw_id made)
{
	struct gw_client *c = task_client(st, task);
	bool code = task->code[0] != '\0';

	if (status == -EEXIST) {
		fail(st, task, "ACCOUNT_EXISTS", "That name is registered already.");
		return;
	}
	if (status != 0) {
		fail(st, task, "TEMPORARILY_UNAVAILABLE", registration_trouble(st, task, status));
		return;
	}
	gw_log(st->self, GW_INFO, "%s account=%s",
	       code ? "registration awaits its code" : "registered", task->name);
	if (code)
		letter_post(st, task->client, task->mail, task->name, task->code);
	if (c != NULL && code)
		awaits_code(st, task, c, gw_id_none(task->pending) ? made : task->pending);
	else if (c != NULL)
		registration_done(st, task, c, "REGISTER", made);
	task_end(st, task);
}

const struct task_ops register_task = {
	.found = found, .read = pending_read, .hashed = hashed, .committed = committed};
