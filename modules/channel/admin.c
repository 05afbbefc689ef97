/*
 * modules/channel/admin.c - channels as the operator sees them.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>

void channel_admin_list(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	static const char *const head[] = {"name", "members", "modes", "registered", "topic"};
	struct channel_state *c = state;

	gw_admin_head(c->self, req, head, 5);
	for (struct gw_channel *channel = NETWORK(c, next_channel, NULL); channel != NULL;
	     channel = NETWORK(c, next_channel, channel)) {
		char members[16], modes[128];
		const char *cells[] = {channel->name, members, modes,
		                       gw_id_none(channel->registered) ? "no" : "yes",
		                       channel->topic != NULL ? channel->topic : ""};

		if (argc > 0 && !NETWORK(c, match, argv[0], channel->name))
			continue;
		snprintf(members, sizeof(members), "%u", channel->n_members);
		channel_modes_text(c, channel, false, modes, sizeof(modes));
		gw_admin_row(c->self, req, cells, 5);
	}
	gw_admin_done(c->self, &req, 0, "");
}

void channel_admin_info(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	static const char *const head[] = {"nick", "account", "prefixes"};
	struct channel_state *c = state;
	const struct gw_channel *channel = NETWORK(c, channel, argv[0]);

	(void)argc;
	if (channel == NULL) {
		gw_admin_done(c->self, &req, -ENOENT, "nobody is in a channel of that name");
		return;
	}
	gw_admin_head(c->self, req, head, 3);
	for (uint32_t i = 0; i < channel->n_members; i++) {
		const struct gw_member *member = channel->members[i];
		char prefixes[8];
		size_t n = 0;

		for (const struct gw_chanmode *mode = channel_modes; mode->type == GW_MODE_PREFIX;
		     mode++)
			if (member->status & mode->bit)
				prefixes[n++] = mode->prefix;
		prefixes[n] = '\0';
		gw_admin_row(c->self, req,
		             (const char *const[]){
				     member->user->nick,
				     member->user->account != NULL ? member->user->account : "",
				     prefixes},
		             3);
	}
	gw_admin_done(c->self, &req, 0, "");
}
