/*
 * tests/module/redirect_hostile.c - moves in a network of which a member sends what no honest
 * server would (tests/modules/forger), and clients that say what is not theirs to say. Nobody else
 * is touched, nothing is left behind, and the log says who it was.
 *
 * Server 0 is honest, server 1 has the forger in place of redirect.
 */
#include "tests/sim/tree.h"
#include "tests/unit/cmocka.h"
#include <sodium.h>
#include <stdlib.h>

#define ID_HEX "000102030405060708090a0b0c0d0e0f"
#define ID_TEXT "AAECAwQFBgcICQoLDA0ODw"
#define UNKNOWN_ID_TEXT "AAAAAAAAAAAAAAAAAAAAAA"
#define ME "s1.example.net"
#define HONEST "s0.example.net"
#define NONE "0 from here, 0 to here"
#define SHADOWED ID_HEX " s:bob e:bob x:00 z:32 "
#define NEWCOMER "192.0.2.9"

struct world {
	struct simtree *t;
	struct simserver *honest, *bad;
	struct simclient *ann, *bob; /* on the honest one, on the bad one */
	size_t heard;                /* of the bad one's log */
};

static const char *ask(struct simserver *s, const char *command)
{
	return simserver_ask(s, "%s", command);
}

__attribute__((format(printf, 2, 3))) static void forge(struct world *w, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	ask(w->bad, line);
	simnet_quiet(w->t->net);
}

static void say(struct world *w, const char *what)
{
	forge(w, "forger send " ME " " HONEST " %s", what);
}

/* What the honest one has answered since the last time: "NUMBER text|". */
static const char *answers(struct world *w)
{
	static char out[4096];
	const char *at;

	out[0] = '\0';
	simnet_quiet(w->t->net);
	for (at = simserver_log(w->bad) + w->heard; (at = strstr(at, "heard ")) != NULL; at++) {
		const char *text = strstr(at, "text=");
		size_t n = strlen(out);

		assert_non_null(text);
		snprintf(out + n, sizeof(out) - n, "%.1s %.*s|", at + 6,
		         (int)strcspn(text + 5, "\n"), text + 5);
	}
	w->heard = strlen(simserver_log(w->bad));
	return out;
}

static void logged(struct world *w, const char *what)
{
	if (strstr(simserver_log(w->honest), what) == NULL)
		fail_msg("not in the log: %s\n%s", what, simserver_log(w->honest));
}

/* At the honest one nothing is under way, and everybody talks on. */
static void all_is_well(struct world *w)
{
	static unsigned number;
	char text[200], glob[80];

	assert_string_equal(simtree_figure(w->t, 0, "redirects.pending", text), NONE);
	assert_non_null(strstr(ask(w->honest, "link list"), "|up|"));
	client_send(w->ann, "PRIVMSG bob :m%u", ++number);
	snprintf(glob, sizeof(glob), ":ann!* PRIVMSG bob :m%u", number);
	client_expect(w->bob, glob);
	client_send(w->bob, "PRIVMSG ann :m%u", number);
	snprintf(glob, sizeof(glob), ":bob!* PRIVMSG ann :m%u", number);
	client_expect(w->ann, glob);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_true(sodium_init() >= 0);
	w->t = simtree_new(1,
	                   "redirect: {expected: 3}\n"
	                   "client: {exempt: [\"127.0.0.0/8\"], max-per-address: 0, "
	                   "connect-burst: 1000}\n",
	                   SIMTREE_REDIRECT_MODULES);
	simtree_join(w->t, 0);
	assert_true(simtree_level(w->t, 120 * GW_SECOND));
	w->honest = w->t->nodes[0].server;
	w->bad = w->t->nodes[1].server;
	ask(w->bad, "module unload redirect --cascade");
	ask(w->bad, "module load forger");
	w->ann = simtree_enter(w->t, 0, "ann", "godwit/redirect standard-replies");
	w->bob = simtree_enter(w->t, 1, "bob", "");
	simnet_quiet(w->t->net);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	simtree_end(&w->t);
	free(w);
	return 0;
}

