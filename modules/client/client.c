/*
 * modules/client/client.c - clients that speak IRC: the module's descriptor, its tables, its
 * beginning and end.
 */
#include "client.h"

static const struct gw_call_row client_calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_ACCEPT] = {"accept", (gw_fn *)client_accept},
	[CALL_READY] = {"ready", (gw_fn *)client_ready},
	[CALL_LINE] = {"line", (gw_fn *)client_line},
	[CALL_DRAINED] = {"drained", (gw_fn *)client_drained},
	[CALL_CLOSED] = {"closed", (gw_fn *)client_closed},
	[CALL_AGENDA] = {"agenda", (gw_fn *)client_agenda},
	[CALL_ANNOUNCE] = {"announce", (gw_fn *)client_announce},
	[CALL_COMMANDS_CHANGED] = {"commands-changed", (gw_fn *)commands_changed},
	[CALL_CAPS_CHANGED] = {"caps-changed", (gw_fn *)caps_changed},
	[CALL_TOKENS_CHANGED] = {"tokens-changed", (gw_fn *)tokens_changed},
	[CALL_RENDER_CHANGED] = {"render-changed", (gw_fn *)render_changed},
	[CALL_EVENT] = {"event", (gw_fn *)client_event},
	[CALL_EVENT_LAST] = {"event-last", (gw_fn *)client_event_last},
	[CALL_STOPPING] = {"stopping", (gw_fn *)client_stopping},
	[CALL_REHASHED] = {"rehashed", (gw_fn *)client_rehashed},
	[CALL_GREETING] = {"greeting", (gw_fn *)client_greeting},
	[CALL_STATUS] = {"status", (gw_fn *)client_status},
	[CALL_CLAIM_FOUND] = {"claim-found", (gw_fn *)client_claim_found},
	[CALL_NICK] = {"nick", (gw_fn *)client_nick},
	[CALL_USER] = {"user", (gw_fn *)client_user},
	[CALL_CAP] = {"cap", (gw_fn *)client_cap},
	[CALL_PING] = {"ping", (gw_fn *)client_ping},
	[CALL_PONG] = {"pong", (gw_fn *)client_pong},
	[CALL_QUIT] = {"quit", (gw_fn *)client_quit},
	[CALL_SETNAME] = {"setname", (gw_fn *)client_setname},
	[CALL_ISUPPORT] = {"isupport", (gw_fn *)client_isupport},
	[CALL_SHOW_QUIT] = {"show-quit", (gw_fn *)show_quit},
	[CALL_SHOW_NICK] = {"show-nick", (gw_fn *)show_nick},
	[CALL_SHOW_SET] = {"show-set", (gw_fn *)show_set},
	[CALL_SHOW_MODES] = {"show-modes", (gw_fn *)show_modes},
	[CALL_TOKEN_NETWORK] = {"token-network", (gw_fn *)client_token_network},
	[CALL_TOKEN_TARGMAX] = {"token-targmax", (gw_fn *)client_token_targmax},
	[CALL_UNLOADED] = {"unloaded", (gw_fn *)client_unloaded},
	[CALL_SERVICES_CHANGED] = {"services-changed", (gw_fn *)client_services_changed},
	[CALL_CLAIMS_READ] = {"claims-read", (gw_fn *)client_claims_read},
	[CALL_CLAIMS_AGAIN] = {"claims-again", (gw_fn *)client_claims_again},
	[CALL_REVIEWED] = {"reviewed", (gw_fn *)client_reviewed},
	[CALL_TOGETHER] = {"together", (gw_fn *)together_end},
	[CALL_TAP_PUMP] = {"tap-pump", (gw_fn *)client_tap_pump},
	[CALL_RESUME] = {"resume", (gw_fn *)client_resume},
	[CALL_SETTLED] = {"settled", (gw_fn *)client_settled},
	[CALL_UNSHOWN] = {"unshown", (gw_fn *)client_unshown},
	[CALL_METRICS] = {"metrics", (gw_fn *)client_metrics},
	{NULL, NULL},
};

static const struct gw_topic_row client_topics[] = {
	{GW_TOPIC_AUDIENCE, GW_NOTIFICATION},
	{GW_TOPIC_MAY_CONNECT, GW_QUESTION},
	{GW_TOPIC_MAY_ENTER, GW_QUESTION},
	{GW_TOPIC_MAY_NICK, GW_QUESTION},
	{GW_TOPIC_MAY_LOSE_NICK, GW_QUESTION},
	{GW_TOPIC_CONNECTING, GW_NOTIFICATION},
	{GW_TOPIC_UNAUTHENTICATED, GW_NOTIFICATION},
	{GW_TOPIC_WELCOMED, GW_NOTIFICATION},
	{GW_TOPIC_ADOPTED, GW_NOTIFICATION},
	{GW_TOPIC_CLIENT_GONE, GW_NOTIFICATION},
	{NULL, GW_NOTIFICATION},
};

