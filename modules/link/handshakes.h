/*
 * handshakes.h - what the handshake's parts keep in the module's state, and share.
 */
#ifndef LINK_HANDSHAKES_H
#define LINK_HANDSHAKES_H

#include "handshake.h"
#include "limits.h"

#include <godwit/loop.h>

struct attempt;
struct link_state;

/** In memory of sodium_malloc(): locked, and in no core file. */
struct own_keys {
	struct key_pair pairs[2]; /* link.key, then link.key.next */
	size_t n;
};

struct handshakes {
	struct own_keys *own;
	struct attempt *attempts; /* all of them */
	struct limits limits;
	struct gw_timer *tick, *reauth;
	int64_t deadline_accept_ns, deadline_dial_ns;
	uint64_t ended[CODE_COUNT];
	uint8_t decoy[KEY_BYTES]; /* a public key that nobody has the secret of */
	bool told;                /* `init` is done, and has said so */
	uint8_t reserved[7];      /* 0 */
};

/** Reads a key file of this server, and makes it if there is none. */
int key_ensure(struct gw_self *self, const char *file, struct key_pair *out, struct gw_error *err);
/** What the verb that the server was started with asks for. */
void verbs_load(struct link_state *st);
/** This server's name as it stands in frames. */
void own_name(struct link_state *st, char out[LINK_NAME]);
/** The own pair to show to others: the first that the services database has as live. */
const struct key_pair *own_pair(struct link_state *st);
/** The own pair with that public key; NULL: it is not there any more. */
const struct key_pair *own_pair_of(const struct link_state *st, const uint8_t pk[KEY_BYTES]);
/** Random bytes for one step, to be wiped. */
void fresh_draw(struct link_state *st, struct fresh *out);
/** An exchange in memory that no core file shows; ended by exchange_free(). */
struct exchange *exchange_new(struct link_state *st, const uint8_t binding[BINDING_BYTES]);
/** Wipes it, too. */
void exchange_free(struct exchange **x);

#endif
