/*
 * key.c - public keys of links: as text, as fingerprint, as words for reading aloud.
 */
#include "key.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define PREFIX "gwpk1-"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define CHECK 4
#define BODY (KEY_BYTES + CHECK)

_Static_assert(KEY_TEXT_SIZE == PREFIX_LEN + BODY / 3 * 4 + 1, "a key's text");
_Static_assert(KEY_BYTES == crypto_box_PUBLICKEYBYTES, "a key's size");

/* BLAKE2b-256 of a label and the key. */
static void digest(const char *label, const uint8_t pk[KEY_BYTES], uint8_t out[KEY_BYTES])
{
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, NULL, 0, KEY_BYTES);
	crypto_generichash_update(&hash, (const uint8_t *)label, strlen(label));
	crypto_generichash_update(&hash, pk, KEY_BYTES);
	crypto_generichash_final(&hash, out, KEY_BYTES);
}

static void checksum(const uint8_t pk[KEY_BYTES], uint8_t out[CHECK])
{
	uint8_t whole[KEY_BYTES];

	digest("godwit-link/1 pk", pk, whole);
	memcpy(out, whole, CHECK);
}

void key_fingerprint(const uint8_t pk[KEY_BYTES], uint8_t out[KEY_BYTES])
{
	digest("godwit-link/1 fingerprint", pk, out);
}

void key_text(const uint8_t pk[KEY_BYTES], char out[KEY_TEXT_SIZE])
{
	uint8_t body[BODY];

	memcpy(body, pk, KEY_BYTES);
	checksum(pk, body + KEY_BYTES);
	memcpy(out, PREFIX, PREFIX_LEN);
	sodium_bin2base64(out + PREFIX_LEN, KEY_TEXT_SIZE - PREFIX_LEN, body, sizeof(body),
	                  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Coordinates from 2^255 - 19 on are second names of the first nineteen; with the top bit, of all.
 */
static bool canonical(const uint8_t pk[KEY_BYTES])
{
	static const uint8_t p_high = 0x7f, p_low = 0xed;
	bool high = pk[KEY_BYTES - 1] == p_high;

	for (size_t i = 1; i < KEY_BYTES - 1; i++)
		high = high && pk[i] == 0xff;
	return pk[KEY_BYTES - 1] <= p_high && !(high && pk[0] >= p_low);
}

bool key_usable(const uint8_t pk[KEY_BYTES])
{
	/* Any scalar does: all are multiples of eight, so they take each point of small order, and
	 * no other, to zero. */
	static const uint8_t scalar[KEY_BYTES] = {0x67, 0x6f, 0x64, 0x77, 0x69, 0x74,
	                                          0x2d, 0x6c, 0x69, 0x6e, 0x6b};
	uint8_t shared[KEY_BYTES];

	return canonical(pk) && crypto_scalarmult(shared, scalar, pk) == 0;
}

int key_parse(const char *text, uint8_t pk_out[KEY_BYTES], struct gw_error *why)
{
	uint8_t body[BODY], check[CHECK];
	char again[KEY_TEXT_SIZE];
	size_t n = 0;

	if (strncmp(text, PREFIX, PREFIX_LEN) != 0)
		return gw_fail(why, -EINVAL, "A key of a server begins with " PREFIX ".");
	if (strlen(text) != KEY_TEXT_SIZE - 1)
		return gw_fail(why, -EINVAL, "A key of a server has %d characters; this has %zu.",
		               KEY_TEXT_SIZE - 1, strlen(text));
	if (sodium_base642bin(body, sizeof(body), text + PREFIX_LEN, KEY_TEXT_SIZE - 1 - PREFIX_LEN,
	                      NULL, &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    n != BODY)
		return gw_fail(why, -EINVAL, "The key has a character that no key has.");
	checksum(body, check);
	if (memcmp(check, body + KEY_BYTES, CHECK) != 0)
		return gw_fail(why, -EINVAL,
		               "The key's checksum is wrong: it was not copied whole.");
	key_text(body, again);
	if (strcmp(again, text) != 0) /* the decoder lets some letters pass for others */
		return gw_fail(why, -EINVAL, "The key has a character that no key has.");
	if (!key_usable(body))
		return gw_fail(why, -EINVAL, "That is no usable key: it was made to deceive.");
	memcpy(pk_out, body, KEY_BYTES);
	return 0;
}

void words_of(const uint8_t *p, size_t n, char *out)
{
	static const char consonants[] = "bdfghjklmnprstvz", vowels[] = "aiou";

	for (size_t i = 0; i + 1 < n; i += 2) {
		unsigned w = (unsigned)p[i] << 8 | p[i + 1];

		*out++ = consonants[w >> 12];
		*out++ = vowels[w >> 10 & 3];
		*out++ = consonants[w >> 6 & 15];
		*out++ = vowels[w >> 4 & 3];
		*out++ = consonants[w & 15];
		*out++ = '-';
	}
	out[n >= 2 ? -1 : 0] = '\0';
}

void key_words(const uint8_t pk[KEY_BYTES], char out[KEY_WORDS_SIZE])
{
	uint8_t whole[KEY_BYTES];

	key_fingerprint(pk, whole);
	words_of(whole, KEY_BYTES / 2, out);
}
