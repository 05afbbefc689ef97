/*
 * modules/oper/oper.c - operators and bans: descriptor, tables, and the following of the services
 * database.
 */
#include "private.h"

#include <errno.h>

#define RETRY_NS GW_SECOND

static const struct gw_option oper_options[] = {
	{.name = "roles",
         .type = GW_OPT_LIST,
         .fallback = "admin *",
         .min = 1,
         .max = 64,
         .help = "What operators may do, a role a row: its name, then privileges (session.kick, "
                 "module.*, wallops, ...; * is all)."},
	{.name = "second-copy",
         .type = GW_OPT_DURATION,
         .fallback = "2s",
         .min = 0,
         .max = 60 * GW_SECOND,
         .help = "How long an answer waits for another server's copy of what was stored; 0: not "
                 "at all."},
	{.name = NULL},
};

static const struct gw_command oper_commands[] = {
	{.name = "OPER",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 5,
         .call = CALL_OPER,
         .syntax = "<your account>",
         .help = "Makes you an operator, if your account has been granted that."},
	{.name = "KILL",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 1,
         .oper = true,
         .call = CALL_KILL,
         .syntax = "<nick> [:<reason>]",
         .help = "Closes a user's connection."},
	{.name = "WALLOPS",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 1,
         .oper = true,
         .call = CALL_WALLOPS,
         .syntax = ":<text>",
         .help = "Sends a text to all users with mode +w."},
	{.name = "REHASH",
         .states = GW_IN_CONNECTED,
         .cost = 1,
         .oper = true,
         .call = CALL_REHASH,
         .syntax = "",
         .help = "Reads the configuration anew."},
	{.name = "CTL",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 1,
         .oper = true,
         .call = CALL_CTL,
         .syntax = "<command> [<word>...]",
         .help = "Runs a command of godwitctl; CTL help lists them."},
};

static const struct gw_renderer oper_renderers[] = {
	{.name = "oper.wallops",
         .kind = GW_EV_WALLOPS,
         .audience = GW_TO_UMODE,
         .umode = 'w',
         .call = CALL_RENDER_WALLOPS},
};

static const struct gw_usermode oper_usermodes[] = {
	{.name = "o", .help = "is an operator"},
	{.name = "w", .by_user = true, .help = "gets WALLOPS"},
};

static const struct gw_admin_command oper_admin[] = {
	{.name = "oper list",
         .help = "Lists the accounts that may be operators.",
         .call = CALL_OPER_LIST,
         .reads = true},
	{.name = "oper add",
         .args = "ACCOUNT [ROLE]",
         .help = "Lets an account be an operator (role admin if none is named).",
         .min_args = 1,
         .max_args = 2,
         .call = CALL_OPER_ADD},
	{.name = "oper remove",
         .args = "ACCOUNT",
         .help = "Takes that back, at once.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_OPER_REMOVE},
	{.name = "ban list", .help = "Lists the bans.", .call = CALL_BAN_LIST, .reads = true},
	{.name = "ban add",
         .args = "ACCOUNT|ADDRESS[/BITS] DURATION|never [REASON...]",
         .help = "Bans an account or addresses; closes whom it meets.",
         .min_args = 2,
         .max_args = 60,
         .call = CALL_BAN_ADD},
	{.name = "ban remove",
         .args = "MASK",
         .help = "Takes back all bans of that mask.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_BAN_REMOVE},
	{.name = "oper roles",
         .help = "Lists the roles that operators may have, and what each may do.",
         .call = CALL_ROLES,
         .reads = true},
	{.name = "session list",
         .args = "[MASK] [--all]",
         .help = "Lists the connections of clients here; --all: and the users on other servers.",
         .max_args = 2,
         .call = CALL_SESSION_LIST,
         .reads = true},
	{.name = "session show",
         .args = "NICK|ID",
         .help = "Tells all about one session or connection.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_SESSION_SHOW,
         .reads = true},
	{.name = "session kick",
         .args = "NICK|ID [REASON...]",
         .help = "Closes a user's connection.",
         .min_args = 1,
         .max_args = 60,
         .call = CALL_SESSION_KICK},
};

static const struct gw_rows oper_rows[] = {
	GW_ROWS(GW_POINT_COMMAND, oper_commands),
	GW_ROWS(GW_POINT_RENDER, oper_renderers),
	GW_ROWS(GW_POINT_USERMODE, oper_usermodes),
	GW_ROWS(GW_POINT_ADMIN, oper_admin),
	{.point = NULL},
};

/* The entities are read whole at start; changes come one by one. */
static void walk_grants(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct oper_state *o = state;

	(void)tag;
	if (entity != NULL)
		oper_grant_take(o, entity);
	else if (status != 0)
		gw_log(o->self, GW_ERROR,
		       "operators cannot be read from the services database error=%d", status);
}

static void walk_bans(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct oper_state *o = state;

	(void)tag;
	if (entity != NULL)
		oper_ban_take(o, entity);
	else if (status != 0)
		gw_log(o->self, GW_ERROR, "bans cannot be read from the services database error=%d",
		       status);
}

/* The database may not be ready yet when this module is. */
static void start_walks(void *state, uint64_t tag)
{
	struct oper_state *o = state;

	if (tag == 0 &&
	    SERVICES(o, walk, GW_CLASS_GRANT, gw_call(o->self, CALL_WALK_GRANTS, 0)) == 0)
		tag = 1;
	if (tag == 1 && SERVICES(o, walk, GW_CLASS_BAN, gw_call(o->self, CALL_WALK_BANS, 0)) == 0)
		return;
	gw_timer_free(&o->retry, o->self);
	o->retry = gw_timer_new(o->self, gw_call(o->self, CALL_RETRY, tag));
	gw_timer_set(o->retry, o->self, RETRY_NS);
}

static void grant_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	(void)tag;
	if (status == 0)
		oper_grant_take(state, entity);
}

static void ban_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	(void)tag;
	if (status == 0)
		oper_ban_take(state, entity);
}

