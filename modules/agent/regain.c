/*
 * modules/agent/regain.c - a nick that somebody else had when the session came back is asked for
 * again later, a few times: often it was our own ghost. It ends when the client takes another nick
 * itself.
 */
#include "regain.h"
#include "agent.h"
#include "tables.h"

#include <godwit/mem.h>
#include <stdio.h>

#define TRIES_MAX 6
#define FIRST_AFTER (15 * GW_SECOND) /* then twice as long each time */

struct regain {
	struct gw_timer *timer;
	char wanted[TRACK_NICK_MAX], instead[TRACK_NICK_MAX];
	uint32_t tries;
	bool asked; /* our NICK is not answered yet */
	uint8_t reserved[3];
};

void regain_free(struct session *s)
{
	if (s->regain == NULL)
		return;
	gw_timer_free(&s->regain->timer, s->agent->self);
	gw_free(s->agent->self, s->regain);
	s->regain = NULL;
}

void regain_begin(struct session *s, const char *wanted)
{
	struct gw_self *self = s->agent->self;
	struct regain *r;
	char nick[TRACK_NICK_MAX];

	snprintf(nick, sizeof(nick), "%s", wanted);
	regain_free(s);
	if (track_is_me(&s->track, nick))
		return;
	r = s->regain = gw_alloc(self, sizeof(*r));
	snprintf(r->wanted, sizeof(r->wanted), "%s", nick);
	snprintf(r->instead, sizeof(r->instead), "%s", s->track.nick);
	r->timer = gw_timer_new(self, gw_call(self, CALL_REGAIN_TIMER, s->id));
	gw_timer_set(r->timer, self, FIRST_AFTER);
}

const char *regain_wanted(const struct session *s)
{
	return s->regain != NULL && track_is_me(&s->track, s->regain->instead) ? s->regain->wanted
	                                                                       : s->track.nick;
}

void regain_timer(void *state, uint64_t id)
{
	struct session *s = session_find(state, id);
	struct regain *r = s != NULL ? s->regain : NULL;
	char line[TRACK_NICK_MAX + 8];

	if (r == NULL)
		return;
	if (!track_is_me(&s->track, r->instead) || r->tries == TRIES_MAX) {
		regain_free(s);
		return;
	}
	gw_timer_set(r->timer, s->agent->self, FIRST_AFTER << r->tries);
	r->tries++;
	if (s->state != SESSION_PASSING)
		return;
	snprintf(line, sizeof(line), "NICK %s", r->wanted);
	r->asked = session_send(s, line) == 0;
}

/* 437 and the others name the nick; NICK itself is the client's news. */
bool regain_server_line(struct session *s, const char *line)
{
	static const char *const refusals[] = {"432", "433", "435", "436", "437", "438", "447"};
	struct regain *r = s->regain;
	struct ircline l;
	bool refused = false;

	if (r == NULL || !r->asked)
		return false;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		refused = refused || ircline_is(line, refusals[i]);
	if (!refused || !ircline_read(&l, line) || !track_same(&s->track, l.params[1], r->wanted))
		return false;
	r->asked = false;
	return true;
}
