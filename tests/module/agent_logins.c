/*
 * tests/module/agent_logins.c - with what the agent logs in when it comes back, and when it cannot.
 */
#include "tests/module/agent_gap.h"
#include <sys/stat.h>
#include <unistd.h>

#define REFUSED "ERROR :Closing link: (Your login is no longer accepted (*): log in again)"
#define UNKNOWN                                                                                    \
	"ERROR :Closing link: (You were logged in by a way that the agent cannot repeat*: log in " \
	"again)"

/* By /quote REGISTER: the agent knows that it was done, not with what. */
static struct simclient *make_account(struct agent_stage *s, const char *nick)
{
	struct simclient *c = agent_client(s);

	client_send(c, "NICK %s\r\nUSER %s 0 * :x\r\nREGISTER * * %s-secret", nick, nick, nick);
	client_expect(c, "* 422 *");
	return c;
}

static char *write_login(const char *text, mode_t mode)
{
	char *path = strdup("/tmp/godwit-agent-login-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	fchmod(fd, mode);
	close(fd);
	return path;
}

static void forget_login(char *path)
{
	unlink(path);
	free(path);
}

static void by_pass(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	open_closed(&s, "");
	ann = agent_client(&s);
	client_send(ann, "PASS ann:wrong\r\nNICK ann\r\nUSER ann 0 * :Ann");
	client_expect(ann, "* 464 *");
	client_send(ann, "PASS ann:ann-secret");
	client_expect(ann, "* 422 *");
	simtree_crash(s.t, 0);
	client_expect(ann, LOST);
	client_expect_next(ann, BACK);
	client_expect_exactly(ann, "");
	client_send(ann, "WHOIS ann");
	client_expect(ann, "* 330 ann ann ann *");
	assert_null(strstr(simserver_log(s.agent), "ann-secret"));
	agent_close(&s);
}

static void by_sasl_from_server_to_server(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	open_closed(&s, "");
	ann = log_in(&s, "");
	for (int i = 0; i < 3; i++) {
		cut(&s);
		client_expect(ann, LOST);
		heal(&s);
		client_expect_next(ann, BACK);
		run(&s, 31);
	}
	client_send(ann, "WHOIS ann");
	client_expect(ann, "* 330 ann ann ann *");
	agent_close(&s);
}

/* A login that was refused after a good one does not count. */
static void the_last_good_login_counts(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	open_closed(&s, "");
	ann = log_in(&s, "");
	client_send(ann, "AUTHENTICATE PLAIN\r\nAUTHENTICATE AGFubgB3cm9uZw==");
	client_expect(ann, "* 904 *");
	client_send(ann, "AUTHENTICATE PLAIN\r\nAUTHENTICATE *");
	client_expect(ann, "* 906 *");
	simtree_crash(s.t, 0);
	client_expect(ann, LOST);
	client_expect_next(ann, BACK);
	client_expect_exactly(ann, "");
	agent_close(&s);
}

static void without_any_the_client_is_to_log_in_again(void **state)
{
	struct agent_stage s;
	struct simclient *eve;

	(void)state;
	open_closed(&s, "");
	eve = make_account(&s, "eve");
	simtree_crash(s.t, 0);
	client_expect(eve, "*NOTICE eve :The connection to the network was lost (*");
	client_expect_next(eve, UNKNOWN);
	client_expect_end(eve);
	eve = agent_client(&s);
	client_send(eve, "PASS eve:eve-secret\r\nNICK eve\r\nUSER eve 0 * :x");
	client_expect(eve, "* 422 *");
	agent_close(&s);
}

static void from_the_file(void **state)
{
	char *path = write_login("eve\neve-secret\n", 0600), options[200];
	struct agent_stage s;
	struct simclient *eve;

	(void)state;
	snprintf(options, sizeof(options), ", login: \"%s\"", path);
	open_closed(&s, options);
	eve = make_account(&s, "eve");
	assert_true(simtree_level(s.t, 60 * GW_SECOND));
	read_all(eve);
	cut(&s);
	client_expect(eve, "*NOTICE eve :The connection to the network was lost (*");
	heal(&s);
	client_expect_next(eve, GAP("eve"));
	client_expect_exactly(eve, "");
	client_send(eve, "WHOIS eve");
	client_expect(eve, "* 330 eve eve eve *");
	chmod(path, 0640);
	run(&s, 31);
	cut(&s);
	client_expect(eve, "*NOTICE eve :The connection to the network was lost (*");
	heal(&s);
	client_expect_next(eve, UNKNOWN);
	agent_close(&s);
	forget_login(path);
}

static void a_file_that_others_can_read_is_refused(void **state)
{
	char *path = write_login("eve\neve-secret\n", 0640), *half = write_login("eve\n", 0600);
	char options[200];
	struct agent_stage s;
	struct gw_error err;

	(void)state;
	agent_open(&s, 1, "");
	agent_write_config(&s, 1, ", login: /tmp/no-such-file");
	assert_null(simnet_try_server(s.t->net, s.yaml, &err));
	assert_non_null(strstr(err.text, "cannot read /tmp/no-such-file: No such file"));
	agent_write_config(&s, 1, ", login: /tmp");
	assert_null(simnet_try_server(s.t->net, s.yaml, &err));
	assert_non_null(strstr(err.text, "/tmp is not a regular file"));
	snprintf(options, sizeof(options), ", login: \"%s\"", path);
	agent_write_config(&s, 1, options);
	assert_null(simnet_try_server(s.t->net, s.yaml, &err));
	assert_non_null(strstr(err.text, "others can read "));
	assert_non_null(strstr(err.text, ": chmod 600 "));
	snprintf(options, sizeof(options), ", login: \"%s\"", half);
	agent_write_config(&s, 1, options);
	assert_null(simnet_try_server(s.t->net, s.yaml, &err));
	assert_non_null(strstr(err.text, " has to have two lines: "));
	agent_close(&s);
	forget_login(path);
	forget_login(half);
}

static void the_password_was_changed_or_the_account_dropped(void **state)
{
	const char *const changes[] = {"account password ann other-secret", "account drop ann",
	                               "ban add ann never reasons"};
	const char *const errors[] = {REFUSED, REFUSED,
	                              "ERROR :Closing link: (You are banned from this server: *)"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct agent_stage s;
		struct simclient *ann;

		open_closed(&s, "");
		ann = log_in(&s, "");
		cut(&s);
		client_expect(ann, LOST);
		agent_ask(&s, 0, changes[i]);
		client_send(ann, "PRIVMSG bob :one");
		client_expect_next(ann, "*NOTICE ann :Not sent: PRIVMSG bob :one");
		heal(&s);
		client_expect_next(ann, errors[i]);
		client_expect_end(ann);
		agent_close(&s);
	}
}

/* A guest at servers that have become stricter. */
static void the_network_wants_a_login_now(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	agent_open(&s, 1, "");
	ann = agent_enter(&s, "ann", "");
	cut(&s);
	client_expect(ann, LOST);
	agent_ask(&s, 0, "module unload guest");
	heal(&s);
	client_expect_next(ann, "ERROR :Closing link: (The network wants a login, *)");
	client_expect_end(ann);
	agent_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_pass),
		cmocka_unit_test(by_sasl_from_server_to_server),
		cmocka_unit_test(the_last_good_login_counts),
		cmocka_unit_test(without_any_the_client_is_to_log_in_again),
		cmocka_unit_test(from_the_file),
		cmocka_unit_test(a_file_that_others_can_read_is_refused),
		cmocka_unit_test(the_password_was_changed_or_the_account_dropped),
		cmocka_unit_test(the_network_wants_a_login_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