static void shadowed(struct world *w, const char *nick)
{
	forge(w, "forger shadow %s " HONEST " " ID_HEX, nick);
}

/* An attempt that the honest one waits for. */
static void announced(struct world *w)
{
	shadowed(w, "bob");
	say(w, "1 " SHADOWED "c:");
	assert_string_equal(answers(w), "2 10.0.0.1|");
}

static void say_handover(struct simclient *c)
{
	uint8_t message[15 + 16 + 32], proof[32], token[32] = {0};
	char text[64];

	memcpy(message, "godwit redirect", 15);
	for (int i = 0; i < 16; i++)
		message[15 + i] = (uint8_t)i;
	client_binding(c, message + 31);
	crypto_auth_hmacsha256(proof, message, sizeof(message), token);
	sodium_bin2base64(text, sizeof(text), proof, sizeof(proof),
	                  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	client_send(c, "REDIRECT HANDOVER " ID_TEXT " %s", text);
}

/* Its client has come. */
static struct simclient *joined(struct world *w)
{
	struct simclient *c;

	announced(w);
	c = simnet_client(w->honest, NEWCOMER, true);
	simnet_quiet(w->t->net);
	say_handover(c);
	assert_string_equal(answers(w), "5 |");
	return c;
}

static void send_cut(struct world *w)
{
	say(w, "7 " ID_HEX " e:bob u:0 u:0 u:0 x: t:");
}

/* --- a member --- */

static void sessions_of_others_are_not_announced_by_it(void **state)
{
	struct world *w = *state;

	say(w, "1 " ID_HEX " s:ann e:ann x:00 z:32 c:");
	say(w, "1 " ID_HEX " s:bob e:bob x:00 z:32 c:");
	say(w, "1 " ID_HEX " u:12345 u:0 x:00 z:32 c:");
	assert_string_equal(answers(w), "8 this session is not yet known here|"
	                                "8 this session is not yet known here|"
	                                "8 this session is not yet known here|");
	forge(w, "forger send " HONEST " " HONEST " 1 " SHADOWED "c:");
	assert_string_equal(answers(w), "");
	all_is_well(w);
}

static void what_is_not_here_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{"c:no-such-thing", "8 the capability no-such-thing is not offered here|"},
		{"c:server-time;nonsense=x", "8 no module here keeps nonsense|"},
		{"t:", "8 the snapshot is malformed|"},
		{"z:60000", "8 the snapshot is malformed|"},
	};
	struct world *w = *state;
	char line[300];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		shadowed(w, "bob");
		snprintf(line, sizeof(line), "1 " SHADOWED "%s", cases[i][0]);
		say(w, line);
		assert_string_equal(answers(w), cases[i][1]);
	}
	memset(line, 'n', sizeof(line));
	shadowed(w, "bob");
	snprintf(line, sizeof(line), "1 " SHADOWED "c:;%0200d=x", 7);
	say(w, line);
	assert_string_equal(answers(w), "8 the snapshot is malformed|");
	all_is_well(w);
}

static void so_many_are_expected_and_no_more(void **state)
{
	struct world *w = *state;
	char line[200], text[200];

	for (int i = 0; i < 6; i++) {
		snprintf(line, sizeof(line), "c%d", i);
		simtree_enter(w->t, 1, line, "");
		forge(w, "forger shadow c%d " HONEST " %032d", i, i);
		snprintf(line, sizeof(line), "1 %032d s:c%d e:c%d x:00 z:32 c:", i, i, i);
		say(w, line);
	}
	assert_string_equal(answers(w), "2 10.0.0.1|2 10.0.0.1|2 10.0.0.1|"
	                                "8 too many clients are expected here already|"
	                                "8 too many clients are expected here already|"
	                                "8 too many clients are expected here already|");
	assert_string_equal(simtree_figure(w->t, 0, "redirects.pending", text),
	                    "0 from here, 3 to here");
	simnet_run(w->t->net, 30 * GW_SECOND);
	all_is_well(w);
}

