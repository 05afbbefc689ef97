/*
 * modules/agent/restore.c - the new session becomes what the old one was: the stages, the time that
 * each has, and the end.
 *
 * Never more than a few lines are under way: each handful is followed by a PING, and the next goes
 * when that is answered. So no server's flood limit is met, however many channels there are.
 *
 * What people say meanwhile in channels that are joined already is kept, and told behind what has
 * changed. A failure is carried out by the timer, in a turn of its own: it takes the connection
 * away from under whoever calls.
 */
#include "restore.h"
#include "lost.h"
#include "regain.h"
#include "tables.h"

#include <godwit/log.h>
#include <godwit/mem.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#define STEP_TIME (30 * GW_SECOND)
#define LINES_AT_ONCE 3
#define BYTES_AT_ONCE 512
#define SAID_LINES_MAX 64
#define SAID_BYTES_MAX 32768
#define KEPT_BYTES_MAX (1 << 20)
#define ISUPPORT_MAX 32
#define MARK "godwit-agent-restore-"
#define ALIVE "godwit-agent" /* the PING of session.c */

static void (*const phases[])(struct session *s) = {
	restore_own, restore_rooms, restore_names, restore_people, restore_caps,
};
#define N_PHASES (sizeof(phases) / sizeof(phases[0]))

bool restore_word(struct restore_words *words, const char *word, char separator)
{
	size_t len = strlen(word);

	if (words->n + 1 + len > RESTORE_LINE - 20)
		return false;
	if (words->n > 0)
		words->text[words->n++] = separator;
	memcpy(words->text + words->n, word, len + 1);
	words->n += len;
	return true;
}

