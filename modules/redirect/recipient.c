/*
 * redirect/recipient.c - the server that a session is handed over to, until the cut.
 *
 * From NOTIFY on the session's shadow is here: a client without a connection, which is told all
 * that the source's client is told, into a hold queue. PENDING, until somebody comes and proves
 * that he was given the token; JOINED, until the source has cut. Whatever goes wrong before that,
 * the attempt is dropped, and the client has lost nothing, as it is served by the source.
 */
#include "redirect.h"
#include <errno.h>

struct recipient *recipient_of(struct redirect_state *st, uint64_t session)
{
	struct gw_self *self = st->self;
	struct recipient *r;

	HASH_FIND(by_session, st->recipients, &session, sizeof(session), r);
	return r;
}

struct recipient *recipient_by_id(struct redirect_state *st, const uint8_t id[ID_BYTES])
{
	struct gw_self *self = st->self;
	struct recipient *r;

	HASH_FIND(by_id, st->recipient_ids, id, ID_BYTES, r);
	return r;
}

static struct recipient *recipient_new(struct redirect_state *st, const uint8_t id[ID_BYTES],
                                       const struct gw_node *from, const struct notify *notify)
{
	struct gw_self *self = st->self;
	struct recipient *r = gw_alloc(self, sizeof(*r));

	r->session = notify->session;
	r->from = from->run;
	r->epoch = notify->epoch;
	r->secure = notify->secure;
	memcpy(r->id, id, ID_BYTES);
	memcpy(r->token, notify->token, TOKEN_BYTES);
	r->begun_ns = gw_mono_ns(self);
	r->timer = gw_timer_new(self, gw_call(self, CALL_RECIPIENT_TIMER, r->session));
	r->sink = gw_sink_new(self, gw_call(self, CALL_RECIPIENT_HELD, r->session));
	HASH_ADD(by_session, st->recipients, session, sizeof(r->session), r);
	HASH_ADD(by_id, st->recipient_ids, id, ID_BYTES, r);
	return r;
}

static void recipient_unlink(struct redirect_state *st, struct recipient *r)
{
	struct gw_self *self = st->self;

	if (recipient_of(st, r->session) != r)
		return;
	HASH_DELETE(by_session, st->recipients, r);
	HASH_DELETE(by_id, st->recipient_ids, r);
}

void recipient_free(struct redirect_state *st, struct recipient *r)
{
	struct gw_self *self = st->self;

	recipient_unlink(st, r);
	if (r->shadow != NULL)
		CLIENT(st, shadow_free, &r->shadow);
	if (r->sink != NULL)
		gw_sink_free(self, &r->sink);
	gw_timer_free(&r->timer, self);
	kept_free(self, &r->cut);
	kept_free(self, &r->kept);
	hold_free(self, &r->hold);
	gw_free(self, r->snapshot.bytes);
	gw_free(self, r->due);
	memset(r->token, 0, sizeof(r->token));
	gw_free(self, r);
}

static void deny(struct redirect_state *st, const uint8_t id[ID_BYTES], uint64_t from,
                 uint64_t session, const char *reason)
{
	NETWORK(st, shadow_end, session, id);
	send_cancel(st, id, from, reason);
}

/* Before anything is begun: is the session known, and is there room? */
static int may_come(struct redirect_state *st, const struct gw_node *from,
                    const struct notify *notify, struct gw_error *why)
{
	const struct gw_session *session = NETWORK(st, session, notify->session);
	struct gw_come_query query = {.session = session, .from = from};
	uint32_t expected = HASH_CNT(by_session, st->recipients);
	int status;

	if (from->bursting || session == NULL || session->home != from ||
	    session->epoch != notify->epoch || session->shadow != NETWORK(st, here)->run)
		return gw_fail(why, -EAGAIN, "this session is not yet known here");
	if (CLIENT(st, room) <= expected)
		return gw_fail(why, -EAGAIN, "this server is full");
	if (expected >= st->settings.expected)
		return gw_fail(why, -EAGAIN, "too many clients are expected here already");
	status = snapshot_modes(st, session, why);
	return status != 0 ? status : gw_ask(st->self, st->may_come, &query, why);
}

void recipient_notified(struct redirect_state *st, const uint8_t id[ID_BYTES],
                        const struct gw_node *from, const struct notify *notify)
{
	struct recipient *r = recipient_of(st, notify->session);
	struct gw_error why = {0};
	struct door door;

	if (recipient_by_id(st, id) != NULL || source_of(st, notify->session) != NULL)
		return;
	if (r != NULL && r->state == RECIPIENT_HEIR)
		return;
	if (may_come(st, from, notify, &why) != 0) {
		deny(st, id, from->run, notify->session, why.text);
		return;
	}
	if (r != NULL)
		recipient_drop(st, r, "another attempt has begun", false);
	if (door_find(st, notify->secure, notify->loopback, &door) != 0) {
		deny(st, id, from->run, notify->session, "no listener of this server suits");
		return;
	}
	r = recipient_new(st, id, from, notify);
	if (snapshot_take(st, r, notify->snapshot.p, notify->snapshot.n, &why) != 0) {
		recipient_drop(st, r, why.text, true);
		return;
	}
	gw_timer_set(r->timer, st->self, st->settings.pending_ns);
	send_accept(st, r, &door);
}

