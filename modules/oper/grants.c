/*
 * modules/oper/grants.c - who may be an operator: grants to accounts, the command OPER, and its
 * taking back.
 *
 * A grant is an entity of class P: core = flags, account id, role, the account's name, who granted
 * it, when.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define RIGHTS_LATE_NS (30 * GW_SECOND) /* services databases are level again by then */

static struct grant *grant_by_id(struct oper_state *o, struct gw_id id)
{
	struct grant *grant;

	DL_FOREACH (o->grants, grant)
		if (gw_id_is(grant->id, id))
			return grant;
	return NULL;
}

struct grant *oper_grant_of(struct oper_state *o, struct gw_id account)
{
	struct grant *grant;

	DL_FOREACH (o->grants, grant)
		if (gw_id_is(grant->account, account))
			return grant;
	return NULL;
}

void oper_grant_take(struct oper_state *o, const struct gw_entity *entity)
{
	const struct gw_cell *core = gw_entity_cell(entity, GW_F_CORE, NULL, 0);
	struct grant *grant = grant_by_id(o, entity->id);
	struct gw_blob account;

	if (core == NULL || !gw_part(core->value, 1, &account))
		return;
	if (grant == NULL) {
		grant = gw_alloc(o->self, sizeof(*grant));
		grant->id = entity->id;
		DL_APPEND(o->grants, grant);
	}
	grant->account = gw_id_from(account);
	gw_part_text(core->value, 2, grant->role, sizeof(grant->role));
	gw_part_text(core->value, 3, grant->name, sizeof(grant->name));
}

static void look_later(struct oper_state *o)
{
	if (o->rights != NULL)
		return;
	o->rights = gw_timer_new(o->self, gw_call(o->self, CALL_RIGHTS_LATE, 0));
	gw_timer_set(o->rights, o->self, RIGHTS_LATE_NS);
}

/* Ends the operatorship of a session here. One that is being handed over is left alone: whoever has
 * it in the end looks again. */
static void take_back(struct oper_state *o, struct gw_session *session)
{
	struct gw_user_set set = {.fields = GW_SET_MODES | GW_SET_ROLE,
	                          .modes_remove = gw_letter('o')};

	if (session->local && (session->user->modes & gw_letter('o')) &&
	    NETWORK(o, set, session, &set, 0) == -EPERM)
		look_later(o);
}

void oper_grant_gone(struct oper_state *o, struct gw_id id)
{
	struct grant *grant = grant_by_id(o, id);
	struct gw_id account;

	if (grant == NULL)
		return;
	account = grant->account;
	DL_DELETE(o->grants, grant);
	gw_free(o->self, grant);
	if (oper_grant_of(o, account) != NULL)
		return;
	for (struct gw_user *user = NETWORK(o, next_user, NULL); user != NULL;
	     user = NETWORK(o, next_user, user))
		if (gw_id_is(user->account_id, account))
			take_back(o, user->session);
}

void oper_grants_free(struct oper_state *o)
{
	struct grant *grant, *next;

	DL_FOREACH_SAFE (o->grants, grant, next) {
		DL_DELETE(o->grants, grant);
		gw_free(o->self, grant);
	}
}

static bool entitled(struct oper_state *o, const struct gw_user *user)
{
	return !(user->modes & gw_letter('o')) ||
	       (user->account != NULL && oper_grant_of(o, user->account_id) != NULL);
}

/* A grant that is not here may be on its way, or taken back while the session was on its. */
void oper_rights_of(struct oper_state *o, const struct gw_session *session)
{
	if (!entitled(o, session->user))
		look_later(o);
}

void oper_rights_late(void *state, uint64_t tag)
{
	struct oper_state *o = state;

	(void)tag;
	gw_timer_free(&o->rights, o->self);
	for (struct gw_client *c = CLIENT(o, next, NULL); c != NULL; c = CLIENT(o, next, c))
		if (c->session != NULL && !entitled(o, c->session->user))
			take_back(o, c->session);
}

/* Who logs out, or in to another account, is no operator by the former one any more. */
void oper_account_changed(struct oper_state *o, struct gw_session *session)
{
	if (session->user->account == NULL || oper_grant_of(o, session->user->account_id) == NULL)
		take_back(o, session);
}

/* The account is the proof, so OPER asks for no password; clients that insist on one may send
 * anything. */
void oper_command(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct oper_state *o = state;
	struct gw_user *user = client->session->user;
	const struct grant *grant =
		client->account != NULL ? oper_grant_of(o, client->account_id) : NULL;
	struct gw_user_set set = {.fields = GW_SET_MODES | GW_SET_ROLE,
	                          .modes_add = gw_letter('o')};

	if (grant == NULL || !NETWORK(o, same, m->argv[0], client->account)) {
		CLIENT(o, numeric, client, 491,
		       ":No operator's rights for you: log in to an account that has been granted "
		       "them");
		oper_audit(o, client, "OPER", "refused: no grant");
		oper_tell(o, "%s (%s) tried to become an operator without a grant", user->nick,
		          client->account != NULL ? client->account : "not logged in");
		return;
	}
	set.role = grant->role;
	NETWORK(o, set, client->session, &set, client->command);
	CLIENT(o, numeric, client, 381, ":You are now an IRC operator");
	oper_audit(o, client, "OPER", "role %s", grant->role);
	oper_tell(o, "%s (account %s) is now an operator, role %s", user->nick, client->account,
	          grant->role);
}

