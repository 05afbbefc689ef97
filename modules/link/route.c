/*
 * link/route.c - where records and frames go on.
 *
 * A record that has been applied goes over the live links that `network` names; it is encoded once
 * for all of them. A frame for others is passed on as it came. What the other side may not say (it
 * is wrong, or not at home there) is counted and logged with its name, and too much of it ends the
 * link.
 */
#include "net.h"
#include <errno.h>

#define MINUTE_NS (60 * GW_SECOND)
#define REFUSED_LINES 10 /* of log a minute and link */
#define REFUSED_MAX 1000 /* a minute: then the link is closed */

/** Where frames of a kind go: a row of "link.kind", without its image. */
struct frame_call {
	struct gw_call calls[256];
};

/* --- rows --- */

void route_rows(void *state, uint64_t tag)
{
	struct link_state *st = state;
	const struct gw_row *rows;
	size_t n = gw_rows(st->self, GW_POINT_FRAME, &rows);

	(void)tag;
	if (st->frames == NULL)
		st->frames = gw_alloc(st->self, sizeof(*st->frames));
	memset(st->frames, 0, sizeof(*st->frames));
	for (size_t i = 0; i < n; i++) {
		const struct gw_frame_row *row = rows[i].row;

		if (row->kind > GW_FRAME_EVENT)
			st->frames->calls[row->kind] = gw_call(rows[i].module, row->call, 0);
	}
}

/* --- out --- */

/** What is sent to several links: made when the first of them is there. */
struct cast {
	struct link_state *st;
	const struct gw_frame *frame;
	const void *whole; /* the frame's bytes, if it came by a link */
	size_t whole_n;
	struct gw_buf *buf;
	uint64_t source; /* session, 0: none */
	bool to_server;  /* an event for one server */
	unsigned links;
};

static struct gw_buf *cast_buf(struct cast *cast)
{
	uint8_t head[WIRE_HEAD_MAX];
	size_t n;

	if (cast->buf != NULL)
		return cast->buf;
	if (cast->whole != NULL) {
		cast->buf = gw_buf_new(cast->st->self, cast->whole_n);
		memcpy(cast->buf->data, cast->whole, cast->whole_n);
		return cast->buf;
	}
	n = wire_head(cast->frame, head);
	cast->buf = gw_buf_new(cast->st->self, n + cast->frame->n);
	memcpy(cast->buf->data, head, n);
	if (cast->frame->n > 0)
		memcpy(cast->buf->data + n, cast->frame->body, cast->frame->n);
	return cast->buf;
}

/* A gw_way_fn. While a server leaves, not all that is for a link goes over it. */
static void cast_over(void *ctx, uint64_t via)
{
	struct cast *cast = ctx;
	struct link *link = link_find(cast->st, via);

	if (link == NULL || via == cast->frame->via)
		return;
	if (link->mirror != 0 && cast->to_server)
		cast_over(ctx, link->mirror);
	if (link->heir != 0)
		link = link_find(cast->st, link->heir);
	if (link == NULL || !link_up(link) || !link->pub.live ||
	    (link->mute != 0 && link->mute == cast->frame->via))
		return;
	flow_send_buf(cast->st, link, cast_buf(cast));
	if (cast->source != 0)
		flow_slow(cast->st, link, cast->source);
	cast->links++;
}

static void cast_end(struct cast *cast)
{
	if (cast->buf != NULL)
		gw_buf_unref(cast->st->self, &cast->buf);
}

void route_record(void *state, uint64_t tag, const void *payload)
{
	struct link_state *st = state;
	const struct gw_record *record = payload;
	const struct gw_frame frame = {
		.kind = GW_FRAME_EVENT,
		.body = record->bytes,
		.n = record->len,
		.via = record->via,
	};
	struct cast cast = {
		.st = st,
		.frame = &frame,
		.source = record->via == 0 ? record->source : 0,
		.to_server = record->scope == GW_SCOPE_SERVER,
	};

	(void)tag;
	if (st->links == NULL)
		return;
	NETWORK(st, ways, record, cast_over, &cast);
	cast_end(&cast);
}

static void cast_ways(struct cast *cast)
{
	static const uint8_t scopes[] = {
		[GW_REACH_HOP] = GW_SCOPE_ALL,         [GW_REACH_ALL] = GW_SCOPE_ALL,
		[GW_REACH_SERVER] = GW_SCOPE_SERVER,   [GW_REACH_SESSION] = GW_SCOPE_SESSION,
		[GW_REACH_CHANNEL] = GW_SCOPE_CHANNEL,
	};
	const struct gw_frame *frame = cast->frame;

	NETWORK(cast->st, ways_to, (enum gw_scope)scopes[frame->reach], frame->channel, frame->to,
	        cast_over, cast);
	cast_end(cast);
}

