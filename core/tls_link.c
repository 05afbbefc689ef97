/*
 * core/tls_link.c - TLS between servers: a channel that binds, and nothing else.
 *
 * Always TLS 1.3, with a throw-away key made once in the life of the server and shown raw (RFC
 * 7250). Nobody looks at it: who the other side is comes out inside, bound to the channel. So
 * there is nothing that could expire, no certificate asked for, no ticket, no resumption. It ends
 * without a word: an alert would tell the other side why.
 */
#include "core/conn.h"
#include "core/tls.h"
#include "core/transport.h"
#include <errno.h>
#include <gnutls/abstract.h>
#include <string.h>

#define MESSAGE_MAX 4096 /* of the handshake */

static const char priority_text[] =
	"NONE:+VERS-TLS1.3:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:+GROUP-X25519:+GROUP-SECP256R1"
	":+SIGN-EDDSA-ED25519:+CTYPE-SRV-RAWPK:+CTYPE-CLI-X509";

static const char protocol_text[] = "godwit-link/1";

static gnutls_datum_t protocol(void)
{
	return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)protocol_text,
	                        .size = sizeof(protocol_text) - 1};
}

static void forget(gnutls_datum_t *der)
{
	if (der->data != NULL)
		gnutls_memset(der->data, 0, der->size);
	gnutls_free(der->data);
}

static int export_pair(gnutls_privkey_t key, gnutls_datum_t *secret, gnutls_datum_t *public)
{
	gnutls_x509_privkey_t x509 = NULL;
	gnutls_pubkey_t pub = NULL;
	int status = gnutls_privkey_export_x509(key, &x509);

	if (status == 0)
		status = gnutls_x509_privkey_export2_pkcs8(x509, GNUTLS_X509_FMT_DER, NULL,
		                                           GNUTLS_PKCS_PLAIN, secret);
	if (status == 0)
		status = gnutls_pubkey_init(&pub);
	if (status == 0)
		status = gnutls_pubkey_import_privkey(pub, key, 0, 0);
	if (status == 0)
		status = gnutls_pubkey_export2(pub, GNUTLS_X509_FMT_DER, public);
	if (pub != NULL)
		gnutls_pubkey_deinit(pub);
	if (x509 != NULL)
		gnutls_x509_privkey_deinit(x509);
	return status;
}

static int make_key(struct tls_cred *cred)
{
	gnutls_datum_t secret = {0}, public = {0};
	gnutls_privkey_t key;
	int status = gnutls_privkey_init(&key);

	if (status != 0)
		return status;
	status = gnutls_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519,
	                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519), 0);
	if (status == 0)
		status = export_pair(key, &secret, &public);
	if (status == 0)
		status = gnutls_certificate_set_rawpk_key_mem(
			cred->x509, &public, &secret, GNUTLS_X509_FMT_DER, NULL, 0, NULL, 0, 0);
	gnutls_privkey_deinit(key);
	forget(&secret);
	forget(&public);
	return status < 0 ? status : 0;
}

/* The one for connections that we accept has the key. */
static int provide(struct tls_cred **cred, bool key, struct gw_error *why)
{
	int status;

	if (*cred != NULL)
		return 0;
	*cred = tls_cred_new();
	status = gnutls_priority_init(&(*cred)->priority, priority_text, NULL);
	if (status == 0 && key)
		status = make_key(*cred);
	if (status == 0)
		return 0;
	tls_cred_unref(cred);
	return gw_fail(why, -EINVAL, "no key: %s", gnutls_strerror(status));
}

static bool agreed(gnutls_session_t session)
{
	const gnutls_datum_t alpn = protocol();
	gnutls_datum_t chosen;

	return gnutls_alpn_get_selected_protocol(session, &chosen) == 0 &&
	       chosen.size == alpn.size && memcmp(chosen.data, alpn.data, alpn.size) == 0;
}

/* GnuTLS minds another protocol, but not that there is none at all. Called when the extensions of
 * the other side have been read. */
static int must_agree(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                      const gnutls_datum_t *message)
{
	(void)type, (void)when, (void)incoming, (void)message;
	return agreed(session) ? 0 : GNUTLS_E_NO_APPLICATION_PROTOCOL;
}

static int begin(struct gw_conn *conn, struct gw_error *why)
{
	struct tls_shared *shared = conn->conns->tls;
	bool dials = conn->dial != NULL;
	struct tls_cred **cred = dials ? &shared->dials : &shared->accepts;
	unsigned flags = GNUTLS_NO_TICKETS | GNUTLS_ENABLE_RAWPK;
	const gnutls_datum_t alpn = protocol();
	int status = provide(cred, !dials, why);

	if (status == 0)
		status =
			tls_open(conn, *cred, flags | (dials ? GNUTLS_CLIENT : GNUTLS_SERVER), why);
	if (status != 0)
		return status;
	if (!dials)
		gnutls_certificate_server_set_request(conn->tls->session, GNUTLS_CERT_IGNORE);
	gnutls_alpn_set_protocols(conn->tls->session, &alpn, 1, GNUTLS_ALPN_MANDATORY);
	gnutls_handshake_set_hook_function(conn->tls->session,
	                                   dials ? GNUTLS_HANDSHAKE_CERTIFICATE_PKT
	                                         : GNUTLS_HANDSHAKE_CLIENT_HELLO,
	                                   GNUTLS_HOOK_POST, must_agree);
	gnutls_handshake_set_max_packet_length(conn->tls->session, MESSAGE_MAX);
	return 0;
}

/* What was asked for, seen once more from the end. */
static int check(struct gw_conn *conn, struct gw_error *why)
{
	gnutls_session_t session = conn->tls->session;

	if (gnutls_protocol_get_version(session) != GNUTLS_TLS1_3)
		return gw_fail(why, -EPROTO, "not TLS 1.3");
	if (gnutls_session_is_resumed(session))
		return gw_fail(why, -EPROTO, "a resumed session");
	if (!agreed(session))
		return gw_fail(why, -EPROTO, "not the protocol of links");
	tls_learn(conn);
	return conn->info.has_binding ? 0 : gw_fail(why, -EPROTO, "no channel binding");
}

static int link_start(struct gw_conn *conn, struct gw_error *why)
{
	int status = conn->tls == NULL ? begin(conn, why) : 0;

	if (status != 0)
		return status;
	status = tls_handshake(conn);
	if (status == GNUTLS_E_AGAIN)
		return -EAGAIN;
	return status == 0 ? check(conn, why) : tls_failed(conn->tls, status, why);
}

static int link_finish(struct gw_conn *conn)
{
	(void)conn;
	return 0;
}

const struct transport transport_link = {
	.start = link_start,
	.read = tls_read,
	.flush = tls_flush,
	.finish = link_finish,
	.free = tls_free,
};
