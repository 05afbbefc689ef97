/*
 * services/commit.c - a transaction: checked, stamped, turned into one batch of the store, and told
 * when it is durable.
 *
 * The batch begins with what may refuse it (entities that must live, names that must be free, sets
 * that must have room), so a refusal has written nothing; then come the cells, then the vector.
 * Decisions fall in the store's transaction, in the order of commits: of two that claim one name at
 * once the first gets it.
 */
#include "members.h"
#include "peer.h"
#include <errno.h>
#include <godwit/mem.h>
#include <string.h>

#define CLOCK_BEHIND_MS 60000
#define OPS_PER_WRITE 4 /* living, free, room, the cell */

struct touched {
	uint8_t class;
	bool dead, claims, dropped;
	uint8_t reserved[4]; /* 0: no hole in which an address could be left */
	struct gw_id id;
};

/** A batch that the store has. */
struct pending {
	UT_hash_handle hh;
	uint64_t id;
	struct gw_call done;
	struct gw_stamp stamp;
	size_t n_touched, names_n;
	bool only_acks;      /* nothing but acknowledgements */
	uint8_t reserved[7]; /* 0 */
	uint8_t *names;      /* claims that are made or dropped: length, then as name_prefix() */
	struct touched touched[];
};

/** A batch being built: operations, and the memory that their keys and values lie in. */
struct batch {
	struct gw_stamp stamp;
	const struct gw_stamp *claims; /* by write; NULL: claims are of the stamp, too */
	struct gw_store_op *ops;
	size_t n_ops;
	uint8_t *bytes, *at;
};

/* --- what may be written --- */

static bool is_claim(const struct gw_write *w)
{
	return w->field == GW_F_NAME || w->field == GW_F_CERTFP;
}

static struct gw_id id_of(const struct gw_write *w, struct gw_stamp stamp)
{
	return w->make ? (struct gw_id){stamp.clock, stamp.origin} : w->id;
}

static bool same_entity(const struct gw_write *a, const struct gw_write *b)
{
	return a->class == b->class && a->make == b->make && (a->make || gw_id_is(a->id, b->id));
}

static bool same_cell(const struct gw_write *a, const struct gw_write *b)
{
	return a->field == b->field && a->sub.n == b->sub.n && same_entity(a, b) &&
	       (a->sub.n == 0 || memcmp(a->sub.p, b->sub.p, a->sub.n) == 0);
}

static size_t value_max(const struct gw_write *w)
{
	if (is_claim(w))
		return GW_NAME_MAX;
	return w->field == GW_F_ACK ? ACK_VALUE_MAX : GW_VALUE_MAX;
}

/* Whether what `w` makes has a core in the transaction. */
static bool has_core(const struct gw_write *writes, size_t n, const struct gw_write *w)
{
	for (size_t i = 0; i < n; i++)
		if (writes[i].field == GW_F_CORE && !writes[i].remove && same_entity(&writes[i], w))
			return true;
	return false;
}

static int check_write(const struct gw_write *w)
{
	uint8_t name[NAME_PREFIX_MAX];

	if (w->class == 0 || w->field == 0 || w->field == 0xffff ||
	    (w->field == GW_F_CORE && w->sub.n > 0) || (!w->make && gw_id_none(w->id)) ||
	    (w->remove && (w->make || w->value.n > 0)))
		return -EINVAL;
	if (w->sub.n > GW_NAME_MAX || w->value.n > value_max(w))
		return -E2BIG;
	if (is_claim(w))
		return claim_prefix(name, w->field, w->sub) > 0 ? 0 : -EINVAL;
	return w->exclusive ? -EINVAL : 0;
}

static int check_writes(const struct gw_write *writes, size_t n)
{
	size_t bytes = 0;
	int status;

	if (n == 0)
		return -EINVAL;
	if (n > GW_TX_CELLS)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		status = check_write(&writes[i]);
		if (status != 0)
			return status;
		if (writes[i].make && !has_core(writes, n, &writes[i]))
			return -EINVAL;
		for (size_t j = 0; j < i; j++)
			if (same_cell(&writes[i], &writes[j]))
				return -EINVAL;
		if (writes[i].field != GW_F_ACK)
			bytes += CELL_KEY_LEAST + writes[i].sub.n + CELL_HEADER + writes[i].value.n;
	}
	return bytes > GW_TX_BYTES ? -E2BIG : 0;
}

/* --- the batch --- */

static struct gw_blob keep(struct batch *b, size_t n)
{
	struct gw_blob kept = {b->at, n};

	b->at += n;
	return kept;
}

