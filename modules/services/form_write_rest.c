/*
 * services/form_write_rest.c - cells that have no name in the form: base64, but for the ids of
 * accounts.
 */
#include "form_writing.h"
#include <godwit/mem.h>
#include <sodium.h>
#include <string.h>

#define IDS_IN_CELL 256 /* further ones stay as they are */

/* --- the rest --- */

/** Where an account's id stands in a cell without a name. */
struct found_id {
	bool in_sub;
	size_t at;
	struct gw_blob id;
};

/* Accounts that are named anywhere in the bytes; an id is eight bytes of time and eight at random,
 * so nothing is taken for one by chance. */
static size_t find_ids(struct writing *w, struct gw_blob bytes, bool in_sub, struct found_id *out,
                       size_t max)
{
	struct form_label label;
	size_t n = 0;

	for (size_t at = 0; at + 16 <= bytes.n && n < max;) {
		struct gw_blob id = {(const uint8_t *)bytes.p + at, 16};

		if (!w->names->label(w->names->ctx, gw_id_from(id), &label)) {
			at++;
			continue;
		}
		out[n++] = (struct found_id){in_sub, at, id};
		at += 16;
	}
	return n;
}

static void put_without(struct form_text *out, struct gw_blob bytes, bool sub,
                        const struct found_id *ids, size_t n)
{
	uint8_t *copy = gw_alloc(out->self, bytes.n + 1);

	if (bytes.n > 0)
		memcpy(copy, bytes.p, bytes.n);
	for (size_t i = 0; i < n; i++)
		if (ids[i].in_sub == sub)
			memset(copy + ids[i].at, 0, 16);
	form_put_base64(out, (struct gw_blob){copy, bytes.n});
	sodium_memzero(copy, bytes.n);
	gw_free(out->self, copy);
}

static void put_cell(struct writing *w, struct form_text *out, const struct gw_cell *cell)
{
	struct found_id *ids = gw_alloc(out->self, IDS_IN_CELL * sizeof(*ids));
	size_t n = find_ids(w, cell->sub, true, ids, IDS_IN_CELL);
	struct pairs p = {.out = out};

	n += find_ids(w, cell->value, false, ids + n, IDS_IN_CELL - n);
	writing_pair(&p, "field");
	form_put_number(out, cell->field);
	writing_pair(&p, "sub");
	put_without(out, cell->sub, true, ids, n);
	writing_pair(&p, "value");
	put_without(out, cell->value, false, ids, n);
	for (size_t i = 0; i < n; i++) {
		struct pairs each = {.out = out};

		if (i == 0)
			writing_pair(&p, "accounts");
		form_puts(out, i == 0 ? "[" : ", ");
		writing_pair(&each, "in");
		form_puts(out, ids[i].in_sub ? "sub" : "value");
		writing_pair(&each, "at");
		form_put_number(out, ids[i].at);
		writing_pair(&each, "account");
		writing_account(w, out, ids[i].id);
		writing_pairs_end(&each);
	}
	if (n > 0)
		form_puts(out, "]");
	writing_pairs_end(&p);
	gw_free(out->self, ids);
}

void writing_rest(struct writing *w)
{
	struct gw_self *self = w->out->self;
	struct form_text all = {.self = self};
	struct line *lines = gw_alloc(self, (w->entity->n + 1) * sizeof(*lines));
	size_t n = 0, at;

	for (size_t i = 0; i < w->entity->n; i++) {
		if (w->said[i])
			continue;
		at = all.n;
		put_cell(w, &all, &w->entity->cells[i]);
		lines[n++] = (struct line){.at = at, .n = all.n - at};
	}
	writing_lines(w, "cells", &all, lines, n);
	gw_free(self, lines);
	form_text_free(&all);
}
