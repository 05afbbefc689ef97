/*
 * link/turn.c - a neighbour leaves: another takes its place, and nobody goes out of sight.
 *
 * M leaves (leave.c, there), A is the neighbour that it keeps, B another. A and B link with each
 * other; then B says by M what it has said until now, and all else by A (parts), A takes B behind
 * the new link when it has heard all that came by M (turns), M does the same, and B when M has
 * nothing more for it. Until then what comes over the new link waits unread. link.md has the table,
 * and why no event is lost, doubled, or before another that it answers.
 *
 * Until B parts, whatever goes wrong is forgotten, and nobody has noticed anything. From then on
 * it ends in links that are closed: a split, and a burst when they come again.
 */
#include "net.h"
#include <errno.h>

#define AGREED_NS (30 * GW_SECOND) /* M knows sooner what is to become of it */
#define TURNS_NS (15 * GW_SECOND)

void turn_until(struct link_state *st, int64_t ns)
{
	if (st->turning == NULL)
		st->turning = gw_timer_new(st->self, gw_call(st->self, CALL_TURN_TICK, 0));
	gw_timer_set(st->turning, st->self, ns);
}

void turn_say(struct link_state *st, uint64_t id, const struct turn_said *said)
{
	struct link *link = link_find(st, id);
	uint8_t body[TURN_MAX];

	if (link != NULL && link_up(link))
		control_send(st, link, CONTROL_TURN, body, turn_put(said, body));
}

static void say(struct link_state *st, uint64_t link, enum turn_step step)
{
	turn_say(st, link, &(struct turn_said){.step = (uint8_t)step, .id = st->turn.id});
}

static void say_no(struct link_state *st, uint64_t link, uint64_t id, enum turn_no code,
                   const char *text)
{
	struct turn_said no = {.step = TURN_NO, .id = id, .code = (uint8_t)code};

	snprintf(no.text, sizeof(no.text), "%s", text);
	turn_say(st, link, &no);
}

static bool takes_part(const struct link_state *st)
{
	return st->turn.role == TURN_KEEPER || st->turn.role == TURN_MOVED;
}

bool turn_holds(const struct link_state *st, const struct link *link)
{
	return takes_part(st) && st->turn.new_link == link->pub.id;
}

const struct gw_node *turn_neighbour(struct link_state *st, const struct link *link)
{
	const struct gw_node *node;

	if (!link_up(link) || !link->pub.live)
		return NULL;
	for (node = NETWORK(st, nodes); node != NULL; node = node->next)
		if (node->direct && node->via == link->pub.id)
			return node->bursting ? NULL : node;
	return NULL;
}

/* --- its end --- */

void turn_forget(struct link_state *st)
{
	struct turn *turn = &st->turn;

	if (turn->dial != 0)
		attempts_cancel(st, turn->dial);
	*turn = (struct turn){.role = TURN_NONE};
	turn_until(st, st->leave.on ? 0 : -1);
}

static void release(struct link_state *st, struct link *link)
{
	link->pub.spare = false;
	link->mute = 0;
	if (!link->stopped)
		return;
	link->stopped = false;
	gw_conn_resume(st->self, link->conn);
}

/* What has been said over the new link is known at its other end alone: if this server parted, both
 * have to come again. */
static void fail(struct link_state *st, const char *why)
{
	struct turn turn = st->turn;
	struct link *fresh = link_find(st, turn.new_link), *old = link_find(st, turn.old_link);
	bool begun = turn.stage >= STAGE_PARTED;

	gw_log(st->self, begun ? GW_WARN : GW_INFO, "turn ends in vain role=%s why=\"%s\"",
	       turn.role == TURN_KEEPER ? "keeper" : "moved", why);
	say_no(st, turn.old_link, turn.id, TURN_NO_NEVER, why);
	turn_forget(st);
	if (fresh != NULL)
		link_close(st, fresh, begun ? GW_BYE_QUIT : GW_BYE_CIRCLE, "%s", why);
	if (old != NULL && turn.role == TURN_MOVED && begun)
		link_close(st, old, GW_BYE_QUIT, "%s", why);
}

