/*
 * attempts.c - how often an address may try a password, a code or a registration: a bucket of
 * tokens that refills.
 *
 * An IPv6 address counts as its /64. The table is bounded; whoever is not in it has a full bucket,
 * so the oldest go first.
 */
#include "account.h"
#include <arpa/inet.h>

#define ADDRESSES_MAX 20000
#define SWEEP (60 * GW_SECOND)

struct attempts {
	struct in6_addr address; /* the host part of IPv6 is zero */
	double left;
	int64_t since_ns;
	UT_hash_handle hh;
};

/* False for what has no address (a Unix socket). */
static bool network_of(const char *text, struct in6_addr *out)
{
	struct in_addr v4;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4) == 1) {
		memcpy(&out->s6_addr[12], &v4, sizeof(v4));
		return true;
	}
	if (inet_pton(AF_INET6, text, out) != 1)
		return false;
	memset(&out->s6_addr[8], 0, 8);
	return true;
}

static void drop(struct account *st, struct attempts *a)
{
	struct gw_self *self = st->self;

	HASH_DELETE(hh, st->attempts, a);
	gw_free(self, a);
}

static void refill(struct account *st, struct attempts *a)
{
	double limit = (double)option(st, "attempts");
	int64_t now = gw_mono_ns(st->self);

	a->left += limit * (double)(now - a->since_ns) / (double)option(st, "attempts-window");
	if (a->left > limit)
		a->left = limit;
	a->since_ns = now;
}

static struct attempts *attempts_of(struct account *st, const struct in6_addr *address)
{
	struct gw_self *self = st->self;
	struct attempts *a;

	HASH_FIND(hh, st->attempts, address, sizeof(*address), a);
	if (a != NULL)
		return a;
	if (HASH_COUNT(st->attempts) >= ADDRESSES_MAX)
		drop(st, st->attempts);
	a = gw_alloc(self, sizeof(*a));
	a->address = *address;
	a->left = (double)option(st, "attempts");
	a->since_ns = gw_mono_ns(self);
	HASH_ADD(hh, st->attempts, address, sizeof(a->address), a);
	if (st->forget == NULL) {
		st->forget = gw_timer_new(self, gw_call(self, CALL_FORGET, 0));
		gw_timer_set(st->forget, self, SWEEP);
	}
	return a;
}

bool attempt_take(struct account *st, struct gw_client *c)
{
	struct in6_addr address;
	struct attempts *a;

	if (c->exempt || !network_of(c->info->address, &address))
		return true;
	a = attempts_of(st, &address);
	refill(st, a);
	if (a->left < 1) {
		st->counts.throttled++;
		return false;
	}
	a->left -= 1;
	return true;
}

void call_forget(void *state, uint64_t tag)
{
	struct account *st = state;
	struct attempts *a, *next;

	(void)tag;
	for (a = st->attempts; a != NULL; a = next) {
		next = a->hh.next;
		refill(st, a);
		if (a->left >= (double)option(st, "attempts"))
			drop(st, a);
	}
	if (st->attempts == NULL)
		gw_timer_free(&st->forget, st->self);
	else
		gw_timer_set(st->forget, st->self, SWEEP);
}

void attempts_free(struct account *st)
{
	while (st->attempts != NULL)
		drop(st, st->attempts);
}
