/*
 * link/map.c - the command map: the network as a tree, seen from here.
 */
#include "net.h"

#define DEPTH_MAX 64

/** Where the walk is: whether each level has further branches. */
struct map {
	struct link_state *st;
	struct gw_admin_request *req;
	const struct gw_node *here;
	bool more[DEPTH_MAX];
};

static const struct gw_node *parent_of(const struct map *map, const struct gw_node *node)
{
	if (node == map->here)
		return NULL;
	return node->up != NULL ? node->up : map->here;
}

static const struct gw_node *next_child(const struct map *map, const struct gw_node *parent,
                                        const struct gw_node *after)
{
	const struct gw_node *node = after == NULL ? NETWORK(map->st, nodes) : after->next;

	while (node != NULL && parent_of(map, node) != parent)
		node = node->next;
	return node;
}

static void draw_branch(const struct map *map, const struct gw_node *node, unsigned depth,
                        char *out, size_t max)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 1; i < depth && used < max; i++)
		used += (size_t)snprintf(out + used, max - used, "%s",
		                         map->more[i] ? "|  " : "   ");
	if (depth > 0 && used < max)
		used += (size_t)snprintf(out + used, max - used, "%s",
		                         map->more[depth] ? "|- " : "`- ");
	if (used < max)
		snprintf(out + used, max - used, "%s", node->name);
}

static void show_node(const struct map *map, const struct gw_node *node, unsigned depth)
{
	const struct gw_node *parent = parent_of(map, node);
	const struct gw_load_report *load = &node->load;
	char tree[3 * DEPTH_MAX + GW_SERVER_MAX + 1], level[12], users[12],
		lag[24] = "-", clients[24] = "-", weight[12] = "-", bytes[24] = "-",
		draining[4] = "-";

	draw_branch(map, node, depth, tree, sizeof(tree));
	snprintf(level, sizeof(level), "%u", depth);
	snprintf(users, sizeof(users), "%u", node->n_users);
	if (load->weight > 0) {
		snprintf(clients, sizeof(clients), "%u", load->clients);
		snprintf(weight, sizeof(weight), "%u", load->weight);
		snprintf(lag, sizeof(lag), "%.1fms", load->lag_us / 1000.0);
		snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)load->bytes);
		snprintf(draining, sizeof(draining), "%s", load->draining ? "yes" : "no");
	}
	gw_admin_row(map->st->self, map->req,
	             (const char *const[]){tree, node->name, parent == NULL ? "" : parent->name,
	                                   level, users, clients, weight, lag, bytes, draining},
	             10);
}

static void show_tree(struct map *map, const struct gw_node *node, unsigned depth)
{
	const struct gw_node *child, *next;

	show_node(map, node, depth);
	if (depth + 1 >= DEPTH_MAX)
		return;
	for (child = next_child(map, node, NULL); child != NULL; child = next) {
		next = next_child(map, node, child);
		map->more[depth + 1] = next != NULL;
		show_tree(map, child, depth + 1);
	}
}

void admin_map(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	static const char *const head[] = {"tree",    "name",   "parent", "depth", "users",
	                                   "clients", "weight", "lag",    "bytes", "draining"};
	struct link_state *st = state;
	struct map map = {.st = st, .req = req, .here = NETWORK(st, here)};

	(void)argc;
	(void)argv;
	gw_admin_head(st->self, req, head, 10);
	show_tree(&map, map.here, 0);
	gw_admin_done(st->self, &req, 0, "");
}
