/*
 * modules/agent/local.c - the client's side of a session: its connection to the agent.
 */
#include "agent.h"
#include "tables.h"

#include <errno.h>
#include <godwit/log.h>
#include <godwit/mem.h>
#include <stdarg.h>
#include <stdio.h>

int local_accept(void *state, struct gw_conn *conn, char farewell[512])
{
	struct agent *agent = state;
	struct gw_self *self = agent->self;
	struct gw_conn_owner owner = {
		.module = self,
		.ready = CALL_LOCAL_READY,
		.line = CALL_LOCAL_LINE,
		.drained = CALL_LOCAL_DRAINED,
		.closed = CALL_LOCAL_CLOSED,
		.line_max = AGENT_LINE_MAX,
		.recvq_max = 4 * AGENT_LINE_MAX,
		.sendq_max = AGENT_QUEUE_MAX,
		.lines_per_turn = AGENT_LINES_PER_TURN,
	};

	if (agent->n_sessions >= gw_option_int(self, gw_options(self), "clients")) {
		snprintf(farewell, 512, "ERROR :Too many clients are connected to this agent\r\n");
		return -EBUSY;
	}
	owner.data = session_new(agent, conn);
	gw_conn_own(self, conn, &owner);
	return 0;
}

void local_ready(void *state, void *data)
{
	struct session *s = data;

	(void)state;
	if (gate_wanted(s))
		gate_begin(s);
	else
		session_dial(s);
}

/** Where a line of the client goes, by the session's state. */
static void route(struct session *s, const struct gw_line *line)
{
	switch (s->state) {
	case SESSION_GATE:
	case SESSION_DIALLING:
		gate_line(s, line->text, line->len);
		break;
	case SESSION_PASSING:
		pass_client_line(s, line->text, line->len);
		break;
	case SESSION_LOST:
		lost_client_line(s, line->text);
		break;
	case SESSION_RESTORING:
		restore_client_line(s, line->text);
		break;
	case SESSION_ENDING:
		break;
	}
}

/* What is longer than any server takes goes on as far as it is here, for the server to refuse. */
enum gw_line_verdict local_line(void *state, void *data, struct gw_line *line)
{
	struct session *s = data;

	(void)state;
	s->reading = line;
	s->unanswered_ns = 0;
	route(s, line);
	s->reading = NULL;
	return s->local_stopped ? GW_LINE_STOP : GW_LINE_NEXT;
}

void local_drained(void *state, void *data)
{
	struct session *s = data;

	(void)state;
	up_watch(s, s->mover.home);
}

void local_closed(void *state, void *data, const char *reason)
{
	struct session *s = data;

	(void)state;
	gw_log(s->agent->self, GW_INFO, "client has gone session=%lu nick=%s reason=\"%s\"",
	       (unsigned long)s->id, s->track.nick, reason);
	s->local = NULL;
	session_leave(s);
}

void local_watch(struct session *s)
{
	struct gw_self *self = s->agent->self;
	struct up *up = s->up[s->mover.home];
	size_t queued = up == NULL ? 0 : gw_sink_queued(self, gw_conn_sink(self, up->conn));
	bool full = queued > (s->local_stopped ? AGENT_QUEUE_LOW : AGENT_QUEUE_HIGH);
	bool stop = s->state == SESSION_PASSING && (full || redirect_holds(s));

	if (full && up->ready)
		gw_conn_wait_drain(self, up->conn, AGENT_QUEUE_LOW);
	if (stop == s->local_stopped)
		return;
	s->local_stopped = stop;
	if (!stop && s->local != NULL)
		gw_conn_resume(self, s->local);
}

void local_close(struct session *s, const char *reason)
{
	if (s->local != NULL)
		gw_conn_close(s->agent->self, s->local, GW_CLOSE_FLUSH, reason);
}

const char *session_source(const struct session *s)
{
	return gw_server_string(s->agent->self, "server");
}

void session_tell(struct session *s, const char *line)
{
	struct gw_self *self = s->agent->self;

	if (s->local == NULL)
		return;
	gw_sink_write(self, gw_conn_sink(self, s->local), line, strlen(line));
	gw_sink_write(self, gw_conn_sink(self, s->local), "\r\n", 2);
}

void session_notice(struct session *s, const char *format, ...)
{
	char text[AGENT_TELL_MAX / 2], line[AGENT_TELL_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(line, sizeof(line), ":%s NOTICE %s :%s", session_source(s),
	         s->track.nick[0] != '\0' ? s->track.nick : "*", text);
	session_tell(s, line);
}
