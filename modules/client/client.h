/*
 * modules/client/client.h - what the module's files share.
 *
 * The way of a line: connection.c -> message.c (parse, pure) -> dispatch.c (state, arity) -> a
 * command's file -> reply.c, label.c. The way of an event: render.c (who, once per form) -> the
 * sinks; the source's own lines go through reply.c. enter.c leads a client from NICK and USER to
 * 001; agenda.c is the one clock of all clients.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "message.h"
#include <godwit/bus.h>
#include <godwit/client.h>
#include <godwit/hash.h>
#include <godwit/loop.h>
#include <godwit/metrics.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/services.h>
#include <stdarg.h>

#define CAPS_MAX 64  /* bits of gw_client.caps */
#define FORMS_MAX 16 /* of one event at a time; more are made again when they are needed again */
#define TEXT_MAX 510 /* bytes of a line without its tags and CR LF */
#define TAGS_MAX (CLIENT_TAGS_MAX + 512)
#define INPUT_MAX 4606 /* "@" tags " " and a line, without the line end */
#define BATCH_MAX 14
#define CIDRS_MAX 64

/** Rows of `.calls`; add at the end. */
enum client_call {
	CALL_NONE,
	CALL_ACCEPT,
	CALL_READY,
	CALL_LINE,
	CALL_DRAINED,
	CALL_CLOSED,
	CALL_AGENDA,
	CALL_ANNOUNCE,
	CALL_COMMANDS_CHANGED,
	CALL_CAPS_CHANGED,
	CALL_TOKENS_CHANGED,
	CALL_RENDER_CHANGED,
	CALL_EVENT,
	CALL_EVENT_LAST,
	CALL_STOPPING,
	CALL_REHASHED,
	CALL_GREETING,
	CALL_STATUS,
	CALL_CLAIM_FOUND,
	CALL_NICK,
	CALL_USER,
	CALL_CAP,
	CALL_PING,
	CALL_PONG,
	CALL_QUIT,
	CALL_SETNAME,
	CALL_ISUPPORT,
	CALL_SHOW_QUIT,
	CALL_SHOW_NICK,
	CALL_SHOW_SET,
	CALL_SHOW_MODES,
	CALL_TOKEN_NETWORK,
	CALL_TOKEN_TARGMAX,
	CALL_UNLOADED,
	CALL_SERVICES_CHANGED,
	CALL_CLAIMS_READ,
	CALL_CLAIMS_AGAIN,
	CALL_REVIEWED,
	CALL_TOGETHER,
	CALL_TAP_PUMP,
	CALL_RESUME,
	CALL_SETTLED,
	CALL_UNSHOWN,
	CALL_METRICS
};

/** What the options say, in the units of use. */
struct client_settings {
	int64_t ping_interval_ns, ping_timeout_ns;
	int64_t login_timeout_ns, registration_timeout_ns;
	int64_t line_ns;                      /* a line's share of the flood limit; 0: no limit */
	int64_t burst_ns;                     /* what may be owed before lines wait */
	int64_t connect_ns, connect_burst_ns; /* the same for connections of one address */
	uint32_t max_clients, max_per_address;
	uint32_t excess, sendq, recvq, recvq_before;
	struct cidr {
		uint8_t bytes[16];
		uint8_t family, bits; /* family 4, 6, or 0 for Unix sockets */
	} exempt[CIDRS_MAX];
	size_t n_exempt;
};

struct review;

/** Until 001: what the network keeps afterwards. */
struct entry {
	char nick[GW_NICK_MAX + 1]; /* "*": none yet */
	char ident[GW_IDENT_MAX + 1];
	char *realname, *account, *host; /* NULL: none yet */
	struct gw_stamp claim;
	bool told;     /* "client.unauthenticated" was notified */
	bool checking; /* a claim is being looked up */
};

/** The open label of a command. */
struct label {
	char text[LABEL_MAX + 1];
	char batch[BATCH_MAX]; /* "" until a second line came */
	char *tags, *line;     /* the first line, waiting for a second or the end */
};

/** A module that still has to answer a command of the client. */
struct hold {
	struct gw_self *who;
	uint32_t n;
	struct hold *next;
};

