/*
 * core/given.c - see given.h.
 *
 * server->given is a map of modules, each a map of its options.
 */
#include "core/given.h"
#include "core/config.h"
#include "core/mem.h"
#include "core/module.h"
#include "core/option.h"
#include "core/server.h"

#include <errno.h>
#include <godwit/option.h>
#include <string.h>

/** Without a line: sentences about it name no place. */
static struct node *new_node(enum node_kind kind, const char *key, const char *text)
{
	struct node *node = mem_alloc(sizeof(*node));

	node->file = "";
	node->kind = kind;
	node->key = key != NULL ? mem_strdup(key) : NULL;
	node->text = text != NULL ? mem_strdup(text) : NULL;
	return node;
}

static void append(struct node *parent, struct node *child)
{
	struct node **end = &parent->children;

	while (*end != NULL)
		end = &(*end)->next;
	*end = child;
	parent->n_children++;
}

/** Takes the child of that key out, if there is one. */
static void drop(struct node *map, const char *key)
{
	struct node **at = &map->children, *old;

	while (*at != NULL && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	old = *at;
	if (old == NULL)
		return;
	*at = old->next;
	old->next = NULL;
	map->n_children--;
	node_free(old);
}

static struct node *value_of(const struct gw_option *option, size_t n, const char *const *items)
{
	struct node *value;

	if (option->type != GW_OPT_LIST)
		return new_node(NODE_SCALAR, option->name, items[0]);
	value = new_node(NODE_LIST, option->name, NULL);
	for (size_t i = 0; i < n; i++)
		append(value, new_node(NODE_SCALAR, NULL, items[i]));
	return value;
}

/** By the option's row, as if a file said it. */
static int check(const struct gw_option *option, const struct node *map, const char *owner,
                 struct gw_error *err)
{
	const struct gw_option table[] = {*option, {.name = NULL}};
	const struct option_block block = {.table = table, .owner = owner, .place = ""};
	struct gw_options *options;
	int status = options_read(&block, map, &options, err);

	options_free(&options);
	return status;
}

static const struct gw_option *find_option(const struct module *module, const char *name)
{
	const struct gw_option *o = module->descriptor->options;

	while (o != NULL && o->name != NULL && strcmp(o->name, name) != 0)
		o++;
	return o != NULL && o->name != NULL ? o : NULL;
}

/** Moves the value of the one map to the module's, which is made with its first. */
static void keep(struct gw_server *server, const char *module, struct node *map)
{
	struct node *value = map->children, *all, *at;

	if (server->given == NULL)
		server->given = new_node(NODE_MAP, NULL, NULL);
	all = server->given;
	for (at = all->children; at != NULL && strcmp(at->key, module) != 0;)
		at = at->next;
	if (at == NULL)
		append(all, at = new_node(NODE_MAP, module, NULL));
	map->children = NULL;
	drop(at, value->key);
	append(at, value);
}

int given_set(struct gw_self *self, const char *name, size_t n, const char *const *items,
              struct gw_error *err)
{
	struct module *module = module_of(self);
	const struct gw_option *option = find_option(module, name);
	struct node *map;
	int status;

	if (!module->server->in_verb)
		return gw_fail(err, -EPERM, "only a verb can set options");
	if (option == NULL)
		return gw_fail(err, -EINVAL, "the module %s has no option '%.60s'", self->name,
		               name);
	if (option->type != GW_OPT_LIST && n != 1)
		return gw_fail(err, -EINVAL, "'%s' takes one value, not %zu", name, n);
	map = new_node(NODE_MAP, NULL, NULL);
	append(map, value_of(option, n, items));
	status = check(option, map, self->name, err);
	if (status == 0)
		keep(module->server, self->name, map);
	node_free(map);
	return status;
}

const struct node *given_to(const struct gw_server *server, const char *module)
{
	return server->given != NULL ? node_get(server->given, module) : NULL;
}
