/*
 * core/signals.h - what the daemon does at a signal: SIGTERM, SIGINT, SIGHUP.
 */
#ifndef CORE_SIGNALS_H
#define CORE_SIGNALS_H

#include "core/loop.h"

struct gw_server;

struct signals {
	struct gw_server *server;
	struct loop_signal interrupt, terminate, hangup;
	bool asked; /* to stop, by a SIGTERM: the next one asks nobody */
};

/** From now until signals_release(). */
void signals_catch(struct signals *signals, struct gw_server *server);
void signals_release(struct signals *signals);

#endif
