/*
 * redirect.c - the module redirect: the interface, options, and what it hears.
 */
#include "redirect.h"
#include <errno.h>
#include <utlist.h>

#define CAP_NAME "godwit/redirect"

bool redirect_able(struct redirect_state *st, const struct gw_client *client)
{
	return client->state == GW_CONNECTED && client->session != NULL && !client->shadow &&
	       client->conn != NULL && client->session->local &&
	       (client->caps & CLIENT(st, cap, CAP_NAME)) != 0;
}

static bool ops_able(void *state, const struct gw_client *client)
{
	return redirect_able(state, client);
}

static int ops_move(void *state, struct gw_client *client, uint64_t to, struct gw_call ended,
                    struct gw_error *why)
{
	struct redirect_state *st = state;

	if (!redirect_able(st, client))
		return gw_fail(why, -EOPNOTSUPP, "the software of %s cannot be moved",
		               client->nick);
	return source_begin(st, client, to, false, ended, why);
}

static int ops_cancel(void *state, uint64_t session, const char *reason)
{
	struct redirect_state *st = state;
	struct source *s = source_of(st, session);

	if (s == NULL)
		return -ENOENT;
	if (s->state == SOURCE_CUTTING)
		return -EBUSY;
	source_resume_later(st, s, GW_MOVE_DENIED, reason);
	return 0;
}

static void ops_pending(void *state, uint32_t *from_out, uint32_t *to_out)
{
	const struct redirect_state *st = state;

	*from_out = HASH_CNT(by_session, st->sources);
	*to_out = HASH_CNT(by_session, st->recipients);
}

static void redirect_event(void *state, uint64_t tag, const struct gw_event *event)
{
	(void)tag;
	source_event(state, event);
	recipient_event(state, event);
}

const char *redirect_end_name(size_t end)
{
	static const char *const names[] = {"done",      "refused", "denied",
	                                    "timed-out", "lost",    "gone"};

	return names[end];
}

static void redirect_status(void *state, uint64_t tag, const void *payload)
{
	struct redirect_state *st = state;
	struct gw_status *status = (struct gw_status *)payload;
	char key[48], value[32];

	(void)tag;
	snprintf(value, sizeof(value), "%u from here, %u to here",
	         HASH_CNT(by_session, st->sources), HASH_CNT(by_session, st->recipients));
	status->add(status, "redirects.pending", value);
	for (size_t i = 0; i <= GW_MOVE_GONE; i++) {
		snprintf(key, sizeof(key), "redirects.%s", redirect_end_name(i));
		snprintf(value, sizeof(value), "%llu", (unsigned long long)st->counts[i]);
		status->add(status, key, value);
	}
	snprintf(value, sizeof(value), "%llu", (unsigned long long)st->taken);
	status->add(status, "redirects.taken", value);
	snprintf(value, sizeof(value), "%llu", (unsigned long long)st->refused_handovers);
	status->add(status, "redirects.wrong-handovers", value);
}

static void read_settings(struct redirect_state *st)
{
	const struct gw_options *o = gw_options(st->self);

	st->settings = (struct settings){
		.offer_ns = gw_option_int(st->self, o, "offer-timeout"),
		.sync_ns = gw_option_int(st->self, o, "sync-timeout"),
		.pending_ns = gw_option_int(st->self, o, "pending-timeout"),
		.joined_ns = gw_option_int(st->self, o, "joined-timeout"),
		.at_once = (uint32_t)gw_option_int(st->self, o, "at-once"),
		.expected = (uint32_t)gw_option_int(st->self, o, "expected"),
		.hold = (uint32_t)gw_option_int(st->self, o, "hold"),
		.input = (uint32_t)gw_option_int(st->self, o, "input"),
	};
}

static void redirect_rehashed(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	(void)payload;
	read_settings(state);
}

static int redirect_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct redirect_state *st = state;

	(void)err;
	st->self = self;
	if (why == GW_LOAD_FIRST) {
		st->client = gw_interface(self, "client");
		st->network = gw_interface(self, "network");
		st->link = gw_interface(self, "link");
		st->may_move = gw_topic(self, GW_TOPIC_MAY_MOVE);
		st->may_come = gw_topic(self, GW_TOPIC_MAY_COME);
		st->ended = gw_topic(self, GW_TOPIC_MOVE_ENDED);
		st->forget = gw_timer_new(self, gw_call(self, CALL_OFFENDERS, 0));
	}
	read_settings(st);
	return 0;
}

static void redirect_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct redirect_state *st = state;
	struct source *s, *next_source;
	struct recipient *r, *next;

	if (why != GW_UNLOAD_LAST)
		return;
	HASH_ITER (by_session, st->sources, s, next_source)
		source_resume(st, s, GW_MOVE_LOST, "moves are switched off", true);
	HASH_ITER (by_session, st->recipients, r, next) {
		if (r->state == RECIPIENT_HEIR)
			heir_swap(st, r); /* it is at home; SWAP will be an unknown command */
		else
			recipient_drop(st, r, "moves are switched off", true);
	}
	source_over(st, 0);
	offenders_free(st);
	gw_timer_free(&st->forget, self);
}

