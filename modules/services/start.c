/*
 * services/start.c - from the stored meta table to a state that can write.
 *
 * An empty database becomes a network of one, unless somebody knows better (the question
 * "services.first": a new server joins): the network's entity, this server's, and this life of its
 * database, all under the first stamp of an origin drawn at random. A database that is not the file
 * it was (put back from a backup, or copied) begins a new life: stamps that its old origin gave out
 * after the copy was made must not be given out again. With other servers on the network it is lost
 * instead: they have the newer state.
 */
#include "members.h"
#include "peer.h"
#include <errno.h>
#include <godwit/mem.h>
#include <stdio.h>
#include <string.h>

#define META_BYTES ((size_t)64 << 10)
#define VECTOR_BYTES ((size_t)1 << 20)
#define ACK_FIRST (60 * GW_SECOND)
#define COLLECT_FIRST (60 * GW_SECOND)

/** What the meta table says. */
struct meta {
	uint64_t schema, clock, origin, cells, origins, trimmed;
	struct gw_id server, life;
	char state[16];
	char identity[GW_STORE_IDENTITY];
};

void start(struct services_state *state)
{
	struct gw_store_range ranges[] = {{.table = TABLE_META}, {.table = TABLE_VEC}};

	state->membership = state->found = GW_MEMBER_UNKNOWN;
	state->origin = 0;
	vector_free(state->self, &state->vector);
	vector_free(state->self, &state->floor);
	members_drop_all(state);
	if (store_read(state, ranges, 2, META_BYTES + VECTOR_BYTES, CALL_STARTED, 0) != 0)
		gw_stop(state->self, "the services database cannot be read");
}

static bool named(const struct gw_store_row *row, const char *name)
{
	return row->key.n == strlen(name) && memcmp(row->key.p, name, row->key.n) == 0;
}

static uint64_t number(const struct gw_store_row *row)
{
	return row->val.n >= 8 ? get_u64(row->val.p) : 0;
}

static void meta_take(struct meta *meta, const struct gw_store_row *row)
{
	if (named(row, "schema"))
		meta->schema = number(row);
	else if (named(row, "clock"))
		meta->clock = number(row);
	else if (named(row, "origin"))
		meta->origin = number(row);
	else if (named(row, "live"))
		meta->cells = number(row);
	else if (named(row, "nO"))
		meta->origins = number(row);
	else if (named(row, "trimmed"))
		meta->trimmed = number(row);
	else if (named(row, "state"))
		snprintf(meta->state, sizeof(meta->state), "%.*s", (int)row->val.n,
		         (const char *)row->val.p);
	else if (named(row, "server"))
		meta->server = gw_id_from(row->val);
	else if (named(row, "life"))
		meta->life = gw_id_from(row->val);
	else if (named(row, "identity"))
		snprintf(meta->identity, sizeof(meta->identity), "%.*s", (int)row->val.n,
		         (const char *)row->val.p);
}

static uint64_t draw_origin(struct gw_self *self)
{
	uint64_t origin = 0;

	while (origin == 0)
		origin = gw_random_u64(self);
	return origin;
}

/* --- a life's first transaction --- */

/** Rows of the meta table that a life begins with; their values live here. */
struct first_meta {
	uint8_t schema[8], origin[8], server[16], life[16];
	char identity[GW_STORE_IDENTITY];
	struct gw_store_op ops[6];
};

static void meta_op(struct first_meta *meta, size_t i, const char *key, const void *value, size_t n)
{
	meta->ops[i] = (struct gw_store_op){.kind = GW_STORE_MERGE,
	                                    .table = TABLE_META,
	                                    .key = {key, strlen(key)},
	                                    .val = {value, n},
	                                    .version = VERB_META};
}

static void first_meta(struct services_state *state, struct first_meta *meta)
{
	put_u64(meta->schema, SCHEMA);
	put_u64(meta->origin, state->origin);
	gw_id_bytes(state->server, meta->server);
	gw_id_bytes(state->life, meta->life);
	GW_VIA(state->store, gw_store_ops, identity, meta->identity);
	meta_op(meta, 0, "schema", meta->schema, 8);
	meta_op(meta, 1, "state", "member", 6);
	meta_op(meta, 2, "origin", meta->origin, 8);
	meta_op(meta, 3, "server", meta->server, 16);
	meta_op(meta, 4, "life", meta->life, 16);
	meta_op(meta, 5, "identity", meta->identity, strlen(meta->identity));
}

/* The core of an O entity: whose database, and the origin of its stamps. */
static struct gw_blob life_value(struct services_state *state, struct gw_parts *parts)
{
	uint8_t server[16];

