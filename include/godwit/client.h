/*
 * godwit/client.h - clients that speak IRC: the interface "client" 1.1.
 *
 * A client is a connection on its way through the states Connecting, Registration and Connected;
 * Connected it has a session of the network. Other modules add commands, capabilities, ISUPPORT
 * tokens and renderers as rows. A command handler checks, submits events to the network or answers
 * with numerics; it never writes to a session. Events reach the clients through renderers, once per
 * form (the set of capabilities that matters), not once per recipient.
 */
#ifndef GODWIT_CLIENT_H
#define GODWIT_CLIENT_H

#include <godwit/call.h>
#include <godwit/conn.h>
#include <godwit/network.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Where a client is on its way. */
enum gw_client_state { GW_CONNECTING, GW_REGISTRATION, GW_CONNECTED };
/** The same as bits, for the commands' table. */
enum gw_client_states {
	GW_IN_CONNECTING = 1,
	GW_IN_REGISTRATION = 2,
	GW_IN_CONNECTED = 4,
	GW_IN_ALL = 7
};

/** What moves a client from state to state; see the table in the module's states.c. */
enum gw_client_change {
	GW_REGISTRATION_STARTED,   /* REGISTER was accepted for work: Connecting -> Registration */
	GW_REGISTRATION_COMPLETED, /* -> Connecting */
	GW_REGISTRATION_CANCELLED, /* -> Connecting */
	GW_AUTHENTICATED /* the user is known (or admitted as a guest): -> Connected as soon as
	                    NICK, USER and CAP END are there */
};

/** Read only for all but the client module. */
struct gw_client {
	uint64_t id;
	struct gw_conn *conn;            /* NULL: a shadow */
	const struct gw_conn_info *info; /* of a shadow: a blank one */
	enum gw_client_state state;
	struct gw_session *session; /* NULL before Connected */
	uint64_t caps;
	const char *nick;             /* "*" while none is given */
	const char *ident, *realname; /* NULL before USER */
	const char *account;          /* NULL: not authenticated (or a guest) */
	struct gw_id account_id;
	bool authenticated;     /* true for guests too */
	bool cap_negotiating;   /* between CAP LS/REQ and CAP END */
	bool exempt;            /* throttles and flood limits do not hold for this address */
	bool shadow;            /* it has no connection: its session's home is another server, which
	                           may hand it over to this one (see `shadow`). It may be written to;
	                           nothing is done in its name */
	uint64_t command;       /* number of the command being executed: hand it to `network` */
	int64_t last_active_ns; /* monotonic: the last message, for idle times */
};

#define GW_ARGS_MAX 32
/** A parsed line. A borrowed view. */
struct gw_message {
	const char *command; /* upper case */
	int argc;
	char *argv[GW_ARGS_MAX + 1]; /* NULL behind the last */
	const char *client_tags;     /* "+a=b;+c" still escaped, ready to be relayed; NULL: none */
	const char *label;           /* NULL: none */
	struct gw_line *line;
};

/** Cuts a word of a message (so: valid UTF-8) to at most `max` bytes, between two characters. */
static inline char *gw_cut(char *text, size_t max)
{
	if (strlen(text) <= max)
		return text;
	while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	text[max] = '\0';
	return text;
}

/** A command's handler: within `states`, with `min_args` at least. It may write to the client,
 * close it and submit events; both arguments are borrowed for the call. */
typedef void gw_command_fn(void *state, struct gw_client *, const struct gw_message *);

/** A row of the point "client.command". */
struct gw_command {
	const char *name;
	uint8_t states;   /* enum gw_client_states: elsewhere 451 (before Connected) or 462 */
	uint8_t min_args; /* fewer, or an empty last one of these: 461 */
	uint8_t cost;     /* tokens of the flood limit; 1 for ordinary ones */
	bool oper;        /* 481 for those who are no operator */
	uint32_t call;    /* row of `.calls`: gw_command_fn */
	const char *syntax, *help; /* for HELP: the parameters without the name, "<nick> [<count>]";
	                              a sentence; NULL: none */
};
#define GW_POINT_COMMAND "client.command"

/** A row of the point "client.cap". */
struct gw_cap {
	const char *name;
	const char *value;   /* shown to CAP LS 302; NULL: none */
	uint32_t value_call; /* row: void fn(state, struct gw_client *, char *out, size_t max),
	                        instead of `value`; 0: none */
	bool hidden;         /* not listed, requested by no one: a bit only */
};
#define GW_POINT_CAP "client.cap"

