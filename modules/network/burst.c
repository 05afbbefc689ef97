/*
 * burst.c - this server's whole live state as records, and those records that only a burst has.
 *
 * They have the form of events (USER, JOIN, CHANNEL, KICK) with the stamps of the events that they
 * stem from, and are merged by the same functions. Four kinds exist in bursts only: a server,
 * prefixes of a membership that is not here, what another module keeps (point "network.burst"),
 * and, last, the vector: who has taken it in has the state that it stands for.
 */
#include "network.h"
#include <errno.h>
#include <utlist.h>

#define RECORD_ROOM 16384 /* of one record: what is larger is cut in several */
#define ITEMS_ROOM 6000   /* bytes of items, after which a new record begins */
#define PART_FULL 16384   /* an export makes a pause after so many bytes */
#define DATA_MAX 8192     /* a record of another module's */

enum phase {
	PHASE_SERVERS,
	PHASE_CHANNELS,
	PHASE_USERS,
	PHASE_STRAYS,
	PHASE_INTERESTS,
	PHASE_DATA,
	PHASE_VECTOR,
	PHASE_END
};

struct part {
	struct network *net;
	gw_burst_emit_fn *emit;
	void *ctx;
	uint64_t via; /* the link that it is for */
	size_t bytes;
	uint8_t record[RECORD_ROOM];
};

static void record_begin(struct part *part, struct writer *w, struct header h,
                         struct gw_stamp stamp)
{
	writer_init(w, NULL, part->record, sizeof(part->record));
	h.flags |= HEADER_BURST | GW_SCOPE_ALL;
	h.flags |= h.source != 0 ? HEADER_SOURCE : 0;
	h.flags |= h.channel != NULL ? HEADER_CHANNEL | HEADER_LIFE : 0;
	h.flags |= h.target != 0 ? HEADER_TARGET : 0;
	h.run = stamp.origin;
	h.clock = stamp.clock;
	put_header(w, &h);
}

static void record_end(struct part *part, struct writer *w)
{
	part->emit(part->ctx, w->p, w->n);
	part->bytes += w->n;
}

static struct gw_stamp stamp_here(struct network *net)
{
	return (struct gw_stamp){gw_clock_next(net->self), net->here->pub.run};
}

/* Whether the server is not behind the link that the burst is for. */
static bool told(const struct part *part, const struct gw_node *node)
{
	return part->via == 0 || node->via != part->via;
}

/* Each behind the one that leads to it. */
static void export_servers(struct part *part)
{
	for (const struct gw_node *node = &part->net->here->pub; node != NULL; node = node->next) {
		struct writer w;

		if (!told(part, node))
			continue;
		record_begin(part, &w, (struct header){.kind = BURST_SERVER},
		             stamp_here(part->net));
		server_put(part->net, &w, server_of(node));
		record_end(part, &w);
	}
}

static void export_interest(struct part *part, const char *channel, const struct server *server)
{
	struct writer w;

	if (!told(part, &server->pub))
		return;
	record_begin(part, &w, (struct header){.kind = KIND_INTEREST, .channel = channel},
	             stamp_here(part->net));
	interest_put(&w, server, true);
	record_end(part, &w);
}

static void export_interests(struct part *part)
{
	const struct interest *entry;

	for (entry = part->net->interests; entry != NULL;
	     entry = (const struct interest *)entry->hh.next) {
		if (entry->count > 0)
			export_interest(part, entry->folded, part->net->here);
		for (uint32_t i = 0; i < entry->n; i++)
			export_interest(part, entry->folded, entry->servers[i]);
	}
}

static void export_user(struct part *part, const struct person *p, const struct gw_node *home,
                        uint32_t epoch)
{
	const struct gw_user *u = &p->user;
	struct writer w;

	record_begin(part, &w, (struct header){.kind = GW_EV_USER, .source = p->session.id},
	             p->came);
	put_u64(&w, home->run);
	put_varint(&w, epoch);
	put_u64(&w, (uint64_t)u->signon_ms);
	put_u8(&w, (uint8_t)(u->secure | 2));
	put_string(&w, p->wanted, GW_NICK_MAX);
	put_u64(&w, u->modes);
	put_string(&w, u->ident, GW_IDENT_MAX);
	put_string(&w, u->host, GW_HOST_MAX);
	put_string(&w, u->realname, GW_REALNAME_MAX);
	put_optional(&w, u->account, GW_NAME_MAX);
	put_optional(&w, u->away, GW_AWAY_MAX);
	put_optional(&w, u->role, GW_NAME_MAX);
	put_u64(&w, u->account_id.clock);
	put_u64(&w, u->account_id.origin);
	put_stamp(&w, p->claim);
	put_stamp(&w, u->nick_stamp);
	for (unsigned i = 0; i < N_FIELDS; i++)
		put_stamp(&w, field_stamp(p, i));
	record_end(part, &w);
}

