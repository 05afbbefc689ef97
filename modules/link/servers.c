/*
 * link/servers.c - the servers of the services database: names, keys, addresses.
 *
 * Few, so all are kept in memory: read by a walk at the start and whenever the database has become
 * another one, then followed by the topic "services.changed". Whatever rests on a key or a server
 * that is gone is looked at right behind a change, before anything else runs.
 */
#include "key.h"
#include "link.h"
#include "net.h"
#include <arpa/inet.h>
#include <errno.h>
#include <godwit/parts.h>
#include <stdlib.h>

#define RETRY_NS GW_SECOND

/** A key that some server's `keyrev` names: it never comes back, so this is only freed at the end.
 */
struct revoked {
	uint8_t fingerprint[KEY_BYTES];
	UT_hash_handle hh;
};

/* --- looking --- */

struct known *known_by_name(struct link_state *st, const char *name)
{
	struct gw_self *self = st->self;
	char folded[GW_NAME_MAX + 1];
	struct known *known = NULL;
	int n = GW_VIA(st->services, gw_services_ops, fold, name, folded);

	if (n > 0)
		HASH_FIND(by_name, st->known_names, folded, (unsigned)n, known);
	return known;
}

struct known *known_by_id(struct link_state *st, struct gw_id id)
{
	struct gw_self *self = st->self;
	struct known *known;

	HASH_FIND(by_id, st->known_ids, &id, sizeof(id), known);
	return known;
}

bool known_has_key(const struct known *known, const uint8_t pk[KEY_BYTES])
{
	for (size_t i = 0; i < known->n_keys; i++)
		if (!known->keys[i].revoked && memcmp(known->keys[i].pk, pk, KEY_BYTES) == 0)
			return true;
	return false;
}

const struct known_key *known_oldest_key(const struct known *known)
{
	for (size_t i = 0; i < known->n_keys; i++)
		if (!known->keys[i].revoked)
			return &known->keys[i];
	return NULL;
}

const struct known_key *known_newest_key(const struct known *known)
{
	for (size_t i = known->n_keys; i > 0; i--)
		if (!known->keys[i - 1].revoked)
			return &known->keys[i - 1];
	return NULL;
}

static bool revoked_fingerprint(struct link_state *st, const uint8_t fingerprint[KEY_BYTES])
{
	struct gw_self *self = st->self;
	struct revoked *revoked;

	HASH_FIND(hh, st->revoked, fingerprint, KEY_BYTES, revoked);
	return revoked != NULL;
}

bool known_revoked(struct link_state *st, const uint8_t pk[KEY_BYTES])
{
	uint8_t fingerprint[KEY_BYTES];

	key_fingerprint(pk, fingerprint);
	return revoked_fingerprint(st, fingerprint);
}

struct known *known_of_key(struct link_state *st, const uint8_t pk[KEY_BYTES])
{
	struct known *known;

	for (known = st->known_ids; known != NULL; known = known->by_id.next)
		for (size_t i = 0; i < known->n_keys; i++)
			if (memcmp(known->keys[i].pk, pk, KEY_BYTES) == 0)
				return known;
	return NULL;
}

bool known_ready(const struct link_state *st)
{
	return st->known_read;
}

struct known *known_own(struct link_state *st)
{
	struct gw_id server = {0, 0}, life;

	if (st->replica->ops != NULL)
		GW_VIA(st->replica, gw_replica_ops, identity, &server, &life);
	if (!gw_id_none(server))
		return known_by_id(st, server);
	return known_by_name(st, gw_server_string(st->self, "server"));
}

/* Numeric hosts as 16 bytes, IPv4 mapped into IPv6. */
static bool numeric(const char *host, uint8_t out[16])
{
	struct in_addr v4;

	if (inet_pton(AF_INET6, host, out) == 1)
		return true;
	if (inet_pton(AF_INET, host, &v4) != 1)
		return false;
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, &v4, 4);
	return true;
}

