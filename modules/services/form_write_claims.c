/*
 * services/form_write_claims.c - names, and what else an entity claims.
 */
#include "form_writing.h"
#include <godwit/mem.h>
#include <stdlib.h>
#include <string.h>

/* --- claims --- */

/** A claim of the form as merge.c writes it. */
struct claim {
	const struct gw_cell *cell;
	size_t at; /* in the entity */
	struct gw_stamp stamp;
	struct gw_blob display;
	uint32_t place;
};

static bool claim_open(struct writing *w, size_t at, struct claim *out)
{
	const struct gw_cell *cell = &w->entity->cells[at];
	uint8_t prefix[NAME_PREFIX_MAX];
	size_t n = claim_prefix(prefix, cell->field, cell->sub);

	*out = (struct claim){.cell = cell, .at = at, .stamp = claim_stamp(cell->value)};
	if (n == 0 || out->stamp.clock == 0 || !gw_part(cell->value, 2, &out->display) ||
	    cell->value.n != 22 + out->display.n || out->display.n > GW_NAME_MAX)
		return false;
	out->place = w->names->place(w->names->ctx, w->entity->class, w->entity->id,
	                             (struct gw_blob){prefix, n});
	return true;
}

static struct gw_blob folded_of(const struct gw_cell *cell)
{
	return (struct gw_blob){(const uint8_t *)cell->sub.p + 1, cell->sub.n - 1};
}

static bool folds_to(struct gw_blob display, struct gw_blob folded)
{
	uint8_t bytes[GW_NAME_MAX];

	if (display.n != folded.n)
		return false;
	form_fold(display.p, display.n, bytes);
	return memcmp(bytes, folded.p, folded.n) == 0;
}

static void put_claim(struct form_text *out, struct pairs *p, const struct claim *claim)
{
	writing_pair(p, "name");
	form_put_text(out, claim->display);
	if (!folds_to(claim->display, folded_of(claim->cell))) {
		writing_pair(p, "folded");
		form_put_text(out, folded_of(claim->cell));
	}
	if (claim->place != 1) {
		writing_pair(p, "place");
		form_put_number(out, claim->place);
	}
}

static int by_stamp(const void *a_, const void *b_)
{
	const struct claim *a = a_, *b = b_;
	int order = gw_stamp_cmp(a->stamp, b->stamp);

	return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

/* The names, in the order in which they were claimed. */
void writing_names(struct writing *w)
{
	struct gw_self *self = w->out->self;
	struct claim *claims = gw_alloc(self, (w->entity->n + 1) * sizeof(*claims));
	size_t n = 0;

	for (size_t i = 0; i < w->entity->n; i++) {
		const struct gw_cell *cell = &w->entity->cells[i];

		if (cell->field == GW_F_NAME && w->class->ns != 0 && cell->sub.n > 1 &&
		    *(const uint8_t *)cell->sub.p == w->class->ns && claim_open(w, i, &claims[n]))
			w->said[claims[n++].at] = true;
	}
	qsort(claims, n, sizeof(*claims), by_stamp);
	if (n > 0) {
		writing_line(w, "names");
		for (size_t i = 0; i < n; i++) {
			struct pairs p = {.out = w->out};

			form_puts(w->out, i == 0 ? " [" : ", ");
			if (claims[i].place == 1 &&
			    folds_to(claims[i].display, folded_of(claims[i].cell))) {
				form_put_text(w->out, claims[i].display);
			} else {
				put_claim(w->out, &p, &claims[i]);
				writing_pairs_end(&p);
			}
		}
		form_puts(w->out, "]");
		writing_line_end(w);
	}
	gw_free(self, claims);
}

/* The claim of a confirmed address, which goes without saying. */
void writing_mail_claim(struct writing *w, struct pairs *p, const struct form_value *value)
{
	uint8_t sub[33] = {GW_NAME_MAIL};
	struct claim claim;

	if (w->entity->class != GW_CLASS_ACCOUNT || get_u64(value->part[1].p) == 0)
		return;
	for (size_t i = 0; form_mail_digest(value->part[0], sub + 1) && i < w->entity->n; i++) {
		const struct gw_cell *cell = &w->entity->cells[i];

		if (cell->field != GW_F_NAME || cell->sub.n != sizeof(sub) ||
		    memcmp(cell->sub.p, sub, sizeof(sub)) != 0 || !claim_open(w, i, &claim) ||
		    claim.display.n > 0)
			continue;
		w->said[i] = true;
		if (claim.place != 1) {
			writing_pair(p, "place");
			form_put_number(p->out, claim.place);
		}
		return;
	}
	writing_pair(p, "claimed");
	form_puts(p->out, "false");
}

/* --- further claims --- */

void writing_certificates(struct writing *w)
{
	struct claim claim;
	bool any = false;

	for (size_t i = 0; i < w->entity->n; i++) {
		struct pairs p = {.out = w->out};

		if (w->entity->cells[i].field != GW_F_CERTFP || !claim_open(w, i, &claim))
			continue;
		w->said[i] = true;
		if (!any) {
			writing_line(w, "certificates");
			writing_line_end(w);
		}
		any = true;
		form_puts(w->out, "  - ");
		if (claim.display.n == 0 && claim.place == 1) {
			form_put_hex(w->out, claim.cell->sub);
		} else {
			writing_pair(&p, "fingerprint");
			form_put_hex(w->out, claim.cell->sub);
			writing_pair(&p, "label");
			form_put_text(w->out, claim.display);
			if (claim.place != 1) {
				writing_pair(&p, "place");
				form_put_number(w->out, claim.place);
			}
			writing_pairs_end(&p);
		}
		writing_line_end(w);
	}
}

void writing_claims(struct writing *w)
{
	struct claim claim;
	bool any = false;

	for (size_t i = 0; i < w->entity->n; i++) {
		struct pairs p = {.out = w->out};
		struct gw_blob ns = {w->entity->cells[i].sub.p, 1};

		if (w->said[i] || w->entity->cells[i].field != GW_F_NAME ||
		    !claim_open(w, i, &claim))
			continue;
		w->said[i] = true;
		if (!any) {
			writing_line(w, "claims");
			writing_line_end(w);
		}
		any = true;
		form_puts(w->out, "  - ");
		writing_pair(&p, "namespace");
		form_put_text(w->out, ns);
		put_claim(w->out, &p, &claim);
		writing_pairs_end(&p);
		writing_line_end(w);
	}
}