/* A: nothing is to be waited for any more. */
static void complete(struct link_state *st)
{
	struct link *fresh = link_find(st, st->turn.new_link);

	turn_forget(st);
	if (fresh == NULL)
		return;
	gw_log(st->self, GW_INFO, "linked in place of another peer=%s", fresh->name);
	release(st, fresh);
}

void turn_link_down(struct link_state *st, struct link *link)
{
	const struct turn *turn = &st->turn;
	uint64_t id = link->pub.id;

	if (st->turn.role == TURN_LEAVER)
		leave_link_down(st, link);
	else if (takes_part(st) && id == turn->old_link && turn->role == TURN_KEEPER &&
	         turn->stage == STAGE_TURNED)
		complete(st); /* if B has not heard all, it will close the new link */
	else if (takes_part(st) && (id == turn->old_link || id == turn->new_link))
		fail(st, "a link broke meanwhile");
}

void turn_tick(void *state, uint64_t tag)
{
	struct link_state *st = state;

	(void)tag;
	if (takes_part(st))
		fail(st, "it took too long");
	else if (st->turn.role == TURN_LEAVER)
		leave_fail(st, "it took too long");
	else
		leave_look(st);
}

/* --- its beginning --- */

/* Whether this server cannot take part now. One that leaves itself lets the other go first if it
 * has only asked so far, and its run is the lesser: so of two that have asked each other one goes
 * on. */
static bool busy(struct link_state *st, uint64_t run)
{
	struct turn_said forget = {.step = TURN_FORGET, .id = st->turn.id};

	if (st->stopping || (st->leave.on && st->leave.over))
		return true;
	if (st->turn.role == TURN_NONE)
		return false;
	if (st->turn.role != TURN_LEAVER || st->turn.stage != STAGE_ASKED ||
	    NETWORK(st, here)->run > run)
		return true;
	turn_say(st, st->turn.new_link, &forget);
	turn_forget(st);
	return false;
}

/* The tree must be as the one that leaves says: it and the third one, all level. NULL: there is
 * `why`. */
static const struct gw_node *third(struct link_state *st, const struct link *link,
                                   const struct turn_said *said, const char **why)
{
	const struct gw_node *leaver = turn_neighbour(st, link), *node;

	node = NETWORK(st, node, said->run);
	*why = "the network is not as it should be for that";
	if (leaver == NULL || node == NULL || node->up != leaver || node->bursting)
		return NULL;
	*why = "the services database does not have the server";
	if (known_by_id(st, node->id) == NULL)
		return NULL;
	*why = "an operator has disconnected it";
	if (uplinks_off(st, known_by_id(st, node->id)->name))
		return NULL;
	*why = "there is another link to it";
	return link_with(st, node->id) == NULL ? node : NULL;
}

/* Asked to be A or B. True: it is. */
static bool agree(struct link_state *st, struct link *link, const struct turn_said *said,
                  enum turn_role role)
{
	const char *why = "it has another turn, or is about to stop";
	const struct gw_node *leaver = turn_neighbour(st, link), *node = NULL;
	bool is_busy = leaver == NULL || busy(st, leaver->run);
	uint64_t here = NETWORK(st, here)->run;

	if (!is_busy)
		node = third(st, link, said, &why);
	if (node == NULL) {
		say_no(st, link->pub.id, said->id, is_busy ? TURN_NO_BUSY : TURN_NO_NEVER, why);
		return false;
	}
	st->turn = (struct turn){
		.id = said->id,
		.spec = {.leaver = leaver->run,
	                 .keeper = role == TURN_KEEPER ? here : said->run,
	                 .moved = role == TURN_KEEPER ? said->run : here},
		.peer = node->id,
		.old_link = link->pub.id,
		.role = (uint8_t)role,
		.stage = STAGE_SENT,
	};
	turn_until(st, AGREED_NS);
	gw_log(st->self, GW_INFO, "a neighbour leaves peer=%s role=%s other=%s", link->name,
	       role == TURN_KEEPER ? "keeper" : "moved", node->name);
	say(st, link->pub.id, TURN_YES);
	return true;
}

