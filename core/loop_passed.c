/*
 * core/loop_passed.c - see loop_passed.h.
 *
 * libsystemd would read the three variables for us, and bring five libraries and a second allocator
 * of strings into a daemon that may run without systemd; the protocol is stable and this long.
 */
#include "core/loop_passed.h"
#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

enum { first_fd = 3, fds_max = 1024, name_max = 64 };

struct passed {
	struct passed *next;
	int fd;
	bool usable; /* a stream socket with an address */
	union any_address address;
	char name[name_max];
};

static struct passed *add(struct passed **list, int fd)
{
	struct passed *p = mem_alloc(sizeof(*p));
	socklen_t n = sizeof(p->address), n_type = sizeof(int);
	int type = 0;

	p->fd = fd;
	p->usable = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n_type) == 0 &&
	            type == SOCK_STREAM && getsockname(fd, &p->address.sa, &n) == 0;
	LL_APPEND(*list, p);
	return p;
}

void passed_put(struct passed **list, int fd)
{
	add(list, fd);
}

static unsigned long number_of(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	unsigned long n = text != NULL ? strtoul(text, &end, 10) : 0;

	return text != NULL && *end == '\0' ? n : 0;
}

/* "irc:irc-tls": the name of the next one, and what comes behind it. */
static const char *next_name(const char *names, char out[name_max])
{
	size_t n = strcspn(names, ":");

	snprintf(out, name_max, "%.*s", (int)(n < name_max ? n : name_max - 1), names);
	return names[n] == ':' ? names + n + 1 : names + n;
}

/* As our own ones are made (loop_ev.c). */
static void equip(struct passed *p)
{
	const int on = 1;

	fcntl(p->fd, F_SETFD, FD_CLOEXEC);
	if (!p->usable)
		return;
	fcntl(p->fd, F_SETFL, fcntl(p->fd, F_GETFL) | O_NONBLOCK);
	if (p->address.sa.sa_family != AF_UNIX)
		setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

unsigned passed_inherit(struct passed **list)
{
	const char *names = getenv("LISTEN_FDNAMES");
	unsigned long n = number_of("LISTEN_FDS"), i;

	if (number_of("LISTEN_PID") != (unsigned long)getpid() || n > fds_max)
		return 0;
	names = names != NULL ? names : "";
	for (i = 0; i < n; i++) {
		struct passed *p = add(list, first_fd + (int)i);

		names = next_name(names, p->name);
		equip(p);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return (unsigned)n;
}

static bool same(const union any_address *a, const union any_address *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	switch (a->sa.sa_family) {
	case AF_INET:
		return a->in.sin_port == b->in.sin_port && a->in.sin_port != 0 &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	case AF_INET6:
		return a->in6.sin6_port == b->in6.sin6_port && a->in6.sin6_port != 0 &&
		       memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
	case AF_UNIX:
		return a->un.sun_path[0] != '\0' &&
		       strncmp(a->un.sun_path, b->un.sun_path, sizeof(a->un.sun_path)) == 0;
	default:
		return false;
	}
}

static struct passed *find(const struct passed *list, const union any_address *address)
{
	struct passed *p = (struct passed *)(uintptr_t)list;

	while (p != NULL && !(p->usable && same(&p->address, address)))
		p = p->next;
	return p;
}

bool passed_has(const struct passed *list, const union any_address *address)
{
	return find(list, address) != NULL;
}

int passed_take(struct passed **list, const union any_address *address)
{
	struct passed *p = find(*list, address);
	int fd;

	if (p == NULL)
		return -ENOENT;
	fd = p->fd;
	LL_DELETE(*list, p);
	free(p);
	return fd;
}

void passed_close(struct passed **list,
                  void (*tell)(void *ctx, const char *address, const char *name), void *ctx)
{
	char text[LOOP_ADDRESS_MAX];
	struct passed *p;

	while ((p = *list) != NULL) {
		LL_DELETE(*list, p);
		if (p->usable)
			address_text(&p->address, text, sizeof(text));
		else
			snprintf(text, sizeof(text), "fd %d, which is no stream socket", p->fd);
		close(p->fd);
		if (tell != NULL)
			tell(ctx, text, p->name);
		free(p);
	}
}
