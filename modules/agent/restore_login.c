/*
 * modules/agent/restore_login.c - a new connection, up to its 001: the capabilities that were in
 * force, the nick, and the login with what login.c has.
 *
 * A nick that is refused before the login may be ours after it, when the server has made room; only
 * then another one is taken.
 */
#include "restore.h"

#include <godwit/mem.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

#define OFFERED_MAX 200
#define UNDERSCORES 3
#define NICKS_MAX 8
#define PATIENCE (10 * GW_SECOND)

/* To compare people, and to learn early that a login is wanted. Given up again at the end. */
static const char *const extras[] = {
	"userhost-in-names",
	"multi-prefix",
	"standard-replies",
};

/* --- nicks --- */

/** The nick, then with one to three underscores behind it, then other ends. */
static void send_nick(struct session *s)
{
	struct restore *r = s->restore;
	uint32_t n = r->nicks_tried;
	char nick[TRACK_NICK_MAX + UNDERSCORES + 1];

	if (n <= UNDERSCORES)
		snprintf(nick, sizeof(nick), "%.*s%.*s", TRACK_NICK_MAX - 1, r->wanted, (int)n,
		         "___");
	else
		snprintf(nick, sizeof(nick), "%.5s_%u", r->wanted,
		         (unsigned)(gw_random_u64(s->agent->self) % 900) + 100);
	restore_say(s, "NICK %s", nick);
}

static void nick_refused(struct session *s, const struct ircline *l)
{
	struct restore *r = s->restore;

	if (r->stage < RESTORE_ENTER) {
		r->nick_refused = true;
		return;
	}
	if (++r->nicks_tried == NICKS_MAX) {
		restore_fail(s, false, "No nick is free: %s", restore_last(l));
		return;
	}
	send_nick(s);
	if (r->patient) {
		r->patient = false;
		restore_mark(s);
	}
}

/* --- the stages --- */

static void enter(struct session *s, bool negotiated)
{
	struct restore *r = s->restore;

	r->stage = RESTORE_ENTER;
	if (r->nick_refused)
		send_nick(s);
	if (negotiated)
		restore_say(s, "CAP END");
	if (!r->logged_in && r->words.pass == NULL)
		restore_mark(s);
}

/** The end of the stage of capabilities: the login, if there is one by SASL. */
static void sasl_begin(struct session *s)
{
	struct restore *r = s->restore;

	if (r->words.plain == NULL) {
		enter(s, true);
	} else if (r->sasl && r->sasl_plain) {
		r->stage = RESTORE_SASL;
		session_send(s, "AUTHENTICATE PLAIN");
	} else if (r->words.from_file && !r->sasl) {
		char line[2 * LOGIN_WORD_MAX + 16];

		snprintf(line, sizeof(line), "PASS %s", r->words.pass);
		session_send(s, line);
		sodium_memzero(line, sizeof(line));
		enter(s, true);
	} else {
		restore_fail(s, r->sasl,
		             r->sasl ? "The server takes no password any more: log in again"
		                     : "The server offers no login at the moment");
	}
}

/** The next CAP REQ, or what comes after all. */
static void request(struct session *s)
{
	struct restore *r = s->restore;

	restore_wait(s, 30 * GW_SECOND);
	if (r->requests.n > 0)
		restore_say(s, "CAP REQ :%s", r->requests.at[0]);
	else
		sasl_begin(s);
}

/** A request for many was refused as a whole: one by one. */
static void split(struct session *s)
{
	struct gw_self *self = s->agent->self;
	struct lines *requests = &s->restore->requests;
	char *text = gw_strdup(self, requests->at[0]), *rest = text, *word;

	lines_drop(self, requests, 1);
	if (strchr(text, ' ') != NULL)
		while ((word = strsep(&rest, " ")) != NULL)
			lines_add(self, requests, word);
	gw_free(self, text);
}

