/*
 * The open mode: lines to one channel, or several, at a given rate, at random moments (a Poisson
 * process) and from random members, whether or not the server keeps up. Latency counts from the
 * moment that a line was due, so neither a slow server nor a slow generator can hide behind a late
 * start. SIGTERM ends it before its time.
 */
#include "load.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>

enum { SLOTS = 1024, QUIET_S = 3 };

struct schedule {
	double mean_ns, due_ns;
	unsigned short seed[3]; /* the same moments and senders in every run */
};

static volatile sig_atomic_t ended;

static void end_early(int signo)
{
	(void)signo;
	ended = 1;
}

static void plan_next(struct schedule *schedule)
{
	schedule->due_ns += -log(1 - erand48(schedule->seed)) * schedule->mean_ns;
}

static void send_due(struct load *load, struct schedule *schedule)
{
	struct traffic *t = &load->traffic;

	load->now_ns = clock_ns();
	while (schedule->due_ns <= load->now_ns) {
		uint32_t index = erand48(schedule->seed) * t->sender_count;

		if (sender_in_flight(&t->senders[index]) == SLOTS)
			load_fail("the server does not keep up with %g lines a second",
			          load->options.rate);
		traffic_send(load, &t->senders[index], schedule->due_ns);
		plan_next(schedule);
	}
}

static void run_for(struct load *load, struct schedule *schedule, double seconds)
{
	uint64_t end = clock_ns() + seconds * 1e9;

	while (load->now_ns < end && !ended) {
		int64_t wait;

		send_due(load, schedule);
		wait = schedule->due_ns - load->now_ns;
		load_turn(load, wait < 100000000 ? wait : 100000000);
	}
}

void mode_open(struct load *load)
{
	const struct options *o = &load->options;
	struct schedule schedule = {.mean_ns = 1e9 / o->rate, .seed = {1, 2, 3}};

	signal(SIGTERM, end_early);
	traffic_open(load, o->channels, o->members, o->members, SLOTS, false);
	load_wait(load, 500000000);
	schedule.due_ns = load->now_ns;
	run_for(load, &schedule, o->warm_s);
	load_begin(load);
	run_for(load, &schedule, o->max_s);
	load_end(load);
	traffic_drain(load, QUIET_S);
	load_report_window(load);
}
