/*
 * core/tls_cred.h - the server's key and certificate, and what all TLS sessions share.
 *
 * Loading has two steps, so that a rehash is all or nothing. When neither file exists and the
 * caller allows it, a P-256 key (0600) and a self-signed certificate for the server's name, valid
 * ten years, are made. A commit changes what new handshakes use; live sessions keep theirs
 * (counted).
 */
#ifndef CORE_TLS_CRED_H
#define CORE_TLS_CRED_H

#include <godwit/error.h>
#include <stdbool.h>
#include <stdint.h>

struct gw_server;
struct loop;
struct tls_cred;
struct tls_shared;

struct tls_cred_spec {
	const char *certificate; /* path, PEM, with the chain */
	const char *key;         /* path, PEM; must not be readable by others */
	const char *name;        /* the server's, for a certificate that is made */
	bool make;               /* make what is missing: they are the defaults */
	struct loop *loop;       /* asked for time and random bytes by what is made */
};

/** Loads, or makes, key and certificate. 0 or a negative errno with a sentence; nothing has changed
 * then. */
int tls_cred_prepare(const struct tls_cred_spec *spec, struct gw_error *err, struct tls_cred **out);
/** New handshakes of `server` use it from now on. Takes `*cred`; a NULL one switches TLS off. */
void tls_cred_commit(struct gw_server *server, struct tls_cred **cred);
void tls_cred_abort(struct tls_cred **cred);

/** What a server keeps for all its sessions; for conns_new() and conns_free(). */
struct tls_shared *tls_shared_new(void);
void tls_shared_free(struct tls_shared **shared);

/** What operators are shown. */
struct tls_facts {
	char sha256[65]; /* of the certificate, in hex */
	char subject[256];
	char names[512]; /* DNS names, a space between them; what does not fit is left out */
	int64_t from_ns, until_ns; /* wall time */
};
/** tls_facts.c */
void tls_cred_facts(const struct tls_cred *cred, struct tls_facts *out);

/** SHA-256 of the certificate. */
void tls_cred_fingerprint(const struct tls_cred *cred, uint8_t out[32]);
/** Of the one in force; false when there is none. */
bool tls_fingerprint(struct gw_server *server, uint8_t out[32]);

#endif
