/*
 * godwit/call.h - a function of a module that is to be called later.
 *
 * Whatever is called later (timer, completion, connection, subscription) is named by its row in the
 * module's table `.calls`, never by its address: so what was asked for by one generation of the
 * code runs in the next, on the state of that moment. The position of a row is its identity: add
 * rows at the end; a reload that moves or renames a row is refused. A row no longer needed keeps
 * its place with fn = NULL (nothing is called then).
 */
#ifndef GODWIT_CALL_H
#define GODWIT_CALL_H

#include <stdint.h>

struct gw_self;

/** Any function; cast to the type that the place of use documents. */
typedef void gw_fn(void);

/** A row of `.calls`; the table ends with a row whose name is NULL. */
struct gw_call_row {
	const char *name;
	gw_fn *fn;
};

/**
 * What to call: `row` of `module`'s table. The function gets the module's state, then `tag`, then
 * what the place of use adds. A tag is an id; it may be an address only when the addressed object
 * ends whatever would call (its own timer, its own connection) together with itself.
 */
struct gw_call {
	struct gw_self *module; /* NULL: call nothing */
	uint64_t tag;
	uint32_t row;
};

#endif
