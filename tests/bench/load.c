/*
 * The load generator's frame: options, the loop, the window that is measured, the report, which is
 * one JSON object on stdout. All else goes to stderr.
 */
#include "load.h"
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { EVENTS_PER_TURN = 512 };

void load_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

void load_alloc_peers(struct load *load, uint32_t count)
{
	load->peers = calloc(count, sizeof *load->peers);
	load->dirty = calloc(count, sizeof(struct peer *));
	if (load->peers == NULL || load->dirty == NULL)
		load_fail("no memory");
	load->peer_count = count;
	for (uint32_t i = 0; i < count; i++) {
		load->peers[i].index = i;
		snprintf(load->peers[i].nick, sizeof load->peers[i].nick, "b%05u", i % 100000);
	}
}

/* The loop */

void load_turn(struct load *load, int64_t timeout_ns)
{
	struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	struct epoll_event events[EVENTS_PER_TURN];
	int count;

	peers_flush(load);
	count = epoll_pwait2(load->epoll_fd, events, EVENTS_PER_TURN, &timeout, NULL);
	load->now_ns = clock_ns();
	for (int i = 0; i < count; i++)
		peer_event(load, events[i].data.ptr, events[i].events);
	if (load->sampling)
		sampler_drain(&load->sampler);
	peers_flush(load);
}

void load_wait(struct load *load, uint64_t ns)
{
	uint64_t end = clock_ns() + ns;

	do
		load_turn(load, 5000000);
	while (load->now_ns < end);
}

/* The window */

static void take(struct load *load, struct snapshot *snapshot)
{
	uint64_t segments = peers_segments(load);

	snapshot_take(snapshot, load->options.pid);
	if (load->sampling)
		snapshot->user_s = sampler_user_s(&load->sampler);
	snapshot->segments = segments;
	snapshot->deliveries = load->traffic.counts.deliveries;
}

void load_begin(struct load *load)
{
	if (load->options.pid != 0)
		load->sampling = sampler_open(&load->sampler, load->options.pid);
	memset(&load->traffic.latency, 0, sizeof load->traffic.latency);
	take(load, &load->window.begin);
}

void load_end(struct load *load)
{
	const struct histogram *latency = &load->traffic.latency;

	take(load, &load->window.end);
	load->window.p50_ns = histogram_quantile(latency, 0.5);
	load->window.p99_ns = histogram_quantile(latency, 0.99);
	load->window.p999_ns = histogram_quantile(latency, 0.999);
}

void load_report(struct load *load, const char *name, double value)
{
	printf("%s\"%s\": %.10g", load->reported ? ",\n  " : "{ ", name, value);
	load->reported = true;
}

static void report_traffic(struct load *load)
{
	const struct counts *counts = &load->traffic.counts;
	const struct snapshot *begin = &load->window.begin, *end = &load->window.end;

	load_report(load, "deliveries", end->deliveries - begin->deliveries);
	load_report(load, "segments", end->segments - begin->segments);
	load_report(load, "p50_ms", load->window.p50_ns / 1e6);
	load_report(load, "p99_ms", load->window.p99_ns / 1e6);
	load_report(load, "p999_ms", load->window.p999_ns / 1e6);
	load_report(load, "all_deliveries", counts->deliveries);
	load_report(load, "tagged", counts->tagged);
	load_report(load, "lost", counts->lost);
	load_report(load, "doubled", counts->doubled);
	load_report(load, "reordered", counts->reordered);
	load_report(load, "corrupt", counts->corrupt);
}

void load_report_window(struct load *load)
{
	const struct snapshot *begin = &load->window.begin, *end = &load->window.end;

	load_report(load, "seconds", (end->at_ns - begin->at_ns) / 1e9);
	load_report(load, "cpu_s", end->cpu_s - begin->cpu_s);
	load_report(load, "user_s", end->user_s - begin->user_s);
	load_report(load, "user_sampled", load->sampling);
	load_report(load, "load_s", end->own_s - begin->own_s);
	load_report(load, "machine_s", end->machine_s - begin->machine_s);
	load_report(load, "stolen_s", end->stolen_s - begin->stolen_s);
	load_report(load, "writes", end->writes - begin->writes);
	load_report(load, "wakeups", end->wakeups - begin->wakeups);
	if (load->traffic.sender_count > 0)
		report_traffic(load);
}

/* Options */

