/*
 * modules/oper/session_show.c - session show: all that is known of one session, or of a connection
 * that has none yet.
 */
#include "private.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Where the pairs go. */
struct showing {
	struct oper_state *o;
	struct gw_admin_request *req;
};

static void pair(const struct showing *s, const char *key, const char *value)
{
	gw_admin_row(s->o->self, s->req, (const char *const[]){key, value != NULL ? value : ""}, 2);
}

static void number(const struct showing *s, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	pair(s, key, text);
}

static void age(const struct showing *s, const char *key, int64_t since_ns)
{
	char text[AGE_MAX];

	oper_age(s->o, since_ns, text);
	pair(s, key, text);
}

static void date(const struct showing *s, const char *key, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	pair(s, key, text);
}

static void show_modes(const struct showing *s, uint64_t modes)
{
	char text[54] = "+";
	size_t n = 1;

	for (char l = 'A'; l <= 'z'; l++)
		if (gw_letter(l) & modes)
			text[n++] = l;
	text[n] = '\0';
	pair(s, "modes", text);
}

static void show_channels(const struct showing *s, const struct gw_user *user)
{
	static const char letters[] = "qaohv";
	const struct gw_member *member;

	number(s, "channels", user->n_channels);
	for (member = user->channels; member != NULL; member = member->next) {
		char text[GW_CHANNEL_MAX + 8];
		size_t n = 0;

		for (const char *l = letters; *l != '\0'; l++) {
			const struct gw_chanmode *mode = NETWORK(s->o, chanmode, *l);

			if (mode != NULL && (member->status & mode->bit))
				text[n++] = mode->prefix;
		}
		snprintf(text + n, sizeof(text) - n, "%s", member->channel->name);
		pair(s, "channel", text);
	}
}

static void show_user(const struct showing *s, const struct gw_session *session)
{
	const struct gw_user *user = session->user;
	const struct gw_node *to =
		session->shadow != 0 ? NETWORK(s->o, node, session->shadow) : NULL;
	char id[20];

	pair(s, "host", user->host);
	pair(s, "role", user->role);
	show_modes(s, user->modes);
	pair(s, "away", user->away);
	date(s, "signed-on", user->signon_ms);
	snprintf(id, sizeof(id), "%016" PRIx64, session->id);
	pair(s, "session", id);
	number(s, "moves", session->epoch);
	pair(s, "moves-to", to != NULL ? to->name : "");
	show_channels(s, user);
}

static void show_certificate(const struct showing *s, const struct gw_conn_info *info)
{
	char hex[65] = "";

	if (info->has_certificate)
		sodium_bin2hex(hex, sizeof(hex), info->certificate, sizeof(info->certificate));
	pair(s, "certificate", hex);
}

/* Whether session redirect can move it, and why not. */
static void show_movable(const struct showing *s, const struct gw_client *client)
{
	struct oper_state *o = s->o;
	const char *why = "yes";

	if (o->redirect->ops == NULL)
		why = "no: the module redirect is not loaded";
	else if (client->session == NULL)
		why = "no: it is not registered yet";
	else if (client->session->moving)
		why = "no: it is being moved";
	else if (!GW_VIA(o->redirect, gw_redirect_ops, able, client))
		why = "no: its software does not speak godwit/redirect";
	pair(s, "movable", why);
}

static void show_connection(const struct showing *s, const struct gw_client *client)
{
	struct gw_self *self = s->o->self;
	const struct gw_conn_info *info = client->info;
	struct gw_client_carry *carry = gw_alloc(self, sizeof(*carry));

	CLIENT(s->o, carry, client, carry);
	pair(s, "address", info->address);
	number(s, "port", info->port);
	pair(s, "listener", info->listener);
	pair(s, "tls", info->tls ? info->tls_version : "no");
	show_certificate(s, info);
	age(s, "since", info->accepted_ns);
	age(s, "idle", client->last_active_ns);
	pair(s, "capabilities", carry->caps);
	number(s, "send-queue", gw_sink_queued(self, gw_conn_sink(self, client->conn)));
	number(s, "unread", gw_conn_unread(self, client->conn));
	number(s, "bytes-sent", gw_conn_bytes(self, client->conn, true));
	number(s, "bytes-received", gw_conn_bytes(self, client->conn, false));
	number(s, "commands", carry->command);
	number(s, "flood-debt-ms", carry->owed_ms > 0 ? (uint64_t)carry->owed_ms : 0);
	pair(s, "exempt", client->exempt ? "yes" : "no");
	show_movable(s, client);
	gw_free(self, carry);
}

static void show_client(const struct showing *s, const struct gw_client *client)
{
	number(s, "id", client->id);
	pair(s, "nick", client->nick);
	pair(s, "account", client->account);
	pair(s, "ident", client->ident);
	pair(s, "realname", client->realname);
	pair(s, "server", gw_server_string(s->o->self, "server"));
	pair(s, "state", oper_session_state(client));
	show_connection(s, client);
	if (client->session != NULL)
		show_user(s, client->session);
}

static void show_elsewhere(const struct showing *s, const struct gw_user *user)
{
	pair(s, "nick", user->nick);
	pair(s, "account", user->account);
	pair(s, "ident", user->ident);
	pair(s, "realname", user->realname);
	pair(s, "server", user->session->home->name);
	pair(s, "state", "connected");
	pair(s, "tls", user->secure ? "yes" : "no");
	show_user(s, user->session);
}

void oper_session_show(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	static const char *const head[] = {"key", "value"};
	struct oper_state *o = state;
	const struct showing s = {o, req};
	const struct gw_client *client = CLIENT(o, named, argv[0]);
	const struct gw_user *user = NETWORK(o, user, argv[0]);

	(void)argc;
	if (client == NULL && user == NULL) {
		gw_admin_done(o->self, &req, -ENOENT,
		              "nobody has that nick, and no connection here that number: see "
		              "session list");
		return;
	}
	gw_admin_head(o->self, req, head, 2);
	if (client != NULL)
		show_client(&s, client);
	else
		show_elsewhere(&s, user);
	gw_admin_done(o->self, &req, 0, "");
}
