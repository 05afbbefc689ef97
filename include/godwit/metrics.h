/*
 * godwit/metrics.h - figures for those who watch a server, as Prometheus reads them.
 *
 * A module counts in plain numbers of its own state, where things happen, and tells them when it is
 * asked: it subscribes to the topic "metrics.collect", which the module metrics notifies for each
 * scrape. A third party's module does it the same way:
 *
 *     static void karma_metrics(void *state, uint64_t tag, const void *payload)
 *     {
 *             const struct gw_metrics *m = payload;
 *             const struct karma_state *st = state;
 *
 *             gw_metric(m, GW_COUNTER, "karma_thanks_total", "Thanks given.", (double)st->given);
 *             gw_metric_family(m, GW_COUNTER, "karma_refused_total", "Thanks refused, by reason.");
 *             gw_metric_labelled(m, "reason", "cooldown", (double)st->too_soon);
 *             gw_metric_labelled(m, "reason", "self", (double)st->own);
 *     }
 *
 * Names begin with the module's ("godwit_" is the project's own) and end with their unit: _seconds
 * and _bytes, never milliseconds; a counter's with _total. What a label may say is a short list
 * that does not grow with the number of users: servers, modules, reasons; never nicks, accounts or
 * addresses. Look at nothing for it that grows with the number of clients: count as they come and
 * go. What breaks the form (a name twice, a counter without _total, a sample twice) is left out,
 * and said in the log, so that the rest can be read.
 */
#ifndef GODWIT_METRICS_H
#define GODWIT_METRICS_H

#include <godwit/loop.h>
#include <stddef.h>
#include <stdint.h>

/** What a family of samples is. */
enum gw_metric_type {
	GW_COUNTER,  /* only rises, from 0 at the server's start (or the module's) */
	GW_GAUGE,    /* how it is now */
	GW_HISTOGRAM /* struct gw_histogram */
};

#define GW_HISTOGRAM_BOUNDS 18
/** How long something took, how often: one for all durations from microseconds to seconds. Part of
 * a module's state; zeroed at first. */
struct gw_histogram {
	uint64_t buckets[GW_HISTOGRAM_BOUNDS + 1]; /* up to that bound and over the one before; the
	                                              last: over all of them */
	uint64_t sum_ns;
};

/** The bounds in nanoseconds, the least first. */
static inline const int64_t *gw_histogram_bounds(void)
{
	static const int64_t bounds[GW_HISTOGRAM_BOUNDS] = {
		20000,         50000,         100000,        250000,
		500000,        GW_MS,         5 * GW_MS / 2, 5 * GW_MS,
		10 * GW_MS,    25 * GW_MS,    50 * GW_MS,    100 * GW_MS,
		250 * GW_MS,   500 * GW_MS,   GW_SECOND,     5 * GW_SECOND / 2,
		5 * GW_SECOND, 10 * GW_SECOND};

	return bounds;
}

/** One more, that took `ns` (negative: 0). A few comparisons, the fewer the shorter it was. */
static inline void gw_histogram_add(struct gw_histogram *histogram, int64_t ns)
{
	const int64_t *bounds = gw_histogram_bounds();
	unsigned i = 0;

	while (i < GW_HISTOGRAM_BOUNDS && ns > bounds[i])
		i++;
	histogram->buckets[i]++;
	histogram->sum_ns += ns > 0 ? (uint64_t)ns : 0;
}

/** Payload of "metrics.collect", valid for the call: the table behind the functions below; call
 * those. */
struct gw_metrics {
	void *collector;
	void (*family)(void *collector, enum gw_metric_type, const char *name, const char *help);
	void (*sample)(void *collector, const char *const *labels, double value);
	void (*histogram)(void *collector, const char *const *labels, const struct gw_histogram *);
};
/** Notification; const struct gw_metrics *: somebody wants to know. */
#define GW_TOPIC_METRICS "metrics.collect"

/** The samples that follow are of this family, which nobody else has. `help` is one sentence. All
 * texts here are ASCII (other bytes are shown as ?), and borrowed for the call. */
static inline void gw_metric_family(const struct gw_metrics *metrics, enum gw_metric_type type,
                                    const char *name, const char *help)
{
	metrics->family(metrics->collector, type, name, help);
}

/** A sample of the last family, a counter or a gauge. `labels`: names and values in turn, NULL
 * behind the last; or NULL. Numbers up to 2^53 are exact. */
static inline void gw_metric_sample(const struct gw_metrics *metrics, const char *const *labels,
                                    double value)
{
	metrics->sample(metrics->collector, labels, value);
}

/** The same with one label. */
static inline void gw_metric_labelled(const struct gw_metrics *metrics, const char *label,
                                      const char *is, double value)
{
	const char *const labels[] = {label, is, NULL};

	metrics->sample(metrics->collector, labels, value);
}

/** A family of one sample without labels. */
static inline void gw_metric(const struct gw_metrics *metrics, enum gw_metric_type type,
                             const char *name, const char *help, double value)
{
	metrics->family(metrics->collector, type, name, help);
	metrics->sample(metrics->collector, NULL, value);
}

/** A sample of the last family, a histogram; it is told in seconds. Labels as above, without "le".
 */
static inline void gw_metric_histogram(const struct gw_metrics *metrics, const char *const *labels,
                                       const struct gw_histogram *histogram)
{
	metrics->histogram(metrics->collector, labels, histogram);
}

#endif
