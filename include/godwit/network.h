/*
 * godwit/network.h - the live network: the interface "network" 1.0.
 *
 * Servers, users, sessions, channels and memberships, as they are now. Whatever changes them is an
 * event, and events go one way: a command handler checks and submits; `network` stamps it (origin =
 * this run of the server, sequence, clock), applies it, and then notifies the topic
 * "network.event": the client module renders it, links forward it, others listen. What a link
 * brings goes the same way from `apply` on. `network` is the only writer: all structs here are read
 * only for everybody else and borrowed for the turn.
 *
 * Each mode, list entry, topic, prefix and nick is a cell with the stamp (clock, origin) of the
 * event that set it; the greater stamp wins in whatever order events come, and a loser changes
 * nothing and is not in the event that subscribers see. An event made inside a notification is
 * queued behind it, so all subscribers see one order.
 */
#ifndef GODWIT_NETWORK_H
#define GODWIT_NETWORK_H

#include <godwit/call.h>
#include <godwit/conn.h>
#include <godwit/error.h>
#include <godwit/services.h>
#include <stdbool.h>
#include <stdint.h>

#define GW_NICK_MAX 30    /* bytes */
#define GW_CHANNEL_MAX 50 /* bytes, with the prefix */
#define GW_IDENT_MAX 12
#define GW_HOST_MAX 63
#define GW_REALNAME_MAX 150
#define GW_TOPIC_MAX 390
#define GW_AWAY_MAX 200
#define GW_REASON_MAX 300
#define GW_KEY_MAX 32
#define GW_SERVER_MAX 63

/** A set of letters A-Z a-z, as bits: user modes, flag modes of channels. */
static inline uint64_t gw_letter(char letter)
{
	if (letter >= 'a' && letter <= 'z')
		return (uint64_t)1 << (letter - 'a');
	if (letter >= 'A' && letter <= 'Z')
		return (uint64_t)1 << (26 + letter - 'A');
	return 0;
}

/** Prefix modes in the order of rank. */
enum gw_prefix { GW_VOICE = 1, GW_HALFOP = 2, GW_OP = 4, GW_ADMIN = 8, GW_OWNER = 16 };

/** How busy a server is, as it last said. */
struct gw_load_report {
	uint32_t clients; /* connections of users */
	uint32_t weight;  /* its capacity, relative to others'; 0: nothing was said yet */
	uint32_t lag_us;  /* of its loop, the longest turn of late */
	uint32_t room;    /* how many more clients it would take; 0: it is full, or about to stop */
	uint64_t bytes;   /* a second, in and out */
	bool draining;    /* it sends its clients away, and takes none */
	uint8_t reserved[7]; /* 0 */
};

/** A server of the network. */
struct gw_node {
	const char *name, *description;
	struct gw_id id;     /* its entity in the services database */
	uint64_t run;        /* origin of its events */
	uint64_t life;       /* origin of its stamps in the services database */
	uint64_t via;        /* the link behind which it is; 0: here */
	bool here;           /* this server */
	bool direct;         /* at the other end of `via` */
	bool bursting;       /* its state is still on its way to here */
	uint8_t reserved[1]; /* 0: no hole in which an address could be left */
	uint32_t n_users;
	struct gw_node *up; /* the next server on the way to this one, NULL: here */
	struct gw_load_report load;
	struct gw_node *next;
};

/** Where a user is connected. Read only for all but the network module, as are the structs below.
 */
struct gw_session {
	uint64_t id;    /* names no server */
	uint32_t epoch; /* how often it has moved */
	bool local;     /* at home on this server */
	bool shown;     /* its output is made here: it is at home here, or its shadow is here */
	bool moving;    /* local, and about to be handed over: see `moving` */
	uint8_t reserved[1]; /* 0: no hole in which an address could be left */
	uint64_t shadow; /* run of the server that it may move to; 0: none that is known of here.
	                    What is for the session goes to its home and to its shadow */
	struct gw_user *user;
	struct gw_node *home;
	struct gw_sink *sink; /* where its output goes; NULL unless shown */
	uint64_t caps;        /* bits of the client module: what it is shown; 0 unless shown */
	void **data;          /* slots of the point "network.session-data" */
	uint64_t mark;        /* of the renderer, to count a session once */
};

