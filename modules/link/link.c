/*
 * link/link.c - connections between servers: descriptor, options, beginning and end. link.h says
 * which file does what.
 */
#include "link.h"
#include "net.h"
#include <errno.h>
#include <stdarg.h>

static const struct gw_option options[] = {
	{.name = "uplinks",
         .type = GW_OPT_LIST,
         .max = 64,
         .help = "Servers to dial, by name, in this order; without it all that the network lists "
                 "with an address, the heavier rather than the lighter."},
	{.name = "advertise",
         .type = GW_OPT_LIST,
         .max = ADDRESSES_PER_SERVER,
         .help = "Addresses (HOST:PORT) at which other servers reach this one, listed for it when "
                 "the network lists none; without it those of its listeners for links."},
	{.name = "ping-every",
         .type = GW_OPT_DURATION,
         .fallback = "5s",
         .min = GW_SECOND,
         .max = 300 * GW_SECOND,
         .help = "How often a link is pinged; at least three times in silence and in stall."},
	{.name = "silence",
         .type = GW_OPT_DURATION,
         .fallback = "15s",
         .min = 2 * GW_SECOND,
         .max = 3600 * GW_SECOND,
         .help = "Silence after which a link is closed."},
	{.name = "retry-least",
         .type = GW_OPT_DURATION,
         .fallback = "5s",
         .min = GW_SECOND,
         .max = 3600 * GW_SECOND,
         .help = "Time after which a server that could not be reached is dialled again; doubled "
                 "each time."},
	{.name = "retry-most",
         .type = GW_OPT_DURATION,
         .fallback = "60s",
         .min = GW_SECOND,
         .max = 86400 * GW_SECOND,
         .help = "The longest such time."},
	{.name = "soft-bound",
         .type = GW_OPT_SIZE,
         .fallback = "1m",
         .min = 262144,
         .max = 268435456,
         .help = "Bytes not yet taken by the other side from which on local clients that write to "
                 "the link wait; bulk gets half of it."},
	{.name = "hard-bound",
         .type = GW_OPT_SIZE,
         .fallback = "16m",
         .min = 1048576,
         .max = 1073741824,
         .help = "Bytes not yet taken over which a link is closed, to come again with a burst."},
	{.name = "stall",
         .type = GW_OPT_DURATION,
         .fallback = "30s",
         .min = 2 * GW_SECOND,
         .max = 3600 * GW_SECOND,
         .help = "The same after such a time in which nothing was taken."},
	{.name = "deadline-accept",
         .type = GW_OPT_DURATION,
         .fallback = "10s",
         .min = GW_SECOND,
         .max = 600 * GW_SECOND,
         .help = "Time in which a connection from another server must have become a link."},
	{.name = "deadline-dial",
         .type = GW_OPT_DURATION,
         .fallback = "15s",
         .min = GW_SECOND,
         .max = 600 * GW_SECOND,
         .help = "The same for a connection to another server, from the first packet on."},
	{.name = "attempts-max",
         .type = GW_OPT_INT,
         .fallback = "64",
         .min = 1,
         .max = 10000,
         .help = "Connections that have not yet become links, at one time."},
	{.name = "attempts-reserved",
         .type = GW_OPT_INT,
         .fallback = "16",
         .min = 0,
         .max = 10000,
         .help = "Of these, kept for addresses at which the network lists a server."},
	{.name = "attempts-per-address",
         .type = GW_OPT_INT,
         .fallback = "4",
         .min = 1,
         .max = 10000,
         .help = "Of these, from one address (IPv6: from one /64)."},
	{.name = "attempts-bucket",
         .type = GW_OPT_INT,
         .fallback = "6",
         .min = 1,
         .max = 10000,
         .help = "Attempts that one address may make in quick succession."},
	{.name = "attempts-refill",
         .type = GW_OPT_DURATION,
         .fallback = "4s",
         .min = 0,
         .max = 3600 * GW_SECOND,
         .help = "Time after which an address may make one more beyond that."},
	{.name = "attempts-per-second",
         .type = GW_OPT_INT,
         .fallback = "50",
         .min = 1,
         .max = 10000,
         .help = "Attempts in a second, from anywhere."},
	{.name = NULL},
};

