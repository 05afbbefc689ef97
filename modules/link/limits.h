/*
 * limits.h - how many attempts there may be, and how much is said of them.
 *
 * Whoever can reach the port can begin an attempt, so there is a bound for all, one per address,
 * and a part that only addresses of listed servers get. An address is an IPv4 address, the first
 * half of an IPv6 address, or a Unix socket; for dials it is what was dialled.
 */
#ifndef LINK_LIMITS_H
#define LINK_LIMITS_H

#include <godwit/hash.h>
#include <godwit/loop.h>
#include <stdbool.h>
#include <stdint.h>

#define PLACE_MAX 320

/** What is remembered of an address while it is of interest. */
struct place {
	char address[PLACE_MAX];
	int64_t full_ns; /* when its bucket is full again */
	int64_t seen_ns;
	int64_t minute_ns; /* when the current minute of its log began */
	uint32_t open;     /* attempts under way */
	uint32_t lines;    /* of log, in this minute */
	uint32_t unsaid;   /* ends that were not logged in this minute */
	uint32_t failures; /* in a row */
	UT_hash_handle hh;
};

/** The module's options. */
struct limit_options {
	uint32_t max, per_address, reserved, bucket, per_second, hole; /* hole: 0 */
	int64_t refill_ns;
};

struct limits {
	struct limit_options options;
	struct place *places;
	int64_t full_ns; /* when the bucket of all is full again */
	uint32_t open;
	uint32_t unsaid; /* refused without a line */
};

/** May an attempt from there begin? NULL: no. Otherwise the place, which it counts for until
 * limits_end(). `listed`: the services database has a server there. */
struct place *limits_begin(struct gw_self *self, struct limits *l, const char *address,
                           bool listed);
void limits_end(struct limits *l, struct place *place);
/** The place of a dial: counts nothing but failures. */
struct place *limits_place(struct gw_self *self, struct limits *l, const char *address);
/** Whether one more line of log may be written about the place now. */
bool limits_may_say(struct place *place, int64_t now_ns);
/** Forgets what is of no interest any more; `say` is called for each place with unsaid ends. */
typedef void limits_say_fn(void *ctx, const char *address, uint32_t unsaid);
void limits_forget(struct gw_self *self, struct limits *l, limits_say_fn *say, void *ctx);
void limits_free(struct gw_self *self, struct limits *l);
/** The text under which an address is known: of IPv6 the first 64 bits. */
void place_name(const char *address, const char *listener, char out[PLACE_MAX]);

#endif
