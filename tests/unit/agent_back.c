/*
 * tests/unit/agent_back.c - the agent's way back, and what it needs for it, against servers of any
 * kind: they are made of lines here. The rest of the session is played by this file.
 */
#include "modules/agent/agent.h"
#include "modules/agent/lines.h"
#include "modules/agent/login.h"
#include "modules/agent/regain.h"
#include "modules/agent/tables.h"
#include "tests/unit/cmocka.h"
#include "tests/unit/mini.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct stage {
	struct mini *mini;
	struct agent agent;
	struct session s;
	char sent[65536], told[65536]; /* lines, with LF; to the server, and to the client */
	char end[512];                 /* "restored", or the reason of the failure */
};

static struct stage *stage_of(struct session *s)
{
	return (struct stage *)((char *)s - offsetof(struct stage, s));
}

/* --- the rest of the session --- */

static void add(char *text, size_t max, const char *line)
{
	size_t n = strlen(text);

	snprintf(text + n, max - n, "%s\n", line);
}

int session_send(struct session *s, const char *line)
{
	add(stage_of(s)->sent, sizeof(stage_of(s)->sent), line);
	return 0;
}

void session_tell(struct session *s, const char *line)
{
	add(stage_of(s)->told, sizeof(stage_of(s)->told), line);
}

void session_notice(struct session *s, const char *format, ...)
{
	char line[AGENT_TELL_MAX] = "agent: ";
	va_list args;

	va_start(args, format);
	vsnprintf(line + 7, sizeof(line) - 7, format, args);
	va_end(args);
	session_tell(s, line);
}

const char *session_source(const struct session *s)
{
	(void)s;
	return "agent";
}

struct session *session_find(struct agent *agent, uint64_t id)
{
	(void)id;
	return agent->sessions;
}

void session_arm(struct session *s)
{
	(void)s;
}

void session_end(struct session *s, const char *reason)
{
	s->state = SESSION_ENDING;
	snprintf(stage_of(s)->end, sizeof(stage_of(s)->end), "end: %s", reason);
}

void session_restored(struct session *s)
{
	s->state = SESSION_PASSING;
	snprintf(stage_of(s)->end, sizeof(stage_of(s)->end), "restored");
}

void session_restore_failed(struct session *s, bool login, const char *reason)
{
	snprintf(stage_of(s)->end, sizeof(stage_of(s)->end), "%s: %s", login ? "login" : "failed",
	         reason);
	restore_free(s);
	s->state = SESSION_LOST;
}

void pass_client_line(struct session *s, const char *line, size_t len)
{
	(void)len;
	track_client_line(&s->track, line);
	session_send(s, line);
}

/* --- the stage --- */

static const struct gw_call_row calls[] = {
	[CALL_RESTORE_TIMER] = {"restore_timer", (gw_fn *)restore_timer},
	[CALL_REGAIN_TIMER] = {"regain_timer", (gw_fn *)regain_timer},
};

/* What the client and the server say in an ordinary session. */
static void said(struct stage *t, const char *line)
{
	track_client_line(&t->s.track, line);
	login_client_line(&t->s, line);
}

static void heard(struct stage *t, const char *line)
{
	track_server_line(&t->s.track, line);
	login_server_line(&t->s, line);
}

static struct stage *open_stage(void)
{
	struct stage *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->mini = mini_new("/nowhere", 1);
	mini_option(t->mini, "login", "");
	t->agent.self = mini_test_self(t->mini, calls, sizeof(calls) / sizeof(calls[0]), &t->agent);
	t->agent.sessions = &t->s;
	t->s.agent = &t->agent;
	t->s.id = 1;
	t->s.mover.tls = true;
	track_init(&t->s.track, t->agent.self);
	return t;
}

/* ann, who is in #tea with bob, operator, and cid. */
static struct stage *open_session(const char *caps)
{
	struct stage *t = open_stage();
	char line[512];

