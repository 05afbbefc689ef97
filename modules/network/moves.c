/*
 * moves.c - sessions that move from server to server: shadows, and the new home.
 *
 * A shadow is a server that a session may move to. Its home says so to it, and every server on the
 * way there notes it, so that what is for the session goes both ways from here on. MOVE, said by
 * the shadow to all, makes it the home. It carries the whole public state of the session: a server
 * that heard of the end of the former home first (their ways to it differ) has seen the session
 * quit, and has it again from that.
 *
 * Where two parts of the network each had the session, the home of the greater epoch has it: the
 * others take what that one's burst says in place of what they knew, memberships too.
 */
#include "network.h"
#include <errno.h>
#include <godwit/log.h>
#include <utlist.h>

/* --- shadows --- */

void person_unshow(struct network *net, struct person *p)
{
	seats_show_here(p, false);
	p->session.sink = NULL;
	p->session.caps = 0;
	gw_notify(net->self, net->topic_unshown, &p->session);
	session_data_leave(net, &p->session);
}

/* The links are not counted anew. */
static void shadow_forget(struct network *net, struct person *p)
{
	if (p->session.shadow == 0)
		return;
	DL_DELETE2(net->shadowed, p, shadow_prev, shadow_next);
	p->session.shadow = 0;
	memset(p->attempt, 0, sizeof(p->attempt));
}

void shadow_clear(struct network *net, struct person *p)
{
	bool here = p->session.shadow == net->here->pub.run;

	if (p->session.shadow == 0)
		return;
	person_count_ways(net, p, -1);
	shadow_forget(net, p);
	person_count_ways(net, p, 1);
	if (here)
		person_unshow(net, p);
}

static void shadow_set(struct network *net, struct person *p, const struct server *server,
                       const uint8_t *attempt)
{
	person_count_ways(net, p, -1);
	DL_APPEND2(net->shadowed, p, shadow_prev, shadow_next);
	p->session.shadow = server->pub.run;
	memcpy(p->attempt, attempt, sizeof(p->attempt));
	person_count_ways(net, p, 1);
	if (server == net->here)
		seats_show_here(p, true);
}

void shadow_note(struct network *net, struct person *p, const struct server *server,
                 const uint8_t *attempt)
{
	shadow_clear(net, p);
	shadow_set(net, p, server, attempt);
}

/* Where the shadow is in sight again before it is told that there is one (ways to it may change),
 * it would be remembered: the home tells everybody that it is over. */
void shadows_leave(struct network *net)
{
	struct person *p, *next;

	for (p = net->shadowed; p != NULL; p = next) {
		next = p->shadow_next;
		if (!server_find(net, p->session.shadow)->gone)
			continue;
		if (p->session.moving)
			submit_return(net, p);
		else if (p->session.local)
			submit_shadow_over(net, &p->session);
		shadow_clear(net, p);
	}
}

/* The body of both records is the attempt. */
static const uint8_t *attempt_read(struct applying *a)
{
	const uint8_t *attempt = get_bytes(&a->body, 16);

	return reader_done(&a->body) ? attempt : NULL;
}

int apply_shadow(struct applying *a)
{
	struct server *server = server_find(a->net, a->header.target);
	const uint8_t *attempt = attempt_read(a);

	if (attempt == NULL || a->event.scope != GW_SCOPE_SERVER ||
	    a->header.target == a->header.run)
		return -EBADMSG;
	/* It has just gone out of sight, or come into it another way: the home will hear of that.
	 */
	if (server == NULL || (a->via != 0 && server->pub.via == a->via)) {
		a->stays = true;
		return 0;
	}
	shadow_note(a->net, a->source, server, attempt);
	return 0;
}

/* Either end may say it to the other, and the home to all. */
static bool may_end(const struct applying *a, const struct person *p)
{
	const struct gw_node *by = a->event.node, *home = p->session.home;

	if (by == home)
		return a->event.scope == GW_SCOPE_ALL || a->header.target == p->session.shadow;
	return by->run == p->session.shadow && a->event.scope == GW_SCOPE_SERVER &&
	       a->header.target == home->run;
}

