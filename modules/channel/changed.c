/*
 * modules/channel/changed.c - what the services database says of registered channels, here or from
 * another server, and what follows for the live ones.
 *
 * Events come over links too, mostly before the database's cells do. So a live channel is made the
 * registered one from here only if it has not become so a few seconds after the change; whoever has
 * members in it does that. Of two registrations of one name the earlier owns it; the other is
 * addressed as #name~digits and has no live channel.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define GRACE_NS (5 * GW_SECOND)

/** A channel that may have to become the registered one. */
struct settling {
	struct gw_id id;
	int64_t due_ns;
	struct settling *prev, *next;
};

static void read_for(struct channel_state *c, uint32_t row, struct gw_id id)
{
	SERVICES(c, read, GW_CLASS_CHANNEL, id, gw_call(c->self, row, 0));
}

/* --- the live channel of a name --- */

/* Those at home here get what the access list gives them: they will not join again for it. */
static void give_access(struct channel_state *c, struct gw_channel *channel,
                        const struct registered *r)
{
	for (uint32_t i = 0; i < channel->n_members; i++) {
		struct gw_member *member = channel->members[i];
		uint8_t status = channel_access_status(r, member->user->account_id);

		if (!member->session->local || member->user->account == NULL)
			continue;
		for (const struct gw_chanmode *mode = channel_modes; mode->type == GW_MODE_PREFIX;
		     mode++) {
			struct gw_mode_change give = {
				.letter = mode->name[0], .add = true, .member = member};

			if (status & mode->bit & ~member->status)
				NETWORK(c, mode, NULL, channel, &give, 1, 0);
		}
	}
}

/* A live channel is settled by those who have members in it. */
static bool is_ours(const struct gw_channel *channel)
{
	return channel->n_local > 0 || channel->n_members == 0;
}

void channel_settle(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct channel_state *c = state;
	struct registered *r = status == 0 ? channel_registered_take(c, entity) : NULL;
	struct gw_channel *channel = r != NULL ? NETWORK(c, channel, r->name) : NULL;

	(void)tag;
	if (channel == NULL || r->beaten || gw_id_is(channel->registered, r->id) ||
	    !is_ours(channel))
		return;
	gw_log(c->self, GW_INFO, "a channel is registered by the services database channel=%s",
	       r->name);
	if (channel_restore(c, entity, &channel) == 0 && channel != NULL)
		give_access(c, channel, r);
}

void channel_settle_due(void *state, uint64_t tag)
{
	struct channel_state *c = state;
	int64_t now = gw_mono_ns(c->self);
	struct settling *s;

	(void)tag;
	while ((s = c->settlings) != NULL && s->due_ns <= now) {
		read_for(c, CALL_SETTLE, s->id);
		DL_DELETE(c->settlings, s);
		gw_free(c->self, s);
	}
	if (s != NULL)
		gw_timer_set(c->settle, c->self, s->due_ns - now);
}

static void settle_later(struct channel_state *c, struct gw_id id)
{
	struct settling *s = gw_alloc(c->self, sizeof(*s));

	s->id = id;
	s->due_ns = gw_mono_ns(c->self) + GRACE_NS;
	if (c->settlings == NULL)
		gw_timer_set(c->settle, c->self, GRACE_NS);
	DL_APPEND(c->settlings, s);
}

void channel_settlings_free(struct channel_state *c)
{
	struct settling *s, *next;

	DL_FOREACH_SAFE (c->settlings, s, next) {
		DL_DELETE(c->settlings, s);
		gw_free(c->self, s);
	}
}

/* --- names that two claim --- */

static void tell_founder(struct channel_state *c, const struct registered *r)
{
	for (struct gw_client *to = CLIENT(c, next, NULL); to != NULL; to = CLIENT(c, next, to))
		if (to->account != NULL && gw_id_is(to->account_id, r->founder))
			CLIENT(c, unasked, to, NULL,
			       "NOTICE %s :Somebody registered %s before you did, on a part of the "
			       "network that was out of sight, and has the channel now. Your "
			       "registration keeps its access list and modes as %s; CHANNEL DROP "
			       "%s "
			       "gives it up, else it waits in line.",
			       to->nick, r->name, r->shown, r->shown);
}

