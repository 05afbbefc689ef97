/*
 * modules/channel/mode.c - MODE with a channel: what it is (324, 329, the lists), and changing it.
 *
 * The changes of one line are checked one by one and become one event. What would change nothing is
 * left out.
 */
#include "private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A line being read. */
struct change {
	struct channel_state *c;
	struct gw_client *client;
	struct gw_channel *channel;
	const struct gw_member *by;
	const struct gw_message *m;
	int next_arg;
	bool denied; /* 482 has been said */
	struct gw_mode_change out[MODES_PER_LINE];
	size_t n;
	char params[GW_ARGS_MAX][MASK_MAX + 1];
	size_t n_params; /* also of what has been taken out again */
};

/* The numerics of a list mode: an entry, the end. */
static const struct list_reply {
	char letter;
	int entry, end;
	const char *name;
} list_replies[] = {{'b', 367, 368, "channel ban list"},
                    {'e', 348, 349, "channel exception list"},
                    {'I', 346, 347, "channel invite list"}};

static void send_modes(struct channel_state *c, struct gw_client *client,
                       struct gw_channel *channel)
{
	bool inside = NETWORK(c, member, channel, client->session->user) != NULL;
	char text[128];

	channel_modes_text(c, channel, inside, text, sizeof(text));
	CLIENT(c, numeric, client, 324, "%s %s", channel->name, text);
	CLIENT(c, numeric, client, 329, "%s %llu", channel->name,
	       (unsigned long long)(channel->created.clock >> 16) / 1000);
}

static void deny(struct change *ch)
{
	if (!ch->denied)
		CLIENT(ch->c, numeric, ch->client, 482, "%s :You're not a channel operator",
		       ch->channel->name);
	ch->denied = true;
}

static void send_list(struct change *ch, char letter)
{
	const struct list_reply *reply = NULL;
	const struct gw_list_entry *entry;

	for (size_t i = 0; i < sizeof(list_replies) / sizeof(list_replies[0]); i++)
		if (list_replies[i].letter == letter)
			reply = &list_replies[i];
	if (reply == NULL)
		return;
	if (letter != 'b' && !channel_has_rank(ch->by, GW_HALFOP)) {
		deny(ch);
		return;
	}
	DL_FOREACH (ch->channel->lists, entry)
		if (!entry->gone && entry->letter == letter)
			CLIENT(ch->c, numeric, ch->client, reply->entry, "%s %s %s %lld",
			       ch->channel->name, entry->mask, entry->setter,
			       (long long)(entry->set_ms / 1000));
	CLIENT(ch->c, numeric, ch->client, reply->end, "%s :End of %s", ch->channel->name,
	       reply->name);
}

static const char *next_param(struct change *ch)
{
	return ch->next_arg < ch->m->argc ? ch->m->argv[ch->next_arg++] : NULL;
}

static void add(struct change *ch, char letter, bool on, const char *param,
                struct gw_member *member)
{
	struct gw_mode_change *out = &ch->out[ch->n++];

	*out = (struct gw_mode_change){.letter = letter, .add = on, .member = member};
	if (param == NULL)
		return;
	out->param = strcpy(ch->params[ch->n_params++], param);
}

/* What the line has said before of the same letter (and member, and mask) counts no more. */
static void take_out(struct change *ch, char letter, const struct gw_member *member,
                     const char *mask)
{
	for (size_t i = 0; i < ch->n; i++) {
		const struct gw_mode_change *out = &ch->out[i];

		if (out->letter != letter || out->member != member ||
		    (mask != NULL && !NETWORK(ch->c, same, out->param, mask)))
			continue;
		memmove(&ch->out[i], &ch->out[i + 1], (--ch->n - i) * sizeof(*out));
		return;
	}
}

static void bad_param(struct change *ch, char letter, const char *param, const char *why)
{
	bool word = *param != '\0' && *param != ':' && strchr(param, ' ') == NULL;

	CLIENT(ch->c, numeric, ch->client, 696, "%s %c %s :%s", ch->channel->name, letter,
	       word ? param : "*", why);
}

