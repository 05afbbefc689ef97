/*
 * core/bus.c - calls the subscribers of a topic; who they are is registry.c's business.
 *
 * Modules come and go at the end of a turn, never under a frame of module code, so the list stands
 * still while it is walked.
 */
#include "core/bus.h"
#include "core/call.h"
#include "core/registry.h"

static struct gw_topic *api_topic(struct gw_self *self, const char *name)
{
	return topic_get(self_server(self), name);
}

void bus_notify(struct gw_topic *topic, const void *payload)
{
	for (size_t i = 0; i < topic->n_subscribers; i++) {
		const struct subscriber *s = &topic->subscribers[i];
		struct gw_call call = gw_call(&s->module->self, s->row, 0);
		struct frame frame;
		gw_heard_fn *fn = (gw_heard_fn *)call_enter(&frame, call);

		if (fn != NULL)
			fn(call.module->state, call.tag, payload);
		call_leave(&frame);
	}
}

int bus_ask(struct gw_topic *topic, void *payload, struct gw_error *why)
{
	int status = 0;

	for (size_t i = 0; i < topic->n_subscribers && status == 0; i++) {
		const struct subscriber *s = &topic->subscribers[i];
		struct gw_call call = gw_call(&s->module->self, s->row, 0);
		struct frame frame;
		gw_asked_fn *fn = (gw_asked_fn *)call_enter(&frame, call);

		if (fn != NULL)
			status = fn(call.module->state, call.tag, payload, why);
		call_leave(&frame);
	}
	return status;
}

const struct gw_bus_api bus_api = {
	.topic = api_topic,
	.notify = bus_notify,
	.ask = bus_ask,
};
