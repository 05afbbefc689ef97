/*
 * submit.c - the interface's changing half: each function makes one record and hands it to apply.c.
 *
 * A record is stamped when it is made: run and sequence of this server, the hybrid clock. What can
 * be judged beforehand (names, bounds, a nick in use) is judged here; all else, again, where it is
 * applied.
 */
#include "network.h"
#include <errno.h>
#include <utlist.h>

#define MODES_MAX 65536

/** A record being made; most fit into `first`. */
struct draft {
	struct network *net;
	struct writer body;
	uint8_t first[1024];
};

static void draft_open(struct draft *d, struct network *net, struct header h, enum gw_scope scope)
{
	d->net = net;
	h.run = net->here->pub.run;
	h.seq = net->issued + 1;
	h.clock = gw_clock_next(net->self);
	h.flags |= (uint8_t)scope;
	h.flags |= h.source != 0 ? HEADER_SOURCE : 0;
	h.flags |= h.command != 0 ? HEADER_COMMAND : 0;
	h.flags |= h.channel != NULL ? HEADER_CHANNEL : 0;
	h.flags |= h.target != 0 ? HEADER_TARGET : 0;
	writer_init(&d->body, net->self, d->first, sizeof(d->first));
	put_header(&d->body, &h);
}

static int draft_send_user(struct draft *d, struct gw_sink *sink, uint64_t caps)
{
	int status = -EINVAL;

	if (!d->body.full) {
		d->net->issued++;
		status = apply_own(d->net, d->body.p, d->body.n, sink, caps);
	}
	writer_fini(&d->body);
	return status;
}

static int draft_send(struct draft *d)
{
	return draft_send_user(d, NULL, 0);
}

static uint64_t id_of(const struct gw_session *session)
{
	return session == NULL ? 0 : session->id;
}

/* Whether this server may speak in its name; NULL: in its own. */
static bool speaks(const struct gw_session *session)
{
	return session == NULL || (session->local && !session->moving);
}

/* The header of what concerns a channel as it is now. */
static struct header of_channel(uint32_t kind, const struct gw_session *by,
                                const struct gw_channel *channel, uint64_t command)
{
	return (struct header){.flags = HEADER_LIFE,
	                       .kind = kind,
	                       .source = id_of(by),
	                       .command = command,
	                       .channel = channel->name,
	                       .life = channel->created};
}

/* "nick!user@host", or the server's name. */
static void name_of(struct network *net, const struct gw_session *by, char *out, size_t max)
{
	if (by == NULL)
		snprintf(out, max, "%s", net->here->name);
	else
		snprintf(out, max, "%s!%s@%s", by->user->nick, by->user->ident, by->user->host);
}

static uint64_t session_id_new(struct network *net)
{
	uint64_t id;

	do
		id = gw_random_u64(net->self);
	while (id == 0 || person_find(net, id) != NULL);
	return id;
}

static struct person *nick_holder(struct network *net, const char *nick)
{
	struct gw_self *self = net->self;
	char folded[GW_NICK_MAX + 1];
	struct person *p = NULL;
	int n = fold(NULL, nick, folded, sizeof(folded));

	if (n > 0)
		HASH_FIND(by_nick, net->nicks, folded, (size_t)n, p);
	return p;
}

static void introduction_put(struct writer *w, struct network *net, const struct gw_user_spec *spec)
{
	put_u64(w, net->here->pub.run);
	put_varint(w, 0);
	put_u64(w, (uint64_t)(gw_wall_ns(net->self) / GW_MS));
	put_u8(w, spec->secure);
	put_string(w, spec->nick, GW_NICK_MAX);
	put_u64(w, spec->modes);
	put_string(w, spec->ident, GW_IDENT_MAX);
	put_string(w, spec->host, GW_HOST_MAX);
	put_string(w, spec->realname, GW_REALNAME_MAX);
	put_optional(w, spec->account, GW_NAME_MAX);
	put_optional(w, NULL, 0);
	put_optional(w, spec->role, GW_NAME_MAX);
	put_u64(w, spec->account_id.clock);
	put_u64(w, spec->account_id.origin);
	put_stamp(w, spec->claim);
}

