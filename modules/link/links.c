/*
 * link/links.c - a link's life: born of an attempt, perhaps waiting behind an older one, up,
 * closed.
 *
 * What a new link is refused for is said here, as the first thing on it: the handshake itself tells
 * nobody anything. Who closes a link says goodbye; that it is down is told when its connection has
 * ended, at the end of the turn.
 */
#include "key.h"
#include "net.h"
#include <errno.h>
#include <stdarg.h>

#define TICK_NS GW_SECOND
#define YOUNG_NS (5 * GW_SECOND) /* also: in which an older link shows that it lives */
#define RECV_MAX (2 * WIRE_FRAME_MAX)
#define FRAMES_PER_TURN 256

struct link *link_find(struct link_state *st, uint64_t id)
{
	struct gw_self *self = st->self;
	struct link *link;

	HASH_FIND(hh, st->links, &id, sizeof(id), link);
	return link;
}

bool link_up(const struct link *link)
{
	return link->phase == LINK_IS_UP;
}

struct link *link_with(struct link_state *st, struct gw_id server)
{
	struct link *link;

	for (link = st->links; link != NULL; link = link->hh.next)
		if (link->phase != LINK_CLOSING && !gw_id_none(server) &&
		    gw_id_is(link->pub.server, server))
			return link;
	return NULL;
}

/* --- for reauth.c --- */

struct link *links_next(struct link_state *st, struct link *after)
{
	struct link *link = after == NULL ? st->links : after->hh.next;

	while (link != NULL && !link_up(link))
		link = link->hh.next;
	return link;
}

const struct proved *link_who(const struct link *link)
{
	return &link->who;
}

struct reauth **link_reauth(struct link *link)
{
	return &link->reauth;
}

void link_control_reauth(struct link_state *st, struct link *link, const uint8_t *p, size_t n)
{
	control_send(st, link, CONTROL_REAUTH, p, n);
}

void link_rest_on(struct link_state *st, struct link *link, const uint8_t own_key[KEY_BYTES],
                  const uint8_t peer_key[KEY_BYTES])
{
	memcpy(link->who.own_key, own_key, KEY_BYTES);
	memcpy(link->who.key, peer_key, KEY_BYTES);
	gw_log(st->self, GW_INFO, "link proved anew peer=%s", link->name);
}

/* --- the end --- */

void link_close(struct link_state *st, struct link *link, enum gw_goodbye code, const char *format,
                ...)
{
	uint8_t body[1 + GOODBYE_TEXT_MAX];
	va_list args;
	size_t n;

	if (link->phase == LINK_CLOSING)
		return;
	va_start(args, format);
	vsnprintf(link->reason, sizeof(link->reason), format, args);
	va_end(args);
	n = strnlen(link->reason, GOODBYE_TEXT_MAX);
	body[0] = (uint8_t)code;
	memcpy(body + 1, link->reason, n);
	link->bye = (uint8_t)code;
	link->phase = LINK_CLOSING;
	control_send(st, link, CONTROL_GOODBYE, body, n + 1);
	gw_conn_close(st->self, link->conn, GW_CLOSE_FLUSH, link->reason);
}

static void link_free(struct link_state *st, struct link *link)
{
	struct gw_self *self = st->self;

	HASH_DELETE(hh, st->links, link);
	reauth_free(st, link);
	flow_release(st, link);
	gw_free(self, link);
	if (st->links == NULL)
		gw_timer_free(&st->tick, self);
}

static void link_come(struct link_state *st, struct link *link);

/* The newest of those before it, between the same servers; NULL: none. */
static struct link *elder(struct link_state *st, const struct link *link)
{
	struct link *old, *last = NULL;

	for (old = st->links; old != NULL && old != link; old = old->hh.next)
		if (!gw_id_none(link->pub.server) && gw_id_is(old->pub.server, link->pub.server))
			last = old;
	return last;
}

