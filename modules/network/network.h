/*
 * network.h - the live network's state, and which file does what.
 *
 * submit.c turns a call of the interface into one record (record.c), stamps it and hands it to
 * apply.c, where records from links arrive too. apply.c checks who may say it and calls the kind's
 * function (users.c, members.c, modes.c, channels.c, messages.c), which changes the state and
 * publishes what is left of the event. nicks.c settles who is shown under which nick, lives.c which
 * of several creations of one channel counts. servers.c has the tree of servers, ways.c the links
 * that lead to them, relink.c what happens when one of these takes another's place, interest.c who
 * listens without a member, moves.c sessions that move from server to server. digest.c and burst.c
 * read the state, rows.c and slots.c keep what other modules contribute, names.c knows names,
 * look.c answers questions.
 */
#ifndef NETWORK_H
#define NETWORK_H

#include "record.h"
#include <godwit/hash.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/metrics.h>
#include <godwit/module.h>
#include <godwit/network.h>

#define KEEP_MS ((int64_t)24 * 3600 * 1000) /* tombstones, lives without a member, strays */
#define GHOSTS_MAX 8192                     /* lives that nobody sees */
#define STRAYS_MAX 16384
#define TOMBSTONES_MAX 512  /* in the lists of one life */
#define CUSTOM_MAX 16384    /* bytes of a body */
#define TEXT_MAX 8191       /* bytes of a message's text, and of its tags */
#define AHEAD_MS 60000      /* a stamp further in the future is refused */
#define SHADES_MAX 4096     /* of one link */
#define SHADE_MS 30000      /* so long a circle may take until it is settled everywhere */
#define PASTS_MAX 4096      /* servers that were in sight */
#define INTERESTS_MAX 65536 /* channels, of all other servers */

/** Rows of `.calls`. */
enum network_call {
	CALL_NONE,
	CALL_TIDY,
	CALL_CHANMODES,
	CALL_SESSION_DATA,
	CALL_BURST_ROWS,
	CALL_KINDS,
	CALL_STATUS,
	CALL_READY,
	CALL_REHASHED,
	CALL_SERVICES_CHANGED,
	CALL_OWNER,
	CALL_MEMBERSHIP,
	CALL_SHADES,
	CALL_METRICS
};

/** Cells of a user beside its nick, in the order of the bits of enum gw_user_field. */
#define N_FIELDS 7

struct server {
	struct gw_node pub;
	uint64_t seq, clock;   /* of the last event seen */
	uint64_t shown;        /* of the last one seen when it was in sight before */
	uint64_t since;        /* clock at which its run began; 0: own, and not yet needed */
	struct gw_stamp joint; /* the youngest on the way to it */
	struct server *top;    /* of the servers that came into sight together, the nearest */
	char *description;
	bool gone;   /* about to be removed */
	bool marked; /* within relink.c */
	char name[GW_SERVER_MAX + 1];
	uint8_t reserved[6];
	UT_hash_handle hh; /* by pub.run */
};

/** A server that a way has brought and that is not behind it: what comes in its name over that way
 * is passed over. */
struct shade {
	uint64_t run;
	int64_t seen_ms; /* monotonic: when it was last in sight over another way */
	UT_hash_handle hh;
};

/** A link that brings servers. */
struct way {
	uint64_t via;
	struct gw_id server; /* at its other end */
	struct gw_stamp joint;
	uint64_t recent; /* run of the server that came last */
	struct shade *shades;
	struct way *next;
	char name[GW_SERVER_MAX + 1];
};

/** How far a server was heard before it went out of sight. */
struct past {
	uint64_t run, seq;
	int64_t at_ms;
	UT_hash_handle hh;
};

/** The user's texts. Only used to hand several of them around. */
struct texts {
	const char *nick, *wanted, *ident, *host, *realname, *account, *away, *role;
};
#define N_TEXTS (sizeof(struct texts) / sizeof(const char *))