static bool same_host(const char *listed, const char *address)
{
	char host[ADDRESS_MAX + 1];
	uint8_t a[16], b[16];

	if (strncmp(listed, "unix:", 5) == 0)
		return strcmp(address, "unix") == 0;
	return address_host(listed, host) && numeric(host, a) && numeric(address, b) &&
	       memcmp(a, b, 16) == 0;
}

bool known_lists_address(struct link_state *st, const char *address)
{
	struct known *known;

	for (known = st->known_ids; known != NULL; known = known->by_id.next)
		for (size_t i = 0; i < known->n_addresses; i++)
			if (same_host(known->addresses[i], address))
				return true;
	return false;
}

/* --- an entity --- */

static void known_free(struct link_state *st, struct known *known)
{
	struct gw_self *self = st->self;

	for (size_t i = 0; i < known->n_addresses; i++)
		gw_free(self, known->addresses[i]);
	gw_free(self, known);
}

/* The index of names holds it no more, and is made anew behind the change. */
static void drop(struct link_state *st, struct known *known)
{
	struct gw_self *self = st->self;

	HASH_CLEAR(by_name, st->known_names);
	HASH_DELETE(by_id, st->known_ids, known);
	known_free(st, known);
}

/* The revocations of all servers count for the keys of each. */
static void mark_revoked(struct link_state *st)
{
	struct known *known;

	for (known = st->known_ids; known != NULL; known = known->by_id.next)
		for (size_t i = 0; i < known->n_keys; i++)
			known->keys[i].revoked = known_revoked(st, known->keys[i].pk);
}

/* A few names: made anew at each change. */
static void index_names(struct link_state *st)
{
	struct gw_self *self = st->self;
	struct known *known, *other;

	HASH_CLEAR(by_name, st->known_names);
	for (known = st->known_ids; known != NULL; known = known->by_id.next) {
		size_t n = strlen(known->folded);

		HASH_FIND(by_name, st->known_names, known->folded, n, other);
		if (n == 0 || (other != NULL && gw_stamp_cmp(other->claim, known->claim) < 0))
			continue;
		if (other != NULL)
			HASH_DELETE(by_name, st->known_names, other);
		HASH_ADD_KEYPTR(by_name, st->known_names, known->folded, n, known);
	}
}

static void take_name(struct known *known, const struct gw_cell *cell)
{
	size_t n = cell->sub.n > 0 ? cell->sub.n - 1 : 0;

	if (n == 0 || n > GW_SERVER_MAX || *(const char *)cell->sub.p != GW_NAME_SERVER ||
	    !gw_part_text(cell->value, 2, known->name, sizeof(known->name)))
		return;
	memcpy(known->folded, (const char *)cell->sub.p + 1, n);
	known->folded[n] = '\0';
	known->claim.clock = gw_part_u64(cell->value, 0, 0);
	known->claim.origin = gw_part_u64(cell->value, 1, 0);
}

const struct known_key *known_oldest_revoked(const struct known *known)
{
	for (size_t i = 0; i < known->n_keys; i++)
		if (known->keys[i].revoked)
			return &known->keys[i];
	return NULL;
}

/* The oldest that is revoked makes room, so that keys can be changed for ever. False: that is
 * `key` itself. */
static bool make_room(struct known *known, const struct known_key *key)
{
	const struct known_key *oldest = known_oldest_revoked(known);
	size_t at;

	if (known->n_keys < KEYS_PER_SERVER)
		return true;
	if (oldest == NULL)
		return !key->revoked;
	if (key->revoked && gw_stamp_cmp(key->since, oldest->since) < 0)
		return false;
	at = (size_t)(oldest - known->keys);
	known->n_keys--;
	memmove(&known->keys[at], &known->keys[at + 1],
	        (known->n_keys - at) * sizeof(known->keys[0]));
	return true;
}

/* The oldest first. A server that lists more live keys than there is room for has the newest of
 * them left out: an operator who adds another is told so. */
