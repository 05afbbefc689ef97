/*
 * burst.c - the module burst: what follows when a link comes up.
 *
 * A link is up: the services databases say hello, and go on exchanging what each lacks; as soon as
 * they have accepted each other the live network goes both ways, and events pass. This module has
 * neither the data nor the connections: it carries messages between `link`, `services` and
 * `network`, and decides when a server takes part.
 */
#include "burst.h"
#include <errno.h>

static void burst_membership(void *state, uint64_t tag, const void *payload)
{
	struct burst_state *st = state;

	(void)tag;
	join_membership(st, *(const enum gw_membership *)payload);
	peers_membership(st);
	open_look(st);
}

/* Shall an empty database become a network of its own? Not while this server joins another. */
static int burst_first(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	struct burst_state *st = state;

	(void)tag;
	(void)payload;
	if (joining(st))
		return gw_fail(why, -EBUSY, "this server joins a network");
	return 0;
}

static int burst_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct burst_state *st = state;
	int status;

	if (why == GW_LOAD_RELOAD)
		return 0;
	st->self = self;
	st->link = gw_interface(self, "link");
	st->replica = gw_interface(self, "replica");
	st->network = gw_interface(self, "network");
	st->join_timer = gw_timer_new(self, gw_call(self, CALL_JOIN_TIMER, 0));
	status = join_load(st, err);
	if (status != 0) {
		gw_timer_free(&st->join_timer, self);
		return status;
	}
	gw_defer(self, gw_call(self, CALL_LINKS, 0));
	return open_load(st);
}

static void burst_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct burst_state *st = state;
	struct peer *peer, *next;

	if (why == GW_UNLOAD_RELOAD)
		return;
	HASH_ITER (hh, st->peers, peer, next) {
		if (peer->bound)
			GW_VIA(st->network, gw_network_ops, via_drop, peer->link);
		if (peer->open)
			GW_VIA(st->replica, gw_replica_ops, close, peer->link);
		GW_VIA(st->link, gw_link_ops, close, peer->link, GW_BYE_QUIT,
		       "the module burst was unloaded");
	}
	peers_free(st);
	gw_timer_free(&st->join_timer, self);
	gw_timer_free(&st->open_timer, self);
}

static const struct gw_option burst_options[] = {
	{"open-after", GW_OPT_DURATION, "30s", 0, 3600 * GW_SECOND, false,
         "How long a member waits for another server before it opens its listeners without one."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_call_row burst_calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_LINK_UP] = {"link-up", (gw_fn *)peers_link_up},
	[CALL_LINK_DOWN] = {"link-down", (gw_fn *)peers_link_down},
	[CALL_LINK_ROOM] = {"link-room", (gw_fn *)peers_link_room},
	[CALL_FRAME_BURST] = {"frame-burst", (gw_fn *)live_frame},
	[CALL_FRAME_SERVICES] = {"frame-services", (gw_fn *)peers_services_frame},
	[CALL_PEER_SEND] = {"peer-send", (gw_fn *)peers_send},
	[CALL_PEER_NEWS] = {"peer-news", (gw_fn *)peers_news},
	[CALL_CIRCLE] = {"circle", (gw_fn *)peers_circle},
	[CALL_OPEN_TIMER] = {"open-timer", (gw_fn *)open_tick},
	[CALL_MEMBERSHIP] = {"membership", (gw_fn *)burst_membership},
	[CALL_FIRST] = {"first", (gw_fn *)burst_first},
	[CALL_VERB_JOIN] = {"verb-join", (gw_fn *)verb_join},
	[CALL_JOIN_TIMER] = {"join-timer", (gw_fn *)join_tick},
	[CALL_SET_ASIDE] = {"set-aside", (gw_fn *)join_set_aside},
	[CALL_STATUS] = {"status", (gw_fn *)peers_status},
	[CALL_PUMP] = {"pump", (gw_fn *)peers_pump},
	[CALL_SERVERS] = {"servers", (gw_fn *)open_servers},
	[CALL_LINKS] = {"links", (gw_fn *)peers_look},
	{NULL, NULL},
};

static const struct gw_subscription burst_subscriptions[] = {
	{GW_TOPIC_LINK_UP, 0, CALL_LINK_UP},
	{GW_TOPIC_LINK_DOWN, 0, CALL_LINK_DOWN},
	{GW_TOPIC_LINK_ROOM, 0, CALL_LINK_ROOM},
	{GW_TOPIC_LINK_SERVERS, 0, CALL_SERVERS},
	{GW_TOPIC_CIRCLE, 0, CALL_CIRCLE},
	{GW_TOPIC_MEMBERSHIP, 0, CALL_MEMBERSHIP},
	{GW_TOPIC_SERVICES_FIRST, 0, CALL_FIRST},
	{GW_TOPIC_STATUS, 0, CALL_STATUS},
	{NULL, 0, 0},
};

static const struct gw_frame_row burst_frames[] = {
	{"burst", GW_FRAME_BURST, CALL_FRAME_BURST},
	{"services", GW_FRAME_SERVICES, CALL_FRAME_SERVICES},
};

static const struct gw_verb_row burst_verbs[] = {
	{"join", "[--name NAME] HOST:PORT KEY [--again] [--then-exit]",
         "Makes this server a member of the network that the server at HOST:PORT belongs to.", 2, 6,
         CALL_VERB_JOIN, true},
};

static const struct gw_rows burst_rows[] = {
	GW_ROWS(GW_POINT_FRAME, burst_frames),
	GW_ROWS(GW_POINT_VERB, burst_verbs),
	{.point = NULL},
};

GW_MODULE(burst) = {
	.abi = GW_ABI,
	.name = "burst",
	.version = "1.0",
	.summary = "what follows when a link comes up: joining, the live network, splits that heal",
	.requires = "link 1.0, replica 1.0, network 1.0",
	.options = burst_options,
	.calls = burst_calls,
	.subscriptions = burst_subscriptions,
	.rows = burst_rows,
	.state_size = sizeof(struct burst_state),
	.state_version = 1,
	.load = burst_load,
	.unload = burst_unload,
};
