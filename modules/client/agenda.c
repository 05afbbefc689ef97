/*
 * modules/client/agenda.c - one clock for all clients: a heap by the time at which each wants to be
 * looked at.
 *
 * A client has one entry, the earliest of what it waits for, and is not moved by the lines that it
 * sends: who was heard meanwhile is found out when its time comes.
 */
#include "client.h"

static void place(struct client_state *st, uint32_t at, struct client *c)
{
	st->agenda[at] = c;
	c->agenda_at = at + 1;
}

static void sift_up(struct client_state *st, uint32_t at)
{
	struct client *c = st->agenda[at];

	while (at > 0 && st->agenda[(at - 1) / 2]->due_ns > c->due_ns) {
		place(st, at, st->agenda[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(st, at, c);
}

static void sift_down(struct client_state *st, uint32_t at)
{
	struct client *c = st->agenda[at];
	uint32_t child;

	while ((child = 2 * at + 1) < st->agenda_n) {
		if (child + 1 < st->agenda_n &&
		    st->agenda[child + 1]->due_ns < st->agenda[child]->due_ns)
			child++;
		if (st->agenda[child]->due_ns >= c->due_ns)
			break;
		place(st, at, st->agenda[child]);
		at = child;
	}
	place(st, at, c);
}

/* A timer that is early is left alone: it then finds nothing due and is set anew. */
static void arm(struct client_state *st)
{
	int64_t now = gw_mono_ns(st->self), due;

	if (st->agenda_n == 0)
		return;
	due = st->agenda[0]->due_ns;
	if (st->timer_ns != 0 && st->timer_ns <= due)
		return;
	st->timer_ns = due;
	gw_timer_set(st->timer, st->self, due > now ? due - now : 0);
}

static void grow(struct client_state *st)
{
	uint32_t room = st->agenda_room * 2 + 16;

	st->agenda = gw_resize(st->self, st->agenda, room * sizeof(*st->agenda));
	memset(st->agenda + st->agenda_room, 0, (room - st->agenda_room) * sizeof(*st->agenda));
	st->agenda_room = room;
}

void agenda_set(struct client_state *st, struct client *c, int64_t due_ns)
{
	if (c->agenda_at == 0) {
		if (st->agenda_n == st->agenda_room)
			grow(st);
		place(st, st->agenda_n++, c);
	}
	c->due_ns = due_ns;
	sift_up(st, c->agenda_at - 1);
	sift_down(st, c->agenda_at - 1);
	arm(st);
}

void agenda_remove(struct client_state *st, struct client *c)
{
	uint32_t at = c->agenda_at - 1;
	struct client *last;

	if (c->agenda_at == 0)
		return;
	c->agenda_at = 0;
	last = st->agenda[--st->agenda_n];
	if (last == c)
		return;
	place(st, at, last);
	sift_up(st, at);
	sift_down(st, last->agenda_at - 1);
}

void client_agenda(void *state, uint64_t tag)
{
	struct client_state *st = state;
	int64_t now = gw_mono_ns(st->self);

	(void)tag;
	st->timer_ns = 0;
	while (st->agenda_n > 0 && st->agenda[0]->due_ns <= now) {
		struct client *c = st->agenda[0];

		agenda_remove(st, c);
		timeouts_due(st, c);
	}
	arm(st);
}