static const struct gw_subscription client_subscriptions[] = {
	{GW_TOPIC_EVENT, -100, CALL_EVENT},
	{GW_TOPIC_EVENT, 100, CALL_EVENT_LAST},
	{GW_TOPIC_STOPPING, 0, CALL_STOPPING},
	{GW_TOPIC_REHASHED, 0, CALL_REHASHED},
	{GW_TOPIC_READY, 0, CALL_GREETING},
	{GW_TOPIC_STATUS, 0, CALL_STATUS},
	{GW_TOPIC_METRICS, 0, CALL_METRICS},
	{GW_TOPIC_UNLOADED, 0, CALL_UNLOADED},
	{GW_TOPIC_SERVICES_CHANGED, 0, CALL_SERVICES_CHANGED},
	{GW_TOPIC_UNSHOWN, 100, CALL_UNSHOWN},
	{NULL, 0, 0},
};

static const struct gw_point client_points[] = {
	{GW_POINT_COMMAND, sizeof(struct gw_command), CALL_COMMANDS_CHANGED},
	{GW_POINT_CAP, sizeof(struct gw_cap), CALL_CAPS_CHANGED},
	{GW_POINT_ISUPPORT, sizeof(struct gw_isupport), CALL_TOKENS_CHANGED},
	{GW_POINT_TARGMAX, sizeof(struct gw_targmax), CALL_TOKENS_CHANGED},
	{GW_POINT_RENDER, sizeof(struct gw_renderer), CALL_RENDER_CHANGED},
	{NULL, 0, 0},
};

static const struct gw_protocol client_protocol[] = {{.name = "client", .accept = CALL_ACCEPT}};

static const struct gw_command client_commands[] = {
	{.name = "NICK",
         .states = GW_IN_ALL,
         .cost = 2,
         .call = CALL_NICK,
         .syntax = "<nick>",
         .help = "Sets or changes your nick."},
	{.name = "USER",
         .states = GW_IN_CONNECTING | GW_IN_REGISTRATION,
         .min_args = 4,
         .cost = 1,
         .call = CALL_USER,
         .syntax = "<user> 0 * :<real name>",
         .help = "Says who you are, while connecting."},
	{.name = "CAP",
         .states = GW_IN_ALL,
         .min_args = 1,
         .cost = 1,
         .call = CALL_CAP,
         .syntax = "LS|LIST|REQ|END [:<names>]",
         .help = "Negotiates capabilities; your client does that by itself."},
	{.name = "PING",
         .states = GW_IN_ALL,
         .min_args = 1,
         .cost = 1,
         .call = CALL_PING,
         .syntax = "<token>",
         .help = "Asks for a sign of life."},
	{.name = "PONG",
         .states = GW_IN_ALL,
         .cost = 1,
         .call = CALL_PONG,
         .syntax = "<token>",
         .help = "Answers a PING."},
	{.name = "QUIT",
         .states = GW_IN_ALL,
         .cost = 1,
         .call = CALL_QUIT,
         .syntax = "[:<reason>]",
         .help = "Ends the connection."},
	{.name = "SETNAME",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 2,
         .call = CALL_SETNAME,
         .syntax = ":<real name>",
         .help = "Changes your real name."},
	{.name = "ISUPPORT",
         .states = GW_IN_ALL,
         .cost = 2,
         .call = CALL_ISUPPORT,
         .syntax = "",
         .help = "Lists what this server supports."},
};

static const struct gw_cap client_caps[] = {
	{.name = "cap-notify"},
	{.name = "message-tags"},
	{.name = "server-time"},
	{.name = "account-tag"},
	{.name = "batch"},
	{.name = "labeled-response"},
	{.name = "echo-message"},
	{.name = "account-notify"},
	{.name = "away-notify"},
	{.name = "chghost"},
	{.name = "setname"},
	{.name = "standard-replies"},
	{.name = "draft/extended-isupport"},
};

#define TEXT_OF(number) #number
#define DIGITS(number) TEXT_OF(number)

static const struct gw_isupport client_tokens[] = {
	{.name = "NETWORK", .value_call = CALL_TOKEN_NETWORK},
	{.name = "CASEMAPPING", .value = "ascii"},
	{.name = "UTF8ONLY"},
	{.name = "NICKLEN", .value = DIGITS(GW_NICK_MAX)},
	{.name = "USERLEN", .value = DIGITS(GW_IDENT_MAX)},
	{.name = "HOSTLEN", .value = DIGITS(GW_HOST_MAX)},
	{.name = "NAMELEN", .value = DIGITS(GW_REALNAME_MAX)},
	{.name = "TARGMAX", .value_call = CALL_TOKEN_TARGMAX},
};

