/*
 * balance/admin.c - the commands session redirect (one client, now) and balance (how the network
 * stands).
 */
#include "balance.h"
#include <errno.h>

/* --- session redirect NICK|ID [SERVER] --- */

static struct gw_client *client_named(struct balance_state *st, const char *word,
                                      struct gw_error *why, int *status_out)
{
	const struct gw_user *user = NETWORK(st, user, word);
	struct gw_client *client = st->client->ops == NULL ? NULL : CLIENT(st, named, word);

	*status_out = -ENOENT;
	if (client != NULL && client->session != NULL)
		return client;
	if (client != NULL)
		gw_fail(why, 0, "%.40s is not registered yet: there is no session to be moved",
		        word);
	else if (user != NULL && !user->session->local)
		gw_fail(why, 0, "%s is at home on %s: give the command there", user->nick,
		        user->session->home->name);
	else
		gw_fail(why, 0, "there is no %.40s: see session list", word);
	return NULL;
}

/* An operator's order goes where somebody takes clients, whatever the policy thinks. */
static int destination(struct balance_state *st, const struct gw_policy_view *view,
                       const char *name, struct gw_error *why)
{
	int to;

	if (name == NULL) {
		to = view_recipient(st, view);
		return to >= 0 ? to : gw_fail(why, -EHOSTUNREACH, "no other server takes clients");
	}
	to = view_find(view, name);
	if (to < 0)
		return gw_fail(why, -ENOENT, "there is no server %.64s in sight", name);
	if (view->servers[to].here || !view->servers[to].takes)
		return gw_fail(why, -EHOSTUNREACH, "%s %s", view->servers[to].name,
		               view_why_not(&view->servers[to]));
	return to;
}

static int order(struct balance_state *st, struct gw_admin_request *req, struct gw_client *client,
                 const char *server, struct gw_error *why)
{
	struct gw_policy_view view;
	struct move *move;
	int to, status;

	view_make(st, &view, 0);
	to = destination(st, &view, server, why);
	status = to < 0 ? to : move_begin(st, client, view.servers[to].run, MOVE_ORDER, &move, why);
	if (status == 0) {
		move->req = req;
		snprintf(move->nick, sizeof(move->nick), "%s", client->nick);
		snprintf(move->server, sizeof(move->server), "%s", view.servers[to].name);
	}
	view_free(st, &view);
	return status;
}

void admin_redirect(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct balance_state *st = state;
	struct gw_error why = {0};
	int status;
	struct gw_client *client = client_named(st, argv[0], &why, &status);

	if (client != NULL)
		status = order(st, req, client, argc > 1 ? argv[1] : NULL, &why);
	if (status != 0)
		gw_admin_done(st->self, &req, status, why.text);
}

/* --- balance --- */

void policy_line(struct balance_state *st, char *out, size_t max)
{
	if (st->policy->ops == NULL)
		snprintf(out, max, "none: nothing is balanced");
	else
		POLICY(st, describe, out, max);
}

static uint32_t planned_for(const struct balance_state *st, uint64_t run)
{
	uint32_t n = 0;

	for (size_t i = 0; i < st->n_planned; i++)
		n += st->planned[i].to == run ? st->planned[i].count : 0;
	return n;
}

static uint32_t under_way(const struct balance_state *st, uint64_t run)
{
	uint32_t n = 0;

	for (const struct move *move = st->moves; move != NULL; move = move->hh.next)
		n += move->to == run;
	return n;
}

static const char *state_of(const struct gw_policy_server *server)
{
	if (server->draining)
		return "draining";
	if (server->takes)
		return server->here ? "here" : "takes";
	if (server->age_ms == UINT32_MAX)
		return "unknown";
	return server->room == 0 ? "full" : "arriving";
}

static void show_server(struct balance_state *st, struct gw_admin_request *req,
                        const struct gw_policy_server *server)
{
	char clients[12], weight[12], load[24], room[12], lag[24], age[24] = "-", planned[12],
								   moving[12];

	snprintf(clients, sizeof(clients), "%u", server->clients);
	snprintf(weight, sizeof(weight), "%u", server->weight);
	snprintf(load, sizeof(load), "%.2f", (double)server->clients / server->weight);
	snprintf(room, sizeof(room), "%u", server->room);
	snprintf(lag, sizeof(lag), "%.1fms", server->lag_us / 1000.0);
	if (server->age_ms != UINT32_MAX)
		snprintf(age, sizeof(age), "%us", server->age_ms / 1000);
	snprintf(planned, sizeof(planned), "%u", planned_for(st, server->run));
	snprintf(moving, sizeof(moving), "%u", under_way(st, server->run));
	gw_admin_row(st->self, req,
	             (const char *const[]){server->name, state_of(server), clients, weight, load,
	                                   room, lag, age, planned, moving},
	             10);
}

static void show_minute(struct balance_state *st, struct gw_admin_request *req)
{
	uint32_t ended[MOVE_ENDS], came;
	char line[300];
	size_t used;

	moves_minute(st, ended, &came);
	used = (size_t)snprintf(line, sizeof(line), "moves of the last minute: came %u", came);
	for (size_t end = 0; end < MOVE_ENDS && used < sizeof(line); end++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, ", %s %u",
		                         move_end_name((enum gw_move_end)end), ended[end]);
	gw_admin_text(st->self, req, line);
}

void admin_balance(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	static const char *const head[] = {"server", "state", "clients", "weight",  "load",
	                                   "room",   "lag",   "age",     "planned", "moving"};
	struct balance_state *st = state;
	char policy[200], line[220];
	struct gw_policy_view view;

	(void)argc;
	(void)argv;
	view_make(st, &view, 0);
	gw_admin_head(st->self, req, head, 10);
	for (size_t i = 0; i < view.n; i++)
		show_server(st, req, &view.servers[i]);
	view_free(st, &view);
	policy_line(st, policy, sizeof(policy));
	snprintf(line, sizeof(line), "policy: %s", policy);
	gw_admin_text(st->self, req, line);
	show_minute(st, req);
	gw_admin_done(st->self, &req, 0, "");
}
