/*
 * modules/oper/private.h - what the module's files share.
 *
 * Operators and bans live in the services database (classes P and B). Both are few, so all of them
 * are kept in memory, read at start and followed through "services.changed".
 */
#ifndef OPER_PRIVATE_H
#define OPER_PRIVATE_H

#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/client.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/parts.h>
#include <godwit/redirect.h>
#include <godwit/replica.h>
#include <godwit/services.h>

#define ROLE_MAX 32
#define MASK_MAX 64
#define WHO_MAX 128
#define REASON_MAX 200
#define PRIVILEGES_MAX 64
#define ROLE_TEXT_MAX 1024 /* a row of the option `roles` */
#define DETAIL_MAX 80
#define AGE_MAX 24

/** Rows of `.calls`. */
enum oper_call {
	CALL_NONE,
	CALL_OPER,
	CALL_KILL,
	CALL_WALLOPS,
	CALL_REHASH,
	CALL_CTL,
	CALL_RENDER_WALLOPS,
	CALL_OPER_LIST,
	CALL_OPER_ADD,
	CALL_OPER_REMOVE,
	CALL_BAN_LIST,
	CALL_BAN_ADD,
	CALL_BAN_REMOVE,
	CALL_ACCOUNT_FOUND,
	CALL_COMMITTED,
	CALL_WALK_GRANTS,
	CALL_WALK_BANS,
	CALL_GRANT_READ,
	CALL_BAN_READ,
	CALL_SERVICES_CHANGED,
	CALL_EVENT,
	CALL_MAY_CONNECT,
	CALL_MAY_ENTER,
	CALL_ANSWER,
	CALL_RETRY,
	CALL_SESSION_KICK,
	CALL_REQUEST_READ,
	CALL_COPIED,
	CALL_REMOVE_FOUND,
	CALL_MEMBERSHIP,
	CALL_BAN_FOUND,
	CALL_ADOPTED,
	CALL_RIGHTS_LATE,
	CALL_CTL_ROOM,
	CALL_SESSION_LIST,
	CALL_SESSION_SHOW,
	CALL_SESSION_SLICE,
	CALL_ROLES
};

/** An account that may become an operator. */
struct grant {
	struct gw_id id, account;
	char name[GW_NICK_MAX + 1]; /* of the account when it was granted */
	char role[ROLE_MAX + 1];
	struct grant *prev, *next;
};

enum ban_type { BAN_ACCOUNT = 'a', BAN_ADDRESS = 'c' };

struct ban {
	struct gw_id id;
	struct gw_id account; /* that it is for; none: whoever is shown as `mask` */
	enum ban_type type;
	char mask[MASK_MAX + 1]; /* account name, or address with a prefix length */
	uint8_t address[16];     /* IPv4 mapped into IPv6 */
	uint8_t bits;            /* of 128 */
	char reason[REASON_MAX + 1], setter[WHO_MAX + 1];
	int64_t set_ms, expiry_ms; /* wall clock; expiry 0: never */
	struct ban *prev, *next;
};

/** An admin command that waits for the services database. */
struct request {
	uint64_t tag;
	struct gw_admin_request *req;
	char role[ROLE_MAX + 1];
	char done[160];          /* what to say on success */
	uint8_t makes;           /* class of the entity that its commit makes, or 0 */
	bool alone;              /* no other server has what was stored */
	char name[MASK_MAX + 1]; /* of an account, or the mask of a ban */
	char reason[REASON_MAX + 1];
	int64_t lasts_ms;  /* of a ban; 0: for good */
	struct gw_id made; /* what its commit made, or its stamp */
	struct request *prev, *next;
};

/** A command that an operator has given in IRC, until its answer has ended. */
struct ctl_run {
	uint64_t id, client;
	int64_t shown_ns; /* when its progress was last shown; 0: not yet */
	bool held;        /* the client waits for the end */
	bool waiting;     /* for room in its send queue, as `lines` do */
	bool cut;         /* more than may wait */
	bool ended;       /* all has come */
	uint8_t reserved[4];
	size_t piece, waiting_bytes;
	struct ctl_line *lines, *last;
	char *error; /* ended: NULL: well */
	struct ctl_run *prev, *next;
};

struct listing;

/*
 * The state, version 1. To change its layout, or that of what it points to: raise `.state_version`,
 * add a `migrate` that fills the new block from the old one, and keep a test that loads the old
 * version first.
 */
struct oper_state {
	struct gw_self *self;
	struct gw_iface *client, *network, *services;
	struct gw_iface *replica, *redirect; /* no ops where there is none */
	struct grant *grants;
	struct ban *bans;
	struct request *requests;
	struct ctl_run *runs;
	struct listing *listings; /* sessions that are still to be shown */
	struct gw_timer *retry;   /* of a walk that could not begin */
	struct gw_timer *rights;  /* see oper_rights_of(); NULL: nobody waits */
	uint64_t last_tag;
};

#define NETWORK(o, ...) GW_VIA((o)->network, gw_network_ops, __VA_ARGS__)
#define CLIENT(o, ...) GW_VIA((o)->client, gw_client_ops, __VA_ARGS__)
#define SERVICES(o, ...) GW_VIA((o)->services, gw_services_ops, __VA_ARGS__)
#define REPLICA(o, ...) GW_VIA((o)->replica, gw_replica_ops, __VA_ARGS__)

