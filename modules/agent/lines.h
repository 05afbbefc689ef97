/*
 * modules/agent/lines.h - a list of lines, in the order in which they were added. Private to the
 * agent.
 */
#ifndef AGENT_LINES_H
#define AGENT_LINES_H

#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>

struct lines {
	char **at;
	size_t n, size;
	size_t bytes; /* of all of them */
};

void lines_add(struct gw_self *self, struct lines *lines, const char *line);
__attribute__((format(printf, 3, 4))) void lines_addf(struct gw_self *self, struct lines *lines,
                                                      const char *format, ...);
/** Whether one of them is `line`. */
bool lines_have(const struct lines *lines, const char *line);
/** Wipes the first `n` and takes them out. */
void lines_drop(struct gw_self *self, struct lines *lines, size_t n);
/** Wipes and frees all. */
void lines_clear(struct gw_self *self, struct lines *lines);

#endif
