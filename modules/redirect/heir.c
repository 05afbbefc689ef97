/*
 * redirect/heir.c - the cut has come: the session is at home here from now on.
 *
 * What the source's client was shown goes out of the hold queue, the session moves, the newcomer
 * becomes its client, and the rest of the queue is written to it at once. There is no way back any
 * more, so there is no timer either. Only its commands wait until it has left the old connection
 * and says SWAP.
 */
#include "redirect.h"
#include <errno.h>

static void carry_fill(const struct recipient *r, const struct cut *cut,
                       struct gw_client_carry *carry)
{
	snapshot_carry(&r->snapshot, carry);
	carry->command = cut->command;
	carry->idle_ms = cut->idle_ms;
	carry->owed_ms = cut->owed_ms;
	carry->secure = r->secure;
}

/* Until the move nothing has happened that dropping the attempt would not undo. */
static int prepare(struct redirect_state *st, struct recipient *r, const struct gw_session *session,
                   const struct cut *cut, struct gw_error *why)
{
	const struct gw_client *newcomer = CLIENT(st, by_id, r->newcomer);
	struct vector vector;
	int status = 0;

	if (r->due != NULL)
		return gw_fail(why, -ECANCELED, "%s", r->due);
	if (session == NULL)
		return gw_fail(why, -ENOENT, "the session is not known here");
	if (newcomer == NULL || newcomer->state != GW_CONNECTING)
		return gw_fail(why, -ECANCELED, "the new connection is not there any more");
	if (cut->epoch != r->epoch)
		return gw_fail(why, -ECANCELED, "the session has moved meanwhile");
	if (cut->snapshot.n > 0)
		status = snapshot_take(st, r, cut->snapshot.p, cut->snapshot.n, why);
	if (status != 0)
		return status;
	if (cut->vector.n > VECTOR_MAX * sizeof(struct vector_entry) ||
	    !vector_read(st->self, cut->vector.p, cut->vector.n, &vector))
		return gw_fail(why, -EBADMSG, "the cut is malformed");
	hold_filter(st->self, &r->hold, &vector);
	gw_free(st->self, vector.entries);
	return 0;
}

/* A newcomer that was just looked at cannot be refused; if it is, the session has no client. */
static int adopt(struct redirect_state *st, struct recipient *r, struct gw_session *session,
                 const struct cut *cut)
{
	struct gw_client_carry *carry = gw_alloc(st->self, sizeof(*carry));
	struct gw_client *newcomer = CLIENT(st, by_id, r->newcomer);
	int status;

	carry_fill(r, cut, carry);
	CLIENT(st, shadow_free, &r->shadow);
	status = CLIENT(st, adopt, newcomer, session, carry);
	gw_free(st->self, carry);
	if (status == 0)
		return 0;
	gw_log(st->self, GW_ERROR, "a session that was handed over has no client nick=%s",
	       session->user->nick);
	NETWORK(st, quit, session, "Handover failed");
	CLIENT(st, close, newcomer, "Handover failed");
	return status;
}

void heir_take(struct redirect_state *st, struct recipient *r, const struct cut *cut)
{
	struct gw_session *session = NETWORK(st, session, r->session);
	uint64_t client = r->newcomer;
	struct gw_error why = {0};
	struct gw_client *newcomer;

	if (prepare(st, r, session, cut, &why) != 0) {
		recipient_drop(st, r, why.text, true);
		return;
	}
	if (NETWORK(st, move, session, r->id) != 0) {
		recipient_drop(st, r, "the session is somewhere else", true);
		return;
	}
	r->state = RECIPIENT_HEIR;
	gw_timer_set(r->timer, st->self, -1);
	st->taken++;
	if (adopt(st, r, session, cut) != 0)
		return;
	newcomer = CLIENT(st, by_id, client);
	hold_release(st->self, &r->hold, gw_conn_sink(st->self, newcomer->conn));
	gw_sink_free(st->self, &r->sink);
	if (r->swapped)
		heir_swap(st, r);
}

/* The source may have been cut off before it heard of the move, and keeps the session in its part
 * of the network; the client has decided otherwise. */
static void claim(struct redirect_state *st, const struct recipient *r)
{
	struct gw_session *session = NETWORK(st, session, r->session);

	if (session != NULL && NETWORK(st, node, r->from) == NULL)
		NETWORK(st, claim, session);
}

void heir_swap(struct redirect_state *st, struct recipient *r)
{
	struct gw_client *client = CLIENT(st, by_id, r->newcomer);
	struct gw_move_end_told told = {.session = r->session,
	                                .other = NETWORK(st, node, r->from),
	                                .end = GW_MOVE_DONE,
	                                .reason = "moved",
	                                .took_ns = gw_mono_ns(st->self) - r->begun_ns};
	struct kept lines = {0};

	claim(st, r);
	kept_move(st->self, &lines, &r->cut);
	kept_move(st->self, &lines, &r->kept);
	recipient_free(st, r);
	if (client != NULL)
		CLIENT(st, untap, client, lines.lines, lines.n);
	kept_free(st->self, &lines);
	gw_notify(st->self, st->ended, &told);
}
