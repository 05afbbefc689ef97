/*
 * modules/agent/verb.c - `godwit agent irc.example.net`: what the command line says becomes options
 * of this run; and where to connect the client to, as soon as that is possible.
 */
#include "agent.h"
#include "tables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <godwit/log.h>
#include <godwit/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HOST_MAX = 253,
	PIN_TEXT = 2 * UPSTREAM_PIN,
	PINS_MAX = UPSTREAMS_GIVEN_MAX,
	EXIT_USAGE = 2
};

static const char port_tls[] = "6697", port_plain[] = "6667";

/** What the command line says, as the options want it. */
struct order {
	char addresses[UPSTREAMS_CONFIGURED_MAX][HOST_MAX + sizeof("[]:65535")];
	char pins[PINS_MAX][PIN_TEXT + 1];
	size_t n_addresses, n_pins;
	bool plain;
};

static bool is_numeric(const char *text, size_t len, int family)
{
	char host[INET6_ADDRSTRLEN];
	uint8_t address[16];

	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return inet_pton(family, host, address) == 1;
}

static bool is_name(const char *text, size_t len)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";

	return len > 0 && len <= HOST_MAX && strspn(text, letters) >= len && text[0] != '-' &&
	       text[0] != '.';
}

static bool is_port(const char *text)
{
	size_t len = strlen(text);
	long port = strtol(text, NULL, 10);

	return len <= 5 && strspn(text, "0123456789") == len && port >= 1 && port <= 65535;
}

/** HOST, HOST:PORT, [V6]:PORT, [V6], or V6 alone; the port of the way they are reached if it is not
 * said. */
static bool add_address(struct order *order, const char *text)
{
	const char *colon = strrchr(text, ':'), *open = "", *close = "", *port;
	size_t len = strlen(text);

	if (text[0] == '[') {
		const char *end = strchr(text, ']');

		colon = end != NULL && end[1] == ':' ? end + 1 : NULL;
		if (end == NULL || (colon == NULL && end[1] != '\0') ||
		    !is_numeric(text + 1, (size_t)(end - text) - 1, AF_INET6))
			return false;
		len = (size_t)(end - text) + 1;
	} else if (is_numeric(text, len, AF_INET6)) {
		colon = NULL;
		open = "[";
		close = "]";
	} else {
		len = colon != NULL ? (size_t)(colon - text) : len;
		if (!is_name(text, len))
			return false;
	}
	port = colon != NULL ? colon + 1 : order->plain ? port_plain : port_tls;
	if (!is_port(port))
		return false;
	snprintf(order->addresses[order->n_addresses++], sizeof(order->addresses[0]), "%s%.*s%s:%s",
	         open, (int)len, text, close, port);
	return true;
}

/** 64 hexadecimal digits, colons between them or not. */
static bool add_pin(struct order *order, const char *text)
{
	char *out = order->pins[order->n_pins];
	size_t n = 0;

	if (order->n_pins == PINS_MAX)
		return false;
	for (; *text != '\0'; text++) {
		char c = *text >= 'A' && *text <= 'F' ? (char)(*text - 'A' + 'a') : *text;

		if (c == ':')
			continue;
		if (strchr("0123456789abcdef", c) == NULL || n == PIN_TEXT)
			return false;
		out[n++] = c;
	}
	order->n_pins++;
	return n == PIN_TEXT;
}

static int take_word(struct order *order, const char *word, struct gw_error *err)
{
	if (word[0] == '-')
		return gw_fail(err, -EINVAL, "Usage: godwit agent %s", AGENT_VERB_ARGS);
	if (order->n_addresses == UPSTREAMS_CONFIGURED_MAX)
		return gw_fail(err, -EINVAL, "there can be %d addresses", UPSTREAMS_CONFIGURED_MAX);
	if (add_address(order, word))
		return 0;
	return gw_fail(err, -EINVAL,
	               "'%.60s' is no address: irc.example.net, irc.example.net:6697, "
	               "192.0.2.1:6697 or [2001:db8::1]:6697",
	               word);
}

