/*
 * modules/monitor/monitor.c - MONITOR: being told when somebody comes or goes (730 to 734), and
 * extended-monitor.
 *
 * A watch joins a session to a nick; it hangs in the nick's list (whom to tell) and in the
 * session's (what MONITOR L shows). The session's list is session data: it moves along with the
 * session.
 */
#include <errno.h>
#include <godwit/bus.h>
#include <godwit/client.h>
#include <godwit/hash.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define TARGETS_MAX 100
#define DATA_NAME "monitor.watches"

enum monitor_call {
	CALL_NONE,
	CALL_MONITOR,
	CALL_EVENT,
	CALL_AUDIENCE,
	CALL_EXPORT,
	CALL_IMPORT,
	CALL_UNSHOWN
};

struct watch {
	struct nick *nick;
	struct gw_session *session;
	struct watch *prev, *next;         /* of the nick */
	struct watch *own_prev, *own_next; /* of the session */
};

/** A nick that somebody watches. */
struct nick {
	char name[GW_NICK_MAX + 1]; /* as first asked for */
	struct watch *watches;
	UT_hash_handle hh;
	char folded[GW_NICK_MAX + 1];
};

/** The block of the point "network.session-data". */
struct watching {
	struct watch *first;
	uint32_t n;
};

/*
 * The state, version 1. To change its layout, or that of what it points to: raise `.state_version`,
 * add a `migrate` that fills the new block from the old one, and keep a test that loads the old
 * version first.
 */
struct monitor_state {
	struct gw_self *self;
	struct gw_iface *client, *network;
	struct nick *nicks;
};

#define NETWORK(m, ...) GW_VIA((m)->network, gw_network_ops, __VA_ARGS__)
#define CLIENT(m, ...) GW_VIA((m)->client, gw_client_ops, __VA_ARGS__)

static struct watching *watching_of(struct monitor_state *mon, struct gw_session *session)
{
	return NETWORK(mon, data, session, DATA_NAME);
}

static struct nick *find(struct monitor_state *mon, const char *name, char folded[GW_NICK_MAX + 1])
{
	struct gw_self *self = mon->self;
	struct nick *nick = NULL;

	if (NETWORK(mon, fold, name, folded, GW_NICK_MAX + 1) < 0)
		return NULL;
	HASH_FIND_STR(mon->nicks, folded, nick);
	return nick;
}

static struct watch *watch_of(const struct watching *own, const struct nick *nick)
{
	struct watch *watch;

	for (watch = own->first; watch != NULL && watch->nick != nick; watch = watch->own_next)
		;
	return watch;
}

static void add(struct monitor_state *mon, struct gw_session *session, struct watching *own,
                const char *name)
{
	struct gw_self *self = mon->self;
	char folded[GW_NICK_MAX + 1];
	struct nick *nick = find(mon, name, folded);
	struct watch *watch;

	if (nick != NULL && watch_of(own, nick) != NULL)
		return;
	if (nick == NULL) {
		nick = gw_alloc(self, sizeof(*nick));
		snprintf(nick->name, sizeof(nick->name), "%s", name);
		snprintf(nick->folded, sizeof(nick->folded), "%s", folded);
		HASH_ADD_STR(mon->nicks, folded, nick);
	}
	watch = gw_alloc(self, sizeof(*watch));
	watch->nick = nick;
	watch->session = session;
	DL_APPEND(nick->watches, watch);
	DL_APPEND2(own->first, watch, own_prev, own_next);
	own->n++;
}

static void drop(struct monitor_state *mon, struct watching *own, struct watch *watch)
{
	struct gw_self *self = mon->self;
	struct nick *nick = watch->nick;

	DL_DELETE(nick->watches, watch);
	DL_DELETE2(own->first, watch, own_prev, own_next);
	own->n--;
	gw_free(self, watch);
	if (nick->watches == NULL) {
		HASH_DEL(mon->nicks, nick);
		gw_free(self, nick);
	}
}

static void clear(struct monitor_state *mon, struct gw_session *session)
{
	struct watching *own = watching_of(mon, session);

	while (own != NULL && own->first != NULL)
		drop(mon, own, own->first);
}

/* The command. Names are collected into as few 730 and 731 as possible. */

static void online_word(const struct gw_user *user, char *out, size_t max)
{
	snprintf(out, max, "%s!%s@%s", user->nick, user->ident, user->host);
}

#define WORD_MAX (GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 3)

/* Those of `names` (already separated by NULs, `n` of them) who are there, or those who are not. */
static void send_which(struct monitor_state *mon, struct gw_client *client,
                       const char *const *names, size_t n, bool there)
{
	char word[WORD_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct gw_user *user = NETWORK(mon, user, names[i]);

		if ((user != NULL) != there)
			continue;
		if (user != NULL)
			online_word(user, word, sizeof(word));
		CLIENT(mon, words, client, there ? 730 : 731, ":", user != NULL ? word : names[i],
		       ',');
	}
	CLIENT(mon, words, client, there ? 730 : 731, ":", NULL, ',');
}

