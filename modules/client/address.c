/*
 * modules/client/address.c - who is exempt from limits, and how much one address may have.
 *
 * Only connections that are limited are counted, so an exempt crowd costs nothing. An IPv6 address
 * stands for its /64, which is what one customer gets.
 */
#include "client.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

static bool number_parse(const char *text, unsigned max, uint8_t *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value > max)
		return false;
	*out = (uint8_t)value;
	return true;
}

bool cidr_parse(const char *text, struct cidr *out)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);

	memset(out, 0, sizeof(*out));
	if (strcmp(text, "unix") == 0)
		return true;
	if (n == 0 || n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	out->family = strchr(address, ':') != NULL ? 6 : 4;
	out->bits = out->family == 6 ? 128 : 32;
	if (inet_pton(out->family == 6 ? AF_INET6 : AF_INET, address, out->bytes) != 1)
		return false;
	return slash == NULL || number_parse(slash + 1, out->bits, &out->bits);
}

static bool within(const struct cidr *net, const struct cidr *address)
{
	size_t whole = net->bits / 8, rest = net->bits % 8;

	if (net->family != address->family || memcmp(net->bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 || ((net->bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}

bool address_exempt(const struct client_state *st, const char *address)
{
	struct cidr one;

	if (!cidr_parse(address, &one))
		return false;
	for (size_t i = 0; i < st->settings.n_exempt; i++)
		if (within(&st->settings.exempt[i], &one))
			return true;
	return false;
}

/* Those of which nothing is left to remember, the oldest first and a few at a time. */
static void forget_some(struct client_state *st, int64_t now)
{
	struct gw_self *self = st->self;
	struct address *a, *next;
	int budget = 4;

	for (a = st->addresses; a != NULL && budget-- > 0; a = next) {
		next = a->hh.next;
		if (a->n > 0 || a->owed_until_ns > now)
			continue;
		HASH_DEL(st->addresses, a);
		gw_free(self, a);
	}
}

static struct address *address_of(struct client_state *st, const char *text)
{
	struct gw_self *self = st->self;
	struct address *a;
	struct cidr parsed;
	uint8_t key[sizeof(a->key)] = {0};

	if (!cidr_parse(text, &parsed))
		memset(&parsed, 0, sizeof(parsed));
	key[0] = parsed.family;
	memcpy(key + 1, parsed.bytes, parsed.family == 4 ? 4 : 8);
	HASH_FIND(hh, st->addresses, key, sizeof(key), a);
	if (a != NULL)
		return a;
	a = gw_alloc(self, sizeof(*a));
	memcpy(a->key, key, sizeof(key));
	HASH_ADD(hh, st->addresses, key, sizeof(a->key), a);
	return a;
}

int address_enter(struct client_state *st, struct client *c, struct gw_error *why)
{
	const struct client_settings *s = &st->settings;
	int64_t now = gw_mono_ns(st->self);
	struct address *a;

	if (c->pub.exempt)
		return 0;
	forget_some(st, now);
	a = address_of(st, c->pub.info->address);
	if (s->max_per_address > 0 && a->n >= s->max_per_address)
		return gw_fail(why, -EUSERS, "Too many connections from your address");
	if (a->owed_until_ns < now)
		a->owed_until_ns = now;
	if (a->owed_until_ns - now > s->connect_burst_ns)
		return gw_fail(why, -EAGAIN, "You connect too fast. Wait a moment and try again");
	a->owed_until_ns += s->connect_ns;
	a->n++;
	c->address = a;
	return 0;
}

void address_leave(struct client_state *st, struct client *c)
{
	struct gw_self *self = st->self;
	struct address *a = c->address;

	c->address = NULL;
	if (a == NULL || --a->n > 0 || a->owed_until_ns > gw_mono_ns(self))
		return;
	HASH_DEL(st->addresses, a);
	gw_free(self, a);
}
