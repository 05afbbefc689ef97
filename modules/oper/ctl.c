/*
 * modules/oper/ctl.c - the operator's commands in IRC: "CTL module list" is what "godwitctl module
 * list" is; REHASH is "CTL rehash".
 *
 * The client is held until the answer has ended, so that answers keep the order of the questions;
 * not behind a command that takes so long that it tells how far it is.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define PROGRESS_NS (5 * GW_SECOND)

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

static void run_free(struct oper_state *o, struct ctl_run *run)
{
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
	char room[512], who[WHO_MAX + 1];
	struct gw_admin_asker asker = {.who = who, .privileges = privileges};

	oper_privileges(o, user->role != NULL ? user->role : "", room, privileges);
	snprintf(who, sizeof(who), "account %s (%s) from %s",
	         client->account != NULL ? client->account : "?", user->nick,
	         client->info->address);
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
	if (!oper_allowed(o, client, "rehash"))
		return;
	CLIENT(o, numeric, client, 382, "godwit.yaml :Rehashing");
	begin(o, client, 1, rehash);
}

static void send_cells(struct oper_state *o, struct gw_client *client,
                       const struct gw_admin_answer *answer)
{
	char line[400] = "";
	size_t used = 0;

	for (size_t i = 0; i < answer->n_cells && used < sizeof(line); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s",
		                         i > 0 ? "  " : "", answer->cells[i]);
	CLIENT(o, notice, client, "%s", line);
}

static void send_progress(struct oper_state *o, struct ctl_run *run, struct gw_client *client,
                          const char *text)
{
	int64_t now = gw_mono_ns(o->self);

	if (run->shown_ns != 0 && now - run->shown_ns < PROGRESS_NS)
		return;
	run->shown_ns = now;
	CLIENT(o, notice, client, "%s", text);
	let_go(o, run, client);
}

static void send_end(struct oper_state *o, struct ctl_run *run, struct gw_client *client,
                     const struct gw_admin_answer *answer)
{
	if (answer->status != 0)
		CLIENT(o, standard, client, "FAIL", "CTL", "FAILED", "", "%s", answer->text);
	else
		CLIENT(o, notice, client, "Done.");
	let_go(o, run, client);
}

static void send_part(struct oper_state *o, struct ctl_run *run, struct gw_client *client,
                      const struct gw_admin_answer *answer)
{
	switch (answer->part) {
	case GW_ADMIN_HEAD:
	case GW_ADMIN_ROW:
		send_cells(o, client, answer);
		break;
	case GW_ADMIN_TEXT:
		CLIENT(o, notice, client, "%s", answer->text);
		break;
	case GW_ADMIN_PROGRESS:
		send_progress(o, run, client, answer->text);
		break;
	case GW_ADMIN_END:
		send_end(o, run, client, answer);
		break;
	}
}

void oper_answer(void *state, uint64_t tag, const struct gw_admin_answer *answer)
{
	struct oper_state *o = state;
	struct gw_client *client;
	struct ctl_run *run;

	DL_SEARCH_SCALAR(o->runs, run, id, tag);
	if (run == NULL)
		return;
	client = CLIENT(o, by_id, run->client);
	if (client != NULL)
		send_part(o, run, client, answer);
	if (answer->part == GW_ADMIN_END)
		run_free(o, run);
}
