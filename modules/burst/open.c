/*
 * burst/open.c - when this server's doors open.
 *
 * A member that has been away would serve people yesterday's accounts and half a network: nothing
 * is bound until one neighbour's databases are level with ours. When nobody is in reach it opens
 * after a while all the same, or a network that was switched off as a whole would never come up
 * again. A server alone on its network opens at once; one that joins does not open before it is a
 * member.
 */
#include "burst.h"
#include <godwit/conn.h>

static bool any_level(struct burst_state *st)
{
	struct peer *peer, *next;

	HASH_ITER (hh, st->peers, peer, next)
		if (peer_is_level(peer) && !peer->joiner)
			return true;
	return false;
}

/* NULL: it is time to wait longer. */
static const char *reason_to_open(struct burst_state *st)
{
	enum gw_membership membership = GW_VIA(st->replica, gw_replica_ops, membership);
	size_t uplinks = GW_VIA(st->link, gw_link_ops, n_uplinks);

	if (joining(st) || membership != GW_MEMBER_FULL)
		return NULL;
	if (st->ever_settled)
		return "a neighbour is level";
	if (uplinks == 0 && st->join != JOIN_MEMBER)
		return "no other server is known";
	if (st->waited && st->peers == NULL)
		return "no server was in reach";
	return NULL;
}

void open_look(struct burst_state *st)
{
	const char *why;

	if (!st->ever_settled)
		st->ever_settled = any_level(st);
	if (!st->held)
		return;
	why = reason_to_open(st);
	if (why == NULL)
		return;
	st->held = false;
	gw_timer_set(st->open_timer, st->self, -1);
	gw_log(st->self, st->waited && !st->ever_settled ? GW_WARN : GW_INFO,
	       "opening reason=\"%s\"", why);
	gw_listen_hold(st->self, false);
}

void open_tick(void *state, uint64_t tag)
{
	struct burst_state *st = state;

	(void)tag;
	st->waited = true;
	open_look(st);
}

void open_servers(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	(void)payload;
	open_look(state);
}

int open_load(struct burst_state *st)
{
	st->open_timer = gw_timer_new(st->self, gw_call(st->self, CALL_OPEN_TIMER, 0));
	gw_timer_set(st->open_timer, st->self,
	             gw_option_int(st->self, gw_options(st->self), "open-after"));
	st->held = true;
	gw_listen_hold(st->self, true);
	return 0;
}
