/*
 * modules/agent/pass.c - lines that pass, both ways, and what of the agent's own is taken out of
 * them.
 *
 * Most lines only pass: which verbs are looked at stands in one table.
 */
#include "agent.h"
#include "regain.h"

#include <godwit/mem.h>
#include <stdio.h>
#include <strings.h>

#define SHUT_TIME (60 * GW_SECOND)
#define OWN_CAP "godwit/redirect"
#define OWN_PING "godwit-agent"

enum fate { PASS_ON, TAKE_OUT };

/* --- what the server says --- */

/** "godwit/redirect" and nothing else. */
static bool is_own_cap(const char *list)
{
	size_t len = strlen(OWN_CAP);

	list += strspn(list, " ");
	return strncmp(list, OWN_CAP, len) == 0 && list[len + strspn(list + len, " ")] == '\0';
}

/** What is in force, without what the agent has asked for in the client's place. */
static enum fate cap_list(struct session *s, const char *line)
{
	const char *own = strstr(line, OWN_CAP);
	size_t len = strlen(OWN_CAP), before;
	char *without;

	if (own == NULL || track_has_cap(&s->track, OWN_CAP) ||
	    (own[-1] != ' ' && own[-1] != ':') || (own[len] != ' ' && own[len] != '\0'))
		return PASS_ON;
	before = (size_t)(own - line);
	if (own[len] == ' ')
		len++;
	else if (own[-1] == ' ')
		before--;
	without = gw_strdup(s->agent->self, line);
	memmove(without + before, own + len, strlen(own + len) + 1);
	session_tell(s, without);
	gw_free(s->agent->self, without);
	return TAKE_OUT;
}

static enum fate cap(struct session *s, const char *line)
{
	struct ircline l;
	bool granted;

	if (!ircline_read(&l, line) || l.n < 3)
		return PASS_ON;
	if (strcasecmp(l.params[1], "LIST") == 0)
		return cap_list(s, line);
	granted = strcasecmp(l.params[1], "ACK") == 0;
	if (!s->own_cap_asked || (!granted && strcasecmp(l.params[1], "NAK") != 0) ||
	    !is_own_cap(l.params[2]))
		return PASS_ON;
	s->own_cap_asked = false;
	s->can_move = granted;
	return TAKE_OUT;
}

/** A server that knows no CAP, or not this part of it. */
static enum fate no_cap(struct session *s, const char *line)
{
	struct ircline l;

	if (!s->own_cap_asked || !ircline_read(&l, line) || l.n < 2 ||
	    strcasecmp(l.params[1], "CAP") != 0)
		return PASS_ON;
	s->own_cap_asked = false;
	return TAKE_OUT;
}

static enum fate welcome(struct session *s, const char *line)
{
	(void)line;
	if (s->track.registered || s->own_cap_asked)
		return PASS_ON;
	s->own_cap_asked = true;
	session_send(s, "CAP REQ :" OWN_CAP);
	return PASS_ON;
}

/* Clients give up at an ERROR; whether this is the end shows when the connection has ended. */
/** It lets nobody in: it is being emptied, or full. */
static void note_shut(struct session *s)
{
	struct up *up = s->up[s->mover.home];

	if (up != NULL && up->at != NULL && !s->quit)
		up->at->shut_ns = gw_mono_ns(s->agent->self) + SHUT_TIME;
}

static enum fate error(struct session *s, const char *line)
{
	if (!s->track.registered) {
		note_shut(s);
		return PASS_ON;
	}
	if (strstr(line, "Killed (") != NULL) /* not every server sends a KILL before */
		s->quit = true;
	gw_free(s->agent->self, s->error);
	s->error = gw_strdup(s->agent->self, line);
	return TAKE_OUT;
}

static enum fate ping(struct session *s, const char *line)
{
	(void)line;
	if (s->unanswered_ns == 0) {
		s->unanswered_ns = gw_mono_ns(s->agent->self);
		session_arm(s);
	}
	return PASS_ON;
}

static enum fate pong(struct session *s, const char *line)
{
	struct ircline l;

	if (!s->pinged || !ircline_read(&l, line) || l.n < 1 ||
	    strcmp(l.params[l.n - 1], OWN_PING) != 0)
		return PASS_ON;
	s->pinged = false;
	return TAKE_OUT;
}

