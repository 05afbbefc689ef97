/*
 * link/attempt.c - connections that are no links yet.
 *
 * An attempt has one deadline, set once; it reads one frame at a time, and whatever goes wrong ends
 * it in the same way: wiped, closed without a word, one line of log. What proves the other side
 * becomes a link (links.c), with the same connection.
 *
 *     target: T_TLS, T_HELLO, T_RESPONSE, T_DONE       source: S_TLS, S_CHALLENGE, S_DONE
 */
#include "link.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <utlist.h>

#define SENDQ_MAX 4096
#define TELL_AFTER 3 /* failures in a row */

enum attempt_state { T_TLS, T_HELLO, T_RESPONSE, T_DONE, S_TLS, S_CHALLENGE, S_DONE };

struct attempt {
	struct attempt *prev, *next;
	struct gw_conn *conn;
	struct gw_timer *deadline;
	struct exchange *x; /* from TLS on */
	struct place *place;
	struct gw_id server; /* of `known`; none: it joins, or the name is nobody's */
	int64_t since_ns;
	uint64_t dial;
	char name[LINK_NAME]; /* the other side's, as far as it has one */
	uint8_t pin[KEY_BYTES];
	uint8_t state;
	uint8_t code;   /* how it ended: CODE_OK until then */
	uint8_t doomed; /* target: what is wrong with the name; it fails with it at the end */
	bool source, joining, listed;
	bool ending; /* closed, only `closed` is still to come */
	bool quiet;  /* nobody wants to know how it ends */
};

/* --- beginning and end --- */

static struct attempt *attempt_new(struct link_state *st, struct place *place, uint8_t state)
{
	struct attempt *a = gw_alloc(st->self, sizeof(*a));

	a->place = place;
	a->state = state;
	a->since_ns = gw_mono_ns(st->self);
	a->deadline = gw_timer_new(
		st->self, gw_call(st->self, CALL_ATTEMPT_DEADLINE, (uint64_t)(uintptr_t)a));
	DL_APPEND(st->hs.attempts, a);
	return a;
}

static void attempt_free(struct link_state *st, struct attempt *a)
{
	if (a->source)
		a->place->open--;
	else
		limits_end(st->self, &st->hs.limits, a->place);
	if (a->x != NULL)
		exchange_free(&a->x);
	gw_timer_free(&a->deadline, st->self);
	DL_DELETE(st->hs.attempts, a);
	gw_free(st->self, a);
}

/* Owns the connection from its first moment; the input is bounded by the longest frame, and a
 * little that shows that there is more. */
static struct gw_conn_owner owner_of(struct link_state *st, struct attempt *a)
{
	return (struct gw_conn_owner){
		.module = st->self,
		.data = a,
		.ready = CALL_ATTEMPT_READY,
		.line = CALL_ATTEMPT_BYTES,
		.drained = CALL_ATTEMPT_DRAINED,
		.closed = CALL_ATTEMPT_CLOSED,
		.recvq_max = FRAME_LONGEST + FRAME_HEAD,
		.sendq_max = SENDQ_MAX,
		.bytes = true,
	};
}

static const char *state_name(uint8_t state)
{
	static const char *const names[] = {
		[T_TLS] = "T_TLS",   [T_HELLO] = "T_HELLO", [T_RESPONSE] = "T_RESPONSE",
		[T_DONE] = "T_DONE", [S_TLS] = "S_TLS",     [S_CHALLENGE] = "S_CHALLENGE",
		[S_DONE] = "S_DONE",
	};

	return names[state];
}

static const char *peer_text(struct link_state *st, const struct attempt *a)
{
	const struct gw_conn_info *info = gw_conn_info(st->self, a->conn);

	if (a->source || strcmp(info->address, "unix") == 0)
		return info->listener;
	return info->address;
}

