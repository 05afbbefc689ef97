/*
 * modules/agent/session.c - the life of a session: the dials to the network, the loss of a server
 * and the return, the end; and its timer.
 */
#include "agent.h"
#include "regain.h"
#include "tables.h"

#include <godwit/log.h>
#include <godwit/mem.h>
#include <stdio.h>
#include <utlist.h>

#define DIAL_TIME (15 * GW_SECOND)
#define PAUSE_LEAST (GW_SECOND)
#define PAUSE_MOST (30 * GW_SECOND)
#define SOON (30 * GW_SECOND)
/* Of the server, before it is asked whether it is there. Longer than servers leave their clients in
 * peace, since for the server it is a sign of life of the client's. */
#define SILENCE (150 * GW_SECOND)
#define ANSWER_TIME (60 * GW_SECOND) /* until it is given up */

#define MUTE (10 * GW_SECOND)       /* of the client, before it was the server's reason to close */
#define MUTE_MOST (240 * GW_SECOND) /* before it is the agent's */

#define OWN_PING "PING :godwit-agent"

struct session *session_new(struct agent *agent, struct gw_conn *local)
{
	struct gw_self *self = agent->self;
	struct session *s = gw_alloc(self, sizeof(*s));

	s->agent = agent;
	s->id = ++agent->last_id;
	s->local = local;
	s->since_ns = s->heard_ns = gw_mono_ns(self);
	s->due_ns = INT64_MAX;
	s->mover.deadline_ns = INT64_MAX;
	s->timer = gw_timer_new(self, gw_call(self, CALL_SESSION_TIMER, s->id));
	track_init(&s->track, self);
	DL_APPEND(agent->sessions, s);
	agent->n_sessions++;
	return s;
}

struct session *session_find(struct agent *agent, uint64_t id)
{
	struct session *s;

	DL_FOREACH (agent->sessions, s)
		if (s->id == id)
			return s;
	return NULL;
}

void session_free(struct session *s)
{
	struct agent *agent = s->agent;
	struct gw_self *self = agent->self;

	for (int slot = 0; slot < 2; slot++)
		up_close(s, slot, "The client has gone");
	redirect_end(s);
	admin_moved(s, -1, "The client has gone");
	gate_free(s);
	login_free(s);
	restore_free(s);
	regain_free(s);
	doubt_free(s);
	track_fini(&s->track);
	gw_timer_free(&s->timer, self);
	gw_free(self, s->reason);
	gw_free(self, s->denied);
	gw_free(self, s->error);
	DL_DELETE(agent->sessions, s);
	agent->n_sessions--;
	gw_free(self, s);
}

const char *session_where(const struct session *s)
{
	const struct up *up = s->up[s->mover.home];

	return up == NULL || !up->ready ? "-" : up->address;
}

static void keep_text(struct session *s, char **place, const char *text)
{
	char *old = *place;

	*place = text == NULL ? NULL : gw_strdup(s->agent->self, text);
	gw_free(s->agent->self, old);
}

/* --- dialling --- */

/** 1, 2, 4 ... 30 s between rounds over all addresses, a quarter more or less. */
static int64_t pause_of(struct session *s)
{
	uint32_t n = s->agent->upstreams.n, round = n > 0 ? s->tries / n : s->tries;
	int64_t least = PAUSE_LEAST << (round > 5 ? 5 : round - 1);
	int64_t pause = least < PAUSE_MOST ? least : PAUSE_MOST;

	return pause + (int64_t)(gw_random_u64(s->agent->self) % (uint64_t)(pause / 2)) - pause / 4;
}

static void dial_next(struct session *s)
{
	struct upstream *at = upstreams_at(s->agent, s->tries);

	if (at == NULL) {
		session_end(s, "This agent knows no server's address");
		return;
	}
	s->tries++;
	s->dialling = true;
	s->due_ns = gw_mono_ns(s->agent->self) + DIAL_TIME;
	up_dial(s, 0, at);
	session_arm(s);
}

/** The first address that has not just turned a client away; if all have, the first. */
static uint32_t first_open(struct agent *agent)
{
	for (uint32_t i = 0; i < agent->upstreams.n; i++)
		if (upstreams_at(agent, i)->shut_ns <= gw_mono_ns(agent->self))
			return i;
	return 0;
}

void session_dial(struct session *s)
{
	s->state = SESSION_DIALLING;
	s->tries = first_open(s->agent);
	dial_next(s);
}