static void a_storm_of_announcements_is_one_attempt(void **state)
{
	struct world *w = *state;
	char text[200];

	shadowed(w, "bob");
	forge(w, "forger storm " HONEST " 3000 bob");
	assert_string_equal(simtree_figure(w->t, 0, "redirects.pending", text),
	                    "0 from here, 1 to here");
	simnet_run(w->t->net, 30 * GW_SECOND);
	all_is_well(w);
}

static void a_cut_without_its_client_is_refused(void **state)
{
	struct world *w = *state;

	announced(w);
	send_cut(w);
	assert_string_equal(answers(w), "8 it was cut before its client came|");
	send_cut(w);
	assert_string_equal(answers(w), "8 the handover is not under way|");
	all_is_well(w);
}

static void cuts_that_are_wrong_close_the_newcomer(void **state)
{
	static const char *const cases[][2] = {
		{"7 " ID_HEX " e:bob u:0 u:0 u:0 z:65520 t:", "the cut is malformed"},
		{"7 " ID_HEX " e:bob u:0 u:0 u:0 z:17 t:", "the cut is malformed"},
		{"7 " ID_HEX " e:bob u:0 u:0 u:0 x: z:65535", "the snapshot is malformed"},
		{"7 " ID_HEX " e:bob u:0 u:0 u:0 x: c:no-such-thing",
	         "the capability no-such-thing is not offered here"},
		{"7 " ID_HEX " u:9 u:0 u:0 u:0 x: t:", "the session has moved meanwhile"},
		{"7 " ID_HEX, "malformed redirect message (CUT)"},
		{"6 " ID_HEX " x:00 t:PRIVMSG%20ann%20:x%0d%0aQUIT",
	         "malformed redirect message (LINES)"},
		{"6 " ID_HEX " x:00", "malformed redirect message (LINES)"},
		{"3 " ID_HEX " u:1", "malformed redirect message (UPDATE)"},
		{"8 " ID_HEX " t:no%0d%0athanks", "no??thanks"},
	};
	struct world *w = *state;
	char want[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct simclient *c = joined(w);

		say(w, cases[i][0]);
		snprintf(want, sizeof(want), "8 %s|", cases[i][1]);
		assert_string_equal(answers(w), cases[i][0][0] == '8' ? "" : want);
		snprintf(want, sizeof(want),
		         "ERROR :Closing Link: " NEWCOMER " (Handover cancelled: %s)", cases[i][1]);
		client_expect_next(c, want);
		client_expect_end(c);
		all_is_well(w);
	}
	logged(w, "redirect message dropped from=" ME);
}

/* The honest one is the source: what its client hears is what was due, and one line a line. */
static void a_recipient_that_lies_moves_nobody(void **state)
{
	static const char *const doors[] = {"t:a%20b t:6667 t:-", "t:a%0d%0aQUIT t:6667 t:-",
	                                    "t:a t:6667%0aQUIT t:-", "t:a t:99999 t:-",
	                                    "t:a t:6667 t:xyz"};
	struct world *w = *state;
	char line[200], id[33];
	const char *at;

	for (size_t i = 0; i < sizeof(doors) / sizeof(doors[0]); i++) {
		ask(w->honest, "moves begin ann " ME);
		simnet_quiet(w->t->net);
		at = strstr(simserver_log(w->bad) + w->heard, "heard 1 id=");
		assert_non_null(at);
		snprintf(id, sizeof(id), "%.32s", at + 11);
		snprintf(line, sizeof(line), "5 %s", id);
		say(w, line);
		snprintf(line, sizeof(line), "4 %s u:99 u:99", id);
		say(w, line);
		snprintf(line, sizeof(line), "7 %s u:0 u:0 u:0 u:0 x: t:", id);
		say(w, line);
		client_expect_none(w->ann, "*REDIRECT*");
		answers(w);
		snprintf(line, sizeof(line), "2 %s %s", id, doors[i]);
		say(w, line);
		assert_string_equal(answers(w), "8 malformed redirect message (ACCEPT)|");
		client_expect_none(w->ann, "*");
		all_is_well(w);
	}
}

