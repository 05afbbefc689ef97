/*
 * tests/modules/toy.c - a module to be loaded, reloaded and refused. Each macro below makes a
 * variant, built into a folder of its own (tests/module/local.mk); tests put one after the other
 * where the server looks.
 */
#include "toy.h"

#include <errno.h>
#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/conn.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <string.h>

#ifndef BUILD
#define BUILD 1
#endif
#ifndef STATE_VERSION
#define STATE_VERSION 1
#endif
#ifndef TOY_ABI
#define TOY_ABI GW_ABI
#endif
#ifndef MAJOR
#define MAJOR 1
#endif
#ifndef TICK_ROW
#define TICK_ROW "tick"
#endif
#ifndef ADMIN_NAME
#define ADMIN_NAME "toy again"
#endif
#ifndef REQUIRES
#define REQUIRES NULL
#endif
#ifndef INTERFACES
#define INTERFACES interfaces
#endif

/* To change it: raise STATE_VERSION and write the step in toy_migrate(). */
struct toy_state {
	struct gw_self *self;
	uint64_t count, ticks, rows_seen, worked, written;
	struct gw_sink *sink;
	struct gw_topic *said, *may;
	struct gw_timer *timer;
	char *text;
	struct gw_admin_request *waiting; /* for "toy answer" */
	const char *literal; /* stays NULL but in the variant that does what is forbidden */
#ifdef LARGER
	uint64_t more[8];
#endif
};

struct toy_job {
	int build;
};

enum {
	CALL_TICK,
	CALL_CHANGED,
	CALL_AGAIN,
	CALL_RUN,
	CALL_DONE,
	CALL_ANSWERED,
	CALL_WAIT,
	CALL_ANSWER,
	CALL_ACCEPT,
	CALL_WRITTEN
};

static int toy_build(void *self)
{
	(void)self;
	return BUILD;
}

static uint64_t toy_count(void *self)
{
	struct toy_state *s = self;

	return ++s->count;
}

static uint64_t toy_ticks(void *self)
{
	struct toy_state *s = self;

	return s->ticks;
}

static uint64_t toy_rows_seen(void *self)
{
	struct toy_state *s = self;

	return s->rows_seen;
}

static void toy_say(void *self, void *said)
{
	struct toy_state *s = self;

	gw_notify(s->self, s->said, said);
}

static int toy_may(void *self, void *said, void *why)
{
	struct toy_state *s = self;

	return gw_ask(s->self, s->may, said, why);
}

static void toy_work(void *self)
{
	struct toy_state *s = self;

	gw_job_start(s->self, GW_LANE_READ, CALL_RUN, gw_job_new(s->self, sizeof(struct toy_job)),
	             gw_call(s->self, CALL_DONE, 0));
}

static uint64_t toy_worked(void *self)
{
	struct toy_state *s = self;

	return s->worked;
}

static void toy_part(void *self)
{
	struct toy_state *s = self;

	gw_log(s->self, GW_INFO, "a friend parts");
}

static void *toy_sink(void *self)
{
	struct toy_state *s = self;

	return s->sink;
}

static uint64_t toy_written(void *self)
{
	struct toy_state *s = self;

	return s->written;
}

static const struct toy_ops ops = {
	.build = toy_build,
	.count = toy_count,
	.ticks = toy_ticks,
	.rows_seen = toy_rows_seen,
	.say = toy_say,
	.may = toy_may,
	.work = toy_work,
	.worked = toy_worked,
	.part = toy_part,
	.sink = toy_sink,
	.written = toy_written,
};

static void toy_tick(void *state, uint64_t tag)
{
	struct toy_state *s = state;

	s->ticks += tag;
	gw_timer_set(s->timer, s->self, GW_SECOND);
}

static void toy_wrote(void *state, uint64_t tag, struct gw_buf *buf)
{
	struct toy_state *s = state;

	if (tag == 7 && buf->len == 5 && memcmp(buf->data, "hello", 5) == 0)
		s->written = s->written * 10 + BUILD;
}