void recipient_updated(struct redirect_state *st, struct recipient *r, uint32_t number,
                       struct gw_blob snapshot)
{
	struct gw_error why = {0};

	if (r->state == RECIPIENT_HEIR || r->due != NULL)
		return;
	if (snapshot_take(st, r, snapshot.p, snapshot.n, &why) != 0)
		recipient_drop(st, r, why.text, true);
	else
		send_ack(st, r, 0, number);
}

/* What the shadow is told. An event of a burst has no number by which the source could say whether
 * its client has seen it. */
void recipient_held(void *state, uint64_t tag, struct gw_buf *buf)
{
	struct redirect_state *st = state;
	struct recipient *r = recipient_of(st, tag);
	const struct gw_event *event = NETWORK(st, current);

	if (r == NULL)
		return;
	hold_add(st->self, &r->hold, HELD_OUTPUT, event, buf);
	if (event != NULL && event->seq == 0)
		recipient_drop_later(st, r, "a link came up meanwhile");
	else if (r->hold.bytes > st->settings.hold)
		recipient_drop_later(st, r, "too much came meanwhile");
}

void recipient_drop(struct redirect_state *st, struct recipient *r, const char *reason, bool tell)
{
	struct gw_client *newcomer = CLIENT(st, by_id, r->newcomer);

	recipient_unlink(st, r);
	if (tell)
		deny(st, r->id, r->from, r->session, reason);
	if (newcomer != NULL)
		CLIENT(st, close, newcomer, "Handover cancelled: %s", reason);
	recipient_free(st, r);
}

void recipient_drop_later(struct redirect_state *st, struct recipient *r, const char *reason)
{
	if (r->due != NULL)
		return;
	r->due = gw_strdup(st->self, reason);
	gw_defer(st->self, gw_call(st->self, CALL_RECIPIENT_DUE, r->session));
}

/* What was not to be done where it was found out. */
void recipient_due(void *state, uint64_t tag)
{
	struct redirect_state *st = state;
	struct recipient *r = recipient_of(st, tag);
	char reason[REASON_MAX];

	if (r == NULL)
		return;
	if (r->state == RECIPIENT_HEIR && r->swapped) {
		heir_swap(st, r);
	} else if (r->state != RECIPIENT_HEIR && r->due != NULL) {
		snprintf(reason, sizeof(reason), "%s", r->due);
		recipient_drop(st, r, reason, true);
	}
}

void recipient_late(void *state, uint64_t tag)
{
	struct redirect_state *st = state;
	struct recipient *r = recipient_of(st, tag);

	if (r != NULL && r->state != RECIPIENT_HEIR)
		recipient_drop(st, r,
		               r->state == RECIPIENT_PENDING ? "nobody came in time"
		                                             : "the other server did not go on",
		               true);
}

static void refuse_handover(struct redirect_state *st, struct gw_client *newcomer, const char *why)
{
	gw_log(st->self, GW_WARN, "handover refused address=%s reason=\"%s\"",
	       newcomer->info->address, why);
	offenders_note(st, newcomer->info->address);
	CLIENT(st, close, newcomer, "Handover refused");
}

/* NULL: it is right. */
static const char *wrong(const struct recipient *r, const struct gw_client *newcomer,
                         const char *proof)
{
	uint8_t bytes[PROOF_BYTES];
	const struct gw_conn_info *info = newcomer->info;

	if (r == NULL)
		return "no such attempt";
	if (r->state != RECIPIENT_PENDING || r->due != NULL)
		return "the attempt is not waiting for anybody";
	if (r->secure && !info->tls)
		return "it must come over TLS";
	if (!proof_parse(proof, bytes) ||
	    !proof_right(bytes, r->token, r->id, info->has_binding ? info->binding : NULL))
		return "the proof is wrong";
	return NULL;
}

static void join(struct redirect_state *st, struct recipient *r, struct gw_client *newcomer)
{
	struct gw_tap tap = {.module = st->self,
	                     .tag = r->session,
	                     .line = CALL_RECIPIENT_LINE,
	                     .closed = CALL_RECIPIENT_CLOSED};

	r->newcomer = newcomer->id;
	r->state = RECIPIENT_JOINED;
	gw_timer_set(r->timer, st->self, st->settings.joined_ns);
	if (CLIENT(st, tap, newcomer, &tap) != 0 || send_complete(st, r) != 0)
		recipient_drop_later(st, r, "the handover could not go on");
}

