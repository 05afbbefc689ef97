/*
 * modules/client/isupport.c - what 005 says. Each token is a row of some module; a row that has
 * nothing true to say hides itself.
 *
 * The tokens are put together when they have changed, not for each client, and kept: the next
 * change is told by the difference.
 */
#include "client.h"

#define TOKENS_PER_LINE 13

bool client_token_network(void *state, char *out, size_t max)
{
	const struct client_state *st = state;
	size_t n = 0;

	for (const char *c = st->network_name; *c != '\0' && n + 5 < max; c++)
		n += (size_t)(*c == ' ' ? snprintf(out + n, max - n, "\\x20")
		                        : snprintf(out + n, max - n, "%c", *c));
	return n > 0;
}

bool client_token_targmax(void *state, char *out, size_t max)
{
	const struct client_state *st = state;
	const struct gw_row *rows;
	size_t n = gw_rows(st->self, GW_POINT_TARGMAX, &rows), at = 0;

	for (size_t i = 0; i < n && at < max; i++) {
		const struct gw_targmax *row = rows[i].row;

		at += (size_t)snprintf(out + at, max - at, "%s%s:", i > 0 ? "," : "", row->name);
		if (row->max > 0 && at < max)
			at += (size_t)snprintf(out + at, max - at, "%u", row->max);
	}
	return n > 0 && at < max;
}

static bool ask_value(struct gw_self *self, const struct gw_row *from, char *out, size_t max)
{
	typedef bool value_fn(void *state, char *out, size_t max);
	const struct gw_isupport *row = from->row;
	struct gw_visit visit;
	value_fn *fn =
		(value_fn *)gw_visit(self, &visit, gw_call(from->module, row->value_call, 0));
	bool shown = fn != NULL && fn(from->module->state, out, max);

	gw_visit_end(self, &visit);
	return shown;
}

/* "NAME=value", or false. */
static bool token_text(struct gw_self *self, const struct gw_row *from, char *out, size_t max)
{
	const struct gw_isupport *row = from->row;
	char value[300] = "";

	if (row->value_call != 0 && !ask_value(self, from, value, sizeof(value)))
		return false;
	if (row->value_call == 0 && row->value != NULL)
		snprintf(value, sizeof(value), "%s", row->value);
	snprintf(out, max, "%.60s%s%s", row->name, value[0] != '\0' ? "=" : "", value);
	return true;
}

void tokens_free(struct client_state *st)
{
	for (size_t i = 0; i < st->n_tokens; i++)
		gw_free(st->self, st->tokens[i]);
	gw_free(st->self, st->tokens);
	st->tokens = NULL;
	st->n_tokens = 0;
}

static void tokens_make(struct client_state *st)
{
	const struct gw_row *rows;
	size_t n = gw_rows(st->self, GW_POINT_ISUPPORT, &rows);
	char text[400];

	st->tokens = gw_alloc(st->self, (n + 1) * sizeof(*st->tokens));
	st->n_tokens = 0;
	for (size_t i = 0; i < n; i++)
		if (token_text(st->self, &rows[i], text, sizeof(text)))
			st->tokens[st->n_tokens++] = gw_strdup(st->self, text);
	st->tokens_stale = false;
}

void tokens_changed(void *state, uint64_t tag)
{
	struct client_state *st = state;

	(void)tag;
	st->tokens_stale = true;
	announce_later(st, false);
}

static void send_lines(struct client_state *st, struct client *c, char *const *tokens, size_t n)
{
	char text[TEXT_MAX - 150];
	bool batched = (c->pub.caps & st->bit.batch) && (c->pub.caps & st->bit.isupport);
	size_t at = 0, count = 0;

	if (n == 0)
		return;
	if (batched)
		batch_begin(st, c, "draft/isupport");
	for (size_t i = 0; i < n; i++) {
		if (count == TOKENS_PER_LINE ||
		    (count > 0 && at + 1 + strlen(tokens[i]) >= sizeof(text))) {
			reply_numeric(st, c, 5, "%s :are supported by this server", text);
			at = count = 0;
		}
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", count > 0 ? " " : "",
		                       tokens[i]);
		count++;
	}
	reply_numeric(st, c, 5, "%s :are supported by this server", text);
	if (batched)
		batch_end(st, c);
}

static bool has_token(char *const *tokens, size_t n, const char *token)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(tokens[i], token) == 0)
			return true;
	return false;
}

static size_t name_length(const char *token)
{
	return strcspn(token, "=");
}

/* What is new or has another value, then the names that are gone. */
static size_t difference(struct client_state *st, char **old, size_t n_old, char **out)
{
	size_t n = 0;
	char text[80];

	for (size_t i = 0; i < st->n_tokens; i++)
		if (!has_token(old, n_old, st->tokens[i]))
			out[n++] = gw_strdup(st->self, st->tokens[i]);
	for (size_t i = 0; i < n_old; i++) {
		size_t len = name_length(old[i]);
		bool there = false;

		for (size_t j = 0; j < st->n_tokens && !there; j++)
			there = name_length(st->tokens[j]) == len &&
			        strncmp(st->tokens[j], old[i], len) == 0;
		if (there)
			continue;
		snprintf(text, sizeof(text), "-%.*s", (int)len, old[i]);
		out[n++] = gw_strdup(st->self, text);
	}
	return n;
}

static bool hears_changes(struct client_state *st, const struct client *c)
{
	return !c->closing && !c->adopted &&
	       (c->pub.session != NULL || (c->pub.caps & st->bit.isupport));
}

bool tokens_news(struct client_state *st)
{
	char **old = st->tokens;
	size_t n_old = st->n_tokens;

	if (!st->tokens_stale)
		return false;
	tokens_make(st);
	if (old != NULL) {
		st->news.tokens = gw_alloc(st->self, (n_old + st->n_tokens + 1) * sizeof(char *));
		st->news.n_tokens = difference(st, old, n_old, st->news.tokens);
	}
	while (n_old > 0)
		gw_free(st->self, old[--n_old]);
	gw_free(st->self, old);
	return st->news.n_tokens > 0;
}

bool tokens_tell(struct client_state *st, struct client *c)
{
	if (st->news.n_tokens == 0 || !hears_changes(st, c))
		return false;
	send_lines(st, c, st->news.tokens, st->news.n_tokens);
	return true;
}

/* FNV-1a: the hash of gw_hash() is another one on each server. */
static uint64_t token_digest(const char *token)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *token != '\0'; token++)
		hash = (hash ^ (unsigned char)*token) * 0x100000001b3;
	return hash;
}

uint64_t tokens_digest(struct client_state *st)
{
	uint64_t sum = 0;

	if (st->tokens == NULL)
		tokens_make(st);
	for (size_t i = 0; i < st->n_tokens; i++)
		sum += token_digest(st->tokens[i]);
	return sum;
}

void isupport_send(struct client_state *st, struct client *c)
{
	if (st->tokens == NULL)
		tokens_make(st);
	send_lines(st, c, st->tokens, st->n_tokens);
}

void client_isupport(void *state, struct gw_client *client, const struct gw_message *m)
{
	struct client_state *st = state;
	struct client *c = client_of(client);

	(void)m;
	if (c->pub.state != GW_CONNECTED && !(c->pub.caps & st->bit.isupport))
		reply_numeric(st, c, 451, ":You have not registered");
	else
		isupport_send(st, c);
}
