/*
 * tests/module/agent_upstreams.c - whom the agent trusts, where it connects, what it remembers, and
 * its commands.
 */
#include "core/tls_cred.h"
#include "tests/module/agent_stage.h"
#include <errno.h>
#include <sys/stat.h>

#define ONE "10.0.0.1:6697"
#define TWO "10.0.0.2:6697"
#define OTHER_PIN "abababababababababababababababababababababababababababababababab"

/* --- an agent with some options --- */

static const char *config_of(const char *options)
{
	static char yaml[2000];

	snprintf(yaml, sizeof(yaml),
	         "server: agent.localhost\nmodules: [agent]\nlisten:\n"
	         "  - {address: \"" AGENT_ADDRESS "\", protocol: agent, tls: no}\n"
	         "agent: {%s}\n",
	         options);
	return yaml;
}

static void open_with(struct agent_stage *s, unsigned servers, const char *options)
{
	agent_open_network(s, servers);
	s->agent = simnet_server(s->t->net, config_of(options));
}

static void run(struct agent_stage *s, int64_t seconds)
{
	simnet_run(s->t->net, seconds * GW_SECOND);
}

static void rehash(struct agent_stage *s, const char *options, int wanted)
{
	const char *answer;
	int status;

	simserver_config(s->agent, config_of(options));
	answer = simserver_admin(s->agent, &status, "rehash");
	if (status != wanted)
		fail_msg("rehash: %d, %s", status, answer);
}

static const char *ask(struct agent_stage *s, const char *command)
{
	return simserver_ask(s->agent, "%s", command);
}

static void denied(struct agent_stage *s, const char *command, int wanted, const char *why)
{
	int status;
	const char *answer = simserver_admin(s->agent, &status, "%s", command);

	if (status != wanted || strstr(answer, why) == NULL)
		fail_msg("%s: %d, %s", command, status, answer);
}

static void has(const char *text, const char *what)
{
	if (strstr(text, what) == NULL)
		fail_msg("no \"%s\" in:\n%s", what, text);
}

static void has_not(const char *text, const char *what)
{
	if (strstr(text, what) != NULL)
		fail_msg("\"%s\" in:\n%s", what, text);
}

/* "upstream list", without how long ago. */
static void lists(struct agent_stage *s, const char *glob)
{
	const char *answer = ask(s, "upstream list");
	char whole[3000];

	snprintf(whole, sizeof(whole), "address|from|tls|used|ticket|pin|fingerprint|refused\n%s",
	         glob);
	if (!sim_glob(whole, answer))
		fail_msg("not as wanted:\n%s\n%s", whole, answer);
}