static void monitor_add(struct monitor_state *mon, struct gw_client *client, struct watching *own,
                        char *targets)
{
	const char *names[TARGETS_MAX];
	size_t n = 0;
	char *rest = targets, *name;

	while ((name = strsep(&rest, ",")) != NULL) {
		if (*name == '\0' || !NETWORK(mon, valid_nick, name))
			continue;
		if (own->n >= TARGETS_MAX || n == TARGETS_MAX) {
			CLIENT(mon, numeric, client, 734, "%d %s%s%s :Monitor list is full",
			       TARGETS_MAX, name, rest != NULL ? "," : "",
			       rest != NULL ? rest : "");
			break;
		}
		add(mon, client->session, own, name);
		names[n++] = name;
	}
	send_which(mon, client, names, n, true);
	send_which(mon, client, names, n, false);
}

static void monitor_remove(struct monitor_state *mon, struct watching *own, char *targets)
{
	char folded[GW_NICK_MAX + 1];
	char *rest = targets, *name;

	while ((name = strsep(&rest, ",")) != NULL) {
		struct nick *nick = find(mon, name, folded);
		struct watch *watch = nick != NULL ? watch_of(own, nick) : NULL;

		if (watch != NULL)
			drop(mon, own, watch);
	}
}

static void monitor_list(struct monitor_state *mon, struct gw_client *client,
                         const struct watching *own)
{
	for (const struct watch *watch = own->first; watch != NULL; watch = watch->own_next)
		CLIENT(mon, words, client, 732, ":", watch->nick->name, ',');
	CLIENT(mon, words, client, 732, ":", NULL, ',');
	CLIENT(mon, numeric, client, 733, ":End of MONITOR list");
}

static void monitor_status(struct monitor_state *mon, struct gw_client *client,
                           const struct watching *own)
{
	const char *names[TARGETS_MAX];
	size_t n = 0;

	for (const struct watch *watch = own->first; watch != NULL && n < TARGETS_MAX;
	     watch = watch->own_next)
		names[n++] = watch->nick->name;
	send_which(mon, client, names, n, true);
	send_which(mon, client, names, n, false);
}

static void monitor_command(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct monitor_state *mon = state;
	struct watching *own = watching_of(mon, client->session);
	char sub = m->argv[0][0] & ~0x20;
	bool needs_targets = m->argv[0][0] == '+' || m->argv[0][0] == '-';

	if (needs_targets && (m->argc < 2 || m->argv[1][0] == '\0'))
		CLIENT(mon, numeric, client, 461, "MONITOR :Not enough parameters");
	else if (m->argv[0][0] == '+')
		monitor_add(mon, client, own, m->argv[1]);
	else if (m->argv[0][0] == '-')
		monitor_remove(mon, own, m->argv[1]);
	else if (sub == 'C')
		clear(mon, client->session);
	else if (sub == 'L')
		monitor_list(mon, client, own);
	else if (sub == 'S')
		monitor_status(mon, client, own);
}

/* The events. */

static void tell(struct monitor_state *mon, const char *name, const struct gw_user *user)
{
	char folded[GW_NICK_MAX + 1], word[WORD_MAX];
	struct nick *nick = find(mon, name, folded);
	struct watch *watch;

	if (nick == NULL)
		return;
	if (user != NULL)
		online_word(user, word, sizeof(word));
	DL_FOREACH (nick->watches, watch) {
		struct gw_client *client = CLIENT(mon, of_session, watch->session);

		if (client != NULL)
			CLIENT(mon, unasked, client, NULL, "%d %s :%s", user != NULL ? 730 : 731,
			       client->nick, user != NULL ? word : name);
	}
}

static void monitor_event(void *state, uint64_t tag, const void *payload)
{
	struct monitor_state *mon = state;
	const struct gw_event *event = payload;

	(void)tag;
	if (event->kind == GW_EV_USER) {
		tell(mon, event->source->user->nick, event->source->user);
	} else if (event->kind == GW_EV_QUIT) {
		clear(mon, event->source);
		tell(mon, event->source->user->nick, NULL);
	} else if (event->kind == GW_EV_NICK &&
	           !NETWORK(mon, same, event->old, event->source->user->nick)) {
		tell(mon, event->old, NULL);
		tell(mon, event->source->user->nick, event->source->user);
	}
}

static void monitor_unshown(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	clear(state, (struct gw_session *)(uintptr_t)payload);
}

/* With extended-monitor the watchers hear of AWAY, ACCOUNT, CHGHOST and SETNAME as if they shared a
 * channel. */