static const struct gw_rows client_rows[] = {
	GW_ROWS(GW_POINT_PROTOCOL, client_protocol),
	GW_ROWS(GW_POINT_COMMAND, client_commands),
	GW_ROWS(GW_POINT_CAP, client_caps),
	GW_ROWS(GW_POINT_ISUPPORT, client_tokens),
	{.point = GW_POINT_RENDER,
         .rows = client_renderers,
         .count = CLIENT_RENDERERS,
         .size = sizeof(client_renderers[0])},
	{.point = NULL},
};

static const struct gw_interface_row client_interfaces[] = {
	{.name = "client", .major = 1, .minor = 1, .ops = &client_ops},
	{.name = NULL},
};

static int client_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct client_state *st = state;

	(void)err;
	if (why == GW_LOAD_RELOAD)
		return 0;
	st->self = self;
	st->network = gw_interface(self, "network");
	st->services = gw_interface(self, "services");
	st->audience = gw_topic(self, GW_TOPIC_AUDIENCE);
	st->may_connect = gw_topic(self, GW_TOPIC_MAY_CONNECT);
	st->may_enter = gw_topic(self, GW_TOPIC_MAY_ENTER);
	st->may_nick = gw_topic(self, GW_TOPIC_MAY_NICK);
	st->may_lose = gw_topic(self, GW_TOPIC_MAY_LOSE_NICK);
	st->connecting = gw_topic(self, GW_TOPIC_CONNECTING);
	st->unauthenticated = gw_topic(self, GW_TOPIC_UNAUTHENTICATED);
	st->welcomed = gw_topic(self, GW_TOPIC_WELCOMED);
	st->adopted = gw_topic(self, GW_TOPIC_ADOPTED);
	st->gone = gw_topic(self, GW_TOPIC_CLIENT_GONE);
	st->claims_timer = gw_timer_new(self, gw_call(self, CALL_CLAIMS_AGAIN, 0));
	st->timer = gw_timer_new(self, gw_call(self, CALL_AGENDA, 0));
	st->started_ms = gw_wall_ns(self) / GW_MS;
	gw_random(self, st->guest_key, sizeof(st->guest_key));
	for (uint32_t i = 0; i < KINDS; i++)
		st->first_renderer[i] = -1;
	settings_read(st);
	return 0;
}

static void addresses_free(struct client_state *st)
{
	struct gw_self *self = st->self;
	struct address *a, *next;

	HASH_ITER (hh, st->addresses, a, next) {
		HASH_DEL(st->addresses, a);
		gw_free(self, a);
	}
}

/* The connections are the core's to close; the sessions are not. */
static void clients_end(struct client_state *st)
{
	struct client *c;

	while ((c = st->shadows) != NULL)
		shadow_free(st, &c);
	while ((c = st->clients) != NULL) {
		c->diverted = false;
		client_close(st, c, "This server no longer takes clients");
		clients_remove(st, c);
		settled_gone(st, c);
		client_free(st, &c);
	}
}

static void client_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct client_state *st = state;

	(void)self;
	if (why != GW_UNLOAD_LAST)
		return;
	clients_end(st);
	commands_free(st);
	caps_free(st);
	tokens_free(st);
	news_free(st);
	render_free(st);
	together_free(st);
	addresses_free(st);
	claims_free(st);
	dues_free(st);
	gw_free(st->self, st->blank);
	gw_timer_free(&st->timer, st->self);
	gw_free(st->self, st->slots);
	gw_free(st->self, st->free_slots);
	gw_free(st->self, st->sessions);
	gw_free(st->self, st->agenda);
	gw_free(st->self, st->server);
	gw_free(st->self, st->network_name);
	gw_free(st->self, st->stop_reason);
}

GW_MODULE(client) = {
	.abi = GW_ABI,
	.name = "client",
	.version = "1.0",
	.summary = "clients that speak IRC: connections, capabilities, rendering",
	.requires = "network 1.0, services 1.0?",
	.interfaces = client_interfaces,
	.options = client_options,
	.calls = client_calls,
	.topics = client_topics,
	.subscriptions = client_subscriptions,
	.points = client_points,
	.rows = client_rows,
	.state_size = sizeof(struct client_state),
	.state_version = 1,
	.load = client_load,
	.unload = client_unload,
	.check = client_check,
};
