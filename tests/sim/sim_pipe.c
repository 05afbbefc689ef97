/*
 * tests/sim/sim_pipe.c - connections: bytes under way, bytes that arrived, and all that can go
 * wrong between.
 */
#include "tests/sim/sim_part.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum packet_kind { PACKET_DATA, PACKET_END, PACKET_RESET };

struct packet {
	struct packet *next; /* held by a link */
	struct simpipe *to;
	struct simhost *from; /* NULL: a scripted end */
	enum packet_kind kind;
	size_t n;
	char data[];
};

static void bytes_add(struct simbytes *b, const char *data, size_t n)
{
	if (b->start > 0) {
		memmove(b->data, b->data + b->start, b->n);
		b->start = 0;
	}
	if (b->n + n > b->room) {
		b->room = (b->n + n) * 2;
		b->data = realloc(b->data, b->room);
	}
	if (n > 0)
		memcpy(b->data + b->n, data, n);
	b->n += n;
}

static void bytes_take(struct simbytes *b, size_t n)
{
	b->start += n;
	b->n -= n;
}

void simpipe_unref(struct simpipe *pipe)
{
	struct simpipe **at = &pipe->net->pipes;

	if (--pipe->refs > 0)
		return;
	while (*at != pipe)
		at = &(*at)->next_all;
	*at = pipe->next_all;
	if (pipe->peer != NULL)
		pipe->peer->peer = NULL;
	free(pipe->in.data);
	free(pipe->unsent.data);
	free(pipe);
}

static struct simpipe *pipe_new(struct simnet *net)
{
	struct simpipe *pipe = calloc(1, sizeof(*pipe));

	pipe->net = net;
	pipe->refs = 1;
	pipe->next_all = net->pipes;
	net->pipes = pipe;
	return pipe;
}

struct simpipe *simpipe_pair(struct simnet *net)
{
	struct simpipe *a = pipe_new(net), *b = pipe_new(net);
	uint64_t word;
	int i;

	a->peer = b;
	b->peer = a;
	for (i = 0; i < 4; i++) {
		word = simnet_random(net);
		memcpy(a->binding + 8 * i, &word, 8);
	}
	memcpy(b->binding, a->binding, sizeof(a->binding));
	return a;
}

/* --- under way --- */

static void send_packet(struct simpipe *from, enum packet_kind kind, const struct iovec *iov,
                        size_t n);

static void arrive_data(struct simpipe *to, const struct packet *packet)
{
	if (to->peer != NULL)
		to->peer->under_way -= packet->n;
	if (to->closed)
		send_packet(to, PACKET_RESET, NULL, 0);
	else
		bytes_add(&to->in, packet->data, packet->n);
}

static struct simlink *link_of(struct simnet *net, const struct simhost *a, const struct simhost *b)
{
	return net->links == NULL || a == NULL || b == NULL ? NULL : simlink_find(net, a, b);
}

/* What comes while the way is stalled waits for its healing, as a copy: the event frees its own. */
static bool hold_back(const struct packet *packet)
{
	struct simlink *l = link_of(packet->to->net, packet->from, packet->to->host);
	size_t size = sizeof(*packet) + packet->n;
	struct packet *copy;

	if (l == NULL || !l->stalled)
		return false;
	copy = malloc(size);
	memcpy(copy, packet, size);
	copy->next = NULL;
	*l->end = copy;
	l->end = &copy->next;
	return true;
}

static void arrive(void *ctx)
{
	struct packet *packet = ctx;
	struct simpipe *to = packet->to;

	if (hold_back(packet))
		return;
	if (!to->half_open) {
		if (packet->kind == PACKET_DATA)
			arrive_data(to, packet);
		else if (packet->kind == PACKET_END)
			to->end_came = true;
		else
			to->reset = true;
		simpipe_attend(to);
	}
	simpipe_unref(to);
}

void packets_release(struct simnet *net, struct packet *first)
{
	struct packet *packet;

	while ((packet = first) != NULL) {
		first = packet->next;
		sim_at(net, NULL, net->now_ns, arrive, packet)->owns = true;
	}
}

