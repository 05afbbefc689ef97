/*
 * tests/unit/network_converge.c - whatever the order in which the events of several servers come,
 * all agree.
 *
 * Seeded: servers act at random on what they see at that moment, records travel per origin in order
 * and otherwise at random (worse than a tree of links, which keeps causes before effects). At the
 * end all have the same digest, the same visible state, and showed their users events that lead
 * exactly there. "network_converge SEED" runs one seed, "FIRST LAST" a range.
 *
 * Built a second time with a wrong comparison of stamps (network_broken.h), it must find that out.
 */
#include "tests/unit/cmocka.h"
#include "tests/unit/network_acts.h"
#include "tests/unit/network_watch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS_MAX 4
#define WATCHERS 2
#define ALL_MAX (SERVERS_MAX + WATCHERS + 1)
#define START_MS ((int64_t)1700000000000)

struct record {
	size_t len;
	uint8_t *bytes;
};

struct server {
	struct rig *rig;
	size_t taken[SERVERS_MAX]; /* of each origin's records */
	struct watch watch;
};

struct world {
	uint64_t random;
	size_t n; /* servers that act */
	struct server servers[ALL_MAX];
	struct record *records[SERVERS_MAX];
	size_t n_records[SERVERS_MAX];
	int64_t now_ms;
	bool verbose;
};

static uint64_t pick(struct world *w, uint64_t n)
{
	return rig_random(&w->random) % n;
}

static void on_event(void *ctx, struct rig *rig, const struct gw_event *e)
{
	struct world *w = ctx;
	struct server *s = w->servers;

	while (s->rig != rig)
		s++;
	if (w->verbose)
		printf("  %s: kind %u seq %llu %s %s\n", rig->name, (unsigned)(e->kind & 0xff),
		       (unsigned long long)e->seq, e->source == NULL ? "-" : e->source->user->nick,
		       e->channel == NULL ? "-" : e->channel->name);
	watch_event(&s->watch, e);
}

static void on_record(void *ctx, struct rig *rig, const struct gw_record *r)
{
	struct world *w = ctx;
	struct record *copy;
	size_t o = 0;

	while (o < w->n && w->servers[o].rig != rig)
		o++;
	if (o == w->n || r->via != 0)
		return;
	w->records[o] = realloc(w->records[o], (w->n_records[o] + 1) * sizeof(*w->records[o]));
	copy = &w->records[o][w->n_records[o]++];
	copy->len = r->len;
	copy->bytes = malloc(r->len);
	memcpy(copy->bytes, r->bytes, r->len);
}

/* Server `s` takes the next record of origin `o`, if there is one. */
static bool deliver(struct world *w, size_t s, size_t o)
{
	struct server *server = &w->servers[s];
	const struct record *r;
	int status;

	if (s == o || server->taken[o] == w->n_records[o])
		return false;
	r = &w->records[o][server->taken[o]++];
	status = RIG(server->rig, apply, r->bytes, r->len, o + 1);
	if (status != 0 && server->watch.fault == NULL)
		server->watch.fault = "a record was refused";
	return true;
}

static void deliver_all(struct world *w, size_t servers)
{
	size_t idle = 0;

	while (idle < 400) {
		if (deliver(w, pick(w, servers), pick(w, w->n)))
			idle = 0;
		else
			idle++;
	}
	for (size_t s = 0; s < servers; s++) {
		for (size_t o = 0; o < w->n;)
			o += deliver(w, s, o) ? 0 : 1;
	}
}

static struct server *server_start(struct world *w, size_t i)
{
	char name[32];
	struct server *s = &w->servers[i];

	snprintf(name, sizeof(name), "s%zu.example", i);
	s->rig = rig_new(name, rig_random(&w->random), START_MS + (int64_t)pick(w, 2000));
	s->rig->ctx = w;
	s->rig->on_event = on_event;
	s->rig->on_record = on_record;
	return s;
}

static void imported(void *ctx, const void *record, size_t len)
{
	struct server *to = ctx;
	int status = RIG(to->rig, apply, record, len, 99);

	if (status != 0)
		to->watch.fault = "a record of a burst was refused";
}

/* The last server gets the first one's burst instead of events. */
static void burst(struct world *w, struct server *to)
{
	struct gw_burst_cursor cursor = {0};

	rig_via(to->rig, w->servers[0].rig, 99, (struct gw_stamp){2, 99});
	while (RIG(w->servers[0].rig, burst_export, &cursor, imported, to))
		;
}

static void world_start(struct world *w)
{
	w->n = 2 + pick(w, SERVERS_MAX - 1);
	for (size_t i = 0; i < w->n + WATCHERS + 1; i++)
		server_start(w, i);
	for (size_t i = 0; i < w->n + WATCHERS; i++) {
		for (size_t j = 0; j < w->n; j++) {
			if (i != j)
				rig_knows(w->servers[i].rig, w->servers[j].rig, j + 1);
		}
	}
}

static void world_act(struct world *w)
{
	size_t steps = 20 + pick(w, 200);

	for (size_t i = 0; i < steps; i++) {
		size_t s = pick(w, w->n);

		w->servers[s].rig->wall_ms += (int64_t)pick(w, 3);
		if (pick(w, 50) == 0)
			rig_reload(w->servers[s].rig);
		if (pick(w, 3) == 0) {
			act(w->servers[s].rig, &w->random);
		} else {
			for (uint64_t n = pick(w, 6); n > 0; n--)
				deliver(w, s, pick(w, w->n));
		}
	}
}

static const char *world_check(struct world *w)
{
	size_t last = w->n + WATCHERS;
	const char *fault = w->servers[0].watch.fault;

	deliver_all(w, last);
	burst(w, &w->servers[last]);
	for (size_t i = 0; fault == NULL && i <= last; i++)
		fault = watch_compare(w->servers[0].rig, w->servers[i].rig, &w->servers[i].watch,
		                      w->verbose);
	return fault;
}

/* NULL, or what went wrong. */
static const char *run(uint64_t seed, bool verbose)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *fault;

	w->random = seed;
	w->verbose = verbose;
	world_start(w);
	world_act(w);
	fault = world_check(w);
	for (size_t i = 0; i < w->n + WATCHERS + 1; i++)
		rig_free(&w->servers[i].rig);
	for (size_t o = 0; o < w->n; o++) {
		for (size_t i = 0; i < w->n_records[o]; i++)
			free(w->records[o][i].bytes);
		free(w->records[o]);
	}
	free(w);
	return fault;
}

static size_t failures(uint64_t first, uint64_t last)
{
	size_t n = 0;

	for (uint64_t seed = first; seed <= last; seed++) {
		const char *fault = run(seed, false);

		if (fault != NULL && n++ < 5)
			fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, fault);
	}
	return n;
}

#ifdef EXPECT_DIVERGENCE
static void a_wrong_comparison_is_found(void **state)
{
	(void)state;
	assert_true(failures(1, 50) > 10);
}
#define CASE cmocka_unit_test(a_wrong_comparison_is_found)
#else
static void servers_agree_in_whatever_order_events_come(void **state)
{
	(void)state;
	assert_int_equal(failures(1, 3000), 0);
}
#define CASE cmocka_unit_test(servers_agree_in_whatever_order_events_come)
#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {CASE};

	if (argc == 2) {
		const char *fault = run(strtoull(argv[1], NULL, 10), true);

		printf("%s\n", fault == NULL ? "agreed" : fault);
		return fault != NULL;
	}
	if (argc == 3)
		return failures(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10)) != 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
