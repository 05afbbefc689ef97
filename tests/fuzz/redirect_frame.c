/*
 * Fuzz target: a server whose sessions move hither and thither, and what other servers and clients
 * say meanwhile: raw and well-formed messages of the right and of the wrong ones, lines, events,
 * ends of connections and of links, in any order.
 *
 * The input is a run of acts, a byte each and what they need behind it. The rig's fakes end the
 * program at a call that their contracts forbid; behind each act all that refers to another is
 * looked at, and at the end nothing may be left.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/redirect_rig.h"
#include <errno.h>

#define ACTS_MAX 400
#define HOLD 8192
#define INPUT 1024

struct input {
	const uint8_t *at, *end;
	struct redirect_rig *rig;
	uint64_t next_session;
};

static uint8_t byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* --- picking --- */

static struct fake_session *pick_session(struct input *in)
{
	size_t from = byte(in);

	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (in->rig->sessions[(from + i) % SESSIONS_MAX] != NULL)
			return in->rig->sessions[(from + i) % SESSIONS_MAX];
	return NULL;
}

static struct fake_client *pick_client(struct input *in)
{
	size_t from = byte(in);

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (in->rig->clients[(from + i) % CLIENTS_MAX] != NULL)
			return in->rig->clients[(from + i) % CLIENTS_MAX];
	return NULL;
}

/* An attempt's id, or none's. */
static void pick_id(struct input *in, uint8_t id[ID_BYTES])
{
	unsigned n = byte(in);

	memset(id, (int)n, ID_BYTES);
	for (struct source *s = in->rig->st->sources; s != NULL; s = s->by_session.next)
		if (n-- == 0)
			memcpy(id, s->id, ID_BYTES);
	for (struct recipient *r = in->rig->st->recipients; r != NULL; r = r->by_session.next)
		if (n-- == 0)
			memcpy(id, r->id, ID_BYTES);
}

/* The run of the other server of that attempt; 0: there is none. */
static uint64_t peer_of(const struct redirect_rig *rig, const uint8_t id[ID_BYTES])
{
	const struct recipient *r = recipient_by_id(rig->st, id);

	for (struct source *s = rig->st->sources; s != NULL; s = s->by_session.next)
		if (memcmp(s->id, id, ID_BYTES) == 0)
			return s->to;
	return r != NULL ? r->from : 0;
}

static bool room(const struct redirect_rig *rig)
{
	size_t clients = 0, sessions = 0;

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		clients += rig->clients[i] != NULL;
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		sessions += rig->sessions[i] != NULL;
	return clients + 2 < CLIENTS_MAX && sessions + 2 < SESSIONS_MAX;
}

static uint64_t pick_other(struct input *in)
{
	return RUN_NEAR + byte(in) % 3;
}

/* --- what is always so --- */

static void sources_fit(const struct redirect_rig *rig)
{
	for (struct source *s = rig->st->sources; s != NULL; s = s->by_session.next) {
		const struct fake_session *session =
			rig_find_session((struct redirect_rig *)(uintptr_t)rig, s->session);
		const struct fake_client *c = session != NULL ? session->client : NULL;

		FUZZ_CHECK(session != NULL && session->pub.local);
		FUZZ_CHECK(s->gone || (c != NULL && c->pub.id == s->client));
		FUZZ_CHECK(!s->gone || s->state == SOURCE_CUTTING);
		if (s->gone || c->closed)
			continue;
		FUZZ_CHECK(c->tapped == (s->state >= SOURCE_BARRIER));
		FUZZ_CHECK(c->divert == s->sink);
		FUZZ_CHECK((s->sink != NULL) == (s->state >= SOURCE_SYNCING));
		FUZZ_CHECK(session->pub.moving == (s->state >= SOURCE_SYNCING));
	}
}

