/*
 * modules/agent/admin.c - the agent's commands: its sessions, the addresses that it knows, and its
 * figures.
 */
#include "agent.h"
#include "tables.h"
#include "upstreams_text.h"

#include <errno.h>
#include <godwit/log.h>
#include <godwit/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define MOVE_TIME (30 * GW_SECOND)

enum { SERVER_NAME_MAX = 63, NUMBER_TEXT = 24 };

static const char *or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static void put_age(char out[NUMBER_TEXT], int64_t ns)
{
	snprintf(out, NUMBER_TEXT, "%lds", (long)(ns / GW_SECOND));
}

/* --- status --- */

static void add_number(struct gw_status *status, const char *key, uint64_t value)
{
	char text[NUMBER_TEXT];

	snprintf(text, sizeof(text), "%lu", (unsigned long)value);
	status->add(status, key, text);
}

/* Each once. */
static void add_in_use(struct agent *agent, struct gw_status *status)
{
	const struct session *s, *before;
	char text[400] = "";
	size_t n = 0;

	DL_FOREACH (agent->sessions, s) {
		const char *where = session_where(s);

		for (before = agent->sessions; before != s; before = before->next)
			if (strcmp(session_where(before), where) == 0)
				break;
		if (before == s && strcmp(where, "-") != 0 && n + strlen(where) + 2 < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? " " : "",
			                      where);
	}
	status->add(status, "agent-upstream", or_dash(text));
}

static uint64_t without_server(const struct agent *agent)
{
	const struct session *s;
	uint64_t n = 0;

	DL_FOREACH (agent->sessions, s) {
		n += s->state == SESSION_LOST || s->state == SESSION_RESTORING;
	}
	return n;
}

void admin_metrics(void *state, uint64_t tag, const void *payload)
{
	const struct gw_metrics *m = payload;
	const struct agent *agent = state;

	(void)tag;
	gw_metric(m, GW_GAUGE, "godwit_agent_sessions", "Clients of the agent.", agent->n_sessions);
	gw_metric(m, GW_GAUGE, "godwit_agent_sessions_without_server",
	          "Of these, those for whom a server is being looked for.",
	          (double)without_server(agent));
	gw_metric(m, GW_COUNTER, "godwit_agent_moves_total",
	          "Moves to another server that nobody noticed.", (double)agent->moves);
	gw_metric(m, GW_COUNTER, "godwit_agent_lost_total", "Connections to servers that broke.",
	          (double)agent->lost);
	gw_metric(m, GW_COUNTER, "godwit_agent_restored_total",
	          "Sessions that were made anew on a server after that.", (double)agent->restored);
	gw_metric(m, GW_COUNTER, "godwit_agent_wrong_passwords_total",
	          "Wrong passwords of local clients.", (double)agent->guard.failures);
}

void admin_status(void *state, uint64_t tag, const void *payload)
{
	struct gw_status *status = (struct gw_status *)(uintptr_t)payload;
	struct agent *agent = state;

	(void)tag;
	add_number(status, "agent-sessions", agent->n_sessions);
	add_number(status, "agent-without-server", without_server(agent));
	add_in_use(agent, status);
	add_number(status, "agent-moves", agent->moves);
	add_number(status, "agent-lost", agent->lost);
	add_number(status, "agent-restored", agent->restored);
	add_number(status, "agent-wrong-passwords", agent->guard.failures);
}

/* --- sessions --- */

static const char *const state_names[] = {
	[SESSION_GATE] = "password",       [SESSION_DIALLING] = "dialling",
	[SESSION_PASSING] = "passing",     [SESSION_LOST] = "lost",
	[SESSION_RESTORING] = "restoring", [SESSION_ENDING] = "ending",
};

