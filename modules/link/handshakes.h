/*
 * handshakes.h - what the handshake's parts keep in the module's state.
 */
#ifndef LINK_HANDSHAKES_H
#define LINK_HANDSHAKES_H

#include "handshake.h"
#include "limits.h"

#include <godwit/loop.h>

struct attempt;

/** In memory of sodium_malloc(): locked, and in no core file. */
struct own_keys {
	struct key_pair pairs[2]; /* link.key, then link.key.next */
	size_t n;
};

struct handshakes {
	struct own_keys *own;
	struct attempt *attempts; /* all of them */
	struct limits limits;
	struct gw_timer *tick;
	int64_t deadline_accept_ns, deadline_dial_ns;
	uint64_t last_id;
	uint64_t ended[CODE_COUNT];
	uint8_t decoy[KEY_BYTES]; /* a public key that nobody has the secret of */
};

#endif
