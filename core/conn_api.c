/*
 * core/conn_api.c - the table behind include/godwit/conn.h.
 */
#include "core/conn.h"
#include "core/listener.h"
#include "core/mem.h"
#include "core/server.h"
#include "core/tls_cred.h"
#include "core/transport.h"
#include <stdio.h>
#include <stdlib.h>

static struct gw_conn *conn_of(struct gw_sink *sink)
{
	return container_of(sink, struct gw_conn, sink);
}

static const struct gw_conn_info *api_info(struct gw_conn *conn)
{
	return &conn->info;
}

static struct gw_sink *api_sink(struct gw_conn *conn)
{
	return &conn->sink;
}

static struct gw_buf *api_buf_new(struct gw_self *self, size_t n)
{
	(void)self;
	return buf_new(n);
}

static void api_buf_unref(struct gw_self *self, struct gw_buf **buf)
{
	(void)self;
	buf_unref(buf);
}

static void api_write(struct gw_sink *sink, const void *p, size_t n)
{
	if (__builtin_expect(sink->queue.nowhere, 0))
		sink_write(sink, p, n);
	else
		conn_write(conn_of(sink), p, n);
}

static void api_write_buf(struct gw_sink *sink, struct gw_buf *buf)
{
	if (__builtin_expect(sink->queue.nowhere, 0))
		sink_write_buf(sink, buf);
	else
		conn_write_buf(conn_of(sink), buf);
}

static void api_sink_free(struct gw_self *self, struct gw_sink **sink)
{
	(void)self;
	sink_free(sink);
}

static size_t api_queued(struct gw_sink *sink)
{
	return sink->queue.bytes;
}

static int api_listen_loopback(struct gw_self *self, uint16_t port, uint32_t accept_row)
{
	char address[24];

	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	return listener_open_own(self_server(self), self, address, 0, accept_row);
}

static int api_listen_unix(struct gw_self *self, const char *path, unsigned mode,
                           uint32_t accept_row)
{
	char *address = mem_printf("unix:%s", path);
	int status = listener_open_own(self_server(self), self, address, mode, accept_row);

	free(address);
	return status;
}

static uint64_t api_bytes(struct gw_conn *conn, bool sent)
{
	return sent ? conn->bytes_out : conn->bytes_in;
}

static bool api_tls_fingerprint(struct gw_self *self, uint8_t out[32])
{
	return tls_fingerprint(self_server(self), out);
}

static size_t api_unread(struct gw_conn *conn)
{
	return conn_unread(conn);
}

static size_t api_ticket(struct gw_conn *conn, uint8_t *out, size_t max)
{
	return conn->transport->ticket == NULL ? 0 : conn->transport->ticket(conn, out, max);
}

static void api_listeners(struct gw_self *self, gw_listener_fn *fn, void *ctx)
{
	listeners_each(self_server(self), fn, ctx);
}

static void api_hold(struct gw_self *self, bool on)
{
	listeners_hold(self_server(self), self, on);
}

const struct gw_conn_api conn_api = {
	.own = conn_own,
	.info = api_info,
	.sink = api_sink,
	.resume = conn_resume,
	.wait_drain = conn_wait_drain,
	.close = conn_close,
	.buf_new = api_buf_new,
	.buf_unref = api_buf_unref,
	.write = api_write,
	.write_buf = api_write_buf,
	.queued = api_queued,
	.listen_unix = api_listen_unix,
	.bytes = api_bytes,
	.tls_fingerprint = api_tls_fingerprint,
	.unread = api_unread,
	.listeners = api_listeners,
	.dial = conn_dial,
	.hold = api_hold,
	.sink_new = sink_new,
	.sink_free = api_sink_free,
	.buf_ref = buf_ref,
	.ticket = api_ticket,
	.listen_loopback = api_listen_loopback,
};