/* The end of an attempt that is not known here (any more) is none. */
int apply_shadow_end(struct applying *a)
{
	const uint8_t *attempt = attempt_read(a);
	struct person *p = a->source;

	if (attempt == NULL ||
	    (a->event.scope != GW_SCOPE_ALL && a->event.scope != GW_SCOPE_SERVER))
		return -EBADMSG;
	if (p == NULL || p->session.shadow == 0 ||
	    memcmp(attempt, p->attempt, sizeof(p->attempt)) != 0) {
		a->stays = a->event.scope == GW_SCOPE_SERVER;
		return 0;
	}
	if (!may_end(a, p))
		return -EPERM;
	shadow_clear(a->net, p);
	return 0;
}

/* --- the new home --- */

bool person_moves(const struct person *p, uint64_t epoch, uint64_t run)
{
	if (p->session.home->run == run || epoch == 0)
		return false;
	if (epoch != p->session.epoch)
		return epoch > p->session.epoch;
	return run > p->session.home->run;
}

static void doubts_of(struct applying *a, struct person *p)
{
	struct gw_event event = a->event;
	struct gw_member *member, *next;

	if (!p->doubts)
		return;
	DL_DELETE2(a->net->doubtful, p, doubt_prev, doubt_next);
	p->doubts = false;
	a->event.source = &p->session;
	a->event.text = "";
	DL_FOREACH_SAFE (p->user.channels, member, next) {
		if (seat_of(member)->doubted)
			seat_leave(a, seat_of(member), GW_EV_PART);
	}
	a->event = event;
}

void person_doubt(struct network *net, struct person *p, bool on)
{
	struct gw_member *member;

	DL_FOREACH (p->user.channels, member)
		seat_of(member)->doubted = on;
	if (p->doubts)
		return;
	p->doubts = true;
	DL_APPEND2(net->doubtful, p, doubt_prev, doubt_next);
}

void doubts_end(struct applying *a, struct server *server)
{
	struct person *p, *next;

	for (p = a->net->doubtful; p != NULL; p = next) {
		next = p->doubt_next;
		if (p->session.home == &server->pub)
			doubts_of(a, p);
	}
}

void person_unlist(struct network *net, struct person *p)
{
	shadow_forget(net, p);
	if (p->doubts)
		DL_DELETE2(net->doubtful, p, doubt_prev, doubt_next);
}

/* Where it was at home, all still find its client while they hear of it. */
void person_move(struct applying *a, struct person *p, struct server *home, uint32_t epoch)
{
	struct network *net = a->net;
	struct gw_session *session = &p->session;
	struct gw_event event = a->event;

	event.from = session->home;
	person_count_ways(net, p, -1);
	shadow_forget(net, p);
	session->home->n_users--;
	session->home = &home->pub;
	home->pub.n_users++;
	session->epoch = epoch;
	session->moving = false;
	person_count_ways(net, p, 1);
	session->local |= home == net->here;
	event.kind = GW_EV_MOVE;
	event.source = session;
	event.node = &home->pub;
	event.split = NULL;
	publish(net, &event);
	if (session->local && home != net->here)
		submit_gone(net, session);
	session->local = home == net->here;
	if (session->shown && !session->local)
		person_unshow(net, p);
	if (session->local && p->level > 0)
		submit_rename(net, p);
	if (!home->pub.bursting)
		doubts_of(a, p);
}

/* Calls for each part: what the session is, as records of a burst. False: not well-formed. */
static bool parts_each(struct applying *a, struct reader parts, bool apply)
{
	bool first = true;

	while (parts.p < parts.end) {
		size_t n = get_varint(&parts);
		const uint8_t *part = get_bytes(&parts, n);

		if (part == NULL)
			return false;
		if (apply && apply_part_of(a, a->header.source, part, n) != 0 && first)
			return false;
		first = false;
	}
	return !first;
}

