/*
 * core/option.c - reads options by their table: types, units, ranges, defaults, unknown keys.
 */
#include "core/option.h"
#include "core/given.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/path.h"
#include "core/server.h"
#include "core/settings.h"
#include "core/text.h"
#include "core/verb.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value {
	char *name;
	char *text; /* as written, for reports; a list's items joined by ", " */
	int64_t number;
	char **items; /* of a list, NULL-terminated */
	size_t n_items;
	bool given;
	bool secret; /* its text is nobody's to see */
};

struct gw_options {
	size_t n;
	struct value values[];
};

struct unit {
	const char *name;
	int64_t factor;
};

/* Greatest first: the first that divides a limit is the one it is told in. */
static const struct unit durations[] = {
	{"d", INT64_C(86400000000000)}, {"h", INT64_C(3600000000000)}, {"m", INT64_C(60000000000)},
	{"s", INT64_C(1000000000)},     {"ms", INT64_C(1000000)},      {NULL, 1},
};
static const struct unit sizes[] = {{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {NULL, 1}};

/** Where a value is read from, and what is wrong with it. */
struct reading {
	const struct option_block *block;
	const struct gw_option *option;
	const struct node *node; /* NULL: the default */
	struct gw_error *err;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct reading *r, const char *format,
                                                        ...)
{
	char why[160];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (r->node != NULL)
		return node_fail(r->err, r->node, "'%s' %s", r->option->name, why);
	return gw_fail(r->err, -EINVAL, "%s: the default of the option '%s' %s", r->block->owner,
	               r->option->name, why);
}

const char *option_limit(char out[32], const struct gw_option *o, int64_t value)
{
	const struct unit *u = o->type == GW_OPT_DURATION ? durations
	                       : o->type == GW_OPT_SIZE   ? sizes
	                                                  : NULL;

	while (u != NULL && u->name != NULL && (value == 0 || value % u->factor != 0))
		u++;
	if (u == NULL || u->name == NULL)
		snprintf(out, 32, "%" PRId64 "%s", value,
		         o->type == GW_OPT_DURATION && value != 0 ? "ns" : "");
	else
		snprintf(out, 32, "%" PRId64 "%s", value / u->factor, u->name);
	return out;
}

static int check_range(const struct reading *r, int64_t value, const char *what)
{
	const struct gw_option *o = r->option;
	char min[32], max[32], got[32];

	if ((o->min == 0 && o->max == 0) || (value >= o->min && value <= o->max))
		return 0;
	return refuse(r, "%s between %s and %s, not %s", what, option_limit(min, o, o->min),
	              option_limit(max, o, o->max), option_limit(got, o, value));
}

static int read_bool(const struct reading *r, const char *text, struct value *v)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], text) != 0)
			continue;
		v->number = (int64_t)(i % 2);
		return 0;
	}
	return refuse(r, "must be yes or no, not '%.40s'", text);
}

/** Decimal digits (and a sign) at the start of `text`; false when there are none or too many. */
static bool read_decimal(const char *text, int64_t *out, const char **end)
{
	char *stop;

	if (strspn(text + (text[0] == '-'), "0123456789") == 0)
		return false;
	errno = 0;
	*out = strtoll(text, &stop, 10);
	*end = stop;
	return errno == 0;
}

static int read_int(const struct reading *r, const char *text, struct value *v)
{
	const char *end;

	if (!read_decimal(text, &v->number, &end) || *end != '\0')
		return refuse(r, "must be a whole number, not '%.40s'", text);
	return check_range(r, v->number, "must be");
}

static int read_united(const struct reading *r, const char *text, const struct unit *units,
                       const char *example, struct value *v)
{
	const struct unit *u = units;
	int64_t count;
	const char *end;

	if (!read_decimal(text, &count, &end) || count < 0)
		return refuse(r, "must be %s, not '%.40s'", example, text);
	while (u->name != NULL && strcmp(u->name, end) != 0)
		u++;
	if (u->name == NULL && (end[0] != '\0' || (units == durations && count != 0)))
		return refuse(r, "must be %s, not '%.40s'", example, text);
	if (__builtin_mul_overflow(count, u->factor, &v->number))
		return refuse(r, "is too large");
	return check_range(r, v->number, "must be");
}

static int read_duration(const struct reading *r, const char *text, struct value *v)
{
	return read_united(r, text, durations,
	                   "a time with its unit, such as 500ms, 10s, 5m, 2h or 30d", v);
}

static int read_size(const struct reading *r, const char *text, struct value *v)
{
	return read_united(r, text, sizes, "a size such as 4096, 64k, 2m or 1g", v);
}

static int read_string(const struct reading *r, const char *text, struct value *v)
{
	v->number = (int64_t)strlen(text);
	if (!text_printable(text, strlen(text)))
		return refuse(r, "must be UTF-8 without control characters");
	return check_range(r, v->number, "must have a length");
}

static int no_home(const struct reading *r)
{
	return refuse(r, "begins with ~/, and there is no home folder");
}

