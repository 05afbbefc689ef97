/*
 * core/conn.c - the life of a connection: owned, ready, open, closing, lingering; and what the loop
 * tells about it.
 *
 * conn_accept.c makes it. Input comes in through conn_input.c, output leaves through conn_output.c,
 * conn_close.c ends it.
 */
#include "core/conn.h"
#include "core/call.h"
#include "core/mem.h"
#include "core/transport.h"
#include <errno.h>

static void readable(struct loop_sock *sock);
static void writable(struct loop_sock *sock);

static const struct loop_sock_events sock_events = {.readable = readable, .writable = writable};

struct gw_conn *conn_blank(struct conns *conns)
{
	struct gw_conn *conn = mem_alloc(sizeof(*conn));

	conn->conns = conns;
	conn->sock.events = &sock_events;
	conn->want = LOOP_READ;
	return conn;
}

void conn_enlist(struct gw_conn *conn)
{
	struct conns *conns = conn->conns;

	conn->next = conns->all;
	if (conn->next != NULL)
		conn->next->prev = conn;
	conns->all = conn;
	conns->count++;
}

void conn_sock_close(struct gw_conn *conn)
{
	if (conn->sock.loop != NULL)
		conn->sock.loop->ops->sock_close(&conn->sock);
	conn->sock.loop = NULL;
}

static void wait_arm(struct conn_wait *wait)
{
	struct loop *loop = wait->timer.loop;

	if (wait->first == NULL)
		loop->ops->timer_set(&wait->timer, -1);
	else
		loop->ops->timer_set(&wait->timer,
		                     wait->first->deadline_ns - loop->ops->mono_ns(loop));
}

static void wait_enter(struct conn_wait *wait, struct gw_conn *conn)
{
	struct loop *loop = wait->timer.loop;

	conn->deadline_ns = loop->ops->mono_ns(loop) + wait->after_ns;
	conn->wait_prev = wait->last;
	conn->wait_next = NULL;
	if (wait->last == NULL)
		wait->first = conn;
	else
		wait->last->wait_next = conn;
	wait->last = conn;
	if (wait->first == conn)
		wait_arm(wait);
}

static void wait_leave(struct conn_wait *wait, struct gw_conn *conn)
{
	*(conn->wait_prev == NULL ? &wait->first : &conn->wait_prev->wait_next) = conn->wait_next;
	*(conn->wait_next == NULL ? &wait->last : &conn->wait_next->wait_prev) = conn->wait_prev;
	if (wait->first == NULL)
		wait_arm(wait);
}

/* The list of deadlines of a state, or NULL. */
static struct conn_wait *wait_of(const struct gw_conn *conn)
{
	struct conns *conns = conn->conns;

	if (conn->state == CONN_HANDSHAKE && conn->link)
		return &conns->links;
	if (conn->state == CONN_HANDSHAKE) /* one that was dialled has its owner's deadline */
		return conn->dial == NULL ? &conns->handshakes : NULL;
	return conn->state == CONN_LINGER ? &conns->lingers : NULL;
}

void conn_set_state(struct gw_conn *conn, enum conn_state state)
{
	if (wait_of(conn) != NULL)
		wait_leave(wait_of(conn), conn);
	conn->state = state;
	if (wait_of(conn) != NULL)
		wait_enter(wait_of(conn), conn);
}

void conn_watch(struct gw_conn *conn)
{
	uint8_t want = conn->blocked ? LOOP_WRITE : 0;

	if (conn->state == CONN_DIAL)
		return; /* until it is up or has failed */
	if (!conn->ended && (!conn->stopped || framing_kept(&conn->input) < conn->owner.recvq_max))
		want |= LOOP_READ;
	if (want == conn->want)
		return;
	conn->want = want;
	conn->conns->loop->ops->sock_want(&conn->sock, want);
}

static void tell_ready(struct gw_conn *conn)
{
	struct gw_self *module = conn->owner.module;
	struct frame frame;
	gw_conn_ready_fn *fn;

	fn = (gw_conn_ready_fn *)call_enter(&frame, gw_call(module, conn->owner.ready, 0));
	if (fn != NULL)
		fn(module->state, conn->owner.data);
	call_leave(&frame);
}

void conn_handshake(struct gw_conn *conn)
{
	struct gw_error why = {0};
	int status = conn->transport->start(conn, &why);

	if (status == -EAGAIN)
		return;
	if (status != 0) {
		conn->conns->counts.handshakes_failed++;
		conn_fail(conn, GW_CLOSE_NOW, "TLS handshake failed: %s", why.text);
		return;
	}
	conn_set_state(conn, CONN_OPEN);
	if (conn->tls != NULL)
		conn_again(conn); /* there may be input inside already */
	if (conn->sink.queue.bytes > 0)
		conn_dirty(conn);
	if (!conn->owned)
		conn_close(conn, GW_CLOSE_FLUSH, "Refused");
	else if (!conn->closing)
		tell_ready(conn);
}

void conns_handshakes_late(struct loop_timer *timer)
{
	struct conn_wait *wait = container_of(timer, struct conn_wait, timer);
	int64_t now = timer->loop->ops->mono_ns(timer->loop);
	struct gw_conn *conn;

	for (conn = wait->first; conn != NULL && conn->deadline_ns <= now; conn = conn->wait_next) {
		conn->conns->counts.handshakes_late += !conn->closing;
		conn_close(conn, GW_CLOSE_NOW, "TLS handshake timed out");
	}
	if (conn != NULL)
		timer->loop->ops->timer_set(timer, conn->deadline_ns - now);
}

void conn_own(struct gw_conn *conn, const struct gw_conn_owner *owner)
{
	uint32_t least = owner->bytes ? 1 : owner->line_max + 2;

	conn->owner = *owner;
	if (conn->owner.recvq_max < least)
		conn->owner.recvq_max = least;
	conn->input.dropping = conn->input.dropping && !owner->bytes;
	conn->sendq_max = owner->sendq_max;
	conn->owned = true;
	conn->reowned = true;
	if (framing_kept(&conn->input) > 0 && conn->state == CONN_OPEN)
		conn_again(conn); /* it may take what another has left */
	conn_watch(conn);
}

static void readable(struct loop_sock *sock)
{
	struct gw_conn *conn = container_of(sock, struct gw_conn, sock);

	if (conn->state == CONN_LINGER)
		conn_linger_read(conn);
	else if (conn->closing || conn->again)
		return; /* its turn comes at the end of this one */
	else if (conn->state == CONN_DIAL)
		conn_dial_event(conn);
	else if (conn->state == CONN_HANDSHAKE)
		conn_handshake(conn);
	else
		conn_read(conn);
}

static void writable(struct loop_sock *sock)
{
	struct gw_conn *conn = container_of(sock, struct gw_conn, sock);

	conn_block(conn, false);
	if (conn->state == CONN_LINGER) {
		conn_linger_write(conn);
		return;
	}
	if (conn->closing)
		return;
	if (conn->state == CONN_DIAL)
		conn_dial_event(conn);
	else if (conn->state == CONN_HANDSHAKE)
		conn_handshake(conn);
	else
		conn_flush(conn);
	conn_watch(conn);
}
