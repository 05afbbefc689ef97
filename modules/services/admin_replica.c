/*
 * services/admin_replica.c - the operator's hand on replication: who is linked and how far, ending
 * a server's membership, making this copy the network's.
 */
#include "members.h"
#include "peer.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIVES_MAX 200 /* of one transaction */

/* --- status --- */

void admin_say_peers(struct services_state *state, struct gw_admin_request *req)
{
	static const char *const members[] = {"not read yet", "empty", "joining", "member",
	                                      "has to join again"};
	char key[GW_NAME_MAX + 8], value[200];
	const char *cells[] = {key, value};
	struct gw_peer_state is;
	struct peer *peer, *next;

	snprintf(key, sizeof(key), "membership");
	snprintf(value, sizeof(value), "%s", members[state->membership]);
	gw_admin_row(state->self, req, cells, 2);
	HASH_ITER (hh, state->peers, peer, next) {
		if (replica_peer(state, peer->link, &is) != 0)
			continue;
		snprintf(key, sizeof(key), "peer-%s", peer->name);
		snprintf(value, sizeof(value),
		         "link=%" PRIu64 " accepted=%s settled=%s owed=%" PRIu64
		         " buffered=%" PRIu64,
		         peer->link, is.accepted ? "yes" : "no", is.settled ? "yes" : "no", is.owed,
		         is.buffered);
		gw_admin_row(state->self, req, cells, 2);
	}
}

void admin_settled(struct services_state *state, char out[32])
{
	struct gw_peer_state is;
	struct peer *peer, *next;
	unsigned settled = 0, all = 0;

	HASH_ITER (hh, state->peers, peer, next) {
		if (replica_peer(state, peer->link, &is) != 0)
			continue;
		settled += is.settled;
		all++;
	}
	snprintf(out, 32, "%u/%u", settled, all);
}

/* --- services expire --- */

static size_t lives_of(struct services_state *state, struct gw_id server, struct gw_id *out)
{
	const struct member *member = NULL;
	size_t n = 0;

	while ((member = member_next(state, member)) != NULL && n < LIVES_MAX)
		if (gw_id_is(member->server, server) && member_lives(state, member))
			out[n++] = member->life;
	return n;
}

void admin_expire(void *state_, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct services_state *state = state_;
	const struct server *server = server_named(state, argv[0]);
	struct gw_write writes[LIVES_MAX];
	struct gw_id lives[LIVES_MAX];
	size_t n = server == NULL ? 0 : lives_of(state, server->id, lives);
	const char *why = NULL;

	(void)argc;
	if (server == NULL)
		why = "there is no such server";
	else if (gw_id_is(server->id, state->server))
		why = "this is the server itself";
	else if (n == 0)
		why = "it has no database that could be expired";
	if (why != NULL) {
		gw_admin_done(state->self, &req, -EINVAL, why);
		return;
	}
	for (size_t i = 0; i < n; i++)
		writes[i] = (struct gw_write){.class = GW_CLASS_ORIGIN,
		                              .id = lives[i],
		                              .remove = true,
		                              .field = GW_F_CORE};
	gw_log(state->self, GW_INFO, "services expire server=%s by=\"%s\"", server->name,
	       gw_admin_who(state->self, req));
	if (commit(state, writes, n, gw_call(state->self, CALL_EXPIRED, (uintptr_t)req)) != 0)
		gw_admin_done(state->self, &req, -EAGAIN, "the database takes no writes now");
}

void admin_expired(void *state_, uint64_t tag, int status, struct gw_id made)
{
	struct services_state *state = state_;
	struct gw_admin_request *req = (struct gw_admin_request *)(uintptr_t)tag;

	(void)made;
	gw_admin_done(state->self, &req, status, status == 0 ? "" : "the database was not written");
}

/* --- services adopt --- */

void admin_adopt(void *state_, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct services_state *state = state_;
	const struct member *member = NULL;
	struct gw_id lives[LIVES_MAX];
	size_t n = 0;

	(void)argc;
	(void)argv;
	if (state->membership != GW_MEMBER_LOST) {
		gw_admin_done(state->self, &req, -EINVAL,
		              "the database is in order: there is nothing to adopt");
		return;
	}
	while ((member = member_next(state, member)) != NULL && n < LIVES_MAX)
		if (member_lives(state, member))
			lives[n++] = member->life;
	gw_log(state->self, GW_WARN, "services adopt lives-ended=%zu by=\"%s\"", n,
	       gw_admin_who(state->self, req));
	if (life_begin(state, lives, n, gw_call(state->self, CALL_ADOPTED, (uintptr_t)req)) != 0)
		gw_admin_done(state->self, &req, -EAGAIN, "the database takes no writes now");
}

void admin_adopted(void *state_, uint64_t tag, int status, struct gw_id made)
{
	struct services_state *state = state_;
	struct gw_admin_request *req = (struct gw_admin_request *)(uintptr_t)tag;

	(void)made;
	if (status == 0) {
		membership_set(state, GW_MEMBER_FULL);
		gw_admin_text(
			state->self, req,
			"this server's copy is the network's database now; other servers have to "
			"join again");
	}
	gw_admin_done(state->self, &req, status, status == 0 ? "" : "the database was not written");
}