int submit_introduce(void *network, const struct gw_user_spec *spec,
                     struct gw_session **session_out)
{
	struct network *net = (struct network *)network;
	struct person *p;
	struct draft d;
	uint64_t id;
	int status;

	*session_out = NULL;
	if (!valid_nick(net, spec->nick))
		return -EINVAL;
	if (nick_holder(net, spec->nick) != NULL)
		return -EEXIST;
	id = session_id_new(net);
	draft_open(&d, net, (struct header){.kind = GW_EV_USER, .source = id}, GW_SCOPE_ALL);
	introduction_put(&d.body, net, spec);
	status = draft_send_user(&d, spec->sink, spec->caps);
	p = person_find(net, id);
	if (status == 0 && p != NULL)
		*session_out = &p->session;
	return status == -EBADMSG ? -EINVAL : status;
}

int submit_quit(void *network, struct gw_session *session, const char *reason)
{
	struct draft d;

	if (!speaks(session))
		return -EPERM;
	draft_open(&d, (struct network *)network,
	           (struct header){.kind = GW_EV_QUIT, .source = session->id}, GW_SCOPE_ALL);
	put_string(&d.body, reason, GW_REASON_MAX);
	return draft_send(&d);
}

static int nick_send(struct network *net, const struct gw_session *session, const char *nick,
                     uint64_t command)
{
	struct draft d;

	draft_open(&d, net,
	           (struct header){.kind = GW_EV_NICK, .source = session->id, .command = command},
	           GW_SCOPE_ALL);
	put_string(&d.body, nick, GW_NICK_MAX);
	return draft_send(&d);
}

int submit_nick(void *network, struct gw_session *session, const char *nick, uint64_t command)
{
	struct network *net = (struct network *)network;
	struct person *holder = nick_holder(net, nick);

	if (!speaks(session))
		return -EPERM;
	if (!valid_given_nick(nick))
		return -EINVAL;
	if (holder != NULL && &holder->session != session)
		return -EEXIST;
	return nick_send(net, session, nick, command);
}

void submit_rename(struct network *net, struct person *p)
{
	nick_send(net, &p->session, p->user.nick, 0);
}

int submit_set(void *network, struct gw_session *session, const struct gw_user_set *set,
               uint64_t command)
{
	struct draft d;
	struct writer *w = &d.body;

	if (!speaks(session))
		return -EPERM;
	draft_open(&d, (struct network *)network,
	           (struct header){.kind = GW_EV_SET, .source = session->id, .command = command},
	           GW_SCOPE_ALL);
	put_u8(w, (uint8_t)set->fields);
	if (set->fields & GW_SET_AWAY)
		put_optional(w, set->away, GW_AWAY_MAX);
	if (set->fields & GW_SET_HOST) {
		put_string(w, set->ident == NULL ? session->user->ident : set->ident, GW_IDENT_MAX);
		put_string(w, set->host == NULL ? session->user->host : set->host, GW_HOST_MAX);
	}
	if (set->fields & GW_SET_REALNAME)
		put_string(w, set->realname, GW_REALNAME_MAX);
	if (set->fields & GW_SET_ACCOUNT) {
		put_optional(w, set->account, GW_NAME_MAX);
		put_u64(w, set->account_id.clock);
		put_u64(w, set->account_id.origin);
	}
	if (set->fields & GW_SET_MODES)
		put_u64(w, (session->user->modes | set->modes_add) & ~set->modes_remove);
	if (set->fields & GW_SET_ROLE)
		put_optional(w, set->role, GW_NAME_MAX);
	if (set->fields & GW_SET_CLAIM)
		put_stamp(w, set->claim);
	return draft_send(&d) < 0 ? -EINVAL : 0;
}

/* What the letter means here, as an item. */
static int item_from(void *network, const struct gw_mode_change *change, struct item *item)
{
	const struct gw_chanmode *row = network_ops.chanmode(network, change->letter);

	if (row == NULL)
		return -EINVAL;
	*item = (struct item){.letter = change->letter, .flags = change->add ? ITEM_ADD : 0};
	if (row->type == GW_MODE_PREFIX) {
		if (change->member == NULL || row->bit == 0)
			return -EINVAL;
		item->flags |= ITEM_PREFIX;
		item->session = change->member->session->id;
		item->member = change->member->stamp;
		while (row->bit >> item->prefix > 1)
			item->prefix++;
		return 0;
	}
	if (change->param == NULL)
		return row->type == GW_MODE_FLAG || (!change->add && row->type != GW_MODE_LIST)
		               ? 0
		               : -EINVAL;
	item->flags |= (uint8_t)(ITEM_PARAM | (row->type == GW_MODE_LIST ? ITEM_LIST : 0));
	item->param = change->param;
	return row->type == GW_MODE_FLAG ? -EINVAL : 0;
}

