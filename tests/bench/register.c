/*
 * The mode "register": connections that register, say QUIT and wait until the server closes, a
 * given number of them at a time. The time of one is from connect() to its 001.
 */
#include "load.h"
#include <stdio.h>

static void registered(struct load *load, struct peer *peer)
{
	histogram_add(&load->traffic.latency, load->now_ns - peer->opened_ns);
	peer_leave(load, peer);
}

static void closed(struct load *load, struct peer *peer)
{
	(void)load;
	(void)peer;
}

static void open_next(struct load *load, struct peer *peer, uint32_t serial)
{
	snprintf(peer->nick, sizeof peer->nick, "r%07u", serial);
	peer_open(load, peer, serial);
}

/** Registers clients [from, to); each place is taken again as soon as it is free. */
static void run_through(struct load *load, uint32_t from, uint32_t to)
{
	uint32_t next = from, used;

	load->ready = 0;
	do {
		used = 0;
		for (uint32_t i = 0; i < load->peer_count; i++) {
			if (load->peers[i].state == PEER_CLOSED && next < to)
				open_next(load, &load->peers[i], next++);
			used += load->peers[i].state != PEER_CLOSED;
		}
		load_turn(load, 100000000);
	} while (used > 0);
}

void mode_register(struct load *load)
{
	const struct options *o = &load->options;
	uint32_t warm = o->count / 10;

	load->events.ready = registered;
	load->events.closed = closed;
	load_alloc_peers(load, o->concurrency);
	run_through(load, 0, warm);
	load_begin(load);
	run_through(load, warm, warm + o->count);
	load_end(load);
	load_report_window(load);
	load_report(load, "registrations", load->ready);
	load_report(load, "p50_ms", load->window.p50_ns / 1e6);
	load_report(load, "p99_ms", load->window.p99_ns / 1e6);
	load_report(load, "p999_ms", load->window.p999_ns / 1e6);
}
