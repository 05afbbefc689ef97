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

enum form { NEWS, BOTH, BURST }; /* where a kind may be */

struct kind {
	uint32_t kind;
	apply_fn *apply;
	uint8_t needs;
	enum form form;
	bool exported; /* a burst's record of what has no home: its exporter must be behind the link
	                */
	bool to_others; /* it changes what is not its source's */
	bool once;      /* not again, if it was seen before its server was out of sight */
	bool any_home;  /* its function sees to it that its server may say it of the session */
};

static apply_fn apply_aside;

static const struct kind kinds[] = {
	[GW_EV_USER &
         0xff] = {.kind = GW_EV_USER, .apply = apply_user, .needs = NEED_SOURCE, .form = BOTH},
	[GW_EV_QUIT & 0xff] = {.kind = GW_EV_QUIT, .apply = apply_quit, .needs = NEED_SOURCE},
	[GW_EV_NICK & 0xff] = {.kind = GW_EV_NICK, .apply = apply_nick, .needs = NEED_SOURCE},
	[GW_EV_SET & 0xff] = {.kind = GW_EV_SET, .apply = apply_set, .needs = NEED_SOURCE},
	[GW_EV_CHANNEL & 0xff] = {.kind = GW_EV_CHANNEL,
                                  .apply = apply_channel,
                                  .needs = NEED_CHANNEL | NEED_LIFE,
                                  .form = BOTH,
                                  .exported = true,
                                  .to_others = true},
	[GW_EV_JOIN & 0xff] = {.kind = GW_EV_JOIN,
                               .apply = apply_join,
                               .needs = NEED_SOURCE | NEED_CHANNEL | NEED_LIFE,
                               .form = BOTH},
	[GW_EV_PART & 0xff] = {.kind = GW_EV_PART,
                               .apply = apply_part,
                               .needs = NEED_SOURCE | NEED_CHANNEL},
	[GW_EV_KICK & 0xff] = {.kind = GW_EV_KICK,
                               .apply = apply_kick,
                               .needs = NEED_TARGET,
                               .form = BOTH,
                               .exported = true,
                               .to_others = true},
	[GW_EV_MODE & 0xff] = {.kind = GW_EV_MODE,
                               .apply = apply_mode,
                               .needs = NEED_CHANNEL | NEED_LIFE,
                               .form = BOTH,
                               .exported = true,
                               .to_others = true},
	[GW_EV_TOPIC & 0xff] = {.kind = GW_EV_TOPIC,
                                .apply = apply_topic,
                                .needs = NEED_CHANNEL | NEED_LIFE,
                                .to_others = true},
	[GW_EV_MESSAGE & 0xff] = {.kind = GW_EV_MESSAGE, .apply = apply_message, .once = true},
	[GW_EV_INVITE & 0xff] = {.kind = GW_EV_INVITE,
                                 .apply = apply_invite,
                                 .needs = NEED_CHANNEL | NEED_TARGET,
                                 .once = true},
	[GW_EV_KILL & 0xff] = {.kind = GW_EV_KILL,
                               .apply = apply_kill,
                               .needs = NEED_TARGET,
                               .once = true},
	[GW_EV_WALLOPS & 0xff] = {.kind = GW_EV_WALLOPS, .apply = apply_wallops, .once = true},
	[GW_EV_UNREGISTER & 0xff] = {.kind = GW_EV_UNREGISTER,
                                     .apply = apply_unregister,
                                     .needs = NEED_CHANNEL | NEED_LIFE,
                                     .to_others = true},
	[GW_EV_SPLIT & 0xff] = {.kind = GW_EV_SPLIT, .apply = apply_split},
	[GW_EV_LOAD & 0xff] = {.kind = GW_EV_LOAD, .apply = apply_load},
	[GW_EV_MOVE & 0xff] = {.kind = GW_EV_MOVE,
                               .apply = apply_move,
                               .needs = NEED_SOURCE,
                               .any_home = true},
	[BURST_SERVER & 0xff] = {.kind = BURST_SERVER, .apply = apply_burst_server, .form = BURST},
	[BURST_VECTOR & 0xff] = {.kind = BURST_VECTOR, .apply = apply_burst_vector, .form = BURST},
	[BURST_STRAY & 0xff] = {.kind = BURST_STRAY,
                                .apply = apply_burst_stray,
                                .needs = NEED_TARGET,
                                .form = BURST,
                                .exported = true},
	[BURST_DATA & 0xff] = {.kind = BURST_DATA,
                               .apply = apply_burst_data,
                               .form = BURST,
                               .exported = true},
	[BURST_SESSION & 0xff] = {.kind = BURST_SESSION,
                                  .apply = apply_burst_session,
                                  .needs = NEED_SOURCE,
                                  .form = BURST},
	[KIND_INTEREST & 0xff] = {.kind = KIND_INTEREST,
                                  .apply = apply_interest,
                                  .needs = NEED_CHANNEL,
                                  .form = BOTH},
	[BURST_ASIDE & 0xff] = {.kind = BURST_ASIDE,
                                .apply = apply_aside,
                                .form = BURST,
                                .exported = true},
	[KIND_SHADOW & 0xff] = {.kind = KIND_SHADOW,
                                .apply = apply_shadow,
                                .needs = NEED_SOURCE | NEED_TARGET},
	[KIND_SHADOW_END & 0xff] = {.kind = KIND_SHADOW_END,
                                    .apply = apply_shadow_end,
                                    .needs = NEED_SOURCE | NEED_TARGET,
                                    .any_home = true},
	[KIND_GONE & 0xff] = {.kind = KIND_GONE,
                              .apply = apply_gone,
                              .needs = NEED_SOURCE,
                              .any_home = true},
	[BURST_SHADOW & 0xff] = {.kind = BURST_SHADOW,
                                 .apply = apply_burst_shadow,
                                 .needs = NEED_SOURCE | NEED_TARGET,
                                 .form = BURST,
                                 .exported = true},
	[KIND_RELINK & 0xff] = {.kind = KIND_RELINK, .apply = apply_relink},
};

