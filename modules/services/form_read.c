/*
 * services/form_read.c - an item of the readable form to a record: its cells as they will be
 * written, with gaps where ids of accounts belong.
 *
 * Goes by the same table as the writer. A key that is not known, a value that does not fit, stops
 * the item with its place in the file: nothing is guessed and nothing is passed over.
 */
#include "form_reading.h"
#include <errno.h>
#include <godwit/mem.h>
#include <sodium.h>
#include <string.h>

/* --- fields with a name --- */

/* Keys that a map of the field may have. */
static int check_field_keys(struct reading *r, const struct form_field *field,
                            const struct form_node *map)
{
	const char *keys[FORM_PARTS + 3];
	size_t n = form_n_parts(field);

	for (size_t i = 0; i < n; i++)
		keys[i] = field->parts[i].key;
	if (field->sub != FORM_ALONE)
		keys[n++] = field->sub_key;
	if (r->record->class == GW_CLASS_ACCOUNT && field->field == GW_F_MAIL) {
		keys[n++] = "claimed";
		keys[n++] = "place";
	}
	return reading_keys(r, map, keys, n);
}

static int read_alone(struct reading *r, const struct form_field *field,
                      const struct form_node *node)
{
	struct gw_blob value, none = {NULL, 0};
	bool one = node->kind == FORM_SCALAR;

	if (node->kind == FORM_LIST)
		return form_fail(r->why, node, "a list does not belong here");
	if ((!one && check_field_keys(r, field, node) != 0) ||
	    reading_value(r, field, node, one ? node : NULL, NULL, &value) != 0 ||
	    reading_cell(r, node, field->field, none, value) != 0)
		return -EINVAL;
	return r->record->class == GW_CLASS_ACCOUNT && field->field == GW_F_MAIL
	               ? reading_mail_claim(r, node)
	               : 0;
}

static int read_sub(struct reading *r, const struct form_field *field, const struct form_node *item,
                    const struct form_node *node, uint8_t out[64], size_t *n_out)
{
	const struct form_node *mask = form_child(item, field->parts[0].key);
	struct gw_blob bytes;

	*n_out = 16;
	if (field->sub == FORM_BY_ACCOUNT)
		return reading_account(r, node, true, 0, out);
	if (reading_scalar(r, node) != 0)
		return -EINVAL;
	if (field->sub == FORM_BY_MASK) {
		*n_out = 33;
		if (mask != NULL && mask->kind == FORM_SCALAR &&
		    form_mask_sub(node->text, mask->text, out))
			return 0;
		return form_fail(r->why, item, "an entry has a mode of one letter and a mask");
	}
	bytes = node->text;
	if (field->sub == FORM_BY_HEX && reading_bytes(r, node, true, &bytes) != 0)
		return -EINVAL;
	if (bytes.n == 0 || bytes.n > GW_NAME_MAX)
		return form_fail(r->why, node, "this has 1 to %d bytes", GW_NAME_MAX);
	memcpy(out, bytes.p, bytes.n);
	*n_out = bytes.n;
	return 0;
}

static int read_element(struct reading *r, const struct form_field *field,
                        const struct form_node *item)
{
	const struct form_node *node;
	struct gw_blob value;
	uint8_t sub[64];
	size_t n;

	if (item->kind != FORM_MAP)
		return form_fail(r->why, item, "keys in braces belong here");
	node = form_child(item, field->sub_key);
	if (node == NULL)
		return form_fail(r->why, item, "'%s' is missing", field->sub_key);
	if (check_field_keys(r, field, item) != 0 || read_sub(r, field, item, node, sub, &n) != 0 ||
	    reading_value(r, field, item, NULL, field->sub == FORM_BY_ACCOUNT ? node : NULL,
	                  &value) != 0)
		return -EINVAL;
	return reading_cell(r, item, field->field, (struct gw_blob){sub, n}, value);
}

