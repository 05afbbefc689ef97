/*
 * services/join_give.c - a new server gets the whole database from here.
 *
 * SV_JOIN -> the O entities are walked: is it a join that was broken off? -> else one transaction
 * makes a life for the joiner, whose acknowledgement is this database's vector, T1, so that nothing
 * above it is collected; older lives of that server end -> SV_JBEGIN -> the cells in the order of
 * their keys, in slices, each from a read of its own: the image is fuzzy, and nothing is held back
 * for it -> the round from T1 on, which is any link's.
 */
#include "join.h"
#include "members.h"
#include "peer.h"
#include <errno.h>
#include <godwit/mem.h>
#include <string.h>

#define SLICE ((size_t)1 << 20)
#define MESSAGES_IN_FLIGHT 64 /* four slices: more than a commit of the joiner's takes */
#define FRONT_MAX 256         /* of a message, without the frontier */
#define LIVES_MOST 200        /* older ones that one transaction ends */
#define GIVEN_UP_MS ((uint64_t)24 * 3600 * 1000)
#define CELL_BYTES 90 /* on the wire, on average */

struct give {
	struct wire_join ask; /* its blobs are not kept */
	struct vector ask_t1, t1;
	uint8_t last[CELL_KEY_MAX]; /* what was read so far */
	size_t last_n;
	uint64_t origin; /* of the joiner */
	struct gw_id life;
	struct gw_id olds[LIVES_MOST];
	size_t n_olds;
	bool asked; /* SV_JOIN came */
	bool resumed;
	bool begun; /* SV_JBEGIN was sent */
	bool reading;
	bool end;            /* all is read */
	bool over;           /* and durable there */
	uint8_t reserved[2]; /* 0 */
	uint64_t number, acked, count, bytes;
	uint8_t chain[CHAIN_BYTES];
	struct vector told; /* of the collected frontier */
	uint8_t *queue;     /* of a slice: length (4 bytes), message */
	size_t queue_n, queue_at;
	int64_t news_ns;
};

void join_give_open(struct services_state *state, struct peer *peer)
{
	peer->give = gw_alloc(state->self, sizeof(*peer->give));
}

void join_give_close(struct services_state *state, struct peer *peer)
{
	struct give *give = peer->give;

	if (give == NULL)
		return;
	vector_free(state->self, &give->ask_t1);
	vector_free(state->self, &give->t1);
	vector_free(state->self, &give->told);
	gw_free(state->self, give->queue);
	gw_free(state->self, give);
	peer->give = NULL;
}

const struct vector *join_give_floor(const struct peer *peer)
{
	return peer->give != NULL && peer->give->t1.n > 0 ? &peer->give->t1 : NULL;
}

static struct give *give_of(struct services_state *state, uint64_t link, struct peer **peer_out)
{
	struct peer *peer = peer_find(state, link);

	*peer_out = peer;
	return peer == NULL || peer->stage == PEER_REFUSED ? NULL : peer->give;
}

/* --- who joins --- */

static bool is_resumed(struct services_state *state, const struct give *give, uint64_t origin)
{
	return give->ask.resumes && give->ask.target == state->origin &&
	       give->ask.origin == origin && give->ask_t1.n > 0 &&
	       vector_covers(&state->vector, &give->ask_t1) &&
	       vector_covers(&give->ask_t1, &state->floor);
}

/* The joiner's lives: one may be that of a join that was broken off, the others end. */
static void lives_look(struct services_state *state, struct peer *peer)
{
	struct give *give = peer->give;
	struct member *member = NULL;

	while ((member = member_next(state, member)) != NULL) {
		if (member->dead || !gw_id_is(member->server, peer->server))
			continue;
		if (is_resumed(state, give, member->origin)) {
			give->resumed = true;
			give->life = member->life;
			give->origin = member->origin;
			vector_copy(state->self, &give->t1, &give->ask_t1);
		} else if (give->n_olds < LIVES_MOST) {
			give->olds[give->n_olds++] = member->life;
		}
	}
}

