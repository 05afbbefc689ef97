/*
 * modes.c - the mode cells of a channel: letters, list entries, prefixes of members.
 *
 * The cells are changed by items of records (MODE, CHANNEL). What kind of mode a letter is stands
 * in the item: a server applies also letters that no module of its own knows.
 */
#include "network.h"
#include <errno.h>
#include <utlist.h>

#define PARAM_MAX 200
#define SETTER_MAX (GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 2)
#define CHANGES_PER_EVENT 64
#define ENTRIES_MAX 4096 /* of one life; modules keep far below it */

void item_put(struct writer *w, const struct item *item)
{
	put_u8(w, (uint8_t)item->letter);
	put_u8(w, item->flags);
	if (item->flags & ITEM_PREFIX) {
		put_u64(w, item->session);
		put_stamp(w, item->member);
		put_u8(w, item->prefix);
	}
	if (item->flags & ITEM_PARAM)
		put_string(w, item->param, PARAM_MAX);
	if (item->flags & ITEM_SETTER) {
		put_string(w, item->setter, SETTER_MAX);
		put_u64(w, (uint64_t)item->set_ms);
	}
	if (item->flags & ITEM_STAMP)
		put_stamp(w, item->stamp);
}

static bool item_valid(struct applying *a, const struct item *item)
{
	if (gw_letter(item->letter) == 0 || item->flags >= ITEM_STAMP << 1)
		return false;
	if (stamp_none(item->stamp) || !timely(a, item->stamp.clock))
		return false;
	if (item->flags & ITEM_PREFIX)
		return item->prefix < N_PREFIXES && !stamp_none(item->member);
	if (item->param == NULL)
		return !(item->flags & ITEM_LIST);
	return item->param[0] != '\0' && strchr(item->param, ' ') == NULL;
}

bool item_get(struct applying *a, struct item *item)
{
	struct reader *r = &a->body;

	*item = (struct item){.letter = (char)get_u8(r), .stamp = a->stamp};
	item->flags = get_u8(r);
	if (item->flags & ITEM_PREFIX) {
		item->session = get_u64(r);
		item->member = get_stamp(r);
		item->prefix = get_u8(r);
	}
	if (item->flags & ITEM_PARAM)
		item->param = get_string(r, PARAM_MAX);
	if (item->flags & ITEM_SETTER) {
		item->setter = get_string(r, SETTER_MAX);
		item->set_ms = (int64_t)get_u64(r);
	}
	if (item->flags & ITEM_STAMP)
		item->stamp = get_stamp(r);
	return !r->bad && item_valid(a, item);
}

void change_add(struct applying *a, const struct gw_mode_change *change)
{
	if (a->n_changes == a->changes_room) {
		a->changes_room = a->changes_room == 0 ? 16 : 2 * a->changes_room;
		a->changes = (struct gw_mode_change *)gw_resize(
			a->net->self, a->changes, a->changes_room * sizeof(*a->changes));
	}
	a->changes[a->n_changes++] = *change;
}

void changes_flush(struct applying *a, struct chan *chan, struct gw_session *by)
{
	struct gw_event event = a->event;

	event.kind = GW_EV_MODE;
	event.source = by;
	event.channel = &chan->pub;
	for (size_t done = 0; done < a->n_changes; done += event.n_modes) {
		event.modes = a->changes + done;
		event.n_modes = a->n_changes - done < CHANGES_PER_EVENT ? a->n_changes - done
		                                                        : CHANGES_PER_EVENT;
		publish(a->net, &event);
	}
	a->n_changes = 0;
}

struct mode_cell *life_cell(const struct life *life, char letter)
{
	for (uint32_t i = 0; i < life->n_cells; i++) {
		if (life->cells[i].letter == letter)
			return &life->cells[i];
	}
	return NULL;
}

static struct mode_cell *cell_get(struct network *net, struct life *life, char letter)
{
	struct mode_cell *cell = life_cell(life, letter);

	if (cell != NULL)
		return cell;
	life->cells = (struct mode_cell *)gw_resize(net->self, life->cells,
	                                            (life->n_cells + 1) * sizeof(*life->cells));
	cell = &life->cells[life->n_cells++];
	*cell = (struct mode_cell){.letter = letter};
	return cell;
}

