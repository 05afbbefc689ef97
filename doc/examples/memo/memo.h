/*
 * memo.h - the parts of the module memo, which keeps messages for people who are not there.
 *
 *     memo.c      the descriptor: what the module brings, its options, its beginning and end
 *     cells.c     memos as cells of the services database, on the account of who is to get them
 *     commands.c  MEMO of people, and `memo` of operators: find the account, read it, change it
 *     tell.c      who is shown a memo, and when; what each session has been told of
 */
#ifndef MEMO_H
#define MEMO_H

#include <godwit/admin.h>
#include <godwit/client.h>
#include <godwit/loop.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/parts.h>
#include <godwit/services.h>
#include <stdio.h>

#define CAP_NAME "example.org/memo" /* clients with it get the line MEMO in place of a NOTICE */
#define DELIVER "memo.deliver"      /* event: a memo, to a session */
#define TOLD "memo.told"            /* event, and data of a session: memos it has been told of */
#define MEMOS_MAX 32                /* of one account; the option `most` says less */
#define TOLD_MAX (2 * MEMOS_MAX)    /* that a session remembers */
#define TEXT_MAX 300                /* bytes: with all that stands before it in one line of IRC */
#define LETTERS 5

/** Rows of the module's `.calls`; new ones at the end. */
enum {
	CALL_NONE,
	CALL_MEMO,
	CALL_ADMIN_LIST,
	CALL_ADMIN_DROP,
	CALL_FOUND,
	CALL_READ,
	CALL_COMMITTED,
	CALL_CHANGED,
	CALL_CLIENT,
	CALL_EVENT,
	CALL_MOVE_ENDED,
	CALL_STARTED,
	CALL_TELL,
	CALL_DELIVER,
	CALL_TOLD,
	CALL_SHOW,
	CALL_EXPORT,
	CALL_IMPORT,
	CALL_SWEEP,
	CALL_SWEEP_ACCOUNT,
	CALL_STATUS
};

/* To change it, or what it points to: raise .state_version in memo.c and write a migrate(). */
struct memo_state {
	struct gw_self *self;
	struct gw_iface *client, *network, *services;
	struct gw_timer *sweep;
	struct work *works; /* commands that wait for the database, by id */
	uint64_t last_work;
	uint64_t stored, shown; /* since the module was loaded */
	uint16_t field;         /* of memos, in the services database */
	uint8_t reserved[6];    /* 0 */
};

#define CLIENT(st, ...) GW_VIA((st)->client, gw_client_ops, __VA_ARGS__)
#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)
#define SERVICES(st, ...) GW_VIA((st)->services, gw_services_ops, __VA_ARGS__)

/** A memo, copied from its cell. */
struct memo {
	struct gw_id id; /* when it was written, and by which server's database */
	char sender[GW_NAME_MAX + 1];
	char text[TEXT_MAX + 1];
};

/* --- cells.c --- */

/** What the option `name` says. */
int64_t memo_option(struct memo_state *st, const char *name);
/** The next memo among the cells of an account, from number `*at` on, which is moved on; the oldest
 * comes first. False: there are no more. Those that are too old are not there any more. */
bool memo_next(struct memo_state *st, const struct gw_entity *account, size_t *at,
               struct memo *out);
/** Sender and text, as they stand in a cell and in the event. False: they are not a memo's. */
bool memo_get(struct gw_blob from, struct memo *out);
void memo_put(struct gw_parts *to, const struct memo *memo);
/** Writes it; `done` (gw_committed_fn) when it is on the disk. What commit() says. */
int memo_write(struct memo_state *st, struct gw_id account, const struct memo *memo,
               struct gw_call done);
/** Deletes memos of an account; the same. */
int memo_remove(struct memo_state *st, struct gw_id account, const struct gw_id *ids, size_t n,
                struct gw_call done);
/** Five letters by which people know it. */
void memo_letters(struct gw_id id, char out[LETTERS + 1]);
/** "ann, 2026-01-01 12:00 UTC" */
void memo_from(const struct memo *memo, char *out, size_t max);
gw_timer_fn memo_sweep;
gw_walk_fn memo_sweep_account;

/* --- commands.c --- */

gw_command_fn memo_command;
gw_admin_fn memo_admin_list, memo_admin_drop;
gw_owner_fn memo_found;
gw_entity_fn memo_read;
gw_committed_fn memo_committed;
void works_free(struct memo_state *st);

/* --- tell.c --- */

/** Whether a session of the account, on whichever server, has been told of the memo. */
bool memo_is_told(struct memo_state *st, struct gw_id account, struct gw_id memo);
/** The line of a memo, to one client that asked for it. */
void memo_line(struct memo_state *st, struct gw_client *c, const struct memo *memo);
gw_heard_fn memo_changed, memo_client, memo_move_ended;
gw_event_heard_fn memo_event;
gw_timer_fn memo_started;
gw_entity_fn memo_tell;
gw_kind_apply_fn memo_deliver_apply, memo_told_apply;
gw_render_fn memo_show;
int memo_export(void *state, const struct gw_session *session, const void *data, void *out,
                size_t max, size_t *len_out);
int memo_import(void *state, struct gw_session *session, void *data, const void *in, size_t len,
                struct gw_error *err);
/** The block of a session. */
struct told {
	uint32_t n;
	uint32_t reserved; /* 0 */
	struct gw_id memos[TOLD_MAX];
};

#endif