	said(t, "USER ann 0 * :Ann A");
	snprintf(line, sizeof(line), ":old CAP * ACK :%s", caps);
	heard(t, line);
	heard(t, ":old 001 ann :Welcome");
	heard(t, ":old 005 ann PREFIX=(ov)@+ CHANTYPES=# CASEMAPPING=rfc1459 :are supported");
	said(t, "JOIN #tea");
	heard(t, ":ann!a@home JOIN #tea");
	heard(t, ":old 332 ann #tea :leaves");
	heard(t, ":old 353 ann = #tea :ann @bob cid");
	heard(t, ":old 366 ann #tea :End");
	return t;
}

static void close_stage(struct stage *t)
{
	restore_free(&t->s);
	regain_free(&t->s);
	login_free(&t->s);
	track_fini(&t->s.track);
	mini_free(&t->mini);
	free(t);
}

static void lose(struct stage *t)
{
	t->s.lost_ns = gw_mono_ns(t->agent.self);
	t->s.state = SESSION_RESTORING;
	t->sent[0] = t->told[0] = t->end[0] = '\0';
	restore_begin(&t->s);
}

/* The server says these lines, each with LF. */
static void server(struct stage *t, const char *lines)
{
	char line[4096];

	while (*lines != '\0') {
		size_t n = strcspn(lines, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)n, lines);
		restore_line(&t->s, line);
		lines += n + (lines[n] == '\n');
	}
}

/* What the agent has sent since, exactly; its marks are called MARK. */
static void sent(struct stage *t, const char *want)
{
	char got[65536] = "", *rest = t->sent, *line;

	while ((line = strsep(&rest, "\n")) != NULL && rest != NULL)
		add(got, sizeof(got),
		    strncmp(line, "PING :godwit-agent-restore-", 27) == 0 ? "MARK" : line);
	assert_string_equal(got, want);
	t->sent[0] = '\0';
}

static void told(struct stage *t, const char *want)
{
	assert_string_equal(t->told, want);
	t->told[0] = '\0';
}

/* The last mark is answered; what was sent is forgotten. */
static void mark(struct stage *t)
{
	char *at = t->sent, *last = NULL, line[128];

	while ((at = strstr(at, "PING :godwit-agent-restore-")) != NULL)
		last = at++;
	assert_non_null(last);
	snprintf(line, sizeof(line), ":new PONG new :%.*s", (int)strcspn(last + 6, "\n"), last + 6);
	t->sent[0] = '\0';
	restore_line(&t->s, line);
}

/* From CAP LS to the end of the welcome; the nick is ann. */
static void welcome(struct stage *t)
{
	server(t, ":new CAP * LS :\n");
	server(t, ":new 001 ann :Welcome\n"
	          ":new 005 ann PREFIX=(ov)@+ CHANTYPES=# CASEMAPPING=rfc1459 :are supported\n");
}

static void pass_time(struct stage *t, int64_t seconds)
{
	mini_run(t->mini, seconds * GW_SECOND);
}

/* --- logins --- */

static void has_words(struct stage *t, const char *pass, const char *plain)
{
	struct login_words words;
	struct gw_error err;

	if (pass == NULL && plain == NULL) {
		assert_false(login_words(&t->s, &words, &err));
		return;
	}
	assert_true(login_words(&t->s, &words, &err));
	if (pass != NULL)
		assert_string_equal(words.pass, pass);
	else
		assert_null(words.pass);
	if (plain != NULL)
		assert_string_equal(words.plain, plain);
	else
		assert_null(words.plain);
	login_words_free(&t->s, &words);
}

static void what_the_server_has_accepted_is_kept(void **state)
{
	struct stage *t = open_stage();

	(void)state;
	said(t, "CAP REQ :sasl");
	has_words(t, NULL, NULL);
	said(t, "PASS :server secret");
	said(t, "AUTHENTICATE PLAIN");
	said(t, "AUTHENTICATE QQBhAGI=");
	has_words(t, NULL, NULL);
	heard(t, ":old 900 * * ann :You are now logged in");
	has_words(t, NULL, "QQBhAGI=");
	heard(t, ":old 903 * :SASL authentication successful");
	heard(t, ":old 001 ann :Welcome");
	has_words(t, ":server secret", "QQBhAGI=");
	said(t, "PASS other");
	heard(t, ":old 462 ann :You may not reregister");
	has_words(t, ":server secret", "QQBhAGI=");
	close_stage(t);
}

