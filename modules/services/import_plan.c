/*
 * services/import_plan.c - what the file says by itself: who claims which name, in which order that
 * has to be done, and which accounts are meant by its references.
 *
 * Of two that claim a name the earlier claim owns it, so claims are made in the order of their
 * places. Nearly all are alone on their name and are made with their entity; those that have to
 * wait for an entity further down in the file come last.
 */
#include "import.h"
#include <errno.h>
#include <godwit/mem.h>
#include <stdio.h>
#include <string.h>

/** A claim of the file, by its name and place. */
struct claimed {
	UT_hash_handle hh;
	struct form_record *record;
	bool done; /* it is in line */
	uint8_t key_n;
	uint8_t key[4 + NAME_PREFIX_MAX];
};

const struct form_cell *import_claim(const struct form_record *record, size_t i)
{
	for (uint32_t at = 0; at < record->n_cells; at++)
		if (record->cells[at].claim && i-- == 0)
			return &record->cells[at];
	return NULL;
}

size_t import_prefix(const struct form_record *record, const struct form_cell *cell,
                     uint8_t out[NAME_PREFIX_MAX])
{
	return claim_prefix(out, cell->field, form_cell_sub(record, cell));
}

static size_t claim_key(const uint8_t *prefix, size_t n, uint32_t place, uint8_t *out)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(place >> (24 - 8 * i));
	memcpy(out + 4, prefix, n);
	return n + 4;
}

static struct claimed *claimed_find(struct services_state *state, const uint8_t *prefix, size_t n,
                                    uint32_t place)
{
	uint8_t key[4 + NAME_PREFIX_MAX];
	struct gw_self *self = state->self;
	struct claimed *found;

	n = claim_key(prefix, n, place, key);
	HASH_FIND(hh, state->import->claimed, key, n, found);
	return found;
}

/* --- who claims what --- */

static void index_claim(struct services_state *state, struct form_record *record,
                        const struct form_cell *cell)
{
	struct gw_self *self = state->self;
	uint8_t prefix[NAME_PREFIX_MAX];
	size_t n = import_prefix(record, cell, prefix);
	struct claimed *claimed = claimed_find(state, prefix, n, cell->place);
	char text[120];

	if (claimed != NULL) {
		snprintf(text, sizeof(text),
		         "a name of this item is claimed in line %u, too: give one of them a "
		         "later place",
		         claimed->record->line);
		import_fault(state, record->line, record->column, text);
		return;
	}
	claimed = gw_alloc(self, sizeof(*claimed));
	claimed->record = record;
	claimed->key_n = (uint8_t)claim_key(prefix, n, cell->place, claimed->key);
	HASH_ADD(hh, state->import->claimed, key, claimed->key_n, claimed);
}

static void add_nameless(struct services_state *state, struct form_record *record)
{
	struct import *im = state->import;

	if (im->n_nameless == im->nameless_room) {
		im->nameless_room = im->nameless_room == 0 ? 8 : im->nameless_room * 2;
		im->nameless = gw_resize(state->self, im->nameless,
		                         im->nameless_room * sizeof(*im->nameless));
	}
	im->nameless[im->n_nameless++] = record;
}

enum import_step import_index(struct services_state *state)
{
	struct import *im = state->import;
	struct form_record *record;

	for (int i = 0; i < IMPORT_AT_ONCE; i++, im->at++) {
		bool named = false;

		record = import_record(im);
		if (record == NULL)
			return STEP_DONE;
		for (uint32_t c = 0; c < record->n_cells; c++) {
			const struct form_cell *cell = &record->cells[c];

			if (!cell->claim)
				continue;
			index_claim(state, record, cell);
			named |=
				cell->field == GW_F_NAME && record->bytes[cell->at] == GW_NAME_NICK;
		}
		if (!named && record->class == GW_CLASS_ACCOUNT)
			add_nameless(state, record);
	}
	return STEP_TURN;
}

/* --- in which order --- */

