/*
 * services/form_tree.c - libyaml's events to trees: one for each item of a section, so that a file
 * of any length takes no more memory than its greatest item, and a turn of the loop no more time
 * than its budget.
 *
 * Whatever comes is bounded: depth, keys of a map, nodes and bytes of an item. Anchors, aliases and
 * tags (but !!binary, !!str) are refused.
 */
#include "form.h"
#include <errno.h>
#include <godwit/mem.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 8
#define KEYS_MAX 64
#define NODES_MAX 100000 /* of an item: an access list of 4096 has 16384 */
#define ITEM_BYTES_MAX ((size_t)8 << 20)
#define ARENA_BYTES ((size_t)64 << 10)
#define EVENT_BYTES_MAX ((ptrdiff_t)1 << 20) /* of a scalar, of what stands between two */

/** Memory of an item's nodes and texts. */
struct block {
	struct block *next;
	size_t used, room;
	max_align_t bytes[];
};

struct form_tree {
	struct gw_self *self;
	yaml_parser_t yaml;
	const char *text;
	size_t n, bytes, n_nodes;
	struct block *blocks;
	struct form_node section, *at, *item;
	struct gw_blob key; /* that the next value of a map belongs to */
	unsigned depth;
	bool has_key, begun, ended, whole;
	char section_name[64];
};

/* --- memory of an item --- */

static void wipe(struct form_tree *tree)
{
	struct block *block, *next;

	for (block = tree->blocks; block != NULL; block = next) {
		next = block->next;
		sodium_memzero(block->bytes, block->used);
		gw_free(tree->self, block);
	}
	tree->blocks = NULL;
	tree->item = tree->at = NULL;
	tree->bytes = tree->n_nodes = 0;
	tree->whole = false;
}

static void *take(struct form_tree *tree, size_t n)
{
	struct block *block = tree->blocks;
	void *p;

	n = (n + 15) & ~(size_t)15;
	if (block == NULL || block->room - block->used < n) {
		size_t room = n > ARENA_BYTES ? n : ARENA_BYTES;

		block = gw_alloc(tree->self, sizeof(*block) + room);
		block->room = room;
		block->next = tree->blocks;
		tree->blocks = block;
	}
	p = (char *)block->bytes + block->used;
	block->used += n;
	tree->bytes += n;
	return p;
}

static struct gw_blob copy(struct form_tree *tree, const void *p, size_t n)
{
	void *to = take(tree, n + 1);

	if (n > 0)
		memcpy(to, p, n);
	return (struct gw_blob){to, n};
}

/* --- errors --- */

static __attribute__((format(printf, 4, 0))) int
fail_at(struct gw_error *why, size_t line, size_t column, const char *format, va_list args)
{
	int n = snprintf(why->text, sizeof(why->text), "%zu:%zu: ", line, column);

	vsnprintf(why->text + n, sizeof(why->text) - (size_t)n, format, args);
	return -EINVAL;
}

int form_fail(struct gw_error *why, const struct form_node *node, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_at(why, node->line, node->column, format, args);
	va_end(args);
	return -EINVAL;
}

static __attribute__((format(printf, 3, 4))) int fail_mark(struct gw_error *why, yaml_mark_t mark,
                                                           const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_at(why, mark.line + 1, mark.column + 1, format, args);
	va_end(args);
	return -EINVAL;
}

