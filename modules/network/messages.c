/*
 * messages.c - events that change nothing here: messages, invitations, orders, and those of other
 * modules.
 *
 * They are shown to whom they are for, as far as that one is still there.
 */
#include "network.h"
#include <errno.h>

int apply_message(struct applying *a)
{
	struct reader *r = &a->body;
	bool to_channel = (a->header.flags & HEADER_CHANNEL) != 0;

	a->event.verb = get_u8(r);
	a->event.status = get_u8(r);
	a->event.text = get_string(r, TEXT_MAX);
	a->event.tags = get_optional(r, TEXT_MAX);
	if (!reader_done(r) || a->event.verb > GW_TAGMSG ||
	    to_channel == ((a->header.flags & HEADER_TARGET) != 0))
		return -EBADMSG;
	if (a->event.channel != NULL || a->event.target != NULL)
		publish_as(a, GW_EV_MESSAGE);
	return 0;
}

int apply_invite(struct applying *a)
{
	if (!reader_done(&a->body))
		return -EBADMSG;
	if (a->event.channel != NULL && a->event.target != NULL)
		publish_as(a, GW_EV_INVITE);
	return 0;
}

int apply_kill(struct applying *a)
{
	a->event.text = get_string(&a->body, GW_REASON_MAX);
	if (!reader_done(&a->body))
		return -EBADMSG;
	if (a->event.target != NULL)
		publish_as(a, GW_EV_KILL);
	return 0;
}

int apply_wallops(struct applying *a)
{
	a->event.text = get_string(&a->body, TEXT_MAX);
	if (!reader_done(&a->body))
		return -EBADMSG;
	publish_as(a, GW_EV_WALLOPS);
	return 0;
}

int apply_custom(struct applying *a)
{
	const struct kind_copy *kind = kind_by_number(a->net, a->header.kind);
	struct gw_visit visit;
	gw_kind_apply_fn *fn;
	int status = 0;

	if (a->body.end - a->body.p > CUSTOM_MAX)
		return -EBADMSG;
	a->event.name = kind->name;
	a->event.body = a->body.p;
	a->event.body_len = (size_t)(a->body.end - a->body.p);
	fn = (gw_kind_apply_fn *)gw_visit(a->net->self, &visit,
	                                  gw_call(kind->module, kind->apply, 0));
	if (fn != NULL)
		status = fn(kind->module->state, &a->event);
	gw_visit_end(a->net->self, &visit);
	if (status == 0)
		publish(a->net, &a->event);
	return 0;
}
