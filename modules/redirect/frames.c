/*
 * redirect/frames.c - the messages between source and recipient.
 *
 * A message is the body of a frame of kind GW_FRAME_REDIRECT on its way to one server: parts, the
 * first three its number, the attempt's id and the sender's run. redirect.md has the others. What
 * comes from a server that is not behind the link which brought it is dropped; so are ids that are
 * not known: ends of an attempt may cross. What is malformed ends the attempt that it is of, and
 * not the link, which may only have passed it on.
 */
#include "redirect.h"
#include <errno.h>
#include <stdlib.h>

#define BODY_MAX (GW_FRAME_MAX - 64)
#define LINES_PER_FRAME 32768

struct writer {
	struct gw_parts parts;
	uint8_t bytes[BODY_MAX];
};

static struct writer *begin(struct redirect_state *st, enum message number,
                            const uint8_t id[ID_BYTES])
{
	struct writer *w = gw_alloc(st->self, sizeof(*w));
	uint8_t byte = (uint8_t)number;

	w->parts = (struct gw_parts){.bytes = w->bytes, .max = sizeof(w->bytes)};
	gw_parts_add(&w->parts, &byte, 1);
	gw_parts_add(&w->parts, id, ID_BYTES);
	gw_parts_u64(&w->parts, NETWORK(st, here)->run);
	return w;
}

static int finish(struct redirect_state *st, struct writer *w, uint64_t to)
{
	struct gw_frame frame = {.kind = GW_FRAME_REDIRECT,
	                         .reach = GW_REACH_SERVER,
	                         .to = to,
	                         .body = w->bytes,
	                         .n = w->parts.n};
	int status = w->parts.overflow ? -E2BIG : LINK(st, route, &frame);

	gw_free(st->self, w);
	return status;
}

int send_notify(struct redirect_state *st, const struct source *s, const struct gw_client *client)
{
	struct writer *w = begin(st, MESSAGE_NOTIFY, s->id);
	uint8_t flags = (uint8_t)(client->session->user->secure | client->info->loopback << 1);

	gw_parts_u64(&w->parts, s->session);
	gw_parts_u64(&w->parts, client->session->epoch);
	gw_parts_add(&w->parts, &flags, 1);
	gw_parts_add(&w->parts, s->token, TOKEN_BYTES);
	gw_parts_add(&w->parts, s->told.bytes, s->told.n);
	return finish(st, w, s->to);
}

int send_accept(struct redirect_state *st, const struct recipient *r, const struct door *door)
{
	struct writer *w = begin(st, MESSAGE_ACCEPT, r->id);

	gw_parts_text(&w->parts, door->host);
	gw_parts_text(&w->parts, door->port);
	gw_parts_text(&w->parts, door->fingerprint);
	return finish(st, w, r->from);
}

int send_update(struct redirect_state *st, const struct source *s)
{
	struct writer *w = begin(st, MESSAGE_UPDATE, s->id);

	gw_parts_u64(&w->parts, s->updates);
	gw_parts_add(&w->parts, s->told.bytes, s->told.n);
	return finish(st, w, s->to);
}

int send_ack(struct redirect_state *st, const struct recipient *r, uint64_t joined, uint32_t update)
{
	struct writer *w = begin(st, MESSAGE_ACK, r->id);

	gw_parts_u64(&w->parts, joined);
	gw_parts_u64(&w->parts, update);
	return finish(st, w, r->from);
}

int send_complete(struct redirect_state *st, const struct recipient *r)
{
	return finish(st, begin(st, MESSAGE_COMPLETE, r->id), r->from);
}

int send_cancel(struct redirect_state *st, const uint8_t id[ID_BYTES], uint64_t to,
                const char *reason)
{
	struct writer *w = begin(st, MESSAGE_CANCEL, id);

	gw_parts_text(&w->parts, reason);
	return finish(st, w, to);
}

/* A line as a part: whether it was too long, then its text. */
static void put_line(struct writer *w, const struct gw_line *line)
{
	uint8_t flag = line->too_long;

	gw_parts_add(&w->parts, &flag, 1);
	gw_parts_add(&w->parts, line->text, line->len);
}

static int send_lines(struct redirect_state *st, const struct source *s)
{
	struct writer *w = NULL;
	int status = 0;

	for (size_t i = 0; i < s->kept.n && status == 0; i++) {
		if (w == NULL)
			w = begin(st, MESSAGE_LINES, s->id);
		put_line(w, &s->kept.lines[i]);
		if (w->parts.n < LINES_PER_FRAME)
			continue;
		status = finish(st, w, s->to);
		w = NULL;
	}
	return w != NULL ? finish(st, w, s->to) : status;
}

int send_cut(struct redirect_state *st, const struct source *s, const struct cut *cut)
{
	struct writer *w;
	int status = send_lines(st, s);

	if (status != 0)
		return status;
	w = begin(st, MESSAGE_CUT, s->id);
	gw_parts_u64(&w->parts, cut->epoch);
	gw_parts_u64(&w->parts, cut->command);
	gw_parts_u64(&w->parts, (uint64_t)cut->idle_ms);
	gw_parts_u64(&w->parts, (uint64_t)cut->owed_ms);
	gw_parts_add(&w->parts, cut->vector.p, cut->vector.n);
	gw_parts_add(&w->parts, cut->snapshot.p, cut->snapshot.n);
	return finish(st, w, s->to);
}