static const struct kind *kind_known(uint32_t kind)
{
	uint32_t number = kind & 0xff;

	if (number >= sizeof(kinds) / sizeof(kinds[0]) || kinds[number].apply == NULL ||
	    kinds[number].kind != kind)
		return NULL;
	return &kinds[number];
}

void publish(struct network *net, const struct gw_event *event)
{
	const struct gw_event *outer = net->current;

	metrics_count(net, event);
	net->current = event;
	gw_notify(net->self, net->topic_event, event);
	net->current = outer;
}

void publish_as(struct applying *a, uint32_t kind)
{
	struct gw_event event = a->event;

	event.kind = kind;
	publish(a->net, &event);
}

/* Stamps further ahead than this are not taken: a cell with one could not be changed for that long.
 */
static uint64_t clock_bound(struct network *net, uint64_t via)
{
	if (via == 0)
		return UINT64_MAX; /* our users go on also while our clock is being put right */
	return (uint64_t)(gw_wall_ns(net->self) / GW_MS + AHEAD_MS) << 16 | 0xffff;
}

#define PASS_OVER 1 /* what a check says of a record that is of no use, and no offence either */

/* Whoever was not taken in over the link, or went behind another, is still heard of there. */
static int not_behind(const struct applying *a, uint64_t run)
{
	return a->way != NULL && way_shades(a->net, a->way, run) ? PASS_OVER : -EPERM;
}

static bool kind_aside(const struct kind *kind)
{
	return kind != NULL && (kind->to_others || kind->exported || kind->apply == apply_move ||
	                        kind->apply == apply_gone);
}

/* What such a server did to channels, or which session it has taken, others may have taken in: that
 * is state, which has to be the same everywhere. Nothing is done in its users' names, and links are
 * told only if it was new, so that nothing goes round in a circle. */
static int check_aside(struct applying *a, const struct kind *kind)
{
	int status = not_behind(a, a->header.run);

	if (status == PASS_OVER && kind_aside(kind)) {
		a->aside = true;
		return 0;
	}
	return status;
}

