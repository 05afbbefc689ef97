/*
 * modules/channel/channel.c - channels: the commands, modes and renderers, and the registered ones.
 *
 * The descriptor with its tables; what happens is in the file of each command's name.
 */
#include "private.h"

#include <utlist.h>

static const struct gw_option channel_options[] = {
	{.name = "max-channels",
         .type = GW_OPT_INT,
         .fallback = "50",
         .min = 1,
         .max = 10000,
         .help = "How many channels one user may be in."},
	{.name = "second-copy",
         .type = GW_OPT_DURATION,
         .fallback = "2s",
         .min = 0,
         .max = 60 * GW_SECOND,
         .help = "How long an answer waits for another server's copy of what was stored; 0: not "
                 "at all."},
	{.name = NULL},
};

static const struct gw_command channel_commands[] = {
	{.name = "JOIN",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 2,
         .call = CALL_JOIN,
         .syntax = "<channel>{,<channel>} [<key>{,<key>}]",
         .help = "Joins channels; JOIN 0 leaves all."},
	{.name = "PART",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 1,
         .call = CALL_PART,
         .syntax = "<channel>{,<channel>} [:<reason>]",
         .help = "Leaves channels."},
	{.name = "NAMES",
         .states = GW_IN_CONNECTED,
         .cost = 2,
         .call = CALL_NAMES,
         .syntax = "<channel>{,<channel>}",
         .help = "Lists who is in a channel."},
	{.name = "KICK",
         .states = GW_IN_CONNECTED,
         .min_args = 2,
         .cost = 1,
         .call = CALL_KICK,
         .syntax = "<channel> <nick>{,<nick>} [:<reason>]",
         .help = "Puts users out of a channel."},
	{.name = "INVITE",
         .states = GW_IN_CONNECTED,
         .cost = 2,
         .call = CALL_INVITE,
         .syntax = "[<nick> <channel>]",
         .help = "Invites a user; without parameters, lists your invitations."},
	{.name = "TOPIC",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 1,
         .call = CALL_TOPIC,
         .syntax = "<channel> [:<topic>]",
         .help = "Shows or sets a channel's topic."},
	{.name = "LIST",
         .states = GW_IN_CONNECTED,
         .cost = 5,
         .call = CALL_LIST,
         .syntax = "[<channels or conditions>]",
         .help = "Lists channels; conditions: >10 <100 users, C<60 C>60 created, T<60 T>60 topic "
                 "minutes ago, *mask*, !mask."},
	{.name = "MODE",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 1,
         .call = CALL_MODE,
         .syntax = "<channel or nick> [<modes> [<parameters>]]",
         .help = "Shows or changes modes."},
	{.name = "CHANNEL",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 5,
         .call = CALL_CHANNEL,
         .syntax = "REGISTER|DROP|TRANSFER|ACCESS|INFO <channel> [...]",
         .help = "Manages registered channels."},
};

static const struct gw_cap channel_caps[] = {
	{.name = "multi-prefix"},
	{.name = "userhost-in-names"},
	{.name = "extended-join"},
	{.name = "invite-notify"},
};

static const struct gw_isupport channel_isupport[] = {
	{.name = "CHANTYPES", .value = "#"},
	{.name = "PREFIX", .value_call = CALL_PREFIX},
	{.name = "CHANMODES", .value_call = CALL_CHANMODES},
	{.name = "CHANLIMIT", .value_call = CALL_CHANLIMIT},
	{.name = "MAXLIST", .value_call = CALL_MAXLIST},
	{.name = "MODES", .value = "12"},
	{.name = "CHANNELLEN", .value = "50"},
	{.name = "TOPICLEN", .value = "390"},
	{.name = "KEYLEN", .value = "32"},
	{.name = "EXCEPTS", .value = "e"},
	{.name = "INVEX", .value = "I"},
	{.name = "EXTBAN", .value = "~,am"},
	{.name = "ACCOUNTEXTBAN", .value = "a"},
	{.name = "ELIST", .value = "CMNTU"},
	{.name = "SAFELIST"},
};
_Static_assert(MODES_PER_LINE == 12 && GW_CHANNEL_MAX == 50 && GW_TOPIC_MAX == 390 &&
                       GW_KEY_MAX == 32,
               "ISUPPORT tells the truth");

static const struct gw_targmax channel_targmax[] = {
	{.name = "JOIN", .max = 0},
	{.name = "PART", .max = 0},
	{.name = "NAMES", .max = NAMES_PER_LINE},
	{.name = "KICK", .max = KICKS_PER_LINE},
	{.name = "LIST", .max = 0},
	{.name = "INVITE", .max = 1},
};

