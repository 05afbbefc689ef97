/*
 * core/conn_close.c - the end of a connection.
 *
 * A close is a request. At the end of the turn the owner is told once, what is queued is flushed
 * for a short time, and what the peer still sends meanwhile is thrown away, so that it gets our
 * last words rather than a reset.
 */
#include "core/call.h"
#include "core/conn.h"
#include "core/listener.h"
#include "core/mem.h"
#include "core/transport.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void end_later(struct gw_conn *conn)
{
	struct conns *conns = conn->conns;

	if (conn->ending)
		return;
	conn->ending = true;
	conn->next_closing = conns->closing;
	conns->closing = conn;
	loop_at_end(conns->loop, &conns->turn_end);
}

void conn_close(struct gw_conn *conn, enum gw_close_how how, const char *reason)
{
	if (how == GW_CLOSE_NOW)
		conn->close_now = true;
	if (conn->closing)
		return;
	conn->closing = true;
	conn->close_reason = mem_strdup(reason);
	end_later(conn);
}

void conn_fail(struct gw_conn *conn, enum gw_close_how how, const char *format, ...)
{
	char reason[256];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	conn_close(conn, how, reason);
}

/* One that a list of the turn still names is freed when its place in the list comes. */
void conn_free(struct gw_conn *conn)
{
	struct conns *conns = conn->conns;

	conn_set_state(conn, CONN_OPEN);
	*(conn->prev == NULL ? &conns->all : &conn->prev->next) = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	conns->count--;
	conn->transport->free(conn);
	conn_sock_close(conn);
	conn_dial_end(conn);
	outq_clear(&conn->sink.queue, &conns->store);
	conn_block(conn, false);
	framing_fini(&conn->input);
	if (conn->listener != NULL)
		listener_unref(&conn->listener);
	free(conn->close_reason);
	conn->gone = true;
	if (!conn->dirty && !conn->again)
		free(conn);
}

static void tell_closed(struct gw_conn *conn)
{
	struct gw_self *module = conn->owner.module;
	struct frame frame;
	gw_conn_closed_fn *fn;

	if (!conn->owned)
		return;
	conn->owned = false;
	fn = (gw_conn_closed_fn *)call_enter(&frame, gw_call(module, conn->owner.closed, 0));
	if (fn != NULL)
		fn(module->state, conn->owner.data, conn->close_reason);
	call_leave(&frame);
}

/* Everything of ours is out: say so, and wait for the peer's end. */
static void linger_flushed(struct gw_conn *conn)
{
	if (conn->shut || conn->sink.queue.bytes > 0 || conn->transport->finish(conn) == -EAGAIN)
		return;
	conn->conns->loop->ops->sock_shut(&conn->sock);
	conn->shut = true;
	if (conn->ended)
		conn->close_now = true;
}

static void linger_flush(struct gw_conn *conn)
{
	conn_flush(conn);
	linger_flushed(conn);
}

/* The second half of a close: `closed` was called, nobody knows the connection any more. */
void conn_end(struct gw_conn *conn)
{
	conn->ending = false;
	tell_closed(conn);
	if (conn->close_now || conn->state < CONN_OPEN) {
		conn_free(conn);
		return;
	}
	conn_set_state(conn, CONN_LINGER);
	conn->stopped = false;
	framing_fini(&conn->input);
	linger_flush(conn);
	if (conn->close_now)
		conn_free(conn);
	else
		conn_watch(conn);
}

static void linger_over(struct gw_conn *conn)
{
	conn->close_now = true;
	end_later(conn);
}

void conn_linger_read(struct gw_conn *conn)
{
	char waste[4096];
	ssize_t got = conn->transport->read(conn, waste, sizeof(waste));

	if (got > 0 || got == -EAGAIN)
		return;
	conn->ended = true;
	conn_watch(conn);
	if (got < 0 || conn->shut)
		linger_over(conn);
}

void conn_linger_write(struct gw_conn *conn)
{
	linger_flush(conn);
	conn_watch(conn);
	if (conn->close_now)
		linger_over(conn);
}

void conns_lingered_enough(struct loop_timer *timer)
{
	struct conns *conns = container_of(timer, struct conns, lingers.timer);
	int64_t now = conns->loop->ops->mono_ns(conns->loop);
	struct gw_conn *conn;

	for (conn = conns->lingers.first; conn != NULL && conn->deadline_ns <= now;
	     conn = conn->wait_next)
		linger_over(conn);
	if (conn != NULL)
		conns->loop->ops->timer_set(timer, conn->deadline_ns - now);
}