static void services_changed(void *state, uint64_t tag, const void *payload)
{
	struct oper_state *o = state;
	const struct gw_services_change *change = payload;

	(void)tag;
	if (change->class == GW_CLASS_GRANT && change->dead)
		oper_grant_gone(o, change->id);
	else if (change->class == GW_CLASS_GRANT)
		SERVICES(o, read, change->class, change->id, gw_call(o->self, CALL_GRANT_READ, 0));
	else if (change->class == GW_CLASS_BAN && change->dead)
		oper_ban_gone(o, change->id);
	else if (change->class == GW_CLASS_BAN)
		SERVICES(o, read, change->class, change->id, gw_call(o->self, CALL_BAN_READ, 0));
}

/* A join has brought another database. */
static void membership(void *state, uint64_t tag, const void *payload)
{
	const enum gw_membership *now = payload;
	struct oper_state *o = state;

	(void)tag;
	if (*now != GW_MEMBER_FULL)
		return;
	oper_grants_free(o);
	oper_bans_free(o);
	start_walks(o, 0);
}

static void network_event(void *state, uint64_t tag, const void *payload)
{
	const struct gw_event *event = payload;

	(void)tag;
	if (event->kind == GW_EV_SET && (event->fields & GW_SET_ACCOUNT) && event->source->local)
		oper_account_changed(state, event->source);
}