/* As it is told by its new home: to one who does not know the session, or who may know it from
 * another part of the network, as the state of that home is still on its way, or it was not at home
 * here where the new one has it from. */
static int move_whole(struct applying *a)
{
	struct person *p;

	if (a->way == NULL || !parts_each(a, a->body, true))
		return -EBADMSG;
	p = person_find(a->net, a->header.source);
	if (p != NULL)
		doubts_of(a, p);
	return 0;
}

/* Nobody in sight has it. */
static void person_lose(struct applying *a, struct person *p)
{
	snprintf(a->split, sizeof(a->split), "%s %s", a->net->here->pub.name,
	         p->session.home->name);
	a->event.split = a->event.text = a->split;
	person_split(a, p);
	nick_vacated(a);
}

bool person_lost(struct network *net, const struct person *p)
{
	const struct server *heir;

	if (server_of(p->session.home)->gone)
		return true;
	heir = p->heir_epoch > p->session.epoch ? server_find(net, p->heir) : NULL;
	return heir != NULL && heir->gone;
}

/* Told over a link behind which the new home is not. If that one is in sight another way, this
 * comes from there, too, behind what the session was before; unless that way ends first. If it is
 * not, the session has gone out of sight with it. So has what this server itself is said to have
 * taken, and has not any more. */
static int move_aside(struct applying *a, uint64_t epoch)
{
	struct person *p = person_find(a->net, a->header.source);
	struct server *home = server_find(a->net, a->header.run);

	if (p == NULL || !person_moves(p, epoch, a->header.run))
		return 0;
	if (home != NULL && home != a->net->here) {
		if (epoch <= p->heir_epoch)
			return 0;
		a->net->edits++;
		p->heir = a->header.run;
		p->heir_epoch = (uint32_t)epoch;
		return 0;
	}
	a->net->edits++;
	p->session.epoch = (uint32_t)epoch;
	person_lose(a, p);
	return 0;
}

/* Its former home has it no more. Wherever it is thought to be there, what it was has come later
 * than what became of it: a burst may be on its way for long. */
int apply_gone(struct applying *a)
{
	struct person *p = person_find(a->net, a->header.source);
	uint64_t epoch = get_varint(&a->body);

	if (!reader_done(&a->body))
		return -EBADMSG;
	if (p == NULL || p->session.home->run != a->header.run || epoch <= p->session.epoch)
		return 0;
	a->net->edits++;
	person_lose(a, p);
	return 0;
}

int apply_move(struct applying *a)
{
	struct server *home = server_of(a->event.node);
	struct person *p = a->source;
	uint64_t epoch, from;

	get_bytes(&a->body, sizeof(p->attempt));
	epoch = get_varint(&a->body);
	from = get_u64(&a->body);
	if (a->body.bad || epoch == 0 || epoch > UINT32_MAX || !parts_each(a, a->body, false))
		return -EBADMSG;
	if (a->aside)
		return move_aside(a, epoch);
	if (p == NULL)
		return move_whole(a);
	if (p->session.home == &home->pub && epoch > p->session.epoch) {
		p->session.epoch = (uint32_t)epoch;
		shadow_clear(a->net, p);
	}
	/* Others may have heard less: it is told on all the same. */
	if (!person_moves(p, epoch, home->pub.run))
		return 0;
	if (p->session.shadow != 0 && p->session.shadow != home->pub.run) {
		gw_log(a->net->self, GW_WARN,
		       "a server that is not its shadow claims a session server=%s nick=%s",
		       home->pub.name, p->user.nick);
		a->stays = true;
		return 0;
	}
	if (home->pub.bursting || from != p->session.home->run || epoch != p->session.epoch + 1ull)
		return move_whole(a);
	person_move(a, p, home, (uint32_t)epoch);
	if (a->way == NULL)
		return 0;
	/* Something of before may have been passed over, where ways to its home changed. */
	person_doubt(a->net, p, true);
	if (!parts_each(a, a->body, true))
		person_doubt(a->net, p, false);
	doubts_of(a, p);
	return 0;
}