/** A user and its one session. */
struct person {
	struct gw_session session;
	struct gw_user user;
	char *texts;        /* one block behind all texts of `user`, and `wanted` */
	const char *wanted; /* the nick cell; user.nick differs while another holds it (nicks.c) */
	struct gw_stamp came;     /* of the introduction: the stamp of each field never set since */
	struct gw_stamp claim;    /* of the account on `wanted`; zero: none */
	struct gw_stamp *touched; /* N_FIELDS, zero for those never set; NULL: all */
	struct person *prev, *next;               /* of the losers */
	struct person *shadow_prev, *shadow_next; /* of those with a shadow */
	struct person *doubt_prev, *doubt_next;   /* of those with memberships in doubt */
	uint8_t attempt[16];                      /* that made the shadow */
	uint64_t heir;       /* run of a server that is said to have it, from that epoch on */
	uint32_t heir_epoch; /* not above the session's: that is settled */
	uint64_t ordinal;    /* of arrival */
	uint8_t level;       /* 0: shown as `wanted` */
	bool doubts;         /* in the list of those */
	char folded[GW_NICK_MAX + 1];
	UT_hash_handle by_id, by_nick;
};

/** A letter of a channel, set or not. */
struct mode_cell {
	char letter;
	bool set;
	struct gw_stamp stamp;
	char *param; /* NULL: none */
};

/** Who a life belonged or belongs to in the services database. Death is final. */
struct registration {
	struct gw_id id;
	struct gw_stamp claim; /* on the name; the greatest that was said */
	bool dead;
	struct registration *next;
};

/** A channel from one creation on. Of one name there may be several (lives.c). */
struct life {
	struct gw_stamp created;
	struct registration *registrations;
	struct mode_cell *cells;
	uint32_t n_cells;
	uint32_t members;    /* memberships that were made under it */
	uint32_t tombstones; /* in `lists` */
	struct gw_list_entry *lists;
	char *topic, *topic_setter; /* NULL: none */
	int64_t topic_ms;
	struct gw_stamp topic_stamp;
	bool fresh;       /* just made, nobody has joined yet */
	int64_t since_ms; /* monotonic: when it was made or its last member left */
	struct life *next;
	char name[];
};

/** How many members of a channel have their home or their shadow behind a link. */
struct chan_way {
	uint64_t via;
	uint32_t n;
	uint32_t reserved; /* 0 */
};

struct chan {
	struct gw_channel pub;        /* as `current` has it; members shown here come first */
	struct life *lives, *current; /* NULL: nobody can see the channel */
	struct chan_way *ways;        /* those with members */
	uint64_t ordinal;
	uint32_t room; /* in pub.members */
	uint32_t n_ways;
	UT_hash_handle hh;
	char folded[];
};

/** A membership. */
struct seat {
	struct gw_member pub;
	struct life *life; /* under which it was made */
	struct gw_stamp
		*touched; /* of each prefix, in the order of the bits; NULL: all pub.stamp */
	uint8_t bits; /* prefixes under `life`; pub.status is what counts under the current one */
	bool doubted; /* what is known of it is from before the session moved: moves.c */
};
#define N_PREFIXES 5

/** What events say of a membership that is not here, or not of that life: it may still come. */
struct stray_key {
	struct gw_stamp member, life; /* life zero: the membership is over */
};
struct stray {
	struct stray_key key;
	uint64_t session;
	uint8_t bits;
	struct gw_stamp stamps[N_PREFIXES];
	int64_t at_ms;
	UT_hash_handle hh;
};

/** Who listens to a channel without a member. */
struct interest {
	uint32_t count; /* modules here */
	uint32_t n;
	struct server **servers; /* others */
	UT_hash_handle hh;
	char folded[];
};

/** A local event, or the end of a link, that waits for the end of a notification. */
struct queued {
	struct queued *next;
	uint64_t via;         /* not 0: this link is to be dropped */
	struct gw_sink *sink; /* of a user to be introduced */
	uint64_t caps;
	size_t len;
	uint8_t record[];
};

