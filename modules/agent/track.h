/*
 * modules/agent/track.h - what is known of a session from the lines that pass: nick, capabilities,
 * modes, channels with their people, away, MONITOR. What restore.c needs to bring it back, and to
 * see what has changed meanwhile. Private to the agent.
 *
 * Nothing is asked of the server for it. All is bounded; where a channel has more people than are
 * kept, it says so (`crowded`), and its people are not compared.
 */
#ifndef AGENT_TRACK_H
#define AGENT_TRACK_H

#include "ircline.h"

#include <godwit/hash.h>
#include <godwit/self.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TRACK_NICK_MAX = 128,
	TRACK_CHANNELS_MAX = 500,
	TRACK_MEMBERS_MAX = 20000, /* of one channel */
	TRACK_CAPS_MAX = 128,
	TRACK_MONITOR_MAX = 500,
	TRACK_BATCHES_MAX = 32,
	TRACK_TEXT_MAX = 1024 /* a topic, a real name, an away text */
};

/** How names are compared: ISUPPORT CASEMAPPING. */
enum track_fold { TRACK_RFC1459, TRACK_STRICT, TRACK_ASCII };

/** Somebody in a channel. */
struct track_member {
	UT_hash_handle hh; /* by the folded nick */
	char *folded, *nick;
	char *userhost; /* "user@host"; NULL: never seen */
	char status[8]; /* prefixes, highest first: "@+" */
};

struct track_channel {
	UT_hash_handle hh; /* by the folded name */
	char *folded, *name;
	char *key;   /* that the client has joined with, or that was set since; NULL: none */
	char *topic; /* "" : none; NULL: unknown */
	struct track_member *members;
	bool crowded;
	bool names_open; /* between the first 353 and 366 */
	uint8_t reserved[6];
};

/** A nick on the MONITOR list. */
struct track_watched {
	UT_hash_handle hh; /* by the folded nick */
	char *folded, *nick;
	bool known, online;
	uint8_t reserved[6];
};

struct track {
	struct gw_self *self; /* whose memory it is */
	bool registered;      /* 001 has come */
	bool cap_302;  /* the client has said CAP LS 302 or more: CAP NEW and DEL are for it */
	bool cap_said; /* it has said CAP at all */
	uint8_t fold;  /* enum track_fold */
	uint8_t reserved[4];
	char nick[TRACK_NICK_MAX];
	char *user; /* the parameters of the client's USER, as it has said them; NULL: not yet */
	char *userhost; /* our own "user@host" as the network shows it; NULL: not seen */
	char *account;  /* logged in to it (900); NULL */
	char *away;     /* the text; NULL: not away */
	char modes[64]; /* letters of our user modes */
	char *caps[TRACK_CAPS_MAX]; /* in force, without values */
	size_t n_caps;
	char prefix_modes[16], prefix_signs[16]; /* ISUPPORT PREFIX: "qaohv", "~&@%+" */
	char chantypes[8];
	struct track_channel *channels;
	struct track_watched *monitored;
	char *batches[TRACK_BATCHES_MAX]; /* references of those that are open, from the server */
	size_t n_batches;
	struct track_pending
		*pending; /* track.c: JOINs with keys that are not answered yet, MONITOR... */
};

void track_init(struct track *t, struct gw_self *self);
void track_fini(struct track *t);
/** What the client says, on its way to the server. */
void track_client_line(struct track *t, const char *line);
/** What the server says, on its way to the client. */
void track_server_line(struct track *t, const char *line);

bool track_has_cap(const struct track *t, const char *cap);
/** A name as it is compared, in memory of gw_alloc(), the caller's. */
char *track_folded(const struct track *t, const char *name);
bool track_same(const struct track *t, const char *a, const char *b);
bool track_is_me(const struct track *t, const char *nick);
bool track_is_channel(const struct track *t, const char *name);
struct track_channel *track_channel(const struct track *t, const char *name);
struct track_member *track_member(const struct track *t, const struct track_channel *c,
                                  const char *nick);

#endif
