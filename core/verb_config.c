/*
 * core/verb_config.c - looks for the configuration of a verb, where none is named with -c.
 *
 * A program that is the same daemon in another role comes with a file of its own, which a user or
 * the system may put another one before.
 */
#include "core/verb_config.h"
#include "core/home.h"
#include "core/mem.h"
#include "core/shipped.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { verb_max = 32 };

static bool is_verb(const char *verb)
{
	size_t len = strlen(verb);

	return len > 0 && len <= verb_max && strspn(verb, "abcdefghijklmnopqrstuvwxyz-") == len;
}

/** The user's own. */
static char *of_user(const char *verb)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = home_folder();

	if (config != NULL && config[0] == '/')
		return mem_printf("%s/godwit/%s.yaml", config, verb);
	return home != NULL ? mem_printf("%s/.config/godwit/%s.yaml", home, verb) : NULL;
}

static char *of_system(const char *verb)
{
	return mem_printf("%s/godwit/%s.yaml", SYSCONFDIR, verb);
}

static char *shipped(const char *verb)
{
	char *name = mem_printf("%s.yaml", verb), *found = shipped_file(name);

	free(name);
	return found;
}

char *verb_config(const char *verb)
{
	static char *(*const places[])(const char *) = {of_user, of_system, shipped};

	for (size_t i = 0; is_verb(verb) && i < sizeof(places) / sizeof(places[0]); i++) {
		char *path = places[i](verb);

		if (path != NULL && access(path, F_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}
