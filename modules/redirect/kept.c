/*
 * redirect/kept.c - a list of lines, in the order in which they came.
 */
#include "kept.h"
#include <godwit/mem.h>

static struct gw_line *next_line(struct gw_self *self, struct kept *kept)
{
	if (kept->n == kept->room) {
		kept->room = 2 * kept->room + 8;
		kept->lines = gw_resize(self, kept->lines, kept->room * sizeof(*kept->lines));
	}
	return &kept->lines[kept->n++];
}

void kept_add(struct gw_self *self, struct kept *kept, const struct gw_line *line)
{
	struct gw_line *to = next_line(self, kept);

	memset(to, 0, sizeof(*to));
	to->text = gw_strndup(self, line->text, line->len);
	to->len = line->len;
	to->too_long = line->too_long;
	kept->bytes += line->len + sizeof(*to);
}

void kept_move(struct gw_self *self, struct kept *kept, struct kept *more)
{
	for (size_t i = 0; i < more->n; i++)
		*next_line(self, kept) = more->lines[i];
	kept->bytes += more->bytes;
	gw_free(self, more->lines);
	*more = (struct kept){0};
}

void kept_free(struct gw_self *self, struct kept *kept)
{
	for (size_t i = 0; i < kept->n; i++)
		gw_free(self, kept->lines[i].text);
	gw_free(self, kept->lines);
	*kept = (struct kept){0};
}
