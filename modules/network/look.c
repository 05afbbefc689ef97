/*
 * look.c - the interface: its table, and the functions that only look.
 *
 * Also here: what is private to this server, a session's sink.
 */
#include "network.h"
#include <errno.h>
#include <utlist.h>

static struct gw_user *look_user(void *network, const char *nick)
{
	struct network *net = (struct network *)network;
	struct gw_self *self = net->self;
	char folded[GW_NICK_MAX + 1];
	struct person *p;
	int n = fold(net, nick, folded, sizeof(folded));

	if (n < 0)
		return NULL;
	HASH_FIND(by_nick, net->nicks, folded, (size_t)n, p);
	return p == NULL ? NULL : &p->user;
}

static struct gw_channel *look_channel(void *network, const char *name)
{
	struct chan *chan = chan_visible((struct network *)network, name);

	return chan == NULL ? NULL : &chan->pub;
}

static struct gw_session *look_session(void *network, uint64_t id)
{
	struct person *p = person_find((struct network *)network, id);

	return p == NULL ? NULL : &p->session;
}

static struct gw_member *look_member(void *network, const struct gw_channel *channel,
                                     const struct gw_user *user)
{
	struct seat *seat = seat_find(channel, user);

	(void)network;
	return seat == NULL ? NULL : &seat->pub;
}

static struct gw_node *look_here(void *network)
{
	return &((struct network *)network)->here->pub;
}

static struct gw_user *next_user(void *network, const struct gw_user *after)
{
	struct person *p = after == NULL ? ((struct network *)network)->people
	                                 : (struct person *)person_of_user(after)->by_id.next;

	return p == NULL ? NULL : &p->user;
}

static struct gw_channel *next_channel(void *network, const struct gw_channel *after)
{
	struct chan *chan = after == NULL ? ((struct network *)network)->chans
	                                  : (struct chan *)chan_of(after)->hh.next;

	while (chan != NULL && chan->current == NULL)
		chan = (struct chan *)chan->hh.next;
	return chan == NULL ? NULL : &chan->pub;
}

static void counts(void *network, uint32_t *users, uint32_t *invisible, uint32_t *opers,
                   uint32_t *channels, uint32_t *peak)
{
	struct network *net = (struct network *)network;

	*users = HASH_CNT(by_id, net->people);
	*invisible = net->n_invisible;
	*opers = net->n_opers;
	*channels = net->n_visible;
	*peak = net->peak;
}

static const struct gw_chanmode *chanmode(void *network, char letter)
{
	struct network *net = (struct network *)network;

	for (size_t i = 0; i < net->n_chanmodes; i++) {
		if (net->chanmodes[i].name[0] == letter)
			return &net->chanmodes[i].pub;
	}
	return NULL;
}

static void *look_data(void *network, struct gw_session *session, const char *name)
{
	return session_data((struct network *)network, session, name);
}

static void attach(void *network, struct gw_session *session, struct gw_sink *sink, uint64_t caps)
{
	(void)network;
	if (!session->shown)
		return;
	session->sink = sink;
	session->caps = caps;
}

static const struct gw_event *current(void *network)
{
	return ((struct network *)network)->current;
}

static const char *mode_param(void *network, const struct gw_channel *channel, char letter)
{
	const struct mode_cell *cell = life_cell(chan_of(channel)->current, letter);

	(void)network;
	return cell == NULL || !cell->set ? NULL : cell->param;
}

static int link_apply(void *network, const void *record, size_t len, uint64_t via)
{
	return apply_record((struct network *)network, record, len, via);
}

static const struct gw_node *look_node(void *network, uint64_t run)
{
	const struct server *server = server_find((struct network *)network, run);

	return server == NULL || server->gone ? NULL : &server->pub;
}

static const struct gw_node *vector(void *network, const struct gw_node *after, uint64_t *seq_out)
{
	const struct gw_node *node = after == NULL ? look_here(network) : after->next;

	if (node != NULL)
		*seq_out = server_of(node)->seq;
	return node;
}

const struct gw_network_ops network_ops = {
	.user = look_user,
	.channel = look_channel,
	.session = look_session,
	.member = look_member,
	.here = look_here,
	.nodes = look_here,
	.next_user = next_user,
	.next_channel = next_channel,
	.counts = counts,
	.fold = fold,
	.same = same,
	.valid_nick = valid_nick,
	.valid_channel = valid_channel,
	.match = match,
	.chanmode = chanmode,
	.msgid = msgid,
	.msgid_parse = msgid_parse,
	.digest = digest,
	.data = look_data,
	.introduce = submit_introduce,
	.quit = submit_quit,
	.nick = submit_nick,
	.set = submit_set,
	.make_channel = submit_make_channel,
	.unregister = submit_unregister,
	.join = submit_join,
	.part = submit_part,
	.kick = submit_kick,
	.mode = submit_mode,
	.topic = submit_topic,
	.message = submit_message,
	.invite = submit_invite,
	.kill = submit_kill,
	.wallops = submit_wallops,
	.custom = submit_custom,
	.attach = attach,
	.interest = interest,
	.mode_param = mode_param,
	.apply = link_apply,
	.via_add = via_add,
	.via_drop = via_drop,
	.ways = ways,
	.ways_to = ways_to,
	.node = look_node,
	.report_load = submit_load,
	.vector = vector,
	.burst_export = burst_export,
	.current = current,
	.shadow = submit_shadow,
	.shadow_end = submit_shadow_end,
	.move = submit_move,
	.claim = submit_claim,
	.moving = submit_moving,
	.data_export = data_export,
	.data_import = data_import,
	.relink = relink,
	.relink_export = relink_export,
};
