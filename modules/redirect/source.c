/*
 * redirect/source.c - the home of a session that is to be handed over.
 *
 *     NOTIFIED --ACCEPT--> REQUESTED --COMPLETE--> BARRIER -> SYNCING --SYNCED--> CUTTING --MOVE-->
 *
 * From every one of them there is a way back (source_resume), the last one's is opened only by the
 * recipient or by its disappearance. What happens from COMPLETE on is freeze.c's.
 */
#include "redirect.h"
#include <errno.h>
#include <stdarg.h>
#include <utlist.h>

struct source *source_of(struct redirect_state *st, uint64_t session)
{
	struct gw_self *self = st->self;
	struct source *s;

	HASH_FIND(by_session, st->sources, &session, sizeof(session), s);
	return s;
}

struct source *source_by_id(struct redirect_state *st, const uint8_t id[ID_BYTES], uint64_t to)
{
	struct gw_self *self = st->self;
	struct source *s;

	HASH_FIND(by_id, st->source_ids, id, ID_BYTES, s);
	return s != NULL && s->to == to ? s : NULL;
}

void source_timer(struct redirect_state *st, struct source *s, int64_t after_ns)
{
	gw_timer_set(s->timer, st->self, after_ns);
}

/* Past whatever holds the client's output; so it cannot be the client module's line. */
void source_say(struct redirect_state *st, const struct source *s, const char *format, ...)
{
	const struct gw_client *client = CLIENT(st, by_id, s->client);
	char line[512];
	va_list args;
	int n, m;

	if (client == NULL || client->conn == NULL)
		return;
	n = snprintf(line, sizeof(line), ":%s REDIRECT ", gw_server_string(st->self, "server"));
	va_start(args, format);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 2, format, args);
	va_end(args);
	n = m > (int)sizeof(line) - n - 3 ? (int)sizeof(line) - 3 : n + m;
	memcpy(line + n, "\r\n", 2);
	gw_sink_write(st->self, gw_conn_sink(st->self, client->conn), line, (size_t)n + 2);
}

static struct source *source_new(struct redirect_state *st, const struct gw_client *client,
                                 uint64_t to)
{
	struct gw_self *self = st->self;
	struct source *s = gw_alloc(self, sizeof(*s));

	s->session = client->session->id;
	s->client = client->id;
	s->to = to;
	s->begun_ns = gw_mono_ns(self);
	gw_random(self, s->id, sizeof(s->id));
	gw_random(self, s->token, sizeof(s->token));
	s->timer = gw_timer_new(self, gw_call(self, CALL_SOURCE_TIMER, s->session));
	HASH_ADD(by_session, st->sources, session, sizeof(s->session), s);
	HASH_ADD(by_id, st->source_ids, id, ID_BYTES, s);
	return s;
}

/* Nobody finds it any more: what is undone, or told, may lead back to here. */
static void source_unlink(struct redirect_state *st, struct source *s)
{
	struct gw_self *self = st->self;

	if (source_of(st, s->session) != s)
		return;
	HASH_DELETE(by_session, st->sources, s);
	HASH_DELETE(by_id, st->source_ids, s);
}

static void source_free(struct redirect_state *st, struct source *s)
{
	struct gw_self *self = st->self;

	source_unlink(st, s);
	gw_timer_free(&s->timer, self);
	if (s->sink != NULL)
		gw_sink_free(self, &s->sink);
	kept_free(self, &s->kept);
	hold_free(self, &s->hold);
	gw_free(self, s->vector.entries);
	gw_free(self, s->told.bytes);
	gw_free(self, s->due);
	memset(s->token, 0, sizeof(s->token));
	gw_free(self, s);
}

static int may_begin(struct redirect_state *st, const struct gw_client *client, uint64_t to,
                     struct gw_error *why)
{
	const struct gw_node *node = NETWORK(st, node, to);

