/*
 * services/import_check.c - what of the file is in the database already.
 *
 * What claims names is known by them: if a name has as many claimants here as the claim's place
 * says, somebody stands in that place. Bans are known by what they ban, grants by the account,
 * anything else without a name by all its cells.
 */
#include "import.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <godwit/mem.h>
#include <stdio.h>
#include <string.h>

/** Something without a name that is here. */
struct existing {
	UT_hash_handle hh;
	uint8_t digest[DIGEST_BYTES];
	struct gw_id id;
};

static void conflict(struct services_state *state, struct form_record *record,
                     const struct form_cell *cell, struct gw_id id)
{
	struct import *im = state->import;
	struct gw_blob shown = {"", 0};
	char text[160], name[GW_NAME_MAX + 1];

	record->exists = true;
	record->id = id;
	im->records[im->section].exist++;
	if (im->skip || im->conflicts++ >= IMPORT_TOLD)
		return;
	if (cell != NULL)
		shown = form_cell_value(record, cell);
	for (size_t i = 0; i < shown.n; i++) {
		unsigned char c = ((const unsigned char *)shown.p)[i];

		name[i] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
	name[shown.n] = '\0';
	snprintf(text, sizeof(text), "%s:%u:%u: the %s%s%s is here already", im->name, record->line,
	         record->column, form_class_of(record->class)->noun, shown.n > 0 ? " " : "", name);
	gw_admin_text(state->self, im->req, text);
}

/* --- names --- */

/* The claim at hand stands: the next one, or the next record. */
static void met(struct services_state *state, bool here, uint8_t class, struct gw_id id)
{
	struct import *im = state->import;
	struct form_record *record = import_record(im);
	const struct gw_id none = {0, 0};

	im->part++;
	if (!here)
		return;
	conflict(state, record, import_claim(record, im->part - 1),
	         class == record->class ? id : none);
	im->part = 0;
	im->at++;
}

void import_owner(void *state_, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct services_state *state = state_;

	(void)tag;
	if (state->import == NULL)
		return;
	if (status != 0 && status != -ENOENT) {
		import_fail(state, status, "the database cannot be read");
		return;
	}
	met(state, status == 0, status == 0 ? owner->class : 0,
	    status == 0 ? owner->id : (struct gw_id){0, 0});
	import_again(state);
}

/* The owner first; the one in the claim's place is the one. */
void import_claimant(void *state_, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct services_state *state = state_;
	struct import *im = state->import;

	if (im == NULL || !im->asked || tag != im->question)
		return;
	if (owner != NULL && --im->place > 0)
		return;
	if (owner == NULL && status != 0) {
		im->asked = false;
		import_fail(state, status, "the database cannot be read");
		return;
	}
	im->asked = false;
	met(state, owner != NULL, owner != NULL ? owner->class : 0,
	    owner != NULL ? owner->id : (struct gw_id){0, 0});
	import_again(state);
}

/* -EINPROGRESS: an answer will come; else whether it is here was noted. */
static int ask(struct services_state *state, const struct form_record *record,
               const struct form_cell *cell)
{
	struct import *im = state->import;
	uint8_t prefix[NAME_PREFIX_MAX];
	size_t n = import_prefix(record, cell, prefix);
	struct gw_owner owner = {0};
	int status;

	if (cell->place > 1) {
		im->place = cell->place;
		status = claimants(state, prefix[0], prefix + 2, n - 2,
		                   gw_call(state->self, CALL_IMPORT_CLAIMANT, ++im->question));
		im->asked = status == 0;
		return status == 0 ? -EINPROGRESS : status;
	}
	status = find(state, prefix[0], prefix + 2, n - 2, &owner,
	              gw_call(state->self, CALL_IMPORT_OWNER, 0));
	if (status == 0 || status == -ENOENT)
		met(state, status == 0, owner.class, owner.id);
	return status == -ENOENT ? 0 : status;
}

enum import_step import_names(struct services_state *state)
{
	struct import *im = state->import;
	const struct form_cell *cell;
	struct form_record *record;
	int status;

	for (int i = 0; i < IMPORT_AT_ONCE; i++) {
		record = import_record(im);
		if (record == NULL)
			return STEP_DONE;
		cell = import_claim(record, im->part);
		if (cell == NULL) {
			im->part = 0;
			im->at++;
			continue;
		}
		status = ask(state, record, cell);
		if (status == -EINPROGRESS)
			return STEP_WAIT;
		if (status != 0) {
			import_fail(state, status, "the database cannot be read: try again");
			return STEP_FAILED;
		}
	}
	return STEP_TURN;
}

/* --- what has no name --- */

/* Parts of the core that tell two of a class apart. */
static const struct {
	uint8_t class;
	uint8_t from, to;
} told_by[] = {{GW_CLASS_BAN, 1, 2}, {GW_CLASS_GRANT, 1, 1}};

static void add_digest(uint8_t sum[DIGEST_BYTES], uint16_t field, struct gw_blob sub,
                       struct gw_blob value)
{
	const uint8_t front[4] = {(uint8_t)(field >> 8), (uint8_t)field, (uint8_t)sub.n, 0};
	uint8_t digest[DIGEST_BYTES];
	gnutls_hash_hd_t hash;

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) != 0)
		return;
	gnutls_hash(hash, front, sizeof(front));
	gnutls_hash(hash, sub.p, sub.n);
	gnutls_hash(hash, value.p, value.n);
	gnutls_hash_deinit(hash, digest);
	digest_add(sum, digest);
}

