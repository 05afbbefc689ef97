/*
 * relink.c - one link of the tree takes another's place, and nobody goes out of sight.
 *
 * A server that is going to leave (the leaver) has two neighbours, the keeper and the moved one,
 * which are linked with each other by now. What was behind the leaver for one of them is behind the
 * new link from here on. Each of the three does its part when the module link has seen to it that
 * nothing is on its way; the keeper then tells all others, for whom no way changes: they have the
 * tree as it is, before anybody says that the leaver has gone.
 */
#include "network.h"
#include <errno.h>
#include <utlist.h>

/** The three, and what this server is to them. */
struct three {
	struct server *leaver, *keeper, *moved;
	/* The way leads to the moved one by the leaver; else, where this server is the moved one or
	 * behind it, to the leaver by the moved one. */
	bool outside;
};

/* -EALREADY: it has been done. */
static int three_find(struct network *net, const struct gw_relink *spec, struct three *out)
{
	const struct gw_node *leaver, *keeper, *moved;

	*out = (struct three){.leaver = server_find(net, spec->leaver),
	                      .keeper = server_find(net, spec->keeper),
	                      .moved = server_find(net, spec->moved)};
	if (out->leaver == NULL || out->keeper == NULL || out->moved == NULL)
		return -ENOENT;
	leaver = &out->leaver->pub;
	keeper = &out->keeper->pub;
	moved = &out->moved->pub;
	if (moved->up == leaver && (keeper->up == leaver || leaver->up == keeper))
		out->outside = true;
	else if (keeper->up == moved || moved->up == keeper)
		return -EALREADY;
	else if (leaver->up != moved || keeper->up != leaver)
		return -ENOENT;
	return 0;
}

/* --- the tree --- */

/* Marks a server and what is behind it: servers come behind those that lead to them. */
static void mark_behind(struct network *net, struct server *first)
{
	for (struct gw_node *node = &net->here->pub; node != NULL; node = node->next)
		server_of(node)->marked =
			node == &first->pub || (node->up != NULL && server_of(node->up)->marked);
}

static void unmark(struct network *net)
{
	for (struct gw_node *node = &net->here->pub; node != NULL; node = node->next)
		server_of(node)->marked = false;
}

static void raise_joints(struct network *net, struct gw_stamp joint)
{
	for (struct gw_node *node = net->here->pub.next; node != NULL; node = node->next) {
		struct server *server = server_of(node);

		if (server->marked && gw_stamp_cmp(server->joint, joint) < 0)
			server->joint = joint;
	}
}

/* Of the servers that are left those that come behind one which has its place. */
static bool place_some(struct gw_node **rest, struct gw_node **last)
{
	bool any = false;

	while (*rest != NULL) {
		struct gw_node *node = *rest;

		if (!server_of(node->up)->marked) {
			rest = &node->next;
			continue;
		}
		*rest = node->next;
		node->next = NULL;
		server_of(node)->marked = true;
		(*last)->next = node;
		*last = node;
		any = true;
	}
	return any;
}

/* In the list each comes behind the one that leads to it, again. */
static void sort(struct network *net)
{
	struct gw_node *rest = net->here->pub.next, *last = &net->here->pub;

	for (struct gw_node *node = last; node != NULL; node = node->next)
		server_of(node)->marked = node == last;
	last->next = NULL;
	while (place_some(&rest, &last))
		continue;
	unmark(net);
}

/* Who came into sight with whom is of interest while they burst; the leaver shall not be kept in
 * anybody's memory. */
static void forget_tops(struct network *net)
{
	for (struct gw_node *node = net->here->pub.next; node != NULL; node = node->next) {
		struct server *server = server_of(node);

		if (server->top != NULL && (!node->bursting || !server->top->pub.bursting))
			server->top = NULL;
	}
}

/* The tree as all have it; ways are another matter. Between the leaver's side and that of the moved
 * one there is a link more now. */
static void tree_change(struct network *net, const struct three *three, struct gw_stamp joint)
{
	struct gw_node *leaver = &three->leaver->pub, *keeper = &three->keeper->pub,
		       *moved = &three->moved->pub;
	bool beside = leaver->up != keeper;

	forget_tops(net);
	if (three->outside) {
		moved->up = keeper;
		sort(net);
		mark_behind(net, three->moved);
	} else {
		keeper->up = moved;
		leaver->up = keeper;
		sort(net);
		mark_behind(net, three->leaver);
	}
	if (beside)
		raise_joints(net, joint);
	unmark(net);
}

/* --- ways --- */

/* Those whose home or shadow is behind another link from now on: `by` -1 before, 1 after it. */
static void count_marked(struct network *net, int by)
{
	struct person *p;

	for (p = net->people; p != NULL; p = (struct person *)p->by_id.next) {
		const struct server *shadow =
			p->session.shadow == 0 ? NULL : server_find(net, p->session.shadow);

		if (server_of(p->session.home)->marked || (shadow != NULL && shadow->marked))
			person_count_ways(net, p, by);
	}
}

static void ways_change(struct network *net, uint64_t via)
{
	count_marked(net, -1);
	for (struct gw_node *node = net->here->pub.next; node != NULL; node = node->next)
		if (server_of(node)->marked)
			node->via = via;
	count_marked(net, 1);
}

/* What was passed over on one way may be said on the other. */
static void shades_copy(struct network *net, const struct way *from, struct way *to)
{
	for (const struct shade *shade = from->shades; shade != NULL;
	     shade = (const struct shade *)shade->hh.next)
		way_shade(net, to, shade->run);
}

