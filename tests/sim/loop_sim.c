/*
 * tests/sim/loop_sim.c - a host of the simulated network: the loop that a server under test runs
 * on.
 */
#include "tests/sim/sim_part.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EPOCH_NS (INT64_C(1767225600) * GW_SECOND) /* 2026-01-01 */
#define NEXT_TURN_NS 1000

static struct simhost *host_of(struct loop *loop)
{
	return container_of(loop, struct simhost, base);
}

/* --- turns --- */

static bool serve_doors(struct simhost *host)
{
	struct simdoor *door;
	bool more = false;

	for (door = host->doors; door != NULL; door = door->next)
		if (door->waiting != NULL && !door->paused)
			door->listener->pending(door->listener);
	for (door = host->doors; door != NULL; door = door->next)
		more |= door->waiting != NULL && !door->paused;
	return more;
}

static void serve_socks(struct simhost *host)
{
	struct simpipe *list = NULL, *pipe;

	while ((pipe = host->attention) != NULL) { /* oldest first */
		host->attention = pipe->next_attention;
		pipe->next_attention = list;
		list = pipe;
	}
	while ((pipe = list) != NULL) {
		list = pipe->next_attention;
		pipe->attending = false;
		if (simpipe_serve(pipe))
			simpipe_attend(pipe);
		simpipe_unref(pipe);
	}
}

static void turn(void *ctx)
{
	struct simhost *host = ctx;
	bool more;

	host->turn = NULL;
	host->in_turn = true;
	more = serve_doors(host);
	serve_socks(host);
	more |= loop_turn_end(&host->base);
	host->in_turn = false;
	more |= host->attention != NULL;
	if (more)
		host->turn = sim_at(host->net, host, host->net->now_ns + NEXT_TURN_NS, turn, host);
	host->net->running = NULL; /* a turn does not call for another one */
}

void simhost_wake(struct simhost *host)
{
	if (host->in_turn)
		return;
	if (host->turn != NULL && host->turn->at_ns <= host->net->now_ns)
		return;
	if (host->turn != NULL)
		host->turn->cancelled = true;
	host->turn = sim_at(host->net, host, host->net->now_ns, turn, host);
}

static void sim_wake(struct loop *loop)
{
	simhost_wake(host_of(loop));
}

static void sim_run(struct loop *loop)
{
	struct simhost *host = host_of(loop);

	host->stopped = false;
	while (!host->stopped && simnet_step(host->net, INT64_MAX))
		;
}

static void sim_stop(struct loop *loop)
{
	host_of(loop)->stopped = true;
}

bool simhost_stopped(const struct loop *host)
{
	return container_of(host, struct simhost, base)->stopped;
}

/* --- time and chance --- */

static int64_t sim_mono_ns(struct loop *loop)
{
	return host_of(loop)->net->now_ns + GW_SECOND; /* never 0 */
}

static int64_t sim_wall_ns(struct loop *loop)
{
	return EPOCH_NS + host_of(loop)->net->now_ns + host_of(loop)->skew_ns;
}

void simhost_skew(struct loop *host, int64_t ns)
{
	host_of(host)->skew_ns = ns;
}

static void sim_random(struct loop *loop, void *out, size_t n)
{
	struct simhost *host = host_of(loop);
	char *p = out;
	uint64_t word;
	size_t part;

	for (; n > 0; n -= part, p += part) {
		word = sim_next_random(host->random);
		part = n < sizeof(word) ? n : sizeof(word);
		memcpy(p, &word, part);
	}
}

static void timer_due(void *ctx)
{
	struct loop_timer *timer = ctx;

	timer->room[0] = 0;
	timer->fired(timer);
}

static void sim_timer_set(struct loop_timer *timer, int64_t after_ns)
{
	struct simevent *event = (struct simevent *)(uintptr_t)timer->room[0];
	struct simhost *host = host_of(timer->loop);

	if (event != NULL)
		event->cancelled = true;
	timer->room[0] = 0;
	if (after_ns < 0)
		return;
	event = sim_at(host->net, host, host->net->now_ns + after_ns, timer_due, timer);
	timer->room[0] = (uintptr_t)event;
}

/* --- signals --- */

