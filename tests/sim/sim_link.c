/*
 * tests/sim/sim_link.c - what can be wrong between two hosts: cut, stalled, slow.
 */
#include "tests/sim/sim_part.h"
#include <stdlib.h>

static struct simhost *host_of(struct loop *loop)
{
	return container_of(loop, struct simhost, base);
}

struct simlink *simlink_find(struct simnet *net, const struct simhost *a, const struct simhost *b)
{
	struct simlink *l;

	for (l = net->links; l != NULL; l = l->next)
		if ((l->a == a && l->b == b) || (l->a == b && l->b == a))
			return l;
	return NULL;
}

static struct simlink *link_between(struct simnet *net, struct loop *a, struct loop *b)
{
	struct simlink *l = simlink_find(net, host_of(a), host_of(b));

	if (l != NULL)
		return l;
	l = calloc(1, sizeof(*l));
	l->a = host_of(a);
	l->b = host_of(b);
	l->end = &l->held;
	l->next = net->links;
	net->links = l;
	return l;
}

static void release(struct simnet *net, struct simlink *l)
{
	struct packet *first = l->held;

	l->held = NULL;
	l->end = &l->held;
	packets_release(net, first);
}

void simlinks_free(struct simnet *net)
{
	struct simlink *l;

	while ((l = net->links) != NULL) {
		net->links = l->next;
		packets_drop(l->held);
		free(l);
	}
}

void simnet_cut(struct simnet *net, struct loop *a, struct loop *b)
{
	struct simlink *l = link_between(net, a, b);
	struct simpipe *pipe;

	l->cut = true;
	for (pipe = net->pipes; pipe != NULL; pipe = pipe->next_all)
		if (pipe->peer != NULL && pipe->host == l->a && pipe->peer->host == l->b)
			simpipe_cut(pipe);
	release(net, l);
}

void simnet_stall(struct simnet *net, struct loop *a, struct loop *b)
{
	link_between(net, a, b)->stalled = true;
}

void simnet_delay(struct simnet *net, struct loop *a, struct loop *b, int64_t ns)
{
	link_between(net, a, b)->delay_ns = ns;
}

static void heal(struct simnet *net, struct simlink *l)
{
	l->cut = l->stalled = false;
	release(net, l);
}

void simnet_heal(struct simnet *net, struct loop *a, struct loop *b)
{
	struct simlink *l;

	if (a != NULL && b != NULL) {
		heal(net, link_between(net, a, b));
		return;
	}
	for (l = net->links; l != NULL; l = l->next)
		heal(net, l);
}
