/*
 * core/conn_accept.c - from the door to an owner: the protocol's module takes the connection over,
 * or refuses it.
 */
#include "core/call.h"
#include "core/conn.h"
#include "core/listener.h"
#include "core/mem.h"
#include "core/transport.h"
#include <errno.h>
#include <string.h>

#define FAREWELL_MAX 512

static void conn_describe(struct gw_conn *conn, struct listener *listener,
                          const struct loop_peer *peer)
{
	struct gw_conn_info *info = &conn->info;

	conn->listener = listener;
	listener->refs++;
	memcpy(conn->address, peer->address, sizeof(conn->address));
	info->address = conn->address;
	info->listener = listener->address;
	info->port = peer->port;
	info->loopback = peer->loopback;
	info->accepted_ns = conn->conns->loop->ops->mono_ns(conn->conns->loop);
	info->has_uid = peer->has_uid;
	info->uid = peer->uid;
	info->pid = peer->pid;
}

/* 0 when a module has taken it over. */
static int offer(struct gw_conn *conn, struct gw_call call, char farewell[FAREWELL_MAX])
{
	struct frame frame;
	gw_accept_fn *fn = (gw_accept_fn *)call_enter(&frame, call);
	int status = fn == NULL ? -EPROTONOSUPPORT : fn(call.module->state, conn, farewell);

	call_leave(&frame);
	return status == 0 && !conn->owned ? -EINVAL : status;
}

/* A loop that vouches for its connections stands in for either TLS. */
const struct transport *conn_transport(const struct gw_conn *conn)
{
	if (!conn->info.tls || conn->conns->loop->ops->sock_secured != NULL)
		return &transport_plain;
	return conn->link ? &transport_link : &transport_tls;
}

static void refuse(struct gw_conn *conn, const char *farewell)
{
	conn->conns->counts.refused++;
	conn->owned = false;
	conn->sendq_max = FAREWELL_MAX;
	conn->owner.recvq_max = FAREWELL_MAX;
	conn_write(conn, farewell, strlen(farewell));
	if (farewell[0] == '\0')
		conn_close(conn, GW_CLOSE_NOW, "Refused");
}

int conn_accept(struct conns *conns, struct listener *listener)
{
	const struct loop_ops *ops = conns->loop->ops;
	struct gw_conn *conn = conns->spare != NULL ? conns->spare : conn_blank(conns);
	char farewell[FAREWELL_MAX] = "";
	struct gw_call call;
	enum gw_tls tls;
	struct loop_peer peer;
	int status = ops->accept(&listener->door, &conn->sock, &peer);

	conns->spare = status != 0 ? conn : NULL;
	if (status != 0)
		return status;
	conns->counts.accepted++;
	conn_enlist(conn);
	conn_describe(conn, listener, &peer);
	call = listener_accept_call(listener, &tls);
	conn->link = tls == GW_TLS_LINK;
	conn->info.tls = listener->tls || conn->link;
	conn->transport = conn_transport(conn);
	conn->state = CONN_OPEN;
	conn_set_state(conn, CONN_HANDSHAKE);
	if (offer(conn, call, farewell) != 0)
		refuse(conn, farewell);
	if (!conn->close_now)
		conn_handshake(conn);
	return 0;
}
