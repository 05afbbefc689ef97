/*
 * tell.c - who is shown a memo, and when.
 *
 * Whenever something may be new for an account (it has changed, somebody has logged in to it, or
 * has come from another server) the server where its sessions are at home reads the account, and
 * compares: what is stored with what the session has been told of. What is missing goes out as an
 * event to that session, not as a line to its connection: should the session be on its way to
 * another server just then, it is shown once all the same, by one of the two.
 *
 * What a session has been told of is data of the session. Every server has it: the event memo.told
 * changes it, a link's burst carries it, and whoever has the session next goes on from it.
 */
#include "memo.h"
#include <errno.h>
#include <godwit/redirect.h>

/* --- what a session has been told of --- */

static bool is_told(const struct told *told, struct gw_id memo)
{
	for (uint32_t i = 0; i < told->n; i++)
		if (gw_id_is(told->memos[i], memo))
			return true;
	return false;
}

bool memo_is_told(struct memo_state *st, struct gw_id account, struct gw_id memo)
{
	struct gw_user *user = NULL;

	while ((user = NETWORK(st, next_user, user)) != NULL)
		if (user->account != NULL && gw_id_is(user->account_id, account) &&
		    is_told(NETWORK(st, data, user->session, TOLD), memo))
			return true;
	return false;
}

/* The form between servers: of a burst, and of the event. */
int memo_export(void *state, const struct gw_session *session, const void *data, void *out,
                size_t max, size_t *len_out)
{
	struct gw_parts parts = {.bytes = out, .max = max};
	const struct told *told = data;
	uint8_t id[16];

	(void)state, (void)session;
	for (uint32_t i = 0; i < told->n; i++) {
		gw_id_bytes(told->memos[i], id);
		gw_parts_add(&parts, id, sizeof(id));
	}
	*len_out = parts.n;
	return parts.overflow ? -E2BIG : 0;
}

int memo_import(void *state, struct gw_session *session, void *data, const void *in, size_t len,
                struct gw_error *err)
{
	struct gw_blob parts = {in, len}, part;
	struct told told = {0};

	(void)state, (void)session;
	for (unsigned i = 0; gw_part(parts, i, &part); i++) {
		if (told.n == TOLD_MAX)
			return gw_fail(err, -E2BIG, "a session has been told of too many memos");
		told.memos[told.n++] = gw_id_from(part);
	}
	*(struct told *)data = told; /* all of it, or nothing */
	return 0;
}

/* A session's memos are its home's business: from another server neither event is believed. */
static bool from_home(const struct gw_event *event)
{
	return event->target != NULL && event->node == event->target->home;
}

int memo_told_apply(void *state, const struct gw_event *event)
{
	struct memo_state *st = state;

	if (!from_home(event))
		return -EPERM;
	return memo_import(st, event->target, NETWORK(st, data, event->target, TOLD), event->body,
	                   event->body_len, NULL);
}

int memo_deliver_apply(void *state, const struct gw_event *event)
{
	(void)state;
	return from_home(event) ? 0 : -EPERM;
}

/* --- telling --- */

static void deliver(struct memo_state *st, struct gw_session *session, const struct memo *memo)
{
	uint8_t body[2 + 8 + 2 + 8 + 2 + GW_NAME_MAX + 2 + TEXT_MAX];
	struct gw_parts parts = {.bytes = body, .max = sizeof(body)};

	memo_put(&parts, memo);
	gw_parts_u64(&parts, memo->id.clock);
	gw_parts_u64(&parts, memo->id.origin);
	if (NETWORK(st, custom, NULL, DELIVER, GW_SCOPE_SESSION, NULL, session, parts.bytes,
	            parts.n, 0) == 0)
		st->shown++;
}

static void publish(struct memo_state *st, struct gw_session *session, const struct told *told)
{
	uint8_t body[TOLD_MAX * (2 + 16)];
	size_t n;

	if (memo_export(st, session, told, body, sizeof(body), &n) == 0)
		NETWORK(st, custom, NULL, TOLD, GW_SCOPE_ALL, NULL, session, body, n, 0);
}

static bool is_there(struct memo_state *st, const struct gw_entity *account, struct gw_id id)
{
	struct memo memo;

	for (size_t at = 0; memo_next(st, account, &at, &memo);)
		if (gw_id_is(memo.id, id))
			return true;
	return false;
}

/* Before there are too many, those of memos that are gone are forgotten. But one that is not in the
 * database may just not have come here yet: another server, where the session was a moment ago, has
 * shown it. So nothing is forgotten earlier than must be, nor if what its writer's server has
 * written by then is not known here. */
static void forget_gone(struct memo_state *st, const struct gw_entity *account, struct told *told)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; told->n > MEMOS_MAX && i < told->n; i++) {
		struct gw_id id = told->memos[i];

		if (is_there(st, account, id) ||
		    !SERVICES(st, known, (struct gw_stamp){id.clock, id.origin}))
			told->memos[kept++] = id;
	}
	if (told->n > MEMOS_MAX)
		told->n = kept;
}

