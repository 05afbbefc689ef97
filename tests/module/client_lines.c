/*
 * What a client may send and what it gets back: bounds, bad bytes, labels, capabilities, ISUPPORT.
 * Exact bytes.
 */
#include "tests/module/talk.h"
#include "tests/unit/cmocka.h"
#include <godwit/loop.h>
#include <stdlib.h>

#define NAME ":sim1.example.net "
#define ALL_TAGS "batch labeled-response message-tags echo-message"

struct world {
	struct simnet *net;
	struct simserver *s;
};

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->net = simnet_new(1);
	w->s = simnet_server(w->net, TALK_OPEN TALK_FREE);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	simnet_end(&w->net);
	free(w);
	return 0;
}

/* --- lines --- */

static void unknown_commands_and_missing_parameters(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "");

	client_send(c, "FROB x");
	client_expect_exactly(c, NAME "421 ann FROB :Unknown command");
	client_send(c, "PING");
	client_expect_exactly(c, NAME "461 ann PING :Not enough parameters");
	client_send(c, "PING :");
	client_expect_exactly(c, NAME "461 ann PING :Not enough parameters");
	client_send(c, "ping x y");
	client_expect_exactly(c, NAME "PONG sim1.example.net :x");
}

static void a_command_is_counted_as_its_own_modules(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "");
	int status;

	client_send(c, "PRIVMSG ann :one\r\nPRIVMSG ann :two");
	client_expect(c, ":ann!* PRIVMSG ann :two");
	assert_non_null(strstr(simserver_admin(w->s, &status, "module times message"),
	                       "message|privmsg|2|"));
	assert_null(strstr(simserver_admin(w->s, &status, "module times client"), "|privmsg|"));
}

static void an_empty_real_name_is_461(void **state)
{
	struct world *w = *state;
	struct simclient *c = simnet_client(w->s, "127.0.0.1", false);

	client_send(c, "NICK ann\r\nUSER ann 0 * :");
	client_expect_exactly(c, NAME "461 ann USER :Not enough parameters");
}

static void a_user_name_without_a_usable_character_is_468(void **state)
{
	struct world *w = *state;
	struct simclient *c = simnet_client(w->s, "127.0.0.1", false);

	client_send(c, "NICK ann\r\nUSER !@: 0 * :Ann");
	client_expect_exactly(c, NAME "468 ann :Your username is not valid");
	client_send(c, "USER a!n@n 0 * :Ann");
	client_expect(c, "* 001 ann :*ann!ann@*");
}

static void erroneous_nicks_are_432(void **state)
{
	static const char *const nicks[] = {
		"1abc", "a b", "#a", "a!b", "abcdefghijabcdefghijabcdefghijx", "a*"};
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "");

	for (size_t i = 0; i < sizeof(nicks) / sizeof(nicks[0]); i++) {
		client_send(c, "NICK :%s", nicks[i]);
		client_expect_next(c, NAME "432 ann * :Erroneous nickname");
	}
	client_send(c, "NICK");
	client_expect_exactly(c, NAME "431 ann :No nickname given");
}

static void reserved_nicks_are_432(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", ""),
			 *d = simnet_client(w->s, "127.0.0.1", false);

	client_send(c, "NICK nickserv");
	client_expect_exactly(c, NAME "432 ann nickserv :That nick is reserved");
	client_send(d, "NICK ChanServ\r\nUSER x 0 * :x");
	client_expect(d, NAME "432 * ChanServ :That nick is reserved");
	client_send(d, "NICK dan");
	client_expect(d, NAME "001 dan *");
}

static void too_long_is_417_and_not_executed(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "");
	char line[8000];

	memset(line, 'x', sizeof(line));
	memcpy(line, "PING ", 5);
	memcpy(line + 510, "\r\n", 2);
	client_send_raw(c, line, 512);
	client_expect_next(c, NAME "PONG sim1.example.net :xxx*");
	line[510] = 'x';
	memcpy(line + 511, "\r\n", 2);
	client_send_raw(c, line, 513);
	client_expect_exactly(c, NAME "417 ann :Input line was too long");
	memset(line, 'x', sizeof(line));
	memcpy(line, "@+a=", 4);
	memcpy(line + 4096, " PING x\r\n", 9);
	client_send_raw(c, line, 4105);
	client_expect_exactly(c, NAME "417 ann :Input line was too long");
	client_send(c, "PING on");
	client_expect_exactly(c, NAME "PONG sim1.example.net :on");
}

