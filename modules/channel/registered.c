/*
 * modules/channel/registered.c - registered channels: what services know of those that are in use.
 *
 * An entity of class C has the claim of its name, its founder, an access list, and the modes, topic
 * and lists that outlive an empty channel. Here they are read; save.c and manage.c write them.
 */
#include "private.h"

#include <errno.h>
#include <godwit/parts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWEEP_NS (300 * GW_SECOND)
#define SETTER_MAX (GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + 2) /* nick!ident@host */

struct registered *channel_registered_by_id(struct channel_state *c, struct gw_id id)
{
	struct gw_self *self = c->self;
	struct registered *r;

	HASH_FIND(hh, c->registered, &id, sizeof(id), r);
	return r;
}

struct registered *channel_registered(struct channel_state *c, const struct gw_channel *channel)
{
	return gw_id_none(channel->registered) ? NULL
	                                       : channel_registered_by_id(c, channel->registered);
}

uint8_t channel_access_status(const struct registered *r, struct gw_id account)
{
	uint8_t status = 0;

	if (gw_id_is(r->founder, account))
		return GW_OWNER | GW_OP;
	for (uint32_t i = 0; i < r->n_access; i++)
		if (gw_id_is(r->access[i].account, account))
			status = r->access[i].status;
	return status > GW_OP ? status | GW_OP : status;
}

void channel_registered_forget(struct channel_state *c, struct registered **r)
{
	struct gw_self *self = c->self;

	HASH_DEL(c->registered, *r);
	gw_free(self, (*r)->access);
	gw_free(self, *r);
	*r = NULL;
}

void channel_registered_free(struct channel_state *c)
{
	struct registered *r, *next;

	HASH_ITER (hh, c->registered, r, next) {
		struct registered *gone = r;

		channel_registered_forget(c, &gone);
	}
}

static void take_access(struct channel_state *c, struct registered *r, const struct gw_cell *cell)
{
	struct access *entry;
	char letters[8];

	if (r->n_access == ACCESS_MAX || !gw_part_text(cell->value, 0, letters, sizeof(letters)))
		return;
	r->access = gw_resize(c->self, r->access, (r->n_access + 1) * sizeof(*r->access));
	entry = &r->access[r->n_access++];
	memset(entry, 0, sizeof(*entry));
	entry->account = gw_id_from(cell->sub);
	for (const struct gw_chanmode *mode = channel_modes; mode->type == GW_MODE_PREFIX; mode++)
		if (strchr(letters, mode->name[0]) != NULL)
			entry->status |= mode->bit;
	gw_part_text(cell->value, 1, entry->name, sizeof(entry->name));
}

/* The display form is the third part of a claim. */
static bool name_of(const struct gw_entity *entity, char *out, size_t max)
{
	const struct gw_cell *claim = gw_entity_cell(entity, GW_F_NAME, NULL, 0);

	return claim != NULL && gw_part_text(claim->value, 2, out, max);
}

struct registered *channel_registered_take(struct channel_state *c, const struct gw_entity *entity)
{
	const struct gw_cell *core = gw_entity_cell(entity, GW_F_CORE, NULL, 0);
	const struct gw_cell *founder = gw_entity_cell(entity, GW_F_FOUNDER, NULL, 0);
	struct registered *r = channel_registered_by_id(c, entity->id);
	const struct gw_cell *claim;
	struct gw_self *self = c->self;
	char name[GW_CHANNEL_MAX + 1];
	struct gw_blob id = {NULL, 0};

	if (!name_of(entity, name, sizeof(name)))
		return NULL;
	if (r == NULL) {
		r = gw_alloc(self, sizeof(*r));
		r->id = entity->id;
		HASH_ADD(hh, c->registered, id, sizeof(r->id), r);
	}
	snprintf(r->name, sizeof(r->name), "%s", name);
	snprintf(r->shown, sizeof(r->shown), "%s", entity->shown != NULL ? entity->shown : name);
	claim = gw_entity_cell(entity, GW_F_NAME, NULL, 0);
	r->beaten = claim->beaten;
	r->claim =
		(struct gw_stamp){gw_part_u64(claim->value, 0, 0), gw_part_u64(claim->value, 1, 0)};
	r->told &= r->beaten;
	r->since_ms = core != NULL ? gw_part_u64(core->value, 1, 0) : 0;
	r->founder = (struct gw_id){0, 0};
	r->founder_name[0] = '\0';
	if (founder != NULL && gw_part(founder->value, 0, &id)) {
		r->founder = gw_id_from(id);
		gw_part_text(founder->value, 1, r->founder_name, sizeof(r->founder_name));
	}
	gw_free(self, r->access);
	r->access = NULL;
	r->n_access = 0;
	for (size_t i = 0; i < entity->n; i++)
		if (entity->cells[i].field == GW_F_ACCESS)
			take_access(c, r, &entity->cells[i]);
	return r;
}

