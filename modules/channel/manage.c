/*
 * modules/channel/manage.c - the command CHANNEL: REGISTER, DROP, TRANSFER, ACCESS and INFO.
 *
 * A command goes through up to three questions to the services database: the channel's record
 * (unless it is in use), the account that it names, and the commit. The client is held until the
 * answer is there. Outcomes are standard replies (FAIL, NOTE).
 */
#include "private.h"

#include <errno.h>
#include <godwit/parts.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

struct verb;

/* A command under way. */
struct pending {
	uint64_t tag;
	uint64_t client;
	uint32_t verb; /* row of `verbs` */
	bool held;
	char channel[GW_CHANNEL_MAX + 1];
	char account[GW_NICK_MAX + 1]; /* named by the command */
	uint8_t status;                /* ACCESS ADD */
	bool remove;                   /* ACCESS DEL */
	bool alone;                    /* no other server has what was stored */
	struct gw_id channel_id, account_id;
	struct gw_id made; /* what its commit made, or its stamp */
	char away[sizeof(((struct gw_claim_query *)0)->away)]; /* REGISTER: servers out of sight */
	struct pending *prev, *next;
};

/* What a command does once its channel's record, and the account that it names, are known. */
typedef void manage_fn(struct channel_state *c, struct gw_client *client, struct pending *p,
                       struct registered *r);

static manage_fn do_drop, do_transfer, do_access, do_info;