static void show_session(struct gw_admin_request *req, const struct session *s)
{
	struct gw_self *self = s->agent->self;
	char id[NUMBER_TEXT], since[NUMBER_TEXT], moves[NUMBER_TEXT], lost[NUMBER_TEXT];

	snprintf(id, sizeof(id), "%lu", (unsigned long)s->id);
	put_age(since, gw_mono_ns(self) - s->since_ns);
	snprintf(moves, sizeof(moves), "%lu", (unsigned long)s->moves);
	snprintf(lost, sizeof(lost), "%lu", (unsigned long)s->lost);
	gw_admin_row(self, req,
	             (const char *const[]){
			     id, or_dash(s->track.nick),
			     s->local == NULL ? "-" : gw_conn_info(self, s->local)->address,
			     session_where(s), state_names[s->state], since, moves, lost},
	             8);
}

void admin_session_list(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	static const char *const head[] = {"id",    "nick",  "address", "server",
	                                   "state", "since", "moves",   "lost"};
	struct agent *agent = state;
	const struct session *s;

	(void)argc, (void)argv;
	gw_admin_head(agent->self, req, head, 8);
	DL_FOREACH (agent->sessions, s) {
		show_session(req, s);
	}
	gw_admin_done(agent->self, &req, 0, "");
}

void admin_moved(struct session *s, int status, const char *sentence)
{
	struct gw_self *self = s->agent->self;
	char line[AGENT_TELL_MAX];

	gw_timer_free(&s->asked_timer, self);
	if (s->asked_move == NULL)
		return;
	if (status == 0) {
		snprintf(line, sizeof(line), "%s is on %s now", or_dash(s->track.nick),
		         session_where(s));
		gw_admin_text(self, s->asked_move, line);
	}
	gw_admin_done(self, &s->asked_move, status, sentence);
}

void admin_timer(void *state, uint64_t id)
{
	struct session *s = session_find(state, id);

	if (s != NULL)
		admin_moved(s, -ETIMEDOUT, "The network has not moved it within 30 seconds");
}

/* One word of a line, as a server's name is. */
static bool is_server_name(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return false;
	return n > 0 && n <= SERVER_NAME_MAX && text[0] != ':';
}

static struct session *session_named(struct agent *agent, const char *text)
{
	char *end;
	unsigned long long id = strtoull(text, &end, 10);

	return text[0] >= '0' && text[0] <= '9' && *end == '\0' ? session_find(agent, id) : NULL;
}

static int may_move(const struct session *s, const char *text, const char *server,
                    struct gw_error *why)
{
	if (s == NULL)
		return gw_fail(why, -ENOENT, "There is no session '%.20s': see session list", text);
	if (s->state != SESSION_PASSING || !s->track.registered)
		return gw_fail(why, -ENOTCONN, "Session %s is on no server now", text);
	if (!s->can_move)
		return gw_fail(why, -EOPNOTSUPP, "Its server moves nobody (no godwit/redirect)");
	if (s->asked_move != NULL || s->mover.state != MOVER_HOME)
		return gw_fail(why, -EALREADY, "It is being moved already");
	if (server[0] != '\0' && !is_server_name(server))
		return gw_fail(why, -EINVAL, "'%.63s' is no server's name", server);
	return 0;
}

/* The server says no with FAIL (pass.c), or asks for the move (redirect.c). */
void admin_session_move(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	const char *server = argc > 1 ? argv[1] : "";
	struct agent *agent = state;
	struct session *s = session_named(agent, argv[0]);
	struct gw_error why = {0};
	int status = may_move(s, argv[0], server, &why);

	if (status != 0) {
		gw_admin_done(agent->self, &req, status, why.text);
		return;
	}
	s->asked_move = req;
	s->asked_timer = gw_timer_new(agent->self, gw_call(agent->self, CALL_ADMIN_TIMER, s->id));
	gw_timer_set(s->asked_timer, agent->self, MOVE_TIME);
	redirect_ask(s, server);
}

/* --- upstreams --- */

/* All that are right for it; "-": none yet, or it has no TLS. */
static void put_pins(struct agent *agent, const struct upstream *u, char *out, size_t max)
{
	const uint8_t *pins[UPSTREAMS_GIVEN_MAX + 1];
	size_t n = upstreams_pins(agent, u, pins), at = 0;
	char hex[UPSTREAM_HEX + 1];

	snprintf(out, max, "-");
	for (size_t i = 0; i < n && at < max; i++) {
		upstream_pin_text(pins[i], hex);
		at += (size_t)snprintf(out + at, max - at, "%s%s", i > 0 ? "," : "", hex);
	}
}