/** Copies of rows: nothing in here points into the image that brought them. */
struct chanmode_copy {
	struct gw_chanmode pub;
	char name[2];
	char *help;
};
struct slot {       /* of session data; its position is its index in gw_session.data */
	char *name; /* NULL: free */
	uint32_t version, size;
	bool stays, everywhere, seen;
	struct gw_self *module;
	uint32_t export_row, import_row;
};
struct burst_row {
	char *name;
	uint32_t version;
	struct gw_self *module;
	uint32_t export_row, import_row;
};
struct kind_copy {
	char *name;
	uint32_t kind;
	struct gw_self *module;
	uint32_t apply;
};

#define EVENT_KINDS 20 /* numbers of enum gw_kind, from 1 on */

/*
 * The module's state, version 1. To change this struct or any that it points to: raise
 * state_version in network.c, write `migrate` from the version before, and keep a saved state of
 * that version as a fixture of its test.
 */
struct network {
	struct gw_self *self;
	struct gw_topic *topic_event, *topic_record, *topic_circle, *topic_unshown;
	struct gw_timer *tidy, *shades;
	struct gw_iface *services, *replica; /* ops NULL: no services database here */

	struct server *here;
	struct server *servers; /* by run */
	struct way *ways;
	struct past *pasts;    /* by run */
	uint64_t id_factor;    /* odd, drawn at start: how ids are spread in tables */
	struct person *people; /* by session id, in the order of arrival */
	struct person *nicks;  /* the same, by the folded nick that is shown */
	struct person *losers; /* those not shown under the nick they want */
	struct person *shadowed, *doubtful;
	struct chan *chans; /* by folded name */
	struct stray *strays;
	struct interest *interests;
	uint64_t ordinal;
	uint32_t n_visible, n_invisible, n_opers, peak;
	uint32_t n_lives;
	uint64_t issued; /* sequence of the last event made here */
	uint64_t edits;  /* of channels and what is put aside: cells that a record has changed */
	bool linked;     /* there has been a link in this run: others may know what is gone here */

	bool busy;                      /* an event is being applied */
	const struct gw_event *current; /* being notified, on the stack of who does; NULL: none */
	struct queued *queue, **queue_end; /* empty between turns */

	struct chanmode_copy *chanmodes;
	size_t n_chanmodes;
	struct slot *slots;
	size_t n_slots;
	struct burst_row *bursts;
	size_t n_bursts;
	struct kind_copy *kinds;
	size_t n_kinds;

	/* metrics.c: published so far, of other servers and of this one, by number of the kind; 0:
	 * those of modules */
	uint64_t events[2][EVENT_KINDS];
};

/* --- metrics.c --- */

void metrics_count(struct network *net, const struct gw_event *event);
gw_heard_fn network_metrics;

/** One record on its way into the state. */
struct applying {
	struct network *net;
	struct header header;
	struct reader body;
	struct gw_stamp stamp;
	uint64_t max_clock;    /* later stamps are refused; of records made here none is */
	bool future;           /* such a one was seen: it is not malformed, the clocks are apart */
	struct person *source; /* NULL: the server */
	struct person *target;
	uint64_t via;         /* the link that brought it, 0: made here */
	struct way *way;      /* the same; NULL: made here, or dropped meanwhile */
	bool aside;           /* of a server that is not behind its link: state only, see apply.c */
	bool astray;          /* of a burst, in the name of a session that is at home elsewhere */
	bool stays;           /* nothing of it was new: links are not told */
	struct gw_sink *sink; /* of a user who is introduced here */
	uint64_t caps;
	struct gw_event event;          /* what is common to all that is published of it */
	struct gw_mode_change *changes; /* to be published by changes_flush() */
	size_t n_changes, changes_room;
	char split[2 * GW_SERVER_MAX + 2]; /* behind event.split */
};

