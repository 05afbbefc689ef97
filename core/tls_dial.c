/*
 * core/tls_dial.c - TLS as a client of a server with a certificate.
 *
 * No authority is asked. Whether it is the server that was meant is told by the certificate's
 * SHA-256: here, where the owner has named it, before our part of the handshake is finished; else
 * by the owner, who sees it in `ready`. The rest is transport_tls.c's, as on accepted connections.
 *
 * A ticket is a SHA-256 of all behind it, then the certificate's, then what GnuTLS packs of a
 * session. GnuTLS reads that without care, and falls over what has been changed.
 */
#include "core/conn.h"
#include "core/text.h"
#include "core/tls.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST 32
#define HEAD (2 * DIGEST)

/* More groups than where we are the server: it is the one who chooses. */
static const char priority_text[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:"
	"+GROUP-SECP384R1:+GROUP-SECP521R1";

static int provide(struct tls_cred **cred, struct gw_error *why)
{
	int status;

	if (*cred != NULL)
		return 0;
	*cred = tls_cred_new();
	status = gnutls_priority_init(&(*cred)->priority, priority_text, NULL);
	if (status == 0)
		return 0;
	tls_cred_unref(cred);
	return gw_fail(why, -EINVAL, "no session: %s", gnutls_strerror(status));
}

/* The other side's certificate has come; of a resumed session it is looked at when all is over. */
static int verify(gnutls_session_t session)
{
	struct gw_conn *conn = gnutls_transport_get_ptr(session);

	tls_learn_certificate(conn);
	return conn_dial_check(conn, NULL) == 0 ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

/* One of another certificate than what is wanted would only have the handshake fail. */
static bool is_sound(const uint8_t *ticket, size_t n, const uint8_t *pin)
{
	uint8_t digest[DIGEST];

	return n > HEAD && (pin == NULL || memcmp(ticket + DIGEST, pin, DIGEST) == 0) &&
	       gnutls_hash_fast(GNUTLS_DIG_SHA256, ticket + DIGEST, n - DIGEST, digest) == 0 &&
	       memcmp(ticket, digest, DIGEST) == 0;
}

static void resume(struct gw_conn *conn)
{
	size_t n;
	uint8_t *ticket = conn_dial_ticket_take(conn, &n);

	if (ticket == NULL)
		return;
	if (is_sound(ticket, n, conn_dial_pin(conn)))
		gnutls_session_set_data(conn->tls->session, ticket + HEAD, n - HEAD);
	gnutls_memset(ticket, 0, n);
	free(ticket);
}

int tls_dial_begin(struct gw_conn *conn, struct gw_error *why)
{
	struct tls_shared *shared = conn->conns->tls;
	char host[TEXT_HOST_MAX + 1];
	int status = provide(&shared->asks, why);

	if (status == 0)
		status = tls_open(conn, shared->asks, GNUTLS_CLIENT | GNUTLS_NO_TICKETS_TLS12, why);
	if (status != 0)
		return status;
	if (text_host_name(conn->info.listener, host))
		gnutls_server_name_set(conn->tls->session, GNUTLS_NAME_DNS, host, strlen(host));
	gnutls_session_set_verify_function(conn->tls->session, verify);
	resume(conn);
	return 0;
}

/* Without the flag GnuTLS would wait for one, reading. With one of TLS 1.2 it could not talk to a
 * server that has since learnt 1.3. */
static bool has_ticket(const struct gw_conn *conn)
{
	return conn->dial != NULL && conn->tls != NULL && conn->state == CONN_OPEN &&
	       gnutls_protocol_get_version(conn->tls->session) == GNUTLS_TLS1_3 &&
	       (gnutls_session_get_flags(conn->tls->session) & GNUTLS_SFLAGS_SESSION_TICKET) != 0;
}

static void pack(uint8_t *out, const uint8_t *certificate, const gnutls_datum_t *data)
{
	memcpy(out + DIGEST, certificate, DIGEST);
	memcpy(out + HEAD, data->data, data->size);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, out + DIGEST, DIGEST + data->size, out);
}

size_t tls_dial_ticket(struct gw_conn *conn, uint8_t *out, size_t max)
{
	gnutls_datum_t data;
	size_t n;

	if (!has_ticket(conn) || gnutls_session_get_data2(conn->tls->session, &data) != 0)
		return 0;
	n = HEAD + data.size;
	if (n <= max)
		pack(out, conn->info.certificate, &data);
	gnutls_memset(data.data, 0, data.size);
	gnutls_free(data.data);
	return n;
}
