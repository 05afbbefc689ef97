/*
 * tests/client/wire.h - many connections in one thread: TCP, TLS (GnuTLS) if wanted, lines.
 * Non-blocking throughout. Callbacks come from hub_turn() only, so any function here may be called
 * in them.
 */
#ifndef TESTS_CLIENT_WIRE_H
#define TESTS_CLIENT_WIRE_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { WIRE_READ_MAX = 256 * 1024, WIRE_LINE_MAX = 16 * 1024 };

struct wire;

struct hub {
	int epoll_fd;
	uint64_t now_ns; /* monotonic; as of the last read */
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	struct wire **waiting; /* for the next turn */
	size_t waiting_count, waiting_size;
	uint64_t bytes_in, bytes_out;
	char input[WIRE_LINE_MAX + WIRE_READ_MAX + 1];
};

struct wire_events {
	/** It is up. Binding and fingerprint (32 bytes each) are NULL without TLS. */
	void (*up)(struct wire *wire, const uint8_t *binding, const uint8_t *fingerprint);
	/** A line without its end. */
	void (*line)(struct wire *wire, char *line);
	/** It has ended, or did not come about; the wire is closed. Not after wire_close(). */
	void (*closed)(struct wire *wire, const char *why);
};

enum wire_state { WIRE_CLOSED, WIRE_CONNECTING, WIRE_HANDSHAKE, WIRE_UP };

/** The caller's storage, all zero at first; `owner` is the caller's. */
struct wire {
	struct hub *hub;
	const struct wire_events *events;
	void *owner;
	enum wire_state state;
	int fd;
	uint32_t serial, watched; /* how often it was opened; what epoll looks for */
	bool waiting;             /* in hub->waiting */
	bool unread;              /* there may be something to read that no event tells of */
	bool paused;              /* nothing is read; its end is noticed nevertheless */
	uint64_t stalled_ns;      /* nothing is written before this time */
	gnutls_session_t tls;
	char *in, *out;
	size_t in_len, out_len, out_size;
};

void hub_init(struct hub *hub);
void hub_fini(struct hub *hub);
/** Waits for at most `timeout_ns`, handles what has come, writes what was said. */
void hub_turn(struct hub *hub, int64_t timeout_ns);
uint64_t hub_clock(struct hub *hub);

/** `from`: an address to come from, or NULL. Answers with up() or closed() in a later turn. */
void wire_open(struct wire *wire, struct hub *hub, const struct sockaddr_storage *to,
               const struct sockaddr_storage *from, bool tls);
/** Adds CR LF; leaves at the end of the turn, or as soon as the wire is up. */
void wire_send(struct wire *wire, const char *line);
void wire_pause(struct wire *wire, bool paused);
/** What was said in this turn may be lost. No effect on a closed one. */
void wire_close(struct wire *wire);

#endif
