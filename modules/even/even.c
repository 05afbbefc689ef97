/*
 * even/even.c - the usual policy: every server has its share of the clients, by weight, with as few
 * moves as possible. share.c does the sums.
 */
#include "even.h"
#include <errno.h>
#include <godwit/loop.h>
#include <godwit/module.h>

enum even_call { CALL_NONE, CALL_REHASHED };

/** The state, version 1. */
struct even_state {
	struct gw_self *self;
	struct even_settings settings;
	struct even_memory memory;
};

static const struct gw_option options[] = {
	{.name = "begin",
         .type = GW_OPT_INT,
         .fallback = "15",
         .min = 2,
         .max = 1000,
         .help = "Clients are moved when a server is so many percent off its share of them."},
	{.name = "end",
         .type = GW_OPT_INT,
         .fallback = "5",
         .min = 1,
         .max = 999,
         .help = "Until no server is more than so many percent off; less than begin."},
	{.name = "least",
         .type = GW_OPT_INT,
         .fallback = "20",
         .min = 1,
         .max = 1000000,
         .help = "A server that is at most so many clients off its share is not off."},
	{.name = "patience",
         .type = GW_OPT_DURATION,
         .fallback = "15s",
         .min = 0,
         .max = 3600 * GW_SECOND,
         .help = "How long that must have been so before anybody is moved."},
	{.name = "lag",
         .type = GW_OPT_DURATION,
         .fallback = "250ms",
         .min = GW_MS,
         .max = 60 * GW_SECOND,
         .help = "A server whose loop is later than this takes nobody."},
	{.name = "stale",
         .type = GW_OPT_DURATION,
         .fallback = "90s",
         .min = GW_SECOND,
         .max = 3600 * GW_SECOND,
         .help = "A server whose load report is older than this is left out."},
	{.name = NULL},
};

static void settings_read(struct even_state *st)
{
	const struct gw_options *o = gw_options(st->self);

	st->settings = (struct even_settings){
		.begin_percent = (uint32_t)gw_option_int(st->self, o, "begin"),
		.end_percent = (uint32_t)gw_option_int(st->self, o, "end"),
		.least = (uint32_t)gw_option_int(st->self, o, "least"),
		.lag_us = (uint32_t)(gw_option_int(st->self, o, "lag") / 1000),
		.age_ms = (uint32_t)(gw_option_int(st->self, o, "stale") / GW_MS),
		.patience_ns = gw_option_int(st->self, o, "patience"),
	};
}

static int check(struct gw_self *self, const struct gw_options *o, struct gw_error *err)
{
	if (gw_option_int(self, o, "end") >= gw_option_int(self, o, "begin"))
		return gw_fail(err, -EINVAL, "end is not less than begin");
	return 0;
}

static void rehashed(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	(void)payload;
	settings_read(state);
}

static size_t plan(void *policy, const struct gw_policy_view *view, struct gw_policy_order *out,
                   size_t max)
{
	struct even_state *st = policy;

	return even_plan(&st->settings, &st->memory, view, out, max);
}

static int recipient(void *policy, const struct gw_policy_view *view)
{
	struct even_state *st = policy;

	return even_recipient(&st->settings, view);
}

static int asked(void *policy, const struct gw_policy_view *view, int wanted, struct gw_error *why)
{
	struct even_state *st = policy;

	return even_asked(&st->settings, view, wanted, why);
}

static int newcomer(void *policy, const struct gw_policy_view *view)
{
	struct even_state *st = policy;

	return even_newcomer(&st->settings, view);
}

static void describe(void *policy, char *out, size_t max)
{
	const struct even_state *st = policy;

	snprintf(out, max, "even: begins at %u %%, ends at %u %%, %s", st->settings.begin_percent,
	         st->settings.end_percent, st->memory.active ? "active" : "at rest");
}

static const struct gw_policy_ops ops = {
	.plan = plan,
	.recipient = recipient,
	.asked = asked,
	.newcomer = newcomer,
	.describe = describe,
};

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct even_state *st = state;

	(void)err;
	if (why == GW_LOAD_RELOAD)
		return 0;
	st->self = self;
	settings_read(st);
	return 0;
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_REHASHED] = {"rehashed", (gw_fn *)rehashed},
	{NULL, NULL},
};

static const struct gw_subscription subscriptions[] = {
	{.topic = GW_TOPIC_REHASHED, .call = CALL_REHASHED},
	{.topic = NULL},
};

static const struct gw_interface_row interfaces[] = {
	{"policy", 1, 0, &ops},
	{NULL, 0, 0, NULL},
};

GW_MODULE(even) = {
	.abi = GW_ABI,
	.name = "even",
	.version = "1.0",
	.summary = "the usual policy: every server has its share of the clients, by weight",
	.interfaces = interfaces,
	.options = options,
	.calls = calls,
	.subscriptions = subscriptions,
	.state_size = sizeof(struct even_state),
	.state_version = 1,
	.load = load,
	.check = check,
};
