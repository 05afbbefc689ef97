/*
 * spam.c - a module outside of Godwit's tree: messages that look like spam are refused, with a
 * reason.
 *
 *     $ godwitctl spam add pills "*cheap pills*"
 *
 *     /msg #flyway Buy CHEAP PILLS now     ->     404 #flyway :Not sent: it looks like spam (pills)
 *
 * This file is the descriptor; spam.h says where the rest is.
 */
#include "spam.h"
#include <errno.h>
#include <godwit/message.h>

static void status(void *state, uint64_t tag, const void *payload)
{
	struct gw_status *report = (struct gw_status *)(uintptr_t)payload;
	const struct spam_state *st = state;
	uint64_t n = 0;
	struct rule *rule;
	char text[24];

	(void)tag;
	DL_FOREACH (st->rules, rule)
		n += rule->refused;
	for (size_t i = 0; i < CHECKS; i++)
		n += st->refused[i];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	report->add(report, "spam-refused", text);
}

/* At a server's start the database is not read yet; "core.ready" comes when it is. Loaded later, it
 * is read behind this turn. */
static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct spam_state *st = state;

	st->self = self;
	st->network = gw_interface(self, "network");
	st->services = gw_interface(self, "services");
	if (why == GW_LOAD_FIRST)
		gw_defer(self, gw_call(self, CALL_STARTED, 0));
	return SERVICES(st, own_field, "spam.rule", &st->field, err);
}

static void unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct spam_state *st = state;

	if (why == GW_UNLOAD_RELOAD)
		return;
	if (st->req != NULL)
		gw_admin_done(self, &st->req, -ECANCELED, "the module was unloaded");
	spam_rules_free(st, &st->rules);
}

/* What the table of options cannot judge. A configuration that fails here is refused as a whole, at
 * the start and at a rehash. */
static int check(struct gw_self *self, const struct gw_options *candidate, struct gw_error *err)
{
	const char *text = gw_option_string(self, candidate, "text");

	if (strstr(text, PLACE) == NULL)
		return gw_fail(err, -EINVAL,
		               "'text' must have " PLACE " in it: people are to know which rule "
		               "it was");
	return 0;
}

static const struct gw_option options[] = {
	{"text", GW_OPT_STRING, "Not sent: it looks like spam (" PLACE ")", 6, 200, false,
         "What the sender is told; " PLACE " stands for the rule's name."},
	{"repeats", GW_OPT_INT, "4", 0, 1000, false,
         "How often the same may be said within repeat-window; 0: always."},
	{"repeat-window", GW_OPT_DURATION, "30s", GW_SECOND, WINDOW_MAX, false, "In what time."},
	{"highlights", GW_OPT_INT, "6", 0, 100, false,
         "How many members of a channel a message may name; 0: all."},
	{"newcomer", GW_OPT_DURATION, "2m", 0, 86400 * GW_SECOND, false,
         "For how long somebody without an account may send no links; 0s: not at all."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_admin_command commands[] = {
	{.name = "spam list",
         .args = "",
         .help = "The rules, and how many messages each has refused on this server.",
         .privilege = "spam",
         .call = CALL_LIST},
	{.name = "spam add",
         .args = "NAME PATTERN...",
         .help = "Has messages refused, on all servers, that match a pattern with * and ?.",
         .privilege = "spam",
         .min_args = 2,
         .max_args = 40,
         .call = CALL_ADD},
	{.name = "spam remove",
         .args = "NAME",
         .help = "Takes such a pattern back.",
         .privilege = "spam",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_REMOVE},
};

/* Neither `stays` nor `everywhere`: it goes where the session goes. */
static const struct gw_session_data session_data[] = {
	{.name = LAST,
         .version = 1,
         .size = sizeof(struct last),
         .export_row = CALL_EXPORT,
         .import_row = CALL_IMPORT},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_ADMIN, commands),
	GW_ROWS(GW_POINT_SESSION_DATA, session_data),
	{.point = NULL},
};

static const struct gw_subscription subscriptions[] = {
	{.topic = GW_TOPIC_MAY_SEND, .call = CALL_MAY_SEND},
	{.topic = GW_TOPIC_SERVICES_CHANGED, .call = CALL_CHANGED},
	{.topic = GW_TOPIC_READY, .call = CALL_READ},
	{.topic = GW_TOPIC_STATUS, .call = CALL_STATUS},
	{.topic = NULL},
};

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_MAY_SEND] = {"may-send", (gw_fn *)spam_may_send},
	[CALL_STARTED] = {"started", (gw_fn *)spam_started},
	[CALL_READ] = {"read", (gw_fn *)spam_read},
	[CALL_WALKED] = {"walked", (gw_fn *)spam_walked},
	[CALL_CHANGED] = {"changed", (gw_fn *)spam_changed},
	[CALL_LIST] = {"list", (gw_fn *)spam_list},
	[CALL_ADD] = {"add", (gw_fn *)spam_add},
	[CALL_REMOVE] = {"remove", (gw_fn *)spam_remove},
	[CALL_STORED] = {"stored", (gw_fn *)spam_stored},
	[CALL_EXPORT] = {"export", (gw_fn *)spam_export},
	[CALL_IMPORT] = {"import", (gw_fn *)spam_import},
	[CALL_STATUS] = {"status", (gw_fn *)status},
	{NULL, NULL},
};

GW_MODULE(spam) = {
	.abi = GW_ABI,
	.name = "spam",
	.version = "1.0",
	.summary = "messages that look like spam are refused",
	.requires = "network 1.0, services 1.1",
	.options = options,
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct spam_state),
	.state_version = 1,
	.load = load,
	.unload = unload,
	.check = check,
};
