/*
 * tests/unit/redirect_rig.c - the network, the clients, the links and the core's connections of the
 * rig. What a contract of include/godwit forbids is checked here.
 */
#include "tests/unit/redirect_rig.h"
#include "tests/fuzz/fuzz.h"
#include <errno.h>
#include <stdarg.h>

void rig_add(struct rig_text *text, const char *format, ...)
{
	va_list args;
	char line[4096];
	int n;

	if (format == NULL) {
		free(text->p);
		*text = (struct rig_text){0};
		return;
	}
	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	n = n < (int)sizeof(line) ? n : (int)sizeof(line) - 1;
	text->p = realloc(text->p, text->n + (size_t)n + 1);
	memcpy(text->p + text->n, line, (size_t)n + 1);
	text->n += (size_t)n;
}

static struct redirect_rig *rig_of(const struct gw_self *self)
{
	return (struct redirect_rig *)(uintptr_t)self->core;
}

/* --- the core: buffers, sinks, listeners, log --- */

static struct gw_buf *buf_new(struct gw_self *self, size_t n)
{
	struct gw_buf *buf = calloc(1, sizeof(*buf) + n);

	rig_of(self)->n_bufs++;
	buf->refs = 1;
	buf->len = (uint32_t)n;
	return buf;
}

static struct gw_buf *buf_ref(struct gw_buf *buf)
{
	buf->refs++;
	return buf;
}

static void buf_unref(struct gw_self *self, struct gw_buf **buf)
{
	FUZZ_CHECK((*buf)->refs > 0);
	if (--(*buf)->refs == 0) {
		rig_of(self)->n_bufs--;
		free(*buf);
	}
	*buf = NULL;
}

static void write_buf(struct gw_sink *sink, struct gw_buf *buf)
{
	gw_sink_fn *fn = (gw_sink_fn *)gw_call_fn(sink->write);
	int n = (int)buf->len;

	if (fn != NULL) {
		fn(sink->write.module->state, sink->write.tag, buf);
		return;
	}
	FUZZ_CHECK(n >= 2 && memcmp(buf->data + n - 2, "\r\n", 2) == 0);
	FUZZ_CHECK(memchr(buf->data, '\r', (size_t)n - 2) == NULL &&
	           memchr(buf->data, '\n', (size_t)n - 2) == NULL);
	rig_add(&sink->lines, "%.*s|", n - 2, buf->data);
}

static void write_bytes(struct gw_sink *sink, const void *p, size_t n)
{
	struct gw_buf *buf = calloc(1, sizeof(*buf) + n);

	buf->refs = 1;
	buf->len = (uint32_t)n;
	memcpy(buf->data, p, n);
	write_buf(sink, buf);
	FUZZ_CHECK(buf->refs == 1);
	free(buf);
}

static struct gw_sink *conn_sink(struct gw_conn *conn)
{
	return &conn->sink;
}

static struct gw_sink *sink_new(struct gw_self *self, struct gw_call write)
{
	struct gw_sink *sink = calloc(1, sizeof(*sink));

	rig_of(self)->n_sinks++;
	sink->write = write;
	return sink;
}

static void sink_free(struct gw_self *self, struct gw_sink **sink)
{
	rig_of(self)->n_sinks--;
	free(*sink);
	*sink = NULL;
}

static void listeners(struct gw_self *self, gw_listener_fn *fn, void *ctx)
{
	static const struct gw_listener tls = {.address = "[::]:6697",
	                                       .advertise = "one.example:6697",
	                                       .port = 6697,
	                                       .protocol = "client",
	                                       .tls = true};
	static const struct gw_listener plain = {.address = "[::1]:6667",
	                                         .advertise = "[::1]:6667",
	                                         .port = 6667,
	                                         .protocol = "client",
	                                         .loopback = true};

	if (!rig_of(self)->plain_only)
		fn(ctx, &tls);
	fn(ctx, &plain);
}

static bool tls_fingerprint(struct gw_self *self, uint8_t out[32])
{
	(void)self;
	memset(out, 0xab, 32);
	return true;
}

