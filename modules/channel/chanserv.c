/*
 * modules/channel/chanserv.c - a message to ChanServ, out of habit: told what to type instead.
 */
#include "private.h"

#include <strings.h>

void channel_service(void *state, uint64_t tag, const void *payload)
{
	struct channel_state *c = state;
	const struct gw_service_query *query = payload;

	(void)tag;
	if (strcasecmp(query->target, "ChanServ") != 0)
		return;
	*query->taken = true;
	CLIENT(c, notice, query->client,
	       "There is no ChanServ here: the server does it. Type /quote and one of");
	CLIENT(c, notice, query->client,
	       "CHANNEL REGISTER #channel (as its operator, logged in), CHANNEL DROP #channel,");
	CLIENT(c, notice, query->client,
	       "CHANNEL ACCESS #channel ADD account o (q, a, o, h or v), CHANNEL ACCESS #channel "
	       "DEL account,");
	CLIENT(c, notice, query->client,
	       "CHANNEL TRANSFER #channel account, CHANNEL INFO #channel. Modes and topic are kept "
	       "by themselves.");
}
