/*
 * tests/unit/redirect_rig_drive.c - what a test does to the module redirect, and what it looks at.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/redirect_rig.h"
#include <sodium.h>

extern const struct gw_module redirect_LTX_gw_module;

static const struct gw_call_row no_calls[] = {{NULL, NULL}};

static int fakes_load(struct gw_self *self, void *state, enum gw_load why, struct gw_error *err)
{
	(void)self;
	(void)state;
	(void)why;
	(void)err;
	return 0;
}

static void fakes_unload(struct gw_self *self, void *state, enum gw_unload why)
{
	(void)self;
	(void)state;
	(void)why;
}

static const struct gw_interface_row fake_interfaces[] = {
	{"network", 1, 0, &rig_network},
	{"client", 1, 0, &rig_clients},
	{"link", 1, 0, &rig_link},
	{NULL, 0, 0, NULL},
};

static const struct gw_module fakes_module = {
	.name = "fakes",
	.interfaces = fake_interfaces,
	.calls = no_calls,
	.state_size = sizeof(struct fakes),
	.load = fakes_load,
	.unload = fakes_unload,
};

static void node(struct redirect_rig *rig, uint64_t run, const char *name, uint64_t via)
{
	rig->nodes[run] = (struct gw_node){.name = name,
	                                   .run = run,
	                                   .via = via,
	                                   .here = run == RUN_HERE,
	                                   .direct = run == RUN_NEAR || run == RUN_OTHER};
	rig->seqs[run] = 100;
}

struct redirect_rig *redirect_rig_new(void)
{
	struct redirect_rig *rig = calloc(1, sizeof(*rig));

	FUZZ_CHECK(sodium_init() >= 0);
	rig->mini = mini_new("/nowhere", 1);
	mini_name(rig->mini, "one.example");
	node(rig, RUN_HERE, "one.example", 0);
	node(rig, RUN_NEAR, "near.example", VIA_NEAR);
	node(rig, RUN_FAR, "far.example", VIA_NEAR);
	node(rig, RUN_OTHER, "other.example", VIA_OTHER);
	rig->room = 1000;
	FUZZ_CHECK(mini_load(rig->mini, &fakes_module) == 0);
	((struct fakes *)mini_self(rig->mini, "fakes")->state)->rig = rig;
	FUZZ_CHECK(mini_load(rig->mini, &redirect_LTX_gw_module) == 0);
	rig->self = mini_self(rig->mini, "redirect");
	rig->st = rig->self->state;
	rig_core(rig);
	return rig;
}

void redirect_rig_free(struct redirect_rig **handle)
{
	struct redirect_rig *rig = *handle;

	*handle = NULL;
	rig_turns(rig);
	mini_unload(rig->mini, "redirect");
	FUZZ_CHECK(rig->n_bufs == 0 && rig->n_sinks == 0 && rig->n_shadows == 0);
	mini_free(&rig->mini);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (rig->clients[i] != NULL)
			rig_free_client(rig->clients[i]);
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		free(rig->sessions[i]);
	rig_add(&rig->notes, NULL);
	rig_add(&rig->logged, NULL);
	rig_add(&rig->picture, NULL);
	free(rig);
}

/* --- the world --- */

struct fake_session *rig_find_session(struct redirect_rig *rig, uint64_t id)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (rig->sessions[i] != NULL && rig->sessions[i]->pub.id == id)
			return rig->sessions[i];
	return NULL;
}

struct fake_session *rig_session(struct redirect_rig *rig, uint64_t id, uint64_t home)
{
	struct fake_session *s = calloc(1, sizeof(*s));
	size_t i = 0;

	snprintf(s->nick, sizeof(s->nick), "nick%d", (int)id);
	s->user = (struct gw_user){.session = &s->pub, .nick = s->nick};
	s->pub = (struct gw_session){
		.id = id, .local = home == RUN_HERE, .user = &s->user, .home = &rig->nodes[home]};
	while (rig->sessions[i] != NULL)
		i++;
	FUZZ_CHECK(i < SESSIONS_MAX);
	rig->sessions[i] = s;
	return s;
}

struct fake_client *rig_newcomer(struct redirect_rig *rig, const char *address)
{
	struct fake_client *c = calloc(1, sizeof(*c));
	size_t i = 0;

	c->conn.info = (struct gw_conn_info){.address = address, .tls = true, .has_binding = true};
	memset(c->conn.info.binding, 'b', BINDING_BYTES);
	c->pub.conn = &c->conn;
	c->pub.info = &c->conn.info;
	c->pub.nick = "*";
	while (rig->clients[i] != NULL)
		i++;
	FUZZ_CHECK(i < CLIENTS_MAX);
	c->pub.id = NEWCOMER_FIRST + rig->n_newcomers++;
	rig->clients[i] = c;
	return c;
}

