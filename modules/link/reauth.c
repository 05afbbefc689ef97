/*
 * link/reauth.c - a new key for a link that is up.
 *
 * A link rests on one key of each side, and ends when one of them is revoked. So a server whose new
 * key has come into the database proves it on each of its links, in place: the handshake's frames
 * inside of control frames, with the binding of the same TLS connection, itself as source, whoever
 * dialled. What fails leaves the link as it was, and is tried again each minute: the other side may
 * not have heard of the new key yet.
 */
#include "link.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define EACH (60 * GW_SECOND)
#define SETTLE (2 * GW_SECOND)  /* the news of a new key reaches neighbours a little later */
#define AT_MOST_EACH (EACH / 2) /* of the other side, whose minutes come a little late or early */

struct reauth {
	struct exchange *source, *target; /* NULL: none under way */
	uint8_t wanted[KEY_BYTES];        /* the own key that the link shall rest on */
	int64_t next_ns;                  /* when this side may begin again */
	int64_t next_asked_ns;            /* when the other side may */
};

static struct reauth *reauth_of(struct link_state *st, struct link *link)
{
	struct reauth **place = link_reauth(link);

	if (*place == NULL)
		*place = gw_alloc(st->self, sizeof(**place));
	return *place;
}

static void drop(struct exchange **x)
{
	if (*x != NULL)
		exchange_free(x);
}

void reauth_free(struct link_state *st, struct link *link)
{
	struct reauth **place = link_reauth(link);

	if (*place == NULL)
		return;
	drop(&(*place)->source);
	drop(&(*place)->target);
	gw_free(st->self, *place);
	*place = NULL;
}

static void say(struct link_state *st, struct link *link, const char *role, enum code code,
                const uint8_t *key)
{
	char words[KEY_WORDS_SIZE] = "-";

	if (code == CODE_OK)
		key_words(key, words);
	gw_log(st->self, code == CODE_OK ? GW_INFO : GW_WARN,
	       "link-reauth role=%s name=%s key=%s result=%s", role, link_who(link)->name, words,
	       code_name(code));
}

/* --- this side has a new key --- */

/* The newest live key of this server of which it has the secret; NULL: none. */
static const uint8_t *wanted_key(struct link_state *st)
{
	const struct known *own = known_ready(st) ? known_own(st) : NULL;

	for (size_t i = own != NULL ? own->n_keys : 0; i > 0; i--)
		if (!own->keys[i - 1].revoked && own_pair_of(st, own->keys[i - 1].pk) != NULL)
			return own->keys[i - 1].pk;
	return NULL;
}

static void begin(struct link_state *st, struct link *link, struct reauth *r)
{
	uint8_t hello[FRAME_HELLO];

	r->next_ns = gw_mono_ns(st->self) + EACH;
	drop(&r->source);
	r->source = exchange_new(st, link_who(link)->binding);
	if (r->source == NULL)
		return;
	source_hello(r->source, hello);
	link_control_reauth(st, link, hello, sizeof(hello));
}

/* Begins if it is time; gives the time of the next try. */
static int64_t look_at(struct link_state *st, struct link *link, const uint8_t *wanted)
{
	struct reauth *r = reauth_of(st, link);
	int64_t now = gw_mono_ns(st->self);

	if (memcmp(r->wanted, wanted, KEY_BYTES) != 0) {
		memcpy(r->wanted, wanted, KEY_BYTES);
		if (r->next_ns < now + SETTLE)
			r->next_ns = now + SETTLE;
	}
	if (now >= r->next_ns)
		begin(st, link, r);
	return r->next_ns;
}

void reauth_look(struct link_state *st)
{
	const uint8_t *wanted = wanted_key(st);
	int64_t next_ns = INT64_MAX, at;
	struct link *link = NULL;

	if (wanted == NULL)
		return;
	while ((link = links_next(st, link)) != NULL) {
		if (link_who(link)->joining ||
		    memcmp(link_who(link)->own_key, wanted, KEY_BYTES) == 0)
			continue;
		at = look_at(st, link, wanted);
		next_ns = at < next_ns ? at : next_ns;
	}
	if (next_ns != INT64_MAX)
		gw_timer_set(st->hs.reauth, st->self, next_ns - gw_mono_ns(st->self));
}

void reauth_tick(void *state, uint64_t tag)
{
	(void)tag;
	reauth_look(state);
}

static size_t live_keys(struct link_state *st, const char *name,
                        uint8_t keys[KEYS_PER_SERVER][KEY_BYTES])
{
	const struct known *known = known_by_name(st, name);
	size_t n = 0;

	for (size_t i = 0; known != NULL && i < known->n_keys; i++)
		if (!known->keys[i].revoked)
			memcpy(keys[n++], known->keys[i].pk, KEY_BYTES);
	return n;
}

