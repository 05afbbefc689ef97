/*
 * modules/query/query.c - the commands that ask: descriptor and tables.
 */
#include "private.h"

static const struct gw_option query_options[] = {
	{.name = "motd",
         .type = GW_OPT_PATH,
         .help = "File with the message of the day; read again at each rehash."},
	{.name = "who-max",
         .type = GW_OPT_INT,
         .fallback = "500",
         .min = 1,
         .max = 100000,
         .help = "At most so many answers to a WHO with a mask, except for operators."},
	{.name = "whowas",
         .type = GW_OPT_INT,
         .fallback = "1000",
         .min = 0,
         .max = 1000000,
         .help = "How many past nicks are kept for WHOWAS."},
	{.name = "admin-location",
         .type = GW_OPT_STRING,
         .max = 200,
         .help = "First line of ADMIN: where the server is."},
	{.name = "admin-name",
         .type = GW_OPT_STRING,
         .max = 200,
         .help = "Second line of ADMIN: who runs it."},
	{.name = "admin-email",
         .type = GW_OPT_STRING,
         .max = 200,
         .help = "Third line of ADMIN: how to reach them."},
	{.name = NULL},
};

static const struct gw_command query_commands[] = {
	{.name = "WHO",
         .states = GW_IN_CONNECTED,
         .cost = 3,
         .call = CALL_WHO,
         .syntax = "<channel, nick or mask> [o][%fields[,token]]",
         .help = "Lists users."},
	{.name = "WHOIS",
         .states = GW_IN_CONNECTED,
         .cost = 2,
         .call = CALL_WHOIS,
         .syntax = "[<server>] <nick>{,<nick>}",
         .help = "Tells about a user."},
	{.name = "WHOWAS",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 2,
         .call = CALL_WHOWAS,
         .syntax = "<nick> [<count>]",
         .help = "Tells who had a nick last."},
	{.name = "USERHOST",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 1,
         .call = CALL_USERHOST,
         .syntax = "<nick>{ <nick>}",
         .help = "Tells host and away state of up to five users."},
	{.name = "ISON",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 1,
         .call = CALL_ISON,
         .syntax = "<nick>{ <nick>}",
         .help = "Tells which of these nicks are there."},
	{.name = "AWAY",
         .states = GW_IN_CONNECTED,
         .cost = 1,
         .call = CALL_AWAY,
         .syntax = "[:<text>]",
         .help = "Marks you as away, or back without a text."},
	{.name = "MOTD",
         .states = GW_IN_CONNECTED,
         .cost = 2,
         .call = CALL_MOTD,
         .syntax = "[<server>]",
         .help = "Shows the message of the day."},
	{.name = "LUSERS",
         .states = GW_IN_CONNECTED,
         .cost = 1,
         .call = CALL_LUSERS,
         .syntax = "",
         .help = "Counts users and servers."},
	{.name = "VERSION",
         .states = GW_IN_CONNECTED,
         .cost = 1,
         .call = CALL_VERSION,
         .syntax = "[<server>]",
         .help = "Tells the server's version."},
	{.name = "TIME",
         .states = GW_IN_CONNECTED,
         .cost = 1,
         .call = CALL_TIME,
         .syntax = "[<server>]",
         .help = "Tells the server's time."},
	{.name = "INFO",
         .states = GW_IN_CONNECTED,
         .cost = 1,
         .call = CALL_INFO,
         .syntax = "[<server>]",
         .help = "Tells about the software."},
	{.name = "HELP",
         .states = GW_IN_ALL,
         .cost = 1,
         .call = CALL_HELP,
         .syntax = "[<command>]",
         .help = "Tells what can be typed."},
	{.name = "ADMIN",
         .states = GW_IN_CONNECTED,
         .cost = 1,
         .call = CALL_ADMIN,
         .syntax = "[<server>]",
         .help = "Tells who runs the server."},
	{.name = "LINKS",
         .states = GW_IN_CONNECTED,
         .cost = 2,
         .call = CALL_LINKS,
         .syntax = "[[<server>] <mask>]",
         .help = "Lists the servers of the network."},
	{.name = "MAP",
         .states = GW_IN_CONNECTED,
         .cost = 2,
         .call = CALL_MAP,
         .syntax = "",
         .help = "Shows how the servers are linked, and their users."},
	{.name = "STATS",
         .states = GW_IN_CONNECTED,
         .cost = 2,
         .call = CALL_STATS,
         .syntax = "u [<server>]",
         .help = "Tells how long the server has been up."},
};

static const struct gw_isupport query_isupport[] = {
	{.name = "WHOX"},
	{.name = "AWAYLEN", .value = "200"},
	{.name = "BOT", .value = "B"},
};
_Static_assert(GW_AWAY_MAX == 200, "ISUPPORT tells the truth");

static const struct gw_targmax query_targmax[] = {
	{.name = "WHOIS", .max = 4},
	{.name = "WHOWAS", .max = 1},
	{.name = "USERHOST", .max = 5},
};

static const struct gw_usermode query_usermodes[] = {
	{.name = "i",
         .by_user = true,
         .help = "invisible: not listed to those who share no channel"},
	{.name = "B", .by_user = true, .help = "is a bot"},
};