/* Whether its next claim may be made now; then it is taken to be. */
static bool advance(struct services_state *state, struct form_record *record)
{
	const struct form_cell *cell = import_claim(record, record->claimed);
	uint8_t prefix[NAME_PREFIX_MAX];
	struct claimed *before;
	size_t n;

	if (cell == NULL)
		return false;
	n = import_prefix(record, cell, prefix);
	before = cell->place > 1 ? claimed_find(state, prefix, n, cell->place - 1) : NULL;
	if (before != NULL && !before->done)
		return false;
	claimed_find(state, prefix, n, cell->place)->done = true;
	record->claimed++;
	return true;
}

static void add_late(struct services_state *state, struct form_record *record, uint64_t claim)
{
	struct import *im = state->import;

	if (im->n_late == im->late_room) {
		im->late_room = im->late_room == 0 ? 8 : im->late_room * 2;
		im->late = gw_resize(state->self, im->late, im->late_room * sizeof(*im->late));
	}
	im->late[im->n_late++] = (struct late){record, claim};
}

/* Who waits for nothing else than the place behind that claim of the record; NULL: nobody. */
static struct form_record *let_on(struct services_state *state, const struct form_record *record,
                                  uint32_t claim)
{
	const struct form_cell *cell = import_claim(record, claim), *next;
	uint8_t prefix[NAME_PREFIX_MAX], other[NAME_PREFIX_MAX];
	size_t n = import_prefix(record, cell, prefix);
	struct claimed *behind = claimed_find(state, prefix, n, cell->place + 1);

	if (behind == NULL || behind->done)
		return NULL;
	next = import_claim(behind->record, behind->record->claimed);
	return next->place == cell->place + 1 && import_prefix(behind->record, next, other) == n &&
	                       memcmp(prefix, other, n) == 0
	               ? behind->record
	               : NULL;
}

/* Claims that others had to come before: whoever gets in line lets on who stands behind, so each is
 * looked at about once. A record waits for one claim at a time, and is in `ready` once at most. */
static void order_late(struct services_state *state, struct form_record **waiting, size_t n)
{
	struct form_record **ready = gw_alloc(state->self, (n + 1) * sizeof(*ready)), *record,
			   *next;
	const struct form_record *left = NULL;

	for (size_t i = 0, n_ready; i < n; i++) {
		ready[0] = waiting[i];
		for (n_ready = 1; n_ready > 0;) {
			record = ready[--n_ready];
			while (advance(state, record)) {
				add_late(state, record, record->claimed - 1u);
				next = let_on(state, record, record->claimed - 1u);
				if (next != NULL && next != record)
					ready[n_ready++] = next;
			}
		}
	}
	for (size_t i = 0; i < n && left == NULL; i++)
		if (import_claim(waiting[i], waiting[i]->claimed) != NULL)
			left = waiting[i];
	if (left != NULL)
		import_fault(state, left->line, left->column,
		             "the places of this item's names contradict those of others");
	gw_free(state->self, ready);
}

/* What is made with the entity is counted in `claimed`; import_write() starts again from there. */
static void put_back(struct services_state *state)
{
	struct import *im = state->import;

	for (size_t i = im->n_late; i-- > 0;)
		im->late[i].record->claimed = (uint32_t)im->late[i].claim;
}

enum import_step import_order(struct services_state *state)
{
	struct import *im = state->import;
	struct form_record *record;

	for (int i = 0; i < IMPORT_AT_ONCE; i++, im->at++) {
		record = import_record(im);
		if (record == NULL) {
			struct form_record **waiting =
				gw_alloc(state->self, (im->n_late + 1) * sizeof(*waiting));
			size_t n = im->n_late;

			for (size_t j = 0; j < n; j++)
				waiting[j] = im->late[j].record;
			im->n_late = 0;
			order_late(state, waiting, n);
			put_back(state);
			gw_free(state->self, waiting);
			return STEP_DONE;
		}
		while (advance(state, record))
			continue;
		if (import_claim(record, record->claimed) != NULL)
			add_late(state, record, 0);
	}
	return STEP_TURN;
}

