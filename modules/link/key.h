/*
 * key.h - public keys of links: as text, as fingerprint, as words for reading aloud.
 *
 * A key is an X25519 public key. As text it is "gwpk1-" and base64url of the key and four bytes of
 * checksum. The fingerprint names it in the services database; a pin is always the whole key. Pure.
 */
#ifndef LINK_KEY_H
#define LINK_KEY_H

#include <godwit/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_BYTES 32
#define KEY_TEXT_SIZE 55  /* with its NUL */
#define KEY_WORDS_SIZE 48 /* with its NUL */

void key_text(const uint8_t pk[KEY_BYTES], char out[KEY_TEXT_SIZE]);
/** Reads a key that somebody pasted. -EINVAL, with a sentence. */
int key_parse(const char *text, uint8_t pk_out[KEY_BYTES], struct gw_error *why);
/** Whether the bytes are a key: one name only for one key, and not one of those with which every
 * secret gives the same. What comes from the database or the wire must pass, too. */
bool key_usable(const uint8_t pk[KEY_BYTES]);
void key_fingerprint(const uint8_t pk[KEY_BYTES], uint8_t out[KEY_BYTES]);
/** Eight words of the fingerprint's first half: "givaj-zuzad-...". */
void key_words(const uint8_t pk[KEY_BYTES], char out[KEY_WORDS_SIZE]);
/** `n` bytes (even) as words (proquints); `out` has room for 3 * n. */
void words_of(const uint8_t *p, size_t n, char *out);

#endif
