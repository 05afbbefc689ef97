/*
 * link/metrics.c - figures of links and handshakes for the topic "metrics.collect".
 *
 * A server is in a label only while it is linked, by the name that it has proved.
 */
#include "net.h"
#include <math.h>

static const char *const byes[GW_BYE_DONE + 1] = {
	[0] = "lost",
	[GW_BYE_QUIT] = "quit",
	[GW_BYE_CIRCLE] = "circle",
	[GW_BYE_DOUBLE] = "double",
	[GW_BYE_REFUSED] = "refused",
	[GW_BYE_PROTOCOL] = "protocol",
	[GW_BYE_SLOW] = "slow",
	[GW_BYE_SILENT] = "silent",
	[GW_BYE_DONE] = "joined",
};

/* One for each link that is up; NAN: not known yet. */
static void tell_each(const struct link_state *st, const struct gw_metrics *m, const char *name,
                      const char *help, double (*of)(const struct link *link))
{
	const struct link *link;

	gw_metric_family(m, GW_GAUGE, name, help);
	for (link = st->links; link != NULL; link = link->hh.next)
		if (link_up(link) && !isnan(of(link)))
			gw_metric_labelled(m, "peer", link->name, of(link));
}

static double is_live(const struct link *link)
{
	return link->pub.live;
}

static double lag(const struct link *link)
{
	return link->pub.lag_ns < 0 ? NAN : (double)link->pub.lag_ns / 1e9;
}

static double backlog(const struct link *link)
{
	return (double)flow_backlog(link);
}

static double held(const struct link *link)
{
	return HASH_COUNT(link->held);
}

static void tell_totals(const struct link_state *st, const struct gw_metrics *m)
{
	uint64_t sent = st->bytes_sent, received = st->bytes_received;
	const struct link *link;

	for (link = st->links; link != NULL; link = link->hh.next) {
		sent += link->sent;
		received += link->consumed;
	}
	gw_metric(m, GW_COUNTER, "godwit_link_sent_bytes_total",
	          "Bytes of frames to other servers.", (double)sent);
	gw_metric(m, GW_COUNTER, "godwit_link_received_bytes_total",
	          "Bytes of frames from other servers.", (double)received);
	gw_metric(m, GW_COUNTER, "godwit_link_up_total", "Links that came up.", (double)st->ups);
	gw_metric_family(m, GW_COUNTER, "godwit_link_down_total",
	                 "Links that were up and have ended, by the reason of the goodbye.");
	for (size_t i = 0; i <= GW_BYE_DONE; i++)
		gw_metric_labelled(m, "reason", byes[i], (double)st->downs[i]);
	gw_metric(m, GW_COUNTER, "godwit_link_records_refused_total",
	          "Records of other servers that were not applied, as they were wrong.",
	          (double)st->records_refused);
}

static void tell_attempts(const struct link_state *st, const struct gw_metrics *m)
{
	gw_metric_family(m, GW_COUNTER, "godwit_link_handshakes_total",
	                 "Attempts to become a link, made here or by others, by outcome.");
	for (int code = 0; code < CODE_COUNT; code++)
		gw_metric_labelled(m, "result", code_name((enum code)code),
		                   (double)st->hs.ended[code]);
}

void link_metrics(void *state, uint64_t tag, const void *payload)
{
	const struct link_state *st = state;

	(void)tag;
	tell_each(st, payload, "godwit_link_live",
	          "A linked server; 1 if events pass, 0 while both sides are brought together.",
	          is_live);
	tell_each(st, payload, "godwit_link_lag_seconds",
	          "Round trip of the last ping of a link that has come back.", lag);
	tell_each(st, payload, "godwit_link_queue_bytes",
	          "Bytes for a linked server that it has not taken yet.", backlog);
	tell_each(st, payload, "godwit_link_held_clients",
	          "Local clients whose input waits, as a link is slow.", held);
	tell_totals(st, payload);
	tell_attempts(st, payload);
}