static void pin_of(struct agent_stage *s, unsigned node, char out[65])
{
	uint8_t pin[32];

	assert_true(tls_fingerprint(simserver_server(s->t->nodes[node].server), pin));
	for (int i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", pin[i]);
}

static void show(struct agent_stage *s, unsigned node, int byte)
{
	uint8_t pin[32];

	memset(pin, byte, sizeof(pin));
	simhost_certificate(simserver_host(s->t->nodes[node].server), pin);
}

static void leave(struct agent_stage *s, struct simclient *c)
{
	client_send(c, "QUIT");
	client_expect(c, "ERROR *");
	client_expect_end(c);
	run(s, 1);
}

/* Ann, and the agent has its capability. */
static struct simclient *enter(struct agent_stage *s)
{
	struct simclient *c = agent_enter(s, "ann", "");

	run(s, 1);
	return c;
}

static void comes_in(struct agent_stage *s)
{
	leave(s, enter(s));
}

static const char *file_of(struct agent_stage *s, const char *name)
{
	static char text[20000];
	char *path = simserver_path(s->agent, name);
	FILE *file = fopen(path, "re");
	size_t n = 0;

	if (file != NULL) {
		n = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	text[n] = '\0';
	free(path);
	return text;
}

static void put_file(struct agent_stage *s, const char *text, mode_t mode)
{
	char *path = simserver_path(s->agent, "state/upstreams");
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	chmod(path, mode);
	free(path);
}

/* --- certificates --- */

static void the_first_certificate_is_kept_and_another_refused(void **state)
{
	struct agent_stage s;
	struct simclient *c;
	char pin[65], text[400];

	(void)state;
	open_with(&s, 1, "upstream: [\"10.0.0.1\"]");
	lists(&s, ONE "|configured|yes|-|no|-|-|-\n");
	comes_in(&s);
	pin_of(&s, 0, pin);
	snprintf(text, sizeof(text), ONE "|configured|yes|*s|no|first-use|%s|-\n", pin);
	lists(&s, text);
	snprintf(text, sizeof(text), "\n" ONE " tls - first-use %s ", pin);
	has(file_of(&s, "state/upstreams"), text);
	comes_in(&s);

	show(&s, 0, 0xab);
	c = agent_client(&s);
	client_send(c, "NICK ann\r\nUSER ann 0 * :Ann");
	snprintf(text, sizeof(text),
	         ":agent.localhost NOTICE * :" ONE " has the certificate " OTHER_PIN
	         ", trusted is %s. If the new one is right: godwitctl --agent upstream trust " ONE
	         " " OTHER_PIN,
	         pin);
	client_expect_next(c, text);
	client_expect_next(c, "ERROR :Closing link: (" ONE " has the certificate *)");
	client_expect_end(c);
	snprintf(text, sizeof(text), ONE "|configured|yes|*|no|first-use|%s|" OTHER_PIN "\n", pin);
	lists(&s, text);
	simserver_restart(s.agent, NULL); /* it is still known */
	c = agent_client(&s);
	client_expect(c, "*NOTICE * :" ONE " has the certificate " OTHER_PIN "*");
	client_expect_end(c);

	ask(&s, "upstream trust 10.0.0.1 " OTHER_PIN);
	lists(&s, ONE "|configured|yes|*|no|given|" OTHER_PIN "|-\n");
	comes_in(&s);
	simserver_restart(s.agent, NULL);
	lists(&s, ONE "|configured|yes|*|no|given|" OTHER_PIN "|-\n");
	comes_in(&s);

	ask(&s, "upstream forget " ONE);
	lists(&s, ONE "|configured|yes|*|no|-|-|-\n");
	show(&s, 0, 0x11);
	comes_in(&s);
	has(ask(&s, "upstream list"), "|first-use|1111");
	agent_close(&s);
}

static void the_next_address_is_tried_after_a_wrong_certificate(void **state)
{
	struct agent_stage s;
	struct simclient *c;

	(void)state;
	open_with(&s, 2, "upstream: [\"" ONE "\", \"" TWO "\"]");
	comes_in(&s);
	show(&s, 0, 0xab);
	c = enter(&s);
	has(ask(&s, "session list"), "|ann|127.0.0.1|" TWO "|passing|");
	leave(&s, c);
	agent_close(&s);
}

/* The server comes back with another certificate, until somebody says that it is right. */
static void a_certificate_that_stays_wrong_is_told_once(void **state)
{
	struct agent_stage s;
	struct simclient *c;
	const char *log;

	(void)state;
	open_with(&s, 1, "upstream: [\"" ONE "\"]");
	c = enter(&s);
	simserver_restart(s.t->nodes[0].server, NULL);
	show(&s, 0, 0xab);
	client_expect(c, "*NOTICE ann :" ONE " has the certificate " OTHER_PIN "*");
	run(&s, 200);
	client_expect_none(c, "*has the certificate*");
	log = strstr(simserver_log(s.agent), "another certificate address=");
	assert_non_null(log);
	assert_null(strstr(log + 1, "another certificate address="));
	ask(&s, "upstream trust " ONE " " OTHER_PIN);
	run(&s, 45);
	client_send(c, "PING back");
	client_expect(c, ":s0.example.net PONG * :back");
	agent_close(&s);
}

static void fingerprints_can_be_given(void **state)
{
	struct agent_stage s;
	struct simclient *c;
	char pin[65], options[400], colons[100] = "";

	(void)state;
	agent_open_network(&s, 1);
	pin_of(&s, 0, pin);
	for (int i = 0; i < 32; i++)
		snprintf(colons + strlen(colons), 4, "%s%c%c", i > 0 ? ":" : "", pin[2 * i] & ~32,
		         pin[2 * i + 1]);
	snprintf(options, sizeof(options), "upstream: [\"" ONE "\"], fingerprint: [" OTHER_PIN "]");
	s.agent = simnet_server(s.t->net, config_of(options));
	c = agent_client(&s);
	client_expect(c, "*NOTICE * :" ONE " has the certificate *trusted is " OTHER_PIN "*");
	client_expect_end(c);
	snprintf(options, sizeof(options),
	         "upstream: [\"" ONE "\"], fingerprint: [" OTHER_PIN ", \"%s\"]", pin);
	rehash(&s, options, 0);
	comes_in(&s);
	has(ask(&s, "upstream list"), "|option|" OTHER_PIN ",");
	has_not(file_of(&s, "state/upstreams"), pin); /* given is not seen */

	/* what was seen before does not count beside it, what the operator has said does */
	rehash(&s, "upstream: [\"" ONE "\"]", 0);
	comes_in(&s);
	has(ask(&s, "upstream list"), "|first-use|");
	rehash(&s, "upstream: [\"" ONE "\"], fingerprint: [" OTHER_PIN "]", 0);
	c = agent_client(&s);
	client_expect(c, "*NOTICE * :" ONE " has the certificate *");
	client_expect_end(c);
	snprintf(options, sizeof(options), "upstream trust " ONE " %s", pin);
	ask(&s, options);
	comes_in(&s);
	show(&s, 0, 0xab);
	comes_in(&s);
	agent_close(&s);
}

static void options_are_checked(void **state)
{
	static const struct {
		const char *options, *sentence;
	} bad[] = {
		{"upstream: [\"a:b\"]", "must end with a port"},
		{"upstream: [a, \"A:6697\"]", "'a:6697' is there twice"},
		{"upstream: [\"2001:db8::1\"]", "brackets"},
		{"upstream: [\"unix:x\"]", "whole path"},
		{"upstream: [a], fingerprint: [abc]", "must be 64 hexadecimal digits"},
		{"password: \"$argon2id$\"", "begins like a hash"},
	};
	struct agent_stage s;

	(void)state;
	open_with(&s, 1, "upstream: [\"" ONE "\"]");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status;
		const char *answer;

		simserver_config(s.agent, config_of(bad[i].options));
		answer = simserver_admin(s.agent, &status, "rehash");
		assert_int_not_equal(status, 0);
		has(answer, bad[i].sentence);
	}
	comes_in(&s);
	rehash(&s, "upstream: [a, \"a:6697\", \"unix:/run/a\"], tls: no", 0);
	lists(&s, "a:6667|configured|no|-|no|-|-|-\na:6697|configured|no|-|no|-|-|-\n"
	          "unix:/run/a|configured|no|-|no|-|-|-\n" ONE "|kept|*\n");
	agent_close(&s);
}

/* --- addresses that the network names --- */

static void moved_to_the_second(struct agent_stage *s)
{
	struct simclient *c = enter(s);

	agent_move(s, "ann", 0, 1);
	run(s, 1);
	has(ask(s, "session list"), "|ann|127.0.0.1|" TWO "|passing|");
	leave(s, c);
}

static void where_a_move_led_to_is_remembered(void **state)
{
	struct agent_stage s;
	struct simclient *c;
	char pin[65], text[400];

	(void)state;
	open_with(&s, 2, "upstream: [\"" ONE "\"]");
	moved_to_the_second(&s);
	pin_of(&s, 1, pin);
	snprintf(text, sizeof(text), ONE "|configured|*\n" TWO "|network|yes|*s|no|network|%s|-\n",
	         pin);
	lists(&s, text);
	snprintf(text, sizeof(text), "\n" TWO " tls " ONE " network %s ", pin);
	has(file_of(&s, "state/upstreams"), text);

	/* the configured one is gone, and the agent begun anew */
	simserver_restart(s.agent, NULL);
	simserver_stop(s.t->nodes[0].server);
	c = enter(&s);
	has(ask(&s, "session list"), "|ann|127.0.0.1|" TWO "|passing|");
	leave(&s, c);

	/* it has another certificate, which nobody has vouched for */
	show(&s, 1, 0xab);
	c = agent_client(&s);
	client_expect(c, "*NOTICE * :" TWO " has the certificate " OTHER_PIN "*");
	client_expect_end(c);
	simserver_restart(s.t->nodes[0].server, NULL);
	agent_close(&s);
}

static void the_network_may_say_that_a_certificate_is_new(void **state)
{
	struct agent_stage s;
	char pin[65], text[400];

	(void)state;
	open_with(&s, 2, "upstream: [\"" ONE "\"]");
	moved_to_the_second(&s);
	pin_of(&s, 1, pin);
	snprintf(text, sizeof(text),
	         "# Addresses of the network, and certificates that are trusted. Written by the "
	         "agent.\n" TWO " tls " ONE " first-use " OTHER_PIN " 5\n");
	simserver_stop(s.agent);
	put_file(&s, text, 0600);
	simserver_restart(s.agent, NULL);
	lists(&s, ONE "|*|-|*\n" TWO "|network|yes|*|no|first-use|" OTHER_PIN "|-\n");
	moved_to_the_second(&s);
	snprintf(text, sizeof(text), ONE "|*\n" TWO "|network|yes|*|no|network|%s|-\n", pin);
	lists(&s, text);

	/* but not where the operator has said otherwise */
	ask(&s, "upstream trust " TWO " " OTHER_PIN);
	moved_to_the_second(&s);
	lists(&s, ONE "|*\n" TWO "|network|yes|*|no|given|" OTHER_PIN "|-\n");
	has(simserver_log(s.agent), "another certificate than the operator address=" TWO);
	agent_close(&s);
}

/* Another network's server must not get what is said to the first one. */
static void what_belongs_to_another_network_is_not_tried(void **state)
{
	struct agent_stage s;
	struct simclient *c;

	(void)state;
	open_with(&s, 2, "upstream: [\"" ONE "\"]");
	moved_to_the_second(&s);
	rehash(&s, "upstream: [\"10.0.0.77:6697\"]", 0);
	lists(&s, "10.0.0.77:6697|configured|yes|-|no|-|-|-\n10.0.0.?:6697|kept|*\n"
	          "10.0.0.?:6697|kept|*\n");
	simserver_restart(s.agent, NULL);
	c = agent_client(&s);
	client_expect(c, "ERROR *");
	client_expect_end(c);
	has_not(simserver_log(s.agent), "cannot connect session=1 to=" TWO);
	lists(&s, "10.0.0.77:6697|configured|yes|-|no|-|-|-\n10.0.0.?:6697|kept|*\n"
	          "10.0.0.?:6697|kept|*\n");
	rehash(&s, "upstream: [\"" ONE "\"]", 0);
	lists(&s, ONE "|configured|*|first-use|*\n" TWO "|network|*|network|*\n");
	rehash(&s, "upstream: []", 0);
	c = agent_client(&s);
	client_expect(c, "ERROR :Closing link: (This agent knows no server's address)");
	client_expect_end(c);
	agent_close(&s);
}

static void without_tls_is_not_tried_where_it_is_wanted(void **state)
{
	static const char text[] =
		"# Addresses of the network, and certificates that are trusted. Written by the "
		"agent.\n"
		"10.0.0.2:6667 plain " ONE " - - 7\n" TWO " tls " ONE " network " OTHER_PIN " 5\n";
	struct agent_stage s;

	(void)state;
	open_with(&s, 1, "upstream: [\"" ONE "\"]");
	simserver_stop(s.agent);
	put_file(&s, text, 0600);
	simserver_restart(s.agent, NULL);
	lists(&s, ONE "|configured|*\n" TWO "|network|*\n10.0.0.2:6667|kept|no|*\n");
	rehash(&s, "upstream: [\"" ONE "\"], tls: no", 0);
	lists(&s, ONE "|configured|no|*\n10.0.0.2:6667|network|no|*\n" TWO "|network|yes|*\n");
	agent_close(&s);
}

static void forgotten_is_gone_unless_it_is_configured(void **state)
{
	struct agent_stage s;
	struct simclient *c;

	(void)state;
	open_with(&s, 2, "upstream: [\"" ONE "\"]");
	moved_to_the_second(&s);
	ask(&s, "upstream forget " TWO);
	has_not(ask(&s, "upstream list"), TWO);
	has_not(file_of(&s, "state/upstreams"), TWO);
	c = enter(&s);
	agent_move(&s, "ann", 0, 1);
	run(&s, 1);
	ask(&s, "upstream forget " TWO); /* while it is in use */
	has(ask(&s, "upstream list"), TWO "|kept|");
	has_not(file_of(&s, "state/upstreams"), TWO);
	client_send(c, "PING still");
	client_expect(c, "*PONG * :still");
	agent_move(&s, "ann", 1, 0);
	run(&s, 1);
	leave(&s, c);
	simserver_restart(s.agent, NULL);
	has_not(ask(&s, "upstream list"), TWO);
	agent_close(&s);
}

/* Sessions keep what they are on, whatever the options become. */
static void a_rehash_under_sessions(void **state)
{
	struct agent_stage s;
	struct simclient *c;

	(void)state;
	open_with(&s, 2, "upstream: [\"" ONE "\", \"" TWO "\"]");
	c = enter(&s);
	rehash(&s, "upstream: [\"" TWO "\"]", 0);
	agent_reload(&s);
	client_send(c, "PING still");
	client_expect(c, "*PONG * :still");
	lists(&s, TWO "|configured|*\n" ONE "|kept|*\n");
	rehash(&s, "upstream: []", 0);
	simserver_stop(s.t->nodes[0].server);
	client_expect(c, "ERROR :Closing link: (This agent knows no server's address)");
	client_expect_end(c);
	simserver_restart(s.t->nodes[0].server, NULL);
	agent_close(&s);
}

static void no_more_are_remembered_than_there_is_room(void **state)
{
	static const char head[] =
		"# Addresses of the network, and certificates that are trusted. Written by the "
		"agent.\n";
	static char text[20000];
	struct agent_stage s;
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", head);

	(void)state;
	open_with(&s, 2, "upstream: [\"" ONE "\"]");
	simserver_stop(s.agent);
	for (int i = 0; i < 63; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		                      "h%d.example:6697 tls " ONE " network " OTHER_PIN " %d\n", i,
		                      100 + i);
	put_file(&s, text, 0600);
	simserver_restart(s.agent, NULL);
	has(ask(&s, "upstream list"), "\nh62.example:6697|network|");
	moved_to_the_second(&s);
	has_not(ask(&s, "upstream list"), "\nh0.example:6697|");
	has(ask(&s, "upstream list"), "\nh1.example:6697|");
	lists(&s, ONE "|configured|*\n" TWO "|network|*\nh62.example:*\nh61.example:*\n*");
	rehash(&s, "upstream: [\"10.0.0.9:1\", \"" ONE "\"]", 0);
	has_not(ask(&s, "upstream list"), "\nh1.example:6697|");
	has(ask(&s, "upstream list"), "\nh2.example:6697|");
	agent_close(&s);
}

/* --- the file --- */

static void a_damaged_file_is_told_of_once(void **state)
{
	struct agent_stage s;
	const char *text = "# Addresses of the network, and certificates that are trusted. Written "
			   "by the agent.\n"
			   "what is this\n" ONE " tls - first-use " OTHER_PIN " 5\n" ONE
			   " tls - first-use " OTHER_PIN " 5\n";
	const char *first;

	(void)state;
	open_with(&s, 1, "upstream: [\"" ONE "\"]");
	simserver_stop(s.agent);
	put_file(&s, text, 0600);
	simserver_restart(s.agent, NULL);
	first = strstr(simserver_log(s.agent), "is damaged: line 2 and others");
	assert_non_null(first);
	lists(&s, ONE "|configured|yes|*|no|first-use|" OTHER_PIN "|-\n");
	assert_string_equal(file_of(&s, "state/upstreams.broken"), text);
	simserver_restart(s.agent, NULL);
	assert_null(strstr(strstr(simserver_log(s.agent), "is damaged") + 10, "is damaged"));
	lists(&s, ONE "|configured|yes|*|no|first-use|" OTHER_PIN "|-\n");
	simserver_stop(s.agent);
	put_file(&s, file_of(&s, "state/upstreams"), 0666);
	simserver_restart(s.agent, NULL);
	has(simserver_log(s.agent), "can be written by others");
	lists(&s, ONE "|configured|yes|-|no|-|-|-\n");
	agent_close(&s);
}

/* --- commands --- */

static void sessions_are_listed_and_moved(void **state)
{
	struct agent_stage s;
	struct simclient *ann, *new;

	(void)state;
	open_with(&s, 2, "upstream: [\"" ONE "\"]");
	assert_string_equal(ask(&s, "session list"),
	                    "id|nick|address|server|state|since|moves|lost\n");
	ann = enter(&s);
	new = agent_client(&s);
	run(&s, 5);
	assert_true(sim_glob("id|nick|address|server|state|since|moves|lost\n"
	                     "1|ann|127.0.0.1|" ONE "|passing|?s|0|0\n"
	                     "2|-|127.0.0.1|" ONE "|passing|?s|0|0\n",
	                     ask(&s, "session list")));
	denied(&s, "session redirect 7", -ENOENT, "There is no session '7'");
	denied(&s, "session redirect ann", -ENOENT, "There is no session 'ann'");
	denied(&s, "session redirect 2", -ENOTCONN, "is on no server now");
	denied(&s, "session redirect 1 :x", -EINVAL, "is no server's name");
	client_close(new);
	agent_move(&s, "ann", 0, 1);
	run(&s, 1);
	assert_true(
		sim_glob("*\n1|ann|127.0.0.1|" TWO "|passing|?s|1|0\n", ask(&s, "session list")));
	has(ask(&s, "status"), "agent-sessions|1\n");
	has(ask(&s, "status"), "agent-upstream|" TWO "\n");
	has(ask(&s, "status"), "agent-moves|1\n");
	has(ask(&s, "status"), "agent-wrong-passwords|0\n");
	client_send(ann, "PING still");
	client_expect(ann, "*PONG * :still");
	agent_close(&s);
}

static void a_move_is_asked_for(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	open_with(&s, 2, "upstream: [\"" ONE "\"]");
	ann = enter(&s);
	free(client_take(ann));
	assert_string_equal(ask(&s, "session redirect 1 s1.example.net"),
	                    "ann is on " TWO " now\n");
	denied(&s, "session redirect 1 nowhere.example.net", -EPERM, "No such server");
	client_send(ann, "PING still");
	client_expect_next(ann, ":s1.example.net PONG s1.example.net :still");
	client_expect_none(ann, "*");
	agent_close(&s);
}

static void a_move_asked_for_is_answered_in_any_case(void **state)
{
	struct agent_stage s;
	struct simclient *ann;

	(void)state;
	open_with(&s, 1, "upstream: [\"" ONE "\"]");
	ann = enter(&s);
	simnet_stall(s.t->net, simserver_host(s.agent), simserver_host(s.t->nodes[0].server));
	denied(&s, "session redirect 1", -ETIMEDOUT, "within 30 seconds");
	denied(&s, "session redirect 1", -ETIMEDOUT, "within 30 seconds");
	simnet_heal(s.t->net, NULL, NULL);
	client_send(ann, "PING still");
	client_expect(ann, "*PONG * :still");
	agent_close(&s);
}

static void mistakes_in_commands_are_told(void **state)
{
	struct agent_stage s;

	(void)state;
	open_with(&s, 1, "upstream: [\"" ONE "\", \"unix:/run/x\"]");
	denied(&s, "upstream trust 10.0.0.5 " OTHER_PIN, -ENOENT, "no upstream '10.0.0.5'");
	denied(&s, "upstream trust " ONE " abc", -EINVAL, "64 hexadecimal digits");
	denied(&s, "upstream trust unix:/run/x " OTHER_PIN, -EINVAL, "without TLS");
	denied(&s, "upstream forget nowhere", -ENOENT, "no upstream 'nowhere'");
	agent_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_certificate_is_kept_and_another_refused),
		cmocka_unit_test(the_next_address_is_tried_after_a_wrong_certificate),
		cmocka_unit_test(a_certificate_that_stays_wrong_is_told_once),
		cmocka_unit_test(fingerprints_can_be_given),
		cmocka_unit_test(options_are_checked),
		cmocka_unit_test(where_a_move_led_to_is_remembered),
		cmocka_unit_test(the_network_may_say_that_a_certificate_is_new),
		cmocka_unit_test(what_belongs_to_another_network_is_not_tried),
		cmocka_unit_test(without_tls_is_not_tried_where_it_is_wanted),
		cmocka_unit_test(forgotten_is_gone_unless_it_is_configured),
		cmocka_unit_test(a_rehash_under_sessions),
		cmocka_unit_test(no_more_are_remembered_than_there_is_room),
		cmocka_unit_test(a_damaged_file_is_told_of_once),
		cmocka_unit_test(sessions_are_listed_and_moved),
		cmocka_unit_test(a_move_is_asked_for),
		cmocka_unit_test(a_move_asked_for_is_answered_in_any_case),
		cmocka_unit_test(mistakes_in_commands_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
