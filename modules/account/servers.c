/*
 * servers.c - which servers the network has, and which of them are out of sight: they may know of
 * an earlier claim on a name that is registered here.
 *
 * A member is a server entity (class S) with a living database (class O). Both are few, so all are
 * kept: read by two walks, then followed by "services.changed". What is in sight, the network says.
 */
#include "account.h"
#include <stdio.h>
#include <strings.h>

#define AGAIN_NS GW_SECOND
#define WEIGHT_USUAL 100

struct server {
	struct gw_id id;
	char name[GW_NAME_MAX + 1];
	uint64_t weight;
	UT_hash_handle hh;
};

/** A database of a server. */
struct life {
	struct gw_id id, server;
	UT_hash_handle hh;
};

static struct server *server_find(struct account *st, struct gw_id id)
{
	struct gw_self *self = st->self;
	struct server *server;

	HASH_FIND(hh, st->servers, &id, sizeof(id), server);
	return server;
}

static struct life *life_find(struct account *st, struct gw_id id)
{
	struct gw_self *self = st->self;
	struct life *life;

	HASH_FIND(hh, st->lives, &id, sizeof(id), life);
	return life;
}

/* --- reading them --- */

static void server_take(struct account *st, const struct gw_entity *entity)
{
	const struct gw_cell *name = gw_entity_cell(entity, GW_F_NAME, NULL, 0);
	const struct gw_cell *weight = gw_entity_cell(entity, GW_F_WEIGHT, NULL, 0);
	struct server *server = server_find(st, entity->id);
	struct gw_self *self = st->self;

	if (server == NULL) {
		server = gw_alloc(self, sizeof(*server));
		server->id = entity->id;
		HASH_ADD(hh, st->servers, id, sizeof(server->id), server);
	}
	server->weight =
		weight != NULL ? gw_part_u64(weight->value, 0, WEIGHT_USUAL) : WEIGHT_USUAL;
	if (name != NULL)
		gw_part_text(name->value, 2, server->name, sizeof(server->name));
}

static void life_take(struct account *st, const struct gw_entity *entity)
{
	const struct gw_cell *core = gw_entity_cell(entity, GW_F_CORE, NULL, 0);
	struct life *life = life_find(st, entity->id);
	struct gw_self *self = st->self;
	struct gw_blob server;

	if (life != NULL || core == NULL || !gw_part(core->value, 0, &server))
		return;
	life = gw_alloc(self, sizeof(*life));
	life->id = entity->id;
	life->server = gw_id_from(server);
	HASH_ADD(hh, st->lives, id, sizeof(life->id), life);
}

static void take(struct account *st, const struct gw_entity *entity)
{
	if (entity->class == GW_CLASS_SERVER)
		server_take(st, entity);
	else
		life_take(st, entity);
}

static void again_later(struct account *st)
{
	st->servers_read = false;
	if (st->servers_again == NULL)
		st->servers_again =
			gw_timer_new(st->self, gw_call(st->self, CALL_SERVERS_AGAIN, 0));
	gw_timer_set(st->servers_again, st->self, AGAIN_NS);
}

/* The tag is the class. */
static void walk(struct account *st, uint8_t class)
{
	if (SERVICES(st, walk, class, gw_call(st->self, CALL_SERVER_WALKED, class)) != 0)
		again_later(st);
}

void servers_load(struct account *st)
{
	if (st->servers_read)
		return;
	st->servers_read = true;
	walk(st, GW_CLASS_SERVER);
}

void call_server_walked(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct account *st = state;

	if (entity != NULL)
		take(st, entity);
	else if (status != 0)
		again_later(st);
	else if (tag == GW_CLASS_SERVER)
		walk(st, GW_CLASS_ORIGIN);
}

void call_server_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	(void)tag;
	if (status == 0)
		take(state, entity);
}

void call_servers_again(void *state, uint64_t tag)
{
	(void)tag;
	servers_load(state);
}

