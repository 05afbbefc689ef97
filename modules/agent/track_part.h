/*
 * modules/agent/track_part.h - what the files of the tracker share: track.c has the public
 * functions, track_client.c and track_server.c take lines apart and know the session itself,
 * track_isupport.c the server's 005, track_channel.c, track_mode.c and track_names.c the lines
 * about channels, track_members.c their tables, track_monitor.c MONITOR, track_pending.c what
 * waits for an answer.
 */
#ifndef AGENT_TRACK_PART_H
#define AGENT_TRACK_PART_H

#include "track.h"

/** A verb and what it does. Tables are sorted by verb, in upper case. */
struct track_row {
	const char *verb;
	void (*run)(struct track *t, const struct ircline *l);
	size_t n; /* parameters, at least */
};

/** Takes the line apart, if its verb is in the table. NULL: it is not, or it has too few
 * parameters. */
const struct track_row *track_find(const struct track_row *rows, size_t n, struct ircline *l,
                                   const char *line);

/* track.c: texts */
/** `*at` becomes a copy of `value` (NULL: none), cut to `max` bytes, but not within a character. */
void track_set(struct track *t, char **at, const char *value, size_t max);
/** As it is compared, in `out`; false: it is empty, or not shorter than `max`. */
bool track_fold_into(const struct track *t, const char *name, char *out, size_t max);
/** The next word of `*at` in `out` (empty, if it is too long), words being divided by any number
 * of `by`. False: there is none. */
bool track_word(const char **at, char by, char *out, size_t max);

/** Whether it can be a word of a list: such as is not, a server may say, but it is never said to
 * another. */
bool track_is_word(const char *text);

/* track_server.c */
/** Whose line it is, in `nick_out`; false: a nick that is too long, or none. */
bool track_source(const struct ircline *l, char nick_out[TRACK_NICK_MAX]);
bool track_is_nick(const char *nick);
/** The "user@host" of a source; NULL. */
const char *track_source_host(const struct ircline *l);

/* track_members.c */
/** Creates it, or empties it if it is there; NULL: too many, or no channel's name. */
struct track_channel *track_join(struct track *t, const char *name);
void track_leave(struct track *t, struct track_channel *c);
/** The channel is called `name` from now on. */
void track_rename(struct track *t, struct track_channel *c, const char *name);
/** Names are compared otherwise from now on. Nobody but us is known in a channel then. */
void track_refold(struct track *t, enum track_fold fold);
/** Finds or adds; NULL: it cannot be a nick, or the channel is crowded. */
struct track_member *track_come(struct track *t, struct track_channel *c, const char *nick);
void track_go(struct track *t, struct track_channel *c, struct track_member *m);
/** From all channels. */
void track_gone(struct track *t, const char *nick);
/** In all channels. */
void track_renick(struct track *t, const char *from, const char *to);
void track_rehost(struct track *t, const char *nick, const char *userhost);

/* track_isupport.c */
void track_isupport_defaults(struct track *t);
void track_isupport(struct track *t, const struct ircline *l);

/* track_channel.c: lines that are about channels and people */
void track_on_join(struct track *t, const struct ircline *l);
void track_on_part(struct track *t, const struct ircline *l);
void track_on_kick(struct track *t, const struct ircline *l);
void track_on_quit(struct track *t, const struct ircline *l);
void track_on_nick(struct track *t, const struct ircline *l);
void track_on_rename(struct track *t, const struct ircline *l);
void track_on_chghost(struct track *t, const struct ircline *l);
void track_on_topic(struct track *t, const struct ircline *l);
void track_on_topic_is(struct track *t, const struct ircline *l);   /* 332 */
void track_on_topic_none(struct track *t, const struct ircline *l); /* 331 */
void track_on_who(struct track *t, const struct ircline *l);        /* 352 */

/* track_names.c: 353 and 366 */
void track_on_names(struct track *t, const struct ircline *l);
void track_on_names_end(struct track *t, const struct ircline *l);

/* track_mode.c */
void track_on_mode(struct track *t, const struct ircline *l);
void track_on_own_modes(struct track *t, const struct ircline *l);     /* 221 */
void track_on_channel_modes(struct track *t, const struct ircline *l); /* 324 */

/* track_monitor.c */
void track_monitor_says(struct track *t, const struct ircline *l);
void track_monitor_clear(struct track *t);
/** Nobody is added; only how names are compared has changed. */
void track_monitor_refold(struct track *t);
void track_on_online(struct track *t, const struct ircline *l);  /* 730 */
void track_on_offline(struct track *t, const struct ircline *l); /* 731 */
void track_on_list_full(struct track *t, const struct ircline *l);

/* track_pending.c */
void track_pending_away(struct track *t, const char *text);
void track_pending_join(struct track *t, const char *channel, const char *key);
void track_pending_part(struct track *t, const char *channel);
void track_pending_drop(struct track *t, struct track_pending *p);
/** We are away (or not). The AWAY of the client that this answers, which track_pending_drop() ends;
 * NULL: there is none. */
struct track_pending *track_pending_away_is(struct track *t, bool away);
void track_pending_away_refused(struct track *t);
/** We are in the channel: the key is that of the client's JOIN. */
void track_pending_joined(struct track *t, struct track_channel *c);
void track_pending_parted(struct track *t, const char *channel);
void track_pending_join_refused(struct track *t, const char *channel);

#endif