void restore_say(struct session *s, const char *format, ...)
{
	char line[AGENT_LINE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	track_client_line(&s->restore->fresh, line);
	session_send(s, line);
}

void restore_mark(struct session *s)
{
	char line[64];

	s->restore->mark = ++s->restore->last_mark;
	snprintf(line, sizeof(line), "PING :" MARK "%llu", (unsigned long long)s->restore->mark);
	session_send(s, line);
}

void restore_wait(struct session *s, int64_t ns)
{
	gw_timer_set(s->restore->timer, s->agent->self, ns);
}

static void keep_reason(struct session *s, const char *text)
{
	gw_free(s->agent->self, s->restore->reason);
	s->restore->reason = gw_strdup(s->agent->self, text);
}

void restore_fail(struct session *s, bool login, const char *format, ...)
{
	struct restore *r = s->restore;
	char text[400];
	va_list args;

	if (r->failed)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	keep_reason(s, text);
	r->failed = true;
	r->fail_login = login;
	restore_wait(s, 0);
}

/* --- beginning and end --- */

void restore_begin(struct session *s)
{
	struct gw_self *self = s->agent->self;

	restore_free(s);
	s->restore = gw_alloc(self, sizeof(*s->restore));
	s->restore->timer = gw_timer_new(self, gw_call(self, CALL_RESTORE_TIMER, s->id));
	s->restore->wanted = gw_strdup(self, regain_wanted(s));
	track_init(&s->restore->fresh, self);
	restore_wait(s, STEP_TIME);
	restore_login_begin(s);
}

void restore_free(struct session *s)
{
	struct gw_self *self = s->agent->self;
	struct restore *r = s->restore;

	if (r == NULL)
		return;
	restore_rooms_free(s);
	login_words_free(s, &r->words);
	track_fini(&r->fresh);
	lines_clear(self, &r->offered);
	lines_clear(self, &r->requests);
	lines_clear(self, &r->extra);
	lines_clear(self, &r->out);
	lines_clear(self, &r->kept);
	lines_clear(self, &r->said);
	lines_clear(self, &r->batches);
	lines_clear(self, &r->isupport);
	gw_free(self, r->wanted);
	gw_free(self, r->reason);
	gw_timer_free(&r->timer, self);
	gw_free(self, r);
	s->restore = NULL;
}

static void refuse_said(struct session *s)
{
	struct lines *said = &s->restore->said;

	for (size_t i = 0; i < said->n; i++)
		lost_refuse(s, said->at[i]);
	lines_clear(s->agent->self, said);
}

/** Now, and not within a call of the mover. */
static void give_up(struct session *s, bool login, const char *reason)
{
	char text[400];

	snprintf(text, sizeof(text), "%s", reason);
	refuse_said(s);
	session_restore_failed(s, login, text);
}

void restore_lost(struct session *s, const char *reason)
{
	struct restore *r = s->restore;

	give_up(s, r->failed && r->fail_login, r->reason != NULL ? r->reason : reason);
}

/* A line may end the session; then the rest has nowhere to go. */
static void send_said(struct session *s, struct lines *said)
{
	for (size_t i = 0; i < said->n && s->state == SESSION_PASSING; i++)
		pass_client_line(s, said->at[i], strlen(said->at[i]));
	lines_clear(s->agent->self, said);
}

/** The client learns what is otherwise now, then what was said, and its lines go on. */
static void finish(struct session *s)
{
	struct restore *r = s->restore;
	struct track old = s->track;
	struct lines said = r->said;

	restore_tell(s);
	r->fresh.cap_302 = old.cap_302;
	r->fresh.cap_said = old.cap_said;
	s->track = r->fresh;
	r->fresh = old;
	for (size_t i = 0; i < r->kept.n; i++)
		session_tell(s, r->kept.at[i]);
	s->can_move = r->can_move;
	r->said = (struct lines){0};
	regain_begin(s, r->wanted);
	restore_free(s);
	session_restored(s);
	send_said(s, &said);
}

/* --- work: the phases --- */

/** As many as may wait at a server that bounds its input narrowly. */
static size_t some(const struct lines *out)
{
	size_t n = 1, bytes = strlen(out->at[0]);

	while (n < out->n && n < LINES_AT_ONCE && bytes + strlen(out->at[n]) < BYTES_AT_ONCE)
		bytes += strlen(out->at[n++]);
	return n;
}

static void send_some(struct session *s)
{
	struct restore *r = s->restore;
	size_t n = some(&r->out);

	for (size_t i = 0; i < n; i++)
		restore_say(s, "%s", r->out.at[i]);
	lines_drop(s->agent->self, &r->out, n);
	restore_mark(s);
	restore_wait(s, STEP_TIME);
}

/** All that was sent has been answered. */
static void go_on(struct session *s)
{
	struct restore *r = s->restore;

	while (r->out.n == 0 && r->phase < N_PHASES)
		phases[r->phase++](s);
	if (r->out.n > 0)
		send_some(s);
	else
		finish(s);
}

/* --- what the server says --- */

static void ping(struct session *s, const struct ircline *l)
{
	char line[AGENT_TELL_MAX];

	snprintf(line, sizeof(line), "PONG :%.900s", restore_last(l));
	session_send(s, line);
}

static void pong(struct session *s, const struct ircline *l)
{
	struct restore *r = s->restore;
	const char *word = restore_last(l);
	char own[64];

	if (strcmp(word, ALIVE) == 0)
		s->pinged = false;
	snprintf(own, sizeof(own), MARK "%llu", (unsigned long long)r->mark);
	if (r->mark == 0 || strcmp(word, own) != 0)
		return;
	r->mark = 0;
	if (r->stage == RESTORE_WORK)
		go_on(s);
	else
		restore_login_marked(s);
}

static void error(struct session *s, const struct ircline *l)
{
	if (!s->restore->failed)
		keep_reason(s, l->params[0]);
}

static void killed(struct session *s, const struct ircline *l)
{
	if (track_is_me(&s->restore->fresh, l->params[0]))
		restore_fail(s, true, "You were killed: %s", l->params[1]);
}

static void banned(struct session *s, const struct ircline *l)
{
	restore_fail(s, true, "You are banned from this server: %s", restore_last(l));
}

static void welcome(struct session *s, const struct ircline *l)
{
	struct restore *r = s->restore;

	(void)l;
	if (r->stage == RESTORE_WORK)
		return;
	r->stage = RESTORE_WORK;
	login_words_free(s, &r->words);
	restore_wait(s, STEP_TIME);
	restore_mark(s);
}

static const struct {
	const char *verb;
	void (*fn)(struct session *s, const struct ircline *l);
} verbs[] = {
	{"001", welcome}, {"465", banned}, {"ERROR", error},
	{"KILL", killed}, {"PING", ping},  {"PONG", pong},
};

/** What is no state of the session, but was said or done. */
static const char *const told_later[] = {
	"PRIVMSG", "NOTICE",  "TAGMSG",  "INVITE", "WALLOPS",
	"AWAY",    "ACCOUNT", "SETNAME", "REDACT", "METADATA",
};

/* Of the server's own notices there are many at the beginning, which were all seen once. */
static bool is_for_client(const struct session *s, const struct ircline *l)
{
	if (s->restore->stage != RESTORE_WORK || strpbrk(l->source, "!@") == NULL)
		return false;
	for (size_t i = 0; i < sizeof(told_later) / sizeof(told_later[0]); i++)
		if (strcasecmp(l->verb, told_later[i]) == 0)
			return true;
	return false;
}

/** What people say in a batch is told with it; JOIN and QUIT in one are compared like all others.
 */
static bool is_batch_for_client(struct session *s, const struct ircline *l)
{
	struct lines *told = &s->restore->batches;

	if (s->restore->stage != RESTORE_WORK || strcasecmp(l->verb, "BATCH") != 0)
		return false;
	if (l->params[0][0] == '-')
		return lines_have(told, l->params[0] + 1);
	if (l->params[0][0] != '+' || strncmp(l->params[1], "net", 3) == 0 ||
	    told->n == TRACK_BATCHES_MAX)
		return false;
	lines_add(s->agent->self, told, l->params[0] + 1);
	return true;
}

/** The tracker does not hear of the agent's own capability, unless it is the client's too. */
static bool is_own_cap(const struct session *s, const struct ircline *l)
{
	return strcasecmp(l->verb, "CAP") == 0 &&
	       strncmp(l->params[2], RESTORE_OWN_CAP, strlen(RESTORE_OWN_CAP)) == 0 &&
	       !track_has_cap(&s->track, RESTORE_OWN_CAP);
}

static void keep(struct session *s, const char *line)
{
	struct restore *r = s->restore;

	if (r->kept.bytes < KEPT_BYTES_MAX)
		lines_add(s->agent->self, &r->kept, line);
	else
		session_tell(s, line);
}

void restore_line(struct session *s, const char *line)
{
	struct restore *r = s->restore;
	struct ircline l;

	if (r->failed || !ircline_read(&l, line))
		return;
	if (!is_own_cap(s, &l))
		track_server_line(&r->fresh, line);
	if (ircline_is(line, "005") && r->isupport.n < ISUPPORT_MAX)
		lines_add(s->agent->self, &r->isupport, line);
	if (is_for_client(s, &l) || is_batch_for_client(s, &l)) {
		keep(s, line);
		return;
	}
	if (r->stage == RESTORE_WORK)
		restore_rooms_line(s, &l);
	else
		restore_login_line(s, &l);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && s->restore == r; i++)
		if (strcasecmp(verbs[i].verb, l.verb) == 0)
			verbs[i].fn(s, &l);
}

/* --- what the client says, and the time --- */

static void wait_its_turn(struct session *s, const char *line)
{
	struct lines *said = &s->restore->said;

	if (said->n < SAID_LINES_MAX && said->bytes + strlen(line) <= SAID_BYTES_MAX)
		lines_add(s->agent->self, said, line);
	else
		lost_refuse(s, line);
}

void restore_client_line(struct session *s, const char *line)
{
	if (ircline_is(line, "QUIT"))
		session_send(s, line);
	if (line[strspn(line, " ")] != '\0' && !lost_answer(s, line))
		wait_its_turn(s, line);
}

void restore_timer(void *state, uint64_t id)
{
	struct session *s = session_find(state, id);

	if (s == NULL || s->restore == NULL)
		return;
	if (s->state != SESSION_RESTORING)
		restore_wait(s, -1);
	else if (s->restore->failed)
		give_up(s, s->restore->fail_login, s->restore->reason);
	else if (s->restore->patient)
		give_up(s, true, RESTORE_WANTS_LOGIN);
	else
		give_up(s, false, "The server did not answer in time");
}