/* One address behind the other. */
static void dial_next(struct link_state *st)
{
	const struct known *known = known_by_id(st, st->turn.peer);
	const char *address;

	if (!dialable(st, known) || st->turn.address >= known->n_addresses) {
		say(st, st->turn.old_link, TURN_UNREACHED);
		return;
	}
	address = known->addresses[st->turn.address++];
	st->turn.dial = ++st->last_dial;
	gw_log(st->self, GW_INFO, "dialling peer=%s address=\"%s\"", known->name, address);
	attempt_dial(st, st->turn.dial, address, known, NULL);
}

void turn_dial_ended(struct link_state *st, uint64_t dial, const char *code, const char *sentence)
{
	(void)code;
	(void)sentence;
	if (!takes_part(st) || st->turn.dial != dial)
		return;
	st->turn.dial = 0;
	if (st->turn.new_link == 0)
		dial_next(st);
}

bool turn_expects(struct link_state *st, const struct link *link)
{
	const struct turn *turn = &st->turn;

	return takes_part(st) && turn->new_link == 0 && gw_id_is(turn->peer, link->pub.server) &&
	       (link->who.source ? link->who.dial == turn->dial : turn->dial == 0);
}

void turn_link_up(struct link_state *st, struct link *link)
{
	st->turn.new_link = st->turn.spec.via = link->pub.id;
}

/* --- steps --- */

static void adopt(struct link_state *st, struct link *link, const struct turn_said *said)
{
	agree(st, link, said, TURN_KEEPER);
}

static void go(struct link_state *st, struct link *link, const struct turn_said *said)
{
	if (agree(st, link, said, TURN_MOVED))
		dial_next(st);
}

static void dial_instead(struct link_state *st, struct link *link, const struct turn_said *said)
{
	(void)link;
	(void)said;
	if (st->turn.dial == 0 && st->turn.new_link == 0)
		dial_next(st);
}

/* B says nothing more by M from here on, though it still hears by it: the network is turned when
 * that is over. */
static void part(struct link_state *st)
{
	struct turn *turn = &st->turn;
	struct link *old = link_find(st, turn->old_link), *fresh = link_find(st, turn->new_link);

	if (turn->role != TURN_MOVED || turn->stage != STAGE_SENT || !turn->accepted ||
	    !turn->ready || old == NULL || fresh == NULL)
		return;
	turn->stage = STAGE_PARTED;
	turn_until(st, TURNS_NS);
	say(st, turn->old_link, TURN_PARTED);
	say(st, turn->new_link, TURN_OPEN);
	fresh->pub.live = true;
	old->heir = turn->new_link;
}

void turn_accepted(struct link_state *st, struct link *link)
{
	if (!turn_holds(st, link) || st->turn.accepted)
		return;
	st->turn.accepted = true;
	say(st, link->pub.id, TURN_READY);
	part(st);
}

static void ready(struct link_state *st, struct link *link, const struct turn_said *said)
{
	(void)link;
	(void)said;
	st->turn.ready = true;
	part(st);
}

/* What follows waits for what is still on its way by M. */
static void opened(struct link_state *st, struct link *link, const struct turn_said *said)
{
	(void)st;
	(void)said;
	link->stopped = true;
}

/* A has heard all of B that comes by M. To B nothing is passed on yet that comes by M: it still
 * gets it from there. */
static void last(struct link_state *st, struct link *link, const struct turn_said *said)
{
	struct turn *turn = &st->turn;
	struct link *fresh = link_find(st, turn->new_link);

	(void)said;
	if (turn->stage != STAGE_SENT || !turn->accepted || fresh == NULL || !link_up(fresh)) {
		fail(st, "the new link is not up");
		return;
	}
	say(st, link->pub.id, TURN_TURNED);
	say(st, turn->new_link, TURN_OPEN);
	fresh->pub.live = true;
	fresh->mute = link->pub.id;
	turn->stage = STAGE_TURNED;
	turn_until(st, TURNS_NS);
	if (NETWORK(st, relink, &turn->spec) != 0)
		fail(st, "the network has changed meanwhile");
}

