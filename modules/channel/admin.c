/*
 * modules/channel/admin.c - channels as the operator sees them: all of them, who is in one, and
 * putting one in order that nobody there can.
 *
 * Like the sessions, channels may be many, and so may a channel's members: their names are noted
 * when they are asked for, and shown some in a turn.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define PER_TURN 200

struct overview {
	uint64_t tag;
	struct gw_admin_request *req;
	char channel[GW_CHANNEL_MAX + 1]; /* whose members they are; "": they are channels */
	uint8_t reserved[5];              /* 0 */
	char **names;                     /* of channels, or nicks */
	size_t n, room, at;
	struct overview *prev, *next;
};

static void overview_free(struct channel_state *c, struct overview *o)
{
	DL_DELETE(c->overviews, o);
	for (size_t i = 0; i < o->n; i++)
		gw_free(c->self, o->names[i]);
	gw_free(c->self, o->names);
	gw_free(c->self, o);
}

void channel_overviews_free(struct channel_state *c)
{
	while (c->overviews != NULL)
		overview_free(c, c->overviews);
}

static void note(struct channel_state *c, struct overview *o, const char *name)
{
	if (o->n == o->room) {
		o->room += o->room / 2 + 64;
		o->names = gw_resize(c->self, o->names, o->room * sizeof(*o->names));
	}
	o->names[o->n++] = gw_strdup(c->self, name);
}

static void show(struct channel_state *c, struct gw_admin_request *req,
                 const struct gw_channel *channel)
{
	char members[16], modes[128];

	snprintf(members, sizeof(members), "%u", channel->n_members);
	channel_modes_text(c, channel, false, modes, sizeof(modes));
	gw_admin_row(c->self, req,
	             (const char *const[]){channel->name, members, modes,
	                                   gw_id_none(channel->registered) ? "no" : "yes",
	                                   channel->topic != NULL ? channel->topic : ""},
	             5);
}

static void show_member(struct channel_state *c, struct gw_admin_request *req,
                        const struct gw_member *member)
{
	const struct gw_user *user = member->user;
	char prefixes[8];
	size_t n = 0;

	for (const struct gw_chanmode *mode = channel_modes; mode->type == GW_MODE_PREFIX; mode++)
		if (member->status & mode->bit)
			prefixes[n++] = mode->prefix;
	prefixes[n] = '\0';
	gw_admin_row(c->self, req,
	             (const char *const[]){user->nick, user->account != NULL ? user->account : "",
	                                   prefixes, user->session->home->name},
	             4);
}

static void show_one(struct channel_state *c, const struct overview *o, const char *name)
{
	const struct gw_channel *channel =
		NETWORK(c, channel, o->channel[0] != '\0' ? o->channel : name);
	const struct gw_user *user = o->channel[0] != '\0' ? NETWORK(c, user, name) : NULL;
	const struct gw_member *member;

	if (channel != NULL && o->channel[0] == '\0')
		show(c, o->req, channel);
	else if (channel != NULL && user != NULL &&
	         (member = NETWORK(c, member, channel, user)) != NULL)
		show_member(c, o->req, member);
}

void channel_admin_slice(void *state, uint64_t tag)
{
	struct channel_state *c = state;
	struct overview *o;

	DL_SEARCH_SCALAR(c->overviews, o, tag, tag);
	if (o == NULL)
		return;
	for (int i = 0; i < PER_TURN && o->at < o->n; i++)
		show_one(c, o, o->names[o->at++]);
	if (o->at < o->n) {
		gw_defer(c->self, gw_call(c->self, CALL_ADMIN_SLICE, tag));
		return;
	}
	gw_admin_done(c->self, &o->req, 0, "");
	overview_free(c, o);
}

static struct overview *overview_new(struct channel_state *c, struct gw_admin_request *req)
{
	struct overview *o = gw_alloc(c->self, sizeof(*o));

	o->tag = ++c->last_tag;
	o->req = req;
	DL_APPEND(c->overviews, o);
	return o;
}

void channel_admin_list(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	static const char *const head[] = {"name", "members", "modes", "registered", "topic"};
	struct channel_state *c = state;
	struct overview *o = overview_new(c, req);

	for (struct gw_channel *channel = NETWORK(c, next_channel, NULL); channel != NULL;
	     channel = NETWORK(c, next_channel, channel))
		if (argc == 0 || NETWORK(c, match, argv[0], channel->name))
			note(c, o, channel->name);
	gw_admin_head(c->self, req, head, 5);
	channel_admin_slice(c, o->tag);
}

/* --- one channel --- */

/* With the answer, if there is none. */
static struct gw_channel *live(struct channel_state *c, struct gw_admin_request **req,
                               const char *name)
{
	struct gw_channel *channel = NETWORK(c, channel, name);

	if (channel == NULL)
		gw_admin_done(c->self, req, -ENOENT, "nobody is in a channel of that name");
	return channel;
}

static struct gw_member *member_of(struct channel_state *c, struct gw_admin_request **req,
                                   const struct gw_channel *channel, const char *nick)
{
	const struct gw_user *user = NETWORK(c, user, nick);
	struct gw_member *member = user != NULL ? NETWORK(c, member, channel, user) : NULL;

	if (member == NULL)
		gw_admin_done(c->self, req, -ENOENT, "nobody of that nick is in the channel");
	return member;
}

void channel_admin_members(void *state, struct gw_admin_request *req, int argc,
                           const char *const *argv)
{
	static const char *const head[] = {"nick", "account", "prefixes", "server"};
	struct channel_state *c = state;
	const struct gw_channel *channel = live(c, &req, argv[0]);
	struct overview *o;

	(void)argc;
	if (channel == NULL)
		return;
	o = overview_new(c, req);
	snprintf(o->channel, sizeof(o->channel), "%s", channel->name);
	for (uint32_t i = 0; i < channel->n_members; i++)
		note(c, o, channel->members[i]->user->nick);
	gw_admin_head(c->self, req, head, 4);
	channel_admin_slice(c, o->tag);
}

void channel_admin_op(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct channel_state *c = state;
	struct gw_mode_change change = {.letter = 'o', .add = true};
	struct gw_channel *channel = live(c, &req, argv[0]);

	(void)argc;
	if (channel == NULL || (change.member = member_of(c, &req, channel, argv[1])) == NULL)
		return;
	if (!(change.member->status & GW_OP))
		NETWORK(c, mode, NULL, channel, &change, 1, 0);
	gw_admin_done(c->self, &req, 0, "");
}

void channel_admin_kick(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	struct channel_state *c = state;
	struct gw_channel *channel = live(c, &req, argv[0]);
	struct gw_member *member;
	char reason[200] = "";
	size_t used = 0;

	if (channel == NULL || (member = member_of(c, &req, channel, argv[1])) == NULL)
		return;
	for (int i = 2; i < argc && used < sizeof(reason); i++)
		used += (size_t)snprintf(reason + used, sizeof(reason) - used, "%s%s",
		                         i > 2 ? " " : "", argv[i]);
	if (used >= sizeof(reason))
		gw_cut(reason, sizeof(reason) - 2); /* between two characters */
	NETWORK(c, kick, NULL, member, used > 0 ? reason : "No reason given", 0);
	gw_admin_done(c->self, &req, 0, "");
}
