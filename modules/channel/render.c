/*
 * modules/channel/render.c - what a channel's events look like to clients.
 */
#include "private.h"

#include <stdio.h>
#include <string.h>

static uint64_t cap(struct channel_state *c, const char *name)
{
	return CLIENT(c, cap, name);
}

/* The prefixes that come with a join, as "+qo nick nick"; empty when there are none. */
static void joined_status(const struct gw_event *event, char *out, size_t max)
{
	const char *nick = event->source->user->nick;
	char letters[8] = "";
	size_t n = 0, used;

	for (const struct gw_chanmode *mode = channel_modes; mode->type == GW_MODE_PREFIX; mode++)
		if (event->status & mode->bit)
			letters[n++] = mode->name[0];
	out[0] = '\0';
	if (n == 0)
		return;
	used = (size_t)snprintf(out, max, "+%s", letters);
	while (n-- > 0 && used < max)
		used += (size_t)snprintf(out + used, max - used, " %s", nick);
}

void channel_render_join(void *state, struct gw_render *r, const struct gw_event *event)
{
	struct channel_state *c = state;
	const struct gw_user *user = event->source->user;
	char status[8 + 5 * (GW_NICK_MAX + 1)];

	if (r->caps & cap(c, "extended-join"))
		gw_render_line(r, NULL, "JOIN %s %s :%s", event->channel->name,
		               user->account != NULL ? user->account : "*", user->realname);
	else
		gw_render_line(r, NULL, "JOIN %s", event->channel->name);
	joined_status(event, status, sizeof(status));
	if (status[0] != '\0')
		gw_render_line(r, event->node->name, "MODE %s %s", event->channel->name, status);
	if (user->away != NULL && !r->own && (r->caps & cap(c, "away-notify")))
		gw_render_line(r, NULL, "AWAY :%s", user->away);
}

void channel_render_part(void *state, struct gw_render *r, const struct gw_event *event)
{
	(void)state;
	if (event->text != NULL && event->text[0] != '\0')
		gw_render_line(r, NULL, "PART %s :%s", event->channel->name, event->text);
	else
		gw_render_line(r, NULL, "PART %s", event->channel->name);
}

void channel_render_kick(void *state, struct gw_render *r, const struct gw_event *event)
{
	(void)state;
	gw_render_line(r, NULL, "KICK %s %s :%s", event->channel->name, event->member->user->nick,
	               event->text != NULL ? event->text : "");
}

/* A line's worth of mode changes; params go behind all letters. */
struct mode_line {
	char letters[64], params[400];
	size_t n, used;
	char sign;
};

static bool add_change(struct mode_line *line, const struct gw_mode_change *change)
{
	const char *param = change->member != NULL ? change->member->user->nick : change->param;
	size_t len = param != NULL ? strlen(param) + 1 : 0;
	char sign = change->add ? '+' : '-';

	if (line->n + 3 >= sizeof(line->letters) || line->used + len >= sizeof(line->params))
		return false;
	if (line->sign != sign)
		line->letters[line->n++] = line->sign = sign;
	line->letters[line->n++] = change->letter;
	line->letters[line->n] = '\0';
	if (param != NULL)
		line->used += (size_t)sprintf(line->params + line->used, " %s", param);
	return true;
}

void channel_render_mode(void *state, struct gw_render *r, const struct gw_event *event)
{
	struct mode_line line = {.n = 0};

	(void)state;
	for (size_t i = 0; i < event->n_modes; i++) {
		if (add_change(&line, &event->modes[i]))
			continue;
		gw_render_line(r, NULL, "MODE %s %s%s", event->channel->name, line.letters,
		               line.params);
		line = (struct mode_line){.n = 0};
		add_change(&line, &event->modes[i]);
	}
	if (line.n > 0)
		gw_render_line(r, NULL, "MODE %s %s%s", event->channel->name, line.letters,
		               line.params);
}

void channel_render_topic(void *state, struct gw_render *r, const struct gw_event *event)
{
	(void)state;
	gw_render_line(r, NULL, "TOPIC %s :%s", event->channel->name,
	               event->text != NULL ? event->text : "");
}

void channel_render_invite(void *state, struct gw_render *r, const struct gw_event *event)
{
	(void)state;
	gw_render_line(r, NULL, "INVITE %s %s", event->target->user->nick, event->channel->name);
}

/* For the members who asked to hear of invitations. */
void channel_render_invite_notify(void *state, struct gw_render *r, const struct gw_event *event)
{
	if (r->caps & cap(state, "invite-notify"))
		channel_render_invite(state, r, event);
}
