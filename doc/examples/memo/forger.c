/*
 * forger.c - for the tests of memo: the module of a server that means no good. It sends the events
 * of memo in the names of sessions that are at home elsewhere.
 */
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/parts.h>

struct forger_state {
	struct gw_self *self;
	struct gw_iface *network;
};

enum { CALL_NONE, CALL_FORGE, CALL_APPLY };

static int apply(void *state, const struct gw_event *event)
{
	(void)state, (void)event;
	return 0;
}

static void send(struct forger_state *st, struct gw_session *to, const char *kind,
                 enum gw_scope scope, const struct gw_parts *body)
{
	GW_VIA(st->network, gw_network_ops, custom, NULL, kind, scope, NULL, to, body->bytes,
	       body->n, 0);
}

/* "forge NICK": a memo that is in no database, and that the session has not been told of any. */
static void forge(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct forger_state *st = state;
	struct gw_user *user = GW_VIA(st->network, gw_network_ops, user, argv[0]);
	uint8_t bytes[200];
	struct gw_parts memo = {.bytes = bytes, .max = sizeof(bytes)}, none = {.bytes = bytes};

	(void)argc;
	gw_parts_text(&memo, "root");
	gw_parts_text(&memo, "send me your password");
	gw_parts_u64(&memo, 1);
	gw_parts_u64(&memo, 1);
	if (user != NULL) {
		send(st, user->session, "memo.deliver", GW_SCOPE_SESSION, &memo);
		send(st, user->session, "memo.told", GW_SCOPE_ALL, &none);
	}
	gw_admin_done(st->self, &req, user != NULL ? 0 : -ENOENT, user != NULL ? "" : "nobody");
}

static int load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct forger_state *st = state;

	(void)why, (void)err;
	st->self = self;
	st->network = gw_interface(self, "network");
	return 0;
}

static const struct gw_kind_row kinds[] = {
	{.name = "memo.deliver", .number = 1 | GW_KIND_FORWARD, .apply = CALL_APPLY},
	{.name = "memo.told", .number = 2 | GW_KIND_FORWARD, .apply = CALL_APPLY},
};

static const struct gw_admin_command commands[] = {
	{.name = "forge",
         .args = "NICK",
         .help = "Sends what it must not.",
         .privilege = "forge",
         .min_args = 1,
         .max_args = 1,
         .call = CALL_FORGE},
};

static const struct gw_rows rows[] = {
	GW_ROWS(GW_POINT_KIND, kinds),
	GW_ROWS(GW_POINT_ADMIN, commands),
	{.point = NULL},
};

static const struct gw_call_row calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_FORGE] = {"forge", (gw_fn *)forge},
	[CALL_APPLY] = {"apply", (gw_fn *)apply},
	{NULL, NULL},
};

GW_MODULE(forger) = {
	.abi = GW_ABI,
	.name = "forger",
	.version = "1.0",
	.summary = "sends what it must not",
	.requires = "network 1.0",
	.calls = calls,
	.rows = rows,
	.state_size = sizeof(struct forger_state),
	.state_version = 1,
	.load = load,
};