/* What a restored channel is made of; strings are kept here while the network copies them. */
struct restoring {
	struct gw_mode_change modes[64 + LIST_ENTRIES_MAX];
	struct gw_stamp stamps[64 + LIST_ENTRIES_MAX];
	const char *setters[64 + LIST_ENTRIES_MAX];
	int64_t set_ms[64 + LIST_ENTRIES_MAX];
	char masks[LIST_ENTRIES_MAX][MASK_MAX + 1], names[LIST_ENTRIES_MAX][SETTER_MAX + 1];
	char text[160], topic[GW_TOPIC_MAX + 1], topic_setter[SETTER_MAX + 1];
	size_t n, n_masks;
};

static void add_mode(struct restoring *in, char letter, const char *param, struct gw_stamp stamp)
{
	in->modes[in->n] = (struct gw_mode_change){.letter = letter, .add = true, .param = param};
	in->stamps[in->n] = stamp;
	in->setters[in->n] = "";
	in->n++;
}

/* "+ntkl key 5" */
static void take_modes(struct restoring *in, const struct gw_cell *cell)
{
	char *rest = in->text, *letters;

	if (!gw_part_text(cell->value, 0, in->text, sizeof(in->text)))
		return;
	letters = strsep(&rest, " ");
	for (const char *l = letters + (*letters == '+'); *l != '\0' && in->n < 64; l++) {
		const char *param = NULL;

		if (*l == 'k' || *l == 'l') {
			param = rest != NULL ? strsep(&rest, " ") : NULL;
			if (param == NULL)
				continue;
		}
		add_mode(in, *l, param, cell->stamp);
	}
}

static void take_list_entry(struct restoring *in, const struct gw_cell *cell)
{
	size_t i = in->n_masks;

	if (i == LIST_ENTRIES_MAX || cell->sub.n == 0 ||
	    !gw_part_text(cell->value, 0, in->masks[i], sizeof(in->masks[i])))
		return;
	gw_part_text(cell->value, 1, in->names[i], sizeof(in->names[i]));
	in->n_masks++;
	add_mode(in, *(const char *)cell->sub.p, in->masks[i], cell->stamp);
	in->setters[in->n - 1] = in->names[i];
	in->set_ms[in->n - 1] = (int64_t)gw_part_u64(cell->value, 2, 0);
}

static void take_cells(struct restoring *in, const struct gw_entity *entity,
                       struct gw_channel_spec *spec)
{
	for (size_t i = 0; i < entity->n; i++) {
		const struct gw_cell *cell = &entity->cells[i];

		if (cell->field == GW_F_MODES) {
			take_modes(in, cell);
		} else if (cell->field == GW_F_LIST) {
			take_list_entry(in, cell);
		} else if (cell->field == GW_F_TOPIC &&
		           gw_part_text(cell->value, 0, in->topic, sizeof(in->topic)) &&
		           in->topic[0] != '\0') {
			gw_part_text(cell->value, 1, in->topic_setter, sizeof(in->topic_setter));
			spec->topic = in->topic;
			spec->topic_setter = in->topic_setter;
			spec->topic_ms = (int64_t)gw_part_u64(cell->value, 2, 0);
			spec->topic_stamp = cell->stamp;
		}
	}
}

int channel_restore(struct channel_state *c, const struct gw_entity *entity,
                    struct gw_channel **channel_out)
{
	struct registered *r = channel_registered_take(c, entity);
	struct gw_channel_spec spec = {.registered = entity->id};
	struct restoring *in;
	int status;

	if (r == NULL)
		return -EILSEQ;
	if (r->beaten) /* another registration owns the name by now */
		return -ESTALE;
	in = gw_alloc(c->self, sizeof(*in));
	take_cells(in, entity, &spec);
	spec.name = r->name;
	spec.created = (struct gw_stamp){entity->id.clock, entity->id.origin};
	spec.claim = r->claim;
	spec.modes = in->modes;
	spec.mode_stamps = in->stamps;
	spec.setters = in->setters;
	spec.set_ms = in->set_ms;
	spec.n_modes = in->n;
	status = NETWORK(c, make_channel, &spec, channel_out);
	gw_free(c->self, in);
	return status;
}

void channel_sweep(void *state, uint64_t tag)
{
	struct channel_state *c = state;
	struct registered *r, *next;

	(void)tag;
	HASH_ITER (hh, c->registered, r, next) {
		const struct gw_channel *channel = NETWORK(c, channel, r->name);
		struct registered *gone = r;

		if (channel == NULL || !gw_id_is(channel->registered, r->id))
			channel_registered_forget(c, &gone);
	}
	gw_timer_set(c->sweep, c->self, SWEEP_NS);
}
