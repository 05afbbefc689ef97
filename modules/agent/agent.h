/*
 * modules/agent/agent.h - the agent: it stands between a user's own IRC client and the network, and
 * lets itself be moved in that client's place. Private to the module.
 *
 * One session for each client that has connected:
 *
 *     client --local.c--> gate.c (password of its own) --> lost.c or pass.c --> redirect.c --> up.c
 * --> server client <-- pass.c (track, login; own answers swallowed) <-- redirect.c <--------------
 * up.c <-- server
 *
 * up.c has the connections to servers, of which there are two while a move is under way; mover.c
 * says which counts. track.c notes what the lines that pass say about the session, login.c what it
 * needs to log in again. When the server is lost, session.c dials the addresses of upstreams.c in
 * turn, and restore.c makes the new session what the old one was; the client stays connected all
 * the time.
 *
 * Whatever the client or a server says goes on byte by byte; only lines that belong to the agent
 * itself are added or taken out. All runs on the loop.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "mover.h"
#include "track.h"
#include "upstreams.h"

#include <godwit/conn.h>
#include <godwit/loop.h>
#include <godwit/metrics.h>
#include <godwit/module.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AGENT_LINE_MAX = 16384, /* either way: 8191 bytes of tags and 512 of the rest, and more */
	AGENT_QUEUE_MAX = 8 << 20,    /* bytes for one side; the other is not read long before */
	AGENT_QUEUE_HIGH = 256 << 10, /* at which the other side is no longer read */
	AGENT_LINES_PER_TURN = 256,   /* all that one read brings, usually */
	AGENT_QUEUE_LOW = 64 << 10,   /* at which it is again */
	AGENT_TELL_MAX = 1024         /* bytes of a line of the agent's own */
};

/** Rows of the module's table `.calls`; where each function is. */
enum agent_call {
	CALL_NONE,
	CALL_LOCAL_ACCEPT, /* local.c */
	CALL_LOCAL_READY,
	CALL_LOCAL_LINE,
	CALL_LOCAL_DRAINED,
	CALL_LOCAL_CLOSED,
	CALL_UP_READY, /* up.c */
	CALL_UP_LINE,
	CALL_UP_DRAINED,
	CALL_UP_CLOSED,
	CALL_SESSION_TIMER, /* session.c; the tag is the session's id */
	CALL_RESTORE_TIMER, /* restore.c; the same */
	CALL_STATUS,        /* admin.c */
	CALL_SESSION_LIST,
	CALL_SESSION_MOVE,
	CALL_UPSTREAM_LIST,
	CALL_UPSTREAM_TRUST,
	CALL_UPSTREAM_FORGET,
	CALL_VERB,     /* verb.c */
	CALL_REHASHED, /* agent.c */
	CALL_STOPPING,
	CALL_AGENT_READY, /* verb.c */
	CALL_GATE_TIMER,  /* gate.c; the tag is the session's id */
	CALL_GATE_RUN,
	CALL_GATE_CHECKED,
	CALL_ADMIN_TIMER,  /* admin.c; the same */
	CALL_REGAIN_TIMER, /* regain.c; the tag is the session's id */
	CALL_METRICS,
	CALL_END
};

enum session_state {
	SESSION_GATE,      /* the client must say the agent's own password first */
	SESSION_DIALLING,  /* the first connection to a server; what the client says waits */
	SESSION_PASSING,   /* all is passed on; also from here until the client is registered */
	SESSION_LOST,      /* no server; addresses are dialled in turn, with pauses */
	SESSION_RESTORING, /* a server again; restore.c logs in and rejoins, and has all its lines
	                    */
	SESSION_ENDING     /* nothing is passed any more; the client's connection is closing */
};

/** A connection to a server. From the dial to its end, which is later than its slot is free again.
 */
struct up {
	struct session *session; /* NULL: closed by us, it only has to end */
	struct gw_conn *conn;
	struct upstream *at;     /* NULL: the address came with a request to move */
	struct gw_line *reading; /* its line, during up_line() */
	char *address;           /* "two.example:6697" */
	char *host;              /* of a request; NULL else */
	uint16_t port;
	uint8_t slot;             /* of the mover */
	bool tls, ready, stopped; /* it is up; it is not read now */
	bool resumed;             /* its lines count: it is, or was, the connection in use */
	bool with_ticket;
	uint8_t pin[32]; /* of a request with TLS */
};

