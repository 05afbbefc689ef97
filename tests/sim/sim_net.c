/*
 * tests/sim/sim_net.c - the heap of events, virtual time and the seeded source of chance.
 */
#include "tests/sim/harness_part.h"
#include "tests/sim/sim_part.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static uint64_t split_mix(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* xorshift128+ */
uint64_t sim_next_random(uint64_t state[2])
{
	uint64_t x = state[0], y = state[1];

	state[0] = y;
	x ^= x << 23;
	state[1] = x ^ y ^ x >> 17 ^ y >> 26;
	return state[1] + y;
}

struct simnet *simnet_new(uint64_t seed)
{
	struct simnet *net = calloc(1, sizeof(*net));
	const char *temporary = getenv("TMPDIR");

	net->seed = seed;
	net->folders = temporary != NULL ? temporary : "/tmp";
	net->random[0] = split_mix(&seed);
	net->random[1] = split_mix(&seed);
	net->faults = (struct simfaults){
		.latency_min_ns = GW_MS / 10,
		.latency_max_ns = GW_MS / 10,
		.window = 65536,
		.work_min_ns = GW_MS,
		.work_max_ns = GW_MS,
	};
	return net;
}

static void event_free(struct simevent *e)
{
	if (e->owns)
		free(e->ctx);
	free(e);
}

void simnet_free(struct simnet **net)
{
	struct simnet *n = *net;
	size_t i;

	*net = NULL;
	assert(n->hosts == NULL);
	while (n->pipes != NULL)
		simpipe_unref(n->pipes);
	simlinks_free(n);
	for (i = 0; i < n->n; i++)
		event_free(n->heap[i]);
	free(n->heap);
	free(n);
}

struct simserver **sim_servers(struct simnet *net)
{
	return &net->servers;
}

uint64_t simnet_seed(const struct simnet *net)
{
	return net->seed;
}

void simnet_set_folders(struct simnet *net, const char *parent)
{
	net->folders = parent;
}

const char *simnet_folders(const struct simnet *net)
{
	return net->folders;
}

struct simfaults *simnet_faults(struct simnet *net)
{
	return &net->faults;
}

int64_t simnet_now(const struct simnet *net)
{
	return net->now_ns;
}

uint64_t simnet_random(struct simnet *net)
{
	return sim_next_random(net->random);
}

int64_t sim_between(struct simnet *net, int64_t min, int64_t max)
{
	if (max <= min)
		return min;
	return min + (int64_t)(simnet_random(net) % (uint64_t)(max - min + 1));
}

bool sim_chance(struct simnet *net, unsigned percent)
{
	return percent > 0 && simnet_random(net) % 100 < percent;
}

/* --- the heap --- */

static bool before(const struct simevent *a, const struct simevent *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

static void sift_up(struct simnet *net, size_t i)
{
	struct simevent *e = net->heap[i];

	for (; i > 0 && before(e, net->heap[(i - 1) / 2]); i = (i - 1) / 2)
		net->heap[i] = net->heap[(i - 1) / 2];
	net->heap[i] = e;
}

static void sift_down(struct simnet *net)
{
	struct simevent *e = net->heap[0];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < net->n) {
		if (child + 1 < net->n && before(net->heap[child + 1], net->heap[child]))
			child++;
		if (!before(net->heap[child], e))
			break;
		net->heap[i] = net->heap[child];
		i = child;
	}
	net->heap[i] = e;
}

struct simevent *sim_at(struct simnet *net, struct simhost *host, int64_t at_ns, void (*fn)(void *),
                        void *ctx)
{
	struct simevent *e = calloc(1, sizeof(*e));

	e->at_ns = at_ns;
	e->number = net->events++;
	e->host = host;
	e->fn = fn;
	e->ctx = ctx;
	if (net->n == net->room) {
		net->room = net->room * 2 + 64;
		net->heap = realloc(net->heap, net->room * sizeof(struct simevent *));
	}
	net->heap[net->n] = e;
	sift_up(net, net->n++);
	return e;
}

static struct simevent *pop(struct simnet *net)
{
	struct simevent *e = net->heap[0];

	net->heap[0] = net->heap[--net->n];
	if (net->n > 0)
		sift_down(net);
	return e;
}

bool simnet_step(struct simnet *net, int64_t until_ns)
{
	struct simevent *e;

	while (net->n > 0 && net->heap[0]->cancelled)
		event_free(pop(net));
	if (net->n == 0 || net->heap[0]->at_ns > until_ns)
		return false;
	e = pop(net);
	if (e->at_ns > net->now_ns)
		net->now_ns = e->at_ns;
	net->running = e->host;
	e->fn(e->ctx);
	if (e->host != NULL && net->running == e->host)
		simhost_wake(e->host);
	net->running = NULL;
	event_free(e);
	return true;
}

void simnet_run(struct simnet *net, int64_t ns)
{
	int64_t until = net->now_ns + ns;

	while (simnet_step(net, until))
		;
	net->now_ns = until;
}
