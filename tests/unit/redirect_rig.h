/*
 * tests/unit/redirect_rig.h - the module redirect in a core of the test's, between a network,
 * clients and links that do nothing but keep to their contracts and note what they are asked for.
 *
 * This server is RUN_HERE. RUN_NEAR is at the other end of the link VIA_NEAR and RUN_FAR behind it;
 * RUN_OTHER is at the other end of VIA_OTHER. A call that a contract forbids ends the program, and
 * so does a use of what is freed, under the sanitizers.
 */
#ifndef TESTS_UNIT_REDIRECT_RIG_H
#define TESTS_UNIT_REDIRECT_RIG_H

#include "modules/redirect/redirect.h"
#include "tests/unit/mini.h"

enum { RUN_HERE = 1, RUN_NEAR = 2, RUN_FAR = 3, RUN_OTHER = 4, RUNS = 4 };
enum { VIA_NEAR = 20, VIA_OTHER = 40 };

#define CAP_BIT 1
#define SESSIONS_MAX 64
#define CLIENTS_MAX 64
#define NEWCOMER_FIRST 1000 /* the first client's id */

/** A text that grows. */
struct rig_text {
	char *p;
	size_t n;
};

struct gw_sink {
	struct redirect_rig *rig;
	struct gw_call write;  /* no module: a connection's, whose lines are kept here */
	struct rig_text lines; /* each ends with "|" in place of its line end */
};

struct gw_conn {
	struct gw_sink sink;
	struct gw_conn_info info;
};

struct fake_client {
	struct gw_client pub; /* first */
	struct gw_conn conn;
	struct gw_tap tap;
	struct gw_sink *divert;
	struct gw_call settled;   /* asked for */
	struct rig_text executed; /* lines that untap() gave back */
	bool tapped, closed;
	bool stopped; /* its tap takes no more */
	bool busy;    /* something of it is open */
};

struct fake_session {
	struct gw_session pub; /* first */
	struct gw_user user;
	struct fake_client *client; /* or its shadow's */
	uint8_t attempt[ID_BYTES];
	char nick[GW_NICK_MAX + 1];
	char data[256]; /* of the module "notes" */
	size_t data_n;
};

struct redirect_rig {
	struct gw_core core; /* first */
	struct mini *mini;
	struct gw_self *self;
	struct redirect_state *st;
	struct gw_node nodes[RUNS + 1]; /* by run; run 0: out of sight */
	uint64_t seqs[RUNS + 1];        /* the vector */
	bool leaving[RUNS + 1];         /* in the vector still, but not in sight */
	struct fake_session *sessions[SESSIONS_MAX];
	struct fake_client *clients[CLIENTS_MAX];
	uint64_t n_newcomers;
	size_t n_shadows, n_bufs, n_sinks; /* that are not given back */
	unsigned notifying;
	const struct gw_event *current;
	uint32_t room;    /* for clients */
	bool no_adopt;    /* adopt() refuses */
	int route_status; /* of route() */
	bool plain_only;  /* there is no listener with TLS */
	struct rig_text notes, logged, picture;
};

struct redirect_rig *redirect_rig_new(void);
/** Fails when the module leaves anything behind. */
void redirect_rig_free(struct redirect_rig **rig);

/* The world. */
struct fake_session *rig_session(struct redirect_rig *rig, uint64_t id, uint64_t home);
/** A local session with its client, whose software can be moved. */
struct fake_client *rig_client(struct redirect_rig *rig, uint64_t session);
/** A connection that nobody has been heard of over. */
struct fake_client *rig_newcomer(struct redirect_rig *rig, const char *address);
struct fake_session *rig_find_session(struct redirect_rig *rig, uint64_t id);
/** Its connection ends. */
void rig_close(struct redirect_rig *rig, struct fake_client *c);
/** A line of its: to the tap, or as a command. False: nobody takes lines of it now. */
bool rig_says(struct redirect_rig *rig, struct fake_client *c, const char *line);
/** An event; with `text` a line of it goes to the session that it is of, before others hear it. */
void rig_event(struct redirect_rig *rig, struct gw_event *event, const char *text);
/** A line that no event has caused. */
void rig_line(struct redirect_rig *rig, uint64_t session, const char *text);
void rig_quit(struct redirect_rig *rig, uint64_t session);
/** The server `run` and what is behind it go out of sight. */
void rig_split(struct redirect_rig *rig, uint64_t run);
/** All that is due at this moment. */
void rig_turns(struct redirect_rig *rig);

/* Messages of other servers. */
struct rig_message {
	struct gw_parts parts;
	uint8_t bytes[GW_FRAME_MAX];
};
void rig_begin(struct rig_message *m, int number, const uint8_t id[ID_BYTES], uint64_t from);
int rig_send(struct redirect_rig *rig, const struct rig_message *m, uint64_t via);
int rig_frame(struct redirect_rig *rig, const void *body, size_t n, uint64_t via);
/** A snapshot of these capabilities; `data` NULL: without any module's. */
size_t rig_snapshot(uint8_t *out, size_t max, const char *caps, const char *data);

/* Attempts, brought to a state by all that goes before it. NULL: it did not come to that. */
struct source *rig_source(struct redirect_rig *rig, uint64_t session, uint64_t to,
                          enum source_state state);
struct recipient *rig_recipient(struct redirect_rig *rig, uint64_t session, uint64_t from,
                                enum recipient_state state);
void rig_notify(struct redirect_rig *rig, uint64_t session, const uint8_t id[ID_BYTES],
                uint64_t from);
/** Of that connection, for that attempt. */
void rig_handover(struct redirect_rig *rig, struct fake_client *c, const struct recipient *r);
/** Whose vector says that much of one server. */
int rig_cut(struct redirect_rig *rig, const uint8_t id[ID_BYTES], uint64_t from, uint64_t run,
            uint64_t seq);

/** What was asked for since the last time: lines "link 2 CANCEL reason", "client 7 close why",
 * "network move 9" and so on; valid until the next call. */
const char *rig_notes(struct redirect_rig *rig);
const char *rig_logged(struct redirect_rig *rig);
/** Every attempt, its state and what is held and kept, every session and connection, in one text:
 * to see that nothing changed. Valid until the next call. */
const char *rig_picture(struct redirect_rig *rig);
/** Adds to a text; NULL: empties it. */
void rig_add(struct rig_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Between the files of the rig. */
void rig_core(struct redirect_rig *rig);
void rig_clients_hear(struct redirect_rig *rig, const struct gw_event *event);
void rig_unshown(struct redirect_rig *rig, struct fake_session *s);
void rig_free_client(struct fake_client *c);
extern const struct gw_network_ops rig_network;
extern const struct gw_link_ops rig_link;
extern const struct gw_client_ops rig_clients;
struct fakes {
	struct redirect_rig *rig;
};
#define RIG(fakes_state) (((struct fakes *)(fakes_state))->rig)

#endif
