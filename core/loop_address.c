/*
 * core/loop_address.c - from text to what the system takes for an address, and back; and names.
 */
#include "core/loop_address.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 256

static int parse_unix(const char *path, union any_address *out, socklen_t *len_out)
{
	size_t n = strlen(path);

	if (n == 0)
		return -EINVAL;
	if (n >= sizeof(out->un.sun_path))
		return -ENAMETOOLONG;
	out->un.sun_family = AF_UNIX;
	memcpy(out->un.sun_path, path, n + 1);
	*len_out = sizeof(out->un);
	return 0;
}

int address_parse(const char *text, union any_address *out, socklen_t *len_out)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(text, ':');
	char *end;
	unsigned long port;
	size_t n;

	memset(out, 0, sizeof(*out));
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, out, len_out);
	if (colon == NULL || colon == text || colon[1] < '0' || colon[1] > '9')
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	n = (size_t)(colon - text);
	if (*end != '\0' || port > 65535 || n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons((uint16_t)port);
		*len_out = sizeof(out->in6);
		return inet_pton(AF_INET6, host + 1, &out->in6.sin6_addr) == 1 ? 0 : -EINVAL;
	}
	out->in.sin_family = AF_INET;
	out->in.sin_port = htons((uint16_t)port);
	*len_out = sizeof(out->in);
	return inet_pton(AF_INET, host, &out->in.sin_addr) == 1 ? 0 : -EINVAL;
}

void address_text(const union any_address *a, char *out, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "";

	if (a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host));
		snprintf(out, size, "%s:%u", host, ntohs(a->in.sin_port));
	} else if (a->sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host));
		snprintf(out, size, "[%s]:%u", host, ntohs(a->in6.sin6_port));
	} else {
		snprintf(out, size, "unix:%.*s", (int)sizeof(a->un.sun_path), a->un.sun_path);
	}
}

static void describe_v4(const struct in_addr *a, struct loop_peer *peer)
{
	inet_ntop(AF_INET, a, peer->address, sizeof(peer->address));
	peer->loopback = (ntohl(a->s_addr) >> 24) == 127;
}

static void describe_unix(int fd, struct loop_peer *peer)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	strcpy(peer->address, "unix");
	peer->loopback = true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0) {
		peer->has_uid = true;
		peer->uid = who.uid;
		peer->pid = who.pid;
	}
}

void address_describe(int fd, const union any_address *a, struct loop_peer *peer)
{
	struct in_addr v4;

	memset(peer, 0, sizeof(*peer));
	if (a->sa.sa_family == AF_INET) {
		describe_v4(&a->in.sin_addr, peer);
		peer->port = ntohs(a->in.sin_port);
	} else if (a->sa.sa_family == AF_INET6) {
		peer->port = ntohs(a->in6.sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
			memcpy(&v4, &a->in6.sin6_addr.s6_addr[12], sizeof(v4));
			describe_v4(&v4, peer);
			return;
		}
		inet_ntop(AF_INET6, &a->in6.sin6_addr, peer->address, sizeof(peer->address));
		peer->loopback = IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
	} else {
		describe_unix(fd, peer);
	}
}

/* "name:port" into its two parts. */
static bool split(const char *text, char host[HOST_MAX], const char **port_out)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon == NULL ? 0 : (size_t)(colon - text);

	if (n == 0 || n >= HOST_MAX || colon[1] == '\0' ||
	    colon[1 + strspn(colon + 1, "0123456789")] != '\0')
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	*port_out = colon + 1;
	return true;
}

static void note_found(const struct addrinfo *one, const char *port, struct loop_found *out)
{
	char host[INET6_ADDRSTRLEN + 20], *text = out->address[out->n];
	const char *format = one->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s";
	int len;

	if (getnameinfo(one->ai_addr, one->ai_addrlen, host, sizeof(host), NULL, 0,
	                NI_NUMERICHOST) != 0)
		return;
	len = snprintf(text, LOOP_ADDRESS_MAX, format, host, port);
	if (len > 0 && len < LOOP_ADDRESS_MAX)
		out->n++;
}

void address_lookup(const char *text, struct loop_found *out)
{
	const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char host[HOST_MAX];
	const char *port;
	int status = EAI_NONAME;

	out->n = 0;
	out->why = NULL;
	if (split(text, host, &port))
		status = getaddrinfo(host, port, &wanted, &list);
	if (status != 0) {
		out->why = gai_strerror(status);
		return;
	}
	for (const struct addrinfo *one = list; one != NULL && out->n < LOOP_FOUND_MAX;
	     one = one->ai_next)
		note_found(one, port, out);
	freeaddrinfo(list);
}
