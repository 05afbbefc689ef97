/*
 * modules/query/servers.c - questions about the network's servers: LINKS (364, 365), MAP (006,
 * 007), and whom a command names when it names a server.
 */
#include "private.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 64
#define NAME_COLUMN 45

/* A server by its name or a mask of it, or the home of a nick; 402 when there is none. */
const struct gw_node *query_server(struct query_state *q, struct gw_client *client,
                                   const char *name)
{
	const struct gw_user *user = NETWORK(q, user, name);
	const struct gw_node *node = NETWORK(q, nodes);

	if (user != NULL)
		return user->session->home;
	while (node != NULL && !NETWORK(q, match, name, node->name))
		node = node->next;
	if (node == NULL)
		CLIENT(q, numeric, client, 402, "%s :No such server", name);
	return node;
}

const struct gw_node *query_asked(struct query_state *q, struct gw_client *client,
                                  const struct gw_message *m, int argument)
{
	if (m->argc <= argument || m->argv[argument][0] == '\0')
		return NETWORK(q, here);
	return query_server(q, client, m->argv[argument]);
}

static unsigned hops_of(const struct gw_node *node)
{
	unsigned hops = 0;

	while ((node = node->up) != NULL)
		hops++;
	return hops;
}

/* LINKS [[server] mask] */
void query_links(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	const char *mask = m->argc > 1 ? m->argv[1] : m->argc > 0 ? m->argv[0] : "*";
	const struct gw_node *node = NETWORK(q, nodes);

	if (m->argc > 1 && query_server(q, client, m->argv[0]) == NULL)
		return;
	for (; node != NULL; node = node->next)
		if (NETWORK(q, match, mask, node->name))
			CLIENT(q, numeric, client, 364, "%s %s :%u %s", node->name,
			       node->up != NULL ? node->up->name : node->name, hops_of(node),
			       node->description);
	CLIENT(q, numeric, client, 365, "%s :End of /LINKS list", mask);
}

/** Where the walk is: whether each level has further branches. */
struct map {
	struct query_state *q;
	struct gw_client *client;
	uint32_t users; /* of the network */
	bool more[DEPTH_MAX];
};

static void show_server(const struct map *map, const struct gw_node *node, unsigned depth)
{
	char line[3 * DEPTH_MAX + GW_SERVER_MAX + NAME_COLUMN + 2] = "";
	size_t n = 0;
	double share = map->users > 0 ? 100.0 * node->n_users / map->users : 0;

	for (unsigned i = 1; i < depth; i++)
		n += (size_t)sprintf(line + n, "%s", map->more[i] ? "|  " : "   ");
	if (depth > 0)
		n += (size_t)sprintf(line + n, "%s", map->more[depth] ? "|- " : "`- ");
	n += (size_t)sprintf(line + n, "%s ", node->name);
	while (n < NAME_COLUMN)
		line[n++] = '-';
	line[n] = '\0';
	CLIENT(map->q, numeric, map->client, 6, ":%s | Users: %5u (%5.1f%%)", line, node->n_users,
	       share);
}

static const struct gw_node *child_of(const struct gw_node *up, const struct gw_node *node)
{
	while (node != NULL && node->up != up)
		node = node->next;
	return node;
}

static void show_tree(struct map *map, const struct gw_node *node, unsigned depth)
{
	const struct gw_node *child, *next;

	show_server(map, node, depth);
	if (depth + 1 >= DEPTH_MAX)
		return;
	for (child = child_of(node, node->next); child != NULL; child = next) {
		next = child_of(node, child->next);
		map->more[depth + 1] = next != NULL;
		show_tree(map, child, depth + 1);
	}
}

void query_map(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	struct map map = {.q = q, .client = client};
	const struct gw_node *node;

	(void)m;
	for (node = NETWORK(q, nodes); node != NULL; node = node->next)
		map.users += node->n_users;
	show_tree(&map, NETWORK(q, here), 0);
	CLIENT(q, numeric, client, 7, ":End of /MAP");
}

/* STATS u: how long the server has been up; nothing else is told. */
void query_stats(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	const char *what = m->argc > 0 && isalpha((unsigned char)m->argv[0][0]) ? m->argv[0] : "*";
	const struct gw_node *node = query_asked(q, client, m, 1);
	long long up = (gw_mono_ns(q->self) - q->since_ns) / GW_SECOND;

	if (node == NULL)
		return;
	if (node->here && what[0] == 'u')
		CLIENT(q, numeric, client, 242, ":Server Up %lld days, %lld:%02lld:%02lld",
		       up / 86400, up / 3600 % 24, up / 60 % 60, up % 60);
	CLIENT(q, numeric, client, 219, "%.1s :End of /STATS report", what);
}
