/*
 * modules/message/message.c - messages between people and to channels.
 *
 * send.c makes events of what clients send, render.c makes lines of the events. Whether a message
 * may pass is a question on the bus, answered by whoever owns the rule (channel modes, ...); only
 * the user mode +R is this module's own.
 */
#include "send.h"

#include <errno.h>

enum message_call {
	CALL_NONE,
	CALL_PRIVMSG,
	CALL_NOTICE,
	CALL_TAGMSG,
	CALL_RENDER,
	CALL_MAY_SEND,
	CALL_STATUSMSG
};

/* +R: only users who are logged in reach this one; an operator and the user's own messages pass. */
static int message_may_send(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	const struct gw_message_query *query = payload;
	const struct gw_user *from = query->client->session->user;

	(void)state;
	(void)tag;
	if (query->target == NULL || !(query->target->modes & gw_letter('R')) ||
	    query->target == from || from->account != NULL || (from->modes & gw_letter('o')))
		return 0;
	why->code = 477;
	return gw_fail(why, -EACCES, "This user takes messages from registered users only (+R)");
}

/* STATUSMSG names the prefixes that there are now. */
static bool message_statusmsg(void *state, char *out, size_t max)
{
	size_t n = 0;

	for (uint8_t bit = GW_OWNER; bit >= GW_VOICE && n + 1 < max; bit >>= 1) {
		char prefix = message_prefix_char(state, bit);

		if (prefix != '\0')
			out[n++] = prefix;
	}
	out[n] = '\0';
	return n > 0;
}

static const struct gw_command message_commands[] = {
	{.name = "PRIVMSG",
         .states = GW_IN_CONNECTED,
         .cost = 1,
         .call = CALL_PRIVMSG,
         .syntax = "<target>{,<target>} :<text>",
         .help = "Sends a message to a channel or a user."},
	{.name = "NOTICE",
         .states = GW_IN_CONNECTED,
         .cost = 1,
         .call = CALL_NOTICE,
         .syntax = "<target>{,<target>} :<text>",
         .help = "Sends a message that nothing answers automatically."},
	{.name = "TAGMSG",
         .states = GW_IN_CONNECTED,
         .cost = 1,
         .call = CALL_TAGMSG,
         .syntax = "<target>{,<target>}",
         .help = "Sends message tags without a text."},
};

static const struct gw_renderer message_renderers[] = {
	{.name = "message.channel",
         .kind = GW_EV_MESSAGE,
         .audience = GW_TO_CHANNEL,
         .echo_cap = "echo-message",
         .call = CALL_RENDER},
	{.name = "message.direct",
         .kind = GW_EV_MESSAGE,
         .audience = GW_TO_TARGET_AND_SOURCE,
         .echo_cap = "echo-message",
         .call = CALL_RENDER},
};

static const struct gw_usermode message_usermodes[] = {
	{.name = "R", .by_user = true, .help = "takes private messages from registered users only"},
};

static const struct gw_isupport message_isupport[] = {
	{.name = "STATUSMSG", .value_call = CALL_STATUSMSG},
};

static const struct gw_targmax message_targmax[] = {
	{.name = "PRIVMSG", .max = MESSAGE_TARGETS_MAX},
	{.name = "NOTICE", .max = MESSAGE_TARGETS_MAX},
	{.name = "TAGMSG", .max = MESSAGE_TARGETS_MAX},
};

static const struct gw_rows message_rows[] = {
	GW_ROWS(GW_POINT_COMMAND, message_commands),   GW_ROWS(GW_POINT_RENDER, message_renderers),
	GW_ROWS(GW_POINT_USERMODE, message_usermodes), GW_ROWS(GW_POINT_ISUPPORT, message_isupport),
	GW_ROWS(GW_POINT_TARGMAX, message_targmax),    {.point = NULL},
};

static const struct gw_call_row message_calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_PRIVMSG] = {"privmsg", (gw_fn *)message_privmsg},
	[CALL_NOTICE] = {"notice", (gw_fn *)message_notice},
	[CALL_TAGMSG] = {"tagmsg", (gw_fn *)message_tagmsg},
	[CALL_RENDER] = {"render", (gw_fn *)message_render},
	[CALL_MAY_SEND] = {"may-send", (gw_fn *)message_may_send},
	[CALL_STATUSMSG] = {"statusmsg", (gw_fn *)message_statusmsg},
	{NULL, NULL},
};

static const struct gw_topic_row message_topics[] = {
	{GW_TOPIC_MAY_SEND, GW_QUESTION},
	{GW_TOPIC_SERVICE, GW_NOTIFICATION},
	{NULL, GW_NOTIFICATION},
};

static const struct gw_subscription message_subscriptions[] = {
	{.topic = GW_TOPIC_MAY_SEND, .call = CALL_MAY_SEND},
	{.topic = NULL},
};

static int message_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct message_state *message = state;

	(void)why;
	(void)err;
	message->self = self;
	message->client = gw_interface(self, "client");
	message->network = gw_interface(self, "network");
	message->may_send = gw_topic(self, GW_TOPIC_MAY_SEND);
	message->service = gw_topic(self, GW_TOPIC_SERVICE);
	return 0;
}

static void message_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	(void)self;
	(void)state;
	(void)why;
}

GW_MODULE(message) = {
	.abi = GW_ABI,
	.name = "message",
	.version = "1.0",
	.summary = "PRIVMSG, NOTICE and TAGMSG",
	.requires = "client 1.0, network 1.0",
	.calls = message_calls,
	.topics = message_topics,
	.subscriptions = message_subscriptions,
	.rows = message_rows,
	.state_size = sizeof(struct message_state),
	.state_version = 1,
	.load = message_load,
	.unload = message_unload,
};