void session_up(struct session *s, struct up *up)
{
	bool first = s->state == SESSION_DIALLING;

	s->dialling = false;
	s->due_ns = INT64_MAX;
	s->since_ns = s->heard_ns = gw_mono_ns(s->agent->self);
	s->pinged = s->own_cap_asked = s->can_move = false;
	redirect_begin(s);
	gw_log(s->agent->self, GW_INFO, "connected session=%lu nick=%s to=%s", (unsigned long)s->id,
	       s->track.nick, up->address);
	s->state = first ? SESSION_PASSING : SESSION_RESTORING;
	session_arm(s);
	if (first)
		gate_open(s);
	else
		restore_begin(s);
}

void session_dial_failed(struct session *s, const char *reason)
{
	struct gw_self *self = s->agent->self;
	struct upstream *at = upstreams_at(s->agent, s->tries - 1);

	s->dialling = false;
	keep_text(s, &s->reason, reason);
	gw_log(self, GW_WARN, "cannot connect session=%lu to=%s reason=\"%s\"",
	       (unsigned long)s->id, at == NULL ? "-" : at->address, reason);
	if (s->agent->upstreams.n > 0 && s->tries % s->agent->upstreams.n != 0) {
		dial_next(s);
	} else if (s->state == SESSION_DIALLING) {
		session_end(s, reason);
	} else {
		s->due_ns = gw_mono_ns(self) + pause_of(s);
		session_arm(s);
	}
}

/* --- loss and return --- */

/** The text of "ERROR :text", or `reason`. */
static const char *said_reason(const struct session *s, const char *reason)
{
	const char *text = s->error == NULL ? NULL : strstr(s->error, "ERROR :");

	return text == NULL ? reason : text + 7;
}

/** The server has closed, and the client has not answered it for long: it is the client that is
 * gone. */
static bool is_mute(const struct session *s)
{
	return s->error != NULL && s->unanswered_ns != 0 &&
	       gw_mono_ns(s->agent->self) - s->unanswered_ns >= MUTE;
}

/** Nobody would want it back: the client left, was killed, does not answer, or never was in. */
static bool is_end(const struct session *s)
{
	return is_mute(s) || s->quit || !s->track.registered || s->state == SESSION_ENDING ||
	       s->local == NULL;
}

static void end_as_server(struct session *s, const char *reason)
{
	if (s->error != NULL)
		session_tell(s, s->error);
	s->state = SESSION_ENDING;
	local_close(s, reason);
	session_arm(s);
}

/** None, unless it was lost soon after it had come back: then 2, 4 ... 32 s. Two who have the same
 * account would else throw each other out as fast as they can. */
static int64_t pause_before(struct session *s, int64_t now)
{
	if (s->lost < 2 || now - s->since_ns > SOON)
		s->soon_lost = 0;
	else if (s->soon_lost < 5)
		s->soon_lost++;
	return s->soon_lost > 0 ? GW_SECOND << s->soon_lost : 0;
}

static void look_elsewhere(struct session *s)
{
	int64_t now = gw_mono_ns(s->agent->self);

	s->due_ns = now + pause_before(s, now);
	s->state = SESSION_LOST;
	s->since_ns = now;
	s->tries = 0;
	local_watch(s);
	session_arm(s);
}

void session_lost(struct session *s, const char *reason)
{
	bool again = s->state == SESSION_RESTORING;

	if (is_end(s)) {
		end_as_server(s, reason);
		return;
	}
	keep_text(s, &s->reason, said_reason(s, reason));
	keep_text(s, &s->error, NULL);
	gw_log(s->agent->self, GW_WARN, "server lost session=%lu nick=%s reason=\"%s\"",
	       (unsigned long)s->id, s->track.nick, s->reason);
	if (again) {
		restore_lost(s, s->reason);
		return;
	}
	s->lost_ns = gw_mono_ns(s->agent->self);
	admin_moved(s, -1, s->reason);
	s->lost++;
	s->agent->lost++;
	session_notice(s, "The connection to the network was lost (%s); connecting again",
	               s->reason);
	doubt_tell(s);
	look_elsewhere(s);
}

void session_restored(struct session *s)
{
	s->state = SESSION_PASSING;
	s->agent->restored++;
	s->since_ns = gw_mono_ns(s->agent->self);
	gw_log(s->agent->self, GW_INFO, "restored session=%lu nick=%s to=%s", (unsigned long)s->id,
	       s->track.nick, session_where(s));
	local_watch(s);
	session_arm(s);
}

