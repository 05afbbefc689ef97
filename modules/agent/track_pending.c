/*
 * modules/agent/track_pending.c - JOINs and AWAYs of the client that the server has not answered
 * yet. The answer says only which channel it is, or that we are away: key and text are what the
 * client has said.
 */
#include "track_part.h"
#include <utlist.h>

void track_pending_drop(struct track *t, struct track_pending *p)
{
	DL_DELETE(t->pending, p);
	t->n_pending--;
	gw_free(t->self, p->channel);
	gw_free(t->self, p->text);
	gw_free(t->self, p);
}

void track_pending_add(struct track *t, const char *channel, const char *text)
{
	struct track_pending *p = gw_alloc(t->self, sizeof(*p));

	track_set(t, &p->channel, channel, TRACK_NAME_MAX);
	track_set(t, &p->text, text, TRACK_TEXT_MAX);
	DL_APPEND(t->pending, p);
	if (++t->n_pending > TRACK_PENDING_MAX)
		track_pending_drop(t, t->pending);
}

static bool is_of(const struct track *t, const struct track_pending *p, const char *channel)
{
	if (p->channel == NULL || channel == NULL)
		return p->channel == channel;
	return track_same(t, p->channel, channel);
}

struct track_pending *track_pending_find(const struct track *t, const char *channel, bool with_text)
{
	struct track_pending *p;

	DL_FOREACH (t->pending, p)
		if ((p->text != NULL) == with_text && is_of(t, p, channel))
			return p;
	return NULL;
}

void track_pending_answered(struct track *t, struct track_pending *p)
{
	struct track_pending *before, *next;

	DL_FOREACH_SAFE (t->pending, before, next) {
		if (before == p)
			break;
		if (is_of(t, before, p->channel))
			track_pending_drop(t, before);
	}
	track_pending_drop(t, p);
}

void track_pending_refused(struct track *t, const char *channel)
{
	struct track_pending *p;

	DL_FOREACH (t->pending, p) {
		if (!is_of(t, p, channel))
			continue;
		track_pending_drop(t, p);
		return;
	}
}