static int making_items(struct network *net, struct writer *w, const struct gw_channel_spec *spec)
{
	struct item item;

	put_varint(w, spec->n_modes);
	for (size_t i = 0; i < spec->n_modes; i++) {
		int status = item_from(net, &spec->modes[i], &item);

		if (status < 0)
			return status;
		if (spec->mode_stamps != NULL && !stamp_none(spec->mode_stamps[i])) {
			item.flags |= ITEM_STAMP;
			item.stamp = spec->mode_stamps[i];
		}
		if (spec->setters != NULL && spec->setters[i] != NULL) {
			item.flags |= ITEM_SETTER;
			item.setter = spec->setters[i];
			item.set_ms = spec->set_ms == NULL ? 0 : spec->set_ms[i];
		}
		item_put(w, &item);
	}
	return 0;
}

static void making_topic(struct network *net, struct writer *w, const struct gw_channel_spec *spec)
{
	put_u8(w, spec->topic != NULL);
	if (spec->topic == NULL)
		return;
	put_string(w, spec->topic, GW_TOPIC_MAX);
	put_string(w, spec->topic_setter == NULL ? "" : spec->topic_setter,
	           GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 2);
	put_u64(w,
	        (uint64_t)(spec->topic_ms == 0 ? gw_wall_ns(net->self) / GW_MS : spec->topic_ms));
	put_stamp(w, stamp_none(spec->topic_stamp)
	                     ? (struct gw_stamp){gw_clock_next(net->self), net->here->pub.run}
	                     : spec->topic_stamp);
}

/* A registered channel is the same creation wherever it is restored: its entity's, unless it lives
 * already. */
static struct gw_stamp making_life(struct network *net, const struct gw_channel_spec *spec)
{
	const struct chan *chan = chan_visible(net, spec->name);

	if (!stamp_none(spec->created))
		return spec->created;
	if (chan != NULL)
		return chan->pub.created;
	return (struct gw_stamp){spec->registered.clock, spec->registered.origin};
}

int submit_make_channel(void *network, const struct gw_channel_spec *spec,
                        struct gw_channel **channel_out)
{
	struct network *net = (struct network *)network;
	struct chan *chan;
	struct draft d;
	int status;

	if (channel_out != NULL)
		*channel_out = NULL;
	if (!valid_channel(net, spec->name))
		return -EINVAL;
	draft_open(&d, net,
	           (struct header){.flags = HEADER_LIFE,
	                           .kind = GW_EV_CHANNEL,
	                           .channel = spec->name,
	                           .life = making_life(net, spec)},
	           GW_SCOPE_ALL);
	put_varint(&d.body, !gw_id_none(spec->registered));
	if (!gw_id_none(spec->registered)) {
		put_u64(&d.body, spec->registered.clock);
		put_u64(&d.body, spec->registered.origin);
		put_stamp(&d.body, stamp_none(spec->claim)
		                           ? (struct gw_stamp){spec->registered.clock,
		                                               spec->registered.origin}
		                           : spec->claim);
		put_u8(&d.body, 0);
	}
	making_topic(net, &d.body, spec);
	if (making_items(net, &d.body, spec) < 0)
		d.body.full = true;
	status = draft_send(&d);
	chan = chan_visible(net, spec->name);
	if (status == 0 && channel_out != NULL && chan != NULL && !net->busy)
		*channel_out = &chan->pub;
	return status == -EBADMSG ? -EINVAL : status;
}

int submit_unregister(void *network, struct gw_channel *channel)
{
	struct draft d;

	if (gw_id_none(channel->registered))
		return -ENOENT;
	draft_open(&d, (struct network *)network, of_channel(GW_EV_UNREGISTER, NULL, channel, 0),
	           GW_SCOPE_ALL);
	put_u64(&d.body, channel->registered.clock);
	put_u64(&d.body, channel->registered.origin);
	return draft_send(&d);
}

