/*
 * modules/query/private.h - what the module's files share.
 *
 * Commands that ask: about people (WHO, WHOIS, WHOWAS, USERHOST, ISON), about servers (MOTD,
 * LUSERS, VERSION, LINKS, ...), and AWAY, which is what one tells those who ask.
 */
#ifndef QUERY_PRIVATE_H
#define QUERY_PRIVATE_H

#include <godwit/bus.h>
#include <godwit/client.h>
#include <godwit/log.h>
#include <godwit/loop.h>
#include <godwit/mem.h>
#include <godwit/module.h>
#include <godwit/network.h>

/** Rows of `.calls`. */
enum query_call {
	CALL_NONE,
	CALL_WHO,
	CALL_WHOIS,
	CALL_WHOWAS,
	CALL_USERHOST,
	CALL_ISON,
	CALL_AWAY,
	CALL_MOTD,
	CALL_LUSERS,
	CALL_VERSION,
	CALL_TIME,
	CALL_INFO,
	CALL_HELP,
	CALL_ADMIN,
	CALL_EVENT,
	CALL_WELCOMED,
	CALL_REHASHED,
	CALL_LINKS,
	CALL_MAP,
	CALL_STATS
};

/** Who a nick was, until when. */
struct past {
	char nick[GW_NICK_MAX + 1], ident[GW_IDENT_MAX + 1], host[GW_HOST_MAX + 1],
		account[GW_NICK_MAX + 1], server[GW_SERVER_MAX + 1];
	char *realname;
	int64_t left_ms;
};

/*
 * The state, version 1. To change its layout: raise `.state_version`, add a `migrate` that fills
 * the new block from the old one, and keep a test that loads the old version first.
 */
struct query_state {
	struct gw_self *self;
	struct gw_iface *client, *network;
	struct past *past; /* ring of `past_max`, the newest before `past_next` */
	uint32_t past_max, past_next;
	char **motd;
	size_t motd_lines;
	uint32_t peak_here; /* users of this server at one time */
	uint32_t reserved;  /* 0 */
	int64_t since_ns;   /* monotonic: when the module was first loaded */
};

#define NETWORK(q, ...) GW_VIA((q)->network, gw_network_ops, __VA_ARGS__)
#define CLIENT(q, ...) GW_VIA((q)->client, gw_client_ops, __VA_ARGS__)

/** May `asker` see that `user` is there without naming them? */
bool query_may_see(struct query_state *q, const struct gw_user *asker, const struct gw_user *user);
bool query_is_oper(const struct gw_user *user);
/** A channel that both may know of, for the asker's eyes. */
bool query_may_see_channel(struct query_state *q, const struct gw_user *asker,
                           const struct gw_channel *channel);

/* who.c, whois.c, whowas.c, people.c */
void query_who(void *state, struct gw_client *client, const struct gw_message *m);
void query_whois(void *state, struct gw_client *client, const struct gw_message *m);
void query_whowas(void *state, struct gw_client *client, const struct gw_message *m);
void query_past_add(struct query_state *q, const struct gw_user *user, const char *nick);
void query_past_resize(struct query_state *q, uint32_t max);
void query_userhost(void *state, struct gw_client *client, const struct gw_message *m);
void query_ison(void *state, struct gw_client *client, const struct gw_message *m);
void query_away(void *state, struct gw_client *client, const struct gw_message *m);

/* servers.c */
/** The server that a name means; NULL, and 402 was sent. */
const struct gw_node *query_server(struct query_state *q, struct gw_client *client,
                                   const char *name);
/** The same of a parameter; this server, if it is not there. */
const struct gw_node *query_asked(struct query_state *q, struct gw_client *client,
                                  const struct gw_message *m, int argument);
void query_links(void *state, struct gw_client *client, const struct gw_message *m);
void query_map(void *state, struct gw_client *client, const struct gw_message *m);
void query_stats(void *state, struct gw_client *client, const struct gw_message *m);

/* server.c, motd.c, help.c */
void query_send_lusers(struct query_state *q, struct gw_client *client);
void query_lusers(void *state, struct gw_client *client, const struct gw_message *m);
void query_version(void *state, struct gw_client *client, const struct gw_message *m);
void query_time(void *state, struct gw_client *client, const struct gw_message *m);
void query_info(void *state, struct gw_client *client, const struct gw_message *m);
void query_admin(void *state, struct gw_client *client, const struct gw_message *m);
int query_motd_load(struct query_state *q, const char *path, struct gw_error *err);
void query_motd_free(struct query_state *q);
void query_send_motd(struct query_state *q, struct gw_client *client);
void query_motd(void *state, struct gw_client *client, const struct gw_message *m);
void query_help(void *state, struct gw_client *client, const struct gw_message *m);

#endif
