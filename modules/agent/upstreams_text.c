/*
 * modules/agent/upstreams_text.c - addresses, fingerprints and lines of the file as text. Pure.
 *
 * Each has one written form only: what was read is written again and compared, so nothing that is
 * nearly right is taken for right.
 */
#include "upstreams_text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define HEAD                                                                                       \
	"# Addresses of the network, and certificates that are trusted. Written by the agent.\n"
#define UNIX_PATH_MAX 107
#define HOST_MAX 253
#define FIELDS 6
#define USED_MAX (INT64_MAX / 1000000000)

static const char *const from_names[] = {
	[UPSTREAM_PIN_FIRST] = "first-use",
	[UPSTREAM_PIN_NETWORK] = "network",
	[UPSTREAM_PIN_GIVEN] = "given",
};
#define N_FROM (sizeof(from_names) / sizeof(from_names[0]))

/* --- addresses --- */

bool upstream_address_is_unix(const char *address)
{
	return strncmp(address, "unix:", 5) == 0;
}

/* Spaces would break a line of the file. */
static int read_unix(const char *text, char *out, struct gw_error *why)
{
	const char *path = text + 5;

	if (path[0] != '/' || strlen(path) > UNIX_PATH_MAX)
		return gw_fail(why, -EINVAL,
		               "'%.120s' must have a whole path behind unix:, of at most %d bytes",
		               text, UNIX_PATH_MAX);
	for (const char *p = path; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return gw_fail(why, -EINVAL, "'%.120s' must not have spaces in it", text);
	strcpy(out, text);
	return 0;
}

/* "6697" in full; 0: it is no port. */
static uint16_t port_of(const char *text)
{
	unsigned port = 0;

	if (text[0] < '1' || text[0] > '9' || strlen(text) > 5)
		return 0;
	for (; *text >= '0' && *text <= '9'; text++)
		port = port * 10 + (unsigned)(*text - '0');
	return *text == '\0' && port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* Cuts the host off, without brackets; what is behind it, "" or ":PORT", or NULL. */
static const char *cut_host(const char *text, char host[HOST_MAX + 1])
{
	const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
	const char *begin = text + (text[0] == '[');
	size_t n;

	if (end == NULL && text[0] == '[')
		return NULL;
	n = end == NULL ? strlen(begin) : (size_t)(end - begin);
	if (n == 0 || n > HOST_MAX)
		return NULL;
	memcpy(host, begin, n);
	host[n] = '\0';
	return begin + n + (text[0] == '[');
}

/* A name that can be looked up, in lower case; not what was meant to be a numeric address. */
static bool name_read(char *host)
{
	const char *last;
	size_t n = strlen(host);

	if (host[n - 1] == '.') /* of the root: the same name */
		host[--n] = '\0';
	for (char *p = host; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	last = strrchr(host, '.');
	last = last == NULL ? host : last + 1;
	return n > 0 && strcmp(host, "unix") != 0 && host[0] != '.' && host[0] != '-' &&
	       strstr(host, "..") == NULL &&
	       strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == n &&
	       strspn(last, "0123456789") < strlen(last);
}

static bool host_read(const char *text, char host[HOST_MAX + 1])
{
	struct in6_addr v6;
	struct in_addr v4;

	if (text[0] == '[')
		return inet_pton(AF_INET6, host, &v6) == 1 &&
		       inet_ntop(AF_INET6, &v6, host, HOST_MAX + 1) != NULL;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return true;
	return name_read(host);
}

int upstream_address_read(const char *text, uint16_t port, char out[UPSTREAM_ADDRESS_MAX + 1],
                          struct gw_error *why)
{
	bool brackets = text[0] == '[';
	char host[HOST_MAX + 1];
	const char *behind;

	if (upstream_address_is_unix(text))
		return read_unix(text, out, why);
	if (!brackets && strchr(text, ':') != strrchr(text, ':'))
		return gw_fail(why, -EINVAL,
		               "'%.120s' is no address: one of IPv6 must be in brackets", text);
	behind = cut_host(text, host);
	if (behind == NULL || !host_read(text, host))
		return gw_fail(why, -EINVAL,
		               "'%.120s' is no address: HOST, HOST:PORT or unix:/PATH", text);
	if (behind[0] == ':')
		port = port_of(behind + 1);
	if (port == 0 || (behind[0] != '\0' && behind[0] != ':'))
		return gw_fail(why, -EINVAL,
		               "'%.120s' must end with a port between 1 and 65535, or none", text);
	snprintf(out, UPSTREAM_ADDRESS_MAX + 1, "%s%s%s:%u", brackets ? "[" : "", host,
	         brackets ? "]" : "", port);
	return 0;
}

/* --- fingerprints --- */

bool upstream_pin_read(const char *text, uint8_t out[UPSTREAM_PIN])
{
	const char *end;
	size_t n;

	return sodium_hex2bin(out, UPSTREAM_PIN, text, strlen(text), ":", &n, &end) == 0 &&
	       n == UPSTREAM_PIN && *end == '\0';
}

void upstream_pin_text(const uint8_t pin[UPSTREAM_PIN], char out[UPSTREAM_HEX + 1])
{
	sodium_bin2hex(out, UPSTREAM_HEX + 1, pin, UPSTREAM_PIN);
}

/* --- the file --- */

size_t upstreams_text_head(char out[UPSTREAM_ROW_MAX + 1])
{
	return (size_t)snprintf(out, UPSTREAM_ROW_MAX + 1, HEAD);
}

size_t upstreams_text_row(const struct upstream_row *row, char out[UPSTREAM_ROW_MAX + 1])
{
	char hex[UPSTREAM_HEX + 1] = "-";

	if (row->has_pin)
		upstream_pin_text(row->pin, hex);
	return (size_t)snprintf(
		out, UPSTREAM_ROW_MAX + 1, "%s %s %s %s %s %" PRId64 "\n", row->address,
		row->tls ? "tls" : "plain", row->by[0] != '\0' ? row->by : "-",
		row->has_pin ? from_names[row->from] : "-", hex, row->used_ns / 1000000000);
}

static bool read_address(const char *word, char out[UPSTREAM_ADDRESS_MAX + 1])
{
	return strlen(word) <= UPSTREAM_ADDRESS_MAX &&
	       upstream_address_read(word, 1, out, NULL) == 0;
}

static bool read_pin(const char *from, const char *hex, struct upstream_row *out)
{
	if (strcmp(from, "-") == 0)
		return true;
	while (out->from < N_FROM && strcmp(from_names[out->from], from) != 0)
		out->from++;
	out->has_pin = out->from < N_FROM && upstream_pin_read(hex, out->pin);
	return out->has_pin;
}

static bool read_used(const char *word, int64_t *out)
{
	int64_t seconds = 0;

	for (; *word >= '0' && *word <= '9' && seconds <= USED_MAX / 10; word++)
		seconds = seconds * 10 + (*word - '0');
	if (*word != '\0' || seconds > USED_MAX)
		return false;
	*out = seconds * 1000000000;
	return true;
}

static bool read_fields(char *const fields[FIELDS], struct upstream_row *out)
{
	*out = (struct upstream_row){.tls = strcmp(fields[1], "tls") == 0};
	return read_address(fields[0], out->address) &&
	       (strcmp(fields[2], "-") == 0 || read_address(fields[2], out->by)) &&
	       read_pin(fields[3], fields[4], out) && read_used(fields[5], &out->used_ns);
}

/* Without the line's end. */
static bool read_row(const char *line, size_t n, struct upstream_row *out)
{
	char text[UPSTREAM_ROW_MAX + 1], again[UPSTREAM_ROW_MAX + 1], *fields[FIELDS], *at = text;

	if (n >= UPSTREAM_ROW_MAX)
		return false;
	memcpy(text, line, n);
	text[n] = '\0';
	for (int i = 0; i < FIELDS; i++) {
		fields[i] = strsep(&at, " ");
		if (fields[i] == NULL)
			return false;
	}
	return read_fields(fields, out) && upstreams_text_row(out, again) == n + 1 &&
	       memcmp(again, line, n) == 0;
}

size_t upstreams_text_read(const char *text, size_t n, upstream_row_fn *fn, void *ctx,
                           size_t *line_out)
{
	size_t wrong = 0, number = 1;
	const char *end = text + n;

	for (; text < end; number++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((stop == NULL ? end : stop) - text);
		bool head = number == 1 && len == strlen(HEAD) - 1 && memcmp(text, HEAD, len) == 0;
		struct upstream_row row;

		/* a last line without an end was cut off */
		if (stop == NULL || (!head && (!read_row(text, len, &row) || !fn(ctx, &row))))
			if (wrong++ == 0)
				*line_out = number;
		text += len + 1;
	}
	return wrong;
}