/* `why`: what the system said, "" if a code says it all. */
static void log_end(struct link_state *st, const struct attempt *a, const char *why)
{
	char words[KEY_WORDS_SIZE] = "-";
	int64_t now = gw_mono_ns(st->self);

	if (!limits_may_say(a->place, now))
		return;
	if (a->code == CODE_OK)
		key_words(a->x->peer_key, words);
	gw_log(st->self, a->code == CODE_OK ? GW_INFO : GW_WARN,
	       "link-handshake role=%s peer=%s name=%s key=%s result=%s state=%s ms=%lld%s%s",
	       a->source ? "source" : "target", peer_text(st, a),
	       a->name[0] != '\0' ? a->name : "-", words, code_name(a->code), state_name(a->state),
	       (long long)((now - a->since_ns) / GW_MS), *why != '\0' ? " " : "", why);
}

/* Operators hear once of a row of failures: of a server that is dialled, or that dials from where
 * it is known to be. */
static void count_end(struct link_state *st, struct attempt *a, const char *sentence)
{
	st->hs.ended[a->code]++;
	if (a->code == CODE_OK) {
		a->place->failures = 0;
		return;
	}
	if (++a->place->failures != TELL_AFTER || (!a->source && !a->listed))
		return;
	link_tell_operators(st, "%d attempts in a row to link %s %s%s%s have failed; the last: %s.",
	                    TELL_AFTER, a->source ? "to" : "from", peer_text(st, a),
	                    a->name[0] != '\0' ? " as " : "", a->name, sentence);
}

/* The one end of all that fails: nothing is told to the other side. */
static void attempt_end(struct link_state *st, struct attempt *a, enum code code)
{
	if (a->ending)
		return;
	a->ending = true;
	a->code = (uint8_t)code;
	if (a->x != NULL)
		exchange_free(&a->x);
	gw_timer_set(a->deadline, st->self, -1);
	gw_conn_close(st->self, a->conn, GW_CLOSE_NOW, code_name(code));
}

/* A connection that ended by itself says why in words. */
static enum code code_of(const struct attempt *a, const char *reason)
{
	bool up = a->state != T_TLS && a->state != S_TLS;

	if (strcmp(reason, "TLS handshake timed out") == 0)
		return CODE_TIMEOUT;
	if (!up && strncmp(reason, "TLS", 3) == 0)
		return CODE_TLS;
	if (strcmp(reason, "Input too long") == 0)
		return CODE_FRAME;
	if (strcmp(reason, "Connection closed") == 0 ||
	    strcmp(reason, "Connection reset by peer") == 0)
		return CODE_EOF;
	return CODE_IO;
}

void attempt_closed(void *state, void *data, const char *reason)
{
	struct link_state *st = state;
	struct attempt *a = data;
	char sentence[256];
	uint64_t dial = a->dial;
	uint8_t code;

	if (!a->ending)
		a->code = a->doomed != CODE_OK ? a->doomed : (uint8_t)code_of(a, reason);
	code = a->code;
	if (code == CODE_IO || code == CODE_TLS)
		snprintf(sentence, sizeof(sentence), "%s", reason);
	else
		snprintf(sentence, sizeof(sentence), "%s", code_sentence(code));
	if (!a->quiet) {
		log_end(st, a, code == CODE_IO || code == CODE_TLS ? reason : "");
		count_end(st, a, sentence);
	}
	if (a->quiet || !a->source)
		dial = 0;
	attempt_free(st, a);
	if (dial != 0)
		uplinks_ended(st, dial, code_name(code), sentence);
}

void attempt_deadline(void *state, uint64_t tag)
{
	struct attempt *a = (struct attempt *)(uintptr_t)tag;

	attempt_end(state, a, a->doomed != CODE_OK ? (enum code)a->doomed : CODE_TIMEOUT);
}

