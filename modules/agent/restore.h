/*
 * modules/agent/restore.h - a session that is being brought back on a new connection. Private to
 * the files restore*.c.
 *
 *     restore.c         the beginning, the stages, the timer, the end
 *     restore_login.c   until 001: capabilities, nick, login
 *     restore_rooms.c   after it: modes, away, MONITOR, channels, who is who
 *     restore_tell*.c   what the client is told of what has changed
 *
 * A tracker of its own notes what the new connection says. What it knows at the end is compared
 * with what the client believes (session.track), and takes its place.
 */
#ifndef AGENT_RESTORE_H
#define AGENT_RESTORE_H

#include "agent.h"
#include "lines.h"
#include "login.h"

#define RESTORE_OWN_CAP "godwit/redirect"
#define RESTORE_WANTS_LOGIN                                                                        \
	"The network wants a login, and the agent has none for you: log in again"

enum { RESTORE_LINE = 480 }; /* bytes of a line that has many words, at most */

enum restore_stage {
	RESTORE_OFFER,   /* CAP LS was sent, with NICK and USER */
	RESTORE_REQUEST, /* CAP REQ, a line at a time */
	RESTORE_SASL,
	RESTORE_ENTER, /* CAP END: 001 is to come */
	RESTORE_WORK   /* lines of the phases of restore.c, some at a time */
};

/** A channel that was asked for. */
struct restore_room {
	UT_hash_handle hh; /* by the folded name */
	char *folded;
	char *refused; /* the sentence of the server; NULL: none came */
	char *setter;  /* what 333 says of its topic: "nick time"; or NULL */
};

/** Somebody of whom WHO has told. */
struct restore_person {
	UT_hash_handle hh; /* by the folded nick */
	char *folded, *userhost, *realname;
	char *account; /* "*": none; NULL: unknown */
};

struct restore {
	struct gw_timer *timer;
	struct track fresh;
	struct login_words words;
	struct lines offered;  /* capabilities */
	struct lines requests; /* CAP REQ lines to come; the first is under way */
	struct lines extra;    /* granted ones that the client has not asked for */
	struct lines out;      /* lines of this phase that wait */
	struct lines kept;     /* of the server, for the client, when it is done */
	struct lines said;     /* by the client meanwhile */
	struct lines batches;  /* references of those of which the client will hear */
	struct lines isupport; /* 005 as it came */
	struct restore_room *rooms;
	struct restore_person *people;
	char *wanted;  /* the nick that is to be had back */
	char *reason;  /* of the failure; or what ERROR has said */
	uint64_t mark; /* number of the PING under way; 0: none */
	uint64_t last_mark;
	uint32_t nicks_tried;
	uint32_t joins_a_line; /* TARGMAX; 0: nothing is said about it */
	uint8_t stage;         /* enum restore_stage */
	uint8_t phase;
	bool failed, fail_login; /* it is told in a turn of its own */
	bool nick_refused;       /* before the login, after which it may be ours */
	bool sasl, sasl_plain;   /* offered; with this mechanism */
	bool logged_in;
	bool patient; /* an answer came without a welcome: a moment more */
	bool whox;
	bool can_move;
	uint8_t reserved[5];
};

/* restore.c */
/** To the server, and noted. */
__attribute__((format(printf, 2, 3))) void restore_say(struct session *s, const char *format, ...);
/** PING; when it is answered, all that was sent before has been. */
void restore_mark(struct session *s);
/** 30 s from now, or `ns`, it is given up. */
void restore_wait(struct session *s, int64_t ns);
void restore_fail(struct session *s, bool login, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** A part of a line, made of as many words as fit. */
struct restore_words {
	char text[RESTORE_LINE + 1];
	size_t n;
};
/** False: it does not fit any more. */
bool restore_word(struct restore_words *words, const char *word, char separator);

/** The last parameter; "" if there is none. */
static inline const char *restore_last(const struct ircline *l)
{
	return l->n > 0 ? l->params[l->n - 1] : "";
}

/* restore_login.c */
void restore_login_begin(struct session *s);
/** All lines of the server before 001. */
void restore_login_line(struct session *s, const struct ircline *l);
/** The PING was answered, and there is no welcome. */
void restore_login_marked(struct session *s);

/* restore_rooms.c: each puts the lines of its phase into `out` */
void restore_own(struct session *s);
void restore_rooms(struct session *s);
void restore_names(struct session *s);
void restore_people(struct session *s);
void restore_caps(struct session *s);
/** What the server says after 001: notes what the tracker does not. */
void restore_rooms_line(struct session *s, const struct ircline *l);
struct restore_room *restore_room(struct session *s, const char *name);
struct restore_person *restore_person(struct session *s, const char *nick);
/** The one of the new session in the channel that was `old` in it before, or NULL. */
struct track_member *restore_still(struct session *s, const struct track_channel *room,
                                   const struct track_member *old);
/** Whom the client knows in the channel as this one of the new session, or NULL. */
struct track_member *restore_before(struct session *s, const struct track_channel *room,
                                    const struct track_member *now);
void restore_rooms_free(struct session *s);

/* restore_tell.c */
void restore_tell(struct session *s);
/** A line for the client, in the form that it asks for. */
__attribute__((format(printf, 2, 3))) void restore_told(struct session *s, const char *format, ...);
struct restore_source {
	char text[TRACK_NICK_MAX + TRACK_NAME_MAX + 8];
};
/** `userhost` NULL: unknown. */
struct restore_source restore_source(const char *nick, const char *userhost);
/** Ourselves, as we are now. */
struct restore_source restore_me(struct session *s);
/** Marks the gap, for ourselves or in a channel. */
void restore_tell_gap(struct session *s, const char *target);

/* restore_tell_rooms.c */
void restore_tell_gone(struct session *s);
/** A channel that the client was in; one that is new. */
void restore_tell_old(struct session *s, const struct track_channel *old);
void restore_tell_new(struct session *s, const struct track_channel *c);

#endif
