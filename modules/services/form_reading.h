/*
 * services/form_reading.h - an item of the readable form on its way to a record.
 *
 *     form_read.c          the entity's keys
 *     form_read_parts.c    scalars, and the parts of values
 *     form_read_claims.c   names, certificates, further claims
 *     form_read_record.c   cells, and gaps for the ids of accounts
 *
 * All of them return 0, or -EINVAL and have said why.
 */
#ifndef SERVICES_FORM_READING_H
#define SERVICES_FORM_READING_H

#include "form.h"

/** An item being read. */
struct reading {
	struct gw_self *self;
	const struct form_class *class;
	struct gw_error *why;
	struct form_record *record;
	uint32_t cells_room, refs_room, bytes_room, n_claims;
	uint64_t now_ms;
	uint8_t value[GW_VALUE_MAX]; /* of the cell at hand */
	/* Gaps of the cell at hand; `at` from the beginning of its sub or value. */
	struct gap {
		const struct form_node *node;
		bool in_sub;
		uint32_t at;
	} gaps[256];
	size_t n_gaps;
};

/* --- form_read_record.c --- */

/** Adds a cell; the gaps that were noted are in it. */
int reading_cell(struct reading *r, const struct form_node *node, uint16_t field,
                 struct gw_blob sub, struct gw_blob value);
/** "anna", {claimant: anna, place: 2}, {nameless: 1} or {id: "..."}: sixteen bytes, and a gap. */
int reading_account(struct reading *r, const struct form_node *node, bool in_sub, uint32_t at,
                    uint8_t out[16]);
/** No cell stands there twice. Of subs that ids belong into nothing can be said yet. */
int reading_twice(struct reading *r, const struct form_node *item);

/* --- form_read_parts.c --- */

bool reading_is_word(const struct form_node *node, const char *word);
int reading_scalar(struct reading *r, const struct form_node *node);
int reading_list(struct reading *r, const struct form_node *node);
int reading_number(struct reading *r, const struct form_node *node, uint64_t least, uint64_t most,
                   uint64_t *out);
int reading_flag(struct reading *r, const struct form_node *node, uint64_t *out);
/** Bytes, in place of their text. */
int reading_bytes(struct reading *r, const struct form_node *node, bool hex, struct gw_blob *out);
/** Every key of a map is one of these. */
int reading_keys(struct reading *r, const struct form_node *map, const char *const *keys, size_t n);
/** The value of a field from a map that holds its parts (`one` NULL), or from its first part. */
int reading_value(struct reading *r, const struct form_field *field, const struct form_node *map,
                  const struct form_node *one, const struct form_node *account,
                  struct gw_blob *out);

/* --- form_read_claims.c --- */

int reading_names(struct reading *r, const struct form_node *list);
int reading_certificates(struct reading *r, const struct form_node *list);
int reading_claims(struct reading *r, const struct form_node *list);
/** A confirmed address is claimed, unless it is said not to be. Its field was read already. */
int reading_mail_claim(struct reading *r, const struct form_node *mail);

#endif