void session_restore_failed(struct session *s, bool login, const char *reason)
{
	char why[400];

	snprintf(why, sizeof(why), "%s", reason);
	keep_text(s, &s->reason, why);
	for (int slot = 0; slot < 2; slot++)
		up_close(s, slot, "Not restored");
	redirect_end(s);
	s->mover.deadline_ns = INT64_MAX;
	if (login) {
		session_end(s, why);
		return;
	}
	restore_free(s);
	s->state = SESSION_LOST;
	session_dial_failed(s, why);
}

/* --- the end --- */

static void say_quit(struct session *s, const char *reason)
{
	char line[AGENT_TELL_MAX];

	if (s->state != SESSION_PASSING || !s->track.registered || s->quit)
		return;
	snprintf(line, sizeof(line), "QUIT :%.300s", reason);
	session_send(s, line);
}

void session_end(struct session *s, const char *reason)
{
	char line[AGENT_TELL_MAX];

	if (s->state == SESSION_ENDING)
		return;
	say_quit(s, reason);
	s->state = SESSION_ENDING;
	s->dialling = false;
	s->due_ns = INT64_MAX;
	for (int slot = 0; slot < 2; slot++)
		up_close(s, slot, reason);
	snprintf(line, sizeof(line), "ERROR :Closing link: (%s)", reason);
	session_tell(s, line);
	local_close(s, reason);
}

/* What was said before is still on its way while a swap lasts; and this may be called from within
 * the mover. */
void session_leave(struct session *s)
{
	s->local = NULL;
	s->quit = true;
	if (redirect_holds(s)) {
		up_watch(s, s->mover.home);
		s->due_ns = gw_mono_ns(s->agent->self) + DIAL_TIME;
	} else {
		s->state = SESSION_ENDING;
		s->due_ns = gw_mono_ns(s->agent->self);
	}
	session_arm(s);
}

/* --- time --- */

static int64_t alive_at(const struct session *s)
{
	bool up = s->state == SESSION_PASSING || s->state == SESSION_RESTORING;

	return up ? s->heard_ns + SILENCE + (s->pinged ? ANSWER_TIME : 0) : INT64_MAX;
}

static int64_t mute_at(const struct session *s)
{
	return s->unanswered_ns != 0 && s->state == SESSION_PASSING ? s->unanswered_ns + MUTE_MOST
	                                                            : INT64_MAX;
}

void session_arm(struct session *s)
{
	struct gw_self *self = s->agent->self;
	int64_t at = s->due_ns, doubt = doubt_tick(s);

	if (alive_at(s) < at)
		at = alive_at(s);
	if (mute_at(s) < at)
		at = mute_at(s);
	if (s->mover.deadline_ns < at)
		at = s->mover.deadline_ns;
	if (doubt < at)
		at = doubt;
	if (at != INT64_MAX)
		at = at > gw_mono_ns(self) ? at - gw_mono_ns(self) : 0;
	gw_timer_set(s->timer, self, at != INT64_MAX ? at : -1);
}

/** A pause is over, a dial takes too long, or the client has gone. */
static void due(struct session *s)
{
	s->due_ns = INT64_MAX;
	if (s->local == NULL) {
		session_free(s);
	} else if (s->dialling) {
		up_close(s, 0, "No answer");
		session_dial_failed(s, "No answer in time");
	} else if (s->state == SESSION_LOST) {
		dial_next(s);
	}
}

/* The other slot is the mover's: in the middle of a move it takes the place of this one. */
static void check_alive(struct session *s)
{
	const struct up *up = s->up[s->mover.home];

	if (!s->pinged) {
		s->pinged = true;
		session_send(s, OWN_PING);
	} else if (up != NULL && up->stopped) {
		session_end(s, "The client does not read");
	} else {
		up_close(s, s->mover.home, "Silence");
		redirect_closed(s, s->mover.home);
	}
}

void session_timer(void *state, uint64_t id)
{
	struct session *s = session_find(state, id);
	int64_t now;

	if (s == NULL)
		return;
	now = gw_mono_ns(s->agent->self);
	if (now >= s->due_ns) {
		due(s);
		return;
	}
	if (now >= s->mover.deadline_ns)
		redirect_tick(s);
	if (now >= alive_at(s))
		check_alive(s);
	if (now >= mute_at(s))
		session_end(s, "The client does not answer");
	session_arm(s);
}