/** Someone waits for room in the send queue. */
struct room {
	struct gw_call call;
};

/** A line that is executed, or told to the tap, later. */
struct stash {
	struct stash *next, *prev;
	struct gw_line line;
	char text[];
};

/** An account that somebody wanted to give to a session that was being handed over. */
struct account_due {
	struct gw_id id;
	char *name, *host; /* NULL: none */
};

/** What a client needs while it is moved, beside its flags. */
struct move {
	struct gw_tap tap;      /* while it is tapped */
	struct gw_self *owner;  /* who tapped it last */
	struct gw_call settled; /* module NULL: nobody waits */
	uint64_t below;         /* bytes in the queue, for `settled` */
	struct account_due *account;
	char *offered;   /* adopted: the capabilities that it was offered there, until it is told */
	uint64_t tokens; /* adopted: digest of the ISUPPORT that it was told there */
};

/** A close that waits for the end of divert(), or of a move: of a session. */
struct due {
	uint64_t session;
	char *reason;
	char *kill_by, *kill_why; /* of a KILL by a user; NULL: none */
	struct due *next;
};

/** Why a connection is not taken. */
enum refusal {
	REFUSED_NOT,
	REFUSED_STOPPING,
	REFUSED_FULL,
	REFUSED_ADDRESS, /* too many from there */
	REFUSED_PACE,    /* too many in a short time */
	REFUSED_RULE,    /* another module: a ban, a drain */
	REFUSALS
};

/** How a client ends, as far as it is counted. */
enum client_end {
	END_SERVER, /* closed here: a KILL, a ban, the server's own end... */
	END_QUIT,
	END_LOST, /* its connection ended */
	END_MOVED,
	END_SILENT, /* PING was not answered */
	END_LOGIN,  /* it did not log in in time */
	END_FLOOD,
	END_SENDQ,
	END_TLS,
	CLIENT_ENDS
};

/** What metrics.c tells. */
struct client_counts {
	uint32_t in_state[GW_CONNECTED + 1]; /* now */
	uint32_t reserved;                   /* 0 */
	uint64_t accepted, refused[REFUSALS], ended[CLIENT_ENDS];
	uint64_t entered, adopted, barred; /* barred: refused when about to enter */
	uint64_t lines, bad_lines;
	uint64_t forms, deliveries, replies;
};

/** Connections of one address (IPv6: of one /64) that are limited. */
struct address {
	uint8_t key[9]; /* family, then 4 or 8 bytes */
	uint32_t n;
	int64_t owed_until_ns;
	UT_hash_handle hh;
};

/* An idle one should stay below 350 bytes: what only some need is behind a pointer. */
struct client {
	struct gw_client pub; /* first: the public functions cast */
	struct client *prev, *next;
	struct entry *entry;
	struct label *label;
	struct room *room;
	struct address *address; /* NULL: exempt */
	struct stash *stash;     /* lines that came while none may be executed; utlist DL */
	struct gw_sink *sink;    /* where all that is written to it goes; NULL: nowhere any more */
	struct move *move;       /* NULL: nobody moves it */
	struct hold *holds;      /* while there is one no line is executed */
	char *new_nick;          /* Connected: a NICK whose claim is being looked up */
	uint64_t session_id;
	uint64_t together;  /* number of the last batch of a split or join that was begun */
	int64_t heard_ns;   /* the last line of any kind */
	int64_t timeout_ns; /* when the state's own time-out is looked at */
	int64_t owed_ns;    /* flood.c */
	int64_t due_ns;     /* agenda.c */
	uint32_t agenda_at; /* place in the agenda, from 1; 0: none */
	bool ready : 1;     /* TLS is up, "client.connecting" was notified */
	bool closing : 1;
	bool throttled : 1;
	bool pinged : 1;
	bool cap_302 : 1;
	bool full : 1;   /* held until the send queue has room */
	bool claims : 1; /* the network knows of a claim on the nick */
	bool losing : 1; /* its nick is being taken from it */
	bool tapped : 1; /* its lines go to move->tap */
	bool tap_stopped : 1;
	bool diverted : 1; /* what would be done to it by its home waits */
	bool review : 1;   /* its nick is to be looked at when that ends */
	bool evict : 1;    /* the same: and taken from it, if it has no right to it */
	bool executing : 1;
	bool adopted : 1; /* and not in command yet: untap() makes it so */
	uint8_t end;      /* enum client_end, as far as it is known */
};

