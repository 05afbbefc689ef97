/*
 * modules/agent/agent.c - the module's descriptor, options, beginning and end.
 */
#include "agent.h"
#include "login.h"
#include "tables.h"

#include <godwit/log.h>
#include <utlist.h>

static const struct gw_option options[] = {
	{"upstream", GW_OPT_LIST, NULL, 0, UPSTREAMS_CONFIGURED_MAX, false,
         "Addresses of the network, HOST or HOST:PORT, tried in this order."},
	{"tls", GW_OPT_BOOL, "yes", 0, 0, false, "Whether these addresses are reached over TLS."},
	{"fingerprint", GW_OPT_LIST, NULL, 0, UPSTREAMS_GIVEN_MAX, false,
         "SHA-256 of the certificates that they may have; without it the first that is seen is "
         "kept."},
	{"password", GW_OPT_SECRET, NULL, 1, 255, false,
         "What a client that comes over TCP must say as PASS; in clear, or a hash, $argon2id$..."},
	{"login", GW_OPT_PATH, NULL, 1, 1024, false,
         "A file (mode 0600) of two lines, account and password, to come back with."},
	{"clients", GW_OPT_INT, "100", 1, 10000, false, "How many clients may be connected."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_protocol protocols[] = {
	{.name = "agent", .accept = CALL_LOCAL_ACCEPT, .tls = GW_TLS_CLIENTS},
};

static const struct gw_verb_row verbs[] = {
	{"agent", AGENT_VERB_ARGS,
         "Stands between your own client and a network, and is moved in its place.", 0, 100,
         CALL_VERB, true},
};

static const struct gw_admin_command commands[] = {
	{.name = "session list",
         .help = "Lists the clients, and the servers that they are on.",
         .call = CALL_SESSION_LIST,
         .reads = true},
	{.name = "session redirect",
         .args = "ID [SERVER]",
         .help = "Asks the network to move a session, and says what became of it.",
         .min_args = 1,
         .max_args = 2,
         .call = CALL_SESSION_MOVE},
	{.name = "upstream list",
         .help = "Lists the addresses of the network, in the order they are tried.",
         .call = CALL_UPSTREAM_LIST,
         .reads = true},
	{.name = "upstream trust",
         .args = "ADDRESS FINGERPRINT",
         .help = "Has the certificate that an address must show replaced.",
         .min_args = 2,
         .max_args = 2,
         .call = CALL_UPSTREAM_TRUST},
	{.name = "upstream forget",
         .args = "ADDRESS",
         .help = "Forgets the certificate of an address; and the address, if it is not configured.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_UPSTREAM_FORGET},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_ADMIN, commands),
	GW_ROWS(GW_POINT_PROTOCOL, protocols),
	GW_ROWS(GW_POINT_VERB, verbs),
	{NULL, NULL, 0, 0},
};

static void rehashed(void *state, uint64_t tag, const void *payload)
{
	(void)tag, (void)payload;
	upstreams_load(state);
}

static void stopping(void *state, uint64_t tag, const void *payload)
{
	struct agent *agent = state;
	struct session *s, *next;

	(void)tag, (void)payload; /* which speaks of a server */
	DL_FOREACH_SAFE (agent->sessions, s, next) {
		session_end(s, "The agent is shutting down");
	}
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_LOCAL_ACCEPT] = {"local_accept", (gw_fn *)local_accept},
	[CALL_LOCAL_READY] = {"local_ready", (gw_fn *)local_ready},
	[CALL_LOCAL_LINE] = {"local_line", (gw_fn *)local_line},
	[CALL_LOCAL_DRAINED] = {"local_drained", (gw_fn *)local_drained},
	[CALL_LOCAL_CLOSED] = {"local_closed", (gw_fn *)local_closed},
	[CALL_UP_READY] = {"up_ready", (gw_fn *)up_ready},
	[CALL_UP_LINE] = {"up_line", (gw_fn *)up_line},
	[CALL_UP_DRAINED] = {"up_drained", (gw_fn *)up_drained},
	[CALL_UP_CLOSED] = {"up_closed", (gw_fn *)up_closed},
	[CALL_SESSION_TIMER] = {"session_timer", (gw_fn *)session_timer},
	[CALL_RESTORE_TIMER] = {"restore_timer", (gw_fn *)restore_timer},
	[CALL_STATUS] = {"status", (gw_fn *)admin_status},
	[CALL_SESSION_LIST] = {"session_list", (gw_fn *)admin_session_list},
	[CALL_SESSION_MOVE] = {"session_move", (gw_fn *)admin_session_move},
	[CALL_UPSTREAM_LIST] = {"upstream_list", (gw_fn *)admin_upstream_list},
	[CALL_UPSTREAM_TRUST] = {"upstream_trust", (gw_fn *)admin_upstream_trust},
	[CALL_UPSTREAM_FORGET] = {"upstream_forget", (gw_fn *)admin_upstream_forget},
	[CALL_VERB] = {"verb", (gw_fn *)agent_verb},
	[CALL_REHASHED] = {"rehashed", (gw_fn *)rehashed},
	[CALL_STOPPING] = {"stopping", (gw_fn *)stopping},
	[CALL_AGENT_READY] = {"agent_ready", (gw_fn *)agent_ready},
	[CALL_GATE_TIMER] = {"gate_timer", (gw_fn *)gate_timer},
	[CALL_GATE_RUN] = {"gate_run", (gw_fn *)gate_run},
	[CALL_GATE_CHECKED] = {"gate_checked", (gw_fn *)gate_checked},
	[CALL_ADMIN_TIMER] = {"admin_timer", (gw_fn *)admin_timer},
	[CALL_REGAIN_TIMER] = {"regain_timer", (gw_fn *)regain_timer},
	[CALL_METRICS] = {"metrics", (gw_fn *)admin_metrics},
	[CALL_END] = {NULL, NULL},
};

static const struct gw_subscription subscriptions[] = {
	{GW_TOPIC_READY, 0, CALL_AGENT_READY}, {GW_TOPIC_STATUS, 0, CALL_STATUS},
	{GW_TOPIC_METRICS, 0, CALL_METRICS},   {GW_TOPIC_REHASHED, 0, CALL_REHASHED},
	{GW_TOPIC_STOPPING, 0, CALL_STOPPING}, {NULL, 0, 0},
};

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct agent *agent = state;

	(void)err;
	if (why == GW_LOAD_RELOAD)
		return 0;
	agent->self = self;
	upstreams_load(agent);
	return 0;
}

static void unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct agent *agent = state;
	struct session *s, *next;

	(void)self;
	if (why != GW_UNLOAD_LAST)
		return;
	DL_FOREACH_SAFE (agent->sessions, s, next) {
		session_free(s);
	}
	upstreams_free(agent);
}

/** The file `login` is read when it is needed; that it could be is looked at here. */
static int check(struct gw_self *self, const struct gw_options *candidate, struct gw_error *err)
{
	const char *path = gw_option_string(self, candidate, "login");
	int status = upstreams_check(self, candidate, err);

	if (status == 0 && path[0] != '\0')
		status = login_file_read(path, NULL, err);
	return status == 0 ? gate_check(self, candidate, err) : status;
}

GW_MODULE(agent) = {
	.abi = GW_ABI,
	.name = "agent",
	.version = "1.0",
	.summary = "stands before a user's own client, and is moved in its place",
	.options = options,
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct agent),
	.state_version = 1,
	.load = load,
	.unload = unload,
	.check = check,
};
