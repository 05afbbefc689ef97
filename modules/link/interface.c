/*
 * link/interface.c - the interface "link": what other modules do with links. Links that are
 * closing, or wait behind another, are not there for them.
 */
#include "key.h"
#include "net.h"
#include <errno.h>

static const struct gw_link *op_next(void *impl, const struct gw_link *after)
{
	struct link_state *st = impl;
	struct link *link = links_next(st, after == NULL ? NULL : link_find(st, after->id));

	return link == NULL ? NULL : &link->pub;
}

static struct link *find_up(void *impl, uint64_t id)
{
	struct link *link = link_find(impl, id);

	return link != NULL && link_up(link) ? link : NULL;
}

static const struct gw_link *op_find(void *impl, uint64_t id)
{
	struct link *link = find_up(impl, id);

	return link == NULL ? NULL : &link->pub;
}

static int op_send(void *impl, uint64_t id, uint8_t kind, const void *body, size_t n)
{
	struct link *link = find_up(impl, id);

	if (link == NULL)
		return -ENOTCONN;
	if (n > GW_FRAME_MAX)
		return -EMSGSIZE;
	flow_send(impl, link, &(struct gw_frame){.kind = kind, .body = body, .n = n});
	return 0;
}

static int op_route(void *impl, const struct gw_frame *frame)
{
	return route_send(impl, frame);
}

static size_t op_room(void *impl, uint64_t id)
{
	struct link *link = find_up(impl, id);

	return link == NULL ? 0 : flow_room(impl, link);
}

static void op_set_live(void *impl, uint64_t id, bool live)
{
	struct link *link = find_up(impl, id);

	if (link != NULL && link->pub.spare && live)
		turn_accepted(impl, link);
	else if (link != NULL)
		link->pub.live = live;
}

static void op_close(void *impl, uint64_t id, enum gw_goodbye code, const char *text)
{
	struct link *link = find_up(impl, id);

	if (link != NULL)
		link_close(impl, link, code, "%s", text);
}

static void op_own_key(void *impl, char out[64])
{
	key_text(own_key(impl), out);
}

static bool op_lists_key(void *impl, const char *server, const char *key)
{
	struct link_state *st = impl;
	struct known *known = server != NULL ? known_by_name(st, server) : st->known_names;
	uint8_t pk[KEY_BYTES];

	if (key_parse(key, pk, NULL) != 0)
		return false;
	while (known != NULL && !known_has_key(known, pk))
		known = server != NULL ? NULL : known->by_name.next;
	return known != NULL;
}

static bool has_way_in(struct link_state *st, const struct known *known)
{
	const struct known *own = known_own(st);

	return known->n_addresses > 0 && known_oldest_key(known) != NULL &&
	       (own == NULL || !gw_id_is(known->id, own->id));
}

/* Those that are linked, then the others: the first `turn` are passed over. */
static int op_way_in(void *impl, size_t turn, char address[300], char key[64])
{
	struct link_state *st = impl;
	size_t seen = 0;

	for (int linked = 1; linked >= 0; linked--)
		for (struct known *k = st->known_names; k != NULL; k = k->by_name.next) {
			if (!has_way_in(st, k) || (link_with(st, k->id) != NULL) != linked ||
			    seen++ < turn)
				continue;
			snprintf(address, 300, "%s", k->addresses[0]);
			key_text(known_oldest_key(k)->pk, key);
			return 0;
		}
	return -ENOENT;
}

const struct gw_link_ops link_ops = {
	.next = op_next,
	.find = op_find,
	.send = op_send,
	.route = op_route,
	.room = op_room,
	.set_live = op_set_live,
	.close = op_close,
	.join = uplinks_join,
	.cancel_join = uplinks_cancel_join,
	.own_key = op_own_key,
	.lists_key = op_lists_key,
	.way_in = op_way_in,
	.n_uplinks = uplinks_count,
	.leave = leave_begin,
	.stay = leave_end,
};