/** A row of "client.command", copied. */
struct command {
	char *name;
	struct gw_call call;
	uint8_t states, min_args, cost;
	bool oper;
	uint64_t executed;
	UT_hash_handle hh;
};

/** A capability, for good: its index is its bit. */
struct cap {
	char *name;
	char *value; /* of the row in force; NULL: none */
	struct gw_call value_call;
	bool offered, hidden;
	uint32_t shown[4]; /* hash of the value last computed for a kind of client; 0: never */
};

/** What clients are being told, one after the other in the order of arrival (announce.c). */
struct news {
	struct client *next; /* NULL: nothing is being told */
	uint64_t last;       /* serial number of the last who is */
	uint64_t gone, come; /* capabilities */
	uint64_t changed[4]; /* those with another value, for each kind of client */
	char **tokens;       /* of ISUPPORT */
	size_t n_tokens;
	bool values;         /* `changed` is looked at, too */
	uint8_t kinds;       /* for which it is known */
	uint8_t reserved[6]; /* 0 */
};

/** A row of "client.render", with bits for names. */
struct renderer {
	struct gw_call call;
	uint32_t kind;
	int32_t next; /* of the same kind, or of those with a name; -1: none */
	char *event;  /* of a module's own: its name; else NULL */
	uint8_t audience;
	bool personal, not_own, echo;
	uint64_t caps, echo_bit, umode;
};

/** The lines of one event for one set of capabilities. */
struct form {
	uint64_t key;
	struct gw_buf *buf; /* kept for the next event unless a queue took it */
	uint32_t room;
};

#define KINDS 64 /* of namespace 1 that are found by number */

/** Which of the KINDS lists of renderers is a kind's. */
static inline uint32_t render_list(uint32_t kind)
{
	uint32_t number = kind & 0x7fff;

	return kind >> 16 == 1 && number < KINDS ? number : 0;
}

/*
 * The state, version 1. To change its layout, or that of what it points to: raise `.state_version`,
 * add a `migrate` that fills the new block from the old one, and keep a test that loads the old
 * version first.
 */
struct client_state {
	struct gw_self *self;
	struct gw_iface *network, *services;
	struct gw_topic *audience, *may_connect, *may_enter, *may_nick, *may_lose;
	struct gw_topic *connecting, *unauthenticated, *welcomed, *adopted, *gone;
	struct client_settings settings;
	char *server, *network_name;

	/* clients.c */
	struct client *clients; /* utlist DL, in the order of arrival */
	struct client *shadows; /* the same; they have no connection, and are none of the clients */
	struct client **slots;  /* by the low bits of the id */
	uint32_t *free_slots;
	uint32_t n_slots, n_free, n_clients, n_connected;
	uint64_t last_serial;
	struct client **sessions; /* open addressing by session id */
	uint32_t sessions_room, sessions_used;

	struct address *addresses;
	struct client_counts counts;

	struct due *dues;           /* divert.c */
	struct gw_conn_info *blank; /* of shadows */

	/* claims.c */
	struct gw_id *claimed; /* accounts that may have claimed names, to be read */
	uint32_t n_claimed, claimed_room;
	uint32_t n_reading; /* of those, under way */
	uint32_t reserved;  /* 0 */
	struct review *reviews;
	uint64_t last_review;
	struct gw_timer *claims_timer;

	/* agenda.c: a heap */
	struct client **agenda;
	uint32_t agenda_n, agenda_room;
	struct gw_timer *timer;
	int64_t timer_ns; /* what it is set to; 0: stopped */

	struct command *commands;
	struct cap caps[CAPS_MAX];
	uint32_t n_caps;
	uint64_t offered, announced; /* bits */
	struct {
		uint64_t batch, label, tags, time, account, notify, standard, isupport;
	} bit;
	uint64_t revalued[4]; /* for each kind: shown with another value than before */
	bool announce_due;    /* a call is under way */
	bool news_due, values_due;
	uint8_t caps_reserved[5]; /* 0 */
	struct news news;