/** A message that has come. */
struct input {
	struct gw_blob body;
	uint8_t id[ID_BYTES];
	const struct gw_node *from;
};

static int bad(struct gw_error *why, const char *what)
{
	return gw_fail(why, -EBADMSG, "malformed redirect message (%s)", what);
}

static int on_notify(struct redirect_state *st, const struct input *in, struct gw_error *why)
{
	struct notify notify = {.session = gw_part_u64(in->body, 3, 0)};
	uint64_t epoch = gw_part_u64(in->body, 4, UINT64_MAX);
	struct gw_blob flags, token;

	if (epoch > UINT32_MAX || !gw_part(in->body, 5, &flags) || flags.n != 1 ||
	    !gw_part(in->body, 6, &token) || token.n != TOKEN_BYTES ||
	    !gw_part(in->body, 7, &notify.snapshot))
		return bad(why, "NOTIFY");
	notify.epoch = (uint32_t)epoch;
	notify.secure = *(const uint8_t *)flags.p & 1;
	notify.loopback = *(const uint8_t *)flags.p & 2;
	notify.token = token.p;
	recipient_notified(st, in->id, in->from, &notify);
	return 0;
}

/* What another server says becomes words of a line: none of it may be more than a word. */
static bool good_host(const char *text)
{
	if (text[0] == '\0' || text[0] == ':')
		return false;
	while (*text > ' ' && *text < 0x7f)
		text++;
	return *text == '\0';
}

static bool good_port(const char *text)
{
	return text[0] != '0' && text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' &&
	       strtol(text, NULL, 10) <= UINT16_MAX;
}

static bool good_fingerprint(const char *text)
{
	return strcmp(text, "-") == 0 ||
	       (strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64);
}

/* A session on TLS goes nowhere without. */
static bool loses_tls(struct redirect_state *st, const struct source *s, const struct door *door)
{
	const struct gw_session *session = NETWORK(st, session, s->session);

	return door->fingerprint[0] == '-' && session != NULL && session->user->secure;
}

static int on_accept(struct redirect_state *st, const struct input *in, struct gw_error *why)
{
	struct source *s = source_by_id(st, in->id, in->from->run);
	struct door door;

	if (!gw_part_text(in->body, 3, door.host, sizeof(door.host)) ||
	    !gw_part_text(in->body, 4, door.port, sizeof(door.port)) ||
	    !gw_part_text(in->body, 5, door.fingerprint, sizeof(door.fingerprint)) ||
	    !good_host(door.host) || !good_port(door.port) || !good_fingerprint(door.fingerprint))
		return bad(why, "ACCEPT");
	if (s != NULL && loses_tls(st, s, &door))
		return bad(why, "ACCEPT without TLS");
	if (s != NULL)
		source_accepted(st, s, &door);
	return 0;
}

static struct recipient *attempt_from(struct redirect_state *st, const struct input *in)
{
	struct recipient *r = recipient_by_id(st, in->id);

	return r != NULL && r->from == in->from->run ? r : NULL;
}

static int on_update(struct redirect_state *st, const struct input *in, struct gw_error *why)
{
	struct recipient *r = attempt_from(st, in);
	uint64_t number = gw_part_u64(in->body, 3, UINT64_MAX);
	struct gw_blob snapshot;

	if (number > UINT32_MAX || !gw_part(in->body, 4, &snapshot))
		return bad(why, "UPDATE");
	if (r != NULL)
		recipient_updated(st, r, (uint32_t)number, snapshot);
	return 0;
}

static int on_ack(struct redirect_state *st, const struct input *in, struct gw_error *why)
{
	struct source *s = source_by_id(st, in->id, in->from->run);
	uint64_t joined = gw_part_u64(in->body, 3, 0),
		 update = gw_part_u64(in->body, 4, UINT64_MAX);

	if (update > UINT32_MAX)
		return bad(why, "ACK");
	if (s != NULL)
		source_acked(st, s, joined, (uint32_t)update);
	return 0;
}

static int on_complete(struct redirect_state *st, const struct input *in, struct gw_error *why)
{
	struct source *s = source_by_id(st, in->id, in->from->run);

	(void)why;
	if (s != NULL)
		source_completed(st, s);
	return 0;
}

/* A line end or a NUL: a client cannot have sent that. */
static bool more_than_a_line(struct gw_blob text)
{
	for (size_t i = 0; i < text.n; i++)
		if (memchr("\r\n", ((const uint8_t *)text.p)[i], 3) != NULL)
			return true;
	return false;
}

