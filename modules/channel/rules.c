/*
 * modules/channel/rules.c - what a channel's modes and lists permit: joining, speaking, seeing.
 *
 * Masks are nick!user@host, or an extended ban: "~a:account" (that account; "~a:*" whoever is
 * logged in), and "~m:mask", which lets join but not speak. An exception (+e) takes away bans and
 * mutes alike.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

uint8_t channel_rank(uint8_t status)
{
	uint8_t bit = GW_OWNER;

	while (bit > status)
		bit >>= 1;
	return bit;
}

bool channel_has_rank(const struct gw_member *member, uint8_t at_least)
{
	return member != NULL && channel_rank(member->status) >= at_least;
}

static bool mask_matches(struct channel_state *c, const char *mask, const struct gw_user *user)
{
	char who[GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 3];

	if (strncmp(mask, "~a:", 3) == 0)
		return user->account != NULL && NETWORK(c, match, mask + 3, user->account);
	snprintf(who, sizeof(who), "%s!%s@%s", user->nick, user->ident, user->host);
	return NETWORK(c, match, mask, who);
}

bool channel_masked(struct channel_state *c, const struct gw_channel *channel, char letter,
                    const struct gw_user *user, bool mutes)
{
	const struct gw_list_entry *entry;

	DL_FOREACH (channel->lists, entry) {
		bool mute = strncmp(entry->mask, "~m:", 3) == 0;

		if (entry->gone || entry->letter != letter || (mute && !mutes))
			continue;
		if (mask_matches(c, mute ? entry->mask + 3 : entry->mask, user))
			return true;
	}
	return false;
}

static bool banned(struct channel_state *c, const struct gw_channel *channel,
                   const struct gw_user *user, bool mutes)
{
	return channel_masked(c, channel, 'b', user, mutes) &&
	       !channel_masked(c, channel, 'e', user, true);
}

static int refuse(struct gw_error *why, int numeric, const char *sentence)
{
	why->code = numeric;
	return gw_fail(why, -EACCES, "%s", sentence);
}

int channel_may_enter(struct channel_state *c, struct gw_client *client, struct gw_channel *channel,
                      const char *key, struct gw_error *why)
{
	struct gw_user *user = client->session->user;
	struct registered *r = channel_registered(c, channel);
	bool invited = channel_invited(c, client->session, channel->name);

	/* Whoever could let themselves in (an access entry of operators) need not be let in. */
	if (r != NULL && client->account != NULL &&
	    channel_access_status(r, client->account_id) >= GW_OP)
		return 0;
	if ((channel->modes & gw_letter('R')) && user->account == NULL)
		return refuse(why, 477, "Cannot join channel (+R): log in first");
	if (banned(c, channel, user, false))
		return refuse(why, 474, "Cannot join channel (+b)");
	if ((channel->modes & gw_letter('i')) && !invited &&
	    !channel_masked(c, channel, 'I', user, false))
		return refuse(why, 473, "Cannot join channel (+i)");
	if (channel->key != NULL && strcmp(channel->key, key) != 0 && !invited)
		return refuse(why, 475, "Cannot join channel (+k)");
	if (channel->limit > 0 && channel->n_members >= channel->limit && !invited)
		return refuse(why, 471, "Cannot join channel (+l)");
	return 0;
}

static bool is_ctcp(const char *text)
{
	return text[0] == '\001' &&
	       (strncmp(text + 1, "ACTION", 6) != 0 || strchr(" \001", text[7]) == NULL);
}

int channel_may_send(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	struct channel_state *c = state;
	const struct gw_message_query *query = payload;
	const struct gw_channel *channel = query->channel;
	const struct gw_member *member;
	struct gw_user *user;

	(void)tag;
	if (channel == NULL)
		return 0;
	user = query->client->session->user;
	member = NETWORK(c, member, channel, user);
	if (member == NULL && (channel->modes & gw_letter('n')))
		return refuse(why, 404, "Cannot send to channel (+n): you are not in it");
	if (channel_has_rank(member, GW_VOICE))
		return (channel->modes & gw_letter('C')) && is_ctcp(query->text)
		               ? refuse(why, 404, "Cannot send CTCP to channel (+C)")
		               : 0;
	if (channel->modes & gw_letter('m'))
		return refuse(why, 404, "Cannot send to channel (+m)");
	if (banned(c, channel, user, true))
		return refuse(why, 404, "Cannot send to channel (+b)");
	if ((channel->modes & gw_letter('C')) && is_ctcp(query->text))
		return refuse(why, 404, "Cannot send CTCP to channel (+C)");
	return 0;
}

bool channel_visible(struct channel_state *c, const struct gw_channel *channel,
                     const struct gw_user *user)
{
	return !(channel->modes & gw_letter('s')) || (user->modes & gw_letter('o')) ||
	       NETWORK(c, member, channel, user) != NULL;
}

int channel_mask_form(const char *in, char out[MASK_MAX + 1])
{
	char inner[MASK_MAX + 1];
	const char *bang = strchr(in, '!'), *at = strchr(in, '@');
	int n;

	for (const char *p = in; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == '\177')
			return -EINVAL;
	if (strncmp(in, "~m:", 3) == 0) {
		if (channel_mask_form(in + 3, inner) != 0)
			return -EINVAL;
		n = snprintf(out, MASK_MAX + 1, "~m:%s", inner);
	} else if (strncmp(in, "~a:", 3) == 0) {
		n = in[3] != '\0' ? snprintf(out, MASK_MAX + 1, "%s", in) : -1;
	} else if (in[0] == '~' || in[0] == '\0' || in[0] == ':') {
		return -EINVAL;
	} else if (bang == NULL && at == NULL) {
		/* A dot or colon is in no nick: it must be a host. */
		n = strpbrk(in, ".:") != NULL ? snprintf(out, MASK_MAX + 1, "*!*@%s", in)
		                              : snprintf(out, MASK_MAX + 1, "%s!*@*", in);
	} else if (bang == NULL) {
		n = snprintf(out, MASK_MAX + 1, "*!%s%s", at == in ? "*" : "", in);
	} else if (at == NULL || at < bang) {
		n = snprintf(out, MASK_MAX + 1, "%s@*", in);
	} else {
		n = snprintf(out, MASK_MAX + 1, "%s", in);
	}
	return n > 0 && n <= MASK_MAX ? 0 : -EINVAL;
}
