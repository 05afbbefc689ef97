/*
 * modules/channel/save.c - modes, topic and lists of a registered channel on their way to the
 * services database.
 *
 * What a client changes is written at once. Where the store has no room for it, or the disk is
 * full, the channel is noted and written as a whole later, until that succeeds.
 */
#include "private.h"

#include <ctype.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <godwit/parts.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define AGAIN_NS (15 * GW_SECOND)

/* A commit under way, or one that has to be tried again. */
struct save {
	uint64_t tag;
	bool waits;
	char name[GW_CHANNEL_MAX + 1];
	struct save *prev, *next;
};

static struct gw_write *add_write(struct save_room *room, struct gw_id id, uint16_t field)
{
	struct gw_write *write;

	if (room->n == SAVE_WRITES_MAX || room->used + 1024 > SAVE_BYTES_MAX)
		return NULL;
	write = &room->writes[room->n++];
	*write = (struct gw_write){
		.class = GW_CLASS_CHANNEL, .id = id, .make = gw_id_none(id), .field = field};
	return write;
}

static struct gw_parts begin(struct save_room *room)
{
	return (struct gw_parts){.bytes = room->bytes + room->used,
	                         .max = SAVE_BYTES_MAX - room->used};
}

static void end(struct save_room *room, struct gw_write *write, const struct gw_parts *parts)
{
	write->value = gw_parts_value(parts);
	room->used += parts->n;
}

static void add_modes(struct channel_state *c, const struct gw_channel *channel,
                      struct save_room *room)
{
	struct gw_write *write = add_write(room, channel->registered, GW_F_MODES);
	struct gw_parts parts = begin(room);
	char text[160];

	if (write == NULL)
		return;
	channel_modes_text(c, channel, true, text, sizeof(text));
	gw_parts_text(&parts, text);
	end(room, write, &parts);
}

static void add_topic(const struct gw_channel *channel, struct save_room *room)
{
	struct gw_write *write = add_write(room, channel->registered, GW_F_TOPIC);
	struct gw_parts parts = begin(room);

	if (write == NULL)
		return;
	gw_parts_text(&parts, channel->topic != NULL ? channel->topic : "");
	gw_parts_text(&parts, channel->topic_setter != NULL ? channel->topic_setter : "");
	gw_parts_u64(&parts, (uint64_t)channel->topic_ms);
	end(room, write, &parts);
}

/* The cell of a list entry is named by its letter and the SHA-256 of the folded mask, which is
 * always short enough. */
static bool list_sub(char letter, const char *mask, struct save_room *room, struct gw_write *write)
{
	char folded[MASK_MAX + 1];
	uint8_t *sub = room->bytes + room->used;
	size_t n = strlen(mask);

	if (n > MASK_MAX)
		return false;
	for (size_t i = 0; i <= n; i++)
		folded[i] = (char)tolower((unsigned char)mask[i]);
	sub[0] = (uint8_t)letter;
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, folded, n, sub + 1) != 0)
		return false;
	write->sub = (struct gw_blob){sub, 33};
	room->used += 33;
	return true;
}

static void add_entry(const struct gw_channel *channel, char letter, const char *mask,
                      const struct gw_list_entry *entry, struct save_room *room)
{
	struct gw_write *write = add_write(room, channel->registered, GW_F_LIST);
	struct gw_parts parts;

	if (write == NULL)
		return;
	if (!list_sub(letter, mask, room, write)) {
		room->n--;
		return;
	}
	write->remove = entry == NULL;
	if (entry == NULL)
		return;
	parts = begin(room);
	gw_parts_text(&parts, mask);
	gw_parts_text(&parts, entry->setter);
	gw_parts_u64(&parts, (uint64_t)entry->set_ms);
	end(room, write, &parts);
}

void channel_save_all(struct channel_state *c, const struct gw_channel *channel,
                      struct save_room *room)
{
	const struct gw_list_entry *entry;

	add_modes(c, channel, room);
	add_topic(channel, room);
	DL_FOREACH (channel->lists, entry)
		if (!entry->gone || !gw_id_none(channel->registered))
			add_entry(channel, entry->letter, entry->mask, entry->gone ? NULL : entry,
			          room);
}

static void wait(struct channel_state *c, struct save *save)
{
	save->waits = true;
	gw_timer_set(c->save_again, c->self, AGAIN_NS);
}

