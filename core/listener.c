/*
 * core/listener.c - the doors of a server: opened by the configuration in two steps, or by a module
 * for itself.
 *
 * Whoever comes in is conn_accept.c's business. A listener outlives its closing as long as
 * connections name it.
 */
#include "core/listener.h"
#include "core/conn.h"
#include "core/mem.h"
#include "core/server.h"
#include <errno.h>
#include <godwit/module.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define ACCEPTS_PER_TURN 64
#define PAUSE_NS (100 * GW_MS)
#define UNIX_MODE 0666

struct holder {
	struct holder *next;
	struct gw_self *module;
};

struct listeners {
	struct gw_server *server;
	struct listener *configured, *own; /* `own`: of modules */
	struct holder *holders;
	struct loop_defer free_again; /* the last holder has gone */
	bool waiting;                 /* nothing is open yet */
};

struct listen_change {
	struct listener **list; /* in the order of the configuration */
	size_t n;
};

static void nobody_holds(struct loop_defer *defer)
{
	struct listeners *all = container_of(defer, struct listeners, free_again);

	if (all->waiting && all->holders == NULL)
		server_open(all->server);
}

struct listeners *listeners_new(struct gw_server *server)
{
	struct listeners *all = mem_alloc(sizeof(*all));

	all->server = server;
	all->free_again.fn = nobody_holds;
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
	free(l);
}

static void listener_shut(struct listener *l)
{
	if (l->open) {
		l->door.loop->ops->timer_set(&l->pause, -1);
		l->door.loop->ops->listener_close(&l->door);
	}
	l->open = false;
}

static void listener_close(struct listener *l)
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

static struct listener *listener_new(struct gw_server *server, const char *address)
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

static struct listener *find(struct gw_server *server, const char *address)
{
	struct listener *l;

	DL_FOREACH (server->conns->listeners->configured, l)
		if (strcmp(l->address, address) == 0)
			return l;
	return NULL;
}

static int refuse(const struct listener *l, int status, struct gw_error *err)
{
	return gw_fail(err, status, "%s%scannot listen on %s: %s", l->place != NULL ? l->place : "",
	               l->place != NULL ? ": " : "", l->address, strerror(-status));
}

/* Whoever comes waits until all doors are open. */
static int open_paused(struct listener *l, struct gw_error *err)
{
	int status = listener_open(l);

	if (status != 0)
		return refuse(l, status, err);
	l->door.loop->ops->listener_pause(&l->door, true);
	return 0;
}

/* A new object even where the address stays, since protocol and TLS may differ; it takes the door
 * over at commit. */
static int prepare_one(struct gw_server *server, const struct listen_spec *spec,
                       struct gw_error *err, struct listener **out)
{
	struct listener *l = listener_new(server, spec->address),
			*old = find(server, spec->address);
	int status = 0;

	l->protocol = mem_strdup(spec->protocol);
	l->place = spec->place != NULL ? mem_strdup(spec->place) : NULL;
	l->tls = spec->tls;
	if (old != NULL && !old->wanted) {
		old->wanted = true;
		l->successor_of = old;
	} else if (!server->conns->listeners->waiting) {
		status = open_paused(l, err);
	}
	if (status != 0)
		listener_unref(&l);
	*out = l;
	return status;
}

int listeners_prepare(struct gw_server *server, const struct listen_spec *specs, size_t n,
                      struct gw_error *err, struct listen_change **out)
{
	struct listen_change *change = mem_alloc(sizeof(*change));
	int status = 0;

	change->list = mem_alloc((n + 1) * sizeof(struct listener *));
	for (; change->n < n && status == 0; change->n++)
		status = prepare_one(server, &specs[change->n], err, &change->list[change->n]);
	if (status != 0) {
		change->n--;
		listeners_abort(server, &change);
		return status;
	}
	*out = change;
	return 0;
}

static void change_free(struct listen_change **change)
{
	free((*change)->list);
	free(*change);
	*change = NULL;
}

