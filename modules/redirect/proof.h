/*
 * proof.h - ids, tokens and proofs of a redirect, and how they are written. Pure.
 */
#ifndef REDIRECT_PROOF_H
#define REDIRECT_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#define ID_BYTES 16
#define ID_TEXT 23 /* 22 characters of base64url and a NUL */
#define TOKEN_BYTES 32
#define TOKEN_TEXT 44
#define PROOF_BYTES 32
#define BINDING_BYTES 32

void id_text(const uint8_t id[ID_BYTES], char out[ID_TEXT]);
bool id_parse(const char *text, uint8_t out[ID_BYTES]);
void token_text(const uint8_t token[TOKEN_BYTES], char out[TOKEN_TEXT]);
bool proof_parse(const char *text, uint8_t out[PROOF_BYTES]);
/** `binding` NULL: the connection has none (no TLS). Compares in constant time. */
bool proof_right(const uint8_t proof[PROOF_BYTES], const uint8_t token[TOKEN_BYTES],
                 const uint8_t id[ID_BYTES], const uint8_t *binding);

#endif
