/*
 * modules/client/caps.c - capabilities by name and by bit.
 *
 * A name gets its bit when it is first seen and keeps it, so that gw_client.caps means the same
 * over reloads of any module. What is offered follows the rows of "client.cap".
 */
#include "client.h"

static struct cap *cap_find(struct client_state *st, const char *name)
{
	for (uint32_t i = 0; i < st->n_caps; i++)
		if (strcmp(st->caps[i].name, name) == 0)
			return &st->caps[i];
	return NULL;
}

uint64_t caps_bit(struct client_state *st, const char *name)
{
	struct cap *cap = cap_find(st, name);

	if (cap == NULL && st->n_caps < CAPS_MAX) {
		cap = &st->caps[st->n_caps++];
		cap->name = gw_strdup(st->self, name);
	}
	return cap != NULL ? (uint64_t)1 << (cap - st->caps) : 0;
}

/* Whom a value is the same for. */
unsigned caps_kind(const struct client *c)
{
	return (unsigned)c->pub.info->tls | (unsigned)c->pub.info->loopback << 1;
}

/* Whoever is the first to see another value, by CAP LS too: the others are still to be told. */
static void note_shown(struct client_state *st, struct cap *cap, unsigned kind, const char *value)
{
	uint32_t hash = (uint32_t)gw_hash(st->self, value, strlen(value)) | 1;

	if (cap->shown[kind] != 0 && cap->shown[kind] != hash)
		st->revalued[kind] |= (uint64_t)1 << (cap - st->caps);
	cap->shown[kind] = hash;
}

void caps_value(struct client_state *st, struct cap *cap, struct client *c, char *out, size_t max)
{
	typedef void value_fn(void *state, struct gw_client *, char *out, size_t max);
	struct gw_visit visit;
	value_fn *fn = (value_fn *)gw_visit(st->self, &visit, cap->value_call);

	out[0] = '\0';
	if (fn != NULL)
		fn(cap->value_call.module->state, &c->pub, out, max);
	else if (cap->value != NULL)
		snprintf(out, max, "%s", cap->value);
	gw_visit_end(st->self, &visit);
	note_shown(st, cap, caps_kind(c), out);
}

void caps_set(struct client_state *st, struct client *c, uint64_t caps)
{
	c->pub.caps = caps;
	if (c->pub.session != NULL)
		NETWORK(st, attach, c->pub.session, c->sink, caps);
}

uint64_t caps_offered(const struct client_state *st, const char *name, size_t n)
{
	for (uint32_t i = 0; i < st->n_caps; i++)
		if (st->caps[i].offered && strlen(st->caps[i].name) == n &&
		    memcmp(st->caps[i].name, name, n) == 0)
			return (uint64_t)1 << i;
	return 0;
}

uint64_t caps_visible(const struct client_state *st, uint64_t bits)
{
	for (uint32_t i = 0; i < st->n_caps; i++)
		if (st->caps[i].hidden)
			bits &= ~((uint64_t)1 << i);
	return bits;
}

void caps_names(const struct client_state *st, uint64_t bits, char *out, size_t max)
{
	size_t n = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < st->n_caps; i++) {
		const char *name = st->caps[i].name;

		if ((bits & (uint64_t)1 << i) && n + 1 + strlen(name) < max)
			n += (size_t)snprintf(out + n, max - n, "%s%s", n > 0 ? " " : "", name);
	}
}

static void own_bits(struct client_state *st)
{
	st->bit.batch = caps_bit(st, "batch");
	st->bit.label = caps_bit(st, "labeled-response");
	st->bit.tags = caps_bit(st, "message-tags");
	st->bit.time = caps_bit(st, "server-time");
	st->bit.account = caps_bit(st, "account-tag");
	st->bit.notify = caps_bit(st, "cap-notify");
	st->bit.standard = caps_bit(st, "standard-replies");
	st->bit.isupport = caps_bit(st, "draft/extended-isupport");
}

static void take_row(struct client_state *st, const struct gw_row *from)
{
	const struct gw_cap *row = from->row;
	uint64_t bit = caps_bit(st, row->name);
	struct cap *cap = cap_find(st, row->name);

	if (cap == NULL)
		return;
	gw_free(st->self, cap->value);
	cap->value = row->value != NULL ? gw_strdup(st->self, row->value) : NULL;
	cap->value_call = row->value_call != 0 ? gw_call(from->module, row->value_call, 0)
	                                       : (struct gw_call){0};
	cap->hidden = row->hidden;
	cap->offered = true;
	st->offered |= bit;
}

