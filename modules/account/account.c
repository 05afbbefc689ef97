/*
 * account.c - the module "account": authentication (SASL, PASS) and registration in the channel;
 * descriptor and tables.
 *
 * Who is on the way to an account is a party (party.c), a command under way a task (task.c).
 * Passwords are worked on in the compute lane (hashing.c, cred.c), accounts live in the services
 * database (view.c). account.md is the manual.
 */
#include "account.h"
#include <godwit/message.h>
#include <sodium.h>
#include <stdio.h>

static void cap_sasl(void *state, struct gw_client *c, char *out, size_t max)
{
	sasl_mechanisms(state, c, out, max);
}

static bool mail_needed(struct gw_self *self, const struct gw_options *o)
{
	return gw_option_int(self, o, "email-required") ||
	       strcmp(gw_option_string(self, o, "verify"), "email") == 0;
}

static void cap_registration(void *state, struct gw_client *c, char *out, size_t max)
{
	struct account *st = state;

	(void)c;
	snprintf(out, max, "before-connect,custom-account-name%s",
	         mail_needed(st->self, gw_options(st->self)) ? ",email-required" : "");
}

static bool isupport_required(void *state, char *out, size_t max)
{
	if (max > 0)
		out[0] = '\0';
	return !sasl_nameless(state);
}

/* Other mechanisms, other options: what CAP and 005 say may differ now. */
static void call_mechanisms(void *state, uint64_t tag)
{
	struct account *st = state;

	(void)tag;
	CLIENT(st, changed);
}

static void call_rehashed(void *state, uint64_t tag, const void *payload)
{
	struct account *st = state;

	(void)tag, (void)payload;
	CLIENT(st, changed);
}

#define FN(f) ((gw_fn *)(f))
static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_REGISTER] = {"register", FN(cmd_register)},
	[CALL_VERIFY] = {"verify", FN(cmd_verify)},
	[CALL_AUTHENTICATE] = {"authenticate", FN(cmd_authenticate)},
	[CALL_PASS] = {"pass", FN(cmd_pass)},
	[CALL_ACCOUNT] = {"account", FN(cmd_account)},
	[CALL_CAP_SASL] = {"cap-sasl", FN(cap_sasl)},
	[CALL_CAP_REGISTRATION] = {"cap-registration", FN(cap_registration)},
	[CALL_ISUPPORT_REQUIRED] = {"isupport-required", FN(isupport_required)},
	[CALL_UNAUTHENTICATED] = {"unauthenticated", FN(call_unauthenticated)},
	[CALL_GONE] = {"gone", FN(call_gone)},
	[CALL_SERVICE] = {"service", FN(call_service)},
	[CALL_CHANGED] = {"changed", FN(call_changed)},
	[CALL_MECHANISMS] = {"mechanisms", FN(call_mechanisms)},
	[CALL_REHASHED] = {"rehashed", FN(call_rehashed)},
	[CALL_PLAIN] = {"plain", FN(sasl_plain)},
	[CALL_SCRAM] = {"scram", FN(sasl_scram)},
	[CALL_EXTERNAL] = {"external", FN(sasl_external)},
	[CALL_FOUND] = {"found", FN(call_found)},
	[CALL_READ] = {"read", FN(call_read)},
	[CALL_COMMITTED] = {"committed", FN(call_committed)},
	[CALL_HASH_RUN] = {"hash-run", FN(cred_run)},
	[CALL_HASHED] = {"hashed", FN(call_hashed)},
	[CALL_TIMED_OUT] = {"timed-out", FN(call_timed_out)},
	[CALL_FORGET] = {"forget", FN(call_forget)},
	[CALL_MAIL_RUN] = {"mail-run", FN(call_mail_run)},
	[CALL_MAIL_STARTED] = {"mail-started", FN(call_mail_started)},
	[CALL_MAIL_POLL] = {"mail-poll", FN(call_mail_poll)},
	[CALL_DECOY_WALKED] = {"decoy-walked", FN(call_decoy_walked)},
	[CALL_ADMIN_LIST] = {"admin-list", FN(admin_list)},
	[CALL_ADMIN_INFO] = {"admin-info", FN(admin_info)},
	[CALL_ADMIN_ADD] = {"admin-add", FN(admin_add)},
	[CALL_ADMIN_DROP] = {"admin-drop", FN(admin_drop)},
	[CALL_ADMIN_PASSWORD] = {"admin-password", FN(admin_password)},
	[CALL_LISTED] = {"listed", FN(call_listed)},
	[CALL_COPIED] = {"copied", FN(call_copied)},
	[CALL_MAY_CLAIM] = {"may-claim", FN(call_may_claim)},
	[CALL_MEMBERSHIP] = {"membership", FN(call_membership)},
	[CALL_SERVER_WALKED] = {"server-walked", FN(call_server_walked)},
	[CALL_SERVER_READ] = {"server-read", FN(call_server_read)},
	[CALL_SERVERS_AGAIN] = {"servers-again", FN(call_servers_again)},
	[CALL_NAMES_READ] = {"names-read", FN(call_names_read)},
	[CALL_NAMES_AGAIN] = {"names-again", FN(call_names_again)},
	[CALL_CLAIMANT] = {"claimant", FN(call_claimant)},
	[CALL_MAY_LOSE] = {"may-lose", FN(call_may_lose)},
	[CALL_ADOPTED] = {"adopted", FN(call_adopted)},
	[CALL_ADOPTED_READ] = {"adopted-read", FN(call_adopted_read)},
	[CALL_METRICS] = {"metrics", FN(account_metrics)},
	{NULL, NULL},
};

