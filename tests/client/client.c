/*
 * The driver of a mover: its actions are those of two wires, what happens to these goes back to it.
 */
#include "client.h"
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 1024, ECHO_FIRST_NS = 100000000 };

/* Where a fault strikes: when this line is said. */
static const char *const steps[] = {"HANDOVER", "SYNCED", "SWAP"};

enum { STEPS = sizeof steps / sizeof steps[0] };

/* For a client that is late: the server waits 15 s for HANDOVER and 5 s for SYNCED. */
#define LATE_TIMEOUT_NS INT64_C(40000000000)
static const unsigned late_most_ms[STEPS] = {20000, 8000, 3000};

bool client_address(struct sockaddr_storage *address_out, const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;

	if (getaddrinfo(host, port, &hints, &found) != 0)
		return false;
	memset(address_out, 0, sizeof *address_out);
	memcpy(address_out, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return true;
}

/* The wires */

static int slot_of(const struct client *client, const struct wire *wire)
{
	return wire == &client->wires[1];
}

static void wire_up(struct wire *wire, const uint8_t *binding, const uint8_t *fingerprint)
{
	struct client *client = wire->owner;
	bool first = client->mover.state == MOVER_HOME;

	mover_connected(&client->mover, slot_of(client, wire), binding, fingerprint);
	if (first)
		client->events->up(client);
}

static void wire_line(struct wire *wire, char *line)
{
	struct client *client = wire->owner;

	mover_line(&client->mover, slot_of(client, wire), line);
}

static void wire_closed(struct wire *wire, const char *why)
{
	struct client *client = wire->owner;

	(void)why;
	mover_closed(&client->mover, slot_of(client, wire));
}

static const struct wire_events wire_events = {
	.up = wire_up, .line = wire_line, .closed = wire_closed};

/* The echo: it has nothing to hear, and the server ends it. */

static void echo_up(struct wire *wire, const uint8_t *binding, const uint8_t *fingerprint)
{
	struct client *client = wire->owner;

	(void)binding;
	(void)fingerprint;
	wire_send(wire, client->echo_line);
}

static void echo_line(struct wire *wire, char *line)
{
	(void)wire;
	(void)line;
}

static void echo_closed(struct wire *wire, const char *why)
{
	(void)wire;
	(void)why;
}

static const struct wire_events echo_events = {
	.up = echo_up, .line = echo_line, .closed = echo_closed};

static void echo(struct client *client, int slot, const char *line)
{
	wire_close(&client->echo);
	free(client->echo_line);
	client->echo_line = strdup(line);
	client->echo.events = &echo_events;
	client->echo.owner = client;
	wire_open(&client->echo, client->hub, &client->to[slot], client->from,
	          client->wires[slot].tls != NULL);
	client->echoes++;
}

/* The mover's actions */

static enum mover_policy decide(void *driver, const char *host, uint16_t port)
{
	struct client *client = driver;

	(void)host;
	(void)port;
	client->fault = client->events->asked(client);
	client->fault_at = random() % STEPS;
	client->mover.settings.timeout_ns =
		client->fault == CLIENT_LATE ? LATE_TIMEOUT_NS : MOVER_TIMEOUT_NS;
	if (client->fault == CLIENT_REFUSE)
		return MOVER_REFUSE;
	return client->fault == CLIENT_NEVER ? MOVER_IGNORE : MOVER_ACCEPT;
}

static void dial(void *driver, int slot, const char *host, uint16_t port,
                 const uint8_t *fingerprint)
{
	struct client *client = driver;
	char service[8];

	snprintf(service, sizeof service, "%u", port);
	if (!client_address(&client->to[slot], host, service))
		client->to[slot] = (struct sockaddr_storage){.ss_family = AF_INET}; /* nowhere */
	wire_open(&client->wires[slot], client->hub, &client->to[slot], client->from,
	          fingerprint != NULL);
	wire_pause(&client->wires[slot], true);
}

/** Before a line of the verb REDIRECT leaves. */
static void strike(struct client *client, int slot, const char *line)
{
	const char *step = steps[client->fault_at], *verb = line + strlen("REDIRECT ");
	unsigned late_ms = late_most_ms[client->fault_at];

	if (client->fault == CLIENT_TWICE && strncmp(verb, "HANDOVER", 8) == 0) {
		echo(client, slot, line);
		/* with TLS the echo's proof is wrong, and may as well be the first to come */
		if (client->wires[slot].tls != NULL)
			client->wires[slot].stalled_ns =
				client->hub->now_ns + random() % 2 * ECHO_FIRST_NS;
	}
	if (strncmp(verb, step, strlen(step)) != 0 || verb[strlen(step)] != ' ')
		return;
	if (client->fault == CLIENT_VANISH)
		client->vanishing = true;
	else if (client->fault == CLIENT_LATE)
		client->wires[slot].stalled_ns =
			client->hub->now_ns + random() % late_ms * UINT64_C(1000000);
}

static void send_line(void *driver, int slot, const char *line)
{
	struct client *client = driver;

	if (strncmp(line, "REDIRECT ", 9) == 0)
		strike(client, slot, line);
	wire_send(&client->wires[slot], line);
	if (strncmp(line, "REDIRECT SYNCED ", 16) == 0)
		client->events->frozen(client);
}

static void close_wire(void *driver, int slot)
{
	struct client *client = driver;

	wire_close(&client->wires[slot]);
}

static void resume(void *driver, int slot)
{
	struct client *client = driver;

	wire_pause(&client->wires[slot], false);
}

static void deliver(void *driver, const char *line)
{
	struct client *client = driver;

	client->events->line(client, line);
}

static void moved(void *driver)
{
	struct client *client = driver;

	client->events->moved(client);
}

static void lost(void *driver, const char *reason)
{
	struct client *client = driver;

	client->over = true;
	client->events->lost(client, reason, client->vanishing);
}

static const struct mover_actions actions = {.decide = decide,
                                             .dial = dial,
                                             .send = send_line,
                                             .close = close_wire,
                                             .resume = resume,
                                             .deliver = deliver,
                                             .moved = moved,
                                             .lost = lost};

/* A client */

void client_open(struct client *client, struct hub *hub, const struct sockaddr_storage *to,
                 bool tls)
{
	struct mover_settings settings = {.actions = &actions, .driver = client};

	client->hub = hub;
	client->to[0] = *to;
	for (int slot = 0; slot < 2; slot++) {
		client->wires[slot].events = &wire_events;
		client->wires[slot].owner = client;
	}
	mover_init(&client->mover, &settings, hub->now_ns);
	wire_open(&client->wires[0], hub, to, client->from, tls);
}

int client_say(struct client *client, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	if (client->over)
		return -ENOTCONN;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	return mover_say(&client->mover, line);
}

void client_close(struct client *client)
{
	struct mover_counts counts = client->mover.counts;

	for (int slot = 0; slot < 2; slot++)
		wire_close(&client->wires[slot]);
	wire_close(&client->echo);
	free(client->echo_line);
	client->echo_line = NULL;
	client->over = true;
	mover_fini(&client->mover);
	client->mover.counts = counts; /* they are told at the end */
}

void client_tick(struct client *client)
{
	if (client->over)
		return;
	if (client->vanishing) {
		client->over = true;
		client_close(client);
		client->events->lost(client, "it has vanished", true);
		return;
	}
	mover_tick(&client->mover, client->hub->now_ns);
}
