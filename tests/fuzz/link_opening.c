/*
 * Fuzz target: both openings. The input is laid over the right text (its first byte says from where
 * on, in steps of eight; zero bytes leave it as it is), sealed as it ought to be, and judged by the
 * source, by a source that joins, and by the target: each takes it only if nothing but what it
 * cannot know was changed. Then the input stands for the sealed text itself: nobody opens that.
 */
#include "modules/link/handshake.h"
#include "tests/fuzz/fuzz.h"
#include <sodium.h>
#include <string.h>

#define NONCE_T_AT 32
#define NONCE_S_AT 64
#define NAME_FROM_AT 160

static const uint8_t binding[BINDING_BYTES] = {5};
static const struct fresh fresh = {.nonce = {8}, .seed = {9}};

struct both {
	struct key_pair s, t;
	struct exchange source, target;
	uint8_t challenge[FRAME_CHALLENGE], response[FRAME_RESPONSE], done[FRAME_DONE];
};

static void pair_make(uint8_t first, struct key_pair *pair)
{
	memset(pair->sk, first, KEY_BYTES);
	crypto_scalarmult_base(pair->pk, pair->sk);
}

static enum code judge_challenge(struct both *b, const char *name)
{
	uint8_t keys[1][KEY_BYTES];
	const struct expectation expect = {
		.name = name,
		.keys = (const uint8_t(*)[KEY_BYTES])keys,
		.n_keys = 1,
		.own = &b->s,
		.n_own = 1,
	};

	memcpy(keys[0], b->t.pk, KEY_BYTES);
	exchange_init(&b->source, "a.example", binding);
	return source_challenge(&b->source, &expect, &fresh, b->challenge, b->response);
}

static void begin(struct both *b)
{
	const struct fresh first = {.nonce = {7}, .seed = {6}};

	pair_make(1, &b->s);
	pair_make(2, &b->t);
	exchange_init(&b->target, "b.example", binding);
	FUZZ_CHECK(target_challenge(&b->target, "a.example", b->s.pk, b->t.pk, &first,
	                            b->challenge) == CODE_OK);
	FUZZ_CHECK(judge_challenge(b, "b.example") == CODE_OK);
}

/* Opens what a frame has, lays the input over it, and seals it again. */
static void lay_over(uint8_t *frame, const struct key_pair *to, const uint8_t over[TEXT_BYTES],
                     uint8_t text[TEXT_BYTES])
{
	FUZZ_CHECK(seal_open(to->pk, to->sk, frame + FRAME_HEAD, TEXT_BYTES + SEAL_EXTRA, text) ==
	           0);
	for (size_t i = 0; i < TEXT_BYTES; i++)
		text[i] ^= over[i];
	FUZZ_CHECK(seal_close(to->pk, fresh.seed, text, TEXT_BYTES, frame + FRAME_HEAD) == 0);
}

/* Whether the input changes nothing but the field at `at`. */
static bool only(const uint8_t over[TEXT_BYTES], size_t at, size_t n)
{
	for (size_t i = 0; i < TEXT_BYTES; i++)
		if (over[i] != 0 && (i < at || i >= at + n))
			return false;
	return true;
}

static void at_source(const uint8_t over[TEXT_BYTES])
{
	uint8_t text[TEXT_BYTES];
	struct both b;
	bool nothing_else = only(over, NONCE_T_AT, NONCE_BYTES), zero;

	begin(&b);
	lay_over(b.challenge, &b.s, over, text);
	zero = sodium_is_zero(text + NONCE_T_AT, NONCE_BYTES);
	FUZZ_CHECK((judge_challenge(&b, "b.example") == CODE_OK) == (nothing_else && !zero));
	if (judge_challenge(&b, NULL) == CODE_OK) {
		FUZZ_CHECK(link_name_valid(b.source.peer_name));
		FUZZ_CHECK(memcmp(b.source.peer_name, text + NAME_FROM_AT, LINK_NAME) == 0);
		FUZZ_CHECK(!zero);
	}
}

static void at_target(const uint8_t over[TEXT_BYTES])
{
	uint8_t text[TEXT_BYTES];
	struct both b;
	bool right;

	begin(&b);
	lay_over(b.response, &b.t, over, text);
	right = only(over, NONCE_S_AT, NONCE_BYTES) &&
	        !sodium_is_zero(text + NONCE_S_AT, NONCE_BYTES);
	FUZZ_CHECK((target_response(&b.target, &b.t, b.response, b.done) == CODE_OK) == right);
}

static void unopened(const uint8_t *data, size_t size)
{
	struct both b;
	size_t n = size < TEXT_BYTES + SEAL_EXTRA ? size : TEXT_BYTES + SEAL_EXTRA;

	begin(&b);
	memset(b.challenge + FRAME_HEAD, 0, FRAME_CHALLENGE - FRAME_HEAD);
	memcpy(b.challenge + FRAME_HEAD, data, n);
	memcpy(b.response, b.challenge, FRAME_RESPONSE);
	FUZZ_CHECK(judge_challenge(&b, "b.example") == CODE_OPEN);
	FUZZ_CHECK(target_response(&b.target, &b.t, b.response, b.done) == CODE_OPEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t over[TEXT_BYTES] = {0};
	size_t at = size > 0 ? data[0] * 8u % TEXT_BYTES : 0;

	if (sodium_init() < 0)
		return 1;
	for (size_t i = 1; i < size && at + i <= TEXT_BYTES; i++)
		over[at + i - 1] = data[i];
	at_source(over);
	at_target(over);
	unopened(data, size);
	return 0;
}
