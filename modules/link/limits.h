/*
 * limits.h - how many attempts there may be, and how much is said of them.
 *
 * Whoever can reach the port can begin an attempt, so there is a bound for all, one per place, and
 * a part that only places of listed servers get. A place is an IPv4 address, the first half of an
 * IPv6 address, or a Unix socket; for attempts of this server's own it is what was dialled.
 */
#ifndef LINK_LIMITS_H
#define LINK_LIMITS_H

#include <godwit/hash.h>
#include <godwit/loop.h>
#include <stdbool.h>
#include <stdint.h>

#define PLACE_MAX 320

/** What is remembered of a place while it is of interest. */
struct place {
	char name[PLACE_MAX];
	int64_t full_ns;   /* when its bucket is full again */
	int64_t seen_ns;   /* when an attempt began or ended there */
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
	uint32_t open;   /* attempts that came in, under way */
	uint32_t unsaid; /* refused without a place to say it of */
};

/** How a place is called: `address` is numeric, or "unix": then the listener's is its name. */
void place_name(const char *address, const char *listener, char out[PLACE_MAX]);

/** May an attempt from there begin? NULL: no. Else it counts until limits_end(). `listed`: the
 * services database has a server there. */
struct place *limits_begin(struct gw_self *self, struct limits *l, const char *name, bool listed);
void limits_end(struct gw_self *self, struct limits *l, struct place *place);
/** The place of this server's own attempt, or of one that was refused; NULL: there is none, and
 * none is made unless `make`. */
struct place *limits_place(struct gw_self *self, struct limits *l, const char *name, bool make);
/** Whether one more line of log may be written of the place now. */
bool limits_may_say(struct place *place, int64_t now_ns);

/** Tells how many ends went unsaid at a place. `name` NULL: at no place in particular. */
typedef void limits_say_fn(void *ctx, const char *name, uint32_t unsaid);
/** Once a minute: says what went unsaid, and forgets places that are of no interest any more. */
void limits_minute(struct gw_self *self, struct limits *l, limits_say_fn *say, void *ctx);
void limits_free(struct gw_self *self, struct limits *l);

#endif
