/*
 * tests/unit/link_rig.h - two servers in memory that prove themselves to each other, a frame at a
 * time, so that somebody may stand between them.
 */
#ifndef TESTS_UNIT_LINK_RIG_H
#define TESTS_UNIT_LINK_RIG_H

#include "modules/link/keyfile.h"
#include <sodium.h>
#include <string.h>

/** A server: its keys, and one exchange. */
struct end {
	const char *name;
	struct key_pair keys[2];
	size_t n_keys;
	struct exchange x;
	uint8_t hello[FRAME_HELLO], challenge[FRAME_CHALLENGE], response[FRAME_RESPONSE];
	uint8_t done[FRAME_DONE];
};

static inline struct end end_new(const char *name, uint8_t secret)
{
	struct end end = {.name = name, .n_keys = 1};
	uint8_t sk[KEY_BYTES];

	memset(sk, secret, sizeof(sk));
	key_pair_of(sk, &end.keys[0]);
	return end;
}

/** Begins anew on a connection: all that is random depends on `run`. */
static inline void end_begin(struct end *end, uint8_t connection)
{
	uint8_t binding[BINDING_BYTES];

	memset(binding, connection, sizeof(binding));
	exchange_init(&end->x, end->name, binding);
}

static inline struct fresh fresh_of(uint8_t run)
{
	struct fresh fresh;

	memset(fresh.nonce, run, sizeof(fresh.nonce));
	memset(fresh.seed, run ^ 0x80, sizeof(fresh.seed));
	return fresh;
}

/** Step 1, into source->hello. */
static inline void step_hello(struct end *source)
{
	source_hello(&source->x, source->hello);
}

/** Step 2, into target->challenge, for the holder of `key`. */
static inline enum code step_challenge(struct end *target, const uint8_t hello[FRAME_HELLO],
                                       const uint8_t key[KEY_BYTES], uint8_t run)
{
	const struct fresh fresh = fresh_of(run);
	char name[LINK_NAME];
	enum code code = target_hello(hello, name);

	if (code != CODE_OK)
		return code;
	return target_challenge(&target->x, name, key, target->keys[0].pk, &fresh,
	                        target->challenge);
}

/** Step 3, into source->response; `name` NULL: it joins. */
static inline enum code step_response(struct end *source, const char *name,
                                      const uint8_t pin[KEY_BYTES],
                                      const uint8_t challenge[FRAME_CHALLENGE], uint8_t run)
{
	const struct fresh fresh = fresh_of(run);
	uint8_t keys[1][KEY_BYTES];
	const struct expectation expect = {
		.name = name,
		.keys = (const uint8_t(*)[KEY_BYTES])keys,
		.n_keys = 1,
		.own = source->keys,
		.n_own = source->n_keys,
	};

	memcpy(keys[0], pin, KEY_BYTES);
	return source_challenge(&source->x, &expect, &fresh, challenge, source->response);
}

/** Step 4, into target->done. */
static inline enum code step_done(struct end *target, const uint8_t response[FRAME_RESPONSE])
{
	return target_response(&target->x, &target->keys[0], response, target->done);
}

/** The four steps between two that know each other; target->done is not judged yet. */
static inline enum code run_until_done(struct end *source, struct end *target, uint8_t connection,
                                       uint8_t run)
{
	enum code code;

	end_begin(source, connection);
	end_begin(target, connection);
	step_hello(source);
	code = step_challenge(target, source->hello, source->keys[0].pk, run);
	if (code == CODE_OK)
		code = step_response(source, target->name, target->keys[0].pk, target->challenge,
		                     (uint8_t)(run + 1));
	if (code == CODE_OK)
		code = step_done(target, source->response);
	return code;
}

#endif
