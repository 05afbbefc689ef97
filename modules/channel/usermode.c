/*
 * modules/channel/usermode.c - MODE with a nick: one's own user modes (221, 501, 502).
 */
#include "private.h"

#include <string.h>

static const struct gw_usermode *usermode(struct channel_state *c, char letter)
{
	const struct gw_row *rows;
	size_t n = gw_rows(c->self, GW_POINT_USERMODE, &rows);

	for (size_t i = 0; i < n; i++) {
		const struct gw_usermode *mode = rows[i].row;

		if (mode->name[0] == letter)
			return mode;
	}
	return NULL;
}

static void send_modes(struct channel_state *c, struct gw_client *client)
{
	char letters[54] = "+";
	size_t n = 1;

	for (char l = 'A'; l <= 'z'; l++)
		if (gw_letter(l) & client->session->user->modes)
			letters[n++] = l;
	CLIENT(c, numeric, client, 221, "%s", letters);
}

/* Collects what the user may change; false when a letter is unknown. */
static bool collect(struct channel_state *c, const char *text, struct gw_user_set *set)
{
	bool add = true, known = true;

	for (; *text != '\0'; text++) {
		const struct gw_usermode *mode;

		if (*text == '+' || *text == '-') {
			add = *text == '+';
			continue;
		}
		mode = usermode(c, *text);
		if (mode == NULL) {
			known = false;
		} else if (mode->by_user || (*text == 'o' && !add)) {
			set->modes_add &= ~gw_letter(*text);
			set->modes_remove &= ~gw_letter(*text);
			*(add ? &set->modes_add : &set->modes_remove) |= gw_letter(*text);
		}
	}
	return known;
}

void channel_user_mode(struct channel_state *c, struct gw_client *client,
                       const struct gw_message *m)
{
	struct gw_user *self = client->session->user;
	struct gw_user_set set = {.fields = GW_SET_MODES};

	if (NETWORK(c, user, m->argv[0]) == NULL) {
		CLIENT(c, numeric, client, 401, "%s :No such nick", m->argv[0]);
		return;
	}
	if (!NETWORK(c, same, m->argv[0], self->nick)) {
		CLIENT(c, numeric, client, 502, ":Cannot change or see the modes of other users");
		return;
	}
	if (m->argc < 2) {
		send_modes(c, client);
		return;
	}
	if (!collect(c, m->argv[1], &set))
		CLIENT(c, numeric, client, 501, ":Unknown mode");
	set.modes_add &= ~self->modes;
	set.modes_remove &= self->modes;
	if (set.modes_remove & gw_letter('o'))
		set.fields |= GW_SET_ROLE;
	if ((set.modes_add | set.modes_remove) != 0)
		NETWORK(c, set, client->session, &set, client->command);
}
