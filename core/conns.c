/*
 * core/conns.c - all connections of a server, and their part of each turn.
 *
 * At the end of a turn those that shall close are closed, then those that were written to are
 * flushed; what is left over (input beyond the budget) is looked at in the next turn, after that
 * turn's own events.
 */
#include "core/call.h"
#include "core/conn.h"
#include "core/listener.h"
#include "core/mem.h"
#include "core/tls_cred.h"
#include "core/transport.h"
#include <stdlib.h>

#define HANDSHAKE_NS (10 * GW_SECOND)
#define LINK_HANDSHAKE_NS (20 * GW_SECOND)
#define LINGER_NS (2 * GW_SECOND)
#define TRIM_NS (2 * GW_SECOND)
#define PEAK_NS (60 * GW_SECOND)

void conn_again(struct gw_conn *conn)
{
	struct conns *conns = conn->conns;

	if (conn->again)
		return;
	conn->again = true;
	conn->next_again = conns->again;
	conns->again = conn;
	loop_at_end(conns->loop, &conns->turn_end);
}

static void tell_drained(struct gw_conn *conn)
{
	struct gw_self *module = conn->owner.module;
	struct frame frame;
	gw_conn_drained_fn *fn;

	conn->drain_due = false;
	fn = (gw_conn_drained_fn *)call_enter(&frame, gw_call(module, conn->owner.drained, 0));
	if (fn != NULL && conn->owned)
		fn(module->state, conn->owner.data);
	call_leave(&frame);
}

/* One that ended while this list named it. */
static bool freed(struct gw_conn *conn)
{
	if (!conn->gone)
		return false;
	if (!conn->dirty && !conn->again)
		free(conn);
	return true;
}

/* What the turn before had left. */
static void next_turn(struct loop_defer *defer)
{
	struct conns *conns = container_of(defer, struct conns, next_turn);
	struct gw_conn *list = conns->again, *conn;

	conns->again = NULL;
	while ((conn = list) != NULL) {
		list = conn->next_again;
		conn->again = false;
		if (freed(conn))
			continue;
		if (conn->drain_due && !conn->closing)
			tell_drained(conn);
		if (conn->state != CONN_OPEN || conn->closing || conn->stopped)
			continue;
		if (conn_deliver_kept(conn) && !conn->ended && !conn->closing)
			conn_read(conn);
		conn_watch(conn);
	}
}

static void trim(struct loop_timer *timer)
{
	struct conns *conns = container_of(timer, struct conns, trim);
	unsigned grade;

	outq_store_trim(&conns->store);
	conns->trimming = false;
	for (grade = 0; grade < OUTQ_GRADES; grade++)
		conns->trimming |= conns->store.n_free[grade] > 0;
	if (conns->trimming)
		conns->loop->ops->timer_set(timer, TRIM_NS);
}

static void flush_all(struct conns *conns)
{
	struct gw_conn *conn;

	while ((conn = conns->dirty) != NULL) {
		conns->dirty = conn->next_dirty;
		conn->dirty = false;
		if (conns->dirty != NULL) { /* arrives while the system writes this one */
			__builtin_prefetch(conns->dirty);
			__builtin_prefetch(&conns->dirty->transport);
		}
		if (freed(conn))
			continue;
		if (!conn->blocked)
			conn_flush(conn);
		if (conn->sink.queue.bytes > 0) {
			outq_own(&conn->sink.queue, &conns->store);
			conn_note_peak(conn);
		}
	}
	if (!conns->trimming) {
		conns->trimming = true;
		conns->loop->ops->timer_set(&conns->trim, TRIM_NS);
	}
}

/* Closing may make others write, and writing may make others close; each connection closes but
 * once. */
static void turn_end(struct loop_defer *defer)
{
	struct conns *conns = container_of(defer, struct conns, turn_end);
	struct gw_conn *conn;

	while (conns->closing != NULL || conns->dirty != NULL) {
		while ((conn = conns->closing) != NULL) {
			conns->closing = conn->next_closing;
			conn_end(conn);
		}
		flush_all(conns);
	}
	outq_store_turn(&conns->store);
	if (conns->again != NULL)
		loop_defer(conns->loop, &conns->next_turn);
}

