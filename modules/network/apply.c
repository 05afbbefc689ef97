/*
 * apply.c - the only way into the state: checks a record, has its kind's function apply it, lets
 * others hear of it.
 *
 * Records come from submit.c and, over links, from outside. An event made while another is being
 * applied waits in the queue: all subscribers see one order, and nothing recurses. What is refused
 * here has changed nothing.
 */
#include "network.h"
#include <errno.h>
#include <string.h>

/** What a record of a kind must name. */
enum need {
	NEED_SOURCE = HEADER_SOURCE,
	NEED_CHANNEL = HEADER_CHANNEL,
	NEED_LIFE = HEADER_LIFE,
	NEED_TARGET = HEADER_TARGET
};

struct kind {
	apply_fn *apply;
	uint8_t needs;
	enum { NEWS, BOTH, BURST } form; /* where it may be */
};

static const struct kind kinds[] = {
	[GW_EV_USER & 0xff] = {apply_user, NEED_SOURCE, BOTH},
	[GW_EV_QUIT & 0xff] = {apply_quit, NEED_SOURCE, NEWS},
	[GW_EV_NICK & 0xff] = {apply_nick, NEED_SOURCE, NEWS},
	[GW_EV_SET & 0xff] = {apply_set, NEED_SOURCE, NEWS},
	[GW_EV_CHANNEL & 0xff] = {apply_channel, NEED_CHANNEL | NEED_LIFE, BOTH},
	[GW_EV_JOIN & 0xff] = {apply_join, NEED_SOURCE | NEED_CHANNEL | NEED_LIFE, BOTH},
	[GW_EV_PART & 0xff] = {apply_part, NEED_SOURCE | NEED_CHANNEL, NEWS},
	[GW_EV_KICK & 0xff] = {apply_kick, NEED_TARGET, BOTH},
	[GW_EV_MODE & 0xff] = {apply_mode, NEED_CHANNEL | NEED_LIFE, BOTH},
	[GW_EV_TOPIC & 0xff] = {apply_topic, NEED_CHANNEL | NEED_LIFE, NEWS},
	[GW_EV_MESSAGE & 0xff] = {apply_message, 0, NEWS},
	[GW_EV_INVITE & 0xff] = {apply_invite, NEED_CHANNEL | NEED_TARGET, NEWS},
	[GW_EV_KILL & 0xff] = {apply_kill, NEED_TARGET, NEWS},
	[GW_EV_WALLOPS & 0xff] = {apply_wallops, 0, NEWS},
	[GW_EV_UNREGISTER & 0xff] = {apply_unregister, NEED_CHANNEL | NEED_LIFE, NEWS},
	[BURST_SERVER & 0xff] = {apply_burst_server, 0, BURST},
	[BURST_VECTOR & 0xff] = {apply_burst_vector, 0, BURST},
	[BURST_STRAY & 0xff] = {apply_burst_stray, NEED_TARGET, BURST},
	[BURST_DATA & 0xff] = {apply_burst_data, 0, BURST},
};

static const struct kind *kind_known(uint32_t kind)
{
	uint32_t number = kind & 0x3fff;

	if (kind >> 16 != 1 || (kind & 0xffff) != number ||
	    number >= sizeof(kinds) / sizeof(kinds[0]) || kinds[number].apply == NULL)
		return NULL;
	return &kinds[number];
}

struct server *server_find(struct network *net, uint64_t run)
{
	struct gw_self *self = net->self;
	struct server *server;

	if (net->here != NULL && run == net->here->pub.run)
		return net->here;
	HASH_FIND(hh, net->servers, &run, sizeof(run), server);
	return server;
}

struct server *server_add(struct network *net, const struct gw_node_spec *spec)
{
	struct gw_self *self = net->self;
	struct server *server = (struct server *)gw_alloc(self, sizeof(*server)), *last = net->here;

