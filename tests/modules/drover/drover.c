/*
 * tests/modules/drover/drover.c - drives the part of the interface "network" that moves sessions, a
 * step a command. What is written to a session that it has given a sink is counted.
 */
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/conn.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CALL_NONE,
	CALL_WRITTEN,
	CALL_UNSHOWN,
	CALL_SHADOW,
	CALL_END,
	CALL_MOVING,
	CALL_MOVE,
	CALL_QUIT,
	CALL_STATE,
	CALL_EXPORT,
	CALL_IMPORT
};

struct drover_state {
	struct gw_self *self;
	struct gw_iface *network;
	struct gw_sink *sink;
	uint64_t written, unshown;
};

#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)

static const uint8_t attempt[16] = "the only attempt";

static void written(void *state, uint64_t tag, struct gw_buf *buf)
{
	(void)tag, (void)buf;
	((struct drover_state *)state)->written++;
}

static void unshown(void *state, uint64_t tag, const void *payload)
{
	const struct gw_session *session = payload;

	(void)tag;
	((struct drover_state *)state)->unshown += !session->shown && session->sink == NULL;
}

static struct gw_session *session_of(struct drover_state *st, const char *nick)
{
	const struct gw_user *user = NETWORK(st, user, nick);

	return user == NULL ? NULL : user->session;
}

static uint64_t run_of(struct drover_state *st, const char *name)
{
	for (const struct gw_node *n = NETWORK(st, nodes); n != NULL; n = n->next) {
		if (strcmp(n->name, name) == 0)
			return n->run;
	}
	return 0;
}

static void done(struct drover_state *st, struct gw_admin_request *req, int status)
{
	gw_admin_done(st->self, &req, status, status < 0 ? "It cannot be done." : "");
}

static void do_shadow(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct drover_state *st = state;

	(void)argc;
	done(st, req, NETWORK(st, shadow, session_of(st, argv[0]), run_of(st, argv[1]), attempt));
}

static void do_end(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct drover_state *st = state;

	(void)argc;
	done(st, req, NETWORK(st, shadow_end, session_of(st, argv[0])->id, attempt));
}

static void do_moving(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct drover_state *st = state;

	(void)argc;
	NETWORK(st, moving, session_of(st, argv[0]), strcmp(argv[1], "on") == 0);
	done(st, req, 0);
}

static void do_move(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct drover_state *st = state;
	struct gw_session *session = session_of(st, argv[0]);

	(void)argc;
	done(st, req, NETWORK(st, move, session, attempt));
}

static void do_quit(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct drover_state *st = state;

	(void)argc;
	done(st, req, NETWORK(st, quit, session_of(st, argv[0]), "driven away"));
}

static void order_check(struct drover_state *st, struct gw_admin_request *req)
{
	for (const struct gw_channel *c = NULL; (c = NETWORK(st, next_channel, c)) != NULL;) {
		for (uint32_t i = 0; i < c->n_members; i++) {
			if (c->members[i]->session->shown != (i < c->n_local) ||
			    c->members[i]->index != i)
				gw_admin_text(st->self, req, "members are not in their order");
		}
	}
}

/* Where it is at home, and what was written to it, or to others, here since it was asked last. */
static void do_state(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct drover_state *st = state;
	const struct gw_session *s = session_of(st, argv[0]);
	const struct gw_node *shadow = s == NULL ? NULL : NETWORK(st, node, s->shadow);
	char text[256];

	(void)argc;
	if (s == NULL)
		snprintf(text, sizeof(text), "gone");
	else
		snprintf(text, sizeof(text), "%s epoch %u shadow %s%s%s%s written %u unshown %u",
		         s->home->name, (unsigned)s->epoch, shadow == NULL ? "-" : shadow->name,
		         s->local ? " local" : "", s->shown ? " shown" : "",
		         s->moving ? " moving" : "", (unsigned)st->written, (unsigned)st->unshown);
	st->written = st->unshown = 0;
	gw_admin_text(st->self, req, text);
	order_check(st, req);
	gw_admin_done(st->self, &req, 0, "");
}

struct export
{
	struct drover_state *st;
	struct gw_admin_request *req;
};

