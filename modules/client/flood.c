/*
 * modules/client/flood.c - how fast a client's lines are executed.
 *
 * Each line costs its share of a second. What is owed falls with time; past the burst the input
 * stops until it has fallen below it again, and the client's own queue, then the socket, then the
 * client itself fill up. Nothing is lost, and nobody else waits.
 */
#include "client.h"

int64_t flood_resume_ns(const struct client_state *st, const struct client *c)
{
	return c->owed_ns - st->settings.burst_ns;
}

void flood_charge(struct client_state *st, struct client *c, unsigned cost)
{
	int64_t now;

	if (c->pub.exempt || st->settings.line_ns == 0 || c->tapped)
		return;
	now = gw_mono_ns(st->self);
	if (c->owed_ns < now)
		c->owed_ns = now;
	c->owed_ns += (int64_t)cost * st->settings.line_ns;
	if (c->throttled || flood_resume_ns(st, c) <= now)
		return;
	c->throttled = true;
	timeouts_plan(st, c);
}

/* True: lines may be executed again. */
bool flood_due(struct client_state *st, struct client *c)
{
	if (st->settings.excess > 0 &&
	    gw_conn_unread(st->self, c->pub.conn) > st->settings.excess) {
		c->end = END_FLOOD;
		client_close(st, c, "Excess Flood");
		return false;
	}
	if (!c->pub.exempt && st->settings.line_ns > 0 &&
	    flood_resume_ns(st, c) > gw_mono_ns(st->self))
		return false;
	c->throttled = false;
	return true;
}
