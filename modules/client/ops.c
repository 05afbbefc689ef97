/*
 * modules/client/ops.c - the table behind the interface "client": what other modules call.
 */
#include "client.h"
#include <stdlib.h>

static void op_numeric(void *state, struct gw_client *client, int numeric, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	reply_vnumeric(state, client_of(client), numeric, format, args);
	va_end(args);
}

static void op_line(void *state, struct gw_client *client, const char *source, const char *format,
                    ...)
{
	va_list args;

	va_start(args, format);
	reply_vline(state, client_of(client), source, format, args);
	va_end(args);
}

static void op_notice(void *state, struct gw_client *client, const char *format, ...)
{
	char text[TEXT_MAX + 1];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	reply_line(state, client_of(client), NULL, "NOTICE %s :%s", client->nick, text);
}

static void op_standard(void *state, struct gw_client *client, const char *type,
                        const char *command, const char *code, const char *context,
                        const char *format, ...)
{
	va_list args;

	va_start(args, format);
	reply_vstandard(state, client_of(client), type, command, code, context, format, args);
	va_end(args);
}

static void op_hold(void *state, struct gw_client *client, struct gw_self *who)
{
	client_hold(state, client_of(client), who);
}

static void op_release(void *state, struct gw_client *client, struct gw_self *who)
{
	client_release(state, client_of(client), who);
}

static void op_wait_room(void *state, struct gw_client *client, struct gw_call call)
{
	client_wait_room(state, client_of(client), call);
}

static struct gw_client *pub_of(struct client *c)
{
	return c != NULL ? &c->pub : NULL;
}

/* One that is on its way out has no session any more: for others it has gone. */
static struct gw_client *op_by_id(void *state, uint64_t id)
{
	struct client *c = clients_by_id(state, id);

	return c != NULL && !c->closing ? &c->pub : NULL;
}

static struct gw_client *op_of_session(void *state, const struct gw_session *session)
{
	return pub_of(clients_of(state, session));
}

static struct gw_client *op_next(void *state, const struct gw_client *after)
{
	struct client_state *st = state;
	struct client *c = after == NULL ? st->clients : ((const struct client *)after)->next;

	while (c != NULL && c->closing)
		c = c->next;
	return pub_of(c);
}

static int op_change(void *state, struct gw_client *client, enum gw_client_change change)
{
	return enter_change(state, client_of(client), change);
}

static int op_authenticated(void *state, struct gw_client *client, struct gw_id account,
                            const char *name, const char *host)
{
	return enter_authenticated(state, client_of(client), account, name, host);
}

static void op_close(void *state, struct gw_client *client, const char *format, ...)
{
	char reason[GW_REASON_MAX + 1];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	client_close(state, client_of(client), reason);
}

static uint64_t op_cap(void *state, const char *name)
{
	struct client_state *st = state;

	return caps_bit(st, name) & st->offered;
}

static void op_changed(void *state)
{
	announce_later(state, true);
}

static void op_words(void *state, struct gw_client *client, int numeric, const char *head,
                     const char *word, char separator)
{
	reply_words(state, client_of(client), numeric, head, word, separator);
}

static void op_unasked(void *state, struct gw_client *client, const char *source,
                       const char *format, ...)
{
	struct client *c = client_of(client);
	struct label *label = label_pause(c);
	va_list args;

	va_start(args, format);
	reply_vline(state, c, source, format, args);
	va_end(args);
	label_resume(c, label);
}

static int op_tap(void *state, struct gw_client *client, const struct gw_tap *tap)
{
	return tap_begin(state, client_of(client), tap);
}

static void op_tap_resume(void *state, struct gw_client *client)
{
	tap_resume(state, client_of(client));
}

static void op_untap(void *state, struct gw_client *client, const struct gw_line *lines, size_t n)
{
	tap_end(state, client_of(client), lines, n);
}

static void op_when_settled(void *state, struct gw_client *client, size_t below,
                            struct gw_call call)
{
	settled_ask(state, client_of(client), below, call);
}

static bool op_settled(void *state, const struct gw_client *client, size_t below)
{
	return settled(state, (const struct client *)client, below);
}

static void op_divert(void *state, struct gw_client *client, struct gw_sink *sink)
{
	divert(state, client_of(client), sink);
}

static void op_carry(void *state, const struct gw_client *client, struct gw_client_carry *out)
{
	carry_fill(state, (const struct client *)client, out);
}

static struct gw_client *op_shadow(void *state, struct gw_session *session, struct gw_sink *sink,
                                   const char *caps, struct gw_error *why)
{
	return pub_of(shadow_new(state, session, sink, caps, why));
}

static int op_shadow_caps(void *state, struct gw_client *client, const char *caps,
                          struct gw_error *why)
{
	return shadow_caps(state, client_of(client), caps, why);
}

static void op_shadow_free(void *state, struct gw_client **client)
{
	struct client *c = client_of(*client);

	*client = NULL;
	shadow_free(state, &c);
}

static int op_adopt(void *state, struct gw_client *newcomer, struct gw_session *session,
                    const struct gw_client_carry *carry)
{
	return adopt(state, client_of(newcomer), session, carry);
}

static uint32_t op_room(void *state)
{
	const struct client_state *st = state;

	if (st->stop_reason != NULL || st->n_clients >= st->settings.max_clients)
		return 0;
	return st->settings.max_clients - st->n_clients;
}

/* No nick begins with a digit. */
static struct gw_client *op_named(void *state, const char *word)
{
	struct client_state *st = state;
	struct gw_client *client = NULL;
	const struct gw_user *user;
	char *end;

	if (word[0] >= '0' && word[0] <= '9') {
		uint64_t id = strtoull(word, &end, 10);

		client = *end == '\0' ? op_by_id(st, id) : NULL;
	} else if ((user = NETWORK(st, user, word)) != NULL) {
		client = op_of_session(st, user->session);
	}
	return client != NULL && !client->shadow ? client : NULL;
}

const struct gw_client_ops client_ops = {
	.numeric = op_numeric,
	.line = op_line,
	.notice = op_notice,
	.standard = op_standard,
	.hold = op_hold,
	.release = op_release,
	.wait_room = op_wait_room,
	.by_id = op_by_id,
	.of_session = op_of_session,
	.next = op_next,
	.change = op_change,
	.authenticated = op_authenticated,
	.close = op_close,
	.cap = op_cap,
	.changed = op_changed,
	.words = op_words,
	.unasked = op_unasked,
	.tap = op_tap,
	.tap_resume = op_tap_resume,
	.untap = op_untap,
	.when_settled = op_when_settled,
	.settled = op_settled,
	.divert = op_divert,
	.carry = op_carry,
	.shadow = op_shadow,
	.shadow_caps = op_shadow_caps,
	.shadow_free = op_shadow_free,
	.adopt = op_adopt,
	.room = op_room,
	.named = op_named,
};
