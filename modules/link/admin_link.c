/*
 * link/admin_link.c - the operators' commands about links: list, connect, disconnect.
 */
#include "net.h"
#include <errno.h>

static const char *phase_word(const struct link *link)
{
	static const char *const words[] = {
		[LINK_WAITS] = "waits", [LINK_IS_UP] = "up", [LINK_CLOSING] = "closing"};

	return link->phase == LINK_IS_UP && link->pub.spare ? "spare" : words[link->phase];
}

static const char *settled_word(struct link_state *st, const struct link *link)
{
	struct gw_peer_state peer;

	if (st->replica->ops == NULL || REPLICA(st, peer, link->pub.id, &peer) != 0)
		return "-";
	return peer.settled ? "yes" : "no";
}

static void list_link(struct link_state *st, struct gw_admin_request *req, const struct link *link)
{
	char since[24], lag[24] = "-", queue[24], unacked[24], bytes[24];

	snprintf(since, sizeof(since), "%llds",
	         (long long)((gw_mono_ns(st->self) - link->pub.since_ns) / GW_SECOND));
	if (link->pub.lag_ns >= 0)
		snprintf(lag, sizeof(lag), "%.1fms", (double)link->pub.lag_ns / 1e6);
	snprintf(queue, sizeof(queue), "%zu",
	         gw_sink_queued(st->self, gw_conn_sink(st->self, link->conn)));
	snprintf(unacked, sizeof(unacked), "%llu", (unsigned long long)flow_backlog(link));
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)link->pub.bytes);
	gw_admin_row(st->self, req,
	             (const char *const[]){link->name, phase_word(link),
	                                   link->who.source ? "out" : "in", link->address, since,
	                                   lag, queue, unacked, link->pub.live ? "yes" : "no",
	                                   settled_word(st, link), bytes},
	             11);
}

void admin_link_list(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	static const char *const head[] = {"name",  "state",   "direction", "address",
	                                   "since", "lag",     "queue",     "unacked",
	                                   "live",  "settled", "bytes"};
	struct link_state *st = state;
	struct link *link;

	(void)argc;
	(void)argv;
	gw_admin_head(st->self, req, head, 11);
	for (link = st->links; link != NULL; link = link->hh.next)
		list_link(st, req, link);
	gw_admin_done(st->self, &req, 0, "");
}

static struct known *server_named(struct link_state *st, struct gw_admin_request *req,
                                  const char *name)
{
	struct known *known = known_by_name(st, name);

	if (known == NULL)
		gw_admin_done(st->self, &req, -ENOENT, "there is no such server: see server list");
	return known;
}

/* Why it cannot be dialled; NULL: it can. */
static const char *no_dial(struct link_state *st, const struct known *known)
{
	if (known == known_own(st))
		return "that is this server";
	if (link_with(st, known->id) != NULL)
		return "it is linked already";
	if (in_sight(st, known->id) != NULL)
		return "it is in sight already, by way of another server: see map";
	if (known->n_addresses == 0)
		return "no address of it is listed: server address add";
	return known_oldest_key(known) == NULL ? "it has no key any more: server key add" : NULL;
}

void admin_link_connect(void *state, struct gw_admin_request *req, int argc,
                        const char *const *argv)
{
	struct link_state *st = state;
	struct known *known = server_named(st, req, argv[0]);
	const char *why;

	(void)argc;
	if (known == NULL)
		return;
	why = no_dial(st, known);
	if (why != NULL) {
		gw_admin_done(st->self, &req, -EINVAL, why);
		return;
	}
	link_tell_operators(st, "%s connects %s", gw_admin_who(st->self, req), known->name);
	uplinks_connect(st, known, req);
}

void admin_link_disconnect(void *state, struct gw_admin_request *req, int argc,
                           const char *const *argv)
{
	struct link_state *st = state;
	struct known *known = server_named(st, req, argv[0]);
	struct link *link;
	char text[200];

	(void)argc;
	if (known == NULL)
		return;
	link = link_with(st, known->id);
	uplinks_disconnect(st, known->name);
	link_tell_operators(st, "%s disconnects %s", gw_admin_who(st->self, req), known->name);
	while (link != NULL) {
		link_close(st, link, GW_BYE_QUIT, "an operator closed the link");
		link = link_with(st, known->id);
	}
	snprintf(text, sizeof(text),
	         "No link to %s from here until \"link connect\" or a restart; other servers may "
	         "still link to it.",
	         known->name);
	gw_admin_text(st->self, req, text);
	gw_admin_done(st->self, &req, 0, "");
}
