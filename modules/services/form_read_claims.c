/*
 * services/form_read_claims.c - names of an entity, and what else it claims.
 */
#include "form_reading.h"
#include <errno.h>
#include <string.h>

#define CLAIMS_MAX 256 /* of an entity: names, certificates, an address */

/* --- claims --- */

static int add_claim(struct reading *r, const struct form_node *node, uint16_t field,
                     struct gw_blob sub, struct gw_blob display, const struct form_node *place)
{
	uint64_t number = 1;

	if (place != NULL && reading_number(r, place, 1, UINT32_MAX, &number) != 0)
		return -EINVAL;
	if (++r->n_claims > CLAIMS_MAX)
		return form_fail(r->why, node, "an item claims at most %d names", CLAIMS_MAX);
	if (display.n > GW_NAME_MAX)
		return form_fail(r->why, node, "a name has at most %d bytes", GW_NAME_MAX);
	if (reading_cell(r, node, field, sub, display) != 0)
		return -EINVAL;
	r->record->cells[r->record->n_cells - 1].claim = true;
	r->record->cells[r->record->n_cells - 1].place = (uint32_t)number;
	return 0;
}

/* Nobody has blanks or line ends in a name: a line that is made with one would become two. */
static bool is_hidden(struct gw_blob name)
{
	for (size_t i = 0; i < name.n; i++)
		if (((const uint8_t *)name.p)[i] <= ' ' || ((const uint8_t *)name.p)[i] == 0x7f)
			return true;
	return false;
}

/* A name: as it is shown, or a map. */
static int read_name(struct reading *r, const struct form_node *item, uint8_t ns)
{
	static const char *const keys[] = {"name", "folded", "place", "namespace"};
	const struct form_node *name = item, *folded = NULL, *place = NULL;
	uint8_t sub[GW_NAME_MAX];

	if (item->kind == FORM_MAP) {
		if (reading_keys(r, item, keys, 4) != 0)
			return -EINVAL;
		name = form_child(item, "name");
		folded = form_child(item, "folded");
		place = form_child(item, "place");
	}
	if (folded == NULL)
		folded = name;
	if (name == NULL || name->kind != FORM_SCALAR || folded->kind != FORM_SCALAR)
		return form_fail(r->why, item, "a name belongs here");
	if (folded->text.n == 0 || folded->text.n >= GW_NAME_MAX)
		return form_fail(r->why, folded, "a name has 1 to %d bytes", GW_NAME_MAX - 1);
	if (ns == r->class->ns && (is_hidden(name->text) || is_hidden(folded->text)))
		return form_fail(r->why, item, "a name has no blanks and no hidden characters");
	sub[0] = ns;
	if (folded == name)
		form_fold(name->text.p, name->text.n, sub + 1);
	else
		memcpy(sub + 1, folded->text.p, folded->text.n);
	return add_claim(r, item, GW_F_NAME, (struct gw_blob){sub, folded->text.n + 1}, name->text,
	                 place);
}

int reading_names(struct reading *r, const struct form_node *list)
{
	const struct form_node *item;
	int status = reading_list(r, list);

	if (r->class->ns == 0)
		return form_fail(r->why, list, "this key is not known here");
	for (item = list->children; status == 0 && item != NULL; item = item->next)
		status = read_name(r, item, r->class->ns);
	if (status == 0 && r->class->class == GW_CLASS_ACCOUNT && list->n_children > GW_NICKS_MAX)
		status = form_fail(r->why, list, "an account has at most %d names", GW_NICKS_MAX);
	return status;
}

int reading_claims(struct reading *r, const struct form_node *list)
{
	const struct form_node *item, *ns;
	int status = reading_list(r, list);

	for (item = list->children; status == 0 && item != NULL; item = item->next) {
		ns = item->kind == FORM_MAP ? form_child(item, "namespace") : NULL;
		if (ns == NULL || ns->kind != FORM_SCALAR || ns->text.n != 1)
			return form_fail(r->why, item, "a claim has a namespace of one letter");
		status = read_name(r, item, *(const uint8_t *)ns->text.p);
	}
	return status;
}

int reading_certificates(struct reading *r, const struct form_node *list)
{
	static const char *const keys[] = {"fingerprint", "label", "place"};
	const struct form_node *item;
	int status = reading_list(r, list);

	for (item = list->children; status == 0 && item != NULL; item = item->next) {
		const struct form_node *print = item, *label = NULL, *place = NULL;
		struct gw_blob sub, display = {NULL, 0};

		if (item->kind == FORM_MAP) {
			status = reading_keys(r, item, keys, 3);
			print = form_child(item, "fingerprint");
			label = form_child(item, "label");
			place = form_child(item, "place");
		}
		if (status == 0 && (print == NULL || (label != NULL && label->kind != FORM_SCALAR)))
			status = form_fail(r->why, item, "a fingerprint belongs here");
		if (status == 0)
			status = reading_bytes(r, print, true, &sub);
		if (status == 0 && (sub.n == 0 || sub.n >= GW_NAME_MAX))
			status = form_fail(r->why, print, "a fingerprint has 64 digits");
		if (status == 0 && label != NULL)
			display = label->text;
		if (status == 0)
			status = add_claim(r, item, GW_F_CERTFP, sub, display, place);
	}
	return status;
}

/* A confirmed address is claimed, unless it is said not to be. Its field was read already. */
int reading_mail_claim(struct reading *r, const struct form_node *mail)
{
	const struct form_node *confirmed, *claimed, *place;
	uint8_t sub[33] = {GW_NAME_MAIL};
	uint64_t flag = 0, claims = 1;

	if (mail->kind != FORM_MAP)
		return 0;
	confirmed = form_child(mail, "confirmed");
	claimed = form_child(mail, "claimed");
	place = form_child(mail, "place");
	if ((confirmed != NULL && reading_flag(r, confirmed, &flag) != 0) ||
	    (claimed != NULL && reading_flag(r, claimed, &claims) != 0))
		return -EINVAL;
	if (!flag || !claims)
		return 0;
	if (!form_mail_digest(form_child(mail, "address")->text, sub + 1))
		return form_fail(r->why, mail, "the address is too long");
	return add_claim(r, mail, GW_F_NAME, (struct gw_blob){sub, sizeof(sub)},
	                 (struct gw_blob){NULL, 0}, place);
}
