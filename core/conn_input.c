/*
 * core/conn_input.c - from the socket to the owner's lines.
 *
 * All connections read into one scratch buffer and their lines are looked at there; only what is
 * left over is kept: an unfinished line, lines beyond the turn's budget, or what comes in while the
 * owner has stopped the input. Past recvq_max the socket is not read, and the peer's own queue
 * fills.
 */
#include "core/call.h"
#include "core/mem.h"
#include "core/transport.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINES_PER_TURN 32
#define READ_PER_TURN 16384
#define ENDLESS 16384 /* bytes without a line end, or twice line_max if more: nobody means that */

static void deliver_line(struct gw_conn *conn, struct gw_line *line)
{
	struct gw_self *module = conn->owner.module;
	struct frame frame;
	gw_conn_line_fn *fn;

	fn = (gw_conn_line_fn *)call_enter(&frame, gw_call(module, conn->owner.line, 0));
	if (fn != NULL && fn(module->state, conn->owner.data, line) == GW_LINE_STOP)
		conn->stopped = true;
	call_leave(&frame);
}

/* Delivers whole lines of `data` within the turn's budget; returns what is done with. */
static size_t deliver(struct gw_conn *conn, char *data, size_t n, bool *more_out)
{
	unsigned budget =
		conn->owner.lines_per_turn > 0 ? conn->owner.lines_per_turn : LINES_PER_TURN;
	struct gw_line line;
	size_t done = 0, used;

	*more_out = true;
	conn->delivering = true;
	while (budget > 0 && !conn->stopped && !conn->closing) {
		*more_out = framing_next(&conn->input, data + done, n - done, conn->owner.line_max,
		                         &used, &line);
		done += used;
		if (!*more_out)
			break;
		conn->in_hand = (uint32_t)(n - done);
		deliver_line(conn, &line);
		budget--;
	}
	conn->delivering = false;
	return done;
}

/* What a peer that has gone had sent before is still delivered. */
static void at_end(struct gw_conn *conn)
{
	conn_close(conn, GW_CLOSE_FLUSH, "Connection closed");
}

bool conn_deliver_kept(struct gw_conn *conn)
{
	struct framing *f = &conn->input;
	bool more = false;
	size_t n = framing_kept(f);

	if (n > 0)
		framing_done(f, deliver(conn, f->kept + f->start, n, &more));
	if (conn->closing || conn->stopped)
		return false;
	if (more)
		conn_again(conn);
	else if (conn->ended)
		at_end(conn);
	return !more;
}

static void read_ended(struct gw_conn *conn, ssize_t status)
{
	if (status == -EAGAIN)
		return;
	conn->ended = true;
	if (status == -ECONNRESET)
		conn_close(conn, GW_CLOSE_NOW, "Connection reset by peer");
	else if (status < 0)
		conn_fail(conn, GW_CLOSE_NOW, "Read error: %s", strerror((int)-status));
	else if (!conn->stopped)
		at_end(conn);
}

static char *scratch(struct conns *conns, size_t n)
{
	if (conns->scratch_size < n) {
		conns->scratch = mem_resize(conns->scratch, n);
		conns->scratch_size = n;
	}
	return conns->scratch;
}

static ssize_t read_some(struct gw_conn *conn, char *p, size_t n)
{
	ssize_t got = conn->transport->read(conn, p, n);

	if (got <= 0) {
		read_ended(conn, got);
		return 0;
	}
	conn->bytes_in += (size_t)got;
	return got;
}

/* Nobody takes lines now: what comes is kept, up to the bound. */
static void read_stopped(struct gw_conn *conn, size_t room)
{
	char *p = scratch(conn->conns, room);

	framing_keep(&conn->input, p, (size_t)read_some(conn, p, room));
}

static void check_endless(struct gw_conn *conn)
{
	uint32_t bound = 2 * conn->owner.line_max > ENDLESS ? 2 * conn->owner.line_max : ENDLESS;

	if (conn->input.dropping && conn->input.dropped >= bound)
		conn_close(conn, GW_CLOSE_FLUSH, "Line too long");
}

void conn_read(struct gw_conn *conn)
{
	size_t kept = framing_kept(&conn->input), done;
	size_t room = conn->owner.recvq_max > kept ? conn->owner.recvq_max - kept : 0;
	ssize_t got;
	bool more;
	char *p;

	if (room > READ_PER_TURN)
		room = READ_PER_TURN;
	if (conn->stopped) {
		if (room > 0)
			read_stopped(conn, room);
		conn_watch(conn);
		return;
	}
	if (room == 0) { /* the owner has lowered its bounds */
		conn_again(conn);
		return;
	}
	p = scratch(conn->conns, kept + room);
	got = read_some(conn, p + kept, room);
	if (got > 0) {
		if (kept > 0)
			memcpy(p, conn->input.kept + conn->input.start, kept);
		framing_done(&conn->input, kept);
		done = deliver(conn, p, kept + (size_t)got, &more);
		framing_keep(&conn->input, p + done, kept + (size_t)got - done);
		check_endless(conn);
		if (more || (size_t)got == room)
			conn_again(conn);
	}
	conn_watch(conn);
}

size_t conn_unread(const struct gw_conn *conn)
{
	return conn->delivering ? conn->in_hand : framing_kept(&conn->input);
}

void conn_resume(struct gw_conn *conn)
{
	if (!conn->stopped)
		return;
	conn->stopped = false;
	conn_again(conn);
}
