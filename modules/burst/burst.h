/*
 * burst.h - what follows when a link comes up: the parts of the module burst.
 *
 *     burst.c     descriptor, load and unload; glue between link, services and network
 *     peers.c     one per link: hello accepted, settled, refused; services messages in and out
 *     live.c      the live network over a link: begin, records, end; both directions at once
 *     open.c      when this server's listeners open: settled, alone, or 30 s without an uplink
 *     join.c      a new server: from an address and a key to a member (states KEY ... MEMBER)
 *     joinfile.c  the file `join` in the state directory: what a start goes on with
 *     verb.c      godwit join
 */
#ifndef BURST_BURST_H
#define BURST_BURST_H

#include <godwit/bus.h>
#include <godwit/hash.h>
#include <godwit/link.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/replica.h>
#include <godwit/verb.h>

/** Rows of `.calls`; new ones at the end. */
enum burst_call {
	CALL_NONE,
	CALL_LINK_UP,
	CALL_LINK_DOWN,
	CALL_LINK_ROOM,
	CALL_FRAME_BURST,
	CALL_FRAME_SERVICES,
	CALL_PEER_SEND,
	CALL_PEER_NEWS,
	CALL_CIRCLE,
	CALL_OPEN_TIMER,
	CALL_MEMBERSHIP,
	CALL_FIRST,     /* question services.first */
	CALL_VERB_JOIN, /* gw_verb_fn */
	CALL_JOIN_TIMER,
	CALL_SET_ASIDE,
	CALL_STATUS,
	CALL_PUMP,
	CALL_SERVERS,
	CALL_LINKS
};

/** What the file `join` says. */
struct join_order {
	char name[GW_SERVER_MAX + 1];   /* of this server */
	char address[300];              /* of a member */
	char key[64];                   /* its public key, as text */
	char member[GW_SERVER_MAX + 1]; /* its name, as it has said; "": not yet */
	bool again;                     /* a member's database is to be set aside */
	bool begun;     /* data has come: if the database is a member's, this join has made it so */
	bool then_exit; /* end the server when it is a member */
};

enum join_state {
	JOIN_NONE, /* this server joins nothing */
	JOIN_KEY,  /* for a moment: the file was read, the database's state is not known yet */
	JOIN_DIAL,
	JOIN_NEW,
	JOIN_BURST,
	JOIN_LEAVE,
	JOIN_BACK,
	JOIN_MEMBER
};

/** One per link, from "link.up" to "link.down". The live network goes both ways at once, each side
 * for itself: BEGIN when the databases have accepted each other, records once both have begun, END.
 */
struct peer {
	uint64_t link;
	char name[GW_SERVER_MAX + 1];
	bool open;           /* in the services database's exchange */
	bool joiner;         /* this server joins by it */
	bool accepted;       /* by both databases: the live network may pass */
	bool settled;        /* the databases are level, as far as was said last */
	bool begun, began;   /* BEGIN: we have sent it, they have */
	bool bursting;       /* our records are on their way: `cursor` */
	bool ended, end;     /* END: we have sent it, they have */
	bool bound;          /* the network knows the link: via_drop() is due at its end */
	bool closing;        /* goodbye was said */
	uint8_t reserved[5]; /* 0 */
	struct gw_stamp joint;
	struct gw_burst_cursor cursor;
	uint64_t records_in, records_out, refused;
	int64_t since_ns;
	UT_hash_handle hh;
};

struct burst_state {
	struct gw_self *self;
	struct gw_iface *link, *replica, *network;
	struct peer *peers;

	bool pumping; /* a look at what links can take is due at the end of the turn */

	/* open.c */
	struct gw_timer *open_timer;
	bool held;         /* the listeners wait for this module */
	bool ever_settled; /* all that one neighbour has is here */
	bool waited;       /* nobody was in reach for long enough */

	/* join.c */
	enum join_state join;
	struct join_order order;
	uint64_t join_link; /* the link by which this server joins; 0: none */
	struct gw_timer *join_timer;
	int64_t join_since_ns, told_ns; /* the beginning; of the last line on the terminal */
	uint64_t told_bytes;            /* as it said */
	int64_t join_retry_ns;          /* the pause before the next attempt */
	bool join_came;                 /* this link has brought data */
	bool setting_aside;
	uint8_t reserved[6]; /* 0 */
};

/* --- peers.c calls into join.c when this server is joining --- */

/** At load: reads the file `join`, decides whether this start goes on with a join. */
int join_load(struct burst_state *st, struct gw_error *err);
/** The services database's state is known, or has changed. */
void join_membership(struct burst_state *st, enum gw_membership membership);
/** A link came up while this server joins: it is the join's. */
void join_link_up(struct burst_state *st, const struct gw_link *link);
void join_link_down(struct burst_state *st, const struct gw_link *link, const char *reason);
/** News of the join's peer (the rest of peers.c's work is not done for it). */
void join_news(struct burst_state *st, uint64_t link, enum gw_peer_news news,
               const struct gw_join_progress *progress, const char *why);
/** The live network that the target sent is complete: only the servers of it are kept (join.c
 * decides when to leave). */
void join_live_end(struct burst_state *st, uint64_t link);
/** Whether this start is a join that has not ended yet: nothing opens, nothing is burst from here.
 */
static inline bool joining(const struct burst_state *st)
{
	return st->join != JOIN_NONE && st->join != JOIN_MEMBER;
}
gw_timer_fn join_tick;
gw_committed_fn join_set_aside;
gw_verb_fn verb_join;

/* --- joinfile.c --- */

/** Writes it, durably (0600). */
int joinfile_write(const char *state_directory, const struct join_order *order,
                   struct gw_error *err);
/** -ENOENT: there is none. */
int joinfile_read(const char *state_directory, struct join_order *out, struct gw_error *err);
int joinfile_remove(const char *state_directory);

/* --- peers.c --- */

/** Opens the database's peer of the link: as a joiner, or as a member. */
int peer_open(struct burst_state *st, const struct gw_link *link, bool joiner);
struct peer *peer_find(struct burst_state *st, uint64_t link);
/** Both ways are through: the databases and the live network. */
bool peer_is_level(const struct peer *peer);
/** Closes the peer's link, saying why. */
void peer_goodbye(struct burst_state *st, struct peer *peer, enum gw_goodbye how, const char *why);
/** Has all links looked at, at the end of the turn: who has room gets more. */
void peers_pump_soon(struct burst_state *st);
void peers_free(struct burst_state *st);
gw_heard_fn peers_link_up, peers_link_down, peers_link_room, peers_circle, peers_status;
gw_frame_fn peers_services_frame;
gw_peer_send_fn peers_send;
gw_peer_news_fn peers_news;
gw_timer_fn peers_pump;
/** Links that came up before this module was loaded come up anew. */
gw_timer_fn peers_look;
/** The database has become readable: links that came up before get their peer. */
void peers_membership(struct burst_state *st);

/* --- live.c --- */

gw_frame_fn live_frame;
/** The databases have accepted each other: says BEGIN. */
void live_begin(struct burst_state *st, struct peer *peer);
/** Puts out records while the link takes them. */
void live_pump(struct burst_state *st, struct peer *peer);
/** Joiner: asks the target for the live network, without being part of it yet. */
void live_ask(struct burst_state *st, uint64_t link);

/* --- open.c --- */

int open_load(struct burst_state *st);
/** Something that listeners wait for has changed. */
void open_look(struct burst_state *st);
gw_timer_fn open_tick;
gw_heard_fn open_servers;

#endif