static const struct verb {
	const char *name;
	manage_fn *act; /* NULL: needs no record */
	int min_args;
	const char *syntax;
	const char *code, *done; /* what is said when it has been committed */
} verbs[] = {
	{"REGISTER", NULL, 1, "CHANNEL REGISTER #channel", "REGISTERED",
         "The channel is registered to your account"},
	{"DROP", do_drop, 1, "CHANNEL DROP #channel", "DROPPED",
         "The channel is no longer registered"},
	{"TRANSFER", do_transfer, 2, "CHANNEL TRANSFER #channel account", "TRANSFERRED",
         "The channel has a new founder"},
	{"ACCESS", do_access, 1, "CHANNEL ACCESS #channel [ADD account q|a|o|h|v] [DEL account]",
         "ACCESS_CHANGED", "The access list is changed"},
	{"INFO", do_info, 1, "CHANNEL INFO #channel", NULL, NULL},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void fail(struct channel_state *c, struct gw_client *client, const struct pending *p,
                 const char *code, const char *sentence)
{
	CLIENT(c, standard, client, "FAIL", "CHANNEL", code, p->channel, "%s", sentence);
}

static void note(struct channel_state *c, struct gw_client *client, const struct pending *p,
                 const char *code, const char *sentence, const char *more)
{
	CLIENT(c, standard, client, "NOTE", "CHANNEL", code, p->channel, "%s%s", sentence, more);
}

static void done(struct channel_state *c, struct gw_client *client, const struct pending *p)
{
	note(c, client, p, verbs[p->verb].code, verbs[p->verb].done, "");
	if (p->alone)
		note(c, client, p, "STORED_HERE_ONLY",
		     "It is stored on this server only until another one is reached", "");
	if (p->away[0] != '\0')
		note(c, client, p, "PROVISIONAL",
		     "The registration is provisional until these servers have returned, as "
		     "somebody may have made it there before: ",
		     p->away);
}

/* Ends a command; what was said stands. */
static void finish(struct channel_state *c, struct gw_client *client, struct pending *p)
{
	bool held = p->held;

	DL_DELETE(c->pendings, p);
	gw_free(c->self, p);
	if (held && client != NULL)
		CLIENT(c, release, client, c->self);
}

/* From now on the answer comes later. */
static void hold(struct channel_state *c, struct gw_client *client, struct pending *p)
{
	if (!p->held)
		CLIENT(c, hold, client, c->self);
	p->held = true;
}

/* The command that an answer is for; one whose client is gone is forgotten (what it has changed
 * stays). */
static struct pending *pending_of(struct channel_state *c, uint64_t tag,
                                  struct gw_client **client_out)
{
	struct pending *p;

	DL_SEARCH_SCALAR(c->pendings, p, tag, tag);
	if (p == NULL)
		return NULL;
	*client_out = CLIENT(c, by_id, p->client);
	if (*client_out != NULL && (*client_out)->session != NULL)
		return p;
	finish(c, NULL, p);
	return NULL;
}

static void unavailable(struct channel_state *c, struct gw_client *client, struct pending *p)
{
	fail(c, client, p, "TEMPORARILY_UNAVAILABLE",
	     "The services database did not take that now; nothing was changed. Try again later.");
	finish(c, client, p);
}

/* Nobody has said so far that it has come there; on a network of one nobody has to. */
static bool only_here(struct channel_state *c, struct gw_stamp stamp)
{
	char away[8];

	return !REPLICA(c, everywhere, stamp, away, sizeof(away));
}

/* It has been stored, and can be seen; the answer waits for a neighbour's copy. */
static void conclude(struct channel_state *c, struct gw_client *client, struct pending *p)
{
	int64_t within = gw_option_int(c->self, gw_options(c->self), "second-copy");
	struct gw_stamp stamp = {p->made.clock, p->made.origin};

	if (within > 0 && c->replica->ops != NULL) {
		if (REPLICA(c, second_copy, stamp, within, gw_call(c->self, CALL_COPIED, p->tag)) ==
		    0) {
			hold(c, client, p);
			return;
		}
		p->alone = only_here(c, stamp);
	}
	done(c, client, p);
	finish(c, client, p);
}

void channel_copied(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct channel_state *c = state;
	struct gw_client *client;
	struct pending *p = pending_of(c, tag, &client);

	if (p == NULL)
		return;
	p->alone = status != 0 && only_here(c, (struct gw_stamp){made.clock, made.origin});
	done(c, client, p);
	finish(c, client, p);
}

static bool is_oper(const struct gw_client *client)
{
	return client->session->user->modes & gw_letter('o');
}

static bool is_founder(const struct gw_client *client, const struct registered *r)
{
	return client->account != NULL && gw_id_is(client->account_id, r->founder);
}

static void commit(struct channel_state *c, struct gw_client *client, struct pending *p,
                   const struct gw_write *writes, size_t n, uint32_t row)
{
	int status = SERVICES(c, commit, writes, n, gw_call(c->self, row, p->tag));

	if (status == -EROFS) {
		fail(c, client, p, "TEMPORARILY_UNAVAILABLE",
		     "This server cannot store anything now: it has lost touch with the network's "
		     "database and has to join the network again. Operators know");
		finish(c, client, p);
	} else if (status != 0) {
		unavailable(c, client, p);
	} else {
		hold(c, client, p);
	}
}

/* REGISTER */

/* "#name~digits" is how somebody else's registration is addressed. */
static bool looks_beaten(const char *name)
{
	const char *tilde = strrchr(name, '~');
	size_t n = tilde != NULL ? strlen(tilde + 1) : 0;

	return n >= 5 && n <= 12 && strspn(tilde + 1, "abcdefghijklmnopqrstuvwxyz234567") == n;
}

/* What holds for all names. */
static bool may_claim(struct channel_state *c, struct gw_client *client, struct pending *p)
{
	struct gw_claim_query query = {.away = ""};
	struct gw_error why = {0};

	if (gw_ask(c->self, c->may_claim, &query, &why) != 0) {
		fail(c, client, p, "TEMPORARILY_UNAVAILABLE", why.text);
		return false;
	}
	memcpy(p->away, query.away, sizeof(p->away));
	return true;
}

static bool may_register(struct channel_state *c, struct gw_client *client, struct pending *p,
                         struct gw_channel *channel)
{
	const struct gw_member *member =
		channel != NULL ? NETWORK(c, member, channel, client->session->user) : NULL;

	if (client->account == NULL)
		fail(c, client, p, "ACCOUNT_REQUIRED", "Log in to an account first");
	else if (!channel_has_rank(member, GW_OP))
		fail(c, client, p, "NOT_OPERATOR",
		     "Join the channel and be its operator to register it");
	else if (!gw_id_none(channel->registered))
		fail(c, client, p, "ALREADY_REGISTERED", "That channel is registered already");
	else if (looks_beaten(channel->name))
		fail(c, client, p, "INVALID_PARAMS",
		     "A name that ends like this stands for another channel's registration");
	else
		return may_claim(c, client, p);
	return false;
}

static void add_value(struct save_room *room, struct gw_write write, const struct gw_parts *parts)
{
	write.value = gw_parts_value(parts);
	room->used += parts->n;
	room->writes[room->n++] = write;
}

static struct gw_parts parts_in(struct save_room *room)
{
	return (struct gw_parts){.bytes = room->bytes + room->used,
	                         .max = SAVE_BYTES_MAX - room->used};
}

static void write_founder(struct save_room *room, struct gw_write to, struct gw_id account,
                          const char *name)
{
	struct gw_parts parts = parts_in(room);
	uint8_t id[16];

	gw_id_bytes(account, id);
	gw_parts_add(&parts, id, sizeof(id));
	gw_parts_text(&parts, name);
	to.field = GW_F_FOUNDER;
	add_value(room, to, &parts);
}

static void write_core(struct channel_state *c, struct save_room *room, struct gw_write to)
{
	struct gw_parts parts = parts_in(room);

	gw_parts_text(&parts, "");
	gw_parts_u64(&parts, (uint64_t)(gw_wall_ns(c->self) / GW_MS));
	to.field = GW_F_CORE;
	add_value(room, to, &parts);
}

/* The sub of a name's claim: its namespace, then the folded name. */
static bool write_claim(struct channel_state *c, struct save_room *room, struct gw_write to,
                        const struct gw_channel *channel)
{
	char *sub = (char *)room->bytes + room->used;
	int n = SERVICES(c, fold, channel->name, sub + 1);

	if (n < 0)
		return false;
	sub[0] = GW_NAME_CHANNEL;
	room->used += (size_t)n + 2;
	to.field = GW_F_NAME;
	to.exclusive = true;
	to.sub = (struct gw_blob){sub, (size_t)n + 1};
	to.value = (struct gw_blob){channel->name, strlen(channel->name)};
	room->writes[room->n++] = to;
	return true;
}

static void do_register(struct channel_state *c, struct gw_client *client, struct pending *p)
{
	struct gw_channel *channel = NETWORK(c, channel, p->channel);
	struct gw_write to = {.class = GW_CLASS_CHANNEL, .make = true};
	struct save_room *room;

	if (!may_register(c, client, p, channel)) {
		finish(c, client, p);
		return;
	}
	room = gw_alloc(c->self, sizeof(*room));
	write_core(c, room, to);
	write_founder(room, to, client->account_id, client->account);
	if (write_claim(c, room, to, channel)) {
		channel_save_all(c, channel, room);
		commit(c, client, p, room->writes, room->n, CALL_REGISTER_DONE);
	} else {
		unavailable(c, client, p);
	}
	gw_free(c->self, room);
}

void channel_register_done(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct channel_state *c = state;
	struct gw_client *client;
	struct pending *p = pending_of(c, tag, &client);

	if (p != NULL)
		p->made = made;
	/* Whoever asked may be gone; the channel is registered all the same. */
	if (status == 0 && SERVICES(c, read, GW_CLASS_CHANNEL, made,
	                            gw_call(c->self, CALL_REGISTERED_READ, tag)) == 0)
		return;
	if (p == NULL)
		return;
	if (status == -EEXIST) {
		fail(c, client, p, "ALREADY_REGISTERED", "That channel is registered already");
		finish(c, client, p);
	} else {
		unavailable(c, client, p);
	}
}

/* The live channel becomes the registered one, and its founder (NULL: gone meanwhile) the owner.
 * What has changed in it since the record was written is saved. */
static void become_registered(struct channel_state *c, struct gw_client *client,
                              struct gw_channel *channel, const struct registered *r)
{
	struct gw_channel_spec spec = {.name = channel->name,
	                               .created = channel->created,
	                               .registered = r->id,
	                               .claim = r->claim};
	struct gw_mode_change own = {.letter = 'q', .add = true};

	if (NETWORK(c, make_channel, &spec, &channel) != 0)
		return;
	channel_save(c, channel);
	own.member = client != NULL ? NETWORK(c, member, channel, client->session->user) : NULL;
	if (own.member != NULL && !(own.member->status & GW_OWNER))
		NETWORK(c, mode, NULL, channel, &own, 1, client->command);
}

void channel_registered_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct channel_state *c = state;
	struct gw_client *client = NULL;
	struct pending *p = pending_of(c, tag, &client);
	const struct registered *r = status == 0 ? channel_registered_take(c, entity) : NULL;
	struct gw_channel *channel = r != NULL ? NETWORK(c, channel, r->name) : NULL;

	if (channel != NULL && gw_id_none(channel->registered))
		become_registered(c, p != NULL ? client : NULL, channel, r);
	if (p == NULL)
		return;
	if (r == NULL) {
		unavailable(c, client, p);
		return;
	}
	conclude(c, client, p);
}

