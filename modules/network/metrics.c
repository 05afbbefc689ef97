/*
 * metrics.c - figures of the live network for the topic "metrics.collect".
 */
#include "network.h"

static const char *const kinds[EVENT_KINDS] = {
	[0] = "other",
	[GW_EV_USER & 0xff] = "user",
	[GW_EV_QUIT & 0xff] = "quit",
	[GW_EV_NICK & 0xff] = "nick",
	[GW_EV_SET & 0xff] = "set",
	[GW_EV_CHANNEL & 0xff] = "channel",
	[GW_EV_JOIN & 0xff] = "join",
	[GW_EV_PART & 0xff] = "part",
	[GW_EV_KICK & 0xff] = "kick",
	[GW_EV_MODE & 0xff] = "mode",
	[GW_EV_TOPIC & 0xff] = "topic",
	[GW_EV_MESSAGE & 0xff] = "message",
	[GW_EV_INVITE & 0xff] = "invite",
	[GW_EV_KILL & 0xff] = "kill",
	[GW_EV_WALLOPS & 0xff] = "wallops",
	[GW_EV_UNREGISTER & 0xff] = "unregister",
	[GW_EV_SPLIT & 0xff] = "split",
	[GW_EV_LOAD & 0xff] = "load",
	[GW_EV_SERVER & 0xff] = "server",
	[GW_EV_MOVE & 0xff] = "move",
};

void metrics_count(struct network *net, const struct gw_event *event)
{
	bool here = event->origin == net->here->pub.run;
	uint32_t number = event->kind & 0x7fff;

	if (event->kind >> 16 != 1 || number >= EVENT_KINDS)
		number = 0;
	net->events[here][number]++;
}

static void tell_events(const struct network *net, const struct gw_metrics *m)
{
	static const char *const origins[] = {"remote", "local"};

	gw_metric_family(m, GW_COUNTER, "godwit_network_events_total",
	                 "Events of the live network, by kind, and whether they were made here.");
	for (size_t here = 0; here < 2; here++)
		for (size_t i = 0; i < EVENT_KINDS; i++)
			gw_metric_sample(m,
			                 (const char *const[]){"kind", kinds[i], "origin",
			                                       origins[here], NULL},
			                 (double)net->events[here][i]);
}

void network_metrics(void *state, uint64_t tag, const void *payload)
{
	const struct network *net = (const struct network *)state;
	const struct gw_metrics *m = payload;

	(void)tag;
	gw_metric(m, GW_GAUGE, "godwit_network_servers", "Servers in sight, this one included.",
	          HASH_COUNT(net->servers));
	gw_metric(m, GW_GAUGE, "godwit_network_users", "Users of the whole network.",
	          HASH_CNT(by_id, net->people));
	gw_metric(m, GW_GAUGE, "godwit_network_local_users", "Of these, those at home here.",
	          net->here->pub.n_users);
	gw_metric(m, GW_GAUGE, "godwit_network_peak_users",
	          "The most users that there were since the start.", net->peak);
	gw_metric(m, GW_GAUGE, "godwit_network_opers", "Of the users, those who are operators.",
	          net->n_opers);
	gw_metric(m, GW_GAUGE, "godwit_network_channels", "Channels.", net->n_visible);
	tell_events(net, m);
}
