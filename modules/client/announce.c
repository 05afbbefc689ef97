/*
 * modules/client/announce.c - tells clients, at the end of the turn, what has changed in
 * capabilities and ISUPPORT.
 *
 * Later, because a module that is loaded, reloaded or taken away touches several tables one after
 * the other; a reload that leaves them as they were is then nothing that anybody sees.
 */
#include "client.h"

/* `values`: what functions answer may be otherwise too. */
void announce_later(struct client_state *st, bool values)
{
	if (values) {
		st->values_due = true;
		st->tokens_stale = true;
	}
	if (st->announce_due)
		return;
	st->announce_due = true;
	gw_defer(st->self, gw_call(st->self, CALL_ANNOUNCE, 0));
}

void client_announce(void *state, uint64_t tag)
{
	struct client_state *st = state;

	(void)tag;
	st->announce_due = false;
	caps_announce(st);
	tokens_refresh(st);
	st->values_due = false;
}
