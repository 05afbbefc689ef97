/*
 * godwit/bus.h - typed topics between modules that do not know each other.
 *
 * A topic has a name ("network.event"), a kind and one payload struct, declared in the header of
 * the module that owns it, which lists it in its descriptor's `.topics`. Subscriptions are rows of
 * the descriptor. Subscribers run in order of priority (lower first), then of loading.
 */
#ifndef GODWIT_BUS_H
#define GODWIT_BUS_H

#include <godwit/error.h>
#include <godwit/self.h>

struct gw_topic; /* the core's; stays at its address while the server runs */

/** What a topic is, for good. */
enum gw_topic_kind {
	GW_NOTIFICATION, /* everyone hears it */
	GW_QUESTION      /* the first refusal ends it */
};

/** A row of `.topics`; the table ends with a row whose name is NULL. */
struct gw_topic_row {
	const char *name;
	enum gw_topic_kind kind;
};

/** A row of `.subscriptions`; ends with a NULL topic. A topic that nobody owns is simply never
 * heard. */
struct gw_subscription {
	const char *topic;
	int priority;  /* lower is earlier; 0 unless there is a reason */
	uint32_t call; /* row of `.calls`: gw_heard_fn, or gw_asked_fn for a question */
};

/** Hears a notification. `tag` is 0; the payload, which the topic's header declares, is borrowed
 * for the call. */
typedef void gw_heard_fn(void *state, uint64_t tag, const void *payload);
/** Passes with 0; refuses with a negative errno and a sentence (and a code, where the topic says
 * so). */
typedef int gw_asked_fn(void *state, uint64_t tag, void *payload, struct gw_error *why);

/** The table behind the functions below; call those. */
struct gw_bus_api {
	struct gw_topic *(*topic)(struct gw_self *, const char *name);
	void (*notify)(struct gw_topic *, const void *payload);
	int (*ask)(struct gw_topic *, void *payload, struct gw_error *why);
};

/** The handle of a topic, to be kept in the state. */
static inline struct gw_topic *gw_topic(struct gw_self *self, const char *name)
{
	return self->core->bus->topic(self, name);
}

/** Calls every subscriber, now. `payload` is borrowed for the call. */
static inline void gw_notify(struct gw_self *self, struct gw_topic *topic, const void *payload)
{
	self->core->bus->notify(topic, payload);
}

/** Asks the subscribers in turn; 0 when all pass, else the first one's status, with `why` filled.
 */
static inline int gw_ask(struct gw_self *self, struct gw_topic *topic, void *payload,
                         struct gw_error *why)
{
	return self->core->bus->ask(topic, payload, why);
}

#endif
