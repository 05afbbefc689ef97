/*
 * link/leave.c - this server leaves: its neighbours are linked with each other first.
 *
 * It keeps the neighbour with the most servers behind it; the others come behind that one, a turn
 * each, until there is one link left, whose end nobody is cut off by. A pair that cannot be had is
 * tried no more; who is busy is asked again. turn.c has the other two's part.
 */
#include "net.h"
#include <errno.h>
#include <stdarg.h>

#define ANSWER_NS (5 * GW_SECOND)    /* of a neighbour; an older version has none */
#define CONNECT_NS (15 * GW_SECOND)  /* until the two are linked */
#define TURNS_NS (15 * GW_SECOND)    /* from then on */
#define PATIENCE_NS (15 * GW_SECOND) /* with one that is busy */
#define AGAIN_NS (200 * GW_MS)

static size_t links_left(struct link_state *st)
{
	struct link *link = NULL;
	size_t n = 0;

	while ((link = links_next(st, link)) != NULL)
		n += link->pub.live && !link->pub.spare;
	return n;
}

__attribute__((format(printf, 3, 4))) static void tell(struct link_state *st, bool over,
                                                       const char *format, ...)
{
	struct gw_call said = st->leave.said;
	gw_leave_fn *fn;
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	gw_log(st->self, GW_INFO, "leaving: %s", text);
	fn = said.module == NULL ? NULL : (gw_leave_fn *)gw_call_fn(said);
	if (fn != NULL)
		fn(said.module->state, said.tag, over, links_left(st), text);
}

static const char *link_name(struct link_state *st, uint64_t id)
{
	const struct link *link = link_find(st, id);

	return link != NULL ? link->name : "a server that is gone";
}

/* --- whom --- */

static size_t n_behind(struct link_state *st, const struct link *link)
{
	const struct gw_node *node;
	size_t n = 0;

	for (node = NETWORK(st, nodes); node != NULL; node = node->next)
		n += node->via == link->pub.id;
	return n;
}

static bool tried(const struct leave *leave, uint64_t keeper, uint64_t moved)
{
	for (uint32_t i = 0; i < leave->n_tried; i++)
		if (leave->tried[i].keeper == keeper &&
		    (leave->tried[i].moved == 0 || leave->tried[i].moved == moved))
			return true;
	return false;
}

static void try_no_more(struct leave *leave, uint64_t keeper, uint64_t moved)
{
	if (leave->n_tried == PAIRS_MAX)
		return;
	leave->tried[leave->n_tried].keeper = keeper;
	leave->tried[leave->n_tried++].moved = moved;
}

static struct link *moved_to(struct link_state *st, const struct link *keeper)
{
	struct link *link = NULL;

	while ((link = links_next(st, link)) != NULL)
		if (link != keeper && turn_neighbour(st, link) != NULL &&
		    !tried(&st->leave, keeper->pub.id, link->pub.id))
			return link;
	return NULL;
}

/* False: there is no pair left that could be had. */
static bool choose(struct link_state *st, struct link **keeper_out, struct link **moved_out)
{
	struct link *link = NULL, *keeper = NULL;
	size_t most = 0;

	while ((link = links_next(st, link)) != NULL) {
		size_t n = n_behind(st, link);

		if (n <= most || turn_neighbour(st, link) == NULL || moved_to(st, link) == NULL)
			continue;
		most = n;
		keeper = link;
	}
	*keeper_out = keeper;
	*moved_out = keeper == NULL ? NULL : moved_to(st, keeper);
	return keeper != NULL;
}

/* --- a turn --- */

static void ask(struct link_state *st, struct link *keeper, struct link *moved)
{
	const struct gw_node *a = turn_neighbour(st, keeper), *b = turn_neighbour(st, moved);
	struct turn_said said = {.step = TURN_ADOPT, .run = b->run};

	said.id = gw_random_u64(st->self);
	st->turn = (struct turn){
		.id = said.id,
		.spec = {.leaver = NETWORK(st, here)->run, .keeper = a->run, .moved = b->run},
		.old_link = moved->pub.id,
		.new_link = keeper->pub.id,
		.role = TURN_LEAVER,
		.stage = STAGE_ASKED,
	};
	turn_until(st, ANSWER_NS);
	turn_say(st, keeper->pub.id, &said);
}

