/*
 * net.h - the network half of the module: links that are up, and whom to dial. link.h says which
 * file does what, and has what the handshake's half needs of it.
 */
#ifndef LINK_NET_H
#define LINK_NET_H

#include "frames.h"
#include "link.h"
#include <godwit/client.h>
#include <godwit/replica.h>

#define WEIGHT_USUAL 100
#define WEIGHT_MAX 1000000
#define REASON_MAX 255

#define NETWORK(st, ...) GW_VIA((st)->network, gw_network_ops, __VA_ARGS__)
#define SERVICES(st, ...) GW_VIA((st)->services, gw_services_ops, __VA_ARGS__)
#define CLIENT(st, ...) GW_VIA((st)->client, gw_client_ops, __VA_ARGS__)
#define REPLICA(st, ...) GW_VIA((st)->replica, gw_replica_ops, __VA_ARGS__)

enum link_phase {
	LINK_WAITS, /* behind an older link between the two, which has been asked for a sign of life
	             */
	LINK_IS_UP, /* "link.up" has been told */
	LINK_CLOSING, /* until its connection has ended */
};

/** A local client whose input waits for this link. */
struct held {
	uint64_t client;
	UT_hash_handle hh;
};

/** From the end of its handshake to that of its connection. */
struct link {
	struct gw_link pub;
	UT_hash_handle hh; /* by pub.id */
	struct gw_conn *conn;
	struct proved who;
	struct reauth *reauth;
	char name[GW_SERVER_MAX + 1], address[ADDRESS_MAX + 1];
	char reason[REASON_MAX + 1]; /* why it is closed */
	uint8_t phase;               /* enum link_phase */
	uint8_t bye;                 /* enum gw_goodbye said or heard; 0: none */
	bool told_up;
	bool room_wanted; /* room() has answered 0 */
	bool slow;        /* over the soft bound, until below half of it */
	bool stopped;     /* turn.c: its input waits */
	uint8_t reserved[2];

	/* turn.c, leave.c: other links, 0: none */
	uint64_t heir;   /* what is for this one goes over that one */
	uint64_t mute;   /* what that one brings does not go over this one */
	uint64_t mirror; /* what is for one server by this one goes over that one, too */

	/* links.c; monotonic */
	int64_t heard_ns, pinged_ns;
	uint64_t ahead; /* LINK_WAITS: the older link */

	/* flow.c: bytes of frames since the link's beginning */
	uint64_t sent, acked;    /* to the other side, which has consumed so many */
	uint64_t consumed, told; /* from it, and as it last was told */
	int64_t progress_ns;     /* when `acked` rose, or something became due after nothing was */
	struct held *held;

	/* route.c: records that were refused, by minute */
	int64_t minute_ns;
	uint32_t refused, refused_said;
};

/* --- address.c: "HOST:PORT", pure --- */

/** "192.0.2.1:7000", "[2001:db8::1]:7000", "irc.example.net:7000", "unix:/path". */
bool address_valid(const char *text);
/** What stands before the port, without brackets; false for a Unix socket. */
bool address_host(const char *text, char out[ADDRESS_MAX + 1]);
/** Numeric and 0.0.0.0 or ::, at which nobody can be reached. */
bool address_wildcard(const char *text);

/* --- links.c --- */