	if (source_of(st, client->session->id) != NULL ||
	    recipient_of(st, client->session->id) != NULL)
		return gw_fail(why, -EBUSY, "%s is being moved already", client->nick);
	if (node == NULL || node->here)
		return gw_fail(why, -ENOTCONN, "there is no such other server in sight");
	if (node->bursting)
		return gw_fail(why, -ENOTCONN, "%s is not ready yet", node->name);
	if (HASH_CNT(by_session, st->sources) >= st->settings.at_once)
		return gw_fail(why, -EAGAIN, "%u clients are being moved already",
		               st->settings.at_once);
	return 0;
}

int source_begin(struct redirect_state *st, struct gw_client *client, uint64_t to, bool by_client,
                 struct gw_call ended, struct gw_error *why)
{
	struct snapshot snapshot = {0};
	int status = may_begin(st, client, to, why);
	struct source *s;

	if (status == 0)
		status = snapshot_make(st, client, &snapshot, why);
	if (status != 0)
		return status;
	s = source_new(st, client, to);
	s->told = snapshot;
	s->by_client = by_client;
	status = NETWORK(st, shadow, client->session, to, s->id);
	if (status == 0) {
		status = send_notify(st, s, client);
		if (status != 0)
			NETWORK(st, shadow_end, s->session, s->id);
	}
	if (status != 0) {
		source_free(st, s);
		return gw_fail(why, status, "the other server cannot be reached: %s",
		               strerror(-status));
	}
	s->ended = ended;
	source_timer(st, s, st->settings.offer_ns);
	return 0;
}

void source_accepted(struct redirect_state *st, struct source *s, const struct door *door)
{
	char id[ID_TEXT], token[TOKEN_TEXT];

	if (s->state != SOURCE_NOTIFIED || s->due != NULL)
		return;
	s->state = SOURCE_REQUESTED;
	id_text(s->id, id);
	token_text(s->token, token);
	source_say(st, s, "REQUEST %s %s %s %s %s", id, door->host, door->port, door->fingerprint,
	           token);
	memset(token, 0, sizeof(token));
}

void source_completed(struct redirect_state *st, struct source *s)
{
	if (s->state != SOURCE_REQUESTED || s->due != NULL)
		return;
	s->state = SOURCE_BARRIER;
	source_timer(st, s, st->settings.sync_ns);
	freeze_begin(st, s);
}

void source_acked(struct redirect_state *st, struct source *s, uint64_t joined, uint32_t update)
{
	if (joined > s->joined_seen)
		s->joined_seen = joined;
	if (update > s->updates_seen && update <= s->updates)
		s->updates_seen = update;
	freeze_try(st, s);
}

void source_late(void *state, uint64_t tag)
{
	struct redirect_state *st = state;
	struct source *s = source_of(st, tag);

	if (s == NULL || s->state == SOURCE_CUTTING)
		return;
	source_resume(st, s, GW_MOVE_TIMED_OUT,
	              s->state == SOURCE_NOTIFIED ? "the other server did not answer"
	              : s->state == SOURCE_REQUESTED
	                      ? "you did not come to the other server in time"
	              : s->state == SOURCE_BARRIER ? "something of yours took too long to end"
	                                           : "you did not answer SYNC in time",
	              true);
}

/* Which the client has not heard of, or gave up itself, needs no word. */
static void tell_client(struct redirect_state *st, const struct source *s, enum gw_move_end end,
                        const char *reason)
{
	char id[ID_TEXT];

	id_text(s->id, id);
	if (s->state == SOURCE_NOTIFIED && s->by_client) {
		struct gw_client *client = CLIENT(st, by_id, s->client);

		if (client != NULL)
			CLIENT(st, standard, client, "FAIL", "REDIRECT", "DENIED", "", "%s",
			       reason);
	} else if (s->state > SOURCE_NOTIFIED && end != GW_MOVE_REFUSED) {
		source_say(st, s, "CANCEL %s :%s", id, reason);
	}
}

void source_resume(struct redirect_state *st, struct source *s, enum gw_move_end end,
                   const char *reason, bool tell)
{
	source_unlink(st, s);
	if (tell) {
		NETWORK(st, shadow_end, s->session, s->id);
		send_cancel(st, s->id, s->to, reason);
	}
	tell_client(st, s, end, reason);
	freeze_thaw(st, s);
	source_end(st, s, end, reason);
}

