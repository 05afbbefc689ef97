/*
 * core/transport_tls.c - TLS through GnuTLS, never blocking: between conn.c and the socket.
 *
 * Lines are joined before they are encrypted, up to one full record. Bytes from the socket are read
 * in bulk and handed to GnuTLS piecewise, since it asks for five bytes, then for the rest, and each
 * would be a system call.
 */
#include "core/mem.h"
#include "core/tls.h"
#include "core/transport.h"
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BULK (TLS_RECORD + 512)
#define SEGMENTS 64
#define IDLE_MAX 100 /* alerts and wishes for a new handshake without a byte of text between */

static struct tls_shared *shared_of(const struct gw_conn *conn)
{
	return conn->conns->tls;
}

/* --- below GnuTLS: the socket --- */

static ssize_t sock_failed(struct tls *tls, int status)
{
	if (status != -EAGAIN)
		tls->error = status;
	gnutls_transport_set_errno(tls->session, -status);
	return -1;
}

/* All records of a flight at once. */
static ssize_t push(gnutls_transport_ptr_t p, const giovec_t *iov, int n)
{
	struct gw_conn *conn = p;
	ssize_t sent = conn->blocked ? -EAGAIN : conn_send(conn, iov, n);

	return sent < 0 ? sock_failed(conn->tls, (int)sent) : sent;
}

/* After a write that took a part GnuTLS says "again" without having asked the socket again. */
static void wait_to_write(struct gw_conn *conn)
{
	if (conn->blocked || gnutls_record_get_direction(conn->tls->session) == 0)
		return;
	conn_block(conn, true);
	conn_watch(conn);
}

static void raw_release(struct tls *tls)
{
	if (tls->raw_own)
		free(tls->raw);
	tls->raw = NULL;
	tls->raw_own = false;
	tls->raw_at = tls->raw_end = 0;
}

static ssize_t raw_fill(struct gw_conn *conn)
{
	struct tls_shared *shared = shared_of(conn);
	struct tls *tls = conn->tls;
	ssize_t got;

	raw_release(tls);
	if (tls->drained)
		return -EAGAIN;
	if (shared->in == NULL)
		shared->in = mem_alloc(BULK);
	got = conn->conns->loop->ops->sock_read(&conn->sock, shared->in, BULK);
	if (got <= 0)
		return got;
	tls->drained = got < BULK;
	tls->raw = shared->in;
	tls->raw_end = (uint32_t)got;
	return got;
}

static ssize_t pull(gnutls_transport_ptr_t p, void *data, size_t n)
{
	struct gw_conn *conn = p;
	struct tls *tls = conn->tls;
	ssize_t got;

	if (tls->raw_at == tls->raw_end) {
		got = raw_fill(conn);
		if (got <= 0)
			return got < 0 ? sock_failed(tls, (int)got) : 0;
	}
	if (n > tls->raw_end - tls->raw_at)
		n = tls->raw_end - tls->raw_at;
	memcpy(data, tls->raw + tls->raw_at, n);
	tls->raw_at += (uint32_t)n;
	return (ssize_t)n;
}

/* The bulk buffer goes to another session next: what is left moves. */
static void raw_settle(struct tls *tls)
{
	uint32_t left = tls->raw_end - tls->raw_at;
	char *copy;

	if (left == 0) {
		raw_release(tls);
	} else if (!tls->raw_own) {
		copy = mem_resize(NULL, left);
		memcpy(copy, tls->raw + tls->raw_at, left);
		tls->raw = copy;
		tls->raw_own = true;
		tls->raw_at = 0;
		tls->raw_end = left;
	}
	tls->drained = false;
}

/* --- handshake --- */

int tls_open(struct gw_conn *conn, struct tls_cred *cred, unsigned flags, struct gw_error *why)
{
	gnutls_session_t session;
	struct tls *tls;

	if (cred == NULL)
		return gw_fail(why, -EINVAL, "there is no certificate");
	if (gnutls_init(&session, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0)
		return gw_fail(why, -ENOMEM, "no session");
	tls = mem_alloc(sizeof(*tls));
	tls->session = session;
	tls->cred = cred;
	tls->cred->refs++;
	conn->tls = tls;
	gnutls_priority_set(session, tls->cred->priority);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->cred->x509);
	gnutls_handshake_set_timeout(session, 0);
	gnutls_transport_set_ptr(session, conn);
	gnutls_transport_set_vec_push_function(session, push);
	gnutls_transport_set_pull_function(session, pull);
	return 0;
}