static void an_endless_line_closes(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "");
	char *line = malloc(16384);

	memset(line, 'x', 16384);
	client_send_raw(c, line, 16384);
	client_expect_exactly(
		c, NAME
		"417 ann :Input line was too long\nERROR :Closing Link: 127.0.0.1 (Line too long)");
	client_expect_end(c);
	free(line);
}

static void bad_bytes_are_told_and_not_executed(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "standard-replies batch labeled-response");
	static const char nul[] = "PING a\0b\r\n";

	client_send(c, "PING \xe9");
	client_expect_exactly(c, NAME "FAIL PING INVALID_UTF8 :Message rejected, your IRC software "
	                              "MUST use UTF-8 encoding on this network");
	client_send(c, "@label=u PING \xe9");
	client_expect_exactly(
		c, "@label=u " NAME
		   "FAIL PING INVALID_UTF8 :Message rejected, your IRC software MUST use UTF-8 "
		   "encoding on this network");
	client_send(c, "\xff\xff x");
	client_expect_exactly(c, NAME "FAIL * INVALID_UTF8 :Message rejected, your IRC software "
	                              "MUST use UTF-8 encoding on this network");
	client_send_raw(c, nul, sizeof(nul) - 1);
	client_expect_exactly(c, NAME
	                      "FAIL PING INVALID_UTF8 :Message rejected, it contains a NUL byte");
}

static void a_person_is_told_of_a_failure_in_a_notice(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "");

	client_send(c, "SETNAME :%0160d", 1);
	client_expect_exactly(
		c, NAME "FAIL SETNAME INVALID_REALNAME :A real name has at most 150 bytes\n" NAME
			"NOTICE ann :A real name has at most 150 bytes");
}

static void what_is_sent_is_cut_between_characters(void **state)
{
	struct world *w = *state;
	struct simclient *a = talk_enter(w->s, "ann", ""), *b = talk_enter(w->s, "bob", "");
	char text[600] = "";
	const char *line;
	size_t n;

	for (int i = 0; i < 160; i++)
		strcat(text, "\xe2\x82\xac");
	client_send(a, "PRIVMSG bob :%s", text);
	line = client_expect(b, "* PRIVMSG bob :*");
	n = strlen(line);
	assert_true(n <= 510 && n > 506);
	assert_memory_equal(line + n - 3, "\xe2\x82\xac", 3);
}

static void empty_lines_are_nothing(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "");

	static const char lines[] = "\r\n\n   \r\n:x\r\nPING x\n";

	client_send_raw(c, lines, sizeof(lines) - 1);
	client_expect_exactly(c, NAME "PONG sim1.example.net :x");
}

/* --- labels --- */

static void one_line_carries_the_label(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", ALL_TAGS);

	client_send(c, "@label=a PING x");
	client_expect_exactly(c, "@label=a " NAME "PONG sim1.example.net :x");
	client_send(c, "@label=b FROB");
	client_expect_exactly(c, "@label=b " NAME "421 ann FROB :Unknown command");
	client_send(c, "@label=c PRIVMSG nobody :x");
	client_expect(c, "@label=c " NAME "401 ann nobody :*");
}

static void nothing_is_acknowledged(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", ALL_TAGS);

	client_send(c, "@label=a PONG x");
	client_expect_exactly(c, "@label=a " NAME "ACK");
}

static void several_lines_are_one_batch(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "batch labeled-response");

	client_send(c, "@label=j JOIN #x");
	client_expect_next(c, "@label=j " NAME "BATCH +* labeled-response");
	client_expect_next(c, "@batch=* :ann!ann@* JOIN #x");
	client_expect(c, "@batch=* " NAME "366 ann #x :*");
	client_expect_next(c, NAME "BATCH -*");
	client_expect_exactly(c, "");
}

static void without_batch_there_are_no_labels(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "labeled-response");

	client_send(c, "@label=a PING x");
	client_expect_exactly(c, NAME "PONG sim1.example.net :x");
}

static void a_message_to_oneself_is_labelled_once(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "batch labeled-response echo-message");

	client_send(c, "@label=m PRIVMSG ann :me");
	client_expect_next(c, ":ann!ann@* PRIVMSG ann :me");
	client_expect_next(c, "@label=m :ann!ann@* PRIVMSG ann :me");
	client_expect_exactly(c, "");
}

