/*
 * link/handshakes.c - what the handshake's parts share: this server's own keys, the decoy, options,
 * counters.
 *
 * Secrets are in pages of libsodium, locked and left out of core files. They belong to the process
 * and not to an image of this module, so the state points to them over reloads.
 */
#include "keyfile.h"
#include "link.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define MINUTE (60 * GW_SECOND)

/* --- own name, own keys --- */

void own_name(struct link_state *st, char out[LINK_NAME])
{
	link_name_fold(gw_server_string(st->self, "server"), out);
}

const uint8_t *own_key(const struct link_state *st)
{
	return st->hs.own->pairs[0].pk;
}

const struct key_pair *own_pair(struct link_state *st)
{
	const struct own_keys *own = st->hs.own;
	const struct known *known = known_own(st);

	for (size_t i = 0; known != NULL && i < own->n; i++)
		if (known_has_key(known, own->pairs[i].pk))
			return &own->pairs[i];
	return &own->pairs[0];
}

const struct key_pair *own_pair_of(const struct link_state *st, const uint8_t pk[KEY_BYTES])
{
	const struct own_keys *own = st->hs.own;

	for (size_t i = 0; i < own->n; i++)
		if (memcmp(own->pairs[i].pk, pk, KEY_BYTES) == 0)
			return &own->pairs[i];
	return NULL;
}

/* --- what an exchange needs --- */

void fresh_draw(struct link_state *st, struct fresh *out)
{
	gw_random(st->self, out->nonce, sizeof(out->nonce));
	gw_random(st->self, out->seed, sizeof(out->seed));
}

struct exchange *exchange_new(struct link_state *st, const uint8_t binding[BINDING_BYTES])
{
	struct exchange *x = sodium_malloc(sizeof(*x));
	char name[LINK_NAME];

	if (x == NULL)
		return NULL;
	own_name(st, name);
	exchange_init(x, name, binding);
	return x;
}

void exchange_free(struct exchange **x)
{
	sodium_free(*x);
	*x = NULL;
}

/* --- key files --- */

int key_ensure(struct gw_self *self, const char *file, struct key_pair *out, struct gw_error *err)
{
	const char *folder = gw_server_string(self, "state-directory");
	int status = keyfile_read(folder, file, out, err);
	uint8_t secret[KEY_BYTES];

	if (status != -ENOENT)
		return status;
	gw_random(self, secret, sizeof(secret));
	key_pair_of(secret, out);
	sodium_memzero(secret, sizeof(secret));
	return keyfile_write(folder, file, out, err);
}

/* A second key that was made, and is not in force yet. */
static int next_read(struct link_state *st, struct own_keys *own, struct gw_error *err)
{
	const char *folder = gw_server_string(st->self, "state-directory");
	int status = keyfile_read(folder, KEYFILE_NEXT, &own->pairs[1], err);

	own->n = status == 0 ? 2 : 1;
	return status == -ENOENT ? 0 : status;
}

static int own_read(struct link_state *st, struct own_keys *own, struct gw_error *err)
{
	int status = key_ensure(st->self, KEYFILE_CURRENT, &own->pairs[0], err);

	return status == 0 ? next_read(st, own, err) : status;
}

static int own_load(struct link_state *st, struct gw_error *err)
{
	struct own_keys *own = sodium_malloc(sizeof(*own));
	int status;

	if (own == NULL)
		return gw_fail(err, -ENOMEM, "There is no memory for the server's key.");
	sodium_memzero(own, sizeof(*own));
	status = own_read(st, own, err);
	if (status == 0)
		st->hs.own = own;
	else
		sodium_free(own);
	return status;
}

/* The secret of the decoy is gone before anybody can ask for it. */
static void decoy_make(struct link_state *st)
{
	uint8_t secret[KEY_BYTES];

	gw_random(st->self, secret, sizeof(secret));
	crypto_scalarmult_base(st->hs.decoy, secret);
	sodium_memzero(secret, sizeof(secret));
}

/* --- a new key comes into force --- */

static bool holds_all(struct link_state *st, const struct known *known)
{
	for (size_t i = 0; i < known->n_keys; i++)
		if (!known->keys[i].revoked && own_pair_of(st, known->keys[i].pk) == NULL)
			return false;
	return true;
}

/* The network lists a key of this server that it did not have when it last looked. */
static void next_look(struct link_state *st, const struct known *known)
{
	struct gw_error err = {0};

	if (st->hs.own->n > 1 || holds_all(st, known))
		return;
	if (next_read(st, st->hs.own, &err) == 0)
		return;
	st->hs.ended[CODE_KEYFILE]++;
	gw_log(st->self, GW_ERROR, "link-handshake result=%s %s", code_name(CODE_KEYFILE),
	       err.text);
}

