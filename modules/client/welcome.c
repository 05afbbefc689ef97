/*
 * modules/client/welcome.c - the moment in which a client becomes Connected: 001 to 005, then
 * whoever has more to say.
 */
#include "client.h"
#include <time.h>

/* Letters of a point whose rows are named by one, in the order of the alphabet. */
static void letters(struct client_state *st, const char *point, bool (*counts)(const void *row),
                    char *out)
{
	const struct gw_row *rows;
	size_t n = gw_rows(st->self, point, &rows);

	for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; *c != '\0';
	     c++)
		for (size_t i = 0; i < n; i++)
			if (**(const char *const *)rows[i].row == *c &&
			    (counts == NULL || counts(rows[i].row)))
				*out++ = *c;
	*out = '\0';
}

static bool takes_parameter(const void *row)
{
	return ((const struct gw_chanmode *)row)->type != GW_MODE_FLAG;
}

static void my_info(struct client_state *st, struct client *c)
{
	char users[64], channels[64], parameters[64];

	letters(st, GW_POINT_USERMODE, NULL, users);
	letters(st, GW_POINT_CHANMODE, NULL, channels);
	letters(st, GW_POINT_CHANMODE, takes_parameter, parameters);
	reply_numeric(st, c, 4, "%s godwit-%s %s %s %s", st->server,
	              gw_server_string(st->self, "version"), users[0] != '\0' ? users : "-",
	              channels[0] != '\0' ? channels : "-", parameters);
}

static void created(struct client_state *st, struct client *c)
{
	time_t seconds = (time_t)(st->started_ms / 1000);
	char text[64];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	reply_numeric(st, c, 3, ":This server was started %s", text);
}

void welcome(struct client_state *st, struct client *c)
{
	const struct gw_user *user = c->pub.session->user;

	clients_change(st, c, GW_AUTHENTICATED);
	st->counts.entered++;
	clients_bind(st, c);
	client_lend(c);
	entry_free(st, c);
	c->pub.last_active_ns = c->heard_ns = gw_mono_ns(st->self);
	connection_limits(st, c);
	timeouts_begin(st, c);
	reply_numeric(st, c, 1, ":Welcome to the %s network, %s!%s@%s", st->network_name,
	              user->nick, user->ident, user->host);
	reply_numeric(st, c, 2, ":Your host is %s, running godwit-%s", st->server,
	              gw_server_string(st->self, "version"));
	created(st, c);
	my_info(st, c);
	isupport_send(st, c);
	gw_notify(st->self, st->welcomed, &c->pub);
}
