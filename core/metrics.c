/*
 * core/metrics.c - what the core tells of itself: the loop, jobs, connections, modules, changes,
 * log lines. All of it is counted where it happens; here it is only read.
 */
#include "core/metrics.h"
#include "core/change.h"
#include "core/conn.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/loop_api.h"
#include "core/module.h"
#include "core/server.h"
#include "core/settings.h"
#include "core/times.h"

#include <malloc.h>
#include <sys/resource.h>

static void tell_server(struct gw_server *server, const struct gw_metrics *m)
{
	const char *const labels[] = {
		"server",  server->name,     "network", server->settings->network,
		"version", server_version(), NULL};
	struct loop *loop = server->loop;
	int64_t up_ns = loop->ops->mono_ns(loop) - server->started_ns;

	gw_metric_family(m, GW_GAUGE, "godwit_info", "What this server is; always 1.");
	gw_metric_sample(m, labels, 1);
	gw_metric(m, GW_GAUGE, "godwit_start_time_seconds",
	          "When the server was started, in seconds since 1970.",
	          (double)((loop->ops->wall_ns(loop) - up_ns) / GW_MS) / 1e3);
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void tell_process(const struct gw_metrics *m)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	gw_metric(m, GW_COUNTER, "process_cpu_seconds_total",
	          "Processor time of the process, its threads included.",
	          seconds(usage.ru_utime) + seconds(usage.ru_stime));
	gw_metric(m, GW_GAUGE, "godwit_memory_bytes", "Memory that the process has allocated.",
	          (double)mallinfo2().uordblks);
}

static void tell_lanes(const struct gw_server *server, const struct gw_metrics *m)
{
	static const char *const names[] = {
		[GW_LANE_WRITE] = "write", [GW_LANE_READ] = "read", [GW_LANE_COMPUTE] = "compute"};
	const struct lane_counts *lanes = loop_calls_lanes(server);
	const size_t n = sizeof(names) / sizeof(names[0]);

	gw_metric_family(m, GW_COUNTER, "godwit_jobs_total", "Jobs given to the pool.");
	for (size_t i = 0; i < n; i++)
		gw_metric_labelled(m, "lane", names[i], (double)lanes[i].started);
	gw_metric_family(m, GW_COUNTER, "godwit_jobs_refused_total",
	                 "Jobs that the pool did not take, as too many waited.");
	for (size_t i = 0; i < n; i++)
		gw_metric_labelled(m, "lane", names[i], (double)lanes[i].refused);
	gw_metric_family(m, GW_GAUGE, "godwit_jobs_pending",
	                 "Jobs that wait in the pool or run there.");
	for (size_t i = 0; i < n; i++)
		gw_metric_labelled(m, "lane", names[i],
		                   (double)(lanes[i].started - lanes[i].ended));
}

static void tell_loop(const struct gw_server *server, const struct gw_metrics *m)
{
	gw_metric_family(m, GW_HISTOGRAM, "godwit_loop_lag_seconds",
	                 "How long a turn of the loop took: so long others may have waited.");
	gw_metric_histogram(m, NULL, &server->loop->turns);
	tell_lanes(server, m);
}

static void tell_traffic(const struct conns *conns, const struct gw_metrics *m)
{
	const struct conn_counts *c = &conns->counts;

	gw_metric(m, GW_COUNTER, "godwit_connections_received_bytes_total",
	          "Bytes that came in over connections, of all protocols, without what TLS adds.",
	          (double)c->bytes_in);
	gw_metric(m, GW_COUNTER, "godwit_connections_sent_bytes_total", "The same, going out.",
	          (double)c->bytes_out);
	gw_metric_family(m, GW_COUNTER, "godwit_tls_handshakes_failed_total",
	                 "TLS handshakes that came to nothing.");
	gw_metric_labelled(m, "reason", "failed", (double)c->handshakes_failed);
	gw_metric_labelled(m, "reason", "timeout", (double)c->handshakes_late);
}

static void tell_queues(struct conns *conns, const struct gw_metrics *m)
{
	gw_metric(m, GW_GAUGE, "godwit_send_queue_bytes",
	          "Bytes that wait to be written, of all connections.", (double)conns->store.bytes);
	gw_metric(m, GW_GAUGE, "godwit_send_queue_longest_bytes",
	          "The longest queue behind a full socket in the last one or two minutes.",
	          conns_peak(conns));
	gw_metric(m, GW_GAUGE, "godwit_connections_blocked", "Connections whose socket is full.",
	          (double)conns->counts.blocked);
	gw_metric(m, GW_COUNTER, "godwit_send_queue_overflows_total",
	          "Connections closed because more waited than may.",
	          (double)conns->counts.overflowed);
}

