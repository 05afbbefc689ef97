/*
 * services/hello.c - the first message of both sides: who it is, what it holds, and whether the two
 * may go on.
 *
 * A server that was removed or expired is told so. One that lacks a deletion which is no longer
 * held here would bring back what was deleted: it must join again. And what it has of this server's
 * own transactions tells whether this server's database is an old copy.
 */
#include "members.h"
#include "peer.h"
#include <errno.h>
#include <godwit/mem.h>
#include <inttypes.h>
#include <string.h>

#define AHEAD_MS 60000
#define WARN_MS 2000
#define UNKNOWN_MAX 64 /* origins that were never heard of */

void hello_send(struct services_state *state, struct peer *peer)
{
	struct wire_hello hello = {.major = SV_MAJOR,
	                           .minor = SV_MINOR,
	                           .joiner = peer->joiner,
	                           .server = state->server,
	                           .life = state->life,
	                           .origin = state->origin,
	                           .wall_ms = (uint64_t)gw_wall_ns(state->self) / GW_MS};
	const struct vector *kept =
		peer->joiner ? NULL : round_kept(state, peer->server, &hello.resume_origin);
	struct wire_out out;

	peer_message(state, &out, SV_HELLO);
	wire_write_hello(&out, &hello, &state->vector, kept);
	if (out.overflow && kept != NULL) {
		kept = NULL;
		peer_message(state, &out, SV_HELLO);
		wire_write_hello(&out, &hello, &state->vector, NULL);
	}
	peer->resumes = kept != NULL;
	peer_send(state, peer, &out);
}

/* --- clocks --- */

bool clock_is_ahead(struct services_state *state, struct peer *peer, uint64_t clock)
{
	uint64_t wall_ms = (uint64_t)gw_wall_ns(state->self) / GW_MS;

	if (clock >> 16 <= wall_ms + AHEAD_MS)
		return false;
	peer_refuse(state, peer, SV_CLOCK, "a transaction is from %" PRIu64 " s ahead of now",
	            ((clock >> 16) - wall_ms) / 1000);
	return true;
}

static bool clocks_agree(struct services_state *state, struct peer *peer, uint64_t theirs_ms)
{
	uint64_t ours_ms = (uint64_t)gw_wall_ns(state->self) / GW_MS;
	uint64_t apart = ours_ms > theirs_ms ? ours_ms - theirs_ms : theirs_ms - ours_ms;

	if (apart > AHEAD_MS) {
		peer_refuse(state, peer, SV_CLOCK, "the clocks are %" PRIu64 " s apart",
		            apart / 1000);
		return false;
	}
	if (apart >= WARN_MS)
		gw_log(state->self, GW_WARN, "clocks are apart server=%s ms=%" PRIu64, peer->name,
		       apart);
	return true;
}

/* --- who may go on --- */

int own_is_forged(struct services_state *state, struct peer *peer, struct gw_stamp stamp,
                  struct gw_error *why)
{
	if (stamp.origin != state->origin || state->origin == 0 || peer->joiner ||
	    stamp.clock <= state->last_issued)
		return 0;
	gw_log(state->self, GW_ERROR,
	       "a transaction in this server's name that it never made: a copy of its database is "
	       "running elsewhere, or a server lies server=%s clock=%" PRIu64,
	       peer->name, stamp.clock);
	return gw_fail(why, -EBADMSG, "a transaction in the name of the server that gets it");
}

static bool is_dead(struct services_state *state, struct peer *peer, const struct wire_hello *hello)
{
	const struct server *server = server_find(state, peer->server);
	const struct member *member = member_find(state, hello->life);

	if (server != NULL && server->dead)
		peer_refuse(state, peer, SV_REMOVED, "the server was removed from the network");
	else if (!hello->joiner && member != NULL && member->dead)
		peer_refuse(state, peer, SV_EXPIRED, "this life of its database was expired");
	return peer->stage == PEER_REFUSED;
}

static bool too_many_origins(struct services_state *state, struct peer *peer,
                             const struct wire_hello *hello)
{
	size_t unknown = 0;

	for (size_t i = 0; i < hello->vector.n; i++)
		unknown += vector_get(&state->vector, wire_vec_at(hello->vector, i).origin) == 0;
	if (unknown > UNKNOWN_MAX && !peer->joiner)
		peer_refuse(state, peer, SV_LIMIT, "%zu origins that were never heard of", unknown);
	return peer->stage == PEER_REFUSED;
}

static bool is_behind(struct services_state *state, struct peer *peer,
                      const struct wire_hello *hello)
{
	for (size_t i = 0; i < state->floor.n; i++)
		if (wire_vec_get(hello->vector, state->floor.e[i].origin) <
		    state->floor.e[i].clock) {
			peer_refuse(state, peer, SV_BEHIND,
			            "it lacks deletions that are no longer held here: it must join "
			            "again");
			return true;
		}
	return false;
}

