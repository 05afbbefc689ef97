/*
 * link/uplinks.c - whom to dial and when.
 *
 * Who is out of sight is dialled, in the order of the option `uplinks` or the heavier first, a few
 * at a time: the dead do not hold up those that answer. While a link that has just come up brings
 * servers into sight nobody else is dialled. What would close a circle is refused, and left in
 * peace until it is out of sight. After a failure a server is dialled again later and later.
 */
#include "key.h"
#include "net.h"
#include <errno.h>

#define TICK_NS GW_SECOND
#define LIVED_NS (60 * GW_SECOND)    /* a link that lived so long was a good one */
#define ATTEMPTS_MAX 4               /* at a time */
#define SETTLING_NS (10 * GW_SECOND) /* in which a new link shows what is behind it */
#define JOIN_EAGER_NS (600 * GW_SECOND)

/** A server that was dialled, or a join. */
struct uplink {
	char name[GW_SERVER_MAX + 1];
	uint64_t dial; /* the attempt under way, 0: none */
	int64_t due_ns, retry_ns, since_ns;
	size_t turn; /* which address it is: the next one, when this one has failed */
	bool off;    /* disconnected by an operator */
	uint8_t reserved[7];
	struct gw_admin_request *req;  /* who waits for what becomes of the attempt */
	char address[ADDRESS_MAX + 1]; /* a join's */
	uint8_t pin[KEY_BYTES];
	UT_hash_handle hh;
};

const struct gw_node *in_sight(struct link_state *st, struct gw_id server)
{
	const struct gw_node *node;

	for (node = NETWORK(st, nodes); node != NULL; node = node->next)
		if (!gw_id_none(server) && gw_id_is(node->id, server))
			return node;
	return NULL;
}

static struct uplink *uplink_of(struct link_state *st, const char *name)
{
	struct gw_self *self = st->self;
	struct uplink *up;

	HASH_FIND_STR(st->uplinks, name, up);
	if (up != NULL)
		return up;
	up = gw_alloc(self, sizeof(*up));
	snprintf(up->name, sizeof(up->name), "%s", name);
	HASH_ADD_STR(st->uplinks, name, up);
	return up;
}

static struct uplink *uplink_dialling(struct link_state *st, uint64_t dial)
{
	struct uplink *up;

	if (st->join != NULL && st->join->dial == dial)
		return st->join;
	for (up = st->uplinks; up != NULL; up = up->hh.next)
		if (up->dial == dial)
			return up;
	return NULL;
}

/* `ns`, a fifth more or less. */
static int64_t jitter(struct link_state *st, int64_t ns)
{
	return ns / 5 * 4 + (int64_t)(gw_random_u64(st->self) % (uint64_t)(ns / 5 * 2 + 1));
}

static void answer(struct link_state *st, struct uplink *up, int status, const char *text)
{
	if (up->req == NULL)
		return;
	if (status == 0)
		gw_admin_text(st->self, up->req, text);
	gw_admin_done(st->self, &up->req, status, status == 0 ? "" : text);
}

/* --- dialling --- */

static void dial(struct link_state *st, struct uplink *up, const struct known *known)
{
	const char *address = known->addresses[up->turn % known->n_addresses];

	up->dial = ++st->last_dial;
	gw_log(st->self, GW_INFO, "dialling peer=%s address=\"%s\"", up->name, address);
	attempt_dial(st, up->dial, address, known, NULL);
}

static void again_later(struct link_state *st, struct uplink *up)
{
	const struct link_settings *s = &st->settings;

	up->retry_ns = up->retry_ns == 0 ? s->retry_least_ns : 2 * up->retry_ns;
	if (up->retry_ns > s->retry_most_ns)
		up->retry_ns = s->retry_most_ns;
	up->due_ns = gw_mono_ns(st->self) + jitter(st, up->retry_ns);
}

/* It is in sight; when it is not any more it is dialled at once. If both parts have been joined
 * twice at one time, the next attempt is at another time than the other side's. */
static void spare(struct link_state *st, struct uplink *up)
{
	int64_t least = st->settings.retry_least_ns;

	up->retry_ns = 0;
	up->due_ns = gw_mono_ns(st->self) + least / 2 +
	             (int64_t)(gw_random_u64(st->self) % (uint64_t)least);
}

static bool may_dial(struct link_state *st, const struct known *known)
{
	struct uplink *up = uplink_of(st, known->name);

	return up->dial == 0 && !up->off && up->due_ns <= gw_mono_ns(st->self) &&
	       link_with(st, known->id) == NULL && in_sight(st, known->id) == NULL;
}