/* Its elder has ended: what waited behind it comes up, unless there is another. */
static void let_next_come(struct link_state *st, uint64_t id)
{
	struct link *link, *old;

	for (link = st->links; link != NULL; link = link->hh.next)
		if (link->phase == LINK_WAITS && link->ahead == id)
			break;
	if (link == NULL)
		return;
	old = elder(st, link);
	if (old != NULL)
		link->ahead = old->pub.id;
	else
		link_come(st, link);
}

static void count_down(struct link_state *st, const struct link *link)
{
	st->bytes_sent += link->sent;
	st->bytes_received += link->consumed;
	if (link->told_up)
		st->downs[link->bye <= GW_BYE_DONE ? link->bye : 0]++;
}

void link_closed(void *state, void *data, const char *reason)
{
	struct link_state *st = state;
	struct link *link = data;
	uint64_t id = link->pub.id;

	if (link->reason[0] == '\0')
		snprintf(link->reason, sizeof(link->reason), "%s", reason);
	link->phase = LINK_CLOSING;
	gw_log(st->self, GW_INFO, "link down peer=%s address=\"%s\" reason=\"%s\"", link->name,
	       link->address, link->reason);
	flow_release(st, link);
	turn_link_down(st, link);
	count_down(st, link);
	if (link->told_up)
		gw_notify(st->self, st->down,
		          &(struct gw_link_end){.link = &link->pub, .reason = link->reason});
	uplinks_link_down(st, link);
	link_free(st, link);
	let_next_come(st, id);
}

/* --- the beginning --- */

static void own_conn(struct link_state *st, struct link *link)
{
	gw_conn_own(st->self, link->conn,
	            &(struct gw_conn_owner){
			    .module = st->self,
			    .data = link,
			    .line = CALL_LINK_BYTES,
			    .drained = CALL_LINK_DRAINED,
			    .closed = CALL_LINK_CLOSED,
			    .recvq_max = RECV_MAX,
			    .sendq_max = st->settings.hard + RECV_MAX,
			    .lines_per_turn = FRAMES_PER_TURN,
			    .bytes = true,
		    });
}

static void name_address(struct link_state *st, struct link *link)
{
	const struct gw_conn_info *info = gw_conn_info(st->self, link->conn);

	if (strchr(info->address, ':') != NULL)
		snprintf(link->address, sizeof(link->address), "[%s]:%u", info->address,
		         info->port);
	else if (info->port != 0)
		snprintf(link->address, sizeof(link->address), "%s:%u", info->address, info->port);
	else
		snprintf(link->address, sizeof(link->address), "%s", info->address);
}

static struct link *link_make(struct link_state *st, struct gw_conn *conn, const struct proved *who)
{
	struct gw_self *self = st->self;
	const struct known *known = who->joining ? NULL : known_by_name(st, who->name);
	int64_t now = gw_mono_ns(self);
	struct link *link = gw_alloc(self, sizeof(*link));

	link->conn = conn;
	link->who = *who;
	snprintf(link->name, sizeof(link->name), "%s", known != NULL ? known->name : who->name);
	name_address(st, link);
	link->pub = (struct gw_link){
		.id = ++st->last_link,
		.name = link->name,
		.address = link->address,
		.source = who->source,
		.since_ns = now,
		.lag_ns = -1,
	};
	if (known != NULL)
		link->pub.server = known->id;
	link->heard_ns = link->pinged_ns = link->progress_ns = now;
	HASH_ADD(hh, st->links, pub.id, sizeof(link->pub.id), link);
	if (st->tick == NULL) {
		st->tick = gw_timer_new(self, gw_call(self, CALL_LINK_TICK, 0));
		gw_timer_set(st->tick, self, TICK_NS);
	}
	own_conn(st, link);
	return link;
}