static void a_login_that_was_refused_or_broken_off_is_not(void **state)
{
	struct stage *t = open_stage();
	static const char *const refusals[] = {"902", "904", "905", "906"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char line[64];

		said(t, "AUTHENTICATE PLAIN");
		said(t, "AUTHENTICATE QQBhAGI=");
		snprintf(line, sizeof(line), ":old %s * :no", refusals[i]);
		heard(t, line);
		heard(t, ":old 903 * :a stray one");
		has_words(t, NULL, NULL);
	}
	said(t, "AUTHENTICATE PLAIN");
	said(t, "AUTHENTICATE QQBhAGI=");
	said(t, "AUTHENTICATE *");
	heard(t, ":old 903 * :a stray one");
	said(t, "AUTHENTICATE PLAIN");
	heard(t, ":old 903 * :without a response");
	said(t, "PASS wrong");
	heard(t, ":old 464 * :Password incorrect");
	heard(t, ":old 001 ann :Welcome");
	has_words(t, NULL, NULL);
	close_stage(t);
}

/* 400 bytes say that there are more; another login by other means makes it worthless. */
static void responses_in_chunks(void **state)
{
	struct stage *t = open_stage();
	char chunk[LOGIN_CHUNK + 1], line[LOGIN_CHUNK + 32], whole[2 * LOGIN_CHUNK + 8];

	(void)state;
	memset(chunk, 'A', LOGIN_CHUNK);
	chunk[LOGIN_CHUNK] = '\0';
	snprintf(line, sizeof(line), "AUTHENTICATE :%s", chunk);
	said(t, "authenticate plain");
	said(t, line);
	heard(t, ":old 903 * :too early");
	has_words(t, NULL, NULL);
	said(t, "AUTHENTICATE PLAIN");
	said(t, line);
	said(t, line);
	said(t, "AUTHENTICATE +");
	heard(t, ":old 903 * :yes");
	snprintf(whole, sizeof(whole), "%s%s", chunk, chunk);
	has_words(t, NULL, whole);
	said(t, "AUTHENTICATE PLAIN");
	said(t, line);
	said(t, "AUTHENTICATE QUI=");
	heard(t, ":old 903 * :yes");
	snprintf(whole, sizeof(whole), "%sQUI=", chunk);
	has_words(t, NULL, whole);
	said(t, "AUTHENTICATE PLAIN");
	for (int i = 0; i < 30; i++)
		said(t, line);
	said(t, "AUTHENTICATE +");
	heard(t, ":old 905 * :too long");
	has_words(t, NULL, whole);
	said(t, "AUTHENTICATE SCRAM-SHA-256");
	said(t, "AUTHENTICATE biws");
	heard(t, ":old 900 * * other :You are now logged in");
	heard(t, ":old 903 * :yes");
	has_words(t, NULL, NULL);
	assert_true(login_seen(&t->s));
	heard(t, ":old 901 * * :You are now logged out");
	assert_false(login_seen(&t->s));
	close_stage(t);
}

