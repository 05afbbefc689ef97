/*
 * services/form_write.c - an entity as an item of the readable form.
 *
 * First its names, then what has a name of its own, in the order of the table, then further claims,
 * then the rest as base64. Sets are sorted by their text, so that ids, which differ from network to
 * network, decide nothing.
 */
#include "form_writing.h"
#include <godwit/mem.h>
#include <string.h>

/* --- fields --- */

#define MODES_MAX 160

static size_t next_word(struct gw_blob text, size_t at)
{
	const char *p = text.p;

	while (at < text.n && p[at] != ' ')
		at++;
	return at;
}

/* Keys of channels ("+ntk key") are secrets of a sort: without the letter and its word. */
static struct gw_blob without_key(struct gw_blob modes, char out[MODES_MAX])
{
	const char *p = modes.p;
	size_t letters = next_word(modes, 0), at = letters, n = 0;

	if (modes.n > MODES_MAX)
		return (struct gw_blob){out, 0};
	for (size_t i = 0; i < letters; i++)
		if (p[i] != 'k')
			out[n++] = p[i];
	for (size_t i = 0; i < letters && at < modes.n; i++) {
		size_t end = next_word(modes, at + 1);

		if (p[i] != 'k' && p[i] != 'l')
			continue;
		if (p[i] == 'l') {
			memcpy(out + n, p + at, end - at);
			n += end - at;
		}
		at = end;
	}
	return (struct gw_blob){out, n};
}

/* An account that takes braces to say would be taken for the field's parts. */
static bool is_one_word(struct writing *w, const struct form_field *field, struct gw_blob part)
{
	struct form_label label;

	return field->parts[0].kind != FORM_ACCOUNT ||
	       (w->names->label(w->names->ctx, gw_id_from(part), &label) &&
	        writing_is_word(&label));
}

/* One that stands alone. */
static void put_field(struct writing *w, const struct form_field *field, struct form_value *value)
{
	unsigned shown = writing_shown(w, field, value, (struct gw_blob){NULL, 0});
	struct pairs p = {.out = w->out};
	char modes[MODES_MAX];

	if (!w->secrets && field->field == GW_F_MODES)
		value->part[0] = without_key(value->part[0], modes);
	if (field->key == NULL) {
		for (size_t i = 0; i < form_n_parts(field); i++) {
			if ((shown & 1u << i) == 0)
				continue;
			writing_line(w, field->parts[i].key);
			form_puts(w->out, " ");
			writing_part(w, w->out, field->parts[i].kind, value->part[i]);
			writing_line_end(w);
		}
		return;
	}
	writing_line(w, field->key);
	form_puts(w->out, " ");
	if (shown == 1 && is_one_word(w, field, value->part[0])) {
		writing_part(w, w->out, field->parts[0].kind, value->part[0]);
	} else {
		writing_pairs(w, &p, field, value, shown);
		if (field->field == GW_F_MAIL)
			writing_mail_claim(w, &p, value);
		writing_pairs_end(&p);
	}
	writing_line_end(w);
}

/* An element of a set, in braces. False: it cannot be said. */
static bool put_element(struct writing *w, struct form_text *out, const struct form_field *field,
                        const struct gw_cell *cell, const struct form_value *value)
{
	struct gw_blob none = {NULL, 0}, letter = {cell->sub.p, 1};
	struct pairs p = {.out = out};
	uint8_t sub[33];

	if (cell->sub.n == 0)
		return false;
	if (field->sub == FORM_BY_ACCOUNT && cell->sub.n != 16)
		return false;
	if (field->sub == FORM_BY_MASK &&
	    (!form_mask_sub(letter, value->part[0], sub) || cell->sub.n != sizeof(sub) ||
	     memcmp(sub, cell->sub.p, sizeof(sub)) != 0))
		return false;
	writing_pair(&p, field->sub_key);
	if (field->sub == FORM_BY_ACCOUNT)
		writing_account(w, out, cell->sub);
	else if (field->sub == FORM_BY_HEX)
		form_put_hex(out, cell->sub);
	else
		form_put_text(out, field->sub == FORM_BY_MASK ? letter : cell->sub);
	writing_pairs(
		w, &p, field, value,
		writing_shown(w, field, value, field->sub == FORM_BY_ACCOUNT ? cell->sub : none));
	writing_pairs_end(&p);
	return true;
}

/* What could not be said by its row, a verifier of another scheme for one, is as secret as what
 * could. */
static void withhold(struct writing *w)
{
	for (size_t i = 0; i < w->entity->n; i++)
		for (size_t f = 0; f < form_n_fields && !w->said[i]; f++)
			w->said[i] = form_field_is(&form_fields[f], w->entity->class) &&
			             form_fields[f].field == w->entity->cells[i].field &&
			             (form_fields[f].secret || form_fields[f].field == GW_F_MODES);
}

static bool is_secret(const struct writing *w, const struct form_field *field,
                      const struct gw_cell *cell)
{
	return field->secret ||
	       (w->entity->class == GW_CLASS_NETWORK && field->field == GW_F_OPTION &&
	        cell->sub.n == 13 && memcmp(cell->sub.p, "account.decoy", 13) == 0);
}

/* The fields of one row of the table. */
static void put_row(struct writing *w, const struct form_field *field)
{
	struct gw_self *self = w->out->self;
	struct form_text all = {.self = self};
	struct line *lines = NULL;
	struct form_value value;
	size_t n = 0, at;

	for (size_t i = 0; i < w->entity->n; i++) {
		const struct gw_cell *cell = &w->entity->cells[i];

		if (cell->field != field->field ||
		    form_field_of(w->entity->class, cell->field, cell->value) != field)
			continue;
		if (!w->secrets && is_secret(w, field, cell)) {
			w->said[i] = true;
			continue;
		}
		if (!form_value_open(field, cell->value, &value) ||
		    (field->sub == FORM_ALONE && cell->sub.n > 0))
			continue;
		if (field->sub == FORM_ALONE) {
			put_field(w, field, &value);
			w->said[i] = true;
			continue;
		}
		if (lines == NULL)
			lines = gw_alloc(self, w->entity->n * sizeof(*lines));
		at = all.n;
		if (put_element(w, &all, field, cell, &value)) {
			lines[n++] = (struct line){.at = at, .n = all.n - at};
			w->said[i] = true;
		}
	}
	writing_lines(w, field->key, &all, lines, n);
	gw_free(self, lines);
	form_text_free(&all);
}

void form_write(struct form_text *out, const struct form_names *names, bool secrets,
                const struct gw_entity *entity)
{
	struct writing w = {.out = out,
	                    .names = names,
	                    .entity = entity,
	                    .class = form_class_of(entity->class),
	                    .secrets = secrets};

	w.said = gw_alloc(out->self, entity->n + 1);
	if (w.class->class == 0) {
		writing_line(&w, "class");
		form_puts(out, " ");
		form_put_number(out, entity->class);
		writing_line_end(&w);
	}
	writing_names(&w);
	for (size_t i = 0; i < form_n_fields; i++)
		if (form_field_is(&form_fields[i], entity->class))
			put_row(&w, &form_fields[i]);
	writing_certificates(&w);
	writing_claims(&w);
	if (!secrets)
		withhold(&w);
	writing_rest(&w);
	gw_free(out->self, w.said);
}
