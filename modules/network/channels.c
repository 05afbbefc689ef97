/*
 * channels.c - what is said of a channel as a whole: CHANNEL, UNREGISTER, MODE, TOPIC.
 *
 * Every one of them names the life that it means (lives.c), which comes into being by it if it is
 * not known yet. Records are read to their end before anything is changed.
 */
#include "network.h"
#include <errno.h>
#include <utlist.h>

#define REGISTRATIONS_MAX 64
#define SETTER_MAX (GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 2)

/* Whether the rest of the body is `n` items that hold. The reader stays where it is. */
static bool items_valid(struct applying *a, uint64_t n)
{
	struct reader start = a->body;
	struct item item;
	bool valid = true;

	for (uint64_t i = 0; i < n && valid; i++)
		valid = item_get(a, &item);
	valid = valid && reader_done(&a->body);
	a->body = start;
	return valid;
}

/* List entries without a setter of their own have the record's. */
static void items_apply(struct applying *a, struct chan *chan, struct life *life, uint64_t n,
                        const char *setter)
{
	struct item item;

	for (uint64_t i = 0; i < n; i++) {
		item_get(a, &item);
		if (item.setter == NULL) {
			item.setter = setter;
			item.set_ms = (int64_t)(item.stamp.clock >> 16);
		}
		item_apply(a, chan, life, &item);
	}
}

static char *replaced(struct network *net, char *old, const char *text)
{
	if (old != NULL)
		gw_free(net->self, old);
	return text == NULL || text[0] == '\0' ? NULL : gw_strdup(net->self, text);
}

/* Returns whether it won. */
static bool topic_apply(struct network *net, struct life *life, const struct topic *topic)
{
	if (!stamp_wins(topic->stamp, life->topic_stamp))
		return false;
	net->edits += gw_stamp_cmp(topic->stamp, life->topic_stamp) != 0;
	life->topic = replaced(net, life->topic, topic->text);
	life->topic_setter = replaced(net, life->topic_setter, topic->setter);
	life->topic_ms = topic->ms;
	life->topic_stamp = topic->stamp;
	return true;
}

static bool topic_read(struct applying *a, struct topic *topic)
{
	*topic = (struct topic){.stamp = a->stamp};
	topic->text = get_string(&a->body, GW_TOPIC_MAX);
	topic->setter = get_string(&a->body, SETTER_MAX);
	topic->ms = (int64_t)get_u64(&a->body);
	topic->stamp = get_stamp(&a->body);
	return !a->body.bad && timely(a, topic->stamp.clock) && !stamp_none(topic->stamp);
}

static struct registration *registration_get(struct network *net, struct life *life,
                                             struct gw_id id)
{
	struct registration *registration;
	unsigned n = 0;

	LL_FOREACH (life->registrations, registration) {
		if (gw_id_is(registration->id, id))
			return registration;
		n++;
	}
	if (n >= REGISTRATIONS_MAX)
		return NULL;
	registration = (struct registration *)gw_alloc(net->self, sizeof(*registration));
	registration->id = id;
	net->edits++;
	LL_PREPEND(life->registrations, registration);
	return registration;
}

static void registration_end(struct network *net, struct registration *registration)
{
	net->edits += !registration->dead;
	registration->dead = true;
}

/** The body of a CHANNEL record, up to its items. */
struct making {
	uint64_t n_registrations, n_items;
	struct reader registrations; /* where they begin */
	bool has_topic;
	struct topic topic;
};

static bool making_read(struct applying *a, struct making *in)
{
	struct reader *r = &a->body;

	*in = (struct making){.n_registrations = get_varint(r)};
	in->registrations = *r;
	if (in->n_registrations > REGISTRATIONS_MAX)
		return false;
	for (uint64_t i = 0; i < in->n_registrations; i++) {
		get_stamp(r);
		if (!timely(a, get_stamp(r).clock) || get_u8(r) > 1)
			return false;
	}
	in->has_topic = get_u8(r) == 1;
	if (in->has_topic && !topic_read(a, &in->topic))
		return false;
	in->n_items = get_varint(r);
	return !r->bad && items_valid(a, in->n_items);
}