/** A kind's function: 0, or negative when the record is malformed or not allowed; then nothing has
 * changed. */
typedef int apply_fn(struct applying *a);

static inline struct person *person_of(const struct gw_session *session)
{
	return (struct person *)((char *)(uintptr_t)session - offsetof(struct person, session));
}
static inline struct person *person_of_user(const struct gw_user *user)
{
	return (struct person *)((char *)(uintptr_t)user - offsetof(struct person, user));
}
static inline struct chan *chan_of(const struct gw_channel *channel)
{
	return (struct chan *)((char *)(uintptr_t)channel - offsetof(struct chan, pub));
}
static inline struct seat *seat_of(const struct gw_member *member)
{
	return (struct seat *)((char *)(uintptr_t)member - offsetof(struct seat, pub));
}
static inline struct server *server_of(const struct gw_node *node)
{
	return (struct server *)((char *)(uintptr_t)node - offsetof(struct server, pub));
}
static inline bool stamp_none(struct gw_stamp stamp)
{
	return stamp.clock == 0;
}
/** Whether a clock in the record is not from the future. */
static inline bool timely(struct applying *a, uint64_t clock)
{
	a->future |= clock > a->max_clock;
	return clock <= a->max_clock;
}
/** Whether a change with `stamp` may overwrite a cell of stamp `cell`. Equal: a later change of one
 * and the same event. */
static inline bool stamp_wins(struct gw_stamp stamp, struct gw_stamp cell)
{
	return gw_stamp_cmp(stamp, cell) >= 0;
}

/** Kinds that bursts alone have. */
#define BURST_SERVER GW_KIND(32, GW_KIND_FORWARD)
#define BURST_VECTOR GW_KIND(33, GW_KIND_FORWARD)
#define BURST_STRAY GW_KIND(34, GW_KIND_FORWARD)
#define BURST_DATA GW_KIND(35, GW_KIND_FORWARD)
#define BURST_SESSION GW_KIND(36, GW_KIND_FORWARD)
/** Another record, whose origin need not be in sight: what it says of channels. */
#define BURST_ASIDE GW_KIND(38, GW_KIND_FORWARD)
/** Who listens to a channel: no event, as nobody sees it. */
#define KIND_INTEREST GW_KIND(37, GW_KIND_FORWARD)
/** A session's shadow, and its end: for those on the way between home and shadow. */
#define KIND_SHADOW GW_KIND(39, GW_KIND_FORWARD)
#define KIND_SHADOW_END GW_KIND(40, GW_KIND_FORWARD)
/** A session is not at home any more where it was. */
#define KIND_GONE GW_KIND(41, GW_KIND_FORWARD)
/** Of a neighbour that leaves, to who takes its place on the way: a session's shadow. */
#define BURST_SHADOW GW_KIND(42, GW_KIND_FORWARD)
/** A link has taken another's place in the tree. */
#define KIND_RELINK GW_KIND(43, GW_KIND_FORWARD)

/* apply.c */
/** A record made here, at once, also inside of another's application; with all that it causes. */
int apply_inside(struct network *net, const void *record, size_t n);
/** A record of a burst within `a`'s, in the name of `session`; links are not told of it. */
int apply_part_of(struct applying *a, uint64_t session, const void *record, size_t n);
/** Links are told of `record` in `a`'s name. */
void tell_links(struct applying *a, const void *record, size_t n);
/** The action waits until the notification that is under way is over. */
void queue_via_drop(struct network *net, uint64_t via);
int apply_record(struct network *net, const void *record, size_t n, uint64_t via);
int apply_own(struct network *net, const void *record, size_t n, struct gw_sink *sink,
              uint64_t caps);
void apply_drain(struct network *net);
/** Notifies "network.event" of `event` as it is. */
void publish(struct network *net, const struct gw_event *event);
/** The same of `a`'s event with another kind. */
void publish_as(struct applying *a, uint32_t kind);

