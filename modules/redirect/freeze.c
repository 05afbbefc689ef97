/*
 * redirect/freeze.c - the last part of a session's stay: it stops at one point.
 *
 * Barrier: the client is at the recipient; its lines are kept, while what it has under way ends,
 * and the recipient confirms each channel that was joined meanwhile. Then, in one turn, the vector
 * is copied, SYNC is the last line of output, and what comes is held. SYNCED proves that both
 * directions of the old connection are empty: the cut goes to the recipient, with the lines that
 * were not executed. Until its MOVE the old connection stays open, and all can be given back.
 */
#include "redirect.h"
#include <errno.h>

void freeze_begin(struct redirect_state *st, struct source *s)
{
	struct gw_client *client = CLIENT(st, by_id, s->client);
	struct gw_tap tap = {.module = st->self,
	                     .tag = s->session,
	                     .line = CALL_SOURCE_LINE,
	                     .closed = CALL_SOURCE_CLOSED};
	struct snapshot now = {0};
	struct gw_error why = {0};

	if (client == NULL || CLIENT(st, tap, client, &tap) != 0) {
		s->state = SOURCE_REQUESTED; /* nothing to be undone */
		source_resume(st, s, GW_MOVE_GONE, "the client has left", true);
		return;
	}
	if (snapshot_make(st, client, &now, &why) != 0) {
		source_resume(st, s, GW_MOVE_DENIED, why.text, true);
		return;
	}
	if (snapshot_same(&now, &s->told)) {
		gw_free(st->self, now.bytes);
	} else {
		gw_free(st->self, s->told.bytes);
		s->told = now;
		s->updates++;
		send_update(st, s);
	}
	freeze_try(st, s);
}

static bool confirmed(const struct source *s)
{
	return s->updates_seen == s->updates && s->joined_seen >= s->joined;
}

void freeze_try(struct redirect_state *st, struct source *s)
{
	struct gw_client *client = CLIENT(st, by_id, s->client);

	if (s->state == SOURCE_BARRIER && client != NULL && s->due == NULL && confirmed(s))
		CLIENT(st, when_settled, client, SETTLED_BELOW,
		       gw_call(st->self, CALL_SOURCE_SETTLED, s->session));
}

static void vector_set(struct vector *v, size_t known, uint64_t run, uint64_t seq)
{
	for (size_t i = 0; i < known; i++) {
		if (v->entries[i].run == run) {
			v->entries[i].seq = seq;
			return;
		}
	}
	v->entries[v->n++] = (struct vector_entry){run, seq};
}

/* Of all servers that are in sight, or of those that are just going out of it. Until the freeze the
 * vector has only the latter: what the recipient holds of them was shown here, too. */
static void vector_note(struct redirect_state *st, struct source *s, bool in_sight)
{
	const struct gw_node *node = NULL;
	size_t known = s->vector.n, room = known;
	uint64_t seq;

	while ((node = NETWORK(st, vector, node, &seq)) != NULL)
		room++;
	s->vector.entries =
		gw_resize(st->self, s->vector.entries, room * sizeof(*s->vector.entries));
	while ((node = NETWORK(st, vector, node, &seq)) != NULL)
		if ((NETWORK(st, node, node->run) != NULL) == in_sight)
			vector_set(&s->vector, known, node->run, seq);
}

void freeze_split(struct redirect_state *st, struct source *s)
{
	if (s->state < SOURCE_SYNCING)
		vector_note(st, s, false);
}

static void freeze(struct redirect_state *st, struct source *s, struct gw_client *client)
{
	char id[ID_TEXT];

	vector_note(st, s, true);
	id_text(s->id, id);
	source_say(st, s, "SYNC %s", id);
	s->sink = gw_sink_new(st->self, gw_call(st->self, CALL_SOURCE_HELD, s->session));
	CLIENT(st, divert, client, s->sink);
	NETWORK(st, moving, client->session, true);
	s->frozen_ns = gw_mono_ns(st->self);
	s->state = SOURCE_SYNCING;
}

/* From a turn of its own: nothing of the client's is open. */
void source_settled(void *state, uint64_t tag)
{
	struct redirect_state *st = state;
	struct source *s = source_of(st, tag);
	struct gw_client *client = s != NULL ? CLIENT(st, by_id, s->client) : NULL;

	if (client == NULL || client->session == NULL || s->state != SOURCE_BARRIER ||
	    s->due != NULL)
		return;
	if (!CLIENT(st, settled, client, SETTLED_BELOW) || !confirmed(s))
		freeze_try(st, s);
	else
		freeze(st, s, client);
}

/* What the client is told while it is frozen. */
void source_held(void *state, uint64_t tag, struct gw_buf *buf)
{
	struct redirect_state *st = state;
	struct source *s = source_of(st, tag);

	if (s == NULL || s->discarded)
		return;
	hold_add(st->self, &s->hold, HELD_OUTPUT, NULL, buf);
	if (s->hold.bytes <= st->settings.hold)
		return;
	if (s->state == SOURCE_SYNCING) {
		source_resume_later(st, s, GW_MOVE_TIMED_OUT, "too much came meanwhile");
		return;
	}
	hold_free(st->self, &s->hold);
	s->discarded = true;
}

static const char *refusal(const struct gw_message *m)
{
	return m->argc > 2 && m->argv[2][0] != '\0' ? m->argv[2] : "refused";
}