	char **tokens; /* of ISUPPORT, as last told */
	size_t n_tokens;
	bool tokens_stale;

	struct renderer *renderers;
	int32_t first_renderer[KINDS];
	uint32_t n_renderers;
	struct form forms[FORMS_MAX];
	uint64_t mark;

	/* reply.c */
	uint64_t last_batch;
	char inner[BATCH_MAX]; /* the batch that lines of this moment belong to, "" if none */
	struct {
		uint64_t number;  /* of the batch that is open; 0: none */
		uint64_t *opened; /* clients that have its beginning */
		uint32_t n, room;
		char name[BATCH_MAX];
		char head[2 * GW_SERVER_MAX + 14]; /* " netsplit near.example far.example" */
		bool closing;                      /* the end of the turn is awaited */
		uint8_t reserved[3];               /* 0 */
	} together;                                /* together.c */
	int64_t time_ms;
	char time_tag[32]; /* of time_ms: "time=2026-11-23T12:00:00.000Z" */
	struct {
		struct client *client;
		int numeric;
		size_t head, n;
		char text[TEXT_MAX + 1];
	} words;

	char guest_key[16]; /* hidden hosts of guests */
	int64_t started_ms; /* wall clock */
	char *stop_reason;  /* NULL: the server goes on */
};

#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)
#define SERVICES(st, ...) GW_VIA((st)->services, gw_services_ops, __VA_ARGS__)

static inline struct client *client_of(struct gw_client *pub)
{
	return (struct client *)pub;
}

/* settings.c */
extern const struct gw_option client_options[];
int client_check(struct gw_self *self, const struct gw_options *candidate, struct gw_error *err);
void settings_read(struct client_state *st);
void client_rehashed(void *state, uint64_t tag, const void *payload);

/* clients.c: finding one */
void clients_add(struct client_state *st, struct client *c);
void clients_remove(struct client_state *st, struct client *c);
/** Greater than that of all who came before. */
uint64_t clients_serial(const struct client *c);
/** The same for a shadow. */
void clients_add_shadow(struct client_state *st, struct client *c);
void clients_remove_shadow(struct client_state *st, struct client *c);
void clients_bind(struct client_state *st, struct client *c);
void clients_unbind(struct client_state *st, struct client *c);
struct client *clients_by_id(struct client_state *st, uint64_t id);
/** states_change(), counted. */
int clients_change(struct client_state *st, struct client *c, enum gw_client_change change);
/** Of a session that is shown here. */
struct client *clients_of(struct client_state *st, const struct gw_session *session);
/** The same, also of one that is shown here no more. */
struct client *clients_bound(struct client_state *st, const struct gw_session *session);

/* address.c: exemptions, and limits per address */
bool cidr_parse(const char *text, struct cidr *out);
bool address_exempt(const struct client_state *st, const char *address);
int address_enter(struct client_state *st, struct client *c, struct gw_error *why);
void address_leave(struct client_state *st, struct client *c);

/* connection.c */
int client_accept(void *state, struct gw_conn *conn, char farewell[512]);
void client_ready(void *state, void *data);
void client_drained(void *state, void *data);
void client_closed(void *state, void *data, const char *reason);
void connection_limits(struct client_state *st, struct client *c);
void connection_check_room(struct client_state *st, struct client *c);
void connection_resume(struct client_state *st, struct client *c);
void client_close(struct client_state *st, struct client *c, const char *reason);
/** Without a line to it, and without a QUIT. */
void client_close_silently(struct client_state *st, struct client *c, const char *reason);
void client_lend(struct client *c);
void entry_free(struct client_state *st, struct client *c);
void client_detach(struct client_state *st, struct client *c);
void client_free(struct client_state *st, struct client **c);

/* holds.c: what keeps a client's next line waiting */
void client_hold(struct client_state *st, struct client *c, struct gw_self *who);
void client_release(struct client_state *st, struct client *c, struct gw_self *who);
void client_wait_room(struct client_state *st, struct client *c, struct gw_call call);
void client_room(struct client_state *st, struct client *c);
void holds_free(struct client_state *st, struct client *c);
void client_unloaded(void *state, uint64_t tag, const void *payload);

