/*
 * question.c - may this be said? The module message asks before a message becomes an event; the
 * first who refuses, with a sentence, ends it.
 */
#include "spam.h"
#include <errno.h>
#include <godwit/client.h>
#include <godwit/message.h>

static int64_t option(struct spam_state *st, const char *name)
{
	return gw_option_int(st->self, gw_options(st->self), name);
}

/* --- what is looked for --- */

typedef bool check_fn(struct spam_state *st, const struct gw_message_query *q);

/* The same on every server, as the sum moves along with the session: gw_hash() has a key of its own
 * on each. */
static uint64_t sum_of(const char *text)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (; *text != '\0'; text++)
		sum = (sum ^ (unsigned char)*text) * 0x100000001b3;
	return sum;
}

static bool is_repetition(struct spam_state *st, const struct gw_message_query *q)
{
	struct last *last = NETWORK(st, data, q->client->session, LAST);
	int64_t now = gw_mono_ns(st->self), most = option(st, "repeats");
	uint64_t sum = sum_of(q->text);

	if (last->sum != sum || now - last->first_ns > option(st, "repeat-window")) {
		last->sum = sum;
		last->first_ns = now;
		last->times = 0;
	}
	if (last->times < UINT32_MAX)
		last->times++;
	return most > 0 && last->times > most;
}

/* Words that are nicks of the channel's members. */
static bool is_highlighting(struct spam_state *st, const struct gw_message_query *q)
{
	int64_t most = option(st, "highlights"), n = 0;
	char nick[GW_NICK_MAX + 1];
	const char *at = q->text;

	if (q->channel == NULL || most == 0)
		return false;
	while (*(at += strspn(at, " ,:;@")) != '\0') {
		size_t len = strcspn(at, " ,:;@");
		struct gw_user *user = NULL;

		if (len <= GW_NICK_MAX) {
			snprintf(nick, sizeof(nick), "%.*s", (int)len, at);
			user = NETWORK(st, user, nick);
		}
		n += user != NULL && NETWORK(st, member, q->channel, user) != NULL;
		at += len;
	}
	return n > most;
}

/* From somebody without an account who came a moment ago. */
static bool is_newcomers_link(struct spam_state *st, const struct gw_message_query *q)
{
	const struct gw_user *user = q->client->session->user;
	int64_t here_ms = gw_wall_ns(st->self) / GW_MS - user->signon_ms;

	return user->account == NULL && here_ms < option(st, "newcomer") / GW_MS &&
	       (NETWORK(st, match, "*://*", q->text) || NETWORK(st, match, "*www.*", q->text));
}

static const struct {
	const char *name, *about;
	check_fn *fn;
} checks[CHECKS] = {
	[REPETITION] = {"repetition", "the same again and again", is_repetition},
	[HIGHLIGHTS] = {"highlights", "nicks of many members", is_highlighting},
	[LINKS] = {"links", "links of newcomers", is_newcomers_link},
};

const char *spam_check_name(size_t i)
{
	return checks[i].name;
}

const char *spam_check_about(size_t i)
{
	return checks[i].about;
}

/* --- the answer --- */

/* The sender learns which rule it was, and can ask an operator about it; the log says who. The code
 * stays 0: the numeric is the module message's choice. */
static int refuse(struct spam_state *st, const struct gw_message_query *q, const char *rule,
                  uint64_t *counter, struct gw_error *why)
{
	const struct gw_user *user = q->client->session->user;
	const char *text = gw_option_string(st->self, gw_options(st->self), "text");
	const char *place = strstr(text, PLACE);

	++*counter;
	gw_log(st->self, GW_INFO, "refused rule=%s nick=%s account=%s to=%s", rule, user->nick,
	       user->account != NULL ? user->account : "",
	       q->channel != NULL ? q->channel->name : q->target->nick);
	return gw_fail(why, -EACCES, "%.*s%s%s", (int)(place - text), text, rule,
	               place + strlen(PLACE));
}

int spam_may_send(void *state, uint64_t tag, void *payload, struct gw_error *why)
{
	const struct gw_message_query *q = payload;
	struct spam_state *st = state;
	struct rule *rule;

	(void)tag;
	if (q->verb == GW_TAGMSG || q->client->session->user->role != NULL)
		return 0;
	DL_FOREACH (st->rules, rule)
		if (NETWORK(st, match, rule->pattern, q->text))
			return refuse(st, q, rule->name, &rule->refused, why);
	for (size_t i = 0; i < CHECKS; i++)
		if (checks[i].fn(st, q))
			return refuse(st, q, checks[i].name, &st->refused[i], why);
	return 0;
}

/* --- what a session said last moves along with it --- */

/* Another server's monotonic clock is another: what goes over is how long ago it was. */
int spam_export(void *state, const struct gw_session *session, const void *data, void *out,
                size_t max, size_t *len_out)
{
	struct gw_parts parts = {.bytes = out, .max = max};
	const struct spam_state *st = state;
	const struct last *last = data;

	(void)session;
	gw_parts_u64(&parts, last->sum);
	gw_parts_u64(&parts, (uint64_t)(gw_mono_ns(st->self) - last->first_ns));
	gw_parts_u64(&parts, last->times);
	*len_out = parts.n;
	return parts.overflow ? -E2BIG : 0;
}

int spam_import(void *state, struct gw_session *session, void *data, const void *in, size_t len,
                struct gw_error *err)
{
	struct gw_blob parts = {in, len};
	uint64_t ago = gw_part_u64(parts, 1, 0);
	struct spam_state *st = state;
	struct last *last = data;

	(void)session, (void)err;
	if (ago > WINDOW_MAX) /* what another server says is bounded, too */
		ago = WINDOW_MAX;
	last->sum = gw_part_u64(parts, 0, 0);
	last->first_ns = gw_mono_ns(st->self) - (int64_t)ago;
	last->times = (uint32_t)gw_part_u64(parts, 2, 0);
	return 0;
}
