/*
 * modules/agent/gate.c - the agent's own password, and what a client says before there is a server
 * for it.
 *
 * Clients say PASS, CAP, NICK and USER in different orders and wait for nothing, so what they say
 * is kept until the password was right and a server is reached, and then passes in its order.
 */
#include "agent.h"
#include "secret.h"
#include "tables.h"

#include <errno.h>
#include <godwit/log.h>
#include <godwit/mem.h>
#include <sodium.h>
#include <stdio.h>
#include <utlist.h>

enum { LINES_MAX = 64, BYTES_MAX = 32768 };
#define PATIENCE (30 * GW_SECOND)
#define MINUTE (60 * GW_SECOND)

/** A line that waits. */
struct kept {
	struct kept *prev, *next;
	size_t len;
	uint8_t end; /* of struct gw_line */
	uint8_t reserved[7];
	char bytes[]; /* with a NUL behind them, and what struct gw_line has there */
};

struct gate {
	struct kept *lines;
	struct kept *pass;      /* that of PASS, while what it says is not yet known to be right */
	struct gw_timer *timer; /* for the password; NULL: it was given, or is not wanted */
	size_t bytes;
	uint32_t n;
	bool nick, user; /* were said */
	uint8_t reserved[2];
};

/* --- what waits --- */

static struct gate *gate_of(struct session *s)
{
	if (s->gate == NULL)
		s->gate = gw_alloc(s->agent->self, sizeof(*s->gate));
	return s->gate;
}

/* NULL: that is too much, and the session has ended. */
static struct kept *keep(struct session *s, const char *line, size_t len)
{
	struct gate *gate = gate_of(s);
	struct kept *kept;

	if (gate->n >= LINES_MAX || gate->bytes + len > BYTES_MAX) {
		session_end(s, "Too much was said before a server was reached");
		return NULL;
	}
	kept = gw_alloc(s->agent->self, sizeof(*kept) + len + sizeof("\r\n"));
	kept->len = len;
	if (s->reading != NULL && s->reading->text == line)
		kept->end = s->reading->end;
	memcpy(kept->bytes, line, len);
	kept->bytes[len + 1] = '\n';
	DL_APPEND(gate->lines, kept);
	gate->n++;
	gate->bytes += len;
	return kept;
}

/* There may be passwords in them. */
static void drop(struct session *s, struct kept *kept)
{
	DL_DELETE(s->gate->lines, kept);
	sodium_memzero(kept->bytes, kept->len);
	gw_free(s->agent->self, kept);
}

void gate_free(struct session *s)
{
	struct kept *kept, *next;

	if (s->gate == NULL)
		return;
	DL_FOREACH_SAFE (s->gate->lines, kept, next) {
		drop(s, kept);
	}
	gw_timer_free(&s->gate->timer, s->agent->self);
	gw_free(s->agent->self, s->gate);
	s->gate = NULL;
}

static bool is_half_full(const struct gate *gate)
{
	return gate->n >= LINES_MAX / 2 || gate->bytes >= BYTES_MAX / 2;
}

void gate_open(struct session *s)
{
	struct gate *gate = s->gate;

	while (gate != NULL && gate->lines != NULL && s->state != SESSION_ENDING) {
		struct kept *kept = gate->lines;
		struct gw_line line = {.text = kept->bytes, .len = kept->len, .end = kept->end};

		s->reading = &line;
		pass_client_line(s, line.text, line.len);
		s->reading = NULL;
		drop(s, kept);
	}
	gate_free(s);
}

/* --- who is let in --- */

static void refuse(struct session *s, const char *why)
{
	char line[AGENT_TELL_MAX];

	snprintf(line, sizeof(line), ":%s 464 * :%s", session_source(s), why);
	session_tell(s, line);
	session_end(s, why);
}

/* The fifth within a minute closes the gate for everybody, for a minute. */
static void count_failure(struct agent *agent, uint64_t id)
{
	struct gate_guard *guard = &agent->guard;
	int64_t now = gw_mono_ns(agent->self);

	guard->failed_ns[guard->failures++ % GATE_FAILURES] = now;
	if (guard->failures >= GATE_FAILURES &&
	    guard->failed_ns[guard->failures % GATE_FAILURES] > now - MINUTE)
		guard->shut_until_ns = now + MINUTE;
	gw_log(agent->self, GW_WARN, "wrong password session=%lu failures=%lu%s", (unsigned long)id,
	       (unsigned long)guard->failures,
	       guard->shut_until_ns > now ? " no-more-for=60s" : "");
}

/* True: nobody may try now, and has been told so. */
static bool is_shut(struct session *s)
{
	struct gw_self *self = s->agent->self;
	int64_t left = s->agent->guard.shut_until_ns - gw_mono_ns(self);
	char why[100];

	if (left <= 0)
		return false;
	snprintf(why, sizeof(why), "Too many wrong passwords: no more tries for %d seconds",
	         (int)((left + GW_SECOND - 1) / GW_SECOND));
	refuse(s, why);
	return true;
}

static const char *wanted_now(const struct session *s)
{
	return gw_option_string(s->agent->self, gw_options(s->agent->self), "password");
}

/* The password of `said` has `n` bytes; what is behind its colon is the server's. -1: it is wrong.
 */
