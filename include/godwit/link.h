/*
 * godwit/link.h - connections between servers: the interface "link" 1.0.
 *
 * A link is up when the handshake has proved who is at its other end; the module `burst` then
 * brings both sides together, and makes it live: from then on the link carries events. All that
 * passes are frames, in one order, and a frame is applied, with all that follows from it, before
 * the next is looked at. A module that has frames of its own contributes a row at the point
 * "link.kind".
 *
 * Links form a tree: what is to reach everybody is passed on to every link but the one it came by.
 * Loop thread only.
 */
#ifndef GODWIT_LINK_H
#define GODWIT_LINK_H

#include <godwit/call.h>
#include <godwit/network.h>
#include <godwit/services.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_FRAME_MAX 131072 /* bytes of a body */
#define GW_BULK_MAX 65536   /* bulk enters a link's queue only while that holds less */

/** A link. Read only, borrowed for the turn; keep its id. */
struct gw_link {
	uint64_t id;         /* the `via` of network.h; never used again while the server runs */
	const char *name;    /* of the server at the other end, as the services database has it */
	struct gw_id server; /* its S entity */
	const char *address; /* of the other end, as text */
	bool source;         /* this server has dialled */
	bool live;           /* events pass */
	bool spare; /* both are in sight of each other by way of a server that leaves; until
	               this link takes that way's place no network is exchanged over it */
	uint8_t reserved[5]; /* 0 */
	int64_t since_ns;    /* monotonic: when the handshake was over */
	int64_t lag_ns;      /* round trip of the last ping, -1: none yet */
	uint64_t bytes;      /* of frames, in and out, since then */
};

/** Kinds of frames below 64 are the project's own. */
enum gw_frame_kind {
	GW_FRAME_CONTROL =
		0, /* the module link's: ping, acknowledgement, re-authentication, goodbye */
	GW_FRAME_EVENT = 1,    /* one record of network.h */
	GW_FRAME_BURST = 2,    /* the module burst's: the live network */
	GW_FRAME_SERVICES = 3, /* one message of replica.h */
	GW_FRAME_REDIRECT = 4
};

/** Whom a frame is for. */
enum gw_reach {
	GW_REACH_HOP,     /* the other end of the link */
	GW_REACH_ALL,     /* every server */
	GW_REACH_SERVER,  /* the server whose run is `to` */
	GW_REACH_SESSION, /* the server where the session `to` is at home */
	GW_REACH_CHANNEL  /* servers with a member of `channel` */
};

/** A message between servers, to be sent or as it came. */
struct gw_frame {
	uint8_t kind;
	uint8_t reach;
	bool may_drop; /* a server that does not know the kind drops it; else it passes it on */
	uint64_t to;   /* a run or a session */
	const char *channel; /* NULL: none */
	const void *body;    /* borrowed for the call */
	size_t n;
	uint64_t via; /* the link that brought it */
};

/** A row of the point "link.kind". `call` is a row of the contributor's `.calls`: gw_frame_fn,
 * called for frames of that kind that are for this server; the others are passed on without it. */
struct gw_frame_row {
	const char *name;
	uint8_t kind;
	uint32_t call;
};
#define GW_POINT_FRAME "link.kind"
/** Not 0: a breach of the protocol. The link is closed with `why`, which is logged with its name.
 */
typedef int gw_frame_fn(void *state, const struct gw_link *, const struct gw_frame *,
                        struct gw_error *why);

/** Topics. "link.up" and "link.room": const struct gw_link *. */
#define GW_TOPIC_LINK_UP "link.up"           /* the handshake is over */
#define GW_TOPIC_LINK_ROOM "link.room"       /* a queue that was full of bulk has room again */
#define GW_TOPIC_LINK_DOWN "link.down"       /* struct gw_link_end: once for each that was up */
#define GW_TOPIC_LINK_SERVERS "link.servers" /* NULL: n_uplinks() may have changed */
struct gw_link_end {
	const struct gw_link *link;
	const char *reason;
};

/** Why a link is closed, as the other side is told. */
enum gw_goodbye {
	GW_BYE_QUIT = 1,     /* the server ends, or an operator closes the link */
	GW_BYE_CIRCLE = 2,   /* the other side is in sight over another link: kept as a spare */
	GW_BYE_DOUBLE = 3,   /* another link between the two stays */
	GW_BYE_REFUSED = 4,  /* removed, expired, behind...: the text says it */
	GW_BYE_PROTOCOL = 5, /* what came was malformed or forged */
	GW_BYE_SLOW = 6,     /* the queue was over its bound, or nothing was taken for too long */
	GW_BYE_SILENT = 7,   /* no ping came */
	GW_BYE_DONE = 8      /* a join is complete: the new server comes back as a member */
};

#define GW_UPLINKS_UNKNOWN ((size_t)-1)

/** The interface "link" 1.0. Loop thread only. */
struct gw_link_ops {
	/** All links that are up; `after` NULL starts, NULL ends. */
	const struct gw_link *(*next)(void *link, const struct gw_link *after);
	const struct gw_link *(*find)(void *link, uint64_t id); /* NULL: not up any more */
	/** Queues a frame for one link's other end (GW_REACH_HOP). -ENOTCONN. */
	int (*send)(void *link, uint64_t id, uint8_t kind, const void *body, size_t n);
	/** Sends a frame where its reach says. -ENOTCONN: there is no way there. */
	int (*route)(void *link, const struct gw_frame *);
	/** Bytes of bulk that the link's queue takes now. 0: "link.room" will be told, once. */
	size_t (*room)(void *link, uint64_t id);
	/** From now on, or not any more, records of "network.record" go over the link. Of a spare:
	 * the databases have accepted each other; it becomes live when its time has come. */
	void (*set_live)(void *link, uint64_t id, bool live);
	/** Says goodbye and closes the link. `text` is a sentence for the log of both sides. */
	void (*close)(void *link, uint64_t id, enum gw_goodbye, const char *text);
	/** Dials a server that the services database does not have, as a new one: `key` is its
	 * public key as text. At most one at a time; repeated with back-off until cancel_join() or
	 * a link is up. -EINVAL, with a sentence. */
	int (*join)(void *link, const char *address, const char *key, struct gw_error *err);
	void (*cancel_join)(void *link);
	/** This server's public key, as text. */
	void (*own_key)(void *link, char out[64]);
	/** Whether the services database has a living server of that name (NULL: any) with that
	 * live key (as text). */
	bool (*lists_key)(void *link, const char *server, const char *key);
	/** How another server of the services database can be reached: its address and live key (as
	 * text); first those that are linked, each `turn` another. -ENOENT: there is none. */
	int (*way_in)(void *link, size_t turn, char address[300], char key[64]);
	/** Servers that could be dialled: in the services database, with an address, not this one.
	 * GW_UPLINKS_UNKNOWN until the database has been asked. */
	size_t (*n_uplinks)(void *link);
	/** This server is about to end: those that it links are to be linked with each other first,
	 * so that nobody goes out of sight of anybody. Gives the number of links that are one too
	 * many. 0: there is nothing to be done; else `said` (gw_leave_fn) is told what is done, and
	 * that it is over. From here on it neither dials nor lets anybody in. */
	size_t (*leave)(void *link, struct gw_call said);
	/** It stays. What has been done remains; `said` is called no more. */
	void (*stay)(void *link);
};

/** `over`: that was all, and `links` are left, which is one if all went well. */
typedef void gw_leave_fn(void *state, uint64_t tag, bool over, size_t links, const char *text);

#endif
