/*
 * core/signals.c - see signals.h.
 */
#include "core/signals.h"
#include "core/change.h"
#include "core/server.h"

#include <signal.h>

#define REASON "the server is shutting down"

/* Nobody is asked or told. */
static void on_interrupt(struct loop_signal *signal)
{
	signal->loop->ops->stop(signal->loop);
}

static void on_terminate(struct loop_signal *signal)
{
	struct signals *s = container_of(signal, struct signals, terminate);
	struct gw_error why = {0};

	if (s->asked)
		server_stop(s->server, REASON);
	else
		server_ask_stop(s->server, REASON, &why);
	s->asked = true;
}

static void on_hangup(struct loop_signal *signal)
{
	change_queue(container_of(signal, struct signals, hangup)->server, CHANGE_REHASH, NULL,
	             false, NULL);
}

static void catch (struct signals *s, struct loop_signal *signal, int number,
                   void (*caught)(struct loop_signal *))
{
	struct loop *loop = s->server->loop;

	signal->loop = loop;
	signal->caught = caught;
	loop->ops->signal_start(signal, number);
}

void signals_catch(struct signals *s, struct gw_server *server)
{
	s->server = server;
	catch (s, &s->interrupt, SIGINT, on_interrupt);
	catch (s, &s->terminate, SIGTERM, on_terminate);
	catch (s, &s->hangup, SIGHUP, on_hangup);
}

void signals_release(struct signals *s)
{
	s->interrupt.loop->ops->signal_stop(&s->interrupt);
	s->terminate.loop->ops->signal_stop(&s->terminate);
	s->hangup.loop->ops->signal_stop(&s->hangup);
}
