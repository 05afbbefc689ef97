/*
 * modules/agent/mover.h - the client's side of the capability godwit/redirect (doc/redirect.md), as
 * a state machine without sockets, clock or globals.
 *
 * A client has one or two connections, in the slots 0 and 1. The first one is in slot 0; each move
 * goes to the other slot, so the slot of a connection never changes while it lasts. The mover is
 * told what happens (mover_connected, mover_line, mover_closed, mover_tick), and what the user
 * wants to send (mover_say). It answers through a table of actions: dial, send, close, show this
 * line to the user.
 *
 *     struct mover m;
 *     struct mover_settings settings = {.actions = &actions, .driver = me};
 *
 *     mover_init(&m, &settings, now);
 *     mover_connected(&m, 0, NULL, NULL);             the driver has dialled the first one itself
 *     mover_say(&m, "CAP REQ :godwit/redirect");      and so on: whatever a client says
 *     each turn: mover_tick(&m, now), then mover_line(&m, slot, line) for what was read
 *     mover_fini(&m);
 *
 * Everything that the user sends goes through mover_say(), everything that the user sees comes
 * through deliver(). PING is the user's to answer. Within an action no function of the mover may be
 * called, but mover_say() in deliver() and moved(). After lost() the mover does nothing more.
 *
 * settings.actions is looked at during these calls only: where the code may be exchanged between
 * them, it is set anew before each.
 */
#ifndef AGENT_MOVER_H
#define AGENT_MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MOVER_ID = 16,
	MOVER_SECRET = 32, /* token, proof, binding and fingerprint */
	MOVER_ID_TEXT = 22,
	MOVER_SECRET_TEXT = 43,
	MOVER_HOST_MAX = 255,
	MOVER_HELD_MAX = 1 << 20 /* bytes held in each direction */
};
#define MOVER_TIMEOUT_NS INT64_C(10000000000)

/** What the client answers to a REQUEST. */
enum mover_policy { MOVER_ACCEPT, MOVER_REFUSE, MOVER_IGNORE };

enum mover_state {
	MOVER_HOME,     /* one connection */
	MOVER_DIALLING, /* REQUEST accepted; the new connection is not up yet */
	MOVER_OFFERED,  /* HANDOVER sent. Until here the old connection is used as ever */
	MOVER_HOLDING,  /* SYNCED sent: what the user says is held, until the old connection ends */
	MOVER_LOST      /* no connection */
};

/** What the driver does. Lines are without CR LF. A connection is in use from dial() to close() or
 * to the mover_closed() of it; of none else may anything be told. */
struct mover_actions {
	/** What to answer to a REQUEST. NULL: settings.policy, always. */
	enum mover_policy (*decide)(void *driver, const char *host, uint16_t port);
	/** Connects, with TLS if `fingerprint` (32 bytes, SHA-256 of the certificate) is not NULL,
	 * then says mover_connected(); or mover_closed(), if that fails. It need not compare the
	 * fingerprint. Nothing but what TLS itself needs is read until resume(). */
	void (*dial)(void *driver, int slot, const char *host, uint16_t port,
	             const uint8_t *fingerprint);
	/** Lines of one slot leave in this order. */
	void (*send)(void *driver, int slot, const char *line);
	/** For good; what was sent before need not arrive. */
	void (*close)(void *driver, int slot);
	/** Reading may begin: the slot is the connection in use now. May be NULL, if lines that
	 * come earlier are just handed over: up to settings.held_max of them are kept. */
	void (*resume)(void *driver, int slot);
	/** A line for the user. Never REQUEST, SYNC or CANCEL. */
	void (*deliver)(void *driver, const char *line);
	/** Its connection is another one now; the first line of it is delivered after this. May be
	 * NULL. */
	void (*moved)(void *driver);
	/** No connection is left. */
	void (*lost)(void *driver, const char *reason);
	/** Memory, as realloc() has it; 0 bytes: gives it back. NULL: the C library's, and abort()
	 * where there is none. */
	void *(*resize)(void *driver, void *p, size_t n);
};

struct mover_settings {
	const struct mover_actions *actions;
	void *driver;             /* what the actions are handed */
	enum mover_policy policy; /* may be changed at any time */
	uint32_t reserved;
	int64_t timeout_ns; /* from REQUEST to SYNC; 0: MOVER_TIMEOUT_NS */
	size_t held_max;    /* 0: MOVER_HELD_MAX */
};

struct mover_counts {
	uint64_t requests;  /* well-formed ones */
	uint64_t refused;   /* of them, by the policy, or since it may not follow them */
	uint64_t ignored;   /* of them, by the policy */
	uint64_t moved;     /* done */
	uint64_t failed;    /* the new connection did not come about, or broke */
	uint64_t timed_out; /* no SYNC in time */
	uint64_t cancelled; /* by the server */
	uint64_t stale;     /* SYNC and CANCEL of another id than the present one */
	uint64_t malformed; /* REDIRECT lines that are none */
};

/** Lines, each with a NUL behind it. */
struct mover_lines {
	char *bytes;
	size_t len, size;
};

/** Read only; `settings.policy` may be set. */
struct mover {
	struct mover_settings settings;
	struct mover_counts counts;
	enum mover_state state;
	int home; /* the slot of the connection in use */
	int64_t now_ns;
	int64_t deadline_ns; /* of this attempt; INT64_MAX: none */
	bool tls;            /* the connection in use has it */
	bool new_tls;        /* the new one must have it */
	bool new_open;       /* dialled, and not closed since */
	char id[MOVER_ID_TEXT + 1];
	uint8_t token[MOVER_SECRET], fingerprint[MOVER_SECRET];
	uint8_t reserved[6];
	struct mover_lines said; /* by the user, after SYNCED */
	struct mover_lines come; /* over the new connection, before the swap */
};

void mover_init(struct mover *m, const struct mover_settings *settings, int64_t now_ns);
/** Closes nothing. */
void mover_fini(struct mover *m);

/**
 * A connection is up. `binding`: the 32 bytes of its tls-exporter (RFC 9266), NULL without TLS;
 * `fingerprint`: SHA-256 of the certificate that the server showed, NULL without TLS. Of the first
 * connection only matters whether it has TLS. Answers with HANDOVER, or gives the attempt up.
 */
void mover_connected(struct mover *m, int slot, const uint8_t *binding, const uint8_t *fingerprint);
/** A line was read, without CR LF. */
void mover_line(struct mover *m, int slot, const char *line);
/** A connection has ended, or did not come about. It is not closed by the mover then. */
void mover_closed(struct mover *m, int slot);
/** The time, by a clock that never goes back. */
void mover_tick(struct mover *m, int64_t now_ns);
/** When mover_tick() is due at the latest; INT64_MAX: no matter. */
int64_t mover_deadline(const struct mover *m);
/**
 * What the user wants to send: at once, or after the swap. 0, -ENOBUFS (too much is held already;
 * the line is not taken) or -ENOTCONN (after lost()).
 */
int mover_say(struct mover *m, const char *line);
/** Gives up an attempt, as the user wishes: REFUSE. False when there is none, or it is too late. */
bool mover_give_up(struct mover *m, const char *reason);

/** The proof of HANDOVER, as text. `id` is the text of REQUEST; binding NULL: no TLS. */
void mover_proof(char proof_out[MOVER_SECRET_TEXT + 1], const char *id,
                 const uint8_t token[MOVER_SECRET], const uint8_t *binding);

#endif
