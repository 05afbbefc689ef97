/*
 * tests/modules/restless/restless.c - asks for a change of modules (of itself, of those who call
 * it) wherever its code is called.
 *
 *     restless do WHEN TIMES LINE...   has LINE asked for TIMES times, at WHEN (one of the calls
 *                                      below); what can be brought about is, at once
 *     restless told                    how often it has asked, was told the outcome, the last one
 *
 * The option `first` is a line for its first `load`.
 */
#include <godwit/admin.h>
#include <godwit/client.h>
#include <godwit/loop.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CALL_NONE,
	CALL_DO,
	CALL_TOLD,
	CALL_ANSWER,
	CALL_HEARD,
	CALL_MAY,
	CALL_TIMER,
	CALL_RUN,
	CALL_DONE,
	CALL_CHANGED,
	CALL_RENDER,
	CALL_COMMAND
};

#define WORDS 8

struct restless {
	struct gw_self *self;
	char when[16], line[200];
	uint32_t times, asked, told;
	int32_t status;
	bool loading; /* what is told now is told by `load` */
	uint8_t reserved[7];
	char text[400];
	struct gw_timer *timer;
	struct gw_topic *heard, *may;
};

static void ask(struct restless *st, const char *text)
{
	const struct gw_admin_asker asker = {.who = "restless"};
	char line[200], *rest = line;
	const char *words[WORDS];
	int n = 0;

	snprintf(line, sizeof(line), "%s", text);
	while (n < WORDS && (words[n] = strsep(&rest, " ")) != NULL)
		n++;
	st->asked++;
	gw_admin_run(st->self, n, words, &asker, gw_call(st->self, CALL_ANSWER, 0));
}

/* It is called at `when`. */
static void called(struct restless *st, const char *when)
{
	if (strcmp(st->when, when) != 0)
		return;
	for (uint32_t n = st->times; n > 0; n--)
		ask(st, st->line);
	st->when[0] = '\0';
}

/* At "answer" the next is asked for when the one before has ended. */
static void restless_answer(void *state, uint64_t tag, const struct gw_admin_answer *answer)
{
	struct restless *st = state;

	(void)tag;
	if (answer->part != GW_ADMIN_END)
		return;
	st->told++;
	st->status = answer->status;
	snprintf(st->text, sizeof(st->text), "%s", answer->text);
	if (strcmp(st->when, "answer") == 0 && st->asked < st->times)
		ask(st, st->line);
}

static void restless_heard(void *state, uint64_t tag, const void *payload)
{
	struct restless *st = state;

	(void)tag;
	(void)payload;
	called(st, st->loading ? "told" : "notification");
}

static int restless_may(void *state, uint64_t tag, const void *payload, struct gw_error *err)
{
	(void)tag;
	(void)payload;
	(void)err;
	called(state, "question");
	return 0;
}

static void restless_timer(void *state, uint64_t tag)
{
	(void)tag;
	called(state, "timer");
}

static void restless_run(void *job)
{
	(void)job;
}

static void restless_done(void *state, uint64_t tag, void *job)
{
	(void)tag;
	(void)job;
	called(state, "job");
}

static void restless_changed(void *state, uint64_t tag)
{
	(void)tag;
	called(state, "changed");
}

static void restless_render(void *state, struct gw_render *r, const struct gw_event *event)
{
	(void)r;
	(void)event;
	called(state, "render");
}

static void restless_command(void *state, struct gw_client *client, const struct gw_message *m)
{
	(void)client;
	(void)m;
	called(state, "line");
}

static void restless_do(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	struct restless *st = state;
	size_t used = 0;

	st->asked = st->told = 0;
	st->status = 0;
	st->text[0] = '\0';
	snprintf(st->when, sizeof(st->when), "%s", argv[0]);
	st->times = (uint32_t)strtoul(argv[1], NULL, 10);
	for (int i = 2; i < argc; i++)
		used += (size_t)snprintf(st->line + used, sizeof(st->line) - used, "%s%s",
		                         i > 2 ? " " : "", argv[i]);
	gw_timer_set(st->timer, st->self, GW_MS);
	gw_job_start(st->self, GW_LANE_READ, CALL_RUN, gw_job_new(st->self, 8),
	             gw_call(st->self, CALL_DONE, 0));
	gw_notify(st->self, st->heard, NULL);
	gw_ask(st->self, st->may, NULL, NULL);
	called(st, "command");
	if (strcmp(st->when, "answer") == 0)
		ask(st, st->line);
	gw_admin_done(st->self, &req, 0, "");
}