/* DROP, TRANSFER, ACCESS, INFO */

static void do_drop(struct channel_state *c, struct gw_client *client, struct pending *p,
                    struct registered *r)
{
	struct gw_write drop = {
		.class = GW_CLASS_CHANNEL, .id = r->id, .field = GW_F_CORE, .remove = true};

	if (is_founder(client, r) || is_oper(client)) {
		commit(c, client, p, &drop, 1, CALL_CHANGE_DONE);
		return;
	}
	fail(c, client, p, "NOT_FOUNDER", "Only the founder may drop a channel");
	finish(c, client, p);
}

static void do_transfer(struct channel_state *c, struct gw_client *client, struct pending *p,
                        struct registered *r)
{
	struct save_room *room;

	if (!is_founder(client, r) && !is_oper(client)) {
		fail(c, client, p, "NOT_FOUNDER", "Only the founder may transfer a channel");
		finish(c, client, p);
		return;
	}
	room = gw_alloc(c->self, sizeof(*room));
	write_founder(room, (struct gw_write){.class = GW_CLASS_CHANNEL, .id = r->id},
	              p->account_id, p->account);
	commit(c, client, p, room->writes, room->n, CALL_CHANGE_DONE);
	gw_free(c->self, room);
}

static void status_letters(uint8_t status, char out[8])
{
	size_t n = 0;

	for (const struct gw_chanmode *mode = channel_modes; mode->type == GW_MODE_PREFIX; mode++)
		if (status & mode->bit)
			out[n++] = mode->name[0];
	out[n] = '\0';
}