static void a_response_goes_out_as_it_came(void **state)
{
	struct stage *t = open_session("sasl");
	char chunk[LOGIN_CHUNK + 1], line[LOGIN_CHUNK + 32], want[3 * LOGIN_CHUNK];

	(void)state;
	memset(chunk, 'A', LOGIN_CHUNK);
	chunk[LOGIN_CHUNK] = '\0';
	snprintf(line, sizeof(line), "AUTHENTICATE %s", chunk);
	said(t, "AUTHENTICATE PLAIN");
	said(t, line);
	said(t, "AUTHENTICATE +");
	heard(t, ":old 903 * :yes");
	lose(t);
	sent(t, "CAP LS\nNICK ann\nUSER ann 0 * :Ann A\n");
	server(t, ":new CAP * LS :sasl multi-prefix\n");
	sent(t, "CAP REQ :sasl multi-prefix\n");
	server(t, ":new CAP * ACK :sasl multi-prefix\n");
	sent(t, "AUTHENTICATE PLAIN\n");
	server(t, "AUTHENTICATE +\n");
	snprintf(want, sizeof(want), "%s\nAUTHENTICATE +\n", line);
	sent(t, want);
	server(t, ":new 903 * :yes\n");
	sent(t, "CAP END\n");
	server(t, ":new 001 ann :Welcome\n");
	sent(t, "MARK\n");
	close_stage(t);
}

static void a_secret_is_not_said_without_tls(void **state)
{
	struct stage *t = open_session("sasl");

	(void)state;
	said(t, "AUTHENTICATE PLAIN");
	said(t, "AUTHENTICATE QQBhAGI=");
	heard(t, ":old 903 * :yes");
	t->s.mover.tls = false;
	lose(t);
	pass_time(t, 1);
	sent(t, "");
	assert_string_equal(t->end, "failed: The login was made with TLS, and here is none");
	close_stage(t);
}

static void where_no_login_is_offered_another_address_is_tried(void **state)
{
	struct stage *t = open_session("sasl");

	(void)state;
	said(t, "AUTHENTICATE PLAIN");
	said(t, "AUTHENTICATE QQBhAGI=");
	heard(t, ":old 903 * :yes");
	lose(t);
	server(t, ":new CAP * LS :multi-prefix\n:new CAP * ACK :multi-prefix\n");
	pass_time(t, 1);
	assert_string_equal(t->end, "failed: The server offers no login at the moment");
	lose(t);
	server(t, ":new CAP * LS * :multi-prefix\n:new CAP * LS :sasl=EXTERNAL,PLAINER\n"
	          ":new CAP * ACK :sasl multi-prefix\n");
	pass_time(t, 1);
	assert_string_equal(t->end, "login: The server takes no password any more: log in again");
	close_stage(t);
}

/* --- servers of other kinds --- */

static void a_server_without_capabilities(void **state)
{
	struct stage *t = open_session("");

	(void)state;
	lose(t);
	sent(t, "CAP LS\nNICK ann\nUSER ann 0 * :Ann A\n");
	server(t, "PING :cookie\n:new 421 * CAP :Unknown command\n");
	sent(t, "PONG :cookie\nMARK\n");
	server(t, ":new 451 * :You have not registered\n:new NOTICE * :*** Looking you up\n"
	          ":new 001 ann :Welcome\n");
	mark(t);
	sent(t, "JOIN #tea\nMARK\n");
	server(t, ":ann!a@home JOIN #tea\n:new 332 ann #tea :leaves\n"
	          ":new 353 ann = #tea :ann @bob cid\n:new 366 ann #tea :End\n");
	strcpy(t->sent, "PING :godwit-agent-restore-3\n");
	mark(t);
	assert_string_equal(t->end, "restored");
	told(t, ":agent NOTICE ann :-- 1 s without the network; what was said meanwhile is not "
	        "here --\n"
	        ":agent NOTICE #tea :-- 1 s without the network; what was said meanwhile is not "
	        "here --\n");
	close_stage(t);
}

