/*
 * modules/channel/private.h - what the module's files share.
 *
 * A command's file checks and submits events; render.c shows them; registered.c keeps registered
 * channels in the services database and brings them back. The live channel itself is the network's.
 */
#ifndef CHANNEL_PRIVATE_H
#define CHANNEL_PRIVATE_H

#include <godwit/account.h>
#include <godwit/admin.h>
#include <godwit/bus.h>
#include <godwit/channel.h>
#include <godwit/client.h>
#include <godwit/hash.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/message.h>
#include <godwit/module.h>
#include <godwit/network.h>
#include <godwit/replica.h>
#include <godwit/services.h>

#define ACCESS_MAX 256       /* entries of one channel's access list */
#define LIST_ENTRIES_MAX 100 /* bans, exceptions and invitation masks of one channel together */
#define MASK_MAX 150
#define MODES_PER_LINE 12
#define KICKS_PER_LINE 4
#define NAMES_PER_LINE 4
#define FOLDED_MAX (GW_CHANNEL_MAX + 1)

/** Rows of `.calls`. */
enum channel_call {
	CALL_NONE,
	CALL_JOIN,
	CALL_PART,
	CALL_NAMES,
	CALL_KICK,
	CALL_INVITE,
	CALL_TOPIC,
	CALL_LIST,
	CALL_MODE,
	CALL_CHANNEL,
	CALL_RENDER_JOIN,
	CALL_RENDER_PART,
	CALL_RENDER_KICK,
	CALL_RENDER_MODE,
	CALL_RENDER_TOPIC,
	CALL_RENDER_INVITE,
	CALL_RENDER_INVITE_NOTIFY,
	CALL_MAY_SEND,
	CALL_SERVICE,
	CALL_EVENT,
	CALL_SERVICES_CHANGED,
	CALL_PREFIX,
	CALL_CHANMODES,
	CALL_CHANLIMIT,
	CALL_MAXLIST,
	CALL_JOIN_FOUND,
	CALL_JOIN_READ,
	CALL_LIST_ROOM,
	CALL_REGISTER_DONE,
	CALL_CHANGE_DONE,
	CALL_ACCOUNT_FOUND,
	CALL_REREAD,
	CALL_SAVED,
	CALL_SAVE_AGAIN,
	CALL_SWEEP,
	CALL_ADMIN_LIST,
	CALL_ADMIN_INFO,
	CALL_REHASHED,
	CALL_INVITED_EXPORT,
	CALL_INVITED_IMPORT,
	CALL_MANAGE_FOUND,
	CALL_MANAGE_READ,
	CALL_REGISTERED_READ,
	CALL_COPIED,
	CALL_SETTLE,
	CALL_SETTLE_DUE,
	CALL_LOSER_READ,
	CALL_CLAIMANT,
	CALL_NEXT_FOUND,
	CALL_UNSHOWN,
	CALL_ADMIN_MEMBERS,
	CALL_ADMIN_OP,
	CALL_ADMIN_KICK,
	CALL_ADMIN_SLICE,
	CALL_ADMIN_DROP,
	CALL_ADMIN_FOUND,
	CALL_ADMIN_READ,
	CALL_ADMIN_DROPPED,
	CALL_ADMIN_COPIED
};

/** One entry of a registered channel's access list. */
struct access {
	struct gw_id account;
	uint8_t status;             /* the highest prefix that it gives, enum gw_prefix */
	char name[GW_NICK_MAX + 1]; /* of the account when the entry was made */
};

/** What services know of a channel that is in use. */
struct registered {
	struct gw_id id;
	struct gw_id founder;
	struct gw_stamp claim; /* on its name */
	char name[GW_CHANNEL_MAX + 1];
	char shown[GW_CHANNEL_MAX + 1]; /* the name, or #name~digits of one that does not own it */
	bool beaten;                    /* it does not own its name, */
	bool told;                      /* which has been said */
	char founder_name[GW_NICK_MAX + 1];
	uint64_t since_ms;
	struct access *access;
	uint32_t n_access;
	UT_hash_handle hh; /* by id */
};

struct inquiry;
struct invitation;
struct joining;
struct listing;
struct overview;
struct pending;
struct save;
struct settling;

/*
 * The state, version 1. To change its layout, or that of what it points to: raise `.state_version`,
 * add a `migrate` that fills the new block from the old one, and keep a test that loads the old
 * version first.
 */
