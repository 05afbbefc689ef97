/*
 * burst/join.c - a new server: from an address and a key to a member.
 *
 *     KEY     the order is known; the database is being looked at, or set aside
 *     DIAL    `link` dials the address until it is let in
 *     NEW     linked; the databases say hello
 *     BURST   the data comes
 *     LEAVE   all is here and right: the live network, one transaction, goodbye
 *     BACK    a member: is the member by whom it came who it seemed to be?
 *     MEMBER  from here on it is like any other server
 *
 * Until MEMBER no listener is open (open.c), and there is one link at most. The order is a file
 * (joinfile.c), so that a start at any point goes on.
 */
#include "burst.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RETRY_FIRST GW_SECOND
#define RETRY_EAGER (5 * GW_SECOND)
#define RETRY_MOST (60 * GW_SECOND)
#define EAGER (600 * GW_SECOND)
#define BACK_LOOK (50 * GW_MS)
#define WAY_IN_LOOK GW_SECOND

static const char *folder_of(struct burst_state *st)
{
	return gw_server_string(st->self, "state-directory");
}

/* On the terminal and in the log. */
static void tell(struct burst_state *st, enum gw_log_level level, const char *text)
{
	gw_log(st->self, level, "%s", text);
	gw_say(st->self, "%s", text);
}

static void order_keep(struct burst_state *st)
{
	struct gw_error err = {0};

	if (joinfile_write(folder_of(st), &st->order, &err) != 0)
		gw_log(st->self, GW_ERROR, "%s", err.text);
}

/* It cannot go on, and no later start could. */
static void stop(struct burst_state *st, const char *why)
{
	joinfile_remove(folder_of(st));
	gw_timer_set(st->join_timer, st->self, -1);
	tell(st, GW_ERROR, why);
	gw_stop_as(st->self, GW_STOP_FAILED, why);
}

/* --- beginning --- */

int join_load(struct burst_state *st, struct gw_error *err)
{
	int status = joinfile_read(folder_of(st), &st->order, err);

	if (status == -ENOENT)
		return 0;
	if (status != 0)
		return status;
	st->join = JOIN_KEY;
	st->join_since_ns = gw_mono_ns(st->self);
	return 0;
}

static void say_how_to_add(struct burst_state *st)
{
	char key[64];

	GW_VIA(st->link, gw_link_ops, own_key, key);
	gw_log(st->self, GW_INFO, "joining address=\"%s\" own-key=%s", st->order.address, key);
	gw_say(st->self,
	       "joining the network of %s; nothing listens here until all is here.\n"
	       "If this server is not yet added there, run on any server of the network:\n"
	       "    godwitctl server add %s %s",
	       st->order.address, gw_server_string(st->self, "server"), key);
}

static void dial(struct burst_state *st)
{
	struct gw_error err = {0};

	st->join = JOIN_DIAL;
	st->join_link = 0;
	if (GW_VIA(st->link, gw_link_ops, join, st->order.address, st->order.key, &err) != 0)
		stop(st, err.text);
}

static void dial_later(struct burst_state *st)
{
	int64_t *pause = &st->join_retry_ns;
	bool eager = gw_mono_ns(st->self) - st->join_since_ns < EAGER;

	st->join = JOIN_DIAL;
	st->join_link = 0;
	if (st->join_came)
		*pause = RETRY_FIRST;
	else
		*pause = eager || *pause < RETRY_EAGER ? RETRY_EAGER : 2 * *pause;
	if (*pause > RETRY_MOST)
		*pause = RETRY_MOST;
	gw_timer_set(st->join_timer, st->self, *pause);
}

static void aside(struct burst_state *st)
{
	if (st->setting_aside)
		return;
	st->setting_aside = true;
	tell(st, GW_INFO, "the database of this server is set aside");
	if (GW_VIA(st->replica, gw_replica_ops, set_aside, gw_call(st->self, CALL_SET_ASIDE, 0)) !=
	    0)
		stop(st, "the database cannot be set aside");
}

void join_set_aside(void *state, uint64_t tag, int status, struct gw_id made)
{
	struct burst_state *st = state;

	(void)tag;
	(void)made;
	st->setting_aside = false;
	if (status != 0) {
		stop(st, "the database cannot be set aside");
		return;
	}
	st->order.again = false;
	order_keep(st);
	if (st->join == JOIN_KEY)
		join_membership(st, GW_VIA(st->replica, gw_replica_ops, membership));
}

