/*
 * core/option.h - from a block of the configuration and a table of options to values.
 *
 * The core's own keys are read by the same tables as those of modules (settings.c). The values copy
 * all that they need, so they outlive the image in which the table stands.
 */
#ifndef CORE_OPTION_H
#define CORE_OPTION_H

#include "core/config.h"
#include <godwit/error.h>
#include <godwit/option.h>
#include <stdbool.h>

/** What a block is read by. */
struct option_block {
	const struct gw_option *table; /* NULL: no options at all */
	const char *owner;             /* for sentences: "module client", "listen" */
	const char *place; /* where a block that is missing would stand: "file:line:column" */
	const char *const
		*others; /* further keys, which somebody else reads; ends with NULL; NULL: none */
	bool open;       /* any further keys */
	const struct node *given; /* values that go before those of the block; NULL: none */
};

/** Reads `node` (NULL: all options have their defaults). The sentence of an error begins with
 * file:line:column. */
int options_read(const struct option_block *block, const struct node *node, struct gw_options **out,
                 struct gw_error *err);
void options_free(struct gw_options **options);

/** A mistake in a module's table itself: doubled names, defaults that it would not accept. */
int options_check_table(const struct gw_option *table, const char *owner, struct gw_error *err);

int64_t options_integer(const struct gw_options *options, const char *name);
const char *options_string(const struct gw_options *options, const char *name);
size_t options_list(const struct gw_options *options, const char *name,
                    const char *const **items_out);
/** Whether the file says it, rather than the default. */
bool options_given(const struct gw_options *options, const char *name);

/** Calls `fn` for each option that is not the same in both; a side that lacks it is "". */
typedef void options_diff_fn(void *ctx, const char *name, const char *before, const char *after);
void options_diff(const struct gw_options *before, const struct gw_options *after,
                  options_diff_fn *fn, void *ctx);

/** A limit of the option in the words of its type: "64k", "30s". Returns `out`. */
const char *option_limit(char out[32], const struct gw_option *option, int64_t value);

#endif
