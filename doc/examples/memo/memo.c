/*
 * memo.c - a module outside of Godwit's tree: memos between accounts, kept until they are read.
 *
 *     /quote MEMO SEND bob :Back on Monday     ->     NOTE MEMO STORED bob :Your memo is kept for
 * bob
 *
 * and when bob logs in, on whichever server of the network:
 *
 *     NOTICE bob :Memo qrm2d from ann, 2026-01-01 12:00 UTC: Back on Monday
 *
 * This file is the descriptor; memo.h says where the rest is.
 */
#include "memo.h"
#include <godwit/redirect.h>

static void status(void *state, uint64_t tag, const void *payload)
{
	struct gw_status *report = (struct gw_status *)(uintptr_t)payload;
	const struct memo_state *st = state;
	char text[24];

	(void)tag;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)st->stored);
	report->add(report, "memos-stored", text);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)st->shown);
	report->add(report, "memos-shown", text);
}

/* Here nothing of the descriptor is in force yet: what needs it is deferred. */
static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct memo_state *st = state;
	int status;

	st->self = self;
	st->client = gw_interface(self, "client");
	st->network = gw_interface(self, "network");
	st->services = gw_interface(self, "services");
	status = SERVICES(st, own_field, "memo.text", &st->field, err);
	if (status != 0 || why == GW_LOAD_RELOAD)
		return status;
	st->sweep = gw_timer_new(self, gw_call(self, CALL_SWEEP, 0));
	gw_timer_set(st->sweep, self, 60 * GW_SECOND);
	gw_defer(self, gw_call(self, CALL_STARTED, 0));
	return 0;
}

static void unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct memo_state *st = state;

	if (why == GW_UNLOAD_RELOAD)
		return;
	works_free(st);
	gw_timer_free(&st->sweep, self);
}

static const struct gw_option options[] = {
	{"most", GW_OPT_INT, "20", 1, MEMOS_MAX, false, "Memos that are kept for one account."},
	{"length", GW_OPT_INT, "300", 1, TEXT_MAX, false, "Bytes of a memo's text."},
	{"keep", GW_OPT_DURATION, "90d", 60 * GW_SECOND, 3650 * 24 * 3600 * GW_SECOND, false,
         "How long a memo is kept, unless it is deleted before."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_command commands[] = {
	{.name = "MEMO",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 4,
         .call = CALL_MEMO,
         .syntax = "SEND <account> :<text> | LIST | DEL <memo>|*",
         .help = "Leaves a message for somebody who may not be there; shows and deletes yours."},
};

static const struct gw_admin_command admin_commands[] = {
	{.name = "memo list",
         .args = "ACCOUNT",
         .help = "The memos that wait for an account, without their text.",
         .privilege = "memo",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_ADMIN_LIST},
	{.name = "memo drop",
         .args = "ACCOUNT [MEMO]",
         .help = "Deletes one memo of an account, or all.",
         .privilege = "memo",
         .min_args = 1,
         .max_args = 2,
         .call = CALL_ADMIN_DROP},
};

static const struct gw_cap caps[] = {
	{.name = CAP_NAME},
};

static const struct gw_kind_row kinds[] = {
	{.name = DELIVER, .number = 1 | GW_KIND_FORWARD, .apply = CALL_DELIVER},
	{.name = TOLD, .number = 2 | GW_KIND_FORWARD, .apply = CALL_TOLD},
};

static const struct gw_renderer renderers[] = {
	{.name = DELIVER,
         .event = DELIVER,
         .audience = GW_TO_TARGET,
         .caps = CAP_NAME,
         .call = CALL_SHOW},
};

static const struct gw_session_data session_data[] = {
	{.name = TOLD,
         .version = 1,
         .size = sizeof(struct told),
         .everywhere = true,
         .export_row = CALL_EXPORT,
         .import_row = CALL_IMPORT},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_COMMAND, commands),
	GW_ROWS(GW_POINT_ADMIN, admin_commands),
	GW_ROWS(GW_POINT_CAP, caps),
	GW_ROWS(GW_POINT_KIND, kinds),
	GW_ROWS(GW_POINT_RENDER, renderers),
	GW_ROWS(GW_POINT_SESSION_DATA, session_data),
	{.point = NULL},
};

static const struct gw_subscription subscriptions[] = {
	{.topic = GW_TOPIC_SERVICES_CHANGED, .call = CALL_CHANGED},
	{.topic = GW_TOPIC_WELCOMED, .call = CALL_CLIENT},
	{.topic = GW_TOPIC_ADOPTED, .call = CALL_CLIENT},
	{.topic = GW_TOPIC_EVENT, .call = CALL_EVENT},
	{.topic = GW_TOPIC_MOVE_ENDED, .call = CALL_MOVE_ENDED},
	{.topic = GW_TOPIC_STATUS, .call = CALL_STATUS},
	{.topic = NULL},
};

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_MEMO] = {"memo", (gw_fn *)memo_command},
	[CALL_ADMIN_LIST] = {"admin-list", (gw_fn *)memo_admin_list},
	[CALL_ADMIN_DROP] = {"admin-drop", (gw_fn *)memo_admin_drop},
	[CALL_FOUND] = {"found", (gw_fn *)memo_found},
	[CALL_READ] = {"read", (gw_fn *)memo_read},
	[CALL_COMMITTED] = {"committed", (gw_fn *)memo_committed},
	[CALL_CHANGED] = {"changed", (gw_fn *)memo_changed},
	[CALL_CLIENT] = {"client", (gw_fn *)memo_client},
	[CALL_EVENT] = {"event", (gw_fn *)memo_event},
	[CALL_MOVE_ENDED] = {"move-ended", (gw_fn *)memo_move_ended},
	[CALL_STARTED] = {"started", (gw_fn *)memo_started},
	[CALL_TELL] = {"tell", (gw_fn *)memo_tell},
	[CALL_DELIVER] = {"deliver", (gw_fn *)memo_deliver_apply},
	[CALL_TOLD] = {"told", (gw_fn *)memo_told_apply},
	[CALL_SHOW] = {"show", (gw_fn *)memo_show},
	[CALL_EXPORT] = {"export", (gw_fn *)memo_export},
	[CALL_IMPORT] = {"import", (gw_fn *)memo_import},
	[CALL_SWEEP] = {"sweep", (gw_fn *)memo_sweep},
	[CALL_SWEEP_ACCOUNT] = {"sweep-account", (gw_fn *)memo_sweep_account},
	[CALL_STATUS] = {"status", (gw_fn *)status},
	{NULL, NULL},
};

GW_MODULE(memo) = {
	.abi = GW_ABI,
	.name = "memo",
	.version = "1.0",
	.summary = "memos between accounts, kept until they are read",
	.requires = "client 1.0, network 1.0, services 1.1",
	.options = options,
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct memo_state),
	.state_version = 1,
	.load = load,
	.unload = unload,
};