void leave_yes(struct link_state *st, struct link *link, const struct turn_said *said)
{
	struct turn *turn = &st->turn;
	struct turn_said go = {.step = TURN_GO, .id = turn->id, .run = turn->spec.keeper};

	(void)said;
	if (turn->stage == STAGE_ASKED && link->pub.id == turn->new_link) {
		turn->stage = STAGE_SENT;
		turn_until(st, ANSWER_NS);
		turn_say(st, turn->old_link, &go);
	} else if (turn->stage == STAGE_SENT && link->pub.id == turn->old_link) {
		turn->stage = STAGE_AGREED;
		turn_until(st, CONNECT_NS);
		tell(st, false, "%s and %s link with each other", link->name,
		     link_name(st, turn->new_link));
	}
}

/* The other one shall not wait; who has parted has to come again. */
static void give_up(struct link_state *st)
{
	struct turn turn = st->turn;
	struct turn_said forget = {.step = TURN_FORGET, .id = turn.id};
	struct link *old = link_find(st, turn.old_link);

	turn_say(st, turn.new_link, &forget);
	turn_say(st, turn.old_link, &forget);
	turn_forget(st);
	if (old == NULL)
		return;
	old->mirror = 0;
	if (turn.stage == STAGE_PARTED)
		link_close(st, old, GW_BYE_QUIT, "its way to the others was not taken over");
}

/* B has all it needs, or will have; its word is not waited for any longer. */
static void close_behind(struct link_state *st)
{
	struct link *old = link_find(st, st->turn.old_link);

	turn_until(st, TURNS_NS);
	if (old != NULL)
		link_close(st, old, GW_BYE_CIRCLE, "it is linked by way of another");
	else
		turn_forget(st);
}

void leave_fail(struct link_state *st, const char *format, ...)
{
	uint64_t keeper = st->turn.new_link, moved = st->turn.old_link;
	bool unheard = st->turn.stage == STAGE_ASKED;
	char why[300];
	va_list args;

	if (st->turn.stage == STAGE_TURNED) {
		close_behind(st);
		return;
	}
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	try_no_more(&st->leave, keeper, unheard ? 0 : moved);
	st->leave.since_ns = 0;
	tell(st, false, "%s and %s could not be linked with each other: %s", link_name(st, moved),
	     link_name(st, keeper), why);
	give_up(st);
}

/* Somebody has another turn, which does not take long. */
static void again(struct link_state *st)
{
	int64_t now = gw_mono_ns(st->self);

	give_up(st);
	st->leave.again_ns =
		now + AGAIN_NS + (int64_t)(gw_random_u64(st->self) % (uint64_t)AGAIN_NS);
	turn_until(st, st->leave.again_ns - now);
}

void leave_no(struct link_state *st, struct link *link, const struct turn_said *said)
{
	bool soon = st->leave.since_ns + PATIENCE_NS > gw_mono_ns(st->self);

	if (st->turn.stage == STAGE_TURNED)
		return;
	if (said->code == TURN_NO_BUSY && st->turn.stage < STAGE_AGREED && soon)
		again(st);
	else
		leave_fail(st, "%s said: %s", link->name, said->text);
}

/* First B dials, then A. */
void leave_unreached(struct link_state *st, struct link *link, const struct turn_said *said)
{
	struct turn *turn = &st->turn;
	struct turn_said dial = {.step = TURN_DIAL, .id = turn->id};

	(void)said;
	if (turn->stage != STAGE_AGREED)
		return;
	if (link->pub.id == turn->new_link) {
		leave_fail(st, "neither reaches the other");
		return;
	}
	turn_until(st, CONNECT_NS);
	turn_say(st, turn->new_link, &dial);
}

