/*
 * modules/client/metrics.c - figures of the clients for the topic "metrics.collect"; each is
 * counted where it happens.
 */
#include "client.h"

static const char *const refusals[REFUSALS] = {
	[REFUSED_STOPPING] = "stopping", [REFUSED_FULL] = "full", [REFUSED_ADDRESS] = "address",
	[REFUSED_PACE] = "pace",         [REFUSED_RULE] = "rule",
};

static const char *const ends[CLIENT_ENDS] = {
	[END_SERVER] = "server", [END_QUIT] = "quit",   [END_LOST] = "lost",
	[END_MOVED] = "moved",   [END_SILENT] = "ping", [END_LOGIN] = "login",
	[END_FLOOD] = "flood",   [END_SENDQ] = "sendq", [END_TLS] = "tls",
};

static void tell_states(const struct client_counts *counts, const struct gw_metrics *m)
{
	static const char *const states[] = {[GW_CONNECTING] = "connecting",
	                                     [GW_REGISTRATION] = "registration",
	                                     [GW_CONNECTED] = "connected"};

	gw_metric_family(m, GW_GAUGE, "godwit_clients", "Clients of this server, by state.");
	for (int i = GW_CONNECTING; i <= GW_CONNECTED; i++)
		gw_metric_labelled(m, "state", states[i], counts->in_state[i]);
}

static void tell_comings(const struct client_counts *counts, const struct gw_metrics *m)
{
	gw_metric(m, GW_COUNTER, "godwit_client_accepted_total", "Connections taken as clients.",
	          (double)counts->accepted);
	gw_metric_family(m, GW_COUNTER, "godwit_client_refused_total",
	                 "Connections of clients that were not taken.");
	for (int i = REFUSED_NOT + 1; i < REFUSALS; i++)
		gw_metric_labelled(m, "reason", refusals[i], (double)counts->refused[i]);
	gw_metric_family(m, GW_COUNTER, "godwit_client_entered_total",
	                 "Clients that became Connected: by a login, or moved here.");
	gw_metric_labelled(m, "way", "login", (double)counts->entered);
	gw_metric_labelled(m, "way", "move", (double)counts->adopted);
	gw_metric(m, GW_COUNTER, "godwit_client_barred_total",
	          "Clients that a module refused as they were about to enter: bans, a drain.",
	          (double)counts->barred);
	gw_metric_family(m, GW_COUNTER, "godwit_client_ended_total", "Clients that have gone.");
	for (int i = 0; i < CLIENT_ENDS; i++)
		gw_metric_labelled(m, "reason", ends[i], (double)counts->ended[i]);
}

static void tell_commands(const struct client_state *st, const struct gw_metrics *m)
{
	const struct client_counts *counts = &st->counts;
	const struct command *command;

	gw_metric(m, GW_COUNTER, "godwit_client_lines_total", "Lines that clients have sent.",
	          (double)counts->lines);
	gw_metric(m, GW_COUNTER, "godwit_client_lines_refused_total",
	          "Of these, those that were no command, or none for that client.",
	          (double)counts->bad_lines);
	gw_metric_family(m, GW_COUNTER, "godwit_client_commands_total", "Commands executed.");
	for (command = st->commands; command != NULL; command = command->hh.next)
		gw_metric_labelled(m, "command", command->name, (double)command->executed);
}

static void tell_output(const struct client_counts *counts, const struct gw_metrics *m)
{
	gw_metric(m, GW_COUNTER, "godwit_client_deliveries_total",
	          "Events given to local sessions other than their source's.",
	          (double)counts->deliveries);
	gw_metric(m, GW_COUNTER, "godwit_client_forms_total",
	          "Forms of events that were made for that, each for many sessions.",
	          (double)counts->forms);
	gw_metric(m, GW_COUNTER, "godwit_client_replies_total",
	          "Lines made for one client: answers, and its own events.",
	          (double)counts->replies);
}

void client_metrics(void *state, uint64_t tag, const void *payload)
{
	const struct client_state *st = state;

	(void)tag;
	tell_states(&st->counts, payload);
	tell_comings(&st->counts, payload);
	tell_commands(st, payload);
	tell_output(&st->counts, payload);
}
