/*
 * tests/modules/keeper.c - a module that takes its time: before the server may stop, as long as its
 * option says, and to answer a command, which tells how far it is.
 */
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <stdio.h>
#include <stdlib.h>

struct keeper_state {
	struct gw_self *self;
	struct gw_timer *timer, *step;
	struct gw_admin_request *counting; /* for "keeper count" */
	uint64_t at, to;
	int64_t each_ns;
};

enum { CALL_MAY_STOP, CALL_DONE, CALL_STOPPING, CALL_COUNT, CALL_STEP };

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

static void step(void *state, uint64_t tag)
{
	struct keeper_state *s = state;
	char text[160];

	(void)tag;
	if (s->at == s->to) {
		gw_log(s->self, GW_INFO, "counted to=%u", (unsigned)s->to);
		gw_admin_text(s->self, s->counting, "counted");
		gw_admin_done(s->self, &s->counting, 0, "");
		return;
	}
	s->at++;
	snprintf(text, sizeof(text), "%u of %u%s", (unsigned)s->at, (unsigned)s->to,
	         s->at == 1 ? ", which is told at such length that it does not fit a line" : "");
	gw_admin_progress(s->self, s->counting, text);
	gw_timer_set(s->step, s->self, s->each_ns);
}

/** keeper count N MILLISECONDS: one after the other. */
static void count(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct keeper_state *s = state;

	(void)argc;
	s->counting = req;
	s->at = 0;
	s->to = (uint64_t)atoi(argv[0]);
	s->each_ns = atoi(argv[1]) * GW_MS;
	step(s, 0);
}

static int keeper_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct keeper_state *s = state;

	(void)err;
	s->self = self;
	if (why == GW_LOAD_FIRST) {
		s->timer = gw_timer_new(self, gw_call(self, CALL_DONE, 0));
		s->step = gw_timer_new(self, gw_call(self, CALL_STEP, 0));
	}
	return 0;
}

static void keeper_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct keeper_state *s = state;

	if (why != GW_UNLOAD_LAST)
		return;
	gw_timer_free(&s->timer, self);
	gw_timer_free(&s->step, self);
}

static const struct gw_option options[] = {
	{"takes", GW_OPT_DURATION, "0s", 0, 3600 * GW_SECOND, false, "How long."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_call_row calls[] = {
	[CALL_MAY_STOP] = {"may-stop", (gw_fn *)may_stop},
	[CALL_DONE] = {"done", (gw_fn *)done},
	[CALL_STOPPING] = {"stopping", (gw_fn *)stopping},
	[CALL_COUNT] = {"count", (gw_fn *)count},
	[CALL_STEP] = {"step", (gw_fn *)step},
	{NULL, NULL},
};

static const struct gw_subscription subscriptions[] = {
	{GW_TOPIC_MAY_STOP, 0, CALL_MAY_STOP},
	{GW_TOPIC_STOPPING, 0, CALL_STOPPING},
	{NULL, 0, 0},
};

static const struct gw_admin_command commands[] = {
	{"keeper count", "N MILLISECONDS", "Counts.", "", 2, 2, CALL_COUNT, false, 0},
};
static const struct gw_rows rows[] = {GW_ROWS(GW_POINT_ADMIN, commands), {NULL, NULL, 0, 0}};

GW_MODULE(keeper) = {
	.abi = GW_ABI,
	.name = "keeper",
	.version = "1.0",
	.summary = "a module that is not done yet",
	.options = options,
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct keeper_state),
	.state_version = 1,
	.load = keeper_load,
	.unload = keeper_unload,
};