/** A row of the point "client.isupport". Values must tell the truth. */
struct gw_isupport {
	const char *name;
	const char *value;   /* NULL: the token alone */
	uint32_t value_call; /* row: bool fn(state, char *out, size_t max); false hides the token;
	                        0: none. Row 0 of .calls is therefore never one of these */
};
#define GW_POINT_ISUPPORT "client.isupport"

/** A row of the point "client.targmax": the token TARGMAX is one, with a part from each module. */
struct gw_targmax {
	const char *name; /* of a command, "PRIVMSG" */
	uint32_t max;     /* targets in one command; 0: no limit */
};
#define GW_POINT_TARGMAX "client.targmax"

/** Who is shown an event. */
enum gw_audience {
	GW_TO_CHANNEL, /* members (with event->status: those of that prefix and above) */
	GW_TO_PEERS,   /* all who share a channel with the source, and the source */
	GW_TO_TARGET,  /* event->target */
	GW_TO_SOURCE,
	GW_TO_TARGET_AND_SOURCE,
	GW_TO_UMODE /* local users with the row's user mode */
};

struct gw_render;
/** Writes no line, one or several with gw_render_line(), from the event, `r->caps` and the
 * network's state alone; `r->to` is set only for rows with `personal`. Without a line this form is
 * not sent. */
typedef void gw_render_fn(void *state, struct gw_render *r, const struct gw_event *event);