/* What the handshake does not judge. True: it was closed. */
static bool refused(struct link_state *st, struct link *link)
{
	const struct known *known = known_by_id(st, link->pub.server), *own = known_own(st);

	if (link->who.joining && !st->stopping)
		return false;
	if (st->stopping)
		link_close(st, link, GW_BYE_QUIT, "the server is stopping");
	else if (known == NULL)
		link_close(st, link, GW_BYE_REFUSED, "%s is no server of this network any more",
		           link->name);
	else if (known == own)
		link_close(st, link, GW_BYE_REFUSED, "this is %s itself", link->name);
	else if (!known_has_key(known, link->who.key))
		link_close(st, link, GW_BYE_REFUSED, "the key of %s was revoked", link->name);
	else if (uplinks_off(st, known->name))
		link_close(st, link, GW_BYE_REFUSED,
		           "an operator has disconnected %s until it is connected from here again",
		           link->name);
	return link->phase == LINK_CLOSING;
}

static bool circle(struct link_state *st, struct link *link)
{
	const struct gw_node *node = in_sight(st, link->pub.server);

	link->pub.spare = turn_expects(st, link);
	if (link->pub.spare)
		return false;
	if (st->leave.on)
		link_close(st, link, GW_BYE_QUIT, "the server is about to stop");
	if (node == NULL)
		return link->phase == LINK_CLOSING;
	link_close(st, link, GW_BYE_CIRCLE, "%s is in sight already", link->name);
	return true;
}

/* Alone between the two servers now. */
static void link_come(struct link_state *st, struct link *link)
{
	if (circle(st, link))
		return;
	if (link->phase == LINK_WAITS)
		gw_conn_resume(st->self, link->conn);
	link->phase = LINK_IS_UP;
	link->told_up = true;
	st->ups++;
	gw_log(st->self, GW_INFO, "link up peer=%s address=\"%s\" role=%s%s", link->name,
	       link->address, link->who.source ? "source" : "target",
	       link->who.joining ? " joining=yes" : "");
	uplinks_link_up(st, link);
	if (link->pub.spare)
		turn_link_up(st, link);
	gw_notify(st->self, st->up, &link->pub);
}

static const char *source_name(struct link_state *st, const struct link *link)
{
	return link->who.source ? gw_server_string(st->self, "server") : link->name;
}

/* Two in their first seconds, one dialled from each side: both servers keep the same one. */
static bool settled_by_name(struct link_state *st, struct link *old, struct link *link)
{
	int64_t now = gw_mono_ns(st->self);
	int order = strcasecmp(source_name(st, link), source_name(st, old));

	if (now - old->pub.since_ns >= YOUNG_NS || order == 0)
		return false;
	link_close(st, order < 0 ? old : link, GW_BYE_DOUBLE, "the link that %s has dialled stays",
	           source_name(st, order < 0 ? link : old));
	return true;
}

/* The older stays if it lives; the newer one's input waits for that. */
static void wait_behind(struct link_state *st, struct link *old, struct link *link)
{
	bool settled = old->phase == LINK_CLOSING || settled_by_name(st, old, link);

	if (link->phase == LINK_CLOSING)
		return;
	link->phase = LINK_WAITS;
	link->ahead = old->pub.id;
	if (!settled)
		control_ping(st, old);
}

void link_born(struct link_state *st, struct gw_conn *conn, const struct proved *who)
{
	struct link *link = link_make(st, conn, who), *old = elder(st, link);

	if (refused(st, link))
		return;
	if (old != NULL)
		wait_behind(st, old, link);
	else
		link_come(st, link);
}

/* --- while it lives --- */

static void breach(struct link_state *st, struct link *link, const struct gw_error *why)
{
	gw_log(st->self, GW_WARN, "link breach of the protocol peer=%s why=\"%s\"", link->name,
	       why->text);
	link_tell_operators(st, "the link to %s is closed: it sent %s", link->name, why->text);
	link_close(st, link, GW_BYE_PROTOCOL, "%s", why->text);
}