static void add(struct batch *b, enum verb verb, enum table table, struct gw_blob key,
                struct gw_blob val)
{
	b->ops[b->n_ops++] = (struct gw_store_op){.kind = GW_STORE_MERGE,
	                                          .table = (uint8_t)table,
	                                          .key = key,
	                                          .val = val,
	                                          .version = verb};
}

static struct gw_blob entity_blob(struct batch *b, const struct gw_write *w)
{
	entity_key(b->at, w->class, id_of(w, b->stamp));
	return keep(b, ENTITY_BYTES);
}

static struct gw_blob key_blob(struct batch *b, const struct gw_write *w)
{
	return keep(b, cell_key(b->at, w->class, id_of(w, b->stamp), w->field, w->sub));
}

/* Once per entity that is not made here. */
static void need_living(struct batch *b, const struct gw_write *writes, size_t i)
{
	struct gw_blob none = {NULL, 0};

	if (writes[i].make)
		return;
	for (size_t j = 0; j < i; j++)
		if (same_entity(&writes[j], &writes[i]))
			return;
	add(b, VERB_LIVING, TABLE_CELL, entity_blob(b, &writes[i]), none);
}

static void need_free(struct batch *b, const struct gw_write *w)
{
	struct gw_blob name;

	if (!w->exclusive || w->remove)
		return;
	name = keep(b, claim_prefix(b->at, w->field, w->sub));
	add(b, VERB_FREE, TABLE_NAME, name, entity_blob(b, w));
}

/** Sets that are bounded, and how many bytes of the sub name the set. */
static const struct {
	uint8_t class;
	uint16_t field;
	uint8_t ns;
	uint8_t set_n;
	uint64_t limit;
} bounded[] = {
	{GW_CLASS_ACCOUNT, GW_F_NAME, GW_NAME_NICK, 1, GW_NICKS_MAX},
	{GW_CLASS_CHANNEL, GW_F_ACCESS, 0, 0, GW_ACCESS_MAX},
};

static bool in_set(const struct gw_write *w, size_t set)
{
	return w->class == bounded[set].class && w->field == bounded[set].field && !w->remove &&
	       (bounded[set].set_n == 0 || *(const uint8_t *)w->sub.p == bounded[set].ns);
}

/* The transaction's own elements are not yet there when the set is counted, so each leaves room for
 * those before it. */
static void need_room(struct batch *b, const struct gw_write *writes, size_t i)
{
	uint64_t limit;
	uint8_t *val;

	for (size_t set = 0; set < sizeof(bounded) / sizeof(bounded[0]); set++) {
		if (!in_set(&writes[i], set))
			continue;
		limit = bounded[set].limit;
		for (size_t j = 0; j < i; j++)
			limit -= in_set(&writes[j], set) && same_entity(&writes[j], &writes[i]);
		val = b->at;
		val[0] = bounded[set].set_n;
		put_u64(val + 1, limit);
		keep(b, 9);
		add(b, VERB_ROOM, TABLE_CELL, key_blob(b, &writes[i]), (struct gw_blob){val, 9});
	}
}

static uint8_t flags_of(const struct gw_write *w)
{
	uint8_t flags = w->remove ? CELL_TOMBSTONE : 0;

	if (w->field == GW_F_KEYREV || (w->field == GW_F_CORE && w->remove))
		flags |= CELL_FINAL;
	return flags;
}

static void add_cell(struct batch *b, const struct gw_write *w, struct gw_stamp claimed)
{
	bool claim = is_claim(w) && !w->remove;
	struct gw_blob key = key_blob(b, w);
	uint8_t *row = b->at;
	size_t n = CELL_HEADER;

	cell_header(row, flags_of(w), b->stamp);
	if (claim) {
		n += claim_value(row + n, claimed, w->value);
	} else if (w->value.n > 0) {
		memcpy(row + n, w->value.p, w->value.n);
		n += w->value.n;
	}
	add(b, claim ? VERB_CLAIM : VERB_CELL, TABLE_CELL, key, keep(b, n));
}

static void add_issue(struct batch *b)
{
	struct gw_blob origin, clock;

	put_u64(b->at, b->stamp.origin);
	origin = keep(b, 8);
	put_u64(b->at, b->stamp.clock);
	clock = keep(b, 8);
	add(b, VERB_ISSUE, TABLE_VEC, origin, clock);
}

/* An upper bound of what one write's operations take. */
static size_t bytes_of(const struct gw_write *w)
{
	return 2 * ENTITY_BYTES + NAME_PREFIX_MAX + 9 + 2 * CELL_KEY_MAX + CELL_HEADER +
	       CLAIM_VALUE_MAX + w->value.n;
}

