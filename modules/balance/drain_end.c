/*
 * balance/drain_end.c - what people hear of a drain: how far it is, how it ended, and those who
 * cannot be moved when the server goes down and where to go.
 */
#include "balance.h"
#include <errno.h>
#include <utlist.h>

/** A command that waits for the end. */
struct watcher {
	struct gw_admin_request *req;
	struct watcher *prev, *next;
};

void drain_watch(struct balance_state *st, struct gw_admin_request *req)
{
	struct watcher *watcher = gw_alloc(st->self, sizeof(*watcher));

	watcher->req = req;
	DL_APPEND(st->drain.watchers, watcher);
}

/* --- to those who wait for the command --- */

static void time_to_go(const struct drain *drain, int64_t now, char *out, size_t max)
{
	uint32_t able = drain->n_waits + drain->n_moving;
	long long s =
		drain->until_ns == 0 ? 0 : (drain->until_ns - now + GW_SECOND - 1) / GW_SECOND;

	if (drain->links == LINKS_LEAVE && able == 0)
		snprintf(out, max, ", %s",
		         drain->said[0] != '\0'
		                 ? drain->said
		                 : "the servers on its links are linked with each other");
	else if (able > 0 && drain->rate > 0)
		snprintf(out, max, ", %u a second, %u s to go", drain->rate,
		         (able + drain->rate - 1) / drain->rate);
	else if (able == 0 && drain->then_exit && s > 0)
		snprintf(out, max, ", none of them can be moved, stops in %lld s", s);
	else
		snprintf(out, max, "%s", "");
}

void drain_progress(struct balance_state *st)
{
	const struct drain *drain = &st->drain;
	char line[400], rest[220];
	struct watcher *watcher;

	if (drain->watchers == NULL)
		return;
	time_to_go(drain, gw_mono_ns(st->self), rest, sizeof(rest));
	snprintf(line, sizeof(line), "moved %u, refused %u, could not be moved %u, left %u%s",
	         drain->moved, drain->refused, drain->failed, drain_left(st), rest);
	DL_FOREACH (drain->watchers, watcher)
		gw_admin_progress(st->self, watcher->req, line);
}

static void add_row(struct balance_state *st, struct gw_admin_request *req, const char *what,
                    uint32_t n)
{
	char number[12];

	snprintf(number, sizeof(number), "%u", n);
	gw_admin_row(st->self, req, (const char *const[]){what, number}, 2);
}

static void summary(struct balance_state *st, struct gw_admin_request *req)
{
	static const char *const head[] = {"outcome", "clients"};
	const struct drain *drain = &st->drain;
	int64_t ms = (gw_mono_ns(st->self) - drain->since_ns) / GW_MS;
	char line[120];

	gw_admin_head(st->self, req, head, 2);
	add_row(st, req, "moved", drain->moved);
	add_row(st, req, "refused", drain->refused);
	add_row(st, req, "failed", drain->failed);
	add_row(st, req, "not-able", drain->n_unable);
	add_row(st, req, "not-moved", drain->n_waits + drain->n_moving);
	add_row(st, req, "gone", drain->gone);
	snprintf(line, sizeof(line), "%lld.%01lld s, %lld moves a second", (long long)(ms / 1000),
	         (long long)(ms % 1000 / 100), (long long)drain->moved * 1000 / (ms > 0 ? ms : 1));
	gw_admin_text(st->self, req, line);
}

/** What each end is to those who gave the command. */
static const struct {
	int status;
	const char *text;
} ends[] = {
	[DRAIN_ENDS_DONE] = {0, ""},
	[DRAIN_ENDS_LATE] = {-ETIMEDOUT, "the time is over"},
	[DRAIN_ENDS_NOBODY] = {-EHOSTUNREACH, "no other server takes clients any more; this one "
                                              "keeps those that are left"},
	[DRAIN_ENDS_UNLOADED] = {-EHOSTUNREACH, "the module redirect was unloaded; this server "
                                                "keeps those that are left"},
	[DRAIN_ENDS_CANCELLED] = {-ECANCELED, "the drain was cancelled"},
	[DRAIN_ENDS_STOPPED] = {-ECANCELED, "the server stops"},
};

void drain_answer(struct balance_state *st, enum drain_end end)
{
	struct watcher *watcher, *next;
	bool exits = end == DRAIN_ENDS_LATE && st->drain.then_exit;

	DL_FOREACH_SAFE (st->drain.watchers, watcher, next) {
		summary(st, watcher->req);
		if (exits)
			gw_admin_text(st->self, watcher->req, ends[end].text);
		gw_admin_done(st->self, &watcher->req, exits ? 0 : ends[end].status,
		              ends[end].text);
		DL_DELETE(st->drain.watchers, watcher);
		gw_free(st->self, watcher);
	}
}

/* --- to those who stay --- */