/* What a cell says of which entity this is; `sum` knows no order. */
static void add_cell(uint8_t sum[DIGEST_BYTES], uint8_t class, uint16_t field, struct gw_blob sub,
                     struct gw_blob value)
{
	struct gw_blob part;

	for (size_t i = 0; i < sizeof(told_by) / sizeof(told_by[0]); i++) {
		if (told_by[i].class != class)
			continue;
		for (unsigned p = told_by[i].from; field == GW_F_CORE && p <= told_by[i].to; p++)
			if (gw_part(value, p, &part))
				add_digest(sum, (uint16_t)p, sub, part);
		return;
	}
	add_digest(sum, field, sub, value);
}

static bool has_claims(const struct gw_entity *entity)
{
	for (size_t i = 0; i < entity->n; i++)
		if (entity->cells[i].field == GW_F_NAME || entity->cells[i].field == GW_F_CERTFP)
			return true;
	return false;
}

static void entity_digest(const struct gw_entity *entity, uint8_t out[DIGEST_BYTES])
{
	memset(out, 0, DIGEST_BYTES);
	out[0] = entity->class;
	for (size_t i = 0; i < entity->n; i++)
		add_cell(out, entity->class, entity->cells[i].field, entity->cells[i].sub,
		         entity->cells[i].value);
}

static void record_digest(const struct form_record *record, uint8_t out[DIGEST_BYTES])
{
	memset(out, 0, DIGEST_BYTES);
	out[0] = record->class;
	for (uint32_t i = 0; i < record->n_cells; i++)
		add_cell(out, record->class, record->cells[i].field,
		         form_cell_sub(record, &record->cells[i]),
		         form_cell_value(record, &record->cells[i]));
}

static struct existing *existing_find(struct services_state *state, const uint8_t *digest)
{
	struct gw_self *self = state->self;
	struct existing *found;

	HASH_FIND(hh, state->import->existing, digest, DIGEST_BYTES, found);
	return found;
}

static void take_existing(struct services_state *state, const struct gw_entity *entity)
{
	struct gw_self *self = state->self;
	struct import *im = state->import;
	struct existing *existing;
	uint8_t digest[DIGEST_BYTES];

	if (entity->class == GW_CLASS_NETWORK) {
		if (gw_id_none(im->network))
			im->network = entity->id;
		return;
	}
	entity_digest(entity, digest);
	if (has_claims(entity) || existing_find(state, digest) != NULL)
		return;
	existing = gw_alloc(self, sizeof(*existing));
	memcpy(existing->digest, digest, DIGEST_BYTES);
	existing->id = entity->id;
	HASH_ADD(hh, im->existing, digest, DIGEST_BYTES, existing);
}

void import_each(void *state_, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct services_state *state = state_;

	(void)tag;
	if (state->import == NULL)
		return;
	if (entity != NULL) {
		take_existing(state, entity);
	} else if (status != 0) {
		import_fail(state, status, "the database cannot be read");
	} else {
		state->import->class ++;
		import_again(state);
	}
}

/* Whether the file has something of the class that has no name. */
static bool is_wanted(const struct import *im, unsigned class)
{
	for (size_t s = 0; s < form_n_classes; s++) {
		if (form_classes[s].class != 0 && form_classes[s].class != class)
			continue;
		for (size_t i = 0; i < im->records[s].n; i++)
			if (im->records[s].p[i]->class == class &&
			    (class == GW_CLASS_NETWORK ||
			     import_claim(im->records[s].p[i], 0) == NULL))
				return true;
	}
	return false;
}

/* Whether one of the accounts that it names is still to be made. */
static bool is_open(const struct form_record *record)
{
	for (uint32_t i = 0; i < record->n_refs; i++)
		if (!record->refs[i].filled)
			return true;
	return false;
}

static void compare(struct services_state *state, struct form_record *record)
{
	const struct existing *existing;
	uint8_t digest[DIGEST_BYTES];

	import_fill(record); /* accounts come first */
	if (record->exists || record->class == GW_CLASS_NETWORK || is_open(record) ||
	    import_claim(record, 0) != NULL)
		return;
	record_digest(record, digest);
	existing = existing_find(state, digest);
	if (existing != NULL)
		conflict(state, record, NULL, existing->id);
}

enum import_step import_compare(struct services_state *state)
{
	struct import *im = state->import;
	struct form_record *record;

	while (im->class < 256 && !is_wanted(im, im->class))
		im->class ++;
	if (im->class < 256) {
		if (walk(state, (uint8_t)im->class, gw_call(state->self, CALL_IMPORT_EACH, 0)) == 0)
			return STEP_WAIT;
		import_fail(state, -EAGAIN, "too much waits for the database: try again");
		return STEP_FAILED;
	}
	for (size_t done = 0; done < IMPORT_CELLS; done += 16 + record->n_cells, im->at++) {
		record = import_record(im);
		if (record == NULL)
			return STEP_DONE;
		compare(state, record);
	}
	return STEP_TURN;
}

bool import_check_free(struct gw_self *self, struct import *im, size_t most)
{
	struct existing *existing, *next;

	HASH_ITER (hh, im->existing, existing, next) {
		if (most-- == 0)
			return false;
		HASH_DELETE(hh, im->existing, existing);
		gw_free(self, existing);
	}
	return true;
}
