/*
 * modules/oper/ctl.c - the operator's commands in IRC: "CTL module list" is what "godwitctl module
 * list" is; REHASH is "CTL rehash".
 *
 * The client is held until the answer has ended, so that answers keep the order of the questions;
 * not behind a command that takes so long that it tells how far it is. A long answer waits here and
 * goes out as the client takes it: however long, it never fills the client's send queue.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define PROGRESS_NS (5 * GW_SECOND)
#define PIECE 4096 /* bytes at one time; the least send queue has four times as much */
#define LINE_MAX_BYTES 512
#define WAITING_MAX (4u << 20) /* bytes; what is longer is cut */

/** A line that waits for room. */
struct ctl_line {
	struct ctl_line *next;
	char text[];
};

static struct ctl_run *run_new(struct oper_state *o, struct gw_client *client)
{
	struct ctl_run *run = gw_alloc(o->self, sizeof(*run));

	run->id = ++o->last_tag;
	run->client = client->id;
	run->held = true;
	DL_APPEND(o->runs, run);
	CLIENT(o, hold, client, o->self);
	return run;
}

static struct ctl_run *run_of(struct oper_state *o, uint64_t id)
{
	struct ctl_run *run;

	DL_SEARCH_SCALAR(o->runs, run, id, id);
	return run;
}

static void lines_free(struct oper_state *o, struct ctl_run *run)
{
	struct ctl_line *line, *next;

	LL_FOREACH_SAFE (run->lines, line, next)
		gw_free(o->self, line);
	run->lines = run->last = NULL;
}

static void run_free(struct oper_state *o, struct ctl_run *run)
{
	lines_free(o, run);
	gw_free(o->self, run->error);
	DL_DELETE(o->runs, run);
	gw_free(o->self, run);
}

void oper_runs_free(struct oper_state *o)
{
	while (o->runs != NULL)
		run_free(o, o->runs);
}

static void let_go(struct oper_state *o, struct ctl_run *run, struct gw_client *client)
{
	if (run->held)
		CLIENT(o, release, client, o->self);
	run->held = false;
}

static void begin(struct oper_state *o, struct gw_client *client, int argc, const char *const *argv)
{
	const struct gw_user *user = client->session->user;
	const char *privileges[PRIVILEGES_MAX + 1];
	char room[ROLE_TEXT_MAX], who[WHO_MAX + 1], detail[DETAIL_MAX];
	struct gw_admin_asker asker = {.who = who, .privileges = privileges, .detail = detail};

	oper_privileges(o, user->role != NULL ? user->role : "", room, privileges);
	oper_who(client, who, detail);
	gw_admin_run(o->self, argc, argv, &asker,
	             gw_call(o->self, CALL_ANSWER, run_new(o, client)->id));
}

void oper_ctl(void *state, struct gw_client *client, const struct gw_message *m)
{
	begin(state, client, m->argc, (const char *const *)m->argv);
}

void oper_rehash(void *state, struct gw_client *client, const struct gw_message *m)
{
	static const char *const rehash[] = {"rehash"};
	struct oper_state *o = state;

	(void)m;
	if (!oper_allowed(o, client, "REHASH", "rehash"))
		return;
	CLIENT(o, numeric, client, 382, "godwit.yaml :Rehashing");
	begin(o, client, 1, rehash);
}

/* The rest goes out when what was written so far has. Nobody else waits for room meanwhile: who is
 * held executes no other command. */
static void line_wait(struct oper_state *o, struct ctl_run *run, struct gw_client *client,
                      const char *text)
{
	size_t n = strlen(text) + 1;
	struct ctl_line *line;

	if (run->cut || run->waiting_bytes + n > WAITING_MAX) {
		run->cut = true;
		return;
	}
	line = gw_alloc(o->self, sizeof(*line) + n);
	memcpy(line->text, text, n);
	if (run->last != NULL)
		run->last->next = line;
	else
		run->lines = line;
	run->last = line;
	run->waiting_bytes += n;
	if (!run->waiting)
		CLIENT(o, wait_room, client, gw_call(o->self, CALL_CTL_ROOM, run->id));
	run->waiting = true;
}

static void send_line(struct oper_state *o, struct ctl_run *run, struct gw_client *client,
                      const char *text)
{
	if (run->held && (run->waiting || run->piece >= PIECE)) {
		line_wait(o, run, client, text);
		return;
	}
	run->piece += strlen(text);
	CLIENT(o, notice, client, "%s", text);
}