struct channel_state {
	struct gw_self *self;
	struct gw_iface *client, *network, *services, *replica; /* replica: no ops without */
	struct gw_topic *may_join, *may_claim;
	struct registered *registered;
	struct invitation *invitations;
	struct joining *joinings;   /* JOINs that wait for the services database */
	struct listing *listings;   /* LISTs under way */
	struct overview *overviews; /* operators' lists of channels under way */
	struct inquiry *inquiries;  /* operators' commands that wait for the services database */
	struct pending *pendings;   /* CHANNEL commands that wait for a commit or an account */
	struct save *saves; /* writes of registered channels that the store had no room for */
	struct settling *settlings; /* registrations to be looked at again, by time */
	struct gw_timer *sweep, *save_again, *settle;
	uint64_t last_tag;
	uint32_t max_channels; /* per user; option */
};

#define NETWORK(c, ...) GW_VIA((c)->network, gw_network_ops, __VA_ARGS__)
#define CLIENT(c, ...) GW_VIA((c)->client, gw_client_ops, __VA_ARGS__)
#define SERVICES(c, ...) GW_VIA((c)->services, gw_services_ops, __VA_ARGS__)
#define REPLICA(c, ...) GW_VIA((c)->replica, gw_replica_ops, __VA_ARGS__)

/* names.c */
void channel_send_names(struct channel_state *c, struct gw_client *to, struct gw_channel *channel);
void channel_names(void *state, struct gw_client *client, const struct gw_message *m);

/* topic.c */
void channel_send_topic(struct channel_state *c, struct gw_client *to,
                        const struct gw_channel *channel);
void channel_topic(void *state, struct gw_client *client, const struct gw_message *m);

