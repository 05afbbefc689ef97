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

char *shipped_file(const char *name)
{
	static const char place[] = SBINDIR "/godwit";
	char exe[PATH_MAX], *found = NULL;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	size_t root;

	if (n <= 0)
		return look(mem_printf("%s/%s", PKGDATADIR, name));
	exe[n] = '\0';
	root = (size_t)n >= sizeof(place) - 1 ? (size_t)n - (sizeof(place) - 1) : 0;
	if (strcmp(exe + root, place) == 0)
		found = look(mem_printf("%.*s%s/%s", (int)root, exe, PKGDATADIR, name));
	if (found == NULL)
		found = look(mem_printf("%s/conf/%s", dirname(exe), name));
	return found != NULL ? found : look(mem_printf("%s/%s", PKGDATADIR, name));
}
