/*
 * core/listener_part.h - what listener.c, listen_change.c and listen_hold.c share.
 */
#ifndef CORE_LISTENER_PART_H
#define CORE_LISTENER_PART_H

#include "core/conn.h"
#include "core/listener.h"

/** A module that holds the listeners. */
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

/* listener.c */
struct listener *listener_new(struct gw_server *server, const char *address);
/** Whoever comes waits until it is no longer paused. */
int listener_open_paused(struct listener *l, struct gw_error *err);
void listener_shut(struct listener *l);
/** Shuts it and lets go of it. */
void listener_close(struct listener *l);

/* listen_hold.c: what `free_again` calls. */
void listeners_nobody_holds(struct loop_defer *defer);

#endif