static void came_challenge(struct link_state *st, struct link *link, struct reauth *r,
                           const uint8_t *frame)
{
	uint8_t keys[KEYS_PER_SERVER][KEY_BYTES], out[FRAME_RESPONSE];
	char name[LINK_NAME];
	struct expectation expect = {
		.name = name,
		.keys = (const uint8_t(*)[KEY_BYTES])keys,
		.n_keys = live_keys(st, link_who(link)->name, keys),
		.own = st->hs.own->pairs,
		.n_own = st->hs.own->n,
	};
	struct fresh fresh;
	enum code code;

	if (r->source == NULL)
		return;
	link_name_fold(link_who(link)->name, name);
	fresh_draw(st, &fresh);
	code = source_challenge(r->source, &expect, &fresh, frame, out);
	sodium_memzero(&fresh, sizeof(fresh));
	if (code != CODE_OK)
		say(st, link, "source", code, NULL);
	if (code == CODE_OK && memcmp(r->source->own_key, link_who(link)->own_key, KEY_BYTES) != 0)
		link_control_reauth(st, link, out, sizeof(out));
	else
		drop(&r->source); /* or the other side does not know the new key yet */
}

static void came_done(struct link_state *st, struct link *link, struct reauth *r,
                      const uint8_t *frame)
{
	enum code code;

	if (r->source == NULL)
		return;
	code = source_done(r->source, frame);
	say(st, link, "source", code, r->source->own_key);
	if (code == CODE_OK)
		link_rest_on(st, link, r->source->own_key, r->source->peer_key);
	drop(&r->source);
}

/* --- the other side has a new key --- */

static void came_hello(struct link_state *st, struct link *link, struct reauth *r)
{
	const struct proved *who = link_who(link);
	const struct known *known = known_by_name(st, who->name);
	const struct known_key *key = known != NULL ? known_newest_key(known) : NULL;
	const struct key_pair *own = own_pair_of(st, who->own_key);
	int64_t now = gw_mono_ns(st->self);
	uint8_t out[FRAME_CHALLENGE];
	char name[LINK_NAME];
	struct fresh fresh;

	if (now < r->next_asked_ns || key == NULL)
		return;
	r->next_asked_ns = now + AT_MOST_EACH;
	drop(&r->target);
	r->target = exchange_new(st, who->binding);
	if (r->target == NULL)
		return;
	link_name_fold(who->name, name);
	fresh_draw(st, &fresh);
	if (target_challenge(r->target, name, key->pk, (own != NULL ? own : own_pair(st))->pk,
	                     &fresh, out) == CODE_OK)
		link_control_reauth(st, link, out, sizeof(out));
	else
		drop(&r->target);
	sodium_memzero(&fresh, sizeof(fresh));
}

static enum code judge_response(struct link_state *st, const struct link *link, struct reauth *r,
                                const uint8_t *frame, uint8_t out[FRAME_DONE])
{
	const struct key_pair *own = own_pair_of(st, r->target->own_key);
	const struct known *known = known_by_name(st, link_who(link)->name);

	if (own == NULL || known == NULL || !known_has_key(known, r->target->peer_key))
		return CODE_REVOKED;
	return target_response(r->target, own, frame, out);
}

static void came_response(struct link_state *st, struct link *link, struct reauth *r,
                          const uint8_t *frame)
{
	uint8_t out[FRAME_DONE];
	enum code code;

	if (r->target == NULL)
		return;
	code = judge_response(st, link, r, frame, out);
	say(st, link, "target", code, r->target->peer_key);
	if (code == CODE_OK) {
		link_control_reauth(st, link, out, sizeof(out));
		link_rest_on(st, link, r->target->own_key, r->target->peer_key);
	}
	drop(&r->target);
}

int reauth_input(struct link_state *st, struct link *link, const uint8_t *p, size_t n,
                 struct gw_error *why)
{
	char said[LINK_NAME], name[LINK_NAME];
	struct reauth *r = reauth_of(st, link);

	switch (frame_type_of(p, n)) {
	case TYPE_HELLO:
		link_name_fold(link_who(link)->name, name);
		if (target_hello(p, said) != CODE_OK || strcmp(said, name) != 0)
			return gw_fail(why, -EBADMSG, "It wants to be another server than it is.");
		came_hello(st, link, r);
		return 0;
	case TYPE_CHALLENGE:
		came_challenge(st, link, r, p);
		return 0;
	case TYPE_RESPONSE:
		came_response(st, link, r, p);
		return 0;
	case TYPE_DONE:
		came_done(st, link, r, p);
		return 0;
	default:
		return gw_fail(why, -EBADMSG, "What it sent is no part of a handshake.");
	}
}