/** Somebody on the network, wherever they are connected. */
struct gw_user {
	struct gw_session *session; /* one to one for now */
	const char *nick, *ident, *host, *realname;
	const char *account; /* display name, NULL when not logged in */
	struct gw_id account_id;
	const char *away;    /* NULL when here */
	const char *role;    /* of an operator, NULL otherwise */
	uint64_t modes;      /* letters */
	int64_t signon_ms;   /* wall clock */
	bool secure;         /* connected over TLS */
	uint8_t reserved[7]; /* 0: no hole in which an address could be left */
	struct gw_stamp nick_stamp;
	struct gw_member *channels; /* utlist DL by of_user */
	uint32_t n_channels;
};

/** A membership; named by the event that made it, so what was meant for an earlier one does nothing
 * to it. */
struct gw_member {
	struct gw_session *session;
	struct gw_user *user;
	struct gw_channel *channel;
	uint8_t status; /* enum gw_prefix bits */
	uint32_t index; /* in the channel's members */
	struct gw_stamp stamp;
	struct gw_member *prev, *next; /* of_user: the user's channels */
};

/** An entry of a channel's lists (bans, exceptions, invitations). */
struct gw_list_entry {
	const char *mask, *setter;
	int64_t set_ms;
	struct gw_stamp stamp;
	bool gone; /* a tombstone: skip it */
	char letter;
	struct gw_list_entry *prev, *next;
};

/** A channel, with all of its members on the whole network. */
struct gw_channel {
	const char *name;
	struct gw_stamp created; /* of two channels of one name the older wins */
	struct gw_id registered; /* none: not registered */
	struct gw_member **members;
	uint32_t n_members, n_local; /* the first n_local of `members` are those whose sessions are
	                                shown here */
	uint64_t modes;              /* letters of flag modes, and of set modes with a parameter */
	const char *key;             /* +k */
	uint32_t limit;              /* +l */
	const char *topic, *topic_setter; /* NULL: none */
	int64_t topic_ms;
	struct gw_list_entry *lists; /* b, e, I..., in the order of setting; utlist DL */
	uint32_t interest;           /* modules that listen without a member */
};

/** Kinds: namespace << 16 | number. Namespace 1 is this header's. A third party's is 0x8000 | 15
 * bits of a hash of its name, given out by `kind_space`. The two top bits of the number say what a
 * server that does not know the kind shall do. */
#define GW_KIND_FORWARD 0x0000
#define GW_KIND_DROP 0x8000
#define GW_KIND(number, unknown) (((uint32_t)1 << 16) | (number) | (unknown))
/** What has happened: the kinds of the network's own events. */
enum gw_kind {
	GW_EV_USER = GW_KIND(1, GW_KIND_FORWARD), /* source has come */
	GW_EV_QUIT =
		GW_KIND(2, GW_KIND_FORWARD),      /* source leaves; text: reason. Still a member
	                                             everywhere while notified, but its sink is gone */
	GW_EV_NICK = GW_KIND(3, GW_KIND_FORWARD), /* source was `old`, user->nick is the new one */
	GW_EV_SET = GW_KIND(4, GW_KIND_FORWARD),  /* fields of source changed: see `fields` */
	GW_EV_CHANNEL =
		GW_KIND(5, GW_KIND_FORWARD), /* a channel was made, or found to be registered */
	GW_EV_JOIN = GW_KIND(
		6, GW_KIND_FORWARD), /* source joined `channel` as `member`, status within */
	GW_EV_PART = GW_KIND(
		7, GW_KIND_FORWARD), /* still a member while notified; text: reason or empty */
	GW_EV_KICK = GW_KIND(8, GW_KIND_FORWARD), /* `member` is put out by source (NULL: a server);
	                                             text: reason. Still a member while notified */
	GW_EV_MODE = GW_KIND(9, GW_KIND_FORWARD), /* `modes` of `channel` */
	GW_EV_TOPIC = GW_KIND(10, GW_KIND_FORWARD),
	GW_EV_MESSAGE =
		GW_KIND(11, GW_KIND_FORWARD), /* verb, text, tags; to `channel` (status: only these
	                                         prefixes and above) or `target` */
	GW_EV_INVITE = GW_KIND(12, GW_KIND_FORWARD), /* source invites `target` to `channel` */
	GW_EV_KILL =
		GW_KIND(13, GW_KIND_FORWARD), /* an order to the home of `target`; text: reason */
	GW_EV_WALLOPS = GW_KIND(14, GW_KIND_FORWARD),    /* text */
	GW_EV_UNREGISTER = GW_KIND(15, GW_KIND_FORWARD), /* `channel` is registered no more */
	GW_EV_SPLIT = GW_KIND(16, GW_KIND_FORWARD), /* a link broke: the servers behind it are gone.
	                                               Each of their users quits, as GW_EV_QUIT with
	                                               `split`; then this, text: as `split` */
	GW_EV_LOAD = GW_KIND(17, GW_KIND_DROP),     /* `node` says how busy it is */
	GW_EV_SERVER =
		GW_KIND(18, GW_KIND_FORWARD),     /* `node` has come into sight; its users follow */
	GW_EV_MOVE = GW_KIND(19, GW_KIND_FORWARD) /* source is at home on `node` from now on, and
	                                             was on `from`. Seen by nobody. Where it was
	                                             local (from->here) it is so, with its sink,
	                                             while notified, and no more behind that. Also
	                                             from a burst, when two parts of the network
	                                             each had it: the greater epoch counts */
};