static const struct gw_rows query_rows[] = {
	GW_ROWS(GW_POINT_COMMAND, query_commands),
	GW_ROWS(GW_POINT_ISUPPORT, query_isupport),
	GW_ROWS(GW_POINT_TARGMAX, query_targmax),
	GW_ROWS(GW_POINT_USERMODE, query_usermodes),
	{.point = NULL},
};

bool query_is_oper(const struct gw_user *user)
{
	return user->modes & gw_letter('o');
}

bool query_may_see(struct query_state *q, const struct gw_user *asker, const struct gw_user *user)
{
	if (!(user->modes & gw_letter('i')) || user == asker || query_is_oper(asker))
		return true;
	for (const struct gw_member *m = asker->channels; m != NULL; m = m->next)
		if (NETWORK(q, member, m->channel, user) != NULL)
			return true;
	return false;
}

bool query_may_see_channel(struct query_state *q, const struct gw_user *asker,
                           const struct gw_channel *channel)
{
	return !(channel->modes & gw_letter('s')) || query_is_oper(asker) ||
	       NETWORK(q, member, channel, asker) != NULL;
}

static void note_peak(struct query_state *q)
{
	uint32_t users = NETWORK(q, here)->n_users;

	if (users > q->peak_here)
		q->peak_here = users;
}

static void query_event(void *state, uint64_t tag, const void *payload)
{
	struct query_state *q = state;
	const struct gw_event *event = payload;

	(void)tag;
	if (event->kind == GW_EV_USER)
		note_peak(q);
	else if (event->kind == GW_EV_QUIT)
		query_past_add(q, event->source->user, event->source->user->nick);
	else if (event->kind == GW_EV_NICK)
		query_past_add(q, event->source->user, event->old);
}

static void query_welcomed(void *state, uint64_t tag, const void *payload)
{
	struct query_state *q = state;
	struct gw_client *client = CLIENT(q, by_id, ((const struct gw_client *)payload)->id);

	(void)tag;
	if (client == NULL)
		return;
	query_send_lusers(q, client);
	query_send_motd(q, client);
}

static int take_options(struct query_state *q, struct gw_error *err)
{
	const struct gw_options *o = gw_options(q->self);

	query_past_resize(q, (uint32_t)gw_option_int(q->self, o, "whowas"));
	return query_motd_load(q, gw_option_string(q->self, o, "motd"), err);
}

static void query_rehashed(void *state, uint64_t tag, const void *payload)
{
	struct query_state *q = state;
	struct gw_error err = {.code = 0};

	(void)tag;
	(void)payload;
	if (take_options(q, &err) != 0)
		gw_log(q->self, GW_ERROR, "%s", err.text);
}

static const struct gw_call_row query_calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_WHO] = {"who", (gw_fn *)query_who},
	[CALL_WHOIS] = {"whois", (gw_fn *)query_whois},
	[CALL_WHOWAS] = {"whowas", (gw_fn *)query_whowas},
	[CALL_USERHOST] = {"userhost", (gw_fn *)query_userhost},
	[CALL_ISON] = {"ison", (gw_fn *)query_ison},
	[CALL_AWAY] = {"away", (gw_fn *)query_away},
	[CALL_MOTD] = {"motd", (gw_fn *)query_motd},
	[CALL_LUSERS] = {"lusers", (gw_fn *)query_lusers},
	[CALL_VERSION] = {"version", (gw_fn *)query_version},
	[CALL_TIME] = {"time", (gw_fn *)query_time},
	[CALL_INFO] = {"info", (gw_fn *)query_info},
	[CALL_HELP] = {"help", (gw_fn *)query_help},
	[CALL_ADMIN] = {"admin", (gw_fn *)query_admin},
	[CALL_EVENT] = {"event", (gw_fn *)query_event},
	[CALL_WELCOMED] = {"welcomed", (gw_fn *)query_welcomed},
	[CALL_REHASHED] = {"rehashed", (gw_fn *)query_rehashed},
	[CALL_LINKS] = {"links", (gw_fn *)query_links},
	[CALL_MAP] = {"map", (gw_fn *)query_map},
	[CALL_STATS] = {"stats", (gw_fn *)query_stats},
	{NULL, NULL},
};

static const struct gw_subscription query_subscriptions[] = {
	{.topic = GW_TOPIC_EVENT, .call = CALL_EVENT},
	{.topic = GW_TOPIC_WELCOMED, .call = CALL_WELCOMED},
	{.topic = GW_TOPIC_REHASHED, .call = CALL_REHASHED},
	{.topic = NULL},
};

static int query_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct query_state *q = state;

	q->self = self;
	q->client = gw_interface(self, "client");
	q->network = gw_interface(self, "network");
	if (why == GW_LOAD_FIRST)
		q->since_ns = gw_mono_ns(self);
	return why == GW_LOAD_FIRST ? take_options(q, err) : 0;
}

static void query_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct query_state *q = state;

	(void)self;
	if (why != GW_UNLOAD_LAST)
		return;
	query_past_resize(q, 0);
	query_motd_free(q);
}

GW_MODULE(query) = {
	.abi = GW_ABI,
	.name = "query",
	.version = "1.0",
	.summary = "WHO, WHOIS, MOTD and the other commands that ask",
	.requires = "client 1.0, network 1.0",
	.options = query_options,
	.calls = query_calls,
	.subscriptions = query_subscriptions,
	.rows = query_rows,
	.state_size = sizeof(struct query_state),
	.state_version = 1,
	.load = query_load,
	.unload = query_unload,
};
