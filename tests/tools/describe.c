/*
 * tests/tools/describe.c - says what modules offer: a line for each interface, topic and extension
 * point of their descriptors, for tests/tools/abi.py. Without a file: those of the core.
 */
#include "core/core_admin.h"

#include <dlfcn.h>
#include <godwit/module.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>

static void describe(const struct gw_module *d)
{
	for (const struct gw_interface_row *i = d->interfaces; i != NULL && i->name != NULL; i++)
		printf("interface %s %u.%u\n", i->name, i->major, i->minor);
	for (const struct gw_topic_row *t = d->topics; t != NULL && t->name != NULL; t++)
		printf("topic %s %s\n", t->name,
		       t->kind == GW_QUESTION ? "question" : "notification");
	for (const struct gw_point *p = d->points; p != NULL && p->name != NULL; p++)
		printf("point %s %zu\n", p->name, p->row_size);
}

static int describe_file(const char *path)
{
	char copy[4096], symbol[256];
	const struct gw_module *d = NULL;
	void *object;
	char *name;

	snprintf(copy, sizeof(copy), "%s", path);
	name = basename(copy);
	name[strcspn(name, ".")] = '\0';
	snprintf(symbol, sizeof(symbol), "%.200s_LTX_gw_module", name);
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (object != NULL)
		d = dlsym(object, symbol);
	if (d == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	describe(d);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		describe(&core_descriptor);
	else
		return describe_file(argv[1]);
	return 0;
}