/** How far an event goes. */
enum gw_scope { GW_SCOPE_ALL, GW_SCOPE_CHANNEL, GW_SCOPE_SESSION, GW_SCOPE_SERVER };

/** How a message is said. */
enum gw_verb { GW_PRIVMSG, GW_NOTICE, GW_TAGMSG };

/** One letter of a change of modes. Strings are borrowed for the call. */
struct gw_mode_change {
	char letter;
	bool add;
	const char *param;        /* mask, key, limit, or the nick of `member`; NULL: none */
	struct gw_member *member; /* prefix modes */
};

/** Bits of `fields` in GW_EV_SET, and in struct gw_user_set. */
enum gw_user_field {
	GW_SET_AWAY = 1,
	GW_SET_HOST = 2, /* ident and host */
	GW_SET_REALNAME = 4,
	GW_SET_ACCOUNT = 8,
	GW_SET_MODES = 16,
	GW_SET_ROLE = 32,
	GW_SET_CLAIM = 64 /* of the account on the nick in use; seen by nobody. A new nick has none
	                     until it is set again */
};

/** Payload of the topic "network.event": an event that has taken effect. Everything is borrowed for
 * the call. Which fields count is said at enum gw_kind. */
struct gw_event {
	uint64_t origin, seq; /* together the message id */
	uint64_t clock;       /* hybrid; >> 16 are the milliseconds that clients see */
	uint32_t kind;
	uint8_t scope;
	uint64_t command;     /* the client's number of the command that caused it, 0 for none */
	struct gw_node *node; /* of origin */
	struct gw_node *from; /* MOVE: the home before, may be on its way out of sight */
	struct gw_session *source; /* NULL: the server itself */
	struct gw_session *target;
	struct gw_channel *channel;
	struct gw_member *member;
	const char *text;
	const char *tags;  /* client-only tags, escaped, "+a=b;+c"; NULL: none */
	const char *old;   /* NICK: the former nick; SET: former ident@host */
	const char *split; /* QUIT of a netsplit; USER, JOIN, MODE and TOPIC of a burst: the two
	                      servers between which the link broke or came up, "near.example
	                      far.example", the nearer to here first; else NULL */
	uint8_t verb;
	uint8_t status;
	uint32_t fields;
	uint64_t modes_added, modes_removed; /* SET: user modes */
	const struct gw_mode_change *modes;
	size_t n_modes;
	/* Of a kind of a module's own, at the point "network.kind". */
	const char *name; /* the row's: "memo.deliver"; NULL for the network's own kinds */
	const void *body;
	size_t body_len;
};
#define GW_TOPIC_EVENT "network.event"
/** How "network.event" is heard. */
typedef void gw_event_heard_fn(void *state, uint64_t tag, const struct gw_event *event);

/** Payload of the topic "network.record": a record that has been applied, whether or not anything
 * of it can be seen (and one of a kind that is unknown here, if it is to be forwarded): what links
 * pass on. Notified behind its events. */
