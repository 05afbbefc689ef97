/*
 * core/loop_address.h - addresses as text and as the system has them; for the real loop alone.
 */
#ifndef CORE_LOOP_ADDRESS_H
#define CORE_LOOP_ADDRESS_H

#include "core/loop.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

union any_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/** "127.0.0.1:6667", "[::1]:6697", "unix:/path". 0, -EINVAL or -ENAMETOOLONG. */
int address_parse(const char *text, union any_address *out, socklen_t *len_out);

/** The other way round; cut off where it does not fit. */
void address_text(const union any_address *a, char *out, size_t size);

/** Who is at the other side of `fd`, with that address. */
void address_describe(int fd, const union any_address *a, struct loop_peer *peer);

/** Asks the system for a name, which may take long: on a thread of the pool. */
void address_lookup(const char *text, struct loop_found *out);

#endif
