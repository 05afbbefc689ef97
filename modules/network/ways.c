/*
 * ways.c - the links that lead to other servers, and which of them a record goes over.
 *
 * All servers behind a link go with it. What came over a link in the name of a server that was not
 * taken in (or is behind another link by now) is passed over in silence: both sides see to it that
 * of a circle the same link is closed, but not in the same moment.
 */
#include "network.h"
#include <errno.h>
#include <godwit/log.h>
#include <utlist.h>

#define FIRST_WAYS 64

struct way *way_find(struct network *net, uint64_t via)
{
	struct way *way;

	LL_FOREACH (net->ways, way) {
		if (way->via == via)
			return way;
	}
	return NULL;
}

void way_shade(struct network *net, struct way *way, uint64_t run)
{
	struct gw_self *self = net->self;
	struct shade *shade;

	if (way_shades(net, way, run))
		return;
	if (HASH_COUNT(way->shades) >= SHADES_MAX) {
		shade = way->shades;
		HASH_DEL(way->shades, shade);
		gw_free(self, shade);
	}
	shade = (struct shade *)gw_alloc(self, sizeof(*shade));
	shade->run = run;
	shade->seen_ms = gw_mono_ns(self) / GW_MS;
	HASH_ADD(hh, way->shades, run, sizeof(shade->run), shade);
	gw_timer_set(net->shades, self, SHADE_MS * GW_MS);
}

void way_unshade(struct network *net, struct way *way, uint64_t run)
{
	struct gw_self *self = net->self;
	struct shade *shade;

	HASH_FIND(hh, way->shades, &run, sizeof(run), shade);
	if (shade == NULL)
		return;
	HASH_DEL(way->shades, shade);
	gw_free(self, shade);
}

/* Whether the other side has long had a server that is nowhere in sight here. */
static bool way_hides(struct network *net, const struct way *way)
{
	int64_t now = gw_mono_ns(net->self) / GW_MS;
	struct shade *shade;

	for (shade = way->shades; shade != NULL; shade = (struct shade *)shade->hh.next) {
		if (server_find(net, shade->run) != NULL)
			shade->seen_ms = now;
		else if (now - shade->seen_ms >= SHADE_MS)
			return true;
	}
	return false;
}

/* A server was passed over because it was in sight over an older way, and then that way broke
 * before both sides had settled who closes what: only a new burst brings it back. */
void shades_look(void *state, uint64_t tag)
{
	struct network *net = (struct network *)state;
	struct way *way, *hides = NULL;
	bool left = false;

	(void)tag;
	LL_FOREACH (net->ways, way) {
		if (way_hides(net, way))
			hides = way;
		left = left || way->shades != NULL;
	}
	if (left)
		gw_timer_set(net->shades, net->self, (hides == NULL ? SHADE_MS : 1000) * GW_MS);
	if (hides == NULL)
		return;
	gw_log(net->self, GW_WARN, "link hides servers that were passed over link=%s", hides->name);
	way_close(net, hides);
}

bool way_shades(struct network *net, const struct way *way, uint64_t run)
{
	struct gw_self *self = net->self;
	struct shade *shade;

	HASH_FIND(hh, way->shades, &run, sizeof(run), shade);
	return shade != NULL;
}

void way_free(struct network *net, struct way *way)
{
	struct gw_self *self = net->self;
	struct shade *shade, *next;

	HASH_ITER (hh, way->shades, shade, next) {
		HASH_DEL(way->shades, shade);
		gw_free(self, shade);
	}
	LL_DELETE(net->ways, way);
	gw_free(self, way);
}

void ways_free(struct network *net)
{
	while (net->ways != NULL)
		way_free(net, net->ways);
}

int via_add(void *network, const struct gw_via_spec *spec)
{
	struct network *net = (struct network *)network;
	struct way *way;

	if (spec->via == 0 || !valid_word(spec->name) || strlen(spec->name) > GW_SERVER_MAX)
		return -EINVAL;
	if (way_find(net, spec->via) != NULL)
		return -EEXIST;
	way = (struct way *)gw_alloc(net->self, sizeof(*way));
	way->via = spec->via;
	way->server = spec->server;
	way->joint = spec->joint;
	strcpy(way->name, spec->name);
	LL_APPEND(net->ways, way);
	net->linked = true;
	return 0;
}

/* From here on nothing goes over the link; then those behind it leave. */
static void way_drop(struct network *net, struct way *way)
{
	char name[GW_SERVER_MAX + 1];
	uint64_t via = way->via;
	bool any = false;

	strcpy(name, way->name);
	way_free(net, way);
	for (struct gw_node *node = net->here->pub.next; node != NULL; node = node->next) {
		if (node->via == via)
			any = server_of(node)->gone = true;
	}
	if (any)
		submit_split(net, net->here->pub.name, name);
}

