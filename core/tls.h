/*
 * core/tls.h - what tls_cred.c and transport_tls.c share; nobody else knows of GnuTLS.
 */
#ifndef CORE_TLS_H
#define CORE_TLS_H

#include <gnutls/gnutls.h>
#include <stdint.h>

#define TLS_RECORD 16384 /* the most that one record carries */

/** Counted: a session holds what it was made with. */
struct tls_cred {
	unsigned refs;
	gnutls_certificate_credentials_t x509;
	gnutls_priority_t priority; /* one for all sessions: a private copy is 8 KB */
	uint8_t fingerprint[32];
};

/** Of one server. */
struct tls_shared {
	struct tls_cred *cred; /* of new handshakes; NULL: TLS is off */
	gnutls_datum_t ticket_key;
	char *in;  /* bytes from the socket, of the session that is being read */
	char *out; /* lines being joined to one record */
};

void tls_cred_unref(struct tls_cred **cred);

#endif
