/*
 * modules/client/connection.c - a client from the accept to its last sight, and what stops its
 * input.
 *
 * A close is said to the client (ERROR), to the network (QUIT), then asked of the core, which calls
 * client_closed() at the end of the turn. Until then the client stays valid, so that whoever is at
 * work with it need not look again.
 */
#include "client.h"
#include <errno.h>
#include <utlist.h>

#define LINES_PER_TURN 32 /* of those that waited; as many as the core delivers */

static struct gw_conn_owner owner_of(struct client_state *st, struct client *c)
{
	const struct client_settings *s = &st->settings;

	return (struct gw_conn_owner){
		.module = st->self,
		.data = c,
		.ready = CALL_READY,
		.line = CALL_LINE,
		.drained = CALL_DRAINED,
		.closed = CALL_CLOSED,
		.line_max = INPUT_MAX,
		.recvq_max = c->pub.authenticated ? s->recvq : s->recvq_before,
		.sendq_max = s->sendq,
	};
}

void connection_limits(struct client_state *st, struct client *c)
{
	struct gw_conn_owner owner = owner_of(st, c);

	gw_conn_own(st->self, c->pub.conn, &owner);
}

static struct client *client_new(struct client_state *st, struct gw_conn *conn)
{
	struct client *c = gw_alloc(st->self, sizeof(*c));

	c->pub.conn = conn;
	c->pub.info = gw_conn_info(st->self, conn);
	c->sink = gw_conn_sink(st->self, conn);
	c->pub.exempt = address_exempt(st, c->pub.info->address);
	c->entry = gw_alloc(st->self, sizeof(*c->entry));
	c->entry->nick[0] = '*';
	c->pub.nick = c->entry->nick;
	clients_add(st, c);
	return c;
}

void entry_free(struct client_state *st, struct client *c)
{
	if (c->entry == NULL)
		return;
	gw_free(st->self, c->entry->realname);
	gw_free(st->self, c->entry->account);
	gw_free(st->self, c->entry->host);
	gw_free(st->self, c->entry);
	c->entry = NULL;
}

void client_free(struct client_state *st, struct client **client)
{
	struct client *c = *client;

	*client = NULL;
	agenda_remove(st, c);
	address_leave(st, c);
	label_free(st, c);
	entry_free(st, c);
	holds_free(st, c);
	stash_free(st, c);
	move_free(st, c);
	gw_free(st->self, c->new_nick);
	if (st->words.client == c)
		st->words.client = NULL;
	gw_free(st->self, c);
}

static enum refusal may_come(struct client_state *st, struct client *c, struct gw_error *why)
{
	int status;

	if (st->stop_reason != NULL) {
		gw_fail(why, -EACCES, "The server is stopping");
		return REFUSED_STOPPING;
	}
	if (st->n_clients > st->settings.max_clients) {
		gw_fail(why, -EACCES, "This server is full");
		return REFUSED_FULL;
	}
	status = address_enter(st, c, why);
	if (status != 0)
		return status == -EAGAIN ? REFUSED_PACE : REFUSED_ADDRESS;
	status = gw_ask(st->self, st->may_connect, &c->pub, why);
	return status == 0 ? REFUSED_NOT : REFUSED_RULE;
}

int client_accept(void *state, struct gw_conn *conn, char farewell[512])
{
	struct client_state *st = state;
	struct client *c = client_new(st, conn);
	struct gw_error why = {0};
	enum refusal refused = may_come(st, c, &why);

	if (refused != REFUSED_NOT) {
		st->counts.refused[refused]++;
		snprintf(farewell, 512, "ERROR :Closing Link: %s (%s)\r\n", c->pub.info->address,
		         why.text);
		clients_remove(st, c);
		client_free(st, &c);
		return -EACCES;
	}
	st->counts.accepted++;
	connection_limits(st, c);
	timeouts_begin(st, c);
	return 0;
}

void client_ready(void *state, void *data)
{
	struct client_state *st = state;
	struct client *c = data;

	c->ready = true;
	c->heard_ns = gw_mono_ns(st->self);
	gw_notify(st->self, st->connecting, &c->pub);
}

/* The session has the texts; the client points at them. */
void client_lend(struct client *c)
{
	const struct gw_user *user = c->pub.session->user;

	c->pub.nick = user->nick;
	c->pub.ident = user->ident;
	c->pub.realname = user->realname;
	c->pub.account = user->account;
	c->pub.account_id = user->account_id;
}