static void send_access(struct channel_state *c, struct gw_client *client, struct pending *p,
                        const struct registered *r)
{
	char letters[8];

	CLIENT(c, standard, client, "NOTE", "CHANNEL", "ACCESS", p->channel, "founder %s",
	       r->founder_name);
	for (uint32_t i = 0; i < r->n_access; i++) {
		status_letters(r->access[i].status, letters);
		CLIENT(c, standard, client, "NOTE", "CHANNEL", "ACCESS", p->channel, "+%s %s",
		       letters, r->access[i].name);
	}
	CLIENT(c, standard, client, "NOTE", "CHANNEL", "ACCESS_END", p->channel, "%u entries",
	       r->n_access);
	finish(c, client, p);
}

/* The founder may do all; an administrator what lies below. */
static bool may_change_access(const struct gw_client *client, const struct registered *r,
                              const struct pending *p)
{
	uint8_t own = client->account != NULL
	                      ? channel_rank(channel_access_status(r, client->account_id))
	                      : 0;
	uint8_t theirs = channel_rank(channel_access_status(r, p->account_id));

	if (is_founder(client, r) || is_oper(client))
		return true;
	return own >= GW_ADMIN && p->status < own && theirs < own;
}

static void do_access(struct channel_state *c, struct gw_client *client, struct pending *p,
                      struct registered *r)
{
	struct gw_write write = {
		.class = GW_CLASS_CHANNEL, .id = r->id, .field = GW_F_ACCESS, .remove = p->remove};
	struct save_room *room;
	uint8_t id[16];
	char letters[8];
	struct gw_parts parts;

	if (p->account[0] == '\0') {
		if (is_oper(client) || (client->account != NULL &&
		                        channel_access_status(r, client->account_id) != 0)) {
			send_access(c, client, p, r);
			return;
		}
		fail(c, client, p, "NO_ACCESS", "Only those on the access list may see it");
		finish(c, client, p);
		return;
	}
	if (!may_change_access(client, r, p) || (!p->remove && r->n_access >= ACCESS_MAX)) {
		fail(c, client, p, r->n_access >= ACCESS_MAX ? "ACCESS_FULL" : "NO_ACCESS",
		     r->n_access >= ACCESS_MAX ? "The access list is full"
		                               : "You may not change that entry");
		finish(c, client, p);
		return;
	}
	room = gw_alloc(c->self, sizeof(*room));
	gw_id_bytes(p->account_id, id);
	write.sub = (struct gw_blob){id, sizeof(id)};
	parts = parts_in(room);
	status_letters(p->status, letters);
	gw_parts_text(&parts, letters);
	gw_parts_text(&parts, p->account);
	if (!p->remove)
		write.value = gw_parts_value(&parts);
	commit(c, client, p, &write, 1, CALL_CHANGE_DONE);
	gw_free(c->self, room);
}

