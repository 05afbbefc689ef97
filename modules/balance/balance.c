/*
 * balance/balance.c - load reports, the policy's plans, drains: descriptor, options, beginning and
 * end. balance.h says which file does what.
 */
#include "balance.h"
#include <errno.h>

static const struct gw_option options[] = {
	{.name = "weight",
         .type = GW_OPT_INT,
         .fallback = "100",
         .min = 1,
         .max = 1000000,
         .help = "This server's capacity beside the others', by which clients are shared out."},
	{.name = "load-every",
         .type = GW_OPT_DURATION,
         .fallback = "10s",
         .min = GW_SECOND,
         .max = 3600 * GW_SECOND,
         .help = "How often this server measures its load; it reports it when it has changed."},
	{.name = "plan-every",
         .type = GW_OPT_DURATION,
         .fallback = "5s",
         .min = GW_SECOND,
         .max = 3600 * GW_SECOND,
         .help = "How often the policy is asked who should be moved."},
	{.name = "moves-per-second",
         .type = GW_OPT_INT,
         .fallback = "20",
         .min = 1,
         .max = 100000,
         .help = "Moves for the balance's sake that are begun in a second."},
	{.name = "at-once",
         .type = GW_OPT_INT,
         .fallback = "20",
         .min = 1,
         .max = 10000,
         .help = "Such moves under way at one time."},
	{.name = "rest",
         .type = GW_OPT_DURATION,
         .fallback = "10m",
         .min = 0,
         .max = 86400 * GW_SECOND,
         .help = "For this time a client that was moved, or did not want to be, is left in peace; "
                 "an operator's order and a drain do not wait."},
	{.name = "newcomers",
         .type = GW_OPT_STRING,
         .fallback = "stay",
         .min = 4,
         .max = 8,
         .help = "Whether clients that have just come stay, or are moved at once where the policy "
                 "would rather have them: stay or redirect."},
	{.name = "drain-moves-per-second",
         .type = GW_OPT_INT,
         .fallback = "0",
         .min = 0,
         .max = 100000,
         .help = "Moves that a drain begins in a second; 0: no limit."},
	{.name = "drain-at-once",
         .type = GW_OPT_INT,
         .fallback = "100",
         .min = 1,
         .max = 10000,
         .help = "Moves of a drain under way at one time."},
	{.name = "drain-within",
         .type = GW_OPT_DURATION,
         .fallback = "60s",
         .min = GW_SECOND,
         .max = 86400 * GW_SECOND,
         .help = "When a server that is drained to end stops, whoever is left, if the command says "
                 "no other time."},
	{.name = "drain-on-stop",
         .type = GW_OPT_BOOL,
         .fallback = "yes",
         .help = "Whether SIGTERM and server stop move clients to other servers first."},
	{.name = NULL},
};

static const struct gw_admin_command commands[] = {
	{.name = "session redirect",
         .args = "NICK|ID [SERVER]",
         .help = "Moves a client of this server to another, and says what became of it.",
         .min_args = 1,
         .max_args = 2,
         .call = CALL_ADMIN_REDIRECT},
	{.name = "balance",
         .help = "Shows the servers with clients and room, the policy, and the last minute's "
                 "moves.",
         .privilege = "",
         .call = CALL_ADMIN_BALANCE,
         .reads = true},
	{.name = "drain",
         .args = "[--then-exit] [--within TIME] | --cancel",
         .help = "Moves all clients of this server to others; with --then-exit it then stops.",
         .max_args = 3,
         .call = CALL_ADMIN_DRAIN},
};

static const struct gw_session_data session_data[] = {
	{.name = REST_NAME, .version = 1, .size = sizeof(struct rest), .stays = true},
};

static const struct gw_kind_row kinds[] = {
	{.name = "balance.where", .number = 1 | GW_KIND_DROP, .apply = CALL_WHERE},
};

static void settings_read(struct balance_state *st)
{
	struct gw_self *self = st->self;
	const struct gw_options *o = gw_options(self);

	st->settings = (struct balance_settings){
		.load_ns = gw_option_int(self, o, "load-every"),
		.plan_ns = gw_option_int(self, o, "plan-every"),
		.rest_ns = gw_option_int(self, o, "rest"),
		.within_ns = gw_option_int(self, o, "drain-within"),
		.weight = (uint32_t)gw_option_int(self, o, "weight"),
		.rate = (uint32_t)gw_option_int(self, o, "moves-per-second"),
		.at_once = (uint32_t)gw_option_int(self, o, "at-once"),
		.drain_rate = (uint32_t)gw_option_int(self, o, "drain-moves-per-second"),
		.drain_at_once = (uint32_t)gw_option_int(self, o, "drain-at-once"),
		.newcomers = strcmp(gw_option_string(self, o, "newcomers"), "redirect") == 0,
		.drain_on_stop = gw_option_int(self, o, "drain-on-stop") != 0,
	};
}