static void want(struct session *s, struct restore_words *words, const char *cap)
{
	struct restore *r = s->restore;

	if (!lines_have(&r->offered, cap))
		return;
	if (!restore_word(words, cap, ' ')) {
		lines_add(s->agent->self, &r->requests, words->text);
		words->n = 0;
		restore_word(words, cap, ' ');
	}
}

static void want_extra(struct session *s, struct restore_words *words, const char *cap)
{
	if (track_has_cap(&s->track, cap) || !lines_have(&s->restore->offered, cap))
		return;
	want(s, words, cap);
	lines_add(s->agent->self, &s->restore->extra, cap);
}

/** All is offered: what the client had, what helps to compare, and the agent's own. */
static void plan_requests(struct session *s)
{
	struct restore *r = s->restore;
	struct restore_words words = {.n = 0};

	for (size_t i = 0; i < s->track.n_caps; i++)
		if (strcmp(s->track.caps[i], RESTORE_OWN_CAP) != 0)
			want(s, &words, s->track.caps[i]);
	for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++)
		want_extra(s, &words, extras[i]);
	if (r->words.plain != NULL)
		want_extra(s, &words, "sasl");
	if (words.n > 0)
		lines_add(s->agent->self, &r->requests, words.text);
	if (lines_have(&r->offered, RESTORE_OWN_CAP))
		lines_add(s->agent->self, &r->requests, RESTORE_OWN_CAP);
	r->stage = RESTORE_REQUEST;
	request(s);
}

/* --- what the server says --- */

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; *list != '\0'; list += strcspn(list, ","), list += *list == ',')
		if (strncasecmp(list, word, len) == 0 && (list[len] == ',' || list[len] == '\0'))
			return true;
	return false;
}

static void offer(struct session *s, char *list)
{
	struct restore *r = s->restore;
	char *rest = list, *word;

	while ((word = strsep(&rest, " ")) != NULL) {
		char *value = strchr(word, '=');

		if (value != NULL)
			*value++ = '\0';
		if (*word == '\0' || r->offered.n == OFFERED_MAX)
			continue;
		lines_add(s->agent->self, &r->offered, word);
		if (strcmp(word, "sasl") == 0) {
			r->sasl = true;
			r->sasl_plain = value == NULL || has_word(value, "PLAIN");
		}
	}
}

static void cap_ls(struct session *s, const struct ircline *l)
{
	bool more = l->n > 3 && strcmp(l->params[2], "*") == 0;
	char *list;

	if (s->restore->stage != RESTORE_OFFER)
		return;
	list = gw_strdup(s->agent->self, restore_last(l));
	offer(s, list);
	gw_free(s->agent->self, list);
	if (!more)
		plan_requests(s);
}

static void cap_granted(struct session *s, const struct ircline *l)
{
	struct restore *r = s->restore;

	if (r->stage != RESTORE_REQUEST || r->requests.n == 0)
		return;
	if (strncmp(l->params[2], RESTORE_OWN_CAP, strlen(RESTORE_OWN_CAP)) == 0)
		r->can_move = true;
	lines_drop(s->agent->self, &r->requests, 1);
	request(s);
}

static void cap_refused(struct session *s, const struct ircline *l)
{
	(void)l;
	if (s->restore->stage != RESTORE_REQUEST || s->restore->requests.n == 0)
		return;
	split(s);
	request(s);
}

static void cap(struct session *s, const struct ircline *l)
{
	if (strcasecmp(l->params[1], "LS") == 0)
		cap_ls(s, l);
	else if (strcasecmp(l->params[1], "ACK") == 0)
		cap_granted(s, l);
	else if (strcasecmp(l->params[1], "NAK") == 0)
		cap_refused(s, l);
}

/** The server has no capabilities, nor SASL. */
static void no_cap(struct session *s, const struct ircline *l)
{
	struct restore *r = s->restore;

	if (r->stage != RESTORE_OFFER ||
	    (strcmp(l->verb, "421") == 0 && strcasecmp(l->params[1], "CAP") != 0))
		return;
	enter(s, false);
}