static void put_event(void *ctx, const void *record, size_t n)
{
	struct link_state *st = ctx;
	struct link *keeper = link_find(st, st->turn.new_link);
	struct gw_frame frame = {.kind = GW_FRAME_EVENT, .body = record, .n = n};

	if (keeper != NULL && link_up(keeper))
		flow_send(st, keeper, &frame);
}

/* B's last has come this way. What A must know when it comes to be on the way between B and this
 * server is told it, and so is what concerns that until this server turns. */
void leave_parted(struct link_state *st, struct link *link, const struct turn_said *said)
{
	struct turn *turn = &st->turn;
	struct turn_said all = {.step = TURN_LAST, .id = turn->id};

	(void)said;
	if (turn->stage != STAGE_AGREED)
		return;
	turn->stage = STAGE_PARTED;
	turn_until(st, TURNS_NS);
	NETWORK(st, relink_export, &turn->spec, put_event, st);
	turn_say(st, turn->new_link, &all);
	link->mirror = turn->new_link;
}

/* A has turned; this server does, too. */
void leave_turned(struct link_state *st, struct link *link, const struct turn_said *said)
{
	struct turn *turn = &st->turn;
	struct turn_said over = {.step = TURN_OVER, .id = turn->id},
			 end = {.step = TURN_END, .id = turn->id};
	struct link *old = link_find(st, turn->old_link);

	(void)link;
	(void)said;
	if (turn->stage != STAGE_PARTED)
		return;
	if (old == NULL || NETWORK(st, relink, &turn->spec) != 0) {
		leave_fail(st, "the network has changed meanwhile");
		return;
	}
	old->mirror = 0;
	turn->stage = STAGE_TURNED;
	turn_until(st, TURNS_NS);
	turn_say(st, turn->new_link, &over);
	turn_say(st, turn->old_link, &end);
}

void leave_link_down(struct link_state *st, struct link *link)
{
	const struct turn *turn = &st->turn;
	uint64_t id = link->pub.id;

	if (id != turn->old_link && id != turn->new_link)
		return;
	if (turn->stage != STAGE_TURNED) {
		leave_fail(st, "%s: %s", link->name, link->reason);
	} else if (id == turn->old_link) {
		tell(st, false, "%s and %s are linked with each other", link->name,
		     link_name(st, turn->new_link));
		st->leave.since_ns = 0;
		turn_forget(st);
	}
}

/* --- the whole --- */

void leave_look(struct link_state *st)
{
	struct leave *leave = &st->leave;
	struct link *keeper, *moved;
	int64_t now = gw_mono_ns(st->self);

	if (!leave->on || leave->over || st->turn.role != TURN_NONE)
		return;
	if (now < leave->again_ns) {
		turn_until(st, leave->again_ns - now);
		return;
	}
	if (links_left(st) > 1 && choose(st, &keeper, &moved)) {
		if (leave->since_ns == 0)
			leave->since_ns = now;
		ask(st, keeper, moved);
		return;
	}
	leave->over = true;
	if (links_left(st) > 1)
		tell(st, true, "%zu links are left", links_left(st));
	else
		tell(st, true, "nobody is cut off when this server ends");
}

size_t leave_begin(void *impl, struct gw_call said)
{
	struct link_state *st = impl;
	size_t n = links_left(st);

	if (n < 2 || st->stopping)
		return 0;
	st->leave = (struct leave){.said = said, .on = true};
	if (st->turn.role == TURN_NONE)
		turn_until(st, 0);
	return n - 1;
}

void leave_end(void *impl)
{
	struct link_state *st = impl;

	if (!st->leave.on)
		return;
	if (st->turn.role == TURN_LEAVER && st->turn.stage < STAGE_PARTED)
		give_up(st);
	st->leave.on = false;
	st->leave.said = (struct gw_call){.module = NULL};
}