static void toy_changed(void *state, uint64_t tag)
{
	struct toy_state *s = state;
	const struct gw_row *rows;
	size_t n = gw_rows(s->self, "toy.row", &rows);

	(void)tag;
	s->rows_seen = 0;
	for (size_t i = 0; i < n; i++)
		s->rows_seen += ((const struct toy_row *)rows[i].row)->value;
}

static void toy_run(void *job)
{
	((struct toy_job *)job)->build = BUILD;
}

/** Thousands: the build that ran off the loop; ones: the build that got the completion. */
static void toy_done(void *state, uint64_t tag, void *job)
{
	struct toy_state *s = state;

	(void)tag;
	s->worked = (uint64_t)((struct toy_job *)job)->build * 1000 + BUILD;
}

static void toy_answered(void *state, uint64_t tag, const struct gw_admin_answer *answer)
{
	struct toy_state *s = state;

	(void)tag;
	if (answer->part == GW_ADMIN_END)
		s->count += 1000;
}

/** Asks for its own reload from its own handler. */
static void toy_again(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct toy_state *s = state;
	static const char *const line[] = {"module", "reload", "toy"};
	const struct gw_admin_asker asker = {.who = "toy"};

	(void)argc;
	(void)argv;
	gw_admin_run(s->self, 3, line, &asker, gw_call(s->self, CALL_ANSWERED, 0));
	gw_admin_done(s->self, &req, 0, "");
}

/** Its answer comes with the next "toy answer". */
static void toy_wait(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct toy_state *s = state;

	(void)argc;
	(void)argv;
	s->waiting = req;
	gw_admin_text(s->self, req, "wait");
}

static void toy_answer(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct toy_state *s = state;

	(void)argc;
	(void)argv;
	gw_admin_text(s->self, s->waiting, BUILD == 2 ? "two" : "one");
	gw_admin_done(s->self, &s->waiting, 0, "");
	gw_admin_done(s->self, &req, 0, "");
}

/** Nobody may come in. */
static int toy_accept(void *state, struct gw_conn *conn, char farewell[512])
{
	(void)state;
	(void)conn;
	(void)farewell;
	return -EPERM;
}

static void toy_equip(struct toy_state *s)
{
	s->said = gw_topic(s->self, "toy.said");
	s->may = gw_topic(s->self, "toy.may");
	s->text = gw_strdup(s->self, gw_option_string(s->self, gw_options(s->self), "word"));
	s->timer = gw_timer_new(s->self, gw_call(s->self, CALL_TICK, 1));
	gw_timer_set(s->timer, s->self, GW_SECOND);
	s->sink = gw_sink_new(s->self, gw_call(s->self, CALL_WRITTEN, 7));
}

#ifdef UNDEFINED
int nobody_has_this(void);
#endif

static int toy_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct toy_state *s = state;

	s->self = self;
#ifdef HALF
	gw_free(self, gw_alloc(self, 1000));
	return gw_fail(err, -EIO, "toy breaks off half-way");
#endif
#ifdef GREEDY
	gw_interface(self, "elsewhere");
#endif
#ifdef UNDEFINED
	s->count += (uint64_t)nobody_has_this();
#endif
#ifdef STALE
	s->literal = "this text is in the image";
#endif
	(void)err;
	if (why == GW_LOAD_FIRST)
		toy_equip(s);
	return 0;
}

static void toy_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct toy_state *s = state;

	if (why == GW_UNLOAD_RELOAD)
		return;
#ifdef LEAK
	gw_alloc(self, 100);
#endif
	gw_timer_free(&s->timer, self);
	gw_free(self, s->text);
}

static int toy_migrate(struct gw_self *self, const void *old, uint32_t old_version, void *state,
                       struct gw_error *err)
{
	struct toy_state *to = state;

#ifdef REFUSING
	return gw_fail(err, -EINVAL, "toy does not know state version %u", old_version);
#endif
	if (old_version != 1 && old_version != STATE_VERSION)
		return gw_fail(err, -EINVAL, "toy knows version 1 only");
	memcpy(to, old, offsetof(struct toy_state, literal));
	to->self = self;
	to->count += 100;
	return 0;
}

static int toy_check(struct gw_self *self, const struct gw_options *candidate, struct gw_error *err)
{
	if (strcmp(gw_option_string(self, candidate, "word"), "forbidden") == 0)
		return gw_fail(err, -EINVAL, "toy will not say 'forbidden'");
	return 0;
}