static bool same_param(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A letter with or without a parameter. Returns whether anything can be seen of it. */
static bool letter_apply(struct network *net, struct life *life, const struct item *item)
{
	bool add = (item->flags & ITEM_ADD) != 0;
	const char *param = add ? item->param : NULL;
	struct mode_cell *cell = cell_get(net, life, item->letter);
	bool shown = cell->set != add || !same_param(cell->param, param);

	if (!stamp_wins(item->stamp, cell->stamp))
		return false;
	net->edits += gw_stamp_cmp(item->stamp, cell->stamp) != 0;
	cell->stamp = item->stamp;
	cell->set = add;
	if (shown) {
		if (cell->param != NULL)
			gw_free(net->self, cell->param);
		cell->param = param == NULL ? NULL : gw_strdup(net->self, param);
	}
	return shown;
}

static struct gw_list_entry *entry_find(const struct life *life, char letter, const char *mask,
                                        uint32_t *n_out)
{
	struct gw_list_entry *entry, *found = NULL;

	*n_out = 0;
	DL_FOREACH (life->lists, entry) {
		++*n_out;
		if (found == NULL && entry->letter == letter && same(NULL, entry->mask, mask))
			found = entry;
	}
	return found;
}

void entry_free(struct network *net, struct life *life, struct gw_list_entry *entry)
{
	life->tombstones -= entry->gone;
	DL_DELETE(life->lists, entry);
	gw_free(net->self, entry);
}

/* The entry and its texts are one block. */
static struct gw_list_entry *entry_new(struct network *net, const struct item *item)
{
	const char *setter = item->setter == NULL ? "" : item->setter;
	size_t n = strlen(item->param) + 1;
	struct gw_list_entry *entry = (struct gw_list_entry *)gw_alloc(
		net->self, sizeof(*entry) + n + strlen(setter) + 1);
	char *texts = (char *)(entry + 1);

	memcpy(texts, item->param, n);
	strcpy(texts + n, setter);
	entry->mask = texts;
	entry->setter = texts + n;
	entry->set_ms = item->set_ms;
	entry->stamp = item->stamp;
	entry->letter = item->letter;
	entry->gone = !(item->flags & ITEM_ADD);
	return entry;
}

static void tombstones_bound(struct network *net, struct life *life)
{
	struct gw_list_entry *entry, *oldest = NULL;

	if (life->tombstones <= TOMBSTONES_MAX)
		return;
	DL_FOREACH (life->lists, entry) {
		if (entry->gone &&
		    (oldest == NULL || gw_stamp_cmp(entry->stamp, oldest->stamp) < 0))
			oldest = entry;
	}
	entry_free(net, life, oldest);
}

static bool entry_apply(struct network *net, struct life *life, const struct item *item)
{
	uint32_t n;
	struct gw_list_entry *old = entry_find(life, item->letter, item->param, &n), *entry;
	bool was = old != NULL && !old->gone;

	if ((old != NULL && !stamp_wins(item->stamp, old->stamp)) ||
	    (old == NULL && n >= ENTRIES_MAX))
		return false;
	net->edits += old == NULL || gw_stamp_cmp(item->stamp, old->stamp) != 0;
	entry = entry_new(net, item);
	if (old == NULL) {
		DL_APPEND(life->lists, entry);
	} else {
		life->tombstones -= old->gone;
		DL_REPLACE_ELEM(life->lists, old, entry);
		gw_free(net->self, old);
	}
	life->tombstones += entry->gone;
	tombstones_bound(net, life);
	return was != ((item->flags & ITEM_ADD) != 0);
}

/* A prefix belongs to a membership under a life; if it is not here, it is put aside. */
static void prefix_apply(struct applying *a, struct chan *chan, struct life *life,
                         const struct item *item)
{
	struct network *net = a->net;
	struct person *p = person_find(net, item->session);
	struct seat *seat = p == NULL ? NULL : seat_named(p, item->member);
	bool add = (item->flags & ITEM_ADD) != 0;

	if (seat != NULL && seat->pub.channel != &chan->pub)
		return;
	if (seat != NULL && seat->life == life) {
		seat_touch(net, seat, item->prefix, add, item->stamp);
	} else if (seat != NULL || net->linked) {
		stray_touch(net, stray_get(net, item->session, item->member, life->created),
		            item->prefix, add, item->stamp);
	}
	if (seat != NULL)
		seat_show(a, seat);
}

void item_apply(struct applying *a, struct chan *chan, struct life *life, const struct item *item)
{
	bool shown;

	if (item->flags & ITEM_PREFIX) {
		prefix_apply(a, chan, life, item);
		return;
	}
	if (item->flags & ITEM_LIST)
		shown = entry_apply(a->net, life, item);
	else
		shown = letter_apply(a->net, life, item);
	if (shown && chan->current == life)
		change_add(a, &(struct gw_mode_change){.letter = item->letter,
		                                       .add = (item->flags & ITEM_ADD) != 0,
		                                       .param = item->param});
}

char prefix_letter(const struct network *net, unsigned prefix)
{
	for (size_t i = 0; i < net->n_chanmodes; i++) {
		const struct gw_chanmode *row = &net->chanmodes[i].pub;

		if (row->type == GW_MODE_PREFIX && row->bit == 1u << prefix)
			return row->name[0];
	}
	return "vhoaq"[prefix];
}