int route_send(struct link_state *st, const struct gw_frame *frame)
{
	struct cast cast = {.st = st, .frame = frame};

	if (frame->n > GW_FRAME_MAX || frame->reach > GW_REACH_CHANNEL ||
	    frame->reach == GW_REACH_HOP || frame->kind <= GW_FRAME_SERVICES ||
	    (frame->reach == GW_REACH_CHANNEL &&
	     (frame->channel == NULL || frame->channel[0] == '\0' ||
	      strlen(frame->channel) > GW_CHANNEL_MAX)))
		return -EINVAL;
	cast_ways(&cast);
	return cast.links > 0 ? 0 : -ENOTCONN;
}

/* --- in --- */

static bool channel_here(struct link_state *st, const char *name)
{
	const struct gw_channel *channel = NETWORK(st, channel, name);

	return channel != NULL && (channel->n_local > 0 || channel->interest > 0);
}

static bool for_here(struct link_state *st, const struct gw_frame *frame)
{
	const struct gw_session *session;

	switch (frame->reach) {
	case GW_REACH_SERVER:
		return frame->to == NETWORK(st, here)->run;
	case GW_REACH_SESSION:
		session = NETWORK(st, session, frame->to);
		return session != NULL && session->shown;
	case GW_REACH_CHANNEL:
		return channel_here(st, frame->channel);
	default:
		return true;
	}
}

/* Whether others are to have it, too. A session may be shown here and elsewhere, while it moves. */
static bool for_others(const struct gw_frame *frame, bool here)
{
	return frame->reach == GW_REACH_ALL || frame->reach == GW_REACH_CHANNEL ||
	       frame->reach == GW_REACH_SESSION || (frame->reach == GW_REACH_SERVER && !here);
}

static int deliver(struct link_state *st, struct link *link, const struct gw_frame *frame,
                   struct gw_error *why)
{
	struct gw_call call = st->frames->calls[frame->kind];
	struct gw_visit visit;
	gw_frame_fn *fn = (gw_frame_fn *)gw_visit(st->self, &visit, call);
	int status = fn == NULL ? 0 : fn(call.module->state, &link->pub, frame, why);

	gw_visit_end(st->self, &visit);
	return status;
}

static void log_unsaid(struct link_state *st, const struct link *link)
{
	if (link->refused > link->refused_said)
		gw_log(st->self, GW_WARN, "further records refused peer=%s count=%u", link->name,
		       link->refused - link->refused_said);
}

static int refused_record(struct link_state *st, struct link *link, int status, size_t n,
                          struct gw_error *why)
{
	int64_t now = gw_mono_ns(st->self);

	if (now - link->minute_ns >= MINUTE_NS) {
		log_unsaid(st, link);
		link->minute_ns = now;
		link->refused = link->refused_said = 0;
	}
	st->records_refused++;
	if (++link->refused > REFUSED_MAX)
		return gw_fail(why, -EPROTO, "more than %u records in a minute that were refused",
		               REFUSED_MAX);
	if (link->refused > REFUSED_LINES)
		return 0;
	link->refused_said++;
	gw_log(st->self, GW_WARN, "record refused peer=%s why=\"%s\" bytes=%zu", link->name,
	       status == -EBADMSG ? "malformed" : "not in the name of one behind this link", n);
	return 0;
}

static int take_record(struct link_state *st, struct link *link, const struct gw_frame *frame,
                       struct gw_error *why)
{
	int status = NETWORK(st, apply, frame->body, frame->n, link->pub.id);

	/* Without it the two would differ: a burst has to make good for it when the clocks are
	 * right. */
	if (status == -ERANGE)
		return gw_fail(why, -ERANGE,
		               "what is more than a minute in the future: the clocks are "
		               "apart");
	if (status == -EBADMSG || status == -EPERM)
		return refused_record(st, link, status, frame->n, why);
	return 0;
}

int route_input(struct link_state *st, struct link *link, const struct wire_frame *wire,
                const uint8_t *bytes, struct gw_error *why)
{
	const struct gw_frame *frame = &wire->frame;
	struct cast cast = {.st = st, .frame = frame, .whole = bytes, .whole_n = wire->whole};
	bool known, here;

	/* What two neighbours say to each other would be said in our name if it were passed on. */
	if (frame->kind <= GW_FRAME_SERVICES && frame->reach != GW_REACH_HOP)
		return gw_fail(why, -EPROTO, "a frame of kind %u that is not for its neighbour",
		               frame->kind);
	if (frame->kind == GW_FRAME_CONTROL)
		return control_input(st, link, frame, why);
	if (frame->kind == GW_FRAME_EVENT)
		return take_record(st, link, frame, why);
	known = st->frames->calls[frame->kind].module != NULL;
	/* The way to others is for who has been accepted into the live network. */
	if ((!known && frame->may_drop) || (frame->reach != GW_REACH_HOP && !link->pub.live))
		return 0;
	here = for_here(st, frame);
	if (for_others(frame, here))
		cast_ways(&cast);
	return here ? deliver(st, link, frame, why) : 0;
}
