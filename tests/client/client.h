/*
 * tests/client/client.h - a client on real connections: a mover and its two wires. What a client
 * does to the servers that it should not (leave in the middle of a move, answer late or twice) is
 * drawn for each request, as the fault of that attempt.
 */
#ifndef TESTS_CLIENT_CLIENT_H
#define TESTS_CLIENT_CLIENT_H

#include "modules/agent/mover.h"
#include "wire.h"

struct client;

enum client_fault {
	CLIENT_HONEST,
	CLIENT_REFUSE,
	CLIENT_NEVER,  /* does not answer */
	CLIENT_VANISH, /* breaks both connections */
	CLIENT_LATE,   /* holds one line back, up to twenty seconds */
	CLIENT_TWICE   /* says HANDOVER on another connection, too */
};

struct client_events {
	/** The first connection is up: NICK and USER may be said. */
	void (*up)(struct client *client);
	/** What its user is shown. */
	void (*line)(struct client *client, const char *line);
	/** A request has come: what to do about it. */
	enum client_fault (*asked)(struct client *client);
	/** SYNCED was said; the old connection has ended, and SWAP was said. */
	void (*frozen)(struct client *client);
	void (*moved)(struct client *client);
	/** No connection is left. `vanished`: it was the client's own doing. */
	void (*lost)(struct client *client, const char *reason, bool vanished);
};

/** The caller's storage, all zero at first. */
struct client {
	struct mover mover;
	struct wire wires[2];
	struct wire echo; /* on which CLIENT_TWICE says HANDOVER */
	struct hub *hub;
	const struct client_events *events;
	void *owner;
	const struct sockaddr_storage *from; /* NULL: any */
	struct sockaddr_storage to[2];       /* where the wires lead */
	enum client_fault fault;             /* of the present attempt */
	int fault_at;                        /* the line at which it happens: a row of client.c */
	unsigned echoes;                     /* HANDOVERs that were said twice */
	char *echo_line;
	bool vanishing, over;
};

/** Reads "127.0.0.1:6667", "[::1]:6667" or host and port; false if it cannot. */
bool client_address(struct sockaddr_storage *address_out, const char *host, const char *port);
void client_open(struct client *client, struct hub *hub, const struct sockaddr_storage *to,
                 bool tls);
int client_say(struct client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** Once each turn: timers, and what was put off. */
void client_tick(struct client *client);
/** Without a word. */
void client_close(struct client *client);
/** Whether an attempt is under way, or what it has held back has not left yet. */
static inline bool client_is_moving(const struct client *client)
{
	return client->mover.state != MOVER_HOME ||
	       client->wires[client->mover.home].stalled_ns > client->hub->now_ns;
}

#endif
