/*
 * modules/client/settled.c - the moment in which nothing of a client is under way: no command, no
 * label, no batch, and little in its send queue.
 *
 * Whoever asks for it is called from a turn of its own; what ends a hold, a batch or a wait for
 * room only has it looked at again.
 */
#include "client.h"

bool settled(struct client_state *st, const struct client *c, size_t below)
{
	return c->holds == NULL && c->label == NULL && !c->closing && c->pub.conn != NULL &&
	       !together_open(st, c) &&
	       gw_sink_queued(st->self, gw_conn_sink(st->self, c->pub.conn)) < below;
}

void settled_again(struct client_state *st, struct client *c)
{
	if (c->move != NULL && c->move->settled.module != NULL)
		gw_defer(st->self, gw_call(st->self, CALL_SETTLED, c->pub.id));
}

void settled_ask(struct client_state *st, struct client *c, size_t below, struct gw_call call)
{
	if (call.module == NULL && c->move == NULL)
		return;
	move_of(st, c)->settled = call;
	c->move->below = below;
	settled_again(st, c);
}

void settled_gone(struct client_state *st, struct client *c)
{
	if (c->move == NULL || c->move->settled.module == NULL)
		return;
	gw_defer(st->self, c->move->settled);
	c->move->settled = (struct gw_call){0};
}

/* What else it waits for tells by itself when it ends. */
void client_settled(void *state, uint64_t tag)
{
	struct client_state *st = state;
	struct client *c = clients_by_id(st, tag);
	struct gw_call call;
	gw_timer_fn *fn;

	if (c == NULL || c->closing || c->move == NULL || c->move->settled.module == NULL)
		return;
	call = c->move->settled;
	if (!settled(st, c, c->move->below)) {
		if (c->holds == NULL)
			gw_conn_wait_drain(st->self, c->pub.conn, c->move->below);
		return;
	}
	c->move->settled = (struct gw_call){0};
	fn = (gw_timer_fn *)gw_call_fn(call);
	if (fn != NULL)
		fn(call.module->state, call.tag);
}