static void a_client_hears_the_reason_as_one_line(void **state)
{
	struct world *w = *state;
	const char *request;
	char line[300], id[33];

	ask(w->honest, "moves begin ann " ME);
	simnet_quiet(w->t->net);
	snprintf(id, sizeof(id), "%.32s",
	         strstr(simserver_log(w->bad) + w->heard, "heard 1 id=") + 11);
	snprintf(line, sizeof(line), "2 %s t:10.9.9.9 t:6667 t:-", id);
	say(w, line);
	request = client_expect_next(w->ann, ":" HONEST " REDIRECT REQUEST * 10.9.9.9 6667 - *");
	assert_non_null(request);
	snprintf(line, sizeof(line), "5 %s", id);
	say(w, line);
	client_expect_next(w->ann, ":" HONEST " REDIRECT SYNC *");
	client_send(w->ann, "PRIVMSG bob :still here");
	snprintf(line, sizeof(line), "8 %s t:never%%0d%%0a:x%%20PRIVMSG%%20ann%%20:boo", id);
	say(w, line);
	client_expect_next(w->ann, ":" HONEST " REDIRECT CANCEL * :never??:x PRIVMSG ann :boo");
	client_expect(w->bob, ":ann!* PRIVMSG bob :still here");
	all_is_well(w);
}

/* ann is at the bad one, as that says, and has been told to finish. `words`: what she says before
 * COMPLETE. */
static void goes_to_the_bad_one(struct world *w, const char *words)
{
	char line[300], id[33];

	ask(w->honest, "moves begin ann " ME);
	simnet_quiet(w->t->net);
	snprintf(id, sizeof(id), "%.32s",
	         strstr(simserver_log(w->bad) + w->heard, "heard 1 id=") + 11);
	snprintf(line, sizeof(line), "2 %s t:10.9.9.9 t:6667 t:-", id);
	say(w, line);
	client_expect(w->ann, "* REDIRECT REQUEST *");
	if (words != NULL)
		client_send(w->ann, "%s", words);
	simnet_quiet(w->t->net);
	snprintf(line, sizeof(line), "5 %s", id);
	say(w, line);
}

static void ends_with(struct world *w, const char *words)
{
	char text[200];

	client_send(w->ann, "%s", words);
	simpipe_shut(client_pipe(w->ann));
	simnet_quiet(w->t->net);
	assert_string_equal(simtree_figure(w->t, 0, "redirects.pending", text), NONE);
	assert_string_equal(simtree_figure(w->t, 0, "redirects.gone", text), "1");
}

static void what_was_said_before_the_end_is_heard(void **state)
{
	struct world *w = *state;

	client_send(w->bob, "JOIN #x");
	goes_to_the_bad_one(w, "JOIN #x");
	client_expect(w->bob, ":ann!* JOIN #x");
	ends_with(w, "PRIVMSG #x :one\r\nPRIVMSG bob :two\r\nQUIT :I go");
	client_expect_next(w->bob, ":ann!* PRIVMSG #x :one");
	client_expect_next(w->bob, ":ann!* PRIVMSG bob :two");
	client_expect_next(w->bob, ":ann!* QUIT :*I go");
}

static void so_is_what_was_said_before_synced(void **state)
{
	struct world *w = *state;

	client_send(w->bob, "JOIN #x");
	client_send(w->ann, "JOIN #x");
	client_expect(w->bob, ":ann!* JOIN #x");
	goes_to_the_bad_one(w, NULL);
	client_expect(w->ann, "* REDIRECT SYNC *");
	ends_with(w, "PRIVMSG #x :one");
	client_expect_next(w->bob, ":ann!* PRIVMSG #x :one");
	client_expect_next(w->bob, ":ann!* QUIT :Connection closed");
}

