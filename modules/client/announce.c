/*
 * modules/client/announce.c - tells clients, at the end of the turn, what has changed in
 * capabilities and ISUPPORT.
 *
 * Later, because a module that is loaded, reloaded or taken away touches several tables one after
 * the other; a reload that leaves them as they were is then nothing that anybody sees. And some
 * clients in each turn, lest the server stand still while it tells ten thousand. What changes
 * meanwhile is told when all have heard of the change before it.
 */
#include "client.h"

enum { TOLD_MOST = 100, SEEN_MOST = 1000 }; /* clients in one turn */

static void announce_again(struct client_state *st)
{
	if (st->announce_due)
		return;
	st->announce_due = true;
	gw_defer(st->self, gw_call(st->self, CALL_ANNOUNCE, 0));
}

/* `values`: what functions answer may be otherwise too. */
void announce_later(struct client_state *st, bool values)
{
	if (values) {
		st->values_due = true;
		st->tokens_stale = true;
	}
	st->news_due = true;
	announce_again(st);
}

/* Those who come from now on are shown what is in force. */
static void news_begin(struct client_state *st)
{
	bool caps, tokens;

	news_free(st); /* the last who were to be told have gone */
	caps = caps_news(st);
	tokens = tokens_news(st);
	st->news_due = st->values_due = false;
	st->news.last = st->last_serial;
	st->news.next = caps || tokens ? st->clients : NULL;
}

/* Behind that client; NULL: who comes then has come since. */
static struct client *news_next(const struct client_state *st, const struct client *c)
{
	struct client *next = c->next;

	return next != NULL && clients_serial(next) <= st->news.last ? next : NULL;
}

/* True if there was something to say. */
static bool news_tell(struct client_state *st, struct client *c)
{
	struct label *label = label_pause(c);
	bool told = caps_tell(st, c);

	told = tokens_tell(st, c) || told;
	label_resume(c, label);
	return told;
}

static void news_go_on(struct client_state *st)
{
	struct news *news = &st->news;
	unsigned told = 0;

	for (unsigned seen = 0; seen < SEEN_MOST && told < TOLD_MOST && news->next != NULL;
	     seen++) {
		struct client *c = news->next;

		news->next = news_next(st, c);
		told += news_tell(st, c);
	}
	if (news->next == NULL)
		news_free(st);
}

void client_announce(void *state, uint64_t tag)
{
	struct client_state *st = state;

	(void)tag;
	st->announce_due = false;
	if (st->news.next == NULL && st->news_due)
		news_begin(st);
	news_go_on(st);
	if (st->news.next != NULL || st->news_due)
		announce_again(st);
}

bool news_awaits(const struct client_state *st, const struct client *c)
{
	uint64_t serial = clients_serial(c);

	return st->news.next != NULL && serial >= clients_serial(st->news.next) &&
	       serial <= st->news.last;
}

void news_passes(struct client_state *st, const struct client *c)
{
	if (st->news.next == c)
		st->news.next = news_next(st, c);
}

void news_free(struct client_state *st)
{
	struct news *news = &st->news;

	while (news->n_tokens > 0)
		gw_free(st->self, news->tokens[--news->n_tokens]);
	gw_free(st->self, news->tokens);
	news->tokens = NULL;
}
