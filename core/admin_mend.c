/*
 * core/admin_mend.c - parts of an answer as valid UTF-8: JSON has no other text, nor has IRC here.
 *
 * Nearly all is: then nothing is copied.
 */
#include "core/admin_part.h"
#include "core/mem.h"
#include "core/text.h"

#include <string.h>

static bool is_valid(const char *text)
{
	size_t n = strlen(text), len;

	for (; n > 0; text += len, n -= len)
		if ((len = text_utf8(text, n)) == 0)
			return false;
	return true;
}

static char *valid_copy(const char *text)
{
	char *copy = mem_strdup(text), *at = copy;
	size_t n = strlen(copy);

	while (n > 0) {
		size_t len = text_utf8(at, n);

		if (len == 0)
			*at = '?';
		at += len > 0 ? len : 1;
		n -= len > 0 ? len : 1;
	}
	return copy;
}

static bool all_valid(const struct gw_admin_answer *part)
{
	for (size_t i = 0; i < part->n_cells; i++)
		if (!is_valid(part->cells[i]))
			return false;
	return is_valid(part->text);
}

char **admin_mend(struct gw_admin_answer *part)
{
	char **copies;

	if (all_valid(part))
		return NULL;
	copies = mem_alloc((part->n_cells + 2) * sizeof(*copies));
	for (size_t i = 0; i < part->n_cells; i++)
		copies[i] = valid_copy(part->cells[i]);
	copies[part->n_cells] = valid_copy(part->text);
	part->text = copies[part->n_cells];
	part->cells = (const char *const *)copies;
	return copies;
}
