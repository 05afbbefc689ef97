/*
 * link/own.c - this server's own entry of the services database.
 *
 * The first server of a network lists its key by itself, as there is nobody who could; those that
 * join were listed by an operator. Addresses are listed by each server itself, where it has none.
 */
#include "key.h"
#include "net.h"
#include <godwit/parts.h>

struct addresses {
	struct link_state *st;
	char (*out)[ADDRESS_MAX + 1];
	size_t n;
};

static void add_listener(void *ctx, const struct gw_listener *listener)
{
	struct addresses *list = ctx;
	const char *address = listener->address;
	char host[ADDRESS_MAX + 1], text[ADDRESS_MAX + 8];
	uint16_t port = listener->port;

	if (strcmp(listener->protocol, "link") != 0 || list->n == ADDRESSES_PER_SERVER ||
	    address_wildcard(address))
		return;
	if (address_host(address, host))
		snprintf(text, sizeof(text), strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host,
		         port);
	else
		snprintf(text, sizeof(text), "%s", address);
	if (address_valid(text))
		snprintf(list->out[list->n++], ADDRESS_MAX + 1, "%.*s", ADDRESS_MAX, text);
}

size_t own_addresses(struct link_state *st, char out[ADDRESSES_PER_SERVER][ADDRESS_MAX + 1])
{
	struct addresses list = {.st = st, .out = out};
	const char *const *items;
	size_t n = gw_option_list(st->self, gw_options(st->self), "advertise", &items);

	for (size_t i = 0; i < n && list.n < ADDRESSES_PER_SERVER; i++)
		snprintf(out[list.n++], ADDRESS_MAX + 1, "%s", items[i]);
	if (n == 0)
		gw_listeners(st->self, add_listener, &list);
	return list.n;
}

/** A transaction of a key and some addresses, with the memory of its values. */
struct entry {
	struct gw_write writes[1 + ADDRESSES_PER_SERVER];
	size_t n;
	uint8_t fingerprint[KEY_BYTES], bytes[1 + ADDRESSES_PER_SERVER][ADDRESS_MAX + 2];
	char subs[ADDRESSES_PER_SERVER][4];
};

static void put(struct entry *e, struct gw_id id, uint16_t field, struct gw_blob sub,
                const void *value, size_t n)
{
	struct gw_parts parts = {.bytes = e->bytes[e->n], .max = sizeof(e->bytes[0])};

	gw_parts_add(&parts, value, n);
	e->writes[e->n++] = (struct gw_write){
		.class = GW_CLASS_SERVER,
		.id = id,
		.field = field,
		.sub = sub,
		.value = gw_parts_value(&parts),
	};
}

static void put_addresses(struct link_state *st, struct entry *e, struct gw_id id)
{
	char addresses[ADDRESSES_PER_SERVER][ADDRESS_MAX + 1];
	size_t n = own_addresses(st, addresses);

	for (size_t i = 0; i < n; i++) {
		int length = snprintf(e->subs[i], sizeof(e->subs[i]), "%zu", i);

		put(e, id, GW_F_ADDR, (struct gw_blob){e->subs[i], (size_t)length}, addresses[i],
		    strlen(addresses[i]));
	}
}

static bool member(struct link_state *st)
{
	return st->replica->ops == NULL || REPLICA(st, membership) == GW_MEMBER_FULL;
}

/* Once: nobody will let it in. */
static void warn_unlisted(struct link_state *st, const struct known *own)
{
	char text[KEY_TEXT_SIZE];

	if (st->own_warned)
		return;
	st->own_warned = true;
	key_text(own_key(st), text);
	gw_log(st->self, GW_ERROR,
	       "the network does not list this server's key: on another server, run godwitctl "
	       "server key add %s %s",
	       own->name, text);
}

/* Once: nor will anybody who knows it by another name. */
static void warn_renamed(struct link_state *st, const struct known *own)
{
	const char *name = gw_server_string(st->self, "server");

	if (st->own_warned || strcasecmp(own->name, name) == 0)
		return;
	st->own_warned = true;
	gw_log(st->self, GW_ERROR,
	       "the network knows this server as %s: nobody links to it while it is called %s",
	       own->name, name);
}

void own_look(struct link_state *st)
{
	const struct known *own = known_own(st);
	const uint8_t *key = own_key(st);
	struct entry e = {.n = 0};
	bool alone = HASH_CNT(by_id, st->known_ids) == 1;

	if (own == NULL || !st->known_read || st->own_committing || !member(st))
		return;
	if (!known_has_key(own, key) && !alone)
		warn_unlisted(st, own);
	warn_renamed(st, own);
	if (!known_has_key(own, key) && alone && !known_revoked(st, key)) {
		key_fingerprint(key, e.fingerprint);
		put(&e, own->id, GW_F_KEY, (struct gw_blob){e.fingerprint, KEY_BYTES}, key,
		    KEY_BYTES);
	}
	if (own->n_addresses == 0)
		put_addresses(st, &e, own->id);
	if (e.n > 0)
		st->own_committing = SERVICES(st, commit, e.writes, e.n,
		                              gw_call(st->self, CALL_OWN_COMMITTED, 0)) == 0;
}

void servers_own_committed(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct link_state *st = state;

	(void)tag;
	(void)made;
	st->own_committing = false;
	if (status != 0)
		gw_log(st->self, GW_ERROR,
		       "this server's key and addresses cannot be listed status=%d", status);
}