/* The old key is revoked and the next one is not: it becomes this server's key. */
static void promote_look(struct link_state *st, const struct known *known)
{
	struct own_keys *own = st->hs.own;
	struct gw_error err = {0};
	char words[KEY_WORDS_SIZE];

	if (own->n < 2 || !known_revoked(st, own->pairs[0].pk) ||
	    !known_has_key(known, own->pairs[1].pk))
		return;
	if (keyfile_promote(gw_server_string(st->self, "state-directory"), &err) != 0) {
		gw_log(st->self, GW_ERROR, "%s", err.text);
		return; /* both are still tried; again in a minute */
	}
	own->pairs[0] = own->pairs[1];
	sodium_memzero(&own->pairs[1], sizeof(own->pairs[1]));
	own->n = 1;
	key_words(own->pairs[0].pk, words);
	gw_log(st->self, GW_INFO, "the next key is in force key=%s", words);
}

static void keys_look(struct link_state *st)
{
	const struct known *known = known_ready(st) ? known_own(st) : NULL;

	if (known == NULL)
		return;
	next_look(st, known);
	promote_look(st, known);
}

void handshakes_servers_changed(struct link_state *st)
{
	keys_look(st);
	attempts_recheck(st);
	reauth_look(st);
}

/* --- once a minute --- */

static void say_unsaid(void *ctx, const char *name, uint32_t unsaid)
{
	struct link_state *st = ctx;

	if (name == NULL)
		gw_log(st->self, GW_WARN, "link-handshake role=target result=%s refused=%u",
		       code_name(CODE_LIMIT), unsaid);
	else
		gw_log(st->self, GW_WARN, "link-handshake peer=%s more=%u", name, unsaid);
}

void handshakes_tick(void *state, uint64_t tag)
{
	struct link_state *st = state;

	(void)tag;
	limits_minute(st->self, &st->hs.limits, say_unsaid, st);
	keys_look(st);
	gw_timer_set(st->hs.tick, st->self, MINUTE);
}

/* --- load, options, status --- */

static void options_read(struct link_state *st)
{
	struct gw_self *self = st->self;
	const struct gw_options *o = gw_options(self);
	struct limit_options *limits = &st->hs.limits.options;

	st->hs.deadline_accept_ns = gw_option_int(self, o, "deadline-accept");
	st->hs.deadline_dial_ns = gw_option_int(self, o, "deadline-dial");
	limits->max = (uint32_t)gw_option_int(self, o, "attempts-max");
	limits->reserved = (uint32_t)gw_option_int(self, o, "attempts-reserved");
	limits->per_address = (uint32_t)gw_option_int(self, o, "attempts-per-address");
	limits->bucket = (uint32_t)gw_option_int(self, o, "attempts-bucket");
	limits->refill_ns = gw_option_int(self, o, "attempts-refill");
	limits->per_second = (uint32_t)gw_option_int(self, o, "attempts-per-second");
}

int handshakes_load(struct link_state *st, enum gw_load why, struct gw_error *err)
{
	char name[LINK_NAME];
	int status;

	if (sodium_init() < 0)
		return gw_fail(err, -EIO, "The library libsodium cannot be used.");
	own_name(st, name);
	if (!link_name_valid(name))
		return gw_fail(
			err, -EINVAL,
			"The name %s cannot be a linked server's: it must begin and end with "
			"a letter or a digit.",
			name);
	options_read(st);
	if (why == GW_LOAD_RELOAD)
		return 0;
	status = own_load(st, err);
	if (status != 0)
		return status;
	decoy_make(st);
	verbs_load(st);
	st->hs.reauth = gw_timer_new(st->self, gw_call(st->self, CALL_REAUTH_TICK, 0));
	st->hs.tick = gw_timer_new(st->self, gw_call(st->self, CALL_HANDSHAKES_TICK, 0));
	gw_timer_set(st->hs.tick, st->self, MINUTE);
	return 0;
}

void handshakes_unload(struct link_state *st)
{
	attempts_free(st);
	limits_free(st->self, &st->hs.limits);
	if (st->hs.own != NULL)
		sodium_free(st->hs.own);
	st->hs.own = NULL;
	if (st->hs.tick != NULL)
		gw_timer_free(&st->hs.tick, st->self);
	if (st->hs.reauth != NULL)
		gw_timer_free(&st->hs.reauth, st->self);
}

void handshakes_rehash(struct link_state *st)
{
	options_read(st);
}

void handshakes_status(struct link_state *st, struct gw_status *status)
{
	char key[48], value[24], text[KEY_TEXT_SIZE];

	key_text(own_key(st), text);
	status->add(status, "link-key", text);
	for (int code = 0; code < CODE_COUNT; code++) {
		if (st->hs.ended[code] == 0)
			continue;
		snprintf(key, sizeof(key), "link-attempts.%s", code_name(code));
		snprintf(value, sizeof(value), "%llu", (unsigned long long)st->hs.ended[code]);
		status->add(status, key, value);
	}
}
