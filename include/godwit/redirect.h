/*
 * godwit/redirect.h - moving a live client to another server: the interface "redirect" 1.0.
 *
 * A move takes a session from its home to a recipient, with the client's help (the capability
 * godwit/redirect, doc/redirect.md), and is seen by nobody. It may be refused and may fail at any
 * step: then the client stays where it is and has lost nothing. Who is moved whither is not decided
 * here: that is the module balance, and its policy. Loop thread only.
 */
#ifndef GODWIT_REDIRECT_H
#define GODWIT_REDIRECT_H

#include <godwit/client.h>
#include <godwit/network.h>
#include <stdbool.h>
#include <stdint.h>

/** How a move has ended, at the source. */
enum gw_move_end {
	GW_MOVE_DONE,      /* the session is at home on the recipient */
	GW_MOVE_REFUSED,   /* by the client */
	GW_MOVE_DENIED,    /* by the recipient, which lacks something, or has no room */
	GW_MOVE_TIMED_OUT, /* nobody came, or not in time */
	GW_MOVE_LOST,      /* the recipient went out of sight, or the module was unloaded */
	GW_MOVE_GONE       /* the client left, or was closed */
};

/** Exactly once for each move() that was 0, from a later turn or frame. `reason` is a sentence. */
typedef void gw_move_ended_fn(void *state, uint64_t tag, uint64_t session, enum gw_move_end,
                              const char *reason);

/** Payload of the question "redirect.may-move": a client asks for a move. Who answers for the
 * network's balance sets `to`; a refusal is told to the client. */
struct gw_move_query {
	const struct gw_client *client;
	const char *server; /* that it asks for, NULL: any */
	uint64_t to;        /* run; 0: nobody has said */
};
#define GW_TOPIC_MAY_MOVE "redirect.may-move"

/** Payload of the question "redirect.may-come": another server would hand a session over. A refusal
 * is that server's to hear; the client never learns of it. */
struct gw_come_query {
	const struct gw_session *session;
	const struct gw_node *from;
};
#define GW_TOPIC_MAY_COME "redirect.may-come"

/** Payload of the notification "redirect.ended", at the source and at the recipient. */
struct gw_move_end_told {
	uint64_t session;
	const struct gw_node *other; /* NULL: out of sight by now */
	bool here_is_source;
	enum gw_move_end end;
	const char *reason;
	int64_t took_ns; /* from the first message to the end */
	int64_t gap_ns;  /* in which nothing could reach the client; 0: it was not frozen */
};
#define GW_TOPIC_MOVE_ENDED "redirect.ended"

/** The interface "redirect" 1.0. Loop thread only. */
struct gw_redirect_ops {
	/** Whether the client's software can be moved, and it is in a state for it. */
	bool (*able)(void *redirect, const struct gw_client *);
	/** Begins. -EOPNOTSUPP: it is not able; -EBUSY: it is being moved already; -ENOTCONN: no
	 * such server, or it is this one; -EAGAIN: too many moves at once; all with a sentence.
	 * Never inside a notification. */
	int (*move)(void *redirect, struct gw_client *, uint64_t to, struct gw_call ended,
	            struct gw_error *why);
	/** Calls it off, while that is possible: it then ends as GW_MOVE_DENIED. -ENOENT: it is not
	 * under way; -EBUSY: the recipient has all, it is about to be done. */
	int (*cancel)(void *redirect, uint64_t session, const char *reason);
	/** Moves that are under way, from here and to here. */
	void (*pending)(void *redirect, uint32_t *from_out, uint32_t *to_out);
};

#endif