static void who_was_killed_meanwhile_says_nothing_more(void **state)
{
	struct world *w = *state;

	client_send(w->bob, "JOIN #x");
	client_send(w->ann, "JOIN #x");
	client_expect(w->bob, ":ann!* JOIN #x");
	goes_to_the_bad_one(w, NULL);
	client_expect(w->ann, "* REDIRECT SYNC *");
	ask(w->bad, "session kick ann enough");
	simnet_quiet(w->t->net);
	ends_with(w, "PRIVMSG #x :one");
	client_expect_next(w->bob, ":ann!* QUIT :Killed (*enough*)");
}

/* --- clients --- */

static void expect_refused(struct simclient *c)
{
	client_expect_next(c, "ERROR :Closing Link: * (Handover refused)");
	client_expect_end(c);
}

static void wrong_handovers_touch_nothing(void **state)
{
	static const char *const lines[] = {
		"REDIRECT HANDOVER " ID_TEXT " AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"REDIRECT HANDOVER " ID_TEXT " short",
		"REDIRECT HANDOVER " UNKNOWN_ID_TEXT " AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"REDIRECT HANDOVER nonsense nonsense",
	};
	struct world *w = *state;
	struct simclient *c;
	char text[200], from[32];

	announced(w);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(from, sizeof(from), "192.0.2.%d", 20 + (int)i);
		c = simnet_client(w->honest, from, true);
		client_send(c, "%s", lines[i]);
		expect_refused(c);
	}
	logged(w, "handover refused address=192.0.2.20 reason=\"the proof is wrong\"");
	logged(w, "handover refused address=192.0.2.22 reason=\"no such attempt\"");
	assert_string_equal(simtree_figure(w->t, 0, "redirects.pending", text),
	                    "0 from here, 1 to here");
	assert_string_equal(simtree_figure(w->t, 0, "redirects.wrong-handovers", text), "4");
	assert_string_equal(answers(w), "");
	c = simnet_client(w->honest, NEWCOMER, true);
	simnet_quiet(w->t->net);
	say_handover(c);
	assert_string_equal(answers(w), "5 |");
}

static void a_second_handover_and_one_of_an_attempt_that_is_over_are_refused(void **state)
{
	struct world *w = *state;
	struct simclient *c = joined(w), *second = simnet_client(w->honest, "192.0.2.30", true);
	char text[200];

	simnet_quiet(w->t->net);
	say_handover(second);
	expect_refused(second);
	logged(w, "address=192.0.2.30 reason=\"the attempt is not waiting for anybody\"");
	assert_string_equal(simtree_figure(w->t, 0, "redirects.pending", text),
	                    "0 from here, 1 to here");
	assert_false(client_ended(c));
	say(w, "8 " ID_HEX " t:enough");
	client_expect_end(c);
	second = simnet_client(w->honest, "192.0.2.31", true);
	simnet_quiet(w->t->net);
	say_handover(second);
	expect_refused(second);
	logged(w, "address=192.0.2.31 reason=\"no such attempt\"");
	all_is_well(w);
}

static void lines_before_swap_end_the_attempt(void **state)
{
	struct world *w = *state;
	struct simclient *c = joined(w);

	client_send(c, "NICK eve");
	client_expect_next(c, "ERROR :Closing Link: " NEWCOMER " (Expected REDIRECT SWAP)");
	client_expect_end(c);
	assert_string_equal(answers(w), "8 the new connection was closed|");
	all_is_well(w);
}

/* Lines behind it wait for the cut; then they are executed, first those of the old connection. */
static void a_swap_before_the_cut_waits_for_it(void **state)
{
	struct world *w = *state;
	struct simclient *c = joined(w);

	client_send(c, "REDIRECT SWAP " ID_TEXT "\r\nPRIVMSG ann :of the new one");
	client_expect_none(c, "*");
	client_expect_none(w->ann, "*PRIVMSG*");
	say(w, "6 " ID_HEX " x:00 t:PRIVMSG%20ann%20:of%20the%20old%20one");
	send_cut(w);
	client_expect(w->ann, ":bob!* PRIVMSG ann :of the old one");
	client_expect_next(w->ann, ":bob!* PRIVMSG ann :of the new one");
	client_expect_end(w->bob);
	w->bob = c;
	all_is_well(w);
}