static const struct gw_admin_command commands[] = {
	{.name = "server add",
         .args = "NAME KEY [HOST:PORT]",
         .help = "Adds a server to the network; it may join from now on.",
         .min_args = 2,
         .max_args = 3,
         .call = CALL_SERVER_ADD},
	{.name = "server list",
         .help = "Lists the servers of the network with their keys, a row a key.",
         .call = CALL_SERVER_LIST,
         .reads = true},
	{.name = "server joinline",
         .help = "Says how a new server joins by way of this one; changes nothing.",
         .call = CALL_SERVER_JOINLINE,
         .reads = true},
	{.name = "server remove",
         .args = "NAME",
         .help = "Removes a server and its keys for good; its links are closed everywhere.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_SERVER_REMOVE},
	{.name = "server key add",
         .args = "NAME KEY",
         .help = "Lists a further key of a server.",
         .min_args = 2,
         .max_args = 2,
         .call = CALL_KEY_ADD},
	{.name = "server key revoke",
         .args = "NAME KEY",
         .help = "Revokes a key for good; links that rest on it are closed everywhere.",
         .min_args = 2,
         .max_args = 2,
         .call = CALL_KEY_REVOKE},
	{.name = "server address add",
         .args = "NAME HOST:PORT",
         .help = "Lists a further address at which a server can be dialled.",
         .min_args = 2,
         .max_args = 2,
         .call = CALL_ADDRESS_ADD},
	{.name = "server address remove",
         .args = "NAME HOST:PORT",
         .help = "Takes an address off the list.",
         .min_args = 2,
         .max_args = 2,
         .call = CALL_ADDRESS_REMOVE},
	{.name = "server weight",
         .args = "NAME N",
         .help = "Says how likely a server is dialled rather than others (100 is usual).",
         .min_args = 2,
         .max_args = 2,
         .call = CALL_SERVER_WEIGHT},
	{.name = "link list",
         .help = "Lists the links of this server.",
         .call = CALL_LINK_LIST,
         .reads = true},
	{.name = "link connect",
         .args = "NAME",
         .help = "Dials a server now, and says what became of it.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_LINK_CONNECT},
	{.name = "link disconnect",
         .args = "NAME",
         .help = "Closes the link to a server, until link connect or a restart.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_LINK_DISCONNECT},
	{.name = "map",
         .help = "Shows the network as a tree, seen from here, with users and load.",
         .privilege = "",
         .call = CALL_MAP,
         .reads = true},
};

static const struct gw_protocol protocols[] = {
	{.name = "link", .accept = CALL_ATTEMPT_ACCEPT, .tls = GW_TLS_LINK},
};

static const struct gw_verb_row verbs[] = {
	{.name = "init",
         .args = "NAME",
         .help = "Makes this the first server of a network: its key, and a database with itself.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_VERB_INIT,
         .starts = true},
	{.name = "keygen",
         .args = "[--next]",
         .help = "Makes this server's key for links, or with --next the one that will replace it.",
         .max_args = 1,
         .call = CALL_VERB_KEYGEN},
	{.name = "fingerprint",
         .args = "",
         .help = "Prints this server's key for links, as text and in words.",
         .call = CALL_VERB_FINGERPRINT},
};

void link_tell_operators(struct link_state *st, const char *format, ...)
{
	char text[GW_REASON_MAX + 1];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
	gw_log(st->self, GW_INFO, "%s", text);
	if (st->network->ops != NULL)
		GW_VIA(st->network, gw_network_ops, wallops, NULL, text, 0);
}

static void settings_read(struct link_state *st)
{
	struct gw_self *self = st->self;
	const struct gw_options *o = gw_options(self);

	st->settings = (struct link_settings){
		.ping_ns = gw_option_int(self, o, "ping-every"),
		.silence_ns = gw_option_int(self, o, "silence"),
		.stall_ns = gw_option_int(self, o, "stall"),
		.retry_least_ns = gw_option_int(self, o, "retry-least"),
		.retry_most_ns = gw_option_int(self, o, "retry-most"),
		.soft = (uint32_t)gw_option_int(self, o, "soft-bound"),
		.hard = (uint32_t)gw_option_int(self, o, "hard-bound"),
	};
}

static void rehashed(void *state, uint64_t tag, const void *payload)
{
	struct link_state *st = state;

	(void)tag;
	(void)payload;
	settings_read(st);
	links_rehashed(st);
	handshakes_rehash(st);
	uplinks_look(st);
}

/* Listeners are open: their addresses can be listed. In a network that is starting as a whole the
 * others' are open by now, too. */
static void ready(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	(void)payload;
	own_look(state);
	uplinks_eager(state);
}

static void unloaded(void *state, uint64_t tag, const void *payload)
{
	struct link_state *st = state;

	flow_unloaded(state, tag, payload);
	if (st->leave.said.module == payload)
		st->leave.said.module = NULL;
}

static void status(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	handshakes_status(state, (struct gw_status *)(uintptr_t)payload);
}

static int check(struct gw_self *self, const struct gw_options *o, struct gw_error *err)
{
	const char *const *items;
	size_t n = gw_option_list(self, o, "advertise", &items);

	for (size_t i = 0; i < n; i++)
		if (!address_valid(items[i]) || address_wildcard(items[i]))
			return gw_fail(
				err, -EINVAL,
				"advertise: \"%.80s\" is no address at which a server can be "
				"reached (HOST:PORT)",
				items[i]);
	if (gw_option_int(self, o, "hard-bound") < gw_option_int(self, o, "soft-bound"))
		return gw_fail(err, -EINVAL, "hard-bound is less than soft-bound");
	if (gw_option_int(self, o, "attempts-reserved") >= gw_option_int(self, o, "attempts-max"))
		return gw_fail(err, -EINVAL,
		               "attempts-reserved leaves nothing of attempts-max for a new server");
	if (gw_option_int(self, o, "retry-most") < gw_option_int(self, o, "retry-least"))
		return gw_fail(err, -EINVAL, "retry-most is less than retry-least");
	return 0;
}

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct link_state *st = state;

	if (why == GW_LOAD_RELOAD)
		return handshakes_load(st, why, err);
	st->self = self;
	st->services = gw_interface(self, "services");
	st->network = gw_interface(self, "network");
	st->client = gw_interface(self, "client");
	st->replica = gw_interface(self, "replica");
	st->up = gw_topic(self, GW_TOPIC_LINK_UP);
	st->down = gw_topic(self, GW_TOPIC_LINK_DOWN);
	st->room = gw_topic(self, GW_TOPIC_LINK_ROOM);
	st->servers = gw_topic(self, GW_TOPIC_LINK_SERVERS);
	settings_read(st);
	if (handshakes_load(st, why, err) != 0)
		return -EINVAL;
	route_rows(st, 0);
	uplinks_look(st);
	gw_defer(self, gw_call(self, CALL_SERVERS_RETRY, 0));
	return 0;
}

static void unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct link_state *st = state;

	if (why == GW_UNLOAD_RELOAD)
		return;
	handshakes_unload(st);
	links_free(st);
	uplinks_free(st);
	requests_free(st);
	servers_free(st);
	gw_timer_free(&st->turning, self);
	gw_free(self, st->frames);
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_ATTEMPT_ACCEPT] = {"attempt-accept", (gw_fn *)attempt_accept},
	[CALL_ATTEMPT_READY] = {"attempt-ready", (gw_fn *)attempt_ready},
	[CALL_ATTEMPT_BYTES] = {"attempt-bytes", (gw_fn *)attempt_bytes},
	[CALL_ATTEMPT_DRAINED] = {"attempt-drained", (gw_fn *)attempt_drained},
	[CALL_ATTEMPT_CLOSED] = {"attempt-closed", (gw_fn *)attempt_closed},
	[CALL_ATTEMPT_DEADLINE] = {"attempt-deadline", (gw_fn *)attempt_deadline},
	[CALL_HANDSHAKES_TICK] = {"handshakes-tick", (gw_fn *)handshakes_tick},
	[CALL_VERB_INIT] = {"verb-init", (gw_fn *)verb_init},
	[CALL_VERB_KEYGEN] = {"verb-keygen", (gw_fn *)verb_keygen},
	[CALL_VERB_FINGERPRINT] = {"verb-fingerprint", (gw_fn *)verb_fingerprint},
	[CALL_SERVERS_WALK] = {"servers-walk", (gw_fn *)servers_walk},
	[CALL_SERVER_READ] = {"server-read", (gw_fn *)servers_entity},
	[CALL_SERVERS_RETRY] = {"servers-retry", (gw_fn *)servers_retry},
	[CALL_SERVICES_CHANGED] = {"services-changed", (gw_fn *)servers_changed},
	[CALL_MEMBERSHIP] = {"membership", (gw_fn *)servers_membership},
	[CALL_OWN_COMMITTED] = {"own-committed", (gw_fn *)servers_own_committed},
	[CALL_LINK_BYTES] = {"link-bytes", (gw_fn *)link_bytes},
	[CALL_LINK_DRAINED] = {"link-drained", (gw_fn *)link_drained},
	[CALL_LINK_CLOSED] = {"link-closed", (gw_fn *)link_closed},
	[CALL_LINK_TICK] = {"link-tick", (gw_fn *)links_tick},
	[CALL_RECORD] = {"record", (gw_fn *)route_record},
	[CALL_CLIENT_GONE] = {"client-gone", (gw_fn *)flow_client_gone},
	[CALL_FRAME_ROWS] = {"frame-rows", (gw_fn *)route_rows},
	[CALL_UPLINKS_TICK] = {"uplinks-tick", (gw_fn *)uplinks_tick},
	[CALL_REHASHED] = {"rehashed", (gw_fn *)rehashed},
	[CALL_READY] = {"ready", (gw_fn *)ready},
	[CALL_STOPPING] = {"stopping", (gw_fn *)links_stopping},
	[CALL_STATUS] = {"status", (gw_fn *)status},
	[CALL_COMMITTED] = {"committed", (gw_fn *)requests_committed},
	[CALL_EVERYWHERE_TICK] = {"everywhere-tick", (gw_fn *)requests_everywhere},
	[CALL_SERVER_ADD] = {"server-add", (gw_fn *)admin_server_add},
	[CALL_SERVER_LIST] = {"server-list", (gw_fn *)admin_server_list},
	[CALL_SERVER_JOINLINE] = {"server-joinline", (gw_fn *)admin_server_joinline},
	[CALL_SERVER_REMOVE] = {"server-remove", (gw_fn *)admin_server_remove},
	[CALL_KEY_ADD] = {"key-add", (gw_fn *)admin_key_add},
	[CALL_KEY_REVOKE] = {"key-revoke", (gw_fn *)admin_key_revoke},
	[CALL_ADDRESS_ADD] = {"address-add", (gw_fn *)admin_address_add},
	[CALL_ADDRESS_REMOVE] = {"address-remove", (gw_fn *)admin_address_remove},
	[CALL_SERVER_WEIGHT] = {"server-weight", (gw_fn *)admin_server_weight},
	[CALL_LINK_LIST] = {"link-list", (gw_fn *)admin_link_list},
	[CALL_LINK_CONNECT] = {"link-connect", (gw_fn *)admin_link_connect},
	[CALL_LINK_DISCONNECT] = {"link-disconnect", (gw_fn *)admin_link_disconnect},
	[CALL_MAP] = {"map", (gw_fn *)admin_map},
	[CALL_REAUTH_TICK] = {"reauth-tick", (gw_fn *)reauth_tick},
	[CALL_UNLOADED] = {"unloaded", (gw_fn *)unloaded},
	[CALL_TURN_TICK] = {"turn-tick", (gw_fn *)turn_tick},
	[CALL_METRICS] = {"metrics", (gw_fn *)link_metrics},
	{NULL, NULL},
};