static const struct gw_conn_api conns = {.buf_new = buf_new,
                                         .buf_unref = buf_unref,
                                         .buf_ref = buf_ref,
                                         .write = write_bytes,
                                         .write_buf = write_buf,
                                         .sink = conn_sink,
                                         .sink_new = sink_new,
                                         .sink_free = sink_free,
                                         .listeners = listeners,
                                         .tls_fingerprint = tls_fingerprint};

static size_t rows(struct gw_self *self, const char *point, const struct gw_row **rows_out)
{
	(void)self;
	(void)point;
	*rows_out = NULL;
	return 0;
}

__attribute__((format(printf, 3, 4))) static void
log_line(struct gw_self *self, enum gw_log_level level, const char *format, ...)
{
	struct redirect_rig *rig = rig_of(self);
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	rig_add(&rig->logged, "%d %s\n", level, text);
}

static const struct gw_log_api logs = {.line = log_line};
static const struct gw_module_api modules = {.rows = rows};

void rig_core(struct redirect_rig *rig)
{
	rig->core = *rig->self->core;
	rig->core.conn = &conns;
	rig->core.log = &logs;
	rig->core.module = &modules;
	rig->self->core = &rig->core;
}

/* --- the network --- */

static struct gw_session *net_session(void *fakes, uint64_t id)
{
	struct fake_session *s = rig_find_session(RIG(fakes), id);

	return s != NULL ? &s->pub : NULL;
}

static struct gw_node *net_here(void *fakes)
{
	return &RIG(fakes)->nodes[RUN_HERE];
}

static const struct gw_node *net_node(void *fakes, uint64_t run)
{
	struct redirect_rig *rig = RIG(fakes);

	return run > 0 && run <= RUNS && rig->nodes[run].run == run && !rig->leaving[run]
	               ? &rig->nodes[run]
	               : NULL;
}

static const struct gw_event *net_current(void *fakes)
{
	return RIG(fakes)->current;
}

static const struct gw_node *net_vector(void *fakes, const struct gw_node *after, uint64_t *seq_out)
{
	struct redirect_rig *rig = RIG(fakes);

	for (size_t run = after != NULL ? after->run + 1 : 1; run <= RUNS; run++) {
		*seq_out = rig->seqs[run];
		if (rig->nodes[run].run != 0)
			return &rig->nodes[run];
	}
	return NULL;
}

static void net_attach(void *fakes, struct gw_session *session, struct gw_sink *sink, uint64_t caps)
{
	(void)fakes;
	(void)caps;
	session->sink = sink;
}

static int net_quit(void *fakes, struct gw_session *session, const char *reason)
{
	FUZZ_CHECK(strpbrk(reason, "\r\n") == NULL);
	if (!session->local || session->moving)
		return -EPERM;
	rig_add(&RIG(fakes)->notes, "network quit %d %s\n", (int)session->id, reason);
	rig_quit(RIG(fakes), session->id);
	return 0;
}

static int net_shadow(void *fakes, struct gw_session *session, uint64_t run, const uint8_t id[16])
{
	struct redirect_rig *rig = RIG(fakes);

	FUZZ_CHECK(rig->notifying == 0);
	if (!session->local)
		return -EPERM;
	if (net_node(fakes, run) == NULL || run == RUN_HERE)
		return -ENOTCONN;
	session->shadow = run;
	memcpy(rig_find_session(rig, session->id)->attempt, id, ID_BYTES);
	rig_add(&rig->notes, "network shadow %d %d\n", (int)session->id, (int)run);
	return 0;
}

static int net_shadow_end(void *fakes, uint64_t id, const uint8_t attempt[16])
{
	struct redirect_rig *rig = RIG(fakes);
	struct fake_session *s = rig_find_session(rig, id);
	bool here;

	FUZZ_CHECK(rig->notifying == 0);
	if (s == NULL || s->pub.shadow == 0 || memcmp(s->attempt, attempt, ID_BYTES) != 0)
		return -ENOENT;
	here = s->pub.shadow == RUN_HERE;
	s->pub.shadow = 0;
	rig_add(&rig->notes, "network shadow-end %d\n", (int)id);
	if (here)
		rig_unshown(rig, s);
	return 0;
}

