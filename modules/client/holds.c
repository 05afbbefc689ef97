/*
 * modules/client/holds.c - modules that still owe a client an answer, or wait for room in its send
 * queue.
 *
 * While there is one the client's next line is not executed, so that answers keep the order of
 * commands. Holds are counted per module: what a module leaves behind when it is unloaded ends
 * here, and nobody stays held for ever.
 */
#include "client.h"
#include <utlist.h>

static struct hold *hold_of(struct client *c, const struct gw_self *who)
{
	struct hold *hold;

	LL_SEARCH_SCALAR(c->holds, hold, who, who);
	return hold;
}

void client_hold(struct client_state *st, struct client *c, struct gw_self *who)
{
	struct hold *hold = hold_of(c, who);

	if (hold == NULL) {
		hold = gw_alloc(st->self, sizeof(*hold));
		hold->who = who;
		LL_PREPEND(c->holds, hold);
	}
	hold->n++;
}

static void drop(struct client_state *st, struct client *c, struct hold *hold)
{
	LL_DELETE(c->holds, hold);
	gw_free(st->self, hold);
	if (c->holds != NULL || c->closing)
		return;
	label_end(st, c);
	settled_again(st, c);
	connection_resume(st, c);
}

void client_release(struct client_state *st, struct client *c, struct gw_self *who)
{
	struct hold *hold = hold_of(c, who);

	if (--hold->n == 0)
		drop(st, c, hold);
}

void client_wait_room(struct client_state *st, struct client *c, struct gw_call call)
{
	if (c->pub.shadow) {
		gw_defer(st->self, call);
		return;
	}
	client_hold(st, c, call.module);
	c->room = gw_alloc(st->self, sizeof(*c->room));
	c->room->call = call;
	gw_conn_wait_drain(st->self, c->pub.conn, st->settings.sendq / 4);
}

/** Calls who waits for room, if anybody. */
void client_room(struct client_state *st, struct client *c)
{
	struct room *room = c->room;
	gw_timer_fn *fn;

	if (room == NULL)
		return;
	c->room = NULL;
	fn = (gw_timer_fn *)gw_call_fn(room->call);
	if (fn != NULL)
		fn(room->call.module->state, room->call.tag);
	gw_free(st->self, room);
}

void holds_free(struct client_state *st, struct client *c)
{
	struct hold *hold, *next;

	LL_FOREACH_SAFE (c->holds, hold, next)
		gw_free(st->self, hold);
	c->holds = NULL;
	gw_free(st->self, c->room);
	c->room = NULL;
}

void client_unloaded(void *state, uint64_t tag, const void *payload)
{
	struct client_state *st = state;
	const struct gw_self *who = payload;

	(void)tag;
	for (struct client *c = st->clients; c != NULL; c = c->next) {
		struct hold *hold = hold_of(c, who);

		tap_unloaded(st, c, who);
		if (hold == NULL)
			continue;
		if (c->room != NULL && c->room->call.module == who) {
			gw_free(st->self, c->room);
			c->room = NULL;
		}
		drop(st, c, hold);
	}
}
