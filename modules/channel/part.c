/*
 * modules/channel/part.c - PART.
 */
#include "private.h"

#include <string.h>

void channel_part(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct channel_state *c = state;
	const char *reason = m->argc > 1 ? gw_cut(m->argv[1], GW_REASON_MAX) : "";
	char *rest = m->argv[0], *name;

	while ((name = strsep(&rest, ",")) != NULL) {
		struct gw_channel *channel = *name != '\0' ? NETWORK(c, channel, name) : NULL;

		if (*name == '\0')
			continue;
		if (channel == NULL)
			CLIENT(c, numeric, client, 403, "%s :No such channel", name);
		else if (NETWORK(c, member, channel, client->session->user) == NULL)
			CLIENT(c, numeric, client, 442, "%s :You're not on that channel",
			       channel->name);
		else
			NETWORK(c, part, client->session, channel, reason, client->command);
	}
}