struct session {
	struct session *prev, *next;
	struct agent *agent;
	uint64_t id; /* from 1, never used again */
	struct gw_conn *local;
	struct up *up[2]; /* by the mover's slots; NULL: none */
	struct mover mover;
	struct track track;
	struct login *login;     /* login.c; NULL: nothing was seen */
	struct restore *restore; /* restore.c; NULL unless RESTORING */
	struct doubt *doubt;     /* doubt.c; NULL: nothing is in doubt */
	struct regain *regain;   /* regain.c; NULL: it has its nick */
	struct gw_line *reading; /* the client's, during local_line() */
	struct gate *gate; /* gate.c: lines that wait for the password, or for the first server */
	struct gw_admin_request
		*asked_move;          /* `session redirect` waits for what comes of it, or NULL */
	struct gw_timer *asked_timer; /* for that; NULL */
	struct gw_timer *timer;
	char *reason; /* why the last dial failed, or the server was lost */
	char *denied; /* that sentence of the server will come once more, as a NOTICE; or NULL */
	char *error;  /* the server's ERROR line, which is not passed on before its connection ends
	               */
	int64_t since_ns;      /* monotonic: on this server, or without one, since then */
	int64_t lost_ns;       /* when the server was lost, the last time */
	int64_t heard_ns;      /* when the server last said something */
	int64_t unanswered_ns; /* since the server has asked for a sign of life and the client has
	                          said nothing; 0: it has */
	int64_t asked_ns;      /* what the last requests to move may cost: redirect.c */
	uint64_t moves;        /* done */
	uint64_t lost;         /* servers lost */
	int64_t due_ns; /* monotonic: of the pause or the dial under way; INT64_MAX: neither */
	uint32_t tries; /* addresses tried since the server was lost */
	enum session_state state;
	bool own_cap_asked; /* CAP REQ :godwit/redirect is under way */
	bool can_move;      /* it was granted */
	bool local_stopped; /* the client is not read now */
	bool quit;          /* the client has said QUIT, or was killed: the end is no loss */
	bool pinged;        /* our own PING, since the server had been silent for long */
	bool dialling;      /* a dial of session.c is under way */
	uint8_t soon_lost;  /* times in a row that it was lost soon after it had come back */
	uint8_t reserved[1];
};

enum { GATE_FAILURES = 5 };

/** Against those who guess the agent's own password. */
struct gate_guard {
	int64_t failed_ns[GATE_FAILURES]; /* monotonic, the last ones; number i at i % 5 */
	uint64_t failures;
	int64_t shut_until_ns;
	uint64_t checking; /* the session whose password a job checks; 0: none */
};

struct agent {
	struct gw_self *self;
	struct session *sessions;
	struct upstreams upstreams;
	uint64_t last_id;
	uint32_t n_sessions;
	uint32_t reserved;
	uint64_t moves, lost, restored; /* over all sessions, since the start */
	struct gate_guard guard;
};

/* session.c: the life of a session */
struct session *session_new(struct agent *agent, struct gw_conn *local);
struct session *session_find(struct agent *agent, uint64_t id);
/** Dials the first address: the client has passed the gate. */
void session_dial(struct session *s);
/** A connection of a dial that session.c began is up, and its certificate is right. */
void session_up(struct session *s, struct up *up);
/** Such a dial has failed; or the certificate is another one. `reason` is a sentence. */
void session_dial_failed(struct session *s, const char *reason);
/** The mover has no connection left. */
void session_lost(struct session *s, const char *reason);
/** restore.c is done: the client has been told what changed, and lines pass again. */
void session_restored(struct session *s);
/** It could not be done here. `login`: nor will it elsewhere, until the client logs in itself: it
 * is told so and is closed. Otherwise the next address is tried. */
void session_restore_failed(struct session *s, bool login, const char *reason);
/** The timer runs for the next thing that is due. */
void session_arm(struct session *s);
/** Tells the client why with ERROR, and closes both sides. */
void session_end(struct session *s, const char *reason);
/** The client is gone. What it has said before still goes to the server. */
void session_leave(struct session *s);
void session_free(struct session *s);
/** "irc.example.net:6697" of the server in use, as far as it is known, else "-". */
const char *session_where(const struct session *s);

/* local.c: the client's side */
/** A line to the client, without its end. */
void session_tell(struct session *s, const char *line);
/** A NOTICE of the agent to the client; `format` gives one sentence. */
__attribute__((format(printf, 2, 3))) void session_notice(struct session *s, const char *format,
                                                          ...);