/* The reader's errors come without a mark. */
static yaml_mark_t mark_of(const struct form_tree *tree, size_t offset)
{
	yaml_mark_t mark = {.index = offset};

	for (size_t i = 0; i < offset && i < tree->n; i++) {
		mark.column++;
		if (tree->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static int fail_yaml(const struct form_tree *tree, struct gw_error *why)
{
	const yaml_parser_t *y = &tree->yaml;

	return fail_mark(why,
	                 y->error == YAML_READER_ERROR ? mark_of(tree, y->problem_offset)
	                                               : y->problem_mark,
	                 "%s", y->problem != NULL ? y->problem : "this is not YAML");
}

/* --- nodes --- */

static int check_tag(const yaml_event_t *event, const yaml_char_t *anchor, const yaml_char_t *tag,
                     bool *binary_out, struct gw_error *why)
{
	const char *text = (const char *)tag;

	*binary_out = text != NULL && strcmp(text, "tag:yaml.org,2002:binary") == 0;
	if (anchor != NULL)
		return fail_mark(why, event->start_mark, "anchors are not supported");
	if (text != NULL && !*binary_out && strcmp(text, YAML_STR_TAG) != 0 &&
	    strcmp(text, YAML_MAP_TAG) != 0 && strcmp(text, YAML_SEQ_TAG) != 0)
		return fail_mark(why, event->start_mark, "the tag is not supported");
	return 0;
}

static int node_text(struct form_tree *tree, struct form_node *node, const yaml_event_t *event,
                     struct gw_error *why)
{
	struct gw_blob text = {event->data.scalar.value, event->data.scalar.length};
	size_t n;

	node->text = copy(tree, text.p, text.n);
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (!node->binary)
		return 0;
	if (!form_get_base64(text, (uint8_t *)(uintptr_t)node->text.p, &n))
		return form_fail(why, node, "this is no base64");
	node->text.n = n;
	return 0;
}

/* A node of the event; it hangs where it belongs. */
static int node_add(struct form_tree *tree, const yaml_event_t *event, enum form_node_kind kind,
                    struct form_node **out, struct gw_error *why)
{
	struct form_node *node, *parent = tree->at;

	if (++tree->n_nodes > NODES_MAX || tree->bytes > ITEM_BYTES_MAX)
		return fail_mark(why, event->start_mark, "the item is too large");
	if (tree->depth >= DEPTH_MAX)
		return fail_mark(why, event->start_mark, "nested too deeply");
	node = take(tree, sizeof(*node));
	memset(node, 0, sizeof(*node));
	node->kind = (uint8_t)kind;
	node->line = (uint32_t)event->start_mark.line + 1;
	node->column = (uint32_t)event->start_mark.column + 1;
	node->parent = parent;
	*out = node;
	if (parent == NULL) {
		tree->item = node;
		return 0;
	}
	if (parent->kind == FORM_MAP) {
		node->key = tree->key;
		tree->has_key = false;
	}
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->children = node;
	parent->last = node;
	parent->n_children++;
	return 0;
}

static bool same(struct gw_blob a, const void *p, size_t n)
{
	return a.n == n && (n == 0 || memcmp(a.p, p, n) == 0);
}

/* What is shown of a key: it may be anything. */
static void key_text(const yaml_event_t *event, char out[41])
{
	size_t n = event->data.scalar.length < 40 ? event->data.scalar.length : 40;

	for (size_t i = 0; i < n; i++) {
		char c = (char)event->data.scalar.value[i];

		out[i] = c > ' ' && c < 0x7f ? c : '?';
	}
	out[n] = '\0';
}

static int take_key(struct form_tree *tree, const yaml_event_t *event, struct gw_error *why)
{
	const struct form_node *before;
	char shown[41];
	bool binary;

	if (event->type != YAML_SCALAR_EVENT)
		return fail_mark(why, event->start_mark, "a key must be a word");
	if (check_tag(event, event->data.scalar.anchor, event->data.scalar.tag, &binary, why) != 0)
		return -EINVAL;
	for (before = tree->at->children; before != NULL; before = before->next)
		if (same(before->key, event->data.scalar.value, event->data.scalar.length)) {
			key_text(event, shown);
			return fail_mark(why, event->start_mark,
			                 "'%s' stands here for the second time", shown);
		}
	if (tree->at->n_children >= KEYS_MAX)
		return fail_mark(why, event->start_mark, "too many keys");
	tree->key = copy(tree, event->data.scalar.value, event->data.scalar.length);
	tree->has_key = true;
	return 0;
}

static int open_node(struct form_tree *tree, const yaml_event_t *event, struct gw_error *why)
{
	bool map = event->type == YAML_MAPPING_START_EVENT, binary;
	struct form_node *node;
	int status = map ? check_tag(event, event->data.mapping_start.anchor,
	                             event->data.mapping_start.tag, &binary, why)
	                 : check_tag(event, event->data.sequence_start.anchor,
	                             event->data.sequence_start.tag, &binary, why);

	if (status == 0)
		status = node_add(tree, event, map ? FORM_MAP : FORM_LIST, &node, why);
	if (status != 0)
		return status;
	tree->at = node;
	tree->depth++;
	return 0;
}

static void close_node(struct form_tree *tree)
{
	tree->at = tree->at->parent;
	tree->depth--;
	tree->whole = tree->at == NULL;
}

static int take_scalar(struct form_tree *tree, const yaml_event_t *event, struct gw_error *why)
{
	struct form_node *node;
	bool binary;

	if (check_tag(event, event->data.scalar.anchor, event->data.scalar.tag, &binary, why) !=
	            0 ||
	    node_add(tree, event, FORM_SCALAR, &node, why) != 0)
		return -EINVAL;
	node->binary = binary;
	tree->whole = tree->at == NULL;
	return node_text(tree, node, event, why);
}

/* An event within an item. */
static int in_item(struct form_tree *tree, const yaml_event_t *event, struct gw_error *why)
{
	if (event->type == YAML_ALIAS_EVENT)
		return fail_mark(why, event->start_mark, "aliases are not supported");
	if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT) {
		close_node(tree);
		return 0;
	}
	if (tree->at != NULL && tree->at->kind == FORM_MAP && !tree->has_key)
		return take_key(tree, event, why);
	if (event->type == YAML_SCALAR_EVENT)
		return take_scalar(tree, event, why);
	return open_node(tree, event, why);
}

/* --- sections --- */

enum place { BEFORE, IN_FILE, BEHIND_KEY, IN_SECTION };

static enum place place_of(const struct form_tree *tree)
{
	if (!tree->begun)
		return BEFORE;
	if (tree->section.key.p == NULL)
		return IN_FILE;
	return tree->section.kind == FORM_LIST ? IN_SECTION : BEHIND_KEY;
}

static int file_begins(struct form_tree *tree, const yaml_event_t *event, struct gw_error *why)
{
	bool binary;

	if (event->type == YAML_STREAM_START_EVENT || event->type == YAML_DOCUMENT_START_EVENT)
		return 0;
	if (event->type != YAML_MAPPING_START_EVENT)
		return fail_mark(why, event->start_mark, "the file must consist of sections");
	tree->begun = true;
	return check_tag(event, event->data.mapping_start.anchor, event->data.mapping_start.tag,
	                 &binary, why);
}

static int section_begins(struct form_tree *tree, const yaml_event_t *event, struct gw_error *why)
{
	size_t n;

	if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_DOCUMENT_END_EVENT)
		return 0;
	if (event->type == YAML_STREAM_END_EVENT) {
		tree->ended = true;
		return 0;
	}
	if (event->type == YAML_DOCUMENT_START_EVENT)
		return fail_mark(why, event->start_mark, "a second document begins here");
	if (event->type != YAML_SCALAR_EVENT)
		return fail_mark(why, event->start_mark, "a section's name must be a word");
	key_text(event, tree->section_name);
	n = event->data.scalar.length;
	tree->section = (struct form_node){.line = (uint32_t)event->start_mark.line + 1,
	                                   .column = (uint32_t)event->start_mark.column + 1,
	                                   .key = {tree->section_name, n < 40 ? n : 40}};
	return 0;
}

/* The value of a section: a list, or an item that stands alone. */
static int behind_key(struct form_tree *tree, const yaml_event_t *event, struct gw_error *why)
{
	bool binary;

	if (event->type != YAML_SEQUENCE_START_EVENT)
		return in_item(tree, event, why);
	tree->section.kind = FORM_LIST;
	return check_tag(event, event->data.sequence_start.anchor, event->data.sequence_start.tag,
	                 &binary, why);
}

static int take_event(struct form_tree *tree, const yaml_event_t *event, struct gw_error *why)
{
	if (tree->at != NULL)
		return in_item(tree, event, why);
	switch (place_of(tree)) {
	case BEFORE:
		if (event->type == YAML_STREAM_END_EVENT)
			return fail_mark(why, event->start_mark, "the file is empty");
		return file_begins(tree, event, why);
	case IN_FILE:
		return section_begins(tree, event, why);
	case BEHIND_KEY:
		return behind_key(tree, event, why);
	default:
		if (event->type != YAML_SEQUENCE_END_EVENT)
			return in_item(tree, event, why);
		tree->section.key = (struct gw_blob){NULL, 0};
		return 0;
	}
}

/* --- from outside --- */

struct form_tree *form_tree_new(struct gw_self *self, const char *text, size_t n)
{
	struct form_tree *tree = gw_alloc(self, sizeof(*tree));

	tree->self = self;
	tree->text = text;
	tree->n = n;
	if (!yaml_parser_initialize(&tree->yaml)) {
		gw_free(self, tree);
		return NULL;
	}
	yaml_parser_set_input_string(&tree->yaml, (const unsigned char *)text, n);
	yaml_parser_set_encoding(&tree->yaml, YAML_UTF8_ENCODING);
	return tree;
}

void form_tree_free(struct form_tree **tree)
{
	struct form_tree *t = *tree;

	*tree = NULL;
	if (t == NULL)
		return;
	wipe(t);
	yaml_parser_delete(&t->yaml);
	gw_free(t->self, t);
}

/* libyaml puts up with a scalar of any length, in one call. So it is shown no more of the text than
 * an event may take; if it meets the end of that, there was too much. */
static bool parse(struct form_tree *tree, yaml_event_t *event, struct gw_error *why)
{
	const unsigned char *end = (const unsigned char *)tree->text + tree->n;
	yaml_parser_t *y = &tree->yaml;
	bool parsed;

	y->input.string.end = end - y->input.string.current > EVENT_BYTES_MAX
	                              ? y->input.string.current + EVENT_BYTES_MAX
	                              : end;
	parsed = yaml_parser_parse(y, event) != 0;
	if (y->eof && y->input.string.end != end) {
		if (parsed)
			yaml_event_delete(event);
		fail_mark(why, y->mark, "more than %td bytes in one piece end here",
		          EVENT_BYTES_MAX);
		return false;
	}
	if (!parsed)
		fail_yaml(tree, why);
	return parsed;
}

/* An item was handed out: on to the next one. */
static void forget_item(struct form_tree *tree)
{
	if (!tree->whole)
		return;
	wipe(tree);
	if (tree->section.kind != FORM_LIST)
		tree->section.key = (struct gw_blob){NULL, 0};
}

enum form_step form_tree_next(struct form_tree *tree, size_t budget, struct gw_error *why)
{
	size_t until = tree->yaml.mark.index + budget;
	yaml_event_t event;
	int status;

	forget_item(tree);
	while (!tree->ended) {
		if (tree->yaml.mark.index > until)
			return FORM_TURN;
		if (!parse(tree, &event, why))
			return FORM_WRONG;
		status = take_event(tree, &event, why);
		yaml_event_delete(&event);
		if (status != 0)
			return FORM_WRONG;
		if (tree->whole)
			return FORM_ITEM;
	}
	return FORM_END;
}

const struct form_node *form_tree_item(const struct form_tree *tree)
{
	return tree->item;
}

const struct form_node *form_tree_section(const struct form_tree *tree)
{
	return &tree->section;
}

size_t form_tree_at(const struct form_tree *tree)
{
	return tree->yaml.mark.index < tree->n ? tree->yaml.mark.index : tree->n;
}

const struct form_node *form_child(const struct form_node *map, const char *key)
{
	const struct form_node *child;

	for (child = map->children; child != NULL; child = child->next)
		if (same(child->key, key, strlen(key)))
			return child;
	return NULL;
}
