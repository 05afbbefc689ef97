/*
 * modules/agent/upstreams.h - the addresses at which the network is reached, and which certificate
 * each must have. Private to the agent.
 *
 * They come from the option `upstream` or the verb, in that order, and from the network itself: the
 * server that a move has led to is remembered, with the fingerprint that the one before has vouched
 * for. Kept in the file `upstreams` of the state directory (mode 0600).
 */
#ifndef AGENT_UPSTREAMS_H
#define AGENT_UPSTREAMS_H

#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent;

enum { UPSTREAMS_MAX = 64, UPSTREAM_PIN = 32, UPSTREAM_TICKET_MAX = 8192 };

struct upstream {
	struct upstream *prev, *next;
	char *address; /* "irc.example.net:6697" */
	bool tls;
	bool configured;         /* else the network has named it */
	bool has_pin, pin_given; /* `pin_given`: by the option `fingerprint` or an operator, not on
	                            first use */
	bool has_seen;           /* another certificate than the pin was shown: `seen` */
	uint8_t reserved[3];
	uint8_t pin[UPSTREAM_PIN], seen[UPSTREAM_PIN];
	uint8_t *ticket; /* of TLS, in memory only; NULL: none */
	size_t ticket_len;
	int64_t used_ns; /* wall clock, when it was last up; 0: never */
};

struct upstreams {
	struct upstream *list; /* configured ones in their order, then the latest used first */
	uint32_t n, reserved;
};

/** From the options and the file; again after a rehash: what connections point to (struct up)
 * stays. */
void upstreams_load(struct agent *agent);
void upstreams_free(struct agent *agent);
/** Number `i` in the order in which they are tried; wraps around. NULL: there is none at all. */
struct upstream *upstreams_at(struct agent *agent, uint32_t i);
/** It has shown this certificate. True: it is the one, or the first ever, and then it is kept.
 * False: nothing may be sent; `why_out` is a sentence for the user, with both fingerprints and what
 * to do if it is right. */
bool upstreams_certificate(struct agent *agent, struct upstream *u,
                           const uint8_t seen[UPSTREAM_PIN], char *why_out, size_t max);
/** A server of the network has vouched for this address, and a move has led there. `pin` NULL:
 * without TLS. Gives its entry. */
struct upstream *upstreams_heard(struct agent *agent, const char *host, uint16_t port,
                                 const uint8_t *pin);
/** Keeps a ticket; 0 bytes: drops the one there is. */
void upstreams_ticket(struct agent *agent, struct upstream *u, const uint8_t *ticket, size_t n);

#endif
