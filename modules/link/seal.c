/*
 * seal.c - sealed boxes whose one-time key comes from a seed.
 */
#include "seal.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

_Static_assert(SEAL_EXTRA == crypto_box_SEALBYTES, "what a seal adds");
_Static_assert(SEAL_SEED == crypto_box_SEEDBYTES, "the seed of a one-time key");

/* As crypto_box_seal() makes it. */
static void nonce_of(const uint8_t once[KEY_BYTES], const uint8_t to[KEY_BYTES],
                     uint8_t out[crypto_box_NONCEBYTES])
{
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, NULL, 0, crypto_box_NONCEBYTES);
	crypto_generichash_update(&hash, once, KEY_BYTES);
	crypto_generichash_update(&hash, to, KEY_BYTES);
	crypto_generichash_final(&hash, out, crypto_box_NONCEBYTES);
}

int seal_close(const uint8_t to[KEY_BYTES], const uint8_t seed[SEAL_SEED], const uint8_t *text,
               size_t n, uint8_t *out)
{
	uint8_t once_pk[KEY_BYTES], once_sk[KEY_BYTES], nonce[crypto_box_NONCEBYTES];
	int status;

	crypto_box_seed_keypair(once_pk, once_sk, seed);
	nonce_of(once_pk, to, nonce);
	status = crypto_box_easy(out + KEY_BYTES, text, n, nonce, to, once_sk);
	memcpy(out, once_pk, KEY_BYTES);
	sodium_memzero(once_sk, sizeof(once_sk));
	sodium_memzero(nonce, sizeof(nonce));
	return status == 0 ? 0 : -EINVAL;
}

int seal_open(const uint8_t pk[KEY_BYTES], const uint8_t sk[KEY_BYTES], const uint8_t *sealed,
              size_t n, uint8_t *out)
{
	return crypto_box_seal_open(out, sealed, n, pk, sk) == 0 ? 0 : -EBADMSG;
}