void oper_admin_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	static const char *const head[] = {"account", "role"};
	struct oper_state *o = state;
	const struct grant *grant;

	(void)argc;
	(void)argv;
	gw_admin_head(o->self, req, head, 2);
	DL_FOREACH (o->grants, grant)
		gw_admin_row(o->self, req, (const char *const[]){grant->name, grant->role}, 2);
	gw_admin_done(o->self, &req, 0, "");
}

static void add_grant(struct oper_state *o, struct request *r, const struct gw_owner *owner)
{
	uint8_t bytes[256], id[16];
	struct gw_parts parts = {.bytes = bytes, .max = sizeof(bytes)};
	struct gw_write write = {.class = GW_CLASS_GRANT, .make = true, .field = GW_F_CORE};

	gw_id_bytes(owner->id, id);
	gw_parts_text(&parts, "");
	gw_parts_add(&parts, id, sizeof(id));
	gw_parts_text(&parts, r->role);
	gw_parts_text(&parts, owner->display);
	write.value = gw_parts_value(&parts);
	oper_request_commit(o, r, &write, 1);
}

static void with_account(struct oper_state *o, struct request *r, int status,
                         const struct gw_owner *owner)
{
	if (status == 0 && owner->class == GW_CLASS_ACCOUNT && oper_grant_of(o, owner->id) != NULL)
		oper_request_end(o, r, -EEXIST,
		                 "that account is an operator's already: remove it first to change "
		                 "its role");
	else if (status == 0 && owner->class == GW_CLASS_ACCOUNT)
		add_grant(o, r, owner);
	else if (status == 0 || status == -ENOENT || status == -EINVAL)
		oper_request_end(o, r, -ENOENT,
		                 "there is no account of that name: the person registers first");
	else
		oper_request_end(o, r, status, "the services database cannot be read now");
}

void oper_account_found(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct request *r = oper_request_of(state, tag);

	if (r != NULL)
		with_account(state, r, status, owner);
}

void oper_admin_add(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct oper_state *o = state;
	const char *role = argc > 1 ? argv[1] : "admin";
	char folded[GW_NAME_MAX + 1], done[160];
	struct gw_owner owner;
	struct request *r;
	int n;

	if (strlen(role) > ROLE_MAX || !oper_role_exists(o, role)) {
		gw_admin_done(o->self, &req, -EINVAL,
		              "there is no such role: see the option `roles` of oper");
		return;
	}
	snprintf(done, sizeof(done), "%.64s may now be an operator, role %.32s", argv[0], role);
	r = oper_request_new(o, req, done);
	snprintf(r->role, sizeof(r->role), "%s", role);
	n = SERVICES(o, fold, argv[0], folded);
	if (n >= 0)
		n = SERVICES(o, find_shown, GW_NAME_NICK, folded, (size_t)n, &owner,
		             gw_call(o->self, CALL_ACCOUNT_FOUND, r->tag));
	if (n != -EINPROGRESS)
		with_account(o, r, n, &owner);
}

static void remove_grant(struct oper_state *o, struct request *r, const struct grant *grant)
{
	struct gw_write drop = {.class = GW_CLASS_GRANT, .field = GW_F_CORE, .remove = true};

	if (grant == NULL) {
		oper_request_end(o, r, -ENOENT, "that account is no operator's");
		return;
	}
	drop.id = grant->id;
	oper_request_commit(o, r, &drop, 1);
}

/* An account that is gone, or has another name by now, is known by the one that it had. */
static void with_removed(struct oper_state *o, struct request *r, int status,
                         const struct gw_owner *owner)
{
	struct grant *grant = status == 0 ? oper_grant_of(o, owner->id) : NULL;

	if (grant == NULL)
		DL_FOREACH (o->grants, grant)
			if (NETWORK(o, same, grant->name, r->name))
				break;
	remove_grant(o, r, grant);
}

void oper_remove_found(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct request *r = oper_request_of(state, tag);

	if (r != NULL)
		with_removed(state, r, status, owner);
}

void oper_admin_remove(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct oper_state *o = state;
	char folded[GW_NAME_MAX + 1], done[160];
	struct gw_owner owner;
	struct request *r;
	int n;

	(void)argc;
	snprintf(done, sizeof(done), "%.64s is no operator any more", argv[0]);
	r = oper_request_new(o, req, done);
	snprintf(r->name, sizeof(r->name), "%.*s", MASK_MAX, argv[0]);
	n = SERVICES(o, fold, argv[0], folded);
	if (n >= 0)
		n = SERVICES(o, find_shown, GW_NAME_NICK, folded, (size_t)n, &owner,
		             gw_call(o->self, CALL_REMOVE_FOUND, r->tag));
	if (n != -EINPROGRESS)
		with_removed(o, r, n, &owner);
}
