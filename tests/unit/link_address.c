/*
 * tests/unit/link_address.c - "HOST:PORT" as operators write it.
 */
#include "modules/link/net.h"
#include "tests/unit/cmocka.h"

static void test_addresses_that_are_taken(void **state)
{
	static const struct {
		const char *text, *host; /* NULL: none */
		bool wildcard;
	} good[] = {
		{"192.0.2.1:7000", "192.0.2.1", false},
		{"[2001:db8::1]:7000", "2001:db8::1", false},
		{"irc.example.net:1", "irc.example.net", false},
		{"a-b:65535", "a-b", false},
		{"0.0.0.0:7000", "0.0.0.0", true},
		{"[::]:7000", "::", true},
		{"[0:0:0:0:0:0:0:0]:7000", "0:0:0:0:0:0:0:0", true},
		{"unix:/run/link", NULL, false},
	};
	char host[ADDRESS_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(address_valid(good[i].text));
		assert_int_equal(address_wildcard(good[i].text), good[i].wildcard);
		assert_int_equal(address_host(good[i].text, host), good[i].host != NULL);
		if (good[i].host != NULL)
			assert_string_equal(host, good[i].host);
	}
}

static void test_addresses_that_are_none(void **state)
{
	static const char *const bad[] = {
		"",           "7000",         ":7000",        "host",       "host:",
		"host:0",     "host:65536",   "host:70x",     "host:-1",    "host: 7000",
		"a b:7000",   "::1:7000",     "[::1]",        "[::1:7000",  "[]:7000",
		"[host]:700", "[1.2.3.4]:70", "host\n:7000",  "unix:",      "unix:relative",
		"[:7000",     "h:7000\n",     "\xc3\xa4:700", "host:07000", "http://h:80",
	};
	char host[ADDRESS_MAX + 1], longest[400];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(address_valid(bad[i]));
		address_host(bad[i], host);
		address_wildcard(bad[i]);
	}
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + sizeof(longest) - 6, ":7000", 6);
	assert_false(address_valid(longest));
	assert_false(address_host(longest, host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_that_are_taken),
		cmocka_unit_test(test_addresses_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
