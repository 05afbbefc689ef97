/*
 * godwit/message.h - topics of the module "message": may this be said, and who answers for a
 * service's name.
 */
#ifndef GODWIT_MESSAGE_H
#define GODWIT_MESSAGE_H

#include <godwit/client.h>
#include <stdbool.h>

/**
 * Question "message.may-send", before a message becomes an event. Refuse with a sentence and the
 * numeric in `why->code` (404, 477...; 0: the message module chooses 404 or 531). Exactly one of
 * channel and target is set.
 */
struct gw_message_query {
	struct gw_client *client;
	struct gw_channel *channel;
	struct gw_user *target;
	enum gw_verb verb;
	uint8_t status;   /* lowest prefix that would get it, 0: all */
	const char *text; /* "" for TAGMSG */
};
#define GW_TOPIC_MAY_SEND "message.may-send"

/**
 * Notification "message.service": a PRIVMSG to a nick that nobody has. Whoever answers for that
 * name (NickServ...) says with client.notice() what to type and sets *taken; otherwise the sender
 * gets 401.
 */
struct gw_service_query {
	struct gw_client *client;
	const char *target;
	const char *text;
	bool *taken;
};
#define GW_TOPIC_SERVICE "message.service"

#endif
