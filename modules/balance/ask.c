/*
 * balance/ask.c - questions of others: may this client be moved, may that one come, may a new one
 * enter, may the server stop.
 */
#include "balance.h"
#include <errno.h>

#define ASKED_LEAST_NS (60 * GW_SECOND) /* between two moves that a client asks for */

/* --- redirect.may-move: a client asks --- */

static int recently_moved(struct balance_state *st, const struct gw_client *client,
                          struct gw_error *why)
{
	int64_t ago = moved_ago_ns(st, client->session);

	if (ago < 0 || ago >= ASKED_LEAST_NS)
		return 0;
	return gw_fail(why, -EPERM, "You have come here only %lld seconds ago",
	               (long long)(ago / GW_SECOND));
}

static int wanted_server(const struct gw_policy_view *view, const char *name, int *out,
                         struct gw_error *why)
{
	*out = -1;
	if (name == NULL)
		return 0;
	*out = view_find(view, name);
	if (*out < 0)
		return gw_fail(why, -ENOENT, "There is no server %.64s in sight", name);
	if (!view->servers[*out].takes || view->servers[*out].here)
		return gw_fail(why, -EPERM, "%s %s", view->servers[*out].name,
		               view_why_not(&view->servers[*out]));
	return 0;
}

static int decide(struct balance_state *st, const struct gw_policy_view *view, int wanted,
                  struct gw_error *why)
{
	int to;

	if (drain_on(st)) {
		to = wanted >= 0 ? wanted : view_recipient(st, view);
	} else if (st->policy->ops == NULL) {
		return gw_fail(why, -EPERM, "Nobody is moved on demand here");
	} else {
		to = POLICY(st, asked, view, wanted, why);
		if (to < 0)
			return to;
	}
	if (to < 0 || (size_t)to >= view->n || view->servers[to].here || !view->servers[to].takes)
		return gw_fail(why, -EPERM, "No other server takes clients");
	return to;
}

int ask_may_move(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	struct balance_state *st = state;
	struct gw_move_query *query = payload;
	struct gw_policy_view view;
	int wanted, status = recently_moved(st, query->client, why);

	(void)tag;
	if (status != 0)
		return status;
	view_make(st, &view, 0);
	status = wanted_server(&view, query->server, &wanted, why);
	if (status == 0)
		status = decide(st, &view, wanted, why);
	if (status >= 0)
		query->to = view.servers[status].run;
	view_free(st, &view);
	return status < 0 ? status : 0;
}

/* --- redirect.may-come: another server would hand a session over --- */

int ask_may_come(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	struct balance_state *st = state;
	uint32_t from = 0, to = 0;

	(void)tag;
	(void)payload;
	if (takes_nobody(st))
		return gw_fail(why, -EPERM, "this server %s",
		               st->stopping ? "stops" : "sends its own clients away");
	REDIRECT(st, pending, &from, &to);
	if (own_room(st) <= to)
		return gw_fail(why, -EPERM, "this server has no room");
	return 0;
}

/* --- client.may-enter --- */

/* "host port" of "HOST:PORT"; an IPv6 address that begins with a colon would begin a last
 * parameter. */
static void host_and_port(const char *where, char *out, size_t max)
{
	const char *colon = strrchr(where, ':');
	int n = (int)(colon - where);

	if (where[0] == '[') {
		where++;
		n -= 2;
	}
	snprintf(out, max, "%s%.*s %s", where[0] == ':' ? "0" : "", n, where, colon + 1);
}

/* While this server sends its clients away newcomers are pointed elsewhere at once. Whoever has a
 * session was handed over, which began before the drain did: it is sent on like all others. */
int ask_may_enter(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	struct balance_state *st = state;
	struct gw_client *client = payload;
	const char *where = NULL;
	struct gw_policy_view view;
	char to[WHERE_MAX + 3];
	int index;

	(void)tag;
	if (!drain_on(st) || client->session != NULL)
		return 0;
	view_make(st, &view, 0);
	index = view_recipient(st, &view);
	if (index >= 0)
		where = heard_where(st, view.servers[index].run, client->info->tls);
	if (where == NULL && index >= 0 && !client->info->tls)
		where = heard_where(st, view.servers[index].run, true);
	view_free(st, &view);
	if (where == NULL && !st->drain.then_exit)
		return 0;
	if (where != NULL) {
		host_and_port(where, to, sizeof(to));
		CLIENT(st, numeric, client, 10, "%s :Please use this server", to);
	}
	why->code = GW_REFUSAL_SAID;
	return gw_fail(why, -EPERM, "This server sends its clients to others");
}

/* --- core.may-stop --- */

static bool anybody_able(struct balance_state *st)
{
	const struct gw_client *client;

	if (st->redirect->ops == NULL || st->client->ops == NULL)
		return false;
	for (client = CLIENT(st, next, NULL); client != NULL; client = CLIENT(st, next, client))
		if (pick_able(st, client))
			return true;
	return false;
}

/* Who can be moved is moved first, if there is anybody who takes them; and whom this server links
 * shall not be cut off from each other. */
int ask_may_stop(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	struct balance_state *st = state;
	struct drain_order order = {.who = "a stop",
	                            .reason = payload,
	                            .then_exit = true,
	                            .polite = true,
	                            .within_ns = st->settings.within_ns};
	struct gw_error nobody = {0};
	bool moving = drain_on(st) && st->drain.phase != DRAIN_DONE, links = drain_links_needed(st);

	(void)tag;
	if (!st->settings.drain_on_stop || st->stopping)
		return 0;
	if (moving)
		drain_change(st, &order);
	else if ((!anybody_able(st) && !links) || drain_begin(st, &order, &nobody) != 0)
		return 0;
	if (drain_left(st) == 0)
		return gw_fail(why, -EBUSY,
		               "the servers on its links are linked with each other first (%lld s "
		               "at most)",
		               (long long)(st->settings.within_ns / GW_SECOND));
	return gw_fail(why, -EBUSY, "%u clients are moved to other servers first (%lld s at most)",
	               drain_left(st), (long long)(st->settings.within_ns / GW_SECOND));
}
