/*
 * godwit/policy.h - who should be moved whither: the interface "policy" 1.0.
 *
 * The module balance looks at the servers of the network now and then, asks the policy, and has the
 * moves made. A policy is a module that provides this interface; exactly one is loaded, and it may
 * be replaced while moves are under way. It decides by what it is given, keeps what state it likes,
 * and does nothing else. Every server asks its own policy about its own clients only: two servers
 * that see the same figures must come to plans that fit together.
 */
#ifndef GODWIT_POLICY_H
#define GODWIT_POLICY_H

#include <godwit/error.h>
#include <godwit/network.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A server as the policy sees it. */
struct gw_policy_server {
	uint64_t run;
	const char *name;
	bool here;
	bool takes; /* clients: in sight with all its state, not draining, with room */
	bool draining;
	uint8_t reserved[5];
	uint32_t clients; /* at home there, as far as is known here; those whom this server is
	                     moving there are counted there already */
	uint32_t movable; /* of `here`: clients that are able, and have not been moved too recently
	                   */
	uint32_t weight;  /* capacity beside the others'; at least 1 */
	uint32_t room;    /* how many more it would take; 0: none */
	uint32_t lag_us;  /* of its loop */
	uint32_t age_ms;  /* of what it has reported: weight, room, lag, bytes. UINT32_MAX: it has
	                     not reported anything yet */
	uint64_t bytes;   /* a second */
};

/** The network at a moment, sorted by name: the same on all servers but for the age of figures. */
struct gw_policy_view {
	const struct gw_policy_server *servers;
	size_t n;
	size_t here;    /* index of this server */
	int64_t now_ns; /* monotonic */
};

/** So many clients from here to there. */
struct gw_policy_order {
	size_t to;         /* index of a server that takes clients */
	uint32_t count;    /* so many of this server's clients */
	uint32_t reserved; /* 0 */
};

/** The interface "policy" 1.0, which a module provides for `balance` to ask. */
struct gw_policy_ops {
	/** What should be moved from here, now: at most `max` orders; returns how many. Called
	 * every few seconds; what it says now replaces what it said before. */
	size_t (*plan)(void *policy, const struct gw_policy_view *, struct gw_policy_order *out,
	               size_t max);
	/** Where one client that must leave this server should go; -1: nobody takes it. */
	int (*recipient)(void *policy, const struct gw_policy_view *);
	/** A client asks to be moved, to the server `wanted` (an index) or anywhere (-1): the index
	 * of where it may go, or -EPERM with the reason for the client. */
	int (*asked)(void *policy, const struct gw_policy_view *, int wanted, struct gw_error *why);
	/** A new client has come: where it should rather go, or -1: it is welcome. */
	int (*newcomer)(void *policy, const struct gw_policy_view *);
	/** Its name and what it goes by, in a line for operators. */
	void (*describe)(void *policy, char *out, size_t max);
};

#endif
