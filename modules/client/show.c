/*
 * modules/client/show.c - how events of a user are shown: QUIT, NICK, and the fields that SET
 * changes.
 */
#include "client.h"

const struct gw_renderer client_renderers[CLIENT_RENDERERS] = {
	{.name = "client.quit",
         .kind = GW_EV_QUIT,
         .audience = GW_TO_PEERS,
         .not_own = true,
         .call = CALL_SHOW_QUIT},
	{.name = "client.nick",
         .kind = GW_EV_NICK,
         .audience = GW_TO_PEERS,
         .call = CALL_SHOW_NICK},
	{.name = "client.set",
         .kind = GW_EV_SET,
         .audience = GW_TO_PEERS,
         .caps = "account-notify chghost setname away-notify",
         .call = CALL_SHOW_SET},
	{.name = "client.modes",
         .kind = GW_EV_SET,
         .audience = GW_TO_SOURCE,
         .call = CALL_SHOW_MODES},
};

static bool has(void *state, const struct gw_render *r, const char *cap)
{
	return r->caps & caps_bit(state, cap);
}

void show_quit(void *state, struct gw_render *r, const struct gw_event *event)
{
	(void)state;
	gw_render_line(r, NULL, "QUIT :%s", event->text != NULL ? event->text : "");
}

void show_nick(void *state, struct gw_render *r, const struct gw_event *event)
{
	const struct gw_user *user = event->source->user;
	char source[GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 3];

	(void)state;
	snprintf(source, sizeof(source), "%s!%s@%s", event->old, user->ident, user->host);
	gw_render_line(r, source, "NICK :%s", user->nick);
}

static void account(void *state, struct gw_render *r, const struct gw_event *event)
{
	const struct gw_user *user = event->source->user;

	if (has(state, r, "account-notify"))
		gw_render_line(r, NULL, "ACCOUNT %s", user->account != NULL ? user->account : "*");
}

/* The user's own client learns the new host in any case. */
static void host(void *state, struct gw_render *r, const struct gw_event *event)
{
	const struct client_state *st = state;
	const struct gw_user *user = event->source->user;
	char source[GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 3];

	snprintf(source, sizeof(source), "%s!%s", user->nick, event->old);
	if (has(state, r, "chghost"))
		gw_render_line(r, source, "CHGHOST %s %s", user->ident, user->host);
	else if (r->own)
		gw_render_line(r, st->server, "396 %s %s :is now your visible host", user->nick,
		               user->host);
}

static void realname(void *state, struct gw_render *r, const struct gw_event *event)
{
	if (has(state, r, "setname"))
		gw_render_line(r, NULL, "SETNAME :%s", event->source->user->realname);
}

/* One's own is answered by 305 and 306. */
static void away(void *state, struct gw_render *r, const struct gw_event *event)
{
	const char *text = event->source->user->away;

	if (r->own || !has(state, r, "away-notify"))
		return;
	if (text != NULL)
		gw_render_line(r, NULL, "AWAY :%s", text);
	else
		gw_render_line(r, NULL, "AWAY");
}

/* The host first: the lines behind it come from the new one. */
void show_set(void *state, struct gw_render *r, const struct gw_event *event)
{
	static const struct {
		uint32_t field;
		gw_render_fn *show;
	} fields[] = {
		{GW_SET_HOST, host},
		{GW_SET_ACCOUNT, account},
		{GW_SET_REALNAME, realname},
		{GW_SET_AWAY, away},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (event->fields & fields[i].field)
			fields[i].show(state, r, event);
}

static size_t letters(uint64_t set, char sign, char *out)
{
	size_t n = 0;

	if (set == 0)
		return 0;
	out[n++] = sign;
	for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; *c != '\0';
	     c++)
		if (set & gw_letter(*c))
			out[n++] = *c;
	return n;
}

void show_modes(void *state, struct gw_render *r, const struct gw_event *event)
{
	char text[2 * 53 + 1];
	size_t n;

	(void)state;
	if (!(event->fields & GW_SET_MODES))
		return;
	n = letters(event->modes_added, '+', text);
	n += letters(event->modes_removed, '-', text + n);
	text[n] = '\0';
	if (n > 0)
		gw_render_line(r, NULL, "MODE %s :%s", event->source->user->nick, text);
}