static int sim_signal_start(struct loop_signal *s, int signo)
{
	struct simhost *host = host_of(s->loop);
	int i;

	for (i = 0; i < SIM_SIGNALS && host->signals[i] != NULL; i++)
		;
	if (i == SIM_SIGNALS)
		return -ENOSPC;
	host->signals[i] = s;
	host->signos[i] = signo;
	return 0;
}

static void sim_signal_stop(struct loop_signal *s)
{
	struct simhost *host = host_of(s->loop);
	int i;

	for (i = 0; i < SIM_SIGNALS; i++)
		if (host->signals[i] == s)
			host->signals[i] = NULL;
}

static void signal_due(void *ctx)
{
	struct loop_signal *s = ctx;

	s->caught(s);
}

void simhost_signal(struct loop *loop, int signo)
{
	struct simhost *host = host_of(loop);
	int i;

	for (i = 0; i < SIM_SIGNALS; i++)
		if (host->signals[i] != NULL && host->signos[i] == signo)
			sim_at(host->net, host, host->net->now_ns, signal_due, host->signals[i]);
}

/* --- listeners --- */

static struct simdoor *door_of(struct loop_listener *listener)
{
	return (struct simdoor *)(uintptr_t)listener->room[0];
}

static struct simdoor *find_door(struct simhost *host, const char *address)
{
	struct simdoor *door;

	for (door = host->doors; door != NULL; door = door->next)
		if (strcmp(door->address, address) == 0)
			return door;
	return NULL;
}

/* "host:0" asks for a port. */
static char *door_address(struct simhost *host, const char *address, uint16_t *port_out)
{
	const char *colon = strrchr(address, ':');
	char *text = NULL;

	*port_out = strncmp(address, "unix:", 5) == 0 ? 0 : (uint16_t)atoi(colon + 1);
	if (*port_out != 0 || strncmp(address, "unix:", 5) == 0)
		return strdup(address);
	*port_out = (uint16_t)(40000 + host->last_port++);
	return asprintf(&text, "%.*s:%u", (int)(colon - address), address, *port_out) < 0 ? NULL
	                                                                                  : text;
}

static int sim_listen(struct loop *loop, const char *address, unsigned mode,
                      struct loop_listener *listener)
{
	struct simhost *host = host_of(loop);
	struct simdoor *door, **at;

	(void)mode;
	if (strchr(address, ':') == NULL)
		return -EINVAL;
	if (find_door(host, address) != NULL)
		return -EADDRINUSE;
	door = calloc(1, sizeof(*door));
	door->host = host;
	door->listener = listener;
	door->address = door_address(host, address, &door->port);
	for (at = &host->doors; *at != NULL; at = &(*at)->next)
		;
	*at = door;
	listener->loop = loop;
	listener->room[0] = (uintptr_t)door;
	return 0;
}

static void sim_listener_pause(struct loop_listener *listener, bool paused)
{
	door_of(listener)->paused = paused;
	simhost_wake(door_of(listener)->host);
}

static void door_free(struct simdoor *door)
{
	struct simpipe *pipe;

	while ((pipe = door->waiting) != NULL) {
		door->waiting = pipe->next_waiting;
		simpipe_end(pipe);
	}
	free(door->address);
	free(door);
}

static void sim_listener_close(struct loop_listener *listener)
{
	struct simdoor *door = door_of(listener), **at = &door->host->doors;

	while (*at != door)
		at = &(*at)->next;
	*at = door->next;
	door_free(door);
}

static uint16_t sim_listener_port(struct loop_listener *listener)
{
	return door_of(listener)->port;
}

/* --- sockets --- */

static struct simpipe *pipe_of(struct loop_sock *sock)
{
	return (struct simpipe *)(uintptr_t)sock->room[0];
}

static void adopt(struct simhost *host, struct simpipe *pipe, struct loop_sock *sock, unsigned want)
{
	pipe->host = host;
	pipe->sock = sock;
	pipe->want = want;
	sock->loop = &host->base;
	sock->room[0] = (uintptr_t)pipe;
	simpipe_attend(pipe);
}

