/*
 * tests/modules/probe/probe.c - a module that does with links what it is told: for tests of the
 * module link. Kinds 40 and 41 are its own; what it hears is in the log.
 */
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/link.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <stdlib.h>

#define KIND_SEEN 40
#define KIND_REFUSED 41
#define BULK_PART 16384

enum probe_call {
	CALL_NONE,
	CALL_UP,
	CALL_DOWN,
	CALL_ROOM,
	CALL_SEEN,
	CALL_REFUSED,
	CALL_SEND,
	CALL_LIVE,
	CALL_ROUTE,
	CALL_BULK,
	CALL_JOIN,
	CALL_CANCEL,
	CALL_VIA,
	CALL_LEAVE,
	CALL_STAY,
	CALL_SAID
};

struct probe_state {
	struct gw_self *self;
	struct gw_iface *link, *network;
	uint64_t via; /* a link over which events go */
	uint64_t bulk_link, bulk_left;
	uint64_t seen, seen_bytes;
};

#define LINK(st, ...) GW_VIA((st)->link, gw_link_ops, __VA_ARGS__)
#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)

static const struct gw_link *link_named(struct probe_state *st, const char *name)
{
	const struct gw_link *link;

	for (link = LINK(st, next, NULL); link != NULL; link = LINK(st, next, link))
		if (strcmp(link->name, name) == 0)
			return link;
	return NULL;
}

static void up(void *state, uint64_t tag, const void *payload)
{
	struct probe_state *st = state;
	const struct gw_link *link = payload;

	(void)tag;
	gw_log(st->self, GW_INFO, "up id=%llu name=%s source=%d", (unsigned long long)link->id,
	       link->name, link->source);
}

static void down(void *state, uint64_t tag, const void *payload)
{
	struct probe_state *st = state;
	const struct gw_link_end *end = payload;

	(void)tag;
	if (end->link->id == st->via)
		NETWORK(st, via_drop, st->via);
	gw_log(st->self, GW_INFO, "down id=%llu name=%s reason=\"%s\"",
	       (unsigned long long)end->link->id, end->link->name, end->reason);
}

static void bulk(struct probe_state *st)
{
	static uint8_t const part[BULK_PART];

	while (st->bulk_left > 0) {
		size_t room = LINK(st, room, st->bulk_link);

		if (room == 0)
			return;
		LINK(st, send, st->bulk_link, KIND_SEEN, part, BULK_PART);
		st->bulk_left--;
	}
	gw_log(st->self, GW_INFO, "bulk sent");
	st->bulk_link = 0;
}

static void room(void *state, uint64_t tag, const void *payload)
{
	struct probe_state *st = state;
	const struct gw_link *link = payload;

	(void)tag;
	if (link->id == st->bulk_link)
		bulk(st);
}

static int seen(void *state, const struct gw_link *link, const struct gw_frame *frame,
                struct gw_error *why)
{
	struct probe_state *st = state;

	(void)why;
	st->seen++;
	st->seen_bytes += frame->n;
	gw_log(st->self, GW_INFO, "seen from=%s n=%zu frames=%llu bytes=%llu", link->name, frame->n,
	       (unsigned long long)st->seen, (unsigned long long)st->seen_bytes);
	return 0;
}

static int refused(void *state, const struct gw_link *link, const struct gw_frame *frame,
                   struct gw_error *why)
{
	(void)state;
	(void)link;
	(void)frame;
	return gw_fail(why, -EBADMSG, "a frame that the probe does not like");
}

static void done(struct probe_state *st, struct gw_admin_request *req, int status)
{
	gw_admin_done(st->self, &req, status, status == 0 ? "" : strerror(-status));
}

