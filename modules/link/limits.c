/*
 * limits.c - how many attempts there may be, and how much is said of them.
 *
 * Buckets are kept as the moment at which they will be full again: taking one token moves it on.
 * Places are made only for attempts that the bound of all has let in, or that are this server's
 * own, so a crowd of strangers' addresses cannot fill the memory.
 */
#include "limits.h"

#include <arpa/inet.h>
#include <stdio.h>

#define LINES_PER_MINUTE 10
#define MINUTE (60 * GW_SECOND)
#define FORGET_FAILURES (15 * MINUTE)

void place_name(const char *address, const char *listener, char out[PLACE_MAX])
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	uint8_t ip[16];

	if (strcmp(address, "unix") == 0) {
		snprintf(out, PLACE_MAX, "%s", listener);
	} else if (inet_pton(AF_INET6, address, ip) != 1) {
		snprintf(out, PLACE_MAX, "%s", address);
	} else if (memcmp(ip, mapped, sizeof(mapped)) == 0) {
		inet_ntop(AF_INET, ip + sizeof(mapped), out, PLACE_MAX);
	} else {
		memset(ip + 8, 0, 8);
		inet_ntop(AF_INET6, ip, out, PLACE_MAX);
		strcat(out, "/64");
	}
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Whether a bucket of `size` tokens, one more each `each_ns`, has one. */
static bool has_token(int64_t full_ns, int64_t now, uint32_t size, int64_t each_ns)
{
	return full_ns - now <= ((int64_t)size - 1) * each_ns;
}

static void take_token(int64_t *full_ns, int64_t now, int64_t each_ns)
{
	*full_ns = later(*full_ns, now) + each_ns;
}

static struct place *place_make(struct gw_self *self, struct limits *l, const char *name)
{
	struct place *place = gw_alloc(self, sizeof(*place));

	snprintf(place->name, sizeof(place->name), "%s", name);
	place->minute_ns = gw_mono_ns(self);
	HASH_ADD_STR(l->places, name, place);
	return place;
}

struct place *limits_place(struct gw_self *self, struct limits *l, const char *name, bool make)
{
	struct place *place;

	HASH_FIND_STR(l->places, name, place);
	if (place == NULL && make)
		place = place_make(self, l, name);
	if (place != NULL)
		place->seen_ns = gw_mono_ns(self);
	return place;
}

/* Addresses of servers have slots of their own, and are not held up by a crowd of others. */
static bool room_in_all(const struct limits *l, int64_t now, bool listed)
{
	const struct limit_options *o = &l->options;

	if (listed)
		return l->open < o->max;
	return l->open + o->reserved < o->max &&
	       has_token(l->full_ns, now, o->per_second, GW_SECOND / o->per_second);
}

struct place *limits_begin(struct gw_self *self, struct limits *l, const char *name, bool listed)
{
	const struct limit_options *o = &l->options;
	int64_t now = gw_mono_ns(self);
	struct place *place;

	if (!room_in_all(l, now, listed))
		return NULL;
	place = limits_place(self, l, name, true);
	if (place->open >= o->per_address ||
	    !has_token(place->full_ns, now, o->bucket, o->refill_ns))
		return NULL;
	take_token(&place->full_ns, now, o->refill_ns);
	if (!listed)
		take_token(&l->full_ns, now, GW_SECOND / o->per_second);
	place->open++;
	l->open++;
	return place;
}

void limits_end(struct gw_self *self, struct limits *l, struct place *place)
{
	place->open--;
	l->open--;
	place->seen_ns = gw_mono_ns(self);
}

bool limits_may_say(struct place *place, int64_t now_ns)
{
	if (now_ns - place->minute_ns >= MINUTE) {
		place->minute_ns = now_ns;
		place->lines = 0;
	}
	if (place->lines < LINES_PER_MINUTE) {
		place->lines++;
		return true;
	}
	place->unsaid++;
	return false;
}

/* What it still says about itself: attempts, an empty bucket, a row of failures. */
static bool of_interest(const struct place *place, int64_t now)
{
	int64_t idle = now - place->seen_ns;

	return place->open > 0 || place->full_ns > now || idle < MINUTE ||
	       (place->failures > 0 && idle < FORGET_FAILURES);
}

static void say_unsaid(uint32_t *unsaid, const char *name, limits_say_fn *say, void *ctx)
{
	if (*unsaid > 0)
		say(ctx, name, *unsaid);
	*unsaid = 0;
}

void limits_minute(struct gw_self *self, struct limits *l, limits_say_fn *say, void *ctx)
{
	int64_t now = gw_mono_ns(self);
	struct place *place, *next;

	say_unsaid(&l->unsaid, NULL, say, ctx);
	HASH_ITER (hh, l->places, place, next) {
		say_unsaid(&place->unsaid, place->name, say, ctx);
		if (of_interest(place, now))
			continue;
		HASH_DEL(l->places, place);
		gw_free(self, place);
	}
}

void limits_free(struct gw_self *self, struct limits *l)
{
	struct place *place, *next;

	HASH_ITER (hh, l->places, place, next) {
		HASH_DEL(l->places, place);
		gw_free(self, place);
	}
}