static int read_set(struct reading *r, const struct form_field *field, const struct form_node *list)
{
	const struct form_node *item;
	int status = reading_list(r, list);

	if (status == 0 && field->field == GW_F_ACCESS && list->n_children > GW_ACCESS_MAX)
		status = form_fail(r->why, list, "an access list has at most %d entries",
		                   GW_ACCESS_MAX);
	for (item = list->children; status == 0 && item != NULL; item = item->next)
		status = read_element(r, field, item);
	return status;
}

/* Of rows that share a key the one whose lead the value has. */
static const struct form_field *field_named(uint8_t class, const struct form_node *node)
{
	for (size_t i = 0; i < form_n_fields; i++) {
		const struct form_field *f = &form_fields[i];
		const struct form_node *lead;

		if (!form_field_is(f, class) || f->key == NULL || strlen(f->key) != node->key.n ||
		    memcmp(f->key, node->key.p, node->key.n) != 0)
			continue;
		if (f->lead == NULL)
			return f;
		lead = node->kind == FORM_MAP ? form_child(node, f->parts[0].key) : NULL;
		if (lead != NULL && reading_is_word(lead, f->lead))
			return f;
	}
	return NULL;
}

/* --- the rest --- */

static int read_gaps(struct reading *r, const struct form_node *list, uint8_t *sub, size_t sub_n,
                     uint8_t *value, size_t value_n)
{
	static const char *const keys[] = {"in", "at", "account"};
	const struct form_node *item, *in, *at, *account;
	uint64_t number;
	uint8_t *to;
	size_t n;

	if (reading_list(r, list) != 0)
		return -EINVAL;
	for (item = list->children; item != NULL; item = item->next) {
		if (item->kind != FORM_MAP || reading_keys(r, item, keys, 3) != 0 ||
		    (in = form_child(item, "in")) == NULL ||
		    (at = form_child(item, "at")) == NULL ||
		    (account = form_child(item, "account")) == NULL ||
		    !(reading_is_word(in, "sub") || reading_is_word(in, "value")))
			return form_fail(r->why, item,
			                 "'in' (sub or value), 'at' and 'account' belong here");
		to = reading_is_word(in, "sub") ? sub : value;
		n = to == sub ? sub_n : value_n;
		if (n < 16)
			return form_fail(r->why, item, "there is no room for an id");
		if (reading_number(r, at, 0, n - 16, &number) != 0 ||
		    reading_account(r, account, to == sub, (uint32_t)number, to + number) != 0)
			return -EINVAL;
	}
	return 0;
}

static int read_cell(struct reading *r, const struct form_node *item)
{
	static const char *const keys[] = {"field", "sub", "value", "accounts"};
	const struct form_node *field, *sub, *value, *accounts;
	struct gw_blob sub_bytes, value_bytes;
	uint64_t number;

	if (item->kind != FORM_MAP || (field = form_child(item, "field")) == NULL ||
	    (sub = form_child(item, "sub")) == NULL || (value = form_child(item, "value")) == NULL)
		return form_fail(r->why, item, "'field', 'sub' and 'value' belong here");
	if (reading_keys(r, item, keys, 4) != 0 ||
	    reading_number(r, field, 1, 0xfffe, &number) != 0 ||
	    reading_bytes(r, sub, false, &sub_bytes) != 0 ||
	    reading_bytes(r, value, false, &value_bytes) != 0)
		return -EINVAL;
	if (number == GW_F_NAME || number == GW_F_CERTFP)
		return form_fail(r->why, field, "a claim is given by its name");
	if (number == GW_F_CORE && sub_bytes.n > 0)
		return form_fail(r->why, field, "the core has no sub");
	accounts = form_child(item, "accounts");
	if (accounts != NULL &&
	    read_gaps(r, accounts, (uint8_t *)(uintptr_t)sub_bytes.p, sub_bytes.n,
	              (uint8_t *)(uintptr_t)value_bytes.p, value_bytes.n) != 0)
		return -EINVAL;
	return reading_cell(r, item, (uint16_t)number, sub_bytes, value_bytes);
}

static int read_cells(struct reading *r, const struct form_node *list)
{
	const struct form_node *item;
	int status = reading_list(r, list);

	for (item = list->children; status == 0 && item != NULL; item = item->next)
		status = read_cell(r, item);
	return status;
}