static const struct gw_renderer channel_renderers[] = {
	{.name = "channel.join",
         .kind = GW_EV_JOIN,
         .audience = GW_TO_CHANNEL,
         .caps = "extended-join away-notify",
         .call = CALL_RENDER_JOIN},
	{.name = "channel.part",
         .kind = GW_EV_PART,
         .audience = GW_TO_CHANNEL,
         .call = CALL_RENDER_PART},
	{.name = "channel.kick",
         .kind = GW_EV_KICK,
         .audience = GW_TO_CHANNEL,
         .call = CALL_RENDER_KICK},
	{.name = "channel.mode",
         .kind = GW_EV_MODE,
         .audience = GW_TO_CHANNEL,
         .call = CALL_RENDER_MODE},
	{.name = "channel.topic",
         .kind = GW_EV_TOPIC,
         .audience = GW_TO_CHANNEL,
         .call = CALL_RENDER_TOPIC},
	{.name = "channel.invite",
         .kind = GW_EV_INVITE,
         .audience = GW_TO_TARGET,
         .call = CALL_RENDER_INVITE},
	{.name = "channel.invite-notify",
         .kind = GW_EV_INVITE,
         .audience = GW_TO_CHANNEL,
         .caps = "invite-notify",
         .not_own = true,
         .call = CALL_RENDER_INVITE_NOTIFY},
};

static const struct gw_admin_command channel_admin[] = {
	{.name = "channel list",
         .args = "[MASK]",
         .help = "Lists the channels that are in use.",
         .max_args = 1,
         .call = CALL_ADMIN_LIST,
         .reads = true},
	{.name = "channel info",
         .args = "CHANNEL",
         .help = "Tells all about a channel, in use or registered.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_ADMIN_INFO,
         .reads = true},
	{.name = "channel members",
         .args = "CHANNEL",
         .help = "Lists who is in a channel.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_ADMIN_MEMBERS,
         .reads = true},
	{.name = "channel op",
         .args = "CHANNEL NICK",
         .help = "Makes somebody in a channel its operator.",
         .min_args = 2,
         .max_args = 2,
         .call = CALL_ADMIN_OP},
	{.name = "channel kick",
         .args = "CHANNEL NICK [REASON...]",
         .help = "Puts somebody out of a channel.",
         .min_args = 2,
         .max_args = 60,
         .call = CALL_ADMIN_KICK},
	{.name = "channel drop",
         .args = "CHANNEL",
         .help = "Ends a channel's registration; who is in it stays there.",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_ADMIN_DROP},
};

static const struct gw_rows channel_rows[] = {
	GW_ROWS(GW_POINT_COMMAND, channel_commands),
	GW_ROWS(GW_POINT_CAP, channel_caps),
	GW_ROWS(GW_POINT_ISUPPORT, channel_isupport),
	GW_ROWS(GW_POINT_TARGMAX, channel_targmax),
	GW_ROWS(GW_POINT_RENDER, channel_renderers),
	GW_ROWS(GW_POINT_ADMIN, channel_admin),
	{.point = GW_POINT_CHANMODE,
         .rows = channel_modes,
         .count = CHANNEL_MODES_ROWS,
         .size = sizeof(struct gw_chanmode)},
	{.point = GW_POINT_SESSION_DATA,
         .rows = channel_session_data,
         .count = CHANNEL_SESSION_DATA_ROWS,
         .size = sizeof(struct gw_session_data)},
	{.point = NULL},
};

/* A session that joins uses its invitation up, wherever it is shown, so that none is left where it
 * moves to; one that leaves takes them with it. What changed here of a registered channel is saved.
 */
static void channel_event(void *state, uint64_t tag, const void *payload)
{
	struct channel_state *c = state;
	const struct gw_event *event = payload;

	(void)tag;
	if (event->kind == GW_EV_QUIT)
		channel_invited_free(c, event->source);
	else if (event->kind == GW_EV_INVITE && event->target->shown)
		channel_invited_add(c, event->target, event->channel->name);
	else if (event->kind == GW_EV_JOIN && event->source->shown)
		channel_invited_remove(c, event->source, event->channel->name);
	if (event->channel == NULL || gw_id_none(event->channel->registered))
		return;
	if (event->split != NULL && (event->kind == GW_EV_MODE || event->kind == GW_EV_TOPIC))
		channel_save_merged(c, event->channel);
	if (!event->node->here || event->split != NULL)
		return;
	if (event->kind == GW_EV_MODE)
		channel_save_modes(c, event->channel, event->modes, event->n_modes);
	else if (event->kind == GW_EV_TOPIC)
		channel_save_topic(c, event->channel);
}

