/*
 * even/share.c - who should have how many clients, and how many go from here to whom.
 *
 * Every server computes the same from the same figures: each server's share of all clients, by
 * weight; who has more gives the difference, and all that is given away is split among those who
 * have less, in proportion. Each server carries out its own part. So the fewest possible moves make
 * the network even, and nobody is sent to and fro.
 *
 * It begins only when some server is far from its share, for a while, and goes on until all are
 * near. A server whose figures are old counts for nothing; one whose loop lags takes nobody.
 */
#include "even.h"
#include <errno.h>

/** A server in the reckoning. */
struct part {
	bool counts; /* its figures are fresh, and it is not on its way out */
	bool takes;
	int64_t share;        /* clients that it should have */
	int64_t more;         /* than that; negative: fewer */
	uint64_t deficit;     /* that may be filled */
	uint64_t given, rest; /* of a split: whole clients, and the remainder */
};

#define PARTS_MAX 512 /* servers; of a larger network the first by name are balanced */

/** The network at a moment. */
struct sum {
	struct part parts[PARTS_MAX];
	size_t n;
	uint64_t clients, weight, excess, deficit;
};

static bool fresh(const struct even_settings *set, const struct gw_policy_server *s)
{
	return s->age_ms <= set->age_ms;
}

/* Splits `whole` by `by(i)`: each gets its part rounded down, those with the largest remainders
 * what is left, the first by name of equal ones. Result in `given`. */
static void split(struct sum *sum, uint64_t whole, const uint64_t *by, uint64_t total)
{
	uint64_t left = whole;

	for (size_t i = 0; i < sum->n; i++) {
		__uint128_t exact = (__uint128_t)whole * by[i];

		sum->parts[i].given = (uint64_t)(exact / total);
		sum->parts[i].rest = (uint64_t)(exact % total);
		left -= sum->parts[i].given;
	}
	for (; left > 0; left--) {
		struct part *best = NULL;

		for (size_t i = 0; i < sum->n; i++)
			if (sum->parts[i].rest > 0 &&
			    (best == NULL || sum->parts[i].rest > best->rest))
				best = &sum->parts[i];
		if (best == NULL)
			return;
		best->given++;
		best->rest = 0;
	}
}

static void count(const struct even_settings *set, const struct gw_policy_view *view,
                  struct sum *sum)
{
	*sum = (struct sum){.n = view->n < PARTS_MAX ? view->n : PARTS_MAX};
	for (size_t i = 0; i < sum->n; i++) {
		const struct gw_policy_server *s = &view->servers[i];
		struct part *part = &sum->parts[i];

		part->counts = !s->draining && fresh(set, s);
		part->takes = part->counts && s->takes && s->lag_us <= set->lag_us;
		if (!part->counts)
			continue;
		sum->clients += s->clients;
		sum->weight += s->weight;
	}
}

static void give_shares(const struct gw_policy_view *view, struct sum *sum)
{
	uint64_t by[PARTS_MAX];

	for (size_t i = 0; i < sum->n; i++)
		by[i] = sum->parts[i].counts ? view->servers[i].weight : 0;
	split(sum, sum->clients, by, sum->weight);
	for (size_t i = 0; i < sum->n; i++) {
		const struct gw_policy_server *s = &view->servers[i];
		struct part *part = &sum->parts[i];

		if (!part->counts)
			continue;
		part->share = (int64_t)part->given;
		part->more = (int64_t)s->clients - part->share;
		if (part->more > 0)
			sum->excess += (uint64_t)part->more;
		else if (part->takes)
			part->deficit =
				(uint64_t)-part->more < s->room ? (uint64_t)-part->more : s->room;
		sum->deficit += part->deficit;
	}
}

static bool off_by(const struct part *part, uint32_t percent, uint32_t least)
{
	uint64_t off = (uint64_t)(part->more < 0 ? -part->more : part->more);

	return off > least && off * 100 > (uint64_t)part->share * percent;
}

/* Only what can be mended counts: somebody has too many and somebody could take them. */
static bool uneven(const struct sum *sum, uint32_t percent, uint32_t least)
{
	bool far = false;

	for (size_t i = 0; i < sum->n; i++)
		far |= sum->parts[i].counts &&
		       (sum->parts[i].more > 0 || sum->parts[i].deficit > 0) &&
		       off_by(&sum->parts[i], percent, least);
	return far && sum->excess > 0 && sum->deficit > 0;
}