static size_t recipients_fit(const struct redirect_rig *rig)
{
	size_t shadows = 0;

	for (struct recipient *r = rig->st->recipients; r != NULL; r = r->by_session.next) {
		shadows += r->shadow != NULL;
		FUZZ_CHECK((r->state == RECIPIENT_HEIR) == (r->sink == NULL));
		FUZZ_CHECK(r->state != RECIPIENT_HEIR || r->shadow == NULL);
		FUZZ_CHECK(r->cut.bytes <= 2 * LINES_MAX);
		FUZZ_CHECK(r->kept.bytes < INPUT + 1024);
		FUZZ_CHECK(r->due != NULL || r->hold.bytes <= HOLD);
	}
	return shadows;
}

/* Nobody's lines go to a record that is not there. */
static bool has_record(const struct redirect_rig *rig, const struct fake_client *c)
{
	for (struct source *s = rig->st->sources; s != NULL; s = s->by_session.next)
		if (s->client == c->pub.id)
			return true;
	for (struct recipient *r = rig->st->recipients; r != NULL; r = r->by_session.next)
		if (r->newcomer == c->pub.id)
			return true;
	return false;
}

static void all_fits(struct redirect_rig *rig)
{
	FUZZ_CHECK(HASH_CNT(by_id, rig->st->source_ids) == HASH_CNT(by_session, rig->st->sources));
	FUZZ_CHECK(HASH_CNT(by_id, rig->st->recipient_ids) ==
	           HASH_CNT(by_session, rig->st->recipients));
	sources_fit(rig);
	FUZZ_CHECK(recipients_fit(rig) == rig->n_shadows);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (rig->clients[i] != NULL && rig->clients[i]->tapped && !rig->clients[i]->closed)
			FUZZ_CHECK(has_record(rig, rig->clients[i]));
}

/* --- messages --- */

static void part(struct input *in, struct gw_parts *parts)
{
	static const uint8_t zeros[65535];
	uint8_t bytes[512], kind = byte(in), n = byte(in);
	size_t len = n < in->end - in->at ? n : (size_t)(in->end - in->at);

	switch (kind % 8) {
	case 0:
		gw_parts_u64(parts, n);
		break;
	case 1:
		gw_parts_u64(parts, UINT64_MAX - n);
		break;
	case 2:
		gw_parts_add(parts, zeros, n * 257);
		break;
	case 3:
		gw_parts_add(parts, bytes,
		             rig_snapshot(bytes, sizeof(bytes), n & 1 ? "cap-a" : "cap-b cap-a",
		                          n & 2 ? "data" : NULL));
		break;
	case 4:
		gw_parts_add(parts, zeros, TOKEN_BYTES);
		break;
	case 5:
		gw_parts_text(parts, n & 1 ? "host.example" : n & 2 ? "6697" : "-");
		break;
	case 6:
		gw_parts_add(parts, &n, 1);
		break;
	default:
		gw_parts_add(parts, in->at, len);
		in->at += len;
	}
}

/* From a server that is not behind its link nothing changes anything, nor is answered; an unknown
 * id is none but in NOTIFY, and may be answered. */
static void send(struct input *in, const void *body, size_t n, uint64_t via, bool forged,
                 bool unknown)
{
	char *before = strdup(rig_picture(in->rig));

	rig_notes(in->rig);
	FUZZ_CHECK(rig_frame(in->rig, body, n, via) == 0);
	if (forged || unknown)
		FUZZ_CHECK(strcmp(rig_picture(in->rig), before) == 0);
	if (forged)
		FUZZ_CHECK(rig_notes(in->rig)[0] == '\0');
	free(before);
}

