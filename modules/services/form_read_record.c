/*
 * services/form_read_record.c - the record of an entity: its cells, and where ids of accounts
 * belong into them.
 */
#include "form_reading.h"
#include <errno.h>
#include <godwit/mem.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MAX 20000 /* of an entity */

/* --- the record --- */

static void *grown(struct reading *r, void *p, uint32_t n, uint32_t more, uint32_t *room,
                   size_t size)
{
	void *to;
	uint32_t wanted = *room;

	if (*room - n >= more)
		return p;
	while (wanted - n < more)
		wanted = wanted == 0 ? 8 : wanted * 2;
	to = gw_alloc(r->self, wanted * size);
	if (n > 0) {
		memcpy(to, p, n * size);
		sodium_memzero(p, n * size);
	}
	gw_free(r->self, p);
	*room = wanted;
	return to;
}

static uint32_t add_bytes(struct reading *r, const void *p, size_t n)
{
	struct form_record *record = r->record;
	uint32_t at = record->n_bytes;

	record->bytes = grown(r, record->bytes, at, (uint32_t)n, &r->bytes_room, 1);
	if (n > 0)
		memcpy(record->bytes + at, p, n);
	record->n_bytes += (uint32_t)n;
	return at;
}

static int add_ref(struct reading *r, const struct form_node *node, uint32_t at);

/* The order of fields and subs. */
static int by_key(const void *a_, const void *b_, void *record)
{
	const struct form_cell *a = *(const struct form_cell *const *)a_,
			       *b = *(const struct form_cell *const *)b_;
	struct gw_blob x = form_cell_sub(record, a), y = form_cell_sub(record, b);
	int order = a->field - b->field;

	if (order == 0)
		order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
	return order != 0 ? order : (x.n > y.n) - (x.n < y.n);
}

/* Of subs that ids belong into nothing can be said yet. */
int reading_twice(struct reading *r, const struct form_node *item)
{
	struct form_record *record = r->record;
	struct form_cell **cells = gw_alloc(r->self, (record->n_cells + 1) * sizeof(*cells));
	size_t n = 0;
	int status = 0;

	for (uint32_t i = 0; i < record->n_cells; i++)
		if (!record->cells[i].gap)
			cells[n++] = &record->cells[i];
	qsort_r(cells, n, sizeof(*cells), by_key, record);
	for (size_t i = 1; i < n && status == 0; i++)
		if (by_key(&cells[i - 1], &cells[i], record) == 0)
			status = form_fail(r->why, item,
			                   "something in this item stands there twice: field %u",
			                   cells[i]->field);
	gw_free(r->self, cells);
	return status;
}

int reading_cell(struct reading *r, const struct form_node *node, uint16_t field,
                 struct gw_blob sub, struct gw_blob value)
{
	struct form_record *record = r->record;
	struct form_cell *cell;
	uint32_t at;

	if (record->n_cells >= CELLS_MAX)
		return form_fail(r->why, node, "it has too many cells");
	if (sub.n > GW_NAME_MAX)
		return form_fail(r->why, node, "the name is longer than %d bytes", GW_NAME_MAX - 1);
	if (value.n > GW_VALUE_MAX)
		return form_fail(r->why, node, "the value is longer than %d bytes", GW_VALUE_MAX);
	record->cells = grown(r, record->cells, record->n_cells, 1, &r->cells_room, sizeof(*cell));
	cell = &record->cells[record->n_cells++];
	memset(cell, 0, sizeof(*cell));
	cell->field = field;
	cell->sub_n = (uint8_t)sub.n;
	cell->value_n = (uint32_t)value.n;
	cell->at = add_bytes(r, sub.p, sub.n);
	add_bytes(r, value.p, value.n);
	at = cell->at;
	for (size_t i = 0; i < r->n_gaps; i++)
		cell->gap |= r->gaps[i].in_sub;
	for (size_t i = 0; i < r->n_gaps; i++)
		if (add_ref(r, r->gaps[i].node,
		            at + r->gaps[i].at + (r->gaps[i].in_sub ? 0 : (uint32_t)sub.n)) != 0)
			return -EINVAL;
	r->n_gaps = 0;
	return 0;
}