/* ways.c */
struct way *way_find(struct network *net, uint64_t via);
void way_shade(struct network *net, struct way *way, uint64_t run);
bool way_shades(struct network *net, const struct way *way, uint64_t run);
/** The other side does not have it any more, either. */
void way_unshade(struct network *net, struct way *way, uint64_t run);
/** The timer: looks for servers that only a shade knows of. */
void shades_look(void *state, uint64_t tag);
int via_add(void *network, const struct gw_via_spec *spec);
int via_drop(void *network, uint64_t via);
/** The same, also inside of a record's application. */
void via_drop_now(struct network *net, uint64_t via);
/** And with word to whoever has the link: it closes a circle. */
void way_close(struct network *net, struct way *way);
/** It leads nowhere any more. */
void way_free(struct network *net, struct way *way);
void ways_free(struct network *net);
void ways(void *network, const struct gw_record *record, gw_way_fn *fn, void *ctx);
void ways_to(void *network, enum gw_scope scope, const char *channel, uint64_t to, gw_way_fn *fn,
             void *ctx);
/** One member more or less (`by` 1 or -1): on the link to its home, and on that to its shadow. */
void chan_way_count(struct network *net, struct chan *chan, const struct person *p, int by);

/* servers.c */
struct server *server_find(struct network *net, uint64_t run);
struct server *server_here(struct network *net, const char *name, const char *description);
void servers_free(struct network *net);
/** Writes the record's body. */
void server_put(struct network *net, struct writer *w, const struct server *server);
/** Writes the body of a SPLIT: the servers marked as gone. */
void split_put(struct network *net, struct writer *w, const char *near, const char *far);
/** "near.example far.example" of the join that brought the server. */
const char *server_split(struct applying *a, const struct server *server);
apply_fn apply_burst_server, apply_split, apply_load;
/** `p` goes out of sight, as `a`'s event says it. Those who wait for its nick have to be told by
 * nick_vacated(). */
void person_split(struct applying *a, struct person *p);
void pasts_tidy(struct network *net, int64_t keep_ms);

/* relink.c */
int relink(void *network, const struct gw_relink *spec);
void relink_export(void *network, const struct gw_relink *spec, gw_burst_emit_fn *emit, void *ctx);
/** Writes the record's body. */
void relink_put(struct writer *w, const struct gw_relink *spec, struct gw_stamp joint);
apply_fn apply_relink, apply_burst_shadow;

/* interest.c */
int interest(void *network, const char *channel, bool on);
apply_fn apply_interest;
struct interest *interest_find(struct network *net, const char *channel);
void interests_leave(struct network *net, struct server *server);
void interests_free(struct network *net);
/** Writes the record's body. */
void interest_put(struct writer *w, const struct server *server, bool on);

/* users.c */
apply_fn apply_user, apply_quit, apply_nick, apply_set;
struct person *person_find(struct network *net, uint64_t session);
void person_texts(const struct person *p, struct texts *out);
void person_pack(struct network *net, struct person *p, const struct texts *texts);
struct gw_stamp field_stamp(const struct person *p, unsigned field);
void person_free(struct network *net, struct person *p);
/** `p` leaves, unseen, with its memberships; what its channels make of that is shown. Those who
 * wait for its nick have to be told by nick_vacated(). */
void person_leave(struct applying *a, struct person *p);
/** Publishes NICK of `p`, which was `old`; a home that did not ask for it makes it an event of its
 * own. */
void person_renamed(struct applying *a, struct person *p, const char *old);

/** Its memberships count, or count no more (`by` 1 or -1), on the links to its home and shadow. */
void person_count_ways(struct network *net, const struct person *p, int by);

/* moves.c */
apply_fn apply_shadow, apply_shadow_end, apply_move, apply_gone;
/** Its output is made here no more, though it lives on. */
void person_unshow(struct network *net, struct person *p);
/** Forgets its shadow, if it has one; it may have been here. */
void shadow_clear(struct network *net, struct person *p);
/** Whether it goes with the servers that are marked as gone. */
bool person_lost(struct network *net, const struct person *p);
/** `server` is its shadow from now on, by that attempt, whatever was known before. */
void shadow_note(struct network *net, struct person *p, const struct server *server,
                 const uint8_t *attempt);
