/*
 * godwit/replica.h - the services database between servers: the interface "replica" 1.0, of the
 * module services.
 *
 * Every server holds the whole database; what is committed anywhere reaches all. Per link there is
 * one peer here, which speaks messages (SV_HELLO, SV_CELLS, ...) and knows nothing of connections:
 * whoever carries them (the module burst, over frames of link.h) hands in what came and puts out
 * what it is given. Rounds of cells go both ways until vectors are equal: a change made a moment
 * ago, a delta after a split and weeks of absence are the same code. A new server gets the whole
 * database by a join. modules/services/services.md says how, and what the messages look like.
 *
 * Loop thread only. Nothing blocks.
 */
#ifndef GODWIT_REPLICA_H
#define GODWIT_REPLICA_H

#include <godwit/call.h>
#include <godwit/error.h>
#include <godwit/services.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_REPLICA_MESSAGE_MAX 98304 /* bytes of a message */

/** What this server's database is. */
enum gw_membership {
	GW_MEMBER_UNKNOWN, /* not read yet */
	GW_MEMBER_EMPTY,   /* nothing in it, and "services.first" was refused */
	GW_MEMBER_JOINING, /* part of a network's data: a join was begun */
	GW_MEMBER_FULL,    /* a member of its network (perhaps its only one) */
	GW_MEMBER_LOST /* it was put back from an old copy, expired, or fell behind: it must join
	                  again, and takes no writes */
};

/** Question, asked when the database is found empty: shall this server be a network of its own?
 * Payload NULL. Refused: it stays GW_MEMBER_EMPTY until a join. */
#define GW_TOPIC_SERVICES_FIRST "services.first"
/** Notification; const enum gw_membership *: at the start and whenever it changes. */
#define GW_TOPIC_MEMBERSHIP "services.membership"

/** What happens to a peer. */
enum gw_peer_news {
	GW_PEER_ACCEPTED, /* both hellos were good, and both are members: the live network may go
	                     over the link */
	GW_PEER_SETTLED,  /* each has what the other had when they met; comes again when nothing is
	                     owed after that was not so for seconds */
	GW_PEER_REFUSED,  /* close the link: this side or the other will not go on; `why` says which
	                     and why, for log and goodbye */
	GW_PEER_SERVING,  /* the peer is new and gets the database from here */
	GW_PEER_PROGRESS, /* of a join, on either side: see gw_join_progress; about once a second */
	GW_PEER_VERIFIED, /* joiner: all is here, count and digest are right; live network follows
	                   */
	GW_PEER_RETIRED,  /* joiner: it must not go on: the server was removed, or another machine
	                     joins with its key; GW_PEER_REFUSED follows */
	GW_PEER_JOINED /* joiner: this server is a member, durably: leave, and come again. Target:
	                  the peer has said so */
};

/** How far the copy of the database has come. */
struct gw_join_progress {
	uint64_t cells, bytes;             /* so far */
	uint64_t cells_about, bytes_about; /* in all, about */
	bool resumed;                      /* a join that had been broken off */
	uint8_t reserved[7];               /* 0 */
};

/** `why` and `progress`: NULL where they mean nothing. */
typedef void gw_peer_news_fn(void *state, uint64_t link, enum gw_peer_news,
                             const struct gw_join_progress *progress, const char *why);
/** Puts a message into the link's queue; always takes it. Called only while something is left of
 * what room() allowed last (so the last message may go beyond it), but for hello, acknowledgements
 * and refusals, which are short. */
typedef void gw_peer_send_fn(void *state, uint64_t link, const void *message, size_t n);

/** A link that is up, as the exchange of the database is to know it. Strings are copied. */
struct gw_peer_spec {
	uint64_t link;       /* its tag in both calls */
	struct gw_id server; /* its S entity, as the handshake proved it; joiner: none */
	const char *name;
	bool joiner;         /* this server is new, and joins by this peer */
	struct gw_call send; /* gw_peer_send_fn; the tag is ignored */
	struct gw_call news; /* gw_peer_news_fn; the tag is ignored */
};

/** A server's place in the database's exchange, for status and `services status`. */
struct gw_peer_state {
	bool accepted, settled;
	uint64_t owed;     /* cells of ours that it has not confirmed, about */
	uint64_t buffered; /* bytes of an unfinished round from it */
};

/** The interface "replica" 1.0. Loop thread only. */
struct gw_replica_ops {
	enum gw_membership (*membership)(void *services);
	/** This server's S entity and the O entity of its database's life; none until read. */
	void (*identity)(void *services, struct gw_id *server_out, struct gw_id *life_out);
	/** A link is up: says hello. -EEXIST: that link has a peer. -EAGAIN: the database is not
	 * read yet, or must be got by a join first (and `joiner` is not set). */
	int (*open)(void *services, const struct gw_peer_spec *);
	/** The link is down. */
	void (*close)(void *services, uint64_t link);
	/** A message came. -EBADMSG, with a sentence: a breach; the caller closes the link. */
	int (*input)(void *services, uint64_t link, const void *message, size_t n,
	             struct gw_error *why);
	/** The link takes so many bytes now, in place of what was said before. Sending goes on
	 * within this call, and later by itself until they are used up. */
	void (*room)(void *services, uint64_t link, size_t bytes);
	int (*peer)(void *services, uint64_t link, struct gw_peer_state *out); /* -ENOENT */
	/** Joiner, after GW_PEER_VERIFIED: makes this server a member; GW_PEER_JOINED follows. */
	int (*become_member)(void *services, uint64_t link);
	/** Sets the database aside (`services.aside-N` beside it) and starts empty; then `done`
	 * (gw_committed_fn; `made` none) and GW_TOPIC_MEMBERSHIP. For a server that joins again. */
	int (*set_aside)(void *services, struct gw_call done);
	/** Calls `done` (gw_committed_fn) with 0 as soon as a neighbour has the transaction
	 * durably, -ETIMEDOUT after `within_ns`, -ENOTCONN when no neighbour is linked that has
	 * settled, or the last one goes. Always in a later turn. `made` is `stamp`. -EAGAIN: too
	 * many wait. */
	int (*second_copy)(void *services, struct gw_stamp stamp, int64_t within_ns,
	                   struct gw_call done);
	/** Whether every member of the network has acknowledged `stamp` (then a name that was
	 * claimed with it is settled for good). `away` gets names of those that have not, joined by
	 * ", ". */
	bool (*everywhere)(void *services, struct gw_stamp stamp, char *away, size_t max);
};

#endif
