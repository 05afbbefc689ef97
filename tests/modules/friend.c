/*
 * tests/modules/friend.c - a module that depends on toy; built under several names (NAME, LETTER,
 * PRIORITY), so that the order at the bus shows.
 */
#include "toy.h"

#include <errno.h>
#include <godwit/bus.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <string.h>

#ifndef LETTER
#define LETTER "a"
#endif
#ifndef PRIORITY
#define PRIORITY 0
#endif
#ifndef REQUIRES
#define REQUIRES "toy 1.0"
#endif
#ifndef ROW
#define ROW LETTER
#endif
#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)
#define MODULE(n) GW_MODULE(n)

struct friend_state {
	struct gw_iface *toy;
	uint64_t heard;
};

enum { CALL_HEARD, CALL_ASKED };

static void heard(void *state, uint64_t tag, const void *payload)
{
	struct friend_state *s = state;
	struct toy_said *said = (struct toy_said *)(uintptr_t)payload;

	(void)tag;
	s->heard++;
	strcat(said->heard, LETTER);
}

static int asked(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	struct toy_said *said = payload;

	(void)state;
	(void)tag;
	strcat(said->heard, LETTER);
#ifdef REFUSES
	why->code = 404;
	return gw_fail(why, -EPERM, "%s says no", TEXT(NAME));
#endif
	(void)why;
	return 0;
}

static int friend_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct friend_state *s = state;

	(void)why;
#ifdef FAILS
	return gw_fail(err, -EIO, "%s does not like it here", TEXT(NAME));
#endif
	(void)err;
	s->toy = gw_interface(self, "toy");
	return 0;
}

/** What it requires is there to the last. */
static void friend_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct friend_state *s = state;

	(void)self;
	if (why == GW_UNLOAD_LAST && s->toy->ops != NULL)
		GW_VIA(s->toy, toy_ops, part);
}

static const struct gw_call_row calls[] = {[CALL_HEARD] = {"heard", (gw_fn *)heard},
                                           [CALL_ASKED] = {"asked", (gw_fn *)asked},
                                           {NULL, NULL}};

static const struct gw_subscription subscriptions[] = {
	{"toy.said", PRIORITY, CALL_HEARD}, {"toy.may", PRIORITY, CALL_ASKED}, {NULL, 0, 0}};

static const struct toy_row own_rows[] = {{ROW, 10}};
static const struct gw_rows rows[] = {GW_ROWS("toy.row", own_rows), {NULL, NULL, 0, 0}};

#ifdef PROVIDES
static const struct gw_interface_row interfaces[] = {{PROVIDES, 1, 0, calls}, {NULL, 0, 0, NULL}};
#endif

MODULE(NAME) = {
	.abi = GW_ABI,
	.name = TEXT(NAME),
	.version = "1.0",
	.requires = REQUIRES,
#ifdef PROVIDES
	.interfaces = interfaces,
#endif
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct friend_state),
	.state_version = 1,
	.load = friend_load,
	.unload = friend_unload,
};
