/*
 * modules/agent/track.c - what is known of a session.
 */
#include "track.h"

void track_init(struct track *t, struct gw_self *self)
{
	t->self = self;
}

void track_fini(struct track *t)
{
	(void)t;
}

void track_client_line(struct track *t, const char *line)
{
	(void)t, (void)line;
}

void track_server_line(struct track *t, const char *line)
{
	struct ircline l;

	if (!t->registered && ircline_is(line, "001") && ircline_read(&l, line)) {
		ircline_nick(l.params[0], t->nick, sizeof(t->nick));
		t->registered = true;
	}
}

bool track_has_cap(const struct track *t, const char *cap)
{
	(void)t, (void)cap;
	return false;
}

bool track_is_me(const struct track *t, const char *nick)
{
	return strcmp(t->nick, nick) == 0;
}
