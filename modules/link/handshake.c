/*
 * handshake.c - the four frames by which two servers prove themselves to each other.
 *
 * A side never reads fields and then decides about them. It writes down the whole text that it
 * expects, copies into it the one thing that only the other side can know, and compares all of it
 * at once. Which field was wrong is looked up afterwards, for the log.
 */
#include "handshake.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define HEAD_SIZE_AT 6

/* Where the fields of the sealed text are; the same both ways. */
enum {
	AT_CONTEXT = 0,
	AT_NONCE_T = 32,
	AT_NONCE_S = 64,
	AT_PK_FROM = 96,
	AT_PK_TO = 128,
	AT_NAME_FROM = 160,
	AT_NAME_TO = 224,
	AT_BINDING = 288
};
#define CONTEXT_BYTES 32

static const char context_challenge[CONTEXT_BYTES] = "godwit-link/1 challenge";
static const char context_response[CONTEXT_BYTES] = "godwit-link/1 response";
static const char context_done[CONTEXT_BYTES] = "godwit-link/1 done";

static const struct {
	const char *name, *sentence;
} codes[CODE_COUNT] = {
	[CODE_OK] = {"ok", ""},
	[CODE_LIMIT] = {"E_LIMIT", "too many attempts from there, or in all"},
	[CODE_TIMEOUT] = {"E_TIMEOUT", "it did not answer in time"},
	[CODE_EOF] = {"E_EOF", "it closed the connection: it does not know this server or its key, "
                               "has no room, or is no server of this network"},
	[CODE_TLS] = {"E_TLS", "there is no link of this kind at that address (TLS 1.3 with "
                               "godwit-link/1 is wanted)"},
	[CODE_FRAME] = {"E_FRAME", "what it sent is no part of a handshake"},
	[CODE_NAME] = {"E_NAME", "the name that it gave can be no server's"},
	[CODE_SELF] = {"E_SELF", "it is this server itself, or has its name"},
	[CODE_UNKNOWN] = {"E_UNKNOWN", "no server of that name is in the network"},
	[CODE_REVOKED] = {"E_REVOKED", "the key was revoked"},
	[CODE_OPEN] = {"E_OPEN",
                       "this server is not added there yet, was added with another key, or "
                       "the other side is not the server of that key"},
	[CODE_CONTEXT] = {"E_CONTEXT", "it sent a part of another step"},
	[CODE_NONCE] = {"E_NONCE", "it did not know the random string of this attempt"},
	[CODE_PIN] = {"E_PIN", "it has another key than the one that is known for it"},
	[CODE_NAMES] = {"E_NAMES", "it has another name, or took this server for another"},
	[CODE_BINDING] = {"E_BINDING", "somebody is between the two servers"},
	[CODE_DONE] = {"E_DONE", "it could not prove that it has the secret of its key"},
	[CODE_KEYFILE] = {"E_KEYFILE", "this server's key file cannot be used"},
	[CODE_IO] = {"E_IO", "there is no connection"},
};

const char *code_name(enum code code)
{
	return codes[code].name;
}

const char *code_sentence(enum code code)
{
	return codes[code].sentence;
}

/* --- names --- */