/* Some of the capabilities are not there any more; one that is offered is refused. */
static void capabilities_that_are_gone(void **state)
{
	struct stage *t = open_session("batch cap-notify echo-message away-notify");

	(void)state;
	heard(t, ":old BATCH +x1 chathistory #tea");
	lose(t);
	server(t, ":new CAP * LS :batch cap-notify away-notify godwit/redirect sasl\n");
	sent(t, "CAP LS\nNICK ann\nUSER ann 0 * :Ann A\n"
	        "CAP REQ :batch cap-notify away-notify\n");
	server(t, ":new CAP * NAK :batch cap-notify away-notify\n");
	sent(t, "CAP REQ :godwit/redirect\n");
	server(t, ":new CAP * ACK :godwit/redirect\n");
	sent(t, "CAP REQ :batch\n");
	server(t, ":new CAP * ACK :batch\n:new CAP * ACK :cap-notify\n:new CAP * NAK "
	          ":away-notify\n");
	sent(t, "CAP REQ :cap-notify\nCAP REQ :away-notify\nCAP END\nMARK\n");
	server(t, ":new 001 ann :Welcome\n");
	mark(t);
	server(t, ":ann!a@home JOIN #tea\n:new 332 ann #tea :leaves\n"
	          ":new 353 ann = #tea :ann @bob cid\n:new 366 ann #tea :End\n");
	mark(t);
	assert_string_equal(t->end, "restored");
	assert_true(t->s.can_move);
	assert_false(track_has_cap(&t->s.track, "godwit/redirect"));
	told(t, ":agent BATCH -x1\n"
	        ":agent NOTICE ann :-- 1 s without the network; what was said meanwhile is not "
	        "here --\n"
	        ":agent CAP ann DEL :echo-message away-notify\n"
	        ":agent NOTICE #tea :-- 1 s without the network; what was said meanwhile is not "
	        "here --\n");
	close_stage(t);
}

static void no_nick_is_free(void **state)
{
	struct stage *t = open_session("");

	(void)state;
	lose(t);
	server(t, ":new 433 * ann :Nickname is already in use\n:new CAP * LS :\n");
	sent(t, "CAP LS\nNICK ann\nUSER ann 0 * :Ann A\nNICK ann\nCAP END\nMARK\n");
	server(t, ":new 433 * ann :Nickname is already in use\n");
	sent(t, "NICK ann_\n");
	server(t, ":new 433 * ann_ :Nickname is already in use\n");
	sent(t, "NICK ann__\n");
	for (int i = 0; i < 6; i++)
		server(t, ":new 433 * x :Nickname is already in use\n");
	pass_time(t, 1);
	assert_string_equal(t->end, "failed: No nick is free: Nickname is already in use");
	close_stage(t);
}

static void who_does_not_answer_is_given_up(void **state)
{
	struct stage *t = open_session("");

	(void)state;
	lose(t);
	pass_time(t, 31);
	assert_string_equal(t->end, "failed: The server did not answer in time");
	lose(t);
	server(t, ":new CAP * LS :\n");
	mark(t);
	pass_time(t, 5);
	assert_string_equal(t->end, "");
	pass_time(t, 6);
	assert_string_equal(t->end, "login: The network wants a login, and the agent has none for "
	                            "you: log in again");
	lose(t);
	server(t, "ERROR :Closing Link: you are too many\n");
	restore_lost(&t->s, "The connection was closed");
	assert_string_equal(t->end, "failed: Closing Link: you are too many");
	lose(t);
	server(t, ":new 465 ann :You are banned\nERROR :Closing Link: banned\n");
	restore_lost(&t->s, "The connection was closed");
	assert_string_equal(t->end, "login: You are banned from this server: You are banned");
	close_stage(t);
}

/* --- what has changed --- */