static void restless_told(void *state, struct gw_admin_request *req, int argc,
                          const char *const *argv)
{
	struct restless *st = state;
	char text[500];

	(void)argc;
	(void)argv;
	snprintf(text, sizeof(text), "asked=%u told=%u status=%d %s", (unsigned)st->asked,
	         (unsigned)st->told, (int)st->status, st->text);
	gw_admin_text(st->self, req, text);
	gw_admin_done(st->self, &req, 0, "");
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_DO] = {"do", (gw_fn *)restless_do},
	[CALL_TOLD] = {"told", (gw_fn *)restless_told},
	[CALL_ANSWER] = {"answer", (gw_fn *)restless_answer},
	[CALL_HEARD] = {"heard", (gw_fn *)restless_heard},
	[CALL_MAY] = {"may", (gw_fn *)restless_may},
	[CALL_TIMER] = {"timer", (gw_fn *)restless_timer},
	[CALL_RUN] = {"run", (gw_fn *)restless_run},
	[CALL_DONE] = {"done", (gw_fn *)restless_done},
	[CALL_CHANGED] = {"changed", (gw_fn *)restless_changed},
	[CALL_RENDER] = {"render", (gw_fn *)restless_render},
	[CALL_COMMAND] = {"command", (gw_fn *)restless_command},
	{NULL, NULL},
};

static const struct gw_option options[] = {
	{"first", GW_OPT_STRING, "", 0, 100, false, "What it asks for in its first load."},
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_topic_row topics[] = {{"restless.heard", GW_NOTIFICATION},
                                             {"restless.may", GW_QUESTION},
                                             {NULL, GW_NOTIFICATION}};
static const struct gw_subscription subscriptions[] = {
	{"restless.heard", 0, CALL_HEARD}, {"restless.may", 0, CALL_MAY}, {NULL, 0, 0}};

struct restless_row {
	const char *name;
};
static const struct gw_point points[] = {
	{"restless.row", sizeof(struct restless_row), CALL_CHANGED}, {NULL, 0, 0}};

static const struct restless_row own_rows[] = {{"own"}};
static const struct gw_renderer renderers[] = {{.name = "restless.render",
                                                .kind = GW_EV_MESSAGE,
                                                .audience = GW_TO_CHANNEL,
                                                .call = CALL_RENDER}};
static const struct gw_command lines[] = {
	{.name = "RESTLESS", .states = GW_IN_CONNECTED, .cost = 1, .call = CALL_COMMAND}};
static const struct gw_admin_command commands[] = {
	{"restless do", "WHEN TIMES LINE...", "Asks for it.", "", 3, 9, CALL_DO, false, 0},
	{"restless told", "", "What came of it.", "", 0, 0, CALL_TOLD, false, 0},
};
static const struct gw_rows rows[] = {
	GW_ROWS("restless.row", own_rows),
	GW_ROWS(GW_POINT_RENDER, renderers),
	GW_ROWS(GW_POINT_COMMAND, lines),
	GW_ROWS(GW_POINT_ADMIN, commands),
	{NULL, NULL, 0, 0},
};

static int restless_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct restless *st = state;

	(void)err;
	if (why == GW_LOAD_RELOAD) {
		called(st, "load");
		st->loading = true;
		gw_notify(self, st->heard, NULL);
		st->loading = false;
		return 0;
	}
	st->self = self;
	st->heard = gw_topic(self, "restless.heard");
	st->may = gw_topic(self, "restless.may");
	st->timer = gw_timer_new(self, gw_call(self, CALL_TIMER, 0));
	if (gw_option_string(self, gw_options(self), "first")[0] != '\0')
		ask(st, gw_option_string(self, gw_options(self), "first"));
	return 0;
}

static void restless_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct restless *st = state;

	called(st, "unload");
	if (why == GW_UNLOAD_LAST)
		gw_timer_free(&st->timer, self);
}

static int restless_check(struct gw_self *self, const struct gw_options *candidate,
                          struct gw_error *err)
{
	(void)candidate;
	(void)err;
	if (self->state != NULL)
		called(self->state, "check");
	return 0;
}

GW_MODULE(restless) = {
	.abi = GW_ABI,
	.name = "restless",
	.version = "1.0",
	.summary = "asks for changes of modules where its code is called",
	.options = options,
	.calls = calls,
	.topics = topics,
	.subscriptions = subscriptions,
	.points = points,
	.rows = rows,
	.state_size = sizeof(struct restless),
	.state_version = 1,
	.load = restless_load,
	.unload = restless_unload,
	.check = restless_check,
};