static bool name_end(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool link_name_valid(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= LINK_NAME || !name_end(name[0]) || !name_end(name[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!name_end(name[i]) && name[i] != '.' && name[i] != '-')
			return false;
	return true;
}

void link_name_fold(const char *name, char out[LINK_NAME])
{
	memset(out, 0, LINK_NAME);
	for (size_t i = 0; name[i] != '\0' && i < LINK_NAME - 1; i++)
		out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 'a' - 'A') : name[i];
}

/* A name is followed by zero bytes only, so that one name has one form. */
static bool name_read(const uint8_t field[LINK_NAME], char out[LINK_NAME])
{
	size_t n = strnlen((const char *)field, LINK_NAME);

	for (size_t i = n; i < LINK_NAME; i++)
		if (field[i] != 0)
			return false;
	if (n == LINK_NAME)
		return false;
	memcpy(out, field, LINK_NAME);
	return link_name_valid(out);
}

static void name_copy(char out[LINK_NAME], const char *name)
{
	memset(out, 0, LINK_NAME);
	memcpy(out, name, strnlen(name, LINK_NAME - 1));
}

/* --- frames --- */

static size_t frame_size(enum frame_type type)
{
	static const uint16_t sizes[] = {
		[TYPE_HELLO] = FRAME_HELLO,
		[TYPE_CHALLENGE] = FRAME_CHALLENGE,
		[TYPE_RESPONSE] = FRAME_RESPONSE,
		[TYPE_DONE] = FRAME_DONE,
	};

	return sizes[type];
}

static void head_write(enum frame_type type, uint8_t out[FRAME_HEAD])
{
	static const uint8_t magic[] = {'G', 'W', 'L', 'H', 1};
	size_t body = frame_size(type) - FRAME_HEAD;

	memcpy(out, magic, sizeof(magic));
	out[sizeof(magic)] = (uint8_t)type;
	out[HEAD_SIZE_AT] = (uint8_t)(body >> 8);
	out[HEAD_SIZE_AT + 1] = (uint8_t)body;
}

int frame_look(enum frame_type type, const uint8_t *p, size_t n)
{
	uint8_t head[FRAME_HEAD];
	size_t size = frame_size(type);

	head_write(type, head);
	if (n > size || memcmp(p, head, n < FRAME_HEAD ? n : FRAME_HEAD) != 0)
		return -1;
	return n == size ? (int)size : 0;
}

enum frame_type frame_type_of(const uint8_t *p, size_t n)
{
	static const enum frame_type types[] = {TYPE_HELLO, TYPE_CHALLENGE, TYPE_RESPONSE,
	                                        TYPE_DONE};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (frame_look(types[i], p, n) > 0)
			return types[i];
	return TYPE_NONE;
}

/* --- both sides --- */

void exchange_init(struct exchange *x, const char *own_name, const uint8_t binding[BINDING_BYTES])
{
	memset(x, 0, sizeof(*x));
	name_copy(x->own_name, own_name);
	memcpy(x->binding, binding, BINDING_BYTES);
}

void exchange_wipe(struct exchange *x)
{
	sodium_memzero(x, sizeof(*x));
}

/* Who says a text to whom. */
struct way {
	const char *context;
	const uint8_t *pk_from, *pk_to;
	const char *name_from, *name_to;
};

static void text_write(const struct exchange *x, const struct way *way, uint8_t text[TEXT_BYTES])
{
	memset(text, 0, TEXT_BYTES);
	memcpy(text + AT_CONTEXT, way->context, CONTEXT_BYTES);
	memcpy(text + AT_PK_FROM, way->pk_from, KEY_BYTES);
	memcpy(text + AT_PK_TO, way->pk_to, KEY_BYTES);
	memcpy(text + AT_NAME_FROM, way->name_from, LINK_NAME);
	memcpy(text + AT_NAME_TO, way->name_to, LINK_NAME);
	memcpy(text + AT_BINDING, x->binding, BINDING_BYTES);
}

/* CODE_OK when all is as expected; else what differs, the first in the order of the text. Every
 * field is looked at, however early one differs. */
static enum code judge(const uint8_t text[TEXT_BYTES], const uint8_t expected[TEXT_BYTES])
{
	static const struct {
		uint16_t at, size;
		enum code code;
	} fields[] = {
		{AT_CONTEXT, CONTEXT_BYTES, CODE_CONTEXT},
		{AT_NONCE_T, NONCE_BYTES, CODE_NONCE},
		{AT_NONCE_S, NONCE_BYTES, CODE_NONCE},
		{AT_PK_FROM, KEY_BYTES, CODE_PIN},
		{AT_PK_TO, KEY_BYTES, CODE_PIN},
		{AT_NAME_FROM, LINK_NAME, CODE_NAMES},
		{AT_NAME_TO, LINK_NAME, CODE_NAMES},
		{AT_BINDING, BINDING_BYTES, CODE_BINDING},
	};
	bool right = sodium_memcmp(text, expected, TEXT_BYTES) == 0;
	enum code wrong = CODE_OK;

	for (size_t i = sizeof(fields) / sizeof(fields[0]); i > 0; i--)
		if (sodium_memcmp(text + fields[i - 1].at, expected + fields[i - 1].at,
		                  fields[i - 1].size) != 0)
			wrong = fields[i - 1].code;
	return right ? CODE_OK : wrong;
}

/* DONE: only who opened RESPONSE has both nonces. */
static void done_hash(const uint8_t response[TEXT_BYTES], uint8_t out[32])
{
	uint8_t key[2 * NONCE_BYTES];
	crypto_generichash_state hash;

	memcpy(key, response + AT_NONCE_S, NONCE_BYTES);
	memcpy(key + NONCE_BYTES, response + AT_NONCE_T, NONCE_BYTES);
	crypto_generichash_init(&hash, key, sizeof(key), 32);
	crypto_generichash_update(&hash, (const uint8_t *)context_done, CONTEXT_BYTES);
	crypto_generichash_update(&hash, response, TEXT_BYTES);
	crypto_generichash_final(&hash, out, 32);
	sodium_memzero(key, sizeof(key));
	sodium_memzero(&hash, sizeof(hash));
}

/* --- the source --- */

void source_hello(const struct exchange *x, uint8_t out[FRAME_HELLO])
{
	head_write(TYPE_HELLO, out);
	memcpy(out + FRAME_HEAD, x->own_name, LINK_NAME);
}

/* The own pair that opens the challenge, NULL: none. */
static const struct key_pair *open_any(const struct expectation *expect, const uint8_t *sealed,
                                       uint8_t text[TEXT_BYTES])
{
	for (size_t i = 0; i < expect->n_own; i++)
		if (seal_open(expect->own[i].pk, expect->own[i].sk, sealed, TEXT_BYTES + SEAL_EXTRA,
		              text) == 0)
			return &expect->own[i];
	return NULL;
}

/* The expected key that the text shows; the first, when it shows none of them. */
static const uint8_t *pinned(const struct expectation *expect, const uint8_t shown[KEY_BYTES])
{
	for (size_t i = 0; i < expect->n_keys; i++)
		if (memcmp(expect->keys[i], shown, KEY_BYTES) == 0)
			return expect->keys[i];
	return expect->keys[0];
}

static enum code judge_challenge(struct exchange *x, const struct expectation *expect,
                                 const uint8_t text[TEXT_BYTES])
{
	static const uint8_t zero[NONCE_BYTES];
	uint8_t expected[TEXT_BYTES];
	const struct way way = {
		.context = context_challenge,
		.pk_from = x->peer_key,
		.pk_to = x->own_key,
		.name_from = x->peer_name,
		.name_to = x->own_name,
	};
	enum code code;

	memcpy(x->peer_key, pinned(expect, text + AT_PK_FROM), KEY_BYTES);
	if (expect->name != NULL)
		name_copy(x->peer_name, expect->name);
	else if (!name_read(text + AT_NAME_FROM, x->peer_name))
		return CODE_NAMES;
	else if (strcmp(x->peer_name, x->own_name) == 0)
		return CODE_SELF;
	text_write(x, &way, expected);
	memcpy(expected + AT_NONCE_T, text + AT_NONCE_T, NONCE_BYTES);
	code = judge(text, expected);
	sodium_memzero(expected, sizeof(expected));
	if (code == CODE_OK && sodium_memcmp(text + AT_NONCE_T, zero, NONCE_BYTES) == 0)
		return CODE_NONCE;
	return code;
}

static enum code respond(struct exchange *x, const uint8_t nonce_t[NONCE_BYTES],
                         const struct fresh *fresh, uint8_t out[FRAME_RESPONSE])
{
	uint8_t text[TEXT_BYTES];
	const struct way way = {
		.context = context_response,
		.pk_from = x->own_key,
		.pk_to = x->peer_key,
		.name_from = x->own_name,
		.name_to = x->peer_name,
	};
	int status;

	text_write(x, &way, text);
	memcpy(text + AT_NONCE_T, nonce_t, NONCE_BYTES);
	memcpy(text + AT_NONCE_S, fresh->nonce, NONCE_BYTES);
	done_hash(text, x->done);
	head_write(TYPE_RESPONSE, out);
	status = seal_close(x->peer_key, fresh->seed, text, TEXT_BYTES, out + FRAME_HEAD);
	sodium_memzero(text, sizeof(text));
	return status == 0 ? CODE_OK : CODE_PIN;
}

enum code source_challenge(struct exchange *x, const struct expectation *expect,
                           const struct fresh *fresh, const uint8_t in[FRAME_CHALLENGE],
                           uint8_t out[FRAME_RESPONSE])
{
	uint8_t text[TEXT_BYTES];
	const struct key_pair *own = open_any(expect, in + FRAME_HEAD, text);
	enum code code;

	if (own == NULL)
		return CODE_OPEN;
	memcpy(x->own_key, own->pk, KEY_BYTES);
	code = expect->n_keys == 0 ? CODE_PIN : judge_challenge(x, expect, text);
	if (code == CODE_OK)
		code = respond(x, text + AT_NONCE_T, fresh, out);
	sodium_memzero(text, sizeof(text));
	return code;
}

enum code source_done(const struct exchange *x, const uint8_t in[FRAME_DONE])
{
	return sodium_memcmp(in + FRAME_HEAD, x->done, sizeof(x->done)) == 0 ? CODE_OK : CODE_DONE;
}

/* --- the target --- */

enum code target_hello(const uint8_t in[FRAME_HELLO], char name_out[LINK_NAME])
{
	return name_read(in + FRAME_HEAD, name_out) ? CODE_OK : CODE_NAME;
}

enum code target_challenge(struct exchange *x, const char *name, const uint8_t key[KEY_BYTES],
                           const uint8_t own[KEY_BYTES], const struct fresh *fresh,
                           uint8_t out[FRAME_CHALLENGE])
{
	uint8_t text[TEXT_BYTES];
	const struct way there = {
		.context = context_challenge,
		.pk_from = x->own_key,
		.pk_to = x->peer_key,
		.name_from = x->own_name,
		.name_to = x->peer_name,
	};
	const struct way back = {
		.context = context_response,
		.pk_from = x->peer_key,
		.pk_to = x->own_key,
		.name_from = x->peer_name,
		.name_to = x->own_name,
	};
	int status;

	name_copy(x->peer_name, name);
	memcpy(x->peer_key, key, KEY_BYTES);
	memcpy(x->own_key, own, KEY_BYTES);
	text_write(x, &there, text);
	memcpy(text + AT_NONCE_T, fresh->nonce, NONCE_BYTES);
	text_write(x, &back, x->expected);
	memcpy(x->expected + AT_NONCE_T, fresh->nonce, NONCE_BYTES);
	head_write(TYPE_CHALLENGE, out);
	status = seal_close(key, fresh->seed, text, TEXT_BYTES, out + FRAME_HEAD);
	sodium_memzero(text, sizeof(text));
	return status == 0 ? CODE_OK : CODE_OPEN;
}

enum code target_response(struct exchange *x, const struct key_pair *own,
                          const uint8_t in[FRAME_RESPONSE], uint8_t out[FRAME_DONE])
{
	static const uint8_t zero[NONCE_BYTES];
	uint8_t text[TEXT_BYTES];
	enum code code;

	if (seal_open(own->pk, own->sk, in + FRAME_HEAD, TEXT_BYTES + SEAL_EXTRA, text) != 0)
		return CODE_OPEN;
	memcpy(x->expected + AT_NONCE_S, text + AT_NONCE_S, NONCE_BYTES);
	code = judge(text, x->expected);
	if (code == CODE_OK && sodium_memcmp(text + AT_NONCE_S, zero, NONCE_BYTES) == 0)
		code = CODE_NONCE;
	if (code == CODE_OK) {
		head_write(TYPE_DONE, out);
		done_hash(text, out + FRAME_HEAD);
	}
	sodium_memzero(text, sizeof(text));
	return code;
}
