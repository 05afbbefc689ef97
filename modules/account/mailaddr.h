/*
 * mailaddr.h - which mail addresses are taken: those that need no quoting anywhere. Pure.
 */
#ifndef ACCOUNT_MAILADDR_H
#define ACCOUNT_MAILADDR_H

#include <stdbool.h>

#define MAILADDR_MAX 254

/** dot-atom "@" host name with at least one dot (RFC 5321 without quoted strings, comments and
 * address literals). */
bool mailaddr_valid(const char *address);

#endif
