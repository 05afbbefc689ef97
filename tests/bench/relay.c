/*
 * The least that somebody in the middle can do: what comes in on one side goes out on the other, a
 * read() and a write() each, no line is looked at. One thread, epoll, plain TCP. What the agent
 * costs above it is the price of the agent (tests/bench/agent).
 *
 * To show that the bench measures what it says, it can be made to cost more: --spend takes so many
 * microseconds of CPU for each line, --keep so many bytes for each client, --wake wakes up so many
 * times a second.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_MAX = 64 * 1024, EVENTS_PER_TURN = 256 };

/** One of the two ends of a client; `rest` is what it would not take yet. */
struct end {
	struct pair *pair;
	int fd;
	uint32_t watched; /* what epoll looks for; 0: not in it */
	bool up, over;    /* connected; read to its end */
	char *rest;
	size_t rest_len;
};

struct pair {
	struct end ends[2];
	void *kept;
	bool dead;
	struct pair *next_dead;
};

struct relay {
	int epoll_fd, listen_fd;
	struct sockaddr_in to;
	long spend_us, keep, wakes;
	struct pair *dead;
	char input[READ_MAX];
};

static volatile sig_atomic_t stopping;

static struct end *other(struct end *end)
{
	return &end->pair->ends[end == &end->pair->ends[0]];
}

/** An end is read while the other one takes what comes of it. */
static void watch(struct relay *r, struct end *end)
{
	uint32_t wanted = 0;
	struct epoll_event event = {.data.ptr = end};
	int op = end->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (end->up && !end->over && other(end)->up && other(end)->rest_len == 0)
		wanted |= EPOLLIN;
	if (!end->up || end->rest_len > 0)
		wanted |= EPOLLOUT;
	event.events = wanted;
	wanted |= EPOLLHUP; /* comes unasked, and tells 0 from "not in it" */
	if (wanted != end->watched)
		epoll_ctl(r->epoll_fd, op, end->fd, &event);
	end->watched = wanted;
}

static void watch_both(struct relay *r, struct pair *pair)
{
	watch(r, &pair->ends[0]);
	watch(r, &pair->ends[1]);
}

/** At the end of the turn, since events of it may still be to come. */
static void end_pair(struct relay *r, struct pair *pair)
{
	if (pair->dead)
		return;
	pair->dead = true;
	pair->next_dead = r->dead;
	r->dead = pair;
}

static void free_dead(struct relay *r)
{
	struct pair *pair;

	while ((pair = r->dead) != NULL) {
		r->dead = pair->next_dead;
		for (int i = 0; i < 2; i++) {
			close(pair->ends[i].fd);
			free(pair->ends[i].rest);
		}
		free(pair->kept);
		free(pair);
	}
}

static void spend(long us)
{
	struct timespec now;
	int64_t end;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	end = now.tv_sec * INT64_C(1000000000) + now.tv_nsec + us * 1000;
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while (now.tv_sec * INT64_C(1000000000) + now.tv_nsec < end);
}

/* The bytes' way */

static void put(struct relay *r, struct end *end, const char *bytes, size_t len)
{
	ssize_t sent = send(end->fd, bytes, len, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN) {
		end_pair(r, end->pair);
		return;
	}
	sent = sent < 0 ? 0 : sent;
	if ((size_t)sent == len)
		return;
	end->rest_len = len - sent;
	end->rest = malloc(end->rest_len);
	if (end->rest == NULL)
		exit(1);
	memcpy(end->rest, bytes + sent, end->rest_len);
}

/** What came before the end of the one side has been written: the other one is told. */
static void pass_end(struct relay *r, struct end *from)
{
	struct end *to = other(from);

	if (!from->over || to->rest_len > 0)
		return;
	shutdown(to->fd, SHUT_WR);
	if (to->over)
		end_pair(r, from->pair);
}

static void on_readable(struct relay *r, struct end *end)
{
	ssize_t got = read(end->fd, r->input, READ_MAX);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got < 0) {
		end_pair(r, end->pair);
		return;
	}
	for (ssize_t i = 0; r->spend_us > 0 && i < got; i++)
		if (r->input[i] == '\n')
			spend(r->spend_us);
	if (got > 0)
		put(r, other(end), r->input, got);
	end->over = got == 0;
	pass_end(r, end);
	watch_both(r, end->pair);
}

static void on_writable(struct relay *r, struct end *end)
{
	char *rest = end->rest;
	size_t len = end->rest_len;

	end->up = true;
	end->rest = NULL;
	end->rest_len = 0;
	if (len > 0)
		put(r, end, rest, len);
	free(rest);
	pass_end(r, other(end));
	watch_both(r, end->pair);
}

/* Connections */

static void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void on_connection(struct relay *r)
{
	int fd;

	while ((fd = accept4(r->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct pair *pair = calloc(1, sizeof *pair);
		int far = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		if (pair == NULL || far < 0)
			exit(1);
		pair->ends[0] = (struct end){.pair = pair, .fd = fd, .up = true};
		pair->ends[1] = (struct end){.pair = pair, .fd = far};
		if (r->keep > 0 && (pair->kept = malloc(r->keep)) != NULL)
			memset(pair->kept, 1, r->keep);
		no_delay(fd);
		no_delay(far);
		if (connect(far, (struct sockaddr *)&r->to, sizeof r->to) < 0 &&
		    errno != EINPROGRESS)
			end_pair(r, pair);
		else
			watch_both(r, pair);
	}
}

static void on_event(struct relay *r, struct end *end, uint32_t events)
{
	if (end->pair->dead)
		return;
	if ((events & EPOLLERR) || (events & EPOLLHUP && !(end->watched & EPOLLIN)))
		end_pair(r, end->pair);
	else if (events & EPOLLOUT)
		on_writable(r, end);
	else if (events & (EPOLLIN | EPOLLHUP))
		on_readable(r, end);
}

static void turn(struct relay *r)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count = epoll_wait(r->epoll_fd, events, EVENTS_PER_TURN,
	                       r->wakes > 0 ? (int)(1000 / r->wakes) : -1);

	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr == NULL)
			on_connection(r);
		else
			on_event(r, events[i].data.ptr, events[i].events);
	}
	free_dead(r);
}

static int listen_on(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) {
		fprintf(stderr, "relay: port %d: %s\n", port, strerror(errno));
		exit(1);
	}
	return fd;
}

static void on_signal(int signo)
{
	(void)signo;
	stopping = 1;
}

static void read_option(struct relay *r, const char *name, const char *value)
{
	const struct {
		const char *name;
		long *at;
	} rows[] = {{"--spend", &r->spend_us}, {"--keep", &r->keep}, {"--wake", &r->wakes}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*rows[i].at = atol(value);
			return;
		}
	}
	fprintf(stderr, "relay: unknown option %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	static struct relay r;
	struct sigaction action = {.sa_handler = on_signal};
	struct epoll_event event = {.events = EPOLLIN};
	struct rlimit files;

	if (argc < 3 || argc % 2 == 0) {
		fprintf(stderr,
		        "usage: relay PORT TO-PORT [--spend US] [--keep BYTES] [--wake N]\n");
		return 2;
	}
	for (int i = 3; i < argc; i += 2)
		read_option(&r, argv[i], argv[i + 1]);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	r.to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
	r.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r.listen_fd = listen_on(atoi(argv[1]));
	r.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(r.epoll_fd, EPOLL_CTL_ADD, r.listen_fd, &event);
	while (!stopping)
		turn(&r);
	return 0;
}
