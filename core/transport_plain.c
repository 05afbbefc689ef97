/*
 * core/transport_plain.c - bytes as they are.
 *
 * Under a loop that vouches for its connections (the simulator) this is also what stands for TLS.
 */
#include "core/transport.h"
#include <errno.h>
#include <string.h>

#define SEGMENTS 256

static int plain_start(struct gw_conn *conn, struct gw_error *why)
{
	struct loop_secured facts = {0};

	if (!conn->info.tls)
		return 0;
	conn->conns->loop->ops->sock_secured(&conn->sock, &facts);
	conn->info.has_binding = true;
	memcpy(conn->info.binding, facts.binding, sizeof(facts.binding));
	conn->info.has_certificate = facts.has_certificate && !conn->link;
	memcpy(conn->info.certificate, facts.certificate, sizeof(facts.certificate));
	conn->info.tls_version = "TLS1.3-simulated";
	return conn_dial_check(conn, why);
}

static ssize_t plain_read(struct gw_conn *conn, void *p, size_t n)
{
	return conn->conns->loop->ops->sock_read(&conn->sock, p, n);
}

static int plain_flush(struct gw_conn *conn)
{
	struct outq *q = &conn->sink.queue;
	struct iovec iov[SEGMENTS];
	ssize_t sent;
	int n;

	while (q->bytes > 0) {
		n = outq_peek(q, iov, SEGMENTS);
		sent = conn_send(conn, iov, n);
		if (sent < 0)
			return (int)sent;
		outq_drop(q, &conn->conns->store, (size_t)sent);
	}
	return 0;
}

static int plain_finish(struct gw_conn *conn)
{
	(void)conn;
	return 0;
}

static void plain_free(struct gw_conn *conn)
{
	(void)conn;
}

const struct transport transport_plain = {
	.start = plain_start,
	.read = plain_read,
	.flush = plain_flush,
	.finish = plain_finish,
	.free = plain_free,
};