/* --- accounts --- */

/* "anna", {claimant: anna, place: 2}, {nameless: 1} or {id: "..."}: leaves sixteen bytes. */
int reading_account(struct reading *r, const struct form_node *node, bool in_sub, uint32_t at,
                    uint8_t out[16])
{
	const struct form_node *id = node->kind == FORM_MAP ? form_child(node, "id") : NULL;
	struct gw_blob bytes;

	memset(out, 0, 16);
	if (id != NULL) {
		if (node->n_children != 1)
			return form_fail(r->why, node, "an id stands alone");
		if (reading_bytes(r, id, true, &bytes) != 0)
			return -EINVAL;
		if (bytes.n != 16)
			return form_fail(r->why, id, "an id has 32 hexadecimal digits");
		memcpy(out, bytes.p, 16);
		return 0;
	}
	if (node->kind == FORM_LIST)
		return form_fail(r->why, node, "an account's name belongs here");
	if (r->n_gaps == sizeof(r->gaps) / sizeof(r->gaps[0]))
		return form_fail(r->why, node, "too many accounts in one cell");
	r->gaps[r->n_gaps++] = (struct gap){node, in_sub, at};
	return 0;
}

static int ref_fill(struct reading *r, const struct form_node *node, struct form_ref *ref,
                    struct gw_blob *name)
{
	static const char *const keys[] = {"claimant", "place", "nameless"};
	const struct form_node *child;
	uint64_t number = 1;

	*name = node->text;
	if (node->kind == FORM_SCALAR)
		return 0;
	if (reading_keys(r, node, keys, 3) != 0)
		return -EINVAL;
	*name = (struct gw_blob){NULL, 0};
	child = form_child(node, "nameless");
	ref->kind = child != NULL ? FORM_REF_NAMELESS : FORM_REF_CLAIMANT;
	if (child == NULL) {
		child = form_child(node, "claimant");
		if (child == NULL || child->kind != FORM_SCALAR)
			return form_fail(r->why, node, "an account's name belongs here");
		*name = child->text;
		child = form_child(node, "place");
	}
	if (child != NULL && reading_number(r, child, 1, UINT32_MAX, &number) != 0)
		return -EINVAL;
	ref->number = (uint32_t)number;
	return 0;
}

static int add_ref(struct reading *r, const struct form_node *node, uint32_t at)
{
	struct form_record *record = r->record;
	struct form_ref ref = {.at = at, .line = node->line, .column = node->column};
	uint8_t folded[GW_NAME_MAX];
	struct gw_blob name;

	if (ref_fill(r, node, &ref, &name) != 0)
		return -EINVAL;
	if (ref.kind != FORM_REF_NAMELESS && (name.n == 0 || name.n >= GW_NAME_MAX))
		return form_fail(r->why, node, "an account's name has 1 to %d bytes",
		                 GW_NAME_MAX - 1);
	form_fold(name.p, name.n, folded);
	ref.name_n = (uint8_t)name.n;
	ref.name_at = add_bytes(r, folded, name.n);
	record->refs = grown(r, record->refs, record->n_refs, 1, &r->refs_room, sizeof(ref));
	record->refs[record->n_refs++] = ref;
	return 0;
}

void form_record_free(struct gw_self *self, struct form_record **record)
{
	struct form_record *r = *record;

	*record = NULL;
	if (r == NULL)
		return;
	if (r->bytes != NULL)
		sodium_memzero(r->bytes, r->n_bytes);
	gw_free(self, r->bytes);
	gw_free(self, r->cells);
	gw_free(self, r->refs);
	gw_free(self, r);
}
