/*
 * services/metrics.c - figures of the services database for the topic "metrics.collect".
 */
#include "peer.h"

static const struct {
	uint8_t class;
	const char *name;
} classes[] = {
	{GW_CLASS_ACCOUNT, "account"}, {GW_CLASS_CHANNEL, "channel"}, {GW_CLASS_SERVER, "server"},
	{GW_CLASS_ORIGIN, "origin"},   {GW_CLASS_BAN, "ban"},         {GW_CLASS_GRANT, "grant"},
	{GW_CLASS_PENDING, "pending"},
};

static void tell_content(const struct services_state *state, const struct gw_metrics *m)
{
	gw_metric_family(m, GW_GAUGE, "godwit_services_entities",
	                 "What the services database holds: accounts, registered channels...");
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		gw_metric_labelled(m, "class", classes[i].name,
		                   (double)state->figures.entities[classes[i].class]);
	gw_metric(m, GW_GAUGE, "godwit_services_cells", "Cells of these.",
	          (double)state->figures.cells);
	gw_metric(m, GW_GAUGE, "godwit_services_member",
	          "1 if this copy of the database is the network's, 0 while it is on its way.",
	          state->membership == GW_MEMBER_FULL);
}

enum peer_figure { PEER_SETTLED, PEER_OWED, PEER_BUFFERED };

static double figure_of(const struct gw_peer_state *is, enum peer_figure which)
{
	switch (which) {
	case PEER_SETTLED:
		return is->settled;
	case PEER_OWED:
		return (double)is->owed;
	default:
		return (double)is->buffered;
	}
}

static void tell_peers(struct services_state *state, const struct gw_metrics *m,
                       enum peer_figure which)
{
	struct gw_peer_state is;
	struct peer *peer, *next;

	HASH_ITER (hh, state->peers, peer, next)
		if (replica_peer(state, peer->link, &is) == 0 && !peer->joiner)
			gw_metric_labelled(m, "peer", peer->name, figure_of(&is, which));
}

void services_metrics(void *state_, uint64_t tag, const void *payload)
{
	struct services_state *state = state_;
	const struct gw_metrics *m = payload;

	(void)tag;
	tell_content(state, m);
	gw_metric_family(m, GW_GAUGE, "godwit_services_settled",
	                 "A linked server; 1 if it and this one hold the same.");
	tell_peers(state, m, PEER_SETTLED);
	gw_metric_family(m, GW_GAUGE, "godwit_services_owed_cells",
	                 "Cells sent to a linked server that it has not confirmed, about.");
	tell_peers(state, m, PEER_OWED);
	gw_metric_family(m, GW_GAUGE, "godwit_services_buffered_bytes",
	                 "Of what comes from a linked server, put aside until it is whole.");
	tell_peers(state, m, PEER_BUFFERED);
}