static void describe(const struct simpipe *pipe, struct loop_peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	memcpy(peer->address, pipe->from, sizeof(peer->address));
	peer->port = pipe->port;
	peer->loopback = strncmp(pipe->from, "127.", 4) == 0 || strcmp(pipe->from, "::1") == 0 ||
	                 strcmp(pipe->from, "unix") == 0;
	peer->has_uid = strcmp(pipe->from, "unix") == 0;
}

static int sim_accept(struct loop_listener *listener, struct loop_sock *sock,
                      struct loop_peer *peer_out)
{
	struct simdoor *door = door_of(listener);
	struct simpipe *pipe = door->waiting;

	if (pipe == NULL)
		return -EAGAIN;
	door->waiting = pipe->next_waiting;
	describe(pipe, peer_out);
	adopt(door->host, pipe, sock, LOOP_READ);
	return 0;
}

static void knock(struct simdoor *door, struct simpipe *pipe, const char *from)
{
	struct simpipe **at = &door->waiting;

	snprintf(pipe->from, sizeof(pipe->from), "%s", from);
	pipe->port = (uint16_t)(50000 + door->host->last_port++);
	pipe->host = door->host;
	while (*at != NULL)
		at = &(*at)->next_waiting;
	*at = pipe;
	simhost_wake(door->host);
}

static struct simdoor *find_anywhere(struct simhost *host, const char *address)
{
	struct simdoor *door = find_door(host, address);
	struct simhost *other = strncmp(address, "10.", 3) == 0 ? host->net->hosts : NULL;

	for (; door == NULL && other != NULL; other = other->next)
		door = find_door(other, address);
	return door;
}

/* A connection that a host makes: it knocks after one latency and is up after two. */
struct dialling {
	struct simpipe *pipe;
	char address[LOOP_ADDRESS_MAX];
};

static void settle_dial(struct simpipe *pipe, bool refused)
{
	pipe->dialling = false;
	pipe->refused = refused;
	simpipe_attend(pipe);
}

static void answered(void *ctx)
{
	struct simpipe *pipe = ctx;
	bool unheard = pipe->peer != NULL && pipe->peer->host == NULL;

	if (unheard)
		simpipe_unref(pipe->peer);
	settle_dial(pipe, unheard);
	simpipe_unref(pipe);
}

static void knocks(void *ctx);

/* Asks again once in a while, as the system does, until it is healed or given up. */
static void dial_on(struct dialling *d, int64_t after_ns)
{
	struct simnet *net = d->pipe->net;
	struct dialling *copy = malloc(sizeof(*copy));

	*copy = *d;
	sim_at(net, NULL, net->now_ns + after_ns, knocks, copy)->owns = true;
}

static void host_address(const struct simhost *host, char out[INET6_ADDRSTRLEN])
{
	snprintf(out, INET6_ADDRSTRLEN, "10.0.0.%u", host->number);
}

static void knocks(void *ctx)
{
	struct dialling *d = ctx;
	struct simpipe *pipe = d->pipe;
	struct simnet *net = pipe->net;
	struct simdoor *door = pipe->closed ? NULL : find_anywhere(pipe->host, d->address);
	struct simlink *l = door == NULL ? NULL : simlink_find(net, pipe->host, door->host);
	char from[INET6_ADDRSTRLEN] = "127.0.0.1";
	int64_t back = net->faults.latency_max_ns + (l == NULL ? 0 : l->delay_ns);

	if (l != NULL && l->stalled && !pipe->closed) {
		dial_on(d, GW_SECOND);
		return;
	}
	if (door != NULL && pipe->peer != NULL && (l == NULL || !l->cut)) {
		if (door->host != pipe->host)
			host_address(pipe->host, from);
		if (strncmp(d->address, "unix:", 5) == 0)
			strcpy(from, "unix");
		pipe->has_certificate = true;
		memcpy(pipe->certificate, door->host->certificate, sizeof(pipe->certificate));
		knock(door, pipe->peer, from);
	}
	sim_at(net, NULL, net->now_ns + back, answered, pipe);
}

