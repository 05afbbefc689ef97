/*
 * modules/agent/verb.c - `godwit agent irc.example.net`: what the command line says becomes options
 * of this run; and where to connect the client to, as soon as that is possible.
 */
#include "agent.h"
#include "tables.h"
#include "upstreams_text.h"

#include <errno.h>
#include <godwit/log.h>
#include <godwit/mem.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

/** What the command line says, as the options want it. */
struct order {
	const char *addresses[UPSTREAMS_CONFIGURED_MAX];
	char pins[UPSTREAMS_GIVEN_MAX][UPSTREAM_HEX + 1];
	size_t n_addresses, n_pins;
	bool plain;
};

static int add_pin(struct order *order, const char *text, struct gw_error *err)
{
	uint8_t pin[UPSTREAM_PIN];

	if (order->n_pins == UPSTREAMS_GIVEN_MAX)
		return gw_fail(err, -EINVAL, "--pin may be given %d times", UPSTREAMS_GIVEN_MAX);
	if (text == NULL || !upstream_pin_read(text, pin))
		return gw_fail(err, -EINVAL,
		               "--pin wants the SHA-256 of a certificate, 64 hexadecimal digits");
	upstream_pin_text(pin, order->pins[order->n_pins++]);
	return 0;
}

/** As it is: a port that it lacks is the usual one, wherever the address is said. */
static int add_address(struct order *order, const char *text, struct gw_error *err)
{
	char exact[UPSTREAM_ADDRESS_MAX + 1];

	if (text[0] == '-')
		return gw_fail(err, -EINVAL, "Usage: godwit agent %s", AGENT_VERB_ARGS);
	if (order->n_addresses == UPSTREAMS_CONFIGURED_MAX)
		return gw_fail(err, -EINVAL, "there can be %d addresses", UPSTREAMS_CONFIGURED_MAX);
	order->addresses[order->n_addresses++] = text;
	return upstream_address_read(text, 1, exact, err);
}

static int take(struct order *order, int argc, const char *const *argv, struct gw_error *err)
{
	int status = 0;

	for (int i = 0; i < argc && status == 0; i++) {
		if (strcmp(argv[i], "--plain") == 0)
			order->plain = true;
		else if (strcmp(argv[i], "--pin") == 0)
			status = add_pin(order, ++i < argc ? argv[i] : NULL, err);
		else
			status = add_address(order, argv[i], err);
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
	const char *pins[UPSTREAMS_GIVEN_MAX], *const no = "no";
	int status = 0;

	for (size_t i = 0; i < order->n_pins; i++)
		pins[i] = order->pins[i];
	if (order->n_addresses > 0)
		status =
			gw_option_give(self, "upstream", order->n_addresses, order->addresses, err);
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
	const char *address = listener->address, *tls = listener->tls ? "-tls -notls_verify " : "";
	bool brackets = address[0] == '[';
	int host = (int)strcspn(address + brackets, brackets ? "]" : ":");

	if (strcmp(listener->protocol, "agent") != 0)
		return;
	if (upstream_address_is_unix(address))
		gw_say(self, "  connect your client to the socket %s    in irssi: /connect %s%s",
		       address + strlen("unix:"), tls, address + strlen("unix:"));
	else
		gw_say(self, "  connect your client to %.*s %u%s    in irssi: /connect %s%.*s %u",
		       host, address + brackets, listener->port, listener->tls ? " with TLS" : "",
		       tls, host, address + brackets, listener->port);
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
