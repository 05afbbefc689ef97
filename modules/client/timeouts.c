/*
 * modules/client/timeouts.c - what happens when a client's time in the agenda has come.
 *
 * Before Connected: too long without having authenticated. Connected: silence, a PING, silence. Any
 * line is a sign of life; so is input that waits because of a limit.
 */
#include "client.h"
#include <inttypes.h>

/* The state has just been entered (or the client has just come). */
void timeouts_begin(struct client_state *st, struct client *c)
{
	const struct client_settings *s = &st->settings;
	const int64_t after[] = {
		[GW_CONNECTING] = s->login_timeout_ns,
		[GW_REGISTRATION] = s->registration_timeout_ns,
		[GW_CONNECTED] = s->ping_interval_ns,
	};

	c->timeout_ns = gw_mono_ns(st->self) + after[c->pub.state];
	timeouts_plan(st, c);
}

/* The earliest of what the client waits for. */
void timeouts_plan(struct client_state *st, struct client *c)
{
	int64_t due = c->timeout_ns;

	if (c->throttled && flood_resume_ns(st, c) < due)
		due = flood_resume_ns(st, c);
	if (!c->closing)
		agenda_set(st, c, due);
}

/* Whoever moves it looks after it; but an adopted one that takes lines must be there. */
static bool rests(const struct client *c)
{
	return c->tapped && (!c->adopted || c->tap_stopped);
}

static void login_too_long(struct client_state *st, struct client *c)
{
	c->end = END_LOGIN;
	client_close(st, c,
	             c->pub.state == GW_REGISTRATION ? "Registration timed out"
	                                             : "You did not log in in time");
}

static void quiet(struct client_state *st, struct client *c)
{
	const struct client_settings *s = &st->settings;
	int64_t now = gw_mono_ns(st->self);
	char text[TEXT_MAX];

	if (c->throttled || c->holds != NULL || rests(c))
		c->heard_ns = now;
	if (now - c->heard_ns < s->ping_interval_ns) {
		c->pinged = false;
		c->timeout_ns = c->heard_ns + s->ping_interval_ns;
	} else if (!c->pinged) {
		c->pinged = true;
		c->timeout_ns = now + s->ping_timeout_ns;
		snprintf(text, sizeof(text), "PING :%s", st->server);
		reply_write(st, c, "", "", text, strlen(text));
	} else {
		snprintf(text, sizeof(text), "Ping timeout: %" PRId64 " seconds",
		         (now - c->heard_ns) / GW_SECOND);
		c->end = END_SILENT;
		client_close(st, c, text);
	}
}

void timeouts_due(struct client_state *st, struct client *c)
{
	if (c->throttled && flood_due(st, c))
		connection_resume(st, c);
	if (!c->closing && c->timeout_ns <= gw_mono_ns(st->self)) {
		if (c->pub.state == GW_CONNECTED)
			quiet(st, c);
		else if (rests(c))
			timeouts_begin(st, c);
		else
			login_too_long(st, c);
	}
	timeouts_plan(st, c);
}
