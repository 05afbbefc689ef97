/*
 * account.h - the module's own view of itself: who is on the way to an account, and the work that
 * is under way.
 *
 * A *party* is a client with something to remember: an exchange, a registration that awaits its
 * code, failures. A *task* is one command on its way through look-ups, hashing and a commit; each
 * completion names it by its id, and the table of its kind says what comes next. The client is held
 * meanwhile, so its answers stay in order.
 */
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H

#include "chunks.h"
#include "cred.h"
#include "mailaddr.h"
#include "scram.h"
#include <errno.h>
#include <godwit/account.h>
#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/client.h>
#include <godwit/hash.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/metrics.h>
#include <godwit/module.h>
#include <godwit/parts.h>
#include <godwit/replica.h>
#include <godwit/services.h>
#include <string.h>

/* Rows of `.calls`; add at the end. */
enum {
	CALL_NONE,
	CALL_REGISTER,
	CALL_VERIFY,
	CALL_AUTHENTICATE,
	CALL_PASS,
	CALL_ACCOUNT,
	CALL_CAP_SASL,
	CALL_CAP_REGISTRATION,
	CALL_ISUPPORT_REQUIRED,
	CALL_UNAUTHENTICATED,
	CALL_GONE,
	CALL_SERVICE,
	CALL_CHANGED,
	CALL_MECHANISMS,
	CALL_REHASHED,
	CALL_PLAIN,
	CALL_SCRAM,
	CALL_EXTERNAL,
	CALL_FOUND,
	CALL_READ,
	CALL_COMMITTED,
	CALL_HASH_RUN,
	CALL_HASHED,
	CALL_TIMED_OUT,
	CALL_FORGET,
	CALL_MAIL_RUN,
	CALL_MAIL_STARTED,
	CALL_MAIL_POLL,
	CALL_DECOY_WALKED,
	CALL_ADMIN_LIST,
	CALL_ADMIN_INFO,
	CALL_ADMIN_ADD,
	CALL_ADMIN_DROP,
	CALL_ADMIN_PASSWORD,
	CALL_LISTED,
	CALL_COPIED,
	CALL_MAY_CLAIM,
	CALL_MEMBERSHIP,
	CALL_SERVER_WALKED,
	CALL_SERVER_READ,
	CALL_SERVERS_AGAIN,
	CALL_NAMES_READ,
	CALL_NAMES_AGAIN,
	CALL_CLAIMANT,
	CALL_MAY_LOSE,
	CALL_ADOPTED,
	CALL_ADOPTED_READ,
	CALL_METRICS
};

#define CODE_LENGTH 12
#define DIGEST 32
#define MAIL_BYTES (MAILADDR_MAX + 16)
#define WAITS_MAX 160
/* Claims of registrations that await their code have a namespace of their own. */
#define NAME_PENDING 'r'

/* Kinds of tasks, in the order of the table in task.c. */
enum task_kind {
	TASK_REGISTER,
	TASK_VERIFY,
	TASK_PLAIN,
	TASK_PASS,
	TASK_SCRAM,
	TASK_EXTERNAL,
	TASK_PASSWORD,
	TASK_EMAIL,
	TASK_CERTFP,
	TASK_DROP,
	TASK_INFO,
	TASK_ADMIN_INFO,
	TASK_ADMIN_ADD,
	TASK_ADMIN_DROP,
	TASK_ADMIN_PASSWORD,
	TASK_WITHDRAW,
	TASK_NICK
};

struct task {
	uint64_t id;
	uint64_t client;                /* 0: none */
	struct gw_admin_request *admin; /* NULL: none */
	uint8_t kind;                   /* enum task_kind */
	uint8_t step;                   /* the kind's own */
	bool checking;                  /* within check_start() */
	bool gone;                      /* the client has left */
	bool hash_check;                /* what hash_start() was asked for */
	bool queued;                    /* in the queue for the compute lane */
	bool alone;                     /* no other server has what it has stored */
	struct gw_id account;
	struct gw_id pending;
	struct gw_id made; /* of its commit, while another server's copy is waited for */
	uint64_t sends;
	char name[GW_NAME_MAX + 1]; /* as typed; later as the account is shown */
	char folded[GW_NAME_MAX + 1];
	char host[GW_HOST_MAX + 1];
	char waits[WAITS_MAX];
	char mail[MAILADDR_MAX + 1];
	char code[CODE_LENGTH + 1];
	uint8_t digest[DIGEST]; /* CERTFP */
	struct cred cred;
	char *secret, *secret2;   /* passwords; wiped */
	struct task *prev, *next; /* the queue for the compute lane */
	UT_hash_handle hh;
};

