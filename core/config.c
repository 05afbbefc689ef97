/*
 * core/config.c - files to one tree: libyaml's events, bounds, includes.
 */
#include "core/config.h"
#include "core/mem.h"
#include "core/path.h"
#include "core/text.h"

#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

enum { depth_max = 8, nodes_max = 10000, files_max = 256, file_bytes_max = 1 << 20 };

struct file {
	struct file *next;
	char name[];
};

struct config {
	struct node *root;
	struct file *files; /* their names, to which nodes point */
	size_t n_nodes, n_files;
};

/** What one file's parsing carries around. */
struct parse {
	struct config *config;
	const char *file;
	const char *text;
	size_t len;
	yaml_parser_t yaml;
	struct gw_error *err;
};

static struct node *parse_node(struct parse *p, const yaml_event_t *event, unsigned depth);

__attribute__((format(printf, 5, 0))) static int fail_at(struct gw_error *err, const char *file,
                                                         unsigned line, unsigned column,
                                                         const char *format, va_list args)
{
	size_t used = 0;

	if (err == NULL)
		return -EINVAL;
	if (line > 0) {
		snprintf(err->text, sizeof(err->text), "%s:%u:%u: ", file, line, column);
		used = strlen(err->text);
	}
	vsnprintf(err->text + used, sizeof(err->text) - used, format, args);
	return -EINVAL;
}

int node_fail(struct gw_error *err, const struct node *node, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_at(err, node->file, node->line, node->column, format, args);
	va_end(args);
	return -EINVAL;
}

int node_fail_key(struct gw_error *err, const struct node *node, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_at(err, node->file, node->key != NULL ? node->key_line : node->line,
	        node->key != NULL ? node->key_column : node->column, format, args);
	va_end(args);
	return -EINVAL;
}

__attribute__((format(printf, 3, 4))) static int fail_mark(struct parse *p, yaml_mark_t mark,
                                                           const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_at(p->err, p->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1, format, args);
	va_end(args);
	return -EINVAL;
}

