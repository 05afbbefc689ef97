/*
 * commands.c - ACCOUNT: what a user changes about the own account. What could lock the owner out
 * asks for the password.
 */
#include "account.h"
#include <sodium.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

struct subcommand {
	const char *name;
	int min_args; /* behind the subcommand */
	void (*run)(struct account *, struct gw_client *, int argc, char *const *argv);
	const char *syntax;
};

struct task *own_task(struct account *st, enum task_kind kind, struct gw_client *c)
{
	struct task *task = task_new(st, kind, c);

	task->account = c->account_id;
	snprintf(task->name, sizeof(task->name), "%s", c->account);
	return task;
}

/* Bounded like every other try of a password. */
void ask_password(struct account *st, struct gw_client *c, struct task *task, const char *password)
{
	if (!attempt_take(st, c)) {
		say_fail(st, c, "ACCOUNT", "TEMPORARILY_UNAVAILABLE", "",
		         "Too many attempts from your address.");
		task_end(st, task);
	} else if (strlen(password) >= CRED_PASSWORD_MAX) {
		task_checked(st, task, -EACCES);
	} else {
		task->secret = gw_strdup(st->self, password);
		check_start(st, task);
	}
}

bool proved(struct account *st, struct task *task, int status)
{
	struct gw_client *c = task_client(st, task);

	if (c != NULL && status == 0)
		return true;
	if (c != NULL && status == -EAGAIN) {
		say_fail(st, c, "ACCOUNT", "TEMPORARILY_UNAVAILABLE", "",
		         "Too much waits at the moment. Try again.");
	} else if (c != NULL) {
		say_fail(st, c, "ACCOUNT", "INVALID_PASSWORD", "", "That is not your password.");
		login_failed(st, c);
	}
	task_end(st, task);
	return false;
}

void report(struct account *st, struct task *task, int status, const char *code, const char *text)
{
	struct gw_client *c = task_client(st, task);

	if (c != NULL && status == 0) {
		say_note(st, c, code, "%s", text);
		say_stored(st, c, task, task->kind == TASK_NICK);
	} else if (c != NULL) {
		say_fail(st, c, "ACCOUNT", "TEMPORARILY_UNAVAILABLE", "", "%s",
		         commit_trouble(status));
	}
	task_end(st, task);
}

/* --- PASSWORD --- */

static void run_password(struct account *st, struct gw_client *c, int argc, char *const *argv)
{
	struct task *task;
	const char *fault;
	bool weak;

	(void)argc;
	fault = password_fault(st, argv[1], &weak);
	if (fault != NULL) {
		say_fail(st, c, "ACCOUNT", weak ? "WEAK_PASSWORD" : "UNACCEPTABLE_PASSWORD", "",
		         "%s", fault);
		return;
	}
	task = own_task(st, TASK_PASSWORD, c);
	task->secret2 = gw_strdup(st->self, argv[1]);
	ask_password(st, c, task, argv[0]);
}

static void password_checked(struct account *st, struct task *task, int status)
{
	if (proved(st, task, status))
		hash_start(st, task, false);
}

static void password_hashed(struct account *st, struct task *task, int status)
{
	if (status != 0)
		report(st, task, -EAGAIN, "", "");
	else
		password_store(st, task);
}

static void password_committed(struct account *st, struct task *task, int status, struct gw_id made)
{
	(void)made;
	report(st, task, status, "PASSWORD_CHANGED", "Your password is changed.");
}

const struct task_ops password_task = {
	.checked = password_checked, .hashed = password_hashed, .committed = password_committed};

/* --- EMAIL: a new address is unconfirmed, so the claim of the old one goes --- */

static void run_email(struct account *st, struct gw_client *c, int argc, char *const *argv)
{
	struct task *task;

	(void)argc;
	if (strcmp(argv[1], "*") == 0 && option(st, "email-required")) {
		say_fail(st, c, "ACCOUNT", "INVALID_EMAIL", "", "A mail address is needed here.");
		return;
	}
	if (strcmp(argv[1], "*") != 0 && !mailaddr_valid(argv[1])) {
		say_fail(st, c, "ACCOUNT", "INVALID_EMAIL", "",
		         "No mail can be sent to that address.");
		return;
	}
	task = own_task(st, TASK_EMAIL, c);
	if (strcmp(argv[1], "*") != 0)
		memcpy(task->mail, argv[1], strlen(argv[1]) + 1);
	ask_password(st, c, task, argv[0]);
}

static void email_checked(struct account *st, struct task *task, int status)
{
	if (proved(st, task, status))
		task_read(st, task, GW_CLASS_ACCOUNT, task->account);
}