/* The other side is proved: the connection becomes a link. */
static void attempt_born(struct link_state *st, struct attempt *a)
{
	struct proved who = {.source = a->source, .joining = a->joining, .dial = a->dial};
	struct gw_conn *conn = a->conn;

	snprintf(who.name, sizeof(who.name), "%s", a->x->peer_name);
	memcpy(who.key, a->x->peer_key, KEY_BYTES);
	memcpy(who.own_key, a->x->own_key, KEY_BYTES);
	memcpy(who.binding, a->x->binding, BINDING_BYTES);
	snprintf(a->name, sizeof(a->name), "%s", who.name);
	log_end(st, a, "");
	count_end(st, a, "");
	attempt_free(st, a);
	link_born(st, conn, &who);
	if (who.source)
		uplinks_ended(st, who.dial, code_name(CODE_OK), "");
	else
		gw_conn_resume(st->self, conn); /* what came behind RESPONSE waits */
}

/* --- the target --- */

/* Who the name is, and to which key the challenge is sealed: for a name that is not to be had, to
 * the decoy, and all goes on as ever. Nothing else may depend on it. */
static void name_look(struct link_state *st, struct attempt *a, uint8_t key_out[KEY_BYTES])
{
	const struct known *known = known_by_name(st, a->name);
	const struct known_key *key = known != NULL ? known_oldest_key(known) : NULL;
	const uint8_t *candidates[] = {st->hs.decoy, key != NULL ? key->pk : st->hs.decoy};
	char self_name[LINK_NAME];
	bool self;
	uint8_t mask;

	own_name(st, self_name);
	self = strcmp(self_name, a->name) == 0;
	if (self)
		a->doomed = CODE_SELF;
	else if (known == NULL)
		a->doomed = CODE_UNKNOWN;
	else if (key == NULL)
		a->doomed = CODE_REVOKED;
	else
		a->server = known->id;
	mask = (uint8_t)(-(int)self);
	for (size_t i = 0; i < KEY_BYTES; i++)
		key_out[i] = (candidates[0][i] & mask) | (candidates[1][i] & (uint8_t)~mask);
}

static enum code came_hello(struct link_state *st, struct attempt *a, const uint8_t *frame)
{
	uint8_t out[FRAME_CHALLENGE], key[KEY_BYTES];
	struct fresh fresh;
	enum code code = target_hello(frame, a->name);

	if (code != CODE_OK) {
		a->name[0] = '\0';
		return code;
	}
	name_look(st, a, key);
	fresh_draw(st, &fresh);
	code = target_challenge(a->x, a->name, key, own_pair(st)->pk, &fresh, out);
	sodium_memzero(&fresh, sizeof(fresh));
	if (code != CODE_OK)
		return code;
	gw_sink_write(st->self, gw_conn_sink(st->self, a->conn), out, sizeof(out));
	a->state = T_RESPONSE;
	return CODE_OK;
}

/* The database at hand counts, as it is now. */
static enum code still_live(struct link_state *st, const struct attempt *a)
{
	const struct known *known = known_by_id(st, a->server);

	if (known == NULL)
		return CODE_UNKNOWN;
	return known_has_key(known, a->x->peer_key) ? CODE_OK : CODE_REVOKED;
}

static enum code came_response(struct link_state *st, struct attempt *a, const uint8_t *frame)
{
	const struct key_pair *own = own_pair_of(st, a->x->own_key);
	uint8_t out[FRAME_DONE];
	enum code code = own != NULL ? target_response(a->x, own, frame, out) : CODE_REVOKED;

	if (a->doomed != CODE_OK)
		code = a->doomed;
	else if (code == CODE_OK)
		code = still_live(st, a);
	if (code == CODE_OK) {
		gw_sink_write(st->self, gw_conn_sink(st->self, a->conn), out, sizeof(out));
		a->state = T_DONE;
		gw_conn_wait_drain(st->self, a->conn, 1);
	}
	sodium_memzero(out, sizeof(out));
	return code;
}

void attempt_drained(void *state, void *data)
{
	struct attempt *a = data;

	if (a->state == T_DONE && !a->ending)
		attempt_born(state, a);
}

/* --- the source --- */