/* The life's acknowledgement: a vector, as acks.c writes it. */
static int pin_commit(struct services_state *state, struct peer *peer, struct gw_blob core,
                      struct gw_blob ack)
{
	struct gw_write writes[2 + LIVES_MOST] = {
		{.class = GW_CLASS_ORIGIN, .make = true, .field = GW_F_CORE, .value = core},
		{.class = GW_CLASS_ORIGIN, .make = true, .field = GW_F_ACK, .value = ack},
	};
	struct give *give = peer->give;

	for (size_t i = 0; i < give->n_olds; i++)
		writes[2 + i] = (struct gw_write){.class = GW_CLASS_ORIGIN,
		                                  .id = give->olds[i],
		                                  .remove = true,
		                                  .field = GW_F_CORE};
	return commit(state, writes, 2 + give->n_olds,
	              gw_call(state->self, CALL_GIVE_PINNED, peer->link));
}

static void pin(struct services_state *state, struct peer *peer)
{
	struct gw_self *self = state->self;
	struct give *give = peer->give;
	uint8_t server[16], core_bytes[64], *ack_bytes;
	struct gw_parts core = {.bytes = core_bytes, .max = sizeof(core_bytes)};
	struct wire_out ack = {.max = ACK_VALUE_MAX};
	int status;

	while (give->origin == 0)
		give->origin = gw_random_u64(self);
	vector_copy(self, &give->t1, &state->vector);
	gw_id_bytes(peer->server, server);
	gw_parts_add(&core, server, sizeof(server));
	gw_parts_u64(&core, give->origin);
	ack.p = ack_bytes = gw_alloc(self, ACK_VALUE_MAX);
	wire_entries(&ack, &give->t1);
	give->last_n = 0;
	status = pin_commit(state, peer, gw_parts_value(&core), (struct gw_blob){ack.p, ack.n});
	gw_free(self, ack_bytes);
	if (status != 0)
		peer_refuse(state, peer, SV_LIMIT, "this server cannot take a new one now: %s",
		            strerror(-status));
}

static void begin(struct services_state *state, struct peer *peer)
{
	struct give *give = peer->give;
	struct wire_jbegin begin = {.resumed = give->resumed,
	                            .server = peer->server,
	                            .life = give->life,
	                            .origin = give->origin,
	                            .cells = state->figures.cells,
	                            .bytes = state->figures.cells * CELL_BYTES};
	struct wire_out out;

	/* Whoever kills this life, wherever, has the peer refused (members.c). */
	peer->life = give->life;
	peer->origin = give->origin;
	peer_message(state, &out, SV_JBEGIN);
	wire_write_jbegin(&out, &begin, &give->t1);
	peer_send(state, peer, &out);
	give->begun = true;
	gw_log(state->self, GW_INFO, "%s peer=%s origin=%016llx cells=%llu",
	       give->resumed ? "a join goes on" : "a join begins", peer->name,
	       (unsigned long long)give->origin, (unsigned long long)begin.cells);
	peer_news(state, peer, GW_PEER_SERVING, NULL, NULL);
	join_give_room(state, peer);
}

int join_give_join(struct services_state *state, struct peer *peer, struct gw_blob message,
                   struct gw_error *why)
{
	struct give *give = peer->give;

	if (give == NULL || give->asked || wire_read_join(message, &give->ask) != 0)
		return gw_fail(why, -EBADMSG, "a malformed request to join");
	give->asked = true;
	if (give->ask.resumes) {
		wire_vec_copy(state->self, give->ask.t1, &give->ask_t1);
		give->last_n = give->ask.last.n;
		memcpy(give->last, give->ask.last.p, give->last_n);
	}
	lives_look(state, peer);
	if (give->resumed)
		begin(state, peer);
	else
		pin(state, peer);
	return 0;
}