/* NULs, which part what modules keep, as commas. */
static void export_line(void *ctx, const char *name, uint32_t version, const void *data, size_t len)
{
	struct export *x = ctx;
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s %u ", name, (unsigned)version);

	for (size_t i = 0; i < len && (size_t)n + 1 < sizeof(text); i++)
		text[n++] = ((const char *)data)[i] == '\0' ? ',' : ((const char *)data)[i];
	text[n] = '\0';
	gw_admin_text(x->st->self, x->req, text);
}

static void do_export(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct drover_state *st = state;
	struct export x = {st, req};
	struct gw_error why = {0};

	(void)argc;
	done(st, req, NETWORK(st, data_export, session_of(st, argv[0]), export_line, &x, &why));
}

static void do_import(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct drover_state *st = state;
	struct gw_session *session = session_of(st, argv[0]);
	struct gw_error why = {0};
	size_t n = strlen(argv[3]);
	char data[1024];

	(void)argc;
	for (size_t i = 0; i < n && n < sizeof(data); i++)
		data[i] = argv[3][i] == ',' ? '\0' : argv[3][i];
	NETWORK(st, attach, session, st->sink, 0);
	done(st, req,
	     NETWORK(st, data_import, session, argv[1], (uint32_t)atoi(argv[2]), data, n, &why));
}

static int drover_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct drover_state *st = state;

	(void)err;
	st->self = self;
	st->network = gw_interface(self, "network");
	if (why == GW_LOAD_FIRST)
		st->sink = gw_sink_new(self, gw_call(self, CALL_WRITTEN, 0));
	return 0;
}

static void drover_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	if (why == GW_UNLOAD_LAST)
		gw_sink_free(self, &((struct drover_state *)state)->sink);
}

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_WRITTEN] = {"written", (gw_fn *)written},
	[CALL_UNSHOWN] = {"unshown", (gw_fn *)unshown},
	[CALL_SHADOW] = {"shadow", (gw_fn *)do_shadow},
	[CALL_END] = {"end", (gw_fn *)do_end},
	[CALL_MOVING] = {"moving", (gw_fn *)do_moving},
	[CALL_MOVE] = {"move", (gw_fn *)do_move},
	[CALL_QUIT] = {"quit", (gw_fn *)do_quit},
	[CALL_STATE] = {"state", (gw_fn *)do_state},
	[CALL_EXPORT] = {"export", (gw_fn *)do_export},
	[CALL_IMPORT] = {"import", (gw_fn *)do_import},
	{NULL, NULL},
};

static const struct gw_subscription subscriptions[] = {
	{GW_TOPIC_UNSHOWN, 0, CALL_UNSHOWN},
	{NULL, 0, 0},
};

static const struct gw_admin_command commands[] = {
	{"drover shadow", "NICK SERVER", "Makes it the shadow.", "", 2, 2, CALL_SHADOW, false, 0},
	{"drover end", "NICK", "Ends it.", "", 1, 1, CALL_END, false, 0},
	{"drover moving", "NICK on|off", "Keeps its home silent.", "", 2, 2, CALL_MOVING, false, 0},
	{"drover move", "NICK", "Takes it.", "", 1, 1, CALL_MOVE, false, 0},
	{"drover quit", "NICK", "Ends it.", "", 1, 1, CALL_QUIT, false, 0},
	{"drover state", "NICK", "Tells of it.", "", 1, 1, CALL_STATE, false, 0},
	{"drover export", "NICK", "What modules keep.", "", 1, 1, CALL_EXPORT, false, 0},
	{"drover import", "NICK NAME VERSION DATA", "The same.", "", 4, 4, CALL_IMPORT, false, 0},
};
static const struct gw_rows rows[] = {GW_ROWS(GW_POINT_ADMIN, commands), {NULL, NULL, 0, 0}};

GW_MODULE(drover) = {
	.abi = GW_ABI,
	.name = "drover",
	.version = "1.0",
	.summary = "moves sessions as it is told",
	.requires = "network 1.0",
	.calls = calls,
	.subscriptions = subscriptions,
	.rows = rows,
	.state_size = sizeof(struct drover_state),
	.state_version = 1,
	.load = drover_load,
	.unload = drover_unload,
};
