/*
 * modules/channel/list.c - LIST with the filters of ELIST=CMNTU, a piece at a time as the client's
 * send queue has room.
 */
#include "private.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define CHANNELS_PER_PIECE 256
#define MINUTES_MAX (100 * 366 * 24 * 60) /* a hundred years: before all that there is */

struct filter {
	uint32_t more_than, less_than; /* members; 0: not asked for */
	int64_t created_after, created_before, topic_after,
		topic_before; /* ms since 1970; 0: not asked for */
	char mask[GW_CHANNEL_MAX + 1], not_mask[GW_CHANNEL_MAX + 1];
};

/* A LIST under way: the names that were there at its beginning. */
struct listing {
	uint64_t tag;
	uint64_t client;
	struct filter filter;
	char **names;
	size_t n, at;
	struct listing *prev, *next;
};

/* "C<60": created less than 60 minutes ago; "T>60": topic set more than that ago. */
static void take_age(struct channel_state *c, struct filter *f, const char *word)
{
	int64_t minutes = strtoll(word + 2, NULL, 10);
	int64_t when = gw_wall_ns(c->self) / GW_MS - (minutes < 0             ? 0
	                                              : minutes > MINUTES_MAX ? MINUTES_MAX
	                                                                      : minutes) *
	                                                     60000;
	bool young = word[1] == '<';

	if (word[0] == 'C' || word[0] == 'c')
		*(young ? &f->created_after : &f->created_before) = when;
	else
		*(young ? &f->topic_after : &f->topic_before) = when;
}

static void take_word(struct channel_state *c, struct filter *f, const char *word)
{
	if (word[0] == '>')
		f->more_than = (uint32_t)strtoul(word + 1, NULL, 10) + 1;
	else if (word[0] == '<')
		f->less_than = (uint32_t)strtoul(word + 1, NULL, 10);
	else if (strchr("CcTt", word[0]) != NULL && (word[1] == '<' || word[1] == '>'))
		take_age(c, f, word);
	else if (word[0] == '!')
		snprintf(f->not_mask, sizeof(f->not_mask), "%s", word + 1);
	else
		snprintf(f->mask, sizeof(f->mask), "%s", word);
}

static bool passes(struct channel_state *c, const struct filter *f,
                   const struct gw_channel *channel)
{
	int64_t created = (int64_t)(channel->created.clock >> 16);

	return (f->more_than == 0 || channel->n_members >= f->more_than) &&
	       (f->less_than == 0 || channel->n_members < f->less_than) &&
	       (f->created_after == 0 || created > f->created_after) &&
	       (f->created_before == 0 || created < f->created_before) &&
	       (f->topic_after == 0 ||
	        (channel->topic != NULL && channel->topic_ms > f->topic_after)) &&
	       (f->topic_before == 0 ||
	        (channel->topic != NULL && channel->topic_ms < f->topic_before)) &&
	       (f->mask[0] == '\0' || NETWORK(c, match, f->mask, channel->name)) &&
	       (f->not_mask[0] == '\0' || !NETWORK(c, match, f->not_mask, channel->name));
}

/* A registered channel without members is there for itself only: it would be gone after a restart.
 */
static bool listed(struct channel_state *c, const struct gw_channel *channel,
                   const struct gw_user *user)
{
	return channel->n_members > 0 && channel_visible(c, channel, user);
}

static void send_one(struct channel_state *c, struct gw_client *client, const char *name)
{
	const struct gw_channel *channel = NETWORK(c, channel, name);

	if (channel != NULL && listed(c, channel, client->session->user))
		CLIENT(c, numeric, client, 322, "%s %u :%s", channel->name, channel->n_members,
		       channel->topic != NULL ? channel->topic : "");
}

static void listing_free(struct channel_state *c, struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		gw_free(c->self, l->names[i]);
	gw_free(c->self, l->names);
	gw_free(c->self, l);
}

/* Sends a piece; true when that was the last. */
static bool send_piece(struct channel_state *c, struct gw_client *client, struct listing *l)
{
	size_t end = l->n - l->at > CHANNELS_PER_PIECE ? l->at + CHANNELS_PER_PIECE : l->n;

	while (l->at < end)
		send_one(c, client, l->names[l->at++]);
	if (l->at < l->n)
		return false;
	CLIENT(c, numeric, client, 323, ":End of /LIST");
	return true;
}

static void add_name(struct channel_state *c, struct listing *l, const char *name)
{
	if (l->n % 64 == 0)
		l->names = gw_resize(c->self, l->names, (l->n + 64) * sizeof(*l->names));
	l->names[l->n++] = gw_strdup(c->self, name);
}

static void collect(struct channel_state *c, struct listing *l, const struct gw_user *user)
{
	for (struct gw_channel *channel = NETWORK(c, next_channel, NULL); channel != NULL;
	     channel = NETWORK(c, next_channel, channel))
		if (listed(c, channel, user) && passes(c, &l->filter, channel))
			add_name(c, l, channel->name);
}

/* "#a,#b" names channels; anything else, also a mask, is a list of conditions. */
static void take_words(struct channel_state *c, struct listing *l, char *words,
                       const struct gw_user *user)
{
	bool named = words != NULL && words[0] == '#' && strpbrk(words, "*?") == NULL;
	char *word;

	while ((word = strsep(&words, ",")) != NULL)
		if (named)
			add_name(c, l, word);
		else if (*word != '\0')
			take_word(c, &l->filter, word);
	if (!named)
		collect(c, l, user);
}

void channel_list(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct channel_state *c = state;
	struct listing *l = gw_alloc(c->self, sizeof(*l));

	take_words(c, l, m->argc > 0 ? m->argv[0] : NULL, client->session->user);
	CLIENT(c, numeric, client, 321, "Channel :Users  Name");
	if (send_piece(c, client, l)) {
		listing_free(c, l);
		return;
	}
	l->tag = ++c->last_tag;
	l->client = client->id;
	DL_APPEND(c->listings, l);
	CLIENT(c, hold, client, c->self);
	CLIENT(c, wait_room, client, gw_call(c->self, CALL_LIST_ROOM, l->tag));
}

void channel_list_room(void *state, uint64_t tag)
{
	struct channel_state *c = state;
	struct gw_client *client;
	struct listing *l;
	bool gone;

	DL_SEARCH_SCALAR(c->listings, l, tag, tag);
	if (l == NULL)
		return;
	client = CLIENT(c, by_id, l->client);
	gone = client == NULL || client->session == NULL;
	if (!gone && !send_piece(c, client, l)) {
		CLIENT(c, wait_room, client, gw_call(c->self, CALL_LIST_ROOM, tag));
		return;
	}
	DL_DELETE(c->listings, l);
	listing_free(c, l);
	if (!gone)
		CLIENT(c, release, client, c->self);
}

void channel_listings_free(struct channel_state *c)
{
	struct listing *l, *next;

	DL_FOREACH_SAFE (c->listings, l, next) {
		DL_DELETE(c->listings, l);
		listing_free(c, l);
	}
}
