/*
 * balance/drain_links.c - a server that is emptied to stop: those that it links are linked with
 * each other first, so that nobody sees it go. The module link does it.
 */
#include "balance.h"

static unsigned live_links(struct balance_state *st)
{
	const struct gw_link *link;
	unsigned n = 0;

	if (st->link->ops == NULL)
		return 0;
	for (link = LINK(st, next, NULL); link != NULL; link = LINK(st, next, link))
		n += link->live && !link->spare;
	return n;
}

bool drain_links_needed(struct balance_state *st)
{
	return live_links(st) > 1;
}

bool drain_links_left(struct balance_state *st)
{
	struct drain *drain = &st->drain;

	if (drain->links == LINKS_LEFT || st->link->ops == NULL)
		return true;
	if (drain->links == LINKS_STAY)
		drain->links = LINK(st, leave, gw_call(st->self, CALL_LINKS_SAID, 0)) > 0
		                       ? LINKS_LEAVE
		                       : LINKS_LEFT;
	return drain->links == LINKS_LEFT;
}

void drain_links_stay(struct balance_state *st)
{
	if (st->drain.links != LINKS_STAY && st->link->ops != NULL)
		LINK(st, stay);
	st->drain.links = LINKS_STAY;
}

void drain_links_said(void *state, uint64_t tag, bool over, size_t links, const char *text)
{
	struct balance_state *st = state;

	(void)tag;
	(void)links;
	snprintf(st->drain.said, sizeof(st->drain.said), "%s", text);
	if (!over)
		return;
	st->drain.links = LINKS_LEFT;
	pump_soon(st);
}
