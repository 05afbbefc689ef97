/*
 * core/config.h - the configuration as a tree in which everything knows its place.
 *
 * YAML is only the syntax: scalars stay text until an option's type reads them, and anchors,
 * aliases and tags are refused. `include` names further files, each a document of its own, merged
 * at the top level; a key that stands in two files is refused with both places. What the keys mean
 * is settings.c's and option.c's business.
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <godwit/error.h>
#include <stddef.h>
#include <stdint.h>

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	struct node *next;
	const char *file;
	uint32_t line, column; /* from 1; 0: no file says it, and sentences name no place */
	char *key;             /* in a map; NULL in a list */
	uint32_t key_line, key_column;
	enum node_kind kind;
	char *text;            /* of a scalar; "" when nothing was written */
	struct node *children; /* of a list or a map, in their order */
	size_t n_children;
};

struct config;

/** Reads a file and what it includes. The sentence of an error begins with file:line:column. */
int config_read(const char *path, struct config **out, struct gw_error *err);
/** The same from a text, without includes; `name` stands for the file. */
int config_parse(const char *name, const char *text, struct config **out, struct gw_error *err);
void config_free(struct config **config);

/** The top-level map. */
const struct node *config_root(const struct config *config);
/** With its children, and those behind it in its list. */
void node_free(struct node *node);
const struct node *node_get(const struct node *map, const char *key);

/** Fills `err` with "file:line:column: " of the value (or of the key) and a sentence. Returns
 * -EINVAL. */
__attribute__((format(printf, 3, 4))) int node_fail(struct gw_error *err, const struct node *node,
                                                    const char *format, ...);
__attribute__((format(printf, 3, 4))) int
node_fail_key(struct gw_error *err, const struct node *node, const char *format, ...);

#endif
