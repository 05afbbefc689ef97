/*
 * redirect/proof.c - ids, tokens and the proof that a connection belongs to who was given the
 * token.
 *
 * The proof binds the attempt's id to the new connection, so who overhears it has nothing: on
 * another connection it is wrong, and the id is used once.
 */
#include "proof.h"
#include <sodium.h>
#include <string.h>

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

static const char label[] = "godwit redirect";

void id_text(const uint8_t id[ID_BYTES], char out[ID_TEXT])
{
	sodium_bin2base64(out, ID_TEXT, id, ID_BYTES, VARIANT);
}

/* The library takes bytes above 127 for letters, so what is read must be what would be written. */
static bool parse(const char *text, uint8_t *out, size_t n)
{
	char again[TOKEN_TEXT];
	size_t got = 0;

	if (strlen(text) != sodium_base64_encoded_len(n, VARIANT) - 1 ||
	    sodium_base642bin(out, n, text, strlen(text), NULL, &got, NULL, VARIANT) != 0 ||
	    got != n)
		return false;
	sodium_bin2base64(again, sizeof(again), out, n, VARIANT);
	return strcmp(again, text) == 0;
}

bool id_parse(const char *text, uint8_t out[ID_BYTES])
{
	return parse(text, out, ID_BYTES);
}

void token_text(const uint8_t token[TOKEN_BYTES], char out[TOKEN_TEXT])
{
	sodium_bin2base64(out, TOKEN_TEXT, token, TOKEN_BYTES, VARIANT);
}

bool proof_parse(const char *text, uint8_t out[PROOF_BYTES])
{
	return parse(text, out, PROOF_BYTES);
}

bool proof_right(const uint8_t proof[PROOF_BYTES], const uint8_t token[TOKEN_BYTES],
                 const uint8_t id[ID_BYTES], const uint8_t *binding)
{
	uint8_t message[sizeof(label) - 1 + ID_BYTES + BINDING_BYTES];
	size_t n = sizeof(label) - 1;

	memcpy(message, label, n);
	memcpy(message + n, id, ID_BYTES);
	n += ID_BYTES;
	if (binding != NULL) {
		memcpy(message + n, binding, BINDING_BYTES);
		n += BINDING_BYTES;
	}
	return crypto_auth_hmacsha256_verify(proof, message, n, token) == 0;
}