/** The shadows on servers that are marked as gone. */
void shadows_leave(struct network *net);
/** The session is at home on `home` from now on: GW_EV_MOVE. */
void person_move(struct applying *a, struct person *p, struct server *home, uint32_t epoch);
/** Of two homes that two parts of the network know, whether the one that a burst names has it. */
bool person_moves(const struct person *p, uint64_t epoch, uint64_t run);
/** What is known of its memberships is from before: those which the burst does not bring again end
 * when it is over. */
void person_doubt(struct network *net, struct person *p, bool on);
/** The state of `server` is here: what is still in doubt of its sessions is over. */
void doubts_end(struct applying *a, struct server *server);
/** It is about to go: takes it out of the lists of those with a shadow or doubts. */
void person_unlist(struct network *net, struct person *p);

/* nicks.c */
/** Shows `p` under the nick it wants or, if another's right to it is better, under one made from
 * it. Publishes what that changes for all others, not for `p`. */
void nick_seat(struct applying *a, struct person *p);
/** Takes `p` from the nicks: it leaves, or takes another. */
void nick_leave(struct network *net, struct person *p);
/** Lets those who lost a nick try again: one has become free, or a claim has changed. */
void nick_vacated(struct applying *a);

/* lives.c */
struct chan *chan_find(struct network *net, const char *name);
struct chan *chan_visible(struct network *net, const char *name);
/** The life of that creation, made if need be. */
struct life *life_get(struct network *net, const char *name, struct gw_stamp created,
                      struct chan **chan_out);
struct life *life_find(const struct chan *chan, struct gw_stamp created);
const struct registration *life_registered(const struct life *life);
/** Whether it counts: a member, or registered. */
bool life_alive(const struct life *life);
/** The prefixes that a seat has while `life` is the current one. */
uint8_t seat_status(struct network *net, const struct seat *seat, const struct life *life);
/** Makes `chan` show the life that is now the first; publishes what members see of that. */
void chan_settle(struct applying *a, struct chan *chan);
/** After chan_settle(): drops what nobody needs any more, perhaps `chan` itself. */
void chan_release(struct network *net, struct chan *chan);
/** Brings pub.modes, key, limit, topic, lists and registered up to date. */
void chan_mirror(struct chan *chan);
/** Forgets what is older than `keep_ms`: tombstones and lives that nobody sees. */
void lives_tidy(struct network *net, int64_t keep_ms);
/** The timer: also takes back channels that were made and never joined. */
void network_tidy(void *state, uint64_t tag);
/** With all its lives; nobody is a member any more. */
void chan_free(struct network *net, struct chan *chan);

/* members.c */
apply_fn apply_join, apply_part, apply_kick;
struct seat *seat_find(const struct gw_channel *channel, const struct gw_user *user);
struct seat *seat_named(const struct person *p, struct gw_stamp member);
void seat_remove(struct network *net, struct seat *seat);
/** The member leaves, after all have heard of it. */
void seat_leave(struct applying *a, struct seat *seat, uint32_t kind);
/** The session's output is made here from now on, or not any more: the place of its members. */
void seats_show_here(struct person *p, bool shown);
struct stray *stray_find(struct network *net, struct gw_stamp member, struct gw_stamp life);
struct stray *stray_get(struct network *net, uint64_t session, struct gw_stamp member,
                        struct gw_stamp life);
void stray_touch(struct network *net, struct stray *stray, unsigned prefix, bool on,
                 struct gw_stamp stamp);
