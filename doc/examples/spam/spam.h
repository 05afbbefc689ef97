/*
 * spam.h - the parts of the module spam.
 *
 *     spam.c      the descriptor: what the module brings, its options, its beginning and end
 *     question.c  what is asked of each message, and what a session has said last
 *     patterns.c  the network's patterns, and the commands of operators
 */
#ifndef SPAM_H
#define SPAM_H

#include <godwit/admin.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/parts.h>
#include <godwit/services.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define RULE_MAX 32                    /* bytes of a rule's name */
#define PATTERN_MAX 200                /* bytes */
#define LAST "spam.last"               /* data of a session */
#define WINDOW_MAX (86400 * GW_SECOND) /* of the option `repeat-window` */
#define PLACE "{rule}"                 /* in the option `text` */

/** A pattern that is in force, copied from its cell. */
struct rule {
	struct rule *prev, *next;
	uint64_t refused;
	char name[RULE_MAX + 1], pattern[PATTERN_MAX + 1];
};

/** Rows of the table in question.c, and of what they have refused; new ones at the end. */
enum { REPETITION, HIGHLIGHTS, LINKS, CHECKS };

/* To change it, or what it points to: raise .state_version in spam.c and write a migrate(). */
struct spam_state {
	struct gw_self *self;
	struct gw_iface *network, *services;
	struct rule *rules;
	struct gw_admin_request *req; /* waits until its change is on the disk; NULL: none does */
	struct gw_id entity;          /* the network's, which has the cells; none: not read yet */
	uint64_t refused[CHECKS];
	uint16_t field;
	uint8_t reserved[6]; /* 0 */
};

/** What a session said last: the block that the network module keeps for us in each. */
struct last {
	uint64_t sum;
	int64_t first_ns; /* monotonic: when it said that for the first time */
	uint32_t times;
	uint32_t reserved; /* 0 */
};

#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)
#define SERVICES(st, ...) GW_VIA((st)->services, gw_services_ops, __VA_ARGS__)

/** Rows of the module's `.calls`; new ones at the end. */
enum {
	CALL_NONE,
	CALL_MAY_SEND,
	CALL_STARTED,
	CALL_READ,
	CALL_WALKED,
	CALL_CHANGED,
	CALL_LIST,
	CALL_ADD,
	CALL_REMOVE,
	CALL_STORED,
	CALL_EXPORT,
	CALL_IMPORT,
	CALL_STATUS
};

/* --- question.c --- */

gw_asked_fn spam_may_send;
int spam_export(void *state, const struct gw_session *session, const void *data, void *out,
                size_t max, size_t *len_out);
int spam_import(void *state, struct gw_session *session, void *data, const void *in, size_t len,
                struct gw_error *err);
/** Name, and in words, of the check `i`. */
const char *spam_check_name(size_t i);
const char *spam_check_about(size_t i);

/* --- patterns.c --- */

gw_timer_fn spam_started;
gw_heard_fn spam_read, spam_changed;
gw_walk_fn spam_walked;
gw_admin_fn spam_list, spam_add, spam_remove;
gw_committed_fn spam_stored;
void spam_rules_free(struct spam_state *st, struct rule **rules);

#endif
