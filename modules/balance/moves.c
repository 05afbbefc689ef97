/*
 * balance/moves.c - moves under way that this module has asked for, and how those of the last
 * minute ended, whoever asked for them.
 */
#include "balance.h"
#include <errno.h>

#define SLICE_NS (5 * GW_SECOND)
#define SLICES                                                                                     \
	(sizeof(((struct balance_state *)0)->minute) /                                             \
	 sizeof(((struct balance_state *)0)->minute[0]))

bool pace_ready(const struct pace *pace, int64_t now, uint32_t rate)
{
	return rate == 0 || pace->next_ns <= now;
}

/* A tenth of a second's share may be made up for. */
void pace_take(struct pace *pace, int64_t now, uint32_t rate)
{
	int64_t least = now - 100 * GW_MS;

	if (rate == 0)
		return;
	if (pace->next_ns < least)
		pace->next_ns = least;
	pace->next_ns += GW_SECOND / rate;
}

static struct move *move_find(struct balance_state *st, uint64_t client)
{
	struct gw_self *self = st->self;
	struct move *move;

	HASH_FIND(hh, st->moves, &client, sizeof(client), move);
	return move;
}

int move_begin(struct balance_state *st, struct gw_client *client, uint64_t to, enum move_kind kind,
               struct move **move_out, struct gw_error *why)
{
	struct gw_self *self = st->self;
	struct move *move;
	int status;

	if (st->redirect->ops == NULL)
		return gw_fail(why, -EOPNOTSUPP, "the module redirect is not loaded");
	if (move_find(st, client->id) != NULL)
		return gw_fail(why, -EBUSY, "%s is being moved already", client->nick);
	status = REDIRECT(st, move, client, to, gw_call(self, CALL_MOVE_ENDED, client->id), why);
	if (status != 0)
		return status;
	move = gw_alloc(self, sizeof(*move));
	move->client = client->id;
	move->to = to;
	move->since_ns = gw_mono_ns(self);
	move->kind = (uint8_t)kind;
	HASH_ADD(hh, st->moves, client, sizeof(move->client), move);
	st->n_moves += kind != MOVE_DRAIN;
	st->n_drains += kind == MOVE_DRAIN;
	if (move_out != NULL)
		*move_out = move;
	return 0;
}

static const char *const end_names[MOVE_ENDS] = {"done",      "refused", "denied",
                                                 "timed-out", "lost",    "gone"};

const char *move_end_name(enum gw_move_end end)
{
	return end_names[end];
}

static void answer(struct balance_state *st, struct move *move, enum gw_move_end end,
                   const char *reason)
{
	static const int statuses[MOVE_ENDS] = {0,          -ECONNREFUSED, -EACCES,
	                                        -ETIMEDOUT, -EHOSTUNREACH, -ENOENT};
	long long ms = (gw_mono_ns(st->self) - move->since_ns) / GW_MS;
	char text[400];

	gw_log(st->self, GW_INFO, "redirect nick=%s to=%s end=%s ms=%lld who=\"%s\"", move->nick,
	       move->server, move_end_name(end), ms, gw_admin_who(st->self, move->req));
	if (end == GW_MOVE_DONE) {
		snprintf(text, sizeof(text), "%s is at home on %s, after %lld ms", move->nick,
		         move->server, ms);
		gw_admin_text(st->self, move->req, text);
		gw_admin_done(st->self, &move->req, 0, "");
		return;
	}
	snprintf(text, sizeof(text), "%s %s (%s, after %lld ms)", move->nick,
	         end == GW_MOVE_GONE ? "has left" : "stays on this server", reason, ms);
	gw_admin_done(st->self, &move->req, statuses[end], text);
}

void move_ended(void *state, uint64_t tag, uint64_t session, enum gw_move_end end,
                const char *reason)
{
	struct balance_state *st = state;
	struct gw_self *self = st->self;
	struct move *move = move_find(st, tag);

	if (move == NULL)
		return;
	HASH_DELETE(hh, st->moves, move);
	st->n_moves -= move->kind != MOVE_DRAIN;
	st->n_drains -= move->kind == MOVE_DRAIN;
	if (end != GW_MOVE_DONE && end != GW_MOVE_GONE)
		rest_tried(st, session);
	if (move->kind == MOVE_DRAIN)
		drain_move_ended(st, tag, move->to, end);
	else if (move->req != NULL)
		answer(st, move, end, reason);
	gw_free(self, move);
	pump_soon(st);
}

/* --- the last minute --- */

static size_t slice_now(struct balance_state *st)
{
	int64_t since = gw_mono_ns(st->self) / SLICE_NS * SLICE_NS;
	size_t i = (size_t)(since / SLICE_NS) % SLICES;

	if (st->minute[i].since_ns != since) {
		memset(&st->minute[i], 0, sizeof(st->minute[i]));
		st->minute[i].since_ns = since;
	}
	return i;
}

void moves_told(void *state, uint64_t tag, const void *payload)
{
	struct balance_state *st = state;
	const struct gw_move_end_told *told = payload;
	size_t i = slice_now(st);

	(void)tag;
	if (told->here_is_source && (unsigned)told->end < MOVE_ENDS)
		st->minute[i].ended[told->end]++;
	else if (told->end == GW_MOVE_DONE)
		st->minute[i].came++;
}

void moves_minute(struct balance_state *st, uint32_t ended[MOVE_ENDS], uint32_t *came_out)
{
	int64_t oldest = gw_mono_ns(st->self) - (int64_t)SLICES * SLICE_NS;

	memset(ended, 0, MOVE_ENDS * sizeof(*ended));
	*came_out = 0;
	for (size_t i = 0; i < SLICES; i++) {
		if (st->minute[i].since_ns <= oldest)
			continue;
		for (size_t end = 0; end < MOVE_ENDS; end++)
			ended[end] += st->minute[i].ended[end];
		*came_out += st->minute[i].came;
	}
}

/* With redirect its moves have ended; who did not say so cannot any more. */
void moves_unloaded(void *state, uint64_t tag, const void *payload)
{
	struct balance_state *st = state;
	struct move *move, *next;

	(void)tag;
	(void)payload;
	if (st->redirect->ops != NULL)
		return;
	HASH_ITER (hh, st->moves, move, next)
		move_ended(st, move->client, 0, GW_MOVE_LOST, "the module redirect was unloaded");
	load_look(st);
}

void moves_free(struct balance_state *st)
{
	struct gw_self *self = st->self;
	struct move *move, *next;

	HASH_ITER (hh, st->moves, move, next) {
		HASH_DELETE(hh, st->moves, move);
		gw_free(self, move);
	}
}
