/*
 * core/server.h - one server: everything that it has hangs on this struct, nothing is global.
 *
 * main.c (or the simulator) makes a loop and any number of servers on it. What a module gets to see
 * of a server is its struct gw_self and the tables of functions in `api`, whose owners are named
 * here.
 */
#ifndef CORE_SERVER_H
#define CORE_SERVER_H

#include <godwit/error.h>
#include <godwit/log.h>
#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct loop;  /* loop.h */
struct conns; /* conn.h: listeners and connections of one server */
struct loop_calls;
struct config;
struct node;
struct settings;
struct log;
struct module;
struct frame;
struct gw_point;
struct notify;
struct gw_row;

extern const struct gw_mem_api mem_api;       /* mem.c */
extern const struct gw_log_api log_api;       /* log.c */
extern const struct gw_loop_api loop_api;     /* loop_api.c */
extern const struct gw_bus_api bus_api;       /* bus.c */
extern const struct gw_module_api module_api; /* module.c */
extern const struct gw_option_api option_api; /* option.c */
extern const struct gw_conn_api conn_api;     /* conn_api.c */
extern const struct gw_admin_api admin_api;   /* admin.c */

enum server_phase { SERVER_NEW, SERVER_RUNNING, SERVER_STOPPING, SERVER_STOPPED };

struct gw_server {
	struct gw_core api;
	struct loop *loop;        /* the caller's; may carry several servers */
	struct conns *conns;      /* ours, from server_new() on */
	struct loop_calls *calls; /* ours: what modules asked to be called later (loop_api.h) */
	struct log *log;
	enum server_phase phase;
	int64_t started_ns; /* monotonic */

	char *config_path;
	struct config *config;     /* the tree in force: a reload reads its module's block anew */
	struct settings *settings; /* the core's own part of it */
	char *name;                /* from the start on; before it may be "" */
	bool name_given;           /* by the command line or a verb: to be kept */
	bool in_verb;              /* a verb's function runs */
	char *verb;                /* the one that the server was started with, or NULL */
	struct node *given;        /* options that it has set (given.h), or NULL */
	bool dropped;              /* it was root at its start, and is not any more */
	int lock_fd;               /* of the state directory; -1 before server_start() */

	struct module *core;    /* the core's own commands and log lines, as if it were a module */
	struct module *modules; /* in the order of loading */
	struct module *
		gone; /* unloaded: other modules may still hold calls to them, which call nothing */
	struct module *running; /* whose code runs now; NULL outside of any module's */
	uint32_t depth; /* frames of module code on the stack; changes of modules wait for 0 */
	struct frame *measured; /* the innermost whose time is taken, or NULL (times.h) */
	uint32_t last_copy;     /* number of the last private copy of an image */

	struct gw_topic *topics;
	struct iface *ifaces;
	struct point *points;
	struct changes *changes; /* of modules, that wait for the end of the turn */
	struct gw_admin_request *requests;
	uint64_t last_request;     /* number of the last one that was begun */
	struct notify *notify;     /* NULL: no service manager wants to know */
	struct stopping *stopping; /* NULL until server_stop() */
	uint8_t hash_key[16];
	bool scan_state; /* test mode: see module_scan() */
	uint32_t stale;  /* pointers into closed images that the test mode has found */
	uint32_t leaked; /* blocks that modules left behind at their unloading */
	char stop_reason[128];
	int exit_status;
	bool again; /* when it has stopped it is to be started anew */
	void (*on_stopped)(struct gw_server *,
	                   void *ctx); /* main: break the loop; the simulator: note it */
	void *on_stopped_ctx;
};

/** Reads and checks the configuration. Opens no socket and touches nothing in the state directory.
 */
int server_new(struct loop *loop, const char *config_path, struct gw_server **out,
               struct gw_error *err);

/** What `godwit -t` does: opens the modules for their tables and their check(), then drops them. */
int server_check(struct gw_server *server, struct gw_error *err);

/** What `godwit --options` does: checks, and prints the options of the core and of these modules.
 */
int server_options(struct gw_server *server, FILE *out, struct gw_error *err);

/** State directory, modules, listeners, topic core.ready. After a failure only server_free() is
 * left to call. */
int server_start(struct gw_server *server, struct gw_error *err);

/** Nobody holds the listeners any more: opens them and says so, or ends the server. */
void server_open(struct gw_server *server);

/** In good order, at the end of the turn: topic core.stopping, queues flushed for at most a second,
 * then `on_stopped`. */
void server_stop(struct gw_server *server, const char *reason);

/** The same, if nobody has anything to do first: topic core.may-stop. Otherwise negative, with that
 * as a sentence, also in the log; who refused stops the server when it is done. */
int server_ask_stop(struct gw_server *server, const char *reason, struct gw_error *why);

/** Ends at once whatever is left: modules in reverse order, connections, the lock. Nulls `*server`.
 */
void server_free(struct gw_server **server);

/** The row of that name at an extension point ("core.protocol"), or NULL. Valid until modules
 * change. */
const struct gw_row *point_find(struct gw_server *server, const char *point, const char *name);

/** "0.1.0" */
const char *server_version(void);

/** The server a module's handle belongs to. */
struct gw_server *self_server(const struct gw_self *self);

/** The core's own handle: for gw_log(), and as the module of calls that the core makes to itself.
 */
struct gw_self *server_self(struct gw_server *server);

#define server_log(server, level, ...) log_api.line(server_self(server), (level), __VA_ARGS__)

#endif