struct fake_client *rig_client(struct redirect_rig *rig, uint64_t session)
{
	struct fake_session *s = rig_session(rig, session, RUN_HERE);
	struct fake_client *c = rig_newcomer(rig, "192.0.2.1");

	c->pub.state = GW_CONNECTED;
	c->pub.caps = CAP_BIT;
	c->pub.session = &s->pub;
	c->pub.nick = s->nick;
	s->user.secure = true;
	s->pub.sink = &c->conn.sink;
	s->client = c;
	return c;
}

bool rig_says(struct redirect_rig *rig, struct fake_client *c, const char *line)
{
	char text[512], *save = NULL;
	struct gw_message m = {.command = ""};
	struct gw_line raw = {.text = text, .len = strlen(line)};
	gw_tap_line_fn *fn;

	if (c->closed || c->stopped)
		return false;
	snprintf(text, sizeof(text), "%s", line);
	m.command = strtok_r(text, " ", &save);
	while (m.command != NULL && m.argc < GW_ARGS_MAX &&
	       (m.argv[m.argc] = strtok_r(NULL, " ", &save)) != NULL)
		m.argc++;
	if (!c->tapped) {
		redirect_command(rig->st, &c->pub, &m);
		return true;
	}
	raw.text = strdup(line);
	fn = (gw_tap_line_fn *)gw_call_fn(gw_call(c->tap.module, c->tap.line, 0));
	c->stopped = fn(rig->st, c->tap.tag, &c->pub, &raw, m.command != NULL ? &m : NULL) ==
	             GW_LINE_STOP;
	free(raw.text);
	return true;
}

void rig_line(struct redirect_rig *rig, uint64_t session, const char *text)
{
	struct fake_session *s = rig_find_session(rig, session);
	struct gw_buf *buf;

	if (s == NULL || s->pub.sink == NULL)
		return;
	buf = gw_buf_new(rig->self, strlen(text) + 2);
	memcpy(buf->data, text, strlen(text));
	memcpy(buf->data + strlen(text), "\r\n", 2);
	gw_sink_write_buf(rig->self, s->pub.sink, buf);
	gw_buf_unref(rig->self, &buf);
}

void rig_event(struct redirect_rig *rig, struct gw_event *event, const char *text)
{
	const struct gw_event *outer = rig->current;

	rig->current = event;
	rig->notifying++;
	for (size_t i = 0; text != NULL && i < SESSIONS_MAX; i++)
		if (rig->sessions[i] != NULL)
			rig_line(rig, rig->sessions[i]->pub.id, text);
	rig_clients_hear(rig, event);
	mini_notify(rig->mini, GW_TOPIC_EVENT, event);
	rig->notifying--;
	rig->current = outer;
}

void rig_quit(struct redirect_rig *rig, uint64_t session)
{
	struct fake_session *s = rig_find_session(rig, session);
	struct gw_event event = {.kind = GW_EV_QUIT, .origin = RUN_NEAR, .seq = 1};

	if (s == NULL)
		return;
	event.source = &s->pub;
	event.node = s->pub.home;
	rig_event(rig, &event, NULL);
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (rig->sessions[i] == s)
			rig->sessions[i] = NULL;
	free(s);
}

void rig_split(struct redirect_rig *rig, uint64_t run)
{
	uint64_t via = rig->nodes[run].via;
	struct gw_event event = {.kind = GW_EV_SPLIT, .node = &rig->nodes[RUN_HERE]};

	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (rig->sessions[i] != NULL && rig->sessions[i]->pub.home->via == via && via != 0)
			rig_quit(rig, rig->sessions[i]->pub.id);
	for (size_t i = 1; i <= RUNS; i++)
		rig->leaving[i] = rig->nodes[i].via == via && via != 0;
	rig_event(rig, &event, NULL);
	for (size_t i = 1; i <= RUNS; i++) {
		if (rig->leaving[i])
			rig->nodes[i].run = 0;
		rig->leaving[i] = false;
	}
}

static void settle(struct redirect_rig *rig)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct fake_client *c = rig->clients[i];
		struct gw_call call = c != NULL ? c->settled : (struct gw_call){0};

		if (call.module == NULL || (c->busy && !c->closed))
			continue;
		c->settled = (struct gw_call){0};
		((gw_timer_fn *)gw_call_fn(call))(call.module->state, call.tag);
	}
}

void rig_turns(struct redirect_rig *rig)
{
	for (int i = 0; i < 3; i++) {
		while (mini_step(rig->mini))
			continue;
		settle(rig);
	}
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (rig->clients[i] != NULL && rig->clients[i]->closed) {
			rig_free_client(rig->clients[i]);
			rig->clients[i] = NULL;
		}
}