static void take_key(struct link_state *st, struct known *known, const struct gw_cell *cell)
{
	struct known_key key = {.since = cell->stamp};
	uint8_t fingerprint[KEY_BYTES];
	struct gw_blob pk;
	size_t at;

	if (cell->sub.n != KEY_BYTES || !gw_part(cell->value, 0, &pk) || pk.n != KEY_BYTES ||
	    !key_usable(pk.p))
		return;
	memcpy(key.pk, pk.p, KEY_BYTES);
	key_fingerprint(key.pk, fingerprint);
	if (memcmp(fingerprint, cell->sub.p, KEY_BYTES) != 0)
		return;
	key.revoked = revoked_fingerprint(st, fingerprint);
	if (!make_room(known, &key))
		return;
	for (at = known->n_keys; at > 0; at--)
		if (gw_stamp_cmp(known->keys[at - 1].since, key.since) < 0)
			break;
	if (at == KEYS_PER_SERVER)
		return;
	if (known->n_keys == KEYS_PER_SERVER)
		known->n_keys--;
	memmove(&known->keys[at + 1], &known->keys[at],
	        (known->n_keys - at) * sizeof(known->keys[0]));
	known->keys[at] = key;
	known->n_keys++;
}

static void take_revocation(struct link_state *st, const struct gw_cell *cell)
{
	struct gw_self *self = st->self;
	struct revoked *revoked;

	if (cell->sub.n != KEY_BYTES || revoked_fingerprint(st, cell->sub.p))
		return;
	revoked = gw_alloc(self, sizeof(*revoked));
	memcpy(revoked->fingerprint, cell->sub.p, KEY_BYTES);
	HASH_ADD(hh, st->revoked, fingerprint, KEY_BYTES, revoked);
}

static void take_address(struct link_state *st, struct known *known, const struct gw_cell *cell)
{
	char text[ADDRESS_MAX + 1], number[4] = "";

	if (known->n_addresses == ADDRESSES_PER_SERVER || cell->sub.n >= sizeof(number) ||
	    !gw_part_text(cell->value, 0, text, sizeof(text)) || !address_valid(text))
		return;
	memcpy(number, cell->sub.p, cell->sub.n);
	known->numbers[known->n_addresses] = (uint32_t)strtoul(number, NULL, 10);
	known->addresses[known->n_addresses++] = gw_strdup(st->self, text);
}

static void take_cell(struct link_state *st, struct known *known, const struct gw_cell *cell)
{
	switch (cell->field) {
	case GW_F_NAME:
		take_name(known, cell);
		break;
	case GW_F_KEY:
		take_key(st, known, cell);
		break;
	case GW_F_ADDR:
		take_address(st, known, cell);
		break;
	case GW_F_WEIGHT:
		known->weight = (uint32_t)gw_part_u64(cell->value, 0, 0);
		break;
	default:
		break;
	}
}

static struct known *known_make(struct link_state *st, struct gw_id id)
{
	struct gw_self *self = st->self;
	struct known *known = gw_alloc(self, sizeof(*known));

	known->id = id;
	HASH_ADD(by_id, st->known_ids, id, sizeof(id), known);
	return known;
}

static void take_revocations(struct link_state *st, const struct gw_entity *entity)
{
	for (size_t i = 0; i < entity->n; i++)
		if (entity->cells[i].field == GW_F_KEYREV)
			take_revocation(st, &entity->cells[i]);
}

/* Keys of servers that were removed: their own cells went with them. */
static void take_network(struct link_state *st, const struct gw_entity *entity)
{
	if (gw_id_none(st->network_id) || entity->id.clock < st->network_id.clock)
		st->network_id = entity->id;
	take_revocations(st, entity);
}

static void take_entity(struct link_state *st, const struct gw_entity *entity)
{
	struct gw_self *self = st->self;
	struct known *known = known_by_id(st, entity->id);

	if (known == NULL)
		known = known_make(st, entity->id);
	for (size_t i = 0; i < known->n_addresses; i++)
		gw_free(self, known->addresses[i]);
	known->n_keys = known->n_addresses = 0;
	known->name[0] = known->folded[0] = '\0';
	known->weight = WEIGHT_USUAL;
	known->seen = st->walk;
	take_revocations(st, entity);
	for (size_t i = 0; i < entity->n; i++)
		take_cell(st, known, &entity->cells[i]);
}