static void an_answer_that_comes_later_has_its_label(void **state)
{
	struct world *w = *state;
	struct simclient *a = talk_enter(w->s, "ann", ""),
			 *c = talk_enter(w->s, "cat", "batch labeled-response");
	struct simclient *d = talk_enter(w->s, "dan", "");

	client_send(a, "REGISTER * * correct-horse");
	client_expect(a, "* REGISTER SUCCESS ann *");
	client_send(a, "QUIT");
	client_expect_end(a);
	client_send(c, "@label=n NICK ann\r\n@label=p PING x\r\n@label=q NICK cat2");
	client_send(d, "PING between");
	client_expect(d, "* PONG * :between");
	client_expect_next(c, "@label=n " NAME "433 cat ann :Nickname is already in use");
	client_expect_next(c, "@label=p " NAME "PONG sim1.example.net :x");
	client_expect_next(c, "@label=q :cat!cat@* NICK :cat2");
}

/* --- tags --- */

static void only_client_tags_are_relayed_as_they_came(void **state)
{
	struct world *w = *state;
	struct simclient *a = talk_enter(w->s, "ann", "message-tags"),
			 *b = talk_enter(w->s, "bob", "message-tags");
	struct simclient *c = talk_enter(w->s, "cat", "");

	client_send(
		a,
		"@+x=a\\:\\s\\\\;time=no;+bad_key=1;msgid=no;+example.com/y PRIVMSG bob,cat :hi");
	client_expect(b, "@msgid=??????????????????????;+x=a\\:\\s\\\\;+example.com/y :ann!ann@* "
	                 "PRIVMSG bob :hi");
	client_expect(c, ":ann!ann@* PRIVMSG cat :hi");
}

static void client_tags_need_the_capability(void **state)
{
	struct world *w = *state;
	struct simclient *a = talk_enter(w->s, "ann", ""),
			 *b = talk_enter(w->s, "bob", "message-tags");

	client_send(a, "@+x=y PRIVMSG bob :hi");
	client_expect(b, "@msgid=?????????????????????? :ann!ann@* PRIVMSG bob :hi");
}

static void an_echo_is_what_the_others_see(void **state)
{
	struct world *w = *state;
	struct simclient *a = talk_enter(w->s, "ann", "echo-message message-tags server-time");
	struct simclient *b = talk_enter(w->s, "bob", "message-tags server-time");
	char *seen;

	client_send(a, "@+x PRIVMSG bob :hi");
	seen = strdup(client_expect(b, "@time=20*T*Z;msgid=*;+x :ann!*@* PRIVMSG bob :hi"));
	assert_string_equal(client_expect(a, "* PRIVMSG bob :hi"), seen);
	free(seen);
}

/* --- capabilities --- */

static void cap_values_are_for_302_only(void **state)
{
	struct world *w = *state;
	struct simclient *c = simnet_client(w->s, "127.0.0.1", false),
			 *d = simnet_client(w->s, "127.0.0.1", false);

	client_send(c, "CAP LS");
	assert_null(strchr(client_expect(c, NAME "CAP * LS :*"), '='));
	client_send(d, "CAP LS 303");
	client_expect(d, NAME "CAP * LS :*sasl=*");
	client_send(d, "CAP LIST");
	client_expect_exactly(d, NAME "CAP * LIST :cap-notify");
}

static void a_request_is_granted_whole_or_not_at_all(void **state)
{
	struct world *w = *state;
	struct simclient *c = simnet_client(w->s, "127.0.0.1", false);

	client_send(c, "CAP REQ :batch  server-time ");
	client_expect_exactly(c, NAME "CAP * ACK :batch  server-time ");
	client_send(c, "CAP REQ :setname no-such -batch");
	client_expect(c, "* NAK :setname no-such -batch");
	client_send(c, "CAP LIST");
	client_expect(c, "@time=* " NAME "CAP * LIST :batch server-time");
	client_send(c, "CAP REQ :-batch -server-time");
	client_expect(c, "* ACK :-batch -server-time");
	client_send(c, "CAP LIST");
	client_expect_exactly(c, NAME "CAP * LIST :");
	client_send(c, "CAP FROB");
	client_expect_exactly(c, NAME "410 * FROB :Invalid CAP command");
}

static void capabilities_change_after_the_welcome_too(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", ""), *d = talk_enter(w->s, "dan", "");

	client_send(c, "CAP REQ message-tags");
	client_expect_exactly(c, NAME "CAP ann ACK :message-tags");
	client_send(d, "PRIVMSG ann :x");
	client_expect(c, "@msgid=* PRIVMSG ann :x");
	client_send(c, "CAP REQ -message-tags\r\nCAP END");
	client_expect(c, "* ACK :-message-tags");
	client_send(d, "PRIVMSG ann :y");
	client_expect(c, ":dan!* PRIVMSG ann :y");
}

