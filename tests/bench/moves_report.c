/*
 * What the crowd has seen, for programs (JSON) and for people (a table).
 */
#include "moves.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static const struct figure_row {
	const char *name, *words;
} figure_rows[FIGURES] = {
	[LATENCY_QUIET] = {"latency", "message, nobody moving"},
	[LATENCY_MOVING] = {"latency_moving", "message from or to somebody moving"},
	[GAP_CLOSED] = {"gap_closed", "SYNC to the end of the old connection"},
	[GAP_SERVED] = {"gap_served", "SYNC to the answer behind SWAP"},
	[GAP_LATEST] = {"gap_latest", "latest message of a move"},
	[GAP_HOLE] = {"gap_hole", "between messages, around a move"},
};

/* What the movers have counted, of all. */
static const struct count_row {
	const char *name;
	size_t offset;
} count_rows[] = {
	{"requests", offsetof(struct mover_counts, requests)},
	{"moved", offsetof(struct mover_counts, moved)},
	{"refused", offsetof(struct mover_counts, refused)},
	{"ignored", offsetof(struct mover_counts, ignored)},
	{"cancelled", offsetof(struct mover_counts, cancelled)},
	{"timed_out", offsetof(struct mover_counts, timed_out)},
	{"failed", offsetof(struct mover_counts, failed)},
	{"stale", offsetof(struct mover_counts, stale)},
	{"malformed", offsetof(struct mover_counts, malformed)},
};

enum { COUNT_ROWS = sizeof count_rows / sizeof count_rows[0] };

void report_figure(struct crowd *crowd, enum figure figure, uint64_t ns)
{
	histogram_add(&crowd->figures[figure], ns);
	if (ns > crowd->worst[figure])
		crowd->worst[figure] = ns;
}

void report_reset(struct crowd *crowd)
{
	memset(crowd->figures, 0, sizeof crowd->figures);
	memset(crowd->worst, 0, sizeof crowd->worst);
	crowd->first_move_ns = crowd->last_move_ns = 0;
}

void report_example(struct crowd *crowd, const char *nick, const char *text)
{
	if (crowd->example_count < EXAMPLES_MAX)
		snprintf(crowd->examples[crowd->example_count++], EXAMPLE_LEN, "%s: %s", nick,
		         text);
}

static uint64_t total(const struct crowd *crowd, const struct count_row *row)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < crowd->options.clients; i++)
		sum += *(const uint64_t *)((const char *)&crowd->people[i].client.mover.counts +
		                           row->offset);
	return sum;
}

static uint64_t twice(const struct crowd *crowd)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < crowd->options.clients; i++)
		sum += crowd->people[i].client.echoes;
	return sum;
}

