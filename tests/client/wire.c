/*
 * Connections of the project's own client. Whatever happens to one outside an event of its socket
 * (it has something to write, it may be read again, it could not even be opened) is put on the
 * hub's list and looked at in the next turn, so that no callback comes from within a call.
 */
#include "wire.h"
#include <errno.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS_PER_TURN = 512,
	FINGERPRINT = 32,
	BINDING = 32,
	SOON_NS = 500000,
	HANDSHAKES_PER_TURN = 2
};

static const char priority[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1";

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static void *need(void *memory)
{
	if (memory == NULL)
		fail("memory");
	return memory;
}

uint64_t hub_clock(struct hub *hub)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	hub->now_ns = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
	return hub->now_ns;
}

static void wire_wait(struct wire *wire)
{
	struct hub *hub = wire->hub;

	if (wire->waiting)
		return;
	if (hub->waiting_count == hub->waiting_size) {
		hub->waiting_size = 2 * hub->waiting_size + 64;
		hub->waiting =
			need(realloc(hub->waiting, hub->waiting_size * sizeof *hub->waiting));
	}
	wire->waiting = true;
	hub->waiting[hub->waiting_count++] = wire;
}

static void watch(struct wire *wire, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = wire};

	if (events == wire->watched)
		return;
	if (epoll_ctl(wire->hub->epoll_fd, wire->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
	              wire->fd, &event) < 0)
		fail("epoll");
	wire->watched = events;
}

/** Of a wire that is up. */
static void watch_up(struct wire *wire, bool writable)
{
	watch(wire, (wire->paused ? 0 : EPOLLIN) | (writable ? EPOLLOUT : 0) | EPOLLRDHUP);
}

/* Opening and closing */

