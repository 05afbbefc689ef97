/*
 * balance.h - the parts of the module balance, and what they need of each other.
 *
 *     load.c      this server's load report
 *     heard.c     what other servers have reported, and when; where their clients connect
 *     view.c      the network as the policy sees it
 *     pick.c      whom to move: able, rested, the least recently moved first
 *     moves.c     moves under way, and how those of the last minute ended
 *     plan.c      asks the policy now and then, and carries out what it says
 *     drain.c     sends everybody away
 *     drain_links.c   and has the servers that this one links linked with each other
 *     drain_end.c     how that ends: answers, sentences to those who stay, the server's stop
 *     drain_admin.c   the command
 *     ask.c       questions of others: may this client move, come, enter; may the server stop
 *     admin.c     the commands redirect and balance
 *     balance.c   descriptor, options, load and unload, status
 *
 * Everything is in the state, so a reload in mid-drain goes on where it was. The interfaces client,
 * redirect, policy and link may be without a provider, and come and go.
 */
#ifndef BALANCE_BALANCE_H
#define BALANCE_BALANCE_H

#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/client.h>
#include <godwit/conn.h>
#include <godwit/hash.h>
#include <godwit/link.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/metrics.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/policy.h>
#include <godwit/redirect.h>

#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)
#define CLIENT(st, ...) GW_VIA((st)->client, gw_client_ops, __VA_ARGS__)
#define REDIRECT(st, ...) GW_VIA((st)->redirect, gw_redirect_ops, __VA_ARGS__)
#define POLICY(st, ...) GW_VIA((st)->policy, gw_policy_ops, __VA_ARGS__)
#define LINK(st, ...) GW_VIA((st)->link, gw_link_ops, __VA_ARGS__)

#define MOVE_ENDS 6   /* values of enum gw_move_end */
#define WHERE_MAX 279 /* bytes of "HOST:PORT" */
#define ORDERS_MAX 64
#define WHO_MAX 128

/** What the options say, in the units of use. */
struct balance_settings {
	int64_t load_ns, plan_ns, rest_ns, within_ns;
	uint32_t weight;
	uint32_t rate, at_once;             /* of what the policy orders: a second, at one time */
	uint32_t drain_rate, drain_at_once; /* of a drain; rate 0: no limit */
	bool newcomers;                     /* are sent where the policy wants them */
	bool drain_on_stop;
	uint8_t reserved[2]; /* 0 */
};

/** Why a client is moved. */
enum move_kind { MOVE_PLANNED, MOVE_NEWCOMER, MOVE_DRAIN, MOVE_ORDER };

/** A move under way that this module has asked for. */
struct move {
	uint64_t client; /* id: the tag of the call, too */
	uint64_t to;     /* run */
	int64_t since_ns;
	struct gw_admin_request *req; /* MOVE_ORDER */
	uint8_t kind;                 /* enum move_kind */
	uint8_t reserved[7];
	char nick[GW_NICK_MAX + 1], server[GW_SERVER_MAX + 1]; /* MOVE_ORDER */
	uint8_t reserved2;
	UT_hash_handle hh;
};

/** At most so many starts a second: when the next is due. */
struct pace {
	int64_t next_ns;
};

/** What is left of an order of the policy's. */
struct planned {
	uint64_t to; /* run */
	uint32_t count;
	uint32_t reserved; /* 0 */
};

/** Block of the point "network.session-data", of a session that is at home here; monotonic, 0:
 * never. */
struct rest {
	int64_t moved_ns; /* when it came here by a move */
	int64_t tried_ns; /* when it last did not want to leave, or could not */
};
#define REST_NAME "balance.rest"

struct heard;
struct leaver;
struct watcher;
struct newcomer;

enum drain_phase {
	DRAIN_OFF,
	DRAIN_MOVING, /* there is somebody to move */
	DRAIN_WAITS,  /* for those who cannot be moved, until the server stops */
	DRAIN_DONE    /* nothing to be done; the server takes nobody */
};

/** How a drain ends. */
enum drain_end {
	DRAIN_ENDS_DONE,
	DRAIN_ENDS_LATE,      /* the time is over */
	DRAIN_ENDS_NOBODY,    /* no other server takes clients */
	DRAIN_ENDS_UNLOADED,  /* the module redirect has gone */
	DRAIN_ENDS_CANCELLED, /* `drain --cancel` */
	DRAIN_ENDS_STOPPED    /* the server stops for another reason */
};

/** Before a server stops others must not be cut off from each other by it. */
enum drain_links { LINKS_STAY, LINKS_LEAVE, LINKS_LEFT };