static const struct gw_option options[] = {
	{"registration", GW_OPT_BOOL, "yes", 0, 0, false, "Whether REGISTER makes new accounts."},
	{"verify", GW_OPT_STRING, "none", 4, 5, false,
         "How a registration is confirmed: none, or email for a code sent by mail."},
	{"email-required", GW_OPT_BOOL, "no", 0, 0, false,
         "Whether a mail address must be given (always so with verify: email)."},
	{"mail-command", GW_OPT_LIST, "[/usr/sbin/sendmail, -i, -t]", 1, 16, false,
         "The program that gets a mail on its standard input, and its arguments; no shell."},
	{"mail-from", GW_OPT_STRING, NULL, 0, 200, false,
         "Sender of the mails; without it godwit@ and the server's name."},
	{"mail-timeout", GW_OPT_DURATION, "30s", GW_SECOND, 600 * GW_SECOND, false,
         "How long that program may take."},
	{"code-expiry", GW_OPT_DURATION, "4h", 60 * GW_SECOND, 30 * 86400 * GW_SECOND, false,
         "How long a code is valid."},
	{"code-tries", GW_OPT_INT, "10", 1, 1000, false,
         "Wrong codes after which a registration is given up."},
	{"code-sends", GW_OPT_INT, "3", 1, 100, false,
         "How many codes are sent for one registration."},
	{"registration-timeout", GW_OPT_DURATION, "10m", GW_SECOND, 86400 * GW_SECOND, false,
         "How long a connection stays in the state Registration for its code."},
	{"password-min", GW_OPT_INT, "6", 1, 600, false, "The shortest new password, in bytes."},
	{"password-max", GW_OPT_INT, "600", 8, CRED_PASSWORD_MAX - 1, false,
         "The longest new password, in bytes."},
	{"scram", GW_OPT_BOOL, "yes", 0, 0, false,
         "Whether new passwords are stored as SCRAM-SHA-256's verifier and that mechanism is "
         "offered; otherwise Argon2id."},
	{"iterations", GW_OPT_INT, "60000", 4096, 10000000, false,
         "SCRAM's iterations for new passwords."},
	{"argon2-operations", GW_OPT_INT, "2", 1, 64, false,
         "Argon2id's passes for new passwords."},
	{"argon2-memory", GW_OPT_SIZE, "19m", 8192, 1 << 30, false,
         "Argon2id's memory for new passwords."},
	{"hashing", GW_OPT_INT, "2", 1, 16, false, "Passwords worked on at once."},
	{"hash-queue", GW_OPT_INT, "100", 1, 10000, false,
         "Passwords that may wait for it; more are refused."},
	{"attempts", GW_OPT_INT, "10", 1, 100000, false,
         "Attempts to log in or register that one address has per window."},
	{"attempts-window", GW_OPT_DURATION, "1m", GW_SECOND, 86400 * GW_SECOND, false,
         "In this time the attempts of an address are given back."},
	{"failures", GW_OPT_INT, "6", 1, 1000, false,
         "Failed logins after which a connection is closed."},
	{"register-while-split", GW_OPT_STRING, "allow", 5, 8, false,
         "Whether names are registered while servers are out of sight: allow (they are "
         "provisional), or majority (only where more than half of the network is in sight)."},
	{"second-copy", GW_OPT_DURATION, "2s", 0, 60 * GW_SECOND, false,
         "How long an answer waits for another server's copy of what was stored; 0: not at all."},
	{NULL, 0, NULL, 0, 0, false, NULL},
};