static void describe_address(const char *address, struct loop_peer *peer)
{
	const char *colon = strrchr(address, ':');
	bool local = strncmp(address, "unix:", 5) == 0;

	memset(peer, 0, sizeof(*peer));
	snprintf(peer->address, sizeof(peer->address), "%.*s", local ? 4 : (int)(colon - address),
	         address);
	peer->port = local ? 0 : (uint16_t)atoi(colon + 1);
	peer->loopback = local || strncmp(address, "127.", 4) == 0;
	peer->has_uid = local;
}

static int sim_connect(struct loop *loop, const char *address, struct loop_sock *sock,
                       struct loop_peer *peer_out)
{
	struct simhost *host = host_of(loop);
	struct dialling d = {.pipe = simpipe_pair(host->net)};

	describe_address(address, peer_out);
	snprintf(d.address, sizeof(d.address), "%s", address);
	d.pipe->dialling = true;
	d.pipe->refs++; /* the events' */
	adopt(host, d.pipe, sock, LOOP_READ | LOOP_WRITE);
	dial_on(&d, host->net->faults.latency_max_ns);
	return 0;
}

static int sim_sock_error(struct loop_sock *sock)
{
	const struct simpipe *pipe = pipe_of(sock);

	if (pipe->dialling)
		return -EAGAIN;
	return pipe->refused ? -ECONNREFUSED : pipe->reset ? -ECONNRESET : 0;
}

static void found(struct loop_found *out, unsigned number, unsigned port)
{
	snprintf(out->address[out->n++], LOOP_ADDRESS_MAX, "10.0.0.%u:%u", number, port);
}

/* "sim3.example.net:7000"; "sim3and2.example.net:7000" has two addresses. */
static void sim_lookup(struct loop *loop, const char *address, struct loop_found *out)
{
	unsigned number, second, port;
	char end;

	(void)loop;
	if (sscanf(address, "sim%u.example.net:%u%c", &number, &port, &end) == 2) {
		found(out, number, port);
	} else if (sscanf(address, "sim%uand%u.example.net:%u%c", &number, &second, &port, &end) ==
	           3) {
		found(out, number, port);
		found(out, second, port);
	} else {
		out->why = "Name or service not known";
	}
}

void simhost_number(struct loop *loop, unsigned number)
{
	host_of(loop)->number = number;
}

void simhost_certificate(struct loop *loop, const uint8_t fingerprint[32])
{
	struct simhost *host = host_of(loop);

	memcpy(host->certificate, fingerprint, sizeof(host->certificate));
}

struct simpipe *simpipe_connect(struct simnet *net, struct loop *loop, const char *address,
                                const char *from, const uint8_t certificate[32],
                                simpipe_got_fn *got, void *ctx)
{
	struct simdoor *door = find_door(host_of(loop), address);
	struct simpipe *pipe;

	if (door == NULL)
		return NULL;
	pipe = simpipe_pair(net);
	pipe->got = got;
	pipe->ctx = ctx;
	pipe->peer->has_certificate = certificate != NULL;
	if (certificate != NULL)
		memcpy(pipe->peer->certificate, certificate, sizeof(pipe->certificate));
	knock(door, pipe->peer, from);
	return pipe;
}

static void sim_sock_want(struct loop_sock *sock, unsigned want)
{
	pipe_of(sock)->want = want;
	simpipe_attend(pipe_of(sock));
}

static ssize_t sim_sock_read(struct loop_sock *sock, void *p, size_t n)
{
	return simpipe_read(pipe_of(sock), p, n);
}

static ssize_t sim_sock_write(struct loop_sock *sock, const struct iovec *iov, int n)
{
	return simpipe_write(pipe_of(sock), iov, n);
}

static void sim_sock_shut(struct loop_sock *sock)
{
	simpipe_shut_now(pipe_of(sock));
}

static void sim_sock_close(struct loop_sock *sock)
{
	simpipe_end(pipe_of(sock));
}

static void sim_sock_secured(struct loop_sock *sock, struct loop_secured *out)
{
	const struct simpipe *pipe = pipe_of(sock);

	out->has_certificate = pipe->has_certificate;
	memcpy(out->certificate, pipe->certificate, sizeof(pipe->certificate));
	memcpy(out->binding, pipe->binding, sizeof(pipe->binding));
}

/* --- work --- */

static void complete_first(struct simhost *host, unsigned lane)
{
	struct loop_work *work = host->work[lane];

	if (work == NULL)
		return;
	host->work[lane] = work->next;
	host->n_work[lane]--;
	work->done(work);
}

