/*
 * core/listener.c - the doors of a server: opened by the configuration (listen_change.c), or by a
 * module for itself, at the start all at once (listen_hold.c).
 *
 * Whoever comes in is conn_accept.c's business. A listener outlives its closing as long as
 * connections name it.
 */
#include "core/listener.h"
#include "core/conn.h"
#include "core/listener_part.h"
#include "core/mem.h"
#include "core/rights.h"
#include "core/server.h"
#include "core/text.h"
#include <errno.h>
#include <godwit/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define ACCEPTS_PER_TURN 64
#define PAUSE_NS (100 * GW_MS)
#define UNIX_MODE 0666

struct listeners *listeners_new(struct gw_server *server)
{
	struct listeners *all = mem_alloc(sizeof(*all));

	all->server = server;
	all->free_again.fn = listeners_nobody_holds;
	return all;
}

void listener_unref(struct listener **listener)
{
	struct listener *l = *listener;

	*listener = NULL;
	if (--l->refs > 0)
		return;
	free(l->address);
	free(l->place);
	free(l->protocol);
	free(l->advertise);
	free(l);
}

void listener_shut(struct listener *l)
{
	if (l->open) {
		l->door.loop->ops->timer_set(&l->pause, -1);
		l->door.loop->ops->listener_close(&l->door);
	}
	l->open = false;
}

void listener_close(struct listener *l)
{
	listener_shut(l);
	listener_unref(&l);
}

static void close_all(struct listener **list)
{
	struct listener *l, *next;

	DL_FOREACH_SAFE (*list, l, next) {
		DL_DELETE(*list, l);
		listener_close(l);
	}
}

void listeners_free(struct listeners **listeners)
{
	struct listeners *all = *listeners;
	struct holder *h, *next;

	*listeners = NULL;
	loop_defer_cancel(all->server->loop, &all->free_again);
	LL_FOREACH_SAFE (all->holders, h, next)
		free(h);
	close_all(&all->configured);
	close_all(&all->own);
	free(all);
}

void listeners_close(struct gw_server *server)
{
	close_all(&server->conns->listeners->configured);
}

/* Out of descriptors or memory: what waits would make the loop spin, so look away for a moment. */
static void out_of_room(struct listener *l, int status)
{
	struct gw_server *server = l->conns->server;

	if (!l->starved)
		server_log(server, GW_WARN, "cannot accept connections listener=%s error=\"%s\"",
		           l->address, strerror(-status));
	l->starved = true;
	l->door.loop->ops->listener_pause(&l->door, true);
	l->door.loop->ops->timer_set(&l->pause, PAUSE_NS);
}

static void pause_over(struct loop_timer *timer)
{
	struct listener *l = container_of(timer, struct listener, pause);

	l->door.loop->ops->listener_pause(&l->door, false);
}

static void somebody_waits(struct loop_listener *door)
{
	struct listener *l = container_of(door, struct listener, door);
	int i, status = 0;

	for (i = 0; i < ACCEPTS_PER_TURN && status == 0 && l->open; i++)
		status = conn_accept(l->conns, l);
	if (status != 0 && status != -EAGAIN)
		out_of_room(l, status);
	else
		l->starved = false;
}

struct gw_call listener_accept_call(const struct listener *l, enum gw_tls *tls_out)
{
	const struct gw_protocol *protocol;
	const struct gw_row *row;

	*tls_out = GW_TLS_CLIENTS;
	if (l->protocol == NULL)
		return gw_call(l->module, l->accept_row, 0);
	row = point_find(l->conns->server, GW_POINT_PROTOCOL, l->protocol);
	if (row == NULL)
		return (struct gw_call){.module = NULL};
	protocol = row->row;
	*tls_out = protocol->tls;
	return gw_call(row->module, protocol->accept, 0);
}

struct listener *listener_new(struct gw_server *server, const char *address)
{
	struct listener *l = mem_alloc(sizeof(*l));

	l->refs = 1;
	l->conns = server->conns;
	l->address = mem_strdup(address);
	l->mode = UNIX_MODE;
	l->door.pending = somebody_waits;
	l->pause.loop = server->loop;
	l->pause.fired = pause_over;
	return l;
}

static int listener_open(struct listener *l)
{
	int status = l->conns->loop->ops->listen(l->conns->loop, l->address, l->mode, &l->door);

	l->open = status == 0;
	return status;
}

static int refuse(const struct listener *l, int status, struct gw_error *err)
{
	return gw_fail(err, status, "%s%scannot listen on %s: %s%s",
	               l->place != NULL ? l->place : "", l->place != NULL ? ": " : "", l->address,
	               strerror(-status), rights_hint(l->conns->server, status));
}

/* Whoever comes waits until all doors are open. */
int listener_open_paused(struct listener *l, struct gw_error *err)
{
	int status = listener_open(l);

	if (status != 0)
		return refuse(l, status, err);
	l->door.loop->ops->listener_pause(&l->door, true);
	return 0;
}

static const char *advertised(const struct listener *l, uint16_t port, char *room, size_t size)
{
	enum text_reach reach = text_reach(l->address);

	if (l->advertise != NULL)
		return l->advertise;
	if (port == 0)
		return NULL;
	if (reach == TEXT_ANY_HOST)
		snprintf(room, size, "%s:%u", l->conns->server->name, port);
	else
		snprintf(room, size, "%.*s:%u", (int)(strrchr(l->address, ':') - l->address),
		         l->address, port);
	return room;
}

static void show(struct listener *l, gw_listener_fn *fn, void *ctx)
{
	struct gw_listener listener = {.address = l->address,
	                               .port = l->door.loop->ops->listener_port(&l->door),
	                               .protocol = l->protocol,
	                               .tls = l->tls};
	char room[128];

	listener.advertise = advertised(l, listener.port, room, sizeof(room));
	listener.loopback = text_reach(l->address) == TEXT_LOOPBACK &&
	                    (l->advertise == NULL || text_reach(l->advertise) == TEXT_LOOPBACK);
	fn(ctx, &listener);
}

void listeners_each(struct gw_server *server, gw_listener_fn *fn, void *ctx)
{
	struct listener *l;

	DL_FOREACH (server->conns->listeners->configured, l)
		if (l->open)
			show(l, fn, ctx);
}

int listener_open_own(struct gw_server *server, struct gw_self *self, const char *address,
                      unsigned mode, uint32_t accept_row)
{
	struct listeners *all = server->conns->listeners;
	struct listener *l = listener_new(server, address);
	int status;

	l->mode = mode;
	l->place = mem_printf("module %s", self->name);
	status = all->waiting ? 0 : listener_open(l);
	if (status != 0) {
		listener_unref(&l);
		return status;
	}
	l->module = self;
	l->accept_row = accept_row;
	DL_APPEND(all->own, l);
	return 0;
}

void listeners_forget(struct gw_server *server, struct gw_self *self)
{
	struct listener **list = &server->conns->listeners->own, *l, *next;

	listeners_hold(server, self, false);
	DL_FOREACH_SAFE (*list, l, next) {
		if (l->module != self)
			continue;
		DL_DELETE(*list, l);
		listener_close(l);
	}
}