int submit_join(void *network, struct gw_session *session, const char *channel, uint8_t status,
                uint64_t command)
{
	struct network *net = (struct network *)network;
	struct chan *chan = chan_visible(net, channel);
	struct header h = {.flags = HEADER_LIFE,
	                   .kind = GW_EV_JOIN,
	                   .source = session->id,
	                   .command = command,
	                   .channel = channel};
	struct draft d;

	if (!speaks(session))
		return -EPERM;
	if (!valid_channel(net, channel) || status >= 1u << N_PREFIXES)
		return -EINVAL;
	if (chan != NULL && seat_find(&chan->pub, session->user) != NULL)
		return -EALREADY;
	if (chan != NULL) {
		h.channel = chan->pub.name;
		h.life = chan->pub.created;
	}
	draft_open(&d, net, h, GW_SCOPE_ALL);
	put_u8(&d.body, status);
	return draft_send(&d);
}

int submit_part(void *network, struct gw_session *session, struct gw_channel *channel,
                const char *reason, uint64_t command)
{
	struct draft d;

	if (!speaks(session))
		return -EPERM;
	if (seat_find(channel, session->user) == NULL)
		return -ENOENT;
	draft_open(&d, (struct network *)network, of_channel(GW_EV_PART, session, channel, command),
	           GW_SCOPE_ALL);
	put_string(&d.body, reason == NULL ? "" : reason, GW_REASON_MAX);
	return draft_send(&d);
}

int submit_kick(void *network, struct gw_session *by, struct gw_member *member, const char *reason,
                uint64_t command)
{
	struct header h = of_channel(GW_EV_KICK, by, member->channel, command);
	struct draft d;

	if (!speaks(by))
		return -EPERM;
	h.target = member->session->id;
	draft_open(&d, (struct network *)network, h, GW_SCOPE_ALL);
	put_stamp(&d.body, member->stamp);
	put_string(&d.body, reason == NULL ? "" : reason, GW_REASON_MAX);
	return draft_send(&d);
}

int submit_mode(void *network, struct gw_session *by, struct gw_channel *channel,
                const struct gw_mode_change *changes, size_t n, uint64_t command)
{
	struct network *net = (struct network *)network;
	char setter[GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 3];
	struct item item;
	struct draft d;

	if (!speaks(by))
		return -EPERM;
	for (size_t i = 0; i < n; i++) {
		if (item_from(net, &changes[i], &item) < 0)
			return -EINVAL;
	}
	if (n == 0 || n > MODES_MAX)
		return -EINVAL;
	name_of(net, by, setter, sizeof(setter));
	draft_open(&d, net, of_channel(GW_EV_MODE, by, channel, command), GW_SCOPE_ALL);
	put_string(&d.body, setter, sizeof(setter));
	put_varint(&d.body, n);
	for (size_t i = 0; i < n; i++) {
		item_from(net, &changes[i], &item);
		item_put(&d.body, &item);
	}
	return draft_send(&d) < 0 ? -EINVAL : 0;
}

int submit_topic(void *network, struct gw_session *by, struct gw_channel *channel, const char *text,
                 uint64_t command)
{
	struct network *net = (struct network *)network;
	char setter[GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 3];
	struct draft d;

	if (!speaks(by))
		return -EPERM;
	name_of(net, by, setter, sizeof(setter));
	draft_open(&d, net, of_channel(GW_EV_TOPIC, by, channel, command), GW_SCOPE_ALL);
	put_string(&d.body, text == NULL ? "" : text, GW_TOPIC_MAX);
	put_string(&d.body, setter, sizeof(setter));
	return draft_send(&d);
}

