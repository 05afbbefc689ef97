/*
 * lives.c - which of several creations of one channel counts.
 *
 * A life is a channel from one creation on: its cells, and who joined it. Events name the life that
 * they mean. Where a channel was created twice (after its last member had left, on two sides of a
 * split), all who joined under any of its lives are its members, and the cells shown are those of
 * the first life that has a member or is registered: registered before unregistered (the earlier
 * claim), then the older. That follows from the events alone, so their order does not matter. A
 * life that nobody needs is kept for a day: an event that names it may still come.
 */
#include "network.h"
#include <stdlib.h>
#include <utlist.h>

#define FRESH_MS 1000

static int64_t now_ms(struct network *net)
{
	return gw_mono_ns(net->self) / GW_MS;
}

struct chan *chan_find(struct network *net, const char *name)
{
	struct gw_self *self = net->self;
	char folded[GW_CHANNEL_MAX + 1];
	struct chan *chan;
	int n = fold(NULL, name, folded, sizeof(folded));

	if (n < 0)
		return NULL;
	HASH_FIND(hh, net->chans, folded, (size_t)n, chan);
	return chan;
}

struct chan *chan_visible(struct network *net, const char *name)
{
	struct chan *chan = chan_find(net, name);

	return chan == NULL || chan->current == NULL ? NULL : chan;
}

static struct chan *chan_new(struct network *net, const char *name)
{
	struct gw_self *self = net->self;
	size_t n = strlen(name);
	struct chan *chan = (struct chan *)gw_alloc(self, sizeof(*chan) + n + 1);
	struct interest *interest;

	fold(NULL, name, chan->folded, n + 1);
	chan->ordinal = ++net->ordinal;
	HASH_FIND(hh, net->interests, chan->folded, n, interest);
	chan->pub.interest = interest == NULL ? 0 : interest->count;
	HASH_ADD_KEYPTR(hh, net->chans, chan->folded, n, chan);
	return chan;
}

struct life *life_find(const struct chan *chan, struct gw_stamp created)
{
	struct life *life;

	LL_FOREACH (chan->lives, life) {
		if (gw_stamp_cmp(life->created, created) == 0)
			return life;
	}
	return NULL;
}

/* Keeps the number of lives that nobody sees within its bound. */
static void lives_bound(struct network *net)
{
	for (int64_t keep = KEEP_MS; net->n_lives > net->n_visible + GHOSTS_MAX && keep > 0;
	     keep /= 4)
		lives_tidy(net, keep / 4);
}

struct life *life_get(struct network *net, const char *name, struct gw_stamp created,
                      struct chan **chan_out)
{
	struct chan *chan = chan_find(net, name);
	struct life *life = chan == NULL ? NULL : life_find(chan, created);
	size_t n = strlen(name);

	if (life == NULL) {
		lives_bound(net);
		chan = chan_find(net, name);
		if (chan == NULL)
			chan = chan_new(net, name);
		life = (struct life *)gw_alloc(net->self, sizeof(*life) + n + 1);
		memcpy(life->name, name, n);
		life->created = created;
		life->since_ms = now_ms(net);
		LL_PREPEND(chan->lives, life);
		net->n_lives++;
		net->edits++;
	}
	*chan_out = chan;
	return life;
}

static void life_free(struct network *net, struct chan *chan, struct life *life)
{
	struct gw_self *self = net->self;
	struct gw_list_entry *entry, *next;
	struct registration *registration, *after;

	DL_FOREACH_SAFE (life->lists, entry, next)
		entry_free(net, life, entry);
	LL_FOREACH_SAFE (life->registrations, registration, after)
		gw_free(self, registration);
	for (uint32_t i = 0; i < life->n_cells; i++) {
		if (life->cells[i].param != NULL)
			gw_free(self, life->cells[i].param);
	}
	if (life->cells != NULL)
		gw_free(self, life->cells);
	if (life->topic != NULL)
		gw_free(self, life->topic);
	if (life->topic_setter != NULL)
		gw_free(self, life->topic_setter);
	LL_DELETE(chan->lives, life);
	net->n_lives--;
	gw_free(self, life);
}

void chan_free(struct network *net, struct chan *chan)
{
	struct gw_self *self = net->self;
	struct life *life, *next;

	LL_FOREACH_SAFE (chan->lives, life, next)
		life_free(net, chan, life);
	HASH_DELETE(hh, net->chans, chan);
	if (chan->pub.members != NULL)
		gw_free(self, chan->pub.members);
	if (chan->ways != NULL)
		gw_free(self, chan->ways);
	gw_free(self, chan);
}

