/*
 * core/path.c - see path.h.
 */
#include "core/path.h"
#include "core/home.h"
#include "core/mem.h"

#include <string.h>

char *path_from(const char *file, const char *text)
{
	const char *slash = file != NULL ? strrchr(file, '/') : NULL, *home;

	if (strncmp(text, "~/", 2) == 0) {
		home = home_folder();
		return home != NULL ? mem_printf("%s/%s", home, text + 2) : NULL;
	}
	if (text[0] == '/' || text[0] == '\0' || slash == NULL)
		return mem_strdup(text);
	return mem_printf("%.*s/%s", (int)(slash - file), file, text);
}