static void what_is_said_meanwhile_comes_behind(void **state)
{
	struct stage *t = open_session("batch server-time chghost");
	char *behind;

	(void)state;
	lose(t);
	server(t, ":new CAP * LS :batch chghost server-time\n"
	          ":new CAP * ACK :batch chghost server-time\n");
	server(t, ":new 001 ann :Welcome\n:new NOTICE ann :server's own\n");
	mark(t);
	server(t, ":ann!a@house JOIN #tea\n:new 332 ann #tea :leaves\n"
	          ":new 353 ann = #tea :ann @bob cid\n:new 366 ann #tea :End\n"
	          ":bob!b@b PRIVMSG #tea :hello\n"
	          ":new BATCH +n1 netjoin a b\n@batch=n1 :dan!d@d JOIN #tea\n:new BATCH -n1\n"
	          ":new BATCH +h1 chathistory #tea\n@batch=h1 :cid!c@c PRIVMSG #tea :old\n"
	          ":new BATCH -h1\n"
	          ":cid!c@c QUIT :bye\n:new 372 ann :motd\n:bob!b@b TOPIC #tea :more leaves\n");
	told(t, "");
	mark(t);
	assert_string_equal(t->end, "restored");
	behind = strstr(t->told, ":bob!b@b PRIVMSG");
	assert_non_null(behind);
	assert_string_equal(behind, ":bob!b@b PRIVMSG #tea :hello\n"
	                            ":new BATCH +h1 chathistory #tea\n"
	                            "@batch=h1 :cid!c@c PRIVMSG #tea :old\n:new BATCH -h1\n");
	*behind = '\0';
	for (char *tag; (tag = strstr(t->told, "@time=")) != NULL;)
		memmove(tag, tag + strlen("@time=2026-01-01T00:00:00.000Z "),
		        strlen(tag + strlen("@time=2026-01-01T00:00:00.000Z ")) + 1);
	told(t, ":agent NOTICE ann :-- 1 s without the network; what was said meanwhile is not "
	        "here --\n"
	        ":cid!*@* QUIT :Left while the connection was lost\n"
	        ":ann!a@home CHGHOST a house\n"
	        ":dan!d@d JOIN #tea\n"
	        ":agent 332 ann #tea :more leaves\n"
	        ":agent NOTICE #tea :-- 1 s without the network; what was said meanwhile is not "
	        "here --\n");
	close_stage(t);
}

/* Kicked out of one, led from another to a third. */
static void channels_that_are_others_now(void **state)
{
	struct stage *t = open_session("");
	char *at;

	(void)state;
	heard(t, ":ann!a@home JOIN #milk");
	heard(t, ":old 366 ann #milk :End");
	lose(t);
	welcome(t);
	mark(t);
	sent(t, "JOIN #tea,#milk\nMARK\n");
	server(t, ":ann!a@home JOIN #tea\n:new 366 ann #tea :End\n"
	          ":bob!b@b KICK #tea ann :out\n"
	          ":new 470 ann #milk #cream :Forwarding to another channel\n"
	          ":ann!a@home JOIN #cream\n:new 332 ann #cream :on top\n"
	          ":new 353 ann = #cream :ann @+eve\n:new 366 ann #cream :End\n");
	strcpy(t->sent, "PING :godwit-agent-restore-3\n");
	mark(t);
	at = strstr(t->told, ":ann!a@home PART");
	assert_non_null(at);
	assert_string_equal(
		at, ":ann!a@home PART #tea :Kicked by bob (out)\n"
		    "agent: You are no longer in #tea: Kicked by bob (out)\n"
		    ":ann!a@home PART #milk :Forwarding to another channel\n"
		    "agent: You are no longer in #milk: Forwarding to another channel\n"
		    ":ann!a@home JOIN #cream\n:agent 332 ann #cream :on top\n"
		    ":agent 353 ann = #cream :ann @eve\n:agent 366 ann #cream :End of /NAMES "
		    "list\n");
	close_stage(t);
}

static void of_a_crowd_nothing_is_compared(void **state)
{
	struct stage *t = open_session("");
	char line[400];

	(void)state;
	lose(t);
	welcome(t);
	mark(t);
	server(t, ":ann!a@home JOIN #tea\n:new 332 ann #tea :leaves\n"
	          ":new 353 ann = #tea :@ann cid\n");
	for (int i = 0; i < 2001; i++) {
		snprintf(line, sizeof(line),
		         ":new 353 ann = #tea :a%d b%d c%d d%d e%d f%d g%d h%d i%d j%d\n", i, i, i,
		         i, i, i, i, i, i, i);
		server(t, line);
	}
	server(t, ":new 366 ann #tea :End\n");
	mark(t);
	told(t, ":agent NOTICE ann :-- 1 s without the network; what was said meanwhile is not "
	        "here --\n"
	        ":agent MODE #tea +o ann\n"
	        ":agent NOTICE #tea :-- 1 s without the network; what was said meanwhile is not "
	        "here --\n");
	close_stage(t);
}