static double own_cpu_s(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double moves_s(const struct crowd *crowd)
{
	return (crowd->last_move_ns - crowd->first_move_ns) / 1e9;
}

bool report_is_clean(const struct crowd *crowd)
{
	const struct ledger_counts *c = &crowd->counts;

	return c->lost + c->doubled + c->disordered + c->foreign + crowd->disconnected +
	               crowd->unexpected ==
	       0;
}

/* JSON */

static void json_text(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		if ((unsigned char)*text < ' ')
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void json_figures(const struct crowd *crowd)
{
	for (int i = 0; i < FIGURES; i++) {
		const struct histogram *h = &crowd->figures[i];

		printf(", \"%s\": {\"count\": %llu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
		       "\"max_ms\": %.3f}",
		       figure_rows[i].name, (unsigned long long)h->count,
		       histogram_quantile(h, 0.5) / 1e6, histogram_quantile(h, 0.99) / 1e6,
		       crowd->worst[i] / 1e6);
	}
}

/** How many are where. */
static void json_where(const struct crowd *crowd)
{
	printf(", \"where\": {");
	for (unsigned server = 0; server < crowd->server_count; server++) {
		const struct sockaddr_storage *address = &crowd->servers[server];
		unsigned count = 0;

		for (uint32_t i = 0; i < crowd->options.clients; i++) {
			const struct client *client = &crowd->people[i].client;

			count += crowd->people[i].stage == PRESENT &&
			         memcmp(&client->to[client->mover.home], address,
			                sizeof *address) == 0;
		}
		printf("%s\"%s\": %u", server > 0 ? ", " : "", crowd->server_names[server], count);
	}
	putchar('}');
}

static void json_examples(const struct crowd *crowd)
{
	printf(", \"examples\": [");
	for (unsigned i = 0; i < crowd->example_count; i++) {
		printf(i > 0 ? ", " : "");
		json_text(crowd->examples[i]);
	}
	putchar(']');
}

static void json_number(const char *name, uint64_t value)
{
	printf(", \"%s\": %llu", name, (unsigned long long)value);
}

void report_json(struct crowd *crowd, const char *event)
{
	const struct ledger_counts *c = &crowd->counts;

	printf("{\"event\": \"%s\", \"seconds\": %.3f", event,
	       (hub_clock(&crowd->hub) - crowd->began_ns) / 1e9);
	json_number("present", crowd->present);
	json_number("said", crowd->said);
	json_number("unsaid", crowd->unsaid);
	json_number("delivered", c->delivered);
	json_number("lost", c->lost);
	json_number("doubled", c->doubled);
	json_number("disordered", c->disordered);
	json_number("foreign", c->foreign);
	json_number("disconnected", crowd->disconnected);
	json_number("vanished", crowd->vanished);
	json_number("unexpected", crowd->unexpected);
	json_number("told", crowd->told);
	for (int i = 0; i < COUNT_ROWS; i++)
		json_number(count_rows[i].name, total(crowd, &count_rows[i]));
	json_number("twice", twice(crowd));
	printf(", \"moves_seconds\": %.3f, \"cpu_s\": %.2f", moves_s(crowd), own_cpu_s());
	json_number("bytes_in", crowd->hub.bytes_in);
	json_number("bytes_out", crowd->hub.bytes_out);
	json_figures(crowd);
	json_where(crowd);
	json_examples(crowd);
	printf("}\n");
	fflush(stdout);
}

/* The table */

void report_table(struct crowd *crowd)
{
	const struct ledger_counts *c = &crowd->counts;

	fprintf(stderr,
	        "%llu messages said, %llu delivered: %llu lost, %llu doubled, %llu out of order\n",
	        (unsigned long long)crowd->said, (unsigned long long)c->delivered,
	        (unsigned long long)c->lost, (unsigned long long)c->doubled,
	        (unsigned long long)c->disordered);
	fprintf(stderr, "%llu clients disconnected, %llu vanished; %llu lines that should not be\n",
	        (unsigned long long)crowd->disconnected, (unsigned long long)crowd->vanished,
	        (unsigned long long)crowd->unexpected);
	for (int i = 0; i < COUNT_ROWS; i++)
		fprintf(stderr, "%s%s %llu", i > 0 ? ", " : "", count_rows[i].name,
		        (unsigned long long)total(crowd, &count_rows[i]));
	fprintf(stderr, "; %.1f s from the first to the last move\n\n%-40s %10s %9s %9s %9s\n",
	        moves_s(crowd), "in milliseconds", "count", "p50", "p99", "max");
	for (int i = 0; i < FIGURES; i++)
		fprintf(stderr, "%-40s %10llu %9.2f %9.2f %9.2f\n", figure_rows[i].words,
		        (unsigned long long)crowd->figures[i].count,
		        histogram_quantile(&crowd->figures[i], 0.5) / 1e6,
		        histogram_quantile(&crowd->figures[i], 0.99) / 1e6, crowd->worst[i] / 1e6);
	for (unsigned i = 0; i < crowd->example_count; i++)
		fprintf(stderr, "  %s\n", crowd->examples[i]);
}