/* Whatever it has said before is forgotten: it is bob, as he was. */
static void who_has_begun_otherwise_is_who_it_proves_to_be(void **state)
{
	struct world *w = *state;
	struct simclient *c;

	announced(w);
	c = simnet_client(w->honest, NEWCOMER, true);
	client_send(c, "CAP LS 302\r\nCAP REQ :server-time sasl godwit/redirect\r\nNICK eve\r\n"
	               "USER eve 0 * :Eve\r\nAUTHENTICATE PLAIN");
	free(client_take(c));
	say_handover(c);
	assert_string_equal(answers(w), "5 |");
	send_cut(w);
	client_send(c, "REDIRECT SWAP " ID_TEXT "\r\nPRIVMSG ann :it is me\r\nWHOIS bob");
	client_expect(w->ann, ":bob!*bob@* PRIVMSG ann :it is me");
	client_expect(c, ":" HONEST " 311 bob bob * :*bob*");
	client_expect(c, ":" HONEST " 312 bob bob " HONEST " *");
	client_expect(c, ":" HONEST " 318 bob bob *");
	client_send(w->ann, "WHOIS eve");
	client_expect(w->ann, ":" HONEST " 401 ann eve *");
	client_expect(w->ann, ":" HONEST " 318 ann eve *");
	client_expect_end(w->bob);
	w->bob = c;
	all_is_well(w);
}

static void wrong_handovers_block_their_address_for_a_minute(void **state)
{
	struct world *w = *state;
	struct simclient *c;
	char text[200];

	announced(w);
	for (int i = 0; i < 300; i++) {
		c = simnet_client(w->honest, "192.0.2.66", true);
		client_send(c, "REDIRECT HANDOVER " ID_TEXT " %d", i);
		simnet_run(w->t->net, 20 * GW_MS);
		assert_true(client_ended(c));
	}
	logged(w, "address=192.0.2.66 reason=\"too many wrong ones from there\"");
	assert_string_equal(simtree_figure(w->t, 0, "redirects.wrong-handovers", text), "300");
	c = simnet_client(w->honest, "192.0.2.66", true);
	simnet_run(w->t->net, 100 * GW_MS);
	say_handover(c);
	expect_refused(c);
	c = simnet_client(w->honest, "127.0.0.1", true);
	for (int i = 0; i < 10; i++) {
		client_send(c, "REDIRECT HANDOVER " ID_TEXT " no");
		client_expect_end(c);
		c = simnet_client(w->honest, "127.0.0.1", true);
	}
	simnet_run(w->t->net, 100 * GW_MS);
	say_handover(c);
	assert_string_equal(answers(w), "5 |");
	simnet_run(w->t->net, 60 * GW_SECOND);
	assert_string_equal(answers(w), "8 the other server did not go on|");
	announced(w);
	c = simnet_client(w->honest, "192.0.2.66", true);
	simnet_run(w->t->net, 100 * GW_MS);
	say_handover(c);
	assert_string_equal(answers(w), "5 |");
}

static void words_out_of_place_are_answered(void **state)
{
	static const char *const words[] = {"SWAP",    "SYNCED", "REFUSE", "MOVE",
	                                    "REQUEST", "CANCEL", "SYNC",   "NONSENSE"};
	struct world *w = *state;
	struct simclient *c = simnet_client(w->honest, NEWCOMER, true);

	client_send(c, "REDIRECT");
	client_expect_next(c, ":" HONEST " 461 * REDIRECT :*");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		client_send(c, "REDIRECT %s " ID_TEXT " x", words[i]);
		client_expect_next(c, ":" HONEST " 451 * :You have not registered");
	}
	client_send(c, "REDIRECT HANDOVER " ID_TEXT);
	client_expect_next(c, ":" HONEST " 451 * :You have not registered");
	client_send(w->ann, "REDIRECT HANDOVER " ID_TEXT " " ID_TEXT);
	client_expect_next(w->ann,
	                   ":" HONEST " FAIL REDIRECT INVALID :There is no such REDIRECT here");
	client_send(w->ann, "REDIRECT SYNCED " ID_TEXT "\r\nREDIRECT REFUSE " ID_TEXT " :no");
	client_expect_none(w->ann, "*");
	client_send(w->ann, "REDIRECT SWAP " ID_TEXT);
	client_expect_next(w->ann,
	                   ":" HONEST " FAIL REDIRECT INVALID :There is no such REDIRECT here");
	all_is_well(w);
}