/* What both kinds of peers must fulfil; false: refused. -EBADMSG: a breach. */
static int judge(struct services_state *state, struct peer *peer, const struct wire_hello *hello,
                 struct gw_error *why)
{
	if (!clocks_agree(state, peer, hello->wall_ms) || is_dead(state, peer, hello))
		return 0;
	if (hello->joiner ? peer->joiner : peer->joiner && gw_id_none(hello->server))
		return gw_fail(why, -EBADMSG, "two new servers");
	if (hello->joiner)
		return 0;
	if (!peer->joiner && !gw_id_is(hello->server, peer->server))
		return gw_fail(why, -EBADMSG, "it says that it is another server than it is");
	if (hello->origin == 0 || gw_id_none(hello->life))
		return gw_fail(why, -EBADMSG, "a member without a life");
	if (hello->origin == state->origin)
		return gw_fail(why, -EBADMSG, "a copy of this server's own database");
	for (size_t i = 0; i < hello->vector.n; i++)
		if (clock_is_ahead(state, peer, wire_vec_at(hello->vector, i).clock))
			return 0;
	if (!peer->joiner && !too_many_origins(state, peer, hello))
		is_behind(state, peer, hello);
	return 0;
}

/* --- going on --- */

static void go_on(struct services_state *state, struct peer *peer)
{
	struct vector from = {0};

	peer->stage = PEER_OPEN;
	ack_send(state, peer);
	round_resume(state, peer);
	vector_copy(state->self, &from, &peer->sent);
	round_send_open(state, peer, &from, true);
	vector_free(state->self, &from);
}

static bool own_is_known(const struct services_state *state, uint64_t clock)
{
	return clock == 0 || clock <= state->trimmed ||
	       clock == vector_get(&state->vector, state->origin);
}

/* A clock of ours that the other side holds must be one that we gave out. */
static void check_own(struct services_state *state, struct peer *peer, uint64_t clock)
{
	uint8_t from[8], to[8];
	struct gw_store_range range = {.table = TABLE_OWN, .from = {from, 8}, .to = {to, 8}};

	if (own_is_known(state, clock)) {
		go_on(state, peer);
		return;
	}
	put_u64(from, clock);
	put_u64(to, clock + 1);
	peer->stage = PEER_CHECK;
	if (store_read(state, &range, 1, SLICE_BYTES, CALL_HELLO_OWN, peer->link) != 0)
		peer_refuse(state, peer, SV_LIMIT, "the database is busy");
}

void hello_own_rows(void *state_, uint64_t link, int status, const struct gw_store_row *rows,
                    size_t n)
{
	struct services_state *state = state_;
	struct peer *peer = peer_find(state, link);

	(void)rows;
	if (peer == NULL || peer->stage != PEER_CHECK)
		return;
	if (status < 0) {
		peer_refuse(state, peer, SV_LIMIT, "the database cannot be read");
	} else if (n == 0) {
		peer_refuse(state, peer, SV_ROLLBACK,
		            "it has transactions of this server that are not here: the database "
		            "is an old copy");
		membership_lose(state, "the database is an old copy: others have transactions of "
		                       "this server that are not in it");
	} else {
		go_on(state, peer);
	}
	peer_release(state, peer);
}

static void take_vector(struct services_state *state, struct peer *peer,
                        const struct wire_hello *hello)
{
	struct vector_entry e;

	for (size_t i = 0; i < hello->vector.n; i++) {
		e = wire_vec_at(hello->vector, i);
		vector_raise(state->self, &peer->durable, e.origin, e.clock);
		vector_raise(state->self, &peer->sent, e.origin, e.clock);
	}
	for (size_t i = 0;
	     hello->resumes && hello->resume_origin == state->origin && i < hello->resume.n; i++) {
		e = wire_vec_at(hello->resume, i);
		vector_raise(state->self, &peer->sent, e.origin, e.clock);
	}
}

int hello_input(struct services_state *state, struct peer *peer, struct gw_blob message,
                struct gw_error *why)
{
	struct wire_hello hello;
	int status;

	if (peer->stage != PEER_HELLO)
		return gw_fail(why, -EBADMSG, "a second hello");
	if (wire_read_hello(message, &hello) != 0)
		return gw_fail(why, -EBADMSG, "a malformed hello");
	if (hello.major != SV_MAJOR) {
		peer_refuse(state, peer, SV_VERSION, "it speaks version %u, this server %u",
		            hello.major, SV_MAJOR);
		return 0;
	}
	status = judge(state, peer, &hello, why);
	if (status != 0 || peer->stage == PEER_REFUSED)
		return status;
	peer->origin = hello.origin;
	peer->life = hello.life;
	if (peer->joiner && gw_id_none(peer->server))
		peer->server = hello.server;
	if (hello.joiner || peer->joiner) {
		peer->serving = hello.joiner;
		peer->stage = PEER_OPEN;
		(hello.joiner ? join_give_open : join_take_open)(state, peer);
		return 0;
	}
	take_vector(state, peer, &hello);
	check_own(state, peer, vector_get(&peer->durable, state->origin));
	return 0;
}