static void making_register(struct network *net, struct life *life, struct making *in)
{
	for (uint64_t i = 0; i < in->n_registrations; i++) {
		struct gw_stamp id = get_stamp(&in->registrations);
		struct gw_stamp claim = get_stamp(&in->registrations);
		bool dead = get_u8(&in->registrations) != 0;
		struct registration *registration =
			registration_get(net, life, (struct gw_id){id.clock, id.origin});

		if (registration == NULL)
			continue;
		if (dead)
			registration_end(net, registration);
		if (gw_stamp_cmp(claim, registration->claim) > 0) {
			registration->claim = claim;
			net->edits++;
		}
	}
}

static void topic_publish(struct applying *a, struct chan *chan, struct gw_session *by)
{
	struct gw_event event = a->event;

	event.kind = GW_EV_TOPIC;
	event.source = by;
	event.channel = &chan->pub;
	event.text = chan->pub.topic == NULL ? "" : chan->pub.topic;
	publish(a->net, &event);
}

int apply_channel(struct applying *a)
{
	struct network *net = a->net;
	struct gw_stamp created = stamp_none(a->header.life) ? a->stamp : a->header.life;
	bool burst = (a->header.flags & HEADER_BURST) != 0, topic;
	struct making in;
	struct chan *chan;
	struct life *life;

	if (!making_read(a, &in))
		return -EBADMSG;
	life = life_get(net, a->header.channel, created, &chan);
	if (!burst && !life_alive(life)) {
		life->fresh = true;
		life->since_ms = gw_mono_ns(net->self) / GW_MS;
		if (a->via == 0 && in.n_registrations == 0)
			gw_timer_set(net->tidy, net->self, GW_SECOND);
	}
	making_register(net, life, &in);
	chan_settle(a, chan);
	topic = in.has_topic && topic_apply(net, life, &in.topic);
	items_apply(a, chan, life, in.n_items, "");
	chan_mirror(chan);
	if (chan->current == life) {
		a->event.channel = &chan->pub;
		publish_as(a, GW_EV_CHANNEL);
		if (topic && chan->pub.n_members > 0)
			topic_publish(a, chan, NULL);
	}
	if (chan->pub.n_members == 0)
		a->n_changes = 0;
	changes_flush(a, chan, NULL);
	chan_release(net, chan);
	return 0;
}

int apply_unregister(struct applying *a)
{
	struct gw_stamp id = get_stamp(&a->body);
	struct registration *registration;
	bool shown;
	struct chan *chan;
	struct life *life;

	if (!reader_done(&a->body) || stamp_none(a->header.life))
		return -EBADMSG;
	life = life_get(a->net, a->header.channel, a->header.life, &chan);
	registration = registration_get(a->net, life, (struct gw_id){id.clock, id.origin});
	shown = chan->current == life && registration != NULL &&
	        registration == life_registered(life);
	if (registration != NULL)
		registration_end(a->net, registration);
	if (shown) {
		chan_mirror(chan);
		a->event.channel = &chan->pub;
		publish_as(a, GW_EV_UNREGISTER);
	}
	chan_settle(a, chan);
	chan_release(a->net, chan);
	return 0;
}

int apply_mode(struct applying *a)
{
	const char *setter = get_string(&a->body, SETTER_MAX);
	uint64_t n = get_varint(&a->body);
	struct chan *chan;
	struct life *life;

	if (a->body.bad || !items_valid(a, n) || stamp_none(a->header.life))
		return -EBADMSG;
	life = life_get(a->net, a->header.channel, a->header.life, &chan);
	items_apply(a, chan, life, n, setter);
	chan_mirror(chan);
	changes_flush(a, chan, a->event.source);
	chan_release(a->net, chan);
	return 0;
}

int apply_topic(struct applying *a)
{
	const char *text = get_string(&a->body, GW_TOPIC_MAX);
	const char *setter = get_string(&a->body, SETTER_MAX);
	struct topic topic = {text, setter, (int64_t)(a->stamp.clock >> 16), a->stamp};
	struct chan *chan;
	struct life *life;

	if (!reader_done(&a->body) || stamp_none(a->header.life))
		return -EBADMSG;
	life = life_get(a->net, a->header.channel, a->header.life, &chan);
	if (topic_apply(a->net, life, &topic) && chan->current == life) {
		chan_mirror(chan);
		topic_publish(a, chan, a->event.source);
	}
	chan_release(a->net, chan);
	return 0;
}
