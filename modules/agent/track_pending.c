/*
 * modules/agent/track_pending.c - what the client has said and the server has not answered yet:
 * JOIN, PART and AWAY. The answer says only which channel it is, or that we are away: key and text
 * are what the client has said. Answers come in the order of the commands.
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

static struct track_pending *add(struct track *t, const char *channel, const char *text)
{
	struct track_pending *p = gw_alloc(t->self, sizeof(*p));

	track_set(t, &p->channel, channel, TRACK_NAME_MAX);
	track_set(t, &p->text, text, TRACK_TEXT_MAX);
	DL_APPEND(t->pending, p);
	if (++t->n_pending > TRACK_PENDING_MAX)
		track_pending_drop(t, t->pending);
	return p;
}

/** The first one of it from `p` on; `channel` NULL: the first AWAY. */
static struct track_pending *next_of(const struct track *t, struct track_pending *p,
                                     const char *channel)
{
	for (; p != NULL; p = p->next) {
		if (p->channel == NULL || channel == NULL) {
			if (p->channel == channel)
				return p;
		} else if (track_same(t, p->channel, channel)) {
			return p;
		}
	}
	return NULL;
}

/** Drops what was said of it before `end`. */
static void drop_until(struct track *t, const char *channel, const struct track_pending *end)
{
	struct track_pending *p = next_of(t, t->pending, channel);

	while (p != NULL && p != end) {
		struct track_pending *after = next_of(t, p->next, channel);

		track_pending_drop(t, p);
		p = after;
	}
}

/* AWAY */

void track_pending_away(struct track *t, const char *text)
{
	add(t, NULL, text);
}

struct track_pending *track_pending_away_is(struct track *t, bool away)
{
	struct track_pending *p = next_of(t, t->pending, NULL);

	while (p != NULL && (p->text != NULL) != away)
		p = next_of(t, p->next, NULL);
	if (p != NULL)
		drop_until(t, NULL, p);
	return p;
}

void track_pending_away_refused(struct track *t)
{
	struct track_pending *p = next_of(t, t->pending, NULL);

	if (p != NULL)
		track_pending_drop(t, p);
}

/* JOIN and PART */

void track_pending_join(struct track *t, const char *channel, const char *key)
{
	add(t, channel, key);
}

void track_pending_part(struct track *t, const char *channel)
{
	add(t, channel, NULL)->part = true;
}

/** The first JOIN; a PART before it was answered, if only that we were not there. */
static struct track_pending *first_join(struct track *t, const char *channel)
{
	struct track_pending *p = next_of(t, t->pending, channel);

	while (p != NULL && p->part) {
		track_pending_drop(t, p);
		p = next_of(t, t->pending, channel);
	}
	return p;
}

/** A key that was not needed does no harm, so the first JOIN with a key is the one. Those behind it
 * are not answered, until we have left. */
void track_pending_joined(struct track *t, struct track_channel *c)
{
	struct track_pending *p = first_join(t, c->name), *said = NULL;

	for (; p != NULL && !p->part; p = next_of(t, p->next, c->name))
		if (said == NULL && p->text != NULL)
			said = p;
	track_set(t, &c->key, said != NULL ? said->text : NULL, TRACK_NAME_MAX);
	drop_until(t, c->name, p);
}

void track_pending_parted(struct track *t, const char *channel)
{
	struct track_pending *p = next_of(t, t->pending, channel);

	while (p != NULL && !p->part)
		p = next_of(t, p->next, channel);
	if (p == NULL)
		return;
	drop_until(t, channel, p);
	track_pending_drop(t, p);
}

void track_pending_join_refused(struct track *t, const char *channel)
{
	struct track_pending *p = first_join(t, channel);

	if (p != NULL)
		track_pending_drop(t, p);
}