static void do_info(struct channel_state *c, struct gw_client *client, struct pending *p,
                    struct registered *r)
{
	CLIENT(c, standard, client, "NOTE", "CHANNEL", "INFO", r->shown,
	       "founder %s, registered at %llu, %u on the access list",
	       r->founder_name[0] != '\0' ? r->founder_name : "(none)",
	       (unsigned long long)(r->since_ms / 1000), r->n_access);
	if (r->beaten)
		note(c, client, p, "NAME_WAITS",
		     "An earlier registration owns the channel; this one waits in line for ",
		     r->name);
	finish(c, client, p);
}

/* What was changed is read before it is said to be so: the next command already sees it. */
void channel_change_done(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct channel_state *c = state;
	struct gw_client *client;
	struct pending *p = pending_of(c, tag, &client);

	if (p == NULL)
		return;
	p->made = made;
	if (status == -ENOENT) {
		fail(c, client, p, "NOT_REGISTERED", "That channel is not registered");
		finish(c, client, p);
	} else if (status == 0 && verbs[p->verb].act == do_drop) {
		conclude(c, client, p);
	} else if (status != 0 || SERVICES(c, read, GW_CLASS_CHANNEL, p->channel_id,
	                                   gw_call(c->self, CALL_REGISTERED_READ, tag)) != 0) {
		unavailable(c, client, p);
	}
}

/* The way to the record and to the account. */

static void act(struct channel_state *c, struct gw_client *client, struct pending *p)
{
	struct registered *r = channel_registered_by_id(c, p->channel_id);

	if (r != NULL) {
		verbs[p->verb].act(c, client, p, r);
		return;
	}
	fail(c, client, p, "NOT_REGISTERED", "That channel is not registered");
	finish(c, client, p);
}

static void with_account(struct channel_state *c, struct gw_client *client, struct pending *p,
                         int status, const struct gw_owner *owner)
{
	if (status == 0 && owner->class == GW_CLASS_ACCOUNT) {
		p->account_id = owner->id;
		snprintf(p->account, sizeof(p->account), "%.*s", GW_NICK_MAX, owner->display);
		act(c, client, p);
	} else if (status == -ENOENT || status == 0 || status == -EINVAL) {
		fail(c, client, p, "NO_SUCH_ACCOUNT", "There is no account of that name");
		finish(c, client, p);
	} else {
		unavailable(c, client, p);
	}
}

static void find_account(struct channel_state *c, struct gw_client *client, struct pending *p)
{
	char folded[GW_NAME_MAX + 1];
	struct gw_owner owner;
	int n = SERVICES(c, fold, p->account, folded);

	if (n >= 0)
		n = SERVICES(c, find_shown, GW_NAME_NICK, folded, (size_t)n, &owner,
		             gw_call(c->self, CALL_ACCOUNT_FOUND, p->tag));
	if (n == -EINPROGRESS)
		hold(c, client, p);
	else
		with_account(c, client, p, n, &owner);
}

void channel_account_found(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct channel_state *c = state;
	struct gw_client *client;
	struct pending *p = pending_of(c, tag, &client);

	if (p != NULL)
		with_account(c, client, p, status, owner);
}

static void with_record(struct channel_state *c, struct gw_client *client, struct pending *p)
{
	if (p->account[0] != '\0')
		find_account(c, client, p);
	else
		act(c, client, p);
}

static void with_owner(struct channel_state *c, struct gw_client *client, struct pending *p,
                       int status, const struct gw_owner *owner)
{
	if (status == -ENOENT || status == -EINVAL) {
		fail(c, client, p, "NOT_REGISTERED", "That channel is not registered");
		finish(c, client, p);
		return;
	}
	if (status == 0)
		p->channel_id = owner->id;
	if (status != 0 || SERVICES(c, read, GW_CLASS_CHANNEL, owner->id,
	                            gw_call(c->self, CALL_MANAGE_READ, p->tag)) != 0)
		unavailable(c, client, p);
	else
		hold(c, client, p);
}