/* Begins when it is far from even for a while, ends when it is nearly even. */
static bool is_active(const struct even_settings *set, struct even_memory *memory,
                      const struct sum *sum, int64_t now)
{
	if (memory->active) {
		memory->active = uneven(sum, set->end_percent, set->least / 2);
		return memory->active;
	}
	if (!uneven(sum, set->begin_percent, set->least)) {
		memory->since_ns = 0;
		return false;
	}
	if (memory->since_ns == 0)
		memory->since_ns = now | 1;
	memory->active = now - memory->since_ns >= set->patience_ns;
	if (memory->active)
		memory->since_ns = 0;
	return memory->active;
}

/* What here may give: all that it has too much, or its part of what the others can take. */
static uint64_t to_give(const struct gw_policy_view *view, const struct sum *sum)
{
	const struct part *here = &sum->parts[view->here];
	uint64_t give = here->more > 0 ? (uint64_t)here->more : 0;

	if (sum->excess > sum->deficit)
		give = (uint64_t)((__uint128_t)give * sum->deficit / sum->excess);
	return give < view->servers[view->here].movable ? give : view->servers[view->here].movable;
}

static size_t give_orders(struct sum *sum, uint64_t give, struct gw_policy_order *out, size_t max)
{
	uint64_t by[PARTS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < sum->n; i++)
		by[i] = sum->parts[i].deficit;
	split(sum, give, by, sum->deficit);
	for (size_t i = 0; i < sum->n && n < max; i++)
		if (sum->parts[i].given > 0)
			out[n++] = (struct gw_policy_order){.to = i,
			                                    .count = (uint32_t)sum->parts[i].given};
	return n;
}

static bool reckon(const struct even_settings *set, const struct gw_policy_view *view,
                   struct sum *sum)
{
	count(set, view, sum);
	if (view->here >= sum->n || !sum->parts[view->here].counts || sum->weight == 0)
		return false;
	give_shares(view, sum);
	return true;
}

size_t even_plan(const struct even_settings *set, struct even_memory *memory,
                 const struct gw_policy_view *view, struct gw_policy_order *out, size_t max)
{
	struct sum sum;
	uint64_t give;

	if (!reckon(set, view, &sum) || !is_active(set, memory, &sum, view->now_ns))
		return 0;
	give = to_give(view, &sum);
	return give == 0 ? 0 : give_orders(&sum, give, out, max);
}

/* --- one client --- */

/* Whether x has less to carry than y, one client more each. */
static bool lighter(const struct gw_policy_server *x, const struct gw_policy_server *y)
{
	return ((uint64_t)x->clients + 1) * y->weight < ((uint64_t)y->clients + 1) * x->weight;
}

static int lightest(const struct even_settings *set, const struct gw_policy_view *view,
                    bool lagging)
{
	int best = -1;

	for (size_t i = 0; i < view->n; i++) {
		const struct gw_policy_server *s = &view->servers[i];

		if (s->here || !s->takes || (s->lag_us > set->lag_us) != lagging)
			continue;
		if (best < 0 || lighter(s, &view->servers[best]))
			best = (int)i;
	}
	return best;
}

/* Who must leave goes to a server that lags rather than nowhere. */
int even_recipient(const struct even_settings *set, const struct gw_policy_view *view)
{
	int to = lightest(set, view, false);

	return to >= 0 ? to : lightest(set, view, true);
}

int even_asked(const struct even_settings *set, const struct gw_policy_view *view, int wanted,
               struct gw_error *why)
{
	const struct gw_policy_server *here = &view->servers[view->here];
	struct sum sum;

	if (wanted < 0) {
		wanted = lightest(set, view, false);
		if (wanted >= 0 && lighter(&view->servers[wanted], here))
			return wanted;
		return gw_fail(why, -EPERM, "This server is as good for you as any other");
	}
	if (!reckon(set, view, &sum) || (size_t)wanted >= sum.n || !sum.parts[wanted].takes)
		return gw_fail(why, -EPERM, "%s takes no clients now", view->servers[wanted].name);
	sum.parts[wanted].more++;
	if (sum.parts[wanted].more > 0 && off_by(&sum.parts[wanted], set->end_percent, set->least))
		return gw_fail(why, -EPERM, "%s has more than its share of clients",
		               view->servers[wanted].name);
	return wanted;
}

/* Here is over its share, and another under it. */
int even_newcomer(const struct even_settings *set, const struct gw_policy_view *view)
{
	struct sum sum;
	int to;

	if (!reckon(set, view, &sum))
		return -1;
	if (sum.parts[view->here].more <= 0 ||
	    !off_by(&sum.parts[view->here], set->end_percent, set->least / 2))
		return -1;
	to = lightest(set, view, false);
	return to >= 0 && (size_t)to < sum.n && sum.parts[to].deficit > 0 ? to : -1;
}