static int net_move(void *fakes, struct gw_session *session, const uint8_t attempt[16])
{
	struct redirect_rig *rig = RIG(fakes);
	struct fake_session *s = rig_find_session(rig, session->id);
	struct gw_event event = {.kind = GW_EV_MOVE,
	                         .origin = RUN_HERE,
	                         .source = session,
	                         .node = &rig->nodes[RUN_HERE],
	                         .from = session->home};

	FUZZ_CHECK(rig->notifying == 0);
	if (session->shadow != RUN_HERE || memcmp(s->attempt, attempt, ID_BYTES) != 0)
		return -EPERM;
	rig_add(&rig->notes, "network move %d\n", (int)session->id);
	session->home = &rig->nodes[RUN_HERE];
	session->local = true;
	session->shadow = 0;
	session->epoch++;
	rig_event(rig, &event, NULL);
	return 0;
}

static int net_claim(void *fakes, struct gw_session *session)
{
	struct redirect_rig *rig = RIG(fakes);

	FUZZ_CHECK(rig->notifying == 0 && session->local);
	rig_add(&rig->notes, "network claim %d\n", (int)session->id);
	return 0;
}

static void net_moving(void *fakes, struct gw_session *session, bool on)
{
	(void)fakes;
	session->moving = on;
}

static int net_export(void *fakes, const struct gw_session *session, gw_data_emit_fn *emit,
                      void *ctx, struct gw_error *why)
{
	const struct fake_session *s = (const struct fake_session *)session;

	(void)fakes;
	(void)why;
	if (s->data_n > 0)
		emit(ctx, "notes", 1, s->data, s->data_n);
	return 0;
}

static int net_import(void *fakes, struct gw_session *session, const char *name, uint32_t version,
                      const void *data, size_t n, struct gw_error *why)
{
	struct fake_session *s = (struct fake_session *)session;

	(void)fakes;
	if (strcmp(name, "notes") != 0 || version != 1)
		return -ENOENT;
	if (n > sizeof(s->data))
		return gw_fail(why, -E2BIG, "too many notes");
	memcpy(s->data, data, n);
	s->data_n = n;
	return 0;
}

const struct gw_network_ops rig_network = {
	.session = net_session,
	.here = net_here,
	.node = net_node,
	.current = net_current,
	.vector = net_vector,
	.attach = net_attach,
	.quit = net_quit,
	.shadow = net_shadow,
	.shadow_end = net_shadow_end,
	.move = net_move,
	.claim = net_claim,
	.moving = net_moving,
	.data_export = net_export,
	.data_import = net_import,
};

/* --- links --- */

static void note_frame(struct redirect_rig *rig, const struct gw_frame *frame)
{
	static const char *const names[] = {"?",        "NOTIFY", "ACCEPT", "UPDATE", "ACK",
	                                    "COMPLETE", "LINES",  "CUT",    "CANCEL"};
	struct gw_blob body = {frame->body, frame->n}, number;
	char text[3][300];
	uint8_t which;

	FUZZ_CHECK(frame->kind == GW_FRAME_REDIRECT && frame->reach == GW_REACH_SERVER &&
	           frame->n <= GW_FRAME_MAX && gw_part(body, 0, &number) && number.n == 1);
	which = *(const uint8_t *)number.p;
	FUZZ_CHECK(which > 0 && which <= MESSAGE_CANCEL);
	rig_add(&rig->notes, "link %d %s", (int)frame->to, names[which]);
	for (unsigned i = 0; i < 3; i++)
		gw_part_text(body, 3 + i, text[i], sizeof(text[i]));
	if (which == MESSAGE_ACCEPT)
		rig_add(&rig->notes, " %s %s %.4s", text[0], text[1], text[2]);
	else if (which == MESSAGE_CANCEL)
		rig_add(&rig->notes, " %s", text[0]);
	else if (which == MESSAGE_ACK)
		rig_add(&rig->notes, " %d %d", (int)gw_part_u64(body, 3, 0),
		        (int)gw_part_u64(body, 4, 0));
	rig_add(&rig->notes, "\n");
}

static int link_route(void *fakes, const struct gw_frame *frame)
{
	struct redirect_rig *rig = RIG(fakes);

	if (net_node(fakes, frame->to) == NULL)
		return -ENOTCONN;
	if (rig->route_status == 0)
		note_frame(rig, frame);
	return rig->route_status;
}

const struct gw_link_ops rig_link = {.route = link_route};