void packets_drop(struct packet *first)
{
	struct packet *packet;

	while ((packet = first) != NULL) {
		first = packet->next;
		free(packet);
	}
}

int64_t simpipe_latency(struct simpipe *from)
{
	struct simnet *net = from->net;
	struct simlink *l = from->peer == NULL ? NULL : link_of(net, from->host, from->peer->host);

	return sim_between(net, net->faults.latency_min_ns, net->faults.latency_max_ns) +
	       (l == NULL ? 0 : l->delay_ns);
}

static void send_packet(struct simpipe *from, enum packet_kind kind, const struct iovec *iov,
                        size_t n)
{
	struct simnet *net = from->net;
	struct packet *packet;
	int64_t at = net->now_ns + simpipe_latency(from);
	size_t done, part;

	if (from->peer == NULL || from->half_open)
		return;
	packet = malloc(sizeof(*packet) + n);
	packet->to = from->peer;
	packet->from = from->host;
	packet->kind = kind;
	packet->n = n;
	for (done = 0; done < n; done += part, iov++) {
		part = iov->iov_len < n - done ? iov->iov_len : n - done;
		memcpy(packet->data + done, iov->iov_base, part);
	}
	packet->to->refs++;
	from->under_way += n;
	from->last_at_ns = at > from->last_at_ns ? at : from->last_at_ns;
	/* The host is woken by attention. */
	sim_at(net, NULL, from->last_at_ns, arrive, packet)->owns = true;
}

/* --- what sockets and scripted ends do --- */

static size_t room_of(const struct simpipe *pipe)
{
	size_t used = pipe->under_way + (pipe->peer != NULL ? pipe->peer->in.n : 0);

	return used < pipe->net->faults.window ? pipe->net->faults.window - used : 0;
}

ssize_t simpipe_write(struct simpipe *pipe, const struct iovec *iov, int n)
{
	size_t total = 0, room = room_of(pipe);
	int i;

	if (pipe->reset || pipe->shut_sent)
		return -EPIPE;
	for (i = 0; i < n; i++)
		total += iov[i].iov_len;
	if (total > room)
		total = room;
	if (total > 1 && sim_chance(pipe->net, pipe->net->faults.short_writes))
		total = 1 + simnet_random(pipe->net) % total;
	if (total == 0)
		return -EAGAIN;
	send_packet(pipe, PACKET_DATA, iov, total);
	return (ssize_t)total;
}

ssize_t simpipe_read(struct simpipe *pipe, void *p, size_t n)
{
	if (pipe->in.n == 0) {
		if (pipe->reset)
			return -ECONNRESET;
		return pipe->end_came ? 0 : -EAGAIN;
	}
	if (n > pipe->in.n)
		n = pipe->in.n;
	if (n > 1 && sim_chance(pipe->net, pipe->net->faults.short_reads))
		n = 1 + simnet_random(pipe->net) % n;
	memcpy(p, pipe->in.data + pipe->in.start, n);
	bytes_take(&pipe->in, n);
	if (pipe->peer != NULL)
		simpipe_attend(pipe->peer);
	return (ssize_t)n;
}

/* Closing with unread input is a reset, as with real sockets. */
void simpipe_end(struct simpipe *pipe)
{
	pipe->closed = true;
	pipe->sock = NULL;
	pipe->got = NULL;
	if (pipe->dialling && pipe->peer != NULL && pipe->peer->host == NULL)
		simpipe_unref(pipe->peer); /* nobody has heard of it */
	if (pipe->in.n > 0)
		send_packet(pipe, PACKET_RESET, NULL, 0);
	else if (!pipe->shut_sent)
		send_packet(pipe, PACKET_END, NULL, 0);
	pipe->shut_sent = true;
	simpipe_unref(pipe);
}

void simpipe_shut_now(struct simpipe *pipe)
{
	if (!pipe->shut_sent)
		send_packet(pipe, PACKET_END, NULL, 0);
	pipe->shut_sent = true;
}

/* --- readiness --- */

static void serve_scripted(void *ctx)
{
	struct simpipe *pipe = ctx;

	pipe->attending = false;
	simpipe_serve(pipe);
	simpipe_unref(pipe);
}

