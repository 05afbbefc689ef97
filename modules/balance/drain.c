/*
 * balance/drain.c - sends everybody away.
 *
 * Every client has an entry: those who can be moved wait in a queue, and are begun as fast as the
 * drain's own bounds and the recipients' room allow. Who refuses or fails goes to the end of the
 * queue, a bounded number of times, each time with another recipient where there is one. Who cannot
 * be moved is looked at again every second. It is all over when nobody waits or is on the way.
 */
#include "balance.h"
#include <errno.h>
#include <utlist.h>

#define TICK_NS (250 * GW_MS)
#define LOOK_NS GW_SECOND
#define AGAIN_NS GW_SECOND        /* before a second try, twice that before a third */
#define RETRY_NS (100 * GW_MS)    /* when redirect has its hands full */
#define NOBODY_NS (5 * GW_SECOND) /* that all recipients may be away for, once it goes on */
#define WARN_NS (10 * GW_SECOND)
#define LINKS_NS (10 * GW_SECOND) /* before the end links are seen to, whoever is left */
#define TRIES_MAX (sizeof(((struct leaver *)0)->tried) / sizeof(uint64_t))

bool drain_on(const struct balance_state *st)
{
	return st->drain.phase != DRAIN_OFF;
}

uint32_t drain_left(const struct balance_state *st)
{
	const struct drain *drain = &st->drain;

	return drain->n_waits + drain->n_moving + drain->n_unable + drain->n_over;
}

/* --- those who are to leave --- */

static struct leaver *leaver_find(struct balance_state *st, uint64_t client)
{
	struct gw_self *self = st->self;
	struct leaver *leaver;

	HASH_FIND(hh, st->drain.leavers, &client, sizeof(client), leaver);
	return leaver;
}

static uint32_t *count_of(struct drain *drain, enum leaver_state state)
{
	static const size_t at[] = {
		[LEAVER_WAITS] = offsetof(struct drain, n_waits),
		[LEAVER_MOVES] = offsetof(struct drain, n_moving),
		[LEAVER_UNABLE] = offsetof(struct drain, n_unable),
		[LEAVER_OVER] = offsetof(struct drain, n_over),
	};

	return (uint32_t *)((char *)drain + at[state]);
}

static void leaver_become(struct balance_state *st, struct leaver *leaver, enum leaver_state state)
{
	struct drain *drain = &st->drain;

	if (leaver->state == LEAVER_WAITS)
		DL_DELETE(drain->waits, leaver);
	--*count_of(drain, leaver->state);
	leaver->state = (uint8_t)state;
	++*count_of(drain, state);
	if (state == LEAVER_WAITS)
		DL_APPEND(drain->waits, leaver);
}

static void leaver_drop(struct balance_state *st, struct leaver *leaver)
{
	struct gw_self *self = st->self;
	struct drain *drain = &st->drain;

	if (leaver->state == LEAVER_WAITS)
		DL_DELETE(drain->waits, leaver);
	--*count_of(drain, leaver->state);
	HASH_DELETE(hh, drain->leavers, leaver);
	gw_free(self, leaver);
}

static void leaver_add(struct balance_state *st, const struct gw_client *client)
{
	struct gw_self *self = st->self;
	struct drain *drain = &st->drain;
	struct leaver *leaver;

	if (client->session == NULL || leaver_find(st, client->id) != NULL)
		return;
	leaver = gw_alloc(self, sizeof(*leaver));
	leaver->client = client->id;
	leaver->state = LEAVER_UNABLE;
	drain->n_unable++;
	HASH_ADD(hh, drain->leavers, client, sizeof(leaver->client), leaver);
	if (st->redirect->ops != NULL && pick_able(st, client))
		leaver_become(st, leaver, LEAVER_WAITS);
}

static const struct gw_client *first_client(struct balance_state *st)
{
	return st->client->ops == NULL ? NULL : CLIENT(st, next, NULL);
}

void drain_forget(struct balance_state *st)
{
	struct gw_self *self = st->self;
	struct leaver *leaver, *next;

	HASH_ITER (hh, st->drain.leavers, leaver, next) {
		HASH_DELETE(hh, st->drain.leavers, leaver);
		gw_free(self, leaver);
	}
	st->drain.waits = NULL;
	st->drain.n_waits = st->drain.n_moving = st->drain.n_unable = st->drain.n_over = 0;
}