struct drain {
	uint8_t phase; /* enum drain_phase */
	bool then_exit;
	bool polite;   /* a stop that was asked for: those who cannot be moved are not waited for */
	bool warned;   /* shortly before the end */
	uint8_t links; /* enum drain_links */
	uint8_t reserved[3];
	uint32_t moved, refused, failed, gone;        /* clients for whom it is over */
	uint32_t n_waits, n_moving, n_unable, n_over; /* who are here, by enum leaver_state */
	int64_t since_ns, until_ns;                   /* monotonic; until 0: no end */
	int64_t nobody_ns;          /* since when nobody takes anybody; 0: somebody does */
	int64_t rate_ns, looked_ns; /* of `rate_moved`; of the last look at the unable */
	uint32_t rate_moved;        /* as many had moved then */
	uint32_t rate;              /* a second, of late */
	struct leaver *leavers;     /* by client */
	struct leaver *waits;       /* DL: to be moved, the next one first */
	struct watcher *watchers;   /* DL: whose commands wait for the end */
	struct gw_timer *tick;
	struct pace pace;
	char who[WHO_MAX], reason[200]; /* reason: of the stop */
	char said[200];                 /* of the links, last */
};

/** The state, version 1. */
struct balance_state {
	struct gw_self *self;
	struct gw_iface *network;
	struct gw_iface *client, *redirect, *policy, *link; /* may be without a provider */
	struct balance_settings settings;
	bool stopping;
	bool soon;    /* a report is due before its time */
	bool pumping; /* a deferred pump is under way */
	uint8_t reserved[5];

	/* load.c */
	struct gw_timer *load_timer, *lag_timer, *soon_timer;
	struct gw_load_report told;
	int64_t told_ns, lag_due_ns, bytes_ns;
	int64_t lag_ns; /* the worst since the last report */
	uint64_t bytes_gone, bytes_then, told_to;

	/* heard.c */
	struct heard *heard; /* by run */

	/* moves.c */
	struct move *moves;         /* by client */
	uint32_t n_moves, n_drains; /* under way, for a drain and for all else */
	struct {
		int64_t since_ns;
		uint32_t ended[MOVE_ENDS], came;
		uint32_t reserved; /* 0 */
	} minute[12];              /* of five seconds each */

	/* plan.c */
	struct gw_timer *plan_timer, *pump_timer;
	struct planned planned[ORDERS_MAX];
	size_t n_planned, next_planned;
	uint64_t *queue; /* clients to be moved for these, in this order */
	size_t n_queue, next_queue;
	struct newcomer *newcomers; /* DL */
	struct pace pace;

	/* drain*.c */
	struct drain drain;
};

/* --- load.c --- */

void load_start(struct balance_state *st);
void load_free(struct balance_state *st);
/** Reports now if something that matters to others has changed, else with the next. */
void load_look(struct balance_state *st);
/** Whether this server takes nobody, whatever room it has. */
bool takes_nobody(const struct balance_state *st);
/** How many more clients it would take now. */
uint32_t own_room(struct balance_state *st);
gw_timer_fn load_tick, load_lag, load_soon;
gw_heard_fn load_client_gone, load_link_down;

/* --- heard.c --- */

/** "HOST:PORT" where clients of that server connect, with TLS or without; NULL: not known. */
const char *heard_where(struct balance_state *st, uint64_t run, bool tls);
/** Age of its report; UINT32_MAX: there is none. */
uint32_t heard_age_ms(struct balance_state *st, uint64_t run);
void heard_report(struct balance_state *st, uint64_t run);
/** Tells the others where this server's clients connect. */
void where_tell(struct balance_state *st);
gw_kind_apply_fn where_apply;
void heard_free(struct balance_state *st);

/* --- view.c --- */

/** To be freed with view_free(), in the same turn. `movable` counts those whom pick_all() finds.
 */
void view_make(struct balance_state *st, struct gw_policy_view *out, uint32_t movable);
void view_free(struct balance_state *st, struct gw_policy_view *view);
/** A client of here is on its way to that server from now on. */
void view_moves(struct gw_policy_view *view, size_t to);
/** By name, or what is before its first dot where that is clear; -1: none. */
int view_find(const struct gw_policy_view *view, const char *name);
/** Where one who must leave should go: as the policy says, or to the least loaded; -1: nobody takes
 * it. */
int view_recipient(struct balance_state *st, const struct gw_policy_view *view);
/** Why that server takes nobody, as a sentence. */
const char *view_why_not(const struct gw_policy_server *server);

/* --- pick.c --- */

struct candidate {
	uint64_t client;
	int64_t moved_ns;
};
/** All that may be moved by a plan; to be freed. */
size_t pick_all(struct balance_state *st, struct candidate **out);
void pick_sort(struct candidate *all, size_t n);
bool pick_able(struct balance_state *st, const struct gw_client *client);
/** How long ago the session came here by a move; -1: it never did. */
int64_t moved_ago_ns(struct balance_state *st, struct gw_session *session);
/** It came just now. */
void rest_moved(struct balance_state *st, struct gw_session *session);
/** It did not leave, though it was asked. */
void rest_tried(struct balance_state *st, uint64_t session);

/* --- moves.c --- */

/** As move() of redirect.h. */
int move_begin(struct balance_state *st, struct gw_client *client, uint64_t to, enum move_kind kind,
               struct move **move_out, struct gw_error *why);