static void channel_unshown(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	channel_invited_free(state, (struct gw_session *)(uintptr_t)payload);
}

static void channel_rehashed(void *state, uint64_t tag, const void *payload)
{
	struct channel_state *c = state;

	(void)tag;
	(void)payload;
	c->max_channels = (uint32_t)gw_option_int(c->self, gw_options(c->self), "max-channels");
}

static const struct gw_call_row channel_calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_JOIN] = {"join", (gw_fn *)channel_join},
	[CALL_PART] = {"part", (gw_fn *)channel_part},
	[CALL_NAMES] = {"names", (gw_fn *)channel_names},
	[CALL_KICK] = {"kick", (gw_fn *)channel_kick},
	[CALL_INVITE] = {"invite", (gw_fn *)channel_invite},
	[CALL_TOPIC] = {"topic", (gw_fn *)channel_topic},
	[CALL_LIST] = {"list", (gw_fn *)channel_list},
	[CALL_MODE] = {"mode", (gw_fn *)channel_mode},
	[CALL_CHANNEL] = {"channel", (gw_fn *)channel_manage},
	[CALL_RENDER_JOIN] = {"render-join", (gw_fn *)channel_render_join},
	[CALL_RENDER_PART] = {"render-part", (gw_fn *)channel_render_part},
	[CALL_RENDER_KICK] = {"render-kick", (gw_fn *)channel_render_kick},
	[CALL_RENDER_MODE] = {"render-mode", (gw_fn *)channel_render_mode},
	[CALL_RENDER_TOPIC] = {"render-topic", (gw_fn *)channel_render_topic},
	[CALL_RENDER_INVITE] = {"render-invite", (gw_fn *)channel_render_invite},
	[CALL_RENDER_INVITE_NOTIFY] = {"render-invite-notify",
                                       (gw_fn *)channel_render_invite_notify},
	[CALL_MAY_SEND] = {"may-send", (gw_fn *)channel_may_send},
	[CALL_SERVICE] = {"service", (gw_fn *)channel_service},
	[CALL_EVENT] = {"event", (gw_fn *)channel_event},
	[CALL_SERVICES_CHANGED] = {"services-changed", (gw_fn *)channel_services_changed},
	[CALL_PREFIX] = {"prefix", (gw_fn *)channel_isupport_prefix},
	[CALL_CHANMODES] = {"chanmodes", (gw_fn *)channel_isupport_chanmodes},
	[CALL_CHANLIMIT] = {"chanlimit", (gw_fn *)channel_isupport_chanlimit},
	[CALL_MAXLIST] = {"maxlist", (gw_fn *)channel_isupport_maxlist},
	[CALL_JOIN_FOUND] = {"join-found", (gw_fn *)channel_join_found},
	[CALL_JOIN_READ] = {"join-read", (gw_fn *)channel_join_read},
	[CALL_LIST_ROOM] = {"list-room", (gw_fn *)channel_list_room},
	[CALL_REGISTER_DONE] = {"register-done", (gw_fn *)channel_register_done},
	[CALL_CHANGE_DONE] = {"change-done", (gw_fn *)channel_change_done},
	[CALL_ACCOUNT_FOUND] = {"account-found", (gw_fn *)channel_account_found},
	[CALL_REREAD] = {"reread", (gw_fn *)channel_reread},
	[CALL_SAVED] = {"saved", (gw_fn *)channel_saved},
	[CALL_SAVE_AGAIN] = {"save-again", (gw_fn *)channel_save_again},
	[CALL_SWEEP] = {"sweep", (gw_fn *)channel_sweep},
	[CALL_ADMIN_LIST] = {"admin-list", (gw_fn *)channel_admin_list},
	[CALL_ADMIN_INFO] = {"admin-info", (gw_fn *)channel_admin_info},
	[CALL_REHASHED] = {"rehashed", (gw_fn *)channel_rehashed},
	[CALL_INVITED_EXPORT] = {"invited-export", (gw_fn *)channel_invited_export},
	[CALL_INVITED_IMPORT] = {"invited-import", (gw_fn *)channel_invited_import},
	[CALL_MANAGE_FOUND] = {"manage-found", (gw_fn *)channel_manage_found},
	[CALL_MANAGE_READ] = {"manage-read", (gw_fn *)channel_manage_read},
	[CALL_REGISTERED_READ] = {"registered-read", (gw_fn *)channel_registered_read},
	[CALL_COPIED] = {"copied", (gw_fn *)channel_copied},
	[CALL_SETTLE] = {"settle", (gw_fn *)channel_settle},
	[CALL_SETTLE_DUE] = {"settle-due", (gw_fn *)channel_settle_due},
	[CALL_LOSER_READ] = {"loser-read", (gw_fn *)channel_loser_read},
	[CALL_CLAIMANT] = {"claimant", (gw_fn *)channel_claimant},
	[CALL_NEXT_FOUND] = {"next-found", (gw_fn *)channel_next_found},
	[CALL_UNSHOWN] = {"unshown", (gw_fn *)channel_unshown},
	[CALL_ADMIN_MEMBERS] = {"admin-members", (gw_fn *)channel_admin_members},
	[CALL_ADMIN_OP] = {"admin-op", (gw_fn *)channel_admin_op},
	[CALL_ADMIN_KICK] = {"admin-kick", (gw_fn *)channel_admin_kick},
	[CALL_ADMIN_SLICE] = {"admin-slice", (gw_fn *)channel_admin_slice},
	[CALL_ADMIN_DROP] = {"admin-drop", (gw_fn *)channel_admin_drop},
	[CALL_ADMIN_FOUND] = {"admin-found", (gw_fn *)channel_admin_found},
	[CALL_ADMIN_READ] = {"admin-read", (gw_fn *)channel_admin_read},
	[CALL_ADMIN_DROPPED] = {"admin-dropped", (gw_fn *)channel_admin_dropped},
	[CALL_ADMIN_COPIED] = {"admin-copied", (gw_fn *)channel_admin_copied},
	{NULL, NULL},
};

