/*
 * modules/oper/acts.c - what operators do by IRC commands of their own: KILL, WALLOPS, REHASH; and
 * server notices.
 */
#include "private.h"

#include <errno.h>
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
	gw_log(o->self, GW_INFO, "%s", text);
	for (struct gw_client *c = CLIENT(o, next, NULL); c != NULL; c = CLIENT(o, next, c))
		if (c->session != NULL && (c->session->user->modes & gw_letter('o')))
			CLIENT(o, unasked, c, NULL, "NOTICE %s :*** %s", c->nick, text);
}

/* Operators whose role lacks the privilege get 481 like everybody else. */
bool oper_allowed(struct oper_state *o, struct gw_client *client, const char *privilege)
{
	if (oper_may(o, client->session->user, privilege))
		return true;
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

	if (!oper_allowed(o, client, "kill"))
		return;
	if (user == NULL) {
		CLIENT(o, numeric, client, 401, "%s :No such nick", m->argv[0]);
		return;
	}
	oper_tell(o, "%s killed %s (%s)", client->session->user->nick, user->nick, reason);
	NETWORK(o, kill, client->session, user->session, reason, client->command);
}

void oper_admin_kill(void *state, struct gw_admin_request *req, int argc, const char *const *argv)
{
	struct oper_state *o = state;
	struct gw_user *user = NETWORK(o, user, argv[0]);
	char reason[REASON_MAX + 1] = "";
	size_t used = 0;

	if (user == NULL) {
		gw_admin_done(o->self, &req, -ENOENT, "nobody has that nick");
		return;
	}
	for (int i = 1; i < argc && used < sizeof(reason); i++)
		used += (size_t)snprintf(reason + used, sizeof(reason) - used, "%s%s",
		                         i > 1 ? " " : "", argv[i]);
	oper_tell(o, "%s was killed by %s (%s)", user->nick, gw_admin_who(o->self, req), reason);
	NETWORK(o, kill, NULL, user->session, reason[0] != '\0' ? reason : "No reason given", 0);
	gw_admin_done(o->self, &req, 0, "");
}

void oper_wallops(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct oper_state *o = state;

	if (oper_allowed(o, client, "wallops"))
		NETWORK(o, wallops, client->session, m->argv[0], client->command);
}

void oper_render_wallops(void *state, struct gw_render *r, const struct gw_event *event)
{
	(void)state;
	gw_render_line(r, NULL, "WALLOPS :%s", event->text);
}