static int read_path(const struct reading *r, const char *text, struct value *v)
{
	char *path = path_from(r->node != NULL ? r->node->file : NULL, text);

	if (path == NULL)
		return no_home(r);
	free(v->text);
	v->text = path;
	return check_range(r, (int64_t)strlen(v->text), "must have a length");
}

/** A socket may lie in the home folder, too. */
static int read_address(const struct reading *r, const char *text, struct value *v)
{
	char *path = strncmp(text, "unix:~/", 7) == 0 ? path_from(NULL, text + 5) : NULL;

	if (path == NULL && strncmp(text, "unix:~/", 7) == 0)
		return no_home(r);
	if (path != NULL) {
		free(v->text);
		v->text = mem_printf("unix:%s", path);
		free(path);
	}
	if (text_is_address(v->text))
		return 0;
	return refuse(r,
	              "must be an address such as 127.0.0.1:6667, \"[::1]:6697\" or unix:/path, "
	              "not '%.60s'",
	              text);
}

static const struct {
	int (*read)(const struct reading *, const char *text, struct value *);
	const char *what; /* for a list or a map in its place */
} types[] = {
	[GW_OPT_BOOL] = {read_bool, "yes or no"},
	[GW_OPT_INT] = {read_int, "a whole number"},
	[GW_OPT_DURATION] = {read_duration, "a time"},
	[GW_OPT_SIZE] = {read_size, "a size"},
	[GW_OPT_STRING] = {read_string, "a text"},
	[GW_OPT_PATH] = {read_path, "a path"},
	[GW_OPT_ADDRESS] = {read_address, "an address"},
	[GW_OPT_SECRET] = {read_string, "a text"},
};

static int read_item(const struct reading *r, const struct node *item, struct value *v)
{
	char *joined;

	if (item->kind != NODE_SCALAR || item->text[0] == '\0')
		return node_fail(r->err, item, "'%s' must be a list of words", r->option->name);
	v->items = mem_resize(v->items, (v->n_items + 2) * sizeof(*v->items));
	v->items[v->n_items++] = mem_strdup(item->text);
	v->items[v->n_items] = NULL;
	joined = v->n_items == 1 ? mem_strdup(item->text)
	                         : mem_printf("%s, %s", v->text, item->text);
	free(v->text);
	v->text = joined;
	return 0;
}

/** A sequence, or one scalar in its place. */
static int read_list(const struct reading *r, const struct node *node, struct value *v)
{
	int status = 0;

	v->text = mem_strdup("");
	if (node->kind == NODE_MAP)
		return refuse(r, "must be a list");
	if (node->kind == NODE_SCALAR)
		status = read_item(r, node, v);
	for (const struct node *item = node->children; item != NULL && status == 0;
	     item = item->next)
		status = read_item(r, item, v);
	if (status != 0)
		return status;
	return check_range(r, (int64_t)v->n_items, "must have a number of items");
}

static int read_list_default(const struct reading *r, struct value *v)
{
	struct config *config;
	char *text;
	int status;

	if (r->option->fallback == NULL) {
		v->text = mem_strdup("");
		return 0;
	}
	text = mem_printf("x: %s", r->option->fallback);
	status = config_parse(r->block->owner, text, &config, r->err);
	free(text);
	if (status != 0)
		return status;
	status = read_list(r, config_root(config)->children, v);
	config_free(&config);
	return status;
}

/** No value in the file: the default, which an empty one need not satisfy the limits of. */
static int read_default(const struct reading *r, struct value *v)
{
	if (r->option->required)
		return gw_fail(r->err, -EINVAL, "%s: %s needs the option '%s'", r->block->place,
		               r->block->owner, r->option->name);
	if (r->option->type == GW_OPT_LIST)
		return read_list_default(r, v);
	v->text = mem_strdup(r->option->fallback != NULL ? r->option->fallback : "");
	if (r->option->fallback == NULL)
		return 0;
	return types[r->option->type].read(r, r->option->fallback, v);
}

static int read_value(const struct reading *r, struct value *v)
{
	if (r->node == NULL)
		return read_default(r, v);
	v->given = true;
	if (r->option->type == GW_OPT_LIST)
		return read_list(r, r->node, v);
	if (r->node->kind != NODE_SCALAR)
		return refuse(r, "must be %s, not a %s", types[r->option->type].what,
		              r->node->kind == NODE_LIST ? "list" : "block");
	v->text = mem_strdup(r->node->text);
	return types[r->option->type].read(r, r->node->text, v);
}

static size_t table_size(const struct gw_option *table)
{
	size_t n = 0;

	while (table != NULL && table[n].name != NULL)
		n++;
	return n;
}

static bool is_other(const struct option_block *block, const char *key)
{
	if (block->open)
		return true;
	for (size_t i = 0; block->others != NULL && block->others[i] != NULL; i++)
		if (strcmp(block->others[i], key) == 0)
			return true;
	return false;
}

static int check_keys(const struct option_block *block, const struct node *node,
                      struct gw_error *err)
{
	for (const struct node *child = node->children; child != NULL; child = child->next) {
		size_t i = 0, n = table_size(block->table);

		while (i < n && strcmp(block->table[i].name, child->key) != 0)
			i++;
		if (i == n && !is_other(block, child->key))
			return node_fail_key(err, child, "%s has no option '%.60s'", block->owner,
			                     child->key);
	}
	return 0;
}

