/*
 * core/loop_ev.c - the real loop: libev on epoll, one thread, and a pool beside it.
 *
 * The end of a turn is libev's "prepare": after all callbacks, before it sleeps. The
 * monotonic clock is read as a turn begins and as it ends, the other one when it is first asked
 * for. Beside pool.c and loop_address.c the only file that calls the system for sockets, time or
 * randomness.
 */
#include "core/loop.h"
#include "core/loop_address.h"
#include "core/loop_passed.h"
#include "core/mem.h"
#include "core/pool.h"
#include <errno.h>
#include <ev.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct loop_ev {
	struct loop base;
	struct ev_loop *ev;
	ev_check woken; /* a turn begins */
	ev_prepare turn;
	ev_idle more; /* active: the next turn begins at once */
	ev_async finished;
	struct pool *pool;
	struct passed *passed;
	int64_t mono_ns, wall_ns; /* of this turn; 0: not yet read */
	bool running, stopping;
};

struct listener_room {
	ev_io io;
	char *path; /* of a Unix socket that we have made */
};

_Static_assert(sizeof(ev_io) <= sizeof(((struct loop_sock *)0)->room), "room for ev_io");
_Static_assert(sizeof(ev_timer) <= sizeof(((struct loop_timer *)0)->room), "room for ev_timer");
_Static_assert(sizeof(ev_signal) <= sizeof(((struct loop_signal *)0)->room), "room for ev_signal");
_Static_assert(sizeof(struct listener_room) <= sizeof(((struct loop_listener *)0)->room),
               "room for a listener");

static struct loop_ev *ev_of(struct loop *loop)
{
	return container_of(loop, struct loop_ev, base);
}

/* --- turns and time --- */

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * GW_SECOND + now.tv_nsec;
}

/* Before all else that has happened meanwhile. */
static void turn_begins(struct ev_loop *ev, ev_check *w, int revents)
{
	(void)ev, (void)revents;
	container_of(w, struct loop_ev, woken)->mono_ns = read_clock(CLOCK_MONOTONIC);
}

static void turn_ends(struct ev_loop *ev, ev_prepare *w, int revents)
{
	struct loop_ev *l = container_of(w, struct loop_ev, turn);

	(void)revents;
	if (loop_turn_end(&l->base))
		ev_idle_start(ev, &l->more);
	else
		ev_idle_stop(ev, &l->more);
	l->mono_ns = l->wall_ns = 0;
	if (l->stopping)
		ev_break(ev, EVBREAK_ALL);
}

static void next_turn(struct ev_loop *ev, ev_idle *w, int revents)
{
	(void)ev, (void)w, (void)revents;
}

static void real_run(struct loop *loop)
{
	struct loop_ev *l = ev_of(loop);

	l->stopping = false;
	l->running = true;
	ev_run(l->ev, 0);
	l->running = false;
}

static void real_stop(struct loop *loop)
{
	ev_of(loop)->stopping = true;
	ev_idle_start(ev_of(loop)->ev, &ev_of(loop)->more);
}

static void real_wake(struct loop *loop)
{
	ev_idle_start(ev_of(loop)->ev, &ev_of(loop)->more);
}

static int64_t real_mono_ns(struct loop *loop)
{
	struct loop_ev *l = ev_of(loop);

	if (l->mono_ns == 0 || !l->running)
		l->mono_ns = read_clock(CLOCK_MONOTONIC);
	return l->mono_ns;
}

static int64_t real_now_ns(struct loop *loop)
{
	(void)loop;
	return read_clock(CLOCK_MONOTONIC);
}

static int64_t real_wall_ns(struct loop *loop)
{
	struct loop_ev *l = ev_of(loop);

	if (l->wall_ns == 0 || !l->running)
		l->wall_ns = read_clock(CLOCK_REALTIME);
	return l->wall_ns;
}

static void real_random(struct loop *loop, void *out, size_t n)
{
	char *p = out;
	ssize_t got;

	(void)loop;
	while (n > 0) {
		got = getrandom(p, n < 256 ? n : 256, 0);
		if (got < 0)
			continue; /* interrupted; the call has no other failure with a sound buffer
			           */
		p += got;
		n -= (size_t)got;
	}
}

static void timer_fires(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct loop_timer *timer = container_of((uint64_t *)w, struct loop_timer, room);

	(void)ev, (void)revents;
	timer->fired(timer);
}