static void server_gone(struct account *st, struct gw_id id)
{
	struct server *server = server_find(st, id);
	struct life *life = life_find(st, id);
	struct gw_self *self = st->self;

	if (server != NULL) {
		HASH_DELETE(hh, st->servers, server);
		gw_free(self, server);
	}
	if (life != NULL) {
		HASH_DELETE(hh, st->lives, life);
		gw_free(self, life);
	}
}

/* A database that is known does not change in what matters here, but its acknowledgements do, every
 * minute. */
void servers_changed(struct account *st, const struct gw_services_change *change)
{
	if (change->dead)
		server_gone(st, change->id);
	else if (change->class == GW_CLASS_SERVER || life_find(st, change->id) == NULL)
		SERVICES(st, read, change->class, change->id,
		         gw_call(st->self, CALL_SERVER_READ, 0));
}

static void forget(struct account *st)
{
	struct gw_self *self = st->self;
	struct server *server, *next;
	struct life *life, *after;

	HASH_ITER (hh, st->servers, server, next) {
		HASH_DELETE(hh, st->servers, server);
		gw_free(self, server);
	}
	HASH_ITER (hh, st->lives, life, after) {
		HASH_DELETE(hh, st->lives, life);
		gw_free(self, life);
	}
}

/* A join has brought another database. */
void call_membership(void *state, uint64_t tag, const void *payload)
{
	const enum gw_membership *membership = payload;
	struct account *st = state;

	(void)tag;
	if (*membership != GW_MEMBER_FULL)
		return;
	forget(st);
	st->servers_read = false;
	servers_load(st);
	decoy_load(st);
}

void servers_free(struct account *st)
{
	forget(st);
	if (st->servers_again != NULL)
		gw_timer_free(&st->servers_again, st->self);
}

/* --- what is in sight --- */

static bool is_member(struct account *st, const struct server *server)
{
	for (const struct life *life = st->lives; life != NULL; life = life->hh.next)
		if (gw_id_is(life->server, server->id))
			return true;
	return false;
}

static const struct gw_node *node_of(struct account *st, const struct server *server)
{
	const struct gw_node *node;

	for (node = NETWORK(st, nodes); node != NULL; node = node->next)
		if (gw_id_is(node->id, server->id) || strcasecmp(node->name, server->name) == 0)
			return node;
	return NULL;
}

struct sight {
	uint64_t all, seen; /* weights */
	unsigned others;    /* members but this one */
};

static struct sight look(struct account *st, char *away, size_t max)
{
	struct sight sight = {0, 0, 0};
	size_t used = 0;

	away[0] = '\0';
	for (const struct server *s = st->servers; s != NULL; s = s->hh.next) {
		const struct gw_node *node = node_of(st, s);

		if (!is_member(st, s))
			continue;
		sight.all += s->weight;
		sight.others += node == NULL || !node->here;
		if (node != NULL)
			sight.seen += s->weight;
		else if (used < max)
			used += (size_t)snprintf(away + used, max - used, "%s%s",
			                         used > 0 ? ", " : "", s->name);
	}
	return sight;
}

bool servers_others(struct account *st)
{
	char away[1];

	return look(st, away, sizeof(away)).others > 0;
}

void servers_away(struct account *st, char *away, size_t max)
{
	look(st, away, max);
}

static bool needs_majority(struct account *st)
{
	return strcmp(gw_option_string(st->self, gw_options(st->self), "register-while-split"),
	              "majority") == 0;
}

int call_may_claim(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	struct gw_claim_query *query = payload;
	struct account *st = state;
	struct sight sight = look(st, query->away, sizeof(query->away));

	(void)tag;
	if (st->replica->ops != NULL && REPLICA(st, membership) == GW_MEMBER_LOST)
		return gw_fail(why, -EROFS, "%s", commit_trouble(-EROFS));
	if (needs_majority(st) && sight.all > 0 && 2 * sight.seen <= sight.all)
		return gw_fail(
			why, -EAGAIN,
			"Too little of the network is in sight from here to register names. Try "
			"again when these servers have returned: %s",
			query->away);
	return 0;
}
