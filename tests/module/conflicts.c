/*
 * Names that two claim, seen from one server: what the other one registered comes late (module
 * foreign), and sessions, accounts and channels here follow.
 */
#include "tests/module/mailbox.h"
#include "tests/module/talk.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>
#include <string.h>

#define NAME ":sim1.example.net "

struct world {
	struct simnet *net;
	struct simserver *s;
	char *yaml;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);

	w->net = simnet_new(1);
	assert_true(
		asprintf(&w->yaml,
	                 "modules: [store, services, network, client, account, channel, message, "
	                 "query, oper, guest, foreign]\n"
	                 "module-directory: [%s/modules, %s/tests/modules]\n" TALK_FREE
	                 "account: {iterations: 4096}\n",
	                 build, build) > 0);
	w->s = simnet_server(w->net, w->yaml);
	free(build);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	simnet_end(&w->net);
	free(w->yaml);
	free(w);
	return 0;
}

static void admin(struct world *w, const char *line)
{
	int status;
	const char *answer = simserver_admin(w->s, &status, "%s", line);

	if (status != 0)
		fail_msg("%s: %s", line, answer);
	simnet_quiet(w->net);
}

static struct simclient *registered(struct world *w, const char *nick, const char *caps)
{
	struct simclient *c = talk_enter(w->s, nick, caps);

	client_send(c, "REGISTER * * secret-1\r\nPING registered");
	client_expect(c, "* REGISTER SUCCESS *");
	client_expect(c, "*PONG sim* :registered");
	return c;
}

/* The word behind `before` in a line. */
static void word_behind(const char *line, const char *before, char out[64])
{
	const char *at = strstr(line, before);

	assert_non_null(at);
	at += strlen(before);
	snprintf(out, 64, "%.*s", (int)strcspn(at, " ."), at);
}

static void an_earlier_claim_takes_the_name_and_everybody_is_told(void **state)
{
	struct world *w = *state;
	struct simclient *ann = registered(w, "Ann", "standard-replies");
	struct simclient *bob = talk_enter(w->s, "bob", "account-notify");
	char shown[64], line[160];

	client_send(ann, "JOIN #c");
	client_expect(ann, "* 366 *");
	client_send(bob, "JOIN #c");
	client_expect(bob, "* 366 *");
	admin(w, "foreign account ANN 3600");
	word_behind(client_expect(ann, ":Ann!* NICK *"), " NICK :", shown);
	client_expect(ann, NAME "NOTICE Ann~????? :The nick Ann belongs to an account *");
	client_expect(ann, NAME "900 Ann~* Ann~*!* Ann~* :*");
	client_expect(ann, NAME "NOTE ACCOUNT NAME_WAITS :Another account claimed Ann earlier *");
	snprintf(line, sizeof(line), ":Ann!Ann@* NICK :%s", shown);
	client_expect(bob, line);
	snprintf(line, sizeof(line), ":%s!* ACCOUNT %s", shown, shown);
	client_expect(bob, line);
	assert_non_null(strstr(simserver_log(w->s), "two accounts claim a name"));
	client_send(ann, "ACCOUNT INFO");
	client_expect(ann, "* NOTE ACCOUNT INFO :Account Ann~?????, registered *");
	client_expect(ann, "* NOTE ACCOUNT NAME_WAITS *");
}

static void the_loser_logs_in_as_shown_and_is_told_each_time(void **state)
{
	struct world *w = *state;
	struct simclient *c = registered(w, "ann", "");
	char shown[64];

	admin(w, "foreign account ann 3600");
	word_behind(client_expect(c, ":ann!* NICK *"), " NICK :", shown);
	client_send(c, "QUIT");
	client_expect_end(c);
	for (int i = 0; i < 2; i++) {
		c = simnet_client(w->s, "127.0.0.1", false);
		client_send(c, "PASS %s:secret-1\r\nNICK other\r\nUSER o 0 * :o", shown);
		client_expect(c, "* 900 * :You are now logged in as ann~?????");
		client_expect(c, "* NOTICE ? :Another account claimed ann earlier and owns it. *");
		client_send(c, "QUIT");
		client_expect_end(c);
	}
	c = simnet_client(w->s, "127.0.0.1", false);
	client_send(c, "PASS ann:secret-1");
	client_expect(c, "* 464 *");
	admin(w, "account password ann secret-2");
	client_send(c, "PASS ann:secret-2\r\nNICK ann\r\nUSER o 0 * :o");
	client_expect(c, "* 900 * :You are now logged in as ann");
	client_expect(c, "* 001 ann *");
	client_expect_none(c, "*Another account*");
}

static void a_name_whose_owner_is_dropped_comes_back(void **state)
{
	struct world *w = *state;
	struct simclient *ann = registered(w, "ann", "standard-replies");

	admin(w, "foreign account ann 3600");
	client_expect(ann, ":ann!* NICK :ann~?????");
	admin(w, "foreign drop");
	client_expect(ann, NAME "900 ann~* ann~*!* ann :You are now logged in as ann");
	client_expect(ann, NAME "NOTE ACCOUNT NAME_CHANGED :Your account is shown as ann *");
	client_send(ann, "NICK ann");
	client_expect(ann, ":ann~*!* NICK :ann");
}