static void tell(struct memo_state *st, struct gw_session *session, const struct gw_entity *account)
{
	struct told now = *(const struct told *)NETWORK(st, data, session, TOLD);
	struct memo memo;
	bool news = false;

	forget_gone(st, account, &now);
	for (size_t at = 0; now.n < TOLD_MAX && memo_next(st, account, &at, &memo);) {
		if (is_told(&now, memo.id))
			continue;
		deliver(st, session, &memo);
		now.memos[now.n++] = memo.id;
		news = true;
	}
	if (news)
		publish(st, session, &now);
}

static bool is_of(const struct gw_client *c, struct gw_id account)
{
	return c->state == GW_CONNECTED && c->account != NULL && gw_id_is(c->account_id, account);
}

/* The answer to a read, or a part of a walk's. Most accounts have no memos: then no session needs a
 * block. A session that is about to be handed over is left to whoever gets it; if nobody does,
 * memo_move_ended() looks again. */
void memo_tell(void *state, uint64_t tag, int status, const struct gw_entity *account)
{
	struct memo_state *st = state;
	struct gw_client *c = NULL;
	struct memo first;
	size_t at = 0;

	(void)tag;
	if (status != 0 || account == NULL || !memo_next(st, account, &at, &first))
		return;
	while ((c = CLIENT(st, next, c)) != NULL)
		if (is_of(c, account->id) && c->session->local && !c->session->moving)
			tell(st, c->session, account);
}

/* --- when --- */

static void look(struct memo_state *st, const struct gw_client *c)
{
	if (c != NULL && c->state == GW_CONNECTED && c->account != NULL)
		SERVICES(st, read, GW_CLASS_ACCOUNT, c->account_id,
		         gw_call(st->self, CALL_TELL, 0));
}

/* "services.changed": perhaps a memo was written, here or on another server. */
void memo_changed(void *state, uint64_t tag, const void *payload)
{
	const struct gw_services_change *change = payload;
	struct memo_state *st = state;
	struct gw_client *c = NULL;

	(void)tag;
	if (change->class != GW_CLASS_ACCOUNT || change->dead)
		return;
	while ((c = CLIENT(st, next, c)) != NULL)
		if (is_of(c, change->id)) {
			look(st, c);
			break; /* one read does for all sessions of the account */
		}
}

/* "client.welcomed", "client.adopted" */
void memo_client(void *state, uint64_t tag, const void *payload)
{
	(void)tag;
	look(state, payload);
}

/* "network.event": somebody who was connected already has logged in. */
void memo_event(void *state, uint64_t tag, const struct gw_event *event)
{
	struct memo_state *st = state;

	(void)tag;
	if (event->kind == GW_EV_SET && (event->fields & GW_SET_ACCOUNT) != 0 &&
	    event->source->local)
		look(st, CLIENT(st, of_session, event->source));
}

/* "redirect.ended" */
void memo_move_ended(void *state, uint64_t tag, const void *payload)
{
	const struct gw_move_end_told *move = payload;
	struct memo_state *st = state;
	struct gw_session *session = NETWORK(st, session, move->session);

	(void)tag;
	if (session != NULL && session->local)
		look(st, CLIENT(st, of_session, session));
}

/* Behind the first load: there may be people already. One walk does for all of them. */
void memo_started(void *state, uint64_t tag)
{
	struct memo_state *st = state;

	(void)tag;
	SERVICES(st, walk, GW_CLASS_ACCOUNT, gw_call(st->self, CALL_TELL, 0));
}

/* --- how --- */

/* What makes one of the two forms. */
static bool has_cap(struct memo_state *st, uint64_t caps)
{
	return (caps & CLIENT(st, cap, CAP_NAME)) != 0;
}

#define AS_MEMO "MEMO %s %s %llu :%s"
#define AS_NOTICE "NOTICE %s :Memo %s from %s: %s"

/* A renderer writes from the event and the capabilities alone: its line may be for several. */
void memo_show(void *state, struct gw_render *r, const struct gw_event *event)
{
	struct gw_blob body = {event->body, event->body_len};
	struct memo_state *st = state;
	char letters[LETTERS + 1], from[GW_NAME_MAX + 40];
	struct memo memo;

	if (!memo_get(body, &memo))
		return;
	memo.id.clock = gw_part_u64(body, 2, 0);
	memo.id.origin = gw_part_u64(body, 3, 0);
	memo_letters(memo.id, letters);
	memo_from(&memo, from, sizeof(from));
	if (has_cap(st, r->caps))
		gw_render_line(r, NULL, AS_MEMO, letters, memo.sender,
		               (unsigned long long)(memo.id.clock >> 16), memo.text);
	else
		gw_render_line(r, NULL, AS_NOTICE, event->target->user->nick, letters, from,
		               memo.text);
}

void memo_line(struct memo_state *st, struct gw_client *c, const struct memo *memo)
{
	char letters[LETTERS + 1], from[GW_NAME_MAX + 40];

	memo_letters(memo->id, letters);
	memo_from(memo, from, sizeof(from));
	if (has_cap(st, c->caps))
		CLIENT(st, line, c, NULL, AS_MEMO, letters, memo->sender,
		       (unsigned long long)(memo->id.clock >> 16), memo->text);
	else
		CLIENT(st, line, c, NULL, AS_NOTICE, c->nick, letters, from, memo->text);
}