bool dialable(struct link_state *st, const struct known *known)
{
	return known != NULL && known->n_addresses > 0 && known != known_own(st) &&
	       known_oldest_key(known) != NULL;
}

static struct known *choose_listed(struct link_state *st, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct known *known = known_by_name(st, names[i]);

		if (dialable(st, known) && may_dial(st, known))
			return known;
	}
	return NULL;
}

/* The heavier are likelier. */
static struct known *choose_any(struct link_state *st)
{
	struct known *known, *best = NULL;
	uint64_t most = 0;

	for (known = st->known_names; known != NULL; known = known->by_name.next) {
		uint64_t score;

		if (!dialable(st, known) || !may_dial(st, known))
			continue;
		score = ((uint64_t)known->weight + 1) * (1000 + gw_random_u64(st->self) % 1000);
		if (score > most) {
			most = score;
			best = known;
		}
	}
	return best;
}

static struct known *choose(struct link_state *st)
{
	const char *const *names;
	size_t n = gw_option_list(st->self, gw_options(st->self), "uplinks", &names);

	return n > 0 ? choose_listed(st, names, n) : choose_any(st);
}

/* A few attempts are enough, and none while a link may be about to bring everybody into sight. */
static bool busy(struct link_state *st)
{
	int64_t now = gw_mono_ns(st->self);
	unsigned attempts = 0;
	struct uplink *up;
	struct link *link;

	for (up = st->uplinks; up != NULL; up = up->hh.next)
		attempts += up->dial != 0;
	for (link = st->links; link != NULL; link = link->hh.next)
		if (link->phase != LINK_CLOSING && in_sight(st, link->pub.server) == NULL &&
		    now - link->pub.since_ns < SETTLING_NS)
			return true;
	return attempts >= ATTEMPTS_MAX;
}

static bool member(struct link_state *st)
{
	return st->replica->ops == NULL || REPLICA(st, membership) == GW_MEMBER_FULL;
}

static void look_for_uplink(struct link_state *st)
{
	struct known *known;

	if (!st->known_read || !member(st) || st->join != NULL || st->leave.on || busy(st))
		return;
	known = choose(st);
	if (known != NULL)
		dial(st, uplink_of(st, known->name), known);
}

/* --- joins --- */

static void look_at_join(struct link_state *st)
{
	struct uplink *up = st->join;

	if (up == NULL || up->dial != 0 || up->due_ns > gw_mono_ns(st->self))
		return;
	up->dial = ++st->last_dial;
	attempt_dial(st, up->dial, up->address, NULL, up->pin);
}

static void join_later(struct link_state *st, struct uplink *up, const char *sentence)
{
	int64_t now = gw_mono_ns(st->self);

	if (now - up->since_ns < JOIN_EAGER_NS) {
		up->retry_ns = st->settings.retry_least_ns;
		up->due_ns = now + up->retry_ns;
	} else {
		again_later(st, up);
	}
	gw_log(st->self, GW_INFO,
	       "joining: not let in yet address=\"%s\" why=\"%s\" again-in=%llds", up->address,
	       sentence, (long long)((up->due_ns - now) / GW_SECOND));
}

int uplinks_join(void *link, const char *address, const char *key, struct gw_error *err)
{
	struct link_state *st = link;
	uint8_t pin[KEY_BYTES];
	int status;

	if (!address_valid(address))
		return gw_fail(err, -EINVAL, "\"%s\" is no address: HOST:PORT", address);
	status = key_parse(key, pin, err);
	if (status != 0)
		return status;
	uplinks_cancel_join(st);
	st->join = gw_alloc(st->self, sizeof(*st->join));
	snprintf(st->join->address, sizeof(st->join->address), "%s", address);
	memcpy(st->join->pin, pin, KEY_BYTES);
	st->join->since_ns = gw_mono_ns(st->self);
	look_at_join(st);
	return 0;
}

void uplinks_cancel_join(void *link)
{
	struct link_state *st = link;
	struct uplink *up = st->join;

	if (up == NULL)
		return;
	st->join = NULL;
	if (up->dial != 0)
		attempts_cancel(st, up->dial);
	gw_free(st->self, up);
}

size_t uplinks_count(void *link)
{
	struct link_state *st = link;
	struct known *known;
	size_t n = 0;

	if (!st->known_read)
		return GW_UPLINKS_UNKNOWN;
	for (known = st->known_names; known != NULL; known = known->by_name.next)
		n += dialable(st, known);
	return n;
}

