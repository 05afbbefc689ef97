/*
 * seal.h - sealed boxes: a text that only the holder of one secret key can open, from nobody.
 *
 * They are those of libsodium's crypto_box_seal (X25519, XSalsa20-Poly1305), but the one-time key
 * comes from a seed of the caller's, so that tests can repeat them. Pure.
 */
#ifndef LINK_SEAL_H
#define LINK_SEAL_H

#include "key.h"

#define SEAL_EXTRA 48 /* a sealed text is so much longer */
#define SEAL_SEED 32

/** `out` has room for n + SEAL_EXTRA. -EINVAL: `to` is no usable key. */
int seal_close(const uint8_t to[KEY_BYTES], const uint8_t seed[SEAL_SEED], const uint8_t *text,
               size_t n, uint8_t *out);
/** `n` is of the sealed text; `out` has room for n - SEAL_EXTRA. -EBADMSG, whatever is wrong. */
int seal_open(const uint8_t pk[KEY_BYTES], const uint8_t sk[KEY_BYTES], const uint8_t *sealed,
              size_t n, uint8_t *out);

#endif
