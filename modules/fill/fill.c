/*
 * fill/fill.c - a policy as an example: servers are filled in the order of their names, each up to
 * a share of its capacity, so that the last ones may be switched off when there is little to do.
 *
 * All servers see the same figures, so all of them come to the same targets; each then sends away
 * what it has over its own. fill.md goes through this file.
 */
#include <errno.h>
#include <godwit/module.h>
#include <godwit/policy.h>

struct fill_state {
	struct gw_self *self;
};

static const struct gw_option options[] = {
	{.name = "share",
         .type = GW_OPT_INT,
         .fallback = "80",
         .min = 1,
         .max = 100,
         .help = "A server is full at so many percent of the clients that it could have."},
	{.name = "slack",
         .type = GW_OPT_INT,
         .fallback = "10",
         .min = 1,
         .max = 1000000,
         .help = "Nobody is moved for so few clients over a server's target."},
	{.name = NULL},
};

static int64_t option(const struct fill_state *st, const char *name)
{
	return gw_option_int(st->self, gw_options(st->self), name);
}

/* What a server may have at most: a share of all that it could. */
static uint64_t most(const struct fill_state *st, const struct gw_policy_server *s)
{
	return ((uint64_t)s->clients + s->room) * (uint64_t)option(st, "share") / 100;
}

static uint64_t least_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How many clients server `i` has beyond its target (negative: it lacks some), when all clients of
 * the network are poured into the servers one behind the other. Those that take nobody keep what
 * they have. */
static int64_t beyond(const struct fill_state *st, const struct gw_policy_view *view, size_t i)
{
	uint64_t pour = 0, target = 0;

	for (size_t k = 0; k < view->n; k++)
		pour += view->servers[k].takes ? view->servers[k].clients : 0;
	if (!view->servers[i].takes)
		return 0;
	for (size_t k = 0; k <= i; k++) {
		if (!view->servers[k].takes)
			continue;
		target = least_of(pour, most(st, &view->servers[k]));
		pour -= target;
	}
	return (int64_t)view->servers[i].clients - (int64_t)target;
}

/* Givers and takers in the order of their names stand along one line, a client a step: who gives
 * from `at` on gives to whoever takes there. So two servers never give to the same place. */
static size_t plan(void *policy, const struct gw_policy_view *view, struct gw_policy_order *out,
                   size_t max)
{
	struct fill_state *st = policy;
	int64_t give = beyond(st, view, view->here), at = 0;
	size_t n = 0;

	if (give <= option(st, "slack"))
		return 0;
	for (size_t i = 0; i < view->here; i++)
		at += beyond(st, view, i) > 0 ? beyond(st, view, i) : 0;
	for (size_t i = 0; i < view->n && n < max && give > 0; i++) {
		int64_t lacks = -beyond(st, view, i), part;

		if (lacks <= at) {
			at -= lacks > 0 ? lacks : 0;
			continue;
		}
		part = (int64_t)least_of((uint64_t)(lacks - at), (uint64_t)give);
		out[n++] = (struct gw_policy_order){.to = i, .count = (uint32_t)part};
		give -= part;
		at = 0;
	}
	return n;
}

/* The first that is not full; the first that takes anybody at all, when all are. */
static int recipient(void *policy, const struct gw_policy_view *view)
{
	int any = -1;

	for (size_t i = 0; i < view->n; i++) {
		const struct gw_policy_server *s = &view->servers[i];

		if (s->here || !s->takes)
			continue;
		if (s->clients < most(policy, s))
			return (int)i;
		if (any < 0)
			any = (int)i;
	}
	return any;
}

static int asked(void *policy, const struct gw_policy_view *view, int wanted, struct gw_error *why)
{
	int to = recipient(policy, view);

	if (to >= 0 && (size_t)to < view->here && (wanted < 0 || wanted == to))
		return to;
	return gw_fail(why, -EPERM, "Servers are filled in the order of their names");
}

static int newcomer(void *policy, const struct gw_policy_view *view)
{
	int to = recipient(policy, view);
	const struct gw_policy_server *here = &view->servers[view->here];

	return to >= 0 && ((size_t)to < view->here || here->clients > most(policy, here)) ? to : -1;
}

static void describe(void *policy, char *out, size_t max)
{
	snprintf(out, max, "fill: each server up to %lld %%, in the order of names",
	         (long long)option(policy, "share"));
}

static const struct gw_policy_ops ops = {
	.plan = plan,
	.recipient = recipient,
	.asked = asked,
	.newcomer = newcomer,
	.describe = describe,
};

static const struct gw_interface_row interfaces[] = {
	{"policy", 1, 0, &ops},
	{NULL, 0, 0, NULL},
};

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	(void)why;
	(void)err;
	((struct fill_state *)state)->self = self;
	return 0;
}

GW_MODULE(fill) = {
	.abi = GW_ABI,
	.name = "fill",
	.version = "1.0",
	.summary = "an example of a policy: fills one server after the other",
	.interfaces = interfaces,
	.options = options,
	.state_size = sizeof(struct fill_state),
	.state_version = 1,
	.load = load,
};
