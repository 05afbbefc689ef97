/*
 * redirect/door.c - at which of its listeners a recipient expects the client.
 *
 * A session on TLS is never sent to a listener without it; another may be. Loopback listeners are
 * for clients that came to the source over its loopback, and only if there are no others: the two
 * servers may be two machines.
 */
#include "redirect.h"
#include <errno.h>

struct search {
	bool secure, loopback;
	unsigned best; /* rank of what was found, 0: nothing */
	struct door *out;
	bool tls;
};

static unsigned rank(const struct search *search, const struct gw_listener *listener)
{
	unsigned rank = 1;

	if (strcmp(listener->protocol, "client") != 0 || listener->advertise == NULL ||
	    (search->secure && !listener->tls) || (listener->loopback && !search->loopback))
		return 0;
	if (!listener->loopback)
		rank += 2;
	if (listener->tls == search->secure)
		rank += 1;
	return rank;
}

/* "HOST:PORT" or "[v6]:PORT"; a word that begins with a colon would be none in a line. */
static bool split(const char *advertise, struct door *out)
{
	const char *colon = strrchr(advertise, ':');
	const char *host = advertise;
	size_t n;

	if (colon == NULL)
		return false;
	n = (size_t)(colon - advertise);
	if (host[0] == '[' && n >= 2) {
		host++;
		n -= 2;
	}
	if (n == 0 || n + 2 > sizeof(out->host) || strlen(colon + 1) >= sizeof(out->port))
		return false;
	snprintf(out->host, sizeof(out->host), "%s%.*s", host[0] == ':' ? "0" : "", (int)n, host);
	snprintf(out->port, sizeof(out->port), "%s", colon + 1);
	return true;
}

static void look(void *ctx, const struct gw_listener *listener)
{
	struct search *search = ctx;
	unsigned good = rank(search, listener);

	if (good <= search->best || !split(listener->advertise, search->out))
		return;
	search->best = good;
	search->tls = listener->tls;
}

int door_find(struct redirect_state *st, bool secure, bool loopback, struct door *out)
{
	struct search search = {.secure = secure, .loopback = loopback, .out = out};
	uint8_t digest[32];

	gw_listeners(st->self, look, &search);
	if (search.best == 0)
		return -ENOENT;
	snprintf(out->fingerprint, sizeof(out->fingerprint), "-");
	if (!search.tls)
		return 0;
	if (!gw_tls_fingerprint(st->self, digest))
		return -ENOENT;
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(out->fingerprint + 2 * i, 3, "%02x", digest[i]);
	return 0;
}
