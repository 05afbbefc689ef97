/*
 * services/form_writing.h - an entity on its way into the readable form.
 *
 *     form_write.c         the entity's fields, in the order of the table
 *     form_write_parts.c   lines, pairs in braces, parts of values, accounts
 *     form_write_claims.c  names, certificates, further claims
 *     form_write_rest.c    what has no name
 */
#ifndef SERVICES_FORM_WRITING_H
#define SERVICES_FORM_WRITING_H

#include "form.h"

struct writing {
	struct form_text *out;
	const struct form_names *names;
	const struct gw_entity *entity;
	const struct form_class *class;
	bool secrets, begun;
	bool *said; /* by cell */
};

/** Pairs in braces. */
struct pairs {
	struct form_text *out;
	unsigned n;
};

/** A line of a list, as an offset into the text of all. */
struct line {
	const char *text;
	size_t at, n;
};

/* --- form_write_parts.c --- */

/** The item's first line begins with its dash. */
void writing_line(struct writing *w, const char *key);
void writing_line_end(struct writing *w);
void writing_pair(struct pairs *p, const char *key);
void writing_pairs_end(struct pairs *p);
/** The lines of a list, sorted. */
void writing_lines(struct writing *w, const char *key, const struct form_text *all,
                   struct line *lines, size_t n);
/** Whether the account is one that owns its name: then that says it all. */
bool writing_is_word(const struct form_label *label);
void writing_account(struct writing *w, struct form_text *out, struct gw_blob id);
void writing_part(struct writing *w, struct form_text *out, uint8_t kind, struct gw_blob part);
/** Bits of the parts that are written; `account`: whose name a part may hold. */
unsigned writing_shown(struct writing *w, const struct form_field *field,
                       const struct form_value *value, struct gw_blob account);
void writing_pairs(struct writing *w, struct pairs *p, const struct form_field *field,
                   const struct form_value *value, unsigned shown);

/* --- form_write_claims.c --- */

/** The names, in the order in which they were claimed. */
void writing_names(struct writing *w);
/** The claim of a confirmed address, which goes without saying. */
void writing_mail_claim(struct writing *w, struct pairs *p, const struct form_value *value);
void writing_certificates(struct writing *w);
void writing_claims(struct writing *w);

/* --- form_write_rest.c --- */

void writing_rest(struct writing *w);

#endif