int options_read(const struct option_block *block, const struct node *node, struct gw_options **out,
                 struct gw_error *err)
{
	struct gw_options *options =
		mem_alloc(sizeof(*options) + table_size(block->table) * sizeof(struct value));
	int status = 0;

	if (node != NULL && node->kind == NODE_SCALAR && node->text[0] == '\0')
		node = NULL;
	if (node != NULL && node->kind != NODE_MAP)
		status = node_fail(err, node, "%s must be a block of lines 'key: value'",
		                   block->owner);
	else if (node != NULL)
		status = check_keys(block, node, err);
	for (size_t i = 0; i < table_size(block->table) && status == 0; i++) {
		struct value *v = &options->values[options->n++];
		const struct node *value =
			block->given != NULL ? node_get(block->given, block->table[i].name) : NULL;
		struct reading r = {.block = block, .option = &block->table[i], .err = err};

		if (value == NULL && node != NULL)
			value = node_get(node, block->table[i].name);
		r.node = value;
		v->name = mem_strdup(block->table[i].name);
		v->secret = block->table[i].type == GW_OPT_SECRET;
		status = read_value(&r, v);
	}
	if (status != 0)
		options_free(&options);
	*out = options;
	return status;
}

int options_check_table(const struct gw_option *table, const char *owner, struct gw_error *err)
{
	size_t n = table_size(table);

	for (size_t i = 0; i < n; i++) {
		if ((unsigned)table[i].type > GW_OPT_SECRET)
			return gw_fail(err, -EINVAL, "%s: the option '%s' has an unknown type",
			               owner, table[i].name);
		for (size_t j = 0; j < i; j++)
			if (strcmp(table[i].name, table[j].name) == 0)
				return gw_fail(err, -EINVAL, "%s declares the option '%s' twice",
				               owner, table[i].name);
	}
	return 0;
}

void options_free(struct gw_options **options)
{
	if (*options == NULL)
		return;
	for (size_t i = 0; i < (*options)->n; i++) {
		struct value *v = &(*options)->values[i];

		for (size_t j = 0; j < v->n_items; j++)
			free(v->items[j]);
		free(v->items);
		free(v->name);
		if (v->secret && v->text != NULL)
			sodium_memzero(v->text, strlen(v->text));
		free(v->text);
	}
	free(*options);
	*options = NULL;
}

static const struct value *find(const struct gw_options *options, const char *name)
{
	for (size_t i = 0; i < options->n; i++)
		if (strcmp(options->values[i].name, name) == 0)
			return &options->values[i];
	return NULL;
}

/** A name that is not in the table is a bug in the module that asks. */
static const struct value *must_find(const struct gw_options *options, const char *name)
{
	const struct value *v = find(options, name);

	if (v != NULL)
		return v;
	fprintf(stderr, "godwit: a module asks for the option '%s', which its table lacks\n", name);
	abort();
}

int64_t options_integer(const struct gw_options *options, const char *name)
{
	return must_find(options, name)->number;
}

const char *options_string(const struct gw_options *options, const char *name)
{
	return must_find(options, name)->text;
}

size_t options_list(const struct gw_options *options, const char *name,
                    const char *const **items_out)
{
	const struct value *v = must_find(options, name);

	*items_out = (const char *const *)v->items;
	return v->n_items;
}

bool options_given(const struct gw_options *options, const char *name)
{
	return must_find(options, name)->given;
}

/** As it may be shown. */
static const char *shown(const struct value *v)
{
	return v == NULL || v->text[0] == '\0' ? "" : v->secret ? "(hidden)" : v->text;
}

void options_diff(const struct gw_options *before, const struct gw_options *after,
                  options_diff_fn *fn, void *ctx)
{
	for (size_t i = 0; i < after->n; i++) {
		const struct value *v = &after->values[i];
		const struct value *old = before != NULL ? find(before, v->name) : NULL;

		if (old == NULL || strcmp(old->text, v->text) != 0)
			fn(ctx, v->name, shown(old), shown(v));
	}
	for (size_t i = 0; before != NULL && i < before->n; i++)
		if (find(after, before->values[i].name) == NULL)
			fn(ctx, before->values[i].name, shown(&before->values[i]), "");
}

static const struct gw_options *api_in_force(struct gw_self *self)
{
	const struct module *module = module_of(self);

	return module->coming_options != NULL ? module->coming_options : module->options;
}

static const char *api_server(struct gw_self *self, const char *key)
{
	const struct gw_server *server = self_server(self);
	const struct settings *s = server->settings;
	const struct {
		const char *key, *value;
	} known[] = {
		{"server", server->name},        {"network", s->network},
		{"description", s->description}, {"state-directory", s->state_directory},
		{"version", server_version()},   {"verb", server->verb},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].key, key) == 0)
			return known[i].value;
	return NULL;
}

const struct gw_option_api option_api = {
	.in_force = api_in_force,
	.integer = options_integer,
	.string = options_string,
	.list = options_list,
	.server = api_server,
	.rename = verb_rename,
	.give = given_set,
};