static int check(struct gw_self *self, const struct gw_options *o, struct gw_error *err)
{
	const char *newcomers = gw_option_string(self, o, "newcomers");

	if (strcmp(newcomers, "stay") != 0 && strcmp(newcomers, "redirect") != 0)
		return gw_fail(err, -EINVAL, "newcomers: \"%.20s\" is neither stay nor redirect",
		               newcomers);
	return 0;
}

static void rehashed(void *state, uint64_t tag, const void *payload)
{
	struct balance_state *st = state;

	(void)tag;
	(void)payload;
	settings_read(st);
	gw_timer_set(st->load_timer, st->self, st->settings.load_ns);
	gw_timer_set(st->plan_timer, st->self, st->settings.plan_ns);
	where_tell(st);
	load_look(st);
	pump_soon(st);
}

/* Listeners that waited for the network are open only now. */
static void ready(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	(void)payload;
	where_tell(state);
}

static void event(void *state, uint64_t tag, const void *payload)
{
	struct balance_state *st = state;
	const struct gw_event *ev = payload;

	(void)tag;
	switch (ev->kind) {
	case GW_EV_LOAD:
		heard_report(st, ev->origin);
		break;
	case GW_EV_MOVE:
		if (ev->node->here)
			rest_moved(st, ev->source);
		if (ev->node->here || ev->from->here)
			load_look(st);
		break;
	case GW_EV_USER:
		if (ev->source->local)
			load_look(st);
		break;
	case GW_EV_SERVER:
		load_look(st);
		break;
	default:
		break;
	}
}

static void stopping(void *state, uint64_t tag, const void *payload)
{
	struct balance_state *st = state;

	(void)tag;
	(void)payload;
	st->stopping = true;
	if (drain_on(st) && st->drain.phase != DRAIN_DONE)
		drain_ends(st, DRAIN_ENDS_STOPPED, NULL);
}

static void status(void *state, uint64_t tag, const void *payload)
{
	struct balance_state *st = state;
	struct gw_status *s = (struct gw_status *)(uintptr_t)payload;
	char text[200];

	(void)tag;
	policy_line(st, text, sizeof(text));
	s->add(s, "balance.policy", text);
	snprintf(text, sizeof(text), "%u", st->n_moves + st->n_drains);
	s->add(s, "balance.moving", text);
	s->add(s, "balance.draining", drain_on(st) ? "yes" : "no");
}

static void metrics(void *state, uint64_t tag, const void *payload)
{
	struct balance_state *st = state;
	const struct gw_metrics *m = payload;

	(void)tag;
	gw_metric(m, GW_GAUGE, "godwit_balance_draining",
	          "1 while this server sends its clients away and takes none.", drain_on(st));
	gw_metric(m, GW_GAUGE, "godwit_balance_drain_left",
	          "Clients that are still here, while it does.", drain_on(st) ? drain_left(st) : 0);
	gw_metric(m, GW_GAUGE, "godwit_balance_moves_pending",
	          "Moves under way that the policy, an operator or a drain has asked for.",
	          st->n_moves + st->n_drains);
	gw_metric(m, GW_GAUGE, "godwit_balance_weight", "Capacity of this server, as it says.",
	          st->settings.weight);
	gw_metric(m, GW_GAUGE, "godwit_balance_room", "How many more clients it would take.",
	          own_room(st));
}

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct balance_state *st = state;

	(void)err;
	if (why == GW_LOAD_RELOAD)
		return 0;
	st->self = self;
	st->network = gw_interface(self, "network");
	st->client = gw_interface(self, "client");
	st->redirect = gw_interface(self, "redirect");
	st->policy = gw_interface(self, "policy");
	st->link = gw_interface(self, "link");
	settings_read(st);
	load_start(st);
	plan_start(st);
	return 0;
}

