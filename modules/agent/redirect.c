/*
 * modules/agent/redirect.c - the mover of a session, driven by what happens to its connections.
 *
 * Everything that a server says and that is not about a move comes out of deliver(), in the right
 * order whichever connection it came by.
 */
#include "agent.h"

#include <errno.h>
#include <godwit/log.h>
#include <godwit/mem.h>
#include <stdio.h>

#define REQUEST_EVERY (GW_SECOND / 2) /* on average */
#define REQUESTS_AT_ONCE 40

/* --- actions of the mover --- */

/* Each costs a connection, and often a name to be looked up, which goes on when nobody waits for it
 * any more: so a server does not get as many as it likes. */
static enum mover_policy on_decide(void *driver, const char *host, uint16_t port)
{
	struct session *s = driver;
	int64_t now = gw_mono_ns(s->agent->self);

	(void)host, (void)port;
	if (s->state != SESSION_PASSING || s->asked_ns > now)
		return MOVER_REFUSE;
	if (s->asked_ns < now - REQUESTS_AT_ONCE * REQUEST_EVERY)
		s->asked_ns = now - REQUESTS_AT_ONCE * REQUEST_EVERY;
	s->asked_ns += REQUEST_EVERY;
	return MOVER_ACCEPT;
}

static void on_dial(void *driver, int slot, const char *host, uint16_t port,
                    const uint8_t *fingerprint)
{
	up_dial_request(driver, slot, host, port, fingerprint);
}

static void on_send(void *driver, int slot, const char *line)
{
	up_write(driver, slot, line, strlen(line));
}

static void on_close(void *driver, int slot)
{
	up_close(driver, slot, "The move was given up");
}

static void on_resume(void *driver, int slot)
{
	up_resume(driver, slot);
}

static void on_deliver(void *driver, const char *line)
{
	pass_server_line(driver, line);
}

static void on_moved(void *driver)
{
	struct session *s = driver;
	struct up *up = s->up[s->mover.home];

	s->moves++;
	s->agent->moves++;
	s->since_ns = s->heard_ns = gw_mono_ns(s->agent->self);
	if (up != NULL)
		up->at = upstreams_heard(s->agent, up->host, up->port, up->tls ? up->pin : NULL);
	gw_log(s->agent->self, GW_INFO, "moved session=%lu nick=%s to=%s", (unsigned long)s->id,
	       s->track.nick, session_where(s));
	admin_moved(s, 0, "");
}

static void on_lost(void *driver, const char *reason)
{
	session_lost(driver, reason);
}

static void *on_resize(void *driver, void *p, size_t n)
{
	struct gw_self *self = ((struct session *)driver)->agent->self;

	if (n > 0)
		return gw_resize(self, p, n);
	gw_free(self, p);
	return NULL;
}

static const struct mover_actions actions = {
	.decide = on_decide,
	.dial = on_dial,
	.send = on_send,
	.close = on_close,
	.resume = on_resume,
	.deliver = on_deliver,
	.moved = on_moved,
	.lost = on_lost,
	.resize = on_resize,
};

/* --- in and out of the mover --- */

/* The table of actions is this image's: between calls the state must not know it. */
static struct mover *enter(struct session *s)
{
	s->mover.settings.actions = &actions;
	s->mover.now_ns = gw_mono_ns(s->agent->self);
	return &s->mover;
}

static void leave(struct session *s, enum mover_state before)
{
	s->mover.settings.actions = NULL;
	if (s->mover.state == before)
		return;
	local_watch(s);
	session_arm(s);
	if (s->local == NULL && !redirect_holds(s))
		session_leave(s);
}

void redirect_begin(struct session *s)
{
	const struct mover_settings settings = {.actions = &actions, .driver = s};

	redirect_end(s);
	mover_init(&s->mover, &settings, gw_mono_ns(s->agent->self));
	mover_connected(&s->mover, 0, s->up[0]->tls ? s->up[0]->pin : NULL, NULL);
	s->mover.settings.actions = NULL;
}

void redirect_end(struct session *s)
{
	s->mover.settings.actions = &actions;
	s->mover.settings.driver = s;
	mover_fini(&s->mover);
}

void redirect_ready(struct session *s, struct up *up)
{
	const struct gw_conn_info *info = gw_conn_info(s->agent->self, up->conn);
	enum mover_state before = s->mover.state;
	const uint8_t *binding = up->tls && info->has_binding ? info->binding : NULL;

	mover_connected(enter(s), up->slot, binding, up->tls ? info->certificate : NULL);
	leave(s, before);
}

void redirect_line(struct session *s, struct up *up, const char *line)
{
	enum mover_state before = s->mover.state;

	mover_line(enter(s), up->slot, line);
	leave(s, before);
}

void redirect_closed(struct session *s, int slot)
{
	enum mover_state before = s->mover.state;

	mover_closed(enter(s), slot);
	leave(s, before);
}

void redirect_tick(struct session *s)
{
	enum mover_state before = s->mover.state;

	mover_tick(enter(s), gw_mono_ns(s->agent->self));
	leave(s, before);
}

int session_send(struct session *s, const char *line)
{
	return session_send_bytes(s, line, strlen(line));
}

int session_send_bytes(struct session *s, const char *line, size_t len)
{
	const struct mover_actions *outer = s->mover.settings.actions;
	int status;

	if (s->up[s->mover.home] == NULL || s->mover.state == MOVER_LOST)
		return -ENOTCONN;
	if (!redirect_holds(s)) {
		up_write(s, s->mover.home, line, len);
		return 0;
	}
	s->mover.settings.actions = &actions;
	status = mover_say(&s->mover, line);
	s->mover.settings.actions = outer;
	return status;
}

void redirect_ask(struct session *s, const char *server)
{
	char line[128];

	snprintf(line, sizeof(line), "REDIRECT MOVE%s%s", server[0] != '\0' ? " " : "", server);
	session_send(s, line);
}
