/*
 * metrics.c - figures of logins for the topic "metrics.collect".
 */
#include "account.h"

void account_metrics(void *state, uint64_t tag, const void *payload)
{
	const struct gw_metrics *m = payload;
	const struct account *st = state;

	(void)tag;
	gw_metric_family(m, GW_COUNTER, "godwit_account_logins_total",
	                 "Attempts to log in, by any mechanism.");
	gw_metric_labelled(m, "result", "done", (double)st->counts.logins);
	gw_metric_labelled(m, "result", "failed", (double)st->counts.failures);
	gw_metric(m, GW_COUNTER, "godwit_account_throttled_total",
	          "Attempts (to log in, to register, codes) of addresses that had made too many.",
	          (double)st->counts.throttled);
	gw_metric(m, GW_GAUGE, "godwit_account_hashing",
	          "Passwords being hashed, or waiting for that.", st->n_waiting + st->hashing);
}
