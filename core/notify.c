/*
 * core/notify.c - see notify.h.
 */
#include "core/notify.h"
#include "core/conn.h"
#include "core/loop.h"
#include "core/mem.h"
#include "core/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK (5 * GW_SECOND) /* between two looks at what the status says */

struct notify {
	struct gw_server *server;
	char *address;
	struct loop_timer beat, look;
	int64_t beat_ns; /* half of what the manager waits; 0: it does not watch */
	bool ready;
	char first[200];  /* what is done before it stops, or "" */
	char status[300]; /* as it was told last */
};

static void tell(struct notify *n, const char *text)
{
	struct loop *loop = n->server->loop;

	loop->ops->tell_manager(loop, n->address, text);
}

/** "120 connections; stops when: 20 clients have been moved" */
static void status_text(const struct notify *n, char *out, size_t size)
{
	const struct gw_server *s = n->server;

	if (s->phase == SERVER_STOPPING)
		snprintf(out, size, "stopping: %s", s->stop_reason);
	else if (!n->ready)
		snprintf(out, size, "starting: the listeners are not open yet");
	else
		snprintf(out, size, "%zu connections%s%s", conns_count(s->conns),
		         n->first[0] != '\0' ? "; stops later, first: " : "", n->first);
}

/** `what` is lines that end with \n, or "": then nothing is told that is known already. */
static void tell_with_status(struct notify *n, const char *what)
{
	char status[sizeof(n->status)], *text;

	status_text(n, status, sizeof(status));
	if (what[0] == '\0' && strcmp(status, n->status) == 0)
		return;
	memcpy(n->status, status, sizeof(status));
	text = mem_printf("%sSTATUS=%s", what, status);
	tell(n, text);
	free(text);
}

static void look(struct loop_timer *timer)
{
	tell_with_status(container_of(timer, struct notify, look), "");
	timer->loop->ops->timer_set(timer, LOOK);
}

static void beat(struct loop_timer *timer)
{
	struct notify *n = container_of(timer, struct notify, beat);

	tell(n, "WATCHDOG=1");
	timer->loop->ops->timer_set(timer, n->beat_ns);
}

/** 0: nobody watches, or somebody else is watched. */
static int64_t watch_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	long long n = usec != NULL ? atoll(usec) : 0;

	if (pid != NULL && atoll(pid) != getpid())
		return 0;
	return n > 0 && n < INT64_MAX / 1000 ? n * 1000 : 0;
}

static void timer_begin(struct notify *n, struct loop_timer *timer,
                        void (*fired)(struct loop_timer *), int64_t after_ns)
{
	timer->loop = n->server->loop;
	timer->fired = fired;
	timer->loop->ops->timer_set(timer, after_ns);
}

void notify_begin(struct gw_server *server)
{
	const char *address = getenv("NOTIFY_SOCKET");
	struct notify *n;

	if (address == NULL || address[0] == '\0' || server->loop->ops->tell_manager == NULL)
		return;
	n = server->notify = mem_alloc(sizeof(*n));
	n->server = server;
	n->address = mem_strdup(address);
	n->beat_ns = watch_ns() / 2;
	timer_begin(n, &n->look, look, 0);
	timer_begin(n, &n->beat, beat, n->beat_ns > 0 ? 0 : -1);
}

void notify_end(struct gw_server *server)
{
	struct notify *n = server->notify;

	if (n == NULL)
		return;
	server->loop->ops->timer_set(&n->look, -1);
	server->loop->ops->timer_set(&n->beat, -1);
	free(n->address);
	free(n);
	server->notify = NULL;
}

void notify_ready(struct gw_server *server)
{
	if (server->notify == NULL)
		return;
	server->notify->ready = true;
	tell_with_status(server->notify, "READY=1\n");
}

void notify_reloading(struct gw_server *server)
{
	char text[80];

	if (server->notify == NULL || !server->notify->ready)
		return;
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	         server->loop->ops->mono_ns(server->loop) / 1000);
	tell(server->notify, text);
}

void notify_reloaded(struct gw_server *server)
{
	if (server->notify != NULL && server->notify->ready)
		tell_with_status(server->notify, "READY=1\n");
}

void notify_stops_later(struct gw_server *server, const char *first)
{
	struct notify *n = server->notify;

	if (n == NULL)
		return;
	snprintf(n->first, sizeof(n->first), "%s", first);
	tell_with_status(n, "");
}

void notify_stopping(struct gw_server *server)
{
	if (server->notify != NULL)
		tell_with_status(server->notify, "STOPPING=1\n");
}
