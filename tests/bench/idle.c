/*
 * The mode "idle": registered clients that say nothing. The first few are not counted: what they
 * cost is the server's own start (code paged in, tables of a first size). When memory was read, the
 * same time passes once more, in which the server should not even wake up.
 */
#include "load.h"

enum { NOT_COUNTED = 100 };

void mode_idle(struct load *load)
{
	const struct options *o = &load->options;
	uint64_t settle_ns = o->settle_s * 1e9;
	const struct snapshot *begin = &load->window.begin, *end = &load->window.end;
	struct snapshot later;

	load_alloc_peers(load, NOT_COUNTED + o->count);
	peers_open(load, 0, NOT_COUNTED);
	load_wait(load, settle_ns);
	load_begin(load);
	peers_open(load, NOT_COUNTED, NOT_COUNTED + o->count);
	load_wait(load, settle_ns);
	load_end(load);
	load_wait(load, settle_ns);
	snapshot_take(&later, o->pid);
	load_report_window(load);
	load_report(load, "clients", o->count);
	load_report(load, "resident", ((double)end->resident - (double)begin->resident) / o->count);
	load_report(load, "anonymous",
	            ((double)end->anonymous - (double)begin->anonymous) / o->count);
	load_report(load, "resident_first", begin->resident);
	load_report(load, "idle_wakeups", later.wakeups - end->wakeups);
	load_report(load, "idle_cpu_s", later.cpu_s - end->cpu_s);
	load_report(load, "idle_s", (later.at_ns - end->at_ns) / 1e9);
}
