/*
 * core/suggest.c - which command was meant by words that are none.
 */
#include "core/admin_part.h"
#include "core/module.h"
#include "core/server.h"

#include <stdio.h>
#include <string.h>

/** Letters to be changed, added or left out to make one of the other. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strnlen(b, SUGGEST_MAX);
	unsigned row[SUGGEST_MAX + 1];

	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[n];
}

static int count_words(const char *name)
{
	int n = 1;

	for (; *name != '\0'; name++)
		n += *name == ' ';
	return n;
}

static bool first_words(char out[SUGGEST_MAX], int n, const char *const *argv)
{
	size_t used = 0;

	for (int i = 0; i < n && used < SUGGEST_MAX; i++)
		used += (size_t)snprintf(out + used, SUGGEST_MAX - used, "%s%s", i > 0 ? " " : "",
		                         argv[i]);
	return used < SUGGEST_MAX;
}

int suggest_command(struct gw_server *server, int argc, const char *const *argv,
                    char out[SUGGEST_MAX])
{
	const struct gw_row *rows;
	size_t n = module_api.rows(server_self(server), GW_POINT_ADMIN, &rows);
	unsigned best = 3; /* more is another word */
	int words = 0;

	for (size_t i = 0; i < n; i++) {
		const struct gw_admin_command *command = rows[i].row;
		int own = count_words(command->name);
		char typed[SUGGEST_MAX];
		unsigned far;

		if (own > argc || !first_words(typed, own, argv))
			continue;
		far = distance(typed, command->name);
		if (far >= best || far * 2 >= strlen(command->name))
			continue;
		best = far;
		words = own;
		snprintf(out, SUGGEST_MAX, "%.90s", command->name);
	}
	return words;
}
