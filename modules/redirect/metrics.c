/*
 * redirect/metrics.c - figures of moves for the topic "metrics.collect".
 */
#include "redirect.h"

void redirect_metrics(void *state, uint64_t tag, const void *payload)
{
	const struct redirect_state *st = state;
	const struct gw_metrics *m = payload;

	(void)tag;
	gw_metric_family(m, GW_GAUGE, "godwit_redirect_pending", "Moves under way.");
	gw_metric_labelled(m, "direction", "from", HASH_CNT(by_session, st->sources));
	gw_metric_labelled(m, "direction", "to", HASH_CNT(by_session, st->recipients));
	gw_metric_family(m, GW_COUNTER, "godwit_redirect_moves_total",
	                 "Moves from here that have ended, by outcome.");
	for (size_t i = 0; i <= GW_MOVE_GONE; i++)
		gw_metric_labelled(m, "outcome", redirect_end_name(i), (double)st->counts[i]);
	gw_metric(m, GW_COUNTER, "godwit_redirect_taken_total",
	          "Sessions taken from other servers.", (double)st->taken);
	gw_metric(m, GW_COUNTER, "godwit_redirect_wrong_handovers_total",
	          "Connections that claimed a session and could not prove it.",
	          (double)st->refused_handovers);
	gw_metric_family(m, GW_HISTOGRAM, "godwit_redirect_seconds",
	                 "How long a move from here took that was done.");
	gw_metric_histogram(m, NULL, &st->took);
	gw_metric_family(m, GW_HISTOGRAM, "godwit_redirect_gap_seconds",
	                 "In which nothing could reach the client that moved.");
	gw_metric_histogram(m, NULL, &st->gap);
}