static void email_read(struct account *st, struct task *task, int status,
                       const struct gw_entity *entity)
{
	struct gw_write writes[2] = {
		{.class = GW_CLASS_ACCOUNT, .id = task->account, .field = GW_F_MAIL},
		{.class = GW_CLASS_ACCOUNT,
	         .id = task->account,
	         .field = GW_F_NAME,
	         .remove = true}};
	uint8_t mail[MAIL_BYTES], sub[1 + DIGEST];
	struct view view;
	size_t n = 1;

	if (status != 0) {
		report(st, task, status, "", "");
		return;
	}
	view_of(entity, &view);
	writes[0].remove = task->mail[0] == '\0';
	if (!writes[0].remove)
		writes[0].value = mail_value(task->mail, false, mail);
	if (view.mail_claimed) {
		sub[0] = GW_NAME_MAIL;
		mail_digest(view.mail, sub + 1);
		writes[n++].sub = blob_of(sub, sizeof(sub));
	}
	task_commit(st, task, writes, n);
}

static void email_committed(struct account *st, struct task *task, int status, struct gw_id made)
{
	(void)made;
	report(st, task, status, "EMAIL_CHANGED",
	       task->mail[0] != '\0' ? "Your mail address is changed."
	                             : "Your mail address is removed.");
}

const struct task_ops email_task = {
	.checked = email_checked, .read = email_read, .committed = email_committed};

/* --- CERTFP --- */

static bool read_fingerprint(const char *text, uint8_t out[DIGEST])
{
	const char *end;
	size_t n;

	return sodium_hex2bin(out, DIGEST, text, strlen(text), ":", &n, &end) == 0 && n == DIGEST &&
	       *end == '\0';
}

/* Fills the digest from the argument, or from the client's own certificate. */
static bool which_certificate(struct account *st, struct gw_client *c, const char *text,
                              uint8_t out[DIGEST])
{
	if (text != NULL) {
		if (read_fingerprint(text, out))
			return true;
		say_fail(st, c, "ACCOUNT", "INVALID_FINGERPRINT", "",
		         "A fingerprint is the SHA-256 of a certificate, 64 hexadecimal digits.");
		return false;
	}
	if (c->info->has_certificate) {
		memcpy(out, c->info->certificate, DIGEST);
		return true;
	}
	say_fail(st, c, "ACCOUNT", "INVALID_FINGERPRINT", "",
	         "Your connection shows no certificate. Give a fingerprint.");
	return false;
}

enum { CERT_LIST, CERT_ADD, CERT_DEL };
#define CERTIFICATES_MAX 16

static void run_certfp(struct account *st, struct gw_client *c, int argc, char *const *argv)
{
	static const char *const words[] = {
		[CERT_LIST] = "LIST", [CERT_ADD] = "ADD", [CERT_DEL] = "DEL"};
	uint8_t digest[DIGEST] = {0};
	struct task *task;
	uint8_t what = 0;

	while (what <= CERT_DEL && strcasecmp(argv[0], words[what]) != 0)
		what++;
	if (what > CERT_DEL) {
		say_fail(st, c, "ACCOUNT", "INVALID_PARAMS", "",
		         "ACCOUNT CERTFP LIST|ADD|DEL [fingerprint]");
		return;
	}
	if (what != CERT_LIST && !which_certificate(st, c, argc > 1 ? argv[1] : NULL, digest))
		return;
	task = own_task(st, TASK_CERTFP, c);
	task->step = what;
	memcpy(task->digest, digest, DIGEST);
	task_read(st, task, GW_CLASS_ACCOUNT, task->account);
}

static void list_certificates(struct account *st, struct gw_client *c,
                              const struct gw_entity *entity)
{
	unsigned n = 0;

	for (size_t i = 0; i < entity->n; i++) {
		char hex[2 * DIGEST + 1];

		if (entity->cells[i].field != GW_F_CERTFP || entity->cells[i].sub.n != DIGEST)
			continue;
		sodium_bin2hex(hex, sizeof(hex), entity->cells[i].sub.p, DIGEST);
		say_note(st, c, "CERTFP", "%s%s", hex,
		         entity->cells[i].beaten ? " (logs in another account)" : "");
		n++;
	}
	say_note(st, c, "CERTFP_END", "%u certificate%s log you in.", n, n == 1 ? "" : "s");
}

static void certfp_read(struct account *st, struct task *task, int status,
                        const struct gw_entity *entity)
{
	struct gw_write write = {
		.class = GW_CLASS_ACCOUNT, .id = task->account, .field = GW_F_CERTFP};
	struct gw_client *c = task_client(st, task);
	struct view view;

	if (status != 0 || c == NULL) {
		report(st, task, status, "", "");
		return;
	}
	if (task->step == CERT_LIST) {
		list_certificates(st, c, entity);
		task_end(st, task);
		return;
	}
	view_of(entity, &view);
	if (task->step == CERT_ADD && view.certificates >= CERTIFICATES_MAX) {
		say_fail(st, c, "ACCOUNT", "LIMIT_REACHED", "", "You list %d certificates already.",
		         CERTIFICATES_MAX);
		task_end(st, task);
		return;
	}
	write.exclusive = task->step == CERT_ADD;
	write.remove = task->step == CERT_DEL;
	write.sub = blob_of(task->digest, DIGEST);
	write.value = blob_of("", 0);
	task_commit(st, task, &write, 1);
}

