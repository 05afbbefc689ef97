/*
 * core/listen_change.c - the configuration's listeners, changed in two steps: prepared, then put in
 * force or dropped.
 */
#include "core/listener.h"
#include "core/listener_part.h"
#include "core/mem.h"
#include "core/server.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct listen_change {
	struct listener **list; /* in the order of the configuration */
	size_t n;
};

static struct listener *find(struct gw_server *server, const char *address)
{
	struct listener *l;

	DL_FOREACH (server->conns->listeners->configured, l)
		if (strcmp(l->address, address) == 0)
			return l;
	return NULL;
}

static const char *port_of(const char *address)
{
	return strncmp(address, "unix:", 5) != 0 ? strrchr(address, ':') : NULL;
}

/* All or nothing: the old door is open until the new one is, and both may want the same port. */
static void explain(struct gw_server *server, const struct listener *refused, int status,
                    struct gw_error *err)
{
	const char *port = port_of(refused->address), *taken;
	struct gw_error why;
	struct listener *l;

	if (status != -EADDRINUSE || port == NULL || err == NULL)
		return;
	why = *err;
	DL_FOREACH (server->conns->listeners->configured, l) {
		taken = port_of(l->address);
		if (taken == NULL || strcmp(taken, port) != 0)
			continue;
		gw_fail(err, status,
		        "%s: the server's own listener %s has that port; a rehash without any of "
		        "the two comes first",
		        why.text, l->address);
		return;
	}
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
	l->advertise = spec->advertise != NULL ? mem_strdup(spec->advertise) : NULL;
	l->tls = spec->tls;
	if (old != NULL && !old->wanted) {
		old->wanted = true;
		l->successor_of = old;
	} else if (!server->conns->listeners->waiting) {
		status = listener_open_paused(l, err);
	}
	if (status != 0) {
		explain(server, l, status, err);
		listener_unref(&l);
	}
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
	char *protocol = old->protocol, *place = old->place, *advertise = old->advertise;

	old->protocol = l->protocol;
	l->protocol = protocol;
	old->place = l->place;
	l->place = place;
	old->advertise = l->advertise;
	l->advertise = advertise;
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