/* Whom it dialled, with the keys that the database has for it now. */
static enum code expectation_of(struct link_state *st, const struct attempt *a,
                                uint8_t keys[KEYS_PER_SERVER][KEY_BYTES], struct expectation *out)
{
	const struct known *known = a->joining ? NULL : known_by_id(st, a->server);

	*out = (struct expectation){
		.name = a->joining ? NULL : a->name,
		.keys = (const uint8_t(*)[KEY_BYTES])keys,
		.own = st->hs.own->pairs,
		.n_own = st->hs.own->n,
	};
	if (a->joining)
		memcpy(keys[out->n_keys++], a->pin, KEY_BYTES);
	else if (known == NULL)
		return CODE_UNKNOWN;
	for (size_t i = 0; known != NULL && i < known->n_keys; i++)
		if (!known->keys[i].revoked)
			memcpy(keys[out->n_keys++], known->keys[i].pk, KEY_BYTES);
	return CODE_OK;
}

static enum code came_challenge(struct link_state *st, struct attempt *a, const uint8_t *frame)
{
	uint8_t keys[KEYS_PER_SERVER][KEY_BYTES], out[FRAME_RESPONSE];
	struct expectation expect;
	struct fresh fresh;
	enum code code = expectation_of(st, a, keys, &expect);

	if (code != CODE_OK)
		return code;
	fresh_draw(st, &fresh);
	code = source_challenge(a->x, &expect, &fresh, frame, out);
	sodium_memzero(&fresh, sizeof(fresh));
	if (code != CODE_OK)
		return code;
	gw_sink_write(st->self, gw_conn_sink(st->self, a->conn), out, sizeof(out));
	a->state = S_DONE;
	return CODE_OK;
}

static enum code came_done(struct link_state *st, struct attempt *a, const uint8_t *frame)
{
	enum code code = source_done(a->x, frame);

	if (code == CODE_OK && !a->joining)
		code = still_live(st, a);
	return code;
}

/* --- both --- */

/* What is read in a state. The link's own frames may follow DONE, and nothing any other. */
static const struct step {
	enum code (*came)(struct link_state *, struct attempt *, const uint8_t *frame);
	enum frame_type type;
	bool last;
} steps[] = {
	[T_HELLO] = {came_hello, TYPE_HELLO, false},
	[T_RESPONSE] = {came_response, TYPE_RESPONSE, false},
	[S_CHALLENGE] = {came_challenge, TYPE_CHALLENGE, false},
	[S_DONE] = {came_done, TYPE_DONE, true},
};

enum gw_line_verdict attempt_bytes(void *state, void *data, const uint8_t *p, size_t n,
                                   size_t *used_out)
{
	struct link_state *st = state;
	struct attempt *a = data;
	const struct step *step = &steps[a->state];
	enum code code = CODE_FRAME;
	int size;

	*used_out = 0;
	if (a->ending || a->state == T_DONE)
		return GW_LINE_STOP;
	size = frame_look(step->type, p, step->last && n > FRAME_DONE ? FRAME_DONE : n);
	if (size == 0)
		return GW_LINE_NEXT;
	if (size > 0)
		code = step->came(st, a, p);
	if (code != CODE_OK) {
		attempt_end(st, a, code);
		return GW_LINE_STOP;
	}
	*used_out = (size_t)size;
	if (step->last)
		attempt_born(st, a);
	else if (a->state == T_DONE)
		return GW_LINE_STOP;
	return GW_LINE_NEXT;
}

void attempt_ready(void *state, void *data)
{
	struct link_state *st = state;
	struct attempt *a = data;
	const struct gw_conn_info *info = gw_conn_info(st->self, a->conn);
	uint8_t hello[FRAME_HELLO];

	if (a->ending)
		return;
	a->x = info->has_binding ? exchange_new(st, info->binding) : NULL;
	if (a->x == NULL) {
		attempt_end(st, a, info->has_binding ? CODE_IO : CODE_TLS);
	} else if (a->source) {
		source_hello(a->x, hello);
		gw_sink_write(st->self, gw_conn_sink(st->self, a->conn), hello, sizeof(hello));
		a->state = S_CHALLENGE;
	} else {
		a->state = T_HELLO;
	}
}