static void monitor_audience(void *state, uint64_t tag, const void *payload)
{
	struct monitor_state *mon = state;
	struct gw_audience_query *query = (struct gw_audience_query *)payload;
	char folded[GW_NICK_MAX + 1];
	struct nick *nick;
	struct watch *watch;
	uint64_t cap;

	(void)tag;
	if (mon->nicks == NULL || query->event->kind != GW_EV_SET)
		return;
	nick = find(mon, query->event->source->user->nick, folded);
	cap = CLIENT(mon, cap, "extended-monitor");
	if (nick == NULL)
		return;
	DL_FOREACH (nick->watches, watch)
		if (watch->session->caps & cap)
			query->add(query, watch->session);
}

/* The nicks, each with a NUL behind it. */
static int monitor_export(void *state, const struct gw_session *session, const void *data,
                          void *out, size_t max, size_t *len_out)
{
	const struct watching *own = data;
	size_t used = 0;

	(void)state;
	(void)session;
	for (const struct watch *watch = own->first; watch != NULL; watch = watch->own_next) {
		size_t len = strlen(watch->nick->name) + 1;

		if (max - used < len)
			return -E2BIG;
		memcpy((char *)out + used, watch->nick->name, len);
		used += len;
	}
	*len_out = used;
	return 0;
}

static int monitor_import(void *state, struct gw_session *session, void *data, const void *in,
                          size_t len, struct gw_error *err)
{
	struct monitor_state *mon = state;
	struct watching *own = data;
	const char *at = in, *end = at + len;

	clear(mon, session);
	while (at < end) {
		size_t n = strnlen(at, (size_t)(end - at));

		if (at + n == end || !NETWORK(mon, valid_nick, at) || own->n == TARGETS_MAX)
			return gw_fail(err, -EINVAL, "a monitored nick is none");
		add(mon, session, own, at);
		at += n + 1;
	}
	return 0;
}

static const struct gw_command monitor_commands[] = {
	{.name = "MONITOR",
         .states = GW_IN_CONNECTED,
         .min_args = 1,
         .cost = 2,
         .call = CALL_MONITOR,
         .syntax = "+|- <nick>{,<nick>}, or C, L, S",
         .help = "Tells you when these nicks come and go."},
};

static const struct gw_cap monitor_caps[] = {
	{.name = "extended-monitor"},
};

static const struct gw_isupport monitor_isupport[] = {
	{.name = "MONITOR", .value = "100"},
};
_Static_assert(TARGETS_MAX == 100, "ISUPPORT tells the truth");

static const struct gw_session_data monitor_data[] = {
	{.name = DATA_NAME,
         .version = 1,
         .size = sizeof(struct watching),
         .export_row = CALL_EXPORT,
         .import_row = CALL_IMPORT},
};

static const struct gw_rows monitor_rows[] = {
	GW_ROWS(GW_POINT_COMMAND, monitor_commands),
	GW_ROWS(GW_POINT_CAP, monitor_caps),
	GW_ROWS(GW_POINT_ISUPPORT, monitor_isupport),
	GW_ROWS(GW_POINT_SESSION_DATA, monitor_data),
	{.point = NULL},
};

static const struct gw_call_row monitor_calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_MONITOR] = {"monitor", (gw_fn *)monitor_command},
	[CALL_EVENT] = {"event", (gw_fn *)monitor_event},
	[CALL_AUDIENCE] = {"audience", (gw_fn *)monitor_audience},
	[CALL_EXPORT] = {"export", (gw_fn *)monitor_export},
	[CALL_IMPORT] = {"import", (gw_fn *)monitor_import},
	[CALL_UNSHOWN] = {"unshown", (gw_fn *)monitor_unshown},
	{NULL, NULL},
};

static const struct gw_subscription monitor_subscriptions[] = {
	{.topic = GW_TOPIC_EVENT, .call = CALL_EVENT},
	{.topic = GW_TOPIC_AUDIENCE, .call = CALL_AUDIENCE},
	{.topic = GW_TOPIC_UNSHOWN, .call = CALL_UNSHOWN},
	{.topic = NULL},
};

static int monitor_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct monitor_state *mon = state;

	(void)why;
	(void)err;
	mon->self = self;
	mon->client = gw_interface(self, "client");
	mon->network = gw_interface(self, "network");
	return 0;
}

static void monitor_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct monitor_state *mon = state;
	struct nick *nick, *next;
	struct watch *watch, *next_watch;

	if (why != GW_UNLOAD_LAST)
		return;
	/* The sessions' blocks went with the row that declares them. */
	HASH_ITER (hh, mon->nicks, nick, next) {
		DL_FOREACH_SAFE (nick->watches, watch, next_watch)
			gw_free(self, watch);
		HASH_DEL(mon->nicks, nick);
		gw_free(self, nick);
	}
}

GW_MODULE(monitor) = {
	.abi = GW_ABI,
	.name = "monitor",
	.version = "1.0",
	.summary = "MONITOR: being told when somebody comes or goes",
	.requires = "client 1.0, network 1.0",
	.calls = monitor_calls,
	.subscriptions = monitor_subscriptions,
	.rows = monitor_rows,
	.state_size = sizeof(struct monitor_state),
	.state_version = 1,
	.load = monitor_load,
	.unload = monitor_unload,
};
