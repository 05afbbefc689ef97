/*
 * tests/modules/figures.c - tells figures of its own, right ones and ones that break the form, for
 * tests of the module metrics.
 */
#include <godwit/bus.h>
#include <godwit/metrics.h>
#include <godwit/module.h>

#include <math.h>

struct figures_state {
	struct gw_histogram took;
	uint64_t asked;
};

enum { CALL_COLLECT };

static void right(struct figures_state *st, const struct gw_metrics *m)
{
	const char *const labels[] = {"path", "a\\b \"c\"\nd\x01\xff", "_2", "", NULL};

	gw_metric(m, GW_COUNTER, "figures_asked_total", "How often;\\ a\nline.",
	          (double)++st->asked);
	gw_metric_family(m, GW_GAUGE, "figures_odd", "Odd values.");
	gw_metric_sample(m, labels, 0.1);
	gw_metric_labelled(m, "is", "nan", NAN);
	gw_metric_labelled(m, "is", "inf", -INFINITY);
	gw_metric_labelled(m, "is", "large", 9007199254740992. / 2);
	gw_metric_labelled(m, "is", "small", 1e-9);
	gw_histogram_add(&st->took, 20000);
	gw_histogram_add(&st->took, 20001);
	gw_histogram_add(&st->took, -5);
	gw_histogram_add(&st->took, 11 * GW_SECOND);
	gw_metric_family(m, GW_HISTOGRAM, "figures_seconds", "How long.");
	gw_metric_histogram(m, NULL, &st->took);
	gw_metric_histogram(m, (const char *const[]){"of", "other", NULL}, &st->took);
}

static void wrong_families(const struct gw_metrics *m)
{
	static const char *const names[] = {"figures-dash",  "9figures",       "",
	                                    "figures_total", "figures_count",  "godwit_info",
	                                    "figures_odd",   "figures_bucket", "figures_sum"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		gw_metric(m, GW_GAUGE, names[i], "Wrong.", 1);
	gw_metric(m, GW_COUNTER, "figures_no_such_end", "Wrong.", 1);
	gw_metric(m, (enum gw_metric_type)9, "figures_type", "Wrong.", 1);
	gw_metric(m, GW_GAUGE,
	          "figures_whose_name_is_longer_than_any_name_of_a_family_can_be_in_here", "Wrong.",
	          1);
}

static void wrong_samples(struct figures_state *st, const struct gw_metrics *m)
{
	gw_metric(m, GW_GAUGE, "figures_wrong", "Has one sample.", 1);
	gw_metric_sample(m, NULL, 2);
	gw_metric_labelled(m, "a-b", "c", 3);
	gw_metric_labelled(m, "__name__", "c", 4);
	gw_metric_labelled(m, "a", NULL, 5);
	gw_metric_sample(m, (const char *const[]){"a", "b", "a", "c", NULL}, 6);
	gw_metric_histogram(m, NULL, &st->took);
	gw_metric_family(m, GW_HISTOGRAM, "figures_wrong_seconds", "Has one, too.");
	gw_metric_histogram(m, NULL, &st->took);
	gw_metric_histogram(m, NULL, &st->took);
	gw_metric_sample(m, NULL, 7);
	gw_metric_histogram(m, (const char *const[]){"le", "1", NULL}, &st->took);
}

static void many(const struct gw_metrics *m)
{
	char text[16];

	gw_metric_family(m, GW_GAUGE, "figures_many", "More than there may be.");
	for (int i = 0; i < 1010; i++) {
		text[0] = (char)('a' + i / 100);
		text[1] = (char)('0' + i / 10 % 10);
		text[2] = (char)('0' + i % 10);
		text[3] = '\0';
		gw_metric_labelled(m, "n", text, i);
	}
}

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	(void)self;
	(void)state;
	(void)why;
	(void)err;
	return 0;
}

static void collect(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	right(state, payload);
	wrong_families(payload);
	wrong_samples(state, payload);
	many(payload);
}

static const struct gw_call_row calls[] = {
	[CALL_COLLECT] = {"collect", (gw_fn *)collect},
	{NULL, NULL},
};

static const struct gw_subscription subscriptions[] = {
	{GW_TOPIC_METRICS, 0, CALL_COLLECT},
	{NULL, 0, 0},
};

GW_MODULE(figures) = {
	.abi = GW_ABI,
	.name = "figures",
	.version = "1.0",
	.summary = "figures for tests",
	.calls = calls,
	.subscriptions = subscriptions,
	.state_size = sizeof(struct figures_state),
	.state_version = 1,
	.load = load,
};