/** What others did to the memberships of `p`, who may come back in the same ones. */
void seats_put_aside(struct network *net, const struct person *p);
/** If the membership is here: what is said of it takes effect. */
void stray_settle(struct applying *a, struct stray *stray);
void strays_free(struct network *net);
void strays_tidy(struct network *net, int64_t keep_ms);
/** A seat's own prefix cell. */
struct gw_stamp seat_stamp(const struct seat *seat, unsigned prefix);
void seat_touch(struct network *net, struct seat *seat, unsigned prefix, bool on,
                struct gw_stamp stamp);
/** Brings pub.status up to date; what changes is added to `a`'s changes. */
void seat_show(struct applying *a, struct seat *seat);

/* channels.c */
apply_fn apply_channel, apply_unregister, apply_topic, apply_mode;
/** What a topic's cell holds; text and setter NULL or empty: none. */
struct topic {
	const char *text, *setter;
	int64_t ms;
	struct gw_stamp stamp;
};

/* modes.c */
/** One mode in a record. */
struct item {
	char letter;
	uint8_t flags; /* enum item_flag */
	const char *param, *setter;
	int64_t set_ms;
	struct gw_stamp stamp;
	uint64_t session; /* of a prefix */
	struct gw_stamp member;
	uint8_t prefix; /* 0.. */
};
enum item_flag {
	ITEM_ADD = 1,
	ITEM_LIST = 2,
	ITEM_PREFIX = 4,
	ITEM_PARAM = 8,
	ITEM_SETTER = 16, /* and the time */
	ITEM_STAMP = 32   /* its own, not the event's */
};
void item_put(struct writer *w, const struct item *item);
bool item_get(struct applying *a, struct item *item_out);
/** Changes the cell; a change that members can see is added to `a`'s changes. */
void item_apply(struct applying *a, struct chan *chan, struct life *life, const struct item *item);
void change_add(struct applying *a, const struct gw_mode_change *change);
/** Publishes as MODE of `chan` what has been added. */
void changes_flush(struct applying *a, struct chan *chan, struct gw_session *by);
struct mode_cell *life_cell(const struct life *life, char letter);
char prefix_letter(const struct network *net, unsigned prefix);
void entry_free(struct network *net, struct life *life, struct gw_list_entry *entry);

/* submit.c */
void submit_rename(struct network *net, struct person *p);
/** The servers marked as gone leave: at once, also inside of another record. */
void submit_split(struct network *net, const char *near, const char *far);
int submit_load(void *network, const struct gw_load_report *report);
int submit_interest(struct network *net, const char *channel, bool on);
int submit_relink(struct network *net, const struct gw_relink *spec, struct gw_stamp joint);
/** The server of its shadow has gone out of sight, and may have taken the session there: it is at
 * home here, whatever that one says. */
void submit_return(struct network *net, const struct person *p);
/** It has moved away. */
void submit_gone(struct network *net, const struct gw_session *session);
/** The server of its shadow has gone out of sight. */
void submit_shadow_over(struct network *net, const struct gw_session *session);
int submit_shadow(void *network, struct gw_session *session, uint64_t run, const uint8_t id[16]);
int submit_shadow_end(void *network, uint64_t session, const uint8_t id[16]);
int submit_move(void *network, struct gw_session *session, const uint8_t id[16]);
int submit_claim(void *network, struct gw_session *session);
void submit_moving(void *network, struct gw_session *session, bool on);

/* messages.c */
apply_fn apply_message, apply_invite, apply_kill, apply_wallops;
int apply_custom(struct applying *a);

/* names.c: those of the interface take `void *network`, which they do not need */
int fold(void *network, const char *name, char *out, size_t max);
bool same(void *network, const char *a, const char *b);
bool match(void *network, const char *mask, const char *text);
bool valid_nick(void *network, const char *nick);
bool valid_channel(void *network, const char *name);
bool valid_word(const char *text);
/** A nick that a server gave has a '~' in it. */
bool valid_given_nick(const char *nick);
void msgid(void *network, uint64_t origin, uint64_t seq, char out[GW_MSGID_LEN + 1]);
bool msgid_parse(void *network, const char *text, uint64_t *origin_out, uint64_t *seq_out);