/* The parts behind the head come in pairs: a flag, a text. */
static bool take_lines(struct redirect_state *st, struct recipient *r, struct gw_blob rest)
{
	struct gw_blob flag, text;

	while (rest.n > 0) {
		struct gw_line line = {0};

		if (!gw_part(rest, 0, &flag) || flag.n != 1 || !gw_part(rest, 1, &text) ||
		    more_than_a_line(text) || r->cut.bytes + text.n > 2 * LINES_MAX)
			return false;
		line.text = (char *)(uintptr_t)text.p;
		line.len = text.n;
		line.too_long = *(const uint8_t *)flag.p != 0;
		kept_add(st->self, &r->cut, &line);
		rest.n -= (size_t)((const uint8_t *)text.p + text.n - (const uint8_t *)rest.p);
		rest.p = (const uint8_t *)text.p + text.n;
	}
	return true;
}

static int on_lines(struct redirect_state *st, const struct input *in, struct gw_error *why)
{
	struct recipient *r = attempt_from(st, in);
	struct gw_blob run, rest;

	if (r == NULL || r->state != RECIPIENT_JOINED)
		return 0;
	if (!gw_part(in->body, 2, &run))
		return bad(why, "LINES");
	rest.p = (const uint8_t *)run.p + run.n;
	rest.n = in->body.n - (size_t)((const uint8_t *)rest.p - (const uint8_t *)in->body.p);
	return take_lines(st, r, rest) ? 0 : bad(why, "LINES");
}

static int on_cut(struct redirect_state *st, const struct input *in, struct gw_error *why)
{
	struct recipient *r = attempt_from(st, in);
	uint64_t epoch = gw_part_u64(in->body, 3, UINT64_MAX);
	struct cut cut = {.command = gw_part_u64(in->body, 4, 0),
	                  .idle_ms = (int64_t)gw_part_u64(in->body, 5, 0),
	                  .owed_ms = (int64_t)gw_part_u64(in->body, 6, 0)};

	if (epoch > UINT32_MAX || !gw_part(in->body, 7, &cut.vector) ||
	    !gw_part(in->body, 8, &cut.snapshot))
		return bad(why, "CUT");
	cut.epoch = (uint32_t)epoch;
	if (r != NULL && r->state == RECIPIENT_JOINED)
		heir_take(st, r, &cut);
	else if (r == NULL)
		send_cancel(st, in->id, in->from->run, "the handover is not under way");
	else if (r->state == RECIPIENT_PENDING)
		recipient_drop(st, r, "it was cut before its client came", true);
	return 0;
}

static int on_cancel(struct redirect_state *st, const struct input *in, struct gw_error *why)
{
	struct source *s = source_by_id(st, in->id, in->from->run);
	struct recipient *r = attempt_from(st, in);
	char reason[REASON_MAX];

	(void)why;
	if (!gw_part_text(in->body, 3, reason, sizeof(reason)))
		snprintf(reason, sizeof(reason), "cancelled");
	for (char *c = reason; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	if (s != NULL)
		source_resume(st, s, GW_MOVE_DENIED, reason, false);
	else if (r != NULL && r->state != RECIPIENT_HEIR)
		recipient_drop(st, r, reason, false);
	return 0;
}

typedef int input_fn(struct redirect_state *st, const struct input *in, struct gw_error *why);

static input_fn *const inputs[] = {
	[MESSAGE_NOTIFY] = on_notify,     [MESSAGE_ACCEPT] = on_accept,
	[MESSAGE_UPDATE] = on_update,     [MESSAGE_ACK] = on_ack,
	[MESSAGE_COMPLETE] = on_complete, [MESSAGE_LINES] = on_lines,
	[MESSAGE_CUT] = on_cut,           [MESSAGE_CANCEL] = on_cancel,
};

/* Without all that was said it cannot go on. A promise that is out is kept all the same. */
static void malformed(struct redirect_state *st, const struct input *in, const char *why)
{
	struct source *s = source_by_id(st, in->id, in->from->run);
	struct recipient *r = attempt_from(st, in);

	gw_log(st->self, GW_WARN, "redirect message dropped from=%s reason=\"%s\"", in->from->name,
	       why);
	if (s != NULL && s->state != SOURCE_CUTTING)
		source_resume(st, s, GW_MOVE_DENIED, why, true);
	else if (s == NULL && r != NULL && r->state != RECIPIENT_HEIR)
		recipient_drop(st, r, why, true);
}

int frames_input(void *state, const struct gw_link *link, const struct gw_frame *frame,
                 struct gw_error *why)
{
	struct redirect_state *st = state;
	struct input in = {.body = {frame->body, frame->n}};
	struct gw_error wrong = {0};
	struct gw_blob number, id;
	size_t which;

	(void)link;
	(void)why;
	if (!gw_part(in.body, 0, &number) || number.n != 1 || !gw_part(in.body, 1, &id) ||
	    id.n != ID_BYTES)
		return 0;
	which = *(const uint8_t *)number.p;
	memcpy(in.id, id.p, ID_BYTES);
	in.from = NETWORK(st, node, gw_part_u64(in.body, 2, 0));
	if (in.from == NULL || in.from->via != frame->via || frame->via == 0)
		return 0;
	/* A number from a newer version: it does without an answer. */
	if (which >= sizeof(inputs) / sizeof(inputs[0]) || inputs[which] == NULL)
		return 0;
	if (inputs[which](st, &in, &wrong) != 0)
		malformed(st, &in, wrong.text);
	return 0;
}