/* A prefix may be given by those above it (owners: also by their like), and always laid down by its
 * bearer. */
static bool may_prefix(const struct change *ch, const struct gw_member *member, uint8_t bit,
                       bool on)
{
	uint8_t rank = channel_rank(ch->by->status);

	if (member == ch->by && !on)
		return true;
	if (!on && channel_rank(member->status) > rank)
		return false;
	return bit == GW_VOICE ? rank >= GW_HALFOP
	                       : rank >= GW_OP && (rank > bit || (rank == bit && bit != GW_ADMIN));
}

static void change_prefix(struct change *ch, const struct gw_chanmode *mode, bool on)
{
	const char *nick = next_param(ch);
	struct gw_user *user = nick != NULL ? NETWORK(ch->c, user, nick) : NULL;
	struct gw_member *member = user != NULL ? NETWORK(ch->c, member, ch->channel, user) : NULL;

	if (nick == NULL)
		return;
	if (member != NULL)
		take_out(ch, mode->name[0], member, NULL);
	if (user == NULL)
		CLIENT(ch->c, numeric, ch->client, 401, "%s :No such nick", nick);
	else if (member == NULL)
		CLIENT(ch->c, numeric, ch->client, 441, "%s %s :They aren't on that channel",
		       user->nick, ch->channel->name);
	else if (!may_prefix(ch, member, mode->bit, on))
		deny(ch);
	else if (((member->status & mode->bit) != 0) != on)
		add(ch, mode->name[0], on, NULL, member);
}

static const struct gw_list_entry *list_entry(struct change *ch, char letter, const char *mask)
{
	const struct gw_list_entry *entry;

	DL_FOREACH (ch->channel->lists, entry)
		if (!entry->gone && entry->letter == letter &&
		    NETWORK(ch->c, same, entry->mask, mask))
			return entry;
	return NULL;
}

/* How many entries all lists will have, as far as the line has been read. */
static size_t list_length(struct change *ch)
{
	const struct gw_list_entry *entry;
	size_t n = 0;

	DL_FOREACH (ch->channel->lists, entry)
		n += !entry->gone;
	for (size_t i = 0; i < ch->n; i++)
		if (NETWORK(ch->c, chanmode, ch->out[i].letter)->type == GW_MODE_LIST)
			n += ch->out[i].add ? 1 : (size_t)-1;
	return n;
}

static void change_list(struct change *ch, char letter, bool on)
{
	const char *given = next_param(ch);
	const struct gw_list_entry *entry;
	char mask[MASK_MAX + 1];

	if (given == NULL) {
		send_list(ch, letter);
		return;
	}
	if (!channel_has_rank(ch->by, GW_HALFOP)) {
		deny(ch);
		return;
	}
	if (channel_mask_form(given, mask) != 0) {
		bad_param(ch, letter, given, "Invalid mask");
		return;
	}
	take_out(ch, letter, NULL, mask);
	entry = list_entry(ch, letter, mask);
	if (on && entry == NULL && list_length(ch) >= LIST_ENTRIES_MAX)
		CLIENT(ch->c, numeric, ch->client, 478, "%s %c :Channel list is full",
		       ch->channel->name, letter);
	else if (on == (entry == NULL))
		add(ch, letter, on, entry != NULL ? entry->mask : mask, NULL);
}

static bool key_is_usable(const char *key)
{
	return *key != '\0' && *key != ':' && strlen(key) <= GW_KEY_MAX &&
	       strpbrk(key, " ,") == NULL;
}

static void set_key(struct change *ch, const char *key)
{
	const char *old = ch->channel->key;

	take_out(ch, 'k', NULL, NULL);
	if (key == NULL && old != NULL)
		add(ch, 'k', false, "*", NULL);
	else if (key != NULL && (old == NULL || strcmp(key, old) != 0))
		add(ch, 'k', true, key, NULL);
}