/* " Please connect to two.example.net (192.0.2.7:6697, TLS) instead." */
static void elsewhere(struct balance_state *st, const struct gw_policy_view *view, int to, bool tls,
                      char *out, size_t max)
{
	const char *where;

	out[0] = '\0';
	if (to < 0)
		return;
	where = heard_where(st, view->servers[to].run, tls);
	if (where == NULL) {
		tls = true;
		where = heard_where(st, view->servers[to].run, true);
	}
	if (where != NULL)
		snprintf(out, max, " Please connect to %s (%s%s) instead.", view->servers[to].name,
		         where, tls ? ", TLS" : "");
	else
		snprintf(out, max, " Please connect to %s instead.", view->servers[to].name);
}

static void when_text(const struct drain *drain, int64_t now, char *out, size_t max)
{
	long long s = (drain->until_ns - now + GW_SECOND / 2) / GW_SECOND;

	if (drain->until_ns == 0 || s < 1)
		snprintf(out, max, "goes down now");
	else
		snprintf(out, max, "goes down in %s%lld second%s", drain->polite ? "at most " : "",
		         s, s == 1 ? "" : "s");
}

typedef void say_fn(struct balance_state *st, struct gw_client *client, const char *when,
                    const char *where);

static void say_down(struct balance_state *st, struct gw_client *client, const char *when,
                     const char *where)
{
	CLIENT(st, notice, client, "This server %s, and your client cannot be moved.%s", when,
	       where);
}

static void say_up(struct balance_state *st, struct gw_client *client, const char *when,
                   const char *where)
{
	(void)when;
	(void)where;
	CLIENT(st, notice, client, "This server does not go down now.");
}

static bool stays(const struct leaver *leaver)
{
	return leaver->state == LEAVER_UNABLE || leaver->state == LEAVER_OVER;
}

/** Whom of those who stay. */
enum whom { THE_NEW = 1, THE_TOLD = 2, ALL = 3 };

static void say_to(struct balance_state *st, say_fn *say, enum whom whom)
{
	char when[60], where[2][400];
	struct gw_policy_view view;
	struct leaver *leaver;
	int to;

	if (st->client->ops == NULL)
		return;
	view_make(st, &view, 0);
	to = view_recipient(st, &view);
	when_text(&st->drain, gw_mono_ns(st->self), when, sizeof(when));
	elsewhere(st, &view, to, false, where[0], sizeof(where[0]));
	elsewhere(st, &view, to, true, where[1], sizeof(where[1]));
	view_free(st, &view);
	for (leaver = st->drain.leavers; leaver != NULL; leaver = leaver->hh.next) {
		struct gw_client *client;

		if (!stays(leaver) || (whom & (leaver->told ? THE_TOLD : THE_NEW)) == 0)
			continue;
		client = CLIENT(st, by_id, leaver->client);
		if (client == NULL)
			continue;
		leaver->told = true;
		say(st, client, when, where[client->info->tls]);
	}
}

void drain_tell(struct balance_state *st)
{
	say_to(st, say_down, THE_NEW);
}

void drain_warn(struct balance_state *st)
{
	say_to(st, say_down, ALL);
}

/* --- the end --- */

static const char *const end_names[] = {
	[DRAIN_ENDS_DONE] = "done",           [DRAIN_ENDS_LATE] = "late",
	[DRAIN_ENDS_NOBODY] = "nobody",       [DRAIN_ENDS_UNLOADED] = "unloaded",
	[DRAIN_ENDS_CANCELLED] = "cancelled", [DRAIN_ENDS_STOPPED] = "stopped",
};

static void log_end(struct balance_state *st, enum drain_end end, const char *who)
{
	const struct drain *drain = &st->drain;

	gw_log(st->self, GW_INFO,
	       "drain end=%s moved=%u refused=%u failed=%u gone=%u left=%u ms=%lld who=\"%s\"",
	       end_names[end], drain->moved, drain->refused, drain->failed, drain->gone,
	       drain_left(st), (long long)((gw_mono_ns(st->self) - drain->since_ns) / GW_MS),
	       who != NULL ? who : drain->who);
}

static bool is_nobody(enum drain_end end)
{
	return end == DRAIN_ENDS_NOBODY || end == DRAIN_ENDS_UNLOADED;
}

bool drain_exits(const struct drain *drain, enum drain_end end)
{
	return drain->then_exit && (end == DRAIN_ENDS_DONE || end == DRAIN_ENDS_LATE ||
	                            (is_nobody(end) && drain->polite));
}

/* One that was to exit stops when it could do what it should, or was asked politely; else it goes
 * on as if nothing had been. */
void drain_ends(struct balance_state *st, enum drain_end end, const char *who)
{
	struct drain *drain = &st->drain;
	bool nobody = is_nobody(end), exits = drain_exits(drain, end);

	log_end(st, end, who);
	drain_answer(st, end);
	gw_timer_set(drain->tick, st->self, -1);
	if (end == DRAIN_ENDS_CANCELLED)
		drain_cancel_moves(st);
	if (!exits && end != DRAIN_ENDS_STOPPED)
		drain_links_stay(st);
	if (drain->then_exit && !exits && end != DRAIN_ENDS_STOPPED)
		say_to(st, say_up, THE_TOLD);
	drain_forget(st);
	drain->phase = end == DRAIN_ENDS_CANCELLED || (nobody && !exits) ? DRAIN_OFF : DRAIN_DONE;
	load_look(st);
	if (exits)
		gw_stop(st->self, drain->reason);
}