/** The response in parts of 400 bytes; one of exactly that length is followed by an empty one. */
static void authenticate(struct session *s, const struct ircline *l)
{
	struct restore *r = s->restore;
	char line[LOGIN_CHUNK + 16];
	const char *at = r->words.plain;
	size_t left;

	if (r->stage != RESTORE_SASL || strcmp(l->params[0], "+") != 0)
		return;
	for (left = strlen(at); left >= LOGIN_CHUNK; left -= LOGIN_CHUNK, at += LOGIN_CHUNK) {
		snprintf(line, sizeof(line), "AUTHENTICATE %.*s", LOGIN_CHUNK, at);
		session_send(s, line);
	}
	snprintf(line, sizeof(line), "AUTHENTICATE %s", left > 0 ? at : "+");
	session_send(s, line);
	sodium_memzero(line, sizeof(line));
}

static void logged_in(struct session *s, const struct ircline *l)
{
	struct restore *r = s->restore;

	(void)l;
	r->logged_in = true;
	if (r->stage == RESTORE_SASL)
		enter(s, true);
}

static void account(struct session *s, const struct ircline *l)
{
	(void)l;
	s->restore->logged_in = true;
}

static void login_refused(struct session *s, const struct ircline *l)
{
	restore_fail(s, true, "Your login is no longer accepted (%s): log in again",
	             restore_last(l));
}

static void login_aborted(struct session *s, const struct ircline *l)
{
	restore_fail(s, false, "The login was broken off (%s)", restore_last(l));
}

static void failed(struct session *s, const struct ircline *l)
{
	if (strcasecmp(l->params[1], "ACCOUNT_REQUIRED") == 0 && !s->restore->logged_in &&
	    s->restore->words.pass == NULL)
		restore_fail(s, true, RESTORE_WANTS_LOGIN);
}

static const struct {
	const char *verb;
	void (*fn)(struct session *s, const struct ircline *l);
} verbs[] = {
	{"421", no_cap},        {"410", no_cap},        {"451", no_cap},
	{"432", nick_refused},  {"433", nick_refused},  {"436", nick_refused},
	{"437", nick_refused},  {"464", login_refused}, {"900", account},
	{"902", login_refused}, {"903", logged_in},     {"904", login_refused},
	{"905", login_refused}, {"906", login_aborted}, {"907", logged_in},
	{"CAP", cap},           {"FAIL", failed},       {"AUTHENTICATE", authenticate},
};

void restore_login_line(struct session *s, const struct ircline *l)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcasecmp(verbs[i].verb, l->verb) == 0)
			verbs[i].fn(s, l);
}

/* Some servers look addresses up at this point, and are given time for it. */
void restore_login_marked(struct session *s)
{
	if (s->restore->stage != RESTORE_ENTER)
		return;
	s->restore->patient = true;
	restore_wait(s, PATIENCE);
}

static void hello(struct session *s)
{
	struct restore *r = s->restore;
	char line[LOGIN_TEXT_MAX + 8];

	if (r->words.pass != NULL && !r->words.from_file) {
		snprintf(line, sizeof(line), "PASS %s", r->words.pass);
		session_send(s, line);
		sodium_memzero(line, sizeof(line));
	}
	restore_say(s, s->track.cap_302 ? "CAP LS 302" : "CAP LS");
	send_nick(s);
	restore_say(s, "USER %s", s->track.user != NULL ? s->track.user : "godwit 0 * :godwit");
}

void restore_login_begin(struct session *s)
{
	struct restore *r = s->restore;
	struct gw_error err = {0};

	login_interrupted(s);
	if (!login_words(s, &r->words, &err) && login_seen(s))
		restore_fail(s, true,
		             "You were logged in by a way that the agent cannot repeat%s%s: "
		             "log in again",
		             err.text[0] != '\0' ? "; " : "", err.text);
	else if (r->words.over_tls && !s->mover.tls)
		restore_fail(s, false, "The login was made with TLS, and here is none");
	else
		hello(s);
}
