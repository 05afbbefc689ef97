/*
 * modules/control/control.c - the control socket that godwitctl talks to.
 *
 * A connection sends the greeting and then requests, one line each; each goes to the core's admin
 * commands, and the parts of the answer go back as lines. While one request runs, the next stay
 * unread. The commands belong to others; so the module may be reloaded through its own socket, and
 * the answer still arrives.
 */
#include "control.h"

#include <errno.h>
#include <godwit/log.h>
#include <godwit/module.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum control_call { CALL_ACCEPT, CALL_READY, CALL_LINE, CALL_DRAINED, CALL_CLOSED, CALL_ANSWER };

static const struct gw_option control_options[] = {
	{.name = "socket",
         .type = GW_OPT_PATH,
         .help = "Path of the control socket; control.sock in the state directory if not given. "
                 "Read at start."},
	{.name = NULL},
};

/* Only the server's own user reaches the socket (and root, whom no mode stops). */
#define SOCKET_MODE 0600

static void socket_path(struct gw_self *self, char *out, size_t max)
{
	const char *path = gw_option_string(self, gw_options(self), "socket");

	if (*path != '\0')
		snprintf(out, max, "%s", path);
	else
		snprintf(out, max, "%s/control.sock", gw_server_string(self, "state-directory"));
}

static int control_accept(void *state, struct gw_conn *conn, char farewell[512])
{
	struct control_state *control = state;
	struct peer *peer = gw_alloc(control->self, sizeof(*peer));
	struct gw_conn_owner owner = {
		.module = control->self,
		.data = peer,
		.ready = CALL_READY,
		.line = CALL_LINE,
		.drained = CALL_DRAINED,
		.closed = CALL_CLOSED,
		.line_max = CONTROL_LINE_MAX,
		.recvq_max = 2 * CONTROL_LINE_MAX,
		.sendq_max = 64 << 20,
	};

	(void)farewell;
	peer->id = ++control->last_id;
	peer->conn = conn;
	peer->control = control;
	DL_APPEND(control->peers, peer);
	gw_conn_own(control->self, conn, &owner);
	return 0;
}

static void control_ready(void *state, void *data)
{
	(void)state;
	(void)data;
}

static void control_closed(void *state, void *data, const char *reason)
{
	struct control_state *control = state;
	struct peer *peer = data;

	(void)reason;
	DL_DELETE(control->peers, peer);
	gw_free(control->self, peer);
}

static void send_end(struct control_state *control, struct peer *peer, int status,
                     const char *sentence)
{
	char number[16];
	const char *cells[] = {number, sentence};

	snprintf(number, sizeof(number), "%d", status);
	wire_write(control->self, gw_conn_sink(control->self, peer->conn), 'E', cells, 2);
}

/* Whoever breaks the protocol's rules gets the reason and is closed. */
static enum gw_line_verdict refuse(struct control_state *control, struct peer *peer,
                                   const char *why)
{
	send_end(control, peer, -EPROTO, why);
	gw_conn_close(control->self, peer->conn, GW_CLOSE_FLUSH, why);
	return GW_LINE_STOP;
}

static enum gw_line_verdict run(struct control_state *control, struct peer *peer, char *line)
{
	const char *words[CONTROL_WORDS_MAX];
	const struct gw_conn_info *info = gw_conn_info(control->self, peer->conn);
	const char *why;
	char who[64], detail[32] = "";
	struct gw_admin_asker asker = {.who = who, .detail = detail};
	int n = wire_parse(line, words, &why);

	if (n < 0)
		return refuse(control, peer, why);
	if (info->has_uid)
		snprintf(who, sizeof(who), "uid %ld on the control socket", (long)info->uid);
	if (info->has_uid && info->pid != 0)
		snprintf(detail, sizeof(detail), "pid=%ld", (long)info->pid);
	if (!info->has_uid)
		snprintf(who, sizeof(who), "the control socket");
	peer->busy = true;
	gw_admin_run(control->self, n, words, &asker,
	             gw_call(control->self, CALL_ANSWER, peer->id));
	return peer->busy ? GW_LINE_STOP : GW_LINE_NEXT;
}