static const struct gw_option options[] = {
	{"word", GW_OPT_STRING, "hello", 1, 20, false, "What it says."},
	{"number", GW_OPT_INT, "10", 1, 100, false, "How often."},
	{"pause", GW_OPT_DURATION, "1s", GW_MS, 3600 * GW_SECOND, false, "How long between."},
	{"room", GW_OPT_SIZE, "4k", 0, 0, false, "How much."},
	{"loud", GW_OPT_BOOL, "no", 0, 0, false, "Whether it shouts."},
	{"friends", GW_OPT_LIST, "[ann, bob]", 0, 3, false, "Whom it greets."},
	{"door", GW_OPT_ADDRESS, "127.0.0.1:1", 0, 0, false, "Where it stands."},
	{"book", GW_OPT_PATH, NULL, 0, 0, false, "What it reads."},
	{"key", GW_OPT_SECRET, NULL, 0, 0, false, "What nobody is to see."},
#ifdef DOUBLED
	{"word", GW_OPT_STRING, "hello", 1, 20, false, "What it says."},
#endif
	{NULL, GW_OPT_BOOL, NULL, 0, 0, false, NULL},
};

static const struct gw_call_row calls[] = {
	[CALL_TICK] = {TICK_ROW, (gw_fn *)toy_tick},
	[CALL_CHANGED] = {"changed", (gw_fn *)toy_changed},
	[CALL_AGAIN] = {"again", (gw_fn *)toy_again},
	[CALL_RUN] = {"run", (gw_fn *)toy_run},
	[CALL_DONE] = {"done", (gw_fn *)toy_done},
	[CALL_ANSWERED] = {"answered", (gw_fn *)toy_answered},
	[CALL_WAIT] = {"wait", (gw_fn *)toy_wait},
	[CALL_ANSWER] = {"answer", (gw_fn *)toy_answer},
	[CALL_ACCEPT] = {"accept", (gw_fn *)toy_accept},
	[CALL_WRITTEN] = {"written", (gw_fn *)toy_wrote},
	{NULL, NULL},
};

static const struct gw_interface_row interfaces[] = {{"toy", MAJOR, 0, &ops}, {NULL, 0, 0, NULL}};

static const struct gw_topic_row topics[] = {
	{"toy.said", GW_NOTIFICATION}, {"toy.may", GW_QUESTION}, {NULL, GW_NOTIFICATION}};

static const struct gw_point points[] = {{"toy.row", sizeof(struct toy_row), CALL_CHANGED},
                                         {NULL, 0, 0}};

static const struct toy_row own_rows[] = {{"own", BUILD}};
static const struct gw_admin_command commands[] = {
	{ADMIN_NAME, "", "Reloads itself.", "module", 0, 0, CALL_AGAIN, false, 0},
	{"toy wait", "", "Waits for toy answer.", "", 0, 0, CALL_WAIT, false, 0},
	{"toy answer", "", "Answers toy wait.", "", 0, 0, CALL_ANSWER, false, 0},
};
static const struct gw_protocol protocols[] = {{"client", CALL_ACCEPT, GW_TLS_CLIENTS},
                                               {"other", CALL_ACCEPT, GW_TLS_CLIENTS}};
static const struct gw_rows rows[] = {
	GW_ROWS("toy.row", own_rows),
	GW_ROWS(GW_POINT_ADMIN, commands),
	GW_ROWS(GW_POINT_PROTOCOL, protocols),
	{NULL, NULL, 0, 0},
};

GW_MODULE(toy) = {
	.abi = TOY_ABI,
	.name = "toy",
	.version = "1.0",
	.summary = "a module to be loaded and reloaded",
	.requires = REQUIRES,
	.interfaces = INTERFACES,
	.options = options,
	.calls = calls,
	.topics = topics,
	.points = points,
	.rows = rows,
	.state_size = sizeof(struct toy_state),
	.state_version = STATE_VERSION,
	.load = toy_load,
	.unload = toy_unload,
	.migrate = toy_migrate,
	.check = toy_check,
};
