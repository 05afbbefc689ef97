/*
 * tests/module/agent_verb.c - `godwit agent HOST...`: which options of the agent the words of the
 * command line become.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/option.h"
#include "tests/module/host.h"

#include <godwit/verb.h>
#include <stdio.h>
#include <string.h>

#define PIN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define WHERE                                                                                      \
	"where to? godwit agent HOST, such as irc.example.net, or the option 'upstream' of the "   \
	"module agent in the configuration"
#define USAGE "Usage: godwit agent [--plain] [--pin SHA256]... [HOST[:PORT]...]"
#define NO_PIN "--pin wants the SHA-256 of a certificate, 64 hexadecimal digits"

static int setup(void **state)
{
	host_new(state);
	return 0;
}

/** `text` is the agent's block. */
static void configure(struct host *h, const char *text)
{
	char *build = realpath(getenv("GODWIT_BUILD") != NULL ? getenv("GODWIT_BUILD") : ".", NULL);
	char all[600];

	snprintf(all, sizeof(all),
	         "server: agent.localhost\nstate-directory: state\nmodule-directory: '%s/modules'\n"
	         "modules: [agent]\nlisten:\n"
	         "  - {address: '127.0.0.1:6660', protocol: agent, tls: no}\n%s",
	         build, text);
	free(build);
	host_file(h, "godwit.yaml", all);
}

static int agent(struct host *h, const char *words)
{
	const char *argv[110] = {"agent"};
	char copy[4000], *save = NULL;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return host_verb(h, argc, argv);
}

static void expect_list(struct host *h, const char *name, const char *expected)
{
	const char *const *items;
	size_t n = options_list(module_find(h->server, "agent")->options, name, &items);
	char text[1000] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? " " : "",
		         items[i]);
	assert_string_equal(text, expected);
}

/** That the words start the agent with these options. */
static void expect(struct host *h, const char *words, const char *upstream, bool tls,
                   const char *fingerprint)
{
	if (agent(h, words) != GW_VERB_START)
		fail_msg("%s: %s", words, h->err.text);
	expect_list(h, "upstream", upstream);
	expect_list(h, "fingerprint", fingerprint);
	assert_int_equal(options_integer(module_find(h->server, "agent")->options, "tls"), tls);
	host_stop(h);
}

static void test_addresses_are_taken_as_they_are(void **state)
{
	struct host *h = *state;

	configure(h, "");
	expect(h, "irc.example.net", "irc.example.net", true, "");
	expect(h, "[2001:db8::1]:7000 [2001:db8::2] unix:/run/irc b:1 192.0.2.1",
	       "[2001:db8::1]:7000 [2001:db8::2] unix:/run/irc b:1 192.0.2.1", true, "");
	expect(h, "--plain localhost", "localhost", false, "");
	expect(h, "localhost --plain", "localhost", false, "");
}

static void test_pins_are_digits_with_colons_or_without(void **state)
{
	struct host *h = *state;

	configure(h, "");
	expect(h,
	       "--pin "
	       "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:"
	       "67:89:AB:CD:EF a --pin " OTHER,
	       "a", true, PIN " " OTHER);
}

static void test_the_configuration_says_what_the_words_do_not(void **state)
{
	struct host *h = *state;

	configure(h, "agent: {upstream: [a.example.net], fingerprint: [" PIN "], tls: yes}\n");
	expect(h, "", "a.example.net", true, PIN);
	expect(h, "b.example.net", "b.example.net", true, PIN);
	expect(h, "--pin " OTHER, "a.example.net", true, OTHER);
}

static void refuse(struct host *h, const char *words, const char *sentence)
{
	assert_int_equal(agent(h, words), 2);
	assert_string_equal(h->err.text, sentence);
}

static void test_mistakes_are_told_in_a_sentence(void **state)
{
	struct host *h = *state;
	char many[4000] = "";

	configure(h, "");
	refuse(h, "", WHERE);
	refuse(h, "--plain", WHERE);
	refuse(h, "--help", USAGE);
	refuse(h, "a --pin", NO_PIN);
	refuse(h, "a --pin 0123", NO_PIN);
	refuse(h, "a --pin " PIN "0", NO_PIN);
	refuse(h, "a --pin g" PIN, NO_PIN);
	refuse(h, "a --plain --pin " PIN, "--plain has no certificate that --pin could mean");
	refuse(h, "a:0", "'a:0' must end with a port between 1 and 65535, or none");
	assert_int_equal(agent(h, "a/b"), 2);
	for (int i = 0; i < 65; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "a%d ", i);
	refuse(h, many, "there can be 16 addresses");
}

#define with_host(name) cmocka_unit_test_setup_teardown(name, setup, host_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_host(test_addresses_are_taken_as_they_are),
		with_host(test_pins_are_digits_with_colons_or_without),
		with_host(test_the_configuration_says_what_the_words_do_not),
		with_host(test_mistakes_are_told_in_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
