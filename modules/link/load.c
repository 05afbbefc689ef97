/*
 * link/load.c - this server's load report: how many clients, how late its loop, how many bytes.
 */
#include "net.h"
#include <stdlib.h>

#define LAG_EVERY_NS GW_SECOND
#define STALE_NS (60 * GW_SECOND) /* said again, even if nothing has changed */

/* How late a timer fires is how long the turns before it took. */
void load_lag(void *state, uint64_t tag)
{
	struct link_state *st = state;
	int64_t late = gw_mono_ns(st->self) - st->lag_due_ns;

	(void)tag;
	if (late > st->lag_ns)
		st->lag_ns = late;
	st->lag_due_ns = gw_mono_ns(st->self) + LAG_EVERY_NS;
	gw_timer_set(st->lag_timer, st->self, LAG_EVERY_NS);
}

static uint64_t conn_bytes(struct link_state *st, struct gw_conn *conn)
{
	return gw_conn_bytes(st->self, conn, true) + gw_conn_bytes(st->self, conn, false);
}

/* What it has carried still counts. */
void load_client_gone(void *state, uint64_t tag, const void *payload)
{
	struct link_state *st = state;
	const struct gw_client *client = payload;

	(void)tag;
	st->bytes_gone += conn_bytes(st, client->conn);
	flow_client_gone(st, client->id);
}

static uint64_t bytes_so_far(struct link_state *st, uint32_t *clients_out)
{
	const struct gw_client *client;
	uint64_t bytes = st->bytes_gone;
	struct link *link;

	*clients_out = 0;
	for (link = st->links; link != NULL; link = link->hh.next)
		bytes += link->sent + link->consumed;
	if (st->client->ops == NULL)
		return bytes;
	for (client = CLIENT(st, next, NULL); client != NULL; client = CLIENT(st, next, client)) {
		bytes += conn_bytes(st, client->conn);
		*clients_out += client->session != NULL;
	}
	return bytes;
}

/* By a tenth, and by more than a trifle. */
static bool differs(uint64_t a, uint64_t b, uint64_t trifle)
{
	uint64_t more = a > b ? a : b, less = a > b ? b : a;

	return more - less > trifle && more - less > more / 10;
}

static bool noticeable(const struct gw_load_report *a, const struct gw_load_report *b)
{
	return differs(a->clients, b->clients, 0) || a->weight != b->weight ||
	       differs(a->lag_us, b->lag_us, 5000) || differs(a->bytes, b->bytes, 10240);
}

/* Another number for other servers in sight: who has come has heard no report yet. */
static uint64_t audience(struct link_state *st)
{
	const struct gw_node *node;
	uint64_t sum = 0;

	for (node = NETWORK(st, nodes); node != NULL; node = node->next)
		sum ^= node->run;
	return sum;
}

static void measure(struct link_state *st, struct gw_load_report *out)
{
	int64_t now = gw_mono_ns(st->self), ms = (now - st->bytes_ns) / GW_MS;
	uint64_t bytes = bytes_so_far(st, &out->clients);

	out->weight = st->settings.weight;
	out->lag_us = (uint32_t)(st->lag_ns / 1000);
	if (ms > 0 && bytes >= st->bytes_then)
		out->bytes = (bytes - st->bytes_then) * 1000 / (uint64_t)ms;
	st->bytes_then = bytes;
	st->bytes_ns = now;
	st->lag_ns = 0;
}

void load_tick(void *state, uint64_t tag)
{
	struct link_state *st = state;
	struct gw_load_report report = {.clients = 0};
	uint64_t to = audience(st);
	int64_t now = gw_mono_ns(st->self);

	(void)tag;
	gw_timer_set(st->load_timer, st->self, st->settings.load_ns);
	measure(st, &report);
	if (to == st->told_to && now - st->told_ns < STALE_NS && !noticeable(&report, &st->told))
		return;
	st->told = report;
	st->told_to = to;
	st->told_ns = now;
	NETWORK(st, report_load, &report);
}

void load_start(struct link_state *st)
{
	struct gw_self *self = st->self;

	st->load_timer = gw_timer_new(self, gw_call(self, CALL_LOAD_TICK, 0));
	st->lag_timer = gw_timer_new(self, gw_call(self, CALL_LOAD_LAG, 0));
	st->bytes_ns = gw_mono_ns(self);
	st->lag_due_ns = st->bytes_ns + LAG_EVERY_NS;
	gw_timer_set(st->load_timer, self, st->settings.load_ns);
	gw_timer_set(st->lag_timer, self, LAG_EVERY_NS);
}

void load_free(struct link_state *st)
{
	gw_timer_free(&st->load_timer, st->self);
	gw_timer_free(&st->lag_timer, st->self);
}