/* The older claim on the name comes first. */
static int registration_cmp(const struct registration *a, const struct registration *b)
{
	int order = gw_stamp_cmp(a->claim, b->claim);

	if (order != 0)
		return order;
	return gw_stamp_cmp((struct gw_stamp){a->id.clock, a->id.origin},
	                    (struct gw_stamp){b->id.clock, b->id.origin});
}

const struct registration *life_registered(const struct life *life)
{
	const struct registration *registration, *first = NULL;

	LL_FOREACH (life->registrations, registration) {
		if (!registration->dead &&
		    (first == NULL || registration_cmp(registration, first) < 0))
			first = registration;
	}
	return first;
}

bool life_alive(const struct life *life)
{
	return life->members > 0 || life_registered(life) != NULL;
}

/* Whether `a` comes before `b`; both are alive. */
static bool life_before(const struct life *a, const struct life *b)
{
	const struct registration *of_a = life_registered(a), *of_b = life_registered(b);

	if ((of_a != NULL) != (of_b != NULL))
		return of_a != NULL;
	if (of_a != NULL && registration_cmp(of_a, of_b) != 0)
		return registration_cmp(of_a, of_b) < 0;
	return gw_stamp_cmp(a->created, b->created) < 0;
}

static struct life *life_first(const struct chan *chan)
{
	struct life *life, *first = NULL, *fresh = NULL;

	LL_FOREACH (chan->lives, life) {
		if (life_alive(life)) {
			if (first == NULL || life_before(life, first))
				first = life;
		} else if (life->fresh &&
		           (fresh == NULL || gw_stamp_cmp(fresh->created, life->created) < 0)) {
			fresh = life;
		}
	}
	return first != NULL ? first : fresh;
}

uint8_t seat_status(struct network *net, const struct seat *seat, const struct life *life)
{
	const struct stray *stray;

	if (seat->life == life)
		return seat->bits;
	stray = stray_find(net, seat->pub.stamp, life->created);
	return stray == NULL ? 0 : stray->bits;
}

void chan_mirror(struct chan *chan)
{
	struct gw_channel *pub = &chan->pub;
	const struct life *life = chan->current;
	const struct registration *registration;

	if (life == NULL)
		return;
	registration = life_registered(life);
	pub->name = life->name;
	pub->created = life->created;
	pub->registered = registration == NULL ? (struct gw_id){0} : registration->id;
	pub->modes = 0;
	pub->key = NULL;
	pub->limit = 0;
	for (uint32_t i = 0; i < life->n_cells; i++) {
		const struct mode_cell *cell = &life->cells[i];

		if (!cell->set)
			continue;
		pub->modes |= gw_letter(cell->letter);
		if (cell->letter == 'k')
			pub->key = cell->param;
		if (cell->letter == 'l' && cell->param != NULL)
			pub->limit = (uint32_t)strtoul(cell->param, NULL, 10);
	}
	pub->topic = life->topic;
	pub->topic_setter = life->topic_setter;
	pub->topic_ms = life->topic_ms;
	pub->lists = life->lists;
}

static bool entry_in(const struct life *life, const struct gw_list_entry *wanted)
{
	const struct gw_list_entry *entry;

	DL_FOREACH (life->lists, entry) {
		if (entry->letter == wanted->letter && same(NULL, entry->mask, wanted->mask))
			return !entry->gone;
	}
	return false;
}

static bool cell_in(const struct life *life, const struct mode_cell *wanted)
{
	const struct mode_cell *cell = life_cell(life, wanted->letter);

	if (cell == NULL || !cell->set)
		return false;
	return (cell->param == NULL) == (wanted->param == NULL) &&
	       (cell->param == NULL || strcmp(cell->param, wanted->param) == 0);
}

/* Adds what `life` has and `other` has not, as set or as unset. A letter that `other` has with
 * another parameter is not unset. */
