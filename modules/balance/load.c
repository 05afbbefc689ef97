/*
 * balance/load.c - this server's load report: how many clients and how many more, how late its
 * loop, how many bytes.
 *
 * Measured now and then, and told when it has changed. What others must know at once (that nobody
 * is taken any more, or somebody again) is told at once, at most once a second.
 */
#include "balance.h"

#define LAG_EVERY_NS GW_SECOND
#define SOON_NS GW_SECOND
#define STALE_NS (30 * GW_SECOND) /* said again, even if nothing has changed */

/* How late a timer fires is how long the turns before it took. */
void load_lag(void *state, uint64_t tag)
{
	struct balance_state *st = state;
	int64_t late = gw_mono_ns(st->self) - st->lag_due_ns;

	(void)tag;
	if (late > st->lag_ns)
		st->lag_ns = late;
	st->lag_due_ns = gw_mono_ns(st->self) + LAG_EVERY_NS;
	gw_timer_set(st->lag_timer, st->self, LAG_EVERY_NS);
}

static uint64_t conn_bytes(struct balance_state *st, struct gw_conn *conn)
{
	return gw_conn_bytes(st->self, conn, true) + gw_conn_bytes(st->self, conn, false);
}

/* What they have carried still counts. */
void load_client_gone(void *state, uint64_t tag, const void *payload)
{
	struct balance_state *st = state;
	const struct gw_client *client = payload;

	(void)tag;
	st->bytes_gone += conn_bytes(st, client->conn);
	load_look(st);
	drain_client_gone(state, tag, payload);
}

void load_link_down(void *state, uint64_t tag, const void *payload)
{
	struct balance_state *st = state;
	const struct gw_link_end *end = payload;

	(void)tag;
	st->bytes_gone += end->link->bytes;
}

static uint64_t bytes_so_far(struct balance_state *st)
{
	uint64_t bytes = st->bytes_gone;
	const struct gw_client *client;
	const struct gw_link *link;

	if (st->link->ops != NULL)
		for (link = LINK(st, next, NULL); link != NULL; link = LINK(st, next, link))
			bytes += link->bytes;
	if (st->client->ops == NULL)
		return bytes;
	for (client = CLIENT(st, next, NULL); client != NULL; client = CLIENT(st, next, client))
		bytes += conn_bytes(st, client->conn);
	return bytes;
}

bool takes_nobody(const struct balance_state *st)
{
	return st->stopping || drain_on(st) || st->client->ops == NULL || st->redirect->ops == NULL;
}

uint32_t own_room(struct balance_state *st)
{
	return takes_nobody(st) ? 0 : CLIENT(st, room);
}

/* By a part of it, and by more than a trifle. */
static bool differs(uint64_t a, uint64_t b, uint64_t part, uint64_t trifle)
{
	uint64_t more = a > b ? a : b, less = a > b ? b : a;

	return more - less > trifle && more - less > more / part;
}

/* The others count the clients themselves: what they need is how many more there may be. */
static bool noticeable(const struct gw_load_report *a, const struct gw_load_report *b)
{
	return differs(a->clients, b->clients, 10, 0) || a->weight != b->weight ||
	       differs(a->room + a->clients, b->room + b->clients, 100, 0) ||
	       differs(a->lag_us, b->lag_us, 10, 5000) || differs(a->bytes, b->bytes, 10, 10240);
}

/* Another number for other servers in sight: who has come has heard no report yet. */
static uint64_t audience(struct balance_state *st)
{
	const struct gw_node *node;
	uint64_t sum = 0;

	for (node = NETWORK(st, nodes); node != NULL; node = node->next)
		sum ^= node->run;
	return sum;
}

/* What can be had at any moment; lag and bytes are those of the last measure. */
static void now_is(struct balance_state *st, struct gw_load_report *out)
{
	*out = st->told;
	out->clients = NETWORK(st, here)->n_users;
	out->weight = st->settings.weight;
	out->room = own_room(st);
	out->draining = drain_on(st);
}

