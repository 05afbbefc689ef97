/*
 * modules/message/send.c - PRIVMSG, NOTICE and TAGMSG: from a line to an event.
 *
 * Each target is looked up, the bus is asked whether the sender may, and the network gets the
 * event. What was wrong is answered with a numeric, but never to a NOTICE (RFC 2812 section 3.3.2).
 */
#include "send.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One line being carried out. */
struct sending {
	struct message_state *message;
	struct gw_client *client;
	const struct gw_message *m;
	enum gw_verb verb;
	const char *text;
};

static bool quiet(const struct sending *s)
{
	return s->verb == GW_NOTICE;
}

static void no_such(const struct sending *s, int numeric, const char *target, const char *what)
{
	if (!quiet(s))
		GW_VIA(s->message->client, gw_client_ops, numeric, s->client, numeric,
		       "%s :No such %s", target, what);
}

static bool may_send(const struct sending *s, struct gw_message_query *query, const char *target)
{
	struct gw_error why = {.code = 0};

	query->client = s->client;
	query->verb = s->verb;
	query->text = s->text;
	if (gw_ask(s->message->self, s->message->may_send, query, &why) == 0)
		return true;
	if (why.code == 0)
		why.code = query->channel != NULL ? 404 : 531;
	if (!quiet(s))
		GW_VIA(s->message->client, gw_client_ops, numeric, s->client, why.code, "%s :%s",
		       target, why.text);
	return false;
}

static void submit(const struct sending *s, struct gw_message_spec *spec)
{
	spec->verb = s->verb;
	spec->text = s->text;
	spec->tags = s->m->client_tags;
	GW_VIA(s->message->network, gw_network_ops, message, s->client->session, spec,
	       s->client->command);
}

static void to_channel(const struct sending *s, const char *target, const char *name,
                       uint8_t status)
{
	struct gw_channel *channel = GW_VIA(s->message->network, gw_network_ops, channel, name);
	struct gw_message_query query = {.channel = channel, .status = status};
	struct gw_message_spec spec = {.channel = channel, .status = status};

	if (channel == NULL)
		no_such(s, 403, target, "channel");
	else if (may_send(s, &query, target))
		submit(s, &spec);
}

/* A name that nobody has may be that of a service: somebody may know what to type. */
static bool service_answers(const struct sending *s, const char *target)
{
	bool taken = false;
	struct gw_service_query query = {
		.client = s->client, .target = target, .text = s->text, .taken = &taken};

	if (s->verb == GW_PRIVMSG)
		gw_notify(s->message->self, s->message->service, &query);
	return taken;
}

static void to_user(const struct sending *s, const char *target)
{
	struct gw_user *user = GW_VIA(s->message->network, gw_network_ops, user, target);
	struct gw_message_query query = {.target = user};
	struct gw_message_spec spec = {.target = user != NULL ? user->session : NULL};

	if (user == NULL) {
		if (!service_answers(s, target))
			no_such(s, 401, target, "nick");
		return;
	}
	if (!may_send(s, &query, user->nick))
		return;
	if (user->away != NULL && s->verb == GW_PRIVMSG)
		GW_VIA(s->message->client, gw_client_ops, numeric, s->client, 301, "%s :%s",
		       user->nick, user->away);
	submit(s, &spec);
}

char message_prefix_char(struct message_state *message, uint8_t bit)
{
	static const char letters[] = "qaohv";

	for (const char *letter = letters; *letter != '\0'; letter++) {
		const struct gw_chanmode *mode =
			GW_VIA(message->network, gw_network_ops, chanmode, *letter);

		if (mode != NULL && mode->type == GW_MODE_PREFIX && mode->bit == bit)
			return mode->prefix;
	}
	return '\0';
}

/* "@#channel" and its kind: the lowest of the prefixes named counts. Moves *target behind them. */
static uint8_t take_status(struct message_state *message, const char **target)
{
	uint8_t status = 0;

	if (isalpha((unsigned char)**target)) /* no prefix is a letter: a nick */
		return 0;
	for (; **target != '\0' && **target != '#'; ++*target) {
		uint8_t found = 0;

		for (uint8_t bit = GW_VOICE; bit <= GW_OWNER; bit <<= 1)
			if (message_prefix_char(message, bit) == **target)
				found = bit;
		if (found == 0)
			return 0;
		if (status == 0 || found < status)
			status = found;
	}
	return status;
}

static void to_target(const struct sending *s, const char *target)
{
	const char *name = target;
	uint8_t status = take_status(s->message, &name);

	if (*name == '#')
		to_channel(s, target, name, status);
	else
		to_user(s, target);
}

static void to_targets(const struct sending *s, char *targets)
{
	int n = 0;
	char *rest = targets, *target;

	while ((target = strsep(&rest, ",")) != NULL) {
		if (*target == '\0')
			continue;
		if (n++ == MESSAGE_TARGETS_MAX) {
			if (!quiet(s))
				GW_VIA(s->message->client, gw_client_ops, numeric, s->client, 407,
				       "%s :Too many targets", target);
			return;
		}
		to_target(s, target);
	}
}

static void send_line(void *state, struct gw_client *client, const struct gw_message *m,
                      enum gw_verb verb)
{
	struct message_state *message = state;
	struct sending s = {.message = message,
	                    .client = client,
	                    .m = m,
	                    .verb = verb,
	                    .text = m->argc > 1 ? m->argv[1] : ""};

	if (m->argc < 1 || m->argv[0][0] == '\0') {
		if (!quiet(&s))
			GW_VIA(message->client, gw_client_ops, numeric, client, 411,
			       ":No recipient given (%s)", m->command);
		return;
	}
	if (verb != GW_TAGMSG && s.text[0] == '\0') {
		if (!quiet(&s))
			GW_VIA(message->client, gw_client_ops, numeric, client, 412,
			       ":No text to send");
		return;
	}
	to_targets(&s, m->argv[0]);
}

void message_privmsg(void *state, struct gw_client *client, const struct gw_message *m)
{
	send_line(state, client, m, GW_PRIVMSG);
}

void message_notice(void *state, struct gw_client *client, const struct gw_message *m)
{
	send_line(state, client, m, GW_NOTICE);
}

void message_tagmsg(void *state, struct gw_client *client, const struct gw_message *m)
{
	if (client->caps &
	    GW_VIA(((struct message_state *)state)->client, gw_client_ops, cap, "message-tags"))
		send_line(state, client, m, GW_TAGMSG);
	else
		GW_VIA(((struct message_state *)state)->client, gw_client_ops, numeric, client, 421,
		       "TAGMSG :Request the capability message-tags first");
}