struct gw_record {
	const void *bytes;
	size_t len;
	uint64_t via; /* the link that brought it, 0: made here */
	uint64_t origin, seq;
	uint32_t kind;
	uint8_t scope;
	bool burst;          /* state of a burst: to every link */
	uint8_t reserved[2]; /* 0 */
	uint64_t source;     /* the session that caused it, 0: a server */
	const char *channel; /* NULL: none */
	uint64_t target;     /* a session, by scope also a server's run; 0: none */
};
/** What `ways` calls for each link over which a record must go. */
typedef void gw_way_fn(void *ctx, uint64_t via);
#define GW_TOPIC_RECORD "network.record"
/** How "network.record" is heard. */
typedef void gw_record_heard_fn(void *state, uint64_t tag, const struct gw_record *record);
#define GW_RECORD_MAX 65536 /* bytes of a record */

/** A link that begins to burst. Strings are copied. */
struct gw_via_spec {
	uint64_t via;        /* any number but 0 that names it among this server's links */
	struct gw_id server; /* who is at its other end: the first server that it introduces must be
	                        that one, of that name */
	const char *name;
	struct gw_stamp joint; /* when the two sides were joined, the same at both ends: of two ways
	                          to one server the one with the younger joint gives way */
};

/** One link of the tree takes another's place. Runs of three servers: the leaver is linked with the
 * other two, which are linked with each other, too, by now; from here on its link to the moved one
 * leads nowhere. */
struct gw_relink {
	uint64_t leaver, keeper, moved;
	uint64_t via; /* the link between keeper and moved; at the leaver: 0 */
};

/** Topic "network.circle"; const uint64_t *: a link that closes a circle, to be closed: via_drop()
 * has been done. */
#define GW_TOPIC_CIRCLE "network.circle"

/** How far a burst has got; zero at first, but for `via`. */
struct gw_burst_cursor {
	uint64_t via; /* the link that it is for: what is behind it is left out; 0: nothing is */
	uint64_t at, within;
	uint32_t phase;
	uint32_t reserved; /* 0 */
};
/** Takes one record of a burst; the bytes are borrowed for the call. */
typedef void gw_burst_emit_fn(void *ctx, const void *record, size_t len);

/** 22 characters of base64url and a NUL: the (origin, sequence) of an event, as clients see it;
 * reversible. */
#define GW_MSGID_LEN 22

/** A new user with one session, at home here. Strings are copied and must be within the bounds
 * above. */
struct gw_user_spec {
	const char *nick, *ident, *host, *realname, *account;
	struct gw_id account_id;
	struct gw_stamp claim; /* of the account on this nick, zero if none */
	uint64_t modes;
	bool secure;
	struct gw_sink *sink;
	uint64_t caps;
	const char *role;
};

/** Changes of a user's fields: those that `fields` names. Borrowed for the call. */
struct gw_user_set {
	uint32_t fields; /* which of these */
	const char *away, *ident, *host, *realname, *account, *role;
	struct gw_id account_id;
	uint64_t modes_add, modes_remove;
	struct gw_stamp claim;
};

/** A channel that is to exist: made new, or restored from what services keep. */
struct gw_channel_spec {
	const char *name;
	struct gw_stamp created; /* zero: now */
	struct gw_id registered;
	struct gw_stamp claim; /* of the registration on the name: of two, the older wins; zero: the
	                          entity's id */
	const struct gw_mode_change *modes; /* flags, parameters, list entries */
	const struct gw_stamp *mode_stamps; /* of each, or NULL: that of the event */
	const char *const *setters;         /* of each list entry, or NULL */
	const int64_t *set_ms;
	size_t n_modes;
	const char *topic, *topic_setter;
	int64_t topic_ms;
	struct gw_stamp topic_stamp;
};

/** A message to be said. Borrowed for the call. */
struct gw_message_spec {
	enum gw_verb verb;
	struct gw_channel *channel; /* or target */
	struct gw_session *target;
	uint8_t status; /* lowest prefix that gets it, 0: all */
	const char *text, *tags;
};

/** Kinds of channel modes, as CHANMODES of 005 tells them: A, B, C, D, and PREFIX. */
enum gw_mode_type {
	GW_MODE_LIST,
	GW_MODE_PARAM /* B: always with one */,
	GW_MODE_SET_PARAM /* C: only to set */,
	GW_MODE_FLAG,
	GW_MODE_PREFIX
};
/** A row of the point "network.chanmode". */
struct gw_chanmode {
	const char *name; /* one letter */
	enum gw_mode_type type;
	char prefix; /* of a prefix mode: ~ & @ % + */
	uint8_t bit; /* of a prefix mode: enum gw_prefix */
	const char *help;
};
#define GW_POINT_CHANMODE "network.chanmode"