int via_drop(void *network, uint64_t via)
{
	struct network *net = (struct network *)network;
	struct way *way = way_find(net, via);

	if (way == NULL)
		return -ENOENT;
	if (net->busy)
		queue_via_drop(net, via);
	else
		way_drop(net, way);
	return 0;
}

void via_drop_now(struct network *net, uint64_t via)
{
	struct way *way = way_find(net, via);

	if (way != NULL)
		way_drop(net, way);
}

void way_close(struct network *net, struct way *way)
{
	uint64_t via = way->via;

	way_drop(net, way);
	gw_notify(net->self, net->topic_circle, &via);
}

static void way_count(struct network *net, struct chan *chan, uint64_t via, int by)
{
	struct chan_way *way = chan->ways;
	uint32_t i = 0;

	if (via == 0)
		return;
	while (i < chan->n_ways && chan->ways[i].via != via)
		i++;
	if (i == chan->n_ways) {
		chan->ways = (struct chan_way *)gw_resize(net->self, chan->ways,
		                                          (chan->n_ways + 1) * sizeof(*chan->ways));
		chan->ways[chan->n_ways++] = (struct chan_way){.via = via};
	}
	way = &chan->ways[i];
	way->n += (uint32_t)by;
	if (way->n == 0)
		*way = chan->ways[--chan->n_ways];
}

/* The link to its shadow; 0: none, or the same as to its home. */
static uint64_t shadow_via(struct network *net, const struct person *p)
{
	const struct server *server =
		p->session.shadow == 0 ? NULL : server_find(net, p->session.shadow);

	return server == NULL || server->pub.via == p->session.home->via ? 0 : server->pub.via;
}

void chan_way_count(struct network *net, struct chan *chan, const struct person *p, int by)
{
	way_count(net, chan, p->session.home->via, by);
	way_count(net, chan, shadow_via(net, p), by);
}

/** Links that were found, each once. What is called for them may drop links. */
struct found {
	struct network *net;
	uint64_t except;
	uint64_t first[FIRST_WAYS], *vias;
	size_t n, room;
};

static void found_add(struct found *found, uint64_t via)
{
	if (via == 0 || via == found->except)
		return;
	for (size_t i = 0; i < found->n; i++) {
		if (found->vias[i] == via)
			return;
	}
	if (found->n == found->room) {
		uint64_t *more =
			(uint64_t *)gw_alloc(found->net->self, 2 * found->room * sizeof(*more));

		memcpy(more, found->vias, found->n * sizeof(*more));
		if (found->vias != found->first)
			gw_free(found->net->self, found->vias);
		found->vias = more;
		found->room *= 2;
	}
	found->vias[found->n++] = via;
}

static void find_all(struct found *found)
{
	const struct way *way;

	LL_FOREACH (found->net->ways, way)
		found_add(found, way->via);
}

static void find_channel(struct found *found, const char *channel)
{
	const struct chan *chan = channel == NULL ? NULL : chan_find(found->net, channel);
	const struct interest *interest =
		channel == NULL ? NULL : interest_find(found->net, channel);

	for (uint32_t i = 0; chan != NULL && i < chan->n_ways; i++)
		found_add(found, chan->ways[i].via);
	for (uint32_t i = 0; interest != NULL && i < interest->n; i++)
		found_add(found, interest->servers[i]->pub.via);
}

static void find_session(struct found *found, uint64_t session)
{
	const struct person *p = person_find(found->net, session);

	if (p == NULL)
		return;
	found_add(found, p->session.home->via);
	found_add(found, shadow_via(found->net, p));
}

static void find_server(struct found *found, uint64_t run)
{
	const struct server *server = server_find(found->net, run);

	if (server != NULL)
		found_add(found, server->pub.via);
}

static void each_way(struct found *found, enum gw_scope scope, const char *channel, uint64_t to,
                     gw_way_fn *fn, void *ctx)
{
	found->vias = found->first;
	found->room = FIRST_WAYS;
	if (scope == GW_SCOPE_CHANNEL)
		find_channel(found, channel);
	else if (scope == GW_SCOPE_SESSION)
		find_session(found, to);
	else if (scope == GW_SCOPE_SERVER)
		find_server(found, to);
	else
		find_all(found);
	for (size_t i = 0; i < found->n; i++)
		fn(ctx, found->vias[i]);
	if (found->vias != found->first)
		gw_free(found->net->self, found->vias);
}

void ways(void *network, const struct gw_record *record, gw_way_fn *fn, void *ctx)
{
	struct found found;

	found.net = (struct network *)network;
	found.except = record->via;
	found.n = 0;
	each_way(&found, record->burst ? GW_SCOPE_ALL : (enum gw_scope)record->scope,
	         record->channel, record->target, fn, ctx);
}

void ways_to(void *network, enum gw_scope scope, const char *channel, uint64_t to, gw_way_fn *fn,
             void *ctx)
{
	struct found found;

	found.net = (struct network *)network;
	found.except = 0;
	found.n = 0;
	each_way(&found, scope, channel, to, fn, ctx);
}
