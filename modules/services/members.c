/*
 * services/members.c - the view of servers (S) and lives of databases (O).
 *
 * Read once at the start, then entity by entity as they change. Deaths are final and versions only
 * rise, so answers of the store may come in any order.
 */
#include "members.h"
#include "peer.h"
#include <godwit/mem.h>
#include <stdio.h>
#include <string.h>

static const uint8_t classes[] = {GW_CLASS_ORIGIN, GW_CLASS_SERVER};

struct member *member_find(struct services_state *state, struct gw_id life)
{
	struct gw_self *self = state->self;
	struct member *member;

	HASH_FIND(hh, state->members, &life, sizeof(life), member);
	return member;
}

struct server *server_find(struct services_state *state, struct gw_id id)
{
	struct gw_self *self = state->self;
	struct server *server;

	HASH_FIND(hh, state->servers, &id, sizeof(id), server);
	return server;
}

struct server *server_named(struct services_state *state, const char *name)
{
	char wanted[GW_NAME_MAX + 1], has[GW_NAME_MAX + 1];
	struct server *server, *next, *found = NULL;

	if (fold(state, name, wanted) <= 0)
		return NULL;
	HASH_ITER (hh, state->servers, server, next) {
		if (!server->dead && fold(state, server->name, has) > 0 && strcmp(has, wanted) == 0)
			found = server;
	}
	return found;
}

bool member_lives(struct services_state *state, const struct member *member)
{
	const struct server *server = server_find(state, member->server);

	return !member->dead && !gw_id_none(member->server) && (server == NULL || !server->dead);
}

struct member *member_next(struct services_state *state, const struct member *after)
{
	return after == NULL ? state->members : after->hh.next;
}

void members_news(struct services_state *state)
{
	uint64_t now_ms = (uint64_t)gw_wall_ns(state->self) / GW_MS;
	struct member *member = NULL;

	state->to_acknowledge = true;
	while ((member = member_next(state, member)) != NULL)
		if (member->owes_since_ms == 0 && !gw_id_is(member->life, state->life))
			member->owes_since_ms = now_ms;
}

/* --- from cells --- */

static struct member *member_of(struct services_state *state, struct gw_id life)
{
	struct gw_self *self = state->self;
	struct member *member = member_find(state, life);

	if (member == NULL) {
		member = gw_alloc(self, sizeof(*member));
		member->life = life;
		HASH_ADD(hh, state->members, life, sizeof(life), member);
	}
	return member;
}

static struct server *server_of(struct services_state *state, struct gw_id id)
{
	struct gw_self *self = state->self;
	struct server *server = server_find(state, id);

	if (server == NULL) {
		server = gw_alloc(self, sizeof(*server));
		server->id = id;
		HASH_ADD(hh, state->servers, id, sizeof(id), server);
	}
	return server;
}

/* An acknowledgement counts if it is the server's own, or the first, which its join has made. */
static void take_ack(struct services_state *state, struct member *member, const struct cell *cell)
{
	struct wire_vec vec;

	if (gw_stamp_cmp(cell->stamp, member->acked) <= 0)
		return;
	if (cell->stamp.origin != member->origin && cell->stamp.clock != member->life.clock) {
		gw_log(state->self, GW_ERROR,
		       "an acknowledgement was written by another server: it is not believed "
		       "of=%016llx by=%016llx",
		       (unsigned long long)member->origin, (unsigned long long)cell->stamp.origin);
		return;
	}
	if (wire_vec_open(cell->value, &vec) != 0)
		return;
	member->acked = cell->stamp;
	member->owes_since_ms = 0;
	for (size_t i = 0; i < vec.n; i++)
		vector_raise(state->self, &member->ack, wire_vec_at(vec, i).origin,
		             wire_vec_at(vec, i).clock);
}

static void take_member(struct services_state *state, const struct cell *cell)
{
	struct member *member = member_of(state, cell->id);
	struct gw_blob server;

	if (cell_is_death(cell)) {
		member->dead = true;
		vector_free(state->self, &member->ack);
	} else if (cell->field == GW_F_CORE && cell_is_live(cell)) {
		if (gw_part(cell->value, 0, &server))
			member->server = gw_id_from(server);
		member->origin = gw_part_u64(cell->value, 1, 0);
	} else if (cell->field == GW_F_ACK && cell_is_live(cell) && !member->dead) {
		take_ack(state, member, cell);
	}
}

