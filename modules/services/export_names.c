/*
 * services/export_names.c - who claims which name, read from the table of names before anything
 * else: how accounts are called in the file, and who stands where in line for a name.
 */
#include "export.h"
#include <godwit/mem.h>
#include <string.h>

/** How an account is referred to. */
struct called {
	struct gw_id id;
	struct gw_stamp claim; /* of the name */
	uint32_t place;
	uint32_t number; /* of one without a name */
	size_t n;
	UT_hash_handle hh;
	char name[GW_NAME_MAX];
};

#define CALLED_AT_ONCE 256

/** Memory of many: a hundred thousand are given back at once. */
struct called_block {
	struct called_block *next;
	size_t n;
	struct called called[CALLED_AT_ONCE];
};

/** A claim behind the first on its name. */
struct contested {
	UT_hash_handle hh;
	uint32_t place;
	uint8_t key_n;
	uint8_t key[ENTITY_BYTES + NAME_PREFIX_MAX];
};

int export_names_read(struct services_state *state)
{
	const struct export *e = state->export;
	struct gw_store_range range = {.table = TABLE_NAME, .from = {e->from, e->from_n}};

	return GW_VIA(state->store, gw_store_ops, read_image, &range, 1, SLICE_BYTES,
	              gw_call(state->self, CALL_EXPORT_NAMES, 0));
}

static struct called *called_find(struct gw_self *self, struct export *e, struct gw_id id)
{
	struct called *called;

	HASH_FIND(hh, e->called, &id, sizeof(id), called);
	return called;
}

static struct called *called_new(struct gw_self *self, struct export *e, struct gw_id id)
{
	struct called_block *block = e->blocks;
	struct called *called;

	if (block == NULL || block->n == CALLED_AT_ONCE) {
		block = gw_alloc(self, sizeof(*block));
		block->next = e->blocks;
		e->blocks = block;
	}
	called = &block->called[block->n++];
	called->id = id;
	HASH_ADD(hh, e->called, id, sizeof(called->id), called);
	return called;
}

/* What folds to the name: the form in which it is shown, as a rule. */
static void take_name(struct called *called, const struct gw_store_row *row)
{
	struct gw_blob folded = {(const uint8_t *)row->key.p + 2, ((const uint8_t *)row->key.p)[1]};
	bool folds = row->val.n == folded.n;

	if (folds) {
		form_fold(row->val.p, row->val.n, (uint8_t *)called->name);
		folds = memcmp(called->name, folded.p, folded.n) == 0;
	}
	called->n = folded.n;
	memcpy(called->name, folds ? row->val.p : folded.p, folded.n);
}

/* The first name that it owns; else the first that it claims. */
static void call_account(struct services_state *state, const struct gw_store_row *row,
                         const struct gw_owner *owner, uint32_t place)
{
	struct gw_self *self = state->self;
	struct export *e = state->export;
	struct called *called = called_find(self, e, owner->id);

	if (called == NULL) {
		called = called_new(self, e, owner->id);
	} else if ((called->place == 1) != (place == 1)
	                   ? called->place == 1
	                   : gw_stamp_cmp(called->claim, owner->claim) < 0) {
		return;
	}
	called->claim = owner->claim;
	called->place = place;
	take_name(called, row);
}

static void contest(struct services_state *state, const struct gw_store_row *row, size_t prefix_n,
                    uint32_t place)
{
	struct gw_self *self = state->self;
	struct contested *contested = gw_alloc(self, sizeof(*contested));

	memcpy(contested->key, (const uint8_t *)row->key.p + prefix_n + 16, ENTITY_BYTES);
	memcpy(contested->key + ENTITY_BYTES, row->key.p, prefix_n);
	contested->key_n = (uint8_t)(ENTITY_BYTES + prefix_n);
	contested->place = place;
	HASH_ADD(hh, state->export->contested, key, contested->key_n, contested);
}

void export_names_take(struct services_state *state, const struct gw_store_row *rows, size_t n)
{
	struct export *e = state->export;
	struct gw_owner owner;

	for (size_t i = 0; i < n; i++) {
		const uint8_t *key = rows[i].key.p;
		size_t prefix_n = 2 + (size_t)key[1];
		bool same = e->from_n > prefix_n && memcmp(e->from, key, prefix_n) == 0;

		if (key[1] == 0 || key[1] > GW_NAME_MAX ||
		    rows[i].key.n != prefix_n + 16 + ENTITY_BYTES ||
		    find_owner(prefix_n, &rows[i], &owner) != 0)
			continue;
		e->place = same ? e->place + 1 : 1;
		if (e->place > 1)
			contest(state, &rows[i], prefix_n, e->place);
		if (key[0] == GW_NAME_NICK && owner.class == GW_CLASS_ACCOUNT)
			call_account(state, &rows[i], &owner, e->place);
		memcpy(e->from, key, rows[i].key.n);
		e->from[rows[i].key.n] = 0; /* the next row is behind this one */
		e->from_n = rows[i].key.n + 1;
	}
}

void export_names_meet(struct services_state *state, const struct gw_entity *entity)
{
	struct gw_self *self = state->self;
	struct export *e = state->export;

	if (entity->class == GW_CLASS_ACCOUNT && called_find(self, e, entity->id) == NULL)
		called_new(self, e, entity->id)->number = (uint32_t)++e->nameless;
}

static bool label(void *state_, struct gw_id account, struct form_label *out)
{
	struct services_state *state = state_;
	const struct called *called = called_find(state->self, state->export, account);

	if (called == NULL)
		return false;
	*out = (struct form_label){.name = called->place > 0 ? called->name : NULL,
	                           .name_n = called->n,
	                           .place = called->place,
	                           .number = called->number};
	return true;
}

static uint32_t place(void *state_, uint8_t class, struct gw_id id, struct gw_blob name_prefix)
{
	struct services_state *state = state_;
	struct gw_self *self = state->self;
	uint8_t key[ENTITY_BYTES + NAME_PREFIX_MAX];
	struct contested *found;

	entity_key(key, class, id);
	memcpy(key + ENTITY_BYTES, name_prefix.p, name_prefix.n);
	HASH_FIND(hh, state->export->contested, key, ENTITY_BYTES + name_prefix.n, found);
	return found != NULL ? found->place : 1;
}

struct form_names export_names_of(struct services_state *state)
{
	return (struct form_names){.ctx = state, .label = label, .place = place};
}

void export_names_free(struct services_state *state)
{
	struct gw_self *self = state->self;
	struct export *e = state->export;
	struct called_block *block, *next;
	struct contested *contested, *after;

	HASH_CLEAR(hh, e->called);
	for (block = e->blocks; block != NULL; block = next) {
		next = block->next;
		gw_free(self, block);
	}
	HASH_ITER (hh, e->contested, contested, after) {
		HASH_DELETE(hh, e->contested, contested);
		gw_free(self, contested);
	}
}