/* The third state, which only a code by mail keeps a client in. */
static void who_registers_says_none_of_them(void **state)
{
	static const char *const words[] = {"HANDOVER", "SWAP", "SYNCED", "REFUSE", "MOVE"};
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(
		net, "modules: [store, services, network, link, burst, client, account, redirect]\n"
		     "account: {verify: email, mail-command: [/bin/true]}\n"
		     "burst: {open-after: 1s}\n"
		     "client: {exempt: [\"127.0.0.0/8\"]}\n");
	struct simclient *c;

	(void)state;
	simnet_run(net, 5 * GW_SECOND);
	c = simnet_client(s, "127.0.0.1", false);
	client_send(c, "NICK eve\r\nUSER eve 0 * :eve");
	client_send(c, "REGISTER * eve@example.org only-a-password");
	client_expect(c, "* REGISTER VERIFICATION_REQUIRED *");
	free(client_take(c));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		client_send(c, "REDIRECT %s " ID_TEXT " " ID_TEXT, words[i]);
		client_expect_next(c, "* 451 eve :You have not registered");
	}
	assert_non_null(strstr(ask(s, "status"), "redirects.wrong-handovers|0"));
	simnet_end(&net);
}

static void who_cannot_be_moved_is_not(void **state)
{
	struct world *w = *state;
	struct simclient *c = simtree_enter(w->t, 0, "cat", "standard-replies");

	client_send(c, "REDIRECT MOVE " ME);
	client_expect_next(c, ":" HONEST " FAIL REDIRECT DENIED :Request the capability "
	                      "godwit/redirect first");
	client_send(w->ann, "REDIRECT MOVE");
	client_expect_next(w->ann, ":" HONEST " FAIL REDIRECT DENIED :Say whither");
	client_send(w->ann, "REDIRECT MOVE " HONEST);
	client_expect_next(w->ann, ":" HONEST " FAIL REDIRECT DENIED :there is no such other "
	                           "server in sight");
	all_is_well(w);
}

#define in_world(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_world(sessions_of_others_are_not_announced_by_it),
		in_world(what_is_not_here_is_refused),
		in_world(so_many_are_expected_and_no_more),
		in_world(a_storm_of_announcements_is_one_attempt),
		in_world(a_cut_without_its_client_is_refused),
		in_world(cuts_that_are_wrong_close_the_newcomer),
		in_world(a_recipient_that_lies_moves_nobody),
		in_world(a_client_hears_the_reason_as_one_line),
		in_world(what_was_said_before_the_end_is_heard),
		in_world(so_is_what_was_said_before_synced),
		in_world(who_was_killed_meanwhile_says_nothing_more),
		in_world(wrong_handovers_touch_nothing),
		in_world(a_second_handover_and_one_of_an_attempt_that_is_over_are_refused),
		in_world(lines_before_swap_end_the_attempt),
		in_world(a_swap_before_the_cut_waits_for_it),
		in_world(who_has_begun_otherwise_is_who_it_proves_to_be),
		in_world(wrong_handovers_block_their_address_for_a_minute),
		in_world(words_out_of_place_are_answered),
		cmocka_unit_test(who_registers_says_none_of_them),
		in_world(who_cannot_be_moved_is_not),
	};

	return cmocka_run_group_tests_name("redirect_hostile", tests, NULL, NULL);
}