static const char *said_by(struct agent *agent, const struct upstream *u)
{
	static const char *const names[] = {
		[UPSTREAM_PIN_FIRST] = "first-use",
		[UPSTREAM_PIN_NETWORK] = "network",
		[UPSTREAM_PIN_GIVEN] = "given",
	};
	const uint8_t *pins[UPSTREAMS_GIVEN_MAX + 1];

	if (upstreams_pins(agent, u, pins) == 0)
		return "-";
	return pins[0] == u->pin ? names[u->from] : "option";
}

static void show_upstream(struct agent *agent, struct gw_admin_request *req,
                          const struct upstream *u)
{
	char pins[(UPSTREAMS_GIVEN_MAX + 1) * (UPSTREAM_HEX + 1)], seen[UPSTREAM_HEX + 1] = "-";
	char used[NUMBER_TEXT] = "-";

	put_pins(agent, u, pins, sizeof(pins));
	if (u->has_seen)
		upstream_pin_text(u->seen, seen);
	if (u->used_ns > 0)
		put_age(used, gw_wall_ns(agent->self) - u->used_ns);
	gw_admin_row(agent->self, req,
	             (const char *const[]){u->address,
	                                   u->configured ? "configured"
	                                   : u->tried    ? "network"
	                                                 : "kept",
	                                   u->tls ? "yes" : "no", used,
	                                   u->ticket != NULL ? "yes" : "no", said_by(agent, u),
	                                   pins, seen},
	             8);
}

void admin_upstream_list(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	static const char *const head[] = {"address", "from", "tls",         "used",
	                                   "ticket",  "pin",  "fingerprint", "refused"};
	struct agent *agent = state;
	const struct upstream *u;

	(void)argc, (void)argv;
	gw_admin_head(agent->self, req, head, 8);
	for (uint32_t i = 0; i < agent->upstreams.n; i++)
		show_upstream(agent, req, upstreams_at(agent, i));
	DL_FOREACH (agent->upstreams.list, u) {
		if (!u->tried)
			show_upstream(agent, req, u);
	}
	gw_admin_done(agent->self, &req, 0, "");
}

static struct upstream *upstream_named(struct agent *agent, struct gw_admin_request **req,
                                       const char *text)
{
	struct upstream *u = upstreams_find(agent, text);
	char why[200];

	if (u == NULL) {
		snprintf(why, sizeof(why), "There is no upstream '%.100s': see upstream list",
		         text);
		gw_admin_done(agent->self, req, -ENOENT, why);
	}
	return u;
}

void admin_upstream_trust(void *state, struct gw_admin_request *req, int argc,
                          const char *const *argv)
{
	struct agent *agent = state;
	struct upstream *u = upstream_named(agent, &req, argv[0]);
	uint8_t pin[UPSTREAM_PIN];

	(void)argc;
	if (u == NULL)
		return;
	if (!u->tls || !upstream_pin_read(argv[1], pin)) {
		gw_admin_done(agent->self, &req, -EINVAL,
		              !u->tls ? "It is reached without TLS: there is no certificate"
		                      : "The fingerprint must be 64 hexadecimal digits: SHA-256 of "
		                        "the certificate");
		return;
	}
	upstreams_trust(agent, u, pin);
	gw_log(agent->self, GW_INFO, "trusted address=%s fingerprint=%s by=\"%s\"", u->address,
	       argv[1], gw_admin_who(agent->self, req));
	gw_admin_done(agent->self, &req, 0, "");
}

void admin_upstream_forget(void *state, struct gw_admin_request *req, int argc,
                           const char *const *argv)
{
	struct agent *agent = state;
	struct upstream *u = upstream_named(agent, &req, argv[0]);

	(void)argc;
	if (u == NULL)
		return;
	gw_log(agent->self, GW_INFO, "forgotten address=%s by=\"%s\"", u->address,
	       gw_admin_who(agent->self, req));
	upstreams_forget(agent, u);
	gw_admin_done(agent->self, &req, 0, "");
}