/* --- messages --- */

void rig_begin(struct rig_message *m, int number, const uint8_t id[ID_BYTES], uint64_t from)
{
	uint8_t byte = (uint8_t)number;

	m->parts = (struct gw_parts){.bytes = m->bytes, .max = sizeof(m->bytes)};
	gw_parts_add(&m->parts, &byte, 1);
	gw_parts_add(&m->parts, id, ID_BYTES);
	gw_parts_u64(&m->parts, from);
}

int rig_frame(struct redirect_rig *rig, const void *body, size_t n, uint64_t via)
{
	uint8_t *copy = malloc(n + 1);
	struct gw_error why = {0};
	struct gw_frame frame = {.kind = GW_FRAME_REDIRECT,
	                         .reach = GW_REACH_SERVER,
	                         .to = RUN_HERE,
	                         .body = copy,
	                         .n = n,
	                         .via = via};
	int status;

	memcpy(copy, body, n);
	status = frames_input(rig->st, NULL, &frame, &why);
	FUZZ_CHECK(status <= 0 && (status == 0) == (why.text[0] == '\0'));
	free(copy);
	return status;
}

int rig_send(struct redirect_rig *rig, const struct rig_message *m, uint64_t via)
{
	return rig_frame(rig, m->bytes, m->parts.n, via);
}

size_t rig_snapshot(uint8_t *out, size_t max, const char *caps, const char *data)
{
	struct gw_parts parts = {.bytes = out, .max = max};
	uint8_t flags = 2;

	gw_parts_text(&parts, caps);
	gw_parts_text(&parts, caps);
	gw_parts_u64(&parts, 7);
	gw_parts_add(&parts, &flags, 1);
	if (data != NULL) {
		gw_parts_text(&parts, "notes");
		gw_parts_u64(&parts, 1);
		gw_parts_text(&parts, data);
	}
	return parts.n;
}

/* --- attempts --- */

static void simple(struct redirect_rig *rig, int number, const uint8_t id[ID_BYTES], uint64_t from,
                   const char *const *texts)
{
	struct rig_message m;

	rig_begin(&m, number, id, from);
	for (; texts != NULL && *texts != NULL; texts++)
		gw_parts_text(&m.parts, *texts);
	FUZZ_CHECK(rig_send(rig, &m, rig->nodes[from].via) == 0);
}

struct source *rig_source(struct redirect_rig *rig, uint64_t session, uint64_t to,
                          enum source_state state)
{
	static const char fingerprint[] =
		"abababababababababababababababababababababababababababababababab";
	static const char *const door[] = {"two.example", "6697", fingerprint, NULL};
	const struct gw_redirect_ops *ops = redirect_LTX_gw_module.interfaces[0].ops;
	struct fake_client *c = rig_client(rig, session);
	char synced[64] = "REDIRECT SYNCED ";
	struct gw_error why = {0};
	struct source *s;

	if (ops->move(rig->st, &c->pub, to, (struct gw_call){0}, &why) != 0)
		return NULL;
	s = source_of(rig->st, session);
	if (state >= SOURCE_REQUESTED)
		simple(rig, MESSAGE_ACCEPT, s->id, to, door);
	c->busy = state == SOURCE_BARRIER;
	if (state >= SOURCE_BARRIER)
		simple(rig, MESSAGE_COMPLETE, s->id, to, NULL);
	if (state >= SOURCE_SYNCING)
		settle(rig);
	id_text(s->id, synced + strlen(synced));
	if (state >= SOURCE_CUTTING)
		rig_says(rig, c, synced);
	return s->state == state ? s : NULL;
}

void rig_notify(struct redirect_rig *rig, uint64_t session, const uint8_t id[ID_BYTES],
                uint64_t from)
{
	struct fake_session *s = rig_find_session(rig, session);
	uint8_t snapshot[512], token[TOKEN_BYTES] = {'t'}, flags = 1;
	size_t n = rig_snapshot(snapshot, sizeof(snapshot), "cap-a", "kept");
	struct rig_message m;

	rig_begin(&m, MESSAGE_NOTIFY, id, from);
	gw_parts_u64(&m.parts, session);
	gw_parts_u64(&m.parts, s != NULL ? s->pub.epoch : 0);
	gw_parts_add(&m.parts, &flags, 1);
	gw_parts_add(&m.parts, token, sizeof(token));
	gw_parts_add(&m.parts, snapshot, n);
	rig_send(rig, &m, rig->nodes[from].via);
}