void source_resume_later(struct redirect_state *st, struct source *s, enum gw_move_end end,
                         const char *reason)
{
	if (s->due != NULL)
		return;
	s->due = gw_strdup(st->self, reason);
	s->due_end = end;
	gw_defer(st->self, gw_call(st->self, CALL_SOURCE_DUE, s->session));
}

void source_due(void *state, uint64_t tag)
{
	struct redirect_state *st = state;
	struct source *s = source_of(st, tag);
	char reason[REASON_MAX];

	if (s == NULL || s->due == NULL)
		return;
	snprintf(reason, sizeof(reason), "%s", s->due);
	source_resume(st, s, s->due_end, reason, true);
}

void source_end(struct redirect_state *st, struct source *s, enum gw_move_end end,
                const char *reason)
{
	int64_t now = gw_mono_ns(st->self);
	const struct gw_node *other = NETWORK(st, node, s->to);
	struct over *over = gw_alloc(st->self, sizeof(*over));

	*over = (struct over){.ended = s->ended,
	                      .session = s->session,
	                      .to = s->to,
	                      .end = end,
	                      .took_ns = now - s->begun_ns,
	                      .gap_ns = s->frozen_ns != 0 ? now - s->frozen_ns : 0};
	snprintf(over->reason, sizeof(over->reason), "%s", reason);
	if (st->over == NULL)
		gw_defer(st->self, gw_call(st->self, CALL_OVER, 0));
	LL_APPEND(st->over, over);
	st->counts[end]++;
	if (end == GW_MOVE_DONE) {
		gw_histogram_add(&st->took, over->took_ns);
		gw_histogram_add(&st->gap, over->gap_ns);
	}
	gw_log(st->self, end == GW_MOVE_DONE ? GW_DEBUG : GW_INFO,
	       "redirect %s session=%016llx to=%s reason=\"%s\"",
	       end == GW_MOVE_DONE ? "done" : "did not come about", (unsigned long long)s->session,
	       other != NULL ? other->name : "?", reason);
	source_free(st, s);
}

/* Behind whatever notification has ended it: who hears of it may begin the next. */
void source_over(void *state, uint64_t tag)
{
	struct redirect_state *st = state;
	struct over *over;

	(void)tag;
	while ((over = st->over) != NULL) {
		struct gw_move_end_told told = {.session = over->session,
		                                .other = NETWORK(st, node, over->to),
		                                .here_is_source = true,
		                                .end = over->end,
		                                .reason = over->reason,
		                                .took_ns = over->took_ns,
		                                .gap_ns = over->gap_ns};
		gw_move_ended_fn *fn = (gw_move_ended_fn *)gw_call_fn(over->ended);

		LL_DELETE(st->over, over);
		gw_notify(st->self, st->ended, &told);
		if (fn != NULL)
			fn(over->ended.module->state, over->ended.tag, over->session, over->end,
			   over->reason);
		gw_free(st->self, over);
	}
}

/* The session is gone from here without a move, or at another server by one. */
static void source_left(struct redirect_state *st, struct source *s, const struct gw_event *event)
{
	if (event->kind == GW_EV_MOVE && event->node->run == s->to) {
		source_end(st, s, GW_MOVE_DONE, "moved");
		return;
	}
	send_cancel(st, s->id, s->to, "the client has left");
	source_end(st, s, GW_MOVE_GONE, "the client has left");
}

static void source_split(struct redirect_state *st)
{
	struct source *s, *next;

	HASH_ITER (by_session, st->sources, s, next) {
		freeze_split(st, s);
		if (NETWORK(st, node, s->to) == NULL)
			source_resume_later(st, s, GW_MOVE_LOST,
			                    "the other server went out of sight");
	}
}

void source_event(struct redirect_state *st, const struct gw_event *event)
{
	struct source *s;

	if (event->kind == GW_EV_SPLIT)
		source_split(st);
	s = event->source != NULL ? source_of(st, event->source->id) : NULL;
	if (s == NULL)
		return;
	if (event->kind == GW_EV_QUIT || event->kind == GW_EV_MOVE)
		source_left(st, s, event);
	else if (event->kind == GW_EV_JOIN && event->node->here)
		s->joined = event->seq;
}
