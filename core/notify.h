/*
 * core/notify.h - what the daemon tells the service manager that has started it: sd_notify(3).
 *
 * One datagram a time to the socket that NOTIFY_SOCKET names; written here rather than taken from
 * libsystemd for the reason that loop_passed.c gives. All of these do nothing for a server that
 * nobody asked to tell: in the simulator, and in a terminal.
 */
#ifndef CORE_NOTIFY_H
#define CORE_NOTIFY_H

struct gw_server;

/** Reads the environment, for the server of this process, and starts the heartbeat of
 * WATCHDOG_USEC: it comes from the loop, so a loop that hangs is noticed. */
void notify_begin(struct gw_server *server);
void notify_end(struct gw_server *server);

/** The listeners are open. */
void notify_ready(struct gw_server *server);
/** Around a rehash. */
void notify_reloading(struct gw_server *server);
void notify_reloaded(struct gw_server *server);
/** It was asked to stop, and does so when something else is done. */
void notify_stops_later(struct gw_server *server, const char *first);
void notify_stopping(struct gw_server *server);

#endif
