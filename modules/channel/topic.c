/*
 * modules/channel/topic.c - TOPIC: reading and setting (331, 332, 333).
 */
#include "private.h"

void channel_send_topic(struct channel_state *c, struct gw_client *to,
                        const struct gw_channel *channel)
{
	CLIENT(c, numeric, to, 332, "%s :%s", channel->name, channel->topic);
	CLIENT(c, numeric, to, 333, "%s %s %lld", channel->name, channel->topic_setter,
	       (long long)(channel->topic_ms / 1000));
}

static void set_topic(struct channel_state *c, struct gw_client *client, struct gw_channel *channel,
                      char *text)
{
	const struct gw_member *member = NETWORK(c, member, channel, client->session->user);

	if (member == NULL) {
		CLIENT(c, numeric, client, 442, "%s :You're not on that channel", channel->name);
		return;
	}
	if ((channel->modes & gw_letter('t')) && !channel_has_rank(member, GW_HALFOP)) {
		CLIENT(c, numeric, client, 482, "%s :You're not a channel operator", channel->name);
		return;
	}
	NETWORK(c, topic, client->session, channel, gw_cut(text, GW_TOPIC_MAX), client->command);
}

void channel_topic(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct channel_state *c = state;
	struct gw_channel *channel = NETWORK(c, channel, m->argv[0]);

	if (channel == NULL ||
	    (m->argc == 1 && !channel_visible(c, channel, client->session->user)))
		CLIENT(c, numeric, client, 403, "%s :No such channel", m->argv[0]);
	else if (m->argc > 1)
		set_topic(c, client, channel, m->argv[1]);
	else if (channel->topic != NULL)
		channel_send_topic(c, client, channel);
	else
		CLIENT(c, numeric, client, 331, "%s :No topic is set", channel->name);
}
