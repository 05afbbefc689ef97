/*
 * modules/client/greeting.c - what the person in front of a new server wants to know, and figures
 * for `godwitctl status`.
 */
#include "client.h"
#include <godwit/admin.h>
#include <godwit/log.h>

struct places {
	struct client_state *st;
	char plain[100], tls[100]; /* "127.0.0.1 6667", as clients want it typed */
};

static void note_place(void *ctx, const struct gw_listener *listener)
{
	struct places *places = ctx;
	const char *address = listener->address, *colon = strrchr(address, ':');
	char *to = listener->tls ? places->tls : places->plain;
	uint16_t port = listener->port;

	if (strcmp(listener->protocol, "client") != 0 || port == 0 || colon == NULL ||
	    to[0] != '\0')
		return;
	if (address[0] == '[')
		snprintf(to, sizeof(places->tls), "%.*s %u", (int)(colon - address) - 2,
		         address + 1, port);
	else
		snprintf(to, sizeof(places->tls), "%.*s %u", (int)(colon - address), address, port);
}

static void say_fingerprint(struct client_state *st)
{
	uint8_t digest[32];
	char text[3 * sizeof(digest)];

	if (!gw_tls_fingerprint(st->self, digest))
		return;
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(text + 3 * i, 4, "%02x%s", digest[i], i + 1 < sizeof(digest) ? ":" : "");
	gw_say(st->self, "  certificate (SHA-256): %s", text);
}

void client_greeting(void *state, uint64_t tag, const void *payload)
{
	struct client_state *st = state;
	struct places places = {.st = st};

	(void)tag;
	(void)payload;
	if (!gw_option_int(st->self, gw_options(st->self), "welcome"))
		return;
	gw_listeners(st->self, note_place, &places);
	gw_say(st->self, "Godwit is up: %s, network %s", st->server, st->network_name);
	if (places.plain[0] != '\0')
		gw_say(st->self, "  connect: %s    in irssi: /connect %s", places.plain,
		       places.plain);
	if (places.tls[0] != '\0')
		gw_say(st->self, "  with TLS: %s    in irssi: /connect -tls -notls_verify %s",
		       places.tls, places.tls);
	say_fingerprint(st);
	gw_say(st->self, "Register, typed into your client once it is connected:");
	gw_say(st->self,
	       "  /quote REGISTER * * PASSWORD      an account with your nick as its name");
	gw_say(st->self, "  /join #godwit                     you are in; that's all");
	gw_say(st->self, "Log in the next time:");
	gw_say(st->self,
	       "  /quote PASS ACCOUNT:PASSWORD      by hand, or set SASL PLAIN in your client");
	gw_say(st->self, "  irssi: /network add -sasl_username ACCOUNT -sasl_password PASSWORD "
	                 "-sasl_mechanism PLAIN godwit");
	gw_say(st->self, "Become an operator: godwitctl oper add ACCOUNT, then /quote OPER ACCOUNT "
	                 "in your client");
	gw_say(st->self, "Stop the server: Ctrl-C here, or godwitctl server stop");
}

static void add_number(struct gw_status *status, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	status->add(status, key, text);
}

void client_status(void *state, uint64_t tag, const void *payload)
{
	const struct client_state *st = state;
	struct gw_status *status = (struct gw_status *)(uintptr_t)payload;

	(void)tag;
	add_number(status, "clients", st->n_connected);
	add_number(status, "clients-connecting", st->n_clients - st->n_connected);
}