/* tap.c: lines that are not executed here */
int tap_begin(struct client_state *st, struct client *c, const struct gw_tap *tap);
void tap_resume(struct client_state *st, struct client *c);
void tap_end(struct client_state *st, struct client *c, const struct gw_line *lines, size_t n);
enum gw_line_verdict tap_line(struct client_state *st, struct client *c, struct gw_line *line);
/** The connection ends. True: the session goes on. The tap is over. */
bool tap_closed(struct client_state *st, struct client *c, const char *reason);
void tap_unloaded(struct client_state *st, struct client *c, const struct gw_self *who);
void client_tap_pump(void *state, uint64_t tag);
void client_resume(void *state, uint64_t tag);
struct move *move_of(struct client_state *st, struct client *c);
void move_free(struct client_state *st, struct client *c);

/* settled.c: when nothing of a client is under way */
bool settled(struct client_state *st, const struct client *c, size_t below);
void settled_ask(struct client_state *st, struct client *c, size_t below, struct gw_call call);
/** Something has come to an end that it may have waited for. */
void settled_again(struct client_state *st, struct client *c);
void settled_gone(struct client_state *st, struct client *c);
void client_settled(void *state, uint64_t tag);

/* divert.c: output that goes elsewhere, and what waits meanwhile */
void divert(struct client_state *st, struct client *c, struct gw_sink *sink);
/** True: the close has to wait. */
bool divert_close(struct client_state *st, struct client *c, const char *reason);
/** True: so has the change of the account. */
bool divert_account(struct client_state *st, struct client *c, struct gw_id account,
                    const char *name, const char *host);
void account_due_free(struct client_state *st, struct client *c);
/** Does to it what its home had to put off. `comes`: from another server, and is looked at as this
 * one would look at anybody who enters. */
void divert_review(struct client_state *st, struct client *c, bool comes);
void due_note(struct client_state *st, const struct gw_session *session, const char *reason,
              const char *kill_by, const char *kill_why);
void due_forget(struct client_state *st, uint64_t session);
void dues_free(struct client_state *st);
void client_unshown(void *state, uint64_t tag, const void *payload);

/* shadow.c, adopt.c: sessions that come from another server */
struct client *shadow_new(struct client_state *st, struct gw_session *session, struct gw_sink *sink,
                          const char *caps, struct gw_error *why);
int shadow_caps(struct client_state *st, struct client *c, const char *caps, struct gw_error *why);
void shadow_free(struct client_state *st, struct client **c);
void carry_fill(struct client_state *st, const struct client *c, struct gw_client_carry *out);
int adopt(struct client_state *st, struct client *c, struct gw_session *session,
          const struct gw_client_carry *carry);
/** Tells an adopted client what is offered here otherwise than there. */
void adopt_tell(struct client_state *st, struct client *c);

/* agenda.c, timeouts.c, flood.c: time */
void agenda_set(struct client_state *st, struct client *c, int64_t due_ns);
void agenda_remove(struct client_state *st, struct client *c);
void client_agenda(void *state, uint64_t tag);
void timeouts_begin(struct client_state *st, struct client *c);
void timeouts_due(struct client_state *st, struct client *c);
void timeouts_plan(struct client_state *st, struct client *c);
void flood_charge(struct client_state *st, struct client *c, unsigned cost);
bool flood_due(struct client_state *st, struct client *c);
int64_t flood_resume_ns(const struct client_state *st, const struct client *c);

/* dispatch.c */
enum gw_line_verdict client_line(void *state, void *data, struct gw_line *line);
void dispatch_stashed(struct client_state *st, struct client *c);
void dispatch_keep(struct client_state *st, struct client *c, const struct gw_line *line);
/** What was not negotiated is not there. */
void dispatch_strip(const struct client_state *st, const struct client *c, struct gw_message *m);
void stash_free(struct client_state *st, struct client *c);
/** Whether the next line may be executed now. */
static inline bool dispatch_may(const struct client *c)
{
	return c->holds == NULL && !c->throttled && !c->closing && !c->tapped;
}
void commands_changed(void *state, uint64_t tag);
void commands_free(struct client_state *st);

