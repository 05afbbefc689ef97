/*
 * core/conn_input.c - from the socket to the owner's lines, or to the owner's bytes.
 *
 * All connections read into one scratch buffer and their lines are looked at there; only what is
 * left over is kept: an unfinished line, lines beyond the turn's budget, or what comes in while the
 * owner has stopped the input. Past recvq_max the socket is not read, and the peer's own queue
 * fills. An owner that takes bytes sees all that is there and says how much it has used.
 */
#include "core/call.h"
#include "core/mem.h"
#include "core/transport.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINES_PER_TURN 32
#define READ_PER_TURN 16384
#define BYTES_PER_TURN 65536 /* for an owner that takes bytes */
#define FRONT_MAX 1024       /* so much of what is kept is copied in front of what was read */
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

static bool next_line(struct gw_conn *conn, char *data, size_t n, size_t *used_out)
{
	struct gw_line line;

	if (!framing_next(&conn->input, data, n, conn->owner.line_max, used_out, &line))
		return false;
	conn->in_hand = (uint32_t)(n - *used_out);
	deliver_line(conn, &line);
	return true;
}

static void deliver_bytes(struct gw_conn *conn, const char *data, size_t n, size_t *used_out)
{
	struct gw_self *module = conn->owner.module;
	struct frame frame;
	gw_conn_bytes_fn *fn;

	fn = (gw_conn_bytes_fn *)call_enter(&frame, gw_call(module, conn->owner.line, 0));
	*used_out = fn == NULL ? n : 0;
	if (fn != NULL &&
	    fn(module->state, conn->owner.data, (const uint8_t *)data, n, used_out) == GW_LINE_STOP)
		conn->stopped = true;
	call_leave(&frame);
	assert(*used_out <= n);
}

/* True while it may use more: it has used some, or another has become the owner. */
static bool next_bytes(struct gw_conn *conn, const char *data, size_t n, size_t *used_out)
{
	*used_out = 0;
	if (n == 0)
		return false;
	conn->in_hand = (uint32_t)n;
	conn->reowned = false;
	deliver_bytes(conn, data, n, used_out);
	if (*used_out > 0 || conn->reowned)
		return true;
	if (n >= conn->owner.recvq_max && !conn->stopped)
		conn_close(conn, GW_CLOSE_FLUSH, "Input too long");
	return false;
}

/* Delivers what is whole of `data` within the turn's budget; returns what is done with. */
static size_t deliver(struct gw_conn *conn, char *data, size_t n, bool *more_out)
{
	unsigned budget =
		conn->owner.lines_per_turn > 0 ? conn->owner.lines_per_turn : LINES_PER_TURN;
	size_t done = 0, used;

	*more_out = true;
	conn->delivering = true;
	while (budget > 0 && !conn->stopped && !conn->closing) {
		if (conn->owner.bytes)
			*more_out = next_bytes(conn, data + done, n - done, &used);
		else
			*more_out = next_line(conn, data + done, n - done, &used);
		done += used;
		if (!*more_out)
			break;
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
	conn->conns->counts.bytes_in += (size_t)got;
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

/* A little that is kept goes in front of the new bytes; what was read is then seen where it lies.
 */
static size_t read_behind(struct gw_conn *conn, size_t kept, size_t room, bool *more_out)
{
	char *p = scratch(conn->conns, kept + room);
	ssize_t got = read_some(conn, p + kept, room);
	size_t done;

	if (got == 0)
		return 0;
	if (kept > 0)
		memcpy(p, conn->input.kept + conn->input.start, kept);
	framing_done(&conn->input, kept);
	done = deliver(conn, p, kept + (size_t)got, more_out);
	framing_keep(&conn->input, p + done, kept + (size_t)got - done);
	return (size_t)got;
}

/* Where much is kept, the new bytes go behind it. */
static size_t read_onto(struct gw_conn *conn, size_t room, bool *more_out)
{
	struct framing *f = &conn->input;
	char *p = scratch(conn->conns, room);
	ssize_t got = read_some(conn, p, room);

	if (got == 0)
		return 0;
	framing_keep(f, p, (size_t)got);
	framing_done(f, deliver(conn, f->kept + f->start, framing_kept(f), more_out));
	return (size_t)got;
}

void conn_read(struct gw_conn *conn)
{
	size_t kept = framing_kept(&conn->input), got;
	size_t room = conn->owner.recvq_max > kept ? conn->owner.recvq_max - kept : 0;
	size_t most = conn->owner.bytes ? BYTES_PER_TURN : READ_PER_TURN;
	bool more = false;

	if (room > most)
		room = most;
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
	if (kept <= FRONT_MAX)
		got = read_behind(conn, kept, room, &more);
	else
		got = read_onto(conn, room, &more);
	if (got > 0)
		check_endless(conn);
	if (more || got == room)
		conn_again(conn);
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