static void act_message(struct input *in)
{
	static const uint64_t vias[] = {VIA_NEAR, VIA_OTHER, 0, 99};
	struct rig_message m;
	uint8_t id[ID_BYTES], number = byte(in) % 11, how = byte(in);
	uint64_t peer, from, right, via;

	pick_id(in, id);
	peer = peer_of(in->rig, id);
	from = how & 1 && peer != 0 ? peer : byte(in) % 6;
	right = from >= RUN_NEAR && from <= RUNS ? in->rig->nodes[from].via : 0;
	via = how & 2 ? right : vias[byte(in) % 4];
	rig_begin(&m, number, id, from);
	for (unsigned n = byte(in) % 8; n > 0; n--)
		part(in, &m.parts);
	send(in, m.bytes, m.parts.n, via,
	     right == 0 || via != right || in->rig->nodes[from].run == 0,
	     number != MESSAGE_NOTIFY && peer != from);
}

static void act_raw(struct input *in)
{
	uint64_t via = byte(in) & 1 ? VIA_NEAR : VIA_OTHER;
	size_t n = byte(in), left = (size_t)(in->end - in->at);

	n = n < left ? n : left;
	send(in, in->at, n, via, false, false);
	in->at += n;
}

static void act_notify(struct input *in)
{
	struct fake_session *s = pick_session(in);
	uint64_t from = pick_other(in);
	uint8_t id[ID_BYTES];

	if (s == NULL)
		return;
	pick_id(in, id);
	if (byte(in) & 1) {
		s->pub.shadow = s->pub.local ? 0 : RUN_HERE;
		memcpy(s->attempt, id, ID_BYTES);
	}
	rig_notify(in->rig, s->pub.id, id, from);
}

static void act_cut(struct input *in)
{
	uint8_t id[ID_BYTES];
	uint64_t from;

	pick_id(in, id);
	from = peer_of(in->rig, id);
	if (from != 0)
		rig_cut(in->rig, id, from, pick_other(in), byte(in));
}

/* --- clients --- */

static void act_line(struct input *in)
{
	static const char *const words[] = {"HANDOVER", "SWAP",    "SYNCED", "REFUSE",
	                                    "MOVE",     "REQUEST", "CANCEL", ""};
	struct fake_client *c = pick_client(in);
	uint8_t id[ID_BYTES], how = byte(in);
	char text[ID_TEXT], line[200];

	pick_id(in, id);
	id_text(id, text);
	if (how & 8)
		snprintf(line, sizeof(line), "PRIVMSG #a :%d", how);
	else
		snprintf(line, sizeof(line), "REDIRECT %s %s %s", words[how & 7],
		         how & 16 ? "AAAA" : text, how & 32 ? text : "");
	if (c != NULL)
		rig_says(in->rig, c, line);
}

static void act_handover(struct input *in)
{
	struct recipient *r = in->rig->st->recipients;

	for (unsigned n = byte(in); n > 0 && r != NULL && r->by_session.next != NULL; n--)
		r = r->by_session.next;
	if (r != NULL && room(in->rig))
		rig_handover(in->rig, rig_newcomer(in->rig, "192.0.2.3"), r);
}

static void act_close(struct input *in)
{
	struct fake_client *c = pick_client(in);

	if (c != NULL)
		rig_close(in->rig, c);
}

static void act_begin_source(struct input *in)
{
	uint64_t to = pick_other(in);
	uint8_t state = byte(in) % 5;

	if (room(in->rig) && in->rig->nodes[to].run != 0 && in->rig->route_status == 0)
		rig_source(in->rig, in->next_session++, to, (enum source_state)state);
}

static void act_begin_recipient(struct input *in)
{
	uint64_t from = pick_other(in);
	uint8_t state = byte(in) % 3;

	if (room(in->rig) && in->rig->nodes[from].run != 0)
		rig_recipient(in->rig, in->next_session++, from, (enum recipient_state)state);
}

static void act_cancel(struct input *in)
{
	const struct fake_session *s = pick_session(in);
	struct source *source = s != NULL ? source_of(in->rig->st, s->pub.id) : NULL;

	if (source != NULL && source->state != SOURCE_CUTTING)
		source_resume_later(in->rig->st, source, GW_MOVE_DENIED, "as told");
}