static void whoever_uses_a_nick_that_comes_to_be_owned_gets_another(void **state)
{
	struct world *w = *state;
	struct simclient *guest = talk_enter(w->s, "ann", ""), *eve = registered(w, "eve", "");

	client_send(eve, "NICK dan");
	client_expect(eve, ":eve!* NICK :dan");
	admin(w, "foreign account ann 5");
	client_expect(guest, ":ann!* NICK :ann~?????");
	client_expect(guest, NAME "NOTICE ann~????? :The nick ann belongs *");
	admin(w, "foreign account dan 5");
	client_expect(eve, ":dan!* NICK :dan~?????");
	client_expect_none(eve, "* 900 *");
	client_send(guest, "NICK ann");
	client_expect(guest, "* 433 *");
	client_send(guest, "NICK ann~aaaaa");
	client_expect(guest, "* 432 *");
}

static void a_later_claim_changes_nothing_here(void **state)
{
	struct world *w = *state;
	struct simclient *ann = registered(w, "ann", "");

	simnet_run(w->net, 10 * GW_SECOND);
	admin(w, "foreign account ann 1");
	client_expect_none(ann, "*");
	assert_non_null(strstr(simserver_log(w->s), "two accounts claim a name"));
}

static void an_account_has_further_nicks(void **state)
{
	struct world *w = *state;
	struct simclient *ann = registered(w, "ann", "standard-replies"), *bob;

	client_send(ann, "ACCOUNT NICK ADD ally");
	client_expect(ann, NAME "NOTE ACCOUNT NICK_CHANGED *");
	bob = talk_enter(w->s, "bob", "");
	client_send(bob, "NICK ally");
	client_expect(bob, "* 433 *");
	client_send(ann, "ACCOUNT NICK ADD bob");
	client_expect(ann, NAME "FAIL ACCOUNT ACCOUNT_EXISTS bob *");
	client_send(ann, "NICK ally\r\nACCOUNT NICK LIST");
	client_expect(ann, NAME "NOTE ACCOUNT NICK :ally");
	client_expect(ann, NAME "NOTE ACCOUNT NICK :ann");
	client_expect(ann, NAME "NOTE ACCOUNT NICK_END *");
	client_send(ann, "ACCOUNT NICK DEL ally wrong-1");
	client_expect(ann, NAME "FAIL ACCOUNT INVALID_PASSWORD *");
	client_send(ann, "ACCOUNT NICK DEL ann secret-1");
	client_expect(ann, NAME "NOTE ACCOUNT NICK_CHANGED *");
	client_expect(ann, NAME "900 ally * ally :*");
	client_send(ann, "ACCOUNT NICK DEL ally secret-1");
	client_expect(ann, NAME "FAIL ACCOUNT INVALID_PARAMS *only nick*");
	client_send(bob, "NICK ann");
	client_expect(bob, ":bob!* NICK :ann");
}

static void the_loser_takes_another_name(void **state)
{
	struct world *w = *state;
	struct simclient *ann = registered(w, "ann", "standard-replies");

	admin(w, "foreign account ann 3600");
	client_expect(ann, "* NOTE ACCOUNT NAME_WAITS *");
	client_send(ann, "ACCOUNT NICK ADD anna");
	client_expect(ann, NAME "NOTE ACCOUNT NICK_CHANGED *");
	client_expect(ann, NAME "900 * anna :You are now logged in as anna");
	client_send(ann, "NICK anna\r\nACCOUNT NICK LIST");
	client_expect(ann, NAME "NOTE ACCOUNT NICK :ann (waits*");
	client_expect(ann, NAME "NOTE ACCOUNT NICK :anna");
}

static void a_lost_name_is_told_by_mail(void **state)
{
	struct world *w = *state;
	struct simclient *ann = talk_enter(w->s, "ann", "");
	char box[32], text[MAILBOX_MAX], *yaml;

	mailbox_new(box);
	client_send(ann, "REGISTER * ann@example.org secret-1");
	client_expect(ann, "* REGISTER SUCCESS *");
	assert_true(
		asprintf(&yaml,
	                 "%.*saccount: {iterations: 4096, verify: email, mail-command: [/bin/sh, "
	                 "-c, \"cat >>%s\"]}\n",
	                 (int)(strstr(w->yaml, "account: {") - w->yaml), w->yaml, box) > 0);
	simserver_config(w->s, yaml);
	free(yaml);
	admin(w, "rehash");
	admin(w, "foreign account ann 3600");
	mailbox_read(w->net, box, text);
	assert_non_null(strstr(text, "To: ann@example.org\nSubject: The name of your account"));
	assert_non_null(strstr(text, "It is shown as ann~"));
	admin(w, "foreign account ann 7200");
	mailbox_read(w->net, box, text);
	assert_int_equal(1, sim_count(simserver_log(w->s), "the loss of a name was mailed"));
	unlink(box);
}

