/*
 * services/expire.c - what goes by itself: entities an hour after their expiry, and cells that name
 * a dropped account.
 *
 * Readers do not show what has expired; deleting it is only tidiness, done by whichever server
 * comes to it, and harmless if two do. Likewise a cell that names a dead account means nothing.
 */
#include "peer.h"
#include <errno.h>

#define TICK (30 * 60 * GW_SECOND)
#define FIRST_TICK (60 * GW_SECOND)
#define KEPT_MS (60 * 60 * 1000)
#define REFS_AT_ONCE 64 /* cells of one transaction */

static const uint8_t classes[] = {GW_CLASS_BAN, GW_CLASS_GRANT, GW_CLASS_PENDING};

void expire_start(struct services_state *state)
{
	gw_timer_set(state->expiry, state->self, FIRST_TICK);
}

void expire_tick(void *state_, uint64_t tag)
{
	struct services_state *state = state_;

	(void)tag;
	gw_timer_set(state->expiry, state->self, TICK);
	for (size_t i = 0; i < sizeof(classes); i++)
		walk(state, classes[i], gw_call(state->self, CALL_EXPIRE_ENTITY, 0));
	join_give_tidy(state);
}

void expire_entity(void *state_, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct services_state *state = state_;
	const struct gw_cell *expiry;
	uint64_t at, now = (uint64_t)gw_wall_ns(state->self) / 1000000;
	struct gw_write death = {.remove = true, .field = GW_F_CORE};

	(void)tag;
	(void)status; /* a walk that broke off is made again in half an hour */
	if (entity == NULL)
		return;
	expiry = gw_entity_cell(entity, GW_F_EXPIRY, NULL, 0);
	at = expiry == NULL ? 0 : gw_part_u64(expiry->value, 0, 0);
	if (at == 0 || now < KEPT_MS || at > now - KEPT_MS)
		return;
	death.class = entity->class;
	death.id = entity->id;
	commit(state, &death, 1, gw_call(state->self, CALL_EXPIRE_DONE, 0));
}

void expire_done(void *state, uint64_t tag, int status, struct gw_id made)
{
	(void)tag;
	(void)made;
	if (status != 0 && status != -ENOENT)
		gw_log(((struct services_state *)state)->self, GW_WARN,
		       "cannot delete what has expired status=%d", status);
}

/* --- cells that name a dropped account --- */

static int ask(struct services_state *state, struct request *request)
{
	uint8_t key[16], end[32];
	struct gw_store_range range = {
		.table = TABLE_REF, .from = {key, 16}, .to = {end, sizeof(end)}};

	gw_id_bytes(request->entity, key);
	gw_id_bytes(request->entity, end);
	for (size_t i = 16; i < sizeof(end); i++)
		end[i] = 0xff;
	return store_read(state, &range, 1, REFS_AT_ONCE * (size_t)64, CALL_REFS, request->id);
}

void expire_refs(struct services_state *state, struct gw_id account)
{
	struct request *request = request_new(state, (struct gw_call){0});

	request->entity = account;
	if (ask(state, request) != 0)
		request_free(state, request);
}

void expire_refs_rows(void *state_, uint64_t tag, int status, const struct gw_store_row *rows,
                      size_t n)
{
	struct services_state *state = state_;
	struct gw_write writes[REFS_AT_ONCE];
	struct cell cell;
	size_t n_writes = 0;

	for (size_t i = 0; i < n && n_writes < REFS_AT_ONCE && status >= 0; i++) {
		if (rows[i].key.n < 16 ||
		    cell_parse_key((struct gw_blob){(const uint8_t *)rows[i].key.p + 16,
		                                    rows[i].key.n - 16},
		                   &cell) != 0)
			continue;
		writes[n_writes++] = (struct gw_write){.class = cell.class,
		                                       .id = cell.id,
		                                       .field = cell.field,
		                                       .sub = cell.sub,
		                                       .remove = true};
	}
	if (n_writes == 0 ||
	    commit(state, writes, n_writes, gw_call(state->self, CALL_TIDIED, tag)) != 0)
		request_free(state, request_find(state, tag));
}

/* Goes on until none is left. */
void expire_tidied(void *state_, uint64_t tag, int status, struct gw_id made)
{
	struct services_state *state = state_;
	struct request *request = request_find(state, tag);

	(void)made;
	if (status != 0 || ask(state, request) != 0)
		request_free(state, request);
}
