/*
 * hold.h - what is held for a session while nobody may deliver it, and the vector that says what
 * has been delivered elsewhere.
 */
#ifndef REDIRECT_HOLD_H
#define REDIRECT_HOLD_H

#include <godwit/conn.h>
#include <godwit/network.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Last sequence seen of each origin; sorted by run. */
struct vector_entry {
	uint64_t run, seq;
};
struct vector {
	struct vector_entry *entries;
	size_t n;
};
bool vector_covers(const struct vector *v, uint64_t run, uint64_t seq);
/** As bytes, and back; the entries are gw_free()d by the caller. */
size_t vector_write(const struct vector *v, uint8_t *out, size_t max);
bool vector_read(struct gw_self *self, const void *bytes, size_t n, struct vector *out);
void vector_sort(struct vector *v);

enum held_what {
	HELD_OUTPUT, /* lines for the client */
	HELD_LEFT    /* it has left the channel: what stands before is not for it */
};

struct held {
	uint64_t origin, seq; /* of the event; 0, 0: of none */
	struct gw_buf *buf;   /* NULL: none */
	uint32_t channel;     /* index in `channels`, from 1; 0: none */
	uint8_t what;
	uint8_t dropped;     /* by the filter */
	uint8_t reserved[2]; /* 0 */
};

struct hold {
	struct held *items;
	size_t n, room;
	size_t bytes;    /* of output, the items themselves and the channels' names */
	char **channels; /* names, as they are in the network's state */
	uint32_t n_channels, reserved;
};

/** `event` NULL: what no event has caused. Takes a reference of `buf`. */
void hold_add(struct gw_self *self, struct hold *hold, enum held_what what,
              const struct gw_event *event, struct gw_buf *buf);
/** What the vector covers was delivered elsewhere, and goes; so does all that stands before a leave
 * of its channel that was. */
void hold_filter(struct gw_self *self, struct hold *hold, const struct vector *v);
/** Writes all output in order; the hold is empty then. */
void hold_release(struct gw_self *self, struct hold *hold, struct gw_sink *to);
void hold_free(struct gw_self *self, struct hold *hold);

#endif
