/*
 * kept.h - lines that a client has sent and that are executed later, perhaps by another server.
 */
#ifndef REDIRECT_KEPT_H
#define REDIRECT_KEPT_H

#include <godwit/conn.h>
#include <stddef.h>

struct kept {
	struct gw_line *lines; /* as struct gw_conn has them: NUL-terminated, the texts are ours */
	size_t n, room;
	size_t bytes;
};

void kept_add(struct gw_self *self, struct kept *kept, const struct gw_line *line);
/** Appends those of `more`, which is empty then. */
void kept_move(struct gw_self *self, struct kept *kept, struct kept *more);
void kept_free(struct gw_self *self, struct kept *kept);

#endif