/* grants.c */
struct grant *oper_grant_of(struct oper_state *o, struct gw_id account);
void oper_grant_take(struct oper_state *o, const struct gw_entity *entity);
void oper_grant_gone(struct oper_state *o, struct gw_id id);
void oper_grants_free(struct oper_state *o);
void oper_command(void *state, struct gw_client *client, const struct gw_message *m);
void oper_account_changed(struct oper_state *o, struct gw_session *session);
/** Of one who has come from another server, where the grant may have been known earlier. */
void oper_rights_of(struct oper_state *o, const struct gw_session *session);
void oper_rights_late(void *state, uint64_t tag);
void oper_admin_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv);
void oper_admin_add(void *state, struct gw_admin_request *req, int argc, const char *const *argv);
void oper_admin_remove(void *state, struct gw_admin_request *req, int argc,
                       const char *const *argv);
void oper_remove_found(void *state, uint64_t tag, int status, const struct gw_owner *owner);
void oper_account_found(void *state, uint64_t tag, int status, const struct gw_owner *owner);

/* roles.c: what a role may do, from the option `roles` */
/** Fills a NULL-terminated list that points into `room`; returns false for an unknown role. */
bool oper_privileges(struct oper_state *o, const char *role, char room[ROLE_TEXT_MAX],
                     const char *out[PRIVILEGES_MAX + 1]);
void oper_roles(void *state, struct gw_admin_request *req, int argc, const char *const *argv);
bool oper_may(struct oper_state *o, const struct gw_user *user, const char *privilege);
bool oper_role_exists(struct oper_state *o, const char *role);

/* bans.c, address.c */
bool oper_address_parse(const char *text, uint8_t address_out[16], uint8_t *bits_out);
bool oper_address_matches(const uint8_t a[16], const uint8_t b[16], uint8_t bits);
void oper_ban_take(struct oper_state *o, const struct gw_entity *entity);
void oper_ban_gone(struct oper_state *o, struct gw_id id);
void oper_bans_free(struct oper_state *o);
int oper_may_connect(void *state, uint64_t tag, void *payload, struct gw_error *why);
int oper_may_enter(void *state, uint64_t tag, void *payload, struct gw_error *why);
void oper_adopted(void *state, uint64_t tag, const void *payload);
void oper_ban_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv);
void oper_ban_add(void *state, struct gw_admin_request *req, int argc, const char *const *argv);
void oper_ban_found(void *state, uint64_t tag, int status, const struct gw_owner *owner);
void oper_ban_remove(void *state, struct gw_admin_request *req, int argc, const char *const *argv);

/* request.c */
struct request *oper_request_new(struct oper_state *o, struct gw_admin_request *req,
                                 const char *done);
struct request *oper_request_of(struct oper_state *o, uint64_t tag);
void oper_request_end(struct oper_state *o, struct request *r, int status, const char *error);
/** Commits for a request; it ends when that is durable or lost. */
void oper_request_commit(struct oper_state *o, struct request *r, const struct gw_write *writes,
                         size_t n);
void oper_committed(void *state, uint64_t tag, int status, struct gw_id made);
void oper_request_read(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void oper_copied(void *state, uint64_t tag, int status, struct gw_id made);
void oper_requests_free(struct oper_state *o);

/* sessions.c, session_show.c */
void oper_session_list(void *state, struct gw_admin_request *req, int argc,
                       const char *const *argv);
void oper_session_slice(void *state, uint64_t tag);
void oper_session_show(void *state, struct gw_admin_request *req, int argc,
                       const char *const *argv);
void oper_session_kick(void *state, struct gw_admin_request *req, int argc,
                       const char *const *argv);
void oper_listings_free(struct oper_state *o);
const char *oper_session_state(const struct gw_client *client);
/** "42s" since a moment; empty where that is 0: never. */
void oper_age(struct oper_state *o, int64_t since_ns, char out[AGE_MAX]);

/* acts.c, ctl.c */
/** With a 481, and a line in the log, if not. */
bool oper_allowed(struct oper_state *o, struct gw_client *client, const char *command,
                  const char *privilege);
/** Who an operator is, and what else the log should know of where they come from. */
void oper_who(const struct gw_client *client, char who[WHO_MAX + 1], char detail[DETAIL_MAX]);
/** One command of IRC in the log; `what` says what was done, or why not. */
void oper_audit(struct oper_state *o, const struct gw_client *client, const char *command,
                const char *format, ...) __attribute__((format(printf, 4, 5)));
void oper_join_words(char *out, size_t max, int argc, const char *const *argv);
void oper_kill(void *state, struct gw_client *client, const struct gw_message *m);
void oper_wallops(void *state, struct gw_client *client, const struct gw_message *m);
void oper_render_wallops(void *state, struct gw_render *r, const struct gw_event *event);
void oper_rehash(void *state, struct gw_client *client, const struct gw_message *m);
void oper_ctl(void *state, struct gw_client *client, const struct gw_message *m);
void oper_answer(void *state, uint64_t tag, const struct gw_admin_answer *answer);
void oper_runs_free(struct oper_state *o);
void oper_ctl_room(void *state, uint64_t tag);
/** A server notice to all operators here. */
void oper_tell(struct oper_state *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