/** The records of one life: its first carries registrations and topic, all of them items. */
struct life_export {
	struct part *part;
	const struct life *life;
	struct writer items, rest;
	uint8_t room[ITEMS_ROOM];
	uint64_t n;
	bool first;
};

static void life_flush(struct life_export *x)
{
	const struct life *life = x->life;
	const struct registration *registration;
	uint64_t n = 0;
	struct writer w;

	record_begin(x->part, &w,
	             (struct header){
			     .kind = GW_EV_CHANNEL, .channel = life->name, .life = life->created},
	             stamp_here(x->part->net));
	LL_FOREACH (life->registrations, registration)
		n++;
	put_varint(&w, x->first ? n : 0);
	for (registration = life->registrations; x->first && registration != NULL;
	     registration = registration->next) {
		put_u64(&w, registration->id.clock);
		put_u64(&w, registration->id.origin);
		put_stamp(&w, registration->claim);
		put_u8(&w, registration->dead);
	}
	put_u8(&w, x->first && !stamp_none(life->topic_stamp));
	if (x->first && !stamp_none(life->topic_stamp)) {
		put_string(&w, life->topic == NULL ? "" : life->topic, GW_TOPIC_MAX);
		put_string(&w, life->topic_setter == NULL ? "" : life->topic_setter, GW_TOPIC_MAX);
		put_u64(&w, (uint64_t)life->topic_ms);
		put_stamp(&w, life->topic_stamp);
	}
	put_varint(&w, x->n);
	put_bytes(&w, x->items.p, x->items.n);
	record_end(x->part, &w);
	x->first = false;
	x->n = 0;
	x->items.n = 0;
}

static void life_item(struct life_export *x, const struct item *item)
{
	if (x->items.n > ITEMS_ROOM - 600)
		life_flush(x);
	item_put(&x->items, item);
	x->n++;
}

static void export_life(struct part *part, const struct life *life)
{
	struct life_export x = {.part = part, .life = life, .first = true};
	const struct gw_list_entry *entry;

	writer_init(&x.items, NULL, x.room, sizeof(x.room));
	for (uint32_t i = 0; i < life->n_cells; i++) {
		const struct mode_cell *cell = &life->cells[i];

		life_item(&x, &(struct item){
				      .letter = cell->letter,
				      .flags = (uint8_t)(ITEM_STAMP | (cell->set ? ITEM_ADD : 0) |
		                                         (cell->param != NULL ? ITEM_PARAM : 0)),
				      .param = cell->param,
				      .stamp = cell->stamp});
	}
	DL_FOREACH (life->lists, entry)
		life_item(&x, &(struct item){.letter = entry->letter,
		                             .flags = (uint8_t)(ITEM_STAMP | ITEM_LIST |
		                                                ITEM_PARAM | ITEM_SETTER |
		                                                (entry->gone ? 0 : ITEM_ADD)),
		                             .param = entry->mask,
		                             .setter = entry->setter,
		                             .set_ms = entry->set_ms,
		                             .stamp = entry->stamp});
	life_flush(&x);
}

static void export_channel(struct part *part, const struct chan *chan)
{
	const struct life *life;

	LL_FOREACH (chan->lives, life)
		export_life(part, life);
}

static void export_member(struct part *part, const struct seat *seat)
{
	struct writer w;

	record_begin(part, &w,
	             (struct header){.kind = GW_EV_JOIN,
	                             .source = seat->pub.session->id,
	                             .channel = seat->life->name,
	                             .life = seat->life->created},
	             seat->pub.stamp);
	put_u8(&w, seat->bits);
	put_u8(&w, seat->touched != NULL);
	for (unsigned i = 0; seat->touched != NULL && i < N_PREFIXES; i++)
		put_stamp(&w, seat->touched[i]);
	record_end(part, &w);
}