static const struct gw_interface_row interfaces[] = {{"link", 1, 0, &link_ops}, {NULL, 0, 0, NULL}};

static const struct gw_topic_row topics[] = {
	{GW_TOPIC_LINK_UP, GW_NOTIFICATION},
	{GW_TOPIC_LINK_DOWN, GW_NOTIFICATION},
	{GW_TOPIC_LINK_ROOM, GW_NOTIFICATION},
	{GW_TOPIC_LINK_SERVERS, GW_NOTIFICATION},
	{NULL, GW_NOTIFICATION},
};

static const struct gw_subscription subscriptions[] = {
	{.topic = GW_TOPIC_SERVICES_CHANGED, .call = CALL_SERVICES_CHANGED},
	{.topic = GW_TOPIC_MEMBERSHIP, .call = CALL_MEMBERSHIP},
	{.topic = GW_TOPIC_RECORD, .call = CALL_RECORD},
	{.topic = GW_TOPIC_CLIENT_GONE, .call = CALL_CLIENT_GONE},
	{.topic = GW_TOPIC_UNLOADED, .call = CALL_UNLOADED},
	{.topic = GW_TOPIC_REHASHED, .call = CALL_REHASHED},
	{.topic = GW_TOPIC_READY, .call = CALL_READY},
	/* Behind the clients' last words. */
	{.topic = GW_TOPIC_STOPPING, .priority = 100, .call = CALL_STOPPING},
	{.topic = GW_TOPIC_STATUS, .call = CALL_STATUS},
	{.topic = GW_TOPIC_METRICS, .call = CALL_METRICS},
	{.topic = NULL},
};

static const struct gw_point points[] = {
	{GW_POINT_FRAME, sizeof(struct gw_frame_row), CALL_FRAME_ROWS},
	{NULL, 0, 0},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_PROTOCOL, protocols),
	GW_ROWS(GW_POINT_ADMIN, commands),
	GW_ROWS(GW_POINT_VERB, verbs),
	{.point = NULL},
};

GW_MODULE(link) = {
	.abi = GW_ABI,
	.name = "link",
	.version = "1.0",
	.summary = "links between servers: the handshake, frames, flow control, whom to dial",
	.requires = "services 1.0, network 1.0, client 1.0?, replica 1.0?",
	.interfaces = interfaces,
	.options = options,
	.calls = calls,
	.topics = topics,
	.subscriptions = subscriptions,
	.points = points,
	.rows = rows,
	.state_size = sizeof(struct link_state),
	.state_version = 1,
	.load = load,
	.unload = unload,
	.check = check,
};