/** `--plain` may stand behind the addresses whose port it decides. */
static int take(struct order *order, int argc, const char *const *argv, struct gw_error *err)
{
	int status = 0;

	for (int i = 0; i < argc; i++)
		order->plain = order->plain || strcmp(argv[i], "--plain") == 0;
	for (int i = 0; i < argc && status == 0; i++) {
		if (strcmp(argv[i], "--plain") == 0)
			continue;
		if (strcmp(argv[i], "--pin") != 0)
			status = take_word(order, argv[i], err);
		else if (++i == argc || !add_pin(order, argv[i]))
			status = gw_fail(err, -EINVAL,
			                 "--pin wants the SHA-256 of a certificate, 64 "
			                 "hexadecimal digits");
	}
	if (status == 0 && order->plain && order->n_pins > 0)
		return gw_fail(err, -EINVAL, "--plain has no certificate that --pin could mean");
	return status;
}

/** Whether there is any address, said now or in the configuration. */
static bool leads_somewhere(struct gw_self *self, const struct order *order)
{
	const char *const *items;

	return order->n_addresses > 0 ||
	       gw_option_list(self, gw_options(self), "upstream", &items) > 0;
}

static int give(struct gw_self *self, const struct order *order, struct gw_error *err)
{
	const char *addresses[UPSTREAMS_CONFIGURED_MAX], *pins[PINS_MAX], *const no = "no";
	int status = 0;

	for (size_t i = 0; i < order->n_addresses; i++)
		addresses[i] = order->addresses[i];
	for (size_t i = 0; i < order->n_pins; i++)
		pins[i] = order->pins[i];
	if (order->n_addresses > 0)
		status = gw_option_give(self, "upstream", order->n_addresses, addresses, err);
	if (status == 0 && order->plain)
		status = gw_option_give(self, "tls", 1, &no, err);
	if (status == 0 && order->n_pins > 0)
		status = gw_option_give(self, "fingerprint", order->n_pins, pins, err);
	return status;
}

int agent_verb(struct gw_self *self, int argc, const char *const *argv, struct gw_error *err)
{
	struct order *order = gw_alloc(self, sizeof(*order));
	int status = take(order, argc, argv, err);

	if (status == 0 && !leads_somewhere(self, order))
		status = gw_fail(err, -EINVAL,
		                 "where to? godwit agent HOST, such as irc.example.net, or the "
		                 "option 'upstream' of the module agent in the configuration");
	if (status == 0)
		status = give(self, order, err);
	gw_free(self, order);
	return status == 0 ? GW_VERB_START : EXIT_USAGE;
}

/* --- ready --- */

/** "127.0.0.1 6660", as clients want it typed; or the path of a socket. */
static void say_place(void *ctx, const struct gw_listener *listener)
{
	struct gw_self *self = ctx;
	const char *address = listener->address, *colon = strrchr(address, ':');
	bool brackets = address[0] == '[';

	if (strcmp(listener->protocol, "agent") != 0 || colon == NULL)
		return;
	if (listener->port == 0)
		gw_say(self, "  connect your client to the socket %s", colon + 1);
	else
		gw_say(self, "  connect your client to %.*s %u%s    in irssi: /connect %s%.*s %u",
		       (int)(colon - address) - 2 * brackets, address + brackets, listener->port,
		       listener->tls ? " with TLS" : "", listener->tls ? "-tls -notls_verify " : "",
		       (int)(colon - address) - 2 * brackets, address + brackets, listener->port);
}

void agent_ready(void *state, uint64_t tag, const void *payload)
{
	const struct agent *agent = state;
	struct gw_self *self = agent->self;
	const struct gw_options *options = gw_options(self);
	const char *const *upstreams;
	size_t n = gw_option_list(self, options, "upstream", &upstreams);

	(void)tag, (void)payload;
	if (n > 1)
		gw_say(self, "The agent is up: it leads to %s and %zu more", upstreams[0], n - 1);
	else
		gw_say(self, "The agent is up: it leads to %s", n == 1 ? upstreams[0] : "nowhere");
	gw_listeners(self, say_place, self);
	if (gw_option_string(self, options, "password")[0] != '\0')
		gw_say(self, "  with the agent's own password as the server's");
	gw_say(self, "  nick, account and password are those of the network");
}
