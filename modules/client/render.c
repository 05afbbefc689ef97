/*
 * modules/client/render.c - an event of the network on its way to the local sessions that may see
 * it.
 *
 * A form is the event's lines for one set of those capabilities that matter to it. It is made when
 * the first session needs it and handed to all others as it is, so a recipient costs a look at its
 * capabilities and one call of its sink. The source's own lines are apart: they may be the answer
 * to a labelled command.
 */
#include "client.h"

#define SOURCE_MAX (GW_NICK_MAX + GW_IDENT_MAX + GW_HOST_MAX + GW_SERVER_MAX + 3)

/** One row of "client.render" at work on one event. First: what the row's function sees. */
struct render {
	struct gw_render pub;
	struct client_state *st;
	const struct gw_event *event;
	const struct renderer *row;
	uint64_t mask;          /* capabilities that make a difference */
	uint64_t key;           /* of `current` */
	struct gw_buf *current; /* NULL: this form is empty */
	bool none_yet;
	bool together; /* its lines belong to the batch of a split or a join */
	unsigned n_forms, next_form;
	struct form *form; /* being made; NULL: the source's own lines, which go to `own` */
	struct client *own;
	uint64_t own_caps;
	unsigned lines; /* of the form so far */
	unsigned delivered;
	char source[SOURCE_MAX];
};

/* Texts in here are bounded by their kinds; printf() would cost more than all the rest of a form.
 */
static char *put(char *at, const char *text)
{
	size_t n = strlen(text);

	memcpy(at, text, n);
	return at + n;
}

static const char *source_of(struct render *r)
{
	const struct gw_event *event = r->event;
	const struct gw_user *user = event->source != NULL ? event->source->user : NULL;
	char *at = r->source;

	if (r->source[0] != '\0')
		return r->source;
	if (user == NULL) {
		at = put(at, event->node != NULL ? event->node->name : r->st->server);
	} else {
		at = put(at, user->nick);
		*at++ = '!';
		at = put(at, user->ident);
		*at++ = '@';
		at = put(at, user->host);
	}
	*at = '\0';
	return r->source;
}

/* "time=...;msgid=...;account=...;+client=..."; what names the message itself is only on the first
 * of several lines. */
static size_t write_tags(struct render *r, uint64_t caps, bool by_user, char out[TAGS_MAX])
{
	struct client_state *st = r->st;
	const struct gw_event *event = r->event;
	const char *account = by_user ? event->source->user->account : NULL;
	/* What a burst tells again has had its time, and its id, elsewhere. */
	bool again = event->seq == 0 || event->split != NULL;
	bool named = (caps & st->bit.tags) && r->lines == 0 && !again;
	int64_t ms = again ? gw_wall_ns(st->self) / GW_MS : (int64_t)(event->clock >> 16);
	char *at = out;

	if (r->together && (caps & st->bit.batch)) {
		at = put(put(at, "batch="), st->together.name);
		*at++ = ';';
	}
	if (caps & st->bit.time) {
		at = put(at, reply_time(st, ms));
		*at++ = ';';
	}
	if (named) {
		at = put(at, "msgid=");
		NETWORK(st, msgid, event->origin, event->seq, at);
		at += GW_MSGID_LEN;
		*at++ = ';';
	}
	if ((caps & st->bit.account) && account != NULL) {
		at = put(put(at, "account="), account);
		*at++ = ';';
	}
	if (named && event->tags != NULL && strlen(event->tags) <= CLIENT_TAGS_MAX) {
		at = put(at, event->tags);
		*at++ = ';';
	}
	if (at > out)
		at--;
	*at = '\0';
	return (size_t)(at - out);
}

static void form_room(struct client_state *st, struct form *form, size_t more)
{
	uint32_t len = form->buf != NULL ? form->buf->len : 0;
	struct gw_buf *buf;

	if (form->buf != NULL && len + more <= form->room)
		return;
	form->room = (uint32_t)(len + more + 1024);
	buf = gw_buf_new(st->self, form->room);
	buf->len = len;
	if (form->buf != NULL) {
		memcpy(buf->data, form->buf->data, len);
		gw_buf_unref(st->self, &form->buf);
	}
	form->buf = buf;
}

static void to_form(struct render *r, const char *tags, size_t n_tags, const char *text, size_t n)
{
	struct form *form = r->form;
	char *at;

	form_room(r->st, form, n_tags + n + 4);
	at = form->buf->data + form->buf->len;
	if (n_tags > 0) {
		*at++ = '@';
		memcpy(at, tags, n_tags);
		at += n_tags;
		*at++ = ' ';
	}
	memcpy(at, text, n);
	memcpy(at + n, "\r\n", 2);
	form->buf->len = (uint32_t)(at + n + 2 - form->buf->data);
}

/* ":source " at the front of a line; returns its length. */
static size_t write_source(char text[TEXT_MAX + 1], const char *source)
{
	size_t n = strnlen(source, SOURCE_MAX);

	text[0] = ':';
	memcpy(text + 1, source, n);
	text[n + 1] = ' ';
	return n + 2;
}