static const struct gw_topic_row channel_topics[] = {
	{GW_TOPIC_MAY_JOIN, GW_QUESTION},
	{NULL, GW_NOTIFICATION},
};

static const struct gw_subscription channel_subscriptions[] = {
	{.topic = GW_TOPIC_MAY_SEND, .call = CALL_MAY_SEND},
	{.topic = GW_TOPIC_SERVICE, .call = CALL_SERVICE},
	{.topic = GW_TOPIC_EVENT, .call = CALL_EVENT},
	{.topic = GW_TOPIC_UNSHOWN, .call = CALL_UNSHOWN},
	{.topic = GW_TOPIC_SERVICES_CHANGED, .call = CALL_SERVICES_CHANGED},
	{.topic = GW_TOPIC_REHASHED, .call = CALL_REHASHED},
	{.topic = NULL},
};

static int channel_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct channel_state *c = state;

	(void)err;
	c->self = self;
	c->client = gw_interface(self, "client");
	c->network = gw_interface(self, "network");
	c->services = gw_interface(self, "services");
	c->replica = gw_interface(self, "replica");
	c->may_join = gw_topic(self, GW_TOPIC_MAY_JOIN);
	c->may_claim = gw_topic(self, GW_TOPIC_MAY_CLAIM);
	channel_rehashed(c, 0, NULL);
	if (why == GW_LOAD_FIRST) {
		c->sweep = gw_timer_new(self, gw_call(self, CALL_SWEEP, 0));
		c->settle = gw_timer_new(self, gw_call(self, CALL_SETTLE_DUE, 0));
		c->save_again = gw_timer_new(self, gw_call(self, CALL_SAVE_AGAIN, 0));
		gw_timer_set(c->sweep, self, 300 * GW_SECOND);
	}
	return 0;
}

static void channel_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct channel_state *c = state;

	if (why != GW_UNLOAD_LAST)
		return;
	channel_invited_free_all(c);
	channel_joinings_free(c);
	channel_listings_free(c);
	channel_pendings_free(c);
	channel_overviews_free(c);
	channel_inquiries_free(c);
	channel_saves_free(c);
	channel_settlings_free(c);
	channel_registered_free(c);
	gw_timer_free(&c->sweep, self);
	gw_timer_free(&c->save_again, self);
	gw_timer_free(&c->settle, self);
}

GW_MODULE(channel) = {
	.abi = GW_ABI,
	.name = "channel",
	.version = "1.0",
	.summary = "channels, their modes, and registered channels",
	.requires = "client 1.0, network 1.0, services 1.0, replica 1.0?",
	.options = channel_options,
	.calls = channel_calls,
	.topics = channel_topics,
	.subscriptions = channel_subscriptions,
	.rows = channel_rows,
	.state_size = sizeof(struct channel_state),
	.state_version = 1,
	.load = channel_load,
	.unload = channel_unload,
};
