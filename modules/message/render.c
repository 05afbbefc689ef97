/*
 * modules/message/render.c - what a message looks like to those who get it.
 */
#include "send.h"

void message_render(void *state, struct gw_render *r, const struct gw_event *event)
{
	static const char *const verbs[] = {
		[GW_PRIVMSG] = "PRIVMSG", [GW_NOTICE] = "NOTICE", [GW_TAGMSG] = "TAGMSG"};
	struct message_state *message = state;
	const char *name =
		event->channel != NULL ? event->channel->name : event->target->user->nick;
	char prefix[2] = {event->status != 0 ? message_prefix_char(message, event->status) : '\0',
	                  '\0'};

	if (event->verb != GW_TAGMSG)
		gw_render_line(r, NULL, "%s %s%s :%s", verbs[event->verb], prefix, name,
		               event->text);
	else if (r->caps & GW_VIA(message->client, gw_client_ops, cap, "message-tags"))
		gw_render_line(r, NULL, "TAGMSG %s%s", prefix, name);
}
