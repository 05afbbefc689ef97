/*
 * modules/agent/up.c - the connections to servers.
 *
 * A session has one, and two while a move is under way; they lie in the slots of its mover. One
 * that we have closed is no longer the session's, and is freed when it has ended.
 */
#include "agent.h"
#include "tables.h"

#include <godwit/mem.h>
#include <stdio.h>

/* --- dialling --- */

static struct up *up_new(struct session *s, int slot, const char *address)
{
	struct gw_self *self = s->agent->self;
	struct up *up = gw_alloc(self, sizeof(*up));

	if (s->up[slot] != NULL)
		up_close(s, slot, "Another connection takes its place");
	up->session = s;
	up->slot = (uint8_t)slot;
	up->address = gw_strdup(self, address);
	s->up[slot] = up;
	return up;
}

static void dial(struct agent *agent, struct up *up)
{
	struct gw_dial how = {
		.address = up->address,
		.tls = up->tls ? GW_TLS_SERVER : GW_TLS_CLIENTS,
		.owner = {.module = agent->self,
	                  .data = up,
	                  .ready = CALL_UP_READY,
	                  .line = CALL_UP_LINE,
	                  .drained = CALL_UP_DRAINED,
	                  .closed = CALL_UP_CLOSED,
	                  .line_max = AGENT_LINE_MAX,
	                  .recvq_max = 4 * AGENT_LINE_MAX,
	                  .sendq_max = AGENT_QUEUE_MAX,
	                  .lines_per_turn = AGENT_LINES_PER_TURN},
	};

	if (up->at != NULL && up->at->ticket != NULL && up->tls) {
		how.ticket = up->at->ticket;
		how.ticket_len = up->at->ticket_len;
		up->with_ticket = true;
	}
	up->conn = gw_conn_dial(agent->self, &how);
}

void up_dial(struct session *s, int slot, struct upstream *at)
{
	struct up *up = up_new(s, slot, at->address);

	up->at = at;
	up->tls = at->tls;
	dial(s->agent, up);
}

