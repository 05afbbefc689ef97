/*
 * modules/query/server.c - questions about the server: LUSERS, VERSION, TIME, INFO, ADMIN.
 *
 * Of another server they are answered here, with what is known of it: its name and description, and
 * the time, as all clocks of a network go alike.
 */
#include "private.h"

#include <stdio.h>
#include <time.h>

void query_send_lusers(struct query_state *q, struct gw_client *client)
{
	uint32_t users, invisible, opers, channels, peak, servers = 0, links = 0;
	const struct gw_node *here = NETWORK(q, here);

	NETWORK(q, counts, &users, &invisible, &opers, &channels, &peak);
	for (const struct gw_node *node = NETWORK(q, nodes); node != NULL; node = node->next) {
		servers++;
		links += node->direct;
	}
	CLIENT(q, numeric, client, 251, ":There are %u users and %u invisible on %u servers",
	       users - invisible, invisible, servers);
	CLIENT(q, numeric, client, 252, "%u :operator(s) online", opers);
	CLIENT(q, numeric, client, 254, "%u :channels formed", channels);
	CLIENT(q, numeric, client, 255, ":I have %u clients and %u servers", here->n_users, links);
	CLIENT(q, numeric, client, 265, "%u %u :Current local users %u, max %u", here->n_users,
	       q->peak_here, here->n_users, q->peak_here);
	CLIENT(q, numeric, client, 266, "%u %u :Current global users %u, max %u", users, peak,
	       users, peak);
}

void query_lusers(void *state, struct gw_client *client, const struct gw_message *m)
{
	(void)m;
	query_send_lusers(state, client);
}

void query_version(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	const struct gw_node *node = query_asked(q, client, m, 0);

	if (node == NULL)
		return;
	if (node->here)
		CLIENT(q, numeric, client, 351, "godwit-%s %s :a modular chat server",
		       gw_server_string(q->self, "version"), node->name);
	else
		CLIENT(q, numeric, client, 351, "godwit %s :%s", node->name, node->description);
}

void query_time(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	time_t now = (time_t)(gw_wall_ns(q->self) / GW_SECOND);
	const struct gw_node *node = query_asked(q, client, m, 0);
	struct tm tm;
	char text[64];

	if (node == NULL)
		return;
	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%A %B %d %Y -- %H:%M:%S +00:00", &tm);
	CLIENT(q, numeric, client, 391, "%s :%s", node->name, text);
}

void query_info(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	const struct gw_node *node = query_asked(q, client, m, 0);

	if (node == NULL)
		return;
	if (!node->here)
		CLIENT(q, numeric, client, 371, ":%s: %s", node->name, node->description);
	else
		CLIENT(q, numeric, client, 371, ":Godwit %s, a modular chat server",
		       gw_server_string(q->self, "version"));
	CLIENT(q, numeric, client, 371,
	       ":The bar-tailed godwit flies eleven thousand kilometres without landing.");
	CLIENT(q, numeric, client, 374, ":End of /INFO list");
}

void query_admin(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct query_state *q = state;
	const struct gw_options *o = gw_options(q->self);
	const char *where = gw_option_string(q->self, o, "admin-location");
	const char *who = gw_option_string(q->self, o, "admin-name");
	const char *mail = gw_option_string(q->self, o, "admin-email");
	const struct gw_node *node = query_asked(q, client, m, 0);

	if (node == NULL)
		return;
	if (!node->here || (*where == '\0' && *who == '\0' && *mail == '\0')) {
		CLIENT(q, numeric, client, 423, "%s :No administrative information is available",
		       node->name);
		return;
	}
	CLIENT(q, numeric, client, 256, "%s :Administrative information", node->name);
	CLIENT(q, numeric, client, 257, ":%s", where);
	CLIENT(q, numeric, client, 258, ":%s", who);
	CLIENT(q, numeric, client, 259, ":%s", mail);
}
