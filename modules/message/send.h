/*
 * modules/message/send.h - the module's private side.
 */
#ifndef MESSAGE_SEND_H
#define MESSAGE_SEND_H

#include <godwit/bus.h>
#include <godwit/client.h>
#include <godwit/message.h>
#include <godwit/module.h>

/** The state, version 1: handles only. */
struct message_state {
	struct gw_self *self;
	struct gw_iface *client, *network;
	struct gw_topic *may_send, *service;
};

/* Of TARGMAX; more targets are 407. */
#define MESSAGE_TARGETS_MAX 4

void message_privmsg(void *state, struct gw_client *client, const struct gw_message *m);
void message_notice(void *state, struct gw_client *client, const struct gw_message *m);
void message_tagmsg(void *state, struct gw_client *client, const struct gw_message *m);

/** The renderer of GW_EV_MESSAGE, for channels and for one person. */
void message_render(void *state, struct gw_render *r, const struct gw_event *event);

/** The prefix character of one bit of enum gw_prefix, 0 if there is none. */
char message_prefix_char(struct message_state *message, uint8_t bit);

#endif