static void write_due(void *ctx)
{
	complete_first(ctx, GW_LANE_WRITE);
}

static void read_due(void *ctx)
{
	complete_first(ctx, GW_LANE_READ);
}

static void compute_due(void *ctx)
{
	complete_first(ctx, GW_LANE_COMPUTE);
}

static void lookup_due(void *ctx)
{
	complete_first(ctx, LOOP_LANE_LOOKUP);
}

/* Runs at once, is done later. */
static int sim_work(struct loop *loop, struct loop_work *work)
{
	static void (*const due[SIM_LANES])(void *) = {[GW_LANE_WRITE] = write_due,
	                                               [GW_LANE_READ] = read_due,
	                                               [GW_LANE_COMPUTE] = compute_due,
	                                               [LOOP_LANE_LOOKUP] = lookup_due};
	struct simhost *host = host_of(loop);
	struct simfaults *f = &host->net->faults;
	struct loop_work **at = &host->work[work->lane];
	int64_t *lane_at = &host->work_at_ns[work->lane];
	int64_t when = host->net->now_ns + sim_between(host->net, f->work_min_ns, f->work_max_ns);

	if (work->lane == GW_LANE_COMPUTE && host->n_work[work->lane] >= SIM_COMPUTE_QUEUE)
		return -EAGAIN;
	work->run(work);
	work->next = NULL;
	while (*at != NULL)
		at = &(*at)->next;
	*at = work;
	host->n_work[work->lane]++;
	*lane_at = when > *lane_at ? when : *lane_at;
	sim_at(host->net, host, *lane_at, due[work->lane], host);
	return 0;
}

static void sim_work_finish(struct loop *loop)
{
	struct simhost *host = host_of(loop);
	unsigned lane;

	for (lane = 0; lane < SIM_LANES; lane++)
		while (host->work[lane] != NULL)
			complete_first(host, lane);
}

static void sim_free(struct loop *loop)
{
	struct simhost *host = host_of(loop), **at = &host->net->hosts;
	struct simpipe *pipe;
	struct simdoor *door;
	size_t i;

	while (*at != host)
		at = &(*at)->next;
	*at = host->next;
	for (i = 0; i < host->net->n; i++)
		if (host->net->heap[i]->host == host)
			host->net->heap[i]->cancelled = true;
	while ((pipe = host->attention) != NULL) {
		host->attention = pipe->next_attention;
		simpipe_unref(pipe);
	}
	while ((door = host->doors) != NULL) {
		host->doors = door->next;
		door_free(door);
	}
	free(host);
}

static const struct loop_ops sim_ops = {
	.free = sim_free,
	.run = sim_run,
	.stop = sim_stop,
	.mono_ns = sim_mono_ns,
	.now_ns = sim_mono_ns,
	.wall_ns = sim_wall_ns,
	.random = sim_random,
	.timer_set = sim_timer_set,
	.wake = sim_wake,
	.signal_start = sim_signal_start,
	.signal_stop = sim_signal_stop,
	.listen = sim_listen,
	.listener_pause = sim_listener_pause,
	.listener_close = sim_listener_close,
	.listener_port = sim_listener_port,
	.accept = sim_accept,
	.connect = sim_connect,
	.sock_error = sim_sock_error,
	.lookup = sim_lookup,
	.sock_want = sim_sock_want,
	.sock_read = sim_sock_read,
	.sock_write = sim_sock_write,
	.sock_shut = sim_sock_shut,
	.sock_close = sim_sock_close,
	.sock_secured = sim_sock_secured,
	.work = sim_work,
	.work_finish = sim_work_finish,
};

struct loop *simhost_new(struct simnet *net)
{
	struct simhost *host = calloc(1, sizeof(*host));

	loop_init(&host->base, &sim_ops);
	host->net = net;
	host->next = net->hosts;
	net->hosts = host;
	host->random[0] = simnet_random(net);
	host->random[1] = simnet_random(net) | 1;
	host->number = (unsigned)++net->last_host;
	memset(host->certificate, (int)host->number, sizeof(host->certificate));
	return &host->base;
}