/* NAME KIND BYTES COUNT */
static void command_send(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	struct probe_state *st = state;
	const struct gw_link *link = link_named(st, argv[0]);
	size_t n = strtoul(argv[2], NULL, 10), count = strtoul(argv[3], NULL, 10);
	char *body = gw_alloc(st->self, n + 1);
	int status = link == NULL ? -ENOENT : 0;

	(void)argc;
	for (size_t i = 0; status == 0 && i < count; i++)
		status = LINK(st, send, link->id, (uint8_t)strtoul(argv[1], NULL, 10), body, n);
	gw_free(st->self, body);
	done(st, req, status);
}

static void command_live(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	struct probe_state *st = state;
	const struct gw_link *link = link_named(st, argv[0]);

	(void)argc;
	if (link != NULL)
		LINK(st, set_live, link->id, true);
	done(st, req, link == NULL ? -ENOENT : 0);
}

/* NAME: from now on events go over it, as if a burst had gone before */
static void command_via(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	struct probe_state *st = state;
	const struct gw_link *link = link_named(st, argv[0]);
	struct gw_via_spec spec = {.name = argv[0]};

	(void)argc;
	if (link != NULL) {
		st->via = spec.via = link->id;
		spec.server = link->server;
		NETWORK(st, via_add, &spec);
		LINK(st, set_live, link->id, true);
	}
	done(st, req, link == NULL ? -ENOENT : 0);
}

static uint64_t run_of(struct probe_state *st, const char *name)
{
	const struct gw_node *node = NETWORK(st, nodes);

	while (node != NULL && strcmp(node->name, name) != 0)
		node = node->next;
	return node == NULL ? 0 : node->run;
}

/* KIND REACH 0|1 (may be dropped) [server, nick or channel] */
static void command_route(void *state, struct gw_admin_request *req, int argc,
                          const char *const *argv)
{
	struct probe_state *st = state;
	struct gw_frame frame = {.kind = (uint8_t)strtoul(argv[0], NULL, 10),
	                         .reach = (uint8_t)strtoul(argv[1], NULL, 10),
	                         .may_drop = argv[2][0] == '1',
	                         .body = "x",
	                         .n = 1};
	const struct gw_user *user = argc > 3 ? NETWORK(st, user, argv[3]) : NULL;

	if (argc > 3 && frame.reach == GW_REACH_SERVER)
		frame.to = run_of(st, argv[3]);
	if (user != NULL && frame.reach == GW_REACH_SESSION)
		frame.to = user->session->id;
	if (argc > 3 && frame.reach == GW_REACH_CHANNEL)
		frame.channel = argv[3];
	done(st, req, LINK(st, route, &frame));
}

/* NAME PARTS */
static void command_bulk(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	struct probe_state *st = state;
	const struct gw_link *link = link_named(st, argv[0]);

	(void)argc;
	if (link != NULL) {
		st->bulk_link = link->id;
		st->bulk_left = strtoul(argv[1], NULL, 10);
		bulk(st);
	}
	done(st, req, link == NULL ? -ENOENT : 0);
}

/* ADDRESS KEY */
static void command_join(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	struct probe_state *st = state;
	struct gw_error err = {0};
	int status = LINK(st, join, argv[0], argv[1], &err);

	(void)argc;
	gw_admin_done(st->self, &req, status, status == 0 ? "" : err.text);
}

static void command_cancel(void *state, struct gw_admin_request *req, int argc,
                           const char *const *argv)
{
	struct probe_state *st = state;

	(void)argc;
	(void)argv;
	LINK(st, cancel_join);
	done(st, req, 0);
}

static void said(void *state, uint64_t tag, bool over, size_t links, const char *text)
{
	struct probe_state *st = state;

	gw_log(st->self, GW_INFO, "said%s tag=%llu links=%zu text=\"%s\"", over ? " over" : "",
	       (unsigned long long)tag, links, text);
}

static void command_leave(void *state, struct gw_admin_request *req, int argc,
                          const char *const *argv)
{
	struct probe_state *st = state;
	size_t n = LINK(st, leave, gw_call(st->self, CALL_SAID, 7));

	(void)argc;
	(void)argv;
	done(st, req, n == 0 ? -EALREADY : 0);
}

