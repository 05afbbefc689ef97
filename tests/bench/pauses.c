/*
 * How long something stops: looks every quarter of a millisecond, and tells the longest delay.
 *
 *     pauses [PORT]
 *
 * Without a port, a bare timer: how late is this process when it wakes up? With the port of an IRC
 * server, a client of it: how late is the answer to a PING, since it was due to be sent? To each
 * line on stdin it answers with the longest delay since the one before, in microseconds, and how
 * often it has looked.
 */
#include "measure.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STEP_NS = 250000, QUIET_NS = 300000000 };

struct probe {
	int fd;           /* of the client; -1: a bare timer */
	bool waits;       /* for an answer */
	bool asked;       /* a line on stdin waits until that has come */
	uint64_t due_ns;  /* when the next look is, or the PING under way should have gone out */
	uint64_t most_ns; /* of the delays since the last line */
	unsigned looks;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void seen(struct probe *p, uint64_t now_ns)
{
	uint64_t late_ns = now_ns - p->due_ns;

	if (late_ns > p->most_ns)
		p->most_ns = late_ns;
	p->looks++;
	p->waits = false;
	p->due_ns = now_ns + STEP_NS - late_ns % STEP_NS;
}

static void look(struct probe *p)
{
	if (p->fd < 0) {
		seen(p, clock_ns());
		return;
	}
	if (send(p->fd, "PING x\r\n", 8, MSG_NOSIGNAL) != 8)
		fail("pauses: send");
	p->waits = true;
}

/** Nobody else speaks to this client, but the server may tell it of capabilities and the like. */
static void heard(struct probe *p)
{
	char text[4096];
	ssize_t got = read(p->fd, text, sizeof text);

	if (got <= 0)
		fail("pauses: the server has closed the connection");
	if (p->waits && memmem(text, (size_t)got, " PONG ", 6) != NULL)
		seen(p, clock_ns());
}

static void asked(struct probe *p)
{
	char line[64];

	if (read(STDIN_FILENO, line, sizeof line) <= 0)
		exit(0);
	p->asked = true;
}

static void tell(struct probe *p)
{
	p->asked = false;
	printf("%.1f %u\n", p->most_ns / 1e3, p->looks);
	fflush(stdout);
	p->most_ns = 0;
	p->looks = 0;
}

static void turn(struct probe *p)
{
	struct pollfd polled[] = {{.fd = STDIN_FILENO, .events = POLLIN},
	                          {.fd = p->fd, .events = POLLIN}};
	uint64_t now_ns = clock_ns();
	int64_t left_ns = now_ns < p->due_ns ? (int64_t)(p->due_ns - now_ns) : 0;
	struct timespec left = {.tv_nsec = left_ns};

	if (ppoll(polled, 2, p->waits ? NULL : &left, NULL) < 0)
		fail("pauses: poll");
	if (polled[1].revents != 0)
		heard(p);
	if (polled[0].revents != 0)
		asked(p);
	if (p->asked && !p->waits)
		tell(p);
	if (!p->waits && clock_ns() >= p->due_ns)
		look(p);
}

/** Registers, and reads until nothing more comes. */
static void enter(struct probe *p, int port)
{
	static const char hello[] = "NICK pauses\r\nUSER bench 0 * :bench\r\n";
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	const struct timespec quiet = {.tv_nsec = QUIET_NS};
	struct pollfd polled = {.events = POLLIN};
	int one = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->fd = polled.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&to, sizeof to) < 0)
		fail("pauses: connect");
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (write(p->fd, hello, sizeof hello - 1) < 0)
		fail("pauses: write");
	while (ppoll(&polled, 1, &quiet, NULL) > 0)
		heard(p);
}

int main(int argc, char **argv)
{
	struct probe probe = {.fd = -1};

	prctl(PR_SET_TIMERSLACK, 1);
	if (argc > 1)
		enter(&probe, atoi(argv[1]));
	puts("ready");
	fflush(stdout);
	probe.due_ns = clock_ns();
	for (;;)
		turn(&probe);
}
