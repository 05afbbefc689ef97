/*
 * balance/plan.c - asks the policy every few seconds, and carries out what it says, at most so many
 * moves a second and at one time. What it says now takes the place of what it said before.
 *
 * Moves are begun from turns of their own (the pump), never inside of a notification.
 */
#include "balance.h"
#include <errno.h>
#include <utlist.h>

#define RETRY_NS (100 * GW_MS) /* when redirect has its hands full */

/** A client who has just come, and will rather be elsewhere. */
struct newcomer {
	uint64_t client, to; /* to: a run */
	struct newcomer *prev, *next;
};

void pump_soon(struct balance_state *st)
{
	if (st->pumping)
		return;
	st->pumping = true;
	gw_defer(st->self, gw_call(st->self, CALL_PUMP_DEFERRED, 0));
}

void plan_forget(struct balance_state *st)
{
	if (st->queue != NULL)
		gw_free(st->self, st->queue);
	st->queue = NULL;
	st->n_queue = st->next_queue = st->n_planned = st->next_planned = 0;
}

static void drop_newcomer(struct balance_state *st, struct newcomer *newcomer)
{
	DL_DELETE(st->newcomers, newcomer);
	gw_free(st->self, newcomer);
}

/* --- the plan --- */

static uint32_t keep_orders(struct balance_state *st, const struct gw_policy_view *view,
                            const struct gw_policy_order *orders, size_t n)
{
	uint32_t wanted = 0;

	for (size_t i = 0; i < n && i < ORDERS_MAX; i++) {
		const struct gw_policy_server *to;
		uint32_t count = orders[i].count;

		if (orders[i].to >= view->n)
			continue;
		to = &view->servers[orders[i].to];
		if (to->here || !to->takes)
			continue;
		count = count > to->room ? to->room : count;
		st->planned[st->n_planned++] = (struct planned){.to = to->run, .count = count};
		wanted += count;
	}
	return wanted;
}

/* Some more than are wanted: some will have gone, or be busy. */
static void keep_queue(struct balance_state *st, struct candidate *all, size_t n, uint32_t wanted)
{
	size_t most = (size_t)wanted + wanted / 2 + 16;

	pick_sort(all, n);
	st->n_queue = n < most ? n : most;
	st->queue = gw_alloc(st->self, (st->n_queue + 1) * sizeof(*st->queue));
	for (size_t i = 0; i < st->n_queue; i++)
		st->queue[i] = all[i].client;
}

static void plan(struct balance_state *st)
{
	struct gw_policy_order orders[ORDERS_MAX];
	struct gw_policy_view view;
	struct candidate *all;
	size_t n = pick_all(st, &all), n_orders;
	uint32_t wanted;

	view_make(st, &view, n > UINT32_MAX ? UINT32_MAX : (uint32_t)n);
	n_orders = POLICY(st, plan, &view, orders, ORDERS_MAX);
	wanted = keep_orders(st, &view, orders, n_orders);
	if (wanted > 0) {
		keep_queue(st, all, n, wanted);
		gw_log(st->self, GW_DEBUG, "plan moves=%u servers=%zu", wanted, st->n_planned);
	}
	view_free(st, &view);
	if (all != NULL)
		gw_free(st->self, all);
}

static bool may_plan(const struct balance_state *st)
{
	return !st->stopping && !drain_on(st) && st->policy->ops != NULL &&
	       st->redirect->ops != NULL && st->client->ops != NULL;
}

void plan_tick(void *state, uint64_t tag)
{
	struct balance_state *st = state;

	(void)tag;
	gw_timer_set(st->plan_timer, st->self, st->settings.plan_ns);
	plan_forget(st);
	if (!may_plan(st))
		return;
	plan(st);
	pump_soon(st);
}

/* --- the pump --- */

/* In turn, so that all of them fill. */
static struct planned *next_order(struct balance_state *st)
{
	for (size_t i = 0; i < st->n_planned; i++) {
		struct planned *order = &st->planned[(st->next_planned + i) % st->n_planned];

		if (order->count == 0)
			continue;
		st->next_planned = (st->next_planned + i + 1) % st->n_planned;
		return order;
	}
	return NULL;
}

