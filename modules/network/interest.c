/*
 * interest.c - who listens to a channel without having a member in it.
 *
 * A module (history, a bridge) that wants a channel's messages says so to its own server; the
 * server says it to the network, so that messages come this far. It belongs to the server, and goes
 * with it.
 */
#include "network.h"
#include <errno.h>

struct interest *interest_find(struct network *net, const char *channel)
{
	struct gw_self *self = net->self;
	char folded[GW_CHANNEL_MAX + 1];
	struct interest *entry;
	int n = fold(NULL, channel, folded, sizeof(folded));

	if (n < 0)
		return NULL;
	HASH_FIND(hh, net->interests, folded, (size_t)n, entry);
	return entry;
}

static struct interest *interest_get(struct network *net, const char *channel)
{
	struct gw_self *self = net->self;
	struct interest *entry = interest_find(net, channel);
	size_t n = strlen(channel);

	if (entry != NULL)
		return entry;
	entry = (struct interest *)gw_alloc(self, sizeof(*entry) + n + 1);
	fold(NULL, channel, entry->folded, n + 1);
	HASH_ADD_KEYPTR(hh, net->interests, entry->folded, n, entry);
	return entry;
}

static void interest_free(struct network *net, struct interest *entry)
{
	struct gw_self *self = net->self;

	HASH_DELETE(hh, net->interests, entry);
	if (entry->servers != NULL)
		gw_free(self, entry->servers);
	gw_free(self, entry);
}

static void interest_release(struct network *net, struct interest *entry)
{
	if (entry->count == 0 && entry->n == 0)
		interest_free(net, entry);
}

int interest(void *network, const char *channel, bool on)
{
	struct network *net = (struct network *)network;
	struct interest *entry;
	struct chan *chan;

	if (!valid_channel(net, channel))
		return -EINVAL;
	entry = interest_find(net, channel);
	if ((entry == NULL || entry->count == 0) && !on)
		return -ENOENT;
	entry = interest_get(net, channel);
	entry->count += on ? 1 : (uint32_t)-1;
	chan = chan_find(net, channel);
	if (chan != NULL)
		chan->pub.interest = entry->count;
	if (entry->count == (on ? 1 : 0) && net->ways != NULL)
		submit_interest(net, channel, on);
	entry = interest_find(net, channel);
	if (entry != NULL)
		interest_release(net, entry);
	return 0;
}

void interest_put(struct writer *w, const struct server *server, bool on)
{
	put_u64(w, server->pub.run);
	put_u8(w, on);
}

static void interest_set(struct network *net, struct interest *entry, struct server *server,
                         bool on)
{
	uint32_t i = 0;

	while (i < entry->n && entry->servers[i] != server)
		i++;
	if (on && i == entry->n) {
		entry->servers = (struct server **)gw_resize(
			net->self, entry->servers, (entry->n + 1) * sizeof(struct server *));
		entry->servers[entry->n++] = server;
	} else if (!on && i < entry->n) {
		entry->servers[i] = entry->servers[--entry->n];
	}
}

int apply_interest(struct applying *a)
{
	struct network *net = a->net;
	uint64_t run = get_u64(&a->body);
	uint8_t on = get_u8(&a->body);
	bool burst = (a->header.flags & HEADER_BURST) != 0;
	struct server *server = server_find(net, run);
	struct interest *entry;

	if (!reader_done(&a->body) || on > 1)
		return -EBADMSG;
	if (server == NULL || server->pub.via != a->via || (!burst && run != a->header.run)) {
		a->stays = true;
		return a->way != NULL && way_shades(net, a->way, run) ? 0 : -EPERM;
	}
	if (server == net->here)
		return 0;
	entry = interest_find(net, a->header.channel);
	if (entry == NULL && on && HASH_COUNT(net->interests) < INTERESTS_MAX)
		entry = interest_get(net, a->header.channel);
	if (entry == NULL)
		return 0;
	interest_set(net, entry, server, on != 0);
	interest_release(net, entry);
	return 0;
}

void interests_leave(struct network *net, struct server *server)
{
	struct interest *entry, *next;

	for (entry = net->interests; entry != NULL; entry = next) {
		next = (struct interest *)entry->hh.next;
		interest_set(net, entry, server, false);
		interest_release(net, entry);
	}
}

void interests_free(struct network *net)
{
	while (net->interests != NULL)
		interest_free(net, net->interests);
}