/* --- a member --- */

static void is_member(struct burst_state *st)
{
	char text[200];

	joinfile_remove(folder_of(st));
	st->join = JOIN_MEMBER;
	snprintf(text, sizeof(text), "joined: %s is a member of the network",
	         gw_server_string(st->self, "server"));
	tell(st, GW_INFO, text);
	if (st->order.then_exit) {
		gw_stop(st->self, "joined, and asked to end then");
		return;
	}
	/* The wait for a neighbour begins now. */
	st->waited = false;
	gw_timer_set(st->open_timer, st->self,
	             gw_option_int(st->self, gw_options(st->self), "open-after"));
	peers_membership(st);
	open_look(st);
}

/* The key by which it came must be one that the database lists: else all this came from somebody
 * who only seemed to be of the network. */
static void look_back(struct burst_state *st)
{
	const struct join_order *order = &st->order;
	const char *by = order->member[0] != '\0' ? order->member : NULL;

	if (GW_VIA(st->replica, gw_replica_ops, membership) != GW_MEMBER_FULL ||
	    GW_VIA(st->link, gw_link_ops, n_uplinks) == GW_UPLINKS_UNKNOWN) {
		gw_timer_set(st->join_timer, st->self, BACK_LOOK);
		return;
	}
	if (GW_VIA(st->link, gw_link_ops, lists_key, by, order->key)) {
		is_member(st);
		return;
	}
	if (!order->begun) {
		stop(st, "this server's database is that of another network's member; godwit join "
		         "... --again sets it aside, and joins anew");
		return;
	}
	gw_timer_set(st->join_timer, st->self, -1);
	tell(st, GW_ERROR,
	     "the key by which this server joined is not one that the network lists for that "
	     "member: it was revoked, or this is not the network that you mean");
	gw_stop_as(st->self, GW_STOP_FAILED,
	           "the key by which this server joined is not the network's");
}

static void go_back(struct burst_state *st)
{
	GW_VIA(st->link, gw_link_ops, cancel_join);
	st->join = JOIN_BACK;
	st->join_link = 0;
	gw_timer_set(st->join_timer, st->self, 0);
}

/* Of this join, if it had begun; or of an earlier one: then there is nothing to be done, if it was
 * into the same network. */
static void found_member(struct burst_state *st)
{
	if (st->order.again)
		aside(st);
	else
		go_back(st);
}

/* --- once more --- */

/* This server's database must be got anew. It ends, which tells its clients why, and starts as one
 * that joins, by a member that its old database names. */
static void rejoin(struct burst_state *st)
{
	static const char why[] = "this server has to get its database anew from the network";
	struct join_order order;
	struct gw_error err = {0};

	memset(&order, 0, sizeof(order));
	if (GW_VIA(st->link, gw_link_ops, way_in, 0, order.address, order.key) != 0) {
		gw_timer_set(st->join_timer, st->self, WAY_IN_LOOK);
		return;
	}
	snprintf(order.name, sizeof(order.name), "%s", gw_server_string(st->self, "server"));
	order.again = true;
	if (joinfile_write(folder_of(st), &order, &err) != 0) {
		gw_log(st->self, GW_ERROR, "%s", err.text);
		return;
	}
	gw_log(st->self, GW_ERROR, "%s; it starts anew and joins by %s", why, order.address);
	gw_stop_as(st->self, GW_STOP_AGAIN, why);
}

static void not_joining(struct burst_state *st, enum gw_membership membership)
{
	if (membership == GW_MEMBER_LOST)
		gw_timer_set(st->join_timer, st->self, 0);
	else if (membership == GW_MEMBER_JOINING)
		stop(st,
		     "this server's database is half of a network's, and nobody has said by whom "
		     "it joins: godwit join HOST:PORT KEY");
}

void join_membership(struct burst_state *st, enum gw_membership membership)
{
	if (membership == GW_MEMBER_UNKNOWN)
		return;
	if (!joining(st)) {
		not_joining(st, membership);
		return;
	}
	if (membership == GW_MEMBER_FULL) {
		if (st->join == JOIN_KEY)
			found_member(st);
		else if (st->join != JOIN_BACK && st->join_link == 0)
			go_back(st);
		return;
	}
	if (st->join != JOIN_KEY || st->setting_aside)
		return;
	if (membership == GW_MEMBER_LOST) {
		aside(st);
		return;
	}
	say_how_to_add(st);
	dial(st);
}