static void export_session(struct part *part, const struct person *p, const struct slot *slot)
{
	uint8_t bytes[DATA_MAX];
	size_t n = session_data_export(part->net, slot, &p->session, bytes, sizeof(bytes));
	struct writer w;

	if (n == 0)
		return;
	record_begin(part, &w, (struct header){.kind = BURST_SESSION, .source = p->session.id},
	             stamp_here(part->net));
	put_string(&w, slot->name, GW_NAME_MAX);
	put_varint(&w, slot->version);
	put_bytes(&w, bytes, n);
	record_end(part, &w);
}

/* A user with what modules keep of it, and its memberships. */
static void export_person(struct part *part, const struct person *p, const struct gw_node *home,
                          uint32_t epoch)
{
	const struct gw_member *member;

	export_user(part, p, home, epoch);
	for (size_t i = 0; i < part->net->n_slots; i++)
		export_session(part, p, &part->net->slots[i]);
	DL_FOREACH (p->user.channels, member)
		export_member(part, seat_of(member));
}

void export_session_state(struct network *net, const struct person *p, const struct gw_node *home,
                          uint32_t epoch, gw_burst_emit_fn *emit, void *ctx)
{
	struct part part;

	part.net = net;
	part.emit = emit;
	part.ctx = ctx;
	part.via = 0;
	part.bytes = 0;
	export_person(&part, p, home, epoch);
}

void export_shadow(struct network *net, const struct person *p, gw_burst_emit_fn *emit, void *ctx)
{
	struct part part;
	struct writer w;

	part.net = net;
	part.emit = emit;
	part.ctx = ctx;
	part.via = 0;
	part.bytes = 0;
	record_begin(&part, &w,
	             (struct header){.kind = BURST_SHADOW,
	                             .source = p->session.id,
	                             .target = p->session.shadow},
	             stamp_here(net));
	put_bytes(&w, p->attempt, sizeof(p->attempt));
	record_end(&part, &w);
}

/* A membership that is over, as the KICK that ended it; else its prefixes under a life that it does
 * not belong to. */
static void export_stray(struct part *part, const struct stray *stray)
{
	bool over = stamp_none(stray->key.life);
	struct writer w;

	record_begin(
		part, &w,
		(struct header){.kind = over ? GW_EV_KICK : BURST_STRAY, .target = stray->session},
		stamp_here(part->net));
	put_stamp(&w, stray->key.member);
	if (over) {
		put_string(&w, "", 0);
	} else {
		put_stamp(&w, stray->key.life);
		put_u8(&w, stray->bits);
		for (unsigned i = 0; i < N_PREFIXES; i++)
			put_stamp(&w, stray->stamps[i]);
	}
	record_end(part, &w);
}

static void export_vector(struct part *part)
{
	for (const struct gw_node *node = &part->net->here->pub; node != NULL; node = node->next) {
		struct writer w;

		if (!told(part, node))
			continue;
		record_begin(part, &w, (struct header){.kind = BURST_VECTOR},
		             stamp_here(part->net));
		put_u64(&w, node->run);
		put_u64(&w, server_of(node)->seq);
		put_u64(&w, server_of(node)->clock);
		record_end(part, &w);
	}
}

typedef int export_row_fn(void *state, uint64_t *cursor, void *out, size_t max, size_t *len_out);
typedef int import_row_fn(void *state, const void *in, size_t len, struct gw_error *err);

/* The next record of row `at`, from its own cursor on. False when it has no more. */
static bool export_data(struct part *part, const struct burst_row *row, uint64_t *within)
{
	gw_fn *fn = gw_call_fn(gw_call(row->module, row->export_row, 0));
	uint8_t bytes[DATA_MAX];
	size_t n = 0;
	struct writer w;

	if (fn == NULL ||
	    ((export_row_fn *)fn)(row->module->state, within, bytes, sizeof(bytes), &n) < 0 ||
	    n == 0)
		return false;
	record_begin(part, &w, (struct header){.kind = BURST_DATA}, stamp_here(part->net));
	put_string(&w, row->name, GW_NAME_MAX);
	put_varint(&w, row->version);
	put_bytes(&w, bytes, n);
	record_end(part, &w);
	return true;
}

static void phase_channels(struct part *part, struct gw_burst_cursor *cursor)
{
	const struct chan *chan;

	for (chan = part->net->chans; chan != NULL && part->bytes < PART_FULL;
	     chan = (const struct chan *)chan->hh.next) {
		if (chan->ordinal <= cursor->at)
			continue;
		export_channel(part, chan);
		cursor->at = chan->ordinal;
	}
}

