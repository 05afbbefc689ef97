/*
 * modules/client/clients.c - all clients, and two ways to find one: by its id, by its session. A
 * shadow is found by both, but is none of them.
 *
 * An id is a serial number and a slot, so that a stale one finds nobody. Sessions are looked up for
 * every event that has a source: a table of pointers, open addressing, at most half full (session
 * ids are random already).
 */
#include "client.h"
#include <utlist.h>

#define SLOT_BITS 20

struct client *clients_by_id(struct client_state *st, uint64_t id)
{
	uint64_t slot = id & ((1u << SLOT_BITS) - 1);

	if (slot >= st->n_slots || st->slots[slot] == NULL || st->slots[slot]->pub.id != id)
		return NULL;
	return st->slots[slot];
}

static uint32_t take_slot(struct client_state *st)
{
	uint32_t more = st->n_slots + st->n_slots / 2 + 16;

	if (st->n_free > 0)
		return st->free_slots[--st->n_free];
	st->slots = gw_resize(st->self, st->slots, more * sizeof(*st->slots));
	st->free_slots = gw_resize(st->self, st->free_slots, more * sizeof(*st->free_slots));
	memset(st->slots + st->n_slots, 0, (more - st->n_slots) * sizeof(*st->slots));
	memset(st->free_slots + st->n_slots, 0, (more - st->n_slots) * sizeof(*st->free_slots));
	while (more > st->n_slots)
		st->free_slots[st->n_free++] = --more;
	st->n_slots += st->n_free;
	return st->free_slots[--st->n_free];
}

static void number(struct client_state *st, struct client *c)
{
	uint32_t slot = take_slot(st);

	c->pub.id = ++st->last_serial << SLOT_BITS | slot;
	st->slots[slot] = c;
}

static void unnumber(struct client_state *st, struct client *c)
{
	uint32_t slot = (uint32_t)(c->pub.id & ((1u << SLOT_BITS) - 1));

	st->slots[slot] = NULL;
	st->free_slots[st->n_free++] = slot;
}

void clients_add(struct client_state *st, struct client *c)
{
	number(st, c);
	DL_APPEND(st->clients, c);
	st->n_clients++;
	st->counts.in_state[c->pub.state]++;
}

uint64_t clients_serial(const struct client *c)
{
	return c->pub.id >> SLOT_BITS;
}

void clients_remove(struct client_state *st, struct client *c)
{
	news_passes(st, c);
	unnumber(st, c);
	DL_DELETE(st->clients, c);
	st->n_clients--;
	st->counts.in_state[c->pub.state]--;
}

int clients_change(struct client_state *st, struct client *c, enum gw_client_change change)
{
	int status;

	st->counts.in_state[c->pub.state]--;
	status = states_change(c, change);
	st->counts.in_state[c->pub.state]++;
	return status;
}

void clients_add_shadow(struct client_state *st, struct client *c)
{
	number(st, c);
	DL_APPEND(st->shadows, c);
}

void clients_remove_shadow(struct client_state *st, struct client *c)
{
	unnumber(st, c);
	DL_DELETE(st->shadows, c);
}

static void insert(struct client_state *st, struct client *c)
{
	uint32_t mask = st->sessions_room - 1, at = (uint32_t)c->session_id & mask;

	while (st->sessions[at] != NULL)
		at = (at + 1) & mask;
	st->sessions[at] = c;
}

static void grow(struct client_state *st)
{
	struct client **old = st->sessions;
	uint32_t room = st->sessions_room;

	st->sessions_room = room == 0 ? 32 : room * 2;
	st->sessions = gw_alloc(st->self, st->sessions_room * sizeof(*st->sessions));
	for (uint32_t i = 0; i < room; i++)
		if (old[i] != NULL)
			insert(st, old[i]);
	gw_free(st->self, old);
}

void clients_bind(struct client_state *st, struct client *c)
{
	if (st->sessions_used * 2 >= st->sessions_room)
		grow(st);
	c->session_id = c->pub.session->id;
	insert(st, c);
	st->sessions_used++;
	st->n_connected += !c->pub.shadow;
}

/* What stands behind the gap and would no longer be found moves up. */
static void close_gap(struct client_state *st, uint32_t gap)
{
	uint32_t mask = st->sessions_room - 1, home;

	for (uint32_t at = (gap + 1) & mask; st->sessions[at] != NULL; at = (at + 1) & mask) {
		home = (uint32_t)st->sessions[at]->session_id & mask;
		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		st->sessions[gap] = st->sessions[at];
		gap = at;
	}
	st->sessions[gap] = NULL;
}

void clients_unbind(struct client_state *st, struct client *c)
{
	uint32_t mask = st->sessions_room - 1, at = (uint32_t)c->session_id & mask;

	while (st->sessions[at] != c)
		at = (at + 1) & mask;
	close_gap(st, at);
	st->sessions_used--;
	st->n_connected -= !c->pub.shadow;
}

struct client *clients_of(struct client_state *st, const struct gw_session *session)
{
	return session->local || session->shown ? clients_bound(st, session) : NULL;
}

struct client *clients_bound(struct client_state *st, const struct gw_session *session)
{
	uint32_t mask = st->sessions_room - 1, at = (uint32_t)session->id & mask;

	if (st->sessions_room == 0)
		return NULL;
	while (st->sessions[at] != NULL) {
		if (st->sessions[at]->pub.session == session)
			return st->sessions[at];
		at = (at + 1) & mask;
	}
	return NULL;
}