static void real_timer_set(struct loop_timer *timer, int64_t after_ns)
{
	struct loop_ev *l = ev_of(timer->loop);
	ev_timer *w = (ev_timer *)timer->room;

	ev_timer_stop(l->ev, w);
	if (after_ns < 0)
		return;
	if (!l->running)
		ev_now_update(l->ev);
	ev_set_cb(w, timer_fires);
	ev_timer_set(w, (double)after_ns / 1e9, 0.);
	ev_timer_start(l->ev, w);
}

static void signal_caught(struct ev_loop *ev, ev_signal *w, int revents)
{
	struct loop_signal *s = container_of((uint64_t *)w, struct loop_signal, room);

	(void)ev, (void)revents;
	s->caught(s);
}

static int real_signal_start(struct loop_signal *s, int signo)
{
	ev_signal *w = (ev_signal *)s->room;

	ev_signal_init(w, signal_caught, signo);
	ev_signal_start(ev_of(s->loop)->ev, w);
	return 0;
}

static void real_signal_stop(struct loop_signal *s)
{
	ev_signal_stop(ev_of(s->loop)->ev, (ev_signal *)s->room);
}

/* --- listeners --- */

static struct listener_room *listener_room(struct loop_listener *listener)
{
	return (struct listener_room *)listener->room;
}

static void somebody_waits(struct ev_loop *ev, ev_io *w, int revents)
{
	struct loop_listener *listener = container_of((uint64_t *)w, struct loop_listener, room);

	(void)ev, (void)revents;
	listener->pending(listener);
}

