/*
 * moves --servers HOST:PORT,HOST:PORT... [OPTION...]
 *
 * Clients that can be moved (doc/redirect.md) talk to each other while somebody else drains and
 * restarts their servers, and check that nothing is lost, doubled or out of order (moves.h). Orders
 * come on stdin, one a line: stats, reset, pause, resume, rate N, ask N (moves, of N who are
 * drawn), stop. "ready" and the answers are lines of JSON on stdout; at the end comes a report,
 * also as a table on stderr. The exit status is 0 if all is well, 1 if not, 2 if it could not
 * begin.
 */
#include "moves.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define TICK_NS UINT64_C(10000000)
#define TURN_NS 1000000

enum { ENTER_MOST_S = 240, BEHIND_MOST = 200 };

static void give_up(const char *what, const char *detail)
{
	fprintf(stderr, "moves: %s%s\n", what, detail);
	exit(2);
}

/* Options */

enum value_kind { TEXT, NUMBER, FLAG };

static const struct option_row {
	const char *name;
	enum value_kind kind;
	size_t offset;
} option_rows[] = {
	{"servers", TEXT, offsetof(struct options, servers)},
	{"tls", FLAG, offsetof(struct options, tls)},
	{"clients", NUMBER, offsetof(struct options, clients)},
	{"group", NUMBER, offsetof(struct options, group)},
	{"rate", NUMBER, offsetof(struct options, rate)},
	{"seconds", NUMBER, offsetof(struct options, seconds)},
	{"direct", NUMBER, offsetof(struct options, direct)},
	{"text", NUMBER, offsetof(struct options, text)},
	{"caps", TEXT, offsetof(struct options, caps)},
	{"concurrency", NUMBER, offsetof(struct options, concurrency)},
	{"drain", NUMBER, offsetof(struct options, drain)},
	{"seed", NUMBER, offsetof(struct options, seed)},
	{"refuse", NUMBER, offsetof(struct options, refuse)},
	{"never", NUMBER, offsetof(struct options, never)},
	{"vanish", NUMBER, offsetof(struct options, vanish)},
	{"late", NUMBER, offsetof(struct options, late)},
	{"twice", NUMBER, offsetof(struct options, twice)},
};

enum { OPTION_ROWS = sizeof option_rows / sizeof option_rows[0] };

static void set_option(struct options *options, const struct option_row *row, const char *value)
{
	void *where = (char *)options + row->offset;

	if (row->kind == TEXT)
		*(const char **)where = value;
	else if (row->kind == NUMBER)
		*(unsigned *)where = strtoul(value, NULL, 10);
	else
		*(bool *)where = true;
}