void up_dial_request(struct session *s, int slot, const char *host, uint16_t port,
                     const uint8_t *fingerprint)
{
	bool v6 = strchr(host, ':') != NULL;
	char address[MOVER_HOST_MAX + 16];
	struct up *up;

	snprintf(address, sizeof(address), "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
	up = up_new(s, slot, address);
	up->host = gw_strdup(s->agent->self, host);
	up->port = port;
	up->tls = fingerprint != NULL;
	if (up->tls)
		memcpy(up->pin, fingerprint, sizeof(up->pin));
	dial(s->agent, up);
}

static void up_free(struct agent *agent, struct up *up)
{
	gw_free(agent->self, up->address);
	gw_free(agent->self, up->host);
	gw_free(agent->self, up);
}

/* --- what happens to them --- */

static void keep_ticket(struct agent *agent, struct up *up)
{
	uint8_t ticket[UPSTREAM_TICKET_MAX];
	size_t n;

	if (up->at == NULL || !up->tls || !up->ready)
		return;
	n = gw_conn_ticket(agent->self, up->conn, ticket, sizeof(ticket));
	if (n > 0 && n <= sizeof(ticket))
		upstreams_ticket(agent, up->at, ticket, n);
	explicit_bzero(ticket, sizeof(ticket));
}

/* Of a certificate that stays wrong the client hears in the first round over all addresses alone.
 */
static void refuse(struct session *s, struct up *up, bool known, const char *why)
{
	up_close(s, up->slot, "The certificate is another one");
	if (!known || s->tries <= s->agent->upstreams.n)
		session_notice(s, "%s", why);
	session_dial_failed(s, why);
}

/** Of a dial of session.c: nothing has been written yet. */
static void check(struct session *s, struct up *up)
{
	struct gw_self *self = s->agent->self;
	const struct gw_conn_info *info = gw_conn_info(self, up->conn);
	bool known = upstreams_refused(up->at, info->certificate);
	char why[400];

	if (up->tls &&
	    !upstreams_certificate(s->agent, up->at, info->certificate, why, sizeof(why))) {
		refuse(s, up, known, why);
		return;
	}
	up->at->used_ns = gw_wall_ns(self);
	up->resumed = true;
	session_up(s, up);
}

void up_ready(void *state, void *data)
{
	struct up *up = data;
	struct session *s = up->session;

	(void)state;
	if (s == NULL)
		return;
	up->ready = true;
	if (s->dialling)
		check(s, up);
	else
		redirect_ready(s, up);
}

/* While the session is brought back nearly all is said to the agent itself. */
static bool client_is_full(const struct session *s)
{
	struct gw_self *self = s->agent->self;

	return s->local != NULL && s->state != SESSION_RESTORING &&
	       gw_sink_queued(self, gw_conn_sink(self, s->local)) > AGENT_QUEUE_HIGH;
}

/* The new connection of a move is not read before the old one has ended: it stops at its first
 * line, which the mover keeps. */
enum gw_line_verdict up_line(void *state, void *data, struct gw_line *line)
{
	struct up *up = data;
	struct session *s = up->session;
	struct gw_self *self;

	(void)state;
	if (s == NULL)
		return GW_LINE_STOP;
	self = s->agent->self;
	if (up->resumed)
		s->heard_ns = gw_mono_ns(self);
	up->reading = line;
	redirect_line(s, up, line->text);
	up->reading = NULL;
	if (up->session == NULL)
		return GW_LINE_STOP;
	if (up->resumed && !client_is_full(s))
		return GW_LINE_NEXT;
	if (up->resumed && s->local != NULL)
		gw_conn_wait_drain(self, s->local, AGENT_QUEUE_LOW);
	up->stopped = true;
	return GW_LINE_STOP;
}

void up_drained(void *state, void *data)
{
	struct up *up = data;

	(void)state;
	if (up->session != NULL)
		local_watch(up->session);
}

/** A server that is no longer the one of the ticket: once more, without it. */
static void dial_anew(struct session *s, struct upstream *at, int slot)
{
	upstreams_ticket(s->agent, at, NULL, 0);
	up_dial(s, slot, at);
}

void up_closed(void *state, void *data, const char *reason)
{
	struct agent *agent = state;
	struct up *up = data;
	struct session *s = up->session;

	keep_ticket(agent, up);
	if (s != NULL) {
		s->up[up->slot] = NULL;
		if (up->resumed || !s->dialling)
			redirect_closed(s, up->slot);
		else if (up->with_ticket && strstr(reason, "handshake") != NULL)
			dial_anew(s, up->at, up->slot);
		else
			session_dial_failed(s, reason);
	}
	up_free(agent, up);
}

/* --- what is done with them --- */

void up_write(struct session *s, int slot, const char *line, size_t len)
{
	if (s->up[slot] != NULL)
		pass_write(s, gw_conn_sink(s->agent->self, s->up[slot]->conn), s->reading, line,
		           len);
}

void up_close(struct session *s, int slot, const char *reason)
{
	struct up *up = s->up[slot];

	if (up == NULL)
		return;
	keep_ticket(s->agent, up);
	s->up[slot] = NULL;
	up->session = NULL;
	up->at = NULL;
	gw_conn_close(s->agent->self, up->conn, up->ready ? GW_CLOSE_FLUSH : GW_CLOSE_NOW, reason);
}

void up_resume(struct session *s, int slot)
{
	if (s->up[slot] == NULL)
		return;
	s->up[slot]->resumed = true;
	up_watch(s, slot);
}

void up_watch(struct session *s, int slot)
{
	struct up *up = s->up[slot];

	if (up == NULL || !up->stopped || !up->resumed)
		return;
	if (client_is_full(s)) {
		gw_conn_wait_drain(s->agent->self, s->local, AGENT_QUEUE_LOW);
		return;
	}
	up->stopped = false;
	gw_conn_resume(s->agent->self, up->conn);
}