static void batch_build(struct services_state *state, struct batch *b,
                        const struct gw_write *writes, size_t n, const struct gw_store_op *meta,
                        size_t n_meta)
{
	size_t bytes = 16;

	for (size_t i = 0; i < n; i++)
		bytes += bytes_of(&writes[i]);
	b->ops = gw_alloc(state->self, (n * OPS_PER_WRITE + 1 + n_meta) * sizeof(*b->ops));
	b->bytes = b->at = gw_alloc(state->self, bytes);
	for (size_t i = 0; i < n; i++)
		need_living(b, writes, i);
	for (size_t i = 0; i < n; i++)
		need_free(b, &writes[i]);
	for (size_t i = 0; i < n; i++)
		need_room(b, writes, i);
	for (size_t i = 0; i < n; i++)
		add_cell(b, &writes[i], b->claims != NULL ? b->claims[i] : b->stamp);
	add_issue(b);
	if (n_meta > 0)
		memcpy(b->ops + b->n_ops, meta, n_meta * sizeof(*meta));
	b->n_ops += n_meta;
}

/* --- until it is durable --- */

static void touch(struct pending *p, const struct gw_write *w)
{
	bool dead = w->field == GW_F_CORE && w->remove;
	struct gw_id id = id_of(w, p->stamp);

	for (size_t i = 0; i < p->n_touched; i++)
		if (p->touched[i].class == w->class && gw_id_is(p->touched[i].id, id)) {
			p->touched[i].dead |= dead;
			p->touched[i].claims |= is_claim(w);
			p->touched[i].dropped |= is_claim(w) && w->remove;
			return;
		}
	p->touched[p->n_touched++] = (struct touched){.class = w->class,
	                                              .dead = dead,
	                                              .claims = is_claim(w),
	                                              .dropped = is_claim(w) && w->remove,
	                                              .id = id};
}

/* Names that are claimed are found from now on; those that change hands are forgotten at the
 * commit. */
static void note_name(struct services_state *state, struct pending *p, const struct gw_write *w)
{
	uint8_t *at = p->names + p->names_n;
	size_t n = claim_prefix(at + 1, w->field, w->sub);

	if (n == 0)
		return;
	at[0] = (uint8_t)n;
	p->names_n += n + 1;
	if (!w->remove)
		find_claimed(state, (struct gw_blob){at + 1, n});
}

static struct pending *pending_new(struct services_state *state, const struct gw_write *writes,
                                   size_t n, struct gw_stamp stamp, struct gw_call done)
{
	struct gw_self *self = state->self;
	struct pending *p = gw_alloc(self, sizeof(*p) + n * sizeof(p->touched[0]));
	size_t claims = 0;

	p->id = ++state->last_pending;
	p->done = done;
	p->stamp = stamp;
	p->only_acks = true;
	for (size_t i = 0; i < n; i++) {
		p->only_acks &= writes[i].field == GW_F_ACK;
		touch(p, &writes[i]);
		claims += is_claim(&writes[i]);
	}
	p->names = gw_alloc(self, claims * (NAME_PREFIX_MAX + 1) + 1);
	for (size_t i = 0; i < n; i++)
		note_name(state, p, &writes[i]);
	HASH_ADD(hh, state->pending, id, sizeof(p->id), p);
	return p;
}

static void pending_free(struct services_state *state, struct pending *p)
{
	struct gw_self *self = state->self;

	HASH_DELETE(hh, state->pending, p);
	gw_free(self, p->names);
	gw_free(self, p);
}

/* A stamp before what the database has seen would be lost under it: better none than that. */
static int draw_stamp(struct services_state *state, struct gw_stamp *out)
{
	struct gw_self *self = state->self;
	uint64_t wall_ms = (uint64_t)gw_wall_ns(self) / 1000000;

	*out = (struct gw_stamp){gw_clock_next(self), state->origin};
	if ((out->clock >> 16) <= wall_ms + CLOCK_BEHIND_MS)
		return 0;
	if (state->complained_ns == 0 || gw_mono_ns(self) - state->complained_ns > 60 * GW_SECOND) {
		state->complained_ns = gw_mono_ns(self);
		gw_log(self, GW_ERROR,
		       "the system's clock stands %llu s behind the services database, which "
		       "refuses writes until it is right",
		       (unsigned long long)((out->clock >> 16) - wall_ms) / 1000);
	}
	return -ETIME;
}

