/*
 * plain.h - the message of SASL PLAIN (RFC 4616). Pure.
 */
#ifndef ACCOUNT_PLAIN_H
#define ACCOUNT_PLAIN_H

#include <stddef.h>
#include <stdint.h>

/** Views into the message, which has a NUL behind its end. */
struct plain {
	const char *authzid, *authcid, *password;
};

/** [authzid] NUL authcid NUL passwd: 0, or -EBADMSG. Names are not empty and at most `name_max`, as
 * the authzid. */
int plain_parse(const uint8_t *message, size_t n, size_t name_max, struct plain *out);

#endif