/* The server that an ordinary event comes from must be behind the link that brought it; per origin
 * the order is kept. Of a burst, the server that has told what has no home. */
static int check_origin(struct applying *a, const struct kind *kind, struct server **node_out)
{
	const struct header *h = &a->header;
	struct server *node = server_find(a->net, h->run);
	bool behind = node != NULL && node->pub.via == a->via;

	*node_out = node;
	if ((h->flags & HEADER_BURST) && (a->via == 0 || h->seq != 0))
		return -EPERM;
	if ((h->flags & HEADER_BURST) && (behind || (kind != NULL && !kind->exported)))
		return 0;
	if (h->flags & HEADER_BURST)
		return check_aside(a, kind);
	if (!behind)
		return check_aside(a, kind);
	if (h->seq <= node->seq)
		return -EALREADY;
	return h->clock > node->clock ? 0 : -EBADMSG;
}

/* Of a session that has moved, two parts of the network may know different homes: what the burst of
 * the one that is in the wrong says is passed over. But for what others have done to its
 * memberships. */
static int check_burst_source(struct applying *a)
{
	const struct gw_node *home = a->source == NULL ? NULL : a->source->session.home;

	if (home == NULL)
		return -ENOENT;
	if (home->via == a->via)
		return 0;
	if (a->source->session.epoch == 0)
		return not_behind(a, home->run);
	a->astray = a->header.kind == GW_EV_JOIN;
	return a->astray ? 0 : PASS_OVER;
}

/* In the name of a session that is not at home where it is said. That is no offence while the state
 * of that server is on its way, as some of its sessions are not here yet, nor of a session that has
 * moved: its former home may not have heard of it. What it does to others counts all the same; its
 * own state is what its home says. */
static int check_stranger(struct applying *a, const struct kind *kind, const struct server *node)
{
	const struct person *p = a->source;
	bool honest = node->pub.bursting || (p != NULL && p->session.epoch > 0);

	a->source = NULL;
	if (!honest)
		return p == NULL ? -ENOENT : -EPERM;
	if (kind != NULL && kind->to_others && a->via != 0)
		return 0;
	return p == NULL ? -ENOENT : PASS_OVER;
}

/* A session speaks from its home. */
static int check_source(struct applying *a, const struct kind *kind, const struct server *node)
{
	const struct header *h = &a->header;
	bool burst = (h->flags & HEADER_BURST) != 0;

	if (!(h->flags & HEADER_SOURCE) || a->aside)
		return 0;
	a->source = person_find(a->net, h->source);
	if (h->kind == GW_EV_USER)
		return a->source == NULL || burst ? 0 : -EEXIST;
	if (burst)
		return check_burst_source(a);
	if (kind != NULL && kind->any_home)
		return 0;
	if (a->source == NULL || a->source->session.home != &node->pub)
		return check_stranger(a, kind, node);
	return a->via == 0 && a->source->session.moving ? PASS_OVER : 0;
}

/* What is to be shown once was, perhaps, when the server was in sight before. */
static int check_again(const struct applying *a, const struct kind *kind, const struct server *node)
{
	bool once = kind == NULL || kind->once;

	return once && !(a->header.flags & HEADER_BURST) && a->header.seq <= node->shown ? -EALREADY
	                                                                                 : 0;
}

static int check_names(struct applying *a, const struct kind *kind)
{
	const struct header *h = &a->header;

	if (kind != NULL && (h->flags & kind->needs) != kind->needs)
		return -EBADMSG;
	if (kind != NULL && kind->form != BOTH &&
	    (kind->form == BURST) != ((h->flags & HEADER_BURST) != 0))
		return -EBADMSG;
	if ((h->flags & HEADER_CHANNEL) && !valid_channel(NULL, h->channel))
		return -EBADMSG;
	if ((h->flags & HEADER_LIFE) && !timely(a, h->life.clock))
		return -ERANGE;
	return 0;
}