/* In the midst of the client's input nothing is undone: later. */
static bool is_client_word(struct redirect_state *st, struct source *s, const struct gw_message *m)
{
	if (redirect_says(m, "REFUSE", s->id)) {
		if (s->state != SOURCE_CUTTING)
			source_resume_later(st, s, GW_MOVE_REFUSED, refusal(m));
		return true;
	}
	if (redirect_says(m, "SYNCED", s->id)) {
		if (s->state == SOURCE_SYNCING && s->due == NULL)
			freeze_cut(st, s);
		return true;
	}
	return false;
}

enum gw_line_verdict source_line(void *state, uint64_t tag, struct gw_client *client,
                                 const struct gw_line *raw, const struct gw_message *m)
{
	struct redirect_state *st = state;
	struct source *s = source_of(st, tag);

	(void)client;
	if (s == NULL)
		return GW_LINE_STOP;
	if (m != NULL && is_client_word(st, s, m))
		return GW_LINE_NEXT;
	kept_add(st->self, &s->kept, raw);
	return s->kept.bytes < st->settings.input ? GW_LINE_NEXT : GW_LINE_STOP;
}

/* It has gone, and the move with it: what it had said is executed here, and then it quits. Of what
 * had been put off meanwhile a KILL closes it first, which ends `s`. */
static void last_words(struct redirect_state *st, struct source *s, struct gw_client *client)
{
	struct kept kept = s->kept;
	bool frozen = s->state == SOURCE_SYNCING;

	s->kept = (struct kept){0};
	if (frozen) {
		NETWORK(st, moving, client->session, false);
		CLIENT(st, divert, client, NULL);
	}
	CLIENT(st, untap, client, kept.lines, kept.n);
	kept_free(st->self, &kept);
}

/* Before the cut it is an ordinary end, of which the QUIT tells source_event(). */
bool source_closed(void *state, uint64_t tag, struct gw_client *client, const char *reason)
{
	struct redirect_state *st = state;
	struct source *s = source_of(st, tag);

	(void)reason;
	if (s == NULL || client->session == NULL)
		return false;
	if (s->state != SOURCE_CUTTING) {
		last_words(st, s, client);
		return false;
	}
	s->gone = true;
	return true;
}

/* All that the recipient still has to know. */
static int cut(struct redirect_state *st, struct source *s, const struct gw_client *client,
               struct gw_error *why)
{
	size_t room = 16 * s->vector.n + 1;
	struct gw_client_carry *carry;
	struct snapshot now = {0};
	struct cut cut;
	uint8_t *bytes;
	int status = snapshot_make(st, client, &now, why);

	if (status != 0)
		return status;
	if (s->vector.n > VECTOR_MAX)
		status = gw_fail(why, -E2BIG, "there are more than %d servers", VECTOR_MAX);
	bytes = gw_alloc(st->self, room);
	carry = gw_alloc(st->self, sizeof(*carry));
	CLIENT(st, carry, client, carry);
	cut = (struct cut){.epoch = client->session->epoch,
	                   .vector = {bytes, vector_write(&s->vector, bytes, room)},
	                   .command = carry->command,
	                   .idle_ms = carry->idle_ms,
	                   .owed_ms = carry->owed_ms};
	if (!snapshot_same(&now, &s->told))
		cut.snapshot = (struct gw_blob){now.bytes, now.n};
	if (status == 0 && send_cut(st, s, &cut) != 0)
		status = gw_fail(why, -ENOTCONN, "the other server cannot be reached");
	gw_free(st->self, carry);
	gw_free(st->self, bytes);
	gw_free(st->self, now.bytes);
	return status;
}

void freeze_cut(struct redirect_state *st, struct source *s)
{
	struct gw_client *client = CLIENT(st, by_id, s->client);
	struct gw_error why = {0};

	if (client == NULL || client->session == NULL)
		return;
	if (cut(st, s, client, &why) != 0) {
		source_resume_later(st, s, GW_MOVE_LOST, why.text);
		return;
	}
	source_timer(st, s, -1);
	s->state = SOURCE_CUTTING;
}

static void give_back_output(struct redirect_state *st, struct source *s, struct gw_client *client)
{
	hold_release(st->self, &s->hold, gw_conn_sink(st->self, client->conn));
	CLIENT(st, divert, client, NULL);
	if (s->discarded)
		CLIENT(st, close, client, "SendQ exceeded");
}

/* The client's connection went while only the recipient could say whose it is. */
static void quit_without_client(struct redirect_state *st, struct source *s)
{
	struct gw_session *session = NETWORK(st, session, s->session);

	if (session == NULL || !session->local)
		return;
	NETWORK(st, moving, session, false);
	NETWORK(st, attach, session, NULL, 0);
	NETWORK(st, quit, session, "Connection closed");
}

void freeze_thaw(struct redirect_state *st, struct source *s)
{
	struct gw_client *client = CLIENT(st, by_id, s->client);
	enum source_state was = s->state;
	struct kept kept = s->kept;

	if (was < SOURCE_BARRIER)
		return;
	if (s->gone || client == NULL || client->session == NULL) {
		if (s->gone)
			quit_without_client(st, s);
		return;
	}
	CLIENT(st, when_settled, client, 0, (struct gw_call){0});
	if (was >= SOURCE_SYNCING) {
		NETWORK(st, moving, client->session, false);
		give_back_output(st, s, client);
	}
	s->kept = (struct kept){0};
	CLIENT(st, untap, client, kept.lines, kept.n);
	kept_free(st->self, &kept);
}