void rig_handover(struct redirect_rig *rig, struct fake_client *c, const struct recipient *r)
{
	uint8_t message[15 + ID_BYTES + BINDING_BYTES], proof[PROOF_BYTES];
	char id[ID_TEXT], text[TOKEN_TEXT], line[128];

	memcpy(message, "godwit redirect", 15);
	memcpy(message + 15, r->id, ID_BYTES);
	memcpy(message + 15 + ID_BYTES, c->conn.info.binding, BINDING_BYTES);
	crypto_auth_hmacsha256(proof, message, sizeof(message), r->token);
	id_text(r->id, id);
	token_text(proof, text);
	snprintf(line, sizeof(line), "REDIRECT HANDOVER %s %s", id, text);
	rig_says(rig, c, line);
}

int rig_cut(struct redirect_rig *rig, const uint8_t id[ID_BYTES], uint64_t from, uint64_t run,
            uint64_t seq)
{
	struct vector_entry entry = {run, seq};
	struct vector vector = {&entry, 1};
	struct rig_message m;
	uint8_t bytes[16];

	rig_begin(&m, MESSAGE_CUT, id, from);
	gw_parts_u64(&m.parts, 0);
	gw_parts_u64(&m.parts, 3);
	gw_parts_u64(&m.parts, 5);
	gw_parts_u64(&m.parts, 0);
	gw_parts_add(&m.parts, bytes, vector_write(&vector, bytes, sizeof(bytes)));
	gw_parts_add(&m.parts, "", 0);
	return rig_send(rig, &m, rig->nodes[from].via);
}

struct recipient *rig_recipient(struct redirect_rig *rig, uint64_t session, uint64_t from,
                                enum recipient_state state)
{
	struct fake_session *s = rig_session(rig, session, from);
	struct recipient *r;

	memset(s->attempt, (int)session, ID_BYTES);
	s->pub.shadow = RUN_HERE;
	rig_notify(rig, session, s->attempt, from);
	r = recipient_of(rig->st, session);
	if (r != NULL && state >= RECIPIENT_JOINED)
		rig_handover(rig, rig_newcomer(rig, "192.0.2.2"), r);
	if (r != NULL && state >= RECIPIENT_HEIR)
		rig_cut(rig, r->id, from, from, 10);
	r = recipient_of(rig->st, session);
	return r != NULL && r->state == state ? r : NULL;
}

/* --- looking --- */

static const char *take(struct rig_text *text)
{
	static char taken[2][65536];
	static unsigned turn;
	char *out = taken[turn++ % 2];

	snprintf(out, sizeof(taken[0]), "%s", text->p != NULL ? text->p : "");
	rig_add(text, NULL);
	return out;
}

const char *rig_notes(struct redirect_rig *rig)
{
	return take(&rig->notes);
}

const char *rig_logged(struct redirect_rig *rig)
{
	return take(&rig->logged);
}

const char *rig_picture(struct redirect_rig *rig)
{
	rig_add(&rig->picture, NULL);
	rig_add(&rig->picture, "attempts %d %d\n", (int)HASH_CNT(by_id, rig->st->source_ids),
	        (int)HASH_CNT(by_id, rig->st->recipient_ids));
	for (const struct source *s = rig->st->sources; s != NULL; s = s->by_session.next)
		rig_add(&rig->picture, "source %d %d %d %zu %zu %d %d %d %d %d\n", (int)s->session,
		        s->state, (int)s->to, s->hold.n, s->kept.n, (int)s->updates_seen,
		        (int)s->joined_seen, s->gone, s->discarded, s->due != NULL);
	for (const struct recipient *r = rig->st->recipients; r != NULL; r = r->by_session.next)
		rig_add(&rig->picture, "recipient %d %d %d %zu %zu %zu %d %d %zu %d\n",
		        (int)r->session, r->state, (int)r->from, r->hold.n, r->cut.n, r->kept.n,
		        (int)r->newcomer, r->swapped, r->snapshot.n, r->due != NULL);
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (rig->sessions[i] != NULL)
			rig_add(&rig->picture, "session %d %d %d %d %zu\n",
			        (int)rig->sessions[i]->pub.id, (int)rig->sessions[i]->pub.home->run,
			        rig->sessions[i]->pub.local, (int)rig->sessions[i]->pub.shadow,
			        rig->sessions[i]->data_n);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (rig->clients[i] != NULL)
			rig_add(&rig->picture, "client %d %d %d %d %zu\n",
			        (int)rig->clients[i]->pub.id, rig->clients[i]->pub.state,
			        rig->clients[i]->closed, rig->clients[i]->tapped,
			        rig->clients[i]->conn.sink.lines.n);
	return rig->picture.p;
}