/* --- who is meant --- */

static bool refer(struct services_state *state, struct form_record *record, struct form_ref *ref)
{
	struct import *im = state->import;
	uint8_t prefix[NAME_PREFIX_MAX];
	struct claimed *claimed;
	size_t n;

	if (ref->kind == FORM_REF_NAMELESS) {
		if (ref->number > im->n_nameless)
			return false;
		ref->target = im->nameless[ref->number - 1];
		return true;
	}
	n = name_prefix(prefix, GW_NAME_NICK, record->bytes + ref->name_at, ref->name_n);
	claimed = claimed_find(state, prefix, n, ref->kind == FORM_REF_NAME ? 1 : ref->number);
	if (claimed == NULL || claimed->record->class != GW_CLASS_ACCOUNT)
		return false;
	ref->target = claimed->record;
	return true;
}

static void fill(struct form_record *record, struct form_ref *ref, struct gw_id id)
{
	gw_id_bytes(id, record->bytes + ref->at);
	ref->filled = true;
	ref->target = NULL;
}

void import_fill(struct form_record *record)
{
	for (uint32_t i = 0; i < record->n_refs; i++)
		if (record->refs[i].target != NULL && !gw_id_none(record->refs[i].target->id))
			fill(record, &record->refs[i], record->refs[i].target->id);
}

static void found(struct services_state *state, int status, const struct gw_owner *owner)
{
	struct import *im = state->import;
	struct form_record *record = import_record(im);
	struct form_ref *ref = &record->refs[im->part];

	if (status == 0 && owner->class == GW_CLASS_ACCOUNT)
		fill(record, ref, owner->id);
	else
		import_fault(state, ref->line, ref->column,
		             status == 0 || status == -ENOENT || status == -EINVAL
		                     ? "there is no such account, neither in the file nor here"
		                     : "the account cannot be looked for now: try again");
	im->part++;
}

void import_account(void *state_, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct services_state *state = state_;

	(void)tag;
	if (state->import == NULL)
		return;
	found(state, status, owner);
	import_again(state);
}

/* False: an answer is waited for. */
static bool resolve(struct services_state *state, struct form_record *record)
{
	struct import *im = state->import;
	struct gw_owner owner;
	int status;

	while (im->part < record->n_refs) {
		struct form_ref *ref = &record->refs[im->part];

		if (refer(state, record, ref)) {
			im->part++;
			continue;
		}
		status = ref->kind == FORM_REF_NAME
		                 ? find_shown(state, GW_NAME_NICK, record->bytes + ref->name_at,
		                              ref->name_n, &owner,
		                              gw_call(state->self, CALL_IMPORT_ACCOUNT, 0))
		                 : -ENOENT;
		if (status == -EINPROGRESS)
			return false;
		found(state, status, &owner);
	}
	return true;
}

enum import_step import_resolve(struct services_state *state)
{
	struct import *im = state->import;
	struct form_record *record;

	for (size_t done = 0; done < IMPORT_CELLS; done += 16 + record->n_refs) {
		record = import_record(im);
		if (record == NULL)
			return STEP_DONE;
		if (!record->exists && !resolve(state, record))
			return STEP_WAIT;
		import_fill(record); /* those that are here */
		im->at++;
		im->part = 0;
	}
	return STEP_TURN;
}

bool import_plan_free(struct gw_self *self, struct import *im, size_t most)
{
	struct claimed *claimed, *next;

	HASH_ITER (hh, im->claimed, claimed, next) {
		if (most-- == 0)
			return false;
		HASH_DELETE(hh, im->claimed, claimed);
		gw_free(self, claimed);
	}
	gw_free(self, im->nameless);
	gw_free(self, im->late);
	im->nameless = NULL;
	im->late = NULL;
	return true;
}