/* --- what becomes of it --- */

/* One by one, without a pause: the server is there if any of them is. False: that was the last. */
static bool next_address(struct link_state *st, struct uplink *up)
{
	const struct known *known = known_by_name(st, up->name);

	up->turn++;
	if (st->stopping || up->off || !dialable(st, known) || up->turn % known->n_addresses == 0 ||
	    link_with(st, known->id) != NULL || in_sight(st, known->id) != NULL)
		return false;
	if (up->req != NULL || !busy(st))
		dial(st, up, known);
	else
		up->due_ns = 0;
	return true;
}

void uplinks_ended(struct link_state *st, uint64_t dial, const char *code, const char *sentence)
{
	struct uplink *up = uplink_dialling(st, dial);

	if (up == NULL) {
		turn_dial_ended(st, dial, code, sentence);
		return;
	}
	up->dial = 0;
	if (strcmp(code, "ok") == 0)
		return;
	if (up == st->join) {
		join_later(st, up, sentence);
	} else if (!next_address(st, up)) {
		answer(st, up, -ECONNREFUSED, sentence);
		again_later(st, up);
	}
}

void uplinks_link_up(struct link_state *st, struct link *link)
{
	struct uplink *up;

	if (link->who.joining) {
		/* Its number may still come back in uplinks_ended(), which then finds nothing. */
		gw_free(st->self, st->join);
		st->join = NULL;
		return;
	}
	up = uplink_of(st, link->name);
	answer(st, up, 0, "linked");
}

void uplinks_link_down(struct link_state *st, struct link *link)
{
	int64_t now = gw_mono_ns(st->self);
	struct uplink *up;

	if (link->who.joining)
		return;
	up = uplink_of(st, link->name);
	answer(st, up, -ECONNREFUSED, link->reason);
	if (now - link->pub.since_ns >= LIVED_NS)
		up->retry_ns = 0;
	if (link->bye == GW_BYE_CIRCLE)
		spare(st, up);
	else if (link->bye != GW_BYE_DOUBLE)
		again_later(st, up);
}

/* --- the operator's will --- */

bool uplinks_off(struct link_state *st, const char *name)
{
	struct gw_self *self = st->self;
	struct uplink *up;

	HASH_FIND_STR(st->uplinks, name, up);
	return up != NULL && up->off;
}

void uplinks_disconnect(struct link_state *st, const char *name)
{
	struct uplink *up = uplink_of(st, name);

	up->off = true;
	if (up->dial != 0)
		attempts_cancel(st, up->dial);
	up->dial = 0;
	answer(st, up, -ECANCELED, "disconnected meanwhile");
}

void uplinks_connect(struct link_state *st, struct known *known, struct gw_admin_request *req)
{
	struct uplink *up = uplink_of(st, known->name);

	up->off = false;
	up->retry_ns = 0;
	if (up->req != NULL) {
		gw_admin_done(st->self, &req, -EALREADY, "somebody else is connecting it");
		return;
	}
	up->req = req;
	if (up->dial == 0)
		dial(st, up, known);
}

/* --- */

void uplinks_look(struct link_state *st)
{
	if (st->dialling == NULL)
		st->dialling = gw_timer_new(st->self, gw_call(st->self, CALL_UPLINKS_TICK, 0));
	gw_timer_set(st->dialling, st->self,
	             (int64_t)(gw_random_u64(st->self) % (uint64_t)(TICK_NS / 2)));
}

void uplinks_eager(struct link_state *st)
{
	struct uplink *up;

	for (up = st->uplinks; up != NULL; up = up->hh.next)
		up->due_ns = up->retry_ns = 0;
	uplinks_look(st);
}

void uplinks_tick(void *state, uint64_t tag)
{
	struct link_state *st = state;

	(void)tag;
	if (st->stopping)
		return;
	gw_timer_set(st->dialling, st->self, TICK_NS);
	own_look(st);
	look_at_join(st);
	look_for_uplink(st);
}

void uplinks_free(struct link_state *st)
{
	struct gw_self *self = st->self;
	struct uplink *up, *next;

	HASH_ITER (hh, st->uplinks, up, next) {
		HASH_DELETE(hh, st->uplinks, up);
		gw_free(self, up);
	}
	gw_free(self, st->join);
	gw_timer_free(&st->dialling, self);
}