/* The session is gone or about to go: the texts that it lent move into an entry of our own. */
void client_detach(struct client_state *st, struct client *c)
{
	struct entry *entry;

	if (c->pub.session == NULL)
		return;
	entry = gw_alloc(st->self, sizeof(*entry));
	snprintf(entry->nick, sizeof(entry->nick), "%s", c->pub.nick);
	snprintf(entry->ident, sizeof(entry->ident), "%s", c->pub.ident);
	entry->realname = gw_strdup(st->self, c->pub.realname);
	if (c->pub.account != NULL)
		entry->account = gw_strdup(st->self, c->pub.account);
	clients_unbind(st, c);
	c->entry = entry;
	c->pub.session = NULL;
	c->pub.nick = entry->nick;
	c->pub.ident = entry->ident;
	c->pub.realname = entry->realname;
	c->pub.account = entry->account;
}

/* The client lets go first: the session's texts end with it, at once or right behind the event that
 * is being notified. */
static void leave_network(struct client_state *st, struct client *c, const char *reason)
{
	struct gw_session *session = c->pub.session;

	client_detach(st, c);
	if (session != NULL)
		NETWORK(st, quit, session, reason);
}

void client_close(struct client_state *st, struct client *c, const char *reason)
{
	char text[GW_REASON_MAX + 1];

	if (c->closing || c->pub.shadow)
		return;
	snprintf(text, sizeof(text), "%s", reason);
	text[utf8_trim(text, strlen(text))] = '\0';
	if (divert_close(st, c, text))
		return;
	c->closing = true;
	c->diverted = false;
	tap_closed(st, c, text);
	c->sink = gw_conn_sink(st->self, c->pub.conn);
	agenda_remove(st, c);
	reply_line(st, c, "", "ERROR :Closing Link: %s (%s)", c->pub.info->address, text);
	label_end(st, c);
	leave_network(st, c, text);
	gw_conn_close(st->self, c->pub.conn, GW_CLOSE_FLUSH, text);
}

void client_close_silently(struct client_state *st, struct client *c, const char *reason)
{
	c->closing = true;
	c->end = END_MOVED;
	c->sink = NULL;
	agenda_remove(st, c);
	label_free(st, c);
	client_detach(st, c);
	gw_conn_close(st->self, c->pub.conn, GW_CLOSE_FLUSH, reason);
}

/* What it had said before its connection ended and was given back by who moved it, as far as the
 * limits allow. */
static void last_words(struct client_state *st, struct client *c)
{
	while (c->stash != NULL && dispatch_may(c))
		dispatch_stashed(st, c);
}

/* What the core says. */
static enum client_end end_of(const char *reason)
{
	if (strcmp(reason, "SendQ exceeded") == 0)
		return END_SENDQ;
	return strncmp(reason, "TLS handshake", 13) == 0 ? END_TLS : END_LOST;
}

/* The core's own close. The session may be somebody's to hand over; else the words still reach a
 * client that is there and reads. */
static void connection_lost(struct client_state *st, struct client *c, const char *reason)
{
	bool goes_on = tap_closed(st, c, reason), diverted = c->diverted;

	c->end = end_of(reason);
	c->diverted = false;
	if (!goes_on) {
		last_words(st, c);
		client_close(st, c, reason);
		return;
	}
	if (!diverted && c->pub.session != NULL)
		NETWORK(st, attach, c->pub.session, NULL, 0);
	client_close_silently(st, c, reason);
}

void client_closed(void *state, void *data, const char *reason)
{
	struct client_state *st = state;
	struct client *c = data;

	if (!c->closing)
		connection_lost(st, c, reason);
	st->counts.ended[c->end]++;
	gw_notify(st->self, st->gone, &c->pub);
	clients_remove(st, c);
	settled_gone(st, c);
	client_room(st, c);
	client_free(st, &c);
}

void client_drained(void *state, void *data)
{
	struct client_state *st = state;
	struct client *c = data;

	if (c->closing)
		return;
	if (c->full) {
		c->full = false;
		client_release(st, c, st->self);
	}
	if (c->room != NULL) {
		struct gw_self *who = c->room->call.module;

		client_room(st, c);
		client_release(st, c, who);
	}
	settled_again(st, c);
}

/* Who asks for more than they read must read first, rather than be dropped for a full queue. */
void connection_check_room(struct client_state *st, struct client *c)
{
	size_t mark = st->settings.sendq / 4;

	if (c->full || c->closing || c->diverted ||
	    gw_sink_queued(st->self, gw_conn_sink(st->self, c->pub.conn)) < mark)
		return;
	c->full = true;
	client_hold(st, c, st->self);
	gw_conn_wait_drain(st->self, c->pub.conn, mark);
}

/* Lines may be executed again; first those that came while they might not. */
void connection_resume(struct client_state *st, struct client *c)
{
	if (c->pub.shadow || c->executing || !dispatch_may(c))
		return;
	for (int n = 0; n < LINES_PER_TURN && c->stash != NULL && dispatch_may(c); n++)
		dispatch_stashed(st, c);
	if (!dispatch_may(c))
		return;
	if (c->stash == NULL)
		gw_conn_resume(st->self, c->pub.conn);
	else
		gw_defer(st->self, gw_call(st->self, CALL_RESUME, c->pub.id));
}