struct link *link_find(struct link_state *st, uint64_t id);
/** One that is up or about to be, with that server; NULL: none. */
struct link *link_with(struct link_state *st, struct gw_id server);
/** Says goodbye and closes. */
void link_close(struct link_state *st, struct link *link, enum gw_goodbye code, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
/** Closes links whose key or server is gone. */
void links_recheck(struct link_state *st);
/** Bounds may have changed. */
void links_rehashed(struct link_state *st);
void links_free(struct link_state *st);
gw_conn_bytes_fn link_bytes;
gw_conn_drained_fn link_drained;
gw_conn_closed_fn link_closed;
gw_timer_fn links_tick;
gw_heard_fn links_stopping;
extern const struct gw_link_ops link_ops;
bool link_up(const struct link *link);

/* --- control.c: control frames --- */

void control_send(struct link_state *st, struct link *link, enum control type, const void *p,
                  size_t n);
void control_ping(struct link_state *st, struct link *link);
/** Not 0: a breach. */
int control_input(struct link_state *st, struct link *link, const struct gw_frame *frame,
                  struct gw_error *why);

/* --- flow.c --- */

/** Queues a frame. */
void flow_send(struct link_state *st, struct link *link, const struct gw_frame *frame);
/** Queues bytes that are frames, shared with other links. */
void flow_send_buf(struct link_state *st, struct link *link, struct gw_buf *buf);
/** So many bytes of frames have come in and taken effect. */
void flow_consumed(struct link_state *st, struct link *link, size_t n);
/** The other side has consumed so many. Not 0: more than were sent. */
int flow_acked(struct link_state *st, struct link *link, uint64_t bytes, struct gw_error *why);
/** Bytes that are queued or not acknowledged. */
uint64_t flow_backlog(const struct link *link);
size_t flow_room(struct link_state *st, struct link *link);
/** What has become possible, or too much. */
void flow_look(struct link_state *st, struct link *link);
/** A local client has caused what went over the link: if that is slow, it waits. */
void flow_slow(struct link_state *st, struct link *link, uint64_t session);
void flow_release(struct link_state *st, struct link *link);
gw_heard_fn flow_client_gone, flow_unloaded;

/* --- metrics.c --- */

gw_heard_fn link_metrics;

/* --- route.c --- */

/** A frame came. Not 0: a breach. */
int route_input(struct link_state *st, struct link *link, const struct wire_frame *wire,
                const uint8_t *bytes, struct gw_error *why);
int route_send(struct link_state *st, const struct gw_frame *frame);
gw_heard_fn route_record;
gw_timer_fn route_rows;

/* --- uplinks.c --- */

void uplinks_look(struct link_state *st);
/** Begins all waiting anew. */
void uplinks_eager(struct link_state *st);
void uplinks_link_up(struct link_state *st, struct link *link);
/** Once for every link, also one that was never up. */
void uplinks_link_down(struct link_state *st, struct link *link);
/** An operator has disconnected that server. */
bool uplinks_off(struct link_state *st, const char *name);
void uplinks_disconnect(struct link_state *st, const char *name);
/** Dials now; `req` is answered when it is known what has become of it. */
void uplinks_connect(struct link_state *st, struct known *known, struct gw_admin_request *req);
void uplinks_free(struct link_state *st);
int uplinks_join(void *link, const char *address, const char *key, struct gw_error *err);
void uplinks_cancel_join(void *link);
size_t uplinks_count(void *link);
gw_timer_fn uplinks_tick;
/** The server's entry in the live network, NULL: out of sight. */
const struct gw_node *in_sight(struct link_state *st, struct gw_id server);

/** Whether it can be dialled at all. */
bool dialable(struct link_state *st, const struct known *known);

/* --- turn.c, leave.c --- */

/** A control frame of a turn. Not 0: a breach. */
int turn_input(struct link_state *st, struct link *link, const uint8_t *p, size_t n,
               struct gw_error *why);
/** Whether this is the link for which two neighbours of one that leaves wait. */
bool turn_expects(struct link_state *st, const struct link *link);
/** That link is up. */
void turn_link_up(struct link_state *st, struct link *link);
void turn_link_down(struct link_state *st, struct link *link);
/** The databases at the ends of the spare have accepted each other. */
void turn_accepted(struct link_state *st, struct link *link);
/** An attempt has ended, perhaps a turn's. */
attempt_ended_fn turn_dial_ended;
/** Whether frames may have to wait on the link, so that its silence says nothing. */
bool turn_holds(const struct link_state *st, const struct link *link);
void turn_say(struct link_state *st, uint64_t link, const struct turn_said *said);
/** At the end of it, however it ended. */
void turn_forget(struct link_state *st);
void turn_until(struct link_state *st, int64_t ns);
gw_timer_fn turn_tick;
/** The server at the other end; NULL: it is not level with this one. */
const struct gw_node *turn_neighbour(struct link_state *st, const struct link *link);

typedef void turn_fn(struct link_state *st, struct link *link, const struct turn_said *said);
turn_fn leave_yes, leave_no, leave_unreached, leave_parted, leave_turned;
/** Its own turn has failed. */
void leave_fail(struct link_state *st, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** Goes on, if nothing is under way. */
void leave_look(struct link_state *st);
void leave_link_down(struct link_state *st, struct link *link);
size_t leave_begin(void *link, struct gw_call said);
void leave_end(void *link);

/* --- own.c: this server's own entry of the services database --- */

void own_look(struct link_state *st);
/** Addresses at which this server can be reached: the option `advertise`, else its listeners. */
size_t own_addresses(struct link_state *st, char out[ADDRESSES_PER_SERVER][ADDRESS_MAX + 1]);

/* --- requests.c: commands that wait for the services database --- */

/** Begins one: the sentence is what the log and all operators are told when it is done. */
struct request *request_new(struct link_state *st, struct gw_admin_request *req, const char *format,
                            ...) __attribute__((format(printf, 3, 4)));
/** A further line of the answer. */
void request_line(struct request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** It is to be said when every server has it. */
void request_everywhere(struct request *request);
/** Commits, and answers when that is durable and `server` has been read again; or refused. */
void request_commit(struct link_state *st, struct request *request, struct gw_id server,
                    const struct gw_write *writes, size_t n);
void requests_read(struct link_state *st, uint64_t tag);
void requests_free(struct link_state *st);
gw_committed_fn requests_committed;
gw_timer_fn requests_everywhere;

/* --- admin_server.c, admin_link.c, map.c --- */

gw_admin_fn admin_server_add, admin_server_list, admin_server_joinline, admin_server_remove;
gw_admin_fn admin_key_add, admin_key_revoke, admin_address_add, admin_address_remove;
gw_admin_fn admin_server_weight;
gw_admin_fn admin_link_list, admin_link_connect, admin_link_disconnect;
gw_admin_fn admin_map;

#endif