/* Whoever was killed or banned is not brought back. */
static enum fate killed(struct session *s, const char *line)
{
	struct ircline l;

	if (ircline_read(&l, line) && l.n > 0 && track_is_me(&s->track, l.params[0]))
		s->quit = true;
	return PASS_ON;
}

static enum fate banned(struct session *s, const char *line)
{
	(void)line;
	s->quit = true;
	return PASS_ON;
}

static enum fate fail(struct session *s, const char *line)
{
	struct ircline l;

	if (s->asked_move == NULL || !ircline_read(&l, line) || l.n < 2 ||
	    strcmp(l.params[0], "REDIRECT") != 0)
		return PASS_ON;
	if (!track_has_cap(&s->track, "standard-replies")) {
		gw_free(s->agent->self, s->denied);
		s->denied = gw_strdup(s->agent->self, l.params[l.n - 1]);
	}
	admin_moved(s, -1, l.params[l.n - 1]);
	return TAKE_OUT;
}

static enum fate notice(struct session *s, const char *line)
{
	struct ircline l;

	if (s->denied == NULL || !ircline_read(&l, line) || l.n < 2 ||
	    strcmp(l.params[l.n - 1], s->denied) != 0)
		return PASS_ON;
	gw_free(s->agent->self, s->denied);
	s->denied = NULL;
	return TAKE_OUT;
}

static const struct watched {
	const char *verb;
	enum fate (*look)(struct session *s, const char *line);
} watched[] = {
	{"001", welcome}, {"410", no_cap},    {"421", no_cap},  {"451", no_cap},
	{"465", banned},  {"CAP", cap},       {"ERROR", error}, {"FAIL", fail},
	{"KILL", killed}, {"NOTICE", notice}, {"PING", ping},   {"PONG", pong},
};

static enum fate look(struct session *s, const char *line)
{
	size_t len;
	const char *verb = ircline_verb(line, &len);

	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
		if (strncasecmp(watched[i].verb, verb, len) == 0 && watched[i].verb[len] == '\0')
			return watched[i].look(s, line);
	return PASS_ON;
}

void pass_write(struct session *s, struct gw_sink *sink, struct gw_line *reading, const char *line,
                size_t len)
{
	struct gw_self *self = s->agent->self;

	if (reading == NULL || reading->text != line || reading->end == 0) {
		gw_sink_write(self, sink, line, len);
		gw_sink_write(self, sink, "\r\n", 2);
		return;
	}
	reading->text[reading->len] = reading->end == 2 ? '\r' : '\n';
	gw_sink_write(self, sink, line, reading->len + reading->end);
	reading->text[reading->len] = '\0';
}

/* It need not be the line of the connection in use: the mover may have kept it. */
static struct gw_line *reading_of(const struct session *s, const char *line)
{
	for (int slot = 0; slot < 2; slot++)
		if (s->up[slot] != NULL && s->up[slot]->reading != NULL &&
		    s->up[slot]->reading->text == line)
			return s->up[slot]->reading;
	return NULL;
}

void pass_server_line(struct session *s, const char *line)
{
	if (s->state == SESSION_RESTORING) {
		restore_line(s, line);
		return;
	}
	if (look(s, line) == TAKE_OUT || doubt_server_line(s, line) || regain_server_line(s, line))
		return;
	track_server_line(&s->track, line);
	login_server_line(s, line);
	if (s->local != NULL)
		pass_write(s, gw_conn_sink(s->agent->self, s->local), reading_of(s, line), line,
		           strlen(line));
}

/* --- what the client says --- */

/* The agent answers for the client in all that is about a move; the user may still ask for one. */
static bool is_redirect_of_agent(const char *line)
{
	struct ircline l;

	return ircline_is(line, "REDIRECT") && ircline_read(&l, line) &&
	       strcasecmp(l.params[0], "MOVE") != 0;
}

void pass_client_line(struct session *s, const char *line, size_t len)
{
	if (is_redirect_of_agent(line)) {
		session_notice(s, "The agent does this for you");
		return;
	}
	if (ircline_is(line, "QUIT"))
		s->quit = true;
	track_client_line(&s->track, line);
	login_client_line(s, line);
	if (session_send_bytes(s, line, len) != 0) {
		lost_refuse(s, line);
		return;
	}
	doubt_said(s, line);
	local_watch(s);
}
