/*
 * link/address.c - "HOST:PORT" as operators write it and the services database keeps it. Pure.
 */
#include "net.h"
#include <arpa/inet.h>
#include <stdlib.h>

static bool port_valid(const char *text)
{
	char *end;
	unsigned long port;

	if (text[0] < '1' || text[0] > '9')
		return false;
	port = strtoul(text, &end, 10);
	return *end == '\0' && port <= UINT16_MAX;
}

static bool host_valid(const char *host, bool brackets)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	struct in6_addr v6;

	if (brackets)
		return inet_pton(AF_INET6, host, &v6) == 1;
	return host[0] != '\0' && strlen(host) <= 253 && strspn(host, letters) == strlen(host);
}

/* Cuts "host:port" and "[v6]:port"; NULL: it is neither. Gives the port. */
static const char *cut(const char *text, char host[ADDRESS_MAX + 1], bool *brackets_out)
{
	const char *colon = strrchr(text, ':');
	size_t n;

	*brackets_out = text[0] == '[';
	if (strlen(text) > ADDRESS_MAX || colon == NULL)
		return NULL;
	n = (size_t)(colon - text);
	if (*brackets_out && (n < 2 || text[n - 1] != ']'))
		return NULL;
	memcpy(host, text + *brackets_out, n - 2 * *brackets_out);
	host[n - 2 * *brackets_out] = '\0';
	return colon + 1;
}

bool address_valid(const char *text)
{
	char host[ADDRESS_MAX + 1];
	const char *port;
	bool brackets;

	if (strncmp(text, "unix:/", 6) == 0)
		return strlen(text) <= ADDRESS_MAX;
	port = cut(text, host, &brackets);
	return port != NULL && host_valid(host, brackets) && port_valid(port);
}

bool address_host(const char *text, char out[ADDRESS_MAX + 1])
{
	bool brackets;

	return strncmp(text, "unix:", 5) != 0 && cut(text, out, &brackets) != NULL;
}

bool address_wildcard(const char *text)
{
	static const struct in6_addr any = IN6ADDR_ANY_INIT;
	char host[ADDRESS_MAX + 1];
	struct in6_addr v6;
	struct in_addr v4;

	if (!address_host(text, host))
		return false;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return v4.s_addr == INADDR_ANY;
	return inet_pton(AF_INET6, host, &v6) == 1 && memcmp(&v6, &any, sizeof(any)) == 0;
}