static void tell_conns(struct conns *conns, const struct gw_metrics *m)
{
	gw_metric(m, GW_GAUGE, "godwit_connections", "Connections of all protocols.",
	          (double)conns_count(conns));
	gw_metric(m, GW_COUNTER, "godwit_connections_accepted_total",
	          "Connections that came in, of all protocols.", (double)conns->counts.accepted);
	gw_metric(m, GW_COUNTER, "godwit_connections_refused_total",
	          "Of these, those that the module of their protocol did not take.",
	          (double)conns->counts.refused);
	tell_traffic(conns, m);
	tell_queues(conns, m);
}

/* A time is estimated from some calls, so it may seem to shrink; a counter must not. */
static double told_seconds(struct module *module, const struct time_sum *sum)
{
	if (sum->calls < module->told_calls || sum->total_ns > module->told_ns)
		module->told_ns = sum->total_ns;
	module->told_calls = sum->calls;
	return module->told_ns / 1e9;
}

static void tell_times(struct gw_server *server, const struct gw_metrics *m)
{
	struct module *module;
	struct time_sum sum;

	gw_metric_family(m, GW_COUNTER, "godwit_module_calls_total",
	                 "Calls of a module's functions by the server: lines, timers, events.");
	for (module = server->modules; module != NULL; module = module->next) {
		sum = times_sum(module);
		gw_metric_labelled(m, "module", module->self.name, (double)sum.calls);
	}
	gw_metric_family(m, GW_COUNTER, "godwit_module_seconds_total",
	                 "Time in a module's functions, estimated from some of the calls.");
	for (module = server->modules; module != NULL; module = module->next) {
		sum = times_sum(module);
		gw_metric_labelled(m, "module", module->self.name, told_seconds(module, &sum));
	}
}

static void tell_modules(struct gw_server *server, const struct gw_metrics *m)
{
	struct module *module;

	gw_metric_family(m, GW_GAUGE, "godwit_module_info",
	                 "A loaded module and its version; always 1.");
	for (module = server->modules; module != NULL; module = module->next)
		gw_metric_sample(m,
		                 (const char *const[]){"module", module->self.name, "version",
		                                       module->descriptor->version, NULL},
		                 1);
	gw_metric_family(m, GW_GAUGE, "godwit_module_generation",
	                 "How often a module's code was loaded, the first time included.");
	for (module = server->modules; module != NULL; module = module->next)
		gw_metric_labelled(m, "module", module->self.name, module->self.generation);
	gw_metric_family(m, GW_GAUGE, "godwit_module_memory_bytes",
	                 "Memory that a module has allocated.");
	for (module = server->modules; module != NULL; module = module->next)
		gw_metric_labelled(m, "module", module->self.name, (double)module->memory);
	tell_times(server, m);
}

static void tell_changes(const struct gw_server *server, const struct gw_metrics *m)
{
	const struct change_counts *counts = changes_counts(server);

	gw_metric_family(m, GW_COUNTER, "godwit_changes_total",
	                 "Modules loaded, unloaded, reloaded, and rehashes, that were asked for.");
	for (unsigned kind = 0; kind < CHANGE_KINDS; kind++) {
		const char *name = change_name((enum change_kind)kind);

		gw_metric_sample(m, (const char *const[]){"change", name, "result", "done", NULL},
		                 (double)counts[kind].done);
		gw_metric_sample(m, (const char *const[]){"change", name, "result", "failed", NULL},
		                 (double)counts[kind].failed);
	}
}

static void tell_log(const struct gw_server *server, const struct gw_metrics *m)
{
	gw_metric_family(m, GW_COUNTER, "godwit_log_lines_total",
	                 "Lines in the log, by level, as far as that level is logged.");
	for (int level = GW_DEBUG; level <= GW_ERROR; level++)
		gw_metric_labelled(m, "level", log_level_word((enum gw_log_level)level),
		                   (double)log_count(server->log, (enum gw_log_level)level));
}

void server_metrics(void *state, uint64_t tag, const void *payload)
{
	const struct gw_metrics *m = payload;
	struct gw_server *server = state;

	(void)tag;
	tell_server(server, m);
	tell_process(m);
	tell_loop(server, m);
	tell_conns(server->conns, m);
	tell_modules(server, m);
	tell_changes(server, m);
	tell_log(server, m);
}
