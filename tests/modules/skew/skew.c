/*
 * tests/modules/skew/skew.c - what a later version may bring: events, frames and records of kinds
 * that other servers do not know. What it hears of them is in the log; `skew records` shows the
 * records that it finds on its server's own entity.
 */
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/link.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/services.h>
#include <string.h>

#define FRAME_KEPT 100
#define FRAME_DROPPED 101
#define CLASS_NEW 'Z'
#define FIELD_NEW 0x9abc

enum skew_call {
	CALL_NONE,
	CALL_HEARD,
	CALL_FRAME,
	CALL_SAY,
	CALL_STORED,
	CALL_RECORDS,
	CALL_RECORD
};

struct skew_state {
	struct gw_self *self;
	struct gw_iface *link, *network, *services;
	struct gw_admin_request *req;
};

#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)

static int heard(void *state, const struct gw_event *event)
{
	struct skew_state *st = state;

	gw_log(st->self, GW_INFO, "heard kind=%x body=%.*s from=%s", event->kind & 0xffff,
	       (int)event->body_len, (const char *)event->body, event->node->name);
	return 0;
}

static int frame_came(void *state, const struct gw_link *link, const struct gw_frame *frame,
                      struct gw_error *why)
{
	struct skew_state *st = state;

	(void)why;
	gw_log(st->self, GW_INFO, "frame kind=%u body=%.*s by=%s", frame->kind, (int)frame->n,
	       (const char *)frame->body, link->name);
	return 0;
}

static void route(struct skew_state *st, uint8_t kind, bool may_drop, const char *text)
{
	struct gw_frame frame = {.kind = kind,
	                         .reach = GW_REACH_ALL,
	                         .may_drop = may_drop,
	                         .body = text,
	                         .n = strlen(text)};

	GW_VIA(st->link, gw_link_ops, route, &frame);
}

static void stored(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct skew_state *st = state;

	(void)tag;
	(void)made;
	gw_admin_done(st->self, &st->req, status, status == 0 ? "" : "it was not stored");
}

/* An entity of a class that nobody knows, with a field that nobody knows. */
static int store(struct skew_state *st, const char *text)
{
	struct gw_write writes[] = {
		{.class = CLASS_NEW, .make = true, .field = GW_F_CORE, .value = {"\001", 1}},
		{.class = CLASS_NEW,
	         .make = true,
	         .field = FIELD_NEW,
	         .sub = {"sub", 3},
	         .value = {text, strlen(text)}},
	};

	return GW_VIA(st->services, gw_services_ops, commit, writes, 2,
	              gw_call(st->self, CALL_STORED, 0));
}

static void say(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct skew_state *st = state;
	size_t n = strlen(argv[0]);

	(void)argc;
	st->req = req;
	NETWORK(st, custom, NULL, "skew.kept", GW_SCOPE_ALL, NULL, NULL, argv[0], n, 0);
	NETWORK(st, custom, NULL, "skew.dropped", GW_SCOPE_ALL, NULL, NULL, argv[0], n, 0);
	route(st, FRAME_KEPT, false, argv[0]);
	route(st, FRAME_DROPPED, true, argv[0]);
	if (store(st, argv[0]) != 0)
		gw_admin_done(st->self, &st->req, -EIO, "it cannot be stored");
}

static void record(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct skew_state *st = state;
	const struct gw_cell *cell;

	(void)tag;
	if (entity == NULL) {
		gw_admin_done(st->self, &st->req, status, "");
		return;
	}
	cell = gw_entity_cell(entity, FIELD_NEW, "sub", 3);
	if (cell != NULL) {
		char text[64] = "";

		memcpy(text, cell->value.p,
		       cell->value.n < sizeof(text) ? cell->value.n : sizeof(text) - 1);
		gw_admin_text(st->self, st->req, text);
	}
}

static void records(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct skew_state *st = state;

	(void)argc;
	(void)argv;
	st->req = req;
	if (GW_VIA(st->services, gw_services_ops, walk, CLASS_NEW,
	           gw_call(st->self, CALL_RECORD, 0)) != 0)
		gw_admin_done(st->self, &st->req, -EIO, "they cannot be read");
}

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct skew_state *st = state;

	(void)why;
	(void)err;
	st->self = self;
	st->link = gw_interface(self, "link");
	st->network = gw_interface(self, "network");
	st->services = gw_interface(self, "services");
	return 0;
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_HEARD] = {"heard", (gw_fn *)heard},
	[CALL_FRAME] = {"frame", (gw_fn *)frame_came},
	[CALL_SAY] = {"say", (gw_fn *)say},
	[CALL_STORED] = {"stored", (gw_fn *)stored},
	[CALL_RECORDS] = {"records", (gw_fn *)records},
	[CALL_RECORD] = {"record", (gw_fn *)record},
	{NULL, NULL},
};

static const struct gw_kind_row kinds[] = {
	{.name = "skew.kept", .number = 1 | GW_KIND_FORWARD, .apply = CALL_HEARD},
	{.name = "skew.dropped", .number = 2 | GW_KIND_DROP, .apply = CALL_HEARD},
};

static const struct gw_frame_row frames[] = {
	{.name = "kept", .kind = FRAME_KEPT, .call = CALL_FRAME},
	{.name = "dropped", .kind = FRAME_DROPPED, .call = CALL_FRAME},
};

static const struct gw_admin_command commands[] = {
	{.name = "skew say",
         .args = "TEXT",
         .help = "Says it in all ways that others do not know.",
         .privilege = "",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_SAY},
	{.name = "skew records",
         .args = "",
         .help = "Shows what was stored in a way that others do not know.",
         .privilege = "",
         .call = CALL_RECORDS},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_KIND, kinds),
	GW_ROWS(GW_POINT_FRAME, frames),
	GW_ROWS(GW_POINT_ADMIN, commands),
	{.point = NULL},
};

GW_MODULE(skew) = {
	.abi = GW_ABI,
	.name = "skew",
	.version = "1.0",
	.summary = "kinds that other servers do not know",
	.requires = "link 1.0, network 1.0, services 1.0",
	.calls = calls,
	.rows = rows,
	.state_size = sizeof(struct skew_state),
	.state_version = 1,
	.load = load,
};
