/*
 * A client connection of the load generator: connects, says who it is, joins, reads lines, and
 * joins what it has to say in one turn into one write, so as not to cost more than the server.
 * What the server sends is either a delivery (traffic.c) or one of the few lines handled here.
 */
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_MAX = 256 * 1024, LINE_MAX_LEN = 16 * 1024 };

/* Reading and writing, plain or TLS: both return as read() and write() do. */

static ssize_t tls_result(ssize_t result)
{
	if (result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED) {
		errno = EAGAIN;
		return -1;
	}
	if (result == GNUTLS_E_PREMATURE_TERMINATION)
		return 0;
	if (result < 0) {
		errno = EPROTO;
		return -1;
	}
	return result;
}

static ssize_t peer_read(struct peer *peer, char *to, size_t size)
{
	if (peer->tls != NULL)
		return tls_result(gnutls_record_recv(peer->tls, to, size));
	return read(peer->fd, to, size);
}

static ssize_t peer_write(struct peer *peer)
{
	if (peer->tls != NULL)
		return tls_result(gnutls_record_send(peer->tls, peer->out, peer->out_len));
	return send(peer->fd, peer->out, peer->out_len, MSG_NOSIGNAL);
}

static void peer_watch(struct load *load, struct peer *peer, int op)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};

	if (peer->writable_wanted)
		event.events |= EPOLLOUT;
	epoll_ctl(load->epoll_fd, op, peer->fd, &event);
}

static void peer_want_writable(struct load *load, struct peer *peer, bool wanted)
{
	if (peer->writable_wanted == wanted)
		return;
	peer->writable_wanted = wanted;
	peer_watch(load, peer, EPOLL_CTL_MOD);
}

static void peer_flush(struct load *load, struct peer *peer)
{
	ssize_t sent = 0;

	if (peer->out_len > 0)
		sent = peer_write(peer);
	if (sent < 0 && errno != EAGAIN)
		sent = (ssize_t)peer->out_len; /* the read that follows tells that it is over */
	if (sent > 0) {
		peer->out_len -= sent;
		memmove(peer->out, peer->out + sent, peer->out_len);
	}
	peer_want_writable(load, peer, peer->out_len > 0);
	if (peer->state == PEER_LEAVING && peer->out_len == 0)
		shutdown(peer->fd, SHUT_WR);
}

void peer_send(struct load *load, struct peer *peer, const char *bytes, size_t len)
{
	if (peer->out_len + len > peer->out_size) {
		peer->out_size = 2 * (peer->out_len + len);
		peer->out = realloc(peer->out, peer->out_size);
		if (peer->out == NULL)
			load_fail("no memory");
	}
	memcpy(peer->out + peer->out_len, bytes, len);
	peer->out_len += len;
	if (peer->dirty)
		return;
	peer->dirty = true;
	load->dirty[load->dirty_count++] = peer;
}

void peers_flush(struct load *load)
{
	for (size_t i = 0; i < load->dirty_count; i++) {
		struct peer *peer = load->dirty[i];

		peer->dirty = false;
		if (peer->state != PEER_CLOSED && peer->handshaken && !peer->writable_wanted)
			peer_flush(load, peer);
	}
	load->dirty_count = 0;
}

/* Opening and closing */

static void peer_introduce(struct load *load, struct peer *peer)
{
	char lines[256];
	const char *before = "", *after = "";

	if (load->options.caps) {
		before = "CAP REQ :message-tags server-time account-tag\r\n";
		after = "CAP END\r\n";
	}
	snprintf(lines, sizeof lines, "%sNICK %s\r\nUSER bench 0 * :bench\r\n%s", before,
	         peer->nick, after);
	peer_send(load, peer, lines, strlen(lines));
}