static int begin_accepted(struct gw_conn *conn, struct gw_error *why)
{
	static const gnutls_datum_t irc = {.data = (unsigned char *)"irc", .size = 3};
	struct tls_shared *shared = shared_of(conn);
	int status = tls_open(conn, shared->cred, GNUTLS_SERVER, why);

	if (status != 0)
		return status;
	gnutls_certificate_server_set_request(conn->tls->session, GNUTLS_CERT_REQUEST);
	gnutls_session_ticket_enable_server(conn->tls->session, &shared->ticket_key);
	gnutls_alpn_set_protocols(conn->tls->session, &irc, 1, 0);
	return 0;
}

int tls_handshake(struct gw_conn *conn)
{
	struct tls *tls = conn->tls;
	int status;

	do
		status = gnutls_handshake(tls->session);
	while (status < 0 && status != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(status));
	raw_settle(tls);
	if (status == GNUTLS_E_AGAIN)
		wait_to_write(conn);
	return status;
}

void tls_learn(struct gw_conn *conn)
{
	struct tls *tls = conn->tls;
	struct gw_conn_info *info = &conn->info;
	gnutls_protocol_t version = gnutls_protocol_get_version(tls->session);
	gnutls_datum_t binding;

	snprintf(tls->version, sizeof(tls->version), "%s-%s", gnutls_protocol_get_name(version),
	         gnutls_cipher_get_name(gnutls_cipher_get(tls->session)));
	info->tls_version = tls->version;
	if ((version != GNUTLS_TLS1_3 && !gnutls_session_ext_master_secret_status(tls->session)) ||
	    gnutls_session_channel_binding(tls->session, GNUTLS_CB_TLS_EXPORTER, &binding) != 0)
		return;
	info->has_binding = binding.size == sizeof(info->binding);
	if (info->has_binding)
		memcpy(info->binding, binding.data, sizeof(info->binding));
	gnutls_free(binding.data);
}

void tls_learn_certificate(struct gw_conn *conn)
{
	struct gw_conn_info *info = &conn->info;
	unsigned n = 0;
	const gnutls_datum_t *peer = gnutls_certificate_get_peers(conn->tls->session, &n);

	if (peer != NULL && n > 0)
		info->has_certificate = gnutls_hash_fast(GNUTLS_DIG_SHA256, peer[0].data,
		                                         peer[0].size, info->certificate) == 0;
}

int tls_failed(const struct tls *tls, int status, struct gw_error *why)
{
	if (tls->error != 0)
		return gw_fail(why, tls->error, "%s", strerror(-tls->error));
	return gw_fail(why, -EPROTO, "%s", gnutls_strerror(status));
}

static int begin(struct gw_conn *conn, struct gw_error *why)
{
	return conn->dial != NULL ? tls_dial_begin(conn, why) : begin_accepted(conn, why);
}

static int tls_start(struct gw_conn *conn, struct gw_error *why)
{
	int status = conn->tls == NULL ? begin(conn, why) : 0;

	if (status != 0)
		return status;
	status = tls_handshake(conn);
	if (status == GNUTLS_E_AGAIN)
		return -EAGAIN;
	if (status != 0) {
		gnutls_alert_send_appropriate(conn->tls->session, status);
		if (status == GNUTLS_E_CERTIFICATE_ERROR && conn->info.has_certificate)
			return conn_dial_check(conn, why);
		return tls_failed(conn->tls, status, why);
	}
	tls_learn(conn);
	tls_learn_certificate(conn);
	return conn_dial_check(conn, why);
}

/* --- data --- */

/* GnuTLS says "again" also when it had a message for itself (a ticket, a change of keys): what lies
 * behind it has come already, and no socket will tell of it. */
static bool has_more(const struct tls *tls, ssize_t status)
{
	return status == GNUTLS_E_AGAIN && tls->raw_at < tls->raw_end;
}

