/*
 * tests/modules/moves/moves.c - a module that moves clients as it is told, and says what is left of
 * moves: for tests of the module redirect.
 */
#include <errno.h>
#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/log.h>
#include <godwit/module.h>
#include <godwit/redirect.h>
#include <stdio.h>
#include <string.h>

enum moves_call {
	CALL_NONE,
	CALL_BEGIN,
	CALL_CANCEL,
	CALL_LEFT,
	CALL_HOME,
	CALL_OVER,
	CALL_MAY_MOVE,
	CALL_MAY_COME,
	CALL_CLOSED
};

struct moves_state {
	struct gw_self *self;
	struct gw_iface *client, *network, *redirect;
	uint64_t begun, ended, ends[GW_MOVE_GONE + 1];
	bool closed;         /* "moves closed yes": nobody may come here */
	uint8_t reserved[7]; /* 0 */
};

#define CLIENT(st, ...) GW_VIA((st)->client, gw_client_ops, __VA_ARGS__)
#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)
#define REDIRECT(st, ...) GW_VIA((st)->redirect, gw_redirect_ops, __VA_ARGS__)

static struct gw_session *session_of(struct moves_state *st, const char *nick)
{
	struct gw_user *user = NETWORK(st, user, nick);

	return user != NULL ? user->session : NULL;
}

static uint64_t run_of(struct moves_state *st, const char *name)
{
	for (const struct gw_node *n = NETWORK(st, nodes); n != NULL; n = n->next)
		if (strcmp(n->name, name) == 0)
			return n->run;
	return 0;
}

static void begin(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct moves_state *st = state;
	struct gw_session *session = session_of(st, argv[0]);
	struct gw_client *client = session != NULL ? CLIENT(st, of_session, session) : NULL;
	struct gw_error why = {0};
	int status = -ENOENT;

	(void)argc;
	if (client == NULL || client->shadow)
		gw_fail(&why, status, "%s is not here", argv[0]);
	else
		status = REDIRECT(st, move, client, run_of(st, argv[1]),
		                  gw_call(st->self, CALL_OVER, session->id), &why);
	st->begun += status == 0;
	gw_admin_done(st->self, &req, status, why.text);
}

static void over(void *state, uint64_t tag, uint64_t session, enum gw_move_end end,
                 const char *reason)
{
	struct moves_state *st = state;

	if (tag != session)
		gw_log(st->self, GW_ERROR, "moves: an end of another move");
	st->ended++;
	st->ends[end]++;
	gw_log(st->self, GW_INFO, "moves: end=%d reason=\"%s\"", (int)end, reason);
}

static void cancel(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct moves_state *st = state;
	struct gw_session *session = session_of(st, argv[0]);
	int status = session == NULL ? -ENOENT
	                             : REDIRECT(st, cancel, session->id, "called off by a test");

	(void)argc;
	gw_admin_done(st->self, &req, status, status == 0 ? "" : strerror(-status));
}

/* All zero when nothing is under way, but for the numbers of what has been. */
static void left(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct moves_state *st = state;
	uint32_t from, to, shadows = 0, moving = 0, lost = 0;
	char text[200];

	(void)argc, (void)argv;
	REDIRECT(st, pending, &from, &to);
	for (struct gw_user *u = NETWORK(st, next_user, NULL); u != NULL;
	     u = NETWORK(st, next_user, u)) {
		const struct gw_client *client = CLIENT(st, of_session, u->session);

		shadows += u->session->shadow != 0;
		moving += u->session->moving;
		lost += u->session->local && (client == NULL || client->shadow);
		lost += u->session->shown && !u->session->local;
	}
	snprintf(text, sizeof(text), "from=%u to=%u shadows=%u moving=%u lost=%u unended=%d", from,
	         to, shadows, moving, lost, (int)(st->begun - st->ended));
	gw_admin_text(st->self, req, text);
	gw_admin_done(st->self, &req, 0, "");
}

static void home(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct moves_state *st = state;
	const struct gw_session *session = session_of(st, argv[0]);
	char text[200];

	(void)argc;
	if (session == NULL) {
		gw_admin_done(st->self, &req, -ENOENT, "no such user");
		return;
	}
	snprintf(text, sizeof(text), "%s epoch=%u", session->home->name, session->epoch);
	gw_admin_text(st->self, req, text);
	gw_admin_done(st->self, &req, 0, "");
}

static void closed(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct moves_state *st = state;

	(void)argc;
	st->closed = strcmp(argv[0], "yes") == 0;
	gw_admin_done(st->self, &req, 0, "");
}

/* Whoever asks by name gets what he asks for. */
static int may_move(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	struct moves_state *st = state;
	struct gw_move_query *query = payload;

	(void)tag;
	if (query->server == NULL)
		return gw_fail(why, -EPERM, "Say whither");
	query->to = run_of(st, query->server);
	return query->to != 0 ? 0 : gw_fail(why, -ENOENT, "No such server");
}

static int may_come(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	const struct moves_state *st = state;

	(void)tag, (void)payload;
	return st->closed ? gw_fail(why, -EPERM, "closed by a test") : 0;
}

static int moves_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct moves_state *st = state;

	(void)err;
	st->self = self;
	if (why == GW_LOAD_FIRST) {
		st->client = gw_interface(self, "client");
		st->network = gw_interface(self, "network");
		st->redirect = gw_interface(self, "redirect");
	}
	return 0;
}

static const struct gw_call_row moves_calls[] = {
	[CALL_NONE] = {"none", NULL},
	[CALL_BEGIN] = {"begin", (gw_fn *)begin},
	[CALL_CANCEL] = {"cancel", (gw_fn *)cancel},
	[CALL_LEFT] = {"left", (gw_fn *)left},
	[CALL_HOME] = {"home", (gw_fn *)home},
	[CALL_OVER] = {"over", (gw_fn *)over},
	[CALL_MAY_MOVE] = {"may-move", (gw_fn *)may_move},
	[CALL_MAY_COME] = {"may-come", (gw_fn *)may_come},
	[CALL_CLOSED] = {"closed", (gw_fn *)closed},
	{NULL, NULL},
};

static const struct gw_subscription moves_subscriptions[] = {
	{GW_TOPIC_MAY_MOVE, 0, CALL_MAY_MOVE},
	{GW_TOPIC_MAY_COME, 0, CALL_MAY_COME},
	{NULL, 0, 0},
};

static const struct gw_admin_command moves_admin[] = {
	{"moves begin", "NICK SERVER", "Begins a move.", "", 2, 2, CALL_BEGIN, false, 0},
	{"moves cancel", "NICK", "Calls it off.", "", 1, 1, CALL_CANCEL, false, 0},
	{"moves left", "", "What is left of moves.", "", 0, 0, CALL_LEFT, false, 0},
	{"moves home", "NICK", "Where somebody is at home.", "", 1, 1, CALL_HOME, false, 0},
	{"moves closed", "yes|no", "Nobody may come.", "", 1, 1, CALL_CLOSED, false, 0},
};

static const struct gw_rows moves_rows[] = {
	GW_ROWS(GW_POINT_ADMIN, moves_admin),
	{.point = NULL},
};

GW_MODULE(moves) = {
	.abi = GW_ABI,
	.name = "moves",
	.version = "1.0",
	.summary = "moves clients as tests tell it",
	.requires = "client 1.0, network 1.0, redirect 1.0",
	.calls = moves_calls,
	.subscriptions = moves_subscriptions,
	.rows = moves_rows,
	.state_size = sizeof(struct moves_state),
	.state_version = 1,
	.load = moves_load,
};