static int check(struct gw_self *self, const struct gw_options *o, struct gw_error *err)
{
	const char *verify = gw_option_string(self, o, "verify"),
		   *from = gw_option_string(self, o, "mail-from"),
		   *split = gw_option_string(self, o, "register-while-split");

	if (strcmp(verify, "none") != 0 && strcmp(verify, "email") != 0)
		return gw_fail(err, -EINVAL, "account: verify is none or email, not \"%s\"",
		               verify);
	if (strcmp(split, "allow") != 0 && strcmp(split, "majority") != 0)
		return gw_fail(err, -EINVAL,
		               "account: register-while-split is allow or majority, not \"%s\"",
		               split);
	if (from[0] != '\0' && !mailaddr_valid(from))
		return gw_fail(err, -EINVAL, "account: mail-from is no mail address");
	if (gw_option_int(self, o, "password-min") > gw_option_int(self, o, "password-max"))
		return gw_fail(err, -EINVAL, "account: password-min is above password-max");
	return 0;
}

static const struct gw_command commands[] = {
	{"REGISTER", GW_IN_ALL, 1, 2, false, CALL_REGISTER, "<account|*> <email|*> <password>",
         "Makes an account; * stands for your nick and for no address. REGISTER CANCEL gives up "
         "one that awaits its code."},
	{"VERIFY", GW_IN_ALL, 2, 2, false, CALL_VERIFY, "<account> <code>",
         "Completes a registration with the code that was mailed."},
	{"AUTHENTICATE", GW_IN_ALL, 1, 1, false, CALL_AUTHENTICATE, "<mechanism|data|*>",
         "SASL: logs in, also later on."},
	{"PASS", GW_IN_CONNECTING | GW_IN_REGISTRATION, 1, 2, false, CALL_PASS,
         "<account>:<password>", "Logs in."},
	{"ACCOUNT", GW_IN_CONNECTED, 1, 2, false, CALL_ACCOUNT,
         "PASSWORD|EMAIL|NICK|CERTFP|DROP|INFO ...", "Shows and changes your account."},
};

static const struct gw_cap caps[] = {
	{.name = "sasl", .value_call = CALL_CAP_SASL},
	{.name = "draft/account-registration", .value_call = CALL_CAP_REGISTRATION},
};

static const struct gw_isupport isupport[] = {
	{.name = "draft/ACCOUNTREQUIRED", .value_call = CALL_ISUPPORT_REQUIRED},
};

static const struct gw_mechanism mechanisms[] = {
	{.name = "SCRAM-SHA-256", .respond = CALL_SCRAM},
	{.name = "PLAIN", .private_line = true, .respond = CALL_PLAIN},
	{.name = "EXTERNAL", .certificate = true, .respond = CALL_EXTERNAL},
};

