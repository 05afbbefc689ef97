/*
 * store/metrics.c - figures of the database for the topic "metrics.collect".
 */
#include "store.h"

static void tell_writes(const struct store_state *state, const struct gw_metrics *m)
{
	const struct store_counts *counts = &state->counts;

	gw_metric(m, GW_COUNTER, "godwit_store_commits_total",
	          "Transactions made durable, each of one batch or many.", (double)state->commits);
	gw_metric(m, GW_COUNTER, "godwit_store_batches_total", "Batches of writes completed.",
	          (double)counts->batches);
	gw_metric(m, GW_COUNTER, "godwit_store_batches_failed_total",
	          "Of these, those of which nothing was done: a check, no room, an error.",
	          (double)counts->failed);
	gw_metric(m, GW_COUNTER, "godwit_store_batches_refused_total",
	          "Batches that were not taken, as too much waited.", (double)counts->refused);
	gw_metric(m, GW_COUNTER, "godwit_store_written_bytes_total",
	          "Bytes in the completed batches.", (double)counts->bytes);
	gw_metric(m, GW_GAUGE, "godwit_store_pending_bytes", "Bytes in batches that wait.",
	          (double)state->pending);
	gw_metric_family(m, GW_HISTOGRAM, "godwit_store_commit_seconds",
	                 "From a batch's coming until it was durable, or had failed.");
	gw_metric_histogram(m, NULL, &counts->took);
}

void store_metrics(void *state_, uint64_t tag, const void *payload)
{
	const struct store_state *state = state_;
	const struct gw_metrics *m = payload;
	uint64_t bytes, limit;

	(void)tag;
	tell_writes(state, m);
	gw_metric(m, GW_COUNTER, "godwit_store_reads_total", "Reads asked for.",
	          (double)state->last_read);
	gw_metric(m, GW_GAUGE, "godwit_store_reads_pending", "Reads that are not answered yet.",
	          (double)(state->last_read - state->counts.answered));
	env_usage(state->env, &bytes, &limit);
	gw_metric(m, GW_GAUGE, "godwit_store_bytes", "Size of the database.", (double)bytes);
	gw_metric(m, GW_GAUGE, "godwit_store_limit_bytes", "The size that it may have at most.",
	          (double)limit);
}