/* join.c, part.c, kick.c, invite.c, list.c, mode.c, usermode.c */
void channel_join(void *state, struct gw_client *client, const struct gw_message *m);
void channel_join_found(void *state, uint64_t tag, int status, const struct gw_owner *owner);
void channel_join_read(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void channel_joinings_free(struct channel_state *c);
void channel_part(void *state, struct gw_client *client, const struct gw_message *m);
void channel_kick(void *state, struct gw_client *client, const struct gw_message *m);
void channel_invite(void *state, struct gw_client *client, const struct gw_message *m);
void channel_list(void *state, struct gw_client *client, const struct gw_message *m);
void channel_list_room(void *state, uint64_t tag);
void channel_listings_free(struct channel_state *c);
void channel_mode(void *state, struct gw_client *client, const struct gw_message *m);
void channel_user_mode(struct channel_state *c, struct gw_client *client,
                       const struct gw_message *m);

/* invited.c: who has been invited where, kept with the session */
extern const struct gw_session_data channel_session_data[];
#define CHANNEL_SESSION_DATA_ROWS 1
void channel_invited_add(struct channel_state *c, struct gw_session *session, const char *channel);
bool channel_invited(struct channel_state *c, struct gw_session *session, const char *channel);
void channel_invited_remove(struct channel_state *c, struct gw_session *session,
                            const char *channel);
void channel_invited_free(struct channel_state *c, struct gw_session *session);
void channel_invited_free_all(struct channel_state *c);
const char *channel_invited_next(struct channel_state *c, struct gw_session *session,
                                 const char *after);

int channel_invited_export(void *state, const struct gw_session *session, const void *data,
                           void *out, size_t max, size_t *len_out);
int channel_invited_import(void *state, struct gw_session *session, void *data, const void *in,
                           size_t len, struct gw_error *err);

/* rules.c: what modes and lists permit */
uint8_t channel_rank(uint8_t status); /* the highest bit */
bool channel_has_rank(const struct gw_member *member, uint8_t at_least);
bool channel_masked(struct channel_state *c, const struct gw_channel *channel, char letter,
                    const struct gw_user *user, bool mutes);
int channel_may_enter(struct channel_state *c, struct gw_client *client, struct gw_channel *channel,
                      const char *key, struct gw_error *why);
int channel_may_send(void *state, uint64_t tag, void *payload, struct gw_error *why);
bool channel_visible(struct channel_state *c, const struct gw_channel *channel,
                     const struct gw_user *user);
/** The usual form of a mask: nick!user@host with * for what is missing; extended bans keep theirs.
 * -EINVAL: not usable. */
int channel_mask_form(const char *in, char out[MASK_MAX + 1]);

/* modes.c: the tables and their ISUPPORT tokens */
extern const struct gw_chanmode channel_modes[];
#define CHANNEL_MODES_ROWS 17
bool channel_isupport_prefix(void *state, char *out, size_t max);
bool channel_isupport_chanmodes(void *state, char *out, size_t max);
bool channel_isupport_chanlimit(void *state, char *out, size_t max);
bool channel_isupport_maxlist(void *state, char *out, size_t max);
/** "+ntk" and, with `params`, what belongs to them. */
void channel_modes_text(struct channel_state *c, const struct gw_channel *channel, bool params,
                        char *out, size_t max);

/* registered.c, stored.c */
struct registered *channel_registered(struct channel_state *c, const struct gw_channel *channel);
struct registered *channel_registered_by_id(struct channel_state *c, struct gw_id id);
uint8_t channel_access_status(const struct registered *r, struct gw_id account);
void channel_registered_forget(struct channel_state *c, struct registered **r);
void channel_registered_free(struct channel_state *c);
/** Takes an entity as the newest truth about a channel; NULL if it is none (no founder, no name).
 */
struct registered *channel_registered_take(struct channel_state *c, const struct gw_entity *entity);
/** Makes the live channel from what is stored. */
int channel_restore(struct channel_state *c, const struct gw_entity *entity,
                    struct gw_channel **channel_out);
void channel_sweep(void *state, uint64_t tag);

/* changed.c: what the services database says, from wherever */
void channel_services_changed(void *state, uint64_t tag, const void *payload);
void channel_reread(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void channel_settle(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void channel_settle_due(void *state, uint64_t tag);
void channel_settlings_free(struct channel_state *c);
void channel_loser_read(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void channel_claimant(void *state, uint64_t tag, int status, const struct gw_owner *owner);
void channel_next_found(void *state, uint64_t tag, int status, const struct gw_owner *owner);

/* save.c: modes, topic and lists of a registered channel on their way to the store */
void channel_save_modes(struct channel_state *c, const struct gw_channel *channel,
                        const struct gw_mode_change *modes, size_t n);
void channel_save(struct channel_state *c, const struct gw_channel *channel);
void channel_save_topic(struct channel_state *c, const struct gw_channel *channel);
/** Servers have met, and it is neither what one nor what the other had stored. */
void channel_save_merged(struct channel_state *c, const struct gw_channel *channel);
void channel_saved(void *state, uint64_t tag, int status, struct gw_id made);
void channel_save_again(void *state, uint64_t tag);
void channel_saves_free(struct channel_state *c);
/** Adds the writes that describe the live channel as it is; returns how many. */
#define SAVE_WRITES_MAX (LIST_ENTRIES_MAX + 8)
#define SAVE_BYTES_MAX 49152
struct save_room {
	struct gw_write writes[SAVE_WRITES_MAX];
	size_t n;
	uint8_t bytes[SAVE_BYTES_MAX];
	size_t used;
};
void channel_save_all(struct channel_state *c, const struct gw_channel *channel,
                      struct save_room *room);

/* manage.c: the command CHANNEL; chanserv.c: who asks the old way */
void channel_manage(void *state, struct gw_client *client, const struct gw_message *m);
void channel_manage_found(void *state, uint64_t tag, int status, const struct gw_owner *owner);
void channel_manage_read(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void channel_account_found(void *state, uint64_t tag, int status, const struct gw_owner *owner);
void channel_register_done(void *state, uint64_t tag, int status, struct gw_id made);
void channel_registered_read(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void channel_change_done(void *state, uint64_t tag, int status, struct gw_id made);
void channel_copied(void *state, uint64_t tag, int status, struct gw_id made);
void channel_pendings_free(struct channel_state *c);
void channel_service(void *state, uint64_t tag, const void *payload);

/* admin.c, admin_record.c */
gw_admin_fn channel_admin_list, channel_admin_members, channel_admin_op, channel_admin_kick;
gw_admin_fn channel_admin_info, channel_admin_drop;
void channel_admin_slice(void *state, uint64_t tag);
void channel_admin_found(void *state, uint64_t tag, int status, const struct gw_owner *owner);
void channel_admin_read(void *state, uint64_t tag, int status, const struct gw_entity *entity);
void channel_admin_dropped(void *state, uint64_t tag, int status, struct gw_id made);
void channel_admin_copied(void *state, uint64_t tag, int status, struct gw_id made);
void channel_overviews_free(struct channel_state *c);
void channel_inquiries_free(struct channel_state *c);

/* render.c */
void channel_render_join(void *state, struct gw_render *r, const struct gw_event *event);
void channel_render_part(void *state, struct gw_render *r, const struct gw_event *event);
void channel_render_kick(void *state, struct gw_render *r, const struct gw_event *event);
void channel_render_mode(void *state, struct gw_render *r, const struct gw_event *event);
void channel_render_topic(void *state, struct gw_render *r, const struct gw_event *event);
void channel_render_invite(void *state, struct gw_render *r, const struct gw_event *event);
void channel_render_invite_notify(void *state, struct gw_render *r, const struct gw_event *event);

#endif
