/*
 * link/flow.c - how much is under way on a link, and who waits for it.
 *
 * Each side says how many bytes of frames it has consumed, every 64 KiB and with each pong. What
 * was sent and not consumed, wherever it lies, is the backlog: over the soft bound the local
 * clients that feed it wait, over the hard bound (or without progress) the link is closed and comes
 * again with a burst. Nobody else's way through this server is held up. Bulk has a part of the soft
 * bound.
 */
#include "net.h"
#include <errno.h>

#define ACK_EVERY 65536

uint64_t flow_backlog(const struct link *link)
{
	return link->sent - link->acked;
}

/* Before `n` bytes are queued. */
static void count_sent(struct link_state *st, struct link *link, size_t n)
{
	if (flow_backlog(link) == 0)
		link->progress_ns = gw_mono_ns(st->self);
	link->sent += n;
	link->pub.bytes += n;
}

static void check_hard(struct link_state *st, struct link *link)
{
	if (link_up(link) && flow_backlog(link) > st->settings.hard)
		link_close(st, link, GW_BYE_SLOW, "more than %u bytes wait for it",
		           st->settings.hard);
}

void flow_send(struct link_state *st, struct link *link, const struct gw_frame *frame)
{
	struct gw_sink *sink = gw_conn_sink(st->self, link->conn);
	uint8_t head[WIRE_HEAD_MAX];
	size_t n = wire_head(frame, head);

	count_sent(st, link, n + frame->n);
	gw_sink_write(st->self, sink, head, n);
	if (frame->n > 0)
		gw_sink_write(st->self, sink, frame->body, frame->n);
	check_hard(st, link);
}

void flow_send_buf(struct link_state *st, struct link *link, struct gw_buf *buf)
{
	count_sent(st, link, buf->len);
	gw_sink_write_buf(st->self, gw_conn_sink(st->self, link->conn), buf);
	check_hard(st, link);
}

void flow_consumed(struct link_state *st, struct link *link, size_t n)
{
	uint8_t number[8];

	link->consumed += n;
	link->pub.bytes += n;
	if (link->consumed - link->told < ACK_EVERY)
		return;
	link->told = link->consumed;
	wire_put_u64(number, link->consumed);
	control_send(st, link, CONTROL_ACK, number, sizeof(number));
}

int flow_acked(struct link_state *st, struct link *link, uint64_t bytes, struct gw_error *why)
{
	if (bytes > link->sent || bytes < link->acked)
		return gw_fail(why, -EBADMSG, "an acknowledgement of what was not sent");
	if (bytes > link->acked)
		link->progress_ns = gw_mono_ns(st->self);
	link->acked = bytes;
	flow_look(st, link);
	return 0;
}

/* --- bulk --- */

size_t flow_room(struct link_state *st, struct link *link)
{
	size_t queued = gw_sink_queued(st->self, gw_conn_sink(st->self, link->conn));
	uint64_t window = st->settings.soft / 2, backlog = flow_backlog(link);
	uint64_t room = backlog < window ? window - backlog : 0;

	if (queued < GW_BULK_MAX && room > 0)
		return room < GW_BULK_MAX - queued ? (size_t)room : GW_BULK_MAX - queued;
	if (!link->room_wanted)
		gw_conn_wait_drain(st->self, link->conn, GW_BULK_MAX / 2);
	link->room_wanted = true;
	return 0;
}

/* --- local clients --- */

static void let_go(struct link_state *st, struct held *held)
{
	struct gw_client *client = st->client->ops == NULL ? NULL : CLIENT(st, by_id, held->client);

	if (client != NULL)
		CLIENT(st, release, client, st->self);
}

/* Releasing one may execute its next line, which may hold it again: so first out of the list. */
void flow_release(struct link_state *st, struct link *link)
{
	struct gw_self *self = st->self;
	struct held *all = link->held, *held, *next;

	link->slow = false;
	link->held = NULL;
	HASH_ITER (hh, all, held, next) {
		HASH_DELETE(hh, all, held);
		let_go(st, held);
		gw_free(self, held);
	}
}

static void forget(struct link_state *st, struct link *link, uint64_t client)
{
	struct gw_self *self = st->self;
	struct held *held;

	HASH_FIND(hh, link->held, &client, sizeof(client), held);
	if (held == NULL)
		return;
	HASH_DELETE(hh, link->held, held);
	gw_free(self, held);
}

void flow_client_gone(void *state, uint64_t tag, const void *payload)
{
	struct link_state *st = state;
	const struct gw_client *client = payload;
	struct link *link;

	(void)tag;
	for (link = st->links; link != NULL; link = link->hh.next)
		forget(st, link, client->id);
}

static void forget_all(struct link_state *st, struct link *link)
{
	struct gw_self *self = st->self;
	struct held *held, *next;

	HASH_ITER (hh, link->held, held, next) {
		HASH_DELETE(hh, link->held, held);
		gw_free(self, held);
	}
}

/* With the module that has the clients its holds have gone, and the next one gives out the same
 * ids again. It is not to be asked any more. */
void flow_unloaded(void *state, uint64_t tag, const void *payload)
{
	struct link_state *st = state;
	const struct gw_self *gone = payload;
	struct link *link;

	(void)tag;
	if (gone->state != st->client->impl)
		return;
	for (link = st->links; link != NULL; link = link->hh.next)
		forget_all(st, link);
}

static void check_slow(struct link_state *st, struct link *link)
{
	uint64_t backlog = flow_backlog(link);

	if (!link->slow && backlog > st->settings.soft) {
		link->slow = true;
		gw_log(st->self, GW_INFO, "link slow: clients that write to it wait peer=%s",
		       link->name);
	} else if (link->slow && backlog < st->settings.soft / 2) {
		flow_release(st, link);
	}
}

void flow_slow(struct link_state *st, struct link *link, uint64_t session_id)
{
	struct gw_self *self = st->self;
	struct gw_session *session;
	struct gw_client *client;
	struct held *held;

	check_slow(st, link);
	if (!link->slow || st->client->ops == NULL)
		return;
	session = NETWORK(st, session, session_id);
	client = session == NULL ? NULL : CLIENT(st, of_session, session);
	if (client == NULL)
		return;
	HASH_FIND(hh, link->held, &client->id, sizeof(client->id), held);
	if (held != NULL)
		return;
	held = gw_alloc(self, sizeof(*held));
	held->client = client->id;
	HASH_ADD(hh, link->held, client, sizeof(held->client), held);
	CLIENT(st, hold, client, self);
}

/* --- what follows --- */

void flow_look(struct link_state *st, struct link *link)
{
	int64_t now = gw_mono_ns(st->self);

	if (!link_up(link))
		return;
	if (flow_backlog(link) > 0 && now - link->progress_ns >= st->settings.stall_ns) {
		link_close(st, link, GW_BYE_SLOW, "nothing was taken for %lld s",
		           (long long)((now - link->progress_ns) / GW_SECOND));
		return;
	}
	check_slow(st, link);
	if (!link->room_wanted || flow_room(st, link) == 0)
		return;
	link->room_wanted = false;
	gw_notify(st->self, st->room, &link->pub);
}