/* A burst's events say which two servers were joined. What they stem from may have been the event
 * of a server that is no more: then it is its user's home that tells it, or who has come last. */
static void event_join(struct applying *a)
{
	struct server *recent = server_find(a->net, a->way->recent);

	if (a->source != NULL)
		recent = server_of(a->source->session.home);
	if (recent != NULL && !recent->pub.here)
		a->event.split = server_split(a, recent);
	if (a->event.node == NULL && recent != NULL)
		a->event.node = &recent->pub;
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
	if (h->flags & HEADER_BURST)
		event_join(a);
	if (a->event.node == NULL)
		a->event.node = &a->net->here->pub;
}

void tell_links(struct applying *a, const void *record, size_t n)
{
	struct gw_record passing = {.bytes = record,
	                            .len = n,
	                            .via = a->via,
	                            .origin = a->header.run,
	                            .seq = a->header.seq,
	                            .kind = a->header.kind,
	                            .scope = a->header.flags & HEADER_SCOPE,
	                            .burst = (a->header.flags & HEADER_BURST) != 0,
	                            .source = a->header.source,
	                            .channel = a->header.channel,
	                            .target = a->header.target};

	gw_notify(a->net->self, a->net->topic_record, &passing);
}

/* In this server's name: the origin may be unknown farther on. */
static void tell_aside(struct applying *a, const void *record, size_t n)
{
	struct applying own = {.net = a->net, .via = a->via};
	uint8_t room[1024];
	struct writer w;

	own.header = (struct header){.flags = HEADER_BURST | GW_SCOPE_ALL,
	                             .kind = BURST_ASIDE,
	                             .run = a->net->here->pub.run,
	                             .clock = gw_clock_next(a->net->self)};
	writer_init(&w, a->net->self, room, sizeof(room));
	put_header(&w, &own.header);
	put_bytes(&w, record, n);
	if (!w.full)
		tell_links(&own, w.p, w.n);
	writer_fini(&w);
}

/* What a record within `a`'s says. */
static int apply_within(struct applying *a, struct applying *in, const struct kind *kind,
                        struct server *node)
{
	int status;

	event_init(in, node);
	status = kind->apply(in);
	a->future |= in->future;
	if (in->changes != NULL)
		gw_free(a->net->self, in->changes);
	return status;
}

int apply_part_of(struct applying *a, uint64_t session, const void *record, size_t n)
{
	struct applying in = {
		.net = a->net, .via = a->via, .way = a->way, .max_clock = a->max_clock};
	const struct kind *kind;
	int status;

	in.body = (struct reader){.p = (const uint8_t *)record, .end = (const uint8_t *)record + n};
	if (!get_header(&in.body, &in.header) || in.header.source != session ||
	    !(in.header.flags & HEADER_BURST))
		return -EBADMSG;
	if (in.header.clock > in.max_clock || in.header.clock == 0)
		return -ERANGE;
	kind = kind_known(in.header.kind);
	if (kind == NULL || !(kind->needs & NEED_SOURCE))
		return -EBADMSG;
	in.stamp = (struct gw_stamp){in.header.clock, in.header.run};
	status = check_names(&in, kind);
	if (status == 0)
		status = check_source(&in, kind, NULL);
	if (status == 0)
		status = apply_within(a, &in, kind, server_of(a->event.node));
	return status == PASS_OVER ? 0 : status;
}

static int apply_aside(struct applying *a)
{
	struct applying in = {.net = a->net,
	                      .via = a->via,
	                      .way = a->way,
	                      .body = a->body,
	                      .max_clock = a->max_clock,
	                      .aside = true};
	uint64_t edits = a->net->edits;
	const struct kind *kind;
	int status;

	if (!get_header(&in.body, &in.header))
		return -EBADMSG;
	if (in.header.clock > in.max_clock || in.header.clock == 0)
		return -ERANGE;
	kind = kind_known(in.header.kind);
	if (!kind_aside(kind) || kind->apply == apply_aside)
		return -EBADMSG;
	in.stamp = (struct gw_stamp){in.header.clock, in.header.run};
	status = check_names(&in, kind);
	if (status == 0)
		status = apply_within(a, &in, kind, NULL);
	a->stays = edits == a->net->edits;
	return status;
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
	if (!(a->header.flags & HEADER_BURST) && kind_by_number(a->net, a->header.kind) != NULL)
		return apply_custom(a);
	return apply_unknown(a);
}

