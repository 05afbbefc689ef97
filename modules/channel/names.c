/*
 * modules/channel/names.c - NAMES: who is in a channel, to one client (353, 366).
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

struct naming {
	struct channel_state *c;
	struct gw_client *to;
	bool all_prefixes, hosts;
};

/* "@+nick!user@host", as far as the client has asked for it. */
static void name_of(const struct naming *n, const struct gw_member *member, char *out, size_t max)
{
	size_t used = 0;

	for (const struct gw_chanmode *mode = channel_modes; mode->type == GW_MODE_PREFIX; mode++)
		if ((member->status & mode->bit) && (n->all_prefixes || used == 0))
			out[used++] = mode->prefix;
	if (n->hosts)
		snprintf(out + used, max - used, "%s!%s@%s", member->user->nick,
		         member->user->ident, member->user->host);
	else
		snprintf(out + used, max - used, "%s", member->user->nick);
}

void channel_send_names(struct channel_state *c, struct gw_client *to, struct gw_channel *channel)
{
	struct naming n = {.c = c,
	                   .to = to,
	                   .all_prefixes = to->caps & CLIENT(c, cap, "multi-prefix"),
	                   .hosts = to->caps & CLIENT(c, cap, "userhost-in-names")};
	bool inside = NETWORK(c, member, channel, to->session->user) != NULL;
	char head[GW_CHANNEL_MAX + 8]; /* "= #channel :" */
	char name[8 + GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 3];

	snprintf(head, sizeof(head), "%s %s :", channel->modes & gw_letter('s') ? "@" : "=",
	         channel->name);
	for (uint32_t i = 0; i < channel->n_members; i++) {
		const struct gw_member *member = channel->members[i];

		if (!inside && (member->user->modes & gw_letter('i')))
			continue;
		name_of(&n, member, name, sizeof(name));
		CLIENT(c, words, to, 353, head, name, ' ');
	}
	CLIENT(c, words, to, 353, head, NULL, ' ');
	CLIENT(c, numeric, to, 366, "%s :End of /NAMES list", channel->name);
}

void channel_names(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct channel_state *c = state;
	char *rest = m->argc > 0 ? m->argv[0] : NULL, *name;

	if (rest == NULL) {
		CLIENT(c, numeric, client, 366, "* :End of /NAMES list");
		return;
	}
	for (int n = 0; n < NAMES_PER_LINE && (name = strsep(&rest, ",")) != NULL; n++) {
		struct gw_channel *channel = NETWORK(c, channel, name);

		if (channel != NULL && channel_visible(c, channel, client->session->user))
			channel_send_names(c, client, channel);
		else
			CLIENT(c, numeric, client, 366, "%s :End of /NAMES list", name);
	}
}