static void settle(struct session *s, const char *said, ssize_t n)
{
	struct kept *pass = s->gate->pass, *rest = NULL;
	char line[SECRET_SAID_MAX + sizeof("PASS :")];
	int len;

	if (n < 0) {
		count_failure(s->agent, s->id);
		refuse(s, "The password for this agent is wrong");
		return;
	}
	if (said[n] == ':' && said[n + 1] != '\0') {
		len = snprintf(line, sizeof(line), "PASS :%s", said + n + 1);
		rest = keep(s, line, (size_t)len);
		sodium_memzero(line, sizeof(line));
		if (rest == NULL)
			return;
		DL_DELETE(s->gate->lines, rest);
		DL_PREPEND_ELEM(s->gate->lines, pass, rest);
	}
	s->gate->pass = NULL;
	drop(s, pass);
	session_dial(s);
}

/* --- a hash takes its time --- */

/* False: it can not be begun. */
static bool job_begin(struct session *s, const char *said)
{
	struct gw_self *self = s->agent->self;
	struct secret_job *job = gw_job_new(self, sizeof(*job));

	snprintf(job->wanted, sizeof(job->wanted), "%s", wanted_now(s));
	snprintf(job->said, sizeof(job->said), "%s", said);
	if (gw_job_start(self, GW_LANE_COMPUTE, CALL_GATE_RUN, job,
	                 gw_call(self, CALL_GATE_CHECKED, s->id)) != 0)
		return false;
	s->agent->guard.checking = s->id;
	return true;
}

/* One at a time, so that those who guess do not fill the lane. */
static void check_hash(struct session *s, const char *said)
{
	if (s->agent->guard.checking == 0 && !job_begin(s, said))
		refuse(s, "This agent is busy: try again");
}

static void check_said(struct session *s, const char *said)
{
	const char *wanted = wanted_now(s);

	if (wanted[0] == '\0') { /* since it was said */
		s->gate->pass = NULL;
		session_dial(s);
	} else if (secret_is_hash(wanted) && strlen(said) <= SECRET_SAID_MAX) {
		check_hash(s, said);
	} else {
		settle(s, said, secret_match(wanted, said));
	}
}

static void check(struct session *s)
{
	struct ircline *l;

	if (is_shut(s))
		return;
	l = gw_alloc(s->agent->self, sizeof(*l));
	check_said(s, ircline_read(l, s->gate->pass->bytes) ? l->params[0] : "");
	sodium_memzero(l, sizeof(*l));
	gw_free(s->agent->self, l);
}

static void check_next(struct agent *agent)
{
	struct session *s;

	DL_FOREACH (agent->sessions, s) {
		if (agent->guard.checking != 0)
			return;
		if (s->state == SESSION_GATE && s->gate != NULL && s->gate->pass != NULL)
			check(s);
	}
}

void gate_run(void *job)
{
	secret_run(job);
}

void gate_checked(void *state, uint64_t id, void *job)
{
	struct agent *agent = state;
	struct session *s = session_find(agent, id);
	const struct secret_job *j = job;

	agent->guard.checking = 0;
	if (s != NULL && s->state == SESSION_GATE)
		settle(s, j->said, j->n);
	else if (j->n < 0)
		count_failure(agent, id); /* also of one who did not wait for the answer */
	check_next(agent);
}

/* --- a client at the gate --- */

bool gate_wanted(struct session *s)
{
	const struct gw_conn_info *info = gw_conn_info(s->agent->self, s->local);

	return wanted_now(s)[0] != '\0' && strcmp(info->address, "unix") != 0;
}

void gate_begin(struct session *s)
{
	struct gw_self *self = s->agent->self;
	struct gate *gate = gate_of(s);

	gate->timer = gw_timer_new(self, gw_call(self, CALL_GATE_TIMER, s->id));
	gw_timer_set(gate->timer, self, PATIENCE);
}

void gate_timer(void *state, uint64_t id)
{
	struct session *s = session_find(state, id);

	if (s != NULL && s->state == SESSION_GATE)
		session_end(s, "No password was given in time");
}

static void at_gate(struct session *s, struct kept *line)
{
	struct gate *gate = s->gate;

	if (gate->pass != NULL)
		return;
	if (ircline_is(line->bytes, "PASS")) {
		gw_timer_free(&gate->timer, s->agent->self);
		gate->pass = line;
		check(s);
		return;
	}
	gate->nick = gate->nick || ircline_is(line->bytes, "NICK");
	gate->user = gate->user || ircline_is(line->bytes, "USER");
	if (!gate->nick || !gate->user)
		return;
	gw_log(s->agent->self, GW_WARN, "no password session=%lu", (unsigned long)s->id);
	refuse(s, "This agent wants a password: set it as the server's password");
}

void gate_line(struct session *s, const char *line, size_t len)
{
	struct kept *kept;

	if (ircline_is(line, "QUIT")) {
		session_end(s, "Quit");
		return;
	}
	kept = keep(s, line, len);
	if (kept != NULL && s->state == SESSION_GATE)
		at_gate(s, kept);
	else if (kept != NULL)
		s->local_stopped = is_half_full(s->gate); /* until gate_open() */
}

int gate_check(struct gw_self *self, const struct gw_options *candidate, struct gw_error *err)
{
	if (!secret_is_broken(gw_option_string(self, candidate, "password")))
		return 0;
	return gw_fail(err, -EINVAL,
	               "password: it begins like a hash ($argon2id$...), but is none");
}
