/*
 * tests/modules/rude.c - a module that does one thing wrong, of those that only show beside others:
 * it brings what toy brings, or what it brings itself already, or does not get through its load.
 * Each macro makes a variant (tests/module/local.mk).
 */
#include "toy.h"

#include <errno.h>
#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/conn.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>

#ifndef REQUIRES
#define REQUIRES NULL
#endif

struct rude_state {
	char *text;
	struct gw_timer *timer;
};

static void nothing(void *state, uint64_t tag)
{
	(void)state;
	(void)tag;
}

static const struct gw_call_row calls[] = {{"nothing", (gw_fn *)nothing}, {NULL, NULL}};

#ifdef TOPIC
static const struct gw_topic_row topics[] = {{TOPIC, GW_NOTIFICATION}, {NULL, GW_NOTIFICATION}};
#endif
#ifdef POINT
static const struct gw_point points[] = {{POINT, 16, 0}, {NULL, 0, 0}};
#endif

static const struct gw_rows rows[] = {
#ifdef COMMAND
	GW_ROWS(GW_POINT_ADMIN, ((const struct gw_admin_command[]){{.name = COMMAND}})),
#endif
#ifdef AGAIN
	GW_ROWS(GW_POINT_ADMIN,
                ((const struct gw_admin_command[]){{.name = AGAIN}, {.name = AGAIN}})),
#endif
#ifdef PROTOCOL
	GW_ROWS(GW_POINT_PROTOCOL, ((const struct gw_protocol[]){{.name = PROTOCOL}})),
#endif
#ifdef WIDE
	{.point = "toy.row", .rows = calls, .count = 1, .size = 8},
#endif
	{NULL, NULL, 0, 0}};

/** Takes memory and a timer, and then cannot go on; the timer it forgets. */
static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct rude_state *rude = state;

	(void)why;
	rude->text = gw_strdup(self, "half-way");
	rude->timer = gw_timer_new(self, gw_call(self, 0, 0));
	gw_timer_set(rude->timer, self, GW_MS);
#ifdef HALF
	gw_free(self, rude->text);
	return gw_fail(err, -EIO, "the disk is not to be had");
#endif
	(void)err;
	return 0;
}

static void unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct rude_state *rude = state;

	if (why == GW_UNLOAD_LAST)
		gw_free(self, rude->text);
}

GW_MODULE(rude) = {
	.abi = GW_ABI,
	.name = "rude",
	.version = "1.0",
	.requires = REQUIRES,
	.calls = calls,
#ifdef TOPIC
	.topics = topics,
#endif
#ifdef POINT
	.points = points,
#endif
	.rows = rows,
	.state_size = sizeof(struct rude_state),
	.state_version = 1,
	.load = load,
	.unload = unload,
};
