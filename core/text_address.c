/*
 * core/text_address.c - addresses as the configuration has them, as text.
 */
#include "core/text.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/** One "HOST:PORT" in its parts. */
struct parts {
	char host[TEXT_HOST_MAX + 1]; /* without brackets */
	const char *port;
	int family; /* AF_INET, AF_INET6, or AF_UNSPEC: no numeric address */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	} a;
};

static bool cut(const char *text, struct parts *out)
{
	const char *colon = strrchr(text, ':');
	bool brackets = text[0] == '[';
	size_t len = colon == NULL ? 0 : (size_t)(colon - text);

	if (len == 0 || len > TEXT_HOST_MAX || (brackets && (len < 3 || text[len - 1] != ']')))
		return false;
	len -= brackets ? 2 : 0;
	memcpy(out->host, text + brackets, len);
	out->host[len] = '\0';
	out->port = colon + 1;
	out->family = brackets ? AF_INET6 : AF_INET;
	if (inet_pton(out->family, out->host, &out->a) != 1)
		out->family = AF_UNSPEC;
	return !brackets || out->family == AF_INET6;
}

static bool is_port(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= 5 && strspn(text, "0123456789") == len && atoi(text) <= 65535;
}

bool text_is_address(const char *text)
{
	struct parts parts;

	if (strncmp(text, "unix:", 5) == 0)
		return text[5] == '/' && strlen(text + 5) < 108;
	return cut(text, &parts) && is_port(parts.port) && parts.family != AF_UNSPEC;
}

/* Not one that was meant to be numeric. */
static bool is_host_name(const char *host)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	const char *last = strrchr(host, '.');

	last = last == NULL ? host : last + 1;
	return strspn(host, letters) == strlen(host) && host[0] != '.' && host[0] != '-' &&
	       strstr(host, "..") == NULL && strspn(last, "0123456789") < strlen(last);
}

bool text_is_place(const char *text)
{
	struct parts parts;

	return cut(text, &parts) && is_port(parts.port) && parts.port[0] != '0' &&
	       (parts.family != AF_UNSPEC || is_host_name(parts.host)) &&
	       text_reach(text) != TEXT_ANY_HOST;
}

bool text_host_name(const char *text, char out[TEXT_HOST_MAX + 1])
{
	struct parts parts;
	size_t len;

	if (!cut(text, &parts) || !is_port(parts.port) || parts.family != AF_UNSPEC)
		return false;
	len = strlen(parts.host);
	if (parts.host[len - 1] == '.') /* of the root: the same name */
		parts.host[len - 1] = '\0';
	strcpy(out, parts.host);
	return is_host_name(out);
}

static enum text_reach reach_v4(struct in_addr a)
{
	if (a.s_addr == INADDR_ANY)
		return TEXT_ANY_HOST;
	return ntohl(a.s_addr) >> 24 == 127 ? TEXT_LOOPBACK : TEXT_ONE_HOST;
}

static enum text_reach reach_v6(const struct in6_addr *a)
{
	struct in_addr v4;

	if (IN6_IS_ADDR_UNSPECIFIED(a))
		return TEXT_ANY_HOST;
	if (!IN6_IS_ADDR_V4MAPPED(a))
		return IN6_IS_ADDR_LOOPBACK(a) ? TEXT_LOOPBACK : TEXT_ONE_HOST;
	memcpy(&v4, &a->s6_addr[12], sizeof(v4));
	return reach_v4(v4);
}

enum text_reach text_reach(const char *text)
{
	struct parts parts;

	if (strncmp(text, "unix:", 5) == 0)
		return TEXT_LOOPBACK;
	if (!cut(text, &parts))
		return TEXT_ONE_HOST;
	if (parts.family == AF_INET)
		return reach_v4(parts.a.v4);
	if (parts.family == AF_INET6)
		return reach_v6(&parts.a.v6);
	return strcasecmp(parts.host, "localhost") == 0 ? TEXT_LOOPBACK : TEXT_ONE_HOST;
}