struct party {
	uint64_t client;
	uint64_t task;      /* 0: none */
	char mechanism[24]; /* "": no exchange */
	struct chunks response;
	struct scram *scram;
	bool scram_signed; /* the proof was right: the client still has to say so */
	struct gw_id login;
	char login_name[GW_NAME_MAX + 1], login_host[GW_HOST_MAX + 1], login_waits[WAITS_MAX];
	struct gw_id pending; /* registration of this connection that awaits its code */
	struct gw_timer *timeout;
	unsigned failures;
	UT_hash_handle hh;
};

struct attempts;
struct tries;
struct letter;
struct server;
struct life;
struct told;
struct asked;
struct adopted;

/* The module's state. Whoever changes its layout raises ACCOUNT_STATE and writes a migration. */
#define ACCOUNT_STATE 1
struct account {
	struct gw_self *self;
	struct gw_iface *client, *network, *services, *replica; /* replica: no ops without */
	struct gw_topic *may_claim;
	struct party *parties;
	struct task *tasks;
	uint64_t next_task;
	struct task *waiting; /* for the compute lane, first come first served */
	unsigned n_waiting, hashing;
	struct attempts *attempts; /* by address */
	struct tries *tries;       /* by registration that awaits its code */
	struct letter *letters;    /* the first is being delivered */
	unsigned n_letters;
	uint64_t next_letter;
	struct gw_timer *forget, *mail_poll;
	uint8_t decoy[CRED_KEY]; /* the secret that salts of unknown names come from */
	struct gw_id decoy_entity;
	bool decoy_stored;
	bool servers_read;   /* or being read */
	bool lesser_here;    /* somebody here may be shown as NAME~DIGITS */
	uint8_t reserved[5]; /* 0 */

	/* servers.c */
	struct server *servers;
	struct life *lives;
	struct gw_timer *servers_again;

	/* names.c */
	struct gw_id *changed; /* accounts that are to be looked at */
	uint32_t n_changed, changed_room, n_reading, n_told;
	struct told *told;
	struct asked *asked;
	uint64_t last_asked;
	struct adopted *adopted;
	struct gw_timer *names_again;

	/* metrics.c */
	struct {
		uint64_t logins, failures, throttled;
	} counts;
};

#define CLIENT(st, fn, ...) GW_VIA((st)->client, gw_client_ops, fn, ##__VA_ARGS__)
#define NETWORK(st, fn, ...) GW_VIA((st)->network, gw_network_ops, fn, ##__VA_ARGS__)
#define SERVICES(st, fn, ...) GW_VIA((st)->services, gw_services_ops, fn, ##__VA_ARGS__)
#define REPLICA(st, fn, ...) GW_VIA((st)->replica, gw_replica_ops, fn, ##__VA_ARGS__)

static inline int64_t option(struct account *st, const char *name)
{
	return gw_option_int(st->self, gw_options(st->self), name);
}

static inline struct gw_blob blob_of(const void *p, size_t n)
{
	return (struct gw_blob){p, n};
}

/* What the task's kind does at each completion; NULL: it never comes. */
struct task_ops {
	void (*found)(struct account *, struct task *, int status, const struct gw_owner *);
	void (*read)(struct account *, struct task *, int status, const struct gw_entity *);
	/* Of hash_start(): 0, -EACCES (did not match) or -EAGAIN. */
	void (*hashed)(struct account *, struct task *, int status);
	/* Of check_start(): 0 and task->account, name, host; -EACCES; -EAGAIN: too much waits. */
	void (*checked)(struct account *, struct task *, int status);
	void (*committed)(struct account *, struct task *, int status, struct gw_id made);
};

