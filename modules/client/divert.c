/*
 * modules/client/divert.c - a client whose output goes to somebody else's sink while its session is
 * handed over, and what is not done to it meanwhile.
 *
 * A close waits, the first reason counts; so do the account that it is to have and a look at its
 * nick. All that is made up for when its output comes back, and for a session that has come from
 * another server when it is in command (adopt.c). A close is kept by the session, so that it does
 * not matter whether the shadow that noted it is still there.
 */
#include "client.h"
#include <utlist.h>

static struct due *due_of(struct client_state *st, uint64_t session)
{
	struct due *due;

	LL_SEARCH_SCALAR(st->dues, due, session, session);
	return due;
}

static char *copy(struct client_state *st, const char *text)
{
	return text != NULL ? gw_strdup(st->self, text) : NULL;
}

void due_note(struct client_state *st, const struct gw_session *session, const char *reason,
              const char *kill_by, const char *kill_why)
{
	struct due *due;

	if (due_of(st, session->id) != NULL)
		return;
	due = gw_alloc(st->self, sizeof(*due));
	due->session = session->id;
	due->reason = gw_strdup(st->self, reason);
	due->kill_by = copy(st, kill_by);
	due->kill_why = copy(st, kill_why);
	LL_PREPEND(st->dues, due);
}

static void due_free(struct client_state *st, struct due *due)
{
	gw_free(st->self, due->reason);
	gw_free(st->self, due->kill_by);
	gw_free(st->self, due->kill_why);
	gw_free(st->self, due);
}

void due_forget(struct client_state *st, uint64_t session)
{
	struct due *due = due_of(st, session);

	if (due == NULL)
		return;
	LL_DELETE(st->dues, due);
	due_free(st, due);
}

void dues_free(struct client_state *st)
{
	struct due *due, *next;

	LL_FOREACH_SAFE (st->dues, due, next)
		due_free(st, due);
	st->dues = NULL;
}

static void carry_out(struct client_state *st, struct client *c)
{
	struct due *due = c->pub.session != NULL ? due_of(st, c->pub.session->id) : NULL;

	if (due == NULL)
		return;
	LL_DELETE(st->dues, due); /* the QUIT forgets it, too */
	if (due->kill_by != NULL)
		reply_line(st, c, due->kill_by, "KILL %s :%s", c->pub.nick, due->kill_why);
	client_close(st, c, due->reason);
	due_free(st, due);
}

bool divert_close(struct client_state *st, struct client *c, const char *reason)
{
	if (!c->diverted || c->pub.session == NULL || st->stop_reason != NULL)
		return false;
	due_note(st, c->pub.session, reason, NULL, NULL);
	return true;
}

void account_due_free(struct client_state *st, struct client *c)
{
	struct account_due *due = c->move->account;

	c->move->account = NULL;
	if (due == NULL)
		return;
	gw_free(st->self, due->name);
	gw_free(st->self, due->host);
	gw_free(st->self, due);
}

/* The last one counts. */
bool divert_account(struct client_state *st, struct client *c, struct gw_id account,
                    const char *name, const char *host)
{
	struct account_due *due;

	if (!c->diverted)
		return false;
	account_due_free(st, c);
	due = c->move->account = gw_alloc(st->self, sizeof(*due));
	due->id = account;
	due->name = copy(st, name);
	due->host = copy(st, host);
	return true;
}

static void account_changes(struct client_state *st, struct client *c)
{
	struct account_due *due = c->move != NULL ? c->move->account : NULL;

	if (due == NULL)
		return;
	c->move->account = NULL;
	enter_authenticated(st, c, due->id, due->name, due->host);
	c->move->account = due;
	account_due_free(st, c);
}

void divert_review(struct client_state *st, struct client *c, bool comes)
{
	bool review = c->review || comes, evict = c->evict || comes;

	c->review = c->evict = false;
	carry_out(st, c);
	if (!c->closing && comes)
		gw_notify(st->self, st->adopted, &c->pub);
	if (!c->closing)
		account_changes(st, c);
	if (!c->closing && review)
		claims_review(st, c, evict);
}

static void attach(struct client_state *st, struct client *c, struct gw_sink *sink)
{
	c->sink = sink;
	if (c->pub.session != NULL)
		NETWORK(st, attach, c->pub.session, sink, c->pub.caps);
}

void divert(struct client_state *st, struct client *c, struct gw_sink *sink)
{
	bool was = c->diverted;

	if (c->closing || c->pub.session == NULL || c->pub.conn == NULL)
		return;
	if (sink != NULL)
		move_of(st, c);
	attach(st, c, sink != NULL ? sink : gw_conn_sink(st->self, c->pub.conn));
	c->diverted = sink != NULL;
	if (was && sink == NULL)
		divert_review(st, c, false);
}

/* Its output is made here no more: what was noted of it is for its home. */
void client_unshown(void *state, uint64_t tag, const void *payload)
{
	struct client_state *st = state;
	const struct gw_session *session = payload;
	struct client *c = clients_bound(st, session);

	(void)tag;
	due_forget(st, session->id);
	if (c != NULL && c->pub.shadow)
		client_detach(st, c);
}
