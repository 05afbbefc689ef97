/*
 * modules/client/adopt.c - what moves along of a client, and the client of a session that has come
 * from another server.
 *
 * The adopted client is Connected at once, but in command only when its tap ends: then it is told
 * what is offered here otherwise than there, and looked at as this server would look at anybody who
 * enters. It is not welcomed: for its user nothing has happened.
 */
#include "client.h"
#include <errno.h>

void carry_fill(struct client_state *st, const struct client *c, struct gw_client_carry *out)
{
	int64_t now = gw_mono_ns(st->self);

	memset(out, 0, sizeof(*out));
	caps_names(st, c->pub.caps, out->caps, sizeof(out->caps));
	caps_names(st, caps_visible(st, caps_told(st, c)), out->offered, sizeof(out->offered));
	out->tokens = news_awaits(st, c) ? 0 : tokens_digest(st); /* 0: not what is in force */
	out->command = c->pub.command;
	out->idle_ms = (now - c->pub.last_active_ns) / GW_MS;
	out->owed_ms = c->owed_ns > now ? (c->owed_ns - now) / GW_MS : 0;
	out->cap_302 = c->cap_302;
	out->secure = c->pub.info->tls;
}

/* Those of a list that are offered here. */
static uint64_t known(const struct client_state *st, const char *names)
{
	uint64_t bits = 0;

	while (*(names += strspn(names, " ")) != '\0') {
		size_t n = strcspn(names, " ");

		bits |= caps_offered(st, names, n);
		names += n;
	}
	return bits;
}

static int64_t bounded(int64_t ms)
{
	const int64_t most = 10LL * 365 * 86400 * 1000;

	return ms < 0 ? 0 : ms > most ? most : ms;
}

static void take(struct client_state *st, struct client *c, const struct gw_client_carry *carry)
{
	int64_t now = gw_mono_ns(st->self), owed = bounded(carry->owed_ms) * GW_MS;

	/* The limits there may be others. */
	if (owed > st->settings.burst_ns)
		owed = st->settings.burst_ns;
	c->owed_ns = now + owed;
	c->pub.last_active_ns = now - bounded(carry->idle_ms) * GW_MS;
	c->pub.command = carry->command;
	c->pub.authenticated = true;
	c->pub.cap_negotiating = false;
	c->cap_302 = carry->cap_302;
	c->claims = c->pub.account != NULL;
	move_of(st, c)->offered = gw_strndup(st->self, carry->offered,
	                                     strnlen(carry->offered, sizeof(carry->offered)));
	c->move->tokens = carry->tokens;
	c->adopted = true;
}

/* The shadow, if there is still one, has nothing to do with the session any more. */
static int make_room(struct client_state *st, const struct gw_session *session)
{
	struct client *bound = clients_bound(st, session);

	if (bound != NULL && !bound->pub.shadow)
		return -EPERM;
	if (bound != NULL)
		client_detach(st, bound);
	return 0;
}

int adopt(struct client_state *st, struct client *c, struct gw_session *session,
          const struct gw_client_carry *carry)
{
	enum gw_client_state to;

	if (c->closing || c->pub.shadow || c->pub.session != NULL || !session->local ||
	    !states_allow(c, GW_AUTHENTICATED, &to) || (carry->secure && !c->pub.info->tls) ||
	    make_room(st, session) != 0)
		return -EPERM;
	clients_change(st, c, GW_AUTHENTICATED);
	st->counts.adopted++;
	c->pub.session = session;
	clients_bind(st, c);
	client_lend(c);
	entry_free(st, c);
	take(st, c, carry);
	caps_set(st, c, known(st, carry->caps));
	connection_limits(st, c);
	c->heard_ns = gw_mono_ns(st->self);
	timeouts_begin(st, c);
	if (!c->tapped)
		adopt_tell(st, c);
	return 0;
}

void adopt_tell(struct client_state *st, struct client *c)
{
	char *offered = c->move->offered;

	c->adopted = false;
	c->move->offered = NULL;
	caps_moved(st, c, offered);
	if (c->move->tokens != tokens_digest(st))
		isupport_send(st, c);
	gw_free(st->self, offered);
	divert_review(st, c, true);
}
