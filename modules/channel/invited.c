/*
 * modules/channel/invited.c - where a session has been invited: kept with the session, and moving
 * along with it.
 *
 * The session's block is one pointer to a list of at most INVITATIONS_MAX names, the newest first;
 * most sessions have none.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define INVITATIONS_MAX 10
#define DATA_NAME "channel.invited"

struct invitation {
	char channel[GW_CHANNEL_MAX + 1];
	struct invitation *next;
	struct invitation *all_prev,
		*all_next; /* of the module: it outlives the sessions' blocks */
};

/* The block of the point "network.session-data". */
struct invited {
	struct invitation *first;
};

const struct gw_session_data channel_session_data[] = {
	{.name = DATA_NAME,
         .version = 1,
         .size = sizeof(struct invited),
         .export_row = CALL_INVITED_EXPORT,
         .import_row = CALL_INVITED_IMPORT},
};

static struct invited *invited_of(struct channel_state *c, struct gw_session *session)
{
	return NETWORK(c, data, session, DATA_NAME);
}

static struct invitation **find(struct channel_state *c, struct gw_session *session,
                                const char *channel)
{
	struct invited *invited = invited_of(c, session);
	struct invitation **at;

	if (invited == NULL)
		return NULL;
	for (at = &invited->first; *at != NULL; at = &(*at)->next)
		if (NETWORK(c, same, (*at)->channel, channel))
			return at;
	return NULL;
}

bool channel_invited(struct channel_state *c, struct gw_session *session, const char *channel)
{
	return find(c, session, channel) != NULL;
}

static void unlink_one(struct channel_state *c, struct invitation **at)
{
	struct invitation *gone = *at;

	*at = gone->next;
	DL_DELETE2(c->invitations, gone, all_prev, all_next);
	gw_free(c->self, gone);
}

void channel_invited_remove(struct channel_state *c, struct gw_session *session,
                            const char *channel)
{
	struct invitation **at = find(c, session, channel);

	if (at != NULL)
		unlink_one(c, at);
}

/* The oldest ones fall off the end. */
static void trim(struct channel_state *c, struct invited *invited)
{
	struct invitation **at = &invited->first;

	for (int n = 0; n < INVITATIONS_MAX && *at != NULL; n++)
		at = &(*at)->next;
	while (*at != NULL)
		unlink_one(c, at);
}

static void add(struct channel_state *c, struct invited *invited, const char *channel)
{
	struct invitation *invitation = gw_alloc(c->self, sizeof(*invitation));

	snprintf(invitation->channel, sizeof(invitation->channel), "%s", channel);
	invitation->next = invited->first;
	invited->first = invitation;
	DL_APPEND2(c->invitations, invitation, all_prev, all_next);
	trim(c, invited);
}

void channel_invited_add(struct channel_state *c, struct gw_session *session, const char *channel)
{
	struct invited *invited = invited_of(c, session);

	if (invited == NULL)
		return;
	channel_invited_remove(c, session, channel);
	add(c, invited, channel);
}

void channel_invited_free(struct channel_state *c, struct gw_session *session)
{
	struct invited *invited = invited_of(c, session);

	while (invited != NULL && invited->first != NULL)
		unlink_one(c, &invited->first);
}

/* The sessions' blocks go with the row that declares them, before the module's own end. */
void channel_invited_free_all(struct channel_state *c)
{
	struct invitation *invitation, *next;

	for (invitation = c->invitations; invitation != NULL; invitation = next) {
		next = invitation->all_next;
		gw_free(c->self, invitation);
	}
	c->invitations = NULL;
}

const char *channel_invited_next(struct channel_state *c, struct gw_session *session,
                                 const char *after)
{
	struct invited *invited = invited_of(c, session);
	struct invitation **at;

	if (invited == NULL)
		return NULL;
	if (after == NULL)
		return invited->first != NULL ? invited->first->channel : NULL;
	at = find(c, session, after);
	return at != NULL && (*at)->next != NULL ? (*at)->next->channel : NULL;
}

/* The names, the oldest first, each with a NUL behind it. */
int channel_invited_export(void *state, const struct gw_session *session, const void *data,
                           void *out, size_t max, size_t *len_out)
{
	const struct invited *invited = data;
	const char *names[INVITATIONS_MAX];
	size_t n = 0, used = 0;

	(void)state;
	(void)session;
	for (const struct invitation *i = invited->first; i != NULL && n < INVITATIONS_MAX;
	     i = i->next)
		names[n++] = i->channel;
	while (n-- > 0) {
		size_t len = strlen(names[n]) + 1;

		if (max - used < len)
			return -E2BIG;
		memcpy((char *)out + used, names[n], len);
		used += len;
	}
	*len_out = used;
	return 0;
}

int channel_invited_import(void *state, struct gw_session *session, void *data, const void *in,
                           size_t len, struct gw_error *err)
{
	struct channel_state *c = state;
	const char *at = in, *end = at + len;

	channel_invited_free(c, session);
	while (at < end) {
		size_t n = strnlen(at, (size_t)(end - at));

		if (at + n == end || n > GW_CHANNEL_MAX || !NETWORK(c, valid_channel, at))
			return gw_fail(err, -EINVAL, "an invitation names no channel");
		add(c, data, at);
		at += n + 1;
	}
	return 0;
}
