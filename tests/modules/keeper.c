/*
 * tests/modules/keeper.c - a module that has something to do before the server may stop: it takes
 * the time that its option says.
 */
#include <errno.h>
#include <godwit/bus.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>

struct keeper_state {
	struct gw_self *self;
	struct gw_timer *timer;
};

enum { CALL_MAY_STOP, CALL_DONE, CALL_STOPPING };

static int may_stop(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	struct keeper_state *s = state;
	int64_t takes_ns = gw_option_int(s->self, gw_options(s->self), "takes");

	(void)tag;
	gw_log(s->self, GW_INFO, "asked reason=\"%s\"", (const char *)payload);
	if (takes_ns == 0)
		return 0;
	gw_timer_set(s->timer, s->self, takes_ns);
	return gw_fail(why, -EBUSY, "the keeper closes its book first");
}

static void done(void *state, uint64_t tag)
{
	struct keeper_state *s = state;

	(void)tag;
	gw_stop(s->self, "the book is closed");
}

static void stopping(void *state, uint64_t tag, const void *payload)
{
	struct keeper_state *s = state;

	(void)tag;
	gw_log(s->self, GW_INFO, "stopping reason=\"%s\"", (const char *)payload);
}

static int keeper_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct keeper_state *s = state;

	(void)err;
	s->self = self;
	if (why == GW_LOAD_FIRST)
		s->timer = gw_timer_new(self, gw_call(self, CALL_DONE, 0));
	return 0;
}

static void keeper_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct keeper_state *s = state;

	if (why == GW_UNLOAD_LAST)
		gw_timer_free(&s->timer, self);
}

static const struct gw_option options[] = {
	{"takes", GW_OPT_DURATION, "0s", 0, 3600 * GW_SECOND, false, "How long."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_call_row calls[] = {
	[CALL_MAY_STOP] = {"may-stop", (gw_fn *)may_stop},
	[CALL_DONE] = {"done", (gw_fn *)done},
	[CALL_STOPPING] = {"stopping", (gw_fn *)stopping},
	{NULL, NULL},
};

static const struct gw_subscription subscriptions[] = {
	{GW_TOPIC_MAY_STOP, 0, CALL_MAY_STOP},
	{GW_TOPIC_STOPPING, 0, CALL_STOPPING},
	{NULL, 0, 0},
};

GW_MODULE(keeper) = {
	.abi = GW_ABI,
	.name = "keeper",
	.version = "1.0",
	.summary = "a module that is not done yet",
	.options = options,
	.calls = calls,
	.subscriptions = subscriptions,
	.state_size = sizeof(struct keeper_state),
	.state_version = 1,
	.load = keeper_load,
	.unload = keeper_unload,
};
