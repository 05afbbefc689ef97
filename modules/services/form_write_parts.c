/*
 * services/form_write_parts.c - lines, pairs in braces, parts of values, and how accounts are
 * referred to.
 */
#include "form_writing.h"
#include <stdlib.h>
#include <string.h>

/* --- lines --- */

/* The item's first line begins with its dash. */
void writing_line(struct writing *w, const char *key)
{
	form_puts(w->out, w->begun ? "  " : "- ");
	w->begun = true;
	form_puts(w->out, key);
	form_puts(w->out, ":");
}

void writing_line_end(struct writing *w)
{
	form_puts(w->out, "\n");
}

void writing_pair(struct pairs *p, const char *key)
{
	form_puts(p->out, p->n++ == 0 ? "{" : ", ");
	form_puts(p->out, key);
	form_puts(p->out, ": ");
}

void writing_pairs_end(struct pairs *p)
{
	form_puts(p->out, p->n == 0 ? "{}" : "}");
}

static int by_text(const void *a_, const void *b_)
{
	const struct line *a = a_, *b = b_;
	int order = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);

	return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

/* The lines of a list, sorted. */
void writing_lines(struct writing *w, const char *key, const struct form_text *all,
                   struct line *lines, size_t n)
{
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		lines[i].text = all->p + lines[i].at;
	qsort(lines, n, sizeof(*lines), by_text);
	writing_line(w, key);
	writing_line_end(w);
	for (size_t i = 0; i < n; i++) {
		form_puts(w->out, "  - ");
		form_put(w->out, lines[i].text, lines[i].n);
		writing_line_end(w);
	}
}

/* --- accounts --- */

bool writing_is_word(const struct form_label *label)
{
	return label->name != NULL && label->place == 1;
}

void writing_account(struct writing *w, struct form_text *out, struct gw_blob id)
{
	struct pairs p = {.out = out};
	struct form_label label;

	if (!w->names->label(w->names->ctx, gw_id_from(id), &label)) {
		writing_pair(&p, "id");
		form_put_hex(out, id);
	} else if (writing_is_word(&label)) {
		form_put_text(out, (struct gw_blob){label.name, label.name_n});
		return;
	} else if (label.name != NULL) {
		writing_pair(&p, "claimant");
		form_put_text(out, (struct gw_blob){label.name, label.name_n});
		writing_pair(&p, "place");
		form_put_number(out, label.place);
	} else {
		writing_pair(&p, "nameless");
		form_put_number(out, label.number);
	}
	writing_pairs_end(&p);
}

/* Whether `called` goes without saying. */
static bool is_called(struct writing *w, struct gw_blob id, struct gw_blob called)
{
	struct form_label label;

	return w->names->label(w->names->ctx, gw_id_from(id), &label) && writing_is_word(&label) &&
	       called.n == label.name_n && memcmp(called.p, label.name, called.n) == 0;
}

/* --- parts --- */

void writing_part(struct writing *w, struct form_text *out, uint8_t kind, struct gw_blob part)
{
	switch (kind) {
	case FORM_NUMBER:
		form_put_number(out, get_u64(part.p));
		break;
	case FORM_TIME:
		form_put_time(out, get_u64(part.p));
		break;
	case FORM_FLAG:
		form_puts(out, get_u64(part.p) != 0 ? "true" : "false");
		break;
	case FORM_BYTES:
		form_put_base64(out, part);
		break;
	case FORM_HEX:
		form_put_hex(out, part);
		break;
	case FORM_BANNED:
		form_puts(out, *(const char *)part.p == 'a' ? "account" : "address");
		break;
	case FORM_ACCOUNT:
		writing_account(w, out, part);
		break;
	default:
		form_put_text(out, part);
		break;
	}
}

static bool is_quiet(struct writing *w, const struct form_field *field,
                     const struct form_value *value, size_t i, struct gw_blob account)
{
	struct gw_blob part = value->part[i];

	if (field->parts[i].need != FORM_QUIET)
		return false;
	if (field->parts[i].kind == FORM_CALLED)
		return is_called(w, account, part);
	return field->parts[i].kind == FORM_TEXT ? part.n == 0 : get_u64(part.p) == 0;
}

/* Bits of the parts that are written; `account`: whose name a part may hold. */
unsigned writing_shown(struct writing *w, const struct form_field *field,
                       const struct form_value *value, struct gw_blob account)
{
	unsigned shown = 0;

	for (size_t i = 0; i < form_n_parts(field); i++) {
		if ((value->has & 1u << i) == 0)
			continue;
		if (field->parts[i].kind == FORM_ACCOUNT)
			account = value->part[i];
		if (!is_quiet(w, field, value, i, account))
			shown |= 1u << i;
	}
	return shown;
}

void writing_pairs(struct writing *w, struct pairs *p, const struct form_field *field,
                   const struct form_value *value, unsigned shown)
{
	for (size_t i = 0; i < form_n_parts(field); i++) {
		if ((shown & 1u << i) == 0)
			continue;
		writing_pair(p, field->parts[i].key);
		writing_part(w, p->out, field->parts[i].kind, value->part[i]);
	}
}
