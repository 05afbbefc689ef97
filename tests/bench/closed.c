/*
 * The closed modes: each sender keeps a window of lines under way, and sends the next one when its
 * oldest has arrived everywhere. So the server always has work, and no queue outgrows the window.
 */
#include "load.h"

enum { SLOTS = 256, STALL_S = 2, STALLS_MAX = 5 };

static void top_up(struct load *load, struct sender *sender)
{
	while (sender_in_flight(sender) < load->options.window)
		traffic_send(load, sender, load->now_ns);
}

/** Something was lost with nothing behind it that would show the gap: go on without it. */
static void give_up_lost(struct load *load)
{
	struct traffic *t = &load->traffic;

	for (uint32_t i = 0; i < t->sender_count; i++) {
		t->senders[i].base = t->senders[i].next;
		top_up(load, &t->senders[i]);
	}
	t->last_ns = load->now_ns;
}

/** Until `deliveries` in all, or the time is over. */
static void run_until(struct load *load, uint64_t deliveries, uint64_t end_ns)
{
	struct traffic *t = &load->traffic;
	int stalls = 0;

	t->last_ns = clock_ns();
	while (t->counts.deliveries < deliveries && load->now_ns < end_ns && stalls < STALLS_MAX) {
		load_turn(load, 100000000);
		if (load->now_ns - t->last_ns > STALL_S * UINT64_C(1000000000)) {
			give_up_lost(load);
			stalls++;
		}
	}
}

static void run(struct load *load)
{
	const struct options *o = &load->options;
	struct traffic *t = &load->traffic;

	if (o->window > SLOTS)
		load_fail("a window is at most %d lines", SLOTS);
	load_wait(load, 500000000);
	t->advanced = top_up;
	for (uint32_t i = 0; i < t->sender_count; i++)
		top_up(load, &t->senders[i]);
	run_until(load, UINT64_MAX, load->now_ns + o->warm_s * 1e9);
	load_begin(load);
	run_until(load, load->window.begin.deliveries + o->deliveries,
	          load->window.begin.at_ns + o->max_s * 1e9);
	load_end(load);
	traffic_drain(load, STALL_S);
	load_report_window(load);
}

void mode_fanout(struct load *load)
{
	const struct options *o = &load->options;

	if (o->senders > o->members || o->members < 2)
		load_fail("a channel needs two members and no more senders than members");
	traffic_open(load, o->channels, o->members, o->senders, SLOTS, false);
	run(load);
}

/** Both of a pair write to each other. */
void mode_pairs(struct load *load)
{
	traffic_open(load, load->options.count, 2, 2, SLOTS, true);
	run(load);
}
