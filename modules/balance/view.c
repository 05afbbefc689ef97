/*
 * balance/view.c - the network as the policy sees it: one row a server, sorted by name.
 *
 * How many clients each has is known here to the last event; what it said of itself (weight, room,
 * lag) is as old as its report. Those on their way from here are counted where they will be, and
 * have their place there.
 */
#include "balance.h"
#include <stdlib.h>
#include <strings.h>

static int by_name(const void *a, const void *b)
{
	const struct gw_policy_server *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Those who have come since the report have taken some of its room. */
static uint32_t room_left(const struct gw_node *node)
{
	uint64_t most = (uint64_t)node->load.room + node->load.clients;

	if (node->load.room == 0 || most <= node->n_users)
		return 0;
	return most - node->n_users > UINT32_MAX ? UINT32_MAX : (uint32_t)(most - node->n_users);
}

static void fill_other(struct balance_state *st, const struct gw_node *node,
                       struct gw_policy_server *out)
{
	*out = (struct gw_policy_server){
		.run = node->run,
		.name = node->name,
		.draining = node->load.draining,
		.clients = node->n_users,
		.weight = node->load.weight > 0 ? node->load.weight : 1,
		.room = room_left(node),
		.lag_us = node->load.lag_us,
		.age_ms = heard_age_ms(st, node->run),
		.bytes = node->load.bytes,
	};
	out->takes = !node->bursting && node->load.weight > 0 && !out->draining && out->room > 0;
}

static void fill_here(struct balance_state *st, const struct gw_node *node, uint32_t movable,
                      struct gw_policy_server *out)
{
	*out = (struct gw_policy_server){
		.run = node->run,
		.name = node->name,
		.here = true,
		.draining = drain_on(st),
		.clients = node->n_users,
		.movable = movable,
		.weight = st->settings.weight,
		.room = own_room(st),
		.lag_us = st->told.lag_us,
		.bytes = st->told.bytes,
	};
	out->takes = out->room > 0;
}

void view_moves(struct gw_policy_view *view, size_t to)
{
	struct gw_policy_server *servers = (struct gw_policy_server *)view->servers;

	servers[to].clients++;
	servers[to].room -= servers[to].room > 0;
	servers[to].takes = servers[to].takes && servers[to].room > 0;
	servers[view->here].clients -= servers[view->here].clients > 0;
}

static void count_moves(struct balance_state *st, struct gw_policy_view *view)
{
	for (const struct move *move = st->moves; move != NULL; move = move->hh.next)
		for (size_t i = 0; i < view->n; i++)
			if (view->servers[i].run == move->to)
				view_moves(view, i);
}

void view_make(struct balance_state *st, struct gw_policy_view *out, uint32_t movable)
{
	struct gw_policy_server *servers;
	const struct gw_node *node;
	size_t n = 0;

	for (node = NETWORK(st, nodes); node != NULL; node = node->next)
		n++;
	servers = gw_alloc(st->self, n * sizeof(*servers));
	*out = (struct gw_policy_view){.servers = servers, .now_ns = gw_mono_ns(st->self)};
	for (node = NETWORK(st, nodes); node != NULL; node = node->next)
		if (node->here)
			fill_here(st, node, movable, &servers[out->n++]);
		else
			fill_other(st, node, &servers[out->n++]);
	qsort(servers, n, sizeof(*servers), by_name);
	while (!servers[out->here].here)
		out->here++;
	count_moves(st, out);
}

void view_free(struct balance_state *st, struct gw_policy_view *view)
{
	gw_free(st->self, (struct gw_policy_server *)view->servers);
	view->servers = NULL;
}

int view_find(const struct gw_policy_view *view, const char *name)
{
	size_t len = strlen(name);
	int found = -1;

	for (size_t i = 0; i < view->n; i++) {
		const char *full = view->servers[i].name;

		if (strcasecmp(full, name) == 0)
			return (int)i;
		if (strncasecmp(full, name, len) == 0 && full[len] == '.')
			found = found == -1 ? (int)i : -2;
	}
	return found < 0 ? -1 : found;
}

/* Without a policy, as between two of them. */
static int least_loaded(const struct gw_policy_view *view)
{
	int best = -1;

	for (size_t i = 0; i < view->n; i++) {
		const struct gw_policy_server *s = &view->servers[i], *b;

		if (s->here || !s->takes)
			continue;
		b = best < 0 ? NULL : &view->servers[best];
		if (b == NULL ||
		    (uint64_t)s->clients * b->weight < (uint64_t)b->clients * s->weight)
			best = (int)i;
	}
	return best;
}

int view_recipient(struct balance_state *st, const struct gw_policy_view *view)
{
	int to = st->policy->ops == NULL ? least_loaded(view) : POLICY(st, recipient, view);

	if (to < 0 || (size_t)to >= view->n || view->servers[to].here || !view->servers[to].takes)
		return -1;
	return to;
}

const char *view_why_not(const struct gw_policy_server *server)
{
	if (server->here)
		return "is this server";
	if (server->draining)
		return "sends its own clients away";
	if (server->age_ms == UINT32_MAX)
		return "has not said yet whether it takes clients";
	if (server->room == 0)
		return "has no room";
	return "is still on its way into sight";
}
