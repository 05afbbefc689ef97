/*
 * core/tls.h - what tls_cred.c, transport_tls.c, tls_dial.c and tls_link.c share; nobody else knows
 * of GnuTLS.
 */
#ifndef CORE_TLS_H
#define CORE_TLS_H

#include <gnutls/gnutls.h>
#include <godwit/error.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct gw_conn;

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
	struct tls_cred *cred;            /* of new handshakes; NULL: TLS is off */
	struct tls_cred *accepts, *dials; /* of links, made with the first one: tls_link.c */
	struct tls_cred *asks;            /* of servers that we dial, likewise: tls_dial.c */
	gnutls_datum_t ticket_key;
	char *in;  /* bytes from the socket, of the session that is being read */
	char *out; /* lines being joined to one record */
};

/** A session. */
struct tls {
	gnutls_session_t session;
	struct tls_cred *cred;
	char *raw; /* from the socket, not yet GnuTLS's: tls_shared's while reading, between turns
	              our own */
	uint32_t raw_at, raw_end;
	int error;     /* of the socket: GnuTLS would only say "push" or "pull" */
	uint32_t idle; /* records in a row that only kept us busy */
	bool raw_own;
	bool drained; /* the socket had no more */
	bool held;    /* a record was encrypted that the socket did not take */
	char version[48];
};

/** transport_tls.c: a session for the connection, which holds `cred`. */
int tls_open(struct gw_conn *conn, struct tls_cred *cred, unsigned flags, struct gw_error *why);
/** 0, or GnuTLS's status: GNUTLS_E_AGAIN, or what has ended it. */
int tls_handshake(struct gw_conn *conn);
/** Puts it in words. Gives a negative errno. */
int tls_failed(const struct tls *tls, int status, struct gw_error *why);
/** Fills in version and channel binding. */
void tls_learn(struct gw_conn *conn);
/** Fills in the peer's certificate, if there is one. */
void tls_learn_certificate(struct gw_conn *conn);
ssize_t tls_read(struct gw_conn *conn, void *p, size_t n);
int tls_flush(struct gw_conn *conn);
void tls_free(struct gw_conn *conn);

/** tls_dial.c: the session of a dialled server, ready for its handshake. */
int tls_dial_begin(struct gw_conn *conn, struct gw_error *why);
/** tls_dial.c: the transport's. */
size_t tls_dial_ticket(struct gw_conn *conn, uint8_t *out, size_t max);

struct tls_cred *tls_cred_new(void);
void tls_cred_unref(struct tls_cred **cred);

#endif