	memcpy(server->name, spec->name, strnlen(spec->name, GW_SERVER_MAX));
	server->description = gw_strdup(self, spec->description == NULL ? "" : spec->description);
	server->pub = (struct gw_node){.name = server->name,
	                               .description = server->description,
	                               .id = spec->id,
	                               .run = spec->run,
	                               .here = spec->via == 0};
	server->via = spec->via;
	HASH_ADD(hh, net->servers, pub.run, sizeof(server->pub.run), server);
	if (spec->via == 0)
		net->here = server;
	else
		net->linked = true;
	while (last != NULL && last->pub.next != NULL)
		last = server_of(last->pub.next);
	if (last != NULL)
		last->pub.next = &server->pub;
	return server;
}

void publish(struct network *net, const struct gw_event *event)
{
	gw_notify(net->self, net->topic_event, event);
}

void publish_as(struct applying *a, uint32_t kind)
{
	struct gw_event event = a->event;

	event.kind = kind;
	publish(a->net, &event);
}

/* Stamps further ahead than this are not taken: a cell with one could not be changed for that long.
 */
static uint64_t clock_bound(struct network *net)
{
	return (uint64_t)(gw_wall_ns(net->self) / GW_MS + AHEAD_MS) << 16 | 0xffff;
}

/* The server that an ordinary event comes from must be behind the link that brought it; per origin
 * the order is kept. */
static int check_origin(struct network *net, const struct header *h, uint64_t via,
                        struct server **node_out)
{
	struct server *node = server_find(net, h->run);

	*node_out = node;
	if (h->flags & HEADER_BURST)
		return via != 0 && h->seq == 0 ? 0 : -EPERM;
	if (node == NULL || node->via != via)
		return -EPERM;
	if (h->seq <= node->seq)
		return -EALREADY;
	return h->clock > node->clock ? 0 : -EBADMSG;
}

/* A session speaks from its home; in a burst its home is behind the link. */
static int check_source(struct applying *a, const struct server *node)
{
	const struct header *h = &a->header;
	bool burst = (h->flags & HEADER_BURST) != 0;

	if (!(h->flags & HEADER_SOURCE))
		return 0;
	a->source = person_find(a->net, h->source);
	if (h->kind == GW_EV_USER)
		return a->source == NULL || burst ? 0 : -EEXIST;
	if (a->source == NULL)
		return -EPERM;
	if (burst)
		return server_of(a->source->session.home)->via == a->via ? 0 : -EPERM;
	return a->source->session.home == &node->pub ? 0 : -EPERM;
}

static int check_names(struct applying *a, const struct kind *kind)
{
	const struct header *h = &a->header;

	if (kind != NULL && (h->flags & kind->needs) != kind->needs)
		return -EBADMSG;
	if ((h->flags & HEADER_BURST) && kind == NULL)
		return -ENOMSG;
	if (kind != NULL && kind->form != BOTH &&
	    (kind->form == BURST) != ((h->flags & HEADER_BURST) != 0))
		return -EBADMSG;
	if ((h->flags & HEADER_CHANNEL) && !valid_channel(NULL, h->channel))
		return -EBADMSG;
	if ((h->flags & HEADER_LIFE) && h->life.clock > a->max_clock)
		return -ERANGE;
	return 0;
}

/* Fills what all events have in common. */
static void event_init(struct applying *a, struct server *node)
{
	const struct header *h = &a->header;
	struct chan *chan = NULL;

	if (h->flags & HEADER_CHANNEL)
		chan = chan_visible(a->net, h->channel);
	if (h->flags & HEADER_TARGET)
		a->target = person_find(a->net, h->target);
	a->event = (struct gw_event){.origin = h->run,
	                             .seq = h->seq,
	                             .clock = h->clock,
	                             .kind = h->kind,
	                             .scope = h->flags & HEADER_SCOPE,
	                             .command = h->command,
	                             .node = node == NULL ? NULL : &node->pub,
	                             .source = a->source == NULL ? NULL : &a->source->session,
	                             .target = a->target == NULL ? NULL : &a->target->session,
	                             .channel = chan == NULL ? NULL : &chan->pub};
}