/* Alerts that are only warnings, and the wish for a new handshake, are passed over. */
static bool passing(const struct tls *tls, ssize_t status)
{
	return status == GNUTLS_E_WARNING_ALERT_RECEIVED || status == GNUTLS_E_REHANDSHAKE ||
	       status == GNUTLS_E_INTERRUPTED || has_more(tls, status);
}

/* Each of them is looked at within this call, so that a flood of them would hold the loop. */
static bool goes_on(struct tls *tls, ssize_t got)
{
	if (got > 0)
		tls->idle = 0;
	return got > 0 || (passing(tls, got) && tls->idle++ < IDLE_MAX);
}

static ssize_t read_status(const struct tls *tls, ssize_t status)
{
	if (status == 0 || status == GNUTLS_E_PREMATURE_TERMINATION)
		return 0;
	if (status == GNUTLS_E_AGAIN && !has_more(tls, status))
		return -EAGAIN;
	return tls->error != 0 ? tls->error : -EPROTO;
}

ssize_t tls_read(struct gw_conn *conn, void *p, size_t n)
{
	struct tls *tls = conn->tls;
	size_t done = 0;
	ssize_t got;

	do {
		got = gnutls_record_recv(tls->session, (char *)p + done, n - done);
		if (got > 0)
			done += (size_t)got;
	} while (goes_on(tls, got) && done < n);
	raw_settle(tls);
	if (done == 0)
		return read_status(tls, got);
	if (got <= 0 && read_status(tls, got) != -EAGAIN)
		conn_again(conn); /* for the end: the socket may not tell of it once more */
	return (ssize_t)done;
}

/* Up to a record's worth, in one piece; lines that lie in several segments are joined. */
static const char *gather(struct gw_conn *conn, size_t *n_out)
{
	struct tls_shared *shared = shared_of(conn);
	struct iovec iov[SEGMENTS];
	int i, n = outq_peek(&conn->sink.queue, iov, SEGMENTS);
	size_t done = 0, part;

	if (n == 1 || iov[0].iov_len >= TLS_RECORD) {
		*n_out = iov[0].iov_len < TLS_RECORD ? iov[0].iov_len : TLS_RECORD;
		return iov[0].iov_base;
	}
	if (shared->out == NULL)
		shared->out = mem_alloc(TLS_RECORD);
	for (i = 0; i < n && done < TLS_RECORD; i++) {
		part = iov[i].iov_len < TLS_RECORD - done ? iov[i].iov_len : TLS_RECORD - done;
		memcpy(shared->out + done, iov[i].iov_base, part);
		done += part;
	}
	*n_out = done;
	return shared->out;
}

/* A record that did not go out is encrypted already: it is offered again, and its lines stay queued
 * until it went. */
int tls_flush(struct gw_conn *conn)
{
	struct outq *q = &conn->sink.queue;
	struct tls *tls = conn->tls;
	const char *data = NULL;
	size_t n = 0;
	ssize_t sent;

	while (q->bytes > 0) {
		if (!tls->held)
			data = gather(conn, &n);
		sent = gnutls_record_send(tls->session, tls->held ? NULL : data, tls->held ? 0 : n);
		if (sent == GNUTLS_E_INTERRUPTED || sent == GNUTLS_E_AGAIN) {
			tls->held = true;
			wait_to_write(conn);
			return -EAGAIN;
		}
		if (sent < 0)
			return tls->error != 0 ? tls->error : -EPROTO;
		tls->held = false;
		outq_drop(q, &conn->conns->store, (size_t)sent);
	}
	return 0;
}

static int tls_finish(struct gw_conn *conn)
{
	int status = gnutls_bye(conn->tls->session, GNUTLS_SHUT_WR);

	if (status != GNUTLS_E_AGAIN && status != GNUTLS_E_INTERRUPTED)
		return 0;
	wait_to_write(conn);
	return -EAGAIN;
}

void tls_free(struct gw_conn *conn)
{
	struct tls *tls = conn->tls;

	if (tls == NULL)
		return;
	gnutls_deinit(tls->session);
	tls_cred_unref(&tls->cred);
	raw_release(tls);
	free(tls);
	conn->tls = NULL;
}

const struct transport transport_tls = {
	.start = tls_start,
	.read = tls_read,
	.flush = tls_flush,
	.finish = tls_finish,
	.free = tls_free,
	.ticket = tls_dial_ticket,
};
