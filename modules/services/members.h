/*
 * services/members.h - servers and lives of their databases, as the database has them: kept in
 * memory, for every link and every collection asks for them.
 */
#ifndef SERVICES_MEMBERS_H
#define SERVICES_MEMBERS_H

#include "services.h"
#include "vector.h"

/** A life of a server's database: an O entity. */
struct member {
	UT_hash_handle hh;
	struct gw_id life;   /* the key */
	struct gw_id server; /* none: its core is not known */
	uint64_t origin;
	bool dead;
	uint8_t reserved[7];   /* 0 */
	struct gw_stamp acked; /* of the cell that says so; clock 0: none yet */
	struct vector ack;
	uint64_t owes_since_ms; /* wall clock: of the first change since its last acknowledgement */
};

/** An S entity. */
struct server {
	UT_hash_handle hh;
	struct gw_id id;
	bool dead;
	uint8_t reserved[7]; /* 0 */
	struct gw_stamp named;
	char name[GW_NAME_MAX + 1];
};

/** Reads all of them; membership follows when that is done. */
void members_load(struct services_state *state);
/** An entity of class O or S has changed. */
void members_touch(struct services_state *state, uint8_t class, struct gw_id id);
gw_store_rows_fn members_rows, members_touched;
void members_drop_all(struct services_state *state);

struct member *member_find(struct services_state *state, struct gw_id life);
struct server *server_find(struct services_state *state, struct gw_id id);
struct server *server_named(struct services_state *state, const char *name);
/** Neither its server nor the life itself is dead. */
bool member_lives(struct services_state *state, const struct member *member);
/** Something but acknowledgements was applied: there is something to acknowledge. */
void members_news(struct services_state *state);
/** Walks all; NULL starts, NULL ends. */
struct member *member_next(struct services_state *state, const struct member *after);

#endif