static void start_tls(struct wire *wire)
{
	struct hub *hub = wire->hub;

	if (gnutls_init(&wire->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0 ||
	    gnutls_priority_set(wire->tls, hub->priority) < 0 ||
	    gnutls_credentials_set(wire->tls, GNUTLS_CRD_CERTIFICATE, hub->credentials) < 0)
		fail("TLS");
	gnutls_handshake_set_timeout(wire->tls, 0);
	gnutls_transport_set_int(wire->tls, wire->fd);
}

static socklen_t address_len(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
	                                      : sizeof(struct sockaddr_in);
}

void wire_open(struct wire *wire, struct hub *hub, const struct sockaddr_storage *to,
               const struct sockaddr_storage *from, bool tls)
{
	int one = 1;

	wire->hub = hub;
	wire->serial++;
	wire->stalled_ns = 0;
	wire->watched = 0;
	wire->paused = wire->unread = false;
	wire->state = WIRE_CONNECTING;
	wire->fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (wire->fd < 0)
		fail("socket");
	setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(wire->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	if (from != NULL && from->ss_family == to->ss_family &&
	    bind(wire->fd, (const struct sockaddr *)from, address_len(from)) < 0)
		fail("bind");
	if (tls)
		start_tls(wire);
	watch(wire, EPOLLOUT);
	if (connect(wire->fd, (const struct sockaddr *)to, address_len(to)) < 0 &&
	    errno != EINPROGRESS)
		shutdown(wire->fd, SHUT_RDWR); /* not connected: the next turn sees that */
}

void wire_close(struct wire *wire)
{
	if (wire->state == WIRE_CLOSED)
		return;
	if (wire->tls != NULL)
		gnutls_deinit(wire->tls);
	wire->tls = NULL;
	close(wire->fd);
	wire->fd = -1;
	wire->state = WIRE_CLOSED;
	free(wire->in);
	free(wire->out);
	wire->in = wire->out = NULL;
	wire->in_len = wire->out_len = wire->out_size = 0;
}

static void wire_ended(struct wire *wire, const char *why)
{
	wire_close(wire);
	wire->events->closed(wire, why);
}

/* Writing */

static ssize_t tls_result(ssize_t result)
{
	if (result >= 0)
		return result;
	if (result == GNUTLS_E_PREMATURE_TERMINATION)
		return 0;
	errno = gnutls_error_is_fatal(result) ? EPROTO : EAGAIN;
	return -1;
}

void wire_send(struct wire *wire, const char *line)
{
	size_t len = strlen(line);

	if (wire->state == WIRE_CLOSED)
		return;
	if (wire->out_len + len + 2 > wire->out_size) {
		wire->out_size = 2 * (wire->out_len + len + 2);
		wire->out = need(realloc(wire->out, wire->out_size));
	}
	memcpy(wire->out + wire->out_len, line, len);
	memcpy(wire->out + wire->out_len + len, "\r\n", 2);
	wire->out_len += len + 2;
	wire_wait(wire);
}

static ssize_t write_some(struct wire *wire)
{
	if (wire->tls != NULL)
		return tls_result(gnutls_record_send(wire->tls, wire->out, wire->out_len));
	return send(wire->fd, wire->out, wire->out_len, MSG_NOSIGNAL);
}

static void flush(struct wire *wire)
{
	ssize_t sent = 0;

	if (wire->stalled_ns > wire->hub->now_ns) {
		wire_wait(wire);
		return;
	}
	while (wire->out_len > 0 && (sent = write_some(wire)) > 0) {
		wire->hub->bytes_out += sent;
		wire->out_len -= sent;
		memmove(wire->out, wire->out + sent, wire->out_len);
	}
	if (wire->out_len > 0 && errno != EAGAIN)
		wire->out_len = 0; /* it is over, as its reading end will tell */
	watch_up(wire, wire->out_len > 0);
}

/* Reading */

static ssize_t read_some(struct wire *wire, char *to, size_t size)
{
	if (wire->tls != NULL)
		return tls_result(gnutls_record_recv(wire->tls, to, size));
	return recv(wire->fd, to, size, 0);
}

/** False when the lines' reader has closed the wire. */
static bool hand_lines(struct wire *wire, char *line, char *end)
{
	uint32_t serial = wire->serial;
	char *stop;

	while ((stop = memchr(line, '\n', end - line)) != NULL) {
		*(stop > line && stop[-1] == '\r' ? stop - 1 : stop) = '\0';
		wire->events->line(wire, line);
		if (wire->state == WIRE_CLOSED || wire->serial != serial)
			return false;
		line = stop + 1;
	}
	if (end - line > WIRE_LINE_MAX) {
		wire_ended(wire, "a line without an end");
		return false;
	}
	wire->in_len = end - line;
	if (wire->in_len > 0) {
		wire->in = need(realloc(wire->in, wire->in_len));
		memcpy(wire->in, line, wire->in_len);
	}
	return true;
}

static void read_later(struct wire *wire)
{
	wire->unread = true;
	wire_wait(wire);
}

static void read_lines(struct wire *wire)
{
	char *at = wire->hub->input + WIRE_LINE_MAX, *begin = at - wire->in_len;
	size_t pending;
	ssize_t got;

	if (wire->in_len > 0)
		memcpy(begin, wire->in, wire->in_len);
	got = read_some(wire, at, WIRE_READ_MAX);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		wire_ended(wire, got == 0 ? "end of the stream" : strerror(errno));
		return;
	}
	hub_clock(wire->hub);
	/* what the library has already decrypted joins, as no event of the socket tells of it */
	while (wire->tls != NULL && got < WIRE_READ_MAX &&
	       (pending = gnutls_record_check_pending(wire->tls)) > 0) {
		ssize_t more = read_some(wire, at + got, WIRE_READ_MAX - got);

		if (more <= 0)
			break;
		got += more;
	}
	wire->hub->bytes_in += got;
	wire->in_len = 0;
	if (hand_lines(wire, begin, at + got) && wire->tls != NULL &&
	    gnutls_record_check_pending(wire->tls) > 0)
		read_later(wire);
}

/** A paused wire is not read, so whether it has ended is asked of the socket. */
static void look_for_the_end(struct wire *wire)
{
	struct pollfd poll_fd = {.fd = wire->fd, .events = POLLRDHUP};

	if (poll(&poll_fd, 1, 0) > 0)
		wire_ended(wire, "end of the stream");
}

void wire_pause(struct wire *wire, bool paused)
{
	wire->paused = paused;
	if (wire->state == WIRE_UP)
		watch_up(wire, wire->out_len > 0);
	if (!paused)
		read_later(wire);
}

/* Coming up */

static bool fingerprint_of(struct wire *wire, uint8_t fingerprint[FINGERPRINT])
{
	unsigned count;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(wire->tls, &count);
	size_t size = FINGERPRINT;

	return chain != NULL && count > 0 &&
	       gnutls_fingerprint(GNUTLS_DIG_SHA256, &chain[0], fingerprint, &size) == 0;
}

static void is_up(struct wire *wire)
{
	uint8_t fingerprint[FINGERPRINT];
	gnutls_datum_t binding;

	wire->state = WIRE_UP;
	hub_clock(wire->hub);
	watch_up(wire, false);
	read_later(wire);
	if (wire->tls == NULL) {
		wire->events->up(wire, NULL, NULL);
		return;
	}
	if (!fingerprint_of(wire, fingerprint) ||
	    gnutls_session_channel_binding(wire->tls, GNUTLS_CB_TLS_EXPORTER, &binding) < 0) {
		wire_ended(wire, "TLS without certificate or binding");
		return;
	}
	wire->events->up(wire, binding.size == BINDING ? binding.data : NULL, fingerprint);
	gnutls_free(binding.data);
}

static void handshake(struct wire *wire)
{
	int result = gnutls_handshake(wire->tls);

	if (result == 0)
		is_up(wire);
	else if (gnutls_error_is_fatal(result))
		wire_ended(wire, gnutls_strerror(result));
	else
		watch(wire, gnutls_record_get_direction(wire->tls) == 1 ? EPOLLOUT : EPOLLIN);
}

static void connecting(struct wire *wire)
{
	struct pollfd poll_fd = {.fd = wire->fd, .events = POLLOUT};
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer, error_size = sizeof(int);
	int error = 0;

	if (poll(&poll_fd, 1, 0) == 0)
		return;
	getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
	if (error != 0 || getpeername(wire->fd, (struct sockaddr *)&peer, &size) < 0) {
		wire_ended(wire, strerror(error != 0 ? error : ECONNREFUSED));
		return;
	}
	wire->state = wire->tls != NULL ? WIRE_HANDSHAKE : WIRE_UP;
	if (wire->tls != NULL)
		handshake(wire);
	else
		is_up(wire);
}

static void converse(struct wire *wire)
{
	if (wire->out_len > 0)
		flush(wire);
	if (wire->paused)
		look_for_the_end(wire);
	else
		read_lines(wire);
}

static void work(struct wire *wire)
{
	static void (*const by_state[])(struct wire *) = {
		[WIRE_CONNECTING] = connecting, [WIRE_HANDSHAKE] = handshake, [WIRE_UP] = converse};

	if (wire->state != WIRE_CLOSED)
		by_state[wire->state](wire);
}

/** What is no event of its socket. */
static void work_off(struct wire *wire)
{
	wire->waiting = false;
	if (wire->state != WIRE_UP) {
		work(wire);
		return;
	}
	if (wire->out_len > 0)
		flush(wire);
	if (wire->unread && !wire->paused) {
		wire->unread = false;
		read_lines(wire);
	}
}

/* The loop */

/** Those that wait already when this begins. */
static void serve_waiting(struct hub *hub)
{
	size_t count = hub->waiting_count;

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		work_off(hub->waiting[i]);
	memmove(hub->waiting, hub->waiting + count,
	        (hub->waiting_count - count) * sizeof *hub->waiting);
	hub->waiting_count -= count;
}

/** A handshake takes a good part of a millisecond. It is one client's own business: those who talk
 * do not wait for more than two. What is left comes again in the next turn. */
static void work_on_events(struct epoll_event *events, int count)
{
	int handshakes = 0;

	for (int i = 0; i < count; i++) {
		struct wire *wire = events[i].data.ptr;

		if (wire->state == WIRE_UP || wire->tls == NULL)
			work(wire);
	}
	for (int i = 0; i < count && handshakes < HANDSHAKES_PER_TURN; i++) {
		struct wire *wire = events[i].data.ptr;

		if (wire->state == WIRE_UP || wire->tls == NULL)
			continue;
		work(wire);
		handshakes++;
	}
}

void hub_turn(struct hub *hub, int64_t timeout_ns)
{
	struct epoll_event events[EVENTS_PER_TURN];
	struct timespec timeout;
	int count;

	serve_waiting(hub);
	if (hub->waiting_count > 0 && timeout_ns > SOON_NS)
		timeout_ns = SOON_NS;
	timeout = (struct timespec){timeout_ns / 1000000000, timeout_ns % 1000000000};
	count = epoll_pwait2(hub->epoll_fd, events, EVENTS_PER_TURN, &timeout, NULL);
	hub_clock(hub);
	work_on_events(events, count);
	serve_waiting(hub);
}

void hub_init(struct hub *hub)
{
	memset(hub, 0, sizeof *hub);
	hub->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (hub->epoll_fd < 0 || gnutls_certificate_allocate_credentials(&hub->credentials) < 0 ||
	    gnutls_priority_init(&hub->priority, priority, NULL) < 0)
		fail("the loop");
	hub_clock(hub);
}

void hub_fini(struct hub *hub)
{
	close(hub->epoll_fd);
	gnutls_certificate_free_credentials(hub->credentials);
	gnutls_priority_deinit(hub->priority);
	free(hub->waiting);
}