static void a_ban_stays_with_the_account_that_it_was_set_on(void **state)
{
	struct world *w = *state;
	struct simclient *ann = registered(w, "ann", ""), *c;
	char shown[64], line[128];

	admin(w, "foreign account ann 3600");
	word_behind(client_expect(ann, ":ann!* NICK *"), " NICK :", shown);
	admin(w, "account password ann secret-2");
	c = simnet_client(w->s, "127.0.0.1", false);
	client_send(c, "PASS ann:secret-2\r\nNICK ann\r\nUSER o 0 * :o");
	client_expect(c, "* 001 ann *");
	snprintf(line, sizeof(line), "ban add %s never for a test", shown);
	admin(w, line);
	client_expect(ann, "ERROR *for a test*");
	client_send(c, "PING still");
	client_expect(c, "*PONG sim* :still");
	admin(w, "foreign drop"); /* the name goes to the one that is banned */
	c = simnet_client(w->s, "127.0.0.1", false);
	client_send(c, "PASS ann:secret-1\r\nNICK ann\r\nUSER o 0 * :o");
	client_expect(c, "* 465 *for a test*");
}

/* --- channels --- */

static void a_channel_registered_elsewhere_before_takes_the_name(void **state)
{
	struct world *w = *state;
	struct simclient *ann = registered(w, "ann", "standard-replies");
	char shown[64];

	client_send(ann, "JOIN #C\r\nCHANNEL REGISTER #c\r\nMODE #c +m");
	client_expect(ann, NAME "NOTE CHANNEL REGISTERED #c :*");
	client_expect(ann, "* MODE #C +m");
	admin(w, "foreign channel #c 3600");
	word_behind(client_expect(ann, NAME "NOTICE ann :Somebody registered #C before you did*"),
	            " modes as ", shown);
	shown[strcspn(shown, ";")] = '\0';
	assert_non_null(strstr(simserver_log(w->s), "a channel was registered twice"));
	simnet_run(w->net, 6 * GW_SECOND);
	client_expect(ann, "* MODE #c -*");
	client_send(ann, "CHANNEL INFO #c");
	client_expect(ann, NAME "NOTE CHANNEL INFO #c :founder (none)*");
	client_send(ann, "CHANNEL INFO %s", shown);
	client_expect(ann, NAME "NOTE CHANNEL INFO #C~????? :founder ann,*");
	client_expect(ann, NAME "NOTE CHANNEL NAME_WAITS #C~????? *");
	client_send(ann, "CHANNEL DROP #c");
	client_expect(ann, NAME "FAIL CHANNEL NOT_FOUNDER *");
	client_send(ann, "NAMES #c");
	client_expect(ann, "* 353 ann = #c :ann");
	admin(w, "foreign drop");
	client_expect(ann, NAME "MODE #C +*");
	client_send(ann, "CHANNEL INFO #c");
	client_expect(ann, NAME "NOTE CHANNEL INFO #C :founder ann,*");
	client_send(ann, "NAMES #c");
	client_expect(ann, "* 353 ann = #C :~ann");
	client_send(ann, "CHANNEL DROP #c");
	client_expect(ann, NAME "NOTE CHANNEL DROPPED *");
}

static void a_live_channel_becomes_the_one_registered_elsewhere(void **state)
{
	struct world *w = *state;
	struct simclient *ann = talk_enter(w->s, "ann", "");

	client_send(ann, "JOIN #c");
	client_expect(ann, "* 353 ann = #c :@ann");
	admin(w, "foreign channel #c 3600");
	simnet_run(w->net, 6 * GW_SECOND);
	client_send(ann, "NAMES #c");
	client_expect(ann, "* 353 ann = #c :ann");
	client_send(ann, "CHANNEL INFO #c");
	client_expect(ann, NAME "NOTICE ann :founder (none)*");
}

static void a_channel_may_not_be_registered_under_anothers_address(void **state)
{
	struct world *w = *state;
	struct simclient *ann = registered(w, "ann", "standard-replies");

	client_send(ann, "JOIN #c~abcde\r\nCHANNEL REGISTER #c~abcde");
	client_expect(ann, NAME "FAIL CHANNEL INVALID_PARAMS *");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_earlier_claim_takes_the_name_and_everybody_is_told),
		TEST(the_loser_logs_in_as_shown_and_is_told_each_time),
		TEST(a_name_whose_owner_is_dropped_comes_back),
		TEST(whoever_uses_a_nick_that_comes_to_be_owned_gets_another),
		TEST(a_later_claim_changes_nothing_here),
		TEST(an_account_has_further_nicks),
		TEST(the_loser_takes_another_name),
		TEST(a_lost_name_is_told_by_mail),
		TEST(a_ban_stays_with_the_account_that_it_was_set_on),
		TEST(a_channel_registered_elsewhere_before_takes_the_name),
		TEST(a_live_channel_becomes_the_one_registered_elsewhere),
		TEST(a_channel_may_not_be_registered_under_anothers_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