/* states.c */
int states_change(struct client *c, enum gw_client_change change);
bool states_allow(const struct client *c, enum gw_client_change change,
                  enum gw_client_state *to_out);

/* enter.c, nick.c, host.c, welcome.c */
void enter_try(struct client_state *st, struct client *c);
void enter_claimed(struct client_state *st, struct client *c, int status,
                   const struct gw_owner *owner);
int enter_change(struct client_state *st, struct client *c, enum gw_client_change change);
int enter_authenticated(struct client_state *st, struct client *c, struct gw_id account,
                        const char *name, const char *host);
void client_user(void *state, struct gw_client *client, const struct gw_message *m);
void client_nick(void *state, struct gw_client *client, const struct gw_message *m);
int claim_find(struct client_state *st, struct client *c, const char *nick,
               struct gw_owner *owner_out);
bool claim_permits(const struct client *c, int status, const struct gw_owner *owner);
void client_claim_found(void *state, uint64_t tag, int status, const struct gw_owner *owner);
int nick_may(struct client_state *st, struct client *c, const char *nick);
void nick_in_use(struct client_state *st, struct client *c, const char *nick);

/* claims.c */
/** Looks up whose the nick is. `evict`: who has no right to it gets another one. */
void claims_review(struct client_state *st, struct client *c, bool evict);
void claims_event(struct client_state *st, struct client *c, const struct gw_event *event);
void client_reviewed(void *state, uint64_t tag, int status, const struct gw_owner *owner);
void client_claims_read(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void client_claims_again(void *state, uint64_t tag);
void client_services_changed(void *state, uint64_t tag, const void *payload);
void claims_free(struct client_state *st);
void host_of_account(struct client_state *st, const char *account, char out[GW_HOST_MAX + 1]);
void host_of_guest(struct client_state *st, const struct client *c, char out[GW_HOST_MAX + 1]);
void welcome(struct client_state *st, struct client *c);

/* basic.c: PING PONG QUIT SETNAME */
void client_ping(void *state, struct gw_client *client, const struct gw_message *m);
void client_pong(void *state, struct gw_client *client, const struct gw_message *m);
void client_quit(void *state, struct gw_client *client, const struct gw_message *m);
void client_setname(void *state, struct gw_client *client, const struct gw_message *m);

/* caps.c, cap_command.c */
uint64_t caps_bit(struct client_state *st, const char *name);
void caps_changed(void *state, uint64_t tag);
void caps_free(struct client_state *st);
void caps_value(struct client_state *st, struct cap *cap, struct client *c, char *out, size_t max);
void caps_set(struct client_state *st, struct client *c, uint64_t caps);
unsigned caps_kind(const struct client *c);
/** What has changed since the last time is what caps_tell() tells; false: nothing, to nobody. */
bool caps_news(struct client_state *st);
/** True if there was something to say. */
bool caps_tell(struct client_state *st, struct client *c);
/** A line of CAP NEW or CAP DEL for the capabilities of a set. */
void caps_notify(struct client_state *st, struct client *c, const char *verb, uint64_t bits,
                 bool values);
/** For one who comes from a server that offers the capabilities of that list. */
void caps_moved(struct client_state *st, struct client *c, const char *there);
/** Of what is offered the client knows so much. */
uint64_t caps_told(const struct client_state *st, const struct client *c);
/** Those of a set that clients see. */
uint64_t caps_visible(const struct client_state *st, uint64_t bits);
/** Names of a set, spaces between, as far as they fit. */
void caps_names(const struct client_state *st, uint64_t bits, char *out, size_t max);
/** The bit of a name of `n` bytes that is offered; 0: none. */
uint64_t caps_offered(const struct client_state *st, const char *name, size_t n);
void client_cap(void *state, struct gw_client *client, const struct gw_message *m);

/* isupport.c, announce.c */
void tokens_changed(void *state, uint64_t tag);
/** As caps_news() and caps_tell(). */
bool tokens_news(struct client_state *st);
bool tokens_tell(struct client_state *st, struct client *c);
void tokens_free(struct client_state *st);
void isupport_send(struct client_state *st, struct client *c);
/** Of what clients are told, whatever its order; the same on every server. */
uint64_t tokens_digest(struct client_state *st);
void client_isupport(void *state, struct gw_client *client, const struct gw_message *m);
bool client_token_network(void *state, char *out, size_t max);
bool client_token_targmax(void *state, char *out, size_t max);
void announce_later(struct client_state *st, bool values);
void client_announce(void *state, uint64_t tag);
/** Whether it has still to hear of the change that others have heard of. */
bool news_awaits(const struct client_state *st, const struct client *c);
/** The client goes: it need not be told. */
void news_passes(struct client_state *st, const struct client *c);
void news_free(struct client_state *st);

/* reply.c, label.c: lines to one client */
void reply_numeric(struct client_state *st, struct client *c, int numeric, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void reply_vnumeric(struct client_state *st, struct client *c, int numeric, const char *format,
                    va_list args);
void reply_line(struct client_state *st, struct client *c, const char *source, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
void reply_vline(struct client_state *st, struct client *c, const char *source, const char *format,
                 va_list args);
void reply_standard(struct client_state *st, struct client *c, const char *type,
                    const char *command, const char *code, const char *context, const char *format,
                    ...) __attribute__((format(printf, 7, 8)));
void reply_vstandard(struct client_state *st, struct client *c, const char *type,
                     const char *command, const char *code, const char *context, const char *format,
                     va_list args);
void reply_words(struct client_state *st, struct client *c, int numeric, const char *head,
                 const char *word, char separator);
/** A line with tags of its own ("a=b;c", "" if none) besides label and batch. */
void reply_tagged(struct client_state *st, struct client *c, const char *tags, const char *line,
                  size_t n);
void reply_write(struct client_state *st, struct client *c, const char *first_tag, const char *tags,
                 const char *line, size_t n);
const char *reply_time(struct client_state *st, int64_t ms);
void batch_begin(struct client_state *st, struct client *c, const char *type);
void batch_end(struct client_state *st, struct client *c);
void batch_name(struct client_state *st, char out[BATCH_MAX]);
struct label *label_pause(struct client *c);
void label_resume(struct client *c, struct label *label);
void label_begin(struct client_state *st, struct client *c, const char *text);
void label_line(struct client_state *st, struct client *c, const char *tags, const char *line,
                size_t n);
void label_end(struct client_state *st, struct client *c);
void label_free(struct client_state *st, struct client *c);

/* events.c, render.c, renderers.c, show.c */
void client_stopping(void *state, uint64_t tag, const void *payload);
void client_event(void *state, uint64_t tag, const struct gw_event *event);
void client_event_last(void *state, uint64_t tag, const struct gw_event *event);
void render_event(struct client_state *st, const struct gw_event *event);
void render_changed(void *state, uint64_t tag);
void render_free(struct client_state *st);
/** An event is about to be shown: opens or closes the batch of a split or a join. Returns whether
 * its lines belong to one. */
bool together_event(struct client_state *st, const struct gw_event *event);
/** A line of the batch is about to go to the session. */
void together_to(struct client_state *st, const struct gw_session *to);
/** Whether the client is within a batch that has not ended. */
bool together_open(const struct client_state *st, const struct client *c);
void together_end(void *state, uint64_t tag);
void together_free(struct client_state *st);
extern const struct gw_renderer client_renderers[];
#define CLIENT_RENDERERS 4
void show_quit(void *state, struct gw_render *r, const struct gw_event *event);
void show_nick(void *state, struct gw_render *r, const struct gw_event *event);
void show_set(void *state, struct gw_render *r, const struct gw_event *event);
void show_modes(void *state, struct gw_render *r, const struct gw_event *event);

/* metrics.c */
gw_heard_fn client_metrics;

/* greeting.c */
void client_status(void *state, uint64_t tag, const void *payload);
void client_greeting(void *state, uint64_t tag, const void *payload);

/* ops.c: the interface "client" */
extern const struct gw_client_ops client_ops;

#endif