static void take_server(struct services_state *state, const struct cell *cell)
{
	struct server *server = server_of(state, cell->id);
	struct gw_blob display;

	if (cell_is_death(cell)) {
		server->dead = true;
	} else if (cell->field == GW_F_NAME && cell_is_live(cell) &&
	           gw_stamp_cmp(cell->stamp, server->named) > 0 &&
	           gw_part(cell->value, 2, &display) && display.n <= GW_NAME_MAX) {
		server->named = cell->stamp;
		snprintf(server->name, sizeof(server->name), "%.*s", (int)display.n,
		         (const char *)display.p);
	}
}

static void take_rows(struct services_state *state, const struct gw_store_row *rows, size_t n)
{
	struct cell cell;

	for (size_t i = 0; i < n; i++) {
		if (cell_parse(rows[i].key, rows[i].val, &cell) != 0)
			continue;
		if (cell.class == GW_CLASS_ORIGIN)
			take_member(state, &cell);
		else
			take_server(state, &cell);
	}
}

/* --- reading --- */

/* Tag: the index of the class, then how many slices of it were read. */
static int read_on(struct services_state *state, size_t which, struct gw_blob after)
{
	uint8_t from[CELL_KEY_MAX + 1] = {classes[which]}, to[1] = {(uint8_t)(classes[which] + 1)};
	struct gw_store_range range = {.table = TABLE_CELL, .from = {from, 1}, .to = {to, 1}};

	if (after.n > 0 && after.n <= CELL_KEY_MAX) {
		memcpy(from, after.p, after.n);
		from[after.n] = 0;
		range.from.n = after.n + 1;
	}
	return store_read(state, &range, 1, SLICE_BYTES, CALL_MEMBERS, which);
}

void members_load(struct services_state *state)
{
	if (read_on(state, 0, (struct gw_blob){NULL, 0}) != 0)
		gw_stop(state->self, "the services database cannot be read");
}

void members_rows(void *state_, uint64_t which, int status, const struct gw_store_row *rows,
                  size_t n)
{
	struct services_state *state = state_;

	take_rows(state, rows, n);
	if (status == GW_STORE_MORE)
		status = read_on(state, which, rows[n - 1].key);
	else if (status == 0 && which + 1 < sizeof(classes))
		status = read_on(state, which + 1, (struct gw_blob){NULL, 0});
	else if (status == 0)
		start_members(state);
	if (status < 0)
		gw_stop(state->self, "the services database cannot be read");
}

void members_touch(struct services_state *state, uint8_t class, struct gw_id id)
{
	uint8_t from[ENTITY_BYTES], to[ENTITY_BYTES + 2];
	struct gw_store_range range = {
		.table = TABLE_CELL, .from = {from, sizeof(from)}, .to = {to, sizeof(to)}};

	if (class != GW_CLASS_ORIGIN && class != GW_CLASS_SERVER)
		return;
	entity_key(from, class, id);
	memcpy(to, from, sizeof(from));
	to[ENTITY_BYTES] = to[ENTITY_BYTES + 1] = 0xff;
	if (store_read(state, &range, 1, ENTITY_BYTES_MAX, CALL_MEMBER, 0) != 0)
		gw_log(state->self, GW_WARN, "too much waits for the database to look at a server");
}

/* This server's own death, and those of the peers. */
static void look_for_deaths(struct services_state *state)
{
	const struct server *own = server_find(state, state->server), *theirs;
	const struct member *life = member_find(state, state->life), *member;
	struct peer *peer, *next;

	if (state->membership != GW_MEMBER_FULL)
		return;
	if (own != NULL && own->dead)
		membership_lose(state, "this server was removed from the network");
	else if (life != NULL && life->dead)
		membership_lose(state, "this life of the database was expired");
	HASH_ITER (hh, state->peers, peer, next) {
		theirs = server_find(state, peer->server);
		member = member_find(state, peer->life);
		if (theirs != NULL && theirs->dead)
			peer_refuse(state, peer, SV_REMOVED,
			            "the server was removed from the network");
		else if (member != NULL && member->dead && peer->stage == PEER_OPEN)
			peer_refuse(state, peer, SV_EXPIRED,
			            "this life of its database was expired");
	}
}

void members_touched(void *state_, uint64_t tag, int status, const struct gw_store_row *rows,
                     size_t n)
{
	struct services_state *state = state_;

	(void)tag;
	if (status >= 0)
		take_rows(state, rows, n);
	look_for_deaths(state);
}

void members_drop_all(struct services_state *state)
{
	struct gw_self *self = state->self;
	struct member *member, *next;
	struct server *server, *after;

	HASH_ITER (hh, state->members, member, next) {
		HASH_DELETE(hh, state->members, member);
		vector_free(self, &member->ack);
		gw_free(self, member);
	}
	HASH_ITER (hh, state->servers, server, after) {
		HASH_DELETE(hh, state->servers, server);
		gw_free(self, server);
	}
}