/** Where a byte of the text is: the reader's errors come without a mark. */
static yaml_mark_t mark_of(const struct parse *p, size_t offset)
{
	yaml_mark_t mark = {.index = offset};

	for (size_t i = 0; i < offset && i < p->len; i++) {
		mark.column++;
		if (p->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static int fail_yaml(struct parse *p)
{
	const yaml_parser_t *y = &p->yaml;

	if (y->error == YAML_READER_ERROR)
		return fail_mark(p, mark_of(p, y->problem_offset), "%s", y->problem);
	if (y->context != NULL)
		return fail_mark(p, y->problem_mark, "%s (%s that began in line %zu)", y->problem,
		                 y->context, y->context_mark.line + 1);
	return fail_mark(p, y->problem_mark, "%s",
	                 y->problem != NULL ? y->problem : "this is not YAML");
}

static int next_event(struct parse *p, yaml_event_t *event)
{
	if (yaml_parser_parse(&p->yaml, event))
		return 0;
	return fail_yaml(p);
}

void node_free(struct node *node)
{
	while (node != NULL) {
		struct node *next = node->next;

		node_free(node->children);
		free(node->key);
		free(node->text);
		free(node);
		node = next;
	}
}

static struct node *node_new(struct parse *p, const yaml_event_t *event, enum node_kind kind)
{
	struct node *node = mem_alloc(sizeof(*node));

	node->file = p->file;
	node->line = (uint32_t)event->start_mark.line + 1;
	node->column = (uint32_t)event->start_mark.column + 1;
	node->kind = kind;
	return node;
}

static int check_scalar(struct parse *p, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;

	if (text_printable(text, event->data.scalar.length))
		return 0;
	return fail_mark(p, event->start_mark,
	                 "a value must be one line of text without control characters");
}

/** Anchors and tags have no meaning here; a document that uses them expects one. */
static int check_plain(struct parse *p, const yaml_event_t *event, const yaml_char_t *anchor,
                       const yaml_char_t *tag)
{
	if (anchor != NULL)
		return fail_mark(p, event->start_mark, "anchors (&%.40s) are not supported",
		                 anchor);
	if (tag != NULL)
		return fail_mark(p, event->start_mark, "tags (%.40s) are not supported", tag);
	return 0;
}

static void append(struct node *parent, struct node ***end, struct node *child)
{
	**end = child;
	*end = &child->next;
	parent->n_children++;
}

/** One key and its value; `event` is the key's. */
static struct node *parse_pair(struct parse *p, const struct node *map, const yaml_event_t *key,
                               unsigned depth)
{
	const char *name = (const char *)key->data.scalar.value;
	const struct node *before;
	struct node *value;
	yaml_event_t event;

	if (key->type != YAML_SCALAR_EVENT || key->data.scalar.length == 0) {
		fail_mark(p, key->start_mark, "a key must be a word");
		return NULL;
	}
	if (check_plain(p, key, key->data.scalar.anchor, key->data.scalar.tag) != 0 ||
	    check_scalar(p, key) != 0)
		return NULL;
	before = node_get(map, name);
	if (before != NULL) {
		fail_mark(p, key->start_mark,
		          "'%.60s' stands here for the second time; the first is in line %u", name,
		          before->key_line);
		return NULL;
	}
	if (next_event(p, &event) != 0)
		return NULL;
	value = parse_node(p, &event, depth);
	yaml_event_delete(&event);
	if (value == NULL)
		return NULL;
	value->key = mem_strdup(name);
	value->key_line = (uint32_t)key->start_mark.line + 1;
	value->key_column = (uint32_t)key->start_mark.column + 1;
	return value;
}

/** The children of a list or a map, up to its end. */
static int parse_children(struct parse *p, struct node *parent, unsigned depth)
{
	yaml_event_type_t last =
		parent->kind == NODE_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	struct node **end = &parent->children;

	for (;;) {
		struct node *child;
		yaml_event_t event;

		if (next_event(p, &event) != 0)
			return -EINVAL;
		if (event.type == last) {
			yaml_event_delete(&event);
			return 0;
		}
		child = parent->kind == NODE_MAP ? parse_pair(p, parent, &event, depth + 1)
		                                 : parse_node(p, &event, depth + 1);
		yaml_event_delete(&event);
		if (child == NULL)
			return -EINVAL;
		append(parent, &end, child);
	}
}

static int check_bounds(struct parse *p, const yaml_event_t *event, unsigned depth)
{
	if (depth > depth_max)
		return fail_mark(p, event->start_mark, "nested deeper than %d levels", depth_max);
	if (++p->config->n_nodes > nodes_max)
		return fail_mark(p, event->start_mark, "more than %d values", nodes_max);
	return 0;
}

static struct node *parse_parent(struct parse *p, const yaml_event_t *event, enum node_kind kind,
                                 unsigned depth)
{
	struct node *node = node_new(p, event, kind);

	if (parse_children(p, node, depth) == 0)
		return node;
	node_free(node);
	return NULL;
}

static struct node *parse_node(struct parse *p, const yaml_event_t *event, unsigned depth)
{
	struct node *node;

	if (check_bounds(p, event, depth) != 0)
		return NULL;
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		if (check_plain(p, event, event->data.scalar.anchor, event->data.scalar.tag) != 0 ||
		    check_scalar(p, event) != 0)
			return NULL;
		node = node_new(p, event, NODE_SCALAR);
		node->text = mem_strndup((const char *)event->data.scalar.value,
		                         event->data.scalar.length);
		return node;
	case YAML_SEQUENCE_START_EVENT:
		if (check_plain(p, event, event->data.sequence_start.anchor,
		                event->data.sequence_start.tag) != 0)
			return NULL;
		return parse_parent(p, event, NODE_LIST, depth);
	case YAML_MAPPING_START_EVENT:
		if (check_plain(p, event, event->data.mapping_start.anchor,
		                event->data.mapping_start.tag) != 0)
			return NULL;
		return parse_parent(p, event, NODE_MAP, depth);
	case YAML_ALIAS_EVENT:
		fail_mark(p, event->start_mark, "aliases (*%.40s) are not supported",
		          event->data.alias.anchor);
		return NULL;
	default:
		fail_mark(p, event->start_mark, "a value is missing here");
		return NULL;
	}
}

/** A file's document; an empty file is an empty map. */
static int parse_document(struct parse *p, struct node **out)
{
	yaml_event_t event;
	int status = 0;

	*out = NULL;
	for (;;) {
		if (next_event(p, &event) != 0)
			return -EINVAL;
		if (event.type == YAML_STREAM_END_EVENT)
			break;
		if (event.type == YAML_MAPPING_START_EVENT && *out == NULL) {
			*out = parse_node(p, &event, 0);
			status = *out != NULL ? 0 : -EINVAL;
		} else if (event.type == YAML_SCALAR_EVENT && event.data.scalar.length == 0 &&
		           *out == NULL) {
			*out = node_new(p, &event, NODE_MAP);
		} else if (*out != NULL && event.type == YAML_DOCUMENT_START_EVENT) {
			status = fail_mark(
				p, event.start_mark,
				"a second document begins here: one file is one document");
		} else if (event.type == YAML_SCALAR_EVENT ||
		           event.type == YAML_SEQUENCE_START_EVENT ||
		           event.type == YAML_ALIAS_EVENT) {
			status = fail_mark(p, event.start_mark,
			                   "a file must consist of lines 'key: value'");
		}
		yaml_event_delete(&event);
		if (status != 0)
			return status;
	}
	yaml_event_delete(&event);
	if (*out == NULL) {
		*out = mem_alloc(sizeof(**out));
		(*out)->file = p->file;
		(*out)->line = (*out)->column = 1;
		(*out)->kind = NODE_MAP;
	}
	return 0;
}

static const char *file_name(struct config *config, const char *name)
{
	struct file *file = mem_alloc(sizeof(*file) + strlen(name) + 1);

	memcpy(file->name, name, strlen(name) + 1);
	file->next = config->files;
	config->files = file;
	config->n_files++;
	return file->name;
}

static int parse_text(struct config *config, const char *name, const char *text, size_t len,
                      struct node **out, struct gw_error *err)
{
	struct parse p = {.config = config, .text = text, .len = len, .err = err};
	int status;

	p.file = file_name(config, name);
	if (!yaml_parser_initialize(&p.yaml))
		return gw_fail(err, -ENOMEM, "%s:1:1: out of memory", name);
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, len);
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	status = parse_document(&p, out);
	yaml_parser_delete(&p.yaml);
	if (status != 0) {
		node_free(*out);
		*out = NULL;
	}
	return status;
}

/** The whole file in one block; `place` says who asked for it. */
static int slurp(const char *path, const char *place, char **text_out, size_t *len_out,
                 struct gw_error *err)
{
	struct stat info;
	FILE *f = fopen(path, "re");
	int status = 0;

	if (f == NULL)
		return gw_fail(err, -errno, "%s: cannot read %s: %s", place, path, strerror(errno));
	if (fstat(fileno(f), &info) != 0 || !S_ISREG(info.st_mode)) {
		status = gw_fail(err, -EINVAL, "%s: %s is not a file", place, path);
	} else if (info.st_size > file_bytes_max) {
		status = gw_fail(err, -EFBIG, "%s: %s is longer than %d bytes", place, path,
		                 file_bytes_max);
	} else {
		*text_out = mem_alloc((size_t)info.st_size + 1);
		*len_out = fread(*text_out, 1, (size_t)info.st_size, f);
		if (ferror(f)) {
			free(*text_out);
			status = gw_fail(err, -EIO, "%s: cannot read %s", place, path);
		}
	}
	fclose(f);
	return status;
}

static int parse_file(struct config *config, const char *path, const char *place, struct node **out,
                      struct gw_error *err)
{
	char *text = NULL;
	size_t len = 0;
	int status = slurp(path, place, &text, &len, err);

	if (status != 0)
		return status;
	status = parse_text(config, path, text, len, out, err);
	free(text);
	return status;
}

/** Moves the keys of an included file to the top level. Takes `more`. */
static int merge(struct config *config, struct node *more, struct gw_error *err)
{
	struct node **end = &config->root->children;
	int status = 0;

	while (*end != NULL)
		end = &(*end)->next;
	for (struct node *child = more->children; child != NULL && status == 0;
	     child = child->next) {
		const struct node *before = node_get(config->root, child->key);

		if (strcmp(child->key, "include") == 0)
			status = node_fail_key(err, child,
			                       "'include' may only stand in the main file, %s",
			                       config->root->file);
		else if (before != NULL)
			status = node_fail_key(err, child, "'%s' stands also at %s:%u:%u",
			                       child->key, before->file, before->key_line,
			                       before->key_column);
	}
	if (status == 0) {
		*end = more->children;
		config->root->n_children += more->n_children;
		more->children = NULL;
	}
	node_free(more);
	return status;
}

/** All files that one pattern of `include` names; it counts from the folder of the main file. */
static int include_pattern(struct config *config, const struct node *item, struct gw_error *err)
{
	char *pattern, *place;
	glob_t found;
	int status = 0;

	if (item->kind != NODE_SCALAR || item->text[0] == '\0')
		return node_fail(err, item,
		                 "'include' takes file names or patterns such as conf.d/*.yaml");
	pattern = path_from(item->file, item->text);
	if (pattern == NULL)
		return node_fail(err, item,
		                 "'include' begins with ~/, and there is no home folder");
	place = mem_printf("%s:%u:%u", item->file, item->line, item->column);
	if (glob(pattern, GLOB_NOMAGIC, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc && status == 0; i++) {
			struct node *more;

			if (config->n_files >= files_max)
				status = node_fail(err, item, "more than %d files", files_max);
			else
				status = parse_file(config, found.gl_pathv[i], place, &more, err);
			if (status == 0)
				status = merge(config, more, err);
		}
		globfree(&found);
	}
	free(pattern);
	free(place);
	return status;
}

static int include_all(struct config *config, struct gw_error *err)
{
	const struct node *include = node_get(config->root, "include");
	int status = 0;

	if (include == NULL)
		return 0;
	if (include->kind != NODE_LIST)
		return include_pattern(config, include, err);
	for (const struct node *item = include->children; item != NULL && status == 0;
	     item = item->next)
		status = include_pattern(config, item, err);
	return status;
}

int config_parse(const char *name, const char *text, struct config **out, struct gw_error *err)
{
	struct config *config = mem_alloc(sizeof(*config));
	int status = parse_text(config, name, text, strlen(text), &config->root, err);

	if (status != 0)
		config_free(&config);
	*out = config;
	return status;
}

int config_read(const char *path, struct config **out, struct gw_error *err)
{
	struct config *config = mem_alloc(sizeof(*config));
	char *place = mem_printf("%s:1:1", path);
	int status = parse_file(config, path, place, &config->root, err);

	free(place);
	if (status == 0)
		status = include_all(config, err);
	if (status != 0)
		config_free(&config);
	*out = config;
	return status;
}

void config_free(struct config **config)
{
	struct file *file;

	if (*config == NULL)
		return;
	node_free((*config)->root);
	while ((file = (*config)->files) != NULL) {
		(*config)->files = file->next;
		free(file);
	}
	free(*config);
	*config = NULL;
}

const struct node *config_root(const struct config *config)
{
	return config->root;
}

const struct node *node_get(const struct node *map, const char *key)
{
	for (const struct node *child = map->children; child != NULL; child = child->next)
		if (strcmp(child->key, key) == 0)
			return child;
	return NULL;
}