void drain_enters(struct balance_state *st, const struct gw_client *client)
{
	if (st->drain.phase == DRAIN_DONE)
		return;
	leaver_add(st, client);
	pump_soon(st);
}

void drain_client_gone(void *state, uint64_t tag, const void *payload)
{
	struct balance_state *st = state;
	const struct gw_client *client = payload;
	struct leaver *leaver = leaver_find(st, client->id);

	(void)tag;
	/* Of one who is on the way the end is still to come. */
	if (leaver == NULL || leaver->state == LEAVER_MOVES)
		return;
	st->drain.gone += leaver->state != LEAVER_OVER;
	leaver_drop(st, leaver);
	pump_soon(st);
}

/* --- moves --- */

static void give_up(struct balance_state *st, struct leaver *leaver)
{
	leaver_become(st, leaver, LEAVER_OVER);
	if (leaver->end == GW_MOVE_REFUSED)
		st->drain.refused++;
	else
		st->drain.failed++;
}

static void has_failed(struct balance_state *st, struct leaver *leaver, uint64_t to,
                       enum gw_move_end end)
{
	leaver->tried[leaver->tries++] = to;
	leaver->end = (uint8_t)end;
	if (leaver->tries == TRIES_MAX) {
		give_up(st, leaver);
		return;
	}
	leaver->not_before_ns = gw_mono_ns(st->self) + leaver->tries * AGAIN_NS;
	leaver_become(st, leaver, LEAVER_WAITS);
}

void drain_move_ended(struct balance_state *st, uint64_t client, uint64_t to, enum gw_move_end end)
{
	struct leaver *leaver = leaver_find(st, client);
	bool here;

	if (leaver == NULL || leaver->state != LEAVER_MOVES)
		return;
	here = st->client->ops != NULL && CLIENT(st, by_id, client) != NULL;
	if (end == GW_MOVE_DONE) {
		st->drain.moved++;
		leaver_drop(st, leaver);
	} else if (end == GW_MOVE_GONE || !here) {
		st->drain.gone++;
		leaver_drop(st, leaver);
	} else {
		has_failed(st, leaver, to, end);
	}
}

/* One that it has not tried yet, if there is one. */
static int recipient_for(struct balance_state *st, struct gw_policy_view *view,
                         const struct leaver *leaver)
{
	struct gw_policy_server *servers = (struct gw_policy_server *)view->servers;
	bool took[TRIES_MAX];
	size_t at[TRIES_MAX], n = 0;
	int to;

	for (size_t t = 0; t < leaver->tries; t++)
		for (size_t i = 0; i < view->n; i++) {
			if (servers[i].run != leaver->tried[t])
				continue;
			at[n] = i;
			took[n++] = servers[i].takes;
			servers[i].takes = false;
		}
	to = view_recipient(st, view);
	while (n-- > 0)
		servers[at[n]].takes = took[n];
	return to >= 0 || leaver->tries == 0 ? to : view_recipient(st, view);
}

/* -EAGAIN: not now. -EHOSTUNREACH: nobody takes it. */
static int start(struct balance_state *st, struct gw_policy_view *view, struct leaver *leaver)
{
	struct gw_client *client = CLIENT(st, by_id, leaver->client);
	struct gw_error why = {0};
	int to, status;

	if (client == NULL || !pick_able(st, client)) {
		leaver_become(st, leaver, LEAVER_UNABLE);
		return -ESRCH;
	}
	to = recipient_for(st, view, leaver);
	if (to < 0)
		return -EHOSTUNREACH;
	status = move_begin(st, client, view->servers[to].run, MOVE_DRAIN, NULL, &why);
	if (status == 0) {
		leaver_become(st, leaver, LEAVER_MOVES);
		view_moves(view, (size_t)to);
	} else if (status == -EBUSY) {
		leaver->not_before_ns = gw_mono_ns(st->self) + AGAIN_NS;
		leaver_become(st, leaver, LEAVER_WAITS);
	} else if (status == -EOPNOTSUPP) {
		leaver_become(st, leaver, LEAVER_UNABLE);
	} else if (status != -EAGAIN) {
		has_failed(st, leaver, view->servers[to].run, GW_MOVE_LOST);
	}
	return status;
}