/* One frame a call: it takes effect, with all that follows, before the next is looked at. */
enum gw_line_verdict link_bytes(void *state, void *data, const uint8_t *p, size_t n,
                                size_t *used_out)
{
	struct link_state *st = state;
	struct link *link = data;
	struct wire_frame wire;
	struct gw_error why = {0};
	int status;

	*used_out = 0;
	if (link->phase == LINK_WAITS || link->stopped)
		return GW_LINE_STOP;
	link->heard_ns = gw_mono_ns(st->self);
	status = wire_parse(p, n, &wire, &why);
	if (status == -EAGAIN)
		return GW_LINE_NEXT;
	if (status == 0) {
		*used_out = wire.whole;
		wire.frame.via = link->pub.id;
		status = route_input(st, link, &wire, p, &why);
	}
	if (status != 0)
		breach(st, link, &why);
	else if (link->phase != LINK_CLOSING)
		flow_consumed(st, link, wire.whole);
	return link->stopped ? GW_LINE_STOP : GW_LINE_NEXT;
}

void link_drained(void *state, void *data)
{
	struct link *link = data;

	if (link->phase != LINK_CLOSING)
		flow_look(state, link);
}

/* A link that waits: its elder has had its time. */
static void judge_elder(struct link_state *st, struct link *link, int64_t now)
{
	struct link *old = link_find(st, link->ahead);

	if (old == NULL || old->phase == LINK_CLOSING)
		return;
	if (old->heard_ns > link->pub.since_ns)
		link_close(st, link, GW_BYE_DOUBLE, "the older link to %s lives", link->name);
	else if (now - link->pub.since_ns >= YOUNG_NS)
		link_close(st, old, GW_BYE_DOUBLE, "no sign of life came, and %s is back",
		           link->name);
}

/* Often enough for what rests on it: signs of life, and acknowledgements of little. */
static int64_t ping_every(const struct link_settings *s)
{
	int64_t bound = (s->silence_ns < s->stall_ns ? s->silence_ns : s->stall_ns) / 3;

	return s->ping_ns < bound ? s->ping_ns : bound;
}

static void look_after(struct link_state *st, struct link *link, int64_t now)
{
	const struct link_settings *s = &st->settings;

	if (link->phase == LINK_WAITS) {
		judge_elder(st, link, now);
		return;
	}
	if (link->phase != LINK_IS_UP)
		return;
	if (turn_holds(st, link))
		link->heard_ns = link->progress_ns = now;
	if (now - link->heard_ns >= s->silence_ns) {
		link_close(st, link, GW_BYE_SILENT, "nothing was heard for %lld s",
		           (long long)((now - link->heard_ns) / GW_SECOND));
		return;
	}
	if (now - link->pinged_ns >= ping_every(s))
		control_ping(st, link);
	flow_look(st, link);
}

void links_tick(void *state, uint64_t tag)
{
	struct link_state *st = state;
	int64_t now = gw_mono_ns(st->self);
	struct link *link;

	(void)tag;
	for (link = st->links; link != NULL; link = link->hh.next)
		look_after(st, link, now);
	gw_timer_set(st->tick, st->self, TICK_NS);
}

void links_recheck(struct link_state *st)
{
	struct link *link;

	for (link = st->links; link != NULL; link = link->hh.next)
		if (link->phase != LINK_CLOSING && refused(st, link))
			link_tell_operators(st, "the link to %s is closed: %s", link->name,
			                    link->reason);
}

void links_rehashed(struct link_state *st)
{
	struct link *link;

	for (link = st->links; link != NULL; link = link->hh.next)
		if (link->phase != LINK_CLOSING)
			own_conn(st, link);
}

void links_stopping(void *state, uint64_t tag, const void *payload)
{
	struct link_state *st = state;
	const char *reason = payload;
	struct link *link;

	(void)tag;
	st->stopping = true;
	for (link = st->links; link != NULL; link = link->hh.next)
		link_close(st, link, GW_BYE_QUIT, "%s", reason);
}

/* The core ends their connections. */
void links_free(struct link_state *st)
{
	while (st->links != NULL)
		link_free(st, st->links);
}
