/*
 * redirect/hold.c - a queue of what is for a session, with the events that have caused it.
 *
 * The recipient holds from the moment it is the session's shadow; what of it the source has
 * delivered before it stopped is told by the vector of that moment, and dropped. The source holds
 * from that moment on, for the case that the session stays.
 */
#include "hold.h"
#include <godwit/mem.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_BYTES 16

static int by_run(const void *a, const void *b)
{
	uint64_t left = ((const struct vector_entry *)a)->run;
	uint64_t right = ((const struct vector_entry *)b)->run;

	return left < right ? -1 : left > right;
}

void vector_sort(struct vector *v)
{
	if (v->n > 1)
		qsort(v->entries, v->n, sizeof(*v->entries), by_run);
}

bool vector_covers(const struct vector *v, uint64_t run, uint64_t seq)
{
	struct vector_entry key = {.run = run};
	const struct vector_entry *found;

	if (v->n == 0)
		return false;
	found = bsearch(&key, v->entries, v->n, sizeof(*v->entries), by_run);
	return found != NULL && seq <= found->seq;
}

static void put_u64(uint8_t *out, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | p[i];
	return value;
}

size_t vector_write(const struct vector *v, uint8_t *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n && max - n >= ENTRY_BYTES; i++, n += ENTRY_BYTES) {
		put_u64(out + n, v->entries[i].run);
		put_u64(out + n + 8, v->entries[i].seq);
	}
	return n;
}

bool vector_read(struct gw_self *self, const void *bytes, size_t n, struct vector *out)
{
	const uint8_t *at = bytes;

	if (n % ENTRY_BYTES != 0)
		return false;
	out->n = n / ENTRY_BYTES;
	out->entries = gw_alloc(self, (out->n + 1) * sizeof(*out->entries));
	for (size_t i = 0; i < out->n; i++, at += ENTRY_BYTES)
		out->entries[i] = (struct vector_entry){get_u64(at), get_u64(at + 8)};
	vector_sort(out);
	return true;
}

static uint32_t channel_index(struct gw_self *self, struct hold *hold, const char *name)
{
	for (uint32_t i = 0; i < hold->n_channels; i++)
		if (strcmp(hold->channels[i], name) == 0)
			return i + 1;
	hold->channels =
		gw_resize(self, hold->channels, (hold->n_channels + 1) * sizeof(*hold->channels));
	hold->channels[hold->n_channels] = gw_strdup(self, name);
	hold->bytes += sizeof(*hold->channels) + strlen(name) + 1;
	return ++hold->n_channels;
}

void hold_add(struct gw_self *self, struct hold *hold, enum held_what what,
              const struct gw_event *event, struct gw_buf *buf)
{
	struct held *item;

	if (hold->n == hold->room) {
		hold->room = 2 * hold->room + 16;
		hold->items = gw_resize(self, hold->items, hold->room * sizeof(*hold->items));
	}
	item = &hold->items[hold->n++];
	*item = (struct held){.what = what};
	if (event != NULL) {
		item->origin = event->origin;
		item->seq = event->seq;
		if (event->channel != NULL)
			item->channel = channel_index(self, hold, event->channel->name);
	}
	hold->bytes += sizeof(*item);
	if (buf != NULL) {
		item->buf = gw_buf_ref(self, buf);
		hold->bytes += buf->len;
	}
}

static void drop(struct gw_self *self, struct held *item)
{
	item->dropped = 1;
	if (item->buf != NULL)
		gw_buf_unref(self, &item->buf);
}

/* From the end: what a covered leave has passed is known before what stands in front of it. */
void hold_filter(struct gw_self *self, struct hold *hold, const struct vector *v)
{
	bool *left = gw_alloc(self, hold->n_channels + 1);

	for (size_t i = hold->n; i-- > 0;) {
		struct held *item = &hold->items[i];
		bool covered = item->seq != 0 && vector_covers(v, item->origin, item->seq);

		if (item->what == HELD_LEFT && covered)
			left[item->channel] = true;
		if (covered || (item->channel != 0 && left[item->channel]))
			drop(self, item);
	}
	gw_free(self, left);
}

void hold_release(struct gw_self *self, struct hold *hold, struct gw_sink *to)
{
	for (size_t i = 0; i < hold->n; i++) {
		const struct held *item = &hold->items[i];

		if (item->what == HELD_OUTPUT && !item->dropped)
			gw_sink_write_buf(self, to, item->buf);
	}
	hold_free(self, hold);
}

void hold_free(struct gw_self *self, struct hold *hold)
{
	for (size_t i = 0; i < hold->n; i++)
		if (hold->items[i].buf != NULL)
			gw_buf_unref(self, &hold->items[i].buf);
	for (uint32_t i = 0; i < hold->n_channels; i++)
		gw_free(self, hold->channels[i]);
	gw_free(self, hold->channels);
	gw_free(self, hold->items);
	*hold = (struct hold){0};
}