static void peer_start_tls(struct load *load, struct peer *peer)
{
	gnutls_init(&peer->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	gnutls_set_default_priority(peer->tls);
	gnutls_credentials_set(peer->tls, GNUTLS_CRD_CERTIFICATE, load->tls_credentials);
	gnutls_transport_set_int(peer->tls, peer->fd);
}

void peer_open(struct load *load, struct peer *peer, uint32_t source)
{
	struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
	int one = 1;

	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (peer->fd < 0)
		load_fail("socket: %s", strerror(errno));
	setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	/* Several source addresses, lest the ports of closed connections run out. */
	setsockopt(peer->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source % 64);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(peer->index % 2 == 1 && load->options.other != 0 ? load->options.other
	                                                                     : load->options.port);
	if (bind(peer->fd, (struct sockaddr *)&from, sizeof from) < 0)
		load_fail("bind: %s", strerror(errno));
	if (connect(peer->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
		load_fail("connect: %s", strerror(errno));
	peer->state = PEER_OPENING;
	peer->connected = peer->handshaken = false;
	peer->opened_ns = clock_ns();
	peer->writable_wanted = true;
	peer_watch(load, peer, EPOLL_CTL_ADD);
	if (load->options.tls)
		peer_start_tls(load, peer);
	load->opening++;
	peer_introduce(load, peer);
}

void peer_leave(struct load *load, struct peer *peer)
{
	peer->state = PEER_LEAVING;
	peer_send(load, peer, "QUIT\r\n", 6);
}

void peer_close(struct load *load, struct peer *peer)
{
	if (peer->state == PEER_OPENING)
		load->opening--;
	if (peer->tls != NULL)
		gnutls_deinit(peer->tls);
	peer->tls = NULL;
	close(peer->fd);
	peer->state = PEER_CLOSED;
	peer->in_len = peer->out_len = 0;
}

void peers_open(struct load *load, uint32_t from, uint32_t to)
{
	uint64_t deadline = clock_ns() + UINT64_C(120000000000);
	uint32_t next = from, goal = load->ready + (to - from);

	while (load->ready < goal) {
		while (next < to && load->opening < load->options.concurrency) {
			peer_open(load, &load->peers[next], next);
			next++;
		}
		load_turn(load, 100000000);
		if (load->now_ns > deadline)
			load_fail("%u of %u clients are ready after 120 s", load->ready, goal);
	}
}

uint64_t peers_segments(const struct load *load)
{
	uint64_t segments = 0;

	for (uint32_t i = 0; i < load->peer_count; i++) {
		struct tcp_info info = {0};
		socklen_t size = sizeof info;

		if (load->peers[i].state == PEER_READY &&
		    getsockopt(load->peers[i].fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
			segments += info.tcpi_data_segs_in;
	}
	return segments;
}

/* What the server says */

static void peer_is_ready(struct load *load, struct peer *peer)
{
	if (peer->state != PEER_OPENING)
		return;
	peer->state = PEER_READY;
	load->opening--;
	load->ready++;
	if (load->events.ready != NULL)
		load->events.ready(load, peer);
}

static void on_welcome(struct load *load, struct peer *peer)
{
	char line[32];

	if (load->options.caps && !peer->cap_acked)
		load_fail("%s: the capabilities were not acknowledged", peer->nick);
	if (!load->joins) {
		peer_is_ready(load, peer);
		return;
	}
	snprintf(line, sizeof line, "JOIN #b%u\r\n", peer->group);
	peer_send(load, peer, line, strlen(line));
}

/** True when `word` comes next; then moves past it and the blank. */
static bool skip_word(const char **at, const char *end, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end - *at) < len || memcmp(*at, word, len) != 0)
		return false;
	*at += len;
	if (*at < end && **at == ' ')
		++*at;
	return true;
}

static void answer_ping(struct load *load, struct peer *peer, const char *token, const char *end)
{
	peer_send(load, peer, "PONG ", 5);
	peer_send(load, peer, token, end - token);
	peer_send(load, peer, "\r\n", 2);
}

/** 4xx but 422 (no MOTD), 5xx, ERROR: nothing that a fair setting of the bench lets happen. */
static void refuse_errors(struct peer *peer, const char *line, const char *at, const char *end)
{
	bool error = end - at > 4 && (*at == '4' || *at == '5') && at[3] == ' ' &&
	             memcmp(at, "422", 3) != 0;

	if (peer->state == PEER_LEAVING)
		return;
	if (error || skip_word(&at, end, "ERROR"))
		load_fail("%s got: %.*s", peer->nick, (int)(end - line), line);
}

static void peer_line(struct load *load, struct peer *peer, const char *line, const char *end)
{
	const char *at = line, *source = NULL;
	size_t nick_len = strlen(peer->nick);

	if (traffic_line(load, peer, line, end))
		return;
	if (*at == '@' && (at = memchr(at, ' ', end - at)) == NULL)
		return;
	at += *at == ' ';
	if (*at == ':') {
		source = at + 1;
		if ((at = memchr(at, ' ', end - at)) == NULL)
			return;
		at++;
	}
	if (skip_word(&at, end, "PING"))
		answer_ping(load, peer, at, end);
	else if (skip_word(&at, end, "001"))
		on_welcome(load, peer);
	else if (skip_word(&at, end, "CAP"))
		peer->cap_acked |= memmem(at, end - at, " ACK ", 5) != NULL;
	else if (skip_word(&at, end, "JOIN") && source != NULL &&
	         strncmp(source, peer->nick, nick_len) == 0 && source[nick_len] == '!')
		peer_is_ready(load, peer);
	else
		refuse_errors(peer, line, at, end);
}

/* Events */

static void peer_ended(struct load *load, struct peer *peer)
{
	if (load->events.closed == NULL || peer->state != PEER_LEAVING)
		load_fail("%s: the server closed the connection: %s", peer->nick, strerror(errno));
	peer_close(load, peer);
	load->events.closed(load, peer);
}

static void keep_rest(struct peer *peer, const char *rest, size_t len)
{
	if (len > LINE_MAX_LEN)
		load_fail("%s: a line without an end", peer->nick);
	if (peer->in == NULL && len > 0 && (peer->in = malloc(LINE_MAX_LEN)) == NULL)
		load_fail("no memory");
	if (len > 0)
		memcpy(peer->in, rest, len);
	peer->in_len = len;
}

static void peer_input(struct load *load, struct peer *peer)
{
	static char input[READ_MAX];
	const char *line = input, *end;
	size_t have = peer->in_len;
	ssize_t got;

	got = peer_read(peer, input + LINE_MAX_LEN, READ_MAX - LINE_MAX_LEN);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		errno = got == 0 ? 0 : errno;
		peer_ended(load, peer);
		return;
	}
	load->now_ns = clock_ns();
	line = input + LINE_MAX_LEN - have;
	if (have > 0)
		memcpy(input + LINE_MAX_LEN - have, peer->in, have);
	while ((end = memchr(line, '\n', input + LINE_MAX_LEN + got - line)) != NULL) {
		peer_line(load, peer, line, end > line && end[-1] == '\r' ? end - 1 : end);
		line = end + 1;
	}
	keep_rest(peer, line, input + LINE_MAX_LEN + got - line);
}

/** True when the connection is made, and with TLS also the handshake. */
static bool peer_established(struct load *load, struct peer *peer)
{
	int error = 0, result;
	socklen_t size = sizeof error;

	if (peer->handshaken)
		return true;
	if (!peer->connected) {
		getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error != 0)
			load_fail("%s: connect: %s", peer->nick, strerror(error));
		peer->connected = true;
	}
	if (peer->tls != NULL) {
		result = gnutls_handshake(peer->tls);
		if (result < 0 && gnutls_error_is_fatal(result))
			load_fail("%s: handshake: %s", peer->nick, gnutls_strerror(result));
		if (result < 0) {
			peer_want_writable(load, peer, gnutls_record_get_direction(peer->tls) == 1);
			return false;
		}
	}
	peer->handshaken = true;
	peer_flush(load, peer);
	return true;
}

void peer_event(struct load *load, struct peer *peer, uint32_t events)
{
	if (!peer_established(load, peer))
		return;
	if (events & EPOLLOUT)
		peer_flush(load, peer);
	if (events & ~EPOLLOUT)
		peer_input(load, peer);
	/* What the library has already decrypted shows in no event of the socket. */
	while (peer->tls != NULL && gnutls_record_check_pending(peer->tls) > 0)
		peer_input(load, peer);
}