/* What still has to come would not fit: better now than when the client waits. */
static void turn_away(struct redirect_state *st, struct recipient *r, struct gw_client *newcomer)
{
	r->newcomer = newcomer->id;
	recipient_drop_later(st, r, "too much came meanwhile");
}

void recipient_handover(struct redirect_state *st, struct gw_client *newcomer, const char *id,
                        const char *proof)
{
	uint8_t bytes[ID_BYTES];
	struct recipient *r = id_parse(id, bytes) ? recipient_by_id(st, bytes) : NULL;
	const char *why = NULL;

	if (!newcomer->exempt && offenders_blocked(st, newcomer->info->address))
		why = "too many wrong ones from there";
	else
		why = wrong(r, newcomer, proof);
	if (why != NULL)
		refuse_handover(st, newcomer, why);
	else if (r->hold.bytes > st->settings.hold / 2)
		turn_away(st, r, newcomer);
	else
		join(st, r, newcomer);
}

/* The first line behind the handover is SWAP; it may come before the cut, when the old connection
 * broke. */
enum gw_line_verdict recipient_line(void *state, uint64_t tag, struct gw_client *newcomer,
                                    const struct gw_line *raw, const struct gw_message *m)
{
	struct redirect_state *st = state;
	struct recipient *r = recipient_of(st, tag);

	if (r == NULL || r->newcomer != newcomer->id)
		return GW_LINE_STOP;
	if (r->swapped) {
		kept_add(st->self, &r->kept, raw);
		return r->kept.bytes < st->settings.input ? GW_LINE_NEXT : GW_LINE_STOP;
	}
	if (m == NULL || !redirect_says(m, "SWAP", r->id)) {
		CLIENT(st, close, newcomer, "Expected REDIRECT SWAP"); /* may end the attempt */
		return GW_LINE_STOP;
	}
	r->swapped = true;
	if (r->state == RECIPIENT_HEIR)
		gw_defer(st->self, gw_call(st->self, CALL_RECIPIENT_DUE, r->session));
	return GW_LINE_NEXT;
}

/* As an heir it is the session's client, whose QUIT ends the attempt in recipient_event(). */
bool recipient_closed(void *state, uint64_t tag, struct gw_client *newcomer, const char *reason)
{
	struct redirect_state *st = state;
	struct recipient *r = recipient_of(st, tag);

	(void)reason;
	if (r != NULL && r->newcomer == newcomer->id && r->state == RECIPIENT_JOINED)
		recipient_drop_later(st, r, "the new connection was closed");
	return false;
}

static void recipient_gone(struct redirect_state *st, struct recipient *r)
{
	if (r->state == RECIPIENT_HEIR) {
		recipient_free(st, r);
		return;
	}
	if (r->shadow != NULL)
		CLIENT(st, shadow_free, &r->shadow);
	recipient_drop_later(st, r, "the client has left");
}

static void of_source(struct redirect_state *st, struct recipient *r, const struct gw_event *event)
{
	if (event->kind == GW_EV_QUIT)
		recipient_gone(st, r);
	else if (event->kind == GW_EV_MOVE && !event->node->here)
		recipient_gone(st, r);
	else if (event->kind == GW_EV_JOIN && event->node->run == r->from &&
	         r->state != RECIPIENT_HEIR)
		send_ack(st, r, event->seq, 0);
	else if (event->kind == GW_EV_PART && r->state != RECIPIENT_HEIR)
		hold_add(st->self, &r->hold, HELD_LEFT, event, NULL);
}

void recipient_event(struct redirect_state *st, const struct gw_event *event)
{
	struct recipient *r;

	if (st->recipients == NULL)
		return;
	r = event->source != NULL ? recipient_of(st, event->source->id) : NULL;
	if (r != NULL)
		of_source(st, r, event);
	r = event->kind == GW_EV_KICK ? recipient_of(st, event->member->session->id) : NULL;
	if (r != NULL && r->state != RECIPIENT_HEIR)
		hold_add(st->self, &r->hold, HELD_LEFT, event, NULL);
}

/* "network.unshown": the shadow here is over, and nobody needs to be told. */
void recipient_unshown(void *state, uint64_t tag, const void *payload)
{
	struct redirect_state *st = state;
	const struct gw_session *session = payload;
	struct recipient *r = recipient_of(st, session->id);

	(void)tag;
	if (r != NULL && r->state != RECIPIENT_HEIR)
		recipient_drop_later(st, r, "the other server gave up");
}