static int commit_batch(struct services_state *state, struct batch *b,
                        const struct gw_write *writes, size_t n, const struct gw_store_op *meta,
                        size_t n_meta, struct gw_call done)
{
	struct pending *p = pending_new(state, writes, n, b->stamp, done);
	int status;

	state->last_issued = b->stamp.clock;
	batch_build(state, b, writes, n, meta, n_meta);
	status = GW_VIA(state->store, gw_store_ops, commit, b->ops, b->n_ops, GW_STORE_DISK,
	                gw_call(state->self, CALL_COMMITTED, p->id));
	gw_free(state->self, b->ops);
	gw_free(state->self, b->bytes);
	if (status != 0)
		pending_free(state, p);
	return status;
}

int commit_stamped(struct services_state *state, const struct gw_write *writes, size_t n,
                   struct gw_stamp stamp, const struct gw_store_op *meta, size_t n_meta,
                   struct gw_call done)
{
	struct batch b = {.stamp = stamp};

	return commit_batch(state, &b, writes, n, meta, n_meta, done);
}

static int may_commit(struct services_state *state, const struct gw_write *writes, size_t n)
{
	int status = check_writes(writes, n);

	if (status != 0)
		return status;
	if (state->membership == GW_MEMBER_LOST)
		return -EROFS;
	return state->origin == 0 ? -EAGAIN : 0;
}

int commit(void *services, const struct gw_write *writes, size_t n, struct gw_call done)
{
	struct services_state *state = services;
	int status = may_commit(state, writes, n);
	struct batch b = {.ops = NULL};

	if (status == 0)
		status = draw_stamp(state, &b.stamp);
	return status == 0 ? commit_batch(state, &b, writes, n, NULL, 0, done) : status;
}

/* The clocks of the claims lie before the transaction's, in the same turn: whoever has the one has
 * the others. */
int commit_in_order(struct services_state *state, const struct gw_write *writes, size_t n,
                    struct gw_call done, struct gw_id *made_out)
{
	int status = may_commit(state, writes, n);
	struct gw_stamp claims[GW_TX_CELLS];
	struct batch b = {.claims = claims};

	if (status != 0)
		return status;
	for (size_t i = 0; i < n; i++)
		if (is_claim(&writes[i]))
			claims[i] = (struct gw_stamp){gw_clock_next(state->self), state->origin};
	status = draw_stamp(state, &b.stamp);
	*made_out = (struct gw_id){b.stamp.clock, b.stamp.origin};
	return status == 0 ? commit_batch(state, &b, writes, n, NULL, 0, done) : status;
}

/* --- when it is --- */

static void forget(struct services_state *state, const struct pending *p)
{
	for (size_t at = 0; at < p->names_n; at += p->names[at] + 1u)
		find_forget(state, (struct gw_blob){p->names + at + 1, p->names[at]});
	for (size_t i = 0; i < p->n_touched; i++)
		if (p->touched[i].dead)
			find_forget_entity(state, p->touched[i].class, p->touched[i].id);
}

static void announce(struct services_state *state, const struct pending *p)
{
	struct gw_services_change change;

	for (size_t i = 0; i < p->n_touched; i++) {
		change = (struct gw_services_change){.class = p->touched[i].class,
		                                     .id = p->touched[i].id,
		                                     .dead = p->touched[i].dead,
		                                     .names_dropped = p->touched[i].dropped,
		                                     .names_kept = !p->touched[i].claims &&
		                                                   !p->touched[i].dead};
		members_touch(state, change.class, change.id);
		if (change.dead && change.class == GW_CLASS_ACCOUNT)
			expire_refs(state, change.id);
		gw_notify(state->self, state->changed, &change);
	}
}

void commit_done(void *state_, uint64_t tag, int status, uint64_t number)
{
	struct services_state *state = state_;
	struct gw_self *self = state->self;
	struct gw_visit visit;
	gw_committed_fn *fn;
	struct pending *p;

	(void)number;
	HASH_FIND(hh, state->pending, &tag, sizeof(tag), p);
	if (status == 0) {
		forget(state, p);
		vector_raise(state->self, &state->vector, p->stamp.origin, p->stamp.clock);
		if (!p->only_acks)
			members_news(state);
	}
	fn = (gw_committed_fn *)gw_visit(self, &visit, p->done);
	if (fn != NULL)
		fn(p->done.module->state, p->done.tag, status,
		   (struct gw_id){p->stamp.clock, p->stamp.origin});
	gw_visit_end(self, &visit);
	if (status == 0) {
		announce(state, p);
		figures_refresh(state);
	}
	pending_free(state, p);
	if (status == 0)
		peers_pump(state);
}

void pending_drop_all(struct services_state *state)
{
	struct pending *p, *next;

	HASH_ITER (hh, state->pending, p, next) {
		pending_free(state, p);
	}
}