	gw_id_bytes(state->server, server);
	gw_parts_add(parts, server, sizeof(server));
	gw_parts_u64(parts, state->origin);
	return gw_parts_value(parts);
}

static int network_of_one(struct services_state *state)
{
	struct gw_self *self = state->self;
	const char *name = gw_server_string(self, "server");
	struct gw_stamp stamp = {gw_clock_next(self), draw_origin(self)};
	uint8_t flags_bytes[64], case_bytes[16], life_bytes[64],
		sub[GW_NAME_MAX + 2] = {GW_NAME_SERVER};
	struct gw_parts flags = {.bytes = flags_bytes, .max = sizeof(flags_bytes)};
	struct gw_parts casemapping = {.bytes = case_bytes, .max = sizeof(case_bytes)};
	struct gw_parts life = {.bytes = life_bytes, .max = sizeof(life_bytes)};
	struct first_meta meta;
	int n = fold(state, name, (char *)sub + 1);

	if (n <= 0)
		return -EINVAL;
	state->origin = stamp.origin;
	state->server = state->life = (struct gw_id){stamp.clock, stamp.origin};
	gw_parts_u64(&flags, 0);
	gw_parts_u64(&flags, (uint64_t)gw_wall_ns(self) / 1000000);
	gw_parts_text(&casemapping, "ascii");
	first_meta(state, &meta);
	const struct gw_write writes[] = {
		{.class = GW_CLASS_NETWORK,
	         .make = true,
	         .field = GW_F_CORE,
	         .value = gw_parts_value(&flags)},
		{.class = GW_CLASS_NETWORK,
	         .make = true,
	         .field = GW_F_OPTION,
	         .sub = {"casemapping", 11},
	         .value = gw_parts_value(&casemapping)},
		{.class = GW_CLASS_SERVER,
	         .make = true,
	         .field = GW_F_CORE,
	         .value = gw_parts_value(&flags)},
		{.class = GW_CLASS_SERVER,
	         .make = true,
	         .field = GW_F_NAME,
	         .sub = {sub, (size_t)n + 1},
	         .value = {name, strlen(name)}},
		{.class = GW_CLASS_ORIGIN,
	         .make = true,
	         .field = GW_F_CORE,
	         .value = life_value(state, &life)},
	};
	return commit_stamped(state, writes, sizeof(writes) / sizeof(writes[0]), stamp, meta.ops, 6,
	                      gw_call(self, CALL_MADE, 0));
}

int life_begin(struct services_state *state, const struct gw_id *dead, size_t n,
               struct gw_call done)
{
	struct gw_self *self = state->self;
	struct gw_stamp stamp = {gw_clock_next(self), draw_origin(self)};
	struct gw_write *writes = gw_alloc(self, (n + 1) * sizeof(*writes));
	uint8_t life_bytes[64];
	struct gw_parts life = {.bytes = life_bytes, .max = sizeof(life_bytes)};
	struct first_meta meta;
	int status;

	state->origin = stamp.origin;
	state->life = (struct gw_id){stamp.clock, stamp.origin};
	first_meta(state, &meta);
	writes[0] = (struct gw_write){.class = GW_CLASS_ORIGIN,
	                              .make = true,
	                              .field = GW_F_CORE,
	                              .value = life_value(state, &life)};
	for (size_t i = 0; i < n; i++)
		writes[i + 1] = (struct gw_write){.class = GW_CLASS_ORIGIN,
		                                  .id = dead[i],
		                                  .remove = true,
		                                  .field = GW_F_CORE};
	status = commit_stamped(state, writes, n + 1, stamp, meta.ops, 6, done);
	gw_free(self, writes);
	return status;
}

/* --- membership --- */

void membership_set(struct services_state *state, enum gw_membership membership)
{
	if (state->membership == membership)
		return;
	state->membership = membership;
	gw_notify(state->self, state->membership_changed, &membership);
}

void membership_lose(struct services_state *state, const char *why)
{
	struct first_meta meta;

	if (state->membership != GW_MEMBER_FULL)
		return;
	gw_log(state->self, GW_ERROR,
	       "the services database of this server must be got anew from the network, until then "
	       "nothing is written: %s",
	       why);
	meta_op(&meta, 0, "state", "lost", 4);
	if (GW_VIA(state->store, gw_store_ops, commit, meta.ops, 1, GW_STORE_DISK,
	           gw_call(state->self, CALL_LOST, 0)) != 0)
		gw_log(state->self, GW_ERROR, "that could not be noted down");
	membership_set(state, GW_MEMBER_LOST);
	peers_refuse(state, SV_ROLLBACK, "this server has to join again");
}