static void commit(struct channel_state *c, const struct gw_channel *channel,
                   const struct save_room *room)
{
	struct save *save = gw_alloc(c->self, sizeof(*save));
	int status;

	save->tag = ++c->last_tag;
	snprintf(save->name, sizeof(save->name), "%s", channel->name);
	DL_APPEND(c->saves, save);
	status =
		SERVICES(c, commit, room->writes, room->n, gw_call(c->self, CALL_SAVED, save->tag));
	if (status != 0)
		wait(c, save);
}

void channel_save_modes(struct channel_state *c, const struct gw_channel *channel,
                        const struct gw_mode_change *modes, size_t n)
{
	struct save_room *room = gw_alloc(c->self, sizeof(*room));
	bool plain = false;

	for (size_t i = 0; i < n; i++) {
		const struct gw_chanmode *mode = NETWORK(c, chanmode, modes[i].letter);
		const struct gw_list_entry *entry = NULL;

		if (mode == NULL || mode->type == GW_MODE_PREFIX)
			continue;
		if (mode->type != GW_MODE_LIST) {
			plain = true;
			continue;
		}
		if (modes[i].add)
			DL_FOREACH (channel->lists, entry)
				if (!entry->gone && entry->letter == modes[i].letter &&
				    NETWORK(c, same, entry->mask, modes[i].param))
					break;
		add_entry(channel, modes[i].letter, modes[i].param, entry, room);
	}
	if (plain)
		add_modes(c, channel, room);
	if (room->n > 0)
		commit(c, channel, room);
	gw_free(c->self, room);
}

void channel_save_topic(struct channel_state *c, const struct gw_channel *channel)
{
	struct save_room *room = gw_alloc(c->self, sizeof(*room));

	add_topic(channel, room);
	commit(c, channel, room);
	gw_free(c->self, room);
}

/* All of it. */
void channel_save(struct channel_state *c, const struct gw_channel *channel)
{
	struct save_room *room = gw_alloc(c->self, sizeof(*room));

	channel_save_all(c, channel, room);
	commit(c, channel, room);
	gw_free(c->self, room);
}

/* One of the servers that see each other does it for all: the one of the smallest run. */
static bool saves_for_all(struct channel_state *c)
{
	uint64_t here = NETWORK(c, here)->run;
	const struct gw_node *node;

	for (node = NETWORK(c, nodes); node != NULL; node = node->next)
		if (node->run < here)
			return false;
	return true;
}

void channel_save_merged(struct channel_state *c, const struct gw_channel *channel)
{
	struct save *save;

	DL_FOREACH (c->saves, save)
		if (save->waits && strcmp(save->name, channel->name) == 0)
			return;
	if (!saves_for_all(c))
		return;
	save = gw_alloc(c->self, sizeof(*save));
	save->tag = ++c->last_tag;
	snprintf(save->name, sizeof(save->name), "%s", channel->name);
	DL_APPEND(c->saves, save);
	wait(c, save);
}

void channel_saved(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct channel_state *c = state;
	struct save *save;

	(void)made;
	DL_SEARCH_SCALAR(c->saves, save, tag, tag);
	if (save == NULL)
		return;
	if (status != 0 && status != -ENOENT) {
		gw_log(c->self, GW_ERROR,
		       "channel not saved, will be tried again channel=%s error=%s", save->name,
		       strerror(-status));
		wait(c, save);
		return;
	}
	DL_DELETE(c->saves, save);
	gw_free(c->self, save);
}

void channel_save_again(void *state, uint64_t tag)
{
	struct channel_state *c = state;
	struct save *save, *next, *waiting = NULL;

	(void)tag;
	DL_FOREACH_SAFE (c->saves, save, next) {
		if (!save->waits)
			continue;
		DL_DELETE(c->saves, save);
		DL_APPEND(waiting, save);
	}
	DL_FOREACH_SAFE (waiting, save, next) {
		const struct gw_channel *channel = NETWORK(c, channel, save->name);

		if (channel != NULL && !gw_id_none(channel->registered))
			channel_save(c, channel);
		else
			gw_log(c->self, GW_ERROR,
			       "changes not saved before the channel ended channel=%s", save->name);
		gw_free(c->self, save);
	}
}

void channel_saves_free(struct channel_state *c)
{
	struct save *save, *next;

	DL_FOREACH_SAFE (c->saves, save, next) {
		DL_DELETE(c->saves, save);
		gw_free(c->self, save);
	}
}