/* look.c: the interface; and what of it is elsewhere */
extern const struct gw_network_ops network_ops;
int submit_introduce(void *network, const struct gw_user_spec *spec,
                     struct gw_session **session_out);
int submit_quit(void *network, struct gw_session *session, const char *reason);
int submit_nick(void *network, struct gw_session *session, const char *nick, uint64_t command);
int submit_set(void *network, struct gw_session *session, const struct gw_user_set *set,
               uint64_t command);
int submit_make_channel(void *network, const struct gw_channel_spec *spec,
                        struct gw_channel **channel_out);
int submit_unregister(void *network, struct gw_channel *channel);
int submit_join(void *network, struct gw_session *session, const char *channel, uint8_t status,
                uint64_t command);
int submit_part(void *network, struct gw_session *session, struct gw_channel *channel,
                const char *reason, uint64_t command);
int submit_kick(void *network, struct gw_session *by, struct gw_member *member, const char *reason,
                uint64_t command);
int submit_mode(void *network, struct gw_session *by, struct gw_channel *channel,
                const struct gw_mode_change *changes, size_t n, uint64_t command);
int submit_topic(void *network, struct gw_session *by, struct gw_channel *channel, const char *text,
                 uint64_t command);
int submit_message(void *network, struct gw_session *by, const struct gw_message_spec *spec,
                   uint64_t command);
int submit_invite(void *network, struct gw_session *by, struct gw_session *target,
                  struct gw_channel *channel, uint64_t command);
int submit_kill(void *network, struct gw_session *by, struct gw_session *target, const char *reason,
                uint64_t command);
int submit_wallops(void *network, struct gw_session *by, const char *text, uint64_t command);
int submit_custom(void *network, struct gw_session *by, const char *kind, enum gw_scope scope,
                  struct gw_channel *channel, struct gw_session *target, const void *body, size_t n,
                  uint64_t command);
void digest(void *network, uint8_t out[32]);
bool burst_export(void *network, struct gw_burst_cursor *cursor, gw_burst_emit_fn *emit, void *ctx);
apply_fn apply_burst_vector, apply_burst_stray, apply_burst_data;
/** What `p` will be to others when it is at home on `home` in that epoch: the user, what modules
 * keep everywhere, the memberships. */
void export_session_state(struct network *net, const struct person *p, const struct gw_node *home,
                          uint32_t epoch, gw_burst_emit_fn *emit, void *ctx);

/** Its shadow, as kind 42. */
void export_shadow(struct network *net, const struct person *p, gw_burst_emit_fn *emit, void *ctx);

/* network.c */
/** All that came from events. */
void state_free(struct network *net);

/* slots.c */
void rows_session_data(void *state, uint64_t tag);
/** The block of that row, zeroed when first asked for; NULL without the row. */
void *session_data(struct network *net, struct gw_session *session, const char *name);
void session_data_free(struct network *net, struct gw_session *session);
/** But for those that every server has. */
void session_data_leave(struct network *net, struct gw_session *session);
int data_export(void *network, const struct gw_session *session, gw_data_emit_fn *emit, void *ctx,
                struct gw_error *why);
int data_import(void *network, struct gw_session *session, const char *name, uint32_t version,
                const void *data, size_t len, struct gw_error *why);
apply_fn apply_burst_session;
/** The bytes that the slot's module wants to go with the session; 0: none. */
size_t session_data_export(struct network *net, const struct slot *slot,
                           const struct gw_session *session, void *out, size_t max);
void slots_free(struct network *net);

/* rows.c */
void rows_chanmodes(void *state, uint64_t tag);
void rows_bursts(void *state, uint64_t tag);
void rows_kinds(void *state, uint64_t tag);
void rows_free(struct network *net);
const struct kind_copy *kind_by_number(const struct network *net, uint32_t kind);
const struct kind_copy *kind_by_name(const struct network *net, const char *name);

#endif