static void read_options(struct options *options, int argc, char **argv)
{
	struct option longs[OPTION_ROWS + 1] = {0};
	int row;

	for (int i = 0; i < OPTION_ROWS; i++) {
		longs[i].name = option_rows[i].name;
		longs[i].has_arg = option_rows[i].kind == FLAG ? no_argument : required_argument;
		longs[i].val = i + 1;
	}
	while ((row = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (row == '?')
			exit(2);
		set_option(options, &option_rows[row - 1], optarg);
	}
	if (options->servers == NULL)
		give_up("which servers? ", "--servers HOST:PORT,HOST:PORT");
	if (options->group < 2 || options->group > GROUP_MAX || options->clients < options->group ||
	    options->clients % options->group != 0)
		give_up("--clients must be a multiple of --group", "");
}

/** "host:port,host:port", an IPv6 address in brackets. */
static void read_servers(struct crowd *crowd)
{
	char *copy = strdup(crowd->options.servers), *rest = copy, *word, *port, *host;

	while ((word = strsep(&rest, ",")) != NULL) {
		unsigned n = crowd->server_count;

		if (n == SERVERS_MAX || (port = strrchr(word, ':')) == NULL)
			give_up("what server is that? ", word);
		snprintf(crowd->server_names[n], sizeof crowd->server_names[n], "%s", word);
		*port++ = '\0';
		host = *word == '[' ? word + 1 : word;
		host[strcspn(host, "]")] = '\0';
		if (!client_address(&crowd->servers[n], host, port))
			give_up("no address: ", host);
		crowd->server_count++;
	}
	free(copy);
}

/* Pace */

static void set_rate(struct crowd *crowd, unsigned rate)
{
	crowd->options.rate = rate;
	crowd->since_ns = hub_clock(&crowd->hub);
	crowd->since_said = crowd->said + crowd->unsaid;
}

/** Says what is due by now. If the machine was away for long, that is not made up for. */
static void keep_pace(struct crowd *crowd)
{
	uint64_t due, done = crowd->said + crowd->unsaid - crowd->since_said;

	if (crowd->paused)
		return;
	due = (hub_clock(&crowd->hub) - crowd->since_ns) * crowd->options.rate / SECOND;
	for (int i = 0; i < BEHIND_MOST && done < due; i++, done++)
		people_talk(crowd);
	if (done < due)
		set_rate(crowd, crowd->options.rate);
}

/* Orders */

static void order_stats(struct crowd *crowd, unsigned n)
{
	(void)n;
	report_json(crowd, "stats");
}

static void order_reset(struct crowd *crowd, unsigned n)
{
	(void)n;
	report_reset(crowd);
}

static void order_pause(struct crowd *crowd, unsigned n)
{
	(void)n;
	crowd->paused = true;
}

static void order_resume(struct crowd *crowd, unsigned n)
{
	(void)n;
	crowd->paused = false;
	set_rate(crowd, crowd->options.rate);
}

static void order_stop(struct crowd *crowd, unsigned n)
{
	(void)n;
	crowd->ended = true;
}

static const struct order_row {
	const char *name;
	void (*run)(struct crowd *crowd, unsigned n);
} order_rows[] = {
	{"stats", order_stats},   {"reset", order_reset}, {"pause", order_pause},
	{"resume", order_resume}, {"rate", set_rate},     {"ask", people_ask},
	{"stop", order_stop},
};

static void obey(struct crowd *crowd, const char *order)
{
	char name[16] = "";
	unsigned n = 0;

	sscanf(order, "%15s %u", name, &n);
	for (size_t i = 0; i < sizeof order_rows / sizeof order_rows[0]; i++) {
		if (strcmp(name, order_rows[i].name) == 0) {
			order_rows[i].run(crowd, n);
			return;
		}
	}
	fprintf(stderr, "moves: what is \"%s\"?\n", name);
}

static void read_orders(struct crowd *crowd)
{
	char text[1024], *rest = text, *order;
	struct pollfd poll_fd = {.fd = STDIN_FILENO, .events = POLLIN};
	ssize_t got;

	if (poll(&poll_fd, 1, 0) <= 0 || (got = read(STDIN_FILENO, text, sizeof text - 1)) <= 0)
		return;
	text[got] = '\0';
	while ((order = strsep(&rest, "\n")) != NULL)
		if (*order != '\0')
			obey(crowd, order);
}

/* The run */

static void turn(struct crowd *crowd)
{
	uint64_t last_tick = crowd->hub.now_ns / TICK_NS;

	hub_turn(&crowd->hub, TURN_NS);
	if (crowd->hub.now_ns / TICK_NS == last_tick)
		return;
	people_tick(crowd);
	read_orders(crowd);
}

static void come_in(struct crowd *crowd)
{
	crowd->began_ns = hub_clock(&crowd->hub);
	while (!people_enter(crowd)) {
		turn(crowd);
		if (crowd->hub.now_ns - crowd->began_ns < ENTER_MOST_S * SECOND)
			continue;
		report_json(crowd, "stuck");
		give_up("not all came in", "");
	}
	if (crowd->gone > 0) {
		report_json(crowd, "stuck");
		give_up("somebody could not come in: ", crowd->examples[0]);
	}
	crowd->talking = true;
	crowd->next_person = 0;
	crowd->in_ns = hub_clock(&crowd->hub);
	report_json(crowd, "ready");
}

static void converse(struct crowd *crowd)
{
	uint64_t until = crowd->in_ns + crowd->options.seconds * SECOND;

	set_rate(crowd, crowd->options.rate);
	while (!crowd->ended && (crowd->options.seconds == 0 || crowd->hub.now_ns < until)) {
		keep_pace(crowd);
		turn(crowd);
	}
}

/** Until all is heard and nobody is on the way, or nothing has come for --drain seconds. */
static void fall_silent(struct crowd *crowd)
{
	uint64_t heard = crowd->counts.delivered, heard_ns = hub_clock(&crowd->hub);

	while ((!people_have_heard(crowd) || people_are_moving(crowd)) &&
	       crowd->hub.now_ns - heard_ns < crowd->options.drain * SECOND) {
		turn(crowd);
		if (crowd->counts.delivered == heard)
			continue;
		heard = crowd->counts.delivered;
		heard_ns = crowd->hub.now_ns;
	}
	people_settle(crowd);
}

static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	struct crowd *crowd = calloc(1, sizeof *crowd);
	bool clean;

	if (crowd == NULL || sodium_init() < 0)
		return 2;
	crowd->options = (struct options){.clients = 30,
	                                  .group = 10,
	                                  .rate = 300,
	                                  .direct = 50,
	                                  .text = 30,
	                                  .concurrency = 64,
	                                  .drain = 10,
	                                  .seed = 1,
	                                  .caps = "godwit/redirect message-tags server-time"};
	read_options(&crowd->options, argc, argv);
	srandom(crowd->options.seed);
	allow_many_files();
	prctl(PR_SET_TIMERSLACK, 1);
	hub_init(&crowd->hub);
	read_servers(crowd);
	people_make(crowd);
	come_in(crowd);
	converse(crowd);
	fall_silent(crowd);
	report_json(crowd, "report");
	report_table(crowd);
	clean = report_is_clean(crowd);
	people_leave(crowd);
	hub_fini(&crowd->hub);
	free(crowd);
	return clean ? 0 : 1;
}