void join_tick(void *state, uint64_t tag)
{
	struct burst_state *st = state;

	(void)tag;
	if (st->join == JOIN_BACK)
		look_back(st);
	else if (st->join == JOIN_DIAL)
		dial(st);
	else if (!joining(st) && GW_VIA(st->replica, gw_replica_ops, membership) == GW_MEMBER_LOST)
		rejoin(st);
}

/* --- the link --- */

void join_link_up(struct burst_state *st, const struct gw_link *link)
{
	if (st->join == JOIN_BACK) {
		look_back(st);
		if (st->join == JOIN_MEMBER)
			peer_open(st, link, false);
		return;
	}
	if (st->join != JOIN_DIAL || st->join_link != 0) {
		GW_VIA(st->link, gw_link_ops, close, link->id, GW_BYE_REFUSED,
		       "this server is joining");
		return;
	}
	st->join = JOIN_NEW;
	st->join_link = link->id;
	st->join_came = false;
	snprintf(st->order.member, sizeof(st->order.member), "%s", link->name);
	gw_log(st->self, GW_INFO, "linked to get the database peer=%s", link->name);
	peer_open(st, link, true);
}

void join_link_down(struct burst_state *st, const struct gw_link *link, const char *reason)
{
	if (link->id != st->join_link)
		return;
	st->join_link = 0;
	if (GW_VIA(st->replica, gw_replica_ops, membership) == GW_MEMBER_FULL) {
		go_back(st);
		return;
	}
	gw_log(st->self, GW_WARN, "the join was broken off; it goes on by itself reason=\"%s\"",
	       reason);
	dial_later(st);
}

/* --- what comes over it --- */

static void say_progress(struct burst_state *st, const struct gw_join_progress *p)
{
	int64_t now = gw_mono_ns(st->self), took = now - st->told_ns;
	uint64_t percent = p->cells_about > 0 ? p->cells * 100 / p->cells_about : 100;
	double rate = st->told_ns > 0 && took > 0 && p->bytes >= st->told_bytes
	                      ? (double)(p->bytes - st->told_bytes) * 1e3 / (double)took
	                      : 0;

	if (percent > 100)
		percent = 100;
	gw_say(st->self, "%llu records, %.1f MB, %llu %%, %.1f MB/s", (unsigned long long)p->cells,
	       (double)p->bytes / 1e6, (unsigned long long)percent, rate);
	gw_log(st->self, GW_INFO, "joining records=%llu bytes=%llu percent=%llu",
	       (unsigned long long)p->cells, (unsigned long long)p->bytes,
	       (unsigned long long)percent);
	st->told_ns = now;
	st->told_bytes = p->bytes;
}

static void data_came(struct burst_state *st, const struct gw_join_progress *progress)
{
	st->join = JOIN_BURST;
	st->join_came = true;
	if (!st->order.begun) {
		st->order.begun = true;
		order_keep(st);
	}
	if (progress != NULL)
		say_progress(st, progress);
}

void join_news(struct burst_state *st, uint64_t link, enum gw_peer_news news,
               const struct gw_join_progress *progress, const char *why)
{
	if (link != st->join_link)
		return;
	switch (news) {
	case GW_PEER_PROGRESS:
		data_came(st, progress);
		break;
	case GW_PEER_VERIFIED:
		st->join = JOIN_LEAVE;
		gw_say(st->self, "%s", "all is here, count and digest are right");
		live_ask(st, link);
		break;
	case GW_PEER_JOINED:
		go_back(st);
		peer_goodbye(st, peer_find(st, link), GW_BYE_DONE, "the join is complete");
		break;
	case GW_PEER_RETIRED:
		stop(st, why);
		break;
	case GW_PEER_REFUSED:
		gw_say(st->self, "not now: %s", why == NULL ? "refused" : why);
		break;
	default:
		break;
	}
}

void join_live_end(struct burst_state *st, uint64_t link)
{
	struct peer *peer = peer_find(st, link);

	if (st->join != JOIN_LEAVE || link != st->join_link || peer == NULL)
		return;
	if (GW_VIA(st->replica, gw_replica_ops, become_member, link) != 0)
		peer_goodbye(st, peer, GW_BYE_QUIT, "the join cannot be completed");
}