/** The name that lines of the agent's own come from. */
const char *session_source(const struct session *s);
/** The client is read, or not: not while the server cannot take more, or during a swap. */
void local_watch(struct session *s);
/** What was queued still leaves. */
void local_close(struct session *s, const char *reason);

/* up.c: the servers' side */
/** Connects slot `slot` to one of the addresses of the network. */
void up_dial(struct session *s, int slot, struct upstream *at);
/** The same to that of a request; `fingerprint` NULL: without TLS. */
void up_dial_request(struct session *s, int slot, const char *host, uint16_t port,
                     const uint8_t *fingerprint);
void up_write(struct session *s, int slot, const char *line, size_t len);
/** What was written still leaves. The slot is free at once. */
void up_close(struct session *s, int slot, const char *reason);
/** The slot is read again, if the client can take more. */
void up_watch(struct session *s, int slot);
/** Begins to read the slot. */
void up_resume(struct session *s, int slot);

/* redirect.c: the mover, and what it does with the two connections */
void redirect_begin(struct session *s);
void redirect_end(struct session *s);
void redirect_ready(struct session *s, struct up *up);
void redirect_line(struct session *s, struct up *up, const char *line);
/** The slot is empty already. */
void redirect_closed(struct session *s, int slot);
void redirect_tick(struct session *s);
/** A line to the server, now or after the swap. Negative: not taken. */
int session_send(struct session *s, const char *line);
/** The same; there may be NULs in it. */
int session_send_bytes(struct session *s, const char *line, size_t len);
/** Whether lines wait for the end of a swap. */
static inline bool redirect_holds(const struct session *s)
{
	return s->mover.state == MOVER_HOLDING;
}
/** REDIRECT MOVE; the answer goes to `s->asked_move`. */
void redirect_ask(struct session *s, const char *server);

/* pass.c: lines that pass */
void pass_client_line(struct session *s, const char *line, size_t len);
void pass_server_line(struct session *s, const char *line);
/** Writes a line. Where it is `reading`, it leaves as it came: with what is behind a NUL in it, and
 * with its own line end. */
void pass_write(struct session *s, struct gw_sink *sink, struct gw_line *reading, const char *line,
                size_t len);

/* gate.c: the agent's own password, and lines that wait for the first server */
/** Whether this client must say it: false where none is set, or on a Unix socket. */
bool gate_wanted(struct session *s);
/** The client has some time to say it. */
void gate_begin(struct session *s);
/** A line of a client in GATE or DIALLING. Keeps it, lets the client in (session_dial()), or ends
 * the session. */
void gate_line(struct session *s, const char *line, size_t len);
/** Hands what was kept to pass_client_line(). */
void gate_open(struct session *s);
void gate_free(struct session *s);
/** Whether the option `password` can be used. 0, or -EINVAL with a sentence. */
int gate_check(struct gw_self *self, const struct gw_options *candidate, struct gw_error *err);

/* login.c: what is needed to log in again */
/** Notes PASS and SASL PLAIN; nothing of it is believed before the server has accepted it. */
void login_client_line(struct session *s, const char *line);
void login_server_line(struct session *s, const char *line);
/** Wipes. */
void login_free(struct session *s);

/* restore.c: the new session becomes what the old one was */
void restore_begin(struct session *s);
void restore_line(struct session *s, const char *line);
/** The client's line meanwhile: kept until it is done, or refused. */
void restore_client_line(struct session *s, const char *line);
/** The connection is lost again: session_restore_failed(), with its reason. */
void restore_lost(struct session *s, const char *reason);
void restore_free(struct session *s);

/* lost.c: what a client is told that speaks while there is no server */
void lost_client_line(struct session *s, const char *line);
/** Says that `line` was not sent. */
void lost_refuse(struct session *s, const char *line);

/* doubt.c: which of the client's last lines may not have arrived */
void doubt_said(struct session *s, const char *line);
/** True: the line answers the agent's own PING, and is not for the client. */
bool doubt_server_line(struct session *s, const char *line);
/** The time has come to ask; when it does next: INT64_MAX, nothing is in doubt. */
int64_t doubt_tick(struct session *s);
/** Tells the client of those that may be lost, after a server was. */
void doubt_tell(struct session *s);
void doubt_free(struct session *s);

/* admin.c */
/** What came of a `session redirect`: status and sentence, as gw_admin_done() has them. */
void admin_moved(struct session *s, int status, const char *sentence);

#endif