static void certfp_committed(struct account *st, struct task *task, int status, struct gw_id made)
{
	struct gw_client *c = task_client(st, task);

	(void)made;
	if (status == -EEXIST && c != NULL) {
		say_fail(st, c, "ACCOUNT", "CERTFP_IN_USE", "",
		         "That certificate belongs to another account.");
		task_end(st, task);
		return;
	}
	report(st, task, status, "CERTFP_CHANGED",
	       task->step == CERT_ADD ? "That certificate logs you in from now on."
	                              : "That certificate no longer logs you in.");
}

const struct task_ops certfp_task = {.read = certfp_read, .committed = certfp_committed};

/* --- DROP --- */

static void run_drop(struct account *st, struct gw_client *c, int argc, char *const *argv)
{
	(void)argc;
	if (!NETWORK(st, same, argv[0], c->account)) {
		say_fail(st, c, "ACCOUNT", "INVALID_PARAMS", "",
		         "You are logged in as %s. To give it up for ever: ACCOUNT DROP %s "
		         "<password>",
		         c->account, c->account);
		return;
	}
	ask_password(st, c, own_task(st, TASK_DROP, c), argv[1]);
}

static void drop_checked(struct account *st, struct task *task, int status)
{
	struct gw_write write = death(GW_CLASS_ACCOUNT, task->account);

	if (proved(st, task, status))
		task_commit(st, task, &write, 1);
}

static void drop_committed(struct account *st, struct task *task, int status, struct gw_id made)
{
	(void)made;
	if (status == 0)
		gw_log(st->self, GW_INFO, "dropped by its owner account=%s", task->name);
	report(st, task, status, "DROPPED", "Your account is gone.");
}

const struct task_ops drop_task = {.checked = drop_checked, .committed = drop_committed};

/* --- INFO --- */

static void run_info(struct account *st, struct gw_client *c, int argc, char *const *argv)
{
	struct task *task = own_task(st, TASK_INFO, c);

	(void)argc, (void)argv;
	task_read(st, task, GW_CLASS_ACCOUNT, task->account);
}

void when(uint64_t ms, char out[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;

	if (gmtime_r(&seconds, &parts) == NULL ||
	    strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
		out[0] = '\0';
}

/* A name that was claimed with the account is settled when all servers have it. */
static void say_unconfirmed(struct account *st, struct gw_client *c, struct gw_id account)
{
	char away[256];

	if (st->replica->ops != NULL &&
	    !REPLICA(st, everywhere, (struct gw_stamp){account.clock, account.origin}, away,
	             sizeof(away)))
		say_note(st, c, "INFO", "Not yet confirmed by: %s", away);
}

static void info_read(struct account *st, struct task *task, int status,
                      const struct gw_entity *entity)
{
	struct gw_client *c = task_client(st, task);
	char date[32];
	struct view view;

	if (status != 0 || c == NULL) {
		report(st, task, status, "", "");
		return;
	}
	view_of(entity, &view);
	when(view.registered_ms, date);
	say_note(st, c, "INFO", "Account %s, registered %s", view.name, date);
	say_note(st, c, "INFO", "Mail: %s%s", view.mail[0] != '\0' ? view.mail : "none",
	         view.mail[0] == '\0' ? ""
	         : view.confirmed     ? " (confirmed)"
	                              : " (not confirmed)");
	say_note(st, c, "INFO", "Certificates: %u", view.certificates);
	say_unconfirmed(st, c, task->account);
	say_waits(st, c, view.name, view.waits);
	task_end(st, task);
}

const struct task_ops info_task = {.read = info_read};

static const struct subcommand subcommands[] = {
	{"PASSWORD", 2, run_password, "ACCOUNT PASSWORD <present password> <new password>"},
	{"EMAIL", 2, run_email, "ACCOUNT EMAIL <password> <address|*>"},
	{"NICK", 1, run_nick, "ACCOUNT NICK LIST|ADD <nick>|DEL <nick> <password>"},
	{"CERTFP", 1, run_certfp, "ACCOUNT CERTFP LIST|ADD|DEL [fingerprint]"},
	{"DROP", 2, run_drop, "ACCOUNT DROP <account> <password>"},
	{"INFO", 0, run_info, "ACCOUNT INFO"},
};
#define N_SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

void cmd_account(void *state, struct gw_client *c, const struct gw_message *m)
{
	struct account *st = state;

	if (c->account == NULL) {
		say_fail(st, c, "ACCOUNT", "ACCOUNT_REQUIRED", "",
		         "You are not logged in. To register: REGISTER * * <password>");
		return;
	}
	for (size_t i = 0; i < N_SUBCOMMANDS; i++) {
		const struct subcommand *sub = &subcommands[i];

		if (strcasecmp(m->argv[0], sub->name) != 0)
			continue;
		if (m->argc - 1 < sub->min_args)
			say_fail(st, c, "ACCOUNT", "NEED_MORE_PARAMS", "", "%s", sub->syntax);
		else
			sub->run(st, c, m->argc - 1, m->argv + 1);
		return;
	}
	say_fail(st, c, "ACCOUNT", "UNKNOWN_COMMAND", "",
	         "ACCOUNT PASSWORD, EMAIL, NICK, CERTFP, DROP or INFO");
}