int submit_message(void *network, struct gw_session *by, const struct gw_message_spec *spec,
                   uint64_t command)
{
	struct header h = {.kind = GW_EV_MESSAGE, .source = id_of(by), .command = command};
	struct draft d;

	if (!speaks(by))
		return -EPERM;
	if ((spec->channel == NULL) == (spec->target == NULL))
		return -EINVAL;
	if (spec->channel != NULL)
		h.channel = spec->channel->name;
	else
		h.target = spec->target->id;
	draft_open(&d, (struct network *)network, h,
	           spec->channel != NULL ? GW_SCOPE_CHANNEL : GW_SCOPE_SESSION);
	put_u8(&d.body, (uint8_t)spec->verb);
	put_u8(&d.body, spec->status);
	put_string(&d.body, spec->text == NULL ? "" : spec->text, TEXT_MAX);
	put_optional(&d.body, spec->tags, TEXT_MAX);
	return draft_send(&d);
}

int submit_invite(void *network, struct gw_session *by, struct gw_session *target,
                  struct gw_channel *channel, uint64_t command)
{
	struct header h = of_channel(GW_EV_INVITE, by, channel, command);
	struct draft d;

	if (!speaks(by))
		return -EPERM;
	h.target = target->id;
	draft_open(&d, (struct network *)network, h, GW_SCOPE_ALL);
	return draft_send(&d);
}

int submit_kill(void *network, struct gw_session *by, struct gw_session *target, const char *reason,
                uint64_t command)
{
	struct draft d;

	if (!speaks(by))
		return -EPERM;
	draft_open(&d, (struct network *)network,
	           (struct header){.kind = GW_EV_KILL,
	                           .source = id_of(by),
	                           .command = command,
	                           .target = target->id},
	           GW_SCOPE_SESSION);
	put_string(&d.body, reason, GW_REASON_MAX);
	return draft_send(&d);
}

int submit_wallops(void *network, struct gw_session *by, const char *text, uint64_t command)
{
	struct draft d;

	if (!speaks(by))
		return -EPERM;
	draft_open(&d, (struct network *)network,
	           (struct header){.kind = GW_EV_WALLOPS, .source = id_of(by), .command = command},
	           GW_SCOPE_ALL);
	put_string(&d.body, text, TEXT_MAX);
	return draft_send(&d);
}

int submit_custom(void *network, struct gw_session *by, const char *kind, enum gw_scope scope,
                  struct gw_channel *channel, struct gw_session *target, const void *body, size_t n,
                  uint64_t command)
{
	struct network *net = (struct network *)network;
	const struct kind_copy *row = kind_by_name(net, kind);
	struct header h = {.source = id_of(by), .target = id_of(target), .command = command};
	struct draft d;

	if (!speaks(by))
		return -EPERM;
	if (row == NULL)
		return -ENOENT;
	if (n > CUSTOM_MAX || scope > GW_SCOPE_SERVER ||
	    (scope == GW_SCOPE_CHANNEL && channel == NULL) ||
	    (scope == GW_SCOPE_SESSION && target == NULL))
		return -EINVAL;
	h.kind = row->kind;
	h.channel = channel == NULL ? NULL : channel->name;
	draft_open(&d, net, h, scope);
	put_bytes(&d.body, body, n);
	return draft_send(&d);
}

void submit_split(struct network *net, const char *near, const char *far)
{
	struct draft d;

	draft_open(&d, net, (struct header){.kind = GW_EV_SPLIT}, GW_SCOPE_ALL);
	split_put(net, &d.body, near, far);
	net->issued++;
	apply_inside(net, d.body.p, d.body.n);
	writer_fini(&d.body);
}

int submit_load(void *network, const struct gw_load_report *report)
{
	struct draft d;

	draft_open(&d, (struct network *)network, (struct header){.kind = GW_EV_LOAD},
	           GW_SCOPE_ALL);
	put_varint(&d.body, report->clients);
	put_varint(&d.body, report->weight);
	put_varint(&d.body, report->lag_us);
	put_varint(&d.body, report->bytes);
	put_varint(&d.body, report->room);
	put_u8(&d.body, report->draining);
	return draft_send(&d);
}

int submit_interest(struct network *net, const char *channel, bool on)
{
	struct draft d;

	draft_open(&d, net, (struct header){.kind = KIND_INTEREST, .channel = channel},
	           GW_SCOPE_ALL);
	interest_put(&d.body, net->here, on);
	return draft_send(&d);
}