void listeners_abort(struct gw_server *server, struct listen_change **change)
{
	struct listener *l;
	size_t i;

	for (i = 0; i < (*change)->n; i++)
		listener_close((*change)->list[i]);
	DL_FOREACH (server->conns->listeners->configured, l)
		l->wanted = false;
	change_free(change);
}

/* The same door, with what the configuration says of it now. */
static struct listener *keep(struct listener *old, struct listener *l)
{
	char *protocol = old->protocol, *place = old->place;

	old->protocol = l->protocol;
	l->protocol = protocol;
	old->place = l->place;
	l->place = place;
	old->tls = l->tls;
	old->wanted = false;
	listener_unref(&l);
	return old;
}

void listeners_commit(struct gw_server *server, struct listen_change **change)
{
	struct listener **list = &server->conns->listeners->configured, *l, *next;
	size_t i;

	DL_FOREACH_SAFE (*list, l, next) {
		DL_DELETE(*list, l);
		if (!l->wanted)
			listener_close(l);
	}
	for (i = 0; i < (*change)->n; i++) {
		l = (*change)->list[i];
		if (l->successor_of != NULL)
			l = keep(l->successor_of, l);
		else if (l->open)
			l->door.loop->ops->listener_pause(&l->door, false);
		DL_APPEND(*list, l);
	}
	change_free(change);
}

void listeners_each(struct gw_server *server,
                    void (*fn)(void *ctx, const char *address, uint16_t port, const char *protocol,
                               bool tls),
                    void *ctx)
{
	struct listener *l;

	DL_FOREACH (server->conns->listeners->configured, l)
		if (l->open)
			fn(ctx, l->address, l->door.loop->ops->listener_port(&l->door), l->protocol,
			   l->tls);
}

int listener_open_unix(struct gw_server *server, struct gw_self *self, const char *path,
                       unsigned mode, uint32_t accept_row)
{
	struct listeners *all = server->conns->listeners;
	char *address = mem_printf("unix:%s", path);
	struct listener *l = listener_new(server, address);
	int status;

	free(address);
	l->mode = mode;
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

/* --- the start, and those who hold it back --- */

void listeners_wait(struct gw_server *server)
{
	server->conns->listeners->waiting = true;
}

bool listeners_held(const struct gw_server *server)
{
	return server->conns->listeners->holders != NULL;
}

static struct holder *find_holder(struct listeners *all, const struct gw_self *self)
{
	struct holder *h;

	LL_FOREACH (all->holders, h)
		if (h->module == self)
			break;
	return h;
}

void listeners_hold(struct gw_server *server, struct gw_self *self, bool on)
{
	struct listeners *all = server->conns->listeners;
	struct holder *h = find_holder(all, self);

	if (on == (h != NULL) || !all->waiting)
		return;
	server_log(server, GW_INFO, "listeners %s module=%s", on ? "held" : "released", self->name);
	if (on) {
		h = mem_alloc(sizeof(*h));
		h->module = self;
		LL_PREPEND(all->holders, h);
		return;
	}
	LL_DELETE(all->holders, h);
	free(h);
	if (all->holders == NULL)
		loop_defer(server->loop, &all->free_again);
}

static int open_list(struct listener *list, struct gw_error *err)
{
	struct listener *l;
	int status = 0;

	DL_FOREACH (list, l)
		if (status == 0)
			status = open_paused(l, err);
	return status;
}

static void shut_list(struct listener *list)
{
	struct listener *l;

	DL_FOREACH (list, l)
		listener_shut(l);
}

static void go_list(struct listener *list)
{
	struct listener *l;

	DL_FOREACH (list, l)
		l->door.loop->ops->listener_pause(&l->door, false);
}

int listeners_open(struct gw_server *server, struct gw_error *err)
{
	struct listeners *all = server->conns->listeners;
	int status = open_list(all->configured, err);

	if (status == 0)
		status = open_list(all->own, err);
	if (status != 0) {
		shut_list(all->configured);
		shut_list(all->own);
		return status;
	}
	all->waiting = false;
	go_list(all->configured);
	go_list(all->own);
	return 0;
}