/* Only a socket that nobody answers at is removed. */
static int remove_stale(const union any_address *a, socklen_t n)
{
	struct stat st;
	int fd, failed;

	if (lstat(a->un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	failed = connect(fd, &a->sa, n) != 0 ? errno : 0;
	close(fd);
	if (failed != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(a->un.sun_path) == 0 ? 0 : -errno;
}

/* Nobody can connect between bind and listen, so the mode is right from the first moment on. */
static int bind_unix(int fd, const union any_address *a, socklen_t n, unsigned mode)
{
	int status;

	if (bind(fd, &a->sa, n) != 0) {
		if (errno != EADDRINUSE)
			return -errno;
		status = remove_stale(a, n);
		if (status != 0)
			return status;
		if (bind(fd, &a->sa, n) != 0)
			return -errno;
	}
	return chmod(a->un.sun_path, mode) == 0 ? 0 : -errno;
}

/* Accepted sockets inherit TCP_NODELAY. */
static int bind_tcp(int fd, const union any_address *a, socklen_t n)
{
	const int on = 1, off = 0;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (a->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	return bind(fd, &a->sa, n) == 0 ? 0 : -errno;
}

/* A socket of the address's family, or a negative errno. */
static int socket_for(const char *address, union any_address *a, socklen_t *n)
{
	int fd, status = address_parse(address, a, n);

	if (status != 0)
		return status;
	fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

static int real_reserve(struct loop *loop, const char *address)
{
	union any_address a;
	socklen_t n;
	int status, fd = socket_for(address, &a, &n);

	if (fd < 0)
		return fd;
	if (a.sa.sa_family == AF_UNIX || passed_has(ev_of(loop)->passed, &a)) {
		close(fd);
		return 0;
	}
	status = bind_tcp(fd, &a, n);
	if (status == 0)
		passed_put(&ev_of(loop)->passed, fd);
	else
		close(fd);
	return status;
}

static void real_drop_reserved(struct loop *loop,
                               void (*tell)(void *ctx, const char *address, const char *name),
                               void *ctx)
{
	passed_close(&ev_of(loop)->passed, tell, ctx);
}

unsigned loop_ev_inherit(struct loop *loop)
{
	return passed_inherit(&ev_of(loop)->passed);
}

/* A bound socket, or a negative errno. */
static int bind_new(const char *address, unsigned mode, union any_address *a)
{
	socklen_t n;
	int status, fd = socket_for(address, a, &n);

	if (fd < 0)
		return fd;
	if (a->sa.sa_family == AF_UNIX)
		status = bind_unix(fd, a, n, mode);
	else
		status = bind_tcp(fd, a, n);
	if (status != 0)
		close(fd);
	return status == 0 ? fd : status;
}

static int real_listen(struct loop *loop, const char *address, unsigned mode,
                       struct loop_listener *listener)
{
	struct listener_room *room = listener_room(listener);
	union any_address a;
	socklen_t n;
	int status = address_parse(address, &a, &n), fd;
	bool made;

	if (status != 0)
		return status;
	fd = passed_take(&ev_of(loop)->passed, &a);
	made = fd < 0;
	if (made)
		fd = bind_new(address, mode, &a);
	if (fd < 0)
		return fd;
	if (listen(fd, SOMAXCONN) != 0) {
		status = -errno;
		close(fd);
		return status;
	}
	memset(room, 0, sizeof(*room));
	listener->loop = loop;
	room->path = made && a.sa.sa_family == AF_UNIX ? mem_strdup(a.un.sun_path) : NULL;
	ev_io_init(&room->io, somebody_waits, fd, EV_READ);
	ev_io_start(ev_of(loop)->ev, &room->io);
	return 0;
}

static void real_listener_pause(struct loop_listener *listener, bool paused)
{
	struct listener_room *room = listener_room(listener);

	if (paused)
		ev_io_stop(ev_of(listener->loop)->ev, &room->io);
	else
		ev_io_start(ev_of(listener->loop)->ev, &room->io);
}

static void real_listener_close(struct loop_listener *listener)
{
	struct listener_room *room = listener_room(listener);

	ev_io_stop(ev_of(listener->loop)->ev, &room->io);
	close(room->io.fd);
	if (room->path != NULL)
		unlink(room->path);
	free(room->path);
}

static uint16_t real_listener_port(struct loop_listener *listener)
{
	union any_address a;
	socklen_t n = sizeof(a);

	if (getsockname(listener_room(listener)->io.fd, &a.sa, &n) != 0)
		return 0;
	if (a.sa.sa_family == AF_INET6)
		return ntohs(a.in6.sin6_port);
	return a.sa.sa_family == AF_INET ? ntohs(a.in.sin_port) : 0;
}

/* --- sockets --- */

static ev_io *io_of(struct loop_sock *sock)
{
	return (ev_io *)sock->room;
}

static void sock_event(struct ev_loop *ev, ev_io *w, int revents)
{
	struct loop_sock *sock = container_of((uint64_t *)w, struct loop_sock, room);

	(void)ev;
	if (revents & EV_READ)
		sock->events->readable(sock);
	if ((revents & EV_WRITE) && (w->events & EV_WRITE))
		sock->events->writable(sock);
}

static void sock_begin(struct loop *loop, struct loop_sock *sock, int fd, int events)
{
	sock->loop = loop;
	ev_io_init(io_of(sock), sock_event, fd, events);
	ev_io_start(ev_of(loop)->ev, io_of(sock));
}

/* What a client did wrong between its SYN and our accept is its own business: the next one may be
 * fine. */
static int real_accept(struct loop_listener *listener, struct loop_sock *sock,
                       struct loop_peer *peer_out)
{
	union any_address a = {0};
	socklen_t n = sizeof(a);
	int fd;

	do
		fd = accept4(listener_room(listener)->io.fd, &a.sa, &n,
		             SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO));
	if (fd < 0)
		return -errno;
	address_describe(fd, &a, peer_out);
	sock_begin(listener->loop, sock, fd, EV_READ);
	return 0;
}

static int real_connect(struct loop *loop, const char *address, struct loop_sock *sock,
                        struct loop_peer *peer_out)
{
	const int on = 1;
	union any_address a;
	socklen_t n;
	int status = 0, fd = socket_for(address, &a, &n);

	if (fd < 0)
		return fd;
	if (a.sa.sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, &a.sa, n) != 0 && errno != EINPROGRESS) {
		status = -errno;
		close(fd);
		return status;
	}
	address_describe(fd, &a, peer_out);
	sock_begin(loop, sock, fd, EV_READ | EV_WRITE);
	return 0;
}

static int real_sock_error(struct loop_sock *sock)
{
	union any_address a;
	int error = 0, fd = io_of(sock)->fd;
	socklen_t n = sizeof(error), n_address = sizeof(a);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		return -errno;
	if (error == 0 && getpeername(fd, &a.sa, &n_address) != 0)
		return errno == ENOTCONN ? -EAGAIN : -errno;
	return -error;
}

static void real_lookup(struct loop *loop, const char *address, struct loop_found *out)
{
	(void)loop;
	address_lookup(address, out);
}

static void real_sock_want(struct loop_sock *sock, unsigned want)
{
	struct ev_loop *ev = ev_of(sock->loop)->ev;
	int events = (want & LOOP_READ ? EV_READ : 0) | (want & LOOP_WRITE ? EV_WRITE : 0);
	ev_io *w = io_of(sock);

	if (events == (w->events & (EV_READ | EV_WRITE)))
		return;
	ev_io_stop(ev, w);
	ev_io_modify(w, events);
	if (events != 0)
		ev_io_start(ev, w);
}

static ssize_t real_sock_read(struct loop_sock *sock, void *p, size_t n)
{
	ssize_t got;

	do
		got = recv(io_of(sock)->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* write(), not send(): it costs the same, and the system counts it per process. SIGPIPE is ignored.
 */
static ssize_t real_sock_write(struct loop_sock *sock, const struct iovec *iov, int n)
{
	int fd = io_of(sock)->fd;
	ssize_t sent;

	do {
		if (n == 1)
			sent = write(fd, iov->iov_base, iov->iov_len);
		else
			sent = writev(fd, iov, n);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

static void real_sock_shut(struct loop_sock *sock)
{
	shutdown(io_of(sock)->fd, SHUT_WR);
}

static void real_sock_close(struct loop_sock *sock)
{
	ev_io_stop(ev_of(sock->loop)->ev, io_of(sock));
	close(io_of(sock)->fd);
}

/* --- the service manager --- */

/* "@name" is an abstract address: a 0 in place of the @, and no 0 at the end. */
static void real_tell_manager(struct loop *loop, const char *socket_name, const char *text)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = strlen(socket_name);
	int fd;

	(void)loop;
	if (n == 0 || n >= sizeof(a.sun_path))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	memcpy(a.sun_path, socket_name, n);
	if (socket_name[0] == '@')
		a.sun_path[0] = '\0';
	sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&a,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

/* --- work off the loop --- */

static void work_finished(struct ev_loop *ev, ev_async *w, int revents)
{
	struct loop_ev *l = container_of(w, struct loop_ev, finished);

	(void)ev, (void)revents;
	pool_complete(l->pool);
}

static void pool_wakes(void *ctx)
{
	struct loop_ev *l = ctx;

	ev_async_send(l->ev, &l->finished);
}

static int real_work(struct loop *loop, struct loop_work *work)
{
	return pool_submit(ev_of(loop)->pool, work);
}

static void real_work_finish(struct loop *loop)
{
	pool_finish(ev_of(loop)->pool);
}

static void real_free(struct loop *loop)
{
	struct loop_ev *l = ev_of(loop);

	passed_close(&l->passed, NULL, NULL);
	pool_free(&l->pool);
	ev_check_stop(l->ev, &l->woken);
	ev_prepare_stop(l->ev, &l->turn);
	ev_idle_stop(l->ev, &l->more);
	ev_async_stop(l->ev, &l->finished);
	ev_loop_destroy(l->ev);
	free(l);
}

static const struct loop_ops real_ops = {
	.free = real_free,
	.run = real_run,
	.stop = real_stop,
	.mono_ns = real_mono_ns,
	.now_ns = real_now_ns,
	.wall_ns = real_wall_ns,
	.random = real_random,
	.timer_set = real_timer_set,
	.wake = real_wake,
	.signal_start = real_signal_start,
	.signal_stop = real_signal_stop,
	.listen = real_listen,
	.reserve = real_reserve,
	.drop_reserved = real_drop_reserved,
	.listener_pause = real_listener_pause,
	.listener_close = real_listener_close,
	.listener_port = real_listener_port,
	.accept = real_accept,
	.connect = real_connect,
	.sock_error = real_sock_error,
	.lookup = real_lookup,
	.sock_want = real_sock_want,
	.sock_read = real_sock_read,
	.sock_write = real_sock_write,
	.sock_shut = real_sock_shut,
	.sock_close = real_sock_close,
	.tell_manager = real_tell_manager,
	.work = real_work,
	.work_finish = real_work_finish,
};

struct loop *loop_ev_new(void)
{
	struct ev_loop *ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	struct loop_ev *l;

	if (ev == NULL)
		return NULL;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write past `ulimit -f` fails, as on a full disk */
	l = mem_alloc(sizeof(*l));
	loop_init(&l->base, &real_ops);
	l->ev = ev;
	l->pool = pool_new(pool_wakes, l);
	ev_check_init(&l->woken, turn_begins);
	ev_set_priority(&l->woken, EV_MAXPRI);
	ev_check_start(ev, &l->woken);
	ev_prepare_init(&l->turn, turn_ends);
	ev_prepare_start(ev, &l->turn);
	ev_idle_init(&l->more, next_turn);
	ev_async_init(&l->finished, work_finished);
	ev_async_start(ev, &l->finished);
	return &l->base;
}