static const struct gw_option redirect_options[] = {
	{"offer-timeout", GW_OPT_DURATION, "15s", GW_SECOND, 600 * GW_SECOND, false,
         "How long a client that is to move may take to appear at the other server."},
	{"sync-timeout", GW_OPT_DURATION, "5s", GW_SECOND, 600 * GW_SECOND, false,
         "How long a client that has appeared there may take to end what it has under way here."},
	{"pending-timeout", GW_OPT_DURATION, "25s", GW_SECOND, 600 * GW_SECOND, false,
         "How long this server waits for a client that another one has announced."},
	{"joined-timeout", GW_OPT_DURATION, "15s", GW_SECOND, 600 * GW_SECOND, false,
         "How long a client that has come waits here for the other server to let go."},
	{"at-once", GW_OPT_INT, "200", 1, 10000, false,
         "So many clients are on their way from here at the same time, at most."},
	{"expected", GW_OPT_INT, "1000", 1, 100000, false,
         "So many clients of other servers are on their way to here at the same time, at most."},
	{"hold", GW_OPT_SIZE, "1m", 4096, 64 << 20, false,
         "What may wait for a client that moves; past it the move is called off."},
	{"input", GW_OPT_SIZE, "64k", 1024, LINES_MAX, false,
         "What a client that moves may send before its input is no longer read."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_redirect_ops redirect_ops = {
	.able = ops_able, .move = ops_move, .cancel = ops_cancel, .pending = ops_pending};

static const struct gw_interface_row redirect_interfaces[] = {
	{"redirect", 1, 0, &redirect_ops},
	{NULL, 0, 0, NULL},
};

static const struct gw_call_row redirect_calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_COMMAND] = {"command", (gw_fn *)redirect_command},
	[CALL_FRAME] = {"frame", (gw_fn *)frames_input},
	[CALL_EVENT] = {"event", (gw_fn *)redirect_event},
	[CALL_STATUS] = {"status", (gw_fn *)redirect_status},
	[CALL_REHASHED] = {"rehashed", (gw_fn *)redirect_rehashed},
	[CALL_SOURCE_TIMER] = {"source-timer", (gw_fn *)source_late},
	[CALL_SOURCE_SETTLED] = {"source-settled", (gw_fn *)source_settled},
	[CALL_SOURCE_LINE] = {"source-line", (gw_fn *)source_line},
	[CALL_SOURCE_CLOSED] = {"source-closed", (gw_fn *)source_closed},
	[CALL_SOURCE_HELD] = {"source-held", (gw_fn *)source_held},
	[CALL_SOURCE_DUE] = {"source-due", (gw_fn *)source_due},
	[CALL_RECIPIENT_TIMER] = {"recipient-timer", (gw_fn *)recipient_late},
	[CALL_RECIPIENT_LINE] = {"recipient-line", (gw_fn *)recipient_line},
	[CALL_RECIPIENT_CLOSED] = {"recipient-closed", (gw_fn *)recipient_closed},
	[CALL_RECIPIENT_HELD] = {"recipient-held", (gw_fn *)recipient_held},
	[CALL_RECIPIENT_DUE] = {"recipient-due", (gw_fn *)recipient_due},
	[CALL_OFFENDERS] = {"offenders", (gw_fn *)offenders_forget},
	[CALL_LIST] = {"list", (gw_fn *)redirect_list},
	[CALL_OVER] = {"over", (gw_fn *)source_over},
	[CALL_UNSHOWN] = {"unshown", (gw_fn *)recipient_unshown},
	[CALL_METRICS] = {"metrics", (gw_fn *)redirect_metrics},
	{NULL, NULL},
};

static const struct gw_topic_row redirect_topics[] = {
	{GW_TOPIC_MAY_MOVE, GW_QUESTION},
	{GW_TOPIC_MAY_COME, GW_QUESTION},
	{GW_TOPIC_MOVE_ENDED, GW_NOTIFICATION},
	{NULL, GW_NOTIFICATION},
};

/* Behind the client module, which lets go of the old connection's client first. */
static const struct gw_subscription redirect_subscriptions[] = {
	{GW_TOPIC_EVENT, 100, CALL_EVENT},     {GW_TOPIC_UNSHOWN, 100, CALL_UNSHOWN},
	{GW_TOPIC_STATUS, 0, CALL_STATUS},     {GW_TOPIC_METRICS, 0, CALL_METRICS},
	{GW_TOPIC_REHASHED, 0, CALL_REHASHED}, {NULL, 0, 0},
};

static const struct gw_command redirect_commands[] = {
	{.name = "REDIRECT",
         .states = GW_IN_CONNECTING | GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 1,
         .call = CALL_COMMAND,
         .syntax = "MOVE [<server>]",
         .help = "Asks to be moved to another server, for software that can be."},
};

static const struct gw_cap redirect_caps[] = {
	{.name = CAP_NAME},
};

static const struct gw_frame_row redirect_frames[] = {
	{"redirect", GW_FRAME_REDIRECT, CALL_FRAME},
};

static const struct gw_admin_command redirect_admin[] = {
	{.name = "session moves",
         .help = "Lists the clients that are being moved from here and to here.",
         .call = CALL_LIST,
         .reads = true},
};

static const struct gw_rows redirect_rows[] = {
	GW_ROWS(GW_POINT_COMMAND, redirect_commands),
	GW_ROWS(GW_POINT_CAP, redirect_caps),
	GW_ROWS(GW_POINT_FRAME, redirect_frames),
	GW_ROWS(GW_POINT_ADMIN, redirect_admin),
	{.point = NULL},
};

GW_MODULE(redirect) = {
	.abi = GW_ABI,
	.name = "redirect",
	.version = "1.0",
	.summary = "moves live clients to other servers, seen by nobody",
	.requires = "client 1.0, network 1.0, link 1.0",
	.interfaces = redirect_interfaces,
	.options = redirect_options,
	.calls = redirect_calls,
	.topics = redirect_topics,
	.subscriptions = redirect_subscriptions,
	.rows = redirect_rows,
	.state_size = sizeof(struct redirect_state),
	.state_version = 1,
	.load = redirect_load,
	.unload = redirect_unload,
};