static const struct gw_admin_command admin_commands[] = {
	{.name = "account list",
         .args = "[MASK]",
         .help = "Lists accounts.",
         .max_args = 1,
         .call = CALL_ADMIN_LIST,
         .reads = true},
	{.name = "account info",
         .args = "NAME",
         .help = "Shows an account.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_ADMIN_INFO,
         .reads = true},
	{.name = "account add",
         .args = "NAME PASSWORD",
         .help = "Makes an account.",
         .min_args = 2,
         .max_args = 2,
         .call = CALL_ADMIN_ADD,
         .secret = 2},
	{.name = "account drop",
         .args = "NAME",
         .help = "Drops an account for good.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_ADMIN_DROP},
	{.name = "account password",
         .args = "NAME PASSWORD",
         .help = "Sets an account's password.",
         .min_args = 2,
         .max_args = 2,
         .call = CALL_ADMIN_PASSWORD,
         .secret = 2},
};

static const struct gw_point points[] = {
	{GW_POINT_MECHANISM, sizeof(struct gw_mechanism), CALL_MECHANISMS},
	{NULL, 0, 0},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_COMMAND, commands),     GW_ROWS(GW_POINT_CAP, caps),
	GW_ROWS(GW_POINT_ISUPPORT, isupport),    GW_ROWS(GW_POINT_MECHANISM, mechanisms),
	GW_ROWS(GW_POINT_ADMIN, admin_commands), {NULL, NULL, 0, 0},
};

/* Guests are admitted before anybody is told what to type. */
static const struct gw_subscription subscriptions[] = {
	{GW_TOPIC_UNAUTHENTICATED, 10, CALL_UNAUTHENTICATED},
	{GW_TOPIC_CLIENT_GONE, 0, CALL_GONE},
	{GW_TOPIC_SERVICE, 0, CALL_SERVICE},
	{GW_TOPIC_SERVICES_CHANGED, 0, CALL_CHANGED},
	{GW_TOPIC_REHASHED, 0, CALL_REHASHED},
	{GW_TOPIC_MAY_CLAIM, 0, CALL_MAY_CLAIM},
	{GW_TOPIC_MAY_LOSE_NICK, 0, CALL_MAY_LOSE},
	{GW_TOPIC_MEMBERSHIP, 0, CALL_MEMBERSHIP},
	{GW_TOPIC_ADOPTED, 0, CALL_ADOPTED},
	{GW_TOPIC_METRICS, 0, CALL_METRICS},
	{NULL, 0, 0},
};

static const struct gw_topic_row topics[] = {
	{GW_TOPIC_MAY_CLAIM, GW_QUESTION},
	{NULL, GW_NOTIFICATION},
};

static const struct gw_interface_row interfaces[] = {
	{"account", 1, 0, &account_ops},
	{NULL, 0, 0, NULL},
};

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct account *st = state;

	if (sodium_init() < 0)
		return gw_fail(err, -EIO, "libsodium cannot be used");
	if (why == GW_LOAD_RELOAD)
		return 0;
	st->self = self;
	st->client = gw_interface(self, "client");
	st->network = gw_interface(self, "network");
	st->services = gw_interface(self, "services");
	st->replica = gw_interface(self, "replica");
	st->may_claim = gw_topic(self, GW_TOPIC_MAY_CLAIM);
	gw_random(self, st->decoy, sizeof(st->decoy));
	decoy_load(st);
	servers_load(st);
	return 0;
}

static void unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct account *st = state;

	if (why == GW_UNLOAD_RELOAD)
		return;
	tasks_free(st);
	parties_free(st);
	attempts_free(st);
	tries_free(st);
	letters_free(st);
	servers_free(st);
	names_free(st);
	adopted_free(st);
	if (st->forget != NULL)
		gw_timer_free(&st->forget, self);
	if (st->mail_poll != NULL)
		gw_timer_free(&st->mail_poll, self);
	sodium_memzero(st->decoy, sizeof(st->decoy));
}

GW_MODULE(account) = {
	.abi = GW_ABI,
	.name = "account",
	.version = "1.0",
	.summary = "accounts: SASL, PASS, and registration in the channel",
	.requires = "client 1.0, network 1.0, services 1.0, replica 1.0?",
	.interfaces = interfaces,
	.options = options,
	.calls = calls,
	.topics = topics,
	.subscriptions = subscriptions,
	.points = points,
	.rows = rows,
	.state_size = sizeof(struct account),
	.state_version = ACCOUNT_STATE,
	.load = load,
	.unload = unload,
	.check = check,
};