static void over(struct link_state *st, struct link *link, const struct turn_said *said)
{
	(void)link;
	(void)said;
	if (st->turn.stage == STAGE_TURNED)
		complete(st);
}

/* B has heard all that comes by M. */
static void end(struct link_state *st, struct link *link, const struct turn_said *said)
{
	struct link *fresh = link_find(st, st->turn.new_link);

	(void)said;
	if (st->turn.stage != STAGE_PARTED || fresh == NULL || !link_up(fresh) ||
	    NETWORK(st, relink, &st->turn.spec) != 0) {
		fail(st, "the network has changed meanwhile");
		return;
	}
	complete(st);
	link_close(st, link, GW_BYE_CIRCLE, "it is linked by way of %s now", fresh->name);
}

static void forget(struct link_state *st, struct link *link, const struct turn_said *said)
{
	(void)link;
	(void)said;
	fail(st, "it was given up");
}

/** Who may say what to whom, of the turn that is under way. */
enum on_link { ON_OLD = 1, ON_NEW = 2 };
static const struct {
	turn_fn *fn;
	uint8_t roles; /* bits of enum turn_role: what this server must be */
	uint8_t place; /* on which link */
} steps[] = {
	[TURN_YES] = {leave_yes, 1 << TURN_LEAVER, ON_OLD | ON_NEW},
	[TURN_NO] = {leave_no, 1 << TURN_LEAVER, ON_OLD | ON_NEW},
	[TURN_DIAL] = {dial_instead, 1 << TURN_KEEPER, ON_OLD},
	[TURN_UNREACHED] = {leave_unreached, 1 << TURN_LEAVER, ON_OLD | ON_NEW},
	[TURN_READY] = {ready, 1 << TURN_KEEPER | 1 << TURN_MOVED, ON_NEW},
	[TURN_PARTED] = {leave_parted, 1 << TURN_LEAVER, ON_OLD},
	[TURN_OPEN] = {opened, 1 << TURN_KEEPER | 1 << TURN_MOVED, ON_NEW},
	[TURN_LAST] = {last, 1 << TURN_KEEPER, ON_OLD},
	[TURN_TURNED] = {leave_turned, 1 << TURN_LEAVER, ON_NEW},
	[TURN_OVER] = {over, 1 << TURN_KEEPER, ON_OLD},
	[TURN_END] = {end, 1 << TURN_MOVED, ON_OLD},
	[TURN_FORGET] = {forget, 1 << TURN_KEEPER | 1 << TURN_MOVED, ON_OLD},
};

/* Of a turn that is over here nothing is to be said any more; but who waits for A shall not wait
 * in vain. */
static void stale(struct link_state *st, struct link *link, const struct turn_said *said)
{
	if (said->step == TURN_LAST)
		say_no(st, link->pub.id, said->id, TURN_NO_NEVER, "that is over");
}

int turn_input(struct link_state *st, struct link *link, const uint8_t *p, size_t n,
               struct gw_error *why)
{
	const struct turn *turn = &st->turn;
	struct turn_said said;
	uint8_t place;

	if (turn_parse(p, n, &said, why) != 0)
		return -EBADMSG;
	place = link->pub.id == turn->old_link   ? ON_OLD
	        : link->pub.id == turn->new_link ? ON_NEW
	                                         : 0;
	if (said.step == TURN_ADOPT)
		adopt(st, link, &said);
	else if (said.step == TURN_GO)
		go(st, link, &said);
	else if (said.step >= sizeof(steps) / sizeof(steps[0]) || steps[said.step].fn == NULL)
		return 0;
	else if (turn->role == TURN_NONE || said.id != turn->id)
		stale(st, link, &said);
	else if ((steps[said.step].roles & 1u << turn->role) && (steps[said.step].place & place))
		steps[said.step].fn(st, link, &said);
	return 0;
}