void join_give_pinned(void *state_, uint64_t link, int status, struct gw_id made)
{
	struct services_state *state = state_;
	struct peer *peer;
	struct give *give = give_of(state, link, &peer);

	if (give == NULL)
		return;
	if (status != 0) {
		peer_refuse(state, peer, SV_LIMIT, "this server cannot take a new one now: %s",
		            strerror(-status));
		return;
	}
	give->life = made;
	begin(state, peer);
}

/* --- joins that were given up --- */

static bool is_served(struct services_state *state, const struct member *member)
{
	struct peer *peer, *next;

	HASH_ITER (hh, state->peers, peer, next) {
		if (peer->serving && gw_id_is(peer->life, member->life))
			return true;
	}
	return false;
}

/* A life that has not said a word since it was made: its only acknowledgement is the target's. */
static bool is_given_up(struct services_state *state, const struct member *member)
{
	uint64_t now_ms = (uint64_t)gw_wall_ns(state->self) / 1000000;

	return !member->dead && member->acked.clock != 0 &&
	       member->acked.origin != member->origin &&
	       (member->life.clock >> 16) + GIVEN_UP_MS < now_ms && !is_served(state, member);
}

void join_give_tidy(struct services_state *state)
{
	struct gw_write death = {.class = GW_CLASS_ORIGIN, .remove = true, .field = GW_F_CORE};
	struct member *member = NULL;

	if (state->membership != GW_MEMBER_FULL)
		return;
	while ((member = member_next(state, member)) != NULL) {
		if (!is_given_up(state, member))
			continue;
		death.id = member->life;
		gw_log(state->self, GW_INFO,
		       "a join was given up a day ago: its life ends origin=%016llx",
		       (unsigned long long)member->origin);
		commit(state, &death, 1, gw_call(state->self, CALL_EXPIRE_DONE, 0));
	}
}

/* --- slices --- */

static void read_on(struct services_state *state, struct peer *peer)
{
	struct give *give = peer->give;
	uint8_t from[CELL_KEY_MAX + 1] = {0};
	struct gw_store_range range = {.table = TABLE_CELL};

	if (give->last_n > 0) {
		memcpy(from, give->last, give->last_n);
		range.from = (struct gw_blob){from, give->last_n + 1};
	}
	/* Tried again when there is room or an acknowledgement comes. */
	give->reading = store_read(state, &range, 1, SLICE, CALL_GIVE_ROWS, peer->link) == 0;
}

/** One message in the making. */
struct filling {
	uint8_t cells[SV_CELLS_BYTES + CELLS_HEADER + CELL_KEY_MAX + CELL_HEADER + ACK_VALUE_MAX];
	size_t n;
	uint64_t count;
	bool end;
};

static void queue_message(struct services_state *state, struct give *give,
                          const struct filling *filling)
{
	struct gw_blob cells = {filling->cells, filling->n};
	struct vector changed = {0};
	struct wire_jslice slice = {.end = filling->end};
	struct wire_out out;
	size_t max;

	chain_add(give->chain, cells);
	give->count += filling->count;
	give->bytes += cells.n;
	slice.number = ++give->number;
	slice.count = give->count;
	slice.last = (struct gw_blob){give->last, give->last_n};
	slice.chain = (struct gw_blob){give->chain, CHAIN_BYTES};
	vector_changed(state->self, &give->told, &state->floor, &changed);
	vector_raise_all(state->self, &give->told, &changed);
	max = FRONT_MAX + 16 * changed.n + cells.n;
	give->queue = gw_resize(state->self, give->queue, give->queue_n + 4 + max);
	wire_start(&out, give->queue + give->queue_n + 4, max, SV_JSLICE);
	wire_write_jslice(&out, &slice, &changed);
	wire_bytes(&out, cells.p, cells.n);
	vector_free(state->self, &changed);
	put_u32(give->queue + give->queue_n, (uint32_t)out.n);
	give->queue_n += 4 + out.n;
}