/** One form of one event being rendered: the client module's, for the call. */
struct gw_render {
	uint64_t caps;               /* of the form being made */
	const struct gw_session *to; /* personal rows only, else NULL */
	bool own;                    /* this form is for the source itself */
	void (*line)(struct gw_render *, const char *source, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
};
/** Adds a line: "[@tags] [:source] text". `source` NULL: the event's (nick!ident@host, or the
 * server). Tags, label and line end are the renderer's. */
#define gw_render_line(r, source, ...) ((r)->line((r), (source), __VA_ARGS__))

/** A row of the point "client.render". */
struct gw_renderer {
	const char *name;  /* "channel.join" */
	uint32_t kind;     /* of the network's own events; 0: */
	const char *event; /* the name of a row of "network.kind"; NULL: none */
	enum gw_audience audience;
	const char *caps; /* capabilities that the form depends on besides the tags', "extended-join
	                     away-notify"; NULL: none */
	const char *echo_cap; /* the source gets it only with this capability ("echo-message");
	                         NULL: always */
	bool personal;        /* made anew for each recipient */
	bool not_own;         /* never to the source */
	char umode;           /* GW_TO_UMODE */
	uint32_t call;        /* row: gw_render_fn */
};
#define GW_POINT_RENDER "client.render"

/** Topics. */
struct gw_audience_query { /* "client.audience", before an event is shown to peers: add sessions
	                      that watch the source (extended-monitor) */
	const struct gw_event *event;
	void *renderer;
	void (*add)(struct gw_audience_query *, struct gw_session *);
};
#define GW_TOPIC_AUDIENCE "client.audience"
/** Payload of the question "client.may-lose-nick". */
struct gw_lose_query {
	const struct gw_client *client;
	struct gw_id owner; /* of the nick */
};
#define GW_TOPIC_MAY_CONNECT                                                                       \
	"client.may-connect" /* question; struct gw_client *: a new connection, before anything is \
	                        read */
#define GW_TOPIC_MAY_ENTER                                                                         \
	"client.may-enter" /* question; struct gw_client *: about to become Connected (bans). The  \
	                      code of the error is the numeric of the refusal; GW_REFUSAL_SAID:    \
	                      who refuses has told the client */
#define GW_REFUSAL_SAID (-1)
#define GW_TOPIC_MAY_NICK "client.may-nick" /* question; struct gw_nick_query * */
#define GW_TOPIC_MAY_LOSE_NICK                                                                     \
	"client.may-lose-nick" /* question; struct gw_lose_query *: an account owns the client's   \
	                          nick, and it is not logged in to that one. Refused: it is about  \
	                          to be */
#define GW_TOPIC_CONNECTING                                                                        \
	"client.connecting" /* notification; struct gw_client *: ready to talk, TLS is up */
#define GW_TOPIC_UNAUTHENTICATED                                                                   \
	"client.unauthenticated" /* notification; NICK, USER and CAP END are there, but nobody has \
	                            authenticated: guest admits, account tells what to type */
#define GW_TOPIC_WELCOMED                                                                          \
	"client.welcomed" /* notification; struct gw_client *: after 005; LUSERS and MOTD follow   \
	                     here */
#define GW_TOPIC_ADOPTED                                                                           \
	"client.adopted" /* notification; struct gw_client *: its session has come from another    \
	                    server, and is in command here from now on. Look at it as at one who   \
	                    is Connected when something changes (a ban, its account); it does not  \
	                    enter and is not welcomed */
#define GW_TOPIC_CLIENT_GONE                                                                       \
	"client.gone" /* notification; struct gw_client *: last sight of it, in any state */

/** Payload of the question "client.may-nick": before the nick is taken. */
struct gw_nick_query {
	struct gw_client *client;
	const char *nick;
};

/** Who takes a client's lines in place of the commands: the module that moves it. Copied. */
struct gw_tap {
	struct gw_self *module;
	uint64_t tag;
	uint32_t line;   /* row: gw_tap_line_fn */
	uint32_t closed; /* row: gw_tap_closed_fn */
};
/** A line that would have been executed: as it came, and parsed (NULL: not a message). Both are
 * borrowed. GW_LINE_STOP: what follows stays unread until tap_resume(). */
typedef enum gw_line_verdict gw_tap_line_fn(void *state, uint64_t tag, struct gw_client *,
                                            const struct gw_line *raw, const struct gw_message *);
/** The client's connection is about to end, for `reason`. True: its session goes on without it, and
 * is the tap's to move or to quit; no QUIT is announced. Before it says false it may give lines
 * back (untap()): they are executed before the QUIT. The tap is over either way. Where this server
 * closes it (a KILL, a ban, its own end) neither counts. */
typedef bool gw_tap_closed_fn(void *state, uint64_t tag, struct gw_client *, const char *reason);

#define GW_CAPS_TEXT_MAX 3072
/** What moves along of a client, beside its session and what modules keep for that. */
struct gw_client_carry {
	char caps[GW_CAPS_TEXT_MAX];    /* names of the capabilities in force, spaces between */
	char offered[GW_CAPS_TEXT_MAX]; /* of those that were offered to it */
	uint64_t tokens;                /* digest of the ISUPPORT that it was told; 0: none */
	uint64_t command;               /* number of the last one executed */
	int64_t idle_ms;                /* since its last message */
	int64_t owed_ms;                /* of the flood limit */
	bool cap_302;
	bool secure; /* it must come over TLS */
	uint8_t reserved[6];
};

/** Lines to one client: they carry its label or batch, the time, CR LF. They never contain a line
 * end. */
struct gw_client_ops {
	/** ":server 433 nick " and the rest; the numeric has three digits. */
	void (*numeric)(void *client_module, struct gw_client *, int numeric, const char *format,
	                ...) __attribute__((format(printf, 4, 5)));
	/** A whole line; `source` NULL: the server. */
	void (*line)(void *client_module, struct gw_client *, const char *source,
	             const char *format, ...) __attribute__((format(printf, 4, 5)));
	/** "NOTICE nick :text" from the server. */
	void (*notice)(void *client_module, struct gw_client *, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	/** Standard replies: type "FAIL", "WARN" or "NOTE"; context "" or words before the text.
	 * Without the capability: a NOTICE with the text, for the person; a FAIL goes out before it
	 * all the same, for the program. */
	void (*standard)(void *client_module, struct gw_client *, const char *type,
	                 const char *command, const char *code, const char *context,
	                 const char *format, ...) __attribute__((format(printf, 7, 8)));
	/** Keeps the client's further lines unexecuted (and the label open) until `who`, the
	 * calling module, releases it: for answers that come later. Counted. When `who` is unloaded
	 * its holds end by themselves. */
	void (*hold)(void *client_module, struct gw_client *, struct gw_self *who);
	void (*release)(void *client_module, struct gw_client *, struct gw_self *who);
	/** Calls `call` (gw_timer_fn) once, when the client's send queue has room again; held
	 * meanwhile. For long lists. Called too when the client goes before that: by_id() then says
	 * NULL. One at a time per client. When the call's module is unloaded it is forgotten. */
	void (*wait_room)(void *client_module, struct gw_client *, struct gw_call call);
	struct gw_client *(*by_id)(void *client_module, uint64_t id); /* NULL: gone */
	struct gw_client *(*of_session)(void *client_module,
	                                const struct gw_session *); /* NULL: not local */
	struct gw_client *(*next)(void *client_module,
	                          const struct gw_client *after); /* all, in the order of arrival */
	/** Moves through the state table. -EPERM: not permitted in this state (the client is
	 * unchanged). */
	int (*change)(void *client_module, struct gw_client *, enum gw_client_change);
	/** GW_AUTHENTICATED with an account (or `name` NULL for a guest); when Connected already:
	 * the account changes. `host`: the visible host, NULL: made of the account. Enters the
	 * network if NICK, USER and CAP END are there. */
	int (*authenticated)(void *client_module, struct gw_client *, struct gw_id account,
	                     const char *name, const char *host);
	/** ERROR, then QUIT for the others if Connected, then the connection closes. The client is
	 * valid until "client.gone", its session is not. */
	void (*close)(void *client_module, struct gw_client *, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	/** The bit of a capability, 0 if no module brings it; keeps its value over reloads. */
	uint64_t (*cap)(void *client_module, const char *name);
	/** A value call would now answer otherwise: clients with draft/extended-isupport or
	 * Connected ones are told, cap-notify for capabilities. */
	void (*changed)(void *client_module);
	/** A bounded splitter for NAMES, MONITOR and their kind: adds `word` to a line that begins
	 * like numeric() with `head` (which ends in " :" where the words are one parameter), and
	 * sends the line when full; `word` NULL flushes. Nothing is kept over turns. */
	void (*words)(void *client_module, struct gw_client *, int numeric, const char *head,
	              const char *word, char separator);
	/** line() for what the client has not asked for: never part of the answer to a labelled
	 * command that is under way. */
	void (*unasked)(void *client_module, struct gw_client *, const char *source,
	                const char *format, ...) __attribute__((format(printf, 4, 5)));

	/* Moving a client (the module redirect). None of these inside a notification,
	 * but for shadow_free(). */
	/** From now on the client's lines go to the tap, first those that wait unexecuted; limits
	 * and time-outs of the client rest (but an adopted one that is tapped still is asked for a
	 * sign of life, unless its lines have been stopped). A client in any state. -EBUSY: there
	 * is one already. When the tap's module is unloaded for good its clients are closed. */
	int (*tap)(void *client_module, struct gw_client *, const struct gw_tap *);
	void (*tap_resume)(void *client_module, struct gw_client *);
	/** Ends it. `lines` (copied) are executed as if they came now, before what is unread. */
	void (*untap)(void *client_module, struct gw_client *, const struct gw_line *lines,
	              size_t n);
	/** Calls `call` (gw_timer_fn) once, from a turn of its own, when no command of the client
	 * is under way, no batch or label is open, and less than `below` bytes wait in its send
	 * queue; or when it has gone. One at a time per client; a second call replaces the first,
	 * one with no module forgets it. To be asked of a tapped client: else it may not stay so.
	 */
	void (*when_settled)(void *client_module, struct gw_client *, size_t below,
	                     struct gw_call call);
	/** The same, now. */
	bool (*settled)(void *client_module, const struct gw_client *, size_t below);
	/** All that is written to the client goes to `sink`; NULL: to its connection again (what
	 * the sink has is the caller's to write). A KILL, and whatever else would close the client,
	 * waits meanwhile; then it is carried out, unless the session has moved. */
	void (*divert)(void *client_module, struct gw_client *, struct gw_sink *sink);
	void (*carry)(void *client_module, const struct gw_client *, struct gw_client_carry *out);
	/** A client without a connection, for a session whose shadow is here: what it is to be told
	 * goes to `sink`, in the form that its capabilities ask for. of_session() finds it, next()
	 * does not. NULL, with a sentence: one of the capabilities is not offered here. */
	struct gw_client *(*shadow)(void *client_module, struct gw_session *, struct gw_sink *sink,
	                            const char *caps, struct gw_error *why);
	/** Other capabilities. -EINVAL, as above: nothing has changed. */
	int (*shadow_caps)(void *client_module, struct gw_client *, const char *caps,
	                   struct gw_error *why);
	/** It is over, or its session was adopted by its client; "client.gone" is not told. */
	void (*shadow_free)(void *client_module, struct gw_client **);
	/** A proved handover, which is a user authentication: `newcomer`, in Connecting, becomes
	 * the client of a session that is at home here as of now, and Connected. Its shadow ends.
	 * What waits for the newcomer in its send queue and in its tap stays there. Then nick,
	 * account, bans are looked at; what is offered here otherwise than there is announced.
	 * -EPERM: not Connecting, or not over TLS though it must. */
	int (*adopt)(void *client_module, struct gw_client *newcomer, struct gw_session *,
	             const struct gw_client_carry *);
	/** How many more clients there may be. */
	uint32_t (*room)(void *client_module);
	/** The connection that an operator means: by its nick, or, also before it has one, by its
	 * id as a decimal number. NULL: none of this server. */
	struct gw_client *(*named)(void *client_module, const char *word);
};

#endif