int submit_relink(struct network *net, const struct gw_relink *spec, struct gw_stamp joint)
{
	struct draft d;

	draft_open(&d, net, (struct header){.kind = KIND_RELINK}, GW_SCOPE_ALL);
	relink_put(&d.body, spec, joint);
	return draft_send(&d);
}

static int shadow_send(struct network *net, uint32_t kind, const struct gw_session *session,
                       enum gw_scope scope, uint64_t run, const uint8_t id[16])
{
	struct draft d;

	draft_open(&d, net, (struct header){.kind = kind, .source = session->id, .target = run},
	           scope);
	put_bytes(&d.body, id, 16);
	return draft_send(&d);
}

void submit_gone(struct network *net, const struct gw_session *session)
{
	struct draft d;

	draft_open(&d, net, (struct header){.kind = KIND_GONE, .source = session->id},
	           GW_SCOPE_ALL);
	put_varint(&d.body, session->epoch);
	draft_send(&d);
}

void submit_shadow_over(struct network *net, const struct gw_session *session)
{
	shadow_send(net, KIND_SHADOW_END, session, GW_SCOPE_ALL, session->shadow,
	            person_of(session)->attempt);
}

int submit_shadow(void *network, struct gw_session *session, uint64_t run, const uint8_t id[16])
{
	struct network *net = (struct network *)network;
	const struct server *server = server_find(net, run);

	if (net->busy)
		return -EBUSY;
	if (!speaks(session))
		return -EPERM;
	if (server == NULL || server == net->here)
		return -ENOTCONN;
	if (session->shadow != 0)
		submit_shadow_end(net, session->id, person_of(session)->attempt);
	return shadow_send(net, KIND_SHADOW, session, GW_SCOPE_SERVER, run, id);
}

int submit_shadow_end(void *network, uint64_t session, const uint8_t id[16])
{
	struct network *net = (struct network *)network;
	const struct person *p = person_find(net, session);
	bool here;

	if (p == NULL || p->session.shadow == 0 || memcmp(p->attempt, id, 16) != 0)
		return -ENOENT;
	here = p->session.shadow == net->here->pub.run;
	if (!here && !p->session.local)
		return -ENOENT;
	return shadow_send(net, KIND_SHADOW_END, &p->session, GW_SCOPE_SERVER,
	                   here ? p->session.home->run : p->session.shadow, id);
}

static void part_put(void *ctx, const void *record, size_t len)
{
	struct writer *w = (struct writer *)ctx;

	put_varint(w, len);
	put_bytes(w, record, len);
}

/* The session with all that others know of it, as this server has it in that epoch. */
static int move_send(struct network *net, const struct person *p, uint64_t epoch)
{
	struct draft d;

	if (epoch > UINT32_MAX)
		return -EPERM;
	draft_open(&d, net, (struct header){.kind = GW_EV_MOVE, .source = p->session.id},
	           GW_SCOPE_ALL);
	put_bytes(&d.body, p->attempt, sizeof(p->attempt));
	put_varint(&d.body, epoch);
	put_u64(&d.body, p->session.home->run);
	export_session_state(net, p, &net->here->pub, (uint32_t)epoch, part_put, &d.body);
	return draft_send(&d);
}

/* Past the epoch of the one that may have taken it. */
void submit_return(struct network *net, const struct person *p)
{
	move_send(net, p, (uint64_t)p->session.epoch + 2);
}

int submit_move(void *network, struct gw_session *session, const uint8_t id[16])
{
	struct network *net = (struct network *)network;
	const struct person *p = person_of(session);

	if (net->busy)
		return -EBUSY;
	if (session->local || session->shadow != net->here->pub.run ||
	    memcmp(p->attempt, id, 16) != 0)
		return -EPERM;
	return move_send(net, p, (uint64_t)session->epoch + 1);
}

int submit_claim(void *network, struct gw_session *session)
{
	struct network *net = (struct network *)network;

	if (net->busy)
		return -EBUSY;
	if (!speaks(session))
		return -EPERM;
	return move_send(net, person_of(session), (uint64_t)session->epoch + 2);
}

void submit_moving(void *network, struct gw_session *session, bool on)
{
	struct network *net = (struct network *)network;

	if (!session->local || session->moving == on)
		return;
	session->moving = on;
	if (!on && person_of(session)->level > 0)
		submit_rename(net, person_of(session));
}