void simpipe_attend(struct simpipe *pipe)
{
	if (pipe->attending || pipe->closed)
		return;
	if (pipe->host == NULL) {
		pipe->attending = true;
		pipe->refs++;
		sim_at(pipe->net, NULL, pipe->net->now_ns, serve_scripted, pipe);
	} else if (pipe->sock != NULL) {
		pipe->attending = true;
		pipe->refs++;
		pipe->next_attention = pipe->host->attention;
		pipe->host->attention = pipe;
		simhost_wake(pipe->host);
	}
}

static bool can_read(const struct simpipe *pipe)
{
	if (pipe->dialling)
		return false;
	return (pipe->want & LOOP_READ) && (pipe->in.n > 0 || pipe->end_came || pipe->reset);
}

static bool can_write(const struct simpipe *pipe)
{
	if (pipe->dialling)
		return false;
	return (pipe->want & LOOP_WRITE) && (room_of(pipe) > 0 || pipe->reset || pipe->refused);
}

static bool serve_sock(struct simpipe *pipe)
{
	if (!pipe->closed && can_read(pipe))
		pipe->sock->events->readable(pipe->sock);
	if (!pipe->closed && can_write(pipe))
		pipe->sock->events->writable(pipe->sock);
	return !pipe->closed && (can_read(pipe) || can_write(pipe));
}

static void pump(struct simpipe *pipe)
{
	struct iovec iov;
	ssize_t sent;

	while (pipe->unsent.n > 0 && !pipe->shut_sent) {
		iov.iov_base = pipe->unsent.data + pipe->unsent.start;
		iov.iov_len = pipe->unsent.n;
		sent = simpipe_write(pipe, &iov, 1);
		if (sent < 0)
			return;
		bytes_take(&pipe->unsent, (size_t)sent);
	}
	if (pipe->shut)
		simpipe_shut_now(pipe);
}

static void hand_over(struct simpipe *pipe)
{
	size_t n = pipe->in.n;
	char *copy;

	if (n > 0) {
		copy = malloc(n);
		memcpy(copy, pipe->in.data + pipe->in.start, n);
		bytes_take(&pipe->in, n);
		if (pipe->peer != NULL)
			simpipe_attend(pipe->peer);
		pipe->got(pipe->ctx, copy, (ssize_t)n);
		free(copy);
	}
	if (pipe->closed || pipe->told || !(pipe->end_came || pipe->reset))
		return;
	pipe->told = true;
	pipe->got(pipe->ctx, NULL, pipe->reset ? -1 : 0);
}

bool simpipe_serve(struct simpipe *pipe)
{
	if (pipe->host != NULL)
		return serve_sock(pipe);
	if (!pipe->closed)
		pump(pipe);
	if (!pipe->closed && !pipe->blocked)
		hand_over(pipe);
	return false;
}

/* --- the scripted end --- */

void simpipe_send(struct simpipe *pipe, const void *data, size_t n)
{
	bytes_add(&pipe->unsent, data, n);
	simpipe_attend(pipe);
}

void simpipe_shut(struct simpipe *pipe)
{
	pipe->shut = true;
	simpipe_attend(pipe);
}

void simpipe_block(struct simpipe *pipe, bool blocked)
{
	pipe->blocked = blocked;
	simpipe_attend(pipe);
}

void simpipe_cut(struct simpipe *pipe)
{
	pipe->reset = true;
	simpipe_attend(pipe);
	if (pipe->peer != NULL) {
		pipe->peer->reset = true;
		simpipe_attend(pipe->peer);
	}
}

void simpipe_half_open(struct simpipe *pipe)
{
	pipe->half_open = true;
	if (pipe->peer != NULL)
		pipe->peer->half_open = true;
}

void simpipe_close(struct simpipe **pipe)
{
	struct simpipe *p = *pipe;

	*pipe = NULL;
	pump(p);
	simpipe_end(p);
}

void simpipe_binding(const struct simpipe *pipe, uint8_t out[32])
{
	memcpy(out, pipe->binding, sizeof(pipe->binding));
}

size_t simpipe_unsent(const struct simpipe *pipe)
{
	return pipe->unsent.n;
}