enum value_kind { AS_STRING, AS_INT, AS_LONG, AS_UNSIGNED, AS_COUNT, AS_DOUBLE, AS_FLAG };

static const struct option_row {
	const char *name;
	enum value_kind kind;
	size_t offset;
} option_rows[] = {
	{"mode", AS_STRING, offsetof(struct options, mode)},
	{"port", AS_INT, offsetof(struct options, port)},
	{"other", AS_INT, offsetof(struct options, other)},
	{"pid", AS_LONG, offsetof(struct options, pid)},
	{"tls", AS_FLAG, offsetof(struct options, tls)},
	{"caps", AS_FLAG, offsetof(struct options, caps)},
	{"channels", AS_UNSIGNED, offsetof(struct options, channels)},
	{"members", AS_UNSIGNED, offsetof(struct options, members)},
	{"senders", AS_UNSIGNED, offsetof(struct options, senders)},
	{"window", AS_UNSIGNED, offsetof(struct options, window)},
	{"text", AS_UNSIGNED, offsetof(struct options, text_len)},
	{"deliveries", AS_COUNT, offsetof(struct options, deliveries)},
	{"warm", AS_DOUBLE, offsetof(struct options, warm_s)},
	{"max", AS_DOUBLE, offsetof(struct options, max_s)},
	{"settle", AS_DOUBLE, offsetof(struct options, settle_s)},
	{"rate", AS_DOUBLE, offsetof(struct options, rate)},
	{"count", AS_UNSIGNED, offsetof(struct options, count)},
	{"concurrency", AS_UNSIGNED, offsetof(struct options, concurrency)},
};

enum { OPTION_ROWS = sizeof option_rows / sizeof option_rows[0] };

static const struct mode_row {
	const char *name;
	void (*run)(struct load *load);
} mode_rows[] = {
	{"fanout", mode_fanout},     {"pairs", mode_pairs}, {"open", mode_open},
	{"register", mode_register}, {"idle", mode_idle},
};

static void set_option(struct options *options, const struct option_row *row, const char *value)
{
	void *at = (char *)options + row->offset;

	switch (row->kind) {
	case AS_STRING:
		*(const char **)at = value;
		break;
	case AS_INT:
		*(int *)at = atoi(value);
		break;
	case AS_LONG:
		*(long *)at = atol(value);
		break;
	case AS_UNSIGNED:
		*(unsigned *)at = strtoul(value, NULL, 10);
		break;
	case AS_COUNT:
		*(uint64_t *)at = strtoull(value, NULL, 10);
		break;
	case AS_DOUBLE:
		*(double *)at = strtod(value, NULL);
		break;
	case AS_FLAG:
		*(bool *)at = true;
		break;
	}
}

static void read_options(struct options *options, int argc, char **argv)
{
	struct option longs[OPTION_ROWS + 1] = {0};
	int row;

	for (int i = 0; i < OPTION_ROWS; i++) {
		longs[i].name = option_rows[i].name;
		longs[i].has_arg = option_rows[i].kind == AS_FLAG ? no_argument : required_argument;
		longs[i].val = i + 1;
	}
	while ((row = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (row == '?')
			exit(2);
		set_option(options, &option_rows[row - 1], optarg);
	}
}

static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void run_mode(struct load *load)
{
	for (size_t i = 0; i < sizeof mode_rows / sizeof mode_rows[0]; i++) {
		if (strcmp(mode_rows[i].name, load->options.mode) == 0) {
			mode_rows[i].run(load);
			printf(" }\n");
			return;
		}
	}
	load_fail("no mode is called %s", load->options.mode);
}

int main(int argc, char **argv)
{
	static struct load load = {
		.options = {.mode = "fanout",
	                    .port = 6667,
	                    .channels = 1,
	                    .members = 100,
	                    .senders = 16,
	                    .window = 2,
	                    .text_len = 64,
	                    .deliveries = 1000000,
	                    .warm_s = 1,
	                    .max_s = 60,
	                    .settle_s = 3,
	                    .rate = 500,
	                    .count = 1000,
	                    .concurrency = 64},
	};

	read_options(&load.options, argc, argv);
	allow_many_files();
	prctl(PR_SET_TIMERSLACK, 1);
	load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (load.epoll_fd < 0)
		load_fail("epoll: %s", strerror(errno));
	if (load.options.tls)
		gnutls_certificate_allocate_credentials(&load.tls_credentials);
	run_mode(&load);
	return 0;
}
