/*
 * modules/client/together.c - who leaves or comes with a server does so in one batch: "netsplit"
 * and "netjoin", for clients with the capability batch.
 *
 * A batch begins for a client with the first line that it gets of it. That of a split ends with the
 * event behind the last QUIT, so that all its lines belong to events; that of a join with the turn,
 * or as soon as something else is to be shown: what follows may be about those who have just come.
 */
#include "client.h"

/* NULL: the event is part of neither. */
static const char *type_of(const struct gw_event *event)
{
	if (event->split == NULL)
		return NULL;
	if (event->kind == GW_EV_QUIT)
		return "netsplit";
	return event->kind == GW_EV_JOIN || event->kind == GW_EV_MODE ? "netjoin" : NULL;
}

/* Not shown to anybody, so nothing has to be in order with them. */
static bool silent(const struct gw_event *event)
{
	return event->kind == GW_EV_USER || event->kind == GW_EV_SERVER ||
	       event->kind == GW_EV_CHANNEL || event->kind == GW_EV_LOAD ||
	       event->kind == GW_EV_MOVE;
}

static void together_write(struct client_state *st, struct client *c, const char *sign,
                           const char *rest)
{
	char line[GW_SERVER_MAX + BATCH_MAX + sizeof(st->together.head) + 16];
	int n = snprintf(line, sizeof(line), ":%s BATCH %s%s%s", st->server, sign,
	                 st->together.name, rest);

	reply_write(st, c, "", "", line, (size_t)n);
}

static void together_close(struct client_state *st)
{
	for (uint32_t i = 0; i < st->together.n; i++) {
		struct client *c = clients_by_id(st, st->together.opened[i]);

		if (c == NULL || c->closing)
			continue;
		together_write(st, c, "-", "");
		settled_again(st, c);
	}
	st->together.n = 0;
	st->together.number = 0;
}

bool together_open(const struct client_state *st, const struct client *c)
{
	return st->together.n > 0 && c->together == st->together.number;
}

void together_end(void *state, uint64_t tag)
{
	struct client_state *st = state;

	(void)tag;
	st->together.closing = false;
	together_close(st);
}

void together_free(struct client_state *st)
{
	gw_free(st->self, st->together.opened);
}

bool together_event(struct client_state *st, const struct gw_event *event)
{
	const char *type = type_of(event);
	char head[sizeof(st->together.head)];

	if (type == NULL) {
		if (!silent(event))
			together_close(st);
		return false;
	}
	snprintf(head, sizeof(head), " %s %s", type, event->split);
	if (strcmp(head, st->together.head) != 0)
		together_close(st);
	if (st->together.number == 0) {
		batch_name(st, st->together.name);
		st->together.number = st->last_batch;
		memcpy(st->together.head, head, sizeof(head));
	}
	if (!st->together.closing)
		gw_defer(st->self, gw_call(st->self, CALL_TOGETHER, 0));
	st->together.closing = true;
	return true;
}

void together_to(struct client_state *st, const struct gw_session *to)
{
	struct client *c = clients_of(st, to);

	if (c == NULL || c->together == st->together.number)
		return;
	c->together = st->together.number;
	if (st->together.n == st->together.room) {
		st->together.room = 2 * st->together.room + 16;
		st->together.opened = gw_resize(st->self, st->together.opened,
		                                st->together.room * sizeof(uint64_t));
	}
	st->together.opened[st->together.n++] = c->pub.id;
	together_write(st, c, "+", st->together.head);
}