static void tell_links(struct applying *a, const void *record, size_t n)
{
	struct gw_record passing = {.bytes = record,
	                            .len = n,
	                            .via = a->via,
	                            .origin = a->header.run,
	                            .seq = a->header.seq,
	                            .kind = a->header.kind,
	                            .scope = a->header.flags & HEADER_SCOPE,
	                            .channel = a->header.channel,
	                            .target = a->header.target};

	gw_notify(a->net->self, a->net->topic_record, &passing);
}

/* A kind that nobody here knows: its number says what happens to it. */
static int apply_unknown(struct applying *a)
{
	return a->header.kind & GW_KIND_DROP ? -ENOMSG : 0;
}

static int apply_kind(struct applying *a, const struct kind *kind)
{
	if (kind != NULL)
		return kind->apply(a);
	if (kind_by_number(a->net, a->header.kind) != NULL)
		return apply_custom(a);
	return apply_unknown(a);
}

static int apply_checked(struct applying *a, struct server *node, const void *record, size_t n)
{
	const struct kind *kind = kind_known(a->header.kind);
	bool burst = (a->header.flags & HEADER_BURST) != 0;
	struct server before = {0};
	int status = check_names(a, kind);

	if (status == 0)
		status = check_source(a, node);
	if (status < 0)
		return status;
	event_init(a, node);
	if (!burst) {
		before = *node;
		node->seq = a->header.seq;
		node->clock = a->header.clock;
	}
	status = apply_kind(a, kind);
	if (status < 0 && status != -ENOMSG && !burst) {
		node->seq = before.seq;
		node->clock = before.clock;
	}
	if (status == 0 && !burst)
		tell_links(a, record, n);
	return status;
}

static int apply_one(struct network *net, const void *record, size_t n, uint64_t via,
                     struct gw_sink *sink, uint64_t caps)
{
	struct applying a = {
		.net = net, .via = via, .sink = sink, .caps = caps, .max_clock = clock_bound(net)};
	struct server *node;
	int status;

	a.body = (struct reader){.p = (const uint8_t *)record, .end = (const uint8_t *)record + n};
	if (n > RECORD_MAX || !get_header(&a.body, &a.header))
		return -EBADMSG;
	if (a.header.clock > a.max_clock || a.header.clock == 0)
		return -ERANGE;
	status = check_origin(net, &a.header, via, &node);
	if (status < 0)
		return status;
	a.stamp = (struct gw_stamp){a.header.clock, a.header.run};
	status = apply_checked(&a, node, record, n);
	if (a.changes != NULL)
		gw_free(net->self, a.changes);
	if (via != 0 && status == 0)
		gw_clock_raise(net->self, a.header.clock);
	return status;
}

void apply_drain(struct network *net)
{
	struct gw_self *self = net->self;

	while (net->queue != NULL) {
		struct queued *next = net->queue;

		net->queue = next->next;
		apply_one(net, next->record, next->len, 0, next->sink, next->caps);
		gw_free(self, next);
	}
}

int apply_own(struct network *net, const void *record, size_t n, struct gw_sink *sink,
              uint64_t caps)
{
	int status;

	if (net->busy) {
		struct queued *waits = (struct queued *)gw_alloc(net->self, sizeof(*waits) + n);

		waits->sink = sink;
		waits->caps = caps;
		waits->len = n;
		memcpy(waits->record, record, n);
		if (net->queue == NULL)
			net->queue_end = &net->queue;
		*net->queue_end = waits;
		net->queue_end = &waits->next;
		return 0;
	}
	net->busy = true;
	status = apply_one(net, record, n, 0, sink, caps);
	apply_drain(net);
	net->busy = false;
	return status;
}

int apply_record(struct network *net, const void *record, size_t n, uint64_t via)
{
	int status;

	if (net->busy || via == 0)
		return -EBUSY;
	net->busy = true;
	status = apply_one(net, record, n, via, NULL, 0);
	apply_drain(net);
	net->busy = false;
	return status;
}