/* --- after a change --- */

static void changed(struct link_state *st)
{
	mark_revoked(st);
	index_names(st);
	links_recheck(st);
	handshakes_servers_changed(st);
	own_look(st);
	verbs_init_look(st);
	uplinks_look(st);
	gw_notify(st->self, st->servers, NULL);
}

/* --- the walk --- */

static void read_later(struct link_state *st)
{
	if (st->reading == NULL)
		st->reading = gw_timer_new(st->self, gw_call(st->self, CALL_SERVERS_RETRY, 0));
	gw_timer_set(st->reading, st->self, RETRY_NS);
}

static void walk_begin(struct link_state *st, uint8_t class)
{
	st->walking = GW_VIA(st->services, gw_services_ops, walk, class,
	                     gw_call(st->self, CALL_SERVERS_WALK, class)) == 0;
	if (!st->walking)
		read_later(st);
}

/* First the network's own entity, then the servers. */
void servers_read(struct link_state *st)
{
	if (st->walking) {
		st->walk_again = true;
		return;
	}
	st->walk++;
	st->walk_again = false;
	st->network_id = (struct gw_id){0, 0};
	walk_begin(st, GW_CLASS_NETWORK);
}

void servers_retry(void *state, uint64_t tag)
{
	(void)tag;
	servers_read(state);
}

static void walk_over(struct link_state *st, int status)
{
	struct known *known, *next;

	st->walking = false;
	if (status != 0) {
		gw_log(st->self, GW_ERROR,
		       "the servers cannot be read from the services database status=%d", status);
		read_later(st);
		return;
	}
	if (st->walk_again) {
		servers_read(st);
		return;
	}
	for (known = st->known_ids; known != NULL; known = next) {
		next = known->by_id.next;
		if (known->seen != st->walk)
			drop(st, known);
	}
	st->known_read = true;
	changed(st);
}

void servers_walk(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	if (entity != NULL && tag == GW_CLASS_NETWORK)
		take_network(state, entity);
	else if (entity != NULL)
		take_entity(state, entity);
	else if (tag == GW_CLASS_NETWORK && status == 0)
		walk_begin(state, GW_CLASS_SERVER);
	else
		walk_over(state, status);
}

/* --- changes --- */

void servers_entity(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct link_state *st = state;

	if (status == 0) {
		take_entity(st, entity);
		changed(st);
	} else if (status != -ENOENT) { /* that is told by itself */
		read_later(st);
	}
	if (tag != 0)
		requests_read(st, tag);
}

/* What a walk under way has read may be older than the change. */
void servers_changed(void *state, uint64_t tag, const void *payload)
{
	struct link_state *st = state;
	const struct gw_services_change *change = payload;
	struct known *known;

	(void)tag;
	if (change->class != GW_CLASS_SERVER && change->class != GW_CLASS_NETWORK)
		return;
	if (st->walking || !st->known_read || change->class == GW_CLASS_NETWORK) {
		servers_read(st);
		return;
	}
	if (!change->dead) {
		if (GW_VIA(st->services, gw_services_ops, read, change->class, change->id,
		           gw_call(st->self, CALL_SERVER_READ, 0)) != 0)
			read_later(st);
		return;
	}
	known = known_by_id(st, change->id);
	if (known == NULL)
		return;
	drop(st, known);
	changed(st);
}

/* The database has become another one: a join is complete, or it was set aside. What was known says
 * nothing of it. */
void servers_membership(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	(void)payload;
	((struct link_state *)state)->known_read = false;
	servers_read(state);
}

void servers_free(struct link_state *st)
{
	struct gw_self *self = st->self;
	struct revoked *revoked, *next;

	while (st->known_ids != NULL)
		drop(st, st->known_ids);
	HASH_ITER (hh, st->revoked, revoked, next) {
		HASH_DELETE(hh, st->revoked, revoked);
		gw_free(self, revoked);
	}
	gw_timer_free(&st->reading, self);
}
