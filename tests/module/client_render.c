/*
 * Who is shown what a user does: each role gets its own form, once, and nobody else gets any.
 */
#include "tests/module/talk.h"
#include "tests/unit/cmocka.h"
#include <godwit/loop.h>
#include <stdlib.h>

#define NAME ":sim1.example.net "
#define ALL "account-notify away-notify chghost setname"

/* ann does something; bob shares two channels with her and has all capabilities, cat shares one and
 * has none, dan shares none. */
struct world {
	struct simnet *net;
	struct simserver *s;
	struct simclient *ann, *bob, *cat, *dan;
};

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->net = simnet_new(1);
	w->s = simnet_server(w->net, TALK_OPEN TALK_FREE);
	w->ann = talk_enter(w->s, "ann", "");
	w->bob = talk_enter(w->s, "bob", ALL);
	w->cat = talk_enter(w->s, "cat", "");
	w->dan = talk_enter(w->s, "dan", ALL);
	client_send(w->ann, "JOIN #one,#two");
	client_expect(w->ann, "* 366 ann #two *");
	client_send(w->bob, "JOIN #one,#two");
	client_expect(w->bob, "* 366 bob #two *");
	client_send(w->cat, "JOIN #two");
	client_expect(w->cat, "* 366 cat #two *");
	free(client_take(w->ann));
	free(client_take(w->bob));
	free(client_take(w->cat));
	free(client_take(w->dan));
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

/* The next line matches, and no other follows. */
static void only(struct simclient *c, const char *glob)
{
	client_expect_next(c, glob);
	client_expect_exactly(c, "");
}

static void nothing(struct simclient *c)
{
	client_expect_exactly(c, "");
}

static void a_new_nick(void **state)
{
	struct world *w = *state;

	client_send(w->ann, "NICK anna");
	only(w->ann, ":ann!ann@*.guests.godwit NICK :anna");
	only(w->bob, ":ann!ann@*.guests.godwit NICK :anna");
	only(w->cat, ":ann!ann@*.guests.godwit NICK :anna");
	nothing(w->dan);
	client_send(w->ann, "NICK anna");
	nothing(w->ann);
	client_send(w->ann, "NICK ANNA");
	only(w->cat, ":anna!ann@* NICK :ANNA");
}

static void a_nick_of_another_stays(void **state)
{
	struct world *w = *state;

	client_send(w->ann, "NICK BOB");
	only(w->ann, NAME "433 ann BOB :Nickname is already in use");
	nothing(w->bob);
}

static void leaving(void **state)
{
	struct world *w = *state;

	client_send(w->ann, "QUIT :so long");
	only(w->ann, "ERROR :Closing Link: 127.0.0.1 (Quit: so long)");
	only(w->bob, ":ann!ann@* QUIT :Quit: so long");
	only(w->cat, ":ann!ann@* QUIT :Quit: so long");
	nothing(w->dan);
}

static void a_broken_connection(void **state)
{
	struct world *w = *state;

	simpipe_cut(client_pipe(w->ann));
	only(w->bob, ":ann!ann@* QUIT :Connection reset by peer");
	only(w->cat, ":ann!ann@* QUIT :Connection reset by peer");
}

static void a_real_name(void **state)
{
	struct world *w = *state;

	client_send(w->ann, "SETNAME :Ann the Second");
	nothing(w->ann);
	only(w->bob, ":ann!ann@* SETNAME :Ann the Second");
	nothing(w->cat);
	nothing(w->dan);
	client_send(w->bob, "SETNAME :Bob the First");
	only(w->bob, ":bob!bob@* SETNAME :Bob the First");
}

static void being_away(void **state)
{
	struct world *w = *state;

	client_send(w->ann, "AWAY :tea");
	only(w->ann, NAME "306 ann :*");
	only(w->bob, ":ann!ann@* AWAY :tea");
	nothing(w->cat);
	nothing(w->dan);
	client_send(w->ann, "AWAY");
	only(w->ann, NAME "305 ann :*");
	only(w->bob, ":ann!ann@* AWAY");
}

static void an_account_and_its_host(void **state)
{
	struct world *w = *state;

	client_send(w->ann, "REGISTER * * correct-horse");
	client_expect(w->ann, NAME "396 ann ann.users.godwit :is now your visible host");
	client_expect_next(w->bob, ":ann!ann@*.guests.godwit CHGHOST ann ann.users.godwit");
	only(w->bob, ":ann!ann@ann.users.godwit ACCOUNT ann");
	nothing(w->cat);
	nothing(w->dan);
}

static void account_tags(void **state)
{
	struct world *w = *state;

	client_send(w->cat, "CAP REQ account-tag");
	client_expect(w->cat, "* ACK :account-tag");
	client_send(w->ann, "PRIVMSG #two :before");
	client_expect_next(w->cat, ":ann!ann@* PRIVMSG #two :before");
	client_send(w->ann, "REGISTER * * correct-horse");
	client_expect(w->ann, "* REGISTER SUCCESS *");
	client_send(w->ann, "PRIVMSG #two :after");
	client_expect_next(w->cat, "@account=ann :ann!ann@ann.users.godwit PRIVMSG #two :after");
	client_expect(w->bob, ":ann!ann@ann.users.godwit PRIVMSG #two :after");
}

static void user_modes(void **state)
{
	struct world *w = *state;

	client_send(w->ann, "MODE ann +iR");
	only(w->ann, ":ann!ann@* MODE ann :+Ri");
	nothing(w->bob);
	client_send(w->ann, "MODE ann -i+B");
	only(w->ann, ":ann!ann@* MODE ann :+B-i");
}

static void prefixes_choose_who_gets_a_message(void **state)
{
	struct world *w = *state;

	client_send(w->bob, "PRIVMSG @#two :operators");
	only(w->ann, ":bob!bob@* PRIVMSG @#two :operators");
	nothing(w->bob);
	nothing(w->cat);
	nothing(w->dan);
}

static void one_message_has_one_id_and_one_time(void **state)
{
	struct world *w = *state;
	char *seen;

	client_send(w->bob, "CAP REQ :server-time message-tags");
	client_send(w->cat, "CAP REQ :server-time message-tags account-tag");
	client_expect(w->bob, "* ACK *");
	client_expect(w->cat, "* ACK *");
	client_send(w->ann, "PRIVMSG #two :same");
	seen = strdup(client_expect(w->bob, "@time=*;msgid=* PRIVMSG #two :same"));
	assert_string_equal(client_expect(w->cat, "@time=*;msgid=* PRIVMSG #two :same"), seen);
	free(seen);
}

/* One form for each message, which is made by the module that sends them. */
static void a_renderers_time_is_its_own_modules(void **state)
{
	struct world *w = *state;

	simserver_ask(w->s, "module times --reset");
	client_send(w->ann, "PRIVMSG #two :x");
	client_send(w->ann, "PRIVMSG bob :y");
	client_expect(w->bob, "* PRIVMSG bob :y");
	assert_non_null(strstr(simserver_ask(w->s, "module times message"), "message|render|2|"));
	assert_null(strstr(simserver_ask(w->s, "module times client"), "|render|"));
}

#define in_world(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_world(a_new_nick),
		in_world(a_nick_of_another_stays),
		in_world(leaving),
		in_world(a_broken_connection),
		in_world(a_real_name),
		in_world(being_away),
		in_world(an_account_and_its_host),
		in_world(account_tags),
		in_world(user_modes),
		in_world(prefixes_choose_who_gets_a_message),
		in_world(one_message_has_one_id_and_one_time),
		in_world(a_renderers_time_is_its_own_modules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