/* Refused before anything is spent on it, TLS above all. */
static int refuse(struct link_state *st, const struct gw_conn_info *info, const char *name)
{
	struct place *place = limits_place(st->self, &st->hs.limits, name, false);

	st->hs.ended[CODE_LIMIT]++;
	if (place == NULL)
		st->hs.limits.unsaid++;
	else if (limits_may_say(place, gw_mono_ns(st->self)))
		gw_log(st->self, GW_WARN,
		       "link-handshake role=target peer=%s name=- key=- result=%s state=- ms=0",
		       info->address, code_name(CODE_LIMIT));
	return -EAGAIN;
}

int attempt_accept(void *state, struct gw_conn *conn, char farewell[512])
{
	struct link_state *st = state;
	const struct gw_conn_info *info = gw_conn_info(st->self, conn);
	bool listed = known_lists_address(st, info->address);
	struct gw_conn_owner owner;
	char name[PLACE_MAX];
	struct place *place;
	struct attempt *a;

	(void)farewell;
	place_name(info->address, info->listener, name);
	place = limits_begin(st->self, &st->hs.limits, name, listed);
	if (place == NULL)
		return refuse(st, info, name);
	a = attempt_new(st, place, T_TLS);
	a->listed = listed;
	a->conn = conn;
	owner = owner_of(st, a);
	gw_conn_own(st->self, conn, &owner);
	gw_timer_set(a->deadline, st->self, st->hs.deadline_accept_ns);
	return 0;
}

void attempt_dial(struct link_state *st, uint64_t dial, const char *address, const struct known *to,
                  const uint8_t pin[KEY_BYTES])
{
	struct gw_dial wanted = {.address = address, .tls = GW_TLS_LINK};
	char name[PLACE_MAX];
	struct place *place;
	struct attempt *a;

	snprintf(name, sizeof(name), "> %s", address);
	place = limits_place(st->self, &st->hs.limits, name, true);
	place->open++;
	a = attempt_new(st, place, S_TLS);
	a->source = true;
	a->dial = dial;
	a->joining = to == NULL;
	if (to == NULL) {
		memcpy(a->pin, pin, KEY_BYTES);
	} else {
		a->server = to->id;
		snprintf(a->name, sizeof(a->name), "%s", to->folded);
	}
	wanted.owner = owner_of(st, a);
	a->conn = gw_conn_dial(st->self, &wanted);
	gw_timer_set(a->deadline, st->self, st->hs.deadline_dial_ns);
}

void attempts_cancel(struct link_state *st, uint64_t dial)
{
	struct attempt *a;

	DL_FOREACH (st->hs.attempts, a) {
		if (!a->source || a->dial != dial)
			continue;
		a->quiet = true;
		attempt_end(st, a, CODE_EOF);
	}
}

/* A target that waits for RESPONSE looks when it comes: until then it must not differ from one that
 * has challenged a stranger. */
void attempts_recheck(struct link_state *st)
{
	struct attempt *a;
	enum code code;

	DL_FOREACH (st->hs.attempts, a) {
		if (gw_id_none(a->server) || a->ending || a->state == T_RESPONSE)
			continue;
		if (a->state == T_DONE || a->state == S_DONE)
			code = still_live(st, a);
		else
			code = known_by_id(st, a->server) != NULL ? CODE_OK : CODE_UNKNOWN;
		if (code != CODE_OK)
			attempt_end(st, a, code);
	}
}

void attempts_free(struct link_state *st)
{
	struct attempt *a, *next;

	DL_FOREACH_SAFE (st->hs.attempts, a, next) {
		gw_conn_close(st->self, a->conn, GW_CLOSE_NOW, "link is unloaded");
		attempt_free(st, a);
	}
}
