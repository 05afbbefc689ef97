/*
 * modules/agent/track.h - what is known of a session from the lines that pass: nick, capabilities,
 * modes, channels with their people, away, MONITOR. What restore.c needs to bring it back, and to
 * see what has changed meanwhile. Private to the agent.
 *
 * Nothing is asked of the server for it. All is bounded; where a channel has more people than are
 * kept, it says so (`crowded`), and its people are not compared.
 *
 * All may be read; nothing but track_... may change it. Tables are in the order in which things
 * came.
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
	TRACK_NICK_MAX = 128, /* with the NUL; longer ones are nobody's */
	TRACK_NAME_MAX = 256, /* of a channel, a key, "user@host", with the NUL: longer is ignored
	                       */
	TRACK_WORD_MAX = 128, /* of a capability, a batch, an account, with the NUL; likewise */
	TRACK_CHANNELS_MAX = 500,
	TRACK_MEMBERS_MAX = 20000, /* of one channel */
	TRACK_PEOPLE_MAX = 100000, /* members of all channels together */
	TRACK_CAPS_MAX = 128,
	TRACK_MONITOR_MAX = 500,
	TRACK_BATCHES_MAX = 32,
	TRACK_PENDING_MAX = 600,
	TRACK_REFOLDS_MAX = 16, /* changes of CASEMAPPING that are followed */
	TRACK_TEXT_MAX = 1024   /* bytes of a topic, an away text, a client's USER; cut there */
};

/** How names are compared: ISUPPORT CASEMAPPING. */
enum track_fold { TRACK_RFC1459, TRACK_STRICT, TRACK_ASCII };

/** Somebody in a channel. */
struct track_member {
	UT_hash_handle hh; /* by the folded nick */
	char *folded, *nick;
	char *userhost; /* "user@host"; NULL: never seen */
	char status[8]; /* prefixes, highest first: "@+". Without multi-prefix the lower ones only
	                   as far as they were seen to be given */
	bool named;     /* in the NAMES answer that is under way */
	uint8_t reserved[7];
};

struct track_channel {
	UT_hash_handle hh; /* by the folded name */
	char *folded, *name;
	char *key;   /* that the client has joined with, or that was set since; NULL: none */
	char *topic; /* "" : none; NULL: unknown */
	struct track_member *members; /* we too */
	bool crowded;                 /* more than are kept: only we are in `members` */
	bool names_open;              /* between the first 353 and 366 */
	bool named;   /* a whole NAMES answer has come: with !crowded, all who are there are known
	               */
	bool leaving; /* the client has said PART, which is not answered */
	uint8_t reserved[4];
};

/** A nick on the MONITOR list. */
struct track_watched {
	UT_hash_handle hh; /* by the folded nick */
	char *folded, *nick;
	bool known, online;
	uint8_t reserved[6];
};

/** What the client has said, and the answer decides: a JOIN, a PART or an AWAY. */
struct track_pending {
	struct track_pending *prev, *next; /* utlist, in the order of saying */
	char *channel;                     /* of a JOIN or PART; NULL: an AWAY */
	char *text;                        /* the key, or the away text; NULL: none */
	bool part;
	uint8_t reserved[7];
};

struct track {
	struct gw_self *self; /* whose memory it is */
	bool registered;      /* 001 has come */
	bool cap_302;    /* the client has said CAP LS 302 or more: CAP NEW and DEL are for it */
	bool cap_said;   /* it has said CAP at all */
	bool namesx;     /* it has said PROTOCTL NAMESX: multi-prefix by another name */
	bool uhnames;    /* PROTOCTL UHNAMES: likewise userhost-in-names */
	uint8_t fold;    /* enum track_fold */
	uint8_t refolds; /* how often that has changed */
	uint8_t reserved[1];
	char nick[TRACK_NICK_MAX]; /* "" before 001 */
	char *user; /* the parameters of the client's USER, as it has said them; NULL: not yet */
	char *userhost; /* our own "user@host" as the network shows it; NULL: not seen */
	char *account;  /* logged in to it (900); NULL */
	char *away;     /* the text, "" where it isn't known; NULL: not away */
	char modes[64]; /* letters of our user modes */
	char *caps[TRACK_CAPS_MAX]; /* in force, without values */
	size_t n_caps;
	char prefix_modes[16], prefix_signs[16]; /* ISUPPORT PREFIX: "qaohv", "~&@%+" */
	char chantypes[8];
	char modes_list[32], modes_always[32], modes_set[32]; /* CHANMODES: types A, B, C */
	struct track_channel *channels;
	struct track_watched *monitored;
	char *batches[TRACK_BATCHES_MAX];   /* references of those that are open, from the server */
	bool batch_past[TRACK_BATCHES_MAX]; /* what it has is history, and does not count */
	size_t n_batches;
	struct track_pending *pending;
	uint32_t n_pending;
	uint32_t n_members; /* of all channels */
};

void track_init(struct track *t, struct gw_self *self);
/** Gives all memory back; `*t` is zero then. */
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
struct track_watched *track_watched(const struct track *t, const char *nick);

#endif
