/*
 * modules/oper/acts.c - what operators do by IRC commands of their own: KILL, WALLOPS, REHASH; and
 * server notices.
 */
#include "private.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void oper_tell(struct oper_state *o, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (struct gw_client *c = CLIENT(o, next, NULL); c != NULL; c = CLIENT(o, next, c))
		if (c->session != NULL && (c->session->user->modes & gw_letter('o')))
			CLIENT(o, unasked, c, NULL, "NOTICE %s :*** %s", c->nick, text);
}

void oper_who(const struct gw_client *client, char who[WHO_MAX + 1], char detail[DETAIL_MAX])
{
	char hex[65];

	snprintf(who, WHO_MAX + 1, "account %s (%s) from %s",
	         client->account != NULL ? client->account : "-", client->nick,
	         client->info->address);
	detail[0] = '\0';
	if (client->info->has_certificate)
		snprintf(detail, DETAIL_MAX, "certificate=%s",
		         sodium_bin2hex(hex, sizeof(hex), client->info->certificate,
		                        sizeof(client->info->certificate)));
}

void oper_audit(struct oper_state *o, const struct gw_client *client, const char *command,
                const char *format, ...)
{
	char who[WHO_MAX + 1], detail[DETAIL_MAX], text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	oper_who(client, who, detail);
	gw_log(o->self, GW_INFO, "irc command=%s who=\"%s\"%s%s %s", command, who,
	       detail[0] != '\0' ? " " : "", detail, text);
}

/* Operators whose role lacks the privilege get 481 like everybody else. */
bool oper_allowed(struct oper_state *o, struct gw_client *client, const char *command,
                  const char *privilege)
{
	if (oper_may(o, client->session->user, privilege))
		return true;
	oper_audit(o, client, command, "refused: it needs the privilege %s", privilege);
	CLIENT(o, numeric, client, 481, ":Permission Denied- Your role does not include \"%s\"",
	       privilege);
	return false;
}

void oper_kill(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct oper_state *o = state;
	struct gw_user *user = NETWORK(o, user, m->argv[0]);
	const char *reason = m->argc > 1 && m->argv[1][0] != '\0'
	                             ? gw_cut(m->argv[1], GW_REASON_MAX)
	                             : "No reason given";

	if (!oper_allowed(o, client, "KILL", "session.kick"))
		return;
	if (user == NULL) {
		CLIENT(o, numeric, client, 401, "%s :No such nick", m->argv[0]);
		return;
	}
	oper_audit(o, client, "KILL", "%s (%s)", user->nick, reason);
	oper_tell(o, "%s killed %s (%s)", client->session->user->nick, user->nick, reason);
	NETWORK(o, kill, client->session, user->session, reason, client->command);
}

void oper_wallops(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct oper_state *o = state;

	if (!oper_allowed(o, client, "WALLOPS", "wallops"))
		return;
	oper_audit(o, client, "WALLOPS", "%s", m->argv[0]);
	NETWORK(o, wallops, client->session, m->argv[0], client->command);
}

void oper_render_wallops(void *state, struct gw_render *r, const struct gw_event *event)
{
	(void)state;
	gw_render_line(r, NULL, "WALLOPS :%s", event->text);
}
