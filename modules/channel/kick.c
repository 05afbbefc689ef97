/*
 * modules/channel/kick.c - KICK: half-operators and above put out whoever does not outrank them.
 */
#include "private.h"

#include <string.h>

static void kick_one(struct channel_state *c, struct gw_client *client, struct gw_channel *channel,
                     const char *nick, const char *reason)
{
	const struct gw_member *by = NETWORK(c, member, channel, client->session->user);
	struct gw_user *user = NETWORK(c, user, nick);
	struct gw_member *member = user != NULL ? NETWORK(c, member, channel, user) : NULL;

	if (user == NULL)
		CLIENT(c, numeric, client, 401, "%s :No such nick", nick);
	else if (member == NULL)
		CLIENT(c, numeric, client, 441, "%s %s :They aren't on that channel", user->nick,
		       channel->name);
	else if (channel_rank(member->status) > channel_rank(by->status))
		CLIENT(c, numeric, client, 482, "%s :They outrank you here", channel->name);
	else
		NETWORK(c, kick, client->session, member, reason, client->command);
}

void channel_kick(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct channel_state *c = state;
	struct gw_channel *channel = NETWORK(c, channel, m->argv[0]);
	const char *reason = m->argc > 2 && m->argv[2][0] != '\0'
	                             ? gw_cut(m->argv[2], GW_REASON_MAX)
	                             : client->session->user->nick;
	char *rest = m->argv[1], *nick;
	int n = 0;

	if (channel == NULL) {
		CLIENT(c, numeric, client, 403, "%s :No such channel", m->argv[0]);
		return;
	}
	while ((nick = strsep(&rest, ",")) != NULL && n++ < KICKS_PER_LINE) {
		/* The first kick may be one's own. */
		const struct gw_member *by = NETWORK(c, member, channel, client->session->user);

		if (by == NULL) {
			CLIENT(c, numeric, client, 442, "%s :You're not on that channel",
			       m->argv[0]);
			return;
		}
		if (!channel_has_rank(by, GW_HALFOP)) {
			CLIENT(c, numeric, client, 482, "%s :You're not a channel operator",
			       channel->name);
			return;
		}
		kick_one(c, client, channel, nick, reason);
		channel = NETWORK(c, channel, m->argv[0]);
		if (channel == NULL)
			return;
	}
}