/* --- the network --- */

static void act_output(struct input *in)
{
	const struct fake_session *s = pick_session(in);
	char text[600];
	size_t n = 2 * byte(in);

	memset(text, 'x', n);
	text[n] = '\0';
	if (s != NULL)
		rig_line(in->rig, s->pub.id, text);
}

static void act_event(struct input *in)
{
	static const uint32_t kinds[] = {GW_EV_JOIN, GW_EV_PART, GW_EV_KICK, GW_EV_MESSAGE};
	struct fake_session *s = pick_session(in);
	struct gw_channel channel = {.name = byte(in) & 1 ? "#a" : "#b"};
	struct gw_member member = {.channel = &channel};
	uint64_t run = 1 + byte(in) % RUNS;
	struct gw_event event = {.kind = kinds[byte(in) % 4],
	                         .origin = run,
	                         .seq = byte(in),
	                         .node = &in->rig->nodes[run],
	                         .channel = &channel,
	                         .member = &member};

	if (s == NULL)
		return;
	event.source = member.session = &s->pub;
	rig_event(in->rig, &event, "seen");
}

/* The recipient's MOVE has come, or that of the other part of the network. */
static void act_moved(struct input *in)
{
	struct fake_session *s = pick_session(in);
	uint64_t to = pick_other(in);
	struct gw_event event = {.kind = GW_EV_MOVE, .origin = to, .seq = 1};

	if (s == NULL || in->rig->nodes[to].run == 0 || s->pub.home->run == to)
		return;
	event.source = &s->pub;
	event.node = &in->rig->nodes[to];
	event.from = s->pub.home;
	s->pub.home = event.node;
	s->pub.local = s->pub.moving = false;
	s->pub.epoch++;
	s->pub.shadow = 0;
	rig_event(in->rig, &event, NULL);
	rig_unshown(in->rig, s);
}

static void act_shadow_ends(struct input *in)
{
	struct fake_session *s = pick_session(in);

	if (s == NULL || s->pub.local || s->pub.shadow != RUN_HERE)
		return;
	s->pub.shadow = 0;
	rig_unshown(in->rig, s);
}

static void act_quit(struct input *in)
{
	const struct fake_session *s = pick_session(in);

	if (s != NULL)
		rig_quit(in->rig, s->pub.id);
}

static void act_split(struct input *in)
{
	rig_split(in->rig, byte(in) & 1 ? RUN_NEAR : RUN_OTHER);
}

static void act_time(struct input *in)
{
	mini_run(in->rig->mini, byte(in) * GW_SECOND / 4);
	rig_turns(in->rig);
}

static void act_turns(struct input *in)
{
	rig_turns(in->rig);
}

static void act_switch(struct input *in)
{
	uint8_t what = byte(in);
	struct fake_client *c = pick_client(in);

	in->rig->no_adopt = what & 1;
	in->rig->route_status = what & 2 ? -ENOTCONN : 0;
	in->rig->room = what & 4 ? 0 : 1000;
	in->rig->plain_only = what & 8;
	if (c != NULL)
		c->busy = what & 16;
}

static void (*const acts[])(struct input *) = {
	act_message,  act_raw,   act_notify, act_cut,          act_line,
	act_handover, act_close, act_cancel, act_begin_source, act_begin_recipient,
	act_output,   act_event, act_moved,  act_quit,         act_shadow_ends,
	act_split,    act_time,  act_turns,  act_switch,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size, redirect_rig_new(), 100};

	in.rig->st->settings.hold = HOLD;
	in.rig->st->settings.input = INPUT;
	for (int i = 0; i < ACTS_MAX && in.at < in.end; i++) {
		acts[byte(&in) % (sizeof(acts) / sizeof(acts[0]))](&in);
		all_fits(in.rig);
	}
	redirect_rig_free(&in.rig);
	return 0;
}