static void change_key(struct change *ch, bool on)
{
	const char *key = next_param(ch);

	if (on && key == NULL)
		CLIENT(ch->c, numeric, ch->client, 461, "MODE :Not enough parameters");
	else if (on && !key_is_usable(key))
		bad_param(ch, 'k', "*", "A key has 1 to 32 characters, no spaces and no commas");
	else
		set_key(ch, on ? key : NULL);
}

/* 0: none */
static void set_limit(struct change *ch, unsigned long limit)
{
	char text[24];

	take_out(ch, 'l', NULL, NULL);
	if (limit == ch->channel->limit)
		return;
	snprintf(text, sizeof(text), "%lu", limit);
	add(ch, 'l', limit > 0, limit > 0 ? text : NULL, NULL);
}

static void change_limit(struct change *ch, bool on)
{
	const char *given = on ? next_param(ch) : NULL;
	char *end = NULL;
	unsigned long limit = given != NULL ? strtoul(given, &end, 10) : 0;

	if (on && given == NULL)
		CLIENT(ch->c, numeric, ch->client, 461, "MODE :Not enough parameters");
	else if (on && (given[0] < '0' || given[0] > '9' || *end != '\0' || limit == 0 ||
	                limit > 1000000))
		bad_param(ch, 'l', given, "A limit is a number from 1 to 1000000");
	else
		set_limit(ch, limit);
}

static void change_flag(struct change *ch, char letter, bool on)
{
	take_out(ch, letter, NULL, NULL);
	if (((ch->channel->modes & gw_letter(letter)) != 0) != on)
		add(ch, letter, on, NULL, NULL);
}

static void change_letter(struct change *ch, char letter, bool on)
{
	const struct gw_chanmode *mode = NETWORK(ch->c, chanmode, letter);

	if (mode == NULL)
		CLIENT(ch->c, numeric, ch->client, 472, "%c :is unknown mode char to me", letter);
	else if (mode->type == GW_MODE_LIST)
		change_list(ch, letter, on);
	else if (mode->type == GW_MODE_PREFIX)
		change_prefix(ch, mode, on);
	else if (!channel_has_rank(ch->by, GW_HALFOP))
		deny(ch);
	else if (letter == 'k')
		change_key(ch, on);
	else if (letter == 'l')
		change_limit(ch, on);
	else
		change_flag(ch, letter, on);
}

/* Only looking at a list needs no membership. */
static bool only_looks(const struct gw_message *m)
{
	return m->argc == 2 && strspn(m->argv[1], "+beI") == strlen(m->argv[1]);
}

static void change_modes(struct channel_state *c, struct gw_client *client,
                         struct gw_channel *channel, const struct gw_message *m)
{
	struct change ch = {.c = c, .client = client, .channel = channel, .m = m, .next_arg = 2};
	bool on = true;

	ch.by = NETWORK(c, member, channel, client->session->user);
	if (ch.by == NULL &&
	    !(only_looks(m) && channel_visible(c, channel, client->session->user))) {
		CLIENT(c, numeric, client, 442, "%s :You're not on that channel", channel->name);
		return;
	}
	for (const char *letter = m->argv[1];
	     *letter != '\0' && ch.n < MODES_PER_LINE && ch.n_params < GW_ARGS_MAX; letter++) {
		if (*letter == '+' || *letter == '-')
			on = *letter == '+';
		else
			change_letter(&ch, *letter, on);
	}
	if (ch.n > 0)
		NETWORK(c, mode, client->session, channel, ch.out, ch.n, client->command);
}

void channel_mode(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct channel_state *c = state;
	struct gw_channel *channel;

	if (m->argv[0][0] != '#') {
		channel_user_mode(c, client, m);
		return;
	}
	channel = NETWORK(c, channel, m->argv[0]);
	if (channel == NULL ||
	    (m->argc == 1 && !channel_visible(c, channel, client->session->user)))
		CLIENT(c, numeric, client, 403, "%s :No such channel", m->argv[0]);
	else if (m->argc == 1)
		send_modes(c, client, channel);
	else
		change_modes(c, client, channel, m);
}
