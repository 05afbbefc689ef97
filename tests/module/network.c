/*
 * The live network in a server with the other modules: its state outlives its code and that of
 * whoever contributes to it, and a new start is a new run.
 */
#include "tests/module/talk.h"
#include "tests/unit/cmocka.h"
#include <stdlib.h>
#include <string.h>

/* Digest and vector, as `status` tells them. */
static char *figures(struct simserver *s)
{
	int status;
	const char *answer = simserver_admin(s, &status, "status");
	const char *digest = strstr(answer, "live-digest"), *vector = strstr(answer, "vector.");
	char text[256];

	assert_int_equal(status, 0);
	assert_non_null(digest);
	assert_non_null(vector);
	snprintf(text, sizeof(text), "%.*s %.*s", (int)strcspn(digest, "\n"), digest,
	         (int)strcspn(vector, "\n"), vector);
	return strdup(text);
}

static void reload(struct simserver *s, const char *module)
{
	int status;

	simserver_admin(s, &status, "module reload %s", module);
	assert_int_equal(status, 0);
}

static void the_state_outlives_the_code(void **state)
{
	struct simnet *net = simnet_new(1);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b = talk_enter(s, "bob", "");
	char *before, *after;

	(void)state;
	client_send(a, "JOIN #x\r\nMODE #x +mk sesame\r\nMODE #x +b *!*@evil\r\nTOPIC #x :words");
	client_expect(a, "* TOPIC #x *");
	client_send(b, "JOIN #x sesame\r\nAWAY :gone");
	client_expect(b, "* 306 *");
	before = figures(s);
	reload(s, "network");
	reload(s, "channel");
	reload(s, "network");
	after = figures(s);
	assert_string_equal(before, after);
	client_send(a, "MODE #x +v bob");
	client_expect(b, ":ann!* MODE #x +v bob");
	client_send(b, "PRIVMSG #x :heard?");
	client_expect(a, ":bob!* PRIVMSG #x *heard?");
	free(before);
	free(after);
	simnet_end(&net);
}

static void who_has_gone_is_gone_from_the_digest(void **state)
{
	struct simnet *net = simnet_new(2);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	struct simclient *a = talk_enter(s, "ann", ""), *b;
	char *before = figures(s), *after;

	(void)state;
	b = talk_enter(s, "bob", "");
	client_send(b, "JOIN #x");
	client_expect(b, "* 366 *");
	client_send(b, "QUIT");
	client_send(a, "WHOIS bob\r\nLUSERS");
	client_expect(a, "* 251 *");
	after = figures(s);
	assert_int_equal(strncmp(before, after, strlen("live-digest") + 64), 0);
	assert_string_not_equal(before, after);
	free(before);
	free(after);
	simnet_end(&net);
}

/* So no message id is given twice, whatever was lost. */
static void a_start_is_a_new_run(void **state)
{
	struct simnet *net = simnet_new(3);
	struct simserver *s = simnet_server(net, TALK_OPEN TALK_FREE);
	char *before, *after;

	(void)state;
	talk_enter(s, "ann", "");
	before = figures(s);
	simserver_cut(s);
	simserver_restart(s, NULL);
	talk_enter(s, "ann", "");
	after = figures(s);
	assert_non_null(strstr(after, ":1"));
	assert_string_not_equal(strstr(before, "vector."), strstr(after, "vector."));
	free(before);
	free(after);
	simnet_end(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_outlives_the_code),
		cmocka_unit_test(who_has_gone_is_gone_from_the_digest),
		cmocka_unit_test(a_start_is_a_new_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
