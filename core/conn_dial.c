/*
 * core/conn_dial.c - connections that we make: a name looked up off the loop, its addresses tried
 * in turn.
 *
 * Nothing happens before the end of the turn, so whoever dials again as soon as a connection has
 * failed does not keep the turn from ending. From the moment at which the socket is up it is a
 * connection like one that was accepted.
 */
#include "core/conn.h"
#include "core/mem.h"
#include "core/server.h"
#include "core/text.h"
#include "core/transport.h"
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_NS (4 * GW_SECOND) /* for one that says nothing, while there is another */

struct dial {
	struct gw_conn *conn; /* NULL: it ended while the name was looked up */
	struct loop *loop;
	struct loop_defer start;
	struct loop_timer silent;
	struct loop_work lookup;
	struct loop_found found;
	unsigned next; /* of `found` */
	bool looking;
	bool pinned;
	uint8_t pin[32];
	uint8_t *ticket; /* NULL: none, or taken */
	size_t ticket_len;
	char address[]; /* as asked for */
};

static void dial_free(struct dial *dial)
{
	if (dial->ticket != NULL)
		sodium_memzero(dial->ticket, dial->ticket_len);
	free(dial->ticket);
	loop_defer_cancel(dial->loop, &dial->start);
	dial->loop->ops->timer_set(&dial->silent, -1);
	free(dial);
}

void conn_dial_end(struct gw_conn *conn)
{
	struct dial *dial = conn->dial;

	conn->dial = NULL;
	if (dial == NULL)
		return;
	dial->conn = NULL;
	if (!dial->looking)
		dial_free(dial);
}

/* Begins with the next address that can be begun with; 0, or what the last one said. */
static int connect_next(struct dial *dial)
{
	struct gw_conn *conn = dial->conn;
	struct loop_peer peer;
	int status = -EADDRNOTAVAIL;

	while (status != 0 && dial->next < dial->found.n)
		status = dial->loop->ops->connect(dial->loop, dial->found.address[dial->next++],
		                                  &conn->sock, &peer);
	if (status != 0)
		return status;
	if (dial->next < dial->found.n)
		dial->loop->ops->timer_set(&dial->silent, ADDRESS_NS);
	conn->want = LOOP_READ | LOOP_WRITE;
	memcpy(conn->address, peer.address, sizeof(conn->address));
	conn->info.port = peer.port;
	conn->info.loopback = peer.loopback;
	conn->info.has_uid = peer.has_uid;
	conn->info.uid = peer.uid;
	conn->info.pid = peer.pid;
	return 0;
}

static void failed(struct gw_conn *conn, int status)
{
	conn_close(conn, GW_CLOSE_NOW, strerror(-status));
}

/* The address is no good, for the reason that `status` gives. */
static void try_next(struct gw_conn *conn, int status)
{
	conn_sock_close(conn);
	if (conn->dial->next < conn->dial->found.n)
		status = connect_next(conn->dial);
	if (status != 0)
		failed(conn, status);
}

/* Half of the world may be cut off from here, and a name lead there first. */
static void too_silent(struct loop_timer *timer)
{
	struct dial *dial = container_of(timer, struct dial, silent);
	struct gw_conn *conn = dial->conn;

	if (conn != NULL && conn->state == CONN_DIAL && !conn->closing)
		try_next(conn, -ETIMEDOUT);
}

void conn_dial_event(struct gw_conn *conn)
{
	int status = conn->sock.loop->ops->sock_error(&conn->sock);

	if (status == 0) {
		conn->sock.loop->ops->timer_set(&conn->dial->silent, -1);
		conn_set_state(conn, CONN_HANDSHAKE);
		conn->info.accepted_ns = conn->sock.loop->ops->mono_ns(conn->sock.loop);
		conn_handshake(conn);
		conn_watch(conn); /* not for writing any more */
		return;
	}
	if (status == -EAGAIN)
		return;
	conn->sock.loop->ops->timer_set(&conn->dial->silent, -1);
	try_next(conn, status);
}

static void run_lookup(struct loop_work *work)
{
	struct dial *dial = container_of(work, struct dial, lookup);

	dial->loop->ops->lookup(dial->loop, dial->address, &dial->found);
}

