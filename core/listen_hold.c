/*
 * core/listen_hold.c - the start: listeners wait until all modules are loaded and none holds them.
 *
 * Then all are opened, or none.
 */
#include "core/listener.h"
#include "core/listener_part.h"
#include "core/mem.h"
#include "core/server.h"
#include <stdlib.h>
#include <utlist.h>

void listeners_nobody_holds(struct loop_defer *defer)
{
	struct listeners *all = container_of(defer, struct listeners, free_again);

	if (all->waiting && all->holders == NULL)
		server_open(all->server);
}

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
			status = listener_open_paused(l, err);
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
