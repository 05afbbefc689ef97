/*
 * modules/agent/upstreams.h - the addresses at which the network is reached, and which certificate
 * each must have. Private to the agent.
 *
 * They come from the option `upstream` or the verb, in that order, and from the network itself: the
 * server that a move has led to is remembered, with the fingerprint that the one before has vouched
 * for. Kept in the file `upstreams` of the state directory (mode 0600).
 *
 * A remembered address belongs to the configured ones that it was learnt by: where none of them is
 * configured any more (another network is), it is not tried, but its pin is kept.
 */
#ifndef AGENT_UPSTREAMS_H
#define AGENT_UPSTREAMS_H

#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent;
struct gw_error;
struct gw_options;

enum {
	UPSTREAMS_MAX = 64,
	UPSTREAMS_CONFIGURED_MAX = 16, /* of them */
	UPSTREAMS_GIVEN_MAX = 16,      /* items of the option `fingerprint` */
	UPSTREAM_PIN = 32,
	UPSTREAM_TICKET_MAX = 8192
};

/** Who has said that a pin is right. */
enum upstream_pin_from {
	UPSTREAM_PIN_FIRST,   /* nobody: it was the first that was seen */
	UPSTREAM_PIN_NETWORK, /* a server of the network that we trusted */
	UPSTREAM_PIN_GIVEN    /* an operator, by `upstream trust` */
};

struct upstream {
	struct upstream *prev, *next;
	char *address;   /* "irc.example.net:6697" */
	char *by;        /* a configured address; the network has named this one. NULL: never */
	uint8_t *ticket; /* of TLS, in memory only; NULL: none */
	size_t ticket_len;
	int64_t used_ns; /* wall clock, when it was last up; 0: never */
	int64_t shut_ns; /* monotonic: until then new clients begin with the next one */
	bool tls;
	bool configured;
	bool tried;    /* configured; or named by the network, of which an address is */
	bool has_pin;  /* `pin`, from `from` */
	bool has_seen; /* another certificate than those that are right was shown: `seen` */
	uint8_t from;  /* enum upstream_pin_from */
	uint8_t reserved[2];
	uint8_t pin[UPSTREAM_PIN], seen[UPSTREAM_PIN];
};

struct upstreams {
	struct upstream *list; /* configured ones in their order, then the others */
	uint8_t *given;        /* the option `fingerprint`: pins, one behind the other */
	uint32_t n_given;
	uint32_t n;     /* that are tried */
	uint32_t n_all; /* in the list */
	bool loaded;    /* the file was read */
	bool unsaved;   /* but for when they were last used */
	uint8_t reserved[2];
};

/** Whether the options can be used. 0, or -EINVAL with a sentence. */
int upstreams_check(struct gw_self *self, const struct gw_options *candidate, struct gw_error *err);
/** From the options and the file; again after a rehash: what connections point to (struct up)
 * stays. */
void upstreams_load(struct agent *agent);
void upstreams_free(struct agent *agent);
/** Number `i` in the order in which they are tried: configured ones, then the latest used first.
 * Wraps around. NULL: there is none at all. */
struct upstream *upstreams_at(struct agent *agent, uint32_t i);
/** It has shown this certificate. True: it is the one, or the first ever, and then it is kept.
 * False: nothing may be sent; `why_out` is a sentence for the user, with both fingerprints and what
 * to do if it is right. */
bool upstreams_certificate(struct agent *agent, struct upstream *u,
                           const uint8_t seen[UPSTREAM_PIN], char *why_out, size_t max);
/** The same was refused there when it was last dialled. */
bool upstreams_refused(const struct upstream *u, const uint8_t seen[UPSTREAM_PIN]);
/** A server of the network has vouched for this address, and a move has led there. `pin` NULL:
 * without TLS. Gives its entry; NULL: it is not remembered. */
struct upstream *upstreams_heard(struct agent *agent, const char *host, uint16_t port,
                                 const uint8_t *pin);
/** A pin of the operator's, instead of the one there is. */
void upstreams_trust(struct agent *agent, struct upstream *u, const uint8_t pin[UPSTREAM_PIN]);
/** Its pin and its ticket; and the address itself, unless it is configured or in use. */
void upstreams_forget(struct agent *agent, struct upstream *u);
/** NULL: there is none. `address` as people write it. */
struct upstream *upstreams_find(struct agent *agent, const char *address);
/** The fingerprints that are right for it, borrowed; how many. 0: the first one that is seen. */
size_t upstreams_pins(const struct agent *agent, const struct upstream *u,
                      const uint8_t *pins_out[UPSTREAMS_GIVEN_MAX + 1]);
/** Whether a session is on it, or dials it. */
bool upstreams_used(struct agent *agent, const struct upstream *u);
/** Keeps a ticket; 0 bytes: drops the one there is. */
void upstreams_ticket(struct agent *agent, struct upstream *u, const uint8_t *ticket, size_t n);

#endif