void caps_changed(void *state, uint64_t tag)
{
	struct client_state *st = state;
	const struct gw_row *rows;
	size_t n = gw_rows(st->self, GW_POINT_CAP, &rows);

	(void)tag;
	own_bits(st);
	st->offered = 0;
	for (uint32_t i = 0; i < st->n_caps; i++) {
		st->caps[i].offered = false;
		st->caps[i].value_call = (struct gw_call){0};
	}
	for (size_t i = 0; i < n; i++)
		take_row(st, &rows[i]);
	announce_later(st, false);
}

void caps_free(struct client_state *st)
{
	for (uint32_t i = 0; i < st->n_caps; i++) {
		gw_free(st->self, st->caps[i].name);
		gw_free(st->self, st->caps[i].value);
	}
	st->n_caps = 0;
}

void caps_notify(struct client_state *st, struct client *c, const char *verb, uint64_t bits,
                 bool values)
{
	char text[TEXT_MAX - 100] = "", word[300], value[200];
	size_t n = 0;

	for (uint32_t i = 0; i < st->n_caps; i++) {
		if (!(bits & (uint64_t)1 << i) || st->caps[i].hidden)
			continue;
		value[0] = '\0';
		if (values)
			caps_value(st, &st->caps[i], c, value, sizeof(value));
		snprintf(word, sizeof(word), "%.90s%s%s", st->caps[i].name,
		         value[0] != '\0' ? "=" : "", value);
		if (n + strlen(word) + 2 > sizeof(text)) {
			reply_line(st, c, NULL, "CAP %s %s :%s", c->pub.nick, verb, text);
			n = 0;
		}
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? " " : "", word);
	}
	if (n > 0)
		reply_line(st, c, NULL, "CAP %s %s :%s", c->pub.nick, verb, text);
}

/* Those of the list that are not told here, in lines of CAP DEL; the others as bits. */
static uint64_t not_here(struct client_state *st, struct client *c, const char *there)
{
	char text[TEXT_MAX - 100];
	uint64_t both = 0;
	size_t n = 0;

	while (*(there += strspn(there, " ")) != '\0') {
		size_t len = strcspn(there, " ");
		uint64_t bit = caps_offered(st, there, len) & st->announced;

		both |= bit;
		if (bit == 0 && n > 0 && n + len + 2 > sizeof(text)) {
			reply_line(st, c, NULL, "CAP %s DEL :%s", c->pub.nick, text);
			n = 0;
		}
		if (bit == 0 && len < sizeof(text) - 2)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s",
			                      n > 0 ? " " : "", (int)len, there);
		there += len;
	}
	if (n > 0)
		reply_line(st, c, NULL, "CAP %s DEL :%s", c->pub.nick, text);
	return both;
}

void caps_moved(struct client_state *st, struct client *c, const char *there)
{
	uint64_t both;

	if (!(c->pub.caps & st->bit.notify))
		return;
	both = not_here(st, c, there);
	caps_notify(st, c, "NEW", st->announced & ~both, c->cap_302);
}

/* Capabilities whose value is now another than the one that clients of this kind have seen. */
static uint64_t new_values(struct client_state *st, struct client *c)
{
	struct news *news = &st->news;
	unsigned kind = caps_kind(c);
	char value[200];

	if (!news->values || (news->kinds & 1u << kind))
		return news->changed[kind];
	for (uint32_t i = 0; i < st->n_caps; i++)
		if (st->caps[i].offered && st->caps[i].shown[kind] != 0)
			caps_value(st, &st->caps[i], c, value, sizeof(value));
	news->kinds |= (uint8_t)(1u << kind);
	news->changed[kind] = st->revalued[kind] & st->offered;
	st->revalued[kind] = 0;
	return news->changed[kind];
}

bool caps_news(struct client_state *st)
{
	struct news *news = &st->news;

	news->gone = st->announced & ~st->offered;
	news->come = st->offered & ~st->announced;
	news->values = st->values_due;
	news->kinds = 0;
	memset(news->changed, 0, sizeof(news->changed));
	st->announced = st->offered;
	return (news->gone | news->come) != 0 || news->values;
}

uint64_t caps_told(const struct client_state *st, const struct client *c)
{
	return news_awaits(st, c) ? (st->announced | st->news.gone) & ~st->news.come
	                          : st->announced;
}

bool caps_tell(struct client_state *st, struct client *c)
{
	struct news *news = &st->news;
	uint64_t changed = c->cap_302 ? new_values(st, c) : 0;

	if (c->pub.caps & news->gone)
		caps_set(st, c, c->pub.caps & ~news->gone);
	if (!(c->pub.caps & st->bit.notify) || c->closing || c->adopted)
		return false;
	caps_notify(st, c, "DEL", news->gone, false);
	caps_notify(st, c, "NEW", news->come | changed, c->cap_302);
	return (news->gone | news->come | changed) != 0;
}