static void lost(struct channel_state *c, struct registered *r)
{
	if (r->told)
		return;
	r->told = true;
	gw_log(c->self, GW_WARN,
	       "a channel was registered twice: the earlier claim owns it channel=%s later=%s",
	       r->name, r->shown);
	tell_founder(c, r);
}

void channel_loser_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct registered *r = status == 0 ? channel_registered_take(state, entity) : NULL;

	(void)tag;
	if (r != NULL && r->beaten)
		lost(state, r);
}

/* All who claim a name that is contested; the owner finds nothing lost. */
void channel_claimant(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	(void)tag, (void)status;
	if (owner != NULL && owner->class == GW_CLASS_CHANNEL)
		read_for(state, CALL_LOSER_READ, owner->id);
}

static void look_at_name(struct channel_state *c, const struct gw_entity *entity,
                         const struct registered *r)
{
	const struct gw_cell *claim = gw_entity_cell(entity, GW_F_NAME, NULL, 0);
	char folded[GW_NAME_MAX + 1];
	int n = SERVICES(c, fold, r->name, folded);

	if (claim->contested && n > 0)
		SERVICES(c, claimants, GW_NAME_CHANNEL, folded, (size_t)n,
		         gw_call(c->self, CALL_CLAIMANT, 0));
}

/* --- changes --- */

void channel_reread(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct channel_state *c = state;
	struct registered *r = status == 0 ? channel_registered_take(c, entity) : NULL;
	struct gw_channel *channel;

	if (r == NULL || tag == 0)
		return;
	look_at_name(c, entity, r);
	channel = NETWORK(c, channel, r->name);
	if (channel != NULL && !r->beaten && !gw_id_is(channel->registered, r->id))
		settle_later(c, r->id);
}

/* Whoever is next in line has the channel. */
void channel_next_found(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	(void)tag;
	if (status == 0 && owner->class == GW_CLASS_CHANNEL)
		read_for(state, CALL_SETTLE, owner->id);
}

static struct gw_channel *live_of(struct channel_state *c, struct gw_id id)
{
	struct gw_channel *channel = NETWORK(c, next_channel, NULL);

	while (channel != NULL && !gw_id_is(channel->registered, id))
		channel = NETWORK(c, next_channel, channel);
	return channel;
}

static void dropped(struct channel_state *c, struct gw_id id)
{
	struct registered *r = channel_registered_by_id(c, id);
	struct gw_channel *channel = live_of(c, id);
	char folded[GW_NAME_MAX + 1];
	struct gw_owner owner;
	int n;

	if (r != NULL)
		channel_registered_forget(c, &r);
	if (channel == NULL || !is_ours(channel))
		return;
	n = SERVICES(c, fold, channel->name, folded);
	NETWORK(c, unregister, channel);
	if (n > 0)
		n = SERVICES(c, find, GW_NAME_CHANNEL, folded, (size_t)n, &owner,
		             gw_call(c->self, CALL_NEXT_FOUND, 0));
	if (n == 0)
		channel_next_found(c, 0, 0, &owner);
}

void channel_services_changed(void *state, uint64_t tag, const void *payload)
{
	const struct gw_services_change *change = payload;
	struct channel_state *c = state;

	(void)tag;
	if (change->class != GW_CLASS_CHANNEL)
		return;
	if (change->dead)
		dropped(c, change->id);
	else if (!change->names_kept || channel_registered_by_id(c, change->id) != NULL)
		SERVICES(c, read, GW_CLASS_CHANNEL, change->id,
		         gw_call(c->self, CALL_REREAD, !change->names_kept));
}