static void life_differences(struct applying *a, const struct life *life, const struct life *other,
                             bool add)
{
	const struct gw_list_entry *entry;

	for (uint32_t i = 0; i < life->n_cells; i++) {
		const struct mode_cell *cell = &life->cells[i],
				       *its = life_cell(other, cell->letter);

		if (cell->set && !cell_in(other, cell) && (add || its == NULL || !its->set))
			change_add(a, &(struct gw_mode_change){.letter = cell->letter,
			                                       .add = add,
			                                       .param = cell->param});
	}
	DL_FOREACH (life->lists, entry) {
		if (!entry->gone && !entry_in(other, entry))
			change_add(a, &(struct gw_mode_change){.letter = entry->letter,
			                                       .add = add,
			                                       .param = entry->mask});
	}
}

static bool topics_differ(const struct life *a, const struct life *b)
{
	return strcmp(a->topic == NULL ? "" : a->topic, b->topic == NULL ? "" : b->topic) != 0;
}

/* Tells the members that the channel is now that of another life. */
static void chan_switch(struct applying *a, struct chan *chan, const struct life *old)
{
	struct gw_event event;

	if (chan->pub.n_members == 0)
		return;
	life_differences(a, old, chan->current, false);
	life_differences(a, chan->current, old, true);
	for (uint32_t i = 0; i < chan->pub.n_members; i++)
		seat_show(a, seat_of(chan->pub.members[i]));
	changes_flush(a, chan, NULL);
	if (!topics_differ(old, chan->current))
		return;
	event = a->event;
	event.kind = GW_EV_TOPIC;
	event.source = NULL;
	event.channel = &chan->pub;
	event.text = chan->current->topic == NULL ? "" : chan->current->topic;
	publish(a->net, &event);
}

void chan_settle(struct applying *a, struct chan *chan)
{
	const struct life *old = chan->current;

	chan->current = life_first(chan);
	a->net->n_visible += (uint32_t)(chan->current != NULL) - (uint32_t)(old != NULL);
	chan_mirror(chan);
	if (old != NULL && chan->current != NULL && old != chan->current)
		chan_switch(a, chan, old);
}

void chan_release(struct network *net, struct chan *chan)
{
	struct life *life, *next;

	LL_FOREACH_SAFE (chan->lives, life, next) {
		if (!net->linked && !life->fresh && !life_alive(life))
			life_free(net, chan, life);
	}
	if (chan->lives == NULL)
		chan_free(net, chan);
}

static void tombstones_tidy(struct network *net, struct life *life, int64_t keep_ms)
{
	int64_t limit = gw_wall_ns(net->self) / GW_MS - keep_ms;
	struct gw_list_entry *entry, *next;

	if (life->tombstones == 0)
		return;
	DL_FOREACH_SAFE (life->lists, entry, next) {
		if (entry->gone && (int64_t)(entry->stamp.clock >> 16) <= limit)
			entry_free(net, life, entry);
	}
}

void lives_tidy(struct network *net, int64_t keep_ms)
{
	int64_t now = now_ms(net);
	struct chan *chan, *next;

	for (chan = net->chans; chan != NULL; chan = next) {
		struct life *life, *after;

		next = (struct chan *)chan->hh.next;
		LL_FOREACH_SAFE (chan->lives, life, after) {
			if (!life->fresh && !life_alive(life) && now - life->since_ms >= keep_ms)
				life_free(net, chan, life);
			else
				tombstones_tidy(net, life, keep_ms);
		}
		if (chan->lives == NULL)
			chan_free(net, chan);
		else
			chan_mirror(chan);
	}
}

/* A channel that was made and that nobody joined goes again, unseen. */
static bool fresh_tidy(struct network *net)
{
	int64_t now = now_ms(net);
	bool left = false;
	struct chan *chan, *next;

	for (chan = net->chans; chan != NULL; chan = next) {
		struct applying nothing = {.net = net};
		struct life *life;

		next = (struct chan *)chan->hh.next;
		LL_FOREACH (chan->lives, life) {
			if (life->fresh && now - life->since_ms >= FRESH_MS)
				life->fresh = false;
			left = left || life->fresh;
		}
		chan_settle(&nothing, chan);
		chan_release(net, chan);
	}
	return left;
}

void network_tidy(void *state, uint64_t tag)
{
	struct network *net = (struct network *)state;
	bool left = fresh_tidy(net);

	(void)tag;
	lives_tidy(net, KEEP_MS);
	strays_tidy(net, KEEP_MS);
	pasts_tidy(net, KEEP_MS);
	gw_timer_set(net->tidy, net->self, left ? GW_SECOND : 600 * GW_SECOND);
}
