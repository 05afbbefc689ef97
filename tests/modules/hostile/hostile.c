/*
 * tests/modules/hostile/hostile.c - a member that has gone bad: beside what its server honestly
 * says it sends changed, cut and repeated records, frames of all kinds with nonsense in them, and
 * messages of the services database that nobody could mean.
 *
 *     hostile begin      from now on, a few every ten milliseconds
 *     hostile end
 *     hostile count      how many frames were sent
 */
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/link.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <stdio.h>
#include <string.h>

#define KEPT 64
#define PERIOD (10 * GW_MS)
#define INTRODUCTION GW_KIND(32, GW_KIND_FORWARD) /* of a server, in a burst */

enum { CALL_NONE, CALL_RECORD, CALL_TICK, CALL_BEGIN, CALL_END, CALL_COUNT };

struct kept {
	uint32_t n;
	uint8_t bytes[1020];
};

struct hostile {
	struct gw_self *self;
	struct gw_iface *link, *network;
	struct gw_timer *timer;
	uint64_t sent;
	uint32_t n_kept;
	uint32_t reserved; /* 0 */
	struct kept kept[KEPT];
};

static uint64_t draw(struct hostile *st, uint64_t n)
{
	return gw_random_u64(st->self) % n;
}

static void heard_record(void *state, uint64_t tag, const struct gw_record *record)
{
	struct hostile *st = state;
	struct kept *kept;

	(void)tag;
	/* A member may lie about which servers are behind it: honest links then close for the sake
	 * of a circle, and come back. That is said in network.md; here links shall stay up. */
	if (record->len > sizeof(kept->bytes) || record->kind == INTRODUCTION)
		return;
	kept = &st->kept[st->n_kept++ % KEPT];
	kept->n = (uint32_t)record->len;
	memcpy(kept->bytes, record->bytes, record->len);
}

static const struct gw_link *some_link(struct hostile *st)
{
	return GW_VIA(st->link, gw_link_ops, next, NULL);
}

static void send(struct hostile *st, uint8_t kind, const void *body, size_t n)
{
	const struct gw_link *link = some_link(st);

	if (link == NULL)
		return;
	GW_VIA(st->link, gw_link_ops, send, link->id, kind, body, n);
	st->sent++;
}

/* What somebody said once, again, or nearly so. */
static size_t near_record(struct hostile *st, uint8_t *out)
{
	uint32_t n = st->n_kept < KEPT ? st->n_kept : KEPT;
	const struct kept *kept;
	size_t len;

	if (n == 0)
		return 0;
	kept = &st->kept[draw(st, n)];
	len = kept->n;
	memcpy(out, kept->bytes, len);
	if (draw(st, 4) == 0)
		len = draw(st, len + 1);
	for (uint64_t k = draw(st, 4); k > 0 && len > 0; k--)
		out[draw(st, len)] = (uint8_t)draw(st, 256);
	/* A later sequence passes the first test: flags, kind, run, sequence. */
	if (len > 14 && draw(st, 2) == 0)
		out[13] = (uint8_t)(out[13] + draw(st, 100));
	if (len > 0 && draw(st, 8) == 0)
		out[0] ^= 128;
	return len;
}

static void record_act(struct hostile *st)
{
	uint8_t record[1024];
	size_t n = near_record(st, record);

	send(st, GW_FRAME_EVENT, record, n);
}

static void burst_act(struct hostile *st)
{
	uint8_t body[1100];
	size_t n = near_record(st, body + 5);

	body[0] = (uint8_t)(1 + draw(st, 5));
	body[1] = body[2] = 0;
	body[3] = (uint8_t)(n >> 8);
	body[4] = (uint8_t)n;
	send(st, GW_FRAME_BURST, body, draw(st, 4) == 0 ? draw(st, n + 6) : n + 5);
}

static void nonsense_act(struct hostile *st)
{
	uint8_t body[400];
	size_t n = draw(st, sizeof(body));

	gw_random(st->self, body, sizeof(body));
	body[0] = (uint8_t)draw(st, 12);
	send(st, (uint8_t)draw(st, 8), body, n);
}

