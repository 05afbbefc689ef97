/*
 * core/shipped.c - looks for files that come with the program: configurations of verbs, templates.
 */
#include "core/shipped.h"
#include "core/mem.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* NULL when it is not there. */
static char *look(char *path)
{
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/* The length of what stands before `exe`'s installed name, its root; negative: not installed. */
static int root_of(const char *exe)
{
	static const char place[] = SBINDIR "/godwit";
	size_t n = strlen(exe), root = n >= sizeof(place) - 1 ? n - (sizeof(place) - 1) : 0;

	return strcmp(exe + root, place) == 0 ? (int)root : -1;
}

static void this_program(char exe[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", exe, PATH_MAX - 1);

	exe[n > 0 ? n : 0] = '\0';
}

char *shipped_place(const char *path)
{
	char exe[PATH_MAX];
	int root;

	this_program(exe);
	root = root_of(exe);
	return mem_printf("%.*s%s", root > 0 ? root : 0, exe, path);
}

char *shipped_file(const char *name)
{
	char exe[PATH_MAX], *data = shipped_place(PKGDATADIR), *found;

	this_program(exe);
	found = root_of(exe) >= 0 ? look(mem_printf("%s/%s", data, name)) : NULL;
	if (found == NULL && exe[0] != '\0')
		found = look(mem_printf("%s/conf/%s", dirname(exe), name));
	if (found == NULL)
		found = look(mem_printf("%s/%s", data, name));
	free(data);
	return found;
}
