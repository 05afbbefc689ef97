/*
 * modules/client/events.c - what the network's events mean for the clients themselves; render.c
 * shows them.
 *
 * Early among the subscribers: a client's texts are those of its session, and move when they
 * change. Late: a session that has gone takes its connection with it.
 */
#include "client.h"

#define CAUSE_MAX 200 /* bytes of a reason within ours */

void client_event(void *state, uint64_t tag, const struct gw_event *event)
{
	struct client_state *st = state;
	struct client *c = event->source != NULL ? clients_of(st, event->source) : NULL;

	(void)tag;
	if (c != NULL && (event->kind == GW_EV_NICK || event->kind == GW_EV_SET))
		client_lend(c);
	else if (c != NULL && !c->pub.shadow && event->kind == GW_EV_MESSAGE &&
	         event->verb != GW_TAGMSG)
		c->pub.last_active_ns = gw_mono_ns(st->self);
	render_event(st, event);
	if (c != NULL && !c->closing)
		claims_event(st, c, event);
}

/* The order to close a session that is at home here. */
static void killed(struct client_state *st, const struct gw_event *event)
{
	struct client *c = event->target != NULL ? clients_of(st, event->target) : NULL;
	const struct gw_user *by = event->source != NULL ? event->source->user : NULL;
	const char *why = event->text != NULL ? event->text : "";
	char reason[GW_REASON_MAX + 1], source[GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 3];

	if (c == NULL || c->closing)
		return;
	if (by != NULL)
		snprintf(source, sizeof(source), "%s!%s@%s", by->nick, by->ident, by->host);
	snprintf(reason, sizeof(reason), "Killed (%s (%.*s))", by != NULL ? by->nick : st->server,
	         (int)utf8_trim(why, strnlen(why, CAUSE_MAX)), why);
	if (c->pub.shadow || c->diverted) {
		due_note(st, event->target, reason, by != NULL ? source : NULL, why);
		return;
	}
	if (by != NULL)
		reply_line(st, c, source, "KILL %s :%s", c->pub.nick, why);
	client_close(st, c, reason);
}

static void left(struct client_state *st, const struct gw_event *event)
{
	struct client *c = event->source != NULL ? clients_bound(st, event->source) : NULL;

	if (event->source != NULL)
		due_forget(st, event->source->id);
	if (c == NULL)
		return;
	client_detach(st, c);
	client_close(st, c, event->text != NULL ? event->text : "");
}

/* Who was handed over is not told: it goes on elsewhere. Else two parts of the network each had the
 * session, and the other one's counts. */
static void moved(struct client_state *st, const struct gw_event *event)
{
	struct client *c = clients_bound(st, event->source);
	char text[GW_REASON_MAX + 1];

	if (event->node->here)
		return;
	due_forget(st, event->source->id);
	if (c == NULL || c->pub.shadow || c->closing)
		return;
	client_detach(st, c);
	if (c->tapped) {
		client_close_silently(st, c, "Moved");
		return;
	}
	snprintf(text, sizeof(text), "You are connected to %s, too, and your session is there now",
	         event->node->name);
	client_close(st, c, text);
}

void client_event_last(void *state, uint64_t tag, const struct gw_event *event)
{
	(void)tag;
	if (event->kind == GW_EV_KILL)
		killed(state, event);
	else if (event->kind == GW_EV_QUIT)
		left(state, event);
	else if (event->kind == GW_EV_MOVE)
		moved(state, event);
}

void client_stopping(void *state, uint64_t tag, const void *payload)
{
	struct client_state *st = state;
	char text[GW_REASON_MAX + 1];

	(void)tag;
	if (st->stop_reason == NULL)
		st->stop_reason = gw_strdup(st->self, payload != NULL ? (const char *)payload : "");
	snprintf(text, sizeof(text), "Server is stopping: %.*s",
	         (int)utf8_trim(st->stop_reason, strnlen(st->stop_reason, CAUSE_MAX)),
	         st->stop_reason);
	for (struct client *c = st->clients; c != NULL; c = c->next)
		client_close(st, c, text);
}