static const struct gw_call_row oper_calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_OPER] = {"oper", (gw_fn *)oper_command},
	[CALL_KILL] = {"kill", (gw_fn *)oper_kill},
	[CALL_WALLOPS] = {"wallops", (gw_fn *)oper_wallops},
	[CALL_REHASH] = {"rehash", (gw_fn *)oper_rehash},
	[CALL_CTL] = {"ctl", (gw_fn *)oper_ctl},
	[CALL_RENDER_WALLOPS] = {"render-wallops", (gw_fn *)oper_render_wallops},
	[CALL_OPER_LIST] = {"oper-list", (gw_fn *)oper_admin_list},
	[CALL_OPER_ADD] = {"oper-add", (gw_fn *)oper_admin_add},
	[CALL_OPER_REMOVE] = {"oper-remove", (gw_fn *)oper_admin_remove},
	[CALL_BAN_LIST] = {"ban-list", (gw_fn *)oper_ban_list},
	[CALL_BAN_ADD] = {"ban-add", (gw_fn *)oper_ban_add},
	[CALL_BAN_REMOVE] = {"ban-remove", (gw_fn *)oper_ban_remove},
	[CALL_ACCOUNT_FOUND] = {"account-found", (gw_fn *)oper_account_found},
	[CALL_COMMITTED] = {"committed", (gw_fn *)oper_committed},
	[CALL_WALK_GRANTS] = {"walk-grants", (gw_fn *)walk_grants},
	[CALL_WALK_BANS] = {"walk-bans", (gw_fn *)walk_bans},
	[CALL_GRANT_READ] = {"grant-read", (gw_fn *)grant_read},
	[CALL_BAN_READ] = {"ban-read", (gw_fn *)ban_read},
	[CALL_SERVICES_CHANGED] = {"services-changed", (gw_fn *)services_changed},
	[CALL_EVENT] = {"event", (gw_fn *)network_event},
	[CALL_MAY_CONNECT] = {"may-connect", (gw_fn *)oper_may_connect},
	[CALL_MAY_ENTER] = {"may-enter", (gw_fn *)oper_may_enter},
	[CALL_ANSWER] = {"answer", (gw_fn *)oper_answer},
	[CALL_RETRY] = {"retry", (gw_fn *)start_walks},
	[CALL_SESSION_KICK] = {"session-kick", (gw_fn *)oper_session_kick},
	[CALL_REQUEST_READ] = {"request-read", (gw_fn *)oper_request_read},
	[CALL_COPIED] = {"copied", (gw_fn *)oper_copied},
	[CALL_REMOVE_FOUND] = {"remove-found", (gw_fn *)oper_remove_found},
	[CALL_MEMBERSHIP] = {"membership", (gw_fn *)membership},
	[CALL_BAN_FOUND] = {"ban-found", (gw_fn *)oper_ban_found},
	[CALL_ADOPTED] = {"adopted", (gw_fn *)oper_adopted},
	[CALL_RIGHTS_LATE] = {"rights-late", (gw_fn *)oper_rights_late},
	[CALL_CTL_ROOM] = {"ctl-room", (gw_fn *)oper_ctl_room},
	[CALL_SESSION_LIST] = {"session-list", (gw_fn *)oper_session_list},
	[CALL_SESSION_SHOW] = {"session-show", (gw_fn *)oper_session_show},
	[CALL_SESSION_SLICE] = {"session-slice", (gw_fn *)oper_session_slice},
	[CALL_ROLES] = {"roles", (gw_fn *)oper_roles},
	{NULL, NULL},
};

static const struct gw_subscription oper_subscriptions[] = {
	{.topic = GW_TOPIC_SERVICES_CHANGED, .call = CALL_SERVICES_CHANGED},
	{.topic = GW_TOPIC_EVENT, .call = CALL_EVENT},
	{.topic = GW_TOPIC_MEMBERSHIP, .call = CALL_MEMBERSHIP},
	{.topic = GW_TOPIC_MAY_CONNECT, .call = CALL_MAY_CONNECT},
	{.topic = GW_TOPIC_MAY_ENTER, .call = CALL_MAY_ENTER},
	{.topic = GW_TOPIC_ADOPTED, .call = CALL_ADOPTED},
	{.topic = NULL},
};

static int oper_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct oper_state *o = state;

	(void)err;
	o->self = self;
	o->client = gw_interface(self, "client");
	o->network = gw_interface(self, "network");
	o->services = gw_interface(self, "services");
	o->replica = gw_interface(self, "replica");
	o->redirect = gw_interface(self, "redirect");
	if (why == GW_LOAD_FIRST)
		gw_defer(self, gw_call(self, CALL_RETRY, 0));
	return 0;
}

static void oper_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct oper_state *o = state;

	if (why != GW_UNLOAD_LAST)
		return;
	gw_timer_free(&o->retry, self);
	gw_timer_free(&o->rights, self);
	oper_requests_free(o);
	oper_runs_free(o);
	oper_listings_free(o);
	oper_grants_free(o);
	oper_bans_free(o);
}

GW_MODULE(oper) = {
	.abi = GW_ABI,
	.name = "oper",
	.version = "1.0",
	.summary = "operators, their commands, and bans",
	.requires = "client 1.1, network 1.0, services 1.0, replica 1.0?, redirect 1.0?",
	.options = oper_options,
	.calls = oper_calls,
	.subscriptions = oper_subscriptions,
	.rows = oper_rows,
	.state_size = sizeof(struct oper_state),
	.state_version = 1,
	.load = oper_load,
	.unload = oper_unload,
};