static void command_stay(void *state, struct gw_admin_request *req, int argc,
                         const char *const *argv)
{
	struct probe_state *st = state;

	(void)argc;
	(void)argv;
	LINK(st, stay);
	done(st, req, 0);
}

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct probe_state *st = state;

	(void)err;
	if (why == GW_LOAD_RELOAD)
		return 0;
	st->self = self;
	st->link = gw_interface(self, "link");
	st->network = gw_interface(self, "network");
	return 0;
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_UP] = {"up", (gw_fn *)up},
	[CALL_DOWN] = {"down", (gw_fn *)down},
	[CALL_ROOM] = {"room", (gw_fn *)room},
	[CALL_SEEN] = {"seen", (gw_fn *)seen},
	[CALL_REFUSED] = {"refused", (gw_fn *)refused},
	[CALL_SEND] = {"send", (gw_fn *)command_send},
	[CALL_LIVE] = {"live", (gw_fn *)command_live},
	[CALL_ROUTE] = {"route", (gw_fn *)command_route},
	[CALL_BULK] = {"bulk", (gw_fn *)command_bulk},
	[CALL_JOIN] = {"join", (gw_fn *)command_join},
	[CALL_CANCEL] = {"cancel", (gw_fn *)command_cancel},
	[CALL_VIA] = {"via", (gw_fn *)command_via},
	[CALL_LEAVE] = {"leave", (gw_fn *)command_leave},
	[CALL_STAY] = {"stay", (gw_fn *)command_stay},
	[CALL_SAID] = {"said", (gw_fn *)said},
	{NULL, NULL},
};

static const struct gw_subscription subscriptions[] = {
	{.topic = GW_TOPIC_LINK_UP, .call = CALL_UP},
	{.topic = GW_TOPIC_LINK_DOWN, .call = CALL_DOWN},
	{.topic = GW_TOPIC_LINK_ROOM, .call = CALL_ROOM},
	{.topic = NULL},
};

static const struct gw_frame_row frames[] = {
	{.name = "seen", .kind = KIND_SEEN, .call = CALL_SEEN},
	{.name = "refused", .kind = KIND_REFUSED, .call = CALL_REFUSED},
};

static const struct gw_admin_command commands[] = {
	{"probe send", "NAME KIND BYTES COUNT", "Sends frames.", "", 4, 4, CALL_SEND, false, 0},
	{"probe live", "NAME", "Makes a link live.", "", 1, 1, CALL_LIVE, false, 0},
	{"probe route", "KIND REACH DROP [WHOM]", "Sends a frame on its way.", "", 3, 4, CALL_ROUTE,
         false, 0},
	{"probe bulk", "NAME PARTS", "Sends bulk, as there is room.", "", 2, 2, CALL_BULK, false,
         0},
	{"probe join", "ADDRESS KEY", "Dials as a new server.", "", 2, 2, CALL_JOIN, false, 0},
	{"probe via", "NAME", "Lets events pass.", "", 1, 1, CALL_VIA, false, 0},
	{"probe leave", "", "Has the neighbours linked with each other.", "", 0, 0, CALL_LEAVE,
         false, 0},
	{"probe stay", "", "Leaves no more.", "", 0, 0, CALL_STAY, false, 0},
	{"probe cancel", "", "Dials so no more.", "", 0, 0, CALL_CANCEL, false, 0},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_FRAME, frames),
	GW_ROWS(GW_POINT_ADMIN, commands),
	{.point = NULL},
};

GW_MODULE(probe) = {
	.abi = GW_ABI,
	.name = "probe",
	.version = "1.0",
	.summary = "does with links what a test says",
	.requires = "link 1.0, network 1.0",
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct probe_state),
	.state_version = 1,
	.load = load,
};