static void phase_users(struct part *part, struct gw_burst_cursor *cursor)
{
	const struct person *p;

	for (p = part->net->people; p != NULL && part->bytes < PART_FULL;
	     p = (const struct person *)p->by_id.next) {
		if (p->ordinal <= cursor->at)
			continue;
		if (told(part, p->session.home))
			export_person(part, p, p->session.home, p->session.epoch);
		cursor->at = p->ordinal;
	}
}

static void phase_data(struct part *part, struct gw_burst_cursor *cursor)
{
	while (cursor->at < part->net->n_bursts && part->bytes < PART_FULL) {
		if (export_data(part, &part->net->bursts[cursor->at], &cursor->within))
			continue;
		cursor->at++;
		cursor->within = 0;
	}
}

static void phase_run(struct part *part, struct gw_burst_cursor *cursor)
{
	const struct stray *stray;

	switch ((enum phase)cursor->phase) {
	case PHASE_SERVERS:
		export_servers(part);
		break;
	case PHASE_CHANNELS:
		phase_channels(part, cursor);
		break;
	case PHASE_USERS:
		phase_users(part, cursor);
		break;
	case PHASE_STRAYS:
		for (stray = part->net->strays; stray != NULL;
		     stray = (const struct stray *)stray->hh.next)
			export_stray(part, stray);
		break;
	case PHASE_INTERESTS:
		export_interests(part);
		break;
	case PHASE_DATA:
		phase_data(part, cursor);
		break;
	case PHASE_VECTOR:
		export_vector(part);
		break;
	case PHASE_END:
		break;
	}
}

bool burst_export(void *network, struct gw_burst_cursor *cursor, gw_burst_emit_fn *emit, void *ctx)
{
	struct part part;

	part.net = (struct network *)network;
	part.emit = emit;
	part.ctx = ctx;
	part.via = cursor->via;
	part.bytes = 0;
	while (cursor->phase < PHASE_END) {
		phase_run(&part, cursor);
		if (part.bytes >= PART_FULL)
			return true;
		*cursor = (struct gw_burst_cursor){.via = cursor->via, .phase = cursor->phase + 1};
	}
	return false;
}

int apply_burst_vector(struct applying *a)
{
	uint64_t run = get_u64(&a->body), seq = get_u64(&a->body), clock = get_u64(&a->body);
	struct server *server = server_find(a->net, run);

	if (!reader_done(&a->body) || !timely(a, clock))
		return -EBADMSG;
	if (server == NULL || server->pub.via != a->via) {
		a->stays = true;
		return way_shades(a->net, a->way, run) ? 0 : -EPERM;
	}
	server->pub.bursting = false;
	doubts_end(a, server);
	if (seq <= server->seq)
		return 0;
	server->seq = seq;
	server->clock = clock;
	return 0;
}

int apply_burst_stray(struct applying *a)
{
	struct reader *r = &a->body;
	struct gw_stamp member = get_stamp(r), life = get_stamp(r), stamps[N_PREFIXES];
	uint8_t bits = get_u8(r);
	struct stray *stray;

	for (unsigned i = 0; i < N_PREFIXES; i++) {
		stamps[i] = get_stamp(r);
		if (!timely(a, stamps[i].clock))
			return -EBADMSG;
	}
	if (!reader_done(r) || stamp_none(member) || stamp_none(life))
		return -EBADMSG;
	stray = stray_get(a->net, a->header.target, member, life);
	for (unsigned i = 0; i < N_PREFIXES; i++) {
		if (!stamp_none(stamps[i]))
			stray_touch(a->net, stray, i, (bits & 1u << i) != 0, stamps[i]);
	}
	stray_settle(a, stray);
	return 0;
}

int apply_burst_data(struct applying *a)
{
	const char *name = get_string(&a->body, GW_NAME_MAX);
	struct network *net = a->net;

	get_varint(&a->body);
	if (a->body.bad)
		return -EBADMSG;
	for (size_t i = 0; i < net->n_bursts; i++) {
		const struct burst_row *row = &net->bursts[i];
		gw_fn *fn = gw_call_fn(gw_call(row->module, row->import_row, 0));
		struct gw_error err = {0};

		if (fn == NULL || strcmp(row->name, name) != 0)
			continue;
		return ((import_row_fn *)fn)(row->module->state, a->body.p,
		                             (size_t)(a->body.end - a->body.p), &err) < 0
		               ? -EBADMSG
		               : 0;
	}
	return -ENOMSG;
}
