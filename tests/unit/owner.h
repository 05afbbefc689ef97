/*
 * tests/unit/owner.h - a module that owns connections and notes, as text, all that it hears about
 * them.
 *
 * "NICK a|USER b|<Connection closed>": each line and a bar, a ! before one that was too long, the
 * reason of the close. Where limits.bytes says so it takes bytes, `bite` at a time, and notes
 * those.
 */
#ifndef TESTS_OWNER_H
#define TESTS_OWNER_H

#include <godwit/call.h>
#include <godwit/conn.h>

struct owner {
	struct gw_self *self;
	struct gw_conn *conn; /* the last one accepted */
	char heard[65536];
	size_t n;
	struct gw_conn_owner limits;
	int refuse; /* what accept answers */
	enum gw_line_verdict verdict;
	bool echo, quiet, close_in_accept;
	bool mute; /* refuses without a word */
	const char *close_on_line;
	enum gw_close_how how;
	int closed, ready, drained, lines;
	const char *again; /* dialled as soon as the connection is closed */
	enum gw_tls tls;
	size_t bite;  /* takes so many of the bytes it is shown, none of fewer */
	size_t shown; /* bytes in the last call */
	const struct gw_conn_owner
		*next; /* whom the next call with bytes gives the connection to */
};

/** Dials as this owner; `self` and `limits` are set. */
void owner_dial(struct owner *s, const char *address, enum gw_tls tls);
/** Fills in who is called, by `bytes`. */
void owner_take(struct owner *s, struct gw_conn_owner *owner);

/** For bare_new(), with a struct owner as state. */
extern const struct gw_call_row owner_calls[];

#endif