/* Until when there is nothing to be started; 0: until something happens. */
static int64_t start_some(struct balance_state *st, struct gw_policy_view *view)
{
	struct drain *drain = &st->drain;
	int64_t now = gw_mono_ns(st->self);

	while (drain->waits != NULL && st->n_drains < st->settings.drain_at_once) {
		int status;

		if (!pace_ready(&drain->pace, now, st->settings.drain_rate))
			return drain->pace.next_ns;
		if (drain->waits->not_before_ns > now)
			return drain->waits->not_before_ns;
		status = start(st, view, drain->waits);
		if (status == -EAGAIN)
			return now + RETRY_NS;
		if (status == -EHOSTUNREACH) {
			if (drain->nobody_ns == 0)
				drain->nobody_ns = now | 1;
			return 0;
		}
		if (status == 0) {
			drain->nobody_ns = 0;
			pace_take(&drain->pace, now, st->settings.drain_rate);
		}
	}
	return 0;
}

/* Those who could not be moved: their software may have asked for the capability since. */
static void look_again(struct balance_state *st)
{
	struct gw_self *self = st->self;
	struct leaver *leaver, *next;

	st->drain.looked_ns = gw_mono_ns(self);
	if (st->redirect->ops == NULL || st->client->ops == NULL)
		return;
	HASH_ITER (hh, st->drain.leavers, leaver, next) {
		const struct gw_client *client;

		if (leaver->state != LEAVER_UNABLE)
			continue;
		client = CLIENT(st, by_id, leaver->client);
		if (client != NULL && pick_able(st, client))
			leaver_become(st, leaver, LEAVER_WAITS);
	}
}

/* Where somebody was taken somebody may be again: a link that broke comes back. */
static bool nobody_takes(const struct balance_state *st)
{
	const struct drain *drain = &st->drain;
	int64_t patience = drain->moved > 0 ? NOBODY_NS : 0;

	return drain->nobody_ns != 0 && drain->n_moving == 0 && drain->n_waits > 0 &&
	       gw_mono_ns(st->self) - drain->nobody_ns >= patience;
}

/* The last thing before a stop; or sooner, while those who cannot be moved are waited for, and
 * shortly before the time is over. */
static bool links_due(struct balance_state *st, bool exits)
{
	const struct drain *drain = &st->drain;
	bool late = drain->until_ns != 0 && drain->until_ns - gw_mono_ns(st->self) <= LINKS_NS;

	return drain->then_exit && (exits || late || drain->phase == DRAIN_WAITS);
}

/* Whether it is over, and how. */
static void drain_settle(struct balance_state *st)
{
	struct drain *drain = &st->drain;
	bool idle = drain->n_waits == 0 && drain->n_moving == 0, over, exits, left;
	enum drain_end end = DRAIN_ENDS_DONE;

	if (drain->phase == DRAIN_DONE)
		return;
	if (drain->until_ns != 0 && gw_mono_ns(st->self) >= drain->until_ns) {
		drain_ends(st, DRAIN_ENDS_LATE, NULL);
		return;
	}
	if (nobody_takes(st)) {
		end = st->redirect->ops == NULL ? DRAIN_ENDS_UNLOADED : DRAIN_ENDS_NOBODY;
		over = true;
	} else {
		drain->phase = idle ? DRAIN_WAITS : DRAIN_MOVING;
		over = idle && (!drain->then_exit || drain->polite || drain_left(st) == 0);
		if (idle && !over)
			drain_tell(st);
	}
	exits = over && drain_exits(drain, end);
	left = !links_due(st, exits) || drain_links_left(st);
	if (over && (left || !exits))
		drain_ends(st, end, NULL);
}

void drain_pump(struct balance_state *st)
{
	struct gw_policy_view view;
	int64_t when = 0;

	if (st->drain.phase == DRAIN_DONE)
		return;
	if (st->drain.waits != NULL && st->redirect->ops != NULL && st->client->ops != NULL) {
		view_make(st, &view, 0);
		when = start_some(st, &view);
		view_free(st, &view);
	} else if (st->redirect->ops == NULL && st->drain.nobody_ns == 0) {
		st->drain.nobody_ns = gw_mono_ns(st->self) | 1;
	}
	if (when != 0) {
		int64_t wait = when - gw_mono_ns(st->self);

		gw_timer_set(st->pump_timer, st->self, wait > GW_MS ? wait : GW_MS);
	}
	drain_settle(st);
}

