/*
 * modules/oper/ctl.c - the operator's commands in IRC: "CTL module list" is what "godwitctl module
 * list" is; REHASH is "CTL rehash".
 *
 * The client is held until the answer has ended, so that answers keep the order of the questions.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

static void run(struct oper_state *o, struct gw_client *client, int argc, const char *const *argv)
{
	const struct gw_user *user = client->session->user;
	const char *privileges[PRIVILEGES_MAX + 1];
	char room[512], who[WHO_MAX + 1];
	struct gw_admin_asker asker = {.who = who, .privileges = privileges};

	oper_privileges(o, user->role != NULL ? user->role : "", room, privileges);
	snprintf(who, sizeof(who), "account %s (%s) from %s",
	         client->account != NULL ? client->account : "?", user->nick,
	         client->info->address);
	CLIENT(o, hold, client, o->self);
	gw_admin_run(o->self, argc, argv, &asker, gw_call(o->self, CALL_ANSWER, client->id));
}

void oper_ctl(void *state, struct gw_client *client, const struct gw_message *m)
{
	run(state, client, m->argc, (const char *const *)m->argv);
}

void oper_rehash(void *state, struct gw_client *client, const struct gw_message *m)
{
	static const char *const rehash[] = {"rehash"};
	struct oper_state *o = state;

	(void)m;
	if (!oper_allowed(o, client, "rehash"))
		return;
	CLIENT(o, numeric, client, 382, "godwit.yaml :Rehashing");
	run(o, client, 1, rehash);
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

void oper_answer(void *state, uint64_t tag, const struct gw_admin_answer *answer)
{
	struct oper_state *o = state;
	struct gw_client *client = CLIENT(o, by_id, tag);

	if (client == NULL)
		return;
	if (answer->part == GW_ADMIN_HEAD || answer->part == GW_ADMIN_ROW)
		send_cells(o, client, answer);
	else if (answer->part == GW_ADMIN_TEXT)
		CLIENT(o, notice, client, "%s", answer->text);
	if (answer->part != GW_ADMIN_END)
		return;
	if (answer->status != 0)
		CLIENT(o, standard, client, "FAIL", "CTL", "FAILED", "", "%s", answer->text);
	else
		CLIENT(o, notice, client, "Done.");
	CLIENT(o, release, client, o->self);
}