/** A row of the point "network.usermode". */
struct gw_usermode {
	const char *name; /* one letter */
	bool by_user;     /* users set and unset it themselves; else only unset (o) or neither */
	const char *help;
};
#define GW_POINT_USERMODE "network.usermode"

/** A row of the point "network.session-data": what a module keeps per session. The block is zeroed
 * when the session comes and freed by `network` after GW_EV_QUIT (what it points to is the module's
 * to free, in its subscription to the event). It is kept when its module is reloaded; a row that
 * has become larger finds zeros behind what it had. Incompatible contents need a new name. */
struct gw_session_data {
	const char *name; /* "away-log": unique */
	uint32_t version;
	uint32_t size;
	bool stays;      /* does not move with the session: export and import unused */
	bool everywhere; /* every server has it: a link's burst carries it, too (else only a move
	                    does). Changes in between are the module's own events */
	uint8_t reserved[2]; /* 0 */
	/** Rows of `.calls`. Export: int fn(state, const struct gw_session *, const void *data,
	 * void *out, size_t max, size_t *len_out). Import: int fn(state, struct gw_session *, void
	 * *data, const void *in, size_t len, struct gw_error *), which refuses what it cannot keep,
	 * and replaces what the block has: it may be called again with a later export. */
	uint32_t export_row, import_row;
};
#define GW_POINT_SESSION_DATA "network.session-data"
/** Notification, struct gw_session *: its output is no longer made here (it has moved away, or its
 * shadow here is over). Let go of what hangs on it, as at GW_EV_QUIT; its blocks are freed behind
 * this, but for those of rows with `everywhere`. */
#define GW_TOPIC_UNSHOWN "network.unshown"
#define GW_SESSION_DATA_MAX 16384 /* bytes of one export */
/** What `data_export` calls for each. */
typedef void gw_data_emit_fn(void *ctx, const char *name, uint32_t version, const void *data,
                             size_t len);

/** A row of the point "network.burst": what a module keeps in the network's state, in the form a
 * link's burst carries. */
struct gw_burst_data {
	const char *name;
	uint32_t version;
	/** Export: int fn(state, uint64_t *cursor, void *out, size_t max, size_t *len_out): one
	 * record a call, 0 length at the end. Import: int fn(state, const void *in, size_t len,
	 * struct gw_error *): converges by the stamps within. */
	uint32_t export_row, import_row;
};
#define GW_POINT_BURST "network.burst"

/** A row of the point "network.kind": an event of a module's own. */
struct gw_kind_row {
	const char *name; /* "memo.deliver": the part before the dot is the namespace */
	uint16_t number;  /* 1.. within the namespace, with GW_KIND_FORWARD or GW_KIND_DROP */
	uint32_t apply;   /* row: gw_kind_apply_fn; called before the notification */
};
/** Not 0: the event is dropped and shown to nobody. */
typedef int gw_kind_apply_fn(void *state, const struct gw_event *event);
#define GW_POINT_KIND "network.kind"

/** All submitting functions take effect before they return, unless called inside a notification:
 * then right behind it (and what they would give back is NULL). They return 0, or -EINVAL when
 * something is out of bounds, -ENOENT when what is named is gone, -EEXIST when a nick is in use,
 * -EALREADY when a member joins again. `command` is 0 or the client's number. */
struct gw_network_ops {
	/* Looking. Names are folded by the function. */
	struct gw_user *(*user)(void *network, const char *nick);
	struct gw_channel *(*channel)(void *network, const char *name);
	struct gw_session *(*session)(void *network, uint64_t id);
	struct gw_member *(*member)(void *network, const struct gw_channel *,
	                            const struct gw_user *);
	struct gw_node *(*here)(void *network);
	struct gw_node *(*nodes)(void *network); /* list by next */
	/** Walks; `after` NULL starts, NULL ends. The order is that of arrival. */
	struct gw_user *(*next_user)(void *network, const struct gw_user *after);
	struct gw_channel *(*next_channel)(void *network, const struct gw_channel *after);
	void (*counts)(void *network, uint32_t *users, uint32_t *invisible, uint32_t *opers,
	               uint32_t *channels, uint32_t *peak_users);
	int (*fold)(void *network, const char *name, char *out, size_t max);
	bool (*same)(void *network, const char *a, const char *b);
	bool (*valid_nick)(void *network, const char *nick);
	bool (*valid_channel)(void *network, const char *name);
	/** Mask with * and ?, folded. */
	bool (*match)(void *network, const char *mask, const char *text);
	/** The row of a mode letter in force, or NULL. */
	const struct gw_chanmode *(*chanmode)(void *network, char letter);
	void (*msgid)(void *network, uint64_t origin, uint64_t seq, char out[GW_MSGID_LEN + 1]);
	bool (*msgid_parse)(void *network, const char *msgid, uint64_t *origin_out,
	                    uint64_t *seq_out);
	/** SHA-256 over the cells of the live state, free of order: equal event vectors give equal
	 * digests. */
	void (*digest)(void *network, uint8_t out[32]);
	void *(*data)(void *network, struct gw_session *,
	              const char *name); /* a module's per-session block, NULL without the row */