/* --- its life --- */

static void measure_rate(struct drain *drain, int64_t now)
{
	int64_t ms = (now - drain->rate_ns) / GW_MS;

	if (ms < 1000)
		return;
	drain->rate = (uint32_t)((int64_t)(drain->moved - drain->rate_moved) * 1000 / ms);
	drain->rate_moved = drain->moved;
	drain->rate_ns = now;
}

void drain_tick(void *state, uint64_t tag)
{
	struct balance_state *st = state;
	struct drain *drain = &st->drain;
	int64_t now = gw_mono_ns(st->self);

	(void)tag;
	if (drain->phase == DRAIN_OFF || drain->phase == DRAIN_DONE)
		return;
	gw_timer_set(drain->tick, st->self, TICK_NS);
	measure_rate(drain, now);
	if (now - drain->looked_ns >= LOOK_NS)
		look_again(st);
	drain_progress(st);
	if (drain->until_ns != 0 && drain->then_exit && !drain->warned &&
	    drain->until_ns - now <= WARN_NS) {
		drain->warned = true;
		drain_warn(st);
	}
	drain_pump(st);
}

static bool somebody_takes(struct balance_state *st)
{
	struct gw_policy_view view;
	bool takes = false;

	if (st->redirect->ops == NULL || st->client->ops == NULL)
		return false;
	view_make(st, &view, 0);
	for (size_t i = 0; i < view.n; i++)
		takes |= view.servers[i].takes && !view.servers[i].here;
	view_free(st, &view);
	return takes;
}

static void start_clock(struct balance_state *st, const struct drain_order *order)
{
	struct drain *drain = &st->drain;

	drain->then_exit |= order->then_exit;
	drain->polite |= order->polite;
	if (order->within_ns > 0)
		drain->until_ns = gw_mono_ns(st->self) + order->within_ns;
	drain->warned = order->within_ns <= WARN_NS + 2 * GW_SECOND;
	snprintf(drain->who, sizeof(drain->who), "%s", order->who);
	snprintf(drain->reason, sizeof(drain->reason), "%s", order->reason);
}

int drain_begin(struct balance_state *st, const struct drain_order *order, struct gw_error *why)
{
	struct drain *drain = &st->drain;
	struct gw_timer *tick = drain->tick;
	const struct gw_client *client;
	int64_t now = gw_mono_ns(st->self);

	if (!somebody_takes(st) && NETWORK(st, here)->n_users > 0 &&
	    !(order->polite && drain_links_needed(st)))
		return gw_fail(why, -EHOSTUNREACH, "%s",
		               st->redirect->ops == NULL ? "the module redirect is not loaded"
		                                         : "no other server takes clients");
	*drain = (struct drain){.phase = DRAIN_MOVING,
	                        .tick = tick,
	                        .since_ns = now,
	                        .rate_ns = now,
	                        .looked_ns = now};
	start_clock(st, order);
	plan_forget(st);
	for (client = first_client(st); client != NULL; client = CLIENT(st, next, client))
		leaver_add(st, client);
	gw_log(st->self, GW_INFO, "drain clients=%u able=%u then-exit=%s who=\"%s\"",
	       drain_left(st), drain->n_waits, order->then_exit ? "yes" : "no", order->who);
	if (drain->then_exit)
		drain_tell(st);
	if (drain->tick == NULL)
		drain->tick = gw_timer_new(st->self, gw_call(st->self, CALL_DRAIN_TICK, 0));
	gw_timer_set(drain->tick, st->self, TICK_NS);
	load_look(st);
	pump_soon(st);
	return 0;
}

void drain_change(struct balance_state *st, const struct drain_order *order)
{
	if (!order->then_exit && order->within_ns == 0)
		return;
	start_clock(st, order);
	if (st->drain.then_exit)
		drain_tell(st);
	pump_soon(st);
}

void drain_cancel_moves(struct balance_state *st)
{
	struct leaver *leaver, *next;

	if (st->redirect->ops == NULL || st->client->ops == NULL)
		return;
	HASH_ITER (hh, st->drain.leavers, leaver, next) {
		const struct gw_client *client =
			leaver->state != LEAVER_MOVES ? NULL : CLIENT(st, by_id, leaver->client);

		if (client != NULL && client->session != NULL)
			REDIRECT(st, cancel, client->session->id, "The server stays");
	}
}
