/*
 * services/import_write.c - the transactions of an import: one for each entity, as if it had been
 * registered just now, in the order of the file; then the claims that had to wait.
 *
 * An entity that is too large for a transaction is written in several, its names in the last one:
 * nobody sees half of it.
 */
#include "import.h"
#include <errno.h>
#include <godwit/mem.h>

#define IN_FLIGHT_MOST 128
#define PENDING_MOST ((uint64_t)2 << 20)
#define CELLS_MOST (GW_TX_CELLS - 4)
#define BYTES_MOST (GW_TX_BYTES - 4096)
#define TURN_CELLS 512

/** A transaction being put together. */
struct draft {
	struct gw_write writes[GW_TX_CELLS];
	size_t n, bytes;
};

static size_t cell_bytes(const struct form_cell *cell)
{
	return CELL_KEY_MAX + CELL_HEADER + CLAIM_VALUE_MAX + cell->value_n;
}

static bool fits(const struct draft *d, const struct form_cell *cell)
{
	return d->n < CELLS_MOST && d->bytes + cell_bytes(cell) <= BYTES_MOST;
}

static void add(struct draft *d, const struct form_record *record, const struct form_cell *cell)
{
	d->writes[d->n++] = (struct gw_write){.class = record->class,
	                                      .make = gw_id_none(record->id),
	                                      .exclusive = cell->claim && cell->place == 1,
	                                      .id = record->id,
	                                      .field = cell->field,
	                                      .sub = form_cell_sub(record, cell),
	                                      .value = form_cell_value(record, cell)};
	d->bytes += cell_bytes(cell);
}

/* `last`: with it the record is written. */
static int commit_draft(struct services_state *state, struct draft *d, struct form_record *record,
                        bool last)
{
	struct import *im = state->import;
	struct gw_id made;
	int status = commit_in_order(state, d->writes, d->n,
	                             gw_call(state->self, CALL_IMPORT_DONE, last), &made);

	d->n = d->bytes = 0;
	if (status != 0)
		return status;
	im->in_flight++;
	if (gw_id_none(record->id))
		record->id = made;
	return 0;
}

/* The core comes first: without it nothing lives. */
static const struct form_cell *core_of(const struct form_record *record)
{
	for (uint32_t i = 0; i < record->n_cells; i++)
		if (record->cells[i].field == GW_F_CORE)
			return &record->cells[i];
	return NULL;
}

/* Revoked keys of a network are all that it tells another. */
static bool is_carried(const struct form_record *record, const struct form_cell *cell)
{
	return record->class != GW_CLASS_NETWORK || cell->field == GW_F_KEYREV;
}

static int write_cells(struct services_state *state, struct draft *d, struct form_record *record,
                       const struct form_cell *core)
{
	int status = 0;

	for (uint32_t i = 0; i < record->n_cells && status == 0; i++) {
		const struct form_cell *cell = &record->cells[i];

		if (cell->claim || cell == core || !is_carried(record, cell))
			continue;
		if (!fits(d, cell))
			status = commit_draft(state, d, record, false);
		add(d, record, cell);
	}
	return status;
}

static int write_record(struct services_state *state, struct form_record *record)
{
	struct gw_self *self = state->self;
	const struct form_cell *core = core_of(record), *cell;
	struct draft *d = gw_alloc(self, sizeof(*d));
	int status = 0;

	import_fill(record);
	if (record->class == GW_CLASS_NETWORK)
		record->id = state->import->network;
	else
		add(d, record, core);
	status = write_cells(state, d, record, core);
	for (uint32_t i = 0; i < record->claimed && status == 0; i++) {
		cell = import_claim(record, i);
		if (!fits(d, cell))
			status = commit_draft(state, d, record, false);
		add(d, record, cell);
	}
	if (status == 0 && d->n > 0)
		status = commit_draft(state, d, record, true);
	gw_free(self, d);
	return status;
}

static int write_late(struct services_state *state, const struct late *late)
{
	struct gw_self *self = state->self;
	struct draft *d;
	int status;

	if (late->record->exists)
		return 0;
	d = gw_alloc(self, sizeof(*d));
	add(d, late->record, import_claim(late->record, late->claim));
	status = commit_draft(state, d, late->record, false);
	gw_free(self, d);
	return status;
}

void import_done(void *state_, uint64_t last, int status, struct gw_id made)
{
	struct services_state *state = state_;
	struct import *im = state->import;

	(void)made;
	if (im == NULL)
		return;
	im->in_flight--;
	if (status != 0 && im->status == 0)
		im->status = status;
	im->durable += status == 0 && last;
	if (im->in_flight <= IN_FLIGHT_MOST / 2)
		import_again(state);
}

static bool is_full(struct services_state *state)
{
	return state->import->in_flight >= IN_FLIGHT_MOST ||
	       (state->import->in_flight > 0 &&
	        GW_VIA(state->store, gw_store_ops, pending) > PENDING_MOST);
}

/* The next piece of work, or 0 if none is left. Negative: the store refuses. */
static int write_next(struct services_state *state, size_t *cells_out)
{
	struct import *im = state->import;
	struct form_record *record = import_record(im);
	int status;

	*cells_out = 1;
	if (record != NULL) {
		im->at++;
		if (record->exists)
			return 1;
		*cells_out = record->n_cells;
		status = write_record(state, record);
		if (status == 0)
			im->records[im->section].written++;
		return status == 0 ? 1 : status;
	}
	if (im->part == im->n_late)
		return 0;
	status = write_late(state, &im->late[im->part++]);
	return status == 0 ? 1 : status;
}

enum import_step import_write(struct services_state *state)
{
	struct import *im = state->import;
	size_t cells, done = 0;
	int more = 1;

	while (im->status == 0 && more > 0 && done < TURN_CELLS) {
		if (is_full(state))
			return STEP_WAIT;
		more = write_next(state, &cells);
		done += cells;
		if (more < 0)
			im->status = more;
	}
	if (im->status == 0 && more > 0)
		return STEP_TURN;
	return im->in_flight > 0 ? STEP_WAIT : STEP_DONE;
}