static enum gw_line_verdict control_line(void *state, void *data, struct gw_line *line)
{
	struct control_state *control = state;
	struct peer *peer = data;

	if (line->too_long)
		return refuse(control, peer, "a line is at most 65536 bytes long");
	if (memchr(line->text, '\0', line->len) != NULL)
		return refuse(control, peer, "a line must not contain a NUL byte");
	if (peer->greeted)
		return run(control, peer, line->text);
	if (strcmp(line->text, "godwitctl 1") != 0)
		return refuse(control, peer,
		              "this server speaks version 1: greet with \"godwitctl 1\"");
	peer->greeted = true;
	return GW_LINE_NEXT;
}

static struct peer *peer_by_id(struct control_state *control, uint64_t id)
{
	struct peer *peer;

	DL_SEARCH_SCALAR(control->peers, peer, id, id);
	return peer;
}

static void control_answer(void *state, uint64_t tag, const struct gw_admin_answer *answer)
{
	static const char kinds[] = {[GW_ADMIN_HEAD] = 'H', [GW_ADMIN_ROW] = 'R'};
	struct control_state *control = state;
	struct peer *peer = peer_by_id(control, tag);
	struct gw_sink *sink;

	if (peer == NULL)
		return;
	sink = gw_conn_sink(control->self, peer->conn);
	switch (answer->part) {
	case GW_ADMIN_HEAD:
	case GW_ADMIN_ROW:
		wire_write(control->self, sink, kinds[answer->part], answer->cells,
		           answer->n_cells);
		break;
	case GW_ADMIN_TEXT:
		wire_write(control->self, sink, 'T', &answer->text, 1);
		break;
	case GW_ADMIN_PROGRESS: /* who does not read gets the next */
		if (gw_sink_queued(control->self, sink) < CONTROL_LINE_MAX)
			wire_write(control->self, sink, 'P', &answer->text, 1);
		break;
	case GW_ADMIN_END:
		send_end(control, peer, answer->status, answer->text);
		peer->busy = false;
		gw_conn_resume(control->self, peer->conn);
		break;
	}
}

static void control_drained(void *state, void *data)
{
	(void)state;
	(void)data;
}

static int control_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	struct control_state *control = state;
	char path[512];
	int status;

	control->self = self;
	if (why == GW_LOAD_RELOAD)
		return 0;
	socket_path(self, path, sizeof(path));
	status = gw_listen_unix(self, path, SOCKET_MODE, CALL_ACCEPT);
	if (status != 0)
		return gw_fail(err, status, "control socket %s: %s", path, strerror(-status));
	return 0;
}

static void control_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	struct control_state *control = state;
	struct peer *peer, *next;

	if (why != GW_UNLOAD_LAST)
		return;
	DL_FOREACH_SAFE (control->peers, peer, next) {
		gw_conn_close(self, peer->conn, GW_CLOSE_FLUSH, "control is unloaded");
		DL_DELETE(control->peers, peer);
		gw_free(self, peer);
	}
}

static const struct gw_call_row control_calls[] = {
	[CALL_ACCEPT] = {"accept", (gw_fn *)control_accept},
	[CALL_READY] = {"ready", (gw_fn *)control_ready},
	[CALL_LINE] = {"line", (gw_fn *)control_line},
	[CALL_DRAINED] = {"drained", (gw_fn *)control_drained},
	[CALL_CLOSED] = {"closed", (gw_fn *)control_closed},
	[CALL_ANSWER] = {"answer", (gw_fn *)control_answer},
	{NULL, NULL},
};

GW_MODULE(control) = {
	.abi = GW_ABI,
	.name = "control",
	.version = "1.0",
	.summary = "the control socket for godwitctl",
	.options = control_options,
	.calls = control_calls,
	.state_size = sizeof(struct control_state),
	.state_version = 1,
	.load = control_load,
	.unload = control_unload,
};