/* What nearly all formats are made of is put together without printf(): text and %s. False: there
 * is more in this one, or it does not fit. */
static bool put_strings(char **at, const char *end, const char *format, va_list args)
{
	while (*format != '\0') {
		bool argument = format[0] == '%' && format[1] == 's';
		const char *text = argument ? va_arg(args, const char *) : format;
		size_t n = argument ? strlen(text) : strcspn(format, "%");

		if (n > (size_t)(end - *at) || (n == 0 && !argument))
			return false;
		memcpy(*at, text, n);
		*at += n;
		format += argument ? 2 : n;
	}
	return true;
}

/* Returns the length of all that the format makes, which may be more than fits. */
static size_t write_format(char *text, size_t max, const char *format, va_list args)
{
	char *at = text;
	va_list again;
	bool done;
	int n;

	va_copy(again, args);
	done = put_strings(&at, text + max - 1, format, again);
	va_end(again);
	if (done)
		return (size_t)(at - text);
	n = vsnprintf(text, max, format, args);
	return n > 0 ? (size_t)n : 0;
}

/* gw_render_line() */
static void line(struct gw_render *pub, const char *source, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void line(struct gw_render *pub, const char *source, const char *format, ...)
{
	struct render *r = (struct render *)pub;
	char text[TEXT_MAX + 1], tags[TAGS_MAX];
	/* A line may come from the server though a user has caused it. */
	bool by_user = r->event->source != NULL && (source == NULL || strchr(source, '!') != NULL);
	size_t n_tags = write_tags(r, r->form != NULL ? pub->caps : r->own_caps, by_user, tags);
	size_t n = write_source(text, source != NULL ? source : source_of(r));
	va_list args;

	va_start(args, format);
	n += write_format(text + n, sizeof(text) - n, format, args);
	va_end(args);
	if (n > TEXT_MAX)
		n = utf8_trim(text, TEXT_MAX);
	if (r->form != NULL)
		to_form(r, tags, n_tags, text, n);
	else
		reply_tagged(r->st, r->own, tags, text, n);
	r->lines++;
}

static void make(struct render *r, uint64_t caps, const struct gw_session *to)
{
	struct gw_visit visit;
	gw_render_fn *fn;

	r->pub.caps = caps;
	r->pub.to = to;
	r->lines = 0;
	fn = (gw_render_fn *)gw_visit(r->st->self, &visit, r->row->call);
	fn(r->row->call.module->state, &r->pub, r->event);
	gw_visit_end(r->st->self, &visit);
}

static struct form *form_make(struct render *r, uint64_t key, const struct gw_session *to)
{
	struct client_state *st = r->st;
	struct form *form = &st->forms[r->next_form];

	r->next_form = (r->next_form + 1) % FORMS_MAX;
	if (r->n_forms < FORMS_MAX)
		r->n_forms++;
	if (form->buf != NULL && form->buf->refs > 1)
		gw_buf_unref(st->self, &form->buf);
	if (form->buf != NULL)
		form->buf->len = 0;
	form->key = key;
	st->counts.forms++;
	r->form = form;
	make(r, key, to);
	r->form = NULL;
	return form;
}

/* Another set of capabilities than the one before. */
static void select_form(struct render *r, const struct gw_session *to, uint64_t key)
{
	struct form *form = NULL;

	for (unsigned i = 0; i < r->n_forms && form == NULL && !r->row->personal; i++)
		if (r->st->forms[i].key == key)
			form = &r->st->forms[i];
	if (form == NULL)
		form = form_make(r, key, r->row->personal ? to : NULL);
	r->key = key;
	r->none_yet = r->row->personal;
	r->current = form->buf != NULL && form->buf->len > 0 ? form->buf : NULL;
}

static inline void deliver(struct render *r, const struct gw_session *to)
{
	uint64_t key = to->caps & r->mask;

	if (key != r->key || r->none_yet)
		select_form(r, to, key);
	if (r->current == NULL)
		return;
	if (r->together && (key & r->st->bit.batch))
		together_to(r->st, to);
	r->delivered++;
	gw_sink_write_buf(r->st->self, to->sink, r->current);
}

/* The source's own form, unless it must not have one. */
static void deliver_own(struct render *r)
{
	const struct gw_session *source = r->event->source;
	struct client *c = source != NULL ? clients_of(r->st, source) : NULL;

	if (c == NULL || r->row->not_own || (r->row->echo && !(c->pub.caps & r->row->echo_bit)))
		return;
	r->own = c;
	r->own_caps = c->pub.caps;
	r->pub.own = true;
	r->form = NULL;
	make(r, c->pub.caps & r->mask, r->row->personal ? source : NULL);
	r->pub.own = false;
}

static void to_channel(struct render *r)
{
	const struct gw_channel *channel = r->event->channel;
	const struct gw_session *source = r->event->source;
	struct gw_member **members = channel->members;
	/* That of a JOIN is what the newcomer is, not who may see it. */
	bool to_some = r->event->kind == GW_EV_MESSAGE && r->event->status > 0;
	unsigned below = to_some ? r->event->status - 1u : 0;
	bool own = r->row->echo;

	for (uint32_t i = 0, n = channel->n_local; i < n; i++) {
		const struct gw_session *to = members[i]->session;

		if (to == source) {
			own = true;
			continue;
		}
		if (to->sink == NULL || (below > 0 && !(members[i]->status & ~below)))
			continue;
		deliver(r, to);
	}
	if (own)
		deliver_own(r);
}

/* Watchers of the topic "client.audience" are shown the event once, also if they share a channel.
 */
struct watch {
	struct gw_audience_query query; /* first */
	struct render *render;
};

static void add_watcher(struct gw_audience_query *query, struct gw_session *session)
{
	struct render *r = ((struct watch *)query)->render;

	if (session == r->event->source || session->mark == r->st->mark || session->sink == NULL)
		return;
	session->mark = r->st->mark;
	deliver(r, session);
}

static void to_peers(struct render *r)
{
	struct client_state *st = r->st;
	struct gw_session *source = r->event->source;
	uint64_t mark = ++st->mark;
	struct watch watch = {.query = {.event = r->event, .add = add_watcher}, .render = r};

	if (source == NULL)
		return;
	watch.query.renderer = &watch;
	for (const struct gw_member *in = source->user->channels; in != NULL; in = in->next) {
		const struct gw_channel *channel = in->channel;

		for (uint32_t i = 0; i < channel->n_local; i++) {
			struct gw_session *to = channel->members[i]->session;

			if (to->sink == NULL || to == source || to->mark == mark)
				continue;
			to->mark = mark;
			deliver(r, to);
		}
	}
	gw_notify(st->self, st->audience, &watch.query);
	deliver_own(r);
}

static void to_target(struct render *r)
{
	if (r->event->target->sink != NULL)
		deliver(r, r->event->target);
}

static void to_source(struct render *r)
{
	deliver_own(r);
}

/* A message to oneself comes twice if it is echoed: as sent, and as received. */
static void to_target_and_source(struct render *r)
{
	if (r->event->target != r->event->source || r->row->echo)
		to_target(r);
	deliver_own(r);
}

static void to_umode_of(struct render *r, struct client *list)
{
	for (struct client *c = list; c != NULL; c = c->next) {
		const struct gw_session *to = c->pub.session;

		if (to == NULL || !(to->user->modes & r->row->umode) || to->sink == NULL)
			continue;
		if (to == r->event->source)
			deliver_own(r);
		else
			deliver(r, to);
	}
}

static void to_umode(struct render *r)
{
	to_umode_of(r, r->st->clients);
	to_umode_of(r, r->st->shadows);
}

static void (*const audiences[])(struct render *r) = {
	[GW_TO_CHANNEL] = to_channel,
	[GW_TO_PEERS] = to_peers,
	[GW_TO_TARGET] = to_target,
	[GW_TO_SOURCE] = to_source,
	[GW_TO_TARGET_AND_SOURCE] = to_target_and_source,
	[GW_TO_UMODE] = to_umode,
};

/* An event to a channel is none to a target, and the other way round, though its kind is the same.
 */
static bool concerns(const struct renderer *row, const struct gw_event *event)
{
	if (row->audience == GW_TO_CHANNEL)
		return event->channel != NULL && (event->channel->n_local > 0 || row->echo);
	if (row->audience == GW_TO_TARGET || row->audience == GW_TO_TARGET_AND_SOURCE)
		return event->target != NULL;
	return row->audience < sizeof(audiences) / sizeof(audiences[0]);
}

static void run_row(struct client_state *st, const struct renderer *row,
                    const struct gw_event *event, bool together)
{
	struct render r = {
		.st = st, .event = event, .row = row, .none_yet = true, .together = together};

	if (gw_call_fn(row->call) == NULL || !concerns(row, event))
		return;
	r.pub.line = line;
	r.mask = row->caps | st->bit.time | st->bit.tags;
	if (event->source != NULL && event->source->user->account != NULL)
		r.mask |= st->bit.account;
	if (together)
		r.mask |= st->bit.batch;
	audiences[row->audience](&r);
	st->counts.deliveries += r.delivered;
}

static bool shows(const struct renderer *row, const struct gw_event *event)
{
	if (row->event != NULL)
		return event->name != NULL && strcmp(row->event, event->name) == 0;
	return row->kind == event->kind;
}

void render_event(struct client_state *st, const struct gw_event *event)
{
	int32_t i = st->first_renderer[render_list(event->kind)];
	bool together;

	if (st->stop_reason != NULL)
		return;
	together = together_event(st, event);
	for (; i >= 0; i = st->renderers[i].next)
		if (shows(&st->renderers[i], event))
			run_row(st, &st->renderers[i], event, together);
}