static void unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct balance_state *st = state;

	(void)self;
	if (why == GW_UNLOAD_RELOAD)
		return;
	drain_answer(st, DRAIN_ENDS_STOPPED);
	drain_links_stay(st);
	drain_forget(st);
	plan_free(st);
	moves_free(st);
	heard_free(st);
	load_free(st);
	if (st->drain.tick != NULL)
		gw_timer_free(&st->drain.tick, self);
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_LOAD_TICK] = {"load-tick", (gw_fn *)load_tick},
	[CALL_LOAD_LAG] = {"load-lag", (gw_fn *)load_lag},
	[CALL_LOAD_SOON] = {"load-soon", (gw_fn *)load_soon},
	[CALL_CLIENT_GONE] = {"client-gone", (gw_fn *)load_client_gone},
	[CALL_LINK_DOWN] = {"link-down", (gw_fn *)load_link_down},
	[CALL_WHERE] = {"where", (gw_fn *)where_apply},
	[CALL_EVENT] = {"event", (gw_fn *)event},
	[CALL_ENDED] = {"ended", (gw_fn *)moves_told},
	[CALL_MOVE_ENDED] = {"move-ended", (gw_fn *)move_ended},
	[CALL_UNLOADED] = {"unloaded", (gw_fn *)moves_unloaded},
	[CALL_PLAN_TICK] = {"plan-tick", (gw_fn *)plan_tick},
	[CALL_PUMP] = {"pump", (gw_fn *)pump},
	[CALL_PUMP_DEFERRED] = {"pump-deferred", (gw_fn *)pump_deferred},
	[CALL_WELCOMED] = {"welcomed", (gw_fn *)plan_welcomed},
	[CALL_DRAIN_TICK] = {"drain-tick", (gw_fn *)drain_tick},
	[CALL_MAY_MOVE] = {"may-move", (gw_fn *)ask_may_move},
	[CALL_MAY_COME] = {"may-come", (gw_fn *)ask_may_come},
	[CALL_MAY_ENTER] = {"may-enter", (gw_fn *)ask_may_enter},
	[CALL_MAY_STOP] = {"may-stop", (gw_fn *)ask_may_stop},
	[CALL_REHASHED] = {"rehashed", (gw_fn *)rehashed},
	[CALL_STOPPING] = {"stopping", (gw_fn *)stopping},
	[CALL_STATUS] = {"status", (gw_fn *)status},
	[CALL_ADMIN_REDIRECT] = {"admin-redirect", (gw_fn *)admin_redirect},
	[CALL_ADMIN_BALANCE] = {"admin-balance", (gw_fn *)admin_balance},
	[CALL_ADMIN_DRAIN] = {"admin-drain", (gw_fn *)admin_drain},
	[CALL_READY] = {"ready", (gw_fn *)ready},
	[CALL_LINKS_SAID] = {"links-said", (gw_fn *)drain_links_said},
	[CALL_METRICS] = {"metrics", (gw_fn *)metrics},
	{NULL, NULL},
};

static const struct gw_subscription subscriptions[] = {
	{.topic = GW_TOPIC_EVENT, .call = CALL_EVENT},
	{.topic = GW_TOPIC_CLIENT_GONE, .call = CALL_CLIENT_GONE},
	{.topic = GW_TOPIC_WELCOMED, .call = CALL_WELCOMED},
	{.topic = GW_TOPIC_MAY_ENTER, .priority = 50, .call = CALL_MAY_ENTER},
	{.topic = GW_TOPIC_LINK_DOWN, .call = CALL_LINK_DOWN},
	{.topic = GW_TOPIC_MOVE_ENDED, .call = CALL_ENDED},
	{.topic = GW_TOPIC_MAY_MOVE, .call = CALL_MAY_MOVE},
	{.topic = GW_TOPIC_MAY_COME, .call = CALL_MAY_COME},
	{.topic = GW_TOPIC_MAY_STOP, .call = CALL_MAY_STOP},
	{.topic = GW_TOPIC_UNLOADED, .call = CALL_UNLOADED},
	{.topic = GW_TOPIC_REHASHED, .call = CALL_REHASHED},
	{.topic = GW_TOPIC_READY, .call = CALL_READY},
	/* Before the clients' last words. */
	{.topic = GW_TOPIC_STOPPING, .priority = -50, .call = CALL_STOPPING},
	{.topic = GW_TOPIC_STATUS, .call = CALL_STATUS},
	{.topic = GW_TOPIC_METRICS, .call = CALL_METRICS},
	{.topic = NULL},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_ADMIN, commands),
	GW_ROWS(GW_POINT_SESSION_DATA, session_data),
	GW_ROWS(GW_POINT_KIND, kinds),
	{.point = NULL},
};

GW_MODULE(balance) = {
	.abi = GW_ABI,
	.name = "balance",
	.version = "1.0",
	.summary = "load reports; moves clients as a policy says, or all of them away",
	.requires = "network 1.0, client 1.1?, redirect 1.0?, policy 1.0?, link 1.0?",
	.options = options,
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct balance_state),
	.state_version = 1,
	.load = load,
	.unload = unload,
	.check = check,
};