static void measure(struct balance_state *st, struct gw_load_report *out)
{
	int64_t now = gw_mono_ns(st->self), ms = (now - st->bytes_ns) / GW_MS;
	uint64_t bytes = bytes_so_far(st);

	now_is(st, out);
	out->lag_us = (uint32_t)(st->lag_ns / 1000);
	if (ms > 0 && bytes >= st->bytes_then)
		out->bytes = (bytes - st->bytes_then) * 1000 / (uint64_t)ms;
	st->bytes_then = bytes;
	st->bytes_ns = now;
	st->lag_ns = 0;
}

static void tell(struct balance_state *st, const struct gw_load_report *report)
{
	uint64_t to = audience(st);

	st->told = *report;
	st->told_ns = gw_mono_ns(st->self);
	NETWORK(st, report_load, report);
	if (to != st->told_to)
		where_tell(st);
	st->told_to = to;
}

void load_tick(void *state, uint64_t tag)
{
	struct balance_state *st = state;
	struct gw_load_report report = {.clients = 0};
	int64_t now = gw_mono_ns(st->self);

	(void)tag;
	gw_timer_set(st->load_timer, st->self, st->settings.load_ns);
	measure(st, &report);
	if (audience(st) != st->told_to || now - st->told_ns >= STALE_NS ||
	    noticeable(&report, &st->told))
		tell(st, &report);
}

static bool urgent(struct balance_state *st, const struct gw_load_report *report)
{
	return report->draining != st->told.draining ||
	       (report->room == 0) != (st->told.room == 0) || report->weight != st->told.weight ||
	       audience(st) != st->told_to;
}

/* That a drain begins or ends is told at once, all else at most once a second. */
static int64_t too_early_by(struct balance_state *st, const struct gw_load_report *report)
{
	if (report->draining != st->told.draining)
		return 0;
	return st->told_ns + SOON_NS - gw_mono_ns(st->self);
}

void load_soon(void *state, uint64_t tag)
{
	struct balance_state *st = state;
	struct gw_load_report report;
	int64_t wait;

	(void)tag;
	st->soon = false;
	now_is(st, &report);
	if (!urgent(st, &report))
		return;
	wait = too_early_by(st, &report);
	if (wait <= 0) {
		tell(st, &report);
		return;
	}
	st->soon = true;
	gw_timer_set(st->soon_timer, st->self, wait);
}

/* In a turn of its own: callers are in the middle of a change. */
void load_look(struct balance_state *st)
{
	if (!st->soon || drain_on(st) != st->told.draining)
		gw_defer(st->self, gw_call(st->self, CALL_LOAD_SOON, 0));
	st->soon = true;
}

void load_start(struct balance_state *st)
{
	struct gw_self *self = st->self;

	st->load_timer = gw_timer_new(self, gw_call(self, CALL_LOAD_TICK, 0));
	st->lag_timer = gw_timer_new(self, gw_call(self, CALL_LOAD_LAG, 0));
	st->soon_timer = gw_timer_new(self, gw_call(self, CALL_LOAD_SOON, 0));
	st->bytes_ns = gw_mono_ns(self);
	st->lag_due_ns = st->bytes_ns + LAG_EVERY_NS;
	gw_timer_set(st->load_timer, self, SOON_NS);
	gw_timer_set(st->lag_timer, self, LAG_EVERY_NS);
}

/* Who has nobody to speak for it has said nothing. */
void load_free(struct balance_state *st)
{
	struct gw_load_report nothing = {.clients = 0};

	if (st->network->ops != NULL && st->told.weight > 0)
		NETWORK(st, report_load, &nothing);
	gw_timer_free(&st->load_timer, st->self);
	gw_timer_free(&st->lag_timer, st->self);
	gw_timer_free(&st->soon_timer, st->self);
}