/* task.c */
struct task *task_new(struct account *st, enum task_kind kind, struct gw_client *c);
struct task *task_by_id(struct account *st, uint64_t id);
/** The client, or NULL when it has gone or there is none. */
struct gw_client *task_client(struct account *st, struct task *task);
/** Lets the client go on. */
void task_end(struct account *st, struct task *task);
void task_find(struct account *st, struct task *task, int namespace, const void *key, size_t n);
void task_read(struct account *st, struct task *task, uint8_t class, struct gw_id id);
void task_commit(struct account *st, struct task *task, const struct gw_write *writes, size_t n);
/** What hashing.c and check.c end with. */
void task_hashed(struct account *st, struct task *task, int status);
void task_checked(struct account *st, struct task *task, int status);
void task_forget_client(struct account *st, uint64_t client);
void tasks_free(struct account *st);
void call_found(void *state, uint64_t tag, int status, const struct gw_owner *owner);
void call_read(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void call_committed(void *state, uint64_t tag, int status, struct gw_id made);
void call_copied(void *state, uint64_t tag, int status, struct gw_id made);

/* hashing.c: the queue before the compute lane. `check`: does task->secret match task->cred? Else:
 * a new task->cred of task->secret2, or task->secret. */
void hash_start(struct account *st, struct task *task, bool check);
void hash_forget(struct account *st, struct task *task);
/** A job has come back: the next one. */
void hash_next(struct account *st);
void call_hashed(void *state, uint64_t tag, void *job);

/* check.c: does task->secret open the account task->name (or task->account, if set)? */
/** Who that is; borrows from the task. */
struct gw_login check_login(const struct task *task);
void check_start(struct account *st, struct task *task);
void check_found(struct account *st, struct task *task, int status, const struct gw_owner *owner);
void check_read(struct account *st, struct task *task, int status, const struct gw_entity *entity);
void check_hashed(struct account *st, struct task *task, int status);

/* metrics.c */
gw_heard_fn account_metrics;

/* decoy.c: verifiers for names that nobody has, the same at every attempt. */
void decoy_load(struct account *st);
void decoy_cred(struct account *st, const char *folded, struct cred *out);
void call_decoy_walked(void *state, uint64_t tag, int status, const struct gw_entity *entity);

/* view.c: an account's cells, read. */
struct view {
	char name[GW_NAME_MAX + 1]; /* as it is shown; of a walk: the first nick */
	char host[GW_HOST_MAX + 1]; /* "": none */
	char waits[WAITS_MAX];      /* nicks that it claims and others own, "ann, bob" */
	char mail[MAILADDR_MAX + 1];
	bool mail_claimed; /* it was confirmed; */
	bool confirmed;    /* and belongs to no earlier account */
	uint64_t registered_ms;
	struct cred cred; /* CRED_NONE: none that we know */
	unsigned nicks, certificates;
};
void view_of(const struct gw_entity *entity, struct view *out);
bool is_nick(const struct gw_cell *cell);
/** Writes of a new account; arrays of the caller's. Returns their number. */
struct birth {
	struct gw_write writes[8];
	uint8_t core[32], cred[CRED_BYTES], mail[MAIL_BYTES], name_sub[GW_NAME_MAX],
		mail_sub[1 + DIGEST];
};
struct gw_blob mail_value(const char *mail, bool confirmed, uint8_t room[MAIL_BYTES]);
size_t birth_of(struct account *st, const struct task *task, bool confirmed, struct birth *b);
struct gw_blob name_sub(uint8_t room[GW_NAME_MAX], char namespace, const char *folded);
void mail_digest(const char *mail, uint8_t out[DIGEST]);

/* party.c */
struct party *party_of(struct account *st, uint64_t client);
struct party *party_find(struct account *st, uint64_t client);
/** Frees it when nothing is left to remember. */
void party_tidy(struct account *st, struct party *party);
void party_free(struct account *st, struct party *party);
void parties_free(struct account *st);
void call_gone(void *state, uint64_t tag, const void *payload);

/* attempts.c: how often an address may try. */
bool attempt_take(struct account *st, struct gw_client *c);
void call_forget(void *state, uint64_t tag);
void attempts_free(struct account *st);

/* answer.c: outcomes for programs and for people. */
void say_fail(struct account *st, struct gw_client *c, const char *command, const char *code,
              const char *context, const char *format, ...) __attribute__((format(printf, 6, 7)));
/** "REGISTER SUCCESS name :text". */
void say_outcome(struct account *st, struct gw_client *c, const char *command, const char *what,
                 const char *name, const char *format, ...) __attribute__((format(printf, 6, 7)));
/** Free text; a NOTE for those who know standard replies. */
void say_note(struct account *st, struct gw_client *c, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/** The same for what nobody has asked for. */
void say_unasked(struct account *st, struct gw_client *c, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/** A sentence about a commit that was refused. */
const char *commit_trouble(int status);
/** What is to be added when a task has stored something; `name`: it has claimed one. */
void say_stored(struct account *st, struct gw_client *c, const struct task *task, bool name);

/* password.c */
/** UTF-8 without control characters. */
bool password_text(const char *password);
/** NULL when it may be one, else a sentence; `*weak` says whether it is only too short. */
const char *password_fault(struct account *st, const char *password, bool *weak);
/** Has the verifier in task->cred stored for task->account. */
void password_store(struct account *st, struct task *task);

/* login.c */
void login_succeeds(struct account *st, struct gw_client *c, const struct gw_login *login,
                    bool sasl);
/** Counts it; too many end the connection. False: it is closing. */
bool login_failed(struct account *st, struct gw_client *c);
/** The names of an account that others own, in a sentence; none: nothing is said. */
void say_waits(struct account *st, struct gw_client *c, const char *shown, const char *waits);
/** 900's "nick!ident@host". */
const char *client_mask(struct gw_client *c, char *out, size_t max);
void call_changed(void *state, uint64_t tag, const void *payload);
void log_out(struct account *st, struct gw_client *c);

/* servers.c: which servers the network has, and which are out of sight */
void servers_load(struct account *st);
void servers_changed(struct account *st, const struct gw_services_change *change);
void servers_free(struct account *st);
/** Whether there is another server than this one. */
bool servers_others(struct account *st);
void servers_away(struct account *st, char *away, size_t max);
int call_may_claim(void *state, uint64_t tag, void *payload, struct gw_error *why);
void call_membership(void *state, uint64_t tag, const void *payload);
void call_server_walked(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void call_server_read(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void call_servers_again(void *state, uint64_t tag);

/* names.c: names that two accounts claim */
void names_changed(struct account *st, const struct gw_services_change *change);
/** A session is logged in to an account that was made just now. Its name may have been lost before
 * that: while the answer waited for a second copy. */
void names_registered(struct account *st, struct gw_id account, const char *name);
void names_free(struct account *st);
/** Logs the client in as the account is shown now, and tells it. */
void names_follow(struct account *st, struct gw_client *c, const struct gw_entity *entity,
                  const struct view *view);
void call_names_read(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void call_names_again(void *state, uint64_t tag);
void call_claimant(void *state, uint64_t tag, int status, const struct gw_owner *owner);

/* register.c, verify.c, pending.c */
/** True when the name cannot be claimed, for what can be said at once; the client was told. */
bool name_refused(struct account *st, struct gw_client *c, const char *command, const char *name);
/** The same, for what holds for all names. */
bool claim_refused(struct account *st, struct gw_client *c, const char *command, const char *name);
int call_may_lose(void *state, uint64_t tag, void *payload, struct gw_error *why);

/* adopted.c */
void call_adopted(void *state, uint64_t tag, const void *payload);
void call_adopted_read(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void adopted_free(struct account *st);
/** What a registration that could not be stored is answered with. */
const char *registration_trouble(struct account *st, const struct task *task, int status);
/** The account is there: its client logs in to it. */
void registration_done(struct account *st, struct task *task, struct gw_client *c,
                       const char *command, struct gw_id made);
void cmd_register(void *state, struct gw_client *c, const struct gw_message *m);
/** The client goes back to Connecting; what awaits its code stays. */
void registration_leave(struct account *st, struct gw_client *c);
void call_timed_out(void *state, uint64_t tag);
void cmd_verify(void *state, struct gw_client *c, const struct gw_message *m);
struct pending {
	char name[GW_NAME_MAX + 1], mail[MAILADDR_MAX + 1];
	struct cred cred;
	uint8_t code[DIGEST];
	uint64_t sends;
	int64_t expires_ms;
};
bool pending_of(const struct gw_entity *entity, struct pending *out);
void pending_commit(struct account *st, struct task *task);
void code_digest(const char *code, uint8_t out[DIGEST]);
/** True when the registration has had all its tries. */
bool try_count(struct account *st, struct gw_id pending);
void tries_free(struct account *st);
struct gw_write death(uint8_t class, struct gw_id id);
void pending_kill(struct account *st, struct gw_id id);

/* mail.c */
int letter_post(struct account *st, uint64_t client, const char *to, const char *name,
                const char *code);
/** To the owner of an account whose name another one owns now. */
void letter_lost(struct account *st, const char *to, const char *name, const char *shown);
/** Whether mail is sent at all. */
bool mail_on(struct account *st);
bool letter_room(struct account *st);
void letters_free(struct account *st);
void call_mail_run(void *job);
void call_mail_started(void *state, uint64_t tag, void *job);
void call_mail_poll(void *state, uint64_t tag);

/* sasl.c, plain.c, scram_sasl.c, external.c, pass.c */
extern const struct gw_account_ops account_ops;
void cmd_authenticate(void *state, struct gw_client *c, const struct gw_message *m);
void sasl_challenge(void *state, struct gw_client *c, const void *bytes, size_t n);
void sasl_finish(void *state, struct gw_client *c, int status, const struct gw_login *login,
                 const char *why);
/** Ends an exchange without a word. */
void sasl_drop(struct account *st, struct party *party);
/** Comma-separated, for this client. */
void sasl_mechanisms(struct account *st, struct gw_client *c, char *out, size_t max);
/** A row admits users without an account. */
bool sasl_nameless(struct account *st);
void sasl_plain(void *state, struct gw_client *c, const uint8_t *response, size_t n);
void sasl_scram(void *state, struct gw_client *c, const uint8_t *response, size_t n);
void sasl_external(void *state, struct gw_client *c, const uint8_t *response, size_t n);
void cmd_pass(void *state, struct gw_client *c, const struct gw_message *m);

/* commands.c, nicks.c, nickserv.c, admin.c */
struct task *own_task(struct account *st, enum task_kind kind, struct gw_client *c);
/** Goes on at the kind's `checked`. */
void ask_password(struct account *st, struct gw_client *c, struct task *task, const char *password);
/** True when the task may go on; else it has been answered and ended. */
bool proved(struct account *st, struct task *task, int status);
/** The common end: what was done, or why not. */
void report(struct account *st, struct task *task, int status, const char *code, const char *text);
void run_nick(struct account *st, struct gw_client *c, int argc, char *const *argv);
/** "2026-11-23 04:44:46 UTC" */
void when(uint64_t ms, char out[32]);
void cmd_account(void *state, struct gw_client *c, const struct gw_message *m);
void call_unauthenticated(void *state, uint64_t tag, const void *payload);
void call_service(void *state, uint64_t tag, const void *payload);
void admin_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv);
void admin_info(void *state, struct gw_admin_request *req, int argc, const char *const *argv);
void admin_add(void *state, struct gw_admin_request *req, int argc, const char *const *argv);
void admin_drop(void *state, struct gw_admin_request *req, int argc, const char *const *argv);
void admin_password(void *state, struct gw_admin_request *req, int argc, const char *const *argv);
void call_listed(void *state, uint64_t tag, int status, const struct gw_entity *entity);

extern const struct task_ops register_task, verify_task, plain_task, pass_task, scram_task,
	external_task, password_task, email_task, certfp_task, drop_task, info_task,
	admin_info_task, admin_add_task, admin_drop_task, admin_password_task, withdraw_task,
	nick_task;

#endif