/* Where home and shadow are behind one link this server is not between them (any more). */
static void shadows_look(struct network *net)
{
	struct person *p, *next;

	for (p = net->shadowed; p != NULL; p = next) {
		const struct server *shadow = server_find(net, p->session.shadow);

		next = p->shadow_next;
		if (!p->session.home->here && shadow != NULL && !shadow->pub.here &&
		    shadow->pub.via == p->session.home->via)
			shadow_clear(net, p);
	}
}

/* The moved one comes from behind the leaver to the other end of the new link. */
static int at_keeper(struct network *net, const struct gw_relink *spec, const struct three *three,
                     struct gw_stamp joint)
{
	struct gw_node *moved = &three->moved->pub;
	const struct way *old = way_find(net, moved->via);
	struct gw_via_spec added = {
		.via = spec->via, .server = moved->id, .name = moved->name, .joint = joint};
	int status = old == NULL ? -ENOENT : via_add(net, &added);

	if (status != 0)
		return status;
	shades_copy(net, old, way_find(net, spec->via));
	mark_behind(net, three->moved);
	ways_change(net, spec->via);
	moved->direct = true;
	return 0;
}

/* All that was behind the leaver is behind the keeper, itself included. */
static int at_moved(struct network *net, const struct gw_relink *spec, const struct three *three,
                    struct gw_stamp joint)
{
	struct gw_node *keeper = &three->keeper->pub, *leaver = &three->leaver->pub;
	struct way *way = way_find(net, leaver->via);

	if (way == NULL || way_find(net, spec->via) != NULL)
		return -ENOENT;
	mark_behind(net, three->leaver);
	ways_change(net, spec->via);
	way->via = spec->via;
	way->server = keeper->id;
	way->joint = joint;
	strcpy(way->name, keeper->name);
	keeper->direct = true;
	leaver->direct = false;
	return 0;
}

/* The moved one goes behind the keeper. */
static int at_leaver(struct network *net, const struct three *three)
{
	struct gw_node *moved = &three->moved->pub;
	struct way *old = way_find(net, moved->via), *way = way_find(net, three->keeper->pub.via);

	if (old == NULL || way == NULL || old == way)
		return -ENOENT;
	mark_behind(net, three->moved);
	ways_change(net, way->via);
	moved->direct = false;
	shades_copy(net, old, way);
	way_free(net, old);
	return 0;
}

/* --- the interface --- */

/* Of the new link, the same at all three: the younger of those that the leaver had. So the ways
 * which led over both of them are as old as they were. */
static struct gw_stamp joint_of(const struct three *three)
{
	struct gw_stamp keeper = three->keeper->joint, moved = three->moved->joint;

	return gw_stamp_cmp(keeper, moved) > 0 ? keeper : moved;
}

int relink(void *network, const struct gw_relink *spec)
{
	struct network *net = (struct network *)network;
	struct gw_stamp joint;
	struct three three;
	int status = net->busy ? -EBUSY : three_find(net, spec, &three);

	if (status != 0)
		return status;
	joint = joint_of(&three);
	if (three.keeper == net->here)
		status = at_keeper(net, spec, &three, joint);
	else if (three.moved == net->here)
		status = at_moved(net, spec, &three, joint);
	else
		status = three.leaver == net->here ? at_leaver(net, &three) : -EINVAL;
	if (status != 0)
		return status;
	tree_change(net, &three, joint);
	shadows_look(net);
	if (three.keeper == net->here)
		submit_relink(net, spec, joint);
	return 0;
}

/* Of three places a session's home is at the first and its shadow at the last, or the reverse. */
static bool is_between(struct network *net, const struct person *p, uint64_t moved, uint64_t keeper)
{
	const struct server *shadow = server_find(net, p->session.shadow);
	uint64_t home = p->session.home->via, other = shadow == NULL ? keeper : shadow->pub.via;

	return (home == moved) != (other == moved) && home != keeper && other != keeper;
}

void relink_export(void *network, const struct gw_relink *spec, gw_burst_emit_fn *emit, void *ctx)
{
	struct network *net = (struct network *)network;
	struct three three;
	struct person *p;

	if (three_find(net, spec, &three) != 0 || three.leaver != net->here)
		return;
	DL_FOREACH2(net->shadowed, p, shadow_next)
	if (is_between(net, p, three.moved->pub.via, three.keeper->pub.via))
		export_shadow(net, p, emit, ctx);
}

/* --- records --- */

void relink_put(struct writer *w, const struct gw_relink *spec, struct gw_stamp joint)
{
	put_u64(w, spec->leaver);
	put_u64(w, spec->moved);
	put_stamp(w, joint);
}

/* By the keeper. The three have done it by themselves; whoever does not see all of them has no part
 * in it, and passes it on. */
int apply_relink(struct applying *a)
{
	struct gw_relink spec = {
		.keeper = a->header.run, .leaver = get_u64(&a->body), .moved = get_u64(&a->body)};
	struct gw_stamp joint = get_stamp(&a->body);
	struct three three;

	if (!reader_done(&a->body) || a->event.scope != GW_SCOPE_ALL || !timely(a, joint.clock))
		return -EBADMSG;
	if (three_find(a->net, &spec, &three) == 0 && !three.leaver->pub.here &&
	    !three.keeper->pub.here && !three.moved->pub.here)
		tree_change(a->net, &three, joint);
	return 0;
}

/* A neighbour that leaves tells what this server, which comes to be between the two, has to know.
 */
int apply_burst_shadow(struct applying *a)
{
	const struct server *shadow = server_find(a->net, a->header.target);
	const uint8_t *attempt = get_bytes(&a->body, 16);

	a->stays = true;
	if (!reader_done(&a->body))
		return -EBADMSG;
	if (a->source == NULL || shadow == NULL || shadow->pub.via != a->via ||
	    a->source->session.home->via != a->via)
		return 0;
	shadow_note(a->net, a->source, shadow, attempt);
	return 0;
}
