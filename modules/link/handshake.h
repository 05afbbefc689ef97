/*
 * handshake.h - the four frames by which two servers prove themselves to each other.
 *
 *     source                          target
 *       HELLO: its name         ->
 *                               <-    CHALLENGE: a random string and the target's key, sealed to
 *                                     the source's key
 *       RESPONSE: the same, and
 *       another, sealed to the
 *       target's key            ->
 *                               <-    DONE: a hash that only who opened RESPONSE can know
 *
 * One struct exchange is one side of one run. No clock, no connection, no randomness of its own:
 * the caller brings fresh bytes, carries frames, and closes on whatever is not CODE_OK, without a
 * word. It keeps an exchange in memory that no core file shows, and wipes it at the end. Pure.
 */
#ifndef LINK_HANDSHAKE_H
#define LINK_HANDSHAKE_H

#include "seal.h"

#define LINK_NAME 64 /* bytes of a name in a frame; its text has at most 63 */
#define NONCE_BYTES 32
#define BINDING_BYTES 32
#define TEXT_BYTES 320

#define FRAME_HEAD 8
#define FRAME_HELLO (FRAME_HEAD + LINK_NAME)
#define FRAME_CHALLENGE (FRAME_HEAD + TEXT_BYTES + SEAL_EXTRA)
#define FRAME_RESPONSE FRAME_CHALLENGE
#define FRAME_DONE (FRAME_HEAD + 32)
#define FRAME_LONGEST FRAME_CHALLENGE

enum frame_type {
	TYPE_NONE = 0,
	TYPE_HELLO = 1,
	TYPE_CHALLENGE = 2,
	TYPE_RESPONSE = 3,
	TYPE_DONE = 5
};

/** How an attempt ended. The texts are in the log and in the names of the counters. */
enum code {
	CODE_OK,
	CODE_LIMIT,
	CODE_TIMEOUT,
	CODE_EOF,
	CODE_TLS,
	CODE_FRAME,
	CODE_NAME,
	CODE_SELF,
	CODE_UNKNOWN,
	CODE_REVOKED,
	CODE_OPEN,
	CODE_CONTEXT,
	CODE_NONCE,
	CODE_PIN,
	CODE_NAMES,
	CODE_BINDING,
	CODE_DONE,
	CODE_KEYFILE,
	CODE_IO,
	CODE_COUNT
};
/** "ok", "E_LIMIT"... */
const char *code_name(enum code code);
/** What an operator should think of it. */
const char *code_sentence(enum code code);

struct key_pair {
	uint8_t pk[KEY_BYTES], sk[KEY_BYTES];
};

/** What a side needs for one run: random bytes that were never used before. */
struct fresh {
	uint8_t nonce[NONCE_BYTES];
	uint8_t seed[SEAL_SEED];
};

/** One side of one run. */
struct exchange {
	uint8_t expected[TEXT_BYTES]; /* target: of RESPONSE, but for nonce_s */
	uint8_t done[32];             /* source: what DONE must say */
	uint8_t own_key[KEY_BYTES], peer_key[KEY_BYTES];
	char own_name[LINK_NAME], peer_name[LINK_NAME];
	uint8_t binding[BINDING_BYTES];
};

/** 1 to 63 of a-z 0-9 . -, first and last a letter or digit. */
bool link_name_valid(const char *name);
/** A name as it stands in frames: lower case, zero bytes behind it; cut off if it is too long. */
void link_name_fold(const char *name, char out[LINK_NAME]);

/** Whether `n` bytes can be the beginning of a frame of that type: 0 they are, and it is not whole;
 * its length when it is; -1 they cannot, or there is more than it. */
int frame_look(enum frame_type type, const uint8_t *p, size_t n);
/** The type that a whole frame names in its head, for frames that are carried in others. */
enum frame_type frame_type_of(const uint8_t *p, size_t n);

/** Both sides begin with this. */
void exchange_init(struct exchange *x, const char *own_name, const uint8_t binding[BINDING_BYTES]);
void exchange_wipe(struct exchange *x);

/* --- the source --- */

void source_hello(const struct exchange *x, uint8_t out[FRAME_HELLO]);

/** Whom the source expects. */
struct expectation {
	const char *name;                 /* NULL: it joins, and learns the name */
	const uint8_t (*keys)[KEY_BYTES]; /* live keys of that name, or the pin */
	size_t n_keys;
	const struct key_pair *own; /* each of its own keys is tried */
	size_t n_own;
};
/** Opens and judges a whole CHALLENGE and writes the RESPONSE to it. */
enum code source_challenge(struct exchange *x, const struct expectation *expect,
                           const struct fresh *fresh, const uint8_t in[FRAME_CHALLENGE],
                           uint8_t out[FRAME_RESPONSE]);
enum code source_done(const struct exchange *x, const uint8_t in[FRAME_DONE]);

/* --- the target --- */

/** The name of a whole HELLO: CODE_OK or CODE_NAME. */
enum code target_hello(const uint8_t in[FRAME_HELLO], char name_out[LINK_NAME]);
/** Answers the HELLO of `name` with a CHALLENGE that shows `own`, for the holder of `key` (or for
 * nobody: the decoy). CODE_OPEN: `key` is no key. */
enum code target_challenge(struct exchange *x, const char *name, const uint8_t key[KEY_BYTES],
                           const uint8_t own[KEY_BYTES], const struct fresh *fresh,
                           uint8_t out[FRAME_CHALLENGE]);
/** Opens and judges a whole RESPONSE with the pair that was shown; on CODE_OK `out` is the DONE. */
enum code target_response(struct exchange *x, const struct key_pair *own,
                          const uint8_t in[FRAME_RESPONSE], uint8_t out[FRAME_DONE]);

#endif