/* -EAGAIN: not now. */
static int start_planned(struct balance_state *st)
{
	struct planned *order = next_order(st);
	struct gw_client *client;
	struct gw_error why = {0};
	int status;

	if (order == NULL || st->next_queue == st->n_queue) {
		plan_forget(st);
		return -ENOENT;
	}
	client = CLIENT(st, by_id, st->queue[st->next_queue]);
	if (client == NULL || !pick_able(st, client)) {
		st->next_queue++;
		return -ESRCH;
	}
	status = move_begin(st, client, order->to, MOVE_PLANNED, NULL, &why);
	if (status == -EAGAIN)
		return status;
	st->next_queue++;
	if (status == -ENOTCONN)
		order->count = 0;
	order->count -= status == 0;
	return status;
}

static int start_newcomer(struct balance_state *st)
{
	struct newcomer *newcomer = st->newcomers;
	struct gw_client *client = CLIENT(st, by_id, newcomer->client);
	struct gw_error why = {0};
	int status = -ESRCH;

	if (client != NULL && pick_able(st, client))
		status = move_begin(st, client, newcomer->to, MOVE_NEWCOMER, NULL, &why);
	if (status != -EAGAIN)
		drop_newcomer(st, newcomer);
	return status;
}

static void pump_at(struct balance_state *st, int64_t when)
{
	int64_t wait = when - gw_mono_ns(st->self);

	gw_timer_set(st->pump_timer, st->self, wait > GW_MS ? wait : GW_MS);
}

static void pump_plan(struct balance_state *st)
{
	int64_t now = gw_mono_ns(st->self);
	uint32_t rate = st->settings.rate;
	int status;

	while ((st->newcomers != NULL || st->n_planned > 0) && st->n_moves < st->settings.at_once) {
		if (!pace_ready(&st->pace, now, rate)) {
			pump_at(st, st->pace.next_ns);
			return;
		}
		status = st->newcomers != NULL ? start_newcomer(st) : start_planned(st);
		if (status == 0)
			pace_take(&st->pace, now, rate);
		if (status == -EAGAIN) {
			pump_at(st, now + RETRY_NS);
			return;
		}
	}
}

static void forget_newcomers(struct balance_state *st)
{
	while (st->newcomers != NULL)
		drop_newcomer(st, st->newcomers);
}

void pump(void *state, uint64_t tag)
{
	struct balance_state *st = state;

	(void)tag;
	if (drain_on(st)) {
		drain_pump(st);
		return;
	}
	if (may_plan(st)) {
		pump_plan(st);
		return;
	}
	plan_forget(st);
	forget_newcomers(st);
}

void pump_deferred(void *state, uint64_t tag)
{
	struct balance_state *st = state;

	st->pumping = false;
	pump(state, tag);
}

/* --- newcomers --- */

void plan_welcomed(void *state, uint64_t tag, const void *payload)
{
	struct balance_state *st = state;
	const struct gw_client *client = payload;
	struct newcomer *newcomer;
	struct gw_policy_view view;
	int to = -1;

	(void)tag;
	if (drain_on(st)) {
		drain_enters(st, client);
		return;
	}
	if (!st->settings.newcomers || !may_plan(st) || !pick_able(st, client))
		return;
	view_make(st, &view, 0);
	to = POLICY(st, newcomer, &view);
	if (to >= 0 && (size_t)to < view.n && !view.servers[to].here && view.servers[to].takes) {
		newcomer = gw_alloc(st->self, sizeof(*newcomer));
		newcomer->client = client->id;
		newcomer->to = view.servers[to].run;
		DL_APPEND(st->newcomers, newcomer);
		pump_soon(st);
	}
	view_free(st, &view);
}

void plan_start(struct balance_state *st)
{
	struct gw_self *self = st->self;

	st->plan_timer = gw_timer_new(self, gw_call(self, CALL_PLAN_TICK, 0));
	st->pump_timer = gw_timer_new(self, gw_call(self, CALL_PUMP, 0));
	gw_timer_set(st->plan_timer, self, st->settings.plan_ns);
}

void plan_free(struct balance_state *st)
{
	plan_forget(st);
	forget_newcomers(st);
	gw_timer_free(&st->plan_timer, st->self);
	gw_timer_free(&st->pump_timer, st->self);
}