/* --- an entity --- */

/** Keys that any entity may have. */
static const struct {
	const char *key;
	int (*read)(struct reading *r, const struct form_node *node);
} common[] = {
	{"names", reading_names},
	{"certificates", reading_certificates},
	{"claims", reading_claims},
	{"cells", read_cells},
};

static const struct form_field *inline_core(uint8_t class)
{
	for (size_t i = 0; i < form_n_fields; i++)
		if (form_field_is(&form_fields[i], class) && form_fields[i].key == NULL)
			return &form_fields[i];
	return NULL;
}

static bool is_core_key(const struct form_field *core, const struct form_node *node)
{
	for (size_t i = 0; core != NULL && i < form_n_parts(core); i++)
		if (strlen(core->parts[i].key) == node->key.n &&
		    memcmp(core->parts[i].key, node->key.p, node->key.n) == 0)
			return true;
	return false;
}

static int read_key(struct reading *r, const struct form_node *node)
{
	const struct form_field *field;

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (strlen(common[i].key) == node->key.n &&
		    memcmp(common[i].key, node->key.p, node->key.n) == 0)
			return common[i].read(r, node);
	if (is_core_key(inline_core(r->record->class), node) ||
	    (r->class->class == 0 && node->key.n == 5 && memcmp(node->key.p, "class", 5) == 0))
		return 0;
	field = field_named(r->record->class, node);
	if (field == NULL)
		return form_fail(r->why, node,
		                 node->key.n == 8 && memcmp(node->key.p, "password", 8) == 0
		                         ? "the password's scheme is not known here"
		                         : "this key is not known here");
	return field->sub == FORM_ALONE ? read_alone(r, field, node) : read_set(r, field, node);
}

/* The core, from keys of the entity itself, unless it is among the cells. */
static int read_core(struct reading *r, const struct form_node *item)
{
	const struct form_field *core = inline_core(r->record->class);
	struct gw_blob value, none = {NULL, 0};

	for (uint32_t i = 0; i < r->record->n_cells; i++)
		if (r->record->cells[i].field == GW_F_CORE)
			return 0;
	if (core == NULL)
		return form_fail(r->why, item, "the cell of field 1 is missing");
	return reading_value(r, core, item, NULL, NULL, &value) == 0
	               ? reading_cell(r, item, GW_F_CORE, none, value)
	               : -EINVAL;
}

static int read_class(struct reading *r, const struct form_node *item)
{
	const struct form_node *node = form_child(item, "class");
	uint64_t number;

	r->record->class = r->class->class;
	if (r->class->class != 0)
		return 0;
	if (node == NULL)
		return form_fail(r->why, item, "'class' is missing");
	if (reading_number(r, node, 1, 255, &number) != 0)
		return -EINVAL;
	if (form_class_of((uint8_t)number)->class != 0 || number == GW_CLASS_ORIGIN)
		return form_fail(r->why, node, "that class does not belong here");
	r->record->class = (uint8_t)number;
	return 0;
}

static int read_entity(struct reading *r, const struct form_node *item)
{
	int status;

	if (item->kind != FORM_MAP)
		return form_fail(r->why, item, "an item consists of keys and values");
	status = read_class(r, item);
	for (const struct form_node *node = item->children; status == 0 && node != NULL;
	     node = node->next)
		status = read_key(r, node);
	if (status == 0)
		status = read_core(r, item);
	return status == 0 ? reading_twice(r, item) : status;
}

struct form_record *form_read(struct gw_self *self, const struct form_class *class,
                              const struct form_node *item, uint64_t now_ms, struct gw_error *why)
{
	struct reading *r = gw_alloc(self, sizeof(*r));
	struct form_record *record = gw_alloc(self, sizeof(*record));

	r->self = self;
	r->class = class;
	r->why = why;
	r->record = record;
	r->now_ms = now_ms;
	record->line = item->line;
	record->column = item->column;
	if (read_entity(r, item) != 0)
		form_record_free(self, &record);
	sodium_memzero(r->value, sizeof(r->value));
	gw_free(self, r);
	return record;
}