/* Lines that are too long for a server are not made, with however many channels. */
static void many_channels(void **state)
{
	struct stage *t = open_session("");
	char line[128];
	unsigned joins = 0;

	(void)state;
	for (int i = 0; i < 400; i++) {
		if (i % 3 == 0)
			snprintf(line, sizeof(line), "JOIN #a-name-of-some-length-%d key%d", i, i);
		else
			snprintf(line, sizeof(line), "JOIN #a-name-of-some-length-%d", i);
		said(t, line);
		snprintf(line, sizeof(line), ":ann!a@home JOIN #a-name-of-some-length-%d", i);
		heard(t, line);
	}
	lose(t);
	welcome(t);
	for (int rounds = 0; t->end[0] == '\0'; rounds++) {
		char *copy, *rest, *word;
		size_t bytes = 0;

		mark(t);
		copy = rest = strdup(t->sent);
		while ((word = strsep(&rest, "\n")) != NULL) {
			bytes += strlen(word);
			assert_true(strlen(word) <= 500);
			if (strncmp(word, "JOIN ", 5) != 0)
				continue;
			for (char *at = word; *at != '\0'; at++)
				joins += *at == '#';
		}
		free(copy);
		assert_true(bytes < 600);
		assert_true(rounds < 200);
	}
	assert_int_equal(joins, 401);
	assert_string_equal(t->end, "restored");
	close_stage(t);
}

/* The signs are others, and one's own modes and account. */
static void a_server_of_another_kind(void **state)
{
	struct stage *t = open_session("");

	(void)state;
	heard(t, ":ann MODE ann :+iw");
	lose(t);
	server(t, ":new CAP * LS :\n:new 900 * ann!a@home ann :You are now logged in\n"
	          ":new 001 ann :Welcome\n"
	          ":new 005 ann PREFIX=(qov)~@+ CHANTYPES=# CASEMAPPING=rfc1459 :are supported\n"
	          ":ann MODE ann :+ix\n");
	mark(t);
	sent(t, "MODE ann +w-x\nMARK\n");
	server(t, ":ann MODE ann :+w\n");
	strcpy(t->sent, "PING :godwit-agent-restore-3\n");
	mark(t);
	server(t, ":ann!a@home JOIN #tea\n:new 332 ann #tea :leaves\n"
	          ":new 353 ann = #tea :ann ~bob cid\n:new 366 ann #tea :End\n");
	mark(t);
	told(t, ":agent NOTICE ann :-- 1 s without the network; what was said meanwhile is not "
	        "here --\n"
	        ":agent 900 ann ann!a@home ann :You are now logged in as ann\n"
	        ":new 005 ann PREFIX=(qov)~@+ CHANTYPES=# CASEMAPPING=rfc1459 :are supported\n"
	        ":ann MODE ann :+x\n"
	        ":agent MODE #tea +q-o bob bob\n"
	        ":agent NOTICE #tea :-- 1 s without the network; what was said meanwhile is not "
	        "here --\n");
	close_stage(t);
}

/* --- hostile ones --- */

