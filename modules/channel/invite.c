/*
 * modules/channel/invite.c - INVITE (341), and without words the list of one's own invitations
 * (336, 337).
 */
#include "private.h"

static void send_invitations(struct channel_state *c, struct gw_client *client)
{
	const char *name = NULL;

	while ((name = channel_invited_next(c, client->session, name)) != NULL)
		CLIENT(c, numeric, client, 336, "%s", name);
	CLIENT(c, numeric, client, 337, ":End of /INVITE list");
}

static bool may_invite(struct channel_state *c, struct gw_client *client,
                       struct gw_channel *channel)
{
	const struct gw_member *by = NETWORK(c, member, channel, client->session->user);

	if (by == NULL)
		CLIENT(c, numeric, client, 442, "%s :You're not on that channel", channel->name);
	else if ((channel->modes & gw_letter('i')) && !channel_has_rank(by, GW_HALFOP))
		CLIENT(c, numeric, client, 482, "%s :You're not a channel operator", channel->name);
	else
		return true;
	return false;
}

void channel_invite(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct channel_state *c = state;
	struct gw_channel *channel;
	struct gw_user *user;

	if (m->argc == 0) {
		send_invitations(c, client);
		return;
	}
	if (m->argc < 2) {
		CLIENT(c, numeric, client, 461, "INVITE :Not enough parameters");
		return;
	}
	user = NETWORK(c, user, m->argv[0]);
	channel = NETWORK(c, channel, m->argv[1]);
	if (user == NULL) {
		CLIENT(c, numeric, client, 401, "%s :No such nick", m->argv[0]);
	} else if (channel == NULL) {
		CLIENT(c, numeric, client, 403, "%s :No such channel", m->argv[1]);
	} else if (may_invite(c, client, channel)) {
		if (NETWORK(c, member, channel, user) != NULL) {
			CLIENT(c, numeric, client, 443, "%s %s :is already on channel", user->nick,
			       channel->name);
			return;
		}
		CLIENT(c, numeric, client, 341, "%s %s", user->nick, channel->name);
		if (user->away != NULL)
			CLIENT(c, numeric, client, 301, "%s :%s", user->nick, user->away);
		NETWORK(c, invite, client->session, user->session, channel, client->command);
	}
}