void start_lost(void *state, uint64_t tag, int status, uint64_t number)
{
	(void)tag;
	(void)number;
	if (status != 0)
		gw_log(((struct services_state *)state)->self, GW_ERROR,
		       "that the database is lost could not be noted down status=%d", status);
}

void start_members(struct services_state *state)
{
	if (state->membership != GW_MEMBER_UNKNOWN)
		return;
	state->to_acknowledge = true; /* it is not known what the last one did not cover */
	gw_timer_set(state->ack_timer, state->self, ACK_FIRST);
	gw_timer_set(state->collect_timer, state->self, COLLECT_FIRST);
	membership_set(state, state->found);
	salvage_start(state);
}

/* --- what was found --- */

/* A database that was put back: alone it begins a new life, else it is behind what others have of
 * it. */
static int put_back(struct services_state *state, const struct meta *meta, const char *identity)
{
	gw_log(state->self, GW_WARN, "the database was put back or copied was=\"%s\" is=\"%s\"",
	       meta->identity, identity);
	if (meta->origins > 1) {
		gw_log(state->self, GW_ERROR,
		       "other servers have the newer state: this one has to join again, until then "
		       "nothing is written (if it is the only one that is left: services adopt)");
		state->found = GW_MEMBER_LOST;
		members_load(state);
		return 0;
	}
	return life_begin(state, &meta->life, 1, gw_call(state->self, CALL_MADE, 1));
}

static int member(struct services_state *state, const struct meta *meta)
{
	char identity[GW_STORE_IDENTITY];

	gw_clock_raise(state->self, meta->clock);
	state->server = meta->server;
	state->life = meta->life;
	state->origin = meta->origin;
	state->trimmed = meta->trimmed;
	state->last_issued = vector_get(&state->vector, state->origin);
	state->found = strcmp(meta->state, "lost") == 0 ? GW_MEMBER_LOST : GW_MEMBER_FULL;
	GW_VIA(state->store, gw_store_ops, identity, identity);
	if (strcmp(identity, meta->identity) != 0)
		return put_back(state, meta, identity);
	members_load(state);
	return 0;
}

static int empty(struct services_state *state)
{
	struct gw_error why = {0};

	if (gw_ask(state->self, state->first, NULL, &why) == 0)
		return network_of_one(state);
	membership_set(state, GW_MEMBER_EMPTY);
	return 0;
}

static const char *begin(struct services_state *state, const struct meta *meta)
{
	int status = 0;

	if (meta->schema > SCHEMA)
		return "the services database was written by a newer version";
	if (meta->origin != 0)
		status = member(state, meta);
	else if (meta->state[0] != '\0')
		membership_set(state, GW_MEMBER_JOINING);
	else
		status = empty(state);
	return status == 0 ? NULL : "the services database cannot be written";
}

static void vector_take(struct services_state *state, const struct gw_store_row *row)
{
	if (row->key.n != 8 || row->val.n != 16)
		return;
	vector_raise(state->self, &state->vector, get_u64(row->key.p), get_u64(row->val.p));
	vector_raise(state->self, &state->floor, get_u64(row->key.p),
	             get_u64((const uint8_t *)row->val.p + 8));
}

/* Names were read from another database, or none. */
static void names_anew(struct services_state *state, const struct meta *meta)
{
	if (state->filter_ready) {
		find_forget_all(state);
	} else if (!state->filter_walking) { /* else somebody has asked for a name already */
		filter_init(state->self, &state->growing, meta->cells / 2);
		find_build_filter(state);
	}
}

void start_rows(void *state_, uint64_t tag, int status, const struct gw_store_row *rows, size_t n)
{
	struct services_state *state = state_;
	const char *why = "the services database cannot be read";
	struct meta meta = {0};

	(void)tag;
	for (size_t i = 0; i < n; i++)
		if (rows[i].table == TABLE_META)
			meta_take(&meta, &rows[i]);
		else
			vector_take(state, &rows[i]);
	if (status == 0)
		why = begin(state, &meta);
	if (why != NULL) {
		gw_log(state->self, GW_ERROR, "%s status=%d", why, status);
		gw_stop(state->self, why);
		return;
	}
	names_anew(state, &meta);
	figures_refresh(state);
	expire_start(state);
}

void start_made(void *state_, uint64_t tag, int status, struct gw_id made)
{
	struct services_state *state = state_;

	(void)made;
	if (status == 0) {
		gw_log(state->self, GW_INFO, "%s origin=%016llx",
		       tag == 0 ? "made a network of one" : "began a new life",
		       (unsigned long long)state->origin);
		state->found = GW_MEMBER_FULL;
		members_load(state);
		return;
	}
	gw_log(state->self, GW_ERROR, "the services database cannot be written status=%d", status);
	gw_stop(state->self, "the services database cannot be written");
}