	/* Changing. `by` NULL: this server. */
	int (*introduce)(void *network, const struct gw_user_spec *,
	                 struct gw_session **session_out);
	int (*quit)(void *network, struct gw_session *, const char *reason);
	int (*nick)(void *network, struct gw_session *, const char *nick, uint64_t command);
	int (*set)(void *network, struct gw_session *, const struct gw_user_set *,
	           uint64_t command);
	int (*make_channel)(void *network, const struct gw_channel_spec *,
	                    struct gw_channel **channel_out);
	int (*unregister)(void *network, struct gw_channel *);
	int (*join)(void *network, struct gw_session *, const char *channel, uint8_t status,
	            uint64_t command);
	int (*part)(void *network, struct gw_session *, struct gw_channel *, const char *reason,
	            uint64_t command);
	int (*kick)(void *network, struct gw_session *by, struct gw_member *, const char *reason,
	            uint64_t command);
	int (*mode)(void *network, struct gw_session *by, struct gw_channel *,
	            const struct gw_mode_change *, size_t n, uint64_t command);
	int (*topic)(void *network, struct gw_session *by, struct gw_channel *, const char *text,
	             uint64_t command);
	int (*message)(void *network, struct gw_session *by, const struct gw_message_spec *,
	               uint64_t command);
	int (*invite)(void *network, struct gw_session *by, struct gw_session *target,
	              struct gw_channel *, uint64_t command);
	int (*kill)(void *network, struct gw_session *by, struct gw_session *target,
	            const char *reason, uint64_t command);
	int (*wallops)(void *network, struct gw_session *by, const char *text, uint64_t command);
	/** An event of a kind at the point "network.kind", to a channel or a session by scope (a
	 * target may be named with other scopes, too: it is in the event). Body at most 16 KiB. */
	int (*custom)(void *network, struct gw_session *by, const char *kind, enum gw_scope,
	              struct gw_channel *, struct gw_session *target, const void *body, size_t n,
	              uint64_t command);

	/* A local session's private side. */
	void (*attach)(void *network, struct gw_session *, struct gw_sink *, uint64_t caps);
	/** Events of the channel of that name reach this server also without a member; counted;
	 * survives the channel's end. */
	int (*interest)(void *network, const char *channel, bool on);

	/** The parameter of a letter that is set ("key" of k), or NULL. */
	const char *(*mode_param)(void *network, const struct gw_channel *, char letter);

