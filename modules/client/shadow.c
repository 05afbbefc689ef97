/*
 * modules/client/shadow.c - clients without a connection, for sessions that another server may hand
 * over to this one.
 *
 * Events are rendered for a shadow as for anybody, by the capabilities that the client has over
 * there, and go to the sink of whoever keeps it. It is written to, and found by its session;
 * nothing is done in its name.
 */
#include "client.h"
#include <errno.h>

/* Bits of the words of a list, all of which must be offered here. */
static int bits_of(struct client_state *st, const char *names, uint64_t *out, struct gw_error *why)
{
	*out = 0;
	while (*(names += strspn(names, " ")) != '\0') {
		size_t n = strcspn(names, " ");
		uint64_t bit = caps_offered(st, names, n);

		if (bit == 0)
			return gw_fail(why, -EINVAL, "the capability %.*s is not offered here",
			               (int)utf8_trim(names, n < 64 ? n : 64), names);
		*out |= bit;
		names += n;
	}
	return 0;
}

/* A connection about which nothing is known. */
static const struct gw_conn_info *blank(struct client_state *st)
{
	char *nothing;

	if (st->blank == NULL) {
		st->blank = gw_alloc(st->self, sizeof(*st->blank) + 1);
		nothing = (char *)(st->blank + 1);
		st->blank->address = st->blank->listener = nothing;
	}
	return st->blank;
}

struct client *shadow_new(struct client_state *st, struct gw_session *session, struct gw_sink *sink,
                          const char *caps, struct gw_error *why)
{
	struct client *c;
	uint64_t bits;

	if (clients_bound(st, session) != NULL) {
		gw_fail(why, -EEXIST, "the session has a client here already");
		return NULL;
	}
	if (bits_of(st, caps, &bits, why) != 0)
		return NULL;
	c = gw_alloc(st->self, sizeof(*c));
	c->pub.info = blank(st);
	c->pub.state = GW_CONNECTED;
	c->pub.shadow = c->pub.authenticated = true;
	c->pub.caps = bits;
	c->pub.session = session;
	c->pub.last_active_ns = gw_mono_ns(st->self);
	c->sink = sink;
	clients_add_shadow(st, c);
	clients_bind(st, c);
	client_lend(c);
	NETWORK(st, attach, session, sink, bits);
	return c;
}

int shadow_caps(struct client_state *st, struct client *c, const char *caps, struct gw_error *why)
{
	uint64_t bits;
	int status = bits_of(st, caps, &bits, why);

	if (status == 0)
		caps_set(st, c, bits);
	return status;
}

/* Of a session that its client has adopted the sink is that client's. */
void shadow_free(struct client_state *st, struct client **client)
{
	struct client *c = *client;
	struct gw_session *session = c->pub.session;

	*client = NULL;
	if (session != NULL && !session->local) {
		due_forget(st, session->id);
		NETWORK(st, attach, session, NULL, 0);
	}
	client_detach(st, c);
	clients_remove_shadow(st, c);
	client_free(st, &c);
}