static void wait_init(struct conn_wait *wait, struct loop *loop, int64_t after_ns,
                      void (*fired)(struct loop_timer *))
{
	wait->after_ns = after_ns;
	wait->timer.loop = loop;
	wait->timer.fired = fired;
}

/* The lists of the turn name none but freed ones now. */
static void free_gone(struct conns *conns)
{
	struct gw_conn *conn;

	while ((conn = conns->dirty) != NULL) {
		conns->dirty = conn->next_dirty;
		conn->dirty = false;
		freed(conn);
	}
	while ((conn = conns->again) != NULL) {
		conns->again = conn->next_again;
		conn->again = false;
		freed(conn);
	}
}

struct conns *conns_new(struct gw_server *server)
{
	struct conns *conns = mem_alloc(sizeof(*conns));

	conns->server = server;
	conns->loop = server->loop;
	conns->turn_end.fn = turn_end;
	conns->next_turn.fn = next_turn;
	conns->trim.loop = server->loop;
	conns->trim.fired = trim;
	wait_init(&conns->handshakes, server->loop, HANDSHAKE_NS, conns_handshakes_late);
	wait_init(&conns->links, server->loop, LINK_HANDSHAKE_NS, conns_handshakes_late);
	wait_init(&conns->lingers, server->loop, LINGER_NS, conns_lingered_enough);
	conns->listeners = listeners_new(server);
	conns->tls = tls_shared_new();
	return conns;
}

void conns_free(struct conns **conns)
{
	struct conns *c = *conns;

	*conns = NULL;
	while (c->all != NULL)
		conn_free(c->all);
	free_gone(c);
	c->loop->ops->timer_set(&c->trim, -1);
	c->loop->ops->timer_set(&c->handshakes.timer, -1);
	c->loop->ops->timer_set(&c->links.timer, -1);
	c->loop->ops->timer_set(&c->lingers.timer, -1);
	loop_defer_cancel(c->loop, &c->turn_end);
	loop_defer_cancel(c->loop, &c->next_turn);
	listeners_free(&c->listeners);
	sinks_free(c);
	tls_shared_free(&c->tls);
	outq_store_fini(&c->store);
	free(c->scratch);
	free(c->spare);
	free(c);
}

size_t conns_count(const struct conns *conns)
{
	return conns->count;
}

uint32_t conns_peak(struct conns *conns)
{
	struct conn_peak *peak = &conns->counts.peak;
	int64_t now = conns->loop->ops->mono_ns(conns->loop);
	uint32_t longest = peak->bytes > peak->before ? peak->bytes : peak->before;

	if (now - peak->since_ns >= PEAK_NS)
		*peak = (struct conn_peak){.before = peak->bytes, .since_ns = now};
	return longest;
}

size_t conns_of(const struct conns *conns, const struct gw_self *module)
{
	size_t n = 0;

	for (const struct gw_conn *conn = conns->all; conn != NULL; conn = conn->next)
		n += conn->owner.module == module;
	return n;
}

void conns_close_all(struct conns *conns, const char *reason)
{
	struct gw_conn *conn;

	for (conn = conns->all; conn != NULL; conn = conn->next)
		if (conn->state != CONN_LINGER)
			conn_close(conn, GW_CLOSE_FLUSH, reason);
}

bool conns_idle(const struct conns *conns)
{
	const struct gw_conn *conn;

	for (conn = conns->all; conn != NULL; conn = conn->next)
		if (conn->state != CONN_LINGER || !conn->shut)
			return false;
	return true;
}

void conns_forget(struct conns *conns, struct gw_self *module)
{
	struct gw_conn *conn;

	for (conn = conns->all; conn != NULL; conn = conn->next) {
		if (conn->owner.module != module)
			continue;
		conn->owner.module = NULL;
		conn->owned = false;
		/* One that the module has closed already still gets its last words. */
		if (conn->state != CONN_LINGER && !conn->closing)
			conn_close(conn, GW_CLOSE_NOW, "Module unloaded");
	}
}