	/* For links. */
	/** Takes a record in. 0: applied, or nothing was left of it; what is negative changed
	 * nothing: -EBADMSG malformed, -EPERM not in the name of one who is at home behind `via`,
	 * -ENOENT in the name of a session that is not known here (while a link bursts its
	 * introduction may still be under way: no offence), -EALREADY seen before, -ERANGE from the
	 * future, -ENOMSG of an unknown kind that is to be dropped. Not inside a notification
	 * (-EBUSY). */
	int (*apply)(void *network, const void *record, size_t len, uint64_t via);
	/** A link may bring servers from now on: it introduces them as records of a burst, itself
	 * first. The caller makes it live and exports the first part of the burst before it hands
	 * in the first record: so whatever is refused here for the sake of a circle, the other side
	 * has been told why. That the server is in sight over another link is found out, and
	 * settled, when it is introduced. -EEXIST: `via` is known. */
	int (*via_add)(void *network, const struct gw_via_spec *);
	/** A link is down, or going to be: the servers behind it are gone, and GW_EV_SPLIT says so
	 * to this side of the network. Inside a notification: right behind it. -ENOENT. */
	int (*via_drop)(void *network, uint64_t via);
	/** Calls `fn` for each link over which the record goes on: by its scope, and never back to
	 * where it came from. */
	void (*ways)(void *network, const struct gw_record *, gw_way_fn *fn, void *ctx);
	/** The links that lead to a channel's members (or to servers with an interest in it), to a
	 * session's home, to a server: as `scope` says; GW_SCOPE_ALL: all. */
	void (*ways_to)(void *network, enum gw_scope, const char *channel, uint64_t to,
	                gw_way_fn *fn, void *ctx);
	/** NULL: not in sight; one whose GW_EV_SPLIT is being notified is not. */
	const struct gw_node *(*node)(void *network, uint64_t run);
	/** This server says how busy it is: GW_EV_LOAD. */
	int (*report_load)(void *network, const struct gw_load_report *);
	/** The vector: the last sequence seen of each origin, also of those whose GW_EV_SPLIT is
	 * being notified. `after` NULL starts, NULL ends. */
	const struct gw_node *(*vector)(void *network, const struct gw_node *after,
	                                uint64_t *seq_out);
	/** Calls `emit` for the next records of this server's whole live state, some 16 KiB; false
	 * when there are no more. May go on over many turns: what changes meanwhile is told by
	 * events. The other side gives each record to `apply`. */
	bool (*burst_export)(void *network, struct gw_burst_cursor *, gw_burst_emit_fn *emit,
	                     void *ctx);

	/* Moving a session from server to server. The id names one attempt: 16 random bytes. */
	/** The event that is being notified; NULL: none. */
	const struct gw_event *(*current)(void *network);
	/** The home of a session makes the server `run` its shadow, in place of another: from here
	 * on every server on the way there sends what is for the session there, too. Told in the
	 * order of events, so what the home sends behind this comes when it is in force. -EPERM:
	 * not at home here, -ENOTCONN: no such server in sight, -EBUSY: inside a notification. */
	int (*shadow)(void *network, struct gw_session *, uint64_t run, const uint8_t id[16]);
	/** The home or the shadow ends it: also on the way between them. What is said in the same
	 * turn behind this to the other end comes behind it. -ENOENT: that attempt is over. */
	int (*shadow_end)(void *network, uint64_t session, const uint8_t id[16]);
	/** The shadow takes the session: it is at home here, in the next epoch, for everybody
	 * (GW_EV_MOVE). -EPERM: its shadow is not here, or not by this attempt; -EBUSY: inside a
	 * notification. */
	int (*move)(void *network, struct gw_session *, const uint8_t id[16]);
	/** This home knows that the session's client is here, while another part of the network may
	 * take it for its own: it is at home here, two epochs on, for everybody. -EPERM: not at
	 * home here; -EBUSY: inside a notification. */
	int (*claim)(void *network, struct gw_session *);
	/** While on, this home makes no event of its own in the session's name (a nick that is to
	 * be given up, say); off, what was due is made up for. All that changes a session in its
	 * own name is -EPERM while it is not local, or moving. */
	void (*moving)(void *network, struct gw_session *, bool on);
	/** Calls `emit` for what modules keep for a session and what moves along with it. -E2BIG,
	 * or what a module's export says: its name is in the sentence. */
	int (*data_export)(void *network, const struct gw_session *, gw_data_emit_fn *emit,
	                   void *ctx, struct gw_error *why);
	/** One of them on the other side. -ENOENT: no module here keeps that (or not in this
	 * version), else what the module's import says. */
	int (*data_import)(void *network, struct gw_session *, const char *name, uint32_t version,
	                   const void *data, size_t len, struct gw_error *why);

	/* A server that leaves without a split. */
	/** At one of the three: what was behind the old link is behind the new one, and nobody sees
	 * it. The caller has seen to it that nothing more comes over the one, and nothing has come
	 * over the other. The keeper tells the others, as an event that takes effect before this
	 * returns. -ENOENT: the tree is not like that, -EALREADY: no longer; -EBUSY: inside a
	 * notification. */
	int (*relink)(void *network, const struct gw_relink *);
	/** At the leaver: records for the keeper, who comes to be between the moved one and this
	 * server. It takes them in before it calls relink(). */
	void (*relink_export)(void *network, const struct gw_relink *, gw_burst_emit_fn *emit,
	                      void *ctx);
};

#endif