static int apply_checked(struct applying *a, const struct kind *kind, struct server *node,
                         const void *record, size_t n)
{
	bool counts = !(a->header.flags & HEADER_BURST) && !a->aside;
	uint64_t edits = a->net->edits;
	struct server before = {0};
	int status = check_names(a, kind);

	if (status == 0)
		status = check_source(a, kind, node);
	if (status == 0)
		status = check_again(a, kind, node);
	if (status != 0)
		return status;
	event_init(a, node);
	if (counts) {
		before = *node;
		node->seq = a->header.seq;
		node->clock = a->header.clock;
	}
	status = apply_kind(a, kind);
	if (status < 0 && status != -ENOMSG && counts) {
		node->seq = before.seq;
		node->clock = before.clock;
	}
	if (status != 0 || a->stays)
		return status;
	if (!a->aside)
		tell_links(a, record, n);
	else if (edits != a->net->edits && a->header.kind == BURST_ASIDE)
		tell_aside(a, a->body.p, (size_t)(a->body.end - a->body.p));
	else if (edits != a->net->edits)
		tell_aside(a, record, n);
	return status;
}

static int apply_one(struct network *net, const void *record, size_t n, uint64_t via,
                     struct gw_sink *sink, uint64_t caps)
{
	struct applying a = {.net = net,
	                     .via = via,
	                     .sink = sink,
	                     .caps = caps,
	                     .max_clock = clock_bound(net, via)};
	const struct kind *kind;
	struct server *node;
	int status;

	a.body = (struct reader){.p = (const uint8_t *)record, .end = (const uint8_t *)record + n};
	if (n > RECORD_MAX || !get_header(&a.body, &a.header))
		return -EBADMSG;
	if (a.header.clock > a.max_clock || a.header.clock == 0)
		return -ERANGE;
	a.way = way_find(net, via);
	if (via != 0 && a.way == NULL)
		return -EPERM;
	kind = kind_known(a.header.kind);
	status = check_origin(&a, kind, &node);
	if (status != 0)
		return status == PASS_OVER ? 0 : status;
	a.stamp = (struct gw_stamp){a.header.clock, a.header.run};
	status = apply_checked(&a, kind, node, record, n);
	if (status == -EBADMSG && a.future)
		status = -ERANGE;
	if (a.changes != NULL)
		gw_free(net->self, a.changes);
	if (via != 0 && status == 0)
		gw_clock_raise(net->self, a.header.clock);
	return status == PASS_OVER ? 0 : status;
}

static void queue_add(struct network *net, struct queued *waits)
{
	if (net->queue == NULL)
		net->queue_end = &net->queue;
	*net->queue_end = waits;
	net->queue_end = &waits->next;
}

void queue_via_drop(struct network *net, uint64_t via)
{
	struct queued *waits = (struct queued *)gw_alloc(net->self, sizeof(*waits));

	waits->via = via;
	queue_add(net, waits);
}

void apply_drain(struct network *net)
{
	struct gw_self *self = net->self;

	while (net->queue != NULL) {
		struct queued *next = net->queue;

		net->queue = next->next;
		if (next->via != 0)
			via_drop_now(net, next->via);
		else
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
		queue_add(net, waits);
		return 0;
	}
	net->busy = true;
	status = apply_one(net, record, n, 0, sink, caps);
	apply_drain(net);
	net->busy = false;
	return status;
}

int apply_inside(struct network *net, const void *record, size_t n)
{
	bool inside = net->busy;
	int status;

	net->busy = true;
	status = apply_one(net, record, n, 0, NULL, 0);
	apply_drain(net);
	net->busy = inside;
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