/* A module's text may have several lines. */
static char *one_line(char *text)
{
	for (char *at = text; *(at += strcspn(at, "\r\n")) != '\0';)
		*at = ' ';
	return text;
}

static void send_cells(struct oper_state *o, struct ctl_run *run, struct gw_client *client,
                       const struct gw_admin_answer *answer)
{
	char line[LINE_MAX_BYTES] = "";
	size_t used = 0;

	for (size_t i = 0; i < answer->n_cells && used < sizeof(line); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s",
		                         i > 0 ? "  " : "",
		                         answer->cells[i][0] != '\0' ? answer->cells[i] : "-");
	send_line(o, run, client, one_line(gw_cut(line, sizeof(line) - 2)));
}

static void send_text(struct oper_state *o, struct ctl_run *run, struct gw_client *client,
                      const char *text)
{
	char line[LINE_MAX_BYTES];

	snprintf(line, sizeof(line), "%s", text);
	send_line(o, run, client, one_line(gw_cut(line, sizeof(line) - 2)));
}

static void send_progress(struct oper_state *o, struct ctl_run *run, struct gw_client *client,
                          const char *text)
{
	int64_t now = gw_mono_ns(o->self);

	if (run->waiting || (run->shown_ns != 0 && now - run->shown_ns < PROGRESS_NS))
		return;
	run->shown_ns = now;
	CLIENT(o, notice, client, "%s", text);
	let_go(o, run, client);
}

static void send_end(struct oper_state *o, struct ctl_run *run, struct gw_client *client)
{
	if (run->cut)
		CLIENT(o, notice, client,
		       "The answer is too long for IRC, and ends here: ask for less, or use "
		       "godwitctl.");
	if (run->error != NULL)
		CLIENT(o, standard, client, "FAIL", "CTL", "FAILED", "", "%s", run->error);
	else
		CLIENT(o, notice, client, "Done.");
	let_go(o, run, client);
}

/* What is left is sent later, if lines wait. */
static void run_end(struct oper_state *o, struct ctl_run *run, struct gw_client *client)
{
	if (client != NULL && run->waiting)
		return;
	if (client != NULL)
		send_end(o, run, client);
	run_free(o, run);
}

static void take_end(struct oper_state *o, struct ctl_run *run, struct gw_client *client,
                     const struct gw_admin_answer *answer)
{
	run->ended = true;
	if (answer->status != 0)
		run->error = one_line(gw_strdup(o->self, answer->text));
	run_end(o, run, client);
}

static void send_part(struct oper_state *o, struct ctl_run *run, struct gw_client *client,
                      const struct gw_admin_answer *answer)
{
	switch (answer->part) {
	case GW_ADMIN_HEAD:
	case GW_ADMIN_ROW:
		send_cells(o, run, client, answer);
		break;
	case GW_ADMIN_TEXT:
		send_text(o, run, client, answer->text);
		break;
	case GW_ADMIN_PROGRESS:
		send_progress(o, run, client, answer->text);
		break;
	case GW_ADMIN_END:
		break;
	}
}

void oper_answer(void *state, uint64_t tag, const struct gw_admin_answer *answer)
{
	struct oper_state *o = state;
	struct ctl_run *run = run_of(o, tag);
	struct gw_client *client;

	if (run == NULL)
		return;
	client = CLIENT(o, by_id, run->client);
	if (client != NULL)
		send_part(o, run, client, answer);
	if (answer->part == GW_ADMIN_END)
		take_end(o, run, client, answer);
}

/* A piece of what waits; a client that has gone gets nothing more. */
void oper_ctl_room(void *state, uint64_t tag)
{
	struct oper_state *o = state;
	struct ctl_run *run = run_of(o, tag);
	struct gw_client *client = run != NULL ? CLIENT(o, by_id, run->client) : NULL;

	if (run == NULL)
		return;
	run->waiting = false;
	run->piece = 0;
	if (client == NULL)
		lines_free(o, run);
	while (run->lines != NULL && run->piece < PIECE) {
		struct ctl_line *line = run->lines;

		run->piece += strlen(line->text);
		run->waiting_bytes -= strlen(line->text) + 1;
		CLIENT(o, notice, client, "%s", line->text);
		LL_DELETE(run->lines, line);
		gw_free(o->self, line);
	}
	if (run->lines == NULL)
		run->last = NULL;
	else
		CLIENT(o, wait_room, client, gw_call(o->self, CALL_CTL_ROOM, tag));
	run->waiting = run->lines != NULL;
	if (run->ended && !run->waiting)
		run_end(o, run, client);
}