static void what_a_module_brings_comes_and_goes_with_it(void **state)
{
	struct world *w = *state;
	struct simclient *c = talk_enter(w->s, "ann", "cap-notify multi-prefix"),
			 *d = talk_enter(w->s, "dan", "");
	int status;

	free(client_take(c));
	simserver_admin(w->s, &status, "module unload channel --cascade");
	assert_int_equal(status, 0);
	client_expect(c, NAME "CAP ann DEL :*multi-prefix*");
	client_expect(c, NAME "005 ann * :are supported by this server");
	client_send(c, "CAP LIST\r\nJOIN #x");
	client_expect(c, NAME "CAP ann LIST :cap-notify");
	client_expect(c, NAME "421 ann JOIN :Unknown command");
	client_expect(d, NAME "005 dan *-CHANTYPES* :are supported by this server");
	client_expect_none(d, "* CAP *");
	simserver_admin(w->s, &status, "module load channel");
	assert_int_equal(status, 0);
	client_expect(c, NAME "CAP ann NEW :*multi-prefix*");
	client_expect(c, NAME "005 ann *CHANTYPES=#* :are supported by this server");
}

static void isupport_is_a_batch_and_comes_before_the_welcome_if_asked_for(void **state)
{
	struct world *w = *state;
	struct simclient *c = simnet_client(w->s, "127.0.0.1", false);

	client_send(c, "CAP LS 302\r\nISUPPORT");
	client_expect(c, NAME "451 * :You have not registered");
	client_send(c, "CAP REQ :batch draft/extended-isupport\r\nISUPPORT");
	client_expect(c, "* ACK :*");
	client_expect_next(c, NAME "BATCH +* draft/isupport");
	client_expect_next(
		c,
		"@batch=* " NAME
		"005 * NETWORK=Godwit CASEMAPPING=ascii UTF8ONLY * :are supported by this server");
	client_expect(c, NAME "BATCH -*");
	client_send(c, "CAP REQ labeled-response\r\n@label=i ISUPPORT");
	client_expect(c, "* ACK :labeled-response");
	client_expect_next(c, "@label=i " NAME "BATCH +* labeled-response");
	client_expect_next(c, "@batch=* " NAME "BATCH +* draft/isupport");
	client_expect_next(c, "@batch=* " NAME "005 *");
	client_expect(c, "@batch=* " NAME "BATCH -*");
	client_expect_next(c, NAME "BATCH -*");
}

static void at_most_thirteen_tokens_a_line(void **state)
{
	struct world *w = *state;
	struct simclient *c = simnet_client(w->s, "127.0.0.1", false);
	const char *const *lines;
	unsigned n_005 = 0;

	client_send(c, "NICK ann\r\nUSER ann 0 * :Ann\r\nPING in");
	client_expect(c, "* PONG * :in");
	for (size_t i = 0, n = client_lines(c, &lines); i < n; i++) {
		unsigned words = 0;

		if (strstr(lines[i], " 005 ann ") == NULL)
			continue;
		n_005++;
		for (const char *p = lines[i]; p < strstr(lines[i], " :are"); p++)
			words += *p == ' ';
		assert_true(words - 2 <= 13 && strlen(lines[i]) <= 510);
	}
	assert_true(n_005 >= 2);
}

#define in_world(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_world(unknown_commands_and_missing_parameters),
		in_world(a_command_is_counted_as_its_own_modules),
		in_world(an_empty_real_name_is_461),
		in_world(a_user_name_without_a_usable_character_is_468),
		in_world(erroneous_nicks_are_432),
		in_world(reserved_nicks_are_432),
		in_world(empty_lines_are_nothing),
		in_world(too_long_is_417_and_not_executed),
		in_world(an_endless_line_closes),
		in_world(bad_bytes_are_told_and_not_executed),
		in_world(a_person_is_told_of_a_failure_in_a_notice),
		in_world(what_is_sent_is_cut_between_characters),
		in_world(one_line_carries_the_label),
		in_world(nothing_is_acknowledged),
		in_world(several_lines_are_one_batch),
		in_world(without_batch_there_are_no_labels),
		in_world(a_message_to_oneself_is_labelled_once),
		in_world(an_answer_that_comes_later_has_its_label),
		in_world(only_client_tags_are_relayed_as_they_came),
		in_world(client_tags_need_the_capability),
		in_world(an_echo_is_what_the_others_see),
		in_world(cap_values_are_for_302_only),
		in_world(a_request_is_granted_whole_or_not_at_all),
		in_world(capabilities_change_after_the_welcome_too),
		in_world(what_a_module_brings_comes_and_goes_with_it),
		in_world(isupport_is_a_batch_and_comes_before_the_welcome_if_asked_for),
		in_world(at_most_thirteen_tokens_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
