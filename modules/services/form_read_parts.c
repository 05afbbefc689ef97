/*
 * services/form_read_parts.c - scalars of the form, and values of fields from their parts.
 */
#include "form_reading.h"
#include <errno.h>
#include <string.h>

/* --- scalars --- */

bool reading_is_word(const struct form_node *node, const char *word)
{
	return node->kind == FORM_SCALAR && node->text.n == strlen(word) &&
	       memcmp(node->text.p, word, node->text.n) == 0;
}

int reading_scalar(struct reading *r, const struct form_node *node)
{
	return node->kind == FORM_SCALAR ? 0
	                                 : form_fail(r->why, node, "a single value belongs here");
}

int reading_number(struct reading *r, const struct form_node *node, uint64_t least, uint64_t most,
                   uint64_t *out)
{
	if (node->kind == FORM_SCALAR && form_get_number(node->text, most, out) && *out >= least)
		return 0;
	return form_fail(r->why, node, "a number from %llu to %llu belongs here",
	                 (unsigned long long)least, (unsigned long long)most);
}

int reading_flag(struct reading *r, const struct form_node *node, uint64_t *out)
{
	*out = reading_is_word(node, "true");
	if (*out || reading_is_word(node, "false"))
		return 0;
	return form_fail(r->why, node, "true or false belongs here");
}

/* Bytes, in place of their text. */
int reading_bytes(struct reading *r, const struct form_node *node, bool hex, struct gw_blob *out)
{
	uint8_t *room = (uint8_t *)(uintptr_t)node->text.p;
	size_t n = node->text.n;
	bool good = node->kind == FORM_SCALAR;

	if (good && !node->binary)
		good = hex ? form_get_hex(node->text, room, &n)
		           : form_get_base64(node->text, room, &n);
	*out = (struct gw_blob){room, n};
	return good ? 0
	            : form_fail(r->why, node,
	                        hex ? "hexadecimal digits belong here" : "base64 belongs here");
}

/* Every key of a map is one of these. */
int reading_keys(struct reading *r, const struct form_node *map, const char *const *keys, size_t n)
{
	for (const struct form_node *child = map->children; child != NULL; child = child->next) {
		size_t i = 0;

		while (i < n && !(strlen(keys[i]) == child->key.n &&
		                  memcmp(keys[i], child->key.p, child->key.n) == 0))
			i++;
		if (i == n)
			return form_fail(r->why, child, "this key is not known here");
	}
	return 0;
}

int reading_list(struct reading *r, const struct form_node *node)
{
	return node->kind == FORM_LIST ? 0 : form_fail(r->why, node, "a list belongs here");
}

/* --- parts --- */

/* How an account is called, where nothing else is said. */
static struct gw_blob called(const struct form_node *account)
{
	const struct form_node *name;

	if (account == NULL)
		return (struct gw_blob){NULL, 0};
	if (account->kind == FORM_SCALAR)
		return account->text;
	name = form_child(account, "claimant");
	return name != NULL ? name->text : (struct gw_blob){NULL, 0};
}

static int add_number(struct reading *r, const struct form_node *node, uint8_t kind,
                      struct gw_parts *parts)
{
	uint64_t number = kind == FORM_TIME ? r->now_ms : 0;
	int status = 0;

	if (node != NULL && kind == FORM_TIME) {
		if (node->kind != FORM_SCALAR || !form_get_time(node->text, &number))
			status = form_fail(r->why, node,
			                   "a time belongs here, as 2026-01-31T12:00:00.000Z");
	} else if (node != NULL && kind == FORM_FLAG) {
		status = reading_flag(r, node, &number);
	} else if (node != NULL) {
		status = reading_number(r, node, 0, UINT64_MAX, &number);
	}
	gw_parts_u64(parts, number);
	return status;
}

static int add_banned(struct reading *r, const struct form_node *node, struct gw_parts *parts)
{
	bool account = reading_is_word(node, "account");

	if (!account && !reading_is_word(node, "address"))
		return form_fail(r->why, node, "account or address belongs here");
	gw_parts_text(parts, account ? "a" : "c");
	return 0;
}

/* `account`: whose name a part is, when it is left out. */
static int add_part(struct reading *r, const struct form_node *node, const struct form_node *at,
                    const struct form_part *part, const struct form_node *account,
                    struct gw_parts *parts)
{
	struct gw_blob bytes = {NULL, 0};
	uint8_t id[16];
	bool required =
		part->kind != FORM_TIME && part->kind != FORM_CALLED && part->need == FORM_ALWAYS;
	int status = 0;

	if (node == NULL && (required || part->kind == FORM_ACCOUNT))
		return form_fail(r->why, at, "'%s' is missing", part->key);
	switch (part->kind) {
	case FORM_NUMBER:
	case FORM_TIME:
	case FORM_FLAG:
		return add_number(r, node, part->kind, parts);
	case FORM_TEXT:
		status = node != NULL ? reading_scalar(r, node) : 0;
		break;
	case FORM_CALLED:
		status = node != NULL ? reading_scalar(r, node) : 0;
		bytes = called(account);
		break;
	default:
		break;
	}
	if (part->kind == FORM_BANNED)
		return add_banned(r, node, parts);
	if (part->kind == FORM_ACCOUNT) {
		status = reading_account(r, node, false, (uint32_t)parts->n + 2, id);
		bytes = (struct gw_blob){id, sizeof(id)};
	} else if (part->kind == FORM_BYTES || part->kind == FORM_HEX) {
		status = reading_bytes(r, node, part->kind == FORM_HEX, &bytes);
	} else if (node != NULL) {
		bytes = node->text;
	}
	gw_parts_add(parts, bytes.p, bytes.n);
	return status;
}

/* The value of a field from a map that holds its parts (`one` NULL), or from its first part. */
int reading_value(struct reading *r, const struct form_field *field, const struct form_node *map,
                  const struct form_node *one, const struct form_node *account, struct gw_blob *out)
{
	struct gw_parts parts = {.bytes = r->value, .max = sizeof(r->value)};
	const struct form_node *at = one != NULL ? one : map;

	for (size_t i = 0; i < form_n_parts(field); i++) {
		const struct form_part *part = &field->parts[i];
		const struct form_node *node = one == NULL ? form_child(map, part->key)
		                               : i == 0    ? one
		                                           : NULL;

		if (part->kind == FORM_ACCOUNT)
			account = node;
		if (node == NULL && part->need == FORM_OPTIONAL)
			break;
		if (add_part(r, node, at, part, account, &parts) != 0)
			return -EINVAL;
	}
	*out = gw_parts_value(&parts);
	return parts.overflow ? form_fail(r->why, at, "this is too long") : 0;
}
