/*
 * godwit/channel.h - topics of the module "channel".
 */
#ifndef GODWIT_CHANNEL_H
#define GODWIT_CHANNEL_H

#include <godwit/client.h>

/**
 * Question "channel.may-join", before somebody joins: after the channel's own rules have let them
 * pass. Refuse with a sentence and the numeric in `why->code` (0: 474). `channel` is NULL when the
 * channel is about to be made.
 */
struct gw_join_query {
	struct gw_client *client;
	struct gw_channel *channel;
	const char *name;
	const char *key; /* "" for none */
};
#define GW_TOPIC_MAY_JOIN "channel.may-join"

#endif
