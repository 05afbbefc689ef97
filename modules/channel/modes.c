/*
 * modules/channel/modes.c - the channel modes as a table, and what ISUPPORT and MODE say of them.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

/* Prefix modes in the order of rank; the others as CHANMODES lists them. */
const struct gw_chanmode channel_modes[] = {
	{.name = "q", .type = GW_MODE_PREFIX, .prefix = '~', .bit = GW_OWNER, .help = "owner"},
	{.name = "a",
         .type = GW_MODE_PREFIX,
         .prefix = '&',
         .bit = GW_ADMIN,
         .help = "administrator"},
	{.name = "o", .type = GW_MODE_PREFIX, .prefix = '@', .bit = GW_OP, .help = "operator"},
	{.name = "h",
         .type = GW_MODE_PREFIX,
         .prefix = '%',
         .bit = GW_HALFOP,
         .help = "half-operator"},
	{.name = "v", .type = GW_MODE_PREFIX, .prefix = '+', .bit = GW_VOICE, .help = "voice"},
	{.name = "b", .type = GW_MODE_LIST, .help = "ban: a mask that may not join or speak"},
	{.name = "e", .type = GW_MODE_LIST, .help = "exception: a mask to which no ban applies"},
	{.name = "I",
         .type = GW_MODE_LIST,
         .help = "invitation: a mask that may join in spite of +i"},
	{.name = "k", .type = GW_MODE_PARAM, .help = "key that one must know to join"},
	{.name = "l", .type = GW_MODE_SET_PARAM, .help = "limit of members"},
	{.name = "C", .type = GW_MODE_FLAG, .help = "no CTCP but ACTION"},
	{.name = "R", .type = GW_MODE_FLAG, .help = "registered users only may join"},
	{.name = "i", .type = GW_MODE_FLAG, .help = "invited users only may join"},
	{.name = "m", .type = GW_MODE_FLAG, .help = "moderated: only those with a voice may speak"},
	{.name = "n", .type = GW_MODE_FLAG, .help = "no messages from outside"},
	{.name = "s", .type = GW_MODE_FLAG, .help = "secret: not shown to others"},
	{.name = "t", .type = GW_MODE_FLAG, .help = "topic is changed by operators only"},
};
_Static_assert(sizeof(channel_modes) / sizeof(channel_modes[0]) == CHANNEL_MODES_ROWS,
               "count the rows");

static void add(char *out, size_t max, char c)
{
	size_t n = strlen(out);

	if (n + 1 < max) {
		out[n] = c;
		out[n + 1] = '\0';
	}
}

/* Other modules may add modes: the tokens are made from what the network knows, letter by letter.
 */
static const struct gw_chanmode *mode_of(struct channel_state *c, int index, enum gw_mode_type type)
{
	char letter = (char)(index < 26 ? 'A' + index : 'a' + index - 26);
	const struct gw_chanmode *mode = NETWORK(c, chanmode, letter);

	return mode != NULL && mode->type == type ? mode : NULL;
}

bool channel_isupport_prefix(void *state, char *out, size_t max)
{
	char letters[8] = "", prefixes[8] = "";

	for (uint8_t bit = GW_OWNER; bit >= GW_VOICE; bit >>= 1)
		for (int i = 0; i < 52; i++) {
			const struct gw_chanmode *mode = mode_of(state, i, GW_MODE_PREFIX);

			if (mode != NULL && mode->bit == bit) {
				add(letters, sizeof(letters), mode->name[0]);
				add(prefixes, sizeof(prefixes), mode->prefix);
			}
		}
	snprintf(out, max, "(%s)%s", letters, prefixes);
	return true;
}

bool channel_isupport_chanmodes(void *state, char *out, size_t max)
{
	static const enum gw_mode_type types[] = {GW_MODE_LIST, GW_MODE_PARAM, GW_MODE_SET_PARAM,
	                                          GW_MODE_FLAG};

	out[0] = '\0';
	for (size_t t = 0; t < 4; t++) {
		if (t > 0)
			add(out, max, ',');
		for (int i = 0; i < 52; i++)
			if (mode_of(state, i, types[t]) != NULL)
				add(out, max, mode_of(state, i, types[t])->name[0]);
	}
	return true;
}

bool channel_isupport_chanlimit(void *state, char *out, size_t max)
{
	snprintf(out, max, "#:%u", ((struct channel_state *)state)->max_channels);
	return true;
}

bool channel_isupport_maxlist(void *state, char *out, size_t max)
{
	char lists[53] = "";

	for (int i = 0; i < 52; i++)
		if (mode_of(state, i, GW_MODE_LIST) != NULL)
			add(lists, sizeof(lists), mode_of(state, i, GW_MODE_LIST)->name[0]);
	snprintf(out, max, "%s:%d", lists, LIST_ENTRIES_MAX);
	return true;
}

void channel_modes_text(struct channel_state *c, const struct gw_channel *channel, bool params,
                        char *out, size_t max)
{
	size_t n;

	snprintf(out, max, "+");
	for (int i = 0; i < 52; i++) {
		char letter = (char)(i < 26 ? 'A' + i : 'a' + i - 26);
		const struct gw_chanmode *mode = NETWORK(c, chanmode, letter);

		if ((channel->modes & gw_letter(letter)) && mode != NULL && letter != 'k' &&
		    letter != 'l')
			add(out, max, letter);
	}
	if (channel->key != NULL)
		add(out, max, 'k');
	if (channel->limit > 0)
		add(out, max, 'l');
	n = strlen(out);
	if (channel->key != NULL)
		n += (size_t)snprintf(out + n, max - n, " %s", params ? channel->key : "*");
	if (channel->limit > 0 && n < max)
		snprintf(out + n, max - n, " %u", channel->limit);
}