static void fill(struct services_state *state, struct give *give, const struct gw_store_row *rows,
                 size_t n, bool end)
{
	struct filling *filling = gw_alloc(state->self, sizeof(*filling));

	for (size_t i = 0; i < n; i++) {
		if (filling->n > 0 &&
		    filling->n + cells_bytes(rows[i].key, rows[i].val) > SV_CELLS_BYTES) {
			queue_message(state, give, filling);
			filling->n = filling->count = 0;
		}
		filling->n = cells_put(filling->cells, filling->n, rows[i].key, rows[i].val);
		filling->count++;
		give->last_n = rows[i].key.n;
		memcpy(give->last, rows[i].key.p, rows[i].key.n);
	}
	filling->end = end;
	if (filling->n > 0 || end)
		queue_message(state, give, filling);
	gw_free(state->self, filling);
}

void join_give_rows(void *state_, uint64_t link, int status, const struct gw_store_row *rows,
                    size_t n)
{
	struct services_state *state = state_;
	struct peer *peer;
	struct give *give = give_of(state, link, &peer);

	if (give == NULL)
		return;
	give->reading = false;
	if (status < 0) {
		peer_refuse(state, peer, SV_LIMIT, "the database cannot be read");
		return;
	}
	give->end = status == 0;
	fill(state, give, rows, n, give->end);
	join_give_room(state, peer);
}

static void queue_send(struct services_state *state, struct peer *peer)
{
	struct give *give = peer->give;
	uint8_t *at;

	while (give->queue_at < give->queue_n && peer->room > 0) {
		at = give->queue + give->queue_at;
		give->queue_at += 4 + get_u32(at);
		peer_send_bytes(state, peer, at + 4, get_u32(at));
	}
	if (give->queue_at < give->queue_n)
		return;
	gw_free(state->self, give->queue);
	give->queue = NULL;
	give->queue_n = give->queue_at = 0;
}

void join_give_room(struct services_state *state, struct peer *peer)
{
	struct give *give = peer->give;

	if (give == NULL || !give->begun)
		return;
	queue_send(state, peer);
	if (give->queue_n == 0 && !give->reading && !give->end &&
	    give->number - give->acked < MESSAGES_IN_FLIGHT)
		read_on(state, peer);
}

/* --- what the joiner says --- */

static void tell(struct services_state *state, struct peer *peer)
{
	struct give *give = peer->give;
	int64_t now = gw_mono_ns(state->self);
	struct gw_join_progress progress = {.cells = give->count,
	                                    .bytes = give->bytes,
	                                    .cells_about = state->figures.cells,
	                                    .bytes_about = state->figures.cells * CELL_BYTES,
	                                    .resumed = give->resumed};

	if (!give->over && now - give->news_ns < GW_SECOND)
		return;
	give->news_ns = now;
	peer_news(state, peer, GW_PEER_PROGRESS, &progress, NULL);
}

int join_give_ack(struct services_state *state, struct peer *peer, struct gw_blob message,
                  struct gw_error *why)
{
	struct give *give = peer->give;
	struct wire_jack ack;

	if (give == NULL || give->over || wire_read_jack(message, &ack) != 0 ||
	    ack.number > give->number || ack.number <= give->acked)
		return gw_fail(why, -EBADMSG, "an acknowledgement of what was not sent");
	give->acked = ack.number;
	give->over = give->end && give->queue_n == 0 && give->acked == give->number;
	tell(state, peer);
	if (!give->over) {
		join_give_room(state, peer);
		return 0;
	}
	round_send_open(state, peer, &give->t1, false);
	round_send_pump(state, peer);
	return 0;
}

int join_give_done(struct services_state *state, struct peer *peer, struct gw_blob message,
                   struct gw_error *why)
{
	(void)message;
	if (peer->give == NULL || !peer->give->over)
		return gw_fail(why, -EBADMSG, "a join that ends before it has all");
	gw_log(state->self, GW_INFO, "a join is complete peer=%s cells=%llu bytes=%llu", peer->name,
	       (unsigned long long)peer->give->count, (unsigned long long)peer->give->bytes);
	peer_news(state, peer, GW_PEER_JOINED, NULL, NULL);
	return 0;
}
