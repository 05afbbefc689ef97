/*
 * modules/control/control.h - the module's private side: its peers and the text form of the
 * protocol.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <godwit/admin.h>
#include <godwit/conn.h>
#include <godwit/mem.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_LINE_MAX 65536
#define CONTROL_WORDS_MAX 64

/** One connection to the control socket. */
struct peer {
	uint64_t id; /* what an answer names: the connection may be gone by then */
	struct gw_conn *conn;
	struct control_state *control;
	bool greeted;
	bool busy; /* a command runs: further lines stay unread */
	struct peer *prev, *next;
};

/*
 * The state, version 1. To change its layout, or that of struct peer: raise `.state_version`, add a
 * `migrate` that fills the new block from the old one, and keep a test that loads the old version
 * first.
 */
struct control_state {
	struct gw_self *self;
	struct peer *peers;
	uint64_t last_id;
};

/** Splits a request "C<TAB>word..." in place. Returns the number of words, or -EINVAL with a
 * sentence in *why_out (a literal). */
int wire_parse(char *line, const char *words_out[CONTROL_WORDS_MAX], const char **why_out);

/** Writes a line of kind `kind` with its cells, escaped, to `sink`. */
void wire_write(struct gw_self *self, struct gw_sink *sink, char kind, const char *const *cells,
                size_t n);

#endif