static void services_act(struct hostile *st)
{
	uint8_t body[300];
	size_t n = 1 + draw(st, sizeof(body) - 1);

	memset(body, 0, sizeof(body));
	body[0] = (uint8_t)draw(st, 12);
	for (uint64_t k = draw(st, 40); k > 0; k--)
		body[1 + draw(st, sizeof(body) - 1)] = (uint8_t)draw(st, 256);
	send(st, GW_FRAME_SERVICES, body, n);
}

static void astray_act(struct hostile *st)
{
	uint8_t body[64];
	struct gw_frame frame = {.kind = (uint8_t)draw(st, 256),
	                         .reach = (uint8_t)draw(st, 7),
	                         .may_drop = draw(st, 2) == 0,
	                         .to = draw(st, 3),
	                         .channel = "#all",
	                         .body = body,
	                         .n = draw(st, sizeof(body))};

	gw_random(st->self, body, sizeof(body));
	GW_VIA(st->link, gw_link_ops, route, &frame);
	st->sent++;
}

static void tick(void *state, uint64_t tag)
{
	static void (*const acts[])(struct hostile *) = {record_act, record_act,   record_act,
	                                                 record_act, astray_act,   burst_act,
	                                                 burst_act,  services_act, nonsense_act};
	struct hostile *st = state;
	/* What ends a link at once is rare, or nothing else would ever arrive. */
	uint64_t n = draw(st, 200) == 0 ? 9 : 5;

	(void)tag;
	for (uint64_t k = 1 + draw(st, 3); k > 0; k--)
		acts[draw(st, n)](st);
	gw_timer_set(st->timer, st->self, PERIOD);
}

static void admin_begin(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	struct hostile *st = state;

	(void)argc, (void)argv;
	gw_timer_set(st->timer, st->self, PERIOD);
	gw_admin_done(st->self, &req, 0, "");
}

static void admin_end(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct hostile *st = state;

	(void)argc, (void)argv;
	gw_timer_set(st->timer, st->self, -1);
	gw_admin_done(st->self, &req, 0, "");
}

static void admin_count(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	struct hostile *st = state;
	char text[24];

	(void)argc, (void)argv;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)st->sent);
	gw_admin_text(st->self, req, text);
	gw_admin_done(st->self, &req, 0, "");
}

static int hostile_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct hostile *st = state;

	(void)err;
	if (why == GW_LOAD_RELOAD)
		return 0;
	st->self = self;
	st->link = gw_interface(self, "link");
	st->network = gw_interface(self, "network");
	st->timer = gw_timer_new(self, gw_call(self, CALL_TICK, 0));
	return 0;
}

static void hostile_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct hostile *st = state;

	if (why == GW_UNLOAD_LAST)
		gw_timer_free(&st->timer, self);
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_RECORD] = {"record", (gw_fn *)heard_record},
	[CALL_TICK] = {"tick", (gw_fn *)tick},
	[CALL_BEGIN] = {"begin", (gw_fn *)admin_begin},
	[CALL_END] = {"end", (gw_fn *)admin_end},
	[CALL_COUNT] = {"count", (gw_fn *)admin_count},
	{NULL, NULL},
};

static const struct gw_subscription subscriptions[] = {{GW_TOPIC_RECORD, 0, CALL_RECORD},
                                                       {NULL, 0, 0}};

static const struct gw_admin_command commands[] = {
	{"hostile begin", "", "Begins.", "hostile", 0, 0, CALL_BEGIN, false, 0},
	{"hostile end", "", "Ends.", "hostile", 0, 0, CALL_END, false, 0},
	{"hostile count", "", "Says how many frames were sent.", "hostile", 0, 0, CALL_COUNT, false,
         0},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_ADMIN, commands),
	{.point = NULL},
};

GW_MODULE(hostile) = {
	.abi = GW_ABI,
	.name = "hostile",
	.version = "1.0",
	.summary = "a member that has gone bad",
	.requires = "link 1.0, network 1.0",
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct hostile),
	.state_version = 1,
	.load = hostile_load,
	.unload = hostile_unload,
};