static const char *word(struct mini *mini)
{
	static const char *const words[] = {
		"ann",
		"bob",
		"ann_",
		"#tea",
		"#milk",
		"*",
		":",
		"CAP",
		"LS",
		"ACK",
		"NAK",
		"DEL",
		":sasl=PLAIN",
		":sasl multi-prefix",
		"001",
		"005",
		"366",
		"352",
		"354",
		"353",
		"PREFIX=(qaohv)~&@%+",
		"WHOX",
		"TARGMAX=JOIN:4",
		"433",
		"437",
		"451",
		"421",
		"465",
		"471",
		"904",
		"903",
		"900",
		"730",
		"731",
		"305",
		"306",
		"333",
		"332",
		"JOIN",
		"PART",
		"KICK",
		"NICK",
		"MODE",
		"+ov-v",
		"BATCH",
		"+x",
		"-x",
		"PING",
		"PONG",
		"PRIVMSG",
		"NOTICE",
		"AUTHENTICATE",
		"+",
		"917",
		":@ann +bob!b@b cid",
		"ERROR",
		"KILL",
		":a real name",
		"CHGHOST",
		"godwit/redirect",
		":godwit/redirect",
		"QUIT",
		"TOPIC",
	};

	return words[mini_random(mini) % (sizeof(words) / sizeof(words[0]))];
}

static void random_line(struct mini *mini, char *out, size_t max)
{
	static const char *const starts[] = {"", ":new ", ":ann!a@home ", ":bob!b@b ",
	                                     "@time=x :new "};
	size_t n = (size_t)snprintf(out, max, "%s", starts[mini_random(mini) % 5]);

	for (unsigned i = 1 + (unsigned)(mini_random(mini) % 7); i > 0 && n < max; i--)
		n += (size_t)snprintf(out + n, max - n, "%s%s", word(mini), i > 1 ? " " : "");
}

/* Nothing is kept without bound, and nothing is touched that is not there. */
static void whatever_the_server_says(void **state)
{
	struct stage *t = open_session("server-time multi-prefix batch sasl labeled-response");
	unsigned restored = 0, failed = 0;
	char line[512];

	(void)state;
	said(t, "AUTHENTICATE PLAIN");
	said(t, "AUTHENTICATE QQBhAGI=");
	heard(t, ":old 903 * :yes");
	for (unsigned i = 0; i < 300000; i++) {
		if (t->s.state != SESSION_RESTORING) {
			restored += strcmp(t->end, "restored") == 0;
			failed += strcmp(t->end, "restored") != 0;
			regain_free(&t->s);
			lose(t);
		}
		switch (mini_random(t->mini) % 12) {
		case 0:
			if (strstr(t->sent, "PING :godwit-agent-restore-") != NULL)
				mark(t);
			break;
		case 1:
			t->sent[0] = t->told[0] = '\0';
			restore_client_line(&t->s, "PRIVMSG #tea :x");
			break;
		case 2:
			server(t, ":new CAP * LS :sasl multi-prefix batch server-time\n"
			          ":new CAP * ACK :x\nAUTHENTICATE +\n:new 903 * :yes\n");
			break;
		case 3:
			server(t, ":new 001 ann :Welcome\n");
			break;
		case 4:
			mini_run(t->mini, GW_MS);
			if (mini_random(t->mini) % 200 == 0)
				pass_time(t, 31);
			break;
		default:
			random_line(t->mini, line, sizeof(line));
			restore_line(&t->s, line);
		}
	}
	assert_true(restored > 1000 && failed > 1000);
	close_stage(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_server_has_accepted_is_kept),
		cmocka_unit_test(a_login_that_was_refused_or_broken_off_is_not),
		cmocka_unit_test(responses_in_chunks),
		cmocka_unit_test(a_response_goes_out_as_it_came),
		cmocka_unit_test(a_secret_is_not_said_without_tls),
		cmocka_unit_test(where_no_login_is_offered_another_address_is_tried),
		cmocka_unit_test(a_server_without_capabilities),
		cmocka_unit_test(capabilities_that_are_gone),
		cmocka_unit_test(no_nick_is_free),
		cmocka_unit_test(who_does_not_answer_is_given_up),
		cmocka_unit_test(what_is_said_meanwhile_comes_behind),
		cmocka_unit_test(channels_that_are_others_now),
		cmocka_unit_test(of_a_crowd_nothing_is_compared),
		cmocka_unit_test(many_channels),
		cmocka_unit_test(a_server_of_another_kind),
		cmocka_unit_test(whatever_the_server_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