void channel_manage_found(void *state, uint64_t tag, int status, const struct gw_owner *owner)
{
	struct channel_state *c = state;
	struct gw_client *client;
	struct pending *p = pending_of(c, tag, &client);

	if (p != NULL)
		with_owner(c, client, p, status, owner);
}

void channel_manage_read(void *state, uint64_t tag, int status, const struct gw_entity *entity)
{
	struct channel_state *c = state;
	struct gw_client *client;
	struct pending *p = pending_of(c, tag, &client);

	if (p == NULL)
		return;
	if (status == 0)
		channel_registered_take(c, entity);
	with_record(c, client, p);
}

/* A live channel's record is at hand; another's is looked up. */
static void find_record(struct channel_state *c, struct gw_client *client, struct pending *p)
{
	const struct gw_channel *channel = NETWORK(c, channel, p->channel);
	char folded[GW_NAME_MAX + 1];
	struct gw_owner owner;
	int n;

	if (channel != NULL && channel_registered(c, channel) != NULL) {
		p->channel_id = channel->registered;
		with_record(c, client, p);
		return;
	}
	n = SERVICES(c, fold, p->channel, folded);
	if (n >= 0)
		n = SERVICES(c, find_shown, GW_NAME_CHANNEL, folded, (size_t)n, &owner,
		             gw_call(c->self, CALL_MANAGE_FOUND, p->tag));
	if (n == -EINPROGRESS)
		hold(c, client, p);
	else
		with_owner(c, client, p, n, &owner);
}

/* What ACCESS is to do; false when its words make no sense. */
static bool take_access_words(struct pending *p, const struct gw_message *m)
{
	if (m->argc <= 2 || strcasecmp(m->argv[2], "LIST") == 0)
		return true;
	p->remove = strcasecmp(m->argv[2], "DEL") == 0;
	if (m->argc < (p->remove ? 4 : 5) || (!p->remove && strcasecmp(m->argv[2], "ADD") != 0) ||
	    strlen(m->argv[3]) > GW_NICK_MAX)
		return false;
	snprintf(p->account, sizeof(p->account), "%s", m->argv[3]);
	for (const struct gw_chanmode *mode = channel_modes;
	     !p->remove && mode->type == GW_MODE_PREFIX; mode++)
		if (strcmp(m->argv[4] + (m->argv[4][0] == '+'), mode->name) == 0)
			p->status = mode->bit;
	return p->remove || p->status != 0;
}

static void start(struct channel_state *c, struct gw_client *client, const struct gw_message *m,
                  uint32_t verb)
{
	struct pending *p = gw_alloc(c->self, sizeof(*p));
	bool sensible = m->argc > verbs[verb].min_args && strlen(m->argv[1]) <= GW_CHANNEL_MAX;

	p->tag = ++c->last_tag;
	p->client = client->id;
	p->verb = verb;
	DL_APPEND(c->pendings, p);
	if (sensible) {
		snprintf(p->channel, sizeof(p->channel), "%s", m->argv[1]);
		if (verbs[verb].act == do_access)
			sensible = take_access_words(p, m);
		else if (verbs[verb].min_args > 1 && (sensible = strlen(m->argv[2]) <= GW_NICK_MAX))
			snprintf(p->account, sizeof(p->account), "%s", m->argv[2]);
	}
	if (!sensible) {
		CLIENT(c, standard, client, "FAIL", "CHANNEL", "INVALID_PARAMS", verbs[verb].name,
		       "Type: %s", verbs[verb].syntax);
		finish(c, client, p);
	} else if (verbs[verb].act == NULL) {
		do_register(c, client, p);
	} else {
		find_record(c, client, p);
	}
}

void channel_manage(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct channel_state *c = state;

	for (uint32_t i = 0; i < VERBS; i++)
		if (strcasecmp(m->argv[0], verbs[i].name) == 0) {
			start(c, client, m, i);
			return;
		}
	CLIENT(c, standard, client, "FAIL", "CHANNEL", "INVALID_PARAMS", "*",
	       "Type CHANNEL REGISTER, DROP, TRANSFER, ACCESS or INFO, and a channel");
}

void channel_pendings_free(struct channel_state *c)
{
	struct pending *p, *next;

	DL_FOREACH_SAFE (c->pendings, p, next) {
		DL_DELETE(c->pendings, p);
		gw_free(c->self, p);
	}
}
