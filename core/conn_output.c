/*
 * core/conn_output.c - from the sink to the socket: queue now, write at the end of the turn.
 *
 * However many lines go to one connection in a turn, they leave with one write. A connection whose
 * socket is full is not tried again before the loop says that it is writable.
 */
#include "core/transport.h"
#include <errno.h>
#include <string.h>

void conn_block(struct gw_conn *conn, bool on)
{
	if (conn->blocked == on)
		return;
	conn->blocked = on;
	conn->conns->counts.blocked += on ? 1 : (size_t)-1;
}

void conn_note_peak(const struct gw_conn *conn)
{
	struct conn_peak *peak = &conn->conns->counts.peak;

	if (conn->sink.queue.bytes > peak->bytes)
		peak->bytes = conn->sink.queue.bytes;
}

void conn_dirty(struct gw_conn *conn)
{
	struct conns *conns = conn->conns;

	if (conn->dirty || conn->blocked)
		return;
	conn->dirty = true;
	conn->next_dirty = conns->dirty;
	conns->dirty = conn;
	loop_at_end(conns->loop, &conns->turn_end);
}

/* One who asked for more than fits at once gets a chance to take it. */
static void sendq_full(struct gw_conn *conn)
{
	if (!conn->blocked && conn->state == CONN_OPEN)
		conn_flush(conn);
	if (conn->sink.queue.bytes <= conn->sendq_max)
		return;
	conn->conns->counts.overflowed += !conn->closing;
	conn_close(conn, GW_CLOSE_NOW, "SendQ exceeded");
}

static bool refuses(const struct gw_conn *conn)
{
	return conn->close_now || conn->state == CONN_LINGER;
}

/* Whether it will be tried at the end of the turn. */
static bool lends(const struct gw_conn *conn)
{
	return !conn->blocked && conn->state == CONN_OPEN;
}

static void queued(struct gw_conn *conn)
{
	conn_dirty(conn);
	if (conn->blocked)
		conn_note_peak(conn);
	if (conn->sink.queue.bytes > conn->sendq_max)
		sendq_full(conn);
}

void conn_write(struct gw_conn *conn, const void *p, size_t n)
{
	if (refuses(conn) || n == 0)
		return;
	(lends(conn) ? outq_lend : outq_append)(&conn->sink.queue, &conn->conns->store, p, n);
	queued(conn);
}

void conn_write_buf(struct gw_conn *conn, struct gw_buf *buf)
{
	if (refuses(conn) || buf->len == 0)
		return;
	outq_append_buf(&conn->sink.queue, &conn->conns->store, buf, lends(conn));
	queued(conn);
}

ssize_t conn_send(struct gw_conn *conn, const struct iovec *iov, int n)
{
	ssize_t sent = conn->conns->loop->ops->sock_write(&conn->sock, iov, n);

	if (sent == -EAGAIN) {
		conn_block(conn, true);
		conn_watch(conn);
	}
	return sent;
}

static void drained(struct gw_conn *conn)
{
	conn->drain_below = 0;
	conn->drain_due = true;
	conn_again(conn);
}

void conn_flush(struct gw_conn *conn)
{
	size_t before = conn->sink.queue.bytes;
	int status;

	if (conn->state < CONN_OPEN || conn->close_now)
		return;
	status = conn->transport->flush(conn);
	conn->bytes_out += before - conn->sink.queue.bytes;
	conn->conns->counts.bytes_out += before - conn->sink.queue.bytes;
	if (status != 0 && status != -EAGAIN)
		conn_fail(conn, GW_CLOSE_NOW, "Write error: %s", strerror(-status));
	else if (conn->sink.queue.bytes < conn->drain_below)
		drained(conn);
}

void conn_wait_drain(struct gw_conn *conn, size_t below)
{
	conn->drain_below = below > UINT32_MAX ? UINT32_MAX : (uint32_t)below;
	if (conn->sink.queue.bytes < below)
		drained(conn);
}