static void lookup_done(struct loop_work *work)
{
	struct dial *dial = container_of(work, struct dial, lookup);
	int status;

	dial->looking = false;
	if (dial->conn == NULL) {
		dial_free(dial);
		return;
	}
	if (dial->conn->closing)
		return;
	if (dial->found.n == 0) {
		conn_fail(dial->conn, GW_CLOSE_NOW, "cannot look up %.180s: %.60s", dial->address,
		          dial->found.why != NULL ? dial->found.why : "no address");
		return;
	}
	status = connect_next(dial);
	if (status != 0)
		failed(dial->conn, status);
}

static int look_up(struct dial *dial)
{
	int status;

	dial->lookup.run = run_lookup;
	dial->lookup.done = lookup_done;
	dial->lookup.lane = LOOP_LANE_LOOKUP;
	status = dial->loop->ops->work(dial->loop, &dial->lookup);
	dial->looking = status == 0;
	return status;
}

static void start(struct loop_defer *defer)
{
	struct dial *dial = container_of(defer, struct dial, start);
	int status;

	if (dial->conn->closing)
		return;
	status = dial->found.n > 0 ? connect_next(dial) : look_up(dial);
	if (status != 0)
		failed(dial->conn, status);
}

static struct dial *dial_new(struct gw_conn *conn, const char *address)
{
	struct dial *dial = mem_alloc(sizeof(*dial) + strlen(address) + 1);

	dial->conn = conn;
	dial->loop = conn->conns->loop;
	dial->start.fn = start;
	dial->silent.loop = dial->loop;
	dial->silent.fired = too_silent;
	strcpy(dial->address, address);
	if (text_is_address(address) && strlen(address) < LOOP_ADDRESS_MAX)
		strcpy(dial->found.address[dial->found.n++], address);
	loop_defer(dial->loop, &dial->start);
	return dial;
}

/* --- for a server with a certificate --- */

static void dial_secure(struct dial *dial, const struct gw_dial *wanted)
{
	dial->pinned = wanted->pin != NULL;
	if (dial->pinned)
		memcpy(dial->pin, wanted->pin, sizeof(dial->pin));
	if (wanted->ticket == NULL || wanted->ticket_len == 0)
		return;
	dial->ticket = mem_alloc(wanted->ticket_len);
	dial->ticket_len = wanted->ticket_len;
	memcpy(dial->ticket, wanted->ticket, wanted->ticket_len);
}

const uint8_t *conn_dial_pin(const struct gw_conn *conn)
{
	return conn->dial->pinned ? conn->dial->pin : NULL;
}

uint8_t *conn_dial_ticket_take(struct gw_conn *conn, size_t *n_out)
{
	uint8_t *ticket = conn->dial->ticket;

	conn->dial->ticket = NULL;
	*n_out = conn->dial->ticket_len;
	return ticket;
}

int conn_dial_check(const struct gw_conn *conn, struct gw_error *why)
{
	const struct gw_conn_info *info = &conn->info;
	char hex[2 * sizeof(info->certificate) + 1];

	if (conn->dial == NULL || conn->link)
		return 0;
	if (!info->has_certificate)
		return gw_fail(why, -EPROTO, "no certificate");
	if (!conn->dial->pinned ||
	    memcmp(info->certificate, conn->dial->pin, sizeof(info->certificate)) == 0)
		return 0;
	sodium_bin2hex(hex, sizeof(hex), info->certificate, sizeof(info->certificate));
	return gw_fail(why, -EPROTO, "certificate is %s, not the one expected", hex);
}

struct gw_conn *conn_dial(struct gw_self *self, const struct gw_dial *wanted)
{
	struct gw_conn *conn = conn_blank(self_server(self)->conns);

	conn_enlist(conn);
	conn->state = CONN_DIAL;
	conn->dial = dial_new(conn, wanted->address);
	conn->link = wanted->tls == GW_TLS_LINK;
	conn->info.address = conn->address;
	conn->info.listener = conn->dial->address;
	conn->info.tls = wanted->tls != GW_TLS_CLIENTS;
	conn->transport = conn_transport(conn);
	if (wanted->tls == GW_TLS_SERVER)
		dial_secure(conn->dial, wanted);
	conn->info.accepted_ns = conn->conns->loop->ops->mono_ns(conn->conns->loop);
	conn_own(conn, &wanted->owner);
	return conn;
}
