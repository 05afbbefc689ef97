/*
 * tests/module/link_stage.c - raw ends of connections between servers.
 */
#include "tests/module/link_stage.h"
#include "tests/unit/cmocka.h"
#include <errno.h>
#include <stdlib.h>

/* --- an end --- */

static void took(struct raw *raw, const char *data, ssize_t n)
{
	if (n <= 0) {
		raw->ended = true;
		raw->reset = n < 0;
		raw->ended_ns = simnet_now(raw->net);
		if (raw->other != NULL)
			raw_shut(raw->other);
		return;
	}
	assert_true(raw->n + (size_t)n <= RAW_MAX);
	memcpy(raw->in + raw->n, data, (size_t)n);
	raw->n += (size_t)n;
	if (raw->other != NULL)
		raw_send(raw->other, data, (size_t)n);
}

static void got(void *ctx, const char *data, ssize_t n)
{
	took(ctx, data, n);
}

static struct raw *raw_new(struct simnet *net)
{
	struct raw *raw = calloc(1, sizeof(*raw));

	raw->net = net;
	raw->began_ns = simnet_now(net);
	return raw;
}

struct raw *raw_dial(struct simnet *net, struct simserver *s, const char *from)
{
	struct raw *raw = raw_new(net);

	raw->pipe =
		simpipe_connect(net, simserver_host(s), simserver_address(s), from, NULL, got, raw);
	assert_non_null(raw->pipe);
	simpipe_binding(raw->pipe, raw->binding);
	return raw;
}

void raw_free(struct raw **raw)
{
	if ((*raw)->pipe != NULL)
		simpipe_close(&(*raw)->pipe);
	if ((*raw)->sock.loop != NULL)
		(*raw)->sock.loop->ops->sock_close(&(*raw)->sock);
	free(*raw);
	*raw = NULL;
}

void raw_send(struct raw *raw, const void *p, size_t n)
{
	const struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};

	if (raw->pipe != NULL)
		simpipe_send(raw->pipe, p, n);
	else if (raw->sock.loop != NULL && !raw->reset)
		raw->sock.loop->ops->sock_write(&raw->sock, &iov, 1);
}

void raw_shut(struct raw *raw)
{
	if (raw->pipe != NULL)
		simpipe_shut(raw->pipe);
	else if (raw->sock.loop != NULL)
		raw->sock.loop->ops->sock_shut(&raw->sock);
}

bool raw_wait(struct raw *raw, size_t n)
{
	int64_t until = simnet_now(raw->net) + 60 * GW_SECOND;

	while (raw->n < n && !raw->ended && simnet_step(raw->net, until))
		;
	return raw->n >= n;
}

int64_t raw_lived(struct raw *raw)
{
	int64_t until = simnet_now(raw->net) + 60 * GW_SECOND;

	while (!raw->ended && simnet_step(raw->net, until))
		;
	assert_true(raw->ended);
	return raw->ended_ns - raw->began_ns;
}

/* --- a host where servers dial --- */

static void readable(struct loop_sock *sock)
{
	struct raw *raw = container_of(sock, struct raw, sock);
	char data[4096];
	ssize_t n = sock->loop->ops->sock_read(sock, data, sizeof(data));

	if (n == -EAGAIN)
		return;
	if (n <= 0)
		sock->loop->ops->sock_want(sock, 0);
	took(raw, data, n);
}

static void writable(struct loop_sock *sock)
{
	(void)sock;
}

static const struct loop_sock_events events = {.readable = readable, .writable = writable};

static void pending(struct loop_listener *door)
{
	struct stage *stage = container_of(door, struct stage, door);
	struct loop_secured secured;
	struct loop_peer peer;
	struct raw *raw = raw_new(stage->net);

	raw->sock.events = &events;
	if (stage->host->ops->accept(door, &raw->sock, &peer) != 0) {
		free(raw);
		return;
	}
	stage->host->ops->sock_secured(&raw->sock, &secured);
	memcpy(raw->binding, secured.binding, sizeof(raw->binding));
	raw->next = stage->raws;
	stage->raws = raw;
	stage->n_raws++;
	if (stage->relay != NULL) {
		raw->other = raw_dial(stage->net, stage->relay, "10.0.0.99");
		raw->other->other = raw;
	}
}

struct stage *stage_new(struct simnet *net, unsigned number)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	stage->net = net;
	stage->host = simhost_new(net);
	simhost_number(stage->host, number);
	snprintf(stage->address, sizeof(stage->address), "10.0.0.%u:7000", number);
	stage->door.pending = pending;
	assert_int_equal(stage->host->ops->listen(stage->host, stage->address, 0, &stage->door), 0);
	return stage;
}

void stage_free(struct stage **stage)
{
	struct raw *raw;

	while ((raw = (*stage)->raws) != NULL) {
		(*stage)->raws = raw->next;
		if (raw->other != NULL)
			raw_free(&raw->other);
		raw_free(&raw);
	}
	(*stage)->host->ops->listener_close(&(*stage)->door);
	(*stage)->host->ops->free((*stage)->host);
	free(*stage);
	*stage = NULL;
}

struct raw *stage_wait(struct stage *stage, unsigned n)
{
	int64_t until = simnet_now(stage->net) + 600 * GW_SECOND;

	while (stage->n_raws < n && simnet_step(stage->net, until))
		;
	assert_true(stage->n_raws >= n);
	return stage->raws;
}

/* --- a source --- */

bool raw_hello(struct raw *raw, struct end *source)
{
	exchange_init(&source->x, source->name, raw->binding);
	step_hello(source);
	raw_send(raw, source->hello, sizeof(source->hello));
	return raw_wait(raw, FRAME_CHALLENGE);
}

enum code raw_prove(struct raw *raw, struct end *source, const char *name,
                    const uint8_t pin[KEY_BYTES], uint8_t run)
{
	enum code code;

	if (!raw_hello(raw, source))
		return CODE_EOF;
	code = step_response(source, name, pin, raw->in, run);
	if (code != CODE_OK)
		return code;
	raw_send(raw, source->response, sizeof(source->response));
	if (!raw_wait(raw, FRAME_CHALLENGE + FRAME_DONE))
		return CODE_EOF;
	return source_done(&source->x, raw->in + FRAME_CHALLENGE);
}

/* --- servers --- */

void stage_add(struct simserver *s, const struct end *whom, const char *address)
{
	char text[KEY_TEXT_SIZE];
	const char *answer;
	int status;

	key_text(whom->keys[0].pk, text);
	answer = simserver_admin(s, &status, "server add %s %s %s", whom->name, text,
	                         address != NULL ? address : "");
	if (status != 0)
		fprintf(stderr, "%s\n", answer);
	assert_int_equal(status, 0);
}

void stage_key(struct simserver *s, uint8_t out[KEY_BYTES])
{
	const char *key = strstr(simserver_admin(s, NULL, "server joinline"), "gwpk1-");
	char text[KEY_TEXT_SIZE];

	assert_non_null(key);
	snprintf(text, sizeof(text), "%s", key);
	assert_int_equal(key_parse(text, out, NULL), 0);
}

unsigned stage_logged(struct simserver *s, const char *what)
{
	const char *at = simserver_log(s);
	unsigned n = 0;

	for (; (at = strstr(at, what)) != NULL; at += strlen(what))
		n++;
	return n;
}