gw_move_ended_fn move_ended;
gw_heard_fn moves_told, moves_unloaded;
/** Sums of the last minute. */
void moves_minute(struct balance_state *st, uint32_t ended[MOVE_ENDS], uint32_t *came_out);
const char *move_end_name(enum gw_move_end end);
void moves_free(struct balance_state *st);

bool pace_ready(const struct pace *pace, int64_t now, uint32_t rate);
void pace_take(struct pace *pace, int64_t now, uint32_t rate);

/* --- plan.c --- */

void plan_start(struct balance_state *st);
void plan_forget(struct balance_state *st);
void plan_free(struct balance_state *st);
/** Starts what may be started, at the end of the turn. */
void pump_soon(struct balance_state *st);
gw_timer_fn plan_tick, pump, pump_deferred;
gw_heard_fn plan_welcomed;

/* --- drain.c --- */

struct drain_order {
	const char *who, *reason;
	bool then_exit, polite;
	int64_t within_ns; /* 0: no end */
};
/** -EHOSTUNREACH: nobody takes clients; with a sentence. */
int drain_begin(struct balance_state *st, const struct drain_order *order, struct gw_error *why);
/** As drain_begin(), of one that is under way: what is new in the order counts. */
void drain_change(struct balance_state *st, const struct drain_order *order);
void drain_pump(struct balance_state *st);
void drain_move_ended(struct balance_state *st, uint64_t client, uint64_t to, enum gw_move_end end);
void drain_enters(struct balance_state *st, const struct gw_client *client);
void drain_cancel_moves(struct balance_state *st);
bool drain_on(const struct balance_state *st);
/** Clients who are still here, as far as the drain knows. */
uint32_t drain_left(const struct balance_state *st);
void drain_forget(struct balance_state *st);
gw_timer_fn drain_tick;
gw_heard_fn drain_client_gone;

enum leaver_state { LEAVER_WAITS, LEAVER_MOVES, LEAVER_UNABLE, LEAVER_OVER };
/** A client while the server drains. */
struct leaver {
	uint64_t client;
	uint8_t state; /* enum leaver_state */
	uint8_t tries;
	uint8_t end; /* enum gw_move_end of the last try */
	bool told;   /* that the server goes down */
	uint8_t reserved[4];
	uint64_t tried[3]; /* runs */
	int64_t not_before_ns;
	struct leaver *prev, *next;
	UT_hash_handle hh;
};

/* --- drain_links.c --- */

/** Whether this server's end would cut others off from each other. */
bool drain_links_needed(struct balance_state *st);
/** True: it would not (any more), as far as that can be had. Else that has begun now, or goes on.
 */
bool drain_links_left(struct balance_state *st);
/** The server goes on. */
void drain_links_stay(struct balance_state *st);
gw_leave_fn drain_links_said;

/* --- drain_end.c --- */

/** Somebody whose command waits. */
void drain_watch(struct balance_state *st, struct gw_admin_request *req);
void drain_progress(struct balance_state *st);
/** Tells those who cannot be moved, and were not told yet, when the server goes down. */
void drain_tell(struct balance_state *st);
/** Tells all of them, shortly before. */
void drain_warn(struct balance_state *st);
/** Answers all who wait; what follows is up to the caller. */
void drain_answer(struct balance_state *st, enum drain_end end);
/** It is over: answers, and the server takes clients again, or stops, or stays empty. */
void drain_ends(struct balance_state *st, enum drain_end end, const char *who);
/** Whether the server stops then. */
bool drain_exits(const struct drain *drain, enum drain_end end);

/* --- drain_admin.c --- */

gw_admin_fn admin_drain;

/* --- ask.c --- */

gw_asked_fn ask_may_move, ask_may_come, ask_may_enter, ask_may_stop;

/* --- admin.c --- */

gw_admin_fn admin_redirect, admin_balance;
/** The policy's line, or that there is none. */
void policy_line(struct balance_state *st, char *out, size_t max);

/** Rows of `.calls`; new ones at the end. */
enum balance_call {
	CALL_NONE,
	CALL_LOAD_TICK,
	CALL_LOAD_LAG,
	CALL_LOAD_SOON,
	CALL_CLIENT_GONE,
	CALL_LINK_DOWN,
	CALL_WHERE,
	CALL_EVENT,
	CALL_ENDED,
	CALL_MOVE_ENDED,
	CALL_UNLOADED,
	CALL_PLAN_TICK,
	CALL_PUMP,
	CALL_PUMP_DEFERRED,
	CALL_WELCOMED,
	CALL_DRAIN_TICK,
	CALL_MAY_MOVE,
	CALL_MAY_COME,
	CALL_MAY_ENTER,
	CALL_MAY_STOP,
	CALL_REHASHED,
	CALL_STOPPING,
	CALL_STATUS,
	CALL_ADMIN_REDIRECT,
	CALL_ADMIN_BALANCE,
	CALL_ADMIN_DRAIN,
	CALL_READY,
	CALL_LINKS_SAID,
	CALL_METRICS
};

#endif
